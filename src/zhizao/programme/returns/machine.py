"""The life of a return: open, submitted, refused, corrected, approved level by level, published; re-opened with reason.

`advance` is pure: a return and a step give the return after it and what the world outside is asked to do. What does not
follow is refused with the reason. Who may take a step is another question, answered by `zhizao.programme.returns.roles`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from zhizao.errors import NotAllowed
from zhizao.programme.returns.steps import (
    Corrected,
    Published,
    Reopened,
    Reviewed,
    Step,
    Submitted,
    Withdrawn,
    step_of,
)
from zhizao.record import Recorded

__all__ = ["Ask", "Done", "Refusal", "Return", "State", "Version", "advance", "fold", "may_follow"]


class State(StrEnum):
    """Where a return is."""

    OPEN = "open"
    """Nothing has been submitted."""
    SUBMITTED = "submitted"
    """With the levels above: `Return.waits_for` says with whom."""
    REFUSED = "refused"
    """Back with the enterprise, with a reason by line."""
    WITHDRAWN = "withdrawn"
    """Taken back by the enterprise."""
    APPROVED = "approved"
    """Every level has approved; it waits to be published."""
    PUBLISHED = "published"
    """Its figures count."""
    REOPENED = "reopened"
    """Back with the enterprise, after approval."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a version was refused: reason by item, reason for the whole, by which unit."""

    unit: str
    reason: str
    lines: dict[str, str]


