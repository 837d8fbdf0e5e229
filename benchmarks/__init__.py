"""What users wait for, timed beside the peers: one module a subject, each with `measure()`; see README.md."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NotRequired, TypedDict

__all__ = ["ROOT", "Row", "Skipped", "shared"]

ROOT = Path(__file__).resolve().parent.parent


class Row(TypedDict):
    """One line of the result."""

    name: str
    """What is measured, on what."""
    ours: float
    """Our figure."""
    peer: str
    """Whose figure stands beside it: a package, a published value, or a limit that was set."""
    peer_value: float | None
    """The peer's figure; None where there is none to be had."""
    unit: str
    """Unit of both figures."""
    ratio: float | None
    """How many times better ours is; above 1 is better for us, whichever way the unit points."""
    note: NotRequired[str]
    """What has to be known to read it."""


class Skipped(Exception):
    """Something that a benchmark needs is absent; says what, and how to get it."""


def shared(*parts: str) -> Path:
    """A file or folder of the public data sets, which lie beside the project.

    Raises
    ------
    Skipped : where they are absent
    """
    path = Path(os.environ.get("ZHIZAO_SHARED", ROOT.parent / "shared")).joinpath("data", *parts)
    if not path.exists():
        raise Skipped(
            f"{'/'.join(parts) or 'the public data'} is absent: set ZHIZAO_SHARED to the folder that has data/"
        )
    return path
