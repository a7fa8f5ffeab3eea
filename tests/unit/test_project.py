"""What the project says of itself is so: its commands, its extras, its forms."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def targets() -> set[str]:
    """The targets of the Makefile that somebody would call."""
    [phony] = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return set(phony.split())


def test_every_command_of_the_makefile_is_explained() -> None:
    """CONTRIBUTING.md names each target, and none that does not exist; `clean` says itself what it does."""
    named = set(re.findall(r"`make ([a-z]+)[`\s]", CONTRIBUTING))
    assert named - {"clean"} == targets() - {"clean"}


def test_every_extra_is_tried() -> None:
    """Each extra that the package declares has a function in tests/smoke.py that tries it."""
    extras = importlib.metadata.metadata("aioami").get_all("Provides-Extra") or []
    smoke = (ROOT / "tests/smoke.py").read_text()
    tried = re.search(r"^EXTRAS: .*?^}", smoke, re.MULTILINE | re.DOTALL)
    assert tried is not None
    assert set(extras) <= set(re.findall(r'^    "([a-z]+)":', tried[0], re.MULTILINE))


@pytest.mark.parametrize("name", ["bug", "fact", "feature"])
def test_forms_for_issues_have_what_they_need(name: str) -> None:
    """A form has a name, a description, and fields whose ids are their own."""
    form = (ROOT / f".github/ISSUE_TEMPLATE/{name}.yml").read_text()
    assert {"name", "description", "body"} <= set(re.findall(r"^(\w+):", form, re.MULTILINE))
    ids = re.findall(r"^    id: (\w+)$", form, re.MULTILINE)
    assert len(ids) == len(set(ids)) >= 3


def test_a_report_of_a_fault_asks_for_what_helps() -> None:
    """The form for faults asks for the doctor's findings and for the versions."""
    form = (ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text()
    assert "aioami doctor" in form
    assert "aioami.__version__" in form


def test_continuous_integration_runs_commands_that_exist() -> None:
    """What the workflows and the hooks run is a target of the Makefile, or `.ci/run`."""
    files = [*(ROOT / ".github/workflows").glob("*.yml"), ROOT / ".pre-commit-config.yaml"]
    commands = [
        found
        for file in files
        for found in re.findall(r"^ +-? *(?:run|entry): (?!apt-get)(.+)$", file.read_text(), re.MULTILINE)
    ]
    assert {"make check", "make lint", "make prove", "make test", ".ci/run"} == set(commands)
    assert {command.partition(" ")[2] for command in commands if command.startswith("make ")} <= targets()


def test_the_lanes_run_when_they_should() -> None:
    """The gate runs on each push, the suite on each pull request, the long lane at night."""
    workflow = (ROOT / ".github/workflows/checks.yml").read_text()
    assert {"push:", "pull_request:", "schedule:"} <= set(re.findall(r"^  (\w+:)$", workflow, re.MULTILINE))
    lanes = dict(re.findall(r"^    name: (.+)\n    if: (.+)$", workflow, re.MULTILINE))
    assert "'push'" in lanes["make check"]
    assert "'pull_request'" in lanes["make test"]
    assert "'schedule'" in lanes["make prove"]
    assert "'schedule'" in lanes[".ci/run"]


def test_the_project_says_where_it_is() -> None:
    """Whoever finds the package finds its source, documentation, changelog and issues."""
    urls = importlib.metadata.metadata("aioami").get_all("Project-URL") or []
    assert {"Source", "Documentation", "Changelog", "Issues"} <= {url.partition(",")[0] for url in urls}
