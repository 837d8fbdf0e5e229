"""The kernel's arithmetic of time and pieces: when work gets done in working hours, on machines that break down.

Kernel source: plain loops, run by Python as they stand or compiled by Numba (see `kernel`).
"""

from __future__ import annotations

import math

from .kernel_records import Floor, Machine

__all__ = ["at_work", "bad_pieces", "machined", "worked"]


def at_work(k: int, now: float, f: Floor) -> bool:
    """Whether calendar k (-1 = always) is in a working interval; times asked for never fall."""
    calendars = f.calendars
    on = f.on
    off = f.off
    if k < 0:
        return True
    calendar = calendars[k]
    i = calendar.at
    while i < calendar.last and off[i] <= now:
        i += 1
    calendar.at = i
    return i < calendar.last and on[i] <= now


def worked(t: float, need: float, a: int, b: int, f: Floor) -> float:
    """When `need` seconds of work begun at t are done, in the hours that calendars a and b share (-1 = always)."""
    calendars = f.calendars
    on = f.on
    off = f.off
    if need <= 0.0:
        return t
    if a < 0:
        a = b
        b = -1
    if a < 0:
        return t + need
    if a == b:
        b = -1
    i = calendars[a].at
    i_last = calendars[a].last
    if i > calendars[a].first and off[i - 1] > t:
        i = calendars[a].first
    if b < 0:
        while i < i_last:
            low = max(t, on[i])
            room = off[i] - low
            if room > 0.0:
                if need <= room:
                    return low + need
                need -= room
            i += 1
        return math.inf
    k = calendars[b].at
    k_last = calendars[b].last
    if k > calendars[b].first and off[k - 1] > t:
        k = calendars[b].first
    while i < i_last and k < k_last:
        low = max(t, on[i], on[k])
        room = min(off[i], off[k]) - low
        if room > 0.0:
            if need <= room:
                return low + need
            need -= room
        if off[i] <= off[k]:
            i += 1
        else:
            k += 1
    return math.inf


def machined(t: float, need: float, machine: Machine, b: int, f: Floor) -> float:
    """As `worked`, on a machine that breaks down after busy time and is repaired round the clock."""
    break_after = f.break_after
    repair = f.repair
    while machine.next_break < machine.last_break and machine.up_left_s < need:
        t = worked(t, machine.up_left_s, machine.calendar, b, f) + repair[machine.next_break]
        need -= machine.up_left_s
        machine.next_break += 1
        if machine.next_break < machine.last_break:
            machine.up_left_s = break_after[machine.next_break]
    machine.up_left_s -= max(need, 0.0)
    return worked(t, need, machine.calendar, b, f)


def bad_pieces(pieces: float, p: float, u: float) -> float:
    """Quantile u of the binomial law: never fewer bad pieces for a larger u or a larger p."""
    n = float(math.floor(pieces + 0.5))
    if n <= 0.0 or p <= 0.0 or u <= 0.0:
        return 0.0
    if p >= 1.0:
        return n
    odds = p / (1.0 - p)
    zero = n * math.log1p(-p)
    if zero > -600.0:
        k = 0.0
        mass = math.exp(zero)
        below = 0.0
    else:
        k = float(math.floor((n + 1.0) * p))
        log_mass = math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)
        mass = math.exp(log_mass + k * math.log(p) + (n - k) * math.log1p(-p))
        while k > 0.0 and mass > 1e-30:
            mass *= k / ((n - k + 1.0) * odds)
            k -= 1.0
        below = 0.0
    while k < n:
        below += mass
        if below >= u:
            return k
        mass *= (n - k) / (k + 1.0) * odds
        k += 1.0
        if below > 0.5 and below + mass == below:
            return k
    return n
