"""Signals of machines as states need them: which tag is what, read from the historian from before the time asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from zhizao.account.calendar import union
from zhizao.account.states import Counter, Signal, Told, gaps
from zhizao.model import Role, is_good

if TYPE_CHECKING:
    from zhizao.account.calendar import Intervals
    from zhizao.model import Plant
    from zhizao.record.historian.segment import Rows

LINKS = "zhizao/"
"""Tags below this are of zhizao itself; its name is that of the source in the loss account too."""
LISTENING = f"{LINKS}listening"
"""1 while `zhizao sense` listens, 0 from when it ended or was killed."""

__all__ = ["LINKS", "LISTENING", "Reader", "Wired", "broken", "link_tag", "silences", "told_of", "unheard", "wired"]

_ENDS = {
    "state": Role.STATE,
    "mode": Role.MODE,
    "order": Role.ORDER,
    "parts": Role.PART_COUNT,
    "scrap": Role.SCRAP_COUNT,
    "left in order": Role.ORDER_LEFT,
}
"""What the last part of a tag's name means where plant.yaml does not say."""
_DAY_NS = 86_400_000_000_000
_FRESH_S = 10.0


class Reader(Protocol):
    """Where samples are read; the historian is one."""

    def rows(self, tag: str, begin: int, end: int) -> Rows:
        """Samples of a tag with begin <= at < end, in the order of time."""

    def before(self, tag: str, at: int) -> Rows:
        """The last sample of a tag before a time; none when there is none."""

    def text(self, word: int) -> str | None:
        """A word by its number."""


