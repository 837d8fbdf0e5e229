"""The simulation kernel: one source in plain loops over records, run by Python as it stands or compiled by Numba.

A record is an object with slots when run plainly and a row of a structured array when compiled; the loops cannot tell.
All that happens at one instant is taken in first (ends, releases, shifts), then free machines choose, so the outcome
does not depend on the order in which events of one instant were written down. `docs/kernel.md` states each rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from . import kernel_hours, kernel_queue
from .kernel_hours import at_work, bad_pieces, machined, worked
from .kernel_queue import (
    BACK,
    END,
    LEAVE,
    READY,
    SHIFT,
    SPAN,
    TRANSFER,
    alike,
    attendant,
    before,
    delist,
    enlist,
    next_start,
    pop,
    push,
    rank,
    touch,
    typical,
)  # fmt: skip
from .kernel_records import Floor

__all__ = ["HELPERS", "run"]


def admit(j: int, at_s: float, f: Floor) -> None:
    """Let an order onto the floor."""
    c = f.counts[0]
    jobs = f.jobs
    jobs[j].admitted_s = at_s
    c.floor += 1
    advance(j, jobs[j].first, at_s, f)


def advance(j: int, s: int, at_s: float, f: Floor) -> None:
    """Send an order on to step s at a given time: past steps whose gate is shut, or out of the door."""
    c = f.counts[0]
    jobs = f.jobs
    steps = f.steps
    heap = f.heap
    job = jobs[j]
    while s < job.last and steps[s].gate >= 0 and not steps[steps[s].gate].bad > 0.0:
        s += 1
    if s == job.last:
        job.finished_s = max(at_s, c.now_s)
        c.floor -= 1
        c.done += 1
        return
    step = steps[s]
    if step.delay_s <= 0.0:
        step.ready_s = at_s
    else:
        step.ready_s = worked(at_s, step.delay_s, step.delay_calendar, -1, f)
    if step.ready_s <= c.now_s:
        enlist(s, f)
    elif step.ready_s < math.inf:
        c.ticks = push(heap, c.ticks, step.ready_s, READY * SPAN + s)


def begin(o: int, p: int, fresh: bool, need: float, f: Floor) -> None:
    """Start option o now with person p (-1 = nobody), for `need` seconds of work: its times and end are settled here.

    A step that is not fresh was under way at time 0: it needs no set-up any more. Steps that share its batch hang on
    `Option.after` and get the same times.
    """
    c = f.counts[0]
    jobs = f.jobs
    steps = f.steps
    options = f.options
    machines = f.machines
    people = f.people
    setup = f.setup
    heap = f.heap
    now = c.now_s
    option = options[o]
    s = option.step
    step = steps[s]
    machine = machines[option.machine]
    hours = -1
    careful = 1.0
    if p >= 0:
        people[p].busy += 1
        hours = people[p].calendar
        careful = people[p].defect
    machine.busy += 1
    prepare = 0.0
    if fresh:
        prepare = step.setup_s
        if c.families > 0 and step.family >= 0 and machine.family >= 0:
            prepare += setup[machine.family * c.families + step.family]
    if step.family >= 0:
        machine.family = step.family
    step.holds = 1
    step.start_s = machined(now, prepare, machine, hours, f)
    part = 1.0
    if c.transfer > 0.0 and machine.batch <= 1 and c.transfer < step.pieces:
        part = c.transfer / step.pieces
    first = jobs[step.job].first
    last = jobs[step.job].last
    if part < 1.0 and s + 1 < last and steps[s + 1].gate < 0:
        some = machined(step.start_s, need * part, machine, hours, f)
        end = machined(some, need - need * part, machine, hours, f)
        if some < end:
            c.ticks = push(heap, c.ticks, some, TRANSFER * SPAN + s)
    else:
        end = machined(step.start_s, need, machine, hours, f)
    if s > first and steps[s - 1].end_s > now:
        rest = worked(steps[s - 1].end_s, step.delay_s, step.delay_calendar, -1, f)
        end = max(end, worked(rest, need * part, machine.calendar, hours, f))
    x = o
    while x >= 0:
        s = options[x].step
        mate = steps[s]
        mate.machine = option.machine
        mate.person = p
        mate.setup_start_s = now
        mate.start_s = step.start_s
        mate.end_s = end
        mate.bad = bad_pieces(mate.pieces, options[x].defect * careful, mate.defect_u)
        if end < math.inf:
            c.ticks = push(heap, c.ticks, end, END * SPAN + s)
        x = options[x].after
    if p >= 0 and machine.calendar >= 0:
        relieve(option.step, f)


def relieve(s: int, f: Floor) -> None:
    """Let the person of a running step go while its machine is shut: when that is next, or now if it is shut now.

    Who has left may attend to other work; when the machine opens again they come back to this step first.
    """
    c = f.counts[0]
    step = f.steps[s]
    k = f.machines[step.machine].calendar
    at_work(k, c.now_s, f)
    i = f.calendars[k].at
    if i >= f.calendars[k].last or f.on[i] > c.now_s:
        f.people[step.person].busy -= 1
        step.away = 1
        if i < f.calendars[k].last and f.on[i] < step.end_s:
            c.ticks = push(f.heap, c.ticks, f.on[i], BACK * SPAN + s)
    elif f.off[i] < step.end_s:
        c.ticks = push(f.heap, c.ticks, f.off[i], LEAVE * SPAN + s)


def gather(o: int, now: float, f: Floor) -> float:
    """Take option o out of the queues, with those that share its batch (by the machine's rule); their longest work."""
    jobs = f.jobs
    steps = f.steps
    options = f.options
    machines = f.machines
    lead = steps[options[o].step]
    machine = machines[options[o].machine]
    mean_s = typical(machine.rule, machine, f)
    delist(options[o].step, f)
    options[o].after = -1
    need = lead.run_s * options[o].factor
    count = 1
    while count < machine.batch:
        best = -1
        best2 = 0.0
        x = machine.head
        while x >= 0:
            s = options[x].step
            step = steps[s]
            if alike(lead, step):
                two = rank(machine.rule, now, step, jobs[step.job], options[x], machine, mean_s)
                t = options[max(best, 0)].step
                if best < 0 or before(0.0, two, step, s, 0.0, best2, steps[t], t):
                    best = x
                    best2 = two
            x = options[x].after
        if best < 0:
            break
        delist(options[best].step, f)
        options[best].after = options[o].after
        options[o].after = best
        need = max(need, steps[options[best].step].run_s * options[best].factor)
        count += 1
    return need


def run(until: float, f: Floor) -> None:
    """Run the shop until all orders are done, nothing can happen any more, or time is up; records hold the outcome."""
    c = f.counts[0]
    jobs = f.jobs
    steps = f.steps
    options = f.options
    machines = f.machines
    people = f.people
    calendars = f.calendars
    on = f.on
    heap = f.heap
    pool = f.pool
    n_jobs = len(jobs)
    for k in range(len(calendars)):
        calendar = calendars[k]
        calendar.at = calendar.first
        at_work(k, 0.0, f)
        i = calendar.at
        if i < calendar.last and on[i] <= 0.0:
            i += 1
        if i < calendar.last and calendar.machines + calendar.people > 0:
            c.ticks = push(heap, c.ticks, on[i], SHIFT * SPAN + k)
    for j in range(n_jobs):
        job = jobs[j]
        if job.running:
            job.admitted_s = min(job.release_s, 0.0)
            c.floor += 1
            c.events += 1
            step = steps[job.first]
            step.ready_s = 0.0
            o = step.first
            need = step.run_s * options[o].factor
            begin(o, job.running_person, False, need, f)
    coming = 0
    while c.done < n_jobs:
        t = math.inf
        if c.ticks > 0:
            t = heap[0].at_s
        while coming < n_jobs and jobs[coming].running:
            coming += 1
        if coming < n_jobs:
            t = min(t, jobs[coming].release_s)
        if t == math.inf or t > until:
            break
        now = max(t, c.now_s)
        c.now_s = now
        while coming < n_jobs and jobs[coming].release_s <= now:
            release_s = jobs[coming].release_s
            if not jobs[coming].running:
                c.events += 1
                if c.cap > 0 and release_s >= 0.0:
                    c.held = push(pool, c.held, jobs[coming].due_s, coming)
                else:
                    admit(coming, release_s, f)
            coming += 1
        while c.ticks > 0 and heap[0].at_s <= now:
            kind = heap[0].code // SPAN
            s = heap[0].code % SPAN
            c.ticks = pop(heap, c.ticks)
            if kind == END:
                step = steps[s]
                c.events += 1
                if step.holds:
                    machines[step.machine].busy -= 1
                    touch(step.machine, f)
                    if step.person >= 0 and not step.away:
                        people[step.person].busy -= 1
                        for m in range(len(machines)):
                            if machines[m].head >= 0:
                                touch(m, f)
                if not step.passed_on:
                    advance(step.job, s + 1, now, f)
            elif kind == TRANSFER:
                steps[s].passed_on = 1
                advance(steps[s].job, s + 1, now, f)
            elif kind == READY:
                enlist(s, f)
            elif kind == SHIFT:
                calendar = calendars[s]
                at_work(s, now, f)
                if calendar.at + 1 < calendar.last:
                    c.ticks = push(heap, c.ticks, on[calendar.at + 1], SHIFT * SPAN + s)
                for m in range(len(machines)):
                    if calendar.people > 0 or machines[m].calendar == s:
                        touch(m, f)
            elif kind == LEAVE:
                relieve(s, f)
                for m in range(len(machines)):
                    if machines[m].head >= 0:
                        touch(m, f)
            elif kind == BACK:
                people[steps[s].person].busy += 1
                steps[s].away = 0
                relieve(s, f)
            else:
                touch(s, f)
        while c.held > 0 and c.floor < c.cap:
            j = pool[0].code
            c.held = pop(pool, c.held)
            admit(j, now, f)
        while c.dirty > 0:
            o = next_start(f)
            if o < 0:
                break
            skill = steps[options[o].step].skill
            p = -1
            if skill >= 0:
                p = attendant(skill, now, f)
            need = gather(o, now, f)
            begin(o, p, True, need, f)


HELPERS: tuple[Callable[..., object], ...] = (
    kernel_hours.at_work, kernel_hours.worked, kernel_hours.machined, kernel_hours.bad_pieces,
    kernel_queue.push, kernel_queue.pop, kernel_queue.attendant, kernel_queue.rank, kernel_queue.change,
    kernel_queue.typical, kernel_queue.before, kernel_queue.alike, kernel_queue.grown, kernel_queue.choose,
    kernel_queue.touch, kernel_queue.enlist, kernel_queue.delist, kernel_queue.next_start,
    admit, advance, relieve, begin, gather,
)  # fmt: skip
"""What `run` calls, to be made known to Numba before `run` is compiled."""
