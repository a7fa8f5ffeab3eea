"""A pytest plugin: servers for tests, and a manager that is logged in on one.

It comes with the package. Its fixtures need pytest-asyncio, in either of its modes:

    async def test_ping(ami_manager):
        assert (await ami_manager.send(core.Ping())).success

- `fake_asterisk`: a `FakeAsterisk`, a new one for each test. The marker `fake_asterisk(...)` gives
  its arguments.
- `real_asterisk`: a `RealAsterisk`, one of each version for the whole run. It is installed into a
  private folder at its first use.
- `ami_server`: the real server if a test, or one of its fixtures, asks for it; else the fake one.
- `ami_manager`: a `Manager`, logged in on `ami_server`.

`--fake-asterisk 13,16,22` and `--asterisk 16,22`, or `fake_asterisk` and `asterisk` in the
configuration, choose the versions: each test runs with each of them. `none` skips the tests with
that kind of server.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

# Without pytest-asyncio the fixtures report that it is missing; other tests run as usual.
_HAS_ASYNCIO: Final = importlib.util.find_spec("pytest_asyncio") is not None

if TYPE_CHECKING or _HAS_ASYNCIO:
    import pytest_asyncio

if TYPE_CHECKING:
    from aioami import Manager
    from aioami.testing import FakeAsterisk
    from aioami.testing.real import RealAsterisk

_FAKE: Final = ("13", "16", "22")
_REAL: Final = ("16", "22")
_GONE: Final = pytest.StashKey[dict[str, str]]()
_VERSIONS: Final = (
    # fixture, option and setting, known versions, what it is for
    (
        "fake_asterisk",
        "fake-asterisk",
        _FAKE,
        "which Asterisk the fake servers pass for: 13, 16, 22 or several",
    ),
    (
        "real_asterisk",
        "asterisk",
        _REAL,
        "which real Asterisk servers to test against: 16, 22, 16,22 or none",
    ),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose versions, and the settings of the same names."""
    group = parser.getgroup("aioami")
    for _, name, _, purpose in _VERSIONS:
        group.addoption(f"--{name}", default=None, metavar="VERSIONS", help=purpose)
        parser.addini(name.replace("-", "_"), purpose, default="22")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and refuse unknown versions."""
    config.addinivalue_line(
        "markers",
        "fake_asterisk(**options): arguments of the FakeAsterisk that the fixture starts",
    )
    config.stash[_GONE] = {}
    for _, name, known, _ in _VERSIONS:
        wrong = [version for version in _chosen(config, name) if version not in known]
        if wrong:
            raise pytest.UsageError(f"--{name}: {', '.join(known)} or none, not {', '.join(wrong)}")


def _chosen(config: pytest.Config, name: str) -> list[str]:
    given = config.getoption(f"--{name}")
    text = config.getini(name.replace("-", "_")) if given is None else given
    versions = [version.strip() for version in str(text).replace(",", " ").split()]
    return [] if versions == ["none"] else versions


def _version(request: pytest.FixtureRequest, name: str) -> str:
    """Return the version for a fixture: the test's parameter, or the first chosen version."""
    given: str | None = getattr(request, "param", None)
    return given or (_chosen(request.config, name) or ["22"])[0]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with each chosen version."""
    asked = _asked_for(metafunc.fixturenames)
    for fixture, name, _, _ in _VERSIONS:
        if (
            fixture in asked
            and not _is_overridden(metafunc, fixture)
            and not _is_parametrized(metafunc, fixture)
        ):
            chosen = _chosen(metafunc.config, name)
            skipped = pytest.mark.skip(f"--{name} leaves this test out")
            values: list[Any] = [*chosen] or [pytest.param("none", marks=skipped)]
            scope: Any = "session" if fixture == "real_asterisk" else "function"
            if fixture not in metafunc.fixturenames:
                metafunc.fixturenames.append(fixture)
            metafunc.parametrize(fixture, values, indirect=True, scope=scope)


def _is_parametrized(metafunc: pytest.Metafunc, fixture: str) -> bool:
    """True if the test names its versions itself."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs.get("argnames", ())
        if fixture in (
            [name.strip() for name in names.split(",")] if isinstance(names, str) else names
        ):
            return True
    return False


def _asked_for(names: list[str]) -> set[str]:
    """The servers of a test: those that it names, or the fake one if it uses a manager."""
    servers = {name for name in names if name in ("fake_asterisk", "real_asterisk")}
    return servers or ({"fake_asterisk"} if "ami_server" in names else set())


