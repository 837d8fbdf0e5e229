"""The frame of a page: what cannot be shown is told in the place where it would have been, in both languages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace, TracebackType
from typing import Any, Self, cast

import pytest

from zhizao.app.access import LOCAL
from zhizao.app.desk import Desk, Period
from zhizao.app.pages import shell
from zhizao.app.pages.shell import Frame
from zhizao.app.texts import Words
from zhizao.errors import InputError


class Box:
    """A place on a page: what is said in it, until it is cleared."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def style(self, _: str) -> Self:
        return self

    def clear(self) -> None:
        self.said.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Box:
    made = Box()
    monkeypatch.setattr(shell, "ui", SimpleNamespace(element=lambda _: made))
    monkeypatch.setattr(shell, "raw", lambda text, **_: made.said.append(text))
    return made


def frame(lang: str) -> Frame:
    desk = cast(Desk, SimpleNamespace(name="plant", version="0"))
    return Frame(desk, LOCAL, Words(lang, "UTC"), "rollup", "/rollup", {}, Period(), "", True, None)


def half_shown(error: Exception) -> Callable[[Any], None]:
    def show(_: Any) -> None:
        shell.raw("<p>half of a page</p>")
        raise error

    return show


@pytest.mark.parametrize(
    ("lang", "title", "cure"),
    [("en", "This page could not be made", "Look into the log"), ("zh", "页面无法生成", "请查看服务器日志")],
)
def test_a_page_that_cannot_show_what_was_found_says_so_instead_of_staying_blank(
    box: Box, lang: str, title: str, cure: str
) -> None:
    asyncio.run(frame(lang).ready(lambda: 1, half_shown(KeyError("revenue")), quick=True))
    told = "".join(box.said)
    assert title in told
    assert cure in told
    assert "/rollup" in told
    assert 'role="alert"' in told
    assert "half of a page" not in told


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_error_on_purpose_is_shown_with_its_own_words(box: Box, lang: str) -> None:
    error = InputError("there is no such month", where="period", fix="choose another", code="bad_period_x")
    asyncio.run(frame(lang).ready(lambda: 1, half_shown(error), quick=True))
    told = "".join(box.said)
    assert "there is no such month" in told
    assert "choose another" in told
    assert "half of a page" not in told


def test_what_is_awaited_while_it_is_shown_may_fail_too(box: Box) -> None:
    async def show(_: Any) -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    asyncio.run(frame("en").ready(lambda: 1, show, quick=True))
    assert "ZeroDivisionError" in "".join(box.said)


def test_what_can_be_shown_stays(box: Box) -> None:
    asyncio.run(frame("en").ready(lambda: "all", lambda found: shell.raw(found), quick=True))
    assert box.said == ["all"]
