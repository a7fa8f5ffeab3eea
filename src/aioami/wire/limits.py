"""Limits of the wire: Asterisk's own, and those that protect a client from faulty servers."""

from __future__ import annotations

from typing import Final

MAX_LINE: Final = 1022
"""Bytes in one line of an action, without CR LF. Asterisk drops the beginning of a longer line."""

MAX_LINES: Final = 128
"""Lines in one action, `Action` and `ActionID` included. Asterisk refuses more."""

MAX_ACTION_ID: Final = 67
"""Bytes in an ActionID. Some list actions of Asterisk append the next header to a longer one."""

MAX_FRAME_SIZE: Final = 64 << 20
"""Bytes in one message of the server, by default. Asterisk has no limit; megabytes do occur."""

MAX_BANNER: Final = 1024
"""Bytes in the greeting line."""

MAX_LIST_ITEMS: Final = 1_000_000
"""Items in one list, by default."""

MAX_BYTES_BEFORE_LOGIN: Final = 64 << 10
"""Bytes that a server may send before a login is answered, by default.

Asterisk sends a few hundred.
"""
