"""`zhizao alerts`: warnings from tables of economic series, with evidence, actions, and how good such warnings have been."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhizao.app.cli.options import check_lang
from zhizao.app.cli.show import progress_bar, say
from zhizao.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    import polars as pl

    from zhizao.programme.alerts import Alert, CannotJudge

__all__ = ["add"]

_KINDS = {"over-capacity": "over_capacity", "quality": "quality", "concentration": "concentration", "trade": "trade"}

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


def read_budget(text: str) -> float:
    """Budget of false alarms a year: `1/year`, `0.5`, `1/month`, `2/年`."""
    number, _, per = text.strip().partition("/")
    per = per.strip().lower()
    try:
        value = float(number) * {"": 1, "year": 1, "y": 1, "年": 1, "month": 12, "月": 12, "quarter": 4, "季": 4}[per]
    except (ValueError, KeyError):
        value = 0.0
    if not 0.001 <= value <= 1000:
        raise InputError(
            f'"{text}" is no budget of false alarms',
            where="--budget",
            fix="write how many a year over all industries together, such as 1/year",
            code="bad_budget",
        )
    return value


def read_as_of(text: str | None) -> date | None:
    """The last day of the month named: what was known by its end counts."""
    from datetime import timedelta

    from zhizao.programme.alerts import read_month

    if text is None:
        return None
    found = read_month(text)
    if found is None:
        raise InputError(f'"{text}" is not a month', where="--as-of", fix="write it as 2024-06", code="bad_month")
    return (found.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def read_tables(data: Path) -> list[tuple[str, pl.DataFrame]]:
    """Tables of a file, or of the files of a folder, with their columns settled."""
    from zhizao.programme.alerts import settle
    from zhizao.sense.files.source import Options, open_source

    if not data.exists():
        raise InputError(f'there is no file or folder "{data}"', where=str(data), fix="check the name", code="no_file")
    if data.is_dir():
        paths = sorted(one for one in data.iterdir() if one.suffix.lower() in (".csv", ".parquet", ".xlsx"))
        if not paths:
            raise InputError(
                "the folder holds no table",
                where=str(data),
                fix="put CSV, Excel or Parquet files there",
                code="no_file",
            )
    else:
        paths = [data]
    tables, refused = [], None
    for path in paths:
        for sheet in open_source(path, Options()).sheets:
            if sheet.ragged:
                line, cells, _ = sheet.ragged[0]
                raise InputError(
                    f"line {line} has {cells} cells, the headings are {sheet.frame.width}",
                    where=path.name, fix="the file is cut off or a separator is wrong; export it again", code="ragged",
                )  # fmt: skip
            name = path.name + (f", sheet {sheet.name}" if sheet.name else "")
            try:
                tables.append((name, settle(sheet.frame, name, sheet.rows)))
            except InputError as error:
                if len(paths) == 1 or error.fault.code not in ("no_month",):
                    raise
                refused = error
    if not tables and refused:
        raise refused
    return tables


def refuse_future(tables: list[tuple[str, pl.DataFrame]]) -> None:
    """A month that has not begun is a forecast or a slip of the pen, and no reading."""
    from zhizao.clock import now

    today = now().date()
    for name, table in tables:
        last = table["month"].max() if "month" in table.columns else None
        if last is not None and str(last) > str(today):
            raise InputError(
                f"the data reach to {str(last)[:7]}, which is still to come",
                where=name,
                fix="leave forecasts out, or name the last month of readings with --as-of",
                code="future",
            )


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
    if kind is not None and kind not in _KINDS:
        raise InputError(
            f'"{kind}" is no kind of warning', where="--kind", fix=f"write one of {', '.join(_KINDS)}", code="bad_kind"
        )
    allowed, month = read_budget(budget), read_as_of(as_of)
    with progress_bar(quiet=as_json, lang=lang) as progress:
        progress("reading", 0.0)
        tables = read_tables(data)
        if month is None:
            refuse_future(tables)
        found = _judge(tables, _KINDS.get(kind or ""), month, allowed, lag, seed, str(data))
    if as_json:
        from zhizao.programme.alerts import as_json as plain

        shown: dict[str, Any] = {
            "as_of": found["as_of"],
            "budget_per_year": allowed,
            "warnings": [plain(one) for one in found["alerts"]],
            "replay": found["replay"],
            "cannot_judge": [
                {"kind": one.kind.replace("_", "-"), "scope": one.scope, "reason": {"zh": one.zh, "en": one.en}}
                for one in found["cannot"]
            ],
        }
        say(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    _show(found, allowed, replay=replay, lang=lang)


def _judge(
    tables: list[tuple[str, pl.DataFrame]],
    kind: str | None,
    month: date | None,
    budget: float,
    lag: int,
    seed: int,
    where: str,
) -> dict[str, Any]:
    """All kinds of warning that the tables can speak to."""
    import numpy as np
    import polars as pl

    from zhizao.programme import alerts as core

    out: dict[str, Any] = {"alerts": [], "cannot": [], "replay": {}, "as_of": None}
    rng = np.random.default_rng(seed)
    done = set()
    for name, table in tables:
        kinds = [one for one in core.kinds_in(table.columns) if kind in (None, one)]
        if not kinds:
            continue
        try:
            if month is not None and "month" in table.columns:
                table = table.filter(pl.col("month") <= month)
            if table.is_empty():
                raise InputError(
                    "no row is left up to that month", where="--as-of", fix="name a later month", code="no_rows"
                )
            if "month" in table.columns:
                out["as_of"] = max(out["as_of"] or "", str(table["month"].max())[:7])
            for one in kinds:
                done.add(one)
                if one == "over_capacity":
                    panel = core.panel_of(table, as_of=month)
                    found = core.over_capacity(panel, budget=budget, rng=rng, lag=lag)
                    out["alerts"] += found.alerts
                    out["cannot"] += found.cannot_judge
                    if found.replayed is not None:
                        out["replay"]["over-capacity"] = found.replayed.as_json()
                elif one == "quality":
                    quality = core.quality_alerts(table, budget=budget, rng=rng)
                    out["alerts"] += quality.alerts
                    out["cannot"] += quality.cannot_judge
                    if quality.replayed:
                        out["replay"]["quality"] = quality.replayed
                else:
                    judge = core.concentration_alerts if one == "concentration" else core.trade_alerts
                    out["alerts"] += judge(table)
        except InputError as error:
            if error.fault.where:
                raise
            raise InputError(error.fault.what, where=name, fix=error.fault.fix, code=error.fault.code) from error
    if not done:
        seen = (
            ", ".join(dict.fromkeys(column for _, table in tables for column in table.columns)) or "none that is known"
        )
        raise InputError(
            f"the columns ({seen}) do not suffice for {'any warning' if kind is None else kind.replace('_', '-')}",
            where=where, fix="docs/alerts.md names the columns of each kind of warning", code="no_kind",
        )  # fmt: skip
    return out


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
