"""The link to a server: made, lost, and established again over one connection after another."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Final

import async_timeout

from .._log import get_logger
from .._session.dispatch import Dispatcher, Selection, Subscriber
from .._session.refusals import is_final, refusal
from .._session.statistics import Tally
from .._signals import Signal
from ..actions.base import Action, ResponseT_co, value_of
from ..actions.system import Command, Logoff, Ping, event_mask
from ..errors import (
    ConnectionLost,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    because,
)
from ..events.base import Event, load
from ..events.link import Disconnected, Reconnected
from ..events.system import FullyBooted, Shutdown
from ..metrics import Guarded
from ..states import ManagerState
from .connection import Connection
from .link_base import LinkBase
from .login import log_in
from .options import Backoff, Default, Options, Timeout

if TYPE_CHECKING:
    from ..wire.recordings import Recorder
    from .buffers import ListBuffer

__all__ = ["Link"]

_KEPT: Final = frozenset({"events", "filter"})  # actions that a reconnect sends again
_FAREWELL: Final = 1.0  # seconds in which a server may answer a Logoff

log = get_logger("aioami.link")


class Link(LinkBase):
    """Owns the current connection and its state, and reconnects.

    Args:
        options: the server's address, and the limits.
        dispatcher: delivers the events.
        tally: counts messages and bytes.
        recorder: writes all messages into a file; `None` for no recording.
        metrics: gets durations and changes of state; `None` if no metrics are kept.

    Attributes:
        connection: the connection that carries the actions; `None` while there is none.
        banner: the last greeting of the server.
    """

    def __init__(
        self,
        options: Options,
        *,
        dispatcher: Dispatcher,
        tally: Tally,
        recorder: Recorder | None,
        metrics: Guarded | None,
    ) -> None:
        super().__init__()
        self._options = options
        self._dispatcher = dispatcher
        self._tally = tally
        self._recorder = recorder
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None
        self._life = object()  # a new one for each connect, to recognise tasks of an earlier one
        # Callers with an action to send are woken before those that only wait for the state, which
        # may then send actions too.
        self._changed_for_senders = Signal()
        self._delays: Iterator[float] | None = None
        self._established_at = 0.0
        self._lost_at = 0.0
        self._booted = False
        self._logged_in_quietly = False
        # The last Events action that was sent and not refused, and the last one that the server
        # accepted or may have accepted.
        self._mask: Action[Any] | None = None
        self._accepted_mask: Action[Any] | None = None
        # The Filter actions of the user that the server accepted, in their order.
        self._filters: list[Action[Any]] = []
        self._server_events = _ServerEvents(self._server_event)
        self.connection: Connection | None = None
        self.banner = ""

    def name_recording(self, server: str) -> None:
        """Write the server's name in its fleet into the recording, if there is one."""
        if self._recorder is not None:
            self._recorder.server = server

    # Establishing it

    async def connect(self, begun: Callable[[], None], *, retry: bool) -> None:
        """See `Manager.connect`.

        Args:
            begun: is called when connecting begins, before any event can come.
            retry: whether to try again after a failed attempt.
        """
        if self.state not in (ManagerState.CLOSED, ManagerState.LOST):
            raise RuntimeError(f"this manager is {self.state.value} already")
        if self._recorder is not None:
            self._recorder.start()
        self.owner.take()
        life = self._life = object()
        self.reason = None
        self._was_connected = True
        self._mask = self._accepted_mask = None
        self._filters = []
        self._delays = None
        load()  # now, and not when the first event comes
        self._dispatcher.add(self._server_events)
        self._enter(ManagerState.CONNECTING)
        begun()
        name = f"aioami connects to {self._display_name}"
        task = self._task = asyncio.create_task(self._connect(retry), name=name)
        # Connecting runs in a separate task. `close()` can end it, and a cancelled caller does not
        # interrupt it halfway.
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            try:
                await self._cancel_attempt(task)
            finally:
                self._give_up(task, life)
            raise
        if task.cancelled():
            raise ConnectionLost("the manager was closed while it was connecting")
        task.result()

    def _give_up(self, task: asyncio.Task[None], life: object) -> None:
        """Undo a connect whose caller was cancelled; it may have succeeded at the last moment."""
        if task.done() and not task.cancelled():
            task.exception()  # so that asyncio does not report it as never retrieved
        if self._life is not life:  # meanwhile it was closed and connected again
            return
        reason = ConnectionLost("connecting was given up")
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close(reason)
        self.reason = reason
        self._enter(ManagerState.CLOSED)
        self.owner.release()

    async def _connect(self, retry: bool) -> None:
        life = self._life
        try:
            # Wait a turn, so that `_task` is set before an eager task can fail.
            await asyncio.sleep(0)
            if retry:
                connection, attempts = await self._attempt_until_it_stands(at_once=True)
                if attempts > 1:
                    log.info("%s was reached, by attempt %d", self._display_name, attempts)
            else:
                connection = await self._open()
        except BaseException as error:
            # Else close() ended the task, or its loop was closed, which see to the rest.
            if self._task is not None and self._life is life:
                self._task = None
                self.reason = _reason("connecting was given up", error)
                self._enter(ManagerState.CLOSED)
                self.owner.release()
            raise
        self._task = None
        self._establish(connection)
        connection.session.open_gate()

    async def _reconnect(self) -> None:
        life = self._life
        try:
            connection, attempts = await self._attempt_until_it_stands(at_once=False)
        except BaseException as error:
            # Else close() ended the task, or its loop was closed, which see to the rest.
            if self._task is not None and self._life is life:
                if isinstance(error, (KeyboardInterrupt, SystemExit)):
                    # The event loop may go on afterwards, as IPython's does, and the link with it.
                    self._begin_to_reconnect()
                else:
                    self._task = None
                    self._fail(_reason("the link could not be established again", error))
            if isinstance(error, Exception):
                return
            raise
        self._task = None
        gap = time.monotonic() - self._lost_at
        self._tally.reconnects += 1
        self._tally.gap_seconds += gap
        self._establish(connection)
        # In this order: streams learn of the gap, then of its end, then get the first new event.
        log.info("the link to %s stands again, after %.1f seconds", self._display_name, gap)
        try:
            self._dispatcher.miss(gap)
            self._dispatcher.emit(Reconnected.after(gap, attempts))
            if self._metrics is not None:
                self._metrics.reconnected(gap)
        finally:
            connection.session.open_gate()

    async def _attempt_until_it_stands(self, *, at_once: bool) -> tuple[Connection, int]:
        """Try until the link is established; return the connection and the number of attempts.

        Raises:
            ManagerError: another attempt would fail too; see `is_final`.
        """
        attempts = 0
        surprised = False
        while True:
            # The waits keep growing over short-lived links, in case a server accepts each login and
            # then ends the link at once. After a link that lasted, `_lose` resets them.
            if attempts or not at_once:
                if self._delays is None:
                    self._delays = (self._options.backoff or Backoff()).delays()
                await asyncio.sleep(next(self._delays))
            attempts += 1
            try:
                return await self._open(), attempts
            except Exception as error:
                if is_final(error):  # repeated logins with a wrong secret lock the user out
                    raise
                # Memory, threads or sockets of this machine may be short for a moment.
                unforeseen = not isinstance(error, ManagerError)
                loud = (at_once and attempts == 1) or (unforeseen and not surprised)
                surprised = surprised or unforeseen
                self.reason = _reason("the attempt to connect failed", error)
                log.log(
                    logging.WARNING if loud else logging.DEBUG,
                    "%s was not reached, and is tried again: %s",
                    self._display_name,
                    self.reason,
                    exc_info=unforeseen,
                )

    async def _open(self) -> Connection:
        if self._recorder is not None:
            try:
                self._recorder.start()
            except OSError as error:  # the link matters more than its recording
                log.error("the recording ends here, it cannot be written: %s", error)
                self._recorder = None
        connection = await Connection.open(
            self._options,
            dispatcher=self._dispatcher,
            tally=self._tally,
            ended=self._ended,
            logged_in=self._logged_in,
            recorder=self._recorder,
            is_one_of_many=bool(self.owner.server),
        )
        self.banner = connection.banner
        try:
            if self._options.username is not None:
                filters = [*self._options.event_filters, *self._filters]
                self._logged_in_quietly = bool(filters) or self._mask is not None
                await log_in(connection, self._options, filters, self._mask)
            if connection.reason is not None:  # it ended after the answer to the login
                raise connection.reason
        except BaseException:
            connection.close(ConnectionLost("the login was given up"))
            await connection.closed(0)
            raise
        return connection

    def _establish(self, connection: Connection) -> None:
        self.connection = connection
        self.reason = None
        self._booted = False
        self._established_at = time.monotonic()
        if self._tally.connected_at is None:
            self._tally.connected_at = self._established_at
        self._enter(ManagerState.READY if connection.session.logged_in else ManagerState.CONNECTED)

    def _logged_in(self) -> None:
        """Become ready, because the user's own Login action succeeded.

        A login before the link is established is the library's; then `_establish` sets the state.
        """
        if self.state is ManagerState.CONNECTED:
            self._enter(ManagerState.READY)

    # Losing it

    def _ended(self, connection: Connection, reason: ManagerError) -> None:
        # A connection that is not established yet fails its own attempt; in `close()` the end of
        # the connection is intended.
        if connection is not self.connection or self.state is ManagerState.CLOSING:
            return
        self.connection = None
        backoff = self._options.backoff
        # Without a username only the user can log in again.
        final = self._options.username is None or is_final(reason, established=True)
        if connection.session.said_goodbye:  # the user sent a Logoff
            self._finish()
            self.owner.release()
        elif backoff is None or final:
            self._fail(reason)
        else:
            self._lose(reason, backoff)

    def _lose(self, reason: ManagerError, backoff: Backoff) -> None:
        self._lost_at = time.monotonic()
        if self._lost_at - self._established_at > backoff.maximum:
            self._delays = None
        self.reason = reason
        self._tally.gaps += 1
        self._enter(ManagerState.RECONNECTING)
        log.warning(
            "the link to %s was lost, and is being established again: %s",
            self._display_name,
            reason,
        )
        self._begin_to_reconnect()
        self._dispatcher.emit(Disconnected.because(reason))
        if self._metrics is not None:
            self._metrics.disconnected(reason)

    def _begin_to_reconnect(self) -> None:
        name = f"aioami reconnects to {self._display_name}"
        self._task = asyncio.create_task(self._reconnect(), name=name)

    def _fail(self, reason: ManagerError) -> None:
        """End all streams, because the link is lost for good."""
        if self.state is ManagerState.RECONNECTING:
            self._tally.gap_seconds += time.monotonic() - self._lost_at
        self.reason = reason
        self._enter(ManagerState.LOST)
        log.error("the link to %s is lost for good: %s", self._display_name, reason)
        self._dispatcher.finish(reason)

    # Ending it

    async def close(self) -> None:
        """See `Manager.close`."""
        life = self._life
        while self.state is ManagerState.CLOSING:  # another task is closing it
            await self._changed.wait()
        if self._life is not life:  # meanwhile it was connected again: that link must stay
            return
        try:
            await self._cancel_attempt(self._task)
            if self.connection is not None:
                await self._close(self.connection)
        finally:
            if self._life is life:
                self._finish()
                self.owner.release()

    async def _close(self, connection: Connection) -> None:
        self.connection = None
        self._enter(ManagerState.CLOSING)
        try:
            # A server that is busy with an action would not answer in time.
            logged_in = connection.session.logged_in and connection.reason is None
            if logged_in and not connection.keepalive.is_held:
                await self._log_off(connection, min(_FAREWELL, self._options.timeout or _FAREWELL))
        finally:
            connection.close(ConnectionLost("the manager was closed"))
        await connection.closed(_FAREWELL)

    def _lost_its_loop(self) -> None:
        """Take note that the event loop was closed, which ended the link without a `close()`."""
        reason = ConnectionLost("the event loop was closed, and the link with it")
        connection, self.connection = self.connection, None
        was_new = self.state is ManagerState.CONNECTING
        self._task = None
        self._life = object()
        if connection is not None:
            connection.close(reason)
        self.reason = None
        self._enter(ManagerState.CLOSED)
        if not was_new:  # after a failed first connect, streams go on waiting for a link
            self._dispatcher.finish(reason)

    def abandon(self) -> bool:
        """End the link of a manager that was dropped; return `False` if there was no link.

        The garbage collector may call it in any thread.
        """
        if self.state in (ManagerState.CLOSED, ManagerState.LOST) or self.owner.is_elsewhere:
            return False
        task, connection = self._task, self.connection
        self._task = self.connection = None
        self.state = ManagerState.CLOSED
        reason = ConnectionLost("the manager was dropped")

        def end() -> None:
            if task is not None:
                task.cancel()
            if connection is not None:
                connection.close(reason)

        # Never at once: the garbage collector may interrupt any code.
        if not self.owner.call_soon(end) and connection is not None:
            connection.close(reason)
        return True

    async def _log_off(self, connection: Connection, timeout: float) -> None:
        try:
            await connection.send(Logoff(), timeout=timeout, counted=False)
        except ManagerError as error:
            log.debug("the farewell was not answered: %s", error)

    async def _cancel_attempt(self, task: asyncio.Task[None] | None) -> None:
        if self._task is task:  # else the attempt was ended before, and this is another's
            self._task = None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _finish(self) -> None:
        if self.state is ManagerState.RECONNECTING:
            gap = time.monotonic() - self._lost_at
            self._tally.gap_seconds += gap
            self._dispatcher.miss(gap)
        self.reason = None
        self._enter(ManagerState.CLOSED)
        self._dispatcher.finish(None)

    # Sending

    def send(
        self, action: Action[ResponseT_co], *, timeout: Timeout, action_id: str | None
    ) -> Coroutine[Any, Any, ResponseT_co]:
        """Send an action, and return its response, even a refusal; see `Manager.send`."""
        sending = self._send(action, timeout, action_id)
        return sending if self._metrics is None else self._metrics.measure(action.name, sending)

    def _send(
        self, action: Action[ResponseT_co], timeout: Timeout, action_id: str | None
    ) -> Coroutine[Any, Any, ResponseT_co]:
        # Not a coroutine itself: that would add a tenth to the cost of each action when many are
        # under way.
        connection = self.connection
        if connection is None:
            return self._send_later(action, timeout, action_id)
        seconds = self._options.timeout_of(action, timeout)
        if (name := action.name.lower()) in _KEPT:
            send = self._send_mask if name == "events" else self._send_filter
            return send(connection, action, seconds, action_id)
        return connection.send(action, timeout=seconds, action_id=action_id)

    async def _send_later(
        self,
        action: Action[ResponseT_co],
        timeout: Timeout,
        action_id: str | None,
    ) -> ResponseT_co:
        began = time.monotonic()
        if await self._next_connection(timeout) is None:
            raise self._unsent(action)
        # A timeout of the caller counts for the link and the answer together. Without one, the
        # manager's timeout counts for the link, and then the default for the answer.
        if not isinstance(timeout, Default) and timeout is not None:
            timeout = max(0.0, timeout - (time.monotonic() - began))
        return await self._send(action, timeout, action_id)

    async def _send_mask(
        self,
        connection: Connection,
        action: Action[ResponseT_co],
        timeout: float | None,
        action_id: str | None,
    ) -> ResponseT_co:
        self._mask = action
        taken = False
        try:
            response = await connection.send(action, timeout=timeout, action_id=action_id)
            taken = response.success
        except (ManagerTimeout, asyncio.CancelledError):
            taken = True  # the server may have carried it out
            raise
        except ConnectionLost as error:
            taken = error.sent
            raise
        finally:
            # A reconnect sends the last mask again, but not one that never left or was refused.
            if taken:
                self._accepted_mask = action
            elif self._mask is action:
                self._mask = self._accepted_mask
        return response

    async def _send_filter(
        self,
        connection: Connection,
        action: Action[ResponseT_co],
        timeout: float | None,
        action_id: str | None,
    ) -> ResponseT_co:
        response = await connection.send(action, timeout=timeout, action_id=action_id)
        # A reconnect sends accepted filters again. A filter whose answer is unknown is left out:
        # too many events do less harm than too few.
        if response.success:
            self._filters.append(action)
        return response

    def start_list(
        self,
        action: Action[Any],
        buffer: ListBuffer,
        timeout: Timeout,
    ) -> Callable[[], None]:
        """Send an action, and put its list into a buffer; return a function that ends it early.

        Raises:
            ConnectionLost: there is no link, and none is being established.
        """
        if self.connection is not None:
            return self._start_list(self.connection, action, buffer, timeout)
        if not self.is_coming:
            raise self._unsent(action)
        assert buffer.owner.loop is not None
        starting = buffer.owner.loop.create_task(self._start_list_later(action, buffer, timeout))

        def end() -> None:
            # A task that is done has started the list. Its result is the function that ends it.
            if not starting.cancel() and not starting.cancelled():
                starting.result()()

        return end

    def _start_list(
        self,
        connection: Connection | None,
        action: Action[Any],
        buffer: ListBuffer,
        timeout: Timeout,
    ) -> Callable[[], None]:
        if connection is None:  # no connection was established in time
            buffer.finish(self._unsent(action))
            return lambda: None
        seconds = self._options.timeout_of(action, timeout)
        return connection.start_list(action, buffer, buffer.take, seconds, buffer.last_progress)

    async def _start_list_later(
        self,
        action: Action[Any],
        buffer: ListBuffer,
        timeout: Timeout,
    ) -> Callable[[], None]:
        connection = await self._next_connection(timeout)
        try:
            return self._start_list(connection, action, buffer, timeout)
        except (ManagerError, ValueError) as error:  # nobody awaits this task
            buffer.finish(error)
            return lambda: None

    async def _next_connection(self, timeout: Timeout) -> Connection | None:
        """Wait for the next connection; `None` if there was none in time, or will be none."""
        seconds = self._options.timeout if isinstance(timeout, Default) else timeout
        try:
            async with async_timeout.timeout(seconds):
                while self.connection is None and self.is_coming:
                    await self._changed_for_senders.wait()
        except asyncio.TimeoutError:
            return None
        return self.connection if self.state is not ManagerState.CLOSING else None

    def _unsent(self, action: Action[Any]) -> ConnectionLost:
        """Count an action that was never sent, and return the error for it."""
        self._tally.unsent += 1
        return because(ConnectionLost(f"{action.name} was not sent: {self.why_not()}"), self.reason)

    @property
    def mask(self) -> Action[Any] | None:
        """The last `Events` action that the server accepted, or may have; `None` before one."""
        return self._accepted_mask

    @property
    def event_classes(self) -> frozenset[str]:
        """The classes of events that the server is asked for; `"all"` stands for all of them."""
        from ..permissions.delivery import mask_of

        sent = self._accepted_mask
        if sent is not None:
            return mask_of(value_of(sent, "EventMask"))
        return mask_of(event_mask(self._options.event_mask))

    @property
    def filters(self) -> tuple[Action[Any], ...]:
        """The `Filter` actions of the user that the server accepted, in their order."""
        return tuple(self._filters)

    # Waiting for it

    @property
    def _display_name(self) -> str:
        """The server's address for logs, with its name if it is in a fleet."""
        name, address = self.owner.server, self._options.address
        return f"{name} ({address})" if name else address

    def _enter(self, state: ManagerState) -> None:
        changed = state is not self.state
        super()._enter(state)
        if changed and self._metrics is not None:
            self._metrics.state_changed(state.value)

    def _wake(self) -> None:
        self._changed_for_senders.send()
        super()._wake()

    @property
    def is_coming(self) -> bool:
        """True if there is no link now, but one is being established."""
        return self.state in (ManagerState.CONNECTING, ManagerState.RECONNECTING)

    async def wait_booted(self, timeout: float | None) -> None:
        """See `Manager.wait_booted`."""
        try:
            async with async_timeout.timeout(timeout):
                while True:
                    await self._ready()
                    try:
                        await self._learn_that_it_booted(timeout)
                        return
                    except ConnectionLost:
                        if not self.is_coming:
                            raise
        except asyncio.TimeoutError as error:
            sentence = f"Asterisk was not fully booted within {timeout:g} seconds"
            raise ManagerTimeout(sentence) from error

    async def _learn_that_it_booted(self, timeout: float | None) -> None:
        connection = self.connection
        assert connection is not None
        # A server that has booted sends FullyBooted right after the login, before this answer.
        await connection.send(Ping(), timeout=timeout, counted=False)
        if self._booted:
            return
        question = Command("core waitfullybooted")
        answer = await connection.send(question, timeout=timeout, counted=False)
        if answer.success:
            self._booted = True
            return
        error = refusal(answer, question)
        if not isinstance(error, PermissionDenied) or not self._hears_of_boot():
            raise error
        while not self._booted:
            await self._changed.wait()
            if self.connection is not connection:
                sentence = "the link was lost before Asterisk was fully booted"
                raise ConnectionLost(f"{sentence}: {self.why_not()}")

    def _hears_of_boot(self) -> bool:
        """True if FullyBooted will come, as far as the event mask shows."""
        if self._logged_in_quietly:  # it came right after the login, when events were still off
            return False
        from ..permissions.delivery import includes

        return includes(self.event_classes, ("system",))

    def _server_event(self, event: Event) -> None:
        if isinstance(event, FullyBooted):
            self._booted = True
            self._enter(self.state)  # wakes wait_booted()
        elif isinstance(event, Shutdown) and self.connection is not None:
            again = "is restarting" if event.restart else "was shut down"
            sentence = f"Asterisk {again} ({event.get('Shutdown', 'unknown')})"
            self.connection.shutdown = sentence.lower().capitalize()


class _ServerEvents(Subscriber):
    """Subscribes to the events about the server itself."""

    selection = Selection((FullyBooted, Shutdown))

    def __init__(self, put: Callable[[Event], None]) -> None:
        self._put = put

    @property
    def put(self) -> Callable[[Event], None]:
        return self._put


def _reason(what: str, error: BaseException) -> ManagerError:
    """Return the error for waiting callers: itself, or a `ManagerError` for an unforeseen one."""
    if isinstance(error, ManagerError):
        return error
    return because(ConnectionLost(f"{what}: {str(error) or type(error).__name__}"), error)
