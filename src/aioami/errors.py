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
    ├── ProtocolError        what the server sent cannot be AMI, or exceeds a limit
    ├── NotAnswered          a call ended before anybody answered it
    ├── CommandFailed        an AGI command was not carried out
    └── SessionEnded         an AGI session is over
        ├── HungUp           its channel is gone, or dead
        └── TakenAway        its channel lives, and is no longer the session's

    UserWarning
    └── UnknownEventName     a selector of events is probably misspelt

An argument that cannot be sent raises a plain `ValueError` or `TypeError`, before a byte leaves.
Each exception takes one message, reads as one plain sentence, and chains its cause.
"""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from .actions.base import Action
    from .agi.answers import Reply
    from .calls.ends import CallEnd
    from .responses.base import Response

if sys.version_info >= (3, 11) or TYPE_CHECKING:
    _TimeoutBases = TimeoutError
else:
    # Before 3.11 asyncio.TimeoutError is a separate class; code that catches it must catch ours.
    import asyncio.exceptions

    class _TimeoutBases(TimeoutError, asyncio.exceptions.TimeoutError):
        pass


__all__ = [
    "ActionError",
    "CommandFailed",
    "ConnectionLost",
    "EventsLost",
    "HungUp",
    "ManagerAuthError",
    "ManagerError",
    "ManagerTimeout",
    "NotAnswered",
    "PermissionDenied",
    "ProtocolError",
    "SessionEnded",
    "TakenAway",
    "UnknownAction",
    "UnknownEventName",
]


_E = TypeVar("_E", bound=BaseException)


class ManagerError(Exception):
    """The base of everything that goes wrong between this program and Asterisk."""


class ManagerAuthError(ManagerError):
    """The login was refused: a wrong name or secret, an address that is not allowed, or a user who
    may log in only once.

    Asterisk does not say which of the first three causes it was.

    Attributes:
        response: the server's answer; `None` if there was none.
    """

    def __init__(self, message: str, *, response: Response | None = None) -> None:
        super().__init__(message)
        self.response = response


class ConnectionLost(ManagerError, ConnectionError):
    """The server was not reached, the link was lost, or it was closed.

    Attributes:
        sent: `True` if an action may have run. `False` if it certainly never reached the server and
            is safe to repeat, and also if the error is not about an action.
    """

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class ActionError(ManagerError):
    """The server answered an action with `Response: Error`.

    Attributes:
        action: the action that was sent, or was refused before it was sent.
        response: the response; its `message` is Asterisk's own text. `None` if there was none.
    """

    def __init__(
        self,
        message: str,
        *,
        action: Action[Response] | None = None,
        response: Response | None = None,
    ) -> None:
        super().__init__(message)
        self.action = action
        self.response = response


class PermissionDenied(ActionError):
    """The logged-in user lacks the write class that the action needs, or there was no login yet.

    A manager with `read_only` raises it too, instead of sending an action that may change
    something, so that programs can treat both alike. Then `response` is `None`, and no byte has
    left.
    """


class UnknownAction(ActionError):
    """The server lacks the action: it is too old or too new, or the module is not loaded."""


class ManagerTimeout(ManagerError, _TimeoutBases):
    """No answer came in time. The action may have run, and may still run.

    Attributes:
        action: the action that was sent; `None` if the program waited for an event.
    """

    def __init__(self, message: str, *, action: Action[Response] | None = None) -> None:
        super().__init__(message)
        self.action = action


class EventsLost(ManagerError):
    """A stream missed something.

    Attributes:
        count: events dropped because the consumer was slower than the server.
        gap: seconds for which the link was down.
        server: the name of the server in its fleet; empty without a fleet.
    """

    def __init__(self, message: str, *, count: int = 0, gap: float = 0.0, server: str = "") -> None:
        super().__init__(message)
        self.count = count
        self.gap = gap
        self.server = server


class ProtocolError(ManagerError):
    """The server's bytes cannot be the Asterisk Manager Interface, or AGI, or exceed a limit."""


class NotAnswered(ManagerError):
    """A call ended before anybody answered it.

    Attributes:
        end: the end of the call, with its reason and its cause.
    """

    end: CallEnd

    def __init__(self, message: str, *, end: CallEnd | None = None) -> None:
        super().__init__(message)
        if end is not None:  # when the error is copied, `end` is set without this constructor
            self.end = end


class CommandFailed(ManagerError):
    """A command of an AGI session was not carried out, though the channel still lives.

    Attributes:
        reply: Asterisk's answer; `None` if only a channel variable showed the failure.
        session_over: `True` if the failure ended the session and the dialplan goes on, as can
            happen over AsyncAGI. Then later commands raise `TakenAway`.
    """

    def __init__(
        self,
        message: str,
        *,
        reply: Reply | None = None,
        session_over: bool = False,
    ) -> None:
        super().__init__(message)
        self.reply = reply
        self.session_over = session_over


class SessionEnded(ManagerError):
    """An AGI session is over, so the command was not carried out.

    It is raised as one of its two kinds, `HungUp` and `TakenAway`.
    """


class HungUp(SessionEnded):
    """The channel of an AGI session, or of a call, was hung up; it is gone, or will soon be."""


class TakenAway(SessionEnded):
    """The channel of an AGI session lives, but the session no longer controls it.

    The session gave it back to the dialplan, or somebody redirected or bridged it.
    """


class UnknownEventName(UserWarning):
    """A warning: a selector of events is probably misspelt, and will never match an event.

    A name that resembles none of Asterisk's gives no warning, because third-party modules send
    events of their own. `warnings.simplefilter("error", UnknownEventName)` turns the warning into
    an exception.
    """


def fresh(error: _E) -> _E:
    """Copy an exception with its cause: one that is raised again collects more tracebacks."""
    copied = copy.copy(error)
    copied.__cause__ = error.__cause__
    return copied


def because(error: _E, cause: BaseException | None) -> _E:
    """Set the cause of an exception that is not raised here, and return the exception."""
    error.__cause__ = cause
    return error
