"""Actions about channels: originate, hang up, redirect, bridge, park, listen in."""

from __future__ import annotations

import math
import re
from typing import Final

from ..exchange import Bridge, Channel, Exchange, Pairs, Party
from ..exchange.calls import Origin, originate
from ..exchange.channels import ToBridge, ToPark
from ..exchange.dialplan import NotSet, arguments, read, write
from .base import ID, Answer, Denied, Request, action, error, listed, number, success

_LONGEST_ID: Final = 149
_DANGEROUS: Final = (
    *("agi", "dbdeltree", "exec", "externalivr", "mixmonitor", "originate", "reload", "system"),
)  # applications that run programs or change the server
_DANGEROUS_DATA: Final = ("CURL", "DB", "EVAL", "FILE", "ODBC", "REALTIME", "SHELL")

_LONGEST_VALUE: Final = 1023  # bytes after which Getvar cuts a value off


def channel_named(
    exchange: Exchange,
    request: Request,
    *,
    missing: str = "No channel specified",
    gone: str = "No such channel",
) -> Channel:
    """Return the channel that a request names.

    Args:
        exchange: the exchange.
        request: the request.
        missing: message if the request names no channel.
        gone: message if there is no such channel.

    Raises:
        Denied: the request names no channel, or there is no such channel.
    """
    name = request.get("Channel")
    if not name:
        raise Denied(missing)
    channel = exchange.channel_like(name)
    if channel is None:
        raise Denied(gone.format(name))
    return channel


@action("Originate", "originate", "Calls somebody, and goes on with him")
async def originate_call(exchange: Exchange, request: Request) -> Answer:
    origin = _origin(exchange, request)
    account = request.connection.account
    if account is not None and "system" not in account.writable:
        _check_forbidden(exchange, origin)
    if request.true("Async"):
        exchange.clock.spawn(originate(exchange, origin, emit=True))
        return success("Originate successfully queued")
    answered: list[bool] = []

    async def call() -> None:
        answered.append(await originate(exchange, origin, emit=False))

    # As a separate task: the call goes on if the waiting client leaves.
    await exchange.clock.wait(exchange.clock.spawn(call()).done)
    if answered != [True]:
        return error("Originate failed")
    return success("Originate successfully queued")


def _origin(exchange: Exchange, request: Request) -> Origin:
    name, application = request.get("Channel"), request.get("Application")
    context, exten = request.get("Context"), request.get("Exten")
    priority = request.get("Priority")
    if not name:
        raise Denied("Channel not specified")
    step = 0
    if priority:
        found = exchange.dialplan.priority(context, exten, priority)
        if found is None:
            raise Denied("Invalid priority")
        step = found
    timeout = request.get("Timeout")
    if timeout and not timeout.isdecimal():
        raise Denied("Invalid timeout")
    technology, slash, target = name.partition("/")
    if not slash or not target:
        raise Denied("Invalid channel")
    if max(len(request.get("ChannelId")), len(request.get("OtherChannelId"))) > _LONGEST_ID:
        raise Denied(f"Uniqueid length exceeds maximum of {_LONGEST_ID}\n")
    if not application and not (exten and context and step):
        raise Denied("Originate with 'Exten' requires 'Context' and 'Priority'")
    if exten and context and step and exchange.dialplan.step(context, exten, step) is None:
        raise Denied("Extension does not exist.")
    items = [item for header in request.getall("Variable") for item in arguments(header)]
    pairs = [item.partition("=") for item in items]
    return Origin(
        technology,
        target,
        number(timeout, 30000) / 1000,
        application,
        request.get("Data"),
        context,
        exten,
        step,
        Party.parse(request.get("CallerID")),
        request.get("Account"),
        [(name, value) for name, equals, value in pairs if equals and name],
        request.get("ChannelId"),
        request.get("OtherChannelId"),
        request.action_id or "",
    )


