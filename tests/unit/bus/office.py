"""A bus with a fake server behind a relay, for the tests of those who are remote."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from aioami import Manager
from aioami.bus import RemoteManager
from aioami.bus.connection import BusConnection, BusOptions
from aioami.bus.relay import Relay, RelayOptions, ServerOptions
from aioami.testing import FakeAsterisk, FaultProxy
from aioami.testing.nats import NatsServer

_NUMBERS = itertools.count(1)


@dataclass
class Office:
    """What stands on both sides of a bus; each has a server's name of its own."""

    bus: NatsServer
    fake: FakeAsterisk
    proxy: FaultProxy
    name: str

    def relay(self, *, way: str | None = None, **options: Any) -> Relay:
        """Make a relay of the server, which reaches the bus at its own URL or at another one."""
        url = f"ami://admin:s3cret@{self.proxy.host}:{self.proxy.port}{options.pop('query', '')}"
        own = {key: options.pop(key) for key in ("read_only", "allow") if key in options}
        # Small, as JetStream sets aside what a log may have.
        settings = RelayOptions(**{"silence": 0.3, "doubt": 10, "max_bytes": 1 << 24, **options})
        return Relay([ServerOptions(self.name, url, **own)], way or self.bus.url, settings, linger=0.5)

    def remote(self, **options: Any) -> RemoteManager:
        """Make a remote manager of the server."""
        return RemoteManager(self.bus.url, self.name, **options)

    def direct(self, **options: Any) -> Manager:
        """Make a direct manager of the same server."""
        return Manager(self.fake.host, self.fake.port, "admin", "s3cret", **options)

    async def tell(self, number: int, name: str = "Hangup") -> None:
        """Have the server tell of something with a number."""
        await self.fake.send_event(name, {"Channel": f"PJSIP/{number}", "Uniqueid": str(number)}, privilege="call,all")


@contextlib.asynccontextmanager
async def office(bus: NatsServer) -> AsyncIterator[Office]:
    """Open one on a bus that others may use too."""
    async with FakeAsterisk() as fake, FaultProxy(fake.host, fake.port) as proxy:
        yield Office(bus, fake, proxy, f"pbx{next(_NUMBERS)}.example")


@contextlib.asynccontextmanager
async def connected(bus: NatsServer) -> AsyncIterator[BusConnection]:
    """Open a connection with a bus."""
    connection = await BusConnection.open(BusOptions.from_url(bus.url, timeout=10.0), "test")
    try:
        yield connection
    finally:
        await connection.close()


def number(event: Any) -> int:
    """The number of an event that the office told."""
    return int(event["Uniqueid"])
