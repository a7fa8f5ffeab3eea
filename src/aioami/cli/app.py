"""The commands."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import json
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Annotated, Any
from urllib.parse import quote, urlsplit, urlunsplit

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aioami import (
    Action,
    ActionError,
    ConnectionLost,
    Event,
    Manager,
    ManagerAuthError,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    ProtocolError,
    Response,
    UnknownAction,
    __version__,
    core,
    demo,
)
from aioami.schema import json_schema

from .doctor import doctor
from .trace import trace

__all__ = ["ExitCode", "run"]

app = typer.Typer(
    name="aioami",
    help="Drive and watch an Asterisk server through its manager interface.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(trace)
app.command()(doctor)
out = Console(soft_wrap=True)


class ExitCode(enum.IntEnum):
    """What the exit code says; 2 is a wrong command line."""

    DONE = 0
    FAILED = 1
    LOGIN_REFUSED = 3
    NOT_REACHED = 4
    PERMISSION_DENIED = 5
    UNKNOWN_ACTION = 6
    REFUSED = 7
    TIMEOUT = 8
    NO_AMI = 9
    INTERRUPTED = 130


_EXIT_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (ManagerAuthError, ExitCode.LOGIN_REFUSED),
    (PermissionDenied, ExitCode.PERMISSION_DENIED),
    (UnknownAction, ExitCode.UNKNOWN_ACTION),
    (ActionError, ExitCode.REFUSED),
    (ManagerTimeout, ExitCode.TIMEOUT),
    (ProtocolError, ExitCode.NO_AMI),
    (ConnectionLost, ExitCode.NOT_REACHED),
    (ManagerError, ExitCode.FAILED),
    (ValueError, ExitCode.FAILED),
)

Url = Annotated[
    str | None,
    typer.Option(
        envvar="AIOAMI_URL",
        show_envvar=True,
        help="ami://user@host:port, or amis:// for TLS. The secret may be in it, in AIOAMI_SECRET, or is asked for.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def run() -> int:
    """Run the command line, and return its exit code. What goes wrong is one sentence."""
    try:
        result = app(standalone_mode=False)
        return int(result) if isinstance(result, int) else ExitCode.DONE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # whoever read our output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except tuple(kind for kind, _ in _EXIT_CODES) as error:
        print(f"aioami: {error}", file=sys.stderr)
        return next(code for kind, code in _EXIT_CODES if isinstance(error, kind))
    except Exception as error:
        # The command line's own errors (a missing argument, Ctrl-C at a prompt) bring their text and their code.
        show, code = getattr(error, "show", None), getattr(error, "exit_code", None)
        if code is None:
            if type(error).__name__ == "Abort":
                return ExitCode.INTERRUPTED
            raise
        if show is not None:
            show()
        return int(code)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"aioami {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say it and exit.")
    ] = False,
) -> None:
    """What every command shares."""


@app.command("demo")
def demo_command(url: Url = None) -> int:
    """Place a call, follow it to its end, and say what happened; on an embedded server without --url."""
    return demo.main(None if url is None else _with_secret(url))


@app.command()
def ping(url: Url = None, count: Annotated[int, typer.Option(min=1, help="How often.")] = 1) -> int:
    """See whether the server answers, and how quickly."""

    async def pings() -> None:
        async with _manager(url, events=False) as mgr:
            for _ in range(count):
                pong = await mgr.send(core.Ping())
                print(f"Asterisk (AMI {mgr.version}) answers in {pong.RTT * 1000:.3f} ms")

    return _run(pings())


@app.command()
def send(
    action: Annotated[str, typer.Argument(help="The action's name, as QueueStatus.")],
    headers: Annotated[list[str] | None, typer.Argument(help="Its headers as key=value; a key may repeat.")] = None,
    url: Url = None,
    as_json: Json = False,
    timeout: Annotated[float, typer.Option(min=0.001, help="Seconds to wait for the answer.")] = 30.0,
) -> int:
    """Send an action, and show what comes back."""
    values: dict[str, list[str]] = {}
    for header in headers or []:
        key, equals, value = header.partition("=")
        if not equals:
            raise typer.BadParameter(f"{header!r} is no key=value")
        values.setdefault(key, []).append(value)
    request = Action(action, values)

    async def sent() -> None:
        async with _manager(url, events=False) as mgr:
            _show_response(await mgr.send(request, timeout=timeout), as_json)

    return _run(sent())


@app.command()
def command(
    text: Annotated[str, typer.Argument(help='As typed at Asterisk\'s own prompt: "core show version".')],
    url: Url = None,
) -> int:
    """Run a command of Asterisk's command line."""

    async def ran() -> None:
        async with _manager(url, events=False) as mgr:
            try:
                response: Response = await mgr.send(core.Command(text), timeout=60.0)
            except ActionError as error:
                if error.response is not None and error.response.data:
                    raise ManagerError("\n".join(error.response.data)) from error
                raise
            for line in response.data:
                print(line)

    return _run(ran())


