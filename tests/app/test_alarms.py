"""Alarms live: facts exactly once, acts of people, escalation, trying and setting, the door's refusals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from app.calling import Caller
from zhizao.app import alarm_book, alarm_desk
from zhizao.app.alarm_watch import Watch
from zhizao.app.desk import Desk
from zhizao.app.http.application import Settings, build
from zhizao.app.outbox import OUTBOX, Outbox
from zhizao.errors import InputError, NotAllowed
from zhizao.model import Samples
from zhizao.record.historian import Historian

S = 1_000_000_000
NOW = time.time_ns() // S * S
"""Of each test, when it begins."""
PLANT = """
zone: UTC
machines: {mill 1: {}}
tags: {jam: {role: alarm, machine: mill 1}}
alarms:
  hot: {tag: temp, condition: high, limit: 70, severity: major, respond_min: 10, escalation: shift}
  slow: {tag: speed, condition: low, limit: 10, suppressed_when: {tag: state, texts: [stop]}}
  stay: {tag: press, condition: high, limit: 5, latching: true}
webhooks:
  board: {url: "https://127.0.0.1:9/x", secret: plain-secret-of-some-length}
escalations:
  shift: {steps: [{after_min: 0, to: board}, {after_min: 5, to: board}]}
"""


@pytest.fixture(autouse=True)
def _books() -> Iterator[None]:
    """Books that a test has opened are closed after it."""
    yield
    for one in alarm_book._BOOKS.values():
        one.close()
    alarm_book._BOOKS.clear()


def place(folder: Path, plant: str = PLANT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plant.yaml").write_text(plant, encoding="utf-8")
    return folder


def tell(
    folder: Path, *rows: tuple[str, int, float | str | bool | None], look_s: float = 0.0, wait: bool = True
) -> None:
    """Samples at seconds before now, as `zhizao sense` would take them, in a process that ends well."""
    with Historian(folder / "signals") as historian:
        watch = Watch(folder, historian)
        watch.set_up()
        batch = Samples.of([(tag, NOW + at * S, value) for tag, at, value in rows])
        historian.append([("x", batch, {})])
        watch.take([("x", batch)])
        watch.look(NOW + round(look_s * S))
        if wait:
            watch.stop()


def states(folder: Path) -> dict[str, str]:
    return {row["alarm"]: row["state"] for row in alarm_desk.listing(str(folder), "all").to_dicts()}


@pytest.fixture(autouse=True)
def _now() -> None:
    global NOW  # what happened minutes ago escalates: each test has its own now
    NOW = time.time_ns() // S * S


def kinds(folder: Path, alarm: str) -> list[str]:
    return [one["what"] for one in reversed(alarm_desk.history_of(str(folder), alarm))]


def test_an_alarm_is_raised_acknowledged_cleared_and_each_is_a_fact(tmp_path: Path) -> None:
    folder = place(tmp_path / "w")
    tell(folder, ("temp", -90, 60), ("temp", -80, 71), ("jam", -70, True))
    assert states(folder) == {"hot": "unacked", "slow": "normal", "stay": "normal", "jam": "unacked"}
    done = alarm_desk.act(str(folder), "acknowledge", ["hot", "jam"], "li", comment="seen")
    assert {row["acked_by"] for row in done} == {"li"}
    tell(folder, ("temp", -60, 60))
    assert states(folder)["hot"] == "normal"
    assert kinds(folder, "hot") == ["raised", "escalated", "acknowledged", "cleared"]


def test_as_of_shows_the_list_as_it_was_known(tmp_path: Path) -> None:
    folder = place(tmp_path / "w")
    tell(folder, ("temp", -80, 71))
    time.sleep(0.01)
    before = datetime.now(UTC)
    time.sleep(0.01)
    alarm_desk.act(str(folder), "acknowledge", ["hot"], "li")
    then = alarm_desk.listing(str(folder), "all", as_of=before).to_dicts()
    assert {row["alarm"]: row["state"] for row in then}["hot"] == "unacked"
    assert states(folder)["hot"] == "acked"


def test_judging_the_same_samples_again_after_a_crash_adds_no_fact(tmp_path: Path) -> None:
    folder = place(tmp_path / "w")
    tell(folder, ("temp", -90, 60), ("temp", -80, 71), ("temp", -70, 60), ("temp", -60, 75))
    first = alarm_desk.history_of(str(folder))
    kept = folder / "signals" / "alarms.json"
    stands = json.loads(kept.read_text(encoding="utf-8"))
    stands["alarm:hot"][1][:4] = [NOW - 90 * S, -(2**63), 0, 0]  # as it stood before the first alarm
    stands["alarm:hot"][1][7] = 60.0
    kept.write_text(json.dumps(stands), encoding="utf-8")
    tell(folder, ("temp", -50, 76))
    assert [one for one in alarm_desk.history_of(str(folder)) if one["what"] != "escalated"] == [
        one for one in first if one["what"] != "escalated"
    ]


def test_samples_that_came_while_nobody_judged_are_judged_at_the_start(tmp_path: Path) -> None:
    folder = place(tmp_path / "w")
    tell(folder, ("temp", -90, 60))
    with Historian(folder / "signals") as historian:
        historian.append([("x", Samples.of([("temp", NOW - 80 * S, 71), ("temp", NOW - 70 * S, 60)]), {})])
    tell(folder, ("temp", -60, 61))
    assert kinds(folder, "hot")[:2] == ["raised", "cleared"]


@pytest.mark.slow
def test_a_killed_judge_and_its_successor_tell_each_alarm_once(tmp_path: Path) -> None:
    folder = place(tmp_path / "w", PLANT.replace("escalation: shift", "deadband: 0"))
    script = f"""
