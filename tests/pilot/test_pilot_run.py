"""The pilot from records to a promise: what it promises, what it refuses, and the shape in which it says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pilot_plants import ACCOUNT, plant_of

from zhizao.decide.twin.fidelity import FidelityReport
from zhizao.errors import InputError
from zhizao.model import Plant, WorkLog
from zhizao.pilot import Pilot, PilotResult, RecordsAccount, monday_tables, run_pilot, write_monday
from zhizao.pilot.result import FIGURES
from zhizao.pilot.search import Tried, pareto, score
from zhizao.pilot.trial import COLUMNS, Plan, changes, try_sets
from zhizao.testing.carry_out import carry_out
from zhizao.testing.sample import truth

Pilots = Callable[[str], Pilot]
Logs = Callable[[str], WorkLog]
NONE = RecordsAccount(read=0, stored=0, rejected=0, duplicate=0)


def quick(log: WorkLog, plant: Plant | None = None, **settings: Any) -> Pilot:
    return run_pilot(log, plant or plant_of("messy"), records=NONE, seed=1, runs=2, workers=1, **settings)


def without(log: WorkLog, **columns: Any) -> WorkLog:
    """Records that lack something."""
    frame = log.frame.with_columns(
        pl.lit(value).cast(log.frame.schema[name]).alias(name) for name, value in columns.items()
    )
    return WorkLog(frame, log.zone)


# what is promised


def test_a_plant_in_a_mess_is_promised_something(pilot_of: Pilots) -> None:
    result = pilot_of("messy").result
    assert result.fidelity.trusted
    assert pilot_of("messy").chosen
    promised = [name for name, one in result.figures.items() if one.promised]
    assert "defect_rate" in promised or "production_cycle" in promised
    for one in result.figures.values():
        assert one.before is not None
        assert one.after is not None
        assert one.change is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.change <= one.high
        assert one.after == pytest.approx(one.before * (1 + one.change))
        assert one.promised == (one.high < 0)
        assert one.reached == (one.high <= -0.3, one.high <= -0.5)
        assert bool(one.reason) is not one.promised


def test_a_plant_that_is_well_run_is_promised_next_to_nothing(pilot_of: Pilots) -> None:
    result = pilot_of("good").result
    assert result.fidelity.trusted
    for name, one in result.figures.items():
        assert (one.change or 0.0) > -0.06, name
        assert not one.reached[0], name


def test_nothing_is_promised_by_a_twin_that_is_not_trusted(log_of: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    from zhizao.decide.twin import mechanism

    held_out = mechanism.held_out

    def doubted(*args: Any, **named: Any) -> FidelityReport:
        found = held_out(*args, **named)
        return FidelityReport(
            **{
                **{name: getattr(found, name) for name in found.__slots__},
                "trusted": False,
                "reasons": ("cycle_h is off",),
            }
        )

    monkeypatch.setattr("zhizao.pilot.run.held_out", doubted)
    found = quick(log_of("messy"))
    assert found.chosen == ()
    assert not found.result.fidelity.trusted
    assert "not_trusted" in found.result.notes
    assert not any(lever.chosen for lever in found.result.levers)
    assert not any(point.chosen for point in found.result.front)
    for one in found.result.figures.values():
        assert one.before is not None
        assert (one.after, one.change, one.low, one.high) == (None, None, None, None)
        assert not one.promised
        assert one.reason == "not_trusted"
        assert one.reached == (False, False)


def test_nothing_is_promised_where_the_recorded_cycles_do_not_come_back(
    log_of: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zhizao.decide.twin.mechanism.Mechanism.replay_error", lambda *_, **__: 0.4)
    found = quick(log_of("messy")).result
    assert not found.fidelity.trusted
    assert "40 %" in found.fidelity.reasons[0]
    assert not any(one.promised for one in found.figures.values())


def test_the_figures_as_recorded_are_the_accounts_figures(pilot_of: Pilots, log_of: Logs) -> None:
    from zhizao.account import three_figures

    told = three_figures(log_of("messy"), plant_of("messy")).main()
    for name in FIGURES:
        assert pilot_of("messy").result.figures[name].before == told[name].value
        assert pilot_of("messy").result.figures[name].unit == told[name].unit


# the same again


def test_the_same_seed_gives_the_same_finding_whatever_the_workers(log_of: Logs) -> None:
    """Two processes or one, the figures are the same to the last digit; another seed draws other luck."""
    log = log_of("messy")
    short = WorkLog(
        log.frame.filter(pl.col("order").is_in(log.frame["order"].unique().sort().head(120).implode())), log.zone
    )
    first, second = (
        run_pilot(short, plant_of("messy"), records=NONE, seed=4, runs=2, workers=workers).result.to_json()
        for workers in (1, 2)
    )
    assert first == second
    other = quick(short).result.to_json()
    assert other["levers"] != first["levers"]


def test_a_set_is_tried_on_the_same_work_whatever_is_tried_beside_it(pilot_of: Pilots) -> None:
    pilot = pilot_of("messy")
    plan = Plan(pilot.mechanism, pilot.plant)
    levers = pilot.candidates[0].levers
    alone = try_sets(plan, [levers], seed=3, runs=2).values
    beside = try_sets(plan, [(), pilot.candidates[1].levers, levers], seed=3, runs=2).values
    assert np.array_equal(alone[0], beside[2])
    assert not np.array_equal(beside[0], beside[2])


# records that lack something


@pytest.mark.parametrize(
    ("lacking", "note"),
    [
        ({"good": None, "scrap": None, "rework": None}, "quantities"),
        pytest.param({"person": None}, "people", marks=pytest.mark.slow),
        pytest.param({"due": None}, "due", marks=pytest.mark.slow),
        pytest.param({"released": None}, "release", marks=pytest.mark.slow),
    ],
)
def test_records_that_lack_something_are_used_for_the_rest_and_the_lack_is_said(
    log_of: Logs, lacking: dict[str, Any], note: str
) -> None:
    found = quick(without(log_of("messy"), **lacking)).result
    assert note in found.notes
    assert found.figures["production_cycle"].before is not None
    kinds = {(lever.kind, str(lever.setting.get("rule", ""))) for lever in found.levers}
    if note == "quantities":
        assert found.figures["defect_rate"].before is None
        assert found.figures["defect_rate"].reason
        assert not any(lever.scope == "people" for lever in found.levers)
    if note == "people":
        assert not any(lever.scope == "people" for lever in found.levers)
    if note == "due":
        assert not kinds & {("dispatch", rule) for rule in ("edd", "slack", "atc", "cr")}


@pytest.mark.slow
def test_records_without_machines_are_a_plant_of_people(log_of: Logs) -> None:
    found = quick(without(log_of("messy"), machine=None))
    assert "machines" in found.result.notes
    assert found.scene.people_are_machines
    assert set(found.scene.shop.machines) <= {person.name for person in truth("messy").people} | {
        name for name in found.scene.shop.machines if name.startswith("(")
    }
    tables = monday_tables(found)
    assert "dispatch" in tables
    for table in (tables[name] for name in ("dispatch", "schedule") if name in tables):
        assert "person" in table.columns and "machine" not in table.columns
    first = tables["dispatch"].filter(pl.col("rank") == 1)
    assert first["person"].n_unique() == first.height > 1


def test_one_resource_column_and_times_are_enough(log_of: Logs) -> None:
    """What most logs hold: case, activity, resource, start, end."""
    frame = log_of("messy").frame.select("order", "activity", "machine", "start", "end")
    found = quick(WorkLog.of(frame, "Asia/Shanghai"), Plant(zone="Asia/Shanghai"))
    assert found.result.figures["production_cycle"].before is not None
    assert {"quantities", "people", "due", "release"} <= set(found.result.notes)
    assert json.dumps(found.result.to_json())


def test_records_in_which_no_order_is_finished_are_refused_with_a_cure(log_of: Logs) -> None:
    log = log_of("messy")
    with pytest.raises(InputError) as caught:
        quick(WorkLog(log.frame.with_columns(end=pl.lit(None, log.frame.schema["end"])), log.zone))
    assert caught.value.fault.code == "too_few_orders"
    assert "0 finished orders" in caught.value.fault.what
    assert caught.value.fault.fix


@pytest.mark.parametrize("orders", [3, 28])
def test_few_orders_are_accounted_for_but_nothing_is_promised(log_of: Logs, orders: int) -> None:
    log = log_of("messy")
    few = log.frame["order"].unique().sort().head(orders)
    found = quick(WorkLog(log.frame.filter(pl.col("order").is_in(few.implode())), log.zone)).result
    assert not found.fidelity.trusted
    assert found.fidelity.reasons
    assert found.figures["production_cycle"].before is not None
    assert found.figures["production_cycle"].change is None


@pytest.mark.slow
def test_work_under_way_is_not_taken_for_work_done(log_of: Logs) -> None:
    """Rows without an end (still running) neither fail the pilot nor count as finished work."""
    log = log_of("messy")
    cut = log.frame["start"].quantile(0.8)
    known = log.until(cut)
    assert known.frame["end"].null_count() > 0
    found = quick(known).result
    assert found.orders <= known.frame["order"].n_unique()


# the shape of --json


def test_the_json_has_the_shape_that_others_read(pilot_of: Pilots) -> None:
    told = json.loads(json.dumps(pilot_of("messy").result.to_json()))
    assert {"records", "fidelity", "figures", "levers"} <= set(told)
    assert {key: told["records"][key] for key in ("read", "stored", "rejected", "duplicate")} == {
        "read": ACCOUNT.read, "stored": ACCOUNT.stored, "rejected": ACCOUNT.rejected, "duplicate": ACCOUNT.duplicate,
    }  # fmt: skip
    assert told["records"]["reasons"] == {"end_before_start": 5}
    fidelity = told["fidelity"]
    assert isinstance(fidelity["trusted"], bool)
    measures = {name: one for name, one in fidelity.items() if isinstance(one, dict)}
    assert {"ngram3", "absolute_h", "circadian_h", "relative_h", "cycle_h", "wip"} <= set(measures)
    assert all({"twin", "noise_floor", "naive"} <= set(one) for one in measures.values())
    assert set(told["figures"]) == {"production_cycle", "operating_cost", "defect_rate"}
    for one in told["figures"].values():
        assert {"unit", "before", "after", "change", "low", "high"} <= set(one)
    kinds = [
        "dispatch",
        "release",
        "transfer_batch",
        "setup_family",
        "hours",
        "assignment",
        "inspection",
        "maintenance",
        "schedule",
    ]
    for lever in told["levers"]:
        assert {"kind", "scope", "setting", "chosen", "figures", "cost"} <= set(lever)
        assert lever["kind"] in kinds
        assert isinstance(lever["chosen"], bool)
        assert isinstance(lever["cost"], float)
        assert set(lever["figures"]) <= set(FIGURES)
        assert all(set(one) == {"change", "low", "high"} for one in lever["figures"].values())
        setting = lever["setting"]
        match lever["kind"]:
            case "dispatch" | "setup_family":
                assert isinstance(setting["rule"], str)
            case "release":
                assert setting["wip_cap"] > 0
            case "transfer_batch":
                assert setting["quantity"] > 0
            case "hours":
                assert all(1 <= day <= 7 and 0 <= a < b for week in setting.values() for day, a, b in week)
            case "assignment":
                assert all(isinstance(who, list | dict) for who in setting.values())
            case "inspection":
                assert {"operation", "after"} <= set(setting)
            case "maintenance":
                assert {"machine", "every_h", "takes_h"} <= set(setting)
            case "schedule":
                assert setting["file"]


@pytest.mark.parametrize("kind", ["messy", "good"])
def test_the_json_is_read_back_as_the_same_finding(pilot_of: Pilots, kind: str) -> None:
    result = pilot_of(kind).result
    again = PilotResult.from_json(json.loads(json.dumps(result.to_json(), ensure_ascii=False)))
    assert again == result


def test_whoever_has_the_plant_can_carry_the_levers_out_from_the_json_alone(pilot_of: Pilots) -> None:
    told = json.loads(json.dumps(pilot_of("messy").result.to_json()))
    plant = truth("messy")
    assert carry_out(plant, told["levers"]) != plant
    for lever in told["levers"]:
        if lever["kind"] != "schedule":
            carry_out(plant, [{**lever, "chosen": True}])


def test_the_chosen_set_is_on_the_front_or_beaten_by_nothing_cheaper(pilot_of: Pilots) -> None:
    result = pilot_of("messy").result
    assert result.front
    chosen = [point for point in result.front if point.chosen]
    assert len(chosen) <= 1
    assert all(set(point.figures) <= set(FIGURES) for point in result.front)
    marked = {lever.group for lever in result.levers if lever.chosen}
    assert marked == set(pilot_of("messy").chosen)


@pytest.mark.slow
def test_a_budget_of_nothing_buys_no_lever_that_costs(log_of: Logs) -> None:
    log = log_of("messy")
    found = quick(log, budget=0.0)
    assert all(lever.cost == 0.0 for lever in found.result.levers if lever.chosen)


# how sets are judged


def runs(cycle: float, cost: float, defects: float, lead: float = 50.0, finished: float = 100.0) -> np.ndarray:
    row = np.array([cycle, cost, defects, lead, finished, 10.0])
    assert len(row) == len(COLUMNS)
    return np.tile(row, (4, 1))


def test_the_score_is_the_mean_fall_of_the_three_figures() -> None:
    before = runs(100, 10, 0.1)
    assert score(runs(50, 10, 0.1), before) == pytest.approx([np.log(2) / 3] * 4)
    assert score(before, before) == pytest.approx([0.0] * 4)
    assert (score(runs(110, 11, 0.11), before) < 0).all()


def test_orders_that_come_later_or_get_lost_forbid_a_set() -> None:
    before = runs(100, 10, 0.1)
    assert (score(runs(50, 10, 0.1, lead=60.0), before) == -np.inf).all()
    assert (score(runs(50, 10, 0.1, finished=90.0), before) == -np.inf).all()


def test_a_figure_that_does_not_exist_does_not_count() -> None:
    before = runs(100, 10, np.nan)
    assert score(runs(50, 10, np.nan), before) == pytest.approx([np.log(2) / 2] * 4)


def test_the_front_holds_what_nothing_else_beats() -> None:
    before = runs(100, 10, 0.1)

    def tried(name: str, *figures: float) -> Tried:
        return Tried((name,), runs(*figures), before, 0.0)

    every = [
        tried("fast", 50, 10, 0.1),
        tried("cheap", 100, 5, 0.1),
        tried("both", 70, 7, 0.1),
        tried("beaten", 70, 8, 0.11),
    ]
    assert {one.names[0] for one in pareto(every)} == {"fast", "cheap", "both"}
    assert pareto([]) == ()


def test_a_change_is_a_ratio_of_paired_runs_with_an_interval_for_one_more_period() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        luck = rng.normal(100, 20, 9)
        ratio = 0.8 + rng.normal(0, 0.05, 9)
        found = changes(luck[:8] * ratio[:8], luck[:8])
        assert found is not None
        inside += found.low <= ratio[8] - 1 <= found.high
    assert 0.91 <= inside / 400 <= 0.985
    assert changes(np.array([np.nan, 1.0]), np.array([1.0, 1.0])) is None
    assert changes(np.zeros(4), np.zeros(4)) is None
    wide = changes(np.array([8.0, 8.0, 8.0]), np.array([10.0, 10.0, 10.0]), spread=0.05)
    assert wide is not None
    assert wide.low < -0.25 < wide.change == -0.2


# files for Monday


def test_what_to_do_on_monday_is_written_as_csv_and_excel(pilot_of: Pilots, tmp_path: Path) -> None:
    pilot = pilot_of("messy")
    tables = monday_tables(pilot)
    assert set(tables) >= {"levers", "dispatch"}
    assert tables["levers"].height == sum(lever.chosen for lever in pilot.result.levers)
    dispatch = tables["dispatch"]
    assert dispatch["machine"].null_count() == 0
    assert (dispatch["expected_start"] >= pilot.log.frame["start"].max().strftime("%Y-%m-%d")).all()
    for _, mine in dispatch.group_by("machine"):
        ranked = mine.sort("rank")
        assert ranked["rank"].to_list() == list(range(1, mine.height + 1))
        assert ranked["expected_start"].is_sorted()
    finished = set(pilot.log.done.filter(pl.col("operation") == "final")["order"])
    assert not set(dispatch["order"]) & finished
    folder = write_monday(pilot, tmp_path / "a" / "monday")
    assert {one.name for one in folder.iterdir()} == {f"{name}.csv" for name in tables} | {"monday.xlsx"}
    for name, table in tables.items():
        assert pl.read_csv(folder / f"{name}.csv", infer_schema=False).height == table.height
        assert (folder / f"{name}.csv").read_bytes().startswith(b"\xef\xbb\xbf")
        assert pl.read_excel(folder / "monday.xlsx", sheet_name=name).height == table.height


def test_a_folder_that_cannot_be_made_is_refused(pilot_of: Pilots, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError) as caught:
        write_monday(pilot_of("messy"), tmp_path / "file" / "monday")
    assert caught.value.fault.fix
