"""The slow, obvious scheduler: every order of the operations, every choice of machines, second by second."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np

from zhizao.decide.schedule import Problem, Schedule, value


def best_of_all(problem: Problem) -> tuple[float, Schedule | None]:
    """Best objective over all schedules that start everything as early as some order permits (regular objectives)."""
    n = problem.operations
    options = [range(int(a), int(b)) for a, b in zip(problem.option_ptr[:-1], problem.option_ptr[1:], strict=True)]
    best, plan = np.inf, None
    links = [(i - 1, i) for i in range(1, n) if problem.job[i] == problem.job[i - 1]]
    links += [(int(a), int(b)) for a, b in problem.arcs]
    for order in permutations(range(n)):
        place = {i: at for at, i in enumerate(order)}
        if any(place[a] > place[b] for a, b in links):
            continue
        for choice in product(*options):
            made = _timed(problem, order, choice, links)
            if made is not None and value(problem, made) < best:
                best, plan = value(problem, made), made
    return best, plan


def _timed(problem, order, choice, links) -> Schedule | None:
    n = problem.operations
    start, end, setup = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    free_at: dict[int, int] = {}
    fitted = problem.machine_family.tolist()
    holder: dict[int, int] = {}
    people: list[list[int]] = [[0] * int(size) for size in problem.group_size]
    for i in order:
        machine, work = int(problem.option_machine[choice[i]]), int(problem.option_s[choice[i]])
        closed = problem.closed[machine] if machine >= 0 else ()

        def shut(t, closed=closed):
            return any(a <= t < b for a, b in closed)

        t = int(problem.release_s[problem.job[i]])
        t = max([t, *(int(end[a]) for a, b in links if b == i)]) + int(problem.delay_s[i])
        needed = 0
        if machine >= 0:
            family = int(problem.family[i])
            if family >= 0 and fitted[machine] >= 0:
                matrix = problem.setup_s[machine] if problem.setup_s.ndim == 3 else problem.setup_s
                needed = int(matrix[fitted[machine], family])
            if family >= 0:
                fitted[machine] = family
            ready, left = free_at.get(machine, 0), needed
            while left:
                left -= not shut(ready)
                ready += 1
        group = int(problem.group[i])
        frozen = int(problem.frozen_s[i])
        if frozen >= 0:
            before = holder.get(machine)
            bound = before is not None and problem.frozen_s[before] < 0
            if (machine >= 0 and free_at.get(machine, 0) > frozen) or (bound and needed and ready > frozen):
                return None
            if group >= 0 and min(people[group]) > frozen:
                return None
            t = frozen
        else:
            if machine >= 0:
                t = max(t, ready)
            if group >= 0:
                t = max(t, min(people[group]))
            if problem.spans[i]:
                while shut(t):
                    t += 1
            else:
                while any(shut(x) for x in range(t, t + max(work, 1))):
                    t += 1
        finish, left = t, work
        while left:
            left -= not (problem.spans[i] and shut(finish))
            finish += 1
        start[i], end[i], setup[i] = t, finish, needed
        if finish > problem.deadline_s[problem.job[i]]:
            return None
        if machine >= 0:
            free_at[machine], holder[machine] = finish, i
        if group >= 0:
            people[group][people[group].index(min(people[group]))] = finish
    return Schedule(np.array(choice), start, end, setup)
