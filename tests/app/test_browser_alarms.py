"""Alarms, Trends, Tags and the health on Live in a real browser: both languages, both widths, what people do there."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from app.screenshots import CHROMIUM, launch, settle
from app.serving import Server, call, start
from app.test_browser import context_of, watched
from zhizao.app.alarm_watch import Watch
from zhizao.app.outbox import OUTBOX, Letter, Outbox, Outcome
from zhizao.model import Samples
from zhizao.record.historian import Historian

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:playwright.*"),
]
S = 1_000_000_000
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PLANT = """
zone: Asia/Shanghai
machines: {{mill 1: {{}}, mill 2: {{}}}}
tags:
  mill 1/temperature: {{unit: degC, machine: mill 1}}
  mill 1/state: {{role: state, machine: mill 1}}
connections: {{shop: {{kind: opcua, url: "opc.tcp://127.0.0.1:{port}"}}}}
alarms:
  mill 1 hot: {{tag: mill 1/temperature, condition: high, limit: 70, unit: degC, severity: severe, respond_min: 2,
    consequence: the spindle grows and pieces are scrapped, response: open the coolant}}
  mill 2 slow: {{tag: mill 2/speed, condition: low, limit: 900}}
webhooks: {{board: {{url: "https://board.example.org/x", secret: plain-secret-of-some-length}}}}
"""
PATHS = (
    "/alarms", "/alarms?show=all", "/alarms?alarm=mill+1+hot", "/alarms?alarm=mill+1+hot&skip=40", "/alarms?alarm=nothing",
    "/alarms?alarm=mill+1+hot&search=1", "/alarms?view=figures", "/live",
    "/trend", "/trend?t1=mill+1/temperature&t2=mill+2/speed&span=8h", "/trend?t1=mill+1/state&t2=nothing",
    "/tags", "/tags?pattern={machine}/speed",
)  # fmt: skip


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


def fill(folder: Path, port: int) -> None:
    """Six hours of two machines, one with an alarm that chatters, and a letter that was given up."""
    folder.mkdir(parents=True)
    (folder / "plant.yaml").write_text(PLANT.format(port=port), encoding="utf-8")
    rng, now = np.random.default_rng(2), time.time_ns() // S * S
    at = now - np.arange(4320)[::-1] * 5 * S
    many = len(at)
    heat = 69.2 + rng.normal(0, 0.5, many)
    heat[-40:] += 5
    speed = 1000 + 20 * np.sin(np.arange(many) / 200)
    speed[-400:-200] -= 200
    states = Samples.of(
        [("mill 1/state", int(at[k]), ("run", "idle", "setup")[k // 300 % 3]) for k in range(0, many, 300)]
    )
    batches = [states] + [
        Samples([tag] * many, at, value, np.zeros(many, np.uint32))
        for tag, value in (("mill 1/temperature", heat), ("mill 2/speed", speed))
    ]
    with Historian(folder / "signals") as historian:
        watch = Watch(folder, historian)
        watch.set_up()
        for batch in batches:
            historian.append([("hall", batch, {})])
            watch.take([("hall", batch)])
        watch.look(now)
        watch.stop()
    box = Outbox(folder / OUTBOX)
    box.put(Letter("a", "webhook", "board", "alarm.escalated", "P1 mill 1 hot: 74 degC", {}))
    for one in box.claim():
        box.note(one, Outcome(False, "410 Gone", for_good=True))
    box.close()


def port_of() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def shop_port() -> Iterator[int]:
    """The workshop's OPC UA server, live."""
    from zhizao.model import Plant
    from zhizao.testing.workshop.opcua_server import OpcuaServer
    from zhizao.testing.workshop.plant import Workshop
    from zhizao.testing.workshop.run import serve_workshop

    port, loop = port_of(), asyncio.new_event_loop()
    shop = Workshop(Plant.model_validate({"machines": {"mill 1": {}, "mill 2": {}}}), seed=1)
    tasks: list[asyncio.Task[None]] = []

    async def work() -> None:
        tasks.append(asyncio.create_task(serve_workshop(shop, 1.0, [OpcuaServer(port)])))
        with suppress(asyncio.CancelledError):
            await tasks[0]

    thread = threading.Thread(target=loop.run_until_complete, args=(work(),), daemon=True)
    thread.start()
    for _ in range(300):
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield port
    loop.call_soon_threadsafe(tasks[0].cancel)
    thread.join(20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shop_port: int) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("alarmed") / "workspace"
    fill(folder, shop_port)
    made = start(folder)
    yield made
    made.stop()


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_pages_fit_speak_their_language_and_ask_nobody_else(
    browser: Browser, server: Server, lang: str, width: int, scheme: str
) -> None:
    context = context_of(browser, server.address, width=width, lang=lang, scheme=scheme)
    page, hosts, wrong = watched(context)
    for path in PATHS:
        page.goto(server.address + path)
        settle(page)
        inside, outside = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert inside <= outside, f"{path} scrolls sideways at {width}"
        said = page.inner_text("h1.zz-title")
        if "alarm=" not in path and "t1=" not in path:  # these begin with a name
            assert bool(CHINESE.search(said)) is (lang == "zh"), f"{path}: {said}"
        low = page.evaluate(
            "[...document.querySelectorAll('main button, main a.zz-btn, main input:not([type=hidden]):not([type=checkbox]), main select')]"
            ".filter(one=>one.offsetParent&&one.getBoundingClientRect().height<43.5&&!one.closest('th'))"
            ".map(one=>(one.innerText||one.name)+' '+one.getBoundingClientRect().height)"
        )
        assert width > 600 or not low, f"{path}: too low for a thumb: {low}"
    context.close()
    assert set(hosts) == {"127.0.0.1"}
    assert not wrong


