"""Run each test file in a separate pytest, several at a time: a file that depends on another file fails here.

    python tools/alone.py tests/unit                   each file below a folder, or files
    python tools/alone.py tests/real -- --asterisk 22  with options for pytest after the dashes

Each file is reported as it ends. The output of failed files follows at the end, and the last
line counts all tests. The tests run with the Python, and the environment, that run this program.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# These files take longest, as they wait for programs and servers; the whole suite begins with them too (see conftest.py).
SLOWEST = (
    "tests/unit/cli/test_cli_top.py",
    "tests/unit/project/test_examples_on_fake.py",
    "tests/unit/bus/test_commands.py",
    "tests/unit/agi/test_agi_on_fake.py",
    "tests/unit/catalogue/test_core_on_fake.py",
)
# This file counts instructions under a tracer, which beside busy neighbours takes longer than all others.
LAST = "test_cost.py"
NO_TESTS = 5  # pytest's exit status


def test_files(paths: list[Path]) -> list[Path]:
    """List the test files at or below these paths, the slowest first: mostly these are the largest."""
    slowest = {ROOT / name for name in SLOWEST}
    found = {file.resolve() for path in paths for file in (path.rglob("test_*.py") if path.is_dir() else [path])}
    return sorted(found, key=lambda file: (file.name == LAST, file not in slowest, -file.stat().st_size, file))


def run(file: Path, options: list[str]) -> tuple[int, str, float]:
    """Run one file; return pytest's exit status, its output and the seconds that it took."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(file)]
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.returncode, done.stdout.decode(errors="backslashreplace"), time.monotonic() - began


def main() -> None:
    """Run the files, and exit with 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, help="test files, or folders of them")
    parser.add_argument("--processes", type=int, default=3 * (os.cpu_count() or 1), help="how many run at a time")
    arguments = sys.argv[1:]
    dashes = arguments.index("--") if "--" in arguments else len(arguments)
    given, options = parser.parse_args(arguments[:dashes]), arguments[dashes + 1 :]
    failures: list[str] = []
    counts: Counter[str] = Counter()
    with ThreadPoolExecutor(given.processes) as pool:
        running = {pool.submit(run, file, options): file for file in test_files(given.paths)}
        for number, future in enumerate(as_completed(running), 1):
            status, output, seconds = future.result()
            file = running[future]
            name = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
            closing = output.rstrip().rpartition("\n")[2]
            for count, kind in re.findall(r"(\d+) ([a-z]+)", closing.partition(" in ")[0]):
                counts[kind.rstrip("s") if kind == "errors" else kind] += int(count)
            result = "ok    " if status in (0, NO_TESTS) else "FAILED"
            print(f"[{number:3}/{len(running)}] {result} {seconds:5.1f} s  {name}: {closing}", flush=True)
            if result == "FAILED":
                failures.append(f"\n==> {name}, alone\n{output}")
    print("".join(failures), end="")
    print(", ".join(f"{counts[kind]} {kind}" for kind in ("passed", "failed", "error", "skipped") if counts[kind]))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
