"""Where bad pieces are made: noticed at once or found by a later inspection, by operation, machine and person.

What an inspection finds was made by one of the operations before it. Rework says which; the rest is shared out by
expectation maximisation of a Poisson model whose rate is operation x machine x person, each factor drawn towards 1 by
a gamma prior (Dempster, Laird and Rubin 1977), so that few pieces never make a strong claim. What rework has named is
no longer among the rest: an operation whose bad pieces can be mended has a smaller part in what is scrapped, and how
much smaller differs by product (what was hardened since is turned no more).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from zhizao.decide.twin.mechanism.visits import Visits
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["Defects", "inspections", "learn_defects"]

INSPECTION = re.compile(r"inspect|check|\btest|\bq\.?\s?[ac]\b|quality|检|验|测", re.IGNORECASE)
"""Names of operations that find bad pieces rather than make them."""

_PRIOR_BAD = 8.0
"""Bad pieces that the prior of a factor counts for."""

_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Defects:
    """Rates of bad pieces.

    Parameters
    ----------
    known : whether the records hold quantities at all
    inspects : (O,) operations that find what others made
    rate : (O,) bad pieces made per piece, machine and person factor 1
    machine : (O, M) factor of the machine
    person : (P,) factor of the person
    person_bad : (P,) bad pieces that the factor rests on, the prior's included; its relative error is one over the root
    noticed : (O,) share of the bad pieces scrapped where they are made
    again : (O,) share of the bad pieces found later that are made good by doing the operation again
    """

    known: bool
    inspects: np.ndarray
    rate: Floats
    machine: Floats
    person: Floats
    person_bad: Floats
    noticed: Floats
    again: Floats


def inspections(visits: Visits) -> np.ndarray:
    """(O,) operations after which rework of another operation begins, or that report bad pieces without making any.

    An operation inspects when its name says so, or when it reports pieces to be done again and rework of other
    operations follows it.
    """
    operations = len(visits.operations)
    out = np.array([bool(INSPECTION.search(name)) for name in visits.operations], bool)
    if not visits.rework.any():
        return out
    begins = np.flatnonzero(visits.rework[1:] & ~visits.rework[:-1] & (visits.case[1:] == visits.case[:-1])) + 1
    before, after = visits.operation[begins - 1], visits.operation[begins]
    other = before != after
    count = np.bincount(before[other], minlength=operations)
    total = np.bincount(visits.operation, minlength=operations)
    out[(count >= 3) & (count >= 0.005 * total)] = True
    return out


def learn_defects(visits: Visits, product: Ints | None = None) -> Defects:
    """Rates, factors and fates of bad pieces.

    Parameters
    ----------
    visits : (V,)
    product : (V,) product code of the visit's order, -1 = unknown; what can be mended is told apart by it
    """
    operations, machines, people = len(visits.operations), len(visits.machines), max(len(visits.people), 1)
    bad_here = np.nan_to_num(visits.scrap)
    again_here = np.nan_to_num(visits.again)
    told = ~(np.isnan(visits.good) & np.isnan(visits.scrap))
    pieces = np.where(told, np.nan_to_num(visits.good) + bad_here + again_here, 0.0)
    inspects = inspections(visits)
    ones = Defects(
        bool(told.any()), inspects, np.zeros(operations), np.ones((operations, machines)), np.ones(people), np.full(people, _PRIOR_BAD),
        np.ones(operations), np.zeros(operations),
    )  # fmt: skip
    if not told.any():
        return ones
    makes = ~inspects[visits.operation] & ~visits.rework & (pieces > 0)
    # found by the next inspection of the case, and which of it says by rework what made it
    looks = inspects[visits.operation] & ~visits.rework
    group = np.cumsum(np.concatenate([[0], (visits.case[1:] != visits.case[:-1]) | looks[:-1]]))
    groups = int(group[-1]) + 1 if len(group) else 0
    found = np.bincount(group, np.where(looks, bad_here + again_here, 0.0), minlength=groups)
    named = _named_by_rework(visits, group, looks)
    # what each person did of a visit, where a lot passed from one to the next
    visit, who, n, here = _by_person(visits, pieces, bad_here + again_here)
    kept = makes[visit] & (n > 0)
    visit, who, n, here = visit[kept], who[kept], n[kept], here[kept]
    op, machine, mine = visits.operation[visit], visits.machine[visit], group[visit]
    person, has_person = np.maximum(who, 0), who >= 0
    told_later = named[visit] * _share(visit, n)
    rest = np.maximum(found - np.bincount(mine, told_later, minlength=groups), 0.0)
    rate = np.full(operations, 0.0)
    by_machine, by_person = np.ones((operations, machines)), np.ones(people)
    exposure = np.bincount(op, n, minlength=operations)
    rate = np.where(
        exposure > 0, (np.bincount(op, here + told_later, minlength=operations) + 0.5) / (exposure + 50.0), 0.0
    )
    share = rest[mine]
    # rate of what inspections find: nobody is suspected beforehand
    later = rate + rest.sum() / max(float(n.sum()), 1.0)
    kinds = 1 if product is None else int(product.max(initial=-1)) + 2
    cell = op * kinds + (0 if product is None else product[visit] + 1)
    told_in = np.bincount(cell, told_later, minlength=operations * kinds)
    factor = np.ones(len(op))
    split = np.zeros(len(op))
    for _ in range(_ROUNDS):
        named_rate = _named_share(told_in, np.bincount(cell, split, minlength=operations * kinds), operations)
        expect = later[op] * factor * n * (1.0 - named_rate[cell])
        total = np.bincount(mine, expect, minlength=groups)
        split = np.where(total[mine] > 0, share * expect / np.maximum(total[mine], 1e-12), 0.0)
        told_later = named[visit] * _share(visit, factor * n)
        made = here + told_later + split
        all_rate = (np.bincount(op, made, minlength=operations)) / np.maximum(exposure, 1.0)
        person_factor = np.where(has_person, by_person[person], 1.0)
        base = all_rate[op] * n
        by_machine = (_table(op, machine, made, operations, machines) + _PRIOR_BAD) / (
            _table(op, machine, base * person_factor, operations, machines) + _PRIOR_BAD
        )
        base *= by_machine[op, machine]
        of_person = np.asarray(np.bincount(person[has_person], made[has_person], minlength=people), np.float64)
        expected = np.asarray(np.bincount(person[has_person], base[has_person], minlength=people), np.float64)
        lean = _alike(of_person, expected)
        by_person = (of_person + lean) / (expected + lean)
        factor = by_machine[op, machine] * np.where(has_person, by_person[person], 1.0)
        weighted = np.maximum(np.bincount(op, n * factor, minlength=operations), 1.0)
        rate = np.bincount(op, made, minlength=operations) / weighted
        later = (np.bincount(op, told_later + split, minlength=operations) + 1e-3) / weighted
    total_made = np.bincount(op, made, minlength=operations)
    noticed = np.where(total_made > 0, np.bincount(op, here, minlength=operations) / np.maximum(total_made, 1e-12), 1.0)
    late = np.bincount(op, told_later + split, minlength=operations)
    again = np.where(late > 0, np.bincount(op, told_later, minlength=operations) / np.maximum(late, 1e-12), 0.0)
    rests_on = of_person + lean
    return Defects(True, inspects, rate, by_machine, by_person, rests_on, np.clip(noticed, 0, 1), np.clip(again, 0, 1))


def _by_person(visits: Visits, pieces: Floats, bad: Floats) -> tuple[Ints, Ints, Floats, Floats]:
    """Visit, person, pieces and bad pieces of what each person did; the whole visit where its parts are not known."""
    parts = visits.parts
    if parts is None:
        return np.arange(len(pieces)), visits.person, pieces, bad
    return parts.visit, parts.person, parts.pieces, parts.bad


def _share(group: Ints, weight: Floats) -> Floats:
    """Weights as shares of their group."""
    total = np.bincount(group, weight)[group] if len(group) else weight
    out: Floats = weight / np.maximum(total, 1e-12)
    return out


def _named_share(told: Floats | Ints, split: Floats | Ints, operations: int) -> Floats:
    """Share of the bad pieces found later that rework names, by operation and product, drawn towards the operation's."""
    by_op = np.asarray(told, np.float64).reshape(operations, -1).sum(axis=1)
    of_op = by_op / np.maximum(by_op + split.reshape(operations, -1).sum(axis=1), 1.0)
    prior = np.repeat(of_op, len(told) // max(operations, 1))
    out: Floats = np.minimum((told + prior) / (told + split + 1.0), 0.99)
    return out


def _alike(made: Floats, expected: Floats) -> float:
    """Bad pieces that the prior counts for: many when people are alike, few when they differ (method of moments)."""
    seen = expected >= 10.0
    if seen.sum() < 3:
        return _PRIOR_BAD
    spread = float(np.sum((made[seen] - expected[seen]) ** 2 - expected[seen]) / np.sum(expected[seen] ** 2))
    return float(np.clip(1.0 / max(spread, 1e-3), 1.5, 60.0))


def _table(a: Ints, b: Ints, values: Floats, rows: int, columns: int) -> Floats:
    table = np.bincount(a * columns + b, values, minlength=rows * columns)
    return np.asarray(table, np.float64).reshape(rows, columns)


def _named_by_rework(visits: Visits, group: Ints, looks: np.ndarray) -> Floats:
    """(V,) pieces of each making visit that rework after the inspection shows it made badly."""
    out = np.zeros(len(visits.case))
    redo = np.flatnonzero(visits.rework & (np.nan_to_num(visits.good) + np.nan_to_num(visits.scrap) > 0))
    if not len(redo):
        return out
    # the last visit that is no rework, of the same case and operation, before it
    key = visits.case * (visits.operation.max() + 1) + visits.operation
    first = np.flatnonzero(~visits.rework & ~looks)
    order = np.lexsort((first, key[first]))
    sorted_key = key[first][order]
    place = np.searchsorted(sorted_key, key[redo], "right") - 1
    good = (place >= 0) & (sorted_key[np.maximum(place, 0)] == key[redo])
    source = first[order][np.maximum(place, 0)]
    pieces = np.nan_to_num(visits.good[redo]) + np.nan_to_num(visits.scrap[redo]) + np.nan_to_num(visits.again[redo])
    np.add.at(out, source[good], pieces[good])
    return out
