"""The fake server is like the real ones in random scenarios too: 200, of fixed seeds, are told in the same words.

Each version plays half of them, which takes 20 seconds; `make prove` plays 2,000 on both.
"""

from __future__ import annotations

import asyncio

import pytest
from tests.scenarios.chance import play_all
from tests.soak.load import Keeper

from aioami.testing.real import RealAsterisk

# A scenario waits nearly all the time, so that several servers are hardly busier than one.
SERVERS = 12


@pytest.mark.timeout(180)
async def test_random_scenarios_are_told_the_same(real_asterisk: RealAsterisk) -> None:
    """Each is played on a fake and a real server: answers and events are the same, but for what stands in the table of differences."""
    seeds = range(1 if real_asterisk.major < 20 else 2, 201, 2)
    found: dict[int, list[str]] = {}
    keepers = [Keeper(RealAsterisk(real_asterisk.installation)) for _ in range(SERVERS)]
    try:
        await asyncio.gather(*(keeper.do(keeper.server.start) for keeper in keepers))
        await play_all([keeper.server for keeper in keepers], seeds, found.__setitem__)
    finally:
        for keeper in keepers:
            keeper.server.kill()
            keeper.close()
    assert found.keys() == set(seeds)
    assert "\n".join(line for each in found.values() for line in each) == ""
