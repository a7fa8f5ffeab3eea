"""Replies and faults that a test has scripted for a fake server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

from .actions import Answer, Request

if TYPE_CHECKING:
    from .connection import FakeConnection, Fault

__all__ = ["Reply", "Script"]

Reply = Union[Answer, Callable[[Request], Answer]]


@dataclass
class _Hook:
    """A fault to come.

    Attributes:
        when: `before` or `after` the answer or the event.
        name: the action or the event, in lower case.
        fault: called with the connection.
        left: remaining calls.
    """

    when: str
    name: str
    fault: Fault
    left: int


class Script:
    """Scripted replies by action, and faults by action or event."""

    def __init__(self) -> None:
        self._replies: dict[str, tuple[Reply, int | None]] = {}
        self._hooks: list[_Hook] = []

    def set_reply(self, name: str, reply: Reply, times: int | None) -> None:
        """Set the reply to the next `times` actions of a name; `None` is for all of them."""
        self._replies[name.lower()] = (reply, times)

    def take_reply(self, request: Request) -> tuple[Answer] | None:
        """Return the scripted answer in a tuple, as it may be `None`; `None` without a script."""
        name = request.name.lower()
        if name not in self._replies:
            return None
        reply, times = self._replies[name]
        if times is not None:
            self._replies[name] = (reply, times - 1)
            if times <= 1:
                del self._replies[name]
        return (reply(request) if callable(reply) else reply,)

    def add_fault(self, when: str, name: str, fault: Fault, times: int) -> None:
        """Call a fault before or after the next `times` actions or events of a name."""
        self._hooks.append(_Hook(when, name.lower(), fault, times))

    def strike(self, when: str, name: str, connection: FakeConnection) -> None:
        """Call the faults that are scripted for this moment."""
        for hook in list(self._hooks):
            if (hook.when, hook.name) == (when, name.lower()):
                hook.left -= 1
                if hook.left <= 0:
                    self._hooks.remove(hook)
                hook.fault(connection)
