"""Bytes to text and back. Asterisk knows no character set: whoever dials decides the bytes.

Text that cannot be turned back into its bytes keeps them, as `Received`. So a message is read as
text everywhere, and its bytes are still there for whoever asks.
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
# What follows a byte beyond ASCII must still be there: it parts headers and lines.
_SIGNS: Final = b": (\r\n"
# In EUC-KR it announces a letter in four pairs of bytes, which are taken for one whatever they are.
_FILLER: Final = b"\xa4\xd4"


class Encoding:
    r"""Conversion of bytes to text, and of text to bytes.

    Args:
        encoding: the name of an encoding in which each ASCII character is its own single byte.
        errors: what stands for bytes that are none of its characters: `backslashreplace` (`\xfc`),
            `replace` (U+FFFD), or `surrogateescape` (U+DCFC, which cannot be printed or stored, but
            is sent as the byte).

    Raises:
        ValueError: the encoding is unknown, or ASCII characters are not their own single bytes in
            it; or `errors` is another word.
        TypeError: either is no text.
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
        except (LookupError, ValueError):  # a name with NUL is the latter
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
        """Return the encoding of a manager: the default, if it does not say its own.

        Args:
            manager: has `encoding` and `errors`, as `Manager` has, or neither.
        """
        name = getattr(manager, "encoding", DEFAULT_ENCODING)
        return cls(name, getattr(manager, "errors", DEFAULT_ERRORS))

    def decode(self, data: bytes | bytearray) -> str:
        """Text of bytes, which keeps them if it could not be turned back into them."""
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
            pass  # this one carries the text, and must not be chained to that which is raised
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
    except (LookupError, UnicodeError):  # the first one of what is no encoding of text
        return False


class Received(str):
    """Text with the bytes from which it was decoded.

    Attributes:
        raw: the bytes.
        encoding: decoded them.
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
"""The encoding of a manager that was given none."""


def encoding_of(text: str) -> Encoding:
    """The encoding in which a text was received."""
    return text.encoding if isinstance(text, Received) else UTF8


def bytes_of(text: str) -> bytes:
    """The bytes from which a text was decoded; of one that somebody wrote those of UTF-8."""
    if isinstance(text, Received):
        return text.raw
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # other halves of surrogate pairs, which no server sends
        return text.encode("utf-8", "surrogatepass")


def split(text: str, function: Callable[[str], Iterable[str]]) -> list[str]:
    """Divide or change a text, so that the parts keep their bytes.

    Args:
        function: returns the parts; it looks at nothing but ASCII characters.
    """
    if not isinstance(text, Received):
        return list(function(text))
    decode = text.encoding.decode
    # Each byte is one character here.
    return [decode(part.encode("latin-1")) for part in function(text.raw.decode("latin-1"))]


def join(parts: Iterable[str], between: str = "") -> str:
    """Join texts, so that the whole keeps their bytes."""
    parts = list(parts)
    received = next((part for part in parts if isinstance(part, Received)), None)
    if received is None:
        return between.join(parts)
    return received.encoding.decode(between.encode().join(map(bytes_of, parts)))


def from_bytes(data: bytes | bytearray) -> str:
    """Text that is sent as these bytes, whatever the encoding: a lone surrogate for each odd one.

    It is for texts on their way to the server alone, as it cannot be printed; see `shown`.
    """
    return bytes(data).decode("ascii", "surrogateescape")


def shown(text: str) -> str:
    """Text that is sent with lone surrogates, as it is shown."""
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

    It does so in names and in values of variables, in events and in items of lists, and writes
    control characters as C does (`\n`, `\t`). An escape that Asterisk does not make stays as it is,
    so that the `\xfc` of a byte that is no UTF-8 is still one.

    >>> unescape(r"Pat O\'Neil")
    "Pat O'Neil"

    Args:
        text: as a message's mapping gives it.
    """
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), text)
