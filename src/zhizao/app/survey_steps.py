"""The survey from files to files: a frame or sample read, strata made and allocated, a panel drawn, figures estimated.

Columns are recognised by name where no option names them; numbers written as text are read, anything else in a column
of numbers is refused with its row. A design is a JSON file that holds all that a draw needs; a panel is a table that
holds all that next year's draw needs.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.programme import survey
from zhizao.programme.survey.spec import Spec, read_totals, run
from zhizao.sense.files.source import Options, open_source

__all__ = ["design", "draw", "estimate", "find_column", "numeric", "read_table", "rotation"]

Progress = Callable[[str, float], None]

NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "enterprise", "enterprise_id", "unit_id", "企业代码", "企业编号", "统一社会信用代码", "单位代码"),
    "industry": ("industry", "industry_code", "division", "行业", "行业代码", "行业大类"),
    "region": ("region", "region_code", "province", "地区", "地区代码", "省份", "行政区划"),
    "size": ("size", "size_band", "size_class", "规模", "单位规模", "企业规模"),
    "revenue_cny": ("revenue_cny", "revenue", "主营业务收入", "营业收入"),
    "employees": ("employees", "从业人员期末人数", "从业人员"),
    "predecessors": ("predecessors", "predecessor", "前身", "原企业代码"),
    "weight": ("weight", "weights", "w", "pw", "wgt", "权重"),
    "stratum": ("stratum", "strata", "层"),
    "fpc": ("stratum_units", "fpc", "N", "层总体数"),
}
"""Words by which a column is recognised."""


def read_table(path: Path, progress: Progress | None = None, headings: tuple[str, ...] = ()) -> pl.DataFrame:
    """A table from CSV (also .gz), Excel or Parquet, every cell as it stands.

    Parameters
    ----------
    path : the file; of a workbook the first sheet
    progress : told a stage and a share
    headings : words to find the row of headings by; all that are recognised when absent

    Raises
    ------
    InputError : when the file cannot be read, rows do not fit the headings, or there are two headings alike
    """
    words = headings or tuple(word for names in NAMES.values() for word in names)
    source = open_source(path, Options(headings=words), progress)
    sheet = source.sheets[0]
    faults = [
        Fault(
            f"{cells} cells where {sheet.frame.width} are needed", f"{path.name}, row {row}", "mend the row", "ragged"
        )
        for row, cells, _ in sheet.ragged
    ]
    if faults:
        raise FaultsFound(f"{len(faults)} rows do not fit the headings", faults, where=path.name)
    if sheet.repeated:
        name, places = next(iter(sheet.repeated.items()))
        raise InputError(
            f'"{name}" heads {len(places)} columns', where=path.name, fix="rename all but one", code="repeated_heading"
        )
    return sheet.frame


def find_column(frame: pl.DataFrame, role: str, given: str | None = None, where: str = "") -> str:
    """Name of the column that holds something: the one that was named, else one recognised by its heading.

    Raises
    ------
    InputError : when there is none
    """
    if given is not None:
        if given not in frame.columns:
            raise InputError(
                f'there is no column "{given}"', where=where, fix=_have(frame), code="no_column"
            )  # fmt: skip
        return given
    wanted = [name.lower() for name in NAMES.get(role, (role,))]
    for name in wanted:
        for column in frame.columns:
            if column.strip().lower() == name:
                return column
    raise InputError(
        f"no column is recognised as {role}",
        where=where,
        fix=f"name it with an option; {_have(frame)}",
        code="no_column",
    )


def _have(frame: pl.DataFrame) -> str:
    return f"the columns are: {', '.join(frame.columns[:25])}"


def numeric(frame: pl.DataFrame, columns: Sequence[str], where: str, *, missing: bool = False) -> pl.DataFrame:
    """The frame with columns as numbers, thousands separators taken out; empty cells become NaN where they may.

    Raises
    ------
    FaultsFound : naming each column that holds text, with the first row and value
    """
    faults: list[Fault] = []
    made: list[pl.Series] = []
    for name in dict.fromkeys(columns):
        raw = frame[name]
        if raw.dtype.is_numeric() or raw.dtype == pl.Boolean:
            column = raw.cast(pl.Float64)
            empty = raw.is_null()
        else:
            text = raw.cast(pl.String).str.strip_chars()
            empty = (text.is_null() | text.is_in(["", "NA", "NaN", "nan", "null"])).fill_null(True)
            column = text.str.replace_all(r"[,，\s]", "").cast(pl.Float64, strict=False)
            wrong = column.is_null() & ~empty
            if wrong.any():
                at = int(wrong.arg_max() or 0)
                faults.append(
                    Fault(
                        f'{int(wrong.sum())} cells of {name} are no numbers, the first is "{raw[at]}"',
                        f"{where}, row {at + 2}",
                        "write plain numbers without units",
                        "text_in_numbers",
                    )
                )
        if not missing and empty.any():
            at = int(empty.arg_max() or 0)
            faults.append(
                Fault(f"{int(empty.sum())} cells of {name} are empty", f"{where}, row {at + 2}", "fill them in")
            )
        made.append(column.fill_null(math.nan).alias(name))
    if faults:
        raise FaultsFound("columns that should hold numbers do not", faults, where=where)
    return frame.with_columns(made)


def _ids(frame: pl.DataFrame, name: str, where: str) -> list[str]:
    ids = frame[name].cast(pl.String).str.strip_chars()
    if ids.null_count() or (ids == "").any():
        raise InputError(
            f"{ids.null_count() + int((ids == '').sum())} units have no id",
            where=where,
            fix="give each one",
            code="no_id",
        )
    if ids.n_unique() < len(ids):
        twice = ids.filter(ids.is_duplicated())
        raise InputError(
            f'{ids.n_unique():,} ids for {len(ids):,} rows: "{twice[0]}" occurs {int((ids == twice[0]).sum())} times',
            where=f"{where}, column {name}",
            fix="keep one row a unit",
            code="duplicate_ids",
        )
    return ids.to_list()


def _labels(frame: pl.DataFrame, names: Sequence[str], where: str) -> list[pl.Series]:
    """Groupings as text; a cell of blanks is missing, and a missing one refused."""
    made = []
    for name in names:
        column = frame.select(pl.col(name).cast(pl.String).str.strip_chars().replace("", None)).to_series()
        if column.null_count():
            raise InputError(
                f"{column.null_count()} units have no {name}",
                where=f"{where}, row {int(column.is_null().arg_max() or 0) + 2}",
                fix="fill it in, or leave these units out of the frame",
                code="missing_stratum",
            )
        made.append(column)
    return made


def _take_all(
    frame: pl.DataFrame, rule: dict[str, Any] | None, where: str
) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    if rule is None:
        return None
    column = rule["column"]
    if column not in frame.columns:  # another year's frame may call it otherwise
        column = find_column(frame, rule.get("role", column), None, where)
    if "above" in rule:
        sizes = numeric(frame, [column], where)[column].to_numpy()
        return np.asarray(sizes >= rule["above"], dtype=np.float64)
    found = frame[column].cast(pl.String).str.strip_chars() == rule["class"]
    return np.asarray(found.fill_null(False).cast(pl.Float64).to_numpy())


def design(
    path: Path,
    *,
    n: int | None = None,
    by: Sequence[str] = ("industry", "region", "size"),
    pool: Sequence[str] | None = None,
    allocate: Literal["neyman", "power", "proportional", "cost"] = "neyman",
    size_variable: str | None = None,
    cv: float | None = None,
    domains: Sequence[str] | None = None,
    take_all: str | None = None,
    take_all_above: str | None = None,
    cost: str | None = None,
    power: float = 0.5,
    least: int = 2,
    thin: int = 10,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """A design for a frame, with the precision that it will have; the answer is the design file.

    Parameters
    ----------
    path : frame, one row a unit
    n : units; 30,000 or the frame when neither this nor `cv` is given
    by : groupings that make strata
    pool : groupings in the order in which they are given up for thin strata; region, industry, size when absent
    allocate : method
    size_variable : known size; `revenue_cny` when absent
    cv : wanted coefficient of variation of the total of each domain; the fewest units then
    domains : groupings whose classes are domains; those of `by` but size when absent
    take_all : class of size of which all units are taken; `L` when it exists, `none` for no such class
    take_all_above : size from which on all are taken, or `auto` for the best cutoff
    cost : column of the cost of one unit, averaged in each stratum
    power, least, thin : exponent of power allocation, fewest units a stratum, fewest units of the frame in a stratum
    progress : told a stage and a share

    Raises
    ------
    InputError : on a frame or a wish that cannot be met
    """
    tell = progress or (lambda _stage, _share: None)
    tell("read", 0.0)
    where = path.name
    frame = read_table(path, progress)
    _ids(frame, find_column(frame, "id", None, where), where)
    groupings = [find_column(frame, one, None, where) for one in by]
    if not groupings:
        raise InputError("no grouping is named", where="--by", fix="write industry,region,size", code="no_grouping")
    wanted_variable = size_variable or "revenue_cny"
    sized = allocate != "proportional" or cv is not None or size_variable is not None
    variable = find_column(frame, wanted_variable, None, where) if sized else None
    numbers = [name for name in (variable, find_column(frame, cost, None, where) if cost else None) if name]
    frame = numeric(frame, numbers, where)
    y = frame[variable].to_numpy() if variable else np.ones(frame.height)
    if (y < 0).any():
        at = int(np.argmax(y < 0))
        raise InputError(
            f"{variable} is {y[at]:g}",
            where=f"{where}, row {at + 2}",
            fix="a size is not negative",
            code="negative_size",
        )
    rule = _rule(frame, groupings, by, variable, y, take_all, take_all_above, cv, n)
    order = [name for name in pool or ("region", "industry", "size") if name in by]
    order += [name for name in reversed(by) if name not in order]
    tell("strata", 0.3)
    labels = _labels(frame, groupings, where)
    strata = survey.stratify(
        labels, take_all=_take_all(frame, rule, where), least=thin, pool=[list(by).index(name) for name in order]
    )
    whole = survey.moments(strata, y)
    told = [name for name in domains if name] if domains is not None else [name for name in by if name != "size"]
    parts = {name: survey.groups(frame[find_column(frame, name, None, where)].cast(pl.String)) for name in told}
    by_domain = {name: survey.moments(strata, y, found) for name, found in parts.items()}
    price = None
    if cost:
        column = frame[find_column(frame, cost, None, where)].to_numpy()
        price = np.bincount(strata.codes, weights=column, minlength=strata.count) / strata.size
    elif allocate == "cost":
        raise InputError("there is no cost", where="--cost", fix="name the column of costs", code="no_cost")
    tell("allocate", 0.6)
    if cv is not None:
        if n is not None:
            raise InputError(
                "both a number and a precision are wanted", where="--n and --cv", fix="give one", code="n_and_cv"
            )
        allocation = survey.fewest(
            strata, [(found, cv) for found in by_domain.values()] or [(whole, cv)], cost=price, least=least
        )
    else:
        sums = np.asarray(np.bincount(strata.codes, weights=y, minlength=strata.count), dtype=np.float64)
        allocation = survey.allocate(
            strata, n if n is not None else min(30_000, frame.height), method=allocate, spread=whole.spread[0],
            cost=price, importance=sums, means=sums / strata.size, power=power, least=least,
        )  # fmt: skip
    tell("precision", 0.9)
    return {
        "kind": "zhizao survey design",
        "version": 1,
        "frame": {"units": frame.height, "total": float(y.sum()) if variable else None},
        "by": list(by),
        "pool": order,
        "thin": thin,
        "take_all": rule,
        "size_variable": variable,
        "method": allocation.method,
        "n": allocation.total,
        "take_all_units": int(strata.size[strata.take_all].sum()),
        "pooled_cells": strata.pooled,
        "precision": _precision(whole, by_domain, parts, allocation.n, variable),
        "strata": [
            {"stratum": label, "N": int(strata.size[h]), "n": int(allocation.n[h]), "cells": list(strata.cells[h])}
            for h, label in enumerate(strata.labels)
        ],
    }


def _rule(
    frame: pl.DataFrame,
    groupings: Sequence[str],
    by: Sequence[str],
    variable: str | None,
    y: Any,
    take_all: str | None,
    above: str | None,
    cv: float | None,
    n: int | None,
) -> dict[str, Any] | None:
    if above is not None:
        if variable is None:
            raise InputError(
                "there is no size", where="--take-all-above", fix="name --size-variable", code="no_size_variable"
            )
        if above == "auto":
            cutoff, _ = survey.take_all_cutoff(y, cv or 0.01)
            return {"column": variable, "above": cutoff} if math.isfinite(cutoff) else None
        try:
            return {"column": variable, "above": float(above)}
        except ValueError:
            raise InputError(
                f'"{above}" is no size', where="--take-all-above", fix="write a number, or auto", code="bad_number"
            ) from None
    if take_all == "none" or "size" not in by:
        return None
    column = groupings[list(by).index("size")]
    classes = set(frame[column].cast(pl.String).str.strip_chars().unique().to_list())
    if take_all is not None and take_all not in classes:
        raise InputError(
            f'no unit has the size "{take_all}"', where="--take-all",
            fix=f"the sizes are: {', '.join(sorted(str(one) for one in classes)[:12])}", code="no_class",
        )  # fmt: skip
    chosen = take_all or ("L" if "L" in classes else "大型" if "大型" in classes else None)
    return {"column": column, "role": "size", "class": chosen} if chosen else None


def _precision(
    whole: survey.Moments,
    by_domain: dict[str, survey.Moments],
    parts: dict[str, survey.Groups],
    n: Any,
    variable: str | None,
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for grouping, found in {"": whole, **by_domain}.items():
        cv = survey.expected_cv(found, n)
        half = survey.expected_half_width(found, n)
        drawn = (found.rows * (n / found.size)).sum(axis=1)
        for d, label in enumerate(found.labels):
            rows.append(
                {
                    "grouping": grouping,
                    "domain": label,
                    "N": int(found.rows[d].sum()),
                    "n": float(round(drawn[d], 1)),
                    "cv": float(cv[d]) if variable and math.isfinite(cv[d]) else None,
                    "share_half_width": float(half[d]) if math.isfinite(half[d]) else None,
                }
            )
    return rows


def _read_design(path: Path) -> dict[str, Any]:
    try:
        made = json.loads(path.read_text(encoding="utf-8-sig"))
        strata = made["strata"]
        if made["kind"] != "zhizao survey design" or not strata:
            raise KeyError("kind")
        for one in strata:
            if not 0 <= int(one["n"]) <= int(one["N"]):
                raise InputError(
                    f"stratum {one['stratum']} has n = {one['n']} of N = {one['N']}",
                    where=path.name, fix="make the design again", code="n_over_N",
                )  # fmt: skip
    except FileNotFoundError:
        raise InputError(
            "there is no such design", where=str(path), fix="make one with `zhizao survey design`"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "the file is no design",
            where=path.name,
            fix="name a file that `zhizao survey design --out` wrote",
            code="bad_design",
        ) from error
    return dict(made)


def draw(
    path: Path,
    design_path: Path,
    *,
    seed: int | None = None,
    previous: Path | None = None,
    rotate: float = 0.2,
    progress: Progress | None = None,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """A panel from a frame by a design, and what was done, in figures.

    Parameters
    ----------
    path : frame of this year
    design_path : file of the design
    seed : of the permanent random numbers; that of the previous panel when one is given, else 1
    previous : last year's panel
    rotate : share of the panel that is let go
    progress : told a stage and a share

    Raises
    ------
    InputError : on a frame, design or panel that does not fit
    """
    tell = progress or (lambda _stage, _share: None)
    made = _read_design(design_path)
    frame = read_table(path, progress)
    where = path.name
    id_column = find_column(frame, "id", None, where)
    ids = _ids(frame, id_column, where)
    groupings = [find_column(frame, one, None, where) for one in made["by"]]
    strata, which = survey.assign(
        _labels(frame, groupings, where),
        [one["stratum"] for one in made["strata"]],
        [one["cells"] for one in made["strata"]],
        take_all=_take_all(frame, made["take_all"], where),
    )
    planned = np.array([int(one["n"]) for one in made["strata"]])[which]
    n = np.where(strata.take_all, strata.size, np.minimum(planned, strata.size))
    before: pl.DataFrame | None = None
    if previous is not None:
        before = _read_panel(previous)
        old_seed = int(before["seed"][0])
        if seed is not None and seed != old_seed:
            raise InputError(
                f"the previous panel was drawn with seed {old_seed}, not {seed}",
                where="--seed", fix="leave it out: numbers are permanent", code="other_seed",
            )  # fmt: skip
        seed = old_seed
    seed = 1 if seed is None else seed
    tell("draw", 0.5)
    numbers = survey.permanent_numbers(ids, seed)
    lineage = next((c for c in frame.columns if c.strip().lower() in NAMES["predecessors"]), None)
    if lineage is not None:
        texts = frame[lineage].cast(pl.String).fill_null("").to_list()
        named = {one: [part.strip() for part in text.replace("，", ";").replace(",", ";").split(";")]
                 for one, text in zip(ids, texts, strict=True) if text.strip()}  # fmt: skip
        numbers = survey.inherit(ids, numbers, named, seed)
    said: dict[str, Any]
    if before is None:
        panel = survey.draw(strata, n, numbers)
        year = 1
        said = {}
    else:
        panel, changes = survey.redraw(strata, n, ids, numbers, before, rotate=rotate)
        year = int(before["year"].max() or 0) + 1  # type: ignore[arg-type]
        said = {key: value for key, value in asdict(changes).items() if key != "born"}
    out = pl.DataFrame(
        {
            "id": [ids[row] for row in panel.rows],
            **{
                name: column.gather(panel.rows)
                for name, column in zip(made["by"], _labels(frame, groupings, where), strict=True)
            },
            "stratum": [strata.labels[h] for h in panel.stratum],
            "stratum_units": strata.size[panel.stratum],
            "stratum_drawn": n[panel.stratum],
            "probability": panel.probability,
            "weight": panel.weight,
            "prn": panel.number,
            "start": panel.start[panel.stratum],
            "since": panel.since,
            "year": np.full(len(panel.rows), year),
            "seed": np.full(len(panel.rows), seed),
        }
    )
    return out, {
        "units": out.height, "frame": frame.height, "strata": strata.count, "year": year, "seed": seed,
        "take_all": int(strata.size[strata.take_all].sum()), "weight_sum": float(panel.weight.sum()), **said,
    }  # fmt: skip


def _read_panel(path: Path) -> pl.DataFrame:
    panel = read_table(path)
    needed = ("id", "stratum", "start", "probability", "since", "year", "seed")
    lost = [name for name in needed if name not in panel.columns]
    if lost:
        raise InputError(
            f"the panel lacks {', '.join(lost)}", where=path.name, fix="name a file that `zhizao survey draw` wrote",
            code="bad_panel",
        )  # fmt: skip
    _ids(panel, "id", path.name)
    return numeric(panel, needed[2:], path.name).with_columns(
        pl.col("id", "stratum").cast(pl.String), pl.col("since", "year", "seed").cast(pl.Int64)
    )


def estimate(
    path: Path,
    spec: Spec,
    *,
    totals: Path | None = None,
    areas: Path | None = None,
    seed: int = 1,
    progress: Progress | None = None,
) -> list[survey.EstimateRow]:
    """Estimates from a sample in a file.

    Parameters
    ----------
    path : sample, one row a unit
    spec : what is wanted; weights, strata and fpc are recognised by name where it names none
    totals : file with the columns variable, class, total
    areas : file with a grouping and what is known of its classes, for small-area estimates
    seed : of the bootstrap
    progress : told a stage and a share

    Raises
    ------
    InputError : on a sample or a wish that cannot be met
    """
    where = path.name
    sample = read_table(path, progress)
    filled: dict[str, Any] = {}
    for field, role in (("weights", "weight"), ("strata", "stratum")):
        if getattr(spec, field) is None and not (field == "strata" and spec.psu):
            found = [c for c in sample.columns if c.strip().lower() in [w.lower() for w in NAMES[role]]]
            filled[field] = found[0] if found else None
    if not spec.fpc and not spec.psu:
        found = [c for c in sample.columns if c.strip() in NAMES["fpc"]]
        filled["fpc"] = tuple(found[:1])
    spec = spec.model_copy(update=filled)
    known = None
    if totals is not None:
        rows = read_table(totals, headings=("variable", "class", "total")).rows(named=True)
        known = read_totals(rows)
    must = [name for name in (spec.weights, *spec.fpc) if name]
    wanted = [name for one in spec.estimates for name in (one.of, one.to) if name]
    wanted += [name for name, value in (known or {}).items() if not isinstance(value, dict) and name in sample.columns]
    wanted += [f"{one.of}{spec.imputed}" for one in spec.estimates if f"{one.of}{spec.imputed}" in sample.columns]
    wanted += [spec.response.answered] if spec.response else []
    for name in (*(spec.response.likelihood if spec.response else ()), *spec.winsorise):
        find_column(sample, name, name, where)
    sample = sample.with_columns(
        sample[name].cast(pl.Float64, strict=False)
        for name in (spec.response.likelihood if spec.response else ())
        if sample[name].cast(pl.Float64, strict=False).null_count() == sample[name].null_count()
    )
    wanted += [name for name in spec.winsorise if name not in wanted]
    for name in (*must, *wanted):
        find_column(sample, name, name, where)
    sample = numeric(sample, must, where)
    sample = numeric(sample, [name for name in wanted if name not in must], where, missing=True)
    if progress:
        progress("estimate", 0.5)
    beside = None
    if areas is not None:
        groupings = tuple(dict.fromkeys(by for one in spec.estimates for by in one.by))
        beside = read_table(areas, headings=groupings)
        beside = numeric(beside, [name for name in beside.columns if name not in groupings], areas.name)
    return run(sample, spec, totals=known, areas=beside, rng=np.random.default_rng(seed))


def rotation(panel: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    """Who stays, leaves and enters from one wave of a panel to the next: one row a unit, with its stratum."""
    before, after = panel.select("id", "stratum"), later.select("id", "stratum")
    parts = (
        (before.join(after, on="id", how="anti"), "leaves"),
        (after.join(before, on="id", how="anti"), "enters"),
        (after.join(before, on="id", how="semi"), "stays"),
    )
    return pl.concat([part.sort("stratum", "id").with_columns(wave=pl.lit(word)) for part, word in parts])


def table_bytes(frame: pl.DataFrame, path: Path) -> bytes:
    """A table as the bytes of a file, CSV or Parquet as its name ends."""
    out = io.BytesIO()
    if path.suffix.lower() == ".parquet":
        frame.write_parquet(out)
    else:
        frame.write_csv(out)
    return out.getvalue()
