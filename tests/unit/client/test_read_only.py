"""`Manager(read_only=True)`: what it refuses before a byte leaves, and what it sends."""

from __future__ import annotations

from typing import Any

import pytest

from aioami import Action, Manager, PermissionDenied, actions, core
from aioami.actions.base import ACTIONS, load
from aioami.responses import Response
from aioami.testing import FakeAsterisk

# Every action of the catalogue, by whether it only reads: a new one is to be looked at, and put into one of the two.
READS = [
    "Agents",
    "BridgeInfo",
    "BridgeList",
    "BridgeTechnologyList",
    "Challenge",
    "Command",
    "ConfbridgeList",
    "ConfbridgeListRooms",
    "CoreSettings",
    "CoreShowChannelMap",
    "CoreShowChannels",
    "CoreStatus",
    "DAHDIShowChannels",
    "DAHDIShowStatus",
    "DBGet",
    "DBGetTree",
    "DataGet",
    "DeviceStateList",
    "Events",
    "ExtensionState",
    "ExtensionStateList",
    "FAXSession",
    "FAXSessions",
    "FAXStats",
    "Filter",
    "GetConfig",
    "GetConfigJSON",
    "Getvar",
    "IAXnetstats",
    "IAXpeerlist",
    "IAXpeers",
    "IAXregistry",
    "ListCategories",
    "ListCommands",
    "Login",
    "Logoff",
    "MWIGet",
    "MailboxCount",
    "MailboxStatus",
    "MeetmeList",
    "MeetmeListRooms",
    "ModuleCheck",
    "PJSIPShowAors",
    "PJSIPShowAuths",
    "PJSIPShowContacts",
    "PJSIPShowEndpoint",
    "PJSIPShowEndpoints",
    "PJSIPShowMaintenance",
    "PJSIPShowRegistrationInboundContactStatuses",
    "PJSIPShowRegistrationsInbound",
    "PJSIPShowRegistrationsOutbound",
    "PJSIPShowResourceLists",
    "PJSIPShowSubscriptionsInbound",
    "PJSIPShowSubscriptionsOutbound",
    "PRIShowSpans",
    "ParkedCalls",
    "Parkinglots",
    "Ping",
    "PresenceState",
    "PresenceStateList",
    "QueueRule",
    "QueueStatus",
    "QueueSummary",
    "Queues",
    "SIPpeers",
    "SIPpeerstatus",
    "SIPshowpeer",
    "SIPshowregistry",
    "SKINNYdevices",
    "SKINNYlines",
    "SKINNYshowdevice",
    "SKINNYshowline",
    "ShowDialPlan",
    "Status",
    "VoicemailBoxSummary",
    "VoicemailUserStatus",
    "VoicemailUsersList",
    "WaitEvent",
]
CHANGES = [
    "AGI",
    "AOCMessage",
    "AbsoluteTimeout",
    "AgentLogoff",
    "Atxfer",
    "BlindTransfer",
    "Bridge",
    "BridgeDestroy",
    "BridgeKick",
    "BridgeTechnologySuspend",
    "BridgeTechnologyUnsuspend",
    "CancelAtxfer",
    "ChangeMonitor",
    "ConfbridgeKick",
    "ConfbridgeLock",
    "ConfbridgeMute",
    "ConfbridgeSetSingleVideoSrc",
    "ConfbridgeStartRecord",
    "ConfbridgeStopRecord",
    "ConfbridgeUnlock",
    "ConfbridgeUnmute",
    "ControlPlayback",
    "CreateConfig",
    "DAHDIDNDoff",
    "DAHDIDNDon",
    "DAHDIDialOffhook",
    "DAHDIHangup",
    "DAHDIRestart",
    "DAHDITransfer",
    "DBDel",
    "DBDelTree",
    "DBPut",
    "DialplanExtensionAdd",
    "DialplanExtensionRemove",
    "Hangup",
    "JabberSend",
    "LocalOptimizeAway",
    "LoggerRotate",
    "MWIDelete",
    "MWIUpdate",
    "MeetmeMute",
    "MeetmeUnmute",
    "MessageSend",
    "MixMonitor",
    "MixMonitorMute",
    "ModuleLoad",
    "Monitor",
    "MuteAudio",
    "Originate",
    "PJSIPHangup",
    "PJSIPNotify",
    "PJSIPQualify",
    "PJSIPRegister",
    "PJSIPSetMaintenance",
    "PJSIPUnregister",
    "PRIDebugFileSet",
    "PRIDebugFileUnset",
    "PRIDebugSet",
    "Park",
    "PauseMonitor",
    "PlayDTMF",
    "PlayMF",
    "QueueAdd",
    "QueueChangePriorityCaller",
    "QueueLog",
    "QueueMemberRingInUse",
    "QueuePause",
    "QueuePenalty",
    "QueueReload",
    "QueueRemove",
    "QueueReset",
    "QueueWithdrawCaller",
    "Redirect",
    "Reload",
    "SIPnotify",
    "SIPqualifypeer",
    "SendFlash",
    "SendText",
    "SetCDRUserField",
    "Setvar",
    "SorceryMemoryCacheExpire",
    "SorceryMemoryCacheExpireObject",
    "SorceryMemoryCachePopulate",
    "SorceryMemoryCacheStale",
    "SorceryMemoryCacheStaleObject",
    "StopMixMonitor",
    "StopMonitor",
    "UnpauseMonitor",
    "UpdateConfig",
    "UserEvent",
    "VoicemailForward",
    "VoicemailMove",
    "VoicemailRefresh",
    "VoicemailRemove",
]

