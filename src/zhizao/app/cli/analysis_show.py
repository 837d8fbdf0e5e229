"""How the analysis commands show what they found: as text in two languages, as JSON, as tables of a workbook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zhizao.app.cli.analysis_files import plain
from zhizao.app.cli.show import say

if TYPE_CHECKING:
    import polars as pl

    from zhizao.programme.composite import Built, Move, Parity, Uncertainty
    from zhizao.programme.effect import Finding

__all__ = ["MOST_ROWS", "WORDS", "composite_json", "composite_tables", "effect_json", "say_composite", "say_effect"]

MOST_ROWS = 60
"""Units that are printed; the rest is in JSON and workbook."""

WORDS = {
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


def _unit_rows(built: Built, found: Uncertainty | None) -> list[dict[str, Any]]:
    rows = []
    for i in sorted(range(len(built.units.names)), key=lambda i: (built.ranks[i], built.units.names[i])):
        row: dict[str, Any] = {"unit": built.units.names[i], "rank": int(built.ranks[i])}
        if found is not None:
            one = found.intervals[i]
            row |= {"low": one.low, "high": one.high, "median": one.median, "best": one.best, "worst": one.worst}
        rows.append(row | {"scores": {node.code: float(built.scores[i, j]) for j, node in built.structure.shown()}})
    return rows


def composite_json(
    built: Built,
    found: Uncertainty | None,
    up: tuple[Move, ...] | None,
    down: tuple[Move, ...] | None,
    rows: tuple[Parity, ...],
) -> dict[str, Any]:
    """An index, its intervals, audits, moves and parity as values for JSON."""
    from zhizao.programme.composite import WHY, audit_groups, audit_scales

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
            "not_varied": {
                what: {"code": why, "en": WHY[why][0], "zh": WHY[why][1]} for what, why in found.not_varied.items()
            },
            "notes": [
                {"code": key, "en": WHY[key][0].format(about=about), "zh": WHY[key][1].format(about=about)}
                for key, about in found.notes
            ],
            "rebuilds": found.rebuilds,
        }
    if up is not None:
        shown |= {"moves_up": up, "moves_down": down}
    if rows:
        shown["parity"] = [plain(row) | {"same": row.same} for row in rows]
    return shown


def composite_tables(
    built: Built,
    found: Uncertainty | None,
    up: tuple[Move, ...] | None,
    down: tuple[Move, ...] | None,
    rows: tuple[Parity, ...],
) -> dict[str, pl.DataFrame]:
    """The same as sheets of a workbook, with what every step gave."""
    import polars as pl

    from zhizao.programme.composite import WHY, audit_scales

    flat = [
        {key if key in ("unit", "rank") else f"rank {key}": one for key, one in row.items() if key != "scores"}
        | row["scores"]
        for row in _unit_rows(built, found)
    ]
    tables = {"results": pl.DataFrame(flat)}
    if found is not None and found.sensitivity:
        tables["sensitivity"] = pl.DataFrame(plain(found.sensitivity))
    if found is not None:
        tables["not varied"] = pl.DataFrame(
            {"what": list(found.not_varied), "why": [WHY[why][0] for why in found.not_varied.values()]},
            schema={"what": pl.String, "why": pl.String},
        )
    for name, one in (("moves up", up), ("moves down", down)):
        if one:
            tables[name] = pl.DataFrame(plain(one), infer_schema_length=None)
    tables["scales"] = pl.DataFrame(plain(audit_scales(built)), infer_schema_length=None)
    if rows:
        tables["parity"] = pl.DataFrame([plain(row) | {"same": row.same} for row in rows])
    return tables | {name: stage.frame() for name, stage in built.stages.items()}


def say_composite(
    built: Built,
    found: Uncertainty | None,
    unit: str | None,
    up: tuple[Move, ...] | None,
    down: tuple[Move, ...] | None,
    rows: tuple[Parity, ...],
    lang: str,
) -> None:
    """The same as lines."""
    from zhizao.programme.composite import WHY, audit_groups, audit_scales

    words = WORDS[lang]
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
        for told in sorted(found.sensitivity, key=lambda index: -index.total):
            say(
                f"  {told.factor:10s} {told.first:6.3f}  {told.total:6.3f} [{told.total_low:.3f}, {told.total_high:.3f}]"
            )
        at = 1 if lang == "zh" else 0
        for what, why in found.not_varied.items():
            say(words["fixed"].format(what=what, why=WHY[why][at]))
        for key, about in found.notes:
            say(words["note"].format(note=WHY[key][at].format(about=about)))
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
        for one in rows:
            same = words["same"] if one.same else words["differs"]
            say(f"{one.step:14s} {one.units:5d} {one.columns:7d}  {one.difference:.2e}  {same}")


def effect_json(found: Finding) -> dict[str, Any]:
    """A finding as values for JSON."""
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


def say_effect(found: Finding, lang: str) -> None:
    """A finding as lines."""
    words = WORDS[lang]
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
