"""Reader of a server's URL: the only place of the command line that takes one apart."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit, urlunsplit

__all__ = ["ServerUrl", "read_url"]


@dataclass(frozen=True, repr=False)
class ServerUrl:
    """The parts of a server's URL.

    Args:
        parts: the parts as urllib splits them.
    """

    parts: SplitResult

    @property
    def host(self) -> str:
        """The name or address of the server."""
        return self.parts.hostname or ""

    @property
    def port(self) -> int | None:
        """The port; `None` if the URL names none."""
        return self.parts.port

    @property
    def is_secure(self) -> bool:
        """True for TLS."""
        return self.parts.scheme == "amis"

    @property
    def username(self) -> str | None:
        """The user; `None` if the URL names none."""
        return None if self.parts.username is None else unquote(self.parts.username)

    @property
    def has_secret(self) -> bool:
        """True if the user's secret is in the URL."""
        return self.parts.password is not None

    @property
    def options(self) -> dict[str, str]:
        """The query parameters; the last one counts if one is repeated."""
        query = parse_qs(self.parts.query, keep_blank_values=True)
        return {name: values[-1] for name, values in query.items()}

    @property
    def display_name(self) -> str:
        """User and server as shown to people, without the secret."""
        user = f"{self.parts.username}@" if self.parts.username else ""
        return f"{user}{self.parts.netloc.rpartition('@')[2]}"

    def with_secret(self, secret: str) -> str:
        """The URL as text, with a secret in it."""
        user, _, host = self.parts.netloc.rpartition("@")
        netloc = f"{user}:{quote(secret, safe='')}@{host}"
        rest = (self.parts.path, self.parts.query, self.parts.fragment)
        return urlunsplit((self.parts.scheme, netloc, *rest))


def read_url(url: str) -> ServerUrl:
    """Split a URL into its parts; `Manager.from_url` checks what they say.

    Raises:
        ValueError: the URL cannot be split; never shows the secret.
    """
    try:
        return ServerUrl(urlsplit(url))
    except ValueError:
        # The text of urllib's own error may hold the secret.
        shape = "ami://user:secret@host:port or amis://user:secret@host:port"
        raise ValueError(f"url: expected {shape}") from None
