"""Have a reader in JavaScript follow a server's log over a takeover and a lost link, and compare: `python -m tests.bus_node`.

It needs Node.js and npm, and installs the package `nats` into a folder of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
from pathlib import Path

from tests.helpers import until
from tests.unit.bus.office import number, office

from aioami import EventsLost, core
from aioami.testing.nats import NatsServer, install

HERE = Path(__file__).parent


async def run(*command: str, cwd: Path) -> asyncio.subprocess.Process:
    """Start a program whose output is read."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, cwd=cwd, stdout=pipe, stderr=pipe)


async def main(version: str, count: int) -> None:
    """Feed a log, and compare what two languages make of it."""
    with tempfile.TemporaryDirectory() as folder, NatsServer(install(version)) as bus:
        program = Path(folder)
        for name in ("package.json", "reader.js"):
            shutil.copy(HERE / name, program)
        installing = await run("npm", "install", "--silent", "--no-audit", "--no-fund", cwd=program)
        _, errors = await installing.communicate()
        assert installing.returncode == 0, errors.decode()
        async with office(bus) as place:
            first, second = place.relay(), place.relay()
            first.start()
            async with place.remote() as remote:
                await remote.wait_ready(10)
                reader = await run("node", "reader.js", bus.url, place.name, cwd=program)
                assert reader.stderr is not None
                told = await reader.stderr.readline()
                assert told == b"following\n", (told + await reader.stderr.read()).decode()
                sent = 0
                with remote.events("Hangup", "End", on_loss="raise") as stream:
                    await remote.send(core.Ping())
                    for part in range(4):
                        for _ in range(count // 4):
                            await place.tell(sent)
                            sent += 1
                            if sent % 100 == 0:
                                await asyncio.sleep(0.01)
                        if part == 0:
                            await first.close()
                            second.start()
                            await until(lambda: second.is_ready and second.status()[place.name].role == "leader")
                        elif part == 1:
                            place.proxy.cut(reset=True)
                            await asyncio.sleep(0.2)
                            await until(lambda: second.is_ready)
                            await remote.wait_ready(10)
                    await place.tell(sent, "End")
                    numbers, gaps = [], 0
                    while not numbers or numbers[-1] != sent:
                        try:
                            numbers.append(number(await stream.__anext__()))
                        except EventsLost:
                            gaps += 1
                output, errors = await asyncio.wait_for(reader.communicate(), 30)
                await second.close()
        assert reader.returncode == 0, errors.decode()
        found = json.loads(output)
        assert found["numbers"] == numbers
        assert len(found["gaps"]) >= gaps >= 2
        assert found["epochs"] >= 2
        assert found["marks"] >= 1
        shown = f"{len(numbers)} of {sent + 1} events, gaps: {', '.join(found['gaps'])}, {found['void']} void"
        print(f"nats-server {version}: Node.js and Python read the same: {shown}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", default="2.9", choices=("2.9", "newest"))
    parser.add_argument("--events", type=int, default=4000)
    given = parser.parse_args()
    asyncio.run(main(given.version, given.events))
