"""The scenarios: each is played on the fake server and on real ones, and must be told the same way.

They cover what a client can ask for and what then happens; the house is that of `aioami.testing`'s configuration.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

from .agi_program import Program
from .line import Line

Story = Callable[[Line], Awaitable[None]]
SUPPORT = "Local/short@test/n"


def far(channel: str) -> str:
    """The other half of a Local channel."""
    return channel[:-1] + ("2" if channel.endswith("1") else "1")


async def place(ami: Line, extension: str = "wait", **headers: str) -> str:
    """Place a call that waits at our end, and return the channel there."""
    told = {"Application": "Wait", "Data": "600", "Async": "true"} | headers
    await ami.ask("Originate", Channel=f"Local/{extension}@test/n", **told)
    channel = dict(await ami.until("OriginateResponse"))["Channel"]
    await ami.settle(0.8)  # Answer waits half a second for a first sound
    return channel


async def bridge(ami: Line, first: str, second: str) -> None:
    """Let two channels talk, and wait until they do."""
    await ami.ask("Bridge", Channel1=first, Channel2=second, Tone="no")
    await ami.until("BridgeEnter", Channel=second)
    await ami.settle()


async def hang_up(ami: Line) -> None:
    """End all calls, and wait until they are gone."""
    await ami.ask("Hangup", Channel="/^Local.*;1$/")
    await ami.settle()


async def session(ami: Line) -> None:
    """Before the login nothing works; there are two ways to log in, and one to leave."""
    await ami.connect()
    await ami.ask("Ping")
    await ami.ask("NoSuchThing")
    await ami.ask("Challenge")
    await ami.ask("Challenge", AuthType="SHA1")
    challenge = dict((await ami.ask("Challenge", AuthType="md5"))[0])["Challenge"]
    key = hashlib.md5(f"{challenge}s3cret".encode()).hexdigest()
    await ami.ask("Login", AuthType="MD5", Username="ADMIN", Key=key, Events="off")
    await ami.ask("Login", Username="nobody", Secret="wrong")
    await ami.ask("NoSuchThing")
    await ami.ask("Ping ")
    await ami.tell("action:ping\nActionID:   kept \n\n")
    await ami.tell("Action : Ping\r\n\r\n")
    await ami.tell("\r\n")
    await ami.tell("Action: Ping\r\nActionID: first\r\nActionID: second\r\n\r\n")
    await ami.tell("Action: Ping\r\nActionID: \r\n\r\n")
    await ami.tell("Action: Ping\r\nActionID: cut\0off\r\n\r\n")
    await ami.ask("Logoff")


async def refused(ami: Line) -> None:
    """A refused login is answered in one way, whatever the reason, and ends the session; the reason is an event."""
    await ami.open(events="security")
    for user, secret in (("admin", "wrong"), ("nobody", "s3cret"), ("denied", "s3cret")):
        other = Line(ami.host, ami.port, ami.passes)
        ami.others.append(other)
        await other.connect()
        await other.ask("Login", Username=user, Secret=secret)
        await other.ends()
        await ami.settle()
    await ami.another("single", "off")
    for action in ("Challenge", "Login"):
        other = Line(ami.host, ami.port, ami.passes)
        ami.others.append(other)
        await other.connect()
        await other.ask(action, Username="single", Secret="s3cret", AuthType="MD5" if action == "Challenge" else "")
        await other.ends()
        await ami.settle()


async def limits(ami: Line) -> None:
    """Lines and messages have their limits; what is over them is refused, and told with its ActionID."""
    await ami.open(events="off")
    await ami.tell(f"Action: Ping\r\nX: {'x' * 1019}\r\n\r\n")
    await ami.tell(f"Action: Ping\r\nActionID: 1\r\nX: {'x' * 1021}\r\n\r\n")
    await ami.tell(f"Action: Ping\r\nX: {'x' * 1018}ActionID: tail\r\n\r\n")
    await ami.tell("Action: Ping\r\n" + "X: 1\r\n" * 127 + "\r\n")
    await ami.tell("Action: Ping\r\nActionID: 2\r\n" + "X: 1\r\n" * 127 + "\r\n")
    await ami.ask("Ping")


async def masks(ami: Line) -> None:
    """Which events come is a matter of the mask, and of what the user may read."""
    await ami.open(events="off")
    for mask in (
        "on",
        "off",
        "user",
        "call,system",
        "bogus",
        "user,bogus",
        "us,x",
        ",x",
        "0",
        "1",
        "64",
        "2147483647",
        "",
    ):
        await ami.ask("Events", EventMask=mask)
        await ami.ask("UserEvent", UserEvent=f"With {mask}")
        await ami.settle()
    await ami.ask("Events")
    quiet = await ami.another("silent", "on")
    await quiet.ask("Events", EventMask="on")
    await quiet.ask("UserEvent", UserEvent="Unheard")
    await quiet.settle()


async def filters(ami: Line) -> None:
    """Filters of both kinds let events through or hold them back; a wrong one is refused."""
    await ami.open(events="user")
    await ami.ask("Filter", Operation="Remove", Filter="x")
    await ami.ask("Filter", Operation="Add", Filter="UserEvent: (")
    await ami.ask("Filter", Operation="Add", Filter="")
    await ami.ask("Filter", Operation="Add")
    await ami.ask("Filter", Operation="Add", Filter="UserEvent: (One|Two)")
    await ami.ask("Filter", Operation="Add", Filter="!Key: hidden")
    for name, value in (("One", "shown"), ("Two", "hidden"), ("Three", "shown")):
        await ami.ask("UserEvent", UserEvent=name, Key=value)
    await ami.settle()


async def advanced_filters(ami: Line) -> None:
    """Filters that name event, header and method."""
    await ami.open(events="user")

    async def add(criteria: str, pattern: str = "") -> None:
        await ami.ask("Filter", ("Operation", "Add"), ("MatchCriteria", criteria), ("Filter", pattern))

    for criteria, pattern in (
        ("name(", ""),
        ("colour(red)", "x"),
        ("action(perhaps),name(UserEvent)", ""),
        ("method(sounds_like),name(UserEvent)", "x"),
        ("method(regex),name(UserEvent)", ""),
        ("name(UserEvent)", "pattern without a method"),
        ("action(include)", ""),
        ("name(UserEvent),header(Key),method(starts_with)", "a"),
        ("name(UserEvent),header(Key),method(ends_with)", "z"),
        ("header(Key),method(exact)", "hello"),
        ("action(exclude),header(Key),method(contains)", "no"),
    ):
        await add(criteria, pattern)
    for value in ("apple", "fizz", "hello", "hello there", "a no go", "banana"):
        await ami.ask("UserEvent", UserEvent="One", Key=value)
    await ami.settle()


async def permissions(ami: Line) -> None:
    """A user may do what his write classes say, and sees only that in the list of actions."""
    watcher = await ami.open(events="security")
    ami = await watcher.another("callonly", "on")
    for action in ("Ping", "CoreShowChannels", "Command", "DBGet", "QueueAdd", "QueueStatus", "UserEvent", "Hangup"):
        await ami.ask(action)
    for application, data in (("System", "true"), ("TrySystem", "x"), ("Queue", "a,,,,,agi"), ("Wait", "${SHELL(x)}")):
        await ami.ask("Originate", Channel="Local/short@test/n", Application=application, Data=data)
    await ami.ask("Getvar", Variable="SHELL(true)")
    await ami.ask("Getvar", Variable="GREETING")
    other = await watcher.another("readonly", "off")
    for action in ("Ping", "CoreShowChannels", "QueueStatus", "Originate", "Getvar"):
        await other.ask(action)
    await watcher.settle()


async def rights_shown(ami: Line) -> None:
    """The server tells what a user may do."""
    await ami.open(events="off")
    for name in ("admin", "CallOnly", "silent", "readonly", "single", "nobody"):
        await ami.ask("Command", Command=f"manager show user {name}")


async def user_events(ami: Line) -> None:
    """A user event goes to everyone, with its lines as they were written."""
    await ami.open()
    await ami.ask("UserEvent")
    await ami.tell(
        "Action: UserEvent\r\nUserEvent: Odd\r\nActionID: odd\r\nFoo:bar\r\nno colon\r\nKey : x\r\nA: 1\r\nA: 2\r\n\r\n"
    )
    other = await ami.another("readonly", "user")
    await ami.ask("UserEvent", UserEvent="Both")
    await ami.settle()
    await other.settle()


async def database(ami: Line) -> None:
    """Values are stored, read, listed and deleted."""
    await ami.open()
    for key, value in (("a", "1"), ("b/c", "x: y"), ("b/d", "")):
        await ami.ask("DBPut", Family="story", Key=key, Val=value)
    await ami.ask("DBGet", Family="story", Key="b/c")
    await ami.ask("DBGet", Family="story", Key="none")
    await ami.ask("DBDel", Family="story", Key="a")
    await ami.ask("DBDel", Family="story", Key="a")
    await ami.ask("DBDelTree", Family="story", Key="b")
    await ami.ask("DBDelTree", Family="story", Key="b")
    for action in ("DBPut", "DBGet", "DBDel", "DBDelTree"):
        await ami.ask(action)
        await ami.ask(action, Family="story")


async def config_files(ami: Line) -> None:
    """Files are made, changed and read."""
    await ami.open(events="off")
    for name in ("story.conf", "story.conf", ""):
        await ami.ask("CreateConfig", Filename=name)
    changes = (
        ("NewCat", "one", "", "", ""),
        ("Append", "one", "name", "value, with: signs", ""),
        ("Append", "one", "name", "again", ""),
        ("NewCat", "two", "", "", ""),
        ("RenameCat", "two", "", "three", ""),
        ("Append", "three", "gone", "x", ""),
        ("Delete", "three", "gone", "", "x"),
        ("Append", "three", "kept", "old", ""),
        ("Update", "three", "kept", "new", "old"),
        ("NewCat", "four", "", "", ""),
        ("DelCat", "four", "", "", ""),
    )
    names = ("Action", "Cat", "Var", "Value", "Match")
    await ami.ask(
        "UpdateConfig",
        ("SrcFilename", "story.conf"),
        ("DstFilename", "story.conf"),
        *(
            (f"{name}-{number:06}", value)
            for number, change in enumerate(changes)
            for name, value in zip(names, change, strict=True)
            if value
        ),
    )
    await ami.ask("GetConfig", Filename="story.conf")
    await ami.ask("GetConfig", Filename="story.conf", Category="three")
    await ami.ask("GetConfig", Filename="story.conf", Category="none")
    await ami.ask("GetConfig", Filename="scratch.conf")
    await ami.ask("GetConfig", Filename="scratch.conf", Filter="TEMPLATES=include")
    await ami.ask("GetConfig", Filename="none.conf")
    await ami.ask("GetConfig")
    await ami.ask("ListCategories", Filename="story.conf")
    await ami.ask("ListCategories", Filename="none.conf")
    await ami.ask("ListCategories")
    for change in (
        ("Append", "none", "name", "x", ""),
        ("Delete", "one", "none", "", ""),
        ("Update", "one", "none", "x", ""),
        ("NewCat", "one", "", "", ""),
        ("RenameCat", "none", "", "x", ""),
        ("DelCat", "none", "", "", ""),
        ("EmptyCat", "none", "", "", ""),
        ("Bogus", "one", "", "", ""),
        ("NewCat", "", "", "", ""),
        ("Append", "one", "", "", ""),
    ):
        await ami.ask(
            "UpdateConfig",
            ("SrcFilename", "story.conf"),
            ("DstFilename", "story.conf"),
            *((f"{name}-000000", value) for name, value in zip(names, change, strict=True) if value),
        )
    await ami.ask("UpdateConfig", SrcFilename="none.conf", DstFilename="none.conf")
    await ami.ask("UpdateConfig", SrcFilename="story.conf")
    await ami.ask("UpdateConfig", SrcFilename="story.conf", DstFilename="story.conf", Reload="yes")


async def variables(ami: Line) -> None:
    """Variables of channels and of everyone are set and read, functions too."""
    await ami.open()
    await ami.ask("Getvar")
    await ami.ask("Setvar")
    await ami.ask("Setvar", Variable="STORY", Value="a, b: c")
    await ami.ask("Getvar", Variable="STORY")
    await ami.ask("Getvar", Variable="GREETING")
    await ami.ask("Getvar", Variable="NEVER_SET")
    await ami.ask("Getvar", Variable="STORY", Channel="None/1")
    await ami.ask("Setvar", Variable="STORY", Value="x", Channel="None/1")
    await ami.ask("Setvar", Variable="DB(story/key)", Value="stored")
    await ami.ask("Getvar", Variable="DB(story/key)")
    channel = await place(ami, Variable="ONE=1,TWO=a\\,b", CallerID='"Al, B" <100>', Account="acc")
    await ami.ask("Setvar", Variable="MINE", Value="yes", Channel=channel)
    for name in ("MINE", "ONE", "TWO", "CHANNEL(language)", "CHANNEL(state)", "CALLERID(num)", "CALLERID(name)"):
        await ami.ask("Getvar", Variable=name, Channel=channel)
    await ami.ask("Setvar", Variable="CALLERID(name)", Value="Other", Channel=channel)
    await ami.ask("Setvar", Variable="AMITEST", Value="seen", Channel=channel)
    await ami.settle()
    await ami.ask("Status", Channel=channel, Variables="MINE,NONE", AllVariables="false")
    await hang_up(ami)


async def states(ami: Line) -> None:
    """A hint follows its device."""
    await ami.open()
    await ami.ask("ExtensionState", Exten="wait", Context="test")
    await ami.ask("ExtensionState", Exten="none", Context="test")
    await ami.ask("ExtensionState", Exten="wait", Context="none")
    await ami.ask("ExtensionState")
    for state in ("BUSY", "RINGING", "NOT_INUSE"):
        await ami.ask("Setvar", Variable="DEVICE_STATE(Custom:wait)", Value=state)
        await ami.until("ExtensionStatus")
    await ami.settle()
    await ami.ask("Getvar", Variable="DEVICE_STATE(Custom:wait)")


async def mailboxes(ami: Line) -> None:
    """Mailboxes are counted and listed."""
    await ami.open(events="off")
    for action in ("MailboxCount", "MailboxStatus"):
        await ami.ask(action)
        await ami.ask(action, Mailbox="1234@default")
        await ami.ask(action, Mailbox="nobody@nowhere")
    await ami.ask("VoicemailUsersList")


async def modules(ami: Line) -> None:
    """Modules are looked for, taken out and put back."""
    await ami.open()
    await ami.ask("ModuleCheck", Module="app_queue")
    await ami.ask("ModuleCheck", Module="app_no_such_thing")
    await ami.ask("ModuleLoad", LoadType="unload", Module="app_echo.so")
    await ami.ask("ModuleCheck", Module="app_echo")
    await ami.ask("ModuleLoad", LoadType="load", Module="app_echo.so")
    await ami.ask("ModuleLoad", LoadType="load", Module="app_no_such_thing.so")
    await ami.ask("ModuleLoad", LoadType="unload", Module="app_no_such_thing.so")
    await ami.ask("ModuleLoad", LoadType="reload", Module="app_no_such_thing.so")
    await ami.ask("ModuleLoad", LoadType="bogus", Module="app_echo.so")
    await ami.ask("ModuleLoad", LoadType="reload", Module="app_queue.so")
    await ami.ask("Reload", Module="app_queue")
    await ami.ask("Reload", Module="app_no_such_thing")
    await ami.settle()


async def commands(ami: Line) -> None:
    """The command line answers, or says what is wrong."""
    await ami.open(events="off")
    await ami.ask("Command")
    await ami.ask("Command", Command="no such thing")
    await ami.ask("Command", Command="core stop")
    await ami.ask("Command", Command="module unload app_echo.so")
    await ami.ask("Command", Command="database put story key value")
    await ami.ask("Command", Command="database get story key")
    await ami.ask("Command", Command="core show uptime seconds extra")


async def answered(ami: Line) -> None:
    """A call that is answered runs its application, and is listed while it lasts."""
    await ami.open()
    channel = await place(ami, CallerID='"Al" <100>', Variable="A=1", Account="acc")
    await ami.ask("CoreShowChannels")
    await ami.ask("Status")
    await ami.ask("Status", Channel=far(channel))
    await ami.ask("Status", Channel="None/1")
    await ami.ask("Hangup", Channel="None/1")
    await ami.ask("Hangup")
    await ami.ask("Hangup", Channel="/(/")
    await ami.ask("Hangup", Channel="/nobody/")
    await ami.ask("Hangup", Channel=channel, Cause="17")
    await ami.until("Hangup", Channel=far(channel))
    await ami.settle()
    await ami.ask("CoreShowChannels")


async def into_the_dialplan(ami: Line) -> None:
    """A call that is answered goes on in the dialplan."""
    await ami.open()
    told = {"Context": "elsewhere", "Exten": "target", "Priority": "1", "Async": "true", "ChannelId": "story-1"}
    await ami.ask("Originate", Channel="Local/wait@test/n", **told)
    await ami.until("OriginateResponse")
    await ami.settle(0.8)
    await hang_up(ami)
    await ami.ask("Originate", Channel="Local/wait@test/n", **(told | {"Exten": "none"}))
    await ami.ask("Originate", Channel="Local/wait@test/n", **(told | {"Priority": "many"}))
    await ami.ask("Originate", Channel="Local/wait@test/n", **(told | {"ChannelId": "x" * 150}))
    await ami.ask("Originate", Application="Wait")
    await ami.ask("Originate", Channel="nothing", Application="Wait")
    await ami.ask("Originate", Channel="Local/wait@test/n")
    await ami.ask("Originate", Channel="Local/wait@test/n", Application="Wait", Timeout="soon")


async def unanswered(ami: Line) -> None:
    """Busy, congested, rejected, ringing in vain, nowhere: each is told in its own way."""
    await ami.open()
    for extension in ("busy", "congestion", "reject", "ring", "none"):
        told = {"Application": "Wait", "Data": "1", "Async": "true", "Timeout": "500"}
        await ami.ask("Originate", Channel=f"Local/{extension}@test", **told)
        await ami.until("OriginateResponse")
        await ami.settle()
    await ami.ask("Originate", Channel="Nothing/here", Application="Wait", Async="true")
    await ami.until("OriginateResponse")


async def waiting_for_the_answer(ami: Line) -> None:
    """Without Async the answer comes when the call is answered or has failed."""
    await ami.open()
    await ami.ask("Originate", Channel="Local/short@test/n", Application="Wait", Data="0.1")
    await ami.until("Hangup")
    await ami.settle()
    await ami.ask("Originate", Channel="Local/ring@test", Application="Wait", Data="1", Timeout="300")
    await ami.settle()


async def dialled(ami: Line) -> None:
    """A call that dials another is bridged with it until one of the two goes."""
    await ami.open()
    await ami.ask("Originate", Channel="Local/dial@test/n", Application="Wait", Data="600", Async="true")
    await ami.until("OriginateResponse")
    await ami.until("Hangup")
    await ami.settle()


async def dialled_in_vain(ami: Line) -> None:
    """Nobody answers, the line is busy, there is no such line, or neither of two answers."""
    await ami.open()
    lines = ("Local/ring@test/n,1", "Local/busy@test/n,5", "Local/none@test/n,5", "Nothing/here,5")
    for line in (*lines, "Local/ring@test/n&Local/busy@test/n,1"):
        told = {"Application": "Dial", "Data": line, "Async": "true", "CallerID": '"Caller" <555>'}
        await ami.ask("Originate", Channel="Local/wait@test/n", **told)
        channel = dict(await ami.until("OriginateResponse"))["Channel"]
        await ami.until("Hangup", Channel=channel)
        await ami.settle(0.8)


async def bridged(ami: Line) -> None:
    """Two calls are bridged by hand, and part when one hangs up."""
    await ami.open()
    first = await place(ami)
    second = await place(ami)
    await bridge(ami, first, second)
    for kind in ("", "basic", "simple_bridge", "SIMPLE_BRIDGE"):
        await ami.ask("BridgeList", BridgeType=kind)
    await ami.ask("LocalOptimizeAway", Channel=first)
    await ami.ask("LocalOptimizeAway", Channel="None/1")
    await ami.ask("LocalOptimizeAway")
    await ami.ask("Bridge", Channel1=first)
    await ami.ask("Bridge", Channel1=first, Channel2="None/1")
    await ami.ask("Hangup", Channel=first)
    await ami.until("BridgeDestroy")
    await ami.settle()
    await hang_up(ami)


async def introduced(ami: Line) -> None:
    """Two who are bridged are told each other's number and name; their other halves show it with the next step."""
    await ami.open()
    first = await place(ami, CallerID='"Ada" <100>')
    second = await place(ami, CallerID="200")
    third = await place(ami)
    await bridge(ami, first, second)
    await ami.settle(0.8)
    await ami.ask("Status", Channel=first)
    await bridge(ami, third, first)
    await ami.settle(0.8)
    await _end(ami, first)
    for channel in (second, third):
        await ami.ask("Hangup", Channel=channel)
        await ami.settle()


