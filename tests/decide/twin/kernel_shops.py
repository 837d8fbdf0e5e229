"""Small shops for the tests of the kernel: one plain network, and random shops with features switched on one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from zhizao.decide.twin.shop import RULES, Policy, Shop, Work

FEATURES = (
    "options", "capacity", "calendars", "people", "skills", "setups", "families", "delays", "gates", "defects",
    "running", "cap", "transfer", "batch", "batch_wait", "breaks", "assigned", "due", "rules", "expected",
    "backlog", "until", "no_machine", "zeros",
)  # fmt: skip


def network(
    release_s: Sequence[float], routes: Sequence[Sequence[int]], run_s: Sequence[float], machines: int, **more: object
) -> tuple[Shop, Work, Policy]:
    """Jobs through a network of machines with nothing special; `more` replaces fields of shop, work or policy."""
    jobs, steps = len(release_s), len(run_s)
    route = np.concatenate([np.asarray(r, np.int64) for r in routes]) if steps else np.empty(0, np.int64)
    shop = Shop(
        machines=tuple(f"M{i}" for i in range(machines)), people=(), capacity=np.ones(machines, np.int64),
        multitask=np.empty(0, np.int64), calendar_ptr=np.zeros(1, np.int64), on_s=np.empty(0), off_s=np.empty(0),
        machine_calendar=np.full(machines, -1), person_calendar=np.empty(0, np.int64), skill_ptr=np.zeros(1, np.int64),
        skill_person=np.empty(0, np.int64), setup_s=np.empty((0, 0)), mtbf_s=np.zeros(machines),
        mttr_s=np.zeros(machines),
    )  # fmt: skip
    work = Work(
        release_s=np.asarray(release_s, float), due_s=np.full(jobs, np.inf), weight=np.ones(jobs),
        quantity=np.ones(jobs), product=np.zeros(jobs, np.int64), first=np.cumsum([0] + [len(r) for r in routes]),
        operation=route, run_s=np.asarray(run_s, float), setup_fixed_s=np.zeros(steps), family=np.full(steps, -1),
        delay_s=np.zeros(steps), delay_worktime=np.zeros(steps, np.bool_), skill=np.full(steps, -1),
        option_ptr=np.arange(steps + 1), option_machine=route, option_factor=np.ones(steps),
        option_defect=np.zeros(steps), person_defect=np.empty(0), defect_u=np.full(steps, 0.5), pieces=np.ones(steps),
        gate=np.full(steps, -1), running=np.zeros(jobs, np.bool_),
        running_person=np.full(jobs, -1),
    )  # fmt: skip
    policy = Policy(rule=np.zeros(machines, np.int64))
    return tuple(  # type: ignore[return-value]
        dataclasses.replace(part, **{k: v for k, v in more.items() if k in part.__dataclass_fields__})
        for part in (shop, work, policy)
    )


def random_shop(seed: int, features: frozenset[str], jobs: int = 8) -> tuple[Shop, Work, Policy, float]:
    """A shop in small whole numbers (so that many things happen at one instant); and when to stop."""
    rng = np.random.default_rng(seed)
    has = features.__contains__
    m = int(rng.integers(1, 5))
    p = int(rng.integers(1, 4)) if has("people") else 0
    counts = rng.integers(0 if has("zeros") else 1, 5, jobs)
    routes = [rng.integers(0, m, n) for n in counts]
    n = int(counts.sum())
    low = 0 if has("zeros") else 1
    release = np.sort(rng.integers(-10 if has("backlog") else 0, 30, jobs)).astype(float)
    shop, work, policy = network(release, routes, rng.integers(low, 9, n), m)
    first = work.first
    new_shop: dict[str, object] = {}
    new_work: dict[str, object] = {}
    new_policy: dict[str, object] = {}
    k = 0
    if has("calendars"):
        k = 3
        on, off, ptr = [], [], [0]
        for _ in range(k):
            edges = np.cumsum(rng.integers(1, 12, 120)).astype(float) - 12
            on += list(edges[:-1:2])
            off += list(edges[1::2])
            ptr.append(len(on))
        new_shop |= {"on_s": np.array(on), "off_s": np.array(off), "calendar_ptr": np.array(ptr)}
        new_shop["machine_calendar"] = rng.integers(-1, k, m)
    if has("capacity"):
        new_shop["capacity"] = rng.integers(1, 4, m)
    if p:
        able = [rng.permutation(p)[: rng.integers(1, p + 1)] for _ in range(2)]
        new_shop |= {
            "people": tuple(f"P{i}" for i in range(p)),
            "multitask": rng.integers(1, 3, p),
            "person_calendar": rng.integers(-1, k, p),
            "skill_ptr": np.cumsum([0] + [len(a) for a in able]),
            "skill_person": np.concatenate(able),
        }
        new_work["skill"] = rng.integers(-1, 2, n) if has("skills") else np.zeros(n, np.int64)
        new_work["person_defect"] = rng.choice([0.5, 1.0, 2.0, 20.0], p)
    if has("families"):
        new_shop["setup_s"] = rng.integers(0, 5, (3, 3)).astype(float)
        new_work["family"] = rng.integers(-1, 3, n)
        new_work["machine_family"] = rng.integers(-1, 3, m)
    if has("setups"):
        new_work["setup_fixed_s"] = rng.integers(0, 3, n).astype(float)
    if has("delays"):
        new_work["delay_s"] = rng.integers(0, 6, n).astype(float)
        new_work["delay_worktime"] = rng.random(n) < 0.5
    if has("options") or has("no_machine"):
        sets = [
            rng.permutation(m)[: rng.integers(0 if has("no_machine") else 1, (m if has("options") else 1) + 1)]
            for _ in range(n)
        ]
        new_work["option_ptr"] = np.cumsum([0] + [len(x) for x in sets])
        new_work["option_machine"] = np.concatenate([np.empty(0, np.int64), *sets])
        new_work["option_factor"] = rng.choice([0.5, 1.0, 2.0], len(new_work["option_machine"]))
        new_work["option_defect"] = np.zeros(len(new_work["option_machine"]))
    options = len(new_work.get("option_machine", work.option_machine))
    if has("defects") or has("gates"):
        new_work["option_defect"] = rng.choice([0.0, 0.05, 0.4], options)
        new_work["pieces"] = rng.choice([1.0, 4.0, 16.0], n)
        new_work["defect_u"] = rng.random(n)
    if has("gates"):
        start = np.repeat(first[:-1], counts)
        gate = np.full(n, -1)
        for s in range(n):
            if s > start[s] and rng.random() < 0.5:
                gate[s] = rng.integers(start[s], s)
        new_work["gate"] = gate
    if has("running"):
        new_work["running"] = (rng.random(jobs) < 0.4) & (counts > 0) & (release <= np.median(release))
        new_work["running_person"] = rng.integers(-1, p, jobs)
    if has("due"):
        new_work["due_s"] = np.where(rng.random(jobs) < 0.2, np.inf, release + rng.integers(0, 40, jobs))
        new_work["weight"] = rng.choice([0.0, 1.0, 2.0], jobs)
    if has("expected"):
        new_work["expected_s"] = rng.integers(0, 9, n).astype(float)
    if has("breaks"):
        new_work |= {
            "break_ptr": np.arange(m + 1) * 5,
            "break_after_s": rng.integers(1, 12, 5 * m).astype(float),
            "repair_s": rng.integers(0, 7, 5 * m).astype(float),
        }
    if has("batch"):
        new_shop["batch"] = rng.integers(1, 4, m)
        if has("batch_wait"):
            new_shop["batch_wait_s"] = rng.integers(0, 8, m).astype(float)
    if has("cap"):
        new_policy["wip_cap"] = int(rng.integers(1, 5))
    if has("transfer"):
        new_policy["transfer_quantity"] = float(rng.choice([1.0, 2.0, 8.0]))
        new_work.setdefault("pieces", rng.choice([1.0, 4.0, 16.0], n))
    if has("rules"):
        one = rng.random() < 0.5
        new_policy["rule"] = np.full(m, rng.integers(len(RULES))) if one else rng.integers(0, len(RULES), m)
        new_policy["priority"] = rng.permutation(n).astype(float)
    if has("assigned"):
        ptr = np.asarray(new_work.get("option_ptr", work.option_ptr))
        only = np.full(n, -1)
        for s in range(n):
            if ptr[s + 1] > ptr[s] and rng.random() < 0.5:
                only[s] = rng.integers(ptr[s], ptr[s + 1])
        new_policy["assigned"] = only
    until = float(rng.integers(0, 60)) if has("until") else np.inf
    return (
        dataclasses.replace(shop, **new_shop),
        dataclasses.replace(work, **new_work),
        dataclasses.replace(policy, **new_policy),
        until,
    )
