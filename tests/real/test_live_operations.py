"""After any operations, at rest, the live state of a real server is what the server lists."""

from __future__ import annotations

import pytest
from tests.live_operations import operations, play

from aioami.testing.real import RealAsterisk


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_operations(asterisk: RealAsterisk, seed: int) -> None:
    """Calls, bridges, transfers, queues and resets in a random order leave nothing that is shown otherwise than listed."""
    found = await play(asterisk.url, operations(seed, 1000), seconds=5)
    assert not found, "\n".join(found)
