"""Actions that are under way, and the outcomes that callers wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from ..actions.base import Action, action_class
from ..errors import ManagerError, fresh
from ..events.base import Event
from ..fields import TRUE
from ..responses.base import Response

__all__ = ["FENCE", "Outcome", "Pending", "Promise"]

FENCE: Final = Action("Ping")
"""Sent behind an action without a marked end: its answer shows that the action is over."""


class Promise(Protocol):
    """Receives a result or an error, once; `asyncio.Future` is one."""

    def done(self) -> bool: ...
    def set_result(self, result: Any, /) -> None: ...
    def set_exception(self, error: Exception, /) -> None: ...


class Outcome:
    """The outcome of an accepted action, which an event will bring.

    Attributes:
        result: the event or the error; `None` before there is one.
        waiting: the promises of the callers that wait for it.
    """

    __slots__ = ("__weakref__", "action", "action_id", "result", "waiting")

    def __init__(self, action: Action[Any], action_id: str) -> None:
        self.action = action
        self.action_id = action_id
        self.result: Event | ManagerError | None = None
        self.waiting: list[Promise] = []

    def settle(self, result: Event | ManagerError) -> None:
        """Record the result, unless there is one already, and pass it to the waiting callers."""
        if self.result is not None:
            return
        self.result = result
        waiting, self.waiting = self.waiting, []
        for promise in waiting:
            if promise.done():
                continue
            if isinstance(result, Event):
                promise.set_result(result)
            else:
                promise.set_exception(fresh(result))


class Pending:
    """An action from its first byte to the last byte of its answer.

    Attributes:
        data: the bytes of the action, until they are written.
        counted: true if its end must still be counted.
        written: true if its bytes were handed to the operating system, so that the server may have
            received them.
        forgotten: true if it was given up, so that a late answer is discarded.
        response: the reply that started its list, or the first of several replies.
        items: the number of items of its list so far.
        end: the event that ends the list by its name, if no header marks the end.
        is_unmarked: true if the server should have marked the list, but did not.
        due: the time of its deadline, if it has one.
        last_progress: returns the time of the last part of its list, if that moves the deadline.
        next: the action that was sent after it, while neither is answered.
        bare_lines: the lines of its reply, if that has no `Response` header.
        shape: the class or action that declares the form of its answer.
    """

    __slots__ = (
        "__weakref__",
        "action",
        "action_id",
        "bare_lines",
        "counted",
        "data",
        "due",
        "end",
        "forgotten",
        "is_unmarked",
        "items",
        "last_progress",
        "next",
        "on_item",
        "outcome",
        "overtaken",
        "promise",
        "response",
        "sent_at",
        "shape",
        "written",
    )

    def __init__(
        self,
        action: Action[Any],
        action_id: str,
        data: bytes,
        promise: Promise,
        on_item: Callable[[Response, Event | None], None] | None,
    ) -> None:
        self.action = action
        # A plain `Action` is answered like the action class of the same name.
        plain = type(action) is Action and action is not FENCE
        self.shape = action_class(action.name) if plain else action
        self.action_id = action_id
        self.data = data
        self.promise: Promise | None = promise
        self.on_item = on_item
        self.due: float
        self.last_progress: Callable[[], float] | None = None
        self.counted = False
        self.outcome: Outcome | None = None
        self.response: Response | None = None
        self.items: int
        self.end: type[Event] | None
        self.is_unmarked: bool
        self.next: Pending | None = None
        self.bare_lines: list[str] | None = None
        self.sent_at = 0.0
        self.written = False
        self.forgotten = False
        self.overtaken = False

    @property
    def holds_session(self) -> bool:
        """True if the server answers nothing on this connection while the action is under way."""
        if not self.shape.holds_session:
            return False
        headers = self.action.headers
        return not any(name.lower() == "async" and value.lower() in TRUE for name, value in headers)
