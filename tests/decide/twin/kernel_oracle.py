"""A slow, obvious simulator with the kernel's rules: a heap of (time, order, event), and every choice made afresh.

It shares no code with the kernel: hours are lists of intervals, queues are sets, bad pieces come from SciPy.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter

import numpy as np
from scipy.stats import binom

from zhizao.decide.twin.shop import RULES, Policy, Shop, Trace, Work

ALWAYS = [(-math.inf, math.inf)]


class Oracle:
    def __init__(self, shop: Shop, work: Work, policy: Policy) -> None:
        self.shop, self.work, self.policy = shop, work, policy
        self.m, self.n, self.jobs = len(shop.machines), len(work.run_s), len(work.release_s)
        self.job_of = np.repeat(np.arange(self.jobs), np.diff(work.first))
        self.hours = [
            [(shop.on_s[i], shop.off_s[i]) for i in range(shop.calendar_ptr[k], shop.calendar_ptr[k + 1])]
            for k in range(len(shop.calendar_ptr) - 1)
        ]
        self.options = {s: self.options_of(s) for s in range(self.n)}
        self.expected = work.expected_s if work.expected_s.size else work.run_s
        self.rules = [RULES[r] for r in policy.rule]
        same = len(set(self.rules)) == 1
        self.rules += [self.rules[0] if same else "fifo"] if len(self.rules) == self.m else []
        self.common = self.rules[0] if len(set(self.rules)) == 1 else "fifo"
        self.family = [*(work.machine_family if work.machine_family.size else [-1] * self.m), -1]
        self.used: Counter[int] = Counter()
        self.attending: Counter[int] = Counter()
        self.until_break = {m: list(self.breaks(m)) for m in range(self.m)}
        self.waiting: set[int] = set()
        self.held: list[tuple[float, int]] = []
        self.floor = self.events = 0
        self.now = 0.0
        self.heap: list[tuple[float, int, tuple[str, int]]] = []
        self.order = itertools.count()
        for name in ("ready", "setup", "start", "end", "bad"):
            setattr(self, name, np.full(self.n, np.nan))
        self.machine, self.person = np.full(self.n, -1), np.full(self.n, -1)
        self.admitted, self.finished = np.full(self.jobs, np.nan), np.full(self.jobs, np.nan)
        self.holds: set[int] = set()
        self.passed_on: set[int] = set()
        self.away: set[int] = set()

    def options_of(self, s: int) -> list[int]:
        w = self.work
        own = list(range(w.option_ptr[s], w.option_ptr[s + 1]))
        j = self.job_of[s]
        if own and w.running[j] and s == w.first[j]:
            return own[:1]
        if self.policy.assigned.size and self.policy.assigned[s] >= 0:
            return [int(self.policy.assigned[s])]
        return own or [-1 - s]

    def breaks(self, m: int) -> list[list[float]]:
        w = self.work
        if not w.break_ptr.size:
            return []
        return [[w.break_after_s[i], w.repair_s[i]] for i in range(w.break_ptr[m], w.break_ptr[m + 1])]

    def on(self, o: int) -> tuple[int, float, float]:
        if o < 0:
            return self.m, 1.0, 0.0
        return int(self.work.option_machine[o]), self.work.option_factor[o], self.work.option_defect[o]

    def spans(self, calendar: int) -> list[tuple[float, float]]:
        return ALWAYS if calendar < 0 else self.hours[calendar]

    def machine_hours(self, m: int) -> list[tuple[float, float]]:
        return ALWAYS if m == self.m else self.spans(self.shop.machine_calendar[m])

    def person_hours(self, p: int) -> list[tuple[float, float]]:
        return ALWAYS if p < 0 else self.spans(self.shop.person_calendar[p])

    def do(self, t: float, need: float, m: int, p: int) -> float:
        """Work on a machine that breaks down."""
        spans = shared(self.machine_hours(m), self.person_hours(p))
        left = self.until_break.get(m, [])
        while left and left[0][0] < need:
            busy, repair = left.pop(0)
            t = done(t, busy, spans) + repair
            need -= busy
        if left:
            left[0][0] -= max(need, 0.0)
        return done(t, need, spans)

    def after_delay(self, s: int, t: float) -> float:
        w = self.work
        if w.delay_s[s] <= 0:
            return t
        first = w.option_ptr[s]
        worktime = w.delay_worktime[s] and w.option_ptr[s + 1] > first
        return done(t, w.delay_s[s], self.machine_hours(w.option_machine[first]) if worktime else ALWAYS)

    def tell(self, t: float, kind: str, i: int) -> None:
        if t < math.inf:
            heapq.heappush(self.heap, (t, next(self.order), (kind, i)))

    def free_person(self, skill: int) -> int | None:
        shop = self.shop
        if skill < 0 or not shop.people:
            return -1
        for p in shop.skill_person[shop.skill_ptr[skill] : shop.skill_ptr[skill + 1]]:
            if self.attending[p] < shop.multitask[p] and is_open(self.person_hours(p), self.now):
                return int(p)
        return None

    def left(self, s: int) -> float:
        if self.work.expected_left_s.size:
            return self.work.expected_left_s[s]
        later = range(s + 1, self.work.first[self.job_of[s] + 1])
        return self.expected[s] + sum(self.expected[x] for x in later if self.work.gate[x] < 0)

    def key(self, rule: str, m: int, s: int, o: int) -> tuple[float, ...]:
        w, j, expected = self.work, self.job_of[s], self.expected[s] * self.on(o)[1]
        due = w.due_s[j]
        change = 1
        if rule == "spt":
            rank = expected
        elif rule == "edd":
            rank = due
        elif rule == "slack":
            rank = due - self.left(s)
        elif rule == "cr":
            rank = (due - self.now) / max(self.left(s), 1e-9)
        elif rule == "atc":
            queue = [
                self.expected[x] * self.on(y)[1] for x in self.waiting for y in self.options[x] if self.on(y)[0] == m
            ]
            value = w.weight[j] / max(expected, 1e-9)
            spare = max(due - self.now - self.left(s), 0.0)
            mean = max(sum(queue) / len(queue), 1e-9)
            rank = math.inf if value <= 0 else spare / (2.0 * mean) - math.log(value)
        elif rule == "family":
            change = int(not (w.family[s] >= 0 and w.family[s] == self.family[m]))
            rank = due
        elif rule == "lifo":
            rank = -self.ready[s]
        elif rule == "sequence":
            rank = self.policy.priority[s] if self.policy.priority.size else 0.0
        elif rule == "mwkr":
            rank = -self.left(s)
        else:
            rank = self.ready[s]
        return change, rank, self.ready[s], s

    def mates(self, m: int, s: int) -> list[tuple[int, int]]:
        w = self.work
        kind = lambda x: (w.skill[x] if self.shop.people else -1, w.family[x], w.family[x] >= 0 or w.operation[x])  # noqa: E731
        return [(x, o) for x in self.waiting for o in self.options[x] if self.on(o)[0] == m and kind(x) == kind(s)]

    def batch(self, m: int) -> int:
        return int(self.shop.batch[m]) if m < self.m and self.shop.batch.size else 1

    def grown(self, m: int, s: int) -> bool:
        wait = self.shop.batch_wait_s[m] if m < self.m and self.shop.batch_wait_s.size else 0.0
        if self.batch(m) <= 1 or wait <= 0:
            return True
        mates = self.mates(m, s)
        return len(mates) >= self.batch(m) or any(self.ready[x] + wait <= self.now for x, _ in mates)

    def choices(self) -> list[tuple[tuple[float, ...], int, int, int, int]]:
        found = []
        for m in range(self.m + 1):
            room = m == self.m or self.used[m] < self.shop.capacity[m]
            if not room or not is_open(self.machine_hours(m), self.now):
                continue
            able = []
            for s in self.waiting:
                for o in self.options[s]:
                    p = self.free_person(self.work.skill[s])
                    if self.on(o)[0] == m and p is not None and self.grown(m, s):
                        able.append((self.key(self.rules[m], m, s, o), o, s, p))
            if able:
                _, o, s, p = min(able)
                rank = (*self.key(self.common, m, s, o), self.on(o)[1], self.used[m], o)
                found.append((rank, m, s, o, p))
        return found

    def begin(self, m: int, s: int, o: int, p: int, fresh: bool) -> None:
        w, shop, now = self.work, self.shop, self.now
        group = [(s, o)]
        if fresh:
            others = [x for x in self.mates(m, s) if x[0] != s]
            others.sort(key=lambda x: self.key(self.rules[m], m, *x)[1:])
            group += others[: self.batch(m) - 1]
        self.waiting -= {x for x, _ in group}
        need = max(w.run_s[x] * self.on(y)[1] for x, y in group)
        prepare = w.setup_fixed_s[s] if fresh else 0.0
        f = w.family[s]
        if fresh and shop.setup_s.size and f >= 0 and self.family[m] >= 0:
            prepare += shop.setup_s[self.family[m], f]
        if f >= 0:
            self.family[m] = f
        self.used[m] += 1
        self.attending[p] += p >= 0
        self.holds.add(s)
        start = self.do(now, prepare, m, p)
        q = self.policy.transfer_quantity
        part = q / w.pieces[s] if 0 < q < w.pieces[s] and self.batch(m) == 1 else 1.0
        j = self.job_of[s]
        flows = part < 1 and s + 1 < w.first[j + 1] and w.gate[s + 1] < 0
        end = self.do(start, need * part if flows else need, m, p)
        if flows:
            some, end = end, self.do(end, need - need * part, m, p)
            if some < end:
                self.tell(some, "transfer", s)
        if s > w.first[j] and self.end[s - 1] > now:
            spans = shared(self.machine_hours(m), self.person_hours(p))
            end = max(end, done(self.after_delay(s, self.end[s - 1]), need * part, spans))
        for x, y in group:
            self.machine[x], self.person[x], self.setup[x], self.start[x], self.end[x] = m, p, now, start, end
            chance = min(self.on(y)[2] * (w.person_defect[p] if p >= 0 and w.person_defect.size else 1.0), 1.0)
            self.bad[x] = max(binom.ppf(w.defect_u[x], np.floor(w.pieces[x] + 0.5), chance), 0.0)
            self.tell(end, "end", x)
        self.relieve(m, s, p, end)

    def relieve(self, m: int, s: int, p: int, end: float) -> None:
        """Who attends a step goes when its machine shuts, and comes back to it when it opens."""
        hours = self.machine_hours(m)
        if p < 0 or hours == ALWAYS:
            return
        if not is_open(hours, self.now):
            self.attending[p] -= 1
            self.away.add(s)
        for on, off in hours:
            if self.now < on < end:
                self.tell(on, "back", s)
            if self.now < off < end:
                self.tell(off, "leave", s)

    def advance(self, j: int, s: int, t: float) -> None:
        w = self.work
        while s < w.first[j + 1] and w.gate[s] >= 0 and not self.bad[w.gate[s]] > 0:
            s += 1
        if s == w.first[j + 1]:
            self.finished[j] = max(t, self.now)
            self.floor -= 1
            return
        self.ready[s] = self.after_delay(s, t)
        self.tell(self.ready[s], "ready", s)

    def admit(self, j: int, t: float) -> None:
        self.admitted[j] = t
        self.floor += 1
        self.advance(j, self.work.first[j], t)

    def happen(self, kind: str, i: int) -> None:
        if kind == "release":
            self.events += 1
            t = self.work.release_s[i]
            if self.policy.wip_cap and t >= 0:
                heapq.heappush(self.held, (self.work.due_s[i], i))
            else:
                self.admit(i, t)
        elif kind == "ready":
            self.waiting.add(i)
            m_wait = [(self.on(o)[0], o) for o in self.options[i]]
            for m, _ in m_wait:
                if self.batch(m) > 1 and self.shop.batch_wait_s.size:
                    self.tell(self.ready[i] + self.shop.batch_wait_s[m], "look", m)
        elif kind in ("leave", "back"):
            self.attending[self.person[i]] += 1 if kind == "back" else -1
            self.away ^= {i}
        elif kind == "transfer":
            self.passed_on.add(i)
            self.advance(self.job_of[i], i + 1, self.now)
        elif kind == "end":
            self.events += 1
            if i in self.holds:
                self.used[self.machine[i]] -= 1
                self.attending[self.person[i]] -= self.person[i] >= 0 and i not in self.away
            if i not in self.passed_on:
                self.advance(self.job_of[i], i + 1, self.now)

    def run(self, until: float) -> Trace:
        w = self.work
        for k in range(len(self.hours)):
            for on, _ in self.hours[k]:
                if on > 0:
                    self.tell(on, "look", k)
        for j in range(self.jobs):
            if not w.running[j]:
                self.tell(w.release_s[j], "release", j)
                continue
            self.admitted[j] = min(w.release_s[j], 0.0)
            self.floor += 1
            self.events += 1
            s = w.first[j]
            self.ready[s] = 0.0
            o = self.options[s][0]
            self.begin(self.on(o)[0], s, o, w.running_person[j], fresh=False)
        while self.heap and self.heap[0][0] <= until:
            self.now = max(self.heap[0][0], self.now)
            while True:
                while self.heap and self.heap[0][0] <= self.now:
                    self.happen(*heapq.heappop(self.heap)[2])
                if not (self.held and self.floor < self.policy.wip_cap):
                    break
                self.admit(heapq.heappop(self.held)[1], self.now)
            while found := self.choices():
                _, m, s, o, p = min(found)
                self.begin(m, s, o, p, fresh=True)
        late = ~(self.end <= min(until, 1e300))
        self.bad[late] = self.end[late] = np.nan
        for times in (self.ready, self.start):
            times[~(times <= min(until, 1e300))] = np.nan
        self.machine[self.machine == self.m] = -1
        return Trace(
            self.ready, self.setup, self.start, self.end, self.machine, self.person, self.bad, self.admitted,
            self.finished, self.events,
        )  # fmt: skip


def shared(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return sorted((max(x[0], y[0]), min(x[1], y[1])) for x in a for y in b if max(x[0], y[0]) < min(x[1], y[1]))


def is_open(spans: list[tuple[float, float]], t: float) -> bool:
    return any(on <= t < off for on, off in spans)


def done(t: float, need: float, spans: list[tuple[float, float]]) -> float:
    if need <= 0:
        return t
    for on, off in spans:
        room = off - max(on, t)
        if room > 0:
            if need <= room:
                return max(on, t) + need
            need -= room
    return math.inf


def simulate_slowly(shop: Shop, work: Work, policy: Policy, until_s: float = math.inf) -> Trace:
    return Oracle(shop, work, policy).run(until_s)
