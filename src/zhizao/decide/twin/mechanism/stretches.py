"""A step as its shop would report it: one stretch per shift and person, without the hours in which nobody worked."""

from __future__ import annotations

from functools import lru_cache

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
    if not len(machine):
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    people = len(shop.people) + 1
    cuts = np.asarray(cuts_s, np.float64).tobytes()
    pair = (machine + 1) * people + person + 1
    by_pair = np.argsort(pair, kind="stable")
    keys, begins = np.unique(pair[by_pair], return_index=True)
    # where the hours of each step's machine and person begin among all hours, the first and how many the step meets
    first, count = np.zeros(len(pair), np.int64), np.ones(len(pair), np.int64)
    hours, offset = [(np.zeros(1), np.zeros(1))], 1
    for key, mine in zip(keys.tolist(), np.split(by_pair, begins[1:]), strict=True):
        m, p = divmod(key, people)
        together = _both(_calendars(shop, m - 1, p - 1), cuts if p > 0 else _NO_CUTS)
        if together is None:
            continue
        on, off = together
        low = np.searchsorted(off, begin_s[mine], "right")
        high = np.minimum(np.maximum(np.searchsorted(on, end_s[mine], "left"), low + 1), len(on))
        low = np.minimum(low, np.maximum(high - 1, 0))
        first[mine], count[mine] = low + offset, high - low
        hours.append(together)
        offset += len(on)
    step = np.repeat(np.arange(len(pair)), count)
    place = np.arange(len(step)) - np.repeat(np.cumsum(count) - count, count)
    at = place + first[step]
    a = np.maximum(np.concatenate([on for on, _ in hours])[at], begin_s[step])
    b = np.minimum(np.concatenate([off for _, off in hours])[at], end_s[step])
    # the first stretch begins, and the last one ends, with the step itself
    a = np.where(place == 0, begin_s[step], a)
    b = np.where(place == count[step] - 1, end_s[step], b)
    return step, a, np.maximum(b, a)


_NO_CUTS = b""


def _calendars(shop: Shop, machine: int, person: int) -> tuple[bytes, ...]:
    """Working hours of a machine and of a person, on and off in turn; whoever has no calendar works always."""
    codes = [int(shop.machine_calendar[machine])] if machine >= 0 else []
    codes += [int(shop.person_calendar[person])] if person >= 0 else []
    spans = [slice(int(shop.calendar_ptr[c]), int(shop.calendar_ptr[c + 1])) for c in codes if c >= 0]
    return tuple(hours[span].tobytes() for span in spans for hours in (shop.on_s, shop.off_s))


@lru_cache(maxsize=1024)
def _both(calendars: tuple[bytes, ...], cuts: bytes) -> tuple[Floats, Floats] | None:
    """Hours in which machine and person are both at work, cut at the changes of shift; None = always.

    Arrays are given as their bytes, so that the hours of a pair are worked out once for the many runs that share them.
    """
    if not calendars:
        return None
    given = [np.frombuffer(one) for one in calendars]
    use = np.frombuffer(cuts)
    edge = np.unique(np.concatenate([*given, use]))
    if len(edge) < 2:
        return None
    middle = (edge[1:] + edge[:-1]) / 2
    works = np.ones(len(middle), bool)
    for on, off in zip(given[::2], given[1::2], strict=True):
        works &= np.searchsorted(on, middle, "right") - np.searchsorted(off, middle, "right") > 0
    if not works.any():
        return None
    # neighbours that belong together: same state and no change of shift between them
    joined = works[1:] & works[:-1] & ~np.isin(edge[1:-1], use)
    begin = np.flatnonzero(works & ~np.concatenate([[False], joined]))
    stop = np.flatnonzero(works & ~np.concatenate([joined, [False]]))
    return edge[begin], edge[stop + 1]
