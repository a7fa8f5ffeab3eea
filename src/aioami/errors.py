"""Every exception that aioami raises on its own behalf.

::

    ManagerError
    ├── ManagerAuthError     login refused
    ├── ConnectionLost       not reached, lost, or closed (also a ConnectionError)
    ├── ActionError          the server answered `Response: Error`
    │   ├── PermissionDenied
    │   └── UnknownAction
    ├── ManagerTimeout       no answer in time (also a TimeoutError)
    ├── EventsLost           a stream missed something
    └── ProtocolError        what the server sent cannot be AMI, or exceeds a limit

What a caller passes and what cannot be sent is a plain `ValueError` or `TypeError`, raised before a byte leaves.
Each takes one message, reads as one plain sentence, and chains its cause.
"""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from .actions.base import Action
    from .responses.base import Response

if sys.version_info >= (3, 11) or TYPE_CHECKING:
    _TimeoutBases = TimeoutError
else:
    # Before 3.11 asyncio.TimeoutError was a class of its own; whoever catches it must catch ours.
    import asyncio.exceptions

    class _TimeoutBases(TimeoutError, asyncio.exceptions.TimeoutError):
        pass


__all__ = [
    "ActionError",
    "ConnectionLost",
    "EventsLost",
    "ManagerAuthError",
    "ManagerError",
    "ManagerTimeout",
    "PermissionDenied",
    "ProtocolError",
    "UnknownAction",
]


_E = TypeVar("_E", bound=BaseException)


class ManagerError(Exception):
    """The base of everything that goes wrong between this program and Asterisk."""


class ManagerAuthError(ManagerError):
    """The login was refused: wrong name or secret, an address not allowed, or a user who may log in only once.

    Asterisk does not say which of the first three it was.

    Attributes:
        response: the server's answer, where there was one.
    """

    def __init__(self, message: str, *, response: Response | None = None) -> None:
        super().__init__(message)
        self.response = response


class ConnectionLost(ManagerError, ConnectionError):
    """The server was not reached, the link was lost, or it was closed.

    Attributes:
        sent: of an action, `False` if it certainly never reached the server, so that it is safe to repeat;
            `True` if it may have run. Of anything else, `False`.
    """

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class ActionError(ManagerError):
    """The server answered an action with `Response: Error`.

    Attributes:
        action: what was sent, or was to be sent.
        response: what came back; its `message` is Asterisk's own text. `None` where the server said nothing.
    """

    def __init__(
        self, message: str, *, action: Action[Response] | None = None, response: Response | None = None
    ) -> None:
        super().__init__(message)
        self.action = action
        self.response = response


class PermissionDenied(ActionError):
    """The logged-in user lacks the write class that the action needs, or there was no login yet.

    Also what a manager with `read_only` raises instead of sending an action that may change something: a program for which an
    account without rights is enough treats both alike. Its `response` is `None` then, and nothing has left.
    """


class UnknownAction(ActionError):
    """This server does not have the action: too old, too new, or its module is not loaded."""


class ManagerTimeout(ManagerError, _TimeoutBases):
    """No answer came in time. The action may have run, and may still run.

    Attributes:
        action: what was sent; `None` where an event was waited for.
    """

    def __init__(self, message: str, *, action: Action[Response] | None = None) -> None:
        super().__init__(message)
        self.action = action


class EventsLost(ManagerError):
    """A stream missed something.

    Attributes:
        count: events dropped because the consumer was slower than the server.
        gap: seconds for which the link was down.
    """

    def __init__(self, message: str, *, count: int = 0, gap: float = 0.0) -> None:
        super().__init__(message)
        self.count = count
        self.gap = gap


class ProtocolError(ManagerError):
    """What the server sent cannot be the Asterisk Manager Interface, or exceeds a limit."""


def fresh(error: _E) -> _E:
    """Copy an exception with its cause: one that is raised in several places collects all tracebacks."""
    copied = copy.copy(error)
    copied.__cause__ = error.__cause__
    return copied


def because(error: _E, cause: BaseException | None) -> _E:
    """Return an exception with its cause, where it is not raised on the spot."""
    error.__cause__ = cause
    return error
