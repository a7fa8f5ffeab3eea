"""The process in which one client plays one case, and which writes what it measured, as a line of JSON.

python -m benchmarks.client CLIENT CASE PORT [NUMBER]
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import sys


def main() -> None:
    """Play, and end: what a client leaves behind is of no interest."""
    client = importlib.import_module(f"benchmarks.clients.{sys.argv[1]}")
    told = getattr(client, sys.argv[2])(*map(int, sys.argv[3:]))
    run = getattr(client, "run", asyncio.run)
    print(json.dumps(run(told) if inspect.iscoroutine(told) else told), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
