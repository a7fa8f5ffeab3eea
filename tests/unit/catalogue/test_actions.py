"""Actions beyond their wire form: event masks, secrets, outcomes, and what is kept of what was given."""

from __future__ import annotations

import hashlib
import inspect
import re
from typing import Any

import pytest

from aioami import Event, Response, core
from aioami.actions.base import ACTIONS, Action, encode_action_id, load
from aioami.actions.fax import FAXSession, FAXStats
from aioami.actions.iax import IAXnetstats
from aioami.actions.queues import Queues
from aioami.actions.system import EVENT_CLASSES, WaitEvent, event_mask
from aioami.events import OriginateResponse, parse


def event(*lines: str) -> Event:
    return parse("\r\n".join(lines))


@pytest.mark.parametrize(
    ("mask", "text"),
    [
        (True, "on"),
        (False, "off"),
        (None, "off"),
        ("on", "on"),
        ("off", "off"),
        ("", "off"),
        ("call", "call"),
        ("call,user", "call,user"),
        (["off"], "off"),
        (["off", "call"], "call"),
        (("call", "on"), "on"),
        (iter(["agi", "cdr"]), "agi,cdr"),
        (EVENT_CLASSES[:3], "system,call,log"),
    ],
)
def test_event_masks(mask: Any, text: str) -> None:
    """A mask is everything, nothing, or classes; it means the same at login and in `Events`."""
    assert event_mask(mask) == text
    if not hasattr(mask, "__next__"):
        assert dict(core.Events(mask).headers) == {"EventMask": text}
        assert dict(core.Login("u", "s", mask).headers).get("Events", "on") == text


@pytest.mark.parametrize("mask", ["1", "0", "2147483647", "Call", " call", "call,bogus", ["call "], ["calls"], [1]])
def test_masks_that_asterisk_would_misread_are_refused(mask: Any) -> None:
    """Numbers, blanks, other letter cases and unknown classes are errors here, as Asterisk would not say so."""
    with pytest.raises(ValueError, match="event mask"):
        core.Events(mask)
    with pytest.raises(ValueError, match="event mask"):
        core.Login("u", "s", mask)


def test_a_challenged_login_shows_the_hash_alone() -> None:
    """The key is the MD5 of challenge and secret in UTF-8, and nothing shows the secret."""
    login = core.Login("ü", "sécret", challenge="123")
    key = hashlib.md5("123sécret".encode(), usedforsecurity=False).hexdigest()
    assert login.headers == (("Username", "ü"), ("AuthType", "MD5"), ("Key", key))
    assert "sécret".encode() not in login.encode("id")
    assert "sécret" not in repr(vars(login))
    assert key not in repr(login)


def test_no_login_shows_its_secret() -> None:
    """A login can be printed and logged."""
    login = core.Login("admin", "hush-hush")
    assert "admin" in repr(login)
    assert "hush" not in f"{login!r}{login}"


def test_what_the_caller_gave_is_neither_changed_nor_kept() -> None:
    """Changing one's own dictionary or list after the fact changes no action, and defaults stay empty."""
    variables = {"A": "1"}
    call = core.Originate_Application("X/1", "Echo", variables=variables)
    notify = core.SIPnotify("p", variables)
    before = call.encode("i"), notify.encode("i")
    variables["B"] = "2"
    assert (call.encode("i"), notify.encode("i")) == before
    assert variables == {"A": "1", "B": "2"}
    for action, name in (
        (core.Originate_Application, "variables"),
        (core.Originate_Context, "variables"),
        (core.SIPnotify, "headers"),
    ):
        assert inspect.signature(action).parameters[name].default == {}


def test_changes_may_be_any_iterable() -> None:
    """UpdateConfig numbers what a generator yields, without gaps, and takes a line and options beyond the five."""
    changes: Any = ((what, "c", "v", "x", None) for what in ("Update", "Append"))
    names = [name for name, _ in core.UpdateConfig("a", "b", changes).headers[3:]]
    assert names == [f"{part}-{number:06}" for number in range(2) for part in ("Action", "Cat", "Var", "Value")]
    longer = core.UpdateConfig(
        "a", "b", [("Insert", "c", "v", "x", None, 3), ("NewCat", "d", None, None, None, None, "t")]
    )
    assert ("Line-000000", "3") in longer.headers
    assert ("Options-000001", "t") in longer.headers


@pytest.mark.parametrize("change", [("NewCat",), ("NewCat", *"abcdefgh"), "NewCat", (None, "c"), (1, "c")])
def test_a_change_that_is_none_is_refused(change: Any) -> None:
    """The error says which of the changes it was."""
    with pytest.raises(ValueError, match="changes: number 1"):
        core.UpdateConfig("a", "b", [("NewCat", "c", None, None, None), change])


