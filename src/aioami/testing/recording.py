"""Recordings, read and replayed."""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, cast

from .._check import check_several, check_text
from ..wire import Message, product_of
from ..wire.recordings import FORMAT_VERSION
from ..wire.text import (
    DEFAULT_ENCODING,
    DEFAULT_ERRORS,
    UTF8,
    Encoding,
    bytes_of,
    join,
    split,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Entry", "Recording", "RecordingError", "Replay"]

_DIRECTIONS: Final = ("opened", "received", "sent", "closed")


class RecordingError(ValueError):
    """The file is no recording, or of an unknown version; the message names the line."""


@dataclass(frozen=True)
class Entry:
    """One line of a recording.

    Attributes:
        time: seconds since the recording began.
        direction: `opened`, `received`, `sent` or `closed`.
        data: the message as it was sent, its blank line included; empty for `opened` and `closed`.
            `message.getbytes` returns bytes that are no text in the recording's encoding.
    """

    time: float
    direction: str
    data: str = ""

    @property
    def message(self) -> Message:
        """The parsed message."""
        return Message(split(self.data, _lines_of)[0])


def _lines_of(text: str) -> tuple[str]:
    return (text.replace("\r\n", "\n").strip("\n"),)


class Recording:
    """The traffic of a link, as `Manager(record=...)` recorded it.

    Args:
        entries: its lines, in order.
        started: the time of its beginning.
        server: the name of the server in its fleet.

    Attributes:
        entries: its lines, in order.
        started: the time of its beginning, as ISO 8601 text in UTC.
        server: the name of the server in its fleet; empty if it was in none.
    """

    def __init__(self, entries: Iterable[Entry], *, started: str = "", server: str = "") -> None:
        self.entries = list(check_several("entries", entries, "Entry"))
        check_text("started", started)
        check_text("server", server)
        self.started = started
        self.server = server

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        encoding: str = DEFAULT_ENCODING,
        errors: str = DEFAULT_ERRORS,
    ) -> Self:
        """Load a file.

        An incomplete last line, as of a program that was killed, is left out.

        Args:
            path: the file, which holds the bytes.
            encoding, errors: how they become text, see `aioami.Manager`.

        Returns:
            The recording.

        Raises:
            ValueError: the encoding is unknown, or `errors` is another word.
            OSError: the file cannot be read.
            RecordingError: it is no recording, or of an unknown version.
        """
        try:
            return cls._load(Path(path), Encoding(encoding, errors).decode)
        except RecordingError as error:
            raise RecordingError(f"{path}: {error}") from error

    @classmethod
    def _load(cls, path: Path, decode: Callable[[bytes], str]) -> Self:
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise RecordingError(f"not text in UTF-8: {error}") from error
        head = _parsed(lines[0], 1) if lines else {}
        if head.get("recording") != "aioami":
            raise RecordingError("line 1: not the head of a recording")
        if head.get("version") != FORMAT_VERSION:
            raise RecordingError(
                f"line 1: version {head.get('version')!r} is not known, only {FORMAT_VERSION} is",
            )
        entries = []
        for number, line in enumerate(lines[1:], 2):
            if number == len(
                lines,
            ):  # after the last line's end: no text, or a line that was cut off
                break
            entry = _entry(_parsed(line, number), number)
            entries.append(replace(entry, data=decode(bytes_of(entry.data))))
        started, server = (str(head.get(name, "")) for name in ("started", "server"))
        return cls(entries, started=started, server=server)

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        return f"<Recording of {len(self.entries)} entries, {self.duration:.1f} s>"

    @property
    def duration(self) -> float:
        """Seconds from the first entry to the last."""
        return self.entries[-1].time - self.entries[0].time if self.entries else 0.0

    @property
    def received(self) -> list[Message]:
        """The messages of the server, without its banner."""
        entries = (entry for entry in self.entries if entry.direction == "received")
        return [entry.message for entry in entries if _is_message(entry)]

    @property
    def sent(self) -> list[Message]:
        """The actions of the client."""
        return [entry.message for entry in self.entries if entry.direction == "sent"]

    @property
    def events(self) -> list[Entry]:
        """The entries of events, without the items of lists."""
        return [entry for _, entry in _Script(self).events]

    def replay(self, *, speed: float | None = 1.0, port: int = 0) -> Replay:
        """Make a server that replays the recording, for as long as an `async with` lasts.

        A client gets the recorded banner and may log in with any name and secret. Events come from
        the login on, at their recorded distance. An action gets the answer of the next recorded
        action of the same name, with the new ActionID. An action that is not recorded is refused,
        except those about the session itself: Challenge, Login, Logoff, Events, Ping.

        Args:
            speed: factor of the recorded speed: 10.0 is ten times as fast; `None` does not wait.
            port: the port to listen on; 0 is any free port.

        Returns:
            The server, which listens within the `async with`.

        Raises:
            ValueError: the speed is not more than 0, or the port is not from 0 to 65535.
        """
        if speed is not None and speed <= 0:
            raise ValueError(f"speed: more than 0, or None for no waiting, not {speed}")
        if not 0 <= port <= 65535:
            raise ValueError(f"port: from 0 to 65535, not {port}")
        return Replay(self, speed, port)


