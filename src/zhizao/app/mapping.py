"""Looking before importing: what each column of an uploaded file is taken for, and what a dry reading of it finds.

What a person changes is kept beside the upload, so that the page can be left and found again.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from zhizao.app.uploads import Upload
from zhizao.clock import now
from zhizao.errors import InputError

if TYPE_CHECKING:
    from zhizao.sense.files import Mapping

__all__ = ["ColumnSeen", "DryRun", "columns_of", "dry_run", "explained", "kept_mapping", "roles", "save_edits"]

_EDITED = "mapping.yaml"
_SETTINGS = ("zone", "date_order", "duration_unit", "decimal")
_runs: OrderedDict[tuple[str, str], DryRun] = OrderedDict()


@dataclass(frozen=True, slots=True)
class ColumnSeen:
    """A column of the file.

    Parameters
    ----------
    heading : as written
    roles : what it is taken for; more than one only where a value says several things
    why, confidence : for the first role; None where a person said so
    samples : some of its values
    """

    heading: str
    roles: tuple[str, ...]
    why: str
    confidence: float | None
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What an import would do.

    Parameters
    ----------
    read, good, rejected : rows
    causes : rejected rows by cause, with cure and an example
    first : first rows as they would be recorded
    notes : what was assumed or passed over
    share : of rejected rows
    mapping : as it would be used, YAML
    """

    read: int
    good: int
    rejected: int
    causes: tuple[dict[str, Any], ...]
    first: pl.DataFrame
    notes: tuple[str, ...]
    mapping: str

    @property
    def share(self) -> float:
        """Share of rejected rows, 0..1."""
        return self.rejected / self.read if self.read else 0.0


def roles() -> dict[str, tuple[str, str]]:
    """What a column can be: role and its words in English and Chinese."""
    from zhizao.sense.files.words import ROLES

    return ROLES


def kept_mapping(upload: Upload) -> Mapping | None:
    """What a person said about the columns; None when nothing was."""
    from zhizao.sense.files import Mapping

    file = upload.path.parent / _EDITED
    if not file.exists():
        return None
    return Mapping.from_yaml(file.read_text(encoding="utf-8"), "mapping")


def _recognised(upload: Upload, zone: str) -> Mapping:
    from zhizao.sense.files import explain

    return explain(upload.path, mapping=kept_mapping(upload), zone=zone, now=now())


def columns_of(upload: Upload, zone: str) -> tuple[Mapping, list[ColumnSeen]]:
    """The mapping, and what is seen in each column of the file.

    Raises
    ------
    InputError : when the file cannot be opened
    """
    from zhizao.sense.files import explain
    from zhizao.sense.files.source import Options, open_source

    mapping = _recognised(upload, zone)
    # an edited mapping has lost its reasons; what was recognised still says why
    found = explain(upload.path, zone=zone, now=now()) if kept_mapping(upload) is not None else mapping
    options = Options(
        encoding=mapping.encoding,
        separator=mapping.separator,
        header_row=mapping.header_row,
        sheets=mapping.sheets,
        headings=tuple(heading for heading in mapping.columns.values() if heading),
    )
    source = open_source(upload.path, options)
    named = {heading for heading in mapping.columns.values() if heading}
    sheet = max(source.sheets, key=lambda one: (len(named & set(one.frame.columns)), one.frame.height))
    out = []
    for heading in sheet.frame.columns:
        taken = tuple(role for role, of in mapping.columns.items() if of == heading)
        same = bool(taken) and found.columns.get(taken[0]) == heading
        cells = sheet.frame[heading].drop_nulls().head(400).cast(pl.String, strict=False).unique(maintain_order=True)
        out.append(
            ColumnSeen(
                heading,
                taken,
                found.why.get(taken[0], "") if same else found.left_out.get(heading, "") if not taken else "",
                found.confidence.get(taken[0]) if same else None,
                tuple(str(cell)[:40] for cell in cells.head(3).to_list()),
            )
        )
    return mapping, out


def save_edits(upload: Upload, edits: dict[str, str], zone: str) -> Mapping:
    """Keep what a person says about the columns.

    Parameters
    ----------
    upload : the file
    edits : `col:<heading>` is a role, several joined by "+", or empty; and zone, date_order, duration_unit, decimal
    zone : of the plant

    Raises
    ------
    InputError : when a role is given twice or a setting cannot be
    """
    from zhizao.sense.files import Mapping

    before = _recognised(upload, zone)
    taken: dict[str, str | None] = dict.fromkeys(roles())
    for key, value in edits.items():
        if not key.startswith("col:") or not value:
            continue
        heading = key.removeprefix("col:")
        for role in value.split("+"):
            if role not in taken:
                raise InputError(
                    f'a column cannot be "{role}"', where=heading, fix="choose from the list", code="bad_role"
                )
            other = taken[role]
            if other is not None:
                raise InputError(
                    f'"{other}" and "{heading}" are both taken for {role}',
                    where=heading,
                    fix="choose something else for one of them",
                    code="role_twice",
                )
            taken[role] = heading
    data: dict[str, Any] = before.model_dump(exclude={"why", "confidence", "left_out", "file"})
    data |= {"columns": taken, "others": "ignore"}
    data |= {key: edits[key].strip() or None for key in _SETTINGS if key in edits}
    text = json.dumps(data, ensure_ascii=False, default=str)
    Mapping.from_yaml(text, "mapping")  # JSON is YAML; faults are told here
    (upload.path.parent / _EDITED).write_text(text, encoding="utf-8")
    return _recognised(upload, zone)


def dry_run(upload: Upload, zone: str, lang: str) -> DryRun:
    """Read the whole file without recording anything.

    Raises
    ------
    InputError : when no row of it can be used
    """
    from zhizao.sense.files import cause_words, read_records
    from zhizao.sense.files.said import in_lang

    mapping = kept_mapping(upload)
    key = (upload.id, f"{lang}|{zone}|{mapping.model_dump_json() if mapping else ''}")
    if key in _runs:
        return _runs[key]
    reading = read_records(upload.path, mapping=mapping, zone=zone, now=now(), max_rejected=1.0)
    bad = reading.rejected
    groups = bad.group_by("cause").agg(
        pl.len().alias("rows"), pl.col("row").first(), pl.col("column").first(), pl.col("value").first()
    )
    causes = []
    for row in groups.sort("rows", descending=True).iter_rows(named=True):
        what, fix = cause_words(row["cause"], lang)
        causes.append({**row, "what": what, "fix": fix})
    found = DryRun(
        reading.read,
        reading.frame.height,
        bad.height,
        tuple(causes),
        reading.frame.head(8),
        tuple(in_lang(note, lang) for note in reading.notes),
        reading.mapping.to_yaml(),
    )
    _runs[key] = found
    while len(_runs) > 8:
        _runs.popitem(last=False)
    return found


def explained(upload: Upload, zone: str, lang: str = "en") -> dict[str, Any]:
    """The mapping as YAML and column by column, for the API; reasons in a language."""
    from zhizao.sense.files.said import in_lang

    mapping, seen = columns_of(upload, zone)
    return {
        "mapping": mapping.to_yaml(lang),
        "columns": [
            {
                "heading": one.heading,
                "roles": list(one.roles),
                "why": in_lang(one.why, lang),
                "confidence": one.confidence,
                "samples": list(one.samples),
            }
            for one in seen
        ],
        "zone": mapping.zone,
        "date_order": mapping.date_order,
        "duration_unit": mapping.duration_unit,
    }
