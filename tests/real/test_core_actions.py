"""Every action of `aioami.core` on real servers, and on the fake one: what the documentation promises is what they do."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from aioami import (
    Action,
    ActionError,
    ConnectionLost,
    Event,
    Manager,
    ManagerAuthError,
    ManagerState,
    PermissionDenied,
    UnknownAction,
    core,
    events,
)
from aioami.testing.real import RealAsterisk

from .conftest import Place, Server


def far_end(channel: str) -> str:
    """The other half of a Local channel."""
    return f"{channel[:-1]}{'2' if channel.endswith('1') else '1'}"


async def test_absolute_timeout(mgr: Manager, place: Place) -> None:
    """AbsoluteTimeout hangs up in time, fractions of a second included, and 0 takes the limit away."""
    channel = await place()
    await mgr.send(core.AbsoluteTimeout(channel, 60))
    await mgr.send(core.AbsoluteTimeout(channel))
    gone = mgr.wait_for(events.Hangup, where=lambda event: event.channel == channel, timeout=5)
    assert (await mgr.send(core.AbsoluteTimeout(channel, 0.3))).message == "Timeout Set"
    assert (await gone).cause is not None


async def agi_channel(mgr: Manager, place: Place) -> str:
    started = mgr.wait_for(events.AsyncAGIStart, timeout=5)
    await place("agi")
    event = await started
    assert event.environment["agi_request"] == "async"
    assert event.channel is not None
    return event.channel


async def test_agi(mgr: Manager, place: Place) -> None:
    """AGI commands are answered by CommandId, unknown ones with 510, usage with 520, and BREAK ends AsyncAGI."""
    channel = await agi_channel(mgr, place)
    reply = await mgr.send(core.AGI(channel, "SET VARIABLE X one+two%20", "id-1"))
    assert reply.message == "Added AGI command to queue"
    assert (await reply.outcome(timeout=5)).code == 200
    got = await (await mgr.send(core.AGI(channel, "GET VARIABLE X", "id-2"))).outcome(timeout=5)
    assert (got.command_id, got.result) == ("id-2", "200 result=1 (one+two%20)\n")
    without = await (await mgr.send(core.AGI(channel, "GET VARIABLE X"))).outcome(timeout=5)
    assert without.command_id is None
    wrong = await (await mgr.send(core.AGI(channel, "NO SUCH THING", "id-3"))).outcome(timeout=5)
    assert wrong.code == 510
    usage = await (await mgr.send(core.AGI(channel, "SET VARIABLE", "id-4"))).outcome(timeout=5)
    assert usage.code == 520
    assert "\n" in (usage.result or "").strip()
    ended = mgr.wait_for(events.AsyncAGIEnd, timeout=5)
    await mgr.send(core.AGI(channel, "ASYNCAGI BREAK"))
    assert (await ended).channel == channel


async def test_a_hangup_ends_the_wait_for_an_agi_command(mgr: Manager, place: Place) -> None:
    """The outcome of a command on a channel that is gone is an error, not a wait for ever."""
    channel = await agi_channel(mgr, place)
    reply = await mgr.send(core.AGI(channel, "WAIT FOR DIGIT 60000", "long"))
    later = await mgr.send(core.AGI(channel, "ANSWER", "later"))
    await mgr.send(core.Hangup(channel))
    with pytest.raises(ActionError, match="AGI"):
        await later.outcome(timeout=5)
    with contextlib.suppress(ActionError):  # the interrupted command may still be answered: both are an end
        await reply.outcome(timeout=5)


async def test_bridge(mgr: Manager, place: Place) -> None:
    """Bridge connects two channels, which enter one bridge; LocalOptimizeAway takes effect on them."""
    first, second = await place(), await place()
    with mgr.events(events.BridgeEnter) as entered:
        assert (await mgr.send(core.Bridge(first, second, True))).success
        bridges = {}
        async for event in entered:
            bridges[event.channel] = event.bridge_uniqueid
            if {first, second} <= bridges.keys():
                break
    assert bridges[first] == bridges[second]
    assert (await mgr.send(core.LocalOptimizeAway(first))).success


async def test_challenge_login_and_logoff(asterisk: Server) -> None:
    """The session's actions work by hand, both ways to log in, and the end after Logoff is clean."""
    async with Manager(port=asterisk.port, plaintext_login=True) as mgr:
        with pytest.raises(PermissionDenied):
            await mgr.send(core.Ping())
        with pytest.raises(ActionError, match="Must specify AuthType"):
            await mgr.send(core.Challenge("SHA256"))
        challenge = await mgr.send(core.Challenge())
        login = core.Login("admin", "s3cret", events=False, challenge=challenge.get("Challenge"))
        assert (await mgr.send(login)).message == "Authentication accepted"
        assert (await mgr.send(core.Login("admin", "s3cret"))).message == "Already authenticated"
        stream = mgr.events()
        goodbye = await mgr.send(core.Logoff())
        assert goodbye["Response"] == "Goodbye"
        assert goodbye.success
        assert [event async for event in stream] == []
        assert mgr.state is ManagerState.CLOSED
    async with Manager(port=asterisk.port, plaintext_login=True) as mgr:
        assert (await mgr.send(core.Login("admin", "s3cret", events=("system", "call")))).success


