"""AsyncAGI: a channel that runs commands, which somebody queues on it."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from .channels import Channel, Gone, Redirected
from .dialplan import NotSet, arguments, read, substitute, write

__all__ = ["agi"]

_READ: Final = 1024  # bytes that AsyncAGI reads of an answer
_LOOK: Final = 0.1  # seconds after which Asterisk looks for a new command in silence
_UNKNOWN: Final = "Unknown Result"  # the word for what an application returned, if it is not 0
_RATE: Final = 8000  # samples in a second
_FILE: Final = 1.0  # seconds that a file takes, and all that is said; every file is there
_BEEP: Final = 0.44
_FIRST_DIGIT: Final = 6.0  # seconds that GET DATA waits where it is not told
_NEXT_DIGIT: Final = 2.0
_STOP: Final = "stop"  # stands among the digits for the action ControlPlayback

Result = tuple[int, str, str]


async def agi(channel: Channel, data: str) -> bool:
    """Run AsyncAGI; other AGI programs fail."""
    if not data.startswith("agi:async"):
        channel.set_variable("AGISTATUS", "FAILURE")
        return True
    environment = {
        "agi_request": "async",
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
    }
    for number, argument in enumerate(arguments(data)[1:], 1):
        environment[f"agi_arg_{number}"] = argument
    text = "".join(f"{name}: {value}\n" for name, value in environment.items()) + "\n"
    data_sent = text.encode("utf-8", "surrogateescape")
    channel.agi_rest = data_sent[_READ:]
    channel.emit("AsyncAGIStart", [("Env", _percent(data_sent[:_READ]))], classes="agi")
    channel.agi = channel.agi or deque()
    try:
        await _agi_commands(channel, channel.agi)
    except (Gone, Redirected):
        if not channel.slips_away:  # else the channel is in a bridge, and nothing tells of AsyncAGI
            _end_agi(channel, "HANGUP")
        raise
    _end_agi(channel, "SUCCESS")
    return True


def _end_agi(channel: Channel, status: str) -> None:
    channel.emit("AsyncAGIEnd", classes="agi")
    channel.set_variable("AGISTATUS", status)


async def _agi_commands(channel: Channel, queue: deque[tuple[str, str]]) -> None:
    """Run what is queued, until one command ends AsyncAGI."""
    while True:
        channel.agi_called.clear()
        while queue:
            command, command_id = queue.popleft()
            if await _agi_command(channel, command, command_id):
                return
        await channel.pause(None, channel.agi_called)
        await channel.pause(_LOOK)


async def _agi_command(channel: Channel, command: str, command_id: str) -> bool:
    """Run one command, and return true if it was the last."""
    number = str(channel.exchange.random.randrange(1 << 31))
    head = [("CommandId", number), ("Command", command)]
    channel.emit("AGIExecStart", head, classes="agi")

    def tell(code: int, shown: str, result: str) -> None:
        outcome = [("ResultCode", str(code)), ("Result", shown)]
        channel.emit("AGIExecEnd", [*head, *outcome], classes="agi")
        own = [("CommandId", command_id)] if command_id else []
        # What one read does not take comes before the next answer.
        data = channel.agi_rest + f"{result}\n".encode("utf-8", "surrogateescape")
        channel.agi_rest = data[_READ:]
        shown = _percent(data[:_READ])
        channel.emit("AsyncAGIExec", [("Result", shown), *own], classes="agi")

    words = _agi_words(command)
    try:
        tell(*await _agi_result(channel, words))
    except (Gone, Redirected):
        if not channel.slips_away:
            # What EXEC returns is a result like any other.
            is_exec = words[0].upper() == "EXEC"
            tell(200 if is_exec else -1, _UNKNOWN if is_exec else "Failure", "200 result=-1")
        raise
    return words[0].upper() == "ASYNCAGI"


def _agi_words(command: str) -> list[str]:
    """Return the words of a command: blanks separate them, quotes and backslashes hold them."""
    words, word, is_word, quoted, escaped = [], "", False, False, False
    for character in command:
        if escaped or (quoted and character not in '"\\') or character not in ' \t"\\':
            word, is_word, escaped = word + character, True, False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted, is_word = not quoted, True
        elif is_word:
            words.append(word)
            word, is_word = "", False
    return [*words, word] if is_word or not words else words


async def _agi_result(channel: Channel, words: list[str]) -> Result:
    """Carry out a command; return the result's code, its word, and the whole answer."""
    for count in (3, 2, 1):
        run = _COMMANDS.get(" ".join(words[:count]).upper())
        if run is None:
            continue
        with contextlib.suppress(IndexError, ValueError):  # too few words, or no number
            return await run(channel, words[count:])
        head = "520-Invalid command syntax.  Proper usage follows:"
        name = " ".join(words[:count])
        return 520, "Usage", f"{head}\nUsage: {name}\n520 End of proper usage."
    return 510, "Invalid or unknown command", "510 Invalid or unknown command"


def _done(result: object) -> Result:
    return 200, "Success", f"200 result={result}"


def _exactly(words: list[str], count: int) -> None:
    if len(words) != count:
        raise IndexError


async def _answer(channel: Channel, words: list[str]) -> Result:
    channel.answer()
    return _done(0)


