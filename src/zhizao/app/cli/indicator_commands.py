"""`zhizao indicators`, `zhizao evaluate`: what is to be reached, and where it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhizao.app.cli.options import check_lang
from zhizao.app.cli.show import progress_bar, say
from zhizao.errors import InputError

if TYPE_CHECKING:
    from zhizao.programme.indicators import Definition, Target
    from zhizao.programme.outlook import Evaluation, IndicatorResult, Judgement

__all__ = ["add"]

_WORDS = {
    "en": {
        "evaluating": "evaluating",
        "writing": "writing the report",
        "testing": "drawing and forecasting series",
        "sets": "sets of targets",
        "steps": "strategic steps",
        "goals": "goals without a number",
        "by": "by {year}: {text}",
        "as_of": "as known on {day}; targets of {sets}",
        "unverified": "values that are only remembered are used; this is no basis for a decision",
        "latest": "newest {value} ({period}, {source})",
        "no_value": "no usable value",
        "target": "  {year} {set:<15} {target:<30} {state:<16} {chance:>6}  {reason}",
        "outlook": "  outlook {list}",
        "little": ": says next to nothing",
        "coverage": "95 % intervals held {own} of {n} later published values, and {all} of generated ones ({series} series)",
        "report": "report: {path}",
        "verified": "the report is what its inputs give: {n} indicators as known on {day}, inputs SHA-256 {sha}",
        "of": "kind of course",
        "ahead": "years ahead",
        "all": "all",
        "overall": "95 % intervals held {all}, 80 % intervals {all80} of what came, {n} series of each kind, seed {seed}",
    },
    "zh": {
        "evaluating": "评估",
        "writing": "写报告",
        "testing": "生成并预测序列",
        "sets": "目标出处",
        "steps": "战略步骤",
        "goals": "非定量目标",
        "by": "{year}年：{text}",
        "as_of": "数据截止日 {day}；目标出处：{sets}",
        "unverified": "采用了未核实的数值，不得作为决策依据",
        "latest": "最新 {value}（{period}，{source}）",
        "no_value": "没有可用的数值",
        "target": "  {year} {set} {target} {state} {chance} {reason}",
        "outlook": "  展望 {list}",
        "little": "，几无信息",
        "coverage": "95%区间覆盖后期公布数值{n}个中的{own}个；生成序列（{series}条）中的{all}",
        "report": "报告：{path}",
        "verified": "报告与其输入相符：{n}项指标，数据截止日{day}，输入SHA-256 {sha}",
        "of": "走势类型",
        "ahead": "提前年数",
        "all": "全部",
        "overall": "95%区间覆盖{all}，80%区间覆盖{all80}；每类{n}条，种子{seed}",
    },
}

_Definitions = Annotated[
    list[Path] | None, typer.Option("--definitions", help="YAML file that adds or changes indicators; repeatable.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Lang = Annotated[str | None, typer.Option(help="zh or en.")]


def indicators(
    definitions: _Definitions = None,
    target_set: Annotated[str | None, typer.Option("--set", help="Only targets of this set.")] = None,
    as_json: _Json = False,
    lang: _Lang = None,
) -> None:
    """Indicators with their definitions and targets, the plan's table first."""
    from zhizao.app.evaluation import catalogue_json, read_catalogue
    from zhizao.programme.indicators import print_target, print_value
    from zhizao.programme.outlook.report.sections import open_text

    lang = check_lang(lang)
    words = _WORDS[lang]
    found = read_catalogue(definitions or [])
    if target_set is not None:
        found.check_set(target_set)
    shown = [
        one.model_copy(update={"targets": tuple(t for t in one.targets if target_set in (None, t.target_set))})
        for one in found.current.values()
    ]
    if target_set is not None:
        shown = [one for one in shown if one.targets]
    if as_json:
        _print_json(catalogue_json(found, target_set))
        return
    heading = None
    for one in shown:
        category = one.category_zh if lang == "zh" else one.category_en
        if category != heading:
            say(f"\n{category}" if heading is not None else category)
            heading = category
        say(
            f"  {one.id} v{one.version}  {one.name(lang)}（{one.unit_in(lang)}）"
            if lang == "zh"
            else f"  {one.id} v{one.version}  {one.name(lang)} ({one.unit})"
        )
        past = "   ".join(f"{year}: {print_value(one, value)}" for year, value in one.published.items())
        targets = "   ".join(
            f"{t.year}{'' if t.target_set == 'plan2025' else ' ' + t.target_set}: {print_target(one, t, lang)}"
            for t in one.targets
        )
        for line in (past, targets, open_text(one, None, lang)):
            if line:
                say(f"      {line}")
    say(f"\n{words['steps']}")
    for step in found.steps:
        say(f"  {step.id} " + words["by"].format(year=step.by, text=step.zh if lang == "zh" else step.en))
    say(f"\n{words['goals']}")
    for goal in found.goals:
        say(f"  {goal.id} " + words["by"].format(year=goal.year, text=goal.zh if lang == "zh" else goal.en))
    say(f"\n{words['sets']}")
    for each in found.target_sets.values():
        say(f"  {each.id}: {each.name(lang)}")


