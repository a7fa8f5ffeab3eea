"""One stream of a manager's events for all its `Call` objects, routed to their watches."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from .._hub import ManagersHub
from .._log import get_logger
from .._owner import Owner
from .._signals import Signal
from ..actions.bridges import BridgeInfo
from ..actions.channels import CoreShowChannels, Status
from ..errors import ConnectionLost, EventsLost, ManagerError, PermissionDenied
from ..events.base import Event
from ..events.bridges import BridgeEnter, BridgeLeave, BridgeMerge
from ..events.channels import (
    DialBegin,
    DialEnd,
    DialState,
    Hangup,
    Hold,
    LocalOptimizationBegin,
    LocalOptimizationEnd,
    Newchannel,
    Newstate,
    OriginateResponse,
    Pickup,
    Rename,
    Unhold,
)
from ..events.parking import ParkedCall
from ..fields import identifier, whole_number
from .machine import Bridges
from .watch import Watch

if TYPE_CHECKING:
    from .._client.like import ManagerLike
    from .._client.streams import EventStream
    from .call import Call

__all__ = ["Hub"]

_AGAIN: Final = 1.0  # seconds after which the channels are listed again

_EVENTS: Final = (
    *(BridgeEnter, BridgeLeave, BridgeMerge, DialBegin, DialEnd, DialState, Hangup, Hold),
    *(LocalOptimizationBegin, LocalOptimizationEnd, Newchannel, Newstate, OriginateResponse),
    *(ParkedCall, Pickup, Rename, Unhold),
)
# The headers with the Uniqueids of the channels that an event is about. For all other events this
# is `Uniqueid`.
_HEADERS: Final = {
    "BridgeEnter": ("Uniqueid", "SwapUniqueid"),
    "DialBegin": ("DestUniqueid",),
    "DialEnd": ("DestUniqueid",),
    "DialState": ("DestUniqueid",),
    "LocalOptimizationBegin": ("LocalOneUniqueid", "LocalTwoUniqueid"),
    "LocalOptimizationEnd": ("LocalOneUniqueid", "LocalTwoUniqueid"),
    "ParkedCall": ("ParkeeUniqueid",),
    "Pickup": ("TargetUniqueid",),
}
_OWN: Final = ("Uniqueid",)

log = get_logger("aioami.calls")


class Hub(ManagersHub):
    """Routes events to the calls of one manager. Each manager has one hub.

    Attributes:
        bridges: the bridges of the server.
    """

    def __init__(self) -> None:
        self.bridges = Bridges()
        self._watches: dict[Watch, tuple[str, ...]] = {}
        self._routes: dict[str, tuple[Watch, ...]] = {}
        self._tickets: dict[str, Watch] = {}
        self._manager: ManagerLike | None = None  # only while calls are watched
        self._stream: EventStream[Event] | None = None
        self._consumer: asyncio.Task[None] | None = None
        self._owner = Owner(self._lose_all, "manager")
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._looks_again = False
        self._caught_up = Signal()

    def __len__(self) -> int:
        """The number of calls that go on."""
        return len(self._watches)

    @property
    def is_looking(self) -> bool:
        """True while the hub looks for its calls on the server."""
        return self._looking is not None and not self._looking.done()

    def add(self, manager: ManagerLike, watch: Watch) -> None:
        """Give a watch the events of its call from now on, until the call ends.

        Args:
            manager: the manager with the events.
            watch: the watch, which the hub keeps until then.
        """
        self._owner.check()
        if self._stream is None:
            self._manager = manager
            self._stream = manager.events(
                *_EVENTS, where=self._is_wanted, maxsize=None, on_loss="raise"
            )
            consuming = self._consume(self._stream)
            self._consumer = asyncio.create_task(consuming, name="aioami calls")
            self._owner.take()
        watch.machine.bridges = self.bridges
        self._watches[watch] = ()
        if watch.ticket:
            self._tickets[watch.ticket] = watch
        self.route(watch)
        watch.begin()

    def find(self, uniqueid: str) -> tuple[Call, Watch] | None:
        """Return the call with a channel, and its watch; `None` if no `Call` has this channel."""
        for watch in self._routes.get(uniqueid, ()):
            if watch.machine.uniqueid == uniqueid:
                return watch.call, watch
        return None

    def route(self, watch: Watch) -> None:
        """Route to a watch the events of the channels that its call has now."""
        before = self._watches.get(watch)
        now = watch.machine.uniqueids
        if before is None or before == now:
            return
        self._unroute(watch, before)
        for uniqueid in now:
            self._routes[uniqueid] = (*self._routes.get(uniqueid, ()), watch)
        self._watches[watch] = now

    def _unroute(self, watch: Watch, uniqueids: tuple[str, ...]) -> None:
        for uniqueid in uniqueids:
            left = tuple(each for each in self._routes.get(uniqueid, ()) if each is not watch)
            if left:
                self._routes[uniqueid] = left
            else:
                self._routes.pop(uniqueid, None)

    def remove(self, watch: Watch) -> None:
        """Give a watch no more events; close the stream after the last watch."""
        uniqueids = self._watches.pop(watch, None)
        if uniqueids is None:
            return
        self._unroute(watch, uniqueids)
        self._tickets.pop(watch.ticket, None)
        if not self._watches:
            self._close()

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        self._manager = self._consumer = None
        self._owner.release()
        self.bridges = Bridges()
        self._caught_up.send()
        if self._looking is not None:
            self._looking.cancel()
        assert stream is not None
        stream.close()

    def _lose_all(self) -> None:
        for watch in list(self._watches):
            watch.lose()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine in the background, and keep its task until it is done."""
        task = asyncio.create_task(work, name="aioami call")
        self._tasks.add(task)
        task.add_done_callback(self._finish)
        return task

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # A caller that awaits the task gets the error itself. It is logged for the case that none
        # awaits it any more.
        if not task.cancelled() and task.exception() is not None:
            log.debug("a call could not be hung up", exc_info=task.exception())

    # Events

    def _is_wanted(self, event: Event) -> bool:
        name = event.name
        if name in ("BridgeEnter", "BridgeLeave", "BridgeMerge"):
            return True
        if name == "OriginateResponse":
            return event.action_id in self._tickets
        headers = _HEADERS.get(name, _OWN)
        return any(event.get(header) in self._routes for header in headers)

    async def _consume(self, stream: EventStream[Event]) -> None:
        error: ManagerError | None = None
        try:
            while True:
                try:
                    event = await stream.__anext__()
                    self._take(event)
                    if not stream.pending:
                        self._caught_up.send()
                except EventsLost:
                    self.look()
                except StopAsyncIteration:
                    break
        except ManagerError as lost:
            error = lost
        finally:
            self._caught_up.send()
            if self._stream is stream:  # without calls there is no stream
                why = error or "the manager was closed"
                log.info("%d calls are lost, as %s", len(self._watches), why)
                self._lose_all()

    def _take(self, event: Event) -> None:
        name = event.name
        if name == "OriginateResponse":
            watch = self._tickets.get(event.action_id or "")
            if watch is not None:
                watch.take(event)
            return
        if name == "BridgeMerge":
            for watch in list(self._watches):
                watch.take(event)
            return
        bridge = ""
        if name in ("BridgeEnter", "BridgeLeave"):
            bridge = self.bridges.take(event)
        for header in _HEADERS.get(name, _OWN):
            for watch in self._routes.get(event.get(header, ""), ()):
                watch.take(event)
        if bridge:
            self._check_members(bridge)
            self._complete(bridge, event)
        elif name == "Hangup":
            self.bridges.forget(event.get("Uniqueid", ""))

    def _check_members(self, bridge: str) -> None:
        for uniqueid in list(self.bridges.members(bridge)):
            for watch in self._routes.get(uniqueid, ()):
                watch.check_bridge()

    def _complete(self, bridge: str, event: Event) -> None:
        """List the channels of a call's bridge, if it has more than the events have named."""
        members = self.bridges.members(bridge)
        count = whole_number(event.get("BridgeNumChannels", "")) or 0
        if event.name != "BridgeEnter" or count <= len(members):
            return
        if event.get("Uniqueid") in self._routes and bool(self._routes.keys() & members.keys()):
            self.start(self._ask_bridge(bridge))

    async def _ask_bridge(self, bridge: str) -> None:
        """Ask Asterisk for the type and the channels of a bridge."""
        manager = self._manager
        if manager is None:
            return
        try:
            answer = await manager.send(BridgeInfo(bridge))
        except ManagerError as error:
            log.debug("the bridge %s is not known: %s", bridge, error)
            return
        for channel in answer.events:
            uniqueid = identifier(channel, "Uniqueid", "")
            if self.bridges.place(uniqueid) != bridge:
                self.bridges.enter(bridge, uniqueid, identifier(channel, "Channel", ""))
        completion = answer.events.completion
        if completion is not None:
            self.bridges.set_kind(bridge, completion.get("BridgeType", ""))
        self._check_members(bridge)

    # Looking for calls, where events are missing

    def look(self) -> None:
        """Look for the calls on the server, as events may be missing."""
        if self.is_looking:
            self._looks_again = True  # the list on its way may be older than the missing events
            return
        self._looking = self.start(self._look())

    async def _look(self) -> None:
        while self._watches:
            self._looks_again = False
            known = {watch: watch.machine.channel is not None for watch in self._watches}
            try:
                items = await self._list_channels()
            except PermissionDenied as error:
                log.warning("calls are lost: events are missing, and their user may not look")
                log.debug("why the user may not look: %s", error)
                self._lose_all()
                return
            except ConnectionLost:
                return  # with the next link, events are missing again
            except ManagerError as error:
                log.warning("calls cannot be looked for, and this is tried again: %s", error)
                await asyncio.sleep(_AGAIN)
                continue
            if await self._compare(items, known) and not self._looks_again:
                return

    async def _list_channels(self) -> dict[str, Event]:
        manager = self._manager
        assert manager is not None  # this task is cancelled when the last call ends
        try:
            answer: Any = await manager.send(CoreShowChannels())
        except PermissionDenied:
            answer = await manager.send(Status(None))
        # Events that came before the answer are older than the list, so they are taken first.
        while self._stream is not None and self._stream.pending:
            await self._caught_up.wait()
        return {each.get("Uniqueid", ""): each for each in answer.events}

    async def _compare(self, items: dict[str, Event], known: dict[Watch, bool]) -> bool:
        """Compare the calls with a list of all channels; return false to list them again."""
        self.bridges.replace(items.values())
        unseen = []
        for watch, had_channel in known.items():
            if watch not in self._watches:
                continue
            item = items.get(watch.machine.uniqueid)
            if item is not None:
                watch.found(item)
            elif had_channel:
                watch.missing(items)
            elif watch.machine.channel is None:
                unseen.append(watch)
        for bridge in {self.bridges.place(watch.machine.uniqueid) for watch in self._watches}:
            if bridge and self.bridges.kind(bridge) is None:
                await self._ask_bridge(bridge)
        if not unseen:
            return True
        # Asterisk may be about to make the channel.
        await asyncio.sleep(_AGAIN)
        items = await self._list_channels()
        for watch in unseen:
            item = items.get(watch.machine.uniqueid)
            if item is not None:
                watch.found(item)
            elif watch in self._watches and watch.machine.channel is None:
                watch.missing(items)
        return True
