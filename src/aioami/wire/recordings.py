r"""Recordings of a link: their format, and the writer.

A recording is a text file in UTF-8 with one JSON object per line. The first line identifies it:

    {"recording": "aioami", "version": 1, "started": "2026-01-31T12:00:00.000000Z"}

It also has `"server"`, the server's name, if that was in a fleet.

Each further line has `time`, in seconds since the start, and `direction`:

    {"time": 0.01, "direction": "opened"} {"time": 0.02, "direction": "received", "data": "Asterisk
    Call Manager/11.0.0\r\n"} {"time": 0.03, "direction": "sent", "data": "Action:
    Login\r\nUsername: admin\r\nSecret: ***\r\n\r\n"} {"time": 9.99, "direction": "closed"}

`data` is a whole message with its blank line, or a part of one if the link ended within it. Bytes
that are not UTF-8 are lone surrogates, as in Python's `surrogateescape`. Secrets are replaced by
`***`: passwords and secrets in headers, in configuration files and in their changes, the key of a
login, and the headers given to `aioami.hide_header`. All other text is unchanged: a recording has
people's numbers, names and messages, and should be protected accordingly.

A reader refuses a `version` that it does not know, and ignores unknown names in the objects.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Final

from .._log import get_logger
from .framing import END_OF_OUTPUT, MAX_END_OF_OUTPUT, RAW_OUTPUT, has_raw_output
from .redaction import redact, redact_repeated, secrets_of
from .text import UTF8, Encoding

__all__ = ["FORMAT_VERSION", "Recorder"]

FORMAT_VERSION: Final = 1
_BLANK: Final = re.compile(rb"\n\r?\n")
# Blank lines before a message mean nothing. AstManProxy begins its own answers with the ActionID.
_RESPONSE: Final = re.compile(r"(?i)(?:\r?\n)*(?:actionid:[^\n]*\n)?response:\s*([^\r\n]*)")
_SUCCESS: Final = re.compile(r"(?i)success|follows|goodbye")
_ACTION_ID: Final = re.compile(r"(?im)^actionid:(.*)$")
_MAX_KEPT: Final = 1000  # actions whose secrets are kept

_log: Final = get_logger("aioami.recording")


class Recorder:
    """Writes the traffic of a link into a file.

    The file is created when the first link opens; later links of the same recorder are appended. If
    a write fails, the rest of that link is not recorded, and the recorder tries again with the next
    link.

    Args:
        path: the file, which is overwritten.
        encoding: the link's encoding, for the names of secret headers. The file keeps the bytes.
        secrets: secrets that the server knows anyway, the user's, and may repeat in a refusal.

    Attributes:
        server: the name of the server in its fleet; empty outside of one.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        encoding: Encoding = UTF8,
        secrets: Iterable[str] = (),
    ) -> None:
        self.path = Path(path)
        self.server = ""
        self._shown = encoding
        self._encoding = Encoding(encoding.name, "surrogateescape")
        # The secrets of the login, and those of the last actions that had any, by ActionID.
        self._secrets = frozenset(encoding.encode("secret", each) for each in secrets)
        self._sent_secrets: dict[str, set[bytes]] = {}
        self._file: IO[str] | None = None
        self._failed = False
        self._started: float | None = None
        self._pending = bytearray()
        self._searched = 0
        self._greeted = False
        self._has_raw_output = True

    def start(self) -> None:
        """Open the file, and record the beginning of a link.

        Raises:
            OSError: the file cannot be written.
        """
        if self._file is not None:
            return
        # After a failure, a device or a pipe cannot be cut back to its last whole line.
        if self._failed and not self.path.is_file():
            return
        first = self._started is None or (self._failed and self._cut_half_line() == 0)
        self._file = self.path.open("w" if first else "a", encoding="utf-8", newline="\n")
        self._failed = False
        self._pending.clear()
        self._sent_secrets.clear()
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
        """Record the messages that these bytes from the server complete."""
        if self._file is None:
            return
        pending = self._pending
        pending += data
        if not self._greeted and (end := pending.find(b"\n")) >= 0:
            self._greeted = True
            banner = str(self._encoding.decode(bytes(pending[:end]))).rstrip("\r")
            self._has_raw_output = has_raw_output(banner)
            self._take("received", end + 1)
        # A blank line may have begun in the bytes before.
        while (end := self._message_end()) >= 0:
            self._take("received", end)
        self._searched = len(pending)

    def _message_end(self) -> int:
        """Return the end of the first unwritten message; -1 if the message is incomplete."""
        # The old form of command output contains blank lines.
        if self._has_raw_output and RAW_OUTPUT.match(self._pending):
            start = max(0, self._searched - MAX_END_OF_OUTPUT)
            found = END_OF_OUTPUT.search(self._pending, start)
            return -1 if found is None else found.end()
        blank = _BLANK.search(self._pending, max(0, self._searched - 2))
        return -1 if blank is None else blank.end()

    def sent(self, data: bytes) -> None:
        """Record a whole action that goes to the server."""
        self._entry("sent", data)

    def close(self) -> None:
        """Record the end of the link, and close the file."""
        if self._file is None:
            return
        if self._pending:
            self._take("received", len(self._pending))
        self._entry("closed")
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # everything was flushed before
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
            is_sent = direction == "sent"
            shown = self._redacted(data, is_sent=is_sent).decode("utf-8", "surrogateescape")
            entry["data"] = shown
        self._line(entry)

    def _redacted(self, data: bytes, *, is_sent: bool) -> bytes:
        encoding = self._encoding
        text = str(encoding.decode(data))
        # In a few encodings one text has several byte forms. The bytes matter more than the names
        # of secret headers: if they would change, the message is read as UTF-8.
        if encoding.encode("data", text) != data:
            encoding = UTF8
            text = data.decode("utf-8", "surrogateescape")
        decode, encode = self._shown.decode, encoding.encode

        def shown(part: str) -> str:
            """A name as messages show it, which may differ from the file."""
            return part if part.isascii() else decode(encode("data", part))

        redacted = redact(text, shown)
        if is_sent and redacted != text:
            secrets = {encode("data", each) for each in secrets_of(text, shown)}
            self._keep_secrets(_action_id(text), secrets)
        elif (found := _RESPONSE.match(text)) is not None:
            known = self._secrets_repeated(text, is_success=bool(_SUCCESS.match(found[1])))
            redacted = redact_repeated(redacted, (str(encoding.decode(each)) for each in known))
        return encode("data", redacted)

    def _keep_secrets(self, action_id: str, found: set[bytes]) -> None:
        """Keep the secrets of an action, also after its first answer: an error may follow."""
        kept = self._sent_secrets
        kept[action_id] = found
        if len(kept) > _MAX_KEPT:
            del kept[next(iter(kept))]

    def _secrets_repeated(self, text: str, *, is_success: bool) -> set[bytes]:
        """The secrets that a server may repeat in this response.

        A response without an ActionID may answer any action.
        """
        kept, action_id = self._sent_secrets, _action_id(text)
        found = kept.get(action_id, set()) if action_id else set().union(*kept.values())
        return found if is_success else found | self._secrets

    def _line(self, entry: dict[str, object]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(entry) + "\n")
            if entry.get("direction") != "received":
                self._file.flush()
        except (OSError, ValueError) as error:  # ValueError: the file was collected before the link
            # The link matters more than its recording, so the error is only logged.
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


def _action_id(text: str) -> str:
    found = _ACTION_ID.search(text)
    return "" if found is None else found[1].strip()
