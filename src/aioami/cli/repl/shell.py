"""The shell: its commands, and its loop over a terminal or a file."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.patch_stdout import patch_stdout

from aioami import (
    Action,
    ConnectionLost,
    Disconnected,
    ManagerError,
    ManagerState,
    Reconnected,
    UnknownAction,
    core,
)
from aioami.events import misnamed

from ..completion import action_classes, event_names, summary
from ..output import Form, Printer, clean, plain
from ..process import ExitCode, notify
from ..server import ready
from .completer import ShellCompleter
from .history import open_history
from .language import (
    LineError,
    action_of,
    classes_for,
    parameters,
    split,
    suggestion,
    synopsis,
    values_of,
)

if TYPE_CHECKING:
    from aioami import Manager
    from aioami.bus import RemoteManager

__all__ = ["Command", "Shell"]

_TIMEOUT: Final = 30.0  # seconds for the response to an action
_COMMAND_TIMEOUT: Final = 60.0
_WILDCARD: Final = re.compile(r"[*?\[]")
_INTRODUCTION: Final = """\
Type an action and its arguments, as it is or by name; Tab completes both.

    QueueStatus queue=support
    QueueAdd PJSIP/alice support paused=yes
    Originate channel=PJSIP/alice application=Playback data=hello-world

A command of Asterisk's own command line has a ! before it:

    !core show channels

