"""The sections of the report as HTML text, each from the pilot's finding alone."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from zhizao.pilot.report import charts
from zhizao.pilot.report.words import WORDS, listed, observation, trust_reason, word
from zhizao.pilot.result import FIGURES, TARGETS, FigureResult, LeverResult

if TYPE_CHECKING:
    from zhizao.pilot.run import Pilot

__all__ = [
    "believe",
    "cards",
    "head",
    "lever_label",
    "lever_text",
    "levers",
    "missing",
    "reason_text",
    "title",
    "todo",
    "where",
]

_PARTS = ("p1", "p2", "p3", "p4", "p5", "p6", "p7")


def _percent(change: float) -> str:
    return f"{100 * change:+.0f}".replace("-", "−")


def title(pilot: Pilot, lang: str) -> str:
    """A sentence about the finding."""
    result = pilot.result
    if not result.fidelity.trusted:
        return word("title_not_trusted", lang)
    promised = [(one.change or 0.0, name) for name, one in result.figures.items() if one.promised]
    if not promised:
        return word("title_none", lang)
    change, name = min(promised)
    figure = word(name, lang)
    return word("title_promise", lang, figure=figure, change=f"{-100 * change:.0f}")


def head(pilot: Pilot, lang: str, sentence: str) -> str:
    """Title and what it is about."""
    result = pilot.result
    line = word(
        "sub",
        lang,
        plant=result.plant,
        orders=f"{result.orders:,}",
        operations=f"{result.operations:,}",
        start=result.period[0][:10],
        end=result.period[1][:10],
    )
    return f'<h1>{escape(sentence)}</h1><p class="sub">{escape(line)}</p>'


def _amount(value: float, unit: str) -> str:
    if unit == "1":
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _unit(unit: str, lang: str) -> str:
    if "/" in unit:
        money, per = unit.split("/", 1)
        return f"{money} {word('unit.' + per, lang)}"
    return word("unit." + unit, lang)


def cards(pilot: Pilot, lang: str) -> str:
    """The three figures: before, after, against 30 % and 50 %."""
    shown = []
    for name in FIGURES:
        one = pilot.result.figures[name]
        shown.append(f'<div class="card"><h3>{escape(word(name, lang))}</h3>{_card(name, one, lang)}</div>')
    return f'<div class="cards">{"".join(shown)}</div>'


def _card(name: str, one: FigureResult, lang: str) -> str:
    if one.before is None:
        return f"<p>{escape(word('no_figure', lang, reason=reason_text(one.reason, lang)))}</p>"
    unit = escape(_unit(one.unit, lang))
    if not one.promised or one.after is None or one.change is None or one.low is None or one.high is None:
        reason = word("no_promise", lang, reason=reason_text(one.reason or "no_lever_helps", lang))
        return f'<div class="big"><a href="#records" style="color:inherit;text-decoration:none">{_amount(one.before, one.unit)}</a> <small>{unit}</small></div><p class="small">{escape(reason)}</p>'
    marks = []
    for target, reached in zip(TARGETS, one.reached, strict=True):
        state = "reached" if reached else "within" if one.low <= target <= one.high else "missed"
        marks.append(f'<div class="small">{escape(word("target." + state, lang, target=f"{-100 * target:.0f}"))}</div>')
    chart = charts.target_bar(one.change, one.low, one.high, TARGETS, f"{word(name, lang)} {_percent(one.change)} %")
    between = word("interval", lang, low=_percent(one.low), high=_percent(one.high))
    return (
        f'<div class="big">{_percent(one.change)} %</div>'
        f'<div class="was"><a href="#records" style="color:inherit">{_amount(one.before, one.unit)}</a> → {_amount(one.after, one.unit)} {unit}</div>'
        f'{chart}<div class="small">{escape(between)}</div>{"".join(marks)}'
    )


def reason_text(reason: str, lang: str) -> str:
    """Why there is no figure or no promise, from its code."""
    from zhizao.account import words as account_words

    if "reason." + reason in WORDS:
        return word("reason." + reason, lang)
    if "note." + reason in WORDS:
        return word("note." + reason, lang)
    name, _, why = reason.partition(": ")
    try:
        said = account_words.reason_of(why or name, "zh" if lang == "zh" else "en") if reason else ""
    except KeyError:
        return reason
    key = next((key for key in ("c." + name, name) if key in WORDS), "")
    return f"{word(key, lang)}{'：' if lang == 'zh' else ': '}{said}" if why and key else said


def believe(pilot: Pilot, lang: str) -> str:
    """The twin's test, the account of records, the assumptions."""
    result = pilot.result
    trust = result.fidelity
    kind, verdict = ("yes", "trusted") if trust.trusted else ("no", "not_trusted")
    parts = [f"<h2>{escape(word('believe', lang))}</h2>"]
    if pilot.fidelity is not None:
        parts.append(f"<p>{escape(word('believe.text', lang, cut=trust.cut[:16]))}</p>")
    parts.append(f'<div class="verdict {kind}">{"✓" if trust.trusted else "✗"} {escape(word(verdict, lang))}</div>')
    if not trust.trusted:
        parts.extend(f"<p>{escape(trust_reason(reason, lang))}</p>" for reason in trust.reasons)
    if pilot.fidelity is not None:
        rows = "".join(_measure_row(name, one, lang) for name, one in trust.measures.items())
        heads = "".join(f'<th class="n">{escape(word(name, lang))}</th>' for name in ("twin", "noise_floor", "naive"))
        parts.append(
            f'<div class="wide"><table><tr><th>{escape(word("measure", lang))}</th>{heads}</tr>{rows}</table></div>'
        )
    account = result.records
    counts = word(
        "account.text", lang, read=f"{account.read:,}", stored=f"{account.stored:,}", rejected=f"{account.rejected:,}",
        duplicate=f"{account.duplicate:,}",
    )  # fmt: skip
    causes = listed((f"{word(f'cause.{name}', lang)} {count:,}" for name, count in account.reasons.items()), lang)
    if causes:
        counts += f"（{causes}）" if lang == "zh" else f" ({causes})"
    parts.append(f"<h3>{escape(word('account', lang))}</h3><p>{escape(counts)}</p>")
    if result.assumptions:
        money = str(result.assumptions.get("rates.currency", pilot.plant.rates.currency))
        items = " · ".join(
            f'<span class="nw">{escape(_assumed(name, value, money, lang))}</span>'
            for name, value in result.assumptions.items()
        )
        parts.append(
            f"<h3>{escape(word('assumptions', lang))}</h3><p>{items}</p><p class='small'>{escape(word('assumptions.text', lang))}</p>"
        )
    return "".join(parts)


