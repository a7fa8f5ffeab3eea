"""Reach: the events and actions of many servers over a bus, NATS with JetStream.

`aioami.bus.format` defines the messages on the bus. It and `aioami.bus.reader` do no input and no
output. The other modules need the extra `aioami[nats]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .discovery import Discovery
    from .remote import RemoteManager
    from .streams import RemoteStream

__all__ = ["Discovery", "RemoteManager", "RemoteStream"]

# Imported when first used: a program that only reads the format needs none of these modules.
_LATER: Final = {
    "Discovery": "discovery",
    "RemoteManager": "remote",
    "RemoteStream": "streams",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        from importlib import import_module

        if name in _LATER:
            value = getattr(import_module(f".{_LATER[name]}", __name__), name)
            return globals().setdefault(name, value)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
