"""Limits of the wire: Asterisk's own, and those that protect a client from other peers."""

from __future__ import annotations

from typing import Final

MAX_LINE: Final = 1022
"""Bytes in one line of an action, without its CR LF. Asterisk drops the begin of a longer line."""

MAX_LINES: Final = 128
"""Lines in one action, `Action` and `ActionID` included. Asterisk refuses more."""

MAX_ACTION_ID: Final = 67
"""Bytes in an ActionID. Some of Asterisk's list actions glue the next header to a longer one."""

MAX_FRAME_SIZE: Final = 64 << 20
"""Bytes in one message from the server, by default. Asterisk has no limit; megabytes do occur."""

MAX_BANNER: Final = 1024
"""Bytes in the greeting line."""

MAX_LIST_ITEMS: Final = 1_000_000
"""Items in one list, by default."""

MAX_BYTES_BEFORE_LOGIN: Final = 64 << 10
"""Bytes that a server may send before a login is answered, by default.

Asterisk sends a few hundred.
"""
