"""What a machine really took next: the dispatch rule that best tells the picks from those left waiting."""

from __future__ import annotations

import numpy as np

from zhizao.decide.twin.mechanism.visits import Visits
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["learn_rule", "rule_scores"]

_MOST = 20_000
_TESTED = ("fifo", "lifo", "edd", "spt", "slack")


def learn_rule(
    visits: Visits, ready_s: Floats, due_s: Floats, expected_s: Floats, can: np.ndarray
) -> tuple[str, dict[str, float]]:
    """Rule used and the score of each rule.

    Parameters
    ----------
    visits : (V,)
    ready_s, due_s, expected_s : (V,) when it could have begun, due date of its order, expected work
    can : (O, M) whether an operation is done on a machine

    Returns
    -------
    name of the best rule (fifo when none clearly beats it), {rule: mean share of waiting visits that the rule ranks
    behind the one picked; 0.5 = by chance, 1 = always as the rule says}
    """
    scores = rule_scores(visits, ready_s, due_s, expected_s, can)
    if not scores:
        return "fifo", {}
    best = max(scores, key=lambda rule: scores[rule])
    if scores[best] < max(0.56, scores["fifo"] + 0.03):
        best = "fifo"
    return best, scores


def rule_scores(
    visits: Visits, ready_s: Floats, due_s: Floats, expected_s: Floats, can: np.ndarray
) -> dict[str, float]:
    """Score of each rule over the picks at which at least two visits waited."""
    usable = np.isfinite(ready_s)
    slack = due_s - expected_s
    keys = {"fifo": ready_s, "lifo": -ready_s, "edd": due_s, "spt": expected_s, "slack": slack}
    if not np.isfinite(due_s).any():
        keys = {name: keys[name] for name in ("fifo", "lifo", "spt")}
    total = dict.fromkeys(keys, 0.0)
    picks = 0
    groups = _groups(can)
    for machines in groups:
        mine = np.flatnonzero(usable & np.isin(visits.machine, machines))
        if len(mine) < 20:
            continue
        order = mine[np.argsort(visits.start_s[mine], kind="stable")]
        start, ready = visits.start_s[order], ready_s[order]
        longest = float(np.quantile(start - ready, 0.99)) if len(order) else 0.0
        step = max(1, len(order) * len(groups) // _MOST)
        for at in range(0, len(order), step):
            now = start[at]
            stop = np.searchsorted(start, now + max(longest, 0.0), "right")
            later = np.arange(at + 1, min(stop, at + 400))
            waiting = order[later[(ready[later] < now - 60.0) & (start[later] > now)]]
            waiting = waiting[can[visits.operation[waiting], visits.machine[order[at]]]]
            if not len(waiting) or ready[at] > now - 60.0:
                continue
            picks += 1
            for name, key in keys.items():
                mine_key = key[order[at]]
                others = key[waiting]
                total[name] += float(np.mean((others > mine_key) + 0.5 * (others == mine_key)))
    return {name: value / picks for name, value in total.items()} if picks >= 20 else {}


def _groups(can: np.ndarray) -> list[Ints]:
    """Machines that share an operation, transitively."""
    machines = can.shape[1]
    root = np.arange(machines)
    for row in can:
        at = np.flatnonzero(row)
        if len(at) > 1:
            low = root[at].min()
            for other in np.unique(root[at]):
                root[root == other] = low
    return [np.flatnonzero(root == one) for one in np.unique(root)]
