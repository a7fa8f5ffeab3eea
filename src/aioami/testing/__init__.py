"""Servers to test with: `FakeAsterisk` in this process, and a real Asterisk in a private folder (`testing.real`)."""

from __future__ import annotations

from .fake import FakeAsterisk, FakeConnection, Request

__all__ = ["FakeAsterisk", "FakeConnection", "Request"]
