"""Options that several commands share, read from text to what the steps take."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from zhizao.errors import InputError

if TYPE_CHECKING:
    from zhizao.sense.files import Mapping

__all__ = ["check_lang", "check_workspace", "read_mapping", "read_time", "read_zone"]


def read_zone(text: str) -> str:
    """An IANA zone name that exists."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            f'"{text}" is not a time zone',
            where="--zone",
            fix="write an IANA name such as Asia/Shanghai",
            code="bad_zone",
        ) from error
    return text


def read_time(text: str | None, zone: str, where: str) -> datetime | None:
    """An aware time from ISO text; without an offset it is local time in `zone`."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f'"{text}" is not a time',
            where=where,
            fix="write it as 2025-06-30T18:00 or 2025-06-30T18:00+08:00",
            code="bad_time",
        ) from error
    return (time.replace(tzinfo=ZoneInfo(zone)) if time.tzinfo is None else time).astimezone(UTC)


def check_workspace(text: str) -> str:
    """A workspace that is there; commands that only look make none."""
    if "://" not in text and not Path(text).is_dir():
        raise InputError(
            "there is no such workspace", where=text, fix="name the folder that `zhizao import` or `zhizao pilot` wrote"
        )
    return text


def read_mapping(path: Path | None) -> Mapping | None:
    """The mapping file, when one is given."""
    if path is None:
        return None
    from zhizao.sense.files import Mapping

    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(
            "there is no such mapping file", where=str(path), fix="write one with `zhizao import RECORDS --explain`"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "the mapping file cannot be read as UTF-8 text", where=str(path), fix="save it as UTF-8"
        ) from error
    return Mapping.from_yaml(text, str(path))


def check_lang(text: str | None) -> str:
    """`zh` or `en`; the environment's when absent."""
    from zhizao.app.cli.show import default_lang

    if text is None:
        return default_lang()
    if text not in ("zh", "en"):
        raise InputError(f'"{text}" is not a language of zhizao', where="--lang", fix="write zh or en", code="bad_lang")
    return text
