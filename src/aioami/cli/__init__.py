"""The command `aioami`, which comes with the extra `aioami[cli]`.

Each command is one file of `commands/`, listed in `app.py`. Three commands run more code:

* `aioami doctor` runs `diagnosis/`,
* `aioami shell` runs `repl/`,
* `aioami top` runs `screen/`.

The other modules of this package are shared by several commands.
"""

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
"""The extra that installs each package."""


def main() -> int:
    """Run the command, and return the exit code of the process."""
    try:
        from .app import run

        return run()
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        install = f"pip install 'aioami[{extra}]'"
        print(
            f"This command needs {error.name}, which is not installed: {install}",
            file=sys.stderr,
        )
        return 1
