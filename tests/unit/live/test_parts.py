"""The further parts of the live state: what lists and events of each mean, also the odd ones."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.helpers import until

from aioami import Action, Manager, actions, core, events
from aioami.enums import DeviceState, ExtensionState
from aioami.fields import fields_of
from aioami.live import Live, LiveChange
from aioami.testing import FakeAsterisk, Request

PARTS = ("hints", "parking", "conferences", "mailboxes", "endpoints", "registrations")
ALL_PARTS = ("channels", "bridges", "queues", *PARTS)
LISTS: dict[str, tuple[str, list[dict[str, str]]]] = {
    "CoreShowChannels": ("CoreShowChannelsComplete", [
        {"Event": "CoreShowChannel", "Channel": "PJSIP/my-phone-00000001", "Uniqueid": "1.1"},
        {"Event": "CoreShowChannel", "Channel": "Local/x@y-1;1", "Uniqueid": "1.2"},
    ]),
    "ExtensionStateList": ("ExtensionStateListComplete", [
        {"Event": "ExtensionStatus", "Exten": "200", "Context": "int", "Hint": "PJSIP/a", "Status": "0"},
    ]),
    "Parkinglots": ("ParkinglotsComplete", [{"Event": "Parkinglot", "Name": "default"}, {"Event": "Parkinglot", "Name": "b"}]),
    "ParkedCalls": ("ParkedCallsComplete", [
        {"Event": "ParkedCall", "ParkeeChannel": "A/1", "ParkeeUniqueid": "2", "Parkinglot": "default", "ParkingSpace": "1000",
         "ParkingDuration": "7"},
        {"Event": "ParkedCall", "ParkeeChannel": "A/2", "ParkeeUniqueid": "3", "Parkinglot": "default", "ParkingSpace": "701",
         "ParkingDuration": "5"},
    ]),
    "ConfbridgeListRooms": ("ConfbridgeListRoomsComplete", [
        {"Event": "ConfbridgeListRooms", "Conference": "all", "Parties": "1", "Locked": "Yes"},
    ]),
    "ConfbridgeList": ("ConfbridgeListComplete", [
        {"Event": "ConfbridgeList", "Conference": "all", "Channel": "A/1", "Uniqueid": "1", "Muted": "Yes", "Admin": "Yes",
         "Talking": "No"},
    ]),
    "VoicemailUsersList": ("VoicemailUserEntryComplete", [
        {"Event": "VoicemailUserEntry", "VMContext": "default", "VoiceMailbox": "1234", "NewMessageCount": "2",
         "OldMessageCount": "1"},
    ]),
    "PJSIPShowContacts": ("ContactListComplete", [
        {"Event": "ContactList", "ObjectName": "x", "Uri": "sip:a@b:1", "Status": "Reachable", "RoundtripUsec": "2500"},
        {"Event": "ContactList", "ObjectName": "y", "Uri": "sip:c@d:1", "Status": "Unreachable", "RoundtripUsec": "0"},
    ]),
    "PJSIPShowEndpoints": ("EndpointListComplete", [
        {"Event": "EndpointList", "ObjectName": "my-phone", "Contacts": "x/sip:a@b:1,x/sip:c@d:1,x/sip:static@e,",
         "DeviceState": "Ring+Inuse"},
    ]),
    "PJSIPShowRegistrationsOutbound": ("OutboundRegistrationDetailComplete", [
        {"Event": "OutboundRegistrationDetail", "ObjectName": "up", "ServerUri": "sip:s", "ClientUri": "sip:c",
         "Status": "Unregistered"},
        {"Event": "AuthDetail", "ObjectName": "up", "Password": "s3cret"},
    ]),
}  # fmt: skip


def answers(end: str, items: Sequence[dict[str, str]], request: Request) -> list[list[tuple[str, str]]]:
    identity = ("ActionID", request.action_id or "")
    first = [("Response", "Success"), identity, ("EventList", "start")]
    last = [("Event", end), identity, ("EventList", "Complete"), ("ListItems", str(len(items)))]
    return [first, *([*item.items(), identity] for item in items), last]


def lists(fake: FakeAsterisk, name: str, *items: dict[str, str]) -> None:
    """Have an action answered with these items."""
    fake.reply_to(name, lambda request: answers(LISTS[name][0], items, request))


@pytest.fixture
async def live(fake: FakeAsterisk, mgr: Manager) -> AsyncIterator[Live]:
    for name, (_, items) in LISTS.items():
        lists(fake, name, *items)
    async with Live(mgr, parts=PARTS, clock=lambda: 1000.0) as entered:
        assert not entered.unavailable
        yield entered


async def emit(fake: FakeAsterisk, name: str, privilege: str = "call,all", **headers: str) -> None:
    await fake.send_event(name, headers, privilege=privilege)


@pytest.mark.parametrize("number", ["9" * 18, "9" * 20, "9" * 400, "9" * 5000])
async def test_no_number_of_a_server_ends_the_state(fake: FakeAsterisk, mgr: Manager, number: str) -> None:
    """Whatever number stands in each header, of the items of the lists and of each event, the state goes on."""
    for name, (_, items) in LISTS.items():
        lists(
            fake,
            name,
            *({key: number if value.isdecimal() else value for key, value in each.items()} for each in items),
        )
    own = {"Channel": "A/1", "Uniqueid": "1", "Linkedid": "1", "Queue": "q", "BridgeUniqueid": "b", "Interface": "A/1"}
    async with Live(mgr, parts=ALL_PARTS) as live:
        stream = live._stream
        assert stream is not None
        names = stream.selection.names()
        assert names is not None
        for name in sorted(names - {"Disconnected"}):
            headers = {field.header: number for field in fields_of(events.event_class(name)).values()}
            await fake.send_event(name, {**headers, **own}, privilege="all")
        await mgr.send(core.Ping())
        await until(lambda: not stream.pending and live.synced)
        for part in ALL_PARTS:
            json.dumps([each.to_dict() for each in getattr(live, part).values()])
        await fake.send_event("Newchannel", {**own, "Uniqueid": "2"}, privilege="call,all")
        await until(lambda: "2" in live.channels)


async def test_what_the_lists_say(live: Live) -> None:
    """Each part shows what its lists say, keyed as people name it, and is ready for JSON and for a notebook."""
    hint, lot, room = live.hints["200@int"], live.parking["default"], live.conferences["all"]
    assert (hint.state, hint.device) == (ExtensionState.IDLE, "PJSIP/a")
    assert [(each.space, each.uniqueid, each.since) for each in lot.calls] == [
        ("701", "3", 995.0),
        ("1000", "2", 993.0),
    ]
    assert live.parking["b"].calls == ()
    (participant,) = room.participants
    assert (room.locked, participant.channel, participant.muted, participant.admin) == (True, "A/1", True, True)
    assert (live.mailboxes["1234@default"].new, live.mailboxes["1234@default"].old) == (2, 1)
    endpoint = live.endpoints["PJSIP/my-phone"]
    assert (endpoint.state, endpoint.channels) == (DeviceState.RING_IN_USE, ("1.1",))
    assert [(each.uri, each.reachable, each.round_trip) for each in endpoint.contacts] == [
        ("sip:a@b:1", True, 0.0025),
        ("sip:c@d:1", False, None),
        ("sip:static@e", None, None),
    ]
    registration = live.registrations["up"]
    assert (registration.server, registration.client, registration.state) == ("sip:s", "sip:c", "Unregistered")
    shown = {name: {key: each.to_dict() for key, each in getattr(live, name).items()} for name in PARTS}
    assert json.loads(json.dumps(shown))["endpoints"]["PJSIP/my-phone"]["state"] == "RING_IN_USE"
    assert live._repr_html_().count("<table") == len(PARTS)
    assert "s3cret" not in live._repr_html_()
    assert repr(live).startswith("<Live 1 hints, 2 parking, 1 conferences")


async def test_hints(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A hint changes, comes, and goes by an event that says so; actions and commands on the dialplan have them read again."""
    changes = live.changes()
    await emit(fake, "ExtensionStatus", Exten="200", Context="int", Hint="PJSIP/a", Status="9")
    await emit(fake, "ExtensionStatus", Exten="201", Context="int", Hint="PJSIP/b", Status="4")
    await until(lambda: "201@int" in live.hints)
    assert live.hints["200@int"].state is ExtensionState.IN_USE_AND_RINGING
    assert await changes.__anext__() == LiveChange("hint", "200@int")
    await emit(fake, "ExtensionStatus", Exten="201", Context="int", Hint="", Status="-2")
    await until(lambda: "201@int" not in live.hints)
    for number, action in enumerate(
        (
            Action("DialplanExtensionRemove"),
            core.Command("dialplan reload"),
            core.Command("reload"),
            core.Command("core show version"),
        ),
        2,
    ):
        fake.reply_to(action.name, [("Response", "Success")])
        await mgr.send(action)
        await live.wait_synced(5)
        assert len(fake.sent("ExtensionStateList")) == min(number, 4)


