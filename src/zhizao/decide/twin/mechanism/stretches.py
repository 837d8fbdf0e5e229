"""A step as its shop would report it: one stretch per shift and person, without the hours in which nobody worked."""

from __future__ import annotations

import numpy as np

from zhizao.decide.twin.shop import Floats, Ints, Shop

__all__ = ["stretches"]


def stretches(
    shop: Shop, machine: Ints, person: Ints, begin_s: Floats, end_s: Floats, cuts_s: Floats
) -> tuple[Ints, Floats, Floats]:
    """Stretches of working time of each step.

    Parameters
    ----------
    shop : calendars
    machine, person : (n,) codes, -1 = none
    begin_s, end_s : (n,) seconds
    cuts_s : sorted times at which a report is closed and a new one begun (change of shift)

    Returns
    -------
    index of the step, begin, end; each step has at least one stretch, in order
    """
    owner, low, high = [], [], []
    pair = (machine + 1) * (len(shop.people) + 1) + person + 1
    for key in np.unique(pair):
        mine = np.flatnonzero(pair == key)
        m, p = divmod(int(key), len(shop.people) + 1)
        on, off = _both(shop, m - 1, p - 1, cuts_s)
        if on is None:
            owner.append(mine)
            low.append(begin_s[mine])
            high.append(end_s[mine])
            continue
        first = np.searchsorted(off, begin_s[mine], "right")
        last = np.maximum(np.searchsorted(on, end_s[mine], "left"), first + 1)
        last = np.minimum(last, len(on))
        first = np.minimum(first, np.maximum(last - 1, 0))
        count = last - first
        which = np.repeat(np.arange(len(mine)), count)
        at = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
        a = np.maximum(on[at], begin_s[mine][which])
        b = np.minimum(off[at], end_s[mine][which])
        # the first stretch begins, and the last one ends, with the step itself
        head = np.concatenate([[True], np.diff(which) > 0]) if len(which) else np.zeros(0, bool)
        tail = np.concatenate([np.diff(which) > 0, [True]]) if len(which) else np.zeros(0, bool)
        a = np.where(head, begin_s[mine][which], a)
        b = np.where(tail, end_s[mine][which], b)
        owner.append(mine[which])
        low.append(a)
        high.append(np.maximum(b, a))
    if not owner:
        empty = np.empty(0)
        return np.empty(0, np.int64), empty, empty
    step, a, b = np.concatenate(owner), np.concatenate(low), np.concatenate(high)
    order = np.lexsort((a, step))
    return step[order], a[order], b[order]


def _both(shop: Shop, machine: int, person: int, cuts_s: Floats) -> tuple[Floats | None, Floats]:
    """Hours in which machine and person are both at work, cut at the changes of shift; None = always."""
    calendars = []
    if machine >= 0 and shop.machine_calendar[machine] >= 0:
        calendars.append(int(shop.machine_calendar[machine]))
    if person >= 0 and shop.person_calendar[person] >= 0:
        calendars.append(int(shop.person_calendar[person]))
    if not calendars:
        return None, np.empty(0)
    parts = [
        (
            shop.on_s[shop.calendar_ptr[c] : shop.calendar_ptr[c + 1]],
            shop.off_s[shop.calendar_ptr[c] : shop.calendar_ptr[c + 1]],
        )
        for c in calendars
    ]
    use = cuts_s if person >= 0 else np.empty(0)
    edge = np.unique(np.concatenate([*(x for part in parts for x in part), use]))
    if len(edge) < 2:
        return None, np.empty(0)
    middle = (edge[1:] + edge[:-1]) / 2
    works = np.ones(len(middle), bool)
    for on, off in parts:
        works &= np.searchsorted(on, middle, "right") - np.searchsorted(off, middle, "right") > 0
    # neighbours that belong together: same state and no change of shift between them
    joined = works[1:] & works[:-1] & ~np.isin(edge[1:-1], use)
    begin = np.flatnonzero(works & ~np.concatenate([[False], joined]))
    stop = np.flatnonzero(works & ~np.concatenate([joined, [False]]))
    return edge[begin], edge[stop + 1]
