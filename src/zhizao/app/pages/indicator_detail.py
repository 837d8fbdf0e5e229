"""One indicator in full: outlook, why it stands so, definition by version, observations, back-test, adjusting a target."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import ui

from zhizao.app.access import Right
from zhizao.app.indicators_desk import Asked, IndicatorsDesk, no_indicator
from zhizao.app.pages.indicator_charts import fan_options
from zhizao.app.pages.parts import Chart, Grid, fold, heading, short_table, tag, tight
from zhizao.app.pages.shell import Frame, button, link_button, raw
from zhizao.errors import ZhizaoError
from zhizao.programme.indicators import Definition, print_target, print_value
from zhizao.programme.outlook import (
    HORIZONS,
    Adjustment,
    Evaluation,
    IndicatorResult,
    Judgement,
    State,
    released_coverage,
)
from zhizao.programme.outlook.report.annex import formula_text
from zhizao.programme.outlook.report.sections import chance_text, kind_text, open_text, why_html
from zhizao.programme.outlook.report.words import state_word

__all__ = ["detail"]

_SIGNS = {
    State.REACHED: "good",
    State.ON_TRACK: "good",
    State.AT_RISK: "warn",
    State.OFF_TRACK: "bad",
    State.MISSED: "bad",
}


def detail(frame: Frame, room: IndicatorsDesk, asked: Asked, found: Evaluation) -> None:
    """The page of one indicator."""
    t, lang = frame.t, frame.t.lang
    key = frame.query["id"]
    one = next((each for each in found.results if each.definition.id == key), None)
    if one is None:
        raise no_indicator(key)
    definition = one.definition
    name = _first(definition.name(lang))
    plan = [each for each in one.judgements if each.target.target_set == one.judgements[0].target.target_set]
    if plan:
        state = state_word(plan[-1].state, "zh" if lang == "zh" else "en")
        sentence = t("indicators.detail.title", name=name, state=state, year=plan[-1].target.year)
    else:
        sentence = t("indicators.detail.none", name=name)
    sub = t("indicators.detail.sub", id=definition.id, version=definition.version, kind=_first(kind_text(one, lang)))
    actions = link_button(t("indicators.back"), frame.link(id=None, adjust=None, value=None, reason=None, target=None))
    actions += link_button(t("indicators.tab.compare"), frame.link(id=None, tab="compare", ids=key))
    if frame.may(Right.SETTLE) and one.judgements:
        actions += link_button(t("indicators.adjust"), frame.link(adjust="1"))
    frame.title(sentence, sub, actions)
    if asked.unverified:
        frame.banner("warn", t("indicators.unverified"))
    if frame.query.get("adjust"):
        _adjust(frame, room, asked, found, one)
    said = open_text(one.definition, one.newest.figure if one.newest is not None else None, lang)
    if said:
        frame.banner("info", t("indicators.open"), said)
    _outlook(frame, one, asked)
    raw(heading(t("indicators.targets")) + tight(_targets(frame, found, one)))
    if one.gaps:
        listed = "".join(f"<li>{escape(gap(lang))}</li>" for gap in one.gaps)
        raw(
            f'{heading(t("indicators.gaps"))}<div class="zz-card"><ul style="margin:0;padding-left:18px">{listed}</ul></div>'
        )
    raw(heading(t("indicators.observations")))
    _observations(frame, room, asked, found, one)
    _backtest(frame, one)
    raw(heading(t("indicators.definition")) + _definition(frame, found, one))
    _history(frame, room, asked, key)


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _outlook(frame: Frame, one: IndicatorResult, asked: Asked) -> None:
    t, lang = frame.t, frame.t.lang
    options, last = fan_options(frame, one, asked.as_of)
    raw(heading(t("indicators.fan")))
    if one.no_fan is not None:
        raw(f'<p class="zz-note">{escape(t("indicators.fan.none", why=one.no_fan(lang)))}</p>')
    if not any(series["data"] for series in options["series"]):
        return
    with ui.element("div").classes("zz-card").style("padding-top:40px"):
        Chart(frame, options, label=f"{one.definition.id} {t('indicators.fan')}", height=360)
    said = t("indicators.fan.legend")
    if last is not None and one.fan is not None and last < one.fan.years[-1]:
        said += " " + t("indicators.fan.cut", year=last)
    raw(f'<p class="zz-note">{escape(said)}</p>')
    if one.fan is not None:
        rows = []
        for i, year in enumerate(one.fan.years):
            if i < 5 or year % 5 == 0 or year == one.fan.years[-1]:
                v = [print_value(one.definition, row[i], more=1) for row in one.fan.quantiles]
                rows.append([str(year), v[3], f"{v[2]} – {v[4]}", f"{v[1]} – {v[5]}", f"{v[0]} – {v[6]}"])
        head = [("", False), (t("indicators.median"), True)]
        head += [(t("indicators.band", share=share), True) for share in (50, 80, 95)]
        raw(fold(t("indicators.fan.data"), tight(short_table(frame, head, rows))))


def _targets(frame: Frame, found: Evaluation, one: IndicatorResult) -> str:
    t, lang = frame.t, frame.t.lang
    rows = []
    for each in one.judgements:
        low = "–"
        if each.low is not None and each.high is not None:
            low = " – ".join(print_value(one.definition, value, more=1) for value in (each.low, each.high))
        there = found.catalogue.target_sets.get(each.target.target_set)
        note = each.target.note_zh if lang == "zh" else each.target.note_en
        rows.append(
            [
                f"<b>{each.target.year}</b> {escape(print_target(one.definition, each.target, lang, unit=True))}"
                f'<br><span class="dim">{escape(there.name(lang) if there else each.target.target_set)}</span>',
                tag(_SIGNS.get(each.state, ""), state_word(each.state, "zh" if lang == "zh" else "en")),
                chance_text(each, lang),
                f'<span class="nw">{low}</span>',
                why_html(one, each, lang) + (f'<br><span class="dim">{escape(note)}</span>' if note else ""),
            ]
        )
    head = [
        (t("indicators.target"), False),
        (t("indicators.state"), False),
        (t("indicators.chance"), True),
        (t("indicators.interval"), True),
        (t("indicators.why"), False),
    ]
    return short_table(frame, head, rows)


def _observations(frame: Frame, room: IndicatorsDesk, asked: Asked, found: Evaluation, one: IndicatorResult) -> None:
    if frame.may(Right.READ):
        query = {
            "id": one.definition.id,
            "as_of": asked.as_of.isoformat(),
            "values": asked.values,
            "unverified": "1" if asked.unverified else "",
            "lang": frame.t.lang,
        }
        Grid(frame, "indicator_values", query=query, height=360)
        return
    from zhizao.app.indicator_values import values_frame

    t = frame.t
    table = values_frame(found, one, t.lang)
    keys = ("period_of", "figure", "series", "origin", "published", "confidence", "use")
    rows = [[_cell(frame, key, row[key]) for key in keys] for row in table.to_dicts()]
    raw(tight(short_table(frame, [(t(f"col.{key}"), key == "figure") for key in keys], rows)))


def _cell(frame: Frame, key: str, value: Any) -> str:
    if key == "figure":
        return f"{value:,.10g}".replace("-", "−")
    prefix = {"use": "use.", "confidence": "confidence."}.get(key)
    return escape(frame.t(f"{prefix}{value}") if prefix else str(value))


def _backtest(frame: Frame, one: IndicatorResult) -> None:
    t = frame.t
    released = released_coverage()
    test = one.test
    own = (
        t("indicators.backtest.own", inside=test.inside, n=test.forecasts, inside80=test.inside80)
        if test.forecasts
        else t("indicators.backtest.none")
    )
    every = t("indicators.backtest.all", n=t.count(8 * released.series), share=t.percent(released.overall))
    head = [(t("indicators.years"), False), *((str(n), True) for n in HORIZONS)]
    row = [t("indicators.held"), *(t.percent(share) for share in released.by_horizon)]
    raw(
        f'{heading(t("indicators.backtest"))}<div class="zz-card"><p style="margin:0 0 8px">{escape(own)} {escape(every)}</p>'
        f"{short_table(frame, head, [row])}</div>"
    )


def _definition(frame: Frame, found: Evaluation, one: IndicatorResult) -> str:
    t, lang = frame.t, frame.t.lang
    versions = found.catalogue.versions[one.definition.id]
    shown = _one_version(frame, found, versions[-1])
    if len(versions) > 1:
        for older in reversed(versions[:-1]):
            shown += fold(f"{t('indicators.version')} {older.version}", _one_version(frame, found, older))
    parts = versions[-1].formula.parts
    if parts:
        mark = t("indicators.placeholder", weight=f"1/{len(parts)}")
        listed = "".join(
            f"<li>{escape(part.id)} {escape(part.zh if lang == 'zh' else part.en)}"
            f"{' ' + tag('warn', mark) if part.placeholder else ''}</li>"
            for part in parts
        )
        shown += fold(t("indicators.formula"), f'<ul style="margin:0;padding-left:18px">{listed}</ul>')
    return f'<div class="zz-card">{shown}</div>'


def _one_version(frame: Frame, found: Evaluation, one: Definition) -> str:
    t, lang = frame.t, frame.t.lang
    zh = lang == "zh"
    sets = {x.target_set: x.target_set for x in one.targets}
    sets |= {key: made.name(lang) for key, made in found.catalogue.target_sets.items()}
    pairs = [
        (
            t("indicators.version"),
            f"{one.version} · {(one.changed_zh if zh else one.changed_en) or t('indicators.first')}",
        ),
        (t("indicators.formula"), formula_text(one, lang)),
        (t("col.unit"), one.unit_in(lang)),
        (t("indicators.direction"), t(f"indicators.{one.direction}")),
        (t("indicators.scope"), one.scope_zh if zh else one.scope_en),
        (t("indicators.footnote"), one.footnote_zh if zh else one.footnote_en),
        (
            t("indicators.target"),
            ("；" if zh else "; ").join(
                f"{sets[x.target_set]} {x.year}: {print_target(one, x, lang)}" for x in one.targets
            ),
        ),
        (t("indicators.source"), one.source),
    ]
    inside = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in pairs if value)
    return f'<dl class="zz-kv">{inside}</dl>'


def _history(frame: Frame, room: IndicatorsDesk, asked: Asked, key: str) -> None:
    t = frame.t
    rows = []
    for event in reversed(room.adjusted(asked.as_of)):
        if event.subject != key:
            continue
        before, after = event.payload["before"], event.payload["after"]
        fact = (
            f'<a href="/journal?event={event.sequence}">{event.sequence}</a>'
            if frame.may(Right.READ)
            else str(event.sequence)
        )
        rows.append(
            [
                escape(f"{before['set']} {before['year']}"),
                escape(f"{before['value']:g}"),
                escape(f"{after['value']:g}"),
                escape(str(event.payload.get("reason", ""))),
                escape(event.source),
                escape(t.time(event.at)),
                fact,
            ]
        )
    if rows:
        head = [
            (t("indicators.target"), False),
            (t("indicators.before"), True),
            (t("indicators.after"), True),
            (t("indicators.reason"), False),
            (t("indicators.by"), False),
            (t("indicators.when"), False),
            (t("indicators.fact"), True),
        ]
        raw(heading(t("indicators.adjusted")) + tight(short_table(frame, head, rows)))


def _adjust(frame: Frame, room: IndicatorsDesk, asked: Asked, found: Evaluation, one: IndicatorResult) -> None:
    t, lang = frame.t, frame.t.lang
    chosen, value, reason = (frame.query.get(name, "") for name in ("target", "value", "reason"))
    options = "".join(
        f'<option value="{escape(mark)}"{" selected" if mark == chosen else ""}>'
        f"{escape(f'{_set(found, each, lang)} {each.target.year}: {print_target(one.definition, each.target, lang, unit=True)}')}</option>"
        for each in one.judgements
        for mark in (f"{each.target.target_set}|{each.target.year}",)
    )
    raw(
        f'<section class="zz-card" id="adjust"><h2 class="zz-h2">{escape(t("indicators.adjust"))}</h2>'
        f'<p class="zz-note" style="margin-top:0">{escape(t("indicators.adjust.why"))}</p>'
        f'<form class="zz-filter" data-zz-go><label class="zz-field">{escape(t("indicators.which"))}<select class="zz-input" name="target">{options}</select></label>'
        f'<label class="zz-field">{escape(t("indicators.value"))}<input class="zz-input" name="value" required inputmode="decimal" '
        f'size="8" value="{escape(value)}"></label>'
        f'<label class="zz-field" style="flex:1 1 320px">{escape(t("indicators.reason"))}<input class="zz-input" name="reason" required maxlength="600" '
        f'value="{escape(reason)}"></label><button class="zz-btn" type="submit">{escape(t("indicators.effect"))}</button></form></section>'
    )
    if not (value and chosen):
        return
    try:
        made = _made(room, asked, one, chosen, value, reason)
    except ZhizaoError as error:
        frame.failed(error)
        return
    _effect(frame, one, made)


def _set(found: Evaluation, each: Judgement, lang: str) -> str:
    there = found.catalogue.target_sets.get(each.target.target_set)
    return there.name(lang) if there else each.target.target_set


def _made(room: IndicatorsDesk, asked: Asked, one: IndicatorResult, chosen: str, value: str, reason: str) -> Adjustment:
    from zhizao.errors import InputError

    target_set, _, year = chosen.rpartition("|")
    try:
        wanted, when = float(value.replace("−", "-").replace(",", "")), int(year)
    except ValueError as error:
        raise InputError(f'"{value[:40]}" is not a number', where="value", fix="write digits with a point") from error
    return room.effect(one.definition.id, year=when, value=wanted, reason=reason, target_set=target_set, asked=asked)


def _effect(frame: Frame, one: IndicatorResult, made: Adjustment) -> None:
    t, lang = frame.t, frame.t.lang

    def row(words: str, each: Judgement) -> list[str]:
        state = tag(_SIGNS.get(each.state, ""), state_word(each.state, "zh" if lang == "zh" else "en"))
        target = escape(print_target(one.definition, each.target, lang, unit=True))
        return [escape(words), target, state, chance_text(each, lang), escape(each.reason(lang))]

    head = [
        ("", False),
        (t("indicators.target"), False),
        (t("indicators.state"), False),
        (t("indicators.chance"), True),
        (t("indicators.why"), False),
    ]
    raw(heading(t("indicators.effect.head")))
    frame.banner("warn" if made.eased else "info", t("indicators.eased" if made.eased else "indicators.harder"))
    raw(
        tight(
            short_table(frame, head, [row(t("indicators.before"), made.before), row(t("indicators.after"), made.after)])
        )
    )
    target = made.after.target
    body = {"year": target.year, "value": target.value, "reason": made.reason, "target_set": target.target_set}
    call = {
        "method": "POST",
        "path": f"/api/v1/indicators/{one.definition.id}/target",
        "body": body,
        "next": f"/indicators?id={one.definition.id}",
        "sure": t("indicators.record.sure"),
    }
    raw(
        f'<div class="zz-row" style="margin:12px 0 4px">{button(t("indicators.record"), call=call, kind="primary")}</div>'
    )
