"""Ports that stay with their server while nobody listens on them."""

from __future__ import annotations

import secrets

import pytest

from aioami.testing.ports import free_ports


def test_a_port_that_is_held_is_given_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance may choose it again, in this process or another; then a further one is chosen."""
    [held] = free_ports(1)
    chance, again = secrets.randbelow, iter([held.number - 10_000])
    monkeypatch.setattr(secrets, "randbelow", lambda below: next(again, None) or chance(below))
    [other] = free_ports(1)
    assert other.number != held.number
