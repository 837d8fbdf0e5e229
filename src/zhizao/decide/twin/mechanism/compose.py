"""Orders put together for the kernel: their plans, times, options, people and chances of bad pieces, drawn for one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zhizao.decide.twin.mechanism.routes import Plan, plans
from zhizao.decide.twin.mechanism.scene import Scene
from zhizao.decide.twin.mechanism.week import WEEK_S, intervals
from zhizao.decide.twin.shop import RULES, Floats, Ints, Policy, Shop, Work

if TYPE_CHECKING:
    from zhizao.decide.twin.mechanism.mechanism import Mechanism

__all__ = ["Orders", "compose"]

_ROOM = 1.6
"""Calendars are laid out for so many times the span of the demand, and eight weeks."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Demand of one run, sorted by when it comes.

    Parameters
    ----------
    names : (J,)
    cases : (J,) past case that each order takes after
    came_s, due_s : (J,) clock seconds; due nan = none
    quantity : (J,) pieces, nan = as its past case
    """

    names: tuple[str, ...]
    cases: Ints
    came_s: Floats
    due_s: Floats
    quantity: Floats


def compose(
    m: Mechanism, orders: Orders, zero_s: float, rng: np.random.Generator, *, window_s: float = np.inf
) -> Scene:
    """Arrays of one run.

    Parameters
    ----------
    m : what was learned
    orders : demand
    zero_s : kernel time 0
    rng : draws of this run
    window_s : when the records end, seconds after zero
    """
    cases, came_s = orders.cases, orders.came_s
    past, visits = m.past, m.visits
    base = _base(m)
    known, which, first = _plans_of(m, base)
    jobs = len(cases)
    sizes = np.array([len(one.operation) for one in known])[which[cases]]
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    job = np.repeat(np.arange(jobs), sizes)
    operation = np.concatenate([known[k].operation for k in which[cases]])
    gate = np.concatenate([known[k].gate for k in which[cases]])
    source = np.concatenate([known[k].source for k in which[cases]])
    gate = np.where(gate >= 0, gate + start[:-1][job], -1)
    rework = gate >= 0
    visit = base[first[cases][job] + source]
    product = past.product[cases]
    what = np.where(product[job] < 0, len(past.products), product[job])
    own = np.where(past.quantity[cases] > 0, past.quantity[cases], m.pieces[base[first[cases]]])
    quantity = np.where(orders.quantity > 0, orders.quantity, own)
    pieces = np.where(rework, _mended(m)[operation], m.pieces[visit] * (quantity / own)[job])
    run, expected = _run(m, operation, what, pieces, rng)
    setup_fixed = _drawn_setups(m, operation, rng)
    family = m.setups.family[operation, what] if m.setups.by_sequence else np.full(len(operation), -1)
    option_ptr, option_machine = _options(m, operation)
    step_of = np.repeat(np.arange(len(operation)), np.diff(option_ptr))
    op_of = operation[step_of]
    rate = m.defects.rate[op_of] * m.defects.machine[op_of, option_machine]
    rate = np.where(rework[step_of], 0.0, rate)
    noticed, again = m.defects.noticed[op_of], m.defects.again[op_of]
    before = np.where(np.arange(len(operation)) == start[:-1][job], len(visits.operations), np.roll(operation, 1))
    delay = m.delays.median_s[before, operation] * np.exp(
        m.delays.spread[before, operation] * rng.standard_normal(len(operation))
    )
    release = came_s - zero_s
    due = orders.due_s - zero_s
    horizon = _ROOM * float(release.max(initial=0.0)) + 8 * WEEK_S
    shop = _shop(m, zero_s, horizon)
    break_ptr, break_after, repair = _breakdowns(m, horizon, rng)
    care = _care(m, rng)
    work = Work(
        release_s=release,
        due_s=np.where(np.isfinite(due), due, np.inf),
        weight=np.ones(jobs),
        quantity=quantity,
        product=product,
        first=start,
        operation=operation,
        run_s=run,
        setup_fixed_s=setup_fixed,
        family=family,
        delay_s=delay,
        delay_worktime=np.zeros(len(operation), bool),
        skill=np.where(m.posts.needed[operation], operation, -1),
        option_ptr=option_ptr,
        option_machine=option_machine,
        option_factor=m.times.factor[op_of, option_machine],
        option_defect=np.clip(rate * (1 - noticed) * again, 0.0, 0.9),
        person_defect=care,
        defect_u=rng.random(len(operation)),
        pieces=np.maximum(np.round(pieces), 1.0),
        gate=gate,
        running=np.zeros(jobs, bool),
        running_person=np.full(jobs, -1),
        expected_s=expected,
        break_ptr=break_ptr,
        break_after_s=break_after,
        repair_s=repair,
    )
    return Scene(
        shop=shop,
        work=work,
        policy=Policy(rule=np.array([RULES.index(name) for name in m.discipline.rule], np.int64)),
        operations=visits.operations,
        products=past.products,
        orders=orders.names,
        zone=past.zone,
        zero_s=zero_s,
        horizon_s=horizon,
        window_s=window_s,
        machine_week=visits.machine_week,
        members=tuple(tuple(visits.people[p] for p in one) for one in m.posts.members),
        member_week=visits.person_week,
        member_code={name: code for code, name in enumerate(visits.people)},
        labels=_labels(m),
        names=past.labels,
        rework=rework,
        inspects=m.defects.inspects,
        lost_u=rng.random(len(operation)),
        late_u=rng.random(len(operation)),
        lost_rate=np.clip(rate * noticed, 0.0, 0.9),
        late_rate=np.clip(rate * (1 - noticed) * (1 - again), 0.0, 0.9),
        told=m.defects.known,
        due_known=bool(np.isfinite(past.due_s).any()),
        release_known=bool(np.isfinite(past.released_s).any()),
        people_are_machines=past.real_machines == 0 and len(past.people) > 0,
    )


def _plans_of(m: Mechanism, base: Ints) -> tuple[list[Plan], Ints, Ints]:
    """Plans of all cases; a case whose every visit is rework has its first visit as its route."""
    visits = m.visits
    return plans(visits.case[base], visits.operation[base], m.defects, m.again)


def _base(m: Mechanism) -> Ints:
    """Visits that make up the routes: no rework, but at least one visit of every case."""
    visits = m.visits
    route = ~visits.rework
    has = np.bincount(visits.case[route], minlength=len(m.past.orders)) > 0
    first = np.concatenate([[True], visits.case[1:] != visits.case[:-1]])
    return np.flatnonzero(route | (first & ~has[visits.case]))


def _mended(m: Mechanism) -> Floats:
    """(O,) mean pieces of a visit that does the operation again."""
    visits = m.visits
    count = len(visits.operations)
    n = np.bincount(visits.operation[visits.rework], minlength=count)
    total = np.bincount(visits.operation[visits.rework], m.pieces[visits.rework], minlength=count)
    return np.where(n > 0, total / np.maximum(n, 1), 1.0)


def _run(m: Mechanism, operation: Ints, what: Ints, pieces: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Work of each step on a machine of factor 1 and what a planner expects of it, seconds."""
    times = m.times
    log_mean = times.mean[operation, what] + times.size[operation] * np.log(np.maximum(pieces, 1.0))
    residual = np.zeros(len(operation))
    level = np.ones(len(times.size))
    for o in np.unique(operation):
        known = times.residual[(m.visits.operation == o) & np.isfinite(times.residual)]
        at = np.flatnonzero(operation == o)
        if len(known):
            residual[at] = known[rng.integers(len(known), size=len(at))]
            level[o] = float(np.mean(np.exp(np.clip(known, -3, 3))))
    return np.exp(log_mean + residual), np.exp(log_mean) * level[operation]


