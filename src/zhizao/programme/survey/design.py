"""How a sample was drawn: weights, strata, clusters and finite populations of each stage, and what was done to the weights.

A `Design` turns the influence of each unit on an estimate into contrasts, whose squares add up to the variance. Stages
are handled one below the other: the variance between the clusters of a stage enters times the sampling fractions of the
stages above it (Särndal, Swensson and Wretman 1992, ch. 4). A step that was taken on the weights (calibration, response)
takes its regression out of the influence first, for the whole population and for domains alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from zhizao.errors import InputError
from zhizao.programme.survey.columns import Column, Floats, Groups, Ints, groups, numbers, sums

__all__ = ["Contrasts", "Design", "Lonely", "Stage", "Step", "group_sums"]

Lonely = Literal["fail", "certainty", "average", "centred"]
"""What is done with a stratum that holds one cluster of several: refuse it; take its variance for none; give it the mean
variance of the other strata; measure it against the mean of all clusters."""


class Step(Protocol):
    """Something that was done to the weights and that variances account for."""

    @property
    def said(self) -> str:
        """What was done, in words."""
        ...

    def residual(self, influence: Floats) -> tuple[Floats, Floats]:
        """What is left of influence (n, k) beside the regression, and the fitted part."""
        ...

    def carried(self, fitted: Floats) -> Floats | None:
        """The part of the fit that still varies from sample to sample, weighted, (n, k); None where it is fixed."""
        ...

    def extra(self, weighted: Floats) -> Floats | None:
        """Contrasts of a variance that the drawing of the sample does not know, from weighted residuals (n, k)."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of drawing.

    Parameters
    ----------
    cluster : code of each row's cluster, nested in the clusters above, shape (n,)
    stratum : code of each cluster's stratum, shape (clusters,)
    size : clusters drawn from each stratum, shape (strata,)
    fraction : sampling fraction in each stratum, 0 where the population counts as infinite, shape (strata,)
    lead : product of the fractions of the stages above, shape (strata,)
    names : names of the strata
    single : each row is a cluster of its own, in the order of the rows
    """

    cluster: Ints
    stratum: Ints
    size: Ints
    fraction: Floats
    lead: Floats
    names: tuple[str, ...]
    single: bool

    def sums(self, columns: Floats) -> Floats:
        """Sums over each cluster of columns (n, k), shape (clusters, k)."""
        if self.single:
            return columns
        return group_sums(columns, self.cluster, len(self.stratum))

    def scale(self) -> Floats:
        """What a squared deviation counts in each stratum, lonely ones as if they had a degree of freedom."""
        return self.lead * (1 - self.fraction) * np.where(self.size > 1, self.size / np.maximum(self.size - 1, 1), 1.0)

    def lonely(self) -> Ints:
        """Codes of the strata with one cluster that does not stand for itself."""
        return np.flatnonzero((self.size == 1) & (self.fraction < 1))


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Rows whose squares add up to the variance.

    Parameters
    ----------
    rows : shape (m, k)
    stratum : code of the first-stage stratum of a row, -1 for later stages and other sources, shape (m,)
    """

    rows: Floats
    stratum: Ints