async def bridged_in_the_dialplan(ami: Line) -> None:
    """Calls that are on their way through the dialplan go on behind where they were, when the other has gone."""
    await ami.open()
    first = far(await place(ami, "vars"))
    second = far(await place(ami, "vars"))
    await bridge(ami, first, second)
    await ami.ask("CoreShowChannels")
    await ami.ask("Hangup", Channel=first)
    await ami.until("BridgeDestroy")
    await ami.settle()
    await hang_up(ami)


async def transferred(ami: Line) -> None:
    """One of two who talk is sent elsewhere, and the other is left alone."""
    await ami.open()
    first = await place(ami)
    second = await place(ami)
    await bridge(ami, first, second)
    await ami.ask("Redirect", Channel=first, Context="elsewhere", Exten="target", Priority="1")
    await ami.until("BridgeDestroy")
    await ami.settle(0.8)
    await ami.ask("CoreShowChannels")
    await hang_up(ami)


async def redirected(ami: Line) -> None:
    """A call goes on at another place, alone or with a second one."""
    await ami.open()
    first = await place(ami)
    await ami.ask("Redirect", Channel=first, Context="elsewhere", Exten="target", Priority="1")
    await ami.until("Newexten", Channel=first)
    await ami.settle(0.8)
    second = await place(ami)
    await ami.ask("Redirect", Channel=first, ExtraChannel=second, Context="test", Exten="wait", Priority="1")
    await ami.settle(0.8)
    await ami.ask("Redirect", Channel="None/1", Context="test", Exten="wait", Priority="1")
    await ami.ask("Redirect", Context="test", Exten="wait", Priority="1")
    await ami.ask("Redirect", Channel=first, Context="test", Exten="wait", Priority="many")
    await ami.settle()
    await hang_up(ami)


