"""`zhizao serve`: the pages and the API on a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zhizao.app.cli.options import check_lang

__all__ = ["add"]


def serve(
    workspace: Annotated[str, typer.Argument(help="Folder of the workspace; made when absent.")] = "workspace",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8080,
    local: Annotated[bool, typer.Option("--local", help="Only this machine, without login.")] = False,
    lang: Annotated[str | None, typer.Option(help="zh or en.")] = None,
) -> None:
    """Open the pages and the API on a workspace."""
    from zhizao.app.serve import serve as run

    run(Path(workspace), host=host, port=port, local=local, lang=check_lang(lang))


def add(app: typer.Typer) -> None:
    """Put the commands of this module on the tree."""
    app.command()(serve)
