"""Dialplan applications. Each returns true if the dialplan goes on after it."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from . import conferences
from .agi import agi
from .calls import dial
from .channels import BUSY, UP, Bridge, Channel, ToBridge
from .control import CONTROL
from .dialogue import DIALOGUE
from .dialplan import NotSet, arguments, enter_subroutine, seconds_of, write
from .keys import STOP, listen

__all__ = ["APPLICATIONS"]

_INITIAL_SILENCE: Final = 2500  # milliseconds after which AMD believes that a machine is there
_ANALYSIS: Final = 5000  # milliseconds for which AMD listens
_STEP: Final = 100  # milliseconds
_FILE: Final = 1.0  # seconds that a file takes
_DIGIT: Final = 10.0  # seconds that a caller has for an extension
# Seconds for which Answer waits for a first sound; a Local channel never makes one.
_FIRST_MEDIA: Final = 0.5


async def _answer(channel: Channel, data: str) -> bool:
    if channel.state != UP:
        channel.answer()
        if channel.other is not None:
            await channel.pause(_FIRST_MEDIA)
    return True


async def _wait(channel: Channel, data: str) -> bool:
    await channel.pause(seconds_of(data))
    return True


async def _for_ever(channel: Channel, data: str) -> bool:
    if channel.state != UP:
        channel.answer()
    await channel.pause()
    return True


async def _music(channel: Channel, data: str) -> bool:
    """Play music for ever, or for some seconds, without answering the call."""
    name, seconds, *_ = [*arguments(data), "", ""]
    channel.emit("MusicOnHoldStart", [("Class", name or "default")])
    try:
        await channel.pause(seconds_of(seconds) if seconds else None)
    finally:
        channel.emit("MusicOnHoldStop")
    return True


async def _playback(channel: Channel, data: str) -> bool:
    """Play files, each of which takes a second."""
    files, options, *_ = [*arguments(data), ""]
    if channel.state != UP and "noanswer" not in options.split(","):
        channel.answer()
    played = await _play(channel, files.split("&"))
    channel.set_variable("PLAYBACKSTATUS", "SUCCESS" if played else "FAILED")
    return True


async def _background(channel: Channel, data: str) -> bool:
    if channel.state != UP:
        channel.answer()
    for file in arguments(data)[0].split("&"):
        channel.pressed = ""
        if channel.plays(file):
            channel.pressed = await listen(channel, _FILE, stops=frozenset({STOP}))
        if channel.pressed:
            break
    if channel.pressed == STOP:
        channel.pressed = ""
    channel.set_variable("BACKGROUNDSTATUS", "SUCCESS")
    return True


async def _wait_for_extension(channel: Channel, data: str) -> bool:
    seconds = seconds_of(data) if data else _DIGIT
    channel.pressed = await listen(channel, seconds, stops=frozenset({STOP}))
    return True


async def _play(channel: Channel, files: list[str]) -> bool:
    """Play all files that exist, and return false if one is missing."""
    found = [(channel.plays(file), await channel.pause(_FILE)) for file in files]
    return all(there for there, _ in found)


async def _gosub(channel: Channel, data: str) -> bool:
    *place, last = arguments(data)
    label, _, given = last.partition("(")
    context = place[0] if len(place) == 2 else channel.context
    exten = place[-1] if place else channel.exten
    number = channel.exchange.dialplan.priority(context, exten, label)
    if number is None:
        return False
    enter_subroutine(channel, arguments(given.removesuffix(")")) if given else [])
    channel.context, channel.exten, channel.priority = context, exten, number - 1
    return True


async def _return(channel: Channel, data: str) -> bool:
    if not channel.subroutines:
        return False
    place, variables = channel.subroutines.pop()
    channel.variables.update(variables)
    channel.context, channel.exten, channel.priority = place
    channel.set_variable("GOSUB_RETVAL", data)
    return True


async def _no_op(channel: Channel, data: str) -> bool:
    return True


async def _ringing(channel: Channel, data: str) -> bool:
    channel.indicate("ringing")
    return True


async def _progress(channel: Channel, data: str) -> bool:
    channel.indicate("progress")
    return True


async def _busy(channel: Channel, data: str) -> bool:
    return await _refuse(channel, data, "busy", 17)


async def _congestion(channel: Channel, data: str) -> bool:
    return await _refuse(channel, data, "congestion", 34)


async def _refuse(channel: Channel, data: str, what: str, cause: int) -> bool:
    channel.indicate(what)
    channel.cause = cause
    if channel.state != UP:
        channel.to_state(BUSY)
    await channel.pause(seconds_of(data) if data else None)
    return False


async def _hang_up(channel: Channel, data: str) -> bool:
    channel.cause = int(data) if data.isdecimal() else channel.cause or 16
    return False


async def _set(channel: Channel, data: str) -> bool:
    name, _, value = data.partition("=")
    with contextlib.suppress(NotSet):  # of which Asterisk only warns
        write(channel.exchange, channel, name.strip(), value)
    return True


async def _goto(channel: Channel, data: str) -> bool:
    *place, priority = arguments(data)
    context = place[0] if len(place) == 2 else channel.context
    exten = place[-1] if place else channel.exten
    number = channel.exchange.dialplan.priority(context, exten, priority)
    if number is None:
        return False
    # The dialplan goes on with the step after this place.
    channel.context, channel.exten, channel.priority = context, exten, number - 1
    return True


async def _dial(channel: Channel, data: str) -> bool:
    targets, seconds, options, *_ = [*arguments(data), "", ""]
    limit = seconds_of(seconds) if seconds else 136.0
    status = await dial(channel, targets.split("&"), limit, options)
    return status != "ANSWER"


async def _queue(channel: Channel, data: str) -> bool:
    name, _, _, _, seconds, *_ = [*arguments(data), *[""] * 5]
    queue = channel.exchange.queues.get(name)
    if queue is None:
        channel.set_variable("QUEUESTATUS", "UNKNOWN")
        return True
    return await queue.serve(channel, seconds_of(seconds) if seconds else None)


async def _conference(channel: Channel, data: str) -> bool:
    return await conferences.join(channel, arguments(data)[0])


async def _bridge_wait(channel: Channel, data: str) -> bool:
    return await conferences.wait(channel, arguments(data)[0] or "default")


async def _park(channel: Channel, data: str) -> bool:
    lot = channel.exchange.lots.get(arguments(data)[0] or "default")
    if lot is None:
        return False
    return await lot.park(channel, channel.device, announce=True)


async def _parked_call(channel: Channel, data: str) -> bool:
    name, space, *_ = [*arguments(data), "", ""]
    lot = channel.exchange.lots.get(name or "default")
    if lot is None or not space.isdecimal() or int(space) not in lot.calls:
        return False
    channel.answer()
    bridge = Bridge(channel.exchange)
    bridge.expected.add(channel)
    lot.fetch(int(space), channel).redirect(ToBridge(bridge, goes_on=False))
    try:
        await channel.pause(None, bridge.changed)
        await bridge.stay(channel)
    finally:
        bridge.does_not_come(channel)
    return False


async def _user_event(channel: Channel, data: str) -> bool:
    name, *headers = arguments(data)
    pairs: dict[str, str] = {}
    for header in headers:
        key, _, value = header.partition(":")
        pairs[key.strip()] = value.strip()
    channel.emit("UserEvent", [("UserEvent", name), *pairs.items()], classes="user")
    return True


async def _amd(channel: Channel, data: str) -> bool:
    """Run AMD: a far end that plays a file is a machine, and any other is not sure."""
    given = [*arguments(data), *[""] * 4]
    silence, total = (
        int(given[place]) if given[place].isdecimal() else default
        for place, default in ((0, _INITIAL_SILENCE), (3, _ANALYSIS))
    )
    status, cause = "NOTSURE", f"TOOLONG-{total - 100}"
    heard, far = 0, channel.other
    for _ in range(0, total + 100, _STEP):
        await channel.pause(_STEP / 1000)
        if far is not None and far.application.lower() in ("playback", "background"):
            heard += _STEP
        if heard >= silence:
            status, cause = "MACHINE", f"INITIALSILENCE-{silence}-{silence}"
            break
    channel.set_variable("AMDSTATUS", status)
    channel.set_variable("AMDCAUSE", cause)
    return True


async def _mix_monitor(channel: Channel, data: str) -> bool:
    channel.set_variable("MIXMONITOR_FILENAME", f"/var/spool/asterisk/monitor/{arguments(data)[0]}")
    channel.monitored = True
    channel.emit("MixMonitorStart")
    return True


async def _stop_mix_monitor(channel: Channel, data: str) -> bool:
    if channel.monitored:
        channel.monitored = False
        channel.emit("MixMonitorStop")
    return True


APPLICATIONS: Final[dict[str, Callable[[Channel, str], Awaitable[bool]]]] = {
    "Answer": _answer,
    "Wait": _wait,
    "WaitExten": _wait_for_extension,
    "Echo": _for_ever,
    "MusicOnHold": _music,
    "Playback": _playback,
    "BackGround": _background,
    "NoOp": _no_op,
    "Verbose": _no_op,
    "Log": _no_op,
    "Ringing": _ringing,
    "Progress": _progress,
    "Busy": _busy,
    "Congestion": _congestion,
    "Hangup": _hang_up,
    "Set": _set,
    "Goto": _goto,
    "Gosub": _gosub,
    "Return": _return,
    "Dial": _dial,
    "Queue": _queue,
    "ConfBridge": _conference,
    "BridgeWait": _bridge_wait,
    "Park": _park,
    "ParkedCall": _parked_call,
    "UserEvent": _user_event,
    "MixMonitor": _mix_monitor,
    "StopMixMonitor": _stop_mix_monitor,
    "AGI": agi,
    "AMD": _amd,
    **DIALOGUE,
    **CONTROL,
}
