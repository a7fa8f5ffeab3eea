"""Enumerations of Asterisk's codes: states, causes and results, by name.

A value that is not listed here is a member too, named after its value: `ChannelState(42)` is
`ChannelState.UNKNOWN_42`. Members are numbers or texts themselves, so `event.channel_state == 6`
and `event.state == "RINGING"` hold. As text each is its name: `str(event.channel_state)` is `UP`.

Asterisk has several words for one thing. Each leads to the same member: `DeviceState("NOT_INUSE")`,
`DeviceState("Not in use")` and `DeviceState(1)`; `ChannelState(6)` and `ChannelState("Up")`;
`HangupCause(17)` and `HangupCause("User busy")`. Members' names work too, in any letter case.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "AgentState",
    "ChannelState",
    "Code",
    "DeviceState",
    "DialStatus",
    "ExtensionState",
    "HangupCause",
    "OriginateReason",
    "PresenceValue",
    "QueueMemberState",
    "Word",
]


class Code(enum.IntEnum):
    """A number with a name."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if isinstance(value, str):
            return cls.__members__.get(_names(cls).get(_key(value), ""))
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}".replace("-", "MINUS_")
        member._value_ = value
        return member

    def __reduce_ex__(self, protocol: object) -> tuple[type[Self], tuple[int]]:
        return type(self), (int(self),)

    # Python's versions disagree on the text of such a member.
    def __str__(self) -> str:
        return self._name_

    def __format__(self, spec: str) -> str:
        """The member's name; its number, if the format is one for numbers (`f"{cause:d}"`)."""
        return format(int(self), spec) if spec[-1:] in _NUMBERS else format(self._name_, spec)


class Word(str, enum.Enum):
    """A word with a name."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if isinstance(value, int) and not isinstance(value, bool):
            return cls.__members__.get(_numbers(cls).get(value, ""))
        if not isinstance(value, str):
            return None
        name = _names(cls).get(_key(value))
        if name is not None:
            return cls[name]
        member = str.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member

    def __reduce_ex__(self, protocol: object) -> tuple[type[Self], tuple[str]]:
        return type(self), (self._value_,)

    def __str__(self) -> str:
        return self._name_

    def __format__(self, spec: str) -> str:
        return format(self._name_, spec)


class ChannelState(Code):
    """The state of a channel."""

    DOWN = 0
    RESERVED = 1
    OFF_HOOK = 2
    DIALING = 3
    RING = 4
    """The caller hears the ringing tone."""
    RINGING = 5
    """The phone rings."""
    UP = 6
    BUSY = 7
    DIALING_OFF_HOOK = 8
    PRE_RING = 9


class HangupCause(Code):
    """Why a call ended: the causes of Q.850, and a few that Asterisk adds."""

    NOT_DEFINED = 0
    UNALLOCATED = 1
    NO_ROUTE_TRANSIT_NET = 2
    NO_ROUTE_DESTINATION = 3
    MISDIALLED_TRUNK_PREFIX = 5
    CHANNEL_UNACCEPTABLE = 6
    CALL_AWARDED_DELIVERED = 7
    PRE_EMPTED = 8
    NUMBER_PORTED_NOT_HERE = 14
    NORMAL_CLEARING = 16
    USER_BUSY = 17
    NO_USER_RESPONSE = 18
    NO_ANSWER = 19
    SUBSCRIBER_ABSENT = 20
    CALL_REJECTED = 21
    NUMBER_CHANGED = 22
    REDIRECTED_TO_NEW_DESTINATION = 23
    ANSWERED_ELSEWHERE = 26
    DESTINATION_OUT_OF_ORDER = 27
    INVALID_NUMBER_FORMAT = 28
    FACILITY_REJECTED = 29
    RESPONSE_TO_STATUS_ENQUIRY = 30
    NORMAL_UNSPECIFIED = 31
    NORMAL_CIRCUIT_CONGESTION = 34
    NETWORK_OUT_OF_ORDER = 38
    NORMAL_TEMPORARY_FAILURE = 41
    SWITCH_CONGESTION = 42
    ACCESS_INFO_DISCARDED = 43
    REQUESTED_CHANNEL_UNAVAILABLE = 44
    FACILITY_NOT_SUBSCRIBED = 50
    OUTGOING_CALL_BARRED = 52
    INCOMING_CALL_BARRED = 54
    BEARER_CAPABILITY_NOT_AUTHORIZED = 57
    BEARER_CAPABILITY_NOT_AVAILABLE = 58
    BEARER_CAPABILITY_NOT_IMPLEMENTED = 65
    CHANNEL_NOT_IMPLEMENTED = 66
    FACILITY_NOT_IMPLEMENTED = 69
    INVALID_CALL_REFERENCE = 81
    INCOMPATIBLE_DESTINATION = 88
    INVALID_MESSAGE_UNSPECIFIED = 95
    MANDATORY_IE_MISSING = 96
    MESSAGE_TYPE_NONEXIST = 97
    WRONG_MESSAGE = 98
    IE_NONEXIST = 99
    INVALID_IE_CONTENTS = 100
    WRONG_CALL_STATE = 101
    RECOVERY_ON_TIMER_EXPIRE = 102
    MANDATORY_IE_LENGTH_ERROR = 103
    PROTOCOL_ERROR = 111
    INTERWORKING = 127


class OriginateReason(Code):
    """The result of an asynchronous Originate. It is not a hang-up cause."""

    FAILED = 0
    """The extension or the channel was not available."""
    HUNG_UP = 1
    NO_ANSWER = 3
    ANSWERED = 4
    BUSY = 5
    CONGESTION = 8
    INCOMPLETE = 30


class ExtensionState(Code):
    """The state of an extension's hint."""

    REMOVED = -2
    NO_HINT = -1
    IDLE = 0
    IN_USE = 1
    BUSY = 2
    UNAVAILABLE = 4
    RINGING = 8
    IN_USE_AND_RINGING = 9
    ON_HOLD = 16
    IN_USE_AND_ON_HOLD = 17


