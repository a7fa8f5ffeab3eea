"""Load on a server, and the account of it: what became of each action, and of each event."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from tests.helpers import until

from aioami import (
    Action,
    ActionError,
    ConnectionLost,
    Event,
    EventsLost,
    ManagerError,
    ManagerLike,
    ManagerState,
    ManagerTimeout,
    Response,
    core,
    events,
)
from aioami.responses.base import OutcomeReply
from aioami.testing.real import RealAsterisk

NAME = "Load"
NUMBERS = itertools.count(1)
PATIENCE = 20.0  # seconds

T = TypeVar("T")


class Mark(NamedTuple):
    """A numbered event: the session that caused it, its place among the actions of that session, its own number."""

    session: str
    place: int
    number: int

    @classmethod
    def read(cls, action_id: str, number: str) -> Mark:
        session, _, place = action_id.rpartition("-")
        return cls(session, int(place), int(number))


class Keeper:
    """Does to a server what takes a while, in a thread, so that the event loop goes on. A server ends with its keeper."""

    def __init__(self, server: RealAsterisk) -> None:
        self.server = server
        self._thread = ThreadPoolExecutor(1)

    async def do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def cli(self, command: str) -> str:
        return await self.do(lambda: self.server.cli(command))

    def __enter__(self) -> Keeper:
        try:
            self._thread.submit(self.server.start).result()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._thread.submit(self.server.stop).result()
        self._thread.shutdown()


class Observer:
    """A plain client, directly on the server: it causes numbered events steadily, and sees those that all cause.

    Attributes:
        seen: the numbered events.
        names: how many events of each name came.
        others: the names of user events that each tick causes besides the numbered one.
    """

    def __init__(self, server: RealAsterisk, others: Iterable[str] = (), pace: float = 0.01) -> None:
        self.seen: list[Mark] = []
        self.names: Counter[str] = Counter()
        self.others = tuple(others)
        self._server = server
        self._pace = pace
        self._places = itertools.count(1)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Observer:
        self._reader, self._writer = await asyncio.open_connection(self._server.host, self._server.port)
        self.say("Login", Username=self._server.username, Secret=self._server.secret)
        self._tasks.append(asyncio.create_task(self._read()))
        await until(lambda: self.names["FullyBooted"])
        return self

    async def __aexit__(self, *_: object) -> None:
        await cancel(*self._tasks)
        self._writer.close()
        await self._writer.wait_closed()

    def start(self) -> None:
        """Begin to cause events."""
        self._tasks.append(asyncio.create_task(self._tick()))

    async def stop(self) -> None:
        """Cause no more, and wait until the last one came."""
        await cancel(self._tasks.pop())
        last = self._cause()
        await until(lambda: last in self.seen[-100:])

    def say(self, action: str, **headers: str | int) -> int:
        """Send an action, and return its place."""
        place = next(self._places)
        pairs = {"Action": action, "ActionID": f"observer-{place}", **headers}
        self._writer.write("".join(f"{name}: {value}\r\n" for name, value in pairs.items()).encode() + b"\r\n")
        return place

    def _cause(self) -> Mark:
        number = next(NUMBERS)
        return Mark("observer", self.say("UserEvent", UserEvent=NAME, Number=number), number)

    async def _tick(self) -> None:
        while True:
            self._cause()
            for other in self.others:
                self.say("UserEvent", UserEvent=other)
            await asyncio.sleep(self._pace)

    async def _read(self) -> None:
        rest = b""
        while chunk := await self._reader.read(1 << 20):
            *messages, rest = (rest + chunk).split(b"\r\n\r\n")
            for message in messages:
                if message.startswith(b"Event: "):
                    self._take(message.decode(errors="replace"))

    def _take(self, message: str) -> None:
        fields = dict(line.partition(": ")[::2] for line in message.split("\r\n"))
        self.names[fields["Event"]] += 1
        if fields.get("UserEvent") == NAME:
            self.seen.append(Mark.read(fields["ActionID"], fields["Number"]))


class Watch:
    """A stream of the numbered events, as a consumer of the library has it.

    Args:
        mgr: a manager, direct or remote.
        selectors: what the stream is of; all events, if there are none.
        options: those of the stream.

    Attributes:
        seen: the events, and `None` where the stream said that some are missing.
        gaps: how often it said so.
        error: what ended the stream.
    """

    def __init__(self, mgr: ManagerLike, *selectors: type[Event] | str, **options: Any) -> None:
        self.seen: list[Mark | None] = []
        self.gaps = 0
        self.error: ManagerError | None = None
        self._stream = mgr.events(*selectors, where=_is_numbered, maxsize=None, on_loss="raise", **options)
        self._task = asyncio.create_task(self._take())

    async def _take(self) -> None:
        while True:
            try:
                async for event in self._stream:
                    self.seen.append(Mark.read(event["ActionID"], event["Number"]))
                return
            except EventsLost:
                self.gaps += 1
                self.seen.append(None)
            except ManagerError as error:
                self.error = error
                self.seen.append(None)
                return

    async def close(self) -> None:
        await cancel(self._task)
        self._stream.close()


def _is_numbered(event: Event) -> bool:
    return isinstance(event, events.UserEvent) and event.user_event == NAME


class Load:
    """Actions of many kinds through a manager, each counted by how it ended.

    Attributes:
        sent: actions sent; each is in one of the next four at the end.
        answered: those that succeeded.
        refused: those that the server refused.
        failed: those that were cut off, or not answered in time.
        cancelled: those whose caller gave up.
        confirmed: the numbered events whose action was answered.
        never_sent: the numbers of those of which the library said that they never reached the server.
        calls: calls that were accepted and whose outcome was not told yet.
    """

    def __init__(self, mgr: ManagerLike, pace: float = 0.01) -> None:
        self.mgr = mgr
        self.sent = self.answered = self.refused = self.failed = self.cancelled = self.calls = 0
        self.confirmed: list[Mark] = []
        self.never_sent: set[int] = set()
        self._pace = pace
        self._before = mgr.statistics()
        self._going = True
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to send."""
        call = core.Originate_Application("Local/short@test", "Wait", ("0.1",), timeout=2000)
        for work, pace in (
            *[(self.cause_event, 1)] * 3,
            (lambda: self.send(core.Ping()), 2),
            (lambda: self.send(core.Setvar("LOAD", next(NUMBERS))), 2),
            (lambda: self.send(core.QueueStatus()), 5),
            (self.stream_list, 5),
            (lambda: self.place(call), 10),
        ):
            self.repeat(work, pace)

    def repeat(self, work: Callable[[], Awaitable[object]], pace: float) -> None:
        """Do something again and again until the end, with so many times the pace between."""
        self._tasks.append(asyncio.create_task(self._repeat(work, pace * self._pace)))

    async def _repeat(self, work: Callable[[], Awaitable[object]], pace: float) -> None:
        while self._going:
            await work()
            await asyncio.sleep(pace)

    async def stop(self) -> None:
        """Send no more, and wait until all that was sent has ended."""
        self._going = False
        await asyncio.gather(*self._tasks)

    async def send(self, action: Action[Any]) -> Response | ManagerError:
        """Send an action, and return its response or what was raised."""
        return await self.count(self.mgr.send(action))

    async def count(self, answer: Awaitable[T]) -> T | ManagerError:
        """Wait for what an action answers, and return it or what was raised."""
        self.sent += 1
        try:
            result = await answer
        except ActionError as error:
            self.refused += 1
            return error
        except (ConnectionLost, ManagerTimeout) as error:
            self.failed += 1
            return error
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.answered += 1
        return result

    async def cause_event(self) -> Mark | None:
        """Have a numbered event made; `None` unless the server confirmed it."""
        number = next(NUMBERS)
        reply = await self.send(core.UserEvent(UserEvent=NAME, Number=number))
        if isinstance(reply, Response):
            mark = Mark.read(reply.action_id or "", str(number))
            self.confirmed.append(mark)
            return mark
        if isinstance(reply, ConnectionLost) and not reply.sent:
            self.never_sent.add(number)
        return None

    async def stream_list(self) -> None:
        """Take a list item by item."""

        async def take() -> None:
            with self.mgr.stream(core.QueueStatus()) as stream:
                async for _ in stream:
                    pass

        await self.count(take())

    async def place(self, call: core.Originate_Application) -> None:
        """Place a call, and wait for its outcome."""
        reply = await self.send(call)
        if isinstance(reply, OutcomeReply):
            self.calls += 1
            with contextlib.suppress(ConnectionLost, ActionError):
                await reply.outcome(timeout=PATIENCE)
            self.calls -= 1

    def check(self) -> None:
        """Assert that the manager's statistics have the same numbers as its callers."""
        assert self.sent == self.answered + self.refused + self.failed + self.cancelled
        assert self.calls == 0
        told = self.mgr.statistics() - self._before
        assert told.pending == 0
        assert told.actions == told.successes + told.errors + told.failures
        # An action that was cancelled may be in any of them, or in none if it was still waiting for a link.
        more = [told.successes - self.answered, told.errors - self.refused, told.failures + told.unsent - self.failed]
        assert min(more) >= 0, (told, vars(self))
        assert sum(more) <= self.cancelled, (told, vars(self))


