"""A fake Asterisk: a server on the loopback interface, and an exchange behind it."""

from __future__ import annotations

import asyncio
import ssl as tls
import time
from collections.abc import Callable, Iterable, Mapping
from types import EllipsisType, TracebackType
from typing import TYPE_CHECKING, Final, Union
from urllib.parse import quote

from .._check import check_flag, check_seconds, check_text, check_type, check_whole_number
from .._listening import close_server
from .._near import with_near_keywords
from ..wire.text import DEFAULT_ENCODING, DEFAULT_ERRORS
from .accounts import Account, accounts_of
from .actions import Answer, Request
from .clients import Clients
from .connection import FakeConnection, Fault
from .driver import Driver
from .exchange import Exchange
from .expectations import Expectation, Inbox
from .house import config_files
from .message import Charset, Value
from .names import Named, headers_of, name_of
from .outgoing import Outgoing
from .parts import Parts
from .ports import Port
from .script import Script
from .story import Call, Phone, incoming

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Expectation", "FakeAsterisk", "Named"]

Headers = Union[Mapping[str, Value], Iterable[tuple[str, Value]]]

_BANNERS: Final = {"13": "2.10.6", "16": "5.0.4", "22": "11.0.0"}


class FakeAsterisk:
    """A server that speaks AMI, on a free port of 127.0.0.1, for as long as an `async with` lasts.

    Example::

        async with FakeAsterisk() as fake:
            async with Manager.from_url(fake.url) as mgr:
                ...

    Behind it is a small exchange: a dialplan, channels, bridges, queues, parking lots, a database,
    files and mailboxes. Calls emit the events that Asterisk emits. The configuration (users,
    extensions, queues ...) is the same as for the private real servers, and the tests compare the
    output of both. The server shares no code with the client.

    Programs that steer calls by AGI are served too: `AGI(agi:async)` in the dialplan waits for the
    commands of a manager, and `AGI(agi://127.0.0.1:4573/menu)` connects to a FastAGI server. Each
    sound file takes a second. The `Call` of `incoming` hears it, and its `hears` waits for it.

    The server runs in real time, or in virtual time with `virtual_time`. Virtual time stands still
    until the test moves it: `await fake.advance(40)` lets forty seconds pass at once. In real time
    phones answer after 0.1 seconds and hang up 0.5 seconds later. In virtual time they ring until
    the test answers them.

    Leaving the `async with` ends the server and its exchange. If the block raised no exception,
    leaving raises `AssertionError` for an expectation that is not met, or the exception with which
    the server itself failed.

    Seconds are of the server's time, unless the text calls them real.

    Args:
        version: the Asterisk version to behave like: "13", "16" or "22".
        virtual_time: if true, only `advance` and methods that wait for a call let time pass.
        users: accounts by name, each an `Account`, or the secret of an account with all rights.
            If left out, those of manager.conf.
        files: configuration files by name, as text, in place of the built-in ones.
        ssl: a server context, for a TLS server.
        answer_seconds: seconds that phones ring until they answer; `None` is never.
        talk_seconds: seconds that phones talk until they hang up; `None` is never.
        banner: bytes to greet with, line end included, in place of the version's banner.
        slow_banner: seconds before the banner is sent.
        close_on_connect: if true, connections are closed without a banner.
        auth_limit: number of connections without a login at a time; `None` is any number.
        auth_timeout: seconds after which a connection without a login is closed; `None` is never.
        write_timeout: real seconds after which a client that reads nothing is cut off; `None` is
            never.
        refuse_login: if given, every login is refused with this message.
        login_delay: seconds before a refused login is answered; 1.0 on a real server.
        boot: if false, clients get no FullyBooted until `boot` is called.
        broken_events_action: if true, an `Events` action that turns all events on is not answered.
        chunk_size: bytes of each write; `None` writes whole messages.
        encoding, errors: as for `aioami.Manager`, for the texts that the test gives and gets. The
            server itself keeps every byte that it was sent.

    Raises:
        ValueError: the version or the encoding is unknown, or `files` has a wrong file.

    Attributes:
        missing_files: the set of sounds, and of folders for recordings, that this server does not
            have. It is empty at first, and all others exist.
        received: the actions that came, as `Request` objects, in order.
        connections: the open connections, as `FakeConnection` objects, in order.
        exchange: the exchange behind the server.
        accounts: accounts by name.
        host: the address that it listens on.
        port: the port that it listens on; 0 before the first start.
    """

    @with_near_keywords()
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
        encoding: str = DEFAULT_ENCODING,
        errors: str = DEFAULT_ERRORS,
    ) -> None:
        check_text("version", version)
        for name, value in (("users", users), ("files", files)):
            check_type(name, value, (Mapping, type(None)), "a mapping")
        check_type("ssl", ssl, (tls.SSLContext, type(None)), "an ssl.SSLContext")
        check_type("banner", banner, (bytes, type(None)), "bytes")
        check_type("refuse_login", refuse_login, (str, type(None)), "text")
        for name, flag in (
            ("virtual_time", virtual_time),
            ("close_on_connect", close_on_connect),
            ("boot", boot),
            ("broken_events_action", broken_events_action),
        ):
            check_flag(name, flag)
        for name, seconds in (
            ("answer_seconds", None if answer_seconds is ... else answer_seconds),
            ("talk_seconds", None if talk_seconds is ... else talk_seconds),
            ("slow_banner", slow_banner),
            ("auth_timeout", auth_timeout),
            ("write_timeout", write_timeout),
            ("login_delay", login_delay),
        ):
            check_seconds(name, seconds)
        check_whole_number("auth_limit", auth_limit)
        check_whole_number("chunk_size", chunk_size)
        if version not in _BANNERS:
            raise ValueError(f"version: one of {', '.join(_BANNERS)}, not {version!r}")
        if answer_seconds is ...:
            answer_seconds = None if virtual_time else 0.1
        if talk_seconds is ...:
            talk_seconds = None if virtual_time else 0.5
        self.version = version
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
        self._charset = Charset(encoding, errors)
        self._clients = Clients(self._charset)
        self._driver = Driver(virtual=virtual_time, flush=self._clients.flush)
        self._outgoing = Outgoing(self._driver)
        self._inbox = Inbox()
        self._script = Script()
        self.received = self._inbox.received
        self.connections = self._clients.connections
        self.clock = self._driver.clock
        self.exchange = Exchange(
            int(version),
            config_files(files or {}),
            self.clock,
            self._clients.emit,
            self._charset,
            connect=self._outgoing.connect,
            answer_seconds=answer_seconds,
            talk_seconds=talk_seconds,
        )
        self.missing_files = self.exchange.missing_files
        if boot:
            self.exchange.booted.set()
        self.accounts = self._accounts(users)
        self._ssl = ssl
        self._port: Port | None = None
        self._server: asyncio.Server | None = None

    def _accounts(self, users: Mapping[str, str | Account] | None) -> dict[str, Account]:
        if users is None:
            return accounts_of(self.exchange.file("manager.conf"), advanced=self.major >= 18)
        given = users.items()
        return {name: Account(user) if isinstance(user, str) else user for name, user in given}

    @property
    def virtual_time(self) -> bool:
        """True if only the test lets time pass."""
        return self._driver.virtual

    @property
    def major(self) -> int:
        """The version as a number."""
        return self.exchange.major

    @property
    def booted(self) -> bool:
        """True once all modules are loaded."""
        return self.exchange.booted.is_set

    @property
    def url(self) -> str:
        """The URL of the server and its first user, for `Manager.from_url`.

        Raises:
            ValueError: there is no user.
        """
        if not self.accounts:
            raise ValueError("users: this server has none, and so no URL with one")
        name, account = next(iter(self.accounts.items()))
        scheme = "amis" if self._ssl is not None else "ami"
        user = ":".join(
            quote(each, safe="", errors="surrogateescape") for each in (name, account.secret)
        )
        return f"{scheme}://{user}@{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"<FakeAsterisk {self.version} at {self.host}:{self.port}>"

    # Life cycle

    async def start(self) -> None:
        """Listen; after `stop` on the same port, which no other program can take meanwhile.

        Raises:
            RuntimeError: the server listens already; or the `async with` was left, which has ended
                the exchange.
            OSError: the system has no free port.
        """
        if self.clock.closed:
            raise RuntimeError("this server has ended; make another one")
        if self._server is not None:
            raise RuntimeError(f"{self!r} listens already")
        if self._port is None:
            self._port = Port(self.host)
        self._driver.start()
        if not self.virtual_time:
            self.exchange.epoch = time.time() - self.clock.now
        parts = Parts(self._driver, self._clients, self._inbox, self._script, self._charset)
        loop = asyncio.get_running_loop()
        self._clients.welcome = True
        try:
            self._server = await loop.create_server(
                lambda: FakeConnection(self, parts),
                self.host,
                self._port.number,
                ssl=self._ssl,
                reuse_address=True,
                **self._port.options,
            )
        except BaseException:
            self._clients.welcome = False
            self._driver.stop()
            raise
        self.port = self._server.sockets[0].getsockname()[1]
        self._driver.catch_up()

    async def stop(self) -> None:
        """Reset all connections and stop listening; the exchange and its calls go on.

        New connections are refused until `start`.

        Raises:
            Exception: the first one that was raised in the server itself.
        """
        if self._server is not None:
            await close_server(self._server)
            self._server = None
        self._clients.welcome = False
        self._driver.stop()
        self._clients.each(FakeConnection.reset)
        await self._clients.all_gone()
        if self.clock.failures:
            raise self.clock.failures.pop(0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.stop()
        finally:
            self.clock.close()
            await self._outgoing.all_gone()
        if error is None:
            self._inbox.check()

    # Time

    def time(self) -> float:
        """Return the server's time, real or virtual, in seconds since 1970.

        It can be the clock of a program in a test, as in `Live(mgr, clock=fake.time)`.
        """
        return self.exchange.wall_time

    async def advance(self, seconds: float) -> None:
        """Let time pass: at once with virtual time, else by sleeping.

        Everything that is due happens at its time, and clients in this event loop react to it
        before time goes on. Cancelling stops the time at the moment that it has reached.

        Args:
            seconds: seconds of the server's time.
        """
        check_type("seconds", seconds, (int, float), "a number of seconds")
        await self._driver.advance(seconds)

    async def pass_until(self, reached: Callable[[], bool], seconds: float, what: str) -> None:
        """Let time pass until a condition holds.

        Cancelling stops the time at the moment that it has reached.

        Args:
            reached: returns true once the condition holds.
            seconds: timeout in seconds of the server's time.
            what: the condition in words, for the error.

        Raises:
            AssertionError: it does not hold within the timeout.
        """
        await self._driver.pass_until(reached, seconds, what)

    # Calls

    def incoming(
        self,
        device: str,
        to: str,
        *,
        caller: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> Call:
        """Place a call from a phone or a trunk into the dialplan.

        Args:
            device: the phone or trunk that the call comes from, as `PJSIP/trunk`.
            to: its destination as `extension@context`; context `default` if left out. Context
                `queues` has an extension for each queue.
            caller: the caller ID, as `"Name" <number>`.
            variables: channel variables.

        Returns:
            The call at the caller's end.

        Raises:
            ValueError: the dialplan has no such extension, or the device has no technology.
        """
        for name, value in (("device", device), ("to", to), ("caller", caller)):
            check_text(name, value)
        check_type("variables", variables, (Mapping, type(None)), "a mapping")
        within = self._charset.within
        return incoming(
            self._driver,
            self.exchange,
            within(device),
            within(to),
            caller=within(caller),
            variables={within(name): within(value) for name, value in (variables or {}).items()},
        )

    def add_extension(self, to: str, *steps: str) -> None:
        """Add an extension to the dialplan, or replace it::

            fake.add_extension("menu", f"AGI(agi://127.0.0.1:{server.port}/menu)", "Hangup()")
            caller = fake.incoming("PJSIP/trunk", to="menu")

        Args:
            to: the extension, as of `incoming`: `extension@context`; context `default` if left out.
            steps: applications with their arguments, as in extensions.conf; the first has priority
                1.

        Raises:
            ValueError: there is no step, or one is no application with arguments.
        """
        check_text("to", to)
        for step in steps:
            check_text("steps", step)
        exten, _, context = self._charset.within(to).partition("@")
        plan = self.exchange.dialplan
        section = plan.context(context or "default")
        if not steps:
            raise ValueError("steps: at least one application")
        section.steps.pop(exten, None)
        for priority, step in enumerate(map(self._charset.within, steps), 1):
            plan.add(section, exten, priority, step)
            if priority not in section.steps.get(exten, {}):
                raise ValueError(f"steps: an application, as Wait(5), not {step!r}")

    def phone(self, device: str) -> Phone:
        """Return a phone.

        A phone that is in none of pjsip.conf, sip.conf and iax.conf exists only after this was
        called for it. Before, dialling it fails, as on a real server.

        Args:
            device: its name, as `PJSIP/alice`.

        Raises:
            ValueError: the name has no technology before a slash.
        """
        check_text("device", device)
        if not all(device.partition("/")):
            raise ValueError(f"device: a name as 'PJSIP/alice', not {device!r:.80}")
        return Phone(self._driver, self.exchange.phone(self._charset.within(device)))

    def calls(self) -> list[Call]:
        """Return a call for each present channel."""
        return [Call(self._driver, channel) for channel in self.exchange.channels.values()]

    # Scripted replies, and actions that came

    def reply_to(
        self,
        action: Named,
        reply: Answer | Callable[[Request], Answer],
        *,
        times: int | None = None,
    ) -> None:
        """Reply to an action in place of the exchange.

        Args:
            action: the action's name or class.
            reply: the headers of one message; a list of these for several messages; bytes to send
                as they are, with the ActionID in place of `{ActionID}`; or `None` for no reply. A
                function that returns one of these is called with the `Request` of each action.
            times: number of actions to reply to, after which the exchange replies again; `None` for
                all actions.

        Raises:
            TypeError: `action` names no action.
        """
        self._script.set_reply(name_of(action), reply, times)

    def expect(
        self,
        action: Named,
        *,
        times: int = 1,
        timeout: float = 5.0,
        **headers: object,
    ) -> Expectation:
        """Expect an action of a client.

        Each action that comes meets one expectation, in the order in which the expectations were
        made. Awaiting an expectation returns the request. An expectation that is not met when the
        `async with` ends fails the test.

        Args:
            action: the action's name or class, or an action whose headers must all come.
            times: number of actions that are expected.
            timeout: real seconds that awaiting takes at most.
            **headers: further headers that must come, with underscores for hyphens in the names;
                bytes are compared as they are.

        Returns:
            The expectation, which may be awaited.

        Raises:
            TypeError: `action` names no action.
        """
        check_type("times", times, (int,), "a whole number")
        check_type("timeout", timeout, (int, float), "a number of seconds")
        charset = self._charset
        every = headers_of(action, charset)
        for name, value in headers.items():
            text = value if isinstance(value, (str, bytes)) else str(value)
            every.append(
                (name.replace("_", "-"), charset.shown(charset.decode(charset.encode(text))))
            )
        name = charset.shown(charset.within(name_of(action)))
        return Expectation(self._inbox, name, every, times, timeout)

    def expect_nothing(self, action: Named) -> None:
        """Check that an action has not come.

        Args:
            action: the action's name or class.

        Raises:
            AssertionError: the action has come.
            TypeError: `action` names no action.
        """
        found = self.sent(action)
        if found:
            raise AssertionError(f"{name_of(action)} came {len(found)} times: {found}")

    def sent(self, action: Named) -> list[Request]:
        """Return all actions of a name that came.

        Args:
            action: the action's name or class.

        Raises:
            TypeError: `action` names no action.
        """
        name = name_of(action).lower()
        return [request for request in self.received if request.name.lower() == name]

    async def wait_connected(self, count: int = 1, timeout: float = 5.0) -> None:
        """Wait until clients are connected.

        Args:
            count: number of clients, at least.
            timeout: timeout in real seconds.

        Raises:
            asyncio.TimeoutError: fewer are connected after the timeout.
        """
        await self._clients.wait_for(count, timeout)

    # Events

    async def send_event(
        self,
        name: str,
        headers: Headers = (),
        *,
        privilege: str | None = None,
    ) -> None:
        """Send an event to each client whose event mask and filters let it through.

        Args:
            name: the event's name.
            headers: its headers, without `Event` and `Privilege`; bytes are sent as they are.
            privilege: its classes, as `call,all`. `None` sends it without a `Privilege` header to
                all clients that are logged in.
        """
        own = headers.items() if isinstance(headers, Mapping) else headers
        head = [("Event", name), *([("Privilege", privilege)] if privilege is not None else [])]
        self._clients.emit(name, [*head, *own], privilege or "")
        self._driver.catch_up()

    async def send_raw(self, data: bytes) -> None:
        """Send bytes to every client as they are.

        Args:
            data: the bytes.
        """
        self._each(lambda connection: connection.send(data))

    def flood(self, count: int, *, name: str = "Flood") -> None:
        """Send many events at once to every client, with a header `Number` that counts from 0.

        Args:
            count: number of events.
            name: their name.
        """
        events = ([("Event", name), ("Number", str(number))] for number in range(count))
        data = b"".join(map(self._charset.message, events))
        self._each(lambda connection: connection.send(data))

    def boot(self) -> None:
        """Finish booting: clients get FullyBooted; nothing happens if the server is booted."""
        if not self.booted:
            self.exchange.boot()
            self._driver.catch_up()

    def shut_down(self, *, restart: bool = False) -> None:
        """Emit Shutdown, and close all connections; the server goes on listening.

        Args:
            restart: if true, the event announces a restart.
        """
        headers = [("Shutdown", "Cleanly"), ("Restart", "True" if restart else "False")]
        self.exchange.emit("Shutdown", headers, classes="system")
        self._driver.catch_up()
        self.drop()

    # Faults

    def before(self, what: Named, fault: Fault, *, times: int = 1) -> None:
        """Apply a fault to a connection just before an action is answered or an event is sent.

        Args:
            what: the action or the event, by name or class.
            fault: a method of `FakeConnection` (`FakeConnection.drop` ...) or any function of one
                connection.
            times: number of actions or events that it is applied to.

        Raises:
            TypeError: `what` names no action or event.
        """
        self._script.add_fault("before", name_of(what), fault, times)

    def after(self, what: Named, fault: Fault, *, times: int = 1) -> None:
        """Apply a fault to a connection just after an action was answered or an event was sent.

        Args:
            what: the action or the event, by name or class.
            fault: a method of `FakeConnection` or any function of one connection.
            times: number of actions or events that it is applied to.

        Raises:
            TypeError: `what` names no action or event.
        """
        self._script.add_fault("after", name_of(what), fault, times)

    def drop(self) -> None:
        """Close all connections once everything is sent."""
        self._each(FakeConnection.drop)

    def reset(self) -> None:
        """End all connections with a TCP reset."""
        self._each(FakeConnection.reset)

    def half_frame(self) -> None:
        """Send half a message to all clients, and close."""
        self._each(FakeConnection.half_frame)

    def garbage(self, size: int = 1000) -> None:
        """Send random bytes to all clients, and a blank line.

        Args:
            size: number of bytes.
        """
        self._each(lambda connection: connection.garbage(size))

    def stall(self) -> None:
        """Hold back all output of the open connections; input is still read."""
        self._each(FakeConnection.stall)

    def resume(self) -> None:
        """End `stall` and `throttle`, and send the output that they hold back."""
        self._each(FakeConnection.resume)

    def throttle(self, bytes_per_second: float) -> None:
        """Limit the output of the open connections, until `resume`.

        Args:
            bytes_per_second: bytes in each second of the server's time.

        Raises:
            ValueError: `bytes_per_second` is not more than 0.
        """
        self._each(lambda connection: connection.throttle(bytes_per_second))

    def duplicate(self, event: Named, times: int = 1) -> None:
        """Send the next events of a name twice.

        Args:
            event: the event's name or class.
            times: number of events.

        Raises:
            TypeError: `event` names no event.
        """
        name = name_of(event)
        self._each(lambda connection: connection.duplicate(name, times))

    def reorder(self, seed: int = 0) -> None:
        """Send events in a random order from now on; those of one channel keep their order.

        Args:
            seed: seed of the random order.
        """
        self._clients.shuffle(seed)

    def _each(self, fault: Fault) -> None:
        self._clients.each(fault)
        self._driver.catch_up()
