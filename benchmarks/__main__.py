"""`python -m benchmarks [NAME ...]`: our figure, the peer's and the ratio, as a table and as results/latest.json.

Every module of this folder that has a `measure()` is run in a process of its own, one after the other, so that none
warms up, fills or slows down another. What is absent (data, a peer's package) is said and skipped; what fails is said,
the others still run, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import ROOT, Skipped

RESULTS = ROOT / "benchmarks" / "results"
KEYS = ("name", "ours", "peer", "peer_value", "unit", "ratio")
SKIPPED = 3
SHOWN = ("numpy", "numba", "polars", "ortools", "highspy", "sqlalchemy", "simpy")


def subjects() -> dict[str, str]:
    """Modules that have a `measure()`, each with the first line that it says about itself; none is imported."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "measure" for node in tree.body):
            found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def machine() -> str:
    """Cores, memory, Python and versions, in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    used = [f"zhizao {version('zhizao')}"]
    for name in SHOWN:
        try:
            used.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            used.append(f"{name} absent")
    system = f"{platform.system()} {platform.machine()}"
    return f"{cores} cores{memory}, {system}, Python {platform.python_version()}, {', '.join(used)}"


def checked(row: Mapping[str, Any], subject: str) -> dict[str, Any]:
    """The row with its six keys in order (and its note), or a complaint that names what is missing."""
    missing = [key for key in KEYS if key not in row]
    if missing:
        raise ValueError(f"{subject}: a row lacks {', '.join(missing)}: {dict(row)}")
    for key in ("ours", "peer_value", "ratio"):
        value = row[key]
        if value is None and key != "ours":
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f'{subject}: {key} of "{row["name"]}" is {value!r}, not a number')
    return {key: row[key] for key in (*KEYS, "note") if key in row}


def merged(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The old rows, measured ones in place of those of the same name and peer, and what is new after them."""
    now = {(row["name"], row["peer"]): dict(row) for row in new}
    kept = [now.pop((row["name"], row["peer"]), dict(row)) for row in old]
    return [*kept, *now.values()]


def number(value: float | None) -> str:
    """A figure as a person reads it."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = ["| what | ours | peer | peer's | unit | ratio |", "| --- | ---: | --- | ---: | --- | ---: |"]
    for row in rows:
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.3g}"
        note = f" ({row['note']})" if row.get("note") else ""
        lines.append(
            f"| {row['name']}{note} | {number(row['ours'])} | {row['peer']} | {number(row['peer_value'])}"
            f" | {row['unit']} | {ratio} |"
        )
    return "\n".join(lines)


def run_here(subject: str, out: Path) -> int:
    """Measure one subject in this process and write its rows."""
    try:
        rows = importlib.import_module(f"benchmarks.{subject}").measure()
    except (Skipped, ImportError) as error:
        out.write_text(json.dumps(str(error)), encoding="utf-8")
        return SKIPPED
    out.write_text(json.dumps([checked(row, subject) for row in rows], ensure_ascii=False), encoding="utf-8")
    return 0


def run_apart(subject: str) -> tuple[int, Any]:
    """Measure one subject in a new process: exit code, and its rows or why it was skipped."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "benchmarks", "--apart", str(out), subject]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        return code, json.loads(out.read_text(encoding="utf-8")) if out.exists() else None


def main() -> int:
    """Run what is named, or everything; 1 when something failed."""
    known = subjects()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(known)}; all by default")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for latest.json and latest.md")
    parser.add_argument("--apart", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f'there is no benchmark "{unknown[0]}"; there are {", ".join(known)}')
    if options.list:
        print("\n".join(f"{name}: {about}" for name, about in known.items()))
        return 0
    if options.apart is not None:
        return run_here(options.names[0], options.apart)
    print(machine(), flush=True)
    rows: list[dict[str, Any]] = []
    failed = []
    for subject in options.names or known:
        print(f"{subject} ...", file=sys.stderr, flush=True)
        code, found = run_apart(subject)
        if code == 0:
            rows.extend(found)
        elif code == SKIPPED:
            print(f"{subject}: skipped, {found}")
        else:
            print(f"{subject}: failed with exit code {code}")
            failed.append(subject)
    latest = options.out / "latest.json"
    if options.names and latest.exists():
        rows = merged(json.loads(latest.read_text(encoding="utf-8")), rows)
    print(table(rows))
    options.out.mkdir(parents=True, exist_ok=True)
    latest.write_text(json.dumps(rows, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (options.out / "latest.md").write_text(f"{machine()}\n\n{table(rows)}\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
