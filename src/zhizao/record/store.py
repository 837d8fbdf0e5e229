"""The database under the journal: opening, migrating, transactions, bulk rows, and its faults in plain words.

SQLite keeps a write-ahead log with `synchronous=FULL`: a committed batch survives the death of the process and of the
machine. Writers take the lock when their transaction begins, so two imports wait for each other and never meet halfway.
PostgreSQL gives the same through a row lock on `head`. Every fault of the database becomes an `InputError` that says
what to do.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import URL, Connection, Engine, Select, Table, create_engine, event, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from zhizao.errors import Fault, InputError
from zhizao.record.schema import HEAD, VERSION_TABLE, head, metadata

__all__ = ["Head", "Store", "open_store"]


_VALUES = 8_000  # in one query; SQLite takes 32,766
_ROWS = 500  # in one statement: the interpreter is free meanwhile, so another thread can prepare the next batch


@dataclass(frozen=True, slots=True)
class Head:
    """End of the chain: sequence, hash and time of the last event, number of the last import."""

    sequence: int
    hash: bytes
    recorded_at: int
    imports: int


class Store:
    """One database with the journal's tables, whole and of this version.

    Parameters
    ----------
    engine : SQLAlchemy engine, as `open_store` makes it
    place : how to name the database in messages; never holds a password
    """

    def __init__(self, engine: Engine, place: str) -> None:
        self.engine = engine
        self.place = place
        self._writer = engine.execution_options(writes=True)
        self._reader = engine
        if engine.dialect.name == "postgresql":
            self._reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one unchanging state."""
        with self._explained(), self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, *, by_id: bool = True) -> Iterator[tuple[Connection, Head]]:
        """A connection that alone may write, with the head of the chain; all of it is stored, or nothing.

        Parameters
        ----------
        by_id : events will be looked up by their id: the index over ids, which a killed first import left out, is there

        Raises
        ------
        InputError : another process is writing and does not end in time, the disk is full, the folder is read-only
        """
        with self._explained(), self._writer.begin() as connection:
            statement = select(head.c.sequence, head.c.hash, head.c.recorded_at, head.c.imports)
            if self.engine.dialect.name == "postgresql":
                statement = statement.with_for_update()
            last = Head(*connection.execute(statement).one())
            if by_id:
                self.index_ids(connection)
            yield connection, last

    def forget_ids(self, connection: Connection) -> None:
        """Go on without the index over ids, until it is made whole; SQLite only, elsewhere it stays."""
        if self.engine.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP INDEX IF EXISTS event_id")

    def index_ids(self, connection: Connection) -> None:
        """See that the index over ids is there."""
        if self.engine.dialect.name == "sqlite":
            connection.exec_driver_sql("CREATE UNIQUE INDEX IF NOT EXISTS event_id ON event (id)")

    def insert(self, connection: Connection, table: Table, frame: pl.DataFrame) -> None:
        """Rows of a frame into a table, in the driver's own bulk way."""
        if frame.is_empty():
            return
        names = [f'"{name}"' for name in frame.columns]
        if self.engine.dialect.name == "postgresql":
            cursor: Any = connection.connection.cursor()
            with cursor, cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
                for row in frame.iter_rows():
                    copy.write_row(row)
        else:
            same = {name: self._literal(connection, frame[name][0]) for name in _same(frame)}
            one = f"({', '.join(same.get(name, '?') for name in frame.columns)})"
            rows = frame.drop(same).rows()
            into = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES "
            whole = len(rows) - len(rows) % _ROWS
            if whole:
                groups = [tuple(chain.from_iterable(rows[at : at + _ROWS])) for at in range(0, whole, _ROWS)]
                connection.exec_driver_sql(into + ", ".join([one] * _ROWS), groups)
            if rows[whole:]:
                connection.exec_driver_sql(into + one, rows[whole:])

    @staticmethod
    def _literal(connection: Connection, value: Any) -> str:
        """A value as SQLite itself writes it in a statement: what is the same in all rows is handed over once."""
        return str(connection.exec_driver_sql("SELECT quote(?)", (value,)).scalar())

    @staticmethod
    def frames(
        connection: Connection, statement: Select[Any], schema: dict[str, type[pl.DataType]], size: int = 50_000
    ) -> Generator[pl.DataFrame, None, None]:
        """Rows of a query, `size` at a time, columns as in `schema`; close it when not read to its end."""
        if connection.dialect.name == "sqlite":
            with closing(connection.execute(statement)) as result:
                cursor: Any = result.cursor  # plain tuples: a row object each would take as long as the query
                while rows := cursor.fetchmany(size):
                    yield _frame(rows, schema)
        else:
            with closing(connection.execute(statement, execution_options={"yield_per": size})) as result:
                for part in result.partitions(size):
                    yield _frame([tuple(row) for row in part], schema)

    def whole(
        self, connection: Connection, statement: Select[Any], schema: dict[str, type[pl.DataType]]
    ) -> pl.DataFrame:
        """All rows of a query."""
        return pl.concat([pl.DataFrame(schema=schema), *self.frames(connection, statement, schema)])

    def found(
        self, connection: Connection, by: str, values: Sequence[bytes], schema: dict[str, type[pl.DataType]]
    ) -> pl.DataFrame:
        """Events whose column `by` has one of many values; columns as in `schema`."""
        frames = [pl.DataFrame(schema=schema)]
        query = f"SELECT {', '.join(schema)} FROM event WHERE {by}"
        for begin in range(0, len(values), _VALUES):
            chunk = values[begin : begin + _VALUES]
            if self.engine.dialect.name == "postgresql":
                result = connection.exec_driver_sql(f"{query} = ANY(%s)", (list(chunk),))
            else:
                result = connection.exec_driver_sql(f"{query} IN ({', '.join('?' * len(chunk))})", tuple(chunk))
            cursor: Any = result.cursor
            if rows := cursor.fetchall():
                frames.append(_frame(rows, schema))
            result.close()
        return pl.concat(frames)

    def close(self) -> None:
        """Give up the connections; SQLite folds its write-ahead log into the file."""
        self.engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explained(self.place):
            yield


