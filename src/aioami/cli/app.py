"""The list of commands, and the frame in which each runs."""

from __future__ import annotations

import asyncio
import functools
import io
import os
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Final

import typer

import aioami
from aioami import __version__

from .commands.agi import agi
from .commands.call import call
from .commands.command import command
from .commands.demo import demo
from .commands.doctor import doctor
from .commands.events import events
from .commands.ping import ping
from .commands.record import record
from .commands.relay import relay
from .commands.replay import replay
from .commands.schema import schema
from .commands.send import send
from .commands.shell import shell
from .commands.top import top
from .commands.trace import trace
from .fleet import for_one_server
from .process import ERRORS, ExitCode, MessageHandler, notify

__all__ = ["app", "run"]

# The order of the commands in `aioami --help`.
_COMMANDS: Final = (
    *(events, record, replay, shell, top, trace, doctor),
    *(call, agi, relay),
    *(demo, ping, send, command, schema),
)

_NOT_THE_USERS: Final = (os.path.dirname(aioami.__file__), os.path.dirname(asyncio.__file__))

app = typer.Typer(
    name="aioami",
    help="Drive and watch an Asterisk server through its manager interface.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for function in _COMMANDS:
    app.command()(for_one_server(function))


def run() -> int:
    """Run the command line and return its exit code; an expected error is one sentence."""
    messages = MessageHandler()
    messages.install()
    warnings.showwarning = functools.partial(_show_warning, warnings.showwarning)
    # A server may send bytes that are no text; printing them must not end the command.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        result = app(standalone_mode=False, prog_name="aioami")
        return int(result) if isinstance(result, int) else ExitCode.DONE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except tuple(ERRORS) as error:
        # The library has logged the error that ended the link for good: it is not printed again.
        if not messages.last.endswith(str(error)):
            notify(str(error))
        return next(code for kind, code in ERRORS.items() if isinstance(error, kind))
    except Exception as error:
        # Errors of the command line itself (a missing argument, Ctrl-C at a prompt) have their
        # own text and exit code. Typer's classes differ from version to version.
        show, code = getattr(error, "show", None), getattr(error, "exit_code", None)
        if code is None:
            if type(error).__name__ == "Abort":
                return ExitCode.INTERRUPTED
            raise
        if show is not None:
            show()
        return int(code)


def _show_warning(
    otherwise: Callable[..., None],
    message: Warning | str,
    category: type[Warning],
    filename: str,
    *more: object,
) -> None:
    """Print a warning of the library as one sentence, as the user has written no Python."""
    if category is UserWarning and filename.startswith(_NOT_THE_USERS):
        notify(str(message))
    else:
        otherwise(message, category, filename, *more)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"aioami {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Say it and exit."),
    ] = False,
) -> None:
    """Options of every command."""