def _check_forbidden(exchange: Exchange, origin: Origin) -> None:
    application, data = origin.application.lower(), origin.data
    bad_data = any(word in data.upper() for word in _DANGEROUS_DATA)
    bad = any(word in application for word in _DANGEROUS)
    if exchange.major < 18:
        if bad:
            raise Denied("Originate Access Forbidden: Application")
        if bad_data:
            raise Denied("Originate Access Forbidden: Data")
    elif bad or bad_data or (application == "queue" and [*arguments(data), *[""] * 6][5]):
        raise Denied("Originate Access Forbidden: app or data blacklisted")


@action("Hangup", "system,call", "Hangs up one channel, or all that a pattern matches")
async def hangup(exchange: Exchange, request: Request) -> Answer:
    name, cause = request.get("Channel"), request.get("Cause")
    if not name:
        return error("No channel specified")
    value = number(cause)
    code = value if value <= 127 else 0
    if len(name) > 1 and name.startswith("/") and name.endswith("/"):
        try:
            pattern = re.compile(name[1:-1])
        except (re.error, OverflowError, RecursionError):
            return error(f"Regex compile failed on: {name}")
        found = [channel for channel in exchange.channels.values() if pattern.search(channel.name)]
        for channel in found:
            channel.soft_hangup(code)
        items = [[("Event", "ChannelHungup"), ("Channel", channel.name), ID] for channel in found]
        return listed("Channels hung up will follow", items, "ChannelsHungupListComplete")
    channel_named(exchange, request).soft_hangup(code)
    return success("Channel Hungup")


@action("Redirect", "call", "Sends a channel elsewhere in the dialplan")
async def redirect(exchange: Exchange, request: Request) -> Answer:
    channels = []
    for header in ("Channel", "ExtraChannel"):
        name = request.get(header)
        if not name:
            if header == "Channel":
                return error("Channel not specified")
            continue
        channel = exchange.channel_like(name)
        if channel is None:
            extra = "ExtraChannel" if header == "ExtraChannel" else "Channel"
            return error(f"{extra} does not exist: {name}")
        prefix = "Extra" if header == "ExtraChannel" and request.get("ExtraContext") else ""
        context, exten = request.get(f"{prefix}Context"), request.get(f"{prefix}Exten")
        priority = exchange.dialplan.priority(context, exten, request.get(f"{prefix}Priority"))
        if priority is None:
            return error(f"{prefix}Priority is invalid")
        channels.append((channel, (context, exten, priority)))
    for channel, place in channels:
        channel.redirect(place)
    return success("Redirect successful" if len(channels) == 1 else "Dual Redirect successful")


@action("Bridge", "call", "Lets two channels talk to each other")
async def bridge(exchange: Exchange, request: Request) -> Answer:
    names = [request.get("Channel1"), request.get("Channel2")]
    if not all(names):
        return error("Missing channel parameter in request")
    found = [exchange.channel_like(name) for name in names]
    for position, channel in enumerate(found, 1):
        if channel is None:
            return error(f"Channel{position} does not exist: {names[position - 1]}")
    if found[0] is found[1]:
        return error("Unable to bridge a channel with itself")
    meeting = Bridge(exchange, exchanges_parties=True)
    for position, channel in enumerate(found, 1):
        if channel is None:
            continue
        # A channel cannot be taken out of a conference.
        if channel.bridge is not None and channel.bridge.announcer:
            if not meeting.expected:
                meeting.destroy()
            return error(f"Unable to add Channel{position} to bridge: {channel.name}")
        channel.redirect(ToBridge(meeting))
    return success("Channels have been bridged")


