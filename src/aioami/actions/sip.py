"""chan_sip, which Asterisk 20 was the last version to have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..events.base import Event
from ..events.sip import (
    PeerEntry,
    PeerlistComplete,
    PeerStatus,
    RegistrationsComplete,
    RegistryEntry,
    SIPpeerstatusComplete,
)
from ..responses.base import ListReply, Response
from ..responses.sip import SIPqualifyReply, SIPshowpeerReply
from .base import KnownAction, ResponseT_co
from .parameters import header, optional, text, variables

__all__ = [
    "SIPnotify",
    "SIPpeers",
    "SIPpeerstatus",
    "SIPqualify",
    "SIPshowpeer",
    "SIPshowregistry",
]


class _ChanSIP(KnownAction[ResponseT_co], abstract=True):
    """An action of chan_sip."""

    privilege: ClassVar[tuple[str, ...]] = ("system", "reporting")
    until = 20


class SIPpeers(_ChanSIP[ListReply[PeerEntry, PeerlistComplete]]):
    """List the SIP peers. Until Asterisk 20."""

    reads_only = True


class SIPshowpeer(_ChanSIP[SIPshowpeerReply]):
    """Describe a SIP peer. Until Asterisk 20.

    The reply's mapping has typed values: `response["Dynamic"] is True`.

    Args:
        peer: the peer's name.
    """

    reads_only = True

    peer: str | bytes = header("Peer")


class SIPpeerstatus(_ChanSIP[ListReply[PeerStatus, SIPpeerstatusComplete]]):
    """Report the reachability of SIP peers. An unknown one is an error. Until Asterisk 20.

    Args:
        peer: only this one; left out, all.
    """

    privilege = ("system",)
    reads_only = True

    peer: str | bytes | None = header("Peer", default=None)


class SIPqualify(_ChanSIP[SIPqualifyReply], wire_name="SIPqualifypeer"):
    """Check with OPTIONS whether a SIP peer is reachable. Until Asterisk 20.

    The reply's `outcome()` is the `SIPQualifyPeerDone` event, which Asterisk 11 and later send.

    Args:
        peer: the peer's name.
    """

    outcome_events = ("SIPQualifyPeerDone",)

    peer: str | bytes = header("Peer")

    def conclusion(self, action_id: str, event: Event) -> Event | str | None:
        return event if event.action_id == action_id else None


class SIPshowregistry(_ChanSIP[ListReply[RegistryEntry, RegistrationsComplete]]):
    """List this server's registrations at other SIP servers. Until Asterisk 20."""

    reads_only = True


class SIPnotify(_ChanSIP[Response]):
    """Send a SIP NOTIFY. Until Asterisk 20.

    Args:
        channel: the peer, as `SIP/alice` or `alice`.
        headers: the NOTIFY's headers; `Content` is a line of its body.
        call_id: the SIP dialog in which to send it; outside of any if left out.
    """

    privilege = ("system",)

    def __init__(
        self,
        channel: str | bytes,
        headers: Mapping[str, str | bytes | int] = {},
        *,
        call_id: str | bytes | None = None,
    ) -> None:
        # `headers` cannot be declared: every action has an attribute of that name.
        self._declare(
            {
                "Channel": text("channel", channel),
                "Variable": variables("headers", headers),
                "Call-ID": optional("call_id", call_id),
            }
        )
