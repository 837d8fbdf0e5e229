"""The steps that command line, API and pages share: each reads a workspace, calls the rooms below, and returns nouns.

A workspace is a folder (`plant.yaml`, `facts.db`, `reports/`) or a database URL.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhizao import clock
from zhizao.errors import InputError

if TYPE_CHECKING:
    from zhizao.decide.twin import Twin
    from zhizao.model import Plant, WorkLog
    from zhizao.pilot import Pilot
    from zhizao.record import Receipt, Workspace
    from zhizao.sense.files import Mapping, Reading

__all__ = [
    "Imported",
    "import_records",
    "keep_result",
    "load_plant",
    "load_twin",
    "log_of",
    "pilot",
    "read_log",
    "save_twin",
    "stamps_have_offset",
    "workspace_beside",
    "write_log",
    "write_sample",
]

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """One import: what was read and what became of it.

    Parameters
    ----------
    reading : rows read, rejected rows, mapping with reasons
    receipt : stored, duplicate and superseding rows
    """

    reading: Reading
    receipt: Receipt


def load_plant(path: Path | None) -> Plant:
    """Plant from a YAML file; the default plant without one.

    Raises
    ------
    InputError : naming the field and what to write there
    """
    from zhizao.model import Plant
    from zhizao.record import read_plant

    if path is None:
        return Plant()
    if not path.exists():
        raise InputError(
            "there is no such plant file", where=str(path), fix="write plant.yaml there, or leave --plant out"
        )
    return read_plant(path)


def import_records(
    workspace: Workspace,
    path: Path,
    *,
    mapping: Mapping | None = None,
    zone: str | None = None,
    max_rejected: float = 0.2,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Read a file of production records and record what is new in the workspace's journal.

    Parameters
    ----------
    workspace : where it is recorded
    path : CSV, Excel, Parquet or XES
    mapping : which column is what; recognised when absent
    zone : zone of times without one; the plant's when absent
    max_rejected : share of rejected rows above which nothing is imported
    now : later times are refused as being in the future; the clock's when absent
    progress : called with stage and share
    """
    from zhizao.sense.files import read_records

    now = now or clock.now()
    reading = read_records(
        path, mapping=mapping, zone=zone or workspace.plant.zone, now=now, max_rejected=max_rejected, progress=progress
    )
    receipt = workspace.journal.append_records(
        reading.frame,
        source=path.name,
        rejected=reading.rejected,
        read=reading.read,
        recorded_at=now,
        progress=progress,
    )
    return Imported(reading, receipt)


def log_of(workspace: Workspace, *, as_of: datetime | None = None) -> WorkLog:
    """The work log of a workspace, as known now or at an earlier time."""
    return workspace.journal.worklog(zone=workspace.plant.zone, as_of=as_of)


def read_log(path: Path, *, mapping: Mapping | None = None, zone: str, progress: Progress | None = None) -> WorkLog:
    """A work log straight from a file, recorded nowhere: for twins from outside.

    Rows that say the same twice count once, as they do in the journal.
    """
    from zhizao.model import WorkLog
    from zhizao.sense.files import read_records

    frame = read_records(path, mapping=mapping, zone=zone, now=clock.now(), progress=progress).frame
    content = [name for name in frame.columns if name not in ("row", "sheet")]
    return WorkLog.of(frame.unique(content, keep="first", maintain_order=True).drop("key", "row", "sheet"), zone)


def workspace_beside(records: Path, out: Path) -> Path:
    """Folder of the journal that a pilot keeps beside its report: one for each place that records come from."""
    name = re.sub(r"[^\w-]+", "-", records.name.split(".")[0]).strip("-") or "records"
    mark = hashlib.sha256(str(records.resolve()).encode()).hexdigest()[:8]
    return out.resolve().parent / f"{name}-{mark}.zhizao"


def pilot(
    workspace: Workspace,
    *,
    imported: Imported | None = None,
    plant: Plant | None = None,
    as_of: datetime | None = None,
    seed: int = 0,
    budget: float = float("inf"),
    workers: int | None = None,
    progress: Progress | None = None,
) -> Pilot:
    """The pilot on everything that the workspace holds.

    Parameters
    ----------
    workspace : journal and plant
    imported : the import just made, whose account the result carries; the sum over all imports when absent
    plant : in place of the workspace's
    as_of : as the records stood then
    seed, budget, workers, progress : see `zhizao.pilot.run_pilot`
    """
    from zhizao.pilot import run_pilot

    tell = progress or (lambda _stage, _share: None)
    used = plant or workspace.plant
    tell("reading the journal", 0.0)
    log = workspace.journal.worklog(zone=used.zone, as_of=as_of)
    tell("reading the journal", 1.0)
    return run_pilot(
        log,
        used,
        records=_records_account(workspace, imported),
        seed=seed,
        budget=budget,
        workers=workers or os.cpu_count() or 1,
        progress=progress,
    )