import sys, os, time
from pathlib import Path
from zhizao.app.alarm_watch import Watch
from zhizao.model import Samples
from zhizao.record.historian import Historian
folder = Path({str(folder)!r}); S = 10**9
with Historian(folder / "signals") as historian:
    watch = Watch(folder, historian); watch.start()
    n = int(sys.argv[1])
    while True:
        n += 1
        batch = Samples.of([("temp", {NOW - 10_000 * S} + n * S, 75.0 if n % 2 else 60.0)])
        historian.append([("x", batch, {{}})]); watch.take([("x", batch)])
        print(n, flush=True)
        time.sleep(0.003)
"""
    last = 0
    for _ in range(2):
        with subprocess.Popen([sys.executable, "-c", script, str(last)], stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            for line in running.stdout:
                last = int(line)
                if last % 300 == 0:
                    os.kill(running.pid, signal.SIGKILL)
                    break
            last = max([last, *(int(line) for line in running.stdout if line.strip().isdigit())])
    tell(folder, ("speed", -1, 50))
    with Historian(folder / "signals", write=False) as historian:
        there = historian.range("temp", 0, NOW)
    told = [(one["what"], one["at"]) for one in reversed(alarm_desk.history_of(str(folder), "hot"))]
    wanted = [("raised" if value > 70 else "cleared", at) for at, value in there.select("at", "value").iter_rows()]
    assert told == wanted[wanted[0][0] == "cleared" :] or told == [one for one in wanted if one in told] == wanted
    assert len(told) == len(set(told)) > 500


def test_suppressed_by_design_while_the_plant_expects_it(tmp_path: Path) -> None:
    folder = place(tmp_path / "w")
    tell(folder, ("state", -90, "stop"), ("speed", -80, 0))
    assert states(folder)["slow"] == "suppressed"
    tell(folder, ("state", -70, "run"))
    assert states(folder)["slow"] == "unacked"


def test_a_latched_alarm_stays_until_it_is_reset(tmp_path: Path) -> None:
    folder = place(tmp_path / "w")
    tell(folder, ("press", -90, 6), ("press", -80, 1))
    assert states(folder)["stay"] == "latched-unacked"
    alarm_desk.act(str(folder), "acknowledge", ["stay"], "li")
    alarm_desk.act(str(folder), "reset", ["stay"], "li")
    assert states(folder)["stay"] == "normal"


def test_a_condition_of_an_opc_ua_server_enters_the_list_and_its_acknowledgement(tmp_path: Path) -> None:
    folder, name = place(tmp_path / "w"), "line/alarm/mill 1/Overheating"
    rows = [(f"{name}/active", -90, True), (f"{name}/message", -90, "too hot"), (f"{name}/severity", -90, 850)]
    tell(folder, *rows)  # type: ignore[arg-type]
    line = {row["alarm"]: row for row in alarm_desk.listing(str(folder)).to_dicts()}[name]
    assert (line["priority"], line["message"], line["state"]) == (1, "too hot", "unacked")
    tell(folder, (f"{name}/acked", -80, True))
    assert states(folder)[name] == "acked"


def test_escalation_puts_each_step_once_and_none_after_an_acknowledgement(tmp_path: Path) -> None:
    folder = place(tmp_path / "w")
    tell(folder, ("temp", -600, 60), ("temp", -360, 71), wait=False)
    tell(folder, ("temp", -300, 72))
    outbox = Outbox(folder / OUTBOX)
    keys = [one.letter.key for one in outbox.letters()]
    assert sorted(keys) == [f"alarm/hot/{NOW - 360 * S}/{step}" for step in (0, 1)]
    alarm_desk.act(str(folder), "acknowledge", ["hot"], "li")
    tell(folder, ("temp", -200, 73))
    assert len(outbox.letters()) == 2
    outbox.close()


def test_trying_shows_an_effect_and_changes_nothing_and_setting_is_followed(tmp_path: Path) -> None:
    folder = place(tmp_path / "w")
    at = NOW - np.arange(600, 0, -1) * S
    value = np.where(np.arange(600) % 20 < 10, 69.5, 70.5)
    with Historian(folder / "signals") as historian:
        historian.append([("x", Samples(["temp"] * 600, at, value, np.zeros(600, np.uint32)), {})])
    tried = alarm_desk.try_alarm(str(folder), "hot", {"deadband": 2.0})
    assert (tried["effect"]["before"], tried["effect"]["after"]) == (30, 1)
    assert tried["changes"] == {"deadband": 2.0}
    assert alarm_desk.settings_of(str(folder), "hot")["deadband"] == 0
    tell(folder, ("temp", 0, 71))
    assert states(folder)["hot"] == "unacked"
    assert alarm_desk.set_alarm(str(folder), "hot", {"limit": 80.0}, "li", "sensor is exact")["limit"] == 80
    tell(folder, ("speed", 0, 50))
    assert states(folder)["hot"] == "rtn-unacked", "under the new limit the value is back"
    assert kinds(folder, "hot")[-2:] == ["changed", "cleared"]


def test_figures_count_what_was_annunciated(tmp_path: Path) -> None:
    folder = place(tmp_path / "w")
    rows = [("temp", -3000 + 10 * n, 75.0 if n % 2 else 60.0) for n in range(60)]
    tell(folder, *rows)  # type: ignore[arg-type]
    end = datetime.fromtimestamp(NOW / S, UTC)
    found = alarm_desk.figures(str(folder), end - timedelta(hours=1), end)
    by = {one["key"]: one for one in found["figures"]}
    assert found["alarms"] == 30
    assert by["floods"]["value"] == 1
    assert by["chattering"]["value"] == 1
    assert by["per_day"]["value"] == pytest.approx(720)
    assert found["top"] == [{"alarm": "hot", "times": 30, "chatter": 30}]


@pytest.mark.parametrize(
    ("action", "more", "code"),
    [
        ("shelve", {"minutes": 10}, "no_comment"),
        ("shelve", {"minutes": float("nan"), "comment": "x"}, "bad_shelving"),
        ("shelve", {"minutes": 1e9, "comment": "x"}, "bad_shelving"),
        ("shelve", {"minutes": 0, "comment": "x"}, "bad_shelving"),
        ("comment", {"comment": "x" * 1001}, "too_long"),
        ("dance", {}, "bad_action"),
        ("suppress", {}, "no_comment"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_code(
    tmp_path: Path, action: str, more: dict[str, object], code: str
) -> None:
    folder = place(tmp_path / "w")
    with pytest.raises(InputError) as refused:
        alarm_desk.act(str(folder), action, ["hot"], "li", **more)  # type: ignore[arg-type]
    assert refused.value.fault.code == code


def test_one_that_refuses_leaves_all_as_they_are(tmp_path: Path) -> None:
    folder = place(tmp_path / "w")
    tell(folder, ("temp", -80, 71))
    with pytest.raises(NotAllowed):
        alarm_desk.act(str(folder), "acknowledge", ["hot", "slow"], "li")
    with pytest.raises(InputError):
        alarm_desk.act(str(folder), "acknowledge", ["hot", "nothing"], "li")
    assert states(folder)["hot"] == "unacked"


def test_of_two_who_act_on_the_same_state_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = place(tmp_path / "w")
    tell(folder, ("temp", -80, 71))
    seen = alarm_book.book(str(folder)).entries()
    alarm_desk.act(str(folder), "acknowledge", ["hot"], "li")
    monkeypatch.setattr(alarm_desk, "_entry", lambda kept, name: seen[name])
    with pytest.raises(NotAllowed, match="somebody else"):
        alarm_desk.act(str(folder), "acknowledge", ["hot"], "wang")


def test_the_routes_list_act_try_and_export(tmp_path: Path) -> None:
    folder = place(tmp_path / "w")
    tell(folder, ("temp", -80, 71), ("jam", -70, True))
    caller = Caller(build(Desk(folder), None, Settings(local=True)))
    base = "/api/v1/live/alarms"
    assert [row["alarm"] for row in caller.get(base, params={"show": "unacked"}).json()] == ["jam", "hot"]
    said = caller.post(f"{base}/act", json={"action": "acknowledge", "alarms": "hot", "comment": "seen"})
    assert said.json()[0]["state"] == "acked"
    assert caller.post(f"{base}/act", json={"action": "acknowledge", "alarms": ["hot"]}).status_code == 409
    assert caller.get(f"{base}/one", params={"alarm": "nothing"}).status_code == 404
    assert caller.get(f"{base}/history", params={"alarm": "hot"}).json()[0]["what"] == "acknowledged"
    assert caller.get(f"{base}/figures").json()["alarms"] == 2
    assert caller.post(f"{base}/try", json={"alarm": "hot", "limit": 72}).json()["effect"]["after"] == 0
    assert caller.post(f"{base}/try", json={"alarm": "hot"}).json()["code"] == "bad_setting"
    assert caller.post(f"{base}/set", json={"alarm": "hot", "limit": 72, "reason": "drift"}).json()["limit"] == 72
    assert "hot" in caller.get(f"{base}/export", params={"format": "csv"}).text


class Mailbox(socketserver.ThreadingTCPServer):
    """An SMTP server that takes everything, on a port of its own."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self) -> None:
        self.letters: list[str] = []
        super().__init__(("127.0.0.1", 0), _Smtp)


