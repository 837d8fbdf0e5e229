"""Stages of long work are told with their share and the time that is left, in the reader's language."""

from __future__ import annotations

import pytest

from zhizao.app.cli import show


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the test moves by hand."""
    now = [0.0]
    monkeypatch.setattr(show.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("lang", "line"),
    [("en", "levers together, round 2: 25 %, about 30 s left\n"), ("zh", "组合试验措施，第 2 轮: 25 %，约剩 30 秒\n")],
)
def test_a_stage_tells_its_share_and_what_is_left(
    clock: list[float], capsys: pytest.CaptureFixture[str], lang: str, line: str
) -> None:
    with show.progress_bar(lang=lang) as tell:
        tell("levers together, round 2", 0.0)
        clock[0] = 10.0
        tell("levers together, round 2", 0.25)
    assert capsys.readouterr().err == line


def test_what_is_done_soon_says_nothing(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with show.progress_bar(lang="en") as tell:
        for share in range(11):
            clock[0] += 0.15
            tell("record", share / 10)
    assert capsys.readouterr().err == ""
