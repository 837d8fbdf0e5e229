"""Pieces of a `multipart/x-mixed-replace` answer, as they come in."""

from __future__ import annotations

import re

from zhizao.errors import InputError
from zhizao.sense.mtconnect.xml import MAX_BYTES

__all__ = ["Parts", "boundary_of"]

MAX_HEAD = 16_384
_BOUNDARY = re.compile(r"""boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))""", re.IGNORECASE)
_LENGTH = re.compile(rb"content-length\s*:\s*(\d{1,12})\s*(?:\r?\n|\Z)", re.IGNORECASE)


def boundary_of(content_type: str) -> str | None:
    """Boundary of a multipart content type; None when the answer is not in parts.

    >>> boundary_of('multipart/x-mixed-replace; boundary="a b"'), boundary_of("text/xml")
    ('a b', None)
    """
    if not content_type.lower().lstrip().startswith("multipart/"):
        return None
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]) if found else None


class Parts:
    """Cuts a stream into the bodies of its parts.

    Parameters
    ----------
    boundary : from the content type

    Examples
    --------
    >>> parts = Parts("x")
    >>> parts.feed(b"--x\\r\\nContent-type: text/xml\\r\\nContent-length: 4\\r\\n\\r\\n<a")
    []
    >>> parts.feed(b"/>\\r\\n--x")
    [b'<a/>']
    """

    def __init__(self, boundary: str) -> None:
        # Some servers give the boundary with the dashes that only belong before it.
        self._mark = b"--" + boundary.removeprefix("--").encode("latin-1", "replace")
        self._held = bytearray()
        self._length: int | None = None
        self._inside = False
        self._looked = 0
        self.ended = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; give the bodies of the parts that are whole now.

        Raises
        ------
        InputError : a part is larger than any document may be, or its head never ends
        """
        found: list[bytes] = []
        if self.ended:
            return found
        self._held += data
        while True:
            if not self._inside and not self._open():
                break
            body = self._body()
            if body is None:
                break
            found.append(body)
        return found

    def _open(self) -> bool:
        """Come to the head of the next part and read it; False when more is needed."""
        held = self._held
        start = held.find(self._mark)
        if start < 0:
            # All that may still become a boundary is kept, the rest is padding between parts.
            del held[: max(0, len(held) - len(self._mark))]
            return False
        after = start + len(self._mark)
        if held[after : after + 2] == b"--":
            self.ended = True
            held.clear()
            return False
        ends = [
            (at + len(end), at)
            for end in (b"\r\n\r\n", b"\n\n")
            if (at := held.find(end, after, after + MAX_HEAD + 4)) >= 0
        ]
        if not ends:
            if len(held) - after > MAX_HEAD:
                raise InputError("the head of a part of the stream does not end", code="bad_multipart")
            return False
        body, head = min(ends)
        length = _LENGTH.search(bytes(held[after:head]))
        self._length = int(length[1]) if length else None
        if self._length is not None and self._length > MAX_BYTES:
            raise InputError(f"a part of the stream has {self._length} bytes", code="xml_too_large")
        del held[:body]
        self._inside, self._looked = True, 0
        return True

    def _body(self) -> bytes | None:
        held = self._held
        if self._length is not None:
            if len(held) < self._length:
                return None
            body = bytes(held[: self._length])
            del held[: self._length]
        else:
            end = held.find(self._mark, max(0, self._looked - len(self._mark)))
            if end < 0:
                self._looked = len(held)
                if len(held) > MAX_BYTES:
                    raise InputError("a part of the stream does not end", code="xml_too_large")
                return None
            body = bytes(held[:end]).rstrip(b"\r\n")
            del held[:end]
        self._inside = False
        return body
