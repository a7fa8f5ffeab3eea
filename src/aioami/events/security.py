"""Events of the security log."""

from __future__ import annotations

from ..fields import Boolean, Text, Timestamp
from .base import KnownEvent

__all__ = [
    "AuthMethodNotAllowed",
    "ChallengeResponseFailed",
    "ChallengeSent",
    "FailedACL",
    "InvalidAccountID",
    "InvalidPassword",
    "InvalidTransport",
    "LoadAverageLimit",
    "MemoryLimit",
    "RequestBadFormat",
    "RequestNotAllowed",
    "RequestNotSupported",
    "SecurityEvent",
    "SessionLimit",
    "SuccessfulAuth",
    "UnexpectedAddress",
]


class SecurityEvent(KnownEvent, abstract=True):
    """An event of the security log."""

    read_classes = ("security",)

    event_tv = Timestamp("EventTV")
    severity = Text("Severity")
    service = Text("Service")
    event_version = Text("EventVersion")
    account_id = Text("AccountID")
    session_id = Text("SessionID")
    local_address = Text("LocalAddress")
    remote_address = Text("RemoteAddress")
    module = Text("Module")
    session_tv = Timestamp("SessionTV")


class SuccessfulAuth(SecurityEvent):
    """Somebody logged in."""

    using_password = Boolean("UsingPassword")


class InvalidAccountID(SecurityEvent):
    """Somebody tried a user that does not exist."""


class InvalidPassword(SecurityEvent):
    """Somebody tried a wrong secret."""

    challenge = Text("Challenge")
    received_challenge = Text("ReceivedChallenge")
    received_hash = Text("ReceivedHash")


class ChallengeResponseFailed(SecurityEvent):
    """Somebody answered a challenge wrongly."""

    challenge = Text("Challenge")
    response = Text("Response")
    expected_response = Text("ExpectedResponse")


class ChallengeSent(SecurityEvent):
    """Somebody was sent a challenge."""

    challenge = Text("Challenge")


class FailedACL(SecurityEvent):
    """Somebody came from an address that is not allowed."""

    acl_name = Text("ACLName")


class RequestNotAllowed(SecurityEvent):
    """Somebody made a request that is not allowed."""

    request_type = Text("RequestType")
    request_params = Text("RequestParams")


class RequestBadFormat(SecurityEvent):
    """Somebody sent a request with a wrong format."""

    request_type = Text("RequestType")
    request_params = Text("RequestParams")


class SessionLimit(SecurityEvent):
    """Too many sessions."""


class AuthMethodNotAllowed(SecurityEvent):
    """Somebody tried a way to log in that is not allowed."""

    auth_method = Text("AuthMethod")


class InvalidTransport(SecurityEvent):
    """Somebody used a transport that is not allowed."""

    attempted_transport = Text("AttemptedTransport")


class LoadAverageLimit(SecurityEvent):
    """A request was refused because the load of the machine is too high."""


class MemoryLimit(SecurityEvent):
    """A request was refused because memory is short."""


class RequestNotSupported(SecurityEvent):
    """Somebody made a request that is not supported."""

    request_type = Text("RequestType")


class UnexpectedAddress(SecurityEvent):
    """A session went on from another address."""

    expected_address = Text("ExpectedAddress")
