"""Import: upload, what each column is taken for and why, a dry reading with its errors by cause, then the import."""

from __future__ import annotations

from html import escape
from typing import Any

import polars as pl

from zhizao.app import uploads
from zhizao.app.access import Right
from zhizao.app.jobs import Job
from zhizao.app.mapping import ColumnSeen, DryRun, columns_of, dry_run, roles
from zhizao.app.pages.icons import icon
from zhizao.app.pages.parts import heading, progress, short_table, tag
from zhizao.app.pages.shell import Frame, button, json_of, link_button, page, raw
from zhizao.app.uploads import Upload
from zhizao.errors import ZhizaoError
from zhizao.sense.files.said import in_lang

__all__ = ["import_page"]

SHARED = {"activity", "operation", "machine"}


@page("/import", "import")
async def import_page(frame: Frame) -> None:
    """Upload, look, import."""
    t = frame.t
    running = [job for kind in ("import", "sample") for job in frame.desk.jobs.list(kind) if job.state == "running"]
    if running:
        frame.title(t("import.running"), t("job.by", by=running[0].by, at=t.time(running[0].at)))
        progress(frame, running[0], after=f"/import?job={running[0].id}")
        return
    if frame.query.get("job"):
        _result(frame, frame.desk.jobs.get(frame.query["job"]))
        return
    if frame.query.get("upload"):
        await _look(frame, uploads.find(frame.desk.path, frame.query["upload"]))
        return
    frame.title(t("import.title"), t("import.sub"))
    if not frame.may(Right.IMPORT):
        frame.banner("info", t("state.viewer"))
        return
    _drop(frame)
    if not frame.desk.has_records():
        call = {"method": "POST", "path": "/api/v1/sample", "body": {}, "next": "/import"}
        raw(
            f'<div class="zz-row" style="margin-top:14px">{button(t("state.empty.sample"), call=call)}'
            f'<span class="zz-note" style="margin:0">{escape(t("import.sample.why"))}</span></div>'
        )
    jobs = [job for job in frame.desk.jobs.list("import") if job.state != "running"][:8]
    if jobs:
        _earlier(frame, jobs)


def _drop(frame: Frame) -> None:
    t = frame.t
    accept = ",".join(uploads.KINDS)
    raw(
        f'<div class="zz-upload"><label class="zz-drop">{icon("import")}<b>{escape(t("import.drop"))}</b>'
        f"<span>{escape(t('import.kinds'))}</span>"
        f'<input type="file" accept="{accept}" aria-label="{escape(t("import.drop"))}"></label>'
        f'<div class="zz-uploading zz-card" hidden style="margin-top:12px" role="status">{escape(t("import.uploading"))}'
        f'<div class="zz-progress" style="margin-top:10px"><i style="width:0"></i></div></div></div>'
    )
    raw(
        '<div class="zz-grid three" style="margin-top:16px">'
        + "".join(
            f'<div><h2 class="zz-h2">{escape(t(f"import.how.{n}"))}</h2><p class="zz-note" style="margin-top:4px">'
            f"{escape(t(f'import.how.{n}.text'))}</p></div>"
            for n in (1, 2, 3)
        )
        + "</div>"
    )


def _earlier(frame: Frame, jobs: list[Job]) -> None:
    t = frame.t
    kinds = {"done": "good", "failed": "bad", "lost": "warn", "cancelled": ""}
    rows = [
        [
            f'<a href="/import?job={job.id}">{escape(str(job.asked.get("name", job.id)))}</a>',
            tag(kinds.get(job.state, ""), t(f"job.{job.state}")),
            escape(t.time(job.at)),
            escape(job.by),
        ]
        for job in jobs
    ]
    head = [(t("col.source"), False), (t("import.state"), False), (t("col.at"), False), (t("import.by"), False)]
    raw(
        f'<section class="zz-section"><h2 class="zz-h2">{escape(t("import.earlier"))}</h2>'
        f'<div class="zz-card">{short_table(frame, head, rows)}</div></section>'
    )


async def _look(frame: Frame, upload: Upload) -> None:
    t, zone = frame.t, frame.desk.zone
    readable = False

    def work() -> tuple[Any, list[ColumnSeen]] | ZhizaoError:
        try:
            return columns_of(upload, zone)
        except ZhizaoError as error:
            return error

    def show(found: tuple[Any, list[ColumnSeen]] | ZhizaoError) -> None:
        nonlocal readable
        if isinstance(found, ZhizaoError):
            again = link_button(t("import.other"), "/import", primary=True)
            frame.title(t("import.unreadable", name=upload.name), t("import.look.sub", size=t.size(upload.size)), again)
            frame.failed(found)
            return
        readable = True
        frame.title(t("import.look", name=upload.name), t("import.look.sub", size=t.size(upload.size)))
        _columns(frame, upload, *found)

    await frame.ready(work, show, height=320)
    if readable:
        await frame.ready(lambda: _tried(upload, zone, t.lang), lambda found: _found(frame, upload, found), height=260)