@action("Park", "call", "Parks a channel")
async def park(exchange: Exchange, request: Request) -> Answer:
    texts = {"missing": "Channel not specified", "gone": "Channel does not exist: {}"}
    channel = channel_named(exchange, request, **texts)
    other = request.get("TimeoutChannel") or request.get("Channel2")
    lot = exchange.lots.get(request.get("Parkinglot") or "default")
    if lot is None or all(space in lot.calls for space in lot.spaces):
        return error("Park action failed\n")
    if other:
        parker = exchange.channel_like(other)
        device = parker.device if parker is not None else other
        channel.set_variable("BLINDTRANSFER", other)
    else:
        device = channel.device
    timeout = request.get("Timeout")
    channel.redirect(ToPark(lot, device, number(timeout) / 1000 if timeout.isdecimal() else None))
    return success("Park successful\n")


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


@action("ParkedCalls", "call", "Lists the calls that are parked")
async def parked_calls(exchange: Exchange, request: Request) -> Answer:
    wanted = request.get("ParkingLot")
    items: list[Pairs] = [
        [("Event", "ParkedCall"), *lot.snapshot(call), ID]
        for lot in exchange.lots.values()
        if wanted in ("", lot.name)
        for call in lot.calls.values()
    ]
    return listed(
        "Parked calls will follow",
        items,
        "ParkedCallsComplete",
        [("Total", str(len(items)))],
    )


@action("CoreShowChannels", "system,reporting", "Lists all channels")
async def core_show_channels(exchange: Exchange, request: Request) -> Answer:
    items: list[Pairs] = []
    for channel in exchange.channels.values():
        seconds = int(exchange.clock.now - channel.created)
        duration = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        place = [
            ("Application", channel.application),
            ("ApplicationData", channel.data),
            ("Duration", duration),
        ]
        bridge_id = channel.bridge.uniqueid if channel.bridge is not None else ""
        items.append(
            [
                ("Event", "CoreShowChannel"),
                ID,
                *channel.snapshot(),
                *place,
                ("BridgeId", bridge_id),
            ],
        )
    return listed("Channels will follow", items, "CoreShowChannelsComplete")


@action("BridgeList", "", "Lists the bridges")
async def bridge_list(exchange: Exchange, request: Request) -> Answer:
    wanted = request.get("BridgeType")  # which Asterisk compares with the technology
    items: list[Pairs] = [
        [("Event", "BridgeListItem"), ID, *bridge.snapshot()]
        for bridge in exchange.bridges.values()
        if wanted in ("", bridge.technology)
    ]
    return listed("Bridge listing will follow", items, "BridgeListComplete")


@action("Status", "system,call,reporting", "Describes one channel, or all")
async def status(exchange: Exchange, request: Request) -> Answer:
    wanted = list(exchange.channels.values())
    if request.get("Channel"):
        wanted = [channel_named(exchange, request)]
    names = [name for name in request.get("Variables").split(",") if name]
    items: list[Pairs] = []
    for channel in wanted:
        chosen = list(names)
        if request.true("AllVariables"):
            chosen += [name for name in channel.variables if name not in chosen]
        items.append(
            [
                ("Event", "Status"),
                ("Privilege", "Call"),
                *channel.snapshot(),
                ("Type", channel.technology),
                ("DNID", ""),
                ("EffectiveConnectedLineNum", channel.connected.number or "<unknown>"),
                ("EffectiveConnectedLineName", channel.connected.name or "<unknown>"),
                ("TimeToHangup", str(channel.seconds_left)),
                ("BridgeID", channel.bridge.uniqueid if channel.bridge is not None else ""),
                ("Application", channel.application or "(null)"),
                ("Data", channel.data if channel.application else "(null)"),
                ("Nativeformats", "(slin)"),
                ("Readformat", "slin"),
                ("Readtrans", ""),
                ("Writeformat", "slin"),
                ("Writetrans", ""),
                ("Callgroup", "0"),
                ("Pickupgroup", "0"),
                ("Seconds", str(int(exchange.clock.now - channel.created))),
                *(("Variable", f"{name}={_shown(exchange, channel, name)}") for name in chosen),
                ID,
            ]
        )
    return listed(
        "Channel status will follow",
        items,
        "StatusComplete",
        [("Items", str(len(items)))],
    )


