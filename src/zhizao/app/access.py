"""Who may do what: people, roles, passwords, sessions, tokens and the trail of who did what.

They live in `people.db` of the workspace, apart from the journal: facts outlive people's passwords. Passwords are kept
as Argon2id hashes, session and token secrets as SHA-256 digests, so that the file gives nobody a way in.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from zhizao.clock import now
from zhizao.errors import InputError, NotAllowed

__all__ = ["LADDER", "LOCAL", "ROLES", "Access", "Person", "Right", "Role", "Session", "covers"]


class Role(StrEnum):
    """What a person is: in the plant each role may do what the ones before it may; three roles are of returns alone."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    MANAGER = "manager"
    """Of a plant; with a unit that is an authority: who approves for it."""
    ADMIN = "admin"
    REPORTER = "reporter"
    """Reports for one enterprise, its unit."""
    REVIEWER = "reviewer"
    """Looks through the returns below its unit."""
    EVALUATOR = "evaluator"
    """Sees which returns are published, groups of them after disclosure control, and warnings."""


ROLES = tuple(Role)
LADDER = (Role.VIEWER, Role.OPERATOR, Role.ENGINEER, Role.MANAGER, Role.ADMIN)
"""Roles in a plant, each with what the ones before it may."""


class Right(StrEnum):
    """One thing that somebody may do."""

    READ = "read"
    """See the plant's records and figures."""
    IMPORT = "import"
    DECIDE = "decide"
    SETTLE = "settle"
    ADMIN = "admin"
    WARNINGS = "warnings"
    """See the warnings and the tables that they were made from: evaluators, and who sees the plant's records."""
    RETURNS = "returns"
    """Use the returns desk; which returns and figures is decided there."""


_FROM: dict[Right, Role] = {
    Right.READ: Role.VIEWER,
    Right.WARNINGS: Role.VIEWER,
    Right.IMPORT: Role.OPERATOR,
    Right.DECIDE: Role.ENGINEER,
    Right.SETTLE: Role.MANAGER,
    Right.ADMIN: Role.ADMIN,
}

PASSWORD_LENGTH = 10
SESSION_IDLE = timedelta(hours=12)
SESSION_LIFE = timedelta(days=7)
TRIES_PER_NAME, TRIES_PER_ADDRESS = 5, 20
LOCK_FIRST_S, LOCK_LONGEST_S = 10.0, 900.0
_COMMON = ("password", "12345678", "qwerty", "letmein", "admin", "zhizao", "changeme")

_TABLES = """
create table if not exists person (
  name text primary key collate nocase, role text not null, hash text not null, active integer not null default 1,
  lang text not null default '', made_at text not null);
create table if not exists session (
  digest text primary key, name text not null collate nocase, csrf text not null, made_at text not null,
  seen_at text not null, address text not null default '');
create table if not exists token (
  id integer primary key, digest text unique not null, name text not null collate nocase, label text not null,
  role text not null, made_at text not null, ends_at text, used_at text);
create table if not exists failure (key text primary key, count integer not null, until text not null);
create table if not exists trail (
  id integer primary key, at text not null, name text not null, what text not null, about text not null default '',
  address text not null default '');
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in.

    Parameters
    ----------
    name : sign-in name
    role : what they are in the plant, or for returns
    unit : unit of the tree that they belong to; empty for none
    outside : whether that unit is not the plant's own enterprise: then the plant's records are not theirs to see
    """

    name: str
    role: Role
    unit: str = ""
    outside: bool = False

    def may(self, right: Right) -> bool:
        """Whether the role is enough for a right.

        Examples
        --------
        >>> Person("li", Role.VIEWER).may(Right.IMPORT), Person("li", Role.OPERATOR).may(Right.IMPORT)
        (False, True)
        """
        if right is Right.RETURNS or (right is Right.WARNINGS and self.role is Role.EVALUATOR):
            return True
        if self.role not in LADDER or self.outside:
            return False
        return LADDER.index(self.role) >= LADDER.index(_FROM[right])

    def need(self, right: Right) -> None:
        """Refuse when the role is not enough.

        Raises
        ------
        NotAllowed : with the role that is needed
        """
        if not self.may(right):
            of = f" of {self.unit}" if self.unit else ""
            raise NotAllowed(
                f'"{self.name}" is {self.role}{of}; this needs {_FROM.get(right, "another role")} of the plant',
                fix="ask an admin for the role",
                code="role",
            )


