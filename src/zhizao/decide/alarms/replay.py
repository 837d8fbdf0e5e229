"""What a proposed limit or delay would have done on recorded history, before it is set; and a proposal against chatter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhizao.decide.alarms.health import in_chatter
from zhizao.decide.alarms.judge import Turn, changed, judged
from zhizao.model import AlarmCard, Condition

__all__ = ["Effect", "effect", "intervals", "propose", "violations"]

_S = 1_000_000_000
DELAYS_S = (0.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0)
_BANDS = (0.0, 1.0, 2.0, 3.0, 5.0)
_TWIN = 60.0
_ALARM_S, _CHATTER_S, _IDLE = 30.0, 120.0, 0.1
"""Seconds of attention that an alarm takes, those more of one in chatter, and those of a second that it stands idly."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Two settings of an alarm on the same history.

    Parameters
    ----------
    before, after : alarms raised as it is set and as it is proposed
    chatter_before, chatter_after : of them, those within three in a minute
    events : true stops or violations in the history
    detected_before, detected_after : of them, those that an alarm preceded or met
    lost : detected as it is set, and no longer
    won : detected only as it is proposed
    delay_s : how much later events are told, mean over those that both detect; None without one
    delay_max_s : greatest of it
    stood_before_s, stood_after_s : seconds for which the alarm stood
    idle_before_s, idle_after_s : of them, those in which the value was not beyond the present limit
    """

    before: int
    after: int
    chatter_before: int
    chatter_after: int
    events: int
    detected_before: int
    detected_after: int
    lost: int
    won: int
    delay_s: float | None
    delay_max_s: float | None
    stood_before_s: float
    stood_after_s: float
    idle_before_s: float
    idle_after_s: float

    @property
    def cost_s(self) -> float:
        """What the proposed setting costs the operator, in seconds of attention; the weights are stated in `propose`."""
        waited = (self.delay_s or 0.0) * self.detected_after
        return _ALARM_S * self.after + _CHATTER_S * self.chatter_after + _IDLE * self.idle_after_s + waited


def intervals(turns: Sequence[Turn], end: int) -> NDArray[np.int64]:
    """Raised and cleared times, (n, 2); one that still stands ends at the end."""
    out: list[tuple[int, int]] = []
    begun = -1
    for turn in turns:
        if turn.raised:
            begun = turn.at
        elif begun >= 0:
            out.append((begun, turn.at))
            begun = -1
    if begun >= 0:
        out.append((begun, max(end, begun)))
    return np.array(out, np.int64).reshape(-1, 2)


def violations(
    card: AlarmCard, at: NDArray[np.int64], value: NDArray[np.float64], good: NDArray[np.bool_], hold_s: float, end: int
) -> NDArray[np.int64]:
    """Times in which the value stayed beyond the limit of a card for `hold_s` at least: what an alarm must tell.

    Parameters
    ----------
    card : as it is set, its limit counts, its delays do not
    at, value, good : history
    hold_s : seconds
    end : ns
    """
    found = _beyond(card, at, value, good, end)
    return found[found[:, 1] - found[:, 0] >= hold_s * _S]


def _beyond(
    card: AlarmCard, at: NDArray[np.int64], value: NDArray[np.float64], good: NDArray[np.bool_], end: int
) -> NDArray[np.int64]:
    """Times in which the condition of a card held, without its deadband and delays (silence needs one)."""
    on = card.on_delay_s if card.condition is Condition.SILENT else 0.0
    bare = changed(card, deadband=0.0, on_delay_s=on, off_delay_s=0.0)
    return intervals(judged(bare, at, value, good, end), end)


def _idle_s(alarms: NDArray[np.int64], beyond: NDArray[np.int64]) -> float:
    """Seconds of the first times that lie in none of the second; both are in order and apart."""
    lengths = beyond[:, 1] - beyond[:, 0]
    sums = np.concatenate(([0], np.cumsum(lengths)))

    def until(time: NDArray[np.int64]) -> NDArray[np.int64]:
        number = np.searchsorted(beyond[:, 0], time, side="right")
        last = np.maximum(number - 1, 0)
        over = beyond[last, 1] - time if len(beyond) else np.zeros(len(time), np.int64)
        inside: NDArray[np.int64] = sums[number] - np.where(number > 0, np.maximum(over, 0), 0)
        return inside

    stood = alarms[:, 1] - alarms[:, 0]
    return float((stood - until(alarms[:, 1]) + until(alarms[:, 0])).sum() / _S)


def effect(
    now: AlarmCard, then: AlarmCard, at: NDArray[np.int64], value: NDArray[np.float64], good: NDArray[np.bool_],
    events: NDArray[np.int64], end: int, *, lead_s: float = 600.0, beyond: NDArray[np.int64] | None = None,
) -> Effect:  # fmt: skip
    """Replay both settings.

    Parameters
    ----------
    now, then : as it is set, as it is proposed
    at, value, good : history of the signal in the order of time
    events : begin and end of what truly happened, (n, 2) in ns
    end : of the history, ns
    lead_s : an alarm that stood or was raised so many seconds before an event, or in it, has told of it
    beyond : times beyond the present limit, (n, 2) in ns; found where they are not given

    Examples
    --------
    >>> at = np.arange(8) * 10 * 1_000_000_000
    >>> value = np.array([60, 71, 69, 71, 69, 71, 60, 60.0])
    >>> card = AlarmCard(tag="t", condition="high", limit=70)
    >>> found = effect(card, changed(card, deadband=2.0), at, value, value > 0, np.zeros((0, 2), np.int64), 80)
    >>> found.before, found.after, found.chatter_before
    (3, 1, 3)
    """
    old, new = (intervals(judged(card, at, value, good, end), end) for card in (now, then))
    first, second = (_told(one, events, lead_s) for one in (old, new))
    true = _beyond(now, at, value, good, end) if beyond is None else beyond
    both = (first >= 0) & (second >= 0)
    later = (second[both] - first[both]) / _S
    return Effect(
        len(old), len(new), int(in_chatter(old[:, 0]).sum()), int(in_chatter(new[:, 0]).sum()), len(events),
        int((first >= 0).sum()), int((second >= 0).sum()), int(((first >= 0) & (second < 0)).sum()),
        int(((first < 0) & (second >= 0)).sum()), float(later.mean()) if both.any() else None,
        float(later.max()) if both.any() else None, float((old[:, 1] - old[:, 0]).sum() / _S),
        float((new[:, 1] - new[:, 0]).sum() / _S), _idle_s(old, true), _idle_s(new, true),
    )  # fmt: skip


def _told(alarms: NDArray[np.int64], events: NDArray[np.int64], lead_s: float) -> NDArray[np.int64]:
    """Time at which each event was told, -1 for not: the first alarm that stands within its lead time or in it."""
    told = np.full(len(events), -1, np.int64)
    for number, (begin, end) in enumerate(events.tolist()):
        early = begin - round(lead_s * _S)
        which = np.flatnonzero((alarms[:, 0] <= end) & (alarms[:, 1] >= early))
        if len(which):
            told[number] = max(int(alarms[which[0], 0]), early)
    return told


def propose(
    card: AlarmCard, at: NDArray[np.int64], value: NDArray[np.float64], good: NDArray[np.bool_],
    events: NDArray[np.int64], end: int, *, lead_s: float = 600.0,
) -> tuple[AlarmCard, Effect]:  # fmt: skip
    """The deadband and delays that lose no event and cost the operator least.

    Deadbands are multiples of the noise of the signal (the median step between samples), delays those of the standard's
    practice (ISA-18.2 clause 10). An alarm costs half a minute of attention, one in chatter two minutes more, ten seconds in
    which an alarm stands while the value is not beyond its limit cost one, and each second that an event is told later costs
    one, as does each of the on-delay. So quiet is not bought with an alarm that stands for hours, nor with one that comes too late.

    Parameters
    ----------
    card, at, value, good, events, end, lead_s : as for `effect`
    """
    fine = value[good & ~np.isnan(value)]
    steps = np.abs(np.diff(fine))
    noise = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    banded = card.condition not in (Condition.DISCRETE, Condition.TEXT, Condition.SILENT)
    bands = sorted({card.deadband, *(_rounded(many * noise) for many in _BANDS)}) if banded else [card.deadband]
    if card.condition is Condition.DEVIATION:
        bands = [band for band in bands if band < (card.limit or 0)]
    floor = card.on_delay_s if card.condition is Condition.SILENT else 0.0
    beyond = _beyond(card, at, value, good, end)
    best: tuple[tuple[Any, ...], AlarmCard, Effect] | None = None
    for band in bands:
        for on in sorted({card.on_delay_s, *(delay for delay in DELAYS_S if delay <= _TWIN and delay >= floor)}):
            for off in sorted({card.off_delay_s, *DELAYS_S}):
                then = changed(card, deadband=band, on_delay_s=on, off_delay_s=off)
                found = effect(card, then, at, value, good, events, end, lead_s=lead_s, beyond=beyond)
                if found.lost:
                    continue
                cost = (round(found.cost_s + on, 6), on, off, band)
                if best is None or cost < best[0]:
                    best = cost, then, found
    if best is None:  # the card itself loses nothing, so there always is one
        raise AssertionError("no setting was tried")
    return best[1], best[2]


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
