"""Parser of the shell's lines: `QueueAdd queue=support interface=PJSIP/alice` is an action."""

from __future__ import annotations

import functools
import inspect
import re
import shlex
from collections.abc import Iterable
from typing import Any, Final

from aioami import Action, enums
from aioami.actions import EVENT_CLASSES

from ..completion import action_classes, close_name

__all__ = [
    "LineError",
    "action_of",
    "classes_for",
    "described",
    "parameters",
    "split",
    "suggestion",
    "synopsis",
    "values_of",
]

_KEYWORD: Final = re.compile(r"([A-Za-z_][\w-]*)=(.*)", re.DOTALL)
_TRUE: Final = frozenset({"yes", "true", "on", "1", "y"})
_FALSE: Final = frozenset({"no", "false", "off", "0", "n"})


class LineError(ValueError):
    """A line is no action that can be sent; the message says what to type instead."""


def split(line: str) -> list[str]:
    """Split a line into words. Quotes keep blanks; a backslash is an ordinary character.

    Raises:
        LineError: a quote is not closed.
    """
    reader = shlex.shlex(line, posix=True, punctuation_chars=False)
    reader.whitespace_split = True
    reader.escape = reader.commenters = ""
    try:
        return list(reader)
    except ValueError:
        raise LineError("a quotation mark is not closed") from None


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence with the closest known name; empty if none is close."""
    close = close_name(name, known)
    return f"; did you mean {close}?" if close else ""


def classes_for(name: str) -> list[type[Action[Any]]]:
    """Return the catalogue's classes for an action, by class or wire name in any letter case."""
    wanted = name.lower()
    known = action_classes()
    by_class = [cls for name, cls in known.items() if name.lower() == wanted]
    return by_class or [cls for cls in known.values() if cls.wire_name.lower() == wanted]


def parameters(cls: type[Action[Any]]) -> dict[str, inspect.Parameter]:
    """Return the arguments of an action's class, by name."""
    return dict(inspect.signature(cls).parameters)


def action_of(line: str) -> Action[Any]:
    """Parse a line as an action.

    Arguments are `name=value`, with the names of the class. Letter case and underscores do not
    matter, and the beginning of a name is enough if only one name begins so. Most wire names of
    headers work, too. Positional arguments need no name. An argument that takes several values is
    repeated. An action without a class is sent with the headers as they are typed.

    Raises:
        LineError: the line is no action, or an argument is missing, unknown or wrong.
    """
    name, *rest = split(line) or [""]
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        problem = f"{name or 'nothing'} is no name of an action"
        raise LineError(f"{problem}; :help tells what can be typed")
    positional: list[str] = []
    named: list[tuple[str, str]] = []
    for word in rest:
        found = _KEYWORD.fullmatch(word)
        if found is not None:
            named.append((found[1], found[2]))
        else:
            positional.append(word)
    classes = classes_for(name)
    if not classes:
        return _untyped(name, positional, named)

    # Originate has two classes: the one that takes more of the given arguments is used.
    def fitting(cls: type[Action[Any]]) -> int:
        return sum(bool(_name_in(cls, key)) for key, _ in named)

    return _typed(max(classes, key=fitting), positional, named)


def _untyped(name: str, positional: list[str], named: list[tuple[str, str]]) -> Action[Any]:
    """Return an action that the catalogue does not have."""
    if positional:
        raise LineError(
            f"no action is called {name}{suggestion(name, action_classes()) or '.'} "
            f"To send it all the same, give each header as name=value, not {positional[0]!r}"
        )
    headers: dict[str, list[str]] = {}
    for key, value in named:
        headers.setdefault(key, []).append(value)
    try:
        return Action(name, headers)
    except ValueError as error:
        raise LineError(str(error)) from error