async def parked(ami: Line) -> None:
    """A call is parked, listed, and given back."""
    await ami.open()
    channel = await place(ami)
    back = await place(ami)
    await ami.ask("Park", Channel=channel, AnnounceChannel=back, Channel2=back, Timeout="20000", Parkinglot="second")
    await ami.until("ParkedCall")
    await ami.settle()
    await ami.ask("ParkedCalls")
    await ami.ask("ParkedCalls", ParkingLot="default")
    await ami.ask("Park", Channel="None/1")
    await ami.ask("Park")
    await ami.ask("Park", Channel=back, Parkinglot="none")
    await ami.ask("Hangup", Channel=channel)
    await ami.until("Hangup")
    await ami.settle()
    await hang_up(ami)


async def fetched(ami: Line) -> None:
    """A parked call is fetched by whoever calls its number."""
    await ami.open()
    channel = await place(ami)
    await ami.ask("Park", Channel=channel, Timeout="20000")
    await ami.until("ParkedCall")
    told = {"Application": "Wait", "Data": "600", "Async": "true"}
    await ami.ask("Originate", Channel="Local/701@parkedcalls/n", **told)
    await ami.until("UnParkedCall")
    await ami.settle(0.8)
    await ami.ask("Hangup", Channel="/^Local.701.*;1$/")
    await ami.settle()
    await hang_up(ami)
    await ami.settle()


