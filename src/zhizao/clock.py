"""The one place that knows what time it is now; everything else is handed a time."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["now"]


def now() -> datetime:
    """Time now, aware, in UTC."""
    return datetime.now(UTC)
