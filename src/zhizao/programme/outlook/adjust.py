"""A target adjusted: what the change does to state and probability, before it is decided. A reason is required."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from zhizao.errors import InputError
from zhizao.programme.indicators.definition import Definition, Target
from zhizao.programme.outlook.judge import Judgement, judge
from zhizao.programme.outlook.track import Tracks, day_of

__all__ = ["Adjustment", "adjust"]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A decision on a target, with its effect; what a journal records.

    Parameters
    ----------
    indicator : its id
    version : of the definition that is changed
    before, after : the indicator against the old and the new target
    reason : why, as the deciders wrote it
    as_of : day whose knowledge counted
    eased : whether the new target is easier to reach
    """

    indicator: str
    version: int
    before: Judgement
    after: Judgement
    reason: str
    as_of: date
    eased: bool

    @property
    def definition(self) -> dict[str, object]:
        """The change as a row of a file of definitions, which makes the new version."""
        target = self.after.target
        row = {"year": target.year, "value": target.value, "target_set": target.target_set}
        return {"id": self.indicator, "changed_zh": self.reason, "changed_en": self.reason, "targets": [row]}


def adjust(
    definition: Definition,
    tracks: Tracks,
    *,
    year: int,
    value: float,
    reason: str,
    as_of: date,
    target_set: str = "plan2025",
) -> Adjustment:
    """The effect of another value for a target that is there.

    Parameters
    ----------
    definition : of the indicator
    tracks : its series as known on the day
    year, target_set : which target
    value : the new value
    reason : why; without one nothing is adjusted
    as_of : the day

    Raises
    ------
    InputError : without a reason, or when there is no such target, or nothing would change

    Examples
    --------
    >>> from zhizao.programme.indicators import actuals, definitions
    >>> from zhizao.programme.outlook.track import tracks_of
    >>> one, day = definitions()["IND09"], date(2026, 6, 30)
    >>> tracks = tracks_of(one, [v for v in actuals().observations if v.indicator == "IND09"], as_of=day)
    >>> found = adjust(one, tracks, year=2025, value=-28.0, reason="energy mix", as_of=day)
    >>> found.before.state.value, found.after.state.value, found.eased
    ('off_track', 'at_risk', True)
    """
    if not reason.strip():
        raise InputError("a target is not adjusted without a reason", where=definition.id, fix="write why")
    old = definition.target(target_set, year)
    if old is None:
        there = ", ".join(f"{one.target_set} {one.year}" for one in definition.targets) or "none"
        raise InputError(
            f"{definition.id} has no target of {target_set} for {year}", fix=f"targets: {there}", code="no_target"
        )
    if old.value == value:
        raise InputError(f"the target is {value:g} already", where=definition.id, fix="write another value")
    new = Target.model_validate({**old.model_dump(), "value": value})
    today = day_of(as_of)
    eased = value < old.value if definition.direction == "increase" else value > old.value
    return Adjustment(
        definition.id,
        definition.version,
        judge(definition, old, tracks, today=today),
        judge(definition, new, tracks, today=today),
        reason.strip(),
        as_of,
        eased,
    )
