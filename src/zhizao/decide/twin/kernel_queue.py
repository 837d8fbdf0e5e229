"""The kernel's queues: the heap of what is to come, the queue of each machine, and which waiting step goes next.

Kernel source: plain loops, run by Python as they stand or compiled by Numba (see `kernel`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .kernel_hours import at_work
from .kernel_records import Floor, Job, Machine, Option, Step, Tick

__all__ = ["SPAN", "attendant", "choose", "delist", "enlist", "next_start", "pop", "push", "rank", "touch"]

FIFO, SPT, EDD, SLACK, ATC, CR, FAMILY, LIFO, SEQUENCE, MWKR = range(10)
END, TRANSFER, READY, SHIFT, WAKE, LEAVE, BACK = range(7)
SPAN = 1 << 40
"""An event's code is kind * SPAN + index, so that events of one instant have one order."""
UNKNOWN = -2
"""A machine's choice that has to be made afresh."""
LOOK_AHEAD = 2.0
"""The scaling parameter k of the apparent tardiness cost rule (Vepsalainen and Morton 1987)."""


def push(heap: Sequence[Tick], n: int, at_s: float, code: int) -> int:
    """Put a tick into a heap of n; the new n."""
    i = n
    while i > 0:
        parent = (i - 1) >> 1
        up = heap[parent]
        if up.at_s < at_s or (up.at_s == at_s and up.code < code):
            break
        heap[i].at_s = up.at_s
        heap[i].code = up.code
        i = parent
    heap[i].at_s = at_s
    heap[i].code = code
    return n + 1


def pop(heap: Sequence[Tick], n: int) -> int:
    """Take the first tick out of a heap of n; the new n."""
    n -= 1
    at_s = heap[n].at_s
    code = heap[n].code
    i = 0
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n:
            left = heap[child]
            right = heap[child + 1]
            if right.at_s < left.at_s or (right.at_s == left.at_s and right.code < left.code):
                child += 1
        low = heap[child]
        if at_s < low.at_s or (at_s == low.at_s and code < low.code):
            break
        heap[i].at_s = low.at_s
        heap[i].code = low.code
        i = child
    heap[i].at_s = at_s
    heap[i].code = code
    return n


def attendant(skill: int, now: float, f: Floor) -> int:
    """First person of a skill who is free and at work, -1 when there is none."""
    people = f.people
    skills = f.skills
    able = f.able
    for i in range(skills[skill].first, skills[skill].last):
        person = people[able[i]]
        if person.busy < person.capacity and at_work(person.calendar, now, f):
            return able[i]
    return -1


def rank(rule: int, now: float, step: Step, job: Job, option: Option, machine: Machine, mean_s: float) -> float:
    """How long a step should wait by a rule: the smallest goes first (ties: longest ready, then first in the list)."""
    if rule == SPT:
        return step.expected_s * option.factor
    if rule in (EDD, FAMILY):
        return job.due_s
    if rule == SLACK:
        return job.due_s - step.left_s
    if rule == CR:
        return (job.due_s - now) / max(step.left_s, 1e-9)
    if rule == ATC:
        spare = max(job.due_s - now - step.left_s, 0.0)
        cost = job.weight / max(step.expected_s * option.factor, 1e-9)
        if cost <= 0.0:
            return math.inf
        return spare / (LOOK_AHEAD * max(mean_s, 1e-9)) - math.log(cost)
    if rule == LIFO:
        return -step.ready_s
    if rule == SEQUENCE:
        return step.priority
    if rule == MWKR:
        return -step.left_s
    return step.ready_s


def change(rule: int, step: Step, machine: Machine) -> float:
    """First key of a rank: 0 when rule `family` is spared a change, else 1."""
    return 0.0 if rule == FAMILY and step.family >= 0 and step.family == machine.family else 1.0


def typical(rule: int, machine: Machine, f: Floor) -> float:
    """Mean time expected of the steps that wait for a machine; only rule `atc` asks."""
    steps = f.steps
    options = f.options
    if rule != ATC:
        return 1.0
    total = 0.0
    count = 0
    x = machine.head
    while x >= 0:
        total += steps[options[x].step].expected_s * options[x].factor
        count += 1
        x = options[x].after
    return total / max(count, 1)


def before(a1: float, a2: float, a: Step, ai: int, b1: float, b2: float, b: Step, bi: int) -> bool:
    """Whether step ai of rank (a1, a2) goes before step bi of rank (b1, b2)."""
    if a1 != b1:
        return a1 < b1
    if a2 != b2:
        return a2 < b2
    if a.ready_s != b.ready_s:
        return a.ready_s < b.ready_s
    return ai < bi


def alike(a: Step, b: Step) -> bool:
    """Whether two steps may share a batch: same family (or, without one, same operation) and same skill."""
    if a.skill != b.skill or a.family != b.family:
        return False
    return a.family >= 0 or a.operation == b.operation


def grown(o: int, now: float, machine: Machine, f: Floor) -> bool:
    """Whether the batch that option o would open is full, or has waited long enough."""
    steps = f.steps
    options = f.options
    if machine.batch_wait_s <= 0.0:
        return True
    lead = steps[options[o].step]
    count = 0
    x = machine.head
    while x >= 0:
        step = steps[options[x].step]
        if alike(lead, step):
            count += 1
            if count >= machine.batch or step.ready_s + machine.batch_wait_s <= now:
                return True
        x = options[x].after
    return False


