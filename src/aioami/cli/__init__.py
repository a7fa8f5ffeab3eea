"""The command `aioami`, which comes with the extra `aioami[cli]`."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command, and return the exit code of the process."""
    try:
        from .app import run
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich", "click"):
            raise
        print("The command line needs more packages: pip install 'aioami[cli]'", file=sys.stderr)
        return 1
    return run()
