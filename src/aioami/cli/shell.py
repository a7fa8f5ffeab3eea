"""`aioami shell`: actions, typed."""

from __future__ import annotations

from .common import Json, Url, address, manager, run_to_end, without_secret

__all__ = ["shell"]


def shell(url: Url = None, as_json: Json = False) -> int:
    """Type actions and see what comes back, with completion by Tab; :help tells more.

    Without a terminal it reads lines from the standard input, and its exit code is 1 if one of them failed.
    """
    from .repl import Shell

    found = address(url)

    async def ran() -> int:
        return await Shell(manager(found, events=True), without_secret(found), as_json=as_json).run()

    return run_to_end(ran())
