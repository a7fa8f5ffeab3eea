"""One server of a fleet: its manager, and the state of its link."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._client.manager import Manager
from .._client.options import Backoff
from .._log import get_logger
from .._session.refusals import is_final
from ..errors import ConnectionLost, ManagerError
from ..events.base import Event
from ..events.link import Disconnected, Reconnected
from ..states import ManagerState
from .health import ServerHealth

if TYPE_CHECKING:
    from .._client.like import ManagerLike
    from .._client.streams import EventStream

__all__ = ["Member"]

log = get_logger("aioami.fleet")

_UP = (ManagerState.READY, ManagerState.CONNECTED)


class Member:
    """A server of a fleet.

    Args:
        name: its name in the fleet.
        manager: its manager, which is not connected.
        ended: called when the link is lost for good.
        renewed: called when the manager was closed from outside the fleet, with all its streams; it
            may be connected again.

    Attributes:
        error: the error that ended the link for good; `None` before that.
        takes_name: true if the manager itself sets the server's name in its events.
        arrived: a future that is done once the link is established for the first time, or has the
            error that ended the attempts.
        task: connects the manager, and follows the state of its link.
    """

    def __init__(
        self,
        name: str,
        manager: ManagerLike,
        ended: Callable[[Member], None],
        renewed: Callable[[Member], None],
    ) -> None:
        self._ended = ended
        self._renewed = renewed
        self.name = name
        self.manager = manager
        self.takes_name = False
        self.error: Exception | None = None
        self.arrived: asyncio.Future[None] | None = None
        self.task: asyncio.Task[None] | None = None
        self._connecting = False
        self._reported: Exception | None = None  # the last reported reason of a missing link
        self._state = manager.state
        self._since = time.time()

    def name_manager(self, name: str) -> None:
        """Set the manager's name in the fleet; empty to remove it."""
        if not hasattr(type(self.manager), "server"):
            return
        manager: Any = self.manager
        with contextlib.suppress(AttributeError):  # its name may be fixed
            manager.server = name
        self.takes_name = manager.server == name

    @property
    def state(self) -> ManagerState:
        """The state of the link, as the fleet knows it."""
        state = self.manager.state
        if state is ManagerState.CLOSED and self.error is not None:
            return ManagerState.LOST  # the first connect was refused for good
        if state is ManagerState.CLOSED and self._connecting:
            return ManagerState.CONNECTING  # between two attempts
        return state

    @property
    def has_stood(self) -> bool:
        """True if the link was established at least once since `start()`."""
        arrived = self.arrived
        return (
            arrived is not None
            and arrived.done()
            and not arrived.cancelled()
            and arrived.exception() is None
        )

    def note(self) -> None:
        """Note the time if the state has changed."""
        state = self.state
        if state is not self._state:
            self._state, self._since = state, time.time()

    def health(self) -> ServerHealth:
        """Return the present health of the server."""
        self.note()
        counts = self.manager.statistics()
        return ServerHealth(
            state=self._state,
            since=self._since,
            error=None if self._state in _UP else self.reason,
            round_trip=counts.last_round_trip,
            gaps=counts.gaps,
            version=self.manager.version,
        )

    @property
    def reason(self) -> Exception | None:
        """The reason why there is no link."""
        reason: Exception | None = getattr(self.manager, "reason", None)
        return self.error or reason or self._reported

    def start(self, *, retry: bool) -> None:
        """Start a task that connects the manager, and follows the state of its link.

        Args:
            retry: true to try again while the server cannot be reached.
        """
        loop = asyncio.get_running_loop()
        self.error = self._reported = None
        self._connecting = True
        self.note()
        self.arrived = loop.create_future()
        stream: EventStream[Any] = self.manager.events(Disconnected, Reconnected)
        self.task = loop.create_task(self._keep(stream, retry), name=f"aioami fleet {self.name}")

    async def stop(self) -> None:
        """Stop connecting, and stop following the link."""
        task, self.task = self.task, None
        try:
            if isinstance(self.manager, Manager):
                # The link is established, and `connect` returns in the next turn of the loop. To
                # cancel it now would end the link without a farewell.
                while self._connecting and self.manager.state in _UP:  # noqa: ASYNC110
                    await asyncio.sleep(0)
        finally:
            if task is not None:
                task.cancel()
        if task is not None and not task.done():
            await asyncio.wait([task])
        self._connecting = False
        if self.arrived is not None and not self.arrived.done():
            self.arrived.cancel()

    def lost_its_loop(self) -> None:
        """Note that the task ended with its event loop."""
        self.task = self.arrived = None
        self._connecting = False

    async def _keep(self, stream: EventStream[Event], retry: bool) -> None:
        try:
            await self._connect(retry)
            self.note()
            self._arrive(None)
            while True:
                with stream:
                    async for event in stream:
                        down = isinstance(event, Disconnected)
                        self._reported = ConnectionLost(event.get("Reason", "")) if down else None
                        self.note()
                # The manager was closed from outside the fleet, and may be connected again.
                self.note()
                stream = self.manager.events(Disconnected, Reconnected)
                self._renewed(self)
        except Exception as error:
            self.error = error
            self._arrive(error)
            self.note()
            self._ended(self)
        finally:
            stream.close()

    async def _connect(self, retry: bool) -> None:
        manager = self.manager
        try:
            if isinstance(manager, Manager):
                await manager.connect(retry=retry or None)
            else:
                await self._attempt(retry)
            if manager.state not in _UP:
                await manager.wait_ready()
        finally:
            self._connecting = False

    async def _attempt(self, retry: bool) -> None:
        """Connect the manager, with `retry` until it succeeds or is refused for good."""
        delays = Backoff().delays()
        while True:
            try:
                await self.manager.connect()
            except ManagerError as error:
                if not retry or is_final(error):
                    raise
                if self._reported is None:
                    log.warning("%s was not reached, and is tried again: %s", self.name, error)
                self._reported = error
                await asyncio.sleep(next(delays))
            else:
                self._reported = None
                return

    def _arrive(self, error: Exception | None) -> None:
        if self.arrived is None or self.arrived.done():
            return
        if error is None:
            self.arrived.set_result(None)
        else:
            self.arrived.set_exception(error)
            self.arrived.exception()  # so asyncio does not log it as never retrieved