async def test_refused_logins(asterisk: Server) -> None:
    """A wrong secret, an unknown user, a forbidden address and a second login are refused as such."""
    for user, secret in (("admin", "wrong"), ("nobody", "s3cret"), ("denied", "s3cret")):
        with pytest.raises(ManagerAuthError, match="Authentication failed"):
            await Manager("127.0.0.1", asterisk.port, user, secret).connect()
    async with Manager("127.0.0.1", asterisk.port, "single", "s3cret"):
        with pytest.raises(ManagerAuthError, match="Login Already In Use"):
            await Manager("127.0.0.1", asterisk.port, "single", "s3cret").connect()


async def test_tls(asterisk: Server) -> None:
    """The TLS port works with the server's own certificate, and not without trust."""
    assert isinstance(asterisk, RealAsterisk)
    url = f"amis://admin:s3cret@127.0.0.1:{asterisk.tls_port}"
    async with Manager.from_url(f"{url}?cafile={asterisk.certificate}") as mgr:
        assert (await mgr.send(core.Ping())).success
    with pytest.raises(ConnectionLost, match="securely"):
        await Manager.from_url(url).connect()


async def test_permissions(asterisk: Server) -> None:
    """A user without the write class is told so, and one without the read class gets no event."""
    async with Manager("127.0.0.1", asterisk.port, "readonly", "s3cret") as mgr:
        with pytest.raises(PermissionDenied, match="Permission denied"):
            await mgr.send(core.CoreShowChannels())
        assert (await mgr.send(core.Ping())).success
    async with Manager("127.0.0.1", asterisk.port, "silent", "s3cret") as mgr:
        with mgr.events() as stream:
            await mgr.send(core.UserEvent(UserEvent="Unheard"))
            await mgr.send(core.Ping())
            assert stream.pending == 0


async def test_monitor(mgr: Manager, place: Place, asterisk: Server) -> None:
    """The Monitor family records until Asterisk 20, and is an unknown action since."""
    channel = await place()
    actions: list[Action[Any]] = [
        core.Monitor(channel, "aioami-test"),
        core.ChangeMonitor(channel, "aioami-changed"),
        core.PauseMonitor(channel),
        core.UnpauseMonitor(channel),
        core.StopMonitor(channel),
    ]
    if asterisk.major > 20:
        for action in actions:
            with pytest.raises(UnknownAction):
                await mgr.send(action)
        return
    with mgr.events(events.MonitorStart, events.MonitorStop) as stream:
        for action in actions:
            assert (await mgr.send(action)).success
        assert [(await stream.__anext__()).name for _ in range(2)] == ["MonitorStart", "MonitorStop"]


async def test_command(mgr: Manager, asterisk: Server) -> None:
    """A command's output comes line by line, with its blanks; an unknown one is an error with output."""
    version = await mgr.send(core.Command("core show version"))
    assert version.data[0].startswith(f"Asterisk {asterisk.version}")
    table = await mgr.send(core.Command("dialplan show test"))
    assert any(line.startswith("  ") for line in table.data)
    assert "" in table.data
    with pytest.raises(ActionError) as caught:
        await mgr.send(core.Command("no such thing"))
    assert caught.value.response is not None
    assert "No such command" in caught.value.response.data[0]