class Account:
    """Load on a manager for as long as the `async with` lasts; at its end all that was sent and seen must add up.

    Args:
        mgr: a manager that is ready.
        server: the server, if it lives through all of it: then an observer there tells what happened.
        others: see `Observer`.
        load: what kind of load.
    """

    def __init__(
        self, mgr: ManagerLike, server: RealAsterisk | None, others: Iterable[str] = (), load: type[Load] = Load
    ) -> None:
        self.mgr = mgr
        self.load = load(mgr)
        self.watch = Watch(mgr, events.UserEvent)
        self.observer = None if server is None else Observer(server, others)

    async def __aenter__(self) -> Account:
        if self.observer is not None:
            await self.observer.__aenter__()
            self.observer.start()
        self.load.start()
        await self.flow()
        return self

    async def flow(self, count: int = 50) -> None:
        """Wait until so many more events were confirmed and seen."""
        confirmed, seen = len(self.load.confirmed) + count, len(self.watch.seen) + count
        await until(lambda: len(self.load.confirmed) >= confirmed and len(self.watch.seen) >= seen)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self.load.stop()
            if kind is None:
                await self._settle()
                self.load.check()
                self._check_events()
        finally:
            await self.watch.close()
            if self.observer is not None:
                await self.observer.__aexit__()

    async def _settle(self) -> None:
        """Wait until all that was caused has been seen."""
        if self.observer is not None:
            await self.observer.stop()
        if self.mgr.state is not ManagerState.LOST:
            last = None
            for _ in range(10):  # the link may be lost once more, or the server late
                if (last := await self.load.cause_event()) is not None:
                    break
                await self.mgr.wait_ready(30)
            assert last is not None, "no event can be made any more"
            await until(lambda: last in self.watch.seen[-100:])
            if self.observer is not None:
                seen = self.observer.seen
                await until(lambda: last in seen[-100:])

    def _check_events(self) -> None:
        confirmed = set(self.load.confirmed)
        if self.observer is not None:
            made = self.observer.seen
            assert confirmed <= set(made), "an event that was confirmed was not made"
        else:
            made = sorted({*confirmed, *filter(None, self.watch.seen)})
        numbers = [mark.number for mark in made]
        assert len(numbers) == len(set(numbers)), "an action was carried out twice"
        assert self.load.never_sent.isdisjoint(numbers), "an action that was never sent was carried out"
        check_order(made, self.watch.seen)


def check_order(made: list[Mark], seen: list[Mark | None]) -> None:
    """Assert that all events were seen, once and in order, but for those that are missing where a gap was told."""
    for session in {mark.session for mark in made}:
        places = [mark.place for mark in made if mark.session == session]
        position, after_gap = 0, False
        for mark in seen:
            if mark is None:
                after_gap = True
            elif mark.session == session:
                if position == len(places) or mark.place != places[position]:
                    assert after_gap, (
                        f"{mark} came where {places[position : position + 1]} was due, and no gap was told"
                    )
                    assert mark.place in places[position:], f"{mark} came twice, out of order, or out of nothing"
                    position = places.index(mark.place, position)
                position, after_gap = position + 1, False
        assert after_gap or position == len(places), f"{places[position:]} of {session} are missing at the end"


async def cancel(*tasks: asyncio.Task[None]) -> None:
    """End tasks; one that failed raises what ended it."""
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
