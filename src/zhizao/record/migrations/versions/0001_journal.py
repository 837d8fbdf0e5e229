"""The journal: events in a hash chain, imports, rejections, and the head of the chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
        ),
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("supersedes", sa.LargeBinary(16)),
        sa.Column("origin", sa.LargeBinary(16)),
        sa.Column("import_id", sa.Integer),
        sa.Column("row", sa.BigInteger),
        sa.Column("sheet", sa.Text),
        sa.Column("key", sa.Text),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    op.create_index("event_id", "event", ["id"], unique=True)
    op.create_index("event_import", "event", ["import_id"])
    for name in ("supersedes", "origin"):
        there = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"event_{name}", "event", [name], sqlite_where=there, postgresql_where=there)
    head = op.create_table(
        "head",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("imports", sa.Integer, nullable=False),
    )
    op.bulk_insert(head, [{"one": 1, "sequence": 0, "hash": bytes(32), "recorded_at": 0, "imports": 0}])
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("keyed", sa.BigInteger, nullable=False),
        sa.Column("read", sa.BigInteger, nullable=False),
        sa.Column("stored", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("duplicate", sa.BigInteger, nullable=False),
        sa.Column("superseding", sa.BigInteger, nullable=False),
        sa.Column("stale", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.Column("head_sequence", sa.BigInteger, nullable=False),
        sa.Column("head_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("rejections_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("seal", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "rejection",
        sa.Column("import_id", sa.Integer, sa.ForeignKey("imports.id"), primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("row", sa.BigInteger),
        sa.Column("sheet", sa.Text),
        sa.Column("column", sa.Text),
        sa.Column("value", sa.Text),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("what", sa.Text),
        sa.Column("fix", sa.Text),
    )


def downgrade() -> None:
    for name in ("rejection", "imports", "head", "event"):
        op.drop_table(name)