def _assumed(name: str, value: float | str, money: str, lang: str) -> str:
    """A setting that nobody gave, with its value in its unit."""
    said = str(value)
    if name == "rates.holding_per_year":
        said = f"{100 * float(value):g}\u00a0%"
    elif name.startswith("rates.") and not isinstance(value, str):
        said = f"{value:g}\u00a0{money}"
    return f"{word(f'assume.{name}', lang) if f'assume.{name}' in WORDS else name} = {said}"


def _measure_row(name: str, one: Any, lang: str) -> str:
    def show(value: float | None) -> str:
        return (
            "–" if value is None else f"{value:.3f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
        )

    beats = one.twin is not None and one.naive is not None and one.twin <= one.naive
    best = ' style="font-weight:650"' if beats else ""
    return (
        f"<tr><td>{escape(word('m.' + name, lang) if 'm.' + name in WORDS else name)}</td><td class='n'{best}>{show(one.twin)}</td>"
        f"<td class='n'>{show(one.noise_floor)}</td><td class='n'>{show(one.naive)}</td></tr>"
    )


def lever_text(lever: LeverResult, lang: str) -> str:
    """One lever in words."""
    key = "k." + lever.kind
    values: dict[str, Any] = {"every_h": "", "takes_h": "", "rule": "", **lever.setting}
    names = listed(lever.setting, lang)
    if lever.kind == "assignment":
        key = "k.people" if lever.scope == "people" else key
        values["scope"] = listed(lever.setting, lang)
        names = listed((name for who in lever.setting.values() for name in who), lang)
    if "rule." + str(values["rule"]) in WORDS:
        values["rule"] = word("rule." + str(values["rule"]), lang)
    scope = word("plant", lang) if lever.scope == "plant" else lever.scope
    return word(key, lang, **{"scope": scope, **values, "names": names})


