"""Actions that are under way, and the outcomes that are waited for."""

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
"""Sent behind an action whose end nothing else marks: its answer shows that the action is over."""


class Promise(Protocol):
    """Receives a result or an error, once; `asyncio.Future` is one."""

    def done(self) -> bool: ...
    def set_result(self, result: Any, /) -> None: ...
    def set_exception(self, error: Exception, /) -> None: ...


class Outcome:
    """The event that will say how an accepted action ended.

    Attributes:
        result: the event or the error, once there is one.
        waiting: the promises of those who wait for it.
    """

    __slots__ = ("__weakref__", "action", "action_id", "result", "waiting")

    def __init__(self, action: Action[Any], action_id: str) -> None:
        self.action = action
        self.action_id = action_id
        self.result: Event | ManagerError | None = None
        self.waiting: list[Promise] = []

    def settle(self, result: Event | ManagerError) -> None:
        """Record the result, unless there is one already, and give it to those who wait."""
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
    """An action between its first byte and the last one of its answer.

    Attributes:
        data: its bytes, until they are written.
        counted: whether it is still to be counted how it ended.
        written: whether its bytes were handed to the operating system, so that the server may have
            seen them.
        forgotten: whether it was given up, so that what still comes for it is discarded.
        response: the reply that started its list, or that more replies are to follow.
        items: how many items of its list came, once it has begun.
        end: the event that ends that list by its name, if no header marks its end.
        is_unmarked: whether the server ought to have marked that list, and did not.
        due: when it is given up, if it has a deadline; `last_progress` says when something of its
            list came, if that puts it off.
        next: what was sent behind it, while neither is answered.
        bare_lines: the lines of its reply, if that has no `Response` header.
        shape: what says how it is answered: a class, or an action.
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
        # One without a class of its own is answered as its name is.
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
