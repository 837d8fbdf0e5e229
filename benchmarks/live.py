"""From a stored sample to the change seen by 50 open live pages: a real server, 50 pages with their web sockets, one writer.

Each page is fetched and its socket connected as a browser does it, without a browser: what is timed is the server and the
wire. A machine changes its state every second and a half; the time is from the moment the sample is handed to the
historian until the last of all pages has been sent the tile that says so.
"""

from __future__ import annotations

import asyncio
import math
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["latencies", "measure"]

S = 1_000_000_000
CLIENTS = 50
CHANGES = 60
MACHINES = 10
WORDS = ("Executing", "OutOfService")


def fill(place: Path, *, hours: float = 6.0) -> None:
    """Hours of ten machines: a piece every 30 s, a state every 10 s, a load every second."""
    from zhizao.model import Samples
    from zhizao.record.historian import Historian

    place.mkdir(parents=True, exist_ok=True)
    lines = ["zone: UTC", "machines:"]
    lines += [f"  m{k}: {{state_map: workshop, cycle_s: 25, silence_s: 60}}" for k in range(MACHINES)]
    (place / "plant.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    end = time.time_ns()
    with Historian(place / "signals", sync=False) as historian:
        for k in range(MACHINES):
            rng = np.random.default_rng(k)
            for kind, every_s in (("state", 10), ("parts", 30), ("load", 1)):
                n = round(hours * 3600 / every_s)
                at = end - (np.arange(n)[::-1] + 1) * every_s * S
                name = f"hall/m{k}/{kind}"
                if kind == "state":
                    said: list[tuple[str, int, Any]] = [(name, int(one), WORDS[int(rng.random() < 0.1)]) for one in at]
                    historian.append([("hall", Samples.of(said), {})])
                else:
                    value = np.arange(n, dtype=np.float64) if kind == "parts" else rng.random(n)
                    samples = Samples([name] * n, at, value, np.zeros(n, np.uint32))
                    historian.append([("hall", samples, {})])


Seen = dict[str, dict[str, float]]
"""By mark and page: when it was first there."""


async def _page(session: Any, address: str, seen: Seen, stop: asyncio.Event, ready: list[int]) -> None:
    """One open page: fetched, its socket connected, pushes noted by the mark that they hold."""
    import socketio

    async with session.get(f"{address}/live") as answer:
        html = await answer.text()
    client = re.search(r"['\"]client_id['\"]:\s*['\"]([0-9a-f-]{36})", html)
    if client is None:
        raise RuntimeError("the page names no client")
    tab = str(uuid.uuid4())
    socket = socketio.AsyncClient(reconnection=False, http_session=session)

    @socket.on("run_javascript")
    async def pushed(said: dict[str, Any]) -> None:
        at = time.monotonic()
        for order in re.findall(r"MARK-\d+", said.get("code", "")):
            seen.setdefault(order, {}).setdefault(tab, at)

    query = (
        f"client_id={client[1]}&tab_id={tab}&document_id={tab}&next_message_id=0&old_tab_id=&implicit_handshake=true"
    )
    await socket.connect(
        f"{address}?{query}", socketio_path="/_nicegui_ws/socket.io", transports=["websocket"], wait_timeout=30
    )
    ready.append(1)
    await stop.wait()
    await socket.disconnect()


async def _all(address: str, place: Path, clients: int, changes: int) -> tuple[list[float], list[float], int]:
    import aiohttp

    from zhizao.model import Samples
    from zhizao.record.historian import Historian

    seen: Seen = {}
    stop, ready = asyncio.Event(), list[int]()
    first: list[float] = []
    last: list[float] = []
    lost = 0
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        pages = []
        for _ in range(clients):
            pages.append(asyncio.create_task(_page(session, address, seen, stop, ready)))
            await asyncio.sleep(0.05)
        end = time.monotonic() + 120
        while len(ready) < clients and time.monotonic() < end:
            await asyncio.sleep(0.1)
            for page in pages:
                if page.done():
                    page.result()
        await asyncio.sleep(2.0)
        historian = await asyncio.to_thread(Historian, place / "signals")
        for k in range(changes):
            machine, mark = f"m{k % MACHINES}", f"MARK-{k}"
            began, at = time.monotonic(), time.time_ns()
            told = [(f"hall/{machine}/state", at, WORDS[k % 2]), (f"hall/{machine}/order", at, mark)]
            await asyncio.to_thread(historian.append, [("hall", Samples.of(told), {})])
            until = began + 5.0
            while len(seen.get(mark, ())) < clients and time.monotonic() < until:
                await asyncio.sleep(0.005)
            times = [one - began for one in seen.get(mark, {}).values()]
            lost += max(clients - len(times), 0)
            if times:
                first.append(min(times))
            last += times + [5.0] * (clients - len(times))
            await asyncio.sleep(max(0.0, began + 0.7 + 0.013 * (k % 17) - time.monotonic()))
        historian.close()
        stop.set()
        await asyncio.gather(*pages, return_exceptions=True)
    return first, last, lost


def latencies(clients: int = CLIENTS, changes: int = CHANGES) -> dict[str, float]:
    """Seconds from a stored sample until pages have it: median, 99 of 100, worst; pages that never had one.

    Parameters
    ----------
    clients : pages that are open
    changes : samples that are stored
    """
    import socket
    import urllib.request
    from contextlib import suppress

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "plant"
        fill(place)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        code = f"from pathlib import Path; from zhizao.app.serve import serve; serve(Path({str(place)!r}), port={port}, local=True)"
        server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
        try:
            address, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
            while time.monotonic() < end:
                with suppress(OSError), urllib.request.urlopen(f"{address}/api/v1/health", timeout=2):
                    break
                time.sleep(0.2)
            first, every, lost = asyncio.run(_all(address, place, clients, changes))
        finally:
            server.terminate()
            server.wait(timeout=15)
    every.sort()
    return {
        "first_s": statistics.median(first) if first else math.nan,
        "median_s": statistics.median(every) if every else math.nan,
        "p99_s": every[max(math.ceil(0.99 * len(every)) - 1, 0)] if every else math.nan,
        "worst_s": every[-1] if every else math.nan,
        "lost": float(lost),
    }


def measure() -> list[dict[str, Any]]:
    """Rows for the table; the aim stands in place of a peer."""
    found = latencies()
    rows = []
    for key, what in (("median_s", "median"), ("p99_s", "99 of 100"), ("worst_s", "worst")):
        rows.append(
            {
                "name": f"live page, stored to seen by {CLIENTS} open pages, {what}",
                "ours": found[key],
                "peer": "aim",
                "peer_value": 1.0 if key == "p99_s" else None,
                "unit": "s",
                "ratio": 1.0 / found[key] if key == "p99_s" else None,
                "note": f"{CHANGES} changes, {MACHINES} machines, {found['lost']:.0f} not seen",
            }
        )
    return rows


if __name__ == "__main__":
    print(latencies())