def lever_label(lever: LeverResult, lang: str) -> str:
    """One lever, or the group that it stands for, in the few words that a chart has room for."""
    values: dict[str, Any] = {"every_h": "", "rule": "", **lever.setting}
    key: str = lever.kind
    if lever.kind in ("dispatch", "setup_family"):
        values["rule"] = word(f"rule.{values['rule']}", lang).partition(" (")[0].partition("（")[0]
    if lever.kind == "hours":
        values["way"] = lever.group.partition(":")[2]
    if lever.kind == "assignment":
        key = "people" if lever.scope == "people" else key
        who = [str(name) for names in lever.setting.values() for name in names]
        values.update(operation=listed(lever.setting, lang), names=listed(who, lang), n=len(who), first=who[0])
    return word(f"lever.{key}", lang, **values).strip()


def todo(pilot: Pilot, lang: str) -> str:
    """The chosen levers as a list of things to do."""
    chosen = [one for one in pilot.result.levers if one.chosen]
    head = f"<h2>{escape(word('do', lang))}</h2>"
    if not chosen:
        return head + f"<p>{escape(word('do.none', lang))}</p>"
    merged: dict[str, list[LeverResult]] = {}
    for one in chosen:
        merged.setdefault(one.group or one.scope, []).append(one)
    items = []
    for group in merged.values():
        first = group[0]
        if first.kind in ("dispatch", "setup_family") and len(group) > 1:
            first = first.model_copy(update={"scope": listed((one.scope for one in group), lang)})
        cost = (
            f" · {escape(word('cost', lang))} {first.cost:,.0f} {escape(pilot.result.currency)}" if first.cost else ""
        )
        items.append(
            f"<li>{escape(lever_text(first, lang))}<div class='why'>{escape(observation(first.why, lang))}{cost}</div></li>"
        )
    return f"{head}<ol class='todo'>{''.join(items)}</ol><p class='small'>{escape(word('do.files', lang))}</p>"


def where(pilot: Pilot, lang: str) -> str:
    """Where time and money go today."""
    from zhizao.account import production_cycle

    parts = [f"<h2>{escape(word('where', lang))}</h2><div class='two'>"]
    cycle = production_cycle(pilot.log, pilot.plant)
    split = [
        (word("s." + name, lang), value, kind)
        for (name, value), kind in zip(cycle.parts_h.items(), _PARTS, strict=False)
    ]
    parts.append(
        f"<div><h3>{escape(word('where.cycle', lang))}</h3>{charts.stacked(split, word('where.cycle', lang), 'h')}</div>"
    )
    money = [
        (word("c." + name, lang), value, kind)
        for (name, value), kind in zip(pilot.figures.cost_parts.items(), _PARTS, strict=False)
        if value
    ]
    if money:
        chart = charts.stacked(money, word("where.cost", lang), pilot.result.currency)
        parts.append(f"<div><h3>{escape(word('where.cost', lang))}</h3>{chart}</div>")
    parts.append("</div>")
    parts.append(_machines(pilot, lang))
    parts.append(_defects(pilot, lang))
    parts.append(_trend(pilot, cycle.orders, lang))
    return "".join(parts)


def _machines(pilot: Pilot, lang: str) -> str:
    names, base = pilot.scene.shop.machines, pilot.base
    if not names:
        return ""
    order = np.argsort(-base.waiting_h)[:12]
    rows: list[tuple[str, float, float | None, float | None]] = [
        (names[m], float(base.waiting_h[m]), None, None) for m in order if base.waiting_h[m] > 0
    ]
    load: list[tuple[str, float, float | None, float | None]] = [
        (names[m], 100 * float(base.busy[m]), None, None) for m in np.argsort(-base.busy)[:12]
    ]
    waits, busy = (word(key, lang) for key in _HEADS[_kind_of(pilot)])
    return (
        f"<div class='two'><div><h3>{escape(waits)}</h3>{charts.bars(rows, waits, 'h')}</div>"
        f"<div><h3>{escape(busy)}</h3>{charts.bars(load, busy, '%')}</div></div>"
    )


_HEADS = {
    "machines": ("where.machines", "where.load"),
    "people": ("where.people", "where.people_load"),
    "resources": ("where.resources", "where.resources_load"),
}


