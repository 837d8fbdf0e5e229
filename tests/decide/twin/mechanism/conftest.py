"""The sample plants' records and what is learned from them, once for all tests that only look."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from zhizao.decide.twin.mechanism import Mechanism
from zhizao.model import WorkLog
from zhizao.testing.sample import Truth, records, truth


@pytest.fixture(scope="session")
def plant_truth() -> Truth:
    return truth("messy")


@pytest.fixture(scope="session")
def recorded() -> Callable[[str, int], WorkLog]:
    """Half a year of records by kind of plant and seed."""

    @cache
    def of(kind: str, seed: int) -> WorkLog:
        return records(truth(kind), seed=seed)

    return of


@pytest.fixture(scope="session")
def fitted(recorded: Callable[[str, int], WorkLog]) -> Callable[[str, int], Mechanism]:
    """What is learned from `recorded`, before calibration."""

    @cache
    def of(kind: str, seed: int) -> Mechanism:
        return Mechanism.fit(recorded(kind, seed))

    return of


@pytest.fixture(scope="session")
def calibrated(fitted: Callable[[str, int], Mechanism]) -> Callable[[str, int], Mechanism]:
    @cache
    def of(kind: str, seed: int) -> Mechanism:
        return fitted(kind, seed).calibrated(np.random.default_rng(0))

    return of


@pytest.fixture(scope="session")
def learned(fitted: Callable[[str, int], Mechanism]) -> Mechanism:
    """The messy plant, as learned from half a year of its records."""
    return fitted("messy", 1)
