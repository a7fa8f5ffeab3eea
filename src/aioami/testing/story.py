"""Calls and phones of a fake server, as a test controls them."""

from __future__ import annotations

from collections.abc import Mapping
from types import EllipsisType
from typing import Final

from .driver import Driver
from .exchange import Exchange
from .exchange.calls import Handset
from .exchange.channels import RING, STATES, Channel, Party
from .exchange.dialplan import run

__all__ = ["Call", "Phone", "incoming"]

_TIMEOUT: Final = 120.0  # seconds of the server's time
_KEYS: Final = frozenset("0123456789*#ABCD")


def incoming(
    driver: Driver,
    exchange: Exchange,
    device: str,
    to: str,
    *,
    caller: str,
    variables: Mapping[str, str],
) -> Call:
    """Place a call from outside; see `FakeAsterisk.incoming`.

    Raises:
        ValueError: the dialplan has no such extension, or the device has no technology.
    """
    exten, _, context = to.partition("@")
    context = context or "default"
    if exchange.dialplan.find(context, exten) is None:
        names = [exchange.charset.shown(each) for each in (exten, context)]
        raise ValueError(f"to: the dialplan has no extension {names[0]!r} in context {names[1]!r}")
    if "/" not in device:
        shown = exchange.charset.shown(device)
        raise ValueError(f"device: technology and name, as PJSIP/trunk, not {shown!r}")
    driver.catch_up()
    suffix = exchange.next_suffix(device.partition("/")[0])
    channel = exchange.add_channel(
        f"{device}-{suffix}",
        state=RING,
        context=context,
        exten=exten,
        caller=Party.parse(caller),
    )
    for name, value in variables.items():
        channel.set_variable(name, value)
    driver.clock.spawn(run(channel, context, exten, 1))
    driver.catch_up()
    return Call(driver, channel)


class Call:
    """A call on a fake server, seen from one of its ends.

    Times are seconds of the server's time. Cancelling a method that waits leaves the call as it is.

    Attributes:
        channel: the name of the channel.
        uniqueid: its Uniqueid.
    """

    def __init__(self, driver: Driver, channel: Channel) -> None:
        self._driver = driver
        self._channel = channel
        self.channel = channel.exchange.charset.shown(channel.name)
        self.uniqueid = channel.exchange.charset.shown(channel.uniqueid)

    def __repr__(self) -> str:
        return f"<Call {self.channel} {self.state}>"

    @property
    def linkedid(self) -> str:
        """The Linkedid, which all channels of the call have."""
        return self._channel.exchange.charset.shown(self._channel.linkedid)

    @property
    def state(self) -> str:
        """The state of the channel as Asterisk names it (`Ring`, `Up` ...), or `gone`."""
        return "gone" if self._channel.ended.is_set else STATES[self._channel.state]

    @property
    def talks_to(self) -> list[str]:
        """The names of the channels in the same bridge."""
        bridge = self._channel.bridge
        if bridge is None:
            return []
        names = (each.name for each in bridge.channels if each is not self._channel)
        return [self._channel.exchange.charset.shown(name) for name in names]

    async def waits(self, seconds: float) -> None:
        """Let time pass, and check that the call is still there.

        Args:
            seconds: seconds that pass, for all calls on the server.

        Raises:
            AssertionError: the call has ended.
        """
        await self._driver.advance(seconds)
        if self._channel.ended.is_set:
            raise AssertionError(f"{self.channel} has ended while it should wait")

    async def answered_by(self, device: str, *, within: float = _TIMEOUT) -> None:
        """Let time pass until a phone rings for this call, and answer it there.

        Args:
            device: the phone, as `PJSIP/agent1`.
            within: timeout in seconds, for the ringing and again for the bridge.

        Raises:
            AssertionError: the phone does not ring for this call, or they are not bridged.
        """
        phone = Phone(self._driver, self._channel.exchange.phone(device))
        await phone.answer(within=within, call=self)
        await self._driver.pass_until(
            lambda: bool(self.talks_to),
            within,
            f"{self.channel} talks to {device}",
        )

    async def hang_up(self) -> None:
        """Hang up at this end."""
        self._channel.request_hangup(16)
        self._driver.catch_up()
        await self._driver.advance(0)

    @property
    def sounds(self) -> list[str]:
        """The names of the sounds that were played to this end so far, in order; see `hears`."""
        shown = self._channel.exchange.charset.shown
        return [shown(file) for file in self._channel.sounds]

    async def hears(self, sound: str, *, within: float = _TIMEOUT) -> None:
        """Let time pass until a sound begins at this end.

        It must come after the sound that the previous `hears` found: so a test names the sounds in
        their order. Sounds between them are skipped.

        Args:
            sound: the name of the file as the program gives it, such as `"main-menu"`. For AGI's
                SAY commands it is their text: `"42"` for `SAY NUMBER 42`.
            within: timeout in seconds.

        Raises:
            AssertionError: the sound is not heard within the timeout, or the call ends before; the
                message lists the sounds that were heard.
        """
        channel = self._channel

        def is_heard() -> bool:
            return sound in self.sounds[channel.heard :]

        try:
            await self._driver.pass_until(
                lambda: is_heard() or channel.ended.is_set, within, f"{self.channel} hears {sound}"
            )
        except AssertionError as error:
            raise AssertionError(f"{error}; it heard {self._shown_sounds()}") from None
        if not is_heard():
            raise AssertionError(
                f"{self.channel} has ended, and did not hear {sound}; "
                f"it heard {self._shown_sounds()}"
            )
        channel.heard = self.sounds.index(sound, channel.heard) + 1

    def _shown_sounds(self) -> str:
        return ", ".join(self.sounds) or "nothing"

    async def presses(self, digits: str) -> None:
        """Press keys at this end, each for a tenth of a second.

        AGI commands that wait for a digit get them. As on a real server, a key that is pressed
        while no such command runs is lost.

        Args:
            digits: the keys, as `"12#"`.

        Raises:
            ValueError: there is no such key.
        """
        if not set(digits) <= _KEYS:
            raise ValueError(f"digits: keys are 0 to 9, *, # and A to D, not {digits!r}")
        for digit in digits:
            heard = [("Digit", digit), ("Direction", "Received")]
            self._channel.emit("DTMFBegin", heard, classes="dtmf")
            await self._driver.advance(0.1)
            heard.insert(1, ("DurationMs", "100"))
            self._channel.emit("DTMFEnd", heard, classes="dtmf")
            self._channel.press(digit)
        self._driver.catch_up()

    async def ended(self, *, within: float = _TIMEOUT) -> None:
        """Let time pass until the call ends.

        Args:
            within: timeout in seconds.

        Raises:
            AssertionError: the call does not end within the timeout.
        """
        await self._driver.pass_until(
            lambda: self._channel.ended.is_set,
            within,
            f"{self.channel} ends",
        )


