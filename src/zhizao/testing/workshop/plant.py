"""The simulated workshop: machines of a plant.yaml with their signals, faults and set-points, stepped through time.

`step` is pure stepping, the same for the same seed; `run` drives it by the clock and tells whoever follows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from zhizao.model import Plant
from zhizao.testing.workshop.machine import SET_POINTS, Job, Machine, Rates
from zhizao.testing.workshop.physics import Parameters
from zhizao.testing.workshop.signals import Change, Signal, Value

__all__ = ["FAULTS", "START_NS", "Workshop"]

FAULTS = ("tool breakage", "overheating", "jam", "sensor stuck", "silence")
START_NS = 1_735_689_600_000_000_000
"""Where the plant's own time begins: 2025-01-01 00:00 UTC."""

_S = 1_000_000_000
_US = 1000
_CATCH_UP_S = 2.0
"""Seconds that the clock may be ahead; what is beyond is let go."""


class Workshop:
    """A plant that does not exist, to be connected to.

    Parameters
    ----------
    plant : its `machines` are simulated; None or one without machines takes those of the sample plant
    seed : of everything that is drawn
    parameters : physics by machine; a machine that is not named draws its own within 15 % of the defaults
    jobs : orders by machine; None draws orders without end
    rates : faults that come by themselves
    extra : analog signals that only move, on top, spread over the machines
    scan_s : seconds of the clock between two steps of `run`
    start_ns : plant's time at the beginning

    Examples
    --------
    >>> plant = Workshop(Plant.model_validate({"machines": {"mill 1": {}}}), seed=1)
    >>> changes = plant.step(600.0)
    >>> plant.value("mill 1/state"), plant.value("mill 1/parts") > 5
    ('Executing', True)
    """

    def __init__(
        self,
        plant: Plant | None = None,
        *,
        seed: int = 0,
        parameters: Mapping[str, Parameters] | None = None,
        jobs: Mapping[str, Sequence[Job]] | None = None,
        rates: Rates | None = None,
        extra: int = 0,
        scan_s: float = 0.1,
        start_ns: int = START_NS,
    ) -> None:
        names = list(plant.machines) if plant is not None and plant.machines else _sample_machines()
        streams = np.random.default_rng(seed).spawn(len(names) + 1)
        given = dict(parameters or {})
        self.scan_s, self.now_ns, self.late_s = scan_s, start_ns, 0.0
        self.machines: dict[str, Machine] = {}
        for name, rng in zip(names, streams, strict=False):
            own = given.get(name) or _vary(rng)
            orders = (jobs or {}).get(name, ())
            self.machines[name] = Machine(name, own, rng, orders, endless=jobs is None, rates=rates)
        self._rng = streams[-1]
        self._extra = [
            Signal(f"{machine}/sensor/{number // len(names) + 1:04d}", machine, "double", "", 0.01)
            for number, machine in ((number, names[number % len(names)]) for number in range(extra))
        ]
        self._level = self._rng.standard_normal(extra)
        self.signals = (*(one for machine in self.machines.values() for one in machine.signals()), *self._extra)
        self._by_name = {signal.name: signal for signal in self.signals}
        self._values: dict[str, Value] = {}
        for machine in self.machines.values():
            for name, value in {**machine.discrete(), **machine.analog()}.items():
                self._values[f"{machine.name}/{name}"] = value
        for signal, level in zip(self._extra, self._level, strict=True):
            self._values[signal.name] = round(50 + 10 * float(level), 2)
        self._followers: list[Callable[[Sequence[Change]], None]] = []
        self._written: list[Change] = []
        self._stuck: dict[str, int] = {}
        self._silent: dict[str, int] = {}
        self._clock_ns = 0

    def set_clock(self, by_s: float) -> None:
        """Put the clock that stamps changes on, or back when below 0, as an operator or a time server does.

        Parameters
        ----------
        by_s : seconds, from the next step of `run` on
        """
        self._clock_ns += round(by_s * 1e6) * _US

    def value(self, name: str) -> Value:
        """Value as it was last told."""
        return self._values[name]

    def follow(self, changed: Callable[[Sequence[Change]], None]) -> None:
        """Be called with all changes of a step."""
        self._followers.append(changed)

    def write(self, name: str, value: Value) -> None:
        """Write a set-point; it acts from the next step on.

        Raises
        ------
        ValueError : the signal is no set-point, or the value is not one that it takes
        """
        signal = self._by_name.get(name)
        if signal is None or not signal.writable:
            raise ValueError(f'"{name}" is not a set-point; those are {", ".join(SET_POINTS)} of each machine')
        what = name.removeprefix(f"{signal.machine}/")
        low, high = SET_POINTS[what]
        if isinstance(value, str) or not low <= float(value) <= high:
            raise ValueError(f'"{name}" takes {low:g} to {high:g} {signal.unit}, not {value!r}')
        self.machines[signal.machine].put(what, float(value))
        self._values[name] = float(value)
        self._written.append((name, self.now_ns, float(value)))

    def add(self, machine: str, job: Job) -> None:
        """Put an order at the end of a machine's list."""
        self.machines[machine].jobs.append(job)

    def inject(self, fault: str, where: str, duration_s: float = 300.0) -> None:
        """Let a fault happen at the next step.

        Parameters
        ----------
        fault : one of `FAULTS`
        where : machine; the signal's name for `sensor stuck`
        duration_s : plant seconds until it is mended; overheating lasts until the machine has cooled down
        """
        until = self.now_ns + round(duration_s * _S)
        known = self._by_name if fault == "sensor stuck" else self.machines
        if fault not in FAULTS or where not in known:
            raise ValueError(f'no fault "{fault}" at "{where}"; faults are {", ".join(FAULTS)}')
        if fault == "sensor stuck":
            self._stuck[where] = until
        elif fault == "silence":
            self._silent[where] = until
        else:
            self.machines[where].fail(fault, duration_s)

    def step(self, dt_s: float) -> list[Change]:
        """Let plant time pass.

        Parameters
        ----------
        dt_s : plant seconds, above 0

        Returns
        -------
        All changes in their order in time, stamped with the plant's own time in whole microseconds.
        """
        begin, end = self.now_ns, self.now_ns + round(dt_s * 1e6) * _US
        self.now_ns = end
        changes, self._written = self._written, []
        for where in (self._stuck, self._silent):
            for name in [name for name, until in where.items() if until <= begin]:
                del where[name]
        for machine in self.machines.values():
            self._step_machine(machine, begin, end, changes)
        if self._extra:
            self._step_extra(dt_s, end, changes)
        changes.sort(key=lambda change: change[1])
        return changes

    def _step_machine(self, machine: Machine, begin: int, end: int, changes: list[Change]) -> None:
        values, stuck, prefix = self._values, self._stuck, f"{machine.name}/"
        silent = machine.name in self._silent

        def tell(name: str, at_s: float, value: Value) -> None:
            full = prefix + name
            if silent or values[full] == value or full in stuck:
                return
            values[full] = value
            changes.append((full, min(begin + round(at_s * 1e6) * _US, end), value))

        machine.work()
        for name, value in machine.discrete().items():
            tell(name, 0.0, value)
        machine.advance((end - begin) / _S, tell)

    def _step_extra(self, dt_s: float, end: int, changes: list[Change]) -> None:
        keep = float(np.exp(-dt_s / 60.0))
        self._level = keep * self._level + (1 - keep * keep) ** 0.5 * self._rng.standard_normal(len(self._level))
        values, stuck, silent = self._values, self._stuck, self._silent
        for signal, value in zip(self._extra, np.round(50 + 10 * self._level, 2).tolist(), strict=True):
            name = signal.name
            if values[name] != value and name not in stuck and signal.machine not in silent:
                values[name] = value
                changes.append((name, end, value))

    async def run(self, speed: float = 1.0, stamps: Literal["clock", "plant"] = "clock") -> None:
        """Step by the clock until cancelled, and tell whoever follows.

        Parameters
        ----------
        speed : plant seconds in a second of the clock, above 0
        stamps : `clock` stamps changes with the time at which they are shown; `plant` with the plant's own time, which
            runs away from the clock when speed is not 1
        """
        shown_ns, began = time.time_ns() // _US * _US, time.monotonic()
        steps = 0
        while True:
            steps += 1
            wait = began + steps * self.scan_s - time.monotonic()
            if wait < -_CATCH_UP_S:
                self.late_s -= wait
                began -= wait
                shown_ns += round(-wait * 1e6) * _US
                wait = 0.0
            await asyncio.sleep(max(wait, 0.0))
            before = self.now_ns
            changes = self.step(self.scan_s * speed)
            if stamps == "clock":
                origin = shown_ns + self._clock_ns
                shift = [origin + round((at - before) / speed / _US) * _US for _, at, _ in changes]
                changes = [(name, at, value) for (name, _, value), at in zip(changes, shift, strict=True)]
            shown_ns += round(self.scan_s * 1e6) * _US
            if changes:
                for follower in self._followers:
                    follower(changes)


def _sample_machines() -> list[str]:
    from zhizao.testing.sample import truth

    return [machine.name for centre in truth("messy").centres for machine in centre.machines]


def _vary(rng: np.random.Generator) -> Parameters:
    """Physics of a machine of its own, within 15 % of the defaults."""
    base = Parameters()
    names = ("cut_s", "load_s", "tool_life_s", "drift_um", "cut_load", "rise_k_kw", "tau_s")
    factors = rng.uniform(0.85, 1.15, len(names))
    return replace(
        base, **{name: getattr(base, name) * float(factor) for name, factor in zip(names, factors, strict=True)}
    )
