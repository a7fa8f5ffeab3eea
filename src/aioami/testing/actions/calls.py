"""Actions on calls in progress: recording both sides, and transfers by one of the parties."""

from __future__ import annotations

from ..exchange import Exchange
from ..exchange.transfers import CANCEL, begin, press
from .base import Answer, Request, action, error, success
from .channels import channel_named

__all__ = [
    "attended_transfer",
    "blind_transfer",
    "cancel_attended_transfer",
    "mix_monitor",
    "stop_mix_monitor",
]


@action("MixMonitor", "system", "Records both sides of a channel into one file")
async def mix_monitor(exchange: Exchange, request: Request) -> Answer:
    channel = channel_named(exchange, request)
    if not request.get("File"):
        return error("Could not start monitoring channel")
    number = f"0x{exchange.random.randrange(1 << 44):x}"
    await exchange.execute(channel, "MixMonitor", request.get("File"))
    channel.recordings.append(number)
    name = request.get("Options").partition("i(")[2].partition(")")[0]
    if not name:
        return {"Response": "Success"}
    channel.set_variable(name, number)
    return {"Response": "Success", "MixMonitorID": number}


@action("StopMixMonitor", "system,call", "Ends the recording of both sides of a channel")
async def stop_mix_monitor(exchange: Exchange, request: Request) -> Answer:
    channel = channel_named(exchange, request)
    wanted = request.get("MixMonitorID")
    if wanted not in ("", *channel.recordings) or not (channel.recordings or channel.monitored):
        return error("Could not stop monitoring channel")
    if channel.recordings:
        channel.recordings.remove(wanted or channel.recordings[0])
    channel.monitored = bool(channel.recordings)
    channel.emit("MixMonitorStop")
    return {"Response": "Success"}


@action("BlindTransfer", "call", "Sends whom a channel talks with to an extension")
async def blind_transfer(exchange: Exchange, request: Request) -> Answer:
    if not request.get("Channel"):
        return error("No channel specified")
    exten = request.get("Exten")
    if not exten:
        return error("No extension specified")
    channel = channel_named(exchange, request, gone="Channel specified does not exist")
    place = [
        ("IsExternal", "Yes"),
        ("Context", request.get("Context") or channel.context),
        ("Extension", exten),
    ]
    bridge = channel.bridge
    others = [] if bridge is None else [each for each in bridge.channels if each is not channel]
    if bridge is None or bridge.kind != "basic" or not others:
        refused = [("Result", "Invalid"), *channel.snapshot("Transferer"), *place]
        exchange.emit("BlindTransfer", refused)
        return error("Transfer invalid")
    other = others[0]
    emitted = [
        ("Result", "Success"),
        *channel.snapshot("Transferer"),
        *other.snapshot("Transferee"),
        *bridge.snapshot(),
        *place,
    ]
    channel.emit("Unhold")
    channel.set_variable("BLINDTRANSFER", other.name)
    other.set_variable("BLINDTRANSFER", channel.name)
    bridge.parted = lambda: exchange.emit("BlindTransfer", emitted)
    other.redirect((place[1][1], exten, 1))
    return success("Transfer succeeded")


@action("Atxfer", "call", "Lets a channel talk with somebody else, and then connects the two")
async def attended_transfer(exchange: Exchange, request: Request) -> Answer:
    if not request.get("Channel"):
        return error("No channel specified")
    exten = request.get("Exten")
    if not exten:
        return error("No extension specified")
    channel = channel_named(exchange, request, gone="Channel specified does not exist")
    code = exchange.file("features.conf").get("featuremap", "atxfer")
    if not code:
        return error("No attended transfer feature code found")
    if request.get("Context"):
        channel.set_variable("TRANSFER_CONTEXT", request.get("Context"))
    exchange.clock.spawn(begin(channel, code, exten))
    return success("Atxfer successfully queued")


@action("CancelAtxfer", "call", "Takes an attended transfer back")
async def cancel_attended_transfer(exchange: Exchange, request: Request) -> Answer:
    if not request.get("Channel"):
        return error("No channel specified")
    channel = channel_named(exchange, request, gone="Channel specified does not exist")
    code = exchange.file("features.conf").get("general", "atxferabort", CANCEL)
    exchange.clock.spawn(press(channel, code))
    return success("CancelAtxfer successfully queued")
