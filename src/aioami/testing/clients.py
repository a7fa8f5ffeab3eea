"""All clients of a fake server."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import async_timeout

from .message import Charset, QueuedEvent

if TYPE_CHECKING:
    from .connection import FakeConnection
    from .exchange import Pairs

__all__ = ["Clients"]


class Clients:
    """The connections of a server.

    Args:
        charset: encodes the events.

    Attributes:
        connections: the open connections, in the order in which they came.
        welcome: false while the server is stopped: a connection that was on its way at that moment
            may still arrive.
    """

    def __init__(self, charset: Charset) -> None:
        self._charset = charset
        self.connections: list[FakeConnection] = []
        self.welcome = False
        self._changed = asyncio.Event()
        self._shuffle: random.Random | None = None

    def join(self, connection: FakeConnection) -> None:
        """Add a connection."""
        self.connections.append(connection)
        self._changed.set()

    def leave(self, connection: FakeConnection) -> None:
        """Remove a connection; nothing happens if it was refused or is gone."""
        if connection in self.connections:
            self.connections.remove(connection)
        self._changed.set()

    async def wait_for(self, count: int, timeout: float) -> None:
        """Wait until at least `count` clients are connected.

        Raises:
            asyncio.TimeoutError: fewer are connected after `timeout` seconds.
        """
        async with async_timeout.timeout(timeout):
            while len(self.connections) < count:
                await self._change()

    async def all_gone(self) -> None:
        """Wait until no client is connected."""
        while self.connections:
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def each(self, action: Callable[[FakeConnection], object]) -> None:
        """Call a function for each connection."""
        for connection in list(self.connections):
            action(connection)

    def emit(self, name: str, pairs: Pairs, classes: str) -> None:
        """Queue an event for each client that wants it.

        Args:
            name: the event's name.
            pairs: the whole event.
            classes: its classes, separated by commas; empty sends it to all who are logged in.
        """
        text = self._charset.message(pairs)
        wanted = frozenset(classes.split(",")) - {"all", ""}
        for connection in self.connections:
            connection.hear(wanted, name, text)

    def flush(self) -> None:
        """Send the queued events of all clients that are not served an action."""
        for connection in list(self.connections):
            connection.flush()

    def shuffle(self, seed: int) -> None:
        """Reorder events from now on; see `in_order`."""
        self._shuffle = random.Random(seed)

    def in_order(self, events: list[QueuedEvent]) -> list[QueuedEvent]:
        """Return events in the order to send them in.

        After `shuffle` it is a random order, in which the events of each channel keep their order.
        """
        if self._shuffle is None:
            return events
        strands: dict[bytes, list[QueuedEvent]] = {}
        for event in events:
            own = event.text.partition(b"\r\nUniqueid: ")[2].partition(b"\r\n")[0]
            strands.setdefault(own, []).append(event)
        mixed = []
        while strands:
            chosen = self._shuffle.choice(list(strands))
            mixed.append(strands[chosen].pop(0))
            if not strands[chosen]:
                del strands[chosen]
        return mixed
