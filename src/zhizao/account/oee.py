"""Times and quantities of ISO 22400-2 from a machine's states and counters, and OEE with its losses.

The calendar time of a machine is closed: PBT + PDOT + off shift + silent, with PBT = APT + AUST + ADET + ADOT. What
nobody knows is no part of any figure: it is shown beside them, and as the bounds between which OEE lies. Figures of
several machines are those of their sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.account.calendar import covered_ns
from zhizao.account.kpi import KPIS, KpiValue, evaluate
from zhizao.account.states import STATES, Counter, Timeline, Told
from zhizao.model import State

__all__ = ["LOSSES", "Loss", "OeeParts", "figures", "losses", "oee_parts", "pieces_of", "sum_parts"]

Ints = NDArray[np.int64]
_HOUR_NS = 3.6e12
_N = {state: number for number, state in enumerate(STATES)}

LOSSES = ("setup", "down", "stopped", "idle", "speed", "quality")
"""Losses between planned busy time and the ideal time of good pieces; they add up to 1 - OEE."""


_FIGURES = frozenset(
    {
        "allocation_efficiency",
        "availability",
        "effectiveness",
        "nee",
        "oee",
        "quality_ratio",
        "scrap_ratio",
        "setup_ratio",
        "technical_efficiency",
        "utilisation_efficiency",
    }
)


@dataclass(frozen=True, slots=True)
class OeeParts:
    """Sums behind the figures of one machine, or of several.

    Parameters
    ----------
    calendar_h : all time, h
    times : h by element: APT, AUST, ADET, ADOT, PDOT, OFF, SILENT
    stood : h of planned busy time lost, by (state, reason); "" where nobody said a reason
    pieces, scrap : made, and bad ones of them
    unseen : of the pieces, those that were made while the machine was silent: in no ratio
    ideal_h, ideal_good_h : ideal time of the pieces that count, and of the good ones; None where no ideal is declared
    """

    calendar_h: float
    times: Mapping[str, float]
    stood: Mapping[tuple[str, str], float]
    pieces: float | None
    scrap: float | None
    unseen: float
    ideal_h: float | None
    ideal_good_h: float | None

    @property
    def elements(self) -> dict[str, float]:
        """Elements of ISO 22400-2 by code, h and pieces; what nobody told is absent."""
        t = self.times
        out = {name: t[name] for name in ("APT", "AUST", "ADET", "ADOT")}
        out["AUPT"] = t["APT"] + t["AUST"]
        out["AUBT"] = out["AUPT"] + t["ADET"]
        out["PBT"] = out["AUBT"] + t["ADOT"]
        if self.pieces is not None:
            out["PQ"] = self.pieces - self.unseen
            if self.scrap is not None:
                out |= {"SQ": self.scrap, "GQ": out["PQ"] - self.scrap}
        if self.ideal_h is not None:
            out["PRI_PQ"] = self.ideal_h
            if self.ideal_good_h is not None:
                out["PRI_GQ"] = self.ideal_good_h
        return out

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Between what OEE lies if the silent time brought nothing, or was without a loss; None where OEE is not known.

        A machine that was never silent has both the same.
        """
        e = self.elements
        whole = e["PBT"] + self.times["SILENT"]
        if "PRI_GQ" not in e or whole <= 0:
            return None
        return e["PRI_GQ"] / whole, (e["PRI_GQ"] + self.times["SILENT"]) / whole


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss.

    Parameters
    ----------
    key : one of `LOSSES`
    reason : why, for standing times; "" where nobody said
    hours : of planned busy time; below 0 where pieces were made faster than the ideal
    share : of planned busy time; OEE and all shares add up to 1
    """

    key: str
    reason: str
    hours: float
    share: float


def pieces_of(counter: Counter, begin: int, end: int) -> tuple[Ints, NDArray[np.float64], Ints]:
    """Pieces that a counter told in [begin, end): when, how many, and the time of the sample before.

    A counter that falls was reset and has counted its value since; the first sample of all is where counting begins.

    Parameters
    ----------
    counter : its good samples, from before `begin` when there are any
    begin, end : nanoseconds

    Examples
    --------
    >>> at, n, before = pieces_of(Counter(np.array([0, 10, 20, 30]), np.array([7.0, 9.0, 1.0, 1.0])), 5, 40)
    >>> at.tolist(), n.tolist(), before.tolist()
    ([10, 20], [2.0, 1.0], [0, 10])
    """
    fine = np.isfinite(counter.value) & (counter.value >= 0)
    at, value = counter.at[fine], counter.value[fine]
    step = np.diff(value)
    more = np.where(step < 0, value[1:], step)
    when, before = at[1:], at[:-1]
    keep = (more > 0) & (when >= begin) & (when < end)
    return when[keep], more[keep], before[keep]


def oee_parts(line: Timeline, told: Told, cycle_s: Mapping[str, float], usual_s: float | None = None) -> OeeParts:
    """Times, pieces and ideal times of one machine over the time of a timeline.

    A piece counts when it is told, for the order that was registered just before. Of pieces whose making reaches into a
    silence, the share of it is set apart.

    Parameters
    ----------
    line : its states
    told : its signals, for the counters
    cycle_s : ideal seconds of a piece by order
    usual_s : of all other orders; None when it is not declared

    Examples
    --------
    >>> from zhizao.account.states import Signal, timeline
    >>> from zhizao.model.state import READY_MAPS
    >>> h = 3600 * 10**9
    >>> told = Told(Signal.of([(0, "Executing"), (6 * h, "OutOfService")]), order=Signal.of([(0, "A")]),
    ...     parts=Counter(np.array([0, 5 * h]), np.array([0.0, 10.0])),
    ...     scrap=Counter(np.array([0, 5 * h]), np.array([0.0, 1.0])))
    >>> parts = oee_parts(timeline(told, READY_MAPS["machinery"], 0, 8 * h), told, {}, usual_s=1800.0)
    >>> {name: value.value for name, value in figures(parts).items() if name in ("availability", "effectiveness", "oee")}
    {'availability': 0.75, 'effectiveness': 0.8333333333333334, 'oee': 0.5625}
    >>> [(loss.key, loss.share) for loss in losses(parts)]
    [('down', 0.25), ('speed', 0.125), ('quality', 0.0625)]
    """
    spent = (line.end - line.start).astype(np.float64) / _HOUR_NS
    has_order = line.order >= 0
    knows_order = told.order is not None
    code = line.state
    standing = np.isin(code, [_N[State.IDLE], _N[State.STOPPED], _N[State.DOWN]])
    # without a signal of the order, an idle machine has none and one that stopped has one
    busy = has_order if knows_order else code != _N[State.IDLE]
    times = {
        "APT": float(spent[code == _N[State.PRODUCING]].sum()),
        "AUST": float(spent[code == _N[State.SETUP]].sum()),
        "ADET": float(spent[standing & busy].sum()),
        "ADOT": float(spent[standing & ~busy].sum()),
        "PDOT": float(spent[code == _N[State.PLANNED]].sum()),
        "OFF": float(spent[code == _N[State.OFF]].sum()),
        "SILENT": float(spent[code == _N[State.SILENT]].sum()),
    }
    stood: dict[tuple[str, str], float] = {}
    lost = standing | (code == _N[State.SETUP])
    many = len(line.reasons) + 1
    summed = np.bincount(code[lost] * many + line.reason[lost] + 1, spent[lost], minlength=len(STATES) * many)
    for k in np.flatnonzero(summed).tolist():
        state, reason = divmod(k, many)
        stood[STATES[state].value, line.reasons[reason - 1] if reason else ""] = float(summed[k])
    pieces = scrap = ideal = ideal_good = None
    unseen = 0.0
    if told.parts is not None:
        pieces, seen, ideal = _counted(told.parts, line, cycle_s, usual_s)
        unseen = pieces - seen
        if told.scrap is not None:
            _, scrap, bad = _counted(told.scrap, line, cycle_s, usual_s)
            ideal_good = None if ideal is None or bad is None else ideal - bad
    return OeeParts(float(spent.sum()), times, stood, pieces, scrap, unseen, ideal, ideal_good)


def _counted(
    counter: Counter, line: Timeline, cycle_s: Mapping[str, float], usual_s: float | None
) -> tuple[float, float, float | None]:
    """All pieces, those that were seen, and their ideal hours."""
    begin, end = int(line.start[0]), int(line.end[-1])
    at, number, before = pieces_of(counter, begin, end)
    dark = covered_ns(line.unknown, before, at) / np.maximum(at - before, 1)
    seen = number * (1.0 - dark)
    ideals = np.array([cycle_s.get(order, usual_s or np.nan) for order in line.orders] + [usual_s or np.nan])
    each = ideals[line.order_at(at)]
    hours = (
        None if np.isnan(ideals[-1]) and (not len(at) or np.isnan(each).any()) else float((seen * each).sum()) / 3600
    )
    return float(number.sum()), float(seen.sum()), hours


def sum_parts(parts: Iterable[OeeParts]) -> OeeParts:
    """Sums over machines or over times; what one of them does not know is not known of all.

    Examples
    --------
    >>> one = OeeParts(1.0, {"APT": 1.0}, {}, 2.0, None, 0.0, None, None)
    >>> both = sum_parts([one, one])
    >>> both.calendar_h, both.pieces, both.scrap
    (2.0, 4.0, None)
    """
    every = list(parts)
    names = every[0].times if every else ("APT", "AUST", "ADET", "ADOT", "PDOT", "OFF", "SILENT")
    stood: dict[tuple[str, str], float] = {}
    for part in every:
        for key, hours in part.stood.items():
            stood[key] = stood.get(key, 0.0) + hours

    def whole(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(sum(known)) if every and len(known) == len(every) else None

    return OeeParts(
        float(sum(part.calendar_h for part in every)),
        {name: float(sum(part.times[name] for part in every)) for name in names},
        stood,
        whole([part.pieces for part in every]),
        whole([part.scrap for part in every]),
        float(sum(part.unseen for part in every)),
        whole([part.ideal_h for part in every]),
        whole([part.ideal_good_h for part in every]),
    )


def figures(parts: OeeParts) -> dict[str, KpiValue]:
    """Figures of ISO 22400-2 that states and counters allow, by key; each None has its reason."""
    elements = parts.elements
    return {kpi.key: evaluate(kpi, elements) for kpi in KPIS if kpi.key in _FIGURES}


def losses(parts: OeeParts) -> list[Loss]:
    """What lies between planned busy time and the ideal time of good pieces, greatest first within each kind.

    Speed and quality are there only where an ideal time is declared and scrap is told.
    """
    e = parts.elements
    whole = e["PBT"]
    if whole <= 0:
        return []
    found = [
        Loss(state, reason, hours, hours / whole)
        for (state, reason), hours in sorted(parts.stood.items(), key=lambda item: (LOSSES.index(item[0][0]), -item[1]))
    ]
    if "PRI_PQ" in e:
        found.append(Loss("speed", "", e["APT"] - e["PRI_PQ"], (e["APT"] - e["PRI_PQ"]) / whole))
        if "PRI_GQ" in e:
            found.append(Loss("quality", "", e["PRI_PQ"] - e["PRI_GQ"], (e["PRI_PQ"] - e["PRI_GQ"]) / whole))
    return found