async def test_parking(fake: FakeAsterisk, live: Live) -> None:
    """Calls are parked, swapped, fetched and given up; one that was listed already keeps its time."""
    await emit(fake, "ParkedCall", ParkeeChannel="A/9", ParkeeUniqueid="9", Parkinglot="new", ParkingSpace="801")
    await emit(fake, "ParkedCall", ParkeeChannel="A/2", ParkeeUniqueid="3", Parkinglot="default", ParkingSpace="701")
    await emit(
        fake, "ParkedCallSwap", ParkeeChannel="A/5", ParkeeUniqueid="5", Parkinglot="default", ParkingSpace="1000"
    )
    await emit(fake, "ParkedCall", Parkinglot="")
    await until(lambda: [each.uniqueid for each in live.parking["default"].calls] == ["3", "5"])
    assert [each.since for each in live.parking["default"].calls] == [995.0, 1000.0]
    assert live.parking["new"].calls[0].channel == "A/9"
    for name, uniqueid, lot in (
        ("UnParkedCall", "3", "default"), ("ParkedCallGiveUp", "5", "default"), ("ParkedCallTimeOut", "9", "new"),
        ("ParkedCallTimeOut", "9", "never"),
    ):  # fmt: skip
        await emit(fake, name, ParkeeUniqueid=uniqueid, Parkinglot=lot)
    await until(lambda: not live.parking["default"].calls and not live.parking["new"].calls)
    await live.refresh("parking")
    assert [each.since for each in live.parking["default"].calls] == [995.0, 993.0]


