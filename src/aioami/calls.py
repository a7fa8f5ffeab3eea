"""Calls: what happened to each, put together from the events of a server.

    tracer = CallTracer()
    for entry in Recording.load("monday.jsonl").entries:
        if entry.data.startswith("Event: "):
            tracer.take(events.parse(entry.data), entry.time)
    print(tracer.find("1700000000.12"))

Asterisk gives all channels that belong together one `Linkedid`; when two calls become one, as by a bridge or a transfer, the channels of
the younger get that of the older. A `CallTrace` is what bore one of these, from its first channel to its last: its channels and,
step by step, who called whom, who answered, who talked to whom, and who hung up and why. Nothing here does any input or output.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Union

from .enums import ChannelState
from .events.base import Event

__all__ = ["CALL_EVENTS", "CallChannel", "CallStep", "CallTrace", "CallTracer", "Ladder", "LadderLine", "Named"]

_UNKNOWN: Final = frozenset({"", "<unknown>", "<no name>", "none", "unknown"})
_STATES: Final[dict[int, tuple[str, str]]] = {
    ChannelState.RING: ("progress", "is ringing in"),
    ChannelState.RINGING: ("progress", "rings"),
    ChannelState.UP: ("up", "is up"),
    ChannelState.BUSY: ("failed", "is busy"),
}
_DIAL_ENDS: Final[dict[str, tuple[str, str]]] = {
    "ANSWER": ("answered", "answers"),
    "BUSY": ("failed", "is busy"),
    "NOANSWER": ("failed", "does not answer"),
    "CANCEL": ("failed", "is not called any more"),
    "CONGESTION": ("failed", "is congested"),
    "CHANUNAVAIL": ("failed", "cannot be reached"),
}
_ASCII: Final = str.maketrans("│─┼├┤┌▶◀◆◇●○•▽✕·", "|-++++><#:@o*vX.")


@dataclass(frozen=True)
class Named:
    """A channel that is named in the words of a step.

    Attributes:
        uniqueid: its unique id.
        name: its name at that moment.
    """

    uniqueid: str
    name: str


@dataclass(frozen=True)
class CallStep:
    """One thing that happened in a call.

    Attributes:
        time: when, in seconds on the clock of whoever gave the events to the tracer.
        kind: what sort of thing: `new`, `there` (a channel that was there before the tracing began), `dial`, `progress`, `answered`, `failed`,
            `up`, `local`, `bridge`, `unbridge`, `transfer`, `queue`, `agent`, `park`, `hold`, `pickup`, `rename`, `conference`, `record`,
            `spy`, `agi`, `dtmf`, `user`, `originate`, `dialplan`, `request` (to hang up), `hangup`, `gone` (a channel whose end was missed).
        channel: the unique id of the channel that it is about.
        others: the unique ids of further channels that have part in it.
        words: what happened, in words, with the channels where they are named.
        cause: the hang-up cause, if it has one.
        event: the event that told it; `None` for `gone`.
    """

    time: float
    kind: str
    channel: str
    others: tuple[str, ...]
    words: tuple[Union[str, Named], ...]
    cause: int | None = None
    event: Event | None = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """What happened, in words, with the channels by their names."""
        return self.told(lambda channel: channel.name)

    def told(self, name: Callable[[Named], str]) -> str:
        """What happened, in words.

        Args:
            name: what a channel is called.
        """
        return "".join(each if isinstance(each, str) else name(each) for each in self.words)

    def to_dict(self) -> dict[str, Any]:
        """It as a dictionary, ready for JSON."""
        told = {"time": round(self.time, 6), "kind": self.kind, "channel": self.channel, "others": list(self.others)}
        return {
            **told,
            "text": self.text,
            "cause": self.cause,
            "event": None if self.event is None else self.event.name,
        }


@dataclass(frozen=True)
class CallChannel:
    """A channel of a call.

    Attributes:
        uniqueid: its unique id.
        name: its name, as `PJSIP/alice-00000001`; the last one, if it had several.
        caller: the caller id that it began with, as `"Ada" <555>`; empty if it had none.
        started: when it was made, or first heard of.
        answered: when it was answered; `None` if it was not, or before the tracing began.
        ended: when it was hung up; `None` if it is still there.
        cause: its hang-up cause; `None` while there is none.
        cause_text: the same in Asterisk's words.
        was_there: whether it was there before the tracing began, so that its beginning is not known.
    """

    uniqueid: str
    name: str
    caller: str
    started: float
    answered: float | None
    ended: float | None
    cause: int | None
    cause_text: str
    was_there: bool

    def to_dict(self) -> dict[str, Any]:
        """It as a dictionary, ready for JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class CallTrace:
    """What happened to one call. Its `str()` is the ladder, 100 columns wide.

    Attributes:
        linkedid: the linked id that it began with.
        linkedids: all linked ids that it had, those of calls that became part of it among them.
        channels: its channels, in the order in which they began.
        steps: what happened, in order.
    """

    linkedid: str
    linkedids: tuple[str, ...]
    channels: tuple[CallChannel, ...]
    steps: tuple[CallStep, ...]

    @property
    def started(self) -> float:
        """When it began, or was first heard of."""
        return min(each.started for each in self.channels)

    @property
    def ended(self) -> float | None:
        """When its last channel was hung up; `None` while one is there."""
        ends = [each.ended for each in self.channels]
        known = [each for each in ends if each is not None]
        return max(known) if len(known) == len(ends) else None

    @property
    def is_over(self) -> bool:
        """Whether all its channels are hung up."""
        return self.ended is not None

    def ladder(self, width: int = 100, *, without: Collection[str] = ("dialplan",)) -> list[LadderLine]:
        """The call as a ladder: a line down for each channel, and what happened beside it.

        Args:
            width: columns that a line may have, 60 at the least.
            without: kinds of steps that are left out.

        Raises:
            ValueError: `width` is too little.
        """
        steps = [step for step in self.steps if step.kind not in without]
        measured = Ladder(width)
        for step in steps:
            measured.draw(step)
        ladder = Ladder(width, began=self.started, lanes=measured.lanes)
        return [line for step in steps for line in ladder.draw(step)]

    def to_dict(self) -> dict[str, Any]:
        """It as a dictionary, ready for JSON."""
        return {
            "linkedid": self.linkedid,
            "linkedids": list(self.linkedids),
            "started": self.started,
            "ended": self.ended,
            "channels": [each.to_dict() for each in self.channels],
            "steps": [each.to_dict() for each in self.steps],
        }

    def __str__(self) -> str:
        return "\n".join(map(str, self.ladder()))


