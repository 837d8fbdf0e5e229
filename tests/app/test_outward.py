"""Metrics, health, Grafana's questions, events to webhooks, and who may ask."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest

from app.calling import PASSWORD, Caller
from zhizao.app.access import Access, Role
from zhizao.app.desk import Desk
from zhizao.app.herald import Herald
from zhizao.app.http.application import Settings, build
from zhizao.app.outbox import OUTBOX, Letter, Outbox, Outcome
from zhizao.model import Plant, Samples, TagCard, Webhook
from zhizao.record.historian import Historian

S = 1_000_000_000
T0 = 1_760_000_400 * S
SPAN = {"from": "2025-10-09T09:00:00.000Z", "to": "2025-10-09T10:00:00.000Z"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outward") / "place"
    with Historian(folder / "signals", sync=False) as historian:
        at = T0 + np.arange(60) * 60 * S
        load = Samples(['mill "1"/load'] * 60, at, np.arange(60.0), np.zeros(60, np.uint32))
        state = Samples.of([("mill/state", T0, "run"), ("mill/state", T0 + 1800 * S, "idle")])
        historian.append([('hall "1"\n', load, {"bad_type": 2}), ("hall 2", state, {})])
    said = {"at": datetime.now(UTC).isoformat(), "connections": {
        "hall 2": {"connected": True, "restarts": 3, "queue": 4, "lag_p50_ms": 12.0, "lag_p99_ms": 80.0}}}  # fmt: skip
    (folder / "signals" / "health.json").write_text(json.dumps(said), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def caller(place: Path) -> Iterator[Caller]:
    yield Caller(build(Desk(place), None, Settings(local=True)))


def test_metrics_are_well_formed_and_tell_the_loss_account(caller: Caller) -> None:
    answer = caller.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    kinds: dict[str, str] = {}
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds, "a family stands once"
            kinds[name] = kind
        elif not line.startswith("#"):
            found = re.fullmatch(r'([a-z_]+)(\{([a-z]+="(\\.|[^"\\])*",?)*\})? -?[0-9.e+-]+', line)
            assert found and found[1] in kinds, line
            assert (kinds[found[1]] == "counter") == found[1].endswith("_total")
    assert 'zhizao_samples_received_total{source="hall \\"1\\"\\n"} 62' in answer.text
    assert 'zhizao_lag_seconds{source="hall 2",quantile="0.99"} 0.08' in answer.text
    assert "zhizao_commit_queue 4" in answer.text
    assert re.search(r'zhizao_http_requests_total\{method="GET",status="200"\} \d', caller.get("/metrics").text)


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        (("127.0.0.1", 1), {"host": "localhost:8080"}, 200),
        (("10.0.0.9", 1), {"host": "localhost:8080"}, 401),
        (("127.0.0.1", 1), {"host": "plant.example"}, 401),
        (("127.0.0.1", 1), {"host": "127.0.0.1", "x-forwarded-for": "10.0.0.9"}, 401),
        (("10.0.0.9", 1), {"host": "plant.example", "authorization": "Bearer zz_wrong"}, 401),
    ],
)
def test_metrics_are_for_a_token_or_for_the_machine_itself(
    place: Path, tmp_path: Path, client: tuple[str, int], headers: dict[str, str], status: int
) -> None:
    access = Access(tmp_path / "people.db")
    app = build(Desk(place), access, Settings())

    async def ask() -> int:
        transport = httpx.ASGITransport(app=app, client=client, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as asking:
            return (await asking.get("/metrics", headers=headers)).status_code

    assert asyncio.run(ask()) == status
    access.close()


def test_health_tells_strangers_codes_only_and_others_what_they_are_about(place: Path, tmp_path: Path) -> None:
    box = Outbox(place / OUTBOX)
    box.put(Letter("k", "webhook", "board", "x"))
    box.note(box.claim()[0], Outcome(False, "410", for_good=True))
    box.close()
    access = Access(tmp_path / "people.db")
    access.add("li", PASSWORD, Role.VIEWER)
    app = build(Desk(place), access, Settings())
    stranger = Caller(app).get("/api/v1/health").json()
    assert stranger["state"] == "degraded" and stranger["live"] and stranger["ready"]
    assert stranger["reasons"] == [{"code": "letters_failed"}]
    known = Caller(build(Desk(place), None, Settings(local=True))).get("/api/v1/health").json()
    assert known["reasons"] == [{"code": "letters_failed", "about": "1"}]
    (place / OUTBOX).unlink()
    access.close()


def test_a_server_whose_disk_is_full_is_not_ready(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zhizao.app.metrics.shutil.disk_usage", lambda path: SimpleNamespace(free=5 << 20))
    assert caller.get("/api/v1/health?probe=ready").status_code == 503
    assert caller.get("/api/v1/health?probe=live").status_code == 200


def test_grafana_searches_asks_and_annotates(caller: Caller) -> None:
    assert caller.get("/api/v1/grafana/").status_code == 200
    assert caller.post("/api/v1/grafana/search", json={"target": "LOAD"}).json() == ['mill "1"/load']
    ask = {"range": SPAN, "maxDataPoints": 500, "targets": [
        {"refId": "A", "target": 'mill "1"/load', "type": "timeserie"}, {"refId": "B", "target": "mill/state"}]}  # fmt: skip
    load, state = caller.post("/api/v1/grafana/query", json=ask).json()
    assert load["datapoints"][:2] == [[0.0, T0 // 10**6], [1.0, T0 // 10**6 + 60_000]]
    assert state["type"] == "table" and [row[1] for row in state["rows"]] == ["run", "idle"]
    notes = caller.post(
        "/api/v1/grafana/annotations", json={"range": SPAN, "annotation": {"query": "mill/state"}}
    ).json()
    assert [(one["title"], one["time"]) for one in notes] == [("run", T0 // 10**6), ("idle", T0 // 10**6 + 1_800_000)]


@pytest.mark.parametrize("target", ["none", " as kW", 'mill "1"/load as ', 'mill "1"/load as furlong'])
def test_grafana_is_told_what_is_wrong(caller: Caller, target: str) -> None:
    answer = caller.post("/api/v1/grafana/query", json={"range": SPAN, "targets": [{"target": target}]})
    assert answer.status_code in {200, 422}
    assert answer.status_code == 200 or answer.json()["fix"]


def _herald(tmp_path: Path) -> Herald:
    plant = Plant(
        webhooks={"board": Webhook(url="https://board.example")}, tags={"m/state": TagCard(role="state", machine="m")}
    )
    return Herald(tmp_path, plant)


def _kinds(tmp_path: Path) -> list[str]:
    box = Outbox(tmp_path / OUTBOX)
    found = [f"{one.letter.kind} {one.letter.body.get('state', '')}".strip() for one in reversed(box.letters())]
    box.close()
    return found


def test_a_machine_that_changes_its_state_is_told_once(tmp_path: Path) -> None:
    herald = _herald(tmp_path)
    for state, since in (("producing", 0), ("producing", 0), ("idle", 5 * S), ("idle", 5 * S), ("down", 9 * S)):
        herald.states([SimpleNamespace(machine="m", state=state, since=T0 + since, order="o1")])
    assert _kinds(tmp_path) == ["machine.state idle", "machine.state down"]
    assert herald.wants_states
    assert not Herald(tmp_path, Plant()).wants_states


def test_a_source_is_lost_after_some_seconds_and_back_at_once(tmp_path: Path) -> None:
    herald = _herald(tmp_path)

    def seen(connected: bool, since: float, time: float) -> None:
        herald.connections({"hall": SimpleNamespace(connected=connected, since=since, word="gone")}, time)

    seen(False, 0, 1)  # never was there: nobody has lost it
    seen(True, 2, 3)
    seen(False, 10, 11)
    seen(False, 10, 16)
    seen(False, 10, 30)
    seen(True, 40, 40)
    assert _kinds(tmp_path) == ["source.lost", "source.back"]
