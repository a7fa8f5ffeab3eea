"""Debian's packages in private folders, without root.

A private apt, with separate lists and a separate package status, resolves and downloads packages.
They are unpacked, and none of their scripts is run. The host must have apt-get and dpkg-deb.

This module needs only the standard library, so that it runs before anything is installed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

_KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
_GONE: Final = ("does not have a Release file", "404  Not Found", "no longer has a Release file")
_NO_PACKAGE: Final = "Unable to locate package"


class InstallError(Exception):
    """The installation failed; the text ends with the output of the failed command."""


class SuiteGone(InstallError):
    """The mirror no longer has the Debian release or the package."""


def cache_folder(variable: str, name: str) -> Path:
    """Return the folder for installations, from an environment variable or in the user's cache.

    Args:
        variable: the environment variable.
        name: the name of the folder in the cache.
    """
    given = os.environ.get(variable)
    cache = os.environ.get("XDG_CACHE_HOME")
    if given:
        return Path(given)
    return (Path(cache) if cache else Path.home() / ".cache") / "aioami" / name


def install(
    root: Path,
    suite: str,
    packages: Iterable[str],
    *,
    layout: str,
    unused: Callable[[str], bool],
    alone: Iterable[str] = (),
    finish: Callable[[Path], None],
) -> None:
    """Put packages into a private folder, unless they are there already.

    A lock file lets several processes call this at the same time.

    Args:
        root: the folder.
        suite: the Debian release, as "sid".
        packages: names of packages, which come with their dependencies.
        layout: a version number; a change of it unpacks the same packages again.
        unused: returns true for a dependency to leave out.
        alone: names of packages that come without dependencies.
        finish: called with the unpacked tree before it is moved to its place.

    Raises:
        SuiteGone: the mirror no longer has this release, or one of the packages.
        InstallError: anything else failed.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    with _locked(root.with_name(f"{root.name}.lock")):
        complete = root / ".complete"
        if complete.is_file() and complete.read_text() == layout:
            return
        for tool in ("apt-get", "dpkg-deb"):
            if shutil.which(tool) is None:
                needed = "to put Debian's packages into a private folder"
                raise InstallError(f"{tool} is needed {needed}, and is not there")
        work = root.with_name(f"{root.name}.new")
        shutil.rmtree(work, ignore_errors=True)
        tree = _unpack(work, suite, packages, unused, alone)
        finish(tree)
        (tree / ".complete").write_text(layout)
        shutil.rmtree(root, ignore_errors=True)
        tree.rename(root)
        shutil.rmtree(work, ignore_errors=True)


def run(command: list[str], environment: dict[str, str], folder: Path | None = None) -> str:
    """Run a command, and return its output.

    Args:
        command: the program and its arguments.
        environment: its environment.
        folder: its working directory; that of this process if left out.

    Raises:
        SuiteGone: apt-get found no such release or package.
        InstallError: the command failed.
    """
    done = subprocess.run(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-2000:]
        no_suite = command[-1] == "update" and any(sign in said for sign in _GONE)
        gone = no_suite or _NO_PACKAGE in said
        raise (SuiteGone if gone else InstallError)(
            f"`{' '.join(command[:4])} ...` failed:\n{said}",
        )
    return done.stdout


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpack(
    work: Path,
    suite: str,
    packages: Iterable[str],
    unused: Callable[[str], bool],
    alone: Iterable[str],
) -> Path:
    environment = _private_apt(work / "apt", suite)
    run(["apt-get", "-qq", "update"], environment)
    plan = ""
    if packages := list(packages):
        command = ["apt-get", "-s", "-qq", "--no-install-recommends", "install", *packages]
        plan = run(command, environment)
    needed = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    wanted = [name for name in needed if not unused(name)]
    downloads = work / "packages"
    downloads.mkdir()
    run(["apt-get", "-qq", "download", *wanted, *alone], environment, downloads)
    tree = work / "tree"
    for package in sorted(downloads.glob("*.deb")):
        run(["dpkg-deb", "-x", str(package), str(tree)], environment)
    for folder in ("doc", "locale", "man", "lintian", "bug", "info"):
        shutil.rmtree(tree / "usr/share" / folder, ignore_errors=True)
    return tree


def _private_apt(folder: Path, suite: str) -> dict[str, str]:
    """Write the configuration of a private apt, and return its environment."""
    for part in (
        "etc/apt.conf.d",
        "etc/preferences.d",
        "etc/trusted.gpg.d",
        "lists/partial",
        "cache/archives/partial",
    ):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "etc/sources.list").write_text(
        f"deb [signed-by={_KEYRING}] {_mirror()} {suite} main\n",
    )
    settings = {
        "Dir::Etc": folder / "etc",
        "Dir::State": folder,
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Architecture": "amd64",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": _user(),
        "Acquire::Languages": "none",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Check-Date": "false",
        "Acquire::Retries": "3",
    }
    lines = [f'{name} "{value}";' for name, value in settings.items()]
    (folder / "apt.conf").write_text("\n".join([*lines, 'APT::Architectures { "amd64"; };', ""]))
    return {**os.environ, "APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C"}


def _mirror() -> str:
    """Return the Debian mirror of this machine's own apt."""
    targets = run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN)", "Created-By: Packages"],
        dict(os.environ),
    )
    for line in targets.splitlines():
        uri, _, origin = line.partition(" ")
        if origin == "Debian" and "security" not in uri:
            return uri
    raise InstallError(
        "this machine's apt knows no mirror of Debian; run `apt-get update` as root once",
    )


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise InstallError(
            f"apt-get needs a user with a name, and {os.getuid()} has none",
        ) from None