_LACKING = {"no_order_column": "order", "no_time_column": "start", "no_activity_column": "activity"}


def _tried(upload: Upload, zone: str, lang: str) -> DryRun | ZhizaoError:
    try:
        return dry_run(upload, zone, lang)
    except ZhizaoError as error:
        return error


def _found(frame: Frame, upload: Upload, found: DryRun | ZhizaoError) -> None:
    """What a dry reading found, or why there is none yet: a column that is needed is chosen in the table above."""
    if isinstance(found, DryRun):
        _dry(frame, upload, found)
        return
    raw(heading(frame.t("import.found")))
    if found.fault.code in _LACKING:
        role = roles()[_LACKING[found.fault.code]][1 if frame.t.lang == "zh" else 0]
        frame.banner("warn", frame.t("import.lacking", role=role), frame.t("import.lacking.fix", role=role))
    else:
        frame.failed(found)


def _columns(frame: Frame, upload: Upload, mapping: Any, seen: list[ColumnSeen]) -> None:
    t = frame.t
    head = [
        (t("import.column"), False),
        (t("import.samples"), False),
        (t("import.taken"), False),
        (t("import.why"), False),
        (t("import.sure"), False),
    ]
    rows = []
    for one in seen:
        cells = " · ".join(escape(cell) for cell in one.samples) or "–"
        rows.append(
            [
                f"<b>{escape(one.heading)}</b>",
                f'<span class="dim">{cells}</span>',
                _role_select(frame, one),
                escape(in_lang(one.why, t.lang)) or "–",
                _sure(frame, one),
            ]
        )
    orders = "".join(
        f'<option value="{key}"{" selected" if (mapping.date_order or "") == key else ""}>{escape(t(f"order.{key}"))}</option>'
        for key in ("ymd", "dmy", "mdy")
    )
    call = json_of({"method": "PUT", "path": f"/api/v1/uploads/{upload.id}/mapping"})
    settings = (
        f'<label class="zz-field">{escape(t("import.zone"))}<input class="zz-input" name="zone" list="zz-zones" '
        f'value="{escape(mapping.zone or frame.desk.zone)}"></label>'
        f'<label class="zz-field">{escape(t("import.dates"))}<select class="zz-input" name="date_order">{orders}</select></label>'
    )
    if mapping.duration_unit:
        units = "".join(
            f"<option{' selected' if mapping.duration_unit == unit else ''}>{unit}</option>"
            for unit in ("ms", "s", "min", "h", "day")
        )
        settings += (
            f'<label class="zz-field">{escape(t("import.duration"))}'
            f'<select class="zz-input" name="duration_unit">{units}</select></label>'
        )
    zones = "".join(f"<option>{zone}</option>" for zone in _ZONES)
    raw(
        f'<form data-zz-call="{escape(call)}" data-zz-auto><h2 class="zz-h2" style="margin-bottom:10px">'
        f'{escape(t("import.columns"))}</h2><div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>'
        f'<div class="zz-filter" style="margin:14px 0 0">{settings}</div>'
        f'<datalist id="zz-zones">{zones}</datalist></form>'
    )


_ZONES = ("Asia/Shanghai", "Asia/Tokyo", "Asia/Kolkata", "Europe/Berlin", "Europe/London", "America/New_York", "UTC")


def _role_select(frame: Frame, one: ColumnSeen) -> str:
    t = frame.t
    at = 1 if t.lang == "zh" else 0
    known = roles()
    chosen = "+".join(one.roles)
    options = [("", t("import.unused"))]
    if len(one.roles) > 1:
        options.append((chosen, " + ".join(known[role][at] for role in one.roles)))
    options += [(role, words[at]) for role, words in known.items()]
    if {"activity", "machine"} != set(one.roles):
        options.append(("activity+machine", f"{known['activity'][at]} + {known['machine'][at]}"))
    inside = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(words)}</option>'
        for value, words in options
    )
    label = escape(t("import.taken.of", name=one.heading))
    return f'<select class="zz-input" name="col:{escape(one.heading)}" aria-label="{label}">{inside}</select>'


def _sure(frame: Frame, one: ColumnSeen) -> str:
    t = frame.t
    if not one.roles:
        return tag("", t("import.notused"))
    if one.confidence is None:
        return tag("info", t("import.yours"))
    kind = "good" if one.confidence >= 0.8 else "warn"
    return tag(kind, t.percent(one.confidence, 0))


