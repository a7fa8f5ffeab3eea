"""The command `aioami`, which comes with the extra `aioami[cli]`."""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["main"]


_EXTRAS: Final = {
    "click": "cli",
    "platformdirs": "cli",
    "prompt_toolkit": "cli",
    "rich": "cli",
    "textual": "top",
    "typer": "cli",
}
"""The extra that brings each package."""


def main() -> int:
    """Run the command, and return the exit code of the process."""
    try:
        from .app import run

        return run()
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        print(
            f"This command needs {error.name}, which is not installed: pip install 'aioami[{extra}]'", file=sys.stderr
        )
        return 1
