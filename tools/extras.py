"""Install a wheel into clean environments, and try each: without any extra, with each extra alone, with all together.

    python tools/extras.py dist/aioami-0.1.0-py3-none-any.whl
    python tools/extras.py dist/aioami-0.1.0-py3-none-any.whl --python python3.13 --sets none all

The wheel itself lists its extras. `tests/smoke.py` tries the features of each extra. The Python that runs this needs uv,
which fills an environment in a tenth of pip's time. The Python of the environments needs no package.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

SMOKE: Final = Path(__file__).parents[1] / "tests" / "smoke.py"
SETS: Final[dict[str, Callable[[list[str]], list[list[str]]]]] = {
    "none": lambda extras: [[]],
    "each": lambda extras: [[extra] for extra in extras],
    "all": lambda extras: [extras],
}
"""The sets of extras to install together, made from the list of all extras."""


def extras_of(wheel: Path) -> list[str]:
    """Return the extras that a wheel declares."""
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return HeaderParser().parsestr(archive.read(metadata).decode()).get_all("Provides-Extra") or []


def tried(wheel: Path, python: str, extras: list[str]) -> bool:
    """Return `True` if the wheel works with these extras, in an environment without other packages."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "environment"
        own = home / "bin" / "python"
        smoke = shutil.copy(SMOKE, folder)
        what = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
        # The installer is outside of the environment, which so has only the packages that the wheel asks for.
        for command in (
            [python, "-m", "venv", "--without-pip", str(home)],
            [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(own), what],
            [str(own), "-I", smoke, *extras],
        ):
            if subprocess.run(command, cwd=folder, check=False).returncode:
                print(f"FAILED {' '.join(command)}", flush=True)
                return False
    print(f"ok {time.monotonic() - began:5.1f} s  {', '.join(extras) or 'no extra'}", flush=True)
    return True


def main() -> int:
    """Try the sets of the command line; return 1 if one of them does not work."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the environments; this one")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS), help="which; all if left out")
    options = parser.parse_args()
    wheel = options.wheel.resolve()
    extras = extras_of(wheel)
    wanted = [each for name in options.sets for each in SETS[name](extras)]
    results = [tried(wheel, options.python, each) for each in wanted]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