class _Channel:
    """What is known of a channel by now."""

    __slots__ = (
        *("answered", "call", "caller", "cause", "cause_text", "ended", "name", "ringing", "started", "uniqueid"),
        "was_there",
    )

    def __init__(self, uniqueid: str, name: str, call: _Call, started: float) -> None:
        self.uniqueid = uniqueid
        self.name = name
        self.call = call
        self.caller = ""
        self.started = started
        self.answered: float | None = None
        self.ended: float | None = None
        self.cause: int | None = None
        self.cause_text = ""
        self.was_there = False
        self.ringing = False

    @property
    def named(self) -> Named:
        return Named(self.uniqueid, self.name)

    def value(self) -> CallChannel:
        return CallChannel(
            **{name: getattr(self, name) for name in self.__slots__ if name not in ("call", "ringing")},
        )


class _Call:
    """What is known of a call by now."""

    __slots__ = ("alive", "channels", "links", "steps")

    def __init__(self, link: str) -> None:
        self.links = [link]
        self.channels: list[_Channel] = []
        self.steps: list[tuple[int, CallStep]] = []
        self.alive = 0

    def value(self) -> CallTrace:
        return CallTrace(
            self.links[0],
            tuple(self.links),
            tuple(each.value() for each in sorted(self.channels, key=lambda each: each.started)),
            tuple(step for _, step in self.steps),
        )


_Handler = Callable[["CallTracer", Event, float], None]
_HANDLERS: Final[dict[str, _Handler]] = {}


def _on(*names: str) -> Callable[[_Handler], _Handler]:
    """Register what is to be done with events of these names."""

    def register(handler: _Handler) -> _Handler:
        _HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return register


