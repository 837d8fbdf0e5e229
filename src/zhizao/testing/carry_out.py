"""Carry out what a pilot's report says, at the sample plant: levers in, a plant that is run differently out.

A lever is a dict of the report's JSON: `kind`, `scope`, `setting`; one that says `chosen: false` is left alone. The
report is all that is needed, so that a promise can be held to what the true plant then does.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zhizao.errors import InputError
from zhizao.testing.sample.rules import RULES
from zhizao.testing.sample.truth import Hours, Machine, Maintenance, Operation, Person, Truth
from zhizao.testing.sample.words import OPERATIONS_ZH

__all__ = ["LEVERS", "carry_out"]

_OPERATIONS = {name: own for own, name in OPERATIONS_ZH.items()}
_EVERYWHERE = ("", "*", "all", "plant", "shop")


def carry_out(truth: Truth, levers: Sequence[Mapping[str, Any]], *, folder: str | Path = ".") -> Truth:
    """The plant as it is run when the levers are pulled, one after another.

    Parameters
    ----------
    truth : the plant
    levers : dicts with `kind` (a key of `LEVERS`), `setting` and, where it applies, `scope` (or `machines`)
    folder : where a schedule's file lies, if not named by its whole path

    Raises
    ------
    InputError : when the kind is unknown, or the setting names something that the plant does not have

    Examples
    --------
    >>> from zhizao.testing.sample import truth
    >>> plant = carry_out(truth(), [{"kind": "dispatch", "scope": "GRIND", "setting": {"rule": "edd"}}])
    >>> plant.policy.rule["G1"], plant.policy.rule["L1"]
    ('edd', 'lifo')
    """
    for lever in levers:
        if not lever.get("chosen", True):
            continue
        lever = _in_english(lever)
        kind = lever.get("kind")
        if kind not in LEVERS:
            raise _wrong(f'no lever is of kind "{kind}"', f"kinds are {', '.join(LEVERS)}")
        setting = lever.get("setting") or {}
        if not isinstance(setting, Mapping):
            raise _wrong(f'the setting of lever "{kind}" is {setting!r}', "write it as names and values")
        if kind == "schedule":
            setting = {**setting, "file": Path(folder) / str(setting.get("file"))}
        truth = LEVERS[kind](truth, lever.get("machines") or lever.get("scope"), setting)
    return truth


def _in_english(value: Any) -> Any:
    """The same with Chinese names of operations, which a Chinese export has, as the plant's own."""
    if isinstance(value, str):
        return _OPERATIONS.get(value, value)
    if isinstance(value, Mapping):
        return {_in_english(key): _in_english(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_in_english(one) for one in value]
    return value


def _wrong(what: str, fix: str) -> InputError:
    return InputError(what, where="levers", fix=fix, code="bad_lever")


def _number(setting: Mapping[str, Any], name: str, kind: str) -> float:
    value = setting.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise _wrong(f'lever "{kind}" has {name} {value!r}', "write a number, 0 or more")
    return float(value)


def _machines(truth: Truth, scope: object) -> list[str]:
    """Machines that a scope means: machines, work centres or operations by name, one, several or all."""
    if scope is None or (isinstance(scope, str) and scope.strip().lower() in _EVERYWHERE):
        return [machine.name for machine in truth.machines]
    known = {machine.name: [machine.name] for machine in truth.machines}
    known.update({centre.name: [machine.name for machine in centre.machines] for centre in truth.centres})
    known.update({operation.name: list(operation.machines) for operation in truth.operations})
    if isinstance(scope, str):
        names = [scope] if scope in known else re.split(r"[\s,;|+/]+", scope.strip())
    elif isinstance(scope, Iterable):
        names = [str(name) for name in scope]
    else:
        names = [str(scope)]
    found: list[str] = []
    for name in names:
        if name not in known:
            raise _wrong(f'the plant has no work centre, machine or operation "{name}"', f"known: {', '.join(known)}")
        found += [machine for machine in known[name] if machine not in found]
    return found


def _rules(truth: Truth, scope: object, rule: str) -> Truth:
    if rule not in RULES:
        raise _wrong(f'no dispatch rule is called "{rule}"', f"rules are {', '.join(RULES)}")
    changed = {**truth.policy.rule, **dict.fromkeys(_machines(truth, scope), rule)}
    return replace(truth, policy=replace(truth.policy, rule=changed))


def _dispatch(truth: Truth, scope: object, setting: Mapping[str, Any]) -> Truth:
    return _rules(truth, scope, str(setting.get("rule")))


def _setup_family(truth: Truth, scope: object, setting: Mapping[str, Any]) -> Truth:
    return _rules(truth, scope, str(setting.get("rule", "family")))


def _release(truth: Truth, scope: object, setting: Mapping[str, Any]) -> Truth:
    return replace(truth, policy=replace(truth.policy, wip_cap=int(_number(setting, "wip_cap", "release"))))


def _transfer_batch(truth: Truth, scope: object, setting: Mapping[str, Any]) -> Truth:
    pieces = int(_number(setting, "quantity", "transfer_batch"))
    return replace(truth, policy=replace(truth.policy, transfer_quantity=pieces))


def _hours(truth: Truth, scope: object, setting: Mapping[str, Any]) -> Truth:
    changed = {name: _pattern(name, hours) for name, hours in setting.items()}
    known = {machine.name for machine in truth.machines} | {person.name for person in truth.people}
    for name in changed:
        if name not in known:
            raise _wrong(f'hours are given for "{name}", which the plant does not have', "name a machine or a person")

    def at(thing: Machine) -> Machine:
        return replace(thing, hours=changed.get(thing.name, thing.hours))

    def of(person: Person) -> Person:
        return replace(person, hours=changed.get(person.name, person.hours))

    centres = tuple(replace(centre, machines=tuple(map(at, centre.machines))) for centre in truth.centres)
    return replace(truth, centres=centres, people=tuple(map(of, truth.people)))


def _pattern(name: str, hours: object) -> Hours:
    pattern: list[tuple[int, float, float]] = []
    for row in hours if isinstance(hours, Sequence) and not isinstance(hours, str) else ():
        try:
            day, start, end = int(row[0]), float(row[1]), float(row[2])
        except (TypeError, ValueError, IndexError) as error:
            raise _wrong(f'hours of "{name}" hold {row!r}', "write [weekday 1-7, from, to]") from error
        if not (1 <= day <= 7 and 0 <= start < end <= 48):
            raise _wrong(f'hours of "{name}" hold {row!r}', "write [weekday 1-7, from, to]")
        pattern.append((day, start, end))
    return tuple(pattern)


def _assignment(truth: Truth, scope: object, setting: Mapping[str, Any]) -> Truth:
    given: dict[str, dict[str, list[str]]] = {}
    crew = {name for operation in truth.operations for name in operation.crew}
    for name, value in setting.items():
        who = [str(one) for one in value]
        given[name] = {"people" if who and crew.issuperset(who) else "machines": who}
    known = {operation.name for operation in truth.operations}
    for name in given:
        if name not in known:
            raise _wrong(f'work is assigned to operation "{name}", which the plant does not have', "name an operation")
    return replace(truth, operations=tuple(_assigned(one, given.get(one.name, {})) for one in truth.operations))


def _assigned(operation: Operation, given: Mapping[str, Sequence[str]]) -> Operation:
    for key, able in (("machines", operation.machines), ("people", operation.crew)):
        chosen = tuple(given.get(key, able))
        strangers = [name for name in chosen if name not in able]
        if strangers or (able and not chosen):
            raise _wrong(
                f'operation "{operation.name}" is given to {", ".join(strangers) or "nobody"}',
                f"able to do it are {', '.join(able)}",
            )
        operation = replace(operation, machines=chosen) if key == "machines" else replace(operation, crew=chosen)
    return operation


def _inspection(truth: Truth, scope: object, setting: Mapping[str, Any]) -> Truth:
    name, after = setting.get("operation"), setting.get("after")
    for one in (name, after):
        if one not in {operation.name for operation in truth.operations}:
            raise _wrong(f'an inspection names operation "{one}", which the plant does not have', "name an operation")
    products = []
    for product in truth.products:
        if name in product.route and after in product.route and name != after:
            route = [one for one in product.route if one != name]
            route.insert(route.index(after) + 1, name)
            product = replace(product, route=tuple(route))
        products.append(product)
    return replace(truth, products=tuple(products))


def _maintenance(truth: Truth, scope: object, setting: Mapping[str, Any]) -> Truth:
    machines = _machines(truth, setting.get("machine", scope))
    plan = Maintenance(_number(setting, "every_h", "maintenance"), _number(setting, "takes_h", "maintenance"))
    if plan.every_h <= 0:
        raise _wrong("maintenance is due every 0 h", "write every_h in busy hours, above 0")
    plans = {**truth.policy.maintenance, **dict.fromkeys(machines, plan)}
    return replace(truth, policy=replace(truth.policy, maintenance=plans))


def _schedule(truth: Truth, scope: object, setting: Mapping[str, Any]) -> Truth:
    """A CSV file with the columns order, operation and one of sequence, position, rank or start; machine if planned."""
    path = Path(str(setting.get("file")))
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f'the schedule "{path}" cannot be read', where=str(path), fix="name a CSV file") from error
    column = next((name for name in ("sequence", "position", "rank", "start") if rows and name in rows[0]), None)
    if column is None or not {"order", "operation"} <= set(rows[0]):
        raise InputError(
            "the schedule does not have the columns order, operation and sequence, position, rank or start",
            where=str(path),
            fix="write one row per operation",
            code="bad_schedule",
        )
    ordered = sorted(rows, key=lambda row: float(row[column]) if column != "start" else row[column])
    rank: dict[str, float] = {}
    machine: dict[str, str] = {}
    known = {one.name for one in truth.machines}
    for at, row in enumerate(ordered):
        key = f"{row['order']}/{_in_english(row['operation'])}"
        rank.setdefault(key, float(at))
        if row.get("machine") in known:
            machine.setdefault(key, row["machine"])
    return replace(truth, policy=replace(truth.policy, sequence=rank, planned_machine=machine))


LEVERS: dict[str, Callable[[Truth, object, Mapping[str, Any]], Truth]] = {
    "dispatch": _dispatch,
    "release": _release,
    "transfer_batch": _transfer_batch,
    "setup_family": _setup_family,
    "hours": _hours,
    "assignment": _assignment,
    "inspection": _inspection,
    "maintenance": _maintenance,
    "schedule": _schedule,
}
"""Levers by kind: (plant, scope, setting) -> plant."""
