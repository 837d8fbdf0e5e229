"""An enterprise beside its peers, from the returns that are published: league, position, and what would move it.

Only who may see single enterprises is answered, and only of those that they may see. Of a quarter or a year the error of a
figure is that of the mean of its months, so ranks have intervals; a single month has none, and its ranks are as they stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from zhizao.app.peers import peers_answer
from zhizao.app.rollup_desk import Place, RollupDesk
from zhizao.app.rollup_spans import Span
from zhizao.errors import InputError, NotAllowed
from zhizao.programme.rollup import contributions

if TYPE_CHECKING:
    from zhizao.programme.returns import Actor

__all__ = ["FEWEST", "has_peers", "rollup_peers"]

FEWEST = 3
"""Fewest enterprises with a figure that are ranked."""
_NEAR = ("employees", "revenue_cny")


def has_peers(desk: RollupDesk, actor: Actor) -> bool:
    """Whether somebody may see enough single enterprises for peers."""
    scope = desk.scope(actor)
    return scope.single and len(scope.enterprises) >= FEWEST


def rollup_peers(desk: RollupDesk, actor: Actor, place: Place, *, most: int = 10, lang: str = "en") -> dict[str, Any]:
    """The league of the enterprises that somebody may see and, where the place names one, its peers.

    Parameters
    ----------
    desk : roll-ups of the workspace
    actor : who asks
    place : indicator and period; with `enterprise` the peers of that one, of its industry and size as far as there are
        enough, nearest in persons employed and revenue
    most : most peers
    lang : `zh` or `en`

    Returns
    -------
    dict
        As `peers_answer`, with `indicator`, `period`, `better` (`more` or `less`), `errors` (whether figures have one) and
        a name beside each unit.

    Raises
    ------
    NotAllowed : single enterprises are not theirs to see
    InputError : there is no such indicator or period, too few enterprises have a figure, or the one that is named has none
    """
    from zhizao.app.rollup_answers import enterprise_name

    scope = desk.scope(actor)
    if not scope.single:
        raise NotAllowed("single enterprises are not yours to see", fix="look at the figures of groups", code="role")
    one = desk.definition(place.indicator)
    month = desk.month(scope, place.period)
    cells = {cell.code: cell for cell in desk.enterprises(month, Place(place.indicator, place.period))}
    if place.enterprise and place.enterprise not in cells:
        raise InputError(
            f'"{place.enterprise[:60]}" is no enterprise whose figures you may see',
            where="enterprise", fix="name one by its id", code="no_unit",
        )  # fmt: skip
    if place.enterprise and cells[place.enterprise].value is None:
        raise InputError(
            f"{place.enterprise} has no figure of {place.indicator} for {place.period}",
            where="enterprise", fix="choose another month or indicator", code="no_figure",
        )  # fmt: skip
    known = {name: cell.value for name, cell in cells.items() if cell.value is not None}
    if len(known) < FEWEST:
        raise InputError(
            f"{len(known)} enterprises have a figure of {place.indicator} for {place.period}",
            fix=f"ranks are told from {FEWEST} on", code="too_few_units",
        )  # fmt: skip
    tree, names = desk.returns.tree, list(known)
    last = month.last if isinstance(month, Span) else month
    at = {name: k for k, name in enumerate(last.names)}
    columns: dict[str, Any] = {
        "id": names,
        "figure": list(known.values()),
        "industry": [tree.units[name].industry or "" for name in names],
        "size": [tree.units[name].size or "" for name in names],
    }
    for key in _NEAR:
        if key in last.values:
            told = np.array([last.values[key][at[name]] if name in at else np.nan for name in names])
            columns[key] = np.log(np.where(told > 0, told, np.nan)).tolist()
    near = [key for key in _NEAR if key in columns and np.isfinite(columns[key]).any()]
    spread = _errors(desk, month, place.indicator, names) if isinstance(month, Span) else None
    if spread is not None:
        columns["error"] = spread
    found = peers_answer(
        pl.DataFrame(columns, nan_to_null=True), value="figure", unit=place.enterprise, id_column="id",
        se=None if spread is None else "error", within=["industry", "size"], near=near,
        less_is_better=one.direction == "decrease", most=most, where=place.period,
    )  # fmt: skip
    titles = {name: enterprise_name(desk, name, lang) for name in names}
    told_unit = found["unit"] or {"peers": [], "moves": []}
    for row in (
        *found["league"],
        *told_unit["peers"],
        *told_unit["moves"],
        *([found["unit"]] if found["unit"] else []),
    ):
        row["name"] = titles.get(row["unit"], "")
    better = "less" if one.direction == "decrease" else "more"
    return {
        "indicator": place.indicator, "period": place.period, "better": better, "errors": spread is not None,
        "near": near, **found,
    }  # fmt: skip


def _errors(desk: RollupDesk, span: Span, indicator: str, names: list[str]) -> list[float]:
    """Standard error of the mean of each enterprise's months; that of the most uncertain where only one is there."""
    one = desk.ratio(indicator)
    values: dict[str, list[float]] = {}
    for month in span.months:
        above, below = contributions(one, month.values)
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = above / below * span.scale(indicator)
        for name, each in zip(month.names, rate.tolist(), strict=True):
            if np.isfinite(each):
                values.setdefault(name, []).append(each)
    found = {name: float(np.std(told, ddof=1) / np.sqrt(len(told))) for name, told in values.items() if len(told) > 1}
    worst = max(found.values(), default=0.0)
    return [found.get(name, worst) for name in names]
