"""The watch of a `Call`: it gets the call's events, and wakes the tasks that wait for changes."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import async_timeout

from .._owner import Owner
from .._signals import Signal
from ..errors import ManagerTimeout
from ..events.base import Event
from .ends import CallState
from .machine import CallMachine, Changes

if TYPE_CHECKING:
    from typing_extensions import Self

    from .call import Call

__all__ = ["CallChange", "CallChanges", "Router", "Watch"]

_SLACK: Final = 10.0  # seconds after the time to ring, in which Asterisk reports the result
_DEAF: Final = 5.0  # seconds between two looks at a call of which no event has come


@dataclass(frozen=True)
class CallChange:
    """A change of a call.

    Attributes:
        what: the attribute of the call that has changed: `"state"`, `"channel"`, `"bridged_with"`,
            `"held"` or `"parked"`.
        call: the call.
        time: the time of the change, in seconds since 1970.
        state: the state of the call at that time.
    """

    what: str
    call: Call = field(repr=False)
    time: float
    state: CallState
    _values: dict[str, Any] = field(repr=False, compare=False, default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the change, with all attributes of the call at that time, ready for JSON."""
        return {"what": self.what, "time": self.time, **self._values}


class CallChanges:
    """The changes of a call since `Call.changes()`, through `async for`, for a single task.

    The iteration ends after the change to `CallState.ENDED`. Cancelling the task loses no change.
    When the object is dropped, changes are no longer collected.
    """

    def __init__(self, watch: Watch) -> None:
        self._check = watch.check
        self._waiting: deque[CallChange] = deque()
        self._arrival = Signal()
        self._has_ended = watch.machine.end is not None

    def put(self, change: CallChange) -> None:
        """Add a change. Only the call does this."""
        self._waiting.append(change)
        self._has_ended = change.state is CallState.ENDED and change.what == "state"
        self._arrival.send()

    def __aiter__(self) -> Self:
        self._check()
        return self

    async def __anext__(self) -> CallChange:
        self._check()
        while not self._waiting:
            if self._has_ended:
                raise StopAsyncIteration
            if self._arrival:
                raise RuntimeError("another task is already waiting for the changes of this call")
            await self._arrival.wait()
        return self._waiting.popleft()


class Router(Protocol):
    """Gives watches the events of their calls."""

    def route(self, watch: Watch) -> None:
        """Route to a watch the events of the channels that its call has now."""

    def remove(self, watch: Watch) -> None:
        """Give a watch no more events."""

    def look(self) -> None:
        """Look for the calls on the server, as events may be missing."""


