"""What must work wherever the wheel is installed; run outside the source tree, with nothing but the wheel."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import aioami
from aioami import Manager, core, events
from aioami.testing import FakeAsterisk


async def main() -> None:
    async with FakeAsterisk() as fake, Manager.from_url(fake.url) as mgr:
        assert 0 <= (await mgr.send(core.Ping())).RTT < 5
        with mgr.events(events.Hangup) as hangups:
            call = await mgr.send(core.Originate_Application("Local/100@default", "Wait", ("1",)))
            assert (await call.outcome()).reason == core.ORIGINATE_RESULT_ANSWERED
            assert (await hangups.__anext__()).cause == 16
    assert len(core.__all__) == 60 + 21 + 2 + 2


asyncio.run(main())
version = subprocess.run([sys.executable, "-m", "aioami", "--version"], capture_output=True, text=True, check=True).stdout
assert aioami.__version__ in version, version
print(f"aioami {aioami.__version__} works on Python {sys.version.split()[0]}")
