"""`aioami top`: what is going on at the server, on a full screen."""

from __future__ import annotations

import sys

import typer

from .common import ExitCode, Url, address, manager, run_to_end, without_secret

__all__ = ["top"]


def top(url: Url = None) -> int:
    """Show channels, bridges, queues and events on a full screen, and hang calls up.

    The user needs the read classes call, agent and dialplan, should have system, and needs the write class call to hang up.
    """
    from .screens import Top

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise typer.BadParameter(
            "top needs a terminal, which nothing is redirected from; aioami events --count does not"
        )
    found = address(url)

    async def shown() -> int:
        from aioami.live import Live

        async with manager(found, events=True) as mgr, Live(mgr, wait=False) as live:
            screen = Top(mgr, live, without_secret(found))
            await screen.run_async()
        if screen.error is not None:
            raise screen.error
        return ExitCode.DONE

    return run_to_end(shown())
