"""A small Asterisk: a real server on the loopback interface, with scripted replies and faults to switch on."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
import ssl as tls
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Union
from urllib.parse import quote

import async_timeout

from .model import Model, error, success

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FakeAsterisk", "FakeConnection", "Headers", "Reply", "Request"]

Headers = Union[Mapping[str, str], Iterable[tuple[str, str]]]
Reply = Union[None, bytes, Headers, Sequence[Headers]]

_VERSIONS: Final = {"13": "2.10.6", "16": "5.0.5", "22": "11.0.0"}
_MAX_LINE: Final = 1024  # bytes, the line's end included
_MAX_LINES: Final = 128
_CLASSES: Final = (
    *("system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf", "reporting", "cdr"),
    *("dialplan", "originate", "agi", "", "cc", "aoc", "test", "security"),
)  # by their bits in a mask that is a number
_UNKNOWN: Final = "Invalid/unknown command: {}. Use Action: ListCommands to show available commands."


class Request:
    """One action, as it came.

    Attributes:
        name: the action's name as it was sent.
        headers: all its headers, `Action` and `ActionID` included.
        raw: its bytes, the blank line included.
        connection: where it came from.
    """

    def __init__(self, headers: list[tuple[str, str]], raw: bytes, connection: FakeConnection) -> None:
        self.headers = headers
        self.raw = raw
        self.connection = connection
        self.name = self.get("Action") or ""
        self.action_id = self.get("ActionID") or None

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first header of that name, ignoring case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), default)

    def getall(self, name: str) -> list[str]:
        """Every header of that name, ignoring case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def __repr__(self) -> str:
        return f"<Request {self.name} {self.action_id or ''}>"


