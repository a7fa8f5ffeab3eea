"""Encoding of actions: headers in, bytes out. Headers that Asterisk would cut, drop or misread are
refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from .limits import MAX_LINE, MAX_LINES
from .text import UTF8, Encoding, shown

__all__ = ["encode", "encode_header", "encode_message"]

_FORBIDDEN = (("\r", "CR"), ("\n", "LF"), ("\0", "NUL"))


def encode_header(name: str, value: str, encoding: Encoding = UTF8) -> bytes:
    """Encode one line of an action, without its line end.

    Leading blanks of a value are sent, but Asterisk drops them.

    Args:
        name, value: the header.
        encoding: the encoding of the bytes.

    Raises:
        ValueError: the name or the value has a CR, LF or NUL, or a character that the encoding
            lacks; the name is empty, or has a colon or outer blanks; the line is over 1022 bytes.
            The message names the header, never a value.
    """
    if not name:
        raise ValueError("a header name is empty")
    if ":" in name or name != name.strip():
        raise ValueError(f"{_shown(name)}: a header name may have no colon and no blanks around it")
    for character, label in () if name.isprintable() and value.isprintable() else _FORBIDDEN:
        if character in name:
            raise ValueError(f"{_shown(name)}: a header name may not contain {label}")
        if character in value:
            raise ValueError(
                f"{name if name.isprintable() else _shown(name)}: the value may not contain {label}"
            )
    line = encoding.encode(name, f"{name}: {value}")
    if len(line) > MAX_LINE:
        raise ValueError(
            f"{_shown(name)}: the line has {len(line)} bytes, "
            f"and Asterisk takes at most {MAX_LINE} in one line"
        )
    return line


def encode_message(lines: Iterable[bytes]) -> bytes:
    """Join encoded lines into a whole message.

    Raises:
        ValueError: more than 128 lines.
    """
    lines = list(lines)
    if len(lines) > MAX_LINES:
        raise ValueError(
            f"the action has {len(lines)} lines, "
            f"and Asterisk takes at most {MAX_LINES} in one action"
        )
    return b"\r\n".join([*lines, b"", b""])


def encode(headers: Iterable[tuple[str, str]]) -> bytes:
    """Encode a message from its headers, in their order.

    Raises:
        ValueError: `encode_header` refuses a header, or there are more than 128 lines.
    """
    return encode_message(encode_header(name, value) for name, value in headers)


def _shown(name: str) -> str:
    name = shown(name)
    return repr(name if len(name) <= 40 else name[:40] + "...")
