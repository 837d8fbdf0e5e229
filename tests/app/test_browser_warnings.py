"""Warnings and Release in a real browser: from an empty workspace to a warning opened, from a plan to figures that leave."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.screenshots import CHROMIUM, launch, settle
from app.serving import Server, call, finish, start
from app.test_browser import context_of, watched
from zhizao.testing.industry_series import industry_series

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:playwright.*"),
]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser: install Chromium so that {CHROMIUM} is there")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        made = launch(play)
        yield made
        made.close()
    gc.collect()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With generated industries judged, and one release out, one early, one held."""
    made = start(tmp_path_factory.mktemp("warned") / "workspace")
    call(made.address, "POST", "/api/v1/warnings/sample", {})
    job = call(made.address, "POST", "/api/v1/warnings", {})["id"]
    for name, year, at, roles in (
        ("OUT", "2020", "2021-06-01T10:00", []),
        ("EARLY", "2021", "2199-01-01T10:00", ["admin"]),
        ("HELD", "2022", "2199-02-01T10:00", []),
    ):
        plan = {"source": "indicators", "period": year, "at": at, "zh": f"{year}年指标", "en": f"Indicators {year}"}
        early = {"early_roles": roles, "early_hours": 720}
        call(made.address, "POST", "/api/v1/releases", {"id": name, **plan, **early})
    assert finish(made.address, job) == "done"
    yield made
    made.stop()


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_both_pages_fit_speak_their_language_and_ask_nobody_else(
    browser: Browser, server: Server, lang: str, width: int, scheme: str
) -> None:
    context = context_of(browser, server.address, width=width, lang=lang, scheme=scheme)
    page, hosts, wrong = watched(context)
    key = call(server.address, "GET", "/api/v1/warnings")["warnings"][0]["key"]
    for path in (
        "/warnings",
        f"/warnings?warning={key}",
        "/warnings?warning=nothing",
        "/release",
        "/release?release=OUT",
        "/release?release=EARLY",
        "/release?release=HELD",
    ):
        page.goto(server.address + path)
        settle(page)
        inside, outside = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert inside <= outside, f"{path} scrolls sideways at {width}"
        assert bool(CHINESE.search(page.inner_text("h1.zz-title"))) is (lang == "zh"), path
    context.close()
    assert set(hosts) == {"127.0.0.1"}
    assert not wrong


def test_a_table_is_dropped_judged_and_its_warning_opened(browser: Browser, tmp_path: Path) -> None:
    made = start(tmp_path / "workspace")
    file = tmp_path / "industries.csv"
    industry_series(np.random.default_rng(5), count=12, months=132, episodes=0.9).frame.write_csv(file)
    try:
        context = context_of(browser, made.address)
        page, _, wrong = watched(context)
        page.goto(made.address + "/warnings")
        settle(page)
        assert page.inner_text("h1.zz-title") == "There are no tables to warn from yet"
        page.set_input_files("input[type=file]", str(file))
        page.wait_for_selector("text=The tables have not been judged yet")
        settle(page)
        page.fill("input[name=as_of]", "2020-12")
        page.click("text=Judge >> nth=-1")
        page.wait_for_selector("[role=progressbar], table", timeout=30_000)
        page.wait_for_selector("h1:has-text('as of 2020-12')", timeout=120_000)
        settle(page)
        page.select_option("select[name=kind]", "over-capacity")
        page.wait_for_url("**kind=over-capacity*")
        settle(page)
        page.click(".zz-table a >> nth=0")
        page.wait_for_url("**warning=over-capacity*")
        settle(page)
        assert page.locator(".zz-chart svg").count() >= 5
        assert page.is_visible("text=What can be done")
        page.go_back()
        page.wait_for_selector("select[name=kind]")
        with page.expect_download() as got:
            page.click("text=Excel")
        assert got.value.suggested_filename == "warnings-2020-12.xlsx"
        context.close()
        assert not wrong
    finally:
        made.stop()


def test_a_release_is_planned_on_the_page_and_withdrawn_with_a_reason(browser: Browser, tmp_path: Path) -> None:
    made = start(tmp_path / "workspace")
    try:
        context = context_of(browser, made.address, lang="zh")
        page, _, wrong = watched(context)
        page.goto(made.address + "/release")
        settle(page)
        page.fill("input[name=id]", "PLAN-2020")
        page.fill("input[name=zh]", "二〇二〇年指标")
        page.fill("input[name=en]", "Indicators 2020")
        page.select_option("select[name=source]", "indicators")
        page.fill("input[name=period]", "2020")
        page.fill("input[name=at]", "2199-06-01T10:00")
        page.check("input[name=early_roles][value=reviewer]")
        page.check("input[name=early_roles][value=evaluator]")
        page.click("button:has-text('保存计划')")
        page.wait_for_selector("table >> text=保密中")
        told = call(made.address, "GET", "/api/v1/releases")["rows"][0]
        assert told["early_roles"] == ["reviewer", "evaluator"]
        assert told["at"] == "2199-06-01T02:00:00Z"
        page.click("text=二〇二〇年指标 >> nth=-1")
        page.wait_for_url("**release=PLAN-2020")
        settle(page)
        assert page.is_visible("text=此前不展示")
        assert page.locator("a[href*='/data?']").count() == 0
        page.fill("input[name=at]", "2021-06-01T10:00")
        page.click("button:has-text('保存计划')")
        page.wait_for_selector("table >> text=已发布")
        page.goto(made.address + "/release?release=PLAN-2020")
        settle(page)
        assert page.locator(".zz-table tbody tr").count() > 3
        with page.expect_download() as got:
            page.click("text=SDMX-CSV")
        assert got.value.suggested_filename == "PLAN-2020.csv"
        page.click("summary:has-text('撤回')")
        page.fill("input[name=reason]", "来源更正")
        page.click("button:has-text('撤回')")
        page.wait_for_selector("text=来源更正")
        assert page.locator("a[href*='/data?']").count() == 0
        context.close()
        assert not wrong
    finally:
        made.stop()
