"""Blocking managers for programs without an event loop, on a loop in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, overload

from .._check import check_manager
from .._near import with_near_keywords
from .._session.dispatch import Selector
from .._session.statistics import Statistics
from .._warning import asked_from_here
from ..actions.base import Action, ResponseT_co
from ..errors import ConnectionLost
from ..events.base import Event
from ..responses.base import ListReply
from ..states import ManagerState
from .blocking import BlockingListStream, BlockingStream, BlockingSubscription
from .blocking_calls import BlockingCall
from .buffers import OnLoss, Overflow, Predicate
from .callbacks import Subscription
from .like import AskingView, ManagerLike
from .loopthread import LoopThread, Source
from .options import CALL_WORDS, DEFAULT, Timeout
from .streams import EventStream, NextEvent

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..calls import Call, Destination, PlacedCall
    from ..fleet import Fleet, ServerHealth

__all__ = ["BlockingFleet", "BlockingManager", "in_thread"]

T = TypeVar("T")
EventT = TypeVar("EventT", bound=Event)
EventT_co = TypeVar("EventT_co", bound=Event, covariant=True)
_A = TypeVar("_A", bound=Event)


@overload
def in_thread(manager: ManagerLike) -> BlockingManager: ...
@overload
def in_thread(manager: Fleet) -> BlockingFleet: ...
def in_thread(manager: ManagerLike | Fleet) -> BlockingManager | BlockingFleet:
    """Return a manager or a fleet with the same methods, but blocking, on a loop in a thread.

    It is for programs without an event loop: Django, Flask, Celery, scripts. Any number of threads
    may use it at once. In a program that forks, make it after the fork.

    Example::

        with aioami.in_thread(Manager(host="127.0.0.1", username="admin", secret="s3cret")) as mgr:
            print(mgr.send(core.Ping()).RTT)

    Args:
        manager: a manager that is not connected, or a `Fleet`.

    Raises:
        TypeError: `manager` is neither.
    """
    # Distinguished by their methods: this package may not import Fleet, and any class may be a
    # manager.
    if hasattr(manager, "health") and not hasattr(manager, "send"):
        return BlockingFleet(manager)
    return BlockingManager(cast("ManagerLike", manager))


class _Source(Source, Protocol):
    """The methods that a manager and a fleet have in common."""

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
    """The blocking methods that a manager and a fleet have in common, and the loop's thread."""

    def __init__(self, source: _Source, thread: LoopThread) -> None:
        self._source = source
        self._thread = thread

    def run(self, awaitable: Awaitable[T]) -> T:
        """Await something in the loop's thread, such as `response.outcome()`; return its result.

        Args:
            awaitable: the object to await; it may have been made in any thread.

        Raises:
            ConnectionLost: the manager is not connected, or was closed meanwhile.
            asyncio.CancelledError: the awaitable raised it, or was cancelled.
            RuntimeError: it was connected in another process; or this is the loop's own thread.
        """
        try:
            return self._thread.run(lambda: awaitable)
        except ConnectionLost:
            if isinstance(awaitable, Coroutine):  # else Python warns that it was never awaited
                awaitable.close()
            raise

    def connect(self) -> None:
        """Start the thread, connect, and log in; see `Manager.connect` and `Fleet.connect`.

        Raises:
            RuntimeError: it is connected already.
        """
        self._thread.connect()

    def close(self) -> None:
        """Close each link, end all streams, and end the thread.

        May be called again, and in any other thread; a thread that is connecting then gets
        `ConnectionLost`.
        """
        self._thread.close()

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

    @property
    def is_running(self) -> bool:
        """True while there is a thread, from `connect()` to the end of `close()`."""
        return self._thread.is_running

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
        """Return a stream of the events from now on; see `Manager.events`.

        `where` is called in the loop's thread.
        """
        stream = self._thread.at_once(
            lambda: self._source.events(
                *selectors, where=where, maxsize=maxsize, overflow=overflow, on_loss=on_loss
            )
        )
        return BlockingStream(self._thread, stream)

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

        Only events after the call count. To wait for an event that follows an action, open
        `events()` before you send the action.
        """
        with asked_from_here():
            return self._thread.run(
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
        """Return a decorator that subscribes a function to the events; see `Manager.on`.

        The function is called in the loop's thread. While it runs, a function that is not `async`
        blocks everything else there.
        """
        subscription = self._thread.at_once(
            lambda: self._source.on(*selectors, where=where, maxsize=maxsize, overflow=overflow)
        )
        return BlockingSubscription(self._thread, subscription)


class BlockingManager(_Blocking):
    """A manager with blocking methods; `aioami.in_thread` makes it.

    Each method calls the manager's method of the same name in the loop's thread, and blocks until
    that is done. It raises the same errors. When a call is interrupted (Ctrl-C), the method is
    cancelled there.

    Callbacks are called in the loop's thread. There the blocking methods would wait for themselves,
    so they raise `RuntimeError`; an `async` callback awaits the methods of `manager`.

    Attributes:
        manager: the manager that does the work.
    """

    def __init__(self, manager: ManagerLike) -> None:
        check_manager("manager", manager)
        super().__init__(manager, LoopThread(manager, "manager"))
        self.manager = manager

    def __repr__(self) -> str:
        return f"<BlockingManager of {self.manager!r}>"

    def wait_ready(self, timeout: float | None = None) -> None:
        """Wait until the manager is logged in; see `Manager.wait_ready`."""
        self._thread.run(lambda: self.manager.wait_ready(timeout))

    def wait_booted(self, timeout: float | None = None) -> None:
        """Wait until Asterisk has loaded all its modules; see `Manager.wait_booted`."""
        self._thread.run(lambda: self.manager.wait_booted(timeout))

    @property
    def state(self) -> ManagerState:
        """The current state of the link."""
        return self.manager.state

    @property
    def version(self) -> str:
        """The server's AMI version; empty before it greets."""
        return self.manager.version

    @property
    def view(self) -> AskingView:
        """The part of the server that this manager sees; `run(mgr.view.ask())` asks for rights."""
        return cast("AskingView", self.manager.view)

    def statistics(self) -> Statistics:
        """Return the counts of the link's traffic since the manager was made."""
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
        return self._thread.run(
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
        """Send a list action, and return a stream of its items; see `Manager.stream`."""
        if not self._thread.is_usable:
            raise ConnectionLost(f"{action.name} was not sent: the manager is not connected")
        stream = self._thread.at_once(lambda: self.manager.stream(action, timeout=timeout))
        return BlockingListStream(self._thread, stream)

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

        Leaving `with` hangs the call up; without `with` it goes on. A program is an `async`
        function, and runs in the loop's thread. If you interrupt it (Ctrl-C) before the call is
        accepted, the call is hung up.
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
            return BlockingCall(self._thread, *self._thread.run(place))


class _Member(BlockingManager):
    """The manager of one server of a fleet, in the fleet's thread."""

    def __init__(self, manager: ManagerLike, thread: LoopThread) -> None:
        super().__init__(manager)
        self._thread = thread

    def connect(self) -> None:
        self._thread.run(self.manager.connect)

    def close(self) -> None:
        self._thread.run_or(self.manager.close, lambda: None)


class BlockingFleet(_Blocking):
    """A fleet with blocking methods; `aioami.in_thread` makes it from a `Fleet`.

    All servers share one event loop in one thread. Each method calls the method of `Fleet` there;
    see also `BlockingManager`::

        with aioami.in_thread(Fleet({"pbx1": "ami://u:s@10.0.0.1"})) as fleet:
            fleet["pbx1"].send(core.Ping())
            for event in fleet.events(events.Hangup):
                print(event.server, event.channel)

    `fleet[name]` is the server's manager, a `BlockingManager`. Its `connect` and `close` affect
    only this server, not the thread.

    Attributes:
        fleet: the fleet that does the work.
    """

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet, LoopThread(fleet, "fleet"))
        self.fleet = fleet

    def __repr__(self) -> str:
        return f"<BlockingFleet of {self.fleet!r}>"

    @property
    def servers(self) -> tuple[str, ...]:
        """The names of the servers, in the order in which they were added."""
        return self.fleet.servers

    def __getitem__(self, name: str) -> BlockingManager:
        """The blocking manager of a server; a `KeyError` if there is no such server."""
        return _Member(self.fleet[name], self._thread)

    def __contains__(self, name: object) -> bool:
        return name in self.fleet

    def __iter__(self) -> Iterator[str]:
        return iter(self.servers)

    def __len__(self) -> int:
        return len(self.fleet)

    def add(self, name: str, server: str | ManagerLike) -> BlockingManager:
        """Add a server, and return its manager, which starts to connect; see `Fleet.add`."""
        manager = self._thread.at_once(lambda: self.fleet.add(name, server))
        return _Member(manager, self._thread)

    def remove(self, name: str) -> None:
        """Close a server's manager, and forget the server; see `Fleet.remove`."""
        self._thread.run_or(
            lambda: self.fleet.remove(name), lambda: asyncio.run(self.fleet.remove(name))
        )

    def observe_servers(
        self, observer: Callable[[str, ManagerLike | None], object]
    ) -> Callable[[], None]:
        """Register a function for servers that come or go; it is called in the loop's thread.

        See `Fleet.observe_servers`.
        """
        return self.fleet.observe_servers(observer)

    def health(self) -> dict[str, ServerHealth]:
        """Return the current health of each server, by name."""
        return self._thread.at_once(self.fleet.health)

    def statistics(self) -> dict[str, Statistics]:
        """Return the counts of each server's manager, by name."""
        return self.fleet.statistics()
