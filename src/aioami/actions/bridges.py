"""Bridges, in which channels hear each other, and transfers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events.bridges import (
    BridgeInfoChannel,
    BridgeInfoComplete,
    BridgeListComplete,
    BridgeListItem,
    BridgeTechnologyListComplete,
    BridgeTechnologyListItem,
)
from ..responses.base import ListReply, Response
from .base import KnownAction
from .parameters import HeaderValue, header, one_of, yes_no

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = [
    "Atxfer",
    "BlindTransfer",
    "Bridge",
    "BridgeDestroy",
    "BridgeInfo",
    "BridgeKick",
    "BridgeList",
    "BridgeTechnologyList",
    "BridgeTechnologySuspend",
    "BridgeTechnologyUnsuspend",
    "CancelAtxfer",
]


def _tone(field: str, value: bool | str) -> HeaderValue:
    return (
        one_of("no", "yes", "Channel1", "Channel2", "Both")(field, value)
        if isinstance(value, str)
        else yes_no(field, value)
    )


class Bridge(KnownAction[Response]):
    """Connect two channels that exist already.

    Args:
        channel_1: the first channel's name.
        channel_2: the second one's.
        tone: the channel with a tone: `True` is the second; or `"no"`, `"Channel1"`, `"Channel2"`,
            `"Both"` (the names from Asterisk 12).
    """

    privilege = ("call",)

    channel_1: str | bytes = header("Channel1")
    channel_2: str | bytes = header("Channel2")
    tone: bool | str = header("Tone", _tone, default=False)


class BridgeList(KnownAction[ListReply[BridgeListItem, BridgeListComplete]]):
    """List the bridges.

    Args:
        bridge_type: only bridges of this technology, such as `simple_bridge` or `softmix`; left
            out, all. Asterisk compares it with the technology, not with the type.
    """

    reads_only = True

    bridge_type: str | bytes | None = header("BridgeType", default=None)


class BridgeInfo(KnownAction[ListReply[BridgeInfoChannel, BridgeInfoComplete]]):
    """List the channels in a bridge; the completion describes the bridge itself.

    An unknown bridge is an error.

    Args:
        bridge_uniqueid: the bridge's id.
    """

    reads_only = True

    bridge_uniqueid: str | bytes = header("BridgeUniqueid")


class BridgeDestroy(KnownAction[Response]):
    """Take all channels out of a bridge, which ends it.

    Args:
        bridge_uniqueid: the bridge's id.
    """

    bridge_uniqueid: str | bytes = header("BridgeUniqueid")


class BridgeKick(KnownAction[Response]):
    """Take a channel out of its bridge.

    Args:
        channel: the channel's name.
        bridge_uniqueid: the bridge's id, as a check that the channel is in this bridge.
    """

    channel: str | bytes = header("Channel")
    _: KW_ONLY
    bridge_uniqueid: str | bytes | None = header("BridgeUniqueid", default=None)


class BridgeTechnologyList(
    KnownAction[ListReply[BridgeTechnologyListItem, BridgeTechnologyListComplete]]
):
    """List the server's bridge technologies."""

    reads_only = True


class BridgeTechnologySuspend(KnownAction[Response]):
    """Do not use a technology for new bridges.

    Args:
        bridge_technology: its name, as `softmix`.
    """

    bridge_technology: str | bytes = header("BridgeTechnology")


class BridgeTechnologyUnsuspend(KnownAction[Response]):
    """Use a technology for new bridges again.

    Args:
        bridge_technology: its name, as `softmix`.
    """

    bridge_technology: str | bytes = header("BridgeTechnology")


class Atxfer(KnownAction[Response]):
    """Begin an attended transfer: the channel speaks with the target while the other side waits.

    An `AttendedTransfer` event has the result.

    Args:
        channel: the channel that transfers.
        exten: the target.
        context: where the target is; the channel's own if left out.
    """

    privilege = ("call",)

    channel: str | bytes = header("Channel")
    exten: str | bytes | int = header("Exten")
    context: str | bytes | None = header("Context", default=None)


class CancelAtxfer(KnownAction[Response]):
    """Cancel an attended transfer before it is completed. From Asterisk 13.18.

    Args:
        channel: the channel that transfers.
    """

    privilege = ("call",)

    channel: str | bytes = header("Channel")


class BlindTransfer(KnownAction[Response]):
    """Transfer the channel that a channel speaks with, at once.

    A `BlindTransfer` event follows, also if it is refused.

    Args:
        channel: the channel that transfers.
        exten: the target.
        context: where the target is; the channel's own if left out.
    """

    privilege = ("call",)

    channel: str | bytes = header("Channel")
    exten: str | bytes | int = header("Exten")
    context: str | bytes | None = header("Context", default=None)
