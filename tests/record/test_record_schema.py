"""The tables that the migrations make are those that the code speaks of."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import zhizao.record
from zhizao.record import Workspace
from zhizao.record.chain import EVENT_SCHEMA
from zhizao.record.schema import CHAINED, HEAD, VERSION_TABLE, metadata


def test_the_migrations_make_the_tables_of_the_schema(workspace: Workspace) -> None:
    with workspace._store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD


def test_the_newest_migration_is_the_one_that_the_package_knows() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(zhizao.record.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_hash_covers_every_column() -> None:
    assert tuple(EVENT_SCHEMA) == CHAINED
