"""Who may do what with a return: reporter, reviewer, manager of a level, evaluator, admin; and who sees which cell."""

from __future__ import annotations

from enum import StrEnum

from zhizao.errors import NotAllowed
from zhizao.programme.returns.machine import Return, State, Version, may_follow
from zhizao.programme.returns.steps import Actor
from zhizao.programme.returns.tree import Tree

__all__ = ["ACTIONS", "Sight", "check", "seen", "sight", "steps_for"]

ACTIONS = ("submit", "correct", "withdraw", "refuse", "approve", "publish", "reopen")
"""Steps that somebody may take."""


class Sight(StrEnum):
    """How much of an enterprise's returns somebody sees."""

    NOTHING = "nothing"
    STATUS = "status"
    """That a return is published, and since when; none of its figures, notes or reasons."""
    ALL = "all"
    """Every version, with figures and reasons."""


def sight(actor: Actor, tree: Tree, enterprise: str) -> Sight:
    """How much somebody sees of an enterprise's returns.

    A reporter sees all of its own enterprise and nothing else. A reviewer, and a manager with a unit, see all of their
    own subtree. An admin sees all. Everybody else, evaluators among them, sees which returns are published; with a unit,
    in its subtree only. A reviewer or manager without a unit is one of these. They get figures through roll-ups alone,
    after disclosure control: a published return in their hands would give away the cells that it withholds.

    Parameters
    ----------
    actor : who looks
    tree : where units stand
    enterprise : whose returns

    Examples
    --------
    >>> from zhizao.programme.returns.tree import tree_of_one
    >>> tree = tree_of_one("E1", "one", "Asia/Shanghai")
    >>> [sight(Actor(name="x", role=role, unit=unit), tree, "E1").value
    ...  for role, unit in (("reporter", "E1"), ("reporter", "E2"), ("reviewer", "CN"), ("evaluator", ""))]
    ['all', 'nothing', 'all', 'status']
    """
    if actor.role == "admin":
        return Sight.ALL
    if actor.role == "reporter":
        return Sight.ALL if actor.unit and actor.unit == enterprise else Sight.NOTHING
    if not actor.unit:
        return Sight.STATUS
    if not tree.within(enterprise, actor.unit):
        return Sight.NOTHING
    return Sight.ALL if actor.role in ("reviewer", "manager") else Sight.STATUS


def seen(one: Return, how: Sight) -> Return | None:
    """As much of a return as somebody sees; None when that is nothing.

    With `Sight.STATUS` it has one version without figures, of the time at which it was published.

    Parameters
    ----------
    one : the whole return
    how : as `sight` says
    """
    if how is Sight.ALL:
        return one
    public = one.public
    if how is Sight.NOTHING or public is None:
        return None
    # the number of the version would tell how often it was refused
    at = next((done.at for done in reversed(one.history) if done.kind == "publish"), public.at)
    told = Version(1, values={}, notes={}, sources={}, by="", role="", at=at)
    return Return(one.enterprise, one.period, one.path, State.PUBLISHED, len(one.path), (told,), 1, ())


def check(action: str, actor: Actor, tree: Tree, one: Return) -> str:
    """Refuse a step that is not for this person; the unit for which it is taken.

    Parameters
    ----------
    action : one of `ACTIONS`
    actor : who wants to
    tree : where units stand
    one : the return

    Raises
    ------
    NotAllowed : with the role that is needed (`role`), or because nobody decides on what they submitted (`four_eyes`)
    """
    path = one.path or tree.path(one.enterprise)
    own = actor.unit == one.enterprise and bool(actor.unit)
    needed, unit, good = "", actor.unit, False
    if action in ("submit", "correct", "withdraw"):
        needed, unit = f"a reporter of {one.enterprise}", one.enterprise
        good = own and actor.role in ("reporter", "manager")
    elif action in ("approve", "refuse"):
        turn = one.waits_for if one.state is State.SUBMITTED else ""
        at = turn or (actor.unit if actor.unit in path else path[0] if path else one.enterprise)
        roles = ("manager",) if action == "approve" else ("manager", "reviewer")
        needed, unit = f"a {' or '.join(roles)} of {at}", at
        good = actor.role in roles and actor.unit == at
    elif action == "publish":
        unit = path[-1] if path else one.enterprise
        needed = f"a manager of {unit}"
        good = actor.role == "manager" and actor.unit == unit
    elif action == "reopen":
        needed = f"a manager of {' or '.join(path)}"
        good = actor.role == "manager" and actor.unit in path
    if not (good or (actor.role == "admin" and action in ACTIONS)):
        place = f" of {actor.unit}" if actor.unit else ""
        raise NotAllowed(
            f'"{actor.name}" is {actor.role}{place}; this needs {needed or "another role"}',
            fix="ask an admin for the role and the unit",
            code="role",
        )
    last = one.latest
    if tree.four_eyes and action in ("approve", "publish") and last is not None and last.by == actor.name:
        raise NotAllowed(
            f'"{actor.name}" submitted this version and may not {action} it',
            fix="let somebody else decide (four_eyes in units.yaml)",
            code="four_eyes",
        )
    return unit


def steps_for(actor: Actor, tree: Tree, one: Return) -> tuple[str, ...]:
    """Steps that this person may take now: what a page shows as buttons.

    Parameters
    ----------
    actor, tree, one : as for `check`
    """
    out = []
    for action in may_follow(one):
        try:
            check(action, actor, tree, one)
        except NotAllowed:
            continue
        out.append(action)
    return tuple(out)
