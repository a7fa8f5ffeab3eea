"""One TCP session with a server. It is used once, and dies with one recorded reason."""

from __future__ import annotations

import asyncio
import functools
import heapq
import socket
import ssl as tls
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import async_timeout

from .actions.base import Action, ResponseT_co
from .dispatch import Dispatcher
from .errors import ConnectionLost, ManagerError, ManagerTimeout
from .events.base import Event
from .recording import Recorder
from .responses.base import OutcomeReply, Response
from .session import Outcome, Pending, Promise, Session
from .wire import Framer

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Connection"]


class _ParsingReader(asyncio.StreamReader):
    """A reader that hands bytes on as they arrive, instead of keeping them until somebody reads.

    Asterisk cuts off whoever does not read for 100 ms, so nothing that a consumer does may hold this up.
    """

    def __init__(self, received: Callable[[bytes], None], ended: Callable[[Exception | None], None]) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._received = received
        self._ended = ended

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]
        self._received(data)

    def feed_eof(self) -> None:
        super().feed_eof()
        self._ended(None)

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self._ended(exc)


class Connection:
    """A link to a server: bytes to messages, actions to replies, deadlines, and the reason of its end.

    Args:
        dispatcher: who gets the events.
        max_frame_size: bytes that one message may have; `None` lifts the limit.
        ended: called once when the link is over, with the reason; not for `close`.
        recorder: what writes down all that comes and goes, if anything does.

    Attributes:
        reason: why the link is over; `None` while it is not.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        max_frame_size: int | None,
        ended: Callable[[Connection, ManagerError], None],
        recorder: Recorder | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._framer = Framer(max_frame_size)
        self._session = Session(dispatcher, clock=time.perf_counter)
        self._ended = ended
        self._recorder = recorder
        self._reader = _ParsingReader(self._received, self._stream_ended)
        self._writer: asyncio.StreamWriter | None = None
        self._batch: list[Pending] | None = None
        self._deadlines: list[tuple[float, int, float, Pending, Callable[[], float] | None]] = []
        self._deadline_numbers = 0
        self._timer: asyncio.TimerHandle | None = None
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self.reason: ManagerError | None = None

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        *,
        ssl: tls.SSLContext | None,
        server_hostname: str | None,
        timeout: float | None,
        dispatcher: Dispatcher,
        max_frame_size: int | None,
        ended: Callable[[Connection, ManagerError], None],
        recorder: Recorder | None,
    ) -> Self:
        """Reach the server, and wait for its greeting. Every address that the name stands for is tried.

        Raises:
            ConnectionLost: it was not reached, or did not greet, within `timeout` seconds for each of the two.
            ProtocolError: whoever answers there does not speak AMI.
        """
        connection = cls(dispatcher, max_frame_size=max_frame_size, ended=ended, recorder=recorder)
        try:
            await connection._reach(host, port, ssl, server_hostname, timeout)
            await connection._be_greeted(timeout)
        except BaseException:
            connection.close(ConnectionLost("connecting was given up"))
            connection._close_socket()  # the reason of the end may be older than the socket
            raise
        return connection

    async def _reach(
        self, host: str, port: int, ssl: tls.SSLContext | None, server_hostname: str | None, timeout: float | None
    ) -> None:
        where = f"{host}:{port}"
        try:
            async with async_timeout.timeout(timeout):
                found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except asyncio.TimeoutError as error:
            raise ConnectionLost(f"the name {host} was not resolved within {timeout:g} seconds") from error
        except (OSError, UnicodeError) as error:
            raise ConnectionLost(f"the name {host} could not be resolved: {error}") from error
        failure: ConnectionLost | None = None
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            protocol = asyncio.StreamReaderProtocol(self._reader, loop=self._loop)
            try:
                async with async_timeout.timeout(timeout):
                    transport, _ = await self._loop.create_connection(
                        lambda protocol=protocol: protocol,
                        _numeric(address),
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
                return
        raise failure or ConnectionLost(f"the name {host} stands for no address")

    async def _be_greeted(self, timeout: float | None) -> None:
        try:
            async with async_timeout.timeout(timeout):
                await asyncio.shield(self._greeted)
        except asyncio.TimeoutError as error:
            raise ConnectionLost(f"the server did not greet within {timeout:g} seconds") from error

    @property
    def banner(self) -> str:
        """The server's greeting line."""
        return self._framer.banner or ""

    @property
    def session(self) -> Session:
        """What was asked here, and what came of it."""
        return self._session

    # From the server

    def _received(self, data: bytes) -> None:
        if self.reason is not None:
            return
        if self._recorder is not None:
            self._recorder.received(data)
        framer = self._framer
        texts = framer.feed(data)
        if not self._greeted.done() and framer.banner is not None:
            self._greeted.set_result(None)
        if texts:
            self._session.receive(texts)
        if framer.error is not None:
            self._lose(framer.error)

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
        if self._timer is not None:
            self._timer.cancel()
        self._deadlines.clear()
        if not self._greeted.done():
            self._greeted.set_exception(reason)
            self._greeted.exception()  # nobody needs to be there to hear it
        self._session.lose(reason)
        if self._recorder is not None:
            self._recorder.close()
        self._close_socket()

    def _close_socket(self) -> None:
        if self._writer is not None:
            # What was written is still sent, but nobody waits for a peer that takes nothing.
            self._writer.close()
            if self._writer.transport.get_write_buffer_size():
                self._writer.transport.abort()

    async def closed(self, timeout: float | None) -> None:
        """Wait until the socket is closed, or `timeout` seconds at the most."""
        if self._writer is None:
            return
        try:
            async with async_timeout.timeout(timeout):
                await self._writer.wait_closed()
        except (OSError, asyncio.TimeoutError):
            self._writer.transport.abort()

    # To the server

    async def send(
        self,
        action: Action[ResponseT_co],
        *,
        timeout: float | None,
        action_id: str | None = None,
    ) -> ResponseT_co:
        """Send an action, and return its complete response, whatever it says.

        Raises:
            ConnectionLost: the link is over, or ends before the answer is complete.
            ManagerTimeout: the answer was not complete after `timeout` seconds.
            ValueError: the ActionID cannot be sent, or is in use.
        """
        answer: asyncio.Future[ResponseT_co] = self._loop.create_future()
        pending = self._submit(action, answer, timeout, action_id)
        outcome = pending.outcome
        try:
            response = await answer
        except BaseException:
            self._session.forget(pending)
            raise
        if outcome is not None and isinstance(response, OutcomeReply):
            response._wait_for_outcome = functools.partial(self._wait_for_outcome, outcome)
        return response

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
    ) -> Pending:
        if self.reason is not None:
            raise ConnectionLost(f"{action.name} was not sent: {self.reason}") from self.reason
        pending = self._session.submit(action, promise, action_id=action_id, on_item=on_item)
        if timeout is not None:
            self._set_deadline(self._loop.time(), timeout, pending, last_progress)
        if self._batch is None:
            # The first action of a tick leaves at once; those that follow in the same tick leave together.
            self._batch = []
            self._loop.call_soon(self._write_batch)
            self._write([pending])
        else:
            self._batch.append(pending)
        return pending

    def _write_batch(self) -> None:
        batch, self._batch = self._batch, None
        if batch and self.reason is None:
            self._write([pending for pending in batch if not pending.forgotten])

    def _write(self, pendings: list[Pending]) -> None:
        assert self._writer is not None
        self._writer.write(b"".join([pending.data for pending in pendings]))
        now = time.perf_counter()
        for pending in pendings:
            if self._recorder is not None:
                self._recorder.sent(pending.data)
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
        raise outcome.result

    # Deadlines: one timer for all

    def _set_deadline(
        self, start: float, timeout: float, pending: Pending, last_progress: Callable[[], float] | None
    ) -> None:
        deadlines = self._deadlines
        if len(deadlines) > 2 * len(self._session) + 1024:
            deadlines[:] = [entry for entry in deadlines if entry[3].promise is not None]
            heapq.heapify(deadlines)
        self._deadline_numbers += 1
        when = start + timeout
        heapq.heappush(deadlines, (when, self._deadline_numbers, timeout, pending, last_progress))
        if self._timer is None or when < self._timer.when():
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadlines[0][0], self._expire) if self._deadlines else None

    def _expire(self) -> None:
        now = self._loop.time()
        deadlines = self._deadlines
        self._timer = None
        while deadlines and (deadlines[0][0] <= now or deadlines[0][3].promise is None):
            _, _, timeout, pending, last_progress = heapq.heappop(deadlines)
            promise = pending.promise
            if promise is None or promise.done():
                continue
            start = last_progress() if last_progress is not None else 0.0
            if start + timeout > now:
                self._set_deadline(start, timeout, pending, last_progress)
                continue
            self._session.forget(pending)
            promise.set_exception(
                ManagerTimeout(
                    f"{pending.action.name} was not answered within {timeout:g} seconds", action=pending.action
                )
            )
        self._set_timer()


def _numeric(address: tuple[Any, ...]) -> str:
    """The address as text, with the interface of a link-local one."""
    scope = address[3] if len(address) == 4 else 0
    return f"{address[0]}%{scope}" if scope else str(address[0])


def _unreached(sentence: str, cause: Exception) -> ConnectionLost:
    error = ConnectionLost(sentence)
    error.__cause__ = cause
    return error
