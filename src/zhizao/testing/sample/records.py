"""The sample plant's records as somebody exports them: local times, English or Chinese headings, a few slips.

The slips are those of every shop floor: a report sent twice, a person left blank, an end before its start. They are
counted as they are planted, so that an import can be held to its account: read = stored + rejected + duplicate.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from zhizao.model.worklog import WORKLOG_SCHEMA, WorkLog
from zhizao.testing.sample import beside
from zhizao.testing.sample.plants import truth as truth_of
from zhizao.testing.sample.run import run_plant
from zhizao.testing.sample.truth import Truth
from zhizao.testing.sample.words import HEADINGS, WORDS

__all__ = ["Written", "generate", "records", "write_records"]

_STYLES = ("csv", "xlsx", "zh")
_TWICE, _BLANK, _BACKWARDS = 0.004, 0.01, 0.001


@dataclass(frozen=True, slots=True)
class Written:
    """What an export holds.

    Parameters
    ----------
    path : the file
    rows : data rows in it
    twice : rows that repeat an earlier row word for word
    backwards : rows whose end precedes their start
    blank : rows on which the person was left blank
    """

    path: Path
    rows: int
    twice: int
    backwards: int
    blank: int


def records(truth: Truth | None = None, *, seed: int = 1, weeks: int = 26) -> WorkLog:
    """Work log of a sample plant, without slips.

    Parameters
    ----------
    truth : the plant, the messy one when absent
    seed : >= 0
    weeks : >= 1

    Examples
    --------
    >>> records(weeks=1).zone
    'Asia/Shanghai'
    """
    plant = truth or truth_of()
    return WorkLog.of(run_plant(plant, seed=seed, weeks=weeks).select(_worklog_columns()), plant.zone)


def _worklog_columns() -> list[str]:
    return [name for name in WORKLOG_SCHEMA if name != "event"]


def generate(folder: str | Path, *, kind: str = "messy", seed: int = 1, weeks: int = 26, style: str = "csv") -> Written:
    """Write the records of a sample plant with what belongs to them: `records.csv`, `plant.yaml` and `truth.json`.

    Beside them: `meters.csv`, `accounts.csv`, `units.yaml` and `flows.json` (see `zhizao.testing.sample.beside`).

    Parameters
    ----------
    folder : made when absent
    kind : `messy` or `good`
    seed : >= 0
    weeks : >= 1
    style : `csv`, `xlsx` (then `records.xlsx`) or `zh`
    """
    import yaml

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    plant = truth_of(kind)
    frame = run_plant(plant, seed=seed, weeks=weeks)
    declared = {
        "name": f"sample plant ({kind})",
        "zone": plant.zone,
        "products": {product.name: {"material_cost": product.material} for product in plant.products},
        **beside.declared(plant),
    }
    (folder / "plant.yaml").write_text(yaml.safe_dump(declared, allow_unicode=True, sort_keys=False), encoding="utf-8")
    (folder / "truth.json").write_text(json.dumps(plant.as_json(), indent=1), encoding="utf-8")
    beside.write_beside(folder, frame, plant, weeks=weeks)
    return write_records(frame, folder / f"records.{'xlsx' if style == 'xlsx' else 'csv'}", style=style)


def write_records(
    frame: pl.DataFrame, path: str | Path, *, style: str = "csv", zone: str = "Asia/Shanghai", slips: float = 1.0
) -> Written:
    """Write rows of `run_plant` as an export: one row per report, times in local time.

    Parameters
    ----------
    frame : rows of `run_plant`
    path : file to write
    style : `csv` (English headings, UTF-8), `xlsx` (English headings, real dates) or `zh` (Chinese headings, GB18030)
    zone : of the local times
    slips : factor on the share of slips (reports sent twice, persons left blank, ends before starts), 0 = none

    Raises
    ------
    ValueError : when the style is none of these
    """
    if style not in _STYLES:
        raise ValueError(f"no style is called {style!r}; there are {', '.join(_STYLES)}")
    path, lang = Path(path), "zh" if style == "zh" else "en"
    luck = np.random.Generator(np.random.Philox(key=frame.height))
    rows: list[dict[str, Any]] = []
    count = {"twice": 0, "backwards": 0, "blank": 0}
    columns = list(HEADINGS[lang])
    local = frame.select(columns).with_columns(
        pl.col("start", "end", "released", "due")
        .dt.convert_time_zone(zone)
        .dt.replace_time_zone(None)
        .dt.cast_time_unit("us")
    )
    draws = luck.random((frame.height, 3)) / slips if slips > 0 else np.ones((frame.height, 3))
    for row, (twice, blank, backwards) in zip(local.iter_rows(named=True), draws, strict=True):
        if blank < _BLANK and row["person"] is not None:
            row["person"] = None
            count["blank"] += 1
        if backwards < _BACKWARDS and row["end"] > row["start"]:
            row["end"] = row["start"] - timedelta(hours=1)
            count["backwards"] += 1
        rows.append(row)
        if twice < _TWICE:
            rows.append(dict(row))
            count["twice"] += 1
    if style == "xlsx":
        _write_excel(rows, path)
    else:
        with path.open("w", encoding="gb18030" if lang == "zh" else "utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADINGS[lang].values())
            writer.writerows([_text(name, row[name], WORDS[lang]) for name in columns] for row in rows)
    return Written(path, len(rows), **count)


def _text(name: str, value: Any, words: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return words["yes" if value else "no"]
    if isinstance(value, datetime):
        return value.strftime(words["day" if name == "due" else "time"])
    if isinstance(value, float):
        return f"{value:g}"
    return words.get(value, value) if name in ("operation", "report") else str(value)


def _write_excel(rows: list[dict[str, Any]], path: Path) -> None:
    import xlsxwriter

    words = WORDS["en"]
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Records")
        times = {
            "due": book.add_format({"num_format": "yyyy-mm-dd"}),
            "": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        sheet.write_row(0, 0, list(HEADINGS["en"].values()))
        for line, row in enumerate(rows, start=1):
            for at, (name, value) in enumerate(row.items()):
                if isinstance(value, datetime):
                    day = value.replace(hour=0, minute=0, second=0) if name == "due" else value
                    sheet.write_datetime(line, at, day, times.get(name, times[""]))
                elif isinstance(value, float):
                    sheet.write_number(line, at, value)
                elif value is not None:
                    sheet.write_string(line, at, _text(name, value, words))
