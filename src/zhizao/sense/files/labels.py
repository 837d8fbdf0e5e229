"""Names of operations and machines: the operation is what is done, without the machine that does it.

Records often write both into one label ("Turning - Machine 4"), which would make every machine its own operation and
hide that machines can stand in for each other.
"""

from __future__ import annotations

import re

import polars as pl

__all__ = ["machine_ids", "operation_of", "operations"]

_CUT = re.compile(r"\s+[-–—@|/:]\s*|\s*[-–—@|/:]\s+|\s*[|@]\s*")
_EDGE = " \t-–—_@|/:,;.·#"
_SETUP = r"(?i)^(?:setup|set[ -]up|changeover|调机|换型|换模)[\s:：_-]+"
MAX_PAIRS = 200_000


def machine_ids(machines: list[str]) -> list[str]:
    """Parts of machine names that name one machine: whole names, and parts with a number in them; longest first.

    Examples
    --------
    >>> machine_ids(["Machine 4 - Turning & Milling", "Oven"])
    ['Machine 4 - Turning & Milling', 'Machine 4']
    """
    ids: set[str] = set()
    for name in machines:
        for part in (name, *_CUT.split(name)):
            part = part.strip()
            if any(c.isdigit() for c in part) and not part.isdigit():
                ids.add(part)
    return sorted(ids, key=lambda part: (-len(part), part))


def operation_of(activity: str, ids: list[str], machine: str | None = None) -> str:
    """Activity without the name of a machine; unchanged where nothing would be left.

    Parameters
    ----------
    activity : label as in the records
    ids : names of machines, from `machine_ids`
    machine : the row's own machine; taken off where it stands apart even when it has no number

    Examples
    --------
    >>> operation_of("Turning & Milling - Machine 4", ["Machine 4"]), operation_of("Machine 4", ["Machine 4"])
    ('Turning & Milling', 'Machine 4')
    >>> operation_of("Wire Cut - Machine 13", machine_ids(["Wire Cut - Machine 13"]))
    'Wire Cut'
    >>> operation_of("Packing - Oven", [], "Oven"), operation_of("Grinding Rework", [], "Grinding")
    ('Packing', 'Grinding Rework')
    """
    label = activity.strip()
    low = label.lower()
    for part in ids:
        at = low.find(part.lower())
        if at < 0:
            continue
        end = at + len(part)
        if (at and _joined(label[at - 1], label[at])) or (end < len(label) and _joined(label[end - 1], label[end])):
            continue
        rest = f"{label[:at].rstrip(_EDGE)} {label[end:].lstrip(_EDGE)}".strip(_EDGE)
        if rest:
            return " ".join(rest.split())
    if machine:
        parts = _CUT.split(label)
        kept = [part for part in parts if part.strip().lower() != machine.strip().lower()]
        if kept and len(kept) < len(parts):
            return " - ".join(" ".join(part.split()) for part in kept)
    return " ".join(label.split())


def _joined(left: str, right: str) -> bool:
    """Two neighbouring characters belong to one word: Machine 1|2, but not 铣|M1."""
    if left.isdigit() and right.isdigit():
        return True
    return left.isascii() and right.isascii() and left.isalpha() and right.isalpha()


def operations(activity: pl.Series, machine: pl.Series, report: pl.Series) -> pl.Series:
    """Operation of each row, from its activity and all machines of the records.

    Parameters
    ----------
    activity : labels, no nulls
    machine : names, null where unknown
    report : production, setup or breakdown; a label that says "setup" belongs to the operation that is set up
    """
    labels, names = activity.drop_nulls().unique(maintain_order=True), machine.drop_nulls().unique(maintain_order=True)
    if len(labels) * (len(names) + 1) > MAX_PAIRS:
        return activity.str.strip_chars().alias("operation")
    ids = machine_ids(names.sort().to_list())
    width = len(names) + 1
    made = [operation_of(a, ids, m) for a in labels.to_list() for m in (*names.to_list(), None)]
    row = activity.cast(pl.Enum(labels)).to_physical().cast(pl.Int64)
    column = machine.cast(pl.Enum(names)).to_physical().cast(pl.Int64).fill_null(width - 1)
    made_of = pl.Series("operation", made, dtype=pl.String)
    out = made_of.gather(row * width + column)
    if made_of.str.contains(_SETUP).any():
        bare = made_of.str.replace(_SETUP, "").gather(row * width + column)
        out = bare.zip_with((report == "setup").fill_null(value=False), out)
    return out