def _typed(
    cls: type[Action[Any]],
    positional: list[str],
    named: list[tuple[str, str]],
) -> Action[Any]:
    """Return an action of a class of the catalogue."""
    taken = parameters(cls)
    places = [name for name, each in taken.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    if len(positional) > len(places):
        surplus = positional[len(places)]
        raise LineError(f"{cls.__name__} takes {_listed(places)}; {surplus!r} is too much")
    given = {name: [value] for name, value in zip(places, positional, strict=False)}
    for key, value in named:
        name = _name_in(cls, key)
        if not name:
            known = [name for name, each in taken.items() if each.kind is not each.VAR_KEYWORD]
            meant = suggestion(key, known) or "."
            problem = f"{cls.__name__} has no argument {key}{meant}"
            raise LineError(f"{problem} It takes {_listed(known)}")
        if name in places[: len(positional)]:
            raise LineError(f"{name}: it is given twice, as {given[name][0]!r} and as {value!r}")
        given.setdefault(name, []).append(value)
    missing = [
        name
        for name, each in taken.items()
        if name not in given and each.default is each.empty and each.kind is not each.VAR_KEYWORD
    ]
    # An argument without a default that may be None is left out as None.
    empty: dict[str, Any] = {name: None for name in missing if "None" in _kinds(taken[name])}
    if needed := [f"{name}=" for name in missing if name not in empty]:
        raise LineError(f"{cls.__name__} needs {_listed(needed)} as well")
    arguments = {
        name: _converted(name, _kinds(taken[name]) if name in taken else ["str"], texts)
        for name, texts in given.items()
    }
    try:
        return cls(**empty, **arguments)
    except (TypeError, ValueError) as error:
        raise LineError(str(error)) from error


def _name_in(cls: type[Action[Any]], key: str) -> str:
    """Return the argument of a class for a typed name; empty if there is none.

    It is the argument with that name, or the only one whose name begins with it.
    """
    taken = parameters(cls).items()
    names = [name for name, each in taken if each.kind is not each.VAR_KEYWORD]
    by_key = {_normalized(name): name for name in names}
    wanted = _normalized(key)
    if wanted in by_key:
        return by_key[wanted]
    if len(names) < len(taken):  # the class takes any header
        return key
    found = [name for each, name in by_key.items() if each.startswith(wanted)]
    return found[0] if len(found) == 1 else ""


def _normalized(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "no arguments"


def _kinds(parameter: inspect.Parameter) -> list[str]:
    """Return the alternatives of an annotation; a `|` within brackets does not separate."""
    return [each.strip() for each in re.split(r"\|(?![^\[]*\])", str(parameter.annotation))]


def _converted(name: str, kinds: list[str], texts: list[str]) -> Any:
    """Convert the texts of one argument to a value of one of its kinds."""
    outer = [each.partition("[")[0] for each in kinds]
    if "Mapping" in outer:
        return dict(_pair(name, text) for text in texts)
    # For the changes of UpdateConfig, each of which is a sequence.
    if any(kind.startswith("Iterable[Sequence") for kind in kinds):
        return [tuple(text.split(",")) for text in texts]
    several = "Sequence" in outer or "Iterable" in outer
    if several and (len(texts) > 1 or "str" not in outer):
        inner = "int" if "Sequence[int]" in kinds else "str"
        return [_scalar(name, [inner], text) for text in texts]
    if len(texts) > 1:
        raise LineError(f"{name}: it takes one value, and is given {len(texts)}")
    return _scalar(name, outer, texts[0])


def _pair(name: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise LineError(f"{name}: a name and its value, as {name}=NAME=value, not {text!r}")
    return key, value


def _scalar(name: str, kinds: list[str], text: str) -> Any:
    if "str" in kinds:
        return text
    if "bool" in kinds:
        word = text.lower()
        if word not in _TRUE | _FALSE:
            raise LineError(f"{name}: yes or no, not {text!r}")
        return word in _TRUE
    numbers = (("int", int, "a whole number"), ("float", float, "a number"))
    for kind, convert, description in numbers:
        if kind in kinds:
            try:
                return convert(text)
            except ValueError:
                raise LineError(f"{name}: {description}, not {text!r}") from None
    return text


def values_of(cls: type[Action[Any]], parameter: str) -> list[tuple[str, str]]:
    """Return the values of an argument, each with its meaning; empty if there are too many."""
    annotation = str(parameters(cls)[parameter].annotation)
    words = re.findall(r"\w+", annotation)
    properties = _schema().get(f"actions.{cls.__name__}", {}).get("properties", {})
    if "enum" in properties.get(parameter, {}):
        return [(str(each), "") for each in properties[parameter]["enum"]]
    if parameter in ("mask", "events") and annotation.startswith("bool | str | Iterable"):
        classes = [(each, "a class of events") for each in EVENT_CLASSES[:-2]]
        return [("on", "all events"), ("off", "none"), *classes]
    for word in words:
        members = getattr(enums, word, None)
        if word in enums.__all__ and members is not None:
            return [(member.name.lower(), str(member.value)) for member in members]
    return [("yes", ""), ("no", "")] if "bool" in words else []


@functools.cache
def _schema() -> dict[str, Any]:
    from aioami.schema import json_schema

    found: dict[str, Any] = json_schema()["$defs"]
    return found


def described(cls: type[Action[Any]]) -> dict[str, str]:
    """Return the descriptions of a class's arguments, from its docstring."""
    found: dict[str, str] = {}
    inside = False
    names: list[str] = []
    for line in inspect.cleandoc(cls.__doc__ or "").splitlines():
        if line.strip() == "Args:":
            inside = True
        elif inside and not line.startswith("    "):
            if line.strip():
                inside = False
        elif inside and (start := re.fullmatch(r"    (\w+(?:, \w+)*): (.*)", line)):
            names = start[1].split(", ")
            found.update(dict.fromkeys(names, start[2]))
        elif inside:
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return found


def synopsis(cls: type[Action[Any]]) -> str:
    """Return the line that sends an action; optional arguments are in brackets."""
    words = [cls.__name__]
    for name, each in parameters(cls).items():
        if each.kind is each.VAR_KEYWORD:
            words.append("[NAME=...]")
        elif each.default is each.empty:
            words.append(f"{name}=...")
        else:
            words.append(f"[{name}=...]")
    return " ".join(words)
