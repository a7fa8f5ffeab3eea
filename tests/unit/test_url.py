"""Servers as URLs: what the command line makes of one."""

from __future__ import annotations

import pytest

from aioami.url import read_url

SECRET = "p@s:/?#%"


@pytest.mark.parametrize(
    ("url", "host", "port", "username", "shown"),
    [
        ("ami://admin@pbx.test", "pbx.test", None, "admin", "admin@pbx.test"),
        ("ami://john@corp@pbx.test:5040?timeout=3", "pbx.test", 5040, "john@corp", "john@corp@pbx.test:5040"),
        ("amis://a%40b@[::1]:5039", "::1", 5039, "a@b", "a%40b@[::1]:5039"),
        ("ami://admin:old@pbx.test/", "pbx.test", None, "admin", "admin@pbx.test"),
    ],
)
def test_a_secret_is_put_into_a_url(url: str, host: str, port: int | None, username: str, shown: str) -> None:
    """Server, user and options stay what they were, whatever the secret holds, and neither form shows it."""
    before, after = read_url(url), read_url(url).with_secret(SECRET)
    assert (after.host, after.port, after.username, after.secret) == (host, port, username, SECRET)
    assert (after.is_secure, after.options) == (before.is_secure, before.options)
    assert after.display_name == shown
    assert "p@s" not in repr(after)
    assert "p%40s" not in repr(after)
    assert read_url(after.text) == after
