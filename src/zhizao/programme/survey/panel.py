"""A panel drawn with permanent random numbers: rotation, births, deaths, mergers, splits and changes of stratum.

Each unit keeps one random number for life, made from its id and the seed. A stratum takes the n_h units that follow its
starting point, round the circle from 0 to 1. A starting point that moves on by a fifth of n_h / N_h a year lets a fifth
of the panel go, oldest first; births enter and deaths leave by themselves; two surveys with starting points apart share
few units (Ohlsson 1995). Whatever the starting points, each draw is a simple random sample in each stratum, as long as
they are set without looking at the numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from zhizao.errors import InputError
from zhizao.programme.survey.columns import Floats, Ints
from zhizao.programme.survey.strata import Strata

__all__ = ["Changes", "Panel", "draw", "inherit", "permanent_numbers", "redraw"]

_SHARE = float(2**53)


@dataclass(frozen=True, slots=True)
class Panel:
    """Units drawn.

    Parameters
    ----------
    rows : positions in the frame, shape (n,)
    stratum : code of the stratum of each, shape (n,)
    number : permanent random number of each, shape (n,)
    probability : of inclusion, n_h / N_h, shape (n,)
    weight : N_h / n_h, shape (n,)
    start : starting point of each stratum, shape (H,)
    since : year of the panel in which each unit came in, shape (n,)
    """

    rows: Ints
    stratum: Ints
    number: Floats
    probability: Floats
    weight: Floats
    start: Floats
    since: Ints


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of a panel from one year to the next.

    Parameters
    ----------
    stayed, entered, rotated_out, dead : units; births among those entered cannot be told from the panel alone
    born : entered units that were not on the frame before, where this is known, else 0
    moved : stayed units in another stratum than before
    """

    stayed: int
    entered: int
    rotated_out: int
    dead: int
    born: int
    moved: int


def permanent_numbers(ids: Sequence[str], seed: int) -> Floats:
    """Permanent random numbers of units: uniform in 0..1, the same for the same id and seed for ever.

    Parameters
    ----------
    ids : of the units
    seed : of the panel; another seed gives independent numbers

    Examples
    --------
    >>> permanent_numbers(["a", "b"], 1).round(4).tolist() == permanent_numbers(["a", "b"], 1).round(4).tolist()
    True
    >>> bool(abs(permanent_numbers([str(i) for i in range(10000)], 1).mean() - 0.5) < 0.01)
    True
    """
    key = str(seed).encode()
    digest = b"".join(hashlib.blake2b(one.encode(), digest_size=8, key=key).digest() for one in ids)
    return (np.frombuffer(digest, dtype="<u8") >> np.uint64(11)) / _SHARE


def inherit(ids: Sequence[str], numbers: Floats, predecessors: Mapping[str, Sequence[str]], seed: int) -> Floats:
    """Numbers after mergers and splits: the first of the units that come out of one carries its number on.

    Parameters
    ----------
    ids : of the units on the frame
    numbers : their own numbers, shape (N,)
    predecessors : id of a unit to the ids it came from, the most important first
    seed : of the panel

    Returns
    -------
    array of shape (N,)
        A merged unit has its first predecessor's number. When several units name the same predecessor first (a split),
        the first on the frame has the number and the others their own, so that no two share one.

    Raises
    ------
    InputError : when a unit follows a unit that is still on the frame under another's number

    Examples
    --------
    >>> own = permanent_numbers(["c"], 1)
    >>> inherit(["c"], own, {"c": ["a", "b"]}, 1) == permanent_numbers(["a"], 1)
    array([ True])
    """
    out = numbers.copy()
    there = set(ids)
    given: set[str] = set()
    for i, one in enumerate(ids):
        before = [old for old in predecessors.get(one, ()) if old]
        if not before or before[0] in there or before[0] in given:
            continue
        given.add(before[0])
        out[i] = permanent_numbers([before[0]], seed)[0]
    return out


