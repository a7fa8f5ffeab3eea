"""Actions that list where calls meet or wait, and the telephones of PJSIP."""

from __future__ import annotations

from ..config import Category
from ..exchange import Exchange, Pairs
from .base import ID, Answer, Request, action, error, listed

_STATES = {
    "NOT_INUSE": "Not in use",
    "INUSE": "In use",
    "RINGING": "Ringing",
    "RINGINUSE": "Ring+Inuse",
    "ONHOLD": "On Hold",
    "BUSY": "Busy",
    "UNAVAILABLE": "Unavailable",
    "INVALID": "Invalid",
}


@action("Parkinglots", "call", "Lists the parking lots")
async def parking_lots(exchange: Exchange, request: Request) -> Answer:
    items: list[Pairs] = [
        [
            ("Event", "Parkinglot"),
            ID,
            ("Name", lot.name),
            ("StartSpace", str(lot.spaces[0])),
            ("StopSpace", str(lot.spaces[-1])),
            ("Timeout", f"{lot.seconds:.0f}"),
        ]
        for lot in exchange.lots.values()
    ]
    return listed("Parking lots will follow", items, "ParkinglotsComplete")


@action("ConfbridgeListRooms", "reporting", "Lists the conferences")
async def list_conferences(exchange: Exchange, request: Request) -> Answer:
    if not exchange.conferences:
        return error("No active conferences.")
    items: list[Pairs] = [
        [
            ("Event", "ConfbridgeListRooms"),
            ID,
            ("Conference", room.name),
            ("Parties", str(len(room.bridge.channels))),
            ("Marked", "0"),
            ("Locked", "No"),
            ("Muted", "No"),
        ]
        for room in exchange.conferences.values()
    ]
    return listed("Confbridge conferences will follow", items, "ConfbridgeListRoomsComplete")


@action("ConfbridgeList", "reporting", "Lists who is in a conference")
async def list_participants(exchange: Exchange, request: Request) -> Answer:
    name = request.get("Conference")
    if not name:
        return error("No Conference name provided.")
    room = exchange.conferences.get(name)
    if room is None:
        return error("No Conference by that name found.")
    flags = [("Admin", "No"), ("MarkedUser", "No"), ("WaitMarked", "No"), ("EndMarked", "No")]
    states = [("Waiting", "No"), ("Muted", "No"), ("Talking", "No"), ("AnsweredTime", "0")]
    items: list[Pairs] = [
        [("Event", "ConfbridgeList"), ID, ("Conference", name), *flags, *states, *each.snapshot()]
        for each in room.bridge.channels
    ]
    return listed("Confbridge user list will follow", items, "ConfbridgeListComplete")


def _pjsip(exchange: Exchange, kind: str) -> list[Category]:
    categories = exchange.file("pjsip.conf").categories
    return [each for each in categories if each.get("type") == kind and not each.template]


@action("PJSIPShowEndpoints", "system", "Lists the endpoints of PJSIP")
async def pjsip_show_endpoints(exchange: Exchange, request: Request) -> Answer:
    contacts: dict[str, list[str]] = {}
    for aor in _pjsip(exchange, "aor"):
        contacts[aor.name] = [f"{aor.name}/{uri}" for uri in aor.getall("contact")]
    items: list[Pairs] = []
    for endpoint in _pjsip(exchange, "endpoint"):
        device = f"PJSIP/{endpoint.name}"
        aors = endpoint.get("aors")
        own = [uri for each in aors.split(",") for uri in contacts.get(each.strip(), ())]
        channels = sum(each.device == device for each in exchange.channels.values())
        state = exchange.states.device(device)
        if state == "NOT_INUSE" and not own:
            state = "UNAVAILABLE"
        items.append(
            [
                ("Event", "EndpointList"),
                ID,
                ("ObjectType", "endpoint"),
                ("ObjectName", endpoint.name),
                ("Transport", endpoint.get("transport")),
                ("Aor", aors),
                ("Auths", endpoint.get("auth")),
                ("OutboundAuths", endpoint.get("outbound_auth")),
                ("Contacts", "".join(f"{each}," for each in own)),
                ("DeviceState", _STATES.get(state, "Unavailable")),
                ("ActiveChannels", str(channels) if channels else ""),
            ]
        )
    if not items:
        return error("No endpoints found")
    text = "A listing of Endpoints follows, presented as EndpointList events"
    return listed(text, items, "EndpointListComplete")


@action("PJSIPShowContacts", "system", "Lists where the telephones of PJSIP are")
async def pjsip_show_contacts(exchange: Exchange, request: Request) -> Answer:
    # Those in the file alone are known, and these are not in this list.
    return error("No Contacts found")


@action("PJSIPShowRegistrationsOutbound", "system", "Lists where PJSIP registers")
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
        for each in _pjsip(exchange, "registration")
    ]
    text = "Following are Events for each Outbound registration"
    return listed(text, items, "OutboundRegistrationDetailComplete")
