"""`aioami record`: everything that goes over a link, into a file."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Annotated

import typer

from aioami import ManagerError

from .common import Seconds, Url, manager, run_to_end
from .filters import Filter
from .showing import Form
from .watch import Watch

__all__ = ["record"]


def record(
    file: Annotated[Path, typer.Argument(help="Where to; nobody else may read it.", dir_okay=False)],
    url: Url = None,
    seconds: Seconds = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite the file, if there is one.")] = False,
) -> int:
    """Record what the server says, until Ctrl-C, and count the events meanwhile. Secrets are left out.

    Which classes of events are recorded, the URL says: ami://user@host?event_mask=call,agent.
    """

    async def recorded() -> None:
        mgr = manager(url, events=True, record=file)
        watch = Watch(Filter(), Form.FULL, counting=True)
        _make(file, force)
        ended = _Ended()
        try:
            with ended:
                await watch.follow(mgr, seconds)
        except ManagerError:
            if not mgr.statistics().seconds and not force:  # it never began
                file.unlink()
            raise
        finally:
            if mgr.statistics().seconds and not ended.why:
                told = mgr.statistics()
                size = file.stat().st_size
                print(f"{told.events} events of {told.seconds:.1f} seconds are in {file}, {size} bytes", flush=True)

    return run_to_end(recorded())


def _make(file: Path, force: bool) -> None:
    """Make the file, for nobody else to read: it has numbers, names and what people wrote."""
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | (0 if force else os.O_EXCL), 0o600))
    except FileExistsError:
        raise typer.BadParameter(f"{file} is there already; --force overwrites it", param_hint="FILE") from None


class _Ended(logging.Handler):
    """Ends the recording when it cannot be written any more: the library would go on without it.

    Attributes:
        why: what the library says of it; empty as long as all is well.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.why = ""
        self._task = asyncio.current_task()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message.startswith("the recording") and not self.why and self._task is not None:
            self.why = message
            self._task.cancel()

    def __enter__(self) -> None:
        logging.getLogger("aioami").addHandler(self)

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        logging.getLogger("aioami").removeHandler(self)
        if self.why and isinstance(error, asyncio.CancelledError):
            raise ManagerError(self.why) from None
