"""Indicators: the board of the plan's twelve, their comparison, the plan's own table, own data, and the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from nicegui import ui

from zhizao.app.access import Right
from zhizao.app.indicators_desk import SOURCES, Asked, IndicatorsDesk
from zhizao.app.pages.indicator_charts import attained_options, judged_track, period_words, small_path
from zhizao.app.pages.indicator_detail import detail
from zhizao.app.pages.indicator_own import own_tab, report_tab
from zhizao.app.pages.parts import Chart, heading, select, short_table, tag, tight
from zhizao.app.pages.shell import Frame, link_button, page, raw
from zhizao.app.texts import NBSP
from zhizao.errors import ZhizaoError
from zhizao.programme.indicators import plan_table, print_target, print_value
from zhizao.programme.indicators.definition import Kind
from zhizao.programme.outlook import Evaluation, IndicatorResult, Judgement, State
from zhizao.programme.outlook.report.sections import chance_text, open_text
from zhizao.programme.outlook.report.words import state_word

__all__ = ["board_title", "indicators_page", "state_tag"]

TABS = ("board", "compare", "table", "own", "report")
KINDS = {
    State.REACHED: "good",
    State.ON_TRACK: "good",
    State.AT_RISK: "warn",
    State.OFF_TRACK: "bad",
    State.MISSED: "bad",
    State.CANNOT_JUDGE: "",
}
MOST = 8


@page("/indicators", "indicators", Right.RETURNS)
async def indicators_page(frame: Frame) -> None:
    """Where the indicators stand."""
    asked = Asked.of({**frame.query, "set": ""})
    room = IndicatorsDesk(frame.desk, frame.person)
    tab = frame.query.get("tab", "board")
    if tab == "own":
        own_tab(frame, room, lambda: tabs(frame, tab))
        return
    if tab == "report":
        await report_tab(frame, room, asked, lambda: tabs(frame, tab))
        return

    def work() -> Evaluation | ZhizaoError:
        try:
            return room.evaluation(asked)
        except ZhizaoError as error:
            return error

    def show(found: Evaluation | ZhizaoError) -> None:
        if isinstance(found, ZhizaoError):
            frame.title(frame.t("state.failed.title"))
            tabs(frame, tab)
            frame.failed(found)
            raw(link_button(frame.t("indicators.tab.own"), "/indicators?tab=own"))
        elif frame.query.get("id"):
            detail(frame, room, asked, found)
        elif tab == "compare":
            _compare(frame, asked, found)
        elif tab == "table":
            _table(frame, found)
        else:
            _board(frame, room, asked, found)

    await frame.ready(work, show, quick=room.has_evaluation(asked), height=420)


def state_tag(state: State, lang: str) -> str:
    """A state as a word with a shape."""
    return tag(KINDS[state], state_word(state, "zh" if lang == "zh" else "en"))


def tabs(frame: Frame, now: str) -> None:
    """The parts of the page."""
    inside = "".join(
        f'<a href="{escape(frame.link(tab=None if one == "board" else one, id=None, ids=None))}" '
        f'aria-current="{str(one == now).lower()}">{escape(frame.t(f"indicators.tab.{one}"))}</a>'
        for one in TABS
    )
    raw(f'<nav class="zz-tabs" aria-label="{escape(frame.t("nav.indicators"))}">{inside}</nav>')


def filters(frame: Frame, room: IndicatorsDesk, asked: Asked, found: Evaluation, *, sets: bool = True) -> None:
    """Target set, day, values and whether unverified ones count; all in the address."""
    t = frame.t
    parts = []
    if sets:
        options = [(one.id, one.name(t.lang)) for one in found.catalogue.target_sets.values()]
        now = frame.query.get("set") or "plan2025"
        parts.append(select("set", t("indicators.set"), [*options, ("all", t("indicators.set.all"))], now))
    parts.append(
        f'<label class="zz-field">{escape(t("indicators.as_of"))}<input class="zz-input" type="date" name="as_of" data-zz-go '
        f'value="{asked.as_of}" max="{Asked.of({}).as_of}"></label>'
    )
    if room.has_own_values():
        options = [(one, t(f"indicators.values.{one}")) for one in SOURCES]
        parts.append(select("values", t("indicators.values"), options, asked.values))
    yes = [("", t("indicators.unverified.no")), ("1", t("indicators.unverified.yes"))]
    parts.append(select("unverified", t("indicators.unverified.ask"), yes, "1" if asked.unverified else ""))
    raw(f'<div class="zz-filter">{"".join(parts)}</div>')


def chosen_set(frame: Frame, found: Evaluation) -> str | None:
    """The set of targets in the address; None for all."""
    wanted = frame.query.get("set") or "plan2025"
    return None if wanted == "all" else found.catalogue.check_set(wanted, "set")


def judged_by(one: IndicatorResult, target_set: str | None) -> list[Judgement]:
    """How an indicator stands against the targets of a set."""
    return [each for each in one.judgements if target_set in (None, each.target.target_set)]


def board_title(frame: Frame, shown: Sequence[IndicatorResult], target_set: str | None) -> tuple[str, int]:
    """The sentence about now, and the year that it is about: the one with most targets, the latest of these."""
    t = frame.t
    years = Counter(each.target.year for one in shown for each in judged_by(one, target_set))
    year = max(years, key=lambda y: (years[y], y))
    states: Counter[State] = Counter()
    for one in shown:
        mine = [each for each in judged_by(one, target_set) if each.target.year == year]
        if mine:
            states[mine[0].state] += 1
    listed = [
        t(f"indicators.n{'1' if states[state] == 1 else ''}.{state.value}", n=states[state], year=year)
        for state in State
        if states[state]
    ]
    joined = ("，" if t.lang == "zh" else ", ").join(listed)
    return t("indicators.title", n=sum(states.values()), list=joined), year


def _board(frame: Frame, room: IndicatorsDesk, asked: Asked, found: Evaluation) -> None:
    t, lang = frame.t, frame.t.lang
    wanted = chosen_set(frame, found)
    results = [one for one in found.results if judged_by(one, wanted) or one.definition.group == "own"]
    main = [one for one in results if one.definition.group == "table"]
    about = main or [one for one in results if one.judgements]
    if not about:
        frame.title(t("indicators.none"))
        tabs(frame, "board")
        filters(frame, room, asked, found)
        frame.empty(
            t("indicators.none"), t("indicators.none.text"), link_button(t("indicators.all"), frame.link(set="all"))
        )
        return
    sentence, year = board_title(frame, about, wanted)
    name = found.catalogue.target_sets[wanted].name(lang) if wanted else t("indicators.set.all")
    which = asked.values if room.has_own_values() else "published"
    sub = t("indicators.sub", day=t.date(asked.as_of), set=name, values=t(f"indicators.values.{which}"))
    frame.title(sentence, sub, link_button(t("indicators.tab.report"), frame.link(tab="report")))
    tabs(frame, "board")
    if asked.unverified:
        frame.banner("warn", t("indicators.unverified"))
    filters(frame, room, asked, found)
    categories = dict.fromkeys(_category(one, lang) for one in main)
    for category in categories:
        cards = "".join(_card(frame, found, one, wanted, year) for one in main if _category(one, lang) == category)
        raw(
            f'{heading(_capital(category))}<div class="zz-grid three" style="grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr))">{cards}</div>'
        )
    if main:
        raw(f'<p class="zz-note">{escape(t("indicators.legend"))}</p>')
    for key, group in (("indicators.own", "own"), ("indicators.columns", "column")):
        rest = [one for one in results if one.definition.group == group]
        if rest:
            raw(heading(t(key)) + tight(_rows(frame, found, rest, wanted)))


def _category(one: IndicatorResult, lang: str) -> str:
    return one.definition.category_zh if lang == "zh" else one.definition.category_en


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _latest(frame: Frame, found: Evaluation, one: IndicatorResult) -> tuple[str, str]:
    """Newest value, and the line beneath: of when, and by whom it was told."""
    lang = frame.t.lang
    point = one.newest
    if point is None or point.observation is None:
        return "", ""
    source = found.sources.get(point.observation.source)
    teller = (source.publisher_zh if lang == "zh" else source.publisher_en) if source else point.observation.source
    under = " · ".join(x for x in (period_words(point.observation, point.at, lang), teller) if x)
    return _printed(one, point.figure), under


def _printed(one: IndicatorResult, value: float) -> str:
    """With one place more than the plan prints where the figure has it."""
    places = one.definition.decimals
    return print_value(one.definition, value, more=int(abs(round(value, places) - value) > 1e-9))


def _aim(one: IndicatorResult, each: Judgement) -> str:
    """A target in as few words as a card has room for."""
    value = print_value(one.definition, each.target.value)
    sign = "+" if one.definition.kind is Kind.POINTS and each.target.value > 0 else ""
    return f"{sign}{value}{NBSP}%" if one.definition.kind in (Kind.REDUCTION, Kind.GROWTH) else f"{sign}{value}"


def _card(frame: Frame, found: Evaluation, one: IndicatorResult, wanted: str | None, year: int) -> str:
    t, lang = frame.t, frame.t.lang
    definition = one.definition
    value, under = _latest(frame, found, one)
    unit = definition.unit_in(lang)
    shown = (
        f'<div class="value num">{escape(value)}<small>{escape(unit)}</small></div><div class="range num">{escape(under)}</div>'
        if value
        else f'<div class="value">–</div><div class="range">{escape(t("indicators.novalue"))}</div>'
    )
    rows = ""
    for each in judged_by(one, wanted):
        target, whole = _aim(one, each), print_target(definition, each.target, lang, unit=True)
        mark = f" {escape(each.target.target_set)}" if wanted is None else ""
        rows += (
            f'<div class="zz-row" style="justify-content:space-between;gap:8px;flex-wrap:nowrap"><span class="num nw">'
            f'<b>{each.target.year}</b>{mark} <span class=dim title="{escape(whole)}">{escape(target)}</span></span>'
            f'<span class="zz-row" style="gap:8px;flex:none">{state_tag(each.state, lang)}'
            f'<span class="num" style="min-width:46px;text-align:right" title="{escape(t("indicators.chance"))}">{chance_text(each, lang)}</span></span></div>'
        )
    label = f'<div class="label"><span>{escape(_capital(definition.name(lang)))}</span><span class=dim>{escape(definition.id)}</span></div>'
    return (
        f'<a class="zz-card zz-figure link" data-indicator="{escape(definition.id)}" style="color:inherit;display:flex;flex-direction:column" '
        f'href="{escape(frame.link(id=definition.id, set=None))}">{label}{shown}{small_path(frame, one, wanted)}'
        f'<div style="display:grid;gap:4px;margin-top:auto;padding-top:6px">{rows}</div></a>'
    )


def _rows(frame: Frame, found: Evaluation, results: Sequence[IndicatorResult], wanted: str | None) -> str:
    t, lang = frame.t, frame.t.lang
    rows = []
    for one in results:
        value, under = _latest(frame, found, one)
        unit = one.definition.unit_in(lang)
        link = f'<a href="{escape(frame.link(id=one.definition.id, set=None))}">{escape(_capital(one.definition.name(lang)))}</a>'
        stands: list[Judgement | None] = [*judged_by(one, wanted)]
        for each in stands or [None]:
            rows.append(
                [
                    link,
                    f'<span class="nw">{escape(value)}{NBSP}{escape(unit)}</span> <span class=dim>{escape(under)}</span>'
                    if value
                    else "–",
                    f"<b>{each.target.year}</b> {escape(print_target(one.definition, each.target, lang, unit=True))}"
                    if each
                    else "–",
                    state_tag(each.state, lang) if each else "–",
                    chance_text(each, lang) if each else "–",
                ]
            )
    head = [
        (t("indicators.indicator"), False),
        (t("indicators.latest"), False),
        (t("indicators.target"), False),
        (t("indicators.state"), False),
        (t("indicators.chance"), True),
    ]
    return short_table(frame, head, rows)


def _compare(frame: Frame, asked: Asked, found: Evaluation) -> None:
    t, lang = frame.t, frame.t.lang
    wanted = chosen_set(frame, found) or "plan2025"
    able = [one for one in found.results if judged_by(one, wanted)]
    ids = [key for key in frame.query.get("ids", "").replace(" ", ",").split(",") if key][:MOST]
    picked = [one for one in able if one.definition.id in ids]
    years = Counter(each.target.year for one in picked or able for each in judged_by(one, wanted))
    year = max(years, key=lambda y: (years[y], y)) if years else asked.as_of.year
    chosen, left = [], []
    for one in picked:
        judged = judged_by(one, wanted)[-1]
        track = judged_track(one, wanted)
        if track is None or not track.observed:
            left.append(one.definition.id)
        else:
            chosen.append((one, judged, track))
    frame.title(
        t("indicators.compare.title", n=len(chosen)) if len(chosen) > 1 else t("indicators.compare.none"),
        t("indicators.compare.sub", year=year),
    )
    tabs(frame, "compare")
    boxes = "".join(
        f'<label class="zz-check"><input type="checkbox" name="i.{escape(one.definition.id)}" value="1" data-indicator="{escape(one.definition.id)}"'
        f"{' checked' if one.definition.id in ids else ''}><span>{escape(one.definition.id)} {escape(one.definition.name(lang))}</span></label>"
        for one in able
    )
    raw(
        f'<details class="zz-fold" {"" if len(chosen) > 1 else "open"}><summary>{escape(t("indicators.compare.none"))}</summary>'
        f'<form data-zz-pick="ids"><div class="zz-grid three" style="gap:0 14px">{boxes}</div>'
        f'<button class="zz-btn primary" type="submit">{escape(t("indicators.compare.go"))}</button></form></details>'
    )
    if left:
        frame.banner("info", t("indicators.compare.left", list=", ".join(left)))
    if not chosen:
        return
    options, rows = attained_options(frame, chosen, year)
    raw(heading(_capital(t("indicators.attained.of", year=year))))
    with ui.element("div").classes("zz-card zz-bare"):
        Chart(frame, options, label=t("indicators.attained.of", year=year), height=380)
    body = []
    for one, values in rows:
        unit = one.definition.unit_in(lang)
        for period, figure, share in values:
            link = f'<a href="{escape(frame.link(id=one.definition.id, tab=None, ids=None))}">{escape(one.definition.id)}</a> {escape(one.definition.name(lang))}'
            body.append(
                [
                    link,
                    escape(period),
                    f"{print_value(one.definition, figure, more=1)} {escape(unit)}",
                    t.percent(share, 0),
                ]
            )
    head = [
        (t("indicators.indicator"), False),
        (t("col.period_of"), False),
        (t("col.figure"), True),
        (t("indicators.attained"), True),
    ]
    raw(f'<div style="margin-top:14px">{tight(short_table(frame, head, body))}</div>')
    for one, _, _ in chosen:
        said = open_text(one.definition, None if one.newest is None else one.newest.figure, lang)
        if said:
            raw(f'<p class="zz-note">{escape(one.definition.id)}: {escape(said)}</p>')


def _table(frame: Frame, found: Evaluation) -> None:
    t = frame.t
    wanted = chosen_set(frame, found) or "plan2025"
    name = found.catalogue.target_sets[wanted].name(t.lang)
    frame.title(t("indicators.table.title"), t("indicators.table.sub", set=name))
    tabs(frame, "table")
    options = [(one.id, one.name(t.lang)) for one in found.catalogue.target_sets.values()]
    lang = "en" if frame.query.get("in", t.lang) == "en" else "zh"
    chooser = select("in", t("top.lang"), [("zh", t("indicators.table.zh")), ("en", t("indicators.table.en"))], lang)
    raw(f'<div class="zz-filter">{select("set", t("indicators.set"), options, wanted)}{chooser}</div>')
    made = plan_table(lang, given=found.catalogue.current, target_set=wanted)
    head = [("类别" if lang == "zh" else "Category", False), ("指标" if lang == "zh" else "Indicator", False)]
    head += [(f"{year}{'年' if lang == 'zh' else ''}", True) for year in made.years]
    rows, before = [], ""
    for row in made.rows:
        mark = f"<sup>{row.footnote}</sup>" if row.footnote else ""
        link = f'<a href="{escape(frame.link(tab=None, id=row.id, set=None, in_=None))}">{escape(row.name)}</a>{mark}'
        rows.append(
            [
                f'<span class="nw">{escape(_capital(row.category))}</span>' if row.category != before else "",
                link,
                *map(escape, row.cells),
            ]
        )
        before = row.category
    code = "zh-CN" if lang == "zh" else "en"
    notes = "".join(f"<li>{escape(note)}</li>" for note in made.footnotes)
    raw(
        f'<div lang="{code}">{tight(short_table(frame, head, rows))}<ol class="zz-note" style="padding-left:20px">{notes}</ol></div>'
    )
