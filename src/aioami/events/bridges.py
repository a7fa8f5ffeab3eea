"""Events of bridges, and of the transfers between them."""

from __future__ import annotations

from ..fields import Boolean, Text
from .base import KnownEvent
from .snapshots import (
    BridgeEvent,
    ChannelEvent,
    ListComplete,
    OrigTransfererEvent,
    SecondTransfererEvent,
    TransfereeEvent,
    TransfererEvent,
    TransferTargetEvent,
)

__all__ = [
    "AttendedTransfer",
    "BlindTransfer",
    "BridgeCreate",
    "BridgeDestroy",
    "BridgeEnter",
    "BridgeInfoChannel",
    "BridgeInfoComplete",
    "BridgeLeave",
    "BridgeListComplete",
    "BridgeListItem",
    "BridgeMerge",
    "BridgeVideoSourceUpdate",
]


class BridgeCreate(BridgeEvent):
    """A bridge was made."""

    __slots__ = ()


class BridgeDestroy(BridgeEvent):
    """A bridge is gone."""

    __slots__ = ()


class BridgeEnter(BridgeEvent, ChannelEvent):
    """A channel came into a bridge."""

    __slots__ = ()

    swap_uniqueid = Text("SwapUniqueid")


class BridgeLeave(BridgeEvent, ChannelEvent):
    """A channel left a bridge."""

    __slots__ = ()


class BridgeVideoSourceUpdate(BridgeEvent):
    """Another channel is shown in a bridge."""

    __slots__ = ()

    bridge_previous_video_source = Text("BridgePreviousVideoSource")


class BridgeMerge(KnownEvent):
    """The channels of one bridge moved into another; the headers of the two begin with `To` and `From`."""

    __slots__ = ()


class BridgeListItem(BridgeEvent):
    """A bridge, as `BridgeList` lists it."""

    __slots__ = ()


class BridgeListComplete(ListComplete):
    """The end of a list of `BridgeListItem`."""

    __slots__ = ()


class BridgeInfoChannel(ChannelEvent):
    """A channel in the bridge that `BridgeInfo` was asked about."""

    __slots__ = ()


class BridgeInfoComplete(ListComplete, BridgeEvent):
    """The end of a list of `BridgeInfoChannel`, with the bridge itself."""

    __slots__ = ()


class BlindTransfer(TransfererEvent, TransfereeEvent, BridgeEvent):
    """A call was transferred without a word."""

    __slots__ = ()

    result = Text("Result")
    is_external = Boolean("IsExternal")
    context = Text("Context")
    extension = Text("Extension")


class AttendedTransfer(OrigTransfererEvent, SecondTransfererEvent, TransfereeEvent, TransferTargetEvent):
    """A call was transferred after a word with its target."""

    __slots__ = ()

    result = Text("Result")
    dest_type = Text("DestType")
    dest_bridge_uniqueid = Text("DestBridgeUniqueid")
    dest_app = Text("DestApp")
    dest_transferer_channel = Text("DestTransfererChannel")
