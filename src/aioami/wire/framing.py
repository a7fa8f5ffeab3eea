"""Framing: bytes in, whole messages out.

A line ends with LF; one CR before it belongs to the line end. A blank line ends a message. Blank
lines between messages mean nothing. Asterisk nearly always sends CR LF, but about sixty of its
replies have a bare LF or an extra blank line, so both are normal here. Only one message may contain
blank lines: the output of `Command` before Asterisk 14. It begins with `Response: Follows`, and
ends with its own marker.

One regular expression cuts all complete messages of a read at once. The rest stays undecoded in a
buffer, with a note of how far it was searched. So the work is linear in the number of bytes,
however they are divided into reads.
"""

from __future__ import annotations

import math
import re
from typing import Final

from ..errors import ProtocolError
from .greeting import ami_version, refused
from .limits import MAX_BANNER, MAX_FRAME_SIZE
from .text import DEFAULT_ENCODING, DEFAULT_ERRORS, UTF8, Encoding

__all__ = ["END_OF_OUTPUT", "MAX_END_OF_OUTPUT", "RAW_OUTPUT", "Framer", "has_raw_output"]

# With alternatives: a repetition would be tried, and fail, at nearly every line, and take twice as
# long.
_BLANK_LINES = re.compile("\n(?:\r\n|\n)(?:\r?\n)*")
_BLANK_LINES_BYTES = re.compile(b"\n(?:\r\n|\n)(?:\r?\n)*")
_LEADING_BLANK_LINES = re.compile(b"(?:\r?\n)+")
_BLANK_LINE_BYTES = re.compile(b"\n\r?\n")
_SMALL: Final = 4096  # bytes
_SLICE: Final = 1 << 16  # bytes; larger blocks of memory are slower to allocate and to free
_FOLLOWS: Final = b"Response: Follows"
# The version of AMI in Asterisk 14, the first one that sends a command's output in headers.
_NO_FOLLOWS: Final = 3
_MARKER: Final = b"--END COMMAND--"
# AstManProxy adds the server's name to every message, and so puts it behind the marker.
_MAX_SERVER: Final = 255  # bytes of that name
_MAX_END: Final = 3  # bytes of an incomplete end of a message: CR LF CR
END_OF_OUTPUT: Final = re.compile(
    b"%b(\r?\nServer: [^\r\n]{0,%d})?\r?\n\r?\n" % (_MARKER, _MAX_SERVER)
)
"""The end of a command's output before Asterisk 14; the group is a proxy's addition."""
RAW_OUTPUT: Final = re.compile(rb"(?:\r?\n)*Response: Follows\r?\n")
"""The first line of such output, behind blank lines."""
MAX_END_OF_OUTPUT: Final = len(_MARKER) + len(b"\r\nServer: ") + _MAX_SERVER + _MAX_END
"""The longest such end, in bytes; a part of it may be at the end of the buffer."""


def has_raw_output(banner: str) -> bool:
    """True if a server with this greeting may send a command's output raw, with blank lines."""
    version = ami_version(banner)
    return version is None or version < _NO_FOLLOWS