HARMLESS = [
    *(
        "core show channels concise",
        "CORE  SHOW version",
        "queue show support",
        "pjsip show endpoints",
        "dialplan show",
    ),
    *("confbridge list", "database show", "database get a b", "bridge technology show", "core show translation"),
    *("sip show peer alice", "core waitfullybooted", "sorcery memory cache show x"),
]
HARMFUL = [
    *(
        "core stop now",
        "core restart when convenient",
        "channel request hangup all",
        "database put a b c",
        "module show-off",
    ),
    *('database query "delete from astdb"', "core show translation recalc 10", "sip show peer alice load", "", "show"),
    *(
        "unheard show things",
        '"core" show channels',
        "queue reset stats",
        "odbc read show x",
        "! show",
        "dialplan reload",
    ),
    *("channel originate Local/1@x application Wait", "sorcery memory cache expire x", "realtime load show x"),
]
PLAIN = [
    "GREETING",
    "CHANNEL(state)",
    "CALLERID(num)",
    "QUEUE_WAITING_COUNT(support)",
    "DEVICE_STATE(PJSIP/alice)",
    "VERSION()",
]
ACTING = [
    *(
        "SHELL(reboot)",
        "DB_DELETE(a/b)",
        "CURL(http://127.0.0.1/)",
        "ODBC_SQL(x)",
        "SYSTEM(x)",
        "EVAL(${SHELL(x)})",
        "LOCK(a)",
    ),
    *(
        "FIELDQTY(SHELL(x),y)",
        "CHANNEL(${SHELL(x)})",
        "$[1 + 1]",
        "shell(x)",
        "(x)",
        "INC(COUNT)",
        "REALTIME_DESTROY(a,b)",
    ),
]


def refused(mgr: Manager, action: Action[Any]) -> str:
    """What the manager says to this action, which it does not send."""
    with pytest.raises(PermissionDenied) as caught:
        mgr.stream(action)
    assert (caught.value.action, caught.value.response) == (action, None)
    return str(caught.value)


def is_refused(action: Action[Any]) -> bool:
    """Whether a manager that was never connected has this against it, and not that there is no link."""
    mgr = Manager(read_only=True)
    try:
        mgr._rights.admit(action)
    except PermissionDenied:
        return True
    return False


def test_every_action_is_one_that_reads_or_one_that_changes() -> None:
    """Each action of the catalogue stands in one of the two lists here, and its class says the same."""
    load()
    ours = {kind.wire_name: kind for kind in ACTIONS.values() if kind.__module__.startswith("aioami.actions.")}
    assert sorted(READS + CHANGES) == sorted(ours)
    assert {name for name, kind in ours.items() if kind.reads_only} == set(READS)


def test_a_name_counts_where_there_is_no_class() -> None:
    """What is sent by its name alone, in any case, is what that name's class is; an unknown name is refused."""
    assert not is_refused(Action("queuestatus"))
    assert is_refused(Action("HANGUP", {"Channel": "x"}))
    assert is_refused(Action("Foo"))
    assert not is_refused(Action("command", {"COMMAND": "core show uptime"}))
    assert is_refused(Action("command", {"COMMAND": ["core show uptime", "core stop now"]}))
    assert is_refused(Action("GetVar", {"variable": "SHELL(x)"}))


