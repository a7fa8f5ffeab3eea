"""The file that names the servers of a fleet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from .._check import check_path
from .._toml import read_toml
from ..url import read_url
from .connecting import is_bus

__all__ = ["read_servers"]

_KEYS: Final = ("url", "secret_file", "secret_env")


def read_servers(file: str | os.PathLike[str]) -> dict[str, str]:
    """Read the file that names the servers of a fleet, the `fleet.toml` of the commands::

        async with Fleet(read_servers("fleet.toml"), wait="any") as fleet: ...

    The file has a table `[servers.NAME]` for each server, with a `url`. If the URL has no secret,
    the table has a `secret_file` or `secret_env`; without either, the secret comes from the
    environment variable `AIOAMI_SECRET`. With the URL of a bus, `nats://`, `NAME` is the server's
    name on the bus. The login to the bus is in the URL, such as `?credentials=FILE`.

    Args:
        file: the path of the file. A relative `secret_file` is looked for in its folder.

    Returns:
        The URLs of the servers by name, in the order of the file, with the secrets in them.

    Raises:
        ValueError: the file is no TOML, or an entry is missing or wrong. The message names the
            entry, and never shows a secret.
        OSError: the file cannot be read.
        ImportError: this is Python 3.10, and `tomli` is not installed.
    """
    check_path("file", file)
    path = Path(file)
    found = read_toml(path)
    if others := [key for key in found if key != "servers"]:
        raise ValueError(f"{path}: {others[0]}: expected [servers.NAME] alone")
    servers = found.get("servers")
    if not isinstance(servers, dict) or not servers:
        raise ValueError(f"{path}: it has no [servers.NAME] with a url")
    return {name: _server(path, name, table) for name, table in servers.items()}


def _server(file: Path, name: str, table: object) -> str:
    entry = f"{file}: servers.{name}"
    if not isinstance(table, dict):
        raise ValueError(f"{entry}: expected a table with a url")
    for key, value in table.items():
        if key not in _KEYS:
            raise ValueError(f"{entry}.{key}: there are {', '.join(_KEYS)}")
        if not isinstance(value, str):
            raise ValueError(f"{entry}.{key}: expected text")
    if "url" not in table:
        raise ValueError(f"{entry}.url is missing")
    if is_bus(table["url"]):
        if len(table) > 1:
            raise ValueError(f"{entry}: what a bus asks for is in its url, as ?credentials=FILE")
        return str(table["url"])
    try:
        parts = read_url(table["url"])
    except ValueError as error:
        raise ValueError(f"{entry}.url: {str(error).removeprefix('url: ')}") from None
    secret = _secret(entry, file, table)
    if secret is not None and (parts.secret is not None or parts.username is None):
        problem = "has a secret already" if parts.secret is not None else "names no user"
        raise ValueError(f"{entry}: the url {problem}")
    if parts.username is None or parts.secret is not None:
        return parts.text
    if secret is None:
        secret = os.environ.get("AIOAMI_SECRET")
    if secret is None:
        raise ValueError(f"{entry}: it needs secret_file, secret_env, or AIOAMI_SECRET")
    return parts.with_secret(secret).text


def _secret(entry: str, file: Path, table: dict[str, str]) -> str | None:
    """Return the secret from `secret_file` or `secret_env`; `None` without either."""
    if "secret_file" in table and "secret_env" in table:
        raise ValueError(f"{entry}: secret_file or secret_env, not both")
    if "secret_file" in table:
        path = file.parent / Path(table["secret_file"]).expanduser()
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
            raise ValueError(f"{entry}.secret_file: {path}: {why}") from None
    if "secret_env" in table:
        variable = table["secret_env"]
        if variable not in os.environ:
            raise ValueError(f"{entry}.secret_env: {variable} is not in the environment")
        return os.environ[variable]
    return None
