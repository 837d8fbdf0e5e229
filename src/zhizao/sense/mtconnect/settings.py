"""What plant.yaml says of an MTConnect agent."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zhizao.sense import connection

__all__ = ["Settings"]


class Settings(connection.Settings):
    """An MTConnect agent, spoken to over HTTP."""

    kind: Literal["mtconnect"] = "mtconnect"

    url: str = Field(pattern=r"^https?://[^\s]+$")
    """Address of the agent, such as `http://10.0.0.7:5000`."""

    device: str = ""
    """Name or uuid of the one device to listen to; empty for all that the agent has."""

    stream: bool = True
    """Let the agent send what changes as it changes; false asks again and again."""

    interval_s: float = Field(default=0.1, ge=0, le=3600)
    """Least time between two messages of the stream, or between two questions."""

    heartbeat_s: float = Field(default=10.0, gt=0, le=3600)
    """The agent says at least this often that it is there; after twice that, the connection counts as broken."""

    count: int = Field(default=1000, ge=1, le=100_000)
    """Most observations of one message."""

    timeout_s: float = Field(default=10.0, gt=0, le=600)
    """Longest wait for an answer."""

    backfill: bool = True
    """At the start take what is still in the agent's buffer; what was stored before counts as duplicate."""

    assets: bool = True
    """Take the figures of cutting tools and other assets when they change."""

    tags_by: Literal["name", "id"] = "name"
    """A tag is named after its data item's name where that is unique in the device, or always after its id."""

    device_names: bool = True
    """Put the device's name before that of the data item."""

    series_time: Literal["last", "first"] = "last"
    """Which value of a time series its time stamp belongs to."""
