"""What all tests share: a real Asterisk of each version."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from aioami.testing.real import InstallError, RealAsterisk, SuiteGone, find_system, install

VERSIONS = ("16", "22")
REQUIRED = bool(os.environ.get("CI") or os.environ.get("AIOAMI_REQUIRE_ASTERISK"))
gone: dict[str, str] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--asterisk",
        default=",".join(VERSIONS),
        help="which real Asterisk servers to test against: 16, 22, 16,22 or none",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for version, why in gone.items():
        terminalreporter.section(f"NOT TESTED: Asterisk {version}", red=True)
        terminalreporter.write_line(f"Debian's mirror does not offer it any more: {why}")


@pytest.fixture(scope="session", params=VERSIONS)
def real_asterisk(request: pytest.FixtureRequest) -> Iterator[RealAsterisk]:
    """A private Asterisk of each version, with the configuration of `aioami.testing`."""
    version: str = request.param
    if version not in request.config.getoption("--asterisk").split(","):
        pytest.skip(f"Asterisk {version} is left out by --asterisk")
    try:
        installation = install(version)
    except SuiteGone as error:
        gone[version] = str(error)
        pytest.skip(f"Debian's mirror does not offer Asterisk {version} any more")
    except InstallError as error:
        system = find_system() if not shutil.which("apt-get") else None
        if system is None and REQUIRED:
            raise
        if system is None or version != VERSIONS[-1]:
            pytest.skip(
                f"Asterisk {version} is not there: on a machine with apt-get and Debian's archive keyring it is "
                f"installed into a private folder, elsewhere install Asterisk ({error})"
            )
        installation = system
    with RealAsterisk(installation) as server:
        yield server
