"""Short records of both sample plants and one pilot on each, shared by the tests that only look."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from pilot_plants import ACCOUNT, WEEKS, plant_of

from zhizao.decide.twin.mechanism import Mechanism, Scene
from zhizao.model import WorkLog
from zhizao.pilot import Pilot, run_pilot
from zhizao.testing.sample import records, truth


@pytest.fixture(scope="session")
def log_of() -> Callable[[str], WorkLog]:
    """Eight weeks of records by kind of plant."""

    @cache
    def of(kind: str) -> WorkLog:
        return records(truth(kind), seed=1, weeks=WEEKS)

    return of


@pytest.fixture(scope="session")
def mechanism(log_of: Callable[[str], WorkLog]) -> Mechanism:
    return Mechanism.fit(log_of("messy"))


@pytest.fixture(scope="session")
def scene(mechanism: Mechanism) -> Scene:
    return mechanism.replay(np.random.default_rng(1))


@pytest.fixture(autouse=True)
def _no_schedule(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A schedule renewed all the time takes most of a pilot's time; it is tried where a test asks for it."""
    if "with_schedule" not in request.keywords:
        monkeypatch.setattr("zhizao.pilot.run._SCHEDULED_STEPS", 0)


@pytest.fixture(scope="session")
def pilot_of(log_of: Callable[[str], WorkLog]) -> Callable[[str], Pilot]:
    """The pilot on either plant, three paired runs a set."""

    @cache
    def of(kind: str) -> Pilot:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("zhizao.pilot.run._SCHEDULED_STEPS", 0)
            return run_pilot(log_of(kind), plant_of(kind), records=ACCOUNT, seed=1, runs=3, workers=1)

    return of
