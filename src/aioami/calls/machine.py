"""State and end of one `Call`, worked out from events, without I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from ..enums import ChannelState, DialStatus, HangupCause, OriginateReason
from ..events.base import Event
from ..fields import identifier, whole_number
from .ends import CallEnd, CallState, EndReason, reason_of

__all__ = ["ANSWER_GRACE", "CHANNEL_GRACE", "Bridges", "CallMachine"]

ANSWER_GRACE: Final = 2.0  # seconds between OriginateResponse and Hangup, in either order, at most
CHANNEL_GRACE: Final = 0.25  # seconds after an OriginateResponse in which a channel may show

_PARKING: Final = "parking"
_BY_REASON: Final = {
    OriginateReason.NO_ANSWER: EndReason.NO_ANSWER,
    OriginateReason.BUSY: EndReason.BUSY,
    OriginateReason.CONGESTION: EndReason.CONGESTION,
}
_PROGRESS: Final = {DialStatus.RINGING: CallState.RINGING, DialStatus.PROGRESS: CallState.EARLY}
_ORDER: Final = {
    CallState.QUEUED: 0,
    CallState.DIALLING: 1,
    CallState.RINGING: 2,
    CallState.EARLY: 2,
    CallState.ANSWERED: 3,
    CallState.ENDED: 4,
}

Changes = list[str]
"""The names of attributes that have changed."""


class Bridges:
    """The bridges of a server and their channels, as far as events have named them."""

    def __init__(self) -> None:
        self._members: dict[str, dict[str, str]] = {}
        self._kinds: dict[str, str] = {}
        self._places: dict[str, str] = {}

    def take(self, event: Event) -> str:
        """Take a BridgeEnter or BridgeLeave, and return the bridge."""
        bridge = identifier(event, "BridgeUniqueid", "")
        uniqueid = identifier(event, "Uniqueid", "")
        if event.name == "BridgeEnter":
            self.enter(bridge, uniqueid, identifier(event, "Channel", ""))
            self._kinds[bridge] = event.get("BridgeType", "")
        elif self._places.get(uniqueid) == bridge:
            self.forget(uniqueid)
        return bridge

    def enter(self, bridge: str, uniqueid: str, name: str) -> None:
        """Put a channel into a bridge, and take it out of any other."""
        self.forget(uniqueid)
        self._members.setdefault(bridge, {})[uniqueid] = name
        self._places[uniqueid] = bridge

    def forget(self, uniqueid: str) -> None:
        """Take a channel out of its bridge, if it is in one."""
        bridge = self._places.pop(uniqueid, None)
        if bridge is None:
            return
        members = self._members[bridge]
        del members[uniqueid]
        if not members:
            del self._members[bridge]
            self._kinds.pop(bridge, None)

    def set_kind(self, bridge: str, kind: str) -> None:
        """Note the type of a bridge that is not empty."""
        if bridge in self._members:
            self._kinds[bridge] = kind

    def replace(self, channels: Iterable[Event]) -> None:
        """Replace all channels and bridges by the items of CoreShowChannels or Status."""
        kinds, self._kinds, self._members, self._places = self._kinds, {}, {}, {}
        for each in channels:
            bridge = identifier(each, "BridgeId", "")
            if bridge:
                uniqueid = identifier(each, "Uniqueid", "")
                self.enter(bridge, uniqueid, identifier(each, "Channel", ""))
        for bridge, kind in kinds.items():
            self.set_kind(bridge, kind)

    def place(self, uniqueid: str) -> str:
        """Return the bridge of a channel; empty if it is in none."""
        return self._places.get(uniqueid, "")

    def kind(self, bridge: str) -> str | None:
        """Return the type of a bridge, `None` if it is not known."""
        return self._kinds.get(bridge)

    def members(self, bridge: str) -> dict[str, str]:
        """Return the channels in a bridge: their names by Uniqueid."""
        return self._members.get(bridge, {})

    def peers(self, uniqueid: str) -> tuple[str, ...]:
        """Return the Uniqueids of the channels that share a bridge with a channel."""
        found = self.members(self.place(uniqueid))
        return tuple(each for each in found if each != uniqueid)


class CallMachine:
    """The state of one call.

    The events of its channel and the OriginateResponse may come in any order. Times are seconds on
    a clock that does not jump.

    Args:
        uniqueid: the channel's Uniqueid.
        other: the Uniqueid of the other half of a Local channel.
        channel: the channel's name, if the call has a channel already.
        is_placed: false if this program did not place the call.
        early_media: true if the call may go on before it is answered.

    Attributes:
        uniqueid: the Uniqueid of the call's channel, or of the channel that took its place.
        channel: the channel's name; `None` before there is one.
        state: the state.
        held: true if its phone has put the call on hold.
        bridged_with: the Uniqueids of the channels that it talks with.
        parked: true if the call is parked.
        spaces: the parking spaces that the call was put into, in order.
        end: the end; `None` while the call goes on.
        bridges: the bridges of its server.
        grace: seconds to wait for a missing event before `settle`; `None` if none is missing.
    """

    def __init__(
        self,
        uniqueid: str,
        *,
        other: str = "",
        channel: str | None = None,
        is_placed: bool = True,
        early_media: bool = False,
    ) -> None:
        self.uniqueid = uniqueid
        self.channel = channel
        # A caller hears the ringing from the start.
        self.state = CallState.QUEUED if is_placed else CallState.RINGING
        self.held = False
        self.bridged_with: tuple[str, ...] = ()
        self.parked = False
        self.spaces: tuple[str, ...] = ()
        self.end: CallEnd | None = None
        self.grace: float | None = None
        self.bridges = Bridges()
        self._other = other
        self._heir = ""  # the channel that is about to take the place of this one
        self._heir_name = ""  # its name, if the event had it
        self._has_heir = False  # it has taken the place
        self._is_placed = is_placed
        self._early_media = early_media
        self._reason: OriginateReason | None = None
        self._has_response = not is_placed
        self._has_failed = False
        self._dial_status: str | None = None
        self._cause: HangupCause | None = None
        self._is_gone = False
        self._is_settled = False
        self._has_gap = False
        self._asking = 0  # hang-ups that are sent, and not answered yet
        self._is_ours = False
        self._rang_since: float | None = None
        self._answered_at: float | None = None
        self._rang = 0.0

    @property
    def uniqueids(self) -> tuple[str, ...]:
        """The Uniqueids of the channels whose events the call needs."""
        found = (self.uniqueid, self._other, self._heir)
        return tuple(dict.fromkeys(each for each in found if each))

    @property
    def was_answered(self) -> bool:
        """True if somebody has answered the call, even after its end."""
        return self._answered_at is not None

    # Events

    def take(self, event: Event, time: float) -> Changes:
        """Take an event, and return the names of the attributes that have changed."""
        handler = _HANDLERS.get(event.name)
        if handler is None or self.end is not None:
            return []
        return handler(self, event, time)

    def _is_own(self, event: Event, header: str = "Uniqueid") -> bool:
        return event.get(header) == self.uniqueid

    def _on_channel(self, event: Event, time: float) -> Changes:
        if not self._is_own(event):
            return []
        return self._name(identifier(event, "Channel")) + self._look(event, time)

    def _look(self, event: Event, time: float) -> Changes:
        """Take the state of the channel from an event that shows it."""
        state = whole_number(event.get("ChannelState", ""))
        if state == ChannelState.UP:
            return self._go(CallState.ANSWERED, time)
        if state == ChannelState.RINGING or not self._is_placed:
            return self._go(CallState.RINGING, time)
        return self._go(CallState.DIALLING, time)

    def _on_rename(self, event: Event, time: float) -> Changes:
        return self._name(identifier(event, "Newname")) if self._is_own(event) else []

    def _on_dial(self, event: Event, time: float) -> Changes:
        if not self._is_own(event, "DestUniqueid"):
            return []
        changes = self._name(identifier(event, "DestChannel"))
        status = event.get("DialStatus", "")
        if event.name == "DialEnd":
            self._dial_status = status
            return changes
        progress = _PROGRESS.get(DialStatus(status)) if status else None
        return changes + self._go(progress or CallState.DIALLING, time)

    def _on_hold(self, event: Event, time: float) -> Changes:
        held = event.name == "Hold"
        if not self._is_own(event) or self.held == held:
            return []
        self.held = held
        return ["held"]

    def _on_bridge(self, event: Event, time: float) -> Changes:
        """Take a BridgeEnter or BridgeLeave, after `bridges` has taken it."""
        swapped = identifier(event, "SwapUniqueid")
        if self._heir and swapped and swapped in (self.uniqueid, self._other):
            self._has_heir = True
        return self.check_bridge()

    def check_bridge(self) -> Changes:
        """Take over the bridge that the channel is in now, and return the changes."""
        if self.end is not None:
            return []
        changes = []
        bridge = self.bridges.place(self.uniqueid)
        parked = self.bridges.kind(bridge) == _PARKING
        peers = () if parked else self.bridges.peers(self.uniqueid)
        if peers != self.bridged_with:
            self.bridged_with = peers
            changes.append("bridged_with")
        if parked != self.parked:
            self.parked = parked
            changes.append("parked")
        return changes

    def _on_park(self, event: Event, time: float) -> Changes:
        """Note the space, which Asterisk reports just before the call enters the parking lot."""
        if self._is_own(event, "ParkeeUniqueid"):
            self.spaces = (*self.spaces, event.get("ParkingSpace", ""))
        return []

    def _on_optimization(self, event: Event, time: float) -> Changes:
        """Note that a Local channel begins to take itself out of the call, or ends doing so."""
        one = identifier(event, "LocalOneUniqueid", "")
        two = identifier(event, "LocalTwoUniqueid", "")
        if self.uniqueid not in (one, two):
            return []
        if event.name == "LocalOptimizationEnd":
            # Success is No, too, if a swap in the bridge has put the heir in place already.
            if not self._has_heir and event.get("Success", "").lower() != "yes":
                self._heir = ""
            elif self._heir:
                self._has_heir = True
            return []
        self._other = two if one == self.uniqueid else one
        self._heir = self._find_heir() or identifier(event, "SourceUniqueid", "")
        self._heir_name = ""
        return []

    def _find_heir(self) -> str:
        """Return the channel behind the other half: the called one."""
        found = self.bridges.peers(self._other)
        return found[0] if found and self.uniqueid not in found else ""

    def _on_merge(self, event: Event, time: float) -> Changes:
        self._has_heir = bool(self._heir)
        return []

    def _on_pickup(self, event: Event, time: float) -> Changes:
        """Note that the channel of another phone picks the call up, and takes its place."""
        if self._is_own(event, "TargetUniqueid"):
            self._heir, self._has_heir = identifier(event, "Uniqueid", ""), True
            self._heir_name = identifier(event, "Channel", "")
        return []

    def _on_hangup(self, event: Event, time: float) -> Changes:
        uniqueid = identifier(event, "Uniqueid", "")
        if uniqueid == self._heir and uniqueid != self.uniqueid:
            self._heir, self._has_heir = "", False
        if uniqueid != self.uniqueid:
            return []
        if self._heir and self._has_heir:
            return self._follow(time)
        changes = self._name(identifier(event, "Channel"))
        cause = whole_number(event.get("Cause", ""))
        # 0 stands for no cause.
        self._cause = HangupCause(cause) if cause else None
        self._is_gone = True
        return changes + self._conclude(time)

    def _follow(self, time: float) -> Changes:
        """Go on with the channel that has taken the place of this one."""
        bridge = self.bridges.place(self._heir)
        name = self.bridges.members(bridge).get(self._heir) or self._heir_name or None
        self.uniqueid, self._other, self._heir, self._has_heir = self._heir, "", "", False
        return self._name(name) + self._go(CallState.ANSWERED, time) + self.check_bridge()

    def _on_response(self, event: Event, time: float) -> Changes:
        """Take the OriginateResponse, whose ActionID the caller has compared."""
        self._has_response = True
        reason = whole_number(event.get("Reason", ""))
        self._reason = None if reason is None else OriginateReason(reason)
        self._has_failed = event.get("Response") != "Success"
        if self._has_failed:
            return self._conclude(time)
        # With early media it is a success before anybody answers.
        changes = [] if self._early_media else self._go(CallState.ANSWERED, time)
        return changes + self._conclude(time)

    # Facts from elsewhere than events

    def found(self, item: Event, time: float) -> Changes:
        """Take the state of the channel from its item in a list of all channels."""
        if self.end is not None or self._is_gone:
            return []
        changes = self._name(identifier(item, "Channel")) + self._look(item, time)
        return changes + self.check_bridge()

    def missing(self, present: Iterable[str], time: float) -> Changes:
        """Note that the channel is not in a list of all channels.

        Args:
            present: the Uniqueids of the channels in the list.
            time: now.
        """
        if self.end is not None:
            return []
        self._has_gap = True
        heir = self._heir or self._find_heir()
        if heir and heir in present and self.was_answered:
            self._heir = heir
            return self._follow(time)
        self._is_gone = self._is_settled = True
        return self._conclude(time)

    def settle(self, time: float) -> Changes:
        """Note that the missing event will not come any more."""
        self._is_settled = True
        return self._conclude(time)

    def begin_hang_up(self) -> None:
        """Note that a hang-up is about to be sent."""
        self._asking += 1

    def end_hang_up(self, done: bool, time: float) -> Changes:
        """Note the answer to a hang-up.

        Args:
            done: false if the channel was certainly not hung up by it.
            time: now.
        """
        self._asking -= 1
        self._is_ours = self._is_ours or done
        return self._conclude(time)

    def lose(self, time: float) -> Changes:
        """End the call as lost, as no more events of it will come."""
        return [] if self.end is not None else self._finish(EndReason.LOST, time)

    # The end

    def _name(self, name: str | None) -> Changes:
        if name is None or name == self.channel:
            return []
        self.channel = name
        return ["channel"]

    def _go(self, state: CallState, time: float) -> Changes:
        if state is self.state or _ORDER[state] < _ORDER[self.state]:
            return []
        if state is CallState.RINGING and self._rang_since is None:
            self._rang_since = time
        if state is CallState.ANSWERED:
            self._answered_at = time
            self._stop_ringing(time)
        self.state = state
        return ["state"]

    def _stop_ringing(self, time: float) -> None:
        if self._rang_since is not None and not self._rang:
            self._rang = time - self._rang_since

    def _conclude(self, time: float) -> Changes:
        """End the call if all facts about its end are there."""
        self.grace = None
        if self.end is not None or self._asking:
            return []
        if self._is_gone:
            is_known = self._has_response or self._is_ours or self.was_answered
            if is_known or self._is_settled:
                return self._finish(self._why(), time)
            self.grace = ANSWER_GRACE
        elif self._has_failed:
            # The events of its channel may come after the failure: another thread sends them.
            if self._is_settled and self.channel is None:
                return self._finish(self._why(), time)
            self.grace = CHANNEL_GRACE if self.channel is None else ANSWER_GRACE
            if self._is_settled:
                self.grace = None
        return []

    def _why(self) -> EndReason:
        if self.was_answered:
            return EndReason.ANSWERED
        if self._is_ours:
            return EndReason.CANCELLED
        by_response = None if self._reason is None else _BY_REASON.get(self._reason)
        if by_response is not None:
            return by_response
        if self.channel is None:
            return EndReason.UNKNOWN if self._has_gap else EndReason.NO_SUCH_CHANNEL
        why = reason_of(self._cause, self._dial_status)
        if why is EndReason.UNKNOWN and not self._is_placed and not self._has_gap:
            return EndReason.NO_ANSWER  # the caller gave up
        return why

    def _finish(self, reason: EndReason, time: float) -> Changes:
        self._stop_ringing(time)
        talked = 0.0 if self._answered_at is None else time - self._answered_at
        is_ours = self._is_ours and reason is not EndReason.LOST
        self.end = CallEnd(reason, self._cause, self._rang, talked, is_ours)
        self.state = CallState.ENDED
        self.grace = None
        changes = ["state"]
        for name, value in (("bridged_with", ()), ("held", False), ("parked", False)):
            if getattr(self, name) != value:
                setattr(self, name, value)
                changes.insert(0, name)
        return changes


_HANDLERS: Final[dict[str, Callable[[CallMachine, Event, float], Changes]]] = {
    "BridgeEnter": CallMachine._on_bridge,
    "BridgeLeave": CallMachine._on_bridge,
    "BridgeMerge": CallMachine._on_merge,
    "DialBegin": CallMachine._on_dial,
    "DialEnd": CallMachine._on_dial,
    "DialState": CallMachine._on_dial,
    "Hangup": CallMachine._on_hangup,
    "Hold": CallMachine._on_hold,
    "LocalOptimizationBegin": CallMachine._on_optimization,
    "LocalOptimizationEnd": CallMachine._on_optimization,
    "Newchannel": CallMachine._on_channel,
    "Newstate": CallMachine._on_channel,
    "OriginateResponse": CallMachine._on_response,
    "ParkedCall": CallMachine._on_park,
    "Pickup": CallMachine._on_pickup,
    "Rename": CallMachine._on_rename,
    "Unhold": CallMachine._on_hold,
}
