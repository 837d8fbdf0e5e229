"""Indicators of an economy: ten formulas of the plan at five levels, by month and by year, beside Polars and the limits.

Both sides have the same float32 values in memory and leave out the same incomplete returns; Polars adds each formula up by
industry, region, size and month in one lazy query on all cores, and makes the other levels from that. Its frame is made
before the clock runs, as our cube is. The sums are compared before the seconds are told. The full size (400,000
enterprises, 120 months, 40 items) stands against the limits that were set; it is loaded in a process of its own, so that
its peak of memory is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import ROOT, Row
from benchmarks.plan_formulas import plan_formulas
from zhizao.programme.rollup import Cube, Deflators, Sums, all_figures, grid_of, magnitudes, plan_of, sums_of
from zhizao.testing.economy import Economy, generate, read_economy

LIMITS = {"load": 60.0, "memory": 8.0, "compute": 2.0}


def cube_of(economy: Economy) -> tuple[Cube, Deflators]:
    """An economy as the arrays that are computed on."""
    frame = economy.frame
    cube, _ = Cube.of(
        economy.items,
        economy.first,
        economy.values,
        industry=frame["industry"].to_numpy(),
        region=frame["region"].to_numpy(),
        size=frame["size"].to_numpy(),
        born=frame["born"].to_numpy() + economy.first,
        died=frame["died"].to_numpy() + economy.first,
        arrival=economy.arrival,
    )
    return cube, Deflators(economy.first, economy.deflators)


def long_frame(cube: Cube) -> pl.DataFrame:
    """One row an enterprise and month, as a table in memory has it."""
    months = cube.months
    columns: dict[str, Any] = {
        "cell": np.tile(cube.cell, months),
        "month": np.repeat(np.arange(months, dtype=np.int32), cube.enterprises),
    }
    columns |= {key: np.ascontiguousarray(cube.values[k]).reshape(-1) for k, key in enumerate(cube.items)}
    return pl.DataFrame(columns)


def by_polars(frame: pl.DataFrame) -> pl.DataFrame:
    """Numerators and denominators by cell and month, then by every level and period."""
    sums = []
    for one in plan_formulas():
        formula = one.formula
        above = pl.sum_horizontal(pl.col(k).cast(pl.Float64) * f for k, f in formula.numerator.items())
        if formula.of == "share":
            below = pl.lit(1.0)
        else:
            below = pl.sum_horizontal(pl.col(k).cast(pl.Float64) * f for k, f in formula.denominator.items())
        if formula.of == "mean_of_rates":
            rate = above / below
            above, below = pl.when((below != 0) & (rate.abs() <= 4096)).then(rate).otherwise(None), pl.lit(1.0)
        ok = (above + below).is_not_nan() & (above + below).is_not_null()
        sums.append(pl.when(ok).then(above).otherwise(0.0).sum().alias(f"{one.id}:n"))
        sums.append(pl.when(ok).then(below).otherwise(0.0).sum().alias(f"{one.id}:d"))
    cells = frame.lazy().group_by("cell", "month").agg(sums).collect()
    places = {
        "industry": pl.col("cell") // 124,
        "region": pl.col("cell") // 4 % 31,
        "size": pl.col("cell") % 4,
        "year": pl.col("month") // 12,
    }
    table = cells.with_columns(**places)
    values = [name for name in cells.columns if ":" in name]
    for level in (["industry"], ["region"], ["size"], ["industry", "region"]):
        for period in ("month", "year"):
            table.group_by(*level, period).agg(pl.sum(*values))
    table.group_by("year").agg(pl.sum(*values))
    return table.group_by("month").agg(pl.sum(*values)).sort("month")


def best_of(times: int, work: Callable[[], Any]) -> tuple[float, Any]:
    """Shortest wall time of several runs, and the last answer."""
    seconds, answer = [], None
    for _ in range(times):
        began = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - began)
    return min(seconds), answer


def beside_polars(folder: Path, enterprises: int) -> Row:
    """Both on one economy that both hold in memory."""
    generate(folder / "small", enterprises=enterprises, months=120, seed=7)
    plan = plan_of(plan_formulas())
    cube, deflators = cube_of(read_economy(folder / "small", plan.items))
    grid = grid_of(plan, plan.items, magnitudes(cube))
    made: list[Sums] = []

    def ours() -> dict[Any, Any]:
        made[:] = [sums_of(cube, plan, grid)]
        return all_figures(made[0], deflators)

    ours()
    our_seconds, found = best_of(3, ours)
    frame = long_frame(cube)
    their_seconds, theirs = best_of(3, lambda: by_polars(frame))
    nation = found[(), "month"]
    for d, one in enumerate(plan.definitions):
        if one.formula.prices == "constant":  # Polars adds up at current prices only
            continue
        np.testing.assert_allclose(nation.numerator[d, 0], theirs[f"{one.id}:n"].to_numpy(), rtol=1e-7)
        np.testing.assert_allclose(nation.denominator[d, 0], theirs[f"{one.id}:d"].to_numpy(), rtol=1e-7)
    return {
        "name": f"ten indicators, five levels, {enterprises:,} enterprises x 120 months",
        "ours": our_seconds,
        "peer": f"Polars {pl.__version__}, group_by",
        "peer_value": their_seconds,
        "unit": "s",
        "ratio": their_seconds / our_seconds,
        "note": "the same sums to 1e-7; ours exact at every level and with figures in constant prices besides",
    }


def full(folder: str) -> None:
    """Load and compute in this process; print what it took."""
    import resource

    plan = plan_of(plan_formulas())
    began, cpu = time.perf_counter(), time.process_time()
    cube, deflators = cube_of(read_economy(Path(folder)))
    grid = grid_of(plan, plan.items, magnitudes(cube, plan.items))
    all_figures(sums_of(cube.part(0, 1), plan, grid), deflators)
    loaded, loaded_cpu = time.perf_counter(), time.process_time()
    seconds, _ = best_of(3, lambda: all_figures(sums_of(cube, plan, grid), deflators))
    computed_cpu = (time.process_time() - loaded_cpu) / 3
    print(
        json.dumps(
            {
                "load": loaded - began,
                "load_cpu": loaded_cpu - cpu,
                "compute": seconds,
                "compute_cpu": computed_cpu,
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
            }
        )
    )


def measure(small: int = 40_000, large: int = 400_000) -> list[Row]:
    """Beside Polars at a size that both can do; at full size against the limits."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [beside_polars(folder, small)]
        if not large:
            return rows
        began = time.perf_counter()
        generate(folder / "large", enterprises=large, months=120, seed=7)
        generated = time.perf_counter() - began
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.indicators", str(folder / "large")],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        told = json.loads(run.stdout.splitlines()[-1])
    what = f"{large:,} enterprises x 120 months x 40 items"
    for key, name, unit in (
        ("load", "load", "s"),
        ("memory", "most memory held", "GiB"),
        ("compute", "all indicators", "s"),
    ):
        note = f"processor time {told[f'{key}_cpu']:.2f} s" if f"{key}_cpu" in told else "float32, arrays and all"
        rows.append(
            {
                "name": f"{name}, {what}", "ours": told[key], "peer": "limit that was set", "peer_value": LIMITS[key],
                "unit": unit, "ratio": LIMITS[key] / told[key], "note": note,
            }
        )  # fmt: skip
    rows.append(
        {
            "name": f"generate, {what}", "ours": generated, "peer": "none", "peer_value": None, "unit": "s", "ratio": None,
            "note": "with writing 5 GB of Parquet",
        }
    )  # fmt: skip
    return rows


if __name__ == "__main__":
    full(sys.argv[1])