def _shown(exchange: Exchange, channel: Channel, name: str) -> str:
    value = read(exchange, channel, name, inhibited=True)
    return value if value or name in channel.variables or "(" in name else "(null)"


@action("Getvar", "call,reporting", "Reads a variable or a function")
async def getvar(exchange: Exchange, request: Request) -> Answer:
    name = request.get("Variable")
    if not name:
        return error("No variable specified")
    account = request.connection.account
    forbidden = any(word in name.upper() for word in ("SHELL", "EVAL"))
    if forbidden and account is not None and "system" not in account.writable:
        return error("GetVar Access Forbidden: Variable")
    channel = channel_named(exchange, request) if request.get("Channel") else None
    value = read(exchange, channel, name, inhibited=True).encode("utf-8", "surrogateescape")
    return {
        "Response": "Success",
        "Variable": name,
        "Value": value[:_LONGEST_VALUE].decode("utf-8", "surrogateescape"),
    }


@action("Setvar", "call", "Sets a variable or writes a function")
async def setvar(exchange: Exchange, request: Request) -> Answer:
    name = request.get("Variable")
    if not name:
        return error("No variable specified")
    channel = channel_named(exchange, request) if request.get("Channel") else None
    try:
        write(exchange, channel, name, request.get("Value"), inhibited=True)
    except NotSet:
        return error("Variable not set")
    return success("Variable Set")


@action("AbsoluteTimeout", "system,call", "Hangs a channel up after some time")
async def absolute_timeout(exchange: Exchange, request: Request) -> Answer:
    channel = channel_named(exchange, request)
    try:
        seconds = float(request.get("Timeout"))
    except ValueError:
        seconds = 0.0
    if not seconds or not math.isfinite(seconds):
        return error("No timeout specified")
    channel.limit_to(seconds if seconds >= 1e-6 else None)
    return success("Timeout Set")


@action("LocalOptimizeAway", "system,call", "Lets a Local channel take itself out of a call")
async def local_optimize_away(exchange: Exchange, request: Request) -> Answer:
    texts = {"missing": "'Channel' not specified.", "gone": "Channel does not exist."}
    channel = channel_named(exchange, request, **texts)
    if channel.other is None:
        return error("Unable to find channel")
    return success("Queued channel to be optimized away")


@action("SendText", "call", "Sends text to whoever has a channel")
async def send_text(exchange: Exchange, request: Request) -> Answer:
    if not request.get("Channel"):
        return error("No channel specified")
    if not request.get("Message"):
        return error("No Message specified")
    channel_named(exchange, request)
    return success("Success")


@action("PlayDTMF", "call", "Plays a tone on a channel")
async def play_dtmf(exchange: Exchange, request: Request) -> Answer:
    channel = channel_named(
        exchange,
        request,
        missing="Channel not found",
        gone="Channel not found",
    )
    digit = request.get("Digit")
    if not digit:
        return error("No digit specified")
    duration = request.get("Duration")
    milliseconds = number(duration, 100)
    hears = channel if request.true("Receive") else channel.other
    if hears is not None:
        exchange.clock.spawn(_tone(hears, digit, milliseconds))
    return success("DTMF successfully queued")


async def _tone(channel: Channel, digit: str, milliseconds: int) -> None:
    if not channel.listens:  # an application that waits for digits gets only the end, and at once
        heard = [("Digit", digit), ("Direction", "Received")]
        channel.emit("DTMFBegin", heard, classes="dtmf")
        await channel.exchange.clock.sleep(milliseconds / 1000)
    duration = [("Digit", digit), ("DurationMs", str(milliseconds)), ("Direction", "Received")]
    channel.emit("DTMFEnd", duration, classes="dtmf")
    channel.press(digit)


