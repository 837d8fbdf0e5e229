"""`zhizao import`, `verify`, `account`, `figures`: facts in, facts checked, facts counted, facts summed up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhizao.app.cli.options import check_lang, check_workspace, read_mapping, read_time, read_zone
from zhizao.app.cli.show import progress_bar, say
from zhizao.errors import InputError

if TYPE_CHECKING:
    from zhizao.app.steps import Imported

__all__ = ["add", "say_account"]

WorkspaceArg = Annotated[str, typer.Argument(help="Folder of the workspace, or a database URL.")]

_WORDS = {
    "en": {
        "account": "records: read {read} = stored {stored} + rejected {rejected} + duplicate {duplicate}",
        "superseding": "  of the stored, {n} correct earlier rows; both versions stay visible",
        "rejected": "  rejected rows, with cause and cure: {path}",
        "as": "  {column} is taken as {role}: {reason}",
        "verified": "the journal holds: {n} events, every link of the hash chain checked",
        "import": "{at} {source}: read {read} = stored {stored} + rejected {rejected} + duplicate {duplicate}",
        "none": "-  ({reason})",
        "between": "  95 %: {low:.4g} .. {high:.4g}",
        "n": "  n = {n}",
    },
    "zh": {
        "account": "记录：读入 {read} = 存入 {stored} + 拒收 {rejected} + 重复 {duplicate}",
        "superseding": "  存入的行中有 {n} 行更正了先前的行，两个版本都可查看",
        "rejected": "  拒收的行及其原因和改法：{path}",
        "as": "  {column} 识别为 {role}：{reason}",
        "verified": "台账完好：{n} 个事件，哈希链逐一核对无误",
        "import": "{at} {source}：读入 {read} = 存入 {stored} + 拒收 {rejected} + 重复 {duplicate}",
        "none": "-  （{reason}）",
        "between": "  95 %：{low:.4g} 至 {high:.4g}",
        "n": "  n = {n}",
    },
}


def say_account(imported: Imported, rejected_file: Path | None, lang: str) -> None:
    """Print the account of one import: read = stored + rejected + duplicate."""
    from zhizao.sense.files import cause_words
    from zhizao.sense.files.said import in_lang

    words, receipt = _WORDS[lang], imported.receipt
    say(
        words["account"].format(
            read=receipt.read, stored=receipt.stored, rejected=receipt.rejected, duplicate=receipt.duplicate
        )
    )
    if receipt.superseding:
        say(words["superseding"].format(n=receipt.superseding))
    for cause, count in imported.reading.rejected.group_by("cause").len().sort("len", descending=True).iter_rows():
        say(f"  - {cause_words(cause, lang)[0]}{'：' if lang == 'zh' else ': '}{count}")
    if rejected_file is not None:
        say(words["rejected"].format(path=rejected_file))
    for note in imported.reading.notes:
        say(f"  {in_lang(note, lang)}")


def import_command(
    records: Annotated[Path, typer.Argument(help="CSV, Excel, Parquet or XES file of production records.")],
    workspace: Annotated[str | None, typer.Option(help="Folder of the workspace, or a database URL.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="Mapping file: which column is what.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Only say what each column is taken for, and why.")
    ] = False,
    mapping_out: Annotated[Path | None, typer.Option(help="With --explain: write the mapping file here.")] = None,
    zone: Annotated[str | None, typer.Option(help="IANA zone of times without one; the plant's by default.")] = None,
    max_rejected: Annotated[
        float, typer.Option(help="Share of rejected rows above which nothing is imported.", min=0, max=1)
    ] = 0.2,
    lang: Annotated[str | None, typer.Option(help="zh or en.")] = None,
) -> None:
    """Read production records and record what is new."""
    from zhizao.app import steps
    from zhizao.sense import files

    lang = check_lang(lang)
    given = read_mapping(mapping)
    if zone is not None:
        read_zone(zone)
    if explain:
        found = files.explain(records, zone=zone or "Asia/Shanghai")
        text = found.to_yaml(lang)
        say(text)
        target = mapping_out or records.with_name(records.name.split(".")[0] + ".mapping.yaml")
        if target.exists() and mapping_out is None:
            raise InputError(
                "the mapping file is there already", where=str(target), fix="name another with --mapping-out"
            )
        from zhizao.record.whole import write_whole

        write_whole(target, text)
        say(f"-> {target}")
        files.check_needed(records, found)
        return
    if workspace is None:
        raise InputError("nowhere to record to", fix="name a folder with --workspace, or use --explain to look only")
    from zhizao.record import recording

    with recording(workspace) as place, progress_bar(lang=lang) as progress:
        imported = steps.import_records(
            place, records, mapping=given, zone=zone, max_rejected=max_rejected, progress=progress
        )
    rejected_file = None
    if imported.reading.rejected.height:
        rejected_file = records.with_name(records.name.split(".")[0] + ".rejected.csv")
        files.write_rejections(rejected_file, imported.reading.rejected, lang=lang)
    say_account(imported, rejected_file, lang)


def verify(workspace: WorkspaceArg, lang: Annotated[str | None, typer.Option(help="zh or en.")] = None) -> None:
    """Recompute the hash chain of the journal and say whether every fact is as it was written."""
    from zhizao.errors import JournalBroken
    from zhizao.record import Workspace

    lang = check_lang(lang)
    with Workspace.open(check_workspace(workspace)) as place, progress_bar(lang=lang) as progress:
        found = place.journal.verify(progress=progress)
    if not found.ok:
        raise JournalBroken(
            f"event {found.first_bad} does not match the hash chain: {found.reason}",
            where=workspace,
            fix="restore the journal from a backup made before; later facts can be imported again",
        )
    say(_WORDS[lang]["verified"].format(n=found.events))


def account(workspace: WorkspaceArg, lang: Annotated[str | None, typer.Option(help="zh or en.")] = None) -> None:
    """Every import with read = stored + rejected + duplicate."""
    from zhizao.record import Workspace

    words = _WORDS[check_lang(lang)]["import"]
    with Workspace.open(check_workspace(workspace)) as place:
        for row in place.journal.account().iter_rows(named=True):
            say(words.format(at=f"{row['recorded_at']:%Y-%m-%d %H:%M}", **row))


def figures(
    workspace: WorkspaceArg,
    as_of: Annotated[str | None, typer.Option(help="As the records stood at this time.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Orders that ended from this time on.")] = None,
    until: Annotated[str | None, typer.Option(help="Orders that ended before this time.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    lang: Annotated[str | None, typer.Option(help="zh or en.")] = None,
) -> None:
    """Production cycle, operating cost and defect rate, with 95 % intervals."""
    from rich.cells import cell_len

    from zhizao.account import reason_of, three_figures
    from zhizao.app.texts import Words
    from zhizao.record import Workspace

    code = check_lang(lang)

    with Workspace.open(check_workspace(workspace)) as place:
        zone = place.plant.zone
        log = place.journal.worklog(zone=zone, as_of=read_time(as_of, zone, "--as-of"))
        found = three_figures(
            log, place.plant, start=read_time(start, zone, "--from"), end=read_time(until, zone, "--until")
        )
    if as_json:
        shown = {
            name: {
                "unit": one.unit,
                "value": one.value,
                "low": one.low,
                "high": one.high,
                "n": one.n,
                "reason": one.reason,
            }
            for name, one in found.main().items()
        }
        say(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    t, words = Words(code), _WORDS[code]
    names = {name: t(f"figure.{name}") for name in found.main()}
    wide = max(cell_len(name) for name in names.values())
    for name, one in found.main().items():
        head = names[name] + " " * (wide - cell_len(names[name]))
        if one.value is None:
            say(f"{head}  {words['none'].format(reason=reason_of(one.reason, t.code))}")
            continue
        of, unit = (100, "%") if one.unit == "1" else (1, t.unit_of(one.unit))  # shares are shown in per cent
        said = f"{head}  {of * one.value:.4g} {unit}"
        if one.low is not None and one.high is not None:
            said += words["between"].format(low=of * one.low, high=of * one.high)
        say(said + words["n"].format(n=one.n))


def add(app: typer.Typer) -> None:
    """Put the commands of this module on the tree."""
    app.command("import")(import_command)
    app.command()(verify)
    app.command()(account)
    app.command()(figures)
