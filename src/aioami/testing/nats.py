"""A real nats-server in a private folder, for tests and experiments with the bus.

Example::

    with NatsServer(install()) as server:
        print(server.url)

It comes from Debian's packages, as the real Asterisks of `aioami.testing.real` do, and needs
neither root nor the system.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from .._check import check_path, check_several, check_type
from . import debian
from .debian import InstallError, SuiteGone
from .real import StartError, end_with_parent, free_ports

if TYPE_CHECKING:
    from typing_extensions import Self

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

    It is that of the environment variable `AIOAMI_NATS_ROOTS`, or one in the user's cache.
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
        ValueError: the version is another one.
        SuiteGone: the mirror no longer has this Debian release, or it no longer has the package.
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
        alone=("nats-server",),  # a static program: what it depends on serves its service alone
        finish=lambda tree: None,
    )
    program = root / "usr/sbin/nats-server"
    if not program.is_file():
        program = root / "usr/bin/nats-server"
    if not program.is_file():
        raise InstallError(f"{root} holds no nats-server; remove it, and install again")
    return program


class ServerEnded(Exception):
    """A nats-server that was to run had ended by itself; the text ends with the end of its log."""


class NatsServer:
    """A private nats-server with JetStream, on a free port of 127.0.0.1.

    It blocks while it starts and stops. Entering the `with` starts it; leaving stops it, and
    removes its files. It keeps its port over `kill` and `start`. One that crashed meanwhile is told
    by whatever ends it.

    Args:
        program: the program, from `install`.
        settings: settings of its configuration file, added to its own: `{"max_payload": 100_000}`.
        includes: files with further settings, in the server's own language.

    Attributes:
        host, port: where it listens.
        url: the URL for clients.
        directory: the folder of its files; JetStream's store is in `store`, the log is `log`.
    """

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
        self.program = program
        self.host = "127.0.0.1"
        (self.port,) = free_ports(1)
        self.url = f"nats://{self.host}:{self.port}"
        self.directory = Path(tempfile.mkdtemp(prefix="aioami-nats-"))
        self.settings: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "server_name": f"n{self.port}",
            "jetstream": {"store_dir": str(self.directory / "store")},
            **(settings or {}),
        }
        self._includes = included
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """True while its process is there, stopped or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, and wait until it greets clients. It ends with the thread that started it.

        Raises:
            StartError: it ended, or did not greet within 15 seconds.
            OSError: the program cannot be executed.
        """
        configuration = self.directory / "nats.conf"
        # Each value is JSON, which the server's language has in it.
        lines = [f"{name}: {json.dumps(value)}" for name, value in self.settings.items()]
        lines += [path.read_text(encoding="utf-8") for path in self._includes]
        configuration.write_text("\n".join(lines), encoding="utf-8")
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.program), "-c", str(configuration)],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
        atexit.register(self.kill)
        deadline = time.monotonic() + _START
        while not self._greets():
            if self._process.poll() is not None or time.monotonic() > deadline:
                with contextlib.suppress(ServerEnded):
                    self.kill()
                raise StartError(f"nats-server did not start:\n{self._log()}")
            time.sleep(0.01)

    def check(self) -> None:
        """Say so if it has ended by itself since its start.

        Raises:
            ServerEnded: it has.
        """
        if self._process is not None and (status := self._process.poll()) is not None:
            how = f"signal {-status}" if status < 0 else f"status {status}"
            raise ServerEnded(f"nats-server ended by itself, with {how}:\n{self._log()}")

    def stop(self) -> None:
        """End it with SIGTERM, and remove its files.

        Raises:
            ServerEnded: it had ended by itself; its files are removed all the same.
        """
        try:
            self.terminate()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def terminate(self, seconds: float = 10.0) -> None:
        """End it with SIGTERM, or after so many seconds kill it; it can be started again.

        Raises:
            ServerEnded: it had ended by itself.
        """
        self._end(signal.SIGTERM, seconds)

    def kill(self) -> None:
        """Kill it; its files stay, and it can be started again.

        Raises:
            ServerEnded: it had ended by itself.
        """
        self._end(signal.SIGKILL, None)

    def _end(self, which: signal.Signals, seconds: float | None) -> None:
        atexit.unregister(self.kill)
        try:
            self.check()
        finally:
            process, self._process = self._process, None
            if process is not None and process.returncode is None:
                process.send_signal(which)
                process.send_signal(signal.SIGCONT)
                try:
                    process.wait(seconds)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def suspend(self) -> None:
        """Stop it with SIGSTOP, so that nothing answers until `resume`; its connections stay."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            # On a busy machine its threads go on for a moment, and may still answer.
            over = os.WSTOPPED | os.WEXITED | os.WNOWAIT
            os.waitid(os.P_PID, self._process.pid, over)

    def resume(self) -> None:
        """Let it go on behind `suspend`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def empty(self) -> None:
        """Remove all that JetStream has stored; it must not run."""
        shutil.rmtree(self.directory / "store", ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<NatsServer at {self.url}{'' if self.is_running else ' not running'}>"

    def _greets(self) -> bool:
        # The greeting comes when JetStream is there.
        with (
            contextlib.suppress(OSError),
            socket.create_connection((self.host, self.port), 1) as link,
        ):
            return link.recv(5) == b"INFO "
        return False

    def _log(self) -> str:
        log = (self.directory / "log").read_text(errors="replace")
        # Each line of its own begins with `[`; the reason of a crash stands behind the last of
        # them, before pages of what else it was doing.
        last = max(0, log.rfind("\n["))
        return log[max(0, last - 2000) : last + 3000]


def cluster(program: Path, count: int = 3) -> Sequence[NatsServer]:
    """Make servers that form a cluster; they are to be started one after the other.

    Args:
        program: the program, from `install("newest")`.
        count: the number of servers.
    """
    ports = free_ports(count)
    routes = [f"nats://127.0.0.1:{port}" for port in ports]
    return [
        NatsServer(
            program,
            settings={
                "cluster": {"name": "aioami", "host": "127.0.0.1", "port": port, "routes": routes}
            },
        )
        for port in ports
    ]
