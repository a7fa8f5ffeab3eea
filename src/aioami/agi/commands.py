"""Commands: encoding their words as one line, and facts about each command of Asterisk.

Commands that Asterisk would cut off or misread, or that would crash it, are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Union

from ..wire.text import Encoding

__all__ = [
    "COMMANDS",
    "FAILURES",
    "MAX_ASYNC_COMMAND",
    "MAX_LINE",
    "MAX_WORDS",
    "Command",
    "Word",
    "encode_command",
    "encode_word",
]

MAX_LINE: Final = 2047
"""The longest command over FastAGI, in bytes with its line feed. Asterisk runs the rest of a longer
line as another command; from 22.10 on its limit is 8,191."""

MAX_ASYNC_COMMAND: Final = 1013
"""The longest command over AsyncAGI, in bytes: it has to fit into a line of the Manager
Interface."""

MAX_WORDS: Final = 100
"""The most words of a command. More than 127 crash Asterisk."""

Word = Union[str, bytes, int, float]
"""One word of a command."""

COMMANDS: Final = frozenset(
    {
        "ANSWER",
        "ASYNCAGI BREAK",
        "CHANNEL STATUS",
        "CONTROL STREAM FILE",
        "DATABASE DEL",
        "DATABASE DELTREE",
        "DATABASE GET",
        "DATABASE PUT",
        "EXEC",
        "GET DATA",
        "GET FULL VARIABLE",
        "GET OPTION",
        "GET VARIABLE",
        "GOSUB",
        "HANGUP",
        "NOOP",
        "RECEIVE CHAR",
        "RECEIVE TEXT",
        "RECORD FILE",
        "SAY ALPHA",
        "SAY DATE",
        "SAY DATETIME",
        "SAY DIGITS",
        "SAY NUMBER",
        "SAY PHONETIC",
        "SAY TIME",
        "SEND IMAGE",
        "SEND TEXT",
        "SET AUTOHANGUP",
        "SET CALLERID",
        "SET CONTEXT",
        "SET EXTENSION",
        "SET MUSIC",
        "SET PRIORITY",
        "SET VARIABLE",
        "SPEECH ACTIVATE GRAMMAR",
        "SPEECH CREATE",
        "SPEECH DEACTIVATE GRAMMAR",
        "SPEECH DESTROY",
        "SPEECH LOAD GRAMMAR",
        "SPEECH RECOGNIZE",
        "SPEECH SET",
        "SPEECH UNLOAD GRAMMAR",
        "STREAM FILE",
        "TDD MODE",
        "VERBOSE",
        "WAIT FOR DIGIT",
    }
)
"""The commands of Asterisk 16 to 22."""

FAILURES: Final = frozenset(
    {
        "ANSWER",
        "CONTROL STREAM FILE",
        "GET OPTION",
        "GOSUB",
        "RECEIVE CHAR",
        "RECORD FILE",
        "SAY ALPHA",
        "SAY DATE",
        "SAY DATETIME",
        "SAY DIGITS",
        "SAY NUMBER",
        "SAY PHONETIC",
        "SAY TIME",
        "SEND TEXT",
        "STREAM FILE",
        "WAIT FOR DIGIT",
    }
)
"""Commands for which -1 is a failure, which ends AsyncAGI. For all others it is a normal answer."""

_INTERRUPTED: Final = frozenset({"GET DATA", "GET OPTION", "STREAM FILE", "WAIT FOR DIGIT"})
_STOPPED: Final = frozenset({"CONTROL STREAM FILE", "GET OPTION", "STREAM FILE", "WAIT FOR DIGIT"})
# The index of the argument with the digits that end a command.
_ESCAPES: Final = {
    "RECORD FILE": 2,
    **dict.fromkeys((name for name in COMMANDS if name.startswith("SAY ")), 1),
}
_STOPPED_APPLICATIONS: Final = frozenset({b"background", b"playback", b"waitexten"})
_HASHED_APPLICATIONS: Final = frozenset({b"read", b"record"})
# These applications take the channel neither to a bridge nor to another step of the dialplan.
_STAYING_APPLICATIONS: Final = frozenset(
    {
        b"amd",
        b"answer",
        b"background",
        b"controlplayback",
        b"echo",
        b"hangup",
        b"musiconhold",
        b"noop",
        b"playback",
        b"playtones",
        b"read",
        b"record",
        b"ringing",
        b"sayalpha",
        b"saydigits",
        b"saynumber",
        b"sayphonetic",
        b"set",
        b"system",
        b"trysystem",
        b"wait",
        b"waitexten",
    }
)
# These applications end when the channel is hung up. Others go on for a while, as VoiceMailMain for
# half a second, or without a limit, as Record of Asterisk 16.
_HEEDING_APPLICATIONS: Final = frozenset(
    {
        b"background",
        b"bridge",
        b"confbridge",
        b"dial",
        b"echo",
        b"musiconhold",
        b"page",
        b"park",
        b"playback",
        b"playtones",
        b"queue",
        b"read",
        b"ringing",
        b"saydigits",
        b"saynumber",
        b"wait",
        b"waitexten",
    }
)
# These applications may return 0 even if the channel was hung up or redirected.
_HIDING_APPLICATIONS: Final = frozenset(
    {b"confbridge", b"dial", b"read", b"record", b"saynumber", b"voicemail", b"voicemailmain"}
)
# These commands may run any function or application, or any steps of the dialplan.
_HEEDLESS: Final = frozenset({"EXEC", "GET FULL VARIABLE", "GET VARIABLE", "GOSUB", "SET VARIABLE"})
_MOVING_APPLICATIONS: Final = frozenset({b"goto", b"gotoif", b"gotoiftime", b"gosub", b"gosubif"})
_MOVING: Final = frozenset({"GOSUB", "SET CONTEXT", "SET EXTENSION", "SET PRIORITY"})

_NAMES: Final = {name.encode(): name for name in COMMANDS}
_LONGEST_NAME: Final = max(name.count(" ") + 1 for name in COMMANDS)
_FORBIDDEN: Final = ((b"\r", "CR"), (b"\n", "LF"), (b"\0", "NUL"))


@dataclass(frozen=True, slots=True)
class Command:
    """A command that can be sent.

    Attributes:
        name: its name in capitals; for an unknown command its first word.
        arguments: the words behind the name.
        line: its bytes, without the line feed. They may be secret.
    """

    name: str
    arguments: tuple[bytes, ...] = field(repr=False)
    line: bytes = field(repr=False)

    @property
    def is_known(self) -> bool:
        """True if Asterisk has this command, so its name is no secret."""
        return self.name in COMMANDS

    @property
    def fails(self) -> bool:
        """True if an answer of -1 is a failure."""
        return self.name in FAILURES

    @property
    def is_interrupted(self) -> bool:
        """True if the next command over FastAGI interrupts this one."""
        return self.name in _INTERRUPTED

    @property
    def is_stopped_by_control(self) -> bool:
        """True if the action `ControlPlayback` ends it."""
        return self.name in _STOPPED or self._application in _STOPPED_APPLICATIONS

    @property
    def stop_digit(self) -> str:
        """The digit that ends the command; empty without one."""
        if self.name == "GET DATA" or self._application in _HASHED_APPLICATIONS:
            return "#"
        place = _ESCAPES.get(self.name)
        if place is None or place >= len(self.arguments):
            return ""
        return self.arguments[place][-1:].decode("ascii", "ignore")

    @property
    def heeds_hangup(self) -> bool:
        """True if Asterisk ends the command when the channel is hung up."""
        return self.name not in _HEEDLESS or self._application in _HEEDING_APPLICATIONS

    @property
    def hides_hangup(self) -> bool:
        """True if the command may answer 0, as on success, after the channel was hung up."""
        return self._application in _HIDING_APPLICATIONS

    @property
    def runs_dialplan(self) -> bool:
        """True if the command may take the channel to a bridge or anywhere in the dialplan."""
        return self.name in ("EXEC", "GOSUB")

    @property
    def stays(self) -> bool:
        """True if the command leaves the channel where it is: any move comes from outside."""
        return not self.runs_dialplan or self._application in _STAYING_APPLICATIONS

    @property
    def moves(self) -> bool:
        """True if the command may change the channel's place in the dialplan."""
        return self.name in _MOVING or self._application in _MOVING_APPLICATIONS

    @property
    def may_have_moved(self) -> bool:
        """True if the channel may be at another place of the dialplan when the command is done."""
        if self.name == "EXEC":
            return self._application not in _STAYING_APPLICATIONS
        return self.name in _MOVING

    @property
    def _application(self) -> bytes:
        return self.arguments[0].lower() if self.name == "EXEC" and self.arguments else b""


