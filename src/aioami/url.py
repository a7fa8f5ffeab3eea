"""Servers as URLs: `ami://user:secret@host:5038?timeout=3`, or `amis://` for TLS."""

from __future__ import annotations

import contextlib
import ssl as tls
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ._near import nearest
from .wire.text import UTF8

__all__ = ["PORT", "TLS_PORT", "ServerUrl", "read_url"]

PORT: Final = 5038
TLS_PORT: Final = 5039

_SHAPE: Final = "url: expected ami://user:secret@host:port or amis://user:secret@host:port"
_TEXTS: Final = ("server_hostname", "event_mask", "encoding", "errors")
_FLAGS: Final = ("reconnect", "retry_connect", "plaintext_login", "read_only")
_NUMBERS: Final[dict[str, type[float] | type[int]]] = {
    "timeout": float,
    "keepalive": float,
    "max_frame_size": int,
    "max_list_items": int,
    "max_bytes_before_login": int,
}


@dataclass(frozen=True)
class ServerUrl:
    """A server, a user and options, as a URL names them. Its repr shows no secret.

    Attributes:
        text: the whole URL.
        host: the name or address of the server.
        port: its port; `None` if the URL names none.
        is_secure: true for TLS.
        cafile: the file with the certificates to trust; `None` for those of the system.
        username: the user; `None` if the URL names none.
        secret: the user's secret; `None` if the URL holds none.
        options: the other arguments of `Manager` in the URL.
    """

    text: str = field(repr=False)
    host: str
    port: int | None
    is_secure: bool
    cafile: str | None
    username: str | None
    secret: str | None = field(repr=False)
    options: Mapping[str, Any]

    @property
    def display_name(self) -> str:
        """The user and the server for display, without the secret."""
        netloc = self.text.partition("://")[2].partition("/")[0].partition("?")[0]
        user, at, server = netloc.rpartition("@")
        return f"{user.partition(':')[0]}{at}{server}"

    def with_secret(self, secret: str) -> ServerUrl:
        """Return the same URL with another secret.

        Raises:
            ValueError: it has half of a surrogate pair.
        """
        from urllib.parse import quote, urlsplit, urlunsplit

        scheme, netloc, *rest = urlsplit(self.text)
        # Split at the last @, as urllib does: a name may contain one that is not encoded.
        user, _, server = netloc.rpartition("@")
        netloc = (
            f"{user.partition(':')[0]}:{quote(UTF8.encode('secret', secret), safe='')}@{server}"
        )
        return read_url(urlunsplit((scheme, netloc, *rest)))

    def context(self) -> tls.SSLContext | None:
        """The TLS settings; `None` without TLS.

        Raises:
            OSError: `cafile` cannot be read, or has no certificates.
        """
        if not self.is_secure:
            return None
        try:
            return tls.create_default_context(cafile=self.cafile)
        except tls.SSLError as error:
            raise tls.SSLError(f"cafile: {self.cafile} holds no certificates") from error
        except OSError as error:  # this error does not name the file
            raise OSError(error.errno, f"cafile: {error.strerror}", self.cafile) from error

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments for `Manager`.

        Raises:
            OSError: `cafile` cannot be read, or has no certificates.
        """
        return {
            "host": self.host,
            "port": self.port,
            "username": self.username,
            "secret": self.secret,
            "ssl": self.is_secure if self.cafile is None else self.context(),
            **self.options,
        }


def read_url(url: str) -> ServerUrl:
    """Read a server's URL.

    Args:
        url: as `Manager.from_url` describes it.

    Raises:
        ValueError: the URL is malformed, or has an unknown or wrong option. The message never shows
            the secret.
        TypeError: `url` is no text.
    """
    from urllib.parse import parse_qsl, urlsplit

    if not isinstance(url, str):
        raise TypeError(f"url: expected text, not {type(url).__name__}")
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in url):  # urllib drops some of them
        raise ValueError("url: it has a line break, a tab or another control character")
    UTF8.encode("url", url)
    parts = port = None
    with contextlib.suppress(ValueError):  # the message of urllib's error may show the secret
        split = urlsplit(url)
        port = split.port
        parts = split
    if parts is None:
        raise ValueError(f"{_SHAPE}, with a port from 1 to 65535{_encoding(url)}")
    known = parts.scheme in ("ami", "amis")
    if not known or not parts.hostname or parts.path.strip("/") or parts.fragment:
        raise ValueError(f"{_SHAPE}{_encoding(url)}")
    if "@" in parts.query:  # the secret may have a question mark that is not encoded
        raise ValueError(f"{_SHAPE}{_encoding(url)}")
    is_secure, cafile = parts.scheme == "amis", None
    options: dict[str, Any] = {}
    seen: set[str] = set()
    for name, quoted in parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape"):
        value = UTF8.decode(UTF8.encode(name, quoted))
        if name in seen and name != "event_filter":
            raise ValueError(f"url: {name} is given twice")
        seen.add(name)
        if name == "cafile" and is_secure:
            cafile = value
        elif name == "event_filter":
            options.setdefault("event_filters", []).append(value)
        elif name in _TEXTS:
            options[name] = value
        elif name in _NUMBERS:
            options[name] = None if value.lower() == "none" else _number(name, value)
        elif name in _FLAGS:
            options[name] = _flag(name, value)
        else:
            possible = ("event_filter", *_TEXTS, *_NUMBERS, *_FLAGS, *(["cafile"] * is_secure))
            meant = nearest(name, possible)
            hint = f"; is {meant} meant?" if meant else ""
            hint = "; it goes with amis://" if name == "cafile" else hint
            raise ValueError(f"url: {name!r} is no option of {parts.scheme}://{hint}")
    return ServerUrl(
        text=url,
        host=parts.hostname,
        port=port,
        is_secure=is_secure,
        cafile=cafile,
        username=_unquoted(parts.username),
        secret=_unquoted(parts.password),
        options=options,
    )


def _unquoted(text: str | None) -> str | None:
    """Text without percent-encoding, which keeps bytes that are no UTF-8: they are sent."""
    from urllib.parse import unquote_to_bytes

    return None if text is None else UTF8.decode(unquote_to_bytes(UTF8.encode("url", text)))


def _encoding(url: str) -> str:
    """A hint, if the user or the secret has a character that must be encoded; empty if not."""
    user, at, _ = url.partition("://")[2].rpartition("@")
    if not at or not any(sign in user for sign in "/?#[]"):
        return ""
    return (
        "; in a user and a secret, signs that stand for themselves are percent-encoded: "
        "%2F for /, %3F for ?, %23 for #, %5B for [, %5D for ], %40 for @"
    )


def _number(name: str, value: str) -> float | int:
    try:
        if value.isascii() and "_" not in value:
            return _NUMBERS[name](value)
    except ValueError:
        pass
    raise ValueError(f"url: {name} is a number or 'none', not {value!r}")


def _flag(name: str, value: str) -> bool:
    if value.lower() not in ("yes", "no"):
        raise ValueError(f"url: {name} is 'yes' or 'no', not {value!r}")
    return value.lower() == "yes"
