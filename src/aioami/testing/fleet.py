"""Several fake servers, for programs that use many."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .._check import check_several
from .fake import FakeAsterisk

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FakeFleet"]


class FakeFleet(Mapping[str, FakeAsterisk]):
    """Fake servers by name::

        async with FakeFleet(["pbx1", "pbx2"]) as fakes, Fleet(fakes.urls) as fleet:
            await fakes["pbx1"].send_event("Hangup", {"Channel": "PJSIP/alice-1"})
            fakes["pbx2"].drop()

    A mapping of names to servers. Each server may be stopped, started again, and disturbed
    separately.

    Args:
        servers: the names of the servers to make; or a mapping of names to servers, which may have
            different options.
        options: the arguments of `FakeAsterisk` for the servers to make.

    Raises:
        TypeError: `servers` is one text; or there are options with a mapping of servers.
        ValueError: there is no server, or a name comes twice; or as for `FakeAsterisk`.
    """

    def __init__(self, servers: Iterable[str] | Mapping[str, FakeAsterisk], **options: Any) -> None:
        if isinstance(servers, Mapping):
            if options:
                raise TypeError(f"{next(iter(options))}: these servers are made already")
            self._servers: dict[str, FakeAsterisk] = dict(servers)
        else:
            names = check_several("servers", servers, "names")
            if len(set(names)) < len(names):
                raise ValueError("servers: each name once")
            self._servers = {name: FakeAsterisk(**options) for name in names}
        if not self._servers:
            raise ValueError("servers: at least one")
        self._entered = contextlib.AsyncExitStack()

    def __getitem__(self, name: str) -> FakeAsterisk:
        return self._servers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._servers)

    def __len__(self) -> int:
        return len(self._servers)

    @property
    def urls(self) -> dict[str, str]:
        """The URLs of the servers by name, each with the server's first user, for `aioami.Fleet`.

        A server gets its port with its first start.
        """
        return {name: server.url for name, server in self._servers.items()}

    async def start(self) -> None:
        """Start all servers; see `FakeAsterisk.start`."""
        await asyncio.gather(*(server.start() for server in self._servers.values()))

    async def stop(self) -> None:
        """Stop all servers; see `FakeAsterisk.stop`."""
        await asyncio.gather(*(server.stop() for server in self._servers.values()))

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            for server in self._servers.values():
                await stack.enter_async_context(server)
            self._entered = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._entered.__aexit__(kind, error, traceback)

    async def advance(self, seconds: float) -> None:
        """Let time pass on all servers; see `FakeAsterisk.advance`."""
        await asyncio.gather(*(server.advance(seconds) for server in self._servers.values()))