@dataclass(frozen=True, slots=True)
class Design:
    """A drawn sample with its weights. Made by `Design.of`.

    Parameters
    ----------
    weights : what each row stands for, shape (n,)
    stages : stages of drawing, first one first
    lonely : what is done with strata of one cluster
    steps : what was done to the weights, first one first
    """

    weights: Floats
    stages: tuple[Stage, ...]
    lonely: Lonely = "fail"
    steps: tuple[Step, ...] = ()

    @classmethod
    def of(
        cls,
        weights: Column,
        *,
        strata: Column | Sequence[Column | None] | None = None,
        clusters: Column | Sequence[Column] | None = None,
        fpc: Column | Sequence[Column | None] | None = None,
        lonely: Lonely = "fail",
    ) -> Design:
        """A design from columns.

        Parameters
        ----------
        weights : one over the probability of inclusion, not negative, shape (n,)
        strata : stratum of each row; for several stages a list of columns, None where a stage has no strata
        clusters : primary sampling unit of each row; for several stages a list of columns; none when rows were drawn
        fpc : size of the population of clusters in the stratum, or sampling fraction up to 1; a list for several stages
        lonely : what is done with strata of one cluster

        Raises
        ------
        InputError : on negative weights, strata or clusters that are missing, or more drawn than there are

        Examples
        --------
        >>> design = Design.of([2.0, 2.0, 3.0, 3.0], strata=["a", "a", "b", "b"], fpc=[4, 4, 6, 6])
        >>> design.design_said
        '4 rows, 2 strata, each row drawn, finite populations; weights as drawn, sum 10'
        """
        drawn = numbers(weights, "weights", low=0.0, code="negative_weight")
        n = len(drawn)
        if n == 0:
            raise InputError("the sample has no rows", fix="name a file with data", code="no_rows")
        units = _listed(clusters)
        parts = _listed(strata)
        sizes = _listed(fpc)
        count = max(len(units), 1)
        if len(parts) > count or len(sizes) > count + (1 if units else 0):
            raise InputError(
                f"{len(parts)} columns of strata and {len(sizes)} of population sizes for {count} stages",
                fix="give at most one of each a stage",
                code="too_many_stages",
            )
        if units and len(sizes) == count + 1:  # the last stage draws rows
            units = [*units, np.arange(n)]
            count += 1
        stages: list[Stage] = []
        parent = np.zeros(n, dtype=np.int64)
        lead = np.ones(n)
        for i in range(count):
            part = parts[i] if i < len(parts) else None
            size = sizes[i] if i < len(sizes) else None
            stage = _stage(i, n, parent, lead, part, units[i] if units else None, size)
            stages.append(stage)
            parent = stage.cluster
            lead = (stage.lead * stage.fraction)[stage.stratum][stage.cluster]
            if not (lead > 0).any():
                break  # with an infinite population the first stage holds all of the variance
        return cls(drawn, tuple(stages), lonely)

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.weights)

    @property
    def design_said(self) -> str:
        """The design and the choice of weights, in words."""
        first = self.stages[0]
        drawn = "each row drawn" if first.single else f"{len(first.stratum)} clusters"
        more = f", {len(self.stages)} stages" if len(self.stages) > 1 else ""
        finite = ", finite populations" if (first.fraction > 0).any() else ""
        steps = " then ".join(step.said for step in self.steps) or "as drawn"
        strata = f"{len(first.size)} strata" if len(first.size) > 1 else "no strata"
        return f"{self.n} rows, {strata}, {drawn}{more}{finite}; weights {steps}, sum {float(self.weights.sum()):.10g}"

    def stepped(self, weights: Floats, step: Step) -> Design:
        """The design after something was done to the weights."""
        return replace(self, weights=weights, steps=(*self.steps, step))

    def degrees(self) -> int:
        """First-stage clusters less strata."""
        return len(self.stages[0].stratum) - len(self.stages[0].size)

    def check_lonely(self) -> None:
        """Refuse lonely clusters where that is what was chosen.

        Raises
        ------
        InputError : naming the strata
        """
        if self.lonely != "fail":
            return
        for i, stage in enumerate(self.stages):
            alone = stage.lonely()
            if len(alone):
                named = ", ".join(stage.names[j] for j in alone[:5]) + (" ..." if len(alone) > 5 else "")
                raise InputError(
                    f"{len(alone)} strata of stage {i + 1} hold a single cluster: {named}",
                    where="strata",
                    fix="collapse them with a neighbour, or choose lonely = certainty, average or centred",
                    code="lonely_psu",
                )

    def contrasts(self, influence: Floats) -> Contrasts:
        """Rows whose squares add up to the variance of the sum of weight times influence.

        Parameters
        ----------
        influence : unweighted influence of each row on k estimates, shape (n, k)

        Raises
        ------
        InputError : on lonely clusters where these are refused
        """
        self.check_lonely()
        left = influence
        carried: Floats | None = None
        extra: list[Floats] = []
        for step in reversed(self.steps):
            left, fitted = step.residual(left)
            kept = step.carried(fitted)
            if kept is not None:
                carried = kept if carried is None else carried + kept
            more = step.extra(self.weights[:, None] * left)
            if more is not None:
                extra.append(more)
        weighted = self.weights[:, None] * left
        if carried is not None:
            weighted = weighted + carried
        rows, strata = [], []
        for i, stage in enumerate(self.stages):
            rows.append(self._rows(stage, weighted))
            strata.append(stage.stratum if i == 0 else np.full(len(stage.stratum), -1))
        for one in extra:
            rows.append(one)
            strata.append(np.full(len(one), -1))
        if len(rows) == 1:
            return Contrasts(rows[0], strata[0])
        return Contrasts(np.concatenate(rows), np.concatenate(strata))

    def _rows(self, stage: Stage, weighted: Floats) -> Floats:
        each = stage.sums(weighted)
        means = group_sums(each, stage.stratum, len(stage.size)) / stage.size[:, None]
        scale = stage.scale()
        alone = stage.lonely()
        if len(alone):
            if self.lonely == "centred":
                means[alone] = each.mean(axis=0)
            else:
                scale[alone] = 0.0
                if self.lonely == "average":
                    scale *= (
                        len(stage.size) / (len(stage.size) - len(alone)) if len(stage.size) > len(alone) else np.nan
                    )
        deviations = each - means[stage.stratum]
        deviations *= np.sqrt(scale)[stage.stratum][:, None]
        return deviations

    def covariance(self, influence: Floats) -> Floats:
        """Covariance of the k sums of weight times influence.

        Parameters
        ----------
        influence : unweighted influence of each row, shape (n, k); for a total the variable itself

        Returns
        -------
        array of shape (k, k)

        Examples
        --------
        >>> design = Design.of([5.0] * 4, fpc=[20] * 4)
        >>> y = np.array([[1.0], [2.0], [3.0], [4.0]])
        >>> float(round(design.covariance(y)[0, 0], 4))   # 20**2 * (1 - 4 / 20) * (5 / 3) / 4
        133.3333
        """
        rows = self.contrasts(influence).rows
        return np.asarray(rows.T @ rows)


