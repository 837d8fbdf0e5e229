"""What the commands on indicators share: definitions and values from files, the evaluation, the report and its check."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhizao.errors import InputError, ZhizaoError

if TYPE_CHECKING:
    from zhizao.programme.indicators import Catalogue, Definition
    from zhizao.programme.outlook import Evaluation, ValuesRead

__all__ = ["catalogue_json", "check_report", "read_catalogue", "read_day", "read_values", "today", "write_pdf"]

_MOST_BYTES = 32 << 20


def today() -> date:
    """Today's date, where the machine stands."""
    from zhizao.clock import now

    return now().astimezone().date()


def read_day(text: str | None, where: str = "--as-of") -> date:
    """A day from `--as-of`; today when absent."""
    if text is None:
        return today()
    try:
        day = date.fromisoformat(text if len(text) != 4 else f"{text}-12-31")
    except ValueError as error:
        raise InputError(
            f'"{text[:40]}" is not a day', where=where, fix="write it as 2025-06-30", code="bad_day"
        ) from error
    if day > today():
        raise InputError(f"{day} lies in the future", where=where, fix="name today or an earlier day", code="future")
    return day


def read_catalogue(paths: Sequence[Path]) -> Catalogue:
    """Shipped definitions, then those of the files in their order."""
    from zhizao.programme.indicators import catalogue

    return catalogue(*(_text(path) for path in paths), names=[path.name for path in paths])


def read_values(path: Path | None, catalogue: Catalogue) -> ValuesRead:
    """Values of a file (CSV, TSV, Excel, Parquet, YAML, JSON); the shipped ones without one."""
    from zhizao.programme.indicators import actuals, read_actuals
    from zhizao.programme.indicators.safeyaml import kind_of, read_yaml
    from zhizao.programme.outlook.values import HEADINGS, ValuesRead, values_of

    if path is None:
        return ValuesRead(actuals(), ())
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        text = _text(path)
        data = read_yaml(text, path.name)
        if isinstance(data, dict) and "indicators" in data:
            found = read_actuals(text, path.name)
            unknown = sorted(set(found.series) - set(catalogue.versions))
            if unknown:
                raise InputError(
                    f'"{unknown[0]}" is not an indicator',
                    where=path.name,
                    fix=f"known: {', '.join(catalogue.versions)}",
                    code="unknown_indicator",
                )
            return ValuesRead(found, ())
        listed = data.get("values") if isinstance(data, dict) else data
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise InputError(
                f"the file holds {kind_of(data)}, not a list of values",
                where=path.name,
                fix="write a list, each with indicator, year and value",
                code="bad_values",
            )
        rows = [(f"{path.name}, value {i}", {str(k): v for k, v in one.items()}) for i, one in enumerate(listed, 1)]
        return values_of(rows, catalogue.current, today=today())
    from zhizao.sense.files.source import Options, open_source

    headings = tuple(word for words in HEADINGS.values() for word in words)
    source = open_source(path, Options(headings=headings))
    rows = []
    for sheet in source.sheets:
        name = f"{path.name}, {sheet.name}" if sheet.name else path.name
        if sheet.ragged:
            n, cells, _ = sheet.ragged[0]
            raise InputError(
                f"the row has {cells} cells, the headings are {sheet.frame.width}",
                where=f"{name}, row {n}",
                fix="quote cells with a comma inside, or give each column its heading",
                code="ragged",
            )
        numbers = sheet.rows.to_list()
        rows += [
            (f"{name}, row {number}", cells)
            for number, cells in zip(numbers, sheet.frame.iter_rows(named=True), strict=True)
        ]
    return values_of(rows, catalogue.current, today=today())


def _text(path: Path) -> str:
    from zhizao.sense.files.text import detect_encoding

    try:
        if path.is_file() and path.stat().st_size > _MOST_BYTES:
            raise InputError(
                f"the file has {path.stat().st_size:,} bytes",
                where=str(path),
                fix="name a file of definitions or values",
            )
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f'there is no file "{path}"', where=path.name, fix="check the name", code="no_file") from error
    except OSError as error:
        raise InputError(
            f'"{path}" cannot be read ({error.strerror})', where=path.name, fix="name a file that you may read"
        ) from error
    try:
        return data.decode(detect_encoding(data, path.name))
    except (UnicodeDecodeError, LookupError) as error:
        raise InputError(
            "the file is not text", where=path.name, fix="save it as UTF-8", code="bad_encoding"
        ) from error


_FROZEN = re.compile(r'<script type="application/json" id="frozen">(.*?)</script>', re.DOTALL)


