"""The generated economy: what its documents say of it holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from zhizao.errors import InputError
from zhizao.programme.classes import industries, regions, size_of, sizes
from zhizao.programme.items import item_keys
from zhizao.testing import economy
from zhizao.testing.economy import ITEMS, SIZES, Economy, Overcapacity, generate, plan_economy, read_economy, truth
from zhizao.testing.economy.faults import NEVER
from zhizao.testing.economy.returns import draw_returns

I = {key: place for place, key in enumerate(ITEMS)}  # noqa: E741


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Economy]:
    folder = tmp_path_factory.mktemp("clean") / "economy"
    generate(folder, enterprises=4000, months=120, seed=3, told=truth().faultless(), workers=1)
    return folder, read_economy(folder)


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Economy]:
    folder = tmp_path_factory.mktemp("spoilt") / "economy"
    told = truth()
    faults = {**told.of("faults"), "false_enterprises": 0.05}
    told = replace(told, settings={**told.settings, "faults": faults})
    generate(folder, enterprises=4000, months=120, seed=3, told=told, workers=1)
    return folder, read_economy(folder)


def test_its_lists_are_the_programmes() -> None:
    assert item_keys() == ITEMS
    assert tuple(truth().industry) == tuple(industries())
    assert tuple(truth().region) == tuple(regions())
    assert tuple(sizes()) == SIZES


def test_true_totals_are_those_of_the_returns_when_nothing_went_wrong(clean: tuple[Path, Economy]) -> None:
    folder, told = clean
    totals = pl.read_parquet(folder / "truth" / "totals.parquet")
    by_month = totals.group_by("month", maintain_order=True).agg(pl.sum(*ITEMS, "enterprises"))
    for key in ITEMS:
        ours = np.nansum(told.values[I[key]].astype(np.float64), axis=1)
        np.testing.assert_allclose(by_month[key].to_numpy(), ours, rtol=1e-12, atol=1e-6)
    assert by_month["enterprises"].to_list() == (~np.isnan(told.values[0])).sum(axis=1).tolist()


def test_books_are_tied_to_one_another(clean: tuple[Path, Economy]) -> None:
    v = clean[1].values.astype(np.float64)
    close: dict[str, Any] = {"rtol": 2e-6, "atol": 1e-3}
    v_ok = v[:, ~np.isnan(v[0])]
    at = {key: v_ok[place] for key, place in I.items()}
    left = at["revenue_cny"] - at["operating_cost_cny"] - at["tax_cny"]
    assert (np.abs(at["profit_cny"] - left) <= 2e-6 * at["revenue_cny"] + 1).all()
    carriers = (
        1.229e-4 * at["electricity_kwh"] + 1.33e-3 * at["gas_m3"] + 0.7143 * at["coal_t"] + 0.03412 * at["heat_gj"]
    )
    np.testing.assert_allclose(at["energy_tce"], carriers, **close)
    assert (
        at["waste_used_t"] <= at["waste_generated_t"] + at["waste_used_old_t"] + 0.02 + 1e-6 * at["waste_used_t"]
    ).all()
    for part, whole in (
        ("key_processes_nc", "key_processes"), ("products_defective", "products_made"), ("batches_passed", "batches_inspected"),
        ("value_added_cny", "output_cny"), ("exports_cny", "revenue_cny"), ("new_product_revenue_cny", "revenue_cny"),
    ):  # fmt: skip
        assert (at[part] <= at[whole] * (1 + 1e-6)).all(), part
    assert set(np.unique(at["digital_rd_tools"])) <= {0.0, 1.0}
    assert all((at[key] >= 0).all() for key in ITEMS if key not in ("profit_cny", "operating_cost_cny"))


def test_enterprises_return_from_birth_to_death_and_sizes_follow_the_standard(clean: tuple[Path, Economy]) -> None:
    _, told = clean
    months = np.arange(120)[:, None]
    alive = (months >= told.frame["born"].to_numpy()) & (months < told.frame["died"].to_numpy())
    assert (alive == ~np.isnan(told.values[0])).all()
    for row in told.frame.head(300).iter_rows(named=True):
        assert row["size"] == size_of(row["employees"], row["output_cny"] * 0.98)
    share = told.frame["size"].value_counts(normalize=True)
    found = dict(zip(share["size"], share["proportion"], strict=True))
    assert found["L"] < found["M"] < found["X"] < found["S"]


@pytest.mark.parametrize("one", truth().overcapacity, ids=lambda one: one.industry)
def test_over_capacity_moves_its_industry_by_what_was_put_in(one: Overcapacity) -> None:
    without = replace(truth(), overcapacity=())
    drawn = []
    for told in (truth(), without):
        register, paths = plan_economy(told, 6000, 120, 3)
        mine = np.flatnonzero(np.array(list(told.industry))[register.industry] == one.industry)
        firms = register.part(int(mine[0]), int(mine[-1]) + 1)
        drawn.append((draw_returns(told, paths, firms, np.random.default_rng(1)).astype(np.float64), paths))
    since = (int(one.since[:4]) - 2015) * 12 + int(one.since[5:]) - 1
    (put, put_paths), (bare, bare_paths) = drawn
    np.testing.assert_array_equal(put[I["output_cny"], :since], bare[I["output_cny"], :since])
    after = slice(min(since + one.ramp, 119), 120)

    def over(values: Any, part: str, whole: str) -> float:
        return float(np.nansum(values[I[part], after]) / np.nansum(values[I[whole], after]))

    def losing(values: Any) -> float:
        return float((values[I["profit_cny"], after] < 0).sum() / (~np.isnan(values[I["profit_cny"], after])).sum())

    used = over(put, "output_cny", "capacity_cny") - over(bare, "output_cny", "capacity_cny")
    assert used == pytest.approx(one.utilisation, abs=0.015)
    stocked = over(put, "inventory_cny", "output_cny") / over(bare, "inventory_cny", "output_cny")
    assert stocked == pytest.approx(1 + one.inventories, rel=0.05)
    assert losing(put) > losing(bare) + 0.10
    row = list(truth().industry).index(one.industry)
    fall = np.log(put_paths.price[row, after] / bare_paths.price[row, after])
    assert fall == pytest.approx(one.price, abs=1e-9)
    ahead = slice(max(since - 12, 0), since)
    spent = np.nansum(put[I["investment_cny"], ahead]) / np.nansum(bare[I["investment_cny"], ahead])
    assert spent == pytest.approx(1 + one.investment_before, rel=0.01)


def test_each_error_stands_in_the_returns_as_the_truth_says(spoilt: tuple[Path, Economy]) -> None:
    folder, told = spoilt
    errors = pl.read_parquet(folder / "truth" / "errors.parquet")
    assert set(errors["kind"].unique()) == {"unit_1000", "unit_10000", "swapped", "sign", "digit", "sum"}
    wrong = same = 0
    for row in errors.filter(pl.col("corrected_lag") == 0).iter_rows(named=True):
        stands = told.values[I[row["item"]], row["month"], row["enterprise"]]
        if np.isnan(stands):  # the line was then left empty
            continue
        wrong += 1
        same += stands == np.float32(row["returned"])
        assert row["returned"] != row["true"]
    assert wrong > 500
    assert same == wrong


def test_corrected_errors_and_first_versions_are_in_the_revisions(spoilt: tuple[Path, Economy]) -> None:
    folder, told = spoilt
    corrected = pl.read_parquet(folder / "truth" / "errors.parquet").filter(pl.col("corrected_lag") > 0)
    row = corrected.row(0, named=True)
    found = told.revisions.filter(
        (pl.col("enterprise") == row["enterprise"])
        & (pl.col("month") == row["month"])
        & (pl.col("item") == I[row["item"]])
    )
    assert found["first"].to_list() == [row["returned"]]
    assert found["lag"].to_list() == [row["corrected_lag"]]
    assert told.revisions["lag"].min() >= 1  # type: ignore[operator]
    assert told.revisions.height > 5 * corrected.height


def test_figures_made_up_are_where_the_truth_says(spoilt: tuple[Path, Economy], clean: tuple[Path, Economy]) -> None:
    folder, told = spoilt
    false = pl.read_parquet(folder / "truth" / "false.parquet")
    assert set(false["kind"].unique()) == {"copied", "peer", "smooth", "rounded", "heaped"}
    output = told.values[I["output_cny"]].astype(np.float64)
    hits: dict[str, list[float]] = {}
    for row in false.iter_rows(named=True):
        span, e = slice(row["first"], row["last"] + 1), row["enterprise"]
        line = output[span, e]
        line = line[np.isfinite(line) & (line > 0)]
        if row["kind"] == "copied":
            hit = float((line == np.median(line)).mean())
        elif row["kind"] == "peer":
            both = np.isfinite(output[span, e]) & np.isfinite(output[span, row["peer"]])
            hit = float((output[span, e] == output[span, row["peer"]])[both].mean())
        elif row["kind"] == "smooth":
            hit = float(np.median(np.abs(np.diff(np.diff(line)))) < 1e-5 * line.mean())
        else:
            step = 10.0 ** (np.floor(np.log10(line)) - 1) / (1 if row["kind"] == "rounded" else 2)
            hit = float((np.abs(line / step - np.rint(line / step)) < 1e-4).mean())
        hits.setdefault(row["kind"], []).append(hit)
    assert all(np.mean(found) > 0.9 for found in hits.values()), {k: np.mean(v) for k, v in hits.items()}


def test_late_and_missing_returns_come_as_often_as_said(spoilt: tuple[Path, Economy]) -> None:
    _, told = spoilt
    alive = (np.arange(120)[:, None] >= told.frame["born"].to_numpy()) & (
        np.arange(120)[:, None] < told.frame["died"].to_numpy()
    )
    never, size = told.arrival == NEVER, told.frame["size"].to_numpy()
    assert np.isnan(told.values[:, never]).all()
    for code in SIZES:
        mine = alive & (size == code)
        assert never[mine].mean() == pytest.approx(truth().of("faults")["never"][code], abs=0.012)
        late = ((told.arrival > 0) & ~never)[mine].mean()
        assert late == pytest.approx(truth().of("faults")["late"][code], abs=0.05)


def test_the_same_seed_gives_the_same_files_on_one_process_and_on_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("zhizao.testing.economy.generate"), "STRETCH", 64)
    for name, workers in (("one", 1), ("two", 2)):
        generate(tmp_path / name, enterprises=150, months=14, seed=9, workers=workers)
    generate(tmp_path / "other", enterprises=150, months=14, seed=10, workers=1)
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")
    assert _digests(tmp_path / "one")["truth/totals.parquet"] != _digests(tmp_path / "other")["truth/totals.parquet"]


def test_one_enterprise_and_one_month_are_an_economy(tmp_path: Path) -> None:
    said = generate(tmp_path / "small", enterprises=1, months=1, seed=0, workers=1)
    assert said["enterprises"] == 1
    assert read_economy(tmp_path / "small").values.shape == (40, 1, 1)


def test_a_place_that_is_taken_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    with pytest.raises(InputError, match="taken"):
        generate(tmp_path / "mine", enterprises=10, months=2, workers=1)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "dear"


@pytest.mark.parametrize(
    "bad", [{"enterprises": 0}, {"months": 0}, {"seed": -1}, {"enterprises": 10**9}, {"months": 601}]
)
def test_numbers_out_of_range_are_refused(tmp_path: Path, bad: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(bad))):
        generate(tmp_path / "x", **{"enterprises": 5, "months": 2, "seed": 1, **bad}, workers=1)
    assert not (tmp_path / "x").exists()


def test_generating_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    def stop(_stage: str, _share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "x", enterprises=10, months=2, workers=1, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_cut_off_or_missing_is_said(tmp_path: Path) -> None:
    generate(tmp_path / "x", enterprises=10, months=3, workers=1)
    part = tmp_path / "x" / "returns" / "part-0000.parquet"
    whole = part.read_bytes()
    part.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        read_economy(tmp_path / "x")
    part.unlink()
    with pytest.raises(InputError, match="no returns"):
        read_economy(tmp_path / "x")
    with pytest.raises(InputError, match="no economy"):
        read_economy(tmp_path / "nowhere")


def test_only_the_items_asked_for_are_read(clean: tuple[Path, Economy]) -> None:
    some = read_economy(clean[0], ("energy_tce", "revenue_cny"))
    np.testing.assert_array_equal(some.values[1], clean[1].values[0])
    with pytest.raises(InputError, match="no_such"):
        read_economy(clean[0], ("no_such",))


def test_what_was_drawn_is_told_with_the_economy(spoilt: tuple[Path, Economy]) -> None:
    folder, _ = spoilt
    said = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert said["counts"]["errors"] == pl.read_parquet(folder / "truth" / "errors.parquet").height
    assert {one["industry"] for one in said["overcapacity"]} == {"30", "31", "38"}
    assert "No enterprise in here exists" in (folder / "README.md").read_text(encoding="utf-8")
    register, paths = plan_economy(truth(), 4000, 120, 3)
    assert register.industry.size == 4000
    assert paths.price[:, :12].mean(axis=1) == pytest.approx(1.0)
    assert economy.__doc__ is not None


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }
