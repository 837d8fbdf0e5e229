"""`zhizao survey design`, `draw`, `estimate`: a panel planned, drawn, and turned into figures with their errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhizao.app.cli.options import check_lang
from zhizao.app.cli.show import progress_bar, say
from zhizao.errors import InputError

if TYPE_CHECKING:
    from zhizao.programme.survey import EstimateRow
    from zhizao.programme.survey.spec import Spec

__all__ = ["app"]

app = typer.Typer(
    help="A sample of enterprises: design it, draw it, estimate from it.", no_args_is_help=True, rich_markup_mode=None
)

LangArg = Annotated[str | None, typer.Option(help="zh or en.")]
JsonArg = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_WORDS = {
    "en": {
        "frame": "frame: {units:,} units; {strata:,} strata by {by}; {pooled:,} thin cells pooled (under {thin} units)",
        "sample": "sample: {n:,} units, {take_all:,} of them in take-all strata; {method}",
        "precision": "expected before drawing: CV of the total of {variable}, and half width of a share's 95 % interval",
        "all": "all",
        "panel": "panel of year {year}: {units:,} of {frame:,} units in {strata:,} strata, seed {seed}",
        "weights": "weights N/n add up to {weight_sum:,.0f}; {take_all:,} units are taken with certainty",
        "changes": "stayed {stayed:,}, entered {entered:,}, rotated out {rotated_out:,}, left the frame {dead:,}; "
        "changed stratum {moved:,}",
        "design": "design: {design}",
        "interval": "interval: {interval}; variance: {method}",
        "head": ("what", "domain", "estimate", "se", "low", "high", "df", "deff", "n"),
    },
    "zh": {
        "frame": "抽样框：{units:,} 个单位；按 {by} 分 {strata:,} 层；合并 {pooled:,} 个过小的格（不足 {thin} 个单位）",
        "sample": "样本：{n:,} 个单位，其中全取层 {take_all:,} 个；{method}",
        "precision": "抽取前的预期：{variable} 总量的变异系数，以及比例的 95 % 区间半宽",
        "all": "全部",
        "panel": "第 {year} 年样本：从 {frame:,} 个单位的 {strata:,} 层中抽取 {units:,} 个，种子 {seed}",
        "weights": "权数 N/n 合计 {weight_sum:,.0f}；{take_all:,} 个单位必取",
        "changes": "留用 {stayed:,}，新入 {entered:,}，轮出 {rotated_out:,}，退出抽样框 {dead:,}；换层 {moved:,}",
        "design": "设计：{design}",
        "interval": "区间：{interval}；方差：{method}",
        "head": ("指标", "域", "估计", "标准误", "下限", "上限", "自由度", "设计效应", "n"),
    },
}


_ZH = (
    (r"(\d+) rows", r"\1 行"), (r"no strata", "不分层"), (r"(\d+) strata", r"\1 层"), (r"each row drawn", "逐行抽取"),
    (r"(\d+) clusters", r"\1 个群"), (r"(\d+) stages", r"\1 阶段"), (r"finite populations", "有限总体"),
    (r"weights as drawn", "权数为抽样权数"), (r"weights ", "权数"), (r"calibrated \(", "已校准（"),
    (r"raised for non-response \(", "已作无回答调整（"), (r"post-stratified \(", "已事后分层（"), (r" answered\)", " 回答）"),
    (r"(\d+) totals\)", r"\1 个总量）"), (r"(\d+) classes\)", r"\1 类）"), (r"(\d+) classes", r"\1 类"),
    (r" then ", "，再"), (r"raking", "迭代比例"), (r"linear(?!is)", "线性"), (r" within ", "，界限 "), (r"sum ", "合计 "),
    (r"interval of Woodruff", "Woodruff 区间"), (r"(t|logit|log|skew|normal) interval", r"\1 区间"),
    (r"Satterthwaite degrees of freedom", "Satterthwaite 自由度"), (r"infinite degrees of freedom", "自由度无穷"),
    (r"clusters less strata as degrees of freedom", "自由度为群数减层数"),
    (r"degrees of freedom of the replicates", "重复样本的自由度"), (r"linearisation", "线性化"),
    (r"rescaled bootstrap \(Rao and Wu\)", "重标自助法（Rao 与 Wu）"), (r"jackknife", "刀切法"),
    (r"balanced half-samples", "平衡半样本"), (r"(\d+) replicates", r"\1 个重复样本"),
    (r"optimal for costs", "费用最优"), (r"power ", "幂分配 "), (r"proportional", "按比例"),
    (r"fewest for the wanted precisions", "达到精度要求的最少单位"), (r"at least (\d+) a stratum", r"每层至少 \1 个"),
    (r"at most N", "至多 N 个"), (r"Neyman", "Neyman 分配"),
    (r"^total ", "总量 "), (r"^mean ", "均值 "), (r"^ratio ", "比率 "), (r"^proportion ", "比例 "), (r"^quantile ", "分位数 "),
    (r"imputed\)", "为插补）"), (r", small area$", "（小域估计）"),
    (r"normal interval from the mean squared error|normal 区间 from the mean squared error", "由均方误差得出的正态区间"),
    (r"Fay-Herriot, ", "Fay-Herriot 模型，"), (r"(\d+) regressors; weight of the direct estimate", r"\1 个辅助变量；直接估计的权重"),
)  # fmt: skip


def _in(lang: str, text: str) -> str:
    """Words of the arithmetic in the reader's language."""
    if lang != "zh":
        return text
    import re

    for pattern, chinese in _ZH:
        text = re.sub(pattern, chinese, text)
    return text


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("，", ",").split(",") if part.strip())


def _choice(text: str, choices: tuple[str, ...], where: str) -> Any:
    if text not in choices:
        raise InputError(
            f'"{text}" is none of the choices', where=where, fix=f"write {', '.join(choices)}", code="bad_choice"
        )
    return text


def _write_json(path: Path, made: object) -> None:
    from zhizao.record.whole import write_whole

    write_whole(path, json.dumps(made, ensure_ascii=False, indent=1) + "\n")


@app.command()
def design(
    frame: Annotated[Path, typer.Argument(help="CSV (also .gz), Excel or Parquet file with one row an enterprise.")],
    n: Annotated[int | None, typer.Option("--n", help="Units to draw; 30000 unless --cv is given.", min=1)] = None,
    by: Annotated[str, typer.Option(help="Groupings that make strata.")] = "industry,region,size",
    pool: Annotated[
        str, typer.Option(help="Groupings given up for thin strata, in this order.")
    ] = "region,industry,size",
    allocate: Annotated[str, typer.Option(help="neyman, power, proportional or cost.")] = "neyman",
    size_variable: Annotated[str | None, typer.Option(help="Column of known size; revenue_cny.")] = None,
    cv: Annotated[float | None, typer.Option(help="CV wanted of each domain's total; the fewest units then.")] = None,
    domains: Annotated[str | None, typer.Option(help="Groupings that are domains; all but size.")] = None,
    take_all: Annotated[str | None, typer.Option(help="Size class of which all are taken; L, or none.")] = None,
    take_all_above: Annotated[str | None, typer.Option(help="Size from which on all are taken, or auto.")] = None,
    cost: Annotated[str | None, typer.Option(help="Column of the cost of a unit.")] = None,
    power: Annotated[float, typer.Option(help="Exponent of power allocation.", min=0, max=1)] = 0.5,
    min_n: Annotated[int, typer.Option(help="Fewest units a stratum.", min=1)] = 2,
    thin: Annotated[int, typer.Option(help="Fewest frame units a stratum.", min=1)] = 10,
    as_json: JsonArg = False,
    out: Annotated[Path | None, typer.Option(help="Write the design here.")] = None,
    lang: LangArg = None,
) -> None:
    """Strata, allocation, and the precision to expect by industry and region before money is spent."""
    from zhizao.app import survey_steps

    lang = check_lang(lang)
    method = _choice(allocate, ("neyman", "power", "proportional", "cost"), "--allocate")
    with progress_bar(quiet=as_json, lang=lang) as progress:
        made = survey_steps.design(
            frame, n=n, by=_listed(by), pool=_listed(pool), allocate=method, size_variable=size_variable, cv=cv,
            domains=_listed(domains) if domains is not None else None, take_all=take_all, take_all_above=take_all_above,
            cost=cost, power=power, least=min_n, thin=thin, progress=progress,
        )  # fmt: skip
    if out is not None:
        _write_json(out, made)
    if as_json:
        say(json.dumps(made, ensure_ascii=False, indent=1))
        return
    words: dict[str, Any] = _WORDS[lang]
    say(
        words["frame"].format(
            units=made["frame"]["units"], strata=len(made["strata"]), by=" x ".join(made["by"]),
            pooled=made["pooled_cells"], thin=made["thin"],
        )
    )  # fmt: skip
    say(words["sample"].format(n=made["n"], take_all=made["take_all_units"], method=_in(lang, made["method"])))
    say(words["precision"].format(variable=made["size_variable"] or "-"))
    for grouping in dict.fromkeys(row["grouping"] for row in made["precision"]):
        rows = [row for row in made["precision"] if row["grouping"] == grouping]
        for row in sorted(rows, key=lambda row: -(row["cv"] or 0)):
            name = f"{grouping}={row['domain']}" if grouping else words["all"]
            cell = f"{100 * row['cv']:6.2f} %" if row["cv"] is not None else "       -"
            half = f"{100 * row['share_half_width']:5.2f}" if row["share_half_width"] is not None else "    -"
            say(f"  {name:16s} N {row['N']:>9,}  n {row['n']:>9,.1f}  CV {cell}  +-{half}")
    if out is not None:
        say(f"-> {out}")


@app.command()
def draw(
    frame: Annotated[Path, typer.Argument(help="Frame of this year, one row an enterprise.")],
    design: Annotated[Path, typer.Option(help="Design file.")],
    out: Annotated[Path, typer.Option(help="Write the panel here (.csv or .parquet).")],
    seed: Annotated[int | None, typer.Option(help="Of the permanent random numbers; 1.")] = None,
    previous: Annotated[Path | None, typer.Option(help="Last year's panel; a share of it rotates out.")] = None,
    rotate: Annotated[float, typer.Option(help="Share that rotates out.", min=0, max=1)] = 0.2,
    as_json: JsonArg = False,
    lang: LangArg = None,
) -> None:
    """Draw the panel by permanent random numbers; with last year's panel, rotate it."""
    from zhizao.app import survey_steps
    from zhizao.record.whole import write_whole

    lang = check_lang(lang)
    with progress_bar(quiet=as_json, lang=lang) as progress:
        panel, said = survey_steps.draw(frame, design, seed=seed, previous=previous, rotate=rotate, progress=progress)
    write_whole(out, survey_steps.table_bytes(panel, out))
    if as_json:
        say(json.dumps(said, ensure_ascii=False))
        return
    words: dict[str, Any] = _WORDS[lang]
    say(words["panel"].format(**said))
    say(words["weights"].format(**said))
    if previous is not None:
        say(words["changes"].format(**said))
    say(f"-> {out}")


@app.command()
def estimate(
    sample: Annotated[Path, typer.Argument(help="Sample, one row a unit.")],
    spec: Annotated[Path | None, typer.Option(help="YAML file that says what is wanted.")] = None,
    weights: Annotated[str | None, typer.Option(help="Column of weights.")] = None,
    strata: Annotated[str | None, typer.Option(help="Column of strata.")] = None,
    psu: Annotated[str | None, typer.Option(help="Column of clusters; several stages by comma.")] = None,
    fpc: Annotated[str | None, typer.Option(help="Column of population sizes; several stages by comma.")] = None,
    lonely: Annotated[str, typer.Option(help="fail, certainty, average or centred.")] = "fail",
    total: Annotated[str, typer.Option(help="Columns whose totals are wanted.")] = "",
    mean: Annotated[str, typer.Option(help="Columns whose means are wanted.")] = "",
    proportion: Annotated[str, typer.Option(help="Columns of 0 and 1 whose shares are wanted.")] = "",
    ratio: Annotated[str, typer.Option(help="Ratios, as a/b.")] = "",
    quantile: Annotated[str, typer.Option(help="Quantiles, as y:0.5.")] = "",
    by: Annotated[str, typer.Option(help="Groupings that are domains; a*b crosses two.")] = "",
    calibrate: Annotated[Path | None, typer.Option(help="File of known totals: variable, class, total.")] = None,
    areas: Annotated[
        Path | None,
        typer.Option(help="File of areas: a grouping of --by, and numbers known of it; small-area estimates."),
    ] = None,
    areas_method: Annotated[str, typer.Option(help="reml, ml, moment or fay_herriot.")] = "reml",
    distance: Annotated[str, typer.Option(help="linear, raking, logit or post-strata.")] = "linear",
    bounds: Annotated[str, typer.Option(help="Lowest and highest factor on a weight, as 0.3,3.")] = "",
    answered: Annotated[str | None, typer.Option(help="Column, 1 where the unit answered.")] = None,
    response_classes: Annotated[str | None, typer.Option(help="Column of response classes.")] = None,
    likelihood: Annotated[
        str, typer.Option(help="Columns known of all, from which classes of like chance to answer are made.")
    ] = "",
    method: Annotated[str, typer.Option(help="taylor, jackknife, bootstrap, brr, fay or sdr.")] = "taylor",
    fay: Annotated[float, typer.Option(help="What the other half counts with fay, below 1.")] = 0.5,
    winsorise: Annotated[str, typer.Option(help="Columns whose giants no longer stand for others.")] = "",
    replicates: Annotated[int, typer.Option(help="Of the bootstrap.")] = 500,
    freedom: Annotated[str, typer.Option(help="satterthwaite, design or normal.")] = "satterthwaite",
    interval: Annotated[str, typer.Option(help="t; log or skew for totals that a few giants carry.")] = "t",
    level: Annotated[float, typer.Option(help="Confidence.")] = 0.95,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 1,
    drop_missing: Annotated[bool, typer.Option("--drop-missing", help="Leave out rows without a value.")] = False,
    as_json: JsonArg = False,
    lang: LangArg = None,
) -> None:
    """Totals, means, ratios, shares and quantiles with standard errors, overall and by domain."""
    lang = check_lang(lang)
    domains = _listed(by)
    asked: dict[str, Any] = {
        "weights": weights, "strata": strata, "psu": _listed(psu or ""), "fpc": _listed(fpc or ""), "lonely": lonely,
        "method": method, "replicates": replicates, "freedom": freedom, "level": level, "interval": interval, "drop_missing": drop_missing,
        "fay": fay, "winsorise": _listed(winsorise), "areas": areas_method,
        "estimates": [
            *({"what": "total", "of": one, "by": domains} for one in _listed(total)),
            *({"what": "mean", "of": one, "by": domains} for one in _listed(mean)),
            *({"what": "proportion", "of": one, "by": domains} for one in _listed(proportion)),
            *({"what": "ratio", **_pair(one), "by": domains} for one in _listed(ratio)),
            *({"what": "quantile", **_point(one), "by": domains} for one in _listed(quantile)),
        ],
    }  # fmt: skip
    if answered is not None:
        asked["response"] = {"answered": answered, "classes": response_classes, "likelihood": _listed(likelihood)}
    if calibrate is not None:
        asked["calibration"] = {"distance": distance, "bounds": _bounds(bounds)}
    wanted = _read_spec(spec, asked)
    from zhizao.app import survey_steps

    with progress_bar(quiet=as_json, lang=lang) as progress:
        rows = survey_steps.estimate(sample, wanted, totals=calibrate, areas=areas, seed=seed, progress=progress)
    if as_json:
        say(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    _show(rows, lang)


def _show(rows: list[EstimateRow], lang: str) -> None:
    words: dict[str, Any] = _WORDS[lang]
    for design in dict.fromkeys(row["design"] for row in rows):
        say(words["design"].format(design=_in(lang, design)))
    for interval, source in dict.fromkeys((row["interval"], row["method"]) for row in rows):
        say(words["interval"].format(interval=_in(lang, interval), method=_in(lang, source)))
    cells = [list(words["head"])]
    for row in rows:
        figures = [row["estimate"], row["se"], row["low"], row["high"], row["df"], row["deff"]]
        told = ["-" if value is None else f"{value:.6g}" for value in figures]
        cells.append([_in(lang, row["what"]), row["domain"] or words["all"], *told, str(row["n"])])
    width = [max(len(line[j]) for line in cells) for j in range(len(cells[0]))]
    for line in cells:
        say("  ".join(c.ljust(w) if j < 2 else c.rjust(w) for j, (c, w) in enumerate(zip(line, width, strict=True))))


def _pair(text: str) -> dict[str, str]:
    top, slash, bottom = text.partition("/")
    if not slash or not top.strip() or not bottom.strip():
        raise InputError(f'"{text}" is no ratio', where="--ratio", fix="write a/b", code="bad_ratio")
    return {"of": top.strip(), "to": bottom.strip()}


def _point(text: str) -> dict[str, Any]:
    name, _, share = text.partition(":")
    try:
        return {"of": name.strip(), "p": float(share or 0.5)}
    except ValueError:
        raise InputError(f'"{text}" is no quantile', where="--quantile", fix="write y:0.5", code="bad_share") from None


def _bounds(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f'"{text}" are no bounds', where="--bounds", fix="write 0.3,3", code="bad_bounds") from None
    return low, high


def _read_spec(path: Path | None, asked: dict[str, Any]) -> Spec:
    """What is wanted: the file's, options that were given laid over it."""
    import yaml

    from zhizao.programme.survey.spec import spec_of

    told: dict[str, Any] = {}
    where = "options"
    if path is not None:
        where = path.name
        try:
            read = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise InputError("there is no such file", where=str(path), fix="check the name", code="no_file") from None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError("the file is no YAML", where=where, fix="see docs/survey.md", code="bad_spec") from error
        if not isinstance(read, dict):
            raise InputError("the file names nothing", where=where, fix="see docs/survey.md", code="bad_spec")
        told = dict(read)
        blank = _read_spec_defaults()
        asked = {key: value for key, value in asked.items() if key not in told or value != blank.get(key)}
        if not asked.get("estimates"):
            asked.pop("estimates", None)
    merged = {**told, **asked}
    if not merged.get("estimates"):
        raise InputError(
            "nothing is asked for", where=where, fix="add --total, --mean, --proportion, --ratio, --quantile or --spec",
            code="nothing_wanted",
        )  # fmt: skip
    return spec_of(merged, where)


def _read_spec_defaults() -> dict[str, Any]:
    """What options hold when none is given, so that a file's word stands."""
    return {
        "weights": None, "strata": None, "psu": (), "fpc": (), "lonely": "fail", "method": "taylor", "replicates": 500,
        "freedom": "satterthwaite", "level": 0.95, "interval": "t", "drop_missing": False,
        "fay": 0.5, "winsorise": (), "areas": "reml",
        "calibration": {"distance": "linear", "bounds": None},
    }  # fmt: skip