async def test_core_show_channels(mgr: Manager, place: Place) -> None:
    """CoreShowChannels lists both halves of a Local call; an idle server gives an empty list."""
    assert (await mgr.send(core.CoreShowChannels())).events == []
    channel = await place()
    response = await mgr.send(core.CoreShowChannels())
    assert {event.get("Channel") for event in response.events} == {channel, far_end(channel)}
    assert all(isinstance(event, events.CoreShowChannel) for event in response.events)
    completion = response.events.completion
    assert isinstance(completion, events.CoreShowChannelsComplete)
    assert completion.list_items == 2
    streamed = [event["Channel"] async for event in mgr.stream(core.CoreShowChannels())]
    assert sorted(streamed) == sorted((channel, far_end(channel)))


async def test_configuration_files(mgr: Manager, asterisk: Server) -> None:
    """A file is created, changed, read as lines and as structure, and its categories are listed."""
    await mgr.send(core.CreateConfig("made.conf"))
    with pytest.raises(ActionError):
        await mgr.send(core.CreateConfig("made.conf"))
    await mgr.send(
        core.UpdateConfig(
            "made.conf",
            "made.conf",
            [
                ("NewCat", "one", None, None, None),
                ("Append", "one", "name", "value, with: signs", None),
                ("Append", "one", "name", "again", None),
                ("NewCat", "two", None, None, None),
                ("RenameCat", "two", None, "three", None),
                ("Append", "three", "gone", "x", None),
                ("Delete", "three", "gone", None, "x"),
                ("Append", "three", "kept", "old", None),
                ("Update", "three", "kept", "new", "old"),
                ("NewCat", "four", None, None, None),
                ("DelCat", "four", None, None, None),
            ],
            False,
        )
    )
    reply = await mgr.send(core.GetConfig("made.conf"))
    assert list(reply.get_lines()) == ["name=value, with: signs", "name=again", "kept=new"]
    one, three = reply.categories
    assert (one.name, one.lines) == ("one", [("name", "value, with: signs"), ("name", "again")])
    assert (three.name, three.lines) == ("three", [("kept", "new")])
    assert (await mgr.send(core.ListCategories("made.conf"))).data == ["one", "three"]
    scratch = await mgr.send(core.GetConfig("scratch.conf", filter="TEMPLATES=include"))
    assert [category.name for category in scratch.categories] == ["general", "template", "child"]
    assert scratch.categories[1].is_template
    assert scratch.categories[2].templates == ["template"]
    assert ("name", "again") in scratch.categories[2].lines
    latin = await mgr.send(core.GetConfig("latin1.conf"))
    assert list(latin.get_lines()) == ["name=caf\\xe9", "utf=café"]
    assert latin.getbytes("Line-000000-000000") == b"name=caf\xe9"
    if isinstance(asterisk, RealAsterisk):
        assert (Path(asterisk.directory) / "etc/made.conf").is_file()
    with pytest.raises(ActionError, match="Config file not found"):
        await mgr.send(core.GetConfig("none.conf"))
    await mgr.send(core.UpdateConfig("made.conf", "made.conf", [("Append", "one", "more", "1", None)]))
    await mgr.send(core.UpdateConfig("made.conf", "made.conf", [("Append", "one", "more", "2", None)], "app_queue"))


async def test_database(mgr: Manager) -> None:
    """Values are stored, read, and deleted alone or as a tree; what is not there is an error."""
    for key, value in (("a", "1"), ("b/c", "x: y, z"), ("b/d", "")):
        await mgr.send(core.DBPut("aioami", key, value))
    reply = await mgr.send(core.DBGet("aioami", "b/c"))
    assert reply.value == "x: y, z"
    assert isinstance(reply.events[0], events.DBGetResponse)
    await mgr.send(core.DBDel("aioami", "a"))
    for action in (core.DBGet("aioami", "a"), core.DBDel("aioami", "a")):
        with pytest.raises(ActionError, match="Database entry"):
            await mgr.send(action)
    await mgr.send(core.DBDelTree("aioami", "b"))
    await mgr.send(core.DBPut("aioami", "e", "1"))
    await mgr.send(core.DBDelTree("aioami"))
    with pytest.raises(ActionError):
        await mgr.send(core.DBDelTree("aioami"))