def encode_command(words: Sequence[Word], encoding: Encoding, limit: int = MAX_LINE - 1) -> Command:
    """Return the command of these words.

    Each word is one argument, even with blanks in it. The name may be one word, as `"STREAM FILE"`.

    Args:
        words: the name and the arguments.
        encoding: the encoding of the text.
        limit: the longest command, in bytes without the line feed.

    Raises:
        ValueError: there is no word; a word has a CR, LF or NUL, or a character that the encoding
            lacks; there are over 100 words, or too many bytes; or it is GET OPTION without a
            timeout. The message names the argument, and never shows it.
        TypeError: a word is neither text, bytes nor a number.
    """
    encoded = [_encode_numbered(word, number, encoding) for number, word in enumerate(words)]
    names = encoded[0].split() if encoded else []
    if not names:
        raise ValueError("command: it has no name")
    encoded[:1] = names
    if len(encoded) > MAX_WORDS:
        raise ValueError(
            f"command: it has {len(encoded)} words, and at most {MAX_WORDS} are sent, "
            "as Asterisk dies of some more"
        )
    name, count = _name(encoded)
    arguments = tuple(encoded[count:])
    if name == "GET OPTION" and len(arguments) == 2:
        raise ValueError(
            "GET OPTION: it needs a timeout, as Asterisk dies of it where there is no dialplan"
        )
    line = b" ".join([*map(_quoted_name, encoded[:count]), *map(_quoted, arguments)])
    if len(line) > limit:
        raise ValueError(
            f"{_shown(name)}: the command has {len(line)} bytes with quotes and escapes, "
            f"and at most {limit} can be sent"
        )
    return Command(name, arguments, line)


