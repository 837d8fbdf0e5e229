"""When a cell may not be told: fewest contributors, dominance, the p-% rule; as data."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import Field

from zhizao.errors import InputError
from zhizao.model.noun import Noun
from zhizao.programme.disclosure.table import Table

__all__ = ["REASONS", "Rule", "primary", "rule_named"]

REASONS = {
    "": ("可公布", "may be told"),
    "minimum": ("贡献企业过少", "too few contributors"),
    "dominance": ("少数企业占比过高", "a few contributors make up too much of it"),
    "p_percent": ("可过于精确地推算最大企业", "the largest contributor could be told too closely"),
    "alike": ("全部企业取值相同", "all its enterprises are alike, so it would tell of each"),
    "secondary": ("为保护其他单元格而隐去", "withheld so that another cell cannot be recomputed"),
}
"""Why a cell is withheld, in Chinese and English."""


class Rule(Noun):
    """What makes a cell unsafe, and how unsure it has to stay."""

    minimum: int = Field(default=3, ge=1)
    """Fewest contributors."""

    dominance: tuple[tuple[int, float], ...] = ((1, 0.75), (2, 0.85))
    """(n, share): the n largest contributors may not make up more than this share; n is 1 to 3."""

    p_percent: float | None = Field(default=0.10, gt=0, lt=1)
    """Share of the largest contributor to which the second largest may not come."""

    interval: float = Field(default=0.15, gt=0, le=1)
    """Share of the value that has to stay unsure where only the minimum speaks."""

    zh: str = ""
    """In Chinese."""

    en: str = ""
    """In English."""


@cache
def _rules() -> dict[str, Rule]:
    rows = yaml.safe_load(files("zhizao.programme.disclosure").joinpath("rules.yaml").read_text(encoding="utf-8"))
    return {name: Rule.model_validate(row) for name, row in rows.items()}


def rule_named(name: str = "default") -> Rule:
    """A shipped rule.

    Raises
    ------
    InputError : when there is none of that name

    Examples
    --------
    >>> rule_named("strict").minimum
    5
    """
    if name not in _rules():
        raise InputError(f'"{name}" is no rule', fix=f"name one of {', '.join(_rules())}", code="rule")
    return _rules()[name]


def primary(table: Table, rule: Rule) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """Reason (empty when safe) and protection level of every cell.

    The protection level is how far from its true value a cell must seem possible, both ways: what an attacker may not
    learn. For the p-% rule it is p x1 - (X - x1 - x2), for dominance (x1 + .. + xn)/k - X, for too few contributors the
    rule's interval of the value; the largest of those that apply.

    Returns
    -------
    tuple
        Both of the table's shape.

    Examples
    --------
    >>> from zhizao.programme.disclosure.table import flat_table
    >>> t = flat_table({"r": ["a"] * 4 + ["b"] * 4}, [90.0, 4, 3, 3, 25, 25, 25, 25])
    >>> primary(t, rule_named())[0].tolist()
    ['', 'dominance', '']
    """
    total, count, top = table.value, table.count, table.largest
    level = np.zeros(table.shape)
    reason = np.full(table.shape, "", dtype="<U10")
    if rule.p_percent is not None:
        need = rule.p_percent * top[0] - (total - top[0] - top[1])
        hit = (count > 0) & (need > 1e-12 * total) & (top[0] > 0)
        reason[hit], level[hit] = "p_percent", need[hit]
    for n, share in rule.dominance:
        if not 1 <= n <= len(top) or not 0 < share < 1:
            raise InputError(
                f"dominance ({n}, {share})", fix=f"n is 1 to {len(top)}, the share between 0 and 1", code="rule"
            )
        need = top[:n].sum(axis=0) / share - total
        hit = (count > 0) & (need > 1e-12 * total) & (total > 0)
        reason[hit] = "dominance"
        level[hit] = np.maximum(level[hit], need[hit])
    few = (count > 0) & (count < rule.minimum)
    reason[few] = "minimum"
    level[few] = np.maximum(level[few], rule.interval * total[few])
    return reason, level
