"""Which levers are worth trying in this plant, each with the observation that speaks for it.

A candidate is a group of levers pulled together. It is proposed only where the records show what it needs: a due-date
rule needs due dates, another machine for an operation must have done that operation, moved hours stay within the sum
that the plant has, a planned stop needs breakdowns that come with wear.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from zhizao.decide.twin.mechanism import Mechanism, Scene
from zhizao.decide.twin.mechanism.defects import INSPECTION
from zhizao.decide.twin.shop import RULES, Floats, Shop, Trace
from zhizao.model import Plant, WorkLog
from zhizao.pilot.levers import Lever, pull

__all__ = ["Base", "Candidate", "base_of", "propose", "work_centers"]

_DUE_RULES = ("edd", "slack", "atc", "cr")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Levers pulled together under one name.

    Parameters
    ----------
    name : stable id of the group, e.g. `dispatch:edd`
    levers : what is done
    clash : candidates with the same clash key exclude each other; empty = with nothing
    """

    name: str
    levers: tuple[Lever, ...]
    clash: str = ""


@dataclass(frozen=True, slots=True)
class Base:
    """What the plant as it is looks like in the twin: the ground on which levers are proposed.

    Parameters
    ----------
    busy : (M,) share of its working time that a machine is busy
    waiting_h : (M,) hours that orders waited for it, summed
    wip : mean orders on the floor
    horizon_h : hours simulated
    """

    busy: Floats
    waiting_h: Floats
    wip: float
    horizon_h: float


def base_of(scene: Scene, trace: Trace) -> Base:
    """Load, waiting and work in progress of one run of the plant as it is."""
    shop = scene.shop
    ran = np.isfinite(trace.end_s) & (trace.machine >= 0)
    machine = trace.machine[ran]
    end = float(np.nanmax(trace.end_s)) if ran.any() else 1.0
    begin = trace.setup_start_s[ran]
    begin = np.where(np.isfinite(begin), begin, trace.start_s[ran])
    count = len(shop.machines)
    open_s = np.array([_open_seconds(shop, one, end) for one in shop.machine_calendar])
    held = np.array([_held(shop, k, a, b) for k, a, b in zip(machine, begin, trace.end_s[ran], strict=True)])
    busy = np.bincount(machine, weights=held, minlength=count) / np.maximum(open_s * shop.capacity, 1.0)
    waited = np.maximum(begin - trace.ready_s[ran], 0.0)
    waiting = np.bincount(machine, weights=np.nan_to_num(waited), minlength=count) / 3600.0
    finished = np.isfinite(trace.finished_s)
    wip = float(np.sum((trace.finished_s - trace.admitted_s)[finished]) / max(end, 1.0))
    return Base(busy, waiting, wip, end / 3600.0)


def _open_seconds(shop: Shop, calendar: int, end: float) -> float:
    if calendar < 0:
        return end
    a, b = shop.calendar_ptr[calendar], shop.calendar_ptr[calendar + 1]
    return float(np.sum(np.clip(np.minimum(shop.off_s[a:b], end) - shop.on_s[a:b], 0.0, None)))


def _held(shop: Shop, machine: int, begin: float, end: float) -> float:
    """Working seconds of the machine between two times."""
    calendar = int(shop.machine_calendar[machine])
    if calendar < 0:
        return end - begin
    a, b = int(shop.calendar_ptr[calendar]), int(shop.calendar_ptr[calendar + 1])
    on, off = shop.on_s[a:b], shop.off_s[a:b]
    i, j = int(np.searchsorted(off, begin, "right")), int(np.searchsorted(on, end, "left"))
    return float(np.sum(np.minimum(off[i:j], end) - np.maximum(on[i:j], begin)))


