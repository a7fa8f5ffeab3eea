"""A nats-server for the tests of the bus, with Debian's package in a private folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.unit.bus.office import Office, office

from aioami.bus import seat
from aioami.bus.connection import BusConnection, BusOptions
from aioami.testing.nats import NatsServer, SuiteGone, install


@pytest.fixture(autouse=True)
def lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the relays of this process give five times as many signs of life, so that less is waited for them."""
    monkeypatch.setattr(seat, "HEARTBEAT", 0.05)


@pytest.fixture(scope="session")
def nats_program() -> Path:
    """The program, which the first test installs."""
    try:
        return install()
    except SuiteGone as error:
        pytest.skip(str(error))


@pytest.fixture
def nats_server(nats_program: Path) -> Iterator[NatsServer]:
    """A server of its own for each test."""
    with NatsServer(nats_program) as server:
        yield server


@pytest.fixture
async def own(nats_server: NatsServer) -> AsyncIterator[Office]:
    """A server, without a relay, on a bus of its own."""
    async with office(nats_server) as found:
        yield found


@pytest.fixture
async def stranger(nats_server: NatsServer) -> AsyncIterator[BusConnection]:
    """Somebody else on the bus, who may all."""
    connection = await BusConnection.open(BusOptions.from_url(nats_server.url, timeout=10.0), "stranger")
    yield connection
    await connection.close()
