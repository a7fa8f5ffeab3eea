"""A live state of the fake server, and the moment in which it is up to date."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.helpers import until

from aioami import Manager, core
from aioami.live import Live


@pytest.fixture
async def live(mgr: Manager) -> AsyncIterator[Live]:
    """The live state of the fake server."""
    async with Live(mgr) as entered:
        yield entered


async def settled(live: Live, mgr: Manager) -> None:
    """All that the server has said until now is applied."""
    await mgr.send(core.Ping())  # answered behind all events
    stream = live._stream
    assert stream is not None
    await until(lambda: not stream.pending and live.synced)
