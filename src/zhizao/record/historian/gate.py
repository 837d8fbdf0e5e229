"""Who and what is let in: one process that writes, samples that can be samples, tags that are known."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import MutableMapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.model import Samples

__all__ = ["FUTURE_NS", "hold", "no_tag", "refused_rows"]

FUTURE_NS = 86_400_000_000_000
"""A sample that claims to be more than a day ahead of our clock is refused: one such would hide all that follow."""


def hold(folder: Path) -> int:
    """Keep a folder for this process until the file that is given back is closed.

    Raises
    ------
    InputError : another process writes there
    """
    held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        raise InputError(
            "another process stores samples here", where=str(folder), fix="stop it first", code="locked"
        ) from error
    return held


def refused_rows(samples: Samples, counts: MutableMapping[str, int]) -> NDArray[np.bool_] | None:
    """Which samples cannot be samples; None when all can.

    Parameters
    ----------
    samples : of a batch
    counts : by reason; the refused ones are added
    """
    ahead, before = samples.at > time.time_ns() + FUTURE_NS, samples.at < 0
    if all(samples.tag) and not ahead.any() and not before.any():
        return None
    unnamed = np.array([not name for name in samples.tag], bool)
    found = {"no_tag": unnamed, "in_the_future": ahead & ~unnamed, "before_1970": before & ~unnamed}
    for reason, rows in found.items():
        if rows.any():
            counts[reason] = counts.get(reason, 0) + int(rows.sum())
    return unnamed | ahead | before


def no_tag(tag: str, names: Sequence[str], where: str) -> InputError:
    """That there is no such tag, with the nearest names."""
    near = get_close_matches(tag, names, n=3)
    return InputError(
        f'there is no tag "{tag}"',
        where=where,
        fix=f"did you mean {' or '.join(near)}?" if near else "zhizao history without a tag lists them",
        code="no_tag",
    )
