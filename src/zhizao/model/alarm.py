"""Alarms as plant.yaml declares them: condition, limit, delays, priority, what to do, and who is told when nobody acts.

The words are those of ISA-18.2-2016 and IEC 62682:2022; the fields that have to do with nuisance (deadband, on and off
delay) and with handling (latching, suppression) are those of OPC UA Part 9.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from zhizao.model.noun import Noun

__all__ = ["PRIORITIES", "AlarmCard", "Chain", "Condition", "Severity", "Step", "When"]

PRIORITIES = (1, 2, 3, 4)
"""1 urgent, 2 high, 3 medium, 4 low."""


class Condition(StrEnum):
    """What makes an alarm (OPC UA Part 9, 5.8: limit, deviation, rate of change, discrete alarms)."""

    HIGH_HIGH = "high-high"
    HIGH = "high"
    LOW = "low"
    LOW_LOW = "low-low"
    DEVIATION = "deviation"
    """Further than `limit` from `set_point`, on either side."""
    RATE = "rate"
    """Changes faster than `limit` units a minute, up or down."""
    DISCRETE = "discrete"
    """The value is `limit`; 1 where none is given."""
    TEXT = "text"
    """The text is one of `texts`; any text that is not empty where none is given."""
    SILENT = "silent"
    """No good value for `on_delay_s`."""


class Severity(StrEnum):
    """How bad it is when nobody responds."""

    MINOR = "minor"
    MAJOR = "major"
    SEVERE = "severe"


_MATRIX: dict[Severity, tuple[int, int, int]] = {
    Severity.SEVERE: (1, 2, 3),
    Severity.MAJOR: (2, 3, 4),
    Severity.MINOR: (3, 4, 4),
}
_RESPOND_MIN = (3.0, 15.0)


class When(Noun):
    """A condition on another signal, in which the plant expects the alarm: it is suppressed by design."""

    tag: str = Field(min_length=1)
    """Signal that is looked at."""

    above: float | None = None
    """It holds while the value is greater."""

    below: float | None = None
    """It holds while the value is less."""

    texts: tuple[str, ...] = ()
    """It holds while the text is one of these."""

    @model_validator(mode="after")
    def _one(self) -> When:
        if (self.above is not None) + (self.below is not None) + bool(self.texts) != 1:
            raise ValueError('suppressed_when needs one of "above", "below" and "texts"; write exactly one')
        return self


class AlarmCard(Noun):
    """One alarm, as the rationalisation of ISA-18.2 clause 9 records it.

    Examples
    --------
    >>> card = AlarmCard(tag="mill 1/temperature", condition="high", limit=70, deadband=1, severity="major", respond_min=10)
    >>> card.rank
    3
    """

    tag: str = Field(min_length=1, max_length=400)
    """Signal that it watches."""

    condition: Condition
    """What makes it."""

    limit: float | None = None
    """In the unit of the signal; for `rate` units a minute; for `discrete` the value that alarms."""

    set_point: float | None = None
    """For `deviation`: what is wanted."""

    texts: tuple[str, ...] = ()
    """For `text`: what alarms."""

    unit: str = ""
    """Unit of limit and deadband; the tag's own when empty."""

    deadband: float = Field(default=0.0, ge=0)
    """How far back behind the limit the value must go before the alarm clears."""

    on_delay_s: float = Field(default=0.0, ge=0, le=86_400)
    """Seconds that the condition must hold before the alarm is raised."""

    off_delay_s: float = Field(default=0.0, ge=0, le=86_400)
    """Seconds that it must be gone before the alarm clears."""

    latching: bool = False
    """Stays after the condition has gone, until somebody resets it."""

    priority: int | None = Field(default=None, ge=1, le=4)
    """1 urgent to 4 low; from severity and time to respond when absent."""

    severity: Severity = Severity.MINOR
    """What follows when nobody responds."""

    respond_min: float = Field(default=30.0, gt=0)
    """Minutes in which somebody can still do something about it."""

    group: str = ""
    """Class of the alarm (ISA-18.2: alarm class), such as safety or quality."""

    consequence: str = Field(default="", max_length=500)
    """What happens when nobody responds, in words."""

    response: str = Field(default="", max_length=500)
    """What the operator does; an alarm without a response is none (ISA-18.2, 3.1.7)."""

    suppressed_when: When | None = None
    """When it is to be expected."""

    escalation: str = ""
    """Name of its chain among `escalations`."""

    machine: str = ""
    """Id of the machine that it tells of; the tag's own when empty."""

    @property
    def rank(self) -> int:
        """Priority, given or from the matrix of severity and time to respond (3 min, 15 min)."""
        if self.priority is not None:
            return self.priority
        column = sum(self.respond_min > edge for edge in _RESPOND_MIN)
        return _MATRIX[self.severity][column]

    @model_validator(mode="after")
    def _whole(self) -> AlarmCard:
        kind = self.condition
        if kind not in (Condition.DISCRETE, Condition.TEXT, Condition.SILENT) and self.limit is None:
            raise ValueError(f"an alarm of condition {kind} has no limit; write limit")
        if kind is Condition.RATE and self.limit is not None and self.limit <= 0:
            raise ValueError(f"the limit of a rate is {self.limit:g} units a minute; write one above 0")
        if kind is Condition.DEVIATION and (self.set_point is None or (self.limit or 0) <= 0):
            raise ValueError("a deviation needs set_point and a limit above 0; write both")
        if kind is Condition.SILENT and self.on_delay_s <= 0:
            raise ValueError("a silent alarm needs on_delay_s, the seconds without a good value; write it")
        if kind in (Condition.DISCRETE, Condition.TEXT, Condition.SILENT) and self.deadband:
            raise ValueError(f"an alarm of condition {kind} has no deadband; take it out")
        if kind is Condition.DEVIATION and self.limit is not None and self.deadband >= self.limit:
            raise ValueError(
                f"deadband {self.deadband:g} is not less than the limit {self.limit:g}; it would never clear"
            )
        return self


class Step(Noun):
    """One step of an escalation chain."""

    after_min: float = Field(ge=0, le=10_080)
    """Minutes after the alarm was raised, if nobody has acknowledged it by then."""

    to: str = Field(min_length=3)
    """Mail address, or name of one of `webhooks`."""


class Chain(Noun):
    """Who is told when an alarm is not acknowledged."""

    steps: tuple[Step, ...] = Field(min_length=1)
    """In the order of time."""

    priorities: tuple[int, ...] = PRIORITIES
    """Only alarms of these priorities."""

    quiet: tuple[float, float] | None = None
    """From and to in hours of local time, over midnight too: only urgent alarms (priority 1) are told in it."""

    @model_validator(mode="after")
    def _ordered(self) -> Chain:
        times = [step.after_min for step in self.steps]
        if times != sorted(times):
            raise ValueError("the steps of a chain are not in the order of time; sort them by after_min")
        if self.quiet is not None and not all(0 <= hour <= 24 for hour in self.quiet):
            raise ValueError("quiet hours lie between 0 and 24; write [22, 6]")
        return self

    def is_quiet(self, hour: float) -> bool:
        """Whether an hour of the day is a quiet one.

        Examples
        --------
        >>> chain = Chain(steps=({"after_min": 5, "to": "shift"},), quiet=(22, 6))
        >>> chain.is_quiet(23.5), chain.is_quiet(6.0)
        (True, False)
        """
        if self.quiet is None:
            return False
        begin, end = self.quiet
        return begin <= hour < end if begin <= end else hour >= begin or hour < end
