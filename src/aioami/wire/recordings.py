r"""Recordings of a link: their format, and how one is written.

A recording is a text file in UTF-8 with one JSON object a line. The first says what it is:

    {"recording": "aioami", "version": 1, "started": "2026-01-31T12:00:00.000000Z"}

It also has `"server"`, with the server's name, if it was one of a fleet.

Each further line has `time`, in seconds since the start, and `direction`:

    {"time": 0.01, "direction": "opened"} {"time": 0.02, "direction": "received", "data": "Asterisk
    Call Manager/11.0.0\r\n"} {"time": 0.03, "direction": "sent", "data": "Action:
    Login\r\nUsername: admin\r\nSecret: ***\r\n\r\n"} {"time": 9.99, "direction": "closed"}

`data` is a whole message with its blank line, or what there was of one when the link ended. Bytes
that are not UTF-8 are single surrogates, as in Python's `surrogateescape`. What is secret is
replaced by `***`: passwords and secrets in headers, in configuration files and in their changes,
the key of a login, and the headers that `aioami.hide_header` was given. Other text is as it was:
numbers, names and what people wrote are in a recording, and it should be kept accordingly.

A reader refuses a `version` that it does not know, and ignores names that it does not know.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Final

from .._log import get_logger
from . import redact
from .framing import END_OF_OUTPUT, MAX_END_OF_OUTPUT
from .text import UTF8, Encoding

__all__ = ["FORMAT_VERSION", "Recorder"]

FORMAT_VERSION: Final = 1
_BLANK: Final = re.compile(rb"\n\r?\n")

_log: Final = get_logger("aioami.recording")


class Recorder:
    """Writes what goes over a link into a file.

    The file is made when the first link is opened; links that the same recorder sees later are
    written behind it. When it cannot be written, nothing more of that link is, and the next link is
    tried again.

    Args:
        path: the file, which is overwritten.
        encoding: the link's, in which the names of secret headers are read. The file has the bytes.

    Attributes:
        server: the name of the server in its fleet; empty outside of one.
    """

    def __init__(self, path: str | os.PathLike[str], encoding: Encoding = UTF8) -> None:
        self.path = Path(path)
        self.server = ""
        self._shown = encoding
        self._encoding = Encoding(encoding.name, "surrogateescape")
        self._file: IO[str] | None = None
        self._failed = False
        self._started: float | None = None
        self._pending = bytearray()
        self._searched = 0
        self._greeted = False

    def start(self) -> None:
        """Open the file, and write that a link begins.

        Raises:
            OSError: the file cannot be written.
        """
        if self._file is not None:
            return
        # A device or a pipe that failed cannot be cut back to its last whole line.
        if self._failed and not self.path.is_file():
            return
        first = self._started is None or (self._failed and self._cut_half_line() == 0)
        self._file = self.path.open("w" if first else "a", encoding="utf-8", newline="\n")
        self._failed = False
        self._pending.clear()
        self._searched = 0
        if first:
            self._started = time.monotonic()
            now = datetime.now(timezone.utc).isoformat(timespec="microseconds")
            started = now.replace("+00:00", "Z")
            server = {"server": self.server} if self.server else {}
            head = {"recording": "aioami", "version": FORMAT_VERSION, "started": started}
            self._line({**head, **server})
        self._greeted = False
        self._entry("opened")

    def received(self, data: bytes) -> None:
        """Write the messages that these bytes from the server complete."""
        if self._file is None:
            return
        pending = self._pending
        pending += data
        if not self._greeted and (end := pending.find(b"\n")) >= 0:
            self._greeted = True
            self._take("received", end + 1)
        # A blank line may have begun in what came before.
        while (end := self._message_end()) >= 0:
            self._take("received", end)
        self._searched = len(pending)

    def _message_end(self) -> int:
        """Return the end of the first message that is not written yet; -1 if it is not there."""
        # The old form of command output has blank lines in it.
        if self._pending.startswith(b"Response: Follows"):
            start = max(0, self._searched - MAX_END_OF_OUTPUT)
            found = END_OF_OUTPUT.search(self._pending, start)
            return -1 if found is None else found.end()
        blank = _BLANK.search(self._pending, max(0, self._searched - 2))
        return -1 if blank is None else blank.end()

    def sent(self, data: bytes) -> None:
        """Write a whole action that goes to the server."""
        self._entry("sent", data)

    def close(self) -> None:
        """Write that the link is over, and close the file."""
        if self._file is None:
            return
        if self._pending:
            self._take("received", len(self._pending))
        self._entry("closed")
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # all was flushed before
                file.close()

    def _take(self, direction: str, end: int) -> None:
        self._entry(direction, bytes(self._pending[:end]))
        del self._pending[:end]
        self._searched = 0

    def _entry(self, direction: str, data: bytes | None = None) -> None:
        assert self._started is not None
        entry: dict[str, object] = {
            "time": round(time.monotonic() - self._started, 6),
            "direction": direction,
        }
        if data is not None:
            entry["data"] = self._redacted(data).decode("utf-8", "surrogateescape")
        self._line(entry)

    def _redacted(self, data: bytes) -> bytes:
        encoding = self._encoding
        text = str(encoding.decode(data))
        # A few encodings have several forms of one text: then the bytes are more than the names.
        if encoding.encode("data", text) != data:
            encoding = UTF8
            text = data.decode("utf-8", "surrogateescape")
        if text.isascii():
            return redact(text).encode()
        # Names are hidden as messages show them, which is not how the file has them.
        decode, encode = self._shown.decode, encoding.encode
        return encode("data", redact(text, lambda part: decode(encode("data", part))))

    def _line(self, entry: dict[str, object]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(entry) + "\n")
            if entry.get("direction") != "received":
                self._file.flush()
        except (OSError, ValueError) as error:  # the latter if it was collected before its link
            # The link matters more than its recording, whose end is logged.
            _log.error("the recording %s ends here, it cannot be written: %s", self.path, error)
            self._failed = True
            file, self._file = self._file, None
            with contextlib.suppress(OSError):
                file.close()

    def _cut_half_line(self) -> int:
        """Remove the half line that a failed write left; return the size of the file."""
        with self.path.open("rb+") as file:
            end = file.seek(0, os.SEEK_END)
            while end > 0:
                start = max(0, end - 65536)
                file.seek(start)
                found = file.read(end - start).rfind(b"\n")
                if found >= 0:
                    end = start + found + 1
                    break
                end = start
            return file.truncate(end)
