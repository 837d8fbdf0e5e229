"""The twin: what was learned from the records, and the runs that it makes of it."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from zhizao.decide.twin.compose import Parts, compose
from zhizao.decide.twin.demand import Demand, Edges, arrivals, edges_of, learn_demand, released
from zhizao.decide.twin.discipline import learn_rules
from zhizao.decide.twin.draw import Draw, worklog_of
from zhizao.decide.twin.hours import Hours, hours_of, learn_hours, worked_s
from zhizao.decide.twin.options import Options, learn_defects, learn_options
from zhizao.decide.twin.records import DAY_S, WEEK_S, Past, past_of, to_clock, to_time
from zhizao.decide.twin.routes import Routes, follow, learn_routes, over_chance
from zhizao.decide.twin.run import simulate as run_kernel
from zhizao.decide.twin.shop import Floats, Ints, Policy, Trace
from zhizao.decide.twin.summary import summary_of
from zhizao.decide.twin.timing import Timing, capacities, learn_timing
from zhizao.errors import InputError
from zhizao.model import Plant, WorkLog

__all__ = ["Twin"]

CHANGE = 0.1
"""Probability of changing over to another past order after a step."""
CALIBRATIONS = 2
CALIBRATION_WEEKS = 8
"""Rounds in which the delays are brought to the recorded waits, and weeks of records run again for each."""
CALIBRATED = 0.3
"""Share by which demand may differ from the recorded level before the twin warns."""
VERSION = 1
"""Version of the shape of `Twin.to_dict`."""
BEYOND = 1.3
"""Times the longest recorded order that a simulated one may take before it is drawn again."""
MOST_ROWS = 300_000
"""Rows of the past that a twin keeps; of longer records the latest are used."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A plant as its records show it, ready to run.

    Parameters
    ----------
    past : the records as arrays
    over : (C,) probability that each case was finished at the end of the records
    edges : how the records begin and end
    hours : weekly hours of the machines
    capacity : (M,) orders that each machine works on at once
    timing : times of the rows
    demand : bunches of orders and how often they come
    delay_factor : (M,) calibration of the delays
    rules : (M,) dispatch rule in use, codes into `shop.RULES`
    defect : (kinds, machines) probability that a piece goes bad
    routes, options : the past as a graph to walk on, and the machines that can stand in for each other
    """

    past: Past
    over: Floats
    edges: Edges
    hours: Hours
    capacity: Ints
    timing: Timing
    demand: Demand
    delay_factor: Floats
    rules: Ints
    defect: Floats
    routes: Routes
    options: Options

    @classmethod
    def fit(
        cls, log: WorkLog, *, until: datetime | None = None, plant: Plant | None = None, rng: np.random.Generator
    ) -> Twin:
        """Learn a twin from a work log.

        Parameters
        ----------
        log : records, at least two cases
        until : nothing later is looked at; work running then is known to be running
        plant : calendars and capacities that the user declares; they replace what would be learned
        rng : decides the draws of the calibration

        Raises
        ------
        InputError : when there is too little to learn from
        """
        past = past_of(_latest(log, until), until)
        if len(past.orders) < 2:
            raise InputError(f"{len(past.orders)} order is too little to learn from", code="short_log")
        edges = edges_of(past)
        over = over_chance(past, dropped=edges.dropped)
        calendars, capacity = _declared(past, plant)
        hours = learn_hours(past, past.machine, len(past.machines), calendars)
        capacity_ = capacities(past, capacity)
        timing = learn_timing(past, hours, capacity_, rng)
        twin = cls(
            past=past,
            over=over,
            edges=edges,
            hours=hours,
            capacity=capacity_,
            timing=timing,
            demand=learn_demand(past, edges),
            delay_factor=np.ones(len(past.machines)),
            rules=learn_rules(past, timing)[0],
            defect=learn_defects(past),
            routes=learn_routes(past, over),
            options=learn_options(past),
        )
        for _ in range(CALIBRATIONS):
            twin = twin._calibrated(rng)
        return twin

    def draw(
        self,
        start: datetime,
        *,
        until: datetime | None = None,
        cases: int | None = None,
        rng: np.random.Generator,
    ) -> Draw:
        """Work in progress at a time and fresh demand from then on, drawn for one run of the kernel.

        Parameters
        ----------
        start : aware time at which the window begins
        until : orders are released until then, and the run ends
        cases : so many orders are released; with `until` no later than that
        """
        if until is None and cases is None:
            raise InputError("neither an end nor a number of orders is given", fix="give until or cases", code="no_end")
        start_s = to_clock(start, self.past.zone)
        until_s = None if until is None else to_clock(until, self.past.zone)
        if until_s is not None and until_s <= start_s:
            raise InputError(f"until {until} is not after the start {start}", code="bad_window")
        zero_s = self._zero(start_s)
        order, row, lead = self._wip(zero_s, rng)
        donor, time = arrivals(self.past, self.demand, start_s, rng, until_s=until_s, cases=cases)
        if zero_s < start_s:
            warm, early = arrivals(self.past, self.demand, zero_s, rng, until_s=start_s, cases=None)
            donor, time = np.concatenate([warm, donor]), np.concatenate([early, time])
        walk, walked = self._walk(donor, rng)
        return compose(
            self._parts(),
            wip=(order, row, lead),
            fresh=(donor, time, walk, walked),
            zero_s=zero_s,
            start_s=start_s,
            until_s=until_s,
            rng=rng,
        )

    def worklog(self, draw: Draw, trace: Trace) -> WorkLog:
        """What the shop of a trace would have written into its records, up to the end of the run."""
        return worklog_of(self.past, self._labels(), draw, trace, whole=False)

    def simulate(
        self,
        start: datetime,
        *,
        until: datetime | None = None,
        cases: int | None = None,
        rng: np.random.Generator,
        policy: Policy | None = None,
        whole: bool | None = None,
    ) -> WorkLog:
        """Simulated records of the orders that start in a window.

        The shop begins with the work in progress that the records show.

        Parameters
        ----------
        start, until : aware times; with `until`, only orders are returned that start and end inside the window, as the
            records would show them (`whole`)
        cases : so many orders from `start` on, to their end; with `until`, seen up to then, and with `whole` so many
            that also end by then
        rng : decides everything random
        policy : how the shop is run; first come, first served by default
        whole : with `until`, orders still under way at the end of the window are left out (True), or are seen up to
            their last finished row, as in an export of rows between two dates (False); by default as in the records
        """
        if whole is None:
            whole = not self.edges.sliced
        if until is None or cases is None or not whole:
            return self._simulate(start, until, cases, rng, policy, whole)
        frames: list[pl.DataFrame] = []
        found = 0
        for turn in range(20):
            frame = self._simulate(start, until, None, rng, policy, whole).frame
            names = frame["order"].unique(maintain_order=True).to_list()
            picked = rng.permutation(np.array(names, object))[: cases - found].tolist()
            frame = frame.filter(pl.col("order").is_in(picked))
            frames.append(frame.with_columns(pl.col("order") + (f".{turn}" if turn else "")))
            found += len(picked)
            if found >= cases:
                break
        return WorkLog.of(pl.concat(frames), self.past.zone)

    def _simulate(
        self,
        start: datetime,
        until: datetime | None,
        cases: int | None,
        rng: np.random.Generator,
        policy: Policy | None,
        whole: bool,
    ) -> WorkLog:
        draw = self.draw(start, until=until, cases=cases, rng=rng)
        stop = np.inf if draw.until_s is None else draw.until_s - draw.zero_s
        trace = run_kernel(draw.shop, draw.work, policy or draw.policy, until_s=stop)
        log = worklog_of(
            self.past, self._labels(), draw, trace, until_s=draw.until_s, whole=whole or draw.until_s is None
        )
        names = [name for name, new in zip(draw.orders, draw.fresh, strict=True) if new]
        return WorkLog(log.frame.filter(pl.col("order").is_in(names)), log.zone)

    def replay(self, rng: np.random.Generator, *, start: datetime | None = None, end: datetime | None = None) -> Draw:
        """The recorded demand again: the same orders at the same times; routes and times as the twin knows them.

        Parameters
        ----------
        start, end : orders that came in this window; by default all that began after the records had settled
        """
        past = self.past
        start_s = self.edges.settled_s if start is None else to_clock(start, past.zone)
        end_s = past.until_s if end is None else to_clock(end, past.zone)
        came = released(past)
        chosen = np.flatnonzero((came >= start_s) & (came < end_s))
        if not len(chosen):
            raise InputError(f"no order came between {start} and {end}", code="no_orders")
        chosen = chosen[np.argsort(came[chosen], kind="stable")]
        walk, walked = self._walk(chosen, rng)
        wip = self._wip(start_s, rng)
        draw = compose(
            self._parts(),
            wip=wip,
            fresh=(chosen, came[chosen], walk, walked),
            zero_s=start_s,
            start_s=start_s,
            until_s=None,
            rng=rng,
        )
        names = [past.orders[c] for c in chosen]
        return replace(draw, orders=(*draw.orders[: len(draw.orders) - len(names)], *names))

    def open_work(self, start: datetime, *, rng: np.random.Generator) -> Draw:
        """The work in progress that the records show at a time, and nothing new.

        Raises
        ------
        InputError : when the records show none
        """
        start_s = to_clock(start, self.past.zone)
        wip = self._wip(min(start_s, self.past.until_s), rng)
        if not len(wip[0]):
            raise InputError(f"the records show no open order at {start}", code="no_orders")
        none = np.empty(0, np.int64)
        fresh = (none, np.empty(0), none, none)
        return compose(self._parts(), wip=wip, fresh=fresh, zero_s=start_s, start_s=start_s, until_s=None, rng=rng)

    def summary(self) -> dict[str, Any]:
        """What was learned, for reports: `records`, `demand`, `operations`, `machines`, `map` (see `summary`)."""
        return summary_of(self)

    def cautions(self, orders_per_week: float) -> tuple[str, ...]:
        """Reasons not to believe the twin at a level of demand; empty within 30 % of what the records show.

        Examples
        --------
        A twin of records with 20 orders a week, asked about 40, says that this is 100 % above what it was calibrated to.
        """
        usual = self.demand.orders_per_week
        change = orders_per_week / usual - 1.0
        if abs(change) <= CALIBRATED:
            return ()
        side = "above" if change > 0 else "below"
        return (
            f"{orders_per_week:.3g} orders a week is {abs(change):.0%} {side} the {usual:.3g} to which the twin was "
            "calibrated; how the plant behaves there is not in the records",
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain lists and numbers, for one JSON file."""
        out: dict[str, Any] = {"version": VERSION}
        for item in fields(self):
            if item.name not in ("routes", "options"):
                out[item.name] = _plain(getattr(self, item.name))
        return out

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Twin:
        """Inverse of `to_dict`.

        Raises
        ------
        InputError : when the data are of another version
        """
        if data.get("version") != VERSION:
            raise InputError(
                f"the twin is of version {data.get('version')!r}, and this program reads {VERSION}",
                fix="fit the twin again",
                code="twin_version",
            )
        past = Past.from_dict(data["past"])
        over = np.array(data["over"], np.float64)
        return cls(
            past=past,
            over=over,
            edges=Edges(**data["edges"]),
            hours=Hours(np.array(data["hours"]["sure"], np.float64)),
            capacity=np.array(data["capacity"], np.int64),
            timing=Timing(**{key: np.array(value, np.float64) for key, value in data["timing"].items()}),
            demand=Demand(**{key: _array(value) for key, value in data["demand"].items()}),
            delay_factor=np.array(data["delay_factor"], np.float64),
            rules=np.array(data["rules"], np.int64),
            defect=np.array(data["defect"], np.float64),
            routes=learn_routes(past, over),
            options=learn_options(past),
        )

    def _calibrated(self, rng: np.random.Generator) -> Twin:
        """With delays such that the recorded demand, run again, waits at each machine as long as in the records."""
        past, timing = self.past, self.timing
        start_s = max(self.edges.settled_s, past.until_s - CALIBRATION_WEEKS * WEEK_S)
        if ((released(past) >= start_s) & (released(past) < past.until_s)).sum() < 20:
            return self
        draw = self.replay(rng, start=to_time(start_s, past.zone))
        trace = run_kernel(draw.shop, draw.work, draw.policy, until_s=past.until_s - start_s)
        ran = np.isfinite(trace.start_s) & (trace.machine >= 0)
        machines = len(past.machines)
        machine, at = trace.machine[ran], draw.work.option_machine[draw.work.option_ptr[:-1]][ran]
        begun, ready = (worked_s(self.hours, machine, one[ran]) for one in (trace.setup_start_s, trace.ready_s))
        late = past.start_s >= start_s
        queue_s = _mean(machine, begun - ready, machines)
        delay_s = _mean(at, draw.work.delay_s[ran], machines)
        target_s = _mean(past.machine[late], timing.wait_s[late], machines)
        count = np.bincount(past.machine[late], minlength=machines)
        weight = count / (count + 30.0)  # few reports say little
        wanted = (target_s - queue_s) / np.maximum(delay_s, 1.0)
        step = np.clip(1.0 + weight * (wanted - 1.0), 0.7, 1.3)
        factor = np.where(delay_s > 60.0, np.clip(self.delay_factor * step, 0.3, 1.5), self.delay_factor)
        return replace(self, delay_factor=factor)

    def _parts(self) -> Parts:
        return Parts(
            self.past, self.hours, self.capacity, self.timing, self.delay_factor, self.options, self.rules, self.defect
        )

    def _zero(self, start_s: float) -> float:
        """When the run begins: at the end of the records, or earlier to fill the shop if they show no open work."""
        past = self.past
        if not self.edges.dropped and 0 < start_s - past.until_s < 8 * WEEK_S:
            return past.until_s
        if start_s > past.until_s or self.edges.dropped:
            cycle = float(np.quantile(past.finish_s - past.begin_s, 0.8))
            return start_s - min(cycle, 6 * WEEK_S)
        return start_s

    def _walk(self, case: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Routes of new orders that take after past ones: order and past row of each step.

        A route that would take much longer than any recorded order is drawn again: the records cannot vouch for it
        (near to the convention of Efron 1967 where data are cut off).
        """
        past, timing = self.past, self.timing
        cost = timing.since_s + timing.run_s
        cost[past.first[:-1]] -= timing.since_s[past.first[:-1]]
        longest = float((past.finish_s - past.begin_s).max())
        order, row = follow(past, self.routes, past.first[case], CHANGE, rng, fresh=True)
        for _ in range(8):
            total = np.bincount(order, cost[row], len(case))
            over = np.flatnonzero(total > BEYOND * longest)
            if not len(over):
                break
            again, other = follow(past, self.routes, past.first[case[over]], CHANGE, rng, fresh=True)
            kept = ~np.isin(order, over)
            order, row = np.concatenate([order[kept], over[again]]), np.concatenate([row[kept], other])
            ranked = np.argsort(order, kind="stable")
            order, row = order[ranked], row[ranked]
        return order, row

    def _wip(self, zero_s: float, rng: np.random.Generator) -> tuple[Ints, Ints, Floats]:
        """Work in progress at a time: case and past row of each step to be done, and what is left of each case's first.

        Returns
        -------
        order, row : (S,) case, and row that the step takes after
        lead : (C,) seconds left of the case's first step, or before it; negative = it is running and so much is left
        """
        past, timing = self.past, self.timing
        lead = np.zeros(len(past.orders))
        none = np.empty(0, np.int64), np.empty(0, np.int64), lead
        if self.edges.dropped and zero_s >= past.until_s - 1:
            return none
        count = np.add.reduceat((past.start_s < zero_s).astype(np.int64), past.first[:-1])
        begun = (count > 0) & (past.begin_s > zero_s - 400 * DAY_S)
        now = past.first[:-1] + np.maximum(count, 1) - 1
        after = now + 1 < past.first[1:]
        end = np.where(np.isnan(past.end_s), np.inf, past.end_s)
        running = begun & (end[now] > zero_s)
        waiting = begun & ~running & (after | (rng.random(len(now)) >= self.over))
        if zero_s > past.until_s + 1:
            return none
        run = np.flatnonzero(running)
        wait = np.flatnonzero(waiting)
        machine = past.machine[now]
        at = np.full(len(now), zero_s)
        gone = worked_s(self.hours, machine, at) - worked_s(self.hours, machine, past.start_s[now])
        left = np.maximum(timing.run_s[now] - np.maximum(gone, 0.0), 60.0)
        lead[run] = -left[run]
        order_r, row_r = follow(past, self.routes, now[run], CHANGE, rng, fresh=True)
        best_o, best_r = [run[order_r]], [row_r]
        todo = wait
        for turn in range(6):
            if not len(todo):
                break
            order, row = follow(past, self.routes, now[todo], CHANGE, rng, fresh=False)
            head = np.concatenate([[True], np.diff(order) > 0]) if len(order) else np.zeros(0, bool)
            who, what = order[head], row[head]
            since = worked_s(self.hours, past.machine[what], np.full(len(what), zero_s)) - worked_s(
                self.hours, past.machine[what], np.minimum(past.finish_s[todo[who]], zero_s)
            )
            rest = timing.delay_s[what] * self.delay_factor[past.machine[what]] - since
            good = np.zeros(len(todo), bool)
            good[who] = (rest > 0) | (turn == 5)
            value = np.zeros(len(todo))
            value[who] = np.maximum(rest, 0.0)
            lead[todo[good]] = value[good]
            keep = good[order]
            best_o.append(todo[order[keep]])
            best_r.append(row[keep])
            todo = todo[~good]
        order, row = np.concatenate(best_o), np.concatenate(best_r)
        ranked = np.argsort(order, kind="stable")
        return order[ranked], row[ranked], lead

    def _labels(self) -> Ints:
        """Label most used for a kind of work on a machine, (kinds, machines), -1 = none."""
        past = self.past
        out = np.full((len(past.kinds), len(past.machines)), -1, np.int64)
        key, count = np.unique(np.stack([past.kind, past.machine, past.label]), axis=1, return_counts=True)
        for i in np.argsort(count, kind="stable"):
            out[key[0, i], key[1, i]] = key[2, i]
        return out


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Past):
        return value.to_dict()
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    return value


def _array(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return np.array(value, np.int64 if all(isinstance(x, int) for x in value) else np.float64)


def _mean(group: Ints, values: Floats, groups: int) -> Floats:
    count = np.maximum(np.bincount(group, minlength=groups), 1)
    return np.asarray(np.bincount(group, values, groups) / count)


def _latest(log: WorkLog, until: datetime | None) -> WorkLog:
    """The latest cases of a long log, at most `MOST_ROWS` rows."""
    if log.frame.height <= MOST_ROWS:
        return log
    frame = log.frame if until is None else log.frame.filter(pl.col("start") <= until)
    cases = (
        frame.group_by("order").agg(rows=pl.len(), last=pl.col("start").max()).sort("last", "order", descending=True)
    )
    kept = cases.filter(pl.col("rows").cum_sum() <= MOST_ROWS)["order"]
    frame = frame.filter(pl.col("order").is_in(kept.implode()))
    return WorkLog(frame, log.zone) if frame.height else log


def _declared(past: Past, plant: Plant | None) -> tuple[dict[int, Floats], dict[int, int]]:
    """Hours and capacities that the user declares, by machine code."""
    calendars: dict[int, Floats] = {}
    capacity: dict[int, int] = {}
    for code, name in enumerate(past.machines[: past.real_machines]):
        machine = plant.machines.get(name) if plant is not None else None
        if machine is None or plant is None:
            continue
        if machine.calendar is not None:
            calendars[code] = hours_of(plant.calendars[machine.calendar].hours)
        if "capacity" in machine.model_fields_set:
            capacity[code] = machine.capacity
    return calendars, capacity
