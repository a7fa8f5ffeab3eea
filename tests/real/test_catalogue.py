"""The catalogue on real servers: every action that they list has a class, is sent, and its answer has its types."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.helpers import names_of_things

from aioami import Action, ActionError, Event, Manager, UnknownAction, actions, core, enums, events
from aioami._session.refusals import refusal
from aioami.actions.base import action_class
from aioami.fields import Integer, fields_of
from aioami.responses import ListReply, Response
from aioami.testing.real import RealAsterisk

from .conftest import Place

# How each is sent; those that need a call are given the name of its channel.
SENT: dict[str, Callable[..., Action[Any]]] = {
    "AbsoluteTimeout": lambda channel: actions.AbsoluteTimeout(channel, 60),
    "AgentLogoff": lambda: actions.AgentLogoff("1001", soft=True),
    "Agents": lambda: actions.Agents(),
    "AGI": lambda channel: actions.AGI(channel, "ANSWER"),
    "AOCMessage": lambda channel: actions.AOCMessage(
        "D", "Currency", channel=channel, currency_name="EUR", currency_amount=5, currency_multiplier="OneHundredth"
    ),
    "Atxfer": lambda channel: actions.Atxfer(channel, "wait", "test"),
    "BlindTransfer": lambda channel: actions.BlindTransfer(channel, "wait", "test"),
    "Bridge": lambda channel: actions.Bridge(channel, channel),
    "BridgeDestroy": lambda: actions.BridgeDestroy("none"),
    "BridgeInfo": lambda: actions.BridgeInfo("none"),
    "BridgeKick": lambda channel: actions.BridgeKick(channel),
    "BridgeList": lambda: actions.BridgeList(),
    "BridgeTechnologyList": lambda: actions.BridgeTechnologyList(),
    "BridgeTechnologySuspend": lambda: actions.BridgeTechnologySuspend("native_rtp"),
    "BridgeTechnologyUnsuspend": lambda: actions.BridgeTechnologyUnsuspend("native_rtp"),
    "CancelAtxfer": lambda channel: actions.CancelAtxfer(channel),
    "Challenge": lambda: actions.Challenge(),
    "ChangeMonitor": lambda channel: actions.ChangeMonitor(channel, "other"),
    "Command": lambda: actions.Command("core show version"),
    "ConfbridgeKick": lambda: actions.ConfbridgeKick("none", "all"),
    "ConfbridgeList": lambda: actions.ConfbridgeList("none"),
    "ConfbridgeListRooms": lambda: actions.ConfbridgeListRooms(),
    "ConfbridgeLock": lambda: actions.ConfbridgeLock("none"),
    "ConfbridgeMute": lambda: actions.ConfbridgeMute("none", "all"),
    "ConfbridgeSetSingleVideoSrc": lambda: actions.ConfbridgeSetSingleVideoSrc("none", "none"),
    "ConfbridgeStartRecord": lambda: actions.ConfbridgeStartRecord("none"),
    "ConfbridgeStopRecord": lambda: actions.ConfbridgeStopRecord("none"),
    "ConfbridgeUnlock": lambda: actions.ConfbridgeUnlock("none"),
    "ConfbridgeUnmute": lambda: actions.ConfbridgeUnmute("none", "all"),
    "ControlPlayback": lambda channel: actions.ControlPlayback(channel, "pause"),
    "CoreSettings": lambda: actions.CoreSettings(),
    "CoreShowChannelMap": lambda channel: actions.CoreShowChannelMap(channel),
    "CoreShowChannels": lambda channel: actions.CoreShowChannels(),
    "CoreStatus": lambda: actions.CoreStatus(),
    "CreateConfig": lambda: actions.CreateConfig("scratch.conf"),
    "DAHDIDialOffhook": lambda: actions.DAHDIDialOffhook(1, "100"),
    "DAHDIDNDoff": lambda: actions.DAHDIDNDoff(1),
    "DAHDIDNDon": lambda: actions.DAHDIDNDon(1),
    "DAHDIHangup": lambda: actions.DAHDIHangup(1),
    "DAHDIRestart": lambda: actions.DAHDIRestart(),
    "DAHDIShowChannels": lambda: actions.DAHDIShowChannels(),
    "DAHDIShowStatus": lambda: actions.DAHDIShowStatus(),
    "DAHDITransfer": lambda: actions.DAHDITransfer(1),
    "DBDel": lambda: actions.DBDel("none", "none"),
    "DBDelTree": lambda: actions.DBDelTree("none"),
    "DBGet": lambda: actions.DBGet("none", "none"),
    "DBGetTree": lambda: actions.DBGetTree(),
    "DBPut": lambda: actions.DBPut("catalogue", "key", "value"),
    "DeviceStateList": lambda channel: actions.DeviceStateList(),
    "DialplanExtensionAdd": lambda: actions.DialplanExtensionAdd("catalogue", "1", 1, "NoOp", replace=True),
    "DialplanExtensionRemove": lambda: actions.DialplanExtensionRemove("catalogue", "1"),
    "Events": lambda: actions.Events("call"),
    "ExtensionState": lambda: actions.ExtensionState("wait", "test"),
    "ExtensionStateList": lambda: actions.ExtensionStateList(),
    "FAXSession": lambda: actions.FAXSession(1),
    "FAXSessions": lambda: actions.FAXSessions(),
    "FAXStats": lambda: actions.FAXStats(),
    "Filter": lambda: actions.Filter("!Event: RTCP"),
    "GetConfig": lambda: actions.GetConfig("queues.conf"),
    "GetConfigJSON": lambda: actions.GetConfigJSON("queues.conf"),
    "Getvar": lambda: actions.Getvar("GREETING"),
    "Hangup": lambda channel: actions.Hangup(channel, cause=16),
    "IAXnetstats": lambda: actions.IAXnetstats(),
    "IAXpeerlist": lambda: actions.IAXpeerlist(),
    "IAXpeers": lambda: actions.IAXpeers(),
    "IAXregistry": lambda: actions.IAXregistry(),
    "JabberSend": lambda: actions.JabberSend("account", "somebody@example.org", "hello"),
    "ListCategories": lambda: actions.ListCategories("queues.conf"),
    "ListCommands": lambda: actions.ListCommands(),
    "LocalOptimizeAway": lambda channel: actions.LocalOptimizeAway(channel),
    "LoggerRotate": lambda: actions.LoggerRotate(),
    "Login": lambda: actions.Login("admin", "s3cret", challenge="1"),  # nobody looks at it once one is logged in
    "Logoff": lambda: actions.Logoff(),
    "MailboxCount": lambda: actions.MailboxCount("1234@default"),
    "MailboxStatus": lambda: actions.MailboxStatus("1234@default"),
    "MeetmeList": lambda: actions.MeetmeList(),
    "MeetmeListRooms": lambda: actions.MeetmeListRooms(),
    "MeetmeMute": lambda: actions.MeetmeMute(1, 1),
    "MeetmeUnmute": lambda: actions.MeetmeUnmute(1, 1),
    "MessageSend": lambda: actions.MessageSend("none:somebody", base64_body=b"two\nlines", from_="me"),
    "MixMonitor": lambda channel: actions.MixMonitor(channel, "catalogue.wav", options="i(ID)"),
    "MixMonitorMute": lambda channel: actions.MixMonitorMute(channel, "read", True),
    "ModuleCheck": lambda: actions.ModuleCheck("app_queue"),
    "ModuleLoad": lambda: actions.ModuleLoad("reload", "app_queue.so"),
    "Monitor": lambda channel: actions.Monitor(channel, "catalogue"),
    "MuteAudio": lambda channel: actions.MuteAudio(channel, True),
    "MWIDelete": lambda: actions.MWIDelete("9@x"),
    "MWIGet": lambda: actions.MWIGet("9@x"),
    "MWIUpdate": lambda: actions.MWIUpdate("9@x", new_messages=2),
    "Originate": lambda: actions.Originate_Application("Local/short@test", "NoOp"),
    "Park": lambda channel: actions.Park(channel, channel),
    "ParkedCalls": lambda: actions.ParkedCalls(),
    "Parkinglots": lambda: actions.Parkinglots(),
    "PauseMonitor": lambda channel: actions.PauseMonitor(channel),
    "Ping": lambda: actions.Ping(),
    "PJSIPHangup": lambda: actions.PJSIPHangup("/^none/", "486"),
    "PJSIPNotify": lambda: actions.PJSIPNotify("agent1", variable=[("Event", "x"), ("Content", "a"), ("Content", "b")]),
    "PJSIPQualify": lambda: actions.PJSIPQualify("agent1"),
    "PJSIPRegister": lambda: actions.PJSIPRegister("none"),
    "PJSIPSetMaintenance": lambda: actions.PJSIPSetMaintenance("alice", "off"),
    "PJSIPShowAors": lambda: actions.PJSIPShowAors(),
    "PJSIPShowAuths": lambda: actions.PJSIPShowAuths(),
    "PJSIPShowContacts": lambda: actions.PJSIPShowContacts(),
    "PJSIPShowEndpoint": lambda: actions.PJSIPShowEndpoint("agent1"),
    "PJSIPShowEndpoints": lambda: actions.PJSIPShowEndpoints(),
    "PJSIPShowMaintenance": lambda: actions.PJSIPShowMaintenance(),
    "PJSIPShowRegistrationInboundContactStatuses": lambda: actions.PJSIPShowRegistrationInboundContactStatuses(),
    "PJSIPShowRegistrationsInbound": lambda: actions.PJSIPShowRegistrationsInbound(),
    "PJSIPShowRegistrationsOutbound": lambda: actions.PJSIPShowRegistrationsOutbound(),
    "PJSIPShowResourceLists": lambda: actions.PJSIPShowResourceLists(),
    "PJSIPShowSubscriptionsInbound": lambda: actions.PJSIPShowSubscriptionsInbound(),
    "PJSIPShowSubscriptionsOutbound": lambda: actions.PJSIPShowSubscriptionsOutbound(),
    "PJSIPUnregister": lambda: actions.PJSIPUnregister("none"),
    "PlayDTMF": lambda channel: actions.PlayDTMF(channel, 5, duration=100, receive=True),
    "PlayMF": lambda channel: actions.PlayMF(channel, 5, duration=100),
    "PresenceState": lambda: actions.PresenceState("CustomPresence:alice"),
    "PresenceStateList": lambda: actions.PresenceStateList(),
    "PRIDebugFileSet": lambda: actions.PRIDebugFileSet("/nonexistent/file"),
    "PRIDebugFileUnset": lambda: actions.PRIDebugFileUnset(),
    "PRIDebugSet": lambda: actions.PRIDebugSet(1, "on"),
    "PRIShowSpans": lambda: actions.PRIShowSpans(),
    "QueueAdd": lambda: actions.QueueAdd("Local/wait@test", "sales", penalty=2),
    "QueueChangePriorityCaller": lambda: actions.QueueChangePriorityCaller("support", "none", 5),
    "QueueLog": lambda: actions.QueueLog("support", "MINE", message="a|b"),
    "QueueMemberRingInUse": lambda: actions.QueueMemberRingInUse("PJSIP/agent1", False),
    "QueuePause": lambda: actions.QueuePause("PJSIP/agent1", False),
    "QueuePenalty": lambda: actions.QueuePenalty("PJSIP/agent1", 0),
    "QueueReload": lambda: actions.QueueReload("support"),
    "QueueRemove": lambda: actions.QueueRemove("none", "sales"),
    "QueueReset": lambda: actions.QueueReset("sales"),
    "QueueRule": lambda: actions.QueueRule(),
    "QueueStatus": lambda: actions.QueueStatus(),
    "QueueSummary": lambda: actions.QueueSummary(),
    "QueueWithdrawCaller": lambda: actions.QueueWithdrawCaller("support", "none"),
    "Redirect": lambda channel: actions.Redirect(channel, "test", "wait", 1),
    "Reload": lambda: actions.Reload("app_queue"),
    "SendFlash": lambda channel: actions.SendFlash(channel),
    "SendText": lambda channel: actions.SendText(channel, "hello"),
    "Setvar": lambda channel: actions.Setvar("X", "1", channel),
    "ShowDialPlan": lambda: actions.ShowDialPlan(context="test"),
    "SIPnotify": lambda: actions.SIPnotify("alice", {"Event": "x"}),
    "SIPpeers": lambda: actions.SIPpeers(),
    "SIPpeerstatus": lambda: actions.SIPpeerstatus(),
    "SIPqualifypeer": lambda: actions.SIPqualify("alice"),
    "SIPshowpeer": lambda: actions.SIPshowpeer("alice"),
    "SIPshowregistry": lambda: actions.SIPshowregistry(),
    "SKINNYdevices": lambda: actions.SKINNYdevices(),
    "SKINNYlines": lambda: actions.SKINNYlines(),
    "SKINNYshowdevice": lambda: actions.SKINNYshowdevice("desk"),
    "SKINNYshowline": lambda: actions.SKINNYshowline("100"),
    "SorceryMemoryCacheExpire": lambda: actions.SorceryMemoryCacheExpire("none"),
    "SorceryMemoryCacheExpireObject": lambda: actions.SorceryMemoryCacheExpireObject("none", "none"),
    "SorceryMemoryCachePopulate": lambda: actions.SorceryMemoryCachePopulate("none"),
    "SorceryMemoryCacheStale": lambda: actions.SorceryMemoryCacheStale("none"),
    "SorceryMemoryCacheStaleObject": lambda: actions.SorceryMemoryCacheStaleObject("none", "none"),
    "Status": lambda channel: actions.Status(None, variables=("GREETING", "CHANNEL(language)")),
    "StopMixMonitor": lambda channel: actions.StopMixMonitor(channel),
    "StopMonitor": lambda channel: actions.StopMonitor(channel),
    "UnpauseMonitor": lambda channel: actions.UnpauseMonitor(channel),
    "UpdateConfig": lambda: actions.UpdateConfig("scratch.conf", "scratch.conf", [], False),
    "UserEvent": lambda: actions.UserEvent(UserEvent="Mine", Key="value"),
    "VoicemailBoxSummary": lambda: actions.VoicemailBoxSummary("default", 1234),
    "VoicemailForward": lambda: actions.VoicemailForward("default", 1234, "INBOX", "none", "default", 1235, "INBOX"),
    "VoicemailMove": lambda: actions.VoicemailMove("default", 1234, "INBOX", "none", "Old"),
    "VoicemailRefresh": lambda: actions.VoicemailRefresh(),
    "VoicemailRemove": lambda: actions.VoicemailRemove("default", 1234, "INBOX", "none"),
    "VoicemailUsersList": lambda: actions.VoicemailUsersList(),
    "VoicemailUserStatus": lambda: actions.VoicemailUserStatus("default", 1234),
    "WaitEvent": lambda: actions.WaitEvent(1),
}

# What these say where there is nothing that they could be done to.
REFUSED = {
    "AGI": "Failed to add AGI command to channel .*",
    "BlindTransfer": "Transfer invalid",
    "Bridge": "Unable to add Channel2 to bridge: .*",
    "BridgeDestroy": "Specified BridgeUniqueid not found",
    "BridgeInfo": "Specified BridgeUniqueid not found",
    "BridgeKick": "Channel is not in a bridge",
    "ChangeMonitor": "Could not change monitored filename .*",
    "Confbridge(Kick|(Un)?[Ll]ock|(Un)?[Mm]ute|SetSingleVideoSrc|StartRecord|StopRecord)": "No active conferences.",
    "CreateConfig": "File exists",
    "DAHDI(DialOffhook|DNDoff|DNDon|Hangup|Transfer)": "No such channel",
    "DBDel": "Database entry could not be deleted",
    "DBDelTree|DBGet": "Database entry not found",
    "FAXSession": "Session not found",
    "JabberSend": "Could not find Sender",
    "MessageSend": "Message technology not found.",
    "MixMonitorMute": "Cannot set mute flag",
    "PauseMonitor|UnpauseMonitor": "Cannot (un)?pause monitoring on channel|Channel is not being monitored",
    "PJSIP(Unr|R)egister": "Unable to retrieve registration entry",
    "PRIDebugFileSet": "Unable to open requested file for writing",
    "PRIDebugSet": "No PRI running on requested span",
    "QueueChangePriorityCaller": "Unable to change priority caller on queue: No such caller",
    "QueueRemove": "Unable to remove interface: Not there",
    "QueueWithdrawCaller": "Unable to request withdraw from queue: No such caller",
    "SIPnotify": "Could not create address",
    "SorceryMemoryCache.*": "The provided cache does not exist",
    "StopMixMonitor": "Could not stop monitoring channel",
    "StopMonitor": "Could not stop monitoring channel",
    "Voicemail(Forward|Move|Remove)": "Message (forward|move|remove) failed",
}


# What Asterisk writes where there is no value.
NO_VALUE = ("", "(null)", "N/A")


async def test_every_action_that_a_server_lists_has_a_class(mgr: Manager) -> None:
    """What ListCommands names can be sent by a class of its own, and is sent below."""
    listed = set((await mgr.send(core.ListCommands())).commands)
    assert {name for name in listed if action_class(name) is Action} == set()
    assert listed - SENT.keys() == set()


@pytest.mark.parametrize("name", SENT)
async def test_every_action_is_answered_as_its_class_says(mgr: Manager, place: Place, name: str) -> None:
    """The answer is of the declared class, its list consists of what is declared, and every header is known.

    An action that this server does not have says so, in an exception of its own. A refusal names the thing.
    """
    make = SENT[name]
    action = make(await place()) if make.__code__.co_argcount else make()
    assert action.name.lower() == name.lower()
    if name not in (await mgr.send(core.ListCommands())).commands:
        with pytest.raises(UnknownAction):
            await mgr.send(action)
        return
    response: Response = await mgr.send(action, check=False)
    assert type(response) is type(action).response_type
    refused = next((text for pattern, text in REFUSED.items() if re.fullmatch(pattern, name)), None)
    if not response.success:
        assert refused is not None, response
        assert re.fullmatch(refused, response.message.strip())
        error = str(refusal(response, action))
        assert [name for name in names_of_things(action.headers) if name not in error] == []
        return
    if isinstance(response, ListReply):
        assert all(isinstance(item, type(action).items) for item in response.events)
        assert response.completion is None or isinstance(response.completion, type(action).completion or Event)
        for item in response.events:
            known = {field.header.lower() for field in fields_of(type(item)).values()} | {"event", "privilege"}
            assert {header for header in item if header.lower() not in known} == set()
            values = item.to_dict(typed=True).items()
            assert {
                (name, item[name]) for name, value in values if value is None and item[name] not in NO_VALUE
            } == set()
    if name == "QueueAdd":  # the other tests have the server as it was
        await mgr.send(actions.QueueRemove("Local/wait@test", "sales"))
    if name == "Logoff":  # what cleans up behind this test needs a link
        await mgr.close()
        await mgr.connect()


async def test_nothing_there_is_an_empty_list(mgr: Manager) -> None:
    """Where Asterisk calls it an error that there is nothing to list, the list is empty; its sentence can be read."""
    rooms = await mgr.send(actions.ConfbridgeListRooms())
    assert (rooms.events, rooms.message, rooms.completion) == ([], "No active conferences.", None)
    assert (await mgr.send(actions.PJSIPShowContacts())).success
    assert [room async for room in mgr.stream(actions.ConfbridgeListRooms())] == []


async def test_what_is_asked_for_by_name_and_is_not_there_is_an_error(mgr: Manager, place: Place) -> None:
    """An unknown endpoint, bridge or context is refused, and so is an unknown conference while there is another."""
    for action in (
        *(actions.PJSIPShowEndpoint("none"), actions.BridgeInfo("none"), actions.ShowDialPlan(context="none")),
        actions.ParkedCalls(parking_lot="none"),
    ):
        with pytest.raises(ActionError):
            await mgr.send(action)
    joined = mgr.wait_for(events.ConfbridgeJoin, timeout=5)
    await place("conference")
    await joined
    with pytest.raises(ActionError, match="No Conference by that name found"):
        await mgr.send(actions.ConfbridgeList("none"))


async def test_a_conference_and_its_bridge(mgr: Manager, place: Place) -> None:
    """Who is in a conference, what is done to them, and the bridge behind it: lists typed, with what ends them."""
    joined = mgr.wait_for(events.ConfbridgeJoin, timeout=5)
    await place("conference")
    participant = (await joined).channel
    assert participant is not None
    room = (await mgr.send(actions.ConfbridgeListRooms())).events[0]
    assert (room.conference, room.parties, room.locked) == ("room1", 1, False)
    muted = mgr.wait_for(events.ConfbridgeMute, timeout=5)
    await mgr.send(actions.ConfbridgeMute("room1", participant))
    assert (await muted).channel == participant
    listed = await mgr.send(actions.ConfbridgeList("room1"))
    assert [(each.channel, each.muted, each.channel_state) for each in listed.events] == [
        (participant, True, enums.ChannelState.UP)
    ]
    bridge = next(each for each in (await mgr.send(actions.BridgeList())).events if each.bridge_name == "room1")
    assert bridge.bridge_uniqueid is not None
    info = await mgr.send(actions.BridgeInfo(bridge.bridge_uniqueid))
    assert [each.channel for each in info.events] == [participant]
    assert info.completion is not None
    assert (info.completion.bridge_name, info.completion.event_list) == ("room1", "Complete")
    assert info.completion.bridge_num_channels is not None
    left = mgr.wait_for(events.ConfbridgeLeave, timeout=5)
    await mgr.send(actions.ConfbridgeKick("room1", participant))
    assert (await left).bridge_name == "room1"


async def test_a_voicemail_is_listed_moved_forwarded_and_removed(mgr: Manager, asterisk: RealAsterisk) -> None:
    """What Asterisk calls a success is one only if its sentence says so. From Asterisk 18."""
    if asterisk.major < 18:
        with pytest.raises(UnknownAction):
            await mgr.send(actions.VoicemailBoxSummary("default", 1234))
        return
    inbox = asterisk.directory / "spool/voicemail/default/1234/INBOX"
    inbox.mkdir(parents=True, exist_ok=True)
    (inbox / "msg0000.wav").write_bytes(
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\0\0\0"
    )
    told = {"callerid": '"Somebody" <555>', "origdate": "Mon", "msg_id": "1-1", "duration": "1", "flag": ""}
    (inbox / "msg0000.txt").write_text("[message]\n" + "".join(f"{name}={value}\n" for name, value in told.items()))
    message = (await mgr.send(actions.VoicemailBoxSummary("default", 1234))).events[0]
    assert (message.folder, message.id, message.caller_id, message.duration) == ("INBOX", "1-1", '"Somebody" <555>', 1)
    assert (await mgr.send(actions.VoicemailMove("default", 1234, "INBOX", "1-1", "Old"))).success
    with pytest.raises(ActionError, match="Message move failed"):
        await mgr.send(actions.VoicemailMove("default", 1234, "INBOX", "1-1", "Old"))
    await mgr.send(actions.VoicemailForward("default", 1234, "Old", "1-1", "default", 1235, "INBOX"))
    await mgr.send(actions.VoicemailRemove("default", 1234, "Old", "1-1"))
    assert (await mgr.send(actions.VoicemailBoxSummary("default", 1234))).events == []


async def test_answers_that_are_not_marked_are_told_from_silence(mgr: Manager, asterisk: RealAsterisk) -> None:
    """No calls, no Skinny device of that name, one event without an end: each is over when what is behind it is answered."""
    before = mgr.statistics()
    assert (await mgr.send(actions.IAXnetstats())).data == []
    assert [item.current_sessions for item in (await mgr.send(actions.FAXStats())).events] == [0]
    if asterisk.major < 21:
        desk = await mgr.send(actions.SKINNYshowdevice("desk"))
        assert (desk.object_name, desk.number_of_lines, desk.id) == ("desk", 1, "SEP001122334455")
        with pytest.raises(ActionError):
            await mgr.send(actions.SKINNYshowdevice("none"))
    counted = mgr.statistics() - before
    assert counted.actions == counted.successes + counted.errors == (4 if asterisk.major < 21 else 2)
    assert counted.strays == 0


async def test_a_recording_tells_its_id(mgr: Manager, place: Place) -> None:
    """MixMonitor's reply has the id with which that recording alone is stopped."""
    channel = await place()
    started = await mgr.send(actions.MixMonitor(channel, "catalogue-id.wav", options="i(RECORDING)"))
    assert started.mix_monitor_id
    assert (
        await mgr.send(actions.MixMonitorMute(channel, "both", True, mix_monitor_id=started.mix_monitor_id))
    ).success
    assert (await mgr.send(actions.StopMixMonitor(channel, started.mix_monitor_id))).success


