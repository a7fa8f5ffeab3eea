"""The file that names the servers of a fleet, and the servers that a command is for."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import typer

from aioami import Fleet, Manager
from aioami.url import ServerUrl, read_url

from .options import FleetFile, Server
from .server import server_url

__all__ = ["fleet_of", "for_one_server", "servers_of"]

_KEYS: Final = ("url", "secret_file", "secret_env")


def servers_of(url: str | None, file: Path | None, names: Iterable[str] | None) -> dict[str, str]:
    """Return the URLs of the servers that a command is for, by name, with the secrets.

    Args:
        url: the value of `--url` or `AIOAMI_URL`: one server, whose name is empty.
        file: that of `--fleet` or `AIOAMI_FLEET`.
        names: those of `--server`: names or patterns; without one, all of the fleet.

    Raises:
        typer.BadParameter: there is neither; or both, of the same kind; or the file is wrong.
    """
    if file is not None and _counts(file, url):
        servers = _fleet_servers(file)
        patterns = list(names or ["*"])
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in servers):
                raise _wrong(
                    f"{pattern}: {file} has no such server, but {', '.join(servers)}", "--server"
                )
        return {
            name: text
            for name, text in servers.items()
            if any(fnmatchcase(name, pattern) for pattern in patterns)
        }
    if names:
        raise _wrong("it chooses among the servers of --fleet", "--server")
    return {"": server_url(url).text}


def fleet_of(servers: dict[str, str], **options: Any) -> Fleet | Manager:
    """Return the fleet of several servers, or the manager of the one of `--url`."""
    if list(servers) == [""]:
        return Manager.from_url(servers[""], **options)
    return Fleet(servers, wait="any", **options)


def for_one_server(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command of one server the options `--fleet` and `--server` beside its `--url`."""
    signature = inspect.signature(command, eval_str=True)
    if "url" not in signature.parameters or "fleet" in signature.parameters:
        return command
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = {"fleet": FleetFile, "server": Server}

    @functools.wraps(command)
    def run(*, fleet: Path | None, server: str | None, **arguments: Any) -> int:
        if fleet is not None or server is not None:
            chosen = servers_of(arguments["url"], fleet, [server] if server else None)
            if len(chosen) > 1:
                names = ", ".join(chosen)
                raise _wrong(f"this command is for one server: say which of {names}", "--server")
            arguments["url"] = next(iter(chosen.values()))
        return command(**arguments)

    parameters = [
        each.replace(kind=keyword, default=each.default) for each in signature.parameters.values()
    ]
    place = 1 + list(signature.parameters).index("url")
    parameters[place:place] = [
        inspect.Parameter(name, keyword, default=None, annotation=annotation)
        for name, annotation in added.items()
    ]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _fleet_servers(file: Path) -> dict[str, str]:
    """Read a file with the servers of a fleet; return their URLs by name, with the secrets.

    Raises:
        typer.BadParameter: it cannot be read, or is wrong; never shows a secret.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _wrong(f"{file}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(f"{file} is no TOML: {error}") from error
    if others := [key for key in found if key != "servers"]:
        raise _wrong(f"{file}: {others[0]}: expected [servers.NAME] alone")
    servers = found.get("servers")
    if not isinstance(servers, dict) or not servers:
        raise _wrong(f"{file}: it has no [servers.NAME] with a url")
    return {name: _server(file, name, table).text for name, table in servers.items()}


def _server(file: Path, name: str, table: object) -> ServerUrl:
    where = f"{file}: servers.{name}"
    if not isinstance(table, dict):
        raise _wrong(f"{where}: expected a table with a url")
    for key, value in table.items():
        if key not in _KEYS:
            raise _wrong(f"{where}.{key}: there are {', '.join(_KEYS)}")
        if not isinstance(value, str):
            raise _wrong(f"{where}.{key}: expected text")
    if "url" not in table:
        raise _wrong(f"{where}.url is missing")
    try:
        parts = read_url(table["url"])
    except ValueError as error:
        raise _wrong(f"{where}.url: {str(error).removeprefix('url: ')}") from None
    secret = _secret(where, file, table)
    if secret is not None and (parts.secret is not None or parts.username is None):
        problem = "has a secret already" if parts.secret is not None else "names no user"
        raise _wrong(f"{where}: the url {problem}")
    if parts.username is None or parts.secret is not None:
        return parts
    if secret is None:
        secret = os.environ.get("AIOAMI_SECRET")
    if secret is None:
        raise _wrong(f"{where}: it needs secret_file, secret_env, or AIOAMI_SECRET")
    return parts.with_secret(secret)


def _secret(where: str, file: Path, table: dict[str, str]) -> str | None:
    """The secret that a file or a variable of the environment holds."""
    if "secret_file" in table and "secret_env" in table:
        raise _wrong(f"{where}: secret_file or secret_env, not both")
    if "secret_file" in table:
        path = file.parent / Path(table["secret_file"]).expanduser()
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
            raise _wrong(f"{where}.secret_file: {path}: {why}") from None
    if "secret_env" in table:
        variable = table["secret_env"]
        if variable not in os.environ:
            raise _wrong(f"{where}.secret_env: {variable} is not in the environment")
        return os.environ[variable]
    return None


def _counts(file: Path, url: str | None) -> bool:
    """True if the fleet's file counts, and not the URL: what is typed wins over the environment.

    Raises:
        typer.BadParameter: both were typed, or both are in the environment.
    """
    if url is None:
        return True
    typed_file = str(file) != os.environ.get("AIOAMI_FLEET")
    typed_url = url != os.environ.get("AIOAMI_URL")
    if typed_file is typed_url:
        where = "--url and --fleet" if typed_file else "AIOAMI_URL and AIOAMI_FLEET"
        raise _wrong(f"{where} are two ways to say which servers; choose one")
    return typed_file


def _wrong(text: str, option: str = "--fleet") -> typer.BadParameter:
    return typer.BadParameter(text, param_hint=option)