class CallTracer:
    """Takes events, and puts them together to calls. An event that belongs to no call does no harm.

    Args:
        keep: how many calls that are over are kept, the latest ones; `None` keeps all.

    Raises:
        ValueError: `keep` is negative.
    """

    def __init__(self, *, keep: int | None = None) -> None:
        if keep is not None and keep < 0:
            raise ValueError(f"keep: at least 0, or None for all, not {keep}")
        self._keep = keep
        self._calls: dict[_Call, None] = {}
        self._ended: dict[_Call, None] = {}
        self._links: dict[str, _Call] = {}
        self._channels: dict[str, _Channel] = {}
        self._bridges: dict[str, dict[str, None]] = {}
        self._count = 0
        self._touched: _Call | None = None

    def take(self, event: Event, time: float | None = None) -> str | None:
        """Take an event.

        Args:
            event: from a stream, a recording or a log; or an item of `CoreShowChannels`, which tells of a channel that is there.
            time: when it came, in seconds; left out, the event's own time stamp.

        Returns:
            The linked id of the call in which it made a step; `None` if it made none.

        Raises:
            ValueError: no time is given, and the event has none.
        """
        handler = _HANDLERS.get(event.name)
        if handler is None:
            return None
        if time is None:
            time = event.timestamp
            if time is None:
                raise ValueError(
                    f"time: {event.name} has no time stamp (manager.conf: timestampevents), so it must be given"
                )
        self._touched = None
        handler(self, event, time)
        return None if self._touched is None else self._touched.links[0]

    def missing(self, present: Iterable[str], time: float) -> None:
        """Say which channels there are, after a time in which events were missed; all others are gone.

        Args:
            present: the unique ids of the channels that there are.
            time: when this was so.
        """
        alive = set(present)
        for channel in list(self._channels.values()):
            if channel.ended is None and channel.uniqueid not in alive:
                self._step(time, "gone", channel, (), " is gone; when and why was missed")
                self._end(channel, time)

    def find(self, call: str) -> CallTrace | None:
        """The call with a linked id, a unique id or a channel.

        Args:
            call: a linked id, a unique id, a channel's name, or its begin up to the last hyphen (`PJSIP/alice`);
                letters are compared without case. Of several calls it is the latest.

        Returns:
            The call as it is known by now; `None` if there is none.
        """
        wanted = call.lower()
        found = self._links.get(call) or next(
            (each for link, each in self._links.items() if link.lower() == wanted), None
        )
        if found is None and (channel := self._channel(wanted)) is not None:
            found = channel.call
        return None if found is None else found.value()

    def _channel(self, wanted: str) -> _Channel | None:
        for channel in reversed(self._channels.values()):
            name = channel.name.lower()
            if wanted in (channel.uniqueid.lower(), name, name.rpartition("-")[0]):
                return channel
        return None

    def is_one_call(self, first: str, second: str) -> bool:
        """Whether two linked ids are those of one call.

        Args:
            first: a linked id.
            second: a linked id.
        """
        return first in self._links and self._links[first] is self._links.get(second)

    def calls(self) -> list[CallTrace]:
        """All calls that are known, in the order in which they began."""
        return [each.value() for each in self._calls]

    def __len__(self) -> int:
        return len(self._calls)

    # Channels and calls

    def _seen(self, event: Event, time: float, prefix: str = "") -> _Channel | None:
        """The channel that an event tells of, brought up to date; `None` if it tells of none."""
        uniqueid = event.get(f"{prefix}Uniqueid", "")
        if uniqueid in _UNKNOWN:
            return None
        channel = self._channels.get(uniqueid)
        name, link = event.get(f"{prefix}Channel", ""), event.get(f"{prefix}Linkedid", "")
        if channel is None:
            if not link or not name:
                return None
            channel = self._made(uniqueid, name, link, time)
            channel.caller = _party(event.get(f"{prefix}CallerIDName", ""), event.get(f"{prefix}CallerIDNum", ""))
            if event.name != "Newchannel":
                channel.was_there = True
                if event.name != "CoreShowChannel":
                    self._step(time, "there", channel, (), " is there already")
        elif link and self._links.get(link) is not channel.call:
            self._merge(self._links.get(link), channel.call, link)
        if name and event.name != "Rename":
            channel.name = name
        return channel

    def _made(self, uniqueid: str, name: str, link: str, time: float) -> _Channel:
        call = self._links.get(link)
        if call is None:
            call = self._links[link] = _Call(link)
            self._calls[call] = None
        channel = self._channels[uniqueid] = _Channel(uniqueid, name, call, time)
        call.channels.append(channel)
        call.alive += 1
        self._ended.pop(call, None)
        return channel

    def _merge(self, into: _Call | None, other: _Call, link: str) -> None:
        """Two calls have become one; or one has another linked id."""
        if into is None:
            other.links.append(link)
            self._links[link] = other
            return
        # Linked ids of older calls win, in Asterisk and here.
        into.links += other.links
        into.channels += other.channels
        into.alive += other.alive
        into.steps = sorted([*into.steps, *other.steps])
        for channel in other.channels:
            channel.call = into
        for each in other.links:
            self._links[each] = into
        del self._calls[other]
        self._ended.pop(other, None)
        if into.alive:
            self._ended.pop(into, None)

    def _end(self, channel: _Channel, time: float) -> None:
        if channel.ended is not None:
            return
        channel.ended = time
        call = channel.call
        call.alive -= 1
        for members in self._bridges.values():
            members.pop(channel.uniqueid, None)
        if not call.alive:
            self._ended[call] = None
            while self._keep is not None and len(self._ended) > max(self._keep, 1):
                self._forget(next(iter(self._ended)))

    def _forget(self, call: _Call) -> None:
        del self._ended[call], self._calls[call]
        for link in call.links:
            del self._links[link]
        for channel in call.channels:
            del self._channels[channel.uniqueid]

    def _step(
        self,
        time: float,
        kind: str,
        channel: _Channel,
        others: Iterable[_Channel | None],
        *words: str | _Channel,
        event: Event | None = None,
        cause: int | None = None,
    ) -> None:
        told = tuple(each if isinstance(each, str) else each.named for each in words)
        have_part = tuple(each.uniqueid for each in others if each is not None)
        step = CallStep(time, kind, channel.uniqueid, have_part, (channel.named, *told), cause, event)
        self._count += 1
        channel.call.steps.append((self._count, step))
        self._touched = channel.call

    # What events mean

    @_on("Newchannel")
    def _new(self, event: Event, time: float) -> None:
        known = event.get("Uniqueid", "") in self._channels  # a list of the channels was quicker than the event
        channel = self._seen(event, time)
        if channel is not None and not known:
            caller = f" from {channel.caller}" if channel.caller else ""
            self._step(time, "new", channel, (), f" is made{caller}{_place(event)}", event=event)

    @_on("CoreShowChannel")
    def _listed(self, event: Event, time: float) -> None:
        known = event.get("Uniqueid", "") in self._channels
        channel = self._seen(event, time)
        if channel is not None and not known:
            state = event.get("ChannelStateDesc", "")
            since = event.get("Duration", "")
            self._step(
                time, "there", channel, (), f" is there already, {state}, since {since}{_place(event)}", event=event
            )
            if (bridge := event.get("BridgeId", "")) not in _UNKNOWN:
                self._bridges.setdefault(bridge, {})[channel.uniqueid] = None

    @_on("Newstate")
    def _state(self, event: Event, time: float) -> None:
        channel = self._seen(event, time)
        number = event.get("ChannelState", "")
        if channel is None:
            return
        default = ("progress", f"is {event.get('ChannelStateDesc', number)}")
        kind, words = _STATES.get(int(number) if number.isdecimal() else -1, default)
        if kind == "up" and channel.answered is None:
            channel.answered = time
        channel.ringing = number == str(int(ChannelState.RINGING))
        self._step(time, kind, channel, (), f" {words}", event=event)

    @_on("DialBegin")
    def _dial(self, event: Event, time: float) -> None:
        channel, dest = self._seen(event, time), self._seen(event, time, "Dest")
        if dest is None:
            return
        if channel is None:
            self._step(time, "dial", dest, (), " is called", event=event)
        else:
            dialled = event.get("DialString", "")
            detail = f" as {dialled}" if dialled and dialled not in dest.name else ""
            self._step(time, "dial", channel, (dest,), " calls ", dest, detail, event=event)

    @_on("DialState")
    def _dial_state(self, event: Event, time: float) -> None:
        channel, dest = self._seen(event, time), self._seen(event, time, "Dest")
        if dest is not None:
            status = event.get("DialStatus", "").lower()
            if status == "ringing" and dest.ringing:  # which has been told
                return
            self._step(time, "progress", dest, (channel,), f" tells of progress: {status}", event=event)

    @_on("DialEnd")
    def _dial_end(self, event: Event, time: float) -> None:
        channel, dest = self._seen(event, time), self._seen(event, time, "Dest")
        if dest is None:
            return
        status = event.get("DialStatus", "")
        kind, words = _DIAL_ENDS.get(status, ("failed", f"was called in vain: {status}"))
        if kind == "answered" and dest.answered is None:
            dest.answered = time
        forward = event.get("Forward", "")
        if forward:
            words += f", and forwards to {forward}"
        whom: tuple[str | _Channel, ...] = (" ", channel) if channel is not None and kind == "answered" else ()
        self._step(time, kind, dest, (channel,), f" {words}", *whom, event=event)

    @_on("LocalBridge")
    def _local(self, event: Event, time: float) -> None:
        one, two = self._seen(event, time, "LocalOne"), self._seen(event, time, "LocalTwo")
        if one is not None and two is not None:
            self._step(
                time, "local", one, (two,), " and ", two, " are joined: two ends of one Local channel", event=event
            )

    @_on("LocalOptimizationEnd")
    def _optimized(self, event: Event, time: float) -> None:
        one, two = self._seen(event, time, "LocalOne"), self._seen(event, time, "LocalTwo")
        if one is not None and two is not None and event.get("Success", "") in ("Yes", "True", "1"):
            self._step(time, "local", one, (two,), " and ", two, " take themselves out of the call", event=event)

    @_on("BridgeEnter")
    def _enter(self, event: Event, time: float) -> None:
        channel = self._seen(event, time)
        if channel is None:
            return
        bridge, kind = event.get("BridgeUniqueid", ""), event.get("BridgeType", "")
        members = self._bridges.setdefault(bridge, {})
        swapped = self._channels.get(event.get("SwapUniqueid", ""))
        own = [self._channels[each] for each in members if each in self._channels and each != channel.uniqueid]
        others = [each for each in own if each.call is channel.call and each is not swapped and kind != "parking"]
        members[channel.uniqueid] = None
        place = "the parking lot's bridge" if kind == "parking" else f"bridge {bridge[:8]}"
        instead: list[str | _Channel] = [" in the place of ", swapped] if swapped is not None else []
        talking: list[str | _Channel] = [part for each in others for part in (", ", each)]
        if talking:
            talking[0] = " and talks to "
        self._step(time, "bridge", channel, others, f" enters {place}", *instead, *talking, event=event)

    @_on("BridgeLeave")
    def _leave(self, event: Event, time: float) -> None:
        channel = self._seen(event, time)
        if channel is not None:
            bridge = event.get("BridgeUniqueid", "")
            self._bridges.get(bridge, {}).pop(channel.uniqueid, None)
            place = "the parking lot's bridge" if event.get("BridgeType", "") == "parking" else f"bridge {bridge[:8]}"
            self._step(time, "unbridge", channel, (), f" leaves {place}", event=event)

    @_on("BridgeDestroy")
    def _destroyed(self, event: Event, time: float) -> None:
        self._bridges.pop(event.get("BridgeUniqueid", ""), None)

    @_on("BlindTransfer")
    def _blind(self, event: Event, time: float) -> None:
        channel = self._seen(event, time, "Transferer")
        transferee = self._seen(event, time, "Transferee")
        if channel is not None:
            whom = transferee if transferee is not None else "the others"
            target = f" to {event.get('Extension', '')}@{event.get('Context', '')}: {event.get('Result', '')}"
            self._step(time, "transfer", channel, (transferee,), " transfers ", whom, target, event=event)

    @_on("AttendedTransfer")
    def _attended(self, event: Event, time: float) -> None:
        channel = self._seen(event, time, "OrigTransferer")
        second = self._seen(event, time, "SecondTransferer")
        transferee = self._seen(event, time, "Transferee")
        target = self._seen(event, time, "TransferTarget")
        if channel is None:
            return
        whom = transferee if transferee is not None else "the others"
        place = target if target is not None else event.get("DestApp", "") or "a bridge"
        result = f" after a word with them: {event.get('Result', '')}"
        others = (second, transferee, target)
        self._step(time, "transfer", channel, others, " transfers ", whom, " to ", place, result, event=event)

    @_on("QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon")
    def _queue(self, event: Event, time: float) -> None:
        channel = self._seen(event, time)
        if channel is None:
            return
        queue, position = event.get("Queue", ""), event.get("Position", "")
        words = {
            "QueueCallerJoin": f" waits in queue {queue}, at place {position}",
            "QueueCallerLeave": f" leaves queue {queue}",
            "QueueCallerAbandon": f" gives up waiting in queue {queue}, after {event.get('HoldTime', '')} s",
        }[event.name]
        self._step(time, "queue", channel, (), words, event=event)

    @_on("AgentCalled", "AgentConnect", "AgentComplete", "AgentRingNoAnswer", "AgentDump")
    def _agent(self, event: Event, time: float) -> None:
        channel, dest = self._seen(event, time), self._seen(event, time, "Dest")
        if channel is None:
            return
        member = event.get("MemberName", "") or event.get("Interface", "")
        hold, ring, talk = (event.get(name, "") for name in ("HoldTime", "RingTime", "TalkTime"))
        ended = {"caller": "the caller hung up", "agent": "the member hung up", "transfer": "the member transferred it"}
        reason = ended.get(event.get("Reason", ""), event.get("Reason", ""))
        words = {
            "AgentCalled": f" is offered to {member}, by queue {event.get('Queue', '')}",
            "AgentConnect": f" is connected with {member}: waited {hold} s, of these the telephone rang {ring} s",
            "AgentComplete": f" has talked with {member} for {talk} s: {reason}",
            "AgentRingNoAnswer": f" got no answer from {member}, in {ring} ms",
            "AgentDump": f" was declined by {member}",
        }[event.name]
        self._step(time, "agent", channel, (dest,), words, event=event)

    @_on("ParkedCall", "ParkedCallTimeOut", "ParkedCallGiveUp", "ParkedCallSwap", "UnParkedCall")
    def _parked(self, event: Event, time: float) -> None:
        channel = self._seen(event, time, "Parkee")
        other = self._seen(event, time, "Retriever") or self._seen(event, time, "Parker")
        if channel is None:
            return
        lot, waited = event.get("Parkinglot", ""), event.get("ParkingDuration", "")
        space = f"at {event.get('ParkingSpace', '')} of {lot}"
        words: dict[str, list[str | _Channel]] = {
            "ParkedCall": [f" is parked {space}"],
            "ParkedCallTimeOut": [f" was parked {space} for {waited} s, its time is over"],
            "ParkedCallGiveUp": [f" was parked {space} for {waited} s, and gave up"],
            "ParkedCallSwap": [f" takes the place {space}"],
            "UnParkedCall": [f" is fetched from the place {space}, after {waited} s"],
        }
        if other is channel:
            other = None
        by: list[str | _Channel] = [", by ", other] if other is not None and event.name != "ParkedCallTimeOut" else []
        self._step(time, "park", channel, (other,), *words[event.name], *by, event=event)

    @_on("Pickup")
    def _pickup(self, event: Event, time: float) -> None:
        channel, target = self._seen(event, time), self._seen(event, time, "Target")
        if channel is not None:
            whom = target if target is not None else event.get("TargetChannel", "")
            self._step(time, "pickup", channel, (target,), " picks up the call that rings at ", whom, event=event)

    @_on("Rename")
    def _rename(self, event: Event, time: float) -> None:
        channel, name = self._seen(event, time), event.get("Newname", "")
        if channel is not None and name:
            self._step(time, "rename", channel, (), f" has another name: {name}", event=event)
            channel.name = name

    @_on("OriginateResponse")
    def _originated(self, event: Event, time: float) -> None:
        channel = self._seen(event, time)
        if channel is not None:
            result = event.get("Response", "").lower()
            said = f" was called by an action: {result}, reason {event.get('Reason', '')}"
            self._step(time, "originate", channel, (), said, event=event)

    @_on("HangupRequest", "SoftHangupRequest")
    def _request(self, event: Event, time: float) -> None:
        channel = self._seen(event, time)
        if channel is not None:
            far = event.name == "HangupRequest"
            cause = _cause(event)
            words = " is hung up by its far end" if far else " is told to hang up"
            self._step(time, "request", channel, (), words, event=event, cause=cause)

    @_on("Hangup")
    def _hangup(self, event: Event, time: float) -> None:
        channel = self._seen(event, time)
        if channel is None:
            return
        channel.cause, channel.cause_text = _cause(event), event.get("Cause-txt", "")
        technical = event.get("TechCause", "")
        cause = f"{'?' if channel.cause is None else channel.cause} {channel.cause_text}"
        words = f" is gone: {cause.strip()}{f' ({technical})' if technical else ''}"
        self._step(time, "hangup", channel, (), words, event=event, cause=channel.cause)
        self._end(channel, time)

    @_on("Newexten")
    def _exten(self, event: Event, time: float) -> None:
        application = event.get("Application", "")
        place = (
            f"{event.get('Extension', event.get('Exten', ''))},{event.get('Priority', '')}@{event.get('Context', '')}"
        )
        self._plain(event, time, "dialplan", f" does {application}({event.get('AppData', '')}) in {place}")

    @_on("DTMFEnd")
    def _digit(self, event: Event, time: float) -> None:
        does = "presses" if event.get("Direction", "") == "Received" else "hears"
        self._plain(event, time, "dtmf", f" {does} {event.get('Digit', '')}")

    @_on("UserEvent")
    def _user(self, event: Event, time: float) -> None:
        self._plain(event, time, "user", f" makes the event {event.get('UserEvent', '')}")

    @_on("ConfbridgeJoin", "ConfbridgeLeave", "MeetmeJoin", "MeetmeLeave")
    def _conference(self, event: Event, time: float) -> None:
        does = "joins" if event.name.endswith("Join") else "leaves"
        room = event.get("Conference", event.get("Meetme", ""))
        self._plain(event, time, "conference", f" {does} conference {room}")

    @_on("ChanSpyStart", "ChanSpyStop")
    def _spy(self, event: Event, time: float) -> None:
        spyer, spyee = self._seen(event, time, "Spyer"), self._seen(event, time, "Spyee")
        channel = spyee if spyee is not None else spyer
        if channel is not None:
            begins = "begins" if event.name.endswith("Start") else "has ended"
            by: tuple[str | _Channel, ...] = (", by ", spyer) if spyer not in (None, channel) else ()
            self._step(time, "spy", channel, (), f": listening in {begins}", *by, event=event)

    def _plain(self, event: Event, time: float, kind: str, words: str) -> None:
        channel = self._seen(event, time)
        if channel is not None:
            self._step(time, kind, channel, (), words, event=event)


