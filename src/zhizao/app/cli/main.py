"""The tree of commands. Each reads the request, calls a step, and shows the answer."""

from __future__ import annotations

import typer

from zhizao import __version__
from zhizao.app.cli import (
    alarm_commands,
    alerts_commands,
    analysis_commands,
    economy_commands,
    editing_commands,
    indicator_commands,
    live_commands,
    peers_commands,
    pilot_commands,
    records_commands,
    returns_commands,
    rollup_commands,
    serve_commands,
    state_commands,
    survey_commands,
    tags_commands,
    twin_commands,
)
from zhizao.app.cli.show import guard, say

__all__ = ["app", "run"]

app = typer.Typer(
    name="zhizao",
    help="From a factory's records to a proven improvement. 从工厂的记录到被证明的改进。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(twin_commands.app, name="twin")
app.add_typer(alarm_commands.app, name="alarms")
app.add_typer(economy_commands.app, name="economy")
app.command()(rollup_commands.rollup)
app.command()(peers_commands.peers)
app.add_typer(survey_commands.app, name="survey")
analysis_commands.add(app)
pilot_commands.add(app)
records_commands.add(app)
returns_commands.add(app)
serve_commands.add(app)
alerts_commands.add(app)
indicator_commands.add(app)
editing_commands.add(app)
live_commands.add(app)
state_commands.add(app)
tags_commands.add(app)


@app.command()
def version() -> None:
    """Print the version."""
    say(__version__)


def run() -> None:
    """Run the command line; errors that are raised on purpose end with their message and exit code."""
    with guard():
        app()
