"""`aioami record`: all bytes of a link, in a file."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import typer

from aioami import Fleet, Manager, ManagerError

from ..filters import Filter
from ..fleet import servers_of
from ..options import FleetFile, Seconds, Servers, Url
from ..output import Form
from ..process import run_to_end
from ..watch import Watch

__all__ = ["record"]

_NO_BUS: Final = (
    "a recording has the whole link of a server, ami://, to be played back; "
    "of a bus, events --json shows what there is"
)


def record(
    file: Annotated[
        Path,
        typer.Argument(help="Where to; nobody else may read it. Of a fleet: a folder."),
    ],
    url: Url = None,
    fleet: FleetFile = None,
    server: Servers = None,
    seconds: Seconds = None,
    force: Annotated[
        bool,
        typer.Option("--force", "-f", help="Overwrite the file, if there is one."),
    ] = False,
) -> int:
    """Record what the server says, until Ctrl-C, and count the events meanwhile.
    Secrets are left out. Each server of a fleet has a separate file, NAME.jsonl.

    Which classes of events are recorded, the URL says: ami://user@host?event_mask=call,agent.
    """

    async def run() -> None:
        servers = servers_of(url, fleet, server, no_bus=_NO_BUS)
        files = {
            name: file / f"{quote(name, safe=' ')}.jsonl" if name else file for name in servers
        }
        managers = {
            name: Manager.from_url(text, record=files[name]) for name, text in servers.items()
        }
        watch = Watch(Filter(), Form.FULL, counting=True)
        if "" not in files:
            file.mkdir(mode=0o700, exist_ok=True)
        for each in files.values():
            _create(each, force)
        failure = _RecordingFailure()
        try:
            with failure:
                source = managers.get("") or Fleet(managers, wait="any")
                await watch.follow(source, seconds)
        finally:
            for name, mgr in managers.items():
                total = mgr.statistics()
                # Without a connection nothing was recorded: the new, empty file is removed.
                if not total.seconds and not force:
                    files[name].unlink()
                if total.seconds and not failure.message:
                    lasted = f"{total.events} events of {total.seconds:.1f} seconds"
                    size = files[name].stat().st_size
                    print(f"{lasted} are in {files[name]}, {size} bytes", flush=True)

    return run_to_end(run())


def _create(file: Path, force: bool) -> None:
    """Create the file with read access for its owner only."""
    if file.is_dir():
        raise typer.BadParameter(f"{file} is a folder", param_hint="FILE")
    # A recording holds telephone numbers, names, and texts that people wrote.
    flags = os.O_WRONLY | os.O_CREAT | (0 if force else os.O_EXCL)
    try:
        os.close(os.open(file, flags, 0o600))
    except FileExistsError:
        text = f"{file} is there already; --force overwrites it"
        raise typer.BadParameter(text, param_hint="FILE") from None


class _RecordingFailure(logging.Handler):
    """Cancels the current task when the library logs that it cannot write the recording.

    The library itself would go on without a recording.

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
