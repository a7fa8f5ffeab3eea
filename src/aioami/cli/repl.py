"""The shell itself: its commands, its completion, and its loop on a terminal or over a file."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import re
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

from aioami import (
    Action,
    ActionError,
    ConnectionLost,
    Disconnected,
    Manager,
    ManagerError,
    ManagerState,
    Reconnected,
    UnknownAction,
    core,
)

from .common import ExitCode, say
from .completion import action_classes, event_names, summary
from .language import (
    LineError,
    action_of,
    classes_for,
    close_to,
    described,
    parameters,
    split,
    synopsis,
    values_of,
)
from .showing import Form, Printer, clean

__all__ = ["SafeHistory", "Shell", "ShellCompleter"]

_PATIENCE: Final = 30.0  # seconds for the answer to an action
_COMMAND_PATIENCE: Final = 60.0
_COMPLETION_PATIENCE: Final = 1.0
_INTRODUCTION: Final = """\
Type an action and its arguments, as it is or by name; Tab completes both.

    QueueStatus queue=support
    QueueAdd PJSIP/alice support paused=yes
    Originate channel=PJSIP/alice application=Playback data=hello-world

A command of Asterisk's own command line has a ! before it:

    !core show channels

And these are the shell's own:
"""


class Shell:
    """One session of typing.

    Args:
        mgr: the manager, which is connected when it runs, and closed in the end.
        where: what the prompt calls the server.
        as_json: whether answers are JSON.
        history: where lines are kept; in the user's state directory if left out.
        interactive: whether there is a terminal to type at; if left out, whether that of the process is one.
    """

    def __init__(
        self,
        mgr: Manager,
        where: str,
        *,
        as_json: bool = False,
        history: Path | None = None,
        interactive: bool | None = None,
    ) -> None:
        self.mgr = mgr
        self.where = where
        self.watched: tuple[str, ...] = ()
        self._history = history
        self._interactive = sys.stdin.isatty() and sys.stdout.isatty() if interactive is None else interactive
        self._answers = Printer(Form.JSON if as_json else Form.BRIEF)
        self._events = Printer(Form.JSON if as_json else Form.BRIEF)
        self._following: asyncio.Task[None] | None = None
        self._outcomes: set[asyncio.Task[None]] = set()
        self.commands: dict[str, tuple[Callable[[str], Awaitable[None]], str, str]] = {
            "help": (self._help, "[NAME]", "this, or what an action or an event is"),
            "actions": (self._list_actions, "[PATTERN]", "the actions that there are"),
            "events": (self._watch, "[PATTERN ...|off]", "show events of these names while you type"),
            "cli": (self.command, "COMMAND", "run a command of Asterisk's command line, as ! does"),
            "show": (self._choose_form, "brief|full|json", "how answers are shown"),
            "state": (self._state, "", "the link, and what went over it"),
            "quit": (self._quit, "", "leave, as Ctrl-D does"),
        }

    # One line

    async def run_line(self, line: str) -> bool:
        """Do what a line says, and show what comes of it; whether all went well.

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
            say(f"{error}{close_to(split(line)[0], action_classes())}")
        except (LineError, ActionError, TypeError) as error:
            say(str(error))
        except ConnectionLost as error:
            if self.mgr.state in (ManagerState.LOST, ManagerState.CLOSED):
                raise
            say(str(error))
        except ManagerError as error:
            say(str(error))
        except ValueError as error:
            say(str(error))
        else:
            return True
        return False

    async def _own(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        found = [each for each in self.commands if each.startswith(name.lower())] if name else []
        if name.lower() in self.commands:
            found = [name.lower()]
        if len(found) != 1:
            raise LineError(f"there is no :{name}; :help tells what there is")
        await self.commands[found[0]][0](rest.strip())

    async def _send(self, action: Action[Any]) -> None:
        patience = _PATIENCE if action.timeout is None else action.timeout
        response = await self.mgr.send(action, timeout=patience)
        self._answers.response(response)
        outcome = getattr(response, "outcome", None)
        if outcome is not None:
            task = asyncio.ensure_future(self._tell_outcome(outcome()))
            self._outcomes.add(task)
            task.add_done_callback(self._outcomes.discard)

    async def _tell_outcome(self, outcome: Awaitable[Any]) -> None:
        try:
            self._events.event(await outcome)
        except ManagerError as error:
            say(str(error))

    async def command(self, text: str) -> None:
        """Run a command of Asterisk's command line, and show its output."""
        if not text:
            raise LineError("a command of Asterisk's command line is missing, as in: !core show channels")
        response = await self.mgr.send(core.Command(text), timeout=_COMMAND_PATIENCE, check=False)
        for line in response.data:
            print(_plain(line))
        if not response.success:
            raise LineError("Asterisk refused the command" if response.data else response.message)

    # The shell's own commands

    async def _help(self, name: str) -> None:
        if not name:
            print(_INTRODUCTION)
            for command, (_, arguments, what) in self.commands.items():
                print(f"    :{f'{command} {arguments}'.strip():24}  {what}")
            return
        found: list[type] = [*classes_for(name)]
        found += [cls for key, cls in event_names().items() if key.lower() == name.lower()]
        if not found:
            raise LineError(
                f"there is no action and no event {name}{close_to(name, {**action_classes(), **event_names()})}"
            )
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
            if values := [value for value, _ in values_of(cls, name) if value not in ("yes", "no")]:
                print(f"\n{name} is one of: {', '.join(values)}")
        if cls.privilege:
            print(f"\nIt needs one of the write classes: {', '.join(cls.privilege)}")

    async def _list_actions(self, pattern: str) -> None:
        wanted = f"*{pattern.lower()}*" if pattern and not re.search(r"[*?\[]", pattern) else pattern.lower() or "*"
        found = {name: cls for name, cls in action_classes().items() if fnmatchcase(name.lower(), wanted)}
        if not found:
            raise LineError(f"no action is called {pattern}")
        width = max(map(len, found))
        for name, cls in found.items():
            print(f"{name:{width}}  {summary(cls)}")

    async def _watch(self, text: str) -> None:
        names = split(text)
        if not names:
            print(f"watching {', '.join(self.watched)}" if self.watched else "watching no events; :events Queue* does")
            return
        await self._stop_following()
        self.watched = () if names == ["off"] else tuple(names)
        if self.watched:
            for name in names:
                if not re.search(r"[*?\[]", name) and name.lower() not in map(str.lower, event_names()):
                    say(f"no event of Asterisk is called {name}{close_to(name, event_names())}")
            self._following = asyncio.ensure_future(self._follow())

    async def _follow(self) -> None:
        with self.mgr.events(*self.watched) as stream, contextlib.suppress(ManagerError):
            async for event in stream:
                if not isinstance(event, (Disconnected, Reconnected)):  # what the library logs tells that
                    self._events.event(event)

    async def _stop_following(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
            self._following = None

    async def _choose_form(self, name: str) -> None:
        if name not in Form.__members__.values():
            raise LineError(f"brief, full or json, not {name or 'nothing'}")
        self._answers.form = Form(name)

    async def _state(self, _: str) -> None:
        told = self.mgr.statistics()
        print(f"{self.where} is {self.mgr.state.value}; AMI {self.mgr.version}")
        print(
            f"{told.events} events, {told.actions} actions ({told.errors} refused, {told.failures} without an answer)"
        )
        print(f"{told.bytes_received} bytes received, {told.bytes_sent} sent, in {told.seconds:.0f} s")
        if told.gaps:
            print(f"the link was lost {told.gaps} times, for {told.gap_seconds:.1f} s in all")

    async def _quit(self, _: str) -> None:
        raise EOFError

    # The session

    async def run(self) -> int:
        """Connect, take lines until there are no more, and return the exit code.

        Raises:
            ManagerError: the server was not reached, or the link is lost for good.
        """
        async with self.mgr:
            try:
                if self._interactive:
                    await self._converse()
                    return ExitCode.DONE
                return await self._read()
            finally:
                await self._stop_following()
                for task in self._outcomes:
                    task.cancel()
                await asyncio.gather(*self._outcomes, return_exceptions=True)

    async def _read(self) -> int:
        code = ExitCode.DONE
        with contextlib.suppress(EOFError):
            async for line in _lines():
                if not await self.run_line(line):
                    code = ExitCode.FAILED
        await asyncio.gather(*self._outcomes)
        return code

    async def _converse(self) -> None:
        history = self._open_history()
        session: PromptSession[str] = PromptSession(
            message=FormattedText([("bold ansicyan", clean(self.where)), ("", "> ")]),
            completer=ShellCompleter(self),
            history=history,
            bottom_toolbar=self._toolbar,
            refresh_interval=0.5,
        )
        print(f"Asterisk (AMI {self.mgr.version}); Tab completes, :help tells more, Ctrl-D leaves")
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
        """Run a line; Ctrl-C ends it, and not the session."""
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
            say("not waited for any more; it may be done all the same")
            return
        task.result()

    def _toolbar(self) -> FormattedText:
        state = self.mgr.state
        style = "" if state is ManagerState.READY else "bg:ansired ansiwhite"
        watched = f"   events: {', '.join(self.watched)}" if self.watched else ""
        return FormattedText(
            [(style, f" {state.value} "), ("", f"{watched}   {self.mgr.statistics().events} events came")]
        )

    def _open_history(self) -> History:
        path = self._history
        if path is None:
            import platformdirs

            path = platformdirs.user_state_path("aioami", appauthor=False) / "history"
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        except OSError as error:
            say(f"what is typed is not kept: {error}")
            return InMemoryHistory()
        return SafeHistory(str(path))


async def _lines() -> AsyncGenerator[str, None]:
    """The lines of the standard input, read by a thread that nobody has to wait for: Ctrl-C does not end its reading."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            for line in sys.stdin:
                loop.call_soon_threadsafe(queue.put_nowait, line)
            loop.call_soon_threadsafe(queue.put_nowait, "")

    threading.Thread(target=read, daemon=True, name="aioami reads the standard input").start()
    while line := await queue.get():
        yield line


def _plain(line: str) -> str:
    """A line of a command's output without colours, and with nothing else in it that the terminal would obey."""
    return "\t".join(clean(part) for part in re.sub(r"\x1b\[[\d;]*m", "", line).split("\t"))


class SafeHistory(FileHistory):
    """Keeps what was typed in a file, without the lines that have something secret in them."""

    def store_string(self, string: str) -> None:
        if not has_secret(string):
            super().store_string(string)


def has_secret(line: str) -> bool:
    """Whether something in a line would be left out of a log; a line that cannot be read may have."""
    line = line.strip()
    own = re.fullmatch(r"(?:!|:cli\s)\s*(.*)", line, re.DOTALL)
    try:
        if own is not None:
            action: Action[Any] = core.Command(own[1])
        elif line.startswith(":"):
            return False
        else:
            action = action_of(line)
    except (LineError, TypeError, ValueError):
        return re.search(r"secret|pass|pwd|pin|token|key|credential", line, re.IGNORECASE) is not None
    return "***" in repr(action)


class ShellCompleter(Completer):
    """Completes actions, their arguments and their values from the catalogue, and commands by asking Asterisk.

    Args:
        shell: whose manager asks, and whose commands there are.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        text = document.text_before_cursor.lstrip()
        word = re.split(r"\s", text)[-1]
        if text.startswith(("!", ":cli ")):
            return
        if text.startswith(":"):
            yield from self._own(text, word)
        elif word == text:
            yield from _choices(word, ((name, summary(cls)) for name, cls in _typed_names().items()))
        else:
            yield from self._arguments(text, word)

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        for each in self.get_completions(document, complete_event):
            yield each
        if complete_event.completion_requested:  # not with every key: it asks the server
            for name, start in await self._asked(document.text_before_cursor.lstrip()):
                yield Completion(name, start)

    def _own(self, text: str, word: str) -> Iterator[Completion]:
        name, blank, rest = text[1:].partition(" ")
        commands = self._shell.commands
        if not blank:
            yield from _choices(word, ((f":{each}", what) for each, (_, _, what) in commands.items()))
        elif name == "help" and word == rest:
            known = {**event_names(), **_typed_names()}
            yield from _choices(word, ((each, summary(cls)) for each, cls in known.items()))
        elif name == "events":
            yield from _choices(word, [("off", "none any more")] if word == rest else [])
            yield from _choices(word, ((each, summary(cls)) for each, cls in event_names().items()))
        elif name == "show" and word == rest:
            yield from _choices(word, ((form.value, "") for form in Form))

    def _arguments(self, text: str, word: str) -> Iterator[Completion]:
        name, *given = text.split()
        used = {each.partition("=")[0].lower() for each in given if "=" in each and each != word}
        for cls in classes_for(name):
            key, equals, value = word.partition("=")
            if equals:
                found = next((each for each in parameters(cls) if each.lower() == key.lower()), None)
                if found is not None:
                    yield from _choices(value, values_of(cls, found))
                return
            told = described(cls)
            wanted = (
                (f"{each}=", told.get(each, ""))
                for each, parameter in parameters(cls).items()
                if each.lower() not in used and parameter.kind is not parameter.VAR_KEYWORD
            )
            yield from _choices(word, wanted)

    async def _asked(self, text: str) -> list[tuple[str, int]]:
        """What Asterisk's own command line would complete, with where it begins; nothing if the user may not ask."""
        word = re.split(r"\s", text)[-1]
        if text.startswith("!") or text.startswith(":cli "):
            line = text[1:].lstrip() if text.startswith("!") else text[5:].lstrip()
            word = word.removeprefix("!")
        elif found := re.fullmatch(r"(channel|queue)=(.*)", word, re.IGNORECASE):
            word = found[2]
            line = {"channel": "core show channel ", "queue": "queue show "}[found[1].lower()] + word
        else:
            return []
        if '"' in line or "\\" in line:
            return []
        try:
            asked = core.Command(f'_command matchesarray "{line}" "{word}"')
            response = await self._shell.mgr.send(asked, timeout=_COMPLETION_PATIENCE)
        except (ManagerError, ValueError):
            return []
        names = dict.fromkeys(" ".join(response.data).split())
        return [(name, -len(word)) for name in names if name != "_EOF_" and name.lower().startswith(word.lower())]


def _typed_names() -> dict[str, type[Action[Any]]]:
    """The actions as they are typed: an Originate is one, whichever of its classes it will be."""
    return {cls.wire_name: cls for cls in action_classes().values()}


def _choices(word: str, names: Iterable[tuple[str, str]]) -> Iterator[Completion]:
    for name, what in names:
        if name.lower().startswith(word.lower()):
            yield Completion(name, -len(word), display_meta=what)
