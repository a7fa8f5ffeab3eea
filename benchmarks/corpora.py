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


def corpus(name: str, count: int) -> list[bytes]:
    """A corpus by its name."""
    return {"synthetic": synthetic, "recorded": recorded}[name](count)


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
