"""Blocking streams and callbacks, for a manager whose event loop runs in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

import async_timeout

from .._check import check_seconds
from .._session.dispatch import Selection
from ..errors import ManagerTimeout
from ..events.base import Event
from ..responses.base import Response
from .callbacks import Subscription
from .loopthread import LoopThread
from .streams import EventStream, ListStream

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BlockingListStream", "BlockingStream", "BlockingSubscription"]

T = TypeVar("T")
EventT_co = TypeVar("EventT_co", bound=Event, covariant=True)


class BlockingStream(Generic[EventT_co]):
    """The events of a stream, through `for`; see `EventStream`.

    It is a context manager; leaving it, `close()`, or dropping it ends the subscription. The
    iteration ends when the stream or the manager is closed, and raises what `EventStream` raises.
    """

    def __init__(self, thread: LoopThread, stream: EventStream[EventT_co]) -> None:
        self._thread = thread
        self._stream = stream

    def __iter__(self) -> Iterator[EventT_co]:
        return self

    def __next__(self) -> EventT_co:
        return self._next(None)

    def next(self, timeout: float | None = None) -> EventT_co:
        """Return the next event.

        Args:
            timeout: seconds to wait for it; `None` is no limit.

        Raises:
            ManagerTimeout: no event came in time; none is lost by that.
            StopIteration: the stream or the manager was closed.
            ConnectionLost: the link was lost for good; or the manager is not connected.
            EventsLost: events are missing here; only with `on_loss="raise"`.
        """
        return self._next(timeout)

    def _next(self, timeout: float | None) -> EventT_co:
        async def following() -> EventT_co | None:
            # A StopAsyncIteration cannot leave a coroutine.
            try:
                async with async_timeout.timeout(timeout):
                    return await self._stream.__anext__()
            except StopAsyncIteration:
                return None
            except asyncio.TimeoutError as error:
                sentence = f"no event came in {timeout:g} seconds ({self._stream.selection})"
                raise ManagerTimeout(sentence) from error

        check_seconds("timeout", timeout)
        event = self._thread.run_or(following, self._next_without_loop)
        if event is None:
            raise StopIteration
        return event

    def _next_without_loop(self) -> EventT_co:
        """Return the next event of an ended stream, without waiting and without the loop."""
        if not self._stream.ended:
            self._thread.refuse()
        try:
            self._stream.__anext__().send(None)
        except StopIteration as found:
            return found.value  # type: ignore[no-any-return]
        except StopAsyncIteration:
            raise StopIteration from None
        raise AssertionError("a stream that has ended does not wait")

    @property
    def delivered(self) -> int:
        """The number of events that the consumer took."""
        return self._stream.delivered

    @property
    def dropped(self) -> int:
        """The number of events that were lost because the consumer was too slow."""
        return self._stream.dropped

    @property
    def gaps(self) -> int:
        """The number of times that the link was lost and established again."""
        return self._stream.gaps

    @property
    def ended(self) -> bool:
        """True if no more events come; `pending` ones can still be taken."""
        return self._stream.ended

    @property
    def selection(self) -> Selection:
        """The selected events; the `str()` names them."""
        return self._stream.selection

    @property
    def pending(self) -> int:
        """The number of events that are waiting for the consumer."""
        return self._stream.pending

    def close(self) -> None:
        """End the subscription, and discard the events that were not taken. May be called again."""
        self._thread.at_once(self._stream.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._stream!r}>"


class BlockingListStream(BlockingStream[EventT_co]):
    """The items of a list as they arrive, through `for`; see `ListStream`."""

    _stream: ListStream[EventT_co]

    @property
    def response(self) -> Response | None:
        """The reply that announced the list; `None` before it came."""
        return self._stream.response

    @property
    def completion(self) -> Event | None:
        """The event that ended the list; `None` before it came."""
        return self._stream.completion


class BlockingSubscription(Generic[EventT_co]):
    """A callback and its events; see `Subscription`."""

    def __init__(self, thread: LoopThread, subscription: Subscription[EventT_co]) -> None:
        self._thread = thread
        self._subscription = subscription

    def __call__(self, callback: Callable[[EventT_co], T]) -> Callable[[EventT_co], T]:
        """Register the callback for each event from now on; return it unchanged."""
        return self._thread.at_once(lambda: self._subscription(callback))

    def close(self) -> None:
        """End the subscription, and discard events not yet handed over. May be called again."""
        self._thread.at_once(self._subscription.close)

    def wait_closed(self) -> None:
        """Wait until the callback has ended and will not be called again."""
        self._thread.run_or(self._subscription.wait_closed, self._ended_without_loop)

    def _ended_without_loop(self) -> None:
        """Raise the error that ended the subscription, without waiting and without the loop."""
        try:
            self._subscription.wait_closed().send(None)
        except StopIteration:
            return
        except RuntimeError:  # it would wait, in a loop that is not there
            self._thread.refuse()

    def __repr__(self) -> str:
        return f"<BlockingSubscription of {self._subscription!r}>"
