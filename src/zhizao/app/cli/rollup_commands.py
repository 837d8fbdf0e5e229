"""`zhizao rollup`: a figure of published returns, of a month, a quarter or a year, and its parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from zhizao.app.cli.options import check_lang
from zhizao.app.cli.peers_commands import say_peers
from zhizao.app.cli.show import say
from zhizao.errors import InputError

__all__ = ["rollup"]

_WORDS = {
    "en": {"of": "{name}, {period}, {where}: {value} {unit}; returned {returned} of {expected}", "shut": "withheld"},
    "zh": {"of": "{name}，{period}，{where}：{value} {unit}；已报 {returned}，应报 {expected}", "shut": "不予公布"},
}


def rollup(
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help="Workspace with returns.")] = Path(),
    indicator: Annotated[str, typer.Option(help="Which: IND08.")] = "IND08",
    period: Annotated[str, typer.Option(help="2024-06, 2024-Q2 or 2024; the newest month when absent.")] = "",
    region: Annotated[str, typer.Option(help="Code of a region.")] = "",
    industry: Annotated[str, typer.Option(help="Code of an industry.")] = "",
    by: Annotated[str, typer.Option(help="Parts of the nation: region or industry.")] = "",
    enterprise: Annotated[str, typer.Option(help="Id of an enterprise.")] = "",
    peers: Annotated[
        bool, typer.Option("--peers", help="The league of enterprises, and the peers of --enterprise.")
    ] = False,
    public: Annotated[bool, typer.Option("--public", help="Only what everybody may be told.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    lang: Annotated[str | None, typer.Option(help="zh or en.")] = None,
) -> None:
    """A figure made of published returns, by month, quarter or year, and the figures of its parts."""
    from zhizao.app.returns_desk import ReturnsDesk
    from zhizao.app.rollup_answers import place_answer
    from zhizao.app.rollup_desk import Place, RollupDesk
    from zhizao.app.rollup_peers import rollup_peers
    from zhizao.programme.returns import Actor
    from zhizao.record import Workspace

    lang = check_lang(lang)
    if not workspace.is_dir():
        raise InputError("there is no such folder", where=str(workspace), fix="correct the path", code="no_file")
    actor = Actor(name="command line", role="evaluator" if public else "admin", unit="")
    with Workspace.open(workspace) as place:
        desk = RollupDesk(ReturnsDesk.of_workspace(place))
        months = desk.periods(actor)
        if not months:
            raise InputError("no return is published", where=str(workspace), fix="publish some first", code="no_return")
        where = Place(indicator, period or months[0], region, industry, enterprise)
        if peers:
            found = rollup_peers(desk, actor, where, lang=lang)
        else:
            found = place_answer(desk, actor, where, by=by, lang=lang)
    if as_json:
        say(json.dumps(found, ensure_ascii=False, indent=1))
        return
    if peers:
        say_peers({**found, "value": indicator}, lang)
        return
    words = _WORDS[lang]

    def figure(cell: dict[str, object]) -> str:
        if cell["withheld"]:
            return words["shut"]
        return "-" if cell["value"] is None else f"{cell['value']:,.4g}"

    say(
        words["of"].format(
            name=found["indicator"]["name"], period=found["period"], where=found["path"][-1]["name"],
            value=figure(found), unit=found["indicator"]["unit"],
            returned="-" if found["returned"] is None else found["returned"], expected=found["expected"],
        )
    )  # fmt: skip
    for cell in (
        [] if enterprise else sorted(found["children"], key=lambda one: (one["value"] is None, -(one["value"] or 0)))
    ):
        returned = "-" if cell["returned"] is None else cell["returned"]
        say(f"  {figure(cell):>12}  {returned:>6} / {cell['expected']:<6}  {cell['code']} {cell['name']}")
