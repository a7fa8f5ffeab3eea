"""Events of the peers and registrations of chan_sip and chan_iax2."""

from __future__ import annotations

from ..fields import Boolean, Integer, Text, Timestamp
from .base import KnownEvent
from .snapshots import ChannelEvent, ListComplete

__all__ = [
    "PeerEntry",
    "PeerStatus",
    "PeerlistComplete",
    "RegistrationsComplete",
    "Registry",
    "RegistryEntry",
    "SIPQualifyPeerDone",
    "SIPpeerstatusComplete",
    "SessionTimeout",
]


class PeerEntry(KnownEvent):
    """A peer, as `SIPpeers` and `IAXpeers` list it."""

    channeltype = Text("Channeltype")
    channel_type = channeltype.alias()
    object_name = Text("ObjectName")
    chan_object_type = Text("ChanObjectType")
    ip_address = Text("IPaddress")
    address = ip_address.alias()
    ip_port = Integer("IPport")
    mask = Text("Mask")
    port = Integer("Port")
    trunk = Boolean("Trunk")
    encryption = Boolean("Encryption")
    dynamic = Boolean("Dynamic")
    auto_forcerport = Boolean("AutoForcerport")
    forcerport = Boolean("Forcerport")
    auto_comedia = Boolean("AutoComedia")
    comedia = Boolean("Comedia")
    video_support = Boolean("VideoSupport")
    text_support = Boolean("TextSupport")
    acl = Boolean("ACL")
    status = Text("Status")
    realtime_device = Text("RealtimeDevice")
    description = Text("Description")
    accountcode = Text("Accountcode")
    account_code = accountcode.alias()


class PeerlistComplete(ListComplete):
    """The end of a list of `PeerEntry`."""


class RegistryEntry(KnownEvent):
    """A registration, as `SIPshowregistry` and `IAXregistry` list it."""

    host = Text("Host")
    port = Integer("Port")
    username = Text("Username")
    domain = Text("Domain")
    domain_port = Integer("DomainPort")
    refresh = Integer("Refresh")
    state = Text("State")
    status = state.alias()
    registration_time = Timestamp("RegistrationTime")
    dns_manager = Boolean("DNSmanager")
    perceived = Text("Perceived")
    """The address under which an IAX2 server sees this one."""


class RegistrationsComplete(ListComplete):
    """The end of a list of `RegistryEntry`."""


class SIPQualifyPeerDone(KnownEvent):
    """The answer to a `SIPqualify`, with its ActionID, sent to every client. Until Asterisk 20."""

    read_classes = ("call",)

    peer = Text("Peer")


class PeerStatus(KnownEvent):
    """A peer is reachable, or no more."""

    read_classes = ("system",)

    channel_type = Text("ChannelType")
    channeltype = channel_type.alias()
    peer = Text("Peer")
    peer_status = Text("PeerStatus")
    cause = Text("Cause")
    address = Text("Address")
    ip_address = address.alias()
    port = Integer("Port")
    time = Integer("Time")


class SIPpeerstatusComplete(ListComplete):
    """The end of a list of `PeerStatus`. Until Asterisk 20."""


class Registry(KnownEvent):
    """The state of an outbound registration changed."""

    read_classes = ("system",)

    channel_type = Text("ChannelType")
    channeltype = channel_type.alias()
    username = Text("Username")
    domain = Text("Domain")
    status = Text("Status")
    state = status.alias()
    cause = Text("Cause")


class SessionTimeout(ChannelEvent):
    """A SIP call was ended because its session timed out. Until Asterisk 20."""

    read_classes = ("call",)

    source = Text("Source")
    """`RTPTimeout` or `SIPSessionTimer`."""
