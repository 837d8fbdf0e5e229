"""Over-capacity by industry: from a panel to warnings with evidence, since when, and what can be done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from zhizao.programme.alerts.calibrate import Curve
from zhizao.programme.alerts.panel import Panel
from zhizao.programme.alerts.replay import Replayed, date_falls, score, spells_of, watch_panel
from zhizao.programme.alerts.signals import Signal
from zhizao.programme.alerts.warning import Alert, CannotJudge, Evidence, Level, actions_for
from zhizao.programme.alerts.watch import Rule, Watched, open_spells
from zhizao.programme.classes import industries

__all__ = ["OverCapacity", "SignalHistory", "over_capacity"]

Floats = NDArray[np.float64]
ALL = "all"


@dataclass(frozen=True, slots=True)
class OverCapacity:
    """What was found.

    Parameters
    ----------
    alerts : warnings open at the last month, most pressing first
    cannot_judge : what has too little behind it
    replayed : what such warnings were worth on the past of these data
    threshold : pressure at which a warning opens
    curve : false alarms by threshold; None where nothing could be watched
    watched : what the charts say
    panel : the series that were watched, in the order of `watched`
    middle : the median industry and what its charts say, where it was watched
    """

    alerts: tuple[Alert, ...]
    cannot_judge: tuple[CannotJudge, ...]
    replayed: Replayed | None
    threshold: float
    curve: Curve | None
    watched: Watched | None
    panel: Panel | None = None
    middle: tuple[Panel, Watched] | None = None

    def history(self, scope: str) -> tuple[SignalHistory, ...]:
        """Each signal of an industry (or of `all`) month by month, beside what was normal for it then."""
        panel, watched = self.middle if scope == ALL and self.middle is not None else (self.panel, self.watched)
        if panel is None or watched is None or scope not in panel.scopes:
            return ()
        i = panel.scopes.index(scope)
        out = []
        for k, signal in enumerate(panel.signals):
            at, normal, spread = panel.charted[i, k], watched.normal[i, k], watched.spread[i, k]
            rows = [
                tuple(
                    _shown(signal, float(one)) if np.isfinite(one) else None
                    for one in (at[j], normal[j] - 2 * spread[j], normal[j] + 2 * spread[j])
                )
                for j in range(len(panel.months))
            ]
            value, one, other = zip(*rows, strict=True)
            low, high = (one, other) if signal.sign > 0 else (other, one)
            out.append(SignalHistory(signal.key, panel.months, value, low, high))
        return tuple(out)


@dataclass(frozen=True, slots=True)
class SignalHistory:
    """One signal of one industry as people read it; None where there is no reading, or nothing was learned yet.

    Parameters
    ----------
    signal : its key
    months : first day of each period, (t,)
    value, low, high : reading and normal range, in the unit of its evidence, (t,)
    """

    signal: str
    months: tuple[date, ...]
    value: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


def _name(code: str) -> tuple[str, str]:
    if code == ALL:
        return ("全部行业", "all industries")
    known = industries().get(code)
    return (known.zh, known.en) if known else (code, code)


def over_capacity(
    panel: Panel, *, rule: Rule | None = None, budget: float = 1.0, rng: np.random.Generator, lag: int = 0
) -> OverCapacity:
    """Warnings of over-capacity as of the last month of a panel.

    Parameters
    ----------
    panel : series of industries, cut off at the month that is judged
    rule : the evidence rule
    budget : false alarms a year over all industries together
    rng : for the calibration
    lag : months that pass before a reading is known; taken off the lead time
    """
    rule = rule or Rule()
    first = rule.first(panel.period)
    cannot = _too_little(panel, rule)
    barred = {one.scope["industry"] for one in cannot}
    keep = [i for i, code in enumerate(panel.scopes) if code not in barred]
    if not keep:
        return OverCapacity((), tuple(cannot), None, float("nan"), None, None)
    panel = replace(
        panel, scopes=tuple(panel.scopes[i] for i in keep), values=panel.values[keep], charted=panel.charted[keep]
    )
    watched, curve, threshold = watch_panel(panel, rule, budget, rng)
    spells = spells_of(panel, watched, threshold, rule)
    replayed = score(
        spells,
        date_falls(panel, rule),
        length=len(panel.months),
        first=first,
        period=panel.period,
        lag=lag,
        budget=budget,
        pending=2 * panel.period,
    )
    record = replayed.record()
    alerts = [one.with_record(record) for one in _alerts(panel, watched, curve, threshold, budget, rule)]
    middle = None
    if len(panel.scopes) >= rule.others:
        general, middle = _general(panel, rule, budget, rng)
        alerts += [one.with_record(record) for one in general]
    order = {"serious": 0, "warning": 1, "watch": 2}
    alerts.sort(key=lambda one: (order[one.level], -sum(row.vote for row in one.evidence)))
    return OverCapacity(tuple(alerts), tuple(cannot), replayed, threshold, curve, watched, panel, middle)


def _too_little(panel: Panel, rule: Rule) -> list[CannotJudge]:
    """Industries without utilisation, or with too short a past."""
    need = rule.first(panel.period) + 1
    use = panel.series("utilisation")
    out = []
    for i, code in enumerate(panel.scopes):
        known = 0 if use is None else int(np.isfinite(use[i]).sum())
        last = 0 if use is None else int(np.isfinite(use[i, -max(1, panel.period // 2) :]).sum())
        if use is None or known == 0:
            zh, en = "没有产能利用率（或产值和生产能力）", "there is no utilisation (nor output and capacity)"
        elif known < need:
            zh = f"产能利用率只有 {known} 期，学习常态需要 {need} 期"
            en = f"utilisation has {known} readings; {need} are needed to learn what is normal"
        elif last == 0:
            zh, en = "近期没有产能利用率", "utilisation has no recent reading"
        else:
            continue
        out.append(CannotJudge("over_capacity", {"industry": code}, zh, en))
    return out


def _general(
    panel: Panel, rule: Rule, budget: float, rng: np.random.Generator
) -> tuple[list[Alert], tuple[Panel, Watched]]:
    """The median industry watched by its own history: a slump of all is no industry's own, but has to be seen."""
    with np.errstate(invalid="ignore"):
        some = np.isfinite(panel.charted).any(axis=0)
        charted, values = np.full(some.shape, np.nan), np.full(some.shape, np.nan)
        charted[some] = np.nanmedian(panel.charted[:, some], axis=0)
        values[some] = np.nanmedian(panel.values[:, some], axis=0)
    middle = replace(panel, scopes=(ALL,), values=values[None], charted=charted[None])
    share = budget / len(panel.scopes)
    watched, curve, threshold = watch_panel(middle, rule, share, rng)
    return _alerts(middle, watched, curve, threshold, share, rule), (middle, watched)


