"""Text to the bytes of AGI, and back. The one place in this room that knows an encoding."""

from __future__ import annotations

import codecs
from typing import Final

__all__ = ["Codec"]

_ERRORS: Final = ("backslashreplace", "replace", "surrogateescape")
_ASCII: Final = bytes(range(128))


class Codec:
    """An encoding, and the form of the bytes that it does not have.

    Args:
        encoding: the name of an encoding that gives each ASCII character its own byte.
        errors: `backslashreplace`, `replace` or `surrogateescape`.

    Raises:
        ValueError: it is another one.
    """

    __slots__ = ("encoding", "errors")

    def __init__(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> None:
        if errors not in _ERRORS:
            raise ValueError(f"errors: one of {', '.join(_ERRORS)}, not {errors!r}")
        try:
            known = codecs.lookup(encoding)
            plain = _ASCII.decode("ascii").encode(known.name) == _ASCII
        except (LookupError, UnicodeError):
            raise ValueError(f"encoding: there is no text encoding {encoding!r}") from None
        if not plain or "\r\n".encode(known.name) != b"\r\n":
            raise ValueError(
                f"encoding: {encoding!r} does not give each ASCII character its own byte"
            )
        self.encoding = encoding
        self.errors = errors

    def encode(self, text: str | bytes, field: str) -> bytes:
        """Return the bytes of a text; bytes stay as they are, and a lone surrogate is its byte.

        Args:
            text: may be secret, and is in no error.
            field: the name of what it is, for the error.

        Raises:
            ValueError: the encoding does not have one of its characters.
        """
        if isinstance(text, bytes):
            return text
        try:
            return text.encode(self.encoding, "surrogateescape")
        except UnicodeEncodeError:
            pass  # this one carries the text, and must not be chained to that which is raised
        raise ValueError(f"{field}: it has a character that {self.encoding} cannot write")

    def decode(self, data: bytes) -> str:
        """Return the text of bytes that came from Asterisk."""
        return data.decode(self.encoding, self.errors)