def _plainly(kind: str, **words: str) -> None:
    for name, text in words.items():
        _HANDLERS[name] = lambda tracer, event, time, text=text: tracer._plain(event, time, kind, f" {text}")  # type: ignore[misc]


_plainly("hold", Hold="puts the other on hold", Unhold="takes the other from hold")
_plainly("hold", MusicOnHoldStart="hears music on hold", MusicOnHoldStop="hears no music any more")
_plainly("record", MixMonitorStart="is recorded", MixMonitorStop="is not recorded any more")
_plainly("record", MonitorStart="is recorded", MonitorStop="is not recorded any more")
_plainly("agi", AsyncAGIStart="waits for AGI commands", AsyncAGIEnd="waits for AGI commands no more")

CALL_EVENTS: Final = tuple(sorted(set(_HANDLERS) - {"CoreShowChannel"}))
"""The names of the events that a `CallTracer` makes use of, as `Manager.events` takes them. The read class `call` tells most of a call;
`agent`, `dialplan`, `dtmf`, `agi` and `user` tell the rest.
"""


def _party(name: str, number: str) -> str:
    """A caller id as people write it."""
    known = [f'"{name}"'] if name not in _UNKNOWN else []
    return " ".join([*known, f"<{number}>"]) if number not in _UNKNOWN else "".join(known)


