"""Channels, bridges and their events."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Union

from ..clock import Signal, Task
from ..message import escaped

if TYPE_CHECKING:
    from . import Exchange
    from .parking import ParkingLot

__all__ = [
    "CAUSES",
    "STATES",
    "Bridge",
    "Channel",
    "Gone",
    "Pairs",
    "Party",
    "Redirected",
    "ToBridge",
    "ToPark",
]

Pairs = list[tuple[str, str]]
Destination = Union[tuple[str, str, int], "ToBridge", "ToPark"]

STATES: Final = (
    *("Down", "Rsrvd", "OffHook", "Dialing", "Ring", "Ringing", "Up", "Busy", "Dialing Offhook"),
    "Pre-ring",
)
DOWN, RING, RINGING, UP, BUSY = 0, 4, 5, 6, 7
CAUSES: Final = {
    0: "Unknown",
    1: "Unallocated (unassigned) number",
    16: "Normal Clearing",
    17: "User busy",
    18: "No user responding",
    19: "User alerting, no answer",
    20: "Subscriber absent",
    21: "Call Rejected",
    26: "Answered elsewhere",
    27: "Destination out of order",
    28: "Invalid number format",
    34: "Circuit/channel congestion",
    38: "Network out of order",
    41: "Temporary failure",
    42: "Switching equipment congestion",
    66: "Channel not implemented",
}
# Events for which Asterisk describes a channel anew; other events repeat the last description.
_DESCRIBE_ANEW: Final = frozenset(
    {"Hangup", "NewAccountCode", "NewCallerid", "NewConnectedLine", "Newexten", "Newstate"}
)
# Until Asterisk 16 these describe it anew, too, but do not emit the changes.
_LOOK: Final = frozenset({"HangupRequest", "SoftHangupRequest"})
_EXTENSIONS: Final = (".alaw", ".g722", ".gsm", ".mp3", ".sln", ".ulaw", ".wav", ".WAV")
_UNKNOWN: Final = "<unknown>"
_SIMPLE: Final = "simple_bridge"
_NATIVE: Final = "native_rtp"
_WITH_RTP: Final = frozenset({"PJSIP", "SIP"})
_ALLOWED: Final = "0 (Presentation Allowed, Not Screened)"
_NO_NUMBER: Final = "67 (Number Unavailable)"


class Gone(Exception):
    """The channel must hang up; raised in the task that waits on it."""


class Redirected(Exception):
    """The channel was redirected; raised in the task that waits on it."""


@dataclass
class Party:
    """A number and a name."""

    number: str = ""
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Party:
        """Read `"Name" <number>`, or a bare number."""
        name, bracket, number = text.strip().rpartition("<")
        if not bracket:
            return cls(number) if number.isdecimal() else cls("", number)
        return cls(number.rstrip("> "), name.strip(' "'))

    def __bool__(self) -> bool:
        return bool(self.number or self.name)


@dataclass(frozen=True)
class ToBridge:
    """A redirection to a bridge.

    Attributes:
        goes_on: if true, the dialplan goes on when the other channel has left.
    """

    bridge: Bridge
    goes_on: bool = True


@dataclass(frozen=True)
class ToPark:
    """A redirection to a parking lot.

    Attributes:
        parker: the device that parks.
        seconds: parking timeout in seconds; `None` is that of the lot.
    """

    lot: ParkingLot
    parker: str
    seconds: float | None


class Channel:
    """One end of a call, made by the exchange.

    Its application, dial or bridge waits in `pause`, which raises on hangup and redirection.

    Attributes:
        serial: its number in the order in which channels were made.
        eldest: the oldest channel of its call, which may have ended.
        other: the other half of a Local channel.
        bridge: the bridge that it is in.
        emitted_place: the place of the latest event.
        control: indications of its far end: `answer`, `ringing`, `busy` ...
        variables: values by name, without the underscores that make a name inherited.
        inherited: inherited values, by name with the underscores.
        dialplan: true while it runs through the dialplan.
        requested: true if its far end hung up.
        pressed: the key that ended the last application, if one did.
        sounds: the names of the sounds that were played to it.
        heard: the number of sounds that a test's `hears` has passed.
        subroutines: the places to which it returns, each with its variables.
        recordings: the ids of the recordings by the action MixMonitor.
        feature: runs next in its bridge, as a code from its telephone's keys asks for it.
        asks_back: set to end its talk with the target of a transfer; `None` without such a talk.
        muted: the directions that MuteAudio silences, `in` and `out`.
        ended: set when it is over.
    """

    def __init__(
        self,
        exchange: Exchange,
        name: str,
        uniqueid: str,
        *,
        state: int,
        context: str,
        exten: str,
    ) -> None:
        self.exchange = exchange
        self.name = name
        self.uniqueid = uniqueid
        self.serial = exchange.next_serial()
        self.eldest = self
        self.state = state
        self.context, self.exten, self.priority = context, exten, 1
        self.emitted_place = context, exten, 1
        self.caller, self.connected = Party(), Party()
        self._not_emitted: tuple[Party, str] | None = None
        self._looked_at = False
        self.account = ""
        self.language = "en"
        self.variables: dict[str, str] = {}
        self.inherited: dict[str, str] = {}
        self.application, self.data = "", ""
        self.executed: tuple[str, str, int] | None = None
        self.cause = 0
        self.other: Channel | None = None
        self.bridge: Bridge | None = None
        self.created = exchange.clock.now
        self.answered: float | None = None
        self.dialplan = False
        self.control: deque[str] = deque()
        self.controlled = Signal(exchange.clock)
        self.picked_up = Signal(exchange.clock)
        self.hanging = Signal(exchange.clock)
        self.moving = Signal(exchange.clock)
        self.ended = Signal(exchange.clock)
        self.destination: Destination | None = None
        self.limit: Task | None = None
        self.limited_until: float | None = None
        self.requested = False
        self.monitored = False
        self.recordings: list[str] = []
        self.muted: set[str] = set()
        self.feature: Callable[[], Awaitable[None]] | None = None
        self.featured = Signal(exchange.clock)
        self.asks_back: Signal | None = None
        self.agi: deque[tuple[str, str]] | None = None
        self.agi_called = Signal(exchange.clock)
        self.agi_rest = b""
        self.keys: deque[str] = deque()
        self.key_pressed = Signal(exchange.clock)
        self.listens = False
        self.pressed = ""
        self.sounds: list[str] = []
        self.heard = 0
        self.subroutines: list[tuple[tuple[str, str, int], dict[str, str]]] = []

    def __repr__(self) -> str:
        return f"<Channel {self.name} {STATES[self.state]}>"

    @property
    def linkedid(self) -> str:
        """The Linkedid, which all channels of its call have."""
        return self.eldest.uniqueid

    @property
    def device(self) -> str:
        """The device: its name without the digits at the end."""
        return self.name.rpartition("-")[0]

    @property
    def technology(self) -> str:
        """The technology: `Local`, `PJSIP` ..."""
        return self.name.partition("/")[0]

    @property
    def next_place(self) -> tuple[str, str, int]:
        """Its place in the dialplan, or the place to which it is redirected."""
        if self.moving.is_set and isinstance(self.destination, tuple):
            return self.destination
        return self.context, self.exten, self.priority

    # Its events

    def snapshot(self, prefix: str = "") -> Pairs:
        """Return the headers of events about channels."""
        self.emitted_place = self.context, self.exten, self.priority
        names = self.exchange.channel_variables
        shown = [(name, self.variables.get(name, "")) for name in names]
        caller = (
            self.caller if self._not_emitted is None or self._looked_at else self._not_emitted[0]
        )
        values: Pairs = [
            ("Channel", self.name),
            ("ChannelState", str(self.state)),
            ("ChannelStateDesc", STATES[self.state]),
            ("CallerIDNum", caller.number or _UNKNOWN),
            ("CallerIDName", escaped(caller.name) or _UNKNOWN),
            ("ConnectedLineNum", self.connected.number or _UNKNOWN),
            ("ConnectedLineName", escaped(self.connected.name) or _UNKNOWN),
            ("Language", self.language),
            ("AccountCode", self.account),
            ("Context", self.context),
            ("Exten", self.exten),
            ("Priority", str(self.priority)),
            ("Uniqueid", self.uniqueid),
            ("Linkedid", self.linkedid),
            *(("ChanVariable", f"{name}={escaped(value)}") for name, value in shown),
        ]
        return [(prefix + name, value) for name, value in values]

    def emit(self, name: str, more: Pairs | None = None, *, classes: str = "call") -> None:
        """Emit an event about it."""
        _not_emitted = self._not_emitted if name in _DESCRIBE_ANEW else None
        if _not_emitted is not None:
            self._not_emitted = None
        self._looked_at = self.exchange.major <= 16 and name in _LOOK
        self.exchange.emit(name, [*self.snapshot(), *(more or [])], classes=classes)
        self._looked_at = False
        if _not_emitted is not None:
            self.emit("NewCallerid", [("CID-CallingPres", _not_emitted[1])])

    def to_state(self, state: int) -> None:
        """Change the state, and emit Newstate."""
        if self.state != state:
            self.state = state
            if state == UP:
                self.answered = self.exchange.clock.now
            self.emit("Newstate")
            self.exchange.states.channel_changed(self)

    def set_variable(self, name: str, value: str) -> None:
        """Set a variable; `_` before its name makes it inherited once, `__` for ever."""
        plain = name.lstrip("_")
        self.variables.pop(plain, None)
        self.variables = {plain: value, **self.variables}  # events list the latest first
        self._keep(name, value)

    def inherit(self, parent: Channel) -> None:
        """Copy the inherited variables of a calling channel."""
        for name, value in parent.inherited.items():
            handed_on = name if name.startswith("__") else name[1:]
            self.variables[handed_on.lstrip("_")] = value
            self._keep(handed_on, value)

    def _keep(self, name: str, value: str) -> None:
        if name.startswith("_"):
            self.inherited[name] = value
        self.exchange.emit_variable(self.snapshot(), name, value)

    def set_caller(self, caller: Party, presentation: str = _ALLOWED) -> None:
        """Set the caller ID."""
        self.caller, self._not_emitted = caller, None
        self.emit("NewCallerid", [("CID-CallingPres", presentation)])

    def set_connected(self, connected: Party) -> None:
        """Set the connected line."""
        self.connected = connected
        self.emit("NewConnectedLine")

    def exchange_connected(self, connected: Party) -> None:
        """Set the connected line, and pass it to the other half of a Local channel."""
        if connected == self.connected:
            return
        self.set_connected(connected)
        if self.other is not None:
            presentation = _ALLOWED if connected else _NO_NUMBER
            self.other.learn_caller(Party(connected.number, connected.name), presentation)

    def learn_caller(self, caller: Party, presentation: str) -> None:
        """Set the caller ID without an event; a later event shows it."""
        before = self.caller if self._not_emitted is None else self._not_emitted[0]
        self.caller, self._not_emitted = caller, (before, presentation)

    def set_account(self, account: str) -> None:
        """Set the account code."""
        old, self.account = self.account, account
        if old == account:
            return
        self.emit("NewAccountCode", [("OldAccountCode", old)])

    def executes(self, application: str, data: str) -> None:
        """Emit Newexten for an application, once for each place as Asterisk does."""
        place = self.context, self.exten, self.priority
        known = self.executed if self.application else None
        self.application, self.data, self.executed = application, data, place
        if place != known:
            what = [("Extension", self.exten), ("Application", application), ("AppData", data)]
            self.emit("Newexten", what, classes="dialplan")

    # Its life

    def plays(self, file: str) -> bool:
        """Note that a file is played to this end; return false if the file is missing.

        Asterisk adds the extension, so a name with an extension is missing.
        """
        if self.exchange.is_missing(file) or file.endswith(_EXTENSIONS):
            return False
        if file:
            self.sounds.append(file)
        return True

    def press(self, key: str) -> None:
        """Take a digit that was pressed at this end, or a stop from outside."""
        self.keys.append(key)
        self.key_pressed.set()

    async def pause(self, seconds: float | None = None, *signals: Signal) -> Signal | None:
        """Wait for one of the signals.

        Args:
            seconds: timeout in seconds; `None` is none.
            *signals: the signals.

        Returns:
            The signal, or `None` on timeout.

        Raises:
            Gone: the channel must hang up.
            Redirected: it was redirected.
        """
        wait = self.exchange.clock.wait
        signal = await wait(self.hanging, self.moving, *signals, seconds=seconds)
        if self.hanging.is_set:
            raise Gone
        # Another task of this channel may have followed the redirection already.
        if self.moving.is_set or signal is self.moving:
            raise Redirected
        return signal

    def indicate(self, what: str) -> None:
        """Send an indication to the other half: `answer`, `ringing`, `busy` ..."""
        if self.other is not None:
            self.other.control.append(what)
            self.other.controlled.set()

    def answer(self) -> None:
        """Answer the call at this end."""
        if self.state != UP:
            self.to_state(UP)
            self.indicate("answer")

    def request_hangup(self, cause: int) -> None:
        """Hang up from the far end."""
        if not self.ended.is_set:
            self.cause = self.cause or cause
            self.requested = True
            self.emit("HangupRequest", [("Cause", str(cause))])
            self.hanging.set()

    def soft_hangup(self, cause: int = 0) -> None:
        """Request the hangup from inside the server."""
        if cause:
            self.cause = cause
        self.hanging.set()

    def limit_to(self, seconds: float | None) -> None:
        """Hang up after so many seconds; `None` removes the limit."""
        if self.limit is not None:
            self.limit.cancel()
        self.limit = self.limited_until = None
        if seconds is not None:
            self.limited_until = self.exchange.clock.now + seconds
            self.limit = self.exchange.clock.spawn(self._limited(seconds))

    async def _limited(self, seconds: float) -> None:
        await self.exchange.clock.sleep(seconds)
        self.limit = None
        self.soft_hangup()

    @property
    def seconds_left(self) -> int:
        """Whole seconds of the limit; 0 without one."""
        if self.limited_until is None:
            return 0
        return max(0, int(self.limited_until - self.exchange.clock.now))

    def redirect(self, destination: Destination) -> None:
        """Redirect to another destination."""
        self._forget_destination()
        self.destination = destination
        if isinstance(destination, ToBridge):
            destination.bridge.expected.add(self)
        self.moving.set()
        if self.slips_away:
            self.exchange.records.notes(self)
            self.application = self.data = ""

    def goes_to(self, place: tuple[str, str, int]) -> None:
        """Move to another place of the dialplan.

        While an application runs there, Newexten is emitted at once, as Asterisk does.

        Args:
            place: context, extension and priority.
        """
        self.context, self.exten, self.priority = place
        if self.dialplan and self.application:
            self.executes(self.application, self.data)

    @property
    def is_leaving(self) -> bool:
        """True if it was hung up or redirected, which ends its application."""
        return self.hanging.is_set or self.moving.is_set

    @property
    def slips_away(self) -> bool:
        """True if the running application does not notice a redirection, and emits nothing.

        Asterisk masquerades the channel, and a stand-in hangs up without events. It does not do so
        for a channel that leaves a bridge, or that stays in the dialplan.
        """
        stays_in_dialplan = self.dialplan and isinstance(self.destination, tuple)
        return self.moving.is_set and self.bridge is None and not stays_in_dialplan

    def _forget_destination(self) -> None:
        destination, self.destination = self.destination, None
        if isinstance(destination, ToBridge):
            destination.bridge.does_not_come(self)

    def hang_up_quietly(self) -> None:
        """End the channel without notifying the other half."""
        self.other = None
        self.exchange.records.drop(self)
        self.hang_up()

    def hang_up(self) -> None:
        """End the channel."""
        if self.ended.is_set:
            return
        self.hanging.set()
        if self.other is not None and not self.other.ended.is_set:
            status = self.variables.get("DIALSTATUS")
            if status and self.exchange.major >= 18 and self.name.endswith(";2"):
                self.other.set_variable("CHANLOCALSTATUS", status)
            self.other.request_hangup(self.cause)
        if self.limit is not None:
            self.limit.cancel()
        self._forget_destination()
        self.ended.set()
        self.exchange.forget(self)
        text = CAUSES.get(self.cause, "Unknown")
        self.emit("Hangup", [("Cause", str(self.cause)), ("Cause-txt", text)])
        self.exchange.records.end(self)
        self.exchange.states.channel_changed(self)


@dataclass
class Bridge:
    """A bridge of channels.

    Attributes:
        uniqueid: its unique ID.
        kind: `basic`, `parking` ...
        channels: its channels, in the order in which they entered.
        announcer: the name of the server's own channel in the bridge, which no list shows.
        parted: called once, when the first channel has left.
        expected: channels that are redirected to the bridge.
        transferers: the channels that may transfer the other one by keys.
        exchanges_parties: true if channels that meet in it get each other's number.
    """

    exchange: Exchange
    kind: str = "basic"
    technology: str = _SIMPLE
    creator: str = ""
    name: str = ""
    uniqueid: str = ""
    channels: list[Channel] = field(default_factory=list)
    announcer: str = ""
    parted: Callable[[], None] | None = None
    expected: set[Channel] = field(default_factory=set)
    transferers: set[Channel] = field(default_factory=set)
    exchanges_parties: bool = False

    def __post_init__(self) -> None:
        self.uniqueid = str(uuid.UUID(int=self.exchange.random.getrandbits(128), version=4))
        self.changed = Signal(self.exchange.clock)
        self.exchange.bridges[self.uniqueid] = self
        self.exchange.emit("BridgeCreate", self.snapshot())

    def snapshot(self) -> Pairs:
        """Return the headers of events about bridges."""
        return [
            ("BridgeUniqueid", self.uniqueid),
            ("BridgeType", self.kind),
            ("BridgeTechnology", self.technology),
            ("BridgeCreator", self.creator or _UNKNOWN),
            ("BridgeName", self.name or _UNKNOWN),
            ("BridgeNumChannels", str(len(self.channels) + bool(self.announcer))),
            ("BridgeVideoSourceMode", "none"),
        ]

    def enter(self, channel: Channel) -> None:
        """Add a channel."""
        self.expected.discard(channel)
        self.channels.append(channel)
        channel.bridge = self
        # Calls that meet in a bridge of another kind remain separate calls.
        if self.kind == "basic":
            eldest = min((each.eldest for each in self.channels), key=lambda each: each.serial)
            for each in self.channels:
                each.eldest = eldest
        self.exchange.emit("BridgeEnter", [*self.snapshot(), *channel.snapshot()])
        if self.kind == "basic" and len(self.channels) == 2:
            self.exchange.records.meet(self.channels)
        if self.announcer or len(self.channels) > 1:
            self._introduce()
            if self.exchanges_parties:
                self.exchange_parties()
        self._mix()
        self.changed.set()

    def _mix(self) -> None:
        """Mix two telephones natively, and other channels not; a change emits no event."""
        if self.technology in (_SIMPLE, _NATIVE):
            telephones = all(each.technology in _WITH_RTP for each in self.channels)
            natively = len(self.channels) == 2 and telephones and not self.transferers
            self.technology = _NATIVE if natively else _SIMPLE

    def exchange_parties(self) -> None:
        """Give two channels each other's number and name."""
        if len(self.channels) == 2:
            for one, other in (self.channels, reversed(self.channels)):
                one.exchange_connected(Party(other.caller.number, other.caller.name))

    def _introduce(self, leaving: Channel | None = None) -> None:
        """Set the variable BRIDGEPEER of each channel; a holding bridge has no peers."""
        if self.technology == "holding_bridge":
            return
        stay = [each for each in self.channels if each is not leaving]
        for each in self.channels:
            names = [self.announcer, *(peer.name for peer in stay if peer is not each)]
            peers = ",".join(filter(None, names)) if each in stay else ""
            moved = each is leaving and isinstance(each.destination, (ToBridge, ToPark))
            if each.variables.get("BRIDGEPEER", "") != peers and not moved:
                each.set_variable("BRIDGEPEER", peers)

    def does_not_come(self, channel: Channel) -> None:
        """Stop expecting a channel, as it hung up or was redirected."""
        self.expected.discard(channel)
        self.changed.set()
        if not self.channels and not self.expected:
            self.destroy()

    def leave(self, channel: Channel, *, moves: bool = False) -> None:
        """Remove a channel. An empty bridge is destroyed, except that of a parking lot.

        Args:
            channel: the channel.
            moves: if true, it goes to another bridge at once, and BRIDGEPEER is set there.
        """
        if channel not in self.channels:
            return
        if not moves:
            self._introduce(leaving=channel)
        self.channels.remove(channel)
        self.exchange.records.parts(channel)
        channel.bridge = None
        channel.cause = channel.cause or 16
        if isinstance(channel.destination, tuple):  # BridgeLeave shows the new place already
            channel.goes_to(channel.destination)
        self.exchange.emit("BridgeLeave", [*self.snapshot(), *channel.snapshot()])
        self._mix()
        parted, self.parted = self.parted, None
        if parted is not None:
            parted()
        self.changed.set()
        kept = self.kind == "parking" or self.announcer
        if not (kept or self.channels or self.expected):
            self.destroy()

    def destroy(self) -> None:
        """Destroy the bridge."""
        if self.exchange.bridges.pop(self.uniqueid, None) is not None:
            self.exchange.emit("BridgeDestroy", self.snapshot())

    async def stay(self, channel: Channel, *, enters: bool = True) -> None:
        """Keep a channel in the bridge until it must leave, or the other one of two has left.

        Args:
            channel: the channel.
            enters: if false, it is in the bridge already.

        Raises:
            Gone: the channel must hang up.
            Redirected: it was redirected.
        """
        if enters:
            self.enter(channel)
        try:
            while True:
                if self.kind == "basic" and self.channels == [channel] and not self.expected:
                    return
                self.changed.clear()
                await channel.pause(None, self.changed, channel.featured)
                feature, channel.feature = channel.feature, None
                if feature is not None:
                    channel.featured.clear()
                    await feature()
                    if channel not in self.channels:
                        return
        finally:
            self.leave(channel)
