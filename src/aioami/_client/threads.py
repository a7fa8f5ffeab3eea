"""A manager for programs that have no event loop: its names, blocking, on a loop in a thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import threading
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar, cast, overload

import async_timeout

from .._check import check_manager, check_seconds
from .._near import with_near_keywords
from .._session.dispatch import Selection, Selector
from .._session.statistics import Statistics
from .._warning import asked_from_here
from ..actions.base import Action, ResponseT_co
from ..errors import ConnectionLost, ManagerTimeout
from ..events.base import Event
from ..responses.base import ListReply, Response
from ..states import ManagerState
from .buffers import OnLoss, Overflow, Predicate
from .callbacks import Subscription
from .like import AskingView, ManagerLike
from .options import CALL_WORDS, DEFAULT, Timeout
from .streams import EventStream, ListStream, NextEvent

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..calls import Call, CallChange, CallChanges, CallEnd, CallState, Destination, PlacedCall
    from ..enums import HangupCause
    from ..fleet import Fleet, ServerHealth

__all__ = [
    "BlockingCall",
    "BlockingCallChanges",
    "BlockingFleet",
    "BlockingListStream",
    "BlockingManager",
    "BlockingStream",
    "BlockingSubscription",
    "in_thread",
]

T = TypeVar("T")
EventT = TypeVar("EventT", bound=Event)
EventT_co = TypeVar("EventT_co", bound=Event, covariant=True)
_A = TypeVar("_A", bound=Event)


@overload
def in_thread(manager: ManagerLike) -> BlockingManager: ...
@overload
def in_thread(manager: Fleet) -> BlockingFleet: ...
def in_thread(manager: ManagerLike | Fleet) -> BlockingManager | BlockingFleet:
    """Return a manager, or a fleet, with the same names, blocking, on an event loop in a thread.

    For programs without an event loop: Django, Flask, Celery, scripts. Any number of threads may
    use it at once. In a program that forks, make it after the fork.

    Example::

        with aioami.in_thread(Manager(host="127.0.0.1", username="admin", secret="s3cret")) as mgr:
            print(mgr.send(core.Ping()).RTT)

    Args:
        manager: a manager that is not connected, or a `Fleet`.

    Raises:
        TypeError: it is neither.
    """
    # Told by their names, as a fleet is above this room, and a manager may be of any kind.
    if hasattr(manager, "health") and not hasattr(manager, "send"):
        return BlockingFleet(manager)
    return BlockingManager(cast("ManagerLike", manager))


class _Stopped(Exception):
    """A thread takes nothing any more, as another one closed the manager at this moment."""


class _Thread:
    """An event loop that runs in a thread of its own until it is stopped."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.process = os.getpid()
        self._lock = threading.Lock()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.name = "aioami"

    def start(self) -> None:
        """Start the thread.

        Raises:
            RuntimeError: the system has no more threads.
        """
        try:
            self._thread.start()
        except RuntimeError:
            self._stopped = True
            self.loop.close()
            raise

    def _run(self) -> None:
        loop = self.loop
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            # It ends by itself where a callback raises what ends an event loop.
            with self._lock:
                self._stopped = True
            try:
                # Whoever still waits gets an end, as in asyncio.run().
                tasks = asyncio.all_tasks(loop)
                for task in tasks:
                    task.cancel()
                loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
                loop.run_until_complete(loop.shutdown_asyncgens())
            finally:
                loop.close()

    @property
    def is_here(self) -> bool:
        """True in the thread itself."""
        return threading.current_thread() is self._thread

    @property
    def is_stopped(self) -> bool:
        """True if the loop ends, or has ended."""
        return self._stopped

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Have a coroutine run in the loop; it is over when the thread is.

        Raises:
            _Stopped: the loop ends or has ended, and would never run it.
        """
        with self._lock:
            if not self._stopped:
                return asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        coroutine.close()
        raise _Stopped

    def stop(self) -> None:
        """Have the loop end, behind all that was submitted; may be called again."""
        with self._lock:
            # Once: a second stop would end the loop while it still ends its tasks.
            if not self._stopped:
                self._stopped = True
                self.loop.call_soon_threadsafe(self.loop.stop)

    def leave(self, manager: _Source) -> None:
        """Begin to close it, and to end the loop behind it; return at once."""

        async def left() -> None:
            try:
                await manager.close()
            finally:
                self.stop()

        with contextlib.suppress(_Stopped):
            self.submit(left())

    def join(self) -> None:
        """Wait until the thread has ended; one whose start was interrupted ends by itself."""
        with contextlib.suppress(RuntimeError):
            self._thread.join()


class _Source(Protocol):
    """A manager or a fleet, as far as its thread is concerned."""

    async def connect(self) -> None: ...
    async def close(self) -> None: ...

    # fmt: off
    def events(
        self, *selectors: Selector, where: Predicate | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> EventStream[Any]: ...
    def wait_for(
        self, *selectors: Selector, where: Predicate | None = ..., timeout: float | None = ...
    ) -> NextEvent[Any]: ...
    def on(
        self, *selectors: Selector, where: Predicate | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> Subscription[Any]: ...
    # fmt: on


class _Blocking:
    """The names that a manager and a fleet have in common, blocking, and the thread of the loop."""

    _kind = "manager"
    _example = "Manager(...)"

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._thread: _Thread | None = None

    # The thread

    def run(self, awaitable: Awaitable[T]) -> T:
        """Await something in the loop's thread, such as `response.outcome()`, and return it.

        Args:
            awaitable: what to await, made anywhere.

        Raises:
            ConnectionLost: the manager is not connected, or was closed meanwhile.
            asyncio.CancelledError: what was awaited raised it, or was cancelled there.
            RuntimeError: it was connected in another process; or this is the loop's own thread.
        """
        try:
            return self._run(lambda: awaitable)
        except ConnectionLost:
            if isinstance(awaitable, Coroutine):  # else Python warns of one that never began
                awaitable.close()
            raise

    def _run(self, begin: Callable[[], Awaitable[T]]) -> T:
        """Await in the loop's thread what a function makes there."""
        return self._run_or(begin, self._refuse)

    def _run_or(self, begin: Callable[[], Awaitable[T]], otherwise: Callable[[], T]) -> T:
        """Await in the loop's thread what a function makes there; call another one here if it ends.

        Args:
            otherwise: is called where there is no thread, or none any more.
        """
        thread = self._usable()
        if thread is None:
            return otherwise()
        try:
            return self._run_on(thread, begin)
        except _Stopped:
            thread.join()
        return otherwise()

    def _run_on(self, thread: _Thread, begin: Callable[[], Awaitable[T]]) -> T:
        begun = False

        async def awaited() -> T:
            nonlocal begun
            begun = True
            return await begin()

        future = thread.submit(awaited())
        try:
            return future.result()
        except concurrent.futures.CancelledError as error:
            if not begun:  # the loop ended before it came to this
                raise _Stopped from error
            if not thread.is_stopped:  # by itself
                raise asyncio.CancelledError(*error.args) from error
            raise ConnectionLost(f"the {self._kind} was closed") from error
        except BaseException:
            future.cancel()  # of no effect, but for an interruption of this thread
            raise

    def _usable(self) -> _Thread | None:
        thread = self._thread
        if thread is None:
            return None
        if thread.process != os.getpid():
            raise RuntimeError(
                f"this {self._kind} was connected in another process, and its thread is there: "
                f"call aioami.in_thread({self._example}) after the fork"
            )
        if thread.is_here:
            raise RuntimeError(
                f"this is the thread of the {self._kind}'s own loop: await the names of its "
                f"`{self._kind}` in an async callback, or asyncio.run_coroutine_threadsafe() from "
                "elsewhere"
            )
        return thread

    def _at_once(self, function: Callable[[], T]) -> T:
        """Call in the loop's thread what acts at once; before there is one, here."""

        async def called() -> T:
            return function()

        with asked_from_here():
            return self._run_or(called, function)

    # The link

    def connect(self) -> None:
        """Start the thread, connect, and log in; see `Manager.connect` and `Fleet.connect`.

        Raises:
            RuntimeError: it is connected.
        """
        thread = begun = None
        try:
            with self._lock:
                thread = self._usable()
                if thread is None:
                    thread = begun = _Thread()  # known before it starts, as Ctrl-C may come then
                    begun.start()
                    self._thread = begun
            self._run_on(thread, self._source.connect)
        except BaseException as error:
            stopped = isinstance(error, _Stopped)
            ended = thread if stopped else begun
            if ended is not None:
                self._end(ended)
            if stopped:
                raise ConnectionLost(f"the {self._kind} was closed") from None
            raise

    def close(self) -> None:
        """Close each link, end all streams, and end the thread.

        May be called again, and in another thread than one that is connecting, which gets
        `ConnectionLost` then.
        """
        thread = self._usable()
        if thread is not None:
            try:
                # Another thread may close it too, and be quicker.
                with contextlib.suppress(_Stopped, ConnectionLost):
                    self._run_on(thread, self._source.close)
            finally:
                self._end(thread)

    def _end(self, thread: _Thread) -> None:
        # First, as Ctrl-C may come behind it: then the next call finds a thread that was stopped.
        thread.stop()
        with self._lock:
            if self._thread is thread:
                self._thread = None
        thread.join()

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        thread = getattr(self, "_thread", None)
        if thread is not None and thread.process == os.getpid():
            thread.leave(self._source)
            text = f"{self!r} was dropped without close()"
            warnings.warn(text, ResourceWarning, source=self, stacklevel=2)

    # What it says of itself

    @property
    def is_running(self) -> bool:
        """True while there is a thread, from `connect()` to the end of `close()`."""
        return self._thread is not None and not self._thread.loop.is_closed()

    # Events

    # fmt: off
    @overload
    def events(
        self, a: type[EventT], /, *,
        where: Callable[[EventT], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> BlockingStream[EventT]: ...
    @overload
    def events(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> BlockingStream[Event]: ...
    # fmt: on
    def events(
        self,
        *selectors: Selector,
        where: Predicate | None = None,
        maxsize: int | None = 10_000,
        overflow: Overflow = "drop_oldest",
        on_loss: OnLoss = "count",
    ) -> BlockingStream[Any]:
        """Return the events that come from now on; see `Manager.events`.

        `where` is called in the loop's thread.
        """
        stream = self._at_once(
            lambda: self._source.events(
                *selectors, where=where, maxsize=maxsize, overflow=overflow, on_loss=on_loss
            )
        )
        return BlockingStream(self, stream)

    # fmt: off
    @overload
    def wait_for(
        self, a: type[EventT], /, *,
        where: Callable[[EventT], object] | None = ..., timeout: float | None = ...,
    ) -> EventT: ...
    @overload
    def wait_for(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., timeout: float | None = ...,
    ) -> Event: ...
    # fmt: on
    def wait_for(
        self, *selectors: Selector, where: Predicate | None = None, timeout: float | None = None
    ) -> Any:
        """Wait for the next event that matches, and return it; see `Manager.wait_for`.

        Only what comes after the call is seen. To send an action first and miss nothing, open
        `events()` before it.
        """
        with asked_from_here():
            return self._run(
                lambda: self._source.wait_for(*selectors, where=where, timeout=timeout)
            )

    # fmt: off
    @overload
    def on(
        self, a: type[EventT], /, *,
        where: Callable[[EventT], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> BlockingSubscription[EventT]: ...
    @overload
    def on(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> BlockingSubscription[Event]: ...
    # fmt: on
    def on(
        self,
        *selectors: Selector,
        where: Predicate | None = None,
        maxsize: int | None = 10_000,
        overflow: Overflow = "drop_oldest",
    ) -> BlockingSubscription[Any]:
        """Return a decorator that has a function called with each event; see `Manager.on`.

        The function is called in the loop's thread. One that is not `async` holds up all else there
        while it runs.
        """
        subscription = self._at_once(
            lambda: self._source.on(*selectors, where=where, maxsize=maxsize, overflow=overflow)
        )
        return BlockingSubscription(self, subscription)

    def _refuse(self) -> NoReturn:
        raise ConnectionLost(f"the {self._kind} is not connected: call connect(), or use `with`")


class BlockingManager(_Blocking):
    """The names of a manager, blocking; `aioami.in_thread` makes it.

    Each method does in the thread of the event loop what the method of that name does, and blocks
    until it is done. It raises the same errors. An interrupted one (Ctrl-C) is cancelled there.

    A callback is called in the thread of the loop. There the blocking names would wait for
    themselves, and raise `RuntimeError`; an `async` callback awaits those of `manager`.

    Attributes:
        manager: the manager that does the work.
    """

    def __init__(self, manager: ManagerLike) -> None:
        check_manager("manager", manager)
        super().__init__(manager)
        self.manager = manager

    def __repr__(self) -> str:
        return f"<BlockingManager of {self.manager!r}>"

    def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until the manager is logged in; see `Manager.wait_ready`."""
        self._run(lambda: self.manager.wait_ready(timeout))

    def wait_booted(self, timeout: float | None = None) -> None:
        """Wait until Asterisk has loaded all its modules; see `Manager.wait_booted`."""
        self._run(lambda: self.manager.wait_booted(timeout))

    @property
    def state(self) -> ManagerState:
        """The state of the link at this moment."""
        return self.manager.state

    @property
    def version(self) -> str:
        """The server's AMI version; empty before it greets."""
        return self.manager.version

    @property
    def view(self) -> AskingView:
        """The part of the server that is seen from here; `run(mgr.view.ask())` asks for rights."""
        return cast("AskingView", self.manager.view)

    def statistics(self) -> Statistics:
        """Return the counts of what went over the link."""
        return self.manager.statistics()

    # Actions

    def send(
        self,
        action: Action[ResponseT_co],
        *,
        timeout: Timeout = DEFAULT,
        check: bool = True,
        action_id: str | None = None,
    ) -> ResponseT_co:
        """Send an action and return its response; see `Manager.send`."""
        return self._run(
            lambda: self.manager.send(action, timeout=timeout, check=check, action_id=action_id)
        )

    @overload
    def stream(
        self, action: Action[ListReply[_A, Any]], *, timeout: Timeout = ...
    ) -> BlockingListStream[_A]: ...
    @overload
    def stream(
        self, action: Action[Any], *, timeout: Timeout = ...
    ) -> BlockingListStream[Event]: ...
    def stream(self, action: Action[Any], *, timeout: Timeout = DEFAULT) -> BlockingListStream[Any]:
        """Send an action that is answered with a list; return its items; see `Manager.stream`."""
        if self._usable() is None:
            raise ConnectionLost(f"{action.name} was not sent: the manager is not connected")
        stream = self._at_once(lambda: self.manager.stream(action, timeout=timeout))
        return BlockingListStream(self, stream)

    @with_near_keywords(CALL_WORDS)
    def call(
        self,
        channel: str | bytes,
        *,
        to: Destination,
        timeout: float = 30.0,
        caller_id: str | bytes | None = None,
        variables: Mapping[str, str | bytes | int] | None = None,
        account: str | bytes | None = None,
        codecs: str | Iterable[str] | None = None,
        early_media: bool = False,
    ) -> BlockingCall:
        """Place a call, and return it once Asterisk has accepted it; see `Manager.call`.

        It is hung up where `with` is left; without `with` it goes on. A program is an `async`
        function, and runs in the loop's thread. An interruption (Ctrl-C) before the call is
        accepted has it hung up.
        """

        async def place() -> tuple[PlacedCall, Call]:
            placed = self.manager.call(
                channel,
                to=to,
                timeout=timeout,
                caller_id=caller_id,
                variables=variables,
                account=account,
                codecs=codecs,
                early_media=early_media,
            )
            return placed, await placed.__aenter__()

        with asked_from_here():
            return BlockingCall(self, *self._run(place))


class _Member(BlockingManager):
    """The manager of a server of a fleet, on the thread of the fleet."""

    def __init__(self, fleet: BlockingFleet, manager: ManagerLike) -> None:
        super().__init__(manager)
        self._fleet = fleet

    def _usable(self) -> _Thread | None:
        return self._fleet._usable()

    @property
    def is_running(self) -> bool:
        return self._fleet.is_running

    def connect(self) -> None:
        self._run(self.manager.connect)

    def close(self) -> None:
        self._run_or(self.manager.close, lambda: None)

    def _refuse(self) -> NoReturn:
        self._fleet._refuse()

    def __del__(self) -> None:
        """Leave the thread, which is the fleet's."""


class BlockingFleet(_Blocking):
    """The names of a fleet, blocking; `aioami.in_thread` makes it of a `Fleet`.

    All servers share one event loop, in one thread. Each name does there what that of `Fleet` does;
    see also `BlockingManager`::

        with aioami.in_thread(Fleet({"pbx1": "ami://u:s@10.0.0.1"})) as fleet:
            fleet["pbx1"].send(core.Ping())
            for event in fleet.events(events.Hangup):
                print(event.server, event.channel)

    `fleet[name]` is the server's manager, a `BlockingManager` whose `connect` and `close` are of
    the one server, and leave the thread alone.

    Attributes:
        fleet: the fleet that does the work.
    """

    _kind = "fleet"
    _example = "Fleet(...)"

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet)
        self.fleet = fleet

    def __repr__(self) -> str:
        return f"<BlockingFleet of {self.fleet!r}>"

    @property
    def servers(self) -> tuple[str, ...]:
        """The names of the servers, in the order in which they were added."""
        return self.fleet.servers

    def __getitem__(self, name: str) -> BlockingManager:
        """The manager of a server, blocking; a `KeyError` if there is no such server."""
        return _Member(self, self.fleet[name])

    def __contains__(self, name: object) -> bool:
        return name in self.fleet

    def __iter__(self) -> Iterator[str]:
        return iter(self.servers)

    def __len__(self) -> int:
        return len(self.fleet)

    def add(self, name: str, server: str | ManagerLike) -> BlockingManager:
        """Add a server, and return its manager, which begins to connect; see `Fleet.add`."""
        return _Member(self, self._at_once(lambda: self.fleet.add(name, server)))

    def remove(self, name: str) -> None:
        """Close a server's manager, and forget the server; see `Fleet.remove`."""
        self._run_or(lambda: self.fleet.remove(name), lambda: asyncio.run(self.fleet.remove(name)))

    def observe_servers(
        self, observer: Callable[[str, ManagerLike | None], object]
    ) -> Callable[[], None]:
        """Have a function called, in the loop's thread, with each server that comes or goes.

        See `Fleet.observe_servers`.
        """
        return self.fleet.observe_servers(observer)

    def health(self) -> dict[str, ServerHealth]:
        """Return the health of each server at this moment, by name."""
        return self._at_once(self.fleet.health)

    def statistics(self) -> dict[str, Statistics]:
        """Return the counts of each server's manager, by name."""
        return self.fleet.statistics()


class BlockingStream(Generic[EventT_co]):
    """The events of a stream, through `for`; see `EventStream`.

    It is a context manager; leaving it, `close()`, or dropping it ends the subscription. The
    iteration ends when the stream or the manager is closed, and raises what `EventStream` raises.
    """

    def __init__(self, manager: _Blocking, stream: EventStream[EventT_co]) -> None:
        self._manager = manager
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
            ManagerTimeout: none came in time; nothing is lost by that.
            StopIteration: the stream or the manager was closed.
            ConnectionLost: the link was lost for good; or the manager is not connected.
            EventsLost: some are missing here; with `on_loss="raise"`.
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
        event = self._manager._run_or(following, self._next_without_loop)
        if event is None:
            raise StopIteration
        return event

    def _next_without_loop(self) -> EventT_co:
        """Return what an ended stream still holds; it never waits, and needs no loop for that."""
        if not self._stream.ended:
            self._manager._refuse()
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
        """The number of times that the link was lost and established again meanwhile."""
        return self._stream.gaps

    @property
    def ended(self) -> bool:
        """True if no more events come; those that are `pending` can still be taken."""
        return self._stream.ended

    @property
    def selection(self) -> Selection:
        """The events that were asked for; its `str()` names them."""
        return self._stream.selection

    @property
    def pending(self) -> int:
        """The number of events that are waiting for the consumer."""
        return self._stream.pending

    def close(self) -> None:
        """End the subscription, and discard what was not taken. May be called again."""
        self._manager._at_once(self._stream.close)

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
    """A callback and the events that it is called with; see `Subscription`."""

    def __init__(self, manager: _Blocking, subscription: Subscription[EventT_co]) -> None:
        self._manager = manager
        self._subscription = subscription

    def __call__(self, callback: Callable[[EventT_co], T]) -> Callable[[EventT_co], T]:
        """Have a callback called with each event from now on, and return it as it is."""
        return self._manager._at_once(lambda: self._subscription(callback))

    def close(self) -> None:
        """End the subscription, and discard what was not handed over. May be called again."""
        self._manager._at_once(self._subscription.close)

    def wait_closed(self) -> None:
        """Wait until the callback is not running, and will be called no more."""
        self._manager._run_or(self._subscription.wait_closed, self._ended_without_loop)

    def _ended_without_loop(self) -> None:
        """Say what the end was, if there was one; it never waits, and needs no loop for that."""
        try:
            self._subscription.wait_closed().send(None)
        except StopIteration:
            return
        except RuntimeError:  # it would wait, in a loop that is not there
            self._manager._refuse()

    def __repr__(self) -> str:
        return f"<BlockingSubscription of {self._subscription!r}>"


class BlockingCall:
    """A call, blocking; see `Call`. `BlockingManager.call` places it.

    It is a context manager; leaving it hangs up the call, unless it was detached.
    """

    def __init__(self, manager: BlockingManager, placed: PlacedCall, call: Call) -> None:
        self._manager = manager
        self._placed = placed
        self._call = call

    @property
    def uniqueid(self) -> str:
        """The Uniqueid of its channel."""
        return self._call.uniqueid

    @property
    def channel(self) -> str | None:
        """The name of its channel; `None` before there is one."""
        return self._call.channel

    @property
    def state(self) -> CallState:
        """The state, as far as the events that have come tell."""
        return self._call.state

    @property
    def bridged_with(self) -> tuple[str, ...]:
        """The Uniqueids of the channels that share a bridge with it, without a parking lot's."""
        return self._call.bridged_with

    @property
    def held(self) -> bool:
        """True if the phone has put the call on hold."""
        return self._call.held

    @property
    def parked(self) -> bool:
        """True if it is parked."""
        return self._call.parked

    @property
    def parking_space(self) -> str | None:
        """The space where it is parked; see `Call.parking_space`."""
        return self._call.parking_space

    @property
    def end(self) -> CallEnd | None:
        """The end; `None` while it goes on."""
        return self._call.end

    def to_dict(self) -> dict[str, Any]:
        """Return its state, and its end if it has ended, as a dictionary that is ready for JSON."""
        return self._call.to_dict()

    def answered(self, timeout: float | None = None) -> float:
        """Wait until somebody has answered it, and return the time; see `Call.answered`."""
        return self._manager._run(lambda: self._call.answered(timeout))

    def ended(self, timeout: float | None = None) -> CallEnd:
        """Wait until it has ended, and return its end; see `Call.ended`."""
        return self._call.end or self._manager._run(lambda: self._call.ended(timeout))

    def changes(self) -> BlockingCallChanges:
        """Return the changes from now on, for `for`; they end with the call."""
        return BlockingCallChanges(self._manager, self._manager._at_once(self._call.changes))

    def hang_up(self, cause: HangupCause | int | None = None) -> None:
        """Hang it up, in whatever state it is; see `Call.hang_up`."""
        if self._call.end is None:
            self._manager._run(lambda: self._call.hang_up(cause))

    def redirect(self, context: str, exten: str, priority: int | str = 1) -> None:
        """Send it to another place in the dialplan; see `Call.redirect`."""
        self._manager._run(lambda: self._call.redirect(context, exten, priority))

    def transfer(self, exten: str, context: str) -> None:
        """Send the one that it talks with to an extension; see `Call.transfer`."""
        self._manager._run(lambda: self._call.transfer(exten, context))

    def bridge(self, other: BlockingCall | Call | str) -> None:
        """Have it talk with another channel; see `Call.bridge`."""
        given = other._call if isinstance(other, BlockingCall) else other
        self._manager._run(lambda: self._call.bridge(given))

    def park(self, *, timeout: float | None = None, lot: str | None = None) -> str:
        """Park it, and return the space; see `Call.park`."""
        return self._manager._run(lambda: self._call.park(timeout=timeout, lot=lot))

    def mute(self, muted: bool = True, *, listening: bool = False, talking: bool = True) -> None:
        """Silence it, or let it be heard again; see `Call.mute`."""
        self._manager._run(lambda: self._call.mute(muted, listening=listening, talking=talking))

    def record(self, file: str, *, options: str = "") -> str:
        """Record it, and return the id of the recording; see `Call.record`."""
        return self._manager._run(lambda: self._call.record(file, options=options))

    def press(self, digits: str) -> None:
        """Send digits to its phone, as tones; see `Call.press`."""
        self._manager._run(lambda: self._call.press(digits))

    def get(self, name: str | bytes) -> str | None:
        """Return a variable of its channel; see `Call.get`."""
        return self._manager._run(lambda: self._call.get(name))

    def set(self, name: str | bytes, value: str | int) -> None:
        """Set a variable of its channel; see `Call.set`."""
        self._manager._run(lambda: self._call.set(name, value))

    def detach(self) -> None:
        """Have it go on when `with` is left."""
        self._manager._at_once(self._call.detach)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._call.end is None:
            self._manager._run(lambda: self._placed.__aexit__(kind, error, traceback))

    def __repr__(self) -> str:
        return f"<BlockingCall of {self._call!r}>"


class BlockingCallChanges:
    """The changes of a call, through `for`; see `CallChanges`."""

    def __init__(self, manager: BlockingManager, changes: CallChanges) -> None:
        self._manager = manager
        self._changes = changes

    def __iter__(self) -> Iterator[CallChange]:
        return self

    def __next__(self) -> CallChange:
        async def following() -> CallChange | None:
            try:
                return await self._changes.__anext__()
            except StopAsyncIteration:  # it cannot leave a coroutine
                return None

        change = self._manager._run_or(following, self._next_without_loop)
        if change is None:
            raise StopIteration
        return change

    def _next_without_loop(self) -> CallChange | None:
        """Return the next change that is there: the manager was closed, which ended the call."""
        try:
            self._changes.__anext__().send(None)
        except StopIteration as found:
            return found.value  # type: ignore[no-any-return]
        except StopAsyncIteration:
            return None
        raise AssertionError("the changes of a call that has ended do not wait")
