"""The end of listening, for servers that stop while clients are coming."""

from __future__ import annotations

import asyncio
import contextlib

__all__ = ["close_server"]


async def close_server(server: asyncio.Server) -> None:
    """Stop listening, and lose no connection that was accepted.

    `Server.close` alone forgets a connection that asyncio has accepted, and not yet given to the
    protocol: it stays open, and nobody ends it.

    Args:
        server: the server.
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        # A loop that waits for completion has no readers.
        with contextlib.suppress(NotImplementedError):
            loop.remove_reader(listening.fileno())
    await asyncio.sleep(0)
    server.close()
