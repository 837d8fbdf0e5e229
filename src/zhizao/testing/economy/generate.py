"""Generate an economy into a folder, stretch by stretch, on as many processes as wanted, whole or not at all.

Each stretch of 8,192 enterprises has a seed of its own, told from the economy's seed and its place, so the files are the
same whatever the number of processes. Only one stretch a process is in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.testing.economy.faults import ERROR_KINDS, FALSE_KINDS, Faults, spoil
from zhizao.testing.economy.paths import Paths, draw_paths, month_of
from zhizao.testing.economy.register import Register, draw_register
from zhizao.testing.economy.returns import draw_returns
from zhizao.testing.economy.store import write_part
from zhizao.testing.economy.truth import ITEMS, SIZES, Truth, truth

__all__ = ["STRETCH", "generate", "plan_economy"]

STRETCH = 8192
"""Enterprises that are drawn together; part of what the seed means."""

Progress = Callable[[str, float], None]
_README = """# A generated economy

No enterprise in here exists. {enterprises} enterprises, {months} months from {first}, seed {seed}.

| file | what |
| --- | --- |
| `frame.parquet` | the register: one row an enterprise; `enterprise` is its number, `born` and `died` count months from the first |
| `returns/part-*.parquet` | what came in, as it stands today: one row an enterprise and month (`month` counts from 0), forty items; NaN: not returned; `arrival`: months late, 255: never |
| `revisions.parquet` | first values that were replaced `lag` months after the reference month |
| `deflators.parquet` | price index by industry and month, first year = 1 |
| `truth.json` | every parameter, what was put in and where to find it |
| `truth/totals.parquet` | true sums of every item by industry, region and month, all enterprises, before anything went wrong |
| `truth/errors.parquet` | each wrong line: true and returned value, kind, months until corrected (0: never) |
| `truth/false.parquet` | each enterprise that made figures up: how, from when to when |