async def test_a_class_of_ones_own_selects_its_user_event(mgr: Manager) -> None:
    """Of all user events those come that the class is for, and with its types."""

    class DoorBell(events.UserEvent, user_event="DoorBell"):
        door = Integer("Door")

    with mgr.events(DoorBell) as rings:
        await mgr.send(core.UserEvent(UserEvent="Other", Door="1"))
        await mgr.send(core.UserEvent(UserEvent="DoorBell", Door="3"))
        ring = await rings.__anext__()
        assert (type(ring), ring.door, rings.pending) == (DoorBell, 3, 0)


async def test_an_unknown_name_is_an_empty_list_where_asterisk_says_success(mgr: Manager) -> None:
    """Queues, rules, users of voicemail and the database are asked for by name, and what is not there is no error."""
    known = (await mgr.send(core.ListCommands())).commands
    asked = (
        *(actions.QueueStatus("none"), actions.QueueSummary("none"), actions.VoicemailUserStatus("none", 1)),
        *(actions.QueueRule("none"), actions.DBGetTree("none")),
    )
    for action in asked:
        if action.name in known:
            reply: Response = await mgr.send(action)  # type: ignore[arg-type]
            assert (reply.success, list(reply.events), getattr(reply, "rules", {})) == (True, [], {})


async def test_every_cause_has_its_text(mgr: Manager, place: Place) -> None:
    """The text beside the number of a hang-up leads to the same member, for each cause that a channel can be given."""
    for cause in enums.HangupCause:
        if not 0 < cause < 128:
            continue
        channel = await place()
        gone = mgr.wait_for(events.Hangup, where=lambda event, channel=channel: event.channel == channel, timeout=5)  # type: ignore[misc]
        await mgr.send(core.Hangup(channel, cause=cause))
        hangup = await gone
        assert hangup.cause is cause
        assert enums.HangupCause(hangup["Cause-txt"]) is cause


