"""The sections of the evaluation report before its annexes: conclusion, table of results, analysis, gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from zhizao.programme.indicators.definition import Definition, Kind
from zhizao.programme.indicators.open_parts import open_parts
from zhizao.programme.indicators.table import print_target, print_value
from zhizao.programme.outlook.evaluate import Evaluation, IndicatorResult, says_little
from zhizao.programme.outlook.judge import Judgement, State
from zhizao.programme.outlook.reasons import when_text
from zhizao.programme.outlook.report.charts import fan_chart
from zhizao.programme.outlook.report.words import cn_number, state_word, word
from zhizao.programme.outlook.result import SHOWN_YEARS
from zhizao.programme.outlook.track import day_of

__all__ = [
    "analysis",
    "chance_text",
    "conclusion",
    "gaps",
    "kind_text",
    "latest_text",
    "open_text",
    "results",
    "table",
    "why_html",
]

_ORDER = (State.REACHED, State.ON_TRACK, State.AT_RISK, State.OFF_TRACK, State.MISSED, State.CANNOT_JUDGE)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "", numbers: Sequence[int] = ()) -> str:
    """An HTML table; cells are HTML, columns in `numbers` stand to the right."""
    marks = [' class="n"' if i in numbers else "" for i in range(len(head))]
    top = "".join(f"<th{mark}>{escape(one)}</th>" for one, mark in zip(head, marks, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{mark}>{cell}</td>" for cell, mark in zip(row, marks, strict=True)) + "</tr>"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _chip(state: State, lang: str) -> str:
    return f'<span class="chip {state.value}">{state_word(state, lang)}</span>'


def chance_text(one: Judgement, lang: str) -> str:
    """Probability in print: never 0 or 100 %, which no model can know."""
    if one.probability is None:
        return word("none", lang)
    percent = 100.0 * one.probability
    gap = "" if lang == "zh" else " "
    if percent < 1.0:
        return f"&lt;1{gap}%"
    return f"&gt;99{gap}%" if percent > 99.0 else f"{percent:.0f}{gap}%"


def latest_text(one: IndicatorResult, lang: str) -> str:
    """Newest value with its period and source, as HTML."""
    point = one.newest
    seen = point.observation if point is not None else None
    if point is None or seen is None:
        return word("none", lang)
    value = _value(one, point.figure)
    period = (seen.period_zh if lang == "zh" else seen.period_en) or when_text(point.at)
    source = f"<br><span class='p'>{escape(seen.source)}</span>" if seen.source else ""
    mark = f" <span class='p'>{word('use.unverified', lang)}</span>" if seen.unverified else ""
    return f"{value}{mark}<br><span class='p'>{escape(period)}</span>{source}"


def _value(one: IndicatorResult, value: float) -> str:
    places = one.definition.decimals
    while places < one.definition.decimals + 2 and abs(round(value, places) - value) > 1e-9:
        places += 1
    return print_value(one.definition, value, more=places - one.definition.decimals)


def _shown(found: Evaluation, group: str) -> list[tuple[IndicatorResult, Judgement]]:
    """What is counted of a group: the targets of the set asked for, else the plan's, else all."""
    chosen = [one for one in found.results if one.definition.group == group]
    return [(one, each) for one in chosen for each in _shown_targets(found, one)]


def _counts(pairs: Sequence[tuple[IndicatorResult, Judgement]]) -> dict[State, int]:
    return {state: sum(each.state is state for _, each in pairs) for state in _ORDER}


