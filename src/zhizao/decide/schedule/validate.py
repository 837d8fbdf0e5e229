"""What makes a scheduling problem whole: every fault of its arrays, with place and cure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from zhizao.errors import Fault

if TYPE_CHECKING:
    from zhizao.decide.schedule.problem import Problem

__all__ = ["faults"]


def faults(problem: Problem) -> list[Fault]:
    """Everything wrong with a problem; empty when it is whole.

    Parameters
    ----------
    problem : its arrays are filled in, nothing else is assumed

    Returns
    -------
    at most 50 faults; faults of shape hide the later ones, since those need the shapes
    """
    for stage in (_shapes, _values, _facts):
        found = []
        for fault in stage(problem):
            found.append(fault)
            if len(found) == 50:
                break
        if found:
            return found
    return []


def _shapes(p: Problem) -> Iterator[Fault]:
    def bad(what: str, fix: str) -> Fault:
        return Fault(what=what, where="problem", fix=fix, code="bad_shape")

    for name, end in (("first", len(p.option_ptr) - 1), ("option_ptr", len(p.option_machine))):
        ptr = getattr(p, name)
        if len(ptr) < 1 or ptr[0] != 0 or ptr[-1] != end or (np.diff(ptr) < 0).any():
            yield bad(f"{name} does not rise from 0 to {end}", "give offsets, one more than there are things")
            return
    if (np.diff(p.option_ptr) == 0).any():
        i = int(np.flatnonzero(np.diff(p.option_ptr) == 0)[0])
        yield bad(f"operation {i} has no option", "give each operation a machine, or -1 for none")
        return
    jobs, n, m = len(p.first) - 1, len(p.option_ptr) - 1, len(p.machines)
    sizes = {
        "option_s": len(p.option_machine), "jobs": jobs, "release_s": jobs, "due_s": jobs, "deadline_s": jobs,
        "weight": jobs, "delay_s": n, "family": n, "machine_family": m, "closed": m, "spans": n, "frozen_s": n,
        "group": n, "steps": n,
    }  # fmt: skip
    for name, size in sizes.items():
        if len(getattr(p, name)) != size:
            yield bad(f"{name} has {len(getattr(p, name))} entries instead of {size}", "give one for each")
    if p.before is not None and any(len(part) != n for part in p.before):
        yield bad("before does not have a start and a machine for each operation", "use -1 for unknown ones")
    families = p.setup_s.shape[-1]
    if p.setup_s.shape not in ((families, families), (m, families, families)):
        yield bad(f"setup_s has shape {p.setup_s.shape}", f"give (F, F) or ({m}, F, F)")


def _values(p: Problem) -> Iterator[Fault]:
    from zhizao.decide.schedule.problem import FOREVER

    n, m, families = len(p.option_ptr) - 1, len(p.machines), p.setup_s.shape[-1]
    spans = {
        "option_machine": (p.option_machine, -1, m - 1), "option_s": (p.option_s, 0, FOREVER),
        "release_s": (p.release_s, 0, FOREVER), "deadline_s": (p.deadline_s, 0, FOREVER),
        "due_s": (p.due_s, -FOREVER, FOREVER), "weight": (p.weight, 0, FOREVER), "delay_s": (p.delay_s, 0, FOREVER),
        "family": (p.family, -1, families - 1), "machine_family": (p.machine_family, -1, families - 1),
        "setup_s": (p.setup_s, 0, FOREVER), "group": (p.group, -1, len(p.group_size) - 1),
        "group_size": (p.group_size, 0, FOREVER), "arcs": (p.arcs, 0, n - 1), "frozen_s": (p.frozen_s, -1, FOREVER),
    }  # fmt: skip
    for name, (values, low, high) in spans.items():
        wrong = (values < low) | (values > high)
        if wrong.any():
            at = tuple(int(k) for k in np.argwhere(wrong)[0])
            place = f"{name}[{', '.join(map(str, at))}]"
            yield Fault(f"{place} is {int(values[at])}", "problem", f"it must be {low} to {high}", "out_of_range")
    for name in ("makespan", "tardiness", "flow", "setup", "change", "moved"):
        value = getattr(p.objective, name)
        if not (np.isfinite(value) and value >= 0):
            yield Fault(f"objective {name} is {value}", "problem", "give a weight of 0 or more", "out_of_range")
    for k, intervals in enumerate(p.closed):
        last = 0
        for start, end in intervals:
            if not max(start, 0) < end <= FOREVER or start < last:
                what = f"closed interval {start} to {end} is empty, in the past or overlaps another"
                yield Fault(what, f"machine {p.machines[k]}", "give sorted, disjoint intervals", "bad_calendar")
            last = end


def _facts(p: Problem) -> Iterator[Fault]:
    n = len(p.option_ptr) - 1
    pairs = [(i, i + 1) for j in range(len(p.first) - 1) for i in range(int(p.first[j]), int(p.first[j + 1]) - 1)]
    pairs += [(int(a), int(b)) for a, b in p.arcs]
    after: list[list[int]] = [[] for _ in range(n)]
    waits = [0] * n
    for a, b in pairs:
        after[a].append(b)
        waits[b] += 1
    free = [i for i in range(n) if not waits[i]]
    seen = 0
    while free:
        i = free.pop()
        seen += 1
        for k in after[i]:
            waits[k] -= 1
            if not waits[k]:
                free.append(k)
    if seen < n:
        i = next(k for k in range(n) if waits[k])
        yield Fault("operations wait for each other in a circle", p.name(i), "remove an arc", "circular")
        return
    for i in range(n):
        mine = p.option_machine[p.option_ptr[i] : p.option_ptr[i + 1]]
        if len(mine) > 1 and (mine < 0).any():
            yield Fault("needs a machine in one option and none in another", p.name(i), "give one kind", "bad_option")
            return
        if p.group[i] >= 0 and not p.option_s[p.option_ptr[i] : p.option_ptr[i + 1]].all():
            fix = "give it a time, or leave its group out"
            yield Fault("needs somebody of a group for no time", p.name(i), fix, "bad_group")
            return
    frozen = p.frozen_s >= 0
    for i in np.flatnonzero(frozen).tolist():
        if p.option_ptr[i + 1] - p.option_ptr[i] != 1:
            yield Fault("a frozen operation has several options", p.name(i), "give the one in use", "bad_frozen")
            return
    for a, b in pairs:
        if frozen[b] and not frozen[a]:
            fix = f"freeze {p.name(a)} too, or free this one"
            yield Fault("a frozen operation follows one that is free", p.name(b), fix, "bad_frozen")
    yield from _frozen_overlaps(p, pairs)


def _frozen_overlaps(p: Problem, pairs: list[tuple[int, int]]) -> Iterator[Fault]:
    ends = {int(i): _frozen_end(p, int(i)) for i in np.flatnonzero(p.frozen_s >= 0)}
    for a, b in pairs:
        if b in ends and a in ends and ends[a] > int(p.frozen_s[b]):
            yield Fault(f"frozen before {p.name(a)} ends", p.name(b), "mend the frozen starts", "bad_frozen")
    rows: dict[int, list[int]] = {}
    people: dict[int, list[int]] = {}
    for i in ends:
        machine, group = int(p.option_machine[p.option_ptr[i]]), int(p.group[i])
        if machine >= 0:
            rows.setdefault(machine, []).append(i)
        if group >= 0:
            people.setdefault(group, []).append(i)
    for machine, row in rows.items():
        row.sort(key=lambda i: (int(p.frozen_s[i]), ends[i]))
        for a, b in pairwise(row):
            if ends[a] > int(p.frozen_s[b]):
                what = f"frozen {p.name(a)} and {p.name(b)} overlap"
                yield Fault(what, f"machine {p.machines[machine]}", "mend the frozen starts", "bad_frozen")
    for group, row in people.items():
        steps = sorted(edge for i in row for edge in ((int(p.frozen_s[i]), 1), (ends[i], -1)))
        busy = np.cumsum([step for _, step in sorted(steps, key=lambda edge: (edge[0], edge[1]))])
        if len(busy) and int(busy.max()) > int(p.group_size[group]):
            what = f"{int(busy.max())} frozen operations at once need {int(p.group_size[group])} people"
            yield Fault(what, f"group {group}", "free some, or enlarge the group", "bad_frozen")


def _frozen_end(p: Problem, i: int) -> int:
    option = int(p.option_ptr[i])
    machine, left, t = int(p.option_machine[option]), int(p.option_s[option]), int(p.frozen_s[i])
    if p.spans[i] and machine >= 0:
        for start, end in p.closed[machine]:
            if left <= 0 or t + left <= start:
                break
            if end > t:
                left -= max(start - t, 0)
                t = end
    return t + left
