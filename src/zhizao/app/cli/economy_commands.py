"""`zhizao economy`: generate an economy whose truth is known; load one and compute every indicator at every level."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhizao.app.cli.options import check_lang
from zhizao.app.cli.show import progress_bar, say
from zhizao.errors import InputError

if TYPE_CHECKING:
    from zhizao.programme.indicators import Definition
    from zhizao.programme.rollup import Cube, Deflators, Figures
    from zhizao.testing.economy import Economy

__all__ = ["app"]

app = typer.Typer(
    help="An economy whose truth is known: generate it, load it, compute its indicators.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_WORDS = {
    "en": {
        "made": "{out}: {enterprises} enterprises x {months} months x {items} items, seed {seed}",
        "faults": "  wrong lines {errors}, enterprises with made-up figures {false}, lines replaced later {revisions}",
        "loaded": "loaded {enterprises} enterprises x {months} months x {items} items in {seconds:.1f} s (processor time {cpu:.1f} s)",
        "computed": "computed {indicators} indicators at {levels} levels, {figures} figures, in {seconds:.2f} s (processor time {cpu:.2f} s)",
        "memory": "most memory held: {gib:.2f} GiB",
        "coverage": "returns received of {month}: {share:.1%} of those expected, {output} of last year's output",
        "not_told": "  {id} is not told: {why}",
        "head": "nation",
        "published": "{workspace}: {published:,} returns of {enterprises:,} enterprises in {months} months published; {never_arrived:,} never arrived, {there_already:,} were there already",
    },
    "zh": {
        "made": "{out}：{enterprises} 家企业 × {months} 个月 × {items} 个指标项，种子 {seed}",
        "faults": "  错误行 {errors}，编造数字的企业 {false}，后来被替换的行 {revisions}",
        "loaded": "已载入 {enterprises} 家企业 × {months} 个月 × {items} 个指标项，用时 {seconds:.1f} 秒（处理器时间 {cpu:.1f} 秒）",
        "computed": "已计算 {indicators} 项指标、{levels} 个层级，共 {figures} 个数，用时 {seconds:.2f} 秒（处理器时间 {cpu:.2f} 秒）",
        "memory": "最大内存占用：{gib:.2f} GiB",
        "coverage": "{month} 报表回收：占应报企业的 {share:.1%}，占上年产值的 {output}",
        "not_told": "  {id} 未给出：{why}",
        "head": "全国",
        "published": "{workspace}：已公布 {enterprises:,} 家企业 {months} 个月的 {published:,} 份报表；{never_arrived:,} 份从未报送，{there_already:,} 份已在其中",
    },
}
_WHY = {
    "its values come from elsewhere": "其数值来自别处",
    "it is made of other scores": "由其他得分合成",
    "its formula names no item": "公式未列出报表项",
}

Lang = Annotated[str | None, typer.Option(help="zh or en.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Folder to make; it must not hold anything yet.")],
    enterprises: Annotated[int, typer.Option(help="Number of enterprises.")] = 400_000,
    months: Annotated[int, typer.Option(help="Number of months.")] = 120,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 7,
    first: Annotated[str, typer.Option(help="First month.")] = "2015-01",
    workers: Annotated[
        int | None, typer.Option(help="Processes; one for each core when absent. They change nothing.", min=1)
    ] = None,
    clean: Annotated[bool, typer.Option("--clean", help="Every return in time, whole and true.")] = False,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Generate returns of enterprises that do not exist, with errors and gaps, and the truth beside them."""
    from zhizao.programme.rollup import month_number
    from zhizao.testing.economy import generate as make
    from zhizao.testing.economy import truth

    lang = check_lang(lang)
    month_number(first, where="--first")
    with progress_bar(lang=lang) as progress:
        said = make(
            out,
            enterprises=enterprises,
            months=months,
            seed=seed,
            first=first,
            told=truth().faultless() if clean else truth(),
            workers=workers,
            progress=progress,
        )
    if as_json:
        shown = ("enterprises", "months", "first", "seed", "counts", "totals_sha256", "overcapacity")
        say(json.dumps({"out": str(out), **{key: said[key] for key in shown}}, ensure_ascii=False, indent=2))
        return
    words = _WORDS[lang]
    say(words["made"].format(out=out, enterprises=enterprises, months=months, items=len(said["items"]), seed=seed))
    say(words["faults"].format(**said["counts"]))


