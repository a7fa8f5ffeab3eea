"""Events as dictionaries and rows, in all their variants, and the JSON Schema that describes them."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from aioami import Event, EventList, actions, events
from aioami.fields import Integer
from aioami.responses import EventsReply
from aioami.schema import json_schema
from aioami.wire import Framer

RECORDING = Path(__file__).parents[2] / "data/busy-22.bin.xz"
VARIANTS: list[dict[str, bool]] = [
    {"attributes": attributes, **values} for attributes in (False, True) for values in ({}, {"typed": True})
] + [{"typed": True, "numbers": True}]

HANGUP = events.parse(
    "Event: Hangup\nPrivilege: call,all\nTimestamp: 5.25\nChannel: PJSIP/1\nChannelState: 6\nCallerIDNum: 5\n"
    "Cause: 16\nCause-txt: Normal Clearing\nChanVariable: a=1\nChanVariable: b=x=y\nX-New: 1\nX-New: 2\nTechCause: "
)


def test_a_dictionary_of_text_has_what_came() -> None:
    """Names in the first spelling, text as received, and repeated headers as a list."""
    assert HANGUP.to_dict() == {
        "Event": "Hangup",
        "Privilege": "call,all",
        "Timestamp": "5.25",
        "Channel": "PJSIP/1",
        "ChannelState": "6",
        "CallerIDNum": "5",
        "Cause": "16",
        "Cause-txt": "Normal Clearing",
        "ChanVariable": ["a=1", "b=x=y"],
        "X-New": ["1", "2"],
        "TechCause": "",
    }


def test_a_dictionary_of_attributes_has_their_names() -> None:
    """The keys are what one writes behind the dot; headers without a field are named by the same rule."""
    told = HANGUP.to_dict(attributes=True)
    assert list(told)[:6] == ["event", "privilege", "timestamp", "channel", "channel_state", "caller_id_num"]
    assert (told["cause_txt"], told["chan_variable"], told["x_new"]) == (
        "Normal Clearing",
        ["a=1", "b=x=y"],
        ["1", "2"],
    )


def test_a_typed_dictionary_has_the_values_of_the_attributes() -> None:
    """Numbers, enumerations and variables are what the attributes give; what no class knows stays text."""
    told = HANGUP.to_dict(typed=True)
    assert (told["Timestamp"], told["ChannelState"], told["Cause"]) == (5.25, "UP", "NORMAL_CLEARING")
    assert told["ChanVariable"] == {"a": "1", "b": "x=y"}
    assert told["X-New"] == ["1", "2"]
    both = HANGUP.to_dict(attributes=True, typed=True)
    assert both["cause"] == str(HANGUP.cause) == "NORMAL_CLEARING"  # type: ignore[attr-defined]
    assert json.loads(json.dumps(both))["channel_state"] == "UP"


def test_a_typed_dictionary_can_have_the_numbers_of_codes() -> None:
    """With `numbers` codes are Asterisk's numbers and words, in dictionaries, rows and the schema; text has none."""
    told = HANGUP.to_dict(typed=True, numbers=True)
    assert (type(told["Cause"]), told["Cause"], json.loads(json.dumps(told))["ChannelState"]) == (int, 16, 6)
    state = events.parse("Event: DeviceStateChange\nState: NOT_INUSE")
    assert (state.to_dict(typed=True)["State"], state.to_dict(typed=True, numbers=True)["State"]) == (
        "NOT_IN_USE",
        "NOT_INUSE",
    )
    assert type(state.to_dict(typed=True, numbers=True)["State"]) is str
    assert EventList([HANGUP]).to_rows(typed=True, numbers=True)[0]["Cause"] == 16
    reply = EventsReply("Response: Success\nEvents: On")
    for refuses in (HANGUP.to_dict, EventList([HANGUP]).to_rows, reply.to_dict, json_schema):
        with pytest.raises(ValueError, match="numbers: only with typed=True"):
            refuses(numbers=True)


def test_a_header_with_a_channels_name_is_one_of_the_variables() -> None:
    """`ChanVariable(PJSIP/1): a=1` is found under its field."""
    event = events.parse("Event: OriginateResponse\nChanVariable(PJSIP/1): a=1\nChanVariable(PJSIP/1): b=2")
    assert event.to_dict() == {"Event": "OriginateResponse", "ChanVariable(PJSIP/1)": ["a=1", "b=2"]}
    assert event.to_dict(attributes=True, typed=True)["chan_variable"] == {"a": "1", "b": "2"}
    assert event.to_dict(typed=True)["ChanVariable(PJSIP/1)"] == {"a": "1", "b": "2"}


