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
    pytest.mark.slow,
    pytest.mark.browser,
    # the driver of the browser lets go of its pipes when it is collected, not when it is closed
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:playwright.*"),
]

OWN, OTHER = ENTERPRISE, "EX-02"
MONTHS = {"en": "2025-03", "zh": "2025-04"}
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
        "closed": "Figures of a single enterprise are not shown",
        "list": "published",
        "warnings": "There are no tables to warn from yet",
    },
    "zh": {
        "open": "尚未填报",
        "submitted": "待示范园区审核",
        "refused": "已退回，待更正",
        "approved": "待全国发布",
        "published": "已发布",
        "why": "请重新抄表",
        "correction": "水表已重新抄读",
        "closed": "不展示单个企业的数据",
        "list": "已发布",
        "warnings": "尚无可供预警的数据表",
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
    generate(source, weeks=13, seed=3)
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
            page.wait_for_function("location.pathname === '/returns'")
            settle(page)
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
    page.fill("#v-capacity_cny", "2000000")
    page.wait_for_function(
        "document.querySelector('#zr-verdict h3') === null || document.querySelector('#zr-verdict li')"
    )


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
    assert words["closed"] in wang.inner_text("main")
    assert wang.locator(".zr-line, #zr-form, a[href*='/form']").count() == 0
    for hidden in ("119.25", "121.5", words["why"], words["correction"], "zhao", "sun"):
        assert hidden not in wang.inner_text("main"), hidden
    # from there to what an evaluator may see: the roll-up, and the list of what is published; and the warnings
    wang.click(f"main a[href='/rollup?period={month}']")
    wang.wait_for_function("location.pathname === '/rollup'")
    settle(wang)
    assert "121.5" not in wang.inner_text("main")
    wang.goto(people.server.address + "/returns")
    settle(wang)
    assert words["list"] in title(wang)
    assert wang.locator(".zz-actions a[href='/rollup']").count() == 1
    wang.click("nav.zz-rail a[href^='/warnings']")
    wang.wait_for_function("location.pathname === '/warnings'")
    settle(wang)
    assert words["warnings"] in title(wang)
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


# ---------------------------------------------------------------- nobody gets a cell that is not theirs

SECRET_MONTH, PUBLIC_MONTH = "2024-11", "2024-10"
SECRETS = {
    "own": 9876543211,  # in the return of the plant, not published
    "other": 8765432122,  # in the return of the other enterprise, not published
    "public": 7654321133,  # in a return of the plant that is published
    "refused": 6543210144,  # in a version of it that was sent back before
}
SEES = {
    "zhao": {"own", "public", "refused"},
    "qian": {"other"},
    "zheng": {"other"},
    "wang": set(),
    "feng": set(),
    "chen": set(),
    "sun": {"own", "public", "refused"},
}


def said(page: Page, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """An answer of the API to the person of a page, workbooks unpacked."""
    csrf = page.evaluate("document.querySelector('meta[name=zz-csrf]').content")
    address = page.url.split("/", 3)
    answer = page.request.fetch(
        f"{address[0]}//{address[2]}{path}", method=method, data=body, headers={"x-csrf-token": csrf}
    )
    data = answer.body()
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            data = b"".join(packed.read(name) for name in packed.namelist())
    return answer.status, data.decode("utf-8", "replace").replace(",", "")


def api(enterprise: str, month: str, what: str) -> str:
    return f"/api/v1/returns/{enterprise}/{month}{what}"


def in_secret(people: Desk) -> None:
    """Returns in every state, with figures that cannot be mistaken."""
    full: dict[str, Any] = {**dict.fromkeys(items(), 1.0), "assets_cny": 2.0}

    def step(name: str, enterprise: str, month: str, what: str, body: dict[str, Any]) -> None:
        status, text = said(people.by(name), "POST", api(enterprise, month, f"/{what}"), body)
        assert status == 200, text

    def figures(key: str) -> dict[str, Any]:
        return {"values": {**full, "revenue_cny": SECRETS[key]}, "notes": {"coal_t": f"note {SECRETS[key]}"}}

    step("zhao", OWN, SECRET_MONTH, "submit", figures("own"))
    step("qian", OTHER, SECRET_MONTH, "submit", figures("other"))
    step("zhao", OWN, PUBLIC_MONTH, "submit", figures("refused"))
    why = {"lines": {"revenue_cny": f"is {SECRETS['refused']} right?"}}
    step("sun", OWN, PUBLIC_MONTH, "refuse", why)
    step("zhao", OWN, PUBLIC_MONTH, "correct", {**figures("public"), "reason": "typed wrong"})
    for name in ("li", "zhou", "wu"):
        step(name, OWN, PUBLIC_MONTH, "approve", {})
    step("wu", OWN, PUBLIC_MONTH, "publish", {})


def test_a_role_that_may_not_see_a_cell_gets_it_by_no_page_no_grid_no_export_and_no_call(
    desk: Callable[..., Desk],
) -> None:
    people = desk("en")
    in_secret(people)
    ones = ((OWN, SECRET_MONTH), (OTHER, SECRET_MONTH), (OWN, PUBLIC_MONTH))
    pages = ["/returns", f"/returns?period={SECRET_MONTH}", "/returns?state=submitted", f"/returns?unit={OTHER}"]
    pages += [f"/returns?enterprise={enterprise}&period={month}" for enterprise, month in ones]
    # the month after, where it stands beside as the month before; the facts behind a line
    pages += [f"/returns?enterprise={OWN}&period=2024-12", f"/returns?enterprise={OWN}&period=2025-10"]
    pages += [f"/returns?enterprise={OWN}&period={SECRET_MONTH}&line=revenue_cny"]
    calls = [f"/api/v1/tables/{name}{what}" for name in ("returns",) for what in ("", "?find=9876543211")]
    calls += [f"/api/v1/tables/{name}/export?format={kind}&import=1" for name in TABLES for kind in ("csv", "xlsx")]
    calls += ["/api/v1/returns", "/api/v1/returns/reminders", "/api/v1/search?q=9876543211"]
    for enterprise, month in (*ones, (OWN, "2024-12")):
        calls += [api(enterprise, month, what) for what in ("", "/filled", "/form", "/before", "/facts/revenue_cny")]
    draft = {"values": dict.fromkeys(items(), 1.0)}
    for name, may in SEES.items():
        page, found = people.by(name), set()

        def look(text: str, where: str, name: str = name, may: set[str] = may, found: set[str] = found) -> None:
            seen = {key for key, value in SECRETS.items() if str(value) in text}
            assert seen <= may, f"{name} sees {seen - may} at {where}"
            found |= seen

        for path in pages:
            page.goto(people.server.address + path)
            settle(page)
            look(page.content().replace(",", ""), path)
        on_pages = set(found)
        for path in calls:
            look(said(page, "GET", path)[1], path)
        for enterprise, month in (*ones, (OWN, "2024-12")):
            status, text = said(page, "POST", api(enterprise, month, "/check"), draft)
            look(text, f"check {enterprise}/{month}")
            assert status == (
                200
                if ("own" in may and enterprise == OWN) or (name in ("qian", "zheng") and enterprise == OTHER)
                else 403
            )
        assert on_pages == found == may, f"{name} should also see {may - on_pages}"


def test_faults_of_an_uploaded_form_are_told_cell_by_cell_and_a_whole_one_is_submitted(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    people, month = desk("zh"), "2025-05"
    page = people.see("zhao", month)
    with page.expect_download() as loading:
        page.click("a[href*='/form?']")
    file = tmp_path / "mine.xlsx"
    loading.value.save_as(file)
    page.set_input_files("#zr-upload input[type=file]", file)
    page.click("#zr-upload button")
    page.wait_for_selector("#zr-faults table")
    told = page.inner_text("#zr-faults")
    assert "mine.xlsx, Return 报表!E" in told and "空白" in told
    book = openpyxl.load_workbook(file)
    sheet = book.active
    assert sheet is not None
    for row in range(6, 46):
        if sheet.cell(row, 5).value is None:
            sheet.cell(row, 5).value = 0
    sheet.cell(6 + list(items()).index("capacity_cny"), 5).value = 2_000_000
    book.save(file)
    page.set_input_files("#zr-upload input[type=file]", file)
    with page.expect_navigation():
        page.click("#zr-upload button")
    settle(page)
    assert WORDS["zh"]["submitted"] in title(page)
    # taken back while nobody has approved it
    with page.expect_navigation():
        page.click("[data-zr-do=withdraw]")
    settle(page)
    assert "已撤回" in title(page)


def test_the_form_names_failed_checks_by_line_keeps_what_was_typed_and_opens_down_to_the_facts(
    desk: Callable[..., Desk],
) -> None:
    people, month = desk("en"), "2025-05"
    page = people.see("zhao", month)
    page.fill("#v-products_made", "10")
    page.fill("#v-products_defective", "12")
    page.wait_for_selector("#l-products_defective .zr-check >> text=more defective pieces than made")
    page.fill("#v-waste_used_t", "12 tons")
    page.wait_for_selector("#l-waste_used_t .zr-check >> text=not a number")
    # Enter goes to the next value and submits nothing
    page.focus("#v-revenue_cny")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "v-output_cny"
    page.reload()
    settle(page)
    page.wait_for_selector(".zr-kept:visible")
    assert page.input_value("#v-products_defective") == "12"
    page.click("#l-water_m3 details.zr-from summary")
    with page.expect_navigation():
        page.click("#l-water_m3 a.zr-link")
    settle(page)
    assert "Water used" in title(page)
    page.wait_for_selector("text=Facts of the journal: ")
    admin = people.by("wei")
    admin.goto(page.url)
    settle(admin)
    with admin.expect_navigation():
        admin.click("main td a.zr-link >> nth=0")
    settle(admin)
    assert "/journal?event=" in admin.url and "Fact" in title(admin)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_thumb_reaches_everything_of_a_return_on_a_phone(desk: Callable[..., Desk], lang: str) -> None:
    people = desk(lang, 390)
    for name, path in (
        ("zhao", "/returns"),
        ("zhao", f"/returns?enterprise={OWN}&period=2025-05"),
        ("sun", f"/returns?enterprise={OWN}&period={MONTHS['en']}"),
    ):
        page = people.by(name)
        page.goto(people.server.address + path)
        settle(page)
        page.wait_for_timeout(1500)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        small = page.evaluate(
            """[...document.querySelectorAll('main button, main a.zz-btn, main a.zr-link, main a.zr-todo, main select, '
              + 'main summary, main .zr-line input, main textarea')]
            .filter(one => one.offsetParent !== null && !one.closest('.ag-root-wrapper'))
            .map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
            .filter(([, box]) => box.height > 0 && box.height < 43.5).map(([words, box]) => words + ' ' + box.height)"""
        )
        assert not small, path


def test_an_admin_gives_somebody_a_role_and_a_unit(desk: Callable[..., Desk]) -> None:
    people = desk("en")
    page = people.by("wei")
    page.goto(people.server.address + "/people")
    settle(page)
    form = page.locator("form:has(input[name=password])")
    form.locator("input[name=name]").fill("jiang")
    form.locator("input[name=password]").fill(PASSWORD)
    form.locator("select[name=role]").select_option("reviewer")
    form.locator("select[name=unit]").select_option("GD-P1")
    with page.expect_navigation():
        form.locator("button").click()
    settle(page)
    chosen = page.locator("select[aria-label='Unit of jiang']")
    assert chosen.input_value() == "GD-P1"
    with page.expect_navigation():
        chosen.select_option("GD-P2")
    settle(page)
    assert page.locator("select[aria-label='Unit of jiang']").input_value() == "GD-P2"
    jiang = people.by("jiang")
    assert "second park" in title(jiang)
