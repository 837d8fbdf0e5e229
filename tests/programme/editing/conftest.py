"""Small sets of returns that several tests edit."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from zhizao.testing.bad_returns import honest_returns


@pytest.fixture(scope="session")
def honest() -> pl.DataFrame:
    """Fourteen months of 250 enterprises, without errors."""
    return honest_returns(250, 14, np.random.default_rng(42))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(6)
