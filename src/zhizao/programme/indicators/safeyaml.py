"""YAML from outside, read without trust: no aliases, no tags, no repeated keys, no depths or sizes that harm.

Faults name the line. What comes out is plain: mappings, lists, text, numbers, booleans, nothing.
"""

from __future__ import annotations

from typing import Any

import yaml

from zhizao.errors import InputError

__all__ = ["kind_of", "read_yaml"]

MOST_CHARACTERS = 2_000_000
MOST_DEPTH = 40


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.events.AliasEvent):
            mark: Any = event.start_mark
            raise yaml.constructor.ConstructorError(None, None, "aliases (*name) are not taken here", mark)
        depth = getattr(self, "_depth", 0)
        if depth > MOST_DEPTH:
            raise yaml.constructor.ConstructorError(None, None, f"more than {MOST_DEPTH} levels", event.start_mark)
        self._depth = depth + 1
        node = super().compose_node(parent, index)
        self._depth = depth
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be plain text", key_node.start_mark)
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'the key "{key_node.value}" stands twice', key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)


_KINDS = {
    "dict": "a mapping",
    "list": "a list",
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "yes/no",
}


def kind_of(value: object) -> str:
    """What a value read from YAML is, in words.

    Examples
    --------
    >>> kind_of([]), kind_of(None)
    ('a list', 'nothing')
    """
    return "nothing" if value is None else _KINDS.get(type(value).__name__, f"a {type(value).__name__}")


def read_yaml(text: str, where: str) -> Any:
    """Plain values of a YAML text.

    Parameters
    ----------
    text : YAML, at most 2 million characters, at most 40 levels deep, without aliases and tags
    where : name to show in messages

    Raises
    ------
    InputError : when it is not such YAML, with the line

    Examples
    --------
    >>> read_yaml("a: 1", "x.yaml")
    {'a': 1}
    """
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"the text has {len(text):,} characters",
            where=where,
            fix=f"definitions and values have at most {MOST_CHARACTERS:,}; split the file",
            code="too_long",
        )
    try:
        return yaml.load(text, Loader=_Loader)  # a SafeLoader that refuses more
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).split("\n")[0] or type(error).__name__
        raise InputError(
            f"this is not YAML that is taken here: {problem}",
            where=f"{where}{place}",
            fix="write plain keys, values and lists; look at the indent and the colons",
            code="bad_yaml",
        ) from error
