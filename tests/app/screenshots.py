"""Pictures of every page, in both languages at both widths: `python tests/app/screenshots.py FOLDER [ADDRESS]`.

Without an address a server is started on five weeks of the sample plant with published returns, warnings, releases and a
panel, and with a pilot run on it when `--pilot` is given. With `--workspace` all that is kept in a folder, and taken as it
is the next time. An administrator is signed in, so that people and audit are seen too; `--path` takes other addresses.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

    from zhizao.model import Samples

CHROMIUM = "/usr/bin/chromium"
ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-domain-reliability",
    "--no-first-run",
)
PLANT = ("/", "/orders", "/machines", "/defects", "/costs", "/twin", "/pilot", "/import", "/account", "/journal")
PROGRAMME = ("/indicators", "/rollup", "/returns", "/panel", "/warnings", "/release")
PAGES = PLANT + PROGRAMME
ADMIN = ("/people", "/audit", "/me")
"""Pages that are there where people sign in."""
SIGN_IN = ("admin", "blue lathe seven")
SIZES = (("en", 1280), ("zh", 1280), ("en", 390), ("zh", 390))


def launch(play: Playwright) -> Browser:
    """A browser that talks to nobody of its own accord."""
    return play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))


def settle(page: Page) -> None:
    """Wait until a page has its title and all that it works out."""
    page.wait_for_selector("h1.zz-title, #tablet h1", timeout=30_000)
    page.wait_for_function("!document.querySelector('.zz-skeleton')", timeout=60_000)
    page.wait_for_timeout(700)


def shoot(
    address: str,
    folder: Path,
    *,
    paths: Sequence[str] = PAGES,
    dark: bool = False,
    sizes: Sequence[tuple[str, int]] = SIZES,
    person: tuple[str, str] | None = None,
) -> list[Path]:
    """Pictures of pages, by somebody signed in where there are people; returns the files."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    out = []
    with sync_playwright() as play:
        browser = launch(play)
        for lang, width in sizes:
            context = browser.new_context(
                viewport={"width": width, "height": 844 if width < 600 else 900},
                color_scheme="dark" if dark else "light",
            )
            context.add_cookies([{"name": "zhizao_lang", "value": lang, "url": address}])
            if person is not None:
                _sign_in(context, address, person)
            page = context.new_page()
            for path in paths:
                page.goto(address + path)
                settle(page)
                name = re.sub(r"\W+", "-", path).strip("-") or "overview"
                file = folder / f"{name}-{lang}-{width}{'-dark' if dark else ''}.png"
                page.screenshot(path=file, full_page=True)
                out.append(file)
            context.close()
        browser.close()
    return out


def _sign_in(context: BrowserContext, address: str, person: tuple[str, str]) -> None:
    page = context.new_page()
    page.goto(f"{address}/login")
    page.fill("input[name=name]", person[0])
    page.fill("input[name=password]", person[1])
    page.keyboard.press("Enter")
    page.wait_for_selector("h1.zz-title")
    page.close()


LIVE = ("/live", "/live?machine=mill 1", "/live?part=shifts", "/tablet", "/tablet?machine=mill 1")
LIVE_PLANT = """
zone: Asia/Shanghai
machines:
  mill 1: {state_map: workshop, cycle_s: 40, micro_stop_s: 60}
  mill 2: {state_map: workshop, cycle_s: 40, micro_stop_s: 60}
  lathe 1: {state_map: workshop, cycle_s: 55, micro_stop_s: 60}
shifts:
  early: {zh: 早班, en: Early, from: "06:00", to: "14:00", weekdays: [1, 2, 3, 4, 5, 6, 7]}
  late: {zh: 中班, en: Late, from: "14:00", to: "22:00", weekdays: [1, 2, 3, 4, 5, 6, 7]}
  night: {zh: 夜班, en: Night, from: "22:00", to: "06:00", weekdays: [1, 2, 3, 4, 5, 6, 7]}
"""
_SHOWN = ("state", "mode", "order", "parts", "scrap", "left in order", "power")


def workshop_samples(place: Path, step_s: float = 15.0) -> Iterator[Samples]:
    """What the workshop tells step by step, at speed 60, dated now: four steps a second."""
    import time

    from zhizao.model import Samples
    from zhizao.record import read_plant
    from zhizao.testing.workshop.machine import Rates
    from zhizao.testing.workshop.plant import Workshop

    plant = Workshop(read_plant(place / "plant.yaml"), seed=7, rates=Rates(jam=0.05, breakage=0.05))
    told = list(plant._values.items())
    while True:
        at = time.time_ns()
        yield Samples.of([(name, at, value) for name, value in told if name.split("/")[1] in _SHOWN])
        told = [(name, value) for name, _, value in plant.step(step_s)]


