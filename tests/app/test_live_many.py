"""Fifty open live pages: all are sent what has changed, from one worker."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_fifty_pages_are_all_sent_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    from benchmarks.live import latencies

    assert latencies(clients=50, changes=20)["lost"] == 0  # how soon is printed by `python -m benchmarks live`