async def parked_by_the_dialplan(ami: Line) -> None:
    """The dialplan parks a call, and it gives up."""
    await ami.open()
    channel = await place(ami, "park")
    await ami.until("ParkedCall")
    await ami.ask("ParkedCalls")
    await ami.ask("Hangup", Channel=channel)
    await ami.until("ParkedCallGiveUp")
    await ami.settle()


async def parked_too_long(ami: Line) -> None:
    """A parked call that nobody fetches comes back."""
    await ami.open()
    channel = await place(ami)
    back = await place(ami)
    await ami.ask("Park", Channel=channel, Channel2=back, Timeout="1000", Parkinglot="second")
    await ami.until("ParkedCallTimeOut")
    await ami.settle()
    await hang_up(ami)


async def queue_members(ami: Line) -> None:
    """Members come, pause, get penalties and go."""
    await ami.open()
    who = {"Interface": "Local/short@test/n2", "Queue": "sales"}
    await ami.ask("QueueAdd", **who, MemberName="Test, Member", Penalty="2", Paused="true")
    await ami.ask("QueueAdd", **who)
    await ami.ask("QueuePause", **who, Paused="false")
    await ami.ask("QueuePause", Interface=who["Interface"], Paused="true", Reason="lunch")
    await ami.ask("QueuePause", Interface=who["Interface"], Paused="false", Reason="eaten")
    await ami.ask("QueuePenalty", Interface=who["Interface"], Penalty="5")
    await ami.ask("QueueStatus", Queue="sales")
    await ami.ask("QueueRemove", **who)
    await ami.ask("QueueRemove", **who)
    for action in ("QueueAdd", "QueueRemove", "QueuePause", "QueuePenalty"):
        await ami.ask(action)
        await ami.ask(action, Interface="Local/x@test", Queue="none", Paused="true", Penalty="1")
        await ami.ask(action, Interface="Local/x@test", Queue="sales")
    await ami.ask("QueueAdd", Interface="Local/x@test", Queue="sales", Penalty="many")
    await ami.settle()
    await ami.ask("QueueRemove", Interface="Local/x@test", Queue="sales")
    await ami.ask("QueueStatus")
    await ami.ask("QueueStatus", Queue="none")
    await ami.ask("QueueStatus", Queue="support", Member="Local/busy@test/n")
    await ami.ask("QueueSummary")
    await ami.ask("QueueSummary", Queue="support")
    await ami.ask("QueueLog", Queue="sales", Event="STORY", Message="x")
    await ami.ask("QueueLog")
    await ami.ask("QueueReload", Queue="sales", Members="yes")
    await ami.settle()


async def queued(ami: Line) -> None:
    """A caller waits in a queue, and gives up."""
    await ami.open()
    await place(ami, "hold", CallerID='"Caller" <555>')
    second = await place(ami, "hold")
    await ami.ask("QueueStatus", Queue="empty")
    await ami.ask("QueueStatus", Queue="empty", Member="none/none")
    await ami.ask("QueueSummary", Queue="empty")
    await ami.settle(1)  # longer than the service level
    await ami.ask("Hangup", Channel=second)
    await ami.until("QueueCallerLeave")
    await ami.settle()
    await hang_up(ami)


async def queue_answered(ami: Line) -> None:
    """A caller is rung through to a member, talks, and the member hangs up."""
    await ami.open()
    await ami.ask("QueueAdd", Interface="Local/short@test/n", Queue="sales", MemberName="Short")
    await ami.ask("QueueRemove", Interface="Local/busy@test/n", Queue="sales")
    told = {"Application": "Queue", "Data": "sales,,,,20", "Async": "true", "CallerID": '"Caller" <555>'}
    told |= {"Account": "acc", "Variable": "__HANDED=on"}
    await ami.ask("Originate", Channel="Local/wait@test/n", **told)
    await ami.until("AgentComplete")
    await ami.settle()
    for queue in ("none", "SALES"):
        await ami.ask("QueueStatus", Queue="sales")
        await ami.ask("QueueReset", Queue=queue)
    await ami.ask("QueueStatus", Queue="sales")
    await ami.ask("QueueRemove", Interface="Local/short@test/n", Queue="sales")
    await hang_up(ami)


async def queue_left(ami: Line) -> None:
    """A caller who talks to a member hangs up."""
    await ami.open()
    await ami.ask("QueueAdd", Interface="Local/wait@test/n", Queue="sales", MemberName="Patient")
    told = {"Application": "Queue", "Data": "sales", "Async": "true", "CallerID": '"Caller" <555>'}
    await ami.ask("Originate", Channel="Local/vars@test/n", **told)
    channel = dict(await ami.until("AgentConnect"))["Channel"]
    await ami.settle(0.8)
    await ami.ask("QueueStatus", Queue="sales")
    await ami.ask("Hangup", Channel=channel)
    await ami.until("BridgeDestroy")
    await ami.settle()
    await ami.ask("QueueRemove", Interface="Local/wait@test/n", Queue="sales")
    await hang_up(ami)


