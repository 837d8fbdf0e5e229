"""Live pages and the tablet in a real browser: while a workshop runs, off line and on line again, at both widths."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.screenshots import CHROMIUM, launch, live_workspace
from app.serving import Server, call, start
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
WRITER = """
import sys, time
from pathlib import Path
from app.screenshots import workshop_samples
from zhizao.record.historian import Historian
place = Path(sys.argv[1])
with Historian(place / "signals", sync=False) as historian:
    steps = workshop_samples(place)
    while True:
        historian.append([("hall", next(steps), {})])
        time.sleep(0.25)
"""


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
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server beside a workshop that tells what a minute brings each second."""
    place = tmp_path_factory.mktemp("hall") / "workspace"
    live_workspace(place)
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(place)], env=os.environ | {"PYTHONPATH": path})
    server = start(place)
    yield server, place
    server.stop()
    writer.send_signal(signal.SIGTERM)
    writer.wait(timeout=15)


def context_of(browser: Browser, address: str, width: int, lang: str) -> BrowserContext:
    made = browser.new_context(viewport={"width": width, "height": 844 if width < 600 else 900}, has_touch=width < 600)
    made.add_cookies([{"name": "zhizao_lang", "value": lang, "url": address}])
    made.set_default_timeout(30_000)
    return made


def fits(page: Page, lang: str, title: str) -> None:
    inside, outside = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert inside <= outside, page.url
    assert bool(re.search(r"[\u4e00-\u9fff]", page.inner_text(title))) is (lang == "zh"), page.url


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [1280, 390])
def test_live_pages_follow_a_running_workshop(
    browser: Browser, hall: tuple[Server, Path], lang: str, width: int
) -> None:
    address = hall[0].address
    context = context_of(browser, address, width, lang)
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    for path in ("/live", "/live?machine=mill%201", "/live?part=shifts"):
        page.goto(address + path)
        page.wait_for_selector("h1.zz-title")
        fits(page, lang, "h1.zz-title")
        if "shifts" not in path:
            page.evaluate("window.heard = 0; window.addEventListener('zz-live', () => window.heard++)")
            page.wait_for_function("window.heard >= 2")
    page.goto(f"{address}/live?machine=mill%201")
    page.wait_for_selector("#stops")
    page.wait_for_timeout(1500)
    small = page.evaluate(
        "[...document.querySelectorAll('#stops button')].filter(one => one.offsetParent && one.offsetHeight < 44).length"
    )
    assert small == 0
    context.close()
    assert not wrong


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_tablet_has_large_targets_and_speaks_its_language(
    browser: Browser, hall: tuple[Server, Path], lang: str, width: int
) -> None:
    address = hall[0].address
    context = context_of(browser, address, width, lang)
    page = context.new_page()
    page.goto(f"{address}/tablet")
    page.wait_for_selector("button.tile")
    fits(page, lang, "h1")
    page.click("button.tile >> nth=0")
    page.wait_for_selector("#now")
    assert "machine=" in page.url
    small = page.evaluate(
        "[...document.querySelectorAll('button,input,summary,a')].filter(one => one.offsetParent && one.offsetHeight < 44).length"
    )
    assert small == 0
    inside, outside = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert inside <= outside
    page.go_back()
    page.wait_for_selector("button.tile")
    context.close()


def waiting(page: Page) -> int:
    return int(page.get_attribute("#status", "data-waiting") or 0)


def events(place: Path) -> list[dict[str, Any]]:
    with Workspace.open(place) as home:
        return [{"kind": one.kind.value, **one.payload} for one in home.journal.events()]


def test_what_is_done_off_line_is_there_once_after_a_reload_and_a_return(
    browser: Browser, hall: tuple[Server, Path]
) -> None:
    (server, place), before = hall, len(events(hall[1]))
    context = context_of(browser, server.address, 1280, "en")
    page = context.new_page()
    machine = next(
        one["machine"]
        for one in call(server.address, "GET", "/api/v1/live/tablet")["machines"]
        if _stops(server.address, one["machine"])
    )
    page.goto(f"{server.address}/tablet?machine={machine.replace(' ', '%20')}")
    page.wait_for_selector("[data-stop]")
    page.wait_for_selector("#tablet[data-kept=yes]")
    page.wait_for_function("caches.open('zz-tablet').then(kept => kept.keys()).then(keys => keys.length >= 4)")
    context.set_offline(True)
    page.wait_for_selector("#status[data-online=false]", state="attached")
    page.click("#open [data-stop] >> nth=0 >> summary")
    page.click("#open [data-stop] >> nth=0 >> button[data-reason=tool]")
    page.wait_for_selector("#status[data-waiting='1']")
    page.fill("#pieces input[name=good]", "12")
    page.click("#pieces .step >> nth=1 >> button >> nth=1")
    page.click("#pieces button.primary")
    page.wait_for_selector("#status[data-waiting='2']")
    page.reload()
    page.wait_for_selector("#status[data-waiting='2']")
    page.fill("#note input[name=text]", "off line, and back")
    page.click("#note button")
    page.wait_for_selector("#status[data-waiting='3']")
    assert "3 waiting to be sent" in page.inner_text("#status")
    assert len(events(place)) == before
    other = context.new_page()  # two pages of one tablet send at the same time
    other.goto(f"{server.address}/tablet")
    context.set_offline(False)
    page.wait_for_selector("#status[data-waiting='0'][data-online=true]", state="attached")
    other.wait_for_selector("#status[data-waiting='0'][data-online=true]", state="attached")
    time.sleep(2.0)
    found = events(place)[before:]
    assert [one["kind"] for one in found] == ["stop.classified", "pieces.reported", "shift.noted"]
    assert (found[0]["reason"], found[1]["good"], found[1]["scrap"]) == ("tool", 12, 1)
    assert found[2]["text"] == f"{machine}: off line, and back"
    assert "12 good, 1 scrap" in page.inner_text("#reported")
    context.close()


def _stops(address: str, machine: str) -> bool:
    shown = call(address, "GET", f"/api/v1/live/tablet?machine={machine.replace(' ', '%20')}")["machine"]
    return bool([one for one in shown["stops"] if not one["reason"]]) and bool(shown["stops"])
