"""A call that is held: fed with its events, and followed by those who wait."""

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

_SLACK: Final = 10.0  # seconds after the time to ring, in which Asterisk tells of the result
_DEAF: Final = 5.0  # seconds between two looks at a call of which no event has come


@dataclass(frozen=True)
class CallChange:
    """A change of a call.

    Attributes:
        what: the attribute of the call that has changed: `"state"`, `"channel"`, `"bridged_with"`,
            `"held"` or `"parked"`.
        call: the call.
        time: seconds since 1970.
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
    """The changes of a call since `Call.changes()`, through `async for`; for one task.

    The iteration ends with the call, behind the change to `CallState.ENDED`. Cancelling the
    consumer loses nothing; dropping the object ends it.
    """

    def __init__(self, watch: Watch) -> None:
        self._check = watch.check
        self._waiting: deque[CallChange] = deque()
        self._arrival = Signal()
        self._has_ended = watch.machine.end is not None

    def put(self, change: CallChange) -> None:
        """Add a change; the call does so, and nobody else."""
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
        """Route the events of the channels that a call has now."""

    def remove(self, watch: Watch) -> None:
        """Give a watch nothing more."""

    def look(self) -> None:
        """Find out what has become of the calls, as events may be missing."""


class Watch:
    """Follows one call: feeds its machine, and wakes those who wait.

    Args:
        hub: gives it the events.
        machine: the state.
        ring: seconds for which it may ring; `None` of a call that came by itself.
        ticket: the ActionID of its Originate; empty without one.
        phone: who is called; empty of a call that came by itself.

    Attributes:
        call: the call, which whoever makes this sets.
        machine: the state.
        ticket: the ActionID of its Originate.
        answered_at: seconds since 1970 at which it was answered; `None` before.
        on_found: is called with the channel's item of a list, when one was asked for.
        on_end: is called when the call has ended.
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
        self._is_deaf = ring is not None  # no event has come of it
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

    # What the hub calls

    def begin(self) -> None:
        """Begin: its events are heard from now on."""
        if self._ring is not None:
            wait = self._ring + _SLACK
            self._deadline = self._loop.call_later(wait, self._miss_the_result)

    def take(self, event: Event) -> None:
        """Take an event."""
        self._is_deaf = False
        self._note(self.machine.take(event, self._loop.time()))

    def check_bridge(self) -> None:
        """Take note that somebody else came into its bridge, or left it."""
        self._note(self.machine.check_bridge())

    def found(self, item: Event) -> None:
        """Take the channel's item of a list of all."""
        self._note(self.machine.found(item, self._loop.time()))
        if self.on_found is not None:
            self.on_found(item)
        if self._is_deaf and self.machine.end is None and self._deadline is None:
            self._deadline = self._loop.call_later(_DEAF, self._miss_the_result)

    def missing(self, present: dict[str, Event]) -> None:
        """Take note that a list of all channels has not its own."""
        self._note(self.machine.missing(present, self._loop.time()))

    def lose(self) -> None:
        """End the call, as nothing more will be known of it."""
        self._note(self.machine.lose(self._loop.time()))

    # Hanging up

    def begin_hang_up(self) -> None:
        """Take note that a hang-up is about to be sent."""
        self.machine.begin_hang_up()

    def end_hang_up(self, done: bool) -> None:
        """Take note of its answer."""
        self._note(self.machine.end_hang_up(done, self._loop.time()))

    def check(self) -> None:
        """Return if the call may be used here: in its loop, or in its thread while that stands.

        One that has ended may be used everywhere. One whose loop is closed has ended with it.

        Raises:
            RuntimeError: it belongs to another loop, thread or process.
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
            ManagerTimeout: it took longer.
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

    # How it is done

    def _note(self, changes: Changes) -> None:
        """Tell of changes, and wait for what is missing."""
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
        """Look for a call of which Asterisk has said too little."""
        self._deadline = None
        self._hub.look()
