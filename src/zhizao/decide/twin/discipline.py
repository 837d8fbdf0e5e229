"""What a machine really took next: the order of the queue that best tells the picks from those left waiting."""

from __future__ import annotations

import numpy as np

from zhizao.decide.twin.records import Past
from zhizao.decide.twin.shop import RULES, Floats, Ints
from zhizao.decide.twin.timing import Timing

__all__ = ["learn_rules"]

AHEAD = 30
"""Later picks with which each pick is compared."""
FEWEST = 60
"""Pairs below which nothing is said."""
CLEAR = 0.62
"""Share of pairs in which a rule must be right to be believed."""


def learn_rules(past: Past, timing: Timing) -> tuple[Ints, dict[str, dict[str, float]]]:
    """Dispatch rule per machine, codes into `RULES` (fifo where nothing else is clear), and the scores by machine.

    Two reports of a machine make a pair when the later one could have begun before the earlier one did; a rule is right
    when it ranks the earlier one first. 0.5 is chance. Reports after a wait that was not a queue are left out.
    """
    case = past.case
    ready = past.start_s - timing.since_s
    queued = timing.delay_s <= 0.2 * timing.wait_s  # the wait was a queue, so the order was there to be picked
    due = past.due_s[case]
    expected = np.exp(_mean_log(past, timing.run_s))
    rules = np.full(len(past.machines), RULES.index("fifo"))
    scores: dict[str, dict[str, float]] = {}
    for m, name in enumerate(past.machines):
        rows = np.flatnonzero((past.machine == m) & queued)
        rows = rows[np.argsort(past.start_s[rows], kind="stable")]
        right = {"fifo": [0.0, 0], "edd": [0.0, 0], "spt": [0.0, 0]}
        for ahead in range(1, min(AHEAD, len(rows))):
            one, two = rows[:-ahead], rows[ahead:]
            pair = (ready[two] < past.start_s[one]) & (case[one] != case[two])
            one, two = one[pair], two[pair]
            for rule, key in (("fifo", ready), ("edd", due), ("spt", expected)):
                told = key[one] != key[two]
                told &= ~(np.isnan(key[one]) | np.isnan(key[two]))
                right[rule][0] += float((key[one][told] < key[two][told]).sum())
                right[rule][1] += int(told.sum())
        score = {rule: won / pairs for rule, (won, pairs) in right.items() if pairs >= FEWEST}
        if "fifo" in score:
            score["lifo"] = 1.0 - score["fifo"]
        scores[name] = score
        if score:
            best = max(score, key=lambda rule: score[rule])
            if score[best] >= CLEAR:
                rules[m] = RULES.index(best)
    return rules, scores


def _mean_log(past: Past, run: Floats) -> Floats:
    """Mean log time of the rows of the same kind and product, (R,)."""
    key = past.kind * (len(past.products) + 1) + past.product[past.case] + 1
    key = np.unique(key, return_inverse=True)[1]
    y = np.log(np.maximum(run, 1.0))
    return (np.bincount(key, y) / np.bincount(key))[key]
