"""Connections of an exchange, without sockets: the bytes that Asterisk reads, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..clock import Clock, Signal

__all__ = ["Line"]

# Seconds for which a system holds back a second small packet, while the first is not acknowledged.
_HELD_BACK: Final = 0.04


class Line:
    """A connection of the fake server to a FastAGI server.

    Args:
        clock: the time of the fake server.
        send: called with bytes to send.
        close: called when the connection must be closed.

    Attributes:
        opened: set once the connection is made, or has failed.
        arrived: set when bytes have come, or the other end has closed.
        is_open: true while the other end has not closed.
    """

    def __init__(
        self, clock: Clock, send: Callable[[bytes], None], close: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._send = send
        self._close = close
        self._unread = b""  # in the socket
        self._buffer = b""  # read, and not used yet
        self._held_back = b""
        self._written = clock.now
        self.opened = Signal(clock)
        self.arrived = Signal(clock)
        self.is_open = False

    @classmethod
    def nowhere(cls, clock: Clock) -> Line:
        """Return a connection without another end."""
        line = cls(clock, lambda data: None, lambda: None)
        line.lose()
        return line

    # Called for the other end

    def open(self) -> None:
        """Note that the connection is made."""
        self.is_open = True
        self.opened.set()

    def feed(self, data: bytes) -> None:
        """Take bytes from the other end."""
        self._unread += data
        self.arrived.set()

    def lose(self) -> None:
        """Note that the other end has closed the connection, or refused it."""
        self.is_open = False
        self.opened.set()
        self.arrived.set()

    # Called by the exchange

    @property
    def has_news(self) -> bool:
        """True if bytes have come that were not read, or the other end has closed."""
        return bool(self._unread) or not self.is_open

    def take(self, limit: int) -> bytes | None:
        """Return the next line, or `None` if there is none yet; a long line is split.

        Asterisk looks for a line only when bytes or the end come. A second line in one packet is
        read then, but found only when the next packet comes.

        Args:
            limit: bytes that a line may have, with its line feed.
        """
        if not self.has_news:
            return None
        if b"\n" not in self._buffer and len(self._buffer) < limit:
            room = limit + 1 - len(self._buffer)
            self._buffer, self._unread = self._buffer + self._unread[:room], self._unread[room:]
        end = self._buffer.find(b"\n", 0, limit)
        if end < 0 and len(self._buffer) < limit:
            return None
        size = limit if end < 0 else end + 1
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def write(self, data: bytes) -> None:
        """Send bytes, after those that are held back."""
        held_back, self._held_back = self._held_back, b""
        self._written = self._clock.now
        self._send(held_back + data)

    def write_later(self, data: bytes) -> None:
        """Send bytes as soon as the last ones are acknowledged, or with the next ones."""
        self._held_back += data
        self._clock.spawn(self._let_go(self._written + _HELD_BACK - self._clock.now))

    async def _let_go(self, seconds: float) -> None:
        if seconds > 0:
            await self._clock.sleep(seconds)
        if self._held_back:
            self.write(b"")

    def close(self) -> None:
        """Close the connection."""
        self.is_open = False
        self._close()
