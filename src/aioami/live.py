"""The live state of a server: its channels, bridges and queues, kept up to date by events.

async with Live(mgr) as live:
    for call in live.calls().values():
        print(*(channel.name for channel in call))
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import async_timeout

from ._client.options import Backoff
from ._log import get_logger
from ._signals import Signal
from .actions.bridges import BridgeList
from .actions.channels import CoreShowChannels, Status
from .actions.queues import QueueStatus
from .enums import ChannelState, QueueMemberState
from .errors import (
    ActionError,
    ConnectionLost,
    EventsLost,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    fresh,
)
from .events import bridges as bridge_events
from .events import channels as channel_events
from .events import queues as queue_events
from .events.base import Event
from .events.link import Disconnected
from .events.modules import Reload
from .events.snapshots import BridgeEvent, ChannelEvent
from .events.system import FullyBooted
from .states import ManagerState

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._client.manager import Manager
    from ._client.streams import EventStream
    from .actions.base import Action

__all__ = [
    "Live",
    "LiveBridge",
    "LiveCaller",
    "LiveChange",
    "LiveChanges",
    "LiveChannel",
    "LiveMember",
    "LiveQueue",
]

log = get_logger("aioami.live")

Kind = Literal["channel", "bridge", "queue", "link", "everything"]
Part = Literal["channels", "bridges", "queues"]

_T = TypeVar("_T")
_PARTS: Final[tuple[Part, ...]] = ("channels", "bridges", "queues")
_BREATH: Final = 500  # events that are applied before other tasks have their turn
_STAND_IN: Final = "Surrogate/"
_NOBODY: Final = frozenset({"", "<unknown>", "unknown"})
_QUEUE_MODULES: Final = frozenset({"", "all", "app_queue", "app_queue.so"})


@dataclass(frozen=True, slots=True)
class LiveChannel:
    """A channel at one moment. It never changes: `Live.channels` gets another one in its place.

    Attributes:
        uniqueid: the channel's Uniqueid, which stays the same.
        name: the channel's name, as `PJSIP/alice-00000001`, which may change.
        state: the channel's state; `None` if the server does not say.
        caller_id_num: the number of the channel's own end; empty if unknown.
        caller_id_name: the name of that end; empty if unknown.
        connected_line_num: the number of the far end; empty if unknown.
        connected_line_name: the name of the far end; empty if unknown.
        context: the context in the dialplan.
        exten: the extension in that context.
        priority: the step of that extension.
        application: the application that runs on the channel, as `Queue`.
        application_data: the application's arguments, as `support`.
        bridge: the id of the bridge that the channel is in, a key of `Live.bridges`; `None` if in
            none.
        linkedid: the Linkedid, which all channels of one call have in common.
        account_code: the account to be billed.
        since: when the channel was made, in seconds since 1970 by the clock of this computer.
    """

    uniqueid: str
    name: str = ""
    state: ChannelState | None = None
    caller_id_num: str = ""
    caller_id_name: str = ""
    connected_line_num: str = ""
    connected_line_name: str = ""
    context: str = ""
    exten: str = ""
    priority: str = ""
    application: str = ""
    application_data: str = ""
    bridge: str | None = None
    linkedid: str = ""
    account_code: str = ""
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class LiveBridge:
    """A bridge at one moment: channels in the same bridge hear each other.

    Attributes:
        uniqueid: the BridgeUniqueid.
        type: the purpose, as `basic` (a call of two or more), `base` (a conference) or `parking`.
        technology: the way it mixes, as `simple_bridge`.
        creator: the application that made it; empty if none did.
        name: the bridge's name; empty if it has none.
        channels: the Uniqueids of the channels in it, in the order in which they entered as far as
            that is known.
    """

    uniqueid: str
    type: str = ""
    technology: str = ""
    creator: str = ""
    name: str = ""
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveMember:
    """A member of a queue at one moment.

    Attributes:
        interface: the device that is dialled, as `PJSIP/alice`.
        name: the name to show.
        status: the state of the member's device; `None` if the server does not say.
        paused: true if the member takes no calls for now.
        paused_reason: the reason of the pause; empty if none was given.
        in_call: true while the member talks to a caller of this queue.
        calls_taken: the number of calls of this queue that the member took.
        last_call: when the last of them ended, in seconds since 1970 by the server's clock; `None`
            if there was none.
        penalty: members with a lower one are called first.
        membership: `static`, `dynamic` or `realtime`.
    """

    interface: str
    name: str = ""
    status: QueueMemberState | None = None
    paused: bool = False
    paused_reason: str = ""
    in_call: bool = False
    calls_taken: int = 0
    last_call: float | None = None
    penalty: int = 0
    membership: str = ""


@dataclass(frozen=True, slots=True)
class LiveCaller:
    """A caller who waits in a queue.

    Attributes:
        uniqueid: the Uniqueid of the caller's channel, a key of `Live.channels`.
        channel: the channel's name.
        position: the place in the queue; 1 is next.
        caller_id_num: the caller's number; empty if unknown.
        caller_id_name: the caller's name; empty if unknown.
        since: when the caller came, in seconds since 1970 by the clock of this computer.
    """

    uniqueid: str
    channel: str = ""
    position: int = 0
    caller_id_num: str = ""
    caller_id_name: str = ""
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class LiveQueue:
    """A queue at one moment.

    Attributes:
        name: the queue's name.
        strategy: the way members are chosen, as `ringall`; empty if the queue was made after the
            last snapshot.
        completed: the number of calls that were served: the server's count until the snapshot, and
            the events since. A call that ends while the snapshot is taken may be counted twice.
        abandoned: the number of callers who left without being served, counted in the same way. As
            on the server, one who is bridged or parked while waiting is among them.
        members: the members, by interface.
        callers: the callers who wait, in the order of their positions.
    """

    name: str
    strategy: str = ""
    completed: int = 0
    abandoned: int = 0
    members: Mapping[str, LiveMember] = field(default_factory=lambda: MappingProxyType({}))
    callers: tuple[LiveCaller, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveChange:
    """A change of the live state. It names the thing that changed; `Live` shows how that is now.

    Attributes:
        kind: `"channel"`, `"bridge"` or `"queue"`; `"link"` if `Live.synced` changed;
            `"everything"` if more changed than was held for this consumer, so that all is to be
            looked at again.
        key: the key in `Live.channels`, `Live.bridges` or `Live.queues`; else empty.
        gone: true if the thing is no longer there.
    """

    kind: Kind
    key: str = ""
    gone: bool = False


class LiveChanges:
    """The changes since the call of `Live.changes()`, through `async for`; for one task.

    Several changes of one thing, before the consumer takes the first, are reported once. The
    iteration ends when its `Live` is left or the manager is closed, and raises the error that ended
    the link for good. Cancelling the consumer loses nothing; dropping the object ends it.
    """

    def __init__(self, maxsize: int) -> None:
        self._maxsize = maxsize
        self._waiting: dict[tuple[Kind, str], bool] = {}
        self._arrival = Signal()
        self._ended = False
        self._error: BaseException | None = None

    def _notify(self, kind: Kind, key: str, gone: bool) -> None:
        waiting = self._waiting
        if ("everything", "") in waiting and kind != "link":
            return
        waiting.pop((kind, key), None)
        waiting[kind, key] = gone
        if len(waiting) > self._maxsize:
            link = ("link", "") in waiting
            waiting.clear()
            waiting["everything", ""] = False
            if link:
                waiting["link", ""] = False
        self._arrival.send()

    def _finish(self, error: BaseException | None) -> None:
        self._ended, self._error = True, error
        self._arrival.send()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LiveChange:
        while not self._waiting:
            if self._error is not None:
                raise fresh(self._error)
            if self._ended:
                raise StopAsyncIteration
            if self._arrival:
                raise RuntimeError("another task is already waiting for the next change")
            await self._arrival.wait()
        (kind, key), gone = next(iter(self._waiting.items()))
        del self._waiting[kind, key]
        return LiveChange(kind, key, gone)


class Live:
    """The channels, bridges and queues of a server at this moment, without asking again and again.

    Entering opens a stream of events and asks the server for a snapshot (`CoreShowChannels` or
    `Status`, `BridgeList`, `QueueStatus`); then the events are followed. Another snapshot is taken
    when the link was down, when events were lost, when queues were reloaded, and when a caller left
    a queue in a way that no event describes. Leaving stops all that, and the state stays as it was.

    The events need the read classes `call`, `agent` and `dialplan` (the application that runs). The
    user should have `system` too, for the events of a restart and of a reload: changes that a user
    may not read of go unnoticed. Of the lists only `CoreShowChannels` (`system` or `reporting`) and
    `Status` (one of these, or `call`) need a write class. A part that the user has no right to, or
    that this server lacks, stays empty and is named in `unavailable`.

    Example::

        async with Manager.from_url(url) as mgr, Live(mgr) as live:
            async for change in live.changes():
                print(change, live.channels.get(change.key))

    Args:
        manager: the manager that sends the actions and gets the events.
        wait: true to wait for the first snapshot on entering. `False` begins empty and not
            `synced`, and may be entered before the manager is connected.
        timeout: seconds for which a snapshot may make no progress at all; it is tried again later.
        maxsize: events that may wait while a snapshot is under way. When there are more, another
            one is taken.

    Raises:
        ManagerTimeout: from entering, if the first snapshot was not there in time.
        ConnectionLost: from entering, if there is no link, and none is on its way.
        ValueError: `maxsize` is less than 1.
        RuntimeError: from entering it a second time.
    """

    def __init__(
        self,
        manager: Manager,
        *,
        wait: bool = True,
        timeout: float | None = 10.0,
        maxsize: int = 10_000,
    ) -> None:
        if maxsize < 1:
            raise ValueError(f"maxsize: at least 1 event, not {maxsize}")
        self._manager = manager
        self._wait = wait
        self._timeout = timeout
        self._maxsize = maxsize
        self._channels: dict[str, LiveChannel] = {}
        self._bridges: dict[str, LiveBridge] = {}
        self._queues: dict[str, LiveQueue] = {}
        self._unavailable: dict[Part, str] = {}
        self._waiting: dict[str, _Place] = {}  # the callers of all queues, by Uniqueid
        self._taken = False  # the last snapshot still counts
        self._synced = False
        self._consumers: weakref.WeakSet[LiveChanges] = weakref.WeakSet()
        self._stream: EventStream[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._changed = Signal()
        self._ended = False
        self._error: Exception | None = None

    @property
    def channels(self) -> Mapping[str, LiveChannel]:
        """The channels on the server, by Uniqueid, in a view that changes with them."""
        return MappingProxyType(self._channels)

    @property
    def bridges(self) -> Mapping[str, LiveBridge]:
        """The bridges on the server, by BridgeUniqueid, in a view that changes with them."""
        return MappingProxyType(self._bridges)

    @property
    def queues(self) -> Mapping[str, LiveQueue]:
        """The queues on the server, by name, in a view that changes with them."""
        return MappingProxyType(self._queues)

    @property
    def unavailable(self) -> Mapping[Part, str]:
        """The parts (`channels`, `bridges`, `queues`) that the server refused, with its words."""
        return MappingProxyType(self._unavailable)

    @property
    def synced(self) -> bool:
        """True if the state is up to date; false while the link is down or a snapshot is taken."""
        return self._synced and self._manager.state is ManagerState.READY

    def calls(self) -> dict[str, tuple[LiveChannel, ...]]:
        """The calls in progress: channels by Linkedid, the oldest call and oldest channel first."""
        found: dict[str, list[LiveChannel]] = {}
        for channel in sorted(self._channels.values(), key=lambda each: each.since):
            found.setdefault(channel.linkedid or channel.uniqueid, []).append(channel)
        return {linkedid: tuple(channels) for linkedid, channels in found.items()}

    def changes(self, *, maxsize: int = 10_000) -> LiveChanges:
        """Follow the changes from now on.

        Args:
            maxsize: things that may wait for the consumer. When there are more, it gets one change,
                of `"everything"`.

        Raises:
            ValueError: `maxsize` is less than 1.
        """
        if maxsize < 1:
            raise ValueError(f"maxsize: at least 1 change, not {maxsize}")
        changes = LiveChanges(maxsize)
        if self._ended:
            changes._finish(self._error)
        else:
            self._consumers.add(changes)
        return changes

    async def wait_synced(self, timeout: float | None = None) -> None:
        """Wait for the state to be up to date; return at once if it is. Cancelling changes nothing.

        Args:
            timeout: seconds to wait; `None` is no limit.

        Raises:
            ManagerTimeout: the state was not up to date in time.
            ConnectionLost: `Live` was left, the manager was closed, or the link is lost for good.
            ManagerAuthError, ProtocolError, ActionError: the link is lost for good for one of these
                reasons.
        """
        try:
            async with async_timeout.timeout(timeout):
                while not self.synced:
                    if self._error is not None:
                        raise fresh(self._error)
                    if self._ended:
                        raise ConnectionLost("the live state is followed no more")
                    await self._changed.wait()
        except asyncio.TimeoutError as error:
            raise ManagerTimeout(
                f"the live state was not up to date within {timeout:g} seconds"
            ) from error

    async def __aenter__(self) -> Self:
        if self._task is not None or self._ended:
            raise RuntimeError("a live state is entered once; make another one")
        self._stream = self._manager.events(*_EVENTS, maxsize=self._maxsize, on_loss="raise")
        try:
            if self._wait:
                await self._take_snapshot()
                self._settle()
        except BaseException:
            self._stream.close()
            self._end(None)
            raise
        self._task = asyncio.create_task(
            self._run(self._stream), name=f"aioami follows {self._manager!r}"
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is None or self._stream is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        self._stream.close()
        self._end(None)  # also where it never began

    def __repr__(self) -> str:
        state = "ended" if self._ended else "synced" if self.synced else "not synced"
        channels, bridges = len(self._channels), len(self._bridges)
        queues = len(self._queues)
        return f"<Live {channels} channels, {bridges} bridges, {queues} queues, {state}>"

    # Following

    async def _run(self, stream: EventStream[Any]) -> None:
        error: Exception | None = None
        try:
            await self._follow(stream)
        except ManagerError as reason:
            error = reason
        except Exception as reason:
            error = ManagerError(f"the live state cannot be followed any more: {reason!r}")
            error.__cause__ = reason
            log.exception("the live state cannot be followed any more")
        finally:
            self._end(error)

    async def _follow(self, stream: EventStream[Any]) -> None:
        """Take a snapshot whenever one is due, and apply the events after it."""
        due = not self._wait
        delays = Backoff().delays()
        while True:
            if due:
                try:
                    await self._manager.wait_ready()
                    await self._take_snapshot()
                    delays, due = Backoff().delays(), False
                except ManagerTimeout as error:
                    log.warning("a snapshot of the live state is tried again: %s", error)
                    await asyncio.sleep(next(delays))
                    continue
                except ManagerError as error:
                    # EventsLost reports a link that comes back. After a first connect that failed
                    # no event comes, but the user may call connect() again.
                    if (
                        self._manager.state in (ManagerState.CLOSED, ManagerState.CONNECTING)
                        and not self._is_over()
                    ):
                        continue
                    log.debug("a snapshot of the live state was given up: %s", error)
            self._settle()
            try:
                applied = 0
                async for event in stream:
                    applied += 1
                    if self._apply(event):
                        due = True
                        break
                    if not stream.pending:
                        self._settle()
                        applied = 0
                    elif applied % _BREATH == 0:
                        await asyncio.sleep(0)
                else:
                    return
            except EventsLost as error:
                log.debug("the live state is looked at anew: %s", error)
                due = True
            self._sync(False)

    def _is_over(self) -> bool:
        """True if no more events will come."""
        return self._stream is None or self._stream.ended

    def _settle(self) -> None:
        """Be up to date if a snapshot counts and all events that came after it are applied."""
        if self._stream is not None and not self._stream.pending and self._taken:
            self._sync(True)

    def _sync(self, synced: bool) -> None:
        if not synced:
            self._taken = False
        if synced is self._synced:
            return
        self._synced = synced
        self._notify("link", "", False)
        self._changed.send()

    def _end(self, error: Exception | None) -> None:
        if self._ended:
            return
        self._ended, self._error = True, error
        self._sync(False)
        for consumer in list(self._consumers):
            consumer._finish(error)
        self._changed.send()

    def _notify(self, kind: Kind, key: str, gone: bool) -> None:
        for consumer in list(self._consumers):
            consumer._notify(kind, key, gone)

    # The snapshot

    async def _take_snapshot(self) -> None:
        """Ask the server for all channels, bridges and queues, and show those.

        Raises:
            ManagerTimeout: an answer did not come in time.
            ConnectionLost: the link was lost.
        """
        await self._forget_older_events()
        unavailable: dict[Part, str] = {}
        channels: dict[str, LiveChannel] = {}
        bridges: dict[str, LiveBridge] = {}
        queues: dict[str, LiveQueue] = {}
        try:
            items = await self._list(CoreShowChannels())
        except PermissionDenied:
            items = await self._list_if_possible("channels", Status(None), unavailable)
        except ActionError as error:
            items = _refused("channels", error, unavailable)
        now = time.time()
        for item in items:
            if (
                isinstance(item, (channel_events.CoreShowChannel, channel_events.Status))
                and item.uniqueid
            ):
                channels[item.uniqueid] = _listed_channel(
                    item, self._channels.get(item.uniqueid), now
                )
        for item in await self._list_if_possible("bridges", BridgeList(), unavailable):
            if isinstance(item, bridge_events.BridgeListItem) and item.bridge_uniqueid:
                bridges[item.bridge_uniqueid] = _bridge(item, LiveBridge(item.bridge_uniqueid))
        for channel in channels.values():
            if channel.bridge in bridges:
                found = bridges[channel.bridge]
                bridges[channel.bridge] = replace(
                    found, channels=(*found.channels, channel.uniqueid)
                )
        items = await self._list_if_possible("queues", QueueStatus(), unavailable)
        _list_queues(items, self._queues, time.time(), queues)
        self._unavailable = unavailable
        self._replace("channel", self._channels, channels)
        self._replace("bridge", self._bridges, bridges)
        self._replace("queue", self._queues, queues)
        waiting = [(queue.name, each) for queue in queues.values() for each in queue.callers]
        self._waiting = {each.uniqueid: _Place(name) for name, each in waiting}
        self._taken = True

    async def _forget_older_events(self) -> None:
        """Drop the events that came before the snapshot is asked for: its answers contain them."""
        stream = self._stream
        while stream is not None and stream.pending:
            with contextlib.suppress(EventsLost):
                await stream.__anext__()

    async def _list(self, action: Action[Any]) -> list[Event]:
        with self._manager.stream(action, timeout=self._timeout) as stream:
            return [item async for item in stream]

    async def _list_if_possible(
        self, part: Part, action: Action[Any], unavailable: dict[Part, str]
    ) -> list[Event]:
        try:
            return await self._list(action)
        except ActionError as error:
            return _refused(part, error, unavailable)

    def _replace(self, kind: Kind, held: dict[str, _T], found: dict[str, _T]) -> None:
        for key in held.keys() - found.keys():
            del held[key]
            self._notify(kind, key, True)
        for key, thing in found.items():
            self._put(kind, held, key, thing)

    def _put(self, kind: Kind, held: dict[str, _T], key: str, thing: _T) -> None:
        if held.get(key) != thing:
            held[key] = thing
            self._notify(kind, key, False)

    def _take(self, kind: Kind, held: dict[str, _T], key: str) -> None:
        if held.pop(key, None) is not None:
            self._notify(kind, key, True)

    # The events

    def _apply(self, event: Event) -> bool:
        """Apply an event to the state; true if another snapshot is due."""
        apply = _APPLY.get(type(event).wire_name)
        if apply is not None:
            part, change = apply
            return part not in self._unavailable and change(self, event) is True
        if isinstance(event, Disconnected):
            self._sync(False)
        elif isinstance(event, FullyBooted):
            return bool(self._unavailable)  # it may be that their modules were not loaded yet
        elif isinstance(event, Reload):
            return (event.module or "").lower() in _QUEUE_MODULES
        return False

    def _made(self, event: ChannelEvent) -> None:
        if event.uniqueid:
            made = self._channels.get(event.uniqueid) or LiveChannel(
                event.uniqueid, since=event.timestamp or time.time()
            )
            changed = _channel(event, made, made.bridge)
            self._put("channel", self._channels, event.uniqueid, changed)

    def _on_channel(self, event: ChannelEvent) -> None:
        known = self._channels.get(event.uniqueid or "")
        if known is not None:  # a channel that is not known ended before the snapshot
            changed = _channel(event, known, known.bridge)
            self._put("channel", self._channels, known.uniqueid, changed)

    def _executes(self, event: channel_events.Newexten) -> bool:
        uniqueid, application = event.uniqueid or "", event.get("Application")
        known = self._channels.get(uniqueid)
        if known is not None:
            changed = _channel(event, known, known.bridge, application, event.get("AppData"))
            self._put("channel", self._channels, uniqueid, changed)
        place = self._waiting.get(uniqueid)
        if place is None:
            return False
        # A Redirect of a caller who came without a dialplan (Originate with Application: Queue) is
        # reported by Newexten alone; the server is asked, as on 22 an attended transfer into the
        # queue looks the same at first. Other applications run while the caller goes on waiting if
        # the queue has a subroutine for them (option B, CONNECTED_LINE_SEND_SUB): it begins with a
        # Newexten in the name of Queue. All this was tried on 16 and 22.
        if application == "Queue":
            place.runs_subroutines = True
        return not place.runs_subroutines

    def _hung_up(self, event: ChannelEvent) -> bool:
        uniqueid = event.uniqueid or ""
        channel = self._channels.pop(uniqueid, None)
        if channel is not None:
            if channel.bridge is not None:
                self._leave(channel.bridge, uniqueid)
            self._notify("channel", uniqueid, True)
        # The queue reports a caller who hangs up, before the Hangup comes. Where it did not, an
        # attended transfer has put another channel in the place, which no event reports either
        # (tried on 16 and 22).
        return uniqueid in self._waiting

    def _renamed(self, event: channel_events.Rename) -> None:
        known = self._channels.get(event.uniqueid or "")
        if known is not None and event.newname:
            self._put("channel", self._channels, known.uniqueid, replace(known, name=event.newname))

    def _on_bridge(self, event: BridgeEvent) -> None:
        if event.bridge_uniqueid:
            known = self._bridges.get(event.bridge_uniqueid) or LiveBridge(event.bridge_uniqueid)
            self._put("bridge", self._bridges, event.bridge_uniqueid, _bridge(event, known))

    def _bridge_ended(self, event: BridgeEvent) -> None:
        self._take("bridge", self._bridges, event.bridge_uniqueid or "")

    def _entered(self, event: bridge_events.BridgeEnter) -> None:
        uniqueid, bridge = event.uniqueid or "", event.bridge_uniqueid
        # A caller who is answered is reported by the queue before the bridge. One whom somebody
        # bridges or parks is not reported (tried on 16 and 22).
        if uniqueid in self._waiting:
            self._taken_away(uniqueid)
        channel = self._channels.get(uniqueid)
        if channel is None or not bridge:
            return
        if channel.bridge is not None and channel.bridge != bridge:
            self._leave(channel.bridge, uniqueid)
        channel = _channel(event, channel, bridge)
        self._put("channel", self._channels, uniqueid, channel)
        if "bridges" in self._unavailable:
            return
        known = _bridge(event, self._bridges.get(bridge) or LiveBridge(bridge))
        others = tuple(each for each in known.channels if each != uniqueid)
        self._put("bridge", self._bridges, bridge, replace(known, channels=(*others, uniqueid)))
        # In a basic bridge all get the oldest Linkedid, which this event has; no event names those
        # who were there before. In a conference, a parking lot or a holding bridge each keeps its
        # own (tried on 16 and 22).
        if known.type == "basic" and channel.linkedid:
            for each in others:
                other = self._channels.get(each)
                if other is not None and other.linkedid != channel.linkedid:
                    linked = replace(other, linkedid=channel.linkedid)
                    self._put("channel", self._channels, each, linked)

    def _left(self, event: bridge_events.BridgeLeave) -> None:
        uniqueid, bridge = event.uniqueid or "", event.bridge_uniqueid or ""
        channel = self._channels.get(uniqueid)
        if channel is not None:
            other = None if channel.bridge == bridge else channel.bridge
            self._put("channel", self._channels, uniqueid, _channel(event, channel, other))
        self._leave(bridge, uniqueid)
        if bridge in self._bridges:
            self._on_bridge(event)

    def _leave(self, bridge: str, uniqueid: str) -> None:
        known = self._bridges.get(bridge)
        if known is not None and uniqueid in known.channels:
            left = tuple(each for each in known.channels if each != uniqueid)
            self._put("bridge", self._bridges, bridge, replace(known, channels=left))

    def _queue(self, name: str | None) -> LiveQueue | None:
        return (self._queues.get(name) or LiveQueue(name)) if name else None

    def _set_queue(self, queue: LiveQueue) -> None:
        self._put("queue", self._queues, queue.name, queue)

    def _joined(self, event: queue_events.QueueCallerJoin) -> None:
        queue = self._queue(event.queue)
        if queue is None or not event.uniqueid:
            return
        uniqueid, callers, since = event.uniqueid, list(queue.callers), 0.0
        place = self._waiting.get(uniqueid)
        if place is not None and place.queue != queue.name:  # a Redirect sent the caller here
            self._taken_away(uniqueid)
        elif place is not None:  # the caller came while the snapshot was taken
            since = next((each.since for each in callers if each.uniqueid == uniqueid), 0.0)
            callers = [each for each in callers if each.uniqueid != uniqueid]
        caller = LiveCaller(
            uniqueid,
            event.channel or "",
            caller_id_num=_known(event.caller_id_num),
            caller_id_name=_known(event.caller_id_name),
            since=since or event.timestamp or time.time(),
        )
        callers.insert(max(0, (event.position or len(callers) + 1) - 1), caller)
        self._waiting[uniqueid] = _Place(queue.name)
        self._set_callers(queue, callers, queue.abandoned)

    def _left_queue(self, event: queue_events.QueueCallerLeave) -> None:
        uniqueid = event.uniqueid or ""
        place = self._waiting.get(uniqueid)
        if place is not None and place.queue == event.queue:
            self._without_caller(uniqueid, 0)

    def _taken_away(self, uniqueid: str) -> None:
        """Let a caller leave the queue in a way that it does not report.

        The server puts a stand-in into the queue in the channel's place, which then hangs up: it
        counts a caller who gave up, and keeps the events of the stand-in to itself.
        """
        self._without_caller(uniqueid, 1)

    def _without_caller(self, uniqueid: str, abandoned: int) -> None:
        queue = self._queues[self._waiting.pop(uniqueid).queue]
        callers = [each for each in queue.callers if each.uniqueid != uniqueid]
        self._set_callers(queue, callers, queue.abandoned + abandoned)

    def _set_callers(self, queue: LiveQueue, callers: Iterable[LiveCaller], abandoned: int) -> None:
        self._set_queue(
            LiveQueue(
                queue.name,
                queue.strategy,
                queue.completed,
                abandoned,
                queue.members,
                _in_order(callers),
            )
        )

    def _abandoned(self, event: queue_events.QueueCallerAbandon) -> None:
        queue = self._queue(event.queue)
        if queue is not None:
            self._set_queue(replace(queue, abandoned=queue.abandoned + 1))

    def _on_member(self, event: queue_events.QueueMemberEvent) -> None:
        queue = self._queue(event.queue)
        if queue is not None and event.interface:
            known = queue.members.get(event.interface) or LiveMember(event.interface)
            self._set_member(queue, _member(event, event.member_name, known))

    def _member_left(self, event: queue_events.QueueMemberRemoved) -> None:
        queue = self._queues.get(event.queue or "")
        if queue is not None:
            members = {
                name: each for name, each in queue.members.items() if name != event.interface
            }
            self._set_queue(replace(queue, members=MappingProxyType(members)))

    def _connected(self, event: queue_events.AgentConnect) -> None:
        self._talks(event, True)

    def _completed(self, event: queue_events.AgentComplete) -> None:
        queue = self._queue(event.queue)
        if queue is not None:
            self._set_queue(replace(queue, completed=queue.completed + 1))
            self._talks(event, False)

    def _talks(self, event: queue_events.AgentEvent, talks: bool) -> None:
        queue = self._queues.get(event.queue or "")
        member = None if queue is None else queue.members.get(event.interface or "")
        if queue is not None and member is not None:
            self._set_member(queue, replace(member, in_call=talks))

    def _set_member(self, queue: LiveQueue, member: LiveMember) -> None:
        members = MappingProxyType({**queue.members, member.interface: member})
        self._set_queue(replace(queue, members=members))


@dataclass(slots=True)
class _Place:
    """The place of a caller in a queue.

    Attributes:
        queue: the queue's name.
        runs_subroutines: true if the queue has run a subroutine on the caller's channel.
    """

    queue: str
    runs_subroutines: bool = False


def _refused(part: Part, error: ActionError, unavailable: dict[Part, str]) -> list[Event]:
    unavailable[part] = str(error)
    return []


def _known(text: str | None) -> str:
    """A number or a name; empty where Asterisk writes that it knows none."""
    return "" if text is None or text in _NOBODY else text


def _or(new: _T | None, known: _T) -> _T:
    return known if new is None else new


def _channel(
    event: ChannelEvent,
    known: LiveChannel,
    bridge: str | None,
    application: str | None = None,
    application_data: str | None = None,
) -> LiveChannel:
    """A channel as an event describes it, and as it is known where the event says nothing."""
    return LiveChannel(
        known.uniqueid,
        _or(event.channel, known.name),
        _or(event.channel_state, known.state),
        known.caller_id_num if event.caller_id_num is None else _known(event.caller_id_num),
        known.caller_id_name if event.caller_id_name is None else _known(event.caller_id_name),
        known.connected_line_num
        if event.connected_line_num is None
        else _known(event.connected_line_num),
        known.connected_line_name
        if event.connected_line_name is None
        else _known(event.connected_line_name),
        _or(event.context, known.context),
        _or(event.exten, known.exten),
        _or(event.priority, known.priority),
        known.application if application is None else application,
        known.application_data if application_data is None else application_data,
        bridge,
        _or(event.linkedid, known.linkedid),
        _or(event.account_code, known.account_code),
        known.since,
    )


def _listed_channel(
    item: channel_events.CoreShowChannel | channel_events.Status,
    known: LiveChannel | None,
    now: float,
) -> LiveChannel:
    if isinstance(item, channel_events.Status):
        seconds, data = item.seconds, item.data_
    else:
        seconds, data = item.duration, item.application_data
    # The list counts whole seconds: the time that is known already is better.
    since = now - (seconds or 0) if known is None else known.since
    nothing = LiveChannel(item.uniqueid or "", since=since)
    return _channel(item, nothing, item.bridge_id or None, item.application, data)


def _bridge(event: BridgeEvent, known: LiveBridge) -> LiveBridge:
    return replace(
        known,
        type=_or(event.bridge_type, known.type),
        technology=_or(event.bridge_technology, known.technology),
        creator=known.creator if event.bridge_creator is None else _known(event.bridge_creator),
        name=known.name if event.bridge_name is None else _known(event.bridge_name),
    )


def _member(
    event: queue_events.QueueMemberEvent | queue_events.QueueMember,
    name: str | None,
    known: LiveMember,
) -> LiveMember:
    return LiveMember(
        known.interface,
        _or(name, known.name),
        _or(event.status, known.status),
        _or(event.paused, known.paused),
        _or(event.paused_reason, known.paused_reason),
        _or(event.in_call, known.in_call),
        _or(event.calls_taken, known.calls_taken),
        known.last_call if event.last_call is None else event.last_call or None,
        _or(event.penalty, known.penalty),
        _or(event.membership, known.membership),
    )


def _in_order(callers: Iterable[LiveCaller]) -> tuple[LiveCaller, ...]:
    return tuple(
        each if each.position == position else replace(each, position=position)
        for position, each in enumerate(callers, 1)
    )


def _list_queues(
    items: Iterable[Event], known: Mapping[str, LiveQueue], now: float, queues: dict[str, LiveQueue]
) -> None:
    waits = {
        (queue.name, each.uniqueid): each.since
        for queue in known.values()
        for each in queue.callers
    }
    members: dict[str, dict[str, LiveMember]] = {}
    callers: dict[str, list[LiveCaller]] = {}
    for item in items:
        if isinstance(item, queue_events.QueueParams) and item.queue:
            queues[item.queue] = LiveQueue(
                item.queue, item.strategy or "", item.completed or 0, item.abandoned or 0
            )
        elif isinstance(item, queue_events.QueueMember) and item.queue and item.location:
            member = _member(item, item.name_, LiveMember(item.location))
            members.setdefault(item.queue, {})[item.location] = member
        elif isinstance(item, queue_events.QueueEntry) and item.queue and item.uniqueid:
            # A caller who was just taken away has a stand-in in the queue for a moment.
            if (item.channel or "").startswith(_STAND_IN):
                continue
            caller = LiveCaller(
                item.uniqueid,
                item.channel or "",
                item.position or 0,
                _known(item.caller_id_num),
                _known(item.caller_id_name),
                waits.get((item.queue, item.uniqueid), now - (item.wait or 0)),
            )
            callers.setdefault(item.queue, []).append(caller)
    for name, queue in queues.items():
        waiting = sorted(callers.get(name, ()), key=lambda each: each.position)
        queues[name] = replace(
            queue, members=MappingProxyType(members.get(name, {})), callers=_in_order(waiting)
        )


_CHANGES: Final[dict[type[Event], tuple[Part | None, Callable[[Live, Any], object]]]] = {
    channel_events.Newchannel: ("channels", Live._made),
    channel_events.Newstate: ("channels", Live._on_channel),
    channel_events.Newexten: (None, Live._executes),
    channel_events.NewCallerid: ("channels", Live._on_channel),
    channel_events.NewConnectedLine: ("channels", Live._on_channel),
    channel_events.NewAccountCode: ("channels", Live._on_channel),
    channel_events.Rename: ("channels", Live._renamed),
    channel_events.Hangup: (None, Live._hung_up),
    bridge_events.BridgeEnter: (None, Live._entered),
    bridge_events.BridgeLeave: ("channels", Live._left),
    bridge_events.BridgeCreate: ("bridges", Live._on_bridge),
    bridge_events.BridgeDestroy: ("bridges", Live._bridge_ended),
    queue_events.QueueCallerJoin: ("queues", Live._joined),
    queue_events.QueueCallerLeave: ("queues", Live._left_queue),
    queue_events.QueueCallerAbandon: ("queues", Live._abandoned),
    queue_events.QueueMemberAdded: ("queues", Live._on_member),
    queue_events.QueueMemberRemoved: ("queues", Live._member_left),
    queue_events.QueueMemberPause: ("queues", Live._on_member),
    queue_events.QueueMemberPenalty: ("queues", Live._on_member),
    queue_events.QueueMemberRinginuse: ("queues", Live._on_member),
    queue_events.QueueMemberStatus: ("queues", Live._on_member),
    queue_events.AgentConnect: ("queues", Live._connected),
    queue_events.AgentComplete: ("queues", Live._completed),
}
"""The part that an event makes things in, and the change; no part if it only changes what is there.

Where the server refuses to list a part, the part stays empty. A method that returns true asks for
another snapshot.
"""

_APPLY: Final = {kind.wire_name: change for kind, change in _CHANGES.items()}
_EVENTS: Final[tuple[type[Event], ...]] = (*_CHANGES, Disconnected, FullyBooted, Reload)
