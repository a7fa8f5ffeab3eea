"""The pytest plugin, in projects of its users: each test here is one, run by a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PING = """
from aioami import core


async def test_ping(ami_manager):
    assert (await ami_manager.send(core.Ping())).success
"""
MARKED = """
import pytest

from aioami import Manager, core
from aioami.testing import FakeAsterisk

@pytest.mark.asyncio
@pytest.mark.fake_asterisk(virtual_time=True, users={"me": "secret"})
async def test_marked(fake_asterisk: FakeAsterisk, ami_manager: Manager) -> None:
    assert fake_asterisk.virtual_time
    assert fake_asterisk.connections[0].username == "me"
    assert ami_manager.version


@pytest.mark.asyncio
async def test_anew(fake_asterisk: FakeAsterisk) -> None:
    assert fake_asterisk.received == []


def test_versions(ami_server):
    assert ami_server.version in ("13", "22")
"""
OVERRIDDEN = """
import pytest
import pytest_asyncio

from aioami.testing import FakeAsterisk


@pytest_asyncio.fixture
async def ami_server():
    async with FakeAsterisk(version="16") as server:
        yield server


@pytest.mark.asyncio
async def test_mine(ami_manager):
    assert ami_manager.version == "5.0.4"
"""
REAL = """
def test_real(real_asterisk):
    assert real_asterisk.url


async def test_manager_on_it(real_asterisk, ami_manager):
    assert ami_manager.version
"""


def run(folder: Path, text: str, *arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """A project with one file of tests, run."""
    scope = "" if before else "asyncio_default_fixture_loop_scope = function\n"
    (folder / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{scope}")
    (folder / "test_it.py").write_text(text)
    program = f"{before}\nimport sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-c", program, "-rA", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_auto_mode(tmp_path: Path) -> None:
    """In pytest-asyncio's automatic mode nothing is to be declared."""
    done = run(tmp_path, PING, "-o", "asyncio_mode=auto")
    assert "1 passed" in done.stdout, done.stdout


def test_strict_mode(tmp_path: Path) -> None:
    """In its strict mode the fixtures are async fixtures all the same; markers choose options, options versions."""
    done = run(tmp_path, MARKED, "--fake-asterisk", "13,22")
    assert "6 passed" in done.stdout, done.stdout
    assert "test_anew[13]" in done.stdout


def test_another_server(tmp_path: Path) -> None:
    """A fixture `ami_server` of the project is what the manager logs in on."""
    done = run(tmp_path, OVERRIDDEN)
    assert "1 passed" in done.stdout, done.stdout


def test_fixtures_on_top_of_ours(tmp_path: Path) -> None:
    """A project may extend a fixture, ask for it late, or choose the versions of one test itself."""
    text = """
import pytest
import pytest_asyncio


@pytest_asyncio.fixture(name="fake_asterisk")
async def extended(fake_asterisk):
    fake_asterisk.extended = True
    return fake_asterisk


async def test_extended(fake_asterisk):
    assert fake_asterisk.extended and fake_asterisk.version == "16"
"""
    done = run(tmp_path, text, "-o", "asyncio_mode=auto", "--fake-asterisk", "16")
    assert "1 passed" in done.stdout, done.stdout
    text = """
import pytest


@pytest.mark.parametrize("fake_asterisk", ["13"], indirect=True)
async def test_chosen(fake_asterisk):
    assert fake_asterisk.version == "13"
"""
    done = run(tmp_path, text, "-o", "asyncio_mode=auto")
    assert "1 passed" in done.stdout, done.stdout
    done = run(
        tmp_path,
        "import pytest\n\n\n@pytest.mark.fake_asterisk('16')\nasync def test_it(fake_asterisk): ...\n",
        "-o",
        "asyncio_mode=auto",
    )
    assert "by name only" in done.stdout, done.stdout


def test_versions_in_the_configuration(tmp_path: Path) -> None:
    """Versions may stand in the configuration; `none` leaves tests with real servers out, and says so."""
    done = run(tmp_path, PING + REAL, "-o", "asyncio_mode=auto", "-o", "fake_asterisk=13 16", "--asterisk", "none")
    assert "2 passed, 2 skipped" in done.stdout, done.stdout
    assert "--asterisk leaves this test out" in done.stdout


@pytest.mark.parametrize("option", ["--fake-asterisk=12", "--asterisk=22,17"])
def test_unknown_versions(tmp_path: Path, option: str) -> None:
    """A version that there is not is refused at once, with those that there are."""
    done = run(tmp_path, PING, option)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"{option.partition('=')[0]}: " in done.stderr
    assert "or none, not 1" in done.stderr


def test_without_pytest_asyncio(tmp_path: Path) -> None:
    """Where pytest-asyncio is missing, other tests run, and the fixtures say what they need."""
    text = "def test_other():\n    pass\n\n\ndef test_it(fake_asterisk):\n    pass\n"
    block = "import importlib.util as u; find = u.find_spec\n"
    block += "u.find_spec = lambda name, *more: None if name == 'pytest_asyncio' else find(name, *more)"
    done = run(tmp_path, text, "-p", "no:asyncio", before=block)
    assert "1 passed, 1 error" in done.stdout, done.stdout
    assert "needs pytest-asyncio: install aioami[testing]" in done.stdout
