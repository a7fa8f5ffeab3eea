"""A real nats-server in a private folder, for tests and experiments with the bus.

Example::

    with NatsServer(install()) as server:
        print(server.url)

It comes from Debian's packages, as the real Asterisks of `aioami.testing.real` do. Root is not
needed, and the system is not changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from .._check import check_path, check_several, check_type
from . import debian
from .debian import InstallError, SuiteGone
from .program import Program, StartError

__all__ = [
    "InstallError",
    "NatsServer",
    "ServerEnded",
    "StartError",
    "SuiteGone",
    "cluster",
    "install",
]

_SUITES: Final = {"2.9": "bookworm", "newest": "sid"}
_LAYOUT: Final = "1"
_START: Final = 15.0  # seconds


def cache_folder() -> Path:
    """Return the folder for installations.

    The environment variable `AIOAMI_NATS_ROOTS` names it; by default it is in the user's cache.
    """
    return debian.cache_folder("AIOAMI_NATS_ROOTS", "nats-server")


def install(version: str = "2.9", root: Path | None = None) -> Path:
    """Put nats-server into a private folder, unless it is there already.

    It blocks while it downloads the package.

    Args:
        version: "2.9" (from Debian bookworm; for one node) or "newest" (from Debian sid).
        root: the folder; one below `cache_folder()` if left out.

    Returns:
        The program, for `NatsServer`.

    Raises:
        ValueError: there is no such version here.
        SuiteGone: the mirror no longer has this Debian release, or the package.
        InstallError: anything else failed; the text ends with the output.
    """
    if version not in _SUITES:
        raise ValueError(f"version: one of {', '.join(_SUITES)}, not {version!r}")
    root = root or cache_folder() / version
    debian.install(
        root,
        _SUITES[version],
        (),
        layout=_LAYOUT,
        unused=lambda name: True,
        alone=("nats-server",),  # a static program: its dependencies are only for a system service
        finish=lambda tree: None,
    )
    program = root / "usr/sbin/nats-server"
    if not program.is_file():
        program = root / "usr/bin/nats-server"
    if not program.is_file():
        raise InstallError(f"{root} holds no nats-server; remove it, and install again")
    return program


class ServerEnded(Exception):
    """A running nats-server ended by itself; the text ends with the end of its log."""


class NatsServer(Program):
    """A private nats-server with JetStream, on a free port of 127.0.0.1.

    It blocks while it starts and stops. Entering the `with` starts it; leaving stops it, and
    removes its files. It keeps its port over `kill` and `start`. If it crashed before, each method
    that ends it raises `ServerEnded`.

    Args:
        program: the program, from `install`.
        settings: additional settings of its configuration file: `{"max_payload": 100_000}`.
        includes: files with further settings, in the server's own language.

    Attributes:
        host, port: the address for clients.
        url: the URL for clients.
        route_port: the port for other servers of a cluster.
        directory: the folder of its files; JetStream's store is in `store`, the log is `log`.
    """

    called = "nats-server"

    def __init__(
        self,
        program: Path,
        *,
        settings: Mapping[str, Any] | None = None,
        includes: Iterable[Path] = (),
    ) -> None:
        check_path("program", program)
        check_type("settings", settings, (Mapping, type(None)), "a mapping")
        included = check_several("includes", includes, "paths")
        super().__init__(2, None, "aioami-nats-")
        self.program = program
        self.port, self.route_port = (port.number for port in self._ports)
        self.url = f"nats://{self.host}:{self.port}"
        self.settings: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "server_name": f"n{self.port}",
            "jetstream": {"store_dir": str(self.directory / "store")},
            **(settings or {}),
        }
        self._includes = included

    def start(self) -> None:
        """Start the server, and wait until it greets clients. It ends with the starting thread.

        Raises:
            StartError: the server ended, or did not greet within 15 seconds.
            OSError: the program cannot be executed.
        """
        configuration = self.directory / "nats.conf"
        # Each value is JSON, which the server's language includes.
        lines = [f"{name}: {json.dumps(value)}" for name, value in self.settings.items()]
        lines += [path.read_text(encoding="utf-8") for path in self._includes]
        configuration.write_text("\n".join(lines), encoding="utf-8")
        command = [str(self.program), "-c", str(configuration)]
        self._launch(command, self.directory / "log", self._greets, _START)

    def check(self) -> None:
        """Check that the server has not ended by itself since its start.

        Raises:
            ServerEnded: it has ended by itself.
        """
        if self._process is not None and (status := self._process.poll()) is not None:
            how = f"signal {-status}" if status < 0 else f"status {status}"
            raise ServerEnded(f"nats-server ended by itself, with {how}:\n{self._log()}")

    def _end(self, which: signal.Signals, seconds: float | None) -> None:
        try:
            self.check()
        finally:
            super()._end(which, seconds)

    def suspend(self) -> None:
        """Stop the server with SIGSTOP: it is silent until `resume`, and its connections stay."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            # On a busy machine the server's threads go on for a moment, and may still answer.
            over = os.WSTOPPED | os.WEXITED | os.WNOWAIT
            os.waitid(os.P_PID, self._process.pid, over)

    def resume(self) -> None:
        """Let the server go on after `suspend`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def empty(self) -> None:
        """Remove JetStream's store; the server must not run."""
        shutil.rmtree(self.directory / "store", ignore_errors=True)

    def __repr__(self) -> str:
        return f"<NatsServer at {self.url}{'' if self.is_running else ' not running'}>"

    def _greets(self) -> bool:
        # The greeting comes when JetStream is ready.
        with (
            contextlib.suppress(OSError),
            socket.create_connection((self.host, self.port), 1) as link,
        ):
            return link.recv(5) == b"INFO "
        return False

    def _log(self) -> str:
        log = (self.directory / "log").read_text(errors="replace")
        # The server's own lines begin with `[`. The reason of a crash is after the last of them,
        # before pages about its threads.
        last = max(0, log.rfind("\n["))
        return log[max(0, last - 2000) : last + 3000]


def cluster(program: Path, count: int = 3) -> Sequence[NatsServer]:
    """Make servers that form a cluster; start them one after the other.

    Args:
        program: the program, from `install("newest")`.
        count: the number of servers.
    """
    servers = [NatsServer(program) for _ in range(count)]
    routes = [f"nats://{server.host}:{server.route_port}" for server in servers]
    for server in servers:
        server.settings["cluster"] = {
            "name": "aioami",
            "host": server.host,
            "port": server.route_port,
            "routes": routes,
        }
    return servers
