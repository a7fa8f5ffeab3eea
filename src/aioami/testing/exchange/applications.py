"""Dialplan applications. Each returns true if the dialplan goes on behind it."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from . import conferences
from .calls import dial
from .channels import BUSY, UP, Bridge, Channel, Gone, Redirected, ToBridge
from .dialplan import NotSet, arguments, read, substitute, write

__all__ = ["APPLICATIONS"]

_LONGEST: Final = 1e9  # seconds that anything may take
_UNKNOWN: Final = "Unknown Result"  # the word for what an application returned, if it is not 0
_READ: Final = 1024  # bytes that AsyncAGI reads of an answer
# Seconds for which Answer waits for a first sound; a Local channel never makes one.
_FIRST_MEDIA: Final = 0.5


async def _answer(channel: Channel, data: str) -> bool:
    if channel.state != UP:
        channel.answer()
        if channel.other is not None:
            await channel.pause(_FIRST_MEDIA)
    return True


async def _wait(channel: Channel, data: str) -> bool:
    await channel.pause(_seconds(data))
    return True


async def _for_ever(channel: Channel, data: str) -> bool:
    if channel.state != UP:
        channel.answer()
    await channel.pause()
    return True


async def _playback(channel: Channel, data: str) -> bool:
    """Play for a second per file, without a sound."""
    if channel.state != UP:
        channel.answer()
    await channel.pause(float(len(arguments(data)[0].split("&"))))
    channel.set_variable("PLAYBACKSTATUS", "SUCCESS")
    return True


async def _nothing(channel: Channel, data: str) -> bool:
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
    await channel.pause(_seconds(data) if data else None)
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
    # The dialplan goes on with the step behind this one.
    channel.context, channel.exten, channel.priority = context, exten, number - 1
    return True


async def _dial(channel: Channel, data: str) -> bool:
    targets, seconds, *_ = [*arguments(data), "", ""]
    status = await dial(channel, targets.split("&"), _seconds(seconds) if seconds else 136.0)
    return status != "ANSWER"


async def _queue(channel: Channel, data: str) -> bool:
    name, _, _, _, seconds, *_ = [*arguments(data), *[""] * 5]
    queue = channel.exchange.queues.get(name)
    if queue is None:
        return False
    return await queue.serve(channel, _seconds(seconds) if seconds else None)


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


async def _read(channel: Channel, data: str) -> bool:
    """Read no digits, as no key is pressed."""
    name, _, _, _, _, seconds, *_ = [*arguments(data), *[""] * 6]
    if channel.state != UP:
        channel.answer()
    await channel.pause(_seconds(seconds) if seconds else 10.0)
    channel.set_variable("READSTATUS", "TIMEOUT")
    channel.set_variable(name, "")
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


async def _agi(channel: Channel, data: str) -> bool:
    """Run AsyncAGI; other AGI programs fail."""
    if not data.startswith("agi:async"):
        channel.set_variable("AGISTATUS", "FAILURE")
        return True
    environment = {
        "agi_request": "async",
        "agi_channel": channel.name,
        "agi_language": channel.language,
        "agi_type": channel.technology,
        "agi_uniqueid": channel.uniqueid,
        "agi_version": channel.exchange.release,
        "agi_callerid": channel.caller.number or "unknown",
        "agi_calleridname": channel.caller.name or "unknown",
        "agi_callingpres": "0" if channel.caller.number else "67",
        "agi_callingani2": "0",
        "agi_callington": "0",
        "agi_callingtns": "0",
        "agi_dnid": "unknown",
        "agi_rdnis": "unknown",
        "agi_context": channel.context,
        "agi_extension": channel.exten,
        "agi_priority": str(channel.priority),
        "agi_enhanced": "0.0",
        "agi_accountcode": channel.account,
        "agi_threadid": "1",
    }
    for number, argument in enumerate(arguments(data)[1:], 1):
        environment[f"agi_arg_{number}"] = argument
    text = "".join(f"{name}: {value}\n" for name, value in environment.items()) + "\n"
    data_sent = text.encode("utf-8", "surrogateescape")
    channel.agi_rest = data_sent[_READ:]
    channel.emit("AsyncAGIStart", [("Env", _percent(data_sent[:_READ]))], classes="agi")
    channel.agi = channel.agi or deque()
    try:
        await _agi_commands(channel, channel.agi)
    except (Gone, Redirected):
        if not channel.slips_away:  # else the channel is in a bridge, and nothing tells of AsyncAGI
            _end_agi(channel, "HANGUP")
        raise
    _end_agi(channel, "SUCCESS")
    return True


def _end_agi(channel: Channel, status: str) -> None:
    channel.emit("AsyncAGIEnd", classes="agi")
    channel.set_variable("AGISTATUS", status)


async def _agi_commands(channel: Channel, queue: deque[tuple[str, str]]) -> None:
    """Run what is queued, until one command ends AsyncAGI."""
    while True:
        channel.agi_called.clear()
        while queue:
            command, command_id = queue.popleft()
            if await _agi_command(channel, command, command_id):
                return
        await channel.pause(None, channel.agi_called)


async def _agi_command(channel: Channel, command: str, command_id: str) -> bool:
    """Run one command, and return true if it was the last."""
    number = str(channel.exchange.random.randrange(1 << 31))
    head = [("CommandId", number), ("Command", command)]
    channel.emit("AGIExecStart", head, classes="agi")

    def tell(code: int, shown: str, result: str) -> None:
        outcome = [("ResultCode", str(code)), ("Result", shown)]
        channel.emit("AGIExecEnd", [*head, *outcome], classes="agi")
        own = [("CommandId", command_id)] if command_id else []
        # What one read does not take comes before the next answer.
        data = channel.agi_rest + f"{result}\n".encode("utf-8", "surrogateescape")
        channel.agi_rest = data[_READ:]
        shown = _percent(data[:_READ])
        channel.emit("AsyncAGIExec", [("Result", shown), *own], classes="agi")

    words = _agi_words(command)
    try:
        tell(*await _agi_result(channel, words))
    except (Gone, Redirected):
        if not channel.slips_away:
            # What EXEC returns is a result like any other.
            is_exec = words[0].upper() == "EXEC"
            tell(200 if is_exec else -1, _UNKNOWN if is_exec else "Failure", "200 result=-1")
        raise
    return words[0].upper() == "ASYNCAGI"


def _agi_words(command: str) -> list[str]:
    """Return the words of a command: blanks separate them, quotes and backslashes hold them together."""
    words, word, is_word, quoted, escaped = [], "", False, False, False
    for character in command:
        if escaped or (quoted and character not in '"\\') or character not in ' \t"\\':
            word, is_word, escaped = word + character, True, False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted, is_word = not quoted, True
        elif is_word:
            words.append(word)
            word, is_word = "", False
    return [*words, word] if is_word or not words else words


async def _agi_result(channel: Channel, words: list[str]) -> tuple[int, str, str]:
    name, rest = " ".join(words[:2]).upper(), words[2:]
    value = 0
    if name == "ANSWER":
        channel.answer()
    elif name == "SET VARIABLE" and len(rest) == 2:
        write(channel.exchange, channel, rest[0], rest[1])
        value = 1
    elif name == "GET VARIABLE" and len(rest) == 1:
        with contextlib.suppress(NotSet):
            if (found := read(channel.exchange, channel, rest[0])) or "(" in rest[0]:
                return 200, "Success", f"200 result=1 ({found})"
    elif name == "GET FULL" and len(rest) == 2 and rest[0].upper() == "VARIABLE":
        return 200, "Success", f"200 result=1 ({substitute(channel.exchange, channel, rest[1])})"
    elif name == "CHANNEL STATUS" and not rest:
        value = channel.state
    elif words[0].upper() == "EXEC" and 2 <= len(words) <= 3:
        if not channel.exchange.has_application(words[1]):
            return 200, _UNKNOWN, "200 result=-2"
        if not await channel.exchange.execute(channel, words[1], "".join(words[2:])):
            return 200, _UNKNOWN, "200 result=-1"
    elif words[0].upper() == "HANGUP" and len(words) == 1:
        channel.soft_hangup()
        value = 1
    elif name == "WAIT FOR" and len(rest) == 2 and rest[0].upper() == "DIGIT":
        seconds = _seconds(rest[1])
        await channel.pause(None if rest[1] == "-1" else seconds / 1000)
    elif name in ("SET VARIABLE", "GET VARIABLE", "GET FULL") or words[0].upper() == "EXEC":
        head = "520-Invalid command syntax.  Proper usage follows:"
        return 520, "Usage", f"{head}\nUsage: {name}\n520 End of proper usage."
    elif name != "ASYNCAGI BREAK" and words[0].upper() not in ("NOOP", "VERBOSE"):
        return 510, "Invalid or unknown command", "510 Invalid or unknown command"
    return 200, "Success", f"200 result={value}"


def _percent(data: bytes) -> str:
    return quote(data, safe="-_.!~*'()")


def _seconds(text: str) -> float:
    try:
        return min(max(0.0, float(text)), _LONGEST)
    except ValueError:
        return 0.0


APPLICATIONS: Final[dict[str, Callable[[Channel, str], Awaitable[bool]]]] = {
    "Answer": _answer,
    "Wait": _wait,
    "WaitExten": _wait,
    "Echo": _for_ever,
    "MusicOnHold": _for_ever,
    "Playback": _playback,
    "BackGround": _playback,
    "NoOp": _nothing,
    "Verbose": _nothing,
    "Log": _nothing,
    "Ringing": _ringing,
    "Progress": _progress,
    "Busy": _busy,
    "Congestion": _congestion,
    "Hangup": _hang_up,
    "Set": _set,
    "Goto": _goto,
    "Dial": _dial,
    "Queue": _queue,
    "ConfBridge": _conference,
    "BridgeWait": _bridge_wait,
    "Park": _park,
    "ParkedCall": _parked_call,
    "UserEvent": _user_event,
    "Read": _read,
    "MixMonitor": _mix_monitor,
    "StopMixMonitor": _stop_mix_monitor,
    "AGI": _agi,
}
