"""AsyncAGI: calls that wait in the dialplan for the commands of a manager."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from .._check import check_manager, check_takes_one
from .._near import with_near_keywords
from .._owner import Owner
from .._signals import Signal
from ..actions.channels import CoreShowChannels
from ..errors import ConnectionLost, ManagerError, fresh
from ..events.agi import AsyncAGIStart
from ..events.base import Event
from ..wire.text import Encoding
from .asynctransport import AsyncTransport, is_in_async_agi
from .hub import Hub
from .programs import OnError, Programs, check_on_error, log
from .session import Program, Session

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._client.like import ManagerLike

__all__ = ["AsyncAGI", "environment_of"]

_GRACE: Final = 5.0  # seconds for the sessions that a program took itself to end
_STRAGGLING: Final = 0.1  # seconds after a list of channels for the events of these channels


class AsyncAGI:
    """Runs a program for each call that enters AsyncAGI on a manager's server::

        async with Manager(...) as mgr, AsyncAGI(mgr, menu):
            await asyncio.Event().wait()

    In the dialplan: `AGI(agi:async,menu)`. The call waits there for commands. When a program ends,
    the same happens as with `FastAGI`.

    Without a program, take the sessions with `async for`::

        async with AsyncAGI(mgr) as calls:
            async for call in calls:
                asyncio.create_task(menu(call))

    A session that was taken must be ended with `leave()` or `hang_up()`.

    A command takes some 100 ms while the caller's channel sends no sound, since Asterisk then looks
    for a new command that often. `get` and `set` go through the manager, which is quicker. A
    command has at most 1,013 bytes, and an answer 1,023; longer ones raise an error.

    The manager's user needs the read and the write class `agi`. It needs the read classes `call`
    and `dialplan` to learn why a session ended, and the write class `call` to read variables and to
    stop a cancelled command.

    When the link is lost, the running command raises `ConnectionLost`. The session goes on once the
    link is established again, if the channel is where it was.

    Entering the context begins to take calls; the manager may connect later. Leaving it cancels the
    programs, and ends within seconds; `close()` lets them finish first.

    Args:
        manager: the manager with the calls.
        program: a coroutine function that takes a `Session`, or `Routes`; `None` to take the
            sessions with `async for`.
        on_error: the fate of a call whose program raises or is cancelled: `"hangup"` hangs it up,
            `"continue"` lets the dialplan go on.

    Raises:
        ValueError: an argument cannot be right; the message names it.
    """

    @with_near_keywords()
    def __init__(
        self,
        manager: ManagerLike,
        program: Program | None = None,
        *,
        on_error: OnError = "hangup",
    ) -> None:
        check_manager("manager", manager)
        if program is not None:
            check_takes_one("program", program, "the session")
        check_on_error(on_error)
        self._manager = manager
        self._program = program
        self._hangs_up = on_error == "hangup"
        self._programs = Programs(on_error)
        self._encoding = Encoding.of(manager)
        self._hub: Hub | None = None
        self._waiting: deque[Session] = deque()
        self._changed = Signal()
        self._error: ManagerError | None = None
        self._owner = Owner(self._lost_its_loop, "AsyncAGI", "agi.close()")
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[AsyncTransport] = set()
        self._held: set[AsyncTransport] = set()

    async def start(self) -> None:
        """Begin to take the calls that enter AsyncAGI on the manager's server.

        Raises:
            RuntimeError: this `AsyncAGI`, or another one of the same manager, has begun already;
                or the manager is connected in another event loop, thread or process.
        """
        hub = Hub.of(self._manager)
        hub.check()
        if hub.doorkeeper is not None:
            raise RuntimeError("this manager has an AsyncAGI already")
        hub.open(self._manager)
        hub.doorkeeper = self
        self._hub = hub
        self._owner.take()
        self._error = None

    async def close(self, timeout: float | None = None) -> None:
        """Take no more calls, let the sessions finish, and close.

        It may be called again. A program may call it, too, and its own session then goes on.
        Cancelling it ends the waiting; the sessions go on.

        Args:
            timeout: seconds after which the programs are cancelled; `None` waits for all of them.

        Raises:
            RuntimeError: it was started in another event loop, thread or process.
        """
        self._owner.check()
        self._owner.release()
        hub, self._hub = self._hub, None
        if hub is not None:
            hub.doorkeeper = None
        self._changed.send()
        try:
            await self._finish_held(timeout)
            for transport in await self._programs.close(timeout):
                transport.abandon()
        finally:
            if hub is not None:
                hub.close()

    async def _finish_held(self, timeout: float | None) -> None:
        """End the sessions that were taken with `async for`, and those that wait to be taken."""
        for task in list(self._tasks):
            task.cancel()
        self._waiting.clear()
        if self._held:
            await asyncio.wait([each.ended for each in self._held], timeout=timeout)
        ends = [
            asyncio.ensure_future(each.finish(hang_up=self._hangs_up))
            for each in self._held
            if each.over is None
        ]
        if ends:
            _, left = await asyncio.wait(ends, timeout=_GRACE)
            for task in left:
                task.cancel()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close(timeout=0)

    def __aiter__(self) -> Self:
        if self._program is not None:
            raise TypeError("the sessions are its program's; without one they can be taken")
        self._owner.check()
        return self

    async def __anext__(self) -> Session:
        self._owner.check()
        while not self._waiting:
            if self._error is not None:
                raise fresh(self._error)
            if self._hub is None:
                raise StopAsyncIteration
            await self._changed.wait()
        return self._waiting.popleft()

    def __repr__(self) -> str:
        count = len(self._programs) + len(self._held)
        return f"<AsyncAGI {f'{count} sessions' if self._hub is not None else 'closed'}>"

    # For the hub

    def enter(self, event: AsyncAGIStart) -> None:
        """Take a call. Only the hub calls this."""
        self._take_call(event, unquote_to_bytes(event.get("Env", "")))

    def look_around(self) -> None:
        """Take the calls whose events were missed. Only the hub calls this."""
        self._start(self._take_missed_calls())

    def lose(self, error: ManagerError) -> None:
        """Note that no more calls will come. Only the hub calls this."""
        self._error = error
        self._changed.send()

    # Internals

    def _lost_its_loop(self) -> None:
        hub, self._hub = self._hub, None
        assert hub is not None  # the owner only calls this between start() and close()
        if hub.doorkeeper is self:
            hub.doorkeeper = None
        hub.close()
        self._tasks.clear()
        self._waiting.clear()
        self._held.clear()
        self._open.clear()
        self._programs.forget()
        self._error = ConnectionLost("the event loop of this AsyncAGI was closed")
        self._changed.send()

    def _take_call(self, event: Event, environment: bytes) -> None:
        assert self._hub is not None
        transport = AsyncTransport(self._manager, self._hub, event, environment, self._encoding)
        self._open.add(transport)
        transport.ended.add_done_callback(lambda _: self._open.discard(transport))
        self._start(transport.mark())
        if transport.is_behind:
            self._start(self._begin_late(transport))
        else:
            self._begin(transport)

    async def _begin_late(self, transport: AsyncTransport) -> None:
        """Begin a session once the rest of its environment is there, which Asterisk cut off."""
        with contextlib.suppress(ManagerError):  # it has hung up, or the link is lost
            await transport.catch_up()
            self._begin(transport)

    def _begin(self, transport: AsyncTransport) -> None:
        if self._program is not None:
            self._programs.start(self._program, transport)
            return
        self._held.add(transport)
        transport.ended.add_done_callback(lambda _: self._held.discard(transport))
        self._waiting.append(Session(transport))
        self._changed.send()

    async def _take_missed_calls(self) -> None:
        """Take the calls that entered while the link was down."""
        for transport in list(self._open):
            with contextlib.suppress(ManagerError):
                await transport.check_place()
        try:
            listed = await self._manager.send(CoreShowChannels())
        except ManagerError as error:
            log.warning("calls that came while the link was down may wait in AsyncAGI: %s", error)
            return
        await asyncio.sleep(_STRAGGLING)
        taken = {transport.uniqueid for transport in self._open}
        assert self._hub is not None  # closing cancels this
        for channel in listed.events:
            uniqueid = channel.get("Uniqueid", "")
            if uniqueid in taken or self._hub.is_expected(uniqueid):
                continue
            if is_in_async_agi(channel.get("Application", ""), channel.get("ApplicationData", "")):
                self._take_call(channel, environment_of(channel))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def environment_of(channel: Event) -> bytes:
    """Return the environment of a listed channel, as far as the item has its values."""
    name = channel.getbytes("Channel", b"")
    data = channel.getbytes("ApplicationData", b"") or channel.getbytes("Data", b"")
    values = {
        b"agi_request": b"async",
        b"agi_channel": name,
        b"agi_language": channel.getbytes("Language", b""),
        b"agi_type": name.partition(b"/")[0],
        b"agi_uniqueid": channel.getbytes("Uniqueid", b""),
        b"agi_callerid": channel.getbytes("CallerIDNum", b""),
        b"agi_calleridname": channel.getbytes("CallerIDName", b""),
        b"agi_context": channel.getbytes("Context", b""),
        b"agi_extension": channel.getbytes("Exten", b""),
        b"agi_priority": channel.getbytes("Priority", b""),
        b"agi_accountcode": channel.getbytes("AccountCode", b""),
    }
    for number, argument in enumerate(data.split(b",")[1:], 1):
        values[b"agi_arg_%d" % number] = argument.strip(b'"')
    return b"\n".join(
        b"%b: %b" % (name, b"unknown" if value == b"<unknown>" else value)
        for name, value in values.items()
    )
