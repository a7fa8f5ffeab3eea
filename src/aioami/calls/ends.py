"""The states and ends of calls, which `Call` and `CallTrace` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ..enums import DialStatus, HangupCause, Word

__all__ = ["CallEnd", "CallState", "EndReason", "reason_of"]


class CallState(Word):
    """The state of a call that this program placed."""

    QUEUED = "queued"
    """Asterisk was asked for the call, which has no channel yet."""
    DIALLING = "dialling"
    """The call has a channel, and the far end has not reacted yet."""
    RINGING = "ringing"
    """The far end rings."""
    EARLY = "early"
    """The far end sends sound before it answers."""
    ANSWERED = "answered"
    ENDED = "ended"


class EndReason(Word):
    """The reason why a call is over, in the same words on every version of Asterisk."""

    ANSWERED = "answered"
    """The call was answered, and hung up later."""
    BUSY = "busy"
    NO_ANSWER = "no answer"
    CONGESTION = "congestion"
    REJECTED = "rejected"
    NO_SUCH_CHANNEL = "no such channel"
    """The call failed before it had a channel, as with an unknown endpoint or technology."""
    CANCELLED = "cancelled"
    """This program hung up before anybody answered."""
    LOST = "lost"
    """The end was not seen, as the manager lost its link for good, or missed events of the call and
    has no permission to list the channels.
    """
    UNKNOWN = "unknown"
    """The call ended, and no event says why."""


@dataclass(frozen=True)
class CallEnd:
    """The end of a call.

    Attributes:
        reason: the reason, as an `EndReason`.
        cause: the hang-up cause of its channel; `None` where Asterisk gave none.
        rang: seconds for which it rang.
        talked: seconds from the answer to the hang-up; 0 without an answer.
        by_us: true if this program hung up.
    """

    reason: EndReason
    cause: HangupCause | None = None
    rang: float = 0.0
    talked: float = 0.0
    by_us: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the end as a dictionary, ready for JSON."""
        return {
            "reason": self.reason.name,
            "cause": None if self.cause is None else self.cause.name,
            "rang": round(self.rang, 3),
            "talked": round(self.talked, 3),
            "by_us": self.by_us,
        }


_BY_CAUSE: Final = {
    HangupCause.USER_BUSY: EndReason.BUSY,
    HangupCause.NO_USER_RESPONSE: EndReason.NO_ANSWER,
    HangupCause.NO_ANSWER: EndReason.NO_ANSWER,
    HangupCause.SUBSCRIBER_ABSENT: EndReason.NO_ANSWER,
    HangupCause.ANSWERED_ELSEWHERE: EndReason.NO_ANSWER,
    HangupCause.DESTINATION_OUT_OF_ORDER: EndReason.CONGESTION,
    # These causes do not say why a call has ended.
    HangupCause.NOT_DEFINED: None,
    HangupCause.NORMAL_CLEARING: None,
    HangupCause.NORMAL_UNSPECIFIED: None,
    HangupCause.INTERWORKING: None,
}
_BY_DIAL_STATUS: Final = {
    DialStatus.BUSY: EndReason.BUSY,
    DialStatus.NO_ANSWER: EndReason.NO_ANSWER,
    DialStatus.CONGESTION: EndReason.CONGESTION,
}
_NO_RESOURCES: Final = range(32, 48)  # the class of Q.850 for a network that is full or broken


def reason_of(cause: int | None, dial_status: str | None = None) -> EndReason:
    """Return the reason why a call was not answered: by its cause, else by its dial status.

    Args:
        cause: the hang-up cause. `None`, and a cause as `NORMAL_CLEARING`, leaves the reason open.
        dial_status: the `DialStatus` of its DialEnd, if one came.
    """
    if cause is not None:
        known = HangupCause(cause)
        found = _BY_CAUSE.get(known, EndReason.REJECTED)
        if found is EndReason.REJECTED and known in _NO_RESOURCES:
            found = EndReason.CONGESTION
        if found is not None:
            return found
    if dial_status:
        return _BY_DIAL_STATUS.get(DialStatus(dial_status), EndReason.UNKNOWN)
    return EndReason.UNKNOWN