def work_centers(scene: Scene) -> tuple[tuple[str, ...], ...]:
    """Machines that can stand in for each other, as groups (ISA-95: work centres); most machines first."""
    work, count = scene.work, len(scene.shop.machines)
    root = list(range(count))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    sizes = np.diff(work.option_ptr)
    seen: set[tuple[int, ...]] = set()
    for step in np.flatnonzero(sizes > 1):
        options = tuple(work.option_machine[work.option_ptr[step] : work.option_ptr[step + 1]].tolist())
        if options not in seen:
            seen.add(options)
            for other in options[1:]:
                root[find(other)] = find(options[0])
    groups: dict[int, list[str]] = {}
    for machine in range(count):
        groups.setdefault(find(machine), []).append(scene.shop.machines[machine])
    return tuple(sorted((tuple(group) for group in groups.values()), key=lambda group: (-len(group), group)))


def propose(log: WorkLog, plant: Plant, mechanism: Mechanism, scene: Scene, base: Base) -> list[Candidate]:
    """All candidates for this plant.

    Parameters
    ----------
    log : records
    plant : rates, for what a lever costs
    mechanism : what was learned from them
    scene, base : one drawn run and what it looked like without levers
    """
    found: list[Candidate] = []
    for make in (
        _dispatch,
        _setup_family,
        _release,
        _transfer,
        _hours,
        _assignment,
        _inspection,
        _maintenance,
    ):
        found.extend(make(log, plant, mechanism, scene, base))
    return found


def _each(kind: str, machines: Iterable[str], rule: str, group: str, why: str) -> tuple[Lever, ...]:
    return tuple(
        Lever(kind, machine, {"rule": rule}, group=group, machines=(machine,), why=why) for machine in machines
    )


def _dispatch(_log: WorkLog, _plant: Plant, _mechanism: Mechanism, scene: Scene, base: Base) -> list[Candidate]:
    rules = ["fifo", "spt", "mwkr", *_DUE_RULES]
    if not np.isfinite(scene.work.due_s).any():
        rules = [rule for rule in rules if rule not in _DUE_RULES]
    queued = [scene.shop.machines[m] for m in np.argsort(-base.waiting_h) if base.waiting_h[m] > 0]
    if not queued:
        return []
    found = []
    for rule in rules:
        code = RULES.index(rule)
        changed = [name for name in queued if scene.policy.rule[scene.shop.machines.index(name)] != code]
        if changed:
            group = f"dispatch:{rule}"
            why = f"orders wait {base.waiting_h.sum():.0f} h in queues; next comes by {rule}"
            found.append(Candidate(group, _each("dispatch", changed, rule, group, why), "dispatch"))
    return found


def _setup_family(_log: WorkLog, _plant: Plant, _mechanism: Mechanism, scene: Scene, base: Base) -> list[Candidate]:
    if scene.shop.setup_s.size == 0 or not (scene.work.family >= 0).any():
        return []
    steps = np.flatnonzero(scene.work.family >= 0)
    used = np.unique(
        np.concatenate(
            [scene.work.option_machine[scene.work.option_ptr[s] : scene.work.option_ptr[s + 1]] for s in steps]
        )
    )
    names = [scene.shop.machines[m] for m in used if base.waiting_h[m] > 0]
    if not names:
        return []
    levers = tuple(
        Lever(
            "setup_family", name, {"rule": "family"}, "setup_family", (name,), why="a change of family costs a set-up"
        )
        for name in names
    )
    return [Candidate("setup_family", levers, "dispatch")]


def _release(_log: WorkLog, _plant: Plant, _mechanism: Mechanism, _scene: Scene, base: Base) -> list[Candidate]:
    caps = sorted({max(2, round(base.wip * share)) for share in (0.25, 0.35, 0.5, 0.65, 0.8)})
    why = f"{base.wip:.0f} orders are on the floor on average"
    return [
        Candidate(
            f"release:{cap}", (Lever("release", "plant", {"wip_cap": cap}, f"release:{cap}", why=why),), "release"
        )
        for cap in caps
        if cap < base.wip
    ]