def evaluate(
    values: Annotated[Path | None, typer.Option(help="CSV, Excel or YAML file with indicator, year, value.")] = None,
    as_of: Annotated[str | None, typer.Option(help="Only what was published by this day; today when absent.")] = None,
    definitions: _Definitions = None,
    target_set: Annotated[str | None, typer.Option("--target-set", help="Only targets of this set.")] = None,
    include_unverified: Annotated[
        bool, typer.Option("--include-unverified", help="Judge by values that are only remembered, too.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the report here: .html or .pdf.")] = None,
    number: Annotated[str, typer.Option(help="Document number on the report.")] = "",
    issuer: Annotated[str, typer.Option(help="Who issues the report.")] = "",
    verify: Annotated[Path | None, typer.Option(help="Make this report again from its inputs and compare.")] = None,
    check_coverage: Annotated[
        int | None, typer.Option(help="Draw this many series of each kind and count what the intervals hold.", min=1)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of --check-coverage.", min=0)] = 20250508,
    as_json: _Json = False,
    lang: _Lang = None,
) -> None:
    """Where each indicator stands against its targets, how likely it reaches them, and where it goes."""
    from zhizao.app.evaluation import check_report, evaluation_of, read_day, write_pdf

    lang = check_lang(lang)
    words = _WORDS[lang]
    if verify is not None:
        with progress_bar(lang=lang, quiet=as_json) as progress:
            progress(words["evaluating"], 0.0)
            held = check_report(verify)
        if as_json:
            _print_json({"verified": True, **held})
        else:
            say(words["verified"].format(n=held["indicators"], day=held["as_of"], sha=held["sha256"]))
        return
    if check_coverage is not None:
        _coverage(check_coverage, seed, lang, as_json=as_json)
        return
    if out is not None and out.suffix.lower() not in (".html", ".htm", ".pdf"):
        raise InputError(f'"{out.name}" is neither HTML nor PDF', where="--out", fix="end the name in .html or .pdf")
    if out is not None and out.is_dir():
        raise InputError(f'"{out}" is a folder', where="--out", fix="name a file in it, such as report.html")
    day = read_day(as_of)
    with progress_bar(lang=lang, quiet=as_json) as progress:
        progress(words["evaluating"], 0.0)
        found, read = evaluation_of(values, definitions or [], day, target_set, include_unverified)
        html = ""
        if out is not None:
            from zhizao.programme.outlook.report import Cover, report_html
            from zhizao.record.whole import write_whole

            progress(words["writing"], 0.9)
            html = report_html(found, Cover(lang, number.strip(), issuer.strip()))
            write_pdf(html, out) if out.suffix.lower() == ".pdf" else write_whole(out, html)
    if as_json:
        from zhizao.programme.outlook.result import evaluation_json

        shown = evaluation_json(found)
        shown["notes"] = [{"zh": one.zh, "en": one.en} for one in read.notes]
        _print_json(shown)
        return
    for note in read.notes:
        say(note(lang))
    _say_evaluation(found, lang)
    if out is not None:
        say(words["report"].format(path=out))


def _say_evaluation(found: Evaluation, lang: str) -> None:
    from zhizao.programme.outlook import released_coverage
    from zhizao.programme.outlook.evaluate import says_little
    from zhizao.programme.outlook.report.sections import open_text

    words = _WORDS[lang]
    sets = ", ".join(dict.fromkeys(each.target.target_set for one in found.results for each in one.judgements))
    say(words["as_of"].format(day=found.settings.as_of, sets=sets))
    if found.settings.include_unverified:
        say(words["unverified"])
    for one in found.results:
        say(f"\n{one.definition.id} {one.definition.name(lang)}: {_latest(one, lang)}")
        said = open_text(one.definition, one.newest.figure if one.newest is not None else None, lang)
        if said:
            say(f"  {said}")
        for each in one.judgements:
            say(words["target"].format(**_line(one.definition, each, lang)))
        if one.fan is not None:
            listed = "; ".join(
                f"{year}: {at[1]:.4g} ({at[0]:.4g} – {at[2]:.4g}{words['little'] if says_little(one.definition, *at) else ''})"
                for year in (2025, 2035, 2049)
                if (at := one.fan.at(year)) is not None
            )
            say(words["outlook"].format(list=listed))
    tested = released_coverage()
    own = sum(one.test.inside for one in found.results)
    n = sum(one.test.forecasts for one in found.results)
    say()
    say(words["coverage"].format(own=own, n=n, all=f"{100 * tested.overall:.1f} %", series=8 * tested.series))


def _latest(one: IndicatorResult, lang: str) -> str:
    from zhizao.programme.outlook.reasons import when_text

    words = _WORDS[lang]
    point = one.newest
    seen = point.observation if point is not None else None
    if point is None or seen is None:
        return words["no_value"]
    period = (seen.period_zh if lang == "zh" else seen.period_en) or when_text(point.at)
    return words["latest"].format(value=f"{point.figure:g}", period=period, source=seen.source or "-")


def _line(definition: Definition, each: Judgement, lang: str) -> dict[str, object]:
    from zhizao.programme.indicators import print_target
    from zhizao.programme.outlook.report.words import state_word

    target: Target = each.target
    chance = "-" if each.probability is None else f"{100 * each.probability:.0f} %"
    if each.probability is not None and each.probability < 0.01:
        chance = "<1 %"
    elif each.probability is not None and each.probability > 0.99:
        chance = ">99 %"
    return {
        "year": target.year,
        "set": target.target_set,
        "target": print_target(definition, target, lang),
        "state": state_word(each.state, lang),
        "chance": chance,
        "reason": each.reason(lang),
    }


def _coverage(series: int, seed: int, lang: str, *, as_json: bool) -> None:
    import numpy as np

    from zhizao.programme.outlook import HORIZONS, KINDS, generated_coverage

    words = _WORDS[lang]
    with progress_bar(lang=lang, quiet=as_json) as progress:
        found = generated_coverage(
            np.random.default_rng(seed),
            series,
            seed=seed,
            progress=lambda _stage, share: progress(words["testing"], share),
        )
    if as_json:
        _print_json(
            {
                "seed": seed,
                "series_of_each_kind": series,
                "horizons_years": list(HORIZONS),
                "coverage_95": found.overall,
                "coverage_80": found.overall80,
                "by_horizon_95": list(found.by_horizon),
                "by_horizon_80": list(found.by_horizon80),
                "by_kind_95": {kind: list(shares) for kind, shares in found.by_kind.items()},
            }
        )
        return
    say(f"{words['ahead']:<34}" + "".join(f"{n:>8}" for n in HORIZONS))
    for kind, shares in found.by_kind.items():
        name = KINDS[kind][lang != "zh"]
        say(f"{name:<34}" + "".join(f"{100 * one:>8.1f}" for one in shares))
    say(f"{words['all']:<34}" + "".join(f"{100 * one:>8.1f}" for one in found.by_horizon))
    all95, all80 = f"{100 * found.overall:.1f} %", f"{100 * found.overall80:.1f} %"
    say(words["overall"].format(all=all95, all80=all80, n=series, seed=seed))


def _print_json(value: object) -> None:
    say(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def add(app: typer.Typer) -> None:
    """Put the commands of this module on the tree."""
    app.command()(indicators)
    app.command()(evaluate)
