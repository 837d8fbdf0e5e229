"""The life of one alarm: the states and transitions of ISA-18.2-2016, figure 3 (IEC 62682:2022, 5.2), as a table.

The letters are those of the figure. Shelved (G), suppressed by design (H) and out of service (I) lie over the process
states: what the process does meanwhile is followed, and when the last of them ends the alarm is normal or stands anew
and unacknowledged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from zhizao.errors import NotAllowed

__all__ = ["HELD", "TABLE", "Act", "Life", "State", "step"]


class State(StrEnum):
    """Where an alarm is."""

    NORMAL = "normal"
    """A."""
    UNACKED = "unacked"
    """B: active, nobody has acknowledged it."""
    ACKED = "acked"
    """C: active, acknowledged."""
    RTN_UNACKED = "rtn-unacked"
    """D: returned to normal before somebody acknowledged it."""
    LATCHED_UNACKED = "latched-unacked"
    """E: returned to normal, stays until it is acknowledged and reset."""
    LATCHED_ACKED = "latched-acked"
    """F: returned to normal and acknowledged, stays until it is reset."""
    SHELVED = "shelved"
    """G: put aside by a person, for a time."""
    SUPPRESSED = "suppressed"
    """H: by design, since the plant expects it now."""
    OUT_OF_SERVICE = "out-of-service"
    """I: switched off, for maintenance."""


class Act(StrEnum):
    """What happens to an alarm."""

    RAISE = "raise"
    CLEAR = "clear"
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    REMOVE = "remove"
    RETURN = "return"


TABLE: dict[tuple[State, Act], State] = {
    (State.NORMAL, Act.RAISE): State.UNACKED,
    (State.RTN_UNACKED, Act.RAISE): State.UNACKED,
    (State.LATCHED_UNACKED, Act.RAISE): State.UNACKED,
    (State.LATCHED_ACKED, Act.RAISE): State.UNACKED,
    (State.UNACKED, Act.CLEAR): State.RTN_UNACKED,
    (State.ACKED, Act.CLEAR): State.NORMAL,
    (State.UNACKED, Act.ACKNOWLEDGE): State.ACKED,
    (State.RTN_UNACKED, Act.ACKNOWLEDGE): State.NORMAL,
    (State.LATCHED_UNACKED, Act.ACKNOWLEDGE): State.LATCHED_ACKED,
    (State.LATCHED_UNACKED, Act.RESET): State.RTN_UNACKED,
    (State.LATCHED_ACKED, Act.RESET): State.NORMAL,
}
"""Process states; a latching alarm that clears goes to `_LATCHED` instead."""

_LATCHED = {State.UNACKED: State.LATCHED_UNACKED, State.ACKED: State.LATCHED_ACKED}
HELD = (State.OUT_OF_SERVICE, State.SUPPRESSED, State.SHELVED)
"""States over the process, the strongest first: it is the one that is shown."""
_IN = {Act.SHELVE: State.SHELVED, Act.SUPPRESS: State.SUPPRESSED, Act.REMOVE: State.OUT_OF_SERVICE}
_OUT = {Act.UNSHELVE: State.SHELVED, Act.UNSUPPRESS: State.SUPPRESSED, Act.RETURN: State.OUT_OF_SERVICE}


@dataclass(frozen=True, slots=True)
class Life:
    """An alarm at one time.

    Parameters
    ----------
    process : state A to F, as it would be without what lies over it
    active : whether the condition stands
    held : which of shelved, suppressed and out of service lie over it
    latching : whether it stays until it is reset
    """

    process: State = State.NORMAL
    active: bool = False
    held: frozenset[State] = frozenset()
    latching: bool = False

    @property
    def state(self) -> State:
        """State that is shown."""
        return next((one for one in HELD if one in self.held), self.process)

    @property
    def unacked(self) -> bool:
        """Whether somebody has to acknowledge it."""
        return self.state in (State.UNACKED, State.RTN_UNACKED, State.LATCHED_UNACKED)


def step(life: Life, act: Act) -> Life:
    """The alarm after something happened to it.

    Parameters
    ----------
    life : before
    act : what happens; the process may tell again what is known, which changes nothing

    Raises
    ------
    NotAllowed : a person asks for what the state does not permit

    Examples
    --------
    >>> life = step(Life(), Act.RAISE)
    >>> life.state.value, step(life, Act.ACKNOWLEDGE).state.value, step(life, Act.CLEAR).state.value
    ('unacked', 'acked', 'rtn-unacked')
    >>> step(step(life, Act.SHELVE), Act.UNSHELVE).state.value
    'unacked'
    """
    if act in _IN:
        return replace(life, held=life.held | {_IN[act]}, process=State.NORMAL)
    if act in _OUT:
        if _OUT[act] not in life.held:
            raise _refused(life, act)
        left = life.held - {_OUT[act]}
        process = State.UNACKED if life.active and not left else State.NORMAL
        return replace(life, held=left, process=process)
    if act in (Act.RAISE, Act.CLEAR):
        on = act is Act.RAISE
        if on == life.active:
            return life
        if life.held:
            return replace(life, active=on)
        after = TABLE[life.process, act]
        if not on and life.latching:
            after = _LATCHED[life.process]
        return replace(life, active=on, process=after)
    if life.held or (life.process, act) not in TABLE:
        raise _refused(life, act)
    return replace(life, process=TABLE[life.process, act])


def _refused(life: Life, act: Act) -> NotAllowed:
    return NotAllowed(
        f"an alarm that is {life.state} cannot be taken through {act}",
        fix="look at the list again: somebody else may have acted, or the alarm has gone",
        code="alarm_state",
    )
