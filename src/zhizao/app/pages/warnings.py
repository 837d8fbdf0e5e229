"""Warnings: which industries, products and suppliers need somebody's eye, why, and how good such warnings have been."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

from nicegui import ui

from zhizao.app import warnings_desk
from zhizao.app.access import Right
from zhizao.app.alert_steps import KINDS
from zhizao.app.jobs import Job
from zhizao.app.pages.icons import icon
from zhizao.app.pages.parts import Chart, fold, heading, progress, select, short_table, tag, tight
from zhizao.app.pages.shell import Frame, button, json_of, link_button, page, raw
from zhizao.app.warnings_desk import TableKept

__all__ = ["warnings_page"]

LEVELS = {"serious": "bad", "warning": "warn", "watch": "info"}
_SHOWN = 100


@page("/warnings", "warnings", Right.WARNINGS)
async def warnings_page(frame: Frame) -> None:
    """The list, or one warning."""
    t = frame.t
    tables = warnings_desk.tables_kept(frame.desk.path)
    running = next((one for one in frame.desk.jobs.list("warnings") if one.state == "running"), None)
    found = warnings_desk.latest(frame.desk)
    if found is not None and frame.query.get("warning"):
        _one(frame, found[1], frame.query["warning"])
        return
    if found is not None:
        _list(frame, *found)
    elif running is not None:
        frame.title(t("warnings.running"), t("job.by", by=running.by, at=t.time(running.at)))
    elif tables:
        frame.title(t("warnings.ready.title"), t("warnings.ready.text"))
    else:
        frame.title(t("warnings.none.title"))
    if running is not None and frame.may(Right.READ):  # jobs are told to those who see the plant's records
        progress(frame, running, after="/warnings")
    _failed(frame)
    if found is not None:
        _warnings(frame, found[1])
        _worth(frame, found[1])
        _cannot(frame, found[1])
    if not tables and found is None:
        call = {"method": "POST", "path": "/api/v1/warnings/sample", "body": {}, "next": "/warnings"}
        does = button(t("warnings.none.sample"), call=call) if frame.may(Right.IMPORT) else escape(t("state.viewer"))
        frame.empty(t("warnings.none.title"), t("warnings.none.text"), does, "warnings")
    if tables and running is None and frame.may(Right.IMPORT):
        _settings(frame, again=found is not None)
    _tables(frame, tables)


def _list(frame: Frame, job: Job, found: dict[str, Any]) -> None:
    """Title of the list, with what may be wrong with it."""
    t = frame.t
    rows = found["warnings"]
    month = found["as_of"] or "–"
    serious = sum(one["level"] == "serious" for one in rows)
    first = rows[0]["name"][t.lang] if rows else ""
    export = "".join(
        link_button(t(f"export.{word}"), f"/api/v1/warnings/export?format={kind}&lang={t.lang}")
        for word, kind in (("excel", "xlsx"), ("csv", "csv"))
    )
    sub = t(
        "warnings.sub",
        at=t.time(job.at),
        tables=", ".join(found["tables"]),
        budget=t.number(found["budget_per_year"], 2),
    )
    if not rows:
        frame.title(t("warnings.calm", month=month), sub)
    elif len(rows) == 1:
        frame.title(t("warnings.title.one", month=month, first=first), sub, export)
    else:
        frame.title(t("warnings.title", n=len(rows), month=month, serious=serious, first=first), sub, export)
    if found["stamp"] != warnings_desk.stamp(frame.desk.path):
        frame.banner("info", t("warnings.stale"), t("warnings.stale.text"))


def _failed(frame: Frame) -> None:
    jobs = frame.desk.jobs.list("warnings")
    if jobs and jobs[0].state in ("failed", "lost"):
        fault = jobs[0].fault or {"where": "", "what": frame.t("job.lost"), "fix": ""}
        frame.banner("bad", " – ".join(x for x in (fault["where"], fault["what"]) if x), fault["fix"])


def _level(frame: Frame, level: str) -> str:
    return tag(LEVELS[level], frame.t(f"warnings.level.{level}"))


def _name(frame: Frame, one: dict[str, Any]) -> str:
    codes, name = " ".join(one["scope"].values()), str(one["name"][frame.t.lang])
    return name if codes == name or codes == "all" else f"{codes} {name}"


def _record(frame: Frame, record: dict[str, Any]) -> str:
    t = frame.t
    if record["precision"] is None and record["recall"] is None:
        return str(record.get("reason", {}).get(t.lang, "–"))
    said = {key: t.percent(record[key], 0) for key in ("precision", "recall")}
    if record["lead_time_months"] is None:
        return t("warnings.record.nolead", **said)
    return t("warnings.record.said", lead=t.number(record["lead_time_months"], 2), **said)


def _warnings(frame: Frame, found: dict[str, Any]) -> None:
    t = frame.t
    rows = list(found["warnings"])
    if not rows:
        frame.banner("good", t("warnings.calm", month=found["as_of"] or "–"), t("warnings.calm.text"))
        return
    kind, level, order = (frame.query.get(key, "") for key in ("kind", "level", "sort"))
    kinds = [one for one in KINDS if any(row["kind"] == one for row in rows)]
    levels = [one for one in LEVELS if any(row["level"] == one for row in rows)]
    chosen = (
        select("level", t("warnings.level"), [("", t("warnings.all")), *((x, t(f"warnings.level.{x}")) for x in levels)], level)
        + select("kind", t("warnings.kind"), [("", t("warnings.all")), *((x, t(f"warnings.kind.{x}")) for x in kinds)], kind)
        + select("sort", t("warnings.sort"), [("", t("warnings.sort.level")), ("since", t("warnings.sort.since")), ("name", t("warnings.sort.name"))], order)
    )  # fmt: skip
    raw(f'<div class="zz-filter">{chosen}</div>')
    rows = [row for row in rows if (not kind or row["kind"] == kind) and (not level or row["level"] == level)]
    if not rows:
        back = link_button(t("warnings.reset"), frame.link(kind=None, level=None))
        frame.empty(t("warnings.nothing"), "", back, "warnings")
        return
    if order == "since":
        rows.sort(key=lambda row: row["since"] or "", reverse=True)
    elif order == "name":
        rows.sort(key=lambda row: _name(frame, row))
    head = [
        (t("warnings.level"), False),
        (t("warnings.scope"), False),
        (t("warnings.kind"), False),
        (t("warnings.since"), False),
        (t("warnings.strongest"), False),
        (t("warnings.record"), False),
    ]
    cells = []
    for row in rows[: _SHOWN if not frame.query.get("every") else None]:
        best = row["evidence"][0] if row["evidence"] else None
        address = frame.link(warning=row["key"])
        cells.append(
            [
                _level(frame, row["level"]),
                f'<a href="{escape(address)}"><b>{escape(_name(frame, row))}</b></a>',
                escape(t(f"warnings.kind.{row['kind']}")),
                f'<span class="nw num">{escape(row["since"] or "–")}</span>',
                escape(f"{best['name'][t.lang]} {_figure(frame, best, best['value'])}") if best else "–",
                f'<span class="dim">{escape(_record(frame, row["record"]))}</span>',
            ]
        )
    raw(tight(short_table(frame, head, cells)))
    if len(rows) > len(cells):
        raw(f'<div style="margin-top:10px">{link_button(t("warnings.reset"), frame.link(every=1))}</div>')


def _unit(frame: Frame, unit: str) -> str:
    return "" if unit in ("", "1", "index") else frame.t.maybe(f"warnings.unit.{unit}", unit)


def _figure(frame: Frame, row: dict[str, Any], value: float | None) -> str:
    unit = _unit(frame, row["unit"])
    return f"{frame.t.number(value)} {unit}".strip()


def _worth(frame: Frame, found: dict[str, Any]) -> None:
    t = frame.t
    past, quality = found["replay"].get("over-capacity"), found["replay"].get("quality")
    if past is None and quality is None:
        return
    raw(heading(t("warnings.worth")))
    with ui.element("div").classes("zz-card"):
        if past is not None and past["falls"]:
            lead = past["lead_time_months"]
            said = t(
                "warnings.worth.over",
                warned=past["warned_in_time"],
                falls=past["falls"],
                lead=t.number(lead["median"], 2),
                low=t.number(lead["p10"], 2),
                high=t.number(lead["p90"], 2),
                right=past["right"],
                warnings=past["warnings"],
                false=t.number(past["false_alarms_per_year"], 2),
                budget=t.number(found["budget_per_year"], 2),
            )
            raw(f"<p style='margin:0'>{escape(said)}</p>")
            if len(lead["all"]) > 2:
                _leads(frame, lead["all"])
        elif past is not None:
            raw(f"<p style='margin:0'>{escape(t('warnings.worth.none'))}</p>")
        if quality is not None:
            said = t(
                "warnings.worth.quality",
                precision=t.percent(quality["precision"], 0),
                recall=t.percent(quality["recall"], 0),
                delay=t.number(quality["delay_months"], 2),
            )
            raw(f"<p style='margin:8px 0 0'>{escape(said)}</p>")


def _leads(frame: Frame, leads: list[float]) -> None:
    months = [round(one) for one in leads]
    span = list(range(min(months), max(months) + 1))
    options = {
        "grid": {"left": 4, "right": 10, "top": 12, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "xAxis": {"type": "category", "data": [str(one) for one in span]},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {
                "type": "bar",
                "data": [months.count(one) for one in span],
                "barMaxWidth": 18,
                "itemStyle": {"color": "@c7"},
            }
        ],
    }
    raw(f'<p class="zz-note" style="margin:12px 0 0">{escape(frame.t("warnings.leads"))}</p>')
    Chart(frame, options, label=frame.t("warnings.leads"), height=130, png=False)


def _cannot(frame: Frame, found: dict[str, Any]) -> None:
    t = frame.t
    rows = found["cannot_judge"]
    if not rows:
        return
    head = [(t("warnings.scope"), False), (t("warnings.kind"), False), (t("warnings.cannot.why"), False)]
    cells = [
        [
            escape(" ".join(row["scope"].values()) or t("warnings.all")),
            escape(t(f"warnings.kind.{row['kind']}")),
            escape(row["reason"][t.lang]),
        ]
        for row in rows[:400]
    ]
    inside = tight(short_table(frame, head, cells), "margin-top:8px")
    raw(f'<div class="zz-gap">{fold(t("warnings.cannot", n=len(rows)), inside, is_open=not found["warnings"])}</div>')


def _settings(frame: Frame, *, again: bool) -> None:
    t = frame.t
    kinds = "".join(f'<option value="{one}">{escape(t(f"warnings.kind.{one}"))}</option>' for one in KINDS)
    call = json_of({"method": "POST", "path": "/api/v1/warnings", "next": "/warnings"})
    raw(heading(t("warnings.settings"), t("warnings.settings.why")))
    raw(
        f'<form class="zz-card" data-zz-call="{escape(call)}"><div class="zz-filter" style="margin:0">'
        f'<label class="zz-field">{escape(t("warnings.kind"))}<select class="zz-input" name="kind">'
        f'<option value="">{escape(t("warnings.all"))}</option>{kinds}</select></label>'
        f'<label class="zz-field">{escape(t("warnings.asof"))}<input class="zz-input" name="as_of" pattern="\\d{{4}}-\\d{{2}}" '
        f'placeholder="{escape(t("warnings.asof.hint"))}" size="10"></label>'
        f'<label class="zz-field">{escape(t("warnings.budget"))}<input class="zz-input" type="number" name="budget" '
        f'value="1" min="0.05" max="100" step="any" required></label>'
        f'<label class="zz-field">{escape(t("warnings.lag"))}<input class="zz-input" type="number" name="lag" value="0" '
        f'min="0" max="24" required></label>'
        f'<button class="zz-btn primary">{escape(t("warnings.again" if again else "warnings.judge"))}</button></div></form>'
    )


def _tables(frame: Frame, tables: list[TableKept]) -> None:
    t = frame.t
    may = frame.may(Right.IMPORT)
    if tables:
        raw(heading(t("warnings.tables")))
        head = [
            (t("warnings.table"), False),
            (t("warnings.table.rows"), True),
            (t("warnings.table.months"), False),
            (t("warnings.table.kinds"), False),
            *([("", False)] if may else []),
        ]
        rows = []
        for one in tables:
            call = {
                "method": "DELETE",
                "path": f"/api/v1/warnings/tables/{quote(one.name)}",
                "sure": t("warnings.table.drop.sure", name=one.name),
            }
            rows.append(
                [
                    f"<b>{escape(one.name)}</b>",
                    t.count(one.rows),
                    f'<span class="num">{escape(f"{one.first} – {one.last}" if one.first else "–")}</span>',
                    escape(" · ".join(t(f"warnings.kind.{kind}") for kind in one.kinds)),
                    *([button(t("warnings.table.drop"), call=call, small=True)] if may else []),
                ]
            )
        raw(tight(short_table(frame, head, rows)))
    if may:
        raw(
            '<div class="zz-upload" style="margin-top:14px" data-zz-to="/api/v1/warnings/tables" data-zz-next="/warnings">'
            f'<label class="zz-drop">{icon("import")}<b>{escape(t("warnings.drop"))}</b><span>'
            f'{escape(t("warnings.drop.kinds"))}</span><input type="file" accept=".csv,.tsv,.txt,.xlsx,.xlsm,.parquet" '
            f'aria-label="{escape(t("warnings.drop"))}"></label>'
            f'<div class="zz-uploading zz-card" hidden style="margin-top:12px" role="status">{escape(t("import.uploading"))}'
            '<div class="zz-progress" style="margin-top:10px"><i style="width:0"></i></div></div></div>'
        )


def _one(frame: Frame, found: dict[str, Any], key: str) -> None:
    t = frame.t
    back = link_button(t("warnings.back"), frame.link(warning=None))
    one = next((row for row in found["warnings"] if row["key"] == key), None)
    if one is None:
        frame.title(t("warnings.gone"), t("warnings.gone.text"), back)
        return
    words = {
        "name": _name(frame, one),
        "level": t(f"warnings.level.{one['level']}"),
        "kind": t(f"warnings.kind.{one['kind']}"),
    }
    month = found["as_of"] or "–"
    if one["since"]:
        sub = t("warnings.one.sub", opened=one["opened"] or "–", month=month)
        frame.title(t("warnings.one", since=one["since"], **words), sub, back)
    else:
        frame.title(t("warnings.one.state", **words), t("warnings.one.sub.state", month=month), back)
    if found["stamp"] != warnings_desk.stamp(frame.desk.path):
        frame.banner("info", t("warnings.stale"), t("warnings.stale.text"))
    raw(
        f'<div class="zz-row">{_level(frame, one["level"])}<span class="dim">{escape(t("warnings.record"))}: '
        f"{escape(_record(frame, one['record']))}</span></div>"
    )
    raw(heading(t("warnings.evidence"), t("warnings.evidence.why")))
    head = [
        (t("warnings.signal"), False),
        (t("warnings.value"), True),
        (t("warnings.normal"), True),
        (t("warnings.vote"), True),
        (t("warnings.since"), False),
    ]
    rows = []
    for row in one["evidence"]:
        kind = "bad" if row["vote"] >= 1 else "warn" if row["vote"] >= 0.5 else ""
        rows.append(
            [
                escape(row["name"][t.lang]),
                escape(_figure(frame, row, row["value"])),
                escape(_normal(frame, row)),
                tag(kind, t.percent(row["vote"], 0)),
                f'<span class="num nw">{escape(row["since"] or "–")}</span>',
            ]
        )
    raw(tight(short_table(frame, head, rows)))
    _charts(frame, one)
    raw(heading(t("warnings.actions"), t("warnings.actions.why")))
    raw(
        '<div class="zz-grid">'
        + "".join(
            f'<div class="zz-card"><h2 class="zz-h2">{escape(action[t.lang])}</h2>'
            f'<p class="zz-note" style="margin:0">{escape(t("warnings.needs", needs=action["needs"][t.lang]))}</p></div>'
            for action in one["actions"]
        )
        + "</div>"
    )
    _worth(frame, found)


def _normal(frame: Frame, row: dict[str, Any]) -> str:
    t = frame.t
    if row["high"] is None:
        return "–"
    if row["low"] is None:
        return t("warnings.normal.most", high=_figure(frame, row, row["high"]))
    return t("warnings.normal.range", low=t.number(row["low"]), high=_figure(frame, row, row["high"]))


def _charts(frame: Frame, one: dict[str, Any]) -> None:
    t = frame.t
    by = {row["signal"]: row for row in one["series"]}
    shown = [row for row in one["evidence"] if row["signal"] in by]
    if not shown:
        return
    raw(heading(t("warnings.charts")))
    with ui.element("div").classes("zz-grid"):
        for row in shown:
            series = by[row["signal"]]
            unit = _unit(frame, row["unit"])
            name = row["name"][t.lang]
            with ui.element("div").classes("zz-card"):
                raw(
                    f'<h2 class="zz-h2">{escape(name)}{f" <small class=dim>({escape(unit)})</small>" if unit else ""}</h2>'
                )
                Chart(frame, _band(frame, series, name, one["opened"], row), label=name, height=210)


def _band(frame: Frame, series: dict[str, Any], name: str, opened: str | None, row: dict[str, Any]) -> dict[str, Any]:
    """A line over the band of what was normal, and a mark where the warning opened."""
    wide = [None if a is None or b is None else b - a for a, b in zip(series["low"], series["high"], strict=True)]
    colour = "@red" if row["vote"] >= 1 else "@amber" if row["vote"] >= 0.5 else "@c1"
    line: dict[str, Any] = {
        "type": "line",
        "name": name,
        "data": series["value"],
        "symbol": "none",
        "lineStyle": {"width": 1.8, "color": colour},
        "itemStyle": {"color": colour},
        "z": 3,
    }
    if opened in series["months"]:
        line["markLine"] = {
            "symbol": "none",
            "silent": True,
            "label": {"formatter": frame.t("warnings.opened"), "color": "@ink-2", "position": "insideEndTop"},
            "lineStyle": {"color": "@ink-3", "type": "dashed"},
            "data": [{"xAxis": opened}],
        }
    band = {"type": "line", "symbol": "none", "silent": True, "stack": "band", "lineStyle": {"opacity": 0}}
    return {
        "grid": {"left": 4, "right": 14, "top": 16, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "axis", "valueFormatter": "@number"},
        "xAxis": {"type": "category", "data": series["months"], "boundaryGap": False},
        "yAxis": {"type": "value", "scale": True, "axisLabel": {"formatter": "@number"}},
        "series": [
            {**band, "data": series["low"], "tooltip": {"show": False}, "stackStrategy": "all"},
            {
                **band,
                "name": frame.t("warnings.band"),
                "data": wide,
                "areaStyle": {"color": "@ink-3", "opacity": 0.18},
                "tooltip": {"show": False},
                "stackStrategy": "all",
            },
            line,
        ],
    }