class _Smtp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                text = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.letters.append(text.decode())  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


def test_an_acknowledgement_is_told_on_once_and_a_refusal_is_a_comment(tmp_path: Path) -> None:
    folder, told = place(tmp_path / "w"), list[tuple[str, ...]]()
    alarm = "x/alarm/mill 1/Hot"
    with Historian(folder / "signals") as historian:
        watch = Watch(folder, historian, lambda *said: told.append(said))
        watch.set_up()
        batch = Samples.of([("temp", NOW - 90 * S, 75), *((f"{alarm}/{what}", NOW - 90 * S, on) for what, on in (("active", True), ("acked", False)))])  # fmt: skip
        historian.append([("x", batch, {})])
        watch.take([("x", batch)])
        watch.look(NOW)
        alarm_desk.act(str(folder), "acknowledge", [alarm, "hot"], "li", comment="seen")
        watch.look(NOW)
        watch.look(NOW)
        assert told == [(alarm, "li", "seen")], "once, and only what is a server's"
        watch.refused(alarm, "BadEventIdUnknown")
        acked = Samples.of([(f"{alarm}/acked", NOW - 60 * S, True)])
        historian.append([("x", acked, {})])
        watch.take([("x", acked)])
        watch.look(NOW)
        assert len(told) == 1, "what the server says itself is not told back"
        watch.stop()
    facts = alarm_desk.history_of(str(folder), alarm)
    assert any("BadEventIdUnknown" in one["comment"] and one["by"] == "opcua" for one in facts)
    row = {one["alarm"]: one for one in alarm_desk.listing(str(folder), "all").to_dicts()}[alarm]
    assert (row["state"], row["acked_by"]) == ("acked", "li")


