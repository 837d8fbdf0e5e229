"""The pages: one module a page, all inside the frame of `zhizao.app.pages.shell`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zhizao.app.access import Access
    from zhizao.app.desk import Desk

__all__ = ["register"]


def register(desk: Desk, access: Access | None) -> None:
    """Put all pages on the server of this process, over a desk."""
    from zhizao.app.pages import (  # noqa: F401 - importing a page registers it
        alarms,
        costs,
        defects,
        imports,
        indicators,
        live,
        machines,
        orders,
        overview,
        panel,
        people,
        pilot,
        records,
        release,
        returns,
        rollup,
        shell,
        tags,
        trend,
        twin,
        warnings,
    )

    shell.bind(desk)
    people.bind(access)
