"""Who owes what by when: deadlines of each level for the returns of some months, at a time that is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from zhizao.programme.returns.machine import Return, State
from zhizao.programme.returns.month import due
from zhizao.programme.returns.tree import Tree

__all__ = ["Owed", "deadline", "owed"]


@dataclass(frozen=True, slots=True)
class Owed:
    """Something that a unit has to do.

    Parameters
    ----------
    unit : who
    what : `submit`, `correct`, `review` or `publish`
    enterprise, period : about which return
    due : until when
    days_left : whole days until then, below 0 when it is past
    state : `overdue`, `soon` (within the days asked for) or `later`
    """

    unit: str
    what: Literal["submit", "correct", "review", "publish"]
    enterprise: str
    period: str
    due: datetime
    days_left: int
    state: Literal["overdue", "soon", "later"]


_WHAT: dict[State, Literal["submit", "correct", "review", "publish"]] = {
    State.OPEN: "submit",
    State.WITHDRAWN: "submit",
    State.REFUSED: "correct",
    State.REOPENED: "correct",
    State.SUBMITTED: "review",
    State.APPROVED: "publish",
}


def deadline(one: Return, tree: Tree) -> datetime | None:
    """Until when the unit that a return waits for has to act; None when nobody has to.

    A refused or re-opened return is due when the level that sent it back is due to be done with it, since its own
    deadline may be past by then.

    Parameters
    ----------
    one : the return
    tree : has the deadlines
    """
    if one.state is State.PUBLISHED:
        return None
    if one.state is State.APPROVED:
        return due(one.period, "publication", tree)
    if one.state is State.SUBMITTED:
        unit = tree.units.get(one.waits_for)
        return due(one.period, unit.level if unit is not None else "nation", tree)
    if one.state is State.REFUSED and one.latest is not None and one.latest.refusal is not None:
        refuser = tree.units.get(one.latest.refusal.unit)
        return due(one.period, refuser.level if refuser is not None else "nation", tree)
    if one.state is State.REOPENED:
        return due(one.period, "publication", tree)
    return due(one.period, "enterprise", tree)


def owed(
    tree: Tree,
    returns: Mapping[tuple[str, str], Return],
    periods: Iterable[str],
    now: datetime,
    *,
    soon_days: int = 3,
) -> list[Owed]:
    """What every unit owes for some months, what is due first comes first.

    Parameters
    ----------
    tree : units and deadlines
    returns : by enterprise and month, as `fold` gives them; an absent one has not been submitted
    periods : months that have to be returned
    now : aware time
    soon_days : days before the deadline from which on it is `soon`

    Examples
    --------
    >>> from datetime import UTC
    >>> from zhizao.programme.returns.tree import tree_of_one
    >>> tree = tree_of_one("E1", "one", "Asia/Shanghai")
    >>> [one] = owed(tree, {}, ["2025-06"], datetime(2025, 7, 10, tzinfo=UTC))
    >>> one.unit, one.what, one.days_left, one.state
    ('E1', 'submit', -2, 'overdue')
    """
    out: list[Owed] = []
    for period in periods:
        for enterprise in tree.enterprises():
            one = returns.get((enterprise, period), Return(enterprise, period))
            until = deadline(one, tree)
            if until is None:
                continue
            left = (until - now).days
            state: Literal["overdue", "soon", "later"] = (
                "overdue" if until < now else "soon" if left < soon_days else "later"
            )
            out.append(Owed(one.waits_for, _WHAT[one.state], enterprise, period, until, left, state))
    return sorted(out, key=lambda owing: (owing.due, owing.unit, owing.enterprise))
