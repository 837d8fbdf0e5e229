"""Steps of a return, as somebody takes them: submit, correct, withdraw, review, publish, re-open; to payloads and back."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, Field, ValidationError

from zhizao.errors import JournalBroken
from zhizao.model import Kind
from zhizao.model.noun import Noun
from zhizao.record import Recorded

__all__ = [
    "FORM",
    "Actor",
    "Corrected",
    "Published",
    "Reopened",
    "Reviewed",
    "Step",
    "Submitted",
    "Withdrawn",
    "payload_of",
    "step_of",
]

FORM = 1
"""Version of the form: which items are asked for."""


class Actor(Noun):
    """Who acts, in which role, for which unit."""

    name: str = Field(min_length=1)
    """Sign-in name."""

    role: str
    """Role at that time."""

    unit: str = ""
    """Unit of the tree that the person belongs to; empty for none."""


class Step(Noun):
    """One step of a return."""

    kind: ClassVar[Kind]

    by: Actor
    """Who took it."""

    at: AwareDatetime
    """When."""


class Submitted(Step):
    """The enterprise submits its figures."""

    kind = Kind.RETURN_SUBMITTED

    values: dict[str, float | None]
    """Value by item; null where the enterprise has none, then with a note."""

    notes: dict[str, str] = {}
    """What the enterprise says about an item."""

    sources: dict[str, dict[str, Any]] = {}
    """By item: the events that a value was filled from."""

    path: tuple[str, ...] = ()
    """Units that have to approve it, lowest first."""

    reason: str = ""
    """Why it is submitted again, where it is."""

    form: int = FORM
    """Version of the form."""


class Corrected(Submitted):
    """The enterprise answers a refusal, or a re-opened return, with a new version."""

    kind = Kind.RETURN_CORRECTED


class Withdrawn(Step):
    """The enterprise takes back what nobody has approved yet."""

    kind = Kind.RETURN_WITHDRAWN

    reason: str = ""
    """Why."""


class Reviewed(Step):
    """A level approves, or refuses with a reason by line."""

    kind = Kind.RETURN_REVIEWED

    verdict: Literal["approved", "refused"]
    """What was decided."""

    unit: str
    """Level that decided."""

    lines: dict[str, str] = {}
    """Reason by item, of a refusal."""

    reason: str = ""
    """Reason for the whole."""


class Published(Step):
    """The top level publishes what all levels have approved."""

    kind = Kind.RETURN_PUBLISHED


class Reopened(Step):
    """A level opens an approved or published return again; what was published stays so until a new version is."""

    kind = Kind.RETURN_REOPENED

    reason: str
    """Why."""


_BY_KIND: dict[Kind, type[Step]] = {
    one.kind: one for one in (Submitted, Corrected, Withdrawn, Reviewed, Published, Reopened)
}


def payload_of(step: Step, version: int) -> dict[str, Any]:
    """What the journal keeps of a step, beside when it was taken.

    Parameters
    ----------
    step : the step
    version : number of the version that it brings or is about
    """
    told = step.model_dump(mode="json", exclude={"at", "by"})
    return {**told, "by": step.by.name, "role": step.by.role, "unit_of": step.by.unit, "version": version}


def step_of(event: Recorded) -> Step:
    """The step that an event of the journal tells.

    Raises
    ------
    JournalBroken : its payload is not that of a step
    """
    told = dict(event.payload)
    try:
        by = Actor(name=told.pop("by"), role=told.pop("role"), unit=told.pop("unit_of"))
        for name in ("version", "enterprise", "period", "step"):
            told.pop(name)
        return _BY_KIND[event.kind](by=by, at=event.at, **told)
    except (KeyError, ValidationError) as error:
        raise JournalBroken(
            f"event {event.sequence} is not a step of a return: {error}", where=event.subject, fix="run `zhizao verify`"
        ) from error
