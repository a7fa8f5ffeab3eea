"""Actions about telephones: their states, hints, endpoints and messages."""

from __future__ import annotations

from typing import Final

from ..config import Category
from ..exchange import Exchange, Pairs
from .base import ID, Answer, Request, action, error, listed, success

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


@action("ExtensionStateList", "call,reporting", "Lists the extensions that have a hint")
async def extension_state_list(exchange: Exchange, request: Request) -> Answer:
    items: list[Pairs] = []
    for context, plan in exchange.dialplan.contexts.items():
        for exten in plan.hints:
            hint, status, text = exchange.states.extension(context, exten)
            place = [("Exten", exten), ("Context", context), ("Hint", hint)]
            state = [("Status", str(status)), ("StatusText", text)]
            items.append([("Event", "ExtensionStatus"), ID, *place, *state])
    return listed("Extension Statuses will follow", items, "ExtensionStateListComplete")


@action("DeviceStateList", "call,reporting", "Lists the devices whose state is known")
async def device_state_list(exchange: Exchange, request: Request) -> Answer:
    items: list[Pairs] = [
        [("Event", "DeviceStateChange"), ID, ("Device", device), ("State", state)]
        for device, state in exchange.states.known().items()
    ]
    return listed("Device State Changes will follow", items, "DeviceStateListComplete")


@action("PJSIPShowEndpoints", "system", "Lists the endpoints of PJSIP")
async def pjsip_show_endpoints(exchange: Exchange, request: Request) -> Answer:
    categories = [each for each in exchange.file("pjsip.conf").categories if not each.template]
    endpoints = [each for each in categories if each.get("type") == "endpoint"]
    if not endpoints:
        return error("No endpoints found")
    items = [_endpoint(exchange, each, categories) for each in endpoints]
    text = "A listing of Endpoints follows, presented as EndpointList events"
    return listed(text, items, "EndpointListComplete")


def _endpoint(exchange: Exchange, endpoint: Category, categories: list[Category]) -> Pairs:
    device = f"PJSIP/{endpoint.name}"
    names = [name.strip() for name in endpoint.get("aors").split(",")]
    contacts = [
        f"{each.name}/{uri},"
        for each in categories
        if each.get("type") == "aor" and each.name in names
        for name, uri in each.lines
        if name == "contact"
    ]
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
        ("ActiveChannels", str(len(calls))),
    ]


@action("PJSIPShowContacts", "system", "Lists where the telephones of PJSIP are")
async def pjsip_show_contacts(exchange: Exchange, request: Request) -> Answer:
    # Those in the file alone are known, and these are not in this list.
    return error("No Contacts found")


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
        for each in exchange.file("pjsip.conf").categories
        if each.get("type") == "registration" and not each.template
    ]
    text = "Following are Events for each Outbound registration"
    return listed(text, items, "OutboundRegistrationDetailComplete")


@action("MessageSend", "message", "Sends a text message to a telephone")
async def message_send(exchange: Exchange, request: Request) -> Answer:
    to = request.get("To") or request.get("Destination")
    if not to:
        return error("No 'To' address specified.")
    technology, _, name = to.partition(":")
    if technology not in ("pjsip", "sip"):
        return error("Message technology not found.")
    device = f"{technology.upper()}/{name.partition('@')[0].rpartition('/')[2]}"
    if not exchange.has_phone(device):
        return error("Message failed to send.")
    return success("Message successfully sent")
