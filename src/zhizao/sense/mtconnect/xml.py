"""XML read without trusting it: no document types, no entities, bounded in size, depth and number of elements.

Names are taken without their prefix, and a prefix that is declared nowhere does not matter: machines send pieces of
documents whose declarations stand elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from zhizao.errors import InputError

__all__ = ["MAX_BYTES", "Node", "read_xml"]

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 200
MAX_NODES = 1_000_000
MAX_ATTRIBUTE = 65_536
"""Characters of one attribute."""
MAX_ATTRIBUTES = 256
"""Attributes of one element."""

_DECLARED = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_WIDE = frozenset({"gb2312", "gbk", "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "cp936", "cp949", "cp950"})
"""Encodings of more than one byte that the XML parser does not know and Python does."""


@dataclass(slots=True)
class Node:
    """One element.

    Parameters
    ----------
    tag : name without prefix
    attributes : by name without prefix
    text : its own text before and between its children, trimmed
    children : in order
    space : namespace as its own `xmlns` declares it; empty when it declares none
    """

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Node] = field(default_factory=list)
    space: str = ""

    def get(self, name: str, default: str = "") -> str:
        """Value of an attribute."""
        return self.attributes.get(name, default)

    def child(self, tag: str) -> Node | None:
        """First child of a name."""
        for child in self.children:
            if child.tag == tag:
                return child
        return None

    def below(self, *tags: str) -> Iterator[Node]:
        """Children of children ...: `below("Components")` gives what stands in all `Components`."""
        for child in self.children:
            if child.tag == tags[0]:
                if len(tags) == 1:
                    yield from child.children
                else:
                    yield from child.below(*tags[1:])


class _Builder:
    def __init__(self, where: str) -> None:
        self.where = where
        self.root: Node | None = None
        self._stack: list[Node] = []
        self._texts: list[list[str]] = []
        self._nodes = 0

    def refuse(self, *_: object) -> int:
        raise InputError(
            "the document declares a document type or entities",
            where=self.where,
            fix="a device needs neither; look who sent it",
            code="xml_entities",
        )

    def start(self, name: str, given: list[str]) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES or len(self._stack) >= MAX_DEPTH or len(given) > 2 * MAX_ATTRIBUTES:
            raise InputError(
                f"the document has more than {MAX_NODES} elements, {MAX_DEPTH} levels or {MAX_ATTRIBUTES} attributes",
                where=self.where,
                fix="ask for less at once",
                code="xml_too_large",
            )
        attributes: dict[str, str] = {}
        space, prefix = "", name.rpartition(":")[0]
        for key, value in zip(given[::2], given[1::2], strict=True):
            if len(value) > MAX_ATTRIBUTE:
                raise InputError(
                    f'attribute "{key[:80]}" has {len(value)} characters', where=self.where, code="xml_too_large"
                )
            if key == "xmlns" or key.startswith("xmlns:"):
                if key[6:] == prefix:
                    space = value
                continue
            short = key.rpartition(":")[2]
            if short not in attributes or ":" not in key:
                attributes[short] = value
        node = Node(name.rpartition(":")[2], attributes, space=space)
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self.root = node
        self._stack.append(node)
        self._texts.append([])

    def end(self, _: str) -> None:
        node = self._stack.pop()
        texts = self._texts.pop()
        if texts:
            node.text = (texts[0] if len(texts) == 1 else "".join(texts)).strip()

    def data(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)


def read_xml(data: bytes, where: str = "") -> Node:
    """Root element of a document.

    Parameters
    ----------
    data : the whole document
    where : for messages

    Raises
    ------
    InputError : it is not XML, is cut off, declares entities, has an unknown encoding or is too large

    Examples
    --------
    >>> root = read_xml(b'<m:Doc xmlns:m="urn:x:1.4"><m:Part id="7"> two </m:Part></m:Doc>')
    >>> root.tag, root.space, root.children[0].get("id"), root.children[0].text
    ('Doc', 'urn:x:1.4', '7', 'two')
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"the document has {len(data)} bytes", where=where, fix="ask for less", code="xml_too_large")
    data = data.lstrip(b" \t\r\n")
    builder = _Builder(where)
    encoding = None
    declared = _DECLARED.match(data)
    if declared and (name := declared[1].decode().lower()) in _WIDE:
        data, encoding = data.decode(name, "replace").encode(), "utf-8"
    parser = expat.ParserCreate(encoding)
    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.EntityDeclHandler = builder.refuse
    parser.ExternalEntityRefHandler = builder.refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise InputError(
            f"this is not whole XML: {expat.errors.messages.get(error.code, error)}",
            where=f"{where}, line {error.lineno}" if where else f"line {error.lineno}",
            fix="look whether the document was cut off or is written in another encoding than it says",
            code="bad_xml",
        ) from None
    except (LookupError, ValueError) as error:
        raise InputError(f"its encoding cannot be read: {error}", where=where, code="bad_encoding") from None
    if builder.root is None:
        raise InputError("the document is empty", where=where, code="bad_xml")
    return builder.root
