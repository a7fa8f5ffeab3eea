"""Completion of the shell's lines by Tab."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from aioami import Action, ManagerError, core

from ..completion import action_classes, event_names, summary
from ..output import Form
from .language import classes_for, described, parameters, values_of

if TYPE_CHECKING:
    from .shell import Shell

__all__ = ["ShellCompleter"]

_TIMEOUT: Final = 1.0  # seconds for the server's completions


class ShellCompleter(Completer):
    """Completes actions, arguments and values from the catalogue, and commands by the server.

    Args:
        shell: the shell with the commands to complete, and the manager that asks the server.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,
    ) -> Iterator[Completion]:
        text = document.text_before_cursor.lstrip()
        word = re.split(r"\s", text)[-1]
        if text.startswith(("!", ":cli ")):
            return
        if text.startswith(":"):
            yield from self._own(text, word)
        elif word == text:
            yield from _choices(word, _summaries(_typed_names()))
        else:
            yield from self._arguments(text, word)

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        for each in self.get_completions(document, complete_event):
            yield each
        # Tab asks the server; other keys do not.
        if complete_event.completion_requested:
            for name, start in await self._from_server(document.text_before_cursor.lstrip()):
                yield Completion(name, start)

    def _own(self, text: str, word: str) -> Iterator[Completion]:
        """Complete a command of the shell."""
        name, blank, rest = text[1:].partition(" ")
        commands = self._shell.commands
        if not blank:
            yield from _choices(word, ((f":{each}", commands[each].summary) for each in commands))
        elif name == "help" and word == rest:
            yield from _choices(word, _summaries({**event_names(), **_typed_names()}))
        elif name == "events":
            yield from _choices(word, [("off", "none any more")] if word == rest else [])
            yield from _choices(word, _summaries(event_names()))
        elif name == "show" and word == rest:
            yield from _choices(word, ((form.value, "") for form in Form))

    def _arguments(self, text: str, word: str) -> Iterator[Completion]:
        """Complete an argument of an action, or its value."""
        name, *given = text.split()
        used = {each.partition("=")[0].lower() for each in given if "=" in each and each != word}
        for cls in classes_for(name):
            key, equals, value = word.partition("=")
            taken = parameters(cls)
            if equals:
                found = next((each for each in taken if each.lower() == key.lower()), None)
                if found is not None:
                    yield from _choices(value, values_of(cls, found))
                return
            descriptions = described(cls)
            yield from _choices(
                word,
                (
                    (f"{each}=", descriptions.get(each, ""))
                    for each, parameter in taken.items()
                    if each.lower() not in used and parameter.kind is not parameter.VAR_KEYWORD
                ),
            )

    async def _from_server(self, text: str) -> list[tuple[str, int]]:
        """Return the completions of Asterisk's own command line, each with its start before the
        cursor; none if the user may not ask for them.
        """
        word = re.split(r"\s", text)[-1]
        if text.startswith("!") or text.startswith(":cli "):
            line = text[1:].lstrip() if text.startswith("!") else text[5:].lstrip()
            word = word.removeprefix("!")
        elif found := re.fullmatch(r"(channel|queue)=(.*)", word, re.IGNORECASE):
            word = found[2]
            commands = {"channel": "core show channel ", "queue": "queue show "}
            line = commands[found[1].lower()] + word
        else:
            return []
        if '"' in line or "\\" in line:
            return []
        try:
            command = core.Command(f'_command matchesarray "{line}" "{word}"')
            response = await self._shell.mgr.send(command, timeout=_TIMEOUT)
        except (ManagerError, ValueError):
            return []
        names = dict.fromkeys(" ".join(response.data).split())
        fitting = [name for name in names if name.lower().startswith(word.lower())]
        return [(name, -len(word)) for name in fitting if name != "_EOF_"]


def _typed_names() -> dict[str, type[Action[Any]]]:
    """Return the actions by the names to type; both classes for `Originate` have one name."""
    return {cls.wire_name: cls for cls in action_classes().values()}


def _summaries(classes: dict[str, Any]) -> Iterator[tuple[str, str]]:
    return ((name, summary(cls)) for name, cls in classes.items())


def _choices(word: str, names: Iterable[tuple[str, str]]) -> Iterator[Completion]:
    for name, description in names:
        if name.lower().startswith(word.lower()):
            yield Completion(name, -len(word), display_meta=description)
