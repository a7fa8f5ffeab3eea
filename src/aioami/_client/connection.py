"""One TCP session with a server. It is used once, and ends with one recorded reason."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import async_timeout

from .._session.deadlines import Deadlines
from .._session.dispatch import Dispatcher
from .._session.pending import FENCE, Pending, Promise
from .._session.session import Session
from .._session.statistics import Tally
from ..actions.base import Action, ResponseT_co
from ..errors import ConnectionLost, ManagerError, ManagerTimeout, ProtocolError, because
from ..events.base import Event
from ..responses.base import OutcomeReply, Response
from ..wire import Framer
from .connector import ParsingReader, greeting, reach, read_less
from .keepalive import Keepalive
from .options import Options
from .outcomes import waiting_for

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..wire.recordings import Recorder

__all__ = ["Connection"]

_PING: Final = Action("Ping")
_NEVER: Final = float("inf")


class _Discarded:
    """A promise that discards its response, for Pings whose answer only has to arrive."""

    def done(self) -> bool:
        return True

    def set_result(self, response: Response) -> None: ...

    def set_exception(self, error: Exception) -> None: ...


class Connection:
    """One connection: it reads messages, matches replies with actions, and keeps the deadlines.

    Args:
        options: the server's address, and the limits.
        dispatcher: delivers the events.
        tally: counts messages and bytes.
        ended: is called once when the link ends, with the reason; not after `close`.
        logged_in: is called when the first login succeeds.
        recorder: writes all messages into a file; `None` for no recording.

    Attributes:
        session: the actions of this connection and their replies.
        keepalive: finds out whether the server is still there, or only busy.
        reason: the reason why the link is over; `None` while it stands.
        shutdown: a sentence about the server's own shutdown; empty if it announced none.
    """

    def __init__(
        self,
        options: Options,
        *,
        dispatcher: Dispatcher,
        tally: Tally,
        ended: Callable[[Connection, ManagerError], None],
        logged_in: Callable[[], None],
        recorder: Recorder | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._options = options
        self._tally = tally
        encoding = options.encoding
        self._framer = Framer(
            options.max_frame_size, encoding=encoding.name, errors=encoding.errors
        )
        self.session = Session(
            dispatcher,
            clock=time.perf_counter,
            max_list_items=options.max_list_items,
            tally=tally,
            gated=options.username is not None,
            max_held=options.max_frame_size,
            encoding=encoding,
            secrets=filter(None, [options.secret]),
        )
        self._ended = ended
        self._report_login = logged_in
        self._login_seen = False
        self._recorder = recorder
        self._reader = ParsingReader(self._received, self._stream_ended)
        self._writer: asyncio.StreamWriter | None = None
        self._batch: list[Pending] | None = None
        self._may_write = True
        self._deadlines = Deadlines()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = _NEVER
        self._greeted: asyncio.Future[None] | None = self._loop.create_future()
        self._bytes_before_login = 0
        self.keepalive = Keepalive(options, self)
        self.reason: ManagerError | None = None
        self.shutdown = ""

    @classmethod
    async def open(
        cls,
        options: Options,
        *,
        dispatcher: Dispatcher,
        tally: Tally,
        ended: Callable[[Connection, ManagerError], None],
        logged_in: Callable[[], None],
        recorder: Recorder | None,
        is_one_of_many: bool,
    ) -> Self:
        """Reach the server, and wait for its greeting.

        Args:
            is_one_of_many: whether the loop has further connections of the same fleet, which must
                have their turn when this server sends a flood.

        Raises:
            ConnectionLost: the server was not reached, or did not greet; the timeout holds for each
                of the two steps.
            ProtocolError: the server at this address does not speak AMI.
        """
        connection = cls(
            options,
            dispatcher=dispatcher,
            tally=tally,
            ended=ended,
            logged_in=logged_in,
            recorder=recorder,
        )
        try:
            writer = connection._writer = await reach(options, connection._reader)
            connection.keepalive.attach(writer.get_extra_info("socket"))
            if is_one_of_many:
                read_less(writer.transport)
            if connection._greeted is not None:
                await greeting(connection._greeted, options.timeout)
        except BaseException:  # also when cancelled: no attempt leaves a socket behind
            connection.close(ConnectionLost("connecting was given up"))
            connection._close_socket()  # the link may have ended before the socket was known
            raise
        return connection

    @property
    def is_encrypted(self) -> bool:
        """True if the link uses TLS, so that nobody on the way can read it."""
        return self._options.ssl is not None

    @property
    def banner(self) -> str:
        """The server's greeting line."""
        return self._framer.banner or ""

    # From the server

    def _received(self, data: bytes) -> None:
        # A transport may still deliver bytes that it had read when the link ended.
        if self.reason is not None:
            return
        # Any byte is a sign of life, not only the answer to a Ping.
        self.keepalive.heard_at = self._loop.time()
        self._may_write = True
        self._tally.bytes_received += len(data)
        if self._recorder is not None:
            self._recorder.received(data)
        framer, session = self._framer, self.session
        texts = framer.feed(data)
        if self._greeted is not None and framer.banner is not None:
            self._greeted.set_result(None)
            self._greeted = None
        if texts:
            session.receive(texts)
            if session.needs_fence and self.reason is None:
                session.needs_fence = False
                self._send_aside(FENCE)
            # Deadlines would keep answered actions in memory until they are due.
            if len(self._deadlines) and not len(session):
                self._deadlines.clear()
        if not self._login_seen:
            self._before_login(len(data))
        # Checked last, so that the complete messages before the error are delivered.
        error = framer.error or session.error
        if error is not None:
            self.lose(error)

    def _before_login(self, count: int) -> None:
        """Take note of a successful login, or limit the bytes that come before it."""
        if self.session.logged_in:
            # Not earlier: a Ping before the login would be refused, and get into the security log.
            self._login_seen = True
            self.keepalive.start()
            self._report_login()
            return
        # The other end has not yet shown that it is an Asterisk that knows the user.
        self._bytes_before_login += count
        limit = self._options.max_bytes_before_login
        if limit is not None and self._bytes_before_login > limit and self._framer.error is None:
            sentence = f"the server sent more than max_bytes_before_login ({limit} bytes)"
            self.lose(ProtocolError(sentence))

    def interrupted(self, error: BaseException) -> None:
        """End the link because an exception interrupted its work."""
        self._stream_ended(error)

    def _stream_ended(self, error: BaseException | None) -> None:
        if error is not None:
            why = str(error) or type(error).__name__
            sentence = f"the connection to Asterisk was lost: {why}"
        elif self._framer.buffered:
            sentence = "Asterisk closed the connection in the middle of a message"
        elif self._framer.banner is None:
            sentence = "the server closed the connection without a greeting, as it does when full"
        elif not self.session.logged_in:
            sentence = "Asterisk closed the connection before a login"
        else:
            sentence = self.shutdown or "Asterisk closed the connection"
        self.lose(because(ConnectionLost(sentence), error))

    def lose(self, reason: ManagerError) -> None:
        """End the link, and report the reason; only the first reason counts."""
        # Later errors are consequences of the first one.
        if self.reason is None:
            try:
                self.close(reason)
            finally:
                self._ended(self, reason)

    def close(self, reason: ManagerError) -> None:
        """End the link now, without a Logoff. May be called again; the first reason stays."""
        if self.reason is not None:
            return
        self.reason = reason
        if self._loop.is_closed():
            self._end_without_loop()
            return
        if self._timer is not None:
            self._timer.cancel()
        self.keepalive.stop()
        self._deadlines.clear()
        if self._greeted is not None:
            self._greeted.set_exception(reason)
            self._greeted.exception()  # so that asyncio does not report it as never retrieved
        # Actions fail before the socket closes, so that their errors have the real reason.
        self.session.lose(reason)
        if self._recorder is not None:
            self._recorder.close()
        self._close_socket()

    def _end_without_loop(self) -> None:
        """End the recording and the socket after the event loop was closed."""
        if self._recorder is not None:
            self._recorder.close()
        # The transport cannot close without its loop: the server would wait until it is collected.
        link = self._writer.get_extra_info("socket") if self._writer is not None else None
        if link is not None:
            with contextlib.suppress(OSError, TypeError):  # uvloop's socket has no shutdown
                link.shutdown(socket.SHUT_RDWR)

    def _close_socket(self) -> None:
        transport = self._writer.transport if self._writer is not None else None
        if transport is None or transport.is_closing() or self._loop.is_closed():
            return
        # A plain close sends the rest of the written bytes first. It would wait for a peer that
        # reads nothing, and for the closing handshake of TLS with a peer that may be dead: these
        # are aborted. A transport without a socket must not be asked (TLS in Python 3.10).
        link = transport.get_extra_info("socket")
        dead = self.is_encrypted and not self.session.said_goodbye
        if link is not None and link.fileno() >= 0 and (dead or transport.get_write_buffer_size()):
            transport.abort()
        else:
            transport.close()

    async def closed(self, timeout: float | None) -> None:
        """Wait until the socket is closed, for `timeout` seconds at most."""
        assert self._writer is not None
        if self._loop.is_closed():  # nothing can be awaited there
            return
        try:
            async with async_timeout.timeout(timeout):
                await self._writer.wait_closed()
        except Exception:  # the reason of the end was reported before
            self._writer.transport.abort()

    # To the server

    async def send(
        self,
        action: Action[ResponseT_co],
        *,
        timeout: float | None,
        action_id: str | None = None,
        counted: bool = True,
    ) -> ResponseT_co:
        """Send an action, and return its complete response, even a refusal.

        Args:
            counted: `False` for an action of the library itself, which `statistics()` leaves out.

        Raises:
            ConnectionLost: the link is over, or ends before the answer is complete.
            ManagerTimeout: the answer was not complete after `timeout` seconds.
            ValueError: the ActionID cannot be sent, or is in use.
        """
        answer: asyncio.Future[ResponseT_co] = self._loop.create_future()
        pending = self._submit(action, answer, timeout, action_id, counted=counted)
        # The session refers to an outcome weakly: it lives as long as the caller can ask for it.
        outcome = pending.outcome
        try:
            response = await answer
        except BaseException:
            self.session.forget(pending)
            raise
        if outcome is not None and isinstance(response, OutcomeReply):
            response.expect_outcome(waiting_for(outcome), lambda: outcome.result is not None)
        return response

    def start_list(
        self,
        action: Action[Any],
        promise: Promise,
        on_item: Callable[[Response, Event | None], None],
        timeout: float | None,
        last_progress: Callable[[], float],
    ) -> Callable[[], None]:
        """Send an action, and take its list item by item; return a function that ends it early.

        `timeout` starts again at each item. `last_progress` returns the time of the last item, on
        the loop's clock.
        """
        pending = self._submit(action, promise, timeout, None, on_item, last_progress)
        return lambda: self.session.forget(pending) if self.reason is None else None

    def ping(self) -> None:
        """Send a Ping whose answer is only a sign of life."""
        self._send_aside(_PING)

    def _send_aside(self, action: Action[Any]) -> None:
        self._submit(action, _Discarded(), None, None, counted=False)

    def _submit(
        self,
        action: Action[Any],
        promise: Promise,
        timeout: float | None,
        action_id: str | None,
        on_item: Callable[[Response, Event | None], None] | None = None,
        last_progress: Callable[[], float] | None = None,
        counted: bool = True,
    ) -> Pending:
        if self.reason is not None:
            raise ConnectionLost(f"{action.name} was not sent: {self.reason}") from self.reason
        pending = self.session.submit(
            action,
            promise,
            action_id=action_id,
            on_item=on_item,
            counted=counted,
        )
        # Also without a keepalive: `close()` asks whether the server would answer a Logoff.
        if pending.holds_session:
            self.keepalive.hold(pending, timeout)
        if timeout is not None:
            pending.last_progress = last_progress
            # The timer is moved only for a deadline before all others, which is rare.
            if self._deadlines.add(pending, timeout, self._loop.time()) < self._timer_at:
                self._set_timer()
        # The first action after a read leaves at once, because its caller may wait for it alone.
        # Those that follow leave together at the end of the tick, in one system call.
        if self._batch is not None:
            self._batch.append(pending)
        elif self._may_write:
            self._may_write = False
            self._write([pending])
        else:
            self._batch = [pending]
            self._loop.call_soon(self._write_batch)
        # Only the answer to a Ping behind it shows that such an action is over.
        if pending.shape.fenced:
            self._send_aside(FENCE)
        return pending

    def _write_batch(self) -> None:
        try:
            batch, self._batch = self._batch, None
            if batch and self.reason is None:
                # An action that was given up in the same tick never leaves.
                self._write([pending for pending in batch if not pending.forgotten])
        except BaseException as error:  # such as Ctrl-C: some actions may never leave
            self.interrupted(error)
            raise

    def _write(self, pendings: list[Pending]) -> None:
        assert self._writer is not None
        if self._writer.transport.is_closing():
            return  # nothing can leave any more; the reason of the end will follow
        data = b"".join([pending.data for pending in pendings])
        self._writer.write(data)
        self._tally.bytes_sent += len(data)
        self.keepalive.written(len(data))
        if self._recorder is not None:
            for pending in pendings:
                self._recorder.sent(pending.data)
        now = time.perf_counter()
        for pending in pendings:
            pending.data = b""
            pending.written = True  # if the link is lost from here on, the action may have run
            pending.sent_at = now

    # Deadlines: one timer for all, because one for each action would cost as much as the action

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._deadlines.next
        never = self._timer_at == _NEVER
        self._timer = None if never else self._loop.call_at(self._timer_at, self._expire)

    def _expire(self) -> None:
        try:
            self._expire_overdue()
        except BaseException as error:  # such as Ctrl-C: some actions may never end
            self.interrupted(error)
            raise

    def _expire_overdue(self) -> None:
        self._timer, self._timer_at = None, _NEVER
        for pending, timeout in self._deadlines.expire(self._loop.time()):
            promise, name = pending.promise, pending.action.name
            assert promise is not None  # an action that was given up is never due
            # Forgotten first, which discards the promise: a late answer then reaches nobody.
            self.session.forget(pending)
            sentence = f"{name} was not answered within {timeout:g} seconds"
            promise.set_exception(ManagerTimeout(sentence, action=pending.action))
        self._set_timer()
