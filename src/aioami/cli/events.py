"""`aioami events`: what happens on the server, as it happens."""

from __future__ import annotations

import asyncio

import async_timeout

from aioami import Disconnected, EventsLost, Reconnected

from .common import Json, Seconds, Url, manager, run_to_end, say
from .filters import Channels, Filter, Names, Where
from .watch import Brief, Count, Limit, Watch, form_of, hint_at_names

__all__ = ["events"]


def events(
    names: Names = None,
    url: Url = None,
    where: Where = None,
    channel: Channels = None,
    as_json: Json = False,
    brief: Brief = False,
    count: Count = False,
    limit: Limit = None,
    seconds: Seconds = None,
) -> int:
    """Show events as they come, until Ctrl-C. What was missed, and whether the link stands, is told on the standard error."""
    chosen = Filter(names, where, channel)
    watch = Watch(chosen, form_of(as_json, brief), counting=count, limit=limit)

    async def watched() -> None:
        mgr = manager(url, events=True)
        hint_at_names(chosen)
        # Who reads JSON is told of the link in its place; others by what the library logs.
        unwanted = () if as_json else (Disconnected, Reconnected)
        with mgr.events(*chosen.names, where=chosen, maxsize=100_000, on_loss="raise") as stream:
            async with watch.running(), mgr:
                ended = asyncio.get_running_loop().time() + seconds if seconds is not None else None
                while True:
                    try:
                        async with async_timeout.timeout_at(ended) as limited:
                            async for event in stream:
                                if not isinstance(event, unwanted) and watch.take(event):
                                    return
                        return
                    except EventsLost as lost:
                        if lost.count:
                            say(str(lost))
                    except asyncio.TimeoutError:
                        if not limited.expired:
                            raise
                        return

    return run_to_end(watched())
