"""Contacts of PJSIP: the addresses of telephones, from pjsip.conf or from registrations."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..config import Category

if TYPE_CHECKING:
    from . import Exchange

__all__ = ["Contact", "Contacts"]

_EXPIRES: Final = 3600  # seconds


@dataclass(frozen=True)
class Contact:
    """A telephone that has registered.

    Attributes:
        endpoint: the name of its endpoint.
        aor: the name of its address of record.
        uri: its address, as a URI.
        expires: seconds since 1970 when the registration ends, if it is not renewed.
    """

    endpoint: str
    aor: str
    uri: str
    expires: int

    @property
    def id(self) -> str:
        """The name under which Asterisk stores the contact."""
        return f"{self.aor};@{hashlib.md5(self.uri.encode()).hexdigest()}"

    @property
    def address(self) -> tuple[str, str]:
        """Its host and its port."""
        host, _, port = self.uri.rpartition("@")[2].partition(":")
        return host, port or "5060"


class Contacts:
    """Endpoints and addresses of record of pjsip.conf, and the contacts that they have."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.registered: list[Contact] = []

    def objects(self, kind: str) -> list[Category]:
        """Return the objects of a type (`endpoint`, `aor` ...), by name as Asterisk lists them."""
        categories = self._exchange.file("pjsip.conf").categories
        found = [each for each in categories if not each.template and each.get("type") == kind]
        return sorted(found, key=lambda each: each.name)

    def aors(self, endpoint: str) -> list[str]:
        """Return the names of an endpoint's addresses of record."""
        names = [each.get("aors") for each in self.objects("endpoint") if each.name == endpoint]
        return [name.strip() for name in ",".join(names).split(",") if name.strip()]

    def uris(self, aor: str) -> list[str]:
        """Return the contacts of an address of record: those of the file, then the others."""
        found = [
            uri
            for each in self.objects("aor")
            if each.name == aor
            for uri in each.getall("contact")
        ]
        return found + [each.uri for each in self.registered if each.aor == aor]

    def is_reached(self, endpoint: str) -> bool:
        """True if an endpoint has a contact, or is a declared phone that the file does not have."""
        if not any(each.name == endpoint for each in self.objects("endpoint")):
            return self._exchange.has_phone(f"PJSIP/{endpoint}")
        return any(self.uris(aor) for aor in self.aors(endpoint))

    def register(self, endpoint: str, uri: str) -> None:
        """Add a contact to an endpoint's first address of record, or renew it.

        Raises:
            ValueError: the file has no such endpoint, or the endpoint has no address of record.
        """
        names = self.aors(endpoint)
        if not names:
            shown = self._exchange.charset.shown(endpoint)
            raise ValueError(f"PJSIP/{shown}: pjsip.conf has no such endpoint with an aor")
        was_reached = self.is_reached(endpoint)
        before = [each for each in self.registered if (each.aor, each.uri) == (names[0], uri)]
        expires = int(self._exchange.wall_time) + _EXPIRES
        contact = Contact(endpoint, names[0], uri, expires)
        self.registered = [each for each in self.registered if each not in before] + [contact]
        if not was_reached:
            self._emit_peer(endpoint, "Reachable")
        if not before:
            self._emit(contact, "NonQualified")

    def unregister(self, endpoint: str) -> None:
        """Remove the contacts that an endpoint has registered."""
        gone = [each for each in self.registered if each.endpoint == endpoint]
        self.registered = [each for each in self.registered if each not in gone]
        if gone and not self.is_reached(endpoint):
            self._emit_peer(endpoint, "Unreachable")
        for contact in gone:
            self._emit(contact, "Removed")

    def _emit_peer(self, endpoint: str, status: str) -> None:
        peer = [("ChannelType", "PJSIP"), ("Peer", f"PJSIP/{endpoint}"), ("PeerStatus", status)]
        self._exchange.emit("PeerStatus", peer, classes="system")

    def _emit(self, contact: Contact, status: str) -> None:
        headers = [
            ("URI", contact.uri),
            ("ContactStatus", status),
            ("AOR", contact.aor),
            ("EndpointName", contact.endpoint),
            ("RoundtripUsec", "0"),
        ]
        self._exchange.emit("ContactStatus", headers, classes="system")
