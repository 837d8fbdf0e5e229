"""How the server is: its state, the reasons with what to do, and the letters that could not be delivered."""

from __future__ import annotations

from html import escape
from typing import Any

from starlette.concurrency import run_in_threadpool

from zhizao.app import metrics
from zhizao.app.access import Right
from zhizao.app.http.routes.outward import letters
from zhizao.app.outbox import OUTBOX
from zhizao.app.pages.parts import heading, short_table, tag, tight
from zhizao.app.pages.shell import Frame, button, raw

__all__ = ["wellbeing"]

_LETTERS = 20
_KINDS = {"ok": "good", "degraded": "warn", "failing": "bad"}
_STATES = {"waiting": "info", "sent": "good", "failed": "bad"}


async def wellbeing(frame: Frame) -> None:
    """Show it, where the page stands."""
    t = frame.t
    found = await run_in_threadpool(metrics.health, frame.desk)
    counts = await run_in_threadpool(metrics.letters, frame.desk)
    state = found["state"]
    raw(f'<div id="health">{heading(t("health.title"))}</div>')
    told = ""
    for one in found["reasons"]:
        what = t(f"health.reason.{one['code']}", about=one["about"])
        fix = t(f"health.fix.{one['code']}")
        told += f'<li><b>{escape(what)}</b> <span class="dim">{escape(fix)}</span></li>'
    reasons = f'<ul style="margin:8px 0 0;padding-left:18px;line-height:1.7">{told}</ul>' if told else ""
    raw(f'<div class="zz-card">{tag(_KINDS[state], t(f"health.state.{state}"))}{reasons}</div>')
    if not frame.may(Right.SETTLE) or not sum(counts.values()):
        return
    rows = await run_in_threadpool(letters, frame.desk.path / OUTBOX, "failed", _LETTERS)
    rows += await run_in_threadpool(letters, frame.desk.path / OUTBOX, "waiting", _LETTERS)
    note = t("health.letters.note", **{key: t.count(many) for key, many in counts.items()})
    raw(heading(t("health.letters"), note))
    head = [(t(f"health.letter.{key}"), False) for key in ("title", "to", "state", "tries", "word")] + [("", False)]
    if rows:
        raw(tight(short_table(frame, head, [_letter(frame, one) for one in rows], take=False)))


def _letter(frame: Frame, one: dict[str, Any]) -> list[str]:
    t = frame.t
    call = {"method": "POST", "path": f"/api/v1/outbox/{one['id']}/again", "next": frame.link()}
    return [
        f"<b>{escape(one['title'][:120])}</b>",
        escape(f"{one['channel']} {one['to']}"),
        tag(_STATES[one["state"]], t(f"health.letter.{one['state']}")),
        f'<span class="num">{t.count(one["tries"])}</span>',
        f'<span class="dim">{escape(one["word"][:160] or "–")}</span>',
        button(t("health.letter.again"), call=call),
    ]
