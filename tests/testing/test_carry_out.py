"""Each lever moves in the true plant what it should, and what is no lever is refused with a cure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from zhizao.errors import InputError
from zhizao.testing.carry_out import LEVERS, carry_out
from zhizao.testing.sample import Truth, best_levers, run_plant
from zhizao.testing.sample.floor import Floor

TWO = [[day, 6, 22] for day in range(1, 6)]


def lever(kind: str, scope: object = "all", **setting: Any) -> dict[str, Any]:
    return {"kind": kind, "scope": scope, "setting": setting}


def cycle_h(frame: pl.DataFrame, since: str = "planned") -> pl.Series:
    """Hours from the release meant (or the true one) to the last report, of orders that were finally inspected."""
    orders = frame.group_by("order").agg(
        pl.col("end").max(), pl.col(since).first(), (pl.col("operation") == "final").any().alias("done")
    )
    return orders.filter("done").select((pl.col("end") - pl.col(since)).dt.total_seconds() / 3600).to_series()


def spent_h(frame: pl.DataFrame, report: str, **where: str) -> float:
    rows = frame.filter(pl.col("report") == report, **where)
    return float((rows["end"] - rows["start"]).dt.total_seconds().sum()) / 3600


def test_first_come_first_served_spares_the_orders_that_last_come_first_served_forgets(
    messy: Truth, frame: pl.DataFrame
) -> None:
    fifo = cycle_h(run_plant(messy, seed=1, levers=[lever("dispatch", rule="fifo")]))
    edd = cycle_h(run_plant(messy, seed=1, levers=[lever("dispatch", rule="edd")]))
    lifo = cycle_h(frame)
    assert fifo.max() < 0.6 * lifo.max()
    assert edd.max() < 0.6 * lifo.max()
    assert fifo.std() < 0.9 * lifo.std()


def test_shortest_work_first_cuts_the_mean_cycle(messy: Truth, frame: pl.DataFrame) -> None:
    assert (
        cycle_h(run_plant(messy, seed=1, levers=[lever("dispatch", rule="spt")])).mean() < 0.95 * cycle_h(frame).mean()
    )


def test_families_cut_the_set_up_hours(messy: Truth, frame: pl.DataFrame) -> None:
    grouped = run_plant(messy, seed=1, levers=[lever("setup_family")])
    assert spent_h(grouped, "setup") < 0.75 * spent_h(frame, "setup")
    only = run_plant(messy, seed=1, levers=[lever("setup_family", "GRIND")])
    assert spent_h(only, "setup", operation="grind") < 0.9 * spent_h(frame, "setup", operation="grind")
    assert spent_h(only, "setup", operation="turn") > 0.9 * spent_h(frame, "setup", operation="turn")


@pytest.mark.parametrize("cap", [25, 45])
def test_a_cap_keeps_the_orders_on_the_floor_at_or_below_it(messy: Truth, cap: int) -> None:
    floor = Floor(carry_out(messy, [lever("release", wip_cap=cap)]), seed=1, weeks=12).run()
    assert floor.most_on_floor == cap
    rows = run_plant(messy, seed=1, weeks=12, levers=[lever("release", wip_cap=cap)])
    orders = rows.group_by("order").agg(pl.col("released").first(), pl.col("end").max(), pl.col("planned").first())
    assert (orders["released"] >= orders["planned"]).all()
    assert (orders["released"] > orders["planned"]).any()
    changes = pl.concat([orders.select(at="released", by=pl.lit(1)), orders.select(at="end", by=pl.lit(-1))]).sort(
        "at", "by"
    )
    assert changes["by"].cum_sum().max() <= cap


def test_a_cap_shortens_the_time_on_the_floor(messy: Truth, frame: pl.DataFrame) -> None:
    capped = run_plant(messy, seed=1, levers=[lever("release", wip_cap=35)])
    assert cycle_h(capped, "released").mean() < 0.95 * cycle_h(frame, "released").mean()


def test_hours_at_the_bottleneck_cut_the_wait_before_it(messy: Truth, frame: pl.DataFrame) -> None:
    more = run_plant(messy, seed=1, levers=[lever("hours", G1=TWO, G2=TWO)])

    def wait_h(rows: pl.DataFrame) -> float:
        first = rows.filter((pl.col("operation") == "grind") & (pl.col("visit") == 0))
        waits = first.group_by("order").agg(pl.col("start").min() - pl.col("ready").first())
        return float(waits["start"].dt.total_seconds().mean()) / 3600

    assert wait_h(more) < 0.5 * wait_h(frame)


def test_work_given_to_people_who_spoil_less_spoils_less(messy: Truth, frame: pl.DataFrame) -> None:
    careful = ["P03", "P13", "P05", "P15", "P06", "P16"]
    changed = run_plant(messy, seed=1, levers=[lever("assignment", turn=careful)])
    assert set(changed.filter(pl.col("operation") == "turn")["person"].drop_nulls().unique()) <= set(careful)
    assert changed["bad"].sum() < 0.7 * frame["bad"].sum()


def test_work_given_to_some_machines_is_done_there(messy: Truth) -> None:
    for setting in ({"turn": ["L1", "L2"]},):
        changed = run_plant(messy, seed=1, weeks=3, levers=[lever("assignment", **setting)])
        assert set(changed.filter(pl.col("operation") == "turn")["machine"].unique()) == {"L1", "L2"}


def test_an_inspection_moved_forward_finds_what_can_still_be_mended(messy: Truth, frame: pl.DataFrame) -> None:
    moved = run_plant(messy, seed=1, levers=[lever("inspection", operation="check", after="turn")])
    first = moved.filter((pl.col("product") == "SH-110") & (pl.col("visit") == 0)).sort("start")
    seen = first.group_by("order", maintain_order=True).agg(pl.col("operation").unique(maintain_order=True))
    complete = [route for route in seen["operation"].to_list() if len(route) == 6]
    assert complete and all(route == ["saw", "turn", "check", "harden", "grind", "final"] for route in complete)
    assert moved["scrap"].sum() < 0.9 * frame["scrap"].sum()


def test_maintenance_takes_the_place_of_breakdowns(messy: Truth, frame: pl.DataFrame) -> None:
    kept = run_plant(messy, seed=1, levers=[lever("maintenance", "M1", machine="M1", every_h=24, takes_h=1)])
    count = {report: kept.filter(pl.col("report") == report).height for report in ("breakdown", "maintenance")}
    assert count["breakdown"] < 0.5 * frame.filter(pl.col("report") == "breakdown").height
    assert count["maintenance"] > 20
    assert spent_h(kept, "breakdown") + spent_h(kept, "maintenance") < 0.6 * spent_h(frame, "breakdown")


def test_transfer_batches_overlap_the_operations_of_an_order(messy: Truth) -> None:
    quiet = carry_out(messy, best_levers())
    whole = run_plant(quiet, seed=1, weeks=8)
    split = run_plant(quiet, seed=1, weeks=8, levers=[lever("transfer_batch", quantity=6)])

    def touch(rows: pl.DataFrame) -> float:
        """Median hours from the first cut of the saw to the last chip of the lathe."""
        both = rows.filter(pl.col("operation").is_in(["saw", "turn"]) & ~pl.col("is_rework"))
        spans = both.group_by("order").agg((pl.col("end").max() - pl.col("start").min()).alias("span"))
        return float(spans["span"].dt.total_seconds().median()) / 3600

    assert split["lot"].max() > 2
    assert touch(split) < touch(whole)


def test_a_schedule_from_a_file_is_followed(messy: Truth, frame: pl.DataFrame, tmp_path: Path) -> None:
    wanted = run_plant(messy, seed=1, levers=best_levers()[:2])
    first = (
        wanted.filter((pl.col("visit") == 0) & ~pl.col("is_rework"))
        .sort("start")
        .unique(["order", "operation"], keep="first", maintain_order=True)
    )
    rows = first.select("order", "operation", "machine", pl.col("start").dt.strftime("%Y-%m-%dT%H:%M:%S"))
    rows.write_csv(tmp_path / "schedule.csv")
    ranks = rows.with_row_index("rank")
    follow = lever("schedule", file=str(tmp_path / "schedule.csv"))
    done = run_plant(messy, seed=1, levers=[best_levers()[1], follow])
    begun = (
        done.filter((pl.col("visit") == 0) & ~pl.col("is_rework"))
        .group_by("order", "operation")
        .agg(pl.col("machine").first(), pl.col("start").min(), pl.col("ready").first())
        .join(ranks, on=["order", "operation"], suffix="_plan")
    )
    assert begun.height > 8000
    assert (begun["machine"] == begun["machine_plan"]).all()
    ground = begun.filter(pl.col("machine") == "G1").sort("start")
    overtaken = 0
    for row in ground.iter_rows(named=True):
        waiting = ground.filter((pl.col("ready") <= row["start"]) & (pl.col("start") > row["start"]))
        overtaken += waiting.filter(pl.col("rank") < row["rank"]).height
    assert overtaken == 0


def test_levers_found_in_a_chinese_export_are_carried_out(messy: Truth) -> None:
    chinese = [
        lever("inspection", "检验", operation="检验", after="车削"),
        lever("assignment", 车削=["P03", "P13"]),
        lever("dispatch", "磨削", rule="edd"),
    ]
    english = [
        lever("inspection", "check", operation="check", after="turn"),
        lever("assignment", turn=["P03", "P13"]),
        lever("dispatch", "grind", rule="edd"),
    ]
    assert carry_out(messy, chinese) == carry_out(messy, english) != messy


def test_a_lever_that_was_not_chosen_is_left_alone(messy: Truth) -> None:
    assert carry_out(messy, [{**lever("dispatch", rule="spt"), "chosen": False}]) == messy
    assert carry_out(messy, [{**lever("dispatch", rule="spt"), "chosen": True}]) != messy


@pytest.mark.parametrize("scope", ["LATHE", "turn", ["L1", "L2", "L3"], "L1, L2, L3", "L1|L2|L3", "L1 + L2 + L3"])
def test_a_scope_is_a_centre_an_operation_or_machines(messy: Truth, scope: object) -> None:
    rule = carry_out(messy, [lever("dispatch", scope, rule="edd")]).policy.rule
    assert {name for name, value in rule.items() if value == "edd"} == {"L1", "L2", "L3"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_mess_has_more_than_thirty_per_cent_in_it(messy: Truth, seed: int) -> None:
    before, after = (run_plant(messy, seed=seed, levers=levers) for levers in ((), best_levers()))
    assert cycle_h(after).mean() < 0.68 * cycle_h(before).mean()
    assert after["bad"].sum() < 0.68 * before["bad"].sum()
    assert after["scrap"].sum() < 0.6 * before["scrap"].sum()
    assert spent_h(after, "setup") < 0.8 * spent_h(before, "setup")


@pytest.mark.slow
def test_a_plant_that_is_well_run_has_next_to_nothing_in_it(good: Truth) -> None:
    before = cycle_h(run_plant(good, seed=1)).mean()
    assert isinstance(before, float)
    for one in (
        lever("dispatch", rule="edd"),
        lever("dispatch", rule="atc"),
        lever("setup_family"),
        lever("setup_family", "GRIND"),
        lever("hours", G1=[*TWO, [6, 6, 12]], G2=[*TWO, [6, 6, 12]]),
        lever("dispatch", rule="spt"),
        lever("release", wip_cap=40),
        lever("transfer_batch", quantity=8),
        lever("maintenance", "M2", machine="M2", every_h=24, takes_h=1),
    ):
        after = cycle_h(run_plant(good, seed=1, levers=[one])).mean()
        assert isinstance(after, float)
        assert after > 0.95 * before, one


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ({"kind": "magic"}, "magic"),
        (lever("dispatch", rule="best"), "best"),
        (lever("dispatch", "PAINT", rule="edd"), "PAINT"),
        (lever("release", wip_cap="many"), "many"),
        (lever("release", wip_cap=True), "True"),
        (lever("transfer_batch"), "quantity"),
        (lever("hours", X9=TWO), "X9"),
        (lever("hours", G1=[[8, 6, 14]]), "8"),
        (lever("hours", G1=[["Mon", 6, 14]]), "Mon"),
        (lever("assignment", paint=["L1"]), "paint"),
        (lever("assignment", turn=["G1"]), "G1"),
        (lever("assignment", turn=[]), "nobody"),
        (lever("inspection", operation="check", after="paint"), "paint"),
        (lever("maintenance", machine="M1", every_h=0, takes_h=1), "0 h"),
        (lever("schedule", file="nowhere.csv"), "nowhere.csv"),
        ({"kind": "release", "setting": [3]}, "[3]"),
    ],
)
def test_what_the_plant_cannot_do_is_refused_with_a_cure(messy: Truth, bad: Mapping[str, Any], word: str) -> None:
    with pytest.raises(InputError) as caught:
        carry_out(messy, [bad])
    assert word in caught.value.fault.what
    assert caught.value.fault.fix


def test_a_schedule_without_its_columns_is_refused(messy: Truth, tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text("order,when\nMO01001,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="columns"):
        carry_out(messy, [lever("schedule", file=str(tmp_path / "plan.csv"))])


def test_every_kind_of_the_report_is_carried_out() -> None:
    assert set(LEVERS) == {
        *("dispatch", "release", "transfer_batch", "setup_family", "hours", "assignment"),
        *("inspection", "maintenance", "schedule"),
    }