def test_most_changes_that_fit() -> None:
    """An UpdateConfig may fill all of the 128 lines that Asterisk takes, and no more."""
    change = ("NewCat", "c")
    assert core.UpdateConfig("a", "b", [change] * 61, False).encode("i").count(b"\r\n") == 2 + 2 + 2 * 61 + 1
    with pytest.raises(ValueError, match="128"):
        core.UpdateConfig("a", "b", [change] * 62)


def test_the_longest_line_and_its_bytes() -> None:
    """1022 bytes go into a line, counted in UTF-8; the error names the header and the limit, not the value."""
    assert core.DBPut("f", "k", "x" * (1022 - len("Val: "))).encode("i")
    with pytest.raises(ValueError, match="Val.*1022") as refused:
        core.DBPut("f", "k", "ü" * 509)
    assert "ü" not in str(refused.value)


@pytest.mark.parametrize("action_id", ["", " x", "x" * 68, "ü" * 34, "a\nb"])
def test_action_ids_that_would_not_come_back_are_refused(action_id: str) -> None:
    """An ActionID is 1 to 67 bytes, without a leading blank or a line end."""
    with pytest.raises(ValueError, match="ActionID"):
        core.Ping().encode(action_id)
    encode_action_id("x" * 67)


@pytest.mark.parametrize(
    ("action", "seconds"),
    [
        (core.Originate_Application("X/1", "Echo", timeout=1500), 3.5),
        (core.Originate_Application("X/1", "Echo", timeout=0), 600.0),
        (core.Originate_Context("X/1", "c", "1", "label", 30000), 32.0),
        (core.Ping(), None),
        (core.AbsoluteTimeout("c", 60), None),
        (WaitEvent(10), 12.0),
        (WaitEvent(), None),
    ],
)
def test_how_long_an_answer_is_waited_for(action: Any, seconds: float | None) -> None:
    """`timeout` is in seconds on every action, whatever a constructor's parameter of that name means."""
    assert action.timeout == seconds
    assert ("Timeout", "0") not in action.headers


def test_a_call_needs_texts_where_asterisk_reads_texts() -> None:
    """A bool is no priority, and a place in the dialplan may be given in numbers."""
    with pytest.raises(TypeError, match="priority"):
        core.Originate_Context("X/1", "c", "1", True)
    with pytest.raises(TypeError, match="priority"):
        core.Redirect("X/1", "c", "1", 1.0)  # type: ignore[arg-type]
    assert core.Redirect("X/1", "c", 100, 1) == core.Redirect("X/1", "c", "100", "1")
    with pytest.raises(TypeError, match="data"):
        core.Originate_Application("X/1", "Echo", memoryview(b"x"))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "a=b", 'a"b', "a\\b", "a,b"])
def test_names_that_are_no_variable(name: str) -> None:
    """Only the value of a variable can be escaped; a name that would end early is refused."""
    with pytest.raises(ValueError, match="Variable"):
        core.Originate_Application("X/1", "Echo", variables={name: "v"})
    with pytest.raises(ValueError, match="Variable"):
        core.SIPnotify("p", {name: "v"})


def test_functions_and_inherited_names_are_variables() -> None:
    """A dialplan function's call, and the underscores of inheritance, are names too."""
    call = core.Originate_Application("X/1", "Echo", variables={"CDR(userfield)": "v", "__DEEP": 1, "HASH(a,b)": "c"})
    assert [text for name, text in call.headers if name == "Variable"] == [
        "CDR(userfield)=v",
        "__DEEP=1",
        "HASH(a,b)=c",
    ]


def test_the_newer_parameters_of_sip_notify() -> None:
    """The Call-ID of a dialog follows the NOTIFY's own headers."""
    assert core.SIPnotify("p", {"Event": "x"}, call_id="abc@host").headers == (
        ("Channel", "p"),
        ("Variable", "Event=x"),
        ("Call-ID", "abc@host"),
    )


def test_the_outcome_of_a_call_is_the_event_with_its_action_id() -> None:
    """Another's OriginateResponse, or one without an ActionID, is not it."""
    call = core.Originate_Application("X/1", "Echo")
    own = event("Event: OriginateResponse", "ActionID: me", "Response: Failure", "Reason: 5")
    assert call.conclusion("me", own) is own
    assert call.conclusion("you", own) is None
    assert call.conclusion("me", event("Event: OriginateResponse", "Response: Failure")) is None
    assert call.conclusion_of_response(Response("Response: Success\r\nActionID: me")) is None


