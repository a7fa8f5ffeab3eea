"""The former module of `Recorder`, which is now in `aioami.wire.recordings`."""

from __future__ import annotations

import warnings
from typing import Any


def __getattr__(name: str) -> Any:
    from .wire import recordings

    found = getattr(recordings, name)
    sentence = f"aioami.recording.{name} is aioami.wire.recordings.{name} now"
    warnings.warn(f"{sentence}, and will be gone in aioami 1.0", DeprecationWarning, stacklevel=2)
    return found