class Replay:
    """A server that replays a recording on 127.0.0.1; see `Recording.replay`.

    Entering the `async with` raises `OSError` if the port is taken. Leaving it closes all
    connections.

    Attributes:
        recording: the recording.
        speed: factor of the recorded speed; `None` does not wait at all.
        host: the address that it listens on.
        port: the port that it listens on.
        received: the actions that came, in order.
    """

    def __init__(self, recording: Recording, speed: float | None, port: int = 0) -> None:
        self.recording = recording
        self.speed = speed
        self.host, self.port = "127.0.0.1", port
        self.received: list[Message] = []
        self._server: asyncio.AbstractServer | None = None
        self._sessions: set[_Session] = set()

    @property
    def url(self) -> str:
        """The URL of the server and a user, for `Manager.from_url`."""
        return f"ami://replay:replay@{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        for session in list(self._sessions):
            session.end()


class _Session(asyncio.Protocol):
    """One client of a replay."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._input = b""
        self._transport: asyncio.Transport | None = None
        self._script = _Script(replay.recording)
        self._ids: dict[str, str] = {}
        self._emitting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._replay._sessions.add(self)
        self._write(self._script.banner)

    def connection_lost(self, error: Exception | None) -> None:
        self._replay._sessions.discard(self)
        if self._emitting is not None:
            self._emitting.cancel()

    def end(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        *whole, self._input = (self._input + data).replace(b"\r\n", b"\n").split(b"\n\n")
        for text in whole:
            self._answer(Message(UTF8.decode(text)))

    def _answer(self, action: Message) -> None:
        self._replay.received.append(action)
        name, own = action.get("Action", "").lower(), action.get("ActionID", "")
        recorded = self._script.answer_to(name)
        if recorded is not None:
            old, answers = recorded
            if old:
                self._ids[old] = own
            for answer in answers:
                self._write(self._own(answer))
        else:
            self._write(_made_up(name, own))
        if name == "login" and self._emitting is None:
            self._emitting = asyncio.ensure_future(self._emit_all())
        if name == "logoff":
            self.end()

    async def _emit_all(self) -> None:
        """Send the events, each at its time."""
        speed, loop = self._replay.speed, asyncio.get_running_loop()
        began = loop.time()
        for number, (after, event) in enumerate(self._script.events):
            if speed is not None:
                await asyncio.sleep(max(0.0, began + after / speed - loop.time()))
            elif number % 1000 == 999:
                await asyncio.sleep(0)  # other tasks run
            self._write(self._own(event.data))

    def _own(self, text: str) -> str:
        """Replace the recorded ActionIDs of a message by those of this client."""
        lines = split(text, lambda whole: whole.split("\r\n"))
        for number, line in enumerate(lines):
            name, colon, value = line.partition(": ")
            if colon and name.lower() == "actionid" and value in self._ids:
                own = self._ids[value]
                lines[number] = f"{name}: {own}" if own else ""
        return join([*filter(None, lines[:-2]), *lines[-2:]], "\r\n")

    def _write(self, text: str) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(bytes_of(text))


class _Script:
    """A recording, split into banner, answers and events."""

    def __init__(self, recording: Recording) -> None:
        self.banner = "Asterisk Call Manager/11.0.0\r\n"
        self.events: list[tuple[float, Entry]] = []
        self._answers: dict[str, deque[tuple[str, list[str]]]] = {}
        asked: dict[str, list[str]] = {}
        waiting: deque[list[str]] = deque()
        # Events come from the first login on, and without a login from the first entry on.
        start = recording.entries[0].time if recording.entries else 0.0
        logged_in = False
        greeting = True
        for entry in recording.entries:
            if entry.direction == "sent":
                action = entry.message
                name, own = action.get("Action", "").lower(), action.get("ActionID", "")
                answers: list[str] = []
                self._answers.setdefault(name, deque()).append((own, answers))
                if own:
                    asked[own] = answers
                waiting.append(answers)
                if name == "login" and not logged_in:
                    start, logged_in = entry.time, True
            elif entry.direction == "opened":
                greeting = True
            elif entry.direction == "received":
                if greeting and not entry.data.startswith(("Response:", "Event:")):
                    self.banner, greeting = entry.data, False
                    continue
                greeting = False
                target = self._belongs(entry.message, asked, waiting)
                if target is not None:
                    target.append(entry.data)
                else:
                    self.events.append((max(0.0, entry.time - start), entry))

    @staticmethod
    def _belongs(
        message: Message,
        asked: dict[str, list[str]],
        waiting: deque[list[str]],
    ) -> list[str] | None:
        """Return the answers that a message belongs to; `None` for an event to all."""
        own = asked.get(message.get("ActionID", ""))
        if message.kind == "event":
            broadcast = "Privilege" in message and message.get("Event") != "Status"
            return None if broadcast else own
        if own is not None:
            return own
        # Answers come in order: one without an ActionID belongs to the oldest unanswered action.
        return next((answers for answers in waiting if not answers), None)

    def answer_to(self, name: str) -> tuple[str, list[str]] | None:
        """Return the next recorded answer to an action: its ActionID and its messages."""
        recorded = self._answers.get(name, deque())
        while recorded and not recorded[0][1]:
            recorded.popleft()  # this action was never answered
        if not recorded:
            return None
        # The last answer is repeated.
        later = list(recorded)[1:]
        return recorded.popleft() if any(answers for _, answers in later) else recorded[0]


def _made_up(name: str, own: str) -> str:
    known = {
        "challenge": "Response: Success\r\n{}Challenge: 123456789\r\n\r\n",
        "login": "Response: Success\r\n{}Message: Authentication accepted\r\n\r\n",
        "logoff": "Response: Goodbye\r\n{}Message: Thanks for all the fish.\r\n\r\n",
        "events": "Response: Success\r\n{}Events: On\r\n\r\n",
        "ping": "Response: Success\r\n{}Ping: Pong\r\nTimestamp: 0.000000\r\n\r\n",
    }
    refused = "Response: Error\r\n{}Message: This action is not in the recording\r\n\r\n"
    return known.get(name, refused).format(f"ActionID: {own}\r\n" if own else "")


def _is_message(entry: Entry) -> bool:
    """Return true for a message, and false for the banner, which has no blank line."""
    return entry.direction == "sent" or product_of(entry.data.rstrip("\r\n")) is None


def _parsed(line: str, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise RecordingError(f"line {number}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise RecordingError(f"line {number}: not a JSON object")
    return found


def _entry(found: dict[str, Any], number: int) -> Entry:
    at, direction, data = found.get("time"), found.get("direction"), found.get("data", "")
    if not isinstance(at, (int, float)) or isinstance(at, bool) or not 0 <= at < 1e12:
        raise RecordingError(f"line {number}: time is a number of seconds, not {at!r}")
    if direction not in _DIRECTIONS:
        raise RecordingError(
            f"line {number}: direction is one of {', '.join(_DIRECTIONS)}, not {direction!r}",
        )
    if not isinstance(data, str):
        raise RecordingError(f"line {number}: data is text, not {data!r}")
    return Entry(float(at), direction, data)