async def test_events_masks(mgr: Manager) -> None:
    """Off silences, one class lets that class through, an iterable several, and on everything."""
    with mgr.events("UserEvent") as stream:
        for mask, enabled, heard in (
            (core.EVENTMASK_NONE, False, 0),
            ((core.EVENTMASK_CALL, core.EVENTMASK_SYSTEM), True, 0),
            ("user", True, 1),
            ((), False, 1),
            (core.EVENTMASK_ALL, True, 2),
        ):
            reply = await mgr.send(core.Events(mask))
            assert reply.success
            assert reply.enabled is enabled
            await mgr.send(core.UserEvent(UserEvent="Mask"))
            await mgr.send(core.Ping())
            await asyncio.sleep(0.05)
            assert stream.pending == heard


async def test_extension_state(mgr: Manager) -> None:
    """A hint has a status and a hint text; an extension without one has the status -1."""
    reply = await mgr.send(core.ExtensionState("wait", "test"))
    assert (reply["Status"], reply["Hint"]) == (str(int(reply.status or 0)), "Custom:wait")
    missing = await mgr.send(core.ExtensionState("none", "test"))
    assert missing["Status"] == "-1"


async def test_variables(mgr: Manager, place: Place) -> None:
    """Global and channel variables are set and read, functions too; VarSet tells of it."""
    await mgr.send(core.Setvar("AIOAMI", "a, b: c"))
    assert (await mgr.send(core.Getvar("AIOAMI")))["Value"] == "a, b: c"
    assert (await mgr.send(core.Getvar("GREETING"))).value == "hello"
    assert (await mgr.send(core.Getvar("NEVER_SET"))).value == ""
    channel = await place()
    told = mgr.wait_for(events.VarSet, where=lambda event: event.variable == "MINE", timeout=5)
    await mgr.send(core.Setvar("MINE", "yes", channel))
    assert (await told).value == "yes"
    assert (await mgr.send(core.Getvar("MINE", channel))).value == "yes"
    assert (await mgr.send(core.Getvar("CHANNEL(language)", channel))).value == "en"
    with pytest.raises(ActionError, match="No such channel"):
        await mgr.send(core.Getvar("MINE", "None/1"))


async def test_hangup(mgr: Manager, place: Place) -> None:
    """A channel is hung up by name with a cause, or several by a pattern, which gives a list."""
    channel = await place()
    gone = mgr.wait_for(events.Hangup, where=lambda event: event.channel == channel, timeout=5)
    await mgr.send(core.Hangup(channel, cause=17))
    assert (await gone).cause == 17
    with pytest.raises(ActionError, match="No such channel"):
        await mgr.send(core.Hangup(channel))
    channels = {await place(), await place()}
    reply = await mgr.send(core.Hangup("/^Local.wait@test-.*;1$/"))
    assert {event["Channel"] for event in reply.events} == channels
    assert reply.events.completion is not None


async def test_a_uniqueid_instead_of_a_name(mgr: Manager, place: Place) -> None:
    """A channel is steered by its Uniqueid, in any case, also if its name has a byte that is no UTF-8."""
    channel = await place(channel_id="Steered-\udce9")
    await mgr.send(core.Status("steered-\udce9"))
    await mgr.send(core.Redirect("Steered-\udce9", "elsewhere", "target", 1))
    gone = mgr.wait_for(events.Hangup, where=lambda event: event.channel == channel, timeout=5)
    await mgr.send(core.Hangup("Steered-\udce9"))
    await gone


async def test_list_commands(mgr: Manager) -> None:
    """Every action that this user may send has a line with its synopsis and its classes."""
    reply = await mgr.send(core.ListCommands())
    ping = [line for line in reply.data if line.startswith("Ping: ")]
    assert len(ping) == 1
    assert ping[0].endswith("(Priv: <none>)")
    assert len(reply.data) == len(reply.commands) > 50


