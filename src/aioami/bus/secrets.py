"""Removal of secrets from all that a relay puts on the bus, as from recordings."""

from __future__ import annotations

from collections.abc import Iterable

from ..events.base import Event
from ..wire.redaction import is_harmless, redact, redact_repeated
from ..wire.text import bytes_of

__all__ = ["bytes_without_secrets", "hide_repeated", "hide_secrets"]

_BLANK = "\r\n\r\n"


def bytes_without_secrets(event: Event) -> bytes:
    """Return the bytes of an event, in which secrets are replaced by `***`."""
    text = event.text
    data = bytes_of(text)
    return data if is_harmless(text) else hide_secrets(data)


def hide_secrets(data: bytes) -> bytes:
    """Return messages as on the wire, in which secrets are replaced by `***`.

    All else is as it was, byte for byte.

    Args:
        data: one or several messages.
    """
    text = data.decode("utf-8", "surrogateescape")
    if is_harmless(text):
        return data
    shown = _BLANK.join(redact(message) for message in text.split(_BLANK))
    return shown.encode("utf-8", "surrogateescape")


def hide_repeated(data: bytes, secrets: Iterable[bytes]) -> bytes:
    """Return a response as on the wire, in which secrets that the server repeats are `***`.

    Args:
        data: the response.
        secrets: the secrets.
    """
    text = data.decode("utf-8", "surrogateescape")
    words = (each.decode("utf-8", "surrogateescape") for each in secrets)
    return redact_repeated(text, words).encode("utf-8", "surrogateescape")
