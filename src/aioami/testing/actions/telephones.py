"""Actions about telephones: their states, hints and messages."""

from __future__ import annotations

import base64
import binascii

from ..exchange import Exchange, Pairs
from .base import ID, Answer, Request, action, error, listed, success


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


@action("MessageSend", "message", "Sends a text message to a telephone")
async def message_send(exchange: Exchange, request: Request) -> Answer:
    to = request.get("To") or request.get("Destination")
    if not to:
        return error("No 'To' address specified.")
    technology, _, name = to.partition(":")
    if technology not in ("pjsip", "sip"):
        return error("Message technology not found.")
    name = name.partition("@")[0].rpartition("/")[2]
    device = f"{technology.upper()}/{name}"
    is_reached = exchange.contacts.is_reached(name) if technology == "pjsip" else True
    if not exchange.has_phone(device) or not is_reached:
        return error("Message failed to send.")
    text = request.get("Body")
    if request.get("Base64Body"):
        try:
            decoded = base64.b64decode(request.get("Base64Body"), validate=True)
        except (ValueError, binascii.Error):
            return error("Message failed to send.")
        text = exchange.charset.decode(decoded)
    exchange.phone(device).messages.append(text)
    return success("Message successfully sent")