def test_a_limit_in_another_unit_is_judged_in_that_of_the_signal(tmp_path: Path) -> None:
    plant = "tags: {temp: {unit: degC}}\nalarms: {hot: {tag: temp, condition: high, limit: 158, unit: degF}}\n"
    folder = place(tmp_path / "w", plant)
    tell(folder, ("temp", -90, 69.9))
    assert states(folder) == {"hot": "normal"}
    tell(folder, ("temp", -80, 70.1))
    assert states(folder) == {"hot": "unacked"}
    assert alarm_desk.settings_of(str(folder), "hot")["limit"] == pytest.approx(70)


@pytest.mark.slow
def test_a_jam_in_the_workshop_becomes_an_alarm_within_a_second_and_somebody_is_mailed_once(tmp_path: Path) -> None:
    from zhizao.app import live
    from zhizao.record import read_plant
    from zhizao.testing.workshop.opcua_server import OpcuaServer
    from zhizao.testing.workshop.plant import Workshop
    from zhizao.testing.workshop.run import serve_workshop

    mailbox = Mailbox()
    threading.Thread(target=mailbox.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = place(
        tmp_path / "w",
        f"""
machines: {{mill 1: {{}}}}
connections: {{shop: {{kind: opcua, url: "opc.tcp://127.0.0.1:{port}"}}}}
alarms:
  jammed: {{tag: shop/Workshop/mill 1/alarm/active, condition: discrete, priority: 1, escalation: shift}}
mail: {{host: 127.0.0.1, port: {mailbox.server_address[1]}, tls: none, sender: plant@example.org, allow_private: true}}
escalations: {{shift: {{steps: [{{after_min: 0, to: shift@example.org}}]}}}}
""",
    )
    plant = read_plant(folder / "plant.yaml")
    shop = Workshop(plant, seed=1)
    loop = asyncio.new_event_loop()

    async def work() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(serve_workshop(shop, 1.0, [OpcuaServer(port)]), 30)

    def jam() -> None:
        loop.call_soon_threadsafe(shop.inject, "jam", "mill 1", 3.0)

    thread = threading.Thread(target=loop.run_until_complete, args=(work(),))
    thread.start()
    for _ in range(100):
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    threading.Timer(6, jam).start()
    live.listen(str(folder), plant, for_s=14)
    thread.join()
    loop.close()
    mailbox.shutdown()
    mailbox.server_close()
    told = [(one["what"], one["by"]) for one in reversed(alarm_desk.history_of(str(folder), "jammed"))]
    assert told == [("raised", "sense"), ("escalated", "sense"), ("cleared", "sense")]
    with alarm_book.Workspace.open(folder) as home:
        first = home.journal.alarm_facts()[0]
    assert first.recorded_at - first.at < 1.5e9, "half of it is the workshop's and the server's"
    assert len(mailbox.letters) == 1
    assert "jammed" in mailbox.letters[0]
    servers = [name for name in states(folder) if name != "jammed"]
    assert servers, "the server's own condition is in the list too"
