"""The types as users see them: the programs in tests/typing, under both type checkers."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


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


@pytest.mark.timeout(300)
def test_what_users_copy_from_the_documentation_is_typed(tmp_path: Path) -> None:
    """The recipes, and the programs for those who come from other libraries, pass mypy in its strict mode."""
    if importlib.util.find_spec("mypy") is None and not os.environ.get("CI"):
        pytest.skip("mypy is not installed; `pip install --group typing` gets it")
    programs = []
    for page in (
        "recipes",
        "coming-from-pystrix",
        "coming-from-panoramisk",
        "coming-from-pyst2",
        "coming-from-asterisk-ami",
    ):
        text = (ROOT / f"docs/guide/{page}.md").read_text()
        block = r"(<!-- skip: next -->\n\n)?^```python\n(.*?)^```"
        blocks = re.finditer(block, text, re.DOTALL | re.MULTILINE)
        for number, program in enumerate(each for each in blocks if not each[1]):
            programs.append(tmp_path / f"{page.replace('-', '_')}_{number}.py")
            programs[-1].write_text(program[2])
    assert len(programs) > 30
    command = [sys.executable, "-m", "mypy", "--strict", *map(str, programs)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
