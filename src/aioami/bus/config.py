"""The configuration of `aioami relay`: a file in TOML, or options alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .._toml import read_toml
from .connection import BusOptions
from .relay import RelayOptions, ServerOptions

__all__ = ["RelayConfig", "read_config", "secret_variable", "server_from_option"]

TABLES: Final = {
    "bus": (
        *("url", "password_file", "token_file", "credentials", "nkey"),
        *("cafile", "certfile", "keyfile", "timeout"),
    ),
    "relay": ("name", "buffer", "silence", "doubt", "leader_timeout", "http"),
    "stream": ("max_age", "max_bytes", "replicas"),
}
"""The keys that each table of a file may have."""
SERVER_KEYS: Final = ("url", "secret_file", "read_only", "allow")
"""The keys that the table of a server may have."""


@dataclass(frozen=True)
class RelayConfig:
    """The complete configuration of a relay.

    Attributes:
        servers: the servers.
        bus: the bus.
        options: the options for all servers.
        http: the host and port for `/livez`, `/readyz` and `/metrics`; `None` serves none.
    """

    servers: tuple[ServerOptions, ...]
    bus: BusOptions
    options: RelayOptions
    http: tuple[str, int] | None = None


def read_config(
    file: Path | None = None,
    *,
    servers: Iterable[str] = (),
    bus: str | None = None,
    http: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> RelayConfig:
    """Read a relay's configuration from a file; the other arguments win over the file.

    The secret of a server comes from its `secret_file`, or the environment variable that
    `secret_variable` names, or its URL. Paths are relative to the file.

    Args:
        file: the file; `None` if there is no file.
        servers: further servers, as `name=ami://user@host`.
        bus: the URL of the bus, if it is not in the file.
        http: `host:port`, if it is not in the file.
        environment: the environment variables.

    Raises:
        ValueError: a field is missing, unknown or wrong; the message names the field, and shows no
            secret.
        OSError: a file cannot be read.
        ImportError: this is Python 3.10, and `tomli` is not installed.
    """
    found = {} if file is None else read_toml(file)
    folder = Path() if file is None else file.parent
    unknown = found.keys() - TABLES.keys() - {"servers"}
    if unknown:
        known = ", ".join([*TABLES, "servers"])
        raise ValueError(f"{_first(unknown)}: there is no such table; there are {known}")
    tables = {name: _table(found, name, keys) for name, keys in TABLES.items()}
    listed: dict[str, ServerOptions] = {}
    given = found.get("servers", {})
    if not isinstance(given, dict):
        raise ValueError("servers: tables, as [servers.pbx1]")
    for name, table in given.items():
        field = f"servers.{name}"
        _check_keys(table, field, SERVER_KEYS)
        listed[name] = _server(name, table, field, folder, environment)
    for text in servers:
        name, url = server_from_option(text)
        listed[name] = _server(name, {"url": url}, f"--server {name}", folder, environment)
    if not listed:
        raise ValueError(
            "servers: a relay needs at least one: --server pbx1=ami://user@host, "
            "or [servers.pbx1] in the file"
        )
    return RelayConfig(
        tuple(listed.values()),
        _bus(tables["bus"], bus, folder),
        RelayOptions(**{**tables["stream"], **_without(tables["relay"], "http")}),
        _address(http or tables["relay"].get("http")),
    )


def server_from_option(text: str) -> tuple[str, str]:
    """Return the name and the URL in `name=ami://user@host`.

    Raises:
        ValueError: the text has another form.
    """
    name, equals, url = text.partition("=")
    if not equals or "://" in name or not name:
        raise ValueError("--server: expected NAME=URL, as pbx1=ami://user@host")
    return name, url


def secret_variable(server: str) -> str:
    """Return the environment variable of a server's secret: `AIOAMI_SECRET_PBX1` for `pbx1`."""
    return f"AIOAMI_SECRET_{re.sub('[^A-Z0-9]', '_', server.upper())}"


def _first(names: Iterable[str]) -> str:
    return sorted(names)[0]


def _without(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != name}


def _check_keys(table: object, field: str, keys: tuple[str, ...]) -> None:
    if not isinstance(table, dict):
        raise ValueError(f"{field}: expected a table")
    unknown = table.keys() - set(keys)
    if unknown:
        raise ValueError(f"{field}.{_first(unknown)}: unknown; there are {', '.join(keys)}")


def _table(found: Mapping[str, Any], name: str, keys: tuple[str, ...]) -> dict[str, Any]:
    table: dict[str, Any] = found.get(name, {})
    _check_keys(table, name, keys)
    kinds: dict[str, tuple[type, ...]] = {"max_bytes": (int,), "replicas": (int,), "buffer": (int,)}
    numbers = dict.fromkeys(
        ("max_age", "silence", "doubt", "leader_timeout", "timeout"), (int, float)
    )
    for key, value in table.items():
        wanted = kinds.get(key) or numbers.get(key) or (str,)
        if isinstance(value, bool) or not isinstance(value, wanted):
            what = "text" if wanted == (str,) else "a number"
            raise ValueError(f"{name}.{key}: expected {what}, not {type(value).__name__}")
    return table


def _text_of(path: Path, field: str) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{field}: {path} is no text in UTF-8") from None
    if not text:
        raise ValueError(f"{field}: {path} is empty")
    return text


def _server(
    name: str,
    table: Mapping[str, Any],
    field: str,
    folder: Path,
    environment: Mapping[str, str],
) -> ServerOptions:
    url = table.get("url")
    if not isinstance(url, str):
        raise ValueError(f"{field}.url: expected ami://user@host")
    from ..url import read_url

    try:
        read_url(url)
    except ValueError as error:
        raise ValueError(f"{field}.url: {str(error).removeprefix('url: ')}") from None
    secret: str | None = environment.get(secret_variable(name))
    if secret == "":
        raise ValueError(f"{field}: {secret_variable(name)} is empty")
    if (path := table.get("secret_file")) is not None:
        if not isinstance(path, str):
            raise ValueError(f"{field}.secret_file: expected a path")
        secret = _text_of(folder / path, f"{field}.secret_file")
    read_only = table.get("read_only", False)
    if not isinstance(read_only, bool):
        raise ValueError(f"{field}.read_only: true or false")
    allow = table.get("allow")
    is_list = isinstance(allow, list) and all(isinstance(each, str) for each in allow)
    if allow is not None and not is_list:
        raise ValueError(f"{field}.allow: expected a list of names of actions")
    return ServerOptions(name, url, secret, read_only, None if allow is None else tuple(allow))


def _bus(table: Mapping[str, Any], url: str | None, folder: Path) -> BusOptions:
    address = url or table.get("url")
    if not address:
        raise ValueError("bus.url: say which bus: --bus nats://host, or [bus] url in the file")
    options: dict[str, Any] = {}
    for key in ("credentials", "nkey", "cafile", "certfile", "keyfile"):
        if key in table:
            options[key] = str(folder / table[key])
    for key in ("password", "token"):
        if f"{key}_file" in table:
            options[key] = _text_of(folder / table[f"{key}_file"], f"bus.{key}_file")
    if "timeout" in table:
        options["timeout"] = float(table["timeout"])
    return BusOptions.from_url(address, **options)


def _address(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise ValueError("http: expected host:port, as 127.0.0.1:9598")
    return host.strip("[]") or "127.0.0.1", int(port)
