"""Nothing that a caller passes becomes another line, another action, or a line that Asterisk would cut.

Every parameter of every action class is tried with what must not get through. A class that is new is tried too, and
if its parameters take something special, it must be added to the tables here.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from aioami import Action, actions, core
from aioami.actions.base import ACTIONS, HeaderValue, encode_action_id
from aioami.actions.system import WaitEvent

WORD = "hush"  # no message of an error may show a value
BREAKS = {label: f"{WORD}{sign}Action: {WORD}" for label, sign in (("CR", "\r"), ("LF", "\n"), ("NUL", "\0"))}
BAD = {**BREAKS, "CRLF": f"{WORD}\r\n\r\nAction: {WORD}", "long": WORD * 300, "long in UTF-8": "€" * 341 + WORD}

# Valid arguments, where the parameters that need some take other things than any text; and each way to use a class.
ARGUMENTS: dict[str, list[dict[str, Any]]] = {
    "Login": [
        {"username": "u", "secret": "s"},
        {"username": "u", "secret": "s", "challenge": "1"},
        {"username": "u", "secret": "s", "challenge": "1", "authtype": ""},
    ],
    "MixMonitorMute": [{"channel": "c", "direction": "both", "mute": True}],
    "ModuleLoad": [{"load_type": "reload"}],
    "MuteAudio": [{"channel": "c", "input": True}],
    "QueuePause": [{"interface": "i", "paused": True}],
    "AOCMessage": [{"msg_type": "D"}],
    "ControlPlayback": [{"channel": "c", "control": "stop"}],
    "FAXSession": [{"session_number": 1}],
    "PJSIPNotify": [{"endpoint": "e"}, {"uri": "u"}, {"channel": "c"}],
    "PJSIPSetMaintenance": [{"endpoint": "e", "state": "on"}],
    "PRIDebugSet": [{"span": 1, "level": "on"}],
    "QueueChangePriorityCaller": [{"queue": "q", "caller": "c", "priority": 1}],
    "QueueMemberRingInUse": [{"interface": "i", "ring_in_use": True}],
    "QueuePenalty": [{"interface": "i", "penalty": 1}],
    "UpdateConfig": [{"src_filename": "a", "dst_filename": "b", "changes": [("NewCat", "c")]}],
    "Filter": [{"filter": "x"}, {"filter": "", "match_criteria": "name(Hangup)"}],
}

# Parameters that may hold anything, as nothing of them is sent.
NEVER_SENT = {
    ("Login", "challenge"): "with an authtype it is hashed, without one it is not used",
    ("Login", "secret"): "with a challenge it is hashed",
    ("Login", "authtype"): "it is not used without a challenge",
}

# Parameters whose errors repeat what was given: each is one of a few words, or a pattern.
REPEATED = {
    ("Events", "mask"),
    ("Filter", "match_criteria"),
    ("Hangup", "cause"),
    ("Login", "authtype"),
    ("Login", "events"),
    ("MixMonitorMute", "direction"),
    ("ModuleLoad", "load_type"),
    ("UpdateConfig", "changes"),
}


def subclasses(parent: type[Action[Any]]) -> Iterator[type[Action[Any]]]:
    for child in parent.__subclasses__():
        yield child
        yield from subclasses(child)


def is_concrete(action: type[Action[Any]]) -> bool:
    return bool(action.wire_name) and action.__module__.startswith("aioami.")


# A class of the catalogue exists once it was asked for.
_ = [getattr(actions, name) for name in actions.__all__]
CLASSES = sorted({each for each in subclasses(Action) if is_concrete(each)}, key=lambda each: each.__name__)
PARAMETERS = [(each, parameter) for each in CLASSES for parameter in inspect.signature(each).parameters.values()]


def arguments(action: type[Action[Any]]) -> list[dict[str, Any]]:
    """Sets of valid arguments; a text for each parameter that needs one is the rule."""
    required = {
        parameter.name: "call" if "bool | str" in parameter.annotation else "1"
        for parameter in inspect.signature(action).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    }
    return ARGUMENTS.get(action.__name__, [required])


def wrong(parameter: inspect.Parameter, bad: str) -> list[dict[str, Any]]:
    """The ways in which a parameter can hold a bad text, by what it takes."""
    name, kind = parameter.name, str(parameter.annotation)
    if parameter.kind is parameter.VAR_KEYWORD:
        return [{"Marker": bad}, {"Other": "1", f"Marker{bad}": "1"}]
    ways: list[Any] = [bad]
    if "Mapping[" in kind:
        ways = [{"Marker": bad}, {"Other": "1", "Marker": bad}, {f"Marker{bad}": "1"}]
    elif "Sequence[str | int | None]" in kind:  # of UpdateConfig
        change = ("Append", "c", "k", "v", "m", 1, "o")
        ways = [[change, (*change[:place], bad, *change[place + 1 :])] for place in range(len(change))]
    elif "Sequence[" in kind or "Iterable[" in kind:
        ways = [bad, [bad], ("call", bad)]
    return [{name: way} for way in ways]


def names_of_field(action: type[Action[Any]], given: dict[str, Any], parameter: inspect.Parameter) -> set[str]:
    """The names under which an error may tell a parameter: its own, and those of the headers that it becomes."""
    names = {parameter.name.replace("_", " "), parameter.name, "event mask"}
    for way in wrong(parameter, "1717"):  # Base64 too
        try:
            before, after = set(action(**given).headers), set(action(**{**given, **way}).headers)
        except (ValueError, TypeError):
            continue
        names |= {name for name, _ in after - before}
    return names


def test_no_class_is_left_out() -> None:
    """Every class in the two public lists is tried, each of them can be made, and the tables name nothing else."""
    listed = {each for each in vars(core).values() if isinstance(each, type) and issubclass(each, Action)}
    assert listed | set(ACTIONS.values()) <= set(CLASSES)
    assert len(CLASSES) > 60
    for each in CLASSES:
        for given in arguments(each):
            assert each(**given).encode("id").count(b"\r\n\r\n") == 1
    known = {(each.__name__, parameter.name) for each, parameter in PARAMETERS}
    assert set(NEVER_SENT) | REPEATED <= known
    assert set(ARGUMENTS) <= {each.__name__ for each in CLASSES}


def refusal(action: type[Action[Any]], given: dict[str, Any]) -> Exception | None:
    try:
        action(**given)
    except (ValueError, TypeError) as error:
        return error
    return None


@pytest.mark.parametrize("what", BAD)
def test_no_parameter_lets_it_through(what: str) -> None:
    """A bad text in any place of any parameter is refused by the parameter's name, and its value is not shown."""
    assert len(PARAMETERS) > 330
    wrongly = {
        f"{action.__name__}, {parameter.name}, {given | way}": fault
        for action, parameter in PARAMETERS
        for given in arguments(action)
        for way in wrong(parameter, BAD[what])
        if (fault := let_through(action, parameter, given, way))
    }
    assert wrongly == {}


