"""The events of a manager's channels, routed to the sessions of these channels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from .._hub import ManagersHub
from .._log import get_logger
from .._owner import Owner
from ..errors import ConnectionLost, ManagerError
from ..events.agi import AsyncAGIEnd, AsyncAGIExec, AsyncAGIStart
from ..events.base import Event
from ..events.bridges import BridgeEnter
from ..events.channels import Hangup, HangupRequest, Newexten, SoftHangupRequest
from ..events.link import Disconnected, Reconnected

if TYPE_CHECKING:
    from .._client.like import ManagerLike

__all__ = ["Doorkeeper", "Hub", "Watcher"]

log = get_logger("aioami.agi")


class Watcher(Protocol):
    """The owner of a channel, which gets its events."""

    def take(self, event: Event) -> None:
        """Take an event of the channel."""

    def disconnect(self, reason: str) -> None:
        """Note that the link is lost, and is being established again."""

    def lose(self, error: ManagerError) -> None:
        """Note that the link is gone for good."""


class Doorkeeper(Protocol):
    """Takes the calls that enter AsyncAGI and are not expected by `Hub.expect()`."""

    def enter(self, event: AsyncAGIStart) -> None:
        """Take a call."""

    def look_around(self) -> None:
        """Take the calls that entered while the link was down; it is established again."""

    def lose(self, error: ManagerError) -> None:
        """Note that no more calls will come, as the link is gone for good."""


class Hub(ManagersHub):
    """Routes the events of channels to their watchers. Each manager has one hub.

    Channels are known by their Uniqueid, which stays the same as long as a channel exists.

    Attributes:
        doorkeeper: takes the calls that are not expected; `None` leaves them waiting.
    """

    def __init__(self) -> None:
        self._users = 0
        self._watchers: dict[str, Watcher] = {}
        self._expected: dict[str, Callable[[AsyncAGIStart], None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._owner = Owner(self._lose_its_loop, "manager")
        self.doorkeeper: Doorkeeper | None = None

    def open(self, manager: ManagerLike) -> None:
        """Begin to watch the channels, if this is the first user. Each `open()` needs a `close()`.

        Raises:
            RuntimeError: the manager's channels are watched in another event loop, thread or
                process.
        """
        self.check()
        if self._users == 0 or self._task is None or self._task.done():
            stream = manager.events(
                AsyncAGIStart,
                AsyncAGIExec,
                AsyncAGIEnd,
                BridgeEnter,
                Hangup,
                HangupRequest,
                Newexten,
                SoftHangupRequest,
                Disconnected,
                Reconnected,
                where=self._is_wanted,
                maxsize=None,  # each event is taken at once, so no limit is needed
            )
            self._task = asyncio.create_task(self._consume(stream), name="aioami agi")
            self._owner.take()
        self._users += 1

    def check(self) -> None:
        """Refuse to watch channels outside the event loop, thread or process of the hub.

        Raises:
            RuntimeError: the channels are watched in another event loop, thread or process.
        """
        self._owner.check()

    def _lose_its_loop(self) -> None:
        self._task = None
        doorkeeper, self.doorkeeper = self.doorkeeper, None
        if doorkeeper is not None:
            doorkeeper.lose(ConnectionLost("the event loop of the manager was closed"))

    def close(self) -> None:
        """Stop watching, if this was the last user."""
        self._users -= 1
        if self._users == 0 and self._task is not None:
            if not self._task.get_loop().is_closed():
                self._task.cancel()
            self._task = None
            self._owner.release()

    def watch(self, uniqueid: str, watcher: Watcher) -> None:
        """Give a watcher the events of a channel, instead of its former watcher."""
        self._watchers[uniqueid] = watcher

    def forget(self, uniqueid: str, watcher: Watcher) -> None:
        """Give a watcher no more events of a channel."""
        if self._watchers.get(uniqueid) is watcher:
            del self._watchers[uniqueid]

    def expect(self, uniqueid: str, enter: Callable[[AsyncAGIStart], None]) -> None:
        """Pass a call to a function when it next enters AsyncAGI, instead of to the doorkeeper."""
        self._expected[uniqueid] = enter

    def expect_no_more(self, uniqueid: str) -> bool:
        """Stop expecting a call; return true if it was still expected."""
        return self._expected.pop(uniqueid, None) is not None

    def is_expected(self, uniqueid: str) -> bool:
        """True if a call is expected to enter AsyncAGI, and not for the doorkeeper."""
        return uniqueid in self._expected

    def _is_wanted(self, event: Event) -> bool:
        return (
            isinstance(event, (AsyncAGIStart, Disconnected, Reconnected))
            or event.get("Uniqueid") in self._watchers
        )

    async def _consume(self, stream: Any) -> None:
        try:
            async with stream:
                async for event in stream:
                    self._route(event)
            error: ManagerError = ConnectionLost("the manager was closed")
        except ManagerError as lost:
            error = lost
        for watcher in list(self._watchers.values()):
            watcher.lose(error)
        if self.doorkeeper is not None:
            self.doorkeeper.lose(error)

    def _route(self, event: Event) -> None:
        if isinstance(event, Disconnected):
            for each in list(self._watchers.values()):
                each.disconnect(event.reason or "the link was lost")
            return
        if isinstance(event, Reconnected):
            if self.doorkeeper is not None:
                self.doorkeeper.look_around()
            return
        watcher = self._watchers.get(event.get("Uniqueid", ""))
        if watcher is not None:
            watcher.take(event)
        if not isinstance(event, AsyncAGIStart):
            return
        # A call whose session has ended may enter again.
        enter = self._expected.pop(event.get("Uniqueid", ""), None)
        if enter is not None:
            enter(event)
        elif self.doorkeeper is not None:
            self.doorkeeper.enter(event)
