"""A fake Asterisk: a server on the loopback interface with an exchange behind it, and a test in command of both."""

from __future__ import annotations

import asyncio
import random
import ssl as tls
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from types import EllipsisType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Union
from urllib.parse import quote

import async_timeout

from .accounts import Account
from .actions import Answer, Request
from .clock import Clock
from .config import ConfigFile
from .connection import FakeConnection, Fault, encode
from .exchange import Exchange, Pairs, Party
from .house import configuration
from .story import Call, Phone

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Expectation", "FakeAsterisk", "Named"]

Headers = Union[Mapping[str, str], Iterable[tuple[str, str]]]
Named = Any
"""An action or an event: its name, its class, or an action with the headers that it sends."""

_BANNERS: Final = {"13": "2.10.6", "16": "5.0.4", "22": "11.0.0"}
_TURNS: Final = 25  # of the event loop, in which clients react before time goes on


class FakeAsterisk:
    """A server that speaks AMI, on a free port of 127.0.0.1, for as long as the `async with` lasts.

    Example::

        async with FakeAsterisk() as fake:
            async with Manager.from_url(fake.url) as mgr:
                ...

    Behind it stands a small exchange: a dialplan, channels, bridges, queues, parking lots, a database, files and
    mailboxes. Calls make the events that Asterisk makes. Its configuration is that of the private real servers (users,
    extensions, queues ...), and what it says is compared with what these say. Nothing here is shared with the client.

    Time is the clock on the wall's, or with `virtual_time` the test's: nothing happens by itself then, and
    `await fake.advance(40)` lets forty seconds pass in no time. Phones that are called ring until the test answers
    them then; otherwise they answer after `answer_seconds`, and hang up `talk_seconds` later.

    Args:
        version: the Asterisk to pass for: "13", "16" or "22".
        virtual_time: whether only `advance` lets time pass.
        users: who may log in, by name: a secret for somebody with all rights, or an `Account`. Those of the
            configuration if left out.
        files: configuration files by name, as text, in place of those that are there.
        ssl: a server's context makes it a TLS server.
        answer_seconds: after how long a phone that rings is answered; `None` is never.
        talk_seconds: how long a phone talks; `None` is for ever.
        banner: greet with these bytes instead.
        slow_banner: seconds before it greets.
        close_on_connect: whether it closes connections without a greeting, as a server that is full.
        auth_limit: how many clients may be connected that are not logged in; `None` is any number.
        auth_timeout: seconds in which a client has to log in; `None` is for ever.
        write_timeout: seconds that a client may leave its input unread before it is cut off; `None` is for ever.
        refuse_login: the text with which every login is refused.
        login_delay: seconds before a refused login is answered; 1.0 on a real server.
        boot: whether it is booted; if not, a client gets no FullyBooted until `boot` is called.
        broken_events_action: whether the action `Events` stays unanswered when it turns all events on.
        chunk_size: bytes for each write, `None` for whole messages.

    Attributes:
        received: every action that came.
        connections: the clients that are connected.
        exchange: what is behind the server.
        accounts: who may log in, by name.
        host: the address where it listens.
        port: its port, once it has started.
    """

    def __init__(
        self,
        *,
        version: str = "22",
        virtual_time: bool = False,
        users: Mapping[str, str | Account] | None = None,
        files: Mapping[str, str] | None = None,
        ssl: tls.SSLContext | None = None,
        answer_seconds: float | EllipsisType | None = ...,
        talk_seconds: float | EllipsisType | None = ...,
        banner: bytes | None = None,
        slow_banner: float = 0.0,
        close_on_connect: bool = False,
        auth_limit: int | None = 50,
        auth_timeout: float | None = 30.0,
        write_timeout: float | None = None,
        refuse_login: str | None = None,
        login_delay: float = 0.0,
        boot: bool = True,
        broken_events_action: bool = False,
        chunk_size: int | None = None,
    ) -> None:
        if version not in _BANNERS:
            raise ValueError(f"version: one of {', '.join(_BANNERS)}, not {version!r}")
        self.version = version
        self.virtual_time = virtual_time
        self.banner = banner or f"Asterisk Call Manager/{_BANNERS[version]}\r\n".encode()
        self.slow_banner = slow_banner
        self.close_on_connect = close_on_connect
        self.auth_limit = auth_limit
        self.auth_timeout = auth_timeout
        self.write_timeout = write_timeout
        self.refuse_login = refuse_login
        self.login_delay = login_delay
        self.broken_events_action = broken_events_action
        self.chunk_size = chunk_size
        self.host = "127.0.0.1"
        self.port = 0
        self.received: list[Request] = []
        self.connections: list[FakeConnection] = []
        self.clock = Clock(idle=self._idle)
        self.exchange = Exchange(
            int(version),
            _files(files or {}),
            self.clock,
            self._told,
            answer_seconds=(None if virtual_time else 0.1) if answer_seconds is ... else answer_seconds,
            talk_seconds=(None if virtual_time else 0.5) if talk_seconds is ... else talk_seconds,
        )
        if boot:
            self.exchange.booted.set()
        self.accounts = self._accounts(users)
        self._ssl = ssl
        self._server: asyncio.AbstractServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._scripted: dict[str, tuple[Answer | Callable[[Request], Answer], int | None]] = {}
        self._strikes: list[tuple[str, str, Fault, list[int]]] = []
        self._expected: list[Expectation] = []
        self._taken: set[int] = set()
        self._shuffle: random.Random | None = None

    def _accounts(self, users: Mapping[str, str | Account] | None) -> dict[str, Account]:
        if users is not None:
            return {name: Account(user) if isinstance(user, str) else user for name, user in users.items()}
        file = self.exchange.file("manager.conf")
        several = file.get("general", "allowmultiplelogin", "yes") == "yes"
        advanced = int(self.version) >= 18
        return {
            category.name: Account.from_category(category, advanced=advanced, multiple=several)
            for category in file.categories
            if category.name != "general" and not category.template
        }

    @property
    def major(self) -> int:
        """The version as a number."""
        return self.exchange.major

    @property
    def booted(self) -> bool:
        """Whether all modules are loaded."""
        return self.exchange.booted.is_set

    @property
    def url(self) -> str:
        """Where it is, with its first user, as `Manager.from_url` reads it.

        Raises:
            ValueError: there is no user.
        """
        if not self.accounts:
            raise ValueError("users: this server has none, and so no URL with one")
        name, account = next(iter(self.accounts.items()))
        scheme = "amis" if self._ssl is not None else "ami"
        return f"{scheme}://{quote(name, safe='')}:{quote(account.secret, safe='')}@{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"<FakeAsterisk {self.version} at {self.host}:{self.port}>"

    # Its life

    async def start(self) -> None:
        """Listen; the port is the same as before if it was started before.

        Raises:
            RuntimeError: its `async with` was left, and with it the exchange has ended.
        """
        if self.clock.closed:
            raise RuntimeError("this server has ended; make another one")
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time() - self.clock.now
        if not self.virtual_time:
            self.exchange.epoch = time.time() - self.clock.now
        self._server = await self._loop.create_server(
            lambda: FakeConnection(self), self.host, self.port, ssl=self._ssl, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._stir()

    async def stop(self) -> None:
        """End all connections and stop listening; calls and everything else stay as they are.

        Raises:
            Exception: what went wrong in the server itself.
        """
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self.connections):
            connection.reset()
        if self._timer is not None:
            self._timer.cancel()
        while self.connections:
            await self._change()
        if self.clock.failures:
            raise self.clock.failures.pop(0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self.stop()
        finally:
            self.clock.close()
        if error is None:
            for expected in self._expected:
                expected.check()

    # Time

    async def advance(self, seconds: float) -> None:
        """Let so many seconds pass: at once with virtual time, else by waiting for them.

        What is due happens at its time, and clients in this event loop have their turn to react after each of it.
        """
        await self._turns()
        if not self.virtual_time:
            await asyncio.sleep(seconds)
            return
        until = self.clock.now + seconds
        while (due := self.clock.due) is not None and due <= until:
            self.clock.run_until(due)
            await self._turns()
        self.clock.run_until(until)
        await self._turns()

    async def pass_until(self, reached: Callable[[], bool], seconds: float, what: str) -> None:
        """Let time pass until something is reached.

        Args:
            reached: whether it is.
            seconds: how long at most, in the server's time.
            what: what it is, for the error.

        Raises:
            AssertionError: it was not reached.
        """
        self._stir()
        until = self.clock.now + seconds
        await self._turns()
        while not reached():
            if not self.virtual_time:
                if self.clock.now >= until:
                    raise AssertionError(f"{what}: not within {seconds:g} seconds")
                await asyncio.sleep(0.005)
                self._stir()
                continue
            due = self.clock.due
            if due is None or due > until:
                raise AssertionError(f"{what}: not within {seconds:g} seconds")
            self.clock.run_until(due)
            await self._turns()

    async def _turns(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def _stir(self) -> None:
        """Something came from outside: do what can be done now."""
        if self.virtual_time or self._loop is None:
            self.clock.run()
        else:
            self.clock.catch_up(self._loop.time() - self._started)

    def _idle(self) -> None:
        for connection in list(self.connections):
            connection.flush()
        if self.virtual_time or self._loop is None or self._server is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        due = self.clock.due
        if due is not None:
            self._timer = self._loop.call_at(self._started + due + 1e-4, self._stir)

    def _security_time(self) -> str:
        now = datetime.fromtimestamp(self.exchange.epoch + self.clock.now, timezone.utc)
        return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03}+0000"

    # Calls

    def incoming(self, device: str, to: str, *, caller: str = "", variables: Mapping[str, str] | None = None) -> Call:
        """Somebody calls.

        Args:
            device: the phone or trunk that the call comes from, as `PJSIP/trunk`.
            to: where it goes in the dialplan, as `extension@context`. Context `queues` has each queue by its name.
            caller: who calls, as `"Name" <number>`.
            variables: variables that the channel has.

        Returns:
            The call, to go on with.
        """
        exten, _, context = to.partition("@")
        return Call._incoming(self, device, exten, context or "default", Party.parse(caller), dict(variables or {}))

    def phone(self, device: str) -> Phone:
        """The phone of that name, to answer, to hang up, or to be busy."""
        return Phone(self, self.exchange.phone(device))

    def calls(self) -> list[Call]:
        """The calls that are there: one for each channel."""
        return [Call(self, channel) for channel in self.exchange.channels.values()]

    # Scripts, and what came

    def reply_to(self, action: Named, reply: Answer | Callable[[Request], Answer], *, times: int | None = None) -> None:
        """Answer an action in a way of one's own.

        Args:
            action: its name, or its class.
            reply: headers of one message, a list of such for several, bytes to be sent as they are (`{ActionID}` in
                them is replaced), `None` for no answer, or a function from the request to any of these.
            times: how often; then the exchange answers again.
        """
        self._scripted[_name(action).lower()] = (reply, times)

    def expect(self, action: Named, *, times: int = 1, timeout: float = 5.0, **headers: object) -> Expectation:
        """Expect that a client sends an action.

        Each action that came meets one expectation, in the order in which these were made. An expectation can be
        awaited, which gives the request; one that is still unmet at the end of the `async with` fails the test.

        Args:
            action: its name, its class, or an action with headers, which must then be the same in what comes.
            times: how many are expected; the last of them is what awaiting gives.
            timeout: seconds (real ones) that awaiting waits.
            headers: further headers that it must have, underscores for the hyphens in their names.
        """
        wanted = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        expected = Expectation(self, _name(action), [*_headers(action), *wanted.items()], times, timeout)
        self._expected.append(expected)
        return expected

    def expect_nothing(self, action: Named) -> None:
        """Say that an action has not come.

        Raises:
            AssertionError: it has.
        """
        found = self.sent(action)
        if found:
            raise AssertionError(f"{_name(action)} came {len(found)} times: {found}")

    def sent(self, action: Named) -> list[Request]:
        """All actions of that name that came."""
        name = _name(action).lower()
        return [request for request in self.received if request.name.lower() == name]

    async def wait_connected(self, count: int = 1, timeout: float = 5.0) -> None:
        """Wait until so many clients are connected.

        Raises:
            asyncio.TimeoutError: they were not within `timeout` seconds.
        """
        async with async_timeout.timeout(timeout):
            while len(self.connections) < count:
                await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    # Events

    async def send_event(self, name: str, headers: Headers = (), *, privilege: str | None = None) -> None:
        """Send an event to every client that wants it.

        Args:
            name: the event's name.
            headers: its own headers.
            privilege: its classes, as `call,all`; `None` leaves the header out, and sends it to all who are logged in.
        """
        own = headers.items() if isinstance(headers, Mapping) else headers
        head = [("Event", name), *([("Privilege", privilege)] if privilege is not None else [])]
        self._told(name, [*head, *own], "" if privilege is None else privilege)
        self._stir()

    async def send_raw(self, data: bytes) -> None:
        """Send bytes to every client as they are."""
        self._each(lambda connection: connection.send(data))

    def flood(self, count: int, *, name: str = "Flood") -> None:
        """Send `count` events at once, numbered from 0, to every client."""
        data = b"".join(encode([("Event", name), ("Number", str(number))]) for number in range(count))
        self._each(lambda connection: connection.send(data))

    def boot(self) -> None:
        """Be booted: clients get FullyBooted."""
        if not self.booted:
            self.exchange.booted.set()
            self.exchange.tell("FullyBooted", self._boot_headers(), classes="system")
            self._stir()

    def shut_down(self, *, restart: bool = False) -> None:
        """Say that the server ends, and end all connections."""
        told = [("Shutdown", "Cleanly"), ("Restart", "True" if restart else "False")]
        self.exchange.tell("Shutdown", told, classes="system")
        self._stir()
        self.drop()

    def _boot_headers(self) -> Pairs:
        uptime = str(int(self.clock.now))
        newer = [] if self.version == "13" else [("Uptime", uptime), ("LastReload", uptime)]
        return [*newer, ("Status", "Fully Booted")]

    # Faults

    def before(self, what: Named, fault: Fault, *, times: int = 1) -> None:
        """Do something to a connection just before an action of that name is answered, or an event of it is sent.

        Args:
            what: the action or the event, by name or class.
            fault: a method of `FakeConnection` (`FakeConnection.drop` ...), or any function of one.
            times: how often.
        """
        self._strikes.append(("before", _name(what).lower(), fault, [times]))

    def after(self, what: Named, fault: Fault, *, times: int = 1) -> None:
        """The same, just after the answer or the event was sent."""
        self._strikes.append(("after", _name(what).lower(), fault, [times]))

    def drop(self) -> None:
        """Close all connections."""
        self._each(FakeConnection.drop)

    def reset(self) -> None:
        """End all connections with a reset."""
        self._each(FakeConnection.reset)

    def half_frame(self) -> None:
        """Send half a message to all, and close."""
        self._each(FakeConnection.half_frame)

    def garbage(self, size: int = 1000) -> None:
        """Send bytes that mean nothing, ended by a blank line."""
        self._each(lambda connection: connection.garbage(size))

    def stall(self) -> None:
        """Hold back everything from now on; what clients send is still read."""
        self._each(FakeConnection.stall)

    def resume(self) -> None:
        """Send what was held back, and go on."""
        self._each(FakeConnection.resume)

    def throttle(self, bytes_per_second: float) -> None:
        """Send no more than so many bytes in a second of the server's time, until `resume`."""
        self._each(lambda connection: connection.throttle(bytes_per_second))

    def duplicate(self, event: Named, times: int = 1) -> None:
        """Send the next events of that name twice."""
        self._each(lambda connection: connection.duplicate(_name(event), times))

    def reorder(self, seed: int = 0) -> None:
        """Mix events from now on, as far as Asterisk does: those of one channel keep their order."""
        self._shuffle = random.Random(seed)

    def _each(self, fault: Fault) -> None:
        for connection in list(self.connections):
            fault(connection)
        self._stir()

    # What connections need

    def _joined(self, connection: FakeConnection) -> None:
        self.connections.append(connection)
        self._changed.set()

    def _left(self, connection: FakeConnection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
        self._changed.set()

    def _logged_in(self, connection: FakeConnection) -> None:
        if self.booted and "system" in connection.mask:
            head = [("Event", "FullyBooted"), ("Privilege", "system,all"), *self._boot_headers()]
            connection.hear(frozenset({"system"}), "FullyBooted", encode(head))

    def _came_in(self, request: Request) -> None:
        self.received.append(request)
        self._changed.set()

    def _scripted_reply(self, request: Request) -> tuple[Answer] | None:
        name = request.name.lower()
        if name not in self._scripted:
            return None
        reply, times = self._scripted[name]
        if times is not None:
            self._scripted[name] = (reply, times - 1)
            if times <= 1:
                del self._scripted[name]
        return (reply(request) if callable(reply) else reply,)

    def _strike(self, when: str, name: str, connection: FakeConnection) -> None:
        for strike in list(self._strikes):
            at, wanted, fault, left = strike
            if (at, wanted) == (when, name.lower()):
                left[0] -= 1
                if left[0] <= 0:
                    self._strikes.remove(strike)
                fault(connection)

    def _told(self, name: str, pairs: Pairs, classes: str) -> None:
        text = encode(pairs)
        wanted = frozenset(classes.split(",")) - {"all", ""}
        for connection in self.connections:
            connection.hear(wanted, name, text)

    def _in_some_order(
        self, events: list[tuple[frozenset[str], str, bytes]]
    ) -> list[tuple[frozenset[str], str, bytes]]:
        if self._shuffle is None:
            return events
        strands: dict[bytes, list[tuple[frozenset[str], str, bytes]]] = {}
        for event in events:
            own = event[2].partition(b"\r\nUniqueid: ")[2].partition(b"\r\n")[0]
            strands.setdefault(own, []).append(event)
        mixed = []
        while strands:
            chosen = self._shuffle.choice(list(strands))
            mixed.append(strands[chosen].pop(0))
            if not strands[chosen]:
                del strands[chosen]
        return mixed


class Expectation:
    """That a client sends an action; see `FakeAsterisk.expect`.

    Attributes:
        name: the action's name.
    """

    def __init__(
        self, fake: FakeAsterisk, name: str, headers: Sequence[tuple[str, str]], times: int, timeout: float
    ) -> None:
        self.name = name
        self._fake = fake
        self._headers = headers
        self._times = times
        self._timeout = timeout
        self._met: list[Request] = []

    def __repr__(self) -> str:
        wanted = ", ".join(f"{name}: {value}" for name, value in self._headers)
        return f"<Expectation {self.name}{f' with {wanted}' if wanted else ''}>"

    def __await__(self) -> Generator[Any, None, Request]:
        return self._wait().__await__()

    async def _wait(self) -> Request:
        try:
            async with async_timeout.timeout(self._timeout):
                while not self._look():
                    await self._fake._change()
        except asyncio.TimeoutError:
            if self in self._fake._expected:
                self._fake._expected.remove(self)
            raise AssertionError(self._complaint()) from None
        return self._met[-1]

    def check(self) -> None:
        """Raise if it is not met.

        Raises:
            AssertionError: it is not.
        """
        if not self._look():
            raise AssertionError(self._complaint())

    def _look(self) -> bool:
        # Those that were made before take first what they can.
        for expected in self._fake._expected:
            for request in self._fake.received:
                if len(expected._met) < expected._times and expected._takes(request):
                    self._fake._taken.add(id(request))
                    expected._met.append(request)
        return len(self._met) >= self._times

    def _takes(self, request: Request) -> bool:
        if id(request) in self._fake._taken or request.name.lower() != self.name.lower():
            return False
        return all(value in request.getall(name) for name, value in self._headers)

    def _complaint(self) -> str:
        came = ", ".join(request.name for request in self._fake.received) or "nothing"
        how = f"{len(self._met)} of {self._times} came" if self._times > 1 else "it did not come"
        return f"{self!r}: {how}; what came: {came}"


def _name(named: Named) -> str:
    if isinstance(named, str):
        return named
    # An action has the name that it is sent by, an event class that of its event, an action of one's own its own.
    for attribute in ("wire_name", "name", "__name__"):
        name = getattr(named, attribute, None)
        if isinstance(name, str) and name:
            return name
    raise TypeError(f"a name or a class of an action or an event, not {named!r}")


def _headers(named: Named) -> list[tuple[str, str]]:
    headers = getattr(named, "headers", None)
    return list(headers) if isinstance(headers, (list, tuple)) else []


def _files(given: Mapping[str, str]) -> dict[str, ConfigFile]:
    ports = ("ami_port", "tls_port", "sip_port", "pjsip_port", "iax_port", "skinny_port", "dead_port")
    values = {"dir": "/var/lib/asterisk", "modules": "/usr/lib/asterisk/modules", "data": "/usr/share/asterisk"}
    values |= {name: str(5038 + number) for number, name in enumerate(ports)}
    texts = {name: content.decode("utf-8", "surrogateescape") for name, content in configuration(values).items()}
    return {name: ConfigFile(text) for name, text in {**texts, **given}.items()}