async def queue_unanswered(ami: Line) -> None:
    """A member does not answer, and the caller goes on when his time in the queue is over."""
    await ami.open()
    await ami.ask("QueueAdd", Interface="Local/ring@test/n", Queue="sales", MemberName="Ringer")
    told = {"Application": "Queue", "Data": "sales,,,,1", "Async": "true"}
    await ami.ask("Originate", Channel="Local/wait@test/n", **told)
    await ami.until("QueueCallerLeave")
    await ami.settle()
    await ami.ask("QueueRemove", Interface="Local/ring@test/n", Queue="sales")
    await hang_up(ami)


async def queue_talked_to(ami: Line) -> None:
    """A waiting caller is bridged with another call: of the queue no event comes, but it counts one who gave up."""
    await ami.open()
    caller = far(await place(ami, "hold"))
    await place(ami, "hold")
    await ami.ask("QueueStatus", Queue="empty")
    await ami.settle(1)  # longer than the service level
    await bridge(ami, caller, await place(ami))
    await ami.ask("QueueStatus", Queue="empty")
    await ami.ask("QueueSummary", Queue="empty")
    await ami.ask("CoreShowChannels")
    await ami.ask("Hangup", Channel=caller)
    await ami.until("BridgeDestroy")
    await ami.settle()
    await hang_up(ami)


async def queue_parked(ami: Line) -> None:
    """Waiting callers are parked, the one through the dialplan, the other without one: the queue tells of neither."""
    await ami.open()
    callers = far(await place(ami, "hold")), await place(ami, Application="Queue", Data="empty")
    await ami.settle(1)  # they wait for longer than the service level
    for caller in callers:
        await ami.ask("Park", Channel=caller, Timeout="20000")
        await ami.until("ParkedCall")
        await ami.settle()
        await ami.ask("QueueStatus", Queue="empty")
    await ami.ask("CoreShowChannels")
    for caller in callers:
        await ami.ask("Hangup", Channel=caller)
        await ami.until("Hangup", Channel=far(caller))
        await ami.settle()


async def queue_sent_elsewhere(ami: Line) -> None:
    """The queue tells that a waiting caller was sent elsewhere, unless the caller came without a dialplan."""
    await ami.open()
    first = far(await place(ami, "hold"))
    second, third = [await place(ami, Application="Queue", Data="empty") for _ in range(2)]
    await ami.settle(1)
    there = {"Context": "elsewhere", "Exten": "target", "Priority": "1"}
    for channel in (first, second):
        await ami.ask("Redirect", Channel=channel, **there)
        await ami.settle(0.8)
        await ami.ask("QueueStatus", Queue="empty")
    await ami.ask("Redirect", Channel=third, Context="queues", Exten="sales", Priority="2")
    await ami.settle()
    await ami.ask("QueueStatus", Queue="empty")
    await ami.ask("QueueStatus", Queue="sales")
    await hang_up(ami)


async def queue_ringing(ami: Line) -> None:
    """A waiting caller is bridged with another call while a member is rung: the member rings no more."""
    await ami.open()
    await ami.ask("QueueAdd", Interface="Local/ring@test/n", Queue="empty", MemberName="Ringer")
    caller = far(await place(ami, "hold"))
    await ami.until("AgentCalled")
    await ami.settle(1)
    await bridge(ami, caller, await place(ami))
    await ami.ask("QueueStatus", Queue="empty")
    await ami.ask("QueueRemove", Interface="Local/ring@test/n", Queue="empty")
    await ami.ask("Hangup", Channel=caller)
    await ami.until("BridgeDestroy")
    await ami.settle()
    await hang_up(ami)


async def conference(ami: Line) -> None:
    """Those who meet in a conference remain calls of their own, with a Linkedid each."""
    await ami.open()
    first, second, third = [await place(ami, Application="ConfBridge", Data="room1") for _ in range(3)]
    await ami.ask("CoreShowChannels")
    await ami.ask("Hangup", Channel=second)
    await ami.until("Hangup", Channel=far(second))
    await ami.settle()
    await ami.ask("CoreShowChannels")
    for channel in (first, third):
        await ami.ask("Hangup", Channel=channel)
        await ami.until("Hangup", Channel=far(channel))
        await ami.settle()
    await ami.ask("BridgeList", BridgeType="softmix")


async def conference_ruled(ami: Line) -> None:
    """A conference is listed, locked, and its members muted and removed."""
    await ami.open()
    for action in ("ListRooms", "List", "Mute", "Unmute", "Lock", "Unlock", "Kick"):
        await ami.ask(f"Confbridge{action}")
        await ami.ask(f"Confbridge{action}", Conference="room1", Channel="x")
    first, second = [await place(ami, Application="ConfBridge", Data="room1") for _ in range(2)]
    room = {"Conference": "room1"}
    await ami.ask("ConfbridgeListRooms")
    await ami.ask("ConfbridgeList", **room)
    await ami.ask("ConfbridgeList", Conference="other")
    for action in ("ConfbridgeMute", "ConfbridgeUnmute"):
        for headers in ({"Channel": first}, {"Channel": "x"}, {"Channel": "all"}, {}):
            await ami.ask(action, **room, **headers)
            await ami.settle()
        await ami.ask("ConfbridgeList", **room)
    await ami.ask("ConfbridgeLock", **room)
    await ami.ask("ConfbridgeListRooms")
    await ami.ask("ConfbridgeUnlock", **room)
    await ami.ask("ConfbridgeKick", **room)
    await ami.ask("ConfbridgeKick", **room, Channel=second)
    await ami.until("Hangup", Channel=second)
    await ami.settle()
    await ami.ask("ConfbridgeKick", **room, Channel="all")
    await ami.until("Hangup", Channel=first)
    await ami.settle()
    await ami.ask("ConfbridgeListRooms")


async def messages(ami: Line) -> None:
    """A message without an address, by something that sends none, or to one who is nowhere is refused."""
    await ami.open()
    await ami.ask("MessageSend")
    await ami.ask("MessageSend", To="odd:alice", Body="hello")
    for to in ("pjsip:nobody", "pjsip:alice", "PJSIP:agent1", "pjsip:alice@127.0.0.1", "pjsip:agent1"):
        await ami.ask("MessageSend", To=to, Body="hello")
    await ami.ask("MessageSend", To="pjsip:agent1")
    await ami.ask("MessageSend", Destination="pjsip:agent1")


async def telephones(ami: Line) -> None:
    """Endpoints and addresses of record are those of the file; nobody has registered."""
    await ami.open(events="off")
    for what in ("Endpoints", "Aors", "Contacts", "RegistrationInboundContactStatuses"):
        await ami.ask(f"PJSIPShow{what}")


async def conference_left(ami: Line) -> None:
    """One is sent elsewhere from a conference; to be bridged with another call nobody is let go."""
    await ami.open()
    first, second = [far(await place(ami, "conference")) for _ in range(2)]
    await ami.ask("Redirect", Channel=first, Context="elsewhere", Exten="target", Priority="1")
    await ami.until("BridgeLeave", Channel=first)
    await ami.settle(0.8)
    other = await place(ami)
    await ami.ask("Bridge", Channel1=second, Channel2=other, Tone="no")
    await ami.settle()
    await ami.ask("Bridge", Channel1=other, Channel2=second, Tone="no")
    await ami.settle()
    await ami.ask("CoreShowChannels")
    await ami.ask("BridgeList", BridgeType="softmix")
    await hang_up(ami)


