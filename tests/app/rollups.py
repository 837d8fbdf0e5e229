"""A workspace with the published returns of sixty enterprises and the sample plant, for tests of roll-ups."""

from __future__ import annotations

import shutil
from pathlib import Path

from zhizao.app import steps
from zhizao.app.facts import import_facts
from zhizao.app.returns_sample import add_returns
from zhizao.clock import now
from zhizao.record import Workspace
from zhizao.testing.sample import generate

__all__ = ["MONTHS", "make"]

MONTHS = ("2024-03", "2025-03")


def make(folder: Path, source: Path) -> Path:
    """Five weeks of the sample plant, its return of March, and sixty others."""
    generate(source, weeks=5, seed=3)
    folder.mkdir(parents=True)
    for name in ("plant.yaml", "units.yaml"):
        shutil.copy(source / name, folder)
    with Workspace.open(folder) as place:
        steps.import_records(place, source / "records.csv")
        for name in ("meters.csv", "accounts.csv"):
            import_facts(place, source / name, now=now())
    add_returns(folder, months=MONTHS)
    return folder
