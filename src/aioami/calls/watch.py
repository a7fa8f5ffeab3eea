"""Watching calls: one stream of a manager's events for all calls that are held on it."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import async_timeout

from .._log import get_logger
from .._owner import Owner
from .._signals import Signal
from ..actions.bridges import BridgeInfo
from ..actions.channels import CoreShowChannels, Status
from ..errors import ConnectionLost, EventsLost, ManagerError, ManagerTimeout, PermissionDenied
from ..events.base import Event
from ..events.bridges import BridgeEnter, BridgeLeave, BridgeMerge
from ..events.channels import (
    DialBegin,
    DialEnd,
    DialState,
    Hangup,
    Hold,
    LocalOptimizationBegin,
    LocalOptimizationEnd,
    Newchannel,
    Newstate,
    OriginateResponse,
    Pickup,
    Rename,
    Unhold,
)
from ..events.parking import ParkedCall
from .ends import CallState
from .machine import Bridges, CallMachine, Changes

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._client.like import ManagerLike
    from .._client.streams import EventStream
    from .call import Call

__all__ = ["CallChange", "CallChanges", "Hub", "Watch"]

_SLACK: Final = 10.0  # seconds after the time to ring, in which Asterisk tells of the result
_AGAIN: Final = 1.0  # seconds after which a look is repeated
_DEAF: Final = 5.0  # seconds between two looks at a call of which no event has come

_EVENTS: Final = (
    *(BridgeEnter, BridgeLeave, BridgeMerge, DialBegin, DialEnd, DialState, Hangup, Hold),
    *(LocalOptimizationBegin, LocalOptimizationEnd, Newchannel, Newstate, OriginateResponse),
    *(ParkedCall, Pickup, Rename, Unhold),
)
# The headers with the Uniqueids of the channels that an event is about; `Uniqueid` of all others.
_HEADERS: Final = {
    "BridgeEnter": ("Uniqueid", "SwapUniqueid"),
    "DialBegin": ("DestUniqueid",),
    "DialEnd": ("DestUniqueid",),
    "DialState": ("DestUniqueid",),
    "LocalOptimizationBegin": ("LocalOneUniqueid", "LocalTwoUniqueid"),
    "LocalOptimizationEnd": ("LocalOneUniqueid", "LocalTwoUniqueid"),
    "ParkedCall": ("ParkeeUniqueid",),
    "Pickup": ("TargetUniqueid",),
}
_OWN: Final = ("Uniqueid",)

log = get_logger("aioami.calls")


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


class Watch:
    """Follows one call: feeds its machine, and wakes those who wait.

    Args:
        hub: whose events it gets.
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
        hub: Hub,
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


