"""The returns desk in a real browser: from the form to a published figure by four roles, and nobody sees more than theirs."""

from __future__ import annotations

import gc
import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
import yaml

from app.calling import PASSWORD
from app.screenshots import CHROMIUM, launch, settle
from app.serving import Server, start
from zhizao.app import steps
from zhizao.app.access import Access, Role
from zhizao.app.facts import import_facts
from zhizao.app.http.catalogue import TABLES
from zhizao.app.returns_lines import SECTIONS
from zhizao.clock import now
from zhizao.programme.items import items
from zhizao.record import Workspace
from zhizao.testing.sample import ENTERPRISE, generate

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [
    pytest.mark.browser,
    # the driver of the browser lets go of its pipes when it is collected, not when it is closed
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:playwright.*"),
]

OWN, OTHER = ENTERPRISE, "EX-02"
MONTHS = {"en": "2025-03", "zh": "2025-02"}
PEOPLE = {
    "zhao": (Role.REPORTER, OWN),
    "qian": (Role.REPORTER, OTHER),
    "sun": (Role.REVIEWER, "GD-P1"),
    "li": (Role.MANAGER, "GD-P1"),
    "zhou": (Role.MANAGER, "GD"),
    "wu": (Role.MANAGER, "CN"),
    "zheng": (Role.REVIEWER, "GD-P2"),
    "wang": (Role.EVALUATOR, ""),
    "feng": (Role.EVALUATOR, "GD-P2"),
    "chen": (Role.VIEWER, ""),
    "wei": (Role.ADMIN, ""),
}
WORDS = {
    "en": {
        "open": "has not submitted",
        "submitted": "waits for sample park",
        "refused": "sent back, to be corrected",
        "approved": "nation has to publish",
        "published": "published",
        "why": "read the meter again",
        "correction": "water meter read again",
    },
    "zh": {
        "open": "尚未填报",
        "submitted": "待示范园区审核",
        "refused": "已退回，待更正",
        "approved": "待全国发布",
        "published": "已发布",
        "why": "请重新抄表",
        "correction": "水表已重新抄读",
    },
}


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
    """The sample plant below a park, with a second enterprise in another, and people of every role."""
    source, folder = tmp_path_factory.mktemp("sample"), tmp_path_factory.mktemp("served") / "plant"
    generate(source, weeks=8, seed=3)
    folder.mkdir()
    shutil.copy(source / "plant.yaml", folder)
    tree = yaml.safe_load((source / "units.yaml").read_text(encoding="utf-8"))
    tree["units"]["GD-P2"] = {"level": "county", "zh": "第二园区", "en": "second park", "parent": "GD"}
    tree["units"][OTHER] = {"level": "enterprise", "zh": "乙厂", "en": "plant two", "parent": "GD-P2"}
    (folder / "units.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    with Workspace.open(folder) as place:
        steps.import_records(place, source / "records.csv")
        for name in ("meters.csv", "accounts.csv"):
            import_facts(place, source / name, now=now())
    access = Access(folder / "people.db")
    for name, (role, unit) in PEOPLE.items():
        access.add(name, PASSWORD, role, unit)
    access.close()
    made = start(folder, local=False)
    yield made
    made.stop()


class Desk:
    """People at their browsers, each with a context of their own."""

    def __init__(self, browser: Browser, server: Server, lang: str, width: int = 1280) -> None:
        self.browser, self.server, self.lang, self.width = browser, server, lang, width
        self.open: dict[str, Page] = {}
        self.wrong: list[str] = []

    def by(self, name: str) -> Page:
        """The page of a person, signed in."""
        if name not in self.open:
            context = self.context()
            page = context.new_page()
            page.on("pageerror", lambda error: self.wrong.append(str(error)))
            page.on("dialog", lambda dialog: dialog.accept())
            page.goto(self.server.address + "/login?next=/returns")
            page.fill("input[name=name]", name)
            page.fill("input[name=password]", PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_url("**/returns")
            self.open[name] = page
        return self.open[name]

    def context(self) -> BrowserContext:
        made = self.browser.new_context(
            viewport={"width": self.width, "height": 900}, has_touch=self.width < 600, accept_downloads=True
        )
        made.add_cookies([{"name": "zhizao_lang", "value": self.lang, "url": self.server.address}])
        made.set_default_timeout(30_000)
        return made

    def see(self, name: str, month: str, enterprise: str = OWN) -> Page:
        """A person opens a return."""
        page = self.by(name)
        page.goto(f"{self.server.address}/returns?enterprise={enterprise}&period={month}")
        settle(page)
        return page

    def do(self, name: str, month: str, step: str) -> Page:
        """A person opens a return and takes a step that asks for nothing more."""
        page = self.see(name, month)
        with page.expect_navigation():
            page.click(f"[data-zr-do={step}]")
        settle(page)
        return page

    def close(self) -> None:
        for page in self.open.values():
            page.context.close()


@pytest.fixture
def desk(browser: Browser, served: Server) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def open_(lang: str, width: int = 1280) -> Desk:
        made.append(Desk(browser, served, lang, width))
        return made[-1]

    yield open_
    for one in made:
        one.close()
        assert not one.wrong


def complete(page: Page, water: str) -> None:
    """Fill in what the journal leaves, and mend or explain what the checks name."""
    page.fill("#v-water_m3", water)
    for key in items():
        if not page.input_value(f"#v-{key}"):
            page.fill(f"#v-{key}", "0")
    page.fill("#v-operating_cost_cny", "900000")
    page.fill("#v-capacity_cny", "2000000")
    page.wait_for_function("document.querySelector('#zr-verdict h3') === null || document.querySelector('#zr-verdict li')")


def title(page: Page) -> str:
    return page.inner_text("h1.zz-title")


def test_the_form_has_each_of_the_forty_lines_once() -> None:
    assert sorted(key for _, keys in SECTIONS for key in keys) == sorted(items())


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_return_is_submitted_refused_corrected_approved_and_published_by_four_roles(
    desk: Callable[..., Desk], lang: str
) -> None:
    people, month, words = desk(lang), MONTHS[lang], WORDS[lang]
    zhao = people.see("zhao", month)
    assert words["open"] in title(zhao)
    assert zhao.input_value("#v-electricity_kwh") and not zhao.input_value("#v-coal_t")

    # nothing is sent while lines are blank
    zhao.click("[data-zr-do=submit]")
    zhao.wait_for_selector("#zr-told .zz-banner")
    assert words["open"] in title(zhao)
    complete(zhao, "119.25")
    unexplained(zhao)
    with zhao.expect_navigation():
        zhao.click("[data-zr-do=submit]")
    settle(zhao)
    assert words["submitted"] in title(zhao)

    # the evaluator does not see it, the reviewer sends it back with a reason for a line
    assert "119.25" not in people.see("wang", month).content()
    sun = people.see("sun", month)
    assert "119.25" in sun.inner_text("#l-water_m3")
    assert sun.locator("[data-zr-do=approve]").count() == 0
    sun.fill("input[name='why:water_m3']", words["why"])
    with sun.expect_navigation():
        sun.click("[data-zr-do=refuse]")
    settle(sun)
    assert words["refused"] in title(sun)

    zhao = people.see("zhao", month)
    assert words["why"] in zhao.inner_text("#l-water_m3")
    zhao.fill("#v-water_m3", "121.5")
    zhao.click("[data-zr-do=correct]")
    zhao.wait_for_selector("#zr-told .zz-banner")  # a correction needs its reason
    zhao.fill("textarea[name=reason]", words["correction"])
    with zhao.expect_navigation():
        zhao.click("[data-zr-do=correct]")
    settle(zhao)
    assert words["submitted"] in title(zhao)
    versions = zhao.inner_text("details.zz-fold[open]")
    assert "119.25" in versions and "121.5" in versions and words["correction"] in versions

    for name in ("li", "zhou", "wu"):
        assert people.see("wang", month).locator("#zr-form").count() == 0
        people.do(name, month, "approve")
    wu = people.see("wu", month)
    assert words["approved"] in title(wu)
    people.do("wu", month, "publish")

    wang = people.see("wang", month)
    assert words["published"] in title(wang)
    assert "121.5" in wang.inner_text("#l-water_m3")
    for hidden in ("119.25", words["why"], words["correction"], "zhao", "sun"):
        assert hidden not in wang.inner_text("main"), hidden
    history = people.see("zhao", month).inner_text("#zr-history")
    for name in ("zhao", "sun", "li", "zhou", "wu"):
        assert name in history


def unexplained(page: Page) -> None:
    """Write a note on a line of each check that asks for one, until none does."""
    page.wait_for_timeout(1500)
    for _ in range(12):
        asking = page.locator("#zr-verdict li", has=page.locator("button"))
        open_ = [one for one in asking.all() if re.search("a note is asked for|需要说明", one.inner_text())]
        if not open_:
            return
        key = page.evaluate(
            "name => Object.entries(document.querySelector('#zr-form').zr.names).find(([, one]) => one === name)[0]",
            open_[0].locator("button").first.inner_text(),
        )
        page.fill(f"input[name='note:{key}']", "as in the books")
        page.wait_for_timeout(1500)
