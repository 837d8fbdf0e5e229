"""What is true of any plant is true of the sample plant: pieces are kept, hands are not in two places, routes hold."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter

import numpy as np
import polars as pl
import pytest

from zhizao.testing.sample import Truth, run_plant, truth
from zhizao.testing.sample.floor import Floor
from zhizao.testing.sample.hours import Week

ROW = {name: at for at, name in enumerate(("order", "product", "operation", "machine", "person", "report"))}


def seconds(frame: pl.DataFrame, first: str, last: str) -> pl.Series:
    return (frame[last] - frame[first]).dt.total_seconds()


def production(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("report") == "production")


def alone(truth: Truth, operation: str, **changes: float) -> Truth:
    """The plant in which only one operation makes bad pieces."""
    none = {"defect": 0.0}
    changed = tuple(
        dataclasses.replace(one, **(changes if one.name == operation else none)) for one in truth.operations
    )
    people = tuple(dataclasses.replace(person, defects=1.0) for person in truth.people)
    centres = tuple(
        dataclasses.replace(centre, machines=tuple(dataclasses.replace(one, defects=1.0) for one in centre.machines))
        for centre in truth.centres
    )
    return dataclasses.replace(truth, operations=changed, people=people, centres=centres)


@pytest.mark.parametrize("quantity", [0, 8])
def test_pieces_in_are_pieces_good_plus_scrap_plus_on_the_floor(messy: Truth, quantity: int) -> None:
    policy = dataclasses.replace(messy.policy, transfer_quantity=quantity)
    floor = Floor(dataclasses.replace(messy, policy=policy), seed=3, weeks=8).run()
    scrap: Counter[str] = Counter()
    ordered: dict[str, int] = {}
    for row in floor.rows:
        scrap[row[0]] += row[9] or 0
        ordered[row[0]] = row[12]
    for order, pieces in ordered.items():
        waiting = sum(len(lot.alive) for lot in floor.lots.get(order, ()))
        good = floor.finished.get(order, (0, 0))[1]
        assert pieces == good + scrap[order] + waiting, order
    assert len(floor.finished) > 400


def test_each_row_splits_its_pieces_into_good_scrap_and_rework(frame: pl.DataFrame) -> None:
    rows = production(frame)
    per_visit = rows.group_by("order", "operation", "visit", "is_rework").agg(
        pl.col("good", "scrap", "rework").sum(), pl.col("order_quantity").first()
    )
    assert (per_visit.select(pl.sum_horizontal("good", "scrap", "rework")).to_series() > 0).all()
    first = per_visit.filter((pl.col("visit") == 0) & ~pl.col("is_rework"))
    assert (first["good"] + first["scrap"] + first["rework"] <= first["order_quantity"]).all()


def test_no_machine_and_no_person_is_used_twice_at_once(frame: pl.DataFrame) -> None:
    for key in ("machine", "person"):
        rows = frame.filter(pl.col(key).is_not_null() & (pl.col("operation") != "harden")).sort(key, "start", "end")
        overlap = rows.filter(
            (pl.col(key) == pl.col(key).shift(1)) & (pl.col("start") < pl.col("end").shift(1).over(key))
        )
        assert overlap.height == 0, overlap


def test_the_furnace_takes_at_most_four_lots_and_all_of_them_together(frame: pl.DataFrame) -> None:
    loads = (
        frame.filter(pl.col("operation") == "harden")
        .group_by("start")
        .agg(pl.len(), pl.col("end").n_unique().alias("ends"))
    )
    assert loads["len"].max() == 4
    assert loads["ends"].max() == 1
    starts = frame.filter(pl.col("operation") == "harden").group_by("start").agg(pl.col("end").first()).sort("start")
    assert (starts["start"].shift(-1).drop_nulls() >= starts["end"].head(-1)).all()


def test_nothing_is_done_outside_the_hours_of_machine_and_person(messy: Truth, frame: pl.DataFrame) -> None:
    hours = {machine.name: machine.hours for machine in messy.machines}
    hours.update({person.name: person.hours for person in messy.people})
    rows = frame.filter(pl.col("report").is_in(["production", "setup"])).with_columns(
        pl.col("start", "end").dt.convert_time_zone(messy.zone)
    )
    for row in rows.iter_rows(named=True):
        for who in (row["machine"], row["person"]):
            if who is None or who == "H1":
                continue
            day = row["start"].isoweekday()
            begin = row["start"].hour + row["start"].minute / 60 + row["start"].second / 3600
            end = begin + (row["end"] - row["start"]).total_seconds() / 3600
            at_work = sorted((frm, to) for weekday, frm, to in hours[who] if weekday == day)
            assert at_work and at_work[0][0] <= begin and end <= at_work[-1][1] + 1e-9, (who, row)


def test_a_lot_takes_its_operations_in_the_order_of_its_route(messy: Truth, frame: pl.DataFrame) -> None:
    routes = {product.name: list(product.route) for product in messy.products}
    rows = frame.filter(pl.col("report") != "breakdown").sort("order", "start", "end")
    for (_, product), work in rows.group_by("order", "product", maintain_order=True):
        first = work.filter((pl.col("visit") == 0) & ~pl.col("is_rework"))
        seen = first["operation"].unique(maintain_order=True).to_list()
        assert seen == routes[str(product)][: len(seen)]
        assert (work["start"].shift(-1).drop_nulls() >= work["end"].head(-1)).all()


def test_rework_follows_an_inspection_and_is_inspected_again(frame: pl.DataFrame) -> None:
    again = frame.filter(pl.col("is_rework") & (pl.col("report") == "production"))
    assert again.height > 100
    for order in again["order"].unique().to_list()[:100]:
        rows = production(frame).filter(pl.col("order") == order).sort("start")
        sent_back = 0
        for row in rows.iter_rows(named=True):
            if row["is_rework"] and row["operation"] not in ("check", "final"):
                assert sent_back > 0
            if row["operation"] in ("check", "final"):
                sent_back += row["rework"]


def test_bad_pieces_come_as_often_as_the_truth_says(messy: Truth, frame: pl.DataFrame) -> None:
    rows = production(frame).filter((pl.col("operation") == "turn") & pl.col("person").is_not_null())
    made = rows.group_by("machine", "person").agg(
        pl.col("bad").sum(), pl.sum_horizontal("good", "scrap", "rework").sum().alias("pieces"), pl.col("scrap").sum()
    )
    defect = messy.operation("turn").defect
    far = 0
    for row in made.iter_rows(named=True):
        risk = defect * messy.machine(row["machine"]).defects * messy.person(row["person"]).defects
        sd = math.sqrt(row["pieces"] * risk * (1 - risk))
        far += abs(row["bad"] - row["pieces"] * risk) > 3 * sd
    assert made.height >= 15 and far <= 1
    noticed = made["scrap"].sum() / made["bad"].sum()
    assert noticed == pytest.approx(messy.operation("turn").noticed, abs=0.03)


@pytest.mark.parametrize(("family", "share"), [("flange", 0.6), ("shaft", 0.0)])
def test_what_an_inspection_finds_is_mended_unless_it_has_been_hardened(
    messy: Truth, family: str, share: float
) -> None:
    plant = alone(messy, "turn", defect=0.06, noticed=0.0, reworkable=0.6)
    rows = production(run_plant(plant, seed=5)).filter(
        (pl.col("family") == family) & pl.col("operation").is_in(["check", "final"]) & (pl.col("visit") == 0)
    )
    found = rows["scrap"].sum() + rows["rework"].sum()
    assert found > 300
    assert rows["rework"].sum() / found == pytest.approx(share, abs=0.08)


def test_processing_times_are_those_of_the_truth(messy: Truth, frame: pl.DataFrame) -> None:
    whole = (
        frame.filter((pl.col("visit") == 0) & (pl.col("report") == "production"))
        .group_by("order", "product", "operation", "machine", "person")
        .agg(
            pl.len(),
            (pl.col("end") - pl.col("start")).dt.total_seconds().sum().alias("spent"),
            pl.sum_horizontal("good", "scrap", "rework").sum().alias("pieces"),
            pl.col("order_quantity").first(),
        )
    )
    whole = whole.filter(pl.len().over("order", "operation") == 1)
    for operation in ("turn", "grind", "mill"):
        noise = []
        for row in whole.filter(pl.col("operation") == operation).iter_rows(named=True):
            standard = messy.product(row["product"]).piece_s[operation] * row["pieces"]
            pace = messy.machine(row["machine"]).pace * messy.person(row["person"]).pace
            noise.append(math.log(row["spent"] / (standard * pace)))
        assert np.mean(noise) == pytest.approx(0.0, abs=0.03)
        assert np.std(noise) == pytest.approx(messy.operation(operation).sigma, abs=0.03)


def test_transport_takes_as_long_as_the_truth_says_by_night_as_by_day(messy: Truth, frame: pl.DataFrame) -> None:
    rows = production(frame).filter((pl.col("visit") == 0) & ~pl.col("is_rework"))
    done = rows.group_by("order", "operation").agg(pl.col("end").max(), pl.col("ready").first())
    hardened = done.filter(pl.col("operation") == "harden").select("order", "end")
    ground = done.filter(pl.col("operation") == "grind").select("order", "ready")
    legs = hardened.join(ground, on="order")
    hours = seconds(legs, "end", "ready") / 3600
    assert hours.median() == pytest.approx(6.0, rel=0.05)
    assert float(np.std(np.log(hours.to_numpy()))) == pytest.approx(0.3, abs=0.03)


def test_a_worn_mill_breaks_down_as_its_weibull_life_says(messy: Truth) -> None:
    rows = pl.concat([run_plant(messy, seed=seed) for seed in (11, 12, 13)])
    m1 = rows.filter(pl.col("machine") == "M1")
    busy = seconds(m1.filter(pl.col("report") != "breakdown"), "start", "end").sum() / 3600
    count = m1.filter(pl.col("report") == "breakdown").height
    mean_life = messy.machine("M1").life_h * math.gamma(1 + 1 / messy.machine("M1").life_shape)
    assert busy / count == pytest.approx(mean_life, rel=0.1)
    assert rows.filter((pl.col("report") == "breakdown") & (pl.col("machine") != "M1")).height == 0


def test_the_same_seed_gives_the_same_records_and_another_seed_others(messy: Truth) -> None:
    one, two, other = (run_plant(messy, seed=seed, weeks=4) for seed in (7, 7, 8))
    assert one.equals(two)
    assert not one.equals(other)


def test_levers_meet_the_same_orders(messy: Truth) -> None:
    wanted = ["order", "product", "order_quantity", "planned", "due"]
    plain = run_plant(messy, seed=2, weeks=6)
    changed = run_plant(messy, seed=2, weeks=6, levers=[{"kind": "dispatch", "setting": {"rule": "spt"}}])
    both = plain.select(wanted).unique().join(changed.select(wanted).unique(), on="order", suffix="_changed")
    assert both.height > 300
    for name in wanted[1:]:
        assert (both[name] == both[f"{name}_changed"]).all()


def test_the_bottleneck_is_busy_and_others_are_not(messy: Truth, frame: pl.DataFrame) -> None:
    rows = frame.filter(pl.col("report").is_in(["production", "setup"])).with_columns(
        busy=(pl.col("end") - pl.col("start")).dt.total_seconds()
    )
    busy = {
        row["machine"]: row["busy"] for row in rows.group_by("machine").agg(pl.col("busy").sum()).iter_rows(named=True)
    }
    use = {name: spent / (26 * Week(messy.machine(name).hours).seconds) for name, spent in busy.items() if name != "H1"}
    assert 0.85 <= (use["G1"] * 8 + use["G2"] * 4) / 12 <= 0.95
    assert max(use["S1"], use["S2"]) < 0.4
    assert all(0.5 < use[name] < 0.95 for name in ("L1", "L2", "L3", "M1", "M2", "M3", "Q1", "G1", "G2"))


def test_everyone_who_can_do_the_bottlenecks_work_is_seen_doing_it(messy: Truth, frame: pl.DataFrame) -> None:
    for operation in ("turn", "check"):
        seen = set(frame.filter(pl.col("operation") == operation)["person"].drop_nulls().unique())
        assert len(seen & set(messy.operation(operation).crew)) >= 5


def test_truth_is_plain_data(messy: Truth) -> None:
    import json

    told = json.loads(json.dumps(messy.as_json()))
    assert told["policy"]["rule"]["G1"] == "lifo"
    assert len(told["centres"]) == 6 and len(told["people"]) == 20
    assert sum(len(centre["machines"]) for centre in told["centres"]) == 12
    with pytest.raises(ValueError, match="messy, good"):
        truth("perfect")