async def test_the_states_of_lists_are_members_of_enumerations(mgr: Manager, asterisk: RealAsterisk) -> None:
    """An endpoint's state is one in both lists; its channels are a number where the server counts them."""
    placed = mgr.wait_for(
        events.Newchannel, where=lambda event: (event.channel or "").startswith("PJSIP/agent1"), timeout=5
    )
    await mgr.send(core.Originate_Application("PJSIP/agent1", "Wait", ("1",), timeout=20_000))
    await placed
    listed = {each.object_name: each for each in (await mgr.send(actions.PJSIPShowEndpoints())).events}
    detail = (await mgr.send(actions.PJSIPShowEndpoint("agent1"))).events[0]
    assert isinstance(detail, events.EndpointDetail)
    told = [(each.device_state, each.active_channels) for each in (listed["agent1"], detail)]
    assert told[0] == told[1]
    assert isinstance(told[0][0], enums.DeviceState)
    assert not told[0][0].name.startswith("UNKNOWN_")
    assert (told[0][1], listed["agent2"].active_channels) == ((1, 0) if asterisk.major > 16 else (None, None))
    assert (listed["alice"].contacts, [each.split("/")[0] for each in listed["agent1"].contacts]) == ([], ["agent1"])


async def test_what_has_the_same_value_has_the_same_name(mgr: Manager, place: Place) -> None:
    """Events and list items of one area share the attributes whose values are the same: no pair of names is left."""
    came: list[Event] = []
    mgr.on()(came.append)
    removed = mgr.wait_for(events.QueueMemberRemoved, timeout=5)
    joined = mgr.wait_for(events.ConfbridgeJoin, timeout=5)
    parked = mgr.wait_for(events.ParkedCall, timeout=5)
    await mgr.send(actions.QueueAdd("Local/wait@test", "sales", penalty=2, membername="Ada of sales"))
    await mgr.send(actions.QueuePause("Local/wait@test", True, "sales", reason="having lunch"))
    await place("conference")
    await joined
    channel = await place()
    await mgr.send(core.Park(channel, channel, 20_000, parkinglot="second"))
    await parked
    items: list[Event] = []
    for action in (
        *(core.QueueStatus(), core.QueueSummary(), core.CoreShowChannels(), core.Status(None), core.ParkedCalls()),
        *(actions.Parkinglots(), actions.ConfbridgeList("room1"), actions.ConfbridgeListRooms(), actions.BridgeList()),
        *(actions.ShowDialPlan(context="test"), actions.PJSIPShowContacts(), actions.PJSIPShowEndpoints()),
        *(actions.DeviceStateList(), actions.ExtensionStateList(), actions.PJSIPShowEndpoint("agent1")),
    ):
        reply: Response = await mgr.send(action)  # type: ignore[arg-type]
        items += reply.events
    await mgr.send(actions.QueueRemove("Local/wait@test", "sales"))
    await removed
    faults = {
        (type(event).__name__, type(item).__name__, one, other)
        for event, item in itertools.product(came, items)
        if type(event).__module__ == type(item).__module__ and type(event) is not type(item)
        for one, other in _different_names(event, item)
    }
    assert faults == set()


def _different_names(event: Event, item: Event) -> Iterator[tuple[str, str]]:
    """The attributes of both that have the same telling value, of which neither has the other's name."""
    own, others = (
        [
            (name, text)
            for name, field in fields_of(type(each)).items()
            if not field.is_flat
            and len(text := each.get(field.header, "")) > 5
            and text not in ("<unknown>", "default")
        ]
        for each in (event, item)
    )
    for (one, text), (other, same) in itertools.product(own, others):
        if text == same and not hasattr(type(event), other) and not hasattr(type(item), one):
            yield one, other