def test_an_alarm_is_acknowledged_on_a_phone_and_its_history_is_paged(browser: Browser, server: Server) -> None:
    context = context_of(browser, server.address, width=390)
    page, _, wrong = watched(context)
    page.goto(f"{server.address}/alarms?alarm=mill+1+hot")
    settle(page)
    page.get_by_role("link", name="Older").click()
    settle(page)
    assert "skip=20" in page.url
    assert page.get_by_role("link", name="Newer").is_visible()
    page.goto(f"{server.address}/alarms?show=all")
    settle(page)
    page.locator("label.zz-check", has=page.locator("input[value='mill 1 hot']")).click()
    page.select_option("select[name=action]", "acknowledge")
    page.fill("input[name=comment]", "coolant opened")
    page.get_by_role("button", name="Apply").or_(page.locator("form[data-zz-call] button.primary")).first.click()
    page.wait_for_function("document.body.innerText.includes('coolant opened')")
    one = call(server.address, "GET", "/api/v1/live/alarms/one?alarm=mill%201%20hot")
    assert one["comment"] == "coolant opened" and not one["unacked"]
    context.close()
    assert not wrong


def test_a_letter_that_was_given_up_is_tried_again_from_the_page(browser: Browser, server: Server) -> None:
    context = context_of(browser, server.address)
    page, _, wrong = watched(context)
    page.goto(f"{server.address}/live")
    settle(page)
    assert "Nobody listens to the sources" in page.inner_text("main")
    assert "410 Gone" in page.inner_text("main")
    page.get_by_role("button", name="Again").first.click()
    page.wait_for_timeout(1500)
    states = {one["state"] for one in call(server.address, "GET", "/api/v1/outbox")}
    assert states <= {"waiting", "failed"} and call(server.address, "GET", "/api/v1/outbox")[0]["tries"] <= 1
    context.close()
    assert not wrong


def test_a_trend_is_zoomed_by_touch_and_the_page_still_scrolls(browser: Browser, server: Server) -> None:
    context = context_of(browser, server.address, width=390)
    page, _, wrong = watched(context)
    page.goto(f"{server.address}/trend?t1=mill+1/temperature&span=8h")
    settle(page)
    plot = page.locator("[role=img]").first
    assert plot.evaluate("one=>getComputedStyle(one).touchAction") == "pan-y"
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    middle, high = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = context.new_cdp_session(page)

    def fingers(kind: str, *spread: float) -> None:
        points = [{"x": middle + dx, "y": high, "id": k} for k, dx in enumerate(spread)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", -20, 20)
    for wide in (40, 60, 80, 100):
        fingers("touchMove", -wide, wide)
    fingers("touchEnd")
    page.wait_for_function("location.search.includes('start=')", timeout=10_000)
    context.close()
    assert not wrong


def test_a_live_server_is_browsed_from_the_page(browser: Browser, server: Server) -> None:
    context = context_of(browser, server.address)
    page, _, wrong = watched(context)
    page.goto(f"{server.address}/tags?connection=shop")
    settle(page)
    page.locator("main").get_by_role("link", name="Workshop").first.click()
    settle(page)
    page.wait_for_function("document.querySelector('main').innerText.includes('mill 1')")
    context.close()
    assert not wrong
