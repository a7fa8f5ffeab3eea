"""A real Asterisk in a private folder, for tests and experiments.

Example::

    installation = install("22")
    with RealAsterisk(installation) as asterisk:
        print(asterisk.url)

Asterisk comes from Debian's packages. A private apt, with separate lists and a separate package
status, downloads them. They are unpacked into a folder, and the server runs with the loader and the
libraries from there. The system is not changed, and root is not needed. The host must have apt-get,
dpkg-deb and openssl.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .._check import check_type
from . import debian
from .debian import InstallError, SuiteGone, run
from .house import SECRET, USERNAME, configuration
from .program import Program, StartError

__all__ = [
    "InstallError",
    "Installation",
    "RealAsterisk",
    "StartError",
    "SuiteGone",
    "find_system",
    "install",
]

_SUITES: Final = {"16": "bullseye", "22": "sid"}
_PACKAGES: Final = ("asterisk", "asterisk-modules", "asterisk-core-sounds-en-gsm")
# Their dependencies bring a compiler and kernel headers, which no AMI action needs.
_WITHOUT_DEPENDENCIES: Final = (
    "asterisk-dahdi",
    "libopenr2-3",
    "libpri1.4",
    "libss7-2.0",
    "libtonezone2.0",
)
_EXTRA: Final = {"16": ("asterisk-voicemail",), "22": ()}
# Only maintainer scripts, which are never run, would use these.
_UNUSED: Final = (
    *("gnupg", "gpg", "dirmngr", "pinentry", "perl", "adduser", "passwd", "login.defs"),
    *("base-passwd", "debconf"),
    *("libpam-modules", "lsb-base", "init-system", "gcc-", "readline-common", "tzdata", "pci.ids"),
    "libsnmp-base",
    *("libc-gconv", "libperl", "libsnmp4", "libsnmp3"),
)
_EXACTLY_UNUSED: Final = ("dpkg", "tar")
_LAYOUT: Final = "1"
_PORTS: Final = ("ami", "tls", "sip", "pjsip", "iax", "skinny", "dead")
_START: Final = 30.0  # seconds
_SOCKET_PATH: Final = 107  # bytes that the path of a unix socket may have


@dataclass(frozen=True)
class Installation:
    """An Asterisk that can be started.

    Attributes:
        command: the command that runs it, without options.
        modules: the folder of its modules.
        data: the folder of its sounds and documentation.
        private: true if it came from `install`.
    """

    command: tuple[str, ...]
    modules: Path
    data: Path
    private: bool


def cache_folder() -> Path:
    """Return the folder for installations.

    The environment variable `AIOAMI_ASTERISK_ROOTS` names it; by default it is in the user's cache.
    """
    return debian.cache_folder("AIOAMI_ASTERISK_ROOTS", "asterisk")


def install(version: str, root: Path | None = None) -> Installation:
    """Put Asterisk into a private folder, unless it is there already.

    It blocks: a first installation downloads packages and may take minutes.

    Args:
        version: "16" (frozen, from Debian bullseye) or "22" (the current version of Debian sid).
        root: the folder; one below `cache_folder()` if left out.

    Returns:
        The installation, for `RealAsterisk`.

    Raises:
        ValueError: there is no such version here.
        SuiteGone: the mirror no longer has this Debian release.
        InstallError: anything else failed; the text ends with the output.
    """
    if version not in _SUITES:
        raise ValueError(f"version: one of {', '.join(_SUITES)}, not {version!r}")
    root = root or cache_folder() / version
    debian.install(
        root,
        _SUITES[version],
        _PACKAGES,
        layout=_LAYOUT,
        unused=lambda name: name.startswith(_UNUSED) or name in _EXACTLY_UNUSED,
        alone=(*_WITHOUT_DEPENDENCIES, *_EXTRA[version]),
        finish=_finish,
    )
    return _installation(root)


def _finish(tree: Path) -> None:
    english = tree / "usr/share/asterisk/sounds/en"
    if not english.exists():
        english.symlink_to("en_US_f_Allison")


def find_system() -> Installation | None:
    """Return the Asterisk that is installed on this machine, or `None` if there is none."""
    program = shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin")
    modules = [Path(base, "lib/asterisk/modules") for base in ("/usr", "/usr/local")]
    modules += Path("/usr/lib").glob("*/asterisk/modules")
    data = [Path(base, "asterisk") for base in ("/usr/share", "/var/lib", "/usr/local/var/lib")]
    with contextlib.suppress(StopIteration):
        if program is not None:
            return Installation(
                (program,),
                next(path for path in modules if path.is_dir()),
                next(path for path in data if (path / "documentation").is_dir()),
                private=False,
            )
    return None


def _installation(root: Path) -> Installation:
    libraries = root / "usr/lib/x86_64-linux-gnu"
    loaders = [
        *sorted(root.glob("lib/x86_64-linux-gnu/ld-2.*.so")),
        *sorted(root.glob("**/ld-linux-x86-64.so.2")),
    ]
    places = (libraries / "asterisk/modules", root / "usr/lib/asterisk/modules")
    modules = [path for path in places if path.is_dir()]
    if not loaders or not modules:
        raise InstallError(f"{root} holds no Asterisk; remove it, and install again")
    parts = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "usr/lib")
    path = ":".join(str(root / part) for part in parts)
    command = (
        str(loaders[0]),
        "--inhibit-cache",
        "--library-path",
        path,
        str(root / "usr/sbin/asterisk"),
    )
    return Installation(command, modules[0], root / "usr/share/asterisk", private=True)


class RealAsterisk(Program):
    """A private server with a rich configuration, on free ports of 127.0.0.1.

    It blocks while it starts and stops. Entering the `with` starts it; leaving stops it. It keeps
    its ports over `kill` and `start`.

    The other users have the same secret: `readonly` (no write class), `callonly` (call and
    originate), `silent` (no read class), `slow` (cut off after 100 ms), `denied` (by address) and
    `single` (one session at a time).

    Args:
        installation: an installation, from `install` or `find_system`.
        directory: an empty folder for its files, which is kept; a temporary one if left out.

    Raises:
        ValueError: the path of the directory is too long for a Unix socket.

    Attributes:
        installation: the installation.
        host: the address that it listens on.
        port: its AMI port.
        tls_port: its AMI port for TLS.
        username: a user with all rights.
        secret: the user's secret.
        certificate: the certificate to trust, a PEM file.
        directory: the folder of its files; the configuration is in `etc`, the log in `log`.
        version: the version, as `16.28.0`; empty before the start.
    """

    called = "Asterisk"

    def __init__(self, installation: Installation, *, directory: Path | None = None) -> None:
        check_type("installation", installation, (Installation,), "what install() returns")
        check_type("directory", directory, (Path, type(None)), "a Path")
        super().__init__(len(_PORTS), directory, "aioami-")
        self.installation = installation
        self.username = USERNAME
        self.secret = SECRET
        self.version = ""
        self.certificate = self.directory / "keys/certificate.pem"
        if len(str(self.directory / "run/asterisk.ctl").encode()) > _SOCKET_PATH:
            raise ValueError(f"directory: its path is too long for a unix socket: {self.directory}")
        self.port, self.tls_port = (port.number for port in self._ports[:2])

    @property
    def url(self) -> str:
        """The URL of the server and the user with all rights, for `Manager.from_url`."""
        return f"ami://{self.username}:{self.secret}@{self.host}:{self.port}"

    @property
    def major(self) -> int:
        """The first number of the version.

        Raises:
            ValueError: it has not started yet.
        """
        return int(self.version.split(".")[0])

    def start(self) -> None:
        """Start the server, and wait until it is fully booted. It ends with the starting thread.

        Raises:
            StartError: the server ended, was not booted within 30 seconds, or does not listen.
            InstallError: openssl failed to make the certificate.
            OSError: the server or openssl cannot be executed.
        """
        if not (self.directory / "etc").is_dir():
            self.configure()
        for left in (self.directory / "run").glob("asterisk.*"):
            left.unlink()
        self._launch(
            [*self._command, "-f", "-g"],
            self.directory / "log/console",
            # On a busy machine, one question to the server may fail and the next one succeed.
            lambda: self._booted() and self._read_version(),
            _START,
            {**os.environ, "HOME": str(self.directory)},
        )
        if not self._listens() or "Unable to bind AMI" in self._log():
            raise self._failed(f"does not listen on port {self.port}")

    def wait(self, seconds: float = 10) -> None:
        """Wait until the server has ended.

        Args:
            seconds: timeout in seconds, after which it is killed.
        """
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill()

    @property
    def _command(self) -> tuple[str, ...]:
        return (*self.installation.command, "-C", str(self.directory / "etc/asterisk.conf"))

    def cli(self, command: str) -> str:
        """Run a command on the server's own command line.

        Args:
            command: the command.

        Returns:
            Its output; empty if the server does not run.

        Raises:
            subprocess.TimeoutExpired: there is no answer within 30 seconds.
        """
        done = subprocess.run(
            [*self._command, "-rx", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=30,
            check=False,
        )
        return done.stdout if done.returncode == 0 else ""

    def __repr__(self) -> str:
        return f"<RealAsterisk {self.version or '?'} at {self.host}:{self.port}>"

    def _booted(self) -> bool:
        # The port is open before the modules are loaded; this waits for them.
        return (self.directory / "run/asterisk.ctl").exists() and "fully booted" in self.cli(
            "core waitfullybooted",
        )

    def _read_version(self) -> bool:
        found = re.search(r"^Asterisk (\d[\d.]*)", self.cli("core show version"), re.MULTILINE)
        if found is not None:
            self.version = found[1]
        return found is not None

    def _listens(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=5) as link:
                return link.recv(100).startswith(b"Asterisk Call Manager/")
        except OSError:
            return False

    def _log(self) -> str:
        files = [path for path in sorted((self.directory / "log").glob("*")) if path.is_file()]
        return "\n".join(path.read_text(errors="replace")[-20_000:] for path in files)

    def configure(self) -> None:
        """Write the server's files, so that they can be changed before `start`.

        `start` writes them if this was not called.

        Raises:
            InstallError: openssl failed to make the certificate.
            OSError: openssl cannot be executed.
        """
        folders = ("etc", "run", "log/cdr-csv", "keys/keys", "lib", "cache", "agi-bin")
        spools = (
            "voicemail",
            "outgoing",
            "tmp",
            "monitor",
            "meetme",
            "system",
            "dictate",
            "recording",
        )
        for folder in (*folders, *(f"spool/{spool}" for spool in spools)):
            (self.directory / folder).mkdir(parents=True, exist_ok=True)
        values = {
            "dir": str(self.directory),
            "modules": str(self.installation.modules),
            "data": str(self.installation.data),
            **{
                f"{name}_port": str(port.number)
                for name, port in zip(_PORTS, self._ports, strict=True)
            },
        }
        for name, content in configuration(values).items():
            (self.directory / "etc" / name).write_bytes(content)
        key = self.directory / "keys/key.pem"
        run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"),
                *("-subj", "/CN=localhost"),
                *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key)),
                *("-out", str(self.certificate)),
            ],
            dict(os.environ),
        )
        (self.directory / "keys/asterisk.pem").write_text(
            self.certificate.read_text() + key.read_text(),
        )