def _drawn_setups(m: Mechanism, operation: Ints, rng: np.random.Generator) -> Floats:
    out = np.zeros(len(operation))
    if m.setups.by_sequence:
        return out
    for o in np.unique(operation):
        drawn = m.setups.drawn[o]
        at = np.flatnonzero(operation == o)
        if len(drawn):
            has = rng.random(len(at)) < m.setups.share[o]
            out[at[has]] = drawn[rng.integers(len(drawn), size=int(has.sum()))]
    return out


def _options(m: Mechanism, operation: Ints) -> tuple[Ints, Ints]:
    """Machines that can do each step: those that do its operation."""
    lists = [np.flatnonzero(row) for row in m.can]
    share = np.zeros(m.can.shape)
    np.add.at(share, (m.visits.operation, m.visits.machine), 1.0)
    lists = [one[np.argsort(-share[o, one], kind="stable")] for o, one in enumerate(lists)]
    sizes = np.array([len(one) for one in lists])[operation]
    ptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return ptr, np.concatenate([lists[o] for o in operation.tolist()]).astype(np.int64)


def _shop(m: Mechanism, zero_s: float, horizon_s: float) -> Shop:
    visits, posts = m.visits, m.posts
    week = np.concatenate([visits.machine_week, posts.week])
    ptr, on, off = intervals(week, zero_s, zero_s + horizon_s)
    machines, people = len(visits.machines), len(posts.members)
    return Shop(
        machines=visits.machines,
        people=tuple("+".join(visits.people[p] for p in one) for one in posts.members),
        capacity=m.capacity,
        multitask=np.ones(people, np.int64),
        calendar_ptr=ptr,
        on_s=on,
        off_s=off,
        machine_calendar=np.arange(machines),
        person_calendar=machines + np.arange(people),
        skill_ptr=posts.skill_ptr,
        skill_person=posts.skill_post,
        setup_s=m.setups.seconds if m.setups.by_sequence else np.zeros((0, 0)),
        mtbf_s=np.zeros(machines),
        mttr_s=np.zeros(machines),
        batch=m.batch,
    )


