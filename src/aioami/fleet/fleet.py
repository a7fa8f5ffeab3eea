"""The fleet: many servers, each with a link of its own, and the events of all of them."""

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
_TIMEOUT: Final = 5.0  # seconds; as of managers for which nothing else is said

# The fleet of each manager that is in one, by its `id`, which is its own while the fleet holds it.
_FLEETS: Final[weakref.WeakValueDictionary[int, Fleet]] = weakref.WeakValueDictionary()

# Those of its own; `isinstance` alone would not see names that `__getattr__` gives.
_NAMES: Final = tuple(name for name in vars(ManagerLike) if not name.startswith("_"))


def _is_manager(server: object) -> TypeGuard[ManagerLike]:
    """True of a manager, and of any other object that has all the names of one."""
    return isinstance(server, Manager) or all(hasattr(server, name) for name in _NAMES)


Wait = Literal["all", "any", "none"]
"""The servers that are waited for on entering a fleet: all of them, the first one, or none."""


class Fleet(Connectable):
    """Many servers in one program, each with a reconnecting link of its own.

    Example::

        servers = {"pbx1": "ami://u:s@10.0.0.1", "pbx2": "ami://u:s@10.0.0.2"}
        async with Fleet(servers) as fleet:
            await fleet["pbx1"].send(core.Ping())
            async for event in fleet.events(events.Hangup):
                print(event.server, event.channel)

    `Fleet(...)` connects nothing yet; `connect()`, or `async with`, connects all servers at the
    same time. A server that is down, slow, or sends a flood hurts no other. A lost server is
    connected again. A refused login is told once, in the log and in `health()`, and is not tried
    again. There is no `send` without a server: `fleet[name]` has it. A fleet that is thrown away
    without `close()` ends its links, with a `ResourceWarning`.

    Args:
        servers: the servers: a mapping of their names to URLs, as `Manager.from_url` takes them, or
            to managers, which are not connected yet and which the fleet closes. The URL of a bus,
            `nats://`, in a mapping stands for the server of that name there; in place of a mapping,
            for all of its servers, which are found by themselves. Both come with the extra
            `aioami[nats]`.
        wait: the servers that entering waits for. `"all"`: until all are ready; the first that
            fails is raised, and all are closed; so is one on a bus whose relay is not there, or has
            no link to it, after `timeout` seconds. `"any"`: until one is; those that are not there
            are tried again, and the first error is raised when all are refused for good. `"none"`:
            for none.
        options: what else `Manager.from_url`, or the bus, takes: for the managers that are made
            of URLs, those of `add()` among them. Their `metrics` name each server as the fleet
            does.

    Raises:
        ValueError: a URL cannot be right, and never shows the secret; a name is empty or not
            printable; a manager is connected already, in another fleet, or there twice; there is
            no such `wait`.
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
        self._raises = False  # entering waits for all, and raises what another time is logged
        self._options = options
        self._members: dict[str, Member] = {}
        self._observers: dict[object, Callable[[str, ManagerLike | None], object]] = {}
        # Each with the function that opens its part for one more server.
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
            # Not shown: a secret may be in it.
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
        """The manager of a server; a `KeyError` if there is no such server."""
        return self._members[name].manager

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self.servers)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, name: str, server: str | ManagerLike) -> ManagerLike:
        """Add a server, and return its manager, which begins to connect if the fleet is connected.

        It is tried again until it is there; `await fleet[name].wait_ready()` waits for that.
        Streams and callbacks get its events from the first.

        Args:
            name: its name.
            server: its URL, or a manager that is not connected; the fleet closes it.

        Raises:
            ValueError: there is a server of that name; or as for the constructor.
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

        What came of it before can still be taken from streams. Cancelling it closes without a
        farewell.

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
            except ValueError as error:  # which never shows the URL
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
        """The options of a manager, whose metrics are to have the server's name in the fleet."""
        metrics = self._options.get("metrics")
        if metrics is None:
            return self._options
        from .metrics import NamedMetrics

        return {**self._options, "metrics": NamedMetrics(name, metrics)}

    def _release(self, member: Member) -> None:
        """Note that a manager is in no fleet any more, and take the fleet's name for it away."""
        _FLEETS.pop(id(member.manager), None)
        if member.manager.state is ManagerState.CLOSED:
            member.name_manager("")

    def observe_servers(
        self, observer: Callable[[str, ManagerLike | None], object]
    ) -> Callable[[], None]:
        """Call a function with each server that is added or removed while the fleet is connected.

        Args:
            observer: takes the name, and the manager, or `None` for a server that was removed. It
                must be quick; what it raises is logged under `aioami.fleet`.

        Returns:
            A function that ends it; it may be called again.
        """
        entry = object()
        self._observers[entry] = observer

        def end() -> None:
            self._observers.pop(entry, None)

        return end

    def _notify(self, name: str, manager: ManagerLike | None) -> None:
        """Call the observers of servers; what they raise is logged."""
        for observer in list(self._observers.values()):
            try:
                observer(name, manager)
            except Exception:
                log.exception("an observer of servers raised")

    # The links

    async def connect(self) -> None:
        """Connect all servers at the same time, and wait for those that `wait` says.

        Cancelling it closes all.

        Raises:
            ConnectionLost, ManagerAuthError, ActionError, ProtocolError, OSError: what
                `Manager.connect` of a server raised; see `wait`. All are closed then.
            RuntimeError: the fleet is connected already; or in another event loop, thread or
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
        """Wait for the servers that are to be there on entering."""
        waiting = {
            member.arrived: member
            for member in self._members.values()
            if member.arrived is not None
        }
        first: Exception | None = None
        # The bus is there without a relay, or without its link: nothing else ends that waiting.
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
            # In the order of the servers, where several came at the same moment.
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

        May be called again, and in every state. Callbacks end first, as in `Manager.close`.
        Afterwards the same fleet may `connect()` again. Cancelling it closes without a farewell.

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
        # A link that stood has told it itself.
        if not member.has_stood and not self._raises:
            log.error("%s is lost for good: %s", member.name, member.error)
        self._notice_the_last()

    def _renewed(self, member: Member) -> None:
        """Open the streams of a manager again, which was closed by somebody else than the fleet."""
        for stream, open_part in list(self._streams.items()):
            if not stream.ended:
                stream.add(open_part(member))

    def _lost_its_loop(self) -> None:
        """Note that the loop was closed without a `close()`, and the links ended with it."""
        self._standing.state = ManagerState.CLOSED
        for member in self._members.values():
            member.lost_its_loop()
        self._finish(ConnectionLost("the event loop was closed, and the links with it"))

    def _notice_the_last(self) -> None:
        """End the streams if no server is left of which anything may come."""
        members = list(self._members.values())
        if members and all(each.error for each in members) and self._discovery is None:
            last = members[-1]
            assert last.error is not None
            self._finish(_of_server(last.name, last.error))

    def _finish(self, error: Exception | None) -> None:
        for stream in list(self._streams):
            stream.finish(error)

    # What is known of them

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
        """A stream of the events of all servers; it may be opened before the fleet connects.

        `event.server` is the server's name, also of `Disconnected` and `Reconnected`, and of the
        `EventsLost` that is raised. Those of one server come in its order. Servers that have events
        waiting take turns.

        Args:
            selectors, where: as for `Manager.events`.
            maxsize: events of each server that may wait for the consumer; what is too much is lost
                of that server alone. `None` lifts the limit.
            overflow, on_loss: as for `Manager.events`.

        The iteration ends when the stream or the fleet is closed. A server that is lost for good
        ends no stream; only when all are, the last error is raised, after what was buffered.

        Raises:
            TypeError, ValueError: as for `Manager.events`.
            RuntimeError: the fleet is connected in another event loop, thread or process.
        """
        self.owner.check()
        Buffer(Selection(selectors), where, maxsize, overflow, on_loss)  # refuses what is wrong
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
        """The next event of any server that matches, watched for from this call on; await it.

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
        """Return a decorator that has a function called with each event of any server.

        It is as `Manager.on`, with one call after the other for all servers together; servers that
        have events waiting take turns.

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

        It is for those who find the servers, and tell of them in events of their own.
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
        """Log that nothing will come, where the fleet is not connected."""
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
        # Never at once: garbage is collected in the middle of anything.
        self.owner.call_soon(lambda: [task.cancel() for task in tasks])

    if not TYPE_CHECKING:  # type checkers are to refuse these names

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
    """The state of the fleet itself: whether its servers are connected, or tried again."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.state = ManagerState.CLOSED


def _weakly(method: Callable[..., None]) -> Callable[..., None]:
    """A method of a fleet, for what the fleet holds, which is not to hold the fleet."""
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

    It is `where` itself if the manager writes it.
    """
    if member.takes_name:
        return where
    name = member.name

    def name_and_select(event: Event) -> object:
        name_server(event, name)
        return True if where is None else where(event)

    return name_and_select
