"""What observations become: samples of tags, or a count with a reason.

Numbers and texts are samples of their own tag; a position in space is three; each entry of a data set and each cell of
a table is one; a condition tells its worst level, and each of its codes is a tag whose text stands while it is active.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from zhizao.model.signal import BAD, NO_COMMUNICATION
from zhizao.sense.connection import Browsed
from zhizao.sense.mtconnect.assets import Asset
from zhizao.sense.mtconnect.devices import DataItem, Devices
from zhizao.sense.mtconnect.instant import nanoseconds
from zhizao.sense.mtconnect.streams import Entry, Observation
from zhizao.sense.rows import Rows

__all__ = ["Teller", "clean", "number"]

MAX_TAGS = 100_000
MAX_CODES = 256
"""Codes of one condition that are kept apart."""
MAX_TEXT = 65_536
MAX_SERIES = 100_000
"""Values of one time series."""
MAX_ENTRIES = 10_000
"""Entries and cells of one data set or table."""
MAX_BELOW = 200_000
"""Entries, cells, codes and figures of all tags together: a source that makes up ever new ones is not followed."""
UNAVAILABLE = "UNAVAILABLE"

NUMERIC_EVENTS = frozenset(
    {
        "ACTIVATION_COUNT",
        "ADAPTER_SOFTWARE_COUNT",
        "ASSET_COUNT",
        "AXIS_FEEDRATE_OVERRIDE",
        "BLOCK_COUNT",
        "CYCLE_COUNT",
        "DEACTIVATION_COUNT",
        "HARDNESS",
        "LINE_NUMBER",
        "LOAD_COUNT",
        "MATERIAL_LAYER",
        "NETWORK_PORT",
        "PART_COUNT",
        "PATH_FEEDRATE_OVERRIDE",
        "PROGRAM_NEST_LEVEL",
        "ROTARY_VELOCITY_OVERRIDE",
        "THICKNESS",
        "TOOL_OFFSET",
        "TRANSFER_COUNT",
        "UNLOAD_COUNT",
        "WORK_OFFSET",
    }
)
"""Events whose value is a number by the standard; all others are texts, even where they look like one."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_PASCAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LEVEL = {"NORMAL": 0, "WARNING": 1, "FAULT": 2}


def number(text: str) -> float | None:
    """A finite number as machines write it; None for anything else.

    >>> number("-1.5e3"), number("1_000"), number("nan"), number("")
    (-1500.0, None, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def clean(name: str) -> str:
    """Part of a tag's name: without control characters, not longer than 200."""
    return _CONTROL.sub(" ", name).strip()[:200] or "?"