def _kind_of(pilot: Pilot) -> str:
    """What the twin's machines are: where the records name no machine, those who do the work stand in for them."""
    frame = pilot.log.frame
    machines = set(frame["machine"].drop_nulls().unique())
    people = set(frame["person"].drop_nulls().unique()) - machines
    here = [name in people for name in pilot.scene.shop.machines]
    return "people" if here and all(here) else "resources" if any(here) else "machines"


def _defects(pilot: Pilot, lang: str) -> str:
    from zhizao.pilot.quality import rates_by

    if not pilot.mechanism.defects.known:
        return ""
    parts = []
    for key, rates in zip(("where.defects", "where.defects.people"), rates_by(pilot.mechanism), strict=True):
        if rates:
            label = word(key, lang)
            shown = [(name, 100 * rate, None, None) for name, rate in sorted(rates[:12], key=lambda one: -one[1])]
            parts.append(f"<div><h3>{escape(label)}</h3>{charts.bars(shown, label, '%')}</div>")
    return f"<div class='two'>{''.join(parts)}</div>" if parts else ""


def _trend(pilot: Pilot, orders: pl.DataFrame, lang: str) -> str:
    weekly = (
        orders.with_columns(week=pl.col("end").dt.convert_time_zone(pilot.log.zone).dt.truncate("1w"))
        .group_by("week")
        .agg(pl.col("cycle_h").mean(), pl.len())
        .sort("week")
    )
    if weekly.height < 3:
        return ""
    names = [one.strftime("%m-%d") for one in weekly["week"].to_list()]
    chart = charts.lines(
        [(word("production_cycle", lang), weekly["cycle_h"].to_list(), "l1")], names, word("where.trend", lang), "h"
    )
    return f"<h3>{escape(word('where.trend', lang))}</h3><div class='narrow'>{chart}</div>"


def levers(pilot: Pilot, lang: str) -> str:
    """Levers tried, each alone, and the Pareto front."""
    result = pilot.result
    parts = [f"<h2>{escape(word('levers', lang))}</h2>"]
    groups: dict[str, LeverResult] = {}
    for one in result.levers:
        groups.setdefault(one.group or one.scope, one)
    if not groups:
        return parts[0] + f"<p>{escape(word('levers.none', lang))}</p>"
    parts.append(f"<p>{escape(word('levers.text', lang))}</p>")
    for name in FIGURES:
        rows = [
            (
                lever_label(one, lang),
                one.figures[name].change,
                one.figures[name].low,
                one.figures[name].high,
                one.chosen,
            )
            for one in groups.values()
            if name in one.figures
        ]
        if any(abs(row[1]) > 5e-4 for row in rows):
            rows.sort(key=lambda row: row[1])
            parts.append(
                f"<h3>{escape(word(name, lang))}</h3><div class='narrow'>{charts.forest(rows, word(name, lang), TARGETS)}</div>"
            )
    points = [
        (
            " + ".join(lever_label(groups[name], lang) if name in groups else name for name in one.levers) or "–",
            one.figures[FIGURES[0]].change,
            one.figures[FIGURES[1]].change,
            one.chosen,
        )
        for one in result.front
        if FIGURES[0] in one.figures and FIGURES[1] in one.figures
    ]
    if len(points) > 1:
        chart = charts.front(points, word("front", lang), word(FIGURES[0], lang), word(FIGURES[1], lang))
        parts.append(
            f"<h3>{escape(word('front', lang))}</h3><p>{escape(word('front.text', lang))}</p><div class='narrow'>{chart}</div>"
        )
    return "".join(parts)


def missing(pilot: Pilot, lang: str) -> str:
    """What is not promised, and the data that it would take."""
    notes = [reason_text(note, lang) for note in pilot.result.notes]
    for name, one in pilot.result.figures.items():
        if one.before is None or not pilot.result.fidelity.trusted:
            continue
        for target, reached in zip(TARGETS, one.reached, strict=True):
            if not reached:
                seen = [two.figures[name].change for two in pilot.result.front if name in two.figures]
                best = f"{_percent(min([0.0, *seen]))}\u00a0%"
                notes.append(
                    word("note.target", lang, figure=word(name, lang), target=f"{-100 * target:.0f}", best=best)
                )
    if not notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>" for note in dict.fromkeys(notes) if note)
    return f"<h2>{escape(word('missing', lang))}</h2><ul>{items}</ul>"
