"""`aioami replay`: a recording, printed or served."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from aioami import events

from ..filters import Filter
from ..options import Brief, Channels, Count, Json, Limit, Names, Where
from ..process import notify, run_to_end
from ..watch import Watch, form_of, suggest_names

if TYPE_CHECKING:
    from aioami.testing import Recording

__all__ = ["replay"]

_PORT: Final = "this port of 127.0.0.1 (0: a free one)"


def replay(
    file: Annotated[
        Path,
        typer.Argument(help="A recording, as `aioami record` writes it.", dir_okay=False),
    ],
    names: Names = None,
    where: Where = None,
    channel: Channels = None,
    as_json: Json = False,
    brief: Brief = False,
    count: Count = False,
    limit: Limit = None,
    speed: Annotated[
        float,
        typer.Option(min=0.0, help="So many times as fast as recorded; 0 does not wait."),
    ] = 1.0,
    serve: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            metavar="PORT",
            help=f"Be a server that says it all again, on {_PORT}, until Ctrl-C.",
        ),
    ] = None,
) -> int:
    """Show the events of a recording again, at their distance in time;
    or serve them to other programs.
    """
    chosen = Filter(names, where, channel)
    watch = Watch(chosen, form_of(as_json, brief), counting=count, limit=limit)
    if serve is not None and any((names, where, channel, as_json, brief, count, limit)):
        text = "it goes with --speed alone: a server says all that is recorded"
        raise typer.BadParameter(text, param_hint="--serve")
    recording = _load(file)
    if serve is not None:
        return run_to_end(_serve(recording, speed or None, serve))
    suggest_names(chosen.names)
    return run_to_end(_show(recording, watch, speed))


def _load(file: Path) -> Recording:
    from aioami.testing import Recording

    return Recording.load(file)


async def _serve(recording: Recording, speed: float | None, port: int) -> None:
    async with recording.replay(speed=speed, port=port) as server:
        anybody = "whoever logs in, with any name and secret"
        print(f"{server.url} says it again to {anybody}, until Ctrl-C", flush=True)
        await asyncio.Event().wait()


async def _show(recording: Recording, watch: Watch, speed: float) -> None:
    received = recording.events
    began = _epoch(recording.started)
    losses = [entry.time for entry in recording.entries if entry.direction == "closed"]
    first = received[0].time if received else 0.0
    clock = asyncio.get_running_loop()
    start = clock.time()
    async with watch.running():
        for entry in received:
            if speed:
                await asyncio.sleep(start + (entry.time - first) / speed - clock.time())
            while losses and losses[0] < entry.time:
                lost = f"{losses.pop(0):.1f} seconds after the recording began"
                notify(f"the link was lost here, {lost}")
            at = None if began is None else began + entry.time
            if watch.take(events.parse(entry.message.text), at):
                return


def _epoch(started: str) -> float | None:
    """Return the beginning of a recording in seconds since 1970; `None` if it has no date."""
    if not started:
        return None
    return datetime.fromisoformat(started.replace("Z", "+00:00")).timestamp()
