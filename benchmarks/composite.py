"""Composite index: equal to COINr step by step, and how long a thousand rebuilt indices take.

The data are the ASEM Sustainable Connectivity index of the Joint Research Centre (51 countries, 49 indicators), whose
every step COINr wrote down. Our greatest difference stands against the limit of 1e-8. The rebuilds vary imputation,
treatment, normalisation, aggregation, weights and the set of indicators; beside them the same number of indices built
from raw values one by one, by the same code that gives the parity, without anything kept between them.
"""

from __future__ import annotations

import time

import numpy as np
import polars as pl

from benchmarks import Row, shared
from zhizao.programme.composite import Steps, Structure, Units, build, parity, uncertainty

STEPS = ("raw", "denominated", "imputed", "screened", "treated", "normalised", "aggregated")
CHOICES = Steps(
    order=("denominate", "impute", "screen", "treat"), impute="group_mean", impute_by="EurAsia_group", screen=0.9
)


def measure(runs: int = 1000, alone: int = 60) -> list[Row]:
    """Parity of each table, and milliseconds per thousand rebuilds."""
    folder = shared("oracles", "composite_asem")

    def table(name: str) -> pl.DataFrame:
        return pl.read_csv(folder / f"asem_{name}.csv", infer_schema_length=0)

    structure = Structure.of_rows(table("imeta").to_dicts())
    units = Units.of(table("idata"), structure)
    built = build(units, structure, CHOICES)
    others = {step: table(f"dset_{step}") for step in STEPS} | {"results": table("results")}
    rows: list[Row] = []
    for found in parity(built, others):
        if not found.same:
            raise RuntimeError(f"{found.step} differs from COINr's by {found.difference}")
        rows.append(
            {
                "name": f"composite index, {found.step}: greatest difference from COINr over {found.columns} columns",
                "ours": found.difference,
                "peer": "limit 1e-8",
                "peer_value": 1e-8,
                "unit": "1",
                "ratio": 1e-8 / found.difference if found.difference else None,
            }
        )
    uncertainty(units, built, np.random.default_rng(1), runs=16)
    began = time.perf_counter()
    spread = uncertainty(units, built, np.random.default_rng(1), runs=runs)
    together = (time.perf_counter() - began) / spread.rebuilds
    began = time.perf_counter()
    for _ in range(alone):
        build(units, structure, CHOICES)
    apart = (time.perf_counter() - began) / alone
    rows.append(
        {
            "name": "composite index, 1,000 rebuilds of 51 units x 49 indicators with rank intervals and sensitivity",
            "ours": 1e6 * together,
            "peer": "the same code, one whole rebuild after another",
            "peer_value": 1e6 * apart,
            "unit": "ms",
            "ratio": apart / together,
        }
    )
    return rows


if __name__ == "__main__":
    for row in measure():
        print(f"{row['ours']:12.3g} {row['peer_value'] or 0:12.3g} {row['unit']:3s} {row['name']}")
