"""The live state as a whole: taking snapshots, and applying the events that follow them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, cast

import async_timeout

from .._check import (
    check_callable,
    check_flag,
    check_manager,
    check_seconds,
    check_several,
    check_type,
)
from .._client.options import Backoff
from .._log import get_logger
from .._near import with_near_keywords
from .._owner import Owner
from .._signals import Signal
from ..actions.system import Ping
from ..errors import (
    ActionError,
    ConnectionLost,
    EventsLost,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    UnknownAction,
    fresh,
)
from ..events.base import Event
from ..events.link import Disconnected
from ..events.modules import Load, Reload, Unload
from ..events.system import FullyBooted
from ..permissions.delivery import includes
from ..states import ManagerState
from .bridges import Bridges, LiveBridge
from .calls import Calls, LiveCall
from .changes import LiveChanges
from .channels import Channels, LiveChannel
from .conferences import Conferences, LiveConference
from .endpoints import Endpoints, LiveEndpoint
from .hints import Hints, LiveHint
from .mailboxes import LiveMailbox, Mailboxes
from .parking import LiveParkingLot, Parking
from .part import Handler, Lists, Part, PartName, Reports
from .queues import LiveQueue, Queues
from .registrations import LiveRegistration, Registrations
from .visibility import obstacles

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._client.like import ManagerLike
    from .._client.streams import EventStream
    from ..actions.base import Action
    from ..permissions import Permissions

__all__ = ["DEFAULT_PARTS", "Live"]

log = get_logger("aioami.live")

_OTHERS: Final[dict[PartName, type[Part[Any]]]] = {
    each.name: each
    for each in (
        Bridges,
        Queues,
        Hints,
        Parking,
        Conferences,
        Mailboxes,
        Endpoints,
        Registrations,
    )
}
_NAMES: Final[tuple[PartName, ...]] = (Channels.name, *_OTHERS)
DEFAULT_PARTS: Final[tuple[PartName, ...]] = ("channels", "bridges", "queues")
"""The parts that a `Live` has if none are chosen."""

_AGAIN: Final = Backoff(first=0.05, maximum=10.0)  # between attempts at a snapshot
_NEW: Final = 10  # seconds after its boot for which a server counts as new
_NOT_ENTERED: Final = "it is followed from `async with` on, and was not entered"
_BREATH: Final = 500  # events that are applied before other tasks get a turn
_SEEING: Final = frozenset({"events", "filter", "login"})  # actions that change which events come
_EVERYTHING: Final = frozenset({"", "all"})  # the module in a Reload of all modules


class Live:
    """The present state of a server: its channels, bridges, queues ..., kept up to date by events.

    Entering opens a stream of events, and asks the server for a snapshot: `CoreShowChannels` or
    `Status`, `BridgeList`, `QueueStatus`, and further lists for other parts. Then the events keep
    the state up to date. The server is asked again, for as little as possible:

    - when the link was down, or events were lost;
    - when a module was loaded or reloaded;
    - when a queue's events do not fit its known state;
    - when this manager sent an action that changes a queue without an event;
    - a moment after changes that no event describes as a whole.

    Leaving stops all that, and the state stays as it was.

    Changes that others make without an event, as by `queue reset stats` on the server's console,
    show when the server is next asked, or with `refresh()`.

    The events need the read classes `call`, `agent` and `dialplan`. The user should have `system`
    too, for the events of a restart and of modules. Of the lists only `CoreShowChannels` (`system`
    or `reporting`) and `Status` (one of these, or `call`) need a write class. A part that cannot be
    followed stays empty, and `unavailable` has the reason.

    Example::

        async with Manager.from_url(url) as mgr, Live(mgr) as live:
            async for change in live.changes():
                print(change, live.channels.get(change.key))

    Args:
        manager: the manager that sends the actions and gets the events.
        parts: the parts to follow, of `"channels"`, `"bridges"`, `"queues"`, `"hints"`,
            `"parking"`, `"conferences"`, `"mailboxes"`, `"endpoints"` and `"registrations"`; by
            default the first three. Access to any other part raises `RuntimeError`.
        clock: returns the time for `since` of the objects, in seconds since 1970; a test may give a
            virtual clock.
        history: the number of finished calls that `ended` keeps; 0 keeps none. Each takes some
            3 kB.
        wait: true to wait for the first snapshot on entering. `False` begins empty and not
            `synced`, and may be entered before the manager is connected.
        timeout: seconds without any progress after which a snapshot is given up, and tried again
            later.
        maxsize: the most events that may wait while a snapshot is taken. When there are more,
            another snapshot is taken.

    Raises:
        ManagerTimeout: from entering, if the first snapshot was not there in time.
        ConnectionLost: from entering, if there is no link, and none is being established.
        ValueError: `maxsize` is less than 1, or `history` less than 0; a part does not exist, or
            `parts` is empty.
        TypeError: `parts` is one text, or another argument is of a wrong type.
        RuntimeError: from entering it a second time.
    """

    @with_near_keywords()
    def __init__(
        self,
        manager: ManagerLike,
        *,
        parts: Iterable[PartName] = DEFAULT_PARTS,
        clock: Callable[[], float] = time.time,
        history: int = 1000,
        wait: bool = True,
        timeout: float | None = 10.0,
        maxsize: int = 10_000,
    ) -> None:
        check_manager("manager", manager)
        check_callable("clock", clock)
        check_flag("wait", wait)
        check_seconds("timeout", timeout)
        check_type("maxsize", maxsize, (int,), "a whole number")
        if maxsize < 1:
            raise ValueError(f"maxsize: at least 1 event, not {maxsize}")
        check_type("history", history, (int,), "a whole number")
        if history < 0:
            raise ValueError(f"history: at least 0 calls, not {history}")
        chosen = _chosen(parts)
        self._manager = manager
        self._wait = wait
        self._timeout = timeout
        self._maxsize = maxsize
        self._reports = Reports(clock)
        self._parts: dict[PartName, Part[Any]] = {}
        for name in chosen:
            self._parts[name] = (
                Channels(self._reports, history)
                if name == Channels.name
                else _OTHERS[name](self._reports)
            )
        if {Channels.name, Queues.name} <= self._parts.keys():
            self._calls.queues = cast("Queues", self._parts[Queues.name])
        self._unavailable: dict[PartName, str] = {}
        self._proven: set[str] = set()  # read classes with an event on this link
        self._rights_unknown = False
        self._handlers: dict[str, list[Handler]] = {}
        self._reading: dict[Part[Any], set[str] | None] = {}  # the parts that are being read
        self._held: list[Event] | None = None  # the events that came during a reading
        self._synced = False
        self._was_away = False  # the link was away since the server's last answer
        self._was_lost = False  # the link was lost since the server was last asked if it has booted
        self._stream: EventStream[Any] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._unobserve: list[Callable[[], None]] = []
        self._changed = Signal()
        self._owner = Owner(self._lost_its_loop, "live state", "live.refresh()")
        self._ended = False
        self._error: Exception | None = None

    @property
    def parts(self) -> tuple[PartName, ...]:
        """The names of the parts that are followed."""
        return tuple(self._parts)

    @property
    def channels(self) -> Mapping[str, LiveChannel]:
        """The channels on the server, by Uniqueid, in a view that changes with them. The oldest
        channel comes first.
        """
        return self._followed("channels").view

    @property
    def bridges(self) -> Mapping[str, LiveBridge]:
        """The bridges on the server, by BridgeUniqueid, in a view that changes with them."""
        return self._followed("bridges").view

    @property
    def queues(self) -> Mapping[str, LiveQueue]:
        """The queues on the server, by name, in a view that changes with them."""
        return self._followed("queues").view

    @property
    def hints(self) -> Mapping[str, LiveHint]:
        """The hints of extensions, by `exten@context`, in a view that changes with them."""
        return self._followed("hints").view

    @property
    def parking(self) -> Mapping[str, LiveParkingLot]:
        """The parking lots, by name, in a view that changes with them."""
        return self._followed("parking").view

    @property
    def conferences(self) -> Mapping[str, LiveConference]:
        """The conferences of ConfBridge, by name, in a view that changes with them."""
        return self._followed("conferences").view

    @property
    def mailboxes(self) -> Mapping[str, LiveMailbox]:
        """The mailboxes, by `mailbox@context`, in a view that changes with them."""
        return self._followed("mailboxes").view

    @property
    def endpoints(self) -> Mapping[str, LiveEndpoint]:
        """The endpoints of PJSIP, by names as `PJSIP/alice`, in a view that changes with them."""
        return self._followed("endpoints").view

    @property
    def registrations(self) -> Mapping[str, LiveRegistration]:
        """The outbound registrations of PJSIP, by name, in a view that changes with them."""
        return self._followed("registrations").view

    @property
    def unavailable(self) -> Mapping[PartName, str]:
        """The parts that cannot be followed, each with the reason as a sentence.

        Before entering, all parts are here.
        """
        if self._is_new:
            return MappingProxyType(dict.fromkeys(self._parts, _NOT_ENTERED))
        return MappingProxyType(self._unavailable)

    @property
    def unverified(self) -> Mapping[PartName, str]:
        """The parts for which it is unknown if the user may read their events, with a sentence.

        A server only shows the rights of a user to users with the write class `command` or
        `config`. Without them, the first event of a read class proves that the user may read it.
        Until then a part may not follow the server's changes, even while `synced` is true.
        """
        found: dict[PartName, str] = {}
        for name, part in self._parts.items():
            classes = _classes(part) - self._proven
            if self._rights_unknown and classes and name not in self._unavailable:
                listed = " and ".join(sorted(classes))
                found[name] = (
                    f"the server does not tell if the user may read the events of {listed}, "
                    "and none has come yet"
                )
        return MappingProxyType(found)

    @property
    def synced(self) -> bool:
        """True if the state is up to date, except for the parts in `unavailable`.

        It is false while the link is down, while a snapshot is due or being taken, and while a part
        is known to need reading again.
        """
        return self._synced and self._manager.state is ManagerState.READY

    def calls(self) -> Mapping[str, LiveCall]:
        """Return the calls in progress, by Linkedid, in a view that changes with them. The oldest
        call comes first.

        Raises:
            RuntimeError: the part `channels`, which the calls come from, is not followed.
        """
        return self._calls.view

    @property
    def ended(self) -> Sequence[LiveCall]:
        """The latest finished calls, at most `history`, in the order in which they ended.

        If a call ended while the link was away, or its last events were lost, it appears once the
        server was asked again. Its end then has the reason `EndReason.UNKNOWN` and no cause, and
        its times count to the last moment at which the state was known. A call that both began and
        ended in such a gap never appears.

        Raises:
            RuntimeError: the channels are not followed.
        """
        return tuple(self._calls.ended)

    def changes(self, *, maxsize: int = 10_000) -> LiveChanges:
        """Return the changes from now on, for `async for`; each is a `LiveChange`.

        Args:
            maxsize: the most changes that may wait to be taken. When there are more, a single
                change of the kind `"everything"` takes their place.

        Raises:
            ValueError: `maxsize` is less than 1.
            RuntimeError: the live state was entered in another event loop, thread or process.
        """
        self._owner.check()
        if maxsize < 1:
            raise ValueError(f"maxsize: at least 1 change, not {maxsize}")
        return self._reports.consumers.open(maxsize, self._owner.check)

    async def wait_synced(self, timeout: float | None = None) -> None:
        """Wait until the state is up to date. Cancelling this changes nothing.

        Args:
            timeout: seconds to wait; `None` is no limit.

        Raises:
            ManagerTimeout: the state was not up to date in time.
            ConnectionLost: `Live` was left, the manager was closed, or the link is lost for good.
            ManagerAuthError, ProtocolError, ActionError: the link is lost for good for this reason.
            RuntimeError: the live state was entered in another event loop, thread or process.
        """
        await self._until(lambda: self.synced, timeout, "the live state was not up to date")

    async def refresh(self, *parts: PartName, timeout: float | None = None) -> None:
        """Read the state from the server again, and return when it is shown.

        It is for changes that others make without an event; see above. While the link is down, it
        waits for the link. Cancelling it only stops the waiting.

        Args:
            parts: the parts to read again; by default all that are followed.
            timeout: seconds to wait; `None` is no limit.

        Raises:
            ManagerTimeout: the answer was not there in time.
            ConnectionLost, ManagerAuthError, ProtocolError, ActionError: as for `wait_synced()`.
            ValueError: a part does not exist, or is not followed.
            RuntimeError: the live state was not entered yet, or in another event loop, thread or
                process.
        """
        self._owner.check()
        if self._is_new:
            raise RuntimeError("the live state is refreshed after it was entered")
        if wrong := [name for name in parts if name not in self._parts]:
            raise ValueError(f"parts: {wrong[0]!r} is none of {', '.join(self._parts)}")
        chosen = [self._parts[name] for name in parts or self._parts]
        for part in chosen:
            self._reports.must_read(part)
        self._sync(False)
        reports = self._reports
        await self._until(
            lambda: not any(part in reports.stale or part in self._reading for part in chosen),
            timeout,
            "the live state was not read again",
        )

    @property
    def _calls(self) -> Calls:
        return cast("Channels", self._followed(Channels.name)).calls

    def _followed(self, name: PartName) -> Part[Any]:
        """Return a part.

        Raises:
            RuntimeError: the part is not followed; an empty one in its place would be wrong.
        """
        part = self._parts.get(name)
        if part is None:
            more = ", ".join(map(repr, _chosen({*self._parts, name})))
            raise RuntimeError(f"the part {name} is not followed: use Live(..., parts=({more}))")
        return part

    async def _until(
        self, reached: Callable[[], bool], timeout: float | None, otherwise: str
    ) -> None:
        self._owner.check()
        check_seconds("timeout", timeout)
        try:
            async with async_timeout.timeout(timeout):
                while not reached():
                    if self._error is not None:
                        raise fresh(self._error)
                    if self._ended:
                        raise ConnectionLost("the live state is followed no more")
                    await self._changed.wait()
        except asyncio.TimeoutError as error:
            raise ManagerTimeout(f"{otherwise} within {timeout:g} seconds") from error

    async def __aenter__(self) -> Self:
        if self._tasks or self._ended:
            raise RuntimeError("a live state is entered once; make another one")
        self._stream = self._manager.events(
            *self._selected(), maxsize=self._maxsize, on_loss="raise"
        )
        self._owner.take()
        # A manager that is not one of aioami's may lack these methods.
        for name, observer in (
            ("observe_actions", self._sent),
            ("observe_state", self._link_changed),
            ("observe_view", self._view_changed),
        ):
            observe = getattr(self._manager, name, None)
            if observe is not None:
                self._unobserve.append(observe(observer))
        self._read_all_again()
        self._start(self._follow)
        try:
            if self._wait:
                await self._read()
        except BaseException:
            await self._leave()
            raise
        self._start(self._keep_read)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._leave()

    def __repr__(self) -> str:
        if self._is_new:
            return f"<Live of {', '.join(self._parts)}, not entered>"
        state = "ended" if self._ended else "synced" if self.synced else "not synced"
        sizes = ", ".join(
            f"{name} unavailable" if name in self._unavailable else f"{len(part.view)} {name}"
            for name, part in self._parts.items()
        )
        return f"<Live {sizes}, {state}>"

    def _repr_html_(self) -> str:
        """Return the state as HTML, for a notebook."""
        from .._show.objects import objects_html

        parts: dict[str, list[Any] | str] = {}
        unavailable = self.unavailable
        for name, part in self._parts.items():
            if name in unavailable:
                parts[name] = unavailable[name]
                continue
            if name == Channels.name:
                parts["calls"] = list(self.calls().values())
            parts[name] = list(part.view.values())
            if name == Channels.name:
                parts["ended"] = list(reversed(self.ended))
        return objects_html(repr(self)[1:-1], parts)

    # Beginning and end

    @property
    def _is_new(self) -> bool:
        """True before the live state is entered."""
        return not self._tasks and not self._ended

    def _start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        name = f"aioami follows {self._manager!r}"
        self._tasks.append(asyncio.create_task(self._run(work), name=name))

    async def _run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        error: Exception | None = None
        try:
            await work()
        except ManagerError as reason:
            error = reason
        except Exception as reason:
            error = ManagerError(f"the live state cannot be followed any more: {reason!r}")
            error.__cause__ = reason
            log.exception("the live state cannot be followed any more")
        finally:
            self._end(error)

    def _lost_its_loop(self) -> None:
        self._tasks.clear()  # they no longer run
        self._end(ConnectionLost("the event loop of the live state was closed"))

    async def _leave(self) -> None:
        self._owner.check()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._end(None)  # needed if no task ever began

    def _end(self, error: Exception | None) -> None:
        if self._ended:
            return
        if self._owner.is_gone:  # the garbage collection of a task called this
            self._owner.release()
            self._lost_its_loop()
            return
        self._owner.release()
        self._ended, self._error = True, error
        self._sync(False)
        for end in self._unobserve:
            end()
        if self._stream is not None:
            self._stream.close()
        self._reports.close()
        self._reports.consumers.finish(error)
        self._changed.send()
        current = asyncio.current_task() if self._tasks else None
        for task in self._tasks:
            if task is not current:
                task.cancel()

    def _settle(self) -> None:
        """Set `synced` if no part has to be read, and all events so far are applied."""
        stream = self._stream
        if self._ended or stream is None or stream.pending:
            return
        if self._held is None and not (self._reports.stale or self._was_away):
            self._sync(True)
        self._changed.send()

    def _sync(self, synced: bool) -> None:
        if synced is not self._synced:
            self._synced = synced
            self._reports.trusted = self._reports.clock()
            self._reports.notify("link", "")
            self._changed.send()

    def _link_changed(self, state: ManagerState) -> None:
        # An outage of the bus has no event, as no event is lost. The events of that time are yet to
        # be read when the link is there again.
        if state is not ManagerState.READY:
            self._was_away = True
            self._sync(False)
            self._reports.work.send()

    def _view_changed(self, view: object) -> None:
        self._read_all_again()

    # The events

    def _selected(self) -> list[type[Event]]:
        selected = {kind: None for part in self._parts.values() for kind in part.handlers}
        return [*selected, Disconnected, FullyBooted, Load, Reload, Unload]

    def _arrange(self) -> None:
        """Collect the handlers of events from the parts that can be followed."""
        handlers: dict[str, list[Handler]] = {
            Disconnected.wire_name: [self._lost],
            FullyBooted.wire_name: [self._booted],
            **{kind.wire_name: [self._module_changed] for kind in (Load, Reload, Unload)},
        }
        for name, part in self._parts.items():
            if name not in self._unavailable:
                for kind, handler in part.handlers.items():
                    handlers.setdefault(kind.wire_name, []).append(handler)
                    if self._rights_unknown and not self._proven.issuperset(kind.read_classes):
                        handlers[kind.wire_name].append(self._proves)
        self._handlers = handlers

    def _proves(self, event: Event) -> None:
        """Note that the user may read a class of events, as an event of it has come."""
        classes = type(event).read_classes
        if not self._proven.issuperset(classes):
            self._proven.update(classes)
            self._arrange()
            self._reports.notify("link", "")

    async def _follow(self) -> None:
        """Apply the events, or hold them back while a list is read, until the stream ends."""
        stream = self._stream
        assert stream is not None
        following = aiter(stream)
        while True:
            count = min(stream.pending, _BREATH)
            if not count:
                self._settle()
            try:
                for _ in range(count or 1):
                    event = await anext(following)
                    if self._held is not None:
                        self._hold(event)
                    else:
                        for handler in self._handlers.get(type(event).wire_name, ()):  # as `_apply`
                            handler(event)
            except StopAsyncIteration:
                return
            except EventsLost as error:
                log.debug("the live state is looked at anew: %s", error)
                self._read_all_again()
            if self._reports.stale:
                self._sync(False)
            if stream.pending:
                await asyncio.sleep(0)

    def _apply(self, event: Event) -> None:
        for handler in self._handlers.get(type(event).wire_name, ()):
            handler(event)

    def _hold(self, event: Event) -> None:
        held = self._held
        if held is not None:
            held.append(event)
            if len(held) > self._maxsize:
                held.clear()
                self._read_all_again()

    def _lost(self, event: Disconnected) -> None:
        self._was_lost = True
        self._proven.clear()  # the rights may have changed on the next link
        self._read_all_again()

    def _booted(self, event: FullyBooted) -> None:
        # FullyBooted comes after each login, too. A new server may have been asked before it loaded
        # its modules and read its configuration, which have no events.
        is_new = event.uptime is not None and event.uptime <= _NEW
        for name in self._parts if is_new else self._unavailable:
            self._reports.must_read(self._parts[name])

    def _module_changed(self, event: Load | Reload | Unload) -> None:
        module = (event.module or "").lower().removesuffix(".so")
        for part in self._parts.values():
            if part.modules and (module in part.modules or module in _EVERYTHING):
                self._reports.must_read(part)

    def _sent(self, action: Action[Any]) -> None:
        """Mark for reading the objects that an action of this manager changes without an event."""
        if action.name.lower() in _SEEING:
            self._read_all_again()
        for part in self._parts.values():
            keys = part.touched_by(action)
            if keys is None:
                self._reports.must_read(part)
            for key in keys or ():
                self._reports.must_read(part, key)
        if self._reports.stale:
            self._sync(False)

    def _read_all_again(self) -> None:
        for part in self._parts.values():
            self._reports.must_read(part)
        self._sync(False)

    # Reading

    async def _keep_read(self) -> None:
        """Read from the server whenever a part needs it."""
        reports = self._reports
        delays = _AGAIN.delays()
        while True:
            while not (reports.stale or reports.is_due or self._was_away):
                await reports.work.wait()
            try:
                await self._manager.wait_ready()
                if self._was_lost:
                    await self._wait_booted()
                await self._read()
                delays = _AGAIN.delays()
            except ManagerTimeout as error:
                log.warning("a snapshot of the live state is tried again: %s", error)
                await asyncio.sleep(next(delays))
            except ManagerError as error:
                # The link is down, and comes back; else the end of the stream ends this task, too.
                # The manager's state may lag behind.
                log.debug("a snapshot of the live state was given up: %s", error)
                await asyncio.sleep(next(delays))

    async def _read(self) -> None:
        """Read the objects that are wrong or in doubt, and show them.

        Raises:
            ManagerTimeout: an answer did not come in time.
            ConnectionLost: the link was lost.
        """
        stream, reports = self._stream, self._reports
        assert stream is not None
        # The answers include the effects of earlier events. If all of each part is read, these
        # events are dropped, else they are applied.
        if [*reports.stale.values()] == [None] * len(self._parts):
            self._held = []
        while stream.pending and not self._ended:
            await self._changed.wait()
        self._held = []
        self._reading, reports.stale = reports.stale, {}
        doubtful: dict[Part[Any], None] = {}
        if reports.is_due:
            doubtful, reports.doubtful = reports.doubtful, {}
            reports.is_due = False
        lists = Lists(self._manager, self._timeout)
        was_away, self._was_away = self._was_away, False
        try:
            if was_away and not self._reading:
                await self._catch_up()
            if None in self._reading.values():
                await self._ask_rights()
            for part, keys in self._reading.items():
                await self._read_part(part, lists, keys)
            for part in doubtful:
                if part in self._reading:
                    reports.doubt(part)  # the part may have been read too early
                elif part.name not in self._unavailable:
                    await part.look(lists)
            while self._held:
                held, self._held[:] = self._held[:_BREATH], self._held[_BREATH:]
                for event in held:
                    self._apply(event)
                await asyncio.sleep(0)
        except BaseException:
            for part in self._reading:
                reports.must_read(part)
            for part in doubtful:
                reports.doubt(part)
            for event in self._held:
                self._apply(event)
            self._was_away = self._was_away or was_away
            raise
        finally:
            self._held, self._reading = None, {}
        if reports.stale:  # an event that came meanwhile does not fit
            self._sync(False)
        self._settle()

    async def _wait_booted(self) -> None:
        """Wait until a server that may have restarted has booted, if the user gets that event."""
        rights = await self._ask_rights()
        # Other users do not get FullyBooted, and would wait in vain.
        if rights is not None and includes(frozenset(rights.read), FullyBooted.read_classes):
            try:
                await self._manager.wait_booted(self._timeout)
            except ActionError as error:
                log.debug("the server does not tell if it has booted: %s", error)
        self._was_lost = False

    async def _ask_rights(self) -> Permissions | None:
        """Return the rights of the user; ask for them once on each link."""
        view = self._manager.view
        if view.permissions is None:
            # The view of a manager that is not one of aioami's may lack `ask`.
            ask = getattr(view, "ask", None)
            self._rights_unknown = ask is None or await ask() is None
        return view.permissions

    async def _catch_up(self) -> None:
        """Wait until the events of the time without a link are here."""
        try:
            await self._manager.send(Ping(), timeout=self._timeout)  # its answer comes after them
        except ActionError:  # a relay may refuse it
            self._read_all_again()

    async def _read_part(self, part: Part[Any], lists: Lists, keys: set[str] | None) -> None:
        reason = part.obstructed(obstacles(self._manager.view, part.handlers))
        if reason is None:
            try:
                await part.read(lists, keys)
            except ActionError as error:
                reason = _refused(error, part)
        if reason is None:
            self._unavailable.pop(part.name, None)
        else:
            part.clear()
            if self._unavailable.get(part.name) != reason:
                log.warning("the part %s is not followed: %s", part.name, reason)
            self._unavailable[part.name] = reason
        self._arrange()


def _refused(error: ActionError, part: Part[Any]) -> str:
    """Return the reason why a part cannot be listed, with advice about the setting to change."""
    classes = () if error.action is None else error.action.privilege
    sentence = str(error).removesuffix(".")
    # Without a response of the server, a relay or the manager itself has refused the action.
    if isinstance(error, PermissionDenied) and classes and error.response is not None:
        return f"{sentence}: add {' or '.join(classes)} to write in manager.conf"
    if isinstance(error, UnknownAction) and part.modules:
        return f"{sentence}: load the module {' or '.join(sorted(part.modules))}"
    return sentence


def _classes(part: Part[Any]) -> set[str]:
    """Return the read classes of a part's events."""
    return {name for kind in part.handlers for name in kind.read_classes}


def _chosen(parts: Iterable[str]) -> list[PartName]:
    """Return the names of parts, in the order in which they are shown.

    Raises:
        TypeError: `parts` is one text.
        ValueError: a part does not exist, or `parts` is empty.
    """
    given = set(check_several("parts", parts, "names"))
    if wrong := sorted(given - {*_NAMES}):
        raise ValueError(f"parts: {wrong[0]!r} is none of {', '.join(_NAMES)}")
    if not given:
        raise ValueError(f"parts: at least one of {', '.join(_NAMES)}")
    return [name for name in _NAMES if name in given]
