"""From the workshop's signals to states, OEE, stops and the shift book, held against what the workshop itself knows."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from app.calling import Caller
from zhizao.app import live, live_acts, live_answers, live_orders, live_said, live_spans, live_states
from zhizao.app.cli.main import app as commands
from zhizao.app.desk import Desk
from zhizao.app.http.application import Settings, build
from zhizao.app.texts import Words
from zhizao.errors import InputError, ZhizaoError
from zhizao.model import Samples
from zhizao.record import Workspace, read_plant
from zhizao.record.historian import Historian
from zhizao.testing.workshop.machine import Rates
from zhizao.testing.workshop.plant import START_NS, Workshop

S = 10**9
ZERO = datetime.fromtimestamp(START_NS // S, UTC)
TRUE = {"load": "producing", "cut": "producing", "setup": "setup", "change": "stopped", "down": "down", "idle": "idle"}
DECLARED: dict[str, Any] = {
    "zone": "UTC",
    "machines": {
        name: {"state_map": "workshop", "cycle_s": 40.0, "micro_stop_s": 60.0} for name in ("mill 1", "mill 2")
    },
    "shifts": {"day": {"from": "00:00", "to": "08:00", "weekdays": [1, 2, 3, 4, 5, 6, 7]}},
}


def at(seconds: float) -> datetime:
    return ZERO + timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Counter[str]], Workshop]:
    """Two hours of the workshop in a workspace, and the seconds of each machine's phases as the workshop had them."""
    place = tmp_path_factory.mktemp("states")
    (place / "plant.yaml").write_text(yaml.safe_dump(DECLARED), encoding="utf-8")
    plant = Workshop(read_plant(place / "plant.yaml"), seed=3, rates=Rates(jam=0.02, breakage=0.05))
    spent: dict[str, Counter[str]] = {name: Counter() for name in plant.machines}
    told = [(name, START_NS, value) for name, value in plant._values.items()]
    for machine in plant.machines.values():
        passing = machine._pass

        def passes(step: float, machine: Any = machine, passing: Any = passing) -> None:
            spent[machine.name][TRUE[machine.phase]] += step  # type: ignore[assignment]
            passing(step)

        machine._pass = passes  # type: ignore[method-assign]
    for _ in range(1440):
        told += plant.step(5.0)
    told = [
        one for one in told if one[0].split("/")[1] in ("state", "mode", "order", "parts", "scrap", "left in order")
    ]
    odd, even = told[1::2], told[::2]
    with Historian(place / "signals", sync=False) as historian:
        for part in (odd, even):  # half of it comes late
            historian.append([("hall", Samples.of(part), {})])
    return place, spent, plant


def test_states_and_pieces_are_those_of_the_workshop(truth: tuple[Path, dict[str, Counter[str]], Workshop]) -> None:
    place, spent, plant = truth
    found = live_states.view(str(place), begin=at(0), end=at(7200))
    for one in found.machines:
        hours: Counter[str] = Counter()
        for row in live_answers.intervals(one):
            length = datetime.fromisoformat(row["end"]) - datetime.fromisoformat(row["begin"])
            hours[row["state"]] += length.total_seconds()  # type: ignore[assignment]
        assert hours["silent"] == 0
        assert dict(hours) == pytest.approx({k: v for k, v in spent[one.machine].items() if v > 1e-3}, abs=0.01)
        machine = plant.machines[one.machine]
        assert (one.parts.pieces, one.parts.scrap) == (machine.parts, machine.scrap)
        good = machine.parts - machine.scrap
        planned = 7200 - 0.0
        oee = live_answers.plain(found)["machines"][found.machines.index(one)]["figures"]["oee"]
        assert oee == pytest.approx(40.0 * good / planned, abs=1e-4)
    whole = live_answers.plain(found)["plant"]["figures"]["oee"]
    good = sum(machine.parts - machine.scrap for machine in plant.machines.values())
    assert whole == pytest.approx(40.0 * good / 14400, abs=1e-4)


