"""Files that are written whole or not at all: to a part beside the place, which then takes its name."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from zhizao.errors import InputError

__all__ = ["write_whole"]


def write_whole(path: Path, data: bytes | str) -> Path:
    """Write a file so that whoever looks sees the old one or the new one, never a half.

    Parameters
    ----------
    path : where to; folders above it are made, an existing file is replaced
    data : bytes, or text that becomes UTF-8

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError : when the place cannot be written to; what stood there stands there still
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data.encode() if isinstance(data, str) else data)
        part.replace(path)
    except OSError as error:
        raise InputError(
            f"cannot write: {error.strerror}", where=str(path), fix="choose another place with --out"
        ) from error
    finally:
        with suppress(OSError):  # still there when writing was stopped; a folder that is none holds no part
            part.unlink(missing_ok=True)
    return path
