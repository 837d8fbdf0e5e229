"""`zhizao peers`: a league with rank intervals; a unit beside those like it, and what would move it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from zhizao.app.cli.options import check_lang
from zhizao.app.cli.show import say

__all__ = ["peers", "say_peers"]

_WORDS = {
    "en": {
        "league": "{units:,} units by {value}; 95 % of such leagues hold every true rank in its interval",
        "row": "{rank:>6} {interval:>13}  band {band:<5} {value:>12.6g}  {unit}",
        "unit": "{unit}: rank {rank}, between {low} and {high}; better than {share:.0%} of {n} peers (95 %: {low_share:.0%} to {high_share:.0%})",
        "within": "peers of the same {within}; given up for want of peers: {widened}",
        "peer": "  {unit}  {value:.6g}, rank {rank}, distance {distance:.2f}",
        "next": "to stand level with {unit}, the next ahead: {value:.6g} ({change:+.4g})",
        "surely": "to be ahead of {unit} beyond both intervals: {value:.6g} ({change:+.4g})",
        "median": "to the median of its peers: {value:.6g} ({change:+.4g})",
        "quarter": "to the best quarter of its peers: {value:.6g} ({change:+.4g})",
        "none": "nothing",
    },
    "zh": {
        "league": "按 {value} 比较 {units:,} 个单位；此类排名中 95 % 能使所有真实名次均在区间内",
        "row": "{rank:>6} {interval:>13}  第 {band:<3} 组 {value:>12.6g}  {unit}",
        "unit": "{unit}：第 {rank} 名，区间 {low} 至 {high}；优于 {n} 个同类单位中的 {share:.0%}（95 %：{low_share:.0%} 至 {high_share:.0%}）",
        "within": "同类条件：{within}；因同类不足而放宽：{widened}",
        "peer": "  {unit}  {value:.6g}，第 {rank} 名，距离 {distance:.2f}",
        "next": "追平前一名 {unit}：{value:.6g}（{change:+.4g}）",
        "surely": "确定领先 {unit}（两者区间不相交）：{value:.6g}（{change:+.4g}）",
        "median": "达到同类中位数：{value:.6g}（{change:+.4g}）",
        "quarter": "达到同类最好四分之一：{value:.6g}（{change:+.4g}）",
        "none": "无",
    },
}


def peers(
    data: Annotated[Path, typer.Argument(help="One row a unit: CSV, Excel or Parquet.")],
    value: Annotated[str, typer.Option(help="Column that is compared.")],
    unit: Annotated[str, typer.Option(help="Unit that is looked at; only the league when absent.")] = "",
    id_column: Annotated[str | None, typer.Option("--id", help="Column of ids; found when absent.")] = None,
    se: Annotated[str | None, typer.Option(help="Column of standard errors of the value.")] = None,
    within: Annotated[str, typer.Option(help="Columns that peers share, most binding first.")] = "",
    near: Annotated[str, typer.Option(help="Columns of structure in which peers are nearest.")] = "",
    less: Annotated[bool, typer.Option("--less", help="Less is better.")] = False,
    most: Annotated[int, typer.Option(help="Most peers.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    lang: Annotated[str | None, typer.Option(help="zh or en.")] = None,
) -> None:
    """A league with rank intervals; the peers of a unit, its position among them, and what would move it."""
    from zhizao.app.peers import peers_answer
    from zhizao.app.survey_steps import read_table

    lang = check_lang(lang)
    found = peers_answer(
        read_table(data), value=value, unit=unit, id_column=id_column, se=se, within=_listed(within),
        near=_listed(near), less_is_better=less, most=most, where=data.name,
    )  # fmt: skip
    if as_json:
        say(json.dumps(found, ensure_ascii=False, indent=1))
        return
    say_peers(found, lang)


def say_peers(found: dict[str, Any], lang: str) -> None:
    """Print a league and, where one is named, a unit beside its peers."""
    words = _WORDS[lang]
    say(words["league"].format(**found))
    for row in found["league"][:20]:
        say(words["row"].format(**row, interval=f"{row['low']}-{row['high']}"))
    one = found["unit"]
    if one is None:
        return
    say(words["unit"].format(**one, n=len(one["peers"])))
    joint = "、" if lang == "zh" else ", "
    told = {key: joint.join(one[key]) or words["none"] for key in ("within", "widened")}
    say(words["within"].format(**told))
    for peer in one["peers"][:10]:
        say(words["peer"].format(**peer))
    for move in one["moves"]:
        say(words[move["to"]].format(**move))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("，", ",").split(",") if part.strip())