@pytest.mark.parametrize("command", HARMLESS)
def test_a_command_that_shows_something_is_sent(command: str) -> None:
    """What only shows something may be asked for."""
    assert not is_refused(core.Command(command))


@pytest.mark.parametrize("command", HARMFUL)
def test_any_other_command_is_refused(command: str) -> None:
    """What is not known to do nothing else is refused, also if it looks like showing something."""
    assert is_refused(core.Command(command))


def test_a_command_is_named_by_its_first_words_alone() -> None:
    """What a refusal says may be logged: the rest of a command may hold a secret."""
    text = refused(Manager(read_only=True), core.Command("database put users alice s3cret"))
    assert "'database put'" in text
    assert "s3cret" not in text


@pytest.mark.parametrize("variable", PLAIN)
def test_a_variable_and_a_function_without_effects_are_read(variable: str) -> None:
    """Getvar and Status read variables, and functions that do nothing else."""
    assert not is_refused(core.Getvar(variable, "PJSIP/alice-1"))
    assert not is_refused(core.Status(None, variables=("GREETING", variable)))


@pytest.mark.parametrize("variable", ACTING)
def test_a_function_with_effects_is_refused(variable: str) -> None:
    """Functions that run programs, write or delete are refused, wherever they stand."""
    assert is_refused(core.Getvar(variable))
    assert is_refused(core.Status(None, variables=f"GREETING,{variable}"))


def test_a_class_of_ones_own_is_refused_unless_it_says_that_it_reads() -> None:
    """The default of a new class is the safe one, and a class for another action does not inherit that it reads."""

    class Probe(actions.KnownAction[Response], wire_name="ReadOnlyProbe"):
        """Says nothing."""

    class Look(actions.KnownAction[Response], wire_name="ReadOnlyLook"):
        """Reads."""

        reads_only = True

    class Poke(Look, wire_name="ReadOnlyPoke"):
        """Is another action."""

    try:
        assert is_refused(Probe())
        assert not is_refused(Look())
        assert not is_refused(Action("ReadOnlyLook"))
        assert is_refused(Poke())
    finally:
        for name in ("readonlyprobe", "readonlylook", "readonlypoke"):
            del ACTIONS[name]


async def test_what_is_refused_never_leaves(fake: FakeAsterisk) -> None:
    """A refused action raises `PermissionDenied` without a response, whatever `check` says, and is counted nowhere."""
    async with Manager.from_url(fake.url, read_only=True) as mgr:
        assert mgr.read_only
        assert repr(mgr).endswith("ready read-only>")
        before, came = mgr.statistics(), len(fake.received)
        for action in (core.Originate_Application("PJSIP/alice", "Wait"), core.Hangup("x"), core.QueuePause("x", True)):
            with pytest.raises(PermissionDenied, match=f"{action.name} was not sent, because the manager is read-only"):
                await mgr.send(action, check=False)
            assert "was not sent" in refused(mgr, action)
        assert len(fake.received) == came
        assert (mgr.statistics() - before).actions == 0


async def test_reading_and_the_connection_itself_work(fake: FakeAsterisk) -> None:
    """Lists, values, the choice of events, filters, and what the library itself asks, are no changes."""
    async with Manager.from_url(f"{fake.url}?read_only=yes&event_filter=!Event:%20RTCP") as mgr:
        await mgr.wait_booted(5)
        assert (await mgr.send(core.QueueStatus())).events
        assert [item async for item in mgr.stream(core.CoreShowChannels())] == []
        assert (await mgr.send(core.Getvar("GREETING"))).value == "hello"
        assert (await mgr.send(core.Command("core show version"))).data
        await mgr.send(core.Events("call"))
        await mgr.send(actions.Filter("!Event: VarSet"))
        await mgr.send(core.Ping())
        await mgr.send(core.Logoff())


def test_the_url_says_it_with_yes_or_no() -> None:
    """`read_only` in a URL is yes or no, and the argument wins."""
    assert Manager.from_url("ami://a:b@c?read_only=yes").read_only
    assert not Manager.from_url("ami://a:b@c?read_only=no").read_only
    assert not Manager.from_url("ami://a:b@c?read_only=yes", read_only=False).read_only
    with pytest.raises(ValueError, match="read_only is 'yes' or 'no'"):
        Manager.from_url("ami://a:b@c?read_only=1")
