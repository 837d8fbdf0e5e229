"""Method, sources and annexes of the evaluation report: how it was made, from which definitions and values."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from zhizao.programme.indicators.actuals import Observation
from zhizao.programme.indicators.definition import Definition, Formula
from zhizao.programme.indicators.open_parts import open_parts
from zhizao.programme.indicators.table import print_target
from zhizao.programme.items import items
from zhizao.programme.outlook.backtest import HORIZONS, KINDS, released_coverage
from zhizao.programme.outlook.evaluate import Evaluation
from zhizao.programme.outlook.reasons import when_text
from zhizao.programme.outlook.report.sections import table
from zhizao.programme.outlook.report.words import word
from zhizao.programme.outlook.track import day_of

__all__ = ["data", "definitions", "formula_text", "method", "signatures", "steps", "use_of"]


def _percent(share: float, lang: str) -> str:
    return f"{100 * share:.1f}{'' if lang == 'zh' else ' '}%"


def method(found: Evaluation, lang: str) -> str:
    """Section 5: the model, its tested coverage, and the sources."""
    tested = released_coverage()
    head = [word("kind", lang)] + [word("year_ahead" if n == 1 else "years_ahead", lang, n=n) for n in HORIZONS]
    rows = [
        (escape(KINDS[kind][lang != "zh"]), *(_percent(one, lang) for one in shares))
        for kind, shares in tested.by_kind.items()
    ]
    rows.append((f"<b>{word('all_kinds', lang)}</b>", *(f"<b>{_percent(one, lang)}</b>" for one in tested.by_horizon)))
    shown = [f"<p class='body'>{word('method1', lang)}</p><p class='body'>{word('method4', lang)}</p>"]
    text = word(
        "method2",
        lang,
        n=tested.series * len(KINDS),
        kinds=len(KINDS),
        seed=tested.seed,
        overall=_percent(tested.overall, lang),
        overall80=_percent(tested.overall80, lang),
    )
    shown.append(f"<p class='body'>{text}</p>{table(head, rows, numbers=range(1, len(HORIZONS) + 1))}")
    forecasts = sum(one.test.forecasts for one in found.results)
    inside = sum(one.test.inside for one in found.results)
    if forecasts:
        text = word("method3", lang, n=forecasts, inside=inside, share=_percent(inside / forecasts, lang))
    else:
        text = word("method3_none", lang)
    shown.append(f"<p class='body'>{text}</p>")
    return f"<section><h2>{word('h5', lang)}</h2>{''.join(shown)}{_sources(found, lang)}</section>"


def _sources(found: Evaluation, lang: str) -> str:
    kept = {one.definition.id for one in found.results}
    named = sorted({one.source for one in _visible(found) if one.indicator in kept and one.source})
    if not named:
        return ""
    rows = []
    for key in named:
        one = found.sources.get(key)
        if one is None:
            rows.append((escape(key), "", "", ""))
            continue
        title, publisher = (one.zh, one.publisher_zh) if lang == "zh" else (one.en, one.publisher_en)
        day = one.published.isoformat() if one.published else ""
        rows.append((escape(key), escape(title), escape(publisher), f"<span class='tight'>{day}</span>"))
    head = ["", word("source", lang), "", word("published", lang)]
    return f"<h4>{word('sources', lang)}</h4>{table(head, rows)}"


def _visible(found: Evaluation) -> list[Observation]:
    """Values that may be shown: never one that is only remembered, unless it was asked for."""
    return [one for one in found.observations if found.settings.include_unverified or not one.unverified]


def definitions(found: Evaluation, lang: str) -> str:
    """Annex 1: every definition with its version, formula and targets."""
    rows = []
    for result in found.results:
        one = result.definition
        targets = "<br>".join(
            escape(f"{each.target_set} {each.year}: {print_target(one, each, lang)}") for each in one.targets
        )
        scope, note, why = (
            (one.scope_zh, one.footnote_zh, one.changed_zh)
            if lang == "zh"
            else (one.scope_en, one.footnote_en, one.changed_en)
        )
        if why:
            why = word("changed", lang, why=why)
        said = " ".join(escape(part) for part in (scope, note, why, one.source) if part)
        rows.append(
            (
                f"<b>{one.id}</b> {escape(one.name(lang))}",
                f"{one.version}",
                escape(formula_text(one, lang)),
                targets,
                said,
            )
        )
    head = [word(key, lang) for key in ("indicator", "version", "formula", "target", "scope")]
    return f"<section><h2>{word('h6', lang)}</h2>{table(head, rows)}</section>"


def formula_text(one: Definition, lang: str) -> str:
    """How an indicator is made, in words."""
    made = one.formula
    parts = []
    if made.of == "composite":
        open_ = sum(part.placeholder for part in made.parts)
        parts.append(word("f.composite", lang, n=len(made.parts), open=open_))
        unknown = open_parts(made)
        if unknown is not None:
            width = f"{100 * unknown.weight:.0f}"
            parts.append(word("f.open", lang, weight=f"{unknown.weight:.0%}", width=width))
    elif made.of == "mean_of_rates":
        parts.append(word("f.mean_of_rates", lang, weight=word(f"w.{made.weight}", lang)))
    else:
        parts.append(word(f"f.{made.of}", lang))
    if made.numerator:
        parts.append(_ratio(made, lang))
    if made.prices == "constant":
        parts.append(word("f.constant", lang))
    return ("；" if lang == "zh" else "; ").join(parts)


def _ratio(made: Formula, lang: str) -> str:
    def added(factors: Mapping[str, float]) -> str:
        known = items()
        return " + ".join(
            ("" if factor == 1 else f"{factor:g} × ") + (known[key].zh if lang == "zh" else known[key].en)
            for key, factor in factors.items()
        )

    top, bottom = added(made.numerator), added(made.denominator)
    scale = "" if made.scale == 1 else f" × {made.scale:g}"
    if not bottom:
        return top
    bottom = f"({bottom})" if " + " in bottom else bottom
    top = f"({top})" if " + " in top else top
    return f"{top} / {bottom}{scale}"


def data(found: Evaluation, lang: str, digest: str) -> str:
    """Annex 2: every value with its source and use, and the hash of all inputs."""
    kept = {one.definition.id: one for one in found.results}
    rows = []
    for one in _visible(found):
        if one.indicator not in kept:
            continue
        series = kept[one.indicator].series_name(one.series, lang)
        period = (one.period_zh if lang == "zh" else one.period_en) or when_text(one.when)
        marks = [word(name, lang) for name, on in (("about", one.approx), ("derived", one.derived)) if on]
        if one.bound:
            marks.append(word(one.bound, lang))
        note = one.note_zh if lang == "zh" else one.note_en
        extra = ("，" if lang == "zh" else ", ").join([*marks, *([note] if note else [])])
        rows.append(
            (
                one.indicator,
                f"<span class='tight'>{escape(period)}</span>",
                f"{one.value:,g}".replace("-", "−"),
                escape(series),
                escape(one.source),
                f"<span class='tight'>{one.published or ''}</span>",
                word(one.confidence, lang),
                word(f"use.{use_of(one, found)}", lang),
                escape(extra),
            )
        )
    keys = ("indicator", "year", "value", "series", "source", "published", "confidence", "use", "note")
    hidden = sum(one.unverified for one in found.observations if one.indicator in kept)
    shown = ""
    if hidden and not found.settings.include_unverified:
        shown = f"<p class='small'>{word('hidden', lang, n=hidden)}</p>"
    text = word("verify", lang).replace("`", "")
    return (
        f"<section><h2>{word('h7', lang)}</h2>{table([word(key, lang) for key in keys], rows, numbers=(2,))}{shown}"
        f"<p>{word('frozen', lang)}</p><p class='hash'>{digest}</p><p class='small'>{escape(text)}</p></section>"
    )


def use_of(one: Observation, found: Evaluation) -> str:
    """What a value is used for: judged, bound, context, forecast, unverified, or later than the day."""
    day = found.settings.as_of
    if one.published > day if one.published else one.when > day_of(day) + 1e-9:
        return "later"
    for name, on in (("unverified", one.unverified), ("context", one.context), ("forecast", one.forecast)):
        if on:
            return name
    return "bound" if one.bound else "judged"


def steps(found: Evaluation, lang: str) -> str:
    """Annex 3: strategic steps and goals that have no number."""
    rows = []
    for one in found.catalogue.steps:
        goal = one.zh if lang == "zh" else one.en
        under = "".join(
            f"<li>{each.year}{'年：' if lang == 'zh' else ': '}{escape(each.zh if lang == 'zh' else each.en)}</li>"
            for each in one.milestones
        )
        text = escape(goal) + (f"<ul>{under}</ul>" if under else "")
        rows.append((one.id, escape(word("step", lang, n=one.step, year=one.by)), text))
    for goal_ in found.catalogue.goals:
        rows.append((goal_.id, str(goal_.year), escape(goal_.zh if lang == "zh" else goal_.en)))
    if not rows:
        return ""
    return (
        f"<section><h2>{word('h8', lang)}</h2>{table(['', word('year', lang), word('target', lang)], rows)}</section>"
    )


def signatures(lang: str) -> str:
    """Lines to sign on."""
    lines = "".join(f"<div>{word(f'sign.{who}', lang)}</div>" for who in ("evaluator", "reviewer", "head", "date"))
    return f'<div class="sign">{lines}</div>'
