"""Events of call completion (CCSS): a failed call is placed again when both sides are free."""

from __future__ import annotations

from ..fields import Integer, Seconds, Text
from .base import KnownEvent

__all__ = [
    "CCAvailable",
    "CCCallerRecalling",
    "CCCallerStartMonitoring",
    "CCCallerStopMonitoring",
    "CCFailure",
    "CCMonitorFailed",
    "CCOfferTimerStart",
    "CCRecallComplete",
    "CCRequestAcknowledged",
    "CCRequested",
    "CompletionEvent",
]


class CompletionEvent(KnownEvent, abstract=True):
    """An event about one request for completion."""

    read_classes = ("cc",)

    core_id = Integer("CoreID")


class CCAvailable(CompletionEvent):
    """A failed call could be completed later."""

    callee = Text("Callee")
    service = Text("Service")


class CCOfferTimerStart(CompletionEvent):
    """The caller may ask for completion until the time is over."""

    caller = Text("Caller")
    expires = Seconds("Expires")


class CCRequested(CompletionEvent):
    """The caller asked for completion."""

    caller = Text("Caller")
    callee = Text("Callee")


class CCRequestAcknowledged(CompletionEvent):
    """The request was accepted."""

    caller = Text("Caller")


class CCCallerStartMonitoring(CompletionEvent):
    """The caller is busy now, and waited for."""

    caller = Text("Caller")


class CCCallerStopMonitoring(CompletionEvent):
    """The caller is free again."""

    caller = Text("Caller")


class CCCallerRecalling(CompletionEvent):
    """The caller is being called back."""

    caller = Text("Caller")


class CCRecallComplete(CompletionEvent):
    """The call was placed again."""

    caller = Text("Caller")


class CCFailure(CompletionEvent):
    """The completion failed, or its time is over."""

    caller = Text("Caller")
    reason = Text("Reason")


class CCMonitorFailed(CompletionEvent):
    """The called side cannot be watched."""

    callee = Text("Callee")
