"""The calls of the live state: who calls whom, and how the finished calls ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from ..calls.ends import CallEnd
from ..calls.registry import CallRecord, CallRegistry, ChannelRecord
from ..enums import ChannelState, Word
from ..events.base import Event
from ..fields import identifier, whole_number
from .part import LiveObject, Record, Reports

if TYPE_CHECKING:
    from .channels import LiveChannel

__all__ = ["Calls", "LiveCall", "LiveCallState", "LiveParty", "Waiting"]

_SPARE: Final = 20  # hung-up channels that each call keeps
_QUEUE: Final = "queue"  # the application, in lower case
_MEMBER: Final = "AppQueue"  # the application of a channel that a queue has called
_NO_PLACES: Final = frozenset({"", "s", "h"})  # extensions that nobody dials
_CALLED: Final = frozenset(
    {"AppDial", "AppQueue"}
)  # the applications of dialled channels in the list

_UP: Final = str(int(ChannelState.UP))
_RINGING: Final = frozenset(
    {
        ChannelState.DOWN,
        ChannelState.RESERVED,
        ChannelState.DIALING,
        ChannelState.RINGING,
        ChannelState.DIALING_OFF_HOOK,
        ChannelState.PRE_RING,
    }
)


class Waiting(Protocol):
    """The methods of the queues that the calls use."""

    def queue_of(self, uniqueid: str) -> str | None:
        """Return the queue in which a channel waits; `None` if it waits in no queue."""

    def member_name(self, queue: str, interface: str) -> str:
        """Return the name of a queue's member; empty if unknown, or if it is just the interface."""


class LiveCallState(Word):
    """The state of a call. If several states fit, the first in this order counts: `CONFERENCE`,
    `PARKED`, `WAITING`, `HELD`, `TALKING`, `RINGING`. If none fits, it is `OTHER`.
    """

    RINGING = "ringing"
    """A telephone is called, and has not answered yet."""
    TALKING = "talking"
    """Two or more channels are in one bridge."""
    WAITING = "waiting"
    """The caller waits in a queue, even while members of the queue ring."""
    PARKED = "parked"
    HELD = "held"
    """Two or more channels are in one bridge, and one of them has put the other on hold."""
    CONFERENCE = "conference"
    OTHER = "other"
    """The call runs through the dialplan, or is over."""


_TRANSFERRED: Final = ("OrigTransferer", "SecondTransferer", "Transferee", "TransferTarget")


@dataclass(frozen=True, slots=True, repr=False)
class LiveParty(LiveObject):
    """A party of a call, as the caller. Its `str()` is the name and the number as people read them.

    Attributes:
        name: the name; empty if unknown.
        number: the number; empty if unknown.
        channel: the channel's name; empty without a channel, as for a dialled number before the
            answer.
        uniqueid: the channel's Uniqueid, a key of `Live.channels` while it exists; else empty.
    """

    name: str = ""
    number: str = ""
    channel: str = ""
    uniqueid: str = ""

    def __str__(self) -> str:
        if self.name and self.number:
            return f"{self.name} <{self.number}>"
        return self.name or self.number or self.channel.rpartition("-")[0] or self.channel


@dataclass(frozen=True, slots=True, repr=False)
class LiveCall(LiveObject):
    """A call at one moment, or a finished call.

    Its `str()` is one line, as `Ada <101> → Bob <102>: talking`.

    Attributes:
        linkedid: the Linkedid of the call.
        channels: its channels, the oldest first. A finished call has their last states, and of more
            than twenty channels the last ones to hang up.
        state: its state, as a `LiveCallState`.
        queue: the queue in which the call waits, or waited last; `None` if it never waited.
        caller: the party that calls, with its present name and number. After a transfer it is the
            earliest of the parties that are still in the call.
        callee: the party that is called, or talks with the caller. If several telephones ring, or
            none does, it has the dialled number and no name.
        since: the time at which it began, in seconds since 1970 by the clock of `Live`.
        answered_by: the party that answered first; `None` without an answer, or if that was before
            `Live` was entered and the server does not report it.
        end: the end of the call; `None` while it goes on. Its `by_us` is always false.
    """

    linkedid: str
    channels: tuple[LiveChannel, ...]
    state: LiveCallState = LiveCallState.OTHER
    queue: str | None = None
    caller: LiveParty = LiveParty()
    callee: LiveParty = LiveParty()
    since: float = 0.0
    answered_by: LiveParty | None = None
    end: CallEnd | None = None

    def __str__(self) -> str:
        word = self.state.value if self.end is None else self.end.reason.value
        suffix = f" in {self.queue}" if self.state is LiveCallState.WAITING else ""
        return f"{str(self.caller) or '?'} → {str(self.callee) or '?'}: {word}{suffix}"


