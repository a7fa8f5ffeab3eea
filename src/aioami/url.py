"""Servers as URLs: `ami://user:secret@host:5038?timeout=3`, or `amis://` for TLS."""

from __future__ import annotations

import contextlib
import ssl as tls
from typing import Any, Final

__all__ = ["PORT", "TLS_PORT", "read_url"]

PORT: Final = 5038
TLS_PORT: Final = 5039

_SHAPE: Final = "url: expected ami://user:secret@host:port or amis://user:secret@host:port"
_TEXTS: Final = ("server_hostname", "event_mask")
_FLAGS: Final = ("reconnect", "retry_connect", "plaintext_login", "read_only")
_NUMBERS: Final[dict[str, type[float] | type[int]]] = {
    "timeout": float,
    "keepalive": float,
    "max_frame_size": int,
    "max_list_items": int,
    "max_bytes_before_login": int,
}


def read_url(url: str) -> dict[str, Any]:
    """Read a URL into keyword arguments of `Manager`.

    Args:
        url: as `Manager.from_url` describes it.

    Returns:
        `host`, `port` (`None` if the URL has none), `username`, `secret`, `ssl` (`False`, `True`,
            or a context with the
        certificates of `cafile`), and each option that the URL has.

    Raises:
        ValueError: the URL cannot be read, or has an option that does not exist; never shows the
            secret.
        TypeError: it is no text.
        OSError: `cafile` cannot be read.
    """
    from urllib.parse import parse_qsl, unquote, urlsplit

    if not isinstance(url, str):
        raise TypeError(f"url: expected text, not {type(url).__name__}")
    parts = port = None
    with contextlib.suppress(ValueError):  # what urllib says of a part may hold the secret
        split = urlsplit(url)
        port = split.port
        parts = split
    if parts is None:
        raise ValueError(f"{_SHAPE}, with a port from 1 to 65535")
    known = parts.scheme in ("ami", "amis")
    if not known or not parts.hostname or parts.path.strip("/") or parts.fragment:
        raise ValueError(_SHAPE)
    if "@" in parts.query:  # the secret may have a question mark in it that is not encoded
        encoded = "what stands for itself there is percent-encoded, %3F for ? and %40 for @"
        raise ValueError(f"{_SHAPE}; {encoded}")
    secure: bool | tls.SSLContext = parts.scheme == "amis"
    options: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == "cafile" and secure:
            secure = tls.create_default_context(cafile=value)
        elif name == "event_filter":
            options.setdefault("event_filters", []).append(value)
        elif name in _TEXTS:
            options[name] = value
        elif name in _NUMBERS:
            options[name] = None if value.lower() == "none" else _number(name, value)
        elif name in _FLAGS:
            options[name] = _flag(name, value)
        else:
            raise ValueError(f"url: {name!r} is no option of {parts.scheme}://")
    return {
        "host": parts.hostname,
        "port": port,
        "username": None if parts.username is None else unquote(parts.username),
        "secret": None if parts.password is None else unquote(parts.password),
        "ssl": secure,
        **options,
    }


def _number(name: str, value: str) -> float | int:
    try:
        return _NUMBERS[name](value)
    except ValueError:
        raise ValueError(f"url: {name} is a number or 'none', not {value!r}") from None


def _flag(name: str, value: str) -> bool:
    if value.lower() not in ("yes", "no"):
        raise ValueError(f"url: {name} is 'yes' or 'no', not {value!r}")
    return value.lower() == "yes"
