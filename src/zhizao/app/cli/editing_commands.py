"""`zhizao edit`: returns in, located errors, call-backs, signs and corrected returns out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhizao.app.cli.options import check_lang
from zhizao.app.cli.show import progress_bar, say
from zhizao.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from zhizao.programme.editing import Edited, RuleSet

__all__ = ["add"]

_WORDS = {
    "en": {
        "head": "{n} returns judged by {r} rules (version {v}): {f} fail a hard rule, {s} only soft ones",
        "hard": "failed hard rules:",
        "soft": "failed soft rules, to be confirmed or explained:",
        "located": "returns with located errors: {n}",
        "unit": "a figure in another unit (1,000, 10,000 or 100 million times off)",
        "unit_of_all_money": "all money in another unit",
        "sign": "wrong sign",
        "swap": "two fields swapped",
        "typing": "a slip of the finger in a balance",
        "rounding": "a balance off by rounding",
        "fewest_fields": "fewest fields that must be wrong",
        "impossible": "no change of this month's figures keeps the rules",
        "such": "such as {enterprise}, row {row}: {fields}",
        "cells": "cells: {cells} = kept {kept} + corrected {corrected} + imputed {imputed} + missing {missing}",
        "outliers": "outliers: {n}; farthest:",
        "change": "{e}: {item} changed far more than its peers' since last month ({x:.1f} times the limit)",
        "ratio": "{e}: {item} / {other} is far from its peers' ({x:.1f} times the limit)",
        "several": "{e}: ratios do not fit together, {item} / {other} first ({x:.1f} times the limit)",
        "calls": "calls that matter to published totals: {n} of {of}; first:",
        "call": "{rank}. {e}: {item}, reported {told}, expected {guess}, would move the total by {effect}",
        "signs": "signs of made-up figures at {n} enterprises (a sign is no proof; {q:.0%} of them may be honest):",
        "more": "... and {n} more; --json lists all",
        "none": "nothing found",
        "check": "the rules themselves: {what}",
    },
    "zh": {
        "head": "按 {r} 条规则（版本 {v}）审核 {n} 份报表：{f} 份违反强制规则，{s} 份仅违反提示规则",
        "hard": "违反的强制规则：",
        "soft": "违反的提示规则，须核实或说明：",
        "located": "已定位差错的报表：{n} 份",
        "unit": "某项数值单位填错（差千、万或亿倍）",
        "unit_of_all_money": "全部金额单位填错",
        "sign": "正负号填错",
        "swap": "两栏填反",
        "typing": "平衡关系中的录入差错",
        "rounding": "平衡关系中的四舍五入误差",
        "fewest_fields": "必有差错的最少字段",
        "impossible": "改动本期数值无法满足规则",
        "such": "例如 {enterprise}，第 {row} 行：{fields}",
        "cells": "单元格：{cells} = 保留 {kept} + 更正 {corrected} + 插补 {imputed} + 缺失 {missing}",
        "outliers": "离群值：{n} 个；最突出的：",
        "change": "{e}：{item}较上月变动远超同类企业（界限的 {x:.1f} 倍）",
        "ratio": "{e}：{item} / {other}远离同类企业（界限的 {x:.1f} 倍）",
        "several": "{e}：多项比率互不相称，首先是{item} / {other}（界限的 {x:.1f} 倍）",
        "calls": "影响发布总量、须回访的：{of} 份中的 {n} 份；首先：",
        "call": "{rank}. {e}：{item}，报 {told}，预期 {guess}，更正将使总量变动 {effect}",
        "signs": "{n} 家企业有数据不实的迹象（迹象并非证据，其中约 {q:.0%} 可能属实）：",
        "more": "……另有 {n} 条，用 --json 列出全部",
        "none": "未发现问题",
        "check": "规则本身：{what}",
    },
}
_SHOWN = 8


def edit_command(
    returns: Annotated[Path, typer.Argument(help="CSV, Excel or Parquet file, one row per enterprise and period.")],
    rules: Annotated[list[Path] | None, typer.Option(help="YAML file with rules of your own; may be repeated.")] = None,
    previous: Annotated[list[Path] | None, typer.Option(help="Returns of earlier periods; may be repeated.")] = None,
    weights: Annotated[str | None, typer.Option(help="Column with the weight of each enterprise.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the returns after editing here, as CSV.")] = None,
    share: Annotated[
        float, typer.Option(help="Share of a total's standard error that may remain as bias without a call.")
    ] = 0.2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    lang: Annotated[str | None, typer.Option(help="zh or en.")] = None,
) -> None:
    """Find errors in enterprise returns, whom to call, and signs of made-up figures."""
    lang = check_lang(lang)
    from zhizao.programme.editing import Settings, check_rules, corrected, edit, from_frame
    from zhizao.programme.editing import as_json as shown

    chosen = _rules(rules or [])
    faults = check_rules(chosen) if rules else ()
    for one in faults:
        if one.kind == "contradiction":
            raise InputError(
                one.said("en") if lang == "en" else one.said("zh"),
                where=", ".join(str(path) for path in rules or []),
                fix="loosen one of them, or switch it off with severity: off",
                code="contradiction",
            )
    frame, numbers = _read(returns)
    earlier = [_read(path)[0] for path in previous or []]
    told = from_frame(frame, rows=numbers, earlier=earlier, weights=weights, where=returns.name)
    with progress_bar(lang=lang) as progress:
        done = edit(told, chosen, Settings(share=share), progress=progress)
    if out is not None:
        from zhizao.record.whole import write_whole

        write_whole(out, b"\xef\xbb\xbf" + corrected(done).write_csv().encode())
    if as_json:
        say(json.dumps(shown(done, lang), ensure_ascii=False, indent=1, allow_nan=False))
        return
    _show(done, lang)
    for one in faults:
        say(_WORDS[lang]["check"].format(what=one.said(lang)))
    if out is not None:
        say(f"-> {out}")


def _rules(paths: list[Path]) -> RuleSet:
    from zhizao.programme.editing import read_rules, rule_set

    given = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise InputError(
                f'there is no file "{path}"', where="--rules", fix="check the name and the folder"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f'"{path}" cannot be read as UTF-8 text', where="--rules", fix="save it as a UTF-8 text file"
            ) from error
        given.append(read_rules(text, path.name))
    return rule_set(*given)


def _read(path: Path) -> tuple[pl.DataFrame, pl.Series]:
    """First table of a file that names enterprises, and its row numbers."""
    from zhizao.errors import Fault, FaultsFound
    from zhizao.programme.editing import HEADINGS, recognise
    from zhizao.sense.files.source import Options, open_source

    source = open_source(path, Options(headings=HEADINGS))
    sheet = next(
        (one for one in source.sheets if "enterprise" in recognise(one.frame.columns).values()), source.sheets[0]
    )
    if sheet.ragged:
        raise FaultsFound(
            f"{len(sheet.ragged):,} rows have another number of cells than the headings",
            [Fault(f"{n} cells", f"{path.name}, row {row}", "mend the row", "ragged") for row, n, _ in sheet.ragged],
            where=path.name,
            fix="check separators and quotes in these rows",
        )
    for heading, places in sheet.repeated.items():
        if recognise([heading]):
            raise InputError(
                f'the heading "{heading}" stands in columns {", ".join(map(str, places))}',
                where=path.name,
                fix="keep the column that counts",
                code="twice",
            )
    return sheet.frame, sheet.rows


def _show(done: Edited, lang: str) -> None:
    from zhizao.programme.editing import account, callback_rows, located_rows
    from zhizao.programme.items import items

    words, total, names = _WORDS[lang], account(done), items()

    def item(key: str) -> str:
        return names[key].zh if lang == "zh" else names[key].en

    failed = done.hard.any(axis=1)
    say(
        words["head"].format(
            n=f"{len(done.returns):,}",
            r=len(done.rules.rules),
            v=done.rules.version,
            f=f"{int(failed.sum()):,}",
            s=f"{int((done.soft.any(axis=1) & ~failed).sum()):,}",
        )
    )
    for head, counts in (("hard", total["hard_failed"]), ("soft", total["soft_failed"])):
        if counts:
            say(words[head])
            for name, n in sorted(counts.items(), key=lambda one: -one[1])[:_SHOWN]:
                say(f"  {n:>7,}  {name}: {done.rules[name].said(lang)}")
    located = located_rows(done)
    say(words["located"].format(n=f"{len(located):,}"))
    by_method: dict[str, list[dict[str, object]]] = {}
    for row in located:
        by_method.setdefault(str(row["method"]).partition("+")[0], []).append(row)
    for method, rows in sorted(by_method.items(), key=lambda one: -len(one[1])):
        first = rows[0]
        keys: list[str] = list(first["fields"])  # type: ignore[call-overload] # a list in a JSON row
        fields = ", ".join(item(key) for key in keys[:3])
        such = words["such"].format(enterprise=first["enterprise"], row=first["row"], fields=fields or "-")
        say(f"  {len(rows):>7,}  {words[method]}; {such}")
    say(words["cells"].format(**{k: f"{total[k]:,}" for k in ("cells", "kept", "corrected", "imputed", "missing")}))
    if done.outliers:
        say(words["outliers"].format(n=f"{len(done.outliers):,}"))
        for one in done.outliers[:_SHOWN]:
            other = item(one.other) if one.other else ""
            e = done.returns.enterprise[one.row]
            say("  " + words[one.kind].format(e=e, item=item(one.item), other=other, x=min(one.score, 999.0)))
    calls = callback_rows(done)
    if calls:
        say(words["calls"].format(n=f"{len(calls):,}", of=f"{len(done.returns):,}"))
        for row in calls[:_SHOWN]:
            told, guess, effect = (_figure(row[key]) for key in ("reported", "expected", "effect"))
            say(
                "  "
                + words["call"].format(
                    rank=row["rank"], e=row["enterprise"], item=item(row["item"]), told=told, guess=guess, effect=effect
                )
            )
    signs = (done.suspicion.signs + done.suspicion.filers) if done.suspicion else ()
    if signs:
        say(words["signs"].format(n=len({one.enterprise for one in signs}), q=0.05))
        for sign in signs[:_SHOWN]:
            say(f"  {sign.enterprise}: {sign.zh if lang == 'zh' else sign.en}")
        if len(signs) > _SHOWN:
            say("  " + words["more"].format(n=len(signs) - _SHOWN))
    if not (located or done.outliers or calls or signs or total["soft_failed"]):
        say(words["none"])


def _figure(value: object) -> str:
    return "-" if not isinstance(value, int | float) else f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"


def add(app: typer.Typer) -> None:
    """Put the command of this module on the tree."""
    app.command("edit")(edit_command)
