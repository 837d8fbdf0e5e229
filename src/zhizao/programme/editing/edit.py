"""Editing returns from end to end: judge, correct what shows its cause, locate, impute, and say whom to call.

The order is that of the handbook (de Waal, Pannekoek and Scholtus, 2011): errors whose cause shows are mended first,
the rest is located with the fewest fields changed, what was located or is missing is imputed within the rules. Outliers,
influence and signs of invention are judged beside, and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from zhizao.errors import InputError
from zhizao.programme.editing.cells import Cells, Expected, cells_of, expect
from zhizao.programme.editing.deductive import Deduced, deduce
from zhizao.programme.editing.impute import Imputed, impute
from zhizao.programme.editing.influence import Callbacks, select, standard_errors
from zhizao.programme.editing.invented import Suspicion, suspicions
from zhizao.programme.editing.localise import IMPOSSIBLE, Localised, localise
from zhizao.programme.editing.outliers import (
    RATIOS,
    HidiroglouBerthelot,
    period_outliers,
    ratio_outliers,
    several_at_once,
)
from zhizao.programme.editing.returns import Returns
from zhizao.programme.editing.rules import RuleSet
from zhizao.programme.editing.system import broken, compile_rules, verdicts
from zhizao.programme.items import item_keys

__all__ = ["Edited", "Outlier", "Settings", "edit"]

Floats = NDArray[np.float64]
Progress = Callable[[str, float], None]

RATIO_LIMIT = 8.0
"""Robust score of a ratio beyond which it is an outlier: cells have heavier tails than a normal."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be chosen.

    Parameters
    ----------
    hb : parameters of Hidiroglou and Berthelot
    share : of each total's standard error that may remain as bias without a call
    floor : share of a total that may remain where there is no sampling error
    rate : expected share of honest enterprises among those named for signs of invention
    seed : of residuals that are drawn in imputation
    """

    hb: HidiroglouBerthelot = field(default_factory=HidiroglouBerthelot)
    share: float = 0.2
    floor: float = 0.001
    rate: float = 0.05
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Outlier:
    """One value or ratio that is far off.

    Parameters
    ----------
    row : number in the edited returns
    kind : `change` against last month, `ratio` within the cell, `several` ratios that do not fit together
    item : what is far off; for a ratio the part above the line
    other : part below the line, else empty
    score : how many times beyond its limit
    """

    row: int
    kind: str
    item: str
    other: str
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Edited:
    """What editing found.

    Parameters
    ----------
    returns : the returns that were judged, as reported
    rules : the rule set
    hard, soft : whether each hard / soft rule fails as reported, (rows, rules)
    hard_ids, soft_ids : their ids
    deduced, localised, imputed, expected : what each step gave
    values : figures after editing, (rows, 40)
    outliers : farthest first
    callbacks : most influential first
    suspicion : signs of invention, None where they were not asked for
    """

    returns: Returns
    rules: RuleSet
    hard: NDArray[np.bool_]
    soft: NDArray[np.bool_]
    hard_ids: tuple[str, ...]
    soft_ids: tuple[str, ...]
    deduced: Deduced
    localised: Localised
    imputed: Imputed
    expected: Expected
    values: Floats
    outliers: tuple[Outlier, ...]
    callbacks: Callbacks
    suspicion: Suspicion | None

    @property
    def impossible(self) -> NDArray[np.int64]:
        """Rows that no change of this month's figures can mend: the rules or last month's figures contradict."""
        return np.flatnonzero(self.localised.state == IMPOSSIBLE)


def edit(
    returns: Returns,
    rules: RuleSet,
    settings: Settings | None = None,
    *,
    reliability: Floats | None = None,
    signs: bool = True,
    progress: Progress | None = None,
) -> Edited:
    """Edit returns.

    Parameters
    ----------
    returns : rows with `judged` are edited; all serve as history
    rules : shipped and own
    settings : thresholds
    reliability : weight of each item in error localisation, above 0, (40,)
    signs : whether to look for signs of invention
    progress : told a stage and a fraction

    Raises
    ------
    InputError : when there is nothing to judge

    Examples
    --------
    >>> import polars as pl
    >>> from zhizao.programme.editing import from_frame, rule_set
    >>> told = pl.DataFrame({"enterprise": ["A"], "products_made": [9.0], "products_defective": [12.0]})
    >>> found = edit(from_frame(told), rule_set())
    >>> [found.hard_ids[r] for r in np.flatnonzero(found.hard[0])], int((found.localised.mark == 1).sum())
    (['BAL-DEFECT'], 1)
    """
    settings = settings or Settings()
    tell = progress or (lambda _stage, _share: None)
    rows = np.flatnonzero(returns.judged)
    if not len(rows):
        raise InputError("there is no return to edit", fix="give at least one row")
    told = returns if len(rows) == len(returns) else returns.take(rows)
    tell("judging the rules", 0.0)
    hard, soft = compile_rules(rules, "hard"), compile_rules(rules, "soft")
    z, active = hard.records(told), hard.active(told)
    found = verdicts(hard, z, active)
    fails = broken(hard, found)
    doubts = broken(soft, verdicts(soft, soft.records(told), soft.active(told)))
    tell("judging the rules", 0.3)
    cells = cells_of(told)
    expected = expect(told, cells)
    tell("judging the rules", 0.7)
    deduced = deduce(hard, z, active, found, expected)
    z[:, : hard.fields] = deduced.values
    mended = told.with_values(deduced.values)
    tell("judging the rules", 1.0)
    found = verdicts(hard, z, active)
    localised = localise(hard, z, active, found=found, weight=reliability, expected=expected.values, progress=progress)
    tell("imputing", 0.0)
    _, stratum = np.unique(
        np.char.add(np.char.add(told.industry, told.size), told.period.astype(np.str_)), return_inverse=True
    )
    errors = standard_errors(deduced.values, told.weight, stratum.astype(np.int64))
    asked = np.mean(~np.isnan(told.values), axis=0) >= 0.2
    wanted = (localised.mark == 1) | (np.isnan(told.values) & asked)
    wanted[localised.state == IMPOSSIBLE] = False
    imputed = impute(
        mended,
        wanted,
        cells,
        expected,
        hard,
        fallback=np.where(localised.mark == 1, localised.values, np.nan),
        errors=errors,
        rng=np.random.default_rng(settings.seed),
    )
    tell("looking for outliers", 0.0)
    outliers = _outliers(mended, cells, expected, settings)
    callbacks = select(mended, expected, share=settings.share, floor=settings.floor, stratum=stratum.astype(np.int64))
    tell("looking for signs of invention", 0.0)
    suspicion = suspicions(returns, rate=settings.rate) if signs else None
    ids = tuple(rule.id for rule in hard.rules), tuple(rule.id for rule in soft.rules)
    return Edited(
        told,
        rules,
        fails,
        doubts,
        *ids,
        deduced,
        localised,
        imputed,
        expected,
        imputed.values,
        outliers,
        callbacks,
        suspicion,
    )


def _outliers(returns: Returns, cells: Cells, expected: Expected, settings: Settings) -> tuple[Outlier, ...]:
    keys = item_keys()
    found: list[Outlier] = []
    beyond = period_outliers(returns, cells, settings.hb)
    for r, j in np.argwhere(beyond > 1).tolist():
        found.append(Outlier(r, "change", keys[j], "", float(beyond[r, j])))
    _, scores = ratio_outliers(returns, cells)
    with np.errstate(invalid="ignore"):
        far = np.abs(scores) / RATIO_LIMIT
    far = np.nan_to_num(far)
    for r, q in np.argwhere(far > 1).tolist():
        found.append(Outlier(r, "ratio", *RATIOS[q], float(far[r, q])))
    together, which = several_at_once(scores, cells)
    for r in np.flatnonzero((together > 1) & (far.max(axis=1) <= 1)).tolist():
        found.append(Outlier(r, "several", *RATIOS[which[r]], float(together[r])))
    return tuple(sorted(found, key=lambda one: (-one.score, one.row)))
