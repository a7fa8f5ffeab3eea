"""After any operations, at rest, the live state of a real server is what the server lists."""

from __future__ import annotations

import asyncio

import pytest
from tests.live_operations import operations, play

from aioami.testing.real import RealAsterisk

SEEDS = (1, 2, 3)
SECONDS = 10.0  # ... of each of them, on each version: a minute in all


@pytest.mark.timeout(150)  # so that a server that does not come to rest is told
async def test_random_operations(real_asterisk: RealAsterisk) -> None:
    """Calls, bridges, transfers, queues and resets in a random order leave nothing that is shown otherwise than listed."""

    async def played(seed: int) -> list[str]:
        server = RealAsterisk(real_asterisk.installation)
        try:
            await asyncio.to_thread(server.start)
            found = await play(server.url, operations(seed, 1000), seconds=SECONDS)
        finally:
            await asyncio.to_thread(server.stop)
        return [f"seed {seed}:", *found] if found else []

    # Each has a server of its own, as they wait more than they compute.
    found = [line for lines in await asyncio.gather(*map(played, SEEDS)) for line in lines]
    assert not found, "\n".join(found)