def _same(frame: pl.DataFrame) -> list[str]:
    """Columns with one value in all of many rows; never the first, and no text with a NUL, which ends a literal."""
    if frame.height < _ROWS:
        return []
    alike = [name for name in frame.columns[1:] if frame[name].n_unique() == 1]
    return [name for name in alike if "\x00" not in str(frame[name][0])]


def _frame(rows: list[tuple[Any, ...]], schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    named = zip(schema.items(), zip(*rows, strict=True), strict=True)
    return pl.DataFrame([pl.Series(name, values, dtype=kind) for (name, kind), values in named])


def open_store(where: Path | str, *, create: bool = True, wait_s: float = 30.0) -> Store:
    """Store at a database file or URL, made or migrated as needed.

    Parameters
    ----------
    where : path of the SQLite file, or a URL such as `postgresql+psycopg://user@host/plant`
    create : make the file when it is absent
    wait_s : seconds to wait for another writer

    Raises
    ------
    InputError : the database is absent, not a journal, damaged, of a newer version, locked or cannot be reached
    """
    url, place = _address(where)
    if url.drivername.startswith("sqlite"):
        path = Path(str(url.database))
        if not path.exists() and not create:
            raise InputError("there is no journal here yet", where=place, fix="import records first", code="no_journal")
        if path.is_dir():
            raise InputError("the journal is a folder, not a file", where=place, code="not_a_journal")
        engine = create_engine(url, connect_args={"timeout": wait_s})
        _prepare_sqlite(engine, wait_s)
    else:
        engine = _postgresql(url, place, wait_s)
    try:
        with explained(place):
            _migrate(engine, place)
        return Store(engine, place)
    except BaseException:
        engine.dispose()
        raise


def _address(where: Path | str) -> tuple[URL, str]:
    if isinstance(where, Path):
        return URL.create("sqlite", database=str(where)), str(where)
    try:
        url = make_url(where)
    except ArgumentError as error:
        raise InputError(
            "this is not a database address", where=where, fix="write postgresql://user@host/name", code="bad_url"
        ) from error
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if not url.drivername.startswith(("sqlite", "postgresql")):
        raise InputError(
            f'"{url.drivername}" is not a database that keeps a journal',
            where=url.render_as_string(hide_password=True),
            fix="use a folder (SQLite) or a postgresql:// address",
            code="bad_url",
        )
    return url, url.render_as_string(hide_password=True)


def _prepare_sqlite(engine: Engine, wait_s: float) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so
        cursor = connection.cursor()
        for setting in (
            "page_size=8192",  # of a new file
            "synchronous=FULL",  # an acknowledged batch is on the disk
            "cache_size=-131072",  # KiB: the index over ids stays in memory
            "temp_store=MEMORY",
            "wal_autocheckpoint=32000",  # pages: the ids scattered over their index are folded in less often
            "journal_size_limit=67108864",
        ):
            cursor.execute(f"PRAGMA {setting}")
        _keep_write_ahead_log(cursor, wait_s)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _keep_write_ahead_log(cursor: sqlite3.Cursor, wait_s: float) -> None:
    """Change a new file to write-ahead logging; SQLite itself does not wait where several do so at once."""
    until = time.monotonic() + wait_s
    while True:
        try:
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _postgresql(url: URL, place: str, wait_s: float) -> Engine:
    try:
        return create_engine(
            url,
            connect_args={
                "connect_timeout": max(2, int(wait_s)),
                "options": f"-c lock_timeout={int(wait_s * 1000)} -c client_encoding=UTF8",
            },
        )
    except (ImportError, NoSuchModuleError) as error:
        raise InputError(
            f"the driver for this database is not installed ({error})",
            where=place,
            fix='pip install "psycopg[binary]"',
            code="no_driver",
        ) from error


def _revision(connection: Connection, place: str) -> str | None:
    """Revision of the tables that are there; None in an empty database."""
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE in tables:
        return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    ours = tables & set(metadata.tables)
    if ours or (tables and connection.dialect.name == "sqlite"):
        raise InputError(
            f"this database holds other tables ({', '.join(sorted(ours or tables)[:3])}) and is no journal",
            where=place,
            fix="choose another folder or database",
            code="not_a_journal",
        )
    return None


def _migrate(engine: Engine, place: str) -> None:
    with engine.connect() as connection, connection.begin():
        if _revision(connection, place) == HEAD:
            return
    with engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7213406)"))  # one migration at a time
        revision = _revision(connection, place)
        if revision == HEAD:
            return  # another process was first
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        config.attributes["connection"] = connection
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if revision is not None and revision not in known:
            raise InputError(
                f'the journal was written by a newer zhizao (its tables are "{revision}", this one knows "{HEAD}")',
                where=place,
                fix="upgrade: pip install -U zhizao",
                code="newer_version",
            )
        command.upgrade(config, "head")


