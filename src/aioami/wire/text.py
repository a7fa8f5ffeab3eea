"""Conversion of bytes to text and back. Asterisk has no character set: callers decide the bytes.

Text that cannot be converted back keeps its bytes, as `Received`. So a message is text everywhere,
but its bytes are still available.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

__all__ = [
    "DEFAULT_ENCODING",
    "DEFAULT_ERRORS",
    "UTF8",
    "Encoding",
    "Received",
    "bytes_of",
    "encoding_of",
    "from_bytes",
    "join",
    "shown",
    "split",
    "unescape",
]

DEFAULT_ENCODING: Final = "utf-8"
DEFAULT_ERRORS: Final = "backslashreplace"
_ERRORS: Final = ("backslashreplace", "replace", "surrogateescape")

_ASCII: Final = bytes(range(128))
# Escapes that some encodings read as other characters; the last one begins a double-byte set.
_TRAPS: Final = rb"\u000a\U0000000a+AA0ACg-~{=0A&#10;" + b"\x1b$B!!\x1b(B"
# These characters separate headers and lines. An encoding must not swallow them after a byte beyond
# ASCII.
_SIGNS: Final = b": (\r\n"
# In EUC-KR this announces a letter of four pairs of bytes, and any bytes that follow count as such.
_FILLER: Final = b"\xa4\xd4"


class Encoding:
    r"""Conversion of bytes to text, and of text to bytes.

    Args:
        encoding: the name of an encoding in which each ASCII character is its own single byte.
        errors: the replacement for bytes that are no characters in it: `backslashreplace` (`\xfc`),
            `replace` (U+FFFD), or `surrogateescape` (U+DCFC, which cannot be printed or stored, but
            is sent as the byte).

    Raises:
        ValueError: the encoding is unknown, or ASCII characters are not their own single bytes in
            it; or `errors` is another word.
        TypeError: an argument is no text.
    """

    __slots__ = ("_is_default", "errors", "name")

    def __init__(self, encoding: str = DEFAULT_ENCODING, errors: str = DEFAULT_ERRORS) -> None:
        for field, value in (("encoding", encoding), ("errors", errors)):
            if not isinstance(value, str):
                raise TypeError(f"{field}: expected text, not {type(value).__name__}")
        if errors not in _ERRORS:
            raise ValueError(f"errors: one of {', '.join(_ERRORS)}, not {errors!r:.60}")
        try:
            self.name = codecs.lookup(encoding).name
        except (LookupError, ValueError):  # ValueError for a name with NUL
            raise ValueError(f"encoding: {encoding!r:.60} is unknown") from None
        if not _keeps_ascii(self.name):
            raise ValueError(
                f"encoding: in {encoding!r:.60} an ASCII character is not always its own single "
                "byte, and lines and headers could not be told apart"
            )
        self.errors = errors
        self._is_default = (self.name, errors) == (DEFAULT_ENCODING, DEFAULT_ERRORS)

    @classmethod
    def of(cls, manager: object) -> Encoding:
        """Return the encoding of a manager; the default, if the manager does not name one.

        Args:
            manager: has the attributes `encoding` and `errors`, like `Manager`, or neither.
        """
        name = getattr(manager, "encoding", DEFAULT_ENCODING)
        return cls(name, getattr(manager, "errors", DEFAULT_ERRORS))

    def decode(self, data: bytes | bytearray) -> str:
        """Return bytes as text, which keeps the bytes if it cannot be converted back to them."""
        if self._is_default:
            try:
                return str(data, "utf-8")
            except UnicodeDecodeError:
                pass
        return Received(str(data, self.name, self.errors), bytes(data), self)

    def encode(self, field: str, text: str) -> bytes:
        """Return a text as bytes; a lone surrogate (U+DC80 to U+DCFF) is the byte behind it.

        Args:
            field: the name of the header or argument with the text, for the error.
            text: may be secret, so no error shows it.

        Raises:
            ValueError: this encoding has no bytes for a character.
        """
        if isinstance(text, Received):
            return text.raw
        try:
            return text.encode(self.name, "surrogateescape")
        except UnicodeError:
            pass  # this error contains the text, so the error raised below must not refer to it
        reason = (
            "half of a surrogate pair is no character"
            if self.name == DEFAULT_ENCODING
            else f"it has a character that {self.name} cannot write"
        )
        raise ValueError(f"{field if field.isprintable() else repr(field[:40])}: {reason}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Encoding):
            return NotImplemented
        return (self.name, self.errors) == (other.name, other.errors)

    def __hash__(self) -> int:
        return hash((self.name, self.errors))

    def __reduce__(self) -> tuple[type[Encoding], tuple[str, str]]:
        return Encoding, (self.name, self.errors)

    def __repr__(self) -> str:
        return f"Encoding({self.name!r}, {self.errors!r})"


@lru_cache(maxsize=64)
def _keeps_ascii(name: str) -> bool:
    text = (_ASCII + _TRAPS).decode("ascii")
    try:
        return (
            all(chr(each).encode(name) == bytes((each,)) for each in _ASCII)
            and text.encode(name) == _ASCII + _TRAPS
            and (_ASCII + _TRAPS).decode(name) == text
            and all(
                (begun + _SIGNS).decode(name, "replace").endswith(_SIGNS.decode())
                for begun in (*(bytes((each,)) for each in range(128, 256)), _FILLER)
            )
        )
    except (LookupError, UnicodeError):  # LookupError for a codec that is no text encoding
        return False


class Received(str):
    """Text with the bytes from which it was decoded.

    Attributes:
        raw: the bytes.
        encoding: the encoding that decoded them.
    """

    __slots__ = ("encoding", "raw")

    raw: bytes
    encoding: Encoding

    def __new__(cls, text: str, raw: bytes, encoding: Encoding) -> Received:
        received = super().__new__(cls, text)
        received.raw = raw
        received.encoding = encoding
        return received

    def __getnewargs__(self) -> tuple[Any, ...]:
        return str(self), self.raw, self.encoding


UTF8: Final = Encoding()
"""The default encoding of a manager."""


def encoding_of(text: str) -> Encoding:
    """The encoding in which a text was received."""
    return text.encoding if isinstance(text, Received) else UTF8


def bytes_of(text: str) -> bytes:
    """The bytes from which a text was decoded; for any other text, its UTF-8 bytes."""
    if isinstance(text, Received):
        return text.raw
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates outside U+DC80 to U+DCFF, which no server sends
        return text.encode("utf-8", "surrogatepass")


def split(text: str, function: Callable[[str], Iterable[str]]) -> list[str]:
    """Split or change a text by a function; the parts keep their bytes.

    Args:
        function: returns the parts; only ASCII characters may matter to it.
    """
    if not isinstance(text, Received):
        return list(function(text))
    decode = text.encoding.decode
    # In latin-1 each byte is one character.
    return [decode(part.encode("latin-1")) for part in function(text.raw.decode("latin-1"))]


def join(parts: Iterable[str], between: str = "") -> str:
    """Join texts; the result keeps their bytes."""
    parts = list(parts)
    received = next((part for part in parts if isinstance(part, Received)), None)
    if received is None:
        return between.join(parts)
    return received.encoding.decode(between.encode().join(map(bytes_of, parts)))


def from_bytes(data: bytes | bytearray) -> str:
    """Return a text that is sent as these bytes, whatever the encoding.

    Bytes beyond ASCII are lone surrogates in it. It is only for sending, because it cannot be
    printed; see `shown`.
    """
    return bytes(data).decode("ascii", "surrogateescape")


def shown(text: str) -> str:
    """Return the printable form of a text with lone surrogates."""
    if text.isascii():
        return text
    return str(UTF8.decode(bytes_of(text)))


_ESCAPES: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "?": "?",
}
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)


def unescape(text: str) -> str:
    r"""Undo the backslashes that Asterisk puts before quotes and backslashes.

    Asterisk does so in names and in values of variables, in events and in list items. It writes
    control characters as in C (`\n`, `\t`). Other escapes are unchanged, such as `\xfc` for a byte
    that is no UTF-8.

    >>> unescape(r"Pat O\'Neil")
    "Pat O'Neil"

    Args:
        text: a text from a message's mapping.
    """
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), text)
