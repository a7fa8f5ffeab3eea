"""What the server sends: a synthetic stream that is the same each time, and the recorded traffic of a real, busy Asterisk."""

from __future__ import annotations

import lzma
from pathlib import Path

RECORDED = Path(__file__).parents[1] / "tests/data/busy-22.bin.xz"
NAMES = (
    "Newchannel",
    "Newstate",
    "Newexten",
    "VarSet",
    "DialBegin",
    "Hangup",
    "BridgeEnter",
    "NewCallerid",
    "Hold",
    "DTMFEnd",
)
# The last event of every stream; of this name, so that it comes to those who selected nothing else.
LAST = b"Event: Hangup\r\nPrivilege: call,all\r\nChannel: TheEnd\r\nUniqueid: 0.0\r\nCause: 16\r\n\r\n"


def synthetic(count: int = 100_000) -> list[bytes]:
    """Events of 22 headers without repetitions, of ten names; 4000 different ones."""
    different = [
        (
            f"Event: {NAMES[n % 10]}\r\nPrivilege: call,all\r\nChannel: PJSIP/peer{n % 97}-{n:08x}\r\nChannelState: 6\r\n"
            f"ChannelStateDesc: Up\r\nCallerIDNum: {1000 + n % 500}\r\nCallerIDName: Caller {n % 500}\r\n"
            f"ConnectedLineNum: {2000 + n % 500}\r\nConnectedLineName: Callee {n % 500}\r\nLanguage: en\r\nAccountCode: \r\n"
            f"Context: from-internal\r\nExten: {n % 1000}\r\nPriority: {n % 20}\r\nUniqueid: 1795413782.{n}\r\n"
            f"Linkedid: 1795413782.{n}\r\nApplication: Dial\r\nAppData: PJSIP/{n % 500},30,tT\r\nBridgeUniqueid: {n:032x}\r\n"
            f"BridgeType: basic\r\nBridgeTechnology: simple_bridge\r\nBridgeNumChannels: 2\r\n\r\n"
        ).encode()
        for n in range(4000)
    ]
    return [different[n % len(different)] for n in range(count)]


def recorded(count: int = 100_000) -> list[bytes]:
    """The events of the recording, over and over."""
    data = lzma.decompress(RECORDED.read_bytes())
    events = [event + b"\r\n\r\n" for event in data.split(b"\r\n\r\n") if event.lstrip(b"\r\n").startswith(b"Event: ")]
    return [events[n % len(events)] for n in range(count)]


# The streams of the live state end with a channel of this Uniqueid, by which one sees that all is applied.
END = "0.1"
QUEUES, MEMBERS, CALLERS, TALKERS, TELEPHONES = 50, 1_000, 1_000, 500, 2_000


