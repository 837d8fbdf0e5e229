"""What moves and works on the floor of the sample plant: lots with their tasks, stations with their loads, people."""

from __future__ import annotations

from dataclasses import dataclass, field

from zhizao.testing.sample.hours import NEVER_S, Week
from zhizao.testing.sample.orders import Lives, Order
from zhizao.testing.sample.truth import Machine, Operation, Person

__all__ = ["Load", "Lot", "Station", "Task", "Worker"]


@dataclass(slots=True)
class Task:
    """One operation still to be done to a lot, or to some of its pieces."""

    operation: Operation
    pieces: list[int] | None  # None: all that are alive when it begins
    visit: int
    rework: bool


@dataclass(slots=True)
class Lot:
    """An order, or a transfer batch of one, on the floor; times in seconds."""

    order: Order
    lot: int
    alive: list[int]
    todo: list[Task]
    released: int
    due_s: int
    family: str
    place: str = ""
    came_from: str = ""  # centre that it left last
    busy: bool = False  # on a machine
    hidden: dict[int, str] = field(default_factory=dict)  # bad piece -> operation that made it
    visits: dict[str, int] = field(default_factory=dict)
    arrived: int = 0
    number: int = 0
    expected_s: float = 1.0
    remaining_s: float = 1.0


@dataclass(slots=True)
class Load:
    """A lot on a machine with what is still to be done to it."""

    lot: Lot
    task: Task
    pieces: list[int]
    setup_s: int
    run_s: float
    run_total_s: float
    done: int = 0


@dataclass(slots=True)
class Station:
    """A machine with what is on it and how long it has lived."""

    machine: Machine
    centre: str
    week: Week
    rule: str
    lives: Lives | None
    loads: list[Load] = field(default_factory=list)
    person: Worker | None = None
    began: int = -1  # start of the running segment, -1 = not running
    down: bool = False
    age_s: int = 0
    fails_s: int = NEVER_S
    repair_s: int = 0
    family: str = ""
    order: str = ""
    last: Operation | None = None  # done last, or being done


@dataclass(slots=True)
class Worker:
    """A person and whether their hands are free."""

    person: Person
    week: Week
    free: bool = True