@dataclass(slots=True)
class Wired:
    """Tags of one machine: by role, and all of them."""

    roles: dict[Role, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    """Tags that say whether somebody listened and the connection was there."""


def wired(plant: Plant, names: list[str]) -> dict[str, Wired]:
    """Machines that tell their state, with their tags.

    What plant.yaml says of a tag holds. Of other tags, those called `<machine>/state`, `mode`, `order`, `parts`,
    `scrap` and `left in order` are taken for what they are called, where the machine has both a state and parts, or is
    declared.

    Parameters
    ----------
    plant : its tags and machines
    names : of all tags

    Examples
    --------
    >>> from zhizao.model import Plant
    >>> list(wired(Plant(), ["hall/mill 1/state", "hall/mill 1/parts", "hall/mill 1/power", "room/state"]))
    ['mill 1']
    """
    found: dict[str, Wired] = {}
    for name in names:
        card = plant.tags.get(name)
        if card is not None and card.machine is not None:
            one = found.setdefault(card.machine, Wired())
            one.tags.append(name)
            if card.role is not Role.SIGNAL:
                one.roles.setdefault(card.role, name)
    there = set(names)
    stems = {name.rpartition("/")[0] for name in names if name.endswith("/state")}
    taken: set[str] = set()
    for stem in sorted(stem for stem in stems if stem):
        machine = stem if stem in plant.machines else stem.rpartition("/")[2]
        if machine in taken or (machine in found and Role.STATE in found[machine].roles):
            continue
        if machine in plant.machines or f"{stem}/parts" in there:
            taken.add(machine)
            one = found.setdefault(machine, Wired())
            for end, role in _ENDS.items():
                name = f"{stem}/{end}"
                if name in there and plant.tags.get(name) is None:
                    one.roles.setdefault(role, name)
            one.tags += [name for name in names if name.startswith(stem + "/") and name not in one.tags]
    links = {link_tag(name): f"{settings.get('prefix') or name}/" for name, settings in plant.connections.items()}
    for one in found.values():
        one.links = [tag for tag in (LISTENING,) if tag in there]
        one.links += [
            tag for tag, prefix in links.items() if tag in there and any(name.startswith(prefix) for name in one.tags)
        ]
    return {machine: one for machine, one in sorted(found.items()) if Role.STATE in one.roles}


def link_tag(connection: str) -> str:
    """Tag that says whether a connection is there.

    >>> link_tag("hall 1")
    'zhizao/hall 1/connected'
    """
    return f"{LINKS}{connection}/connected"


def broken(reader: Reader, one: Wired, begin: int, end: int) -> list[tuple[int, int]]:
    """Times in which nothing of a machine could be heard: nobody listened, or its connection was broken.

    Each lasts until it was mended, or until the first sample after its beginning: what the source told later of that time
    (its history, its buffer) is known.

    Parameters
    ----------
    reader : samples
    one : tags of the machine
    begin, end : nanoseconds
    """
    out = []
    for link in one.links:
        at, value = _joined(reader, link, begin, end)
        for k in np.flatnonzero(value == 0).tolist():
            off = int(at[k])
            on = int(at[k + 1]) if k + 1 < len(at) else end
            first = [int(rows.at[0]) for tag in one.roles.values() if len(rows := reader.rows(tag, off + 1, on))]
            out.append((off, min([on, *first])))
    return out


def _joined(reader: Reader, tag: str, begin: int, end: int) -> tuple[Any, Any]:
    rows, _ = _rows(reader, tag, begin, end)
    return rows.at, rows.value


def unheard(health: Mapping[str, Any], now_ns: int) -> tuple[int, int] | None:
    """The time in which nobody listens up to now; None when somebody does, or nobody ever said so.

    >>> unheard({"at": "1970-01-01T00:00:10+00:00"}, 60 * 10**9)
    (10000000000, 60000000000)
    """
    if not health:
        return None
    at = round(datetime.fromisoformat(str(health["at"])).timestamp() * 1e9)
    return (at, now_ns) if now_ns - at > _FRESH_S * 1e9 else None


def told_of(
    historian: Reader, one: Wired, begin: int, end: int, *, silence_s: float | None, dark: tuple[int, int] | None
) -> Told:
    """What a machine's signals told over a time, and before it as far as its figures need.

    Parameters
    ----------
    historian : to read
    one : its tags
    begin, end : nanoseconds
    silence_s : see `Machine.silence_s`
    dark : time in which nobody listened
    """
    since = begin
    for role in (Role.PART_COUNT, Role.SCRAP_COUNT):
        if role in one.roles:
            last = historian.before(one.roles[role], begin)
            if len(last):
                since = min(since, max(int(last.at[0]), begin - 14 * _DAY_NS))
    spans = broken(historian, one, since, end) + ([dark] if dark is not None else [])
    if silence_s is not None:
        quiet = getattr(historian, "silences", None) or partial(silences, historian)
        off, on = quiet(one.tags, round(silence_s * 1e9), since, end)
        spans += list(zip(off.tolist(), on.tolist(), strict=True))
    unknown = union(np.array([a for a, _ in spans], np.int64), np.array([b for _, b in spans], np.int64))
    signals = [
        _signal(historian, one.roles[role], since, end) if role in one.roles else None
        for role in (Role.STATE, Role.MODE, Role.ORDER)
    ]
    counters = [
        _counter(historian, one.roles[role], since, end) if role in one.roles else None
        for role in (Role.PART_COUNT, Role.SCRAP_COUNT)
    ]
    return Told(signals[0], signals[1], signals[2], counters[0], counters[1], unknown)


def silences(reader: Reader, tags: Sequence[str], limit_ns: int, begin: int, end: int) -> Intervals:
    """Times in which none of some tags told anything for longer than a limit.

    Parameters
    ----------
    reader : their samples; one that has a `silences` of its own is asked that instead by `told_of`
    tags : of one machine
    limit_ns : how long a sample speaks
    begin, end : nanoseconds
    """
    heard = [reader.rows(name, begin, end).at for name in tags] + [reader.before(name, begin).at for name in tags]
    return gaps(np.unique(np.concatenate(heard)), limit_ns, begin, end)


def _rows(historian: Reader, tag: str, begin: int, end: int) -> tuple[Any, Any]:
    from zhizao.record.historian.segment import Rows

    rows = Rows.joined([historian.before(tag, begin), historian.rows(tag, begin, end)])
    return rows, is_good(rows.quality)


def _signal(historian: Reader, tag: str, begin: int, end: int) -> Signal:
    rows, good = _rows(historian, tag, begin, end)
    is_text = rows.word >= 0
    good &= is_text | ~np.isnan(rows.value)
    texts, text_code = np.unique(rows.word[is_text], return_inverse=True)
    numbers, number_code = np.unique(rows.value[~is_text], return_inverse=True)
    code = np.empty(len(rows), np.int32)
    code[is_text], code[~is_text] = text_code, number_code + len(texts)
    words = [historian.text(int(one)) or "" for one in texts] + [f"{one:g}" for one in numbers]
    return Signal(rows.at, np.where(good, code, -1).astype(np.int32), tuple(words))


def _counter(historian: Reader, tag: str, begin: int, end: int) -> Counter:
    rows, good = _rows(historian, tag, begin, end)
    return Counter(rows.at[good], rows.value[good])