def conclusion(found: Evaluation, lang: str) -> str:
    """Section 1: counts, one line a year, the rule."""
    comma = "、" if lang == "zh" else ", "
    parts = [f"<section><h2>{word('h1', lang)}</h2>"]
    for group in ("table", "own", "column"):
        pairs = _shown(found, group)
        if not pairs:
            continue
        counts = _counts(pairs)
        known = found.catalogue.target_sets
        sets = dict.fromkeys(each.target.target_set for _, each in pairs)
        names = comma.join(known[one].name(lang) if one in known else one for one in sets)
        values = {state.value: n for state, n in counts.items()}
        n_indicators = len({one.definition.id for one, _ in pairs})
        said = word(f"overall.{group}", lang, n=len(pairs), indicators=n_indicators, sets=names)
        comma2 = "，" if lang == "zh" else ", "
        said += comma2.join(word(f"n.{name}", lang, n=n) for name, n in values.items() if n and name != "cannot_judge")
        said += word("overall", lang, n=values["cannot_judge"]) if values["cannot_judge"] else word("stop", lang)
        parts.append(f"<p class='body'>{escape(said)}</p>")
        if group == "column":
            continue
        cards = "".join(
            f'<div class="count {state.value}"><b>{n}</b><span>{state_word(state, lang)}</span></div>'
            for state, n in counts.items()
        )
        parts.append(f"<div class='counts'>{cards}</div><ul>{_years(pairs, lang)}</ul>")
    if found.settings.include_unverified:
        parts.append(f"<p class='body'><strong>{word('unverified_used', lang)}</strong></p>")
    parts.append(f"<p class='body soft'>{word('rule', lang)}</p></section>")
    return "".join(parts)


def _years(pairs: Sequence[tuple[IndicatorResult, Judgement]], lang: str) -> str:
    comma, semicolon = ("、", "；") if lang == "zh" else (", ", "; ")
    lines = []
    for year in sorted({each.target.year for _, each in pairs}):
        shown = []
        for state in _ORDER:
            ids = [one.definition.id for one, each in pairs if each.target.year == year and each.state is state]
            if ids:
                name = state_word(state, lang)
                shown.append(word("state_list", lang, state=name, n=len(ids), names=comma.join(ids)))
        lines.append(f"<li>{escape(word('year_line', lang, year=year, list=semicolon.join(shown)))}</li>")
    return "".join(lines)


def results(found: Evaluation, lang: str) -> str:
    """Section 2: one row a target, in tables for the plan, its columns and own indicators."""
    parts = [f"<section><h2>{word('h2', lang)}</h2>"]
    keys = ("category", "indicator", "latest", "year", "target", "state", "chance")
    head = "".join(f"<th{' class=n' if key == 'chance' else ''}>{word(key, lang)}</th>" for key in keys)
    for group, caption in (("table", "table"), ("column", "table2"), ("own", "table3")):
        chosen = [(one, _shown_targets(found, one)) for one in found.results if one.definition.group == group]
        chosen = [(one, wanted) for one, wanted in chosen if wanted]
        if not chosen:
            continue
        rows: list[str] = []
        seen = ""
        for one, wanted in chosen:
            category = one.definition.category_zh if lang == "zh" else one.definition.category_en
            span = f" rowspan={len(wanted)}" if len(wanted) > 1 else ""
            for i, each in enumerate(wanted):
                first = ""
                if i == 0:
                    if category != seen or not rows:
                        together = sum(
                            len(others)
                            for other, others in chosen
                            if (other.definition.category_zh if lang == "zh" else other.definition.category_en)
                            == category
                        )
                        first += f"<td class=cat rowspan={together}>{escape(category)}</td>"
                        seen = category
                    name = escape(one.definition.name(lang))
                    first += f"<td{span}><b>{one.definition.id}</b> {name}</td><td{span}>{latest_text(one, lang)}</td>"
                other = each.target.target_set
                other = "" if other in ("plan2025", found.settings.target_set) else _set_name(found, each, lang)
                other = f"<br><span class=p style=white-space:normal>{escape(other)}</span>" if other else ""
                rows.append(
                    f"<tr>{first}<td>{each.target.year}</td><td>{escape(_target_text(one, each, lang))}{other}</td>"
                    f"<td>{_chip(each.state, lang)}</td><td class=n>{chance_text(each, lang)}</td></tr>"
                )
        parts.append(
            f'<div class="wide"><table class="results"><caption>{word(caption, lang)}</caption><thead><tr>{head}</tr>'
            f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
        )
    parts.append("</section>")
    return "".join(parts)


def _shown_targets(found: Evaluation, one: IndicatorResult) -> list[Judgement]:
    if found.settings.target_set is not None:
        return list(one.judgements)
    main = [each for each in one.judgements if each.target.target_set == "plan2025"]
    return main or list(one.judgements)


