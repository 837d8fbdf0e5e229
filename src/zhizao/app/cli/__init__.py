"""The command line: `zhizao`."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["main"]

REFUSED = 2
"""Exit code of what is refused with a message."""


def main() -> None:
    """Entry point of the `zhizao` command."""
    from zhizao.app.cli.main import run

    try:
        run()
    except SystemExit as leaving:
        if leaving.code == REFUSED:
            _leave(REFUSED)
        raise


def _leave(code: int) -> NoReturn:
    """End at once: a reader of Arrow that was stopped midway may still have a thread, which ends Python with an abort."""
    import atexit
    import os
    import sys

    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
