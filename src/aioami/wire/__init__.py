"""The wire format, without any I/O: bytes become messages, and actions become bytes.

No module here imports asyncio or sockets.
"""

from __future__ import annotations

from .encoding import encode, encode_header, encode_message
from .framing import Framer
from .greeting import other_server, product_of, version_of
from .headers import split_headers
from .limits import MAX_ACTION_ID, MAX_FRAME_SIZE, MAX_LINE, MAX_LINES
from .message import Message
from .redaction import hide_header, is_sensitive, redact, show_header
from .text import Encoding, unescape

__all__ = [
    "MAX_ACTION_ID",
    "MAX_FRAME_SIZE",
    "MAX_LINE",
    "MAX_LINES",
    "Encoding",
    "Framer",
    "Message",
    "encode",
    "encode_header",
    "encode_message",
    "hide_header",
    "is_sensitive",
    "other_server",
    "product_of",
    "redact",
    "show_header",
    "split_headers",
    "unescape",
    "version_of",
]
