"""Try again, alone, the tests that failed beside all others.

A machine that does eight things at once may hold up a server, or a program, for longer than a test allows. So at most
five tests get a second try, and are named. Every other failure stands: more of them, and a run that did not come to
its end.

Usage: again.py STATUS [CACHE], where STATUS is what pytest ended with, and its CACHE knows what failed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LIMIT = 5
TESTS_FAILED = 1  # the status of a run that came to its end


def main() -> int:
    """Decide, try again, and answer with the status of the whole."""
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