class Hub:
    """Watches the calls that are held on one manager; there is one for each manager.

    Attributes:
        bridges: the bridges of the server.
    """

    _hubs: ClassVar[weakref.WeakKeyDictionary[ManagerLike, Hub]] = weakref.WeakKeyDictionary()

    @classmethod
    def of(cls, manager: ManagerLike) -> Hub:
        """Return the hub of a manager."""
        hub = cls._hubs.get(manager)
        if hub is None:
            hub = cls._hubs[manager] = cls()
        return hub

    def __init__(self) -> None:
        self.bridges = Bridges()
        self._watches: dict[Watch, tuple[str, ...]] = {}
        self._routes: dict[str, tuple[Watch, ...]] = {}
        self._tickets: dict[str, Watch] = {}
        self._manager: ManagerLike | None = None  # only while calls are watched
        self._stream: EventStream[Event] | None = None
        self._consumer: asyncio.Task[None] | None = None
        self._owner = Owner(self._lose_all, "manager")
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._looks_again = False
        self._caught_up = Signal()

    def __len__(self) -> int:
        """The number of calls."""
        return len(self._watches)

    @property
    def is_looking(self) -> bool:
        """True while it finds out what has become of calls."""
        return self._looking is not None and not self._looking.done()

    def add(self, manager: ManagerLike, watch: Watch) -> None:
        """Give a watch the events of its call from now on; it is held here until the call ends.

        Args:
            manager: whose events these are.
            watch: gets them.
        """
        self._owner.check()
        if self._stream is None:
            self._manager = manager
            self._stream = manager.events(
                *_EVENTS, where=self._is_wanted, maxsize=None, on_loss="raise"
            )
            consuming = self._consume(self._stream)
            self._consumer = asyncio.create_task(consuming, name="aioami calls")
            self._owner.take()
        watch.machine.bridges = self.bridges
        self._watches[watch] = ()
        if watch.ticket:
            self._tickets[watch.ticket] = watch
        self.route(watch)
        watch.begin()

    def find(self, uniqueid: str) -> tuple[Call, Watch] | None:
        """Return the call that is held, and has a channel; `None` if none is."""
        for watch in self._routes.get(uniqueid, ()):
            if watch.machine.uniqueid == uniqueid:
                return watch.call, watch
        return None

    def route(self, watch: Watch) -> None:
        """Route the events of the channels that a call has now."""
        before = self._watches.get(watch)
        now = watch.machine.uniqueids
        if before is None or before == now:
            return
        self._unroute(watch, before)
        for uniqueid in now:
            self._routes[uniqueid] = (*self._routes.get(uniqueid, ()), watch)
        self._watches[watch] = now

    def _unroute(self, watch: Watch, uniqueids: tuple[str, ...]) -> None:
        for uniqueid in uniqueids:
            left = tuple(each for each in self._routes.get(uniqueid, ()) if each is not watch)
            if left:
                self._routes[uniqueid] = left
            else:
                self._routes.pop(uniqueid, None)

    def remove(self, watch: Watch) -> None:
        """Give a watch nothing more; without another one, the stream is closed."""
        uniqueids = self._watches.pop(watch, None)
        if uniqueids is None:
            return
        self._unroute(watch, uniqueids)
        self._tickets.pop(watch.ticket, None)
        if not self._watches:
            self._close()

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        self._manager = self._consumer = None
        self._owner.release()
        self.bridges = Bridges()
        self._caught_up.send()
        if self._looking is not None:
            self._looking.cancel()
        assert stream is not None
        stream.close()

    def _lose_all(self) -> None:
        for watch in list(self._watches):
            watch.lose()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine in the background, and hold its task until it is over."""
        task = asyncio.create_task(work, name="aioami call")
        self._tasks.add(task)
        task.add_done_callback(self._finish)
        return task

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # Whoever waits for it gets the error, too; nobody may be left who does.
        if not task.cancelled() and task.exception() is not None:
            log.debug("a call could not be hung up", exc_info=task.exception())

    # Events

    def _is_wanted(self, event: Event) -> bool:
        name = event.name
        if name in ("BridgeEnter", "BridgeLeave", "BridgeMerge"):
            return True
        if name == "OriginateResponse":
            return event.action_id in self._tickets
        headers = _HEADERS.get(name, _OWN)
        return any(event.get(header) in self._routes for header in headers)

    async def _consume(self, stream: EventStream[Event]) -> None:
        error: ManagerError | None = None
        try:
            while True:
                try:
                    event = await stream.__anext__()
                    self._take(event)
                    if not stream.pending:
                        self._caught_up.send()
                except EventsLost:
                    self.look()
                except StopAsyncIteration:
                    break
        except ManagerError as lost:
            error = lost
        finally:
            self._caught_up.send()
            if self._stream is stream:  # without calls there is no stream
                why = error or "the manager was closed"
                log.info("%d calls are lost, as %s", len(self._watches), why)
                self._lose_all()

    def _take(self, event: Event) -> None:
        name = event.name
        if name == "OriginateResponse":
            watch = self._tickets.get(event.action_id or "")
            if watch is not None:
                watch.take(event)
            return
        if name == "BridgeMerge":
            for watch in list(self._watches):
                watch.take(event)
            return
        bridge = ""
        if name in ("BridgeEnter", "BridgeLeave"):
            bridge = self.bridges.take(event)
        for header in _HEADERS.get(name, _OWN):
            for watch in self._routes.get(event.get(header, ""), ()):
                watch.take(event)
        if bridge:
            self._check_members(bridge)
            self._complete(bridge, event)
        elif name == "Hangup":
            self.bridges.forget(event.get("Uniqueid", ""))

    def _check_members(self, bridge: str) -> None:
        for uniqueid in list(self.bridges.members(bridge)):
            for watch in self._routes.get(uniqueid, ()):
                watch.check_bridge()

    def _complete(self, bridge: str, event: Event) -> None:
        """Ask who else is in the bridge of a call, where more are there than have been told of."""
        members = self.bridges.members(bridge)
        count = event.get("BridgeNumChannels", "")
        if event.name != "BridgeEnter" or not count.isdecimal() or int(count) <= len(members):
            return
        if event.get("Uniqueid") in self._routes and bool(self._routes.keys() & members.keys()):
            self.start(self._ask_bridge(bridge))

    async def _ask_bridge(self, bridge: str) -> None:
        """Learn the type and the channels of a bridge."""
        manager = self._manager
        if manager is None:
            return
        try:
            answer = await manager.send(BridgeInfo(bridge))
        except ManagerError as error:
            log.debug("the bridge %s is not known: %s", bridge, error)
            return
        for channel in answer.events:
            uniqueid = channel.get("Uniqueid", "")
            if self.bridges.place(uniqueid) != bridge:
                self.bridges.enter(bridge, uniqueid, channel.get("Channel", ""))
        completion = answer.events.completion
        if completion is not None:
            self.bridges.set_kind(bridge, completion.get("BridgeType", ""))
        self._check_members(bridge)

    # Looking for calls, where events are missing

    def look(self) -> None:
        """Find out what has become of the calls, as events may be missing."""
        if self.is_looking:
            self._looks_again = True  # what is asked already may be older than what is missing
            return
        self._looking = self.start(self._look())

    async def _look(self) -> None:
        while self._watches:
            self._looks_again = False
            known = {watch: watch.machine.channel is not None for watch in self._watches}
            try:
                items = await self._list_channels()
            except PermissionDenied as error:
                log.warning("calls are lost: events are missing, and their user may not look")
                log.debug("why the user may not look: %s", error)
                self._lose_all()
                return
            except ConnectionLost:
                return  # with the next link, events are missing again
            except ManagerError as error:
                log.warning("calls cannot be looked for, and this is tried again: %s", error)
                await asyncio.sleep(_AGAIN)
                continue
            if await self._compare(items, known) and not self._looks_again:
                return

    async def _list_channels(self) -> dict[str, Event]:
        manager = self._manager
        assert manager is not None  # with the last call the looking is cancelled
        try:
            answer: Any = await manager.send(CoreShowChannels())
        except PermissionDenied:
            answer = await manager.send(Status(None))
        # What came before the answer is older than it.
        while self._stream is not None and self._stream.pending:
            await self._caught_up.wait()
        return {each.get("Uniqueid", ""): each for each in answer.events}

    async def _compare(self, items: dict[str, Event], known: dict[Watch, bool]) -> bool:
        """Compare the calls with a list of all channels; return false to look once more."""
        self.bridges.replace(items.values())
        unseen = []
        for watch, had_channel in known.items():
            if watch not in self._watches:
                continue
            item = items.get(watch.machine.uniqueid)
            if item is not None:
                watch.found(item)
            elif had_channel:
                watch.missing(items)
            elif watch.machine.channel is None:
                unseen.append(watch)
        for bridge in {self.bridges.place(watch.machine.uniqueid) for watch in self._watches}:
            if bridge and self.bridges.kind(bridge) is None:
                await self._ask_bridge(bridge)
        if not unseen:
            return True
        # Asterisk may be about to make the channel.
        await asyncio.sleep(_AGAIN)
        items = await self._list_channels()
        for watch in unseen:
            item = items.get(watch.machine.uniqueid)
            if item is not None:
                watch.found(item)
            elif watch in self._watches and watch.machine.channel is None:
                watch.missing(items)
        return True
