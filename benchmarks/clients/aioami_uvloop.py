"""aioami on uvloop instead of asyncio's own event loop."""

from __future__ import annotations

import uvloop

from .aioami import at_once, fields, headers, listed, one_name, pings, together

__all__ = ["at_once", "fields", "headers", "listed", "one_name", "pings", "run", "together"]

run = uvloop.run