def _target_text(one: IndicatorResult, each: Judgement, lang: str) -> str:
    return print_target(one.definition, each.target, lang, unit=True)


def analysis(found: Evaluation, lang: str) -> str:
    """Section 3: each indicator of which something is known, with its chart."""
    parts = [f"<section><h2>{word('h3', lang)}</h2><p class='small'>{word('legend', lang)}</p>"]
    today = day_of(found.settings.as_of)
    n = 0
    for one in found.results:
        if not any(track.observed for track in one.tracks.tracks) and not one.tracks.bounds:
            continue
        n += 1
        mark = f"（{cn_number(n)}）" if lang == "zh" else f"3.{n} "
        parts.append(
            f'<div class="one"><h3>{mark}{one.definition.id} {escape(one.definition.name(lang))}</h3>'
            f"<p class='small'>{escape(kind_text(one, lang))}</p>"
        )
        newest = one.newest
        open_ = open_text(one.definition, None if newest is None else newest.figure, lang)
        if open_:
            parts.append(f"<p class='small'>{escape(open_)}</p>")
        svg, clipped = fan_chart(one, lang, today=today)
        if svg:
            parts.append(f'<div class="chart">{svg}</div>')
        parts.append("</div>")
        rows = [
            (
                escape(_set_name(found, each, lang)),
                f"{each.target.year}",
                escape(_target_text(one, each, lang)),
                _chip(each.state, lang),
                chance_text(each, lang),
                _interval(one, each, lang),
                why_html(one, each, lang),
            )
            for each in one.judgements
        ]
        head = [word(key, lang) for key in ("set", "year", "target", "state", "chance", "interval", "why")]
        parts.append(table(head, rows, numbers=(4,)))
        parts.append(_below(one, lang, clipped=clipped))
    parts.append("</section>")
    return "".join(parts)


def _set_name(found: Evaluation, each: Judgement, lang: str) -> str:
    known = found.catalogue.target_sets.get(each.target.target_set)
    name = known.name(lang) if known else each.target.target_set
    note = each.target.note_zh if lang == "zh" else each.target.note_en
    if not note:
        return name
    return f"{name}（{note}）" if lang == "zh" else f"{name} ({note})"


def kind_text(one: IndicatorResult, lang: str) -> str:
    """Kind, unit and scope in words."""
    each = one.definition
    own = each.base_zh if lang == "zh" else each.base_en
    base = own or (f"{each.base_year}年" if lang == "zh" and each.kind is Kind.REDUCTION else str(each.base_year))
    text = word(f"k.{each.kind.value}", lang, base=base, n=each.period_years)
    unit = f"{each.unit_in(lang)}" if each.kind is Kind.LEVEL else ""
    scope = each.scope_zh if lang == "zh" else each.scope_en
    return ("；" if lang == "zh" else "; ").join(part for part in (text, unit, scope) if part)


def open_text(one: Definition, value: float | None, lang: str) -> str:
    """What placeholders of a composite leave open, beside a published value; empty where it has none."""
    unknown = open_parts(one.formula)
    if unknown is None:
        return ""
    said = word("f.composite", lang, n=unknown.count, open=len(unknown.open))
    said += ("；" if lang == "zh" else "; ") + word(
        "f.open", lang, weight=f"{unknown.weight:.0%}", width=f"{100 * unknown.weight:.0f}"
    )
    if value is not None:
        low, high = unknown.named(value)
        said += ("；" if lang == "zh" else "; ") + word(
            "f.named", lang, value=f"{value:.1f}", low=f"{low:.1f}", high=f"{high:.1f}"
        )
    return said


def _interval(one: IndicatorResult, each: Judgement, lang: str) -> str:
    if each.low is None or each.high is None:
        return word("none", lang)
    low, high = (print_value(one.definition, value, more=1) for value in (each.low, each.high))
    return f"<span class='tight'>{low} {'至' if lang == 'zh' else 'to'} {high}</span>"


