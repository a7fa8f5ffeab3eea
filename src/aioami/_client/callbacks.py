"""Callbacks: functions that `Manager.on` subscribes to events.

Each subscription is a stream and one task that consumes it, as long as there is a link or one is
being established.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

from .._check import check_takes_one
from .._log import get_logger
from .._owner import Owner
from .._session.subjects import subjects
from .._signals import Signal
from ..errors import ManagerError, fresh
from ..events.base import Event
from ..states import ManagerState
from .streams import EventStream

__all__ = ["Callbacks", "Standing", "Subscription"]

_TURN: Final = 0.01  # seconds; Asterisk cuts off a client that does not read for 0.1

log = get_logger("aioami.callbacks")

EventT_co = TypeVar("EventT_co", bound=Event, covariant=True)
_R = TypeVar("_R")


class Subscription(Generic[EventT_co]):
    """A callback and its events; `Manager.on` returns it, for use as a decorator::

        @mgr.on(events.Hangup)
        async def gone(event: events.Hangup) -> None: ...

        hangups = mgr.on(events.Hangup)  # the same, for whoever wants to end it before the manager
        ends hangups(gone)

    It begins when it gets its callback. Like a stream, it keeps the manager alive.
    """

    __slots__ = (
        "_callback",
        "_callbacks",
        "_changed",
        "_closed",
        "_error",
        "_open",
        "_stream",
        "_task",
    )

    def __init__(self, open: Callable[[], EventStream[EventT_co]], callbacks: Callbacks) -> None:
        self._open = open
        self._callbacks = callbacks
        self._callback: Callable[[EventT_co], object] | None = None
        self._stream: EventStream[EventT_co] | None = None
        self._task: asyncio.Task[None] | None = None
        self._changed = Signal()
        self._error: ManagerError | None = None
        self._closed = False

    def __call__(self, callback: Callable[[EventT_co], _R]) -> Callable[[EventT_co], _R]:
        """Register the callback for each event from now on; return it unchanged.

        Args:
            callback: takes the event. If it returns an awaitable, as a coroutine function does,
                this is awaited in the subscription's task before the next event; its result is
                ignored.

        Raises:
            TypeError: it cannot be called, or it is a generator function, which would never run.
            RuntimeError: the subscription has its callback already, or is closed; or the manager is
                connected in another event loop, thread or process.
        """
        if self._callback is not None or self._closed:
            why = "is closed" if self._closed else f"calls {_name(self._callback)} already"
            raise RuntimeError(f"this subscription {why}; each call of Manager.on makes a new one")
        check_takes_one("callback", callback, "the event")
        if inspect.isgeneratorfunction(callback) or inspect.isasyncgenfunction(callback):
            raise TypeError(f"{_name(callback)} yields, so that calling it would not run it")
        # All checks come first, so that a callback can be given again after an error.
        begins = self._callbacks.may_begin()
        self._stream = self._open()
        self._callback = callback
        self._callbacks.keep(self)
        if begins:
            self.start()
        return callback

    def close(self) -> None:
        """End the subscription, and discard the events that were not handed over.

        May be called again, and by the callback itself. A running callback is not interrupted; see
        `wait_closed()`.

        Raises:
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._callbacks.owner.check()
        self._closed = True
        self.finish()

    async def wait_closed(self) -> None:
        """Wait until the callback has ended and will not be called again.

        This is the case after `close()`, after `close()` of the manager, and when the link is lost
        for good. Before the first connect it waits; after a later connect it waits again.
        Cancelling it changes nothing.

        Raises:
            ConnectionLost, ManagerAuthError, ProtocolError, ActionError: the link is lost for good.
            RuntimeError: the callback itself waits for its own end; or the manager is connected in
                another event loop, thread or process.
        """
        self._callbacks.owner.check()
        if self.task is not None and self.task is asyncio.current_task():
            raise RuntimeError(f"{_name(self._callback)} cannot wait for its own end")
        while self.task is not None or not self._is_over:
            await self._changed.wait()
            self._callbacks.owner.check()
        if self._error is not None:
            raise fresh(self._error)

    def __repr__(self) -> str:
        what = "without a callback" if self._callback is None else f"calls {_name(self._callback)}"
        return f"<Subscription {what}{f': {self._stream!r}' if self._stream is not None else ''}>"

    # What the manager does with it

    @property
    def _is_over(self) -> bool:
        """True if no more events come; buffered ones may still be handed over."""
        return self._closed if self._stream is None else self._stream.ended

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The task that consumes the events; `None` if none runs or can run again."""
        task = self._task
        return None if task is None or task.done() or task.get_loop().is_closed() else task

    def renew(self) -> None:
        """Open the stream again if it has ended: a new link is being established."""
        if self._is_over and not self._closed:
            self._stream = self._open()
            self._error = None

    def start(self) -> None:
        """Begin to hand over events, those that are buffered first, in a task of the loop."""
        loop = self._callbacks.owner.loop
        if self.task is None and loop is not None:
            name = f"aioami calls {_name(self._callback)}"
            self._task = loop.create_task(self._run(), name=name)
            self._task.add_done_callback(self._ended)

    def finish(self) -> None:
        """Hand over no more events."""
        if self._stream is not None:
            self._stream.close()
        if self.task is None:
            self._notify()

    def _ended(self, task: asyncio.Task[None]) -> None:
        # An exception here ended the event loop, which has reported it.
        error = None if task.cancelled() else task.exception()
        if (task.cancelled() or error is not None) and task is self._task and not self._is_over:
            name = _name(self._callback)
            why = "was cancelled by somebody else" if error is None else f"raised {error!r}"
            log.warning("%s %s, and gets no more events", name, why)
            self.finish()
        self._notify()

    def _notify(self) -> None:
        if self._closed:
            self._callbacks.forget(self)
        self._changed.send()

    async def _run(self) -> None:
        await asyncio.sleep(0)  # so that `on` returns before the first call, even with eager tasks
        stream = None
        # A later connect opens another stream, while the callback may still work on this one.
        while self._stream is not None and stream is not self._stream:
            stream = self._stream
            try:
                await self._consume(stream)
            except ManagerError as error:
                if stream is self._stream:
                    self._error = error
                    log.error(
                        "%s gets no more events, as the link is lost for good",
                        _name(self._callback),
                    )

    async def _consume(self, stream: EventStream[EventT_co]) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        async for event in stream:
            await self._call(event)
            # A stream that is never empty never waits, so a plain callback would delay the reading
            # of the socket.
            if loop.time() - since > _TURN:
                await asyncio.sleep(0)
                since = loop.time()

    async def _call(self, event: Any) -> None:
        assert self._callback is not None
        try:
            result = self._callback(event)
            if inspect.isawaitable(result):
                await result
        except (KeyboardInterrupt, SystemExit, GeneratorExit):  # these end the loop, or the task
            raise
        except BaseException as error:  # also exceptions like that of pytest.fail()
            # Perhaps only what the callback awaited was cancelled, not this task.
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            about = subjects(event.headers, event.find, limit=2)
            log.error(
                "%s raised on %r%s, and goes on with the next event",
                _name(self._callback),
                event.name,
                about and f" ({about})",
                exc_info=True,
            )


class Standing(Protocol):
    """The part of a link that shows callbacks whether events may still come."""

    @property
    def owner(self) -> Owner:
        """The loop in which the events come."""

    @property
    def state(self) -> ManagerState:
        """The state of the link."""


class Callbacks:
    """All subscriptions of a manager that have a callback and are not closed.

    Args:
        link: shows whether events may come.

    Attributes:
        owner: the loop in which the callbacks are called.
    """

    def __init__(self, link: Standing) -> None:
        self._link = link
        self.owner = link.owner
        self._subscriptions: dict[Subscription[Any], None] = {}

    def may_begin(self) -> bool:
        """True if a subscription starts at once: there is a link, or it was lost for good.

        Raises:
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self.owner.check()
        early = (ManagerState.CLOSED, ManagerState.CONNECTING, ManagerState.CLOSING)
        return self._link.state not in early

    def keep(self, subscription: Subscription[Any]) -> None:
        self._subscriptions[subscription] = None

    def forget(self, subscription: Subscription[Any]) -> None:
        self._subscriptions.pop(subscription, None)

    def renew(self) -> None:
        """Open all streams again, so that they get a new link's events from the first one on."""
        for subscription in list(self._subscriptions):
            subscription.renew()

    def start(self) -> None:
        """Start all subscriptions: the link is established."""
        for subscription in list(self._subscriptions):
            subscription.start()

    async def stop(self) -> None:
        """Cancel all callbacks except the caller, and wait until they have ended."""
        for subscription in list(self._subscriptions):
            subscription.finish()
        own = asyncio.current_task()
        # Repeated until none is left: a callback may subscribe another, or survive cancellation.
        while tasks := [task for task in self._tasks() if task is not own]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [task for each in self._subscriptions if (task := each.task) is not None]


def _is_cancelled() -> bool:
    """True if the current task itself is being cancelled; on Python 3.10 always true."""
    return bool(getattr(asyncio.current_task(), "cancelling", lambda: True)())


def _name(callback: object) -> str:
    """The name of a callback for logs, without its bound arguments, which may be secret."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    return str(getattr(callback, "__qualname__", None) or type(callback).__qualname__)
