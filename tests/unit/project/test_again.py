"""The second try of tests that failed beside all others: what gets one, and what does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[3] / "tools/again.py"


def again(folder: Path, status: int, *failed: str) -> subprocess.CompletedProcess[str]:
    """The tool's run in a folder with two tests, of which the cache says that these failed."""
    (folder / "test_one.py").write_text("def test_right() -> None: ...\ndef test_wrong() -> None:\n    assert False\n")
    cache = folder / "cache/v/cache/lastfailed"
    cache.parent.mkdir(parents=True)
    cache.write_text(json.dumps(dict.fromkeys(failed, True)))
    command = [sys.executable, str(TOOL), str(status), "cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_what_passes_alone_is_named(tmp_path: Path) -> None:
    """A test that passes alone does not fail the run, which says its name."""
    done = again(tmp_path, 1, "test_one.py::test_right")
    assert done.returncode == 0, done.stdout
    assert "FAILED beside all others, PASSED alone: test_one.py::test_right\n" in done.stdout


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        pytest.param(1, ["test_one.py::test_wrong"], id="fails alone too"),
        pytest.param(1, ["test_one.py::test_gone"], id="is not found"),
        pytest.param(1, [f"test_one.py::test_right[{each}]" for each in range(6)], id="six"),
        pytest.param(1, [], id="a failure without a name"),
        pytest.param(2, ["test_one.py::test_right"], id="not at its end"),
    ],
)
def test_all_other_failures_stand(tmp_path: Path, status: int, failed: list[str]) -> None:
    """Each ends with the status of the first run, and calls nothing passed."""
    done = again(tmp_path, status, *failed)
    assert done.returncode == status
    assert "PASSED alone" not in done.stdout
