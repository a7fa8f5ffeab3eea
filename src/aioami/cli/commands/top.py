"""`aioami top`: the server's calls, queues, phones and events on a full screen."""

from __future__ import annotations

import sys

import typer

from ..options import Url
from ..process import ExitCode, run_to_end
from ..server import manager, server_url

__all__ = ["top"]


def top(url: Url = None) -> int:
    """Show calls, queues, phones and events on a full screen, and hang calls up.

    The user needs the read classes call, agent and dialplan, should have system,
    needs the write class call to hang up, and reporting for what is listed; a
    table that may not be seen says what is missing.
    """
    from ..screen.top import PARTS, Top

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        needed = "top needs a terminal, which nothing is redirected from"
        raise typer.BadParameter(f"{needed}; aioami events --count does not")
    full = server_url(url)

    async def run() -> int:
        from aioami.live import Live

        async with (
            manager(full, events=True) as mgr,
            Live(mgr, parts=PARTS, wait=False) as live,
        ):
            screen = Top(mgr, live, full.display_name)
            await screen.run_async()
        if screen.error is not None:
            raise screen.error
        return ExitCode.DONE

    return run_to_end(run())
