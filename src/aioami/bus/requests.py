"""Requests for one server: read, refused or sent on, and answered. None is ever sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import async_timeout

from .._log import get_logger
from ..actions.base import Action, action_class
from ..errors import (
    ActionError,
    ConnectionLost,
    ManagerAuthError,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    ProtocolError,
    UnknownAction,
)
from ..responses.base import OutcomeReply, Response, repeated_secrets
from ..states import ManagerState
from ..wire.text import bytes_of, shown
from .format import (
    CREDIT,
    PART_SIZE,
    REFUSED_ACTIONS,
    STOP,
    Answer,
    Failure,
    Mark,
    Request,
    parts,
)
from .secrets import bytes_without_secrets, hide_repeated, hide_secrets

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from .connection import BusConnection
    from .leadership import Leadership

__all__ = ["Requests"]

log = get_logger("aioami.bus.relay")

MAX_AT_ONCE: Final = 10_000
_OUTCOME: Final = 3600.0  # seconds for which the outcome of an action is waited for at most
_CONFIRMATION: Final = 10.0  # seconds that a requester may take for a part
_FORBIDDEN: Final = ("ami.", "$")  # beginnings that a reply subject may not have
_BLANK: Final = b"\r\n\r\n"


class Requests:
    """Requests that come over one connection with the bus, for the server that is led.

    Args:
        connection: the connection.
        leadership: the session with the server, and the stream's outbox.
        allow: names in lower case of the actions that are passed on; `None` for all.
        clock: returns the microseconds since 1970.
        count: is called with `actions` or `refused`.
    """

    def __init__(
        self,
        connection: BusConnection,
        leadership: Leadership,
        allow: frozenset[str] | None,
        clock: Callable[[], int],
        count: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._leadership = leadership
        self._allow = allow
        self._clock = clock
        self._count = count
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_over = False

    def __len__(self) -> int:
        return len(self._tasks)

    async def take(self, message: Msg) -> None:
        """Begin to answer a request, in a new task."""
        # The relay answers with its own rights, so a request must not direct that to the format's
        # subjects or the server's.
        if not message.reply or message.reply.startswith(_FORBIDDEN):
            self._count("refused")
            log.warning("a request for %s has no inbox to answer to: refused", message.subject)
            return
        if self._is_over or len(self._tasks) >= MAX_AT_ONCE:
            why = "the relay ends" if self._is_over else f"{MAX_AT_ONCE} actions are under way"
            await self._fail(message, ConnectionLost(f"the action was not sent: {why}"))
            return
        task = asyncio.ensure_future(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, seconds: float) -> None:
        """Refuse new requests, and wait at most some seconds for those under way to end."""
        self._is_over = True
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)

    def cancel(self) -> None:
        """Give up the requests under way, without an answer."""
        self._is_over = True
        for task in self._tasks:
            task.cancel()

    async def _answer(self, message: Msg) -> None:
        try:
            request = Request.parse(message.subject, message.headers, message.data)
            action = self._admit(request)
            response = await self._send(request, action)
        except (ManagerError, ValueError, TypeError) as error:
            await self._fail(message, error)
            return
        except Exception as error:
            log.exception("a fault of the relay's own, with an action")
            fault = ManagerError(f"the relay failed: {type(error).__name__}")
            await self._fail(message, fault, sent=True)
            return
        self._count("actions")
        if request.mark is not None:
            self._leadership.put_record(Mark(request.mark))
        await self._give(message, hide_secrets(_whole(response)))
        if isinstance(response, OutcomeReply) and response.success:
            await self._give_outcome(message, response)

    def _admit(self, request: Request) -> Action[Response]:
        """Return the action of a request, or raise an error if it may not be sent."""
        name = request.name.strip().lower()
        if name in REFUSED_ACTIONS:
            raise PermissionDenied(
                f"{request.name} was refused: no relay passes it on, as all share one session"
            )
        if self._allow is not None and name not in self._allow:
            raise PermissionDenied(f"{request.name} was refused: this relay does not allow it")
        headers: dict[str, list[bytes]] = {}
        for key, value in request.headers:
            headers.setdefault(key.decode("utf-8", "surrogateescape"), []).append(value)
        action: Action[Response] = Action(request.name, headers)
        # The session refuses it too, but its words would seem to be about the requester's manager.
        is_read_only = self._leadership.manager.read_only
        if is_read_only and (why := action_class(request.name).may_change(action.headers)):
            sentence = f"{request.name} was refused: this relay is read-only: {why}"
            raise PermissionDenied(sentence)
        return action

    async def _send(self, request: Request, action: Action[Response]) -> Response:
        manager = await self._leadership.manager_for(action)
        if manager.state is not ManagerState.READY:
            why = f"the relay's link to Asterisk is {manager.state.value}"
            raise ConnectionLost(f"{request.name} was not sent: {why}")
        seconds: float | None = None
        if request.deadline is not None:
            seconds = (request.deadline - self._clock()) / 1_000_000
            if seconds <= 0:
                raise ConnectionLost(
                    f"{request.name} was not sent: its time was over {-seconds:.3f} seconds before "
                    "it came to the relay (by the clocks of both)"
                )
        return await manager.send(action, timeout=seconds, check=False, action_id=request.action_id)

    async def _give(self, message: Msg, data: bytes) -> None:
        size = min(PART_SIZE, self._connection.max_payload - 4096)
        if len(data) <= size:
            await self._publish(message.reply, Answer("answer", 1, self._clock(), data))
            return
        flow = _Flow(self._connection)
        try:
            try:
                await flow.open()
            except ManagerError as error:
                log.info("an answer could not be given: %s", error)
                return
            for kind, number, body in parts(data, size):
                if kind == "part" and not await flow.admit():
                    return
                reply = flow.inbox if kind == "part" else ""
                answer = Answer(kind, number, self._clock(), body)
                await self._publish(message.reply, answer, reply)
        finally:
            await flow.close()

    async def _give_outcome(self, message: Msg, response: OutcomeReply[Any]) -> None:
        try:
            async with async_timeout.timeout(_OUTCOME):
                event = await response.outcome()
        except ManagerTimeout:
            return  # the requester has its own timeout
        except asyncio.TimeoutError:
            return
        except ManagerError as error:
            await self._fail(message, error, kind="failed", sent=True)
        else:
            body = bytes_without_secrets(event)
            await self._publish(message.reply, Answer("outcome", 1, self._clock(), body))

    async def _fail(
        self,
        message: Msg,
        error: Exception,
        *,
        kind: str = "error",
        sent: bool | None = None,
    ) -> None:
        name = next(
            each.__name__
            for each in (
                PermissionDenied,
                UnknownAction,
                ActionError,
                ManagerAuthError,
                ConnectionLost,
                ManagerTimeout,
                ProtocolError,
                ManagerError,
                ValueError,
                Exception,
            )
            if isinstance(error, each)
        )
        if kind == "error" and name in ("PermissionDenied", "ProtocolError", "ValueError"):
            self._count("refused")
        has_left = sent
        if has_left is None:
            has_left = isinstance(error, ManagerTimeout) or bool(getattr(error, "sent", False))
        failure = Failure(
            "ValueError" if name == "Exception" else name, shown(str(error)), has_left
        )
        await self._publish(message.reply, Answer(kind, 1, self._clock(), failure.encode()))

    async def _publish(self, subject: str, answer: Answer, reply: str = "") -> None:
        headers, body = answer.encode()
        try:
            await self._connection.publish(subject, body, headers, reply)
        except ManagerError as error:
            # The requester learns from its own connection that it gets no answer.
            log.info("an answer could not be given: %s", error)


class _Flow:
    """Flow control of one long answer, by confirmations of its parts."""

    def __init__(self, connection: BusConnection) -> None:
        self._connection = connection
        self._credit = CREDIT
        self._changed = asyncio.Event()
        self._is_stopped = False
        self._subscription: Any = None
        self.inbox = ""

    async def open(self) -> None:
        """Listen for confirmations."""
        self.inbox = self._connection.client.new_inbox()
        self._subscription = await self._connection.subscribe(self.inbox, self._confirmed)

    async def _confirmed(self, message: Msg) -> None:
        self._credit += 1
        if message.data == STOP:
            self._is_stopped = True
        self._changed.set()

    async def admit(self) -> bool:
        """Wait until one more part may be sent; return `False` if the requester wants no more."""
        try:
            async with async_timeout.timeout(_CONFIRMATION):
                while self._credit <= 0 and not self._is_stopped:
                    self._changed.clear()
                    await self._changed.wait()
        except asyncio.TimeoutError:
            return False
        self._credit -= 1
        return not self._is_stopped

    async def close(self) -> None:
        """Stop listening."""
        if self._subscription is not None:
            await self._connection.unsubscribe(self._subscription)


def _without_secrets(response: Response) -> bytes:
    data = bytes(response)
    repeated = repeated_secrets(response)
    return hide_repeated(data, map(bytes_of, repeated)) if repeated else data


def _whole(response: Response) -> bytes:
    """Return the messages of an answer as on the wire, without the secret of the relay's login."""
    messages = [_without_secrets(response), *map(bytes, response.events)]
    completion = response.events.completion
    # The event that ends a list may be its last item too.
    if completion is not None and not (response.events and response.events[-1] is completion):
        messages.append(bytes(completion))
    return _BLANK.join(messages) + _BLANK