def test_an_order_is_where_the_workshop_has_it(
    truth: tuple[Path, dict[str, Counter[str]], Workshop], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _, plant = truth
    for module in (live_states, live_orders):
        monkeypatch.setattr(module, "now", lambda: at(7200))
    for row in live_orders.orders(str(place)):
        machine = plant.machines[row["machine"]]
        assert machine._job is not None
        assert (row["order"], row["good"], row["wanted"]) == (machine._job.order, machine._good, machine._job.quantity)
        if row["end"] is not None:
            assert row["end_low"] <= row["end"] <= row["end_high"]


def test_what_is_said_of_a_stop_moves_the_figures_and_an_earlier_view_stays(
    truth: tuple[Path, dict[str, Counter[str]], Workshop], tmp_path: Path
) -> None:
    place, before = str(shutil.copytree(truth[0], tmp_path / "place")), datetime.now(UTC)
    view = live_states.view(place, begin=at(0), end=at(7200))
    stop = next(one for machine in view.machines for one in machine.stops if one.state == "down")
    begin = datetime.fromisoformat(live_spans.iso(stop.begin))
    old = live_answers.plain(view)["plant"]
    live_acts.classify(place, stop.machine, begin, "tool", who="li")
    live_acts.classify(place, stop.machine, begin, "upkeep", who="wang", comment="agreed at noon")
    new = live_answers.plain(live_states.view(place, begin=at(0), end=at(7200)))
    assert new["plant"]["hours"]["PDOT"] == pytest.approx(stop.seconds / 3600)
    assert new["plant"]["elements"]["PBT"] == pytest.approx(old["elements"]["PBT"] - stop.seconds / 3600)
    assert any(one["reason"] == "upkeep" and one["was"] == "down" for one in new["stops"])
    assert live_answers.plain(live_states.view(place, begin=at(0), end=at(7200), as_of=before))["plant"] == old
    said = live_said.history(place, stop.machine)
    assert [(one["by"], one["reason"], one["number"]) for one in said] == [("li", "tool", 1), ("wang", "upkeep", 2)]
    with Workspace.open(place) as home:
        assert home.journal.verify().ok


@pytest.fixture(scope="module")
def caller(truth: tuple[Path, dict[str, Counter[str]], Workshop]) -> Iterator[Caller]:
    yield Caller(build(Desk(truth[0]), None, Settings(local=True)))


SPAN = {"from": at(0).isoformat(), "to": at(7200).isoformat()}


def test_command_and_route_tell_the_same(truth: tuple[Path, dict[str, Counter[str]], Workshop], caller: Caller) -> None:
    asked = ["--workspace", str(truth[0]), "--from", SPAN["from"], "--to", SPAN["to"], "--json"]
    for what in ("oee", "stops", "states"):
        said = json.loads(CliRunner().invoke(commands, ["live", what, *asked]).stdout)
        routed = caller.get(f"/api/v1/live/{what}", params=SPAN).json()
        assert said == (routed["rows"] if what == "states" else routed)
    assert "OEE" in CliRunner().invoke(commands, ["live", "oee", *asked[:-1], "--lang", "zh"]).stdout


@pytest.mark.parametrize(
    ("query", "code", "status"),
    [
        ({"machine": "nobody"}, "no_machine", 404),
        ({"shift": "nobody"}, "no_shift", 404),
        ({"shift": "2031-01-01/day"}, "no_shift", 404),
        ({"shift": "<b>/day"}, "no_shift", 404),
        ({"from": SPAN["to"], "to": SPAN["from"]}, "bad_range", 422),
        ({"from": "2024-01-01T00:00"}, "bad_time", 422),
        ({"from": "1990-01-01T00:00Z"}, "bad_range", 422),
    ],
)
def test_what_cannot_be_answered_is_refused(caller: Caller, query: dict[str, str], code: str, status: int) -> None:
    answer = caller.get("/api/v1/live/oee", params=query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    zh = caller.get("/api/v1/live/oee", params={**query, "lang": "zh"}).json()
    assert re.search(r"[\u4e00-\u9fff]", zh["what"]), zh


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"reason": "no such"}, "no_reason"),
        ({"begin": "2099-01-01T00:00:00Z"}, "bad_range"),
        ({"end": "2024-01-01T00:00:00Z"}, "bad_range"),
        ({"comment": "x" * 501}, "too_long"),
        ({"machine": "nobody"}, "no_machine"),
    ],
)
def test_a_statement_that_cannot_be_is_refused(caller: Caller, changed: dict[str, str], code: str) -> None:
    ask = {"machine": "mill 1", "begin": at(10).isoformat(), "reason": "tool", **changed}
    assert caller.post("/api/v1/live/stops", json=ask, params={"lang": "zh"}).json()["code"] == code


