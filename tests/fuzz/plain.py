"""How a person would read the stream: slowly, line by line. What the library makes of it is compared with this."""

from __future__ import annotations

import re

# Behind a proxy a line with the server's name stands between the marker and the blank line.
_RAW_END = re.compile(rb"--END COMMAND--(?:\r?\nServer: [^\r\n]{0,255})?(?=\r?\n\r?\n)")
_CHANNEL_HEADER = re.compile(r"(ChanVariable\(.*?\)): (.*)", re.DOTALL)
_HEADER = re.compile(r"([^: \t][^:]*): ?(.*)", re.DOTALL)

Header = tuple[str, str]


_OTHERS = re.compile(
    r"(?:20[01]|220|421|5\d\d)[ -]|[245]\d\d[ -].*(?:\bE?SMTP\b|FTP)|SSH-|RFB \d|INFO \{|<\?xml|<stream:|<html|<!DOCTYPE"
    r"|\* (?:OK|PREAUTH|BYE)\b|\+(?:OK|PONG)|-(?:DENIED|NOAUTH|NOPERM|LOADING|ERR)|@RSYNCD:|NOTICE ",
    re.IGNORECASE,
)


def is_greeting(line: bytes) -> bool:
    """Whether a manager interface greets with this line: Asterisk's, a relative's, or a proxy's."""
    if re.match(rb"\xff[\xfb-\xfe]", line):  # a Telnet server negotiates
        return False
    text = line.rstrip(b"\r").decode("utf-8", "replace")
    name = text.partition("/")[0]
    told = re.search(r"\b(?:Call Manager|Manager Proxy|Manager Interface)\b", name, re.IGNORECASE)
    return told is not None and ":" not in name and not _OTHERS.match(text) and not re.search(r"[\x00-\x1f\x7f]", text)


def has_follows(greeting: bytes) -> bool:
    """Whether the server that greets like this may frame the output of commands by itself, as before Asterisk 14."""
    version = re.match(rb"Asterisk Call Manager/(\d+)", greeting)
    return version is None or int(version[1]) < 3


def plain_messages(data: bytes, *, follows: bool = True) -> tuple[list[bytes], int]:
    """The complete messages, as they came, and the position from which on a message is not complete.

    A blank line ends a message that has a line, and means nothing otherwise. A message that begins with the line
    `Response: Follows` ends at its marker, if the server has such ones.
    """
    messages: list[bytes] = []
    start = position = 0  # of the message, and of the line
    while (end := data.find(b"\n", position)) >= 0:
        line = data[position:end].removesuffix(b"\r")
        if follows and position == start and line == b"Response: Follows":
            marker = _RAW_END.search(data, start)
            if marker is None:
                return messages, start
            messages.append(data[start : marker.end()])
            start = position = data.index(b"\n", data.index(b"\n", marker.end()) + 1) + 1
            continue
        if not line and position > start:
            messages.append(data[start : position - 1])
        position = end + 1
        if not line:
            start = position
    return messages, start


def plain_lines(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.split("\n")]


def plain_headers(lines: list[str]) -> tuple[list[Header], list[str]]:
    """The headers, and the lines that are none."""
    headers: list[Header] = []
    unparsed: list[str] = []
    for line in lines:
        found = _CHANNEL_HEADER.fullmatch(line) or _HEADER.fullmatch(line)
        if found is not None:
            headers.append((found[1], found[2]))
        else:
            unparsed.append(line)
    return headers, unparsed


def plain_command(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines that hold the headers of a message, and those of its raw output."""
    if lines[0] != "Response: Follows":
        return lines, []
    count = 1
    while count < min(3, len(lines)) and lines[count].startswith(("Privilege:", "ActionID:")):
        count += 1
    output = lines[count:] or [""]
    if len(output) > 1 and output[-2].endswith("--END COMMAND--") and output[-1].startswith("Server: "):
        output.pop()
    output[-1] = output[-1].removesuffix("--END COMMAND--")
    return lines[:count], output if output[-1] else output[:-1]