def _transfer(_log: WorkLog, _plant: Plant, _mechanism: Mechanism, scene: Scene, _base: Base) -> list[Candidate]:
    pieces = scene.work.quantity[np.isfinite(scene.work.quantity) & (scene.work.quantity > 0)]
    if len(pieces) == 0 or np.median(pieces) < 4:
        return []
    sizes = sorted({max(1, round(float(np.median(pieces)) * share)) for share in (0.125, 0.25, 0.5)})
    why = f"a lot of {np.median(pieces):.0f} pieces moves on only when its last piece is done"
    return [
        Candidate(
            f"transfer_batch:{size}",
            (Lever("transfer_batch", "plant", {"quantity": size}, f"transfer_batch:{size}", why=why),),
            "transfer",
        )
        for size in sizes
    ]


def _hours(_log: WorkLog, _plant: Plant, _mechanism: Mechanism, scene: Scene, base: Base) -> list[Candidate]:
    from zhizao.pilot.hours import moved_hours

    return [
        Candidate(name, (Lever("hours", "plant", setting, name, tuple(setting), why=why),), "hours")
        for name, setting, why in moved_hours(scene, base.busy)
    ]


def _assignment(_log: WorkLog, _plant: Plant, mechanism: Mechanism, _scene: Scene, base: Base) -> list[Candidate]:
    from zhizao.pilot.quality import better_machines, better_people

    found = []
    for operation, keep, why in better_machines(mechanism, base.busy):
        name = f"assignment:{operation}"
        lever = Lever("assignment", operation, {operation: list(keep)}, name, tuple(keep), why=why)
        found.append(Candidate(name, (lever,), name))
    for operation, keep, why in better_people(mechanism):
        name = f"people:{operation}-{len(keep)}"
        lever = Lever("assignment", "people", {operation: list(keep)}, name, why=why)
        found.append(Candidate(name, (lever,), f"people:{operation}"))
    return found


def _inspection(log: WorkLog, _plant: Plant, _mechanism: Mechanism, scene: Scene, _base: Base) -> list[Candidate]:
    found = []
    frame = log.done.filter(pl.col("report") == "production")
    order = pl.col("start").rank("ordinal").over("order").alias("at")
    seen = (
        frame.select("order", "operation", order, "scrap", "good")
        .group_by("operation")
        .agg(pl.col("at").mean(), pl.col("scrap").sum(), pl.col("good").sum(), pl.len())
    )
    rows = {row["operation"]: row for row in seen.iter_rows(named=True)}
    for name, row in rows.items():
        if not INSPECTION.search(name) or not row["scrap"] or row["len"] < 30:
            continue
        before = sorted(
            (
                other
                for other in rows.values()
                if other["at"] < row["at"] - 1.5 and not INSPECTION.search(other["operation"])
            ),
            key=lambda other: other["at"],
        )
        caught = row["scrap"] / max(row["scrap"] + (row["good"] or 0.0), 1.0)
        for other in before[-3:]:
            key = f"inspection:{name}>{other['operation']}"
            setting = {"operation": name, "after": other["operation"], "caught": round(float(caught), 5)}
            why = f"{100 * caught:.1f} % of the pieces are found bad at {name}, after later work was put into them"
            lever = Lever("inspection", name, setting, key, why=why)
            if not np.array_equal(pull(scene, lever).work.operation, scene.work.operation):  # not where it is already
                found.append(Candidate(key, (lever,), f"inspection:{name}"))
    return found


def _maintenance(log: WorkLog, plant: Plant, _mechanism: Mechanism, scene: Scene, _base: Base) -> list[Candidate]:
    from zhizao.pilot.upkeep import worthwhile_stops

    found = []
    for machine, setting, cost, why in worthwhile_stops(log, plant, scene):
        name = f"maintenance:{machine}"
        found.append(Candidate(name, (Lever("maintenance", machine, setting, name, (machine,), cost, why),), name))
    return found