@action("ControlPlayback", "call", "Steers what a channel plays")
async def control_playback(exchange: Exchange, request: Request) -> Answer:
    if not request.get("Channel"):
        return error("Channel not specified")
    control = request.get("Control")
    if not control:
        return error("Control not specified")
    channel = channel_named(exchange, request)
    if control.lower() not in ("forward", "pause", "restart", "reverse", "stop"):
        return error("Unknown control type")
    if control.lower() == "stop":
        channel.press("stop")
    return {"Response": "Success"}


@action("AGI", "agi", "Gives a command to a channel in AsyncAGI")
async def agi(exchange: Exchange, request: Request) -> Answer:
    name, command = request.get("Channel"), request.get("Command")
    if not name or not command:
        return error("Both, Channel and Command are *required*")
    channel = exchange.channel_like(name)
    if channel is None:
        return error(f"Channel {name} does not exist.")
    if channel.agi is None:
        return error(f"Failed to add AGI command to channel {name} queue")
    channel.agi.append((command, request.get("CommandID")))
    channel.agi_called.set()
    return success("Added AGI command to queue")


# Recording


@action("Monitor", "call", "Records a channel", until=20)
async def monitor(exchange: Exchange, request: Request) -> Answer:
    channel = channel_named(exchange, request)
    if not channel.monitored:
        channel.monitored = True
        channel.set_variable("__MONITORED", "true")
        channel.emit("MonitorStart")
    return success("Started monitoring channel")


@action("StopMonitor", "call", "Ends the recording of a channel", until=20)
async def stop_monitor(exchange: Exchange, request: Request) -> Answer:
    channel = channel_named(exchange, request)
    if channel.monitored:
        channel.monitored = False
        channel.emit("MonitorStop")
        channel.set_variable("MONITORED", "")
    return success("Stopped monitoring channel")


@action("ChangeMonitor", "call", "Records a channel into another file", until=20)
async def change_monitor(exchange: Exchange, request: Request) -> Answer:
    channel = channel_named(exchange, request)
    if not request.get("File"):
        return error("No filename specified")
    if not channel.monitored:
        return error("Could not change monitored filename of channel")
    return success("Changed monitor filename")


@action("PauseMonitor", "call", "Interrupts the recording of a channel", until=20)
async def pause_monitor(exchange: Exchange, request: Request) -> Answer:
    if not channel_named(exchange, request).monitored:
        return error("Cannot pause monitoring of the channel")
    return success("Paused monitoring of the channel")


@action("UnpauseMonitor", "call", "Goes on with the recording of a channel", until=20)
async def unpause_monitor(exchange: Exchange, request: Request) -> Answer:
    if not channel_named(exchange, request).monitored:
        return error("Cannot unpause monitoring of the channel")
    return success("Unpaused monitoring of the channel")


@action(
    "MixMonitorMute",
    "system,call",
    "Leaves one direction out of a recording, or takes it in again",
)
async def mix_monitor_mute(exchange: Exchange, request: Request) -> Answer:
    if not request.get("Channel"):
        return error("No channel specified")
    direction = request.get("Direction")
    if not direction:
        return error("No direction specified. Must be read, write or both")
    if direction not in ("read", "write", "both"):
        return error("Invalid direction specified. Must be read, write or both")
    if not request.get("State"):
        return error("No state specified")
    channel = channel_named(exchange, request)
    if not channel.monitored:
        return error("Cannot set mute flag")
    state = "1" if request.true("State") else "0"
    channel.emit("MixMonitorMute", [("Direction", direction), ("State", state)])
    return {"Response": "Success"}


@action("MuteAudio", "system", "Silences a direction of a channel, or lets it be heard again")
async def mute_audio(exchange: Exchange, request: Request) -> Answer:
    channel = channel_named(exchange, request, missing="Channel not specified")
    direction = request.get("Direction")
    if direction not in ("in", "out", "all"):
        return error("Failed to mute/unmute stream" if direction else "No Direction specified")
    directions = {"in", "out"} if direction == "all" else {direction}
    if request.true("State"):
        channel.muted = channel.muted | directions
    else:
        channel.muted = channel.muted - directions
    return {"Response": "Success"}
