"""The queues of the live state, with their members and callers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, TypeVar

from ..actions.base import Action
from ..actions.queues import QueueStatus
from ..enums import ChannelState, QueueMemberState
from ..events.base import Event
from ..events.bridges import BridgeEnter, BridgeLeave
from ..events.channels import Hangup, Newexten
from ..events.queues import (
    AgentCalled,
    AgentComplete,
    AgentConnect,
    QueueCallerAbandon,
    QueueCallerJoin,
    QueueCallerLeave,
    QueueEntry,
    QueueMember,
    QueueMemberAdded,
    QueueMemberEvent,
    QueueMemberPause,
    QueueMemberPenalty,
    QueueMemberRemoved,
    QueueMemberRinginuse,
    QueueMemberStatus,
    QueueParams,
)
from ..fields import identifier, whole_number
from .part import Doubts, Lists, LiveObject, Part, Reports, View, is_ascii, known

__all__ = ["LiveCaller", "LiveMember", "LiveQueue", "Queues"]

_T = TypeVar("_T")
_STAND_IN: Final = "Surrogate/"
_SETTLED: Final = 10.0  # seconds in which the server may still list a caller who was taken away
_MANY: Final = 10_000  # the most callers taken away, and the most channels called, that are kept
_LOOKS: Final = 5  # the most looks for what a busy server counts late, and without an event
_UP: Final = str(ChannelState.UP.value)
_FEW: Final = 10  # the most members that are asked about one by one
# No member has this name, so the answer only has the queue and its callers.
_NO_MEMBER: Final = "none/none"
_TOUCHING: Final = frozenset(
    {"queuechangeprioritycaller", "queuereload", "queuereset", "queuewithdrawcaller"}
)
_TOUCHING_COMMAND: Final = re.compile(
    r"\s*(queue\s+(reload|reset|change|withdraw)"
    r"|(core\s+|module\s+)?(reload|refresh|load|unload)(\s+(app_queue\S*|all))?\s*$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, repr=False)
class LiveMember(LiveObject):
    """A member of a queue at one moment.

    Attributes:
        interface: the device that is dialled, as `PJSIP/alice`.
        name: the name to show.
        status: the state of the member's device; `None` if the server does not report it.
        paused: true if the member takes no calls for now.
        paused_reason: the reason of the pause; empty if none was given.
        in_call: true while the member talks to a caller of this queue.
        calls_taken: the number of calls of this queue that the member took.
        last_call: the time at which the last of these calls ended, in seconds since 1970 by the
            server's clock; `None` if there was none.
        penalty: the penalty; members with a lower penalty are called first.
        membership: `static`, `dynamic` or `realtime`.
    """

    interface: str
    name: str = ""
    status: QueueMemberState | None = None
    paused: bool = False
    paused_reason: str = ""
    in_call: bool = False
    calls_taken: int = 0
    last_call: float | None = None
    penalty: int = 0
    membership: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class LiveCaller(LiveObject):
    """A caller who waits in a queue.

    Attributes:
        uniqueid: the Uniqueid of the caller's channel, a key of `Live.channels`.
        channel: the channel's name.
        position: the place in the queue; 1 is next.
        caller_id_num: the caller's number; empty if unknown.
        caller_id_name: the caller's name; empty if unknown.
        since: the time at which the caller joined, in seconds since 1970 by the clock of `Live`.
    """

    uniqueid: str
    channel: str = ""
    position: int = 0
    caller_id_num: str = ""
    caller_id_name: str = ""
    since: float = 0.0


@dataclass(frozen=True, slots=True, repr=False)
class LiveQueue(LiveObject):
    """A queue at one moment.

    Attributes:
        name: the queue's name.
        strategy: the way members are chosen, as `ringall`; empty if the queue was made after the
            last snapshot.
        completed: the server's count of calls that were served.
        abandoned: the server's count of callers who left without being served. It includes callers
            who were bridged or parked while they waited.
        members: the members, by interface.
        callers: the callers who wait, in the order of their positions.
    """

    name: str
    strategy: str = ""
    completed: int = 0
    abandoned: int = 0
    members: Mapping[str, LiveMember] = field(default_factory=lambda: MappingProxyType({}))
    callers: tuple[LiveCaller, ...] = ()


class _Caller:
    """A caller, from the event of the arrival, which is only parsed when `value()` is called."""

    __slots__ = ("_caller", "_event", "queue", "runs_subroutines", "since")

    def __init__(self, queue: str, since: float, source: Event | LiveCaller) -> None:
        self.queue = queue
        self.since = since
        self.runs_subroutines = False
        """True if the queue has run a subroutine on the caller's channel."""
        self._event = None if isinstance(source, LiveCaller) else source
        self._caller = source if isinstance(source, LiveCaller) else None

    def value(self, uniqueid: str, position: int) -> LiveCaller:
        """Return the caller, with a position in the queue."""
        caller = self._caller
        if caller is None or caller.position != position:
            source: Any = self._event or caller
            caller = self._caller = LiveCaller(
                uniqueid,
                source.channel or "",
                position,
                known(source.caller_id_num),
                known(source.caller_id_name),
                self.since,
            )
            self._event = None
        return caller


