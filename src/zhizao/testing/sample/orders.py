"""What the customers want and what chance does with it, drawn before the plant runs.

Each order has its own counter-based generator, keyed by the seed and the order's number, so the same seed meets the
same orders, quantities, processing noise, delays and bad pieces whatever is done on the floor (common random numbers).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhizao.testing.sample.hours import WEEK_S
from zhizao.testing.sample.truth import Machine, Product, Truth

__all__ = ["Lives", "Order", "draw_orders"]

VISITS = 3
_ORDERS, _WEEKS, _MACHINES = 0, 1 << 40, 2 << 40


def _generator(seed: int, key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([seed, key], dtype=np.uint64)))


@dataclass(frozen=True, slots=True)
class Order:
    """An order and its luck.

    Parameters
    ----------
    name : order number as in the records
    product : what is wanted
    quantity : pieces
    planned_s, due_s : when it is meant to be released, when it is promised; seconds since the first Monday
    run_z, setup_z, delay_z : (operations, visits) standard normal numbers
    piece_u : (operations, visits, pieces) uniform numbers that decide which pieces turn out bad
    """

    name: str
    product: Product
    quantity: int
    planned_s: int
    due_s: int
    run_z: NDArray[np.float64]
    setup_z: NDArray[np.float64]
    delay_z: NDArray[np.float64]
    piece_u: NDArray[np.float64]


def draw_orders(truth: Truth, *, seed: int, weeks: int) -> list[Order]:
    """Orders of some weeks, by release.

    Parameters
    ----------
    truth : the plant
    seed : >= 0
    weeks : >= 1
    """
    shares = np.cumsum([product.share for product in truth.products])
    splits = np.cumsum([wave.share for wave in truth.waves])
    size = (len(truth.operations), VISITS)
    orders = []
    for week in range(weeks):
        z = float(_generator(seed, _WEEKS + week).standard_normal())
        count = max(round(truth.orders_per_week + truth.orders_spread * z), 0)
        for number in range(count):
            luck = _generator(seed, _ORDERS + week * 1000 + number)
            pick, split, lead = luck.random(3)
            product = truth.products[int(np.searchsorted(shares, pick * shares[-1]))]
            wave = truth.waves[int(np.searchsorted(splits, split * splits[-1]))]
            wanted = product.quantity * math.exp(truth.quantity_sigma * luck.standard_normal())
            quantity = min(max(round(wanted), 2), 200)
            planned = week * WEEK_S + round(((wave.weekday - 1) * 24 + wave.hour) * 3600)
            days = truth.lead_days[0] + lead * (truth.lead_days[1] - truth.lead_days[0])
            due = (planned // 86_400 + round(days)) * 86_400 + 18 * 3600
            noise = luck.standard_normal((3, *size))
            orders.append(
                Order(
                    name=f"MO{week + 1:02d}{number + 1:03d}",
                    product=product,
                    quantity=quantity,
                    planned_s=planned,
                    due_s=due,
                    run_z=noise[0],
                    setup_z=noise[1],
                    delay_z=noise[2],
                    piece_u=luck.random((*size, quantity)),
                )
            )
    return sorted(orders, key=lambda order: (order.planned_s, order.name))


class Lives:
    """How long a machine runs until it next breaks down, and how long the repair takes, one life after another."""

    def __init__(self, machine: Machine, *, seed: int, index: int) -> None:
        self._machine = machine
        self._luck = _generator(seed, _MACHINES + index)

    def next(self) -> tuple[int, int]:
        """Busy seconds of the next life and seconds of the repair that ends it."""
        life = float(self._luck.weibull(self._machine.life_shape)) * self._machine.life_h
        repair = self._machine.repair_h * math.exp(self._machine.repair_sigma * float(self._luck.standard_normal()))
        return max(round(life * 3600), 60), max(round(repair * 3600), 60)