async def dialled_and_sent_away(ami: Line) -> None:
    """One who talks to whom he dialled is sent elsewhere, and the other is left alone."""
    await ami.open()
    channel = far(await place(ami, "walk"))
    await ami.settle(0.8)
    await ami.ask("Redirect", Channel=channel, Context="elsewhere", Exten="target", Priority="1")
    await ami.until("BridgeLeave", Channel=channel)
    await ami.settle(0.8)
    await hang_up(ami)


async def held(ami: Line) -> None:
    """Those who wait in a holding bridge remain calls of their own; who is bridged out of it becomes one with another."""
    await ami.open()
    first, second = [await place(ami, Application="BridgeWait", Data="") for _ in range(2)]
    await ami.ask("CoreShowChannels")
    third = await place(ami)
    await bridge(ami, third, second)
    await ami.ask("CoreShowChannels")
    for channel in (first, second, third):
        await ami.ask("Hangup", Channel=channel)
        await ami.until("Hangup", Channel=far(channel))
        await ami.settle()


async def parked_together(ami: Line) -> None:
    """Calls in the same parking lot remain calls of their own."""
    await ami.open()
    channels = [await place(ami), await place(ami)]
    for channel in channels:
        await ami.ask("Park", Channel=channel, Timeout="20000")
        await ami.until("ParkedCall")
        await ami.settle()
    await ami.ask("CoreShowChannels")
    for channel in channels:
        await ami.ask("Hangup", Channel=channel)
        await ami.until("Hangup", Channel=far(channel))
        await ami.settle()


async def linked(ami: Line) -> None:
    """Who was bridged keeps the older Linkedid, and hands it on to whoever is bridged with him next."""
    await ami.open()
    first, second, third = [await place(ami) for _ in range(3)]
    await bridge(ami, third, first)
    await ami.ask("CoreShowChannels")
    await bridge(ami, second, third)
    await ami.ask("CoreShowChannels")
    await ami.ask("Hangup", Channel=second)
    await ami.until("Hangup", Channel=second)
    await ami.settle()
    await hang_up(ami)


async def recorded(ami: Line) -> None:
    """Calls are recorded, muted, sent tones and text."""
    await ami.open()
    channel = await place(ami)
    await ami.ask("Monitor", Channel=channel, File="story", Format="wav", Mix="true")
    await ami.ask("ChangeMonitor", Channel=channel, File="story-2")
    await ami.ask("PauseMonitor", Channel=channel)
    await ami.ask("UnpauseMonitor", Channel=channel)
    await ami.ask("StopMonitor", Channel=channel)
    await ami.ask("StopMonitor", Channel="None/1")
    await ami.ask("MuteAudio", Channel=channel, Direction="in", State="on")
    await ami.ask("MuteAudio", Channel="None/1", Direction="in", State="on")
    await ami.ask("MuteAudio", Channel=channel, Direction="up", State="on")
    await ami.ask("SendText", Channel=channel, Message="hello")
    await ami.ask("SendText", Channel="None/1", Message="hello")
    await ami.ask("SendText", Channel=channel)
    await ami.ask("AbsoluteTimeout", Channel="None/1", Timeout="3")
    await ami.ask("AbsoluteTimeout", Channel=channel)
    await ami.ask("AbsoluteTimeout", Channel=channel, Timeout="30")
    await ami.settle()
    await ami.ask("PlayDTMF", Channel=far(channel), Digit="5", Duration="120")
    await ami.until("DTMFEnd", Digit="5")
    await ami.ask("PlayDTMF", Channel="None/1", Digit="5")
    await ami.ask("PlayDTMF", Channel=channel)
    await ami.settle()
    await hang_up(ami)


async def mixed(ami: Line) -> None:
    """A mixed recording is muted in one direction."""
    await ami.open()
    channel = far(await place(ami, "mixmonitor"))
    for state in ("1", "0"):
        await ami.ask("MixMonitorMute", Channel=channel, Direction="read", State=state)
    await ami.ask("MixMonitorMute", Channel=channel)
    await ami.ask("MixMonitorMute", Channel=channel, Direction="sideways", State="1")
    await ami.ask("MixMonitorMute", Channel="None/1", Direction="read", State="1")
    await ami.settle()
    await hang_up(ami)


async def mixed_by_hand(ami: Line) -> None:
    """A call is recorded and left alone again by actions."""
    await ami.open()
    channel = await place(ami)
    await ami.ask("StopMixMonitor", Channel=channel)
    await ami.ask("MixMonitor", Channel=channel, File="story.wav")
    # Asterisk 13 does not tell of the start.
    await ami.until("VarSet", Channel=channel, Variable="MIXMONITOR_FILENAME")
    await ami.ask("StopMixMonitor", Channel=channel, MixMonitorID="none")
    await ami.ask("StopMixMonitor", Channel=channel)
    await ami.settle()
    for name in ("MixMonitor", "StopMixMonitor"):
        await ami.ask(name)
        await ami.ask(name, Channel="None/1")
    await ami.ask("MixMonitor", Channel=channel)
    await ami.settle()
    await hang_up(ami)


async def blindly_transferred(ami: Line) -> None:
    """One of two who talk sends the other to an extension, and goes on alone."""
    await ami.open()
    first = await place(ami)
    second = await place(ami)
    await ami.ask("BlindTransfer")
    await ami.ask("BlindTransfer", Channel="None/1")
    await ami.ask("BlindTransfer", Channel="None/1", Exten="target")
    await ami.ask("BlindTransfer", Channel=first, Exten="target", Context="elsewhere")
    await bridge(ami, first, second)
    await ami.ask("BlindTransfer", Channel=first, Exten="target", Context="elsewhere")
    await ami.until("BridgeDestroy")
    await ami.settle(0.8)
    await ami.ask("CoreShowChannels")
    await hang_up(ami)


async def _connect(ami: Line, options: str) -> str:
    """Let a channel with sound dial another, and return it once they talk."""
    told = {"Application": "Dial", "Data": f"Local/wait@test/n,20{options}", "Async": "true"}
    await ami.ask("Originate", Channel="Local/music@test/n", **told)
    channel = dict(await ami.until("OriginateResponse"))["Channel"]
    await ami.settle(0.8)
    return channel


async def _end(ami: Line, channel: str) -> None:
    """End a call at one end, and wait until the other has gone."""
    await ami.ask("Hangup", Channel=channel)
    await ami.until("BridgeDestroy")
    await ami.settle()


async def attended(ami: Line) -> None:
    """One who may asks back, and hangs up: the other two talk."""
    await ami.open()
    for action in ("Atxfer", "CancelAtxfer"):
        await ami.ask(action)
        await ami.ask(action, Channel="None/1")
        await ami.ask(action, Channel="None/1", Exten="100")
    channel = await _connect(ami, ",T")
    await ami.ask("Atxfer", Channel=channel, Exten="100", Context="elsewhere")
    peer = dict(await ami.until("MusicOnHoldStart", Channel="Local/wait"))["Channel"]
    await ami.until("BridgeEnter", Channel=channel)
    await ami.settle(0.8)
    await ami.ask("CoreShowChannels")
    await ami.ask("Hangup", Channel=channel)
    await ami.until("AttendedTransfer")
    await ami.settle()
    await ami.ask("CoreShowChannels")
    await ami.ask("BridgeList")
    await _end(ami, peer)