@dataclass(frozen=True, slots=True)
class Version:
    """What an enterprise said at one time.

    Parameters
    ----------
    number : 1, 2, 3 ...
    values, notes, sources : by item
    by, role : who submitted it
    at : when
    reason : why it differs from the one before
    refusal : why it was refused, where it was
    """

    number: int
    values: dict[str, float | None]
    notes: dict[str, str]
    sources: dict[str, dict[str, Any]]
    by: str
    role: str
    at: datetime
    reason: str = ""
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """One line of a return's history: who did what, when and why."""

    step: int
    kind: str
    at: datetime
    by: str
    role: str
    unit: str
    version: int
    reason: str = ""
    lines: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish: somebody outside is asked to do something about a return.

    Parameters
    ----------
    unit : whose people are asked
    what : `submit`, `review`, `correct`, `publish` or `know`
    reason : what they are told
    """

    unit: str
    what: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Return:
    """A return of one enterprise for one month.

    Parameters
    ----------
    enterprise, period : whose and of when
    path : units that have to approve it, lowest first
    state : where it is
    approved : how many levels have approved the present version
    versions : every version, oldest first
    published : number of the version that was last published; None when none was
    history : every step
    """

    enterprise: str
    period: str
    path: tuple[str, ...] = ()
    state: State = State.OPEN
    approved: int = 0
    versions: tuple[Version, ...] = ()
    published: int | None = None
    history: tuple[Done, ...] = ()

    @property
    def latest(self) -> Version | None:
        """The newest version."""
        return self.versions[-1] if self.versions else None

    @property
    def public(self) -> Version | None:
        """The version that was last published."""
        return None if self.published is None else self.versions[self.published - 1]

    @property
    def waits_for(self) -> str:
        """Unit that has to act now; empty when nobody has to."""
        if self.state is State.SUBMITTED:
            return self.path[self.approved]
        if self.state is State.APPROVED:
            return self.top
        return "" if self.state is State.PUBLISHED else self.enterprise

    @property
    def top(self) -> str:
        """Unit that publishes: the highest above the enterprise, or the enterprise where there is none."""
        return self.path[-1] if self.path else self.enterprise


_FOLLOWS: dict[State, tuple[str, ...]] = {
    State.OPEN: ("submit",),
    State.WITHDRAWN: ("submit",),
    State.SUBMITTED: ("approve", "refuse", "withdraw"),
    State.REFUSED: ("correct",),
    State.REOPENED: ("correct",),
    State.APPROVED: ("publish", "reopen"),
    State.PUBLISHED: ("reopen",),
}


def may_follow(one: Return) -> tuple[str, ...]:
    """Steps that can follow, whoever takes them.

    Examples
    --------
    >>> may_follow(Return("E1", "2025-06"))
    ('submit',)
    """
    follows = _FOLLOWS[one.state]
    return tuple(step for step in follows if step != "withdraw" or one.approved == 0)


def advance(one: Return, step: Step) -> tuple[Return, tuple[Ask, ...]]:
    """The return after a step, and who outside is asked to do what.

    Parameters
    ----------
    one : the return before
    step : what somebody does

    Raises
    ------
    NotAllowed : the step cannot follow (`illegal_step`), or lacks its reason (`no_reason`)

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from zhizao.programme.returns.steps import Actor
    >>> li = Actor(name="li", role="reporter", unit="E1")
    >>> step = Submitted(by=li, at=datetime(2025, 7, 3, tzinfo=UTC), values={"employees": 29}, path=("44", "CN"))
    >>> after, asks = advance(Return("E1", "2025-06"), step)
    >>> after.state, after.waits_for, asks[0].what
    (<State.SUBMITTED: 'submitted'>, '44', 'review')
    """
    name = _name(step)
    if name not in may_follow(one):
        raise _illegal(one, name)
    after, asks = _after(one, step)
    number = after.versions[-1].number if after.versions else 0
    done = Done(
        len(one.history) + 1,
        name,
        step.at,
        step.by.name,
        step.by.role,
        step.unit if isinstance(step, Reviewed) else step.by.unit,
        number,
        getattr(step, "reason", ""),
        dict(getattr(step, "lines", {})),
    )
    return replace(after, history=(*one.history, done)), asks


def _after(one: Return, step: Step) -> tuple[Return, tuple[Ask, ...]]:
    match step:
        case Submitted():  # and Corrected
            if isinstance(step, Corrected) and not step.reason.strip():
                raise _reasonless("a correction", "say what was corrected, and why")
            return _brought(one, step)
        case Withdrawn():
            return replace(one, state=State.WITHDRAWN), (Ask(one.waits_for, "know", "withdrawn"),)
        case Reviewed(verdict="refused"):
            _their_turn(one, step)
            if not step.reason.strip() and not any(text.strip() for text in step.lines.values()):
                raise _reasonless("a refusal", "give a reason for the whole or for a line")
            refusal = Refusal(step.unit, step.reason, dict(step.lines))
            last = replace(one.versions[-1], refusal=refusal)
            after = replace(one, state=State.REFUSED, approved=0, versions=(*one.versions[:-1], last))
            told = step.reason or "; ".join(f"{item}: {text}" for item, text in step.lines.items())
            below = tuple(Ask(unit, "know", "refused above") for unit in one.path[: one.approved])
            return after, (Ask(one.enterprise, "correct", told), *below)
        case Reviewed():
            _their_turn(one, step)
            after = replace(one, approved=one.approved + 1)
            if after.approved < len(one.path):
                return after, (Ask(after.waits_for, "review"),)
            return replace(after, state=State.APPROVED), (Ask(one.top, "publish"),)
        case Published():
            after = replace(one, state=State.PUBLISHED, published=one.versions[-1].number)
            return after, (Ask(one.enterprise, "know", "published"),)
        case Reopened():
            if not step.reason.strip():
                raise _reasonless("re-opening", "say why the return is opened again")
            return replace(one, state=State.REOPENED, approved=0), (Ask(one.enterprise, "correct", step.reason),)
    raise _illegal(one, type(step).__name__)


def _brought(one: Return, step: Submitted) -> tuple[Return, tuple[Ask, ...]]:
    version = Version(
        len(one.versions) + 1,
        dict(step.values),
        dict(step.notes),
        dict(step.sources),
        step.by.name,
        step.by.role,
        step.at,
        step.reason,
    )
    after = replace(one, path=step.path, approved=0, versions=(*one.versions, version))
    if not step.path:
        return replace(after, state=State.APPROVED), (Ask(one.enterprise, "publish"),)
    return replace(after, state=State.SUBMITTED), (Ask(step.path[0], "review"),)


def _their_turn(one: Return, step: Reviewed) -> None:
    if step.unit != one.waits_for:
        raise NotAllowed(
            f'the return of {one.enterprise} for {one.period} waits for "{one.waits_for}", not for "{step.unit}"',
            fix="levels decide one after the other, lowest first",
            code="illegal_step",
        )


def _name(step: Step) -> str:
    if isinstance(step, Reviewed):
        return "refuse" if step.verdict == "refused" else "approve"
    names: dict[type[Step], str] = {
        Submitted: "submit",
        Corrected: "correct",
        Withdrawn: "withdraw",
        Published: "publish",
        Reopened: "reopen",
    }
    return names[type(step)]


def _illegal(one: Return, name: str) -> NotAllowed:
    can = ", ".join(may_follow(one))
    passed = f", approved by {one.path[one.approved - 1]}" if one.state is State.SUBMITTED and one.approved else ""
    return NotAllowed(
        f"the return of {one.enterprise} for {one.period} is {one.state}{passed}; {name} cannot follow",
        fix=f"what can follow: {can}",
        code="illegal_step",
    )


def _reasonless(what: str, fix: str) -> NotAllowed:
    return NotAllowed(f"{what} needs a reason", fix=fix, code="no_reason")


def fold(events: Iterable[Recorded]) -> dict[tuple[str, str], Return]:
    """Returns by enterprise and month, from their steps in the order in which they were recorded.

    Parameters
    ----------
    events : of `Journal.return_steps`
    """
    found: dict[tuple[str, str], Return] = {}
    for event in events:
        key = (str(event.payload["enterprise"]), str(event.payload["period"]))
        found[key], _ = advance(found.get(key, Return(*key)), step_of(event))
    return found
