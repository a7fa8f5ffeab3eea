"""A session: the methods with which a program controls one call."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Final, Literal

from .._owner import Owner
from ..enums import DialStatus, HangupCause
from ..errors import CommandFailed, HungUp, ProtocolError, SessionEnded, fresh
from ..fields import whole_number
from ..wire.text import join
from .answers import Reply
from .arguments import (
    as_text,
    check_application,
    check_name,
    check_text,
    digit_count,
    digits_of,
    expect_number,
    joined,
    milliseconds,
    places,
)
from .commands import Command, Word, encode_word
from .results import DialResult, Digits, Recording
from .transport import AskByCommand, Transport, failure, may_be_the_end

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..calls import Call

__all__ = ["Program", "Session", "run_program"]

_RATE: Final = 8000  # samples in a second, for every format of a file
_STOP_DIGIT: Final = "D"  # the digit that stops a cancelled command; hardly any phone has it
_MAX_VALUE: Final = 1023  # bytes of a variable that GET VARIABLE returns; the rest is cut off
_SOUND: Final = re.compile(r"\.(?:alaw|g722|gsm|mp3|ogg|sln\d*|ulaw|wav)$", re.IGNORECASE)
_STILL_LEFT: Final = 100  # milliseconds; after a timeout at most the time of one frame is left


class _Turn:
    """The lock of a session: one method at a time has the turn to run commands.

    When that method is cancelled, the running command is stopped. The next turn begins when the
    answer of that command is there.

    Args:
        session: the session.
        transport: runs its commands.
        owner: the event loop, thread and process of the session.
    """

    __slots__ = ("_free", "_owner", "_session", "_transport")

    def __init__(self, session: Session, transport: Transport, owner: Owner) -> None:
        self._session = session
        self._transport = transport
        self._owner = owner
        self._free = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._owner.check()
        await self._free.acquire()
        try:
            await self._transport.idle()
        except BaseException:
            self._free.release()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._free.release()
        if isinstance(error, (CommandFailed, SessionEnded)):
            # The channel's name is added, as a program may serve many.
            text, channel = str(error), self._session.channel
            if not text.startswith(channel):
                error.args = (f"{channel}: {text}",)

    async def run(self, command: Command, *, after_hangup: bool = False) -> Reply:
        """Run a command, and return its answer; raise if it failed, or the session is over.

        Args:
            command: the command.
            after_hangup: true to run it on a dead channel too, while FastAGI is still connected.
        """
        await self.check(after_hangup=after_hangup)
        reply = await self._transport.run(command)
        if may_be_the_end(command, reply):
            await self.explain(command, reply)
        if reply.code != 200 or (reply.result == "-1" and command.fails):
            raise failure(command, reply)
        return reply

    async def explain(self, command: Command, reply: Reply) -> None:
        """Raise the error of a session that has ended with this answer; return if it goes on."""
        error = await self._transport.explain(command, reply)
        if error is not None:
            raise fresh(error)

    async def check(self, *, after_hangup: bool = False) -> None:
        """Raise the error of a session that is over."""
        await self._transport.settle()
        over = self._transport.over
        if over is not None and not (
            after_hangup and isinstance(over, HungUp) and self._transport.answers_after_hangup
        ):
            raise fresh(over)


class Session:
    """One call, while a program controls it.

    `FastAGI` and `AsyncAGI` make sessions, and pass each to a program. The methods are coroutines.
    They run one after the other: if another task calls a method, it waits for its turn.

    Times are in seconds. Text is sent in the encoding of the server or manager; `bytes` are sent as
    they are.

    Wrong arguments raise `ValueError` before a byte is sent: line breaks, NUL, more than 100 words,
    or more bytes than the connection takes (2,047 with FastAGI, 1,013 with AsyncAGI).

    When the caller hangs up, the running command raises `HungUp`, and so does every later one.
    Cancelling a command stops it if Asterisk can, and the session goes on: the next command waits
    for the end of the stopped one. So a timeout around a command is safe. Commands that Asterisk
    cannot stop, such as `Dial` or `Wait`, run on. Over FastAGI without a manager only `play`, `ask`
    and `digit` are stopped.

    Every method but `take_name` raises:

    - `HungUp`: the channel was hung up;
    - `TakenAway`: the session gave the channel back to the dialplan, or somebody else took it;
    - `CommandFailed`: the command was not carried out, and the channel still exists;
    - `ConnectionLost`: the link of AsyncAGI's manager was lost; the session goes on once it is
      established again, if the channel is still there;
    - `ManagerTimeout`: AsyncAGI's server did not take the command in time;
    - `ProtocolError`: Asterisk's answer cannot be understood, or was cut off.

    Attributes:
        channel: the channel's name.
        uniqueid: the channel's Uniqueid, which stays the same.
        environment: the `agi_*` lines with which Asterisk began the session.
        arguments: the arguments of `AGI()` in the dialplan, behind the URL or `agi:async`.
        query: the query of an `agi://` URL, decoded; empty over AsyncAGI.
    """

    channel: str
    uniqueid: str
    environment: Mapping[str, str]
    arguments: tuple[str, ...]
    query: Mapping[str, str]

    def __init__(self, transport: Transport) -> None:
        environment = transport.environment
        self._transport = transport
        self._owner = Owner(None, "session", "session.answer()")
        self._owner.take()
        self._turn = _Turn(self, transport, self._owner)
        self._settling: asyncio.Task[None] | None = None
        self._script = environment.script
        self._call: Call | None = None
        self.environment = MappingProxyType(environment.values)
        self.channel = environment.values.get("agi_channel", "")
        self.uniqueid = environment.values.get("agi_uniqueid", "")
        self.arguments = environment.arguments
        self.query = MappingProxyType(environment.query)
        transport.on_hangup = self._settle

    @property
    def is_over(self) -> bool:
        """True if the session is known to be over; this does not ask Asterisk."""
        return self._transport.over is not None

    @property
    def call(self) -> Call:
        """The session's call as a `Call`, with its state, its end and further methods. It is always
        the same object.

        The first access makes it, and asks the server for its state. Until the answer it has the
        state with which the session began. If `Manager.call` placed the call for this program, it
        is that `Call`.

        Raises:
            RuntimeError: the `FastAGI` server has no manager; or the first access is in another
                event loop, thread or process.
        """
        if self._call is None:
            self._owner.check()
            manager = self._transport.manager
            if manager is None:
                raise RuntimeError("there is no Call, as FastAGI was given no manager")
            from ..calls.incoming import call_of

            self._call, self._transport.holder = call_of(manager, self.uniqueid, self.channel)
        return self._call

    def take_name(self) -> str:
        """Return the name of the program that the dialplan asks for; `Routes` calls this.

        It is the path of the `agi://` URL. If that is empty, and over AsyncAGI, it is the first
        argument, which is removed from `arguments`; empty without one.
        """
        if self._script:
            return self._script
        name, self.arguments = (*self.arguments[:1], "")[0], self.arguments[1:]
        return name

    # The call itself

    async def answer(self) -> None:
        """Answer the call, if it is not answered yet."""
        command = self._transport.encode("ANSWER")
        async with self._turn as turn:
            await turn.run(command)

    async def hang_up(self, cause: HangupCause | int | None = None) -> None:
        """Hang up the channel. Later commands raise `HungUp`.

        Args:
            cause: the reason that the other side gets, as `HangupCause.USER_BUSY`.
        """
        if cause is None:
            command = self._transport.encode("HANGUP")
        else:
            expect_number("cause", cause, 1, 127)
            command = self._transport.encode("EXEC", "Hangup", str(int(cause)))
        async with self._turn as turn:
            await turn.check()
            with self._transport.ending():
                reply = await self._transport.run(command)
                if reply.code == 511:
                    await turn.explain(command, reply)
                if reply.code != 200:
                    raise failure(command, reply)
            self._transport.hung_up()

    async def go_to(
        self, context: str | bytes, exten: str | bytes, priority: int | str = 1
    ) -> None:
        """Leave the session, and let the dialplan go on at a place. Later commands raise
        `TakenAway`.

        Args:
            context, exten: the place. If the extension does not exist, the dialplan goes on with
                the extension `i`, or hangs up. A call that `Manager.call` has placed for this
                program has no dialplan, so it is redirected to the place.
            priority: a number or a label.

        Raises:
            CommandFailed: there is no such label; the session goes on.
        """
        context, exten = self._text("context", context), self._text("exten", exten)
        command = self._transport.encode("EXEC", "Goto", places(context, exten, priority))
        async with self._turn as turn:
            await turn.check()
            if await self._transport.send_to(context, exten, priority):
                return
            reply = await turn.run(command)
            if reply.result != "0":
                raise CommandFailed(
                    f"Goto: there is no place {context},{exten},{priority}", reply=reply
                )
            await self._transport.leave()

    async def leave(self) -> None:
        """Give the channel back to the dialplan, which goes on after `AGI()`. Later commands raise
        `TakenAway`.
        """
        async with self._turn as turn:
            await turn.check()
            await self._transport.leave()

    # Sounds and digits

    async def play(self, *files: str | bytes, stop: str = "", offset: float = 0) -> str | None:
        """Play files, one after the other.

        Args:
            files: names as Asterisk knows them, without an extension.
            stop: the digits that end the playing.
            offset: seconds to skip at the begin of the first file.

        Returns:
            The digit that ended the playing, or `None`.

        Raises:
            CommandFailed: a file is missing, or cannot be played; later files were not played.
                Without `stop` and `offset` the session goes on. With one of them it is over on
                AsyncAGI: `session_over` is true.
        """
        stop = digits_of("stop", stop)
        skipped = milliseconds("offset", offset) * _RATE // 1000
        if not files:
            raise ValueError("files: at least one")
        names = [self._text("a file", file) for file in files]
        if stop or skipped:
            commands = [
                self._transport.encode("STREAM FILE", name, stop, skipped if number == 0 else 0)
                for number, name in enumerate(names)
            ]
            async with self._turn as turn:
                for command in commands:
                    digit = _digit(await turn.run(command), stop)
                    if digit is not None:
                        return digit
                return None
        for name in names:
            if "&" in name or "," in name:
                raise ValueError("files: one in each argument, without & and comma in its name")
        # STREAM FILE of a missing file would end AsyncAGI. Playback does not, but over FastAGI it
        # cannot be stopped.
        if self._transport.survives_failures:
            commands = [self._transport.encode("STREAM FILE", name, "") for name in names]
        else:
            words = [join((name, "noanswer"), ",") for name in names]
            commands = [self._transport.encode("EXEC", "Playback", word) for word in words]
        async with self._turn as turn:
            for name, command in zip(names, commands, strict=True):
                try:
                    reply = await turn.run(command)
                    if command.name == "EXEC":
                        await self._check_playback(turn, command, reply)
                except CommandFailed as error:
                    error.args = (f"{error} (file {name!r:.80}{_extension(name)})",)
                    raise
        return None

    async def ask(self, *prompts: str | bytes, digits: int, timeout: float = 5.0) -> Digits:
        """Play files, and return the digits that the caller presses during or after them.

        A digit ends the playing. `#` ends the input, and is not part of it.

        Args:
            prompts: files, as for `play`; without any, the caller hears silence.
            digits: the number of digits that ends the input, from 1 to 1,023.
            timeout: seconds to wait for the first digit, and for each further one.

        Returns:
            The digits, which may be fewer, or empty; `timed_out` is true if the timeout ended the
            input.

        Raises:
            CommandFailed: a file is missing; the session goes on.
        """
        digit_count(digits)
        # A timeout of 0 would stand for the channel's own timeouts, of some seconds.
        wait = max(1, milliseconds("timeout", timeout))
        for prompt in prompts:
            check_text("a prompt", prompt)
        *first, last = prompts or ("",)
        # STREAM FILE of a missing file would end AsyncAGI. GET DATA plays files, too, and does not.
        commands = [self._transport.encode("GET DATA", prompt, 1, 1) for prompt in first]
        whole = self._transport.encode("GET DATA", last, wait, digits)
        rest = self._transport.encode("GET DATA", "", wait, digits - 1) if digits > 1 else None
        async with self._turn as turn:
            for command in commands:
                pressed = await self._data(turn, command)
                if pressed.timed_out:
                    continue
                if not pressed or rest is None:
                    return pressed
                more = await self._data(turn, rest)
                return Digits(pressed + more, timed_out=more.timed_out)
            return await self._data(turn, whole)

    async def digit(self, timeout: float | None) -> str | None:
        """Wait for a digit.

        Args:
            timeout: seconds to wait; `None` is no limit.

        Returns:
            The digit; `None` if none came in time.
        """
        wait = -1 if timeout is None else milliseconds("timeout", timeout)
        command = self._transport.encode("WAIT FOR DIGIT", wait)
        async with self._turn as turn:
            return _digit(await turn.run(command))

    async def say_number(
        self,
        number: int,
        *,
        stop: str = "",
        gender: Literal["f", "m", "c", "n"] | None = None,
    ) -> str | None:
        """Say a number, as "forty two".

        Args:
            number: a number of 32 bits.
            stop: the digits that end the speech.
            gender: feminine, masculine, common or neuter, for languages that have them.

        Returns:
            The digit that ended the speech, or `None`.
        """
        expect_number("number", number, -(2**31), 2**31 - 1)
        if gender not in (None, "f", "m", "c", "n"):
            raise ValueError(f"gender: f, m, c or n, not {gender!r}")
        return await self._say("SAY NUMBER", str(number), stop, *filter(None, [gender]))

    async def say_digits(self, digits: str | int, *, stop: str = "") -> str | None:
        """Say digits one by one, as "four two".

        Args:
            digits: 0-9, `*` and `#`, with or without a minus before them. The first may not be `*`
                or `#`; `spell` says those.
            stop: the digits that end the speech.

        Returns:
            The digit that ended the speech, or `None`.
        """
        text = str(digits)
        first = text.removeprefix("-")[:1]
        if isinstance(digits, bool) or not (first.isascii() and first.isdecimal()):
            raise ValueError("digits: they begin with a digit from 0 to 9")
        if not set(text.removeprefix("-")) <= set("0123456789*#"):
            raise ValueError("digits: from 0 to 9, * and #")
        return await self._say("SAY DIGITS", text, stop)

    async def spell(self, text: str | bytes, *, stop: str = "") -> str | None:
        """Say the letters, digits and signs of a text one by one.

        Args:
            text: the text.
            stop: the digits that end the speech.

        Returns:
            The digit that ended the speech, or `None`.
        """
        check_text("text", text)
        return await self._say("SAY ALPHA", text, stop)

    async def record(
        self,
        file: str | bytes,
        *,
        format: str = "wav",
        stop: str = "#",
        timeout: float | None = None,
        silence: int | None = None,
        beep: bool = False,
    ) -> Recording:
        """Record the caller.

        If the caller hangs up, the recording ends with the reason `"hangup"`, and the next command
        raises `HungUp`.

        Args:
            file: the name of the file on the server, without an extension. An existing file is
                overwritten.
            format: the format and extension, as `"wav"` or `"gsm"`.
            stop: the digits that end the recording; the last fifth of a second before one is cut
                off.
            timeout: the longest recording, in seconds; `None` is no limit.
            silence: whole seconds of silence that end the recording.
            beep: play a tone first. If a digit ends the recording during the tone, there is no
                file.

        Raises:
            CommandFailed: the file cannot be written. On AsyncAGI the session is over, and
                `session_over` is true.
        """
        stop = digits_of("stop", stop)
        file = self._text("file", file)
        check_text("format", format)
        limit = -1 if timeout is None else max(1, milliseconds("timeout", timeout))
        words: list[Word] = [file, format, self._stoppable(stop), limit]
        if beep:
            words.append("BEEP")
        if silence is not None:
            expect_number("silence", silence, 1, 2**31 // 1000)
            words.append(f"s={silence}")
        command = self._transport.encode("RECORD FILE", *words)
        async with self._turn as turn:
            clock = asyncio.get_running_loop().time
            await turn.check()
            began = clock()
            reply = await self._transport.run(command)
            spent = (clock() - began) * 1000
            if reply.code == 511 or reply.result == "-1":
                try:
                    await turn.explain(command, reply)
                except HungUp:
                    if reply.data != "hangup":
                        raise
                    return Recording(file, "hangup", None, _seconds(reply))
            if reply.code != 200 or reply.result == "-1":
                raise failure(command, reply)
            # The second word is for a digit that was pressed during the tone.
            if reply.data in ("dtmf", "randomerror"):
                return Recording(file, "digit", _digit(reply), _seconds(reply))
            # Silence and timeout give the same word. The number before it is the time left.
            left = whole_number(reply.result) or 0
            is_silence = silence is not None and (limit < 0 or spent < limit or left > _STILL_LEFT)
            reason: Literal["silence", "timeout"] = "silence" if is_silence else "timeout"
            return Recording(file, reason, None, _seconds(reply))

    # Variables and the dialplan

    async def get(self, name: str | bytes) -> str | None:
        """Return a channel variable, or the value of a function as `CALLERID(num)`.

        Over AsyncAGI the manager reads it if its user has the permission, which is quicker than a
        command.

        Returns:
            The value; `None` if it is unset or empty: Asterisk does not distinguish the two.

        Raises:
            ProtocolError: the value is too long, and was cut off; with AsyncAGI this happens at
                1,023 bytes.
        """
        check_name("name", name)
        self._transport.encode("GET VARIABLE", name)
        async with self._turn as turn:
            return await self._get(turn, name)

    async def set(self, name: str | bytes, value: Word) -> None:
        """Set a channel variable, or the value of a function as `CALLERID(name)`.

        Args:
            name: the name. With `_` before it, channels that this one dials inherit the variable.
            value: the value.
        """
        check_name("name", name)
        text = encode_word(value, "value", self._transport.encoding)
        command = self._transport.encode("SET VARIABLE", name, value)
        async with self._turn as turn:
            await turn.check()
            try:
                await self._transport.set(name, text)
            except AskByCommand:
                await turn.run(command)

    async def evaluate(self, text: str | bytes) -> str:
        """Return a text with its `${...}` and `$[...]` replaced, as in the dialplan.

        Raises:
            ProtocolError: the result is too long for AsyncAGI, about 1,000 bytes.
        """
        command = self._transport.encode("GET FULL VARIABLE", text)
        async with self._turn as turn:
            return (await turn.run(command)).data or ""

    async def exec(self, application: str | bytes, *arguments: Word) -> int:
        """Run an application of the dialplan, and return its result.

        Args:
            application: the application's name.
            arguments: its arguments, which are joined by commas. `${...}` in them is not replaced.

        Returns:
            In most cases 0 on success. -1 if the application wants the call to end, as `Dial`
            without the option `g`. Some applications return the code of a digit.

        Raises:
            CommandFailed: there is no such application.
        """
        application = self._text("application", application)
        check_application("application", application)
        words = [joined(self._transport.encoding, ",", arguments)] if arguments else []
        command = self._transport.encode("EXEC", application, *words)
        async with self._turn as turn:
            reply = await turn.run(command)
            if reply.result == "-2":
                raise CommandFailed(f"EXEC: there is no application {application}", reply=reply)
            try:
                return int(reply.result)
            except ValueError:
                raise ProtocolError("the answer to EXEC is no number") from None

    async def dial(
        self, *channels: str | bytes, timeout: float | None = None, options: str = ""
    ) -> DialResult:
        """Dial channels, and connect the caller with the first to answer, until that one hangs up.

        The session goes on after that.

        Args:
            channels: the channels to dial, all at once, as `"PJSIP/alice"`.
            timeout: seconds of ringing at most, rounded up; `None` is no limit.
            options: options of `Dial`; `g` is always added to them.

        Raises:
            CommandFailed: `Dial` could not begin.
        """
        if not channels:
            raise ValueError("channels: at least one")
        names = [self._text("a channel", channel) for channel in channels]
        seconds = "" if timeout is None else str(-(-milliseconds("timeout", timeout) // 1000))
        parts = (join(names, "&"), seconds, f"g{options}")
        command = self._transport.encode(
            "EXEC", "Dial", joined(self._transport.encoding, ",", parts)
        )
        async with self._turn as turn:
            reply = await turn.run(command)
            status = await self._get(turn, "DIALSTATUS")
            if reply.result == "-2" or status is None:
                await turn.explain(command, reply)
                raise CommandFailed("Dial could not begin", reply=reply)
            return DialResult(DialStatus(status))

    async def command(self, *words: Word) -> Reply:
        """Run any command.

        Example::

            await call.command("DATABASE", "PUT", "family", "key", "value")

        On a dead channel, while FastAGI is still connected, `VERBOSE`, `DATABASE` and the commands
        for variables are still answered; others raise `HungUp`.

        Args:
            words: the command's name, as one word or several, and each argument as one word, which
                is quoted. "" is an empty argument.

        Returns:
            The answer, also a -1 that is no failure, as of CHANNEL STATUS.

        Raises:
            CommandFailed: the command is unknown (510), its arguments are wrong (520), or it
                failed.
        """
        command = self._transport.encode(*words)
        async with self._turn as turn:
            reply = await turn.run(command, after_hangup=True)
            if command.name == "EXEC" and reply.result == "-2":
                raise failure(command, reply)
            return reply

    def __repr__(self) -> str:
        over = self._transport.over
        return f"<Session {self.channel} {'open' if over is None else type(over).__name__}>"

    # Internals

    def _stoppable(self, stop: str) -> str:
        """Return the digits that end a command, with the digit that stops it when cancelled."""
        if self._transport.stops_with_digits and _STOP_DIGIT not in stop:
            return stop + _STOP_DIGIT
        return stop

    def _text(self, field: str, text: str | bytes) -> str:
        return as_text(self._transport.encoding, field, text)

    async def _say(self, name: str, text: str | bytes, stop: str, *more: Word) -> str | None:
        stop = digits_of("stop", stop)
        command = self._transport.encode(name, text, self._stoppable(stop), *more)
        async with self._turn as turn:
            return _digit(await turn.run(command), stop)

    async def _check_playback(self, turn: _Turn, command: Command, reply: Reply) -> None:
        """Raise an error if Playback has failed; its own result is 0 in any case."""
        if await self._get(turn, "PLAYBACKSTATUS") != "SUCCESS":
            await turn.explain(command, reply)
            raise CommandFailed("Playback: a file is missing, or cannot be played", reply=reply)

    async def _data(self, turn: _Turn, command: Command) -> Digits:
        """Run GET DATA; raise if the file is missing, which it answers with -1."""
        reply = await turn.run(command)
        if reply.result == "-1":
            raise failure(command, reply)
        return Digits(reply.result, timed_out=reply.data == "timeout")

    async def _get(self, turn: _Turn, name: str | bytes) -> str | None:
        await turn.check()
        try:
            return await self._transport.get(name)
        except AskByCommand:
            pass
        reply = await turn.run(self._transport.encode("GET VARIABLE", name))
        encoding = self._transport.encoding
        if reply.data and len(encoding.encode("the value", reply.data)) >= _MAX_VALUE:
            inner = encode_word(name, "name", encoding)
            if not set(inner) & set(b"${}"):
                whole = self._transport.encode("GET FULL VARIABLE", b"${%b}" % inner)
                return (await turn.run(whole)).data or None
            raise ProtocolError("the value of the variable is too long to be got whole")
        return reply.data or None

    def _settle(self) -> None:
        """Ask the transport for the reason why the channel is dead, while no command runs."""

        async def settle() -> None:
            async with self._turn:
                await self._transport.settle()

        self._settling = asyncio.create_task(settle(), name=f"aioami {self.channel} settles")


Program = Callable[[Session], Awaitable[object]]
"""A coroutine function that takes a session."""


def _digit(reply: Reply, wanted: str | None = None) -> str | None:
    """Return the digit in an answer; `None` without one, or if it is not among the wanted ones."""
    code = whole_number(reply.result) or 0
    # 1 and 1000 stand for a command that was stopped.
    digit = chr(code) if 32 <= code < 127 else None
    return digit if digit is not None and (wanted is None or digit in wanted) else None


def _extension(file: str) -> str:
    """Return a hint if a file was named with its extension, which Asterisk adds itself."""
    return ", which Asterisk looks for without its extension" if _SOUND.search(file) else ""


def _seconds(reply: Reply) -> float:
    return max(0, reply.endpos or 0) / _RATE


async def run_program(program: Program, session: Session) -> None:
    """Run a program with its session.

    Raises:
        TypeError: the program is no coroutine function: its result cannot be awaited.
    """
    result: object = program(session)
    if not inspect.isawaitable(result):
        name = getattr(program, "__qualname__", repr(program))
        raise TypeError(f"{name} is no program: it is to be written with `async def`")
    await result
