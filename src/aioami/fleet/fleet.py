"""The fleet: the links of many servers, and the events of all of them."""

from __future__ import annotations

import asyncio
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, overload

from .._check import check_seconds, check_text
from .._client.base import Connectable
from .._client.buffers import Buffer, OnLoss, Overflow, Predicate
from .._client.callbacks import Callbacks, Subscription
from .._client.like import ManagerLike
from .._client.manager import Manager
from .._client.naming import warn_of_names
from .._client.streams import NextEvent
from .._log import get_logger
from .._near import nearest, unexpected
from .._owner import Owner
from .._session.dispatch import Selection, Selector
from ..errors import ConnectionLost, ManagerError, UnknownEventName, fresh
from ..events.base import Event, name_server
from ..states import ManagerState
from .connecting import bus, is_bus, manager_of
from .member import Member
from .merged import MergedStream

if TYPE_CHECKING:
    from typing import TypeGuard

    from .._client.streams import EventStream
    from .._session.statistics import Statistics
    from .health import ServerHealth

__all__ = ["Fleet"]

log = get_logger("aioami.fleet")

_A = TypeVar("_A", bound=Event)
_B = TypeVar("_B", bound=Event)
_C = TypeVar("_C", bound=Event)

_WAIT_CHOICES: Final = ("all", "any", "none")
_TIMEOUT: Final = 5.0  # seconds; the default of managers

# The fleet of each manager, by the `id` of the manager, which is unique while the fleet keeps it.
_FLEETS: Final[weakref.WeakValueDictionary[int, Fleet]] = weakref.WeakValueDictionary()

# The names of a manager. `isinstance` would miss names that `__getattr__` provides.
_NAMES: Final = tuple(name for name in vars(ManagerLike) if not name.startswith("_"))


def _is_manager(server: object) -> TypeGuard[ManagerLike]:
    """True for a manager, and for any object with all the public names of a manager."""
    return isinstance(server, Manager) or all(hasattr(server, name) for name in _NAMES)


Wait = Literal["all", "any", "none"]
"""The servers that entering a fleet waits for: all, the first one that is ready, or none."""


