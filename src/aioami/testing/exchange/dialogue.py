"""Applications that speak to the caller, read the caller's keys, and record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from .channels import UP, Channel, Gone, Redirected
from .dialplan import arguments, seconds_of
from .keys import NO_DIGITS, STOP, listen

__all__ = ["DIALOGUE"]

_FILE: Final = 1.0  # seconds that a file takes, and each spoken number
_BEEP: Final = 0.44
_DIGIT: Final = 10.0  # seconds that a caller has for a digit by default
_MOST_DIGITS: Final = 255
_FORMATS: Final = frozenset({"alaw", "g722", "gsm", "sln", "ulaw", "wav", "WAV"})
_TONES: Final = frozenset(
    {"busy", "callwaiting", "congestion", "dial", "dialrecall", "info", "ring"}
)


def _padded(data: str, count: int) -> list[str]:
    given = arguments(data)
    return [*given, *[""] * (count - len(given))]


def _pick_up(channel: Channel) -> None:
    if channel.state != UP:
        channel.answer()


async def _say(channel: Channel, data: str) -> bool:
    text = arguments(data)[0]
    if text:
        channel.plays(text)
        await channel.pause(_FILE)
    return True


async def _say_number(channel: Channel, data: str) -> bool:
    text = arguments(data)[0]
    if not text:
        return False
    if text.removeprefix("-").isdecimal():  # for any other text Asterisk only logs a warning
        await _say(channel, text)
    return True


async def _control_playback(channel: Channel, data: str) -> bool:
    if not channel.plays(arguments(data)[0]):
        channel.set_variable("CPLAYBACKSTATUS", "ERROR")
        return True
    key = await listen(channel, _FILE, "", stops=frozenset({STOP}))
    channel.set_variable("CPLAYBACKSTATUS", "REMOTESTOPPED" if key else "SUCCESS")
    return True


async def _read(channel: Channel, data: str) -> bool:
    """Read digits, up to a maximum number or to `#`."""
    name, files, most, options, attempts, wait, *_ = _padded(data, 6)
    if not name:
        channel.set_variable("READSTATUS", "ERROR")
        return True
    if "n" not in options:
        _pick_up(channel)
    limit = int(most) if most.isdecimal() and int(most) else _MOST_DIGITS
    seconds = seconds_of(wait) or _DIGIT
    digits, status = "", "TIMEOUT"
    try:
        for _ in range(int(attempts) if attempts.isdecimal() and int(attempts) else 1):
            digits, status = await _digits(channel, files, limit, seconds)
            if digits or status == "ERROR":
                break
    except (Gone, Redirected):
        channel.set_variable("READSTATUS", "HANGUP")
        raise
    channel.set_variable(name, digits)
    channel.set_variable("READSTATUS", status)
    return True


async def _digits(channel: Channel, files: str, limit: int, seconds: float) -> tuple[str, str]:
    """Play files, and return the digits that were pressed, and the reason for the end."""
    key = ""
    for file in filter(None, files.split("&")):
        if not channel.plays(file):
            return "", "ERROR"
        key = await listen(channel, _BEEP if file == "beep" else _FILE)
        if key:
            break
    digits = ""
    while True:
        if not key or key in NO_DIGITS:
            key = await listen(channel, seconds)
        if not key or key in NO_DIGITS:
            return digits, "TIMEOUT"
        if key == "#":
            return digits, "OK"
        digits, key = digits + key, ""
        if len(digits) == limit:
            return digits, "OK"


async def _wait_for_digit(channel: Channel, data: str) -> bool:
    wait, wanted, *_ = _padded(data, 2)
    key = await listen(channel, seconds_of(wait) or None, wanted or None)
    channel.set_variable("WAITDIGITSTATUS", "DTMF" if key else "TIMEOUT")
    channel.set_variable("WAITDIGITRESULT", key)
    return True


async def _record(channel: Channel, data: str) -> bool:
    """Record silence, as nobody speaks here."""
    file, silence, most, options, *_ = _padded(data, 4)
    name, dot, form = file.rpartition(".")
    if not dot:
        channel.set_variable("RECORD_STATUS", "ERROR")
        return False
    if channel.state != UP and "s" in options:
        channel.set_variable("RECORD_STATUS", "SKIP")
        return True
    if "n" not in options:
        _pick_up(channel)
    channel.set_variable("RECORDED_FILE", name)
    if "q" not in options:
        channel.plays("beep")
        await channel.pause(_BEEP)
    if form not in _FORMATS or channel.exchange.is_missing(name):
        channel.set_variable("RECORD_STATUS", "ERROR")
        return True
    ends = {"TIMEOUT": seconds_of(most), "SILENCE": seconds_of(silence)}
    found = {status: seconds for status, seconds in ends.items() if seconds}
    status = min(found, key=lambda each: found[each], default="")
    wanted = "" if "x" in options else "*" if "t" in options else "#"
    if "y" in options:
        wanted = "0123456789*#"
    operator = "0" if "o" in options else ""
    try:
        key = await listen(channel, found.get(status), wanted + operator)
    except (Gone, Redirected):
        channel.set_variable("RECORD_STATUS", "HANGUP")
        raise
    if key:
        status = "OPERATOR" if key in operator else "DTMF"
    channel.set_variable("RECORD_STATUS", status)
    return True


async def _voicemail(channel: Channel, data: str) -> bool:
    """Let the caller leave a message, which `#` or a hang-up ends."""
    boxes, options, *_ = _padded(data, 2)
    box, _, context = boxes.partition("&")[0].partition("@")
    mailbox = channel.exchange.mailboxes.get(f"{box}@{context or 'default'}")
    _pick_up(channel)
    if mailbox is None:
        channel.set_variable("VMSTATUS", "FAILED")
        return True
    if "s" not in options:
        channel.plays("vm-intro")
        await listen(channel, _FILE, "#")
    channel.plays("beep")
    await channel.pause(_BEEP)
    try:
        await listen(channel, None, "#")
    finally:
        mailbox.leave()
        channel.set_variable("VMSTATUS", "SUCCESS")
    return True


async def _mailbox_exists(channel: Channel, data: str) -> bool:
    box, _, context = arguments(data)[0].partition("@")
    there = f"{box}@{context or 'default'}" in channel.exchange.mailboxes
    channel.set_variable("VMBOXEXISTSSTATUS", "SUCCESS" if there else "FAILED")
    return True


async def _send_digits(channel: Channel, data: str) -> bool:
    await channel.pause(0.35 * len(arguments(data)[0]))
    return True


async def _send_text(channel: Channel, data: str) -> bool:
    channel.set_variable("SENDTEXTSTATUS", "SUCCESS")
    return True


async def _play_tones(channel: Channel, data: str) -> bool:
    return data in _TONES or data[:1] in ("!", "1", "2", "3", "4", "5", "6", "7", "8", "9")


async def _start_music(channel: Channel, data: str) -> bool:
    channel.emit("MusicOnHoldStart", [("Class", data or "default")])
    return True


async def _stop_music(channel: Channel, data: str) -> bool:
    channel.emit("MusicOnHoldStop")
    return True


DIALOGUE: Final[dict[str, Callable[[Channel, str], Awaitable[bool]]]] = {
    "ControlPlayback": _control_playback,
    "MailboxExists": _mailbox_exists,
    "PlayTones": _play_tones,
    "Read": _read,
    "Record": _record,
    "SayAlpha": _say,
    "SayDigits": _say,
    "SayNumber": _say_number,
    "SayPhonetic": _say,
    "SayUnixTime": _say,
    "SendDTMF": _send_digits,
    "SendText": _send_text,
    "StartMusicOnHold": _start_music,
    "StopMusicOnHold": _stop_music,
    "VoiceMail": _voicemail,
    "WaitDigit": _wait_for_digit,
}
