"""Connections from a fake server to FastAGI servers."""

from __future__ import annotations

import asyncio
from typing import cast

from .driver import Driver
from .exchange.lines import Line

__all__ = ["Outgoing"]


class Outgoing:
    """The outgoing connections of one fake server.

    Args:
        driver: the driver of its clock.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._sockets: set[_Socket] = set()

    def connect(self, host: str, port: int) -> Line:
        """Begin a connection, and return it; virtual time stands still until it is made."""
        socket = _Socket(self._driver, self._sockets)
        self._driver.wait_for(asyncio.ensure_future(socket.connect(host, port)))
        return socket.line

    async def all_gone(self) -> None:
        """Wait until all of them are closed."""
        for socket in list(self._sockets):
            await socket.gone.wait()


class _Socket(asyncio.Protocol):
    """One connection."""

    def __init__(self, driver: Driver, sockets: set[_Socket]) -> None:
        self._driver = driver
        self._sockets = sockets
        self._transport: asyncio.Transport | None = None
        self._is_closed = False
        self.gone = asyncio.Event()
        self.line = Line(driver.clock, self._send, self._close)

    async def connect(self, host: str, port: int) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        except OSError:
            self.line.lose()
            self._driver.catch_up()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._sockets.add(self)
        if self._is_closed:
            self._transport.close()
            return
        self.line.open()
        self._driver.catch_up()

    def data_received(self, data: bytes) -> None:
        self.line.feed(data)
        self._driver.catch_up()

    def eof_received(self) -> bool:
        self.line.lose()
        self._driver.catch_up()
        return True  # the exchange may still send its last messages

    def connection_lost(self, error: Exception | None) -> None:
        self._sockets.discard(self)
        self.gone.set()
        self.line.lose()
        self._driver.catch_up()

    def _send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _close(self) -> None:
        self._is_closed = True
        if self._transport is not None:
            self._transport.close()
