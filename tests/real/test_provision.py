"""How a real Asterisk comes, starts and goes; with plain sockets, so that the client under test has no part in it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aioami.testing import real
from aioami.testing.real import Installation, InstallError, RealAsterisk, StartError, SuiteGone, install

TOOL = Path(__file__).parents[2] / "tools/asterisk"
needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are looked up in /proc")


class Link:
    """One connection; each request waits for the reply with its ActionID."""

    def __init__(self, plain: socket.socket) -> None:
        self.socket = plain
        self.socket.settimeout(10)
        self.file = plain.makefile("rb")
        self.count = 0
        self.banner = self.file.readline().decode()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def ask(self, action: str, **headers: str) -> dict[str, str]:
        self.count += 1
        fields = {"Action": action, "ActionID": str(self.count), **headers}
        self.socket.sendall("".join(f"{key}: {value}\r\n" for key, value in fields.items()).encode() + b"\r\n")
        while True:
            message = self.read()
            if "Response" in message and message.get("ActionID") == str(self.count):
                return message

    def read(self) -> dict[str, str]:
        message: dict[str, str] = {}
        while line := self.file.readline():
            if line in (b"\r\n", b"\n"):
                return message
            key, _, value = line.decode(errors="replace").partition(":")
            message[key] = value.strip()
        raise EOFError("the server closed the connection")


def connect(server: RealAsterisk) -> Link:
    return Link(socket.create_connection((server.host, server.port), timeout=10))


def log_in(link: Link, username: str = "admin") -> dict[str, str]:
    return link.ask("Login", Username=username, Secret="s3cret")


def processes(directory: Path) -> list[int]:
    """Those that were started with this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"{directory}/etc/asterisk.conf".encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# -- a server that runs ------------------------------------------------------------------------------------------------


def test_tcp(real_asterisk: RealAsterisk) -> None:
    """It greets, logs in and answers a Ping over TCP."""
    with connect(real_asterisk) as link:
        assert link.banner.startswith("Asterisk Call Manager/")
        assert log_in(link)["Response"] == "Success"
        assert link.ask("Ping")["Ping"] == "Pong"


def test_tls(real_asterisk: RealAsterisk) -> None:
    """Over TLS it does the same, with a certificate that is valid for its address and for localhost."""
    context = ssl.create_default_context(cafile=str(real_asterisk.certificate))
    for name in ("127.0.0.1", "localhost"):
        plain = socket.create_connection((real_asterisk.host, real_asterisk.tls_port), timeout=10)
        with Link(context.wrap_socket(plain, server_hostname=name)) as link:
            assert log_in(link)["Response"] == "Success"
            assert link.ask("Ping")["Ping"] == "Pong"


def test_version(real_asterisk: RealAsterisk) -> None:
    """The version is the one that its own command line tells, and one that was asked for."""
    assert real_asterisk.cli("core show version").startswith(f"Asterisk {real_asterisk.version}")
    assert real_asterisk.version.count(".") == 2
    assert real_asterisk.major == 16 or real_asterisk.major >= 22


def test_users(real_asterisk: RealAsterisk) -> None:
    """Each user may do what the class says of it, and no more."""
    for username in ("admin", "readonly", "callonly", "silent", "slow", "single"):
        with connect(real_asterisk) as link:
            assert log_in(link, username)["Response"] == "Success"
    with connect(real_asterisk) as link:
        assert log_in(link, "denied")["Response"] == "Error"
    with connect(real_asterisk) as first, connect(real_asterisk) as second:
        assert log_in(first, "single")["Response"] == "Success"
        assert log_in(second, "single")["Response"] == "Error"
    with connect(real_asterisk) as link:
        log_in(link, "readonly")
        assert link.ask("Command", Command="core show uptime")["Message"] == "Permission denied"
    with connect(real_asterisk) as link:
        log_in(link, "callonly")
        assert link.ask("CoreSettings")["Message"] == "Permission denied"


