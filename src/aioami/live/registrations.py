"""The outbound registrations of the live state: those of this server at other servers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..actions.pjsip import PJSIPShowRegistrationsOutbound
from ..events.pjsip import OutboundRegistrationDetail
from ..events.sip import Registry
from .part import Lists, LiveObject, Reports, Table

__all__ = ["LiveRegistration", "Registrations"]


@dataclass(frozen=True, slots=True, repr=False)
class LiveRegistration(LiveObject):
    """An outbound registration of PJSIP at one moment.

    Attributes:
        name: its name in pjsip.conf.
        server: the URI of the other server.
        client: the URI that is registered there.
        state: Asterisk's word for its state, as `Registered`, `Unregistered` or `Rejected`.
    """

    name: str
    server: str = ""
    client: str = ""
    state: str = ""


class Registrations(Table[LiveRegistration]):
    """The outbound registrations of PJSIP, by name."""

    name = "registrations"
    kind = "registration"
    modules = frozenset({"res_pjsip", "res_pjsip_outbound_registration"})

    def __init__(self, reports: Reports) -> None:
        super().__init__(reports)
        self.handlers = {Registry: self._changed}

    async def read(self, lists: Lists, keys: set[str] | None) -> None:
        found: dict[str, LiveRegistration] = {}
        async for item in lists.items(PJSIPShowRegistrationsOutbound()):
            if isinstance(item, OutboundRegistrationDetail) and item.object_name:
                found[item.object_name] = LiveRegistration(
                    item.object_name,
                    item.server_uri or "",
                    item.client_uri or "",
                    item.status or "",
                )
        self._show(found)

    async def look(self, lists: Lists) -> None:
        await self.read(lists, None)

    def _changed(self, event: Registry) -> None:
        if (event.channel_type or "").upper() != "PJSIP":
            return
        for name, each in self._objects.items():
            if (each.client, each.server) == (event.username, event.domain):
                self._put(name, replace(each, state=event.status or each.state))
        self.reports.doubt(self)  # the list has other words for some states
