"""The records that the simulation kernel works on.

Run plainly, a record is an object of one of these classes; compiled, it is a row of a structured array with the same
fields, made from the same declaration by `fields`. `Floor` holds all of them together, as the one thing handed round.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "Calendar", "Counts", "Floor", "Job", "Machine", "Option", "Person", "Skill", "Step", "Tick", "fields",
]  # fmt: skip


@dataclass(slots=True)
class Tick:
    """An entry of a heap: when, and what (smaller code first)."""

    at_s: float
    code: int


@dataclass(slots=True)
class Counts:
    """What the run counts as it goes."""

    now_s: float
    ticks: int
    held: int
    dirty: int
    floor: int
    done: int
    events: int
    cap: int
    common: int
    families: int
    transfer: float


@dataclass(slots=True)
class Job:
    """An order: what is known of it, and when it entered and left."""

    release_s: float
    due_s: float
    weight: float
    first: int
    last: int
    running: int
    running_person: int
    admitted_s: float
    finished_s: float


@dataclass(slots=True)
class Step:
    """An operation of an order: what it needs, then what became of it."""

    job: int
    run_s: float
    setup_s: float
    family: int
    delay_s: float
    delay_calendar: int
    skill: int
    first: int
    last: int
    defect_u: float
    pieces: float
    gate: int
    expected_s: float
    left_s: float
    priority: float
    operation: int
    ready_s: float
    setup_start_s: float
    start_s: float
    end_s: float
    machine: int
    person: int
    bad: float
    holds: int
    passed_on: int
    away: int


@dataclass(slots=True)
class Option:
    """A machine that can do a step, and its place in that machine's queue."""

    step: int
    machine: int
    factor: float
    defect: float
    before: int
    after: int


@dataclass(slots=True)
class Machine:
    """A machine and its state; the last one stands for "no machine needed"."""

    capacity: int
    busy: int
    calendar: int
    rule: int
    family: int
    head: int
    tail: int
    dirty: int
    choice: int
    batch: int
    batch_wait_s: float
    up_left_s: float
    next_break: int
    last_break: int


@dataclass(slots=True)
class Person:
    """A person: orders attended at once, now and at most."""

    capacity: int
    busy: int
    calendar: int
    defect: float


@dataclass(slots=True)
class Skill:
    """Where the people of a skill stand in the list of the able."""

    first: int
    last: int


@dataclass(slots=True)
class Calendar:
    """Where a calendar's working intervals stand, and the one that is now or next."""

    first: int
    last: int
    at: int
    machines: int
    people: int


class Floor(NamedTuple):
    """Everything that the kernel reads and writes: records and flat lists.

    `able` lists the people of the skills; `on`, `off` the working intervals of the calendars; `setup` the change-overs,
    row by row; `break_after`, `repair` the breakdowns; `heap` what is to come; `pool` orders held outside by the cap;
    `dirty` the machines that may be able to start something.
    """

    counts: Sequence[Counts]
    jobs: Sequence[Job]
    steps: Sequence[Step]
    options: Sequence[Option]
    machines: Sequence[Machine]
    people: Sequence[Person]
    skills: Sequence[Skill]
    able: Sequence[int]
    calendars: Sequence[Calendar]
    on: Sequence[float]
    off: Sequence[float]
    setup: Sequence[float]
    break_after: Sequence[float]
    repair: Sequence[float]
    heap: Sequence[Tick]
    pool: Sequence[Tick]
    dirty: MutableSequence[int]


def fields(record: type) -> list[tuple[str, str]]:
    """Names and NumPy types of a record's fields, as a dtype takes them.

    >>> fields(Skill)
    [('first', 'i8'), ('last', 'i8')]
    """
    return [(name, "f8" if kind == "float" else "i8") for name, kind in record.__annotations__.items()]