Values are float32 (relative 6e-8); totals were added up in float64.
"""


def plan_economy(
    told: Truth, enterprises: int, months: int, seed: int, first: str = "2015-01"
) -> tuple[Register, Paths]:
    """Register and paths of an economy: what is drawn before any return."""
    register = draw_register(
        told, enterprises, months, np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    )
    paths = draw_paths(
        told, month_of(first), months, np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    )
    return register, paths


def generate(
    out: Path,
    *,
    enterprises: int = 400_000,
    months: int = 120,
    seed: int = 7,
    first: str = "2015-01",
    told: Truth | None = None,
    workers: int | None = None,
    progress: Progress = lambda _stage, _share: None,
) -> dict[str, Any]:
    """Generate an economy.

    Parameters
    ----------
    out : folder that does not exist yet, or is empty
    enterprises : 1 to 10 million
    months : 1 to 600
    seed : 0 or more; the same seed gives the same economy, on any number of processes
    first : first month
    told : its numbers; those shipped when absent
    workers : processes; one for each core when absent

    Returns
    -------
    dict
        What `truth.json` says.

    Raises
    ------
    InputError : on numbers out of range, or a place that is taken or cannot be written to
    """
    for name, value, low, high in (
        ("enterprises", enterprises, 1, 10_000_000),
        ("months", months, 1, 600),
        ("seed", seed, 0, 2**63 - 1),
    ):
        if not low <= value <= high:
            raise InputError(f"{name} is {value}", fix=f"give {low} to {high}", code="range")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("the place is taken", where=str(out), fix="name a folder that is not there yet", code="exists")
    told = told or truth()
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        (part / "returns").mkdir(parents=True)
        (part / "truth").mkdir()
        said = _write(part, told, enterprises, months, seed, first, workers or cpu_count(), progress)
        if out.exists():
            out.rmdir()
        part.replace(out)
    except OSError as error:
        raise InputError(
            f"cannot write: {error.strerror}", where=str(out), fix="choose another place with --out"
        ) from error
    finally:
        with suppress(OSError):  # still there when generating was stopped
            shutil.rmtree(part, ignore_errors=True)
    return said


def _write(
    folder: Path, told: Truth, enterprises: int, months: int, seed: int, first: str, workers: int, progress: Progress
) -> dict[str, Any]:
    register, paths = plan_economy(told, enterprises, months, seed, first)
    _frame(register, told).write_parquet(folder / "frame.parquet")
    labels = [_label(paths.first + t) for t in range(months)]
    industries = list(told.industry)
    pl.DataFrame(
        {
            "industry": np.repeat(industries, months),
            "month": np.tile(labels, len(industries)),
            "index": paths.price.reshape(-1),
        }
    ).write_parquet(folder / "deflators.parquet")
    starts = range(0, enterprises, STRETCH)
    jobs = (
        delayed(_stretch)(
            folder / "returns" / f"part-{place:04d}.parquet",
            told,
            paths,
            register.part(start, start + STRETCH),
            start,
            seed,
            place,
        )
        for place, start in enumerate(starts)
    )
    workers = max(1, min(workers, len(starts)))
    found: Iterable[Any] = Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2*n_jobs")(jobs)
    shape = (len(industries), len(told.region), months, len(ITEMS) + 2)
    totals = np.zeros(shape)
    tables: dict[str, list[NDArray[np.void]]] = {"errors": [], "false": [], "revisions": []}
    for done, (cells, sums, faults) in enumerate(found, start=1):  # in the order of stretches, so sums are the same
        for (industry, region), one in zip(cells, sums, strict=True):
            totals[industry, region] += one
        for name, rows in tables.items():
            rows.append(getattr(faults, name))
        progress("drawing returns", done / len(starts))
    joined = {name: np.concatenate(rows) for name, rows in tables.items()}
    _totals(totals, told, labels).write_parquet(folder / "truth" / "totals.parquet")
    _named(joined["errors"], ERROR_KINDS).write_parquet(folder / "truth" / "errors.parquet")
    _named(joined["false"], FALSE_KINDS).write_parquet(folder / "truth" / "false.parquet")
    _plain(joined["revisions"]).write_parquet(folder / "revisions.parquet")
    said = {
        "enterprises": enterprises,
        "months": months,
        "first": first,
        "seed": seed,
        "stretch": STRETCH,
        "items": list(ITEMS),
        "float": "float32, relative 6e-8; totals in float64",
        "counts": {name: len(rows) for name, rows in joined.items()},
        "totals_sha256": hashlib.sha256(totals.tobytes()).hexdigest(),
        "overcapacity": [asdict(one) for one in told.overcapacity],
        "industry": told.industry,
        "region": told.region,
        "settings": told.settings,
    }
    (folder / "truth.json").write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / "README.md").write_text(
        _README.format(enterprises=enterprises, months=months, first=first, seed=seed), encoding="utf-8"
    )
    return said


def _stretch(
    path: Path, told: Truth, paths: Paths, firms: Register, start: int, seed: int, place: int
) -> tuple[list[tuple[int, int]], list[NDArray[np.float64]], Faults]:
    """Draw, spoil and write one stretch; true sums by industry and region, and what was done to it."""
    draw, wreck = (np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2, place, k))) for k in (0, 1))
    values = draw_returns(told, paths, firms, draw)
    cell = firms.industry.astype(np.int64) * len(told.region) + firms.region
    edges = np.flatnonzero(np.diff(cell, prepend=-1))
    sums = np.zeros((len(edges), values.shape[1], len(ITEMS) + 2))
    for item in range(len(ITEMS)):
        line = np.nan_to_num(values[item].astype(np.float64))
        sums[:, :, item] = np.add.reduceat(line, edges, axis=1).T
    there = ~np.isnan(values[0])
    rate = values[ITEMS.index("key_processes_nc")] / values[ITEMS.index("key_processes")].astype(np.float64)
    sums[:, :, -2] = np.add.reduceat(there.astype(np.float64), edges, axis=1).T
    sums[:, :, -1] = np.add.reduceat(np.nan_to_num(rate), edges, axis=1).T
    faults = spoil(told, firms, values, wreck)
    write_part(path, start, values, faults.arrival)
    for rows in (faults.errors, faults.false, faults.revisions):
        rows["enterprise"] += start
    faults.false["peer"] += np.where(faults.false["peer"] >= 0, start, 0).astype(np.int32)
    cells = [(int(cell[edge]) // len(told.region), int(cell[edge]) % len(told.region)) for edge in edges]
    return cells, list(sums), faults


def _frame(register: Register, told: Truth) -> pl.DataFrame:
    industries, regions = np.array(list(told.industry)), np.array(list(told.region))
    return pl.DataFrame(
        {
            "enterprise": np.arange(register.industry.size, dtype=np.int32),
            "industry": industries[register.industry],
            "region": regions[register.region],
            "size": np.array(SIZES)[register.size],
            "born": register.born,
            "died": register.died,
            "employees": register.persons,
            "output_cny": register.output_cny,
        }
    )


def _totals(totals: NDArray[np.float64], told: Truth, labels: list[str]) -> pl.DataFrame:
    industries, regions = list(told.industry), list(told.region)
    many = len(regions) * len(labels)
    frame = pl.DataFrame(
        {
            "industry": np.repeat(industries, many),
            "region": np.tile(np.repeat(regions, len(labels)), len(industries)),
            "month": np.tile(labels, len(industries) * len(regions)),
        }
    )
    flat = totals.reshape(-1, totals.shape[-1])
    names = [*ITEMS, "enterprises", "sum_of_nc_rates"]
    return frame.with_columns([pl.Series(name, flat[:, k]) for k, name in enumerate(names)])


def _plain(rows: NDArray[np.void]) -> pl.DataFrame:
    return pl.DataFrame({name: np.ascontiguousarray(rows[name]) for name in rows.dtype.names or ()})


def _named(rows: NDArray[np.void], kinds: tuple[str, ...]) -> pl.DataFrame:
    frame = _plain(rows).with_columns(
        pl.Series("kind", np.array(kinds)[rows["kind"].astype(np.int64)], dtype=pl.String)
    )
    if "item" in frame.columns:
        names = np.array(ITEMS)[rows["item"].astype(np.int64)]
        frame = frame.with_columns(pl.Series("item", names, dtype=pl.String))
    return frame


def _label(number: int) -> str:
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
