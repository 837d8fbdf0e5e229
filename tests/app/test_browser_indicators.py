"""The page Indicators in a real browser: the board, one indicator in full, own data, an adjusted target, the report."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.screenshots import CHROMIUM, launch, settle
from app.serving import Server, call, finish, start
from app.test_browser import context_of, watched
from zhizao.app.pages.indicator_own import EXAMPLE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:playwright.*"),
]

TABS = ("", "?tab=compare&ids=IND01,IND03,IND09", "?tab=table", "?tab=own", "?tab=report", "?id=IND08", "?id=IND12")


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
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An empty workspace, without sign-in: the published values are shipped."""
    made = start(tmp_path_factory.mktemp("indicators") / "workspace")
    yield made
    made.stop()


@pytest.mark.parametrize(("lang", "width", "scheme"), [("en", 1280, "light"), ("zh", 390, "dark")])
def test_every_part_fits_speaks_its_language_and_asks_nobody_else(
    browser: Browser, served: Server, lang: str, width: int, scheme: str
) -> None:
    context = context_of(browser, served.address, width=width, lang=lang, scheme=scheme)
    page, hosts, wrong = watched(context)
    for path in TABS:
        page.goto(f"{served.address}/indicators{path}")
        settle(page)
        inside, outside = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert inside <= outside, f"{path} scrolls sideways at {width}"
        title = page.inner_text("h1.zz-title")
        assert bool(re.search(r"[\u4e00-\u9fff]", title)) is (lang == "zh"), f"{path}: {title}"
    context.close()
    assert set(hosts) == {"127.0.0.1"}
    assert not wrong


def test_the_board_says_how_the_twelve_stand_and_a_card_opens_one_in_full(browser: Browser, served: Server) -> None:
    context = context_of(browser, served.address)
    page, _, wrong = watched(context)
    page.goto(f"{served.address}/indicators?as_of=2026-06-30&values=published")
    settle(page)
    title = page.inner_text("h1.zz-title")
    assert title == "Of 12 indicators, 5 have reached 2025, 1 is on track, 2 are off track, 4 cannot be judged"
    assert page.locator("a[data-indicator]").count() == 12
    page.click("a[data-indicator=IND08]")
    page.wait_for_url("**id=IND08**")
    settle(page)
    page.wait_for_selector(".zz-chart svg")
    assert page.is_visible("text=Why this state")
    assert page.is_visible("text=How far the intervals can be trusted")
    page.wait_for_selector("text=MIIT-2025-07-18")
    page.go_back()
    settle(page)
    page.select_option("select[name=set]", "14fyp")
    page.wait_for_url("**set=14fyp**")
    settle(page)
    assert page.locator("a[data-indicator]").count() < 12
    context.close()
    assert not wrong


def test_faults_of_own_data_are_shown_by_place_and_good_data_is_taken(browser: Browser, served: Server) -> None:
    context = context_of(browser, served.address)
    page, _, _ = watched(context)
    page.goto(f"{served.address}/indicators?tab=own")
    settle(page)
    rows = "indicator,year,value,source\nIND02,2030,1,<img src=x onerror=document.title='bad'>\nIND02,2020,abc,\n"
    page.set_input_files("#values input[type=file]", {"name": "v.csv", "mimeType": "text/csv", "buffer": rows.encode()})
    page.click("#values button")
    page.wait_for_selector("#zz-said [role=alert]")
    assert page.locator("#zz-said li").count() == 2
    assert "v.csv, row 3" in page.inner_text("#zz-said")
    rows = rows.replace("2030", "2019").replace("abc", "0.95")
    page.set_input_files("#values input[type=file]", {"name": "v.csv", "mimeType": "text/csv", "buffer": rows.encode()})
    page.click("#values button")
    page.wait_for_selector("h1:has-text('2 own values')")
    page.fill("textarea[name=text]", EXAMPLE.replace("kind: level", "kind: leval"))
    page.click("#definitions button")
    page.wait_for_selector("#zz-said [role=alert]")
    assert "indicators 1 (PARK.scrap)" in page.inner_text("#zz-said")
    page.fill("textarea[name=text]", EXAMPLE)
    page.click("#definitions button")
    page.wait_for_selector("h1:has-text('1 own or changed definitions')")
    page.goto(f"{served.address}/indicators?id=IND02")
    settle(page)
    page.wait_for_selector("text=onerror")  # as text
    assert "bad" not in page.title()
    context.close()


def test_a_target_is_adjusted_after_its_effect_was_seen(browser: Browser, served: Server) -> None:
    context = context_of(browser, served.address)
    page, _, wrong = watched(context)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{served.address}/indicators?id=IND09")
    settle(page)
    page.click("text=Adjust a target")
    page.wait_for_selector("#adjust")
    page.select_option("#adjust select", "plan2025|2025")
    page.fill("#adjust input[name=value]", "-28")
    page.fill("#adjust input[name=reason]", "energy mix")
    page.click("#adjust button")
    page.wait_for_selector("text=The new target is easier to reach")
    page.click("button:has-text('Adjust the target')")
    page.wait_for_selector("text=energy mix")
    settle(page)
    assert page.inner_text("h1.zz-title").endswith("target of 2025 at risk")
    assert "version 2" in page.inner_text(".zz-sub")
    context.close()
    assert not wrong


def test_a_report_is_taken_away_verified_and_printed(browser: Browser, served: Server, tmp_path: Path) -> None:
    context = context_of(browser, served.address)
    page, _, _ = watched(context)
    page.goto(f"{served.address}/indicators?tab=report&as_of=2026-06-30")
    settle(page)
    with page.expect_download() as caught:
        page.click("text=HTML in Chinese")
    file = tmp_path / "report.html"
    caught.value.save_as(file)
    page.set_input_files("#verify input[type=file]", file)
    page.click("#verify button")
    page.wait_for_selector("text=The report is what its inputs give")
    context.close()
    job = call(served.address, "POST", "/api/v1/evaluation/report?as_of=2026-06-30", {})["id"]
    assert finish(served.address, job) == "done"