async def _nothing(channel: Channel, words: list[str]) -> Result:
    return _done(0)


async def _verbose(channel: Channel, words: list[str]) -> Result:
    return _done(0 * len(words[0]) + 1)


async def _set_variable(channel: Channel, words: list[str]) -> Result:
    _exactly(words, 2)
    write(channel.exchange, channel, words[0], words[1])
    return _done(1)


async def _get_variable(channel: Channel, words: list[str]) -> Result:
    _exactly(words, 1)
    with contextlib.suppress(NotSet):
        if (found := read(channel.exchange, channel, words[0])) or "(" in words[0]:
            return _done(f"1 ({found})")
    return _done(0)


async def _get_full_variable(channel: Channel, words: list[str]) -> Result:
    _exactly(words, 1)
    return _done(f"1 ({substitute(channel.exchange, channel, words[0])})")


async def _channel_status(channel: Channel, words: list[str]) -> Result:
    wanted = channel.exchange.channel_like(words[0]) if words else channel
    return _done(-1 if wanted is None else wanted.state)


async def _exec(channel: Channel, words: list[str]) -> Result:
    application, data = words[0], "".join(words[1:2])
    if not channel.exchange.has_application(application):
        return 200, _UNKNOWN, "200 result=-2"
    if not await channel.exchange.execute(channel, application, data):
        return 200, _UNKNOWN, "200 result=-1"
    return _done(0)


async def _hang_up(channel: Channel, words: list[str]) -> Result:
    channel.soft_hangup()
    return _done(1)


async def _wait_for_digit(channel: Channel, words: list[str]) -> Result:
    _exactly(words, 1)
    milliseconds = int(words[0])
    key = await _listen(channel, None if milliseconds < 0 else milliseconds / 1000)
    return _done(1000 if key == _STOP else ord(key) if key else 0)


async def _stream_file(channel: Channel, words: list[str]) -> Result:
    began = channel.exchange.clock.now
    key = await _listen(channel, _FILE, words[1])
    end = int((channel.exchange.clock.now - began) * _RATE)
    return _done(f"{ord(key) if key and key != _STOP else 0} endpos={end}")


async def _say(channel: Channel, words: list[str]) -> Result:
    key = await _listen(channel, _FILE, words[1], can_stop=False)
    return _done(ord(key) if key else 0)


async def _get_data(channel: Channel, words: list[str]) -> Result:
    wait = int(words[1]) / 1000 if words[1:2] else 0.0
    limit = int(words[2]) if words[2:3] else 1024
    key = await _listen(channel, _FILE) if words[0] else ""
    digits = "" if key == _STOP else key
    while len(digits) < limit and key != "#":
        key = await _listen(channel, wait or (_NEXT_DIGIT if digits else _FIRST_DIGIT))
        if not key:
            return _done(f"{digits} (timeout)")
        digits += key
    return _done(digits.removesuffix("#"))


async def _record_file(channel: Channel, words: list[str]) -> Result:
    _, _, stops, milliseconds = words[:4]
    began = channel.exchange.clock.now
    limit = int(milliseconds)
    beeps = any(word and not word.isdecimal() and not word.startswith("s=") for word in words[4:])
    if beeps and (key := await _listen(channel, _BEEP, stops, can_stop=False)):
        return _done(f"{ord(key)} (randomerror) endpos=0")
    key = await _listen(channel, None if limit < 0 else limit / 1000, stops, can_stop=False)
    end = f"endpos={int((channel.exchange.clock.now - began) * _RATE)}"
    return _done(f"{ord(key)} (dtmf) {end}" if key else f"0 (timeout) {end}")


async def _listen(
    channel: Channel, seconds: float | None, wanted: str | None = None, *, can_stop: bool = True
) -> str:
    """Wait for a digit, or a stop; return it, or nothing when the time is over.

    What was pressed before is lost.
    """
    clock = channel.exchange.clock
    until = None if seconds is None else clock.now + seconds
    channel.keys.clear()
    channel.listens = True
    try:
        while True:
            channel.key_pressed.clear()
            left = None if until is None else max(0.0, until - clock.now)
            if await channel.pause(left, channel.key_pressed) is None:
                return ""
            while channel.keys:
                key = channel.keys.popleft()
                if can_stop if key == _STOP else wanted is None or key in wanted:
                    return key
    finally:
        channel.listens = False


_COMMANDS: Final[dict[str, Callable[[Channel, list[str]], Awaitable[Result]]]] = {
    "ANSWER": _answer,
    "ASYNCAGI BREAK": _nothing,
    "CHANNEL STATUS": _channel_status,
    "EXEC": _exec,
    "GET DATA": _get_data,
    "GET FULL VARIABLE": _get_full_variable,
    "GET VARIABLE": _get_variable,
    "HANGUP": _hang_up,
    "NOOP": _nothing,
    "RECORD FILE": _record_file,
    "SAY ALPHA": _say,
    "SAY DIGITS": _say,
    "SAY NUMBER": _say,
    "SAY PHONETIC": _say,
    "SET VARIABLE": _set_variable,
    "STREAM FILE": _stream_file,
    "VERBOSE": _verbose,
    "WAIT FOR DIGIT": _wait_for_digit,
}


def _percent(data: bytes) -> str:
    return quote(data, safe="-_.!~*'()")