def let_through(
    action: type[Action[Any]], parameter: inspect.Parameter, given: dict[str, Any], way: dict[str, Any]
) -> str:
    """What is wrong with how an action takes one bad text in one place; empty if nothing is."""
    place = (action.__name__, parameter.name)
    refused = refusal(action, {**given, **way})
    if refused is None:
        unsent = place in NEVER_SENT and WORD.encode() not in action(**{**given, **way}).encode("id")
        return "" if unsent else "it is not refused"
    text = str(refused)
    named = text.lstrip("'").lower().partition(":")[0].split(", ")
    names = tuple(map(str.lower, names_of_field(action, given, parameter)))
    if not named[-1].startswith(names) and parameter.name not in named:
        return f"the parameter is not named: {text}"
    in_name = any(WORD in key for value in (way, *way.values()) if isinstance(value, dict) for key in value)
    if WORD in text and not in_name and place not in REPEATED and ": one of " not in text:
        return f"the value is shown: {text}"
    if len(text) >= 500:
        return f"{len(text)} characters: {text}"
    if refused.__context__ is not None and not refused.__suppress_context__:
        return f"it has a context: {refused.__context__!r}"
    return ""


@pytest.mark.parametrize("what", BAD)
def test_an_action_without_a_class_lets_nothing_through(what: str) -> None:
    """The name of an action, the names of its headers and their values are refused alike; values are never shown."""
    bad = BAD[what]
    with pytest.raises(ValueError, match="Action'?: ") as caught:
        Action(bad)
    assert WORD not in str(caught.value)
    with pytest.raises(ValueError, match=r"X|no colon"):
        Action("Foo", {f"X{bad}": "1"})
    values: tuple[HeaderValue, ...] = (bad, ["1", bad], ("1", bad))
    for value in values:
        with pytest.raises(ValueError, match="Secret'?: ") as caught:
            Action("Login", {"Username": "u", "Secret": value})
        assert WORD not in str(caught.value)


@pytest.mark.parametrize("what", BAD)
def test_an_action_id_lets_nothing_through(what: str) -> None:
    """An ActionID is refused when the action is encoded; it may be no longer than what comes back whole."""
    with pytest.raises(ValueError, match="ActionID'?: ") as caught:
        core.Ping().encode(BAD[what])
    assert WORD not in str(caught.value)
    with pytest.raises(ValueError, match="ActionID"):
        encode_action_id("x" * 68)


MANY: list[Any] = [
    lambda: Action("Foo", {"Bar": [WORD] * 127}),
    lambda: Action("Foo", {f"X{number}": WORD for number in range(127)}),
    lambda: core.UserEvent(**{f"X{number}": WORD for number in range(127)}),
    lambda: core.SIPnotify("p", {f"X{number}": WORD for number in range(127)}),
    lambda: core.Originate_Application("c", "a", variables={f"X{number}": WORD for number in range(127)}),
    lambda: core.Originate_Context("c", "a", "1", 1, variables={f"X{number}": WORD for number in range(127)}),
    lambda: core.UpdateConfig("a", "b", [("Append", "c", "secret", WORD)] * 32),
]


@pytest.mark.parametrize("make", MANY, ids=range(len(MANY)))
def test_more_lines_than_asterisk_takes(make: Any) -> None:
    """More than 128 lines, with Action and ActionID, are refused by the action's name, wherever there is a list."""
    with pytest.raises(ValueError, match=r"^\w+: \d+ lines with Action and ActionID") as caught:
        make()
    assert WORD not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Action(5), "Action: expected text, not int"),  # type: ignore[arg-type]
        (lambda: Action(memoryview(b"Ping")), "Action: expected text, not memoryview"),  # type: ignore[arg-type]
        (lambda: Action("Foo", {1: "x"}), "a header's name: expected text, not int"),  # type: ignore[dict-item]
        (lambda: Action("Foo", {"Bar": memoryview(b"x")}), "Bar: expected text or a whole number, not memoryview"),
        (lambda: core.Ping().encode(5), "ActionID: expected text, not int"),  # type: ignore[arg-type]
        (lambda: core.Ping().encode(b"x"), "ActionID: expected text, not bytes"),  # type: ignore[arg-type]
        (lambda: WaitEvent("1"), "timeout: expected a whole number"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_text_is_refused(make: Any, words: str) -> None:
    """A wrong type is told by the field's name."""
    with pytest.raises(TypeError, match=words):
        make()