async def test_privileges_agree_with_the_server(mgr: Manager) -> None:
    """The write classes that each class declares are the ones that the server lists."""
    commands = (await mgr.send(core.ListCommands())).commands
    wrong = {}
    for name in core.__all__:
        action = getattr(core, name)
        if isinstance(action, type) and issubclass(action, Action) and action.wire_name in commands:
            told = commands[action.wire_name].rpartition("(Priv: ")[2].rstrip(")").split(",")
            if set(told) - {"all", "<none>"} != set(action.privilege):
                wrong[name] = told
    assert wrong == {}


async def test_mailboxes(mgr: Manager) -> None:
    """Mailboxes are counted, and voicemail users listed."""
    count = await mgr.send(core.MailboxCount("1234@default"))
    assert (count.new_messages, count.old_messages, count["NewMessages"]) == (0, 0, "0")
    assert (await mgr.send(core.MailboxStatus("1234@default"))).waiting is False
    users = await mgr.send(core.VoicemailUsersList())
    assert [event.get("VoiceMailbox") for event in users.events] == ["1234", "1235"]
    assert isinstance(users.events[0], events.VoicemailUserEntry)
    assert isinstance(users.events.completion, events.VoicemailUserEntryComplete)


async def test_mix_monitor_mute(mgr: Manager, place: Place) -> None:
    """A direction of a running MixMonitor is left out and taken in again."""
    started = mgr.wait_for(events.MixMonitorStart, timeout=5)
    await place("mixmonitor")
    channel = (await started).channel or ""
    for mute in (True, False):
        told = mgr.wait_for(events.MixMonitorMute, timeout=5)
        await mgr.send(core.MixMonitorMute(channel, "read", mute))
        assert (await told).state is mute


async def test_modules(mgr: Manager, asterisk: Server) -> None:
    """Modules are checked, unloaded, loaded and reloaded, alone or all."""
    assert (await mgr.send(core.ModuleCheck("app_queue"))).success
    with pytest.raises(ActionError):
        await mgr.send(core.ModuleCheck("app_no_such_thing"))
    for load_type in ("unload", "load", "reload"):
        module = "res_parking.so" if load_type == "reload" else "app_echo.so"
        assert (await mgr.send(core.ModuleLoad(load_type, module))).success
    if asterisk.major < 20:
        assert (await mgr.send(core.ModuleLoad("reload", "manager"))).success
    else:
        with pytest.raises(ActionError, match="Module not found"):
            await mgr.send(core.ModuleLoad("reload", "manager"))
    told = mgr.wait_for(events.Reload, where=lambda event: event.module == "app_queue", timeout=10)
    assert (await mgr.send(core.Reload("app_queue"), timeout=10)).success
    assert (await told).status == 0
    assert (await mgr.send(core.Reload(), timeout=20)).success
    assert (await mgr.send(core.ModuleLoad("reload"), timeout=20)).success


async def test_mute_audio(mgr: Manager, place: Place) -> None:
    """Each direction, and both, are muted and heard again."""
    channel = await place()
    for directions in ({"input": True}, {"output": True}, {"input": True, "output": True}):
        for muted in (True, False):
            assert (await mgr.send(core.MuteAudio(channel, muted=muted, **directions))).success


async def test_originate_into_the_dialplan(mgr: Manager) -> None:
    """Originate_Context places a call, tells its outcome and hands on every character of its variables."""
    awkward = {
        "PLAIN": "a",
        "COMMA": "x,y",
        "QUOTE": 'say "hi"',
        "SLASH": "a\\b",
        "ROUND": "(1)",
        "SQUARE": "[2]",
        "N": 7,
    }
    action = core.Originate_Context(
        "Local/wait@test/n", "elsewhere", "target", 1, 5000, '"Al, B" <100>', awkward, "acc", channel_id="aioami-1"
    )
    reply = await mgr.send(action)
    outcome = await reply.outcome(timeout=10)
    assert (outcome.success, outcome.reason, outcome.result) == (True, core.ORIGINATE_RESULT_ANSWERED, "ANSWERED")
    assert (outcome.context, outcome.exten, outcome.uniqueid) == ("elsewhere", "target", "aioami-1")
    assert outcome.caller_id_num == "100"
    for name, value in awkward.items():
        assert (await mgr.send(core.Getvar(name, outcome.channel))).value == str(value)
    assert (await mgr.send(core.Getvar("CHANNEL(accountcode)", outcome.channel))).value == "acc"


