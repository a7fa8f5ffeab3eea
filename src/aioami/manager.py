"""The manager: one server, the actions sent to it and the events that come from it."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import os
import ssl as tls
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar, Union, overload
from urllib.parse import parse_qsl, unquote, urlsplit

from .actions.base import Action, ResponseT_co
from .actions.system import Challenge, Login, Logoff
from .connection import Connection
from .dispatch import Dispatcher, Selection, Selector
from .errors import ActionError, ConnectionLost, ManagerAuthError, ManagerError, ManagerTimeout
from .events.base import Event
from .recording import Recorder
from .session import refusal
from .streams import Buffer, EventStream, ListBuffer, ListStream, NextEvent, Predicate, SingleBuffer
from .wire import MAX_FRAME_SIZE

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Manager", "ManagerState"]

_PORT: Final = 5038
_TLS_PORT: Final = 5039
_FAREWELL: Final = 1.0  # seconds that a server gets to answer a logoff

_A = TypeVar("_A", bound=Event)
_B = TypeVar("_B", bound=Event)
_C = TypeVar("_C", bound=Event)
_D = TypeVar("_D", bound=Event)
_E = TypeVar("_E", bound=Event)


class _Default(enum.Enum):
    """Stands for a timeout that the caller left to the action and the manager."""

    DEFAULT = enum.auto()

    def __repr__(self) -> str:
        return "<default>"


_DEFAULT: Final = _Default.DEFAULT
Timeout = Union[float, None, _Default]


class ManagerState(enum.Enum):
    """What a manager's link is at this moment."""

    CLOSED = "closed"
    """There is no link, either not yet or not any more."""
    CONNECTING = "connecting"
    """The server is being reached, or the login is on its way."""
    CONNECTED = "connected"
    """The server greeted, and nobody is logged in."""
    READY = "ready"
    """Logged in."""
    CLOSING = "closing"
    """A farewell is on its way."""
    LOST = "lost"
    """The link went away without being closed."""


