"""The tables of the journal: events in a hash chain, the imports that brought them, and the rows that were refused.

Operations are most of the events of a plant, so their payload is one compact JSON text with the columns of the work
log (see `zhizao.record.operations`), readable by any tool that opens the database; the envelope is typed columns.
Times are whole nanoseconds since 1970 in UTC. The tables are created and changed by Alembic only; `HEAD` is the newest
revision, and a test holds the tables below to what the migrations make.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

__all__ = [
    "CHAINED",
    "HEAD",
    "IS_FLOW",
    "IS_SAID",
    "VERSION_TABLE",
    "event",
    "head",
    "imports",
    "metadata",
    "rejection",
]

IS_SAID = text("import_id IS NULL")
"""What people and connectors said, which no import brought: few beside the operations, and found by their subject."""

IS_FLOW = text("kind IN ('metered', 'accounts.closed')")
"""Readings of meters and closed accounts. A query has to hold these very words for the index to serve it."""

HEAD = "0002"
"""Newest revision that this version of the package knows."""

VERSION_TABLE = "zhizao_version"
"""Where Alembic notes the revision; its own name, so that a database shared with others is no trouble."""

metadata = MetaData()

_sequence = BigInteger().with_variant(Integer, "sqlite")  # INTEGER PRIMARY KEY is SQLite's row id: append is in order
_ns = BigInteger()

event = Table(
    "event",
    metadata,
    Column("sequence", _sequence, primary_key=True, autoincrement=False),  # 1, 2, 3 ... without a gap
    Column("id", LargeBinary(16), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("at", _ns, nullable=False),
    Column("recorded_at", _ns, nullable=False),  # never falls along the sequence
    Column("source", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("payload", Text, nullable=False),  # JSON, exactly as hashed
    Column("supersedes", LargeBinary(16)),  # id of the event that this one corrects
    Column("origin", LargeBinary(16)),  # id of the first event under the same key; null on that event itself
    Column("import_id", Integer),
    Column("row", _ns),  # row in the source, as its reader sees it
    Column("sheet", Text),
    Column("key", Text),  # the source's own key of the row
    Column("hash", LargeBinary(32), nullable=False),
    Index("event_id", "id", unique=True),
    Index("event_import", "import_id"),
    Index(
        "event_supersedes",
        "supersedes",
        sqlite_where=text("supersedes IS NOT NULL"),
        postgresql_where=text("supersedes IS NOT NULL"),
    ),
    Index(
        "event_origin",
        "origin",
        sqlite_where=text("origin IS NOT NULL"),
        postgresql_where=text("origin IS NOT NULL"),
    ),
    Index("event_said", "subject", "sequence", sqlite_where=IS_SAID, postgresql_where=IS_SAID),
    Index("event_flow", "kind", "sequence", sqlite_where=IS_FLOW, postgresql_where=IS_FLOW),
)

CHAINED = tuple(column.name for column in event.columns if column.name != "hash")
"""Columns of an event that its hash covers: all of them."""

head = Table(
    "head",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),  # always 1: there is one row
    Column("sequence", BigInteger, nullable=False),  # of the last event
    Column("hash", LargeBinary(32), nullable=False),  # of the last event
    Column("recorded_at", _ns, nullable=False),  # of the last event
    Column("imports", Integer, nullable=False),  # id of the last import
)

imports = Table(
    "imports",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1, 2, 3 ... without a gap
    Column("source", Text, nullable=False),
    Column("recorded_at", _ns, nullable=False),
    Column("rows", BigInteger, nullable=False),  # in the source
    Column("keyed", BigInteger, nullable=False),  # of the rows not rejected, those with a key of the source's own
    Column("read", BigInteger, nullable=False),  # accounted for so far; all rows when finished
    Column("stored", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("duplicate", BigInteger, nullable=False),
    Column("superseding", BigInteger, nullable=False),  # of the stored
    Column("stale", BigInteger, nullable=False),  # of the duplicates: repeat what has been corrected since
    Column("finished", Boolean, nullable=False),
    Column("head_sequence", BigInteger, nullable=False),  # checkpoint: the chain's end when this import last wrote
    Column("head_hash", LargeBinary(32), nullable=False),
    Column("rejections_hash", LargeBinary(32), nullable=False),
    Column("seal", LargeBinary(32), nullable=False),  # hash over the row
)

rejection = Table(
    "rejection",
    metadata,
    Column("import_id", Integer, ForeignKey("imports.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("row", BigInteger),
    Column("sheet", Text),
    Column("column", Text),
    Column("value", Text),
    Column("code", Text, nullable=False),
    Column("what", Text),
    Column("fix", Text),
)
