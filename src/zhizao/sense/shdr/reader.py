"""Lines of an adapter become samples; every line and every value is accounted for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from zhizao.errors import InputError
from zhizao.sense.mtconnect.assets import assets_of
from zhizao.sense.mtconnect.devices import DataItem
from zhizao.sense.mtconnect.instant import nanoseconds
from zhizao.sense.mtconnect.streams import LEVELS, Observation
from zhizao.sense.mtconnect.told import Teller, number
from zhizao.sense.mtconnect.xml import read_xml
from zhizao.sense.rows import Rows
from zhizao.sense.shdr.fields import fields_of
from zhizao.sense.shdr.sets import entries_of, trigger_of

__all__ = ["Account", "Reader"]

MAX_MULTILINE = 16 * 1024 * 1024
"""Characters of an asset over several lines."""
MAX_KEYS = 100_000
MOST_FIELDS = 5
"""Fields behind a key that may belong to it."""
RESETS = frozenset(
    ["ACTION_COMPLETE", "ANNUAL", "DAY", "LIFE", "MAINTENANCE", "MANUAL", "MONTH", "POWER_ON", "SHIFT", "WEEK"]
)
"""Reset triggers of the standard."""

_MULTILINE = re.compile(r"--multiline--\S*")
_OFFSET_MS = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_QUALIFIERS = ("", "HIGH", "LOW")
_ASSET_KEYS = ("@ASSET@", "@UPDATE_ASSET@", "@REMOVE_ASSET@", "@REMOVE_ALL_ASSETS@")


@dataclass(slots=True)
class Account:
    """What became of all that came: lines = data + command + asset + blank + refused ones.

    Parameters
    ----------
    lines : lines that came in
    kinds : lines by what they are: `data`, `command`, `asset`, `blank`, `refused`
    observations : values, conditions and asset messages that the lines held
    taken : observations of which samples were made
    samples : samples that were made of them; a position is three, a condition may be two
    rejected : observations that were not taken, by reason
    waiting : assets whose last line has not come yet, 0 or 1
    """

    waiting: int = 0
    lines: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    observations: int = 0
    taken: int = 0
    samples: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def balances(self) -> bool:
        """Whether every line has a kind and every observation was taken, was rejected, or waits for its end."""
        return (
            self.lines == self.kinds.total() and self.observations == self.taken + self.rejected.total() + self.waiting
        )


class Reader:
    """Reads lines one by one.

    Parameters
    ----------
    teller : knows the data items where there is a devices file
    device : of keys that name none
    own_time : take the adapter's time stamps; false takes the time of arrival
    assets : make samples of the figures of assets

    Examples
    --------
    >>> reader, rows = Reader(Teller("mill")), Rows()
    >>> reader.line("2024-01-01T00:00:00Z|load|41.5|mode|AUTOMATIC", rows, now=0)
    >>> rows.samples(0).tag, reader.account.observations, reader.account.balances()
    (['mill/load', 'mill/mode'], 2, True)
    """

    def __init__(self, teller: Teller, device: str = "", *, own_time: bool = True, assets: bool = True) -> None:
        self._teller, self._device, self._own_time, self._assets = teller, device, own_time, assets
        self.account = Account()
        self.heartbeat_s: float | None = None
        """As the adapter answered to a ping; None before it did."""
        self.said: dict[str, str] = {}
        """What the adapter said of itself in commands."""
        self._mark = ""
        self._held: list[str] = []
        self._held_size = 0
        self._head: list[str] = []
        self._start: int | None = None
        self._texts: set[str] = set()

    def line(self, line: str, rows: Rows, now: int) -> None:
        """Take a line; its samples go behind the rows.

        Parameters
        ----------
        line : without its end
        rows : where samples go
        now : nanoseconds at which it came
        """
        account = self.account
        account.lines += 1
        if self._mark:
            self._continue(line, rows, now)
        elif not line or line.isspace():
            account.kinds["blank"] += 1
        elif line.startswith("*"):
            account.kinds["command"] += 1
            self._command(line[1:])
        else:
            self._data(fields_of(line), rows, now)

    def lost(self) -> None:
        """The connection ended: what is half told is rejected, and relative times begin anew."""
        if self._mark:
            self._reject("asset_cut_off")
        self._mark, self._held, self._head, self._held_size = "", [], [], 0
        self.account.waiting = 0
        self._start = None

    def _reject(self, reason: str, count: int = 1) -> None:
        self.account.rejected[reason] += count

    # Commands

    def _command(self, text: str) -> None:
        words = text.split(None, 1)
        if not words:
            return
        name, _, value = text.strip().partition(":")
        if words[0] == "PONG":
            every = number(words[1]) if len(words) > 1 else None
            if every and every > 0:
                self.heartbeat_s = min(every / 1000, 3600.0)
        elif len(self.said) < 1000:
            self.said[name.strip()[:200]] = value.strip()[:10_000]

    # Data

    def _data(self, fields: list[str], rows: Rows, now: int) -> None:
        account = self.account
        if len(fields) < 2 or not any(fields[1:]):
            account.kinds["refused"] += 1
            account.observations += 1
            self._reject("not_a_line")
            return
        stamp, _, duration = fields[0].partition("@")
        at = self._time(stamp.strip(), now)
        if fields[1] in _ASSET_KEYS:
            account.kinds["asset"] += 1
            account.observations += 1
            self._asset(fields, at, rows, now)
            return
        account.kinds["data"] += 1
        more = {"duration": duration.strip()} if duration.strip() else {}
        place = 1
        while place < len(fields):
            key = fields[place]
            place += 1
            if not key and place >= len(fields):
                break  # a pipe at the very end
            taken = self._observation(key, fields, place, at, more, rows)
            place += taken

    def _time(self, stamp: str, now: int) -> int | None:
        if not self._own_time or not stamp:
            return now
        if _OFFSET_MS.fullmatch(stamp):
            # A number counts milliseconds from where the adapter began; its first line came now.
            offset = round(float(stamp) * 1_000_000)
            if self._start is None:
                self._start = now - offset
            at = self._start + offset
            return at if 0 <= at < 9_000_000_000_000_000_000 else None
        return nanoseconds(stamp)

    def _observation(
        self, key: str, fields: Sequence[str], place: int, at: int | None, more: dict[str, str], rows: Rows
    ) -> int:
        """Take the observation of a key; gives how many fields behind it belong to it."""
        account = self.account
        account.observations += 1
        if not key:
            self._reject("no_key")
            return 1
        device, name, reset = self._key(key)
        if reset:
            more = {**more, "resetTriggered": reset}
        item = self._teller.item(device, name)
        count, one = self._shape(device, name, item, fields[place : place + MOST_FIELDS], more, len(fields) - place)
        if one is None:
            self._reject("too_few_fields" if count < 0 else "bad_data_set")
            return len(fields) - place if count < 0 else count
        samples = self._teller.tell_at(one, at, rows, account.rejected)
        account.taken += samples > 0
        account.samples += samples
        return count

    def _key(self, key: str) -> tuple[str, str, str]:
        """Device, name and reset trigger of a key: `load`, `mill:load`, `count:DAY`."""
        if ":" not in key:
            return self._device, key, ""
        first, _, second = key.partition(":")
        if second.upper() in RESETS and self._teller.item(first, second) is None:
            return self._device, first, second.upper()
        if self._teller.item(self._device, key) is not None:
            return self._device, key, ""
        return first.strip(), second.strip() or first, ""

    def _shape(
        self, device: str, name: str, item: DataItem | None, fields: Sequence[str], more: dict[str, str], left: int
    ) -> tuple[int, Observation | None]:
        """Number of fields of an observation, and the observation; -1 where fields are missing."""
        if item is None:
            return self._guess(device, name, fields, more, left)
        if item.category == "CONDITION":
            return self._condition(device, name, fields, more)
        if not fields:
            return -1, None
        match item.representation:
            case "TIME_SERIES":
                if fields[0] == "UNAVAILABLE":
                    return min(3, len(fields)), Observation(name, "SAMPLE", "", "UNAVAILABLE", item.type, device)
                return self._series(device, name, fields, more, item.type)
            case "DATA_SET" | "TABLE":
                return 1, self._set(device, name, item, fields[0], more)
            case _:
                pass
        if item.type == "MESSAGE":
            if len(fields) < 2:
                return 1, Observation(name, "EVENT", "", fields[0], "Message", device, more=more)
            more = {**more, "nativeCode": fields[0]} if fields[0] else more
            value = "UNAVAILABLE" if fields[0] == "UNAVAILABLE" and not fields[1] else fields[1]
            return 2, Observation(name, "EVENT", "", value, "Message", device, more=more)
        if item.type == "ALARM":
            # Of version 1.0: code, native code, severity, state, text.
            if len(fields) < 5:
                return 1, Observation(name, "EVENT", "", fields[0], "Alarm", device, more=more)
            words = "" if fields[3].upper() == "CLEARED" else (fields[4] or fields[0])
            more = {**more, "nativeCode": fields[1]} if fields[1] else more
            return 5, Observation(name, "EVENT", "", words, "Alarm", device, more=more)
        if item.type in ("ASSET_CHANGED", "ASSET_REMOVED") and len(fields) >= 2:
            return 2, Observation(
                name, "EVENT", "", fields[1], item.type, device, more={**more, "assetType": fields[0]}
            )
        value, more = self._reset(fields[0], item, more)
        return 1, Observation(name, item.category, "", value, item.type, device, more=more)

    def _reset(self, value: str, item: DataItem | None, more: dict[str, str]) -> tuple[str, dict[str, str]]:
        """A value may say behind a colon what reset it: `0:DAY`."""
        head, colon, tail = value.rpartition(":")
        if colon and tail.upper() in RESETS:
            resettable = bool(item and (item.reset or item.statistic or item.category == "SAMPLE"))
            if resettable or number(head) is not None:
                return head, {**more, "resetTriggered": tail.upper()}
        return value, more

    def _condition(
        self, device: str, name: str, fields: Sequence[str], more: dict[str, str]
    ) -> tuple[int, Observation | None]:
        if not fields or not fields[0]:
            return -1, None
        level, code, severity, qualifier, text = (*fields[:5], "", "", "", "")[:5]
        told = {"nativeCode": code, "nativeSeverity": severity, "qualifier": qualifier}
        more = {**more, **{key: value for key, value in told.items() if value}}
        count = min(5, len(fields))
        return count, Observation(name, "CONDITION", "", text, "", device, level=level.upper(), more=more)

    def _series(
        self, device: str, name: str, fields: Sequence[str], more: dict[str, str], kind: str
    ) -> tuple[int, Observation | None]:
        if len(fields) < 3:
            return -1, None
        more = {**more, "sampleCount": fields[0], "sampleRate": fields[1]}
        return 3, Observation(name, "SAMPLE", "", fields[2], kind, device, more=more)

    def _set(self, device: str, name: str, item: DataItem, value: str, more: dict[str, str]) -> Observation | None:
        if value == "UNAVAILABLE":
            return Observation(name, item.category, "", value, item.type, device, more=more)
        trigger, value = trigger_of(value)
        if trigger:
            more = {**more, "resetTriggered": trigger}
        try:
            entries = entries_of(value, item.representation == "TABLE")
        except InputError:
            return None
        return Observation(name, item.category, "", "", item.type, device, more=more, entries=entries)

    def _guess(
        self, device: str, name: str, fields: Sequence[str], more: dict[str, str], left: int
    ) -> tuple[int, Observation | None]:
        """What a key of which no devices file tells seems to be."""
        if not fields:
            return -1, None
        first = fields[0]
        if (
            first.upper() in LEVELS
            and len(fields) >= 5
            and (not fields[2] or number(fields[2]) is not None)
            and fields[3].upper() in _QUALIFIERS
            and (first.upper() != "UNAVAILABLE" or not any(fields[1:4]))
            and (left - 5) % 6 == 0
        ):
            return self._condition(device, name, fields, more)
        if (
            len(fields) >= 3
            and first.isascii()
            and first.isdigit()
            and 2 <= int(first[:9]) == len(fields[2].split(None, 100_000))
            and (not fields[1] or number(fields[1]) is not None)
            and all(number(part) is not None for part in fields[2].split())
        ):
            return self._series(device, name, fields, more, "")
        if left == 2:
            # A key with two fields is a message; pairs would leave none over.
            more = {**more, "nativeCode": first} if first else more
            return 2, Observation(name, "EVENT", "", fields[1], "Message", device, more=more)
        value, more = self._reset(first, None, more)
        key = f"{device}:{name}"
        if value not in ("", "UNAVAILABLE") and number(value) is None and len(self._texts) < MAX_KEYS:
            # Once a key told a text, all it tells are texts: "12" of a program's name is no number.
            self._texts.add(key)
        is_number = key not in self._texts and number(value) is not None
        return 1, Observation(name, "SAMPLE" if is_number else "EVENT", "", value, "", device, more=more)

    # Assets

    def _asset(self, fields: list[str], at: int | None, rows: Rows, now: int) -> None:
        if at is None:
            # A line that begins an asset over several lines is followed by these lines all the same.
            at = now if self._begin(fields) else None
            if at is None:
                self._reject("bad_time")
            return
        match fields[1]:
            case "@REMOVE_ASSET@" if len(fields) > 2 and fields[2]:
                self._note("removed", fields[2], at, rows)
            case "@REMOVE_ALL_ASSETS@":
                self._note("all_removed", fields[2] if len(fields) > 2 else "", at, rows)
            case "@ASSET@" | "@UPDATE_ASSET@" if len(fields) > 3 and fields[2]:
                if not self._begin(fields):
                    self._whole(fields, "|".join(fields[4:]), at, rows, now)
            case _:
                self._reject("too_few_fields")

    def _begin(self, fields: list[str]) -> bool:
        if _MULTILINE.fullmatch(fields[-1]):
            self._mark, self._head = fields[-1], fields
            self._held, self._held_size = [], 0
            self.account.waiting = 1
            return True
        return False

    def _continue(self, line: str, rows: Rows, now: int) -> None:
        """Take a line of an asset over several lines."""
        self.account.kinds["asset"] += 1
        if line.strip() != self._mark:
            self._held_size += len(line) + 1
            if self._held_size <= MAX_MULTILINE:
                self._held.append(line)
            else:
                self._held = []
            return
        head, text, size = self._head, "\n".join(self._held), self._held_size
        self._mark, self._held, self._head, self._held_size = "", [], [], 0
        self.account.waiting = 0
        at = self._time(head[0].partition("@")[0].strip(), now)
        if size > MAX_MULTILINE:
            self._reject("asset_too_large")
        elif at is None:
            self._reject("bad_time")
        else:
            self._whole(head, text, at, rows, now)

    def _whole(self, head: list[str], text: str, at: int, rows: Rows, now: int) -> None:
        key, asset_id = head[1], head[2]
        if not self._assets:
            self._note("changed", asset_id, at, rows)
            return
        if key == "@UPDATE_ASSET@" and "<" not in text:
            self._update(asset_id, head[3:], at, rows)
            return
        try:
            assets = assets_of(read_xml(text.encode(), asset_id[:80])).assets
        except InputError:
            self._reject("bad_asset")
            return
        before = self.account.rejected.total()
        samples = sum(
            self._teller.tell_asset(
                one if one.id else type(one)(asset_id, one.type, figures=one.figures, removed=one.removed),
                self._device, at, rows, self.account.rejected,
            )
            for one in assets[:1]
        )  # fmt: skip
        if self.account.rejected.total() == before:
            self.account.taken += 1
            self.account.samples += samples

    def _update(self, asset_id: str, pairs: Sequence[str], at: int, rows: Rows) -> None:
        """An update names figures and gives their new values, pair by pair."""
        count = 0
        for name, value in zip(pairs[::2], pairs[1::2], strict=False):
            one = Observation(f"asset/{asset_id}/{name}", "SAMPLE" if number(value) is not None else "EVENT", "", value)
            one.device = self._device
            count += self._teller.tell_at(one, at, rows, Counter())
        if count:
            self.account.taken += 1
            self.account.samples += count
        else:
            self._reject("too_few_fields")

    def _note(self, what: str, value: str, at: int, rows: Rows) -> None:
        one = Observation(f"asset/{what}", "EVENT", "", value, device=self._device)
        samples = self._teller.tell_at(one, at, rows, self.account.rejected)
        self.account.taken += samples > 0
        self.account.samples += samples
