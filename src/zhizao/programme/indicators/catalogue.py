"""Definitions by version: those that are shipped, and those that a user's files add or change.

A user's file may name an indicator that is there already: what it writes is then a new version, and what it leaves out
stays as it was. Targets are replaced set by set and year by year. Earlier versions are kept, so that a result that
names one can be made again.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import Field, ValidationError

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.model.noun import Noun
from zhizao.programme.indicators.definition import Definition, Formula, Goal, Part, Step, Target
from zhizao.programme.indicators.safeyaml import kind_of, read_yaml
from zhizao.programme.items import item_keys

__all__ = ["Catalogue", "TargetSet", "catalogue", "definitions"]


class TargetSet(Noun):
    """A document that sets targets."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Identifier, as targets name it."""

    zh: str = Field(min_length=1)
    """Name in Chinese."""

    en: str = Field(min_length=1)
    """Name in English."""

    year: int | None = None
    """Year in which it was set."""

    source: str = ""
    """Document."""

    def name(self, lang: str) -> str:
        """Name in a language, `zh` or `en`."""
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All definitions.

    Parameters
    ----------
    versions : every version of each indicator, oldest first, by id
    target_sets : by id
    goals : what is to be reached without a number
    steps : the strategic steps
    """

    versions: dict[str, tuple[Definition, ...]]
    target_sets: dict[str, TargetSet]
    goals: tuple[Goal, ...]
    steps: tuple[Step, ...]

    @property
    def current(self) -> dict[str, Definition]:
        """Newest version of each indicator, by id, in the order of the document."""
        return {key: found[-1] for key, found in self.versions.items()}

    def at(self, key: str, version: int) -> Definition:
        """One version of one indicator.

        Raises
        ------
        InputError : when there is none
        """
        for one in self.versions.get(key, ()):
            if one.version == version:
                return one
        there = ", ".join(f"{one.version}" for one in self.versions.get(key, ())) or "none"
        raise InputError(f"there is no version {version} of {key}", fix=f"versions: {there}", code="no_version")

    def check_set(self, name: str, where: str = "--set") -> str:
        """A target set that is there.

        Raises
        ------
        InputError : when there is none of this name
        """
        if name not in self.target_sets:
            raise InputError(
                f'"{name}" is not a set of targets',
                where=where,
                fix=f"sets: {', '.join(self.target_sets)}",
                code="no_set",
            )
        return name


def definitions(*texts: str, names: Sequence[str] = ()) -> dict[str, Definition]:
    """Newest version of each indicator, by id: shipped ones, then those of the users' YAML texts.

    Parameters
    ----------
    texts : YAML texts
    names : names of the texts, to show in messages

    Raises
    ------
    FaultsFound : with every fault of a text: what, where, how to mend it

    Examples
    --------
    >>> found = definitions()
    >>> found["IND08"].kind.value, found["IND08"].formula.of, found["IND08"].target("plan2025", 2025).value
    ('level', 'mean_of_rates', 64.0)
    """
    return catalogue(*texts, names=names).current


def catalogue(*texts: str, names: Sequence[str] = ()) -> Catalogue:
    """All definitions with their versions, target sets, goals and steps; see `definitions`.

    Examples
    --------
    >>> found = catalogue("indicators: [{id: IND07, targets: [{year: 2025, value: 86}]}]")
    >>> [one.version for one in found.versions["IND07"]], found.current["IND07"].target("plan2025", 2025).value
    ([1, 2], 86.0)
    """
    found = _shipped()
    for i, text in enumerate(texts):
        name = names[i] if i < len(names) else f"definitions {i + 1}"
        found = _added(found, text, name, own=True)
    return found


@cache
def _shipped() -> Catalogue:
    text = files("zhizao.programme.indicators").joinpath("plan2025.yaml").read_text(encoding="utf-8")
    return _added(Catalogue({}, {}, (), ()), text, "plan2025.yaml", own=False)


_KEYS = ("target_sets", "indicators", "goals", "steps")


def _added(before: Catalogue, text: str, name: str, *, own: bool) -> Catalogue:
    data = read_yaml(text, name)
    if data is None:
        return before
    if isinstance(data, list):  # a plain list of indicators will do
        data = {"indicators": data}
    if not isinstance(data, dict):
        raise InputError(
            f"the file holds {kind_of(data)}, not definitions",
            where=name,
            fix="write `indicators:` and below it a list, each with id, zh, en, unit, direction, kind, formula",
            code="bad_definitions",
        )
    faults: list[Fault] = []
    for key in data:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            faults.append(Fault(f'"{key}" is no part of a file of definitions', name, f"{hint}{', '.join(_KEYS)}"))
    rows: dict[str, list[Any]] = {}
    for key in _KEYS:
        value = data.get(key) or []
        if not isinstance(value, list):
            faults.append(Fault(f"{key} is {kind_of(value)}, not a list", name, f"write {key} as a list"))
            value = []
        rows[key] = value

    sets = dict(before.target_sets)
    for place, row in _placed(rows["target_sets"], "target_sets", name, faults):
        made = _make(TargetSet, row, place, faults)
        if made is not None and made.id in sets:
            faults.append(Fault(f'the set "{made.id}" is there already', place, "give it another id", "duplicate"))
        elif made is not None:
            sets[made.id] = made
    versions = dict(before.versions)
    here: set[str] = set()
    for place, row in _placed(rows["indicators"], "indicators", name, faults):
        key = row.get("id")
        if isinstance(key, str) and key in here:
            faults.append(Fault(f'"{key}" is defined twice in this file', place, "keep one", "duplicate"))
            continue
        if isinstance(key, str):
            here.add(key)
        earlier = versions.get(key, ()) if isinstance(key, str) else ()
        if own and not earlier:
            row = {"group": "own", **row}
        merged = _merged(earlier[-1], row) if earlier else row
        checked = _make(Definition, merged, place, faults)
        if checked is None:
            continue
        if earlier and checked.version <= earlier[-1].version:
            faults.append(
                Fault(
                    f"version {checked.version} of {checked.id} is there already",
                    place,
                    f"write version: {earlier[-1].version + 1}, or leave version out",
                    "duplicate",
                )
            )
            continue
        wrong = _unknown_items(checked, place) + _unknown_sets(checked, sets, place)
        faults.extend(wrong)
        if not wrong:
            versions[checked.id] = (*earlier, checked)
    goals = [*before.goals]
    for place, row in _placed(rows["goals"], "goals", name, faults):
        goal = _make(Goal, row, place, faults)
        goals += [goal] if goal is not None else []
    steps = [*before.steps]
    for place, row in _placed(rows["steps"], "steps", name, faults):
        step = _make(Step, row, place, faults)
        steps += [step] if step is not None else []
    if faults:
        first = faults[0]
        what = first.what if len(faults) == 1 else f"{len(faults)} faults, the first: {first.what}"
        raise FaultsFound(what, faults, where=first.where, fix=first.fix)
    return Catalogue(versions, sets, tuple(goals), tuple(steps))


def _placed(rows: list[Any], key: str, name: str, faults: list[Fault]) -> list[tuple[str, dict[str, Any]]]:
    placed = []
    for i, row in enumerate(rows, 1):
        place = f"{name}, {key} {i}"
        if not isinstance(row, dict):
            faults.append(Fault(f"this is {kind_of(row)}, not fields", place, "write fields such as id: ..."))
            continue
        mark = row.get("id")
        placed.append((f"{place} ({mark})" if isinstance(mark, str) else place, row))
    return placed


def _merged(before: Definition, row: dict[str, Any]) -> dict[str, Any]:
    """Fields of the earlier version, with those that are written anew."""
    made: dict[str, Any] = before.model_dump()
    made["version"] = before.version + 1
    made["changed_zh"] = made["changed_en"] = ""
    made.update({key: value for key, value in row.items() if key != "targets"})
    new = row.get("targets")
    if isinstance(new, list) and all(isinstance(one, dict) for one in new):
        replaced = {(one.get("target_set", "plan2025"), one.get("year")) for one in new}
        kept = [one for one in made["targets"] if (one["target_set"], one["year"]) not in replaced]
        made["targets"] = [*kept, *new]
    elif "targets" in row:
        made["targets"] = new
    return made


def _make(kind: type[Any], row: Mapping[str, Any], place: str, faults: list[Fault]) -> Any:
    try:
        return kind.model_validate(row)
    except ValidationError as error:
        for found in error.errors():
            faults.append(_fault(kind, found, place))
    except (RecursionError, OverflowError) as error:
        faults.append(Fault(f"this cannot be read ({type(error).__name__})", place, "write plain values"))
    return None


_NOUNS: dict[str, type[Noun]] = {"formula": Formula, "targets": Target, "parts": Part, "milestones": Goal}


def _fault(kind: type[Noun], found: Any, place: str) -> Fault:
    location = [str(part) for part in found["loc"] if part != "[key]"]
    name = ".".join(location)
    noun: type[Noun] = kind
    for part in location[:-1]:
        noun = _NOUNS.get(part, noun)
    fields = list(noun.model_fields)
    if found["type"] == "extra_forbidden":
        near = difflib.get_close_matches(location[-1], fields, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        return Fault(f'"{name}" is not a field', place, f"{hint}fields here: {', '.join(fields)}", "unknown_key")
    if found["type"] == "missing":
        other = {"zh": "in Chinese", "en": "in English"}.get(location[-1], "")
        what = f"the name {other} is missing" if other else f"{name} is missing"
        fix = "write both zh and en" if other else f"write {name}"
        return Fault(what, place, fix, "missing")
    if found["type"] == "value_error":
        what, _, cure = str(found["msg"]).removeprefix("Value error, ").partition("; ")
        return Fault(what, place, cure or "correct it", "bad_definition")
    seen = found.get("input")
    shown = "" if isinstance(seen, dict | list | tuple) else f", not {str(seen)[:60]!r}"
    what = f"{name}: {found['msg']}".replace("Input should be", "should be") + shown
    return Fault(what, place, f"correct {name}", "bad_field")


def _unknown_items(one: Definition, place: str) -> list[Fault]:
    known = item_keys()
    used = [("formula", one.formula.numerator), ("formula", one.formula.denominator)]
    for part in one.formula.parts:
        used += [(part.id, part.numerator), (part.id, part.denominator)]
    faults = []
    for where, factors in used:
        for item in factors:
            if item not in known:
                near = difflib.get_close_matches(item, known, 1)
                hint = f"did you mean {near[0]}? " if near else ""
                what = f'{where}: "{item}" is not an item of the return'
                faults.append(Fault(what, place, f"{hint}items: {', '.join(known)}", "unknown_item"))
    return faults


def _unknown_sets(one: Definition, sets: Mapping[str, TargetSet], place: str) -> list[Fault]:
    missing = sorted({target.target_set for target in one.targets} - set(sets))
    return [
        Fault(
            f'the target set "{name}" is not declared',
            place,
            f"declare it under target_sets with id, zh, en; sets: {', '.join(sets)}",
            "no_set",
        )
        for name in missing
    ]
