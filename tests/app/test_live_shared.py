"""One look for all who look: what is folded in is what the historian says, nothing is done while nothing comes."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from zhizao.app import live, live_acts, live_answers, live_spans, live_states
from zhizao.app.live_kept import Kept
from zhizao.app.live_links import Links
from zhizao.app.live_shared import Watch
from zhizao.app.live_signals import link_tag, silences
from zhizao.errors import InputError
from zhizao.model import Samples
from zhizao.record.historian import Historian
from zhizao.record.historian.reading import since

S = 10**9
PLANT: dict[str, Any] = {
    "zone": "UTC",
    "machines": {f"m{k}": {"state_map": "workshop", "cycle_s": 10.0, "silence_s": 30.0} for k in range(3)},
}


def place_of(folder: Path) -> Path:
    (folder / "plant.yaml").write_text(yaml.safe_dump(PLANT), encoding="utf-8")
    return folder


def stored(historian: Historian, told: list[tuple[str, int, Any]]) -> None:
    historian.append([("hall", Samples.of(told), {})])


def midnight() -> int:
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return round(day.timestamp()) * S


def some(rng: random.Random, begin: int, end: int, n: int) -> list[tuple[str, int, Any]]:
    out: list[tuple[str, int, Any]] = []
    for _ in range(n):
        at, machine = rng.randrange(begin, end), f"hall/m{rng.randrange(3)}"
        kind = rng.choice(["state", "parts", "order", "scrap"])
        value: Any = (
            rng.randrange(400)
            if kind in ("parts", "scrap")
            else rng.choice(["Executing", "OutOfService", "NotAvailable"])
        )
        out.append((f"{machine}/{kind}", at, float(value) if kind in ("parts", "scrap") else value))
    return sorted(out, key=lambda one: one[1])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), steps=st.integers(1, 6), late=st.booleans())
def test_looks_that_fold_in_what_comes_see_what_one_view_of_all_sees(
    tmp_path_factory: pytest.TempPathFactory, seed: int, steps: int, late: bool
) -> None:
    place, rng = place_of(tmp_path_factory.mktemp("fold")), random.Random(seed)
    begin, end = midnight() - 3600 * S, time.time_ns()
    first = [
        (f"hall/m{k}/{kind}", begin, value)
        for k in range(3)
        for kind, value in (("state", "Executing"), ("parts", 0.0))
    ]
    with Historian(place / "signals", sync=False) as historian:
        stored(
            historian,
            first
            + [
                (f"hall/m{k}/{kind}", begin, 0.0 if kind == "scrap" else "A")
                for k in range(3)
                for kind in ("order", "scrap")
            ],
        )
        watch = Watch(str(place))
        cuts = [begin, *sorted(rng.randrange(begin, end) for _ in range(steps - 1)), end]
        for a, b in pairwise(cuts):
            low = begin if late and rng.random() < 0.5 else a
            stored(historian, some(rng, low, max(b, low + 1), 40))
            watch.look()
        look = watch.look()
        upto = datetime.fromtimestamp(look.view.end // 1000 / 1e6, UTC)
        for one in look.view.machines:
            last = datetime.fromisoformat(live_spans.iso(int(one.line.end[-1])))
            fresh = live_states.view(
                str(place), machine=one.machine, end=last, begin=datetime.fromisoformat(live_spans.iso(look.view.begin))
            ).machines[0]
            assert one.line.start.tolist() == fresh.line.start.tolist()
            assert one.line.state.tolist() == fresh.line.state.tolist()
            assert one.parts.times == pytest.approx(fresh.parts.times, abs=1e-6)
            assert (one.parts.pieces, one.parts.scrap) == (fresh.parts.pieces, fresh.parts.scrap)
            assert one.parts.ideal_h == pytest.approx(fresh.parts.ideal_h)
        assert upto <= datetime.now(UTC)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_silences_that_are_folded_are_those_of_all_samples(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = random.Random(seed)
    tags = ["a", "b"]
    with Historian(tmp_path_factory.mktemp("quiet") / "signals", sync=False) as historian:
        stored(historian, [(tag, S, 1.0) for tag in tags])
        reader = Historian(historian.folder, write=False)
        kept, (mark, _) = Kept(reader), since(reader, None)
        for _ in range(5):
            told = [(rng.choice(tags), rng.randrange(1, 500) * S, rng.random()) for _ in range(6)]
            stored(historian, told)
            reader.refresh()
            mark, rows = since(reader, mark)
            assert rows is not None
            kept.add(reader.tags, rows)
            end = rng.randrange(300, 600) * S
            for found, wanted in zip(
                kept.silences(tags, 20 * S, 5 * S, end), silences(reader, tags, 20 * S, 5 * S, end), strict=True
            ):
                assert np.array_equal(found, wanted)


def test_nothing_is_worked_out_or_read_again_while_nothing_comes(tmp_path: Path) -> None:
    place = place_of(tmp_path)
    with Historian(place / "signals", sync=False) as historian:
        now = time.time_ns()
        stored(
            historian,
            [
                (f"hall/m{k}/{kind}", now - 10 * S, 1.0 if kind == "parts" else "Executing")
                for k in range(3)
                for kind in ("state", "parts")
            ],
        )
        watch = Watch(str(place))
        first = watch.look()
        assert watch.worked == 3
        assert watch.look() is first and watch.look() is first and watch.worked == 3
        stored(historian, [("hall/m1/state", time.time_ns(), "OutOfService")])
        kept = watch._kept
        assert kept is not None
        read = kept.read
        second = watch.look()
        assert second.changed == {"m1"} and watch.worked == 4 and kept.read == read
        assert {one.machine: one.state for one in second.view.machines} == {
            "m0": "producing",
            "m1": "down",
            "m2": "producing",
        }


def test_what_is_said_of_a_stop_is_seen_at_the_next_look(tmp_path: Path) -> None:
    place = place_of(tmp_path)
    with Historian(place / "signals", sync=False) as historian:
        now = max(time.time_ns() - 20 * S, midnight())
        stored(
            historian,
            [(f"hall/m0/{kind}", now, 1.0 if kind == "parts" else "OutOfService") for kind in ("state", "parts")],
        )
        watch = Watch(str(place))
        (stop,) = (one for one in watch.look().of("m0").machines[0].stops if one.was == "down")
        live_acts.classify(str(place), "m0", datetime.fromisoformat(live_spans.iso(stop.begin)), "tool", who="li")
        (stop,) = (one for one in watch.look().of("m0").machines[0].stops if one.was == "down")
        assert stop.reason == "tool"
        assert live_answers.plain(watch.look().view)["machines"][0]["machine"] == "m0"
        with pytest.raises(InputError, match="does not tell its state"):
            watch.look().of("m9")
    live._READERS.clear()


def linked(place: Path) -> Historian:
    (place / "plant.yaml").write_text(
        "zone: UTC\nmachines: {m0: {state_map: workshop}}\nconnections: {hall: {kind: opcua, url: 'opc.tcp://hall:4840'}}\n",
        encoding="utf-8",
    )
    return Historian(place / "signals", sync=False)


def hours(place: Path, begin: int, end: int) -> dict[str, float]:
    first, last = (datetime.fromtimestamp(one / S, UTC) for one in (begin, end))
    (one,) = live_states.view(str(place), begin=first, end=last).machines
    found: dict[str, float] = {}
    for row in live_answers.intervals(one):
        length = datetime.fromisoformat(row["end"]) - datetime.fromisoformat(row["begin"])
        found[row["state"]] = found.get(row["state"], 0.0) + length.total_seconds()
    return found


def test_a_broken_connection_is_silence_until_it_is_mended_or_the_source_tells_of_that_time(tmp_path: Path) -> None:
    zero = midnight() - 7200 * S
    with linked(tmp_path) as historian:
        stored(historian, [("hall/m0/state", zero, "Executing"), ("hall/m0/parts", zero, 0.0)])
        stored(historian, [(link_tag("hall"), zero, 1.0), (link_tag("hall"), zero + 100 * S, 0.0)])
        stored(historian, [(link_tag("hall"), zero + 160 * S, 1.0)])
        assert hours(tmp_path, zero, zero + 300 * S) == {"producing": 240.0, "silent": 60.0}
        stored(historian, [("hall/m0/state", zero + 120 * S, "OutOfService")])  # from the server's history
        assert hours(tmp_path, zero, zero + 300 * S) == {"producing": 100.0, "silent": 20.0, "down": 180.0}


def test_a_time_in_which_nobody_listened_leaves_a_gap_however_it_ended(tmp_path: Path) -> None:
    zero = time.time_ns() - 600 * S
    with linked(tmp_path) as historian:
        stored(historian, [("hall/m0/state", zero, "Executing"), ("hall/m0/parts", zero, 0.0)])
        killed = datetime.fromtimestamp((zero + 100 * S) / S, UTC).isoformat()
        links = Links(historian, {"at": killed})
        back = time.time_ns()
        found = hours(tmp_path, zero, back)
        assert found["producing"] == pytest.approx(100.0, abs=0.01)
        assert found["silent"] == pytest.approx((back - zero) / S - 100.0, abs=0.01)
        links.note({"hall": True})
        links.note({"hall": True})
        links.note({"hall": False})
        links.ended()
        assert historian.last(["zhizao/listening", link_tag("hall")])["value"].to_list() == [0.0, 0.0]
        account = {row["source"]: row for row in historian.ledger().iter_rows(named=True)}
        assert account["zhizao"]["balance"] and account["zhizao"]["stored"] == 5