@app.command()
def load(
    folder: Annotated[Path, typer.Argument(help="Folder from `zhizao economy generate`.")],
    by: Annotated[
        str, typer.Option(help="Level that is shown: any of industry,region,size; the nation when empty.")
    ] = "",
    as_of: Annotated[str | None, typer.Option("--as-of", help="As known at the end of this month: 2024-06.")] = None,
    definitions: Annotated[Path | None, typer.Option(help="YAML file of definitions beside the shipped ones.")] = None,
    needed: Annotated[bool, typer.Option("--needed", help="Load only the items that the formulas need.")] = False,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Load an economy into memory and compute every indicator at every level, by month and by year."""
    import time

    from zhizao.programme.rollup import all_figures, computable, month_number, plan_of, sums_of
    from zhizao.testing.economy import ITEMS, read_economy

    lang = check_lang(lang)
    level = _level(by)
    vintage = month_number(as_of, where="--as-of") if as_of else None
    wanted = _definitions(definitions)
    plan = plan_of(wanted)
    items = tuple(dict.fromkeys((*plan.items, "output_cny"))) if needed else ITEMS
    began, began_cpu = time.perf_counter(), time.process_time()
    with progress_bar(lang=lang) as progress:
        economy = read_economy(folder, items, progress)
    cube, deflators, grid = _ready(economy, plan, vintage)
    loaded, loaded_cpu = time.perf_counter(), time.process_time()
    found = all_figures(sums_of(cube, plan, grid), deflators)
    computed, computed_cpu = time.perf_counter(), time.process_time()
    if (level, "year") not in found:
        found |= all_figures(sums_of(cube, plan, grid), deflators, (level,))
    covered = _covered(cube, vintage)
    told = {
        "enterprises": cube.enterprises,
        "months": cube.months,
        "items": len(items),
        "load_seconds": round(loaded - began, 3),
        "compute_seconds": round(computed - loaded, 3),
        "load_cpu_seconds": round(loaded_cpu - began_cpu, 3),
        "compute_cpu_seconds": round(computed_cpu - loaded_cpu, 3),
        "peak_memory_gib": round(_peak_gib(), 3),
        "indicators": len(plan.definitions),
        "levels": 5,
        "figures": sum(one.value.size for one in found.values()),
        "as_of": as_of,
        "coverage": covered,
        "not_told": {one.id: computable(one) for one in wanted if computable(one)},
    }
    if as_json:
        say(json.dumps({**told, "by": list(level), "rows": _rows(found[level, "year"])}, ensure_ascii=False, indent=1))
        return
    words = _WORDS[lang]
    say(
        words["loaded"].format(
            seconds=told["load_seconds"],
            cpu=told["load_cpu_seconds"],
            **{k: told[k] for k in ("enterprises", "months", "items")},
        )
    )
    shown = {key: told[key] for key in ("indicators", "levels", "figures")}
    say(words["computed"].format(seconds=told["compute_seconds"], cpu=told["compute_cpu_seconds"], **shown))
    say(words["memory"].format(gib=told["peak_memory_gib"]))
    output = "-" if covered["output"] is None else f"{covered['output']:.1%}"
    say(words["coverage"].format(month=covered["month"], share=covered["share"] or 0.0, output=output))
    _table(found[level, "year"], lang)
    for one in wanted:
        if computable(one):
            say(words["not_told"].format(id=one.id, why=_WHY[computable(one)] if lang == "zh" else computable(one)))


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="Folder from `zhizao economy generate`.")],
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help="Workspace that gains the returns.")],
    first: Annotated[str, typer.Option(help="First month: 2024-01.")],
    last: Annotated[str, typer.Option(help="Last month: 2024-12.")],
    enterprises: Annotated[int, typer.Option(help="How many, spread over the register.")] = 300,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Publish returns of an economy in a workspace, so that `zhizao rollup` and the page roll them up."""
    from zhizao.app.economy_returns import publish_economy

    lang = check_lang(lang)
    with progress_bar(quiet=as_json, lang=lang) as progress:
        said = publish_economy(folder, workspace, first=first, last=last, enterprises=enterprises, progress=progress)
    if as_json:
        say(json.dumps({"workspace": str(workspace), **said}, ensure_ascii=False))
        return
    say(_WORDS[lang]["published"].format(workspace=workspace, **said))


def _level(by: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in by.split(",") if part.strip())
    if len(set(names)) != len(names) or any(name not in ("industry", "region", "size") for name in names):
        raise InputError(f'"{by}" is not a level', where="--by", fix="write any of industry,region,size", code="by")
    return tuple(name for name in ("industry", "region", "size") if name in names)


def _definitions(file: Path | None) -> list[Definition]:
    """Shipped definitions, and those of a file beside them."""
    texts, names = [], []
    if file is not None:
        try:
            texts.append(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("cannot read the definitions", where=str(file), fix="give a YAML file in UTF-8") from error
        names.append(str(file))
    found: dict[str, Definition] = import_module("zhizao.programme.indicators").definitions(*texts, names=names)
    return list(found.values())


def _ready(economy: Economy, plan: Any, vintage: int | None) -> tuple[Cube, Deflators, Any]:
    """The economy as a cube, as it was known at a month, with deflators, the grid, and kernels that are compiled."""
    import numpy as np

    from zhizao.programme.rollup import Cube, Deflators, Revisions, all_figures, as_of, grid_of, magnitudes, sums_of

    cube, order = Cube.of(
        economy.items,
        economy.first,
        economy.values,
        industry=economy.frame["industry"].to_numpy(),
        region=economy.frame["region"].to_numpy(),
        size=economy.frame["size"].to_numpy(),
        born=economy.frame["born"].to_numpy() + economy.first,
        died=economy.frame["died"].to_numpy() + economy.first,
        arrival=economy.arrival,
    )
    if vintage is not None:
        from zhizao.testing.economy import ITEMS

        told = economy.revisions
        place = np.array([economy.items.index(key) if key in economy.items else -1 for key in ITEMS])
        back = np.argsort(order)
        item = place[told["item"].to_numpy()]
        held = item >= 0
        as_of(
            cube,
            Revisions(
                back[told["enterprise"].to_numpy()[held]],
                told["month"].to_numpy()[held].astype(np.int64),
                item[held],
                told["lag"].to_numpy()[held].astype(np.int64),
                told["first"].to_numpy()[held],
            ),
            vintage,
        )
    rows = [economy.industries.index(code) for code in cube.axes.industry]
    deflators = Deflators(economy.first, np.ascontiguousarray(economy.deflators[rows]))
    grid = grid_of(plan, plan.items, magnitudes(cube, plan.items))
    all_figures(
        sums_of(cube.part(0, min(1, cube.enterprises)), plan, grid), deflators
    )  # compiled before the clock runs
    return cube, deflators, grid


def _covered(cube: Cube, vintage: int | None) -> dict[str, Any]:
    """Coverage of the last month that could be known."""
    from zhizao.programme.rollup import coverage, month_label

    found = coverage(cube)
    last = cube.months - 1 if vintage is None else min(max(vintage - cube.start, 0), cube.months - 1)
    share, output = float(found.share[0, last]), float(found.share_of_output[0, last])
    return {
        "month": month_label(cube.start + last),
        "share": share if share == share else None,
        "output": output if output == output else None,
    }


def _rows(found: Figures) -> list[dict[str, Any]]:
    return [
        {key: None if isinstance(value, float) and value != value else value for key, value in row.items()}
        for row in found.frame().iter_rows(named=True)
    ]


def _table(found: Figures, lang: str) -> None:
    """Years across, one line an indicator and group."""
    from zhizao.programme.classes import industries, regions, sizes

    names: dict[str, dict[str, Any]] = {
        "industry": dict(industries()),
        "region": dict(regions()),
        "size": dict(sizes()),
    }
    for g, group in enumerate(found.groups):
        say()
        said = [getattr(names[axis][code], lang) for axis, code in zip(found.by, group, strict=True)]
        say(f"{' · '.join(said) or _WORDS[lang]['head']:40s}" + "".join(f"{label:>9s}" for label in found.labels()))
        for d, one in enumerate(found.definitions):
            values = "".join(f"{value:9.4g}" if value == value else f"{'-':>9s}" for value in found.value[d, g])
            say(f"  {one.id:8s} {getattr(one, lang)[:29]:29s}{values}")


def _peak_gib() -> float:
    """Most memory this process has held, GiB."""
    import resource
    import sys

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**30 if sys.platform == "darwin" else 2**20)
