"""A unit in its league and beside its peers: rank with interval, units like it, its position, and what would move it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from zhizao.app.survey_steps import find_column, numeric
from zhizao.errors import InputError
from zhizao.programme.composite import league, nearest_peers, position

__all__ = ["MOST_UNITS", "peers_answer"]

MOST_UNITS = 200_000


def peers_answer(
    frame: pl.DataFrame,
    *,
    value: str,
    unit: str = "",
    id_column: str | None = None,
    se: str | None = None,
    within: Sequence[str] = (),
    near: Sequence[str] = (),
    less_is_better: bool = False,
    most: int = 30,
    where: str = "units",
) -> dict[str, Any]:
    """The league of a table's units and, where one is named, its peers.

    Parameters
    ----------
    frame : one row a unit
    value : column that is compared
    unit : id of the unit that is looked at; only the league when empty
    id_column : column of ids; recognised when absent
    se : column of standard errors of the value; none when absent, and ranks are then sure
    within : columns that peers share with the unit, most binding first
    near : columns of structure in which peers are nearest; the value itself is no measure of likeness
    less_is_better : whether a smaller value is the better one
    most : most peers
    where : name of the table in messages

    Returns
    -------
    dict
        `league`: rank, interval, band of each unit, best first. `unit`: its row, peers with distance, position among them,
        and `moves`: values and changes that lift it one place, to the median and the upper quartile of its peers, and
        ahead of the next unit for sure.

    Raises
    ------
    InputError : on a column or unit that is not there, ids that occur twice, or values that cannot be ranked

    Examples
    --------
    >>> units = pl.DataFrame({"id": ["a", "b", "c"], "score": [3.0, 2.0, 1.0]})
    >>> [row["unit"] for row in peers_answer(units, value="score", unit="b")["league"]]
    ['a', 'b', 'c']
    """
    if not 1 <= most <= 1000:
        raise InputError(f"{most} peers", where="most", fix="take 1 to 1000", code="bad_number")
    if not 2 <= frame.height <= MOST_UNITS:
        raise InputError(
            f"{frame.height:,} units are compared", where=where, fix=f"give 2 to {MOST_UNITS:,}", code="too_few_units"
        )
    names = find_column(frame, "id", id_column, where)
    for column in (value, *([se] if se else []), *within, *near):
        find_column(frame, column, column, where)
    frame = numeric(frame, [value, *([se] if se else [])], where)
    frame = numeric(frame, list(near), where, missing=True)
    ids = frame[names].cast(pl.String).str.strip_chars().fill_null("").to_list()
    twice = next((one for one, many in Counter(ids).items() if many > 1 or not one), None)
    if twice is not None:
        raise InputError(f'the id "{twice}" is empty or occurs twice', where=where, fix="give each unit an id of its own", code="duplicate_ids")  # fmt: skip
    y = frame[value].to_numpy().astype(np.float64)
    errors = frame[se].to_numpy().astype(np.float64) if se else np.zeros(len(y))
    if not np.isfinite(y).all():
        raise InputError(f"{value} is not finite", where=where, fix="correct it", code="bad_number")
    way = -1 if less_is_better else 1
    table = league(y, errors, direction=way)
    order = np.argsort(table.rank, kind="stable")
    rows = [
        {
            "unit": ids[i], "value": float(y[i]), "se": float(errors[i]), "rank": int(table.rank[i]),
            "low": int(table.low[i]), "high": int(table.high[i]), "band": int(table.bands[i]),
        }
        for i in order
    ]  # fmt: skip
    answer: dict[str, Any] = {"value": value, "level": table.level, "units": len(ids), "league": rows, "unit": None}
    if not unit:
        return answer
    if unit not in ids:
        raise InputError(f'"{unit[:60]}" is not among the units', where=where, fix="name one by its id", code="no_unit")
    who = ids.index(unit)
    labels = {name: frame[name].cast(pl.String).fill_null("").to_list() for name in within}
    features = np.column_stack([frame[name].to_numpy() for name in near]) if near else np.zeros((len(y), 1))
    least = min(10, len(y) - 1)
    found = nearest_peers(who, labels, features, most=most, least=least)
    stands = position(float(y[who]), y[found.at], direction=way, se=float(errors[who]))
    own = next(row for row in rows if row["unit"] == unit)
    answer["unit"] = {
        **own,
        "within": list(found.within),
        "widened": list(found.widened),
        "peers": [
            {"unit": ids[i], "distance": float(d), "value": float(y[i]), "rank": int(table.rank[i])}
            for i, d in zip(found.at, found.distance, strict=True)
        ],
        "share": stands.share, "low_share": stands.low, "high_share": stands.high,
        "median": stands.median, "quartiles": list(stands.quartiles),
        "moves": _moves(who, ids, y, errors, way, table.rank, stands.median, stands.quartiles),
    }  # fmt: skip
    return answer


def _moves(
    who: int, ids: list[str], y: Any, errors: Any, way: int, rank: Any, median: float, quartiles: tuple[float, float]
) -> list[dict[str, Any]]:
    """Changes of the value that lift a unit: to the next place, to its peers' median and best quarter, surely ahead."""
    own = float(y[who])
    wanted: list[tuple[str, float, str]] = []
    ahead = np.flatnonzero(rank < rank[who])
    if len(ahead):
        next_one = int(ahead[np.argmax(rank[ahead])])
        wanted.append(("next", float(y[next_one]), ids[next_one]))
        from scipy.stats import norm

        z = float(norm.ppf(0.5 + 0.5 * 0.95 ** (1 / len(y))))  # the level at which the league tells two apart
        wanted.append(("surely", float(y[next_one] + way * z * (errors[next_one] + errors[who])), ids[next_one]))
    wanted.append(("median", median, ""))
    wanted.append(("quarter", quartiles[1] if way > 0 else quartiles[0], ""))
    return [
        {"to": to, "value": at, "change": at - own, "unit": name} for to, at, name in wanted if (at - own) * way >= 0
    ]
