"""Trends: extremes never lost, gaps shown, units converted, the same in route and command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from app.calling import Caller
from zhizao.app.cli.main import app
from zhizao.app.desk import Desk
from zhizao.app.http.application import Settings, build
from zhizao.app.trend import trend
from zhizao.errors import InputError
from zhizao.model import BAD, Samples
from zhizao.record.historian import Historian
from zhizao.record.historian.kernels import telling
from zhizao.units import line_between

S = 1_000_000_000
T0 = 1_760_000_400 * S
HOUR = 3600 * S


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trend")
    (folder / "plant.yaml").write_text("tags:\n  a/power: {unit: kW}\n", encoding="utf-8")
    count = 3 * 86_400 // 5
    at = T0 + np.arange(count) * 5 * S
    value = np.sin(np.arange(count) / 700) * 5
    value[20_000] = 99.0
    quality = np.zeros(count, np.uint32)
    quality[100:110] = BAD
    with Historian(folder / "signals", sync=False) as historian:
        historian.append([("s", Samples(["a/power"] * count, at, value, quality), {})])
        historian.append([("s", Samples.of([("a/state", T0, "run"), ("a/state", T0 + HOUR, "=idle")]), {})])
        historian.flush()
    return folder


@pytest.fixture(scope="module")
def caller(place: Path) -> Iterator[Caller]:
    yield Caller(build(Desk(place), None, Settings(local=True)))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 999), st.floats(-9, 9), st.booleans()), max_size=200, unique_by=lambda row: row[0]
    )
)
def test_the_telling_samples_hold_the_extremes_and_a_bad_one_of_each_part(rows: list[tuple[int, float, bool]]) -> None:
    rows.sort()
    at = np.array([a for a, *_ in rows], np.int64)
    value, good = np.array([v for _, v, _ in rows], np.float64), np.array([g for *_, g in rows], np.bool_)
    out = np.empty(len(at), np.int64)
    kept = out[: telling(at, value, good, 0, 1000, 10, out)]
    assert len(kept) <= 50
    assert (np.diff(kept) > 0).all()
    for part in range(10):
        mine, told = np.flatnonzero(at // 100 == part), kept[at[kept] // 100 == part]
        fine = mine[good[mine]]
        if len(fine):
            good_told = told[good[told]]
            assert value[good_told].min() == value[fine].min() and value[good_told].max() == value[fine].max()
            assert {fine[0], fine[-1]} <= set(told.tolist())
        assert (~good[mine]).any() == (~good[told]).any()


def test_few_samples_are_told_as_they_are_with_their_gap(place: Path) -> None:
    historian = Historian(place / "signals", write=False)
    found = trend(historian, "a/power", T0 + 480 * S, T0 + 600 * S, 100)
    assert found.every_s == 0 and found.samples == 24
    assert np.isnan(found.value).sum() == 10


def test_a_spike_is_seen_from_any_height(place: Path) -> None:
    historian = Historian(place / "signals", write=False)
    for points in (4, 50, 1000, 20_000):
        found = trend(historian, "a/power", T0, T0 + 72 * HOUR, points)
        assert max(np.nanmax(found.value), np.nanmax(found.high, initial=-9.0)) == 99.0
        assert len(found.at) <= 1.25 * points + 2


def test_a_span_that_is_long_is_told_in_intervals_with_their_range(place: Path) -> None:
    found = trend(Historian(place / "signals", write=False), "a/power", T0, T0 + 72 * HOUR, 72)
    assert found.every_s == 3600
    inside = ~np.isnan(found.value)
    assert (found.low[inside] <= found.value[inside]).all() and (found.value[inside] <= found.high[inside]).all()


def test_values_are_told_in_the_unit_asked_for(caller: Caller) -> None:
    ask = {"tag": "a/power", "from": "2025-10-09T09:00:00Z", "to": "2025-10-09T09:01:00Z"}
    (plain,) = caller.get("/api/v1/live/trend", params=ask).json()
    (watts,) = caller.get("/api/v1/live/trend", params=ask | {"unit": "W"}).json()
    assert plain["unit"] == "kW" and watts["unit"] == "W"
    assert watts["value"] == pytest.approx([1000 * one for one in plain["value"]])
    refused = caller.get("/api/v1/live/trend", params=ask | {"unit": "kg"})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_unit")


@pytest.mark.parametrize(("unit", "to"), [("bar", "Pa"), ("degF", "degC"), ("km/h", "m/s")])
def test_there_and_back_is_the_same(unit: str, to: str) -> None:
    there, back = line_between(unit, to), line_between(to, unit)
    assert (7.0 * there[0] + there[1]) * back[0] + back[1] == pytest.approx(7.0)


@pytest.mark.parametrize("unit", ["no such", "", "1/0", "__import__('os')", "m" * 9999])
def test_what_is_no_unit_is_refused(unit: str) -> None:
    with pytest.raises(InputError):
        line_between("kW", unit)


@pytest.mark.parametrize(
    "ask",
    [
        {"tag": "none"}, {"tag": "a/power", "from": "2025-10-09T09:00:00"}, {"tag": "a/power", "points": "3"},
        {"tag": "a/power", "from": "2025-10-09T09:00:00Z", "to": "2025-10-09T09:00:00Z"}, {"tag": ["a/power"] * 13}, {},
        {"tag": "a/power", "points": "999999999"}, {"tag": "a/power", "from": "0001-01-01T00:00:00Z"},
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused(caller: Caller, ask: dict[str, object]) -> None:
    answer = caller.get("/api/v1/live/trend", params=ask)
    assert answer.status_code == 422 and answer.json()["what"]


def test_an_export_holds_the_points_and_runs_nothing(caller: Caller) -> None:
    ask = {"tag": ["a/power", "a/state"], "from": "2025-10-09T09:00:00Z", "to": "2025-10-09T10:30:00Z", "lang": "en"}
    text = caller.get("/api/v1/live/trend/export", params=ask).content.decode("utf-8-sig")
    head, *lines = text.splitlines()
    assert head == "Tag,Time,Value,Least,Greatest,Text,Unit"
    assert len(lines) == 1080 + 2 and any(",'=idle," in line for line in lines)
    excel = caller.get("/api/v1/live/trend/export", params=ask | {"format": "xlsx"})
    assert excel.content[:2] == b"PK"


def test_the_command_tells_what_the_route_tells(place: Path, caller: Caller) -> None:
    span = {"from": "2025-10-09T09:00:00+00:00", "to": "2025-10-12T09:00:00+00:00"}
    (told,) = caller.get("/api/v1/live/trend", params={"tag": "a/power", "points": "72"} | span).json()
    words = ["history", "a/power", "--workspace", str(place), "--points", "72", "--json"]
    said = CliRunner().invoke(app, [*words, "--from", span["from"], "--to", span["to"]])
    assert said.exit_code == 0, said.output
    assert [row["value"] for row in json.loads(said.output)] == told["value"]
