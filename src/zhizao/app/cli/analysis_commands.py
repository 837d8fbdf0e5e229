"""`zhizao composite`, `decompose`, `effect`: an index with rank intervals, a change in its parts, what a programme did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhizao.app.cli.analysis_files import as_json, read_noun, read_settings, read_table, write_tables
from zhizao.app.cli.analysis_show import (
    MOST_ROWS,
    WORDS,
    composite_json,
    composite_tables,
    effect_json,
    say_composite,
    say_effect,
)
from zhizao.app.cli.options import check_lang
from zhizao.app.cli.show import progress_bar, say
from zhizao.errors import InputError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["add"]

LangOption = Annotated[str | None, typer.Option(help="zh or en.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OutOption = Annotated[Path | None, typer.Option(help="Write the tables to this .xlsx file.")]
SeedOption = Annotated[int, typer.Option(help="Seed of what is drawn.", min=0)]


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
        write_tables(out, composite_tables(built, found, steps_up, steps_down, rows))
    if as_json_:
        say(as_json(composite_json(built, found, steps_up, steps_down, rows)))
    else:
        say_composite(built, found, unit, steps_up, steps_down, rows, lang)
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
    words = WORDS[lang]
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
    words = WORDS[lang]
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
        say(as_json(effect_json(found)))
    else:
        say_effect(found, lang)


def add(app: typer.Typer) -> None:
    """Put the commands of this module on the tree."""
    app.command()(composite)
    app.command()(decompose)
    app.command()(effect)
