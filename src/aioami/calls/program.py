"""The AGI program of a placed call: it runs over AsyncAGI once the call is answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from ..agi.asyncagi import environment_of
from ..agi.asynctransport import AsyncTransport, is_in_async_agi
from ..agi.hub import Hub
from ..agi.programs import Programs
from ..agi.session import Session
from ..errors import ManagerError
from ..events.base import Event
from ..wire.text import Encoding
from .watch import Watch

if TYPE_CHECKING:
    from .._client.like import ManagerLike

__all__ = ["CallProgram"]

_BEHIND: Final = 0.1  # seconds in which AsyncAGIStart may still come after the end of its call


class CallProgram:
    """Runs an AGI program for a placed call, once the call is answered.

    Args:
        manager: the manager that placed the call.
        watch: the watch that follows the call.
        program: the program, which gets the session.
    """

    def __init__(
        self,
        manager: ManagerLike,
        watch: Watch,
        program: Callable[[Session], Awaitable[object]],
    ) -> None:
        self._manager = manager
        self._watch = watch
        self._program = program
        self._programs = Programs("hangup")
        self._uniqueid = watch.machine.uniqueid
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = True
        self._hub = Hub.of(manager)
        self._hub.open(manager)
        self._hub.expect(self._uniqueid, self._enter)
        watch.on_found = self._find
        watch.on_end = self._end

    def _enter(self, event: Event) -> None:
        """Begin the session, as the call has entered AsyncAGI."""
        self._begin(event, unquote_to_bytes(event.get("Env", "")))

    def _find(self, item: Event) -> None:
        """Begin the session of a call that entered AsyncAGI while the link was down."""
        data = item.get("ApplicationData") or item.get("Data") or ""
        if is_in_async_agi(item.get("Application", ""), data) and self._hub.expect_no_more(
            self._uniqueid
        ):
            self._begin(item, environment_of(item))

    def _begin(self, event: Event, environment: bytes) -> None:
        encoding = Encoding.of(self._manager)
        transport = AsyncTransport(
            self._manager, self._hub, event, environment, encoding, has_dialplan=False
        )
        transport.holder = self._watch
        task = asyncio.create_task(self._run(transport), name="aioami program of a call")
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    async def _run(self, transport: AsyncTransport) -> None:
        with contextlib.suppress(ManagerError):  # it has hung up, or the link is lost
            if transport.is_behind:
                await transport.catch_up()
            await transport.mark()
            await self._programs.start(self._program, transport)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._close()

    def _end(self) -> None:
        """Give up soon, as the call has ended: AsyncAGIStart may still be on its way."""
        asyncio.get_running_loop().call_later(_BEHIND, self._give_up)

    def _give_up(self) -> None:
        if self._hub.expect_no_more(self._uniqueid):
            self._close()

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._hub.close()
