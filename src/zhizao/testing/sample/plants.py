"""Two plants that do not exist: one in a mess that its own people could clear up, and the same one already well run.

Twelve machines in six work centres, twelve part numbers in four families, twenty people in two shifts. What is wrong
in the messy one: last come, first served, whatever is set up; the orders of a week thrown on the floor in waves; the
grinders, which are the bottleneck, work eight and four shifts a week and the inspection bench seven, while saws stand
idle through ten and a Saturday; those who make the most bad pieces are asked first where bad pieces are made; the
oldest lathe is used first; what turning spoils is found when it has been hardened and cannot be mended; the mill M1
runs until it breaks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from zhizao.testing.sample.hours import ALWAYS
from zhizao.testing.sample.truth import (
    Centre,
    Hours,
    Machine,
    Operation,
    Person,
    Policy,
    Product,
    Transport,
    Truth,
    Wave,
)

__all__ = ["KINDS", "best_levers", "truth"]

KINDS = ("messy", "good")

_MON_FRI = range(1, 6)
_EARLY: Hours = tuple((day, 6.0, 14.0) for day in _MON_FRI)
_LATE: Hours = tuple((day, 14.0, 22.0) for day in _MON_FRI)
_TWO: Hours = tuple((day, 6.0, 22.0) for day in _MON_FRI)
_SATURDAY: Hours = ((6, 6.0, 12.0),)


def _early_and(late_days: tuple[int, ...]) -> Hours:
    return tuple((day, 6.0, 22.0 if day in late_days else 14.0) for day in _MON_FRI)


_CENTRES = (
    Centre("SAW", (Machine("S1", _TWO + _SATURDAY), Machine("S2", _TWO))),
    Centre(
        "LATHE",
        (
            Machine("L3", _TWO, pace=1.25, defects=1.8),
            Machine("L1", _TWO),
            Machine("L2", _early_and((1,))),
        ),
    ),
    Centre(
        "MILL",
        (
            Machine("M1", _TWO, life_h=42.0, life_shape=4.0, repair_h=7.0, repair_sigma=0.4),
            Machine("M2", _TWO + _SATURDAY),
            Machine("M3", _TWO),
        ),
    ),
    Centre("HEAT", (Machine("H1", ALWAYS, batch=4),)),
    Centre("GRIND", (Machine("G1", _early_and((1, 3, 4))), Machine("G2", _EARLY[:4]))),
    Centre("QUALITY", (Machine("Q1", _early_and((2, 4))),)),
)

_SATURDAY_PEOPLE = ("P01", "P03", "P07", "P09")
_DEFECTS = {"P04": 3.0, "P14": 3.5, "P06": 1.8, "P16": 2.0, "P03": 0.5, "P13": 0.5, "P05": 0.7, "P15": 0.6}
_PACE = {"P02": 0.95, "P04": 0.97, "P08": 1.08, "P12": 1.05, "P14": 0.96, "P18": 1.1, "P19": 0.95}

_PEOPLE = tuple(
    Person(
        name,
        (_EARLY if number <= 10 else _LATE) + (_SATURDAY if name in _SATURDAY_PEOPLE else ()),
        pace=_PACE.get(name, 1.0),
        defects=_DEFECTS.get(name, 1.0),
    )
    for number, name in ((number, f"P{number:02d}") for number in range(1, 21))
)

_MESSY_CREW: dict[str, tuple[str, ...]] = {
    "saw": ("P01", "P11", "P02", "P12", "P04", "P14"),
    "turn": ("P04", "P14", "P06", "P13", "P03", "P16", "P05", "P15"),
    "mill": ("P07", "P17", "P08", "P18", "P05", "P15", "P06", "P16"),
    "drill": ("P08", "P18", "P07", "P17", "P02", "P12", "P10", "P20"),
    "grind": ("P09", "P19", "P10", "P20", "P03", "P13"),
    "check": ("P01", "P11", "P02", "P12", "P10", "P20"),
    "final": ("P02", "P12", "P01", "P11", "P10", "P20"),
}

_OPERATIONS = (
    Operation("saw", "SAW", ("S1", "S2"), _MESSY_CREW["saw"], setup=0.4, defect=0.004, reworkable=0.0),
    Operation("turn", "LATHE", ("L1", "L2", "L3"), _MESSY_CREW["turn"], setup=1.0, defect=0.032, reworkable=0.6),
    Operation("mill", "MILL", ("M1", "M2", "M3"), _MESSY_CREW["mill"], setup=0.9, defect=0.012, reworkable=0.5),
    Operation("drill", "MILL", ("M2", "M3"), _MESSY_CREW["drill"], setup=0.5, defect=0.008, reworkable=0.3),
    Operation("harden", "HEAT", ("H1",), fixed_s=3.0 * 3600, sigma=0.06, defect=0.004, noticed=0.0, seals=True),
    Operation("grind", "GRIND", ("G1", "G2"), _MESSY_CREW["grind"], setup=1.0, defect=0.012, reworkable=0.7),
    Operation("check", "QUALITY", ("Q1",), _MESSY_CREW["check"], inspects=True),
    Operation("final", "QUALITY", ("Q1",), _MESSY_CREW["final"], inspects=True),
)

_SHAFT = ("saw", "turn", "harden", "grind", "check", "final")
_FLANGE = ("saw", "turn", "drill", "check", "final")
_HOUSING = ("mill", "drill", "check", "final")
_GEAR = ("saw", "turn", "mill", "harden", "grind", "check", "final")


_MATERIAL = {"shaft": 85.0, "flange": 60.0, "housing": 140.0, "gear": 150.0}


def _product(
    name: str, family: str, route: tuple[str, ...], quantity: float, share: float, **minutes: float
) -> Product:
    piece_s = {key: value * 60 for key, value in minutes.items()}
    return Product(name, family, route, piece_s, quantity, share, _MATERIAL[family])


_PRODUCTS = (
    _product("SH-110", "shaft", _SHAFT, 24, 0.12, saw=1.5, turn=5.5, grind=5.1, check=0.8, final=0.5),
    _product("SH-120", "shaft", _SHAFT, 16, 0.09, saw=2.0, turn=7.8, grind=6.9, check=0.9, final=0.6),
    _product("SH-130", "shaft", _SHAFT, 30, 0.05, saw=1.2, turn=4.1, grind=4.1, check=0.7, final=0.5),
    _product("FL-210", "flange", _FLANGE, 30, 0.12, saw=1.4, turn=5.1, drill=2.8, check=0.7, final=0.4),
    _product("FL-220", "flange", _FLANGE, 20, 0.08, saw=1.8, turn=6.9, drill=4.1, check=0.8, final=0.5),
    _product("FL-230", "flange", _FLANGE, 12, 0.06, saw=2.2, turn=8.3, drill=5.1, check=1.0, final=0.6),
    _product("HO-310", "housing", _HOUSING, 14, 0.10, mill=10.1, drill=5.5, check=1.4, final=0.8),
    _product("HO-320", "housing", _HOUSING, 10, 0.08, mill=13.8, drill=7.4, check=1.6, final=1.0),
    _product("HO-330", "housing", _HOUSING, 20, 0.06, mill=7.4, drill=4.1, check=1.2, final=0.8),
    _product("GE-410", "gear", _GEAR, 18, 0.10, saw=1.6, turn=4.6, mill=6.0, grind=6.0, check=0.9, final=0.6),
    _product("GE-420", "gear", _GEAR, 12, 0.08, saw=2.0, turn=6.0, mill=8.3, grind=8.3, check=1.0, final=0.7),
    _product("GE-430", "gear", _GEAR, 24, 0.06, saw=1.3, turn=3.7, mill=4.6, grind=4.6, check=0.8, final=0.5),
)

_TRANSPORTS = (
    Transport("", "SAW", 1.0),
    Transport("", "MILL", 2.0),
    Transport("SAW", "LATHE", 0.5),
    Transport("LATHE", "MILL", 0.5),
    Transport("LATHE", "HEAT", 3.0),
    Transport("MILL", "HEAT", 3.0),
    Transport("HEAT", "GRIND", 6.0),
    Transport("HEAT", "QUALITY", 6.0),
    Transport("GRIND", "QUALITY", 1.0),
    Transport("MILL", "QUALITY", 1.0),
    Transport("LATHE", "QUALITY", 1.0),
    Transport("QUALITY", "LATHE", 1.0),
    Transport("QUALITY", "MILL", 1.0),
    Transport("QUALITY", "GRIND", 1.0),
    Transport("QUALITY", "HEAT", 3.0),
)

_SETUP_MIN = {
    "shaft": {"shaft": 15.0, "flange": 68.0, "housing": 105.0, "gear": 52.0},
    "flange": {"shaft": 60.0, "flange": 15.0, "housing": 90.0, "gear": 75.0},
    "housing": {"shaft": 112.0, "flange": 82.0, "housing": 18.0, "gear": 105.0},
    "gear": {"shaft": 60.0, "flange": 82.0, "housing": 98.0, "gear": 18.0},
}


def truth(kind: str = "messy") -> Truth:
    """The true parameters of a sample plant.

    Parameters
    ----------
    kind : `messy` (its own people could clear it up) or `good` (already well run)

    Examples
    --------
    >>> plant = truth()
    >>> len(plant.machines), len(plant.people), len(plant.products), plant.policy.rule["G1"]
    (12, 20, 12, 'lifo')
    """
    from zhizao.testing.carry_out import carry_out

    if kind not in KINDS:
        raise ValueError(f"no sample plant is called {kind!r}; there are {', '.join(KINDS)}")
    messy = Truth(
        kind="messy",
        zone="Asia/Shanghai",
        first_day="2025-03-03",
        orders_per_week=69.0,
        orders_spread=4.0,
        waves=(Wave(1, 6.0, 0.5), Wave(3, 6.0, 0.25), Wave(4, 6.0, 0.25)),
        lead_days=(3.0, 10.0),
        quantity_sigma=0.35,
        centres=_CENTRES,
        people=_PEOPLE,
        operations=_OPERATIONS,
        products=_PRODUCTS,
        transports=_TRANSPORTS,
        setup_min=_SETUP_MIN,
        policy=Policy(rule={machine.name: "lifo" for centre in _CENTRES for machine in centre.machines}),
    )
    if kind == "messy":
        return messy
    return _well_run(carry_out(messy, best_levers()))


def _well_run(plant: Truth) -> Truth:
    """The plant after its improvement: smaller orders released day by day, people trained, the old lathe overhauled."""
    people = tuple(replace(person, defects=min(max(person.defects, 0.9), 1.1)) for person in plant.people)
    centres = tuple(
        replace(
            centre,
            machines=tuple(
                replace(machine, pace=min(machine.pace, 1.05), defects=min(machine.defects, 1.1))
                for machine in centre.machines
            ),
        )
        for centre in plant.centres
    )
    waves = tuple(Wave(day, 6.0, 0.2) for day in _MON_FRI)
    products = tuple(replace(product, quantity=0.65 * product.quantity) for product in plant.products)
    orders = plant.orders_per_week / 0.7
    return replace(
        plant, kind="good", people=people, centres=centres, waves=waves, products=products, orders_per_week=orders
    )


def best_levers() -> list[dict[str, Any]]:
    """What clears the mess up with the same people and machines, in the shape of the pilot's JSON.

    The best of a small grid of settings that was tried on the true plant (docs/sample-plant.md): the family that is
    set up first, the idle hours of the saws moved to grinders, lathe and inspection bench, turning given to those who
    spoil least, the mill maintained before it breaks, and turned parts checked before they are hardened.
    """
    two = [[day, 6.0, 22.0] for day in _MON_FRI]
    early = [[day, 6.0, 14.0] for day in _MON_FRI]
    turn = ["P03", "P13", "P05", "P15", "P06", "P16"]
    return [
        {"kind": "setup_family", "scope": "all", "setting": {"rule": "family"}},
        {
            "kind": "hours",
            "scope": "plant",
            "setting": {"G1": two, "G2": two, "L2": two, "Q1": two, "S1": early, "S2": early},
        },
        {
            "kind": "assignment",
            "scope": "people",
            "setting": {"turn": turn, "saw": ["P04", "P14", "P01", "P11"]},
        },
        {"kind": "maintenance", "scope": "M1", "setting": {"machine": "M1", "every_h": 24.0, "takes_h": 1.0}},
        {"kind": "inspection", "scope": "plant", "setting": {"operation": "check", "after": "turn"}},
    ]
