"""Network operations of the doctor: before the login, and on a link that is logged in."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl as tls
import time
from dataclasses import dataclass
from typing import Any, Final

import async_timeout

from aioami import Event, EventStream, Manager, Response, core
from aioami.wire import product_of

from .inference import Rights, rights_of
from .target import Target

__all__ = ["Greeting", "NetworkProbe", "RoundTrip", "SessionProbe"]

_CLOSING: Final = 1.0  # seconds
_GREETING_SIZE: Final = 512  # bytes
_SMALL_TALK: Final = b"Action: Ping\r\n\r\n"  # a server of another protocol answers with a refusal


@dataclass(frozen=True)
class Greeting:
    """The first bytes of a server.

    Attributes:
        data: the bytes.
        timed_out: true if none came in time; false if the server closed the connection.
        answers: true if they came only as an answer to some bytes from here.
    """

    data: bytes
    timed_out: bool = False
    answers: bool = False

    @property
    def line(self) -> str:
        """The first line, or the part of it that came."""
        return self.data.split(b"\n", 1)[0].decode("utf-8", "backslashreplace").strip()


@dataclass(frozen=True)
class RoundTrip:
    """The measurements of several Pings.

    Attributes:
        seconds: the shortest time from a Ping to its answer.
        clock: the seconds by which the server's clock is ahead of ours; `None` if unknown.
    """

    seconds: float
    clock: float | None


class NetworkProbe:
    """Operations before the login. Each ends after the target's timeout.

    Args:
        target: the server.
    """

    def __init__(self, target: Target) -> None:
        self._target = target

    async def resolve(self) -> dict[str, tuple[int, Any]]:
        """Return the addresses of the host, each with its family and socket address.

        Raises:
            OSError: the name has no address.
            UnicodeError: this is no valid name.
            asyncio.TimeoutError: the name servers did not answer in time.
        """
        host, port = self._target.host, self._target.port
        loop = asyncio.get_running_loop()
        async with async_timeout.timeout(self._target.timeout):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return {str(place[0]): (family, place) for family, _, _, _, place in found}

    async def connect(self, family: int, place: Any) -> socket.socket:
        """Connect to one address.

        Raises:
            OSError: the address cannot be connected to.
            asyncio.TimeoutError: there was no answer in time.
        """
        link = socket.socket(family, socket.SOCK_STREAM)
        link.setblocking(False)
        try:
            async with async_timeout.timeout(self._target.timeout):
                await asyncio.get_running_loop().sock_connect(link, place)
        except BaseException:
            link.close()
            raise
        return link

    async def open(self, link: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open streams over a connection, with TLS if the URL asks for it.

        Raises:
            OSError: TLS failed.
            asyncio.TimeoutError: the handshake took too long.
        """
        context = self._target.context
        name = None if context is None else self._target.server_hostname or self._target.host
        async with async_timeout.timeout(self._target.timeout):
            return await asyncio.open_connection(sock=link, ssl=context, server_hostname=name)

    async def greeting(self, reader: asyncio.StreamReader) -> Greeting:
        """Read the first line, or other bytes that come instead of it."""
        data = b""
        try:
            async with async_timeout.timeout(self._target.timeout):
                while b"\n" not in data and len(data) < _GREETING_SIZE:
                    more = await reader.read(_GREETING_SIZE)
                    if not more:
                        break
                    data += more
        except (asyncio.TimeoutError, OSError):
            return Greeting(data, timed_out=not data)
        return Greeting(data)

    async def answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Greeting | None:
        """Send some bytes to a server that does not greet; return its answer, if one comes.

        A greeting that comes so late does not count.
        """
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            writer.write(_SMALL_TALK)
            async with async_timeout.timeout(min(_CLOSING, self._target.timeout)):
                answer = Greeting(await reader.read(_GREETING_SIZE), answers=True)
                return answer if answer.data and product_of(answer.line) is None else None
        return None

    async def listens(self, address: str, port: int) -> bool:
        """Return `True` if a server listens on another port."""
        try:
            async with async_timeout.timeout(min(1.0, self._target.timeout)):
                _, writer = await asyncio.open_connection(address, port)
        except (OSError, asyncio.TimeoutError):
            return False
        await self.close(writer)
        return True

    async def greeting_without_tls(self, address: str) -> Greeting:
        """Read the port's first bytes on a connection without TLS: a greeting, or an answer."""
        return await self._said(address, None)

    async def greets_with_tls(self, address: str) -> bool:
        """Return `True` if the port greets on a connection with TLS."""
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        # Only the greeting is read, so it does not matter whose certificate it is.
        context.check_hostname = False
        context.verify_mode = tls.CERT_NONE
        return product_of((await self._said(address, context)).line) is not None

    async def _said(self, address: str, context: tls.SSLContext | None) -> Greeting:
        seconds = min(2.0, self._target.timeout)
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            async with async_timeout.timeout(seconds):
                port = self._target.port
                reader, writer = await asyncio.open_connection(address, port, ssl=context)
            try:
                with contextlib.suppress(OSError, asyncio.TimeoutError):
                    async with async_timeout.timeout(seconds):
                        return Greeting(await reader.read(_GREETING_SIZE))
                return await self.answer(reader, writer) or Greeting(b"", timed_out=True)
            finally:
                await self.close(writer)
        return Greeting(b"")

    async def close(self, writer: asyncio.StreamWriter) -> None:
        """Close a stream and wait until it is closed, for a second at most."""
        writer.close()
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            async with async_timeout.timeout(_CLOSING):
                await writer.wait_closed()