class Watch:
    """Follows one call: gives its machine the events, and wakes the tasks that wait for changes.

    Args:
        hub: routes the events of the call to the watch.
        machine: the state of the call.
        ring: seconds for which the call may ring; `None` if this program did not place it.
        ticket: the ActionID of its Originate; empty without one.
        phone: the phone that is called; empty if this program did not place the call.

    Attributes:
        call: the call; the maker of the watch sets it.
        machine: the state of the call.
        ticket: the ActionID of its Originate.
        answered_at: the time of the answer, in seconds since 1970; `None` before.
        on_found: called with the channel's item, whenever the channels were listed.
        on_end: called when the call has ended.
        is_kept: true if the call goes on when `async with` is left.
    """

    def __init__(
        self,
        hub: Router,
        machine: CallMachine,
        *,
        ring: float | None = None,
        ticket: str = "",
        phone: str = "",
    ) -> None:
        self._hub = hub
        self.call: Call
        self.ticket = ticket
        self._phone = phone
        self._loop = asyncio.get_running_loop()
        self._owner = Owner(self.lose, "call", "call.ended()")
        self._owner.take()
        self._changed = Signal()
        self._consumers: weakref.WeakSet[CallChanges] = weakref.WeakSet()
        self._grace: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._is_deaf = ring is not None  # no event of the call has come
        self.machine = machine
        self.answered_at: float | None = None
        self.on_found: Callable[[Event], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self.is_kept = False
        self._ring = ring

    @property
    def subject(self) -> str:
        """The call, as errors and logs name it."""
        if self._phone:
            return f"the call to {self._phone}"
        return f"the call of {self.machine.channel or self.machine.uniqueid}"

    # For the hub

    def begin(self) -> None:
        """Begin to follow the call, and look for it on the server if no result comes in time."""
        if self._ring is not None:
            wait = self._ring + _SLACK
            self._deadline = self._loop.call_later(wait, self._miss_the_result)

    def take(self, event: Event) -> None:
        """Take an event of the call."""
        self._is_deaf = False
        self._note(self.machine.take(event, self._loop.time()))

    def check_bridge(self) -> None:
        """Note that another channel entered the call's bridge, or left it."""
        self._note(self.machine.check_bridge())

    def found(self, item: Event) -> None:
        """Take the channel's item in a list of all channels."""
        self._note(self.machine.found(item, self._loop.time()))
        if self.on_found is not None:
            self.on_found(item)
        if self._is_deaf and self.machine.end is None and self._deadline is None:
            self._deadline = self._loop.call_later(_DEAF, self._miss_the_result)

    def missing(self, present: dict[str, Event]) -> None:
        """Note that the call's channel is not in a list of all channels."""
        self._note(self.machine.missing(present, self._loop.time()))

    def lose(self) -> None:
        """End the call as lost, as no more events of it will come."""
        self._note(self.machine.lose(self._loop.time()))

    # Hanging up

    def begin_hang_up(self) -> None:
        """Note that a hang-up is about to be sent."""
        self.machine.begin_hang_up()

    def end_hang_up(self, done: bool) -> None:
        """Note the answer to a hang-up; `done` is false if it certainly had no effect."""
        self._note(self.machine.end_hang_up(done, self._loop.time()))

    def check(self) -> None:
        """Refuse to use a call outside its event loop, thread or process.

        A call that has ended may be used everywhere. A call ends when its event loop is closed.

        Raises:
            RuntimeError: the call belongs to another event loop, thread or process.
        """
        if self.machine.end is None:
            self._owner.check()

    # Waiting

    def changes(self) -> CallChanges:
        """Return the changes from now on."""
        self.check()
        consumer = CallChanges(self)
        self._consumers.add(consumer)
        return consumer

    async def wait(self, reached: Callable[[], bool], timeout: float | None, what: str) -> None:
        """Wait until a condition holds, or the call has ended.

        Raises:
            ManagerTimeout: neither happened within the timeout.
            RuntimeError: the call belongs to another event loop, thread or process.
        """
        self.check()
        try:
            async with async_timeout.timeout(timeout):
                while not reached() and self.machine.end is None:
                    await self._changed.wait()
        except asyncio.TimeoutError as error:
            sentence = f"{self.subject} {what} within {timeout:g} seconds, and goes on"
            raise ManagerTimeout(sentence) from error

    # Internals

    def _note(self, changes: Changes) -> None:
        """Pass changes on, and start or stop the timers that the state of the call calls for."""
        machine = self.machine
        if changes:
            now = time.time()
            if self.answered_at is None and machine.was_answered:
                self.answered_at = now
            values = self.call.to_dict() if self._consumers else {}
            for what in changes:
                for consumer in list(self._consumers):
                    consumer.put(CallChange(what, self.call, now, machine.state, values))
        if machine.end is not None or (machine.was_answered and not self._is_deaf):
            self._stop_deadline()
        if machine.end is not None:
            if self._grace is not None:
                self._grace.cancel()
                self._grace = None
            self._hub.remove(self)
            on_end, self.on_end, self.on_found = self.on_end, None, None
            if on_end is not None:
                on_end()
        else:
            self._hub.route(self)
            if machine.grace is not None and self._grace is None:
                self._grace = self._loop.call_later(machine.grace, self._settle)
        self._changed.send()

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _settle(self) -> None:
        self._grace = None
        if self.machine.grace is None:
            return
        self._note(self.machine.settle(self._loop.time()))
        if self.machine.end is None:
            self._hub.look()

    def _miss_the_result(self) -> None:
        """Look for the call on the server, as no result of its dialling came in time."""
        self._deadline = None
        self._hub.look()