def group_sums(columns: Floats, codes: Ints, count: int) -> Floats:
    """Sums of columns (n, k) by code, shape (count, k).

    Examples
    --------
    >>> group_sums(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 1]), 2)
    array([[0., 0.],
           [4., 6.]])
    """
    if columns.shape[1] == 1:
        return sums(codes, columns[:, 0], count)[:, None]
    out = np.zeros((count, columns.shape[1]))
    if (codes[1:] < codes[:-1]).any():
        order = np.argsort(codes, kind="stable")
        columns, sorted_codes = columns[order], codes[order]
    else:
        sorted_codes = codes
    starts = np.flatnonzero(np.r_[True, sorted_codes[1:] != sorted_codes[:-1]])
    out[sorted_codes[starts]] = np.add.reduceat(columns, starts, axis=0)
    return out


def _listed(given: Column | Sequence[Column | None] | None) -> list[Column]:
    """Columns of the stages, whether one or several were given."""
    if given is None:
        return []
    if isinstance(given, list | tuple) and given and (given[0] is None or not np.isscalar(given[0])):
        return list(given)
    return [given]


def _stage(
    i: int, n: int, parent: Ints, lead: Floats, strata: Column | None, clusters: Column | None, fpc: Column | None
) -> Stage:
    def coded(column: Column, what: str) -> Groups:
        found = groups(column)
        if len(found.codes) != n:
            raise InputError(
                f"{what} has {len(found.codes)} values for {n} rows",
                where=what,
                fix="give one a row",
                code="wrong_length",
            )
        if (found.codes < 0).any():
            at = int(np.argmax(found.codes < 0))
            raise InputError(
                f"{int((found.codes < 0).sum())} rows have no {what}",
                where=f"{what}, row {at + 1}",
                fix="fill it in, or leave these rows out",
                code=f"missing_{what}",
            )
        return found

    named = ("",) if strata is None else (found := coded(strata, "stratum")).labels
    part = np.zeros(n, dtype=np.int64) if strata is None else found.codes
    above, within = np.unique(parent * len(named) + part, return_inverse=True)
    names = tuple(named[int(code) % len(named)] or "all" for code in above)
    if clusters is None:
        cluster, stratum, single = np.arange(n), within, True
    else:
        unit = coded(clusters, "cluster")
        pairs, first, cluster = np.unique(within * unit.count + unit.codes, return_index=True, return_inverse=True)
        stratum = within[first]
        single = False
        if len(pairs) == n:
            cluster, stratum, single = np.arange(n), within, True
    size = np.bincount(stratum, minlength=len(above))
    fraction = np.zeros(len(above))
    if fpc is not None:
        given = numbers(fpc, "fpc", rows=n, low=0.0)
        each = np.full(len(above), np.nan)
        each[within] = given
        if not np.allclose(each[within], given):
            at = int(np.argmax(~np.isclose(each[within], given)))
            raise InputError(
                f"stratum {names[within[at]]} has more than one population size: {each[within][at]:g} and {given[at]:g}",
                where=f"fpc, row {at + 1}",
                fix="give one size a stratum",
                code="fpc_varies",
            )
        fraction = np.where(each <= 1, each, size / np.maximum(each, 1))
        over = np.flatnonzero((each > 1) & (size > each))
        if len(over):
            raise InputError(
                f"stratum {names[over[0]]} has {size[over[0]]} clusters drawn of {each[over[0]]:g}",
                where="fpc",
                fix="give the size of the population, not of the sample",
                code="n_over_N",
            )
    leads = np.ones(len(above))
    leads[within] = lead
    return Stage(cluster, stratum, size, fraction, leads, names, single)