def test_a_note_stands_in_the_shift_book(
    truth: tuple[Path, dict[str, Counter[str]], Workshop], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(truth[0])
    for module in (live_states, live_acts, live_answers):
        monkeypatch.setattr(module, "now", lambda: at(7200))
    live_acts.note(place, "now", "coolant refilled", who="li")
    (first, *_) = live_answers.shift_book(place)
    assert (first["shift"], first["notes"][0]["text"]) == ("2025-01-01/day", "coolant refilled")
    with pytest.raises(InputError, match="empty"):
        live_acts.note(place, "now", "  ", who="li")


def test_a_workspace_without_signals_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ZhizaoError, match="nothing was measured"):
        live_states.view(str(tmp_path))
    with Historian(tmp_path / "signals", sync=False) as historian:
        historian.append([("hall", Samples.of([("load", START_NS, 1.0)]), {})])
    with pytest.raises(ZhizaoError, match="no machine tells its state") as told:
        live_states.view(str(tmp_path))
    fault = told.value.fault
    assert "设备" in Words("zh").fault(fault.code, fault.what, fault.fix)[0]


@pytest.mark.slow
def test_the_workshop_over_opc_ua_gives_the_same_account_as_the_workshop(tmp_path: Path) -> None:
    """A workshop sixty times as fast as the clock, listened to for twelve seconds."""
    from zhizao.testing.workshop.opcua_server import OpcuaServer
    from zhizao.testing.workshop.run import serve_workshop

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    declared = {**DECLARED, "connections": {"hall": {"kind": "opcua", "url": f"opc.tcp://127.0.0.1:{port}"}}}
    declared["shifts"] = {}
    (tmp_path / "plant.yaml").write_text(yaml.safe_dump(declared), encoding="utf-8")
    plant = Workshop(read_plant(tmp_path / "plant.yaml"), seed=4, rates=Rates(jam=0.05))
    told: list[tuple[str, int, Any]] = []
    plant.follow(told.extend)
    stop = threading.Event()

    async def serve() -> None:
        running = asyncio.create_task(serve_workshop(plant, 60.0, [OpcuaServer(port)]))
        while not stop.is_set() and not running.done():
            await asyncio.sleep(0.05)
        running.cancel()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        time.sleep(3.0)
        live.listen(str(tmp_path), read_plant(tmp_path / "plant.yaml"), for_s=20.0)
    finally:
        stop.set()
        thread.join()
    found = live_states.view(str(tmp_path))
    last = max(one for one in live.reading(str(tmp_path)).last()["at"].cast(int).to_list())
    for one in found.machines:
        heard = [int(one.told.state.at[0]), int(one.told.parts.at[0])] if one.told.state and one.told.parts else []
        begin = max(heard) + S
        end = last
        assert end - begin > 2 * S
        states = [(t, v) for name, t, v in told if name == f"{one.machine}/state"]
        parts = [(t, v) for name, t, v in told if name == f"{one.machine}/parts"]
        wanted: Counter[str] = Counter()
        for (t, value), (upto, _) in zip(states, [*states[1:], (end, "")], strict=True):
            wanted[value] += max(min(upto, end) - max(t, begin), 0)
        first, until = (datetime.fromtimestamp(t / 1e9, UTC) for t in (begin, end))
        again = live_states.view(str(tmp_path), machine=one.machine, begin=first, end=until).machines[0]
        hours = again.parts.times
        assert hours["APT"] * 3600 == pytest.approx(wanted["Executing"] / 1e9, abs=0.05)
        made = sum(begin <= t < end for t, _ in parts)
        assert again.parts.pieces == pytest.approx(made, abs=1)


def test_a_viewer_may_look_and_not_say(viewer: Caller) -> None:
    ask = {"machine": "mill 1", "begin": at(10).isoformat(), "reason": "tool"}
    assert viewer.post("/api/v1/live/stops", json=ask).status_code == 403
    assert viewer.post("/api/v1/live/notes", json={"shift": "now", "text": "x"}).status_code == 403
    assert viewer.get("/api/v1/live/reasons").status_code == 200