@needs_proc
def test_loopback_only(real_asterisk: RealAsterisk) -> None:
    """Whatever listens for TCP connections does so on 127.0.0.1."""
    (pid,) = processes(real_asterisk.directory)
    own = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()}
    listening = {}
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in own:
                address, _, port = local.partition(":")
                listening[int(port, 16)] = address
    assert {real_asterisk.port, real_asterisk.tls_port} <= set(listening)
    assert set(listening.values()) == {
        socket.inet_aton("127.0.0.1")[:: -1 if sys.byteorder == "little" else 1].hex().upper()
    }


# -- start and stop ----------------------------------------------------------------------------------------------------


@needs_proc
def test_side_by_side(real_asterisk: RealAsterisk) -> None:
    """A second server of the same installation runs beside the first; stopped, it leaves no process and no files."""
    with RealAsterisk(real_asterisk.installation) as other:
        assert other.version == real_asterisk.version
        assert not {other.port, other.tls_port} & {real_asterisk.port, real_asterisk.tls_port}
        with connect(other) as link, connect(real_asterisk) as first:
            for one in (link, first):
                log_in(one)
            link.ask("DBPut", Family="provision", Key="only", Val="here")
            assert first.ask("DBGet", Family="provision", Key="only")["Response"] == "Error"
        (pid,) = processes(other.directory)
    assert not Path(f"/proc/{pid}").exists()
    assert processes(other.directory) == []
    assert not other.directory.exists()
    with connect(real_asterisk) as link:
        assert log_in(link)["Response"] == "Success"


def test_ready_when_started(real_asterisk: RealAsterisk) -> None:
    """Once start() returns, it is fully booted: all modules are loaded."""
    with RealAsterisk(real_asterisk.installation) as other, connect(other) as link:
        log_in(link)
        message = link.read()
        while message.get("Event") != "FullyBooted":
            message = link.read()
        assert link.ask("QueueSummary")["Response"] == "Success"


def test_shutdown_is_told(real_asterisk: RealAsterisk) -> None:
    """stop() ends it as an operator would: who is connected gets a Shutdown event."""
    with RealAsterisk(real_asterisk.installation) as other, connect(other) as link:
        log_in(link)
        other.stop()
        message = link.read()
        while message.get("Event") != "Shutdown":
            message = link.read()
        assert message["Shutdown"] == "Cleanly"
        with pytest.raises(EOFError):
            while True:
                link.read()


@needs_proc
def test_kill_and_start_again(real_asterisk: RealAsterisk) -> None:
    """After kill() it can start again, on the same ports and with what it had stored."""
    with RealAsterisk(real_asterisk.installation) as other:
        with connect(other) as link:
            log_in(link)
            link.ask("DBPut", Family="provision", Key="kept", Val="yes")
        port = other.port
        eventually(lambda: "/provision/kept" in other.cli("database show"))
        other.cli("core stop gracefully")
        eventually(lambda: not connects(other))
        other.kill()
        assert processes(other.directory) == []
        with socket.socket() as taker, pytest.raises(OSError, match="in use"):
            taker.bind((other.host, port))  # nobody else gets it meanwhile
        other.start()
        assert other.port == port
        assert "/provision/kept" in other.cli("database show")


def connects(server: RealAsterisk) -> bool:
    try:
        socket.create_connection((server.host, server.port), timeout=5).close()
    except OSError:
        return False
    return True


def test_stop_twice(real_asterisk: RealAsterisk) -> None:
    """stop() and kill() may be called at any time, before start() too, and again."""
    other = RealAsterisk(real_asterisk.installation)
    other.kill()
    other.stop()
    other.stop()
    assert not other.directory.exists()