class Framer:
    """Cuts the server's bytes into messages.

    Args:
        max_frame_size: the most bytes in one message, not counting the end of its last line and
            the blank line; `None` lifts the limit.
        banner: true if the stream begins with the greeting line of a new connection.
        encoding, errors: the conversion of bytes to text, see `aioami.Manager`.

    Raises:
        ValueError: the encoding is unknown, or an ASCII character is not its own byte in it; or
            `errors` is another word.

    Attributes:
        banner: the greeting line without its end; `None` before it came.
        error: the `ProtocolError` that ended the framing; `feed` ignores all bytes after it.
    """

    __slots__ = (
        "_awaits_banner",
        "_buffer",
        "_encoding",
        "_in_follows",
        "_limit",
        "_may_follow",
        "_searched",
        "banner",
        "error",
    )

    def __init__(
        self,
        max_frame_size: int | None = MAX_FRAME_SIZE,
        *,
        banner: bool = True,
        encoding: str = DEFAULT_ENCODING,
        errors: str = DEFAULT_ERRORS,
    ) -> None:
        if not isinstance(max_frame_size, (int, type(None))) or isinstance(max_frame_size, bool):
            kind = type(max_frame_size).__name__
            raise TypeError(f"max_frame_size: expected a whole number or None, not {kind}")
        if not isinstance(banner, bool):
            raise TypeError(f"banner: expected True or False, not {type(banner).__name__}")
        self._encoding = Encoding(encoding, errors)
        self._limit = math.inf if max_frame_size is None else max_frame_size
        self._awaits_banner = banner
        self._buffer = bytearray()
        self._searched = 0
        self._in_follows = False
        self._may_follow = True
        self.banner: str | None = None
        self.error: ProtocolError | None = None

    @property
    def buffered(self) -> int:
        """The number of bytes of a message that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[str]:
        """Accept bytes, and return the texts of the messages that they complete.

        A text has the message's lines as they came, with CR LF or LF between them, without the
        blank line at the end. A text that cannot be converted back keeps its bytes, for
        `Message.getbytes`. A fault is recorded in `error`; the messages before it are still
        returned.
        """
        if len(data) <= _SLICE:
            return self._feed(data)
        texts = []
        for start in range(0, len(data), _SLICE):
            texts += self._feed(data[start : start + _SLICE])
        return texts

    def _feed(self, data: bytes) -> list[str]:
        if self.error is not None:
            return []
        buffer = self._buffer
        if self._awaits_banner or self._in_follows or len(buffer) > _SMALL:
            buffer += data
            if self._awaits_banner:
                self._take_banner()
                if self._awaits_banner:
                    return []
            if self._in_follows:
                return self._cut_one_by_one()
            data = b""
            whole: bytes | bytearray = buffer
        else:
            # The rest of the last read is usually short, so copying it is quicker than cutting.
            whole = bytes(buffer) + data if buffer else data
        end = self._end_of_last_message(whole)
        if not end:
            buffer += data
            self._check_unfinished()
            return []
        if end > self._limit or (self._may_follow and _FOLLOWS in whole):
            buffer += data
            return self._cut_one_by_one()
        whole = bytes(whole)
        if end == len(whole):
            buffer.clear()
            self._searched = 0
        else:
            buffer[:] = whole[end:]
            self._check_unfinished()
        start = leading.end() if (leading := _LEADING_BLANK_LINES.match(whole)) else 0
        if whole.isascii() and self._encoding == UTF8:
            return _BLANK_LINES.split(whole[start:end].decode())[:-1]
        # Decoded one by one: otherwise one odd character would make all texts of this read take
        # twice the memory.
        return list(map(self._encoding.decode, _BLANK_LINES_BYTES.split(whole[start:end])[:-1]))

    def _take_banner(self) -> None:
        start = bytes(self._buffer[:MAX_BANNER])
        if (found := refused(start)) is not None:
            kind, shown = found
            what = f"this is {kind}, and no" if kind else "this is no"
            greeting = str(self._encoding.decode(shown[:60]))
            sentence = f"{what} Asterisk Manager Interface: the peer greets with {greeting!r}"
            self._fail(sentence)
            return
        first, end, _ = start.partition(b"\n")
        if not end:
            return
        line = self.banner = str(self._encoding.decode(first)).rstrip("\r")
        self._may_follow = has_raw_output(line)
        self._awaits_banner = False
        del self._buffer[: len(first) + 1]

    def _end_of_last_message(self, data: bytes | bytearray) -> int:
        """Return the position after the last message's blank line; 0 if no message is complete."""
        start = self._searched
        end = data.rfind(b"\n\r\n", start)
        end = end + 3 if end >= 0 else 0
        bare = data.rfind(b"\n\n", max(start, end - 1))
        if bare >= 0:
            end = bare + 2
        if end:
            return end
        if data[:1] == b"\n":  # the data may be only a blank line
            return 1
        return 2 if data[:2] == b"\r\n" else 0

    def _cut_one_by_one(self) -> list[str]:
        """Cut messages one by one, in case there is raw output or a message over the limit.

        Blank lines do not end raw output, and messages before one that is too long must be
        returned. A single cut of all messages could do neither.
        """
        buffer, frames = self._buffer, []
        start = 0
        while True:
            if not self._in_follows:
                while buffer[start : start + 1] == b"\n" or buffer[start : start + 2] == b"\r\n":
                    start = self._searched = start + 1
                # Only as a first line: an event may contain these words.
                if self._may_follow and RAW_OUTPUT.match(buffer, start):
                    self._in_follows = True
                    self._searched = start
            ending = END_OF_OUTPUT if self._in_follows else _BLANK_LINE_BYTES
            found = ending.search(buffer, max(start, self._searched))
            if found is None:
                break
            end = found.start()
            if self._in_follows:
                end = found.end(1) if found[1] is not None else end + len(_MARKER)
            frame = buffer[start:end]
            size = len(frame) - frame.endswith(b"\r")  # the CR is a part of the last line's end
            if size > self._limit:
                self._fail_size()
                break
            frames.append(self._encoding.decode(frame))
            start = self._searched = found.end()
            self._in_follows = False
        if self.error is None:
            del buffer[:start]
            self._check_unfinished()
        return frames

    def _check_unfinished(self) -> None:
        unfinished = len(self._buffer)
        # A part of the marker may be at the end already, so the next search begins before it.
        self._searched = max(0, unfinished - MAX_END_OF_OUTPUT)
        if unfinished - _MAX_END > self._limit:
            self._fail_size()

    def _fail_size(self) -> None:
        self._fail(f"a message from the server exceeds max_frame_size ({self._limit} bytes)")

    def _fail(self, message: str) -> None:
        self.error = ProtocolError(message)
        self._buffer.clear()
