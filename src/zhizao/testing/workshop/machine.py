"""One simulated machine: what it is doing, until when, and what comes next; events happen at their exact time.

Its states and modes carry the names that OPC UA for Machinery gives them (MachineryItemState, MachineryOperationMode).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import inf, log

import numpy as np

from zhizao.testing.workshop.physics import (
    Parameters,
    cut_s,
    dimension_mm,
    end_c,
    is_scrap,
    load,
    power_kw,
    temperature_c,
    wear_rate,
)
from zhizao.testing.workshop.signals import Signal, Value

__all__ = ["MODES", "STATES", "Job", "Machine", "Rates"]

STATES = ("NotAvailable", "OutOfService", "NotExecuting", "Executing")
MODES = ("None", "Maintenance", "Setup", "Processing")

_PHASES = {
    "idle": ("NotExecuting", "None"),
    "setup": ("NotExecuting", "Setup"),
    "change": ("NotExecuting", "Maintenance"),
    "load": ("Executing", "Processing"),
    "cut": ("Executing", "Processing"),
    "down": ("OutOfService", "Maintenance"),
}

_SIGNALS: tuple[tuple[str, str, str, float | None, bool], ...] = (
    ("state", "text", "", None, False),
    ("mode", "text", "", None, False),
    ("order", "text", "", None, False),
    ("parts", "int", "", None, False),
    ("scrap", "int", "", None, False),
    ("left in order", "int", "", None, False),
    ("cycle time", "double", "s", 0.1, False),
    ("spindle/load", "double", "%", 0.1, False),
    ("temperature", "double", "degC", 0.1, False),
    ("power", "double", "kW", 0.01, False),
    ("energy", "double", "kWh", 0.001, False),
    ("tool/wear", "double", "%", 0.1, False),
    ("part/dimension", "double", "mm", 0.001, False),
    ("feed override", "double", "%", 1.0, True),
    ("coolant", "double", "%", 1.0, True),
    ("alarm/active", "bool", "", None, False),
    ("alarm/text", "text", "", None, False),
)

_LONGEST_S = 5.0
"""Seconds of cutting after which power is reckoned anew with the wear of the tool."""

SET_POINTS: dict[str, tuple[float, float]] = {"feed override": (50.0, 150.0), "coolant": (0.0, 100.0)}
"""Set-points with the least and the greatest value that they take."""


@dataclass(frozen=True, slots=True)
class Job:
    """An order at a machine.

    Parameters
    ----------
    order : its number
    quantity : good pieces that are wanted
    cut_s : seconds of cutting at 100 %; None takes the machine's own
    """

    order: str
    quantity: int
    cut_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """Faults that come by themselves; none by default.

    Parameters
    ----------
    jam : probability of a jam at each piece, 0 to 1
    jam_s : mean seconds that a jam takes to clear (exponential)
    breakage : probability that a worn out tool breaks in a piece; falls with the cube of wear
    repair_s : seconds of repair after a broken tool
    """

    jam: float = 0.0
    jam_s: float = 120.0
    breakage: float = 0.0
    repair_s: float = 600.0


Tell = Callable[[str, float, Value], None]
"""Called with the signal within the machine, seconds since the step began, and the value."""


class Machine:
    """A machine that works off its job list.

    Parameters
    ----------
    name : id in plant.yaml
    given : its physics
    rng : draws noise and chance
    jobs : orders in the order in which they are worked
    endless : draw a new order when the list is empty
    rates : faults that come by themselves
    """

    def __init__(
        self,
        name: str,
        given: Parameters,
        rng: np.random.Generator,
        jobs: Iterable[Job] = (),
        *,
        endless: bool = True,
        rates: Rates | None = None,
    ) -> None:
        self.name, self.given, self.jobs = name, given, deque(jobs)
        self._rng, self._endless, self._rates = rng, endless, rates or Rates()
        self._job: Job | None = None
        self._cut = given
        self._drawn = 0
        self.phase, self._left = "idle", inf
        """What it does, and seconds until that ends (of cutting: at 100 %)."""
        self._breaks = inf
        self._cycle, self._cycle_s, self._stretch = 0.0, 0.0, 1.0
        self.parts = self.scrap = self._good = 0
        self.override = self.coolant = 1.0
        self.wear = float(rng.uniform(0.0, 0.5))
        self.temperature = given.ambient_c
        self.energy_kwh = 0.0
        self.dimension = given.nominal_mm
        self.blocked, self._blocked_s = 1.0, 0.0
        self.alarm = ""

    def signals(self) -> list[Signal]:
        """What it tells."""
        return [
            Signal(f"{self.name}/{name}", self.name, kind, unit, resolution, writable)  # type: ignore[arg-type]
            for name, kind, unit, resolution, writable in _SIGNALS
        ]

    def advance(self, dt_s: float, tell: Tell) -> None:
        """Let time pass.

        Parameters
        ----------
        dt_s : seconds, above 0
        tell : is told what changed and when
        """
        done = 0.0
        while True:
            step = min(dt_s - done, self._until())
            self._pass(step)
            done += step
            if done >= dt_s - 1e-9:
                break
            self._event(done, tell)
        self._tell_analog(dt_s, tell)

    def put(self, name: str, value: float) -> None:
        """Take a set-point; its range is checked by whoever calls."""
        if name == "feed override":
            self.override = value / 100
        else:
            self.coolant = value / 100

    def fail(self, kind: str, duration_s: float) -> None:
        """Let a fault happen now: `tool breakage`, `jam` or `overheating` (its cooling fails)."""
        if kind == "overheating":
            self.blocked, self._blocked_s = 3.5, duration_s
        elif kind == "tool breakage":
            self._breaks, self.alarm = inf, "tool broken"
            self._stop(duration_s)
        else:
            self.alarm = "jam"
            self._stop(duration_s)

    def discrete(self) -> dict[str, Value]:
        """Values that change at events."""
        state, mode = _PHASES[self.phase]
        return {
            "state": state,
            "mode": mode,
            "order": self._job.order if self._job else "",
            "parts": self.parts,
            "scrap": self.scrap,
            "left in order": self._job.quantity - self._good if self._job else 0,
            "cycle time": round(self._cycle_s, 1),
            "part/dimension": round(self.dimension, 3),
            "feed override": self.override * 100,
            "coolant": self.coolant * 100,
            "alarm/active": bool(self.alarm),
            "alarm/text": self.alarm,
        }

    def analog(self, noise: float = 0.0) -> dict[str, Value]:
        """Values that change all the time; `noise` is of the load, in standard deviations."""
        turns = load(self.given, self.phase == "cut", self.override, self.wear) if self._turns() else 0.0
        told = max(turns + self.given.load_sigma * noise, 0.0) if turns else 0.0
        return {
            "spindle/load": round(100 * told, 1),
            "power": round(power_kw(self.given, told), 2),
            "temperature": round(self.temperature, 1),
            "energy": round(self.energy_kwh, 3),
            "tool/wear": round(100 * self.wear, 1),
        }

    def _turns(self) -> bool:
        return self.phase in ("load", "cut", "setup")

    def _power(self) -> float:
        turns = load(self.given, self.phase == "cut", self.override, self.wear) if self._turns() else 0.0
        return power_kw(self.given, turns)

    def _tell_analog(self, at_s: float, tell: Tell) -> None:
        for name, value in self.analog(float(self._rng.standard_normal())).items():
            tell(name, at_s, value)

    def _pace(self) -> float:
        return self.override / self._stretch if self.phase == "cut" else 1.0

    def _until(self) -> float:
        """Seconds until the next event."""
        ends = [self._left / self._pace(), self._breaks / self._pace() if self.phase == "cut" else inf]
        if self.phase == "cut":
            ends.append(_LONGEST_S)
        if self._blocked_s:
            ends.append(self._blocked_s)
        goal = end_c(self.given, self._power(), self.coolant, self.blocked)
        if self.alarm == "overheating":
            ends.append(_reaches(self.temperature, goal, self.given.restart_c, self.given.tau_s))
        elif self.phase != "down":
            ends.append(_reaches(self.temperature, goal, self.given.trip_c, self.given.tau_s))
        return max(min(ends), 1e-6)

    def _pass(self, step: float) -> None:
        if step <= 0:
            return
        power = self._power()
        self.energy_kwh += power * step / 3600
        goal = end_c(self.given, power, self.coolant, self.blocked)
        self.temperature = temperature_c(self.temperature, goal, step, self.given.tau_s)
        if self.phase == "cut":
            self.wear += wear_rate(self.given, self.override, self.coolant) * step
            self._breaks -= step * self._pace()
        if self.phase in ("load", "cut"):
            self._cycle += step
        self._left -= step * self._pace()
        if self._blocked_s:
            self._blocked_s = max(self._blocked_s - step, 0.0)

    def _event(self, at_s: float, tell: Tell) -> None:
        """What follows at the end of a phase, or when something goes wrong."""
        if self._blocked_s <= 1e-6:
            self.blocked, self._blocked_s = 1.0, 0.0
        if self.phase != "down" and self.temperature >= self.given.trip_c - 1e-6:
            self.alarm = "overheating"
            self._stop(inf)
        elif self.alarm == "overheating" and self.temperature <= self.given.restart_c + 1e-6:
            self._restart()
        elif self.phase == "cut" and self._breaks <= 1e-6:
            self.fail("tool breakage", self._rates.repair_s)
        elif self._left <= 1e-6:
            self._next()
        for name, value in self.discrete().items():
            tell(name, at_s, value)

    def _next(self) -> None:
        if self.phase == "down":
            self._restart()
        elif self.phase == "cut":
            self._piece()
        elif self.phase == "load":
            self._begin_cut()
        elif self.phase == "change":
            self.wear = 0.0
            self._begin_load()
        else:
            self._begin_load()

    def work(self) -> None:
        """Begin if there is something to do."""
        if self.phase == "idle":
            self._begin_order()

    def _begin_order(self) -> None:
        self._good = 0
        if not self.jobs and self._endless:
            self._drawn += 1
            own = self.given.cut_s * float(self._rng.uniform(0.7, 1.3))
            self.jobs.append(Job(f"{self.name}-{self._drawn:04d}", int(self._rng.integers(5, 31)), round(own, 1)))
        self._job = self.jobs.popleft() if self.jobs else None
        if self._job is None:
            self.phase, self._left = "idle", inf
            return
        self._cut = self.given if self._job.cut_s is None else replace(self.given, cut_s=self._job.cut_s)
        self.phase, self._left = "setup", self.given.setup_s

    def _begin_load(self) -> None:
        if self.wear >= 1.0:
            self.phase, self._left = "change", self.given.tool_change_s
            return
        sigma = self.given.cycle_sigma
        self._stretch = float(self._rng.lognormal(-sigma * sigma / 2, sigma))
        self._cycle = 0.0
        self.phase, self._left = "load", self.given.load_s * self._stretch
        if self._rng.random() < self._rates.jam:
            self.fail("jam", float(self._rng.exponential(self._rates.jam_s)) + 1.0)

    def _begin_cut(self) -> None:
        self.phase, self._left = "cut", cut_s(self._cut, 1.0)
        worn = min(self.wear, 1.5) ** 3
        breaks = self._rng.random() < self._rates.breakage * worn
        self._breaks = self._left * float(self._rng.uniform(0.1, 0.9)) if breaks else inf

    def _piece(self) -> None:
        """A piece is done: measured, counted, and the next one or the next order begins."""
        self._cycle_s = self._cycle
        self.dimension = dimension_mm(self.given, self.wear, self.temperature, float(self._rng.standard_normal()))
        self._count(is_scrap(self.given, self.dimension, float(self._rng.random())))

    def _count(self, bad: bool) -> None:
        self.parts += 1
        self.scrap += bad
        self._good += not bad
        if self._job is not None and self._good >= self._job.quantity:
            self._begin_order()
        else:
            self._begin_load()

    def _stop(self, duration_s: float) -> None:
        self.phase, self._left = "down", duration_s

    def _restart(self) -> None:
        """After a fault: what was in the machine when its tool broke is scrap."""
        broken = self.alarm == "tool broken"
        self.alarm = ""
        if self._job is None:
            self._begin_order()
        elif broken:
            self.wear = 0.0
            self._count(True)
        else:
            self._begin_load()


def _reaches(now: float, goal: float, level: float, tau_s: float) -> float:
    """Seconds until a temperature on its way to `goal` passes a level; inf if it never does."""
    if now == level or (goal - level) * (level - now) <= 0:
        return inf
    return tau_s * log((goal - now) / (goal - level))
