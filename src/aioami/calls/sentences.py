"""Handlers of events: each updates the state of a call, and writes the sentence of a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..enums import ChannelState
from ..events.base import Event
from ..fields import identifier, whole_number
from .registry import UNKNOWN, CallRegistry, ChannelRecord

__all__ = ["CALL_EVENTS", "HANDLERS"]

Handler = Callable[[CallRegistry, Event, float], None]

HANDLERS: Final[dict[str, Handler]] = {}
"""The handler of each event that makes a step or updates a state, by the event's name."""

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
_AGENT_REASONS: Final = {
    "caller": "the caller hung up",
    "agent": "the member hung up",
    "transfer": "the member transferred it",
}
_FIXED: Final[dict[str, tuple[str, str]]] = {
    "AsyncAGIEnd": ("agi", "waits for AGI commands no more"),
    "AsyncAGIStart": ("agi", "waits for AGI commands"),
    "Hold": ("hold", "puts the other on hold"),
    "MixMonitorStart": ("record", "is recorded"),
    "MixMonitorStop": ("record", "is not recorded any more"),
    "MonitorStart": ("record", "is recorded"),
    "MonitorStop": ("record", "is not recorded any more"),
    "MusicOnHoldStart": ("hold", "hears music on hold"),
    "MusicOnHoldStop": ("hold", "hears no music any more"),
    "Unhold": ("hold", "takes the other from hold"),
}