And these are the shell's own:
"""


class Command(NamedTuple):
    """A command of the shell itself, such as `:help`.

    Attributes:
        run: runs it with the text after its name.
        arguments: its arguments, as the help shows them.
        summary: its description.
    """

    run: Callable[[str], Awaitable[None]]
    arguments: str
    summary: str


class Shell:
    """One session at the prompt.

    Args:
        mgr: the manager, which `run` connects, and closes at the end.
        server: the name of the server in the prompt.
        as_json: prints responses as JSON.
        history: the file of typed lines; one in the user's state directory if left out.
        interactive: `True` reads from a terminal; if left out, it is so if the process has one.

    Attributes:
        commands: the shell's own commands, by name.
        watched: the names of the events that are printed.
    """

    def __init__(
        self,
        mgr: Manager | RemoteManager,
        server: str,
        *,
        as_json: bool = False,
        history: Path | None = None,
        interactive: bool | None = None,
    ) -> None:
        self.mgr = mgr
        self.server = server
        self.watched: tuple[str, ...] = ()
        self._history = history
        if interactive is None:
            interactive = sys.stdin.isatty() and sys.stdout.isatty()
        self._interactive = interactive
        self._responses = Printer(Form.JSON if as_json else Form.BRIEF)
        self._events = Printer(Form.JSON if as_json else Form.BRIEF)
        self._following: asyncio.Task[None] | None = None
        self._outcomes: set[asyncio.Task[None]] = set()
        self.commands: dict[str, Command] = {
            "help": Command(self._help, "[NAME]", "this, or what an action or an event is"),
            "actions": Command(self._list_actions, "[PATTERN]", "the actions that there are"),
            "events": Command(
                self._watch,
                "[PATTERN ...|off]",
                "show events of these names while you type",
            ),
            "cli": Command(
                self.command,
                "COMMAND",
                "run a command of Asterisk's command line, as ! does",
            ),
            "show": Command(self._choose_form, "brief|full|json", "how answers are shown"),
            "state": Command(self._state, "", "the link, and what went over it"),
            "quit": Command(self._quit, "", "leave, as Ctrl-D does"),
        }

    # One line

    async def run_line(self, line: str) -> bool:
        """Run a line and print its result; return false if it failed.

        Raises:
            EOFError: the line ends the session.
            ConnectionLost: the link is lost for good.
        """
        line = line.strip()
        try:
            if not line or line.startswith("#"):
                return True
            if line.startswith("!"):
                await self.command(line[1:].strip())
            elif line.startswith(":"):
                await self._own(line[1:])
            elif line.lower() in ("quit", "exit"):
                raise EOFError
            elif line.lower() in ("help", "?"):
                await self._help("")
            else:
                await self._send(action_of(line))
        except UnknownAction as error:
            known = "" if "meant?" in str(error) else suggestion(split(line)[0], action_classes())
            notify(f"{error}{known}")
        except ConnectionLost as error:
            if self.mgr.state in (ManagerState.LOST, ManagerState.CLOSED):
                raise
            notify(str(error))
        except (ManagerError, TypeError, ValueError) as error:
            notify(str(error))
        else:
            return True
        return False

    async def _own(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        found = [each for each in self.commands if each.startswith(name.lower())] if name else []
        if name.lower() in self.commands:
            found = [name.lower()]
        if len(found) != 1:
            hint = suggestion(f":{name}", [f":{each}" for each in self.commands])
            raise LineError(f"there is no :{name}{hint or '; :help tells what there is'}")
        await self.commands[found[0]].run(rest.strip())

    async def _send(self, action: Action[Any]) -> None:
        timeout = _TIMEOUT if action.timeout is None else action.timeout
        response = await self.mgr.send(action, timeout=timeout)
        self._responses.response(response)
        outcome = getattr(response, "outcome", None)
        if outcome is not None:
            task = asyncio.ensure_future(self._print_outcome(outcome()))
            self._outcomes.add(task)
            task.add_done_callback(self._outcomes.discard)

    async def _print_outcome(self, outcome: Awaitable[Any]) -> None:
        try:
            self._events.event(await outcome)
        except ManagerError as error:
            notify(str(error))

    async def command(self, text: str) -> None:
        """Run a command of Asterisk's command line, and print its output."""
        if not text:
            problem = "a command of Asterisk's command line is missing"
            raise LineError(f"{problem}, as in: !core show channels")
        response = await self.mgr.send(core.Command(text), timeout=_COMMAND_TIMEOUT, check=False)
        for line in response.data:
            print(plain(line))
        if not response.success:
            raise LineError("Asterisk refused the command" if response.data else response.message)

    # The shell's own commands

    async def _help(self, name: str) -> None:
        if not name:
            print(_INTRODUCTION)
            for command, (_, arguments, description) in self.commands.items():
                print(f"    :{f'{command} {arguments}'.strip():24}  {description}")
            return
        found: list[type] = [*classes_for(name)]
        found += [cls for key, cls in event_names().items() if key.lower() == name.lower()]
        if not found:
            actions = {each.wire_name for each in action_classes().values()}
            meant = suggestion(name, [*sorted(actions), *event_names()])
            raise LineError(f"there is no action and no event {name}{meant}")
        for number, cls in enumerate(found):
            if number:
                print()
            self._describe(cls)

    def _describe(self, cls: type) -> None:
        text = inspect.cleandoc(cls.__doc__ or "")
        if not issubclass(cls, Action):
            print(f"event {getattr(cls, 'wire_name', cls.__name__)}\n\n{text}")
            return
        print(f"{synopsis(cls)}\n\n{text}")
        for name in parameters(cls):
            values = [value for value, _ in values_of(cls, name) if value not in ("yes", "no")]
            if values:
                print(f"\n{name} is one of: {', '.join(values)}")
        if cls.privilege:
            print(f"\nIt needs one of the write classes: {', '.join(cls.privilege)}")

    async def _list_actions(self, pattern: str) -> None:
        wanted = pattern.lower() if _WILDCARD.search(pattern) else f"*{pattern.lower()}*"
        known = action_classes()
        found = [name for name in known if fnmatchcase(name.lower(), wanted)]
        if not found:
            raise LineError(f"no action is called {pattern}")
        width = max(map(len, found))
        for name in found:
            print(f"{name:{width}}  {summary(known[name])}")

    async def _watch(self, text: str) -> None:
        names = split(text)
        if not names:
            if self.watched:
                print(f"watching {', '.join(self.watched)}")
            else:
                print("watching no events; :events Queue* does")
            return
        watched = () if names == ["off"] else tuple(names)
        for name in watched:
            if wrong := misnamed(name, version=self.mgr.version):
                raise LineError(wrong)
        await self._stop_following()
        self.watched = watched
        if self.watched:
            self._following = asyncio.ensure_future(self._follow())

    async def _follow(self) -> None:
        with self.mgr.events(*self.watched) as stream, contextlib.suppress(ManagerError):
            async for event in stream:
                # The library's messages, which are printed too, report a lost link.
                if not isinstance(event, (Disconnected, Reconnected)):
                    self._events.event(event)

    async def _stop_following(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
            self._following = None

    async def _choose_form(self, name: str) -> None:
        if name not in Form.__members__.values():
            raise LineError(f"brief, full or json, not {name or 'nothing'}")
        self._responses.form = Form(name)

    async def _state(self, _: str) -> None:
        total = self.mgr.statistics()
        print(f"{self.server} is {self.mgr.state.value}; AMI {self.mgr.version}")
        failed = f"{total.errors} refused, {total.failures} without an answer"
        print(f"{total.events} events, {total.actions} actions ({failed})")
        sent = f"{total.bytes_received} bytes received, {total.bytes_sent} sent"
        print(f"{sent}, in {total.seconds:.0f} s")
        if total.gaps:
            print(f"the link was lost {total.gaps} times, for {total.gap_seconds:.1f} s in all")

    async def _quit(self, _: str) -> None:
        raise EOFError

    # The session

    async def run(self) -> int:
        """Connect, run all lines, and return the exit code.

        Raises:
            ManagerError: the server was not reached, or the link is lost for good.
        """
        async with ready(self.mgr):
            try:
                if self._interactive:
                    await self._run_terminal()
                    return ExitCode.DONE
                return await self._run_file()
            finally:
                await self._stop_following()
                for task in self._outcomes:
                    task.cancel()
                await asyncio.gather(*self._outcomes, return_exceptions=True)

    async def _run_file(self) -> int:
        code = ExitCode.DONE
        with contextlib.suppress(EOFError):
            async for line in _lines():
                if not await self.run_line(line):
                    code = ExitCode.FAILED
        await asyncio.gather(*self._outcomes)
        return code

    async def _run_terminal(self) -> None:
        session: PromptSession[str] = PromptSession(
            message=FormattedText([("bold ansicyan", clean(self.server)), ("", "> ")]),
            completer=ShellCompleter(self),
            history=open_history(self._history),
            bottom_toolbar=self._toolbar,
            refresh_interval=0.5,
        )
        greeting = f"Asterisk (AMI {self.mgr.version})"
        print(f"{greeting}; Tab completes, :help tells more, Ctrl-D leaves")
        with patch_stdout(raw=True):
            while True:
                try:
                    line = await session.prompt_async()
                    await self._interruptible(line)
                except KeyboardInterrupt:
                    continue
                except EOFError:
                    return

    async def _interruptible(self, line: str) -> None:
        """Run a line, which Ctrl-C cancels without ending the session."""
        task = asyncio.ensure_future(self.run_line(line))
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(signal.SIGINT, task.cancel)
        try:
            await asyncio.wait([task])
        finally:
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(signal.SIGINT)
            task.cancel()
        if task.cancelled():
            notify("not waited for any more; it may be done all the same")
            return
        task.result()

    def _toolbar(self) -> FormattedText:
        state = self.mgr.state
        style = "" if state is ManagerState.READY else "bg:ansired ansiwhite"
        watched = f"   events: {', '.join(self.watched)}" if self.watched else ""
        count = f"   {self.mgr.statistics().events} events came"
        return FormattedText([(style, f" {state.value} "), ("", f"{watched}{count}")])


async def _lines() -> AsyncGenerator[str, None]:
    """Yield the lines of standard input."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        # After the loop has ended, call_soon_threadsafe raises RuntimeError.
        with contextlib.suppress(RuntimeError):
            for line in sys.stdin:
                loop.call_soon_threadsafe(queue.put_nowait, line)
            loop.call_soon_threadsafe(queue.put_nowait, "")

    # Ctrl-C does not end the reading of standard input. A daemon thread need not be joined.
    threading.Thread(target=read, daemon=True, name="aioami reads the standard input").start()
    while line := await queue.get():
        yield line
