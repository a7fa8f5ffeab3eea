"""Help of a manager for a running command: stopping it, and noticing that its channel hung up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .._log import get_logger
from ..actions.base import Action
from ..actions.channels import ControlPlayback, PlayDTMF, Status
from ..errors import ActionError, ConnectionLost, ManagerError, PermissionDenied
from ..events.base import Event
from .commands import Command

if TYPE_CHECKING:
    from .._client.like import ManagerLike

__all__ = ["ChannelLook", "Lookout", "Place", "Stopper", "look_at", "place_of"]

_REPEAT: Final = 0.1  # seconds after which a stop without effect is repeated
_LOOK: Final = 0.2  # seconds between two looks at a channel
_LOOK_AGAIN: Final = 0.05  # seconds for which a redirect may look like a hang-up, at most
_HUNG_UP: Final = "CHANNEL(checkhangup)"
_VARIABLES: Final = (_HUNG_UP, "CONTEXT", "EXTEN", "PRIORITY", "AGISTATUS")

Place = tuple[str, str, str]
"""A place in the dialplan: context, extension and priority."""

log = get_logger("aioami.agi")


def place_of(event: Event) -> Place:
    """Return the place of an event's channel."""
    return event.get("Context", ""), event.get("Exten", ""), event.get("Priority", "")


@dataclass(frozen=True)
class ChannelLook:
    """A channel at one moment.

    Attributes:
        place: its place in the dialplan; the events that report it may come later.
        is_hung_up: true if it is about to be hung up, or redirected.
        agi_status: the value of `AGISTATUS`, the result of its last `AGI()`.
        application: the application that it runs.
        data: the application's arguments.
    """

    place: Place
    is_hung_up: bool
    agi_status: str
    application: str
    data: str


async def look_at(manager: ManagerLike, uniqueid: str) -> ChannelLook | None:
    """Return the present state of a channel; `None` if the server's answer does not list it.

    Raises:
        ActionError: there is no such channel; or the user lacks the permission.
        ConnectionLost, ManagerTimeout: there is no answer.
    """
    status = await manager.send(Status(uniqueid, variables=_VARIABLES))
    for event in status.events:
        values = dict(text.partition("=")[::2] for text in event.getall("Variable"))
        place = (values.get("CONTEXT", ""), values.get("EXTEN", ""), values.get("PRIORITY", ""))
        return ChannelLook(
            place,
            values.get(_HUNG_UP) == "1",
            values.get("AGISTATUS", ""),
            event.get("Application", ""),
            event.get("Data", ""),
        )
    return None


class Stopper:
    """Stops the commands of one channel.

    Args:
        manager: sends the actions.
        uniqueid: the channel's Uniqueid.

    Attributes:
        settling: milliseconds of silence to wait for before the next command, as a digit or stop on
            its way could end it; 0 if none can be on its way.
    """

    def __init__(self, manager: ManagerLike, uniqueid: str) -> None:
        self._manager = manager
        self._uniqueid = uniqueid
        self._task: asyncio.Task[None] | None = None
        self.settling = 0

    def stop(self, command: Command, answer: asyncio.Future[Any]) -> None:
        """Stop a command, if Asterisk can; repeat this until the answer of the command is there."""
        action: Action[Any]
        if command.is_stopped_by_control:
            action, settling = ControlPlayback(self._uniqueid, "stop"), 1
        elif digit := command.stop_digit:
            # If no command waits for the digit, Asterisk lets it last for the usual time.
            action, settling = PlayDTMF(self._uniqueid, digit, receive=True), 250
        else:
            return
        if self._task is None or self._task.done():
            self.settling = settling
            self._task = asyncio.create_task(self._keep_stopping(action, answer))

    async def _keep_stopping(self, action: Action[Any], answer: asyncio.Future[Any]) -> None:
        # Asterisk ignores a stop that comes before the command has begun.
        while not answer.done():
            try:
                await self._manager.send(action)
            except (PermissionDenied, ConnectionLost) as error:
                log.info("a cancelled command on %s runs on, as %s", self._uniqueid, error)
                return
            except ManagerError:
                pass
            await asyncio.wait([answer], timeout=_REPEAT)


class Lookout:
    """Notices that a channel was hung up during a command which Asterisk does not end then.

    Args:
        manager: sends the actions.
        uniqueid: the channel's Uniqueid.
        report: called with the place of a channel that was hung up or redirected, or with `None` if
            the channel is gone.
    """

    def __init__(
        self, manager: ManagerLike, uniqueid: str, report: Callable[[Place | None], None]
    ) -> None:
        self._manager = manager
        self._uniqueid = uniqueid
        self._report = report
        self._task: asyncio.Task[None] | None = None

    def watch(self, answer: asyncio.Future[Any]) -> None:
        """Look at the channel repeatedly, until a command has its answer."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(_LOOK, self._begin, answer)
        answer.add_done_callback(lambda _: timer.cancel())  # most commands end before the timer

    def _begin(self, answer: asyncio.Future[Any]) -> None:
        self._task = asyncio.create_task(self._look(answer))

    async def _look(self, answer: asyncio.Future[Any]) -> None:
        was_hung_up = False
        while not answer.done():
            try:
                state = await look_at(self._manager, self._uniqueid)
            except (PermissionDenied, ConnectionLost):
                return
            except ActionError:
                if not answer.done():
                    self._report(None)
                return
            except ManagerError:
                continue
            if state is None or not state.is_hung_up:
                was_hung_up = False
            elif not was_hung_up:
                # After a redirect by GOSUB a channel looks hung up for a moment, and goes on.
                was_hung_up = True
            elif not answer.done():
                self._report(state.place)
                return
            await asyncio.wait([answer], timeout=_LOOK_AGAIN if was_hung_up else _LOOK)
