"""Calls: Local channels, phones, dialling, originating."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ..clock import Signal
from . import dialplan
from .channels import DOWN, RING, RINGING, UP, Bridge, Channel, Gone, Pairs, Party, Redirected

if TYPE_CHECKING:
    from . import Exchange

__all__ = ["DIAL_STATUS", "Dialled", "Handset", "Origin", "dial", "originate", "request"]

TECHNOLOGIES: Final = ("PJSIP", "SIP", "IAX2", "DAHDI")
REASONS: Final = {"answer": 4, "busy": 5, "congestion": 8, "timeout": 3, "hangup": 0, "failed": 0}
_DIAL_VARIABLES: Final = (
    *("DIALSTATUS", "DIALEDPEERNUMBER", "DIALEDPEERNAME"),
    *("ANSWEREDTIME", "ANSWEREDTIME_MS", "DIALEDTIME", "DIALEDTIME_MS"),
    *("RINGTIME", "RINGTIME_MS", "PROGRESSTIME", "PROGRESSTIME_MS"),
)
DIAL_STATUS: Final = {"busy": "BUSY", "congestion": "CONGESTION", "answer": "ANSWER"}


@dataclass
class Handset:
    """A phone.

    Attributes:
        device: its name as it is dialled, `PJSIP/alice`.
        answer_after: seconds that it rings until it answers; `None` is never.
        hang_up_after: seconds that it talks until it hangs up; `None` is never.
        refuses: `"busy"` or `"congestion"` if it takes no calls.
        calls: its channels.
        messages: the texts that it was sent.
    """

    exchange: Exchange = field(repr=False)
    device: str
    answer_after: float | None = None
    hang_up_after: float | None = None
    refuses: str = ""
    calls: list[Channel] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    async def ring(self, channel: Channel) -> None:
        """Run a call at this phone: ring, answer and hang up as the phone is set."""
        self.calls.append(channel)
        await self._take(channel)
        await self.exchange.clock.wait(channel.ended)
        self.calls.remove(channel)

    async def _take(self, channel: Channel) -> None:
        clock = self.exchange.clock
        if self.refuses:
            self._far(channel, self.refuses)
            return
        channel.to_state(RINGING)
        self._far(channel, "ringing")
        await clock.wait(channel.ended, channel.picked_up, seconds=self.answer_after)
        if channel.ended.is_set:
            return
        channel.to_state(UP)
        self._far(channel, "answer")
        await clock.wait(channel.ended, seconds=self.hang_up_after)
        if not channel.ended.is_set:
            channel.request_hangup(16)

    @staticmethod
    def _far(channel: Channel, what: str) -> None:
        channel.control.append(what)
        channel.controlled.set()


@dataclass
class Dialled:
    """An outgoing channel and its destination.

    Attributes:
        channel: the channel at our end.
        target: the dial string without the technology: `wait@test/n`.
    """

    channel: Channel
    target: str

    def call(self) -> bool:
        """Call the destination, and return true if it exists."""
        channel, exchange = self.channel, self.channel.exchange
        if channel.other is None:
            exchange.clock.spawn(exchange.phone(channel.device).ring(channel))
            return True
        return _call_local(channel, channel.other, optimize=not self.target.endswith("/n"))


def request(
    exchange: Exchange,
    technology: str,
    target: str,
    *,
    uniqueid: str = "",
    other_uniqueid: str = "",
    eldest: Channel | None = None,
) -> Dialled | None:
    """Make the channel, or the Local pair, to a destination; `None` if it cannot be dialled."""
    if technology.lower() == "local":
        name = target.partition("/")[0]
        exten, _, context = name.partition("@")
        context = context or "default"
        base = f"Local/{exten}@{context}-{exchange.next_suffix('Local')}"
        one = exchange.add_channel(
            f"{base};1",
            state=DOWN,
            context=context,
            exten=exten,
            uniqueid=uniqueid,
            eldest=eldest,
            emit=False,
        )
        second = other_uniqueid or (f"{uniqueid};2" if uniqueid else "")
        two = exchange.add_channel(
            f"{base};2",
            state=RING,
            context=context,
            exten=exten,
            uniqueid=second,
            eldest=one.eldest,
            emit=False,
        )
        one.other, two.other = two, one
        for half in (one, two):
            half.emit("Newchannel")
        exchange.states.channel_changed(one)
        return Dialled(one, target)
    known = next((each for each in TECHNOLOGIES if each.lower() == technology.lower()), None)
    if known is None or not target:
        return None
    device = target.partition("/")[0].rpartition("@")[2]  # as in PJSIP/100@trunk, SIP/trunk/100
    if not exchange.has_phone(f"{known}/{device}"):
        return None
    channel = exchange.add_channel(
        f"{known}/{device}-{exchange.next_suffix(known)}",
        state=DOWN,
        context=exchange.states.context_of(f"{known}/{device}"),
        exten="s",
        uniqueid=uniqueid,
        eldest=eldest,
    )
    return Dialled(channel, target)


def _call_local(one: Channel, two: Channel, *, optimize: bool) -> bool:
    exchange = one.exchange
    for name, value in one.variables.items():
        two.set_variable(
            next((full for full in one.inherited if full.lstrip("_") == name), name),
            value,
        )
    two.caller, two.connected = Party(**vars(one.connected)), Party(**vars(one.caller))
    old, two.account = two.account, one.account
    if two.caller:
        two.set_caller(two.caller)
    if two.account:
        two.emit("NewAccountCode", [("OldAccountCode", old)])
    if two.connected:
        two.set_connected(two.connected)
    if exchange.dialplan.find(two.context, two.exten) is None:
        two.hang_up_quietly()
        return False
    place = [
        ("Context", two.context),
        ("Exten", two.exten),
        ("LocalOptimization", "Yes" if optimize else "No"),
    ]
    exchange.emit("LocalBridge", [*one.snapshot("LocalOne"), *two.snapshot("LocalTwo"), *place])
    exchange.clock.spawn(dialplan.run(two, two.context, two.exten, 1))
    return True


async def ringing(
    dialled: Dialled,
    caller: Channel | None,
    seconds: float,
    *,
    shown: str = "",
    answered: bool = True,
) -> str:
    """Wait until a dialled channel is answered or fails.

    Args:
        dialled: the channel that is called.
        caller: the calling channel, `None` for Originate.
        seconds: seconds that it may ring.
        shown: the `DialString` of the events; the target without it.
        answered: if true, an answer emits DialEnd.

    Returns:
        `answer`, `busy`, `congestion`, `hangup` or `timeout`.

    Raises:
        Gone: the caller hung up.
        Redirected: the caller was redirected.
    """
    channel, exchange = dialled.channel, dialled.channel.exchange

    def emit(name: str, more: Pairs) -> None:
        who = [] if caller is None else caller.snapshot()
        exchange.emit(name, [*who, *channel.snapshot("Dest"), *more])

    emit("DialBegin", [("DialString", shown or dialled.target)])
    started = exchange.clock.now
    until = started + seconds
    while True:
        left = until - exchange.clock.now
        signals = (channel.controlled, channel.hanging)
        if caller is None:
            await exchange.clock.wait(*signals, seconds=left)
        else:
            await caller.pause(left, *signals)
        channel.controlled.clear()
        while channel.control:
            what = channel.control.popleft()
            if what == "ringing":
                channel.to_state(RINGING)
                if caller is not None and not shown:
                    rung = exchange.clock.now - started
                    caller.set_variable("RINGTIME", str(int(rung)))
                    caller.set_variable("RINGTIME_MS", str(round(rung * 1000)))
                emit("DialState", [("DialStatus", "RINGING")])
            elif what in DIAL_STATUS:
                if what == "answer":
                    channel.to_state(UP)
                if what != "answer" or answered:
                    emit("DialEnd", [("DialStatus", DIAL_STATUS[what])])
                return what
        if channel.hanging.is_set:
            emit("DialEnd", [("DialStatus", "NOANSWER")])
            return "hangup"
        if exchange.clock.now >= until:
            return "timeout"


@dataclass
class Origin:
    """Arguments of the action Originate; `seconds` limits the ringing."""

    technology: str
    target: str
    seconds: float
    application: str
    data: str
    context: str
    exten: str
    priority: int
    caller: Party
    account: str
    variables: list[tuple[str, str]]
    uniqueid: str
    other_uniqueid: str
    action_id: str


async def originate(exchange: Exchange, origin: Origin, *, emit: bool) -> bool:
    """Call a channel, and return true if it answers.

    The call goes on in a separate task. With `emit`, an OriginateResponse is emitted.
    """
    dialled = request(
        exchange,
        origin.technology,
        origin.target,
        uniqueid=origin.uniqueid,
        other_uniqueid=origin.other_uniqueid,
    )
    outcome = "failed"
    if dialled is not None:
        channel = dialled.channel
        channel.executes("AppDial2", "(Outgoing Line)")
        for name, value in reversed(origin.variables):
            with contextlib.suppress(dialplan.NotSet):
                dialplan.write(exchange, channel, name, value)
        if origin.account:
            channel.set_account(origin.account)
        if origin.caller:
            number = origin.caller.number or channel.caller.number
            channel.set_caller(Party(number, origin.caller.name or channel.caller.name))
            channel.set_connected(Party(origin.caller.number, origin.caller.name))
        if dialled.call():
            outcome = await ringing(dialled, None, origin.seconds)
            if outcome != "answer":
                exchange.records.fails(channel, outcome)
        if outcome == "timeout" and exchange.major >= 18:
            channel.cause = 19
    if outcome == "answer" and dialled is not None:
        exchange.clock.spawn(_goes_on(dialled.channel, origin))
    elif dialled is not None:
        dialled.channel.hang_up()
    if emit:
        _emit_response(exchange, origin, dialled.channel if dialled is not None else None, outcome)
    return outcome == "answer"


async def _goes_on(channel: Channel, origin: Origin) -> None:
    if not origin.application:
        await dialplan.run(channel, origin.context, origin.exten, origin.priority)
        return
    channel.application, channel.data = origin.application, origin.data
    try:
        await channel.exchange.execute(channel, origin.application, origin.data)
    except Gone:
        pass
    except Redirected:
        if await dialplan.go_elsewhere(channel):
            await dialplan.run(channel, channel.context, channel.exten, channel.priority)
            return
    channel.hang_up()


def _emit_response(
    exchange: Exchange,
    origin: Origin,
    channel: Channel | None,
    outcome: str,
) -> None:
    success = outcome == "answer" and channel is not None
    name = f"{origin.technology}/{origin.target}"[:79]
    uniqueid = origin.uniqueid or "<unknown>"
    shown: Pairs = []
    if success and channel is not None:
        name, uniqueid = channel.name, channel.uniqueid
        shown = [
            (f"ChanVariable({name})", f"{each}={channel.variables.get(each, '')}")
            for each in exchange.channel_variables
        ]
    place: Pairs = (
        [("Application", origin.application), ("Data", origin.data)]
        if origin.application
        else [("Context", origin.context), ("Exten", origin.exten)]
    )
    exchange.emit(
        "OriginateResponse",
        [
            *([("ActionID", origin.action_id)] if origin.action_id else []),
            ("Response", "Success" if success else "Failure"),
            ("Channel", name),
            *place,
            ("Reason", str(REASONS[outcome])),
            ("Uniqueid", uniqueid),
            ("CallerIDNum", origin.caller.number or "<unknown>"),
            ("CallerIDName", origin.caller.name or "<unknown>"),
            *shown,
        ],
    )


def _begin_leg(caller: Channel, target: str) -> Dialled | None:
    """Call a target of Dial; `None` if it cannot be dialled, or does not exist."""
    exchange = caller.exchange
    technology, _, rest = target.partition("/")
    dialled = request(exchange, technology, rest, eldest=caller.eldest)
    if dialled is None:
        caller.cause = 66
        return None
    channel = dialled.channel
    exchange.records.dials(caller, channel)
    channel.set_variable("DIALEDPEERNUMBER", rest)
    channel.inherit(caller)
    channel.caller = Party(caller.exten, caller.connected.name)
    channel.connected = Party(**vars(caller.caller))
    channel.exten, channel.account = caller.exten, caller.account
    channel.executes("AppDial", "(Outgoing Line)")
    channel.set_caller(channel.caller)
    if channel.account:
        channel.emit("NewAccountCode", [("OldAccountCode", "")])
    if channel.connected:
        channel.emit("NewConnectedLine")
    if not dialled.call():
        channel.hang_up()
        return None
    return dialled


async def dial(caller: Channel, targets: list[str], seconds: float, options: str = "") -> str:
    """Run the application Dial, and return the DIALSTATUS.

    Args:
        caller: the calling channel.
        targets: the dial strings.
        seconds: seconds that they may ring.
        options: with `T` the caller may transfer by keys, with `t` the called party.
    """
    exchange = caller.exchange
    for name in _DIAL_VARIABLES:
        caller.set_variable(name, "")
    started = exchange.clock.now
    legs: list[Dialled] = []
    try:
        for target in targets:
            dialled = _begin_leg(caller, target)
            if dialled is not None:
                legs.append(dialled)
        if not legs:
            return _not_answered(caller, "CHANUNAVAIL")

        def unanswered(leg: Dialled) -> None:
            both = [*caller.snapshot(), *leg.channel.snapshot("Dest")]
            exchange.emit("DialEnd", [*both, ("DialStatus", "NOANSWER")])

        leg, outcome = await first_answer(caller, legs, seconds, unanswered=unanswered)
        if leg is None:
            exchange.records.fails(caller, outcome)
            return _not_answered(caller, DIAL_STATUS.get(outcome, "NOANSWER"))
    except (Gone, Redirected):
        for each in legs:
            each.channel.hang_up()
        _not_answered(caller, "CANCEL")
        raise
    peer = leg.channel
    caller.set_variable("DIALSTATUS", "ANSWER")
    caller.set_variable("DIALEDPEERNAME", peer.name)
    caller.set_variable("DIALEDPEERNUMBER", leg.target)
    peer.exten = ""
    exchange.emit("DialEnd", [*caller.snapshot(), *peer.snapshot("Dest"), ("DialStatus", "ANSWER")])
    caller.answer()
    peer.executes("AppDial", "(Outgoing Line)")
    bridge = Bridge(exchange)
    may = (("t", peer), ("T", caller))
    bridge.transferers = {each for letter, each in may if letter in options}
    try:
        await talk(bridge, peer, caller)
    finally:
        if not caller.moving.is_set:
            _times(caller, started)
        caller.set_variable("DIALSTATUS", "ANSWER")
    return "ANSWER"


def _not_answered(caller: Channel, status: str) -> str:
    caller.set_variable("DIALSTATUS", status)
    return status


def _times(caller: Channel, started: float) -> None:
    clock = caller.exchange.clock
    talked = clock.now - (caller.answered if caller.answered is not None else clock.now)
    dialled = clock.now - started
    for name, seconds in (("ANSWEREDTIME", talked), ("DIALEDTIME", dialled)):
        caller.set_variable(name, str(int(seconds)))
        caller.set_variable(f"{name}_MS", str(round(seconds * 1000)))


async def first_answer(
    caller: Channel,
    legs: list[Dialled],
    seconds: float,
    *,
    shown: bool = False,
    unanswered: Callable[[Dialled], None] = lambda dialled: None,
) -> tuple[Dialled | None, str]:
    """Ring several channels at once.

    Args:
        caller: the calling channel.
        legs: the channels to ring; those that do not answer are hung up.
        seconds: seconds that they may ring.
        shown: if true, `DialString` names the technology too.
        unanswered: called with each channel that did not answer in time.

    Returns:
        The first channel that answers, or `None`, and the reason.

    Raises:
        Gone: the caller hung up.
        Redirected: the caller was redirected.
    """
    clock = caller.exchange.clock
    outcomes: dict[int, str] = {}
    changed = Signal(clock)

    async def one(number: int, dialled: Dialled) -> None:
        string = f"{dialled.channel.technology}/{dialled.target}" if shown else ""
        try:
            outcomes[number] = await ringing(dialled, caller, seconds, shown=string, answered=False)
        except (Gone, Redirected):
            return
        if outcomes[number] not in ("answer", "timeout"):
            dialled.channel.hang_up()
        changed.set()

    tasks = [clock.spawn(one(number, leg)) for number, leg in enumerate(legs)]
    won: Dialled | None = None
    try:
        while won is None and len(outcomes) < len(legs):
            changed.clear()
            await caller.pause(None, changed)
            won = next(
                (legs[number] for number, outcome in outcomes.items() if outcome == "answer"),
                None,
            )
    finally:
        for task in tasks:
            task.cancel()
        for number, leg in enumerate(legs):
            if leg is won:
                continue
            timed_out = outcomes.get(number) == "timeout"
            if timed_out:
                unanswered(leg)
            if won is not None and not leg.channel.ended.is_set:
                leg.channel.cause = 26
            leg.channel.hang_up()
            if (number not in outcomes or (timed_out and shown)) and not caller.slips_away:
                both = [*caller.snapshot(), *leg.channel.snapshot("Dest")]
                caller.exchange.emit("DialEnd", [*both, ("DialStatus", "CANCEL")])
    order, found = ("timeout", "busy", "congestion", "hangup"), outcomes.values()
    why = [each for each in order if each in found]
    return won, why[0] if why else "timeout"


async def talk(bridge: Bridge, peer: Channel, caller: Channel) -> None:
    """Bridge a caller with the channel that was dialled, until one of them leaves.

    Raises:
        Gone: the caller hung up.
        Redirected: the caller was redirected.
    """
    bridge.expected |= {peer, caller}

    async def stays() -> None:
        try:
            await bridge.stay(peer)
        except Gone:
            pass
        except Redirected:
            if await dialplan.go_elsewhere(peer):
                await dialplan.run(peer, peer.context, peer.exten, peer.priority)
        peer.hang_up()

    peer.exchange.clock.spawn(stays())
    await caller.exchange.clock.wait(bridge.changed)
    await bridge.stay(caller)