def text(event: str, **headers: object) -> bytes:
    """An event with these headers."""
    lines = [f"Event: {event}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def channel(number: int) -> dict[str, object]:
    """The headers of a channel."""
    return {
        "Channel": f"PJSIP/peer{number}-{number:08x}", "ChannelState": 6, "ChannelStateDesc": "Up", "CallerIDNum": 1000 + number,
        "CallerIDName": f"Caller {number}", "ConnectedLineNum": "<unknown>", "ConnectedLineName": "<unknown>", "Language": "en",
        "AccountCode": "", "Context": "from-internal", "Exten": 100, "Priority": 2, "Uniqueid": f"1795413782.{number}",
        "Linkedid": f"1795413782.{number}",
    }  # fmt: skip


def member(number: int, status: int) -> dict[str, object]:
    """The headers of a member of a queue."""
    return {
        "StateInterface": f"PJSIP/agent{number}", "Membership": "static", "Penalty": 0, "CallsTaken": 0, "LastCall": 0,
        "LastPause": 0, "LoginTime": 1795413782, "InCall": 0, "Status": status, "Paused": 0, "PausedReason": "",
        "Ringinuse": 0, "Wrapuptime": 0,
    }  # fmt: skip


def bridge(members: int) -> dict[str, object]:
    """The headers of a conference's bridge."""
    return {
        "BridgeUniqueid": f"{7:032x}", "BridgeType": "base", "BridgeTechnology": "softmix", "BridgeCreator": "ConfBridge",
        "BridgeName": "all", "BridgeNumChannels": members, "BridgeVideoSourceMode": "none",
    }  # fmt: skip


def _ended(events: list[bytes]) -> list[bytes]:
    return [*events, text("Newchannel", Privilege="call,all", **channel(0) | {"Uniqueid": END, "Linkedid": END})]


def members(count: int) -> list[bytes]:
    """The devices of members of fifty queues change, one after the other."""
    different = [
        text("QueueMemberStatus", Privilege="agent,all", Queue=f"queue{queue}", MemberName=f"Agent {number}",
              Interface=f"PJSIP/agent{number}", **member(number, 1 + number % 2))
        for number in range(100)
        for queue in range(QUEUES)
    ]  # fmt: skip
    return _ended([different[n % len(different)] for n in range(count)])


def leaves(count: int) -> list[bytes]:
    """Callers leave a queue of a thousand at its head, and others come."""
    events = []
    for n in range(count // 2):
        place = {"Privilege": "agent,all", "Queue": "queue0"}
        events.append(text("QueueCallerLeave", **place, **channel(n), Position=1, Count=CALLERS - 1))
        events.append(text("QueueCallerJoin", **place, **channel(n + CALLERS), Position=CALLERS, Count=CALLERS))
    return _ended(events)


def conference(count: int) -> list[bytes]:
    """Those in a conference of five hundred leave, and come again."""
    events = []
    for n in range(count // 2):
        about = {"Privilege": "call,all"}, channel(n * 7 % TALKERS)
        events.append(text("BridgeLeave", **about[0], **bridge(TALKERS - 1), **about[1]))
        events.append(text("BridgeEnter", **about[0], **bridge(TALKERS), **about[1]))
    return _ended(events)


def lists(name: str, count: int) -> dict[str, list[bytes]]:
    """What a server of a corpus lists, by the action, with `%s` for the ActionID."""
    if name == "members":
        found = []
        for queue in range(QUEUES):
            found.append(
                text("QueueParams", ActionID="%s", Queue=f"queue{queue}", Strategy="ringall", Completed=0, Abandoned=0)
            )
            found += [
                text("QueueMember", ActionID="%s", Queue=f"queue{queue}", Name=f"Agent {number}",
                      Location=f"PJSIP/agent{number}", **member(number, 1))
                for number in range(MEMBERS)
            ]  # fmt: skip
        return {"QueueStatus": found, **telephones()}
    if name == "leaves":
        params = text("QueueParams", ActionID="%s", Queue="queue0", Strategy="ringall", Completed=0, Abandoned=0)
        entries = [
            text("QueueEntry", ActionID="%s", Queue="queue0", Position=n + 1, Wait=1, **channel(n))
            for n in range(CALLERS)
        ]
        return {"QueueStatus": [params, *entries]}
    if name == "conference":
        channels = [
            text("CoreShowChannel", ActionID="%s", **channel(n), BridgeId=f"{7:032x}", Application="ConfBridge",
                  ApplicationData="all", Duration="00:01:00")
            for n in range(TALKERS)
        ]  # fmt: skip
        return {
            "CoreShowChannels": channels,
            "BridgeList": [text("BridgeListItem", ActionID="%s", **bridge(TALKERS))],
        }
    return {"QueueStatus": items(count)}


def telephones() -> dict[str, list[bytes]]:
    """The lists of two thousand telephones, each with a hint and a mailbox."""
    numbers, asked = range(TELEPHONES), {"ActionID": "%s"}
    return {
        "PJSIPShowEndpoints": [
            text("EndpointList", **asked, ObjectType="endpoint", ObjectName=f"agent{n}", Contacts=f"agent{n}/sip:{n}@10.0.0.1,",
                  DeviceState="Not in use", ActiveChannels="")
            for n in numbers
        ],
        "PJSIPShowContacts": [
            text("ContactList", **asked, ObjectType="contact", Endpoint=f"agent{n}", Uri=f"sip:{n}@10.0.0.1", Status="Reachable",
                  RoundtripUsec=1234)
            for n in numbers
        ],
        "ExtensionStateList": [
            text("ExtensionStatus", **asked, Exten=n, Context="internal", Hint=f"PJSIP/agent{n}", Status=0, StatusText="Idle")
            for n in numbers
        ],
        "VoicemailUsersList": [
            text("VoicemailUserEntry", **asked, VMContext="default", VoiceMailbox=n, NewMessageCount=0, OldMessageCount=1)
            for n in numbers
        ],
    }  # fmt: skip


def corpus(name: str, count: int) -> list[bytes]:
    """A corpus by its name."""
    made = {
        "synthetic": synthetic, "recorded": recorded, "members": members, "leaves": leaves, "conference": conference,
    }  # fmt: skip
    return made[name](count)


def items(count: int) -> list[bytes]:
    """The items of a list of `QueueMember`, with `%s` for the ActionID."""
    return [
        (
            f"Event: QueueMember\r\nActionID: %s\r\nQueue: support\r\nName: Agent {n}\r\nLocation: PJSIP/agent{n}\r\n"
            f"StateInterface: PJSIP/agent{n}\r\nMembership: static\r\nPenalty: 0\r\nCallsTaken: 0\r\nLastCall: 0\r\nLastPause: 0\r\n"
            "LoginTime: 1795413782\r\nInCall: 0\r\nStatus: 1\r\nPaused: 0\r\nPausedReason: \r\nWrapuptime: 0\r\n\r\n"
        ).encode()
        for n in range(count)
    ]
