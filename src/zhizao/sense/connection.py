"""What every connector to live sources is: one shape, whatever the protocol behind it.

A folder each: `settings` what plant.yaml says of it, the protocol's own modules (pure where they parse), `connector`
the task that talks, and a `card.md` that says what it does and what it does not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from zhizao.errors import InputError
from zhizao.model import Noun, Samples, Taken

__all__ = ["Browsed", "Connector", "Finding", "Settings", "Sink", "Taken", "secret"]


class Settings(Noun):
    """Base of what plant.yaml says of a connection; each kind adds its own fields and a `kind`."""

    enabled: bool = True
    """False keeps the connection declared and unused."""

    prefix: str = ""
    """Put before the name of each of its tags, with a `/`; empty takes the connection's name."""


def secret(said: str) -> str:
    """A password as it is, or of the environment where it is written `env:NAME`.

    Parameters
    ----------
    said : as in plant.yaml

    Raises
    ------
    InputError : the environment has no such variable

    Examples
    --------
    >>> secret("plain")
    'plain'
    """
    if not said.startswith("env:"):
        return said
    name = said.removeprefix("env:")
    if name not in os.environ:
        raise InputError(
            f"the password is to be in the environment variable {name}, which is not set",
            fix=f"set {name} before zhizao is started",
            code="no_password",
        )
    return os.environ[name]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `zhizao sense --check`.

    Parameters
    ----------
    level : how bad it is
    code : short stable name, for translation
    what : what was found, with the values seen
    fix : how to mend it; empty when nothing is wrong
    """

    level: Literal["ok", "warning", "fault"]
    code: str
    what: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Browsed:
    """One thing in the address space of a source.

    Parameters
    ----------
    address : how the source names it (node id, metric, data item, register)
    name : how people name it, path parts joined by `/`
    type : the source's own name of its type
    unit : unit as the source tells it; empty for none
    leaf : whether it has a value
    value : its value when looked at, as text
    """

    address: str
    name: str
    type: str = ""
    unit: str = ""
    leaf: bool = True
    value: str = ""


class Sink(Protocol):
    """Where a connector puts what it hears. Awaiting it is the back-pressure: it returns when the facts are durable."""

    async def take(self, samples: Samples, rejected: Mapping[str, int] | None = None) -> Taken:
        """Store a batch; only after this may the source be told that it arrived.

        Parameters
        ----------
        samples : in the order in which the source told them
        rejected : values that could not become samples, counted by reason (a stable short name)
        """

    def connected(self, whether: bool, word: str = "") -> None:
        """Tell that the source is there, or is gone and why; shown on the page of connections."""

    def described(self, tags: Sequence[Browsed]) -> None:
        """Tell what the source says of its tags: type and unit."""

    def reached(self, position: Mapping[str, int]) -> None:
        """Tell how far into the source everything is stored; noted about once a second, given back by `resume`."""


class Connector(Protocol):
    """One connection to one source."""

    name: str
    """As in plant.yaml."""

    async def run(self, sink: Sink) -> None:
        """Listen until cancelled. May raise when the connection breaks: the supervisor waits and runs it again."""

    async def check(self) -> list[Finding]:
        """Try the end point and say what was found and how to mend it; never raises for what a source does."""

    async def browse(self, below: str = "") -> list[Browsed]:
        """What the source offers below an address."""