class Fleet(Connectable):
    """Many servers in one program, each with a link that is established again when it is lost.

    Example::

        servers = {"pbx1": "ami://u:s@10.0.0.1", "pbx2": "ami://u:s@10.0.0.2"}
        async with Fleet(servers) as fleet:
            await fleet["pbx1"].send(core.Ping())
            async for event in fleet.events(events.Hangup):
                print(event.server, event.channel)

    `connect()` or `async with` connects all servers at the same time; `Fleet(...)` alone connects
    none. A server that is down, slow, or floods the program with events does not affect the others.
    A lost link is established again. A refused login is logged once and shown in `health()`, and is
    not tried again. To send an action, use the manager of a server, `fleet[name].send(...)`. A
    fleet that is dropped without `close()` ends its links, with a `ResourceWarning`.

    Args:
        servers: a mapping of the servers' names to URLs, as `Manager.from_url` takes them, or to
            managers that are not connected yet, which the fleet closes. In a mapping, the URL of a
            bus, `nats://`, stands for the server with this name on the bus. Instead of a mapping,
            the URL of a bus stands for all of its servers, which are discovered. A bus needs the
            extra `aioami[nats]`.
        wait: the servers that entering waits for. `"all"` waits until all are ready; the first
            error is raised, and all are closed. On a bus, a server whose relay is missing, or has
            no link to it, counts as failed after `timeout` seconds. `"any"` waits until one server
            is ready, and tries the others again; if all are refused for good, the first error is
            raised. `"none"` does not wait.
        options: further options of `Manager.from_url`, or of the bus, for all managers that are
            made from URLs, also by `add()`. Their `metrics` use the servers' names in the fleet.

    Raises:
        ValueError: a URL cannot be right (the message never shows the secret); a name is empty or
            not printable; a manager is connected already, in another fleet, or given twice; `wait`
            is none of the three.
        TypeError: `servers` is neither a mapping nor the URL of a bus; a server is neither a URL
            nor a manager; there is no such option.
        ImportError: it is the URL of a bus, and the extra for it is not installed.
        OSError: a file that a URL names cannot be read.
    """

    def __init__(
        self, servers: Mapping[str, str | ManagerLike] | str, *, wait: Wait = "all", **options: Any
    ) -> None:
        if wait not in _WAIT_CHOICES:
            raise ValueError(f"wait: 'all', 'any' or 'none', not {wait!r}")
        for keyword in options:
            if nearest(keyword, ["wait"]) is not None:
                raise unexpected("Fleet", keyword, ["wait"])
        self._wait = wait
        self._raises = False  # entering waits for all: it raises errors that are else logged
        self._options = options
        self._members: dict[str, Member] = {}
        self._observers: dict[object, Callable[[str, ManagerLike | None], object]] = {}
        # Each stream with the function that opens its part for one more server.
        self._streams: weakref.WeakKeyDictionary[
            MergedStream[Any], Callable[[Member], EventStream[Any] | NextEvent[Any]]
        ] = weakref.WeakKeyDictionary()
        self.owner = Owner(_weakly(self._lost_its_loop))
        self._standing = _Standing(self.owner)
        self._callbacks = Callbacks(self._standing)
        self._discovery: Any = None
        if is_bus(servers):
            self._discovery = bus().Discovery(servers, **options)
            return
        if not isinstance(servers, Mapping):
            # The message does not show it, as it may have a secret.
            kind = "the URL of one server" if isinstance(servers, str) else type(servers).__name__
            raise TypeError(f"servers: expected a mapping of names to URLs or managers, not {kind}")
        try:
            for name, server in servers.items():
                self._take_on(name, server)
        except BaseException:
            for member in self._members.values():
                self._release(member)
            raise

    # The servers

    @property
    def servers(self) -> tuple[str, ...]:
        """The names of the servers, in the order in which they were added."""
        return tuple(self._members)

    def __getitem__(self, name: str) -> ManagerLike:
        """Return the manager of a server; raise `KeyError` if there is no such server."""
        return self._members[name].manager

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self.servers)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, name: str, server: str | ManagerLike) -> ManagerLike:
        """Add a server, and return its manager, which begins to connect if the fleet is connected.

        The attempts are repeated until the server is ready; `await fleet[name].wait_ready()` waits
        for that. Streams and callbacks get the server's events from the first one on.

        Args:
            name: the server's name in the fleet.
            server: its URL, or a manager that is not connected; the fleet closes the manager.

        Raises:
            ValueError: the fleet has a server with this name; or as for the constructor.
            TypeError, OSError: as for the constructor.
            RuntimeError: the fleet is connected in another event loop, thread or process.
        """
        self.owner.check()
        member = self._take_on(name, server)
        if self._standing.state is ManagerState.READY:
            self._renewed(member)
            self._callbacks.renew()
            self._callbacks.start()
            member.start(retry=True)
            self._notify(name, member.manager)
        return member.manager

    async def remove(self, name: str) -> None:
        """Close a server's manager, with a farewell, and forget the server.

        Events of the server that came before can still be taken from streams. Cancelling this
        closes without a farewell.

        Raises:
            KeyError: there is no such server.
            RuntimeError: the fleet is connected in another event loop, thread or process.
        """
        self.owner.check()
        member = self._members.pop(name)
        self._notify(name, None)
        try:
            await self._close(member)
        finally:
            self._release(member)
            self._notice_the_last()

    def _take_on(self, name: str, server: object) -> Member:
        check_text("servers: the name of a server", name)
        if not name or not name.isprintable():
            raise ValueError(f"servers: a name is printable and not empty, unlike {name!r}")
        if name in self._members:
            raise ValueError(f"servers: there is a server {name!r} already")
        manager: ManagerLike
        if isinstance(server, str):
            try:
                manager = manager_of(name, server, **self._naming(name))
            except ValueError as error:  # it never shows the URL
                raise ValueError(f"servers: {name!r}: {error}") from None
        elif _is_manager(server):
            manager = server
        else:
            kind = type(server).__name__
            raise TypeError(f"servers: {name!r}: expected a URL or a manager, not {kind}")
        if id(manager) in _FLEETS:
            holder = "this fleet already" if _FLEETS[id(manager)] is self else "another fleet"
            raise ValueError(f"servers: {name!r}: its manager is in {holder}")
        if manager.state is not ManagerState.CLOSED:
            state = manager.state.value
            raise ValueError(
                f"servers: {name!r}: its manager is {state} already; the fleet connects it"
            )
        member = self._members[name] = Member(
            name, manager, _weakly(self._lost), _weakly(self._renewed)
        )
        _FLEETS[id(manager)] = self
        member.name_manager(name)
        return member

    def _naming(self, name: str) -> dict[str, Any]:
        """Return the options of a manager, with metrics that use the server's name in the fleet."""
        metrics = self._options.get("metrics")
        if metrics is None:
            return self._options
        from .metrics import NamedMetrics

        return {**self._options, "metrics": NamedMetrics(name, metrics)}

    def _release(self, member: Member) -> None:
        """Note that a manager left the fleet, and remove the fleet's name from it."""
        _FLEETS.pop(id(member.manager), None)
        if member.manager.state is ManagerState.CLOSED:
            member.name_manager("")

    def observe_servers(
        self, observer: Callable[[str, ManagerLike | None], object]
    ) -> Callable[[], None]:
        """Call a function with each server that is added or removed while the fleet is connected.

        Args:
            observer: takes the name, and the manager, or `None` for a server that was removed. It
                must be quick; an error that it raises is logged under `aioami.fleet`.

        Returns:
            A function that ends the observation; it may be called again.
        """
        entry = object()
        self._observers[entry] = observer

        def end() -> None:
            self._observers.pop(entry, None)

        return end

    def _notify(self, name: str, manager: ManagerLike | None) -> None:
        """Call the observers of servers, and log the errors that they raise."""
        for observer in list(self._observers.values()):
            try:
                observer(name, manager)
            except Exception:
                log.exception("an observer of servers raised")

    # The links

    async def connect(self) -> None:
        """Connect all servers at the same time, and wait for those that the argument `wait` names.

        Cancelling this closes all links.

        Raises:
            ConnectionLost, ManagerAuthError, ActionError, ProtocolError, OSError: from
                `Manager.connect` of a server; see `wait`. All links are closed then.
            RuntimeError: the fleet is connected already, here or in another event loop, thread or
                process.
        """
        self.owner.check()
        if self._standing.state is not ManagerState.CLOSED:
            raise RuntimeError(f"this fleet is {self._standing.state.value} already")
        self.owner.take()
        self._standing.state = ManagerState.READY
        self._raises = self._wait == "all"
        try:
            self._callbacks.renew()
            self._callbacks.start()
            retry = self._wait != "all"
            if self._discovery is not None:
                await self._discovery.start(self, wait=self._wait != "none")
            for member in list(self._members.values()):
                if member.task is None:
                    member.start(retry=retry)
            await self._arrivals()
            if self._standing.state is not ManagerState.READY:
                raise ConnectionLost("the fleet was closed while it was connecting")
        except BaseException:
            await self.close()
            raise
        finally:
            self._raises = False

    async def _arrivals(self) -> None:
        """Wait for the servers that entering waits for."""
        waiting = {
            member.arrived: member
            for member in self._members.values()
            if member.arrived is not None
        }
        first: Exception | None = None
        # A bus may be connected while a relay, or the relay's link, is missing. Only the timeout
        # ends that waiting.
        timeout = self._options.get("timeout", _TIMEOUT) if self._wait == "all" else None
        loop = asyncio.get_running_loop()
        began = loop.time()
        while waiting and self._wait != "none":
            is_bounded = not any(isinstance(each.manager, Manager) for each in waiting.values())
            left = None
            if timeout is not None and is_bounded:
                left = max(0.0, began + timeout - loop.time())
            done, _ = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                member = next(iter(waiting.values()))
                sentence = f"it was not ready within {timeout:g} seconds: {member.reason}"
                raise _of_server(member.name, ConnectionLost(sentence))
            # In the order of the servers, if several came at the same moment.
            for future in [each for each in waiting if each in done]:
                member = waiting.pop(future)
                if future.cancelled():  # it was removed meanwhile
                    continue
                error = future.exception()
                if error is None:
                    if self._wait == "any":
                        return
                    continue
                first = first or _of_server(member.name, error)
                if self._wait == "all":
                    raise first
        if first is not None:
            raise first

    async def close(self) -> None:
        """Close all managers at the same time, each with a farewell, and end all streams.

        It may be called in every state, and again. Callbacks end first, as in `Manager.close`.
        Afterwards the same fleet may `connect()` again. Cancelling this closes without a farewell.

        Raises:
            RuntimeError: the fleet is connected in another event loop, thread or process.
        """
        self.owner.check()
        was_connected = self._standing.state is not ManagerState.CLOSED
        self._standing.state = ManagerState.CLOSING
        try:
            await self._callbacks.stop()
            if self._discovery is not None and was_connected:
                await self._discovery.close()
        finally:
            try:
                closing = [self._close(member) for member in self._members.values()]
                await asyncio.gather(*closing)
            finally:
                self._standing.state = ManagerState.CLOSED
                self._finish(None)
                self.owner.release()

    async def _close(self, member: Member) -> None:
        try:
            await member.stop()
        finally:
            try:
                await member.manager.close()
            except Exception:
                log.exception("the manager of %s raised as it was closed", member.name)

    def _lost(self, member: Member) -> None:
        """Note that a server is lost for good."""
        # A link that was established once has logged this itself.
        if not member.has_stood and not self._raises:
            log.error("%s is lost for good: %s", member.name, member.error)
        self._notice_the_last()

    def _renewed(self, member: Member) -> None:
        """Open all streams for a manager that was added, or was closed from outside the fleet."""
        for stream, open_part in list(self._streams.items()):
            if not stream.ended:
                stream.add(open_part(member))

    def _lost_its_loop(self) -> None:
        """Note that the event loop was closed without `close()`, which ended the links."""
        self._standing.state = ManagerState.CLOSED
        for member in self._members.values():
            member.lost_its_loop()
        self._finish(ConnectionLost("the event loop was closed, and the links with it"))

    def _notice_the_last(self) -> None:
        """End the streams if every server is lost for good, and none can be discovered."""
        members = list(self._members.values())
        if members and all(each.error for each in members) and self._discovery is None:
            last = members[-1]
            assert last.error is not None
            self._finish(_of_server(last.name, last.error))

    def _finish(self, error: Exception | None) -> None:
        for stream in list(self._streams):
            stream.finish(error)

    # Health and counts

    def health(self) -> dict[str, ServerHealth]:
        """Return the health of each server at this moment, by name."""
        return {name: member.health() for name, member in self._members.items()}

    def statistics(self) -> dict[str, Statistics]:
        """Return the counts of each server's manager, by name; see `Manager.statistics`."""
        return {name: member.manager.statistics() for name, member in self._members.items()}

    # Events

    # fmt: off
    @overload
    def events(
        self, a: type[_A], /, *,
        where: Callable[[_A], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> MergedStream[_A]: ...
    @overload
    def events(
        self, a: type[_A], b: type[_B], /, *,
        where: Callable[[_A | _B], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> MergedStream[_A | _B]: ...
    @overload
    def events(
        self, a: type[_A], b: type[_B], c: type[_C], /, *,
        where: Callable[[_A | _B | _C], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> MergedStream[_A | _B | _C]: ...
    @overload
    def events(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ..., on_loss: OnLoss = ...,
    ) -> MergedStream[Event]: ...
    # fmt: on
    def events(
        self,
        *selectors: Selector,
        where: Predicate | None = None,
        maxsize: int | None = 10_000,
        overflow: Overflow = "drop_oldest",
        on_loss: OnLoss = "count",
    ) -> MergedStream[Any]:
        """Return a stream of the events of all servers. It may be opened before the fleet connects.

        `event.server` is the server's name. `Disconnected`, `Reconnected` and the error
        `EventsLost` have it, too. The events of one server keep their order. Servers with waiting
        events take turns.

        Args:
            selectors, where: as for `Manager.events`.
            maxsize: the most events of each server that may wait to be taken; beyond it, events of
                that server are lost. `None` is no limit.
            overflow, on_loss: as for `Manager.events`.

        The iteration ends when the stream or the fleet is closed. A server that is lost for good
        does not end it. When all servers are lost, the last error is raised, after the waiting
        events.

        Raises:
            TypeError, ValueError: as for `Manager.events`.
            RuntimeError: the fleet is connected in another event loop, thread or process.
        """
        self.owner.check()
        Buffer(Selection(selectors), where, maxsize, overflow, on_loss)  # refuses wrong arguments
        warn_of_names(selectors)
        return self._merge(
            selectors,
            lambda member: member.manager.events(
                *selectors,
                where=_naming_predicate(member, where),
                maxsize=maxsize,
                overflow=overflow,
                on_loss=on_loss,
            ),
        )

    # fmt: off
    @overload
    def wait_for(
        self, a: type[_A], /, *,
        where: Callable[[_A], object] | None = ..., timeout: float | None = ...,
    ) -> NextEvent[_A]: ...
    @overload
    def wait_for(
        self, a: type[_A], b: type[_B], /, *,
        where: Callable[[_A | _B], object] | None = ..., timeout: float | None = ...,
    ) -> NextEvent[_A | _B]: ...
    @overload
    def wait_for(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., timeout: float | None = ...,
    ) -> NextEvent[Event]: ...
    # fmt: on
    def wait_for(
        self, *selectors: Selector, where: Predicate | None = None, timeout: float | None = None
    ) -> NextEvent[Any]:
        """Return an awaitable for the next matching event of any server, from this call on.

        Args:
            selectors, where, timeout: as for `Manager.wait_for`.

        Raises:
            ManagerTimeout: from the await, if no event came in time.
            ConnectionLost, ManagerAuthError, ProtocolError, ActionError: from the await, if all
                servers are lost for good, or the fleet was closed, before one came.
            TypeError, ValueError, RuntimeError: as for `events()`.
        """
        self.owner.check()
        check_seconds("timeout", timeout)
        Buffer(Selection(selectors), where, None)
        warn_of_names(selectors)
        merged = self._merge(
            selectors,
            lambda member: member.manager.wait_for(
                *selectors, where=_naming_predicate(member, where)
            ),
        )
        return NextEvent(merged, timeout)

    # fmt: off
    @overload
    def on(
        self, a: type[_A], /, *,
        where: Callable[[_A], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> Subscription[_A]: ...
    @overload
    def on(
        self, a: type[_A], b: type[_B], /, *,
        where: Callable[[_A | _B], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> Subscription[_A | _B]: ...
    @overload
    def on(
        self, *selectors: Selector,
        where: Callable[[Event], object] | None = ..., maxsize: int | None = ...,
        overflow: Overflow = ...,
    ) -> Subscription[Event]: ...
    # fmt: on
    def on(
        self,
        *selectors: Selector,
        where: Predicate | None = None,
        maxsize: int | None = 10_000,
        overflow: Overflow = "drop_oldest",
    ) -> Subscription[Any]:
        """Return a decorator that registers a function to be called with each event of any server.

        It works as `Manager.on`. The calls for all servers come one after the other; servers with
        waiting events take turns.

        Args:
            selectors, where, maxsize, overflow: as for `events()`.

        Returns:
            The subscription, to be called with the function.

        Raises:
            TypeError, ValueError, RuntimeError: as for `events()`.
        """
        self.owner.check()
        Buffer(Selection(selectors), where, maxsize, overflow)
        warn_of_names(selectors)

        def open_stream() -> MergedStream[Any]:
            return self._merge(
                selectors,
                lambda member: member.manager.events(
                    *selectors,
                    where=_naming_predicate(member, where),
                    maxsize=maxsize,
                    overflow=overflow,
                ),
            )

        return Subscription(open_stream, self._callbacks)

    def emit(self, event: Event) -> None:
        """Deliver an event of the fleet itself to the streams that select it.

        The discovery of servers on a bus uses this.
        """
        for stream in list(self._streams):
            stream.emit(event)

    def _merge(
        self,
        selectors: tuple[Selector, ...],
        open_part: Callable[[Member], EventStream[Any] | NextEvent[Any]],
    ) -> MergedStream[Any]:
        def open_quietly(member: Member) -> EventStream[Any] | NextEvent[Any]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UnknownEventName)  # the user was warned once
                return open_part(member)

        stream: MergedStream[Any] = MergedStream(
            Selection(selectors), self.owner, _do_nothing, before_waiting=self._warn_if_idle
        )
        for member in self._members.values():
            stream.add(open_quietly(member))
        self._streams[stream] = open_quietly
        if self._standing.state is ManagerState.READY:
            self._notice_the_last()
        return stream

    async def _warn_if_idle(self) -> None:
        """Log a warning if the fleet is not connected, as no event will come then."""
        if self._standing.state is ManagerState.CLOSED:
            await asyncio.sleep(0)  # a task that was started beside this one may connect
        if self._standing.state is ManagerState.CLOSED:
            log.warning("a stream waits, and nothing will come: the fleet is not connected")

    def __del__(self) -> None:
        standing = getattr(self, "_standing", None)
        if standing is None or standing.state is ManagerState.CLOSED:
            return
        if self.owner.is_gone or self.owner.is_elsewhere:
            return
        warnings.warn(
            f"{self!r} was dropped without close()", ResourceWarning, source=self, stacklevel=2
        )
        tasks = [member.task for member in self._members.values() if member.task is not None]
        # Not at once, as garbage may be collected at any moment.
        self.owner.call_soon(lambda: [task.cancel() for task in tasks])

    if not TYPE_CHECKING:  # type checkers shall refuse these names

        def __getattr__(self, name: str) -> object:
            absent = f"{type(self).__name__!r} object has no attribute {name!r}"
            if name in _OF_A_SERVER:
                absent = f"a fleet has no {name}, but each of its servers: fleet['NAME'].{name}"
            raise AttributeError(absent)

    def __repr__(self) -> str:
        members = self._members.values()
        states = ", ".join(f"{each.name} {each.state.value}" for each in members)
        return f"<Fleet {states or 'without servers'}>"


_OF_A_SERVER: Final = frozenset(
    {
        "call",
        "send",
        "state",
        "statistics",
        "stream",
        "version",
        "view",
        "wait_booted",
        "wait_ready",
    }
)


class _Standing:
    """The state of the fleet itself: `READY` from `connect()` to `close()`."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.state = ManagerState.CLOSED


def _weakly(method: Callable[..., None]) -> Callable[..., None]:
    """Return a method with a weak reference to its fleet, for objects that the fleet keeps."""
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any) -> None:
        found = reference()
        if found is not None:
            found(*arguments)

    return call


def _of_server(name: str, error: BaseException) -> Exception:
    """Return a copy of a server's error that begins with the server's name."""
    named = fresh(error)
    assert isinstance(named, Exception)
    if isinstance(named, ManagerError):
        named.args = (f"{name}: {error}",)
    return named


def _do_nothing() -> None:
    """Do nothing: the parts of a merged stream end themselves."""


def _naming_predicate(member: Member, where: Predicate | None) -> Predicate | None:
    """Return a predicate that also writes the server's name into each event.

    If the manager itself writes the name, it is just `where`.
    """
    if member.takes_name:
        return where
    name = member.name

    def name_and_select(event: Event) -> object:
        name_server(event, name)
        return True if where is None else where(event)

    return name_and_select
