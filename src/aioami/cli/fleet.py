"""The servers that a command is for."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import typer

from aioami import Fleet, Manager
from aioami.fleet import is_bus, read_servers

from .options import FleetFile, Server
from .server import server_url

__all__ = ["fleet_of", "for_one_server", "servers_of"]


_NO_BUS: Final = "this command speaks with servers themselves: ami://; events and top take a bus"


def servers_of(
    url: str | None, file: Path | None, names: Iterable[str] | None, *, bus: bool = False
) -> dict[str, str]:
    """Return the URLs of the servers that a command is for, by name, with the secrets.

    Args:
        bus: whether servers may be on a bus. The name of all of them is empty.
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
        chosen = {
            name: text
            for name, text in servers.items()
            if any(fnmatchcase(name, pattern) for pattern in patterns)
        }
        if not bus and (there := [name for name, text in chosen.items() if is_bus(text)]):
            raise _wrong(f"{', '.join(there)}: on a bus, and {_NO_BUS}; --server leaves others out")
        return chosen
    if url is not None and is_bus(url):
        if not bus:
            raise _wrong(_NO_BUS, "--url")
        if any(sign in name for name in names or () for sign in "*?["):
            raise _wrong("a pattern chooses in a file; of a bus, name each server", "--server")
        return dict.fromkeys(names or ("",), url)
    if names:
        raise _wrong("it chooses among the servers of --fleet", "--server")
    return {"": server_url(url).text}


def fleet_of(servers: dict[str, str], **options: Any) -> Fleet | Manager:
    """Return the fleet of several servers, or of a bus, or the manager of the one of `--url`."""
    if is_bus(servers.get("")):
        return Fleet(servers[""], wait="any", **options)
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
    """Read the file of a fleet; return the URLs of its servers by name, with the secrets.

    Raises:
        typer.BadParameter: it cannot be read, or is wrong; never shows a secret.
    """
    try:
        return read_servers(file)
    except OSError as error:
        raise _wrong(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise _wrong(str(error)) from None


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
