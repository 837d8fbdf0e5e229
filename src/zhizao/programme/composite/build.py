"""An index from raw values to ranks; what every step gave stays to be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from zhizao.errors import InputError
from zhizao.programme.composite.aggregate import POSITIVE, aggregate, place
from zhizao.programme.composite.normalise import normalise
from zhizao.programme.composite.prepare import available, denominate, impute
from zhizao.programme.composite.steps import Steps, Units
from zhizao.programme.composite.structure import Floats, Structure
from zhizao.programme.composite.treat import Treated, treat
from zhizao.programme.composite.weigh import weigh

__all__ = ["Built", "Stage", "build", "normalised", "prepared", "weighted_scores"]


@dataclass(frozen=True, slots=True)
class Stage:
    """What stood there after a step.

    Parameters
    ----------
    step : raw, denominated, imputed, screened, treated, normalised or aggregated
    units : names of the rows
    codes : names of the columns
    values : shape `(units, codes)`
    """

    step: str
    units: tuple[str, ...]
    codes: tuple[str, ...]
    values: Floats

    def frame(self) -> pl.DataFrame:
        """As a table, units first."""
        return pl.DataFrame({"unit": self.units, **{code: self.values[:, j] for j, code in enumerate(self.codes)}})


@dataclass(frozen=True, slots=True)
class Built:
    """An index and the way to it.

    Parameters
    ----------
    structure, steps : what it was made from
    units : those that are in it
    stages : output of each step, by name
    treatment : what treatment did to each indicator; None where it was not asked for
    weights : of each node beside its siblings, shape `(nodes,)`; siblings sum to 1
    scores : of all nodes, shape `(units, nodes)`
    ranks : of the units by the index, 1 is best
    dropped : units that had too few data, with their share
    """

    structure: Structure
    steps: Steps
    units: Units
    stages: Mapping[str, Stage]
    treatment: Treated | None
    weights: Floats
    scores: Floats
    ranks: np.ndarray
    dropped: Mapping[str, float]

    def results(self) -> pl.DataFrame:
        """Units by rank: unit, rank, the index, groups from the top down, indicators."""
        columns = {node.code: self.scores[:, j] for j, node in self.structure.shown()}
        frame = pl.DataFrame({"unit": self.units.names, "rank": self.ranks, **columns})
        return frame.sort("rank", "unit")


def prepared(units: Units, structure: Structure, steps: Steps) -> tuple[Units, dict[str, Stage], dict[str, float]]:
    """The steps before treatment, in their order: which units are left, what each step gave, who was dropped."""
    codes = structure.codes
    stages = {"raw": Stage("raw", units.names, codes, units.x)}
    dropped: dict[str, float] = {}
    for step in steps.order:
        if step == "denominate":
            x = denominate(units.x, units.by, codes, units.names)
            units = Units(units.names, x, units.by, units.groups)
            stages["denominated"] = Stage("denominated", units.names, codes, x)
        elif step == "impute":
            blocks = [
                [j for j in group.children if j < structure.indicators]
                for group in structure.groups
                if any(j < structure.indicators for j in group.children)
            ]
            x = impute(units.x, steps.impute, units.grouping(steps.impute_by), blocks=blocks)
            units = Units(units.names, x, units.by, units.groups)
            stages["imputed"] = Stage("imputed", units.names, codes, x)
        elif step == "screen":
            share = available(units.x)
            keep = share >= steps.screen
            dropped |= {units.names[i]: float(share[i]) for i in np.flatnonzero(~keep)}
            units = units.only(keep)
            if len(units.names) < 2:
                raise InputError(
                    f"{len(units.names)} units have {steps.screen:.0%} of the indicators",
                    where="steps, screen",
                    fix="lower it",
                    code="too_few_units",
                )
            stages["screened"] = Stage("screened", units.names, codes, units.x)
    return units, stages, dropped


def normalised(
    x: Floats, structure: Structure, steps: Steps, *, at: np.ndarray | None = None, positive: bool = False
) -> Floats:
    """Indicators on the scale of the steps.

    Parameters
    ----------
    x : shape `(units, columns)`
    structure, steps : targets, goalposts and directions; the choices
    at : which indicator each column is; all in order when absent
    positive : take a scale of the same method that lies above zero, for geometric and harmonic means
    """
    at = np.arange(structure.indicators) if at is None else at
    low, high = steps.bounds
    bounds, centre, spread = steps.bounds, steps.centre, steps.spread
    if positive:
        bounds = (low if low > 0 else 1.0, high if high > max(low, 1.0) else 100.0)
        centre, spread = 100.0, 10.0
    return normalise(
        x,
        steps.normalise,
        structure.column("direction")[at],
        bounds=bounds,
        centre=centre,
        spread=spread,
        target=structure.column("target")[at],
        low=structure.column("low")[at],
        high=structure.column("high")[at],
        codes=tuple(structure.nodes[int(j)].code for j in at),
    )


def weighted_scores(leaves: Floats, structure: Structure, steps: Steps) -> tuple[Floats, Floats]:
    """Weights level by level, each from the scores under it, and the scores of all nodes."""
    scores = np.empty((leaves.shape[0], len(structure.nodes)))
    scores[:, : structure.indicators] = leaves
    given = structure.column("weight")
    weights = np.ones(len(structure.nodes))
    for group in structure.groups:
        at = list(group.children)
        weights[at] = weigh(scores[:, at], steps.weights, given[at], group.code)
        method = steps.aggregate[min(group.level - 2, len(steps.aggregate) - 1)]
        scores[:, group.at] = aggregate(scores[:, at], weights[at], method, group.code)
    return weights, scores


def build(units: Units, structure: Structure, steps: Steps | None = None) -> Built:
    """The index of units.

    Parameters
    ----------
    units : values and denominators
    structure : what stands under what
    steps : the choices; the defaults when absent

    Returns
    -------
    Built
        Scores, ranks, and what every step gave.

    Raises
    ------
    InputError : when the data do not allow a step; says which and what to do

    Examples
    --------
    >>> from zhizao.programme.composite import Node, Structure
    >>> tree = Structure.of([Node("a", "I"), Node("b", "I", direction=-1), Node("I")])
    >>> x = np.array([[1.0, 9.0], [2.0, 8.0], [3.0, 1.0]])
    >>> built = build(Units(("u", "v", "w"), x, np.ones_like(x), {}), tree)
    >>> built.scores[:, -1].tolist(), built.ranks.tolist()
    ([0.0, 31.25, 100.0], [3, 2, 1])

    References
    ----------
    OECD and JRC, Handbook on Constructing Composite Indicators, 2008.
    """
    steps = steps or Steps()
    if len(units.names) < 2:
        raise InputError("an index compares at least two units", where="data", fix="add units", code="too_few_units")
    units, stages, dropped = prepared(units, structure, steps)
    x, done = units.x, None
    empty = np.isnan(x).all(axis=0)
    if empty.any():
        names = ", ".join(structure.codes[j] for j in np.flatnonzero(empty)[:8])
        raise InputError(f"no unit has a value of {names}", where="data", fix="leave it out", code="all_missing")
    if "treat" in steps.order:
        done = treat(
            x,
            steps.treat,
            most=steps.winsorise_most,
            skew=steps.skewness,
            kurt=steps.kurtosis,
            power=steps.box_cox,
        )
        x = done.values
        stages["treated"] = Stage("treated", units.names, structure.codes, x)
    leaves = normalised(x, structure, steps)
    stages["normalised"] = Stage("normalised", units.names, structure.codes, leaves)
    weights, scores = weighted_scores(leaves, structure, steps)
    stages["aggregated"] = Stage("aggregated", units.names, tuple(node.code for node in structure.nodes), scores)
    return Built(structure, steps, units, stages, done, weights, scores, place(np.round(scores[:, -1], 12)), dropped)


def needs_positive(methods: tuple[str, ...]) -> bool:
    """Whether an aggregation among them wants scores above zero."""
    return any(one in POSITIVE or one == "mpi" for one in methods)
