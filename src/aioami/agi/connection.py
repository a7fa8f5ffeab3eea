"""One connection of Asterisk to a FastAGI server."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from .._log import get_logger
from ..errors import (
    ConnectionLost,
    HungUp,
    ManagerError,
    ProtocolError,
    TakenAway,
    fresh,
)
from ..events.base import Event
from ..events.channels import Hangup, HangupRequest, SoftHangupRequest
from ..wire.text import Encoding
from .answers import AnswerReader, Reply, Sign
from .commands import MAX_LINE, Command
from .environment import Environment
from .hub import Hub
from .stopping import Lookout, Place, Stopper
from .transport import Transport, may_be_the_end

if TYPE_CHECKING:
    from .._client.like import ManagerLike

__all__ = ["Connection", "Server"]

_FAREWELL: Final = 2.0  # seconds that Asterisk may take to close its end
_LONGEST_END: Final = 0.25  # seconds that most commands take to end after a hang-up
_FIRST_REPEAT: Final = 0.1  # seconds after which a stop without effect is repeated
_LAST_REPEAT: Final = 1.0
_PLACE: Final = "${UNIQUEID},${CONTEXT},${EXTEN},${PRIORITY}"
_MOVED: Final = "${CHANNEL(checkhangup)},${CONTEXT},${EXTEN},${PRIORITY}"

log = get_logger("aioami.agi")


class Server(Protocol):
    """The server of a connection."""

    environment_timeout: float
    linger: float
    manager: ManagerLike | None
    hub: Hub | None

    def admit(self, connection: Connection, address: str) -> bool:
        """Take a connection, or refuse it."""

    def serve(self, connection: Connection) -> None:
        """Run a program with a connection, as its environment is there."""

    def forget(self, connection: Connection) -> None:
        """Note that the connection is gone."""


class Connection(asyncio.Protocol, Transport):
    """Reads Asterisk's answers, and writes one command at a time.

    If two commands were sent at once, Asterisk would stay one answer behind for ever. So a second
    command is only sent to interrupt the first, and is repeated until it is answered.
    """

    limit = MAX_LINE - 1
    survives_failures = True

    def __init__(self, owner: Server, encoding: Encoding) -> None:
        self.encoding = encoding
        self._owner = owner
        self._reader = AnswerReader(encoding)
        self._tcp: asyncio.Transport | None = None
        self._peer = ""
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._waiter: asyncio.Future[Reply] | None = None
        self._rest: asyncio.Task[None] | None = None  # waits for the answer to a cancelled command
        self._timer: asyncio.TimerHandle | None = None  # for the environment, then the farewell
        self._repeat: asyncio.TimerHandle | None = None
        self._uniqueid = ""
        self._token = secrets.token_hex(4)
        self._markers = 0
        self._marker = ""
        self._is_dead = False  # Asterisk calls the channel dead; `settle` finds out why
        self._place = ""
        self._has_moved = False  # by a command, and the new place is not known yet
        self._stopper: Stopper | None = None
        self._lookout: Lookout | None = None
        self._is_leaving = False

    @property
    def manager(self) -> ManagerLike | None:
        return self._owner.manager

    @property
    def stops_with_digits(self) -> bool:  # type: ignore[override]
        """True if there is a manager that can press a digit."""
        return self._stopper is not None

    @property
    def answers_after_hangup(self) -> bool:  # type: ignore[override]
        """True until the connection is closed."""
        return not (self._is_leaving or self._gone.done())

    # For asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._tcp = cast("asyncio.Transport", transport)  # uvloop's are no class of asyncio's
        name = transport.get_extra_info("peername")
        self._peer = str(name[0]) if isinstance(name, tuple) else ""
        if not self._owner.admit(self, self._peer):
            self._is_leaving = True
            transport.close()
            return
        self._timer = self._loop.call_later(self._owner.environment_timeout, self._give_up)

    def data_received(self, data: bytes) -> None:
        if self._is_leaving:
            return
        for item in self._reader.feed(data):
            if isinstance(item, Environment):
                self._begin(item)
            elif isinstance(item, Sign):
                self._hear_hangup()
            else:
                self._take(item)
        if self._reader.error is not None:
            self._fail(self._reader.error)

    def connection_lost(self, error: Exception | None) -> None:
        _stop(self._timer)
        _stop(self._repeat)
        if self.over is None:
            self.over = self._reason_of_loss(error)
        self._gone.set_result(None)
        self._resolve(fresh(self.over))
        if self._owner.hub is not None:
            self._owner.hub.forget(self._uniqueid, self)
        self._owner.forget(self)

    def _reason_of_loss(self, error: Exception | None) -> ManagerError:
        if error is None or self._is_dead:
            return HungUp("Asterisk closed the connection of the session")
        lost = ConnectionLost(f"the connection of the session was lost: {error}", sent=True)
        lost.__cause__ = error
        return lost

    # Events of the manager, if there is one

    def take(self, event: Event) -> None:
        """Take an event of the channel."""
        if isinstance(event, (Hangup, HangupRequest, SoftHangupRequest)):
            # Most commands end now. The others are not waited for.
            self._loop.call_later(_LONGEST_END, self._cut_short)

    def _cut_short(self) -> None:
        if self._waiter is not None:
            self._take_look(None)

    def _take_look(self, place: Place | None) -> None:
        """End the session of a channel that was hung up or redirected while a command goes on."""
        if self.over is None and not self._is_dead:
            self._is_dead = True
            self._judge("" if place is None or self._has_moved else ",".join(place))
            self._say_farewell()

    def disconnect(self, reason: str) -> None:
        """Do nothing: the session goes on without the manager."""

    def lose(self, error: ManagerError) -> None:
        """Do nothing: the session goes on without the manager."""

    # The environment

    def _begin(self, environment: Environment) -> None:
        _stop(self._timer)
        self.environment = environment
        values = environment.values
        self._uniqueid = values.get("agi_uniqueid", "")
        names = ("agi_context", "agi_extension", "agi_priority")
        self._place = ",".join(values.get(name, "") for name in names)
        if self._owner.manager is not None:
            self._stopper = Stopper(self._owner.manager, self._uniqueid)
            self._lookout = Lookout(self._owner.manager, self._uniqueid, self._take_look)
        if self._owner.hub is not None:
            self._owner.hub.watch(self._uniqueid, self)
        self._owner.serve(self)

    def _give_up(self) -> None:
        seconds = self._owner.environment_timeout
        log.warning("%s connected, and sent no AGI environment in %g s", self._peer, seconds)
        self.close()

    # Commands

    async def run(self, command: Command) -> Reply:
        if self._stopper is not None and self._stopper.settling:
            await self._wait_for_silence(self._stopper)
        self._has_moved = self._has_moved or command.moves
        try:
            reply = await self._ask(command)
        except asyncio.CancelledError:
            self._stop_command(command)
            raise
        if reply.code == 200 and command.may_have_moved and not self._is_dead:
            is_hung_up, _, place = (await self._evaluate(_MOVED)).partition(",")
            if is_hung_up == "0":
                self._place, self._has_moved = place, False
        return reply

    async def _wait_for_silence(self, stopper: Stopper) -> None:
        """Wait until no digit that stopped a command is on its way any more."""
        while stopper.settling:
            waited = await self._ask(self.encode("WAIT FOR DIGIT", stopper.settling))
            if waited.code != 200 or waited.result in ("0", "-1"):
                stopper.settling = 0

    async def idle(self) -> None:
        while self._rest is not None and not self._rest.done():
            await asyncio.wait([self._rest])

    def _stop_command(self, command: Command) -> None:
        if self._waiter is None or self._waiter.done() or self._marker:
            return
        if command.is_interrupted:
            self._interrupt(_FIRST_REPEAT)
        elif self._stopper is not None:
            self._stopper.stop(command, self._waiter)

    def _interrupt(self, delay: float) -> None:
        """Send a command that ends the running one; repeat this until there is an answer.

        Asterisk loses such a command if it reads both commands together.
        """
        self._send_marker()
        self._repeat = self._loop.call_later(delay, self._interrupt, min(2 * delay, _LAST_REPEAT))

    def _send_marker(self) -> None:
        self._markers += 1
        self._marker = f"aioami-{self._token}-{self._markers}"
        self._write(self.encode("GET FULL VARIABLE", self._marker).line)

    async def _ask(self, command: Command) -> Reply:
        """Send a command, and return its answer. If this is cancelled, a task waits for that."""
        if self.over is not None and not self.answers_after_hangup:
            raise fresh(self.over)
        self._expect(command)
        self._write(command.line)
        try:
            return await self._answer(command)
        except asyncio.CancelledError:
            assert self._waiter is not None
            if self._waiter.cancelled():
                self._expect(command)
            self._rest = self._loop.create_task(self._wait_out(command))
            raise

    def _expect(self, command: Command) -> None:
        self._waiter = self._loop.create_future()
        if self._lookout is not None and not command.heeds_hangup:
            self._lookout.watch(self._waiter)

    async def _answer(self, command: Command) -> Reply:
        """Wait for the answer to the command that was sent."""
        assert self._waiter is not None
        try:
            reply = await self._waiter
            if command.name == "EXEC" and reply.result == "1" and not self._marker:
                # Asterisk also sends the usage of EXEC. The answer to the marker comes after it.
                self._waiter = self._loop.create_future()
                self._send_marker()
                await self._waiter
            if isinstance(self.over, ProtocolError):  # more than one answer came at once
                raise fresh(self.over)
        except Exception:
            self._expect_no_more()
            raise
        self._expect_no_more()
        return reply

    def _expect_no_more(self) -> None:
        self._waiter, self._marker = None, ""
        _stop(self._repeat)

    async def _wait_out(self, command: Command) -> None:
        """Wait for the answer to a command that was cancelled."""
        try:
            reply = await self._answer(command)
            if may_be_the_end(command, reply):
                await self.explain(command, reply)
            elif self._is_dead:
                await self.settle()
        except ManagerError:
            pass  # the session is over

    def _take(self, reply: Reply) -> None:
        waiter = self._waiter
        if waiter is None or (waiter.done() and not waiter.cancelled()):
            self._fail(ProtocolError("Asterisk sent an answer to no command"))
        elif not self._marker or reply.data == self._marker:
            self._resolve(reply)

    def _resolve(self, outcome: Reply | Exception) -> None:
        waiter = self._waiter
        if waiter is not None and waiter.cancelled():  # just now; `_wait_out` takes the answer
            waiter = self._waiter = self._loop.create_future()
        if waiter is None or waiter.done():
            return
        # A command that is repeated just now would get another answer.
        _stop(self._repeat)
        if isinstance(outcome, Exception):
            waiter.set_exception(outcome)
        else:
            waiter.set_result(outcome)

    def _write(self, line: bytes) -> None:
        assert self._tcp is not None
        if not self._tcp.is_closing():
            self._tcp.write(line + b"\n")

    def _fail(self, error: ProtocolError) -> None:
        """End the session, as answers can no longer be matched to commands."""
        if not self._reader.has_environment:
            log.warning("%s connected, and is refused: %s", self._peer, error)
            self.close()
            return
        if not isinstance(self.over, ProtocolError):
            self.over = error
        self._resolve(fresh(error))

    # The end

    def _hear_hangup(self) -> None:
        self._is_dead = True
        if self._waiter is None and self.over is None and self.on_hangup is not None:
            self.on_hangup()

    async def explain(self, command: Command, reply: Reply) -> ManagerError | None:
        if reply.code == 511:
            self._is_dead = True
        elif not self._is_dead:
            # HANGUP may still be on its way. On a dead channel this is answered with 511 at once.
            probe = await self._ask(self.encode("CHANNEL STATUS"))
            self._is_dead = self._is_dead or probe.code == 511
        await self.settle()
        return self.over

    async def settle(self) -> None:
        if not self._is_dead or self.over is not None:
            return
        uniqueid, _, place = (await self._evaluate(_PLACE)).partition(",")
        if self.over is None:  # else the connection was closed meanwhile
            self._judge("" if self._has_moved else place, uniqueid)

    async def _evaluate(self, text: str) -> str:
        """Return a text with its variables replaced; empty if that is not possible."""
        try:
            reply = await self._ask(self.encode("GET FULL VARIABLE", text))
        except ManagerError:
            return ""  # the connection is lost, which says why
        return reply.data or "" if reply.code == 200 else ""

    def _judge(self, place: str, uniqueid: str = "") -> None:
        """Set the end of the session: Asterisk calls redirected and bridged channels dead, too.

        Args:
            place: the channel's place; empty if it is unknown, or may have changed by a command.
            uniqueid: the present Uniqueid of the channel; empty if it is not known.
        """
        if uniqueid and self._uniqueid not in ("", uniqueid):
            # After a bridge by an action the call goes on without the channel of AGI().
            self.over = TakenAway("the channel was bridged")
        elif place and place != self._place:
            self.over = TakenAway(f"the channel was redirected to {place}")
        else:
            self.over = HungUp("the channel was hung up")
            self._linger()
            return
        self._say_farewell()  # the channel only gets to its new place then

    def hung_up(self) -> None:
        self._is_dead = True
        if self.over is None:
            self.over = HungUp("the session has hung up the channel")
            self._linger()

    async def leave(self) -> None:
        if self.over is None:
            self.over = TakenAway("the session has given the channel back to the dialplan")
        self._say_farewell()

    async def finish(self, *, hang_up: bool) -> None:
        if hang_up and not (self._is_dead or self._is_leaving):
            # Asterisk reads HANGUP after the running command, and then the end of the stream.
            self._write(b"HANGUP")
            self.over = self.over or HungUp("the channel was hung up, as its program failed")
        self.over = self.over or TakenAway("the program of the session is over")
        self._say_farewell()
        await asyncio.wait([self._gone], timeout=_FAREWELL)

    def _linger(self) -> None:
        self._start_timer(self._owner.linger, self._say_farewell)

    def _say_farewell(self) -> None:
        """Close our end, and read on until Asterisk has closed its own."""
        # Asterisk writes HANGUP at the end, and logs an error if our end does not read it.
        assert self._tcp is not None
        if self._is_leaving or self._tcp.is_closing():
            return
        self._is_leaving = True
        self._resolve(fresh(self.over) if self.over is not None else HungUp("it was closed"))
        self._tcp.write_eof()
        self._start_timer(_FAREWELL, self.close)

    def _start_timer(self, delay: float, call: Any) -> None:
        _stop(self._timer)
        self._timer = self._loop.call_later(delay, call)

    def abandon(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection at once."""
        assert self._tcp is not None
        self._is_leaving = True
        # A plain close would wait, maybe for ever, for a client that does not read.
        if self._tcp.get_write_buffer_size():
            self._tcp.abort()
        else:
            self._tcp.close()

    def close_if_waiting(self) -> None:
        """Close the connection if its environment is not there yet."""
        if not self._reader.has_environment:
            self.close()


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
