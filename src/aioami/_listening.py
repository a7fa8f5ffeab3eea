"""Closing of listening sockets, for servers that stop while clients connect."""

from __future__ import annotations

import asyncio
import contextlib

__all__ = ["close_server"]


async def close_server(server: asyncio.Server) -> None:
    """Stop listening without losing a connection that was accepted.

    `Server.close` alone forgets a connection that asyncio has accepted but not yet given to the
    protocol. Such a connection would stay open for ever.

    Args:
        server: the server.
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        # A proactor loop, as on Windows, has no readers.
        with contextlib.suppress(NotImplementedError):
            loop.remove_reader(listening.fileno())
    await asyncio.sleep(0)
    server.close()
