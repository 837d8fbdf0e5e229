"""States of the plant behind commands, routes and pages: machines over a time, with their figures and stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from zhizao.account.oee import OeeParts, oee_parts, sum_parts
from zhizao.account.shifts import ShiftRun, machine_calendar
from zhizao.account.states import STATES, Said, Timeline, Told, timeline
from zhizao.account.stops import Stop, stops
from zhizao.app import live
from zhizao.app.live_known import Known, known_orders
from zhizao.app.live_said import said_of
from zhizao.app.live_signals import Reader, Wired, told_of, unheard, wired
from zhizao.app.live_spans import DAY_NS, declared, pick_span
from zhizao.clock import now
from zhizao.errors import InputError
from zhizao.model import Machine, Plant
from zhizao.model.state import READY_MAPS

if TYPE_CHECKING:
    from zhizao.record.historian import Historian

__all__ = ["MachineNow", "View", "machine_now", "view", "wired_machines"]


@dataclass(frozen=True, slots=True)
class MachineNow:
    """One machine over the time of a view.

    Parameters
    ----------
    machine : its id
    line, told : states and signals
    parts : sums behind its figures
    stops : in the order of time
    """

    machine: str
    line: Timeline
    told: Told
    parts: OeeParts
    stops: list[Stop]

    @property
    def state(self) -> str:
        """What it is doing at the end."""
        return str(STATES[self.line.state[-1]].value) if len(self.line) else "silent"

    @property
    def since(self) -> int:
        """Nanoseconds since when, as far back as the view goes."""
        state = self.line.state
        other = np.flatnonzero(state != state[-1])
        return int(self.line.end[other[-1]]) if len(other) else int(self.line.start[0])

    @property
    def order(self) -> str:
        """Order that is registered at the end; "" for none."""
        return self.line.orders[self.line.order[-1]] if len(self.line) and self.line.order[-1] >= 0 else ""


@dataclass(frozen=True, slots=True)
class View:
    """The plant over a time.

    Parameters
    ----------
    begin, end : nanoseconds; [begin, end), never after now
    shift : the shift that it is of; None for another time
    machines : those that tell their state
    is_now : whether it ends now
    """

    plant: Plant
    begin: int
    end: int
    shift: ShiftRun | None
    machines: tuple[MachineNow, ...]
    is_now: bool

    @property
    def whole(self) -> OeeParts:
        """Sums over the machines."""
        return sum_parts(one.parts for one in self.machines)


def view(
    workspace: str,
    *,
    machine: str | None = None,
    begin: datetime | None = None,
    end: datetime | None = None,
    shift: str | None = None,
    as_of: datetime | None = None,
) -> View:
    """States, figures and stops of the machines over a time.

    Parameters
    ----------
    workspace : folder
    machine : only this one
    begin, end, shift : see `pick_span`
    as_of : with what was said of stops until then

    Raises
    ------
    InputError : nothing was measured, no machine tells its state, or as for `pick_span`
    """
    plant, historian = declared(workspace), live.reading(workspace)
    at = round(now().timestamp() * 1e6) * 1000
    first, last, run = pick_span(plant, begin, end, shift, at, machine)
    said = said_of(workspace, plant, as_of)
    dark = unheard(live.health(workspace), at)
    found = wired_machines(plant, historian, workspace)
    if machine is not None and machine not in found:
        raise InputError(
            f'machine "{machine[:80]}" does not tell its state',
            where="machine",
            fix=f"write one of {', '.join(list(found)[:20])}",
            code="no_machine",
        )
    known = known_orders(workspace, plant)
    machines = tuple(
        machine_now(historian, plant, name, one, first, last, said.get(name, []), dark, known, last >= at)
        for name, one in found.items()
        if machine in (None, name)
    )
    return View(plant, first, last, run, machines, last >= at)


def wired_machines(plant: Plant, historian: Historian, workspace: str) -> dict[str, Wired]:
    """Machines that tell their state.

    Raises
    ------
    InputError : there are none
    """
    found = wired(plant, historian.tags)
    if not found:
        raise InputError(
            "no machine tells its state",
            where=workspace,
            fix="give a tag the role state and a machine in plant.yaml, see docs/states.md",
            code="no_states",
        )
    return found


def machine_now(
    reader: Reader,
    plant: Plant,
    name: str,
    one: Wired,
    begin: int,
    end: int,
    said: Sequence[Said],
    dark: tuple[int, int] | None,
    known: Known,
    is_now: bool,
) -> MachineNow:
    """States, figures and stops of one machine.

    Parameters
    ----------
    reader : its samples
    plant : its calendar and mapping
    name, one : the machine and its tags
    begin, end : nanoseconds
    said : what people said of its stops
    dark : time in which nobody listened
    known : orders, see `known_orders`
    is_now : whether `end` is now
    """
    thing = plant.machines.get(name, Machine())
    near = [here for here in said if here.begin < end and (here.end is None or here.end > begin)]
    since = min([begin, *(max(here.begin, begin - 7 * DAY_NS) for here in near if here.end is None)])
    told = told_of(reader, one, since, end, silence_s=thing.silence_s, dark=dark)
    on, pauses = machine_calendar(plant, name, since, end)
    states = plant.state_maps.get(thing.state_map) or READY_MAPS[thing.state_map]
    line = timeline(told, states, begin, end, on_shift=on, breaks=pauses, said=near)
    cycles = {order: cycle for order, (cycle, _, _) in known.items() if cycle is not None}
    parts = oee_parts(line, told, cycles, thing.cycle_s)
    found = stops(line, name, micro_s=thing.micro_stop_s, now=end if is_now else None)
    return MachineNow(name, line, told, parts, found)