class QueueMemberState(Code):
    """The state of a queue member's device, as a number."""

    UNKNOWN = 0
    NOT_IN_USE = 1
    IN_USE = 2
    BUSY = 3
    INVALID = 4
    UNAVAILABLE = 5
    RINGING = 6
    RING_IN_USE = 7
    ON_HOLD = 8


class DeviceState(Word):
    """The state of a device."""

    UNKNOWN = "UNKNOWN"
    NOT_IN_USE = "NOT_INUSE"
    IN_USE = "INUSE"
    BUSY = "BUSY"
    INVALID = "INVALID"
    UNAVAILABLE = "UNAVAILABLE"
    RINGING = "RINGING"
    RING_IN_USE = "RINGINUSE"
    ON_HOLD = "ONHOLD"


class PresenceValue(Word):
    """A presence state."""

    NOT_SET = "not_set"
    UNAVAILABLE = "unavailable"
    AVAILABLE = "available"
    AWAY = "away"
    EXTENDED_AWAY = "xa"
    CHAT = "chat"
    DO_NOT_DISTURB = "dnd"


class DialStatus(Word):
    """The result of a dial, or its progress."""

    ABORT = "ABORT"
    ANSWER = "ANSWER"
    BUSY = "BUSY"
    CANCEL = "CANCEL"
    CHANNEL_UNAVAILABLE = "CHANUNAVAIL"
    CONGESTION = "CONGESTION"
    CONTINUE = "CONTINUE"
    GOTO = "GOTO"
    NO_ANSWER = "NOANSWER"
    PROCEEDING = "PROCEEDING"
    PROGRESS = "PROGRESS"
    RINGING = "RINGING"


class AgentState(Word):
    """The state of an agent of app_agent_pool."""

    LOGGED_OFF = "AGENT_LOGGEDOFF"
    IDLE = "AGENT_IDLE"
    ON_CALL = "AGENT_ONCALL"


# Other words for the members, by class and name. Asterisk uses them in lists, in texts beside a
# number, and on the command line.
_WORDS: Final[dict[str, dict[str, str]]] = {
    "ChannelState": {
        "RESERVED": "Rsrvd",
    },
    "HangupCause": {
        "NOT_DEFINED": "Unknown",
        "UNALLOCATED": "Unallocated (unassigned) number",
        "NO_ROUTE_TRANSIT_NET": "No route to specified transmit network",
        "NO_ROUTE_DESTINATION": "No route to destination",
        "MISDIALLED_TRUNK_PREFIX": "Misdialed trunk prefix",
        "CALL_AWARDED_DELIVERED": "Call awarded and being delivered in an established channel",
        "NUMBER_PORTED_NOT_HERE": "Number ported elsewhere",
        "NO_USER_RESPONSE": "No user responding",
        "NO_ANSWER": "User alerting, no answer",
        "RESPONSE_TO_STATUS_ENQUIRY": "Response to STATus ENQuiry",
        "NORMAL_CIRCUIT_CONGESTION": "Circuit/channel congestion",
        "NORMAL_TEMPORARY_FAILURE": "Temporary failure",
        "SWITCH_CONGESTION": "Switching equipment congestion",
        "ACCESS_INFO_DISCARDED": "Access information discarded",
        "REQUESTED_CHANNEL_UNAVAILABLE": "Requested channel not available",
        "BEARER_CAPABILITY_NOT_AVAILABLE": "Bearer capability not available",
        "INVALID_CALL_REFERENCE": "Invalid call reference value",
        "INVALID_MESSAGE_UNSPECIFIED": "Invalid message unspecified",
        "MANDATORY_IE_MISSING": "Mandatory information element is missing",
        "IE_NONEXIST": "Info. element nonexist or not implemented",
        "INVALID_IE_CONTENTS": "Invalid information element contents",
        "WRONG_CALL_STATE": "Message not compatible with call state",
        "RECOVERY_ON_TIMER_EXPIRE": "Recover on timer expiry",
        "PROTOCOL_ERROR": "Protocol error, unspecified",
        "INTERWORKING": "Interworking, unspecified",
    },
    "ExtensionState": {
        "NO_HINT": "Unknown",
        "IN_USE_AND_RINGING": "InUse&Ringing",
        "ON_HOLD": "Hold",
        "IN_USE_AND_ON_HOLD": "InUse&Hold",
    },
    "QueueMemberState": {
        "RING_IN_USE": "Ring+Inuse",
    },
}
_NUMBERS: Final = frozenset("bcdeEfFgGnoxX%")

_names_of: Final[dict[type, dict[str, str]]] = {}


def _key(word: str) -> str:
    """The letters and digits of a word in lower case, which all of its spellings share."""
    return "".join(filter(str.isalnum, word)).lower()


def _names(kind: type[Code] | type[Word]) -> dict[str, str]:
    """The names of the members, by each word for a member."""
    found = _names_of.get(kind)
    if found is None:
        words = _WORDS.get(kind.__name__, {})
        found = {_key(word): name for name, word in words.items()}
        for member in kind:
            found[_key(member.name)] = member.name
            if isinstance(member, str):
                found[_key(member.value)] = member.name
        _names_of[kind] = found
    return found


def _numbers(kind: type[Word]) -> dict[int, str]:
    """The names of a device's states, by the numbers that queues use for them."""
    if kind is not DeviceState:
        return {}
    return {int(state): state.name for state in QueueMemberState}
