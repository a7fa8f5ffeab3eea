"""The types as users see them: the programs in tests/typing, under both type checkers."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("checker", "arguments"),
    [
        ("mypy", ["tests/typing"]),
        ("mypy", [str(path) for path in sorted((ROOT / "examples").glob("*.py"))]),
        ("pyright", ["--pythonpath", sys.executable]),
    ],
    ids=["mypy", "mypy on examples", "pyright"],
)
def test_programs_have_the_types_that_they_assert(checker: str, arguments: list[str]) -> None:
    """What users write has the types that the contract promises, and what is wrong is found."""
    if importlib.util.find_spec(checker) is None and not os.environ.get("CI"):
        pytest.skip(f"{checker} is not installed; `pip install --group typing` gets it")
    run = subprocess.run([sys.executable, "-m", checker, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
