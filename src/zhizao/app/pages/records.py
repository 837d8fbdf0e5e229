"""Account of records and journal: what became of every row, down to refused rows, corrections and single facts."""

from __future__ import annotations

from html import escape
from typing import Any

import polars as pl
from nicegui import ui

from zhizao.app import views
from zhizao.app.pages.parts import Grid, heading, progress, short_table, tag
from zhizao.app.pages.shell import Frame, button, link_button, page, raw

__all__ = ["account_page", "journal_page"]


@page("/account", "account")
async def account_page(frame: Frame) -> None:
    """Read = stored + rejected + duplicate."""
    t = frame.t
    imports = views.imports(frame.desk)
    if not imports.height:
        frame.no_records()
        return
    wanted = frame.query.get("import", "")
    if wanted:
        _one(frame, imports, wanted)
        return
    sums = {key: int(imports[key].sum()) for key in ("read", "stored", "rejected", "duplicate", "superseding")}
    balances = sums["read"] == sums["stored"] + sums["rejected"] + sums["duplicate"] and bool(imports["balance"].all())
    key = "account.title" if balances else "account.title.not"
    call = {"method": "POST", "path": "/api/v1/verify", "body": {}, "next": "/account"}
    frame.title(
        t(key, read=t.count(sums["read"])),
        t("account.sub", imports=t.count(imports.height)),
        button(t("account.verify"), call=call),
    )
    _verified(frame)
    _sum(frame, sums, balances)
    raw(heading(t("account.imports")))
    Grid(frame, "imports", height=min(420, 150 + 36 * imports.height), sort=[("import_id", "desc")])
    raw(heading(t("account.corrections", n=t.count(sums["superseding"]))))
    raw(f'<p class="zz-note" style="margin:-4px 0 8px">{escape(t("account.corrections.why"))}</p>')
    if sums["superseding"]:
        Grid(frame, "corrections", height=min(420, 150 + 36 * sums["superseding"]))


def _verified(frame: Frame) -> None:
    t = frame.t
    jobs = frame.desk.jobs.list("verify")
    if not jobs:
        return
    job = jobs[0]
    if job.state == "running":
        progress(frame, job, after="/account")
    elif job.state == "done":
        found = frame.desk.jobs.result(job.id)
        frame.banner("good", t("account.verified", n=t.count(found["events"]), at=t.time(job.at)))
    elif job.fault:
        frame.banner("bad", job.fault["what"], job.fault["fix"])


def _sum(frame: Frame, sums: dict[str, int], balances: bool) -> None:
    t = frame.t
    cells = (("read", ""), ("stored", "="), ("rejected", "+"), ("duplicate", "+"))
    said = tag("good", t("account.balances")) if balances else tag("bad", t("account.not"))
    raw(
        '<div class="zz-card zz-row zz-sum">'
        + "".join(
            '<div class="part">'
            + (f'<div class="sign">{sign}</div>' if sign else "")
            + f'<div><div class="dim">{escape(t(f"col.{key}"))}</div><div class="value num">{t.count(sums[key])}</div></div></div>'
            for key, sign in cells
        )
        + f'<div style="margin-left:auto">{said}</div></div>'
    )


def _one(frame: Frame, imports: pl.DataFrame, wanted: str) -> None:
    t = frame.t
    rows = imports.filter(pl.col("import_id") == int(wanted)) if wanted.isdigit() else imports.clear()
    if not rows.height:
        frame.title(t("account.noimport"), "", link_button(t("back"), frame.link("/account")))
        return
    row: dict[str, Any] = rows.row(0, named=True)
    frame.title(
        t("account.one", n=row["import_id"], source=row["source"]),
        t("account.one.sub", at=t.time(row["recorded_at"])),
        link_button(t("back"), frame.link("/account")),
    )
    _sum(frame, {key: int(row[key]) for key in ("read", "stored", "rejected", "duplicate")}, bool(row["balance"]))
    if not row["finished"]:
        frame.banner("warn", t("account.unfinished"), t("account.unfinished.text"))
    if row["reasons"]:
        head = [(t("col.code"), False), (t("col.rejected"), True), (t("col.fix"), False)]
        body = []
        for one in row["reasons"]:
            what, fix = _cause(one["code"], t.lang)
            body.append([escape(what), t.count(one["rows"]), escape(fix)])
        raw(
            f'<h2 class="zz-h2 zz-gap">{escape(t("account.reasons"))}</h2>'
            f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, body)}</div>'
        )
        raw(heading(t("table.rejections")))
        Grid(frame, "rejections", height=min(520, 150 + 36 * int(row["rejected"])), query={"import": wanted})
    if row["superseding"]:
        raw(heading(t("account.corrections", n=t.count(row["superseding"]))))
        Grid(frame, "corrections", height=min(420, 150 + 36 * int(row["superseding"])), query={"import": wanted})


def _cause(code: str, lang: str) -> tuple[str, str]:
    from zhizao.sense.files import cause_words

    try:
        return cause_words(code, lang)
    except KeyError:
        return code, "–"


