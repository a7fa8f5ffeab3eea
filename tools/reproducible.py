"""Build wheel and sdist twice from the repository's files, as differently as two machines would, and compare the bytes.

    python tools/reproducible.py dist

The two builds differ in their folder, the times and permissions of the files, the time zone, the language and the order
of sets. If a folder with finished packages is given, these must have the same bytes too, so they have no files that git
ignores. Without git, as in an unpacked sdist, all files count. It needs `build` and the backend of pyproject.toml in
this environment.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
MACHINES: Final[list[dict[str, str]]] = [
    {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
    {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"},
]


def held() -> list[Path]:
    """Return the files of the working tree, also new ones, except those that git ignores."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists():
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
        return [Path(name) for name in names if name and (ROOT / name).is_file()]
    return [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file() and ROOT / "dist" not in path.parents]


def built(folder: Path, machine: int) -> dict[str, str]:
    """Build in a folder, as on one of the simulated machines, and return the digests."""
    for path in held():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, folder / path)
        may_run = (ROOT / path).stat().st_mode & 0o100
        (folder / path).chmod((0o644, 0o600)[machine] | may_run)
        time = (1_000_000_000, 2_000_000_000)[machine]
        os.utime(folder / path, (time, time))
    environment = {**os.environ, **MACHINES[machine]}
    environment.pop(
        "SOURCE_DATE_EPOCH", None
    )  # as in the Makefile: the packages then have the fixed time of the backend
    command = [sys.executable, "-m", "build", "--no-isolation"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the build failed:\n{done.stdout}{done.stderr}")
    return digests(folder / "dist")


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file, by its name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def main() -> int:
    """Compare the builds; return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("finished", nargs="?", type=Path, help="a folder of packages that must be the same")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as near, tempfile.TemporaryDirectory(prefix="elsewhere-") as far:
        builds = [built(Path(near), 0), built(Path(far) / "deep" / "er", 1)]
    if options.finished is not None:
        builds.append(digests(options.finished))
    same = all(each == builds[0] for each in builds)
    for each in builds if not same else builds[:1]:
        print(*(f"{digest}  {name}" for name, digest in each.items()), sep="\n")
    print("every build has the same bytes" if same else "the builds differ")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
