"""Who and what makes fewer bad pieces: proposals to give work to those machines and people.

The factors are the mechanism's: what an inspection finds is put down to the operation that made it, and thin data are
drawn towards the mean, so that nobody is judged by a few pieces.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zhizao.decide.twin.mechanism import Mechanism
from zhizao.decide.twin.shop import Floats

__all__ = ["better_machines", "better_people", "rates_by"]

_WORSE = 1.25
_LEAST_RATE = 0.002
_FEWEST_BAD = 10.0


def _makers(m: Mechanism) -> list[int]:
    """Operations that make bad pieces, often enough to compare who does them."""
    pieces = np.bincount(m.visits.operation, m.pieces, minlength=len(m.visits.operations))
    often = (m.defects.rate > _LEAST_RATE) & (m.defects.rate * pieces >= _FEWEST_BAD) & ~m.defects.inspects
    return [int(o) for o in np.flatnonzero(often)]


def better_machines(m: Mechanism, busy: Floats) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """(operation, machines to keep, reason) where a machine makes more bad pieces and the others have room.

    Parameters
    ----------
    m : what was learned
    busy : (M,) share of its working time that each machine is busy
    """
    for o in _makers(m):
        able = np.flatnonzero(m.can[o])
        if len(able) < 2:
            continue
        factor = m.defects.machine[o, able]
        worse = factor > _WORSE * np.median(factor)
        keep = able[~worse]
        if not worse.any() or not len(keep) or (1.0 - busy[keep]).sum() < 0.3 * busy[able[worse]].sum():
            continue
        names = m.visits.machines
        told = ", ".join(f"{names[a]} {f:.2g}" for a, f in zip(able, factor, strict=True))
        yield m.visits.operations[o], tuple(names[a] for a in keep), f"factor on the rate of bad pieces: {told}"


def better_people(m: Mechanism) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """(operation, people to ask, reason): the careful asked first; then without the one, two, three pairs of hands that
    make most bad pieces.
    """
    names = m.visits.people
    for o in _makers(m):
        if not m.posts.needed[o]:
            continue
        posts = m.posts.skill_post[m.posts.skill_ptr[o] : m.posts.skill_ptr[o + 1]]
        if len(posts) < 2:
            continue
        factor = np.array([np.mean(m.defects.person[list(m.posts.members[q])]) for q in posts])
        order = np.argsort(-factor)
        if factor.max() <= _WORSE * factor.min():
            continue
        for leave in range(min(len(posts) - 1, 3) + 1):
            out, keep = posts[order[:leave]], posts[order[leave:]][::-1]
            if leave and factor[order[leave - 1]] <= _WORSE * factor[order[leave:]].mean():
                break
            left = ", ".join(f"{names[p]} {m.defects.person[p]:.2g}" for q in out for p in m.posts.members[q])
            kept = tuple(names[p] for q in keep for p in m.posts.members[q])
            best = ", ".join(f"{names[p]} {m.defects.person[p]:.2g}" for p in m.posts.members[keep[0]])
            why = f"factor on the rate of bad pieces: {best} asked first" + (f"; {left} not asked" if left else "")
            yield m.visits.operations[o], kept, why


def rates_by(m: Mechanism) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Rates of bad pieces made as (name, share): by operation and machine, and by person over all that the person does;
    worst total first.
    """
    machines: list[tuple[float, str, float]] = []
    for o in _makers(m):
        mine = m.visits.operation == o
        for a in np.flatnonzero(m.can[o]):
            pieces = float(m.pieces[mine & (m.visits.machine == a)].sum())
            rate = float(m.defects.rate[o] * m.defects.machine[o, a])
            machines.append((rate * pieces, f"{m.visits.operations[o]} · {m.visits.machines[a]}", rate))
    people: list[tuple[float, str, float]] = []
    for p, name in enumerate(m.visits.people):
        mine = (m.visits.person == p) & np.isin(m.visits.operation, _makers(m))
        if mine.any():
            rate = float(np.average(m.defects.rate[m.visits.operation[mine]], weights=m.pieces[mine])) * float(
                m.defects.person[p]
            )
            people.append((rate * float(m.pieces[mine].sum()), name, rate))
    by_machine, by_person = (
        [(name, rate) for _, name, rate in sorted(one, reverse=True)] for one in (machines, people)
    )
    return by_machine, by_person
