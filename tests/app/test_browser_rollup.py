"""The roll-up in a real browser: by clicks from the nation's figure to an event of the sample plant."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from app.rollups import MONTHS, make
from app.screenshots import CHROMIUM, launch, settle
from app.serving import Server, start
from app.test_browser import context_of, watched
from zhizao.app import releases
from zhizao.app.access import Access, Role
from zhizao.clock import now

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    # the driver of the browser lets go of its pipes when it is collected, not when it is closed
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:playwright.*"),
]
PASSWORD = "blue lathe seven"


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
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("rolled")
    return make(place / "plant", place / "source")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """Without sign-in: whoever sits there sees all."""
    made = start(folder)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def guarded_plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("guarded")
    return make(place / "plant", place / "source")


@pytest.fixture(scope="module")
def guarded(guarded_plant: Path) -> Iterator[Server]:
    """With sign-in, and an evaluator."""
    access = Access(guarded_plant / "people.db")
    access.add("wang", PASSWORD, Role.EVALUATOR)
    access.close()
    made = start(guarded_plant, local=False)
    yield made
    made.stop()


def asked(address: str) -> dict[str, str]:
    return {key: value[0] for key, value in parse_qs(urlsplit(address).query).items()}


@pytest.mark.parametrize(("lang", "width"), [("en", 1280), ("zh", 390)])
def test_clicks_lead_from_the_nations_figure_to_an_event_of_the_sample_plant(
    browser: Browser, server: Server, lang: str, width: int
) -> None:
    context = context_of(browser, server.address, width=width, lang=lang)
    page, hosts, wrong = watched(context)
    page.goto(f"{server.address}/rollup?indicator=IND08&period={MONTHS[-1]}")
    settle(page)
    assert page.locator(".zz-map svg a").count() == 6
    links = "main table.zz-table a"
    for key, code in (("region", "44"), ("industry", "34"), ("enterprise", "SP-01"), ("line", "key_processes_nc")):
        page.locator(f'{links}[href*="{key}={code}"]').first.click()
        page.wait_for_url(f"**{key}={code}*")
        settle(page)
        assert asked(page.url)[key] == code
        inside, outside = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert inside <= outside
        crumbs = page.locator("nav.zz-crumbs")
        assert crumbs.locator("a").count() == len(
            [one for one in asked(page.url) if one not in ("indicator", "period")]
        )
    deepest = page.url
    page.locator(f'{links}[href^="/journal?event="]').first.click()
    page.wait_for_url("**/journal?event=*")
    settle(page)
    number = asked(page.url)["event"]
    assert number in page.inner_text("h1.zz-title")
    page.go_back()
    page.wait_for_url(deepest)
    settle(page)
    page.locator(f'{links}[href^="/orders?order="]').first.click()
    page.wait_for_url("**/orders?order=*")
    settle(page)
    page.go_back()
    page.wait_for_url(deepest)
    settle(page)
    page.locator("nav.zz-crumbs a").first.click()
    page.wait_for_function("!location.search.includes('region=')")
    settle(page)
    assert asked(page.url)["indicator"] == "IND08"
    context.close()
    assert set(hosts) == {"127.0.0.1"}
    assert not wrong


@pytest.mark.parametrize(("lang", "width"), [("zh", 1280), ("en", 390)])
def test_an_enterprise_stands_among_its_peers_and_each_opens(
    browser: Browser, server: Server, lang: str, width: int
) -> None:
    context = context_of(browser, server.address, width=width, lang=lang)
    page, _, wrong = watched(context)
    page.goto(f"{server.address}/rollup?indicator=IND08&period={MONTHS[-1]}&enterprise=SP-01")
    settle(page)
    assert page.locator("#peers .zz-card").count() == 2
    inside, outside = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert inside <= outside
    page.locator('main table.zz-table a[href*="enterprise=EX-"]').first.click()
    page.wait_for_url("**enterprise=EX-*")
    settle(page)
    assert page.locator("#peers").count() == 1
    context.close()
    assert not wrong


def test_the_map_and_the_choices_change_the_address(browser: Browser, server: Server) -> None:
    context = context_of(browser, server.address)
    page, _, wrong = watched(context)
    page.goto(f"{server.address}/rollup")
    settle(page)
    page.select_option("select[name=indicator]", "IND12")
    page.wait_for_url("**indicator=IND12*")
    settle(page)
    page.select_option("select[name=period]", MONTHS[0])
    page.wait_for_url(f"**period={MONTHS[0]}*")
    settle(page)
    page.locator('.zz-map a[href*="region=33"]').click()
    page.wait_for_url("**region=33*")
    settle(page)
    assert asked(page.url) == {"indicator": "IND12", "period": MONTHS[0], "region": "33"}
    page.goto(f"{server.address}/rollup?region=99")
    settle(page)
    assert page.is_visible("[role=alert]")
    context.close()
    assert not wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_evaluator_sees_which_cells_are_withheld_and_why(browser: Browser, guarded: Server, scheme: str) -> None:
    context = context_of(browser, guarded.address, scheme=scheme)
    page, _, wrong = watched(context)
    page.goto(f"{guarded.address}/rollup?indicator=IND12&period={MONTHS[-1]}&region=33")
    page.fill("input[name=name]", "wang")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(
        "h1.zz-title", timeout=150_000
    )  # the first figures of a month are attacked before they are told
    settle(page)
    assert page.is_visible("text=too few contributors")
    page.locator("nav.zz-crumbs a").first.click()
    page.wait_for_function("!location.search.includes('region=')")
    settle(page)
    assert page.locator('.zz-map a[aria-label^="Shaanxi: withheld"] rect[style*="zz-hatch"]').count() == 1
    page.goto(f"{guarded.address}/rollup?indicator=IND12&period={MONTHS[-1]}&region=44&industry=34")
    settle(page)
    assert page.is_visible("text=Single enterprises are not open to your role")
    assert "SP-01" not in page.content()
    context.close()
    assert not wrong


WORDS = {
    "en": ("withheld", "total", "are under embargo", "Open the release calendar"),
    "zh": ("隐去", "合计", "尚在保密期", "打开发布日历"),
}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_evaluator_reads_a_release_of_the_roll_up_and_waits_for_one_under_embargo(
    browser: Browser, guarded: Server, guarded_plant: Path, lang: str
) -> None:
    withheld, total, held, calendar = WORDS[lang]
    file = guarded_plant / releases.FILE
    file.parent.mkdir(exist_ok=True)
    planned = [
        {"id": "OUT", "source": "rollup", "period": MONTHS[-1], "at": now().isoformat(), "zh": "本月汇总",
         "en": "the month", "items": ["revenue_cny", "employees"]},
        {"id": "HELD", "source": "rollup", "period": MONTHS[0], "at": (now() + timedelta(days=9)).isoformat(),
         "zh": "上期汇总", "en": "the month before"},
    ]  # fmt: skip
    file.write_text(yaml.safe_dump({"releases": planned}, allow_unicode=True), encoding="utf-8")
    context = context_of(browser, guarded.address, lang=lang)
    page, _, wrong = watched(context)
    try:
        page.goto(f"{guarded.address}/release?release=OUT&item=revenue_cny")
        page.fill("input[name=name]", "wang")
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("main table.zz-table tbody tr", timeout=60_000)
        settle(page)
        rows = page.locator("main table.zz-table tbody tr")
        told = [[cell.inner_text() for cell in row.locator("td").all()] for row in rows.all()]
        assert [one for one in told if withheld in one[3]]
        nation = next(one for one in told if one[1] == one[2] == total)
        assert withheld not in nation[3]
        assert "SP-01" not in page.inner_text("main")
        assert "EX-" not in page.inner_text("main")
        # by its heading the table is put in order of the values, up and down
        heading = page.locator("main table.zz-table th button[data-zz-by='3']")
        heading.click()
        up = _numbers(page)
        heading.click()
        down = _numbers(page)
        assert sorted(up) in (up, down)
        assert up == down[::-1]
        # the month under embargo: neither its release nor its roll-up
        page.goto(f"{guarded.address}/release?release=HELD")
        settle(page)
        assert page.locator("main table.zz-table").count() == 0
        page.goto(f"{guarded.address}/rollup?period={MONTHS[0]}")
        settle(page)
        assert held in page.inner_text("h1.zz-title")
        page.click(f"text={calendar}")
        page.wait_for_function("location.pathname === '/release'")
        settle(page)
        assert page.locator("main table.zz-table tbody tr").count() == 2
    finally:
        file.unlink()
        context.close()
    assert not wrong


def _numbers(page: Page) -> list[float]:
    cells = page.locator("main table.zz-table tbody tr td:nth-child(4)").all_inner_texts()
    plain = [cell.replace(",", "").replace("\u202f", "").replace("\xa0", "").strip() for cell in cells]
    return [float(one) for one in plain if one.replace(".", "").isdigit()]
