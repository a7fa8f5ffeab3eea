"""A manager whose server is reached over the bus, through the server's log and its relay."""

from __future__ import annotations

import functools
import os
import ssl as tls
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from .._check import check_flag, check_path, check_seconds, check_type, check_whole_number
from .._client.base import ManagerBase
from .._client.buffers import OnLoss, Overflow, Predicate
from .._client.callbacks import Callbacks, Subscription
from .._client.observers import Observers
from .._client.options import DEFAULT, Backoff, Timeout
from .._client.outcomes import hindrance, sight
from .._client.rights import Rights
from .._client.streams import ListStream, NextEvent
from .._log import get_logger
from .._near import with_near_keywords
from .._session.dispatch import Selection, Selector
from .._session.refusals import refusal
from .._session.statistics import Statistics, Tally
from ..actions.base import Action, ResponseT_co
from ..actions.system import Command
from ..errors import ConnectionLost, ManagerError, ManagerTimeout
from ..events.base import Event
from ..metrics import Guarded, Metrics
from ..responses.base import ListReply, OutcomeReply
from ..states import ManagerState
from ..wire.limits import MAX_LIST_ITEMS
from ..wire.text import DEFAULT_ENCODING, DEFAULT_ERRORS, Encoding
from .connection import BusOptions, need_client
from .format import stream_name
from .link import RemoteLink, RemoteOptions
from .positions import Since, Start, read_since
from .streams import RemoteBuffer, RemoteListBuffer, RemoteSingleBuffer, RemoteStream

if TYPE_CHECKING:
    from .._client.like import AskingView
    from ..permissions import Permissions

__all__ = ["RemoteManager"]

log = get_logger("aioami.manager")

_BACKOFF: Final = Backoff(first=0.1, maximum=5.0)

_A = TypeVar("_A", bound=Event)
_B = TypeVar("_B", bound=Event)
_C = TypeVar("_C", bound=Event)


