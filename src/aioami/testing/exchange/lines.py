"""Connections that an exchange makes, without sockets: what Asterisk reads of them, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..clock import Clock, Signal

__all__ = ["Line"]

# Seconds for which a system holds back a second small packet, while the first is not acknowledged.
_HELD_BACK: Final = 0.04


class Line:
    """A connection to a FastAGI server.

    Args:
        clock: the clock.
        send: called with bytes to send.
        close: called when the connection is to be closed.

    Attributes:
        opened: set once the connection stands, or has failed.
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
        """Return one that has no other end."""
        line = cls(clock, lambda data: None, lambda: None)
        line.lose()
        return line

    # What the other end does

    def open(self) -> None:
        """Note that the connection stands."""
        self.is_open = True
        self.opened.set()

    def feed(self, data: bytes) -> None:
        """Take bytes from the other end."""
        self._unread += data
        self.arrived.set()

    def lose(self) -> None:
        """Note that the other end has closed, or that there is none."""
        self.is_open = False
        self.opened.set()
        self.arrived.set()

    # What the exchange does

    @property
    def has_news(self) -> bool:
        """True if bytes have come that were not read, or the other end has closed."""
        return bool(self._unread) or not self.is_open

    def take(self, limit: int) -> bytes | None:
        """Return a line; what is left of a longer one is the next; `None` if there is none yet.

        Asterisk looks only when bytes come, or the end. A second line of one packet is read, and
        found when the next packet comes.

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
        """Send bytes, behind those that are held back."""
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
