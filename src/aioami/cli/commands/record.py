"""`aioami record`: all bytes of a link, in a file."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Annotated

import typer

from aioami import ManagerError

from ..filters import Filter
from ..options import Seconds, Url
from ..output import Form
from ..process import run_to_end
from ..server import manager
from ..watch import Watch

__all__ = ["record"]


def record(
    file: Annotated[
        Path,
        typer.Argument(help="Where to; nobody else may read it.", dir_okay=False),
    ],
    url: Url = None,
    seconds: Seconds = None,
    force: Annotated[
        bool,
        typer.Option("--force", "-f", help="Overwrite the file, if there is one."),
    ] = False,
) -> int:
    """Record what the server says, until Ctrl-C, and count the events meanwhile.
    Secrets are left out.

    Which classes of events are recorded, the URL says: ami://user@host?event_mask=call,agent.
    """

    async def run() -> None:
        mgr = manager(url, events=True, record=file)
        watch = Watch(Filter(), Form.FULL, counting=True)
        _create(file, force)
        failure = _RecordingFailure()
        try:
            with failure:
                await watch.follow(mgr, seconds)
        except ManagerError:
            # Without a connection nothing was recorded: the new, empty file is removed.
            if not mgr.statistics().seconds and not force:
                file.unlink()
            raise
        finally:
            total = mgr.statistics()
            if total.seconds and not failure.message:
                lasted = f"{total.events} events of {total.seconds:.1f} seconds"
                print(f"{lasted} are in {file}, {file.stat().st_size} bytes", flush=True)

    return run_to_end(run())


def _create(file: Path, force: bool) -> None:
    """Create the file with read access for its owner only."""
    # A recording holds telephone numbers, names, and texts that people wrote.
    flags = os.O_WRONLY | os.O_CREAT | (0 if force else os.O_EXCL)
    try:
        os.close(os.open(file, flags, 0o600))
    except FileExistsError:
        text = f"{file} is there already; --force overwrites it"
        raise typer.BadParameter(text, param_hint="FILE") from None


class _RecordingFailure(logging.Handler):
    """Cancels the current task when the library logs that it cannot write the recording.

    The library itself goes on without one.

    Attributes:
        message: the library's message; empty while the recording is written.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.message = ""
        self._task = asyncio.current_task()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message.startswith("the recording") and not self.message and self._task is not None:
            self.message = message
            self._task.cancel()

    def __enter__(self) -> None:
        logging.getLogger("aioami").addHandler(self)

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        logging.getLogger("aioami").removeHandler(self)
        if self.message and isinstance(error, asyncio.CancelledError):
            raise ManagerError(self.message) from None
