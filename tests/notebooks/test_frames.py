"""Lists of events as data frames: rows, columns and their types, with both libraries."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pandas
import polars
import pytest

from aioami import Event, EventList, Manager, core, events
from aioami.events.base import parse
from aioami.testing import FakeAsterisk

MOMENT = datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=timezone.utc)


def event(name: str, **headers: object) -> Event:
    """An event with these headers."""
    return parse("\r\n".join([f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]))


def both(items: EventList[Any], **options: bool) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """The columns of both frames as lists, with `None` for what is missing."""
    frame = items.to_pandas(**options)
    missing = frame.astype("object").where(frame.notna(), None)
    ours: dict[str, list[Any]] = {str(name): list(missing[name]) for name in missing}
    theirs = items.to_polars(**options).to_dict(as_series=False)
    assert list(ours) == list(theirs)
    return ours, theirs


MEMBERS = EventList(
    [
        event("QueueMember", Queue="a", Name="x", Status=1, Paused=0, Penalty=3, LoginTime=1700000000.5, LastCall=0),
        event("QueueMember", Queue="a", Name="y", Status=6, Paused=1, Penalty="many", LoginTime="9e99", Mine="own"),
        event("QueueMember", Queue="b", Name="z", Status=42, Paused="perhaps"),
    ]
)


def test_columns_have_the_types_of_the_attributes() -> None:
    """Numbers, truth values, moments in UTC, states by name in their order, and text; what does not convert is missing."""
    wanted = {
        "event": ["QueueMember"] * 3,
        "queue": ["a", "a", "b"],
        "name_": ["x", "y", "z"],
        "status": ["NOT_IN_USE", "RINGING", "UNKNOWN_42"],
        "paused": [False, True, None],
        "penalty": [3, None, None],
        "login_time": [MOMENT, None, None],
        "last_call": [None, None, None],
        "mine": [None, "own", None],
    }
    for columns in both(MEMBERS):
        assert columns == wanted
    frame, other = MEMBERS.to_pandas(), MEMBERS.to_polars()
    assert frame.dtypes.map(str).to_dict() == {
        **dict.fromkeys(("event", "queue", "name_", "mine"), "string"),
        **{"status": "category", "paused": "boolean", "penalty": "Int64"},
        **dict.fromkeys(("login_time", "last_call"), "datetime64[us, UTC]"),
    }
    assert list(frame["status"].cat.categories) == ["NOT_IN_USE", "RINGING", "UNKNOWN_42"]
    assert dict(other.schema) == {
        **dict.fromkeys(("event", "queue", "name_", "mine"), polars.String()),
        **{"status": polars.Categorical(), "paused": polars.Boolean(), "penalty": polars.Int64()},
        **dict.fromkeys(("login_time", "last_call"), polars.Datetime("us", "UTC")),
    }


def test_columns_may_have_the_names_of_headers() -> None:
    """The names are those of attributes, or the headers' own."""
    for columns in both(MEMBERS, attributes=False):
        assert list(columns)[:4] == ["Event", "Queue", "Name", "Status"]
        assert columns["Status"] == ["NOT_IN_USE", "RINGING", "UNKNOWN_42"]


def test_durations_fractions_and_nested_channels_are_numbers_and_states() -> None:
    """A duration is seconds, a fraction a float, and a header of a nested channel has the type of the channel's own."""
    channels = EventList([event("CoreShowChannel", Duration="01:00:02", ChannelState=6)])
    dial = EventList([event("DialBegin", DestChannelState=5, DestCallerIDNum="0123")])
    queues = EventList([event("QueueParams", ServicelevelPerf="12.5")])
    assert (
        both(channels)[0]
        == both(channels)[1]
        == {"event": ["CoreShowChannel"], "duration": [3602], "channel_state": ["UP"]}
    )
    assert both(dial)[1] == {"event": ["DialBegin"], "dest_channel_state": ["RINGING"], "dest_caller_id_num": ["0123"]}
    assert both(queues)[0]["servicelevel_perf"] == both(queues)[1]["servicelevel_perf"] == [12.5]


def test_repeated_headers_and_variables_keep_all_their_values() -> None:
    """Headers that are repeated are lists, channel variables are pairs."""
    repeated = EventList([Event("Event: X\r\nKey: 1\r\nKey: 2"), Event("Event: X\r\nKey: 3"), Event("Event: X")])
    for columns in both(repeated):
        assert [value if value is None else list(value) for value in columns["key"]] == [["1", "2"], ["3"], None]
    spoken = EventList(
        [
            parse("Event: Hangup\r\nChannel: x\r\nChanVariable: A=1\r\nChanVariable: B=2"),
            parse("Event: Hangup\r\nChannel: y"),
        ]
    )
    ours, theirs = both(spoken)
    assert ours["chan_variable"] == [{"A": "1", "B": "2"}, None]
    assert theirs["chan_variable"] == [[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], None]


