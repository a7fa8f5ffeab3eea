"""The commands of AGI, as they are carried out on a channel."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from .channels import Channel, Gone, Party, Redirected
from .dialplan import NotSet, read, run_subroutine, substitute, write
from .keys import NEW_COMMAND, NO_DIGITS, STOP, listen

__all__ = ["Interrupted", "Outcome", "carry_out", "words_of"]

_RATE: Final = 8000  # samples in a second
_FILE: Final = 1.0  # seconds that a file takes, and each text of a SAY command
_BEEP: Final = 0.44
_FIRST_DIGIT: Final = 6.0  # seconds that GET DATA waits if it has no timeout
_NEXT_DIGIT: Final = 2.0
_OTHER: Final = "Unknown Result"  # the word for an application's result that is not 0

# Only these commands run on a dead channel.
_FOR_THE_DEAD: Final = frozenset(
    {
        "ASYNCAGI BREAK",
        "DATABASE DEL",
        "DATABASE DELTREE",
        "DATABASE GET",
        "DATABASE PUT",
        "EXEC",
        "GET FULL VARIABLE",
        "GET VARIABLE",
        "NOOP",
        "SET VARIABLE",
        "SPEECH DESTROY",
        "SPEECH UNLOAD GRAMMAR",
        "VERBOSE",
    }
)


class Outcome(NamedTuple):
    """The end of a command.

    Attributes:
        code: the code in the event AGIExecEnd: 200; -1 for a command that failed, which ends
            AsyncAGI; 510, 511 or 520 for a command that was not begun.
        shown: the word for the code in that event.
        text: the answer.
    """

    code: int
    shown: str
    text: str


class Interrupted(Exception):
    """A new command has ended this one, which gets no answer."""


def words_of(command: str) -> list[str]:
    """Return the words of a command; quotes and backslashes hold blanks in them."""
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


async def carry_out(channel: Channel, words: list[str], *, dead: bool = False) -> Outcome:
    """Carry out a command.

    Args:
        channel: the channel.
        words: the command.
        dead: if true, the channel has hung up already, and most commands are refused.

    Raises:
        Gone, Redirected: the command ended with the channel.
        Interrupted: a new command ended this one.
    """
    for count in (3, 2, 1):
        name = " ".join(words[:count]).upper()
        run = _COMMANDS.get(name)
        if run is None:
            continue
        if dead and name not in _FOR_THE_DEAD:
            text = "Command Not Permitted on a dead channel or intercept routine"
            return Outcome(511, text, f"511 {text}")
        with contextlib.suppress(IndexError, ValueError):  # too few words, or a word is no number
            return await run(channel, words[count:])
        head = "520-Invalid command syntax.  Proper usage follows:"
        usage = f"{head}\nUsage: {name}\n520 End of proper usage."
        return Outcome(520, "Usage", usage)
    text = "Invalid or unknown command"
    return Outcome(510, text, f"510 {text}")


def _done(result: object) -> Outcome:
    return Outcome(200, "Success", f"200 result={result}")


def _failed(behind: str = "") -> Outcome:
    return Outcome(-1, "Failure", f"200 result=-1{behind}")


def _exactly(words: list[str], *counts: int) -> None:
    if len(words) not in counts:
        raise IndexError


def _nothing(*counts: int) -> Callable[[Channel, list[str]], Awaitable[Outcome]]:
    """Return a command that changes nothing here."""

    async def answer(channel: Channel, words: list[str]) -> Outcome:
        if counts:
            _exactly(words, *counts)
        return _done(0)

    return answer


# The call


async def _answer(channel: Channel, words: list[str]) -> Outcome:
    channel.answer()
    return _done(0)


async def _hang_up(channel: Channel, words: list[str]) -> Outcome:
    wanted = channel.exchange.channel_like(words[0]) if words else channel
    if wanted is None:
        return _done(-1)
    wanted.soft_hangup()
    return _done(1)


async def _channel_status(channel: Channel, words: list[str]) -> Outcome:
    wanted = channel.exchange.channel_like(words[0]) if words else channel
    return _done(-1 if wanted is None else wanted.state)


async def _set_autohangup(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 1)
    channel.limit_to(float(words[0]) or None)
    return _done(0)


async def _set_callerid(channel: Channel, words: list[str]) -> Outcome:
    channel.set_caller(Party.parse(words[0]))
    return _done(1)


async def _set_context(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 1)
    channel.context = words[0]
    return _done(0)


async def _set_extension(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 1)
    channel.exten = words[0]
    return _done(0)


async def _set_priority(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 1)
    plan = channel.exchange.dialplan
    number = plan.priority(channel.context, channel.exten, words[0])
    if number is None:
        raise ValueError
    channel.priority = number - 1  # the dialplan goes on with the next priority
    return _done(0)


async def _set_music(channel: Channel, words: list[str]) -> Outcome:
    if words[0].lower() == "on":
        channel.emit("MusicOnHoldStart", [("Class", (words[1:] or ["default"])[0])])
    else:
        channel.emit("MusicOnHoldStop")
    return _done(0)


async def _exec(channel: Channel, words: list[str]) -> Outcome:
    application, data = words[0], "".join(words[1:2])
    if channel.variables.get("AGIEXECFULL", "").lower() in ("yes", "true", "1", "on"):
        data = substitute(channel.exchange, channel, data)
    if not channel.exchange.has_application(application):
        return Outcome(200, _OTHER, "200 result=-2")
    channel.pressed = ""
    if not await channel.exchange.execute(channel, application, data):
        if application.lower() == "hangup":
            channel.soft_hangup()
        return Outcome(200, _OTHER, "200 result=-1")
    if channel.pressed:
        return Outcome(200, _OTHER, f"200 result={_code(channel.pressed)}")
    return _done(0)


async def _gosub(channel: Channel, words: list[str]) -> Outcome:
    context, exten, label, *rest = words
    number = channel.exchange.dialplan.priority(context, exten, label)
    if number is None or channel.exchange.dialplan.step(context, exten, number) is None:
        return _failed(" Gosub label not found")
    arguments = rest[0].split(",") if rest else []
    returned = await run_subroutine(channel, context, exten, number, arguments)
    end = "" if returned else " (abnormal exit)"
    return Outcome(200, "Success", f"100 result=0 Trying...\n200 result=0 Gosub complete{end}")


# Variables and the database


async def _set_variable(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 2)
    with contextlib.suppress(NotSet):  # of which Asterisk only warns
        write(channel.exchange, channel, words[0], words[1])
    return _done(1)


async def _get_variable(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 1)
    name = words[0]
    found = read(channel.exchange, channel, name)
    if found or (name.startswith("DB(") and name.endswith(")")):
        return _done(f"1 ({found})")
    return _done(0)


async def _get_full_variable(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 1, 2)
    wanted = channel.exchange.channel_like(words[1]) if words[1:] else channel
    if wanted is None:
        return _done(0)
    return _done(f"1 ({substitute(channel.exchange, wanted, words[0])})")


async def _database_get(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 2)
    value = channel.exchange.database.get((words[0], words[1]))
    return _done(0 if value is None else f"1 ({value})")


async def _database_put(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 3)
    channel.exchange.database[words[0], words[1]] = words[2]
    return _done(1)


async def _database_del(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 2)
    channel.exchange.database.pop((words[0], words[1]), None)
    return _done(1)


async def _database_deltree(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 1, 2)
    database, tree = channel.exchange.database, "/".join(words)
    found = [key for key in database if f"{'/'.join(key)}/".startswith(f"{tree}/")]
    for key in found:
        del database[key]
    return _done(0 if found else 1)


async def _verbose(channel: Channel, words: list[str]) -> Outcome:
    return _done(0 * len(words[0]) + 1)


# Sounds and keys


async def _wait_for_digit(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 1)
    milliseconds = int(words[0])
    seconds = None if milliseconds < 0 else milliseconds / 1000
    key = await listen(channel, seconds, stops=NO_DIGITS)
    return _done(_code(key))


async def _stream_file(channel: Channel, words: list[str]) -> Outcome:
    _exactly(words, 2, 3)
    file, escapes = words[:2]
    skipped = int(words[2]) if words[2:] else 0
    clock = channel.exchange.clock
    if not channel.plays(file):
        return _failed(" endpos=0")
    began, length = clock.now, _length(file)

    def end() -> str:
        return f" endpos={skipped + int((clock.now - began) * _RATE)}"

    try:
        key = await listen(channel, max(0.0, length - skipped / _RATE), escapes, stops=NO_DIGITS)
    except (Gone, Redirected):
        if channel.slips_away:
            raise
        channel.set_variable("PLAYBACKSTATUS", "FAILED")
        return _failed(end())
    channel.set_variable("PLAYBACKSTATUS", "FAILED" if _is_digit(key) else "SUCCESS")
    if key == NEW_COMMAND:
        raise Interrupted
    return _done(f"{ord(key) if _is_digit(key) else 0}{end()}")


async def _control_stream_file(channel: Channel, words: list[str]) -> Outcome:
    file, escapes = words[:2]
    keys = words[3:6]
    clock = channel.exchange.clock
    if not channel.plays(file):
        return _controlled(channel, "ERROR", -1, _failed(" endpos=-1"))
    began = clock.now
    # Keys to wind and to pause are accepted, and have no effect here.
    winding = "".join(keys)
    key = await listen(
        channel,
        _length(file),
        "".join(digit for digit in escapes if digit not in winding),
        stops=frozenset({STOP}),
    )
    position = int((clock.now - began) * 1000)
    if key == STOP:
        return _controlled(channel, "REMOTESTOPPED", position, _done(f"0 endpos={position}"))
    if key:
        outcome = _done(f"{ord(key)} endpos={position}")
        return _controlled(channel, "USERSTOPPED", position, outcome, key)
    return _controlled(channel, "SUCCESS", -1, _done("0 endpos=-1"))


def _controlled(
    channel: Channel, status: str, position: int, outcome: Outcome, key: str = ""
) -> Outcome:
    channel.set_variable("CPLAYBACKSTATUS", status)
    channel.set_variable("CPLAYBACKOFFSET", str(position))
    channel.set_variable("CPLAYBACKSTOPKEY", key)
    return outcome


async def _get_option(channel: Channel, words: list[str]) -> Outcome:
    file, escapes, milliseconds = words
    wait = int(milliseconds) / 1000
    clock, began = channel.exchange.clock, channel.exchange.clock.now
    if not channel.plays(file):
        return _failed(" endpos=0")
    key = await listen(channel, _length(file), escapes, stops=NO_DIGITS)
    end = f"endpos={int((clock.now - began) * _RATE)}"
    if not key:
        key = await listen(channel, wait, stops=NO_DIGITS)
    if key == NEW_COMMAND:
        raise Interrupted
    return _done(f"{ord(key) if _is_digit(key) and key in escapes else 0} {end}")


async def _say(channel: Channel, words: list[str]) -> Outcome:
    channel.plays(words[0])
    key = await listen(channel, _FILE, words[1])
    return _done(ord(key) if key else 0)


async def _say_digits(channel: Channel, words: list[str]) -> Outcome:
    int(words[0])
    return await _say(channel, words)


async def _get_data(channel: Channel, words: list[str]) -> Outcome:
    file = words[0]
    wait = int(words[1]) / 1000 if words[1:2] else 0.0
    limit = int(words[2]) if words[2:3] else 1024
    key = ""
    if file:
        if "&" in file or not channel.plays(file):
            return _done(-1)
        key = await listen(channel, _length(file), stops=NO_DIGITS)
    digits = "" if key == STOP else key
    while key != NEW_COMMAND and len(digits) < limit and key != "#":
        seconds = wait or (_NEXT_DIGIT if digits else _FIRST_DIGIT)
        key = await listen(channel, seconds, stops=frozenset({NEW_COMMAND}))
        if not key:
            return _done(f"{digits} (timeout)")
        digits += key
    if key == NEW_COMMAND:
        raise Interrupted
    return _done(digits.removesuffix("#"))


async def _record_file(channel: Channel, words: list[str]) -> Outcome:
    file, form, escapes, milliseconds = words[:4]
    clock, began = channel.exchange.clock, channel.exchange.clock.now
    limit = int(milliseconds)
    options = words[4:]
    silence = next((float(word[2:]) for word in options if word.startswith("s=")), None)
    if any(word and not word.isdecimal() and not word.startswith("s=") for word in options):
        channel.plays("beep")
        if key := await listen(channel, _BEEP, escapes):
            return _done(f"{ord(key)} (randomerror) endpos=0")
    if channel.exchange.is_missing(file) or form not in _FORMATS:
        return _failed(" (writefile)")
    began = clock.now
    seconds = None if limit < 0 else limit / 1000
    # Nobody speaks here, so there is only silence.
    ends = min(each for each in (seconds, silence, 1e9) if each is not None)

    def end() -> str:
        return f"endpos={int((clock.now - began) * _RATE)}"

    try:
        key = await listen(channel, ends, escapes)
    except (Gone, Redirected):
        if channel.slips_away:
            raise
        return _failed(f" (hangup) {end()}")
    if key:
        return _done(f"{ord(key)} (dtmf) {end()}")
    left = 0 if seconds is None else round((seconds - ends) * 1000)
    return _done(f"{left} (timeout) {end()}")


async def _receive_char(channel: Channel, words: list[str]) -> Outcome:
    milliseconds = int(words[0])
    await channel.pause(milliseconds / 1000 if milliseconds else None)
    return _failed(" (hangup)")


async def _receive_text(channel: Channel, words: list[str]) -> Outcome:
    milliseconds = int(words[0])
    await channel.pause(milliseconds / 1000 if milliseconds > 0 else None)
    return _done(-1)


def _code(key: str) -> int:
    """Return the number for a key, or for another end of waiting for one."""
    codes = {"": 0, STOP: 1000, NEW_COMMAND: 1}
    return codes[key] if key in codes else ord(key)


def _length(file: str) -> float:
    return _BEEP if file == "beep" else _FILE


def _is_digit(key: str) -> bool:
    return bool(key) and key not in NO_DIGITS


_FORMATS: Final = frozenset({"alaw", "g722", "gsm", "sln", "ulaw", "wav", "WAV"})

_COMMANDS: Final[dict[str, Callable[[Channel, list[str]], Awaitable[Outcome]]]] = {
    "ANSWER": _answer,
    "ASYNCAGI BREAK": _nothing(),
    "CHANNEL STATUS": _channel_status,
    "CONTROL STREAM FILE": _control_stream_file,
    "DATABASE DEL": _database_del,
    "DATABASE DELTREE": _database_deltree,
    "DATABASE GET": _database_get,
    "DATABASE PUT": _database_put,
    "EXEC": _exec,
    "GET DATA": _get_data,
    "GET FULL VARIABLE": _get_full_variable,
    "GET OPTION": _get_option,
    "GET VARIABLE": _get_variable,
    "GOSUB": _gosub,
    "HANGUP": _hang_up,
    "NOOP": _nothing(),
    "RECEIVE CHAR": _receive_char,
    "RECEIVE TEXT": _receive_text,
    "RECORD FILE": _record_file,
    "SAY ALPHA": _say,
    "SAY DATE": _say_digits,
    "SAY DATETIME": _say_digits,
    "SAY DIGITS": _say_digits,
    "SAY NUMBER": _say_digits,
    "SAY PHONETIC": _say,
    "SAY TIME": _say_digits,
    "SEND IMAGE": _nothing(1),
    "SEND TEXT": _nothing(1),
    "SET AUTOHANGUP": _set_autohangup,
    "SET CALLERID": _set_callerid,
    "SET CONTEXT": _set_context,
    "SET EXTENSION": _set_extension,
    "SET MUSIC": _set_music,
    "SET PRIORITY": _set_priority,
    "SET VARIABLE": _set_variable,
    "SPEECH ACTIVATE GRAMMAR": _nothing(1),
    "SPEECH CREATE": _nothing(0, 1),
    "SPEECH DEACTIVATE GRAMMAR": _nothing(1),
    "SPEECH DESTROY": _nothing(),
    "SPEECH LOAD GRAMMAR": _nothing(2),
    "SPEECH RECOGNIZE": _nothing(2, 3),
    "SPEECH SET": _nothing(2),
    "SPEECH UNLOAD GRAMMAR": _nothing(1),
    "STREAM FILE": _stream_file,
    "TDD MODE": _nothing(1),
    "VERBOSE": _verbose,
    "WAIT FOR DIGIT": _wait_for_digit,
}