def _records_account(workspace: Workspace, imported: Imported | None) -> Any:
    from zhizao.pilot import RecordsAccount

    if imported is not None:
        receipt = imported.receipt
        reasons = dict(imported.reading.rejected.group_by("cause").len().iter_rows())
        return RecordsAccount(
            read=receipt.read,
            stored=receipt.stored,
            rejected=receipt.rejected,
            duplicate=receipt.duplicate,
            reasons=reasons,
        )
    table = workspace.journal.account()
    read, stored, rejected, duplicate = (int(table[key].sum()) for key in ("read", "stored", "rejected", "duplicate"))
    return RecordsAccount(read=read, stored=stored, rejected=rejected, duplicate=duplicate)


def write_sample(folder: Path, *, kind: str, style: str, weeks: int, seed: int) -> tuple[Path, int]:
    """Records of the sample plant: the file, and how many rows it holds."""
    from zhizao.testing.sample import generate

    written = generate(folder, kind=kind, seed=seed, weeks=weeks, style=style)
    return written.path, written.rows


def keep_result(workspace: Workspace, found: Pilot) -> None:
    """Keep the latest finding in the workspace, for the pages."""
    if workspace.folder is not None:
        from zhizao.record.whole import write_whole

        write_whole(
            workspace.folder / "reports" / "pilot.json",
            json.dumps(found.result.to_json(), ensure_ascii=False, indent=1) + "\n",
        )


def stamps_have_offset(path: Path) -> bool:
    """Whether the times in a file of records carry their offset to UTC, by a look at its beginning."""
    import gzip

    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".xes"):
        return True
    if name.endswith((".xlsx", ".parquet")):
        return False
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rb") as file:
        head = file.read(65_536).replace(b"\x00", b"").decode("ascii", "ignore")
    return re.search(r"\d:\d\d(:\d\d([.,]\d+)?)?\s?(Z|[+-]\d\d:?\d\d)(?!\d)", head) is not None


def save_twin(twin: Twin, path: Path, *, bare: bool = False) -> None:
    """One file of JSON, gzipped; written whole or not at all.

    Parameters
    ----------
    twin : fitted
    path : where to
    bare : the records' times carry no offset, so simulated ones will carry none either
    """
    import gzip

    from zhizao.record.whole import write_whole

    text = json.dumps({**twin.to_dict(), "bare": bare}, ensure_ascii=False)
    write_whole(path, gzip.compress(text.encode(), mtime=0))


def load_twin(path: Path) -> tuple[Twin, bool]:
    """Twin from `save_twin`'s file, and whether its records' times carried no offset.

    Raises
    ------
    InputError : when the file is missing or is no twin
    """
    import gzip

    from zhizao.decide.twin import Twin

    try:
        data = json.loads(gzip.decompress(path.read_bytes()))
        return Twin.from_dict(data), bool(data.get("bare"))
    except FileNotFoundError as error:
        raise InputError("there is no such twin", where=str(path), fix="make one with `zhizao twin fit`") from error
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "this file is not a twin", where=str(path), fix="make one with `zhizao twin fit RECORDS --out TWIN`"
        ) from error


def write_log(log: WorkLog, path: Path, *, bare: bool = False) -> None:
    """A simulated log as CSV: case, activity, resource, start, end; times in the plant's zone.

    The resource is the machine where the records name one, else the person. Times carry their offset to UTC, unless
    `bare` (the records' own carry none).
    """
    import polars as pl

    from zhizao.record.whole import write_whole

    stamp = "%Y-%m-%dT%H:%M:%S%.3f" + ("" if bare else "%:z")
    frame = log.frame.select(
        case=pl.col("order"),
        activity=pl.col("activity"),
        resource=pl.coalesce("machine", "person").fill_null(""),
        start=pl.col("start").dt.convert_time_zone(log.zone).dt.strftime(stamp),
        end=pl.col("end").dt.convert_time_zone(log.zone).dt.strftime(stamp),
    )
    write_whole(path, frame.write_csv().encode())
