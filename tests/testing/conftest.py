"""One run of each sample plant, shared by the tests that only look at it."""

from __future__ import annotations

import polars as pl
import pytest

from zhizao.testing.sample import Truth, run_plant, truth
from zhizao.testing.sample.floor import Floor


@pytest.fixture(scope="session")
def messy() -> Truth:
    return truth("messy")


@pytest.fixture(scope="session")
def good() -> Truth:
    return truth("good")


@pytest.fixture(scope="session")
def frame(messy: Truth) -> pl.DataFrame:
    return run_plant(messy, seed=1)


@pytest.fixture(scope="session")
def floor(messy: Truth) -> Floor:
    return Floor(messy, seed=1, weeks=26).run()
