"""`zhizao twin`: fit a twin to records, simulate from it, and test it on what it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zhizao.app.cli.options import read_mapping, read_time, read_zone
from zhizao.app.cli.show import progress_bar, say
from zhizao.errors import InputError

__all__ = ["app"]

app = typer.Typer(help="Fit a twin to records, simulate from it, test it.", no_args_is_help=True, rich_markup_mode=None)

Records = Annotated[Path, typer.Argument(help="CSV, Excel, Parquet or XES file of production records.")]
MappingFile = Annotated[Path | None, typer.Option("--mapping", help="Mapping file: which column is what.")]
Zone = Annotated[
    str, typer.Option(help="IANA zone in which shifts and weekdays are meant; times without a zone are in it.")
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0)]


@app.command()
def fit(
    records: Records,
    out: Annotated[Path, typer.Option(help="File to write the twin to.")],
    until: Annotated[str | None, typer.Option(help="Nothing later than this time is used.")] = None,
    mapping: MappingFile = None,
    zone: Zone = "UTC",
    seed: Seed = 0,
) -> None:
    """Discover and calibrate a twin from the records known at a time."""
    import numpy as np

    from zhizao.app import steps
    from zhizao.decide.twin import Twin

    zone = read_zone(zone)
    time = read_time(until, zone, "--until")
    with progress_bar() as progress:
        log = steps.read_log(records, mapping=read_mapping(mapping), zone=zone, progress=progress)
        if time is not None and not log.until(time).done.height:
            raise InputError(
                f"no work is finished by {until}", where="--until", fix="choose a later time, or leave it out"
            )
        progress("fitting", 0.0)
        twin = Twin.fit(log, until=time, rng=np.random.default_rng(seed))
        steps.save_twin(twin, out, bare=not steps.stamps_have_offset(records))
    known = log.until(time) if time else log
    say(f"{out}: twin of {known.frame['order'].n_unique()} orders, {known.frame.height} operations")


@app.command()
def simulate(
    twin: Annotated[Path, typer.Argument(help="File from `zhizao twin fit`.")],
    start: Annotated[str, typer.Option("--from", help="Time at which the simulation starts.")],
    out: Annotated[Path, typer.Option(help="Folder for the simulated logs.")],
    until: Annotated[str | None, typer.Option(help="Only orders that start and end before this time.")] = None,
    cases: Annotated[int | None, typer.Option(help="Number of orders to simulate.", min=1)] = None,
    runs: Annotated[int, typer.Option(help="Number of runs.", min=1, max=1000)] = 10,
    seed: Seed = 0,
) -> None:
    """Simulate logs: one CSV a run with case, activity, resource, start, end."""
    import numpy as np

    from zhizao.app import steps

    if until is None and cases is None:
        raise InputError("give --until or --cases", fix="--until TIME for a window, --cases N for a number of orders")
    model, bare = steps.load_twin(twin)
    begin = read_time(start, model.past.zone, "--from")
    end = read_time(until, model.past.zone, "--until")
    assert begin is not None
    if end is not None and end <= begin:
        raise InputError(
            f"the window ends ({until}) before it starts ({start})", where="--until", fix="choose a later end"
        )
    with progress_bar() as progress:
        for run in range(runs):
            log = model.simulate(begin, until=end, cases=cases, rng=np.random.default_rng([seed, run]))
            steps.write_log(log, out / f"run-{run + 1:02d}.csv", bare=bare)
            progress("simulating", (run + 1) / runs)
    say(f"{out}: {runs} simulated logs")


@app.command()
def check(
    records: Records,
    mapping: MappingFile = None,
    zone: Zone = "UTC",
    runs: Annotated[int, typer.Option(help="Number of simulated runs.", min=2, max=100)] = 10,
    seed: Seed = 0,
) -> None:
    """Fit on the first part of the records, simulate the rest, and print the distances beside noise floor and naive."""
    import numpy as np

    from zhizao.app import steps
    from zhizao.decide.twin import fidelity

    with progress_bar() as progress:
        log = steps.read_log(records, mapping=read_mapping(mapping), zone=read_zone(zone), progress=progress)
        progress("simulating the held-out tail", 0.0)
        report = fidelity(log, rng=np.random.default_rng(seed), runs=runs)
    say(f"{'measure':14s} {'twin':>10s} {'noise floor':>12s} {'naive':>10s}")
    for name, row in report.measures.items():
        cells = [row.get(key) for key in ("twin", "noise_floor", "naive")]
        shown = ["-" if cell is None else f"{cell:.3f}" for cell in cells]
        say(f"{name:14s} {shown[0]:>10s} {shown[1]:>12s} {shown[2]:>10s}")
    say("trusted" if report.trusted else "not trusted: " + "; ".join(str(reason) for reason in report.reasons))
