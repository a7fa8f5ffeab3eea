"""What the project says of itself is so: its commands, its extras, its forms."""

from __future__ import annotations

import ast
import contextlib
import importlib.metadata
import inspect
import re
from pathlib import Path

import pytest

from aioami import actions, core, enums, events
from aioami.testing.actions import ACTIONS

ROOT = Path(__file__).parents[3]
PROJECT = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs/project").glob("*.md"))]
ON_GITHUB = [
    ROOT / "README.md",
    *PROJECT,
    ROOT / "docs/index.md",
    ROOT / "docs/tutorial.md",
    *sorted((ROOT / "docs/guide").glob("*.md")),
    *sorted((ROOT / "docs/explanation").glob("*.md")),
    ROOT / "tests/README.md",
]


def targets() -> set[str]:
    """The targets of the Makefile that somebody would call."""
    [phony] = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return set(phony.split())


def named_targets(page: Path) -> set[str]:
    """The targets that a page names in code."""
    return set(re.findall(r"(?:`|^\$ (?:nohup )?)make ([a-z-]+)\b", page.read_text(), re.MULTILINE))


def test_every_command_of_the_makefile_is_explained() -> None:
    """The pages on the project name each target of the Makefile, and no page names another."""
    explained = {name for page in PROJECT for name in named_targets(page)}
    assert explained - {"clean"} == targets() - {"clean"}
    assert {name for page in ON_GITHUB for name in named_targets(page)} - {"clean"} <= targets()


def test_contributing_is_short() -> None:
    """CONTRIBUTING.md has at most 5,000 bytes; the details are in docs/project."""
    assert len((ROOT / "CONTRIBUTING.md").read_bytes()) <= 5000


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


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.py")), ids=lambda file: file.name)
def test_an_example_is_short_and_tried(file: Path) -> None:
    """Each program to copy has at most 120 lines, runs in a test of its own, and is shown in a guide."""
    assert len(file.read_text().splitlines()) <= 120
    assert f'"{file.name}"' in (ROOT / "tests/real/test_examples.py").read_text()
    assert any(f"examples/{file.name}" in page.read_text() for page in (ROOT / "docs/guide").glob("*.md"))


@pytest.mark.parametrize("page", ON_GITHUB, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_the_prose_writes_can_be_written(page: Path) -> None:
    """A class that a sentence names exists, and what it is given there are arguments that it takes."""
    prose = re.sub(r"^(```+).*?^\1", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    rooms = {"core": core, "actions": actions, "events": events, "enums": enums}
    for code in re.findall(r"`([^`\n]+)`", prose):
        for room, name in re.findall(r"\b(core|actions|events|enums)\.([A-Z]\w+)", code):
            assert name in ("Name", "X") or hasattr(rooms[room], name), code
        with contextlib.suppress(SyntaxError):
            for node in ast.walk(ast.parse(code, mode="eval")):
                match node:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="core" | "actions" as room), attr=name)):
                        given = [*node.args, *(each.value for each in node.keywords)]
                        if any(isinstance(each, ast.Constant) and each.value is ... for each in given):
                            continue
                        keywords = {each.arg: each.value for each in node.keywords if each.arg}
                        inspect.signature(getattr(rooms[room], name)).bind(*node.args, **keywords)


def test_the_page_on_the_fake_server_has_its_actions() -> None:
    """Those that it has beside the core's are named, and no others."""
    page = (ROOT / "docs/explanation/fake.md").read_text()
    sentence = page.partition("The fake server has all actions of `ami.core`")[2].partition("Other actions")[0]
    core_names = {getattr(getattr(core, name), "wire_name", "") for name in core.__all__}
    known = {each.name for each in ACTIONS.values()}
    assert set(re.findall(r"`(\w+)`", sentence)) == known - core_names
