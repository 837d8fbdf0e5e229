"""Which column is what: by its heading, by what its cells look like, and by what is left over.

Each pair of role and column gets a score in 0..1 from the heading (words in two languages, also misspelt) and the
cells (dates, numbers, yes and no, codes); the best pairs win, each column once. What was decided by little says so.
"""

from __future__ import annotations

import polars as pl

from zhizao.sense.files.columns import ENOUGH, Choice, fit, heading_score, profile
from zhizao.sense.files.said import Said
from zhizao.sense.files.settle import settle_key, settle_resource, settle_rest, settle_times
from zhizao.sense.files.words import HEADINGS, ROLES

__all__ = ["recognise"]


def recognise(
    frame: pl.DataFrame, fixed: dict[str, str | None], *, xes: bool = False
) -> tuple[list[Choice], dict[str, str]]:
    """Choices for the columns of a table, and why each other column was left out.

    Parameters
    ----------
    frame : cells by heading
    fixed : heading by role as the mapping file has it; None keeps a role empty
    xes : the table comes from XES, where org:resource is a person

    Examples
    --------
    >>> times = ["2025-03-01 08:00", "2025-03-01 09:00"]
    >>> frame = pl.DataFrame({"工单号": ["A", "A"], "工序": ["车", "铣"], "开始时间": times})
    >>> [(choice.role, choice.heading) for choice in recognise(frame, {})[0]]
    [('order', '工单号'), ('activity', '工序'), ('start', '开始时间')]
    """
    profiles = {name: profile(frame[name]) for name in frame.columns}
    chosen = {
        role: Choice(role, name, Said("named in the mapping file", "由映射文件指定"), 1.0)
        for role, name in fixed.items()
        if name is not None
    }
    used = {choice.heading for choice in chosen.values()}
    pairs: list[tuple[float, float, str, str, Said]] = []
    for name, p in profiles.items():
        if name in used:
            continue
        for role in HEADINGS:
            score, word = heading_score(name, role)
            if not score or role in fixed:
                continue
            factor, seen = fit(role, p)
            why = Said(f'heading sounds like "{word}"', f"表头与“{word}”相近").then(seen)
            pairs.append((score * factor, p.filled, role, name, why))
    pairs.sort(key=lambda pair: (-pair[0], -pair[1]))
    left: dict[str, str] = {}
    for score, _, role, name, why in pairs:
        if score < ENOUGH or name in used:
            continue
        if role in chosen or (role == "resource" and {"machine", "person"} <= chosen.keys()):
            left.setdefault(name, _second(role, chosen[role].heading) if role in chosen else "")
            continue
        chosen[role] = Choice(role, name, why, round(min(score, 1.0), 2))
        used.add(name)
        left.pop(name, None)
    settle_resource(chosen, profiles, fixed, xes)
    settle_times(chosen, profiles, fixed, used)
    settle_rest(chosen, profiles, fixed, used)
    settle_key(chosen, frame, fixed, left)
    used = {choice.heading for choice in chosen.values()}
    for name in frame.columns:
        if name not in used and not left.get(name):
            left[name] = Said("not like anything that is read", "不像任何所需的列")
    return [chosen[role] for role in _ORDER if role in chosen], {k: v for k, v in left.items() if k not in used}


_ORDER = tuple(role for role in HEADINGS if role != "resource")


def _second(role: str, heading: str) -> Said:
    """Why a column that also looks like a role was not taken for it."""
    meant = ROLES[role][1] if role in ROLES else "资源"
    return Said(f'looks like {role} too, but "{heading}" fits better', f"也像“{meant}”，但“{heading}”更合适")
