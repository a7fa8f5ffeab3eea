"""What is typed in the shell, read: `QueueAdd queue=support interface=PJSIP/alice` is an action with its arguments."""

from __future__ import annotations

import functools
import inspect
import re
import shlex
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final

from aioami import Action, enums
from aioami.actions import EVENT_CLASSES

from .completion import action_classes

__all__ = ["LineError", "action_of", "close_to", "described", "parameters", "split", "synopsis", "values_of"]

_KEYWORD: Final = re.compile(r"([A-Za-z_][\w-]*)=(.*)", re.DOTALL)
_TRUE: Final = frozenset({"yes", "true", "on", "1", "y"})
_FALSE: Final = frozenset({"no", "false", "off", "0", "n"})


class LineError(ValueError):
    """What was typed cannot be sent; the message says what to type instead."""


def split(line: str) -> list[str]:
    """The words of a line. Quotes, single or double, keep blanks together; a backslash is a sign like others.

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


def close_to(name: str, known: Iterable[str]) -> str:
    """What was meant instead of a name that does not exist, as the end of a sentence; empty if nothing is close."""
    names = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), names, n=1)
    return f"; did you mean {names[found[0]]}?" if found else ""


def classes_for(name: str) -> list[type[Action[Any]]]:
    """The classes of the catalogue for an action, by the name of the class or that on the wire, in any letter case."""
    wanted = name.lower()
    by_class = [each for key, each in action_classes().items() if key.lower() == wanted]
    return by_class or [each for each in action_classes().values() if each.wire_name.lower() == wanted]


def parameters(cls: type[Action[Any]]) -> dict[str, inspect.Parameter]:
    """The arguments that an action takes, by name."""
    return dict(inspect.signature(cls).parameters)


def action_of(line: str) -> Action[Any]:
    """The action that a line asks for.

    Arguments are `name=value`, by the names that the class has; letter case and underscores do not matter, and the begin of a
    name is enough, so that most headers' names do too. Those of which the place is known may go without a name. An argument that takes several values is repeated. An
    action that has no class is sent with the headers as they are typed.

    Raises:
        LineError: it is no action, or an argument is missing, unknown or wrong.
    """
    name, *rest = split(line) or [""]
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise LineError(f"{name or 'nothing'} is no name of an action; :help tells what can be typed")
    placed: list[str] = []
    named: list[tuple[str, str]] = []
    for word in rest:
        found = _KEYWORD.fullmatch(word)
        if found is not None:
            named.append((found[1], found[2]))
        else:
            placed.append(word)
    classes = classes_for(name)
    if not classes:
        return _unknown(name, placed, named)
    # An Originate is one of two classes: the one that takes more of what was given.
    return _known(max(classes, key=lambda each: sum(bool(_name_in(each, key)) for key, _ in named)), placed, named)


def _unknown(name: str, placed: list[str], named: list[tuple[str, str]]) -> Action[Any]:
    if placed:
        raise LineError(
            f"no action is called {name}{close_to(name, action_classes())} "
            f"To send it all the same, give each header as name=value, not {placed[0]!r}"
        )
    headers: dict[str, list[str]] = {}
    for key, value in named:
        headers.setdefault(key, []).append(value)
    try:
        return Action(name, headers)
    except ValueError as error:
        raise LineError(str(error)) from error


def _known(cls: type[Action[Any]], placed: list[str], named: list[tuple[str, str]]) -> Action[Any]:
    taken = parameters(cls)
    places = [name for name, each in taken.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    if len(placed) > len(places):
        raise LineError(f"{cls.__name__} takes {_listed(places)}; {placed[len(places)]!r} is too much")
    given: dict[str, list[str]] = {}
    for name, value in zip(places, placed, strict=False):
        given[name] = [value]
    for key, value in named:
        name = _name_in(cls, key)
        if not name:
            known = [each for each in taken if taken[each].kind is not inspect.Parameter.VAR_KEYWORD]
            raise LineError(f"{cls.__name__} has no argument {key}{close_to(key, known)} It takes {_listed(known)}")
        if name in places[: len(placed)]:
            raise LineError(f"{name}: it is given twice, as {given[name][0]!r} and as {value!r}")
        given.setdefault(name, []).append(value)
    needed = [name for name, each in taken.items() if each.default is each.empty and each.kind is not each.VAR_KEYWORD]
    nothing: dict[str, Any] = {name: None for name in needed if name not in given and "None" in _kinds(taken[name])}
    if missing := [f"{name}=" for name in needed if name not in given and name not in nothing]:
        raise LineError(f"{cls.__name__} needs {_listed(missing)} as well")
    arguments = {
        name: _converted(name, _kinds(taken[name]) if name in taken else ["str"], texts)
        for name, texts in given.items()
    }
    try:
        return cls(**nothing, **arguments)
    except (TypeError, ValueError) as error:
        raise LineError(str(error)) from error


def _name_in(cls: type[Action[Any]], key: str) -> str:
    """The argument that a name means: as it is written, or the only one that begins like it; empty if there is none."""
    taken = parameters(cls)
    plain = {_plain(name): name for name, each in taken.items() if each.kind is not each.VAR_KEYWORD}
    wanted = _plain(key)
    if wanted in plain:
        return plain[wanted]
    if any(each.kind is each.VAR_KEYWORD for each in taken.values()):
        return key
    found = [name for each, name in plain.items() if each.startswith(wanted)]
    return found[0] if len(found) == 1 else ""


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "no arguments"


def _kinds(parameter: inspect.Parameter) -> list[str]:
    """What an argument takes: the alternatives of its annotation, those in brackets aside."""
    return [each.strip() for each in re.split(r"\|(?![^\[]*\])", str(parameter.annotation))]


def _converted(name: str, kinds: list[str], texts: list[str]) -> Any:
    """What texts mean to an argument that takes one of these kinds."""
    outer = [each.partition("[")[0] for each in kinds]
    if "Mapping" in outer:
        return dict(_pair(name, text) for text in texts)
    if any(kind.startswith("Iterable[Sequence") for kind in kinds):  # the changes of UpdateConfig
        return [tuple(text.split(",")) for text in texts]
    several = "Sequence" in outer or "Iterable" in outer
    if several and (len(texts) > 1 or "str" not in outer):
        inner = "int" if "Sequence[int]" in kinds else "str"
        return [_one(name, [inner], text) for text in texts]
    if len(texts) > 1:
        raise LineError(f"{name}: it takes one value, and is given {len(texts)}")
    return _one(name, outer, texts[0])


def _pair(name: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise LineError(f"{name}: a name and its value, as {name}=NAME=value, not {text!r}")
    return key, value


def _one(name: str, kinds: list[str], text: str) -> Any:
    if "str" in kinds:
        return text
    if "bool" in kinds:
        word = text.lower()
        if word not in _TRUE | _FALSE:
            raise LineError(f"{name}: yes or no, not {text!r}")
        return word in _TRUE
    for kind, convert, what in (("int", int, "a whole number"), ("float", float, "a number")):
        if kind in kinds:
            try:
                return convert(text)
            except ValueError:
                raise LineError(f"{name}: {what}, not {text!r}") from None
    return text


def values_of(cls: type[Action[Any]], parameter: str) -> list[tuple[str, str]]:
    """What an argument may be, where it is one of a few: each value, and what it means."""
    annotation = str(parameters(cls)[parameter].annotation)
    schema = _schema().get(f"actions.{cls.__name__}", {}).get("properties", {}).get(parameter, {})
    if "enum" in schema:
        return [(str(each), "") for each in schema["enum"]]
    if parameter in ("mask", "events") and annotation.startswith("bool | str | Iterable"):
        return [("on", "all events"), ("off", "none"), *((each, "a class of events") for each in EVENT_CLASSES[:-2])]
    for kind in re.findall(r"\w+", annotation):
        members = getattr(enums, kind, None)
        if kind in enums.__all__ and members is not None:
            return [(member.name.lower(), str(member.value)) for member in members]
    if "bool" in re.findall(r"\w+", annotation):
        return [("yes", ""), ("no", "")]
    return []


@functools.cache
def _schema() -> dict[str, Any]:
    from aioami.schema import json_schema

    found: dict[str, Any] = json_schema()["$defs"]
    return found


def described(cls: type[Action[Any]]) -> dict[str, str]:
    """What the class says of each of its arguments."""
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
    """How an action is typed: what may be left out stands in brackets."""
    told = []
    for name, each in parameters(cls).items():
        if each.kind is each.VAR_KEYWORD:
            told.append("[NAME=...]")
        elif each.default is each.empty:
            told.append(f"{name}=...")
        else:
            told.append(f"[{name}=...]")
    return " ".join([cls.__name__, *told])
