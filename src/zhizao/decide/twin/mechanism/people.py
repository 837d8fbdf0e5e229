"""People as posts: those who hand work over to each other at the change of shift are one place at the machine.

A lot that the early shift begins is finished by the late one. A post is a chain of people of different shifts who do
the same operations; its hours are theirs together, so the number at work at any time is kept. Who makes how many bad
pieces is compared beforehand, so that the careful are chained to the careful and the difference is not averaged away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zhizao.decide.twin.mechanism.visits import Visits
from zhizao.decide.twin.mechanism.week import SLOT_S, SLOTS, Week
from zhizao.decide.twin.shop import Floats, Ints

__all__ = ["Posts", "posts_of"]

_FEWEST = 3
_LEAST_SHARE = 0.002
_DOUBT = 10.0
"""Choices between two posts that count for none."""


@dataclass(frozen=True, slots=True)
class Posts:
    """Posts and what they can do.

    Parameters
    ----------
    members : people (codes) of each post, by shift
    week : (Q, 336) hours of each post
    skill_ptr, skill_post : posts able to do operation o are skill_post[skill_ptr[o]:skill_ptr[o + 1]], who is asked first
        comes first
    needed : (O,) True where the operation needs a person
    of_person : (P,) post of each person
    """

    members: tuple[tuple[int, ...], ...]
    week: Week
    skill_ptr: Ints
    skill_post: Ints
    needed: np.ndarray
    of_person: Ints


def posts_of(visits: Visits, care: Floats) -> Posts:
    """Posts of the people in the records.

    Parameters
    ----------
    visits : with people
    care : (P,) factor of each person on the rate of bad pieces
    """
    people, operations = len(visits.people), len(visits.operations)
    named = visits.person >= 0
    done = np.zeros((max(people, 1), operations))
    np.add.at(done, (visits.person[named], visits.operation[named]), 1.0)
    total = np.bincount(visits.operation, minlength=operations)
    needed = (np.bincount(visits.operation[named], minlength=operations) > 0.5 * np.maximum(total, 1)) & (total > 0)
    able = (done >= _FEWEST) & (done >= _LEAST_SHARE * total[None, :]) if people else np.zeros((0, operations), bool)
    for o in np.flatnonzero(needed):
        if not able[:, o].any():
            able[int(np.argmax(done[:, o])), o] = True
    week = visits.person_week
    open_posts: list[list[int]] = []
    hours: list[np.ndarray] = []
    for layer in _layers(week[:people]):
        match = _matched(layer, open_posts, hours, week, able, care)
        for p in layer:
            if p in match:
                open_posts[match[p]].append(p)
                hours[match[p]] |= week[p]
            else:
                open_posts.append([p])
                hours.append(week[p].copy())
    of_person = np.full(people, -1)
    for at, members in enumerate(open_posts):
        of_person[members] = at
    skill: list[list[int]] = []
    free = _Free(visits)
    for code in range(operations):
        who = np.flatnonzero(able[:, code]) if people else np.empty(0, np.int64)
        share = np.zeros(len(open_posts))
        np.add.at(share, of_person[who], done[who, code] if people else 0.0)
        posts = np.flatnonzero(share > 0)
        posts = posts[np.argsort(-share[posts], kind="stable")]
        skill.append(_asked_first(visits, free, code, posts, who, of_person))
    return Posts(
        members=tuple(tuple(one) for one in open_posts),
        week=np.array(hours) if hours else np.zeros((0, 336), bool),
        skill_ptr=np.concatenate([[0], np.cumsum([len(one) for one in skill])]).astype(np.int64),
        skill_post=np.array([one for row in skill for one in row], np.int64),
        needed=needed & np.array([len(one) > 0 for one in skill]),
        of_person=of_person,
    )


class _Free:
    """Who is at work and has nothing in hand at a time."""

    def __init__(self, visits: Visits) -> None:
        people = len(visits.people)
        stints = visits.stints
        person = visits.person if stints is None else stints.person
        start = visits.start_s if stints is None else stints.start_s
        end = visits.end_s if stints is None else stints.end_s
        self._week = visits.person_week
        self._start: list[Floats] = []
        self._end: list[Floats] = []
        for p in range(people):
            mine = np.flatnonzero(person == p)
            mine = mine[np.argsort(start[mine], kind="stable")]
            self._start.append(start[mine])
            self._end.append(np.maximum.accumulate(np.nan_to_num(end[mine], nan=np.inf)) if len(mine) else end[mine])

    def at(self, person: int, time_s: Floats) -> np.ndarray:
        """(n,) True where the person is on shift and idle just before each time."""
        slot = (np.floor(time_s / SLOT_S).astype(np.int64)) % SLOTS
        on: np.ndarray = self._week[person, slot]
        start, end = self._start[person], self._end[person]
        if not len(start):
            return on
        last = np.searchsorted(start, time_s, "left") - 1
        busy = (last >= 0) & (end[np.maximum(last, 0)] > time_s)
        return np.asarray(on & ~busy)


def _asked_first(visits: Visits, free: _Free, operation: int, posts: Ints, able: Ints, of_person: Ints) -> list[int]:
    """Posts by who is taken while who else stands idle; the most used first where that is not seen."""
    if len(posts) < 2:
        return list(posts.tolist())
    mine = np.flatnonzero((visits.operation == operation) & (visits.person >= 0))
    time, by = visits.start_s[mine], of_person[visits.person[mine]]
    taken = np.zeros((len(posts), len(posts)))  # row was taken while column stood idle
    for column, post in enumerate(posts):
        idle = np.zeros(len(mine), bool)
        for p in able[of_person[able] == post]:
            idle |= free.at(int(p), time)
        for row, other in enumerate(posts):
            if other != post:
                taken[row, column] = np.sum(idle & (by == other))
    both = taken + taken.T
    score = ((taken - taken.T) / (both + _DOUBT)).sum(axis=1)
    return list(posts[np.argsort(-score, kind="stable")].tolist())


def _layers(week: Week) -> list[list[int]]:
    """People by shift: each layer holds those whose hours lie for the most part within those of its longest-working one."""
    left = list(range(len(week)))
    layers = []
    while left:
        seed = max(left, key=lambda p: (int(week[p].sum()), -p))
        layer = [p for p in left if np.sum(week[p] & week[seed]) >= 0.5 * min(week[p].sum(), week[seed].sum())]
        layers.append(layer or [seed])
        left = [p for p in left if p not in layers[-1]]
    return layers


def _matched(
    layer: list[int], posts: list[list[int]], hours: list[np.ndarray], week: Week, able: np.ndarray, care: Floats
) -> dict[int, int]:
    """Post of each person of a later shift who takes over from one: same operations, other hours, and the same care.

    Care decides only between those who do alike: a lot that nobody takes over would block its machine until the next day.
    """
    if not posts or not layer:
        return {}
    from scipy.optimize import linear_sum_assignment

    fit = np.full((len(layer), len(posts)), -10.0)
    for i, p in enumerate(layer):
        for at, members in enumerate(posts):
            if np.sum(hours[at] & week[p]) > 0.15 * min(hours[at].sum(), week[p].sum()):
                continue
            theirs = able[members].any(axis=0)
            union = np.sum(able[p] | theirs)
            alike = np.sum(able[p] & theirs) / union if union else 0.0
            if alike > 0.2:
                fit[i, at] = 1.0 + alike - 0.4 * min(abs(float(np.log(care[p] / np.mean(care[members])))), 2.0)
    rows, columns = linear_sum_assignment(-fit)
    return {layer[i]: int(at) for i, at in zip(rows, columns, strict=True) if fit[i, at] > 0.0}