def _alerts(panel: Panel, watched: Watched, curve: Curve, threshold: float, budget: float, rule: Rule) -> list[Alert]:
    rule = rule.at(panel.period, panel.signals)
    last = len(panel.months) - 1

    def standing(at: float) -> dict[int, int]:
        found = open_spells(watched.pressure, watched.groups, at, rule)
        return {i: opened for i, opened, closed in found if closed < 0}

    warned, seen = standing(threshold), standing(curve.threshold(4 * budget * rule.safety))
    grave = curve.threshold(budget * rule.safety / 4)
    out = []
    for i in sorted({*warned, *seen}):
        opened = warned.get(i, seen.get(i, last))
        level: Level = "watch"
        if i in warned:
            pressing = watched.pressure[i, last] >= max(grave, threshold)
            level = "serious" if pressing and _far_below(panel, watched, i) else "warning"
        rows = _evidence(panel, watched, i, last, opened)
        since = min((one.since for one in rows if one.since), default=panel.months[opened])
        out.append(
            Alert(
                "over_capacity",
                {"industry": panel.scopes[i]},
                _name(panel.scopes[i]),
                level,
                since,
                panel.months[opened],
                tuple(rows),
                actions_for("over_capacity", [one.signal for one in rows if one.vote >= 0.5]),
            )
        )
    return out


def _far_below(panel: Panel, watched: Watched, i: int) -> bool:
    """Whether utilisation has lain below its normal range on the mean of the last half year."""
    k = next((k for k, signal in enumerate(panel.signals) if signal.key == "utilisation"), None)
    if k is None:
        return False
    half = slice(-max(1, panel.period // 2), None)
    apart = (panel.charted[i, k, half] - watched.normal[i, k, half]) / watched.spread[i, k, half]
    return bool(np.isfinite(apart).any() and np.nanmean(apart) >= 2)


def _shown(signal: Signal, charted: float) -> float:
    """A charted value as people read it."""
    plain = signal.sign * charted
    if signal.scale == "log":
        return float(np.exp(plain)) * (100 if signal.percent else 1)
    if signal.scale == "yearly":
        return float(np.expm1(plain)) * 100
    return plain * (100 if signal.percent else 1)


def _evidence(panel: Panel, watched: Watched, i: int, last: int, opened: int) -> list[Evidence]:
    """Each signal as it stands now; since when by the chart that stood when the warning opened."""
    rows = []
    for k, signal in enumerate(panel.signals):
        votes = watched.votes[i, k, :, last]
        if not np.isfinite(votes).any():
            continue
        form = int(np.nanargmax(votes))
        normal, spread = watched.normal[i, k, last], watched.spread[i, k, last]
        known = np.flatnonzero(np.isfinite(panel.charted[i, k, : last + 1]))
        value = _shown(signal, float(panel.charted[i, k, known[-1]])) if len(known) else None
        ends = sorted((_shown(signal, normal - 2 * spread), _shown(signal, normal + 2 * spread)))
        then = opened if np.nan_to_num(watched.votes[i, k, form, opened]) >= 0.5 else last
        run = int(watched.run[i, k, form, then])
        began: date | None = panel.months[max(0, then - run + 1)] if run and votes[form] >= 0.5 else None
        rows.append(
            Evidence(
                signal.key,
                signal.zh,
                signal.en,
                value,
                None if np.isnan(ends[0]) else ends[0],
                None if np.isnan(ends[1]) else ends[1],
                "%" if signal.percent or signal.scale == "yearly" else signal.unit,
                "CUSUM of AR(1) residual, " + ("own history" if form == 0 else "against other industries"),
                float(votes[form]),
                began,
            )
        )
    return sorted(rows, key=lambda one: -one.vote)
