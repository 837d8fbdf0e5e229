"""What a machine can be doing, how its signals say so, and why it stood still: one state set for all machines.

Mappings are ordered rules from what a controller tells (state, mode, whether an order is registered) to the state set;
ready-made ones are there for OPC UA for Machinery, PackML and MTConnect. Reasons of stops are a tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field, model_validator

from zhizao.model.noun import Noun

__all__ = ["READY_MAPS", "REASONS", "Reason", "State", "StateMap", "StateRule", "reasons_of"]


class State(StrEnum):
    """What a machine is doing; exactly one at any time."""

    PRODUCING = "producing"
    """Value is added (ISO 22400-2: APT)."""
    SETUP = "setup"
    """It is set up for an order (AUST)."""
    IDLE = "idle"
    """Ready, and nothing is asked of it (ADOT; ADET where an order is registered)."""
    STOPPED = "stopped"
    """It stands in the middle of work (ADET; ADOT without an order)."""
    DOWN = "down"
    """It is broken (ADET; ADOT without an order)."""
    PLANNED = "planned"
    """Break, maintenance: planned down time, outside planned busy time."""
    OFF = "off"
    """Off shift, outside planned busy time."""
    SILENT = "silent"
    """On shift, and nobody knows: bad quality, no communication, nobody listened."""


class StateRule(Noun):
    """One rule: where everything that it asks for holds, the machine is in that state."""

    state: tuple[str, ...] = ()
    """Values of the state signal, case and blanks ignored; numbers as text; empty for any."""

    mode: tuple[str, ...] = ()
    """Values of the mode signal; empty for any."""

    above: float | None = None
    """The state signal is a number above this."""

    below: float | None = None
    """The state signal is a number below this."""

    order: bool | None = None
    """Whether an order is registered; either when absent."""

    becomes: State
    """State of the machine."""


class StateMap(Noun):
    """Rules in their order; the first that fits holds."""

    rules: tuple[StateRule, ...] = ()
    """From what the signals tell to a state."""

    otherwise: State = State.SILENT
    """Where no rule fits; silent, so that an unknown word is seen rather than counted."""

    def of(self, state: str, mode: str = "", *, order: bool | None = None) -> State:
        """State that signals mean.

        Parameters
        ----------
        state, mode : as the signals tell them; numbers as text
        order : whether one is registered; None where no signal tells

        Examples
        --------
        >>> READY_MAPS["packml"].of("Execute"), READY_MAPS["packml"].of("Aborted")
        (<State.PRODUCING: 'producing'>, <State.DOWN: 'down'>)
        >>> READY_MAPS["machinery"].of("NotExecuting", "None", order=True)
        <State.STOPPED: 'stopped'>
        """
        try:
            number: float | None = float(state)
        except ValueError:
            number = None
        told, how = _plain(state), _plain(mode)
        for rule in self.rules:
            if rule.state and told not in {_plain(one) for one in rule.state}:
                continue
            if rule.mode and how not in {_plain(one) for one in rule.mode}:
                continue
            if rule.above is not None and (number is None or not number > rule.above):
                continue
            if rule.below is not None and (number is None or not number < rule.below):
                continue
            if rule.order is not None and order is not rule.order:
                continue
            return rule.becomes
        return self.otherwise


def _plain(text: str) -> str:
    return "".join(text.split()).replace("_", "").replace("-", "").lower()


def _rules(*rows: tuple[str, str, bool | None, State]) -> StateMap:
    return StateMap(
        rules=tuple(
            StateRule(state=tuple(state.split()), mode=tuple(mode.split()), order=order, becomes=becomes)
            for state, mode, order, becomes in rows
        )
    )


_STANDING = "NotExecuting NotAvailable 0 2"
"""MachineryItemState by name, and by number: NotAvailable 0, OutOfService 1, NotExecuting 2, Executing 3."""

READY_MAPS: Mapping[str, StateMap] = {
    # OPC 40501-1 C.2.3 and OPC 40001-1 table 68: state, mode and whether an order is registered
    "machinery": _rules(
        ("Executing 3", "Setup 2", None, State.SETUP),
        ("Executing 3", "Maintenance 1", None, State.PLANNED),
        ("Executing 3", "", None, State.PRODUCING),
        ("OutOfService 1", "", None, State.DOWN),
        (_STANDING, "Maintenance 1", None, State.PLANNED),
        (_STANDING, "Setup 2", None, State.SETUP),
        (_STANDING, "", True, State.STOPPED),
        (_STANDING, "", None, State.IDLE),
    ),
    # ISA-TR88.00.02 state model by name and by StateCurrent
    "packml": _rules(
        ("Execute Completing 6 16", "Production 1", None, State.PRODUCING),
        ("Execute Completing 6 16", "Maintenance 2", None, State.PLANNED),
        ("Execute Completing 6 16", "Manual 3", None, State.SETUP),
        ("Execute Completing 6 16", "", None, State.PRODUCING),
        ("Starting Resetting 3 15", "", None, State.SETUP),
        ("Aborted Aborting Clearing 8 9 1", "", None, State.DOWN),
        ("Held Holding Unholding Suspended Suspending Unsuspending 10 11 12 13 14 5", "", None, State.STOPPED),
        ("Stopped Stopping 2 7", "", True, State.STOPPED),
        ("Stopped Stopping Idle Complete Completed 2 7 4 17", "", None, State.IDLE),
    ),
    # MTConnect Execution, with FunctionalMode as the mode
    "mtconnect": _rules(
        ("ACTIVE", "SETUP TEARDOWN", None, State.SETUP),
        ("ACTIVE", "MAINTENANCE PROCESS_DEVELOPMENT", None, State.PLANNED),
        ("ACTIVE", "", None, State.PRODUCING),
        ("", "SETUP TEARDOWN", None, State.SETUP),
        ("", "MAINTENANCE PROCESS_DEVELOPMENT", None, State.PLANNED),
        ("UNAVAILABLE", "", None, State.SILENT),
        (
            "INTERRUPTED FEED_HOLD STOPPED OPTIONAL_STOP PROGRAM_STOPPED PROGRAM_OPTIONAL_STOP WAIT",
            "",
            None,
            State.STOPPED,
        ),
        ("READY PROGRAM_COMPLETED", "", True, State.STOPPED),
        ("READY PROGRAM_COMPLETED", "", None, State.IDLE),
    ),
    # zhizao workshop: a tool change is a stop, a fault is told as OutOfService
    "workshop": _rules(
        ("Executing", "", None, State.PRODUCING),
        ("NotExecuting", "Setup", None, State.SETUP),
        ("NotExecuting", "Maintenance", None, State.STOPPED),
        ("OutOfService", "", None, State.DOWN),
        ("NotExecuting NotAvailable", "", None, State.IDLE),
    ),
}
"""Mappings that a machine may name; those of `state_maps` in plant.yaml come first."""


class Reason(Noun):
    """Why a machine stood still."""

    zh: str = Field(default="", max_length=80)
    """Name in Chinese."""

    en: str = Field(default="", max_length=80)
    """Name in English."""

    parent: str | None = None
    """Reason that it is a part of."""

    becomes: State | None = None
    """State that such a stop is counted as; as it was when absent."""

    @model_validator(mode="after")
    def _no_such_state(self) -> Reason:
        if self.becomes in (State.PRODUCING, State.OFF, State.SILENT):
            raise ValueError(
                f'a stop cannot become "{self.becomes}"; write setup, idle, stopped, down or planned, or leave it out'
            )
        return self


REASONS: Mapping[str, Reason] = {
    "fault": Reason(zh="故障", en="Breakdown", becomes=State.DOWN),
    "mechanical": Reason(zh="机械故障", en="Mechanical", parent="fault", becomes=State.DOWN),
    "electrical": Reason(zh="电气故障", en="Electrical", parent="fault", becomes=State.DOWN),
    "tool": Reason(zh="刀具", en="Tool", parent="fault", becomes=State.DOWN),
    "jam": Reason(zh="卡料", en="Jam", parent="fault", becomes=State.DOWN),
    "waiting": Reason(zh="等待", en="Waiting"),
    "material": Reason(zh="缺料", en="No material", parent="waiting", becomes=State.STOPPED),
    "people": Reason(zh="缺人", en="Nobody there", parent="waiting", becomes=State.STOPPED),
    "no_order": Reason(zh="无订单", en="No order", parent="waiting", becomes=State.IDLE),
    "quality": Reason(zh="质量问题", en="Quality", parent="waiting", becomes=State.STOPPED),
    "changeover": Reason(zh="换型", en="Changeover", becomes=State.SETUP),
    "upkeep": Reason(zh="计划保养", en="Planned maintenance", becomes=State.PLANNED),
    "meeting": Reason(zh="班会、培训", en="Meeting, training", becomes=State.PLANNED),
    "other": Reason(zh="其他", en="Other"),
}
"""Reasons where plant.yaml declares none."""


def reasons_of(declared: Mapping[str, Reason]) -> Mapping[str, Reason]:
    """Reasons of a plant: its own, or the default tree."""
    return declared or REASONS