def covers(own: Role, other: Role) -> bool:
    """Whether somebody with one role may hand out another, as for a token."""
    if own is other or own is Role.ADMIN:
        return True
    return own in LADDER and other in LADDER and LADDER.index(other) < LADDER.index(own)


LOCAL = Person("local", Role.ADMIN)
"""Whoever sits at the machine when the pages are served with `--local`."""


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: the secret goes into its cookie, `csrf` into each request that changes something."""

    person: Person
    csrf: str
    secret: str = ""


class Access:
    """People, sessions and tokens of one workspace.

    Parameters
    ----------
    path : file that keeps them; made when absent, readable by its owner only; one of an older version gains the column
        `unit`

    Attributes
    ----------
    own : the plant's own enterprise; whoever belongs to another unit does not see the plant's records

    Examples
    --------
    >>> import tempfile
    >>> access = Access(Path(tempfile.mkdtemp()) / "people.db")
    >>> access.add("li", "correct horse battery", Role.ENGINEER)
    >>> access.sign_in("li", "correct horse battery").person.role
    <Role.ENGINEER: 'engineer'>
    >>> access.close()
    """

    def __init__(self, path: Path) -> None:
        from argon2 import PasswordHasher

        self._hasher = PasswordHasher(time_cost=3, memory_cost=32768, parallelism=1)
        self._slots = threading.BoundedSemaphore(2)
        self._lock = threading.RLock()
        fresh = not path.exists()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        if fresh:
            path.chmod(0o600)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode=wal")
        self._db.executescript(_TABLES)
        self._add_unit()
        self.own = ""
        self._nobody = self._hasher.hash(secrets.token_hex(8))

    def _add_unit(self) -> None:
        with self._write() as db:  # alone, so that two servers that start at once do not both add it
            columns = {row["name"] for row in db.execute("pragma table_info(person)")}
            if "unit" not in columns:
                db.execute("alter table person add column unit text not null default ''")

    def _person(self, name: str, role: Role, unit: str) -> Person:
        outside = bool(unit) and unit != self.own and role is not Role.ADMIN
        return Person(name, role, unit, outside)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("begin immediate")
            try:
                yield self._db
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    # ------------------------------------------------------------------ people

    def first_run(self) -> str | None:
        """Make the person `admin` when there is nobody yet and return the password, which is kept nowhere."""
        with self._lock:
            if self._rows("select 1 from person limit 1"):
                return None
            password = "-".join(secrets.token_hex(3) for _ in range(4))
            self.add("admin", password, Role.ADMIN)
            return password

    def add(self, name: str, password: str, role: Role, unit: str = "") -> None:
        """Make a person.

        Parameters
        ----------
        name, password : to sign in with
        role : what they are
        unit : unit of the tree that they belong to; empty for none

        Raises
        ------
        InputError : when the name is taken or unusable, or the password is weak
        """
        name = name.strip()
        if not name or len(name) > 60 or any(ord(c) < 33 for c in name):
            raise InputError(f'"{name}" is not a sign-in name', fix="use up to 60 letters, no spaces", code="bad_name")
        hashed = self._hash(name, password)
        try:
            with self._write() as db:
                db.execute(
                    "insert into person (name, role, hash, made_at, unit) values (?, ?, ?, ?, ?)",
                    (name, Role(role).value, hashed, now().isoformat(), _unit(unit)),
                )
        except sqlite3.IntegrityError as error:
            raise InputError(f'there is already a person "{name}"', fix="choose another name", code="taken") from error

    def people(self) -> list[dict[str, Any]]:
        """Everybody, with role, unit and whether they may sign in."""
        rows = self._rows("select name, role, unit, active, made_at from person order by name")
        return [{**dict(row), "active": bool(row["active"])} for row in rows]

    def change(
        self,
        name: str,
        *,
        role: Role | None = None,
        active: bool | None = None,
        password: str | None = None,
        unit: str | None = None,
    ) -> None:
        """Change a person; sessions and tokens of theirs end when the password changes or they are made inactive.

        Raises
        ------
        InputError : when there is no such person
        NotAllowed : when nobody would be left who is an active admin
        """
        hashed = self._hash(name, password) if password is not None else None
        with self._write() as db:
            row = db.execute("select * from person where name = ?", (name,)).fetchone()
            if row is None:
                raise InputError(f'there is no person "{name}"', code="nobody")
            loses = row["role"] == Role.ADMIN and (active is False or (role is not None and role != Role.ADMIN))
            others = "select count(*) from person where role = 'admin' and active and name <> ?"
            if loses and not db.execute(others, (name,)).fetchone()[0]:
                raise NotAllowed(f'"{name}" is the last admin', fix="make somebody else admin first", code="last_admin")
            if role is not None:
                db.execute("update person set role = ? where name = ?", (Role(role).value, name))
                for token in db.execute("select id, role from token where name = ?", (name,)).fetchall():
                    if not covers(Role(role), Role(token["role"])):
                        db.execute("update token set role = ? where id = ?", (Role(role).value, token["id"]))
            if unit is not None:
                db.execute("update person set unit = ? where name = ?", (_unit(unit), name))
            if active is not None:
                db.execute("update person set active = ? where name = ?", (int(active), name))
            if hashed is not None:
                db.execute("update person set hash = ? where name = ?", (hashed, name))
            if active is False or hashed is not None:
                db.execute("delete from session where name = ?", (name,))
                db.execute("delete from token where name = ?", (name,))

    def _hash(self, name: str, password: str) -> str:
        plain = password.lower()
        if (
            len(password) < PASSWORD_LENGTH
            or plain == name.lower()
            or any(plain == c * 2 or plain == c for c in _COMMON)
        ):
            raise InputError(
                f"the password has {len(password)} characters or is easily guessed",
                fix=f"use at least {PASSWORD_LENGTH} characters; three or four words are good",
                code="weak_password",
            )
        if len(password) > 256:
            raise InputError(
                "the password is longer than 256 characters", fix="use a shorter one", code="weak_password"
            )
        with self._slots:
            return self._hasher.hash(password)

    # ---------------------------------------------------------------- sessions

    def sign_in(self, name: str, password: str, address: str = "") -> Session:
        """Open a session.

        Parameters
        ----------
        name, password : as typed
        address : where the request came from, for the back-off

        Raises
        ------
        NotAllowed : when they do not match (`sign_in`), or after too many tries (`locked`)
        """
        from argon2.exceptions import InvalidHashError, VerificationError

        keys = [(f"name:{name.lower()}", TRIES_PER_NAME), (f"address:{address}", TRIES_PER_ADDRESS)]
        self._refuse_locked(keys)
        rows = self._rows("select * from person where name = ?", name.strip())
        stored = rows[0]["hash"] if rows else self._nobody
        try:
            with self._slots:
                good: bool = self._hasher.verify(stored, password[:256])
        except (VerificationError, InvalidHashError):
            good = False
        if not (good and rows and rows[0]["active"]):
            self._count_failure(keys)
            self.note(name, "sign-in failed", address=address)
            raise NotAllowed("name or password is wrong", fix="try again, or ask an admin to reset it", code="sign_in")
        if self._hasher.check_needs_rehash(stored):
            with self._slots:
                renewed = self._hasher.hash(password)
            with self._write() as db:
                db.execute("update person set hash = ? where name = ?", (renewed, name))
        secret, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        at = now()
        with self._write() as db:
            db.execute("delete from failure where key = ?", (keys[0][0],))
            db.execute("delete from session where made_at < ?", ((at - SESSION_LIFE).isoformat(),))
            db.execute(
                "insert into session (digest, name, csrf, made_at, seen_at, address) values (?, ?, ?, ?, ?, ?)",
                (_digest(secret), rows[0]["name"], csrf, at.isoformat(), at.isoformat(), address),
            )
        self.note(rows[0]["name"], "signed in", address=address)
        return Session(self._person(rows[0]["name"], Role(rows[0]["role"]), rows[0]["unit"]), csrf, secret)

    def session(self, secret: str) -> Session | None:
        """Whose session a cookie names; None when it is unknown, idle for too long or too old."""
        rows = self._rows(
            "select s.*, p.role, p.unit from session s join person p on p.name = s.name where s.digest = ? and p.active",
            _digest(secret),
        )
        if not rows:
            return None
        row, at = rows[0], now()
        seen = datetime.fromisoformat(row["seen_at"])
        if at - seen > SESSION_IDLE or at - datetime.fromisoformat(row["made_at"]) > SESSION_LIFE:
            self.sign_out(secret)
            return None
        if at - seen > timedelta(minutes=5):
            with self._write() as db:
                db.execute("update session set seen_at = ? where digest = ?", (at.isoformat(), row["digest"]))
        return Session(self._person(row["name"], Role(row["role"]), row["unit"]), row["csrf"], secret)

    def sign_out(self, secret: str) -> None:
        """End a session."""
        with self._write() as db:
            db.execute("delete from session where digest = ?", (_digest(secret),))

    # ------------------------------------------------------------------ tokens

    def make_token(self, person: Person, label: str, role: Role, days: int | None = 365) -> str:
        """Make a bearer token for programs and return it; it is shown once.

        Raises
        ------
        NotAllowed : when the token would be allowed more than its owner
        """
        if not covers(person.role, role):
            less = " or less" if person.role in LADDER else ""
            raise NotAllowed(
                f"a token of {person.role} cannot be {role}", fix=f"choose {person.role}{less}", code="role"
            )
        secret = "zz_" + secrets.token_urlsafe(32)
        ends = (now() + timedelta(days=days)).isoformat() if days else None
        with self._write() as db:
            db.execute(
                "insert into token (digest, name, label, role, made_at, ends_at) values (?, ?, ?, ?, ?, ?)",
                (_digest(secret), person.name, label.strip() or "token", role.value, now().isoformat(), ends),
            )
        return secret

    def tokens(self, name: str) -> list[dict[str, Any]]:
        """Tokens of a person, without their secrets."""
        sql = "select id, label, role, made_at, ends_at, used_at from token where name = ? order by id"
        return [dict(row) for row in self._rows(sql, name)]

    def drop_token(self, name: str, number: int) -> bool:
        """End a token; False when the person has no such token."""
        with self._write() as db:
            return db.execute("delete from token where id = ? and name = ?", (number, name)).rowcount > 0

    def bearer(self, secret: str) -> Person | None:
        """Who a bearer token speaks for; None when it is unknown or has ended."""
        rows = self._rows(
            "select t.*, p.role as own, p.unit as unit from token t join person p on p.name = t.name where t.digest = ? and p.active",
            _digest(secret),
        )
        if not rows or (rows[0]["ends_at"] and datetime.fromisoformat(rows[0]["ends_at"]) < now()):
            return None
        row = rows[0]
        used = row["used_at"]
        if used is None or now() - datetime.fromisoformat(used) > timedelta(minutes=5):
            with self._write() as db:
                db.execute("update token set used_at = ? where id = ?", (now().isoformat(), row["id"]))
        own, given = Role(row["own"]), Role(row["role"])
        return self._person(row["name"], given if covers(own, given) else own, row["unit"])

    # ------------------------------------------------------------------- trail

    def note(self, name: str, what: str, about: str = "", address: str = "") -> None:
        """Write down who did what."""
        with self._write() as db:
            db.execute(
                "insert into trail (at, name, what, about, address) values (?, ?, ?, ?, ?)",
                (now().isoformat(), name[:60], what, about[:400], address),
            )

    def trail(self, limit: int = 1000) -> list[dict[str, Any]]:
        """The latest entries of the trail, newest first."""
        return [dict(row) for row in self._rows("select * from trail order by id desc limit ?", limit)]

    # ---------------------------------------------------------------- back-off

    def _refuse_locked(self, keys: list[tuple[str, int]]) -> None:
        at = now()
        for key, tries in keys:
            for row in self._rows("select * from failure where key = ?", key):
                wait = (datetime.fromisoformat(row["until"]) - at).total_seconds()
                if row["count"] >= tries and wait > 0:
                    raise NotAllowed(
                        f"too many wrong tries; wait {wait:.0f} s",
                        fix="wait, then try again",
                        code="locked",
                    )

    def _count_failure(self, keys: list[tuple[str, int]]) -> None:
        at = now()
        with self._write() as db:
            db.execute("delete from failure where until < ?", ((at - timedelta(hours=1)).isoformat(),))
            for key, tries in keys:
                row = db.execute("select count from failure where key = ?", (key,)).fetchone()
                count = (row["count"] if row else 0) + 1
                wait = min(LOCK_LONGEST_S, LOCK_FIRST_S * 2 ** max(0, count - tries)) if count >= tries else 0.0
                db.execute(
                    "insert into failure (key, count, until) values (?, ?, ?) "
                    "on conflict (key) do update set count = excluded.count, until = excluded.until",
                    (key, count, (at + timedelta(seconds=wait)).isoformat()),
                )


def _unit(text: str) -> str:
    plain = text.strip()
    if plain and not re.match(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$", plain):
        raise InputError(f'"{plain[:60]}" is not an id of a unit', fix="use an id of units.yaml", code="no_unit")
    return plain


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