def test_a_view_is_a_dictionary_of_its_own() -> None:
    """A nested channel has the names without its prefix."""
    event = events.parse("Event: DialBegin\nDestChannel: PJSIP/2\nDestChannelState: 5\nDestChanVariable: a=1")
    assert isinstance(event, events.DialBegin)
    assert event.dest.to_dict() == {"Channel": "PJSIP/2", "ChannelState": "5", "ChanVariable": "a=1"}
    assert event.dest.to_dict(attributes=True, typed=True) == {
        "channel": "PJSIP/2",
        "channel_state": "RINGING",
        "chan_variable": {"a": "1"},
    }
    assert event.to_dict(attributes=True, typed=True)["dest_channel_state"] == "RINGING"
    assert event.dest.to_dict(typed=True, numbers=True)["ChannelState"] == 5


def test_a_response_is_a_dictionary_too() -> None:
    """With its attributes' names and types."""
    reply = EventsReply("Response: Success\nEvents: On")
    assert reply.to_dict() == {"Response": "Success", "Events": "On"}
    assert reply.to_dict(attributes=True) == {"response": "Success", "events_": "On"}


def test_rows_have_the_same_columns() -> None:
    """What an item does not have is None, in the order in which the columns are met first."""
    items: EventList[Event] = EventList(
        [
            events.parse("Event: QueueParams\nQueue: sales\nCalls: 2"),
            events.parse("Event: QueueMember\nQueue: sales\nStatus: 1"),
        ]
    )
    assert items.to_rows(attributes=True, typed=True) == [
        {"event": "QueueParams", "queue": "sales", "calls": 2, "status": None},
        {"event": "QueueMember", "queue": "sales", "calls": None, "status": "NOT_IN_USE"},
    ]
    assert items.to_rows()[0] == {"Event": "QueueParams", "Queue": "sales", "Calls": "2", "Status": None}
    assert EventList[Event]().to_rows() == []


def one_of_each() -> list[Event]:
    found: dict[str, Event] = {}
    for text in Framer().feed(lzma.decompress(RECORDING.read_bytes())):
        if text.startswith("Event:"):
            event = events.parse(text)
            found.setdefault(event.name, event)
    return list(found.values())


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda each: "-".join(name for name, given in each.items() if given))
def test_events_are_as_the_schema_says(variant: dict[str, bool]) -> None:
    """One event of each kind that a busy server sent is valid, and one with a wrong value is not."""
    schema = json_schema(**variant)
    attributes = variant.get("attributes", False)
    if attributes and variant.get("typed"):  # it takes seconds, and the others differ in little
        jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    each = one_of_each()
    assert len(each) > 40
    for event in each:
        own = jsonschema.Draft202012Validator(schema["$defs"][f"events.{event.name}"])
        told = json.loads(json.dumps(event.to_dict(**variant)))
        assert [error.message for error in own.iter_errors(told)] == []
    for event in (HANGUP, events.parse("Event: Unheard\nOf: 1")):
        assert validator.is_valid(event.to_dict(**variant))
    wrong = {**HANGUP.to_dict(**variant), "channel" if attributes else "Channel": 5}
    assert not validator.is_valid(wrong)
    assert not validator.is_valid({})


def test_actions_are_as_the_schema_says() -> None:
    """Arguments by name: what is needed, what is one of some words, and what is no argument."""
    schema = json_schema()

    def errors(name: str, arguments: dict[str, Any]) -> bool:
        return not jsonschema.Draft202012Validator(schema["$defs"][f"actions.{name}"]).is_valid(arguments)

    assert not errors("QueueAdd", {"interface": "PJSIP/1", "queue": "sales", "penalty": 2, "paused": True})
    assert errors("QueueAdd", {"interface": "PJSIP/1"})
    assert errors("QueueAdd", {"interface": "PJSIP/1", "queue": "sales", "penalty": "2"})
    assert errors("QueueAdd", {"interface": "PJSIP/1", "queue": "sales", "nonsense": 1})
    assert not errors("ControlPlayback", {"channel": "PJSIP/1", "control": "pause"})
    assert errors("ControlPlayback", {"channel": "PJSIP/1", "control": "dance"})
    assert not errors("Originate_Application", {"channel": "X/1", "application": "Echo", "variables": {"a": 1}})
    assert not errors("Status", {"channel": None, "variables": ["a", "b"]})
    assert not errors("UserEvent", {"UserEvent": "Mine", "Anything": "goes"})
    assert {f"actions.{each.__name__}" for each in vars(actions).values() if _is_action(each)} <= set(schema["$defs"])


def _is_action(each: object) -> bool:
    return isinstance(each, type) and issubclass(each, actions.KnownAction) and bool(each.wire_name)


def test_classes_of_ones_own_are_in_the_schema() -> None:
    """An event that a user declares is described like all others."""

    class MineAlone(Event):
        """Something of mine."""

        door = Integer("Door")

    try:
        told = json_schema(typed=True)["$defs"]["events.MineAlone"]
    finally:
        events.base.EVENTS.pop("minealone")
    assert told["description"] == "Something of mine."
    assert told["properties"]["Door"] == {"type": ["integer", "null"]}
