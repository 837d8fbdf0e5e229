"""Whether keys can be trusted to tell records apart, before anything is stored under them.

Two mistakes in a mapping would silently spoil the figures: a key column with one value for many pieces of work (each
row would supersede the one before), and a key column taken, or dropped, after the same work was recorded the other way
(each row would count twice). Both are refused.
"""

from __future__ import annotations

import polars as pl
from sqlalchemy import case, func, select

from zhizao.errors import InputError
from zhizao.record.identity import NATURAL
from zhizao.record.operations import OPERATIONS, decoded
from zhizao.record.schema import event, imports
from zhizao.record.store import Store

__all__ = ["keys_are_as_before", "keys_tell_apart"]

_STORED: dict[str, type[pl.DataType]] = {"order": pl.String, "payload": pl.String, "keyed": pl.Int64}


def keys_tell_apart(frame: pl.DataFrame, *, where: str) -> None:
    """Refuse a key column whose values stand for many pieces of work.

    Parameters
    ----------
    frame : rows as `checked` gives them
    where : the source, for messages

    Raises
    ------
    InputError : one in twenty keys, and more than two, stand for several pieces of work
    """
    keyed = frame.filter(pl.col("key").is_not_null())
    if keyed.is_empty():
        return
    keys = keyed["key"].n_unique()
    works = keyed.select(pl.struct("key", *NATURAL).n_unique()).item()
    if works - keys > max(2, keys // 20):
        counted = keyed.group_by("key", maintain_order=True).agg(pl.struct(NATURAL).n_unique().alias("works"))
        key, most = counted.sort("works", descending=True, maintain_order=True).row(0)
        raise InputError(
            f'the key column does not tell records apart: {keys} keys for {works} pieces of work ("{key}" has {most})',
            where=where,
            fix="take another column as key, or none",
            code="key_repeats",
        )


def keys_are_as_before(store: Store, frame: pl.DataFrame, *, where: str) -> None:
    """Refuse rows with a key whose work was recorded without one, and the other way round.

    Parameters
    ----------
    store : the journal's database
    frame : rows as `checked` gives them
    where : the source, for messages

    Raises
    ------
    InputError : more than one in a hundred rows, and more than two, would count twice
    """
    keyed = frame.height - frame["key"].null_count()
    sums = select(func.sum(imports.c.keyed), func.sum(imports.c.rows - imports.c.rejected - imports.c.keyed))
    operations = event.c.kind.in_([kind.value for kind in OPERATIONS])
    statement = select(event.c.subject, event.c.payload, case((event.c.key.is_(None), 0), else_=1)).where(operations)
    with store.reading() as connection:
        was_keyed, was_keyless = (int(count or 0) for count in connection.execute(sums).one())
        if not ((keyed and was_keyless) or (frame.height > keyed and was_keyed)):
            return
        mine = frame.select(*NATURAL, pl.col("key").is_not_null().alias("keyed"))
        twice = 0
        for part in store.frames(connection, statement, _STORED):
            stored = pl.concat([part.select("order", "keyed"), decoded(part["payload"].to_list())], how="horizontal")
            other = stored.select(*NATURAL, (pl.col("keyed") == 0).alias("keyed")).unique()
            twice += mine.join(other, on=[*NATURAL, "keyed"], how="semi", nulls_equal=True).height
    if twice > max(2, frame.height // 100):
        was, now = ("without a key", "with one") if keyed and was_keyless else ("with a key", "without one")
        raise InputError(
            f"{twice} of {frame.height} rows were recorded {was} before and come {now} now: they would count twice",
            where=where,
            fix="map the key as before, or import everything into a new workspace",
            code="key_changed",
        )
