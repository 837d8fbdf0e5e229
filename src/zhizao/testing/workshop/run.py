"""The workshop with its end points, run together until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from typing import Protocol

from zhizao.model import Plant
from zhizao.testing.workshop.machine import Rates
from zhizao.testing.workshop.plant import Workshop
from zhizao.testing.workshop.signals import Signals

__all__ = ["EndPoint", "run_workshop", "serve_workshop"]

LIVELY = Rates(jam=0.01, breakage=0.03)
"""Faults that a demonstration shows by itself."""


class EndPoint(Protocol):
    """Something that shows the plant over a protocol."""

    async def run(self, signals: Signals) -> None:
        """Serve until cancelled."""


async def serve_workshop(workshop: Workshop, speed: float, endpoints: Sequence[EndPoint]) -> None:
    """Run a workshop and its end points; ends when one of them breaks, or when cancelled.

    Parameters
    ----------
    workshop : to be stepped by the clock
    speed : plant seconds in a second of the clock
    endpoints : each follows the workshop from its start on
    """
    async with asyncio.TaskGroup() as group:
        for endpoint in endpoints:
            group.create_task(endpoint.run(workshop), name=type(endpoint).__name__)
        group.create_task(workshop.run(speed), name="workshop")


def run_workshop(
    plant: Plant | None,
    speed: float = 1.0,
    seed: int = 0,
    endpoints: Sequence[EndPoint] = (),
    *,
    rates: Rates = LIVELY,
    extra: int = 0,
    scan_s: float = 0.1,
    told: Callable[[str], None] | None = None,
) -> None:
    """Run a plant with its end points until SIGINT or SIGTERM.

    Parameters
    ----------
    plant : its machines are simulated; None takes the sample plant's
    speed : plant seconds in a second of the clock
    seed : of everything that is drawn
    endpoints : such as `OpcuaServer()`
    rates : faults that come by themselves
    extra : analog signals on top; with 0.1 s a scan, 1,000 of them make 10,000 changes a second
    scan_s : seconds between two steps
    told : is told in a line what runs
    """
    logging.getLogger("asyncua").setLevel(logging.ERROR)
    workshop = Workshop(plant, seed=seed, rates=rates, extra=extra, scan_s=scan_s)
    if told is not None:
        told(f"{len(workshop.machines)} machines, {len(workshop.signals)} signals, speed {speed:g}")

    async def all_of_it() -> None:
        stop = asyncio.Event()
        for kind in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(kind, stop.set)
        served = asyncio.create_task(serve_workshop(workshop, speed, endpoints))
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({served, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not served.done():
            served.cancel()
        await asyncio.gather(served, return_exceptions=stop.is_set())

    asyncio.run(all_of_it())
