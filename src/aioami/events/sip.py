"""Events of SIP peers and registrations."""

from __future__ import annotations

from ..fields import Boolean, Integer, Text
from .base import KnownEvent
from .snapshots import ListComplete

__all__ = [
    "ContactStatus",
    "PeerEntry",
    "PeerStatus",
    "PeerlistComplete",
    "RegistrationsComplete",
    "Registry",
    "RegistryEntry",
    "SIPQualifyPeerDone",
    "SIPpeerstatusComplete",
]


class PeerEntry(KnownEvent):
    """A peer, as `SIPpeers` and `IAXpeers` list it."""

    __slots__ = ()

    channeltype = Text("Channeltype")
    object_name = Text("ObjectName")
    chan_object_type = Text("ChanObjectType")
    i_paddress = Text("IPaddress")
    i_pport = Integer("IPport")
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


class PeerlistComplete(ListComplete):
    """The end of a list of `PeerEntry`."""

    __slots__ = ()


class RegistryEntry(KnownEvent):
    """A registration, as `SIPshowregistry` and `IAXregistry` list it."""

    __slots__ = ()

    host = Text("Host")
    port = Integer("Port")
    username = Text("Username")
    domain = Text("Domain")
    domain_port = Integer("DomainPort")
    refresh = Integer("Refresh")
    state = Text("State")
    registration_time = Integer("RegistrationTime")


class RegistrationsComplete(ListComplete):
    """The end of a list of `RegistryEntry`."""

    __slots__ = ()


class SIPQualifyPeerDone(KnownEvent):
    """The answer to a `SIPqualify`, with its ActionID, sent to every client. Until Asterisk 20."""

    __slots__ = ()

    peer = Text("Peer")


class PeerStatus(KnownEvent):
    """A peer is reachable, or no more."""

    __slots__ = ()

    channel_type = Text("ChannelType")
    peer = Text("Peer")
    peer_status = Text("PeerStatus")
    cause = Text("Cause")
    address = Text("Address")
    port = Text("Port")
    time = Integer("Time")


class SIPpeerstatusComplete(ListComplete):
    """The end of a list of `PeerStatus`. Until Asterisk 20."""

    __slots__ = ()


class Registry(KnownEvent):
    """An outbound registration is in another state."""

    __slots__ = ()

    channel_type = Text("ChannelType")
    username = Text("Username")
    domain = Text("Domain")
    status = Text("Status")
    cause = Text("Cause")


class ContactStatus(KnownEvent):
    """A PJSIP contact is in another state."""

    __slots__ = ()

    uri = Text("URI")
    contact_status = Text("ContactStatus")
    aor = Text("AOR")
    endpoint_name = Text("EndpointName")
    roundtrip_usec = Integer("RoundtripUsec")
