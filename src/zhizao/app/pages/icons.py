"""Line icons drawn for this package, 24 x 24, stroke in the colour of the text around them."""

from __future__ import annotations

__all__ = ["icon"]

_PATHS: dict[str, str] = {
    "brand": "M3 20V9l5 3V9l5 3V9l5 3V4h3v16zM7 16h2M12 16h2M17 16h1",
    "overview": "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z",
    "orders": "M4 6h9M4 12h13M9 18h11",
    "machines": "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2"
    "M5.6 18.4l2.2-2.2M16.2 7.8l2.2-2.2",
    "defects": "M12 4 3 20h18zM12 10v4M12 17v.5",
    "twin": "M4 7h6v6H4zM14 11h6v6h-6zM10 10h2a2 2 0 0 1 2 2v1",
    "pilot": "M4 18l5-6 4 3 7-10M15 5h5v5",
    "indicators": "M4 19h16M6 16l4-5 4 3 5-8M19 6v4M19 6h-4",
    "rollup": "M12 4v4M5 20v-5h14v5M12 8v7M4 20h2M11 20h2M18 20h2M9 4h6",
    "returns": "M6 3h9l4 4v14H6zM15 3v4h4M9 12h6M9 16h6",
    "panel": "M5 5h4v4H5zM15 5h4v4h-4zM5 15h4v4H5zM15 15h4v4h-4z",
    "live": "M3 12h4l3-8 4 16 3-8h4",
    "tags": "M3 12V4h8l10 10-8 8z M7.5 8.5h.01",
    "trend": "M3 3v18h18 M6 15l4-5 4 3 6-8",
    "alarms": "M5 19h14M7 19v-6a5 5 0 0 1 10 0v6M12 4V2M4 7L2.500 6M20 7l1.500-1M12 12v3",
    "tablet": "M6 3h12v18H6zM11 18h2M9 8l2 2 4-4",
    "warnings": "M6 17h12l-2-3V10a4 4 0 0 0-8 0v4zM10 20h4M12 3v3",
    "release": "M4 12l16-7-5 15-4-6zM11 14l9-9",
    "import": "M12 4v11M8 11l4 4 4-4M4 19h16",
    "account": "M12 4v16M5 8h14M5 8l-2 6h5zM19 8l-3 6h5zM8 20h8",
    "journal": "M6 4h12v16H6zM9 8h6M9 12h6M9 16h4",
    "people": "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.5 2.5-5.5 6-5.5s6 2 6 5.5M16 4.5a3.5 3.5 0 0 1 0 6.5"
    "M18 15c2 .7 3 2.4 3 5",
    "audit": "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4",
    "me": "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c.6-4 3.4-6 7.500-6s6.900 2 7.500 6",
    "api": "M8 8l-4 4 4 4M16 8l4 4-4 4M13.500 6l-3 12",
    "search": "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5",
    "menu": "M4 7h16M4 12h16M4 17h16",
    "lang": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
    "theme": "M12 21a9 9 0 1 0 0-18zM12 3v18M12 21a9 9 0 0 1 0-18",
    "period": "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
    "file": "M7 3h7l4 4v14H7zM14 3v4h4",
    "good": "M5 12.500l4.500 4.500L19 7.500",
    "bad": "M6 6l12 12M18 6L6 18",
    "warn": "M12 4 3 20h18zM12 10v4M12 17v.5",
    "down": "M12 5v14M6 13l6 6 6-6",
    "up": "M12 19V5M6 11l6-6 6 6",
}


def icon(name: str, label: str = "") -> str:
    """An icon as SVG; with a label it speaks for itself, without one it is decoration."""
    said = f'role="img" aria-label="{label}"' if label else 'aria-hidden="true"'
    return (
        f'<svg viewBox="0 0 24 24" {said} fill="none" stroke="currentColor" stroke-width="1.7" '
        f'stroke-linecap="round" stroke-linejoin="round"><path d="{_PATHS[name]}"/></svg>'
    )
