"""Where things are: addresses of pages and of what a search finds."""

from __future__ import annotations

from urllib.parse import quote

from zhizao.app.access import Person, Right
from zhizao.app.texts import TEXTS, Words

__all__ = ["AREAS", "found_pages", "place_of"]

AREAS: tuple[tuple[str, tuple[tuple[str, str, Right], ...]], ...] = (
    (
        "plant",
        (
            ("overview", "/", Right.READ),
            ("orders", "/orders", Right.READ),
            ("machines", "/machines", Right.READ),
            ("defects", "/defects", Right.READ),
            ("live", "/live", Right.READ),
            ("trend", "/trend", Right.READ),
            ("tags", "/tags", Right.READ),
            ("alarms", "/alarms", Right.READ),
            ("tablet", "/tablet", Right.READ),
        ),
    ),
    ("decide", (("twin", "/twin", Right.READ), ("pilot", "/pilot", Right.READ))),
    (
        "programme",
        (
            ("indicators", "/indicators", Right.RETURNS),
            ("rollup", "/rollup", Right.RETURNS),
            ("returns", "/returns", Right.RETURNS),
            ("panel", "/panel", Right.READ),
            ("warnings", "/warnings", Right.WARNINGS),
            ("release", "/release", Right.RETURNS),
        ),
    ),
    (
        "records",
        (
            ("import", "/import", Right.READ),
            ("account", "/account", Right.READ),
            ("journal", "/journal", Right.READ),
        ),
    ),
    ("admin", (("people", "/people", Right.ADMIN), ("audit", "/audit", Right.ADMIN))),
)
"""Areas of the rail and their pages: key, address, right that is needed to see it."""


def found_pages(text: str, person: Person, t: Words) -> list[dict[str, str]]:
    """Pages whose name in either language holds a text; all of them for an empty one."""
    wanted = text.strip().lower()
    out = []
    for area, pages in AREAS:
        for key, address, right in pages:
            names = " ".join(TEXTS[f"nav.{key}"]).lower()
            if person.may(right) and wanted in names:
                out.append({"name": t(f"nav.{key}"), "kind": t(f"area.{area}"), "address": address})
    return out


def place_of(kind: str, name: str) -> str:
    """Address of the page about a thing.

    Examples
    --------
    >>> place_of("order", "A 1"), place_of("person", "P1")
    ('/orders?order=A%201', '/journal?person=P1')
    """
    page = {"order": "/orders", "machine": "/machines", "product": "/defects"}.get(kind, "/journal")
    return f"{page}?{kind}={quote(name, safe='')}"
