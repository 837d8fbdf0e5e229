"""Files of the analysis commands: tables, structures, steps and specifications read; workbooks and JSON written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from zhizao.errors import Fault, FaultsFound, InputError

if TYPE_CHECKING:
    import polars as pl

    from zhizao.model.noun import Noun

__all__ = ["as_json", "plain", "read_noun", "read_settings", "read_table", "write_tables"]

N = TypeVar("N", bound="Noun")


def read_table(path: Path) -> pl.DataFrame:
    """First sheet of a CSV, Excel or Parquet file, headings in its first row.

    Raises
    ------
    InputError : when the file cannot be read, or rows and headings do not fit together
    """
    from zhizao.sense.files.source import Options, open_source

    if not path.exists():
        raise InputError("there is no such file", where=str(path), fix="correct the path", code="no_file")
    sheet = open_source(path, Options(header_row=1)).sheets[0]
    if sheet.ragged:
        n, cells, _ = sheet.ragged[0]
        raise InputError(
            f"row {n} has {cells} cells under {sheet.frame.width} headings",
            where=str(path),
            fix="quote cells that hold the separator, or mend the row",
            code="ragged",
        )
    if sheet.repeated:
        name = next(iter(sheet.repeated))
        raise InputError(
            f'the heading "{name}" stands {len(sheet.repeated[name])} times',
            where=str(path),
            fix="give each column a name of its own",
            code="duplicate_column",
        )
    return sheet.frame


def read_settings(path: Path) -> dict[str, Any]:
    """A YAML (or JSON) file that holds settings by name."""
    import yaml

    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError("there is no such file", where=str(path), fix="correct the path", code="no_file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "the file is no UTF-8 text", where=str(path), fix="save it as UTF-8", code="bad_text"
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise InputError("this is no YAML", where=f"{path}{line}", fix="correct the line", code="bad_yaml") from error
    if not isinstance(said, dict):
        raise InputError(
            "the file says no settings", where=str(path), fix='write lines such as "method: did"', code="bad_yaml"
        )
    return {str(key): value for key, value in said.items()}


def read_noun(kind: type[N], said: Mapping[str, object], where: str) -> N:
    """A noun from settings; all faults together."""
    from pydantic import ValidationError

    try:
        return kind.model_validate(dict(said))
    except ValidationError as error:
        faults = []
        for found in error.errors():
            name = ".".join(str(part) for part in found["loc"])
            seen = found.get("input")
            what = f"{name}: {found['msg'].removeprefix('Value error, ')}".removeprefix(": ")
            if isinstance(seen, str | int | float) and found["type"] != "extra_forbidden":
                what += f' (there is "{seen}")'
            fix = "correct it"
            if found["type"] == "extra_forbidden":
                what, fix = f'"{name}" is no setting', f"settings are: {', '.join(kind.model_fields)}"
            faults.append(Fault(what, where, fix, "bad_setting"))
        head = faults[0]
        raise FaultsFound(head.what, faults, where=where, fix=head.fix) from error


def plain(value: object) -> Any:
    """A value as JSON can hold it: NaN and infinity become null, arrays lists, dataclasses objects."""
    import numpy as np

    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def as_json(value: object) -> str:
    """Readable JSON."""
    return json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False)


def write_tables(path: Path, tables: Mapping[str, pl.DataFrame]) -> None:
    """Tables as the sheets of a workbook."""
    from zhizao.programme.release import tables_workbook
    from zhizao.record.whole import write_whole

    if path.suffix.lower() != ".xlsx":
        raise InputError(
            f'"{path.name}" is no workbook', where="--out", fix="name a file that ends in .xlsx", code="bad_out"
        )
    write_whole(path, tables_workbook(tables))
