"""The users who may log in, and their sessions: passwords are kept as hashes, sessions in memory."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["Session", "Sessions", "TooManyAttempts", "Users", "hash_password"]

# What OWASP recommends for scrypt; a login takes some tenths of a second and 32 MiB.
_COST: Final = {"n": 2**15, "r": 8, "p": 3}
_MEMORY: Final = 64 << 20  # bytes
_MAX_PASSWORD: Final = 1024  # characters

_FAILURES: Final = 5  # failed attempts for a name from one address within ...
_WINDOW: Final = 60.0  # ... these seconds
_LIFETIME: Final = 12 * 3600.0  # seconds after which an unused session ends
_MAX_SESSIONS: Final = 1000


def hash_password(password: str) -> str:
    """Return the hash of a password, as it is stored: `scrypt$n$r$p$salt$key`.

    Raises:
        ValueError: the password is shorter than 8 characters, or longer than 1024.
    """
    if not 8 <= len(password) <= _MAX_PASSWORD:
        raise ValueError(f"password: 8 to {_MAX_PASSWORD} characters")
    salt = secrets.token_bytes(16)
    key = hashlib.scrypt(password.encode(), salt=salt, maxmem=_MEMORY, dklen=32, **_COST)
    texts = (base64.b64encode(each).decode() for each in (salt, key))
    return "$".join(("scrypt", *map(str, _COST.values()), *texts))


def _is_right(password: str, kept: str) -> bool:
    _, n, r, p, salt, key = kept.split("$")
    wanted = base64.b64decode(key)
    found = hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=base64.b64decode(salt),
        n=int(n),
        r=int(r),
        p=int(p),
        maxmem=_MEMORY,
        dklen=len(wanted),
    )
    return hmac.compare_digest(found, wanted)


class TooManyAttempts(Exception):
    """There were too many failed attempts for a name."""


class Users:
    """The users, each with the hash of the password.

    Args:
        hashes: the hashes, by the user's name.
    """

    def __init__(self, hashes: dict[str, str]) -> None:
        self._hashes = hashes
        self._nobody = hash_password(secrets.token_hex())
        self._failures: dict[tuple[str, str], deque[float]] = {}
        self._one_at_a_time = asyncio.Lock()  # so that a crowd of logins does not take all memory

    @classmethod
    def read(cls, path: Path) -> Users:
        """Read the users from a file with lines `name:hash`; empty lines and lines with `#` first are skipped.

        Raises:
            ValueError: a line is no user, or the file has no users.
            OSError: the file cannot be read.
        """
        hashes: dict[str, str] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            name, _, kept = line.strip().partition(":")
            if not name or not kept.startswith("scrypt$") or kept.count("$") != 5:
                raise ValueError(f"{path}: line {number} is no name:scrypt$...")
            hashes[name] = kept
        if not hashes:
            raise ValueError(f"{path}: there is no user in it")
        return cls(hashes)

    async def check(self, name: str, password: str, address: str) -> bool:
        """Return `True` if the password is right; the check takes as long for a user who does not exist.

        Args:
            name: the user's name.
            password: the typed password.
            address: the client's address; failures count for it alone, so that a stranger locks nobody out.

        Raises:
            TooManyAttempts: there were five wrong passwords for this name from this address within a minute.
        """
        now = time.monotonic()
        self._failures = {who: when for who, when in self._failures.items() if now - when[-1] < _WINDOW}
        failures = self._failures.get((name, address))
        if failures is not None and len(failures) == _FAILURES and now - failures[0] < _WINDOW:
            raise TooManyAttempts
        async with self._one_at_a_time:
            right = await asyncio.to_thread(_is_right, password, self._hashes.get(name, self._nobody))
        if right and name in self._hashes:
            self._failures.pop((name, address), None)
            return True
        self._failures.setdefault((name, address), deque(maxlen=_FAILURES)).append(now)
        return False


@dataclass
class Session:
    """The session of a user who is logged in.

    Attributes:
        user: the user's name.
        csrf: the token that the page must send with each request that changes something.
    """

    user: str
    csrf: str = field(default_factory=secrets.token_urlsafe, repr=False)
    used: float = field(default_factory=time.monotonic)
    closed: bool = False

    @property
    def open(self) -> bool:
        """True while the session is valid."""
        return not self.closed and time.monotonic() - self.used < _LIFETIME


class Sessions:
    """All sessions. They are lost when the program ends."""

    def __init__(self) -> None:
        self._by_digest: dict[bytes, Session] = {}

    def begin(self, user: str) -> str:
        """Begin a session, and return the token for the cookie."""
        self._by_digest = {digest: each for digest, each in self._by_digest.items() if each.open}
        while len(self._by_digest) >= _MAX_SESSIONS:
            self._by_digest.pop(next(iter(self._by_digest))).closed = True
        token = secrets.token_urlsafe(32)
        self._by_digest[_digest(token)] = Session(user)
        return token

    def find(self, token: str | None) -> Session | None:
        """Return the session with a token; `None` if there is none."""
        session = self._by_digest.get(_digest(token or ""))
        if session is None or not session.open:
            return None
        session.used = time.monotonic()
        return session

    def end(self, token: str | None) -> None:
        """End a session, also for its open pages."""
        session = self._by_digest.pop(_digest(token or ""), None)
        if session is not None:
            session.closed = True


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
