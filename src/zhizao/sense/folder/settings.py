"""What plant.yaml says of a watched folder."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from zhizao.sense import connection

__all__ = ["Settings"]


class Settings(connection.Settings):
    """A folder into which somebody puts CSV files of samples."""

    kind: Literal["folder"] = "folder"

    path: str = Field(min_length=1)
    """The folder; `done/` and `refused/` are made in it."""

    pattern: str = "*.csv"
    """Which files are taken."""

    every_s: float = Field(default=1.0, gt=0, le=3600)
    """Seconds between two looks into the folder."""

    settle_s: float = Field(default=2.0, ge=0, le=3600)
    """A file counts as written when neither size nor time changed for so long."""

    zone: str = "UTC"
    """Time zone of times that name none."""

    encoding: str = "utf-8"
    """How files are written, such as `gb18030`; a byte order mark is heeded."""

    rows: int = Field(default=20_000, ge=1, le=1_000_000)
    """Rows that are handed over at once."""

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f'"{value}" is not a time zone; write Asia/Shanghai or UTC') from None
        return value

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError(f'"{value}" is not an encoding; write utf-8 or gb18030') from None
        return value
