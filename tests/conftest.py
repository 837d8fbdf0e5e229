"""Fixtures that more than one part of the tests needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# the same cases every day, so that a change is to blame for a failure; ZHIZAO_RANDOM=1 looks for new ones
settings.register_profile("everyday", derandomize=True)
settings.register_profile("random", derandomize=False)
settings.load_profile("random" if os.environ.get("ZHIZAO_RANDOM") else "everyday")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the public data sets; a test that needs one is skipped where they are absent."""
    folder = Path(os.environ.get("ZHIZAO_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("public data sets are absent: set ZHIZAO_SHARED to the folder that has data/")
    return folder
