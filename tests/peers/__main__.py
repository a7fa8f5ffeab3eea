"""Plays the cases to the clients that are installed, and writes what came of it as tables. `--help` names the options."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.metadata
import json
import logging
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .adapters import PLAYERS
from .cases import PROBES, Case, Observed, cases, topics, verdict

ROOT = Path(__file__).parents[2]
COMMAND = "python -m tests.peers"
PAUSE = 0.001  # seconds between two pieces, so that the client reads them one by one
KILL = 10  # seconds beyond the case's own patience


@dataclass
class Score:
    """What became of the cases of one client."""

    passed: list[Case] = field(default_factory=list)
    failed: list[tuple[Case, str]] = field(default_factory=list)
    not_applicable: list[tuple[Case, str]] = field(default_factory=list)

    def of(self, topic: str | None) -> str:
        passed = sum(topic in (None, case.topic) for case in self.passed)
        failed = sum(topic in (None, case.topic) for case, _ in self.failed)
        return f"{passed} of {passed + failed}" if passed + failed else "–"


class Server:
    """A server on 127.0.0.1 that plays one case to each client that connects."""

    def __init__(self, case: Case, *, in_pieces: bool) -> None:
        self._case = case
        self._in_pieces = in_pieces
        self._data = case.data

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *unused: object) -> None:
        self._server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client that is killed leaves its conversation behind.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._play(reader, writer)
        writer.close()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        case = self._case
        data = case.data
        await asyncio.sleep(50 * PAUSE)  # no server sends events before a client is ready to read at all
        if case.at_once:
            await self._send(writer, data)
            if case.refused:
                # What is not AMI hangs up when it is spoken to; but nobody waits for a line that does not end.
                await asyncio.sleep(0.5 if data.endswith(b"\n") else case.patience)
                return
        else:
            await self._send(writer, case.greeting)
        asked: list[bytes] = []
        logged_in = played = False
        while True:
            action = await self._action(reader)
            action_id = action.get(b"actionid", b"")
            reply = b"Response: Success\r\nActionID: " + action_id + b"\r\n"
            name = action[b"action"].lower()
            if not logged_in and name == b"challenge":
                writer.write(reply + b"Challenge: 840415273\r\n\r\n")
            elif not logged_in and name == b"login":
                writer.write(reply + b"Message: Authentication accepted\r\n\r\n")
                logged_in = True
            elif played:
                writer.write(reply + b"\r\n")
            else:
                asked.append(action_id)
            if logged_in and not played and len(asked) == len(case.actions):
                played = True
                for own, meant in zip(asked, case.actions, strict=True):
                    wanted = meant["id"].encode("utf-8", "surrogateescape")
                    data = data.replace(b"ActionID: " + wanted + b"\r\n", b"ActionID: " + own + b"\r\n")
                await asyncio.sleep(20 * PAUSE)
                if not case.at_once:
                    await self._send(writer, data)
                await asyncio.sleep(20 * PAUSE)
                if case.closes:
                    return
                for event in PROBES if not case.limit else ():
                    writer.write(event)
                    await asyncio.sleep(20 * PAUSE)

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if not self._in_pieces:
            writer.write(data)
            return
        position = 0
        while position < len(data):
            size = 3 if position < 400 else 61 if position < 20_000 else 60_000
            writer.write(data[position : position + size])
            await writer.drain()
            await asyncio.sleep(PAUSE)
            position += size

    async def _action(self, reader: asyncio.StreamReader) -> dict[bytes, bytes]:
        text = await reader.readuntil(b"\r\n\r\n")
        lines = [line.partition(b":") for line in text.splitlines()]
        return {name.strip().lower(): value.strip() for name, _, value in lines}


async def played(client: str, case: Case, show: bool) -> tuple[str, str]:
    """Play a case to a client in a process of its own: why it is failed, and why it is not applicable."""
    if case.not_applicable:
        return "", case.not_applicable
    if case.limit and client != "aioami":
        return "", "no limit can be set"
    async with Server(case, in_pieces=False) as whole, Server(case, in_pieces=True) as pieces:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.peers.adapters", client),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=None if show else asyncio.subprocess.DEVNULL,
            cwd=ROOT,
            limit=1 << 28,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(case.job() | {"ports": [whole, pieces]}).encode())
        process.stdin.close()
        try:
            for prefix in ("", "in pieces: "):
                try:
                    line = await asyncio.wait_for(process.stdout.readline(), case.patience + KILL)
                except asyncio.TimeoutError:
                    return f"{prefix}hangs", ""
                if not line:
                    return f"{prefix}the process ended", ""
                observed = Observed.from_json(line.decode())
                if show:
                    print(f"{client}, {case.name}: {prefix}{observed}")
                if observed.not_applicable:
                    return "", observed.not_applicable
                reason = verdict(case, observed)
                if reason:
                    return f"{prefix}{reason}", ""
            await asyncio.wait_for(process.wait(), KILL)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return "", ""


async def scores(clients: list[str], chosen: list[Case], show: bool) -> dict[str, Score]:
    room = asyncio.Semaphore(1 if show else (os.cpu_count() or 1) + 2)

    async def one(client: str, case: Case) -> tuple[str, str]:
        async with room:
            return await played(client, case, show)

    pairs = [(client, case) for case in chosen for client in clients]
    results = await asyncio.gather(*(one(client, case) for client, case in pairs))
    found = {client: Score() for client in clients}
    for (client, case), (reason, not_applicable) in zip(pairs, results, strict=True):
        if not_applicable:
            found[client].not_applicable.append((case, not_applicable))
        elif reason:
            found[client].failed.append((case, reason))
        else:
            found[client].passed.append(case)
    return found


def report(found: dict[str, Score]) -> Iterator[str]:
    """The tables, as lines of Markdown."""
    names = {client: f"{client} {importlib.metadata.version(client)}" for client in found}
    yield f"| cases | {' | '.join(names.values())} |"
    yield f"|---{'|---' * len(names)}|"
    for topic in topics():
        yield f"| `{topic}.json` | {' | '.join(score.of(topic) for score in found.values())} |"
    yield f"| all | {' | '.join(score.of(None) for score in found.values())} |"
    yield ""
    yield f"Written by `{COMMAND}` with Python {platform.python_version()}."
    for client, score in found.items():
        yield ""
        yield f"**{names[client]}**{'' if score.failed else ' failed no case.'}"
        yield ""
        yield from (f"- `{case.name}`: {reason}" for case, reason in score.failed)
    left_out = {(case.name, reason) for score in found.values() for case, reason in score.not_applicable}
    if left_out:
        yield ""
        yield "Not applicable:"
        yield ""
        for name, reason in sorted(left_out):
            clients = [
                client
                for client, score in found.items()
                if (name, reason) in {(c.name, r) for c, r in score.not_applicable}
            ]
            yield f"- `{name}`: {reason} ({'all' if len(clients) == len(found) else ', '.join(clients)})"


def main() -> None:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Play the conformance cases to AMI clients.")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables to this file")
    parser.add_argument("--client", action="append", choices=list(PLAYERS), help="only this one; may be repeated")
    parser.add_argument("--case", action="append", metavar="NAME", help="only this one, and show what was handed over")
    arguments = parser.parse_args()
    # asyncio warns if a client's process ends by itself just when it is to be killed.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    clients = []
    for client in arguments.client or PLAYERS:
        try:
            importlib.metadata.version(client)
            clients.append(client)
        except importlib.metadata.PackageNotFoundError:
            print(f"{client} is not installed, and is left out", file=sys.stderr)
    chosen = [case for case in cases() if not arguments.case or case.name in arguments.case]
    text = "\n".join(report(asyncio.run(scores(clients, chosen, bool(arguments.case)))))
    if arguments.write:
        arguments.write.write_text(f"{text}\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
