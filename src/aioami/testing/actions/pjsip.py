"""Actions of PJSIP: its endpoints, addresses of record, contacts and registrations."""

from __future__ import annotations

from typing import Final

from ..config import Category
from ..exchange import Exchange, Pairs
from .base import ID, Answer, Request, action, error, listed

_STATES: Final = {
    "UNKNOWN": "Unknown",
    "NOT_INUSE": "Not in use",
    "INUSE": "In use",
    "BUSY": "Busy",
    "INVALID": "Invalid",
    "UNAVAILABLE": "Unavailable",
    "RINGING": "Ringing",
    "RINGINUSE": "Ring+Inuse",
    "ONHOLD": "On Hold",
}
_QUALIFIES_BY_2XX: Final = 18  # the first version with this setting


@action("PJSIPShowEndpoints", "system", "Lists the endpoints of PJSIP")
async def pjsip_show_endpoints(exchange: Exchange, request: Request) -> Answer:
    endpoints = exchange.contacts.objects("endpoint")
    if not endpoints:
        return error("No endpoints found")
    items = [_endpoint(exchange, each) for each in endpoints]
    text = "A listing of Endpoints follows, presented as EndpointList events"
    return listed(text, items, "EndpointListComplete")


def _endpoint(exchange: Exchange, endpoint: Category) -> Pairs:
    device = f"PJSIP/{endpoint.name}"
    aors = exchange.contacts.aors(endpoint.name)
    contacts = [f"{aor}/{uri}," for aor in aors for uri in exchange.contacts.uris(aor)]
    state = exchange.states.device(device)
    calls = [each for each in exchange.channels.values() if each.device == device]
    return [
        ("Event", "EndpointList"),
        ID,
        ("ObjectType", "endpoint"),
        ("ObjectName", endpoint.name),
        ("Transport", endpoint.get("transport")),
        ("Aor", endpoint.get("aors")),
        ("Auths", endpoint.get("auth")),
        ("OutboundAuths", endpoint.get("outbound_auth")),
        ("Contacts", "".join(contacts)),
        ("DeviceState", _STATES["UNAVAILABLE" if not calls and not contacts else state]),
        ("ActiveChannels", str(len(calls)) if exchange.major > 16 else ""),
    ]


@action("PJSIPShowAors", "system", "Lists the addresses of record of PJSIP")
async def pjsip_show_aors(exchange: Exchange, request: Request) -> Answer:
    aors = exchange.contacts.objects("aor")
    if not aors:
        return error("No AORs found")
    items = [_aor(exchange, each) for each in aors]
    text = "A listing of AORs follows, presented as AorList events"
    return listed(text, items, "AorListComplete")


def _flag(category: Category, name: str) -> str:
    return "true" if category.get(name).lower() in ("yes", "true", "1", "on") else "false"


def _aor(exchange: Exchange, aor: Category) -> Pairs:
    uris = exchange.contacts.uris(aor.name)
    by_2xx = [("Qualify2xxOnly", "false")] if exchange.major >= _QUALIFIES_BY_2XX else []
    return [
        ("Event", "AorList"),
        ID,
        ("ObjectType", "aor"),
        ("ObjectName", aor.name),
        ("MinimumExpiration", aor.get("minimum_expiration", "60")),
        ("DefaultExpiration", aor.get("default_expiration", "3600")),
        ("QualifyTimeout", f"{float(aor.get('qualify_timeout', '3')):f}"),
        *by_2xx,
        ("Mailboxes", aor.get("mailboxes")),
        ("SupportPath", _flag(aor, "support_path")),
        ("RemoveUnavailable", _flag(aor, "remove_unavailable")),
        ("VoicemailExtension", aor.get("voicemail_extension")),
        ("MaxContacts", aor.get("max_contacts", "0")),
        ("AuthenticateQualify", _flag(aor, "authenticate_qualify")),
        ("Contacts", ",".join(f"{aor.name}/{uri}" for uri in uris)),
        ("MaximumExpiration", aor.get("maximum_expiration", "7200")),
        ("QualifyFrequency", aor.get("qualify_frequency", "0")),
        ("RemoveExisting", _flag(aor, "remove_existing")),
        ("OutboundProxy", aor.get("outbound_proxy")),
    ]


@action("PJSIPShowContacts", "system", "Lists where the telephones are that have registered")
async def pjsip_show_contacts(exchange: Exchange, request: Request) -> Answer:
    # This list has no contacts that are only in the file.
    if not exchange.contacts.registered:
        return error("No Contacts found")
    by_2xx = [("Qualify2xxOnly", "false")] if exchange.major >= _QUALIFIES_BY_2XX else []
    items: list[Pairs] = [
        [
            ("Event", "ContactList"),
            ID,
            ("ObjectType", "contact"),
            ("ObjectName", each.id),
            ("ViaAddr", each.address[0]),
            ("QualifyTimeout", "3.000000"),
            *by_2xx,
            ("CallId", f"{each.aor}@{each.address[0]}"),
            ("RegServer", exchange.system_name),
            ("PruneOnBoot", "no"),
            ("Path", ""),
            ("Endpoint", each.endpoint),
            ("ViaPort", each.address[1]),
            ("AuthenticateQualify", "no"),
            ("Uri", each.uri),
            ("QualifyFrequency", "0"),
            ("UserAgent", ""),
            ("ExpirationTime", str(each.expires)),
            ("OutboundProxy", ""),
            ("Status", "NonQualified"),
            ("RoundtripUsec", "N/A"),
        ]
        for each in sorted(exchange.contacts.registered, key=lambda each: each.id)
    ]
    text = "A listing of Contacts follows, presented as ContactList events"
    return listed(text, items, "ContactListComplete")


@action(
    "PJSIPShowRegistrationInboundContactStatuses",
    "system",
    "Lists how the telephones are reached that have registered",
)
async def pjsip_show_contact_statuses(exchange: Exchange, request: Request) -> Answer:
    by_2xx = [("Qualify2xxOnly", "0")] if exchange.major >= _QUALIFIES_BY_2XX else []
    items: list[Pairs] = [
        [
            ("Event", "ContactStatusDetail"),
            ID,
            ("AOR", each.aor),
            ("URI", each.uri),
            ("UserAgent", ""),
            ("RegExpire", str(each.expires)),
            ("ViaAddress", ":".join(each.address)),
            ("CallID", f"{each.aor}@{each.address[0]}"),
            ("Status", "NonQualified"),
            ("RoundtripUsec", "N/A"),
            ("EndpointName", each.endpoint),
            ("ID", each.id),
            ("AuthenticateQualify", "0"),
            ("OutboundProxy", ""),
            ("Path", ""),
            ("QualifyFrequency", "0"),
            ("QualifyTimeout", "3.000"),
            *by_2xx,
        ]
        for each in exchange.contacts.registered
    ]
    text = "Following are ContactStatusEvents for each Inbound registration"
    return listed(text, items, "ContactStatusDetailComplete")


@action("PJSIPShowRegistrationsOutbound", "system,reporting", "Lists where PJSIP registers")
async def pjsip_show_registrations(exchange: Exchange, request: Request) -> Answer:
    items: list[Pairs] = [
        [
            ("Event", "OutboundRegistrationDetail"),
            ID,
            ("ObjectType", "registration"),
            ("ObjectName", each.name),
            ("ServerUri", each.get("server_uri")),
            ("ClientUri", each.get("client_uri")),
            ("Status", "Registered"),
        ]
        for each in exchange.contacts.objects("registration")
    ]
    text = "Following are Events for each Outbound registration"
    return listed(text, items, "OutboundRegistrationDetailComplete")
