"""Live pages are pushed: one worker of the process looks, renders each page once for all who have it open, and sends them
what has changed. It sleeps while no page is open."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nicegui import background_tasks, ui

from zhizao.app.live_shared import Look, Watch, watch_of
from zhizao.app.pages.shell import Frame, json_of, version
from zhizao.errors import ZhizaoError

if TYPE_CHECKING:
    from nicegui import Client

__all__ = ["Pieces", "follow"]

LOG = logging.getLogger("zhizao.app")
TICK_S = 0.1
"""Between two looks; longer where a look takes longer, so that half the time is left for everything else."""
Pieces = Callable[[Look], dict[str, str]]
"""HTML by the name of the place where it stands (`data-piece`); `title` is text."""


@dataclass(slots=True)
class _Place:
    """A page as it is rendered for all who have it open."""

    pieces: Pieces
    every_s: float
    at: float = 0.0
    number: int = -1
    found: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Open:
    """A page in one browser."""

    client: Client
    key: Hashable
    sent: dict[str, str]


class _Pusher:
    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.places: dict[Hashable, _Place] = {}
        self.pages: list[_Open] = []
        self.running = False

    async def run(self) -> None:
        try:
            while self.pages:
                began = time.monotonic()
                await self.once()
                await asyncio.sleep(max(TICK_S, time.monotonic() - began))
        finally:
            self.running = False

    async def once(self) -> None:
        self.pages = [one for one in self.pages if not one.client.is_deleted]
        there = {one.key for one in self.pages}
        self.places = {key: place for key, place in self.places.items() if key in there}
        if not self.pages:
            return
        try:
            await asyncio.to_thread(self._render)
        except ZhizaoError:
            return  # plant.yaml is being written, or the historian is being tidied: the page stays as it was
        except Exception:
            LOG.exception("the live pages could not be worked out")
            return
        for one in self.pages:
            if not one.client.has_socket_connection:
                continue
            found = self.places[one.key].found if one.key in self.places else {}
            new = {name: html for name, html in found.items() if one.sent.get(name) != html}
            if new:
                one.sent.update(new)
                one.client.run_javascript(f"zzLive({json_of(new)})")

    def _render(self) -> None:
        look = self.watch.look()
        at = time.monotonic()
        for place in list(self.places.values()):
            if place.number != look.number and at - place.at >= place.every_s:
                place.found = place.pieces(look)
                place.number, place.at = look.number, at


_PUSHERS: dict[str, _Pusher] = {}


def follow(frame: Frame, name: str, pieces: Pieces, *, shown: dict[str, str], every_s: float = 0.0) -> None:
    """Keep places of a page as they are now, from here on until the browser leaves.

    Parameters
    ----------
    frame : the page
    name : of what is rendered; with language, role and filters it tells apart what is not the same
    pieces : renders; is called in a thread, once for all who have the page open
    shown : what the page has been given already
    every_s : at most so often
    """
    client = frame.client
    if client is None:
        return
    path = str(frame.desk.path)
    pusher = _PUSHERS.get(path)
    if pusher is None:
        pusher = _PUSHERS[path] = _Pusher(watch_of(path))
    key = (name, frame.t.lang, frame.person.role, tuple(sorted(frame.query.items())))
    pusher.places.setdefault(key, _Place(pieces, every_s))
    pusher.pages.append(_Open(client, key, dict(shown)))
    ui.add_head_html(f'<script src="/static/live.js?{version()}"></script>')
    if not pusher.running:
        pusher.running = True
        background_tasks.create(pusher.run(), name="live pages")