def test_a_synchronous_call_is_its_own_outcome() -> None:
    """The answer becomes the event that Asterisk does not send: answered has a reason, failed has none."""
    call = core.Originate_Context("X/1", "ctx", 100, 1, async_=False, variables={"A": "1"})
    answered = call.conclusion_of_response(Response("Response: Success\r\nActionID: me"))
    assert isinstance(answered, OriginateResponse)
    assert (answered.name, answered.action_id, answered.channel) == ("OriginateResponse", "me", "X/1")
    assert (answered.context, answered.exten, answered.application) == ("ctx", "100", None)
    assert (answered.success, answered.reason, answered.result) == (True, 4, "ANSWERED")
    app = core.Originate_Application("X/1", "Playback", ("a", "b"), async_=False)
    failed = app.conclusion_of_response(Response("Response: Error\r\nActionID: me\r\nMessage: Originate failed"))
    assert isinstance(failed, OriginateResponse)
    assert (failed.application, failed.data_, failed.context) == ("Playback", "a,b", None)
    assert (failed.success, failed.reason, failed.result) == (False, None, None)


AGI = core.AGI("X/1", "ANSWER", "7")
ANONYMOUS = core.AGI("X/1", "ANSWER")


@pytest.mark.parametrize(
    ("action", "lines", "meaning"),
    [
        (AGI, ("Event: AsyncAGIExec", "Channel: X/1", "Result: 200", "CommandId: 7"), "outcome"),
        (AGI, ("Event: AsyncAGIExec", "Channel: X/1", "Result: 200", "CommandId: 8"), "nothing"),
        (AGI, ("Event: AsyncAGIExec", "Channel: X/2", "Result: 200", "CommandId: 7"), "nothing"),
        (AGI, ("Event: AsyncAGIExec", "Channel: X/1", "Result: 200"), "nothing"),
        (AGI, ("Event: AsyncAGI", "SubEvent: Exec", "Channel: X/1", "CommandID: 7", "Result: 200"), "outcome"),
        (AGI, ("Event: AsyncAGI", "SubEvent: Start", "Channel: X/1", "CommandID: 7"), "nothing"),
        (AGI, ("Event: AsyncAGI", "SubEvent: End", "Channel: X/1"), "left AsyncAGI"),
        (AGI, ("Event: AsyncAGIEnd", "Channel: X/1"), "left AsyncAGI"),
        (AGI, ("Event: AsyncAGIEnd", "Channel: X/2"), "nothing"),
        (AGI, ("Event: Hangup", "Channel: X/1", "Cause: 16"), "hung up"),
        (AGI, ("Event: Hangup", "Channel: X/11", "Cause: 16"), "nothing"),
        (ANONYMOUS, ("Event: AsyncAGIExec", "Channel: X/1", "Result: 200"), "outcome"),
        (ANONYMOUS, ("Event: AsyncAGIExec", "Channel: X/1", "Result: 200", "CommandId: 7"), "nothing"),
    ],
)
def test_the_outcome_of_an_agi_command(action: core.AGI, lines: tuple[str, ...], meaning: str) -> None:
    """It is the result of this command on this channel, in the old and the new event; or the channel went away."""
    told = event(*lines)
    conclusion = action.conclusion("me", told)
    if meaning == "outcome":
        assert conclusion is told
    elif meaning == "nothing":
        assert conclusion is None
    else:
        assert isinstance(conclusion, str)
        assert meaning in conclusion


def test_the_outcome_of_a_sip_qualify() -> None:
    """SIPQualifyPeerDone repeats the ActionID."""
    done = event("Event: SIPQualifyPeerDone", "Peer: p", "ActionID: me")
    assert core.SIPqualify("p").conclusion("me", done) is done
    assert core.SIPqualify("p").conclusion("you", done) is None


def test_odd_repliers_are_declared() -> None:
    """What Asterisk answers in another way than everywhere else stands on the class."""
    assert all(each.list_unmarked and each.completion for each in (WaitEvent, FAXSession, FAXStats))
    assert Queues.bare_reply
    assert IAXnetstats.bare_reply
    assert ACTIONS["waitevent"] is WaitEvent
    removed = {name for name in core.__all__ if getattr(getattr(core, name), "until", None) == 20}
    assert removed == {
        *("ChangeMonitor", "Monitor", "PauseMonitor", "StopMonitor", "UnpauseMonitor"),
        *("SIPnotify", "SIPpeers", "SIPqualify", "SIPshowpeer", "SIPshowregistry"),
    }


def test_a_text_is_no_truth_value() -> None:
    """`"false"` would be true, and pause somebody."""
    with pytest.raises(TypeError, match="paused: expected True or False, not str"):
        core.QueuePause("PJSIP/alice", "false")  # type: ignore[arg-type]


def test_what_takes_text_takes_bytes() -> None:
    """To type checkers too: a parameter that takes text and numbers takes bytes, but where a few words alone are right."""
    load()
    classes = {*ACTIONS.values(), *(each for each in vars(core).values() if isinstance(each, type))}
    wrong = {
        f"{cls.__name__}.{name}"
        for cls in classes
        if issubclass(cls, Action)
        for name, each in inspect.signature(cls).parameters.items()
        if {"str", "int"} <= (words := set(re.findall(r"\w+", str(each.annotation)))) and "bytes" not in words
    }
    assert wrong == {"PlayDTMF.digit", "PlayMF.digit", "Hangup.cause"}
