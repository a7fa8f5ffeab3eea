"""`aioami replay`: a recording, shown again or served to other programs."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aioami import events

from .common import Json, run_to_end, say
from .filters import Channels, Filter, Names, Where
from .watch import Brief, Count, Limit, Watch, form_of, hint_at_names

if TYPE_CHECKING:
    from aioami.testing import Recording

__all__ = ["replay"]


def replay(
    file: Annotated[Path, typer.Argument(help="A recording, as `aioami record` writes it.", dir_okay=False)],
    names: Names = None,
    where: Where = None,
    channel: Channels = None,
    as_json: Json = False,
    brief: Brief = False,
    count: Count = False,
    limit: Limit = None,
    speed: Annotated[float, typer.Option(min=0.0, help="So many times as fast as recorded; 0 does not wait.")] = 1.0,
    serve: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            metavar="PORT",
            help="Be a server that says it all again, on this port of 127.0.0.1 (0: a free one), until Ctrl-C.",
        ),
    ] = None,
) -> int:
    """Show the events of a recording again, at their distance in time; or serve them to other programs."""
    chosen = Filter(names, where, channel)
    watch = Watch(chosen, form_of(as_json, brief), counting=count, limit=limit)
    if serve is not None and (names or where or channel or as_json or brief or count or limit):
        raise typer.BadParameter("it goes with --speed alone: a server says all that is recorded", param_hint="--serve")
    from aioami.testing import Recording, RecordingError

    try:
        recording = Recording.load(file)
    except RecordingError as error:
        raise RecordingError(f"{file}: {error}") from error
    if serve is not None:
        return run_to_end(_serve(recording, speed or None, serve))
    hint_at_names(chosen)
    return run_to_end(_show(recording, watch, speed))


async def _serve(recording: Recording, speed: float | None, port: int) -> None:
    async with recording.replay(speed=speed, port=port) as server:
        print(f"{server.url} says it again to whoever logs in, with any name and secret, until Ctrl-C", flush=True)
        await asyncio.Event().wait()


async def _show(recording: Recording, watch: Watch, speed: float) -> None:
    heard = recording.events
    began = datetime.fromisoformat(recording.started.replace("Z", "+00:00")).timestamp() if recording.started else None
    losses = [entry.time for entry in recording.entries if entry.direction == "closed"]
    first = heard[0].time if heard else 0.0
    clock = asyncio.get_running_loop()
    start = clock.time()
    async with watch.running():
        for entry in heard:
            if speed:
                await asyncio.sleep(start + (entry.time - first) / speed - clock.time())
            while losses and losses[0] < entry.time:
                say(f"the link was lost here, {losses.pop(0):.1f} seconds after the recording began")
            if watch.take(events.parse(entry.message.text), None if began is None else began + entry.time):
                return
