"""What a fake Asterisk knows: channels and calls, a queue, variables, the database, files, extensions."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, Union

__all__ = ["Answer", "Channel", "Model", "error", "success"]

Pairs = list[tuple[str, str]]
Answer = Union[dict[str, str], Pairs, list[Union[dict[str, str], Pairs]], None]

_STATES: Final = {0: "Down", 3: "Dialing", 4: "Ring", 5: "Ringing", 6: "Up"}
_CAUSES: Final = {
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    34: "Circuit/channel congestion",
}
_COMMANDS: Final = {
    "core show version": ["Asterisk 22.0.0 (aioami.testing.FakeAsterisk)"],
    "core show uptime": ["System uptime: 1 minute", "Last reload: 1 minute"],
}
_SYNOPSES: Final = {
    "Challenge": "Generate Challenge for MD5 Auth.  (Priv: <none>)",
    "Command": "Execute Asterisk CLI Command.  (Priv: command,all)",
    "CoreShowChannels": "List currently active channels.  (Priv: system,reporting,all)",
    "Events": "Control Event Flow.  (Priv: <none>)",
    "Hangup": "Hangup channel.  (Priv: system,call,all)",
    "ListCommands": "List available manager commands.  (Priv: <none>)",
    "Login": "Login Manager.  (Priv: <none>)",
    "Logoff": "Logoff Manager.  (Priv: <none>)",
    "Originate": "Originate a call.  (Priv: originate,all)",
    "Ping": "Keepalive command.  (Priv: <none>)",
    "QueueStatus": "Show queue status.  (Priv: <none>)",
}


class _Send(Protocol):
    def __call__(self, name: str, headers: Pairs = ..., *, privilege: str | None = ...) -> None: ...


@dataclass
class Channel:
    """A channel of the model."""

    name: str
    uniqueid: str
    linkedid: str
    context: str = "default"
    exten: str = "s"
    state: int = 0
    caller: tuple[str, str] = ("", "")
    account: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    cause: int = 16

    def snapshot(self) -> Pairs:
        """The headers with which events describe it."""
        return [
            ("Channel", self.name),
            ("ChannelState", str(self.state)),
            ("ChannelStateDesc", _STATES[self.state]),
            ("CallerIDNum", self.caller[1] or "<unknown>"),
            ("CallerIDName", self.caller[0] or "<unknown>"),
            ("ConnectedLineNum", "<unknown>"),
            ("ConnectedLineName", "<unknown>"),
            ("Language", "en"),
            ("AccountCode", self.account),
            ("Context", self.context),
            ("Exten", self.exten),
            ("Priority", "1"),
            ("Uniqueid", self.uniqueid),
            ("Linkedid", self.linkedid),
        ]


class Model:
    """Answers actions, and makes the events that follow from them.

    Args:
        send: sends an event to the clients.
        later: runs a coroutine beside the answer.
        answer_seconds, talk_seconds: how long a call rings and lasts.

    Attributes:
        channels: by name.
        variables: the global ones.
        database: values by family and key.
        files: categories of each configuration file, with their lines.
        members: of the queue `support`, by interface.
        hints: status and hint of `extension@context`.
    """

    def __init__(
        self, send: _Send, later: Callable[[Awaitable[None]], None], *, answer_seconds: float, talk_seconds: float
    ) -> None:
        self._send = send
        self._later = later
        self._answer_seconds = answer_seconds
        self._talk_seconds = talk_seconds
        self._numbers = itertools.count(1)
        self.channels: dict[str, Channel] = {}
        self.variables: dict[str, str] = {}
        self.database: dict[tuple[str, str], str] = {}
        self.files: dict[str, dict[str, list[tuple[str, str]]]] = {
            "queues.conf": {"general": [("autofill", "yes")], "support": [("strategy", "ringall")]}
        }
        self.members: dict[str, dict[str, str]] = {"PJSIP/agent1": {"Name": "Agent One", "Penalty": "0", "Paused": "0"}}
        self.hints: dict[str, tuple[int, str, str]] = {"100@default": (0, "PJSIP/100", "Idle")}

    async def answer(
        self,
        name: str,
        get: Callable[[str], str | None],
        getall: Callable[[str], list[str]],
        headers: Pairs,
    ) -> Answer:
        """The answer to an action; `None` if the model does not know it."""
        if name.lower() == "originate":
            return await self._originate(get, getall)
        if name.lower() == "userevent":
            return self._user_event(headers)
        handler = _HANDLERS.get(name.lower())
        return None if handler is None else handler(self, lambda header: get(header) or "")

    def command(self, text: str) -> tuple[bool, list[str]]:
        """Whether a CLI command is known, and its output."""
        if text == "core show channels":
            count = len(self.channels)
            return True, ["Channel", *self.channels, f"{count} active channels", f"{count} active calls"]
        if text in _COMMANDS:
            return True, _COMMANDS[text]
        return False, [f"No such command '{text}' (type 'core show help {text}' for other possible commands)"]

    # Simple ones

    def _ping(self, get: Callable[[str], str]) -> Answer:
        return {"Response": "Success", "Ping": "Pong", "Timestamp": f"{time.time():.6f}"}

    def _list_commands(self, get: Callable[[str], str]) -> Answer:
        return {"Response": "Success", **_SYNOPSES}

    def _getvar(self, get: Callable[[str], str]) -> Answer:
        variables: Mapping[str, str] = self.variables
        if get("Channel"):
            channel = self.channels.get(get("Channel"))
            if channel is None:
                return error("No such channel")
            variables = channel.variables
        if not get("Variable"):
            return error("No variable specified")
        return {"Response": "Success", "Variable": get("Variable"), "Value": variables.get(get("Variable"), "")}

    def _setvar(self, get: Callable[[str], str]) -> Answer:
        variables, snapshot = self.variables, [("Channel", "none"), ("Uniqueid", "none")]
        if get("Channel"):
            channel = self.channels.get(get("Channel"))
            if channel is None:
                return error("No such channel")
            variables, snapshot = channel.variables, channel.snapshot()
        if not get("Variable"):
            return error("No variable specified")
        variables[get("Variable")] = get("Value")
        self._send(
            "VarSet", [*snapshot, ("Variable", get("Variable")), ("Value", get("Value"))], privilege="dialplan,all"
        )
        return success("Variable Set")

    def _db_put(self, get: Callable[[str], str]) -> Answer:
        if not get("Family"):
            return error("No family specified")
        if not get("Key"):
            return error("No key specified")
        self.database[get("Family"), get("Key")] = get("Val")
        return success("Updated database successfully")

    def _db_get(self, get: Callable[[str], str]) -> Answer:
        value = self.database.get((get("Family"), get("Key")))
        if value is None:
            return error("Database entry not found")
        item = {"Event": "DBGetResponse", "Family": get("Family"), "Key": get("Key"), "Val": value}
        return _listed("Result will follow", [item], "DBGetComplete")

    def _db_del(self, get: Callable[[str], str]) -> Answer:
        if self.database.pop((get("Family"), get("Key")), None) is None:
            return error("Database entry could not be deleted")
        return success("Key deleted successfully")

    def _db_del_tree(self, get: Callable[[str], str]) -> Answer:
        family, key = get("Family"), get("Key")
        found = [
            entry
            for entry in self.database
            if entry[0] == family and f"{entry[1]}/".startswith(f"{key}/" if key else "")
        ]
        for entry in found:
            del self.database[entry]
        return success("Key tree deleted successfully") if found else error("Database entry not found")

    def _get_config(self, get: Callable[[str], str]) -> Answer:
        file = self.files.get(get("Filename"))
        if file is None:
            return error("Config file not found" if get("Filename") else "Filename not specified")
        pairs: Pairs = [("Response", "Success")]
        for number, (category, lines) in enumerate(file.items()):
            pairs.append((f"Category-{number:06}", category))
            pairs += [(f"Line-{number:06}-{n:06}", f"{name}={value}") for n, (name, value) in enumerate(lines)]
        return pairs

    def _list_categories(self, get: Callable[[str], str]) -> Answer:
        file = self.files.get(get("Filename"))
        if file is None:
            return error("Config file not found" if get("Filename") else "Filename not specified")
        return [("Response", "Success"), *((f"Category-{n:06}", name) for n, name in enumerate(file))]

    def _extension_state(self, get: Callable[[str], str]) -> Answer:
        status, hint, text = self.hints.get(f"{get('Exten')}@{get('Context')}", (-1, "", "Unknown"))
        return {
            "Response": "Success",
            "Message": "Extension Status",
            "Exten": get("Exten"),
            "Context": get("Context"),
            "Hint": hint,
            "Status": str(status),
            "StatusText": text,
        }

    def _mailbox_count(self, get: Callable[[str], str]) -> Answer:
        if not get("Mailbox"):
            return error("Mailbox not specified")
        counts = {"UrgMessages": "0", "NewMessages": "0", "OldMessages": "0"}
        return {"Response": "Success", "Message": "Mailbox Message Count", "Mailbox": get("Mailbox"), **counts}

    def _mailbox_status(self, get: Callable[[str], str]) -> Answer:
        if not get("Mailbox"):
            return error("Mailbox not specified")
        return {"Response": "Success", "Message": "Mailbox Status", "Mailbox": get("Mailbox"), "Waiting": "0"}

    def _user_event(self, headers: Pairs) -> Answer:
        """The event goes out behind the answer, with the lines of the action."""
        name = next((value for key, value in headers if key.lower() == "userevent"), None)
        if not name:
            return error("Event name not specified")
        own = [(key, value) for key, value in headers if key.lower() not in ("action", "userevent")]
        asyncio.get_running_loop().call_soon(
            lambda: self._send("UserEvent", [("UserEvent", name), *own], privilege="user,all")
        )
        return success("Event Sent")

    # Queues

    def _queue_status(self, get: Callable[[str], str]) -> Answer:
        items: list[dict[str, str] | Pairs] = []
        if get("Queue") in ("", "support"):
            figures = {"Max": "0", "Strategy": "ringall", "Calls": "0", "Holdtime": "0", "TalkTime": "0"}
            counts = {"Completed": "0", "Abandoned": "0", "ServiceLevel": "0", "ServicelevelPerf": "0.0", "Weight": "0"}
            items.append({"Event": "QueueParams", "Queue": "support", **figures, **counts})
            items += [
                {"Event": "QueueMember", "Queue": "support", "Name": member["Name"], "Location": interface}
                | {"Penalty": member["Penalty"], "CallsTaken": "0", "Status": "1", "Paused": member["Paused"]}
                for interface, member in self.members.items()
            ]
        return _listed("Queue status will follow", items, "QueueStatusComplete")

    def _queue_summary(self, get: Callable[[str], str]) -> Answer:
        count = str(len(self.members))
        items: list[dict[str, str] | Pairs] = [
            {"Event": "QueueSummary", "Queue": "support", "LoggedIn": count, "Available": count, "Callers": "0"}
            | {"HoldTime": "0", "TalkTime": "0", "LongestHoldTime": "0"}
        ]
        return _listed(
            "Queue summary will follow", items if get("Queue") in ("", "support") else [], "QueueSummaryComplete"
        )

    def _queue_add(self, get: Callable[[str], str]) -> Answer:
        if get("Queue") != "support":
            return error("Unable to add interface to queue: No such queue")
        if get("Interface") in self.members:
            return error("Unable to add interface: Already there")
        paused = "1" if get("Paused") in ("yes", "true", "1") else "0"
        name = get("MemberName") or get("Interface")
        self.members[get("Interface")] = {"Name": name, "Penalty": get("Penalty") or "0", "Paused": paused}
        self._member_event("QueueMemberAdded", get("Interface"))
        return success("Added interface to queue")

    def _queue_remove(self, get: Callable[[str], str]) -> Answer:
        if get("Queue") != "support":
            return error("Unable to remove interface from queue: No such queue")
        if get("Interface") not in self.members:
            return error("Unable to remove interface: Not there")
        self._member_event("QueueMemberRemoved", get("Interface"))
        del self.members[get("Interface")]
        return success("Removed interface from queue")

    def _queue_pause(self, get: Callable[[str], str]) -> Answer:
        member = self.members.get(get("Interface"))
        if member is None:
            return error("Interface not found")
        paused = get("Paused") in ("yes", "true", "1")
        member["Paused"] = "1" if paused else "0"
        self._member_event("QueueMemberPause", get("Interface"))
        return success(f"Interface {'paused' if paused else 'unpaused'} successfully")

    def _member_event(self, name: str, interface: str) -> None:
        member = self.members[interface]
        own = [("Queue", "support"), ("MemberName", member["Name"]), ("Interface", interface)]
        own += [("StateInterface", interface), ("Membership", "dynamic"), ("Penalty", member["Penalty"])]
        self._send(
            name, [*own, ("CallsTaken", "0"), ("Status", "1"), ("Paused", member["Paused"])], privilege="agent,all"
        )

    # Calls

    def _core_show_channels(self, get: Callable[[str], str]) -> Answer:
        items: list[dict[str, str] | Pairs] = [
            [("Event", "CoreShowChannel"), *channel.snapshot(), ("Duration", "00:00:01"), ("BridgeId", "")]
            for channel in self.channels.values()
        ]
        return _listed("Channels will follow", items, "CoreShowChannelsComplete")

    def _status(self, get: Callable[[str], str]) -> Answer:
        wanted = get("Channel")
        if wanted and wanted not in self.channels:
            return error("No such channel")
        items: list[dict[str, str] | Pairs] = [
            [("Event", "Status"), ("Privilege", "Call"), *channel.snapshot(), ("Seconds", "1")]
            for channel in self.channels.values()
            if wanted in ("", channel.name)
        ]
        return _listed("Channel status will follow", items, "StatusComplete", Items=str(len(items)))

    def _hangup(self, get: Callable[[str], str]) -> Answer:
        channel = self.channels.get(get("Channel"))
        if channel is None:
            return error("No such channel")
        channel.cause = int(get("Cause") or 16)
        channel.gone.set()
        return success("Channel Hungup")

    async def _originate(self, get: Callable[[str], str | None], getall: Callable[[str], list[str]]) -> Answer:
        target = get("Channel")
        if not target:
            return error("Channel not specified")
        if "/" not in target:
            return error("Invalid channel")
        number = next(self._numbers)
        name, _, caller = (get("CallerID") or "").strip().rpartition("<")
        channel = Channel(
            f"{target}-{number:08x}",
            get("ChannelId") or f"fake-{number}",
            get("ChannelId") or f"fake-{number}",
            context=target.partition("@")[2] or get("Context") or "default",
            exten=target.partition("/")[2].partition("@")[0],
            caller=(name.strip(' "'), caller.rstrip(">")),
            account=get("Account") or "",
            variables=dict(_variable(item) for item in getall("Variable")),
        )
        patience = int(get("Timeout") or 30000) / 1000
        if (get("Async") or "").lower() in ("yes", "true", "y", "t", "1", "on"):
            self._later(self._call(channel, get, patience, tell=True))
            return success("Originate successfully queued")
        reason = await self._ring(channel, patience)
        if reason != 4:
            return error("Originate failed")
        self._later(self._talk(channel))
        return success("Originate successfully queued")

    async def _call(self, channel: Channel, get: Callable[[str], str | None], patience: float, *, tell: bool) -> None:
        await asyncio.sleep(0)  # the answer comes first
        reason = await self._ring(channel, patience)
        application = get("Application")
        place = (
            [("Application", application), ("Data", get("Data") or "")]
            if application
            else [("Context", get("Context") or ""), ("Exten", get("Exten") or "")]
        )
        action_id = get("ActionID")
        self._send(
            "OriginateResponse",
            [
                *([("ActionID", action_id)] if action_id else []),
                ("Response", "Success" if reason == 4 else "Failure"),
                ("Channel", channel.name if reason == 4 else get("Channel") or ""),
                *place,
                ("Reason", str(reason)),
                ("Uniqueid", channel.uniqueid if reason == 4 else "<unknown>"),
                ("CallerIDNum", channel.caller[1] or "<unknown>"),
                ("CallerIDName", channel.caller[0] or "<unknown>"),
            ],
            privilege="call,all",
        )
        if reason == 4:
            if application:
                self._send(
                    "Newexten",
                    [
                        *channel.snapshot(),
                        ("Extension", channel.exten),
                        ("Application", application),
                        ("AppData", get("Data") or ""),
                    ],
                    privilege="dialplan,all",
                )
            await self._talk(channel)

    async def _ring(self, channel: Channel, patience: float) -> int:
        """Let a channel ring, and return the reason of an OriginateResponse."""
        self.channels[channel.name] = channel
        self._send("Newchannel", channel.snapshot(), privilege="call,all")
        for variable, value in channel.variables.items():
            self._send(
                "VarSet", [*channel.snapshot(), ("Variable", variable), ("Value", value)], privilege="dialplan,all"
            )
        channel.state = 5
        self._send("Newstate", channel.snapshot(), privilege="call,all")
        for word, reason, cause in (("busy", 5, 17), ("congestion", 8, 34), ("noanswer", 3, 19)):
            if word in channel.name:
                if not await self._gone(channel, patience if word == "noanswer" else 0):
                    channel.cause = cause
                self._end(channel)
                return reason
        if await self._gone(channel, self._answer_seconds):
            self._end(channel)
            return 1
        channel.state = 6
        self._send("Newstate", channel.snapshot(), privilege="call,all")
        return 4

    async def _talk(self, channel: Channel) -> None:
        await self._gone(channel, self._talk_seconds)
        self._end(channel)

    async def _gone(self, channel: Channel, seconds: float) -> bool:
        """Whether somebody hangs the channel up within so many seconds."""
        try:
            await asyncio.wait_for(channel.gone.wait(), seconds)
        except asyncio.TimeoutError:
            return False
        return True

    def _end(self, channel: Channel) -> None:
        self.channels.pop(channel.name, None)
        cause = [("Cause", str(channel.cause)), ("Cause-txt", _CAUSES.get(channel.cause, "Unknown"))]
        self._send("Hangup", [*channel.snapshot(), *cause], privilege="call,all")


_HANDLERS: Final = {
    "ping": Model._ping,
    "listcommands": Model._list_commands,
    "getvar": Model._getvar,
    "setvar": Model._setvar,
    "dbput": Model._db_put,
    "dbget": Model._db_get,
    "dbdel": Model._db_del,
    "dbdeltree": Model._db_del_tree,
    "getconfig": Model._get_config,
    "listcategories": Model._list_categories,
    "extensionstate": Model._extension_state,
    "mailboxcount": Model._mailbox_count,
    "mailboxstatus": Model._mailbox_status,
    "queuestatus": Model._queue_status,
    "queuesummary": Model._queue_summary,
    "queueadd": Model._queue_add,
    "queueremove": Model._queue_remove,
    "queuepause": Model._queue_pause,
    "coreshowchannels": Model._core_show_channels,
    "status": Model._status,
    "hangup": Model._hangup,
}


def success(text: str) -> dict[str, str]:
    """An answer that says yes."""
    return {"Response": "Success", "Message": text}


def error(text: str) -> dict[str, str]:
    """An answer that says no."""
    return {"Response": "Error", "Message": text}


def _listed(text: str, items: list[dict[str, str] | Pairs], complete: str, **totals: str) -> Answer:
    end = {"Event": complete, "EventList": "Complete", "ListItems": str(len(items)), **totals}
    return [{"Response": "Success", "EventList": "start", "Message": text}, *items, end]


def _variable(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    plain, escaped = [], False
    for character in value:
        if character == "\\" and not escaped:
            escaped = True
            continue
        plain.append(character)
        escaped = False
    return name, "".join(plain)