class Manager:
    """A client of one Asterisk server.

    Example::

        async with Manager(host="127.0.0.1", username="admin", secret="s3cret") as mgr:
            pong = await mgr.send(core.Ping())

    Making one does nothing but to keep the configuration; `connect()`, or `async with`, connects and logs in. The
    secret itself never crosses the wire: the login answers a challenge.

    Args:
        host: name or address. Every address that a name stands for is tried.
        port: TCP port; `None` is 5038, or 5039 with TLS.
        username: the user in manager.conf. Without one no login is made: send `core.Challenge` and `core.Login`.
        secret: that user's secret.
        ssl: `True` is TLS with the system's certificate authorities and verification; an `SSLContext` is used as it is.
        server_hostname: the name that the server's certificate must bear, if it is not `host`.
        event_mask: which events the server is to send: `True` is all that the user may read, `False` none; else one
            event class as text (`"call"`), a comma-separated list of them, or an iterable of them.
        timeout: seconds for which an action's answer is waited for, and each step of connecting (name, connection
            with TLS, greeting, each message of the login). `None` is no limit.
        max_frame_size: bytes that one message of the server may have. `None` lifts the limit.
        record: a file into which all that goes over the link is written, without secrets; see
            `aioami.testing.Recording`. What was in it is lost.

    Raises:
        ValueError: an argument cannot be right; the message names it.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int | None = None,
        username: str | None = None,
        secret: str | None = None,
        *,
        ssl: bool | tls.SSLContext | None = None,
        server_hostname: str | None = None,
        event_mask: bool | str | Iterable[str] = True,
        timeout: float | None = 5.0,
        max_frame_size: int | None = MAX_FRAME_SIZE,
        record: str | os.PathLike[str] | None = None,
    ) -> None:
        if username is not None and secret is None:
            raise ValueError("secret: a username needs a secret")
        if timeout is not None and timeout <= 0:
            raise ValueError(f"timeout: more than 0 seconds or None for no limit, not {timeout}")
        if max_frame_size is not None and max_frame_size < 1:
            raise ValueError(f"max_frame_size: at least 1 byte or None for no limit, not {max_frame_size}")
        self._host = host
        self._ssl = tls.create_default_context() if ssl is True else ssl or None
        self._port = port if port is not None else _TLS_PORT if self._ssl is not None else _PORT
        if not 0 < self._port < 65536:
            raise ValueError(f"port: 1 to 65535, not {self._port}")
        self._server_hostname = server_hostname
        self._username = username
        self._secret = secret
        self._event_mask = event_mask if isinstance(event_mask, (bool, str)) else tuple(event_mask)
        self._login("", self._event_mask)  # refuses what could not be sent later
        self._timeout = timeout
        self._max_frame_size = max_frame_size
        self._recorder = None if record is None else Recorder(record)
        self._dispatcher = Dispatcher()
        self._connection: Connection | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._state = ManagerState.CLOSED
        self._reason: ManagerError | None = None
        self._banner = ""

    @classmethod
    def from_url(cls, url: str) -> Self:
        """A manager from `ami://user:secret@host:5038`, or `amis://…` for TLS.

        User and secret are percent-encoded. Options follow as query parameters: `timeout` (seconds, or `none`),
        `event_mask`, `max_frame_size` (bytes, or `none`), `server_hostname`, and `cafile`, a file with the
        certificates to trust instead of the system's.

        Raises:
            ValueError: the URL cannot be read, or has an option that does not exist; never shows the secret.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("ami", "amis") or not parts.hostname or parts.path.strip("/") or parts.fragment:
            raise ValueError("url: expected ami://user:secret@host:port or amis://user:secret@host:port")
        options: dict[str, Any] = {}
        secure: bool | tls.SSLContext = parts.scheme == "amis"
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            if name == "cafile" and secure:
                secure = tls.create_default_context(cafile=value)
            elif name in ("server_hostname", "event_mask"):
                options[name] = value
            elif name in ("timeout", "max_frame_size"):
                options[name] = None if value.lower() == "none" else _number(name, value)
            else:
                raise ValueError(f"url: {name!r} is no option of {parts.scheme}://")
        try:
            port = parts.port
        except ValueError as error:
            raise ValueError("url: the port is no number from 1 to 65535") from error
        return cls(
            parts.hostname,
            port,
            None if parts.username is None else unquote(parts.username),
            None if parts.password is None else unquote(parts.password),
            ssl=secure,
            **options,
        )

    @property
    def state(self) -> ManagerState:
        """What the link is at this moment."""
        if self._state is ManagerState.CONNECTED and self._connection and self._connection.session.logged_in:
            return ManagerState.READY
        return self._state

    @property
    def version(self) -> str:
        """The server's AMI version as it greets, for example `11.0.0` of Asterisk 22; empty before it did."""
        return self._banner.partition("/")[2].strip()

    # The link

    async def connect(self) -> None:
        """Connect, and log in if there is a username. Streams that were opened before get every event from the first.

        When it fails, those streams go on waiting, and it may be called again. Cancelling it gives up the attempt.

        Raises:
            ConnectionLost: the server was not reached, or the link was lost before the login was done.
            ManagerAuthError: the login was refused.
            ProtocolError: whoever answers there does not speak AMI.
            OSError: the file for the recording cannot be written.
            RuntimeError: there is a link already.
        """
        if self._state not in (ManagerState.CLOSED, ManagerState.LOST):
            raise RuntimeError(f"this manager is {self._state.value} already")
        self._state = ManagerState.CONNECTING
        self._reason = None
        attempt = self._attempt = asyncio.create_task(self._connect(), name=f"aioami connects to {self._host}")
        try:
            await asyncio.wait([attempt])
        finally:
            self._attempt = None
            if not attempt.done():
                attempt.cancel()
                await asyncio.wait([attempt])
        if attempt.cancelled():
            raise ConnectionLost("the manager was closed while it was connecting")
        attempt.result()

    async def _connect(self) -> None:
        connection = None
        try:
            if self._recorder is not None:
                self._recorder.start()
            connection = await Connection.open(
                self._host,
                self._port,
                ssl=self._ssl,
                server_hostname=self._server_hostname,
                timeout=self._timeout,
                dispatcher=self._dispatcher,
                max_frame_size=self._max_frame_size,
                ended=self._link_ended,
                recorder=self._recorder,
            )
            self._banner = connection.banner
            if self._username is not None:
                await self._log_in(connection)
            if connection.reason is not None:
                raise connection.reason
        except BaseException:
            if connection is not None:
                connection.close(ConnectionLost("the login was given up"))
                await connection.closed(0)
            self._state = ManagerState.CLOSED
            raise
        self._connection = connection
        self._state = ManagerState.CONNECTED

    def _login(self, challenge: str, events: bool | str | Iterable[str]) -> Login:
        return Login(self._username or "-", self._secret or "", events=events, challenge=challenge or None)

    async def _log_in(self, connection: Connection) -> None:
        try:
            question = Challenge()
            challenge = await connection.send(question, timeout=self._timeout)
            if not challenge.success:
                raise refusal(challenge, question)
            login = self._login(challenge["Challenge"], self._event_mask)
            accepted = await connection.send(login, timeout=self._timeout)
            if not accepted.success:
                raise refusal(accepted, login)
        except ManagerTimeout as error:
            raise ConnectionLost(f"the server did not answer the login within {self._timeout:g} seconds") from error
        except ConnectionLost:
            if connection.reason is None:
                raise
            raise connection.reason from connection.reason.__cause__
        except ActionError as error:
            text = error.response.message if error.response is not None else ""
            if text == "Asterisk is shutting down":
                raise ConnectionLost(f"the login was not possible: {text}") from error
            raise ManagerAuthError(f"the login was refused: {text}", response=error.response) from error

    def _link_ended(self, connection: Connection, reason: ManagerError) -> None:
        if connection is not self._connection or self._state is ManagerState.CLOSING:
            return
        self._connection = None
        if connection.session.said_goodbye:
            self._state = ManagerState.CLOSED
            self._dispatcher.finish(None)
        else:
            self._state = ManagerState.LOST
            self._reason = reason
            self._dispatcher.finish(reason)

    async def close(self) -> None:
        """Log off, close the link and end all streams. May be called again, and in every state.

        Actions that are still under way fail with `ConnectionLost`. Afterwards the same manager may `connect()`
        again. Cancelling it closes without a farewell.
        """
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.wait([self._attempt])
        connection, self._connection = self._connection, None
        self._reason = None
        if connection is None:
            if self._state is not ManagerState.CLOSING:
                self._state = ManagerState.CLOSED
                self._dispatcher.finish(None)
            return
        self._state = ManagerState.CLOSING
        try:
            if connection.session.logged_in and connection.reason is None:
                patience = _FAREWELL if self._timeout is None else min(_FAREWELL, self._timeout)
                with contextlib.suppress(ManagerError):
                    await connection.send(Logoff(), timeout=patience)
        finally:
            connection.close(ConnectionLost("the manager was closed"))
            self._state = ManagerState.CLOSED
            self._dispatcher.finish(None)
        await connection.closed(_FAREWELL)

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    # Actions

    async def send(
        self,
        action: Action[ResponseT_co],
        *,
        timeout: Timeout = _DEFAULT,
        check: bool = True,
        action_id: str | None = None,
    ) -> ResponseT_co:
        """Send an action and return its response.

        An action that is answered with a list is complete when the list is: its items are in the response's `events`,
        and go to no stream. Any number of actions may be under way at once. Cancelling it stops the waiting, not
        the action: what still comes for it is swallowed.

        Args:
            action: from `aioami.core`, or `Action(name, headers)`.
            timeout: seconds to wait for the complete answer; `None` is no limit. Left out, the action's own timeout
                applies, else the manager's.
            check: whether a refusal raises; `False` returns the response, whatever it says.
            action_id: the ActionID to send, at most 67 bytes; left out, a unique one.

        Raises:
            ActionError: the server refused; `PermissionDenied` and `UnknownAction` are two kinds of it.
            ManagerAuthError: the server refused a `core.Login`.
            ManagerTimeout: the answer was not complete in time. The action may run all the same.
            ConnectionLost: there is no link, or it ended first; its `sent` says whether the action may have run.
            ValueError: the ActionID cannot be sent, or is that of an action which is not answered yet.
            TypeError: this is no action.
        """
        connection = self._linked(action)
        response = await connection.send(action, timeout=self._patience(action, timeout), action_id=action_id)
        if check and not response.success:
            raise refusal(response, action)
        return response

    def stream(self, action: Action[Any], *, timeout: Timeout = _DEFAULT) -> ListStream[Event]:
        """Send an action that is answered with a list, and return a stream of the items as they arrive.

        Only the items that the consumer has not taken are held. The stream's `response` and `completion` are there
        as soon as they came. Leaving the stream early swallows the rest of the list.

        Args:
            action: the list action.
            timeout: seconds without any progress; left out, the action's own timeout, else the manager's.

        Raises:
            ConnectionLost: there is no link.
            TypeError: this is no action.
            ActionError, ManagerTimeout, ConnectionLost: raised by the iteration, if the list ends before its end.
        """
        connection = self._linked(action)
        buffer = ListBuffer(action)
        patience = self._patience(action, timeout)
        return ListStream(buffer, connection.start_list(action, buffer, buffer.take, patience, buffer.last_progress))

    def _linked(self, action: Action[Any]) -> Connection:
        if not isinstance(action, Action):
            raise TypeError(f"expected an action, not {action!r}")
        if self._connection is None or self._state is ManagerState.CLOSING:
            raise ConnectionLost(f"{action.name} was not sent: {self._why_unlinked()}") from self._reason
        return self._connection

    def _why_unlinked(self) -> str:
        return str(self._reason) if self._reason is not None else f"the manager is {self._state.value}"

    def _patience(self, action: Action[Any], timeout: Timeout) -> float | None:
        if not isinstance(timeout, _Default):
            return timeout
        return action.timeout if action.timeout is not None else self._timeout

    # Events

    # fmt: off
    @overload
    def events(self, a: type[_A], /, *, where: Callable[[_A], object] | None = ..., maxsize: int | None = ...) -> EventStream[_A]: ...
    @overload
    def events(self, a: type[_A], b: type[_B], /, *, where: Callable[[_A | _B], object] | None = ..., maxsize: int | None = ...) -> EventStream[_A | _B]: ...
    @overload
    def events(self, a: type[_A], b: type[_B], c: type[_C], /, *, where: Callable[[_A | _B | _C], object] | None = ..., maxsize: int | None = ...) -> EventStream[_A | _B | _C]: ...
    @overload
    def events(self, a: type[_A], b: type[_B], c: type[_C], d: type[_D], /, *, where: Callable[[_A | _B | _C | _D], object] | None = ..., maxsize: int | None = ...) -> EventStream[_A | _B | _C | _D]: ...
    @overload
    def events(self, a: type[_A], b: type[_B], c: type[_C], d: type[_D], e: type[_E], /, *, where: Callable[[_A | _B | _C | _D | _E], object] | None = ..., maxsize: int | None = ...) -> EventStream[_A | _B | _C | _D | _E]: ...
    @overload
    def events(self, *selectors: Selector, where: Callable[[Event], object] | None = ..., maxsize: int | None = ...) -> EventStream[Event]: ...
    # fmt: on
    def events(
        self, *selectors: Selector, where: Predicate | None = None, maxsize: int | None = 10_000
    ) -> EventStream[Any]:
        """A stream of the events that come from now on; it may be opened before `connect()`.

        Args:
            selectors: classes from `aioami.events`, names, or shell-style patterns (`"Queue*"`); none of them selects
                all events.
            where: is called with each selected event, and says whether it is wanted.
            maxsize: events that may wait for the consumer; then the oldest is dropped, counted and logged.
                `None` lifts the limit.

        Raises:
            TypeError: a selector is no event class and no text. An action class is refused by naming its event.
            ValueError: `maxsize` is less than 1.
        """
        buffer = Buffer(Selection(selectors), where, maxsize)
        self._subscribe(buffer)
        return EventStream(buffer, lambda: self._dispatcher.remove(buffer))

    # fmt: off
    @overload
    def wait_for(self, a: type[_A], /, *, where: Callable[[_A], object] | None = ..., timeout: float | None = ...) -> NextEvent[_A]: ...
    @overload
    def wait_for(self, a: type[_A], b: type[_B], /, *, where: Callable[[_A | _B], object] | None = ..., timeout: float | None = ...) -> NextEvent[_A | _B]: ...
    @overload
    def wait_for(self, a: type[_A], b: type[_B], c: type[_C], /, *, where: Callable[[_A | _B | _C], object] | None = ..., timeout: float | None = ...) -> NextEvent[_A | _B | _C]: ...
    @overload
    def wait_for(self, *selectors: Selector, where: Callable[[Event], object] | None = ..., timeout: float | None = ...) -> NextEvent[Event]: ...
    # fmt: on
    def wait_for(
        self, *selectors: Selector, where: Predicate | None = None, timeout: float | None = None
    ) -> NextEvent[Any]:
        """The next event that matches, watched for from this call on; await it when you need it.

        Cancelling the await loses nothing: it may be awaited again. Dropped, it is forgotten.

        Args:
            selectors, where: as for `events()`.
            timeout: seconds to wait, counted from the await; `None` is no limit.

        Raises:
            ManagerTimeout: from the await, if no event came in time.
            ConnectionLost: from the await, if the link was lost, or the manager closed, before one came.
            TypeError: a selector is no event class and no text.
        """
        buffer = SingleBuffer(Selection(selectors), where, None)
        self._subscribe(buffer)
        return NextEvent(EventStream(buffer, lambda: self._dispatcher.remove(buffer)), timeout)

    def _subscribe(self, buffer: Buffer) -> None:
        if self._state is ManagerState.LOST:
            buffer.finish(self._reason)
        else:
            self._dispatcher.add(buffer)

    def __repr__(self) -> str:
        user = f"{self._username}@" if self._username is not None else ""
        return f"<Manager {user}{self._host}:{self._port} {self.state.value}>"


def _number(name: str, value: str) -> float | int:
    try:
        return float(value) if name == "timeout" else int(value)
    except ValueError:
        raise ValueError(f"url: {name} is a number or 'none', not {value!r}") from None