async def attended_in_vain(ami: Line) -> None:
    """One who may not presses digits that the other hears."""
    await ami.open()
    channel = await _connect(ami, "")
    await ami.ask("Atxfer", Channel=channel, Exten="100", Context="elsewhere")
    for digit in "*2100":
        await ami.until("DTMFEnd", Channel="Local/wait", Direction="Received", Digit=digit)
    await ami.ask("CancelAtxfer", Channel=channel)
    for digit in "*1":
        await ami.until("DTMFEnd", Channel="Local/wait", Direction="Received", Digit=digit)
    await _end(ami, channel)


async def attended_taken_back(ami: Line) -> None:
    """One who has asked back talks with the first one again."""
    await ami.open()
    channel = await _connect(ami, ",T")
    await ami.ask("Atxfer", Channel=channel, Exten="100", Context="elsewhere")
    await ami.until("MusicOnHoldStart", Channel="Local/wait")
    await ami.until("BridgeEnter", Channel=channel)
    await ami.settle(0.8)
    await ami.ask("CancelAtxfer", Channel=channel)
    await ami.until("Unhold")
    await ami.settle(0.8)
    await _end(ami, channel)


async def records(ami: Line) -> None:
    """Who calls has a record, and who is called by nobody; it says whom they were connected with, and what they did last."""
    ami.also.add("Cdr")
    await ami.open()
    told = {"CallerID": '"Ada" <100>', "Account": "acc", "Async": "true"}

    async def call(channel: str, cdrs: int, **what: str) -> None:
        await ami.ask("Originate", Channel=f"Local/{channel}@test/n", **told, **what)
        for _ in range(cdrs):
            await ami.until("Cdr")
        await ami.settle()

    await call("short", 2, Application="Wait", Data="600")
    await call("busy", 2, Application="Wait", Data="600")
    await call("reject", 2, Application="Wait", Data="600")
    await call("dial", 3, Application="Wait", Data="600")
    await call("wait", 4, Application="Dial", Data="Local/short@test/n,20")
    await call("short", 2, Context="test", Exten="reject", Priority="1")
    first, second = [await place(ami) for _ in range(2)]
    await ami.ask("Setvar", Channel=first, Variable="CDR(userfield)", Value="mine")
    await bridge(ami, first, second)
    await _end(ami, first)
    await ami.ask("Hangup", Channel=second)
    await ami.settle(0.8)


async def timed_out(ami: Line) -> None:
    """A call with a time limit is ended when it is over."""
    await ami.open()
    channel = await place(ami)
    await ami.ask("AbsoluteTimeout", Channel=channel, Timeout="0.3")
    await ami.until("Hangup", Channel=far(channel))
    await ami.settle()


async def agi(ami: Line) -> None:
    """A program takes over a call by AGI commands, and gives it back."""
    await ami.open()
    channel = far(await place(ami, "agi"))
    await ami.until("AsyncAGIStart")
    for command in ("ANSWER", "SET VARIABLE X one+two%20", "GET VARIABLE X", "GET VARIABLE NONE", "NO SUCH THING"):
        await ami.ask("AGI", Channel=channel, Command=command, CommandID=command.lower())
        await ami.until("AsyncAGIExec")
    await ami.ask("AGI", Channel="None/1", Command="ANSWER")
    await ami.ask("AGI", Channel=far(channel), Command="ANSWER")
    await ami.ask("AGI", Channel=channel)
    await ami.ask("AGI", Channel=channel, Command="ASYNCAGI BREAK")
    await ami.until("UserEvent")
    await ami.settle()
    await hang_up(ami)


async def agi_words(ami: Line) -> None:
    """Words of AGI commands may be quoted; functions, unknown applications and wrong numbers of words have their answers."""
    await ami.open()
    channel = far(await place(ami, "agi"))
    await ami.until("AsyncAGIStart")
    for number, command in enumerate(
        (
            'SET VARIABLE "X" "one \\"two\\" \\\\ three"',
            'get variable "X"',
            'GET VARIABLE "CHANNEL(language)"',
            'GET FULL VARIABLE "<${X}> ${NONE}"',
            'EXEC "NoOp" "a,b"',
            'EXEC "NoSuchApplication" "x"',
            "CHANNEL STATUS",
            'WAIT FOR DIGIT "100"',
            'NOOP "x"',
        )
    ):
        await ami.ask("AGI", Channel=channel, Command=command, CommandID=str(number))
        await ami.until("AsyncAGIExec")
    await ami.settle()
    await hang_up(ami)


async def agi_is_cut(ami: Line) -> None:
    """AsyncAGI reads 1,024 bytes of an answer, and the rest before the next one; Getvar gives 1,023 of a value."""
    await ami.open()
    channel = far(await place(ami, "agi"))
    await ami.until("AsyncAGIStart")
    for name, value in (("TEN", "0123456789"), ("HUNDRED", "0123456789" * 10)):
        await ami.ask("Setvar", Channel=channel, Variable=name, Value=value)
    long = "${HUNDRED}" * 10
    for number, command in enumerate(
        (f"{long}xxxxxxxx", f"{long}xxxxxxxxx", "x", f"{long}{long}{long}", "x", "x", "x", "x")
    ):
        text = f'GET FULL VARIABLE "{command}"'
        await ami.ask("AGI", Channel=channel, Command=text, CommandID=str(number))
        await ami.until("AsyncAGIExec")
    await ami.settle()
    await hang_up(ami)


async def agi_digits(ami: Line) -> None:
    """Digits end commands of AGI, and so does a stop; a command that takes them says how it ended."""
    await ami.open()
    channel = far(await place(ami, "agi"))
    await ami.until("AsyncAGIStart")
    for number, (command, keys) in enumerate(
        (
            ("WAIT FOR DIGIT -1", "5"),
            ("WAIT FOR DIGIT -1", "*"),
            ('GET DATA "" 3000 2', "12"),
            ('GET DATA "" 3000 5', "3#"),
            ('GET DATA "" 500 5', ""),
            ('SAY DIGITS 123456789 "#"', "4#"),
        )
    ):
        await ami.ask("AGI", Channel=channel, Command=command, CommandID=str(number))
        await ami.until("AGIExecStart")
        for key in keys:
            await ami.settle()
            await ami.ask("PlayDTMF", Channel=channel, Digit=key, Receive="true")
        await ami.until("AsyncAGIExec")
    await ami.ask("AGI", Channel=channel, Command="WAIT FOR DIGIT -1", CommandID="last")
    await ami.until("AGIExecStart")
    for channel_name, control in ((channel, "odd"), (channel, ""), ("", "stop"), ("None/1", "stop"), (channel, "stop")):
        await ami.ask("ControlPlayback", Channel=channel_name, Control=control)
    await ami.until("AsyncAGIExec")
    await ami.settle()
    await hang_up(ami)


async def agi_is_hung_up(ami: Line) -> None:
    """A hang-up ends the command that runs, and AsyncAGI; what waits behind has no result."""
    await ami.open()
    for command in ("WAIT FOR DIGIT -1", "EXEC Wait 20"):
        channel = far(await place(ami, "agi"))
        await ami.until("AsyncAGIStart")
        await ami.ask("AGI", Channel=channel, Command=command, CommandID="1")
        await ami.ask("AGI", Channel=channel, Command="NOOP", CommandID="2")
        await ami.until("AGIExecStart")
        await ami.settle()
        await hang_up(ami)


