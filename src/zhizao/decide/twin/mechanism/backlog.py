"""The orders open at the end of the records, with what is left of each, ready to be run on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zhizao.decide.twin.mechanism.compose import Orders, compose
from zhizao.decide.twin.mechanism.scene import Scene

if TYPE_CHECKING:
    from zhizao.decide.twin.mechanism.mechanism import Mechanism

__all__ = ["open_orders"]

_QUIET_S = 14 * 86400.0
"""An order without any work for so long before the end of the records is not counted as open."""


def open_orders(m: Mechanism, rng: np.random.Generator) -> Scene | None:
    """Scene of the open orders at the end of the records; None when there are none.

    Steps done already stand in it with no time and no machine: rows of its log that begin when they end are no work.

    Parameters
    ----------
    m : what was learned
    rng : draws of the run
    """
    past, visits = m.past, m.visits
    last = np.flatnonzero(np.concatenate([visits.case[1:] != visits.case[:-1], [True]]))
    case, reached = visits.case[last], visits.operation[last]
    finish = past.finish_s[case]
    # operations with which the orders of a product (of all, where it has few) end
    older = finish < past.until_s - _QUIET_S
    ends: dict[int, set[int]] = {}
    for product in np.unique(past.product[case]):
        mine = older & (past.product[case] == product)
        mine = mine if mine.sum() >= 5 else older
        codes, count = np.unique(reached[mine], return_counts=True)
        ends[int(product)] = set(codes[count >= 0.05 * count.sum()].tolist()) if len(codes) else set()
    running = ~np.isfinite(visits.end_s[last])
    closed = np.array([op in ends[int(past.product[c])] for c, op in zip(case, reached, strict=True)])
    open_ = np.flatnonzero((running | ~closed) & ~older)
    models = case[older]
    if not len(open_) or not len(models):
        return None
    size = np.where(past.quantity > 0, past.quantity, 1.0)
    donors, skip = [], []
    for at in open_:
        c = case[at]
        same = models[past.product[models] == past.product[c]]
        pool = same if len(same) else models
        near = pool[np.argsort(np.abs(np.log(size[pool] / size[c])), kind="stable")[:20]]
        done = None
        for donor in near:
            route = visits.operation[(visits.case == donor) & ~visits.rework]
            place = np.flatnonzero(route == reached[at])
            if len(place):
                done = int(place[-1]) + (0 if running[at] else 1)
                break
        if done is None:
            continue
        donors.append((int(at), int(donor)))
        skip.append(done)
    if not donors:
        return None
    rows = np.array([at for at, _ in donors])
    orders = Orders(
        names=tuple(past.orders[case[at]] for at in rows),
        cases=np.array([donor for _, donor in donors], np.int64),
        came_s=np.full(len(rows), past.until_s),
        due_s=past.due_s[case[rows]],
        quantity=past.quantity[case[rows]],
    )
    scene = compose(m, orders, past.until_s, rng)
    work = scene.work
    first = work.first[:-1]
    # steps done already take no time
    position = np.arange(len(work.operation)) - np.repeat(first, np.diff(work.first))
    gone = position < np.repeat(np.array(skip), np.diff(work.first))
    zero = np.where(gone, 0.0, 1.0)
    sizes = np.where(gone, 0, np.diff(work.option_ptr))
    pick = np.flatnonzero(~np.repeat(gone, np.diff(work.option_ptr)))
    work = replace(
        work,
        release_s=np.zeros(len(rows)),
        run_s=work.run_s * zero,
        expected_s=work.expected_s * zero,
        setup_fixed_s=work.setup_fixed_s * zero,
        delay_s=work.delay_s * zero,
        family=np.where(gone, -1, work.family),
        skill=np.where(gone, -1, work.skill),
        gate=np.where(gone & (work.gate >= 0), work.gate, work.gate),
        option_ptr=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        option_machine=work.option_machine[pick],
        option_factor=work.option_factor[pick],
        option_defect=work.option_defect[pick],
    )
    return replace(scene, work=work, lost_rate=scene.lost_rate[pick], late_rate=scene.late_rate[pick])