def _is_overridden(metafunc: pytest.Metafunc, fixture: str) -> bool:
    """True if a project replaces this fixture, or `ami_server`, by its own."""
    names = [fixture] if fixture in metafunc.fixturenames else [fixture, "ami_server"]
    definitions = metafunc._arg2fixturedefs
    return any(
        name in definitions and definitions[name][-1].func.__module__ != __name__ for name in names
    )


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """List the real servers that Debian no longer offers: not a failure, but worth a notice."""
    for version, why in config.stash[_GONE].items():
        terminalreporter.section(f"NOT TESTED: Asterisk {version}", red=True)
        terminalreporter.write_line(f"Debian's mirror does not offer it any more: {why}")


class _RealServers(contextlib.ExitStack):
    """The real servers that tests have used, by version; they run until the end of the run."""

    def __init__(self) -> None:
        super().__init__()
        self.by_version: dict[str, RealAsterisk] = {}


@pytest.fixture(scope="session")
def _real_servers() -> Iterator[_RealServers]:
    # A change of the version does not stop them: with pytest-xdist it changes with each file.
    with _RealServers() as servers:
        yield servers


@pytest.fixture(scope="session")
def real_asterisk(request: pytest.FixtureRequest, _real_servers: _RealServers) -> RealAsterisk:
    """A private Asterisk with the configuration of `aioami.testing`, one of each version for a run.

    At its first use it is installed from Debian's packages into the user's cache, without root. On
    a system without `apt-get`, the system's own Asterisk stands in for version 22, if there is one.
    A test without either is skipped, or fails if the environment has `CI` or
    `AIOAMI_REQUIRE_ASTERISK`.
    """
    from aioami.testing.real import InstallError, RealAsterisk, SuiteGone, find_system, install

    version = _version(request, "asterisk")
    if version in _real_servers.by_version:
        return _real_servers.by_version[version]
    try:
        installation = install(version)
    except SuiteGone as error:
        request.config.stash[_GONE][version] = str(error)
        pytest.skip(f"Debian's mirror does not offer Asterisk {version} any more")
    except InstallError as error:
        system = find_system() if not shutil.which("apt-get") else None
        required = os.environ.get("CI") or os.environ.get("AIOAMI_REQUIRE_ASTERISK")
        if system is None and required:
            raise
        if system is None or version != _REAL[-1]:
            pytest.skip(
                f"Asterisk {version} is not there: on a machine with apt-get and Debian's "
                "archive keyring it is "
                f"installed into a private folder, elsewhere install Asterisk ({error})"
            )
        installation = system
    server = _real_servers.enter_context(RealAsterisk(installation))
    _real_servers.by_version[version] = server
    return server


@pytest.fixture
def ami_server(request: pytest.FixtureRequest) -> FakeAsterisk | RealAsterisk:
    """The server that `ami_manager` logs in on; a project can override this fixture."""
    name = "real_asterisk" if "real_asterisk" in request.fixturenames else "fake_asterisk"
    server: FakeAsterisk | RealAsterisk = request.getfixturevalue(name)
    return server


async def _fake_asterisk(request: pytest.FixtureRequest) -> AsyncIterator[FakeAsterisk]:
    """A fake server, with the options of the test's marker `fake_asterisk`."""
    from aioami.testing import FakeAsterisk

    options: dict[str, Any] = {"version": _version(request, "fake-asterisk")}
    for mark in reversed(list(request.node.iter_markers("fake_asterisk"))):
        if mark.args:
            raise pytest.UsageError(
                "the marker fake_asterisk takes arguments by name only, as version='16'"
            )
        options |= mark.kwargs
    async with FakeAsterisk(**options) as server:
        yield server


async def _ami_manager(ami_server: FakeAsterisk | RealAsterisk) -> AsyncIterator[Manager]:
    """A manager that is logged in on `ami_server` until the test ends."""
    from aioami import Manager

    async with Manager.from_url(ami_server.url) as manager:
        yield manager


if _HAS_ASYNCIO:
    fake_asterisk = pytest_asyncio.fixture(name="fake_asterisk")(_fake_asterisk)
    ami_manager = pytest_asyncio.fixture(name="ami_manager")(_ami_manager)
else:

    @pytest.fixture
    def fake_asterisk() -> None:
        """Say what is missing."""
        pytest.fail(
            "the fixture fake_asterisk needs pytest-asyncio: install aioami[testing]", pytrace=False
        )

    @pytest.fixture
    def ami_manager() -> None:
        """Say what is missing."""
        pytest.fail(
            "the fixture ami_manager needs pytest-asyncio: install aioami[testing]", pytrace=False
        )
