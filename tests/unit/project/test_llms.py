"""The documentation for readers that are programs says all that there is."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
from tools import llms

import aioami
from aioami import actions, calls, core, enums, errors, events, live, metrics, notebook, permissions, responses, testing

DOCS = Path(__file__).parents[3] / "docs"

short = functools.cache(llms.short)
full = functools.cache(llms.full)


def pages() -> list[Path]:
    """What an author would call a page: not what other pages include, and not the index, which leads to them."""
    written = [path for path in DOCS.rglob("*.md") if "_build" not in path.parts and path.name != "index.md"]
    included = {
        (path.parent / name).resolve()
        for path in written
        for name in re.findall(r"^```\{include\} (\S+)", llms.rendered(path.read_text()), re.MULTILINE)
    }
    return [path for path in written if path not in included and path.parent.name != "benchmark"]


def test_every_page_is_named_once_with_a_link_to_its_source() -> None:
    """Each page of the documentation stands in llms.txt once, where a built documentation has its source."""
    links = re.findall(r"^- \[.+\]\(_sources/(\S+)\.txt\)", short(), re.MULTILINE)
    assert sorted(links) == sorted(path.relative_to(DOCS).as_posix() for path in pages())


@pytest.mark.parametrize(
    "module",
    [actions, calls, core, enums, errors, events, live, metrics, notebook, permissions, responses, testing],
    ids=lambda module: module.__name__,
)
def test_every_public_name_is_there(module: object) -> None:
    """Each name that a public module declares to be public stands in llms.txt; of the others, what a page describes."""
    named = {name.rpartition(".")[2] for name in re.findall(r"`([\w.]+)`", short())}
    missing = {name for name in module.__all__ if not name.startswith("_")} - named  # type: ignore[attr-defined]
    assert missing - _not_documented(module) == set()


def _not_documented(module: object) -> set[str]:
    """Type variables, abstract bases and constants, which no page describes by name."""
    return {
        name
        for name in getattr(module, "__all__", ())
        if not isinstance(getattr(module, name), type) and not callable(getattr(module, name))
    }


def test_every_name_has_a_line_of_its_own_words() -> None:
    """No name in llms.txt is without a description."""
    lines = re.findall(r"^- `[^`]+`: *(.*)$", short(), re.MULTILINE)
    assert len(lines) > 500
    assert "" not in lines


def test_the_full_text_has_pages_and_contracts_and_no_machinery() -> None:
    """llms-full.txt has what the pages show, and the docstrings where the pages would have them; nothing hidden, no directive."""
    text = full()
    assert "invisible-code-block" not in text
    assert "```{" not in text
    assert ".. auto" not in text
    for page in llms.pages():
        assert f"# {page.title}" in text.replace("`", ""), page.name
    for described in (
        aioami.Manager,
        aioami.Manager.send,
        core.Originate_Application,
        events.Hangup,
        testing.FakeAsterisk,
    ):
        first_line = (described.__doc__ or "").partition("\n")[0]
        assert first_line in text


def test_signatures_are_as_written() -> None:
    """A signature in llms-full.txt reads as in the source."""
    assert (
        "`aioami.actions.QueuePause(interface: str | bytes, paused: bool, queue: str | bytes | None = None, *, reason"
        in full()
    )


def test_every_command_is_there() -> None:
    """llms.txt names the commands of `aioami`, with what each does."""
    told = dict(re.findall(r"^- `aioami ([\w-]+)`: (.+)$", short(), re.MULTILINE))
    assert {"ping", "send", "events", "command", "trace", "doctor", "schema", "demo"} <= set(told)


def test_both_are_written_into_a_folder(tmp_path: Path) -> None:
    """What a build of the documentation gets is these two texts."""
    llms.write(tmp_path)
    assert (tmp_path / "llms.txt").read_text(encoding="utf-8") == short()
    assert (tmp_path / "llms-full.txt").read_text(encoding="utf-8") == full()