def why_html(one: IndicatorResult, each: Judgement, lang: str) -> str:
    """Why it stands so: reason, first time reached, other series, sources of error; as HTML."""
    parts = [escape(each.reason(lang))]
    if each.since is not None and each.state in (State.REACHED, State.CANNOT_JUDGE):
        seen = each.since.observation
        period = (seen.period_zh if lang == "zh" else seen.period_en) if seen else ""
        at = period or when_text(each.since.at) + ("年" if lang == "zh" and "-" not in when_text(each.since.at) else "")
        parts.append(escape(word("since", lang, at=at)))
    if each.others:
        listed = "；".join if lang == "zh" else "; ".join
        others = listed(
            f"{one.series_name(name, lang)} {state_word(state, lang)}" for name, state in each.others.items()
        )
        parts.append(escape(word("others", lang, list=others)))
    text = ("；" if lang == "zh" else "; ").join(parts)
    if each.parts:
        found = {name: f"{value:.2g}" for name, value in each.parts.items()}
        text += f"<br><span class='p'>{escape(word('error', lang, **found))}</span>"
    return text


def _below(one: IndicatorResult, lang: str, *, clipped: bool) -> str:
    lines = []
    if one.fan is not None:
        shown = []
        for year in SHOWN_YEARS:
            at = one.fan.at(year)
            if at is not None:
                low, mid, high = (print_value(one.definition, value, more=1) for value in at)
                line = word("outlook_line", lang, year=year, low=low, mid=mid, high=high)
                shown.append(line + (word("little", lang) if says_little(one.definition, *at) else ""))
        joined = ("；" if lang == "zh" else "; ").join(shown)
        name = one.series_name(one.fan.series, lang)
        text = word("outlook_text", lang, n=one.fan.values, series=name, list=joined)
        if one.fan.values < 5:
            text += ("" if lang == "zh" else " ") + word("few", lang)
        if clipped:
            text += ("" if lang == "zh" else " ") + word("clipped", lang)
        lines.append(f"<b>{word('outlook', lang)}</b> {escape(text)}")
    elif one.no_fan is not None:
        lines.append(f"<b>{word('outlook', lang)}</b> {escape(one.no_fan(lang))}")
    test = one.test
    lines.append(
        word("own_test", lang, inside=test.inside, n=test.forecasts) if test.forecasts else word("own_none", lang)
    )
    if one.gaps:
        said = ("；" if lang == "zh" else "; ").join(gap(lang) for gap in one.gaps)
        lines.append(f"<b>{word('breaks', lang)}</b>{escape(said)}")
    return "".join(f"<p class='small'>{line}</p>" for line in lines)


def gaps(found: Evaluation, lang: str) -> str:
    """Section 4: what cannot be judged, why, and what is missing."""
    parts = [f"<section><h2>{word('h4', lang)}</h2>"]
    none = [one for one in found.results if one.cannot_judge is not None]
    partly = [
        (one, each)
        for one in found.results
        if one.cannot_judge is None
        for each in one.judgements
        if each.state is State.CANNOT_JUDGE
    ]
    colon = "：" if lang == "zh" else ": "
    if none:
        rows = [
            f"<li>{one.definition.id} {escape(one.definition.name(lang))}{colon}"
            f"{escape(one.cannot_judge(lang) if one.cannot_judge else '')}</li>"
            for one in none
        ]
        parts.append(f"<p class='body'>{word('cannot_text', lang)}</p><ul>{''.join(rows)}</ul>")
    if partly:
        rows = [
            f"<li>{one.definition.id} {escape(_set_name(found, each, lang))} {each.target.year}{colon}"
            f"{escape(each.reason(lang))}</li>"
            for one, each in partly
        ]
        parts.append(f"<p class='body'>{word('partly_text', lang)}</p><ul>{''.join(rows)}</ul>")
    if not none and not partly:
        parts.append(f"<p class='body'>{word('all_judged', lang)}</p>")
    said = [f"<li>{one.definition.id}{colon}{escape(gap(lang))}</li>" for one in found.results for gap in one.gaps]
    if said:
        parts.append(f"<p class='body'>{word('gaps_text', lang)}</p><ul>{''.join(said)}</ul>")
    parts.append("</section>")
    return "".join(parts)
