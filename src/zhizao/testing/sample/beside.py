"""What lies beside the sample plant's records: equipment and meters for plant.yaml, readings, accounts, the tree of units.

Files: `meters.csv` (a reading of each meter for each day, local times), `accounts.csv` (lines of the ledger by month),
`units.yaml` (nation, province, park and this enterprise) and `flows.json` (the true rates behind readings and accounts).
"""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import polars as pl

from zhizao.testing.sample.books import BOOK_TRUTH, accounts_of
from zhizao.testing.sample.flows import FLOW_TRUTH, METER_COLUMNS, equipment, meters_of, readings
from zhizao.testing.sample.truth import Truth

__all__ = ["ENTERPRISE", "declared", "tree", "write_beside"]

ENTERPRISE = "SP-01"
"""Id of the sample plant's enterprise in units.yaml."""


def declared(truth: Truth) -> dict[str, Any]:
    """What plant.yaml says beside name, zone and products: equipment, meters, whose return it is."""
    return {"machines": equipment(truth), "meters": meters_of(truth), "enterprise": ENTERPRISE}


def tree(truth: Truth) -> dict[str, Any]:
    """The tree of units that the sample plant reports up: units.yaml."""
    return {
        "zone": truth.zone,
        "deadlines": {"enterprise": 8, "county": 10, "province": 12, "nation": 15, "publication": 18},
        "four_eyes": True,
        "units": {
            "CN": {"level": "nation", "zh": "全国", "en": "nation"},
            "GD": {"level": "province", "zh": "广东省", "en": "Guangdong", "parent": "CN", "region": "44"},
            "GD-P1": {"level": "county", "zh": "示范园区", "en": "sample park", "parent": "GD", "region": "44"},
            ENTERPRISE: {
                "level": "enterprise",
                "zh": "示范机械厂",
                "en": "sample machine works",
                "parent": "GD-P1",
                "industry": "34",
                "region": "44",
                "size": "S",
            },
        },
    }


def write_beside(folder: Path, frame: pl.DataFrame, truth: Truth, *, weeks: int) -> None:
    """Write readings, accounts, units and the truth behind them.

    Parameters
    ----------
    folder : where the records lie
    frame : rows of `run_plant`
    truth : the plant
    weeks : length of the run
    """
    import yaml

    read = readings(frame, truth, weeks=weeks)
    local = [pl.col(name).dt.convert_time_zone(truth.zone).dt.strftime("%Y-%m-%d %H:%M") for name in ("start", "end")]
    _write(folder / "meters.csv", METER_COLUMNS, read.with_columns(local).rows())
    books = accounts_of(frame, read, truth, weeks=weeks)
    _write(folder / "accounts.csv", tuple(books.columns), books.rows())
    text = yaml.safe_dump(tree(truth), allow_unicode=True, sort_keys=False)
    (folder / "units.yaml").write_text(text, encoding="utf-8")
    rates = {"flows": FLOW_TRUTH.as_json(), "books": dataclasses.asdict(BOOK_TRUTH)}
    (folder / "flows.json").write_text(json.dumps(rates, indent=1), encoding="utf-8")


def _write(path: Path, heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        writer.writerows([f"{cell:.10g}" if isinstance(cell, float) else cell for cell in row] for row in rows)