class _View(Mapping[str, LiveCall]):
    """A view of the calls by Linkedid, the oldest first, which changes with them."""

    __slots__ = ("_calls", "_value")

    def __init__(
        self, calls: Mapping[str, CallRecord], value: Callable[[CallRecord], LiveCall]
    ) -> None:
        self._calls = calls
        self._value = value

    def __getitem__(self, key: str) -> LiveCall:
        return self._value(self._calls[key])

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._calls, key=lambda each: self._calls[each].began))

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, key: object) -> bool:
        return key in self._calls

    def __repr__(self) -> str:
        return repr(dict(self))


class Calls:
    """The calls, put together from the channels as in a `CallTracer`, without the steps.

    Args:
        reports: gets the changes.
        history: the number of finished calls to keep.

    Attributes:
        view: the calls in progress, by Linkedid.
        ended: the latest finished calls, the last one at the end.
        queues: the queues, which know the waiting callers and the names of members; `None` if the
            queues are not followed.
    """

    def __init__(self, reports: Reports, history: int) -> None:
        self._reports = reports
        self._calls: dict[str, CallRecord] = {}
        self._registry = CallRegistry(keep=0, spare=_SPARE, moved=self._relinked)
        self.view: Mapping[str, LiveCall] = _View(self._calls, self._value)
        self.ended: deque[LiveCall] = deque(maxlen=history)
        self.queues: Waiting | None = None
        reports.queue_changed = self._touched

    # The events, after the part `channels` has taken them

    def made(self, event: Event, shown: Record[LiveChannel]) -> None:
        """Take the event of a new channel."""
        channel = self._registry.seen(event, self._reports.clock())
        if channel is not None:
            channel.shown = shown
            self._calls[channel.call.linkedid] = channel.call
            self._notify(channel.call)

    def take(self, event: Event, uniqueid: str) -> ChannelRecord | None:
        """Take an event of a channel, and return the channel; `None` if it is not known."""
        channel = self._channel(event, uniqueid)
        if channel is not None:
            self._notify(channel.call)
        return channel

    def _channel(self, event: Event, uniqueid: str) -> ChannelRecord | None:
        """Return the channel of an event, linked to its call; `None` if it is not known."""
        channel = self._registry.channels.get(uniqueid)
        if channel is None or channel.ended is not None:
            return None
        link = identifier(event, "Linkedid")
        if link and link != channel.call.linkedid:
            self._registry.link(channel, link)
        return channel

    def state(self, event: Event, uniqueid: str) -> None:
        """Take the event of a channel's new state."""
        channel = self.take(event, uniqueid)
        if channel is not None and channel.answered is None and event.find("ChannelState") == _UP:
            channel.answered = self._reports.clock()

    def executes(self, event: Event, uniqueid: str, application: str, data: str) -> None:
        """Take the event of an application that begins on a channel."""
        channel = self.take(event, uniqueid)
        if channel is not None:
            self._registry.goes_on(channel, event.find("Extension", event.find("Exten", "")))
            if application.lower() == _QUEUE:
                channel.call.queue = _queue(data)

    def rename(self, uniqueid: str, name: str) -> None:
        """Give a channel another name."""
        channel = self._registry.channels.get(uniqueid)
        if channel is not None:
            self._registry.rename(channel, name)
            self._notify(channel.call)

    def dials(self, event: Event) -> None:
        """Take the event of a channel, or an Originate, that calls another one."""
        channel, dest = self._two(event)
        if dest is not None:
            self._registry.dials(channel, dest, self._reports.clock())
            self._notify(dest.call)

    def dial_ends(self, event: Event) -> None:
        """Take the event with the result of dialling a channel."""
        channel, dest = self._two(event)
        if dest is not None:
            status = event.find("DialStatus", "")
            self._registry.dial_ends(channel, dest, status, self._reports.clock())
            self._notify(dest.call)

    def _two(self, event: Event) -> tuple[ChannelRecord | None, ChannelRecord | None]:
        channels = self._registry.channels
        one = channels.get(self._reports.identifier(event, "Uniqueid"))
        return one, channels.get(identifier(event, "DestUniqueid", ""))

    def enters(self, event: Event, uniqueid: str, bridge: str, kind: tuple[str, str]) -> None:
        """Take the event of a channel that enters a bridge; `kind` is its type and creator."""
        channel = self._channel(event, uniqueid)
        if channel is not None:
            swapped = None
            if kind[0] == "basic":  # in other bridges the channels belong to separate calls
                swapped = self._registry.channels.get(identifier(event, "SwapUniqueid", ""))
            self._registry.enters(channel, bridge, kind, self._reports.clock(), swapped)
            self._notify(channel.call)

    def kind_of(self, bridge: str, event: Event) -> tuple[str, str]:
        """Return the type and the creator of a bridge, which never change.

        Args:
            bridge: the bridge's unique id.
            event: the event of a channel that enters the bridge.
        """
        found = self._registry.kinds.get(bridge)
        if found is None or not found[0]:  # it was not listed
            found = event.find("BridgeType", ""), event.find("BridgeCreator", "")
        return found

    def leaves(self, event: Event, uniqueid: str, bridge: str) -> None:
        """Take the event of a channel that leaves a bridge."""
        channel = self._channel(event, uniqueid)
        if channel is not None:
            self._registry.leaves(channel, bridge)
            self._notify(channel.call)

    def holds(self, event: Event) -> None:
        """Note that a channel has put the other party on hold."""
        self._hold(event, True)

    def holds_no_more(self, event: Event) -> None:
        """Note that a channel has taken the other party off hold."""
        self._hold(event, False)

    def _hold(self, event: Event, held: bool) -> None:
        channel = self.take(event, self._reports.identifier(event, "Uniqueid"))
        if channel is not None:
            channel.held = held

    def hung_up(self, event: Event, uniqueid: str) -> None:
        """Take the event of a channel's hang-up."""
        channel = self.take(event, uniqueid)
        if channel is not None:
            channel.cause = whole_number(event.find("Cause", ""))
            self._end(channel, self._reports.clock(), seen=True)

    def transfers(self, event: Event) -> None:
        """Apply the event of a blind transfer."""
        channels = self._registry.channels
        one = channels.get(identifier(event, "TransfererUniqueid", ""))
        moved = channels.get(identifier(event, "TransfereeUniqueid", ""))
        if one is not None and event.find("Result") == "Success":
            self._registry.transfers(one, moved, event.find("Extension", ""))
            self._notify(one.call)

    def unites(self, event: Event) -> None:
        """Apply the event of an attended transfer, which joins the two calls.

        If the target still rings, no other event reports this until it answers.
        """
        first, second, *others = (
            self._registry.channels.get(identifier(event, f"{role}Uniqueid", ""))
            for role in _TRANSFERRED
        )
        if first is None or event.find("Result") != "Success":
            return
        call = first.call
        if second is not None and second.dials:
            call.callee, call.dialled = next(iter(second.dials)), second.call.dialled
        self._registry.unite(first, second, *others)
        self._notify(call)

    def touched(self, uniqueid: str) -> None:
        """Report a change of the call of a channel, as a list shows the channel changed."""
        self._touched(uniqueid)

    def _touched(self, uniqueid: str) -> None:
        channel = self._registry.channels.get(uniqueid)
        if channel is not None and channel.ended is None:
            channel.call.queue = self._queue_of(channel) or channel.call.queue
            self._notify(channel.call)

    def _end(self, channel: ChannelRecord, time: float, *, seen: bool) -> None:
        call = channel.call
        self._registry.end(channel, time, seen=seen)
        if call.alive:
            self._notify(call)
            return
        self._calls.pop(call.linkedid, None)
        self.ended.append(self._value(call))
        self._registry.forget()
        self._reports.notify("call", call.linkedid, True)

    def _relinked(self, call: CallRecord, before: str) -> None:
        """Show a call under its new Linkedid."""
        if self._calls.pop(before, None) is not None:
            self._reports.notify("call", before, True)
        if call.alive:
            self._calls[call.linkedid] = call
            self._notify(call)

    def _notify(self, call: CallRecord) -> None:
        self._reports.notify("call", call.linkedid)

    # Lists of the server

    def read(
        self,
        listed: Mapping[str, Record[LiveChannel]],
        bridges: Mapping[str, tuple[str, str]],
    ) -> None:
        """Update the calls from the server's lists.

        If no channel of a call is listed, the call has ended, and the reason is unknown.

        Args:
            listed: the channels, by Uniqueid; the oldest first.
            bridges: the type and the creator of each bridge.
        """
        registry = self._registry
        for channel in list(registry.channels.values()):
            if channel.ended is None and channel.uniqueid not in listed:
                self._end(channel, self._reports.trusted, seen=False)
        now = self._reports.clock()
        for shown in listed.values():
            value = shown.value()
            found = registry.channels.get(value.uniqueid)
            linkedid = value.linkedid or value.uniqueid
            if found is None:
                found = registry.add(value.uniqueid, value.name, linkedid, value.exten, value.since)
                # The halves of a Local channel are one call, even if one of them was bridged with
                # an older call, and so has another Linkedid.
                registry.unite_halves(found)
                if value.state == ChannelState.UP:
                    found.answered = now
                if value.application in _CALLED:
                    found.call.callee = found
            else:
                registry.rename(found, value.name)
                registry.link(found, linkedid)
            if value.application.lower() == _QUEUE:
                found.call.queue = _queue(value.application_data)
            if found.shown is not shown:
                found.shown = shown
                self._notify(found.call)
            self._calls[found.call.linkedid] = found.call
        for uniqueid, shown in listed.items():
            bridge = shown.value().bridge
            self.moved(uniqueid, bridge, bridges.get(bridge or "", ("", "")))

    def moved(self, uniqueid: str, bridge: str | None, kind: tuple[str, str] | None = None) -> None:
        """Set a channel's bridge as the server lists it.

        Args:
            uniqueid: the channel's Uniqueid.
            bridge: the bridge's unique id; `None` if the channel is in none.
            kind: the bridge's type and creator; `None` if they were not listed.
        """
        registry = self._registry
        channel = registry.channels.get(uniqueid)
        if channel is not None and (bridge or "") != channel.bridge:
            if bridge is None:
                registry.leaves(channel)
            else:
                kind = registry.kinds.get(bridge, ("", "")) if kind is None else kind
                registry.enters(channel, bridge, kind, self._reports.clock())
            self._notify(channel.call)

    def clear(self) -> None:
        """Forget the calls in progress, as they cannot be followed any more."""
        for linkedid in list(self._calls):
            self._reports.notify("call", linkedid, True)
        self._calls.clear()
        self._registry = CallRegistry(keep=0, spare=_SPARE, moved=self._relinked)

    # The values of calls

    def _value(self, call: CallRecord) -> LiveCall:
        alive = [each for each in call.channels if each.ended is None]
        queue = next(filter(None, map(self._queue_of, alive)), None)
        caller, callee = map(_shown, self._registry.parties(call))
        return LiveCall(
            call.linkedid,
            tuple(
                each.shown.value()
                for each in sorted(alive or call.channels, key=lambda each: each.number)
            ),
            self._state(alive, queue),
            queue or call.queue or None,
            self._party(call, caller, callee),
            self._party(call, callee, caller, call.dialled),
            call.began,
            None if call.answered_by is None else self._party(call, _shown(call.answered_by)),
            call.end,
        )

    def _party(
        self,
        call: CallRecord,
        channel: LiveChannel | None,
        other: LiveChannel | None = None,
        dialled: str = "",
    ) -> LiveParty:
        """Return a party, with the name and number of its channel, else of the other's display.

        Args:
            call: the call.
            channel: the party's channel, if there is one.
            other: the channel of the other party.
            dialled: the number that was dialled.
        """
        if channel is None:
            return LiveParty(number=dialled)
        name, number = channel.caller_id_name, channel.caller_id_num
        if number in _NO_PLACES:
            number = ""
        if not name and channel.application == _MEMBER and call.queue:
            # A member without a number gets the number of the queue from Asterisk.
            if number == call.dialled:
                number = dialled = ""
            if self.queues is not None:
                interface = channel.name.rpartition("-")[0]
                name = self.queues.member_name(call.queue, interface)
        if other is not None:
            name = name or other.connected_line_name
            number = number or other.connected_line_num
        return LiveParty(name, number or dialled, channel.name, channel.uniqueid)

    def _queue_of(self, channel: ChannelRecord) -> str | None:
        if channel.bridge:
            return None
        queue = None if self.queues is None else self.queues.queue_of(channel.uniqueid)
        if queue is None and channel.shown.application.lower() == _QUEUE:
            queue = _queue(channel.shown.value().application_data)
        return queue

    def _state(self, alive: list[ChannelRecord], queue: str | None) -> LiveCallState:
        bridges, kinds = self._registry.bridges, self._registry.kinds
        bridged = [(each, *kinds[each.bridge]) for each in alive if each.bridge]
        if any(creator == "ConfBridge" for _, _, creator in bridged):
            return LiveCallState.CONFERENCE
        if any(kind == "parking" for _, kind, _ in bridged):
            return LiveCallState.PARKED
        if queue is not None:
            return LiveCallState.WAITING
        talking = [
            each
            for each, kind, _ in bridged
            if kind in ("basic", "") and len(bridges[each.bridge]) > 1
        ]
        if talking:
            held = any(each.held for each in talking)
            return LiveCallState.HELD if held else LiveCallState.TALKING
        if any(each.shown.value().state in _RINGING for each in alive):
            return LiveCallState.RINGING
        return LiveCallState.OTHER


def _queue(data: str) -> str:
    """Return the queue's name from the arguments of the application `Queue`."""
    return data.partition(",")[0]


def _shown(channel: ChannelRecord | None) -> LiveChannel | None:
    if channel is None:
        return None
    shown: LiveChannel = channel.shown.value()
    return shown
