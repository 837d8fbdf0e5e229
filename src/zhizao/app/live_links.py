"""What zhizao notes of itself while it listens: whether it does, and whether each connection is there, as samples.

Without them a break would leave no trace where a source tells nothing of it: the last value before would seem to have held.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from zhizao.app.live_signals import LINKS, LISTENING, link_tag
from zhizao.model import Samples

if TYPE_CHECKING:
    from zhizao.record.historian import Historian

__all__ = ["Links"]


class Links:
    """Notes changes of connections into the historian.

    Parameters
    ----------
    historian : that is being written
    before : `health.json` as whoever listened before left it; empty when nobody did
    """

    def __init__(self, historian: Historian, before: Mapping[str, Any]) -> None:
        self._historian = historian
        self._there: dict[str, bool] = {}
        now = time.time_ns()
        told: list[tuple[str, int, Any]] = []
        if before:
            ended = round(datetime.fromisoformat(str(before["at"])).timestamp() * 1e9)
            if ended < now:
                told.append((LISTENING, ended, 0.0))
        told.append((LISTENING, now, 1.0))
        self._write(told)

    def note(self, connected: Mapping[str, bool]) -> None:
        """Note which connections are there, where that has changed.

        Parameters
        ----------
        connected : by name
        """
        changed = {name: there for name, there in connected.items() if self._there.get(name) != there}
        if changed:
            self._there.update(changed)
            now = time.time_ns()
            self._write([(link_tag(name), now, float(there)) for name, there in changed.items()])

    def ended(self) -> None:
        """Note that nobody listens from now on."""
        self._write([(LISTENING, time.time_ns(), 0.0)])

    def _write(self, told: list[tuple[str, int, Any]]) -> None:
        self._historian.append([(LINKS.rstrip("/"), Samples.of(told), {})])