@pytest.mark.parametrize(
    ("extension", "reason"),
    [
        ("busy", core.ORIGINATE_RESULT_BUSY),
        ("congestion", core.ORIGINATE_RESULT_CONGESTION),
        ("ring", core.ORIGINATE_RESULT_RING_REMOTE),
    ],
)
async def test_originate_tells_why_it_failed(mgr: Manager, extension: str, reason: int) -> None:
    """A busy line, a congested network and nobody answering are told apart."""
    reply = await mgr.send(core.Originate_Application(f"Local/{extension}@test", "Wait", ("1",), timeout=1000))
    outcome = await reply.outcome()
    assert (outcome.success, outcome.reason) == (False, reason)


async def test_an_outcome_that_cannot_come_is_refused_at_once(asterisk: Server) -> None:
    """Without the class call, or with a filter of one's own; the server is asked for the rights where that is wanted."""
    call = core.Originate_Application("Local/short@test", "Wait", ("0.1",))
    for options in ({"event_mask": "agent"}, {"event_filters": ["^Event: Hangup"]}):
        async with Manager("127.0.0.1", asterisk.port, "admin", "s3cret", **options) as mgr:  # type: ignore[arg-type]
            reply = await mgr.send(call)
            with pytest.raises(ActionError, match="the outcome of Originate cannot come"):
                await reply.outcome()


async def test_many_outcomes_at_once(mgr: Manager) -> None:
    """Each of many calls gets its own outcome."""
    targets = ["short", "busy"] * 10
    replies = await asyncio.gather(
        *(mgr.send(core.Originate_Application(f"Local/{target}@test", "Wait", ("1",))) for target in targets)
    )
    outcomes = await asyncio.gather(*(reply.outcome(timeout=15) for reply in replies))
    assert [outcome.success for outcome in outcomes] == [target == "short" for target in targets]
    assert [outcome.action_id for outcome in outcomes] == [reply.action_id for reply in replies]


async def test_synchronous_originate(mgr: Manager) -> None:
    """A synchronous call is answered when it is over with ringing, and its outcome is in the answer."""
    good = await mgr.send(core.Originate_Application("Local/short@test", "Wait", ("0.1",), async_=False))
    assert (await good.outcome()).reason == core.ORIGINATE_RESULT_ANSWERED
    bad = core.Originate_Application("Local/ring@test", "Wait", ("1",), timeout=1000, async_=False)
    with pytest.raises(ActionError, match="Originate failed"):
        await mgr.send(bad)
    outcome = await (await mgr.send(bad, check=False)).outcome()
    assert (outcome.success, outcome.reason) == (False, None)


async def test_a_dangerous_originate_is_denied(asterisk: Server) -> None:
    """An application that runs programs needs the class system."""
    async with Manager("127.0.0.1", asterisk.port, "callonly", "s3cret") as mgr:
        with pytest.raises(PermissionDenied):
            await mgr.send(core.Originate_Application("Local/short@test", "System", ("true",)))


async def test_parking(mgr: Manager, place: Place) -> None:
    """A call is parked in the lot that was asked for, told, listed, and given back to who is named."""
    channel, callback = await place(), await place()
    parked = mgr.wait_for(events.ParkedCall, timeout=5)
    reply = await mgr.send(core.Park(channel, callback, 20000, parkinglot="second"))
    assert reply.message == "Park successful"
    event = await parked
    assert (event.parkee_channel, event.parkinglot) == (channel, "second")
    listed = await mgr.send(core.ParkedCalls())
    assert [item.get("ParkeeChannel") for item in listed.events] == [channel]
    assert isinstance(listed.events.completion, events.ParkedCallsComplete)
    assert listed.events.completion.total == 1
    assert (await mgr.send(core.ParkedCalls(parking_lot="default"))).events == []


async def test_ping(mgr: Manager) -> None:
    """A round trip takes some time, and less than a second on one machine."""
    pong = await mgr.send(core.Ping())
    assert 0 < pong.RTT < 1
    assert pong.timestamp is not None
    assert pong.timestamp > 1e9