def _dry(frame: Frame, upload: Upload, run: DryRun) -> None:
    t = frame.t
    kind = "good" if run.rejected == 0 else "warn" if run.share <= 0.2 else "bad"
    words = t(
        "import.dry",
        read=t.count(run.read),
        good=t.count(run.good),
        bad=t.count(run.rejected),
        share=t.percent(run.share),
    )
    call: dict[str, Any] = {
        "method": "POST",
        "path": "/api/v1/imports",
        "body": {"upload": upload.id},
        "next": "/import",
    }
    go = ""
    if kind != "bad":
        go = button(t("import.go", n=t.count(run.good)), call=call, kind="primary")
    else:
        call["body"]["max_rejected"] = 1.0
        call["sure"] = t("import.anyway.sure", bad=t.count(run.rejected))
        go = button(t("import.anyway"), call=call)
    raw(heading(t("import.found")))
    frame.banner(kind, words, t("import.safe") if kind != "bad" else t("import.toomany"), go)
    if run.causes:
        head = [
            (t("col.code"), False),
            (t("col.rejected"), True),
            (t("import.example"), False),
            (t("col.fix"), False),
        ]
        rows = [
            [
                escape(cause["what"]),
                t.count(cause["rows"]),
                escape(t("import.example.at", row=cause["row"], column=cause["column"] or "–"))
                + (f" <code class='zz'>{escape(str(cause['value'])[:60])}</code>" if cause["value"] else ""),
                escape(cause["fix"]),
            ]
            for cause in run.causes
        ]
        raw(f'<div class="zz-card" style="padding:6px 8px;margin-bottom:14px">{short_table(frame, head, rows)}</div>')
    for note in run.notes:
        raw(f'<p class="zz-note">{escape(note)}</p>')
    _first_rows(frame, run.first)


def _first_rows(frame: Frame, first: pl.DataFrame) -> None:
    t = frame.t
    shown = [name for name in first.columns if first[name].null_count() < first.height and name not in ("row", "sheet")]
    names = [name for name in _ORDER if name in shown]
    number = {"good", "scrap", "rework", "order_quantity"}
    head = [(t.maybe(f"col.{name}", name), name in number) for name in names]
    rows = []
    for row in first.iter_rows(named=True):
        cells = []
        for name in names:
            value = row[name]
            if value is None:
                cells.append("–")
            elif name in ("start", "end", "released", "due"):
                cells.append(f'<span class="nw">{escape(t.time(value))}</span>')
            elif name in number:
                cells.append(t.count(value))
            elif name == "report":
                cells.append(escape(t.maybe(f"report.{value}", str(value))))
            elif isinstance(value, bool):
                cells.append(escape(t("yes") if value else t("no")))
            else:
                cells.append(escape(str(value)))
        rows.append(cells)
    raw(
        f'<h2 class="zz-h2 zz-gap">{escape(t("import.first", zone=t.zone))}</h2>'
        f'<div class="zz-card zz-first" style="padding:6px 8px">{short_table(frame, head, rows)}</div>'
    )


_ORDER = (
    "order",
    "product",
    "operation",
    "machine",
    "person",
    "report",
    "start",
    "end",
    "good",
    "scrap",
    "rework",
    "is_rework",
    "order_quantity",
    "released",
    "due",
    "key",
)


def _result(frame: Frame, job: Job) -> None:
    t = frame.t
    name = str(job.asked.get("name", "") or t("jobkind.sample"))
    if job.state != "done":
        frame.title(t("import.notdone", name=name, state=t(f"job.{job.state}")))
        if job.fault:
            frame.fault(job.fault)
        else:
            frame.banner("warn", t("import.partly"), t("import.partly.text"))
        raw(link_button(t("import.again"), "/import", primary=True))
        return
    found = frame.desk.jobs.result(job.id)
    frame.title(
        t("import.done", stored=t.count(found["stored"]), name=name),
        t("import.done.sub", seconds=t.seconds(job.elapsed_s)),
        link_button(t("import.overview"), "/", primary=True) + link_button(t("import.another"), "/import"),
    )
    cells = [
        (t("col.read"), found["read"], "="),
        (t("col.stored"), found["stored"], "+"),
        (t("col.rejected"), found["rejected"], "+"),
        (t("col.duplicate"), found["duplicate"], ""),
    ]
    raw(
        '<div class="zz-card zz-row zz-sum">'
        + "".join(
            f'<div><div class="dim">{escape(words)}</div><div class="value num">{t.count(value)}</div></div>'
            + (f'<div class="sign">{sign}</div>' if sign else "")
            for words, value, sign in cells
        )
        + "</div>"
    )
    if found.get("superseding"):
        frame.banner("info", t("import.superseding", n=t.count(found["superseding"])), t("import.superseding.text"))
    links = link_button(t("import.account"), f"/account?import={found['import_id']}")
    if found["rejected"]:
        links += link_button(t("import.rejectedfile"), f"/api/v1/jobs/{job.id}/files/rejected")
    raw(f'<div class="zz-row" style="margin-top:14px">{links}</div>')
    for note in found.get("notes_zh" if t.lang == "zh" else "notes", found.get("notes", [])):
        raw(f'<p class="zz-note">{escape(str(note))}</p>')