async def entered(fake: FakeAsterisk, uniqueid: str, kind: str = "parking") -> None:
    await emit(fake, "BridgeEnter", Uniqueid=uniqueid, Channel=f"A/{uniqueid}", BridgeUniqueid=kind, BridgeType=kind)


async def parked(fake: FakeAsterisk, uniqueid: str, space: str) -> None:
    await emit(
        fake,
        "ParkedCall",
        ParkeeChannel=f"A/{uniqueid}",
        ParkeeUniqueid=uniqueid,
        Parkinglot="default",
        ParkingSpace=space,
    )


def spaces(live: Live) -> list[tuple[str, str]]:
    return [(each.space, each.uniqueid) for each in live.parking["default"].calls]


async def test_a_call_that_is_taken_out_of_a_lot_without_an_event(fake: FakeAsterisk, live: Live) -> None:
    """A parked call that is bridged, or hung up, or never enters the lot's bridge, is asked about until it is not listed."""
    asked = len(fake.sent("ParkedCalls"))
    for uniqueid in ("20", "21", "22", "23", "24"):
        if uniqueid == "20":  # the two events have no order
            await entered(fake, uniqueid)
        await parked(fake, uniqueid, f"7{uniqueid}")
        if uniqueid not in ("20", "24"):
            await entered(fake, uniqueid)
    await until(lambda: len(spaces(live)) == 7)
    await entered(fake, "21", "basic")
    await emit(fake, "BridgeLeave", Uniqueid="22", BridgeUniqueid="parking", BridgeType="parking")
    await emit(fake, "Hangup", Uniqueid="23", Cause="16")
    still = {"Event": "ParkedCall", "Parkinglot": "default", "ParkingSpace": "720", "ParkeeUniqueid": "20"}
    late = {"Event": "ParkedCall", "Parkinglot": "default", "ParkingSpace": "724", "ParkeeUniqueid": "24"}
    lists(fake, "ParkedCalls", still, late)
    await until(lambda: spaces(live) == [("720", "20"), ("724", "24")])
    lists(fake, "ParkedCalls", still)  # a server at work lists it a little longer
    await until(lambda: spaces(live) == [("720", "20")])
    assert live.synced
    assert len(fake.sent("ParkedCalls")) - asked <= 3