@app.command()
def events(
    patterns: Annotated[list[str] | None, typer.Argument(help='Event names or patterns: Hangup "Queue*".')] = None,
    url: Url = None,
    as_json: Json = False,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
) -> int:
    """Show events as they come, until Ctrl-C."""

    async def watched() -> None:
        mgr = _manager(url, events=True)
        left = count
        with mgr.events(*(patterns or ())) as stream:
            async with mgr:
                async for event in stream:
                    _show_event(event, as_json)
                    if left is not None:
                        left -= 1
                        if not left:
                            break

    return _run(watched())


@app.command()
def schema(
    names: Annotated[
        list[str] | None, typer.Argument(help="Events or actions, as Hangup or QueueAdd; all if left out.")
    ] = None,
    attributes: Annotated[bool, typer.Option(help="Name the headers as Python does: caller_id_num.")] = False,
    typed: Annotated[bool, typer.Option(help="Numbers and bools, where all is text else.")] = False,
) -> int:
    """Print a JSON Schema of the catalogue: events as `to_dict()` gives them, and actions."""
    whole = json_schema(attributes=attributes, typed=typed)
    if names:
        known = {each.lower(): each for each in whole["$defs"]}
        found = [
            known[key] for name in names for room in ("events", "actions") if (key := f"{room}.{name}".lower()) in known
        ]
        unknown = [name for name in names if not any(each.lower().endswith(f".{name.lower()}") for each in found)]
        if unknown:
            raise typer.BadParameter(f"there is no event or action {', '.join(unknown)}")
        whole = {"$schema": whole["$schema"], "$defs": {each: whole["$defs"][each] for each in found}}
    print(json.dumps(whole, indent=2))
    return ExitCode.DONE


def _run(work: Coroutine[Any, Any, None]) -> int:
    async def interruptible() -> int:
        task = asyncio.current_task()
        assert task is not None
        # asyncio's own handling may notice Ctrl-C only at the next event; Windows has no other.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
        try:
            await work
        except asyncio.CancelledError:
            return ExitCode.INTERRUPTED
        return ExitCode.DONE

    return asyncio.run(interruptible())


def _manager(url: str | None, *, events: bool) -> Manager:
    if not url:
        raise typer.BadParameter("say which server: --url ami://user@host, or AIOAMI_URL")
    address = _with_secret(url)
    if events:
        return Manager.from_url(address)
    # One question and its answer need no events, and no second link.
    options = [each for each in ("event_mask=off", "reconnect=no") if each.partition("=")[0] + "=" not in address]
    return Manager.from_url(f"{address}{'&' if '?' in address else '?'}{'&'.join(options)}")


def _with_secret(url: str) -> str:
    """The URL with the user's secret: its own, that of AIOAMI_SECRET, or one that is asked for."""
    parts = urlsplit(url)
    if parts.password is not None and any(url in argument for argument in sys.argv[1:]):
        text = "the secret in --url can be read by everybody in the list of processes; AIOAMI_SECRET and AIOAMI_URL hide it"
        print(f"aioami: {text}", file=sys.stderr)
    if parts.username is None or parts.password is not None:
        return url
    secret = os.environ.get("AIOAMI_SECRET")
    if secret is None:
        secret = typer.prompt(f"Secret of {parts.username}", hide_input=True, err=True)
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(secret, safe='')}@{host}"))


def _show_response(response: Response, as_json: bool) -> None:
    if as_json:
        print(json.dumps(response.to_dict()))
        for event in response.events:
            print(json.dumps(event.to_dict()))
        return
    for name, value in response.items():
        out.print(f"[bold]{escape(name)}[/bold]: {escape(value)}", highlight=False)
    for event in response.events:
        _show_event(event, as_json)
    if response.events.completion is not None:
        print(f"{len(response.events)} in all")


def _show_event(event: Event, as_json: bool) -> None:
    if as_json:
        print(json.dumps(event.to_dict()), flush=True)
        return
    out.print(f"[bold cyan]{escape(event.name)}[/bold cyan]", highlight=False)
    table = Table(show_header=False, box=None, padding=(0, 1, 0, 2))
    for name, value in event.headers[1:]:
        table.add_row(f"[dim]{escape(name)}[/dim]", escape(value))
    if table.rows:
        out.print(table)
