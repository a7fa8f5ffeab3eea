"""A server in a separate process, with its files and its ports."""

from __future__ import annotations

import atexit
import ctypes
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Final

from .ports import free_ports

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Program", "StartError"]

_END: Final = 10.0  # seconds that a server has to end after SIGTERM
_PACE: Final = 0.02  # seconds between two looks at a server that starts


class StartError(Exception):
    """A server did not start; the text ends with its log."""


class Program(ABC):
    """A server as a process on 127.0.0.1. It blocks while it starts and stops.

    Entering the `with` starts it; leaving stops it. It keeps its ports until this object is
    dropped. While it does not run, connections to them are refused.

    Args:
        ports: the number of ports that it listens on.
        directory: a folder for its files, which is kept; a temporary folder if left out.
        prefix: the beginning of the temporary folder's name.

    Attributes:
        host: the address that it listens on.
        directory: the folder of its files.
    """

    called: ClassVar[str]
    """The name of the program, for messages."""

    def __init__(self, ports: int, directory: Path | None, prefix: str) -> None:
        self.host = "127.0.0.1"
        self._temporary = directory is None
        if directory is None:
            self.directory = Path(tempfile.mkdtemp(prefix=prefix))
        else:
            self.directory = directory.resolve()
        self._ports = free_ports(ports)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """True while its process exists, suspended or not."""
        return self._process is not None and self._process.poll() is None

    @abstractmethod
    def start(self) -> None:
        """Start the server, and wait until it is ready. It ends with the starting thread."""

    def stop(self) -> None:
        """End the server as `terminate` does, and remove its folder if that is temporary."""
        try:
            self.terminate()
        finally:
            if self._temporary:
                shutil.rmtree(self.directory, ignore_errors=True)

    def terminate(self, seconds: float = _END) -> None:
        """End the server with SIGTERM, or kill it after some seconds; it can be started again."""
        self._end(signal.SIGTERM, seconds)

    def kill(self) -> None:
        """Kill the server; its files stay, and it can be started again."""
        self._end(signal.SIGKILL, None)

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

    def _launch(
        self,
        command: Sequence[str],
        output: Path,
        is_there: Callable[[], bool],
        seconds: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Run the server's command, and wait until the server is ready.

        Args:
            command: the command.
            output: the file to which its output is added.
            is_there: called again and again, until it returns that the server is ready.
            seconds: the seconds that the start may take.
            environment: its environment; that of this process if left out.

        Raises:
            StartError: the server ended, or was not ready in time.
            OSError: the command cannot be executed.
        """
        with output.open("ab") as log:
            process = self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        atexit.register(self.kill)
        deadline = time.monotonic() + seconds
        while not is_there():
            if process.poll() is not None or time.monotonic() > deadline:
                raise self._failed("did not start")
            time.sleep(_PACE)

    def _failed(self, how: str) -> StartError:
        """End the server, and return the error that describes its failed start."""
        Program._end(self, signal.SIGKILL, None)
        return StartError(f"{self.called} {how}:\n{self._log()}")

    def _end(self, which: signal.Signals, seconds: float | None) -> None:
        atexit.unregister(self.kill)
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(which)
            process.send_signal(signal.SIGCONT)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @abstractmethod
    def _log(self) -> str:
        """Return the end of the server's log."""


def _end_with_parent() -> None:
    """Have the kernel kill this process when the parent's thread ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
