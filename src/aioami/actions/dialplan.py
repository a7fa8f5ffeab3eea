"""Actions on the dialplan's extensions."""

from __future__ import annotations

from ..responses.dialplan import ExtensionStateReply
from .base import Action

__all__ = ["ExtensionState"]


class ExtensionState(Action[ExtensionStateReply]):
    """Say what an extension's hint shows. An extension without a hint is a success with the status -1.

    Args:
        extension: the extension.
        context: the context in which its hint is.
    """

    privilege = ("call", "reporting")
    response_type = ExtensionStateReply

    def __init__(self, extension: str | int, context: str) -> None:
        self._declare({"Exten": str(extension), "Context": context})
