"""The mapping: which column is taken for what, and why; how dates, numbers, codes and durations are read.

It is found by `explain`, shown to the user, and written as a small YAML file that can be edited and handed back.
"""

from __future__ import annotations

import difflib
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator

from zhizao.errors import InputError
from zhizao.model.noun import Noun
from zhizao.sense.files.said import in_lang
from zhizao.sense.files.words import ROLES, Unit

__all__ = ["Mapping", "Unit", "check_zone"]

_MAY_SHARE = frozenset({"activity", "operation", "machine"})


class Mapping(Noun):
    """What each column of a file is taken for."""

    file: str = ""
    """Name of the file that it was found on."""

    columns: dict[str, str | None] = {}
    """Heading by role; None: the records have no such column, whatever a heading looks like."""

    others: Literal["recognise", "ignore"] = "recognise"
    """What happens to roles that are not listed under columns."""

    zone: str | None = None
    """IANA time zone of times that carry none."""

    date_order: Literal["dmy", "mdy", "ymd"] | None = None
    """How 03/04/2025 is read: day first (dmy) or month first (mdy); decided from the records when absent."""

    duration_unit: Unit | None = None
    """Unit of durations that are plain numbers."""

    decimal: Literal[".", ","] | None = None
    """Decimal mark of quantities; decided column by column when absent."""

    reports: dict[str, Literal["production", "setup", "breakdown"]] = {}
    """Meaning of the words or codes in the report column."""

    sheets: tuple[str, ...] = ()
    """Sheets to read; all that hold records when empty."""

    header_row: int | None = Field(default=None, ge=1)
    """Row of the headings, first row = 1."""

    encoding: str | None = None
    """Text encoding, such as utf-8 or gb18030."""

    separator: str | None = None
    """Character between cells of delimited text."""

    why: dict[str, str] = {}
    """Why each role was given its column."""

    confidence: dict[str, float] = {}
    """How sure each choice is, 0..1."""

    left_out: dict[str, str] = {}
    """Headings that are not used, and why."""

    @field_validator("columns")
    @classmethod
    def _known_roles(cls, columns: dict[str, str | None]) -> dict[str, str | None]:
        users: dict[str, str] = {}
        for role, heading in columns.items():
            if role not in ROLES:
                near = difflib.get_close_matches(role, ROLES, 1)
                hint = f'; did you mean "{near[0]}"?' if near else ""
                raise ValueError(f'"{role}" is nothing that a column can be{hint} (known: {", ".join(ROLES)})')
            if heading is None:
                continue
            other = users.get(heading)
            if other is not None and not {other, role} <= _MAY_SHARE:
                raise ValueError(f'column "{heading}" is named for both {other} and {role}')
            users[heading] = role
        return columns

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None:
            check_zone(zone)
        return zone

    def heading(self, role: str) -> str | None:
        """Heading of the column with a role, None where there is none."""
        return self.columns.get(role)

    def to_yaml(self, lang: str = "en") -> str:
        """The mapping as a file to edit: one line per role, its reason beside it in a language (`en` or `zh`).

        Examples
        --------
        >>> print(Mapping(columns={"order": "Case ID"}, why={"order": "named so"}).to_yaml().splitlines()[4])
          order: Case ID  # named so
        """
        chinese = lang == "zh"
        sure_word = "" if chinese else " sure"
        lines = [f"# {self.file or 'records'}"]
        lines.append(
            "# 角色: 表头。修改后用 --mapping 传回；填 null 表示不读该项。"
            if chinese
            else "# role: heading. Edit, then hand it back with --mapping; null means that it is not read."
        )
        lines.append("others: ignore")
        lines.append("columns:")
        given = {role: heading for role, heading in self.columns.items() if heading is not None}
        for role in [role for role in ROLES if role in self.columns]:
            sure = f" ({self.confidence[role]:.0%}{sure_word})" if role in self.confidence else ""
            why = f"  # {_one_line(in_lang(self.why[role], lang))}{sure}" if self.why.get(role) else ""
            lines.append(f"  {role}: {_scalar(given.get(role))}{why}")
        lines.extend(f"  # {role}:  # {ROLES[role][chinese]}" for role in ROLES if role not in self.columns)
        for key in ("zone", "date_order", "duration_unit", "decimal", "header_row", "encoding", "separator"):
            value = getattr(self, key)
            note = f"  # {_one_line(in_lang(self.why[key], lang))}" if self.why.get(key) else ""
            lines.append(f"# {key}:" if value is None else f"{key}: {_scalar(value)}{note}")
        if self.sheets:
            lines.append("sheets:")
            lines.extend(f"  - {_scalar(name)}" for name in self.sheets)
        if self.reports:
            lines.append("reports:  # production, setup or breakdown")
            lines.extend(f"  {_scalar(word)}: {kind}" for word, kind in self.reports.items())
        if self.left_out:
            lines.append("# 未使用：" if chinese else "# Not used:")
            lines.extend(
                f"#   {_one_line(heading)}: {_one_line(in_lang(why, lang))}" for heading, why in self.left_out.items()
            )
        return "\n".join(lines) + "\n"

    @classmethod
    def from_yaml(cls, text: str, where: str = "mapping file") -> Mapping:
        """Mapping from the text of a mapping file.

        Parameters
        ----------
        text : YAML
        where : name of the file, for messages

        Raises
        ------
        InputError : when it is no YAML, names a setting or role that does not exist, or one role or column twice

        Examples
        --------
        >>> Mapping.from_yaml("columns: {order: 工单号}").heading("order")
        '工单号'
        """
        try:
            data = yaml.load(text, Loader=_Strict)  # a SafeLoader that refuses repeated keys
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{where}, line {mark.line + 1}" if mark is not None else where
            raise InputError(
                f"the mapping file is no YAML: {getattr(error, 'problem', None) or 'it cannot be read'}",
                where=place,
                fix="write it as `zhizao import --explain` does",
                code="bad_mapping",
            ) from error
        if data is None:
            data = {}
        if not isinstance(data, dict):
            raise InputError(
                "the mapping file holds no settings", where=where, fix="it needs a part `columns:`", code="bad_mapping"
            )
        for key in data:
            if key not in cls.model_fields:
                near = difflib.get_close_matches(str(key), cls.model_fields, 1)
                raise InputError(
                    f'"{key}" is no setting of a mapping file',
                    where=where,
                    fix=f'did you mean "{near[0]}"?' if near else f"settings are: {', '.join(cls.model_fields)}",
                    code="bad_mapping",
                )
        columns = data.get("columns")
        if columns is None:
            data["columns"] = {}
        elif isinstance(columns, dict):
            for role, heading in columns.items():
                if isinstance(heading, list):
                    raise InputError(
                        f"{len(heading)} columns are named for {role}: {', '.join(map(str, heading))}",
                        where=where,
                        fix="name one",
                        code="bad_mapping",
                    )
            data["columns"] = {str(role): None if h is None else str(h) for role, h in columns.items()}
        if isinstance(data.get("reports"), dict):
            data["reports"] = {str(word): kind for word, kind in data["reports"].items()}
        if isinstance(data.get("sheets"), str):
            data["sheets"] = [data["sheets"]]
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise InputError(
                f"{place}: {first['msg'].removeprefix('Value error, ')}{_seen(first['input'])}",
                where=where,
                fix="correct that line of the mapping file",
                code="bad_mapping",
            ) from error


def _seen(value: object) -> str:
    return f' (there is "{value}")' if isinstance(value, str | int | float) else ""


def check_zone(zone: str) -> None:
    """Refuse a name that is no IANA time zone."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f'"{zone}" is not a time zone; write an IANA name such as Asia/Shanghai') from error


class _Strict(yaml.SafeLoader):
    """Loader of plain values that refuses a key given twice."""


def _mapping(loader: _Strict, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        name = str(key.value)
        if name in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f'"{name}" is given twice; two columns cannot be the same thing', key.start_mark
            )
        seen.add(name)
    loader.flatten_mapping(node)
    return {loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value}


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Strict.yaml_implicit_resolvers = {
    # words stay words: Y, No, On and dates are headings and codes here, not booleans and dates
    letter: [(tag, pattern) for tag, pattern in found if tag.rpartition(":")[2] in ("null", "int", "float")]
    for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return str(value)
    text = yaml.safe_dump(str(value), allow_unicode=True, width=10_000, default_flow_style=True).strip()
    return text.removesuffix("...").strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())
