"""The process of a command: exit codes, messages on standard error, signals."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, Final

from aioami import (
    ActionError,
    ConnectionLost,
    ManagerAuthError,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    ProtocolError,
    UnknownAction,
)

from .output import plain

__all__ = ["ERRORS", "ExitCode", "MessageHandler", "notify", "run_to_end"]


class ExitCode(enum.IntEnum):
    """Exit codes of the process; 2 is a wrong command line."""

    DONE = 0
    FAILED = 1
    LOGIN_REFUSED = 3
    NOT_REACHED = 4
    PERMISSION_DENIED = 5
    UNKNOWN_ACTION = 6
    REFUSED = 7
    TIMEOUT = 8
    NO_AMI = 9
    CALL_BUSY = 20
    CALL_NO_ANSWER = 21
    CALL_CONGESTION = 22
    CALL_REJECTED = 23
    CALL_NO_SUCH_CHANNEL = 24
    CALL_CANCELLED = 25
    CALL_LOST = 26
    CALL_UNKNOWN = 27
    INTERRUPTED = 130
    TERMINATED = 143


# The order matters: the first class that fits counts.
ERRORS: Final[dict[type[Exception], ExitCode]] = {
    ManagerAuthError: ExitCode.LOGIN_REFUSED,
    PermissionDenied: ExitCode.PERMISSION_DENIED,
    UnknownAction: ExitCode.UNKNOWN_ACTION,
    ActionError: ExitCode.REFUSED,
    ManagerTimeout: ExitCode.TIMEOUT,
    ProtocolError: ExitCode.NO_AMI,
    ConnectionLost: ExitCode.NOT_REACHED,
    ManagerError: ExitCode.FAILED,
    ValueError: ExitCode.FAILED,
    OSError: ExitCode.FAILED,
}
"""The exit code of each expected error."""


def notify(text: str) -> None:
    """Print a message to the user on standard error, where it does not mix with results.

    Characters from a server that would control the terminal are escaped.
    """
    print(f"aioami: {plain(text)}", file=sys.stderr, flush=True)


class MessageHandler(logging.Handler):
    """Logging handler that prints the library's messages, such as a lost link, with `notify`.

    Attributes:
        last: the last message.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
            # Each failed attempt to reconnect is logged with the same words, and printed once.
            if message != self.last:
                notify(message)
            self.last = message
        except Exception:
            self.handleError(record)

    def install(self) -> None:
        """Handle the library's messages from now on, instead of the root logger's handlers."""
        logger = logging.getLogger("aioami")
        logger.addHandler(self)
        logger.propagate = False
        logging.getLogger("aioami.link").setLevel(logging.INFO)


def run_to_end(work: Coroutine[Any, Any, int | None]) -> int:
    """Run a command's coroutine and return its exit code; Ctrl-C and SIGTERM cancel it."""

    async def interruptible() -> int:
        task = asyncio.current_task()
        assert task is not None
        code = ExitCode.INTERRUPTED

        def cancel(because: ExitCode) -> None:
            nonlocal code
            code = because
            task.cancel()

        # asyncio's own handler of Ctrl-C may act only at the next event. Windows has no other.
        with contextlib.suppress(NotImplementedError):
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGINT, cancel, ExitCode.INTERRUPTED)
            loop.add_signal_handler(signal.SIGTERM, cancel, ExitCode.TERMINATED)
        try:
            result = await work
        except asyncio.CancelledError:
            return code
        return ExitCode.DONE if result is None else result

    try:
        return asyncio.run(interruptible())
    except BrokenPipeError:
        # The reader of the pipe, such as `head`, has ended. Python flushes standard output once
        # more at exit, which must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
