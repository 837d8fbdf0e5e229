"""`zhizao composite`, `decompose`, `effect`: an index with rank intervals, a change in its parts, what a programme did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhizao.app.cli.analysis_files import as_json, plain, read_noun, read_settings, read_table, write_tables
from zhizao.app.cli.options import check_lang
from zhizao.app.cli.show import progress_bar, say
from zhizao.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from zhizao.programme.composite import Built, Move, Parity, Uncertainty
    from zhizao.programme.effect import Finding

__all__ = ["add"]

LangOption = Annotated[str | None, typer.Option(help="zh or en.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OutOption = Annotated[Path | None, typer.Option(help="Write the tables to this .xlsx file.")]
SeedOption = Annotated[int, typer.Option(help="Seed of what is drawn.", min=0)]

MOST_ROWS = 60
"""Units that are printed; the rest is in JSON and workbook."""

_WORDS = {
    "en": {
        "index": "{code}: {units} units, {indicators} indicators; rank intervals (5-95 %) from {rebuilds:,} rebuilds",
        "head": "{rank:>5s} {interval:>9s} {score:>10s}  unit",
        "rank": "rank",
        "interval": "interval",
        "score": "score",
        "more": "... and {n} more; --json and --out have all",
        "shift": "mean rank shift under other choices: {shift:.2f} places",
        "sensitivity": "share of that shift's variance: choice, alone, with interactions",
        "fixed": "not varied: {what} ({why})",
        "dropped": "left out for lack of data: {unit} has {share:.0%} of the indicators",
        "note": "note: {note}",
        "moved": "treated: {code}, {what}",
        "points": "{n} points winsorised",
        "scale": "another scale",
        "open": "still skewed",
        "one": "{code}: {unit} alone makes {share:.0%} of the scale",
        "collinear": "{group}: {a} and {b} count one thing twice (r = {r:.2f})",
        "against": "{group}: {a} works against {b} (r = {r:.2f})",
        "up": "smallest change in one indicator that moves {unit} up from rank {rank}:",
        "down": "smallest change in one indicator that moves {unit} down from rank {rank}:",
        "move": "  {code:12s} {value:.6g} -> {needed:.6g} ({spreads:.2f} sd), rank {rank}{beyond}",
        "beyond": ", beyond what any unit has",
        "none": "  no single indicator does",
        "end": "{unit} is at that end of the ranking",
        "parity": "step           units columns  greatest difference",
        "same": "same",
        "differs": "DIFFERS",
        "from": "from",
        "change": "change",
        "span": "{years} years, {cells} cells; effects add up to the change (remainder {rest:.1e})",
        "chained": "whole span, year by year: ",
        "direct": "whole span, in one step:  ",
        "zeros": "{entered} cells came from zero, {left} went to zero",
        "effect": "effect {value:.6g}, 95 %: {low:.6g} .. {high:.6g}, p = {p:.3g}",
        "synthetic": "effect {value:.6g}, p = {p:.3g} by {n} placebos; gap before {before:.4g}, after {after:.4g}",
        "panel": "{units} units ({treated} treated), {periods} periods",
        "spec": "specification {id}, sha256 {hash}; data sha256 {data}",
        "causal": "verdict: may be read as an effect",
        "not_causal": "verdict: no causal reading",
        "pre": "trends before joining: Wald {wald:.3g} on {freedom}, p = {p:.3g}; slope {slope:.3g} a period",
        "event": "since joining   effect      se       95 %",
        "honest": "first effect leaves out zero up to M-bar = {ratio:.2f} (differing trends relative to those before)",
        "weights": "synthetic path: {weights}",
    },
    "zh": {
        "index": "{code}：{units} 个单位，{indicators} 个指标；名次区间（5-95 %）来自 {rebuilds:,} 次重算",
        "head": "{rank:>4s} {interval:>6s} {score:>8s}  单位",
        "rank": "名次",
        "interval": "区间",
        "score": "得分",
        "more": "……另有 {n} 个，见 --json 或 --out",
        "shift": "其他选择下名次平均移动：{shift:.2f} 位",
        "sensitivity": "各项选择占该移动方差的份额：单独、含交互",
        "fixed": "未变动：{what}（{why}）",
        "dropped": "因数据不足剔除：{unit} 仅有 {share:.0%} 的指标",
        "note": "注：{note}",
        "moved": "已处理：{code}，{what}",
        "points": "缩尾 {n} 个点",
        "scale": "换了尺度",
        "open": "仍偏斜",
        "one": "{code}：仅 {unit} 一家就占尺度的 {share:.0%}",
        "collinear": "{group}：{a} 与 {b} 重复计算同一事物（r = {r:.2f}）",
        "against": "{group}：{a} 与 {b} 相互抵消（r = {r:.2f}）",
        "up": "使 {unit} 从第 {rank} 名上升的单个指标最小变化：",
        "down": "使 {unit} 从第 {rank} 名下降的单个指标最小变化：",
        "move": "  {code:12s} {value:.6g} -> {needed:.6g}（{spreads:.2f} 个标准差），第 {rank} 名{beyond}",
        "beyond": "，超出所有单位的现有水平",
        "none": "  没有单个指标能做到",
        "end": "{unit} 已在排名的那一端",
        "parity": "步骤           单位数  列数     最大差",
        "same": "一致",
        "differs": "不一致",
        "from": "起",
        "change": "变化",
        "span": "{years} 年，{cells} 个单元；各效应之和等于变化（余项 {rest:.1e}）",
        "chained": "整个时期，逐年累加：",
        "direct": "整个时期，一步完成：",
        "zeros": "{entered} 个单元由零开始，{left} 个变为零",
        "effect": "效应 {value:.6g}，95 %：{low:.6g} .. {high:.6g}，p = {p:.3g}",
        "synthetic": "效应 {value:.6g}，p = {p:.3g}（{n} 个安慰剂）；之前偏差 {before:.4g}，之后 {after:.4g}",
        "panel": "{units} 个单位（{treated} 个受处理），{periods} 个时期",
        "spec": "方案 {id}，sha256 {hash}；数据 sha256 {data}",
        "causal": "结论：可作效应解读",
        "not_causal": "结论：不作因果解读",
        "pre": "参加前走势：Wald {wald:.3g}，自由度 {freedom}，p = {p:.3g}；每期斜率 {slope:.3g}",
        "event": "参加后时期   效应      标准误    95 %",
        "honest": "走势差异不超过参加前的 {ratio:.2f} 倍时，首期效应仍不含零",
        "weights": "合成路径：{weights}",
    },
}


def composite(
    data: Annotated[Path, typer.Argument(help="Units by indicators: CSV, Excel or Parquet.")],
    structure: Annotated[Path, typer.Option(help="Codes with parent, weight, direction (COINr's iMeta is read too).")],
    steps: Annotated[
        Path | None, typer.Option(help="YAML: how to impute, treat, normalise, weigh, aggregate; vary.")
    ] = None,
    unit_column: Annotated[str | None, typer.Option(help="Column that names the units; found when absent.")] = None,
    unit: Annotated[str | None, typer.Option(help="Say what would move this unit one place up and down.")] = None,
    runs: Annotated[int, typer.Option(help="Runs of the rank intervals; 0 for none.", min=0, max=100_000)] = 500,
    seed: SeedOption = 1,
    against: Annotated[
        Path | None, typer.Option(help="Folder of another engine's tables: compare step by step.")
    ] = None,
    as_json_: JsonOption = False,
    out: OutOption = None,
    lang: LangOption = None,
) -> None:
    """A composite index with rank intervals, sensitivity, audit, and what would move a unit one place."""
    import numpy as np

    from zhizao.programme.composite import Alternatives, Steps, Structure, Units, build, moves, parity, uncertainty

    lang = check_lang(lang)
    tree = Structure.of_rows(_structure_rows(structure), where=str(structure))
    said = read_settings(steps) if steps is not None else {}
    vary = said.pop("vary", {})
    if not isinstance(vary, dict):
        raise InputError(
            "vary says no settings", where=str(steps), fix='write "vary:" and settings under it', code="bad_yaml"
        )
    choices = read_noun(Steps, said, str(steps))
    wanted = read_noun(Alternatives, vary, f"{steps}, vary")
    extra = [choices.impute_by] if choices.impute_by else []
    units = Units.of(read_table(data), tree, unit=unit_column, groupings=extra, where=str(data))
    built = build(units, tree, choices)
    rows = parity(built, _other_tables(against)) if against is not None else ()
    found, steps_up, steps_down = None, None, None
    with progress_bar(lang=lang, quiet=as_json_) as progress:
        if runs:
            found = uncertainty(units, built, np.random.default_rng(seed), runs=runs, wanted=wanted, progress=progress)
        if unit is not None:
            if unit not in built.units.names:
                raise InputError(
                    f'"{unit}" is not in the index', where="--unit", fix="name one of its units", code="no_unit"
                )
            rank = int(built.ranks[built.units.names.index(unit)])
            steps_up = moves(units, built, unit) if rank > 1 else ()
            steps_down = moves(units, built, unit, up=False) if rank < built.ranks.max() else ()
    if out is not None:
        write_tables(out, _composite_tables(built, found, steps_up, steps_down, rows))
    if as_json_:
        say(as_json(_composite_json(built, found, steps_up, steps_down, rows)))
    else:
        _say_composite(built, found, unit, steps_up, steps_down, rows, lang)
    if any(not row.same for row in rows):
        raise SystemExit(1)


def _structure_rows(path: Path) -> list[dict[str, object]]:
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        said = read_settings(path).get("nodes")
        if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
            raise InputError(
                "the structure has no list of nodes",
                where=str(path),
                fix='write "nodes:" and one entry per code',
                code="bad_yaml",
            )
        heads = dict.fromkeys(key for one in said for key in one)
        return [{str(key): one.get(key) for key in heads} for one in said]
    return read_table(path).to_dicts()


def _other_tables(folder: Path) -> dict[str, pl.DataFrame]:
    if not folder.is_dir():
        raise InputError("there is no such folder", where=str(folder), fix="correct the path", code="no_file")
    steps = ("raw", "denominated", "imputed", "screened", "treated", "normalised", "aggregated", "results")
    found = {}
    for step in steps:
        for path in sorted(folder.glob(f"*{step}.csv")):
            found[step] = read_table(path)
    if not found:
        raise InputError(
            "the folder has no tables to compare with",
            where=str(folder),
            fix="name files such as dset_normalised.csv or results.csv",
            code="no_file",
        )
    return found


def _unit_rows(built: Built, found: Uncertainty | None) -> list[dict[str, Any]]:
    rows = []
    for i in sorted(range(len(built.units.names)), key=lambda i: (built.ranks[i], built.units.names[i])):
        row: dict[str, Any] = {"unit": built.units.names[i], "rank": int(built.ranks[i])}
        if found is not None:
            one = found.intervals[i]
            row |= {"low": one.low, "high": one.high, "median": one.median, "best": one.best, "worst": one.worst}
        codes = [node.code for node in built.structure.nodes]
        order = [*range(built.structure.indicators, len(codes))][::-1] + [*range(built.structure.indicators)]
        rows.append(row | {"scores": {codes[j]: float(built.scores[i, j]) for j in order}})
    return rows


def _composite_json(
    built: Built,
    found: Uncertainty | None,
    up: tuple[Move, ...] | None,
    down: tuple[Move, ...] | None,
    rows: tuple[Parity, ...],
) -> dict[str, Any]:
    from zhizao.programme.composite import audit_groups, audit_scales

    shown: dict[str, Any] = {
        "index": built.structure.top,
        "steps": built.steps.model_dump(mode="json"),
        "units": _unit_rows(built, found),
        "weights": {node.code: float(built.weights[j]) for j, node in enumerate(built.structure.nodes)},
        "dropped": built.dropped,
        "scales": audit_scales(built),
        "groups": audit_groups(built),
    }
    if found is not None:
        shown |= {
            "rank_shift": found.shift,
            "sensitivity": found.sensitivity,
            "varied": found.varied,
            "not_varied": found.not_varied,
            "notes": found.notes,
            "rebuilds": found.rebuilds,
        }
    if up is not None:
        shown |= {"moves_up": up, "moves_down": down}
    if rows:
        shown["parity"] = [plain(row) | {"same": row.same} for row in rows]
    return shown


def _composite_tables(
    built: Built,
    found: Uncertainty | None,
    up: tuple[Move, ...] | None,
    down: tuple[Move, ...] | None,
    rows: tuple[Parity, ...],
) -> dict[str, pl.DataFrame]:
    import polars as pl

    from zhizao.programme.composite import audit_scales

    flat = [{**{k: v for k, v in row.items() if k != "scores"}, **row["scores"]} for row in _unit_rows(built, found)]
    tables = {"results": pl.DataFrame(flat)}
    if found is not None and found.sensitivity:
        tables["sensitivity"] = pl.DataFrame(plain(found.sensitivity))
    if found is not None:
        tables["not varied"] = pl.DataFrame(
            {"what": list(found.not_varied), "why": list(found.not_varied.values())},
            schema={"what": pl.String, "why": pl.String},
        )
    for name, one in (("moves up", up), ("moves down", down)):
        if one:
            tables[name] = pl.DataFrame(plain(one), infer_schema_length=None)
    tables["scales"] = pl.DataFrame(plain(audit_scales(built)), infer_schema_length=None)
    if rows:
        tables["parity"] = pl.DataFrame([plain(row) | {"same": row.same} for row in rows])
    return tables | {name: stage.frame() for name, stage in built.stages.items()}


def _say_composite(
    built: Built,
    found: Uncertainty | None,
    unit: str | None,
    up: tuple[Move, ...] | None,
    down: tuple[Move, ...] | None,
    rows: tuple[Parity, ...],
    lang: str,
) -> None:
    from zhizao.programme.composite import audit_groups, audit_scales

    words = _WORDS[lang]
    say(
        words["index"].format(
            code=built.structure.top,
            units=len(built.units.names),
            indicators=built.structure.indicators,
            rebuilds=found.rebuilds if found else 0,
        )
    )
    say(words["head"].format(**{key: words[key] for key in ("rank", "interval", "score")}))
    shown = _unit_rows(built, found)
    for row in shown[:MOST_ROWS]:
        between = f"{row['low']}-{row['high']}" if found else "-"
        say(f"{row['rank']:5d} {between:>9s} {row['scores'][built.structure.top]:10.4f}  {row['unit']}")
    if len(shown) > MOST_ROWS:
        say(words["more"].format(n=len(shown) - MOST_ROWS))
    for name, share in built.dropped.items():
        say(words["dropped"].format(unit=name, share=share))
    if found is not None:
        say(words["shift"].format(shift=found.shift))
        if found.sensitivity:
            say(words["sensitivity"])
        for one in sorted(found.sensitivity, key=lambda one: -one.total):
            say(f"  {one.factor:10s} {one.first:6.3f}  {one.total:6.3f} [{one.total_low:.3f}, {one.total_high:.3f}]")
        for what, why in found.not_varied.items():
            say(words["fixed"].format(what=what, why=why))
        for note in found.notes:
            say(words["note"].format(note=note))
    for scale in audit_scales(built):
        done = [words["points"].format(n=scale.moved)] if scale.moved else []
        done += [words["scale"]] if scale.transformed else []
        if done:
            say(words["moved"].format(code=scale.code, what=", ".join(done)))
        for hold, who in ((scale.best_hold, scale.best_unit), (scale.worst_hold, scale.worst_unit)):
            if hold > 0.4 and len(built.units.names) > 4:
                say(words["one"].format(code=scale.code, unit=who, share=hold))
    for group in audit_groups(built):
        for kind, pairs in (("collinear", group.collinear), ("against", group.against)):
            for a, b, r in pairs:
                say(words[kind].format(group=group.code, a=a, b=b, r=r))
    for way, steps in (("up", up), ("down", down)):
        if unit is None or steps is None:
            continue
        if not steps:
            say(words["end"].format(unit=unit))
            continue
        say(words[way].format(unit=unit, rank=built.ranks[built.units.names.index(unit)]))
        good = [one for one in steps if one.checked][:5]
        for move in good:
            beyond = words["beyond"] if move.beyond else ""
            say(words["move"].format(**plain(move) | {"beyond": beyond}))
        if not good:
            say(words["none"])
    if rows:
        say(words["parity"])
        for row in rows:
            same = words["same"] if row.same else words["differs"]
            say(f"{row.step:14s} {row.units:5d} {row.columns:7d}  {row.difference:.2e}  {same}")


def decompose(
    data: Annotated[Path, typer.Argument(help="One row per cell and year: CSV, Excel or Parquet.")],
    value: Annotated[str, typer.Option(help="Column that is explained, such as co2 or employees.")],
    time: Annotated[str, typer.Option(help="Column of years.")] = "year",
    method: Annotated[str, typer.Option(help="lmdi or shift-share.")] = "lmdi",
    activity: Annotated[str | None, typer.Option(help="lmdi: column of activity, such as value added.")] = None,
    by: Annotated[str, typer.Option(help="Columns of cells, outermost first: region,industry.")] = "",
    chain: Annotated[str, typer.Option(help="lmdi: columns between activity and value, such as energy.")] = "",
    form: Annotated[str, typer.Option(help="shift-share: classic or esteban-marquillas.")] = "classic",
    dynamic: Annotated[bool, typer.Option("--dynamic", help="shift-share: year by year.")] = False,
    as_json_: JsonOption = False,
    out: OutOption = None,
    lang: LangOption = None,
) -> None:
    """A change in its parts, without a remainder: LMDI, or shift-share of regions and industries."""
    lang = check_lang(lang)
    cells = [one.strip() for one in by.split(",") if one.strip()]
    if method == "lmdi":
        if activity is None:
            raise InputError("no activity is named", where="--activity", fix="name its column, such as value_added")
        if not cells:
            raise InputError("no column of cells is named", where="--by", fix="name one, such as industry")
        links = [one.strip() for one in chain.split(",") if one.strip()]
        _lmdi(read_table(data), value, activity, cells, time, links, str(data), as_json_, out, lang)
    elif method == "shift-share":
        if len(cells) != 2:
            raise InputError(
                f"{len(cells)} columns of cells are named",
                where="--by",
                fix="name two: --by region,industry",
                code="bad_cells",
            )
        _shift_share(read_table(data), value, cells, time, form, dynamic, str(data), as_json_, out, lang)
    else:
        raise InputError(
            f'"{method}" is no method', where="--method", fix="write lmdi or shift-share", code="bad_method"
        )


def _lmdi(
    frame: pl.DataFrame,
    value: str,
    activity: str,
    by: list[str],
    time: str,
    chain: list[str],
    where: str,
    json_: bool,
    out: Path | None,
    lang: str,
) -> None:
    import numpy as np

    from zhizao.programme.decomposition import lmdi

    found = lmdi(frame, value=value, activity=activity, by=by, time=time, chain=chain, where=where)
    rest = float(np.abs(found.additive.sum(axis=1) - np.diff(found.total)).max())
    tables = {"steps": found.table(), **{f"by {one}": found.parts(one) for one in by}}
    if out is not None:
        write_tables(out, tables)
    direct = found.direct.sum(axis=0)
    if json_:
        say(
            as_json(
                {
                    "method": "lmdi",
                    "value": value,
                    "factors": found.factors,
                    "years": found.years,
                    "total": found.total,
                    "additive": found.additive,
                    "multiplicative": found.multiplicative,
                    "chained": dict(zip(found.factors, found.chained, strict=True)),
                    "direct": dict(zip(found.factors, direct, strict=True)),
                    "parts": {one: found.parts(one).to_dicts() for one in by},
                    "remainder": rest,
                    "entered": found.entered,
                    "left": found.left,
                }
            )
        )
        return
    words = _WORDS[lang]
    say(words["span"].format(years=len(found.years), cells=len(found.labels), rest=rest))
    say(f"{words['from']:>12s} {words['change']:>12s}  " + "  ".join(found.factors))
    for at, row in enumerate(found.additive):
        name = f"{found.years[at]}-{found.years[at + 1]}"
        change = found.total[at + 1] - found.total[at]
        told = "  ".join(f"{row[k]:{max(len(f), 8)}.4g}" for k, f in enumerate(found.factors))
        say(f"{name:>12s} {change:12.4f}  {told}")
    for key, sums in (("chained", found.chained), ("direct", direct)):
        say(words[key] + ", ".join(f"{f} {sums[k]:+.6g}" for k, f in enumerate(found.factors)))
    if found.entered or found.left:
        say(words["zeros"].format(entered=found.entered, left=found.left))


def _shift_share(
    frame: pl.DataFrame,
    value: str,
    by: list[str],
    time: str,
    form: str,
    dynamic: bool,
    where: str,
    json_: bool,
    out: Path | None,
    lang: str,
) -> None:
    import numpy as np

    from zhizao.programme.decomposition import shift_share

    found = shift_share(
        frame, value=value, region=by[0], industry=by[1], time=time, method=form, dynamic=dynamic, where=where
    )
    rest = float(np.abs(found.cells.sum(axis=2) - found.change).max())
    tables = {"regions": found.table("region"), "industries": found.table("industry")}
    if out is not None:
        write_tables(out, tables)
    if json_:
        told = {"method": "shift-share", "form": form, "dynamic": dynamic, "years": found.years, "remainder": rest}
        say(as_json(told | {name: table.to_dicts() for name, table in tables.items()}))
        return
    words = _WORDS[lang]
    cells = len(found.regions) * len(found.industries)
    say(words["span"].format(years=len(found.years), cells=cells, rest=rest))
    for table in tables.values():
        say(f"{table.columns[0]:16s} " + " ".join(f"{name:>12s}" for name in (words["change"], *found.names)))
        for row in table.rows()[:MOST_ROWS]:
            say(f"{row[0]:16s} " + " ".join(f"{one:12.4f}" for one in row[1:]))


def effect(
    panel: Annotated[Path, typer.Argument(help="One row per enterprise and period: CSV, Excel or Parquet.")],
    spec: Annotated[Path, typer.Option(help="YAML: outcome, treated, window, method; fixed before the data.")],
    expect: Annotated[
        str | None, typer.Option(help="SHA-256 (or its beginning) under which it was registered.")
    ] = None,
    seed: SeedOption = 1,
    as_json_: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """What a programme did to enterprises, by a specification fixed before; says when there is no causal reading."""
    import numpy as np

    from zhizao.programme.effect import Panel, Specification, evaluate

    lang = check_lang(lang)
    rules = read_noun(Specification, read_settings(spec), str(spec))
    if expect is not None and (len(expect) < 8 or not rules.digest().startswith(expect.lower())):
        raise InputError(
            f"the specification is not the registered one: its sha256 is {rules.digest()}",
            where=str(spec),
            fix="evaluate by the registered file, or register a new one and say so",
            code="other_specification",
        )
    data = Panel.of(
        read_table(panel),
        unit=rules.unit,
        time=rules.time,
        outcome=rules.outcome,
        treated=rules.treated,
        cluster=rules.cluster,
        transform=rules.transform,
        window=rules.window,
        where=str(panel),
    )
    found = evaluate(data, rules, np.random.default_rng(seed))
    if as_json_:
        say(as_json(_effect_json(found)))
    else:
        _say_effect(found, lang)


def _effect_json(found: Finding) -> dict[str, Any]:
    shown = plain(
        {
            "specification": found.spec.model_dump(mode="json"),
            "spec_hash": found.spec_hash,
            "data_hash": found.data_hash,
            "causal": found.causal,
            "reasons": found.reasons,
            "notes": found.notes,
            "effect": found.estimate,
            "pre_trend": found.trend,
            "honest": found.honest,
            "breakdown": found.breakdown,
            "units": found.units,
            "treated": found.treated,
            "periods": found.periods,
            "left_out": found.left_out,
            "synthetic": found.synthetic,
        }
    )
    if found.study is not None:
        s = found.study
        shown["event_study"] = plain(
            {"since": s.event, "effect": s.value, "se": s.se, "low": s.low, "high": s.high, "band": found.band}
        )
    return dict(shown)


def _say_effect(found: Finding, lang: str) -> None:
    words = _WORDS[lang]
    say(words["spec"].format(id=found.spec.id, hash=found.spec_hash, data=found.data_hash))
    say(words["panel"].format(units=found.units, treated=found.treated, periods=found.periods))
    if found.synthetic is not None:
        s = found.synthetic
        say(words["synthetic"].format(value=s.effect, p=s.p, n=s.placebos, before=s.before, after=s.after))
        say(words["weights"].format(weights=", ".join(f"{name} {weight:.3f}" for name, weight in s.weights[:10])))
    else:
        e = found.estimate
        say(words["effect"].format(value=e.value, low=e.low, high=e.high, p=e.p))
    if found.study is not None:
        say(words["event"])
        for k, since in enumerate(found.study.event):
            s_ = found.study
            say(f"{since:+13d} {s_.value[k]:8.4g} {s_.se[k]:8.3g}  {s_.low[k]:.4g} .. {s_.high[k]:.4g}")
    if found.trend is not None and found.trend.freedom:
        t = found.trend
        say(words["pre"].format(wald=t.statistic, freedom=t.freedom, p=t.p, slope=t.slope))
        if found.honest:
            say(words["honest"].format(ratio=found.breakdown))
    say(words["causal" if found.causal else "not_causal"])
    for reason in (*found.reasons, *found.notes):
        say(f"  - {reason.zh if lang == 'zh' else reason.en}")


def add(app: typer.Typer) -> None:
    """Put the commands of this module on the tree."""
    app.command()(composite)
    app.command()(decompose)
    app.command()(effect)
