"""One client of a fake server: its input, the answers and the events it gets."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final, cast

from .accounts import Account, EventFilter, mask_of, passes
from .actions import ACTIONS, ID, Answer, Denied, Request
from .clock import Signal, Task
from .message import QueuedEvent

if TYPE_CHECKING:
    from .exchange import Pairs
    from .fake import FakeAsterisk
    from .parts import Parts

__all__ = ["FakeConnection"]

_LINE: Final = 1024  # bytes, the line's end included
_DROPPED: Final = 1023  # bytes that are dropped of a longer line
_LINES: Final = 128
_TOO_LONG: Final = "Failed to parse message: line too long"
_TOO_MANY: Final = "Too many lines in message or allocation failure"
_USE_LIST: Final = "Use Action: ListCommands to show available commands."
# Bytes of the line `ActionID: ...` in the items of a list, after which Asterisk cuts it off.
_ROOM: Final = 255
_SMALL_ROOM: Final = {"voicemailuserslist": 127}

_numbers: Final = itertools.count(1)


class FakeConnection(asyncio.Protocol):
    """One client of a fake server, made when it connects.

    Attributes:
        server: the server.
        username: the user that is logged in; empty before the login.
        account: the user's account; `None` before the login.
        mask: the event classes that the client gets.
        filters: the event filters of the session.
        challenge: the challenge for a login with MD5.
        closed: true once the connection is closed.
        stalled: true while `stall` holds back the output.
        throttled: bytes in each second of the server's time, `None` for no limit.
    """

    def __init__(self, server: FakeAsterisk, parts: Parts) -> None:
        self.server = server
        self._parts = parts
        self._charset = parts.charset
        self.username = ""
        self.account: Account | None = None
        self.mask: frozenset[str] = frozenset()
        self.filters: list[EventFilter] = []
        self.challenge = str(random.SystemRandom().randrange(10**9))
        self.closed = False
        self.stalled = False
        self.throttled: float | None = None
        self._transport: asyncio.Transport | None = None
        self._input = bytearray()
        self._lines: list[bytes] = []
        self._received = bytearray()
        self._too_long = self._too_many = False
        self._inbox: deque[tuple[Request, str]] = deque()
        self._came = Signal(server.clock)
        self._heard = Signal(server.clock)
        self._events: list[QueuedEvent] = []
        self._busy = False
        self._held = bytearray()
        self._twice: dict[str, int] = {}
        self._tasks: list[Task] = []
        self._dripping: Task | None = None
        self._written = 0
        self._watched = False
        self._session = f"0x{next(_numbers):012x}"

    def __repr__(self) -> str:
        return f"<FakeConnection {self._charset.shown(self.username) or 'nobody'}>"

    # The socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or close at once if too many clients are not logged in.

        Args:
            transport: the transport of the socket; called by asyncio.
        """
        self._transport = cast(asyncio.Transport, transport)
        if not self._parts.clients.welcome:
            self.reset()
            return
        server = self.server
        unknown = sum(1 for each in server.connections if each.account is None)
        full = server.auth_limit is not None and unknown >= server.auth_limit
        if full or server.close_on_connect:
            self.drop()
            return
        self._parts.clients.join(self)
        self._tasks = [server.clock.spawn(self._serve()), server.clock.spawn(self._expire())]
        self._parts.driver.catch_up()

    def data_received(self, data: bytes) -> None:
        """Read lines, and answer the actions that are complete.

        Args:
            data: bytes from the client; called by asyncio.
        """
        self._input += data
        while not self.closed:
            end = self._input.find(b"\n", 0, _LINE)
            if end >= 0:
                self._line(bytes(self._input[: end + 1]))
                del self._input[: end + 1]
            elif len(self._input) >= _LINE:
                self._received += self._input[:_DROPPED]
                del self._input[:_DROPPED]
                self._too_long = True
            else:
                break
        self._parts.driver.catch_up()

    def connection_lost(self, error: Exception | None) -> None:
        """Remove the client from the server.

        Args:
            error: the error of the socket, if any; called by asyncio.
        """
        self.closed = True
        if self._transport is not None:
            self._transport.close()  # before Python 3.11 a TLS transport warns if it is not closed
        for task in self._tasks:
            task.cancel()
        if self._dripping is not None:
            self._dripping.cancel()
        self._parts.clients.leave(self)

    def _line(self, line: bytes) -> None:
        self._received += line
        content = line[:-2] if line.endswith(b"\r\n") else line[:-1]
        if content:
            if len(self._lines) < _LINES:
                self._lines.append(content.split(b"\0")[0])
            else:
                self._too_many = True
            return
        fault = ""
        if self._too_many:
            fault = _TOO_MANY
        elif self._too_long:
            fault, self._too_long = _TOO_LONG, False
        lines = [self._charset.decode(each) for each in self._lines]
        request = Request(lines, bytes(self._received), self, self._charset)
        self._lines, self._received, self._too_many = [], bytearray(), False
        self._inbox.append((request, fault))
        self._came.set()

    # Answers

    async def _serve(self) -> None:
        server = self.server
        if server.slow_banner:
            await server.clock.sleep(server.slow_banner)
        self.send(server.banner)
        while True:
            while self._inbox and not self.closed:
                request, fault = self._inbox.popleft()
                self._busy = True
                await self._handle(request, fault)
                self._busy = False
                self.flush()
            self._came.clear()
            await server.clock.wait(self._came)

    async def _expire(self) -> None:
        if self.server.auth_timeout is not None:
            await self.server.clock.sleep(self.server.auth_timeout)
            if self.account is None:
                self.drop()

    async def _handle(self, request: Request, fault: str) -> None:
        script = self._parts.script
        self._parts.inbox.add(request.shown)
        script.strike("before", request.name, self)
        name = request.name.lower()
        if fault or not name:
            problem = fault or "Missing action in request"
            self.reply(request, {"Response": "Error", "Message": problem})
        elif (scripted := script.take_reply(request.shown)) is not None:
            self.reply(request, scripted[0])
        elif name in ("challenge", "login", "logoff"):
            await getattr(self, f"_{name}")(request)
        elif self.account is None:
            self.reply(request, {"Response": "Error", "Message": "Permission denied"})
        else:
            await self._run(request, self.account)
        script.strike("after", request.name, self)

    async def _run(self, request: Request, account: Account) -> None:
        server = self.server
        known = ACTIONS.get(request.name.lower())
        if known is None or server.exchange.major > known.until:
            self._emit_security("RequestBadFormat", request)
            problem = f"Invalid/unknown command: {request.name}. {_USE_LIST}"[:511]
            self.reply(request, {"Response": "Error", "Message": problem})
        elif not known.allowed(account):
            self._emit_security("RequestNotAllowed", request)
            self.reply(request, {"Response": "Error", "Message": "Permission denied"})
        else:
            try:
                answer = await known.run(server.exchange, request)
            except Denied as denied:
                answer = {"Response": "Error", "Message": str(denied)}
            all_on = known.name == "Events" and self.mask == account.readable
            silent = all_on and server.broken_events_action
            self.reply(request, None if silent else answer)

    def reply(self, request: Request, answer: Answer) -> None:
        """Send an answer to an action.

        Args:
            request: the action, whose ActionID the answer gets.
            answer: the headers of one message; a list of these for several messages; bytes to send
                as they are, with the ActionID in place of `{ActionID}`; or `None` for no answer.
        """
        if answer is None or answer == []:
            return
        if isinstance(answer, bytes):
            own = self._charset.encode(request.action_id or "")
            self.send(answer.replace(b"{ActionID}", own))
            return
        messages = cast("Sequence[object]", answer if _is_several(answer) else [answer])
        for position, message in enumerate(messages):
            if isinstance(message, Mapping):
                message = message.items()
            pairs = list(cast("Pairs", message))
            last = ("EventList", "Complete") in pairs
            item = position > 0 and not last
            self.send(self._charset.message(self._with_id(pairs, request, item=item)))

    @staticmethod
    def _with_id(pairs: Pairs, request: Request, *, item: bool) -> Pairs:
        own = request.action_id
        if ID not in pairs and pairs and pairs[0][0]:
            pairs.insert(1, ID)
        if own is None:
            return [pair for pair in pairs if pair != ID]
        room = _SMALL_ROOM.get(request.name.lower(), _ROOM) if item else None
        found: Pairs = []
        for place, pair in enumerate(pairs):
            if pair != ID:
                found.append(pair)
            elif room is None or len(f"ActionID: {own}\r\n") <= room:
                found.append(("ActionID", own))
            else:
                # The line's end is cut off too, so the next header is in the same line.
                following = pairs.pop(place + 1) if place + 1 < len(pairs) else ("", "")
                rest = f"{following[0]}: {following[1]}" if following[0] else ""
                line = f"ActionID: {own}"[:room] + rest
                found.append(("ActionID", line.removeprefix("ActionID: ")))
        return found

    # Logging in and out

    async def _challenge(self, request: Request) -> None:
        if request.get("AuthType").lower() != "md5":
            self.reply(request, {"Response": "Error", "Message": "Must specify AuthType"})
        elif self._in_use(request.get("Username")):
            await self._refuse(request, "Login Already In Use", "SessionLimit")
        else:
            self.reply(request, {"Response": "Success", "Challenge": self.challenge})

    async def _login(self, request: Request) -> None:
        server = self.server
        if self.account is not None:
            self.reply(request, {"Response": "Success", "Message": "Already authenticated"})
            return
        given = request.get("Username").lower()
        within = self._charset.within
        name = next((each for each in server.accounts if within(each).lower() == given), "")
        if server.refuse_login is not None:
            await self._refuse(request, server.refuse_login, "")
            return
        if self._in_use(name):
            await self._refuse(request, "Login Already In Use", "SessionLimit")
            return
        account = server.accounts.get(name)
        problem = self._problem(request, account)
        if problem or account is None:
            await self._refuse(request, "Authentication failed", problem, request.get("Username"))
            return
        self.username, self.account, self.filters = name, account, list(account.event_filters)
        mask = mask_of(request.get("Events"))
        self.mask = account.readable if mask is None else mask & account.readable
        self.reply(request, {"Response": "Success", "Message": "Authentication accepted"})
        if server.booted and "system" in self.mask:
            head = [("Event", "FullyBooted"), ("Privilege", "system,all")]
            text = self._charset.message([*head, *server.exchange.boot_headers()])
            self.hear(frozenset({"system"}), "FullyBooted", text)
        self._emit_security("SuccessfulAuth")

    def _problem(self, request: Request, account: Account | None) -> str:
        """Return the name of the security event for a refused login; empty if it is accepted."""
        if account is None or not account.secret:
            return "InvalidAccountID"
        if account.denied:
            return "FailedACL"
        if request.get("AuthType").lower() == "md5":
            secret = self._charset.encode(f"{self.challenge}{account.secret}")
            key = hashlib.md5(secret).hexdigest()
            return "" if request.get("Key") == key else "ChallengeResponseFailed"
        return (
            ""
            if request.get("Secret") == self._charset.within(account.secret)
            else "InvalidPassword"
        )

    def _in_use(self, username: str) -> bool:
        within, accounts = self._charset.within, self.server.accounts.items()
        name = within(username).lower()
        found = (account for each, account in accounts if within(each).lower() == name)
        account = next(found, None)
        if account is None or account.allow_multiple_login:
            return False
        return any(within(each.username).lower() == name for each in self.server.connections)

    async def _refuse(self, request: Request, text: str, event: str, username: str = "") -> None:
        if event:
            self._emit_security(event, username=username)
        if self.server.login_delay:
            await self.server.clock.sleep(self.server.login_delay)
        self.reply(request, {"Response": "Error", "Message": text})
        self.drop()

    async def _logoff(self, request: Request) -> None:
        self.reply(request, {"Response": "Goodbye", "Message": "Thanks for all the fish."})
        self.drop()

    def _emit_security(
        self,
        name: str,
        request: Request | None = None,
        *,
        username: str | None = None,
    ) -> None:
        exchange, good = self.server.exchange, name == "SuccessfulAuth"
        account = ("AccountID", self.username if username is None else username)
        now = datetime.fromtimestamp(exchange.wall_time, timezone.utc)
        stamp = now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03}+0000"
        peer = ("127.0.0.1", 0)
        if self._transport is not None:
            peer = self._transport.get_extra_info("peername")
        wanted = [] if request is None else [("RequestType", f"Action: {request.name}")]
        late = name == "RequestBadFormat"
        exchange.emit(
            name,
            [
                ("EventTV", stamp),
                ("Severity", "Informational" if good else "Error"),
                ("Service", "AMI"),
                ("EventVersion", "2" if name == "InvalidPassword" else "1"),
                *([] if late else [account]),
                ("SessionID", self._session),
                ("LocalAddress", f"IPV4/TCP/{self.server.host}/{self.server.port}"),
                ("RemoteAddress", f"IPV4/TCP/{peer[0]}/{peer[1]}"),
                *([("UsingPassword", "0")] if good else []),
                *wanted,
                ("SessionTV", stamp),
                *([account] if late else []),
            ],
            classes="security",
        )

    # Events

    def hear(self, classes: frozenset[str], name: str, text: bytes) -> None:
        """Queue an event, if the client is logged in and its mask and filters let it through.

        It is sent between two answers.

        Args:
            classes: the event's classes.
            name: its name.
            text: its bytes.
        """
        event = QueuedEvent(classes, name, text)
        if self.account is None or not self._wants(event):
            return
        self._events.append(event)
        self._heard.set()

    def _wants(self, event: QueuedEvent) -> bool:
        if not event.classes <= self.mask:
            return False
        if not self.filters:
            return True
        return passes(self.filters, event.name, self._charset.decode(event.text))

    @property
    def accounts(self) -> dict[str, Account]:
        """The server's accounts by name."""
        return self.server.accounts

    def events(self) -> list[bytes]:
        """Remove the queued events, and return their bytes."""
        waiting, self._events = self._events, []
        return [event.text for event in waiting if self._wants(event)]

    async def event(self, seconds: float | None) -> None:
        """Wait until an event is queued.

        Args:
            seconds: timeout in seconds of the server's time; `None` is none.
        """
        if not self._events:
            self._heard.clear()
            await self.server.clock.wait(self._heard, seconds=seconds)

    def flush(self) -> None:
        """Send the queued events, unless an action is running."""
        if self._busy or not self._events:
            return
        script = self._parts.script
        waiting = self._parts.clients.in_order(self._events)
        self._events = []
        for classes, name, text in waiting:
            if not classes <= self.mask:
                continue
            script.strike("before", name, self)
            self.send(text)
            if self._twice.get(name.lower(), 0) > 0:
                self._twice[name.lower()] -= 1
                self.send(text)
            script.strike("after", name, self)

    # Output, and its faults

    def send(self, data: bytes) -> None:
        """Send bytes; a stalled or throttled connection holds them back.

        Args:
            data: the bytes; lost if the connection is closed.
        """
        if self.closed:
            return
        if self.stalled or self.throttled is not None:
            self._held += data
            return
        self._write(data)

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        size = self.server.chunk_size or len(data)
        for start in range(0, len(data), size or 1):
            self._transport.write(data[start : start + size])
        self._written += len(data)
        self._watch()

    def _watch(self) -> None:
        """Cut off the client if it reads nothing for `write_timeout` seconds."""
        limit = self.server.write_timeout
        if limit is None or self._transport is None or self._watched:
            return
        if self._transport.get_write_buffer_size():
            self._watched = True
            asyncio.get_running_loop().call_later(limit, self._cut_off, self._taken())

    def _taken(self) -> int:
        buffered = self._transport.get_write_buffer_size() if self._transport is not None else 0
        return self._written - buffered

    def _cut_off(self, taken: int) -> None:
        self._watched = False
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() and self._taken() <= taken:
            self._transport.abort()
        else:
            self._watch()

    def stall(self) -> None:
        """Hold back all output from now on; input is still read."""
        self.stalled = True

    def resume(self) -> None:
        """End `stall` and `throttle`, and send the output that they hold back."""
        self.stalled, self.throttled = False, None
        if self._dripping is not None:
            self._dripping.cancel()
        held, self._held = bytes(self._held), bytearray()
        if held:
            self.send(held)

    def throttle(self, bytes_per_second: float) -> None:
        """Limit the output, until `resume`.

        Args:
            bytes_per_second: bytes in each second of the server's time.

        Raises:
            ValueError: `bytes_per_second` is not more than 0.
        """
        if bytes_per_second <= 0:
            raise ValueError(f"bytes_per_second: more than 0, not {bytes_per_second}")
        self.throttled = bytes_per_second
        if self._dripping is None or self._dripping.done.is_set:
            self._dripping = self.server.clock.spawn(self._drip())

    async def _drip(self) -> None:
        while self.throttled is not None and not self.closed:
            step = max(1, int(self.throttled * 0.01))
            if self._held and not self.stalled:
                data, self._held = bytes(self._held[:step]), self._held[step:]
                self._write(data)
            await self.server.clock.sleep(step / self.throttled)

    def duplicate(self, name: str, times: int = 1) -> None:
        """Send the next events of a name twice.

        Args:
            name: the event's name.
            times: number of events, added to those of earlier calls.
        """
        self._twice[name.lower()] = self._twice.get(name.lower(), 0) + times

    def garbage(self, size: int = 1000) -> None:
        """Send random bytes, and a blank line.

        Args:
            size: number of bytes.
        """
        allowed = [byte for byte in range(256) if byte not in b"\r\n"]
        noise = self.server.exchange.random.choices(allowed, k=size)
        self.send(bytes(noise) + b"\r\n\r\n")

    def half_frame(self) -> None:
        """Send half a message, and close."""
        self.send(b"Event: Half\r\nChannel: PJSI")
        self.drop()

    def drop(self) -> None:
        """Close the connection once everything is sent."""
        self.closed = True
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """End the connection with a TCP reset; output that is not sent yet is lost."""
        self.closed = True
        if self._transport is not None:
            sock = self._transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()


Fault = Callable[[FakeConnection], object]


def _is_several(answer: object) -> bool:
    return (
        isinstance(answer, Sequence)
        and bool(answer)
        and (isinstance(answer[0], Mapping) or (not isinstance(answer[0], tuple)))
    )