def _breakdowns(m: Mechanism, horizon_s: float, rng: np.random.Generator) -> tuple[Ints, Floats, Floats]:
    ptr, after, repair = [0], [], []
    for wear in m.wear:
        if wear is not None:
            count = int(2 * horizon_s / max(wear.scale_s, 600.0)) + 4
            after.append(wear.scale_s * rng.weibull(wear.shape, count))
            repair.append(wear.repair_s[rng.integers(len(wear.repair_s), size=count)])
            ptr.append(ptr[-1] + count)
        else:
            ptr.append(ptr[-1])
    if not after:
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    return np.array(ptr, np.int64), np.concatenate(after), np.concatenate(repair)


def _care(m: Mechanism, rng: np.random.Generator) -> Floats:
    """(Q,) factor of each post on the rate of bad pieces: its members', weighted by the visits they made.

    Each run draws the factors anew within what the records leave open, so that a promise carries it.
    """
    visits = m.visits
    factor = m.defects.person * np.exp(rng.standard_normal(len(m.defects.person)) / np.sqrt(m.defects.person_bad))
    load = np.bincount(visits.person[visits.person >= 0], minlength=len(visits.people)) + 1.0
    return np.array([np.average(factor[list(one)], weights=load[list(one)]) for one in m.posts.members])


def _labels(m: Mechanism) -> Ints:
    """(O, M) label most used for an operation on a machine; the operation's most used where there is none."""
    visits = m.visits
    out = np.zeros(m.can.shape, np.int64)
    for o in range(len(visits.operations)):
        mine = visits.operation == o
        if mine.any():
            out[o] = np.bincount(visits.label[mine]).argmax()
    key, count = np.unique(np.stack([visits.operation, visits.machine, visits.label]), axis=1, return_counts=True)
    for at in np.argsort(count, kind="stable"):
        out[key[0, at], key[1, at]] = key[2, at]
    return out