def choose(m: int, now: float, f: Floor) -> int:
    """The waiting option that machine m takes next by its rule, among those with a person to do them; -1 = none."""
    jobs = f.jobs
    steps = f.steps
    options = f.options
    machines = f.machines
    machine = machines[m]
    if machine.head < 0 or machine.busy >= machine.capacity or not at_work(machine.calendar, now, f):
        return -1
    rule = machine.rule
    mean_s = typical(rule, machine, f)
    best = -1
    best1 = best2 = 0.0
    barren = -1
    x = machine.head
    while x >= 0:
        option = options[x]
        s = option.step
        step = steps[s]
        possible = step.skill < 0 or step.skill != barren
        if possible and best >= 0:
            one = change(rule, step, machine)
            two = rank(rule, now, step, jobs[step.job], option, machine, mean_s)
            t = options[best].step
            possible = before(one, two, step, s, best1, best2, steps[t], t)
        if possible and step.skill >= 0:
            possible = attendant(step.skill, now, f) >= 0
            if not possible:
                barren = step.skill
        if possible and machine.batch > 1:
            possible = grown(x, now, machine, f)
        if possible:
            if rule == FIFO:
                return x
            best = x
            best1 = change(rule, step, machine)
            best2 = rank(rule, now, step, jobs[step.job], option, machine, mean_s)
        x = option.after
    return best


def touch(m: int, f: Floor) -> None:
    """Note that machine m may be able to start something."""
    machine = f.machines[m]
    if machine.dirty == 0 and machine.head >= 0 and machine.busy < machine.capacity:
        c = f.counts[0]
        machine.dirty = 1
        machine.choice = UNKNOWN
        f.dirty[c.dirty] = m
        c.dirty += 1


def enlist(s: int, f: Floor) -> None:
    """Put a step that is ready into the queue of each of its machines, in order of (ready, step)."""
    c = f.counts[0]
    steps = f.steps
    options = f.options
    machines = f.machines
    heap = f.heap
    step = steps[s]
    for o in range(step.first, step.last):
        option = options[o]
        machine = machines[option.machine]
        x = machine.tail
        while x >= 0:
            other = steps[options[x].step]
            if other.ready_s < step.ready_s or (other.ready_s == step.ready_s and options[x].step < s):
                break
            x = options[x].before
        option.before = x
        if x >= 0:
            option.after = options[x].after
            options[x].after = o
        else:
            option.after = machine.head
            machine.head = o
        if option.after >= 0:
            options[option.after].before = o
        else:
            machine.tail = o
        touch(option.machine, f)
        if machine.batch > 1 and machine.batch_wait_s > 0.0:
            c.ticks = push(heap, c.ticks, step.ready_s + machine.batch_wait_s, WAKE * SPAN + option.machine)


def delist(s: int, f: Floor) -> None:
    """Take a step out of the queues."""
    steps = f.steps
    options = f.options
    machines = f.machines
    for o in range(steps[s].first, steps[s].last):
        option = options[o]
        machines[option.machine].choice = UNKNOWN
        if option.before >= 0:
            options[option.before].after = option.after
        else:
            machines[option.machine].head = option.after
        if option.after >= 0:
            options[option.after].before = option.before
        else:
            machines[option.machine].tail = option.before


def next_start(f: Floor) -> int:
    """The option to start next, over all machines that may be able to start something; -1 when there is none.

    What several machines would start is compared by their rule when all share one, else by who has waited longest; one
    step that several machines would start goes, at a tie, to the fastest, then to the least loaded.
    """
    c = f.counts[0]
    jobs = f.jobs
    steps = f.steps
    options = f.options
    machines = f.machines
    dirty = f.dirty
    now = c.now_s
    pick = -1
    pick1 = pick2 = 0.0
    i = 0
    while i < c.dirty:
        machine = machines[dirty[i]]
        if machine.choice >= 0:
            skill = steps[options[machine.choice].step].skill
            if skill >= 0 and attendant(skill, now, f) < 0:
                machine.choice = UNKNOWN
        if machine.choice == UNKNOWN:
            machine.choice = choose(dirty[i], now, f)
        o = machine.choice
        if o < 0:
            machine.dirty = 0
            c.dirty -= 1
            dirty[i] = dirty[c.dirty]
            continue
        i += 1
        if pick < 0 and c.dirty == 1:
            return o
        option = options[o]
        s = option.step
        step = steps[s]
        one = change(c.common, step, machine)
        mean_s = typical(c.common, machine, f)
        two = rank(c.common, now, step, jobs[step.job], option, machine, mean_s)
        if pick < 0:
            better = True
        else:
            rival = options[pick]
            if rival.step != s or one != pick1 or two != pick2:
                better = before(one, two, step, s, pick1, pick2, steps[rival.step], rival.step)
            elif option.factor != rival.factor:
                better = option.factor < rival.factor
            elif machine.busy != machines[rival.machine].busy:
                better = machine.busy < machines[rival.machine].busy
            else:
                better = o < pick
        if better:
            pick = o
            pick1 = one
            pick2 = two
    return pick
