"""Files that were uploaded and wait for their import: each in a folder of its own in the workspace."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from zhizao.clock import now
from zhizao.errors import InputError

__all__ = ["KINDS", "Upload", "find", "keep", "sweep"]

KINDS = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".parquet", ".xes", ".xml", ".gz", ".zip")
"""Endings that are taken; what is in the file is looked at all the same."""

_ID = re.compile(r"[0-9a-f]{16}")
_LIFE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that waits.

    Parameters
    ----------
    id : its folder
    name : as the person called it
    path : where it is
    size : bytes
    """

    id: str
    name: str
    path: Path
    size: int


def keep(workspace: Path, name: str, content: BinaryIO) -> Upload:
    """Store an uploaded file.

    Raises
    ------
    InputError : when its name ends in none of `KINDS`, or it is empty
    """
    name = re.sub(r"[\x00-\x1f\x7f]", "", name.replace("\\", "/").rsplit("/", 1)[-1]).strip()[:160] or "records"
    ending = Path(name).suffix.lower()
    if ending not in KINDS:
        raise InputError(
            f'a file that ends in "{ending}" is not taken',
            where=name,
            fix="upload CSV, Excel, Parquet or XES",
            code="bad_kind_of_file",
        )
    sweep(workspace)
    folder = workspace / "uploads" / uuid4().hex[:16]
    folder.mkdir(parents=True)
    # the ending is all that the reader needs of the name; the rest could be anything
    safe = re.sub(r"[^\w.\-]+", "_", name)
    path = folder / (safe if not safe.startswith(".") else f"file{safe}")
    with path.open("wb") as out:
        shutil.copyfileobj(content, out, 1 << 20)
    size = path.stat().st_size
    if size == 0:
        shutil.rmtree(folder)
        raise InputError("the file is empty", where=name, fix="export it again", code="empty_file")
    (folder / "upload.json").write_text(json.dumps({"name": name, "file": path.name, "size": size}), encoding="utf-8")
    return Upload(folder.name, name, path, size)


def find(workspace: Path, number: str) -> Upload:
    """An uploaded file.

    Raises
    ------
    InputError : when it is not there (any more)
    """
    folder = workspace / "uploads" / number
    try:
        if not _ID.fullmatch(number):
            raise ValueError(number)
        told = json.loads((folder / "upload.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f'there is no upload "{number[:40]}"',
            fix="upload the file again; files are kept for 3 days",
            code="no_upload",
        ) from error
    return Upload(number, told["name"], folder / told["file"], int(told["size"]))


def sweep(workspace: Path) -> None:
    """Remove files that have waited for too long."""
    folder = workspace / "uploads"
    if not folder.is_dir():
        return
    oldest = (now() - _LIFE).timestamp()
    for one in folder.iterdir():
        if _ID.fullmatch(one.name) and one.stat().st_mtime < oldest:
            shutil.rmtree(one, ignore_errors=True)