def draw(strata: Strata, n: Ints, numbers: Floats, *, start: Floats | None = None, year: int = 1) -> Panel:
    """The n_h units of each stratum that follow its starting point.

    Parameters
    ----------
    strata : strata of the frame
    n : units from each stratum, shape (H,)
    numbers : permanent random numbers, shape (N,)
    start : starting points in 0..1, shape (H,); 0 when absent
    year : of the panel

    Raises
    ------
    InputError : when more units are wanted from a stratum than it has

    Examples
    --------
    >>> from zhizao.programme.survey.strata import stratify
    >>> draw(stratify([["a"] * 4], least=1), np.array([2]), np.array([0.9, 0.2, 0.4, 0.6]), start=np.array([0.3])).rows
    array([2, 3])
    """
    over = np.flatnonzero(n > strata.size)
    if len(over):
        h = int(over[0])
        raise InputError(
            f"{n[h]} units are wanted from stratum {strata.labels[h]}, which has {strata.size[h]}",
            where="design",
            fix="design anew for this frame",
            code="n_over_N",
        )
    starts = np.zeros(strata.count) if start is None else start
    distance = np.mod(numbers - starts[strata.codes], 1.0)
    order = np.lexsort((distance, strata.codes))
    first = np.r_[0, np.cumsum(strata.size)[:-1]]
    place = np.arange(len(order)) - first[strata.codes[order]]
    rows = np.sort(order[place < n[strata.codes[order]]])
    stratum = strata.codes[rows]
    probability = n[stratum] / strata.size[stratum]
    return Panel(
        rows, stratum, numbers[rows], probability, 1 / probability, starts, np.full(len(rows), year, dtype=np.int64)
    )


def redraw(
    strata: Strata,
    n: Ints,
    ids: Sequence[str],
    numbers: Floats,
    previous: pl.DataFrame,
    *,
    rotate: float = 0.2,
    known: set[str] | None = None,
) -> tuple[Panel, Changes]:
    """The next year's panel: starting points move on, a share of the units is let go.

    Parameters
    ----------
    strata, n : of this year's frame and design
    ids : of the units of the frame, length N
    numbers : permanent random numbers, shape (N,)
    previous : last year's panel: `id`, `stratum`, `start`, `probability`, `since`, `year`
    rotate : share of the panel that is let go where the stratum has others to take, 0..1
    known : ids on last year's frame, where this is known, to tell births

    Returns
    -------
    tuple of Panel and Changes

    Notes
    -----
    A stratum begins where the stratum of the same name ended up last year; one that has no namesake where most of its
    units of last year's panel began, else at 0. It then moves on by `rotate` times last year's probability.
    """
    if not 0 <= rotate <= 1:
        raise InputError(f"{rotate:g} is no share", where="--rotate", fix="write 0.2 for a fifth", code="bad_share")
    year = int(previous["year"].max() or 0) + 1  # type: ignore[arg-type]
    steps = previous.with_columns(
        next=(pl.col("start") + rotate * pl.col("probability")).mod(1.0) if previous.height else pl.lit(0.0)
    )
    # a unit drawn with certainty says nothing of where its stratum begins
    by_name = dict(steps.group_by("stratum").agg(pl.col("next").first()).iter_rows())
    place = {one: i for i, one in enumerate(ids)}
    old_ids = previous["id"].to_list()
    at = np.array([place.get(one, -1) for one in old_ids], dtype=np.int64)
    alive = at >= 0
    old = (
        steps.filter(pl.Series(alive))
        .with_columns(code=pl.Series(strata.codes[at[alive]]))
        .filter(pl.col("probability") < 1)
        .group_by("code", "next")
        .len()
        .sort("len", "next", descending=[True, False])
        .unique("code", keep="first", maintain_order=True)
    )
    by_units = dict(zip(old["code"].to_list(), old["next"].to_list(), strict=True))
    starts = np.array([by_name.get(label, by_units.get(h, 0.0)) for h, label in enumerate(strata.labels)])
    made = draw(strata, n, numbers, start=starts, year=year)
    since = dict(zip(old_ids, previous["since"].to_list(), strict=True))
    before = dict(zip(old_ids, previous["stratum"].to_list(), strict=True))
    names = [ids[row] for row in made.rows]
    stayed = np.array([one in since for one in names], dtype=bool)
    came = np.array([since.get(one, year) for one in names], dtype=np.int64)
    moved = sum(one in before and before[one] != strata.labels[h] for one, h in zip(names, made.stratum, strict=True))
    entered = [one for one, was in zip(names, stayed, strict=True) if not was]
    dead = int((~alive).sum())
    changes = Changes(
        stayed=int(stayed.sum()),
        entered=len(entered),
        rotated_out=len(old_ids) - int(stayed.sum()) - dead,
        dead=dead,
        born=sum(one not in known for one in entered) if known is not None else 0,
        moved=int(moved),
    )
    return (
        Panel(made.rows, made.stratum, made.number, made.probability, made.weight, made.start, came),
        changes,
    )
