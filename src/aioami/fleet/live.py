"""The live state of all servers of a fleet."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .._check import check_callable, check_flag, check_seconds, check_several, check_type
from .._log import get_logger
from .._owner import Owner
from .._signals import Signal
from ..errors import ManagerError
from ..live import DEFAULT_PARTS, Live, LiveChange
from ..states import ManagerState

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._client.like import ManagerLike
    from ..live.part import PartName
    from .fleet import Fleet

__all__ = ["FleetLive", "FleetLiveChanges"]

log = get_logger("aioami.fleet")


class FleetLive(Mapping[str, Live]):
    """The live state of each server of a fleet, by name, and the changes of all in one iteration.

    Example::

        async with Fleet(servers) as fleet, FleetLive(fleet) as lives:
            async for change in lives.changes():
                print(change.server, change.kind, lives[change.server].channels.get(change.key))

    A server that is added to the fleet is followed too, and a removed one is forgotten. While a
    server is away, its state stays as it was, and its `Live.synced` is false; `Fleet.health()` has
    the time of its loss. Leaving ends all live states.

    Args:
        fleet: the fleet, which may be connected later.
        parts, clock, maxsize: for each server, as for `Live`.
        wait: true to wait on entering for the first snapshots of the servers that are ready.
        timeout: seconds for which entering waits; and for each server, as for `Live`. A server that
            needs longer is not `synced` yet, and raises no error, so it does not hold up others.
        options: further options of `Live`.

    Raises:
        ValueError, TypeError: as for `Live`.
        RuntimeError: from entering it a second time.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        parts: Iterable[PartName] = DEFAULT_PARTS,
        clock: Callable[[], float] = time.time,
        wait: bool = True,
        timeout: float | None = 10.0,
        maxsize: int = 10_000,
        **options: Any,
    ) -> None:
        from .._client.threads import BlockingFleet

        given: object = fleet
        if isinstance(given, BlockingFleet):
            raise TypeError(
                "fleet: a live state lives in the event loop: give it the `fleet` of a "
                "BlockingFleet, in a coroutine that its `run()` awaits"
            )
        check_flag("wait", wait)
        check_seconds("timeout", timeout)
        self._fleet = fleet
        self._wait = wait
        self._timeout = timeout
        chosen = check_several("parts", parts, "names")
        if not hasattr(fleet, "health"):
            raise TypeError(f"fleet: expected a Fleet, not {type(fleet).__name__}")
        check_callable("clock", clock)
        check_type("maxsize", maxsize, (int,), "a whole number")
        self._options: dict[str, Any] = {
            **options,
            "parts": chosen,
            "clock": clock,
            "timeout": timeout,
            "maxsize": maxsize,
            "wait": False,
        }
        self._lives = {name: Live(fleet[name], **self._options) for name in fleet}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._consumers: weakref.WeakSet[FleetLiveChanges] = weakref.WeakSet()
        self._unobserve: Callable[[], None] | None = None
        self._owner = Owner(self._lost_its_loop, "live state", "live[name].refresh()")
        self._ended = False

    def __getitem__(self, name: str) -> Live:
        return self._lives[name]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._lives))

    def __len__(self) -> int:
        return len(self._lives)

    def changes(self, *, maxsize: int = 10_000) -> FleetLiveChanges:
        """Return the changes of all servers from now on; each has the name of its server.

        The kind `"everything"` also reports a server that was added, or, with `gone`, removed.
        Servers with waiting changes take turns.

        Args:
            maxsize: the most changes of each server that may wait to be taken. When there are more,
                a single change of the kind `"everything"` takes their place.

        Raises:
            ValueError: `maxsize` is less than 1.
            RuntimeError: the live state was entered in another event loop, thread or process.
        """
        self._owner.check()
        check_type("maxsize", maxsize, (int,), "a whole number")
        if maxsize < 1:
            raise ValueError(f"maxsize: at least 1 change, not {maxsize}")
        changes = FleetLiveChanges(maxsize, self._owner.check)
        if self._ended:
            changes.finish()
        else:
            self._consumers.add(changes)
        return changes

    async def __aenter__(self) -> Self:
        if self._owner.loop is not None or self._ended:
            raise RuntimeError("a live state is entered once; make another one")
        self._fleet.owner.check()
        self._unobserve = self._fleet.observe_servers(self._observe)
        self._owner.take()
        # Servers may have been added and removed since this object was made.
        for name in [name for name in self._lives if name not in self._fleet]:
            del self._lives[name]
        for name in self._fleet:
            self._begin(name, self._fleet[name])
        if self._wait:
            try:
                await self._first_snapshots()
            except BaseException:
                await self._leave()
                raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._leave()

    def __repr__(self) -> str:
        states = ", ".join(f"{name}: {live!r}" for name, live in self._lives.items())
        return f"<FleetLive {states or 'without servers'}>"

    def _lost_its_loop(self) -> None:
        self._tasks.clear()
        self._leaving.clear()
        self._stop()
        self._finish()

    async def _leave(self) -> None:
        self._owner.check()
        self._stop()
        for name in list(self._tasks):
            self._end(name)
        while self._leaving:
            await asyncio.wait(self._leaving)
        self._finish()

    def _stop(self) -> None:
        self._ended = True
        self._owner.release()
        if self._unobserve is not None:
            self._unobserve()

    def _finish(self) -> None:
        for consumer in list(self._consumers):
            consumer.finish()

    async def _first_snapshots(self) -> None:
        ready = {
            asyncio.create_task(self._lives[name].wait_synced(self._timeout)): name
            for name in self._fleet
            if self._fleet[name].state is ManagerState.READY
        }
        try:
            if ready:
                await asyncio.wait(ready)
        finally:
            for task, name in ready.items():
                task.cancel()
                if task.done() and not task.cancelled() and task.exception() is not None:
                    log.warning("%s is not in the live state yet: %s", name, task.exception())

    def _observe(self, name: str, manager: ManagerLike | None) -> None:
        if manager is None:
            self._end(name)
            self._lives.pop(name, None)
        else:
            self._begin(name, manager)
        self._notify(LiveChange("everything", gone=manager is None, server=name))

    def _begin(self, name: str, manager: ManagerLike) -> None:
        if name not in self._lives:
            self._lives[name] = Live(manager, **self._options)
        live = self._lives[name]
        task = asyncio.create_task(self._follow(name, live), name=f"aioami live {name}")
        self._tasks[name] = task

    def _end(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None and not task.done():
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
            task.cancel()

    async def _follow(self, name: str, live: Live) -> None:
        try:
            async with live:
                async for change in live.changes():
                    self._notify(replace(change, server=name))
        except ManagerError as error:  # the fleet reports that the server is lost for good
            log.debug("the live state of %s is followed no more: %s", name, error)
        except Exception:
            log.exception("the live state of %s is followed no more", name)

    def _notify(self, change: LiveChange) -> None:
        for consumer in self._consumers:
            consumer.notify(change)


class FleetLiveChanges(AsyncIterator[LiveChange]):
    """The changes since the call of `FleetLive.changes()`, through `async for`, for a single task.

    Several changes of one object are reported once, if the task has taken none of them yet. The
    iteration ends when the `FleetLive` is left. Cancelling the task loses no change. When this
    object is dropped, changes are no longer collected.
    """

    def __init__(self, maxsize: int, check: Callable[[], None]) -> None:
        self._maxsize = maxsize
        self._check = check
        self._waiting: dict[str, dict[tuple[str, str], LiveChange]] = {}
        self._turns: deque[str] = deque()  # the servers with waiting changes
        self._arrival = Signal()
        self._ended = False

    def notify(self, change: LiveChange) -> None:
        """Add a change. Only `FleetLive` calls this.

        If too many changes wait, a single one of the kind `"everything"` takes their place.
        """
        waiting = self._waiting.setdefault(change.server, {})
        if not waiting:
            self._turns.append(change.server)
        everything = ("everything", "")
        if change.kind == "everything":
            waiting.clear()
        elif change.kind != "link" and everything in waiting:
            return
        waiting[change.kind, change.key] = change
        if len(waiting) > self._maxsize:
            link = waiting.get(("link", ""))
            waiting.clear()
            waiting[everything] = LiveChange("everything", server=change.server)
            if link is not None:
                waiting["link", ""] = link
        self._arrival.send()

    def finish(self) -> None:
        """End the iteration after the waiting changes."""
        self._ended = True
        self._arrival.send()

    def __aiter__(self) -> Self:
        self._check()
        return self

    async def __anext__(self) -> LiveChange:
        """Return the next change.

        Raises:
            RuntimeError: another task waits for the next change already; or the live state was
                entered in another event loop, thread or process.
        """
        self._check()
        while not self._turns:
            if self._ended:
                raise StopAsyncIteration
            if self._arrival:
                raise RuntimeError("another task is already waiting for the next change")
            await self._arrival.wait()
        server = self._turns.popleft()
        waiting = self._waiting[server]
        change = waiting.pop(next(iter(waiting)))
        if waiting:
            self._turns.append(server)
        else:
            del self._waiting[server]
        return change