def _rows_above(path: str) -> Iterator[str]:
    """What stands before each `/` of a path."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


class Teller:
    """Turns observations into samples; knows the data items and which conditions and entries stand.

    Parameters
    ----------
    prefix : before the name of each tag
    by : whether a tag has the name of its data item where that is unique, or always its id
    device_names : whether the device's name is part of a tag's name
    series_first : the time stamp of a time series is that of its first value, else of its last
    """

    def __init__(self, prefix: str, *, by: str = "name", device_names: bool = True, series_first: bool = False) -> None:
        self._prefix, self._by, self._device_names, self._first = prefix, by, device_names, series_first
        self._known: dict[str, tuple[str, DataItem | None]] = {}
        self._active: dict[str, dict[str, tuple[int, str]]] = {}
        self._codes: dict[str, set[str]] = {}
        self._entries: dict[str, set[str]] = {}
        self._numeric: dict[str, bool] = {}
        self._below = 0
        self._tags: set[str] = set()

    # Tags

    def learn(self, devices: Devices) -> list[Browsed]:
        """Take the devices of a probe; give what the source says of its tags."""
        self._known.clear()
        self._numeric.clear()
        found: list[Browsed] = []
        for device in devices.devices:
            name = device.name or device.uuid or device.id
            items = list(device.all_items())
            names = Counter(item.name for item in items if item.name)
            for item in items:
                short = item.name if self._by == "name" and names[item.name] == 1 else item.id
                tag = self._join(name, short)
                # Ids are unique in a document; where a file breaks that, the first one keeps it.
                for key in dict.fromkeys((item.id, f"{name}:{item.id}")):
                    self._known.setdefault(key, (tag, item))
                if item.name:
                    self._known.setdefault(f"{name}:{item.name}", (tag, item))
                    self._known.setdefault(f"={item.name}", (tag, item))
                if item.source:
                    self._known.setdefault(f"{name}:{item.source}", (tag, item))
                    self._known.setdefault(f"={item.source}", (tag, item))
                kind = "/".join(filter(None, (item.category, item.type, item.sub_type, item.representation)))
                found.append(Browsed(tag, "/".join((*item.path, short)), kind, item.units))
        return found

    def _join(self, device: str, name: str) -> str:
        parts = (self._prefix, device if self._device_names else "", name)
        return "/".join(clean(part) for part in parts if part)

    def find(self, device: str, item: str) -> tuple[str, DataItem | None]:
        """Tag and data item of an id, a name or a source; the data item is None where no probe told of it."""
        known = self._known
        found = (known.get(f"{device}:{item}") if device else None) or known.get(item) or known.get(f"={item}")
        return found or (self._join(device, item), None)

    def item(self, device: str, key: str) -> DataItem | None:
        """Data item of a key, if it is known."""
        return self.find(device, key)[1]

    @property
    def tags(self) -> frozenset[str]:
        """Tags of which something was told."""
        return frozenset(self._tags)

    # Observations

    def tell(self, one: Observation, rows: Rows, rejected: Counter[str], now: int = 0) -> int:
        """Put the samples of an observation behind the rows.

        Parameters
        ----------
        one : the observation
        rows : where its samples go
        rejected : counts it by reason when it cannot be taken
        now : nanoseconds for an observation without a time

        Returns
        -------
        number of samples; 0 when it was rejected
        """
        at = nanoseconds(one.timestamp) if one.timestamp else (now or None)
        return self.tell_at(one, at, rows, rejected)

    def tell_at(self, one: Observation, at: int | None, rows: Rows, rejected: Counter[str]) -> int:
        """As `tell`, with the time already read."""
        if at is None:
            rejected["bad_time"] += 1
            return 0
        tag, item = self.find(one.device, one.item)
        if tag not in self._tags:
            if len(self._tags) >= MAX_TAGS:
                rejected["too_many_tags"] += 1
                return 0
            self._tags.add(tag)
        if len(one.value) > MAX_TEXT and "sampleCount" not in one.more:
            rejected["text_too_long"] += 1
            return 0
        before = len(rows)
        reason = self._tell(one, at, tag, item, rows)
        if reason:
            rejected[reason] += 1
            return 0
        if reset := one.more.get("resetTriggered", ""):
            rows.text(f"{tag}/reset", at, clean(reset))
        return len(rows) - before

    def _tell(self, one: Observation, at: int, tag: str, item: DataItem | None, rows: Rows) -> str:
        category = one.category or (item.category if item else "EVENT")
        if category == "CONDITION":
            return self._condition(one, at, tag, rows)
        if one.entries is not None:
            return self._set(one, one.entries, at, tag, rows)
        value = one.value
        if value == UNAVAILABLE:
            self._absent(tag, at, item, rows)
            return ""
        if "sampleCount" in one.more or (item is not None and item.representation == "TIME_SERIES"):
            return self._series(one, at, tag, item, rows)
        if category == "SAMPLE":
            if (figure := number(value)) is not None:
                rows.number(tag, at, figure)
                return ""
            return self._space(value, at, tag, rows)
        if value and self._is_numeric(one, item) and (figure := number(value)) is not None:
            rows.number(tag, at, figure)
        elif item is not None and item.units.endswith("_3D"):
            return self._space(value, at, tag, rows)
        else:
            rows.text(tag, at, value)
        if code := one.more.get("nativeCode", ""):
            rows.text(f"{tag}/code", at, clean(code))
        return ""

    def _absent(self, tag: str, at: int, item: DataItem | None, rows: Rows) -> None:
        if item is not None and item.units.endswith("_3D"):
            for axis in "XYZ":
                rows.absent(f"{tag}/{axis}", at)
        elif known := self._entries.get(tag):
            for key in sorted(known):
                rows.absent(key, at)
            self._below -= len(known)
            known.clear()
        else:
            rows.absent(tag, at)

    def _is_numeric(self, one: Observation, item: DataItem | None) -> bool:
        name = item.type if item is not None else one.type
        key = f"{name}|{item.units}" if item is not None else name
        found = self._numeric.get(key)
        if found is None:
            found = bool(item and item.units) or _PASCAL.sub("_", name).upper() in NUMERIC_EVENTS
            if len(self._numeric) < MAX_TAGS:
                self._numeric[key] = found
        return found

    def _space(self, value: str, at: int, tag: str, rows: Rows) -> str:
        parts = value.replace(",", " ").split()
        if not parts:
            return "no_value"
        figures = [number(part) for part in parts]
        if len(figures) != 3 or None in figures:
            return "not_a_number"
        for axis, figure in zip("XYZ", figures, strict=True):
            if figure is not None:
                rows.number(f"{tag}/{axis}", at, figure)
        return ""

    def _series(self, one: Observation, at: int, tag: str, item: DataItem | None, rows: Rows) -> str:
        parts = one.value.split(None, MAX_SERIES + 1)
        count = one.more.get("sampleCount", "")
        rate = number(one.more.get("sampleRate", "")) or (item.sample_rate if item else 0.0)
        if not parts:
            return "no_value"
        if len(parts) > MAX_SERIES:
            return "text_too_long"
        if count and count != str(len(parts)) and number(count) != len(parts):
            return "count_differs"
        if rate <= 0 and len(parts) > 1:
            return "no_sample_rate"
        figures = [number(part) for part in parts]
        if None in figures:
            return "not_a_number"
        step = 1e9 / rate if rate > 0 else 0.0
        first = 0 if self._first else -(len(parts) - 1)
        if not 0 <= at + first * step <= 9e18 or not at + (first + len(parts)) * step <= 9e18:
            return "bad_time"
        for place, figure in enumerate(figures, first):
            if figure is not None:
                rows.number(tag, at + round(place * step), figure)
        return ""

    def _set(self, one: Observation, entries: Sequence[Entry], at: int, tag: str, rows: Rows) -> str:
        known = self._entries.setdefault(tag, set())
        before, more = len(known), sum(len(entry.cells) or 1 for entry in entries)
        if before + more > MAX_ENTRIES or self._below + more > MAX_BELOW:
            return "too_many_entries"
        told: set[str] = set()
        rows_gone: set[str] = set()
        for entry in entries:
            for key, value in entry.cells or ((None, entry.value),):
                name = "/".join(clean(part) for part in (entry.key, key) if part is not None)
                path = f"{tag}/{name}"
                if entry.removed:
                    known.discard(path)
                else:
                    told.add(path)
                if entry.removed or value == UNAVAILABLE:
                    rows.absent(path, at, BAD if entry.removed else NO_COMMUNICATION)
                elif (figure := number(value)) is not None:
                    rows.number(path, at, figure)
                else:
                    rows.text(path, at, value[:MAX_TEXT])
            if entry.removed and not entry.cells:
                rows_gone.add(clean(entry.key))
        if rows_gone:
            # A row goes whole, whatever cells it had.
            start = len(tag) + 1
            gone = {path for path in known if any(row in rows_gone for row in _rows_above(path[start:]))}
            for path in sorted(gone):
                rows.absent(path, at, BAD)
            known -= gone
        if one.more.get("resetTriggered"):
            for path in sorted(known - told):
                rows.absent(path, at, BAD)
            known.clear()
        known |= told
        self._below += len(known) - before
        if not entries:
            rows.text(tag, at, "")
        return ""

    # Conditions

    def _condition(self, one: Observation, at: int, tag: str, rows: Rows) -> str:
        active = self._active.setdefault(tag, {})
        codes = self._codes.setdefault(tag, set())
        level, more = one.level.upper(), one.more
        if level == UNAVAILABLE:
            for code in sorted(active):
                rows.absent(f"{tag}/{code}", at)
            active.clear()
            rows.absent(tag, at)
            return ""
        if level not in _LEVEL:
            return "bad_level"
        code = clean(more.get("nativeCode") or more.get("conditionId") or "")
        if code == "?":
            code = ""
        if level == "NORMAL":
            # Without a code, all that stood is over; with one, only that.
            over = [code] if code else sorted(active)
            for gone in over:
                if active.pop(gone, None) is not None and gone:
                    rows.text(f"{tag}/{gone}", at, "")
        else:
            if code and code not in codes:
                if len(codes) >= MAX_CODES or self._below >= MAX_BELOW:
                    return "too_many_codes"
                codes.add(code)
                self._below += 1
            words = " ".join(
                filter(None, (level.lower(), more.get("qualifier", "").lower(), more.get("nativeSeverity", "")))
            )
            text = f"{words}: {one.value}" if one.value else words
            active[code] = (_LEVEL[level], text)
            if code:
                rows.text(f"{tag}/{code}", at, text)
        worst = max((rank for rank, _ in active.values()), default=0)
        rows.text(tag, at, ("normal", "warning", "fault")[worst])
        return ""

    def settle_conditions(self, standing: Iterable[Observation], at: int, rows: Rows) -> None:
        """Clear what stood and is not in a whole picture such as the answer to `current`.

        Parameters
        ----------
        standing : all conditions of the picture
        at : nanoseconds of the picture, for what ended unseen
        rows : where the samples go
        """
        there: dict[str, set[str]] = {}
        for one in standing:
            if one.category == "CONDITION":
                tag, _ = self.find(one.device, one.item)
                code = clean(one.more.get("nativeCode") or one.more.get("conditionId") or "")
                there.setdefault(tag, set()).add("" if code == "?" or one.level == "NORMAL" else code)
        for tag, codes in there.items():
            active = self._active.get(tag, {})
            for code in sorted(set(active) - codes):
                del active[code]
                if code:
                    rows.text(f"{tag}/{code}", at, "")

    def active(self, tag: str) -> Mapping[str, str]:
        """Codes of a condition that stand now, with their words."""
        return {code: text for code, (_, text) in self._active.get(tag, {}).items()}

    # Assets and silence

    def tell_asset(self, asset: Asset, device: str, at: int, rows: Rows, rejected: Counter[str]) -> int:
        """Put the figures of an asset behind the rows; gives how many."""
        if not asset.id:
            rejected["asset_without_id"] += 1
            return 0
        base = self._join(device, "asset") + "/" + clean(asset.id)
        before = len(rows)
        if asset.removed:
            known = self._entries.pop(base, set())
            self._below -= len(known)
            for path in sorted(known):
                rows.absent(path, at, BAD)
            rows.text(base, at, "removed")
            return len(rows) - before
        known = self._entries.setdefault(base, set())
        if base not in self._tags:
            if len(self._tags) >= MAX_TAGS:
                rejected["too_many_tags"] += 1
                return 0
            self._tags.add(base)
        had = len(known)
        if self._below + len(asset.figures) > MAX_BELOW:
            rejected["too_many_tags"] += 1
            return 0
        rows.text(base, at, clean(asset.type))
        for path, text in asset.figures.items():
            tag = f"{base}/{clean(path)}"
            known.add(tag)
            if (figure := number(text)) is not None:
                rows.number(tag, at, figure)
            else:
                rows.text(tag, at, text[:MAX_TEXT])
        self._below += len(known) - had
        return len(rows) - before

    def silence(self, at: int, rows: Rows) -> None:
        """Say of all tags that nobody tells of them any more."""
        items = dict(self._known.values())
        for tag in sorted(self._tags):
            if tag in self._entries:
                for path in sorted(self._entries[tag]):
                    rows.absent(path, at)
            else:
                self._absent(tag, at, items.get(tag), rows)