class RemoteManager(ManagerBase):
    r"""A client of one Asterisk server that is reached over NATS, through the relay of that server.

    It is a `ManagerLike`: each name does what `Manager` documents for it, and raises the same
    errors with the same promises. Any number of them, on any number of machines, share the relay's
    one AMI session. `aioami.connect` makes one of a `nats://` URL::

        async with connect("nats://bus.example", server="pbx1") as mgr:
            async for event in mgr.events(events.Hangup):
                print(event.channel)

    Events come out of the server's log on the bus, so a stream can begin in the past (`since`), and
    goes on where it was after any outage of the bus. Events that the log lacks are reported as
    `EventsLost`. Actions go to the leading relay, are never sent twice, and run at most once.

    Needs the extra `aioami[nats]`.

    Args:
        url: the bus, as `nats://user:password@host:4222,host2:4222` or `tls://…`. Options follow as
            query parameters: `cafile`, `certfile` and `keyfile` for TLS, `credentials`, `nkey`, and
            `timeout`, seconds for one answer of the bus itself.
        server: the name that the relay gives to the server.
        timeout: seconds to wait for an action's answer, and for the bus when connecting; also the
            seconds for which an action waits for a lost bus. `None` is no limit.
        reconnect: the waits between attempts to reach a lost bus again.
        ssl: `True` is TLS with the system's certificate authorities; an `SSLContext` is used as it
            is. A URL of `tls://` needs neither.
        credentials: a file with a user's JWT and key (`.creds`).
        nkey: a file with the seed of a user's nkey.
        max_list_items: items that one list may have. `None` lifts the limit.
        encoding: the encoding between bytes and text, for this manager alone: the log holds the
            bytes of the wire.
        errors: the replacement for bytes that are no text in this encoding; see `Manager`.
        metrics: gets the duration of each action; see `aioami.metrics`.
        read_only: `True` refuses actions that may change something on the server; see `Manager`.
            The relay may refuse more.

    Attributes:
        options: the options that were read from the arguments.

    Raises:
        ValueError: an argument cannot be right; the message names it.
        TypeError: an argument is of a wrong type; the message names it.
        ImportError: `nats-py` is not installed.
    """

    @with_near_keywords()
    def __init__(
        self,
        url: str,
        server: str,
        *,
        timeout: float | None = 5.0,
        reconnect: Backoff = _BACKOFF,
        ssl: bool | tls.SSLContext | None = None,
        credentials: str | os.PathLike[str] | None = None,
        nkey: str | os.PathLike[str] | None = None,
        max_list_items: int | None = MAX_LIST_ITEMS,
        encoding: str = DEFAULT_ENCODING,
        errors: str = DEFAULT_ERRORS,
        metrics: Metrics | None = None,
        read_only: bool = False,
    ) -> None:
        need_client()
        check_type("server", server, (str,), "text")
        check_type("reconnect", reconnect, (Backoff,), "a Backoff")
        kinds = (bool, tls.SSLContext, type(None))
        check_type("ssl", ssl, kinds, "True, False or an ssl.SSLContext")
        check_type("metrics", metrics, (Metrics, type(None)), "an object of aioami.metrics")
        check_flag("read_only", read_only)
        check_type("timeout", timeout, (int, float, type(None)), "a number of seconds or None")
        if timeout is not None and not 0 < timeout < float("inf"):
            raise ValueError(f"timeout: more than 0 seconds or None for no limit, not {timeout}")
        check_whole_number("max_list_items", max_list_items)
        if max_list_items is not None and max_list_items < 1:
            raise ValueError(
                f"max_list_items: at least 1 item or None for no limit, not {max_list_items}"
            )
        stream_name(server)  # refuses a name that no log can have
        found: dict[str, Any] = {}
        for name, value in (("credentials", credentials), ("nkey", nkey)):
            if value is not None:
                check_path(name, value)
                found[name] = os.fspath(value)
        if isinstance(ssl, tls.SSLContext):
            found["ssl"] = ssl
        elif ssl is True:
            found["is_secure"] = True
        check_type("url", url, (str,), "text")
        bus = BusOptions.from_url(url, **found)
        self.options = RemoteOptions(
            bus=bus,
            server=server,
            timeout=timeout,
            backoff=reconnect,
            encoding=Encoding(encoding, errors),
            max_list_items=max_list_items,
        )
        self._read_only = read_only
        self._tally = Tally()
        self._link: RemoteLink = RemoteLink(self.options, self._tally)
        self._callbacks = Callbacks(self._link)
        self._rights = Rights(_Conditions(read_only))
        self._view = RemoteView(self._link)
        self._metrics = None if metrics is None else Guarded(metrics)
        self._observers: Observers[Action[Any]] = Observers("actions")
        if self._metrics is not None:
            self._metrics.attached(f"{server}@{bus.display_name}", self.statistics)

    @property
    def state(self) -> ManagerState:
        """The state of the link to the server at this moment; in any thread.

        It is `READY` while the bus is there, a relay leads, and this relay has its link to
        Asterisk. The state may lag by a second.
        """
        return self._link.visible_state

    @property
    def server(self) -> str:
        """The name of the server in its `Fleet`; empty for a manager of its own.

        The fleet sets it, while there is no link.

        Raises:
            RuntimeError: from setting it while the manager is connected, or about to be.
        """
        return self._link.server

    @server.setter
    def server(self, name: str) -> None:
        if self.state is not ManagerState.CLOSED:
            raise RuntimeError(f"server: this manager is {self.state.value}, and has its name")
        self._link.name(name)

    @property
    def reason(self) -> ManagerError | None:
        """The reason why the server is not reached; `None` while it is, and after a `close()`."""
        return self._link.reason

    @property
    def read_only(self) -> bool:
        """True if actions that may change something on the server are refused here."""
        return self._read_only

    @property
    def version(self) -> str:
        """The server's AMI version, as its relay says; empty before that is known."""
        status = self._link.status
        return "" if status is None else status.version

    @property
    def encoding(self) -> str:
        """The name of the encoding in which bytes are text here, such as `utf-8`; as given."""
        return self.options.encoding.name

    @property
    def errors(self) -> str:
        """The word for the replacement of bytes that are no text in `encoding`; as given."""
        return self.options.encoding.errors

    @property
    def view(self) -> AskingView:
        """The event mask, the filters and the rights of the relay's session."""
        return self._view

    def statistics(self) -> Statistics:
        """Return the counts of all that went over the link since the manager was made.

        `events` counts the events that were read from the log here, and the items of lists. See
        `Manager.statistics`.
        """
        return self._tally.snapshot()

    # The link

    async def connect(self, *, retry: bool | None = None) -> None:
        """Connect to the bus, and return when it is reached.

        It does not wait for a relay; `wait_ready()` does. Streams that were opened before get every
        event from then on. If it fails, they go on waiting, and it may be called again. Cancelling
        it gives up the attempt.

        Args:
            retry: `True` goes on trying until the bus is there, whatever `timeout` is; left out, it
                tries for `timeout`.

        Raises:
            ConnectionLost: the bus was not reached in time.
            ManagerAuthError: the bus refused the login.
            RuntimeError: there is a link already, or one is on its way; or the manager is connected
                in another event loop, thread or process.
        """
        self._link.owner.check()
        await self._link.connect(self._callbacks.renew, retry=bool(retry))
        self._callbacks.start()

    async def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until the bus, a relay, and its link to Asterisk are there.

        It may be called before `connect()`. Cancelling it changes nothing.

        Args:
            timeout: seconds to wait; `None` is no limit.

        Raises:
            ManagerTimeout: it was not ready in time; the message says why.
            ConnectionLost: `connect()` failed, or the manager was closed.
            RuntimeError: it is connected in another event loop, thread or process.
        """
        self._link.owner.check()
        check_seconds("timeout", timeout)
        await self._link.wait_ready(timeout)

    async def wait_booted(self, timeout: float | None = None) -> None:
        """Wait until the manager is ready and Asterisk has loaded all its modules.

        Asterisk is asked by `core waitfullybooted`, for which the relay's user needs the write
        class `command`. Cancelling it gives up the question.

        Args:
            timeout: seconds to wait; `None` is no limit.

        Raises:
            ManagerTimeout: it was not booted in time.
            PermissionDenied: the relay's user has no write class `command`.
            ConnectionLost, RuntimeError: as for `wait_ready()`.
        """
        import asyncio

        import async_timeout

        self._link.owner.check()
        check_seconds("timeout", timeout)
        try:
            async with async_timeout.timeout(timeout):
                while True:
                    await self._link.wait_ready(None)
                    try:
                        await self.send(Command("core waitfullybooted"), timeout=timeout)
                        return
                    except ConnectionLost:
                        if self.state in (ManagerState.CLOSED, ManagerState.CLOSING):
                            raise
                        await asyncio.sleep(0.1)  # the link's state may lag behind
        except asyncio.TimeoutError as error:
            sentence = f"Asterisk was not fully booted within {timeout:g} seconds"
            raise ManagerTimeout(f"{sentence}: {self._link.why_not()}") from error

    async def close(self) -> None:
        """Leave the bus, and end all streams, within seconds even if the bus is silent.

        See `Manager.close`. Unlike there, the session with Asterisk goes on: it is the relay's.

        Raises:
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._link.owner.check()
        try:
            await self._callbacks.stop()
        finally:
            await self._link.close()

    # Actions

    async def send(
        self,
        action: Action[ResponseT_co],
        *,
        timeout: Timeout = DEFAULT,
        check: bool = True,
        action_id: str | None = None,
    ) -> ResponseT_co:
        """Send an action through the relay, and return its response; see `Manager.send`.

        Events that came before the answer are given to every live stream of this manager first.

        Args:
            action, timeout, check, action_id: as for `Manager.send`. An action that reaches the
                relay after its timeout is not run.

        Raises:
            ActionError: the server or the relay refused; `PermissionDenied` and `UnknownAction` are
                two kinds of it.
            PermissionDenied: also if the bus does not let this user publish the action, if the
                relay does not pass it on (as `Login`, `Logoff`, `Challenge`, `Events` and
                `Filter`), or if the manager is `read_only`. The server did not get the action then.
            ManagerTimeout: the complete answer did not come in time. The action may have run.
            ConnectionLost: no relay is there, the relay has no link, or the bus was lost meanwhile;
                `sent` is `False` if the action certainly did not reach the server.
            ValueError: a header or the `action_id` cannot be sent; the action was not sent.
            TypeError: this is no action.
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._link.owner.check()
        self._rights.admit(action)
        if timeout is not DEFAULT:
            check_seconds("timeout", timeout)
        sending = self._link.send(action, timeout=timeout, action_id=action_id)
        if self._metrics is not None:
            sending = self._metrics.measure(action.name, sending)
        try:
            response = await sending
        finally:
            if self._observers.entries:  # as a rule there are none
                self._observers.notify(action)
        if check and not response.success:
            raise refusal(response, action)
        if isinstance(response, OutcomeReply):
            view = self._view
            response.explain_outcome(lambda: hindrance(view, action), lambda: sight(view))
        return response

    @overload
    def stream(
        self, action: Action[ListReply[_A, Any]], *, timeout: Timeout = ...
    ) -> ListStream[_A]: ...
    @overload
    def stream(self, action: Action[Any], *, timeout: Timeout = ...) -> ListStream[Event]: ...
    def stream(self, action: Action[Any], *, timeout: Timeout = DEFAULT) -> ListStream[Any]:
        """Send an action that is answered with a list; return a stream of the items as they arrive.

        See `Manager.stream`. A long list comes in parts, and only some of them are requested ahead
        of the consumer.

        Raises:
            ConnectionLost, PermissionDenied, TypeError, RuntimeError: as for `Manager.stream`.
        """
        self._link.owner.check()
        self._rights.admit(action)
        if timeout is not DEFAULT:
            check_seconds("timeout", timeout)
        buffer = RemoteListBuffer(action, self._link.owner)
        stop = self._link.start_list(action, buffer, timeout)
        return ListStream(buffer, functools.partial(self._end_list, stop))

    def observe_view(self, observer: Callable[[AskingView], object]) -> Callable[[], None]:
        """Call a function with the `view` each time that it has changed.

        It changes when the relay has learned the rights of its user, and when a relay with another
        user, mask or filters takes the lead.

        Returns:
            A function that ends the calls; it may be called again.

        Raises:
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._link.owner.check()
        return self._link.view_observers.add(lambda status: observer(self._view))

    # Events

    # fmt: off
    @overload
    def events(
        self, a: type[_A], /, *,
        where: Callable[[_A], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ..., since: Since | None = ...,
    ) -> RemoteStream[_A]: ...
    @overload
    def events(
        self, a: type[_A], b: type[_B], /, *,
        where: Callable[[_A | _B], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ..., since: Since | None = ...,
    ) -> RemoteStream[_A | _B]: ...
    @overload
    def events(
        self, a: type[_A], b: type[_B], c: type[_C], /, *,
        where: Callable[[_A | _B | _C], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ..., since: Since | None = ...,
    ) -> RemoteStream[_A | _B | _C]: ...
    @overload
    def events(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ..., since: Since | None = ...,
    ) -> RemoteStream[Event]: ...
    # fmt: on
    def events(
        self,
        *selectors: Selector,
        where: Predicate | None = None,
        maxsize: int | None = 10_000,
        overflow: Overflow = "drop_oldest",
        on_loss: OnLoss = "count",
        since: Since | None = None,
    ) -> RemoteStream[Any]:
        """A stream of the events from now on, or from a place in the past.

        It may be opened before `connect()`. The bus selects events by name or class, so that others
        cost nothing here. Patterns and `where` are applied in this program.

        Args:
            selectors, where, overflow, on_loss: as for `Manager.events`.
            maxsize: events that may wait for the consumer; `None` lifts the limit. With `since` it
                is how many are read ahead, and none is dropped: the log keeps the others.
            since: the beginning. A stream's `position` begins after the last event that was given
                out there, a `timedelta` that long ago, and `"oldest"` at the first event that the
                log still has. If the log has thrown away events after the position, that is
                reported as `EventsLost` first, or counted.

        `Disconnected` and `Reconnected`, if selected, report the link between the relay and the
        server. A takeover by another relay is a gap without these two.

        Raises:
            TypeError, ValueError, RuntimeError: as for `Manager.events`; also for `since`.
        """
        owner = self._link.owner
        owner.check()
        start = read_since(since, self.options.server)
        buffer = RemoteBuffer(
            Selection(selectors),
            where,
            maxsize,
            overflow,
            on_loss,
            self._tally,
            owner,
            reads_ahead=since is not None,
        )
        self._select(selectors)
        return self._follow(buffer, start)

    def _follow(self, buffer: RemoteBuffer, start: Start) -> RemoteStream[Any]:
        feed = self._link.attach(buffer, start)
        return RemoteStream(
            buffer,
            functools.partial(self._end_stream, feed, buffer),
            before_waiting=self._warn_if_idle,
        )

    def _end_stream(self, feed: Any, buffer: RemoteBuffer) -> None:
        """End the subscription of a stream. Its stream keeps the manager alive by this method."""
        self._link.detach(feed, buffer)

    # fmt: off
    @overload
    def wait_for(
        self, a: type[_A], /, *,
        where: Callable[[_A], object] | None = ..., timeout: float | None = ...,
    ) -> NextEvent[_A]: ...
    @overload
    def wait_for(
        self, a: type[_A], b: type[_B], /, *,
        where: Callable[[_A | _B], object] | None = ..., timeout: float | None = ...,
    ) -> NextEvent[_A | _B]: ...
    @overload
    def wait_for(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., timeout: float | None = ...,
    ) -> NextEvent[Event]: ...
    # fmt: on
    def wait_for(
        self, *selectors: Selector, where: Predicate | None = None, timeout: float | None = None
    ) -> NextEvent[Any]:
        """The next event that matches, watched for from this call on; await it when you need it.

        See `Manager.wait_for`.

        Raises:
            ManagerTimeout, ConnectionLost, TypeError, RuntimeError: as for `Manager.wait_for`.
        """
        self._link.owner.check()
        check_seconds("timeout", timeout)
        buffer = RemoteSingleBuffer(Selection(selectors), where, None, owner=self._link.owner)
        self._select(selectors)
        return NextEvent(self._follow(buffer, None), timeout)

    # fmt: off
    @overload
    def on(
        self, a: type[_A], /, *,
        where: Callable[[_A], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> Subscription[_A]: ...
    @overload
    def on(
        self, a: type[_A], b: type[_B], /, *,
        where: Callable[[_A | _B], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> Subscription[_A | _B]: ...
    @overload
    def on(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> Subscription[Event]: ...
    # fmt: on
    def on(
        self,
        *selectors: Selector,
        where: Predicate | None = None,
        maxsize: int | None = 10_000,
        overflow: Overflow = "drop_oldest",
    ) -> Subscription[Any]:
        """Return a decorator that has a function called with each event from then on.

        See `Manager.on`.

        Raises:
            TypeError, ValueError, RuntimeError: as for `Manager.on`.
        """
        self._link.owner.check()
        RemoteBuffer(Selection(selectors), where, maxsize, overflow)  # refuses what is wrong
        self._select(selectors)
        open_stream = functools.partial(
            self.events, *selectors, where=where, maxsize=maxsize, overflow=overflow
        )
        return Subscription(open_stream, self._callbacks)

    def __repr__(self) -> str:
        read_only = " read-only" if self._read_only else ""
        options = self.options
        address = f"{options.server} over {options.bus.display_name}"
        return f"<RemoteManager {address} {self.state.value}{read_only}>"


class RemoteView:
    """The part of a server that its relay's session can see; see `Manager.view`."""

    __slots__ = ("_link",)

    def __init__(self, link: RemoteLink) -> None:
        self._link = link

    @property
    def mask(self) -> frozenset[str] | None:
        """The event classes that the relay asks for; `None` where unknown."""
        status = self._link.status
        return None if status is None or status.mask is None else frozenset(status.mask)

    @property
    def filters(self) -> tuple[Action[Any], ...] | None:
        """The filters that the relay has set on the server; `None` where unknown."""
        status = self._link.status
        if status is None:
            return None
        return tuple(Action("Filter", dict(each)) for each in status.filters)

    @property
    def permissions(self) -> Permissions | None:
        """The rights of the relay's user; `None` where unknown."""
        from ..permissions import Permissions

        status = self._link.status
        if status is None or status.permissions is None:
            return None
        found = {
            name: tuple(str(each) for each in status.permissions.get(name, ()))
            for name in ("read", "write", "event_filters")
        }
        return Permissions(found["read"], found["write"], found["event_filters"])

    async def ask(self) -> Permissions | None:
        """Return the rights of the relay's user, for which the relay has asked the server.

        `None` if the server does not show them.

        Raises:
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._link.owner.check()
        return self.permissions

    def __repr__(self) -> str:
        return f"<View mask={self.mask} filters={self.filters} permissions={self.permissions!r}>"


class _Conditions:
    """The options by which `Rights` admits an action."""

    def __init__(self, read_only: bool) -> None:
        self.read_only = read_only
        self.ssl = None
        self.plaintext_login = True  # the relay refuses each login
        self.event_filters = ()