_LOCKED = Fault("another process is writing to this journal and did not end in time", code="locked", fix="try again")
_FULL = Fault(
    "the disk is full; what was acknowledged is stored",
    code="disk_full",
    fix="make room and run the import again, it goes on where it stopped",
)

_SQLITE_FAULTS = {
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_FULL": _FULL,
    "SQLITE_READONLY": Fault(
        "the journal or its folder is read-only", code="read_only", fix="ask for the right to write there"
    ),
    "SQLITE_PERM": Fault(
        "the journal may not be read", code="read_only", fix="ask for the right to read and write there"
    ),
    "SQLITE_CANTOPEN": Fault(
        "the journal cannot be opened or made",
        code="cannot_open",
        fix="check that the folder exists and that you may write there",
    ),
    "SQLITE_NOTADB": Fault(
        "this file is not a database", code="not_a_journal", fix="choose another folder, or restore a copy"
    ),
    "SQLITE_CORRUPT": Fault(
        "the database file is damaged", code="corrupt", fix="restore a copy and run the imports again"
    ),
    "SQLITE_IOERR": Fault(
        "the disk does not read or write", code="disk_error", fix="check the disk; restore a copy if it is gone"
    ),
}
"""By the beginning of SQLite's name of an error."""

_POSTGRESQL_FAULTS = {
    "55P03": _LOCKED,
    "40001": _LOCKED,
    "40P01": _LOCKED,
    "53100": _FULL,
    "42501": Fault("this user may not write here", code="read_only", fix="ask for the right to make and write tables"),
    "25006": Fault("the database is read-only", code="read_only", fix="connect to the primary server"),
}
"""By SQLSTATE (PostgreSQL, appendix A)."""

_UNREACHABLE = Fault("the database cannot be reached", code="unreachable", fix="check address, name and password")


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Faults of the database as `InputError`.

    Parameters
    ----------
    place : how to name the database
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error, PoolTimeoutError) as error:
        origin: Any = getattr(error, "orig", None) or error
        found: Fault | None = None
        state = getattr(origin, "sqlstate", None)
        if isinstance(origin, sqlite3.Error):
            name = getattr(origin, "sqlite_errorname", "") or ""
            found = next((fault for key, fault in _SQLITE_FAULTS.items() if name.startswith(key)), None)
        elif isinstance(error, DBAPIError) and (error.connection_invalidated or not state):
            found = _UNREACHABLE
        elif state:
            found = _POSTGRESQL_FAULTS.get(state)
        if found is None:
            first = (str(origin).strip().splitlines() or [type(origin).__name__])[0]
            found = Fault(f"the database refused: {first}", code="database", fix="look at the database's own log")
        raise InputError(found.what, where=place, fix=found.fix, code=found.code) from error
