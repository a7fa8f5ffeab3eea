"""The meaning of the texts with which Asterisk refuses an action: `Response: Error` has no code."""

from __future__ import annotations

from typing import Any, Final

from .._near import nearest
from ..actions.base import ACTIONS, Action, action_class
from ..actions.base import load as load_actions
from ..errors import (
    ActionError,
    ManagerAuthError,
    ManagerError,
    PermissionDenied,
    ProtocolError,
    UnknownAction,
)
from ..responses.base import Response, repeated_secrets
from ..wire.redaction import redact_echo, redact_value, redact_words
from .subjects import subjects

__all__ = ["is_final", "is_permission_denied", "is_shutting_down", "refusal"]

_IN_USE: Final = "Login Already In Use"
_IN_OUTPUT: Final = "Command output follows"
_PERMISSION_DENIED: Final = "Permission denied"
_SHUTTING_DOWN: Final = "Asterisk is shutting down"
_UNKNOWN_ACTION: Final = "Invalid/unknown command"  # the beginning of a longer text

_REFUSALS: Final[dict[str, type[ActionError] | type[ManagerAuthError]]] = {
    "Authentication failed": ManagerAuthError,
    _IN_USE: ManagerAuthError,
    _SHUTTING_DOWN: ActionError,
    _PERMISSION_DENIED: PermissionDenied,
    "Originate Access Forbidden: app or data blacklisted": PermissionDenied,
    "Originate Access Forbidden: Application": PermissionDenied,
    "Originate Access Forbidden: Data": PermissionDenied,
    "GetVar Access Forbidden: Variable": PermissionDenied,
    "Status Access Forbidden: Variables": PermissionDenied,
}


def refusal(response: Response, action: Action[Any]) -> ManagerError:
    """Return the exception for a `Response: Error`.

    Args:
        response: the response. Secrets that the server repeats in it are hidden in the message.
        action: the action that it answers.
    """
    text = _reason(response)
    unlisted = ManagerAuthError if action.name.lower() == "login" else ActionError
    kind = UnknownAction if text.startswith(_UNKNOWN_ACTION) else _REFUSALS.get(text, unlisted)
    text = redact_words(redact_echo(text, action.name, action.headers), repeated_secrets(response))
    if issubclass(kind, ManagerAuthError):
        return kind(f"the login was refused: {text}", response=response)
    sentence = f"{action.name} was refused: {text}"
    if kind is UnknownAction:
        about = _meant(action)
    else:
        about = subjects(action.headers, {"action": action.name}.get, beside=text)
    if about:
        sentence += f" ({about})"
    return kind(sentence, action=action, response=response)


def _meant(action: Action[Any]) -> str:
    """Return a question that suggests a known action for an unknown one; empty if none is near."""
    if action_class(action.name) is not Action:
        return ""
    load_actions()
    meant = nearest(action.name, sorted({each.wire_name for each in ACTIONS.values()}))
    return f"is {meant} meant?" if meant is not None else ""


def _reason(response: Response) -> str:
    """The reason in a response; for a command it is the first line of the output."""
    text = response.message.strip()
    if text == _IN_OUTPUT:
        lines = (line.strip() for line in response.output)
        text = redact_value("output", next(filter(None, lines), ""), response.find)
    return text or "no reason given"


def is_permission_denied(response: Response) -> bool:
    """True if the user lacks the write class that the action needs."""
    return response.message == _PERMISSION_DENIED


def is_shutting_down(response: Response) -> bool:
    """True if the server accepts no more actions, because it is shutting down."""
    return response.message == _SHUTTING_DOWN


def is_final(error: BaseException, *, established: bool = False) -> bool:
    """True if another attempt would fail in the same way, and may even lock the user out.

    After any other failure of an attempt, the link waits and tries again.

    Args:
        error: the failure of an attempt to establish a link, or the end of an established one.
        established: true if the link was established.
    """
    if isinstance(error, ManagerAuthError):
        return error.response is None or error.response.message != _IN_USE
    # An attempt fails for good if a filter was refused. On an established link, a message that
    # exceeded a limit will do so again.
    return isinstance(error, ProtocolError if established else ActionError)
