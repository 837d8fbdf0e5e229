"""The pages in a real browser: sign-in, import, languages, phone, keyboard, exports, and nothing from outside."""

from __future__ import annotations

import gc
import json
import re
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from app.screenshots import CHROMIUM, PAGES, launch, settle
from app.serving import Server, call, finish, start
from zhizao.app import steps
from zhizao.record import Workspace

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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser: install Chromium so that {CHROMIUM} is there")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        made = launch(play)
        yield made
        made.close()
    gc.collect()  # what the driver leaves behind is told here, where it is known, not in somebody else's test


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, records: Path) -> Iterator[Server]:
    """With the sample plant, without sign-in."""
    made = start(tmp_path_factory.mktemp("served") / "workspace")
    job = call(made.address, "POST", "/api/v1/sample", {"weeks": 4})["id"]
    assert finish(made.address, job) == "done"
    yield made
    made.stop()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Empty, with sign-in."""
    made = start(tmp_path_factory.mktemp("guarded") / "workspace", local=False)
    yield made
    made.stop()


def context_of(
    browser: Browser, address: str, *, width: int = 1280, lang: str = "en", scheme: str = "light"
) -> BrowserContext:
    made = browser.new_context(
        viewport={"width": width, "height": 844 if width < 600 else 900},
        has_touch=width < 600,
        color_scheme="dark" if scheme == "dark" else "light",
        accept_downloads=True,
    )
    made.add_cookies([{"name": "zhizao_lang", "value": lang, "url": address}])
    made.set_default_timeout(30_000)
    return made


def watched(context: BrowserContext) -> tuple[Page, list[str], list[str]]:
    """A page, the hosts that it asked, and what went wrong in it."""
    page = context.new_page()
    hosts: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: hosts.append(urlsplit(request.url).hostname or ""))
    page.on("websocket", lambda socket: hosts.append(urlsplit(socket.url).hostname or ""))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    return page, hosts, wrong


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits_speaks_its_language_and_asks_nobody_else(
    browser: Browser, server: Server, lang: str, width: int
) -> None:
    context = context_of(browser, server.address, width=width, lang=lang)
    page, hosts, wrong = watched(context)
    for path in PAGES:
        page.goto(server.address + path)
        settle(page)
        inside, outside = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert inside <= outside, f"{path} scrolls sideways at {width}"
        title = page.inner_text("h1.zz-title")
        assert bool(re.search(r"[\u4e00-\u9fff]", title)) is (lang == "zh"), f"{path}: {title}"
        assert page.get_attribute("html", "lang") == ("zh-CN" if lang == "zh" else "en")
        assert page.title().startswith(title[:20])
    context.close()
    assert set(hosts) == {"127.0.0.1"}
    assert not wrong


def test_nobody_sees_a_page_before_signing_in(browser: Browser, guarded: Server) -> None:
    context = context_of(browser, guarded.address)
    page, hosts, _ = watched(context)
    page.goto(guarded.address + "/orders?from=2025-01-01")
    assert "/login" in page.url
    page.fill("input[name=name]", "admin")
    page.fill("input[name=password]", "not the password")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    page.fill("input[name=password]", guarded.password)
    page.keyboard.press("Enter")
    page.wait_for_selector("h1.zz-title")
    assert page.url.endswith("/orders?from=2025-01-01")
    assert page.is_visible("text=No records yet")
    cookie = next(one for one in context.cookies() if one["name"] == "zhizao_session")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    page.click("summary[aria-label=Account]")
    page.click("text=Sign out")
    page.wait_for_url("**/login")
    context.close()
    assert set(hosts) == {"127.0.0.1"}


def test_a_file_is_uploaded_understood_changed_and_imported(browser: Browser, tmp_path: Path, records: Path) -> None:
    made = start(tmp_path / "workspace")
    try:
        context = context_of(browser, made.address)
        page, _, wrong = watched(context)
        page.goto(made.address + "/import")
        settle(page)
        page.set_input_files("input[type=file]", str(records))
        page.wait_for_url("**/import?upload=*")
        settle(page)
        select = page.locator('select[name="col:Operator"]')
        assert select.input_value() == "person"
        assert page.is_visible("text=ends before it starts")
        with page.expect_navigation():
            select.select_option("")
        settle(page)
        assert page.locator('select[name="col:Operator"]').input_value() == ""
        page.locator("button.primary", has_text="Import").click()
        page.wait_for_selector("text=rows were stored", timeout=60_000)
        found = call(made.address, "GET", "/api/v1/account")
        assert found["balance"]
        assert found["read"] == found["stored"] + found["rejected"] + found["duplicate"]
        page.click("text=Open in the account of records")
        settle(page)
        page.wait_for_selector(".ag-row >> text=ends before it starts")
        assert call(made.address, "GET", "/api/v1/tables/operations?find=P0")["total"] == 0
        context.close()
        assert not wrong
    finally:
        made.stop()


def test_a_file_that_cannot_be_read_is_told_once_in_the_language_of_the_page(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.xlsx"
    bad.write_bytes(bytes(range(7, 250)) * 9)
    context = context_of(browser, server.address, lang="zh")
    page, _, _ = watched(context)
    page.goto(server.address + "/import")
    settle(page)
    page.set_input_files(".zz-drop input[type=file]", bad)
    page.wait_for_url("**/import?upload=*")
    settle(page)
    assert page.inner_text("h1.zz-title") == "无法读取 bad.xlsx"
    banners = page.locator(".zz-banner")
    assert banners.count() == 1
    assert "文件名为 Excel 工作簿，内容却不是" in banners.inner_text()
    assert "请用 Excel 打开" in banners.inner_text()
    context.close()


def test_a_needed_column_that_was_not_found_is_asked_for(browser: Browser, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    rows = [f"A{n},turn,2025-03-0{n} 08:00,2025-03-0{n} 09:00" for n in range(1, 8)]
    file.write_text("\n".join(["foo,Operation,Start,End", *rows]) + "\n", encoding="utf-8")
    context = context_of(browser, server.address)
    page, _, _ = watched(context)
    page.goto(server.address + "/import")
    settle(page)
    page.set_input_files(".zz-drop input[type=file]", file)
    page.wait_for_url("**/import?upload=*")
    settle(page)
    assert page.locator(".zz-banner").count() == 1
    assert "No column is taken for" in page.locator(".zz-banner").inner_text()
    with page.expect_navigation():
        page.locator("select[name='col:foo']").select_option("order")
    settle(page)
    page.wait_for_selector("text=7 rows")
    context.close()


def test_where_the_records_name_people_only_the_rows_are_people(browser: Browser, tmp_path: Path) -> None:
    rows = [f"A{n},turn,Worker {n % 3},2025-03-0{n} 08:00,2025-03-0{n} 09:00" for n in range(1, 9)]
    file = tmp_path / "records.csv"
    file.write_text("\n".join(["Order,Operation,Operator,Start,End", *rows]) + "\n", encoding="utf-8")
    with Workspace.open(tmp_path / "workspace") as place:
        steps.import_records(place, file)
    made = start(tmp_path / "workspace")
    context = context_of(browser, made.address)
    page, _, _ = watched(context)
    page.goto(made.address + "/orders")
    settle(page)
    assert page.locator("select[name=by] option").evaluate_all("all => all.map(one => one.value)") == [
        "person",
        "order",
    ]
    page.goto(made.address + "/machines")
    settle(page)
    with page.expect_navigation():
        page.click("text=See the work of each person")
    assert page.url.endswith("/orders?by=person")
    context.close()
    made.stop()


def test_an_unknown_address_of_the_api_is_answered_in_json(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError) as wrong:
        call(server.address, "GET", "/api/v1/nothing/at/all")
    with wrong.value as answer:
        assert answer.code == 404
        assert json.loads(answer.read())["code"] == "http_404"
    with pytest.raises(urllib.error.HTTPError) as wrong:
        call(server.address, "DELETE", "/api/v1/figures")
    with wrong.value as answer:
        assert answer.code == 405
        assert json.loads(answer.read())["code"] == "http_405"


@pytest.mark.parametrize("path", ["/costs", "/defects", "/machines"])
def test_nothing_lies_over_the_title_of_a_chart_on_a_phone(browser: Browser, server: Server, path: str) -> None:
    context = context_of(browser, server.address, width=390)
    page, _, _ = watched(context)
    page.goto(server.address + path)
    settle(page)
    covered = page.evaluate(
        """() => [...document.querySelectorAll('.zz-charttools button')].filter((button) => {
        const a = button.getBoundingClientRect(), title = button.closest('.zz-card')?.querySelector('h2');
        if (!title) return false;
        const range = document.createRange(); range.selectNodeContents(title);
        return [...range.getClientRects()].some((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom);
        }).length"""
    )
    assert page.locator(".zz-charttools button").count() > 0
    assert covered == 0
    context.close()


def test_the_language_changes_in_the_middle_of_a_page_and_stays(browser: Browser, server: Server) -> None:
    context = context_of(browser, server.address)
    page, _, _ = watched(context)
    page.goto(server.address + "/orders?product=GE-410")
    settle(page)
    page.click("summary[aria-label=Language]")
    with page.expect_navigation():
        page.click("text=中文")
    settle(page)
    assert "product=GE-410" in page.url
    assert page.locator("nav.zz-rail >> text=订单").is_visible()
    page.goto(server.address + "/machines")
    settle(page)
    assert page.locator("nav.zz-rail >> text=设备").is_visible()
    context.close()


def test_dark_follows_the_system_and_can_be_chosen(browser: Browser, server: Server) -> None:
    context = context_of(browser, server.address, scheme="dark")
    page, _, _ = watched(context)
    page.goto(server.address + "/")
    settle(page)
    back = "getComputedStyle(document.querySelector('.zz-top')).backgroundColor"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    dark = page.evaluate(back)
    page.click("summary[aria-label=Theme]")
    with page.expect_navigation():
        page.click("text=Light")
    settle(page)
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.evaluate(back) != dark
    context.close()


def test_a_thumb_reaches_everything_on_a_phone(browser: Browser, server: Server) -> None:
    context = context_of(browser, server.address, width=390, lang="zh")
    page, _, _ = watched(context)
    page.goto(server.address + "/")
    settle(page)
    assert not page.locator("nav.zz-rail").is_visible()
    page.tap(".zz-burger")
    page.wait_for_selector("nav.zz-rail a:visible")
    page.wait_for_timeout(300)
    small = page.evaluate(
        """[...document.querySelectorAll('.zz-top button, .zz-top summary, .zz-rail a, main .zz-btn, main select, main input')]
        .filter(one => one.offsetParent !== null).map(one => [one.textContent.trim(), one.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0 && (box.height < 43.5 || box.width < 43.5)).map(([words, box]) => words + ' ' + box.width + 'x' + box.height)"""
    )
    assert not small
    page.tap("nav.zz-rail >> text=设备")
    settle(page)
    assert page.url.endswith("/machines")
    context.close()


def test_the_keyboard_is_enough(browser: Browser, server: Server) -> None:
    context = context_of(browser, server.address)
    page, _, _ = watched(context)
    page.goto(server.address + "/")
    settle(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "zz-skip"
    page.keyboard.press("Control+k")
    page.wait_for_selector("dialog.zz-palette[open]")
    page.keyboard.type("grin")
    page.wait_for_selector(".zz-palette li a:has-text('grind')")
    page.keyboard.press("Escape")
    assert not page.locator("dialog.zz-palette").is_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("defec")
    page.wait_for_selector(".zz-palette li a.on:has-text('Defects')")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert urlsplit(page.url).path == "/defects"
    context.close()


def test_a_table_filters_sorts_and_exports_what_it_shows(browser: Browser, server: Server, tmp_path: Path) -> None:
    import openpyxl

    context = context_of(browser, server.address)
    page, _, _ = watched(context)
    page.goto(server.address + "/journal?machine=L1")
    settle(page)
    page.wait_for_selector(".ag-row")
    whole = page.inner_text(".zz-gridbar .count")
    page.fill(".zz-gridbar input[type=search]", "GE-410")
    page.wait_for_function("document.querySelector('.zz-gridbar .count').textContent !== " + repr(whole))
    shown = int(re.sub(r"\D", "", page.inner_text(".zz-gridbar .count").split(" ")[0]))
    page.click(".ag-header-cell[col-id=hours] .ag-header-cell-label")
    page.wait_for_selector(".ag-header-cell[col-id=hours][aria-sort=ascending]")
    with page.expect_download() as got:
        page.click(".zz-gridbar >> text=Excel")
    file = tmp_path / "out.xlsx"
    got.value.save_as(file)
    sheet = openpyxl.load_workbook(file).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert len(rows) == shown + 1
    at = rows[0].index("Duration (h)")
    hours = [float(str(row[at])) for row in rows[1:]]
    assert hours == sorted(hours)
    with page.expect_download() as got:
        page.click(".zz-gridbar >> text=CSV")
    assert len(Path(got.value.path()).read_text("utf-8-sig").splitlines()) == shown + 1
    context.close()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_short_table_sorts_finds_and_is_taken_away_as_it_is_shown(
    browser: Browser, server: Server, tmp_path: Path, lang: str
) -> None:
    import openpyxl

    context = context_of(browser, server.address, lang=lang)
    page, hosts, wrong = watched(context)
    page.goto(server.address + "/machines")
    settle(page)
    table = page.locator(".zz-tablewrap:has(input[type=search])").last
    whole = table.locator("tbody tr").count()
    assert whole >= 8
    table.locator("th button").nth(0).click()
    names = [one.strip() for one in table.locator("tbody td:nth-child(1)").all_inner_texts()]
    table.locator("th button").nth(0).click()
    assert [one.strip() for one in table.locator("tbody td:nth-child(1)").all_inner_texts()] == names[::-1]
    assert table.locator("th[aria-sort=descending]").count() == 1
    table.locator("input[type=search]").fill("pq")
    shown = table.locator("tbody tr:visible").count()
    assert 0 < shown < whole
    assert str(shown) in table.locator(".count").inner_text()
    with page.expect_download() as got:
        table.get_by_role("button", name="Excel").click()
    file = tmp_path / "out.xlsx"
    got.value.save_as(file)
    sheet = openpyxl.load_workbook(file).active
    assert sheet is not None
    assert sheet.max_row == shown + 1
    with page.expect_download() as got:
        table.get_by_role("button", name="CSV").click()
    assert len(Path(got.value.path()).read_text("utf-8-sig").splitlines()) == shown + 1
    context.close()
    assert set(hosts) == {"127.0.0.1"}
    assert not wrong


def test_a_bar_of_the_gantt_chart_opens_its_fact(browser: Browser, server: Server) -> None:
    context = context_of(browser, server.address)
    page, _, wrong = watched(context)
    order = call(server.address, "GET", "/api/v1/tables/orders?limit=1")["rows"][0]["order"]
    page.goto(f"{server.address}/orders?order={order}")
    settle(page)
    canvas = page.locator(".zz-gantt canvas")
    box = canvas.bounding_box()
    assert box is not None
    page.focus(".zz-gantt canvas")
    page.keyboard.press("+")
    page.keyboard.press("0")
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 45)
    found = page.evaluate(
        """() => { const [canvas] = document.querySelectorAll('.zz-gantt canvas'); const tip = document.querySelector('.zz-tip');
        const box = canvas.getBoundingClientRect();
        for (let y = 40; y < box.height; y += 6) for (let x = 60; x < box.width; x += 3) {
          canvas.dispatchEvent(new PointerEvent('pointermove', {clientX: box.x + x, clientY: box.y + y, bubbles: true}));
          if (tip.style.display === 'block') return [x, y, tip.textContent]; } return null; }"""
    )
    assert found is not None
    assert order in found[2]
    with page.expect_navigation():
        page.mouse.click(box["x"] + found[0] + 1, box["y"] + found[1] + 1)
    settle(page)
    assert "/journal?event=" in page.url
    assert order in page.inner_text("h1.zz-title")
    context.close()
    assert not wrong


def test_what_if_answers_with_an_interval(browser: Browser, server: Server) -> None:
    job = call(server.address, "POST", "/api/v1/twin", {})["id"]
    assert finish(server.address, job) == "done"
    context = context_of(browser, server.address)
    page, _, wrong = watched(context)
    page.goto(server.address + "/twin")
    settle(page)
    assert page.locator(".zz-map svg .node").count() >= 5
    assert page.locator("th:has-text('Noise floor')").first.is_visible()
    page.locator("fieldset:has-text('Dispatch rule') select").first.select_option("spt")
    page.locator("fieldset:has-text('Hours') select").first.select_option("L1")
    work = page.locator("fieldset:has-text('Who does what')")
    work.locator("select").select_option("turn")
    page.click("text=Try it")
    page.wait_for_selector("text=chosen by half")
    work.get_by_label("L2", exact=True).check()
    page.click("text=Try it")  # all turning on the one lathe that gives its hours to another
    page.wait_for_selector("text=Orders finished in the period", timeout=60_000)
    assert not page.locator("text=95 % interval").count(), "figures of what gets finished all the same would mislead"
    work.locator("select").select_option("")
    page.locator("fieldset:has-text('Hours') select").first.select_option("")
    page.click("text=Try it")
    page.wait_for_selector("text=95 % interval", timeout=60_000)
    assert page.locator(".zz-bullet").count() >= 1
    context.close()
    assert not wrong


def test_a_pilot_can_be_left_found_again_and_cancelled(browser: Browser, server: Server) -> None:
    context = context_of(browser, server.address)
    page, _, _ = watched(context)
    page.goto(server.address + "/pilot")
    settle(page)
    page.click("button:has-text('Run')")
    page.wait_for_selector("[role=progressbar]")
    page.goto(server.address + "/orders")
    settle(page)
    page.goto(server.address + "/pilot")
    page.wait_for_selector("[role=progressbar]")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("text=Cancel")
    page.wait_for_selector("text=Cancelled")
    states = {job["state"] for job in call(server.address, "GET", "/api/v1/jobs?kind=pilot")}
    assert states == {"cancelled"}
    context.close()


def test_names_from_a_file_stay_words_on_every_page(browser: Browser, tmp_path: Path) -> None:
    evil = [
        "<img src=x onerror=window.evil=1>",
        "${window.evil=1}",
        "`+(window.evil=1)+`",
        "</script><script>window.evil=1</script>",
    ]
    lines = ["order,product,operation,machine,operator,start,end,good,scrap"]
    for day in range(6, 28):
        for at, name in enumerate(evil):
            lines.append(
                f"{name} {day},{name},{name},{evil[(at + day) % 4]},{name},2025-01-{day:02d} 0{at + 5}:00,"
                f"2025-01-{day:02d} 0{at + 5}:50,{10 + at},{(day + at) % 3}"
            )
    file = tmp_path / "evil <b>.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = start(tmp_path / "workspace")
    try:
        context = context_of(browser, made.address)
        page, hosts, _ = watched(context)
        page.on("dialog", lambda dialog: dialog.dismiss())
        page.goto(made.address + "/import")
        settle(page)
        page.set_input_files("input[type=file]", str(file))
        page.wait_for_url("**/import?upload=*")
        settle(page)
        assert page.evaluate("window.evil") is None
        page.locator("main.zz-main button.primary", has_text="Import").click()
        page.wait_for_selector("text=rows were stored", timeout=60_000)
        assert page.evaluate("window.evil") is None
        row = call(made.address, "GET", "/api/v1/tables/operations?limit=1")["rows"][0]
        order, machine = (page.evaluate("encodeURIComponent(" + repr(row[key]) + ")") for key in ("order", "machine"))
        more = (
            f"/orders?order={order}",
            f"/machines?machine={machine}",
            f"/journal?event={row['event']}",
            "/defects?by=person",
        )
        for path in (*PAGES, *more, "/account?import=1"):
            page.goto(made.address + path)
            settle(page)
            page.mouse.move(700, 500)
            assert page.evaluate("window.evil") is None, path
            assert page.locator("main.zz-main img").count() == 0, path
        page.keyboard.press("Control+k")
        page.keyboard.type("evil")
        page.wait_for_selector(".zz-palette li a")
        assert page.evaluate("window.evil") is None
        context.close()
        assert set(hosts) == {"127.0.0.1"}
    finally:
        made.stop()
