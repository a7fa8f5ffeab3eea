"""The dialplan: extensions.conf, the expressions in `${...}`, and channels that run through it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ..config import ConfigFile
from .channels import STATES, Channel, Gone, Party, Redirected, ToBridge
from .states import DEVICE_STATES

if TYPE_CHECKING:
    from . import Exchange

__all__ = [
    "Dialplan",
    "NotSet",
    "arguments",
    "enter_subroutine",
    "read",
    "run",
    "run_subroutine",
    "seconds_of",
    "substitute",
    "write",
]

_STEP: Final = re.compile(r"([\w ]+?)\s*(?:\((.*)\))?\s*$", re.DOTALL)
_COUNTED: Final = re.compile(r"([nN])(?:\+(\d+))?|\d+")
_STEPS: Final = 1000  # steps at one moment of the clock; the next step waits
_FUNCTION: Final = re.compile(r"([A-Z_]+)\((.*)\)$", re.DOTALL)
_CHARACTERS: Final = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": ".+", "!": ".*"}


_LONGEST: Final = 1e9  # seconds that anything may take
_GENERAL: Final = {"N": 8, "Z": 9, "X": 10, ".": 100, "!": 101}


class NotSet(Exception):
    """The variable or function cannot be written."""


@dataclass
class Context:
    """A context of the dialplan.

    Attributes:
        steps: application and arguments, by extension and priority.
        labels: labels of priorities, by extension.
        hints: devices, by extension.
        includes: names of included contexts.
    """

    steps: dict[str, dict[int, tuple[str, str]]] = field(default_factory=dict)
    labels: dict[str, dict[str, int]] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    includes: list[str] = field(default_factory=list)


class Dialplan:
    """All contexts of a file.

    Args:
        file: extensions.conf.

    Raises:
        ValueError: a priority is neither a number nor `n`.

    Attributes:
        contexts: by name.
        variables: the global ones.
    """

    def __init__(self, file: ConfigFile) -> None:
        self.contexts: dict[str, Context] = {}
        self.variables: dict[str, str] = {}
        for category in file.categories:
            if category.name == "globals":
                self.variables.update(category.lines)
            elif category.name != "general":
                self._read(self.context(category.name), category.lines)

    def context(self, name: str) -> Context:
        """Return a context, which is made if it is new."""
        return self.contexts.setdefault(name, Context())

    def _read(self, context: Context, lines: list[tuple[str, str]]) -> None:
        exten, priority = "", 0
        for name, value in lines:
            if name == "include":
                context.includes.append(value)
                continue
            if name not in ("exten", "same"):
                continue
            if name == "exten":
                exten, _, value = (part.strip() for part in value.partition(","))
            number, _, step = (part.strip() for part in value.partition(","))
            number, _, label = number.rstrip(")").partition("(")
            if number == "hint":
                context.hints[exten] = step
                continue
            counted = _COUNTED.fullmatch(number)
            if counted is None:
                raise ValueError(
                    f"extensions.conf: the priority of {exten!r} is a number or n, not {number!r}",
                )
            priority = priority + int(counted[2] or 1) if counted[1] else int(number)
            self.add(context, exten, priority, step, label)

    def add(self, context: Context, exten: str, priority: int, step: str, label: str = "") -> None:
        """Add one step."""
        found = _STEP.match(step)
        if found is not None:
            context.steps.setdefault(exten, {})[priority] = (found[1], found[2] or "")
        if label:
            context.labels.setdefault(exten, {})[label] = priority

    def find(
        self,
        context: str,
        exten: str,
        seen: frozenset[str] = frozenset(),
    ) -> tuple[Context, str] | None:
        """Find the context and the extension, or pattern, for a number."""
        here = self.contexts.get(context)
        if here is None or context in seen:
            return None
        if exten in here.steps:
            return here, exten
        patterns = [pattern for pattern in here.steps if pattern.startswith("_")]
        for pattern in sorted(patterns, key=_how_general):
            if _pattern(pattern).fullmatch(exten):
                return here, pattern
        for included in here.includes:
            if found := self.find(included, exten, seen | {context}):
                return found
        return None

    def step(self, context: str, exten: str, priority: int) -> tuple[str, str] | None:
        """Return the application at a place, and its arguments as they are written."""
        found = self.find(context, exten)
        return None if found is None else found[0].steps[found[1]].get(priority)

    def priority(self, context: str, exten: str, text: str) -> int | None:
        """Return the priority for a number or a label."""
        if text.isdecimal():
            return int(text)
        found = self.find(context, exten)
        return None if found is None else found[0].labels.get(found[1], {}).get(text)

    def hint(self, context: str, exten: str) -> str | None:
        """Return the devices of an extension."""
        here = self.contexts.get(context)
        return None if here is None else here.hints.get(exten)


def _parts(pattern: str) -> list[str]:
    return re.findall(r"\[[^\]]*\]|.", pattern[1:])


def _pattern(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile("".join(map(_expression, _parts(pattern))))
    except re.error:
        return re.compile(r"(?!)")  # matches nothing


def _expression(part: str) -> str:
    if part.startswith("[") and part != "[":
        return part
    return _CHARACTERS.get(part.upper(), re.escape(part))


def _how_general(pattern: str) -> list[int]:
    """Return the number of characters that each part matches; the lowest is tried first."""
    return list(map(_width, _parts(pattern)))


def _width(part: str) -> int:
    return len(part) if part.startswith("[") else _GENERAL.get(part.upper(), 1)


def arguments(data: str) -> list[str]:
    """Split arguments at commas that are not quoted, escaped or in brackets."""
    found, depth, quoted, escaped = [""], 0, False, False
    for character in data:
        if escaped:
            found[-1] += character
            escaped = False
            continue
        if character == "\\":
            escaped = True
            continue
        if character == '"':
            quoted = not quoted
            continue
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
        if character == "," and not quoted and depth <= 0:
            found.append("")
        else:
            found[-1] += character
    return found


def substitute(exchange: Exchange, channel: Channel | None, text: str) -> str:
    """Replace each `${...}` by its value."""
    start = text.find("${")
    if start < 0:
        return text
    depth, end = 0, start
    while end < len(text):
        if text.startswith("${", end):
            depth += 1
        elif text[end] == "}":
            depth -= 1
            if not depth:
                break
        end += 1
    else:
        return text  # the brace is never closed
    # A value is not searched for further `${...}`.
    value = read(exchange, channel, substitute(exchange, channel, text[start + 2 : end]))
    return text[:start] + value + substitute(exchange, channel, text[end + 1 :])


_BUILT_IN: Final[dict[str, Callable[[Channel], str]]] = {
    "EXTEN": lambda channel: channel.next_place[1],
    "CONTEXT": lambda channel: channel.next_place[0],
    "PRIORITY": lambda channel: str(channel.next_place[2]),
    "CHANNEL": lambda channel: channel.name,
    "UNIQUEID": lambda channel: channel.uniqueid,
    "HANGUPCAUSE": lambda channel: str(channel.cause),
    "ACCOUNTCODE": lambda channel: channel.account,
}
_PARTIES: Final[dict[str, Callable[[Channel], Party]]] = {
    "CALLERID": lambda channel: channel.caller,
    "CONNECTEDLINE": lambda channel: channel.connected,
}
_CHANNEL_ITEMS: Final[dict[str, Callable[[Channel], str]]] = {
    "name": lambda channel: channel.name,
    "language": lambda channel: channel.language,
    "accountcode": lambda channel: channel.account,
    "state": lambda channel: STATES[channel.state],
    "uniqueid": lambda channel: channel.uniqueid,
    "linkedid": lambda channel: channel.linkedid,
    "channeltype": lambda channel: channel.technology,
    "context": lambda channel: channel.context,
    "exten": lambda channel: channel.exten,
    "hangupsource": lambda channel: "",
    "checkhangup": lambda channel: str(int(channel.is_leaving)),
}


def read(exchange: Exchange, channel: Channel | None, name: str, *, inhibited: bool = False) -> str:
    """Return the value of a variable or function; empty if there is none.

    Args:
        exchange: the exchange.
        channel: the channel, or `None` for a global variable.
        name: the text between the braces.
        inhibited: if true, functions that reach outside the channel are refused, as for a manager.
    """
    found = _FUNCTION.match(name)
    if found is None:
        if channel is None:
            return exchange.dialplan.variables.get(name, "")
        if name in _BUILT_IN:
            return _BUILT_IN[name](channel)
        return channel.variables.get(name, exchange.dialplan.variables.get(name, ""))
    function, inside = found[1], found[2]
    if function == "DB" and not inhibited:
        family, _, key = inside.partition("/")
        value = exchange.database.get((family, key), "")
        if channel is not None:
            channel.set_variable("DB_RESULT", value)
        return value
    if function == "DEVICE_STATE":
        return exchange.states.device(inside)
    if function == "GLOBAL":
        return exchange.dialplan.variables.get(inside, "")
    if channel is None:
        return ""
    if function == "CHANNEL":
        item = _CHANNEL_ITEMS.get(inside)
        return "" if item is None else item(channel)
    if function in _PARTIES:
        party = _PARTIES[function](channel)
        whole = f'"{party.name}" <{party.number}>'
        return {"num": party.number, "name": party.name, "all": whole}.get(inside, "")
    if function in ("CDR", "TIMEOUT"):
        return channel.variables.get(name, "")
    return ""


def write(
    exchange: Exchange,
    channel: Channel | None,
    name: str,
    value: str,
    *,
    inhibited: bool = False,
) -> None:
    """Set a variable, or write a function.

    Raises:
        NotSet: the function cannot be written here.
    """
    found = _FUNCTION.match(name)
    if found is None:
        if channel is not None:
            channel.set_variable(name, value)
            return
        exchange.dialplan.variables[name] = value
        place = [("Channel", "none"), ("Uniqueid", "none")]
        exchange.emit_variable(place, name, value)
        return
    function, inside = found[1], found[2]
    if function == "DEVICE_STATE" and inside.startswith("Custom:"):
        if value.upper() not in DEVICE_STATES:
            raise NotSet
        exchange.states.set(inside, value)
    elif function == "DB" and not inhibited:
        family, _, key = inside.partition("/")
        exchange.database[family, key] = value
    elif function == "GLOBAL":
        write(exchange, None, inside, value)
    elif channel is None:
        raise NotSet
    elif function in _PARTIES and inside in ("num", "name", "all"):
        before = _PARTIES[function](channel)
        party = Party(before.number, before.name)
        if inside == "all":
            party = Party.parse(value)
        elif inside == "num":
            party.number = value
        else:
            party.name = value
        if function == "CALLERID":
            channel.set_caller(party)
        else:
            channel.exchange_connected(party)
    elif function == "CHANNEL" and inside in ("accountcode", "language"):
        if inside == "accountcode":
            channel.set_account(value)
        else:
            channel.language = value
    elif function in ("CDR", "TIMEOUT"):
        channel.variables[name] = value
    else:
        raise NotSet


async def run(channel: Channel, context: str, exten: str, priority: int) -> None:
    """Run a channel through the dialplan to its end, and hang it up."""
    exchange = channel.exchange
    channel.dialplan = True
    channel.context, channel.exten, channel.priority = context, exten, priority
    while True:
        try:
            await _steps(channel)
        except Gone:
            break
        except Redirected:
            if await go_elsewhere(channel):
                continue
            channel.hang_up()  # it was in a bridge, and has no dialplan to end
            return
        break
    exchange.records.freeze(channel)
    place = channel.context, channel.exten, channel.priority
    if exchange.major >= 18:  # since then this event shows the place of the event before
        channel.context, channel.exten, channel.priority = channel.emitted_place
    channel.emit("SoftHangupRequest", [("Cause", "16")])
    channel.context, channel.exten, channel.priority = place
    if exchange.dialplan.step(channel.context, "h", 1) is not None:
        channel.exten, channel.priority = "h", 1
        while (step := exchange.dialplan.step(channel.context, "h", channel.priority)) is not None:
            channel.executes(step[0], substitute(exchange, channel, step[1]))
            channel.priority += 1
    channel.application = channel.data = ""
    channel.hang_up()


async def go_elsewhere(channel: Channel) -> bool:
    """Follow a redirection, and return true if the dialplan goes on."""
    destination, channel.destination = channel.destination, None
    channel.moving.clear()
    if isinstance(destination, tuple):
        channel.context, channel.exten, channel.priority = destination
        return True
    try:
        if isinstance(destination, ToBridge):
            if channel.dialplan and destination.goes_on:
                channel.priority += 1
            await destination.bridge.stay(channel)
            if not destination.goes_on:
                return False
        elif destination is not None:
            if channel.dialplan:
                channel.priority += 1
            await destination.lot.park(channel, destination.parker, destination.seconds)
    except Gone:
        return False
    except Redirected:
        return await go_elsewhere(channel)
    return True


async def _steps(channel: Channel) -> None:
    exchange = channel.exchange
    count, moment = 0, exchange.clock.now
    plan = exchange.dialplan
    while (step := plan.step(channel.context, channel.exten, channel.priority)) is not None:
        count = count + 1 if moment == exchange.clock.now else 0
        moment = exchange.clock.now
        if count > _STEPS:
            await channel.pause(0.1)
        application, data = step[0], substitute(exchange, channel, step[1])
        channel.executes(application, data)
        if not await exchange.execute(channel, application, data):
            return
        channel.priority += 1


def enter_subroutine(channel: Channel, given: list[str]) -> None:
    """Enter a subroutine, from which the application Return comes back to this place.

    Args:
        channel: the channel.
        given: the arguments, which are the variables ARG1, ARG2 ... in the subroutine.
    """
    values = {f"ARG{number}": value for number, value in enumerate(given, 1)}
    before = {name: channel.variables.get(name, "") for name in values}
    place = channel.context, channel.exten, channel.priority
    channel.subroutines.append((place, before))
    channel.variables.update(values)


async def run_subroutine(
    channel: Channel, context: str, exten: str, priority: int, given: list[str]
) -> bool:
    """Run a subroutine from within an application.

    Returns:
        True if the subroutine has returned; otherwise the channel must be hung up.
    """
    exchange = channel.exchange
    depth, place = len(channel.subroutines), (channel.context, channel.exten, channel.priority)
    enter_subroutine(channel, given)
    channel.context, channel.exten, channel.priority = context, exten, priority
    plan, goes_on = exchange.dialplan, True
    while goes_on and len(channel.subroutines) > depth:
        step = plan.step(channel.context, channel.exten, channel.priority)
        if step is None:
            break
        application, data = step[0], substitute(exchange, channel, step[1])
        channel.executes(application, data)
        goes_on = await exchange.execute(channel, application, data)
        channel.priority += 1
    returned = len(channel.subroutines) == depth
    del channel.subroutines[depth:]
    channel.context, channel.exten, channel.priority = place
    if not returned:
        channel.soft_hangup()
    return returned


def seconds_of(text: str) -> float:
    """Return the seconds in an argument; 0 if it is no number."""
    try:
        return min(max(0.0, float(text)), _LONGEST)
    except ValueError:
        return 0.0
