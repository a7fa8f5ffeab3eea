"""A plain client that plays a scenario, and keeps all that was said.

It knows nothing of aioami's client: it reads lines, and goes by the protocol's own words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Pairs = list[tuple[str, str]]
PATIENCE = 15  # seconds
STEP = 0.02


class Line:
    """One session with a server, fake or real.

    Args:
        host: where the server is.
        port: its port.
        passes: lets so many seconds of the server's time pass.

    Attributes:
        said: what was sent and answered, in order: pairs of direction (`>` or `<`) and message.
        events: the events that came and belong to no answer, in order.
        also: events that are compared here, and nowhere else.
    """

    def __init__(self, host: str, port: int, passes: Callable[[float], Awaitable[None]]) -> None:
        self.host, self.port, self.passes = host, port, passes
        self.said: list[tuple[str, Pairs]] = []
        self.events: list[Pairs] = []
        self.also: set[str] = set()
        self.others: list[Line] = []
        self.closed = False
        self._count = 0
        self._looked_at = 0
        self._answers: list[Pairs] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, username: str = "admin", events: str = "on", **headers: str) -> Line:
        """Connect and log in."""
        await self.connect()
        await self.ask("Login", Username=username, Secret="s3cret", Events=events, **headers)
        return self

    async def connect(self) -> None:
        """Connect, and read the banner."""
        self._reader, self._writer = await asyncio.open_connection(self.host, self.port, limit=1 << 24)
        banner = (await self._reader.readline()).decode().rstrip()
        self.said.append(("<", [(banner, "")]))
        self._tasks.append(asyncio.ensure_future(self._read()))

    async def another(self, username: str, events: str = "off") -> Line:
        """A second session; what it hears is told after this one's."""
        other = Line(self.host, self.port, self.passes)
        self.others.append(other)
        return await other.open(username, events)

    async def close(self) -> None:
        """Close this session and the others."""
        for other in self.others:
            await other.close()
        for task in self._tasks:
            task.cancel()
        self._writer.close()

    async def ask(self, action: str, /, *headers: tuple[str, str], **more: str) -> list[Pairs]:
        """Send an action, and return its messages once they are all there."""
        self._count += 1
        pairs = [("Action", action), ("ActionID", f"id-{self._count}"), *headers, *more.items()]
        return await self.tell("".join(f"{name}: {value}\r\n" for name, value in pairs) + "\r\n", pairs)

    async def tell(self, text: str, pairs: Pairs | None = None) -> list[Pairs]:
        """Send text as it is, and return the messages of one answer."""
        self.said.append((">", pairs or [tuple(line.partition(": ")[::2]) for line in text.split("\r\n") if line]))  # type: ignore[misc]
        start = len(self._answers)
        self._writer.write(text.encode("utf-8", "surrogateescape"))
        await self._until(lambda: self.closed or self._complete(self._answers[start:]), f"an answer to {text!r}")
        answer = self._answers[start:]
        self.said += [("<", message) for message in answer]
        if self.closed:
            self.said.append(("<", [("(closed)", "")]))
        return answer

    async def ends(self) -> None:
        """Wait until the server has closed this session, which it may do a moment after its last answer."""
        await self._until(lambda: self.closed, "the end of the session")
        closed: Pairs = [("(closed)", "")]
        if self.said[-1] != ("<", closed):
            self.said.append(("<", closed))

    async def until(self, name: str, **headers: str) -> Pairs:
        """Wait for an event with these headers, after the last one that was waited for."""
        found: Pairs = []

        def there() -> bool:
            for position in range(self._looked_at, len(self.events)):
                event = self.events[position]
                own = dict(event)
                if own["Event"] == name and all(own.get(key, "").startswith(value) for key, value in headers.items()):
                    self._looked_at = position + 1
                    found[:] = event
                    return True
            return False

        await self._until(there, f"{name} {headers}")
        return found

    async def settle(self, seconds: float = 0.3) -> None:
        """Wait until everything that was caused by now has been told."""
        await self.passes(seconds)
        await self.ask("Ping")
        del self.said[-2:]

    async def _until(self, there: Callable[[], bool], what: str) -> None:
        waited = 0.0
        while not there():
            if waited > PATIENCE:
                raise AssertionError(f"{what} never came; last events: {self.events[-5:]}")
            await self.passes(STEP)
            waited += STEP

    @staticmethod
    def _complete(messages: list[Pairs]) -> bool:
        if not messages:
            return False
        head = dict(messages[0])
        if head.get("Message") == "Waiting for Event completed.":
            return messages[-1][0] == ("Event", "WaitEventComplete")
        if head.get("EventList", "").lower() != "start":
            return True
        return any(name == "EventList" and value == "Complete" for name, value in messages[-1])

    async def _read(self) -> None:
        message: Pairs = []
        while line := await self._reader.readline():
            text = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
            if text:
                name, colon, value = text.partition(": ")
                message.append((name, value) if colon else (text, ""))
            elif message:
                self._sort(message)
                message = []
        self.closed = True

    def _sort(self, message: Pairs) -> None:
        own = dict(message)
        listed = "Privilege" not in own or own.get("Event") == "Status"
        if "Event" in own and not (listed and own.get("ActionID", "").startswith("id-")):
            self.events.append(message)
        else:
            self._answers.append(message)
