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

from aioami import ConnectionLost, Fleet, Manager
from aioami.fleet import is_bus, read_servers

from .options import FleetFile, Server
from .server import Address, OnBus, server_url, warn_of_secret

__all__ = ["address_of", "fleet_of", "for_one_server", "names_on", "servers_of"]


_WHICH: Final = "this is a bus: name the server there that is meant"


def servers_of(
    url: str | None, file: Path | None, names: Iterable[str] | None, *, no_bus: str = ""
) -> dict[str, str]:
    """Return the URLs of the servers that a command is for, by name, with the secrets.

    Args:
        url: the value of `--url` or `AIOAMI_URL`: one server, which gets an empty name; or a bus,
            which gets an empty name for all of its servers if `names` is empty.
        file: the value of `--fleet` or `AIOAMI_FLEET`.
        names: the values of `--server`: names or patterns; if empty, all servers of the fleet.
        no_bus: the reason why the command takes no servers on a bus, and the command to use
            instead.

    Raises:
        typer.BadParameter: there is neither a URL nor a file; or both were typed, or both are in
            the environment; or the file is wrong.
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
        if no_bus and (there := [name for name, text in chosen.items() if is_bus(text)]):
            raise _wrong(f"{', '.join(there)}: on a bus, and {no_bus}; --server leaves others out")
        return chosen
    if url is not None and is_bus(url):
        warn_of_secret(url, "--url", "AIOAMI_URL, or ?credentials=FILE, hides it")
        if no_bus:
            raise _wrong(no_bus, "--url")
        if any(sign in name for name in names or () for sign in "*?["):
            raise _wrong("a pattern chooses in a file; of a bus, name each server", "--server")
        return dict.fromkeys(names or ("",), url)
    if names:
        raise _wrong("it chooses among the servers of --fleet", "--server")
    return {"": server_url(url).text}


def fleet_of(servers: dict[str, str], **options: Any) -> Fleet | Manager:
    """Return a fleet for several servers or a bus, or a manager for the one server of `--url`."""
    if is_bus(servers.get("")):
        return Fleet(servers[""], wait="any", **options)
    if list(servers) == [""]:
        return Manager.from_url(servers[""], **options)
    return Fleet(servers, wait="any", **options)


async def names_on(bus: str) -> tuple[str, ...]:
    """Return the names of the servers on a bus.

    Raises:
        ConnectionLost: the bus was not reached, or has no relay.
    """
    async with Fleet(bus, wait="any") as found:
        if not found.servers:
            raise ConnectionLost("no relay is on the bus, and so no server")
        return found.servers


def for_one_server(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options `--fleet` and `--server` to a command that takes one server by `--url`."""
    signature = inspect.signature(command, eval_str=True)
    if "url" not in signature.parameters or "fleet" in signature.parameters:
        return command
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = {"fleet": FleetFile, "server": Server}

    @functools.wraps(command)
    def run(*, fleet: Path | None, server: str | None, **arguments: Any) -> int:
        if fleet is not None or server is not None or is_bus(arguments["url"]):
            chosen = servers_of(arguments["url"], fleet, [server] if server else None)
            if len(chosen) > 1:
                names = ", ".join(chosen)
                raise _wrong(f"this command is for one server: say which of {names}", "--server")
            arguments["url"] = address_of(*next(iter(chosen.items())))
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


def address_of(name: str, url: str) -> Address:
    """Return the address of one of the servers that `servers_of` returned.

    Raises:
        typer.BadParameter: the address is a bus, and not one of its servers.
    """
    if not is_bus(url):
        return url
    if not name:
        raise _wrong(_WHICH, "--server")
    return OnBus(url, name)


def _fleet_servers(file: Path) -> dict[str, str]:
    """Read the file of a fleet; return the URLs of its servers by name, with the secrets.

    Raises:
        typer.BadParameter: the file cannot be read, or is wrong; the message shows no secret.
    """
    try:
        return read_servers(file)
    except OSError as error:
        raise _wrong(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise _wrong(str(error)) from None


def _counts(file: Path, url: str | None) -> bool:
    """Return `True` to use the fleet's file, and not the URL; typed options win over variables.

    Raises:
        typer.BadParameter: both were typed, or both are in the environment.
    """
    if url is None:
        return True
    typed_file = str(file) != os.environ.get("AIOAMI_FLEET")
    typed_url = url != os.environ.get("AIOAMI_URL")
    if typed_file is typed_url:
        both = "--url and --fleet" if typed_file else "AIOAMI_URL and AIOAMI_FLEET"
        raise _wrong(f"{both} are two ways to say which servers; choose one")
    return typed_file


def _wrong(text: str, option: str = "--fleet") -> typer.BadParameter:
    return typer.BadParameter(text, param_hint=option)
