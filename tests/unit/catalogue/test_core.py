"""The mission: every name of `ami.core`, with its signature, its value, and what it puts on the wire."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

import aioami
from aioami import (
    Action,
    ManagerAuthError,
    ManagerError,
    Response,
    agi,
    calls,
    core,
    errors,
    events,
    fleet,
    live,
    metrics,
    notebook,
    permissions,
    testing,
)
from aioami.actions.base import ACTIONS
from aioami.wire import recordings

DOCUMENTED = json.loads((Path(__file__).parents[2] / "data/core.json").read_text())
ACTION_NAMES = sorted(DOCUMENTED["actions"])


def test_every_documented_name_is_there_and_no_other() -> None:
    """`aioami.core` holds the actions, the constants and the two exceptions, and nothing else."""
    expected = {*ACTION_NAMES, *DOCUMENTED["constants"], "ORIGINATE_RESULT_MAP", "ManagerAuthError", "ManagerError"}
    assert set(core.__all__) == expected
    assert len(core.__all__) == len(expected) == 60 + 22 + 3
    assert core.ManagerAuthError is ManagerAuthError
    assert core.ManagerError is ManagerError
    assert core.ORIGINATE_RESULT_MAP[core.ORIGINATE_RESULT_BUSY] == "BUSY"


@pytest.mark.parametrize(("name", "value"), DOCUMENTED["constants"].items())
def test_constants(name: str, value: object) -> None:
    """Each constant has its documented value."""
    assert getattr(core, name) == value


@pytest.mark.parametrize("name", ACTION_NAMES)
def test_signatures(name: str) -> None:
    """Parameters, their order and their defaults are the documented ones; what is new is keyword-only."""
    parameters = inspect.signature(getattr(core, name)).parameters.values()
    shown = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            shown.append(f"**{parameter.name}")
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
            shown.append(f"{parameter.name}{default}")
    assert ", ".join(shown) == DOCUMENTED["actions"][name]


@pytest.mark.parametrize("name", ACTION_NAMES)
def test_classes_say_what_they_are(name: str) -> None:
    """Each class is an action with a wire name, rights, a docstring of its own, and an entry in the table."""
    action = getattr(core, name)
    assert issubclass(action, Action)
    assert action.wire_name.lower() in ACTIONS
    assert isinstance(action.privilege, tuple)
    assert issubclass(action.response_type, Response)
    assert action.__doc__
    assert action.__doc__ != Action.__doc__
    parameters = [name for name in inspect.signature(action).parameters if name != "kwargs"]
    assert [name for name in parameters if name not in action.__doc__] == []


WIRE: list[tuple[Action[Any], str]] = [
    (core.AbsoluteTimeout("c", 5), "AbsoluteTimeout|Channel: c|Timeout: 5"),
    (core.AbsoluteTimeout("c", 1.5), "AbsoluteTimeout|Channel: c|Timeout: 1.5"),
    (core.AbsoluteTimeout("c"), "AbsoluteTimeout|Channel: c|Timeout: 0.0000001"),
    (core.AGI("c", "ANSWER"), "AGI|Channel: c|Command: ANSWER"),
    (core.AGI("c", "ANSWER", "7"), "AGI|Channel: c|Command: ANSWER|CommandID: 7"),
    (core.Bridge("a", "b"), "Bridge|Channel1: a|Channel2: b|Tone: no"),
    (core.Bridge("a", "b", True), "Bridge|Channel1: a|Channel2: b|Tone: yes"),
    (core.Bridge("a", "b", "Both"), "Bridge|Channel1: a|Channel2: b|Tone: Both"),
    (core.Challenge(), "Challenge|AuthType: MD5"),
    (core.ChangeMonitor("c", "f"), "ChangeMonitor|Channel: c|File: f"),
    (core.Command("core show version"), "Command|Command: core show version"),
    (core.CoreShowChannels(), "CoreShowChannels"),
    (core.CreateConfig("f.conf"), "CreateConfig|Filename: f.conf"),
    (core.DBDel("f", "k"), "DBDel|Family: f|Key: k"),
    (core.DBDelTree("f"), "DBDelTree|Family: f"),
    (core.DBDelTree("f", "k"), "DBDelTree|Family: f|Key: k"),
    (core.DBGet("f", "k"), "DBGet|Family: f|Key: k"),
    (core.DBPut("f", "k", "v"), "DBPut|Family: f|Key: k|Val: v"),
    (core.Events(core.EVENTMASK_ALL), "Events|EventMask: on"),
    (core.Events(core.EVENTMASK_NONE), "Events|EventMask: off"),
    (core.Events((core.EVENTMASK_CALL, core.EVENTMASK_LOG)), "Events|EventMask: call,log"),
    (core.Events(["on", "call"]), "Events|EventMask: on"),
    (core.Events(()), "Events|EventMask: off"),
    (core.Events(""), "Events|EventMask: off"),
    (core.ExtensionState("100", "x"), "ExtensionState|Exten: 100|Context: x"),
    (core.GetConfig("f.conf"), "GetConfig|Filename: f.conf"),
    (core.GetConfig("f.conf", category="c"), "GetConfig|Filename: f.conf|Category: c"),
    (core.Getvar("V"), "Getvar|Variable: V"),
    (core.Getvar("V", "c"), "Getvar|Variable: V|Channel: c"),
    (core.Hangup("c"), "Hangup|Channel: c"),
    (core.Hangup("c", cause=17), "Hangup|Channel: c|Cause: 17"),
    (core.ListCommands(), "ListCommands"),
    (core.ListCategories("f.conf"), "ListCategories|Filename: f.conf"),
    (core.LocalOptimizeAway("c"), "LocalOptimizeAway|Channel: c"),
    (core.Login("u", "s"), "Login|Username: u|Secret: s"),
    (core.Login("u", "s", False), "Login|Username: u|Secret: s|Events: off"),
    (
        core.Login("u", "s", challenge="1"),
        "Login|Username: u|AuthType: MD5|Key: 0cf81f9038402e85910cfad17d0051b3",
    ),
    (core.Login("u", "s", ("call", "user"), "1", ""), "Login|Username: u|Secret: s|Events: call,user"),
    (core.Logoff(), "Logoff"),
    (core.MailboxCount("1@d"), "MailboxCount|Mailbox: 1@d"),
    (core.MailboxStatus("1@d"), "MailboxStatus|Mailbox: 1@d"),
    (core.MixMonitorMute("c", "read", True), "MixMonitorMute|Channel: c|Direction: read|State: 1"),
    (core.ModuleCheck("m"), "ModuleCheck|Module: m"),
    (core.ModuleLoad("reload"), "ModuleLoad|LoadType: reload"),
    (core.ModuleLoad("load", "m.so"), "ModuleLoad|LoadType: load|Module: m.so"),
    (core.Monitor("c", "f"), "Monitor|Channel: c|File: f|Format: wav|Mix: true"),
    (core.Monitor("c", "f", core.FORMAT_GSM, False), "Monitor|Channel: c|File: f|Format: gsm|Mix: false"),
    (core.MuteAudio("c", True), "MuteAudio|Channel: c|Direction: in|State: off"),
    (core.MuteAudio("c", False, True, True), "MuteAudio|Channel: c|Direction: out|State: on"),
    (core.MuteAudio("c", True, True, True), "MuteAudio|Channel: c|Direction: all|State: on"),
    (
        core.Originate_Application("X/1", "Playback", ("a", "b"), 5000, '"A" <1>', {"K": "v", "L": 2}, "acc"),
        'Originate|Channel: X/1|Async: true|Timeout: 5000|CallerID: "A" <1>|Variable: K=v|Variable: L=2|Account: acc'
        "|Application: Playback|Data: a,b",
    ),
    (core.Originate_Application("X/1", "Echo"), "Originate|Channel: X/1|Async: true|Application: Echo"),
    (
        core.Originate_Application("X/1", "Echo", "x,y", async_=False, early_media=True, codecs=("ulaw", "alaw")),
        "Originate|Channel: X/1|Async: false|EarlyMedia: true|Codecs: ulaw,alaw|Application: Echo|Data: x,y",
    ),
    (
        core.Originate_Context("X/1", "ctx", "100", 1, channel_id="a", other_channel_id="b"),
        "Originate|Channel: X/1|Async: true|ChannelId: a|OtherChannelId: b|Context: ctx|Exten: 100|Priority: 1",
    ),
    (
        core.Originate_Context("X/1", "ctx", 100, "label", 1000, pre_dial_go_sub="a,b,1"),
        "Originate|Channel: X/1|Async: true|Timeout: 1000|Context: ctx|Exten: 100|Priority: label|PreDialGoSub: a,b,1",
    ),
    (core.Park("a", "b"), "Park|Channel: a|Channel2: b"),
    (core.Park("a", "b", 5000, parkinglot="l"), "Park|Channel: a|Channel2: b|Timeout: 5000|Parkinglot: l"),
    (core.ParkedCalls(), "ParkedCalls"),
    (core.PauseMonitor("c"), "PauseMonitor|Channel: c"),
    (core.Ping(), "Ping"),
    (core.PlayDTMF("c", 5), "PlayDTMF|Channel: c|Digit: 5"),
    (core.PlayDTMF("c", "#", duration=100, receive=True), "PlayDTMF|Channel: c|Digit: #|Duration: 100|Receive: true"),
    (core.QueueAdd("i", "q"), "QueueAdd|Interface: i|Queue: q|Penalty: 0|Paused: no"),
    (
        core.QueueAdd("i", "q", "n", 2, True, state_interface="s"),
        "QueueAdd|Interface: i|Queue: q|MemberName: n|Penalty: 2|Paused: yes|StateInterface: s",
    ),
    (core.QueueLog("q", "E"), "QueueLog|Queue: q|Event: E"),
    (core.QueueLog("q", "E", "i", "u", "m"), "QueueLog|Queue: q|Event: E|Interface: i|Uniqueid: u|Message: m"),
    (core.QueuePause("i", True), "QueuePause|Interface: i|Paused: true"),
    (core.QueuePause("i", False, "q", reason="r"), "QueuePause|Interface: i|Paused: false|Queue: q|Reason: r"),
    (core.QueuePenalty("i", 3), "QueuePenalty|Interface: i|Penalty: 3"),
    (core.QueuePenalty("i", 3, "q"), "QueuePenalty|Interface: i|Penalty: 3|Queue: q"),
    (core.QueueReload(), "QueueReload|Members: yes|Rules: yes|Parameters: yes"),
    (core.QueueReload("q", "no", True, False), "QueueReload|Queue: q|Members: no|Rules: yes|Parameters: no"),
    (core.QueueRemove("i", "q"), "QueueRemove|Interface: i|Queue: q"),
    (core.QueueStatus(), "QueueStatus"),
    (core.QueueStatus("q", member="m"), "QueueStatus|Queue: q|Member: m"),
    (core.QueueSummary("q"), "QueueSummary|Queue: q"),
    (core.Redirect("c", "x", "100", 1), "Redirect|Channel: c|Context: x|Exten: 100|Priority: 1"),
    (core.Reload(), "Reload"),
    (core.Reload("m"), "Reload|Module: m"),
    (core.SendText("c", "hi"), "SendText|Channel: c|Message: hi"),
    (core.SetCDRUserField("c", "f"), "SetCDRUserField|Channel: c|UserField: f"),
    (core.Setvar("V", "a, b"), "Setvar|Variable: V|Value: a, b"),
    (core.Setvar("V", "x", "c"), "Setvar|Variable: V|Value: x|Channel: c"),
    (core.SIPnotify("p", {"Event": "x"}), "SIPnotify|Channel: p|Variable: Event=x"),
    (core.SIPpeers(), "SIPpeers"),
    (core.SIPqualify("p"), "SIPqualifypeer|Peer: p"),
    (core.SIPshowpeer("p"), "SIPshowpeer|Peer: p"),
    (core.SIPshowregistry(), "SIPshowregistry"),
    (core.Status("c"), "Status|Channel: c"),
    (core.Status("", variables=("a", "b")), "Status|Variables: a,b"),
    (core.StopMonitor("c"), "StopMonitor|Channel: c"),
    (core.UnpauseMonitor("c"), "UnpauseMonitor|Channel: c"),
    (
        core.UpdateConfig("a.conf", "b.conf", [("NewCat", "c", None, None, None), ("Append", "c", "k", "v", None)]),
        "UpdateConfig|SrcFilename: a.conf|DstFilename: b.conf|Reload: true|Action-000000: NewCat|Cat-000000: c"
        "|Action-000001: Append|Cat-000001: c|Var-000001: k|Value-000001: v",
    ),
    (
        core.UpdateConfig("a.conf", "a.conf", (("Update", "c", "k", "n", "o"),), "app_queue"),
        "UpdateConfig|SrcFilename: a.conf|DstFilename: a.conf|Reload: app_queue|Action-000000: Update|Cat-000000: c"
        "|Var-000000: k|Value-000000: n|Match-000000: o",
    ),
    (core.UpdateConfig("a", "a", (), False), "UpdateConfig|SrcFilename: a|DstFilename: a"),
    (core.UserEvent(UserEvent="E", Key="v", Number=1), "UserEvent|UserEvent: E|Key: v|Number: 1"),
    (core.VoicemailUsersList(), "VoicemailUsersList"),
    (Action("Foo", {"Bar": "1", "Variable": ["a=1", "b=2"], "None": None}), "Foo|Bar: 1|Variable: a=1|Variable: b=2"),
]


@pytest.mark.parametrize(("action", "lines"), WIRE, ids=[f"{n}-{action.name}" for n, (action, _) in enumerate(WIRE)])
def test_wire_form(action: Action[Any], lines: str) -> None:
    """Each action puts exactly these lines on the wire, its ActionID last, and one blank line behind."""
    expected = "\r\n".join(("Action: " + lines).split("|")) + "\r\nActionID: id\r\n\r\n"
    assert action.encode("id").decode() == expected


def test_every_class_has_a_wire_form_here() -> None:
    """No class of `core` is left out of the table above."""
    assert {type(action).__name__ for action, _ in WIRE} - {"Action"} == set(ACTION_NAMES)


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("plain", "plain"),
        ("a,b", "a\\,b"),
        ('"q"', '\\"q\\"'),
        ("a\\b", "a\\\\b"),
        ("(1)[2]", "\\(1\\)\\[2\\]"),
        ("", ""),
    ],
)
def test_variables_are_escaped(value: str, escaped: str) -> None:
    """Every character that Asterisk would take for something else is escaped."""
    action = core.Originate_Application("X/1", "Echo", variables={"V": value})
    assert ("Variable", f"V={escaped}") in action.headers


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: core.MuteAudio("c"), ValueError, "input, output"),
    (lambda: core.ModuleLoad("destroy", "m"), ValueError, "load_type"),
    (lambda: core.ModuleLoad("load"), ValueError, "module"),
    (lambda: core.MixMonitorMute("c", "up", True), ValueError, "direction"),
    (lambda: core.Login("u", "s", challenge="1", authtype="SHA"), ValueError, "authtype"),
    (lambda: core.Events("1"), ValueError, "event mask"),
    (lambda: core.Events("call, user"), ValueError, "event mask"),
    (lambda: core.Events(["Call"]), ValueError, "event mask"),
    (lambda: core.AbsoluteTimeout("c", -1), ValueError, "seconds"),
    (lambda: core.AbsoluteTimeout("c", "5"), TypeError, "seconds"),
    (lambda: core.Originate_Application("X/1", "Echo", memoryview(b"x")), TypeError, "data"),
    (lambda: core.Originate_Application("X/1", "Echo", timeout=-5), ValueError, "timeout"),
    (lambda: core.Originate_Application("X/1", "Echo", timeout=1.5), TypeError, "timeout"),
    (lambda: core.Originate_Application("X/1", "Echo", variables={"a=b": "c"}), ValueError, "Variable"),
    (lambda: core.Originate_Application("X/1", "Echo", channel_id="x" * 150), ValueError, "channel_id"),
    (lambda: core.Originate_Application("X/1", "Echo", async_="yes"), TypeError, "async_"),
    (lambda: core.UpdateConfig("a", "a", [("Explode", "c", None, None, None)]), ValueError, "changes"),
    (lambda: core.UpdateConfig("a", "a", ["NewCat"]), ValueError, "changes"),
    (lambda: core.UpdateConfig("a", "a", [("NewCat", "c", None, None, None)] * 63), ValueError, "128"),
    (lambda: core.Hangup("a\r\nAction: Command"), ValueError, "Channel: .*CR"),
    (lambda: core.UserEvent(**{"UserEvent": "E", "a\nb": "1"}), ValueError, "LF"),
    (lambda: core.DBPut("f", "k", "x" * 1020), ValueError, "Val.*1022"),
    (lambda: core.DBPut("f", "k", "a\0b"), ValueError, "NUL"),
    (lambda: Action("Foo", {"ActionID": "x"}), ValueError, "ActionID"),
    (lambda: Action("Foo", {"action": "x"}), ValueError, "action"),
    (lambda: Action("Foo", {"Bar": True}), TypeError, "Bar.*bool"),
    (lambda: Action("Foo", {"Bar": 1.5}), TypeError, "Bar.*float"),
    (lambda: Action("Foo", {"Bar": ["a", None, {}]}), TypeError, "Bar.*dict"),
    (lambda: Action("Foo", {"Bar": ["x"] * 127}), ValueError, "129.*128"),
    (lambda: Action(""), ValueError, "name"),
    (lambda: Action("Ping "), ValueError, "name"),
    (lambda: Action("Ping", {"": "x"}), ValueError, "empty"),
]


@pytest.mark.parametrize(("make", "kind", "words"), REFUSED)
def test_what_cannot_be_sent_is_refused(make: Any, kind: type[Exception], words: str) -> None:
    """A wrong value is refused when the action is made, by the name of its field."""
    with pytest.raises(kind, match=words):
        make()


def test_an_action_is_a_value() -> None:
    """Actions compare by what they send, can be kept in sets, and are printed without secrets."""
    assert core.Hangup("a") == core.Hangup("a") != core.Hangup("b")
    assert core.Hangup("a") == Action("Hangup", {"Channel": "a"})
    assert len({core.Ping(), core.Ping(), core.Logoff()}) == 2
    assert repr(core.Hangup("a")) == "<Action Hangup, Channel='a'>"
    assert repr(Action("Login", {"Secret": "hush", "Key": "hush"})) == "<Action Login, Secret='***', Key='***'>"
    assert "k" in repr(core.DBGet("f", "k"))


def test_the_patience_of_an_originate() -> None:
    """Milliseconds to ring become seconds to wait and two more; without them it is ten minutes."""
    assert core.Originate_Application("X/1", "Echo", timeout=30_000).timeout == 32.0
    assert core.Originate_Context("X/1", "c", "1", 1).timeout == 600.0
    assert core.Park("a", "b", 5000).timeout is None


@pytest.mark.parametrize("name", ["ListStream", "NextEvent"])
def test_streams_have_moved_to_the_top(name: str) -> None:
    """Their former place still gives them, with a warning that names the new one."""
    streams = importlib.import_module("aioami.streams")
    with pytest.warns(DeprecationWarning, match=rf"aioami\.streams\.{name} is aioami\.{name} now") as caught:
        assert getattr(streams, name) is getattr(aioami, name)
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        streams.Nothing


def test_the_recorder_has_moved_to_the_wire() -> None:
    """Its former place still gives it, with a warning that names the new one."""
    recording = importlib.import_module("aioami.recording")
    with pytest.warns(
        DeprecationWarning, match=r"aioami\.recording\.Recorder is aioami\.wire\.recordings\.Recorder now"
    ):
        assert recording.Recorder is recordings.Recorder
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        recording.Nothing


def test_public_names_are_pinned() -> None:
    """What the package exports changes on purpose only."""
    assert aioami.__all__ == [
        *("Action", "ActionError", "Backoff"),
        *("BlockingCall", "BlockingCallChanges", "BlockingFleet", "BlockingListStream"),
        *("BlockingManager", "BlockingStream"),
        *("BlockingSubscription",),
        *("CommandFailed", "ConnectionLost", "Disconnected", "Event", "EventList", "EventStream"),
        *("EventsLost", "Fleet", "HungUp", "ListStream", "Manager", "ManagerAuthError", "ManagerError", "ManagerLike"),
        *("ManagerState", "ManagerTimeout", "NextEvent", "NotAnswered", "PermissionDenied", "ProtocolError"),
        *("Reconnected", "RelayChanged", "Response", "ServerAppeared", "ServerGone", "SessionEnded", "Statistics"),
        *("Subscription", "TakenAway", "UnknownAction", "UnknownEventName", "View", "__version__"),
        *("actions", "connect", "core", "enums", "errors", "events", "hide_header", "in_thread", "unescape"),
    ]
    assert sorted(errors.__all__) == [
        *("ActionError", "CommandFailed", "ConnectionLost", "EventsLost", "HungUp", "ManagerAuthError"),
        *("ManagerError", "ManagerTimeout", "NotAnswered", "PermissionDenied", "ProtocolError", "SessionEnded"),
        *("TakenAway", "UnknownAction", "UnknownEventName"),
    ]
    assert agi.__all__ == [
        *("AsyncAGI", "CommandFailed", "DialResult", "Digits", "FastAGI", "HungUp", "Program", "Recording", "Reply"),
        *("Routes", "Session", "SessionEnded", "TakenAway"),
    ]
    assert testing.__all__ == [
        *("Account", "Call", "Direction", "Entry", "EventFilter", "Expectation", "FakeAsterisk", "FakeConnection"),
        *("FakeFleet", "FaultProxy"),
        *("Phone", "Recording", "RecordingError", "Replay", "Request"),
    ]
    assert fleet.__all__ == [
        *("Connecting", "Fleet", "FleetLive", "FleetLiveChanges", "MergedStream", "ServerHealth", "connect"),
        *("is_bus", "read_servers"),
    ]
    assert metrics.__all__ == ["ActionOutcome", "Metrics"]
    assert live.__all__ == [
        *(
            "DEFAULT_PARTS",
            "Live",
            "LiveBridge",
            "LiveCall",
            "LiveCallState",
            "LiveCaller",
            "LiveChange",
            "LiveChanges",
            "LiveChannel",
        ),
        *("LiveConference", "LiveContact", "LiveEndpoint", "LiveHint", "LiveMailbox", "LiveMember", "LiveParkedCall"),
        *("LiveParkingLot", "LiveParticipant", "LiveParty", "LiveQueue", "LiveRegistration", "PartName"),
    ]
    assert calls.__all__ == [
        *("CALL_EVENTS", "Application", "Call", "CallChange", "CallChanges", "CallChannel", "CallEnd", "CallState"),
        *("CallStep", "CallTrace", "CallTracer", "Destination", "EndReason", "Ladder", "LadderLine", "Named"),
        *("NotAnswered", "PlacedCall"),
    ]
    assert notebook.__all__ == ["progress", "watch"]
    assert permissions.__all__ == ["Demand", "Permissions", "of_program", "of_recording", "of_use", "read_classes"]
    assert {"Event", "Hangup", "Newchannel", "UserEvent", "parse"} <= set(events.__all__)
    for module in (aioami, agi, calls, core, errors, events, live, metrics, notebook, permissions, testing):
        assert all(hasattr(module, name) for name in module.__all__)
