"""Modules, and reading their configuration again."""

from __future__ import annotations

from ..responses.base import Response
from ..responses.modules import ModuleCheckReply
from .base import KnownAction
from .parameters import checked, header, optional, text, yes_no

__all__ = [
    "LoggerRotate",
    "ModuleCheck",
    "ModuleLoad",
    "Reload",
]


class ModuleCheck(KnownAction[ModuleCheckReply]):
    """Check that a module is loaded; one that is not is an error.

    While modules are being loaded, the answer waits for them.

    Args:
        module: its name, without extension.
    """

    privilege = ("system",)
    reads_only = True
    holds_session = True

    module: str | bytes = header("Module")


class ModuleLoad(KnownAction[Response]):
    """Load, unload or reload a module.

    Args:
        load_type: `load`, `unload`, `reload`; from Asterisk 18 also `refresh`.
        module: its name with extension, or a built-in subsystem (`cdr`, `dnsmgr`, `enum`,
            `extconfig`, `http`, `manager`, `rtp`; recent versions refuse those with "Module not
            found."); left out with `reload`, all.
        recursive: whether `refresh` also unloads what depends on it.

    Raises:
        ValueError: another `load_type`; or no module where one is needed.
    """

    privilege = ("system",)
    holds_session = True

    def __init__(
        self, load_type: str, module: str | bytes | None = None, *, recursive: bool | None = None
    ) -> None:
        checked("load_type", text("load_type", load_type), ("load", "unload", "reload", "refresh"))
        if module is None and load_type != "reload":
            raise ValueError(f"module: {load_type!r} needs one")
        self._declare(
            {
                "LoadType": load_type,
                "Module": optional("module", module),
                "Recursive": optional("recursive", recursive, yes_no),
            }
        )


class Reload(KnownAction[Response]):
    """Read the configuration again, of a module or of all. A `Reload` event follows.

    Args:
        module: its name without extension; all if left out.
    """

    privilege = ("system", "config")
    holds_session = True

    module: str | bytes | None = header("Module", default=None)


class LoggerRotate(KnownAction[Response]):
    """Begin new log files."""

    privilege = ("system", "reporting")
    holds_session = True
