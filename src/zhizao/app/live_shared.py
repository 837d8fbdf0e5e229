"""One look at the machines of a workspace for all who look: what came since the last look is added, once.

Samples stay in memory for the running shift; a machine is worked out anew only when something came for it, something was
said of it, or a second has passed. While nobody looks nothing is done, and the next look takes in all that came meanwhile.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zhizao.account.shifts import ShiftRun
from zhizao.account.states import Said
from zhizao.app import live
from zhizao.app.live_kept import Kept
from zhizao.app.live_known import known_orders, stamp_of
from zhizao.app.live_said import said_of
from zhizao.app.live_signals import Wired, unheard
from zhizao.app.live_spans import declared, pick_span
from zhizao.app.live_states import MachineNow, View, machine_now, wired_machines
from zhizao.clock import now
from zhizao.errors import InputError
from zhizao.model import Plant
from zhizao.record.historian.reading import Mark, since
from zhizao.record.workspace import PLANT

if TYPE_CHECKING:
    from zhizao.record.historian import Historian

__all__ = ["Look", "Watch", "watch_of"]

_AGAIN_S = 1.0
"""After which a machine is worked out anew although nothing came: time itself passes."""


@dataclass(frozen=True, slots=True)
class Look:
    """The plant at a look.

    Parameters
    ----------
    number : counts the looks in which something is new
    view : all machines, in the running shift of the plant
    own : machines that have shifts of their own, in theirs
    changed : machines that are worked out anew
    came : whether samples came of any tag
    """

    number: int
    view: View
    own: dict[str, View]
    changed: frozenset[str]
    came: bool

    def of(self, machine: str) -> View:
        """The plant with only one machine, in its shift.

        Raises
        ------
        InputError : it does not tell its state
        """
        if machine in self.own:
            return self.own[machine]
        found = tuple(one for one in self.view.machines if one.machine == machine)
        if not found:
            raise InputError(
                f'machine "{machine[:80]}" does not tell its state',
                where="machine",
                fix=f"write one of {', '.join([one.machine for one in self.view.machines][:20])}",
                code="no_machine",
            )
        return replace(self.view, machines=found)


class Watch:
    """The running state of a workspace; `watch_of` gives the one of this process.

    Parameters
    ----------
    workspace : folder
    """

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
        self.worked = 0
        """Machines worked out since the beginning, for tests and benchmarks."""
        self._lock = threading.Lock()
        self._mark: Mark | None = None
        self._kept: Kept | None = None
        self._names: list[str] = []
        self._wired: dict[str, Wired] = {}
        self._plant = Plant()
        self._stamps: tuple[object, ...] = ()
        self._said: dict[str, list[Said]] = {}
        self._begin = -1
        self._known_begin: dict[str, int] = {}
        self._at: dict[str, float] = {}
        self._last: Look | None = None
        self._looked = 0.0

    def last(self, most_s: float = 1.0) -> Look:
        """The last look if it is not older than some seconds, else a new one.

        Raises
        ------
        InputError : nothing was measured, or no machine tells its state
        """
        found = self._last
        if found is not None and time.monotonic() - self._looked <= most_s:
            return found
        with self._lock:
            if self._last is not None and time.monotonic() - self._looked <= most_s:
                return self._last
            return self._look()

    def look(self) -> Look:
        """Take in what came since; the same number as before when nothing is new.

        Raises
        ------
        InputError : nothing was measured, or no machine tells its state
        """
        with self._lock:
            return self._look()

    def _look(self) -> Look:
        historian = live.reading(self.workspace)
        at = round(now().timestamp() * 1e6) * 1000
        touched, came = self._follow(historian)
        first, last, run = pick_span(self._plant, None, None, None, at)
        if first != self._begin and self._kept is not None:
            self._kept.forget(first, [tag for one in self._wired.values() for tag in (*one.tags, *one.links)])
            self._begin, touched = first, set(self._wired)
        due = time.monotonic() - _AGAIN_S
        wanted = [name for name in self._wired if name in touched or self._at.get(name, -1.0) <= due]
        if not wanted and self._last is not None:
            self._looked = time.monotonic()
            if came:
                self._last = replace(self._last, number=self._last.number + 1, changed=frozenset(), came=True)
            return self._last
        made, own = self._work(wanted, first, last, at)
        before = {} if self._last is None else {one.machine: one for one in self._last.view.machines}
        machines = tuple(made.get(name) or before[name] for name in self._wired)
        views = {} if self._last is None else {k: v for k, v in self._last.own.items() if k in self._known_begin}
        number = 1 if self._last is None else self._last.number + 1
        whole = View(self._plant, first, last, run, machines, True)
        self._last = Look(number, whole, views | own, frozenset(wanted), came)
        self._looked = time.monotonic()
        return self._last

    def _work(self, wanted: list[str], first: int, last: int, at: int) -> tuple[dict[str, MachineNow], dict[str, View]]:
        plant, kept = self._plant, self._kept
        assert kept is not None
        dark = unheard(live.health(self.workspace), at)
        known = known_orders(self.workspace, plant, wait=False)
        made: dict[str, MachineNow] = {}
        own: dict[str, View] = {}
        for name in wanted:
            said, one = self._said.get(name, []), self._wired[name]
            made[name] = machine_now(kept, plant, name, one, first, last, said, dark, known, True)
            begin, _, run = self._own_span(name, at)
            if begin != first:
                self._known_begin[name] = begin
                mine = machine_now(kept, plant, name, one, begin, last, said, dark, known, True)
                own[name] = View(plant, begin, last, run, (mine,), True)
            else:
                self._known_begin.pop(name, None)
            self._at[name] = time.monotonic()
            self.worked += 1
        return made, own

    def _own_span(self, machine: str, at: int) -> tuple[int, int, ShiftRun | None]:
        return pick_span(self._plant, None, None, None, at, machine)

    def _follow(self, historian: Historian) -> tuple[set[str], bool]:
        """Take in new samples, a changed plant.yaml and new statements; machines that are touched, whether samples came."""
        plant_file = Path(self.workspace) / PLANT
        stamps = (plant_file.stat().st_mtime_ns if plant_file.exists() else 0, stamp_of(self.workspace))
        mark, rows = since(historian, self._mark)
        names = historian.tags
        anew = rows is None or self._kept is None or stamps[:1] != self._stamps[:1]
        wired_before = self._wired
        if anew:
            self._plant = declared(self.workspace)
            self._kept, self._begin = Kept(historian), -1
        if anew or len(names) != len(self._names):  # a new tag may be of a machine, or make one
            self._wired, self._names = wired_machines(self._plant, historian, self.workspace), names
        touched: set[str] = set()
        if stamps != self._stamps:
            before = self._said
            self._said = said_of(self.workspace, self._plant, None)
            touched = {name for name in {*before, *self._said} if before.get(name) != self._said.get(name)}
            self._stamps = (stamps[0], stamp_of(self.workspace))
        self._mark = mark  # not before: what fails until here is taken in at the next look
        if anew or rows is None or self._kept is None:
            return set(self._wired), True
        tags = self._kept.add(names, rows)
        touched |= {name for name, one in self._wired.items() if wired_before.get(name) != one}
        touched |= {name for name, one in self._wired.items() if not tags.isdisjoint([*one.tags, *one.links])}
        return touched & set(self._wired), bool(len(rows))


_WATCHES: dict[str, Watch] = {}


def watch_of(workspace: str) -> Watch:
    """The one watch over a workspace in this process."""
    return _WATCHES.setdefault(workspace, Watch(workspace))
