"""Edit rules as data: the shipped set, rules of one's own from YAML, and their compiled form.

A rule has an id, a check in the language of `language`, a severity (hard: cannot be right as it stands; soft: rarely
right), a kind, messages in two languages and a version. A later file's rule with the same id takes the place of an
earlier one, so that a shipped rule can be loosened or, with `severity: off`, switched off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from zhizao.errors import Fault, FaultsFound, InputError
from zhizao.programme.editing.language import Clause, parse
from zhizao.programme.items import items

__all__ = ["Rule", "RuleSet", "read_rules", "rule_set", "shipped_rules"]

KINDS = ("balance", "range", "ratio", "conditional", "source", "time", "own")
_KEYS = {"id", "check", "severity", "kind", "zh", "en", "version"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One edit.

    Parameters
    ----------
    id : its name in results
    check : text that has to hold
    clauses : the check in conjunctive normal form
    severity : `hard`, `soft`, or `off`
    kind : `balance`, `range`, `ratio`, `conditional`, `source`, `time`, or `own`
    zh, en : what is wrong where it fails
    version : grows with each change
    """

    id: str
    check: str
    clauses: tuple[Clause, ...]
    severity: Literal["hard", "soft", "off"] = "hard"
    kind: str = "own"
    zh: str = ""
    en: str = ""
    version: int = 1

    def said(self, lang: str) -> str:
        """What is wrong where the rule fails, in one of the two languages; the check itself where nothing was written."""
        return (self.zh or self.en if lang == "zh" else self.en or self.zh) or self.check

    @property
    def fields(self) -> tuple[str, ...]:
        """Items of this month that the rule speaks of, in the order of the return."""
        used = {n for c in self.clauses for a in c.atoms for kind, n in a.linear.terms if kind == "now"}
        return tuple(key for key in items() if key in used)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules that are judged together.

    Parameters
    ----------
    rules : in the order in which they were given, switched-off ones left out
    version : name of the set: versions of its files and a fingerprint of what is checked
    """

    rules: tuple[Rule, ...]
    version: str

    def __getitem__(self, rule_id: str) -> Rule:
        """The rule with an id."""
        return next(rule for rule in self.rules if rule.id == rule_id)


def read_rules(text: str, where: str = "rules") -> tuple[str, tuple[Rule, ...]]:
    """Version and rules of a YAML text, all its faults shown together.

    Parameters
    ----------
    text : YAML with `version` and a list `rules`, or the list alone
    where : name of the file, for messages

    Raises
    ------
    InputError : when it is no YAML or has another shape
    FaultsFound : when rules in it are wrong; each fault names line, rule and column

    Examples
    --------
    >>> version, (rule,) = read_rules("[{id: A1, check: debts_cny <= 2 * assets_cny, en: debts are too high}]")
    >>> rule.id, rule.fields, rule.severity
    ('A1', ('assets_cny', 'debts_cny'), 'hard')
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}, line {mark.line + 1}, column {mark.column + 1}" if mark else where
        raise InputError(
            f"the file is no YAML: {getattr(error, 'problem', None) or error}",
            where=place,
            fix="check indents, quotes and colons there; a text with a comma, colon, ? or # in it wants quotes",
            code="bad_yaml",
        ) from error
    version, rows, nodes = _rows(data, root, where)
    rules: list[Rule] = []
    faults: list[Fault] = []
    seen: dict[str, int] = {}
    for row, node in zip(rows, nodes, strict=True):
        line = node.start_mark.line + 1
        try:
            rule = _rule(row, node, where)
        except InputError as error:
            faults.append(error.fault)
            continue
        if rule.id in seen:
            faults.append(
                Fault(
                    f'rule "{rule.id}" stands in lines {seen[rule.id]} and {line}',
                    f"{where}, line {line}",
                    "give each rule its own id",
                    "twice",
                )
            )
        seen[rule.id] = line
        rules.append(rule)
    if faults:
        raise FaultsFound(
            f"{len(faults)} of {len(rows)} rules cannot be used", faults, where=where, fix="mend them and run it again"
        )
    return version, tuple(rules)


