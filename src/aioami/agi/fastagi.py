"""FastAGI: a server to which Asterisk connects for each call."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Union

from .._check import (
    check_characters,
    check_manager,
    check_several,
    check_takes_one,
    check_text,
    check_type,
    check_whole_number,
)
from .._listening import close_server
from .._near import with_near_keywords
from .._owner import Owner
from ..wire.text import Encoding
from .connection import Connection
from .hub import Hub
from .programs import OnError, Programs, log
from .session import Program

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._client.like import ManagerLike

__all__ = ["FastAGI"]

_BACKLOG: Final = 1024

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class FastAGI:
    """A server that runs a program for each call that the dialplan sends to it::

        async with FastAGI(menu) as server:
            await server.serve_forever()

    In the dialplan: `AGI(agi://127.0.0.1/menu,one,two)`. If no server listens there, the dialplan
    goes on with `AGISTATUS` set to `FAILURE`.

    When the program returns, the dialplan goes on. When it raises, the error is logged under
    `aioami.agi`, and the call is hung up, so no caller is left in silence. `SessionEnded` is not
    logged: it is the usual end. A hang-up does not interrupt a program that awaits something else;
    the next command raises `HungUp`.

    FastAGI has no login: every client that reaches the port is served. So the server listens on the
    loopback address by default, and `allow` limits who may connect.

    Entering the context starts to listen. Leaving it cancels the programs, and ends within seconds;
    `close()` lets them finish first.

    Args:
        program: a coroutine function that takes a `Session`, or `Routes`.
        host: the address to listen on.
        port: the port; 0 lets the system choose one.
        allow: addresses and networks that may connect, as `"10.0.0.0/8"`; if empty, all may.
        max_sessions: the most sessions at a time; further ones are closed at once. `None` is no
            limit.
        environment_timeout: seconds in which a client has to send the environment.
        linger: seconds for which the connection of a dead channel is kept, if the program does not
            end. Until it is closed, Asterisk keeps the channel.
        on_error: the fate of a call whose program raises or is cancelled: `"hangup"` hangs it up,
            `"continue"` lets the dialplan go on.
        manager: a manager of the same server, if you have one. With it every command ends when the
            caller hangs up, even those that Asterisk does not end, as `System`. Cancelled commands
            are stopped as over AsyncAGI. It needs the read and write class `call`.
        encoding: the encoding of text in both directions; UTF-8 by default.
        errors: the way to show bytes that are invalid in the encoding: `"backslashreplace"`,
            `"replace"` or `"surrogateescape"`.

    Raises:
        ValueError: an argument cannot be right; the message names it.
    """

    @with_near_keywords()
    def __init__(
        self,
        program: Program,
        host: str = "127.0.0.1",
        port: int = 4573,
        *,
        allow: Iterable[str] = (),
        max_sessions: int | None = 1000,
        environment_timeout: float = 5.0,
        linger: float = 5.0,
        on_error: OnError = "hangup",
        manager: ManagerLike | None = None,
        encoding: str = "utf-8",
        errors: str = "backslashreplace",
    ) -> None:
        check_takes_one("program", program, "the session")
        check_text("host", host)
        check_characters("host", host)
        if host.count(":") == 1:
            raise ValueError(
                f"host: the address alone, as the port is an argument, not {host!r:.60}"
            )
        check_type("port", port, (int,), "a whole number")
        addresses = check_several("allow", allow, "addresses")
        check_whole_number("max_sessions", max_sessions)
        if max_sessions is not None and max_sessions < 1:
            raise ValueError(f"max_sessions: at least 1 or None for no limit, not {max_sessions}")
        for name, seconds in (("environment_timeout", environment_timeout), ("linger", linger)):
            check_type(name, seconds, (int, float), "a number of seconds")
            if not seconds >= 0:
                raise ValueError(f"{name}: at least 0 seconds, not {seconds}")
        if manager is not None:
            check_manager("manager", manager)
        self._program = program
        self._host = host
        self._port = port
        self._allow = tuple(_network(each) for each in addresses)
        self._max_sessions = max_sessions
        self.environment_timeout = environment_timeout
        self.linger = linger
        self.manager = manager
        self.hub: Hub | None = None
        self._encoding = Encoding(encoding, errors)
        self._programs = Programs(on_error)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._is_open = False
        self._closed: asyncio.Event | None = None
        self._owner = Owner(self._lost_its_loop, "server", "server.close()")

    @property
    def host(self) -> str:
        """The address that the server listens on."""
        return self._host

    @property
    def port(self) -> int:
        """The port that the server listens on; before the start, the argument `port`."""
        if self._server is not None and self._server.sockets:
            return int(self._server.sockets[0].getsockname()[1])
        return self._port

    async def start(self) -> None:
        """Begin to listen. If this is cancelled, the server does not listen.

        Raises:
            OSError: the server cannot listen on the address.
            RuntimeError: it listens already, here or in another event loop, thread or process.
        """
        self._owner.check()
        if self._server is not None:
            raise RuntimeError("this server listens already")
        loop = asyncio.get_running_loop()
        if self.manager is not None:
            self.hub = Hub.of(self.manager)
            self.hub.open(self.manager)
        self._closed = asyncio.Event()
        self._owner.take()
        self._is_open = True
        try:
            self._server = await loop.create_server(
                lambda: Connection(self, self._encoding), self._host, self._port, backlog=_BACKLOG
            )
        except BaseException:
            self._is_open = False
            self._owner.release()
            self._leave_hub()
            raise
        if not self._allow and not all(
            ipaddress.ip_address(each.getsockname()[0].partition("%")[0]).is_loopback
            for each in self._server.sockets
        ):
            log.warning("FastAGI listens on %s for everybody; allow= names who may", self._host)

    async def serve_forever(self) -> None:
        """Wait until the server is closed. Cancelling it changes nothing for the server.

        Raises:
            RuntimeError: the server was not started, or in another event loop, thread or process.
        """
        self._owner.check()
        if self._closed is None:
            raise RuntimeError("this server does not listen; enter it, or start() it")
        await self._closed.wait()

    async def close(self, timeout: float | None = None) -> None:
        """Stop listening, let the sessions finish, and close.

        It may be called again. A program may call it, too, and its own session then goes on.
        Cancelling it ends the waiting; the sessions go on.

        Args:
            timeout: seconds after which the programs are cancelled; `None` waits for all of them.

        Raises:
            RuntimeError: it was started in another event loop, thread or process.
        """
        self._owner.check()
        self._owner.release()
        self._is_open = False
        server, self._server = self._server, None
        if server is not None:
            self._port = int(server.sockets[0].getsockname()[1]) if server.sockets else self._port
            await close_server(server)
        for connection in list(self._connections):
            connection.close_if_waiting()
        try:
            for transport in await self._programs.close(timeout):
                transport.abandon()
        finally:
            self._leave_hub()
            if self._closed is not None:
                self._closed.set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close(timeout=0)

    def __repr__(self) -> str:
        state = f"{len(self._programs)} sessions" if self._server is not None else "closed"
        return f"<FastAGI {self.host}:{self.port} {state}>"

    def _lost_its_loop(self) -> None:
        self._is_open, self._server, self._closed = False, None, None
        self._connections.clear()
        self._programs.forget()
        self._leave_hub()

    def _leave_hub(self) -> None:
        hub, self.hub = self.hub, None
        if hub is not None:
            hub.close()

    # For the connections

    def admit(self, connection: Connection, address: str) -> bool:
        """Take a connection, or refuse it. Only the connections call this."""
        if not self._is_open:
            return False
        if self._allow and not _is_among(address, self._allow):
            log.warning("%s connected, and is not among those that may", address)
            return False
        if self._max_sessions is not None and len(self._connections) >= self._max_sessions:
            log.warning("there are %d sessions, and one more is refused", self._max_sessions)
            return False
        self._connections.add(connection)
        return True

    def serve(self, connection: Connection) -> None:
        """Run the program with a connection. Only the connections call this."""
        self._programs.start(self._program, connection)

    def forget(self, connection: Connection) -> None:
        """Note that a connection is gone. Only the connections call this."""
        self._connections.discard(connection)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"allow: {text!r} is no address and no network") from None


def _is_among(text: str, networks: Iterable[Network]) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks if network.version == address.version)