def check_report(path: Path, *, most_values: int | None = None) -> dict[str, Any]:
    """Make a report again from the inputs frozen in it, and compare it byte for byte.

    Parameters
    ----------
    path : of the report
    most_values : most values that it may hold, since making it again takes time; no limit when absent

    Returns
    -------
    dict
        `sha256` of the inputs and `indicators` evaluated

    Raises
    ------
    InputError : when the file is no such report, or differs from what its inputs give
    """
    from zhizao import __version__
    from zhizao.programme.outlook.evaluate import evaluate
    from zhizao.programme.outlook.report import EDITION, Cover, report_html
    from zhizao.programme.outlook.result import sha256_of, thaw

    text = _text(path)
    match = _FROZEN.search(text)
    if match is None:
        raise InputError(
            "the file holds no frozen inputs",
            where=path.name,
            fix="name a report that `zhizao evaluate --out report.html` wrote",
            code="no_frozen",
        )
    try:
        held = json.loads(match[1])
        frozen, cover = held["inputs"], Cover(**held["cover"])
        stated, version, edition = str(held["sha256"]), str(held["version"]), int(held.get("edition", 1))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            "the frozen inputs are damaged", where=path.name, fix="use the file as it was issued", code="bad_frozen"
        ) from error
    real = sha256_of(frozen)
    if real != stated:
        raise InputError(
            f"the inputs have been changed: their SHA-256 is {real[:16]}…, the report states {stated[:16]}…",
            where=path.name,
            fix="use the report as it was issued",
            code="tampered",
        )
    catalogue, actuals, settings = thaw(frozen, path.name)
    if most_values is not None and (len(actuals.observations) > most_values or len(catalogue.versions) > most_values):
        raise InputError(
            f"the report holds {len(actuals.observations):,} values of {len(catalogue.versions):,} indicators",
            where=path.name,
            fix="check it with `zhizao evaluate --verify`",
            code="too_large",
        )
    found = evaluate(catalogue, actuals, settings)
    again = report_html(found, cover)
    if again != text.replace("\r\n", "\n"):
        if version != __version__ or edition != EDITION:
            raise InputError(
                f"the report was made by zhizao {version}, edition {edition}; this is {__version__}, edition {EDITION}, "
                "which writes it differently",
                where=path.name,
                fix=f"its inputs are as they were; check its words with zhizao {version}, edition {edition}",
                code="other_version",
            )
        at = next((i for i, (a, b) in enumerate(zip(again, text, strict=False)) if a != b), min(len(again), len(text)))
        shown = re.sub(r"<[^>]*>|\s+", " ", text[max(0, at - 60) : at + 60]).strip()
        raise InputError(
            f"the report is not what its inputs give; it first differs near: {shown}",
            where=f"{path.name}, character {at + 1}",
            fix="use the report as it was issued",
            code="tampered",
        )
    return {"sha256": real, "indicators": len(found.results), "as_of": settings.as_of.isoformat()}


_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


def write_pdf(html: str, path: Path) -> Path:
    """Print a report to PDF with a Chromium that is installed.

    Raises
    ------
    InputError : when none is installed; ZhizaoError when it fails
    """
    from zhizao.record.whole import write_whole

    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise InputError(
            "a PDF is printed by Chromium, and none is installed",
            where=str(path),
            fix="install chromium, or write report.html and print it from a browser (A4, both work the same)",
            code="no_browser",
        )
    with tempfile.TemporaryDirectory() as folder:
        page, out = Path(folder) / "report.html", Path(folder) / "report.pdf"
        page.write_text(html, encoding="utf-8")
        order = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        order += [f"--user-data-dir={folder}/profile", f"--print-to-pdf={out}", page.as_uri()]
        try:
            done = subprocess.run(order, capture_output=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ZhizaoError(
                f"Chromium did not print ({type(error).__name__})", where=browser, fix="write report.html instead"
            ) from error
        if not out.is_file():
            raise ZhizaoError(
                f"Chromium ended with {done.returncode} and printed nothing",
                where=browser,
                fix="write report.html instead",
            )
        return write_whole(path, out.read_bytes())


def evaluation_of(
    values: Path | None, definitions: Sequence[Path], day: date, target_set: str | None, include_unverified: bool
) -> tuple[Evaluation, ValuesRead]:
    """Definitions and values read, and the evaluation made from them."""
    from zhizao.programme.outlook.evaluate import Settings, evaluate

    catalogue = read_catalogue(definitions)
    if target_set is not None:
        catalogue.check_set(target_set, "--target-set")
    read = read_values(values, catalogue)
    return evaluate(catalogue, read.actuals, Settings(day, target_set, include_unverified)), read


def _open(one: Definition) -> dict[str, Any] | None:
    from zhizao.programme.indicators.open_parts import open_parts

    unknown = open_parts(one.formula)
    return None if unknown is None else unknown.plain()


def catalogue_json(found: Catalogue, target_set: str | None = None) -> dict[str, Any]:
    """Definitions with their targets (of one set, where one is named), versions, steps, goals and the plan's table."""
    from zhizao.programme.indicators import plan_table

    shown = [
        one.model_copy(update={"targets": tuple(t for t in one.targets if target_set in (None, t.target_set))})
        for one in found.current.values()
    ]
    if target_set is not None:
        shown = [one for one in shown if one.targets]
    tables = {
        code: {
            "years": list(table.years),
            "rows": [
                {
                    "id": row.id,
                    "category": row.category,
                    "name": row.name,
                    "footnote": row.footnote,
                    "cells": list(row.cells),
                }
                for row in table.rows
            ],
            "footnotes": list(table.footnotes),
        }
        for code in ("zh", "en")
        for table in [plan_table(code, given=found.current, target_set=target_set or "plan2025")]
    }
    return {
        "target_sets": [one.model_dump(mode="json") for one in found.target_sets.values()],
        "indicators": [{**one.model_dump(mode="json"), "open_parts": _open(one)} for one in shown],
        "versions": {key: [one.version for one in each] for key, each in found.versions.items()},
        "goals": [one.model_dump(mode="json") for one in found.goals],
        "steps": [one.model_dump(mode="json") for one in found.steps],
        "table": tables,
    }
