"""What a batch of rows means beside what is stored: new, duplicate, or a correction of a record already there.

Rows and events of one key form a group. A row whose content is already in its group, now or in an earlier version, is
a duplicate. With a key of the source's own, other content corrects the record. Without one, equal natural keys may also
be true twins (two reports at the same minute), so the contents of the file are first matched to records that hold them,
the rest corrects records that the file no longer shows, and what is left are further twins. Running work never
supersedes its own end, so an older export read after a newer one changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import polars as pl

from zhizao.record.identity import twin_id, version_id

__all__ = ["Plan", "matched"]

_PLACED = {"index": pl.Int64, "id": pl.Binary, "origin": pl.Binary, "supersedes": pl.Binary}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be stored of a batch.

    Parameters
    ----------
    placed : rows to store: `index` in the batch, `id`, `origin` (null on the first of a group), `supersedes`
    duplicate : rows that are there already, or twice in the batch
    stale : of the duplicates, those that repeat what has been corrected since, or running work that has ended since
    """

    placed: pl.DataFrame
    duplicate: int
    stale: int

    @property
    def superseding(self) -> int:
        """Of the rows to store, those that correct an earlier event."""
        return self.placed["supersedes"].count()


def matched(batch: pl.DataFrame, existing: pl.DataFrame) -> Plan:
    """Plan for a batch that holds whole groups.

    Parameters
    ----------
    batch : rows in file order: `index`, `origin` (id of the group), `keyed`, `running`, `payload`
    existing : all stored events of these groups: `id`, `origin`, `supersedes`, `sequence`, `running`, `payload`
    """
    distinct = batch.unique(["origin", "payload"], keep="first", maintain_order=True)
    if existing.is_empty():
        fresh, stale = distinct, 0
        alone = pl.len().over("origin") == 1
    else:
        fresh = distinct.join(existing, on=["origin", "payload"], how="anti", maintain_order="left")
        heads = existing.join(existing, left_on="id", right_on="supersedes", how="anti")
        corrected = existing.join(heads, on=["origin", "payload"], how="anti")
        stale = batch.join(corrected, on=["origin", "payload"], how="semi").height
        alone = (pl.len().over("origin") == 1) & ~pl.col("origin").is_in(existing["origin"].unique().implode())
    fresh = fresh.with_columns(alone.alias("alone"))
    simple = fresh.filter("alone").select(
        "index",
        pl.col("origin").alias("id"),
        pl.lit(None, pl.Binary).alias("origin"),
        pl.lit(None, pl.Binary).alias("supersedes"),
    )
    placed, late = _placed_one_by_one(fresh.filter(~pl.col("alone")), distinct, existing)
    if placed:
        simple = pl.concat([simple, pl.DataFrame(placed, schema=_PLACED, orient="row")]).sort(
            "index", maintain_order=True
        )
    return Plan(simple, batch.height - simple.height, stale + late)


@dataclass(slots=True)
class _Chain:
    """One record and its versions."""

    record: bytes
    head: bytes
    running: bool
    payloads: set[str] = field(default_factory=set)
    versions: int = 1

    def correct(self, *, running: bool, payload: str) -> tuple[bytes, bytes]:
        """Id of a further version, and of the event that it supersedes."""
        before, self.head = self.head, version_id(self.record, self.versions)
        self.running = running
        self.payloads.add(payload)
        self.versions += 1
        return self.head, before


_Row = tuple[int, bytes, bool, bool, str]
_Placed = tuple[int, bytes, bytes | None, bytes | None]


def _placed_one_by_one(
    fresh: pl.DataFrame, distinct: pl.DataFrame, existing: pl.DataFrame
) -> tuple[list[_Placed], int]:
    """Rows of groups with a history or with twins: those to store, and how many came too late to say anything."""
    columns = ["index", "origin", "keyed", "running", "payload"]
    groups: dict[bytes, list[_Row]] = defaultdict(list)
    for row in fresh.select(columns).iter_rows():
        groups[row[1]].append(row)
    if not groups:
        return [], 0
    wanted = fresh.select(pl.col("origin").unique())
    shown: dict[bytes, set[str]] = defaultdict(set)
    for origin, payload in distinct.join(wanted, on="origin", how="semi").select("origin", "payload").iter_rows():
        shown[origin].add(payload)
    chains = _chains(existing.join(wanted, on="origin", how="semi"))
    placed: list[_Placed] = []
    late = 0
    for origin, rows in groups.items():
        match = _keyed if rows[0][2] else _keyless
        more, missed = match(origin, rows, chains.get(origin, []), shown[origin])
        placed.extend(more)
        late += missed
    return placed, late


def _chains(existing: pl.DataFrame) -> dict[bytes, list[_Chain]]:
    found: dict[bytes, list[_Chain]] = defaultdict(list)
    by_head: dict[bytes, _Chain] = {}
    ordered = existing.sort("sequence").select("id", "origin", "supersedes", "running", "payload")
    for id_, origin, supersedes, running, payload in ordered.iter_rows():
        chain = by_head.pop(supersedes, None) if supersedes is not None else None
        if chain is None:
            chain = _Chain(id_, id_, running)
            found[origin].append(chain)
        else:
            chain.head, chain.running = id_, running
            chain.versions += 1
        chain.payloads.add(payload)
        by_head[id_] = chain
    return found


def _keyed(origin: bytes, rows: list[_Row], chains: list[_Chain], shown: set[str]) -> tuple[list[_Placed], int]:
    """One record: each further content corrects the one before."""
    chain = chains[0] if chains else None
    placed: list[_Placed] = []
    late = 0
    for index, _, _, running, payload in rows:
        if chain is None:
            chain = _Chain(origin, origin, running, {payload})
            placed.append((index, origin, None, None))
        elif running and not chain.running:
            late += 1
        else:
            id_, before = chain.correct(running=running, payload=payload)
            placed.append((index, id_, origin, before))
    return placed, late


def _keyless(origin: bytes, rows: list[_Row], chains: list[_Chain], shown: set[str]) -> tuple[list[_Placed], int]:
    """Several records may share the natural key: contents go to records that the file shows no longer, then to new."""
    free = sorted((chain for chain in chains if not chain.payloads & shown), key=lambda chain: not chain.running)
    count = len(chains)
    placed: list[_Placed] = []
    late = 0
    for index, _, _, running, payload in sorted(rows, key=lambda row: row[3]):  # what has ended chooses first
        if free and running and not free[0].running:
            free.pop(0)
            late += 1
        elif free:
            id_, before = free.pop(0).correct(running=running, payload=payload)
            placed.append((index, id_, origin, before))
        else:
            id_ = twin_id(origin, count)
            placed.append((index, id_, None if count == 0 else origin, None))
            count += 1
    return placed, late