async def test_play_dtmf(mgr: Manager, place: Place) -> None:
    """A tone played on a channel is heard at its far end, as long as was asked."""
    channel = await place()
    heard = mgr.wait_for(events.DTMFEnd, where=lambda event: event.digit == "5", timeout=5)
    await mgr.send(core.PlayDTMF(far_end(channel), 5, duration=120))
    event = await heard
    assert event.channel == channel
    assert 100 <= (event.duration_ms or 0) < 1000
    received = mgr.wait_for(events.DTMFEnd, where=lambda event: event.digit == "#", timeout=5)
    assert (await mgr.send(core.PlayDTMF(channel, "#", receive=True))).success
    assert (await received).direction == "Received"


async def test_queue_members(mgr: Manager) -> None:
    """A member is added, paused, given a penalty and removed, each with its event."""
    interface = "Local/short@test/n2"

    async def told(action: Action[Any], *kinds: type[Event]) -> Event:
        waiting = mgr.wait_for(*kinds, where=lambda event: event.get("Interface") == interface, timeout=5)
        assert (await mgr.send(action)).success
        return await waiting

    added = await told(core.QueueAdd(interface, "sales", "Test, Member", 2, True), events.QueueMemberAdded)
    assert (added["Queue"], added["MemberName"], added["Penalty"]) == ("sales", "Test, Member", "2")
    assert isinstance(added, events.QueueMemberAdded)
    assert (added.paused, added.penalty) == (True, 2)
    paused = await told(core.QueuePause(interface, False, "sales"), events.QueueMemberPause)
    assert isinstance(paused, events.QueueMemberPause)
    assert paused.paused is False
    everywhere = await told(core.QueuePause(interface, True, reason="lunch"), events.QueueMemberPause)
    assert everywhere["PausedReason"] == "lunch"
    await told(core.QueuePenalty(interface, 5), events.QueueMemberPenalty)
    status = await mgr.send(core.QueueStatus("sales"))
    assert [type(event) for event in status.events] == [events.QueueParams, events.QueueMember]
    member = status.events[1]
    assert isinstance(member, events.QueueMember)
    assert (member.name_, member.penalty, member.paused) == ("Test, Member", 5, True)
    await told(core.QueueRemove(interface, "sales"), events.QueueMemberRemoved)
    with pytest.raises(ActionError, match="Not there"):
        await mgr.send(core.QueueRemove(interface, "sales"))


async def test_queues(mgr: Manager, place: Place) -> None:
    """Queues are described in order, summed up, reloaded and logged; an unknown one is an empty list."""
    joined = mgr.wait_for(events.QueueCallerJoin, timeout=5)
    await place("hold")
    assert (await joined).queue == "empty"
    status = await mgr.send(core.QueueStatus())
    names = [event.name for event in status.events if event["Queue"] == "empty"]
    assert names == ["QueueParams", "QueueEntry"]
    support = [event.name for event in status.events if event["Queue"] == "support"]
    assert support == ["QueueParams", "QueueMember", "QueueMember"]
    assert (await mgr.send(core.QueueStatus("none"))).events == []
    summary = await mgr.send(core.QueueSummary("empty"))
    assert isinstance(summary.events[0], events.QueueSummary)
    assert summary.events[0].callers == 1
    assert (await mgr.send(core.QueueReload("support", members=True, rules="no", parameters=False))).success
    assert (await mgr.send(core.QueueReload())).success
    assert (await mgr.send(core.QueueLog("support", "AIOAMI", "Agent", "1.1", "a|b"))).success


async def test_redirect(mgr: Manager, place: Place) -> None:
    """A channel goes on at another place in the dialplan, and a second one with it."""
    channel, other = await place(), await place()
    arrived = mgr.wait_for(
        events.Newexten, where=lambda event: (event.channel, event.context) == (channel, "elsewhere"), timeout=5
    )
    await mgr.send(core.Redirect(channel, "elsewhere", "target", 1))
    assert (await arrived).exten == "target"
    reply = await mgr.send(core.Redirect(channel, "elsewhere", "target", 1, extra_channel=other))
    assert reply.message == "Dual Redirect successful"