def encode_word(word: Word, field: str, encoding: Encoding) -> bytes:
    """Return the bytes of a word; bytes stay as they are.

    Raises:
        ValueError: the word is a number that cannot be written in plain digits, or text that the
            encoding cannot write.
        TypeError: it is neither text, bytes nor a number.
    """
    if isinstance(word, (bytes, bytearray)):
        return bytes(word)
    if isinstance(word, str):
        return encoding.encode(field, word)
    if isinstance(word, bool) or not isinstance(word, (int, float)):
        raise TypeError(f"{field}: expected text, bytes or a number, not {type(word).__name__}")
    text = str(int(word)) if isinstance(word, int) else repr(word)
    if not text.removeprefix("-").replace(".", "").isdecimal():
        raise ValueError(f"{field}: the number {text} cannot be written in plain digits")
    return text.encode()


def _encode_numbered(word: Word, number: int, encoding: Encoding) -> bytes:
    field = f"word {number + 1} of the command"
    encoded = encode_word(word, field, encoding)
    for byte, label in _FORBIDDEN:
        if byte in encoded:
            raise ValueError(f"{field}: it may not contain {label}")
    return encoded


def _name(words: list[bytes]) -> tuple[str, int]:
    """Return the name at the begin of a command, and the number of words in the name."""
    for count in range(min(_LONGEST_NAME, len(words)), 1, -1):
        name = _NAMES.get(b" ".join(words[:count]).upper())
        if name is not None:
            return name, count
    return words[0].decode("ascii", "replace").upper(), 1


def _quoted_name(word: bytes) -> bytes:
    return word if word.isalnum() else _quoted(word)


def _quoted(word: bytes) -> bytes:
    return b'"%b"' % word.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def _shown(name: str) -> str:
    return name if name in COMMANDS else "the command"
