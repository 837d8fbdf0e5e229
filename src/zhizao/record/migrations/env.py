"""Runs the migrations on the connection that the store hands over, inside the store's transaction."""

from __future__ import annotations

from alembic import context

from zhizao.record.schema import VERSION_TABLE, metadata

if hasattr(context, "config"):  # run by Alembic, not merely imported
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
    )
    with context.begin_transaction():
        context.run_migrations()
