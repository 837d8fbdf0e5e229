"""What machines really took next: the dispatch rule that best tells the picks from those left waiting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.twin.mechanism.visits import Visits
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["Discipline", "learn_rules"]

_MOST = 20_000
_FEWEST = 80
_CLEARLY = 0.03


@dataclass(frozen=True, slots=True)
class Discipline:
    """Rule of each machine.

    Parameters
    ----------
    rule : (M,) names, as in `zhizao.decide.twin.shop.RULES`
    scores : {rule: mean share of the waiting visits that it ranks behind the one picked}, all machines together;
        0.5 = by chance, 1 = always as the rule says
    picks : how many picks among at least two it rests on
    """

    rule: tuple[str, ...]
    scores: dict[str, float]
    picks: int


def learn_rules(
    visits: Visits,
    ready_s: Floats,
    due_s: Floats,
    expected_s: Floats,
    family: Ints,
    can: NDArray[np.bool_],
) -> Discipline:
    """Rule in use at each group of machines that share work; the plant's, where a group has few picks.

    Parameters
    ----------
    visits : (V,)
    ready_s, due_s, expected_s : (V,) when it could have begun, due date of its order, expected work
    family : (V,) set-up family, -1 = none
    can : (O, M) whether an operation is done on a machine
    """
    last = _set_up_for(visits, family)
    keys = {"fifo": ready_s, "lifo": -ready_s, "spt": expected_s}
    if np.isfinite(due_s).any():
        keys |= {"edd": due_s, "slack": due_s - expected_s}
    names = [*keys, *(["family"] if (family >= 0).any() else [])]
    groups = _groups(can)
    totals = np.zeros((len(groups), len(names)))
    picks = np.zeros(len(groups))
    for at, machines in enumerate(groups):
        picks[at] = _score(visits, machines, ready_s, keys, due_s, family, last, can, totals[at], len(groups))
    whole = _best(names, totals.sum(axis=0), float(picks.sum()))
    rule = [whole] * can.shape[1]
    for at, machines in enumerate(groups):
        if picks[at] >= _FEWEST:
            for m in machines:
                rule[m] = _best(names, totals[at], picks[at])
    count = max(float(picks.sum()), 1.0)
    scores = {name: float(value) / count for name, value in zip(names, totals.sum(axis=0), strict=True)}
    return Discipline(tuple(rule), scores if picks.sum() >= 20 else {}, int(picks.sum()))


def _best(names: list[str], total: Floats, picks: float) -> str:
    """The rule of the highest score; first come first served unless another is clearly better."""
    if picks < 20:
        return "fifo"
    score = dict(zip(names, total / picks, strict=True))
    best = max(score, key=lambda name: score[name])
    return best if score[best] >= max(0.56, score["fifo"] + _CLEARLY) else "fifo"


def _score(
    visits: Visits,
    machines: Ints,
    ready_s: Floats,
    keys: dict[str, Floats],
    due_s: Floats,
    family: Ints,
    last: Ints,
    can: NDArray[np.bool_],
    total: Floats,
    groups: int,
) -> int:
    """Add up, per rule, the share of waiting visits ranked behind the picked one; how many picks there were."""
    mine = np.flatnonzero(np.isfinite(ready_s) & np.isin(visits.machine, machines))
    if len(mine) < 20:
        return 0
    order = mine[np.argsort(visits.start_s[mine], kind="stable")]
    start, ready = visits.start_s[order], ready_s[order]
    longest = max(float(np.quantile(start - ready, 0.99)), 0.0)
    step = max(1, len(order) * groups // _MOST)
    due = np.where(np.isfinite(due_s), due_s, ready_s)
    picks = 0
    for at in range(0, len(order), step):
        now, pick = start[at], order[at]
        if ready[at] > now - 60.0:
            continue
        stop = np.searchsorted(start, now + longest, "right")
        later = np.arange(at + 1, min(stop, at + 400))
        waiting = order[later[(ready[later] < now - 60.0) & (start[later] > now)]]
        waiting = waiting[can[visits.operation[waiting], visits.machine[pick]]]
        if not len(waiting):
            continue
        picks += 1
        for place, key in enumerate(keys.values()):
            others = key[waiting]
            total[place] += np.mean((others > key[pick]) + 0.5 * (others == key[pick]))
        if len(total) > len(keys):
            change = family[waiting] != last[pick]
            own = family[pick] != last[pick]
            behind = (change & ~own) | ((change == own) & (due[waiting] > due[pick]))
            total[-1] += np.mean(behind)
    return picks


def _set_up_for(visits: Visits, family: Ints) -> Ints:
    """(V,) family that the machine was set up for when each visit began, -1 = unknown."""
    order = np.lexsort((visits.start_s, visits.machine))
    out = np.full(len(family), -1)
    same = visits.machine[order][1:] == visits.machine[order][:-1]
    out[order[1:]] = np.where(same, family[order[:-1]], -1)
    return out


def _groups(can: NDArray[np.bool_]) -> list[Ints]:
    """Machines that share an operation, transitively."""
    root = np.arange(can.shape[1])
    for row in can:
        at = np.flatnonzero(row)
        if len(at) > 1:
            low = root[at].min()
            for other in np.unique(root[at]):
                root[root == other] = low
    return [np.flatnonzero(root == one) for one in np.unique(root)]
