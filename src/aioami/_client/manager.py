"""The manager: one server, the actions sent to it and the events that come from it."""

from __future__ import annotations

import functools
import inspect
import os
import ssl as tls
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, overload

from .._check import check_seconds
from .._log import get_logger
from .._near import unexpected
from .._session.dispatch import Dispatcher, Selection, Selector
from .._session.refusals import refusal
from .._session.statistics import Statistics, Tally
from ..actions.base import Action, ResponseT_co
from ..actions.system import Filter
from ..errors import ManagerError
from ..events.base import Event
from ..metrics import Guarded, Metrics
from ..responses.base import ListReply, OutcomeReply
from ..states import ManagerState
from ..wire import version_of
from ..wire.limits import MAX_BYTES_BEFORE_LOGIN, MAX_FRAME_SIZE, MAX_LIST_ITEMS
from ..wire.text import DEFAULT_ENCODING, DEFAULT_ERRORS, Encoding, shown
from .base import ManagerBase
from .buffers import Buffer, ListBuffer, OnLoss, Overflow, Predicate, SingleBuffer
from .callbacks import Callbacks, Subscription
from .checks import check_types
from .link import Link
from .observers import Observers
from .options import DEFAULT, Backoff, Options, Timeout, event_filter
from .rights import Rights
from .streams import EventStream, ListStream, NextEvent

if TYPE_CHECKING:
    from typing_extensions import Self

    from .like import AskingView
    from .view import ServerView

__all__ = ["Manager", "ManagerState"]

log = get_logger("aioami.manager")

_BACKOFF: Final = Backoff()

_A = TypeVar("_A", bound=Event)
_B = TypeVar("_B", bound=Event)
_C = TypeVar("_C", bound=Event)
_D = TypeVar("_D", bound=Event)
_E = TypeVar("_E", bound=Event)


