"""The command line: `zhizao`."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["main"]

REFUSED = 2
"""Exit code of what is refused with a message."""


def main() -> None:
    """Entry point of the `zhizao` command."""
    from zhizao.app.cli.main import run

    code = 0
    try:
        run()
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            raise
        code = leaving.code or 0
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End at once, after Python's own goodbyes: a reader of Arrow that did not read to the end may still have a thread,
    which ends the interpreter with an abort.
    """
    import atexit
    import os
    import sys
    import threading

    if code != REFUSED:
        threading._shutdown()  # type: ignore[attr-defined]  # as at the interpreter's end: workers are told, then awaited
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = code or 1  # whoever read the output went away, as `head` does
    os._exit(code)
