"""What plant.yaml says of an adapter."""

from __future__ import annotations

import codecs
from typing import Literal

from pydantic import Field, field_validator

from zhizao.sense import connection

__all__ = ["Settings"]


class Settings(connection.Settings):
    """An MTConnect adapter that speaks SHDR over TCP, without an agent between."""

    kind: Literal["shdr"] = "shdr"

    host: str = Field(min_length=1)
    """Name or address of the adapter."""

    port: int = Field(default=7878, ge=1, le=65535)
    """Its TCP port."""

    devices: str = ""
    """Devices file of the agent that would speak to it; says how many fields a key has and what it is."""

    device: str = ""
    """Device in that file; empty takes the first one. A key may name another: `device:key`."""

    device_names: bool = False
    """Put the device's name before that of the data item."""

    tags_by: Literal["name", "id"] = "name"
    """A tag is named after its data item's name where that is unique in the device, or always after its id."""

    own_time: bool = True
    """Take the adapter's time stamps; false takes the time at which a line came."""

    assets: bool = True
    """Take the figures of cutting tools and other assets."""

    series_time: Literal["last", "first"] = "last"
    """Which value of a time series its time stamp belongs to."""

    heartbeat_s: float = Field(default=10.0, gt=0, le=3600)
    """How often the adapter is pinged, until it says how often it wants to be."""

    timeout_s: float = Field(default=10.0, gt=0, le=600)
    """Longest wait for the connection."""

    encoding: str = "utf-8"
    """How texts are written, such as `gb18030`."""

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(f'"{value}" is not an encoding; write utf-8, gb18030 or latin-1') from None