class Manager(ManagerBase):
    r"""A client of one Asterisk server.

    Example::

        async with Manager(host="127.0.0.1", username="admin", secret="s3cret") as mgr:
            pong = await mgr.send(core.Ping())

    The constructor only keeps the configuration; `connect()`, or `async with`, connects and logs
    in. The secret itself never crosses the wire: the login answers a challenge. A link that is lost
    later is established again, with the same events; `docs/explanation/link.md` explains the effect
    on actions and streams. When the last reference to a manager and its streams is dropped without
    `close()`, the link ends, with a `ResourceWarning`.

    Args:
        host: the server's name or address. All addresses of a name are tried.
        port: the TCP port; `None` is 5038, or 5039 with TLS.
        username: the user in manager.conf. Without one the manager does not log in: send
            `core.Challenge` and `core.Login` yourself. Then a lost link is final, because the
            manager could not log in again.
        secret: that user's secret.
        ssl: `True` is TLS with the system's certificate authorities and verification; an
            `SSLContext` is used as it is, with its client certificate if it has one.
        server_hostname: the name that the server's certificate must have, if it is not `host`.
        event_mask: the events that the server sends: `True` for all that the user may read, `False`
            for none; else one event class as text (`"call"`), a comma-separated list of them, or an
            iterable of them. After a reconnect the last `core.Events` sent counts instead.
        event_filters: filters that the server applies before it sends an event, added after each
            login. Each is a regular expression as in manager.conf's `eventfilter = ...`, excluding
            if it begins with `!`; or, from Asterisk 18.26, 20.11, 21.6 and 22.1, the criteria from
            the parentheses of `eventfilter(...) = ...`, with `=` and the pattern
            (`"name(Hangup),header(Cause),method(exact)=16"`) or in a pair with it. They need the
            write class `system`.
        timeout: seconds to wait for an action's answer, and for each step of connecting (name,
            connection with TLS, greeting, each message of the login). An action waits as long for a
            lost link. `None` is no limit.
        reconnect: whether to establish a lost link again; a `Backoff` sets the waits. `False` makes
            the loss final.
        retry_connect: whether the first `connect()` keeps trying, with the same waits, until the
            server is there.
        keepalive: seconds of silence after which a Ping asks the server for a sign of life. If
            nothing at all comes within `timeout` (without one: within `keepalive`), the link is
            lost. Once an action was given up, events do not count: an answer must come. `None`
            sends no Pings.
        plaintext_login: whether the secret itself may be sent over a link without TLS: by
            `core.Login` without a challenge, and by the manager's own login to a server that
            refuses to give a challenge.
        max_frame_size: the most bytes in one message of the server. `None` lifts the limit.
        max_list_items: the most items in one list. `None` lifts the limit.
        max_bytes_before_login: the most bytes before a login is answered. `None` lifts the limit.
        encoding: the encoding of all text, in both directions; `"latin-1"` suits old gateways. Each
            ASCII character must be its own single byte in it.
        errors: the replacement for bytes that are no text in the encoding: `"backslashreplace"`
            (`\xfc`), `"replace"` (U+FFFD), or `"surrogateescape"`, a lone surrogate. The last is
            sent back as the same byte, but cannot be printed or stored. `message.getbytes` returns
            the original bytes.
        record: a file to which all traffic of the link is written, without secrets; see
            `aioami.testing.Recording`. Earlier content of the file is lost.
        metrics: gets the duration of each action, and the changes of the link; see
            `aioami.metrics`.
        read_only: whether to send only actions that change nothing on the server, for a look around
            on a live one. All others raise `PermissionDenied` before a byte leaves: those whose
            class is not `reads_only`, those that the catalogue does not know, commands that do more
            than show something, and functions that may have an effect.

    Raises:
        ValueError: an argument cannot be right, or cannot be written in the encoding; the message
            names it.
        TypeError: an argument is of a wrong type; the message names it.
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
        event_filters: Iterable[str | tuple[str, str] | Filter] = (),
        timeout: float | None = 5.0,
        reconnect: bool | Backoff = True,
        retry_connect: bool = False,
        keepalive: float | None = 20.0,
        plaintext_login: bool = False,
        max_frame_size: int | None = MAX_FRAME_SIZE,
        max_list_items: int | None = MAX_LIST_ITEMS,
        max_bytes_before_login: int | None = MAX_BYTES_BEFORE_LOGIN,
        encoding: str = DEFAULT_ENCODING,
        errors: str = DEFAULT_ERRORS,
        record: str | os.PathLike[str] | None = None,
        metrics: Metrics | None = None,
        read_only: bool = False,
        **unknown: NoReturn,
    ) -> None:
        for name in unknown:
            raise unexpected("Manager", name, inspect.signature(Manager).parameters)
        check_types(
            host=host,
            port=port,
            username=username,
            secret=secret,
            ssl=ssl,
            server_hostname=server_hostname,
            event_mask=event_mask,
            event_filters=event_filters,
            timeout=timeout,
            reconnect=reconnect,
            retry_connect=retry_connect,
            keepalive=keepalive,
            plaintext_login=plaintext_login,
            max_frame_size=max_frame_size,
            max_list_items=max_list_items,
            max_bytes_before_login=max_bytes_before_login,
            record=record,
            metrics=metrics,
            read_only=read_only,
        )
        from .. import url  # here, so that importing the library is quick

        context = tls.create_default_context() if ssl is True else ssl or None
        default_backoff = _BACKOFF if reconnect else None
        self._options = Options(
            host=host,
            port=port if port is not None else url.TLS_PORT if context is not None else url.PORT,
            username=username,
            secret=secret,
            ssl=context,
            server_hostname=server_hostname,
            event_mask=event_mask if isinstance(event_mask, (bool, str)) else tuple(event_mask),
            event_filters=tuple(event_filter(each) for each in event_filters),
            timeout=timeout,
            backoff=reconnect if isinstance(reconnect, Backoff) else default_backoff,
            retry_connect=retry_connect,
            read_only=read_only,
            keepalive=keepalive,
            plaintext_login=plaintext_login,
            max_frame_size=max_frame_size,
            max_list_items=max_list_items,
            max_bytes_before_login=max_bytes_before_login,
            encoding=Encoding(encoding, errors),
        )
        recorder = None
        if record is not None:
            from ..wire.recordings import Recorder

            recorder = Recorder(record, self._options.encoding, filter(None, [secret]))
        self._rights = Rights(self._options)
        self._dispatcher = Dispatcher()
        self._tally = Tally()
        guarded = None if metrics is None else Guarded(metrics)
        self._link: Link = Link(
            self._options,
            dispatcher=self._dispatcher,
            tally=self._tally,
            recorder=recorder,
            metrics=guarded,
        )
        self._callbacks = Callbacks(self._link)
        self._view: ServerView | None = None
        self._observers: Observers[Action[Any]] = Observers("actions")
        if guarded is not None:
            guarded.attached(self._options.address, self.statistics)

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Make a manager from `ami://user:secret@host:5038`, or `amis://…` for TLS.

        User and secret are percent-encoded. Options follow as query parameters: `timeout` and
        `keepalive` (seconds, or `none`), `event_mask`, `event_filter` (once for each filter),
        `reconnect`, `retry_connect`, `plaintext_login` and `read_only` (`yes` or `no`),
        `max_frame_size` and `max_bytes_before_login` (bytes, or `none`), `max_list_items` (items,
        or `none`), `encoding`, `errors`, `server_hostname`, and `cafile`, a file with the
        certificates to trust instead of the system's.

        Args:
            url: the server, the user and options.
            options: further arguments of the constructor (`ssl`, `record`, `metrics`, a `Backoff`
                ...), which override the URL.

        Raises:
            ValueError: the URL is malformed, or has an unknown or wrong option. The message never
                shows the secret.
            OSError: `cafile` cannot be read, or has no certificates.
            TypeError: the constructor takes no such option.
        """
        from ..url import read_url

        parts = read_url(url)
        if parts.is_secure and not options.get("ssl", True):
            raise ValueError("ssl: amis:// is TLS, and cannot be without")
        return cls(**{**parts.arguments(), **options})

    @property
    def state(self) -> ManagerState:
        """The current state of the link; readable in any thread.

        After the event loop was closed, and in a forked process, there is no link: the state is
        `CLOSED`.
        """
        return self._link.visible_state

    @property
    def read_only(self) -> bool:
        """True if this manager refuses actions that may change something on the server."""
        return self._options.read_only

    @property
    def version(self) -> str:
        """The server's AMI version, such as `11.0.0` of Asterisk 22; empty before its greeting.

        For a fork of Asterisk, or a proxy, it is the version that this counts itself.
        """
        return version_of(self._link.banner)

    @property
    def encoding(self) -> str:
        """The name of the encoding of all text, such as `utf-8`, as it was given."""
        return self._options.encoding.name

    @property
    def errors(self) -> str:
        """The treatment of bytes that are no text in `encoding`, as it was given."""
        return self._options.encoding.errors

    @property
    def server(self) -> str:
        """The name of the server in its `Fleet`; empty for a manager outside a fleet.

        The fleet sets it while there is no link. From then on every event and every `EventsLost`
        has it.

        Raises:
            RuntimeError: from setting it while the manager is connected or connecting.
        """
        return self._dispatcher.server

    @server.setter
    def server(self, name: str) -> None:
        if self.state is not ManagerState.CLOSED:
            raise RuntimeError(f"server: this manager is {self.state.value}, and has its name")
        self._dispatcher.server = self._link.owner.server = name
        self._link.name_recording(name)

    @property
    def reason(self) -> ManagerError | None:
        """The error that ended the link, or with which the last attempt failed; else `None`.

        It stays until the link is established again, or until the next `connect()` or `close()`.
        """
        return self._link.reason

    @property
    def view(self) -> AskingView:
        """The event mask, the filters and the rights, which decide what this manager can see.

        `await mgr.view.ask()` asks the server for the rights, and returns them; `None` if the
        server does not show them to this user.
        """
        if self._view is None:  # a quiet connection does without it
            from .view import ServerView

            self._view = ServerView(self._options, self._link)
        return self._view

    def statistics(self) -> Statistics:
        """Return the counts of the link's traffic since the manager was made.

        `later - earlier` gives the counts and rates between two results. It may be called in any
        thread; outside of the event loop's thread, two numbers may be of slightly different
        moments.
        """
        return self._tally.snapshot()

    # The link

    async def connect(self, *, retry: bool | None = None) -> None:
        """Connect, and log in if there is a username.

        Streams and callbacks that exist already get every event from the first one on.

        With `retry_connect` it keeps trying until the server is there, the login is refused for
        good, or the manager is closed. After a failure those streams keep waiting, and it may be
        called again. Cancelling it gives up the attempt.

        Args:
            retry: `retry_connect` for this call only; left out, the manager's option counts.

        Raises:
            ConnectionLost: the server was not reached, or the link was lost before the login was
                done.
            ManagerAuthError: the login was refused.
            ActionError: the server refused one of the `event_filters`.
            ProtocolError: the server at this address does not speak AMI.
            OSError: the file for the recording cannot be written.
            RuntimeError: there is a link already, or it is being established; or the manager is
                connected in another event loop, thread or process.
        """
        self._link.owner.check()
        retry = self._options.retry_connect if retry is None else retry
        await self._link.connect(self._callbacks.renew, retry=retry)
        self._callbacks.start()

    async def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until the manager is logged in.

        It returns at once if it is logged in now, else after the first connect or the next
        reconnect. It may be called before `connect()`. Cancelling it changes nothing.

        Args:
            timeout: seconds to wait; `None` is no limit.

        Raises:
            ManagerTimeout: it was not ready in time; the message says why.
            ConnectionLost: `connect()` failed, the manager was closed, or the link is lost for
                good.
            ManagerAuthError, ProtocolError, ActionError: the link is lost for good for one of these
                reasons.
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._link.owner.check()
        check_seconds("timeout", timeout)
        await self._link.wait_ready(timeout)

    async def wait_booted(self, timeout: float | None = None) -> None:
        """Wait until the manager is logged in and Asterisk has loaded all its modules.

        Before that, many actions fail or wait.

        Asterisk reports it with the event `FullyBooted`, to users who may read the class `system`
        and whose mask includes it. If the event has not come, the manager sends the command
        `core waitfullybooted`. The command needs the write class `command`, and delays all other
        actions until it is answered. If the link is lost meanwhile, the wait continues on the next
        one. After a cancelled wait, the command may go on delaying actions until the server has
        booted.

        Args:
            timeout: seconds to wait; `None` is no limit.

        Raises:
            ManagerTimeout: Asterisk was not booted in time, or the user has neither right.
            PermissionDenied: the user may not send the command, and the event will not come: events
                of the class `system` are off, or the login was made without events, because there
                are filters or `core.Events` was sent.
            ConnectionLost, ManagerAuthError, ProtocolError, ActionError, RuntimeError: as for
                `wait_ready()`.
        """
        self._link.owner.check()
        check_seconds("timeout", timeout)
        self._rights.note_selectors(("FullyBooted",))
        await self._link.wait_booted(timeout)

    async def close(self) -> None:
        """Log off, close the link and end all streams.

        May be called again, and in every state; attempts to connect end too.

        Callbacks end first: a running one is cancelled and awaited, and events not yet handed over
        are discarded. A callback that calls `close()` itself is not cancelled. Then actions that
        are still under way fail with `ConnectionLost`. Afterwards the same manager may `connect()`
        again. Cancelling `close()` ends the wait for callbacks, or closes without a Logoff. If the
        event loop that connected was closed, it does nothing.

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
        """Send an action and return its response.

        A list action is complete when its list is: the items are in the response's `events`, and go
        to no stream. Any number of actions may be under way at once. Cancelling it stops the wait,
        not the action; a late answer is discarded.

        Args:
            action: from `aioami.core`, or `Action(name, headers)`.
            timeout: seconds to wait for the complete answer; `None` is no limit. Left out, the
                action's own timeout applies, else the manager's.
            check: whether to raise a refusal; `False` returns the response in any case.
            action_id: the ActionID to send, at most 67 bytes; left out, a unique one.

        While the link is being established, an action first waits for it. The caller's `timeout`
        counts for both waits together; without one, the manager's timeout counts for the link. An
        action is never sent twice.

        Raises:
            ActionError: the server refused; `PermissionDenied` and `UnknownAction` are two kinds of
                it.
            PermissionDenied: also, without a response and whatever `check` says, if the manager is
                `read_only`.
            ManagerAuthError: the server refused a `core.Login`.
            ManagerTimeout: the answer was not complete in time. The action may still run.
            ConnectionLost: there is no link, or it ended first; `sent` is true if the action may
                have run.
            ValueError: the ActionID cannot be sent, or belongs to an action that is not answered
                yet; or this is a login, and others could read its secret (see `plaintext_login`).
            TypeError: this is no action.
            RuntimeError: the manager is connected in another event loop, thread or process; nothing
                was sent.
        """
        self._link.owner.check()
        self._rights.admit(action)
        if timeout is not DEFAULT:
            check_seconds("timeout", timeout)
        try:
            response = await self._link.send(action, timeout=timeout, action_id=action_id)
        finally:
            if self._observers.entries:  # there are rarely any
                self._observers.notify(action)
        if check and not response.success:
            raise refusal(response, action)
        if isinstance(response, OutcomeReply):
            from .outcomes import hindrance, sight

            view = self.view
            response.explain_outcome(lambda: hindrance(view, action), lambda: sight(view))
        return response

    @overload
    def stream(
        self,
        action: Action[ListReply[_A, Any]],
        *,
        timeout: Timeout = ...,
    ) -> ListStream[_A]: ...
    @overload
    def stream(self, action: Action[Any], *, timeout: Timeout = ...) -> ListStream[Event]: ...
    def stream(self, action: Action[Any], *, timeout: Timeout = DEFAULT) -> ListStream[Any]:
        """Send a list action, and return a stream of the items as they arrive.

        Only items that the consumer has not taken are kept in memory. `response` and `completion`
        of the stream are set as soon as they come. Leaving the stream early discards the rest of
        the list. While the link is being established, the action waits for it, as in `send()`.

        Args:
            action: the list action.
            timeout: the longest time without progress, in seconds; left out, the action's own
                timeout, else the manager's.

        Raises:
            ConnectionLost: there is no link, and none is being established.
            PermissionDenied: the manager is `read_only`, and the action may change something.
            TypeError: this is no action.
            ActionError, ManagerTimeout, ConnectionLost: from the iteration: the list is incomplete.
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._link.owner.check()
        self._rights.admit(action)
        if timeout is not DEFAULT:
            check_seconds("timeout", timeout)
        buffer = ListBuffer(action, self._link.owner)
        stop = self._link.start_list(action, buffer, timeout)
        return ListStream(buffer, functools.partial(self._end_list, stop))

    # Events

    # fmt: off
    @overload
    def events(
        self, a: type[_A], /, *,
        where: Callable[[_A], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> EventStream[_A]: ...
    @overload
    def events(
        self, a: type[_A], b: type[_B], /, *,
        where: Callable[[_A | _B], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> EventStream[_A | _B]: ...
    @overload
    def events(
        self, a: type[_A], b: type[_B], c: type[_C], /, *,
        where: Callable[[_A | _B | _C], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> EventStream[_A | _B | _C]: ...
    @overload
    def events(
        self, a: type[_A], b: type[_B], c: type[_C], d: type[_D], /, *,
        where: Callable[[_A | _B | _C | _D], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> EventStream[_A | _B | _C | _D]: ...
    @overload
    def events(
        self, a: type[_A], b: type[_B], c: type[_C], d: type[_D], e: type[_E], /, *,
        where: Callable[[_A | _B | _C | _D | _E], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> EventStream[_A | _B | _C | _D | _E]: ...
    @overload
    def events(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> EventStream[Event]: ...
    # fmt: on
    def events(
        self,
        *selectors: Selector,
        where: Predicate | None = None,
        maxsize: int | None = 10_000,
        overflow: Overflow = "drop_oldest",
        on_loss: OnLoss = "count",
    ) -> EventStream[Any]:
        """Return a stream of the events from now on; it may be opened before `connect()`.

        Args:
            selectors: classes from `aioami.events`, names, or shell-style patterns (`"Queue*"`);
                without selectors, all events.
            where: is called with each selected event, and returns true if it is wanted.
            maxsize: events that may wait for the consumer; `None` lifts the limit.
            overflow: the event that a full stream drops: `"drop_oldest"` the one that has waited
                longest, `"drop_newest"` the new one.
            on_loss: the report of events that are missing because the stream was full or the link
                was down: `"count"` counts (`dropped`, `gaps`) and logs them; `"raise"` raises
                `EventsLost` in their place, and the iteration can go on.

        The library's own events, `Disconnected` and `Reconnected`, come too if they are selected. A
        name that can never match an event gives the warning `UnknownEventName`. A stream that waits
        while there is no link and none is being established gives a warning in the log.

        Raises:
            TypeError: a selector is no event class and no text, or `where` is no plain function. If
                the selector is an action class, the message names its event.
            ValueError: `maxsize` is less than 1, or `overflow` or `on_loss` is another word.
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        owner = self._link.owner
        owner.check()
        buffer = Buffer(Selection(selectors), where, maxsize, overflow, on_loss, self._tally, owner)
        self._select(selectors)
        return self._subscribe(buffer)

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
        self, a: type[_A], b: type[_B], c: type[_C], /, *,
        where: Callable[[_A | _B | _C], object] | None = ..., timeout: float | None = ...,
    ) -> NextEvent[_A | _B | _C]: ...
    @overload
    def wait_for(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., timeout: float | None = ...,
    ) -> NextEvent[Event]: ...
    # fmt: on
    def wait_for(
        self, *selectors: Selector, where: Predicate | None = None, timeout: float | None = None
    ) -> NextEvent[Any]:
        """Return an awaitable for the next event that matches, watched for from this call on.

        After a cancelled await it may be awaited again, and no event is lost. Dropping it ends the
        watch.

        Args:
            selectors, where: as for `events()`.
            timeout: seconds to wait, counted from the await; `None` is no limit.

        Raises:
            ManagerTimeout: from the await, if no event came in time.
            ConnectionLost: from the await, if the link is lost for good, or the manager is closed,
                before an event comes.
            TypeError: a selector is no event class and no text.
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._link.owner.check()
        check_seconds("timeout", timeout)
        buffer = SingleBuffer(Selection(selectors), where, None, owner=self._link.owner)
        self._select(selectors)
        return NextEvent(self._subscribe(buffer), timeout)

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
        self, a: type[_A], b: type[_B], c: type[_C], /, *,
        where: Callable[[_A | _B | _C], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> Subscription[_A | _B | _C]: ...
    @overload
    def on(
        self, a: type[_A], b: type[_B], c: type[_C], d: type[_D], /, *,
        where: Callable[[_A | _B | _C | _D], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> Subscription[_A | _B | _C | _D]: ...
    @overload
    def on(
        self, a: type[_A], b: type[_B], c: type[_C], d: type[_D], e: type[_E], /, *,
        where: Callable[[_A | _B | _C | _D | _E], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> Subscription[_A | _B | _C | _D | _E]: ...
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
        """Return a decorator that subscribes a function to the events.

        The function is plain or `async`. It may be subscribed before `connect()`.

        Example::

            @mgr.on(events.Hangup)
            async def gone(event: events.Hangup) -> None:
                print(event.channel, event.cause_txt)

        The decorator returns the function unchanged. The function is called with one event after
        the other, in the server's order, in a separate task of the event loop: never in a thread,
        and never twice at once. An exception of it is logged under `aioami.callbacks`, and the next
        event follows. The callbacks of two subscriptions are in no particular order.

        A subscription continues over reconnects until its `close()`. The manager's `close()` pauses
        it until a later `connect()`. When the link is lost for good, this is logged as an error,
        and `Subscription.wait_closed()` raises it.

        Args:
            selectors, where, maxsize, overflow: as for `events()`. Events that are lost because the
                callback is too slow are logged, and counted in `statistics()`.

        Returns:
            The subscription, to be called with the function.

        Raises:
            TypeError, ValueError, RuntimeError: as for `events()`; `TypeError` also for `@mgr.on`
                without parentheses.
        """
        self._link.owner.check()
        Buffer(Selection(selectors), where, maxsize, overflow)  # refuses wrong arguments at once
        self._select(selectors)
        open_stream = functools.partial(
            self.events,
            *selectors,
            where=where,
            maxsize=maxsize,
            overflow=overflow,
        )
        return Subscription(open_stream, self._callbacks)

    def _subscribe(self, buffer: Buffer) -> EventStream[Any]:
        if self._link.state is ManagerState.LOST:
            buffer.finish(self._link.reason)
        else:
            self._dispatcher.add(buffer)
        return EventStream(
            buffer, lambda: self._dispatcher.remove(buffer), before_waiting=self._warn_if_idle
        )

    def __repr__(self) -> str:
        name = self._options.username
        user = "" if name is None else f"{shown(name)}@"
        read_only = " read-only" if self._options.read_only else ""
        return f"<Manager {user}{self._options.address} {self.state.value}{read_only}>"
