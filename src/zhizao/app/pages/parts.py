"""Parts that pages are made of: charts, long tables, Gantt charts, figures with their promise, progress of a job."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import nicegui
from nicegui import ui
from nicegui.element import Element

from zhizao.account import Figure
from zhizao.app.http.catalogue import table
from zhizao.app.jobs import Job
from zhizao.app.pages.shell import Frame, button, raw
from zhizao.app.texts import NBSP, TEXTS

__all__ = [
    "Chart",
    "Gantt",
    "Grid",
    "bullet",
    "figure_card",
    "progress",
    "reason_of",
    "short_table",
    "split_bar",
    "tag",
]

_DIST = Path(nicegui.__file__).parent / "elements"
TARGETS = (-0.3, -0.5)


class Chart(Element, component="static/chart.js", esm={"nicegui-echart": str(_DIST / "echart" / "dist")}):
    """A chart; in its options "@name" stands for a colour of the page or a way of writing numbers.

    Parameters
    ----------
    frame : the page
    options : as ECharts takes them
    label : what it shows, for those who cannot see it and for the name of the picture
    height : px
    follow : address that a click opens, {name} stands for what was clicked
    """

    def __init__(
        self,
        frame: Frame,
        options: dict[str, Any],
        *,
        label: str,
        height: int = 260,
        follow: str = "",
        png: bool = True,
    ) -> None:
        super().__init__()
        self._props["options"] = options
        self._props["height"] = height
        self._props["label"] = label
        self._props["follow"] = follow
        self._props["png"] = frame.t("export.png") if png else ""

    def show(self, options: dict[str, Any]) -> None:
        """Draw other options."""
        self._props["options"] = options
        self.update()


class Grid(Element, component="static/grid.js", esm={"nicegui-aggrid": str(_DIST / "aggrid" / "dist")}):
    """A long table of the catalogue, in slices from the API.

    Parameters
    ----------
    frame : the page
    name : of the table
    height : px
    query : what narrows it, beside the period
    sort : [(column, "asc" | "desc")] at first
    """

    def __init__(
        self,
        frame: Frame,
        name: str,
        *,
        height: int = 520,
        query: dict[str, str] | None = None,
        sort: Sequence[tuple[str, str]] = (),
        hide: Sequence[str] = (),
    ) -> None:
        super().__init__()
        t = frame.t
        keep = {key: value for key, value in frame.query.items() if key in {"from", "to"}}
        self._props["name"] = name
        self._props["columns"] = [
            {
                "key": c.key,
                "kind": c.kind,
                "heading": c.heading(t),
                "hidden": c.hidden or c.key in hide,
                "digits": c.digits,
                "width": c.width,
                "link": c.link,
                "words": {k.removeprefix(c.words): t(k) for k in TEXTS if k.startswith(c.words)} if c.words else None,
            }
            for c in table(name).columns
        ]
        self._props["query"] = {**keep, **(query or {})}
        self._props["height"] = height
        self._props["zone"] = t.zone
        self._props["start"] = [{"colId": key, "sort": way} for key, way in sort]
        self._props["words"] = {
            "find": t("grid.find"),
            "clear": t("grid.clear"),
            "columns": t("grid.columns"),
            "excel": t("export.excel"),
            "csv": t("export.csv"),
            "rows": t("grid.rows"),
            "rows_of": t("grid.rows.of"),
            "loading": t("grid.loading"),
            "yes": t("yes"),
            "no": t("no"),
        }
        self._props["locale"] = {k.removeprefix("ag."): t(k) for k in TEXTS if k.startswith("ag.")}


class Gantt(Element, component="static/gantt.js"):
    """Bars of work on a canvas; wheel or +/- zooms, dragging or arrows move, a click opens the fact.

    Parameters
    ----------
    frame : the page
    query : what narrows the work, `by` says what the rows are
    label : what it shows
    height : px at most
    """

    def __init__(self, frame: Frame, query: dict[str, str], *, label: str, height: int = 560) -> None:
        super().__init__()
        t = frame.t
        keep = {key: value for key, value in frame.query.items() if key in {"from", "to"}}
        self._props["query"] = {**keep, **query}
        self._props["height"] = height
        self._props["zone"] = t.zone
        self._props["now"] = 0
        self._props["words"] = {
            "label": label,
            "kinds": [t(f"report.{name}") for name in ("production", "setup", "breakdown")],
            "rework": t("report.rework"),
            "merged": t("gantt.merged"),
            "hour": t("unit.hour"),
        }


def tag(kind: str, words: str) -> str:
    """A word with a shape: good ●, warn ▲, bad ■, else ○."""
    shape = {"good": "●", "warn": "▲", "bad": "■"}.get(kind, "○")
    return f'<span class="zz-tag {kind}"><span aria-hidden="true">{shape}</span>{escape(words)}</span>'


def figure_words(frame: Frame, figure: Figure) -> tuple[str, str]:
    """Value and unit of a figure, as a person reads it."""
    t = frame.t
    if figure.unit == "1":
        return t.percent(figure.value, 2 if (figure.value or 0) < 0.1 else 1).removesuffix(f"{NBSP}%"), "%"
    if figure.unit == "h":
        value, _, unit = t.hours(figure.value).rpartition(NBSP)
        return value, unit
    money, _, per = figure.unit.partition("/")
    return t.number(figure.value), f"{money}/{t.maybe(f'unit.{per}', per)}" if per else money


def scaled(frame: Frame, figure: Figure, value: float | None) -> str:
    """Another value in the unit in which the figure is shown."""
    t = frame.t
    if value is None:
        return "–"
    if figure.unit == "1":
        return t.percent(value, 2 if (figure.value or 0) < 0.1 else 1)
    return t.hours(value) if figure.unit == "h" else t.number(value)


def reason_of(frame: Frame, code: str) -> str:
    """Why a figure is missing, in words."""
    from zhizao.account import reason_of as said

    return said(code, frame.t.code)


def figure_card(frame: Frame, key: str, figure: Figure, *, said: str = "", address: str = "", extra: str = "") -> str:
    """One of the three figures: value, interval, what it rests on, and one sentence."""
    t = frame.t
    name = escape(t(f"figure.{key}"))
    if figure.value is None:
        reason = escape(reason_of(frame, figure.reason))
        body = f'<div class="value">–</div><div class="said">{reason}</div>'
    else:
        value, unit = figure_words(frame, figure)
        if figure.low is not None and figure.high is not None:
            low, high = scaled(frame, figure, figure.low), scaled(frame, figure, figure.high)
            between = t("interval", low=low, high=high)
        else:
            between = t("no.interval")
        body = (
            f'<div class="value num">{escape(value)}<small>{escape(unit)}</small></div>'
            f'<div class="range num">{escape(between)}</div>'
        )
    told = f'<div class="said">{said}</div>' if said else ""
    inner = f'<div class="label"><span>{name}</span></div>{body}{told}{extra}'
    if address:
        return f'<a class="zz-card zz-figure link" style="color:inherit" href="{escape(address)}">{inner}</a>'
    return f'<div class="zz-card zz-figure">{inner}</div>'


def bullet(frame: Frame, change: float | None, low: float | None, high: float | None) -> str:
    """Where a promised change lies between what is now (0), 30 % and 50 % less, with its interval."""
    t = frame.t
    left, right = -0.7, 0.15
    for value in (low, high, change):
        if value is not None:
            left, right = min(left, value - 0.05), max(right, value + 0.05)

    def x(value: float) -> float:
        return round(14 + 272 * (right - value) / (right - left), 1)

    def dashes(at: float) -> str:
        return "0" if at == 0 else "3 3"

    marks = "".join(
        f'<line x1="{x(at)}" x2="{x(at)}" y1="6" y2="34" stroke="var(--{"ink-3" if at == 0 else "ink-2"})" '
        f'stroke-width="1" stroke-dasharray="{dashes(at)}"/>'
        f'<text x="{x(at)}" y="48" text-anchor="middle">{escape(words)}</text>'
        for at, words in ((0.0, t("bullet.now")), (-0.3, "−30 %"), (-0.5, "−50 %"))
    )
    bar = ""
    if change is not None:
        a, b = sorted((x(0.0), x(change)))
        bar = f'<rect x="{a}" y="14" width="{b - a:.1f}" height="12" rx="2" fill="var(--c1)"/>'
        if low is not None and high is not None:
            bar += (
                f'<line x1="{x(high)}" x2="{x(low)}" y1="20" y2="20" stroke="var(--ink)" stroke-width="2"/>'
                f'<line x1="{x(high)}" x2="{x(high)}" y1="14" y2="26" stroke="var(--ink)" stroke-width="2"/>'
                f'<line x1="{x(low)}" x2="{x(low)}" y1="14" y2="26" stroke="var(--ink)" stroke-width="2"/>'
            )
    label = t(
        "bullet.label",
        change=t.percent(change, sign=True),
        low=t.percent(low, sign=True),
        high=t.percent(high, sign=True),
    )
    return f'<svg class="zz-bullet" viewBox="0 0 300 54" role="img" aria-label="{escape(label)}">{marks}{bar}</svg>'


def split_bar(parts: Sequence[tuple[str, float, str]], whole: float, said: Sequence[str]) -> str:
    """A whole as its parts: (name, value, colour variable) beside words for each."""
    shown = [
        (name, value, colour, words) for (name, value, colour), words in zip(parts, said, strict=True) if value > 0
    ]
    spans = "".join(
        f'<span style="width:{100 * value / whole:.2f}%;background:var(--{colour})" title="{escape(name)}: {escape(words)}">'
        "</span>"
        for name, value, colour, words in shown
    )
    legend = "".join(
        f'<span><i style="background:var(--{colour})"></i>{escape(name)} <b class="num">{escape(words)}</b></span>'
        for name, value, colour, words in shown
    )
    return f'<div class="zz-split">{spans}</div><div class="zz-legend" style="margin-top:10px">{legend}</div>'


def heading(words: str, note: str = "") -> str:
    """Heading of a part of a page, with a line under it."""
    under = f'<p class="zz-note" style="margin:-4px 0 8px">{escape(note)}</p>' if note else ""
    return f'<h2 class="zz-h2 zz-gap">{escape(words)}</h2>{under}'


def tight(inside: str, style: str = "") -> str:
    """A surface around a table."""
    return f'<div class="zz-card" style="padding:6px 8px;{style}">{inside}</div>'


def legend(frame: Frame, names: Sequence[str]) -> str:
    """What the colours of a Gantt chart mean."""
    colours = {"production": "c1", "setup": "c2", "breakdown": "red", "rework": "c5"}
    inside = "".join(
        f'<span><i style="background:var(--{colours[name]})"></i>{escape(frame.t(f"report.{name}"))}</span>'
        for name in names
    )
    return f'<div class="zz-legend" style="margin-top:8px">{inside}</div>'


def select(name: str, words: str, options: Sequence[tuple[str, str]], now: str) -> str:
    """A choice that changes the address."""
    inside = "".join(
        f'<option value="{escape(value)}"{" selected" if value == now else ""}>{escape(said)}</option>'
        for value, said in options
    )
    return (
        f'<label class="zz-field">{escape(words)}<select class="zz-input" name="{escape(name)}" data-zz-go>{inside}'
        f"</select></label>"
    )


_FIND_FROM = 8
_TAKE_FROM = 2


def short_table(
    frame: Frame,
    head: Sequence[tuple[str, bool]],
    rows: Sequence[Sequence[str]],
    *,
    total: bool = False,
    take: bool = True,
) -> str:
    """A table that is whole on the page: it sorts by a heading, is found in from eight rows on, and can be taken away.

    Parameters
    ----------
    frame : the page
    head : headings with whether they are numbers
    rows : cells, HTML already
    total : whether the last row is a sum, which stays last
    take : whether the table offers its files; not where the page offers them
    """
    t = frame.t

    def said(at: int, name: str) -> str:
        if not name or len(rows) < _TAKE_FROM + total:
            return escape(name)
        return f'<button type="button" data-zz-by="{at}">{escape(name)}<i aria-hidden="true"></i></button>'

    top = "".join(
        f'<th scope="col" class="{"r" if right else ""}">{said(at, name)}</th>' for at, (name, right) in enumerate(head)
    )
    body = ""
    for at, row in enumerate(rows):
        last = ' class="total"' if total and at == len(rows) - 1 else ""
        cells = "".join(
            f'<td class="{"r" if right else ""}" data-label="{escape(name)}"><div>{cell}</div></td>'
            for (name, right), cell in zip(head, row, strict=True)
        )
        body += f"<tr{last}>{cells}</tr>"
    # on a phone a wide table becomes one card a row
    kind = "zz-table stack" if len(head) > 3 else "zz-table"
    tools = ""
    if len(rows) >= _FIND_FROM:
        by = "".join(f'<option value="{at}">{escape(name)}</option>' for at, (name, _) in enumerate(head) if name)
        tools += (
            f'<input class="zz-input" type="search" data-zz-find placeholder="{escape(t("grid.find"))}" '
            f'aria-label="{escape(t("grid.find"))}"><select class="zz-input phone" data-zz-by aria-label="{escape(t("grid.by"))}">'
            f'<option value="">{escape(t("grid.by"))}</option>{by}</select>'
            f'<span class="count" role="status" data-all="{escape(t("grid.rows", n=len(rows) - total))}" '
            f'data-of="{escape(t("grid.rows.of", n="{n}", total=len(rows) - total))}">'
            f"{escape(t('grid.rows', n=len(rows) - total))}</span>"
        )
    if take and len(rows) >= _TAKE_FROM:
        tools += '<span class="grow"></span>' + "".join(
            f'<button type="button" class="zz-btn small quiet" data-zz-take="{way}">{escape(t(f"export.{key}"))}</button>'
            for way, key in (("xlsx", "excel"), ("csv", "csv"))
        )
    bar = f'<div class="zz-tablebar">{tools}</div>' if tools else ""
    return (
        f'<div class="zz-tablewrap">{bar}<table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
        f'<p class="zz-note none" hidden>{escape(t("grid.none"))}</p></div>'
    )


def fold(words: str, inside: str, *, is_open: bool = False) -> str:
    """Something that opens when it is asked for."""
    return f'<details class="zz-fold"{" open" if is_open else ""}><summary>{escape(words)}</summary>{inside}</details>'


def progress(frame: Frame, job: Job, *, after: str) -> None:
    """A running job with its share, remaining time and a way to cancel; reloads the page when it ends.

    Parameters
    ----------
    frame : the page
    job : as it stands now
    after : address to go to when it is done
    """
    t = frame.t
    with ui.element("div").classes("zz-card").props("role=status"):
        head = raw("")
        bar = raw("")
        foot = raw("", classes="zz-row").style("margin-top:12px")

    def paint(now: Job) -> None:
        step = t.maybe(f"step.{now.step.split(',')[0]}", now.step)
        share = round(100 * now.fraction)
        head.content = f'<h2 class="zz-h2">{escape(t(f"jobkind.{now.kind}"))}</h2><p class="zz-sub">{escape(step)}</p>'
        bar.content = (
            f'<div class="zz-progress" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{share}" '
            f'style="margin:12px 0 8px"><i style="width:{share}%"></i></div>'
            f'<div class="zz-row num" style="justify-content:space-between;color:var(--ink-2)"><span>{share} %</span><span>'
            f"{escape(t('job.elapsed', elapsed=t.seconds(now.elapsed_s)))}"
            + (f" · {escape(t('job.left', left=t.seconds(now.left_s)))}" if now.left_s is not None else "")
            + "</span></div>"
        )
        cancel = {"method": "DELETE", "path": f"/api/v1/jobs/{now.id}", "sure": t("job.cancel.sure")}
        foot.content = button(t("job.cancel"), call=cancel, kind="danger") + (
            f'<span class="zz-note" style="margin:0">{escape(t("job.leave"))}</span>'
        )

    paint(job)

    def look() -> None:
        now = frame.desk.jobs.get(job.id)
        if now.state == "running":
            paint(now)
        else:
            timer.deactivate()
            ui.navigate.to(after if now.state == "done" else frame.link())

    timer = ui.timer(0.7, look)
