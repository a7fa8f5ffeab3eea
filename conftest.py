"""The examples of the README and the documentation are tests: each Python block is a program that must run.

A block with tests in it is run by pytest, as a file of its own in a project of its own. One that awaits is a cell of a
notebook, and all those of a page share an event loop.
"""

from __future__ import annotations

import ast
import asyncio
import gc
import importlib.util
import inspect
import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.myst import CodeBlockParser, SkipParser
from tools.alone import SLOWEST

from aioami.testing import FakeAsterisk

if TYPE_CHECKING:
    from coverage import Coverage


def pytest_addoption(parser: pytest.Parser) -> None:
    """Have coverage's tracer follow some tests only."""
    parser.addoption(
        "--traced",
        default="",
        metavar="PATHS",
        help="under coverage, trace only the tests whose names begin with one of these, and not with one behind a `!`",
    )


class Tracing:
    """Coverage's tracer, for the tests of some paths: with it Python computes twice as long."""

    # Whose modules are imported under the tracer; the collection of all tests is not followed.
    _ROOMS = ("_client", "_session", "agi", "calls", "fleet", "wire")

    def __init__(self, coverage: Coverage, paths: str) -> None:
        self._coverage, self._runs = coverage, True
        for room in self._ROOMS:
            package = importlib.import_module(f"aioami.{room}")
            for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
                importlib.import_module(module.name)
        self.turn(False)
        self._paths = tuple(path for path in paths.split() if not path.startswith("!"))
        self._others = tuple(path[1:] for path in paths.split() if path.startswith("!"))

    def turn(self, on: bool) -> None:
        """Turn the tracer on or off, if it is not so already."""
        if on != self._runs:
            self._runs = on
            (self._coverage.start if on else self._coverage.stop)()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Turn it to what the next test wants."""
        self.turn(nodeid.startswith(self._paths) and not nodeid.startswith(self._others))


def pytest_configure(config: pytest.Config) -> None:
    """Trace what is asked for, and no program that a test starts."""
    if hasattr(config, "workerinput"):  # what such programs execute, tests without a process execute too
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    paths = config.getoption("--traced")
    if paths and "coverage" in sys.modules and (coverage := sys.modules["coverage"].Coverage.current()) is not None:
        config.pluginmanager.register(Tracing(coverage, paths))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the slowest files come first, but for those on real servers, which wait."""
    # Begun at the end, they would have all other processes wait for one.
    items.sort(key=lambda item: (not item.nodeid.startswith("tests/real/"), not item.nodeid.startswith(SLOWEST)))


_file = ""


def pytest_runtest_logstart(location: tuple[str, int | None, str]) -> None:
    """Keep all that stands before the first test of a file out of every garbage collection in it."""
    # Hundreds of tests of the link collect garbage; each would walk over all tests, and over what is left of those before.
    global _file
    if location[0] != _file:
        _file = location[0]
        gc.collect()
        gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Collect no garbage while the report of a failure is made: what is collected may log a traceback.

    Before Python 3.11.8 and 3.12.2 that failed the parser, which both use, and ended the whole run.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return (yield)
    finally:
        if was_enabled:
            gc.enable()


@pytest.fixture(scope="module")
def server_at_the_usual_port() -> Iterator[None]:
    """A fake server, in a thread, for the examples that connect to where an Asterisk usually is."""
    from aioami import url

    started, usual = threading.Event(), url.PORT
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with FakeAsterisk() as fake:
            url.PORT = fake.port
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    started.wait(10)
    yield
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()
    url.PORT = usual  # type: ignore[misc]


def has_asterisk() -> bool:
    """Whether a real Asterisk can be put into a private folder here."""
    return bool(os.environ.get("CI")) or (shutil.which("apt-get") is not None and shutil.which("openssl") is not None)


def has_pandas() -> bool:
    """Whether lists can become data frames here."""
    return importlib.util.find_spec("pandas") is not None


_LOOP = "loop of the cells"
_as_program = PythonEvaluator()


def run_cell(example: Example) -> None:
    """Run a block as a cell of a notebook, if it awaits; else as any other."""
    source = "\n" * example.line + example.parsed  # so that a traceback has the page's lines
    cell = compile(source, example.path, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if not cell.co_flags & inspect.CO_COROUTINE:
        _as_program(example)
        return
    loop = example.namespace.setdefault(_LOOP, None) or asyncio.new_event_loop()
    example.namespace[_LOOP] = loop
    loop.run_until_complete(eval(cell, example.namespace))


def end_cells(namespace: dict[str, Any]) -> None:
    """End the event loop of a page's cells, after what is due in it."""
    loop = namespace.get(_LOOP)
    if loop is not None:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def run_example(example: Example) -> str | None:
    """Run a block; what it returns is what went wrong."""
    if "def test_" not in example.parsed:
        return run_cell(example)
    with tempfile.TemporaryDirectory() as folder:
        settings = (
            "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
        )
        (Path(folder) / "pytest.ini").write_text(settings)
        (Path(folder) / "test_example.py").write_text(example.parsed)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            cwd=folder,
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            capture_output=True,
            text=True,
            check=False,
        )
    return None if done.returncode == 0 else done.stdout + done.stderr


pytest_collect_file = Sybil(
    parsers=[CodeBlockParser("python", run_example), SkipParser()],
    patterns=["README.md", "docs/**/*.md", "docs/*.md"],
    fixtures=["server_at_the_usual_port"],
    setup=lambda namespace: namespace.update(has_asterisk=has_asterisk, has_pandas=has_pandas),
    teardown=end_cells,
).pytest()