class _Queue:
    """A queue as its events describe it; members' events are only parsed when they are accessed.

    Attributes:
        completed: the number of calls that were served.
        abandoned: the number of callers who left without being served.
        waiting: the Uniqueids of the waiting callers, in their order.
    """

    __slots__ = (
        *("_callers", "_changed", "_events", "_members", "_queue", "_shown"),
        *("abandoned", "completed", "waiting"),
    )

    def __init__(self, queue: LiveQueue, callers: Mapping[str, _Caller]) -> None:
        self._queue = queue
        self._callers = callers  # the callers of all queues, by Uniqueid
        self._members: dict[str, LiveMember] = dict(queue.members)
        self._shown: Mapping[str, LiveMember] | None = None  # a copy of the members, to be shown
        self._events: dict[str, QueueMemberEvent] = {}  # the last event of each member
        self._changed = False
        self.completed = queue.completed
        self.abandoned = queue.abandoned
        self.waiting: list[str] = []

    def __contains__(self, interface: str) -> bool:
        return interface in self._members

    # Members

    def take(self, event: QueueMemberEvent, interface: str) -> None:
        """Update a member from an event."""
        # On Asterisk 11 and older some events have a part of the member, so the last event is
        # parsed now. QueueMemberStatus has the whole member on every version.
        if (
            interface in self._events
            and not isinstance(event, QueueMemberStatus)
            and event.find("Membership") is None
        ):
            self.member(interface)
        if interface not in self._members:
            self._members[interface] = LiveMember(interface)
        self._events[interface] = event
        self._shown = None
        self._changed = True

    def member(self, interface: str) -> LiveMember:
        """Return a member."""
        member = self._members[interface]
        event = self._events.pop(interface, None)
        if event is not None:
            member = self._members[interface] = _member(event, event.member_name, member)
        return member

    def members(self) -> Mapping[str, LiveMember]:
        """Return all members, in an immutable mapping."""
        for interface in list(self._events):
            self.member(interface)
        if self._shown is None:
            self._shown = MappingProxyType(self._members.copy())
        return self._shown

    def set_member(self, member: LiveMember) -> bool:
        """Set a member; return false if it is the same already."""
        interface = member.interface
        if interface in self._members and self.member(interface) == member:
            return False
        self._members[interface] = member
        self._shown = None
        self._changed = True
        return True

    def set_members(self, members: Mapping[str, LiveMember]) -> bool:
        """Set the members; return false if they are the same already."""
        if self.members() == members:
            return False
        self._members = dict(members)
        self._shown = None
        self._changed = True
        return True

    def remove_member(self, interface: str) -> bool:
        """Remove a member; return false if no member has the interface."""
        self._events.pop(interface, None)
        self._shown = None
        self._changed = True
        return self._members.pop(interface, None) is not None

    # Callers

    def insert(self, uniqueid: str, index: int) -> None:
        """Put a caller into the queue, at an index."""
        self.waiting.insert(index, uniqueid)
        self._changed = True

    def remove(self, uniqueid: str, index: int | None = None) -> None:
        """Remove a caller, from an index if it is known."""
        del self.waiting[self.waiting.index(uniqueid) if index is None else index]
        self._changed = True

    def set_waiting(self, waiting: list[str]) -> bool:
        """Set the callers who wait; return false if they are the same already."""
        if self.waiting == waiting:
            return False
        self.waiting = waiting
        self._changed = True
        return True

    # The queue

    def count(self, completed: int = 0, abandoned: int = 0) -> None:
        """Add to the counts."""
        self.completed += completed
        self.abandoned += abandoned
        self._changed = True

    def set_parameters(self, queue: LiveQueue) -> bool:
        """Set the strategy and the counts; return false if they are the same already."""
        before = self._queue.strategy, self.completed, self.abandoned
        if before == (queue.strategy, queue.completed, queue.abandoned):
            return False
        self._queue = replace(self._queue, strategy=queue.strategy)
        self.completed, self.abandoned = queue.completed, queue.abandoned
        self._changed = True
        return True

    def value(self) -> LiveQueue:
        """Return the queue as it is now."""
        if self._changed:
            self._queue = LiveQueue(
                self._queue.name,
                self._queue.strategy,
                self.completed,
                self.abandoned,
                self.members(),
                tuple(
                    self._callers[uniqueid].value(uniqueid, position)
                    for position, uniqueid in enumerate(self.waiting, 1)
                ),
            )
            self._changed = False
        return self._queue


