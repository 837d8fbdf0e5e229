"""The part of the roll-up that stands an enterprise beside its peers: rank, position, what would move it, and who they are."""

from __future__ import annotations

from html import escape
from typing import Any

from zhizao.app.pages.parts import heading, short_table, tight
from zhizao.app.pages.shell import Frame, raw
from zhizao.app.texts import NBSP

__all__ = ["peers_section"]


def peers_section(frame: Frame, found: dict[str, Any]) -> None:
    """Rank and position as two figures, then what would move it, then the peers."""
    t, told = frame.t, found["peers"]
    one, unit = told["unit"], found["indicator"]["unit"]
    joint = "、" if t.lang == "zh" else ", "

    def named(keys: list[str]) -> str:
        return joint.join(t(f"rollup.peers.{key}") for key in keys) or t("rollup.peers.none")

    def figure(value: float, *, sign: bool = False) -> str:
        places = max(1, found["indicator"]["decimals"])
        small = value and abs(value) < 0.5 * 10**-places  # would be shown as nothing
        shown = f"{value:{'+' if sign else ''}.{places}f}" if unit == "%" and not small else t.number(value)
        shown = f"+{shown}" if sign and value > 0 and not shown.startswith("+") else shown
        return shown.replace("-", "−")

    if told["errors"]:
        rank = t("rollup.peers.between", low=t.count(one["low"]), high=t.count(one["high"]))
    else:
        rank = t("rollup.peers.sure")
    ends = {"low": t.percent(one["low_share"], 0), "high": t.percent(one["high_share"], 0)}
    cards = [
        (t("rollup.peers.rank", rank=t.count(one["rank"]), n=t.count(told["units"])), rank),
        (
            t("rollup.peers.share", share=t.percent(one["share"], 0), n=len(one["peers"])),
            t("rollup.peers.share.range", **ends),
        ),
    ]
    inside = "".join(
        f'<div class="zz-card"><b class="num" style="font-size:20px">{escape(top)}</b><div class="dim">{escape(under)}</div></div>'
        for top, under in cards
    )
    how = t("rollup.peers.how", within=named(one["within"]), widened=named(one["widened"]))
    raw(
        f'<section id="peers">{heading(t("rollup.peers"))}'
        f'<div class="zz-grid" style="grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr))">{inside}</div>'
        f'<p class="zz-note">{escape(how)}</p></section>'
    )
    raw(heading(t("rollup.peers.moves")))
    if one["moves"]:
        head = [
            (t("rollup.peers.step"), False),
            (f"{t('rollup.figure')} ({unit})", True),
            (t("rollup.peers.change"), True),
        ]
        rows = [
            [
                escape(t(f"rollup.peers.{move['to']}", name=move["name"] or move["unit"])),
                figure(move["value"]),
                figure(move["change"], sign=True),
            ]
            for move in one["moves"]
        ]
        raw(tight(short_table(frame, head, rows, take=False)))
    else:
        raw(f'<p class="zz-note">{escape(t("rollup.peers.top"))}</p>')
    raw(heading(t("rollup.peers.list")))
    head = [
        (t("rollup.rank"), True),
        (t("rollup.col.enterprise"), False),
        (f"{t('rollup.figure')} ({unit})", True),
        (t("rollup.peers.distance"), True),
    ]
    rows = []
    for peer in one["peers"]:
        link = frame.link(enterprise=peer["unit"], region=None, industry=None)
        rows.append(
            [
                str(peer["rank"]),
                f'<a href="{escape(link)}">{escape(peer["name"] or peer["unit"])}</a>{NBSP}<span class="dim">{escape(peer["unit"])}</span>',
                figure(peer["value"]),
                f"{peer['distance']:.2f}",
            ]
        )
    raw(tight(short_table(frame, head, rows)))
