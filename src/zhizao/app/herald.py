"""Events of the live plant that are told to webhooks: a source lost or back, a machine in another state, an import done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zhizao.app.outbox import OUTBOX, Letter, Outbox
from zhizao.app.senders import wanted

if TYPE_CHECKING:
    from zhizao.model import Plant, Samples

__all__ = ["EVENTS", "Herald", "Lags", "letters_of", "tell"]

EVENTS = ("source.lost", "source.back", "machine.state", "import.finished")
"""Kinds of events that webhooks are told of here."""
_LOST_AFTER_S = 5.0


def letters_of(plant: Plant, key: str, kind: str, title: str, body: Mapping[str, Any]) -> list[Letter]:
    """A letter for each webhook that wants an event.

    Parameters
    ----------
    plant : with its webhooks
    key : names what happened
    kind, title, body : as in `Letter`

    Examples
    --------
    >>> from zhizao.model import Plant, Webhook
    >>> plant = Plant(webhooks={"a": Webhook(url="https://a.example"), "b": Webhook(url="https://b.example", events=("x",))})
    >>> [one.key for one in letters_of(plant, "import.finished/7", "import.finished", "Import", {})]
    ['import.finished/7/a']
    """
    return [
        Letter(f"{key}/{name}"[:300], "webhook", name, kind, title, dict(body))
        for name, hook in plant.webhooks.items()
        if wanted(hook, kind)
    ]


def tell(workspace: Path, plant: Plant, key: str, kind: str, title: str, body: Mapping[str, Any]) -> int:
    """Put an event into the outbox of a workspace; how many letters were new.

    Parameters
    ----------
    workspace : folder
    plant, key, kind, title, body : as in `letters_of`

    Raises
    ------
    InputError : the outbox cannot be written
    """
    letters = letters_of(plant, key, kind, title, body)
    if not letters:
        return 0
    box = Outbox(workspace / OUTBOX)
    try:
        return box.put_all(letters)
    finally:
        box.close()


class Lags:
    """How long samples take from their time to us, and from us to their commit, per source, over the last batches.

    Parameters
    ----------
    most : batches that are remembered of each source

    Examples
    --------
    >>> from zhizao.model import Samples
    >>> lags = Lags()
    >>> lags.note("a", Samples.of([("x", 1_000_000, 1.0)], received=3_000_000), committed=7_000_000)
    >>> lags.said("a")
    {'lag_p50_ms': 2.0, 'lag_p99_ms': 2.0, 'commit_p50_ms': 4.0, 'commit_p99_ms': 4.0}
    """

    def __init__(self, most: int = 500) -> None:
        self._most = most
        self._seen: dict[tuple[str, str], deque[np.ndarray[Any, Any]]] = {}

    def note(self, source: str, samples: Samples, committed: int = 0) -> None:
        """Take note of a batch; samples whose arrival is not known, and what was back-filled in bulk, count as they are.

        Parameters
        ----------
        source, samples : what was stored
        committed : ns since 1970; 0 for not known
        """
        known = samples.received > 0
        if not known.any():
            return
        came = samples.received[known]
        self._keep(source, "lag", came - samples.at[known])
        if committed:
            self._keep(source, "commit", committed - came)

    def _keep(self, source: str, what: str, ns: np.ndarray[Any, Any]) -> None:
        self._seen.setdefault((source, what), deque(maxlen=self._most)).append((ns / 1e6)[-200:])

    def said(self, source: str) -> dict[str, float]:
        """Median and 99th percentile in ms; nothing where nothing was noted."""
        found: dict[str, float] = {}
        for what in ("lag", "commit"):
            kept = self._seen.get((source, what))
            if kept:
                middle, high = np.percentile(np.concatenate(list(kept)), [50, 99]).tolist()
                found |= {f"{what}_p50_ms": round(middle, 3), f"{what}_p99_ms": round(high, 3)}
        return found


class Herald:
    """Watches what a listener hears and puts events into the outbox.

    Parameters
    ----------
    workspace : folder
    plant : with webhooks
    """

    def __init__(self, workspace: Path, plant: Plant) -> None:
        self._workspace, self._plant = workspace, plant
        self._there: dict[str, bool] = {}
        self._states: dict[str, str] = {}
        self.lags = Lags()

    def heard(self, batches: Sequence[tuple[str, Samples]]) -> None:
        """Look through what was stored.

        Parameters
        ----------
        batches : name of the source and its samples
        """
        for source, samples in batches:
            self.lags.note(source, samples, time.time_ns())

    @property
    def wants_states(self) -> bool:
        """Whether a webhook wants to be told of the states of machines."""
        return any(wanted(hook, "machine.state") for hook in self._plant.webhooks.values())

    def states(self, machines: Iterable[Any]) -> None:
        """Look at the states of the machines, and tell those that have changed.

        Parameters
        ----------
        machines : each with `machine`, `state`, `since` (ns) and `order`, as `live_states.view` has them
        """
        for one in machines:
            before, self._states[one.machine] = self._states.get(one.machine), one.state
            if before is None or before == one.state:
                continue
            body = {
                "machine": one.machine, "state": one.state, "before": before, "at": _iso(one.since / 1e9),
                "order": one.order,
            }  # fmt: skip
            key = f"machine.state/{one.machine}/{one.state}/{one.since}"
            tell(self._workspace, self._plant, key, "machine.state", f"{one.machine}: {one.state}", body)

    def connections(self, healths: Mapping[str, Any], at: float) -> None:
        """Look at the health of the connections; a source is lost when it was there and is silent for some seconds.

        Parameters
        ----------
        healths : by name, with `connected`, `since` and `word`
        at : seconds since 1970
        """
        for name, one in healths.items():
            was = self._there.get(name)
            if one.connected:
                if was is False:
                    self._tell("source.back", name, one)
                self._there[name] = True
            elif was and at - one.since >= _LOST_AFTER_S:
                self._there[name] = False
                self._tell("source.lost", name, one)

    def _tell(self, kind: str, name: str, one: Any) -> None:
        body = {"source": name, "since": _iso(one.since), "word": str(one.word)[:300]}
        title = f"{name}: {'connected again' if kind == 'source.back' else 'lost'}"
        tell(self._workspace, self._plant, f"{kind}/{name}/{one.since:.3f}", kind, title, body)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