def test_what_no_column_can_hold_is_text() -> None:
    """Durations beyond 64 bits, and what two kinds of items call alike and type differently, stay the text that came."""
    long = "9" * 18 + ":00:00"
    huge = EventList([event("CoreShowChannel", Duration=long), event("CoreShowChannel", Duration="00:00:01")])
    for columns in both(huge):
        assert columns["duration"] == [long, "00:00:01"]

    class Alike(events.KnownEvent, wire_name="FrameAlike"):
        """Has text where members of queues have a number."""

    mixed = EventList[Event]([Alike("Event: FrameAlike\r\nPenalty: none"), event("QueueMember", Penalty=1)])
    for columns in both(mixed):
        assert columns["penalty"] == ["none", "1"]


def test_an_item_without_a_class_makes_its_columns_text() -> None:
    """Where an item has no types for a column, the whole column is the text that came."""
    headers = {"Status": 1, "Paused": 0, "LoginTime": 5, "Penalty": 2, "ServicelevelPerf": "1.5", "Duration": "00:01"}
    typed = [event("QueueMember", **headers), event("QueueParams", **headers), event("CoreShowChannel", **headers)]
    for columns in both(EventList([*typed, event("Unheard", **headers)])):
        assert {name: set(values) for name, values in list(columns.items())[1:]} == {
            **{"status": {"1"}, "paused": {"0"}, "login_time": {"5"}, "penalty": {"2"}},
            **{"servicelevel_perf": {"1.5"}, "duration": {"00:01"}},
        }


def test_bytes_that_are_no_text_are_escapes() -> None:
    """What came as half of a surrogate pair can be encoded, saved and shown."""
    strange = EventList([Event("Event: X\r\nKey: caf\udce9\r\nKey: \udce9")])
    for columns in both(strange):
        assert list(columns["key"][0]) == ["caf\\udce9", "\\udce9"]


async def test_lists_of_a_server_become_frames(fake_asterisk: FakeAsterisk, ami_manager: Manager) -> None:
    """A list with items of several kinds has the columns of all, and both libraries calculate with them."""
    # Where nobody answers, so that the caller still waits when the list is asked for.
    fake_asterisk.incoming("PJSIP/trunk", to="empty@queues", caller='"Ada" <555>')
    status = (await ami_manager.send(core.QueueStatus())).events
    frame, other = status.to_pandas(), status.to_polars()
    assert len(frame) == len(other) == len(status)
    assert frame.groupby("event").size()["QueueMember"] == 2
    assert other.filter(polars.col("event") == "QueueParams")["weight"].sum() == 3
    waiting = frame[frame["event"] == "QueueEntry"]
    assert list(waiting["caller_id_name"]) == ["Ada"]
    assert pandas.api.types.is_integer_dtype(waiting["position"])


@pytest.mark.parametrize("library", ["pandas", "polars"])
async def test_lists_of_a_real_server_become_frames(real_asterisk: Any, library: str) -> None:
    """What a real server lists has the same types."""
    async with Manager.from_url(real_asterisk.url, read_only=True) as mgr:
        for action in (core.QueueStatus(), core.CoreShowChannels(), core.ParkedCalls(), core.VoicemailUsersList()):
            items = (await mgr.send(action)).events
            assert getattr(items, f"to_{library}")().shape[0] == len(items)


def test_a_frame_without_items_has_the_columns_that_they_would_have() -> None:
    """What a list action answers with nothing is a frame without rows, whose columns have their types."""
    queues = EventList[Event](item_classes=(events.QueueParams, events.QueueMember))
    for columns in both(queues):
        assert {"event", "queue", "calls", "name_", "location", "status", "login_time"} <= set(columns)
        assert not any(columns.values())
    assert not {"interface", "sequence_number"} & set(both(queues)[0])
    assert str(queues.to_pandas()["login_time"].dtype) == "datetime64[us, UTC]"
    assert queues.to_polars().schema["status"] == polars.Categorical()
    assert list(both(queues, attributes=False)[0])[:3] == ["Event", "ActionID", "Queue"]
    assert both(EventList[Event]())[0].keys() == {"event", "action_id"}


def test_dates_without_a_zone_are_moments_too() -> None:
    """The times of call records are columns that can be subtracted."""
    record = EventList([event("Cdr", StartTime="2026-03-29 01:59:58", AnswerTime="", EndTime="2026-03-29 02:00:03")])
    for columns in both(record):
        assert columns["answer_time"] == [None]
    frame, other = record.to_pandas(), record.to_polars()
    assert str(frame["start_time"].dtype) == "datetime64[us]"
    assert (frame["end_time"] - frame["start_time"])[0].total_seconds() == 5
    assert other.schema["start_time"] == polars.Datetime("us")
