"""The warnings of a workspace: the tables that are kept for them, and what the latest judgement found.

Tables are kept as Parquet in `programme/warnings`, each written whole, in the columns that they were understood as. A
judgement is a job (`warnings`); its result says of which tables it was made, so that a newer table makes it stale.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhizao.app import uploads
from zhizao.app.jobs import Job, Report
from zhizao.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from zhizao.app.desk import Desk

__all__ = [
    "FOLDER", "TableKept", "drop_table", "export_frame", "find_warnings", "keep_sample", "keep_table", "latest", "one_warning",
    "stamp", "tables_kept",
]  # fmt: skip

FOLDER = "programme/warnings"
"""Where the tables are, in a workspace."""

_NAME = re.compile(r"^[\w\u4e00-\u9fff][\w\u4e00-\u9fff .()-]{0,99}$")
_TAKEN = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".parquet")
_LEVELS = {"serious": 0, "warning": 1, "watch": 2}


@dataclass(frozen=True, slots=True)
class TableKept:
    """A table that is kept.

    Parameters
    ----------
    name : of it, from the file that it came in
    rows : how many
    columns : as they were understood
    kinds : of warning that it can speak to
    first, last : months; empty where there are none
    at : when it was kept
    """

    name: str
    rows: int
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    first: str
    last: str
    at: datetime


def _files(workspace: Path) -> list[Path]:
    folder = workspace / FOLDER
    return sorted(folder.glob("*.parquet")) if folder.is_dir() else []


def tables_kept(workspace: Path) -> list[TableKept]:
    """Tables of a workspace, by name."""
    import polars as pl

    from zhizao.programme.alerts import kinds_in

    out = []
    for path in _files(workspace):
        frame = pl.scan_parquet(path)
        columns = frame.collect_schema().names()
        asked = [pl.len().alias("rows")]
        if "month" in columns:
            asked += [pl.col("month").min().alias("first"), pl.col("month").max().alias("last")]
        told = frame.select(asked).collect().row(0, named=True)
        out.append(
            TableKept(
                path.stem,
                int(told["rows"]),
                tuple(columns),
                tuple(one.replace("_", "-") for one in kinds_in(columns)),
                str(told.get("first") or "")[:7],
                str(told.get("last") or "")[:7],
                datetime.fromtimestamp(path.stat().st_mtime, UTC),
            )
        )
    return out


def stamp(workspace: Path) -> str:
    """Short name of the state of the tables."""
    mark = hashlib.sha256()
    for path in _files(workspace):
        told = path.stat()
        mark.update(f"{path.name}\0{told.st_size}\0{told.st_mtime_ns}\0".encode())
    return mark.hexdigest()[:12]


def keep_table(workspace: Path, name: str, content: Any) -> list[TableKept]:
    """Understand an uploaded table and keep it; a table of the same name is replaced.

    Parameters
    ----------
    workspace : folder
    name : of the file
    content : its bytes, as a file

    Raises
    ------
    InputError : it is no table, or its columns suffice for no kind of warning; nothing is kept then
    """
    from zhizao.app.alert_steps import read_tables, refuse_future
    from zhizao.programme.alerts import kinds_in

    ending = Path(name).suffix.lower()
    if ending not in _TAKEN:
        raise InputError(
            f'a file that ends in "{ending[:20]}" is not taken', where=name[:100], fix="upload CSV, Excel or Parquet",
            code="bad_table",
        )  # fmt: skip
    kept = uploads.keep(workspace, name, content)
    tables = read_tables(kept.path)
    refuse_future(tables)
    good = [(one, table) for one, table in tables if kinds_in(table.columns)]
    if not good:
        seen = ", ".join(dict.fromkeys(column for _, table in tables for column in table.columns)) or "none known"
        raise InputError(
            f"the columns ({seen}) do not suffice for any warning",
            where=kept.name,
            fix="give industry, month and utilisation; or product, supplier and value_cny; see docs/alerts.md",
            code="no_kind",
        )
    stem = re.sub(r"[^\w\u4e00-\u9fff .()-]+", "_", Path(kept.name).stem).strip(" .") or "table"
    for number, (_, table) in enumerate(good):
        _write(workspace, stem[:90] + (f" ({number + 1})" if len(good) > 1 else ""), table)
    return tables_kept(workspace)


def _write(workspace: Path, name: str, table: pl.DataFrame) -> None:
    from zhizao.record.whole import write_whole

    out = BytesIO()
    table.write_parquet(out)
    write_whole(workspace / FOLDER / f"{name}.parquet", out.getvalue())


def keep_sample(workspace: Path) -> list[TableKept]:
    """Twelve years of 31 industries that do not exist, to look around; only where there are no tables."""
    import numpy as np

    from zhizao.programme.alerts import settle
    from zhizao.testing.industry_series import industry_series

    if _files(workspace):
        raise InputError("there are tables already", fix="remove them first", code="not_empty")
    made = industry_series(np.random.default_rng(5), count=31, months=144, start="2012-01", episodes=0.6)
    _write(workspace, "generated industries", settle(made.frame, "generated"))
    return tables_kept(workspace)


def drop_table(workspace: Path, name: str) -> list[TableKept]:
    """Remove a table.

    Raises
    ------
    InputError : there is none of that name (`no_warning_table`)
    """
    path = workspace / FOLDER / f"{name}.parquet"
    if not _NAME.match(name) or not path.is_file():
        raise InputError(f'there is no table "{name[:60]}"', fix="look it up in the list", code="no_warning_table")
    path.unlink()
    return tables_kept(workspace)


def find_warnings(workspace: Path, asked: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """The job: judge every table that is kept. `asked` has kind, as_of, budget (a year), lag, seed and stamp."""
    import polars as pl

    from zhizao.app.alert_steps import KINDS, as_plain, judge, read_as_of

    report(0.01, "reading")
    tables = [(path.stem, pl.read_parquet(path)) for path in _files(workspace)]
    if not tables:
        raise InputError("no table is kept", fix="upload one", code="no_tables")
    budget = float(asked.get("budget") or 1.0)
    found = judge(
        tables,
        kind=KINDS.get(str(asked.get("kind") or "")),
        month=read_as_of(str(asked["as_of"])) if asked.get("as_of") else None,
        budget=budget,
        lag=int(asked.get("lag") or 0),
        seed=int(asked.get("seed") or 0),
        where=", ".join(name for name, _ in tables),
        tell=lambda step, share: report(0.02 + 0.95 * share, step),
        charts=True,
    )
    told = as_plain(found, budget)
    seen: dict[str, int] = {}
    for number, one in enumerate(told["warnings"]):
        key = ":".join((one["kind"], *one["scope"].values()))
        seen[key] = seen.get(key, 0) + 1
        one["key"] = key if seen[key] == 1 else f"{key}:{seen[key]}"
        one["series"] = found["charts"].get(number, [])
    told["warnings"].sort(key=lambda one: _LEVELS[one["level"]])
    return {**told, "tables": [name for name, _ in tables], "stamp": str(asked.get("stamp", ""))}


def latest(desk: Desk) -> tuple[Job, dict[str, Any]] | None:
    """The newest judgement that is done, with what it found."""
    job = desk.latest("warnings")
    return None if job is None else (job, desk.jobs.result(job.id))


def one_warning(found: dict[str, Any], key: str) -> dict[str, Any]:
    """A warning by its key.

    Raises
    ------
    InputError : it is not open any more (`no_warning`)
    """
    for one in found["warnings"]:
        if one["key"] == key:
            return dict(one)
    raise InputError(f'there is no warning "{key[:80]}" now', fix="look at the list", code="no_warning")


def export_frame(found: dict[str, Any], lang: str) -> pl.DataFrame:
    """One row of evidence a line, with its warning, for Excel and CSV."""
    import polars as pl

    from zhizao.programme.alerts.warning import KINDS, LEVELS

    at = 0 if lang == "zh" else 1
    names = (
        ("级别", "level"), ("类别", "kind"), ("范围", "scope"), ("名称", "name"), ("始于", "since"), ("发出", "opened"), ("信号", "signal"),
        ("数值", "value"), ("常态下限", "normal from"), ("常态上限", "normal to"), ("单位", "unit"), ("达到界限的份额", "share of the limit"),
        ("提前期（月）", "lead (months)"), ("准确率", "precision"), ("召回率", "recall"), ("可采取措施", "possible actions"),
    )  # fmt: skip
    rows = [
        (
            LEVELS[one["level"]][at],
            KINDS[one["kind"].replace("-", "_")][at],
            " ".join(one["scope"].values()),
            one["name"][lang],
            one["since"],
            one["opened"],
            row["name"][lang],
            row["value"],
            row["low"],
            row["high"],
            row["unit"],
            row["vote"],
            one["record"]["lead_time_months"],
            one["record"]["precision"],
            one["record"]["recall"],
            "; ".join(action[lang] for action in one["actions"][:3]),
        )
        for one in found["warnings"]
        for row in one["evidence"]
    ]
    kinds = [pl.String] * 7 + [pl.Float64] * 3 + [pl.String] + [pl.Float64] * 4 + [pl.String]
    schema = {name[at]: kind for name, kind in zip(names, kinds, strict=True)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def dump(found: dict[str, Any]) -> str:
    """As JSON for a file."""
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"
