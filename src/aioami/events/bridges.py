"""Events of bridges, and of the transfers between them."""

from __future__ import annotations

from ..fields import Boolean, Integer, Nested, Text
from .base import KnownEvent
from .snapshots import (
    Bridge,
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
    "BridgeTechnologyListComplete",
    "BridgeTechnologyListItem",
    "BridgeVideoSourceUpdate",
]


class BridgeCreate(BridgeEvent):
    """A bridge was made."""

    read_classes = ("call",)


class BridgeDestroy(BridgeEvent):
    """A bridge is gone."""

    read_classes = ("call",)


class BridgeEnter(BridgeEvent, ChannelEvent):
    """A channel came into a bridge."""

    read_classes = ("call",)

    swap_uniqueid = Text("SwapUniqueid")


class BridgeLeave(BridgeEvent, ChannelEvent):
    """A channel left a bridge."""

    read_classes = ("call",)


class BridgeVideoSourceUpdate(BridgeEvent):
    """Another channel is shown in a bridge."""

    read_classes = ("call",)

    bridge_previous_video_source = Text("BridgePreviousVideoSource")


class BridgeMerge(KnownEvent):
    """The channels of one bridge moved into another."""

    read_classes = ("call",)

    to = Nested(Bridge, "To")
    from_ = Nested(Bridge, "From")


class BridgeListItem(BridgeEvent):
    """A bridge, as `BridgeList` lists it."""


class BridgeListComplete(ListComplete):
    """The end of a list of `BridgeListItem`."""


class BridgeTechnologyListItem(KnownEvent):
    """A way to bridge, as `BridgeTechnologyList` lists it."""

    bridge_technology = Text("BridgeTechnology")
    bridge_type = Text("BridgeType")
    bridge_priority = Integer("BridgePriority")
    bridge_suspended = Boolean("BridgeSuspended")


class BridgeTechnologyListComplete(ListComplete):
    """The end of a list of `BridgeTechnologyListItem`."""


class BridgeInfoChannel(ChannelEvent):
    """A channel in the bridge that `BridgeInfo` was asked about."""


class BridgeInfoComplete(ListComplete, BridgeEvent):
    """The end of a list of `BridgeInfoChannel`, with the bridge itself."""


class BlindTransfer(TransfererEvent, TransfereeEvent, BridgeEvent):
    """A call was transferred without a word."""

    read_classes = ("call",)

    result = Text("Result")
    is_external = Boolean("IsExternal")
    context = Text("Context")
    extension = Text("Extension")
    exten = extension.alias()


class AttendedTransfer(
    OrigTransfererEvent, SecondTransfererEvent, TransfereeEvent, TransferTargetEvent
):
    """A call was transferred after a word with its target."""

    read_classes = ("call",)

    result = Text("Result")
    is_external = Boolean("IsExternal")
    orig = Nested(Bridge, "Orig")
    second = Nested(Bridge, "Second")
    dest_type = Text("DestType")
    dest_bridge_uniqueid = Text("DestBridgeUniqueid")
    dest_app = Text("DestApp")
    dest_transferer_channel = Text("DestTransfererChannel")
