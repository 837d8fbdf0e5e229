"""The mechanism of a plant, learned from its records: who can do what where, how long it takes, how often it goes wrong.

Where the twin of `zhizao.decide.twin.twin` follows past orders closely, the mechanism explains them: machines that can
stand in for each other, people with skills and shifts, set-ups by what ran before, batches, breakdowns, bad pieces by
machine and person, rework behind inspections, and the queue discipline in use. It is what levers act on; how far it may
be trusted is measured in the same way, on records that it has not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from zhizao.decide.twin.mechanism.compose import Orders, compose
from zhizao.decide.twin.mechanism.defects import Defects, learn_defects
from zhizao.decide.twin.mechanism.discipline import Discipline, learn_rules
from zhizao.decide.twin.mechanism.machines import Wear, batches, capacities, learn_wear
from zhizao.decide.twin.mechanism.people import Posts, posts_of
from zhizao.decide.twin.mechanism.routes import loops
from zhizao.decide.twin.mechanism.scene import Scene
from zhizao.decide.twin.mechanism.times import Delays, Setups, Times, learn_delays, learn_setups, learn_times
from zhizao.decide.twin.mechanism.visits import Visits, visits_of
from zhizao.decide.twin.mechanism.week import hours_on
from zhizao.decide.twin.records import Past, past_of, to_clock
from zhizao.decide.twin.shop import Floats, Ints
from zhizao.errors import InputError
from zhizao.model import Plant, WorkLog

__all__ = ["Mechanism"]

_LEAST_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Mechanism:
    """What was learned.

    Parameters
    ----------
    past, visits : records
    pieces : (V,) pieces worked on
    can : (O, M) operations that a machine does
    times, setups, delays : how long
    defects : how often bad, and what becomes of it
    posts : people
    discipline : dispatch rule in use at each machine
    capacity, batch : (M,) orders at once; of one operation as one lot
    wear : breakdowns by machine
    again : what is done when an operation is done again
    """

    past: Past
    visits: Visits
    pieces: Floats
    can: np.ndarray
    times: Times
    setups: Setups
    delays: Delays
    defects: Defects
    posts: Posts
    discipline: Discipline
    capacity: Ints
    batch: Ints
    wear: tuple[Wear | None, ...]
    again: dict[int, tuple[int, ...]]

    @classmethod
    def fit(cls, log: WorkLog, *, until: datetime | None = None, plant: Plant | None = None) -> Mechanism:
        """Learn the mechanism from a work log.

        Parameters
        ----------
        log : records
        until : nothing later is looked at
        plant : calendars and capacities that the user declares

        Raises
        ------
        InputError : when the records name neither machines nor people
        """
        past = past_of(log, until)
        declared = _declared_hours(past, plant)
        visits = visits_of(past, declared)
        visits = visits_of(past, declared, _waits(visits, past))
        if not visits.machines:
            raise InputError("the records name neither machines nor people", fix="map a column to machine or person")
        operations, machines = len(visits.operations), len(visits.machines)
        told = np.nan_to_num(visits.good) + np.nan_to_num(visits.scrap) + np.nan_to_num(visits.again)
        ordered = past.quantity[visits.case]
        pieces = np.where(told > 0, told, np.where(ordered > 0, ordered, 1.0))
        product = past.product[visits.case]
        times = learn_times(visits, product, len(past.products), pieces)
        before_end, before_op = before_of(visits)
        known = np.isfinite(past.released_s)
        delays = learn_delays(visits, past.released_s[visits.case], before_end, before_op)
        n = np.zeros((operations, machines))
        np.add.at(n, (visits.operation, visits.machine), 1.0)
        can = (n >= 3) & (n >= _LEAST_SHARE * n.sum(axis=1, keepdims=True))
        can |= n == n.max(axis=1, keepdims=True)
        can &= n > 0
        row = np.where(before_op >= 0, before_op, operations)
        ready = np.where(before_op >= 0, before_end, past.released_s[visits.case])
        ready = ready + delays.median_s[row, visits.operation]
        expected = _expected(times, visits, product, len(past.products), pieces)
        setups = learn_setups(visits, product, len(past.products))
        what = np.where(product < 0, len(past.products), product)
        family = setups.family[visits.operation, what]
        discipline = learn_rules(visits, ready, past.due_s[visits.case], expected, family, can)
        defects = learn_defects(visits, product)
        del known
        batch = batches(visits)
        return cls(
            past=past,
            visits=visits,
            pieces=pieces,
            can=can,
            times=times,
            setups=setups,
            delays=delays,
            defects=defects,
            posts=posts_of(visits, defects.person),
            discipline=discipline,
            capacity=capacities(visits, batch, plant),
            batch=batch,
            wear=learn_wear(visits),
            again=loops(visits),
        )

    def calibrated(self, rng: np.random.Generator, rounds: int = 3) -> Mechanism:
        """The mechanism whose replay brings back the records' own amount of rework, scrap and unexplained waiting.

        What the parts together get wrong (people asked in another order, pieces that go bad in bunches) is taken out by
        factors on the rates and by added delays, a few rounds of simulation (stochastic approximation). Where the rule
        read from the picks, or the people read as a constraint, do not bring the recorded cycles back, and first come,
        first served or machines alone do so clearly better, those are taken.
        """
        from zhizao.decide.twin.mechanism.calibrate import best_of

        return best_of(self, rng, rounds)

    def replay_error(self, rng: np.random.Generator, runs: int = 2) -> float:
        """How far the cycles of the replayed orders are from those recorded: area between their distributions over the
        mean cycle; 0 = alike. Orders not finished by the end of the records count with their age then.
        """
        from zhizao.decide.twin.mechanism.calibrate import replay_error

        return replay_error(self, rng, runs)

    @property
    def zone(self) -> str:
        """Plant's zone."""
        return self.past.zone

    def replay(self, rng: np.random.Generator, *, start: datetime | None = None, end: datetime | None = None) -> Scene:
        """The recorded demand again: the same orders, released when they were; times and bad pieces drawn anew.

        Parameters
        ----------
        start, end : orders that came in this window; None = all
        """
        came = self._came()
        low = -np.inf if start is None else to_clock(start, self.zone)
        high = np.inf if end is None else to_clock(end, self.zone)
        cases = np.flatnonzero((came >= low) & (came < high))
        cases = cases[np.argsort(came[cases], kind="stable")]
        if not len(cases):
            raise InputError("no order came in the period", code="no_orders")
        zero = float(np.floor(came[cases[0]] / 86400.0) * 86400.0) if start is None else low
        window = self.past.until_s if end is None else high
        return compose(self, self._orders(cases, came[cases]), zero, rng, window_s=window - zero)

    def follow(self, demand: Past, rng: np.random.Generator, *, known_until_s: float) -> Scene:
        """The demand of other records of the same plant: orders as they came, routes and all else as learned here.

        Parameters
        ----------
        demand : records whose orders are made; an order finished by `known_until_s` keeps its own route, any other
            takes after a finished order of the same product and nearly the same quantity
        known_until_s : clock seconds
        """
        came = _came(demand)
        finish = demand.finish_s
        mine = {name: c for c, name in enumerate(self.past.orders)}
        code = {name: c for c, name in enumerate(self.past.products)}
        over = {name for name, at in zip(demand.orders, finish, strict=True) if at <= known_until_s}
        models = np.array([c for c, name in enumerate(self.past.orders) if name in over], np.int64)
        if not len(models):
            raise InputError("no order is finished in the first part of the records", code="short_log")
        size = np.where(self.past.quantity > 0, self.past.quantity, 1.0)
        donors = np.empty(len(demand.orders), np.int64)
        for at, name in enumerate(demand.orders):
            if name in over:
                donors[at] = mine[name]
                continue
            product = demand.products[demand.product[at]] if demand.product[at] >= 0 else None
            same = models[self.past.product[models] == code.get(product or "", -2)]
            pool = same if len(same) else models
            wanted = demand.quantity[at]
            if wanted > 0 and len(pool) > 5:
                pool = pool[np.argsort(np.abs(np.log(size[pool] / wanted)), kind="stable")[:5]]
            donors[at] = pool[rng.integers(len(pool))]
        order = np.argsort(came, kind="stable")
        zero = float(np.floor(came[order[0]] / 86400.0) * 86400.0)
        orders = Orders(
            tuple(demand.orders[c] for c in order),
            donors[order],
            came[order],
            demand.due_s[order],
            demand.quantity[order],
        )
        return compose(self, orders, zero, rng)

    def open_work(self, rng: np.random.Generator) -> Scene | None:
        """What is left to do of the orders that are open at the end of the records; None when there are none.

        An order is open when its product's orders usually go on after the operation that it has reached; what is left
        is taken from a finished order of the same product.
        """
        from zhizao.decide.twin.mechanism.backlog import open_orders

        return open_orders(self, rng)

    def _orders(self, cases: Ints, came_s: Floats, names: tuple[str, ...] | None = None) -> Orders:
        """Demand that repeats past cases, due as long after their release as then."""
        allowed = (self.past.due_s - self._came())[cases]
        return Orders(
            names or tuple(self.past.orders[c] for c in cases),
            cases,
            came_s,
            came_s + allowed,
            np.full(len(cases), np.nan),
        )

    def fresh(self, rng: np.random.Generator, *, weeks: int) -> Scene:
        """Demand like the recorded one, for so many weeks: orders of whole past weeks, drawn with replacement."""
        came = self._came()
        week = np.floor(came / 604800.0).astype(np.int64)
        full = np.arange(week.min() + (week.max() > week.min() + 3), week.max() + (week.max() <= week.min() + 3))
        picked = rng.choice(full, size=weeks)
        donors, times = [], []
        zero = float(full[0]) * 604800.0
        for at, one in enumerate(picked):
            mine = np.flatnonzero(week == one)
            donors.append(mine)
            times.append(came[mine] - one * 604800.0 + zero + at * 604800.0)
        donor, time = np.concatenate(donors), np.concatenate(times)
        order = np.argsort(time, kind="stable")
        names = tuple(f"sim {i + 1:05}" for i in range(len(donor)))
        orders = self._orders(donor[order], time[order], names)
        return compose(self, orders, zero, rng, window_s=weeks * 604800.0)

    def _came(self) -> Floats:
        return _came(self.past)


