"""The endpoints of the live state: the telephones and trunks of PJSIP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ..actions.pjsip import PJSIPShowContacts, PJSIPShowEndpoints
from ..enums import DeviceState
from ..errors import UnknownAction
from ..events.channels import Hangup, Newchannel, Rename
from ..events.pjsip import ContactList, ContactStatus, EndpointList
from ..events.presence import DeviceStateChange
from ..fields import identifier
from .part import Lists, LiveObject, Reports, Table

__all__ = ["Endpoints", "LiveContact", "LiveEndpoint"]

_TECHNOLOGY: Final = "PJSIP/"
_STATES: Final = {
    "not in use": DeviceState.NOT_IN_USE,
    "in use": DeviceState.IN_USE,
    "busy": DeviceState.BUSY,
    "invalid": DeviceState.INVALID,
    "unavailable": DeviceState.UNAVAILABLE,
    "ringing": DeviceState.RINGING,
    "ring+inuse": DeviceState.RING_IN_USE,
    "on hold": DeviceState.ON_HOLD,
    "unknown": DeviceState.UNKNOWN,
}
_REACHABLE: Final = {"reachable": True, "avail": True, "unreachable": False, "unavail": False}


@dataclass(frozen=True, slots=True, repr=False)
class LiveContact(LiveObject):
    """A contact of an endpoint.

    Attributes:
        uri: its address, as `sip:alice@192.0.2.7:5060`.
        reachable: true if it answers; `None` if Asterisk does not qualify it, or not yet.
        round_trip: seconds until it answered, when `reachable` last changed or the contacts were
            last read: a change of this alone has no event. `None` if unknown.
    """

    uri: str
    reachable: bool | None = None
    round_trip: float | None = None


@dataclass(frozen=True, slots=True, repr=False)
class LiveEndpoint(LiveObject):
    """An endpoint of PJSIP at one moment.

    Attributes:
        name: its name with the technology, as `PJSIP/alice`.
        state: the state of the device; `None` if the server does not report it.
        contacts: the addresses where it is reached, also the static ones.
        channels: the Uniqueids of its channels, the oldest first.
    """

    name: str
    state: DeviceState | None = None
    contacts: tuple[LiveContact, ...] = ()
    channels: tuple[str, ...] = ()


class Endpoints(Table[LiveEndpoint]):
    """The endpoints, by `PJSIP/name`."""

    name = "endpoints"
    kind = "endpoint"
    modules = frozenset({"chan_pjsip", "res_pjsip"})

    def __init__(self, reports: Reports) -> None:
        super().__init__(reports)
        self.handlers = {
            DeviceStateChange: self._state,
            ContactStatus: self._contact,
            Newchannel: self._made,
            Hangup: self._hung_up,
            Rename: self._renamed,
        }

    async def read(self, lists: Lists, keys: set[str] | None) -> None:
        contacts = await self._contacts(lists)
        found: dict[str, LiveEndpoint] = {}
        async for item in lists.items(PJSIPShowEndpoints()):
            if isinstance(item, EndpointList) and item.object_name:
                name = _TECHNOLOGY + item.object_name
                state = _STATES.get((item.find("DeviceState") or "").lower())
                uris = _uris(item.find("Contacts") or "")
                known = tuple(contacts.get(each, LiveContact(each)) for each in uris)
                found[name] = LiveEndpoint(name, state, known)
        for channel in await lists.channels():
            name = _endpoint(channel.get("Channel", ""))
            if (endpoint := found.get(name)) is not None:
                uniqueids = (*endpoint.channels, channel["Uniqueid"])
                found[name] = replace(endpoint, channels=uniqueids)
        self._show({key: self._in_order(each) for key, each in found.items()})

    async def _contacts(self, lists: Lists) -> Mapping[str, LiveContact]:
        """Return the contacts that are registered or qualified, by URI."""
        try:
            items = [each async for each in lists.items(PJSIPShowContacts())]
        except UnknownAction:  # before Asterisk 16
            return {}
        found = {}
        for item in items:
            if isinstance(item, ContactList) and item.uri:
                found[item.uri] = _reached(item.uri, item.status, item.roundtrip_usec)
        return found

    def _in_order(self, endpoint: LiveEndpoint) -> LiveEndpoint:
        """Return an endpoint with its channels in the order that is known from before."""
        known = self._objects.get(endpoint.name)
        before = [] if known is None else [x for x in known.channels if x in endpoint.channels]
        return replace(endpoint, channels=tuple(dict.fromkeys([*before, *endpoint.channels])))

    # The events

    def _state(self, event: DeviceStateChange) -> None:
        endpoint = self._objects.get(event.find("Device") or "")
        if endpoint is not None and event.state is not None:
            self._put(endpoint.name, replace(endpoint, state=event.state))

    def _contact(self, event: ContactStatus) -> None:
        name, uri = event.find("EndpointName"), event.find("URI")
        endpoint = self._objects.get(_TECHNOLOGY + (name or ""))
        if endpoint is None or not uri:
            self.reports.must_read(self)  # an old server's event has the AOR, without an endpoint
            return
        status = event.find("ContactStatus") or ""
        others = tuple(each for each in endpoint.contacts if each.uri != uri)
        if status.lower() == "removed":
            self._put(endpoint.name, replace(endpoint, contacts=others))
            return
        contact = _reached(uri, status, event.roundtrip_usec)
        place = [each.uri for each in endpoint.contacts]
        index = place.index(uri) if uri in place else len(place)
        contacts = (*endpoint.contacts[:index], contact, *endpoint.contacts[index + 1 :])
        self._put(endpoint.name, replace(endpoint, contacts=contacts))

    def _made(self, event: Newchannel) -> None:
        endpoint = self._objects.get(_endpoint(identifier(event, "Channel", "")))
        uniqueid = identifier(event, "Uniqueid")
        if endpoint is not None and uniqueid and uniqueid not in endpoint.channels:
            channels = (*endpoint.channels, uniqueid)
            self._put(endpoint.name, replace(endpoint, channels=channels))

    def _hung_up(self, event: Hangup) -> None:
        self._without(identifier(event, "Channel", ""), identifier(event, "Uniqueid", ""))

    def _without(self, channel: str, uniqueid: str) -> None:
        endpoint = self._objects.get(_endpoint(channel))
        if endpoint is not None and uniqueid in endpoint.channels:
            channels = tuple(each for each in endpoint.channels if each != uniqueid)
            self._put(endpoint.name, replace(endpoint, channels=channels))

    def _renamed(self, event: Rename) -> None:
        uniqueid, name = identifier(event, "Uniqueid", ""), identifier(event, "Newname", "")
        self._without(identifier(event, "Channel", ""), uniqueid)
        endpoint = self._objects.get(_endpoint(name))
        if endpoint is not None and uniqueid and uniqueid not in endpoint.channels:
            channels = (*endpoint.channels, uniqueid)
            self._put(endpoint.name, replace(endpoint, channels=channels))


def _endpoint(channel: str) -> str:
    """Return the endpoint of a channel: its name up to the last hyphen."""
    return channel.rpartition("-")[0]


def _uris(contacts: str) -> Iterable[str]:
    """Return the URIs in a list of contacts, as `alice/sip:a@b,alice/sip:c@d,`."""
    for each in contacts.split(","):
        uri = each.partition("/")[2]
        if uri:
            yield uri


def _reached(uri: str, status: str | None, microseconds: int | None) -> LiveContact:
    reachable = _REACHABLE.get((status or "").lower())
    seconds = microseconds / 1_000_000 if reachable and microseconds else None
    return LiveContact(uri, reachable, seconds)
