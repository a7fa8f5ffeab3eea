"""A nats-server for the tests of the bus, with Debian's package in a private folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.helpers import until
from tests.unit.bus.office import Office, connected, office

from aioami.bus import seat
from aioami.bus.connection import BusConnection
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
async def place(nats_server: NatsServer) -> AsyncIterator[Office]:
    """A server on that bus, without a relay."""
    async with office(nats_server) as found:
        yield found
    nats_server.check()


@pytest.fixture
async def led(place: Office) -> AsyncIterator[Office]:
    """The same with a relay that leads."""
    async with place.relay() as relay:
        await until(lambda: relay.is_ready and relay.status()[place.name].role == "leader")
        yield place


@pytest.fixture
async def stranger(nats_server: NatsServer) -> AsyncIterator[BusConnection]:
    """Somebody else on the bus, who may all."""
    async with connected(nats_server) as connection:
        yield connection