def _came(past: Past) -> Floats:
    """When each case was given to the shop, clock seconds: its release where known, else its first work."""
    begin = past.begin_s
    known = np.isfinite(past.released_s) & (past.released_s <= begin + 3600.0)
    return np.where(known, np.minimum(past.released_s, begin), begin)


def before_of(visits: Visits) -> tuple[Floats, Ints]:
    """End of what the order did before each visit, and its operation; -1 for the first."""
    first = np.concatenate([[True], visits.case[1:] != visits.case[:-1]])
    ends = np.where(np.isfinite(visits.end_s), visits.end_s, visits.start_s)
    reach = np.maximum.accumulate(ends + visits.case * 1e12) - visits.case * 1e12
    end = np.concatenate([[np.nan], reach[:-1]])
    op = np.concatenate([[-1], visits.operation[:-1]])
    return np.where(first, np.nan, end), np.where(first, -1, op)


def _waits(visits: Visits, past: Past) -> tuple[Ints, Floats, Floats]:
    """Waits in front of machines: machine, from when, until when."""
    end, op = before_of(visits)
    released = past.released_s[visits.case]
    delays = learn_delays(visits, released, end, op)
    row = np.where(op >= 0, op, len(visits.operations))
    ready = np.where(op >= 0, end, released) + 1.5 * delays.median_s[row, visits.operation]
    good = np.isfinite(ready) & (visits.start_s > ready)
    return visits.machine[good], ready[good], visits.start_s[good]


def _expected(times: Times, visits: Visits, product: Ints, products: int, pieces: Floats) -> Floats:
    what = np.where(product < 0, products, product)
    out: Floats = np.exp(times.mean[visits.operation, what]) * pieces ** times.size[visits.operation]
    return out


def _declared_hours(past: Past, plant: Plant | None) -> dict[int, np.ndarray]:
    if plant is None:
        return {}
    names = past.machines if past.real_machines else past.people
    declared = plant.machines if past.real_machines else plant.people
    return {
        code: hours_on(plant.calendars[declared[name].calendar or ""].hours)
        for code, name in enumerate(names)
        if name in declared and declared[name].calendar is not None
    }
