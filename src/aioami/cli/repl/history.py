"""History of the typed lines, without secrets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from aioami import Action, core

from ..process import notify
from .language import LineError, action_of

__all__ = ["SafeHistory", "has_secret", "open_history"]


def open_history(path: Path | None) -> History:
    """Open the history of typed lines, readable for its owner only.

    Without the right to write the file, lines are kept until the end of the session.

    Args:
        path: the file; one in the user's state directory if left out.
    """
    if path is None:
        import platformdirs

        path = platformdirs.user_state_path("aioami", appauthor=False) / "history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as error:
        notify(f"what is typed is not kept: {error}")
        return InMemoryHistory()
    return SafeHistory(str(path))


class SafeHistory(FileHistory):
    """History in a file that leaves out lines with secrets."""

    def store_string(self, string: str) -> None:
        if not has_secret(string):
            super().store_string(string)


def has_secret(line: str) -> bool:
    """Return `True` if a line has a text that the library would leave out of a log.

    A line that cannot be parsed is searched for words such as `secret` and `pin`.
    """
    line = line.strip()
    own = re.fullmatch(r"(?:!|:cli\s)\s*(.*)", line, re.DOTALL)
    try:
        if own is not None:
            action: Action[Any] = core.Command(own[1])
        elif line.startswith(":"):
            return False
        else:
            action = action_of(line)
    except (LineError, TypeError, ValueError):
        words = r"secret|pass|pwd|pin|token|key|credential"
        return re.search(words, line, re.IGNORECASE) is not None
    return "***" in repr(action)
