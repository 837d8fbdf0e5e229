"""`zhizao pilot` and `zhizao sample`: the main job, and a plant of known truth to try it on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from zhizao.app.cli.options import check_lang, read_mapping, read_time
from zhizao.app.cli.records_commands import say_account
from zhizao.app.cli.show import progress_bar, say
from zhizao.errors import InputError

__all__ = ["add"]

_NAMES = {
    "en": {"production_cycle": "production cycle", "operating_cost": "operating cost", "defect_rate": "defect rate"},
    "zh": {"production_cycle": "生产周期", "operating_cost": "运营成本", "defect_rate": "不良品率"},
}
_WORDS = {
    "en": {
        "none": "no figure: {reason}",
        "no_promise": "{before} {unit}; no promise: {reason}",
        "promise": "{before} -> {after} {unit} ({change:+.1f} %, 95 %: {low:+.1f} .. {high:+.1f} %)",
        "trusted": "the twin passed its test on held-out records",
        "not_trusted": "the twin failed its test on held-out records, so nothing is promised: {reasons}",
        "report": "report: {path}",
        "monday": "what to do on Monday: {path}",
        "journal": "journal: {path}",
    },
    "zh": {
        "none": "没有这一指标：{reason}",
        "no_promise": "{before} {unit}；不作承诺：{reason}",
        "promise": "{before} -> {after} {unit}（{change:+.1f} %，95 % 区间 {low:+.1f} .. {high:+.1f} %）",
        "trusted": "孪生模型通过了留出记录的检验",
        "not_trusted": "孪生模型没有通过留出记录的检验，因此不作承诺：{reasons}",
        "report": "报告：{path}",
        "monday": "周一要做的事：{path}",
        "journal": "台账：{path}",
    },
}


def pilot(
    records: Annotated[Path, typer.Argument(help="CSV, Excel, Parquet or XES file of production records.")],
    mapping: Annotated[Path | None, typer.Option(help="Mapping file: which column is what.")] = None,
    plant: Annotated[Path | None, typer.Option(help="plant.yaml: zone, calendars, rates.")] = None,
    lang: Annotated[str | None, typer.Option(help="zh or en.")] = None,
    out: Annotated[Path, typer.Option(help="Report to write.")] = Path("report.html"),
    json_file: Annotated[Path | None, typer.Option("--json", help="The same finding as JSON.")] = None,
    workspace: Annotated[
        str | None, typer.Option(help="Workspace to record in; one beside the report by default.")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="As the records stood at this time.")] = None,
    budget: Annotated[float | None, typer.Option(help="Most that the levers may cost.", min=0)] = None,
    max_rejected: Annotated[
        float, typer.Option(help="Share of rejected rows above which the import stops.", min=0, max=1)
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 0,
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.", min=1)] = None,
) -> None:
    """From a file of production records to a promise on the three figures, with its proof and what to do."""
    from zhizao import clock
    from zhizao.app import steps
    from zhizao.app.findings import keep_finding
    from zhizao.app.texts import Words
    from zhizao.pilot import write_monday, write_report
    from zhizao.pilot.report.sections import reason_text
    from zhizao.pilot.report.words import trust_reason
    from zhizao.record import recording
    from zhizao.sense import files

    lang = check_lang(lang)
    words = _WORDS[lang]
    given = read_mapping(mapping)
    if not records.exists():
        raise InputError(
            "there is no such file", where=str(records), fix="give the path of an export of production records"
        )
    declared = steps.load_plant(plant) if plant is not None else None
    place = workspace or str(steps.workspace_beside(records, out))
    with recording(place) as home, progress_bar(lang=lang) as progress:
        used = declared or home.plant
        imported = steps.import_records(
            home, records, mapping=given, zone=used.zone, max_rejected=max_rejected, progress=progress
        )
        rejected_file = None
        if imported.reading.rejected.height:
            rejected_file = out.with_name(out.stem + ".rejected.csv")
            files.write_rejections(rejected_file, imported.reading.rejected, lang=lang)
        say_account(imported, rejected_file, lang)
        if plant is not None:
            home.keep_plant(plant)
        began = clock.now()
        found = steps.pilot(
            home,
            imported=imported,
            plant=used,
            as_of=read_time(as_of, used.zone, "--as-of"),
            seed=seed,
            budget=float("inf") if budget is None else budget,
            workers=workers,
            progress=progress,
        )
        progress("writing", 0.0)
        write_report(found, out, lang=lang)
        monday = write_monday(found, out.with_name(out.stem + ".monday"), lang=lang) if found.chosen else None
        if json_file is not None:
            from zhizao.record.whole import write_whole

            told = found.result.to_json()
            for lever in told["levers"]:  # files are named as seen from the JSON file
                if monday is not None and lever["kind"] == "schedule":
                    lever["setting"]["file"] = os.path.relpath(monday / lever["setting"]["file"], json_file.parent)
            write_whole(json_file, json.dumps(told, ensure_ascii=False, indent=2) + "\n")
        steps.keep_result(home, found)
        keep_finding(home, found, began=began, lang=lang, monday=monday, current=as_of is None)
    result = found.result
    t = Words(lang)
    for name, figure in result.figures.items():
        # shares are shown in per cent
        of, unit = (100, "%") if figure.unit == "1" else (1, t.unit_of(figure.unit))
        if figure.before is None:
            line = words["none"].format(reason=reason_text(figure.reason, lang))
        elif not figure.promised or figure.after is None or figure.change is None:
            line = words["no_promise"].format(
                before=f"{of * figure.before:.4g}", unit=unit, reason=reason_text(figure.reason, lang)
            )
        else:
            line = words["promise"].format(
                before=f"{of * figure.before:.4g}",
                after=f"{of * figure.after:.4g}",
                unit=unit,
                change=100 * figure.change,
                low=100 * (figure.low or 0.0),
                high=100 * (figure.high or 0.0),
            )
        say(f"{_NAMES[lang][name]}: {line}")
    trust = result.fidelity
    say(
        words["trusted"]
        if trust.trusted
        else words["not_trusted"].format(
            reasons=("；" if lang == "zh" else "; ").join(trust_reason(one, lang) for one in trust.reasons)
        )
    )
    say(words["report"].format(path=out))
    if monday is not None:
        say(words["monday"].format(path=monday))
    say(words["journal"].format(path=place))


def sample(
    out: Annotated[Path, typer.Option(help="Folder for the records.")],
    kind: Annotated[str, typer.Option(help="messy: much can be improved; good: little can.")] = "messy",
    style: Annotated[str, typer.Option(help="csv, xlsx or zh (Chinese headings).")] = "csv",
    weeks: Annotated[int, typer.Option(help="Length in weeks.", min=4, max=520)] = 26,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 1,
) -> None:
    """Write the records of a plant that does not exist, and whose truth is known."""
    from zhizao.app import steps

    if kind not in ("messy", "good"):
        raise InputError(f'"{kind}" is not a sample plant', where="--kind", fix="write messy or good")
    if style not in ("csv", "xlsx", "zh"):
        raise InputError(f'"{style}" is not a style of records', where="--style", fix="write csv, xlsx or zh")
    path, rows = steps.write_sample(out, kind=kind, style=style, weeks=weeks, seed=seed)
    say(f"{path}: {rows} reported operations of a plant that does not exist")


def add(app: typer.Typer) -> None:
    """Put the commands of this module on the tree."""
    app.command()(pilot)
    app.command()(sample)