class Phone:
    """A phone on a fake server.

    Times are seconds of the server's time. Cancelling a method that waits leaves the phone as it
    is.

    Attributes:
        device: its name, as it is dialled.
    """

    def __init__(self, driver: Driver, handset: Handset) -> None:
        self._driver = driver
        self._handset = handset
        self.device = handset.exchange.charset.shown(handset.device)

    def __repr__(self) -> str:
        return f"<Phone {self.device}{' ringing' if self.ringing else ''}>"

    @property
    def ringing(self) -> bool:
        """True while it rings."""
        return any(STATES[channel.state] == "Ringing" for channel in self._handset.calls)

    @property
    def calls(self) -> list[Call]:
        """The calls that it rings for or takes part in."""
        return [Call(self._driver, channel) for channel in self._handset.calls]

    def set(
        self,
        *,
        answer_after: float | EllipsisType | None = ...,
        hang_up_after: float | EllipsisType | None = ...,
        refuses: str | EllipsisType = ...,
    ) -> None:
        """Set the phone's behaviour from now on; arguments that are left out change nothing.

        Args:
            answer_after: seconds that it rings until it answers; `None` is never.
            hang_up_after: seconds from the answer to its hangup; `None` is never.
            refuses: `"busy"` or `"congestion"` to refuse all calls; empty to take them.

        Raises:
            ValueError: `refuses` is another word.
        """
        if refuses is not ... and refuses not in ("", "busy", "congestion"):
            raise ValueError(f"refuses: busy, congestion or nothing, not {refuses!r}")
        given = {
            "answer_after": answer_after,
            "hang_up_after": hang_up_after,
            "refuses": refuses,
        }
        for name, value in given.items():
            if value is not ...:
                setattr(self._handset, name, value)

    @property
    def messages(self) -> list[str]:
        """The texts that `MessageSend` has sent to the phone, in order."""
        shown = self._handset.exchange.charset.shown
        return [shown(text) for text in self._handset.messages]

    def register(self, uri: str = "") -> None:
        """Register at its address of record, as a PJSIP telephone does when it is switched on.

        It is then listed as a contact, and gets messages. A second call with the same URI renews
        the registration.

        Args:
            uri: the URI of the contact; an address of this machine if left out.

        Raises:
            ValueError: pjsip.conf has no such endpoint with an `aors`.
        """
        technology, _, name = self._handset.device.partition("/")
        if technology != "PJSIP":
            raise ValueError(f"{self.device}: only PJSIP telephones register here")
        self._handset.exchange.contacts.register(name, uri or f"sip:{name}@127.0.0.1:5061")
        self._driver.catch_up()

    def unregister(self) -> None:
        """End its registrations; nothing happens if there are none."""
        self._handset.exchange.contacts.unregister(self._handset.device.partition("/")[2])
        self._driver.catch_up()

    async def answer(self, *, within: float = _TIMEOUT, call: Call | None = None) -> None:
        """Let time pass until it rings, and answer.

        Args:
            within: timeout in seconds.
            call: the call to answer; any if left out.

        Raises:
            AssertionError: the phone does not ring within the timeout.
        """

        def rings() -> list[Channel]:
            ringing = (each for each in self._handset.calls if STATES[each.state] == "Ringing")
            return [each for each in ringing if call is None or each.linkedid == call.linkedid]

        await self._driver.pass_until(lambda: bool(rings()), within, f"{self.device} rings")
        rings()[0].picked_up.set()
        self._driver.catch_up()
        await self._driver.advance(0)

    async def hang_up(self) -> None:
        """End all its calls."""
        for channel in list(self._handset.calls):
            channel.request_hangup(16)
        self._driver.catch_up()
        await self._driver.advance(0)
