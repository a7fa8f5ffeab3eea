"""Messages of a fake server: their bytes, and events on their way to a client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Union

from ..wire.text import DEFAULT_ENCODING, DEFAULT_ERRORS, Encoding, from_bytes

__all__ = ["Charset", "QueuedEvent", "Value", "escaped"]

Value = Union[str, bytes]
"""The value of a header; bytes are sent as they are."""

_ESCAPES: Final = str.maketrans(
    {
        **{character: f"\\{character}" for character in "\\'\"?"},
        **dict(zip("\a\b\f\n\r\t\v", (f"\\{letter}" for letter in "abfnrtv"), strict=True)),
    }
)


# Within the server, a byte that is no text is a private character. Unlike half of a surrogate pair,
# that can be printed.
_PRIVATE: Final = {0xDC00 + byte: 0xF700 + byte for byte in range(128, 256)}
_ODD: Final = {private: half for half, private in _PRIVATE.items()}


class QueuedEvent(NamedTuple):
    """An event that a client has not been sent yet.

    Attributes:
        classes: the event classes that a client must have in its mask.
        name: the event's name.
        text: its bytes.
    """

    classes: frozenset[str]
    name: str
    text: bytes


class Charset:
    """Conversion between bytes, a fake server's own texts, which keep every byte, and tests' texts.

    Args:
        encoding, errors: as for `aioami.Manager`, for the texts that a test sees.

    Raises:
        ValueError: the encoding is unknown, or `errors` is another word.

    Attributes:
        encoding: turns bytes into text that a test sees.
    """

    def __init__(self, encoding: str = DEFAULT_ENCODING, errors: str = DEFAULT_ERRORS) -> None:
        self.encoding = Encoding(encoding, errors)
        # A server repeats the same bytes that it was given.
        self._within = Encoding(encoding, "surrogateescape")

    def decode(self, data: bytes) -> str:
        """Return bytes as text, for use within the server."""
        return str(self._within.decode(data)).translate(_PRIVATE)

    def encode(self, text: Value) -> bytes:
        """Return a text from within the server, or from a test, as bytes."""
        if isinstance(text, bytes):
            return text
        return self._within.encode("text", text if text.isascii() else text.translate(_ODD))

    def within(self, text: str) -> str:
        """Return a text from a test in the form for use within the server."""
        return text if type(text) is str and text.isascii() else self.decode(self.encode(text))

    def shown(self, text: str) -> str:
        """Return a text from within the server in the form that a test sees."""
        return text if text.isascii() else str(self.encoding.decode(self.encode(text)))

    def message(self, pairs: Sequence[tuple[str, Value]]) -> bytes:
        """Encode a message.

        A header whose value is NUL becomes a line without a colon. A single header without a name
        is sent as the text that it holds.
        """
        if len(pairs) == 1 and not pairs[0][0]:
            return self.encode(pairs[0][1])
        texts = [
            (name, from_bytes(value) if isinstance(value, bytes) else value)
            for name, value in pairs
        ]
        lines = [name if value == "\0" else f"{name}: {value}" for name, value in texts]
        return self.encode("\r\n".join(lines) + "\r\n\r\n")


def escaped(text: str) -> str:
    """Return a text escaped as in C, as Asterisk writes variables' names and values in events."""
    return text.translate(_ESCAPES)
