"""The catalogue held against the facts: what Asterisk 13 to 23 document and do has its class, parameter or field.

The facts are data (`tests/data/catalogue.json`). What departs from them stands in a table here, with the reason.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import about

from aioami import Action, actions, enums, events
from aioami.actions.base import ACTIONS, KnownAction, action_class
from aioami.actions.parameters import REQUIRED
from aioami.events.base import UNSOLICITED, event_class
from aioami.fields import Boolean, Enumeration, Nested, Numbered, fields_of
from aioami.responses import ListReply

FACTS = json.loads((Path(__file__).parents[2] / "data/catalogue.json").read_text())
NEWEST = "master"

# All that these can send, where parameters are not declared one by one.
WHOLE: dict[str, list[Action[Any]]] = {
    "Filter": [actions.Filter("16", match_criteria="name(Hangup),header(Cause),method(exact)")],
    "Login": [actions.Login("u", "s", "call"), actions.Login("u", "s", "call", "1")],
    "ModuleLoad": [actions.ModuleLoad("refresh", "m.so", recursive=True)],
    "MuteAudio": [actions.MuteAudio("c", True)],
    "Originate": [
        actions.Originate_Application(
            *("c", "a", "d", 1000, "i", {"v": 1}, "a"),
            early_media=True,
            codecs="c",
            channel_id="i",
            other_channel_id="o",
        ),
        actions.Originate_Context("c", "x", "e", 1, pre_dial_go_sub="a,b,1"),
    ],
    "Park": [actions.Park("c", "d", 1000, announce_channel="a", parkinglot="l", parking_space=1)],
    "PJSIPNotify": [
        actions.PJSIPNotify("e", variable={"v": 1}, option="o"),
        actions.PJSIPNotify(uri="u"),
        actions.PJSIPNotify(channel="c"),
    ],
    "SIPnotify": [actions.SIPnotify("c", {"v": 1}, call_id="i")],
    "UpdateConfig": [
        actions.UpdateConfig("a", "b", [("Append", "c", "v", "x", "m", 1, "o")], preserve_effective_context=True)
    ],
    "UserEvent": [actions.UserEvent(UserEvent="n", Header1="h", HeaderN="h")],
    "WaitEvent": [actions.WaitEvent(1)],
}

NOT_SENT = {
    ("JabberSend", "JID"): "Asterisk documents it, and reads ScreenName in its place",
    ("Park", "TimeoutChannel"): "Channel2 is the same, and known to older versions too",
    ("MixMonitor", "options"): "the name of Options before Asterisk 20; the server does not look at case",
    ("AOCMessage", "UnitAmount(0)"): "declared for every number",
    ("AOCMessage", "UnitType(0)"): "declared for every number",
    ("UserEvent", "UserEvent"): "any header may be given",
}

NOT_CHECKED = {
    ("PJSIPHangup", "Cause"): "the documentation describes the words, and does not list them",
    ("Challenge", "AuthType"): "the server says itself what it wants",
}

NOT_REQUIRED = {
    ("ModuleLoad", "Module"): "a reload of all needs none",
    ("AOCMessage", "Channel"): "ChannelPrefix will do",
    ("PJSIPNotify", "Variable"): "Option will do, from Asterisk 18",
    ("MessageSend", "To"): "Destination will do, from Asterisk 18",
    ("StopMixMonitor", "MixMonitorID"): "without one all recordings of the channel are stopped",
    ("Originate", "Timeout"): "documented with a default",
}

NO_FIELD = {
    ("AOC-S", r".*"): "a tree, which the wire flattens to paths: `rates` has them",
    ("AOC-[DE]", r"Charge|Type|BillingID|TotalType|Currency|Name|Cost|Multiplier|Units|NumberOf|TypeOf"): "paths too",
    ("AOC-E", r"ChargingAssociation|Number|Plan|ID"): "paths too",
    (".*", "Privilege"): "`privileges` has it",
    ("RTCP.*", r"ReportX.*"): "`reports` has them by number",
    ("UserEvent", r".*"): "a user's own headers",
    ("AttendedTransfer", r"LocalOne.*|LocalTwo.*"): "of two of its kinds alone",
}


def test_every_action_has_a_class() -> None:
    """It says which classes of rights it needs, and which version was the last to have it."""
    for name in FACTS["actions"]:
        with about(name):
            facts = FACTS["actions"][name]
            action = action_class(name)
            assert action is not Action
            assert (action.wire_name.lower(), action.__name__) in ((name.lower(), name), *SPELLED_OTHERWISE)
            assert set(action.privilege) == set(facts["privileges"])
            last = facts["versions"][-1]
            assert action.until == (None if last == NEWEST else int(last))


SPELLED_OTHERWISE = (("sipqualifypeer", "SIPqualify"), ("originate", "Originate_Application"))


def test_no_class_stands_for_an_action_that_never_was() -> None:
    """Every class is an action of some version; SetCDRUserField is older than the facts."""
    actions.Ping()
    assert {action.wire_name.lower() for action in ACTIONS.values() if action.__module__.startswith("aioami.")} == {
        "setcdruserfield",
        *map(str.lower, FACTS["actions"]),
    }


def headers_of(action: type[Action[Any]]) -> set[str]:
    """Every header that a class can send, in lower case; those that are numbered without their number."""
    whole = [header for each in WHOLE.get(action.wire_name, []) for header, _ in each.headers]
    declared = [each.header for each in getattr(action, "_parameters", {}).values()]
    return {re.sub(r"\(\{\}\)|-0{6}$", "", header).lower() for header in (*whole, *declared)}


def test_every_parameter_can_be_given() -> None:
    """What a version documents, or reads without a word, is a parameter of the class."""
    for name in FACTS["actions"]:
        with about(name):
            sent = headers_of(action_class(name))
            wanted = {header for header in FACTS["actions"][name]["parameters"] if (name, header) not in NOT_SENT}
            assert {header for header in wanted if re.sub(r"-0{6}$", "", header).lower() not in sent} == set()


def test_what_is_required_is_asked_for() -> None:
    """An action that Asterisk would refuse for want of a header cannot be made without it."""
    for name in FACTS["actions"]:
        with about(name):
            action = action_class(name)
            parameters = action._parameters.values() if issubclass(action, KnownAction) else ()
            optional = {
                each.header.lower() for each in parameters if each.default is not REQUIRED and each.default is None
            }
            required = {
                header for header, facts in FACTS["actions"][name]["parameters"].items() if facts.get("required")
            }
            assert {
                header for header in required if header.lower() in optional and (name, header) not in NOT_REQUIRED
            } == set()


ENUMERATED = [
    (name, header, facts["enum"])
    for name, action in FACTS["actions"].items()
    for header, facts in action["parameters"].items()
    if "enum" in facts and (name, header) not in NOT_CHECKED
]


def test_every_word_that_a_parameter_may_be_is_taken() -> None:
    """What Asterisk lists is sent as it stands, whatever its case; and a word that it does not list is refused."""
    for name, header, values in ENUMERATED:
        with about(f"{header} of {name}"):
            action = action_class(name)
            parameter = next((each for each in action._parameters.values() if each.header == header), None)  # type: ignore[attr-defined]
            if parameter is None:
                pytest.fail(f"{header} is not declared") if name not in WHOLE else None
                continue
            if parameter.annotation.startswith("bool"):
                assert [[(header, told.lower())] for told in ("yes", "no")] or values
                continue
            for value in values:
                assert parameter.encode(value.upper()) == [(header, value)]
            with pytest.raises(ValueError, match=parameter.name):
                parameter.encode("surely not")


def test_every_list_says_what_it_consists_of() -> None:
    """The items and the end of a list are declared where the reply is, and are what Asterisk sends."""
    for name in [name for name, facts in FACTS["actions"].items() if "items" in facts]:
        with about(name):
            action, facts = action_class(name), FACTS["actions"][name]
            if not issubclass(action.response_type, ListReply):
                assert name in ("Login", "WaitEvent"), "it has a list"
                continue
            assert {item.wire_name for item in action.items} == set(facts["items"])
            if facts.get("completion"):
                assert action.completion is not None
                assert {action.completion.wire_name} == set(facts["completion"])


def test_every_event_has_a_class() -> None:
    """Its name on the wire leads to a class of its own, with a docstring."""
    for name in FACTS["events"]:
        with about(name):
            cls = event_class(name)
            assert cls is not events.Event
            assert cls.wire_name == name
            assert cls.__doc__


# The facts differ from the server here: they name no class that exists, or one of two.
OTHER_CLASSES = {
    "ChannelTalkingStart": ("call",),
    "ChannelTalkingStop": ("call",),
    "VoicemailPasswordChange": ("system", "user"),
}
NEVER_SENT = {"CloseSession": "Asterisk ends the session in its place"}
IN_LISTS = {
    name for facts in FACTS["actions"].values() for name in (*facts.get("items", ()), *facts.get("completion", ()))
}
IN_LISTS_AND_UNASKED = {
    *("DeviceStateChange", "ExtensionStatus", "FullyBooted", "PJSIPMaintenanceStatus"),
    *("ParkedCall", "PeerStatus", "PresenceStateChange"),
}


def test_every_event_says_its_read_classes() -> None:
    """One that is sent unasked has those of the facts; one that comes in lists only has none."""
    for name in FACTS["events"]:
        with about(name):
            expected = OTHER_CLASSES.get(name, tuple(FACTS["events"][name]["classes"]))
            if name in NEVER_SENT or name in IN_LISTS - IN_LISTS_AND_UNASKED:
                expected = ()
            assert event_class(name).read_classes == expected
            assert (UNSOLICITED.get(name.lower()) is event_class(name)) == bool(expected)


def has_field(cls: type[events.Event], header: str) -> bool:
    return header.lower() in {field.header.lower() for field in fields_of(cls).values()}


def test_every_header_has_a_field() -> None:
    """Each header of each version is an attribute, or is in the table with the reason why it is not."""
    for name in FACTS["events"]:
        with about(name):
            cls = event_class(name)
            missing = [header for header in FACTS["events"][name]["headers"] if not has_field(cls, header)]
            excused = [pattern for event, pattern in NO_FIELD if re.fullmatch(event, name)]
            assert [header for header in missing if not any(re.fullmatch(each, header) for each in excused)] == []


VALUES = [
    (name, header, values)
    for name, facts in FACTS["events"].items()
    for header, values in facts["headers"].items()
    if values
]


def test_every_value_that_a_header_may_have_is_understood() -> None:
    """What is documented as one of some values converts, each to another one; numbers and bools become such."""
    for name, header, values in VALUES:
        with about(f"{header} of {name}"):
            field = next((each for each in fields_of(event_class(name)).values() if each.header == header), None)
            if field is None:
                continue
            converted = [field.convert(value) for value in values]
            assert None not in converted
            assert len(set(map(str, converted))) == len(values)
            if isinstance(field, Enumeration):
                assert not [member for member in converted if member.name.startswith("UNKNOWN_")]
            if {value.lower() for value in values} in ({"yes", "no"}, {"0", "1"}, {"true", "false"}):
                assert isinstance(field, Boolean)


@pytest.mark.parametrize("kind", [getattr(enums, name) for name in enums.__all__ if name not in ("Code", "Word")])
def test_enumerations_know_what_they_do_not_know(kind: type[enums.Code] | type[enums.Word]) -> None:
    """A new value is a member too, equal to itself and to its number or text, and survives a copy."""
    import copy
    import pickle

    value: Any = 4711 if issubclass(kind, int) else "surely not"
    member = kind(value)
    assert member == value
    assert member == kind(value)
    assert str(member) == f"{member}" == f"UNKNOWN_{value}"
    assert "UNKNOWN_" in repr(member)
    assert copy.deepcopy(member) == pickle.loads(pickle.dumps(member)) == member
    for known in kind:
        assert kind(known.value) is known
        assert str(known) == f"{known}" == f"{known:s}" == known.name
        assert kind(known.name) is kind(known.name.lower()) is known
        assert pickle.loads(pickle.dumps(known)) is known
    with pytest.raises(ValueError, match="valid"):
        kind(None)


def test_signatures_show_the_real_thing() -> None:
    """`help()` and editors see the parameters of each action, and `dir()` sees all names of the catalogue."""
    for action in set(ACTIONS.values()):
        signature = inspect.signature(action)
        assert "args" not in signature.parameters
        assert str(signature).startswith("(")
    assert (
        str(inspect.signature(actions.QueuePenalty))
        == "(interface: 'str | bytes', penalty: 'int', queue: 'str | bytes | None' = None)"
    )
    for area in (actions, events):
        assert {"QueueStatus", "QueueMember"} & set(dir(area))
        assert set(area.__all__) <= set(dir(area))
        assert set(area.AREAS) <= set(dir(area))
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = actions.Nonsense


def test_nested_and_numbered_views_are_declared_with_a_prefix() -> None:
    """Each view is typed by a class, and its flat names are attributes as well."""
    found = 0
    for name in events.__all__:
        cls = getattr(events, name)
        for owner in vars(cls).values() if isinstance(cls, type) else ():
            if isinstance(owner, (Nested, Numbered)):
                found += 1
                assert owner.prefix
                assert fields_of(owner.view)
    assert found > 15


def test_importing_the_library_is_quick(tmp_path: Path) -> None:
    """`import aioami` costs the processor at most half as much again as `import asyncio`; what it names comes later."""
    import os
    import statistics
    import subprocess
    import sys
    from resource import RUSAGE_CHILDREN, getrusage

    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):  # it would load more than what is measured
        environment.pop(name, None)

    def used() -> float:
        usage = getrusage(RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    def run(program: str) -> float:
        before = used()
        subprocess.run([sys.executable, "-c", program], env=environment, check=True)
        return used() - before

    run("import asyncio, aioami")
    loaded = "import aioami, sys; assert not [n for n in sys.modules if n in ('aioami.events.queues', 'aioami.actions.queues')]"
    run(loaded)
    for _ in range(8):  # a busy machine may be slow for one of the two alone
        pairs = [(run("import asyncio"), run("import aioami")) for _ in range(11)]
        plain, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
        if ours <= 1.5 * plain:
            return
    pytest.fail(f"import aioami costs {ours / plain:.2f} times as much as import asyncio")
