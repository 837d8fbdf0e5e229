"""SDMX-CSV 2.0 data messages: written, and read back to the same values."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace

import polars as pl

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.programme.release.codes import ACTIONS
from zhizao.programme.release.dataset import Dataset, Metadata

__all__ = ["MIME", "Message", "read_sdmx_csv", "write_sdmx_csv"]

MIME = "application/vnd.sdmx.data+csv; version=2.0.0"
_HEAD = re.compile(r"^STRUCTURE(\[(.)\])?$")
_FLOW = re.compile(r"^([A-Za-z][\w@$.-]*):([A-Za-z][\w@$-]*)(?:\((\d+(?:\.\d+){0,2}\+?)\))?$")


def write_sdmx_csv(data: Dataset, *, action: str = "I", extra: bool = True) -> str:
    """A data set as an SDMX-CSV 2.0 message.

    Parameters
    ----------
    data : what is released
    action : I information, A append, R replace, D delete
    extra : whether definition version and vintage stand in custom columns at the end

    Returns
    -------
    str
        Header and one line per observation, CRLF between lines (RFC 4180). A figure is written with the digits that give
        back the same number; a missing one is empty, and its OBS_STATUS says why.

    References
    ----------
    SDMX-CSV 2.0.0 field guide (SDMX Technical Working Group), columns and column content.
    """
    if action not in ACTIONS:
        raise InputError(
            f'"{action}" is no action', where="action", fix=f"choose {', '.join(ACTIONS)}", code="bad_action"
        )
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    meta = data.metadata
    custom = ["DEFINITION_VERSION", "VINTAGE"] if extra else []
    writer.writerow(["STRUCTURE", "STRUCTURE_ID", "ACTION", *data.dimensions, "OBS_VALUE", *data.attributes, *custom])
    tail = [meta.definition_version, meta.vintage.isoformat()] if extra else []
    at = len(data.dimensions)
    for row in data.frame.rows():
        value = "" if row[at] is None else repr(float(row[at]))
        if value.endswith(".0"):
            value = value[:-2]
        cells = ["" if cell is None else cell for cell in row]
        writer.writerow(["dataflow", meta.structure_id, action, *cells[:at], value, *cells[at + 1 :], *tail])
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Message:
    """What an SDMX-CSV message holds.

    Parameters
    ----------
    kind : dataflow, datastructure or dataprovision
    structure_id : AGENCY:ID(VERSION)
    frame : ACTION and the components; OBS_VALUE as numbers
    """

    kind: str
    structure_id: str
    frame: pl.DataFrame

    def dataset(self, metadata: Metadata, dimensions: tuple[str, ...]) -> Dataset:
        """As a data set again; what is neither a dimension nor the value is an attribute."""
        found = _FLOW.match(self.structure_id)
        assert found is not None
        meta = replace(metadata, agency=found[1], flow=found[2], version=found[3] or metadata.version)
        skip = {"ACTION", "OBS_VALUE", "DEFINITION_VERSION", "VINTAGE", *dimensions}
        attributes = tuple(name for name in self.frame.columns if name not in skip)
        return Dataset.of(self.frame, meta, dimensions=dimensions, attributes=attributes)


def read_sdmx_csv(text: str, *, where: str = "message") -> Message:
    """A message of one structure, with any one-character separator and labels as `id` or `both`.

    Parameters
    ----------
    text : the message
    where : its name, for messages

    Raises
    ------
    FaultsFound : rows of another length, unknown actions, values that are no numbers
    InputError : when the header is not that of SDMX-CSV 2.0, or several structures are in it
    """
    text = text.removeprefix("\ufeff")
    head = re.match(r'"?STRUCTURE(?:\[.\])?"?(.)', text)
    if head is None:
        old = text.startswith(("DATAFLOW", '"DATAFLOW'))
        raise InputError(
            "the message is SDMX-CSV 1.0" if old else "the first column is not STRUCTURE",
            where=where,
            fix="export it as SDMX-CSV 2.0",
            code="not_sdmx_csv",
        )
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=head[1]))
    names = [name.split(": ")[0] for name in lines[0]]
    first = _HEAD.match(names[0])
    if first is None or len(names) < 3 or names[1] != "STRUCTURE_ID" or len(set(names)) != len(names):
        raise InputError(
            f"the header {', '.join(names[:4])} is not that of SDMX-CSV 2.0",
            where=where,
            fix="begin with STRUCTURE, STRUCTURE_ID, ACTION, each column once",
            code="not_sdmx_csv",
        )
    rows = [line for line in lines[1:] if line]
    faults = [
        Fault(f"{len(line)} cells under {len(names)} headings", f"{where}, row {at + 2}", "mend the row", "ragged")
        for at, line in enumerate(rows)
        if len(line) != len(names)
    ]
    if faults:
        raise FaultsFound("the message cannot be read", faults[:20], where=where)
    table = {name: [line[k] for line in rows] for k, name in enumerate(names)}
    kinds = set(table[names[0]])
    found = {one.split(": ")[0] for one in table["STRUCTURE_ID"]}
    if len(found) != 1 or len(kinds) != 1:
        raise InputError(
            f"{len(found)} structures are in one message",
            where=where,
            fix="read them one by one",
            code="several_structures",
        )
    kind, structure = kinds.pop(), found.pop()
    if kind not in ("dataflow", "datastructure", "dataprovision") or not _FLOW.match(structure):
        raise InputError(
            f'"{kind} {structure}" identifies no structure', where=where, fix="write AGENCY:ID(VERSION)", code="bad_id"
        )
    actions = table.get("ACTION", ["I"] * len(rows))
    values: list[float | None] = []
    for at, said in enumerate(table.get("OBS_VALUE", [""] * len(rows))):
        try:
            number = float(said) if said not in ("", "NaN") else None
        except ValueError:
            number = None
            faults.append(Fault(f'"{said}" is not a number', f"{where}, row {at + 2}", "write a number", "bad_number"))
        values.append(number)
    faults += [
        Fault(f'"{said}" is no action', f"{where}, row {at + 2}", f"choose {', '.join(ACTIONS)}", "bad_action")
        for at, said in enumerate(actions)
        if said not in ACTIONS
    ]
    if faults:
        raise FaultsFound("the message cannot be read", faults[:20], where=where)
    both = any(": " in name for name in lines[0])
    columns: dict[str, pl.Series] = {"ACTION": pl.Series(actions, dtype=pl.String)}
    for name in names[2:]:
        if name in ("ACTION", "STRUCTURE_NAME", "SERIES_KEY", "OBS_KEY"):
            continue
        if name == "OBS_VALUE":
            columns[name] = pl.Series(values, dtype=pl.Float64)
        else:
            cells = [cell.split(": ")[0] if both else cell for cell in table[name]]
            columns[name] = pl.Series([cell or None for cell in cells], dtype=pl.String)
    return Message(kind, structure, pl.DataFrame(columns))