async def fastagi(ami: Line) -> None:
    """A server over TCP steers a call; commands come in pieces, two at a time, too long, and wrong."""
    await ami.open()
    program = Program(ami)
    await program.called()
    for command in (
        "NOOP",
        "no such thing",
        "",
        "   ",
        "GET VARIABLE",
        'SET VARIABLE X "one two"',
        "get variable X",
        "CHANNEL STATUS",
    ):
        await program.tells(f"{command}\n")
    await program.tells("NOOP\nGET VARIABLE X\n")
    await program.tells("", 0)
    await program.tells("GET VARIABLE NONE\n", 2)
    await program.tells("GET VARI", 0)
    await program.tells("ABLE X\n")
    await program.tells(f'SET VARIABLE BIG "{"v" * 2028}"\n', 0)
    await program.tells("GET FULL VARIABLE <${X}>\n", 0)
    await program.tells("NOOP\n", 0)
    await program.closes()
    await ami.until("UserEvent")
    await hang_up(ami)


async def fastagi_interrupted(ami: Line) -> None:
    """A command that comes while another one runs ends some of them, without an answer, and waits for others."""
    await ami.open()
    program = Program(ami)
    await program.called()
    for command, answers in (("WAIT FOR DIGIT -1", 2), ('GET DATA "" 5000 4', 1), ("EXEC Wait 2", 2)):
        await program.tells(f"{command}\n", 0)
        await program.tells("GET VARIABLE NONE\n", answers)
    await program.tells("RECEIVE CHAR 100\n")
    await program.closes()
    await ami.until("UserEvent")
    await hang_up(ami)


async def fastagi_hung_up(ami: Line) -> None:
    """A hang-up ends the command that runs; then some commands are answered until the server closes the connection."""
    await ami.open()
    program = Program(ami)
    channel = await program.called()
    await program.tells("WAIT FOR DIGIT -1\n", 0)
    await ami.ask("Hangup", Channel=channel)
    await program.hears(2)
    for command in (
        "NOOP",
        "ANSWER",
        "GET VARIABLE CHANNEL(language)",
        "SET VARIABLE A b",
        "WAIT FOR DIGIT 100",
        "EXEC NoOp x",
        "HANGUP",
    ):
        await program.tells(f"{command}\n")
    await program.closes()
    await ami.until("Hangup", Channel=channel)
    await ami.settle()


async def fastagi_hung_up_idle(ami: Line) -> None:
    """A hang-up while no command runs is told by itself."""
    await ami.open()
    program = Program(ami)
    channel = await program.called()
    await program.tells("NOOP\n")
    await ami.ask("Hangup", Channel=channel)
    await program.hears(1)
    await program.tells("CHANNEL STATUS\n")
    await program.closes()
    await ami.until("Hangup", Channel=channel)
    await ami.settle()


async def fastagi_exits(ami: Line) -> None:
    """Variables of the dialplan have a hang-up end the connection at once, or keep it quiet."""
    await ami.open()
    for before, answers in (("Set(AGIEXITONHANGUP=yes)", 2), ("Set(AGISIGHUP=no)", 0)):
        program = Program(ami)
        channel = await program.called(before=before)
        await ami.ask("Hangup", Channel=channel)
        await program.hears(answers)
        await program.closes()
        await ami.until("Hangup", Channel=channel)
        await ami.settle()


async def fastagi_redirected(ami: Line) -> None:
    """A redirected channel looks hung up to its program, and goes on when that has closed the connection."""
    await ami.open()
    program = Program(ami)
    channel = await program.called()
    await program.tells("NOOP\n")
    await ami.ask("Redirect", Channel=channel, Context="elsewhere", Exten="target", Priority="1")
    await program.hears(1)
    await program.tells("CHANNEL STATUS\n")
    await program.tells("GET FULL VARIABLE ${CONTEXT},${EXTEN}\n")
    await program.closes()
    await ami.until("Newexten", Channel=channel, Context="elsewhere")
    await hang_up(ami)


async def from_the_dialplan(ami: Line) -> None:
    """The dialplan tells a user event, and sets variables that are seen in every event of the call."""
    await ami.open()
    await ami.ask("Originate", Channel="Local/user@test/n", Application="Wait", Data="600", Async="true")
    await ami.until("Hangup")
    await ami.settle()
    await place(ami, "vars")
    await hang_up(ami)


async def through_the_dialplan(ami: Line) -> None:
    """A call jumps, sets what is inherited, reads what was stored, and dials on."""
    await ami.open()
    told = {"Application": "Wait", "Data": "600", "Async": "true", "CallerID": '"Ada" <555>'}
    await ami.ask("Originate", Channel="Local/walk@test/n", **told)
    channel = dict(await ami.until("OriginateResponse"))["Channel"]
    await ami.until("BridgeEnter", Channel=far(channel))
    await ami.settle(0.8)
    await ami.ask("Getvar", Variable="WALKED")
    await ami.ask("Command", Command="database get walk place")
    await ami.ask("Hangup", Channel=channel)
    await ami.until("BridgeDestroy")
    await ami.settle()


async def sip(ami: Line) -> None:
    """The actions of chan_sip, which Asterisk has until 20."""
    await ami.open(events="off")
    await ami.ask("SIPpeers")
    await ami.ask("SIPshowpeer", Peer="alice")
    await ami.ask("SIPshowpeer", Peer="trunk")
    await ami.ask("SIPshowpeer", Peer="none")
    await ami.ask("SIPshowpeer")
    await ami.ask("SIPshowregistry")
    await ami.ask("SIPqualifypeer", Peer="none")
    await ami.ask("SIPnotify", Channel="trunk", Variable="Event=check-sync")
    await ami.ask("SIPnotify")


async def waited_for(ami: Line) -> None:
    """WaitEvent gives back the events that come while it waits, or its end."""
    await ami.open(events="user")
    await ami.ask("WaitEvent", Timeout="1")
    waiting = asyncio.ensure_future(ami.ask("WaitEvent", Timeout="30"))
    other = await ami.another("admin", "off")
    await other.ask("UserEvent", UserEvent="Awaited")
    await waiting
    await ami.settle()


STORIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        *(
            session,
            refused,
            limits,
            masks,
            filters,
            advanced_filters,
            permissions,
            rights_shown,
            user_events,
            waited_for,
        ),
        *(database, config_files, variables, states, mailboxes, modules, commands, sip),
        *(
            answered,
            into_the_dialplan,
            unanswered,
            waiting_for_the_answer,
            dialled,
            dialled_in_vain,
            bridged,
            introduced,
            bridged_in_the_dialplan,
            transferred,
            redirected,
            timed_out,
        ),
        *(
            parked,
            fetched,
            parked_by_the_dialplan,
            parked_too_long,
            queue_members,
            queued,
            queue_answered,
            queue_left,
            queue_unanswered,
            queue_talked_to,
            queue_parked,
            queue_sent_elsewhere,
            queue_ringing,
        ),
        *(
            dialled_and_sent_away,
            conference,
            conference_left,
            conference_ruled,
            messages,
            telephones,
            held,
            parked_together,
            linked,
        ),
        *(
            recorded,
            mixed,
            mixed_by_hand,
            blindly_transferred,
            records,
            attended,
            attended_in_vain,
            attended_taken_back,
            agi,
            agi_words,
            agi_is_cut,
            agi_digits,
            agi_is_hung_up,
            fastagi,
            fastagi_interrupted,
            fastagi_hung_up,
            fastagi_hung_up_idle,
            fastagi_exits,
            fastagi_redirected,
            from_the_dialplan,
            through_the_dialplan,
        ),
    )
}
