"""One TCP session with a server. It is used once, and dies with one recorded reason."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl as tls
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import async_timeout

from .actions.base import Action, ResponseT_co
from .deadlines import Deadlines
from .dispatch import Dispatcher
from .errors import ConnectionLost, ManagerError, ManagerTimeout, ProtocolError, fresh
from .events.base import Event
from .options import Options
from .pending import FENCE, Outcome, Pending, Promise
from .responses.base import OutcomeReply, Response
from .session import Session
from .statistics import Tally
from .wire import Framer

if TYPE_CHECKING:
    from typing_extensions import Self

    from .recording import Recorder

__all__ = ["Connection"]

_KEEPALIVE: Final = Action("Ping")
_NEVER: Final = float("inf")
_FEW: Final = 64  # actions that hold the session are looked through when there are so many
_WINDOW: Final = 32768  # bytes that a peer surely takes though it does not read
_LATE: Final = 0.1  # seconds by which a timer may be late without the event loop having been held up


class _ParsingReader(asyncio.StreamReader):
    """A reader that hands bytes on as they arrive, instead of keeping them until somebody reads.

    Asterisk cuts off whoever does not read for 100 ms, so nothing that a consumer does may hold this up.
    """

    def __init__(self, received: Callable[[bytes], None], ended: Callable[[Exception | None], None]) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._received = received
        self._ended = ended

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]
        try:
            self._received(data)
        except Exception as error:  # a fault of ours: the link ends, and everybody hears why
            self._ended(error)

    def feed_eof(self) -> None:
        super().feed_eof()
        self._ended(None)

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self._ended(exc)


class _Protocol(asyncio.StreamReaderProtocol):
    """A protocol that tells the reader alone why the connection was lost: others need not ask, and none is left unheard."""

    def __init__(self, reader: _ParsingReader) -> None:
        super().__init__(reader, loop=asyncio.get_running_loop())
        self._failed = reader.set_exception

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._failed(exc)
        super().connection_lost(None)


class _Unheard:
    """The promise of an answer that tells something by coming, and nothing by what it says."""

    def done(self) -> bool:
        return True

    def set_result(self, response: Response) -> None: ...

    def set_exception(self, error: Exception) -> None: ...


class Connection:
    """A link to a server: bytes to messages, actions to replies, deadlines, and the reason of its end.

    Args:
        options: where the server is, and the limits.
        dispatcher: who gets the events.
        tally: where everything is counted.
        ended: called once when the link is over, with the reason; not for `close`.
        logged_in: called when a login succeeds.
        recorder: what writes down all that comes and goes, if anything does.

    Attributes:
        reason: why the link is over; `None` while it is not.
        shutdown: what the server said of its own end, if it did.
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
        self._framer = Framer(options.max_frame_size)
        self._session = Session(
            dispatcher,
            clock=time.perf_counter,
            max_list_items=options.max_list_items,
            tally=tally,
            gated=options.username is not None,
            max_held=options.max_frame_size,
            logged_in=self._logged_in,
        )
        self._ended = ended
        self._told_of_login = logged_in
        self._recorder = recorder
        self._reader = _ParsingReader(self._received, self._stream_ended)
        self._writer: asyncio.StreamWriter | None = None
        self._batch: list[Pending] | None = None
        self._may_write = True
        self._deadlines = Deadlines()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = _NEVER
        self._greeted: asyncio.Future[None] | None = self._loop.create_future()
        self._bytes_before_login = 0
        self._heard_at = self._loop.time()
        self._asked_at: float | None = None
        self._indulged = False
        self._holding: list[tuple[Pending, float, float]] = []
        self._holding_purged = _FEW
        self._held_from = 0.0
        self._written_while_held = 0
        self._watch_timer: asyncio.TimerHandle | None = None
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
    ) -> Self:
        """Reach the server, and wait for its greeting. Every address that the name stands for is tried.

        Raises:
            ConnectionLost: it was not reached, or did not greet, within the timeout for each of the two.
            ProtocolError: whoever answers there does not speak AMI.
        """
        connection = cls(
            options, dispatcher=dispatcher, tally=tally, ended=ended, logged_in=logged_in, recorder=recorder
        )
        try:
            await connection._reach(options.host, options.port, options.ssl, options.server_hostname, options.timeout)
            await connection._be_greeted(options.timeout)
        except BaseException:
            connection.close(ConnectionLost("connecting was given up"))
            connection._close_socket()  # the reason of the end may be older than the socket
            raise
        return connection

    async def _reach(
        self, host: str, port: int, ssl: tls.SSLContext | None, server_hostname: str | None, timeout: float | None
    ) -> None:
        where = f"{host}:{port}"
        failure: ConnectionLost | None = None
        for family, address in await self._resolve(host, port, timeout):
            protocol = _Protocol(self._reader)
            try:
                async with async_timeout.timeout(timeout):
                    transport, _ = await self._loop.create_connection(
                        lambda protocol=protocol: protocol,
                        address,
                        port,
                        family=family,
                        ssl=ssl,
                        server_hostname=(server_hostname or host) if ssl is not None else None,
                    )
            except asyncio.TimeoutError as error:
                failure = _unreached(f"{where} did not answer within {timeout:g} seconds", error)
            except tls.SSLError as error:
                failure = _unreached(f"{where} could not be reached securely: {error}", error)
            except OSError as error:
                failure = _unreached(f"{where} could not be reached: {error}", error)
            else:
                self._writer = asyncio.StreamWriter(transport, protocol, self._reader, self._loop)
                self._have_the_network_watch(transport.get_extra_info("socket"))
                return
        raise failure or ConnectionLost(f"the name {host} stands for no address")

    async def _resolve(self, host: str, port: int, timeout: float | None) -> list[tuple[int, str]]:
        """The families and addresses that a name stands for; an address stands for itself, and needs no thread for that."""
        for family in (socket.AF_INET, socket.AF_INET6):
            with contextlib.suppress(OSError, ValueError):
                socket.inet_pton(family, host)
                return [(family, host)]
        try:
            async with async_timeout.timeout(timeout):
                found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except asyncio.TimeoutError as error:
            raise ConnectionLost(f"the name {host} was not resolved within {timeout:g} seconds") from error
        except (OSError, UnicodeError) as error:
            raise ConnectionLost(f"the name {host} could not be resolved: {error}") from error
        return list(dict.fromkeys((family, _numeric(address)) for family, _, _, _, address in found))

    async def _be_greeted(self, timeout: float | None) -> None:
        if self._greeted is None:
            return
        try:
            async with async_timeout.timeout(timeout):
                await asyncio.shield(self._greeted)
        except asyncio.TimeoutError as error:
            raise ConnectionLost(f"the server did not greet within {timeout:g} seconds") from error

    def _have_the_network_watch(self, link: socket.socket) -> None:
        """Have the operating system find out that the peer's machine is gone, also while nothing is to be said."""
        keepalive, patience = self._options.keepalive, self._patience()
        if keepalive is None:
            return
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value, most in (
            ("TCP_KEEPIDLE", keepalive, 32767),
            ("TCP_KEEPINTVL", patience / 3, 32767),
            ("TCP_KEEPCNT", 3, 3),
        ):
            _set(link, name, min(max(1, round(value)), most))
        self._have_the_network_give_up(keepalive + patience)

    def _have_the_network_give_up(self, seconds: float) -> None:
        """End the link when the peer has not taken what was sent for so long; 0 is never."""
        assert self._writer is not None
        _set(self._writer.get_extra_info("socket"), "TCP_USER_TIMEOUT", min(round(seconds * 1000), 2**31 - 1))

    @property
    def is_encrypted(self) -> bool:
        """Whether nobody on the way can read what is said."""
        return self._options.ssl is not None

    @property
    def banner(self) -> str:
        """The server's greeting line."""
        return self._framer.banner or ""

    @property
    def session(self) -> Session:
        """What was asked here, and what came of it."""
        return self._session

    # From the server

    def _logged_in(self) -> None:
        # Not earlier: a Ping before the login would be refused, and stand in the server's security log.
        if self._watch_timer is None:
            self._watch()
        self._told_of_login()

    def _received(self, data: bytes) -> None:
        if self.reason is not None:
            return
        self._heard_at = self._loop.time()
        self._may_write = True
        self._tally.bytes_received += len(data)
        if self._recorder is not None:
            self._recorder.received(data)
        framer, session = self._framer, self._session
        texts = framer.feed(data)
        if self._greeted is not None and framer.banner is not None:
            self._greeted.set_result(None)
            self._greeted = None
        if texts:
            session.receive(texts)
            if len(self._deadlines) and not len(session):
                self._deadlines.clear()  # of what was answered; they would hold it until they are due
        if not session.logged_in:
            self._limit_bytes_before_login(len(data))
        error = framer.error or session.error
        if error is not None:
            self._lose(error)

    def _limit_bytes_before_login(self, count: int) -> None:
        self._bytes_before_login += count
        limit = self._options.max_bytes_before_login
        if limit is not None and self._bytes_before_login > limit and self._framer.error is None:
            self._lose(ProtocolError(f"the server sent more than max_bytes_before_login ({limit} bytes)"))

    def _stream_ended(self, error: Exception | None) -> None:
        if error is not None:
            reason = ConnectionLost(f"the connection to Asterisk was lost: {error}")
            reason.__cause__ = error
        elif self._framer.buffered:
            reason = ConnectionLost("Asterisk closed the connection in the middle of a message")
        elif self._framer.banner is None:
            reason = ConnectionLost("the server closed the connection without a greeting, as it does when it is full")
        elif not self._session.logged_in:
            reason = ConnectionLost("Asterisk closed the connection before a login")
        elif self.shutdown:
            reason = ConnectionLost(self.shutdown)
        else:
            reason = ConnectionLost("Asterisk closed the connection")
        self._lose(reason)

    def _lose(self, reason: ManagerError) -> None:
        """The first reason is the one that counts, and everybody who waits hears it."""
        if self.reason is None:
            self.close(reason)
            self._ended(self, reason)

    def close(self, reason: ManagerError) -> None:
        """End the link now, without a farewell. May be called again; the first reason stays."""
        if self.reason is not None:
            return
        self.reason = reason
        for timer in (self._timer, self._watch_timer):
            if timer is not None:
                timer.cancel()
        self._deadlines.clear()
        self._holding.clear()
        if self._greeted is not None:
            self._greeted.set_exception(reason)
            self._greeted.exception()  # nobody needs to be there to hear it
        self._session.lose(reason)
        if self._recorder is not None:
            self._recorder.close()
        self._close_socket()

    def abandon(self, reason: ManagerError) -> None:
        """End the link from wherever one is, even in another thread."""
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop or not self._loop.is_running():
            self.close(reason)
        else:
            self._loop.call_soon_threadsafe(self.close, reason)

    @property
    def is_orphaned(self) -> bool:
        """Whether the event loop has ended before the link, and the link with it."""
        return self._loop.is_closed()

    def _close_socket(self) -> None:
        transport = self._writer.transport if self._writer is not None else None
        if transport is None or transport.is_closing():
            return
        # What was written is still sent, but nobody waits for a peer that takes nothing, or for the farewell of TLS
        # from one that may be dead. A transport whose socket is gone may not be asked (TLS in Python 3.10).
        link = transport.get_extra_info("socket")
        dead = self.is_encrypted and not self._session.said_goodbye
        if link is not None and link.fileno() >= 0 and (dead or transport.get_write_buffer_size()):
            transport.abort()
        else:
            transport.close()

    async def closed(self, timeout: float | None) -> None:
        """Wait until the socket is closed, or `timeout` seconds at the most."""
        assert self._writer is not None
        try:
            async with async_timeout.timeout(timeout):
                await self._writer.wait_closed()
        except Exception:  # whatever ended the link was told where it mattered
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
        """Send an action, and return its complete response, whatever it says.

        Args:
            counted: whether it is one of the user's, who wants to know how many there were.

        Raises:
            ConnectionLost: the link is over, or ends before the answer is complete.
            ManagerTimeout: the answer was not complete after `timeout` seconds.
            ValueError: the ActionID cannot be sent, or is in use.
        """
        answer: asyncio.Future[ResponseT_co] = self._loop.create_future()
        pending = self._submit(action, answer, timeout, action_id, counted=counted)
        outcome = pending.outcome
        try:
            response = await answer
        except BaseException:
            self._session.forget(pending)
            raise
        if outcome is not None and isinstance(response, OutcomeReply):
            response.expect_outcome(functools.partial(self._wait_for_outcome, outcome))
        return response

    def send_aside(self, action: Action[Any]) -> None:
        """Send an action of the library's own, whose answer matters to the session alone."""
        self._submit(action, _Unheard(), None, None, counted=False)

    def start_list(
        self,
        action: Action[Any],
        promise: Promise,
        on_item: Callable[[Response, Event | None], None],
        timeout: float | None,
        last_progress: Callable[[], float],
    ) -> Callable[[], None]:
        """Send an action whose list is taken item by item, and return what ends that early.

        `timeout` counts anew from each item; `last_progress` says when the last one came, on the loop's clock.
        """
        pending = self._submit(action, promise, timeout, None, on_item, last_progress)
        return lambda: self._session.forget(pending) if self.reason is None else None

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
        pending = self._session.submit(action, promise, action_id=action_id, on_item=on_item, counted=counted)
        if pending.holds_session:
            own = action.timeout
            held = _NEVER if timeout is None else timeout if own is None else max(own, timeout)
            self._holding.append((pending, self._loop.time(), held))
            if len(self._holding) >= self._holding_purged:
                self._held_until()
                self._holding_purged = max(_FEW, 2 * len(self._holding))
        if timeout is not None:
            pending.last_progress = last_progress
            if self._deadlines.add(pending, timeout, self._loop.time()) < self._timer_at:
                self._set_timer()
        # The first action since something was read leaves at once; those behind it leave with the others of their tick.
        if self._batch is not None:
            self._batch.append(pending)
        elif self._may_write:
            self._may_write = False
            self._write([pending])
        else:
            self._batch = [pending]
            self._loop.call_soon(self._write_batch)
        if pending.shape.fenced:
            self.send_aside(FENCE)
        return pending

    def _write_batch(self) -> None:
        batch, self._batch = self._batch, None
        if batch and self.reason is None:
            self._write([pending for pending in batch if not pending.forgotten])

    def _write(self, pendings: list[Pending]) -> None:
        assert self._writer is not None
        if self._writer.transport.is_closing():
            return  # nothing leaves any more, and the reason is about to come
        data = b"".join([pending.data for pending in pendings])
        self._writer.write(data)
        self._tally.bytes_sent += len(data)
        if self._holding and self._options.keepalive is not None:
            # A busy server does not read, and its full window would look to the network as if it were dead.
            if self._written_while_held <= _WINDOW < self._written_while_held + len(data):
                self._have_the_network_give_up(0)
            self._written_while_held += len(data)
        if self._recorder is not None:
            for pending in pendings:
                self._recorder.sent(pending.data)
        now = time.perf_counter()
        for pending in pendings:
            pending.data = b""
            pending.written = True
            pending.sent_at = now

    async def _wait_for_outcome(self, outcome: Outcome, timeout: float | None) -> Event:
        if outcome.result is None:
            promise: asyncio.Future[Event] = self._loop.create_future()
            outcome.waiting.append(promise)
            try:
                async with async_timeout.timeout(timeout):
                    return await promise
            except asyncio.TimeoutError as error:
                name = outcome.action.name
                raise ManagerTimeout(
                    f"the outcome of {name} did not come in {timeout:g} seconds", action=outcome.action
                ) from error
            finally:
                if promise in outcome.waiting:
                    outcome.waiting.remove(promise)
        if isinstance(outcome.result, Event):
            return outcome.result
        raise fresh(outcome.result)

    # Whether the server is still there

    def _patience(self) -> float:
        """Seconds for which the answer to a Ping of the keepalive is waited for."""
        return self._options.timeout or self._options.keepalive or 0.0

    def _watch(self) -> None:
        """Ask a server that has been silent for too long for a sign of life, and give it up if there is none."""
        keepalive = self._options.keepalive
        if keepalive is None or self.reason is not None:
            return
        now = self._loop.time()
        if self._asked_at is not None and self._heard_at >= self._asked_at:
            self._asked_at = None
        if self._asked_at is not None:
            due = self._asked_at + self._patience()
            if now >= due and (self._indulged or not self._was_held_up(now)):
                silence = now - self._heard_at
                self._lose(ConnectionLost(f"Asterisk has been silent for {silence:.3g} seconds, and answers no Ping"))
                return
            self._indulged = self._indulged or now >= due  # once; what there is to read is read before this runs again
            due = max(due, now + _LATE)
        else:
            due = max(self._heard_at, self._held_until()) + keepalive
            if now >= due:
                self._asked_at = now
                self._indulged = False
                self.send_aside(_KEEPALIVE)
                due = now + self._patience()
        # What holds the session may end long before it must.
        self._watch_timer = self._loop.call_at(min(due, now + keepalive), self._watch)

    def _was_held_up(self, now: float) -> bool:
        """Whether the event loop did not run when it should have, so that what the server sent is not read yet."""
        return self._watch_timer is not None and now - self._watch_timer.when() > _LATE

    @property
    def is_held(self) -> bool:
        """Whether the server may be busy with an action, and answer nothing behind it."""
        return self._held_until() > self._loop.time()

    def _held_until(self) -> float:
        """Until when the server's silence means nothing, on the loop's clock."""
        still = [each for each in self._holding if self._session.is_open(each[0])]
        if len(still) < len(self._holding):
            self._held_from = self._heard_at  # those behind the one that ended have begun since then
        self._holding = still
        until = self._held_from
        for pending, submitted, seconds in still:  # one after the other
            # Without a limit of the caller's, an action that was given up could hide a dead link for ever.
            if pending.forgotten and seconds == _NEVER:
                seconds = pending.action.timeout or 0.0
            until = max(until, submitted) + seconds
        if not still and self._written_while_held > _WINDOW and self._options.keepalive is not None:
            self._have_the_network_give_up(self._options.keepalive + self._patience())
        if not still:
            self._written_while_held = 0
        return until if still else 0.0

    # Deadlines: one timer for all

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._deadlines.next
        self._timer = self._loop.call_at(self._timer_at, self._expire) if self._timer_at != _NEVER else None

    def _expire(self) -> None:
        self._timer, self._timer_at = None, _NEVER
        for pending, patience in self._deadlines.expire(self._loop.time()):
            promise, name = pending.promise, pending.action.name
            assert promise is not None  # who waits no more is not due
            self._session.forget(pending)
            told = f"{name} was not answered within {patience:g} seconds"
            promise.set_exception(ManagerTimeout(told, action=pending.action))
        self._set_timer()


def _numeric(address: tuple[Any, ...]) -> str:
    """The address as text, with the interface of a link-local one."""
    scope = address[3] if len(address) == 4 else 0
    return f"{address[0]}%{scope}" if scope else str(address[0])


def _set(link: socket.socket, name: str, value: int) -> None:
    """Set an option of TCP, where the platform has it."""
    if hasattr(socket, name):
        with contextlib.suppress(OSError):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _unreached(sentence: str, cause: Exception) -> ConnectionLost:
    error = ConnectionLost(sentence)
    error.__cause__ = cause
    return error
