"""The other end of AGI programs: an Asterisk that only has callers, over FastAGI and AsyncAGI.

    python -m benchmarks.callers

prints its port. It takes the Manager Interface there. The action `FastAGI` (Port, Sessions) has it connect so often to a
server, and is answered when all sessions are over; `AsyncAGI` (Sessions) has so many channels enter AsyncAGI. Each command is
answered at once.
"""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import quote

PLACE = ("Context: default", "Exten: menu", "Priority: 1")


def environment(number: int, request: str) -> str:
    """The lines with which a session begins."""
    values = {
        **({"network": "yes", "network_script": "menu"} if request != "async" else {}),
        **{"request": request, "channel": f"PJSIP/trunk-{number:08x}", "language": "en", "type": "PJSIP"},
        **{"uniqueid": f"1700000000.{number}", "version": "22.10.1", "callerid": "100", "calleridname": "Ada"},
        **{
            "callingpres": "0",
            "callingani2": "0",
            "callington": "0",
            "callingtns": "0",
            "dnid": "menu",
            "rdnis": "unknown",
        },
        **{"context": "default", "extension": "menu", "priority": "1", "enhanced": "0.0", "accountcode": ""},
        **{"threadid": "139919748175552"},
    }
    return "".join(f"agi_{name}: {value}\n" for name, value in values.items()) + "\n"


def answer(command: str) -> str:
    """What a command is answered with."""
    name = command.replace('"', "").upper()
    if name.startswith("HANGUP"):
        return "200 result=1"
    return "200 result=0 endpos=8000" if name.startswith("STREAM FILE") else "200 result=0"


class Caller(asyncio.Protocol):
    """One session over FastAGI."""

    def __init__(self, number: int, port: int) -> None:
        self.head = environment(number, f"agi://127.0.0.1:{port}/menu").encode()
        self.received = b""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.head)

    def data_received(self, data: bytes) -> None:
        *commands, self.received = (self.received + data).split(b"\n")
        for command in commands:
            told = answer(command.decode())
            self.transport.write(f"{told}\nHANGUP\n".encode() if told.endswith("=1") else f"{told}\n".encode())

    def connection_lost(self, error: Exception | None) -> None:
        self.over.set_result(None)


class Manager(asyncio.Protocol):
    """A session of the Manager Interface."""

    def __init__(self) -> None:
        self.received = b""
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"Asterisk Call Manager/11.0.0\r\n")

    def data_received(self, data: bytes) -> None:
        *requests, self.received = (self.received + data).split(b"\r\n\r\n")
        out: list[str] = []
        for request in requests:
            headers = dict(line.partition(": ")[::2] for line in request.decode().split("\r\n"))
            self.reply({name.lower(): value for name, value in headers.items()}, out)
        self.transport.write("".join(out).encode())

    def reply(self, request: dict[str, str], out: list[str]) -> None:
        """Answer an action."""
        name, action_id = request.get("action", "").lower(), request.get("actionid", "")
        head = ["Response: Success", *([f"ActionID: {action_id}"] if action_id else [])]
        more = {
            "challenge": ["Challenge: 123456789"],
            "login": ["Message: Authentication accepted"],
            "getvar": [f"Variable: {request.get('variable', '')}", "Value: SUCCESS"],
        }.get(name, ["Message: Done"])
        if name == "fastagi":
            task = asyncio.create_task(self.call(int(request["port"]), int(request["sessions"]), head))
            self.tasks.add(task)
            return
        out.append(message(*head, *more))
        if name == "asyncagi":
            for number in range(int(request["sessions"])):
                text = quote(environment(number, "async"))
                out.append(message("Event: AsyncAGIStart", *channel(number), f"Env: {text}"))
        elif name == "agi":
            number = int(request["channel"].rpartition(".")[2])
            told, command_id = answer(request["command"]), request["commandid"]
            for kind in ("Start", "End"):  # which the library does not need
                own = [f"CommandId: {number}", f"Command: {request['command']}"]
                out.append(message(f"Event: AGIExec{kind}", *channel(number), *own))
            result = [f"CommandId: {command_id}", f"Result: {quote(told)}%0A"]
            out.append(message("Event: AsyncAGIExec", *channel(number), *result))
            if told.endswith("=1"):
                out.append(message("Event: AsyncAGIEnd", *channel(number)))
                out.append(message("Event: Hangup", *channel(number), "Cause: 16", "Cause-txt: Normal Clearing"))

    async def call(self, port: int, sessions: int, head: list[str]) -> None:
        """Have sessions over FastAGI, all at once, and answer the action when they are over."""
        loop = asyncio.get_running_loop()
        callers = [Caller(number, port) for number in range(sessions)]
        for start in range(0, sessions, 50):  # as many as a backlog of a hundred takes
            group = callers[start : start + 50]
            await asyncio.gather(*(loop.create_connection(lambda one=each: one, "127.0.0.1", port) for each in group))
        await asyncio.gather(*(each.over for each in callers))
        self.transport.write(message(*head, "Message: Done").encode())


def channel(number: int) -> list[str]:
    """The headers of an event that tells of a channel."""
    own = [f"Channel: PJSIP/trunk-{number:08x}", "ChannelState: 6", "ChannelStateDesc: Up", "CallerIDNum: 100"]
    own += ["CallerIDName: Ada", "ConnectedLineNum: <unknown>", "ConnectedLineName: <unknown>", "Language: en"]
    return [
        "Privilege: agi,all",
        *own,
        "AccountCode: ",
        *PLACE,
        *(f"{name}: 1700000000.{number}" for name in ("Uniqueid", "Linkedid")),
    ]


def message(*lines: str) -> str:
    """One message."""
    return "\r\n".join([*lines, "", ""])


def call_fastagi(port: int, server: int, sessions: int) -> None:
    """Have a server called so often, for clients that have no manager for it; return when all sessions are over."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(message("Action: FastAGI", f"Port: {server}", f"Sessions: {sessions}").encode())
        received = b""
        while b"Response:" not in received:
            received += link.recv(4096)


async def main() -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Manager, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
