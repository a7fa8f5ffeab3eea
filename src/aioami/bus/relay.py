"""The relay: carries events from Asterisk to the bus, and actions from the bus to Asterisk.

One relay serves any number of servers. Of several relays for the same server, one leads and has
the AMI session; the others stand by, without a session. The last `@epoch` in the server's stream
alone decides which one leads. It is written with compare-and-swap: no lease or clock is involved.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Final

from .._check import check_callable, check_flag, check_several, check_text, check_type
from .._log import get_logger
from .._near import with_near_keywords
from .._owner import Owner
from ..errors import ManagerError
from ..events.base import load
from ..wire.text import shown
from .connection import BusOptions, need_client
from .format import server_token
from .seat import Seat

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Relay", "RelayOptions", "SeatStatus", "ServerOptions", "make_prompt"]

log = get_logger("aioami.bus.relay")

MEBIBYTE: Final = 1 << 20
_LONGEST: Final = 1_000_000_000  # seconds; JetStream counts them as nanoseconds in 63 bits
_LARGEST: Final = 1 << 60  # bytes


@dataclass(frozen=True)
class ServerOptions:
    """A server that a relay puts on the bus. Its repr shows no secret.

    Attributes:
        name: its name on the bus, which may be a host name.
        url: the server and the user, as a URL for `Manager.from_url`, with any of its options.
        secret: the user's secret, if it is not in the URL.
        read_only: whether actions that may change something are refused, as by `Manager`.
        allow: names of the actions that are passed on; `None` for all.
    """

    name: str
    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    read_only: bool = False
    allow: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_text("name", self.name)
        check_text("url", self.url)
        check_type("secret", self.secret, (str, type(None)), "text or None")
        check_flag("read_only", self.read_only)
        server_token(self.name)
        if self.allow is not None:
            allowed = check_several("allow", self.allow, "names of actions")
            object.__setattr__(self, "allow", allowed)


@dataclass(frozen=True)
class RelayOptions:
    """Options for all servers of a relay.

    Attributes:
        name: the relay's name for people, the host's name if empty; a unique suffix is added.
        max_age: seconds for which the stream keeps events.
        max_bytes: bytes that a server's stream may have; the oldest go first.
        replicas: nodes of the bus that keep each stream.
        buffer: bytes of events that the relay keeps for each server while the bus is away.
        silence: seconds without a sign of the leader, after which a standby takes over.
        doubt: seconds without a confirmation, after which a connection counts as lost.
        leader_timeout: seconds for which the leader has no link to the server, after which a
            standby tries to log in itself, and takes over if it succeeds.

    Raises:
        ValueError: a number is out of its range.
    """

    name: str = ""
    max_age: float = 900.0
    max_bytes: int = 1024 * MEBIBYTE
    replicas: int = 1
    buffer: int = 64 * MEBIBYTE
    silence: float = 1.0
    doubt: float = 1.5
    leader_timeout: float = 10.0

    def __post_init__(self) -> None:
        check_text("name", self.name)
        for name, minimum, maximum in (
            ("max_age", 10.0, _LONGEST),
            ("max_bytes", MEBIBYTE, _LARGEST),
            ("replicas", 1, 5),
            ("buffer", 65536, _LARGEST),
            ("silence", 0.3, _LONGEST),
            ("doubt", 0.3, _LONGEST),
            ("leader_timeout", 0.3, _LONGEST),
        ):
            value = getattr(self, name)
            check_type(name, value, (int, type(minimum)), "a number")
            if not value >= minimum:
                raise ValueError(f"{name}: at least {minimum:g}, not {value!r}")
            if value > maximum:
                raise ValueError(f"{name}: at most {maximum:,}, not {value!r}")


@dataclass(frozen=True)
class SeatStatus:
    """The state of a relay's work for one server at this moment.

    Attributes:
        server: the server's name.
        role: `connecting` (the bus is away), `standby` or `leader`.
        epoch: the epoch that the relay leads, or knows of; 0 before it knows one.
        state: the state of a leader's link to Asterisk, a value of `aioami.ManagerState`.
        error: the present problem, as a sentence; empty if all is well.
        events: events that were taken from Asterisk.
        written: messages that the stream has confirmed.
        lost: events that were dropped, as the buffer was full or they were too long.
        buffered: bytes that wait for the stream's confirmation.
        waiting: messages that wait for the stream's confirmation.
        takeovers: the number of times that the relay took the lead.
        actions: actions that were passed on.
        refused: actions that the relay refused.
    """

    server: str
    role: str
    epoch: int
    state: str
    error: str
    events: int
    written: int
    lost: int
    buffered: int
    waiting: int
    takeovers: int
    actions: int
    refused: int

    @property
    def is_ready(self) -> bool:
        """True if the relay leads and is logged in, or stands by."""
        return self.role == "standby" or (self.role == "leader" and self.state == "ready")


class Relay:
    """Puts the events of servers on the bus, and passes actions on to them.

    Example::

        servers = [ServerOptions("pbx1", "ami://user@10.0.0.1", secret="s3cret")]
        async with Relay(servers, "nats://127.0.0.1"):
            await asyncio.Event().wait()

    Entering the `async with` starts the relay, and does not wait for the bus or the servers.
    Leaving it logs off, writes the remaining messages within `linger` seconds, and sends a last
    heartbeat, so that a standby takes over at once.

    Args:
        servers: the servers; their names must differ.
        bus: the bus, as a URL (see `BusOptions.from_url`) or as options.
        options: the options for all servers.
        linger: seconds for which leaving waits for actions under way, and for the bus.
        clock: returns the seconds since 1970.

    Raises:
        ValueError: there is no server, two servers have the same name, or an option is wrong.
    """

    @with_near_keywords()
    def __init__(
        self,
        servers: Iterable[ServerOptions],
        bus: str | BusOptions,
        options: RelayOptions | None = None,
        *,
        linger: float = 3.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_type("options", options, (RelayOptions, type(None)), "RelayOptions")
        check_type("bus", bus, (str, BusOptions), "a URL or BusOptions")
        check_type("linger", linger, (int, float), "a number of seconds")
        check_callable("clock", clock)
        self.options = options or RelayOptions()
        self.bus = BusOptions.from_url(bus) if isinstance(bus, str) else bus
        name = shown(self.options.name or socket.gethostname())
        self.name: Final = f"{name}-{os.getpid()}-{os.urandom(3).hex()}"
        self._linger = linger
        seats: dict[str, Seat] = {}
        for server in check_several("servers", servers, "ServerOptions"):
            check_type("servers", server, (ServerOptions,), "a sequence of ServerOptions")
            if server.name in seats:
                raise ValueError(f"servers: {server.name!r} is there twice")
            seats[server.name] = Seat(server, self.bus, self.options, self.name, clock)
        if not seats:
            raise ValueError("servers: a relay needs at least one")
        self._seats: Mapping[str, Seat] = seats
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._owner = Owner(self._lost_its_loop, "relay", "relay.close()")

    def start(self) -> None:
        """Start the relay, which runs in the background until `close`.

        Raises:
            RuntimeError: it runs already, here or in another event loop, thread or process.
        """
        self._owner.check()
        if self._tasks:
            raise RuntimeError("the relay runs already")
        self._owner.take()
        for name, seat in self._seats.items():
            self._tasks[name] = asyncio.ensure_future(seat.run())

    async def close(self) -> None:
        """End the relay; it may be called again. Cancelling it skips the last heartbeat.

        Raises:
            RuntimeError: it was started in another event loop, thread or process.
        """
        self._owner.check()
        self._owner.release()
        tasks, self._tasks = self._tasks, {}
        if not tasks:
            return
        try:
            await asyncio.gather(*(seat.leave(self._linger) for seat in self._seats.values()))
        finally:
            for task in tasks.values():
                task.cancel()
        for task in tasks.values():
            try:
                await task
            except asyncio.CancelledError:
                pass
            except ManagerError as error:
                log.error("%s", error)

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def wait(self) -> None:
        """Wait until the relay fails, which only a bug in it can cause.

        Raises:
            Exception: the failure.
            RuntimeError: it was started in another event loop, thread or process.
        """
        self._owner.check()
        for task in asyncio.as_completed(list(self._tasks.values())):
            await task

    def status(self) -> Mapping[str, SeatStatus]:
        """Return the state of the relay's work for each server, by the server's name."""
        return {name: SeatStatus(**seat.status()) for name, seat in self._seats.items()}

    @property
    def is_ready(self) -> bool:
        """True if the relay is ready for every server; see `SeatStatus.is_ready`."""
        return all(each.is_ready for each in self.status().values())

    def _lost_its_loop(self) -> None:
        self._tasks.clear()

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}: {seat.role}" for name, seat in self._seats.items())
        return f"<Relay {self.name} {parts}>"


def make_prompt() -> None:
    """Import all that a relay needs, and exempt the process's objects from garbage collection.

    Otherwise a full collection visits all imported objects, and no event moves for 20 ms.

    Raises:
        ImportError: `nats-py` is not installed.
    """
    need_client()
    load()
    gc.collect()
    gc.freeze()
