"""What is true of the sample plant: every parameter that its records come from, in one frozen tree.

The tree is plain data (`Truth.as_json` gives dicts, lists, numbers and strings), so a test can hold what was discovered
to what was meant, and a lever is nothing but a changed copy of the tree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Centre", "Machine", "Maintenance", "Operation", "Person", "Policy", "Product", "Transport", "Truth", "Wave"]

Hours = tuple[tuple[int, float, float], ...]
"""Weekly pattern: (ISO weekday, from hour, to hour) in local time."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine.

    Parameters
    ----------
    name : as in the records
    hours : when it may run
    pace : factor on processing times, > 0; 1.2 is slower
    defects : factor on the defect probability
    batch : lots that it takes together (a furnace), 1 = one at a time
    life_h, life_shape : Weibull scale (busy hours) and shape of the time between breakdowns; 0 h = never breaks down;
        each repair or maintenance makes it as new
    repair_h, repair_sigma : median of the repair in machine hours and sigma of its logarithm
    """

    name: str
    hours: Hours
    pace: float = 1.0
    defects: float = 1.0
    batch: int = 1
    life_h: float = 0.0
    life_shape: float = 1.0
    repair_h: float = 0.0
    repair_sigma: float = 0.0


@dataclass(frozen=True, slots=True)
class Centre:
    """A work centre: machines that share one queue, in the order in which free ones help themselves."""

    name: str
    machines: tuple[Machine, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at work.

    Parameters
    ----------
    name : as in the records
    hours : when at work
    pace : factor on processing times, > 0
    defects : factor on the defect probability
    """

    name: str
    hours: Hours
    pace: float = 1.0
    defects: float = 1.0


@dataclass(frozen=True, slots=True)
class Operation:
    """A kind of work.

    Parameters
    ----------
    name : as in the records
    centre : work centre that does it
    machines : machines that can do it
    crew : people who can do it, who is asked first comes first; nobody means unattended
    sigma : sigma of the logarithm of the noise on a lot's processing time
    setup : factor on the set-up matrix, 0 = no set-up
    setup_sigma : sigma of the logarithm of the noise on a set-up
    defect : probability that a piece comes out bad (with factors 1)
    noticed : share of the bad pieces that the operator sees and scraps at once
    reworkable : share of the bad pieces found by an inspection that can be mended by doing the operation again
    inspects : whether it finds all bad pieces so far
    fixed_s : processing time of the whole lot, seconds; 0 = by piece
    seals : whether what was spoiled before it can no longer be mended after it (hardened steel is not turned again)
    """

    name: str
    centre: str
    machines: tuple[str, ...]
    crew: tuple[str, ...] = ()
    sigma: float = 0.18
    setup: float = 0.0
    setup_sigma: float = 0.15
    defect: float = 0.0
    noticed: float = 0.4
    reworkable: float = 0.0
    inspects: bool = False
    fixed_s: float = 0.0
    seals: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A part number.

    Parameters
    ----------
    name, family : part number and set-up family
    route : operations in order
    piece_s : seconds for one piece at each operation of the route that goes by piece
    quantity : median pieces of an order
    share : share of the orders
    material : cost of the material in one piece
    """

    name: str
    family: str
    route: tuple[str, ...]
    piece_s: Mapping[str, float]
    quantity: float
    share: float
    material: float


@dataclass(frozen=True, slots=True)
class Transport:
    """Delay between two centres that is not queueing, in calendar time: `frm` empty = from the release.

    Parameters
    ----------
    frm, to : names of the centres
    hours : median, hours
    sigma : sigma of the logarithm
    """

    frm: str
    to: str
    hours: float
    sigma: float = 0.3


@dataclass(frozen=True, slots=True)
class Wave:
    """A weekly release: share of the week's orders given to the shop on a weekday at an hour."""

    weekday: int
    hour: float
    share: float


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Preventive maintenance: after so many busy hours, for so many machine hours."""

    every_h: float
    takes_h: float


@dataclass(frozen=True, slots=True)
class Policy:
    """How the plant is run; this is what levers change (beside hours, crews and routes).

    Parameters
    ----------
    rule : dispatch rule per machine
    wip_cap : orders on the floor at once, 0 = all that are released
    transfer_quantity : pieces in a lot that travels by itself, 0 = the whole order
    maintenance : preventive maintenance per machine
    sequence : rank of "order/operation"; ranked work goes first, smallest rank first
    planned_machine : machine of "order/operation", where a schedule names one
    """

    rule: Mapping[str, str]
    wip_cap: int = 0
    transfer_quantity: int = 0
    maintenance: Mapping[str, Maintenance] = field(default_factory=dict)
    sequence: Mapping[str, float] = field(default_factory=dict)
    planned_machine: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that is true of a sample plant.

    Parameters
    ----------
    kind : name of the plant
    zone : IANA zone of its local times (without daylight saving)
    first_day : the Monday on which the records begin, YYYY-MM-DD
    orders_per_week, orders_spread : mean and standard deviation of the number of new orders (normal, rounded)
    waves : when they are released
    lead_days : shortest and longest time from release to due date
    quantity_sigma : sigma of the logarithm of an order's quantity
    centres, people, operations, products, transports : what there is
    setup_min : minutes to change from one family to another, `setup_min[before][after]`; to another order of the same
        family on the diagonal
    most_visits : how often a piece may be worked at one operation before it is scrapped
    policy : how it is run
    """

    kind: str
    zone: str
    first_day: str
    orders_per_week: float
    orders_spread: float
    waves: tuple[Wave, ...]
    lead_days: tuple[float, float]
    quantity_sigma: float
    centres: tuple[Centre, ...]
    people: tuple[Person, ...]
    operations: tuple[Operation, ...]
    products: tuple[Product, ...]
    transports: tuple[Transport, ...]
    setup_min: Mapping[str, Mapping[str, float]]
    policy: Policy
    most_visits: int = 2

    @property
    def machines(self) -> tuple[Machine, ...]:
        """All machines, centre by centre."""
        return tuple(machine for centre in self.centres for machine in centre.machines)

    def machine(self, name: str) -> Machine:
        """Machine by name."""
        return next(machine for machine in self.machines if machine.name == name)

    def person(self, name: str) -> Person:
        """Person by name."""
        return next(person for person in self.people if person.name == name)

    def operation(self, name: str) -> Operation:
        """Operation by name."""
        return next(operation for operation in self.operations if operation.name == name)

    def product(self, name: str) -> Product:
        """Product by part number."""
        return next(product for product in self.products if product.name == name)

    def as_json(self) -> dict[str, Any]:
        """The tree as dicts, lists, numbers and strings."""
        return dataclasses.asdict(self)