class SessionProbe:
    """Operations on a link that is logged in.

    Args:
        manager: the manager, which is connected.
        stream: all its events since before the login.

    Attributes:
        events: the events that have been taken from the stream.
    """

    def __init__(self, manager: Manager, stream: EventStream[Event]) -> None:
        self.events: list[Event] = []
        self._manager = manager
        self._stream = stream

    @property
    def version(self) -> str:
        """The server's AMI version."""
        return self._manager.version

    async def round_trip(self) -> RoundTrip:
        """Measure three Pings."""
        began = time.time()
        pongs = [await self._manager.send(core.Ping()) for _ in range(3)]
        clock = None
        with contextlib.suppress(ValueError):
            clock = float(pongs[0].get("Timestamp", "")) - began
        return RoundTrip(min(pong.RTT for pong in pongs), clock)

    async def rights(self, user: str) -> Rights:
        """Infer a user's rights from the answers to three actions, any of which may be refused."""
        listed = await self._manager.send(core.ListCommands(), check=False)
        show = core.Command(f"manager show user {user}")
        shown = await self._manager.send(show, check=False)
        config = await self._manager.send(core.GetConfig("manager.conf"), check=False)
        return rights_of(
            user,
            actions=listed.data if listed.success else None,
            shown=shown.data if shown.success else None,
            config=config.headers if config.success else None,
        )

    async def set_mask(self, mask: bool | str) -> Response:
        """Send the action Events, and return the response, also an error."""
        return await self._manager.send(core.Events(mask), check=False)

    async def make_event(self) -> Response:
        """Make an event for a test, and return the response, also an error."""
        return await self._manager.send(core.UserEvent(UserEvent="AioamiDoctor"), check=False)

    async def wait_booted(self, timeout: float) -> None:
        """Wait until the server is fully booted, as `Manager.wait_booted` does."""
        await self._manager.wait_booted(timeout)

    def has_seen(self, name: str) -> bool:
        """True if an event of this name has been taken from the stream."""
        return any(event.name == name for event in self.events)

    async def listen(self, seconds: float, until: str = "") -> bool:
        """Take events for a time, or until one of a name comes; return true if it came."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if not self._stream.pending and left <= 0:
                return False
            try:
                async with async_timeout.timeout(max(left, 0.01)):
                    event = await anext(self._stream)
            except (asyncio.TimeoutError, StopAsyncIteration):
                return False
            self.events.append(event)
            if until and event.name == until:
                return True
