"""The first line of a connection: a manager interface, or another kind of server.

Asterisk greets with `Asterisk Call Manager/` and the version of its AMI. Forks of Asterisk, and
proxies, have another name there, and count their versions in another way. Most other protocols can
be recognised by their first bytes.
"""

from __future__ import annotations

import re
from typing import Final

from .limits import MAX_BANNER

__all__ = ["ASTERISK", "ami_version", "other_server", "product_of", "refused", "version_of"]

ASTERISK: Final = "Asterisk Call Manager"
"""The name in Asterisk's own greeting."""

# These are texts. `re` compiles them when the first server greets, because that takes a tenth of
# the time for importing the library.
_AMI: Final = (
    r"(?i)(?P<product>[^/:\x00-\x1f\x7f]*\b(?:Call Manager|Manager Proxy|Manager Interface)"
    r"\b[^/:\x00-\x1f\x7f]*)(?:/(?P<version>[^\x00-\x1f\x7f]*))?"
)
_NUMBER: Final = "[0-9]{1,9}"

# Protocols known by their first bytes, even without a line end. Those known by fewer bytes come
# first, because more may not have been read.
_BINARY: Final = (
    (rb"\xff[\xfb-\xfe]", "a Telnet server"),
    (rb"[\x14-\x17]\x03[\x00-\x04]", "a TLS server"),
    (rb"[ENR]\x00\x00", "a PostgreSQL server"),
    (rb"[^\n]{3}\x00[\x0a\xff]", "a MySQL server"),
    (rb"AMQP[\x00-\x03]", "an AMQP server"),
    (rb"\x00\x00[^\n]\x04\x00\x00\x00\x00\x00", "an HTTP/2 server"),
)
# Protocols known by their first line.
_LINES: Final = (
    (rb"HTTP/[0-9]|<!DOCTYPE|<html", "an HTTP server"),
    (rb"SSH-", "an SSH server"),
    (rb"SIP/[0-9]", "a SIP server"),
    (rb"RTSP/[0-9]", "an RTSP server"),
    (rb"[245][0-9][0-9][ -].*\bE?SMTP\b", "an SMTP server"),
    (rb"[245][0-9][0-9][ -].*FTP", "an FTP server"),
    (rb"20[01][ -]", "an NNTP server"),
    (rb"(?:220|421|5[0-9][0-9])[ -]", "an SMTP or FTP server"),
    (rb"\* (?:OK|PREAUTH|BYE)\b", "an IMAP server"),
    (
        rb"\+PONG|-(?:DENIED|NOAUTH|NOPERM|LOADING|ERR (?:unknown|Protocol|max))",
        "a Redis server",
    ),
    (rb"\+OK|-ERR", "a POP3 server"),
    (rb"RFB [0-9]", "a VNC server"),
    (rb"INFO \{", "a NATS server"),
    (rb"Content-Type: (?:auth/request|text/rude)", "a FreeSWITCH event socket"),
    (rb"<\?xml|<stream:", "an XMPP server"),
    (rb":\S+ (?:NOTICE|[0-9]{3}) |NOTICE |ERROR :", "an IRC server"),
    (rb"@RSYNCD:", "an rsync server"),
)
_CONTROL: Final = rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_ENOUGH: Final = 9  # bytes; more of them do not help to recognise a binary protocol


def product_of(line: str) -> str | None:
    """Return the name in a manager interface's greeting; `None` if the line is no greeting."""
    found = None if _other_line(line.encode("utf-8", "replace")) else re.fullmatch(_AMI, line)
    return None if found is None else found["product"].strip()


def version_of(line: str) -> str:
    """Return the version in a greeting, the text after the name; empty if there is none.

    For Asterisk this is the version of its AMI; a fork or a proxy has its own versions.
    """
    found = re.fullmatch(_AMI, line)
    return "" if found is None else (found["version"] or "").strip()


def ami_version(line: str) -> int | None:
    """Return the first number of the version of AMI; `None` if the greeting does not show it.

    Only Asterisk's own greeting shows it: others count in other ways.
    """
    number = re.match(_NUMBER, version_of(line)) if product_of(line) == ASTERISK else None
    return None if number is None else int(number[0])


def other_server(data: bytes) -> str:
    """Return the kind of a server that is no manager interface, from the first bytes that it sent.

    Returns:
        A text such as `an SSH server`; empty if it may be a manager interface, or is unknown.
    """
    found = refused(data)
    return "" if found is None else found[0]


def refused(data: bytes) -> tuple[str, bytes] | None:
    """Return the kind of a server that is no manager interface, and the bytes that show it.

    The kind is empty if it is unknown. The result is `None` if `data` is the greeting of a manager
    interface, or may become one. The result does not depend on further bytes.
    """
    for pattern, kind in _BINARY:
        if found := re.match(pattern, data):
            return kind, found[0]
    line, end, _ = data[:MAX_BANNER].partition(b"\n")
    line = line.rstrip(b"\r") if end else line
    control = re.search(_CONTROL, line)
    if control is not None and (end or len(data) >= _ENOUGH):
        return "", line[: max(control.end(), _ENOUGH)].rstrip(b"\r")
    if not (end or len(data) >= MAX_BANNER):
        return None
    kind = _other_line(line)
    if not kind and end and re.fullmatch(_AMI, line.decode("utf-8", "replace")):
        return None
    return kind, line


def _other_line(line: bytes) -> str:
    return next((kind for pattern, kind in _LINES if re.match(pattern, line, re.IGNORECASE)), "")