def _rows(data: object, root: Any, where: str) -> tuple[str, list[Any], list[Any]]:
    shape = InputError(
        "the file holds no list of rules",
        where=where,
        fix='write "rules:" and below it "- {id: A1, check: debts_cny <= assets_cny, severity: hard, en: ...}"',
        code="bad_rules",
    )
    if isinstance(data, list):
        return "0", data, root.value
    if not isinstance(data, dict) or not isinstance(data.get("rules"), list):
        raise shape
    wrong = set(data) - {"version", "rules"}
    if wrong:
        raise InputError(
            f'"{min(map(str, wrong))}" is no key of a rule file',
            where=where,
            fix="keys are version, rules",
            code="bad_rules",
        )
    node = next(value for key, value in root.value if key.value == "rules")
    return str(data.get("version", "0")), data["rules"], node.value


def _rule(row: Any, node: Any, where: str) -> Rule:
    place = f"{where}, line {node.start_mark.line + 1}"

    def fault(what: str, fix: str) -> InputError:
        return InputError(what, where=place, fix=fix, code="bad_rule")

    if not isinstance(row, dict):
        raise fault(f'"{str(row)[:60]}" is no rule', "write {id: ..., check: ..., severity: hard, en: ...}")
    strange = [str(key) for key in row if key not in _KEYS]
    if strange:
        raise fault(f'"{strange[0]}" is no key of a rule', f"keys are {', '.join(sorted(_KEYS))}")
    name, severity = row.get("id"), row.get("severity", "hard")
    if severity is False:  # YAML reads a bare off as false
        severity = "off"
    if not isinstance(name, str | int) or not str(name).strip():
        raise fault("a rule has no id", "give it one, such as id: A1")
    place += f", rule {name}"
    if severity not in ("hard", "soft", "off"):
        raise fault(f'severity is "{severity}"', "write hard, soft or off")
    kind = row.get("kind", "own")
    if kind not in KINDS:
        raise fault(f'kind is "{kind}"', f"write one of {', '.join(KINDS)}")
    number = row.get("version", 1)
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise fault(f'version is "{number}"', "write a whole number from 1 on")
    check = row.get("check")
    if severity == "off" and check is None:
        check = "0 <= 0"
    if not isinstance(check, str):
        raise fault("check is missing or no text", "write check: debts_cny <= assets_cny")
    clauses = parse(check, place)
    zh, en = (str(row.get(lang) or "") for lang in ("zh", "en"))
    return Rule(str(name), check, clauses, severity, str(kind), zh, en, number)


@cache
def shipped_rules() -> tuple[str, tuple[Rule, ...]]:
    """Version and rules of the set that comes along: one `>= 0` for each unsigned item, then `rules.yaml`."""
    below = tuple(
        Rule(
            f"NEG-{key}",
            f"{key} >= 0",
            parse(f"{key} >= 0"),
            "hard",
            "range",
            f"{item.zh}不能为负",
            f"{item.en} cannot be below zero",
        )
        for key, item in items().items()
        if not item.signed
    )
    text = files("zhizao.programme.editing").joinpath("rules.yaml").read_text(encoding="utf-8")
    version, rules = read_rules(text, "rules.yaml")
    return version, below + rules


def rule_set(*own: tuple[str, Sequence[Rule]], shipped: bool = True) -> RuleSet:
    """The shipped rules and those of one's own, a later rule in place of an earlier one with its id.

    Parameters
    ----------
    own : what `read_rules` gave, file by file
    shipped : whether the shipped set comes first

    Examples
    --------
    >>> len(rule_set().rules) > 80, rule_set().version.startswith("2026.2+")
    (True, True)
    """
    given: list[tuple[str, Iterable[Rule]]] = [shipped_rules()] if shipped else []
    given.extend(own)
    by_id: dict[str, Rule] = {}
    for _, rules in given:
        by_id.update((rule.id, rule) for rule in rules)
    kept = tuple(rule for rule in by_id.values() if rule.severity != "off" and rule.clauses)
    told = "\n".join(f"{rule.id} {rule.version} {rule.severity} {rule.check}" for rule in kept)
    names = "+".join(version for version, _ in given)
    return RuleSet(kept, f"{names}+{hashlib.sha256(told.encode()).hexdigest()[:8]}")