class FakeConnection:
    """One client of the server.

    Attributes:
        username: who is logged in; `None` before the login.
        mask: the classes of events that it wants; `None` is all.
    """

    def __init__(self, server: FakeAsterisk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._held = bytearray()
        self.challenge = str(secrets.randbelow(10**9))
        self.username: str | None = None
        self.mask: frozenset[str] | None = None

    async def run(self) -> None:
        """Greet, and answer until one of the two ends it."""
        server = self._server
        if server.close_on_connect:
            return
        await asyncio.sleep(server.slow_banner)
        self.send(server.banner)
        lines: list[bytes] = []
        raw = bytearray()
        fault = ""
        while line := await self._next_line():
            raw += line
            content = line[:-2] if line.endswith(b"\r\n") else line[:-1]
            if not content:
                await self._answer(lines, bytes(raw), fault)
                lines, raw, fault = [], bytearray(), ""
            elif len(line) > _MAX_LINE:
                fault = "Failed to parse message: line too long"
            elif len(lines) >= _MAX_LINES:
                fault = "Too many lines in message or allocation failure"
            else:
                lines.append(content.split(b"\0")[0])
            if self._writer.is_closing():
                return

    async def _next_line(self) -> bytes:
        try:
            return await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return b""

    async def _answer(self, lines: list[bytes], raw: bytes, fault: str) -> None:
        headers = []
        for line in lines:
            name, colon, value = line.decode("utf-8", "surrogateescape").partition(":")
            if colon:
                headers.append((name, value.lstrip(" ")))
        request = Request(headers, raw, self)
        if fault or not request.name:
            self.reply(request, {"Response": "Error", "Message": fault or "Missing action in request"})
            return
        await self._server._handle(request)

    def reply(self, request: Request, reply: Reply) -> None:
        """Send an answer; the ActionID follows the first header of each message."""
        if reply is None:
            return
        if isinstance(reply, bytes):
            self.send(reply.replace(b"{ActionID}", _encode(request.action_id or "")))
            return
        messages: list[Headers] = reply if _is_several(reply) else [reply]  # type: ignore[assignment,list-item]
        for message in messages:
            headers = list(message.items()) if isinstance(message, Mapping) else list(message)
            if request.action_id is not None:
                headers.insert(1, ("ActionID", request.action_id))
            self.send(_message(headers))

    def send(self, data: bytes) -> None:
        """Send bytes, unless the server is stalled."""
        if self._server.stalled:
            self._held += data
        elif not self._writer.is_closing():
            size = self._server.chunk_size or len(data)
            for start in range(0, len(data), size or 1):
                self._writer.write(data[start : start + size])

    def release(self) -> None:
        """Send what was held back while the server was stalled."""
        held, self._held = bytes(self._held), bytearray()
        if held:
            self.send(held)

    def wants(self, privilege: str | None) -> bool:
        """Whether an event of these classes is for this client."""
        if self.username is None:
            return False
        return self.mask is None or privilege is None or set(privilege.split(",")) - {"all"} <= self.mask

    def close(self) -> None:
        """End the connection once everything is sent."""
        self._writer.close()

    def abort(self) -> None:
        """End the connection with a reset."""
        raw = self._writer.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


class FakeAsterisk:
    """A server that speaks AMI, on a free port of 127.0.0.1, for as long as the `async with` lasts.

    Example::

        async with FakeAsterisk() as fake:
            async with Manager.from_url(fake.url) as mgr:
                ...

    It knows logins (plain and by challenge), event masks, and a small model of channels, a queue, the database,
    variables and configuration files, on which most of the mission's actions work. What it does not know is an unknown
    command, as on a real server. Nothing here is shared with the client.

    Args:
        version: the Asterisk to pass for: "13", "16" or "22".
        users: their secrets by name.
        ssl: a server's context makes it a TLS server.
        banner: greet with these bytes instead.
        slow_banner: seconds before it greets.
        close_on_connect: whether it closes connections without a greeting, as a server that is full.
        refuse_login: the text with which every login is refused.
        login_delay: seconds before a refused login is answered; 1.0 on a real server.
        boot: whether FullyBooted follows a login.
        broken_events_action: whether the action `Events` stays unanswered when it turns events on.
        chunk_size: bytes for each write, `None` for whole messages.
        answer_seconds, talk_seconds: how long an originated call rings, and how long it lasts.

    Attributes:
        received: every action that came.
        connections: the clients that are connected.
        stalled: whether it holds back all that it would send.
    """

    def __init__(
        self,
        *,
        version: str = "22",
        users: Mapping[str, str] | None = None,
        ssl: tls.SSLContext | None = None,
        banner: bytes | None = None,
        slow_banner: float = 0.0,
        close_on_connect: bool = False,
        refuse_login: str | None = None,
        login_delay: float = 0.0,
        boot: bool = True,
        broken_events_action: bool = False,
        chunk_size: int | None = None,
        answer_seconds: float = 0.1,
        talk_seconds: float = 0.5,
    ) -> None:
        if version not in _VERSIONS:
            raise ValueError(f"version: one of {', '.join(_VERSIONS)}, not {version!r}")
        self.version = version
        self.users = {"admin": "s3cret"} if users is None else dict(users)
        self.banner = banner or f"Asterisk Call Manager/{_VERSIONS[version]}\r\n".encode()
        self.slow_banner = slow_banner
        self.close_on_connect = close_on_connect
        self.refuse_login = refuse_login
        self.login_delay = login_delay
        self.boot = boot
        self.broken_events_action = broken_events_action
        self.chunk_size = chunk_size
        self.received: list[Request] = []
        self.connections: list[FakeConnection] = []
        self.stalled = False
        self.host = "127.0.0.1"
        self.port = 0
        self._ssl = ssl
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._scripted: dict[str, tuple[Reply | Callable[[Request], Reply], int | None]] = {}
        self._changed = asyncio.Event()
        self.model = Model(self.send_event_now, self._later, answer_seconds=answer_seconds, talk_seconds=talk_seconds)

    @property
    def url(self) -> str:
        """Where it is, with its first user, as `Manager.from_url` reads it."""
        user, secret = next(iter(self.users.items()))
        scheme = "amis" if self._ssl is not None else "ami"
        return f"{scheme}://{quote(user, safe='')}:{quote(secret, safe='')}@{self.host}:{self.port}"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._connected, self.host, 0, ssl=self._ssl, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything, and end what is still running."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    def __repr__(self) -> str:
        return f"<FakeAsterisk {self.version} at {self.host}:{self.port}>"

    # Scripts and what came

    def reply_to(self, name: str, reply: Reply | Callable[[Request], Reply], *, times: int | None = None) -> None:
        """Answer an action in a way of one's own.

        Args:
            name: the action's name, in any case.
            reply: headers of one message, a list of such for several, bytes to be sent as they are (`{ActionID}` in
                them is replaced), `None` for no answer, or a function from the request to any of these.
            times: how often; then the model answers again.
        """
        self._scripted[name.lower()] = (reply, times)

    async def wait_received(self, name: str, count: int = 1, timeout: float = 5.0) -> Request:
        """Wait until an action of that name came `count` times, and return the last of these.

        Raises:
            asyncio.TimeoutError: it did not within `timeout` seconds.
        """
        await self._wait(lambda: len(self._named(name)) >= count, timeout)
        return self._named(name)[count - 1]

    async def wait_connected(self, count: int = 1, timeout: float = 5.0) -> None:
        """Wait until so many clients are connected.

        Raises:
            asyncio.TimeoutError: they were not within `timeout` seconds.
        """
        await self._wait(lambda: len(self.connections) >= count, timeout)

    async def _wait(self, reached: Callable[[], bool], timeout: float) -> None:
        async with async_timeout.timeout(timeout):
            while not reached():
                self._changed.clear()
                await self._changed.wait()

    def _named(self, name: str) -> list[Request]:
        return [request for request in self.received if request.name.lower() == name.lower()]

    # Events and faults

    async def send_event(self, name: str, headers: Headers = (), *, privilege: str | None = None) -> None:
        """Send an event to every client that wants it.

        Args:
            name: the event's name.
            headers: its own headers.
            privilege: its classes, as `call,all`; `None` leaves the header out, and sends it to all who are logged in.
        """
        self.send_event_now(name, headers, privilege=privilege)

    def send_event_now(self, name: str, headers: Headers = (), *, privilege: str | None = None) -> None:
        """The same, where nothing can be awaited."""
        own = headers.items() if isinstance(headers, Mapping) else headers
        head = [("Event", name), *([("Privilege", privilege)] if privilege is not None else [])]
        data = _message([*head, *own])
        for connection in self.connections:
            if connection.wants(privilege):
                connection.send(data)

    async def send_raw(self, data: bytes) -> None:
        """Send bytes to every client as they are."""
        for connection in self.connections:
            connection.send(data)

    def flood(self, count: int, *, name: str = "Flood") -> None:
        """Send `count` events at once, numbered from 0."""
        data = b"".join(_message([("Event", name), ("Number", str(number))]) for number in range(count))
        for connection in self.connections:
            connection.send(data)

    def drop(self) -> None:
        """Close all connections."""
        for connection in list(self.connections):
            connection.close()

    def reset(self) -> None:
        """End all connections with a reset."""
        for connection in list(self.connections):
            connection.abort()

    def half_frame(self) -> None:
        """Send half a message, and close."""
        for connection in list(self.connections):
            connection.send(b"Event: Half\r\nChannel: PJSI")
            connection.close()

    def garbage(self, size: int = 1000) -> None:
        """Send bytes that mean nothing, ended by a blank line."""
        for connection in self.connections:
            connection.send(bytes(byte for byte in secrets.token_bytes(size) if byte not in b"\r\n") + b"\r\n\r\n")

    def stall(self) -> None:
        """Hold back everything from now on; what clients send is still read."""
        self.stalled = True

    def resume(self) -> None:
        """Send what was held back, and go on."""
        self.stalled = False
        for connection in self.connections:
            connection.release()

    # Serving

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = FakeConnection(self, reader, writer)
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.connections.append(connection)
        self._changed.set()
        try:
            await connection.run()
        except asyncio.CancelledError:
            pass  # stop() ends it; the stream's own callback would report a cancelled task as an error
        finally:
            self.connections.remove(connection)
            writer.close()

    def _later(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handle(self, request: Request) -> None:
        self.received.append(request)
        self._changed.set()
        name, connection = request.name.lower(), request.connection
        scripted = self._scripted.get(name)
        if scripted is not None:
            reply, times = scripted
            if times is not None:
                self._scripted[name] = (reply, times - 1)
                if times <= 1:
                    del self._scripted[name]
            connection.reply(request, reply(request) if callable(reply) else reply)
        elif name in ("challenge", "login", "logoff"):
            await getattr(self, f"_{name}")(request)
        elif connection.username is None:
            connection.reply(request, error("Permission denied"))
        elif name == "events":
            self._events(request)
        elif name == "command":
            self._command(request)
        else:
            answer = await self.model.answer(request.name, request.get, request.getall, request.headers)
            connection.reply(request, error(_UNKNOWN.format(request.name)) if answer is None else answer)

    async def _challenge(self, request: Request) -> None:
        if (request.get("AuthType") or "").upper() != "MD5":
            request.connection.reply(request, error("Must specify AuthType"))
        else:
            request.connection.reply(request, {"Response": "Success", "Challenge": request.connection.challenge})

    async def _login(self, request: Request) -> None:
        connection = request.connection
        if connection.username is not None:
            connection.reply(request, success("Already authenticated"))
            return
        user = next((name for name in self.users if name.lower() == (request.get("Username") or "").lower()), None)
        secret = self.users.get(user or "", "")
        if (request.get("AuthType") or "").upper() == "MD5":
            expected = hashlib.md5(_encode(connection.challenge + secret), usedforsecurity=False).hexdigest()
            right = request.get("Key") == expected
        else:
            right = request.get("Secret") == secret
        if self.refuse_login or user is None or not secret or not right:
            await asyncio.sleep(self.login_delay)
            connection.reply(request, error(self.refuse_login or "Authentication failed"))
            connection.close()
            return
        connection.username = user
        connection.mask = _mask(request.get("Events") or "on")
        connection.reply(request, success("Authentication accepted"))
        if self.boot and connection.wants("system,all"):
            booted = [("Event", "FullyBooted"), ("Privilege", "system,all"), ("Status", "Fully Booted")]
            connection.send(_message(booted))

    async def _logoff(self, request: Request) -> None:
        request.connection.reply(request, {"Response": "Goodbye", "Message": "Thanks for all the fish."})
        request.connection.close()

    def _events(self, request: Request) -> None:
        text = request.get("EventMask")
        if not text:
            request.connection.reply(request, error("Invalid event mask"))
            return
        mask = request.connection.mask = _mask(text)
        if not (self.broken_events_action and mask is None):
            on = mask is None or bool(mask)
            request.connection.reply(request, {"Response": "Success", "Events": "On" if on else "Off"})

    def _command(self, request: Request) -> None:
        command = request.get("Command")
        if not command:
            request.connection.reply(request, error("No command provided"))
            return
        known, lines = self.model.command(command)
        if self.version == "13":
            head = [b"Response: Follows", b"Privilege: Command"]
            if request.action_id is not None:
                head.append(b"ActionID: " + _encode(request.action_id))
            output = "".join(f"{line}\n" for line in lines)
            request.connection.send(b"\r\n".join([*head, _encode(output) + b"--END COMMAND--", b"", b""]))
            return
        result = [("Response", "Success" if known else "Error"), ("Message", "Command output follows")]
        request.connection.reply(request, [*result, *(("Output", line) for line in lines)])


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _message(headers: Iterable[tuple[str, str]]) -> bytes:
    return _encode("".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n")


def _mask(text: str) -> frozenset[str] | None:
    word = text.lower()
    if word in ("on", "yes", "true", "y", "t", "all"):
        return None
    if word.isdecimal():
        return frozenset(name for bit, name in enumerate(_CLASSES) if int(word) >> bit & 1)
    return frozenset() if word in ("off", "no", "false", "n", "f") else frozenset(text.split(","))


def _is_several(reply: Reply) -> bool:
    return (
        isinstance(reply, list) and bool(reply) and not (isinstance(reply[0], tuple) and isinstance(reply[0][0], str))
    )