async def test_a_call_that_leaves_a_lot_as_its_events_say_is_not_asked_about(fake: FakeAsterisk, live: Live) -> None:
    """Where the lot tells that a call left, before or after the bridge does, the server is not asked."""
    asked = len(fake.sent("ParkedCalls"))
    for uniqueid in ("20", "21"):
        await parked(fake, uniqueid, f"7{uniqueid}")
        await entered(fake, uniqueid)
    leaves = {"Uniqueid": "20", "BridgeUniqueid": "parking", "BridgeType": "parking"}
    await emit(fake, "BridgeLeave", **leaves)
    for uniqueid in ("20", "21"):
        await emit(fake, "ParkedCallGiveUp", ParkeeUniqueid=uniqueid, Parkinglot="default")
    await emit(fake, "BridgeLeave", **leaves | {"Uniqueid": "21"})
    await until(lambda: len(spaces(live)) == 2)
    await parked(fake, "22", "722")
    await until(lambda: len(fake.sent("ParkedCalls")) > asked)  # about that one alone
    await until(lambda: spaces(live) == [("701", "3"), ("1000", "2")])
    assert len(fake.sent("ParkedCalls")) == asked + 1


async def test_a_server_that_goes_on_listing_a_call_is_believed(fake: FakeAsterisk, live: Live) -> None:
    """A parked call of which the bridge tells something else is asked about a few times, and then shown as it is listed."""
    asked = len(fake.sent("ParkedCalls"))
    await entered(fake, "3", "basic")
    await until(lambda: len(fake.sent("ParkedCalls")) == asked + 5)
    assert spaces(live) == [("701", "3"), ("1000", "2")]


