"""What GitHub shows of the pages, which knows nothing of Sphinx."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "tests/README.md")),
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts),
]

COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
FENCE: Final = re.compile(r"^ *(```+|~~~+)([^\n]*)\n.*?^ *\1 *$", re.DOTALL | re.MULTILINE)
CODE: Final = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
LINK: Final = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\(\s*<?([^)>\s]*)>?[^)]*\)")
# Of Sphinx and of the tool that runs examples: roles, targets, options and directives of reST, definitions, colon fences, comments.
MACHINERY: Final = re.compile(
    r"\{[\w:+-]+\}`|^\([\w-]+\)=|^ *:[\w-]+:|^: |^ *\.\. [\w-]+::|^ *:::|^ *%|invisible-code-block|<!--|-->",
    re.MULTILINE,
)
HIDDEN: Final = re.compile(r"(?:^|(.*)\n\n)<!-- \{([\w-]+)\}", re.MULTILINE)


def faults(text: str) -> list[str]:
    """What a reader on GitHub would take for machinery, and links that lead nowhere by themselves."""
    text = COMMENT.sub("", text)
    found = [f"fence {fence[2]}" for fence in FENCE.finditer(text) if fence[2].lstrip().startswith("{")]
    prose = CODE.sub("`code`", FENCE.sub("", text))
    found += [f"machinery {each[0].strip()}" for each in MACHINERY.finditer(prose)]
    return found + [f"link {each[0]}" for each in LINK.finditer(prose) if not each[1].strip() or not each[2]]


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_github_shows_text_and_nothing_else(page: Path) -> None:
    """No directive, role, comment or hidden part of an example is to be seen, and no link is empty or leads to no file or heading."""
    text = page.read_text(encoding="utf-8")
    assert faults(text) == []
    links = [link[2] for link in LINK.finditer(CODE.sub("`code`", FENCE.sub("", COMMENT.sub("", text))))]
    places = [link.partition("#")[::2] for link in links if not re.match(r"[a-z]+:", link)]
    assert [name for name, _ in places if not (page.parent / name).exists()] == []
    aims = [(page.parent / name if name else page, anchor) for name, anchor in places if anchor]
    assert [anchor for file, anchor in aims if anchor not in anchors(file)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_hidden_directive_would_show_is_a_link_away(page: Path) -> None:
    """Where Sphinx puts something in, a reader on GitHub has a link to it; a table of contents alone needs none."""
    hidden = HIDDEN.findall(page.read_text(encoding="utf-8"))
    assert [name for before, name in hidden if name != "toctree" and not LINK.search(before)] == []


@pytest.mark.parametrize(
    "text",
    [
        "```{eval-rst}\n.. autoclass:: aioami.Manager\n```\n",
        "~~~ {toctree}\nindex\n~~~\n",
        "Of {class}`Manager` itself.\n",
        ":::{note}\nA word.\n:::\n",
        "% invisible-code-block: python\n",
        "<!-- invisible-code-block: python\n\nwithout an end\n",
        ".. literalinclude:: program.py\n",
        "   :language: py\n",
        "(a-place)=\n\n# Title\n",
        "Term\n: what it is\n",
        "See [](guide.md).\n",
        "See [the guide]().\n",
    ],
)
def test_machinery_is_found(text: str) -> None:
    """Each form of it would fail the test of the pages; the same as an example in a fence or a comment does not."""
    assert faults(f"# Title\n\n{text}")
    if not text.startswith(("```", "<!--")):
        assert faults(f"# Title\n\n```text\n{text}```\n") == []
        assert faults(f"# Title\n\n<!--\n{text}-->\n") == []
