"""States of devices and extensions, and presence of people."""

from __future__ import annotations

from ..events.presence import (
    DeviceStateChange,
    DeviceStateListComplete,
    ExtensionStateListComplete,
    ExtensionStatus,
    PresenceStateChange,
    PresenceStateListComplete,
)
from ..responses.base import ListReply
from ..responses.presence import ExtensionStateReply, PresenceStateReply
from .base import KnownAction
from .parameters import header

__all__ = [
    "DeviceStateList",
    "ExtensionState",
    "ExtensionStateList",
    "PresenceState",
    "PresenceStateList",
]


class ExtensionState(KnownAction[ExtensionStateReply]):
    """Return the state of an extension's hint.

    An extension without a hint is a success with the status -1.

    Args:
        extension: the extension.
        context: the context in which its hint is.
    """

    privilege = ("call", "reporting")
    reads_only = True

    extension: str | bytes | int = header("Exten")
    context: str | bytes = header("Context")


class ExtensionStateList(KnownAction[ListReply[ExtensionStatus, ExtensionStateListComplete]]):
    """List all hints with their states."""

    privilege = ("call", "reporting")
    reads_only = True
    empty_list_messages = ("No dialplan hints are available",)


class DeviceStateList(KnownAction[ListReply[DeviceStateChange, DeviceStateListComplete]]):
    """List all devices whose state is known, and the states."""

    privilege = ("call", "reporting")
    reads_only = True


class PresenceState(KnownAction[PresenceStateReply]):
    """Return a presence state.

    Args:
        provider: the provider of the state, such as `CustomPresence:alice`.
    """

    privilege = ("call", "reporting")
    reads_only = True

    provider: str | bytes = header("Provider")


class PresenceStateList(KnownAction[ListReply[PresenceStateChange, PresenceStateListComplete]]):
    """List all presences that are known."""

    privilege = ("call", "reporting")
    reads_only = True
