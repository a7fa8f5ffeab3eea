"""Streams of events and of list items, and waiting for a single event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import async_timeout

from .._session.dispatch import Selection
from ..errors import ConnectionLost, ManagerTimeout
from ..events.base import Event
from ..responses.base import Response
from .buffers import Buffer, ListBuffer

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["EventStream", "Iteration", "ListStream", "NextEvent", "source_of"]

EventT = TypeVar("EventT", bound=Event)
EventT_co = TypeVar("EventT_co", bound=Event, covariant=True)


class EventStream(Generic[EventT_co]):
    """The selected events, in the server's order, for `async for`.

    It is a context manager, plain or `async`. Leaving it, `close()`, or dropping the last reference
    to it ends the subscription. One task consumes it. A second one that waits at the same time gets
    a `RuntimeError`, and so does a task in an event loop other than the manager's. Cancelling the
    consumer loses no event.

    The iteration ends when the stream or the manager is closed. When the link is lost for good, it
    raises `ConnectionLost`, or the other error that ended the link, after the buffered events.

    The buffer holds `maxsize` events; further losses are counted in `dropped`. A stream continues
    when a lost link is established again. The events of the gap are missing, and `gaps` counts it.
    By default losses are also logged: an overflow once until the consumer catches up, and a gap by
    the link. With `on_loss="raise"`, `EventsLost` is raised in the place of the missing events,
    whatever the selectors. A new iteration then goes on behind that place.
    """

    __slots__ = (
        "__weakref__",
        "_before_waiting",
        "_buffer",
        "_delivered",
        "_end",
        "_next",
        "_owner",
    )

    def __init__(
        self,
        buffer: Buffer,
        end: Callable[[], None],
        *,
        before_waiting: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._buffer = buffer
        self._before_waiting = before_waiting  # called when the consumer first waits
        self._owner = buffer.owner
        self._next = buffer.give
        self._end: Callable[[], None] | None = end
        self._delivered = 0

    @property
    def delivered(self) -> int:
        """The number of events that the consumer took."""
        return self._delivered

    @property
    def dropped(self) -> int:
        """The number of events that were lost because the consumer was too slow."""
        return self._buffer.dropped

    @property
    def gaps(self) -> int:
        """The number of times that the link was lost and established again."""
        return self._buffer.gaps

    @property
    def ended(self) -> bool:
        """True if no more events come; `pending` ones can still be taken."""
        return self._buffer.ended

    @property
    def selection(self) -> Selection:
        """The selected events; the `str()` names them."""
        return self._buffer.selection

    @property
    def pending(self) -> int:
        """The number of events that are waiting for the consumer."""
        return self._buffer.pending

    def close(self) -> None:
        """End the subscription, and discard the events that were not taken. May be called again.

        Raises:
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._owner.check()
        end, self._end = self._end, None
        if end is not None:
            # The subscription ends first, so that no event is put into the emptied buffer.
            end()
            self._buffer.discard()
            self._next = self._buffer.give
            self._buffer.finish(None)

    def __aiter__(self) -> AsyncIterator[EventT_co]:
        self._owner.check()
        return self._iterate()

    async def __anext__(self) -> EventT_co:
        self._owner.check()
        return await self._iterate().__anext__()

    def _iterate(self) -> Iteration[EventT_co]:
        return Iteration(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except RuntimeError:
            # A stream of a closed loop may be collected in the manager's next loop.
            if kind is not GeneratorExit:
                raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __del__(self) -> None:
        end = getattr(self, "_end", None)
        if end is not None:
            self._owner.call(end)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self._buffer.selection}: {self.delivered} delivered, "
            f"{self.pending} pending, {self.dropped} dropped, {self.gaps} gaps>"
        )


class Iteration(Generic[EventT_co]):
    """One `async for` over a stream.

    The event loop is checked once, at its beginning. A check at each event would add a third to the
    cost of the delivery.
    """

    __slots__ = ("_stream",)

    def __init__(self, stream: EventStream[EventT_co]) -> None:
        self._stream = stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EventT_co:
        # A buffered event is returned without a turn of the event loop.
        try:
            event = self._stream._next()
            self._stream._delivered += 1
            return event  # type: ignore[return-value]
        except IndexError:
            return await self._wait()

    async def _wait(self) -> EventT_co:
        stream = self._stream
        if stream._before_waiting is not None and not stream._buffer.ended:
            before_waiting, stream._before_waiting = stream._before_waiting, None
            await before_waiting()
        await stream._buffer.filled()
        event = stream._next()
        stream._delivered += 1
        return event  # type: ignore[return-value]


class ListStream(EventStream[EventT_co]):
    """The items of a list as they arrive, for lists that are too long for memory.

    Leaving it early discards the rest of the list; other actions are not affected. An incomplete
    list never ends like a complete one: a refusal in its middle, a lost link, and silence for
    longer than the timeout all raise.
    """

    __slots__ = ()

    _buffer: ListBuffer

    @property
    def response(self) -> Response | None:
        """The reply that announced the list; `None` before it came."""
        return self._buffer.response

    @property
    def completion(self) -> Event | None:
        """The event that ended the list; `None` before it came."""
        response = self._buffer.response
        return None if response is None else response.events.completion


class NextEvent(Generic[EventT]):
    """An awaitable for the next event that matches; it may be awaited again.

    Dropping it ends the watch for the event.
    """

    __slots__ = ("__weakref__", "_found", "_stream", "_timeout")

    def __init__(self, stream: EventStream[EventT], timeout: float | None) -> None:
        self._stream = stream
        self._timeout = timeout
        self._found: EventT | None = None

    def __await__(self) -> Generator[Any, None, EventT]:
        return self._next().__await__()

    async def _next(self) -> EventT:
        if self._found is not None:
            return self._found
        selection = self._stream.selection
        try:
            async with async_timeout.timeout(self._timeout):
                self._found = await self._stream.__anext__()
        except asyncio.TimeoutError as error:
            sentence = f"no event came in {self._timeout:g} seconds ({selection})"
            raise ManagerTimeout(sentence) from error
        except StopAsyncIteration:
            sentence = f"the manager was closed before an event came ({selection})"
            raise ConnectionLost(sentence) from None
        self._stream.close()
        return self._found


def source_of(source: EventStream[Any] | NextEvent[Any]) -> tuple[EventStream[Any], Buffer]:
    """Return a stream and its buffer, for another stream that takes its events."""
    stream = source._stream if isinstance(source, NextEvent) else source
    return stream, stream._buffer
