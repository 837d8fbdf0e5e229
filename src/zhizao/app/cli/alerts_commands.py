"""`zhizao alerts`: warnings from tables of economic series, with evidence, actions, and how good such warnings have been."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhizao.app.alert_steps import KINDS, as_plain, judge, read_as_of, read_budget, read_tables, refuse_future
from zhizao.app.cli.options import check_lang
from zhizao.app.cli.show import progress_bar, say
from zhizao.errors import InputError

if TYPE_CHECKING:
    from zhizao.programme.alerts import Alert, CannotJudge

__all__ = ["add"]

_WORDS = {
    "en": {
        "none": "no warning as of {month}",
        "count": "{n} warnings as of {month}",
        "since": "departed since {since}, warning opened {opened}",
        "range": "normal {low:.4g} .. {high:.4g}",
        "line": "line {high:.5g}",
        "actions": "possible: {names}",
        "needs": "    {name}; needs: {needs}",
        "record": "such warnings here: lead {lead} months, precision {precision}, recall {recall}",
        "no_record": "record: {reason}",
        "replay": "replay of the past: {warned} of {falls} falls of utilisation warned of before the trough, median lead {lead} months "
        "(10-90 %: {p10} .. {p90}); {right} of {warnings} warnings right; {false:.2f} false alarms a year, budget {budget:g}",
        "quality_replay": "replay of quality with injected doublings: precision {precision}, recall {recall}, median delay {delay} months",
        "cannot": "cannot judge {name}: {why}",
        "more": "  ... and {n} more that cannot be judged",
    },
    "zh": {
        "none": "截至 {month} 没有预警",
        "count": "截至 {month} 有 {n} 条预警",
        "since": "自 {since} 起偏离，{opened} 发出",
        "range": "常态 {low:.4g} ～ {high:.4g}",
        "line": "界限 {high:.5g}",
        "actions": "可采取：{names}",
        "needs": "    {name}；需要：{needs}",
        "record": "此类预警以往：提前 {lead} 个月，准确率 {precision}，召回率 {recall}",
        "no_record": "以往表现：{reason}",
        "replay": "历史重演：{falls} 次利用率下行中有 {warned} 次在谷底前预警，提前期中位数 {lead} 个月（10-90 %：{p10} ～ {p90}）；"
        "{warnings} 条预警中 {right} 条正确；误报每年 {false:.2f} 次，预算 {budget:g} 次",
        "quality_replay": "质量预警以注入翻倍重演：准确率 {precision}，召回率 {recall}，滞后中位数 {delay} 个月",
        "cannot": "无法判断 {name}：{why}",
        "more": "  …… 另有 {n} 项无法判断",
    },
}


_UNITS = {"days": "天", "points": "点", "index": ""}


def alerts(
    data: Annotated[Path, typer.Argument(help="CSV, Excel or Parquet table of economic series, or a folder of them.")],
    kind: Annotated[
        str | None,
        typer.Option(help="over-capacity, quality, concentration or trade; all that the columns allow by default."),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Judge as of this month, looking at nothing later: 2024-06.")
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Show how good the warnings were on the past of these data.")
    ] = False,
    budget: Annotated[str, typer.Option(help="False alarms allowed over all industries together.")] = "1/year",
    lag: Annotated[int, typer.Option(help="Months that pass before a figure is published.", min=0, max=24)] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the calibration.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    lang: Annotated[str | None, typer.Option(help="zh or en.")] = None,
) -> None:
    """Warn of over-capacity, quality, concentration of supply and exposure of trade."""
    lang = check_lang(lang)
    if kind is not None and kind not in KINDS:
        raise InputError(
            f'"{kind}" is no kind of warning', where="--kind", fix=f"write one of {', '.join(KINDS)}", code="bad_kind"
        )
    allowed, month = read_budget(budget), read_as_of(as_of)
    with progress_bar(quiet=as_json, lang=lang) as progress:
        progress("reading", 0.0)
        tables = read_tables(data)
        if month is None:
            refuse_future(tables)
        found = judge(
            tables, kind=KINDS.get(kind or ""), month=month, budget=allowed, lag=lag, seed=seed, where=str(data)
        )
    if as_json:
        shown = as_plain(found, allowed)
        say(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    _show(found, allowed, replay=replay, lang=lang)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _show(found: dict[str, Any], budget: float, *, replay: bool, lang: str) -> None:
    words, at = _WORDS[lang], 0 if lang == "zh" else 1
    month = found["as_of"] or "-"
    alerts_: list[Alert] = found["alerts"]
    say(words["count"].format(n=len(alerts_), month=month) if alerts_ else words["none"].format(month=month))
    for one in alerts_:
        _show_one(one, words, at)
    past = found["replay"].get("over-capacity") if replay else None
    if past:
        lead = past["lead_time_months"]
        say(
            words["replay"].format(
                warned=past["warned_in_time"],
                falls=past["falls"],
                lead=_number(lead["median"]),
                p10=_number(lead["p10"]),
                p90=_number(lead["p90"]),
                right=past["right"],
                warnings=past["warnings"],
                false=past["false_alarms_per_year"],
                budget=budget,
            )
        )
    past = found["replay"].get("quality") if replay else None
    if past:
        say(
            words["quality_replay"].format(
                precision=_share(past["precision"]), recall=_share(past["recall"]), delay=_number(past["delay_months"])
            )
        )
    cannot: list[CannotJudge] = found["cannot"]
    for none in cannot[:8]:
        say(
            words["cannot"].format(
                name=" ".join(none.scope.values()) or none.kind, why=none.zh if lang == "zh" else none.en
            )
        )
    if len(cannot) > 8:
        say(words["more"].format(n=len(cannot) - 8))


def _show_one(one: Alert, words: dict[str, str], at: int) -> None:
    from zhizao.programme.alerts.warning import KINDS, LEVELS, WAYS

    codes = " ".join(one.scope.values())
    name = one.name[at] if one.name[at] == codes else f"{codes} {one.name[at]}"
    say(f"[{LEVELS[one.level][at]}] {KINDS[one.kind][at]}: {name}")
    if one.since and one.opened:
        say("  " + words["since"].format(since=f"{one.since:%Y-%m}", opened=f"{one.opened:%Y-%m}"))
    for row in one.evidence[:7]:
        span = ""
        if row.low is not None and row.high is not None:
            span = words["range"].format(low=row.low, high=row.high)
        elif row.high is not None:
            span = words["line"].format(high=row.high)
        value = (
            "-" if row.value is None else f"{row.value:.5g} {_UNITS.get(row.unit, row.unit) if at == 0 else row.unit}"
        )
        say(
            f"  {'!' if row.vote >= 1 else '+' if row.vote >= 0.5 else ' '} {row.zh if at == 0 else row.en}: {value}  ({span})  {row.vote:.2f}"
        )
    best = one.actions[:3]
    say("  " + words["actions"].format(names=" / ".join(dict.fromkeys(WAYS[action.way][at] for action in one.actions))))
    for action in best:
        say(
            words["needs"].format(
                name=action.zh if at == 0 else action.en, needs=action.needs_zh if at == 0 else action.needs_en
            )
        )
    record = one.record
    if record.precision is None and record.recall is None:
        say("  " + words["no_record"].format(reason=record.reason[at]))
    else:
        say(
            "  "
            + words["record"].format(
                lead=_number(record.lead_time_months), precision=_share(record.precision), recall=_share(record.recall)
            )
        )


def add(app: typer.Typer) -> None:
    """Put the commands of this module on the tree."""
    app.command()(alerts)
