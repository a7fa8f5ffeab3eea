"""Events of the security log."""

from __future__ import annotations

from ..fields import Boolean, Text
from .base import KnownEvent

__all__ = [
    "AuthMethodNotAllowed",
    "ChallengeResponseFailed",
    "ChallengeSent",
    "FailedACL",
    "InvalidAccountID",
    "InvalidPassword",
    "RequestBadFormat",
    "RequestNotAllowed",
    "SecurityEvent",
    "SessionLimit",
    "SuccessfulAuth",
]


class SecurityEvent(KnownEvent, abstract=True):
    """An event of the security log."""

    __slots__ = ()

    event_tv = Text("EventTV")
    severity = Text("Severity")
    service = Text("Service")
    event_version = Text("EventVersion")
    account_id = Text("AccountID")
    session_id = Text("SessionID")
    local_address = Text("LocalAddress")
    remote_address = Text("RemoteAddress")
    module = Text("Module")
    session_tv = Text("SessionTV")


class SuccessfulAuth(SecurityEvent):
    """Somebody logged in."""

    __slots__ = ()

    using_password = Boolean("UsingPassword")


class InvalidAccountID(SecurityEvent):
    """Somebody tried a user that does not exist."""

    __slots__ = ()


class InvalidPassword(SecurityEvent):
    """Somebody tried a wrong secret."""

    __slots__ = ()

    challenge = Text("Challenge")
    received_challenge = Text("ReceivedChallenge")
    received_hash = Text("ReceivedHash")


class ChallengeResponseFailed(SecurityEvent):
    """Somebody answered a challenge wrongly."""

    __slots__ = ()

    challenge = Text("Challenge")
    response = Text("Response")
    expected_response = Text("ExpectedResponse")


class ChallengeSent(SecurityEvent):
    """Somebody was sent a challenge."""

    __slots__ = ()

    challenge = Text("Challenge")


class FailedACL(SecurityEvent):
    """Somebody came from an address that is not allowed."""

    __slots__ = ()

    acl_name = Text("ACLName")


class RequestNotAllowed(SecurityEvent):
    """Somebody asked for what is not allowed."""

    __slots__ = ()

    request_type = Text("RequestType")
    request_params = Text("RequestParams")


class RequestBadFormat(SecurityEvent):
    """Somebody sent what could not be read."""

    __slots__ = ()

    request_type = Text("RequestType")
    request_params = Text("RequestParams")


class SessionLimit(SecurityEvent):
    """Too many sessions."""

    __slots__ = ()


class AuthMethodNotAllowed(SecurityEvent):
    """Somebody tried a way to log in that is not allowed."""

    __slots__ = ()

    auth_method = Text("AuthMethod")
