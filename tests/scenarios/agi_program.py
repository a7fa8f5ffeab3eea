"""A plain FastAGI program of a scenario, which sends bytes as they are and keeps all that was said.

It knows nothing of aioami's sessions.
"""

from __future__ import annotations

import asyncio

from .line import Line


class Program:
    """Takes one call, and steers it.

    Args:
        ami: the scenario's line, whose transcript tells what is said here, too.
    """

    def __init__(self, ami: Line) -> None:
        self._ami = ami
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._lines: list[str] = []
        self._told = 0
        self.is_closed = False

    async def called(self, *, before: str = "NoOp(here)") -> str:
        """Listen, have a call come, and read the environment; return the channel."""
        self._server = await asyncio.start_server(self._read, "127.0.0.1", 0, limit=1 << 20)
        port = self._server.sockets[0].getsockname()[1]
        steps = (
            before,
            f"AGI(agi://127.0.0.1:{port}/menu?a=b%20c,one,two three)",
            "UserEvent(AfterAgi,Status: ${AGISTATUS})",
        )
        for number, step in enumerate((*steps, "Wait(600)"), 1):
            name, _, data = step.removesuffix(")").partition("(")
            headers = {"Context": "program", "Extension": "menu", "Priority": str(number)}
            await self._ami.ask(
                "DialplanExtensionAdd", **headers, Application=name, ApplicationData=data, Replace="yes"
            )
        del self._ami.said[-8:]
        told = {"Context": "program", "Exten": "menu", "Priority": "1", "Async": "true"}
        await self._ami.ask("Originate", Channel="Local/wait@test/n", **told)
        channel = dict(await self._ami.until("OriginateResponse"))["Channel"]
        await self._ami._until(lambda: "" in self._lines, "an environment")
        await self._ami.settle(0.8)
        for line in self._take():
            name, _, value = line.partition(": ")
            self._ami.said.append(
                ("<", [("agi", f"{name}: {'*' if name in ('agi_threadid', 'agi_version') else value}")])
            )
        return channel

    async def tells(self, text: str, answers: int = 1) -> None:
        """Send text, and wait for so many lines of answers; none waits a moment for none."""
        assert self._writer is not None
        self._ami.said.append((">", [("agi", text)]))
        self._writer.write(text.encode())
        await self.hears(answers)

    async def hears(self, answers: int) -> None:
        """Wait for so many lines; usages count as one."""

        def count() -> int:
            return sum(
                1
                for line in self._lines[self._told :]
                if line[:4] != "520-" and (line[:3].isdigit() or line == "HANGUP")
            )

        await self._ami._until(
            lambda: count() >= answers or self.is_closed, f"{answers} answers; there are {self._lines}"
        )
        if not answers:
            await self._ami.settle()
        for line in self._take():
            if line[:3].isdigit() or line == "HANGUP":  # and no usage, which is long
                self._ami.said.append(("<", [("agi", line)]))

    async def closes(self) -> None:
        """Close, and wait until the other end has done so."""
        assert self._writer is not None
        if not self.is_closed:
            self._writer.write_eof()
            await self._ami._until(lambda: self.is_closed, "the end of the connection")
        await self.hears(0)
        self._writer.close()
        assert self._server is not None
        self._server.close()

    def _take(self) -> list[str]:
        taken, self._told = self._lines[self._told :], len(self._lines)
        return taken

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        while line := await reader.readline():
            self._lines.append(line.decode().rstrip("\n"))
        self.is_closed = True
