"""Actions of chan_sip, which Asterisk 20 was the last to have."""

from __future__ import annotations

from collections.abc import Mapping

from ..events.base import Event
from ..responses.base import Response
from ..responses.sip import SIPqualifyReply, SIPshowpeerReply
from .base import Action, variable

__all__ = ["SIPnotify", "SIPpeers", "SIPqualify", "SIPshowpeer", "SIPshowregistry"]


class SIPnotify(Action[Response]):
    """Send a SIP NOTIFY. Until Asterisk 20.

    Args:
        channel: the peer, as `SIP/alice` or `alice`.
        headers: the NOTIFY's headers; `Content` is a line of its body.
        call_id: the SIP dialog in which to send it; outside of any if left out.
    """

    privilege = ("system",)
    until = 20

    def __init__(
        self,
        channel: str,
        headers: Mapping[str, str | int] = {},
        *,
        call_id: str | None = None,
    ) -> None:
        self._declare(
            {
                "Channel": channel,
                "Variable": [variable(name, value) for name, value in headers.items()],
                "Call-ID": call_id,
            }
        )


class SIPpeers(Action[Response]):
    """List the SIP peers: `PeerEntry` events, ended by `PeerlistComplete`. Until Asterisk 20."""

    privilege = ("system", "reporting")
    until = 20

    def __init__(self) -> None:
        self._declare({})


class SIPqualify(Action[SIPqualifyReply], wire_name="SIPqualifypeer"):
    """Ask a SIP peer with OPTIONS whether it is there. Until Asterisk 20.

    The reply's `outcome()` is the `SIPQualifyPeerDone` event, which Asterisk 11 and later send.

    Args:
        peer: the peer's name.
    """

    privilege = ("system", "reporting")
    until = 20
    response_type = SIPqualifyReply
    outcome_events = ("SIPQualifyPeerDone",)

    def __init__(self, peer: str) -> None:
        self._declare({"Peer": peer})

    def conclusion(self, action_id: str, event: Event) -> Event | str | None:
        return event if event.action_id == action_id else None


class SIPshowpeer(Action[SIPshowpeerReply]):
    """Describe a SIP peer. The reply's mapping has typed values: `response["Dynamic"] is True`. Until Asterisk 20.

    Args:
        peer: the peer's name.
    """

    privilege = ("system", "reporting")
    until = 20
    response_type = SIPshowpeerReply

    def __init__(self, peer: str) -> None:
        self._declare({"Peer": peer})


class SIPshowregistry(Action[Response]):
    """List the SIP registrations: `RegistryEntry` events, ended by `RegistrationsComplete`. Until Asterisk 20."""

    privilege = ("system", "reporting")
    until = 20

    def __init__(self) -> None:
        self._declare({})
