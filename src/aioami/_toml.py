"""Files in TOML, which Python itself reads from 3.11 on."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["read_toml"]


def read_toml(file: Path) -> dict[str, Any]:
    """Read a file in TOML.

    Raises:
        ValueError: the file is no TOML, or not in UTF-8.
        OSError: the file cannot be read.
        ImportError: this is Python 3.10, and `tomli` is not installed.
    """
    text = file.read_bytes()
    try:
        found: dict[str, Any] = _reader().loads(text.decode("utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is no TOML: {error}") from error
    return found


def _reader() -> Any:
    try:
        return import_module("tomllib")
    except ImportError:
        try:
            return import_module("tomli")
        except ImportError as error:
            needed = "to read a file in TOML needs Python 3.11, or `pip install tomli`"
            raise ImportError(needed, name="tomli") from error
