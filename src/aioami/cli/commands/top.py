"""`aioami top`: the server's calls, queues, phones and events on a full screen."""

from __future__ import annotations

import sys

import typer

from aioami.url import read_url

from ..fleet import fleet_of, servers_of
from ..options import FleetFile, Servers, Url
from ..process import ExitCode, run_to_end

__all__ = ["top"]


def top(url: Url = None, fleet: FleetFile = None, server: Servers = None) -> int:
    """Show calls, queues, phones and events on a full screen, and hang calls up.
    Of a fleet, all servers are on one screen, with a column for the server.

    The user needs the read classes call, agent and dialplan, should have system,
    needs the write class call to hang up, and reporting for what is listed; a
    table that may not be seen says what is missing.
    """
    from ..screen.top import PARTS, Top

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        needed = "top needs a terminal, which nothing is redirected from"
        raise typer.BadParameter(f"{needed}; aioami events --count does not")
    servers = servers_of(url, fleet, server)

    async def run() -> int:
        from aioami import Fleet
        from aioami.fleet import FleetLive
        from aioami.live import Live

        source = fleet_of(servers)
        if isinstance(source, Fleet):
            async with source, FleetLive(source, parts=PARTS, wait=False) as lives:
                screen = Top(source, lives, "")
                await screen.run_async()
        else:
            async with source, Live(source, parts=PARTS, wait=False) as live:
                screen = Top(source, live, read_url(servers[""]).display_name)
                await screen.run_async()
        if screen.error is not None:
            raise screen.error
        return ExitCode.DONE

    return run_to_end(run())