@needs_proc
def test_ends_with_the_parent(real_asterisk: RealAsterisk) -> None:
    """A program that is killed leaves no server behind."""
    program = (
        "import sys; from pathlib import Path; from aioami.testing.real import Installation, RealAsterisk\n"
        "*command, modules, data = sys.argv[1:]\n"
        "server = RealAsterisk(Installation(tuple(command), Path(modules), Path(data), private=True))\n"
        "server.start(); print(server.directory, flush=True); sys.stdin.read()\n"
    )
    installation = real_asterisk.installation
    arguments = [*installation.command, str(installation.modules), str(installation.data)]
    source = str(Path(real.__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": source},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        directory = Path(child.stdout.readline().strip())
        try:
            assert len(processes(directory)) == 1
            child.send_signal(signal.SIGKILL)
            child.wait(10)
            eventually(lambda: processes(directory) == [])
        finally:
            child.kill()
            shutil.rmtree(directory)


def test_port_taken(real_asterisk: RealAsterisk) -> None:
    """If its port is taken, start() raises, ends the process, and the exception names the port and what was logged."""
    other = RealAsterisk(real_asterisk.installation)
    # The server's own, which is bound and does not listen, is in nobody's way.
    with socket.create_server((other.host, other.port)), pytest.raises(StartError) as caught, other:
        pass
    assert str(other.port) in str(caught.value)
    assert "Address already in use" in str(caught.value)
    assert not other.directory.exists()


def test_program_that_ends() -> None:
    """If the program ends while it starts, the exception holds what it printed."""
    command = ("/bin/sh", "-c", "echo the cat sat on it >&2; exit 3", "asterisk")
    with (
        pytest.raises(StartError, match="the cat sat on it"),
        RealAsterisk(Installation(command, Path("/nowhere"), Path("/nowhere"), private=True)),
    ):
        pass


def test_path_too_long(tmp_path: Path) -> None:
    """A folder whose path is too long for the control socket is refused at once."""
    with pytest.raises(ValueError, match="too long"):
        RealAsterisk(Installation((), tmp_path, tmp_path, private=True), directory=tmp_path / ("x" * 100))


# -- the tool ----------------------------------------------------------------------------------------------------------


@needs_proc
@pytest.mark.skipif(not TOOL.exists(), reason="tools/asterisk is in the source tree only")
def test_tool(real_asterisk: RealAsterisk) -> None:
    """`tools/asterisk run` prints the URL of a server that answers, and SIGTERM ends both."""
    if not real_asterisk.installation.private:
        pytest.skip("the tool starts private installations only")
    version = "16" if real_asterisk.major == 16 else "22"
    with subprocess.Popen(
        [sys.executable, str(TOOL), "run", version], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as tool:
        try:
            assert tool.stdout is not None
            url = tool.stdout.readline().strip()
            assert url.startswith("ami://admin:s3cret@127.0.0.1:")
            tool.stdout.readline()
            directory = Path(tool.stdout.readline().split(";")[0].removeprefix("files in "))
            with Link(socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=10)) as link:
                assert log_in(link)["Response"] == "Success"
            assert len(processes(directory)) == 1
            tool.terminate()
            assert tool.wait(20) == 0
            assert processes(directory) == []
            assert not directory.exists()
        finally:
            tool.kill()


# -- installing, with an apt that only pretends ------------------------------------------------------------------------

APT = """#!/bin/sh
echo "$*" >> "{log}"
case "$*" in
*python3.19*) echo "E: Unable to locate package python3.19" >&2; exit 100 ;;
*indextargets*) echo "http://mirror.invalid/debian/ Debian" ;;
*update*) {update} ;;
*"-s "*) printf 'Inst asterisk (1)\\nInst libperl5 (1)\\nInst libfoo (1)\\n' ;;
*download*) {download} ;;
esac
"""
DPKG = """#!/bin/sh
mkdir -p "$3/lib/x86_64-linux-gnu" "$3/usr/lib/asterisk/modules" "$3/usr/share/asterisk/sounds" "$3/usr/share/doc"
touch "$3/lib/x86_64-linux-gnu/ld-2.31.so"
"""


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put an apt in front of the machine's that does as told; return the file that lists what it was asked."""

    def put(update: str = "true", download: str = "touch asterisk.deb") -> Path:
        programs, log = tmp_path / "bin", tmp_path / "log"
        programs.mkdir(exist_ok=True)
        for name, text in (("apt-get", APT.format(log=log, update=update, download=download)), ("dpkg-deb", DPKG)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        if str(programs) not in os.environ["PATH"]:
            monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        return log

    return put


def test_install_is_idempotent(pretend: Callable[..., Path], tmp_path: Path) -> None:
    """What is installed once is not fetched again, and packages that only their own scripts use are left out."""
    log = pretend()
    first = install("16", tmp_path / "root")
    asked = log.read_text()
    assert install("16", tmp_path / "root") == first
    assert log.read_text() == asked
    (download,) = [line for line in asked.splitlines() if "download" in line]
    assert {"asterisk", "libfoo", "asterisk-voicemail"} <= set(download.split())
    assert "libperl5" not in download
    assert first.private
    assert first.modules == tmp_path / "root/usr/lib/asterisk/modules"
    assert not (tmp_path / "root/usr/share/doc").exists()


def test_install_at_the_same_time(pretend: Callable[..., Path], tmp_path: Path) -> None:
    """Of several that install at once one does the work, and the others wait for it."""
    log = pretend(update="sleep 0.2")
    results: list[Installation] = []
    threads = [
        threading.Thread(target=lambda: results.append(install("16", tmp_path / "root")), daemon=True) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(results) == 3
    assert len(set(results)) == 1
    assert sum("update" in line for line in log.read_text().splitlines()) == 1


def test_suite_gone(pretend: Callable[..., Path], tmp_path: Path) -> None:
    """A release that the mirror does not offer is told apart from what may work tomorrow."""
    pretend(update="echo \"E: The repository 'x bullseye Release' does not have a Release file.\" >&2; exit 100")
    with pytest.raises(SuiteGone, match="does not have a Release file"):
        install("16", tmp_path / "root")
    pretend(update='echo "E: Temporary failure resolving" >&2; exit 100')
    with pytest.raises(InstallError, match="Temporary failure") as caught:
        install("16", tmp_path / "root")
    assert not isinstance(caught.value, SuiteGone)


def test_install_failed(pretend: Callable[..., Path], tmp_path: Path) -> None:
    """What fails half-way leaves nothing that looks installed, and the next attempt starts afresh."""
    pretend(download='touch half.deb; echo "E: no space left" >&2; exit 100')
    with pytest.raises(InstallError, match="no space left"):
        install("16", tmp_path / "root")
    assert not (tmp_path / "root").exists()
    pretend()
    assert install("16", tmp_path / "root").private
    assert not (tmp_path / "root.new").exists()


def test_unknown_version(tmp_path: Path) -> None:
    """A version that is in no release we know is a ValueError."""
    with pytest.raises(ValueError, match="16, 22"):
        install("18", tmp_path / "root")


# -- the tool for Pythons ----------------------------------------------------------------------------------------------

PYTHON_TOOL = TOOL.with_name("python")
needs_python_tool = pytest.mark.skipif(not PYTHON_TOOL.exists(), reason="tools/python is in the source tree only")


def run_python_tool(version: str, roots: Path) -> subprocess.CompletedProcess[str]:
    """Run `tools/python VERSION`, with its folders in `roots`."""
    environment = {**os.environ, "AIOAMI_PYTHON_ROOTS": str(roots)}
    command = [sys.executable, str(PYTHON_TOOL), version]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@needs_python_tool
def test_a_python_that_debian_does_not_offer(pretend: Callable[..., Path], tmp_path: Path) -> None:
    """`tools/python` ends with 3 for a version that Debian does not offer, and with 1 for what may work tomorrow."""
    pretend()
    done = run_python_tool("3.19", tmp_path / "pythons")
    assert done.returncode == 3
    assert "Debian does not offer Python 3.19" in done.stderr
    assert not (tmp_path / "pythons/3.19").exists()
    pretend(update='echo "E: Temporary failure resolving" >&2; exit 100')
    done = run_python_tool("3.15", tmp_path / "pythons")
    assert done.returncode == 1
    assert "Temporary failure" in done.stderr


@needs_python_tool
@pytest.mark.parametrize("version", ["3", "3.1", "python3.15", "../3.15"])
def test_a_python_that_is_no_version(version: str, tmp_path: Path) -> None:
    """`tools/python` says what a version looks like."""
    done = run_python_tool(version, tmp_path)
    assert done.returncode == 2
    assert f"a version as 3.15 is needed, not '{version}'" in done.stderr
