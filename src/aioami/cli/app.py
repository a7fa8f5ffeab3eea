"""The commands."""

from __future__ import annotations

import io
import json
import sys
from typing import Annotated

import typer

from aioami import Action, ActionError, ManagerError, Response, __version__, core

from .common import EXIT_CODES, ExitCode, Json, Log, Url, manager, run_to_end, say, with_secret
from .completion import complete_action
from .doctor import doctor
from .events import events
from .record import record
from .replay import replay
from .shell import shell
from .showing import Form, Printer
from .top import top
from .trace import trace

__all__ = ["ExitCode", "run"]

app = typer.Typer(
    name="aioami",
    help="Drive and watch an Asterisk server through its manager interface.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(events)
app.command()(record)
app.command()(replay)
app.command()(shell)
app.command()(top)
app.command()(trace)
app.command()(doctor)


def run() -> int:
    """Run the command line, and return its exit code. What goes wrong is one sentence."""
    log = Log()
    log.listen()
    if isinstance(sys.stdout, io.TextIOWrapper):  # bytes of a server that are no text end no command
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        result = app(standalone_mode=False, prog_name="aioami")
        return int(result) if isinstance(result, int) else ExitCode.DONE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except tuple(kind for kind, _ in EXIT_CODES) as error:
        if not log.last.endswith(str(error)):  # what ended the link for good is logged too
            say(str(error))
        return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
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
    from aioami import demo

    return demo.main(None if url is None else with_secret(url))


@app.command()
def ping(url: Url = None, count: Annotated[int, typer.Option(min=1, help="How often.")] = 1) -> int:
    """See whether the server answers, and how quickly."""

    async def pings() -> None:
        async with manager(url, events=False) as mgr:
            for _ in range(count):
                pong = await mgr.send(core.Ping())
                print(f"Asterisk (AMI {mgr.version}) answers in {pong.RTT * 1000:.3f} ms")

    return run_to_end(pings())


@app.command()
def send(
    action: Annotated[str, typer.Argument(help="The action's name, as QueueStatus.", autocompletion=complete_action)],
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
        async with manager(url, events=False) as mgr:
            response = await mgr.send(request, timeout=timeout)
        Printer(Form.JSON if as_json else Form.FULL).response(response)

    return run_to_end(sent())


@app.command()
def command(
    text: Annotated[str, typer.Argument(help='As typed at Asterisk\'s own prompt: "core show version".')],
    url: Url = None,
) -> int:
    """Run a command of Asterisk's command line."""

    async def ran() -> None:
        async with manager(url, events=False) as mgr:
            try:
                response: Response = await mgr.send(core.Command(text), timeout=60.0)
            except ActionError as error:
                if error.response is not None and error.response.data:
                    raise ManagerError("\n".join(error.response.data)) from error
                raise
            for line in response.data:
                print(line)

    return run_to_end(ran())


@app.command()
def schema(
    names: Annotated[
        list[str] | None, typer.Argument(help="Events or actions, as Hangup or QueueAdd; all if left out.")
    ] = None,
    attributes: Annotated[bool, typer.Option(help="Name the headers as Python does: caller_id_num.")] = False,
    typed: Annotated[bool, typer.Option(help="Numbers and bools, where all is text else.")] = False,
) -> int:
    """Print a JSON Schema of the catalogue: events as `to_dict()` gives them, and actions."""
    from aioami.schema import json_schema

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
