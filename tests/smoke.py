"""What must work wherever the wheel is installed: run with `python -I`, away from the sources, with or without the extra."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

import aioami
from aioami import Manager, core, errors, events, metrics, testing
from aioami.testing import FakeAsterisk

PACKAGE = Path(aioami.__file__).resolve().parent


def installed() -> None:
    """It is the wheel that is tested, whole: its version, its type marker, its public names."""
    assert PACKAGE.is_relative_to(Path(sys.prefix).resolve()), f"{PACKAGE} is not what was installed in {sys.prefix}"
    assert importlib.metadata.version("aioami") == aioami.__version__
    assert (PACKAGE / "py.typed").is_file()
    for module in (aioami, core, errors, events, metrics, testing):
        assert all(hasattr(module, name) for name in module.__all__), module
    assert len(core.__all__) == 60 + 23 + 2  # actions, constants, errors


async def a_call() -> None:
    """A session: log in, ping, place a call, see it hang up."""
    async with FakeAsterisk() as fake, Manager.from_url(fake.url) as mgr:
        assert 0 <= (await mgr.send(core.Ping())).RTT < 5
        with mgr.events(events.Hangup) as hangups:
            call = await mgr.send(core.Originate_Application("Local/100@default", "Echo"))
            assert (await call.outcome()).reason == core.ORIGINATE_RESULT_ANSWERED
            assert (await hangups.__anext__()).cause == 16


def the_command() -> None:
    """The command line starts, and is of the same version."""
    command = [sys.executable, "-I", "-m", "aioami", "--version"]
    assert aioami.__version__ in subprocess.run(command, capture_output=True, text=True, check=True).stdout


installed()
asyncio.run(a_call())
if importlib.util.find_spec("typer"):
    the_command()
print(f"aioami {aioami.__version__} works on Python {sys.version.split()[0]}, from {PACKAGE}")