def _place(event: Event) -> str:
    """Where a channel is in the dialplan."""
    exten, context = event.get("Exten", ""), event.get("Context", "")
    return f", for {exten}@{context}" if exten and context else ""


def _cause(event: Event) -> int | None:
    text = event.get("Cause", "")
    return int(text) if text.isdecimal() else None


# The ladder

_TIME: Final = 10  # columns
_LANE: Final = 4
_TEXT: Final = 42  # at the least


@dataclass(frozen=True)
class LadderLine:
    """One line of a ladder. Its `str()` is the line as text.

    Attributes:
        time: when, or blanks.
        lanes: the lines of the channels.
        text: what happened; empty in a line that only goes on.
        kind: the kind of the step.
    """

    time: str
    lanes: str
    text: str
    kind: str

    def __str__(self) -> str:
        return f"{self.time}{self.lanes}{self.text}".rstrip()

    def plain(self) -> str:
        """It in ASCII, for terminals that have no more."""
        return str(self).translate(_ASCII).encode("ascii", "replace").decode()


class Ladder:
    """Draws the steps of a call, one after the other: a line down for each channel, which is called by a letter.

    Steps may be drawn as they happen. A channel's line is free for another one when it is hung up.

    Args:
        width: columns that a line may have, 60 at the least.
        began: when the call began; times are told as seconds from there.
        lanes: for how many channels there is room from the first line on; what is told moves to the right when more are there.

    Raises:
        ValueError: `width` is too little.
    """

    def __init__(self, width: int = 100, *, began: float = 0.0, lanes: int = 1) -> None:
        if width < 60:
            raise ValueError(f"width: 60 columns at the least, not {width}")
        self._width = width
        self._began = began
        self._labels: dict[str, str] = {}
        self._lanes: list[str | None] = []
        self._room = (width - _TIME - _TEXT) // _LANE
        self._reserved = min(lanes, self._room) * _LANE

    @property
    def lanes(self) -> int:
        """How many channels had a line at the same time."""
        return len(self._lanes)

    def label(self, uniqueid: str) -> str | None:
        """The letters by which a channel is called; `None` before it was drawn."""
        return self._labels.get(uniqueid)

    def draw(self, step: CallStep) -> list[LadderLine]:
        """The lines for one more step."""
        introduced: set[str] = set()

        def name(channel: Named) -> str:
            if channel.uniqueid not in self._labels:
                self._labels[channel.uniqueid] = _letters(len(self._labels))
                introduced.add(channel.uniqueid)
                self._take_lane(channel.uniqueid)
                return f"{self._labels[channel.uniqueid]} = {channel.name}"
            return self._labels[channel.uniqueid]

        text = step.told(name)
        if step.channel not in introduced and step.kind in ("new", "there") and isinstance(step.words[0], Named):
            text = f"{self._labels[step.channel]} = {step.words[0].name}{text.removeprefix(self._labels[step.channel])}"
        drawn = self._drawn(step, introduced)
        if step.kind in ("hangup", "gone") and step.channel in self._lanes:
            self._lanes[self._lanes.index(step.channel)] = None
        after = "".join(f"{' ' if each is None else '│':{_LANE}}" for each in self._lanes)
        size = max(len(drawn), len(after), self._reserved) + 1
        parts = textwrap.wrap(text, self._width - _TIME - size, break_on_hyphens=False) or [""]
        lines = [LadderLine(f"{step.time - self._began:8.3f}  ", drawn.ljust(size), parts[0], step.kind)]
        lines += [LadderLine(" " * _TIME, after.ljust(size), part, step.kind) for part in parts[1:]]
        return lines

    def _take_lane(self, uniqueid: str) -> None:
        if None in self._lanes:
            self._lanes[self._lanes.index(None)] = uniqueid
        elif len(self._lanes) < self._room:
            self._lanes.append(uniqueid)

    def _drawn(self, step: CallStep, introduced: set[str]) -> str:
        """The lanes beside a step."""
        line = [" "] * (len(self._lanes) * _LANE)
        for place, each in enumerate(self._lanes):
            if each is not None:
                line[place * _LANE] = "│"
        if step.channel not in self._lanes:
            return "".join(line)
        own = self._lanes.index(step.channel)
        ends = [self._lanes.index(each) for each in step.others if each in self._lanes]
        line[own * _LANE] = _MARKS.get(step.kind, "•")
        if not ends or step.kind not in _SPANS:
            return "".join(line)
        first, last = min(own, *ends), max(own, *ends)
        for column in range(first * _LANE, last * _LANE + 1):
            line[column] = "┼" if line[column] == "│" else "─"
        at_own, at_others = _SPANS[step.kind]
        for place, mark in [*((end, at_others) for end in ends), (own, at_own)]:
            inner = first < place < last
            plain = "├" if place == first else "┤"
            arrow = "▶" if place > own else "◀"
            line[place * _LANE] = ("┼" if inner else plain) if mark == "│" else arrow if mark == "▶" else mark
        return "".join(line)


# Which kinds are drawn from one channel to others, with which mark at its own end and at theirs.
_SPANS: Final[dict[str, tuple[str, str]]] = {
    "dial": ("│", "▶"),
    "progress": ("○", "▶"),
    "answered": ("●", "▶"),
    "failed": ("✕", "▶"),
    "local": ("│", "│"),
    "bridge": ("◆", "◆"),
    "transfer": ("│", "◆"),
    "agent": ("•", "│"),
    "park": ("•", "│"),
    "pickup": ("•", "◆"),
}
_MARKS: Final = {
    **{"new": "┌", "there": "·", "up": "●", "answered": "●", "progress": "○", "failed": "✕", "bridge": "◆"},
    **{"unbridge": "◇", "request": "▽", "hangup": "✕", "gone": "✕"},
}


def _letters(number: int) -> str:
    """A, B ... Z, AA, AB ..."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