def _on(*names: str) -> Callable[[Handler], Handler]:
    """Register the handler of events with these names."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return register


# Channels


@_on("Newchannel")
def _new(calls: CallRegistry, event: Event, time: float) -> None:
    # An item of CoreShowChannels may have named the channel already.
    known = event.get("Uniqueid", "") in calls.channels
    channel = calls.seen(event, time)
    if channel is not None and not known:
        caller = f" from {channel.caller}" if channel.caller else ""
        calls.step(time, "new", channel, f" is made{caller}{_place(event)}", event=event)


@_on("CoreShowChannel")
def _listed(calls: CallRegistry, event: Event, time: float) -> None:
    known = event.get("Uniqueid", "") in calls.channels
    channel = calls.seen(event, time)
    if channel is None or known:
        return
    state, since = event.get("ChannelStateDesc", ""), event.get("Duration", "")
    words = f" is there already, {state}, since {since}{_place(event)}"
    calls.step(time, "there", channel, words, event=event)
    if (bridge := event.get("BridgeId", "")) not in UNKNOWN:
        calls.enters(channel, bridge, ("", ""), time)


@_on("Newstate")
def _state(calls: CallRegistry, event: Event, time: float) -> None:
    channel = calls.seen(event, time)
    if channel is None:
        return
    text = event.get("ChannelState", "")
    number = whole_number(text)
    other = ("progress", f"is {event.get('ChannelStateDesc', text)}")
    kind, words = other if number is None else _STATES.get(number, other)
    # Newstate shows the answer of a channel that was not dialled, as one that calls in. For a
    # dialled channel DialEnd may come first; the earlier of the two counts.
    if kind == "up" and channel.answered is None:
        channel.answered = time
    channel.ringing = number == ChannelState.RINGING
    calls.step(time, kind, channel, f" {words}", event=event)


@_on("NewCallerid")
def _caller_id(calls: CallRegistry, event: Event, time: float) -> None:
    channel = calls.seen(event, time)
    if channel is not None:
        calls.set_caller(channel, event)


@_on("Rename")
def _rename(calls: CallRegistry, event: Event, time: float) -> None:
    channel, name = calls.seen(event, time), identifier(event, "Newname", "")
    if channel is not None and name:
        calls.step(time, "rename", channel, f" has another name: {name}", event=event)
        calls.rename(channel, name)


@_on("HangupRequest", "SoftHangupRequest")
def _request(calls: CallRegistry, event: Event, time: float) -> None:
    channel = calls.seen(event, time)
    if channel is not None:
        far = event.name == "HangupRequest"
        words = " is hung up by its far end" if far else " is told to hang up"
        calls.step(time, "request", channel, words, event=event, cause=_cause(event))


@_on("Hangup")
def _hangup(calls: CallRegistry, event: Event, time: float) -> None:
    channel = calls.seen(event, time)
    if channel is None:
        return
    # Only Hangup ends a channel. The requests before it ask for the end, and after a failed DialEnd
    # or OriginateResponse the channel still exists for a moment.
    channel.cause, channel.cause_text = _cause(event), event.get("Cause-txt", "")
    technical = event.get("TechCause", "")
    cause = f"{'?' if channel.cause is None else channel.cause} {channel.cause_text}".strip()
    words = f" is gone: {cause}{f' ({technical})' if technical else ''}"
    calls.step(time, "hangup", channel, words, event=event, cause=channel.cause)
    calls.end(channel, time)


# Dialling


@_on("DialBegin")
def _dial(calls: CallRegistry, event: Event, time: float) -> None:
    channel, dest = calls.seen(event, time), calls.seen(event, time, "Dest")
    if dest is None:
        return
    calls.dials(channel, dest, time)
    if channel is None:  # dialled by an Originate, which has no channel
        calls.step(time, "dial", dest, " is called", event=event)
        return
    dialled = event.get("DialString", "")
    detail = f" as {dialled}" if dialled and dialled not in dest.name else ""
    calls.step(time, "dial", channel, " calls ", dest, detail, others=(dest,), event=event)


@_on("DialState")
def _dial_state(calls: CallRegistry, event: Event, time: float) -> None:
    channel, dest = calls.seen(event, time), calls.seen(event, time, "Dest")
    if dest is None:
        return
    status = event.get("DialStatus", "").lower()
    # Newstate of the dialled channel has made this step before.
    if status == "ringing" and dest.ringing:
        return
    words = f" tells of progress: {status}"
    calls.step(time, "progress", dest, words, others=(channel,), event=event)


@_on("DialEnd")
def _dial_end(calls: CallRegistry, event: Event, time: float) -> None:
    channel, dest = calls.seen(event, time), calls.seen(event, time, "Dest")
    if dest is None:
        return
    status = event.get("DialStatus", "")
    kind, words = _DIAL_ENDS.get(status, ("failed", f"was called in vain: {status}"))
    calls.dial_ends(channel, dest, status, time)
    if forward := event.get("Forward", ""):
        words += f", and forwards to {forward}"
    whom = (" ", channel) if channel is not None and kind == "answered" else ()
    calls.step(time, kind, dest, f" {words}", *whom, others=(channel,), event=event)


@_on("OriginateResponse")
def _originated(calls: CallRegistry, event: Event, time: float) -> None:
    # It may come before or after the events of the channel with the same news. So it sets neither
    # the answer nor the end.
    result = event.get("Response", "").lower()
    words = f" was called by an action: {result}, reason {event.get('Reason', '')}"
    _plain(calls, event, time, "originate", words)


@_on("Pickup")
def _pickup(calls: CallRegistry, event: Event, time: float) -> None:
    channel, target = calls.seen(event, time), calls.seen(event, time, "Target")
    if channel is None:
        return
    whom = target if target is not None else event.get("TargetChannel", "")
    words = (" picks up the call that rings at ", whom)
    calls.step(time, "pickup", channel, *words, others=(target,), event=event)


# Local channels and bridges


@_on("LocalBridge")
def _local(calls: CallRegistry, event: Event, time: float) -> None:
    one, two = calls.seen(event, time, "LocalOne"), calls.seen(event, time, "LocalTwo")
    if one is not None and two is not None:
        words = (" and ", two, " are joined: two ends of one Local channel")
        calls.step(time, "local", one, *words, others=(two,), event=event)


@_on("LocalOptimizationEnd")
def _optimized(calls: CallRegistry, event: Event, time: float) -> None:
    one, two = calls.seen(event, time, "LocalOne"), calls.seen(event, time, "LocalTwo")
    done = event.get("Success", "") in ("Yes", "True", "1")
    if one is not None and two is not None and done:
        words = (" and ", two, " take themselves out of the call")
        calls.step(time, "local", one, *words, others=(two,), event=event)


@_on("BridgeEnter")
def _enter(calls: CallRegistry, event: Event, time: float) -> None:
    channel = calls.seen(event, time)
    if channel is None:
        return
    bridge, kind = event.get("BridgeUniqueid", ""), event.get("BridgeType", "")
    # The replaced channel leaves the bridge in the next event.
    swapped = calls.channels.get(event.get("SwapUniqueid", ""))
    if swapped is not None:
        calls.successors[swapped.uniqueid] = channel
    present = calls.members(bridge, channel, swapped)
    calls.enters(channel, bridge, (kind, event.get("BridgeCreator", "")), time, swapped)
    # Parked channels do not hear each other.
    others = [each for each in present if each.call is channel.call and kind != "parking"]
    instead: list[str | ChannelRecord] = [] if swapped is None else [" in the place of ", swapped]
    talking: list[str | ChannelRecord] = [part for each in others for part in (", ", each)]
    if talking:
        talking[0] = " and talks to "
    words = [f" enters {_bridge(event)}", *instead, *talking]
    calls.step(time, "bridge", channel, *words, others=others, event=event)


@_on("BridgeLeave")
def _leave(calls: CallRegistry, event: Event, time: float) -> None:
    channel = calls.seen(event, time)
    if channel is not None:
        calls.leaves(channel, event.get("BridgeUniqueid", ""))
        calls.step(time, "unbridge", channel, f" leaves {_bridge(event)}", event=event)


@_on("BridgeDestroy")
def _destroyed(calls: CallRegistry, event: Event, time: float) -> None:
    calls.destroyed(event.get("BridgeUniqueid", ""))


# Transfers. Their events only name who was transferred where. The bridge, dial and rename events
# around them move the channels, and the linked ids in those events join the calls.


@_on("BlindTransfer")
def _blind(calls: CallRegistry, event: Event, time: float) -> None:
    channel = calls.seen(event, time, "Transferer")
    transferee = calls.seen(event, time, "Transferee")
    if channel is None:
        return
    # If the bridge has several other channels, all are transferred, and there is no Transferee.
    bridge = event.get("BridgeUniqueid", "")
    moved = [transferee] if transferee is not None else calls.members(bridge, channel)
    if _result(event) == "Success":
        calls.transfers(channel, transferee, event.get("Extension", ""))
    place = f"{event.get('Extension', '')}@{event.get('Context', '')}"
    words = (" transfers ", *_several(moved, "the others"), f" to {place}: {_result(event)}")
    calls.step(time, "transfer", channel, *words, others=moved, event=event)


@_on("AttendedTransfer")
def _attended(calls: CallRegistry, event: Event, time: float) -> None:
    # One telephone with two channels: the first talked to the transferee, the second to the target.
    channel = calls.seen(event, time, "OrigTransferer")
    second = calls.seen(event, time, "SecondTransferer")
    transferee = calls.seen(event, time, "Transferee")
    target = calls.seen(event, time, "TransferTarget")
    if channel is None:
        return
    if _result(event) == "Success":
        calls.unite(channel, second, transferee, target)
    moved = [transferee] if transferee is not None else _transferred(calls, event, channel, second)
    targets, word = _targets(calls, event, channel, second, target, moved)
    # The target may be an application instead of a channel, as of a parking lot.
    place = _several(targets, event.get("DestApp", "") or "a bridge")
    words = (" transfers ", *_several(moved, "the others"), " to ", *place)
    result = f"{word}: {_result(event)}"
    others = (second, *moved, *targets)
    calls.step(time, "transfer", channel, *words, result, others=others, event=event)


def _transferred(
    calls: CallRegistry, event: Event, channel: ChannelRecord, second: ChannelRecord | None
) -> list[ChannelRecord]:
    """Return the transferred channels, if the event does not name one."""
    for each in (channel, second):
        successor = None if each is None else calls.successors.get(each.uniqueid)
        if successor is not None:
            return [successor]
    return calls.members(event.get("OrigBridgeUniqueid", ""), channel, second)


def _targets(
    calls: CallRegistry,
    event: Event,
    channel: ChannelRecord,
    second: ChannelRecord | None,
    target: ChannelRecord | None,
    moved: list[ChannelRecord],
) -> tuple[list[ChannelRecord], str]:
    """Return the channels at the target of a transfer, and a phrase about their answer."""
    ringing = [] if second is None else list(second.dials)
    if event.get("DestApp", ""):
        return ringing, " before the answer" if ringing else ""
    targets = [target] if target is not None else []
    if target is None:
        bridge = event.get("DestBridgeUniqueid", "") or event.get("SecondBridgeUniqueid", "")
        targets = calls.members(bridge, channel, second, *moved)
    unanswered = any(each in ringing for each in targets)
    return targets, " before the answer" if unanswered else " after a word with them"


def _result(event: Event) -> str:
    return event.get("Result", "")


def _several(channels: list[ChannelRecord], otherwise: str) -> list[str | ChannelRecord]:
    """Return channels as a part of a sentence: `A, B and C`."""
    if not channels:
        return [otherwise]
    words: list[str | ChannelRecord] = [channels[0]]
    for each in channels[1:-1]:
        words += [", ", each]
    return words if len(channels) == 1 else [*words, " and ", channels[-1]]


# Queues and parking


@_on("QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon")
def _queue(calls: CallRegistry, event: Event, time: float) -> None:
    queue, hold = event.get("Queue", ""), event.get("HoldTime", "")
    words = {
        "QueueCallerJoin": f" waits in queue {queue}, at place {event.get('Position', '')}",
        "QueueCallerLeave": f" leaves queue {queue}",
        "QueueCallerAbandon": f" gives up waiting in queue {queue}, after {hold} s",
    }
    channel = calls.seen(event, time)
    if channel is not None:
        channel.call.queue = queue
        calls.step(time, "queue", channel, words[event.name], event=event)


@_on("AgentCalled", "AgentConnect", "AgentComplete", "AgentRingNoAnswer", "AgentDump")
def _agent(calls: CallRegistry, event: Event, time: float) -> None:
    channel, dest = calls.seen(event, time), calls.seen(event, time, "Dest")
    if channel is None:
        return
    member = event.get("MemberName", "") or event.get("Interface", "")
    hold, ring, talk = (event.get(name, "") for name in ("HoldTime", "RingTime", "TalkTime"))
    waited = f"waited {hold} s, of these the telephone rang {ring} s"
    reason = _AGENT_REASONS.get(event.get("Reason", ""), event.get("Reason", ""))
    words = {
        "AgentCalled": f" is offered to {member}, by queue {event.get('Queue', '')}",
        "AgentConnect": f" is connected with {member}: {waited}",
        "AgentComplete": f" has talked with {member} for {talk} s: {reason}",
        "AgentRingNoAnswer": f" got no answer from {member}, in {ring} ms",
        "AgentDump": f" was declined by {member}",
    }
    calls.step(time, "agent", channel, words[event.name], others=(dest,), event=event)


@_on("ParkedCall", "ParkedCallTimeOut", "ParkedCallGiveUp", "ParkedCallSwap", "UnParkedCall")
def _parked(calls: CallRegistry, event: Event, time: float) -> None:
    channel = calls.seen(event, time, "Parkee")
    other = calls.seen(event, time, "Retriever") or calls.seen(event, time, "Parker")
    if channel is None:
        return
    space = f"{event.get('ParkingSpace', '')} of {event.get('Parkinglot', '')}"
    waited = event.get("ParkingDuration", "")
    words = {
        "ParkedCall": f" is parked at {space}",
        "ParkedCallTimeOut": f" was parked at {space} for {waited} s, its time is over",
        "ParkedCallGiveUp": f" was parked at {space} for {waited} s, and gave up",
        "ParkedCallSwap": f" takes the place at {space}",
        "UnParkedCall": f" is fetched from the place at {space}, after {waited} s",
    }
    # A channel that parks itself is its own parker. A time that is over has no author.
    if other is channel:
        other = None
    by = (", by ", other) if other is not None and event.name != "ParkedCallTimeOut" else ()
    calls.step(time, "park", channel, words[event.name], *by, others=(other,), event=event)


# Dialplan and applications


@_on("Newexten")
def _exten(calls: CallRegistry, event: Event, time: float) -> None:
    exten = event.get("Extension", event.get("Exten", ""))
    place = f"{exten},{event.get('Priority', '')}@{event.get('Context', '')}"
    does = f"{event.get('Application', '')}({event.get('AppData', '')})"
    channel = calls.seen(event, time)
    if channel is not None:
        calls.goes_on(channel, exten)
        calls.step(time, "dialplan", channel, f" does {does} in {place}", event=event)


@_on("DTMFEnd")
def _digit(calls: CallRegistry, event: Event, time: float) -> None:
    does = "presses" if event.get("Direction", "") == "Received" else "hears"
    _plain(calls, event, time, "dtmf", f" {does} {event.get('Digit', '')}")


@_on("UserEvent")
def _user(calls: CallRegistry, event: Event, time: float) -> None:
    _plain(calls, event, time, "user", f" makes the event {event.get('UserEvent', '')}")


@_on("ConfbridgeJoin", "ConfbridgeLeave", "MeetmeJoin", "MeetmeLeave")
def _conference(calls: CallRegistry, event: Event, time: float) -> None:
    does = "joins" if event.name.endswith("Join") else "leaves"
    room = event.get("Conference", event.get("Meetme", ""))
    _plain(calls, event, time, "conference", f" {does} conference {room}")


@_on("ChanSpyStart", "ChanSpyStop")
def _spy(calls: CallRegistry, event: Event, time: float) -> None:
    spyer, spyee = calls.seen(event, time, "Spyer"), calls.seen(event, time, "Spyee")
    # ChanSpyStop may come without the channel that was listened to.
    channel = spyee if spyee is not None else spyer
    if channel is None:
        return
    begins = "begins" if event.name.endswith("Start") else "has ended"
    by = (", by ", spyer) if spyer is not None and spyer is not channel else ()
    calls.step(time, "spy", channel, f": listening in {begins}", *by, event=event)


@_on(*_FIXED)
def _fixed(calls: CallRegistry, event: Event, time: float) -> None:
    kind, words = _FIXED[event.name]
    _plain(calls, event, time, kind, f" {words}")


def _plain(calls: CallRegistry, event: Event, time: float, kind: str, words: str) -> None:
    """Make a step of an event about one channel."""
    channel = calls.seen(event, time)
    if channel is not None:
        calls.step(time, kind, channel, words, event=event)


def _place(event: Event) -> str:
    """Return the extension that a channel is for, as the end of a sentence."""
    exten, context = event.get("Exten", ""), event.get("Context", "")
    return f", for {exten}@{context}" if exten and context else ""


def _bridge(event: Event) -> str:
    """Return a bridge as it is called in a sentence."""
    if event.get("BridgeType", "") == "parking":
        return "the parking lot's bridge"
    return f"bridge {event.get('BridgeUniqueid', '')[:8]}"


def _cause(event: Event) -> int | None:
    return whole_number(event.get("Cause", ""))


CALL_EVENTS: Final = tuple(sorted(set(HANDLERS) - {"CoreShowChannel"}))
"""Names of the events that a `CallTracer` uses, as `Manager.events` takes them. Most of them need
the read class `call`; the rest needs `agent`, `dialplan`, `dtmf`, `agi` and `user`.
"""
