"""The application AGI: a program steers a channel, over AsyncAGI or FastAGI."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from .agi_commands import Interrupted, Outcome, carry_out, words_of
from .channels import UP, Channel, Gone, Redirected
from .dialplan import arguments
from .keys import NEW_COMMAND
from .lines import Line

__all__ = ["agi"]

_READ: Final = 1024  # bytes of an answer that AsyncAGI reads at once
# Seconds between two looks for a new command: in silence, and while a phone sends sound.
_LOOK: Final = 0.1
_LOOK_WITH_SOUND: Final = 0.02
_CONNECT: Final = 2.0  # seconds in which a FastAGI server must accept a connection
_PORT: Final = 4573
_HIDING: Final = frozenset({"confbridge", "read", "record", "saynumber", "voicemail"})
_YES: Final = ("yes", "true", "y", "t", "1", "on")


async def agi(channel: Channel, data: str) -> bool:
    """Run the application AGI."""
    request, *given = arguments(data)
    if request.startswith("agi:async"):
        await _async_agi(channel, given)
    elif request.startswith(("agi://", "hagi://")):
        await _fast_agi(channel, request, given)
    else:  # a program on the server itself, which has none
        channel.set_variable("AGISTATUS", "FAILURE")
    return True


def _environment(channel: Channel, request: dict[str, str], given: list[str]) -> bytes:
    values = {
        **request,
        "agi_channel": channel.name,
        "agi_language": channel.language,
        "agi_type": channel.technology,
        "agi_uniqueid": channel.uniqueid,
        "agi_version": channel.exchange.release,
        "agi_callerid": channel.caller.number or "unknown",
        "agi_calleridname": channel.caller.name or "unknown",
        "agi_callingpres": "0" if channel.caller.number else "67",
        "agi_callingani2": "0",
        "agi_callington": "0",
        "agi_callingtns": "0",
        "agi_dnid": "unknown",
        "agi_rdnis": "unknown",
        "agi_context": channel.context,
        "agi_extension": channel.exten,
        "agi_priority": str(channel.priority),
        "agi_enhanced": "0.0",
        "agi_accountcode": channel.account,
        "agi_threadid": "1",
        **{f"agi_arg_{number}": argument for number, argument in enumerate(given, 1)},
    }
    text = "".join(f"{name}: {value}\n" for name, value in values.items()) + "\n"
    return channel.exchange.charset.encode(text)


async def _run(
    channel: Channel, command: str, answer: Callable[[str], None], *, dead: bool = False
) -> Outcome:
    """Run one command, emit its events, and answer it.

    Raises:
        Gone, Redirected: the command ended with the channel. It was answered, unless Asterisk does
            not notice that end.
        Interrupted: a new command has ended this one, which gets no answer.
    """
    number = str(channel.exchange.random.randrange(1 << 31))
    head = [("CommandId", number), ("Command", command)]
    channel.emit("AGIExecStart", head, classes="agi")

    def emit(code: int, shown: str) -> None:
        outcome = [("ResultCode", str(code)), ("Result", shown)]
        channel.emit("AGIExecEnd", [*head, *outcome], classes="agi")

    words = words_of(command)
    try:
        outcome = await carry_out(channel, words, dead=dead)
    except Interrupted:
        emit(200, "Success")
        raise
    except (Gone, Redirected):
        # The result of EXEC is that of its application, and some return 0 when the channel ends.
        is_exec = words[0].upper() == "EXEC"
        hides = is_exec and words[1].lower() in _HIDING
        if dead:
            outcome = Outcome(200, "Success", "200 result=0")
        elif channel.slips_away:
            raise
        elif hides:
            emit(200, "Success")
            answer("200 result=0")
            raise
        else:
            emit(200 if is_exec else -1, "Unknown Result" if is_exec else "Failure")
            answer("200 result=-1")
            raise
    emit(outcome.code, outcome.shown)
    answer(outcome.text)
    return outcome


# AsyncAGI


async def _async_agi(channel: Channel, given: list[str]) -> None:
    """Run the commands that a manager queues on the channel."""
    data = _environment(channel, {"agi_request": "async"}, given)
    channel.agi_rest = data[_READ:]
    channel.emit("AsyncAGIStart", [("Env", _percent(data[:_READ]))], classes="agi")
    channel.agi = channel.agi or deque()
    try:
        status = await _queued_commands(channel, channel.agi)
    except (Gone, Redirected):
        if not channel.slips_away:  # a channel that slips away emits no end of AsyncAGI
            _end_async_agi(channel, "HANGUP")
        raise
    _end_async_agi(channel, status)


def _end_async_agi(channel: Channel, status: str) -> None:
    channel.emit("AsyncAGIEnd", classes="agi")
    channel.set_variable("AGISTATUS", status)


async def _queued_commands(channel: Channel, queue: deque[tuple[str, str]]) -> str:
    """Run the queued commands, until one of them ends AsyncAGI; return the AGISTATUS."""
    while True:
        channel.agi_called.clear()
        while queue:
            command, command_id = queue.popleft()
            outcome = await _queued_command(channel, command, command_id)
            if channel.is_leaving:
                await channel.pause()
            if outcome.code == -1:
                return "FAILURE"
            if words_of(command)[0].upper() == "ASYNCAGI":
                return "SUCCESS"
        await channel.pause(None, channel.agi_called)
        has_sound = channel.state == UP and channel.other is None
        await channel.pause(_LOOK_WITH_SOUND if has_sound else _LOOK)


async def _queued_command(channel: Channel, command: str, command_id: str) -> Outcome:
    own = [("CommandId", command_id)] if command_id else []

    def answer(text: str) -> None:
        # The rest after one read comes before the next answer.
        data = channel.agi_rest + channel.exchange.charset.encode(f"{text}\n")
        channel.agi_rest = data[_READ:]
        channel.emit("AsyncAGIExec", [("Result", _percent(data[:_READ])), *own], classes="agi")

    return await _run(channel, command, answer)


def _percent(data: bytes) -> str:
    return quote(data, safe="-_.!~*'()")


# FastAGI


async def _fast_agi(channel: Channel, request: str, given: list[str]) -> None:
    """Connect to a FastAGI server, and run its commands."""
    place, _, script = request.partition("://")[2].partition("/")
    host, colon, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
    if not colon:
        host, port = place, str(_PORT)
    line = channel.exchange.connect(host.strip("[]"), int(port) if port.isdecimal() else _PORT)
    try:
        await channel.exchange.clock.wait(line.opened, seconds=_CONNECT)
        if not line.is_open:
            channel.set_variable("AGISTATUS", "FAILURE")
            return
        head = {"agi_network": "yes"}
        if script:
            head["agi_network_script"] = script
        line.write(_environment(channel, {**head, "agi_request": request}, given))
        session = _FastAGI(channel, line)
        if not await session.serve():
            # The channel has moved on. Its FastAGI server now talks to a dead channel in its place.
            line = Line.nowhere(channel.exchange.clock)
            channel.exchange.clock.spawn(session.serve_what_is_left())
            raise Redirected
    finally:
        line.close()
    if channel.is_leaving:
        await channel.pause()  # raises Gone or Redirected


class _FastAGI:
    """A session over a connection.

    Args:
        channel: the channel.
        line: the connection.
    """

    def __init__(self, channel: Channel, line: Line) -> None:
        self._channel = channel
        self._line = line
        self._clock = channel.exchange.clock
        self._limit = 8191 if channel.exchange.major >= 22 else 2047
        self._is_dead = False
        self._has_failed = False
        self._keeps_quiet = self._is_no("AGISIGHUP")
        self._exits = channel.variables.get("AGIEXITONHANGUP", "").lower() in _YES

    def _is_no(self, name: str) -> bool:
        value = self._channel.variables.get(name, "").lower()
        return bool(value) and value not in _YES

    async def serve(self) -> bool:
        """Run commands until the server closes the connection.

        Returns:
            False if the channel has moved on, and the connection is still open.
        """
        channel = self._channel
        while not (self._is_dead and self._exits):
            if not self._is_dead and channel.is_leaving:
                self._die()
                if channel.slips_away:
                    return False
                continue
            command = self._line.take(self._limit)
            if command is not None:
                await self._command(command)
            elif self._line.is_open:
                await self._wait()
            else:
                break
        status = "FAILURE" if self._has_failed else "SUCCESS"
        if not self._keeps_quiet:
            self._line.write(b"HANGUP\n")
        if isinstance(channel.destination, tuple):
            channel.goes_to(channel.destination)
        channel.set_variable("AGISTATUS", "HANGUP" if self._is_dead else status)
        return True

    async def _wait(self) -> None:
        line, channel = self._line, self._channel
        line.arrived.clear()
        ends = () if self._is_dead else (channel.hanging, channel.moving)
        await self._clock.wait(line.arrived, *ends)

    async def serve_what_is_left(self) -> None:
        """Answer as a dead channel does, until the server closes the connection."""
        while self._line.is_open:
            command = self._line.take(self._limit)
            if command is not None:
                await self._command(command)
            else:
                await self._wait()
        self._line.close()

    def _die(self) -> None:
        self._is_dead = True
        if not self._keeps_quiet:
            self._line.write_later(b"HANGUP\n")

    async def _command(self, data: bytes) -> None:
        channel = self._channel
        command = channel.exchange.charset.decode(data.rstrip(b"\n"))
        if self._is_dead:
            await _run(channel, command, self._answer, dead=True)
            return
        watch = self._clock.spawn(self._interrupt())
        try:
            outcome = await _run(channel, command, self._answer)
        except (Gone, Redirected):
            if channel.slips_away:
                self._answer("200 result=-1")
            return
        except Interrupted:
            return
        finally:
            watch.cancel()
        if outcome.code == -1 and not channel.is_leaving:
            self._has_failed = True

    async def _interrupt(self) -> None:
        """End the running command when a new one comes, or the connection ends."""
        while not self._line.has_news:
            self._line.arrived.clear()
            await self._clock.wait(self._line.arrived)
        self._channel.press(NEW_COMMAND)

    def _answer(self, text: str) -> None:
        self._line.write(self._channel.exchange.charset.encode(f"{text}\n"))
