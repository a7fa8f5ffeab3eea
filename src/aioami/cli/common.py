"""What the commands share: which server is meant, how a command runs to its end, and what its exit code says."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

import typer

from aioami import (
    ActionError,
    ConnectionLost,
    Manager,
    ManagerAuthError,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    ProtocolError,
    UnknownAction,
)

__all__ = [
    "EXIT_CODES",
    "ExitCode",
    "Json",
    "Log",
    "Seconds",
    "Url",
    "address",
    "manager",
    "run_to_end",
    "say",
    "with_secret",
    "without_secret",
]


class ExitCode(enum.IntEnum):
    """What the exit code says; 2 is a wrong command line."""

    DONE = 0
    FAILED = 1
    LOGIN_REFUSED = 3
    NOT_REACHED = 4
    PERMISSION_DENIED = 5
    UNKNOWN_ACTION = 6
    REFUSED = 7
    TIMEOUT = 8
    NO_AMI = 9
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_CODES: Final[tuple[tuple[type[Exception], ExitCode], ...]] = (
    (ManagerAuthError, ExitCode.LOGIN_REFUSED),
    (PermissionDenied, ExitCode.PERMISSION_DENIED),
    (UnknownAction, ExitCode.UNKNOWN_ACTION),
    (ActionError, ExitCode.REFUSED),
    (ManagerTimeout, ExitCode.TIMEOUT),
    (ProtocolError, ExitCode.NO_AMI),
    (ConnectionLost, ExitCode.NOT_REACHED),
    (ManagerError, ExitCode.FAILED),
    (ValueError, ExitCode.FAILED),
    (OSError, ExitCode.FAILED),
)
"""The code for each kind of error that is told in one sentence; the first that fits counts."""

Url = Annotated[
    str | None,
    typer.Option(
        envvar="AIOAMI_URL",
        show_envvar=True,
        help="ami://user@host:port, or amis:// for TLS. The secret may be in it, in AIOAMI_SECRET, or is asked for.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Seconds = Annotated[float | None, typer.Option("--seconds", min=0.001, help="Stop after so many seconds.")]


def say(text: str) -> None:
    """Tell the user something that is no result: on the standard error, as a sentence of this program."""
    print(f"aioami: {text}", file=sys.stderr, flush=True)


class Log(logging.Handler):
    """Tells what the library logs: that the link was lost and stands again, and what went wrong elsewhere.

    Attributes:
        last: the sentence that was told last.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
            if message != self.last:  # some things fail again at once
                say(message)
            self.last = message
        except Exception:
            self.handleError(record)

    def listen(self) -> None:
        """Tell from now on, in place of whatever tells warnings otherwise."""
        logger = logging.getLogger("aioami")
        logger.addHandler(self)
        logger.propagate = False
        logging.getLogger("aioami.link").setLevel(logging.INFO)


def address(url: str | None) -> str:
    """The URL of the server that the user means, with the secret in it.

    Raises:
        typer.BadParameter: the user said none.
    """
    if not url:
        raise typer.BadParameter("say which server: --url ami://user@host, or AIOAMI_URL")
    return with_secret(url)


def manager(url: str | None, *, events: bool, **options: Any) -> Manager:
    """A manager of the server that the user means.

    Args:
        url: what `--url` or `AIOAMI_URL` says.
        events: `False` asks for no events, and makes a lost link final, as one question and its answer want it.
        options: what else the manager takes.
    """
    found = address(url)
    if events:
        return Manager.from_url(found, **options)
    own = [each for each in ("event_mask=off", "reconnect=no") if each.partition("=")[0] + "=" not in found]
    return Manager.from_url(f"{found}{'&' if '?' in found else '?'}{'&'.join(own)}", **options)


def with_secret(url: str) -> str:
    """The URL with the user's secret: its own, that of AIOAMI_SECRET, or one that is asked for."""
    parts = urlsplit(url)
    if parts.password is not None and any(url in argument for argument in sys.argv[1:]):
        say(
            "the secret in --url can be read by everybody in the list of processes; AIOAMI_SECRET and AIOAMI_URL hide it"
        )
    if parts.username is None or parts.password is not None:
        return url
    secret = os.environ.get("AIOAMI_SECRET")
    if secret is None:
        secret = typer.prompt(f"Secret of {parts.username}", hide_input=True, err=True)
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(secret, safe='')}@{host}"))


def without_secret(url: str) -> str:
    """Which user at which server a URL means, to be shown."""
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    return f"{user}{parts.netloc.rpartition('@')[2]}"


def run_to_end(work: Coroutine[Any, Any, int | None]) -> int:
    """Run what a command does, and return its exit code; Ctrl-C and SIGTERM end it as cancelling does."""

    async def interruptible() -> int:
        task = asyncio.current_task()
        assert task is not None
        ended = ExitCode.INTERRUPTED

        def end(code: ExitCode) -> None:
            nonlocal ended
            ended = code
            task.cancel()

        # asyncio's own handling may notice Ctrl-C only at the next event; Windows has no other.
        with contextlib.suppress(NotImplementedError):
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGINT, end, ExitCode.INTERRUPTED)
            loop.add_signal_handler(signal.SIGTERM, end, ExitCode.TERMINATED)
        try:
            result = await work
        except asyncio.CancelledError:
            return ended
        return ExitCode.DONE if result is None else result

    try:
        return asyncio.run(interruptible())
    except BrokenPipeError:  # whoever read our output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
