"""The interface between a fake server and its connections."""

from __future__ import annotations

from dataclasses import dataclass

from .clients import Clients
from .driver import Driver
from .expectations import Inbox
from .message import Charset
from .script import Script

__all__ = ["Parts"]


@dataclass(frozen=True)
class Parts:
    """The parts of a server that its connections use too.

    Attributes:
        driver: the driver of its clock.
        clients: all its connections.
        inbox: the actions that came.
        script: scripted replies and faults.
        charset: converts bytes to text and back.
    """

    driver: Driver
    clients: Clients
    inbox: Inbox
    script: Script
    charset: Charset
