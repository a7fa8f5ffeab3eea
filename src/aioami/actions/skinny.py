"""chan_skinny, for telephones of another maker. Asterisk 20 was the last to have it."""

from __future__ import annotations

from ..events.skinny import DeviceEntry, DevicelistComplete, LineEntry, LinelistComplete
from ..responses.base import ListReply
from ..responses.skinny import SKINNYdeviceReply, SKINNYlineReply
from .base import KnownAction, ResponseT_co
from .parameters import header

__all__ = [
    "SKINNYdevices",
    "SKINNYlines",
    "SKINNYshowdevice",
    "SKINNYshowline",
]


class _ChanSkinny(KnownAction[ResponseT_co], abstract=True):
    """An action of chan_skinny."""

    privilege = ("system", "reporting")
    until = 20


class SKINNYdevices(_ChanSkinny[ListReply[DeviceEntry, DevicelistComplete]]):
    """List the devices. Until Asterisk 20."""

    reads_only = True
    items_unseparated = True


class SKINNYlines(_ChanSkinny[ListReply[LineEntry, LinelistComplete]]):
    """List the lines. Until Asterisk 20."""

    reads_only = True
    items_unseparated = True


class SKINNYshowdevice(_ChanSkinny[SKINNYdeviceReply]):
    """Describe a device. An unknown one is an error. Until Asterisk 20.

    Args:
        device: its name.
    """

    reads_only = True
    bare_reply = "headers"
    fenced = True

    device: str | bytes = header("Device")


class SKINNYshowline(_ChanSkinny[SKINNYlineReply]):
    """Describe a line. An unknown one is an error. Until Asterisk 20.

    Args:
        line: its name.
    """

    reads_only = True
    bare_reply = "headers"
    fenced = True

    line: str | bytes = header("Line")