@page("/journal", "journal")
async def journal_page(frame: Frame) -> None:
    """All facts, and one of them with its versions."""
    t = frame.t
    event = frame.query.get("event", "")
    if event:
        _fact(frame, event)
        return
    if frame.no_records():
        return
    rows = frame.desk.rows_in(frame.period)
    keys = ("order", "machine", "product", "operation", "person")
    query = {key: frame.query[key] for key in keys if frame.query.get(key)}
    if query:
        words = ", ".join(f"{t(f'col.{key}')} {value}" for key, value in query.items())
        clear = link_button(t("journal.all"), frame.link(**dict.fromkeys(keys)), small=True)
        frame.title(t("journal.of", words=words), frame.period_words(), clear)
    else:
        frame.title(t("journal.title", n=t.count(rows)), t("journal.sub"))
    Grid(frame, "operations", height=640, query=query, sort=[("start", "desc")])


def _fact(frame: Frame, text: str) -> None:
    t = frame.t
    if not text.isdigit():
        frame.title(t("journal.nofact"), "", link_button(t("back"), "/journal"))
        return
    event, history = views.fact(frame.desk, int(text))
    frame.title(
        t("journal.fact", n=event.sequence, subject=event.subject),
        t("journal.fact.sub", at=t.time(event.recorded_at), source=event.source),
        link_button(t("journal.order", order=event.subject), frame.link("/orders", order=event.subject)),
    )
    current = bool(history.filter(pl.col("event") == event.sequence)["current"].item())
    kind = tag("good", t("journal.current")) if current else tag("warn", t("journal.superseded"))
    pairs = [
        (t("journal.kind"), escape(event.kind)),
        (t("journal.state"), kind),
        (t("col.at"), escape(t.time(event.at))),
        (t("col.recorded_at"), escape(t.time(event.recorded_at))),
        (t("col.source"), escape(event.source)),
        (t("journal.place"), escape(_place(frame, event.sheet, event.row))),
        ("UUID", f'<code class="zz">{event.id}</code>'),
        (t("journal.hash"), f'<code class="zz">{escape(event.hash)}</code>'),
    ]
    if event.import_id is not None:
        link = f'<a href="/account?import={event.import_id}">{event.import_id}</a>'
        pairs.insert(6, (t("col.import_id"), link))
    inside = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in pairs)
    with ui.element("div").classes("zz-grid"):
        raw(
            f'<div class="zz-card"><h2 class="zz-h2">{escape(t("journal.where"))}</h2><dl class="zz-kv">{inside}</dl></div>'
        )
        said = "".join(
            f"<dt>{escape(t.maybe(f'col.{key}', key))}</dt><dd>{escape(_value(frame, key, value))}</dd>"
            for key, value in _payload(history, event.sequence).items()
            if value is not None
        )
        raw(
            f'<div class="zz-card"><h2 class="zz-h2">{escape(t("journal.says"))}</h2><dl class="zz-kv">{said}</dl></div>'
        )
    if history.height > 1:
        _versions(frame, history)


def _place(frame: Frame, sheet: str | None, row: int | None) -> str:
    if row is None:
        return "–"
    said = frame.t("journal.row", row=row)
    return f"{sheet}, {said}" if sheet else said


def _payload(history: pl.DataFrame, sequence: int) -> dict[str, Any]:
    row = history.filter(pl.col("event") == sequence).row(0, named=True)
    out = ("event", "current", "kind", "recorded_at", "source", "sheet", "row")
    return {key: value for key, value in row.items() if key not in out}


def _value(frame: Frame, key: str, value: object) -> str:
    from datetime import datetime

    t = frame.t
    if isinstance(value, bool):
        return t("yes") if value else t("no")
    if isinstance(value, datetime):
        return t.time(value)
    if isinstance(value, float):
        return f"{value:,.6g}"
    return t.maybe(f"report.{value}", str(value)) if key == "report" else str(value)


def _versions(frame: Frame, history: pl.DataFrame) -> None:
    t = frame.t
    keep = ("event", "current", "recorded_at", "source", "row")
    changing = [
        name for name in history.columns if name not in (*keep, "kind", "sheet") and history[name].n_unique() > 1
    ]
    names = [*keep, *changing]
    head = [(t.maybe(f"col.{name}", name), name in ("event", "row")) for name in names]
    rows = []
    for row in history.iter_rows(named=True):
        cells = [f'<a href="/journal?event={row["event"]}">{row["event"]}</a>']
        cells.append(tag("good", t("journal.current")) if row["current"] else tag("", t("journal.superseded")))
        cells += [escape(_value(frame, name, row[name])) if row[name] is not None else "–" for name in names[2:]]
        rows.append(cells)
    raw(
        f'<h2 class="zz-h2 zz-gap">{escape(t("journal.versions", n=history.height))}</h2>'
        f'<div class="zz-card" style="padding:6px 8px">{short_table(frame, head, rows)}</div>'
    )
