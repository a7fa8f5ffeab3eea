"""The dialplan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events.dialplan import ListDialplan, ShowDialPlanComplete
from ..responses.base import ListReply, Response
from .base import KnownAction
from .parameters import header, yes_no

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = [
    "DialplanExtensionAdd",
    "DialplanExtensionRemove",
    "ShowDialPlan",
]


class ShowDialPlan(KnownAction[ListReply[ListDialplan, ShowDialPlanComplete]]):
    """List the dialplan. An unknown context or extension is an error.

    Args:
        context: only this context; left out, all.
        extension: only this extension.
    """

    privilege = ("config", "reporting")
    reads_only = True

    _: KW_ONLY
    context: str | bytes | None = header("Context", default=None)
    extension: str | bytes | int | None = header("Extension", default=None)


class DialplanExtensionAdd(KnownAction[Response]):
    """Add a step to the dialplan until it is read again. A context that does not exist is made.

    Args:
        context: the context.
        extension: the extension, or a pattern; `ext/cid` for that caller alone.
        priority: the step's number, or `hint`.
        application: what it runs.
        application_data: the application's arguments.
        replace: whether it may replace an existing step; otherwise that is an error.
    """

    privilege = ("system",)

    context: str | bytes = header("Context")
    extension: str | bytes | int = header("Extension")
    priority: str | bytes | int = header("Priority")
    application: str | bytes = header("Application")
    _: KW_ONLY
    application_data: str | bytes | None = header("ApplicationData", default=None)
    replace: bool | None = header("Replace", yes_no, default=None)


class DialplanExtensionRemove(KnownAction[Response]):
    """Take an extension, or one of its steps, out of the dialplan until that is read again.

    Args:
        context: the context.
        extension: the extension.
        priority: only this step; left out, all.
    """

    privilege = ("system",)

    context: str | bytes = header("Context")
    extension: str | bytes | int = header("Extension")
    priority: str | bytes | int | None = header("Priority", default=None)
