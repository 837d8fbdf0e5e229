"""The command line: `zhizao`."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Entry point of the `zhizao` command."""
    from zhizao.app.cli.main import run

    run()
