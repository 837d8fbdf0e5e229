"""What is to be estimated from a sample, as one declared thing: design, weights, known totals, estimates, domains.

The command line, a page or a script fills the same `Spec`; `run` carries it out on a frame of the sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field, ValidationError

from zhizao.errors import InputError
from zhizao.model.noun import Noun
from zhizao.programme.survey.calibrate import Auxiliary, auxiliary, calibrate, post_stratify
from zhizao.programme.survey.design import Design, Lonely
from zhizao.programme.survey.estimate import Freedom, Scale, mean, proportion, quantile, ratio, total
from zhizao.programme.survey.estimates import EstimateRow, Estimates
from zhizao.programme.survey.replicate import Replicates, balanced, bootstrap, jackknife, recalibrate, successive
from zhizao.programme.survey.response import propensity_classes, respond, winsorise
from zhizao.programme.survey.smallarea import Method, small_area_rows

__all__ = ["Calibrating", "Responding", "Spec", "Wanted", "design_of", "read_totals", "run", "spec_of"]

_MOST_WORDS = 100
Totals = Mapping[str, float | Mapping[str, float]]


class Wanted(Noun):
    """One thing to estimate."""

    what: Literal["total", "mean", "ratio", "proportion", "quantile"]
    """Kind of estimate."""

    of: str
    """Column; the numerator of a ratio."""

    to: str | None = None
    """Denominator of a ratio."""

    p: float = Field(default=0.5, gt=0, lt=1)
    """Share below a quantile."""

    by: tuple[str, ...] = ()
    """Groupings whose classes are domains, each in turn; `a*b` crosses two."""


class Calibrating(Noun):
    """How weights are made to meet known totals."""

    distance: Literal["linear", "raking", "logit", "post-strata"] = "linear"
    """Kind of calibration."""

    bounds: tuple[float, float] | None = None
    """Lowest and highest factor on a weight."""


class Responding(Noun):
    """Which rows answered, and within which classes they stand for those who did not."""

    answered: str
    """Column, 1 where the unit answered."""

    classes: str | None = None
    """Column of response classes."""

    likelihood: tuple[str, ...] = ()
    """Columns known of all who were drawn, from which classes of like chance to answer are made; numbers, or words."""


class Spec(Noun):
    """A sample and what is wanted of it; columns by name."""

    weights: str | None = None
    """Weights; N over n of each stratum when absent and `fpc` is given."""

    strata: str | None = None
    """Strata of the first stage."""

    psu: tuple[str, ...] = ()
    """Clusters of each stage; none when rows were drawn."""

    fpc: tuple[str, ...] = ()
    """Size of the population (or sampling fraction) at each stage."""

    lonely: Lonely = "fail"
    """What is done with strata of one cluster."""

    response: Responding | None = None
    """Unit non-response."""

    calibration: Calibrating | None = None
    """Calibration to totals that are given beside the spec."""

    method: Literal["taylor", "jackknife", "bootstrap", "brr", "fay", "sdr"] = "taylor"
    """Where variances come from; `sdr` (successive differences) takes rows as they were drawn, in their order."""

    fay: float = Field(default=0.5, ge=0, lt=1)
    """What the other half of the sample counts, with the method `fay`."""

    replicates: int = Field(default=500, ge=2, le=20_000)
    """Of the bootstrap."""

    freedom: Freedom = "satterthwaite"
    """Degrees of freedom of intervals."""

    level: float = Field(default=0.95, gt=0, lt=1)
    """Confidence."""

    interval: Scale = "t"
    """Scale on which intervals of totals, means and ratios are symmetric."""

    winsorise: tuple[str, ...] = ()
    """Columns whose giants no longer stand for others (Kokic and Bell); the change is told with the estimate."""

    areas: Method = "reml"
    """How small-area estimates find the variance between areas, where a table of areas is given."""

    drop_missing: bool = False
    """Whether rows with a missing value are left out of an estimate."""

    imputed: str = "_imputed"
    """Ending of a column that flags imputed values; their share is told where it exists."""

    estimates: tuple[Wanted, ...] = Field(min_length=1)
    """What is wanted."""


def spec_of(told: object, where: str) -> Spec:
    """What is wanted, from what a file or a request says.

    Raises
    ------
    InputError : when it names nothing, or something that cannot be

    Examples
    --------
    >>> spec_of({"estimates": [{"what": "total", "of": "y"}]}, "spec.yaml").estimates[0].of
    'y'
    """
    if not isinstance(told, Mapping):
        raise InputError("the file names nothing", where=where, fix="see docs/survey.md", code="bad_spec")
    try:
        return Spec.model_validate(dict(told))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{place}: {first['msg']}, but {str(first['input'])[:60]!r} is given",
            where=where,
            fix="see docs/survey.md",
            code="bad_spec",
        ) from error


def _column(sample: pl.DataFrame, name: str) -> pl.Series:
    if name not in sample.columns:
        raise InputError(
            f'there is no column "{name}"',
            where="sample",
            fix=f"the columns are: {', '.join(sample.columns[:25])}",
            code="no_column",
        )
    return sample[name]


def design_of(sample: pl.DataFrame, spec: Spec) -> Design:
    """The design as drawn.

    Parameters
    ----------
    sample : one row a unit
    spec : names of the columns

    Raises
    ------
    InputError : when columns are absent, or weights can neither be read nor worked out
    """
    fpc = [_column(sample, name) for name in spec.fpc]
    strata = _column(sample, spec.strata) if spec.strata else None
    if spec.weights:
        weights = _column(sample, spec.weights)
    elif len(fpc) == 1 and not spec.psu:
        counts = sample.select(pl.len().over(spec.strata) if spec.strata else pl.len().repeat_by(1).explode())
        drawn = counts.to_series() if spec.strata else pl.Series([sample.height] * sample.height)
        weights = (fpc[0] / drawn).cast(pl.Float64)
    else:
        raise InputError(
            "there are no weights", where="sample", fix="name their column with --weights", code="no_weights"
        )
    clusters = [_column(sample, name) for name in spec.psu]
    return Design.of(
        weights, strata=[strata] if strata is not None else None, clusters=clusters or None, fpc=fpc or None,
        lonely=spec.lonely,
    )  # fmt: skip


def run(
    sample: pl.DataFrame,
    spec: Spec,
    *,
    totals: Totals | None = None,
    areas: pl.DataFrame | None = None,
    rng: np.random.Generator | None = None,
) -> list[EstimateRow]:
    """Estimates as declared.

    Parameters
    ----------
    sample : one row a unit
    spec : what is wanted
    totals : known totals, when `spec.calibration` is set
    areas : what is known of areas beside the sample: a grouping of some estimate, and columns of numbers; small-area
        estimates follow the direct ones then
    rng : source of the draws of a bootstrap

    Raises
    ------
    InputError : when columns are absent or wrong, totals cannot be met, or the method does not fit the design

    Examples
    --------
    >>> frame = pl.DataFrame({"w": [2.0, 2.0, 2.0], "y": [1.0, 2.0, 3.0]})
    >>> rows = run(frame, Spec(weights="w", estimates=(Wanted(what="total", of="y"),)))
    >>> rows[0]["estimate"], rows[0]["n"]
    (12.0, 3)
    """
    design = design_of(sample, spec)
    if spec.response:
        design = respond(design, _column(sample, spec.response.answered), _response_classes(sample, spec, design))
    made = _weighted(sample, spec, design, totals, rng)
    rows: list[EstimateRow] = []
    grouping, known = ("", {}) if areas is None else _areas(spec, areas)
    for wanted in spec.estimates:
        for by in ("", *wanted.by):
            direct = _one(sample, spec, made, wanted, by).rows()
            rows.extend(direct)
            if by and by == grouping:
                rows.extend(small_area_rows(direct, known, method=spec.areas, level=spec.level))
    return rows


def _areas(spec: Spec, areas: pl.DataFrame) -> tuple[str, dict[str, list[float]]]:
    """The grouping that a table of areas is of, and what is known of each class."""
    wanted = dict.fromkeys(by for one in spec.estimates for by in one.by)
    grouping = next((by for by in wanted if by in areas.columns), None)
    if grouping is None:
        raise InputError(
            f"the table of areas has none of the groupings {', '.join(wanted) or '(none is asked for)'}",
            where="areas",
            fix="head its first column with a grouping of --by",
            code="no_grouping",
        )
    named = areas.filter(pl.col(grouping).is_not_null())
    labels = named[grouping].cast(pl.String).str.strip_chars()
    if labels.n_unique() < len(labels):
        twice = labels.filter(labels.is_duplicated())[0]
        raise InputError(f'"{twice}" is given twice', where="areas", fix="keep one row an area", code="duplicate_area")
    x = named.drop(grouping).select(pl.all().cast(pl.Float64)).to_numpy()
    if not np.isfinite(x).all():
        i, j = (int(at[0]) for at in np.nonzero(~np.isfinite(x)))
        raise InputError(
            f"{named.drop(grouping).columns[j]} of {labels[i]} is missing",
            where="areas",
            fix="fill it in, or leave the column out",
            code="missing",
        )
    return grouping, {f"{grouping}={label}": row.tolist() for label, row in zip(labels, x, strict=True)}


def _response_classes(sample: pl.DataFrame, spec: Spec, design: Design) -> pl.Series | None:
    """Classes within which those who answered stand for those who did not."""
    said = spec.response
    if said is None or not (said.classes or said.likelihood):
        return None
    if said.classes:
        if said.likelihood:
            raise InputError(
                "response classes are given, and columns to make them from",
                where="response",
                fix="keep one of the two",
                code="two_classes",
            )
        return _column(sample, said.classes)
    parts = [np.ones(sample.height)]
    for name in said.likelihood:
        column = _column(sample, name)
        if column.null_count():
            raise InputError(
                f'"{name}" is missing in {column.null_count()} rows',
                where="response",
                fix="take columns that are known of all who were drawn",
                code="missing",
            )
        if column.dtype.is_numeric():
            parts.append(column.cast(pl.Float64).to_numpy())
        else:
            words = column.cast(pl.String)
            if words.n_unique() > _MOST_WORDS:
                raise InputError(
                    f'"{name}" has {words.n_unique()} different words',
                    where="response",
                    fix=f"take a column of numbers, or of at most {_MOST_WORDS} classes",
                    code="too_many_classes",
                )
            parts += [(words == one).cast(pl.Float64).to_numpy() for one in words.unique().sort().to_list()[1:]]
    found = propensity_classes(_column(sample, said.answered), np.column_stack(parts), design.weights)
    return pl.Series("class", found)


def _weighted(
    sample: pl.DataFrame, spec: Spec, design: Design, totals: Totals | None, rng: np.random.Generator | None
) -> Design | Replicates:
    known: Auxiliary | None = None
    if spec.calibration:
        if not totals:
            raise InputError(
                "calibration needs totals", where="--calibrate", fix="name a file of them", code="no_totals"
            )
        if spec.calibration.distance == "post-strata":
            name, counts = next(iter(totals.items()))
            if len(totals) > 1 or not isinstance(counts, Mapping) or spec.method != "taylor":
                raise InputError(
                    "post-strata are the classes of one grouping, with linearised variances",
                    where="--calibrate",
                    fix="use linear or raking for more",
                    code="bad_post_strata",
                )
            return post_stratify(design, _column(sample, name), counts)
        known = auxiliary({name: sample[name] for name in sample.columns}, totals, rows=sample.height)
    bounds = spec.calibration.bounds if spec.calibration else None
    distance = spec.calibration.distance if spec.calibration else "linear"
    if spec.method == "taylor":
        return calibrate(design, known, distance=distance, bounds=bounds) if known else design  # type: ignore[arg-type]
    if spec.method == "jackknife":
        made = jackknife(design)
    elif spec.method in ("brr", "fay"):
        made = balanced(design, fay=spec.fay if spec.method == "fay" else 0.0)
    elif spec.method == "sdr":
        made = successive(design)
    else:
        made = bootstrap(design, rng or np.random.default_rng(1), replicates=spec.replicates)
    return recalibrate(made, known, distance=distance, bounds=bounds) if known else made  # type: ignore[arg-type]


def _one(sample: pl.DataFrame, spec: Spec, made: Design | Replicates, wanted: Wanted, by: str) -> Estimates:
    groupings = [name.strip() for name in by.split("*")] if by else []
    domain: pl.Series | None = None
    if groupings:
        crossed = pl.concat_str(
            [_column(sample, name).cast(pl.String).alias(name) for name in groupings], separator="|"
        )
        domain = sample.select((pl.lit(f"{'|'.join(groupings)}=") + crossed).alias("domain")).to_series()
    y = _column(sample, wanted.of)
    suffix = f"/{wanted.to}" if wanted.to else f" p={wanted.p:g}" if wanted.what == "quantile" else ""
    flags = f"{wanted.of}{spec.imputed}"
    name = f"{wanted.what} {wanted.of}{suffix}"
    if flags in sample.columns and made.n:
        share = float((made.weights * sample[flags].cast(pl.Float64).to_numpy()).sum() / made.weights.sum())
        name += f" ({share:.1%} imputed)"
    if wanted.of in spec.winsorise:
        if wanted.what not in ("total", "mean"):
            raise InputError(
                f"a {wanted.what} is not winsorised", where=name, fix="winsorise totals and means", code="bad_winsorise"
            )
        pulled = winsorise(y.cast(pl.Float64).fill_null(0), made.weights)
        y = pl.Series(wanted.of, pulled.values)
        name += f" ({int(pulled.changed.sum())} values winsorised)"
    args = {"by": domain, "what": name, "level": spec.level, "freedom": spec.freedom, "drop_missing": spec.drop_missing}
    if spec.response is not None:  # who did not answer has weight 0 and no values
        y = y.fill_nan(None).fill_null(0) if y.dtype.is_float() else y.fill_null(0)
    match wanted.what:
        case "total":
            return total(made, y, interval=spec.interval, **args)  # type: ignore[arg-type]
        case "mean":
            return mean(made, y, interval=spec.interval, **args)  # type: ignore[arg-type]
        case "proportion":
            return proportion(made, y, **args)  # type: ignore[arg-type]
        case "quantile":
            return quantile(made, y, wanted.p, **args)  # type: ignore[arg-type]
        case "ratio":
            if wanted.to is None:
                raise InputError("a ratio needs a denominator", where=name, fix="write a/b", code="no_denominator")
            x = _column(sample, wanted.to)
            if spec.response is not None:
                x = x.fill_nan(None).fill_null(0) if x.dtype.is_float() else x.fill_null(0)
            return ratio(made, y, x, interval=spec.interval, **args)  # type: ignore[arg-type]


def read_totals(rows: Sequence[Mapping[str, object]]) -> dict[str, float | dict[str, float]]:
    """Known totals from rows of `variable`, `class` (empty for a number) and `total`.

    Raises
    ------
    InputError : on an unnamed variable, a total that is no number, or one that is given twice

    Examples
    --------
    >>> read_totals([{"variable": "size", "class": "L", "total": 5}, {"variable": "x", "class": None, "total": 9}])
    {'size': {'L': 5.0}, 'x': 9.0}
    """
    out: dict[str, float | dict[str, float]] = {}
    for i, row in enumerate(rows, 1):
        name, label = str(row.get("variable") or "").strip(), str(row.get("class") or "").strip()
        try:
            value = float(str(row.get("total")).replace(",", ""))
        except ValueError:
            value = float("nan")
        if not name or not np.isfinite(value):
            raise InputError(
                f'variable "{name}" has the total "{row.get("total")}"',
                where=f"calibration totals, row {i}",
                fix="write variable, class (empty for a sum) and a number",
                code="bad_total",
            )
        if not label:
            if name in out:
                raise InputError(
                    f"{name} is given twice",
                    where=f"calibration totals, row {i}",
                    fix="keep one",
                    code="duplicate_total",
                )
            out[name] = value
            continue
        group = out.setdefault(name, {})
        if not isinstance(group, dict) or label in group:
            raise InputError(
                f"{name}, class {label} is given twice, or beside a sum",
                where=f"calibration totals, row {i}",
                fix="keep one",
                code="duplicate_total",
            )
        group[label] = value
    return out