@dataclass(slots=True)
class _Uncounted:
    """Calls that a queue will count without an event.

    Attributes:
        expected: the queue's count of served calls when it has counted them.
        interfaces: the members who took the calls.
        looks: the number of looks that are left until the server's count is believed.
    """

    expected: int
    interfaces: set[str] = field(default_factory=set)
    looks: int = _LOOKS


class Queues(Part[LiveQueue]):
    """The queues, with their members and callers."""

    name = "queues"
    kind = "queue"
    modules = frozenset({"app_queue"})

    def __init__(self, reports: Reports) -> None:
        super().__init__(reports)
        self._records: dict[str, _Queue] = {}
        self._callers: dict[str, _Caller] = {}
        # The members who may be in a call, as queue and interface. The key is the Uniqueid of each
        # of the call's two channels, or the device if the call is older than the snapshot.
        self._served: dict[str, tuple[str, str]] = {}
        # The members with a channel that hung up, and the number of looks that are left while the
        # server still has them in a call: a busy server counts the end later.
        self._ending: dict[tuple[str, str], int] = {}
        # The queue and the interface of each channel that a queue has called and not yet connected,
        # by Uniqueid.
        self._called: dict[str, tuple[str, str]] = {}
        self._uncounted: dict[str, _Uncounted] = {}  # by queue
        self._doubtful: dict[str, set[str]] = {}  # the interfaces in doubt, by queue
        self._doubts = Doubts()  # the queues
        self._taken: dict[str, float] = {}  # the times at which callers were taken away
        self.view = View(self._records)
        self.handlers = {
            QueueCallerJoin: self._joined,
            QueueCallerLeave: self._left,
            QueueCallerAbandon: self._abandoned,
            QueueMemberAdded: self._member_changed,
            QueueMemberRemoved: self._member_left,
            QueueMemberPause: self._member_changed,
            QueueMemberPenalty: self._member_changed,
            QueueMemberRinginuse: self._member_changed,
            QueueMemberStatus: self._member_changed,
            AgentCalled: self._calls,
            AgentConnect: self._connected,
            AgentComplete: self._completed,
            BridgeEnter: self._entered_bridge,
            BridgeLeave: self._left_bridge,
            Newexten: self._executes,
            Hangup: self._hung_up,
        }

    def clear(self) -> None:
        for name in list(self._records):
            self._remove(name)
        self._served.clear()
        self._ending.clear()
        self._called.clear()
        self._uncounted.clear()

    def touched_by(self, action: Action[Any]) -> set[str] | None:
        headers = {name.lower(): value for name, value in action.headers}
        if action.name.lower() in _TOUCHING:
            return {headers["queue"]} if headers.get("queue") and is_ascii(action) else None
        if action.name.lower() == "command" and _TOUCHING_COMMAND.match(headers.get("command", "")):
            return None
        return set()

    def queue_of(self, uniqueid: str) -> str | None:
        """Return the queue in which a channel waits; `None` if it waits in no queue."""
        caller = self._callers.get(uniqueid)
        return None if caller is None else caller.queue

    def member_name(self, queue: str, interface: str) -> str:
        """Return the name of a queue's member; empty if unknown, or if it is just the interface."""
        record = self._records.get(queue)
        if record is None or interface not in record:
            return ""
        name = record.member(interface).name
        return "" if name == interface else name

    # Reading

    async def read(self, lists: Lists, keys: set[str] | None) -> None:
        if keys is None:
            found = await self._list(lists, QueueStatus())
            await self._show(found, self._records.keys() - found.queues.keys())
            return
        for name in keys:
            found = await self._list(lists, QueueStatus(name))
            await self._show(found, {name} - found.queues.keys())

    async def look(self, lists: Lists) -> None:
        doubtful = {name: self._doubtful[name] for name in self._doubts.take()}
        self._doubtful = {
            name: interfaces for name, interfaces in self._doubtful.items() if name in self._doubts
        }
        if self._doubts:
            self.reports.doubt(self)
        queues: dict[str, set[str]] = {}  # by interface
        for name, interfaces in doubtful.items():
            for interface in interfaces or {_NO_MEMBER}:
                queues.setdefault(interface, set()).add(name)
        try:
            if len(queues) > _FEW:
                await self.read(lists, set(doubtful))
                queues.clear()
            for interface, names in queues.items():
                queue = next(iter(names)) if len(names) == 1 else None
                found = await self._list(lists, QueueStatus(queue, member=interface))
                await self._show(found, whole=False)
        except BaseException:
            for name, interfaces in doubtful.items():
                self._doubts.add(name)
                self._doubtful.setdefault(name, set()).update(interfaces)
            raise
        for name in doubtful:
            self._look_again(name)

    def _look_again(self, name: str) -> None:
        """Doubt a queue after a look if it still has not counted a call."""
        uncounted = self._uncounted.get(name)
        if uncounted is None:
            return
        uncounted.looks -= 1
        if self._records[name].completed >= uncounted.expected or not uncounted.looks:
            del self._uncounted[name]
            return
        for interface in uncounted.interfaces:
            self._doubt(name, interface)

    async def _list(self, lists: Lists, action: QueueStatus) -> _Listed:
        found = _Listed(self._callers, self.reports.clock())
        async for item in lists.items(action):
            found.take(item)
        return found

    async def _show(self, found: _Listed, gone: Iterable[str] = (), *, whole: bool = True) -> None:
        """Show the queues of a list.

        Args:
            found: the list.
            gone: the queues that no longer exist.
            whole: true if all members were listed.
        """
        for name in gone:
            self._remove(name)
        for name, queue in found.queues.items():
            members = found.members.get(name, {})
            record = self._records.get(name)
            changed = record is None
            if record is None:
                record = self._records[name] = _Queue(queue, self._callers)
            changed = record.set_parameters(queue) or changed
            if whole:
                changed = record.set_members(members) or changed
            else:
                for member in members.values():
                    changed = record.set_member(member) or changed
            changed = self._wait(name, record, found.callers.get(name, [])) or changed
            if name in found.unsettled:
                self._doubt(name)
            if changed:
                self.notify(name)
            # Notice the end of calls that began before the snapshot, or were looked at too early.
            for member in members.values():
                place = (name, member.interface)
                looks = self._ending.pop(place, 0) if self._ending else 0
                if member.in_call and looks:
                    self._ending[place] = looks - 1
                    self._doubt(*place)
                if member.in_call and place not in self._served.values():
                    self._served[member.interface.partition("/n")[0]] = place
            await asyncio.sleep(0)  # a queue may have thousands of members

    def _remove(self, name: str) -> None:
        record = self._records.pop(name, None)
        if record is not None:
            self._doubts.discard(name)
            self._doubtful.pop(name, None)
            self._uncounted.pop(name, None)
            for uniqueid in record.waiting:
                del self._callers[uniqueid]
            self.notify(name, gone=True)

    def _wait(self, name: str, record: _Queue, callers: list[LiveCaller]) -> bool:
        """Set the callers of a queue; return false if they are the same already."""
        callers.sort(key=lambda each: each.position)
        # A busy server may still list a caller who was taken away, so it is asked once more.
        settled = self.reports.clock() - _SETTLED
        gone = {each.uniqueid for each in callers if self._taken.get(each.uniqueid, 0.0) > settled}
        if gone:
            callers = [each for each in callers if each.uniqueid not in gone]
            self._doubt(name)
        waiting = [each.uniqueid for each in callers]
        for uniqueid in set(record.waiting).difference(waiting):
            del self._callers[uniqueid]
        for caller in callers:
            place = self._callers.get(caller.uniqueid)
            if place is not None and place.queue != name:
                self._records[place.queue].remove(caller.uniqueid)
            if place is None or place.queue != name:
                self._callers[caller.uniqueid] = _Caller(name, caller.since, caller)
        return record.set_waiting(waiting)

    def _doubt(self, queue: str, interface: str | None = None) -> None:
        """Doubt the counts of a queue, and a member: the server is asked in a moment."""
        self._doubts.add(queue)
        interfaces = self._doubtful.setdefault(queue, set())
        if interface is not None:
            interfaces.add(interface)
        self.reports.doubt(self)

    # Callers

    def _record(self, name: str) -> _Queue:
        record = self._records.get(name)
        if record is None:
            record = self._records[name] = _Queue(LiveQueue(name), self._callers)
        return record

    def _joined(self, event: QueueCallerJoin) -> None:
        name, uniqueid = identifier(event, "Queue"), identifier(event, "Uniqueid")
        if not name or not uniqueid:
            return
        record, since = self._record(name), self.reports.clock()
        place = self._callers.get(uniqueid)
        if place is not None and place.queue != name:  # a Redirect sent the caller here
            self._taken_away(uniqueid, place)
        elif place is not None:  # the caller came while the list was made
            since = place.since
            record.remove(uniqueid)
        self._taken.pop(uniqueid, None)
        position = _position(event)
        record.insert(uniqueid, len(record.waiting) if position is None else position)
        self._callers[uniqueid] = _Caller(name, since, event)
        self._compare(event, name, record)
        self.notify(name)
        self.reports.queue_changed(uniqueid)

    def _left(self, event: QueueCallerLeave) -> None:
        uniqueid = identifier(event, "Uniqueid", "")
        place = self._callers.get(uniqueid)
        if place is None:
            return
        record, index = self._records[place.queue], _position(event)
        if index is not None and record.waiting[index : index + 1] != [uniqueid]:
            # Another caller was moved or taken away without an event.
            self.reports.must_read(self, place.queue)
            index = None
        record.remove(uniqueid, index)
        del self._callers[uniqueid]
        self._compare(event, place.queue, record)
        self.notify(place.queue)
        self.reports.queue_changed(uniqueid)

    def _compare(
        self, event: QueueCallerJoin | QueueCallerLeave, name: str, record: _Queue
    ) -> None:
        """Mark a queue for reading again, if the server's number of callers is another one."""
        count = event.find("Count")
        if count is not None and count != str(len(record.waiting)):
            self.reports.must_read(self, name)

    def _abandoned(self, event: QueueCallerAbandon) -> None:
        name = identifier(event, "Queue")
        if name:
            self._record(name).count(abandoned=1)
            self.notify(name)
            self._doubt(name)

    def _taken_away(self, uniqueid: str, place: _Caller) -> None:
        """Remove a caller who left the queue without an event.

        The server replaces the channel in the queue by a stand-in, which then hangs up. The server
        counts this as a caller who gave up, and sends no events of the stand-in.
        """
        record = self._records[place.queue]
        record.remove(uniqueid)
        record.count(abandoned=1)
        del self._callers[uniqueid]
        if len(self._taken) >= _MANY:
            self._taken.clear()
        self._taken[uniqueid] = self.reports.clock()
        self.notify(place.queue)
        self.reports.queue_changed(uniqueid)
        self._doubt(place.queue)

    def _executes(self, event: Newexten) -> None:
        if not self._callers:
            return
        place = self._callers.get(self.reports.identifier(event, "Uniqueid"))
        if place is None:
            return
        # If a caller came without a dialplan (Originate with Application: Queue), only Newexten
        # reports a Redirect. The server is asked, as on 22 an attended transfer into the queue
        # looks the same at first. But a queue may run a subroutine (option B,
        # CONNECTED_LINE_SEND_SUB) while the caller goes on waiting: its first Newexten has the
        # application Queue. All this was tried on 16 and 22.
        if event.find("Application") == "Queue":
            place.runs_subroutines = True
        if not place.runs_subroutines:
            self.reports.must_read(self, place.queue)

    def _entered_bridge(self, event: BridgeEnter) -> None:
        if not self._callers:
            return
        # If a member answers, QueueCallerLeave comes before the bridge. If the caller is bridged or
        # parked otherwise, the queue sends no event (tried on 16 and 22).
        uniqueid = self.reports.identifier(event, "Uniqueid")
        place = self._callers.get(uniqueid)
        if place is not None:
            self._taken_away(uniqueid, place)

    def _hung_up(self, event: Hangup) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")
        # If a caller hangs up, QueueCallerLeave comes before Hangup. If it did not, an attended
        # transfer has put another channel in the caller's place, without an event (tried on 16 and
        # 22).
        place = self._callers.get(uniqueid)
        if place is not None:
            self.reports.must_read(self, place.queue)
        if self._served:
            self._parted(event, uniqueid, is_over=True)
        called = self._called.pop(uniqueid, None)
        if called is not None and event.find("ChannelState") == _UP:
            # The member hung up after the answer, and before AgentConnect. If the caller was
            # bridged elsewhere meanwhile, the queue counts the call without an event (tried on 16
            # and 22).
            name, interface = called
            if name in self._records:
                self._will_count(name, interface)

    def _will_count(self, name: str, interface: str) -> None:
        """Expect that the server counts a call of a member, and look until it has."""
        uncounted = self._uncounted.setdefault(name, _Uncounted(self._records[name].completed))
        uncounted.expected += 1
        uncounted.interfaces.add(interface)
        uncounted.looks = _LOOKS
        self._doubt(name, interface)

    # Members

    def _member_changed(self, event: QueueMemberEvent) -> None:
        name, interface = identifier(event, "Queue"), identifier(event, "Interface")
        if name and interface:
            self._record(name).take(event, interface)
            self.notify(name)

    def _member_left(self, event: QueueMemberRemoved) -> None:
        name = identifier(event, "Queue", "")
        record = self._records.get(name)
        if record is not None and record.remove_member(identifier(event, "Interface", "")):
            self.notify(name)

    def _calls(self, event: AgentCalled) -> None:
        name, interface = identifier(event, "Queue"), identifier(event, "Interface")
        uniqueid = identifier(event, "DestUniqueid")
        if name and interface and uniqueid:
            self._called[uniqueid] = (name, interface)
            if len(self._called) > _MANY:  # a user without Hangup events
                del self._called[next(iter(self._called))]

    def _connected(self, event: AgentConnect) -> None:
        name, interface = identifier(event, "Queue", ""), identifier(event, "Interface", "")
        self._talks(name, interface, True)
        for uniqueid in (identifier(event, "Uniqueid"), identifier(event, "DestUniqueid")):
            if uniqueid:
                self._served[uniqueid] = (name, interface)
                self._called.pop(uniqueid, None)

    def _completed(self, event: AgentComplete) -> None:
        name, interface = identifier(event, "Queue", ""), identifier(event, "Interface", "")
        if name:
            uncounted = self._uncounted.get(name)
            if uncounted is not None:  # the call of this event is not the one that is missing
                uncounted.expected += 1
            self._record(name).count(completed=1)
            self.notify(name)
            self._talks(name, interface, False)
            for uniqueid in (identifier(event, "Uniqueid"), identifier(event, "DestUniqueid")):
                self._served.pop(uniqueid or "", None)
                self._called.pop(uniqueid or "", None)
            # With shared_lastcall the call counts in all queues of the member.
            for each, record in self._records.items():
                if each != name and interface in record:
                    self._doubt(each, interface)

    def _talks(self, name: str, interface: str, talks: bool) -> None:
        # The member's events that come with AgentConnect and AgentComplete may be older. The server
        # counts the call for the member after AgentComplete, without an event (tried on 16 and 22).
        record = self._records.get(name)
        if record is not None and interface in record:
            member = record.member(interface)
            if record.set_member(replace(member, in_call=talks)):
                self.notify(name)
        self._doubt(name, interface)

    def _left_bridge(self, event: BridgeLeave) -> None:
        if self._served:
            uniqueid = self.reports.identifier(event, "Uniqueid")
            self._parted(event, uniqueid, is_over=False)

    def _parted(self, event: Hangup | BridgeLeave, uniqueid: str, *, is_over: bool) -> None:
        """Doubt a member whose call may be over: AgentComplete may not follow."""
        # A channel that leaves a bridge may enter another one, and the call goes on.
        device = identifier(event, "Channel", "").rpartition("-")[0]
        for key in (uniqueid, device):
            found = self._served.pop(key, None) if is_over else self._served.get(key)
            if found is not None:
                if is_over:
                    self._ending[found] = _LOOKS
                self._doubt(*found)


