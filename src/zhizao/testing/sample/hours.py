"""Weekly working hours in whole seconds: when something is at work, until when, and how long a piece of work takes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from zhizao.testing.sample.truth import Hours

__all__ = ["ALWAYS", "NEVER_S", "WEEK_S", "Week"]

WEEK_S = 7 * 86_400
NEVER_S = 1 << 60
ALWAYS: Hours = tuple((day, 0.0, 24.0) for day in range(1, 8))


def _within_the_week(hours: Hours) -> Iterator[tuple[int, int]]:
    for day, start, end in hours:
        on, off = round(((day - 1) * 24 + start) * 3600), round(((day - 1) * 24 + end) * 3600)
        yield on, min(off, WEEK_S)
        if off > WEEK_S:  # a Sunday shift over midnight
            yield 0, off - WEEK_S


class Week:
    """A weekly pattern that repeats for ever; second 0 is a Monday, 00:00.

    Parameters
    ----------
    hours : (ISO weekday, from, to), hours; intervals that touch are joined

    Examples
    --------
    >>> early = Week(((1, 6, 14), (2, 6, 14)))
    >>> early.off_after(7 * 3600) / 3600, early.on(14 * 3600), early.finish(13 * 3600, 2 * 3600) / 3600
    (14.0, False, 31.0)
    """

    def __init__(self, hours: Hours) -> None:
        joined: list[list[int]] = []
        for on, off in sorted(_within_the_week(hours)):
            if joined and on <= joined[-1][1]:
                joined[-1][1] = max(joined[-1][1], off)
            else:
                joined.append([on, off])
        self.always = len(joined) == 1 and joined[0] == [0, WEEK_S]
        self._on = [on for on, _ in joined]
        self._off = [off for _, off in joined]

    @property
    def edges(self) -> list[int]:
        """Seconds of the week at which it begins or ends work."""
        return [] if self.always else sorted({edge % WEEK_S for edge in (*self._on, *self._off)})

    @property
    def seconds(self) -> int:
        """Working seconds of one week."""
        return sum(off - on for on, off in zip(self._on, self._off, strict=True))

    def on(self, time: int) -> bool:
        """Whether it is at work at a time (the end of an interval is off)."""
        return self.off_after(time) > time

    def off_after(self, time: int) -> int:
        """When the working interval that holds a time ends; the time itself when it is off."""
        if self.always:
            return NEVER_S
        week, second = divmod(time, WEEK_S)
        at = bisect_right(self._on, second) - 1
        if at >= 0 and second < self._off[at]:
            return week * WEEK_S + self._off[at]
        return time

    def on_after(self, time: int) -> int:
        """When it is next at work, the time itself when it is."""
        if not self._on:
            return NEVER_S
        if self.on(time):
            return time
        week, second = divmod(time, WEEK_S)
        at = bisect_right(self._on, second)
        return week * WEEK_S + self._on[at] if at < len(self._on) else (week + 1) * WEEK_S + self._on[0]

    def finish(self, time: int, work_s: int) -> int:
        """When work that begins at a time and rests outside the hours is done."""
        while True:
            time = self.on_after(time)
            if time >= NEVER_S:
                return NEVER_S
            room = self.off_after(time) - time
            if work_s <= room:
                return time + work_s
            work_s -= room
            time += room