def live_workspace(place: Path, hours: float = 20.0) -> None:
    """A workspace with hours of live samples up to now, from the workshop stepped without a network."""
    import time

    from zhizao.model import Samples
    from zhizao.record import read_plant
    from zhizao.record.historian import Historian
    from zhizao.testing.workshop.machine import Rates
    from zhizao.testing.workshop.plant import START_NS, Workshop

    place.mkdir(parents=True, exist_ok=True)
    (place / "plant.yaml").write_text(LIVE_PLANT, encoding="utf-8")
    plant = Workshop(read_plant(place / "plant.yaml"), seed=3, rates=Rates(jam=0.02, breakage=0.02))
    told = [(name, START_NS, value) for name, value in plant._values.items()]
    for _ in range(round(hours * 3600 / 10)):
        told += plant.step(10.0)
    shift = time.time_ns() - START_NS - round(hours * 3600) * 1_000_000_000
    told = [(name, at + shift, value) for name, at, value in told if name.split("/")[1] in _SHOWN]
    with Historian(place / "signals", sync=False) as historian:
        historian.append([("hall", Samples.of(told), {})])


@contextmanager
def at_work(folder: Path) -> Iterator[str]:
    """The address of a server on a workshop's samples, without sign-in."""
    from serving import start

    if not (folder / "hall").exists():
        live_workspace(folder / "hall")
    server = start(folder / "hall")
    try:
        yield server.address
    finally:
        server.stop()


@contextmanager
def staged(folder: Path, *, pilot: bool) -> Iterator[str]:
    """The address of a server where people sign in, on a workspace in which every page has something to show."""
    from serving import start

    from zhizao.app.access import Access, Role

    workspace = folder / "plant"
    if not workspace.exists():
        fill(folder, pilot=pilot)
        access = Access(workspace / "people.db")
        access.add(*SIGN_IN, Role.ADMIN)
        access.add("wang", SIGN_IN[1], Role.EVALUATOR)
        access.close()
    server = start(workspace, local=False)
    try:
        yield server.address
    finally:
        server.stop()


def fill(folder: Path, *, pilot: bool) -> None:
    """The sample plant with published returns of others, industries that are watched, releases, a panel; a pilot run."""
    from rollups import make
    from serving import call, finish, start

    make(folder / "plant", folder / "source")
    server = start(folder / "plant")
    try:
        call(server.address, "POST", "/api/v1/warnings/sample", {})
        jobs = [call(server.address, "POST", "/api/v1/warnings", {})["id"]]
        for name, year, at, roles in (
            ("OUT", "2020", "2021-06-01T10:00", []),
            ("EARLY", "2021", "2199-01-01T10:00", ["evaluator"]),
            ("HELD", "2022", "2199-02-01T10:00", []),
        ):
            words = {"zh": f"{year}年指标", "en": f"Indicators {year}"}
            plan = {"id": name, "source": "indicators", "period": year, "at": at, "early_roles": roles}
            call(server.address, "POST", "/api/v1/releases", {**plan, **words, "early_hours": 720})
        jobs.append(_panel(server.address))
        for job in jobs:
            finish(server.address, job)
        for kind in ("twin", "pilot") if pilot else ():
            finish(server.address, call(server.address, "POST", f"/api/v1/{kind}", {})["id"])
    finally:
        server.stop()


def _panel(address: str) -> str:
    """Ask for a panel of 300 out of 600 enterprises that do not exist; the job."""
    import json

    rows = "\n".join(f"E{i},{13 + i % 5},{11 + i % 3},{'LMSX'[i % 4]},{1000 + 37 * (i % 91)}" for i in range(600))
    parts = {
        'name="n"': "300",
        'name="file"; filename="frame.csv"': f"id,industry,region,size,revenue_cny\n{rows}\n",
    }
    said = "".join(f"--zz\r\nContent-Disposition: form-data; {key}\r\n\r\n{text}\r\n" for key, text in parts.items())
    request = urllib.request.Request(
        f"{address}/api/v1/panel",
        f"{said}--zz--\r\n".encode(),
        {"content-type": "multipart/form-data; boundary=zz"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.loads(answer.read())["id"])


def main() -> None:
    """Run from the shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("address", nargs="?")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--pilot", action="store_true", help="run twin and pilot before the pictures are taken")
    parser.add_argument("--workspace", type=Path, help="keep what the pages show here; taken as it is when it is there")
    parser.add_argument("--path", action="append", help="this page only, filters and all; may be given again")
    parser.add_argument("--lang", choices=["en", "zh"])
    parser.add_argument("--width", type=int)
    parser.add_argument("--live", action="store_true", help="the live pages and the tablet, on a workshop's samples")
    asked = parser.parse_args()
    sizes = [one for one in SIZES if asked.lang in (None, one[0]) and asked.width in (None, one[1])]
    how = {"dark": asked.dark, "sizes": sizes}
    if asked.address:
        files = shoot(asked.address, asked.folder, paths=asked.path or PAGES, **how)
    elif asked.live:
        with tempfile.TemporaryDirectory() as passing, at_work(asked.workspace or Path(passing)) as address:
            files = shoot(address, asked.folder, paths=asked.path or LIVE, **how)
    else:
        with (
            tempfile.TemporaryDirectory() as passing,
            staged(asked.workspace or Path(passing), pilot=asked.pilot) as address,
        ):
            files = shoot(address, asked.folder, paths=asked.path or PAGES + ADMIN, person=SIGN_IN, **how)
    print("\n".join(str(file) for file in files))


if __name__ == "__main__":
    main()