class _Listed:
    """The queues, members and callers in the answer to one `QueueStatus`.

    Args:
        callers: the callers that are known already, by Uniqueid.
        now: the time, in seconds since 1970.

    Attributes:
        queues: the queues, without members and callers.
        members: the members of each queue, by interface.
        callers: the callers of each queue.
        unsettled: the queues with a stand-in that is about to give up, which will be counted.
    """

    def __init__(self, callers: Mapping[str, _Caller], now: float) -> None:
        self._known = callers
        self._now = now
        self.queues: dict[str, LiveQueue] = {}
        self.members: dict[str, dict[str, LiveMember]] = {}
        self.callers: dict[str, list[LiveCaller]] = {}
        self.unsettled: set[str] = set()

    def take(self, item: Event) -> None:
        """Take an item of the answer."""
        name = identifier(item, "Queue")
        if not name:
            return
        if isinstance(item, QueueMember):
            if interface := item.location:
                member = _member(item, item.name_, LiveMember(interface))
                self.members.setdefault(name, {})[interface] = member
        elif isinstance(item, QueueEntry):
            # A caller who was just taken away has a stand-in in the queue for a moment.
            if (item.channel or "").startswith(_STAND_IN):
                self.unsettled.add(name)
            elif item.uniqueid:
                self.callers.setdefault(name, []).append(self._caller(item, item.uniqueid, name))
        elif isinstance(item, QueueParams):
            self.queues[name] = LiveQueue(
                name, item.strategy or "", item.completed or 0, item.abandoned or 0
            )

    def _caller(self, item: QueueEntry, uniqueid: str, queue: str) -> LiveCaller:
        place = self._known.get(uniqueid)
        since = self._now - (item.wait or 0)
        if place is not None and place.queue == queue:
            since = place.since  # the list only has whole seconds
        return LiveCaller(
            uniqueid,
            item.channel or "",
            item.position or 0,
            known(item.caller_id_num),
            known(item.caller_id_name),
            since,
        )


def _position(event: QueueCallerJoin | QueueCallerLeave) -> int | None:
    """Return the place in the queue, counted from 0; `None` if the event has none."""
    position = whole_number(event.find("Position") or "")
    return position - 1 if position else None


def _or(new: _T | None, old: _T) -> _T:
    return old if new is None else new


def _member(
    event: QueueMemberEvent | QueueMember, name: str | None, before: LiveMember
) -> LiveMember:
    """Return a member as an event describes it, with the former values of missing headers."""
    return LiveMember(
        before.interface,
        _or(name, before.name),
        _or(event.status, before.status),
        _or(event.paused, before.paused),
        _or(event.paused_reason, before.paused_reason),
        _or(event.in_call, before.in_call),
        _or(event.calls_taken, before.calls_taken),
        before.last_call if event.last_call is None else event.last_call or None,
        _or(event.penalty, before.penalty),
        _or(event.membership, before.membership),
    )
