"""`aioami events`: the server's events as they come."""

from __future__ import annotations

from ..filters import Filter
from ..fleet import fleet_of, servers_of
from ..options import (
    Brief,
    Channels,
    Count,
    FleetFile,
    Json,
    Limit,
    Names,
    Seconds,
    Servers,
    Url,
    Where,
)
from ..process import run_to_end
from ..watch import Watch, form_of, suggest_names

__all__ = ["events"]


def events(
    names: Names = None,
    url: Url = None,
    fleet: FleetFile = None,
    server: Servers = None,
    where: Where = None,
    channel: Channels = None,
    as_json: Json = False,
    brief: Brief = False,
    count: Count = False,
    limit: Limit = None,
    seconds: Seconds = None,
) -> int:
    """Show events as they come, until Ctrl-C. Missed events, and changes of the link,
    are reported on the standard error.
    """
    chosen = Filter(names, where, channel)
    watch = Watch(chosen, form_of(as_json, brief), counting=count, limit=limit)

    async def follow() -> None:
        source = fleet_of(servers_of(url, fleet, server))
        suggest_names(chosen.names)
        await watch.follow(source, seconds)

    return run_to_end(follow())
