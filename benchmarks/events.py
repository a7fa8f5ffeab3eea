"""What one event costs one subscriber, side by side with panoramisk, in one run.

    python benchmarks/events.py [ROUNDS]

A server replays a stream to one client at a time: a synthetic one, and the recorded traffic of a busy Asterisk. The
client reads three fields of every event (Event, Channel, Uniqueid). What counts is the client's CPU time for an event;
the rounds are interleaved, and the medians compared.
"""

from __future__ import annotations

import asyncio
import json
import logging
import lzma
import statistics
import subprocess
import sys
import time
from pathlib import Path

RECORDED = Path(__file__).parents[1] / "tests/data/busy-22.bin.xz"
CLIENTS = ("aioami", "panoramisk")
LOGIN = b"Response: Success\r\nActionID: %b\r\nMessage: Authentication accepted\r\n\r\n"
END = b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: TheEnd\r\n\r\n"


def synthetic(count: int = 60_000) -> bytes:
    """Events of 22 headers without repetitions, of ten names."""
    names = [
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
    ]
    return b"".join(
        (
            f"Event: {names[n % 10]}\r\nPrivilege: call,all\r\nChannel: PJSIP/peer{n % 97}-{n:08x}\r\nChannelState: 6\r\n"
            f"ChannelStateDesc: Up\r\nCallerIDNum: {1000 + n % 500}\r\nCallerIDName: Caller {n % 500}\r\n"
            f"ConnectedLineNum: {2000 + n % 500}\r\nConnectedLineName: Callee {n % 500}\r\nLanguage: en\r\nAccountCode: \r\n"
            f"Context: from-internal\r\nExten: {n % 1000}\r\nPriority: {n % 20}\r\nUniqueid: 1795413782.{n}\r\n"
            f"Linkedid: 1795413782.{n}\r\nApplication: Dial\r\nAppData: PJSIP/{n % 500},30,tT\r\nBridgeUniqueid: {n:032x}\r\n"
            f"BridgeType: basic\r\nBridgeTechnology: simple_bridge\r\nBridgeNumChannels: 2\r\n\r\n"
        ).encode()
        for n in range(count)
    )


def recorded() -> bytes:
    """The recording, without its greeting and its end."""
    data = lzma.decompress(RECORDED.read_bytes())
    return data[data.index(b"Event: ") : data.rindex(b"\r\n\r\n") + 4]


async def serve(stream: bytes) -> None:
    """Greet one client, let everybody in, and replay."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            action_id = next(line[10:] for line in request.split(b"\r\n") if line.startswith(b"ActionID: "))
            if b"Action: Challenge" in request:
                writer.write(b"Response: Success\r\nActionID: %b\r\nChallenge: 1234\r\n\r\n" % action_id)
                continue
            writer.write(LOGIN % action_id)
            if b"ogin" in request:
                break
        await asyncio.sleep(0.2)
        for start in range(0, len(stream), 1 << 18):
            writer.write(stream[start : start + (1 << 18)])
            await writer.drain()
        writer.write(END)
        await writer.drain()
        await reader.read()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def consume_aioami(port: int) -> tuple[int, float]:
    """How many events aioami took from the server, and its seconds of CPU."""
    from aioami import Manager

    mgr, count = Manager(port=port, username="a", secret="b"), 0
    with mgr.events(maxsize=None) as events:
        await mgr.connect()
        started = time.process_time()
        async for event in events:
            count += 1
            event.get("Channel"), event.get("Uniqueid")
            if event["Event"] == "UserEvent" and event.get("UserEvent") == "TheEnd":
                break
        used = time.process_time() - started
    await mgr.close()
    return count, used


async def consume_panoramisk(port: int) -> tuple[int, float]:
    """How many events panoramisk took from the server, and its seconds of CPU."""
    from panoramisk import Manager

    logging.disable(logging.CRITICAL)
    mgr = Manager(
        loop=asyncio.get_running_loop(), host="127.0.0.1", port=port, username="a", secret="b", ping_delay=1000
    )
    done, count = asyncio.get_running_loop().create_future(), 0

    def on_event(manager: object, event: dict[str, str]) -> None:
        nonlocal count
        count += 1
        event.get("Channel"), event.get("Uniqueid")
        if event["Event"] == "UserEvent" and event.get("UserEvent") == "TheEnd":
            done.set_result(None)

    mgr.register_event("*", on_event)
    await mgr.connect()
    started = time.process_time()
    await done
    used = time.process_time() - started
    mgr.close()
    return count, used


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(synthetic() if sys.argv[2] == "synthetic" else recorded()))
        return
    if sys.argv[1:2] == ["consume"]:
        consume = {"aioami": consume_aioami, "panoramisk": consume_panoramisk}[sys.argv[2]]
        print(json.dumps(asyncio.run(consume(int(sys.argv[3])))))
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for stream in ("synthetic", "recorded"):
        costs: dict[str, list[float]] = {client: [] for client in CLIENTS}
        counts: dict[str, int] = {}
        for _ in range(rounds):
            for client in CLIENTS:
                server = subprocess.Popen(
                    [sys.executable, __file__, "serve", stream], stdout=subprocess.PIPE, text=True
                )
                assert server.stdout is not None
                port = server.stdout.readline().strip()
                result = subprocess.run(
                    [sys.executable, __file__, "consume", client, port], capture_output=True, text=True, check=True
                )
                server.terminate()
                server.wait()
                counts[client], used = json.loads(result.stdout)
                costs[client].append(used / counts[client] * 1e6)
        medians = {client: statistics.median(values) for client, values in costs.items()}
        print(f"{stream}: {counts['aioami']} events")
        for client in CLIENTS:
            print(
                f"  {client:<12} {medians[client]:6.2f} us of CPU an event"
                f"   {medians[client] / medians['panoramisk']:.3f} of panoramisk"
                f"   ({min(costs[client]):.2f} to {max(costs[client]):.2f}, {counts[client]} events)"
            )


if __name__ == "__main__":
    main()
