"""Attended transfers: a channel talks with the target first, and then connects the other two."""

from __future__ import annotations

from typing import Final

from ..clock import Signal
from . import dialplan
from .calls import DIAL_STATUS, Dialled, request
from .channels import RINGING, UP, Bridge, Channel, Gone, Pairs, Party, Redirected

__all__ = ["CANCEL", "begin", "press"]

CANCEL: Final = "*1"
"""The code that takes a transfer back, unless features.conf sets another."""

_DIGIT: Final = 0.1  # seconds that a digit takes
_NO_MORE_DIGITS: Final = 3.0  # seconds after the last digit, when an extension is complete
_MOMENT: Final = 0.005  # seconds that threads of Asterisk take
# A Local channel sends sound if its other half plays a file; digits wait for that.
_SOUNDS: Final = frozenset({"musiconhold", "playback", "background"})


async def press(channel: Channel, digits: str) -> None:
    """Take digits at a channel, as from its keypad; the other channels of its bridge hear them.

    While it talks with the target of a transfer, they are the code that ends that talk.
    """
    for digit in digits:
        await channel.exchange.clock.sleep(_DIGIT)
        if channel.ended.is_set:
            return
        _received(channel, digit)
        bridge = channel.bridge if channel.asks_back is None else None
        hear = () if bridge is None else (one for one in bridge.channels if one is not channel)
        for each in hear:
            _tone(each, digit, "Sent")
            if each.other is not None:
                _tone(each.other, digit, "Received")
    if channel.asks_back is not None:
        channel.asks_back.set()


async def begin(channel: Channel, code: str, exten: str) -> None:
    """Press the code of the transfer, and begin the transfer if the channel may."""
    bridge = channel.bridge
    if bridge is None or channel not in bridge.transferers or len(bridge.channels) != 2:
        await press(channel, code + exten)
        return
    for digit in code:
        await channel.exchange.clock.sleep(_DIGIT)
        _received(channel, digit)
    channel.feature = _Transfer(channel, bridge, exten).run
    channel.featured.set()


def _received(channel: Channel, digit: str) -> None:
    heard = [("Digit", digit), ("DurationMs", "0"), ("Direction", "Received")]
    channel.emit("DTMFEnd", heard, classes="dtmf")


def _tone(channel: Channel, digit: str, direction: str) -> None:
    heard = [("Digit", digit), ("Direction", direction)]
    channel.emit("DTMFBegin", heard, classes="dtmf")
    heard.insert(1, ("DurationMs", "100"))
    channel.emit("DTMFEnd", heard, classes="dtmf")


def _is_silent(channel: Channel) -> bool:
    far = channel.other
    return far is not None and far.application.lower() not in _SOUNDS


