"""`zhizao tags`: what tags mean, declared by rule or by hand, looked at first and taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from zhizao.app.cli.options import check_workspace
from zhizao.app.cli.show import say
from zhizao.errors import InputError

__all__ = ["add"]

Workspace = Annotated[str, typer.Option(help="Folder of the workspace.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
group = typer.Typer(help="What tags mean: list, map by rule, set by hand, undo.", no_args_is_help=True)


def _names(workspace: str) -> tuple[list[str], Any]:
    from zhizao.app import live
    from zhizao.model import Plant
    from zhizao.record import read_plant

    file = Path(workspace) / "plant.yaml"
    plant = read_plant(file) if file.exists() else Plant()
    try:
        measured = live.reading(workspace).tags
    except InputError:
        measured = []
    return sorted({*measured, *plant.tags}), plant


def _role(text: str) -> Any:
    from zhizao.model import Role

    try:
        return Role(text)
    except ValueError as error:
        raise InputError(
            f'"{text[:40]}" is not a role', where="--role", fix=f"write one of {', '.join(Role)}", code="bad_role"
        ) from error


@group.command("list")
def list_tags(workspace: Workspace = ".", find: Annotated[str, typer.Option(help="Part of the name.")] = "",
              as_json: Json = False) -> None:  # fmt: skip
    """All tags, with machine, role and unit where they are declared."""
    names, plant = _names(check_workspace(workspace))
    shown = [name for name in names if find.lower() in name.lower()]
    if as_json:
        said = [{"tag": n} | (plant.tags[n].model_dump(mode="json") if n in plant.tags else {}) for n in shown]
        say(json.dumps(said, ensure_ascii=False))
        return
    for name in shown:
        card = plant.tags.get(name)
        say(f"{name}  {card.machine or '-'}  {card.role}  {card.unit or '-'}" if card else f"{name}  -")


@group.command("map")
def map_tags(
    pattern: Annotated[str, typer.Argument(help="Name with *, ** and {machine}: 'hall 1/{machine}/state'.")],
    machine: Annotated[str, typer.Option(help="Machine of all of them; else what {machine} is.")] = "",
    role: Annotated[str, typer.Option(help="signal, state, mode, part_count, scrap_count, order or alarm.")] = "signal",
    unit: Annotated[str, typer.Option(help="Unit of the values.")] = "",
    write: Annotated[bool, typer.Option("--write", help="Declare them in plant.yaml; without it, only look.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also where something stands against it.")] = False,
    workspace: Workspace = ".",
    as_json: Json = False,
) -> None:
    """Declare all tags of a pattern; shows what it would take, and with --write takes it."""
    from zhizao.app.http.routes.tags import taking
    from zhizao.app.tagmap import Rule, apply, preview

    names, plant = _names(check_workspace(workspace))
    rule = Rule(pattern, machine, _role(role), unit)
    found = apply(Path(workspace), names, rule, overwrite=overwrite) if write else preview(plant, names, rule)
    if as_json:
        say(json.dumps([taking(one) for one in found], ensure_ascii=False))
        return
    for one in found:
        about = f" ({one.about})" if one.about else ""
        say(f"{one.tag}  {one.card.machine or '-'}  {one.card.role}  {one.card.unit or '-'}  {one.why}{about}")
    if not found:
        say("no tag is of this pattern")


@group.command("set")
def set_tag(
    tag: Annotated[str, typer.Argument(help="Name of the tag.")],
    machine: Annotated[str, typer.Option(help="Machine of plant.yaml.")] = "",
    role: Annotated[str, typer.Option(help="As for map.")] = "signal",
    unit: Annotated[str, typer.Option(help="Unit of the values.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take its declaration out.")] = False,
    workspace: Workspace = ".",
) -> None:
    """Declare one tag by hand."""
    from zhizao.app.tagmap import card_of, write_cards

    given = {"machine": machine, "role": _role(role), "unit": unit}
    write_cards(Path(check_workspace(workspace)), {tag: None if remove else card_of(given)})
    say(tag)


@group.command("undo")
def undo_tags(workspace: Workspace = ".") -> None:
    """Put plant.yaml back as it was before the last change of `map`, `set` or the page."""
    from zhizao.app.tagmap import undo

    undo(Path(check_workspace(workspace)))
    say("plant.yaml is as it was before")


def add(app: typer.Typer) -> None:
    """Put the commands into the tree."""
    app.add_typer(group, name="tags")
