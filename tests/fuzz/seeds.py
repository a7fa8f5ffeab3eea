"""What fuzzing begins with: the conformance cases, and messages from the recording of a busy server."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from pathlib import Path

from tests.peers.cases import FOLDER, expanded

__all__ = ["lines_of_servers", "seeds"]

_RECORDING = Path(__file__).parents[1] / "data/busy-22.bin.xz"
_RECORDED = 2_000_000  # bytes, in which every kind of event occurs
# Of the target `session`: what is asked, written, given up and received.
_STEPS = (
    b"\x00\x08\x20\x30\x60\x68\x04\x0e\x10\x06\x46\x05",
    b"\x10\x20\x30\x0e\x06\x06\x06\x06\x06\x06\x06\x06",
)
# Actions whose outcome comes in an event, as those of the second row.
_OUTCOMES = b"""\
Response: Success\r\nActionID: 3\r\n\r\n\
Response: Success\r\nActionID: 2\r\n\r\n\
Response: Success\r\nActionID: 1\r\n\r\n\
Event: OriginateResponse\r\nActionID: 3\r\nResponse: Failure\r\n\r\n\
Event: AsyncAGIExec\r\nChannel: Local/1@x-1\r\nResult: 200\r\n\r\n\
Event: Hangup\r\nChannel: Local/1@x-1\r\n\r\n\
Event: SIPQualifyPeerDone\r\nActionID: 1\r\n\r\n\
"""


# What Asterisk says over FastAGI: an environment, and answers of every form.
_ENVIRONMENT = b"agi_network: yes\nagi_network_script: menu?a=1\nagi_arg_1: x\n\n"
_ANSWERS = (
    b"200 result=0\n",
    b"200 result=1 (a (b) c)\n",
    b"200 result=1 (one\ntwo)\n",
    b"200 result=1 ()\n",
    b"200 result= (timeout)\n",
    b"200 result=*A1\n",
    b"200 result=-1 endpos=4160\n",
    b"200 result=0 (timeout) endpos=1760\n",
    b"100 result=0 Trying...\n200 result=0 Gosub complete\n",
    b"510 Invalid or unknown command\n",
    b"511 Command Not Permitted on a dead channel or intercept routine\n",
    b"520-Invalid command syntax.  Proper usage follows:\nUsage: <literal>0</literal>\n520 End of proper usage.\n",
    b"HANGUP\n",
)


def _streams() -> Iterator[bytes]:
    """Short streams, as servers send them."""
    yield _OUTCOMES
    for path in sorted(FOLDER.glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            yield expanded(case["bytes"])[:4096].encode("latin-1")
    seen = set()
    with lzma.open(_RECORDING) as recording:
        messages = recording.read(_RECORDED).split(b"\r\n\r\n")[:-1]
    for message in messages:
        kind = message.partition(b"\r\n")[0]
        if kind not in seen:
            seen.add(kind)
            yield message + b"\r\n\r\n"


def seeds(target: str) -> Iterator[bytes]:
    """The streams, with the bytes before them that a target wants."""
    if target == "answers":
        yield from (b"\xff\x40\x90" + _ENVIRONMENT + answer for answer in (b"".join(_ANSWERS), *_ANSWERS))
        return
    for number, stream in enumerate(_streams()):
        yield {
            "framer": bytes((255, stream.startswith(b"Asterisk"), number * 7 % 256, number * 13 % 256)),
            "message": number.to_bytes(2, "big"),
            "session": _STEPS[stream is _OUTCOMES],
        }[target] + stream


def lines_of_servers() -> list[bytes]:
    """Every line of these streams once, with its CR."""
    return sorted({line for stream in _streams() for line in stream.split(b"\n") if len(line) < 200})