class _Transfer:
    """An attended transfer that a phone begins by a code of digits during its call.

    Args:
        transferer: the channel of the phone.
        bridge: its bridge with the channel that is transferred.
        exten: the extension to transfer to, whose digits the phone presses after the code.
    """

    def __init__(self, transferer: Channel, bridge: Bridge, exten: str) -> None:
        self._transferer, self._bridge, self._exten = transferer, bridge, exten
        self._exchange = transferer.exchange
        (self._transferee,) = (each for each in bridge.channels if each is not transferer)
        self._over = Signal(self._exchange.clock)
        self._leaves = Signal(self._exchange.clock)
        self._completed = False
        self._music = True

    async def run(self) -> None:
        """Read the target, call it, and talk with it until one of the two ends that.

        Raises:
            Gone: the transferer hung up.
            Redirected: it was redirected.
        """
        transferer, transferee = self._transferer, self._transferee
        transferer.emit("Hold")
        transferee.emit("MusicOnHoldStart", [("Class", "default")])
        try:
            target = await self._ask()
            if target is not None:
                await self._consult(target)
        except (Gone, Redirected):
            self._stop_music()
            if not self._completed:
                transferer.emit("Unhold")
            raise
        self._stop_music()
        transferer.emit("Unhold")
        if transferer in self._bridge.channels and target is not None:
            self._bridge.exchange_parties()

    def _stop_music(self) -> None:
        if self._music and not self._transferee.ended.is_set:
            self._transferee.emit("MusicOnHoldStop")
        self._music = False

    async def _ask(self) -> Dialled | None:
        """Return the target that was dialled; `None` if there is no such extension."""
        transferer, exchange = self._transferer, self._exchange
        while _is_silent(transferer):
            await transferer.pause(_DIGIT)
        for digit in self._exten:
            await transferer.pause(_DIGIT)
            _received(transferer, digit)
        context = transferer.variables.get("TRANSFER_CONTEXT") or transferer.context
        if exchange.dialplan.find(context, self._exten) is None:
            await transferer.pause(_NO_MORE_DIGITS)
            return None
        return request(exchange, "Local", f"{self._exten}@{context}", eldest=transferer.eldest)

    async def _consult(self, dialled: Dialled) -> None:
        transferer, target, clock = self._transferer, dialled.channel, self._exchange.clock
        for name in ("TRANSFERERNAME", "ATTENDEDTRANSFER"):
            target.set_variable(name, transferer.name)
        if transferer.caller:
            target.set_connected(Party(transferer.caller.number, transferer.caller.name))
        second = Bridge(self._exchange)
        second.expected |= {transferer, target}
        self._bridge.expected.add(transferer)
        dialled.call()
        second.enter(target)
        target.set_variable("ATTENDEDTRANSFER", "")
        clock.spawn(self._talk(target, second))
        transferer.asks_back = self._over
        try:
            await transferer.pause(_MOMENT)
            self._bridge.leave(transferer, moves=True)
            second.enter(transferer)
            await transferer.pause(None, self._over)
        except Gone:
            if target.state == UP and not (
                target.hanging.is_set or self._transferee.hanging.is_set
            ):
                self._complete(target, second)
            raise
        finally:
            transferer.asks_back = None
            stays = transferer.is_leaving
            second.leave(transferer, moves=not stays)
            second.does_not_come(transferer)
            self._leaves.set()
            if stays or not self._bridge.channels:
                self._bridge.does_not_come(transferer)
            else:
                self._back()

    def _back(self) -> None:
        """Bring the transferer back into the bridge with the other channel."""
        self._stop_music()
        self._bridge.enter(self._transferer)
        self._transferee.set_variable("BRIDGEPEER", self._transferer.name)

    async def _talk(self, target: Channel, second: Bridge) -> None:
        """Run the target: answer, and talk with the transferer, then with the other channel."""
        signals = (target.controlled, self._leaves)
        try:
            while target.state != UP and not self._leaves.is_set:
                await target.pause(None, *signals)
                target.controlled.clear()
                while target.control:
                    self._hears(target, target.control.popleft())
            await target.pause(None, self._leaves)
            second.leave(target, moves=self._completed)
            if self._completed:
                await self._bridge.stay(target, enters=False)
        except Gone:
            pass
        except Redirected:
            second.leave(target)
            self._over.set()
            if await dialplan.go_elsewhere(target):
                await dialplan.run(target, target.context, target.exten, target.priority)
        second.leave(target)
        self._over.set()
        target.cause = target.cause or 16
        target.hang_up()

    def _hears(self, target: Channel, what: str) -> None:
        status = DIAL_STATUS.get(what)
        if what == "ringing":
            target.to_state(RINGING)
            self._emit_dial("DialState", target, "RINGING")
        elif status is not None:
            if what == "answer":
                target.to_state(UP)
            self._emit_dial("DialEnd", target, status)
            if what != "answer":
                self._leaves.set()
                self._over.set()

    def _emit_dial(self, name: str, target: Channel, status: str) -> None:
        self._exchange.emit(name, [*target.snapshot("Dest"), ("DialStatus", status)])

    def _complete(self, target: Channel, second: Bridge) -> None:
        """Move the target into the bridge of the channel that is transferred."""
        self._completed = True
        exchange, transferer, bridge = self._exchange, self._transferer, self._bridge
        is_old = exchange.major <= 16
        transferer.set_variable("BRIDGEPEER", "")
        second.leave(transferer, moves=True)
        exchange.emit("BridgeMerge", [*_named("To", bridge), *_named("From", second)])
        self._stop_music()
        before = target.snapshot("TransferTarget")
        second.leave(target, moves=True)
        bridge.exchanges_parties = True
        bridge.enter(target)
        exchange.emit(
            "AttendedTransfer",
            [
                ("Result", "Success"),
                *transferer.snapshot("OrigTransferer"),
                *_named("Orig", bridge),
                *transferer.snapshot("SecondTransferer"),
                *_named("Second", second),
                *self._transferee.snapshot("Transferee"),
                *(target.snapshot("TransferTarget") if is_old else before),
                ("IsExternal", "No"),
                ("DestType", "Bridge"),
                ("DestBridgeUniqueid", bridge.uniqueid),
            ],
        )


def _named(prefix: str, bridge: Bridge) -> Pairs:
    return [(prefix + name, value) for name, value in bridge.snapshot()]
