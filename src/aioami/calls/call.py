"""A call that a program has placed, or that an AGI session has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar, Union

from .._check import check_seconds, check_text, check_type
from ..actions.base import Action
from ..actions.bridges import BlindTransfer, Bridge
from ..actions.channels import Getvar, MuteAudio, PlayDTMF, Redirect, Setvar
from ..actions.channels import Hangup as HangUp
from ..actions.recordings import MixMonitor
from ..enums import HangupCause
from ..errors import (
    ActionError,
    ConnectionLost,
    HungUp,
    NotAnswered,
    PermissionDenied,
    UnknownAction,
    because,
)
from ..fields import identifier
from ..responses.base import Response
from .ends import CallEnd, CallState
from .hub import Hub
from .machine import CallMachine
from .watch import CallChanges, Watch

if TYPE_CHECKING:
    from .._client.like import ManagerLike

__all__ = ["Call", "hold"]

_DIGITS: Final = frozenset("0123456789ABCD*#")
_PARK_TIMEOUT: Final = 5.0  # seconds in which Asterisk reports the space of a parked call
_RECORDING_ID: Final = "AIOAMI_RECORDING"  # the variable in which MixMonitor leaves its id

ResponseT = TypeVar("ResponseT", bound=Response)


class Call:
    """A call that this program has placed, or the call of an AGI session.

    `Manager.call()` places a call. It chooses the Uniqueid before it sends the action, so no event
    of the call is missed. The state of the call comes from the server's events, so the manager's
    user needs the read class `call`. Each method that acts on the call names the write classes that
    it needs.

    When a Local channel takes itself out of the call, or another phone picks the call up, the
    object follows: `uniqueid` and `channel` are then those of the new channel.

    The call goes on when the link is lost and established again. The call is then looked for on the
    server, so the user needs one of the write classes `system`, `reporting` and `call`.

    The methods that act on the call wait until it has a channel. If the call has ended, they raise
    `HungUp`, except `hang_up()`. They raise what `Manager.send` raises; cancelling them undoes
    nothing. Outside the manager's event loop, thread or process they raise `RuntimeError` while the
    call goes on. The call's state may be read everywhere.
    """

    def __init__(self, manager: ManagerLike, hub: Hub, watch: Watch) -> None:
        self._manager = manager
        self._hub = hub
        self._watch = watch
        self._machine = watch.machine
        self._first_uniqueid = watch.machine.uniqueid

    # Its state

    @property
    def uniqueid(self) -> str:
        """The Uniqueid of its channel."""
        return self._machine.uniqueid

    @property
    def channel(self) -> str | None:
        """The name of the call's channel, as `PJSIP/alice-00000001`; `None` before it has one."""
        return self._machine.channel

    @property
    def state(self) -> CallState:
        """The state of the call, according to the events so far."""
        return self._machine.state

    @property
    def bridged_with(self) -> tuple[str, ...]:
        """The Uniqueids of the channels in a bridge with the call; empty in a parking lot."""
        return self._machine.bridged_with

    @property
    def held(self) -> bool:
        """True if the phone has put the call on hold."""
        return self._machine.held

    @property
    def parked(self) -> bool:
        """True if the call is parked."""
        return self._machine.parked

    @property
    def parking_space(self) -> str | None:
        """The space where the call is parked, as `701`; `None` if not parked, or not known."""
        machine = self._machine
        return machine.spaces[-1] if machine.parked and machine.spaces else None

    @property
    def end(self) -> CallEnd | None:
        """The end of the call; `None` while it goes on."""
        return self._machine.end

    def to_dict(self) -> dict[str, Any]:
        """Return the state and the end of the call as a dictionary, ready for JSON."""
        end = self.end
        return {
            "uniqueid": self.uniqueid,
            "channel": self.channel,
            "state": self.state.name,
            "bridged_with": list(self.bridged_with),
            "held": self.held,
            "parked": self.parked,
            "parking_space": self.parking_space,
            "end": None if end is None else end.to_dict(),
        }

    # Waiting

    async def answered(self, timeout: float | None = None) -> float:
        """Wait until somebody has answered the call. Cancelling this changes nothing.

        Args:
            timeout: seconds to wait; `None` waits until the call is answered or has ended.

        Returns:
            The time of the answer, in seconds since 1970; also after the call is over.

        Raises:
            NotAnswered: the call ended unanswered; the error's `end` says how.
            ManagerTimeout: nobody answered in time. The call goes on.
        """
        check_seconds("timeout", timeout)
        await self._watch.wait(lambda: self._machine.was_answered, timeout, "was not answered")
        at = self._watch.answered_at
        if at is not None:
            return at
        end = self._machine.end
        assert end is not None
        raise NotAnswered(f"{self._watch.subject} was not answered: {end.reason.value}", end=end)

    async def ended(self, timeout: float | None = None) -> CallEnd:
        """Wait until the call has ended, and return its end. Cancelling this changes nothing.

        Args:
            timeout: seconds to wait; `None` is no limit.

        Raises:
            ManagerTimeout: the call did not end in time. It goes on.
        """
        check_seconds("timeout", timeout)
        await self._watch.wait(lambda: False, timeout, "has not ended")
        end = self._machine.end
        assert end is not None
        return end

    def changes(self) -> CallChanges:
        """Return the changes of the call from now on, for `async for`; each is a `CallChange`.

        The last change is the end of the call. After the end there are no changes.
        """
        return self._watch.changes()

    # Actions on the call

    async def hang_up(self, cause: HangupCause | int | None = None) -> None:
        """Hang up the call in any state; after its end this does nothing.

        A call without a channel is hung up as soon as it has one. Cancelling this does not keep the
        call from being hung up. Needs the write class `call` or `system`.

        Args:
            cause: the reason that the other side gets, as `HangupCause.USER_BUSY`.
        """
        HangUp(self.uniqueid, cause=cause)  # refuses wrong arguments at once
        self._watch.check()
        await asyncio.shield(self._hub.start(self._hang_up(cause)))

    async def _hang_up(self, cause: HangupCause | int | None = None) -> None:
        await self._wait_for_channel()
        while self._machine.end is None:
            uniqueid = self.uniqueid
            done = True
            self._watch.begin_hang_up()
            try:
                await self._manager.send(HangUp(uniqueid, cause=cause))
                return
            except ConnectionLost as error:
                done = error.sent
                raise
            except ActionError as error:
                done = False
                if not _is_gone(error):
                    raise
            finally:
                self._watch.end_hang_up(done)
            # If no other channel took its place, the call's end is about to come, or was missed.
            if uniqueid == self.uniqueid:
                self._hub.look()
                return

    async def redirect(
        self, context: str | bytes, exten: str | bytes, priority: int | str | bytes = 1
    ) -> None:
        """Send the call to an extension, without the party that it talks with.

        Asterisk does not check that the extension exists. Needs the write class `call`.

        Args:
            context, exten: the context in the dialplan, and the extension there.
            priority: a number or a label.
        """
        await self._steer(lambda uniqueid: Redirect(uniqueid, context, exten, priority))

    async def transfer(self, exten: str | bytes, context: str | bytes) -> None:
        """Transfer the party that this call talks with to an extension (a blind transfer).

        This call then leaves the conversation. Asterisk does not check that the extension exists.
        Needs the write class `call`.

        Args:
            exten, context: the extension, and its context in the dialplan.

        Raises:
            ActionError: the call talks with nobody.
        """
        await self._steer(lambda uniqueid: BlindTransfer(uniqueid, exten, context))

    async def bridge(self, other: Call | str | bytes) -> None:
        """Bridge the call with another channel; both leave the bridge or application they were in.

        Needs the write class `call`.

        Args:
            other: another call, or the name or Uniqueid of a channel.

        Raises:
            ActionError: the other channel does not exist.
        """
        check_type("other", other, (Call, str, bytes), "a Call, or a channel as text")

        def make(uniqueid: str) -> Bridge:
            return Bridge(uniqueid, other.uniqueid if isinstance(other, Call) else other)

        await self._steer(make)

    async def park(self, *, timeout: float | None = None, lot: str | bytes | None = None) -> str:
        """Park the call, and return the space: the extension to dial to fetch the call.

        `parked` becomes true a moment later, and `parking_space` has the space while it is parked.
        Needs the write class `call`.

        Args:
            timeout: seconds after which the call goes back to where it came from; `None` is the
                time that the parking lot is configured with.
            lot: the name of the parking lot; `None` is the default one.

        Raises:
            ActionError: the lot does not exist, or is full.
            ManagerTimeout: Asterisk accepted the action, but did not report the space in 5 seconds.
        """
        check_seconds("timeout", timeout)
        if timeout is not None and not timeout >= 1:
            raise ValueError(f"timeout: at least 1 second, not {timeout}")
        headers = {"Parkinglot": lot, "Timeout": None if timeout is None else int(timeout * 1000)}
        before = len(self._machine.spaces)
        await self._steer(lambda uniqueid: Action("Park", {"Channel": uniqueid, **headers}))
        machine = self._machine
        await self._watch.wait(
            lambda: len(machine.spaces) > before, _PARK_TIMEOUT, "was not parked"
        )
        if len(machine.spaces) == before:
            raise HungUp(f"{self._watch.subject} has ended")
        return machine.spaces[before]

    async def mute(
        self, muted: bool = True, *, listening: bool = False, talking: bool = True
    ) -> None:
        """Mute the phone of the call, or unmute it. Needs the write class `system`.

        Args:
            muted: `True` to mute, `False` to unmute.
            listening: `True` for the sound that goes to the phone.
            talking: `True` for the sound that comes from the phone.

        Raises:
            ValueError: `listening` and `talking` are both `False`.
        """
        MuteAudio("-", talking, listening, muted)  # refuses wrong arguments at once
        await self._steer(lambda uniqueid: MuteAudio(uniqueid, talking, listening, muted))

    async def record(self, file: str | bytes, *, options: str = "") -> str:
        """Record the call, both directions in one file, until it ends.

        `actions.StopMixMonitor(call.uniqueid, id)` ends the recording earlier. Needs the write
        class `system`.

        Args:
            file: the file on the server with its extension, absolute or below Asterisk's monitor
                folder.
            options: options of the dialplan application `MixMonitor`; `i()` is added to them.

        Returns:
            The id of the recording.
        """
        check_type("file", file, (str, bytes), "text")
        check_text("options", options)
        if not file:
            raise ValueError("file: it is empty")
        wanted = f"{options}i({_RECORDING_ID})"
        reply = await self._steer(lambda uniqueid: MixMonitor(uniqueid, file, options=wanted))
        return str(reply.get("MixMonitorID", ""))

    async def press(self, digits: str) -> None:
        """Send digits to the call's phone as tones, one after the other, as to a voice menu.

        Needs the write class `call`.

        Args:
            digits: 0-9, A-D, `*` and `#`.
        """
        check_text("digits", digits)
        if not digits or not set(digits) <= _DIGITS:
            raise ValueError(f"digits: 0-9, A-D, * and # alone, at least one, not {digits!r}")
        for digit in digits:
            await self._steer(lambda uniqueid, digit=digit: PlayDTMF(uniqueid, digit))

    async def get(self, name: str | bytes) -> str | None:
        """Return a variable of the call's channel, or the value of a function as `CALLERID(num)`.

        Needs the write class `call` or `reporting`.

        Returns:
            The value; `None` if it is unset or empty: Asterisk does not distinguish the two.
        """
        reply = await self._steer(lambda uniqueid: Getvar(name, channel=uniqueid))
        return identifier(reply, "Value") or None

    async def set(self, name: str | bytes, value: Union[str, bytes, int]) -> None:
        """Set a variable of the call's channel, or the value of a function as `CALLERID(num)`.

        Needs the write class `call`.
        """
        await self._steer(lambda uniqueid: Setvar(name, value, channel=uniqueid))

    def detach(self) -> None:
        """Let the call go on when `async with` is left."""
        self._watch.check()
        self._watch.is_kept = True

    # Internals

    async def _wait_for_channel(self) -> None:
        await self._watch.wait(lambda: self._machine.channel is not None, None, "")

    async def _steer(self, make: Any) -> Any:
        """Send an action about the call's channel, as soon as it has one."""
        make(self.uniqueid)  # refuses wrong arguments at once
        while True:
            await self._wait_for_channel()
            if self._machine.end is not None:
                raise HungUp(f"{self._watch.subject} has ended")
            uniqueid = self.uniqueid
            try:
                return await self._manager.send(make(uniqueid))
            except ActionError as error:
                if not _is_gone(error):
                    raise
                if uniqueid == self.uniqueid:
                    gone = HungUp(f"the channel of {self._watch.subject} is gone")
                    raise because(gone, error) from error

    def __repr__(self) -> str:
        name = f" {self.channel}" if self.channel is not None else ""
        end = self.end
        state = self.state.value if end is None else f"ended, {end.reason.value}"
        return f"<Call {self._first_uniqueid}{name} {state}>"


def hold(
    manager: ManagerLike,
    machine: CallMachine,
    *,
    ring: float | None = None,
    ticket: str = "",
    phone: str = "",
) -> tuple[Call, Watch]:
    """Make a call that follows the server's events from now on, and its watch.

    Args:
        manager: the manager of the call's server.
        machine: the state of the call.
        ring: seconds for which the call may ring; `None` if this program did not place it.
        ticket: the ActionID of its Originate; empty without one.
        phone: the phone that is called, for errors; empty if this program did not place the call.
    """
    hub = Hub.of(manager)
    watch = Watch(hub, machine, ring=ring, ticket=ticket, phone=phone)
    call = watch.call = Call(manager, hub, watch)
    hub.add(manager, watch)
    return call, watch


def _is_gone(error: ActionError) -> bool:
    """True if an action was refused because its channel is gone."""
    if isinstance(error, (PermissionDenied, UnknownAction)) or error.response is None:
        return False
    text = error.response.message.lower()
    missing = any(words in text for words in ("no such channel", "not exist", "not found"))
    return missing and "channel" in text and "channel2" not in text