async def test_send_text(mgr: Manager, place: Place) -> None:
    """Text is accepted on a channel that is up."""
    assert (await mgr.send(core.SendText(await place(), "hello: there"))).success


async def test_set_cdr_user_field(mgr: Manager, place: Place) -> None:
    """The action is gone since long, and Setvar does its work."""
    channel = await place()
    with pytest.raises(UnknownAction):
        await mgr.send(core.SetCDRUserField(channel, "x"))
    await mgr.send(core.Setvar("CDR(userfield)", "x", channel))


async def test_sip(mgr: Manager, asterisk: Server) -> None:
    """chan_sip's actions work until Asterisk 20, and are unknown since."""
    notify = core.SIPnotify("trunk", {"Event": "check-sync", "X-Odd": 'a, "b" (c)'})
    actions: list[Action[Any]] = [core.SIPpeers(), core.SIPqualify("trunk"), core.SIPshowpeer("alice")]
    if asterisk.major > 20:
        for action in (*actions, core.SIPshowregistry(), notify):
            with pytest.raises(UnknownAction):
                await mgr.send(action)
        return
    peers = await mgr.send(core.SIPpeers())
    assert {event.get("ObjectName") for event in peers.events} == {"alice", "trunk"}
    assert isinstance(peers.events[0], events.PeerEntry)
    assert isinstance(peers.events.completion, events.PeerlistComplete)
    registry = await mgr.send(core.SIPshowregistry())
    assert isinstance(registry.events[0], events.RegistryEntry)
    assert registry.events[0].username == "alice"
    peer = await mgr.send(core.SIPshowpeer("alice"))
    assert (peer["Dynamic"], peer["ACL"], peer["SecretExist"], peer["MD5SecretExist"]) == (True, False, True, False)
    assert (peer["SIP-CanReinvite"], peer["SIP-AuthInsecure"]) == (True, False)
    assert (peer["MaxCallBR"], peer["Address-Port"]) == (384, 0)
    assert ("Dynamic", "Y") in peer.headers
    trunk = await mgr.send(core.SIPshowpeer("trunk"))
    assert (trunk["Dynamic"], trunk["SIP-AuthInsecure"], trunk["SIP-CanReinvite"]) == (False, True, False)
    with pytest.raises(ActionError):
        await mgr.send(core.SIPshowpeer("none"))
    qualify = await mgr.send(core.SIPqualify("trunk"))
    assert (await qualify.outcome(timeout=10)).peer == "trunk"
    assert (await mgr.send(notify)).success


async def test_status(mgr: Manager, place: Place) -> None:
    """One channel, or all, with the variables that were asked for."""
    channel = await place(variables={"ONE": "1", "TWO": "a:b"})
    one = await mgr.send(core.Status(channel, variables=("ONE", "TWO", "NONE")))
    assert isinstance(one.events[0], events.Status)
    assert one.events[0].channel == channel
    assert {"ONE=1", "TWO=a:b"} <= set(one.events[0].getall("Variable"))
    assert isinstance(one.events.completion, events.StatusComplete)
    everything = await mgr.send(core.Status(""))
    assert {event["Channel"] for event in everything.events} == {channel, far_end(channel)}
    with pytest.raises(ActionError, match="No such channel"):
        await mgr.send(core.Status("None/1"))


async def test_user_event(mgr: Manager) -> None:
    """A user event comes back to everyone with its headers as they were written."""
    waiting = mgr.wait_for(events.UserEvent, timeout=5)
    await mgr.send(core.UserEvent(UserEvent="Door", Number=3, Text="a: b", Empty=""), action_id="mine")
    event = await waiting
    assert (event.user_event, event["Number"], event["Text"], event["Empty"]) == ("Door", "3", "a: b", "")
    assert event.action_id == "mine"


def test_every_action_of_core_is_tried() -> None:
    """No class of `core` is left out of this file."""
    text = Path(__file__).read_text()
    names = [name for name in core.__all__ if isinstance(getattr(core, name), type) and name[0].isupper()]
    actions = [name for name in names if issubclass(getattr(core, name), Action)]
    assert len(actions) == 60
    assert [name for name in actions if f"core.{name}(" not in text] == []