async def test_conferences(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """Participants come, talk, are muted and go; a new conference is asked for its lock a moment later."""
    await emit(fake, "ConfbridgeJoin", Conference="all", Channel="A/2", Uniqueid="2", Muted="No", Admin="No")
    await emit(fake, "ConfbridgeTalking", Conference="all", Uniqueid="2", TalkingStatus="on")
    await emit(fake, "ConfbridgeUnmute", Conference="all", Uniqueid="1")
    await emit(fake, "ConfbridgeMute", Conference="all", Uniqueid="2")
    await emit(fake, "ConfbridgeMute", Conference="all", Uniqueid="unknown")
    await until(lambda: [each.muted for each in live.conferences["all"].participants] == [False, True])
    assert [each.talking for each in live.conferences["all"].participants] == [False, True]
    kept = live.conferences["all"]
    await emit(fake, "ConfbridgeLeave", Conference="all", Uniqueid="1")
    await until(lambda: len(live.conferences["all"].participants) == 1)
    assert len(kept.participants) == 2
    rooms = LISTS["ConfbridgeListRooms"][1]
    lists(fake, "ConfbridgeListRooms", *rooms, {"Event": "ConfbridgeListRooms", "Conference": "b", "Locked": "No"})
    await emit(fake, "ConfbridgeJoin", Conference="b", Channel="A/3", Uniqueid="3")
    await until(lambda: "b" in live.conferences)
    assert live.conferences["b"].locked is None
    await until(lambda: live.conferences["b"].locked is False)
    # Another conference of the name begins while the end of the one before is on its way.
    (there,) = LISTS["ConfbridgeList"][1]
    lists(fake, "ConfbridgeList", there | {"Conference": "b", "Uniqueid": "4"})
    await emit(fake, "ConfbridgeEnd", Conference="b")
    await until(lambda: [each.uniqueid for each in live.conferences["b"].participants] == ["4"])
    lists(fake, "ConfbridgeListRooms", *rooms)
    await emit(fake, "ConfbridgeEnd", Conference="b")
    await emit(fake, "ConfbridgeEnd", Conference="unknown")
    await emit(fake, "ConfbridgeLeave", Conference="all", Uniqueid="2")
    await until(lambda: not live.conferences)


async def test_a_conference_that_is_not_listed(fake: FakeAsterisk, live: Live) -> None:
    """Who joins a conference at its end is in one that the server does not list, and is not shown among those who join later."""
    await emit(fake, "ConfbridgeJoin", Conference="b", Channel="A/3", Uniqueid="3")
    await until(lambda: "b" in live.conferences)
    await until(lambda: "b" not in live.conferences)
    assert live.conferences["all"].locked is True
    rooms = LISTS["ConfbridgeListRooms"][1]
    lists(fake, "ConfbridgeListRooms", *rooms, {"Event": "ConfbridgeListRooms", "Conference": "b", "Locked": "No"})
    await emit(fake, "ConfbridgeJoin", Conference="b", Channel="A/4", Uniqueid="4")
    await until(lambda: "b" in live.conferences and live.conferences["b"].locked is False)
    assert [each.uniqueid for each in live.conferences["b"].participants] == ["4"]


async def test_conferences_that_are_locked_or_end(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """Locking by the same manager has that conference read again; one that ends while it is read is not there."""
    before = len(fake.sent("ConfbridgeListRooms"))
    fake.reply_to("ConfbridgeLock", [("Response", "Success")])
    lists(fake, "ConfbridgeListRooms", {"Event": "ConfbridgeListRooms", "Conference": "all", "Locked": "No"})
    await mgr.send(actions.ConfbridgeLock("all"))
    assert not live.synced
    await live.wait_synced(5)
    assert live.conferences["all"].locked is False
    fake.reply_to("Command", [("Response", "Success")])
    fake.reply_to("ConfbridgeList", [("Response", "Error"), ("Message", "No Conference by that name found.")])
    await mgr.send(core.Command("confbridge lock all"))
    await live.wait_synced(5)
    assert not live.conferences
    assert len(fake.sent("ConfbridgeListRooms")) == before + 2


async def test_a_participant_of_whose_leaving_the_conference_does_not_tell(fake: FakeAsterisk, live: Live) -> None:
    """A participant who hung up is asked about if the conference does not tell, as when another channel left in its place."""
    asked = len(fake.sent("ConfbridgeList"))
    for uniqueid in ("2", "3"):
        await emit(fake, "ConfbridgeJoin", Conference="all", Channel=f"A/{uniqueid}", Uniqueid=uniqueid)
    await until(lambda: len(live.conferences["all"].participants) == 3)
    await emit(fake, "Hangup", Uniqueid="3", Cause="16")
    await emit(fake, "ConfbridgeLeave", Conference="all", Uniqueid="3")
    await emit(fake, "Hangup", Uniqueid="2", Cause="16")
    await until(lambda: [each.uniqueid for each in live.conferences["all"].participants] == ["1"])
    await live.wait_synced(5)
    assert len(fake.sent("ConfbridgeList")) == asked + 1
    lists(fake, "ConfbridgeListRooms")
    await emit(fake, "ConfbridgeLeave", Conference="all", Uniqueid="stand-in")
    await until(lambda: not live.conferences)


async def test_mailboxes(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A mailbox changes by its event; those of other programs stay, though no list has them; counts that are unknown change nothing."""
    await emit(fake, "MessageWaiting", Mailbox="1234@default", Waiting="1", New="3", Old="1")
    await emit(fake, "MessageWaiting", Mailbox="1234@default", Waiting="1")
    await emit(fake, "MessageWaiting", Mailbox="ext@other", Waiting="1", New="1")
    await until(lambda: "ext@other" in live.mailboxes)
    assert (live.mailboxes["1234@default"].new, live.mailboxes["1234@default"].old) == (3, 1)
    fake.reply_to("VoicemailRefresh", [("Response", "Success")])
    await mgr.send(actions.VoicemailRefresh())
    await live.wait_synced(5)
    assert (live.mailboxes["1234@default"].new, live.mailboxes["ext@other"].new) == (2, 1)


async def test_endpoints(fake: FakeAsterisk, live: Live) -> None:
    """An endpoint's state, contacts and channels change by their events; names may have hyphens."""
    await emit(fake, "DeviceStateChange", Device="PJSIP/my-phone", State="ONHOLD")
    await emit(fake, "DeviceStateChange", Device="PJSIP/nobody", State="INUSE")
    await emit(fake, "Newchannel", Channel="PJSIP/my-phone-00000002", Uniqueid="1.5")
    await emit(fake, "Newchannel", Channel="PJSIP/my-phone-00000002", Uniqueid="1.5")
    await emit(fake, "Hangup", Channel="PJSIP/my-phone-00000001", Uniqueid="1.1")
    await emit(fake, "Rename", Channel="Local/x@y-1;1", Newname="PJSIP/my-phone-00000003", Uniqueid="1.2")
    await emit(
        fake,
        "ContactStatus",
        "system,all",
        URI="sip:c@d:1",
        ContactStatus="Reachable",
        EndpointName="my-phone",
        RoundtripUsec="9",
    )
    await emit(fake, "ContactStatus", "system,all", URI="sip:a@b:1", ContactStatus="Removed", EndpointName="my-phone")
    await emit(
        fake, "ContactStatus", "system,all", URI="sip:n@e", ContactStatus="NonQualified", EndpointName="my-phone"
    )
    await until(
        lambda: (
            len(live.endpoints["PJSIP/my-phone"].contacts) == 3
            and live.endpoints["PJSIP/my-phone"].contacts[2].uri == "sip:n@e"
        )
    )
    endpoint = live.endpoints["PJSIP/my-phone"]
    assert (endpoint.state, endpoint.channels) == (DeviceState.ON_HOLD, ("1.5", "1.2"))
    assert [(each.uri, each.reachable) for each in endpoint.contacts] == [
        ("sip:c@d:1", True),
        ("sip:static@e", None),
        ("sip:n@e", None),
    ]
    assert set(live.endpoints) == {"PJSIP/my-phone"}


async def test_endpoints_of_old_servers(fake: FakeAsterisk, live: Live) -> None:
    """A contact's event that does not name the endpoint has them read again; a server without the list of contacts shows the endpoints."""
    fake.reply_to(
        "PJSIPShowContacts", [("Response", "Error"), ("Message", "Invalid/unknown command: PJSIPShowContacts.")]
    )
    before = len(fake.sent("PJSIPShowEndpoints"))
    await emit(fake, "ContactStatus", "system,all", URI="sip:a@b:1", ContactStatus="Reachable", AOR="x")
    await until(lambda: len(fake.sent("PJSIPShowEndpoints")) == before + 1)
    await live.wait_synced(5)
    assert not live.unavailable
    assert [each.reachable for each in live.endpoints["PJSIP/my-phone"].contacts] == [None, None, None]


async def test_registrations(fake: FakeAsterisk, live: Live) -> None:
    """A registration changes by its event, and the list is asked for its own word a moment later; those of others are passed over."""
    await emit(fake, "Registry", "system,all", ChannelType="SIP", Username="sip:c", Domain="sip:s", Status="Registered")
    registered = {**LISTS["PJSIPShowRegistrationsOutbound"][1][0], "Status": "Registered"}
    lists(fake, "PJSIPShowRegistrationsOutbound", registered)
    before = len(fake.sent("PJSIPShowRegistrationsOutbound"))
    await emit(fake, "Registry", "system,all", ChannelType="PJSIP", Username="sip:c", Domain="sip:s", Status="Trying")
    await until(lambda: live.registrations["up"].state == "Trying")
    await until(lambda: live.registrations["up"].state == "Registered")
    assert len(fake.sent("PJSIPShowRegistrationsOutbound")) == before + 1


async def test_a_part_that_is_refused_is_empty(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A part whose list is refused later shows nothing, and is named."""
    for name in LISTS:
        fake.reply_to(name, [("Response", "Error"), ("Message", "Permission denied")])
    await live.refresh()
    assert set(live.unavailable) == set(PARTS)
    assert not any(getattr(live, name) for name in PARTS)
