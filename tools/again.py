"""Run failed tests of the whole suite once more, alone.

A machine that runs eight processes at once may delay a server or a program for longer than a test allows. So at most
five failed tests get a second try, and are named. More failures, and a run that did not end normally, stay failures.

Usage: again.py STATUS [CACHE], where STATUS is pytest's exit status, and CACHE its cache with the failed tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LIMIT = 5
TESTS_FAILED = 1  # the status of a run that came to its end


def main() -> int:
    """Decide, run the failed tests again, and return the status of the whole run."""
    status = int(sys.argv[1])
    cache = Path(*sys.argv[2:] or [".pytest_cache"], "v/cache/lastfailed")
    failed = sorted(json.loads(cache.read_text())) if cache.exists() else []
    if status != TESTS_FAILED or not 0 < len(failed) <= LIMIT:
        return status
    print("\n==> once more, alone:", *failed, sep="\n    ", flush=True)
    if subprocess.call([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *failed]):
        return TESTS_FAILED
    for name in failed:
        print(f"FAILED beside all others, PASSED alone: {name}")
    return 0


sys.exit(main())
