"""IAX2, Asterisk's own protocol between servers (chan_iax2)."""

from __future__ import annotations

from ..events.sip import PeerEntry, PeerlistComplete, RegistrationsComplete, RegistryEntry
from ..responses.base import ListReply, Response
from .base import KnownAction

__all__ = [
    "IAXnetstats",
    "IAXpeerlist",
    "IAXpeers",
    "IAXregistry",
]


class IAXpeers(KnownAction[ListReply[PeerEntry, PeerlistComplete]]):
    """List the IAX2 peers."""

    privilege = ("system", "reporting")
    reads_only = True


class IAXpeerlist(KnownAction[ListReply[PeerEntry, PeerlistComplete]]):
    """List the IAX2 peers, like `IAXpeers`."""

    privilege = ("system", "reporting")
    reads_only = True


class IAXregistry(KnownAction[ListReply[RegistryEntry, RegistrationsComplete]]):
    """List this server's registrations at other IAX2 servers."""

    privilege = ("system", "reporting")
    reads_only = True


class IAXnetstats(KnownAction[Response]):
    """Report the network statistics of the IAX2 calls, one line each, in the response's `data`."""

    privilege = ("system", "reporting")
    reads_only = True
    bare_reply = "lines"
    fenced = True
