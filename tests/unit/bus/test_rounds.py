"""Relays, a bus and faults: the account of each consumer; and actions, none of which runs twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import async_timeout
import pytest
from tests import bus_rounds
from tests.bus_rounds import World, round_of

_SECONDS: Final = 45.0  # less than pytest gives, so that a round that hangs says where, with the relays' logs


@pytest.mark.parametrize(
    "faults",
    [
        (bus_rounds.suspend_leader, bus_rounds.kill_bus),
        (bus_rounds.empty_bus, bus_rounds.cut_server),
    ],
    ids=lambda faults: "-".join(fault.__name__ for fault in faults),
)
async def test_what_was_sent_was_given_or_told_as_lost(faults: Sequence[bus_rounds.Fault], nats_program: Path) -> None:
    """Whatever is killed, each of four consumers gets each event once and in order, or hears of it where it is missing."""
    async with World(nats_program, rate=200, silence=0.5).run() as world, async_timeout.timeout(_SECONDS):
        found = await round_of(world, faults, pause=0.3)
    assert all(numbers["given"] >= 2 for numbers in found.values())


async def test_no_action_runs_twice(nats_program: Path) -> None:
    """While relays and the bus are killed, each action runs at most once, and what its caller hears is true."""
    async with World(nats_program, rate=50, silence=0.5).run() as world, async_timeout.timeout(_SECONDS):
        found = await bus_rounds.actions_under_faults(world, 300, [bus_rounds.kill_leader, bus_rounds.kill_bus])
    assert sum(found.values()) == 300
    assert found["answered"] > 0
