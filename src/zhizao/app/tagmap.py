"""What tags mean: by hand or by rule, looked at first, written into plant.yaml with its comments kept, and taken back."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from zhizao.errors import InputError
from zhizao.model import Plant, Role, TagCard
from zhizao.record import read_plant, write_whole
from zhizao.record.workspace import PLANT

__all__ = ["Rule", "Taking", "apply", "preview", "undo", "with_cards", "write_cards"]

BEFORE = "plant.before"
"""Folder of the plant.yaml files that were replaced, for `undo`."""
_KEPT = 50
_ONE_OF_EACH = frozenset({Role.STATE, Role.MODE, Role.PART_COUNT, Role.SCRAP_COUNT, Role.ORDER})
"""Roles that one tag of a machine has."""

Why = Literal["new", "same", "changed", "unknown_machine", "role_taken", "bad_unit"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Tags whose names are of a pattern mean something.

    Parameters
    ----------
    pattern : as the name, where `*` is anything but `/`, `**` anything, and `{machine}` a part that names the machine
    machine : of all of them; empty takes what `{machine}` is
    role, unit : of all of them; an empty unit leaves what is declared
    """

    pattern: str
    machine: str = ""
    role: Role = Role.SIGNAL
    unit: str = ""

    def compiled(self) -> re.Pattern[str]:
        """The pattern as a regular expression.

        Raises
        ------
        InputError : it is empty, too long, or names the machine twice

        Examples
        --------
        >>> Rule("hall 1/{machine}/sp*").compiled().fullmatch("hall 1/mill 3/speed")["machine"]
        'mill 3'
        """
        parts = re.split(r"(\{machine\}|\*\*|\*)", self.pattern)
        if not self.pattern.strip() or len(self.pattern) > 400 or len(parts) > 21 or parts.count("{machine}") > 1:
            raise InputError(
                f'"{self.pattern[:60]}" is not a pattern',
                where="pattern",
                fix="write a name with *, ** and at most one {machine}, such as hall 1/{machine}/state",
                code="bad_pattern",
            )
        words = {"{machine}": r"(?P<machine>[^/]+)", "**": r".*", "*": r"[^/]*"}
        return re.compile("".join(words.get(part) or re.escape(part) for part in parts), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Taking:
    """What a rule would do to one tag.

    Parameters
    ----------
    tag : name
    card : what would be declared
    before : what is declared now; None for nothing
    why : new, same, or what stands against it
    about : the other tag, or the name that is not known
    """

    tag: str
    card: TagCard
    before: TagCard | None
    why: Why
    about: str = ""

    @property
    def is_conflict(self) -> bool:
        """Whether it is left alone unless it is asked for."""
        return self.why not in {"new", "same"}


def preview(plant: Plant, names: Sequence[str], rule: Rule) -> list[Taking]:
    """What a rule would do, tag by tag; nothing is changed.

    Parameters
    ----------
    plant : as declared
    names : of all tags
    rule : to try

    Raises
    ------
    InputError : the pattern, or the unit, cannot be read

    Examples
    --------
    >>> from zhizao.model import Machine
    >>> plant = Plant(machines={"mill 3": Machine()})
    >>> found = preview(plant, ["hall/mill 3/state", "hall/x/state"], Rule("hall/{machine}/state", role=Role.STATE))
    >>> [(one.card.machine, one.why) for one in found]
    [('mill 3', 'new'), ('x', 'unknown_machine')]
    """
    from zhizao.units import line_between

    if rule.unit:
        line_between(rule.unit, rule.unit + "*1", where="unit")
    pattern, taken = rule.compiled(), {}
    for name, card in plant.tags.items():
        if card.machine and card.role in _ONE_OF_EACH:
            taken[card.machine, card.role] = name
    found = []
    for name in sorted(set(names)):
        match = pattern.fullmatch(name)
        if match is None:
            continue
        before = plant.tags.get(name)
        machine = rule.machine or match.groupdict().get("machine") or (before.machine if before else None)
        changes: dict[str, Any] = {"machine": machine, "role": rule.role}
        if rule.unit:
            changes["unit"] = rule.unit
        card = (before or TagCard()).model_copy(update=changes)
        other = taken.get((machine, rule.role)) if machine and rule.role in _ONE_OF_EACH else None
        why: Why = "new" if before is None else "same" if before == card else "changed"
        about = ""
        if machine and machine not in plant.machines:
            why, about = "unknown_machine", machine
        elif other is not None and other != name:
            why, about = "role_taken", other
        if machine and rule.role in _ONE_OF_EACH:
            taken.setdefault((machine, rule.role), name)
        found.append(Taking(name, card, before, why, about))
    return found


def apply(workspace: Path, names: Sequence[str], rule: Rule, *, overwrite: bool = False) -> list[Taking]:
    """Declare what a rule takes; what it changed.

    Parameters
    ----------
    workspace : folder
    names, rule : as in `preview`
    overwrite : also where something stands against it

    Raises
    ------
    InputError : as in `preview`; or nothing is taken, or plant.yaml cannot be written
    """
    plant = _plant(workspace)
    done = [one for one in preview(plant, names, rule) if one.why != "same" and (overwrite or not one.is_conflict)]
    if not done:
        raise InputError(
            "the rule takes no tag that is free",
            where=rule.pattern[:80],
            fix="look at the preview, or overwrite what stands against it",
            code="nothing_taken",
        )
    write_cards(workspace, {one.tag: one.card for one in done})
    return done


def _plant(workspace: Path) -> Plant:
    file = workspace / PLANT
    return read_plant(file) if file.exists() else Plant()


def card_of(given: Mapping[str, Any]) -> TagCard:
    """A card from what a form or a program says.

    Raises
    ------
    InputError : a field is wrong
    """
    try:
        return TagCard.model_validate({key: value for key, value in given.items() if value not in ("", None)})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{field}: {first['msg']}", where="tag", fix="see docs/plant.md", code="bad_tag") from error


def write_cards(workspace: Path, cards: Mapping[str, TagCard | None]) -> None:
    """Declare tags in plant.yaml, or take declarations out (None); the rest of the file stays letter for letter.

    Parameters
    ----------
    workspace : folder
    cards : by name of the tag

    Raises
    ------
    InputError : plant.yaml has faults, or what would be written has
    """
    file = workspace / PLANT
    text = file.read_text(encoding="utf-8-sig") if file.exists() else ""
    if text:
        read_plant(file)
    made = with_cards(text, cards)
    with tempfile.TemporaryDirectory() as name:  # what is written is read first
        tried = Path(name) / PLANT
        tried.write_text(made, encoding="utf-8")
        plant = read_plant(tried)
    for tag, card in cards.items():
        if plant.tags.get(tag) != card:
            raise InputError(
                f'the tag "{tag[:80]}" cannot be written', where=str(file), fix="write it by hand", code="bad_tag"
            )
    _keep(workspace, text, made)
    write_whole(file, made)


def with_cards(text: str, cards: Mapping[str, TagCard | None]) -> str:
    """The text of a plant.yaml with other cards of tags; lines of all else, and comments, stay.

    Parameters
    ----------
    text : of the file
    cards : by name of the tag; None takes it out

    Examples
    --------
    >>> print(with_cards("name: P # ours\\ntags:\\n  a: {unit: V}  # volts\\n", {"b": TagCard(unit="A")}), end="")
    name: P # ours
    tags:
      a: {unit: V}  # volts
      "b": {"unit": "A"}
    """
    text = text if not text or text.endswith("\n") else text + "\n"
    lines = text.splitlines(keepends=True)
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    there = next((pair for pair in pairs if pair[0].value == "tags"), None)
    if there is None:
        new = [_line(name, card, 2) for name, card in cards.items() if card is not None]
        return text + ("tags:\n" + "".join(new) if new else "")
    key, block = there
    if not isinstance(block, yaml.MappingNode) or block.flow_style:  # {} or one line: written anew
        plain = {str(k.value): yaml.safe_load(yaml.serialize(v)) for k, v in getattr(block, "value", [])}
        kept = {name: TagCard.model_validate(card) for name, card in plain.items()}
        whole = {**kept, **cards}
        new = ["tags:\n", *(_line(name, card, 2) for name, card in whole.items() if card is not None)]
        last = block.end_mark.line + (block.end_mark.column > 0)
        if last == key.start_mark.line:
            last += 1
        return "".join([*lines[: key.start_mark.line], *new, *lines[last:]])
    indent = block.value[0][0].start_mark.column
    end = key.end_mark.line + 1
    for name_node, value in reversed(block.value):
        first = name_node.start_mark.line
        last = value.end_mark.line + (value.end_mark.column > 0 and value.flow_style is not False)
        last = max(last, first + 1)
        while last - 1 > first and not lines[last - 1].strip(" \n").split("#")[0].strip():
            last -= 1  # comments and blank lines after an entry belong to what follows
        end = max(end, last)
        name = str(name_node.value)
        if name in cards:
            card = cards[name]
            lines[first:last] = [] if card is None else [_line(name, card, indent)]
            end += (0 if card is None else 1) - (last - first) if end >= last else 0
    known = {str(name_node.value) for name_node, _ in block.value}
    lines[end:end] = [
        _line(name, card, indent) for name, card in cards.items() if card is not None and name not in known
    ]
    made = "".join(lines)
    if not yaml.safe_load(made).get("tags"):
        made = made.replace(lines[key.start_mark.line], "tags: {}\n", 1)
    return made


def _line(name: str, card: TagCard, indent: int) -> str:
    said = {
        key: value for key, value in card.model_dump(mode="json", exclude_defaults=True).items() if value is not None
    }
    return f"{' ' * indent}{_quoted(name)}: {_quoted(said)}\n"


def _quoted(value: Any) -> str:
    """JSON that YAML reads as well: what does not print is written as its number."""
    return "".join(
        one if one.isprintable() and one != "\ufeff" else f"\\U{ord(one):08x}"
        for one in json.dumps(value, ensure_ascii=False)
    )


def _keep(workspace: Path, before: str, after: str) -> None:
    folder = workspace / BEFORE
    old = sorted(folder.glob("*.yaml"))
    number = int(old[-1].name.split("-")[0]) + 1 if old else 1
    write_whole(folder / f"{number:06d}-{_stamp(after)}.yaml", before)
    for one in old[: max(len(old) - _KEPT + 1, 0)]:
        one.unlink(missing_ok=True)


def _stamp(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def undo(workspace: Path) -> None:
    """Put plant.yaml back as it was before the last change from here.

    Parameters
    ----------
    workspace : folder

    Raises
    ------
    InputError : nothing was changed from here, or somebody else has changed the file since
    """
    old = sorted((workspace / BEFORE).glob("*.yaml"))
    file = workspace / PLANT
    if not old:
        raise InputError("there is nothing to take back", where=str(file), code="nothing_to_undo")
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    if not old[-1].stem.endswith(_stamp(text)):
        raise InputError(
            "plant.yaml was changed since, elsewhere",
            where=str(file),
            fix=f"compare it with {BEFORE}/{old[-1].name}",
            code="changed_since",
        )
    write_whole(file, old[-1].read_text(encoding="utf-8"))
    old[-1].unlink(missing_ok=True)
