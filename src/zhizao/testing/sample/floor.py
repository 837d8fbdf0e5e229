"""The sample plant at work: a heap of (time, number, what) and plain loops, whole seconds, one row per reported work.

It shares no code with the twin, so that what the twin promises can be held to it. An order's pieces are followed one by
one. A lot needs a machine and, unless the operation is unattended, one person for as long as it runs; when either goes
home the lot stays on the machine, the part done is reported, and whoever is free next carries on. Bad pieces that the
operator does not notice travel on until an inspection finds them; what can be mended goes back to the operation that
made it and is inspected again. Machines break down by busy time.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Any

from zhizao.testing.sample.hours import NEVER_S, WEEK_S, Week
from zhizao.testing.sample.lots import Load, Lot, Station, Task, Worker
from zhizao.testing.sample.orders import VISITS, Lives, Order, draw_orders
from zhizao.testing.sample.rules import best
from zhizao.testing.sample.truth import Operation, Truth

__all__ = ["COLUMNS", "Floor"]

LAST_START_S = 300  # nobody begins anything in the last five minutes
FAR_H = 2.0  # a machine does not wait for transfer batches that are brought from further away

COLUMNS = (
    *("order", "product", "operation", "machine", "person", "report", "start", "end", "good", "scrap", "rework"),
    *("is_rework", "order_quantity", "released", "due", "planned", "family", "centre", "lot", "visit", "ready", "bad"),
)
"""What a row holds: columns of the work log, then what only the sample plant knows (`ready`: when the lot had arrived,
`bad`: bad pieces made in this piece of work, noticed or not, `planned`: when the order was meant to be released)."""


class Floor:
    """One run of a plant.

    Parameters
    ----------
    truth : the plant
    seed : of demand and luck, >= 0
    weeks : length of the run, >= 1

    Attributes
    ----------
    rows : reported work, tuples in the order of `COLUMNS`; times in seconds since the first Monday
    finished : per finished order its end and its good pieces
    waiting : orders not yet on the floor
    lots : lots on the floor (unfinished ones, after the run)
    most_on_floor : largest number of orders on the floor at once
    """

    def __init__(self, truth: Truth, *, seed: int, weeks: int) -> None:
        self.truth = truth
        self.horizon = weeks * WEEK_S
        self.rows: list[tuple[Any, ...]] = []
        self.finished: dict[str, tuple[int, int]] = {}
        self.lots: dict[str, list[Lot]] = {}
        self.waiting: list[Order] = []
        self.most_on_floor = 0
        self._fed_now: dict[tuple[str, str], bool] = {}  # answers of `_fed` while one moment is dealt with
        self._number = 0
        self._heap: list[tuple[int, int, Callable[[int, Any], None], Any]] = []
        self._queues: dict[str, list[Lot]] = {centre.name: [] for centre in truth.centres}
        self._operations = {operation.name: at for at, operation in enumerate(truth.operations)}
        self._transport = {(leg.frm, leg.to): leg for leg in truth.transports}
        self._maintenance = truth.policy.maintenance
        self._workers = {person.name: Worker(person, Week(person.hours)) for person in truth.people}
        self._stations: list[Station] = []
        for centre in truth.centres:
            for machine in centre.machines:
                lives = Lives(machine, seed=seed, index=len(self._stations)) if machine.life_h else None
                rule = truth.policy.rule.get(machine.name, "fifo")
                station = Station(machine, centre.name, Week(machine.hours), rule, lives)
                self._stations.append(station)
                self._renew(station)
        for order in draw_orders(truth, seed=seed, weeks=weeks):
            self._at(order.planned_s, self._release, order)
        calendars = [station.week for station in self._stations] + [worker.week for worker in self._workers.values()]
        edges = {edge for calendar in calendars for edge in calendar.edges}
        for week in range(weeks):
            for edge in sorted(edges):
                self._at(week * WEEK_S + edge, _nothing, None)

    def run(self) -> Floor:
        """Let the plant work until the horizon."""
        heap = self._heap
        while heap and heap[0][0] <= self.horizon:
            now = heap[0][0]
            while heap and heap[0][0] == now:
                _, _, happen, what = heapq.heappop(heap)
                happen(now, what)
            self._dispatch(now)
        return self

    def _at(self, time: int, happen: Callable[[int, Any], None], what: Any) -> None:
        self._number += 1
        heapq.heappush(self._heap, (time, self._number, happen, what))

    # ---- orders ---------------------------------------------------------------------------------------------------

    def _release(self, now: int, order: Order) -> None:
        self.waiting.append(order)
        self._admit(now)

    def _admit(self, now: int) -> None:
        cap = self.truth.policy.wip_cap
        while self.waiting and (cap == 0 or len(self.lots) < cap):
            order = min(self.waiting, key=lambda one: (one.due_s, one.planned_s, one.name)) if cap else self.waiting[0]
            self.waiting.remove(order)
            size = self.truth.policy.transfer_quantity or order.quantity
            lots = []
            for at, first in enumerate(range(0, order.quantity, size)):
                pieces = list(range(first, min(first + size, order.quantity)))
                route = [Task(self._operation(name), None, 0, rework=False) for name in order.product.route]
                lots.append(Lot(order, at, pieces, route, now, order.due_s, order.product.family))
            self.lots[order.name] = lots
            self.most_on_floor = max(self.most_on_floor, len(self.lots))
            for lot in list(lots):
                self._send(now, lot)

    def _operation(self, name: str) -> Operation:
        return self.truth.operations[self._operations[name]]

    def _send(self, now: int, lot: Lot) -> None:
        """Move a lot to where its next task is done, or out of the plant."""
        while lot.todo and not self._pieces(lot, lot.todo[0]):
            lot.todo.pop(0)
        if not lot.todo:
            self._leave(now, lot)
            return
        operation = lot.todo[0].operation
        delay = 0
        if operation.centre != lot.place:
            leg = self._transport.get((lot.place, operation.centre))
            if leg is not None:
                at = self._operations[operation.name]
                z = float(lot.order.delay_z[at, min(lot.todo[0].visit, VISITS - 1)])
                delay = round(leg.hours * 3600 * math.exp(leg.sigma * z))
        self._at(now + delay, self._arrive, lot)

    def _leave(self, now: int, lot: Lot) -> None:
        order = lot.order
        good = self.finished.get(order.name, (0, 0))[1] + len(lot.alive)
        self.finished[order.name] = (now, good)
        self.lots[order.name].remove(lot)
        if self.lots[order.name]:
            return
        del self.lots[order.name]
        self._admit(now)

    def _arrive(self, now: int, lot: Lot) -> None:
        self._number += 1
        lot.came_from, lot.place = lot.place, lot.todo[0].operation.centre
        lot.arrived, lot.number = now, self._number
        share = len(lot.alive) / sum(len(one.alive) for one in self.lots[lot.order.name])  # rules judge the whole order
        lot.expected_s = self._standard_s(lot, lot.todo[0]) / share
        lot.remaining_s = sum(self._standard_s(lot, task) for task in lot.todo) / share
        self._queues[lot.place].append(lot)

    def _standard_s(self, lot: Lot, task: Task) -> float:
        return task.operation.fixed_s or lot.order.product.piece_s[task.operation.name] * len(self._pieces(lot, task))

    @staticmethod
    def _pieces(lot: Lot, task: Task) -> list[int]:
        return lot.alive if task.pieces is None else [piece for piece in task.pieces if piece in lot.alive]

    # ---- dispatch -------------------------------------------------------------------------------------------------

    def _dispatch(self, now: int) -> None:
        self._fed_now.clear()
        ready = [at for at in self._stations if at.began < 0 and not at.down and (at.loads or self._queues[at.centre])]
        ready = [at for at in ready if at.week.off_after(now) - now >= LAST_START_S]
        for station in ready:
            if station.loads:
                operation = station.loads[0].task.operation
                worker = self._someone(operation, now)
                if worker is not None or not operation.crew:
                    self._begin(now, station, worker)
        for station in ready:
            if station.began < 0 and not station.loads:
                self._take(now, station)

    def _someone(self, operation: Operation, now: int) -> Worker | None:
        for name in operation.crew:
            worker = self._workers[name]
            if worker.free and worker.week.off_after(now) - now >= LAST_START_S:
                return worker
        return None

    def _take(self, now: int, station: Station) -> None:
        who: dict[str, Worker | None] = {}
        may: dict[tuple[str, str], bool] = {}
        waiting = []
        for lot in self._queues[station.centre]:
            operation = lot.todo[0].operation
            if operation.name not in who:
                who[operation.name] = self._someone(operation, now)
            if operation.crew and who[operation.name] is None:
                continue
            key = (lot.order.name, operation.name)
            if key not in may:
                may[key] = self._may(lot, station)
            if may[key]:
                waiting.append(lot)
        if self.truth.policy.transfer_quantity and station.machine.batch == 1:
            same = [lot for lot in waiting if lot.order.name == station.order]
            waiting = same if same or self._more_comes(station) else waiting
        worker: Worker | None = None
        batch = station.machine.batch
        aboard: set[str] = set()
        while waiting and len(aboard) < batch:
            first = waiting[self._next(waiting, station, now)]
            worker = who[first.todo[0].operation.name]
            aboard.add(first.order.name)
            # transfer batches of one order share its place in a furnace
            for lot in [first] if batch == 1 else [one for one in waiting if one.order is first.order]:
                waiting.remove(lot)
                self._queues[station.centre].remove(lot)
                self._load(lot, station)
        if station.loads:
            self._begin(now, station, worker)

    def _may(self, lot: Lot, station: Station) -> bool:
        operation, name = lot.todo[0].operation, station.machine.name
        planned = self.truth.policy.planned_machine.get(f"{lot.order.name}/{operation.name}")
        if planned is not None:
            return planned == name
        if name not in operation.machines:
            return False
        if len(self.lots[lot.order.name]) == 1 or lot.order.name == station.order:
            return True
        if not operation.setup and not operation.fixed_s:
            return True
        others = (one for one in self._stations if one.centre == station.centre and one is not station)
        if any(one.order == lot.order.name and one.last == operation for one in others):
            return False  # transfer batches follow the first one
        key = (lot.order.name, operation.name)
        if key not in self._fed_now:
            self._fed_now[key] = self._fed(lot)
        return self._fed_now[key]

    def _fed(self, lot: Lot) -> bool:
        """Whether a machine that begins with a transfer batch will not run dry before the others of its order come."""
        operation = lot.todo[0].operation
        here = coming = 0.0
        for other in self.lots[lot.order.name]:
            at = next((at for at, task in enumerate(other.todo) if task.operation == operation), None)
            if at is None or other.todo[0].rework:
                continue
            if at == 0 and other.place == operation.centre and not other.busy:
                here += self._standard_s(other, other.todo[0])
            elif not operation.fixed_s and at <= 1 and not self._far(other.place, operation.centre):
                coming += sum(self._standard_s(other, task) for task in other.todo[:at])
            else:
                return False
        return coming <= here

    def _more_comes(self, station: Station) -> bool:
        """Whether transfer batches of the order that a machine is set up for are on their way to it."""
        last = station.last
        if last is None or not last.setup:
            return False
        for lot in self.lots.get(station.order, ()):
            task = lot.todo[0]
            if task.rework or self._far(lot.came_from, last.centre):
                continue
            if task.operation == last and not lot.busy:  # waiting here, or being brought
                return True
            if lot.busy and len(lot.todo) > 1 and lot.todo[1].operation == last:  # under way one operation before
                return True
        return False

    def _far(self, frm: str, to: str) -> bool:
        leg = self._transport.get((frm, to))
        return leg is not None and leg.hours > FAR_H

    def _next(self, lots: list[Lot], station: Station, now: int) -> int:
        policy = self.truth.policy
        if policy.sequence:
            ranks = [policy.sequence.get(f"{lot.order.name}/{lot.todo[0].operation.name}", math.inf) for lot in lots]
            first = min(ranks)
            if first < math.inf:
                return ranks.index(first)
        return best(lots, station.rule, now, station.family)

    def _load(self, lot: Lot, station: Station) -> None:
        task = lot.todo[0]
        pieces = list(self._pieces(lot, task))
        at, visit = self._operations[task.operation.name], min(task.visit, VISITS - 1)
        setup = 0
        if task.operation.setup and station.order != lot.order.name:
            minutes = self.truth.setup_min[station.family or lot.family][lot.family]
            noise = math.exp(task.operation.setup_sigma * float(lot.order.setup_z[at, visit]))
            setup = round(minutes * 60 * task.operation.setup * noise)
        noise = math.exp(task.operation.sigma * float(lot.order.run_z[at, visit]))
        run = max(self._standard_s(lot, task) * station.machine.pace * noise, 1.0)
        station.loads.append(Load(lot, task, pieces, setup, run, run))
        station.family, station.order, station.last, lot.busy = lot.family, lot.order.name, task.operation, True

    # ---- work -----------------------------------------------------------------------------------------------------

    def _begin(self, now: int, station: Station, worker: Worker | None) -> None:
        """Work on what is loaded until it is done, somebody goes home, or the machine breaks down."""
        pace = worker.person.pace if worker else 1.0
        load = station.loads[0]
        room = station.week.off_after(now) - now
        if worker is not None:
            worker.free = False
            room = min(room, worker.week.off_after(now) - now)
        station.person, station.began = worker, now
        work = load.setup_s + math.ceil(load.run_s * pace)
        self._at(now + min(work, room, station.fails_s - station.age_s), self._end, station)

    def _end(self, now: int, station: Station) -> None:
        worker, began = station.person, station.began
        station.person, station.began = None, -1
        station.age_s += now - began
        if worker is not None:
            worker.free = True
        pace = worker.person.pace if worker else 1.0
        first = station.loads[0]
        setup = min(first.setup_s, now - began)
        if setup:
            self._row(station, first, worker, "setup", began, began + setup, visit=first.task.visit)
            first.setup_s -= setup
        spent = now - began - setup
        whole = not first.setup_s and spent >= math.ceil(first.run_s * pace)
        for load in station.loads:
            if spent or whole:
                load.run_s = 0.0 if whole else max(load.run_s - spent / pace, 0.0)
                self._produce(station, load, worker, began + setup, now)
        if whole:
            loads, station.loads = station.loads, []
            for load in loads:
                load.lot.todo.pop(0)
                load.lot.busy = False
                load.lot.visits[load.task.operation.name] = load.task.visit + 1
                if load.task.operation.inspects:
                    self._send_back(load.lot, load.task)
                self._send(now, load.lot)
        if station.age_s >= station.fails_s:
            self._stop(now, station, "breakdown", station.repair_s, first)
        elif whole and (plan := self._maintenance.get(station.machine.name)) and station.age_s >= plan.every_h * 3600:
            self._stop(now, station, "maintenance", round(plan.takes_h * 3600), first)

    def _produce(self, station: Station, load: Load, worker: Worker | None, start: int, end: int) -> None:
        """Report the pieces of one stretch of work and decide which of them are bad."""
        operation, lot, task = load.task.operation, load.lot, load.task
        share = 1.0 - load.run_s / load.run_total_s
        done = len(load.pieces) if load.run_s == 0.0 else int(len(load.pieces) * share)
        pieces, load.done = load.pieces[load.done : done], done
        scrap = rework = bad = 0
        if operation.inspects:
            scrap, rework = self._judge(lot, task, pieces)
        luck = lot.order.piece_u[self._operations[operation.name], min(task.visit, VISITS - 1)]
        risk = operation.defect * station.machine.defects * (worker.person.defects if worker else 1.0)
        for piece in pieces if risk else ():
            if luck[piece] < risk:
                bad += 1
                if luck[piece] < risk * operation.noticed:
                    scrap += 1
                    lot.alive.remove(piece)
                    lot.hidden.pop(piece, None)
                else:
                    lot.hidden.setdefault(piece, operation.name)
        amounts = (len(pieces) - scrap - rework, scrap, rework)
        self._row(station, load, worker, "production", start, end, amounts, visit=task.visit, bad=bad)

    def _judge(self, lot: Lot, task: Task, pieces: list[int]) -> tuple[int, int]:
        """Find the bad pieces among those inspected: scrap them, or mark them as to be mended."""
        scrap = rework = 0
        for piece in pieces:
            origin = lot.hidden.get(piece)
            if origin is None:
                continue
            operation = self._operation(origin)
            visits = lot.visits.get(origin, 1)
            luck = float(lot.order.piece_u[self._operations[task.operation.name], min(task.visit, VISITS - 1)][piece])
            mendable = visits < self.truth.most_visits and not self._sealed(lot, origin)
            if mendable and luck < operation.reworkable:
                rework += 1
            else:
                scrap += 1
                lot.alive.remove(piece)
                del lot.hidden[piece]
        return scrap, rework

    def _sealed(self, lot: Lot, origin: str) -> bool:
        route = lot.order.product.route
        later = route[route.index(origin) + 1 :]
        return any(self._operation(name).seals and name in lot.visits for name in later)

    def _send_back(self, lot: Lot, task: Task) -> None:
        """After an inspection: what can be mended goes to where it was made, operation by operation, and returns."""
        again: list[Task] = []
        for name in lot.order.product.route:
            pieces = [piece for piece in lot.alive if lot.hidden.get(piece) == name]
            if pieces:
                again.append(Task(self._operation(name), pieces, lot.visits[name], rework=True))
                for piece in pieces:
                    del lot.hidden[piece]
        if again:
            pieces = [piece for one in again for piece in one.pieces or ()]
            again.append(Task(task.operation, pieces, task.visit + 1, rework=True))
            lot.todo[:0] = again

    def _stop(self, now: int, station: Station, why: str, takes_s: int, load: Load) -> None:
        station.down = True
        until = station.week.finish(now, takes_s)
        self._row(station, load, None, why, now, until, visit=load.task.visit)
        self._renew(station)
        if until < NEVER_S:
            self._at(until, _up, station)

    def _renew(self, station: Station) -> None:
        station.age_s = 0
        if station.lives is not None:
            station.fails_s, station.repair_s = station.lives.next()

    def _row(
        self,
        station: Station,
        load: Load,
        worker: Worker | None,
        report: str,
        start: int,
        end: int,
        amounts: tuple[int | None, int | None, int | None] = (None, None, None),
        *,
        visit: int,
        bad: int = 0,
    ) -> None:
        lot, order = load.lot, load.lot.order
        who = worker.person.name if worker else None
        self.rows.append(
            (
                *(order.name, order.product.name, load.task.operation.name, station.machine.name, who, report),
                *(start, end, *amounts, load.task.rework, order.quantity, lot.released, order.due_s, order.planned_s),
                *(lot.family, station.centre, lot.lot, visit, lot.arrived, bad),
            )
        )


def _nothing(now: int, what: None) -> None:
    """The edge of a shift: nothing but a moment to look round."""


def _up(now: int, station: Station) -> None:
    station.down = False
