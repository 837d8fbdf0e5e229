"""plant.yaml and its like: what a user declares, read with every fault shown at its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.model import Noun, Plant

__all__ = ["read_declared", "read_plant"]

N = TypeVar("N", bound=Noun)


def read_plant(path: Path) -> Plant:
    """Plant from a YAML file.

    Parameters
    ----------
    path : file in UTF-8 with the fields of `Plant`; an empty file declares nothing

    Raises
    ------
    InputError : the file cannot be read or is not YAML; FaultsFound with every field that is wrong, by line
    """
    return read_declared(path, Plant)


def read_declared(path: Path, kind: type[N]) -> N:
    """A noun from a YAML file that has its fields.

    Parameters
    ----------
    path : file in UTF-8; an empty one declares nothing
    kind : class of the noun

    Raises
    ------
    InputError : as for `read_plant`
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", where=str(path), code="no_file") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(
            "the file is not UTF-8", where=f"{path}, line {line}", fix="save it as UTF-8", code="bad_encoding"
        ) from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error)
        raise InputError(
            f"this is not YAML: {problem}",
            where=f"{path}{place}",
            fix="look at the indent and the colons",
            code="bad_yaml",
        ) from error
    if values is None:
        values, node = {}, yaml.compose("{}", Loader=yaml.SafeLoader)
    if not isinstance(values, dict):
        raise InputError(
            f"the file holds a {type(values).__name__}, not fields",
            where=f"{path}, line 1",
            fix='write lines such as "zone: Asia/Shanghai"',
            code="bad_plant",
        )
    placed = [
        (line, Fault(f'"{name}" stands twice', f"{path}, line {line}", "keep one", code="twice"))
        for name, line in _twice(node)
    ]
    made: N | None = None
    try:
        made = kind.model_validate(values)
    except ValidationError as error:
        placed.extend(_fault(path, node, found, kind) for found in error.errors())
    if placed or made is None:
        faults = [fault for _, fault in sorted(placed, key=lambda one: one[0])]
        head = faults[0]
        raise FaultsFound(
            head.what if len(faults) == 1 else f"{len(faults)} faults, the first: {head.what}",
            faults,
            where=head.where,
            fix=head.fix,
        )
    return made


def _fault(path: Path, node: Any, found: Any, kind: type[Noun]) -> tuple[int, Fault]:
    location = [part for part in found["loc"] if part != "[key]"]
    line, known = _line(node, location)
    name = ".".join(str(part) for part in location)
    fix = f"correct {known}" if known else "correct the file"
    code = "bad_field"
    seen = found.get("input")
    if found["type"] == "extra_forbidden":
        what = f'"{name}" is not a field'
        code = "unknown_field"
        fix = f"fields here: {', '.join(_fields(location[:-1], kind))}"
    elif found["type"] in ("model_type", "dict_type"):
        fields = _fields(location, kind)
        what = f"{name} should have fields below it, not {seen!r}"
        fix = (
            f"fields here: {', '.join(fields)}"
            if found["type"] == "model_type"
            else "write names, each with its fields"
        )
    elif found["type"] == "value_error":  # our own words, which say what was seen
        what = ": ".join(part for part in (name, str(found["msg"]).removeprefix("Value error, ")) if part)
        what, _, cure = what.partition("; ")
        fix = cure or fix
    else:
        what = f"{name}: {found['msg']}".replace("Input should be", "should be")
        if not isinstance(seen, dict | list | tuple):
            what += f", not {seen!r}"
    return line, Fault(what, f"{path}, line {line}", fix, code)


def _fields(location: list[Any], kind: type[Noun]) -> list[str]:
    """Names of the fields of the noun at a place in another."""
    noun: Any = kind
    for part in location:
        fields = getattr(noun, "model_fields", None)
        if fields is None or part not in fields:
            continue  # a name chosen by the user, between a field and its noun
        kind = fields[part].annotation
        noun = next((one for one in (kind, *getattr(kind, "__args__", ())) if hasattr(one, "model_fields")), noun)
    return list(noun.model_fields)


def _line(node: Any, location: list[Any]) -> tuple[int, str]:
    """Line (from 1) of the deepest place on the way to `location` that the file has, and its name."""
    line, known = node.start_mark.line + 1, ""
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if str(key.value) == str(part)), None)
            if pair is None:
                break
            line, known, node = pair[0].start_mark.line + 1, str(part), pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line, known


def _twice(node: Any) -> list[tuple[str, int]]:
    """Names that stand twice in one mapping, with the line of the second; YAML would silently take the last."""
    found: list[tuple[str, int]] = []
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                found.append((name, key.start_mark.line + 1))
            seen.add(name)
            found.extend(_twice(value))
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            found.extend(_twice(value))
    return found
