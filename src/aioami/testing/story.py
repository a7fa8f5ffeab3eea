"""Calls and phones as a test tells of them."""

from __future__ import annotations

from types import EllipsisType
from typing import TYPE_CHECKING

from .exchange.calls import Handset
from .exchange.channels import RING, STATES, Channel, Party
from .exchange.dialplan import run

if TYPE_CHECKING:
    from .fake import FakeAsterisk

__all__ = ["Call", "Phone"]

_PATIENCE = 120.0  # seconds of the server's time in which something that is told must happen


class Call:
    """A call, seen from one of its ends.

    Attributes:
        channel: the name of the channel.
        uniqueid: its Uniqueid.
        linkedid: what it has in common with the other channels of the call.
    """

    def __init__(self, fake: FakeAsterisk, channel: Channel) -> None:
        self._fake = fake
        self._channel = channel
        self.channel = channel.name
        self.uniqueid = channel.uniqueid

    @classmethod
    def _incoming(
        cls, fake: FakeAsterisk, device: str, exten: str, context: str, caller: Party, variables: dict[str, str]
    ) -> Call:
        """Let somebody call; see `FakeAsterisk.incoming`."""
        exchange = fake.exchange
        if exchange.dialplan.find(context, exten) is None:
            raise ValueError(f"to: the dialplan has no extension {exten!r} in context {context!r}")
        if "/" not in device:
            raise ValueError(f"device: technology and name, as PJSIP/trunk, not {device!r}")
        technology = device.partition("/")[0]
        fake._stir()
        channel = exchange.add_channel(
            f"{device}-{exchange.next_suffix(technology)}", state=RING, context=context, exten=exten, caller=caller
        )
        for name, value in variables.items():
            channel.set_variable(name, value)
        fake.clock.spawn(run(channel, context, exten, 1))
        fake._stir()
        return cls(fake, channel)

    def __repr__(self) -> str:
        return f"<Call {self.channel} {self.state}>"

    @property
    def linkedid(self) -> str:
        """What it has in common with the other channels of the call."""
        return self._channel.linkedid

    @property
    def state(self) -> str:
        """`Ring`, `Up` ... as Asterisk says it, or `gone`."""
        return "gone" if self._channel.ended.is_set else STATES[self._channel.state]

    @property
    def talks_to(self) -> list[str]:
        """The names of the channels that it is bridged with."""
        bridge = self._channel.bridge
        return [] if bridge is None else [each.name for each in bridge.channels if each is not self._channel]

    async def waits(self, seconds: float) -> None:
        """Let so many seconds pass for everybody; the call must still be there.

        Raises:
            AssertionError: it has ended.
        """
        await self._fake.advance(seconds)
        if self._channel.ended.is_set:
            raise AssertionError(f"{self.channel} has ended while it should wait")

    async def answered_by(self, device: str, *, within: float = _PATIENCE) -> None:
        """Somebody picks up his phone, which rings for this call; time passes until it rings, and they talk.

        Args:
            device: the phone, as `PJSIP/agent1`.
            within: seconds of the server's time in which it must ring.

        Raises:
            AssertionError: it did not ring for this call.
        """
        phone = self._fake.phone(device)
        await phone.answer(within=within, call=self)
        await self._fake.pass_until(lambda: bool(self.talks_to), within, f"{self.channel} talks to {device}")

    async def hang_up(self) -> None:
        """This end hangs up."""
        self._channel.request_hangup(16)
        self._fake._stir()
        await self._fake.advance(0)

    async def press(self, digits: str) -> None:
        """This end presses keys, each for a tenth of a second."""
        for digit in digits:
            heard = [("Digit", digit), ("Direction", "Received")]
            self._channel.tell("DTMFBegin", heard, classes="dtmf")
            await self._fake.advance(0.1)
            heard.insert(1, ("DurationMs", "100"))
            self._channel.tell("DTMFEnd", heard, classes="dtmf")
        self._fake._stir()

    async def ended(self, *, within: float = _PATIENCE) -> None:
        """Let time pass until the call is over.

        Raises:
            AssertionError: it was not, in so many seconds of the server's time.
        """
        await self._fake.pass_until(lambda: self._channel.ended.is_set, within, f"{self.channel} ends")


class Phone:
    """A telephone, and whoever sits before it.

    Attributes:
        device: its name, as it is dialled.
    """

    def __init__(self, fake: FakeAsterisk, handset: Handset) -> None:
        self._fake = fake
        self._handset = handset
        self.device = handset.device

    def __repr__(self) -> str:
        return f"<Phone {self.device}{' ringing' if self.ringing else ''}>"

    @property
    def ringing(self) -> bool:
        """Whether it rings."""
        return any(STATES[channel.state] == "Ringing" for channel in self._handset.calls)

    @property
    def calls(self) -> list[Call]:
        """The calls that it rings for or takes part in."""
        return [Call(self._fake, channel) for channel in self._handset.calls]

    def set(
        self,
        *,
        answer_after: float | EllipsisType | None = ...,
        hang_up_after: float | EllipsisType | None = ...,
        refuses: str | EllipsisType = ...,
    ) -> None:
        """Say what it does from now on.

        Args:
            answer_after: seconds until it is picked up; `None` is never.
            hang_up_after: seconds that it talks; `None` is for ever.
            refuses: `"busy"` or `"congestion"` if it takes no calls; empty if it does.
        """
        if refuses is not ... and refuses not in ("", "busy", "congestion"):
            raise ValueError(f"refuses: busy, congestion or nothing, not {refuses!r}")
        for name, value in (("answer_after", answer_after), ("hang_up_after", hang_up_after), ("refuses", refuses)):
            if value is not ...:
                setattr(self._handset, name, value)

    async def answer(self, *, within: float = _PATIENCE, call: Call | None = None) -> None:
        """Pick it up; time passes until it rings.

        Args:
            within: seconds of the server's time in which it must ring.
            call: for which call; any if left out.

        Raises:
            AssertionError: it did not ring.
        """

        def rings() -> list[Channel]:
            return [
                channel
                for channel in self._handset.calls
                if STATES[channel.state] == "Ringing" and (call is None or channel.linkedid == call.linkedid)
            ]

        await self._fake.pass_until(lambda: bool(rings()), within, f"{self.device} rings")
        rings()[0].picked_up.set()
        self._fake._stir()
        await self._fake.advance(0)

    async def hang_up(self) -> None:
        """Put it down: all its calls end."""
        for channel in list(self._handset.calls):
            channel.request_hangup(16)
        self._fake._stir()
        await self._fake.advance(0)
