"""The transport to a channel in AsyncAGI: commands are actions of a manager, answers are events."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import unquote_to_bytes

import async_timeout

from .._log import get_logger
from .._signals import Signal
from ..actions.agi import SessionAGI
from ..actions.base import Action
from ..actions.channels import Getvar, Redirect, Setvar
from ..actions.channels import Hangup as HangUp
from ..errors import (
    ActionError,
    CommandFailed,
    ConnectionLost,
    HungUp,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    ProtocolError,
    SessionEnded,
    TakenAway,
    because,
    fresh,
)
from ..events.agi import AsyncAGIEnd, AsyncAGIExec
from ..events.base import Event
from ..events.bridges import BridgeEnter
from ..events.channels import Hangup, HangupRequest, Newexten, SoftHangupRequest
from ..fields import identifier, whole_number
from ..wire.text import Encoding
from .answers import Reply, parse_reply
from .commands import MAX_ASYNC_COMMAND, Command
from .environment import Environment
from .hub import Hub
from .stopping import ChannelLook, Lookout, Place, Stopper, look_at, place_of
from .transport import AskByCommand, Transport, failure, may_be_the_end

if TYPE_CHECKING:
    from .._client.like import ManagerLike

__all__ = ["AsyncTransport", "is_in_async_agi"]

_READ: Final = 1024  # bytes that Asterisk reads of an answer, and of the environment
_FAILED: Final = b"200 result=-1"  # the begin of the answer to a command that moved nothing
_MAX_VALUE: Final = 1023  # bytes of a value that Getvar returns
_EXPLAINED: Final = 0.3  # seconds for the events that explain an end; they took 13 ms in tests
_FOLLOWED: Final = 2.0  # seconds in which AsyncAGIEnd follows a failure; it always does
_LONGEST_END: Final = 0.25  # seconds that most commands take to end after a hang-up
_UNKNOWN: Final = 10.0  # seconds to go on after a lost link, if the user may not send Status
_GONE: Final = "the channel has left AsyncAGI while the link was down"
_FAREWELL: Final = 1.0  # seconds that the return to the dialplan may take

_NO_APPLICATION: Final = ("", "(null)")  # of a channel that is in a bridge, and in nothing else

_GETVAR_HEADERS: Final = ("Response", "ActionID", "Variable", "Value")

T = TypeVar("T")

log = get_logger("aioami.agi")


class AsyncTransport(Transport):
    """Runs commands on a channel in AsyncAGI.

    Asterisk keeps queued commands until the channel hangs up, and runs them when the channel enters
    AsyncAGI again. So one command at a time is queued, and none if the session may be over.

    Args:
        manager: sends the actions.
        hub: routes the channel's events.
        start: the event of the channel that began the session.
        environment: the lines with which the session began.
        encoding: the encoding of the text.
        has_dialplan: false if the call was placed for AsyncAGI alone, and ends after it.
    """

    limit = MAX_ASYNC_COMMAND
    stops_with_digits = True

    def __init__(
        self,
        manager: ManagerLike,
        hub: Hub,
        start: Event,
        environment: bytes,
        encoding: Encoding,
        *,
        has_dialplan: bool = True,
    ) -> None:
        self.encoding = encoding
        self._manager = manager
        self._hub = hub
        self._has_dialplan = has_dialplan
        # Asterisk cuts it off as it does answers: the rest comes before the first answer.
        self.is_behind = len(environment) >= _READ
        self._begin = environment if self.is_behind else b""
        self.environment = Environment(encoding.decode(environment), encoding)
        self.uniqueid = identifier(start, "Uniqueid", "")
        self._place = place_of(start)
        self._loop = asyncio.get_running_loop()
        self._token = secrets.token_hex(6)
        self._mark = f"aioami-{self._token}"
        self._count = 0
        self._expected = ""
        self._waiter: asyncio.Future[bytes | None] | None = None
        self._work: asyncio.Task[Any] | None = None
        self._stopper = Stopper(manager, self.uniqueid)
        self._lookout = Lookout(manager, self.uniqueid, self._take_look)
        self._looking: asyncio.Task[None] | None = None
        self._changed = Signal()
        self._has_left = False  # AsyncAGI has ended, for a reason that may not be known yet
        self._went_on = False  # the dialplan went on behind AGI()
        self._runs_dialplan = False
        self._ran_dialplan = False
        self._is_marked = False
        self._has_moved = False  # by a command, and the new place is not known yet
        self._had_moved = False  # before the running command
        self._is_told_late = False  # a move by a command, of which the event is still to come
        self._is_unsure = False  # the link was lost, so the channel may have moved
        self._is_leaving = False  # the session is leaving, and Asterisk hangs up then
        self.ended: asyncio.Future[None] = self._loop.create_future()
        hub.watch(self.uniqueid, self)

    @property
    def manager(self) -> ManagerLike:
        return self._manager

    # Events

    def take(self, event: Event) -> None:
        """Take an event of the channel."""
        if isinstance(event, AsyncAGIExec):
            if event.get("CommandId") == self._expected:
                data = unquote_to_bytes(event.get("Result", ""))
                self._runs_dialplan = False
                if data.startswith(_FAILED):
                    self._has_moved = self._had_moved
                self._resolve(data)
        elif isinstance(event, Newexten):
            self._take_step(event)
        elif isinstance(event, AsyncAGIEnd):
            self._has_left = True
            self._changed.send()
            if self._waiter is not None:
                self._resolve(None)
            elif self.on_hangup is not None:
                self.on_hangup()
        elif isinstance(event, Hangup):
            self._end(HungUp("the channel was hung up"))
        elif isinstance(event, (HangupRequest, SoftHangupRequest)):
            # Most commands end now. The answers of some say more, so they come first.
            self._loop.call_later(_LONGEST_END, self._end, HungUp("the channel was hung up"))
        elif isinstance(event, BridgeEnter):
            # A bridge by an action ends AsyncAGI and the running command without any event.
            if self._runs_dialplan:
                self._looking = self._loop.create_task(self._look_for_application())
            else:
                self._end(TakenAway("the channel was bridged"))
        else:  # AsyncAGIStart
            self._end(TakenAway("the channel has entered AsyncAGI anew"))

    async def _look_for_application(self) -> None:
        """End the session if the channel was taken out of the application that it ran."""
        try:
            look = await look_at(self._manager, self.uniqueid)
        except ManagerError:
            return  # other events report the end
        if look is not None and look.application in _NO_APPLICATION and self._runs_dialplan:
            self._end(TakenAway("the channel was bridged"))

    def _take_step(self, event: Newexten) -> None:
        """Take a step of the dialplan: its place shows why AsyncAGI has ended."""
        place = place_of(event)
        location = ",".join(place)
        if self._is_told_late and place == self._place:
            self._is_told_late = False
            return
        if not self._has_left:
            if self._runs_dialplan or self._has_moved:
                return
            if self._has_dialplan and place == self._place:
                return
            if place[1] != "h":
                self._end(TakenAway(f"the channel was redirected to {location}"))
        elif place[1] == "h":
            self._end(HungUp("the channel was hung up"))
        elif self._has_moved:
            return  # this may be the place to which a command moved the channel: `settle` looks
        elif place == _behind(self._place):
            self._went_on = True
            self._end(TakenAway(f"the dialplan has gone on at {location}"))
        else:
            self._end(TakenAway(f"the channel was redirected to {location}"))

    def _take_look(self, place: Place | None) -> None:
        """End the session of a channel that was hung up or redirected while a command goes on."""
        if place is None or self._has_moved or place == self._place:
            self._end(HungUp("the channel was hung up"))
        else:
            self._end(TakenAway(f"the channel was redirected to {','.join(place)}"))

    def disconnect(self, reason: str) -> None:
        """Fail the running command: its answer may be lost."""
        self._is_unsure = True
        sentence = f"the link was lost while the command ran: {reason}"
        self._resolve(ConnectionLost(sentence, sent=True))

    def lose(self, error: ManagerError) -> None:
        """End the session, as the link is gone for good."""
        self._end(because(ConnectionLost(f"the link of the session is gone: {error}"), error))

    def _end(self, error: ManagerError) -> None:
        if self.over is not None:
            return
        if self._is_leaving and isinstance(error, HungUp):
            error = TakenAway("the session has left, and behind it the call ends")
        self.over = error
        self._hub.forget(self.uniqueid, self)
        self._resolve(None)
        self._changed.send()
        self.ended.set_result(None)

    def _resolve(self, outcome: bytes | Exception | None) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if isinstance(outcome, Exception):
            waiter.set_exception(outcome)
        else:
            waiter.set_result(outcome)

    # Commands

    async def run(self, command: Command) -> Reply:
        await self._get_ready()
        try:
            return await self._finish_even_if_cancelled(self._run(command))
        except asyncio.CancelledError:
            if self._waiter is not None:
                self._stopper.stop(command, self._waiter)
            assert self._work is not None
            self._work = self._loop.create_task(self._wait_out(command, self._work))
            raise

    async def _wait_out(self, command: Command, work: asyncio.Task[Reply]) -> None:
        """Wait for the answer to a command that was cancelled."""
        await asyncio.wait([work])
        with contextlib.suppress(ManagerError):  # then the session is over, or unsure
            reply = work.result()
            if may_be_the_end(command, reply):
                await self._explain(command, reply)

    async def idle(self) -> None:
        while self._work is not None and not self._work.done():
            await asyncio.wait([self._work])

    async def _finish_even_if_cancelled(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, even if the caller is cancelled, so no answer is missed."""
        task = self._work = self._loop.create_task(work)
        done: asyncio.Future[None] = self._loop.create_future()
        task.add_done_callback(functools.partial(_wake, done))
        await done
        result: T = task.result()
        return result

    async def _run(self, command: Command) -> Reply:
        self._had_moved = self._has_moved
        self._has_moved = self._had_moved or command.moves
        data = await self._ask(command)
        if len(data) >= _READ:
            self.is_behind = True
            # An answer that just fits is complete.
            if not data.endswith(b"\n") or await self.catch_up():
                raise ProtocolError(
                    f"the answer has over {_READ} bytes, and AsyncAGI cuts longer ones off"
                )
        reply = self._parsed(data)
        if command.may_have_moved and not _has_failed(command, reply):
            await self._find_place()
        return reply

    async def _find_place(self) -> None:
        """Find out the place to which a command may have moved the channel."""
        with contextlib.suppress(ManagerError):  # the place stays unknown
            look = await look_at(self._manager, self.uniqueid)
            if look is not None and not (look.is_hung_up or self._has_left):
                self._is_told_late = look.place != self._place
                self._place, self._has_moved = look.place, False

    def _parsed(self, data: bytes) -> Reply:
        try:
            return parse_reply(self.encoding.decode(data.removesuffix(b"\n")))
        except ProtocolError:
            self.is_behind = True
            raise

    async def _ask(self, command: Command) -> bytes:
        """Send a command, and return its answer."""
        if self.over is not None:
            raise fresh(self.over)
        self._count += 1
        self._expected = f"{self._token}-{self._count}"
        waiter = self._waiter = self._loop.create_future()
        # If `_queue` raises an error, the error of this future is never awaited.
        waiter.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._runs_dialplan, self._ran_dialplan = not command.stays, command.runs_dialplan
        if not command.heeds_hangup:
            self._lookout.watch(waiter)
        try:
            await self._queue(command.line, self._expected)
            data = await waiter
        finally:
            self._waiter = None
            self._runs_dialplan = False
        if data is None:
            await self.settle()
            raise fresh(self.over) if self.over is not None else TakenAway("AsyncAGI has ended")
        return bytes(data)

    async def _queue(self, line: bytes, command_id: str) -> None:
        try:
            await self._manager.send(SessionAGI(self.uniqueid, line, command_id))
        except (ConnectionLost, ManagerTimeout):
            self._is_unsure = True
            raise
        except ActionError as error:
            if isinstance(error, PermissionDenied) or error.response is None:
                raise
            if "does not exist" in error.response.message:
                self._end(HungUp("the channel is gone"))
            else:
                self._end(TakenAway("the channel is not in AsyncAGI any more"))
            assert self.over is not None
            raise fresh(self.over) from error

    # Variables

    async def get(self, name: str | bytes) -> str | None:
        if name != name.strip():
            raise AskByCommand
        await self._get_ready()
        try:
            response = await self._manager.send(Getvar(name, channel=self.uniqueid))
        except (ActionError, ValueError):
            raise AskByCommand from None  # the command's answer says what is wrong
        if response.unparsed or len(response) > len(_GETVAR_HEADERS):
            raise AskByCommand  # the value has line feeds
        value = identifier(response, "Value")
        if len(response.getbytes("Value", b"")) >= _MAX_VALUE:
            raise ProtocolError(
                f"the value of the variable has over {_MAX_VALUE - 1} bytes, "
                "and AsyncAGI cuts longer ones off"
            )
        return value or None

    async def set(self, name: str | bytes, value: bytes) -> None:
        if not value or name != name.strip() or value != value.strip():
            raise AskByCommand  # Asterisk drops the blanks around the value of a header
        await self._get_ready()
        headers: dict[str, str | bytes] = {
            "Channel": self.uniqueid,
            "Variable": name,
            "Value": value,
        }
        try:
            await self._manager.send(Action("Setvar", headers))
        except (ActionError, ValueError):
            raise AskByCommand from None

    # Before a command

    async def _get_ready(self) -> None:
        """Wait until the next answer is sure to belong to the next command.

        Before it may come the rest of a cut-off environment or answer, and the digits that stopped
        a command.
        """
        if self._is_unsure or self.is_behind or self._stopper.settling:
            await self._finish_even_if_cancelled(self._hear_out())

    async def _hear_out(self) -> None:
        if self._is_unsure:
            await self._resume()
        if self.is_behind:
            await self.catch_up()
        while self._stopper.settling:
            wait = self.encode("WAIT FOR DIGIT", self._stopper.settling)
            if self._parsed(await self._ask(wait)).result in ("0", "-1"):
                self._stopper.settling = 0

    async def catch_up(self) -> bytes:
        """Take the rest of an answer or environment that Asterisk cut off, and return it.

        The rest of an environment is also added to `environment`.
        """
        rest = b""
        last = b"200 result=0\n"
        while True:
            data = await self._ask(self.encode("NOOP"))
            rest += data
            if len(data) < _READ and data.endswith(last):
                break
        self.is_behind = False
        rest = rest.removesuffix(last)
        if self._begin:
            self.environment = Environment(self.encoding.decode(self._begin + rest), self.encoding)
            self._begin = b""
        return rest

    async def _resume(self) -> None:
        """Go on after the link was lost, if the channel is where it was."""
        is_known = await self.check_place()
        self._is_unsure = False
        # NOOP is answered after all commands before it, whose answers may be lost.
        if not is_known:
            timer = self._loop.call_later(_UNKNOWN, self._end, TakenAway(_GONE))
            try:
                await self._ask(self.encode("NOOP"))
            finally:
                timer.cancel()
        else:
            await self._ask(self.encode("NOOP"))

    async def mark(self) -> None:
        """Mark this stay in AsyncAGI in `AGISTATUS`, which Asterisk overwrites at its end."""
        with contextlib.suppress(ManagerError):  # `check_place` then goes by the place alone
            await self._manager.send(Setvar("AGISTATUS", self._mark, channel=self.uniqueid))
            self._is_marked = True

    async def check_place(self) -> bool:
        """Raise an error if the session ended while the link was down.

        Returns:
            False if this is unknown, as the user lacks the permission to look.
        """
        look = None
        try:
            look = await look_at(self._manager, self.uniqueid)
        except PermissionDenied:
            return False
        except ActionError as error:
            self._end(because(HungUp("the channel was hung up while the link was down"), error))
        if look is not None and not self._is_still_there(look):
            self._end(TakenAway(_GONE))
        if self.over is not None:
            raise fresh(self.over)
        return True

    def _is_still_there(self, look: ChannelLook) -> bool:
        """True if a channel is in the same AsyncAGI as before."""
        if look.application in _NO_APPLICATION:  # it was taken out of the session's application
            return False
        if self._is_marked:
            is_asked = look.agi_status == self._mark
        else:
            is_asked = self._ran_dialplan or is_in_async_agi(look.application, look.data)
        can_be_elsewhere = self._ran_dialplan or self._has_moved
        return is_asked and (can_be_elsewhere or look.place == self._place)

    # The end

    async def explain(self, command: Command, reply: Reply) -> ManagerError | None:
        return await self._finish_even_if_cancelled(self._explain(command, reply))

    async def _explain(self, command: Command, reply: Reply) -> ManagerError | None:
        has_failed = _has_failed(command, reply)
        if self.over is None and not self._has_left:
            if has_failed:
                await self._wait(lambda: self._has_left, _FOLLOWED)
            else:
                with contextlib.suppress(SessionEnded):
                    await self._ask(self.encode("NOOP"))
        await self.settle()
        if self._went_on and has_failed:
            return failure(command, reply, session_over=True)
        return self.over

    async def settle(self) -> None:
        if self._has_left and self.over is None:
            await self._wait(lambda: False, _EXPLAINED)
            await self._look_for_channel()

    async def _look_for_channel(self) -> None:
        """Find out why AsyncAGI has ended, as no event reported it."""
        if self.over is not None:
            return
        try:
            look = await look_at(self._manager, self.uniqueid)
            if look is not None and look.is_hung_up:
                self._end(HungUp("the channel was hung up"))
        except PermissionDenied:
            with contextlib.suppress(ManagerError):  # this ends the session of a missing channel
                await self._queue(self.encode("NOOP").line, f"{self._token}-none")
        except ActionError:
            self._end(HungUp("the channel is gone"))
        except ManagerError as error:
            self._end(error)
        self._go_on()

    def _go_on(self) -> None:
        if self.over is None:
            self._went_on = True
            self._end(TakenAway("AsyncAGI has ended, and the dialplan goes on"))

    async def _wait(self, reached: Callable[[], bool], seconds: float) -> None:
        """Wait until a condition holds, the session is over, or so many seconds have passed."""
        try:
            async with async_timeout.timeout(seconds):
                while self.over is None and not reached():
                    await self._changed.wait()
        except asyncio.TimeoutError:
            pass

    def hung_up(self) -> None:
        self._end(HungUp("the session has hung up the channel"))

    async def send_to(self, context: str, exten: str, priority: int | str) -> bool:
        if self._has_dialplan:
            return False
        await self._get_ready()
        try:
            await self._manager.send(Redirect(self.uniqueid, context, exten, priority))
        except ActionError as error:
            if isinstance(error, PermissionDenied):
                raise
            if error.response is not None and "does not exist" in error.response.message:
                self._end(because(HungUp("the channel is gone"), error))
                assert self.over is not None
                raise fresh(self.over) from error
            raise CommandFailed(f"there is no place {context},{exten},{priority}") from error
        self._end(TakenAway("the session has sent the call into the dialplan"))
        return True

    async def leave(self) -> None:
        await self._get_ready()
        await self._finish_even_if_cancelled(self._leave())

    async def _leave(self) -> None:
        self._is_leaving = not self._has_dialplan
        try:
            with self.ending() if not self._has_dialplan else contextlib.nullcontext():
                await self._ask(self.encode("ASYNCAGI BREAK"))
            await self._wait(lambda: self._has_left, _FAREWELL)
        except SessionEnded:
            pass
        self._end(TakenAway("the session has given the channel back to the dialplan"))

    async def finish(self, *, hang_up: bool) -> None:
        while self.over is None:
            try:
                await self.settle()
                if self.over is None:
                    await self._say_farewell(hang_up=hang_up)
            except (ConnectionLost, ManagerTimeout):
                # Without this the call would stay in AsyncAGI for ever.
                try:
                    await self._manager.wait_ready()
                except ManagerError as error:
                    self._end(error)
            except ManagerError as error:
                if not isinstance(error, SessionEnded):
                    log.warning("%s stays in AsyncAGI, as %s", self.uniqueid, error)
                self._end(error)

    async def _say_farewell(self, *, hang_up: bool) -> None:
        if hang_up:
            if self._is_unsure:
                await self.check_place()
            await self._hang_up()
            self._end(HungUp("the channel was hung up, as its program failed"))
        elif self._waiter is None:
            await self.leave()
        else:  # Asterisk takes it after the running command
            with self.ending() if not self._has_dialplan else contextlib.nullcontext():
                await self._queue(self.encode("ASYNCAGI BREAK").line, f"{self._token}-end")
            self._end(TakenAway("the program of the session is over"))

    async def _hang_up(self) -> None:
        try:
            with self.ending():
                try:
                    await self._manager.send(HangUp(self.uniqueid))
                except PermissionDenied:
                    await self._queue(self.encode("HANGUP").line, f"{self._token}-end")
        except PermissionDenied:
            raise
        except ActionError:
            pass  # it is gone

    def abandon(self) -> None:
        self._end(TakenAway("the server of the session was closed"))


def _wake(done: asyncio.Future[None], task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # no caller may be left that gets it
    if not done.done():
        done.set_result(None)


def is_in_async_agi(application: str, data: str) -> bool:
    """True if a channel with this application waits for commands in AsyncAGI."""
    return application.upper() == "AGI" and data.lower().startswith("agi:async")


def _has_failed(command: Command, reply: Reply) -> bool:
    """True if a command was answered with a failure, which ends AsyncAGI."""
    return command.fails and reply.code == 200 and reply.result == "-1"


def _behind(place: Place) -> Place:
    context, exten, priority = place
    number = whole_number(priority)
    return context, exten, "" if number is None else str(number + 1)
