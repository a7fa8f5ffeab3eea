"""Answers: parsing the bytes of FastAGI into an environment, replies and hang-ups."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import Final, Union

from ..errors import ProtocolError
from ..wire.text import Encoding, split
from .environment import Environment

__all__ = ["MAX_ANSWER", "MAX_ENVIRONMENT", "AnswerReader", "Item", "Reply", "Sign", "parse_reply"]

MAX_ENVIRONMENT: Final = 64 << 10
"""The largest environment of a session, in bytes. Asterisk sends less than two thousand."""

MAX_ANSWER: Final = 4 << 20
"""The largest answer, in bytes."""

_BEGIN: Final = re.compile(rb"\d{3}(?:[ -]|$)")
_OPEN: Final = re.compile(rb"200 result=\S* \(")
_TAIL: Final = r"(?: (?:endpos|digit|results)=.*)?"
_CLOSED: Final = re.compile(rb"\)" + _TAIL.encode() + rb"$")
_REPLY: Final = re.compile(r"(?as)(\d{3})(?:[ -](.*))?$")
_RESULT: Final = re.compile(r"(?as)result=(\S*)(?: (.*))?$")
_DATA: Final = re.compile(r"(?s)\((.*)\)(" + _TAIL + r")$")
_ENDPOS: Final = re.compile(r"(?:^| )endpos=(-?\d{1,18})(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command.

    Attributes:
        code: 200 if the command was carried out; 510 for an unknown command, 520 for wrong
            arguments.
        result: the text behind `result=`; empty without one.
        data: the text in parentheses, such as the value of a variable. In an answer without
            parentheses, such as a 520, the rest of its text; `None` if there is no such text.
        endpos: the position at which a file ended. For CONTROL STREAM FILE in milliseconds, else in
            samples, with 8,000 a second. `None` if the answer has none.
        raw: the whole answer, without its last line feed.
    """

    code: int
    result: str
    data: str | None = None
    endpos: int | None = None
    raw: str = field(default="", repr=False)


class Sign(enum.Enum):
    """A line that is not part of an answer."""

    HANGUP = "HANGUP"


Item = Union[Environment, Reply, Sign]
"""A complete item that Asterisk sent."""


def parse_reply(text: str) -> Reply:
    """Return the reply of a whole answer, without its last line feed; its texts keep their bytes.

    Raises:
        ProtocolError: the answer does not begin with a code of three digits.
    """
    code, result, endpos, *data = split(text, _parts)
    return Reply(
        int(code), result, data[0] if data else None, int(endpos) if endpos else None, text
    )


def _parts(text: str) -> list[str]:
    """Return code, result, and end position of an answer, and its data if it has any."""
    lines = text.split("\n")
    while len(lines) > 1 and lines[0].startswith("100"):  # a provisional answer comes first
        del lines[0]
    found = _REPLY.match("\n".join(lines))
    if found is None:
        raise ProtocolError("an answer to an AGI command does not begin with a code")
    code, rest = found[1], found[2] or ""
    result = _RESULT.match(rest) if code == "200" else None
    if result is None:
        return [code, "", "", rest] if rest else [code, "", ""]
    tail = result[2] or ""
    data = _DATA.match(tail)
    position = _ENDPOS.search(data[2] if data is not None else tail)
    parts = [code, result[1], position[1] if position is not None else ""]
    shown = data[1] if data is not None else tail if tail and position is None else None
    return parts if shown is None else [*parts, shown]


class AnswerReader:
    """Parses the bytes of one FastAGI connection.

    The environment comes first, then answers. `HANGUP` may come between two answers.

    Args:
        encoding: the encoding of the text.
        max_environment: the largest environment, in bytes.
        max_answer: the largest answer, in bytes.

    Attributes:
        error: the error that ended the reading; `None` before.
    """

    def __init__(
        self,
        encoding: Encoding,
        *,
        max_environment: int = MAX_ENVIRONMENT,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        self._encoding = encoding
        self._max_environment = max_environment
        self._max_answer = max_answer
        self._rest = b""
        self._lines: list[bytes] = []
        self._size = 0
        self._has_environment = False
        self.error: ProtocolError | None = None

    @property
    def has_environment(self) -> bool:
        """True once the environment is complete."""
        return self._has_environment

    def feed(self, data: bytes) -> list[Item]:
        """Take bytes, and return the items that they complete; none after an error."""
        items: list[Item] = []
        if self.error is not None:
            return items
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            for line in lines:
                self._check_size(self._size + len(line) + 1)
                item = self._answer_line(line) if self._has_environment else self._first_line(line)
                if item is not None:
                    items.append(item)
            self._check_size(self._size + len(self._rest))
        except ProtocolError as error:
            self.error, self._rest, self._lines = error, b"", []
        return items

    def _first_line(self, line: bytes) -> Item | None:
        """Take a line of the environment."""
        if line:
            if not self._lines and not line.startswith(b"agi_"):
                raise ProtocolError("whoever connected does not begin as Asterisk does")
            self._keep(line)
            return None
        self._has_environment = True
        text = self._encoding.decode(b"\n".join(self._take()))
        return Environment(text, self._encoding)

    def _answer_line(self, line: bytes) -> Item | None:
        if not self._lines:
            if line == b"HANGUP":
                return Sign.HANGUP
            if not _BEGIN.match(line):
                raise ProtocolError(
                    "Asterisk sent a line that is no answer; a value with a line feed does that"
                )
        self._keep(line)
        if not _is_whole(self._lines):
            return None
        return parse_reply(self._encoding.decode(b"\n".join(self._take())))

    def _keep(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line) + 1

    def _take(self) -> list[bytes]:
        lines, self._lines, self._size = self._lines, [], 0
        return lines

    def _check_size(self, size: int) -> None:
        limit = self._max_answer if self._has_environment else self._max_environment
        if size > limit:
            kind = "an answer" if self._has_environment else "the environment of an AGI session"
            raise ProtocolError(f"{kind} has more than {limit} bytes")


def _is_whole(lines: list[bytes]) -> bool:
    """True if an answer is complete."""
    first = next((line for line in lines if not line.startswith(b"100")), None)
    if first is None:
        return False
    if first.startswith(b"520-"):
        return lines[-1].startswith(b"520 ")
    if _OPEN.match(first):
        return _CLOSED.search(lines[-1]) is not None
    return True
