"""`aioami shell`: a prompt for actions and commands."""

from __future__ import annotations

from ..options import Json, Url
from ..process import run_to_end
from ..server import OnBus, manager, server_url

__all__ = ["shell"]


def shell(url: Url = None, as_json: Json = False) -> int:
    """Type actions and see what comes back, with completion by Tab; :help tells more.

    Without a terminal it reads lines from the standard input,
    and its exit code is 1 if one of them failed.
    """
    from ..repl.shell import Shell

    # The secret is asked for before the event loop runs.
    full = url if isinstance(url, OnBus) else server_url(url)

    async def run() -> int:
        return await Shell(
            manager(full, events=True),
            full.display_name,
            as_json=as_json,
        ).run()

    return run_to_end(run())
