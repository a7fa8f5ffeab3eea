"""The documentation for readers that are programs.

`llms.txt` has a line for each page and each public name. `llms-full.txt` has the whole pages, with the signatures and
docstrings of the names in their places. Each build of the documentation makes both from the pages and the docstrings.

    python tools/llms.py docs/_build/html
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import GenericAlias, ModuleType
from typing import Any, Final

import aioami
from aioami.fields import Field, Nested, Numbered

DOCS: Final = Path(__file__).parents[1] / "docs"

_TOCTREE: Final = re.compile(r"```\{toctree\}\n(.*?)```", re.DOTALL)
_INCLUDE: Final = re.compile(r"^```\{include\} (\S+)\n```\n", re.MULTILINE)
_FENCE: Final = re.compile(r"^```\{([\w-]+)\}[ ]*(\S*)\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
_COMMENTED: Final = re.compile(r"(?ms)^(?:\[[^\n]*\]\(\S+\)\n\n)?<!-- (\{[\w-]+\}.*?)\s-->$")
_DIRECTIVE: Final = re.compile(r"^\.\. auto(\w+):: ([\w.]+)(?:\(\))?\n((?:[ ]+:.*\n?)*)", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A page of the documentation.

    Attributes:
        name: its path in the folder of the documentation, without `.md`.
        caption: the heading of the index above it.
        text: its source, without the hidden parts.
    """

    name: str
    caption: str
    text: str

    @property
    def title(self) -> str:
        """The first heading of the page, as text."""
        found = re.search(r"^# (.+)$", self.text, re.MULTILINE)
        return self.name if found is None else found[1].replace("`", "")

    @property
    def summary(self) -> str:
        """The first sentence after the first heading; empty if no text follows the heading."""
        behind = re.split(r"^# .+$", self.text, maxsplit=1, flags=re.MULTILINE)[-1]
        paragraph = behind.strip().partition("\n\n")[0]
        return "" if paragraph.startswith(("```", "#", "|")) else _sentence(paragraph)

    @property
    def source(self) -> str:
        """The path of the page's source in the built documentation."""
        return f"_sources/{self.name}.md.txt"


def rendered(text: str) -> str:
    """Return a page's text as Sphinx renders it: with its directives, and without HTML comments.

    Comments hide directives, and the hidden parts of examples, from readers on GitHub. A paragraph
    before a directive that is a link and nothing else is for GitHub alone.
    """
    return re.sub(r"(?ms)^<!--.*?-->\n\n?", "", _COMMENTED.sub(r"```\1\n```", text))


def pages(docs: Path = DOCS) -> list[Page]:
    """Return every page that the index leads to, in its order."""
    found: list[Page] = []
    for tree in _TOCTREE.findall(rendered((docs / "index.md").read_text())):
        caption = re.search(r":caption: (.+)", tree)
        for entry in (line.strip() for line in tree.splitlines()):
            if not entry or entry.startswith(":"):
                continue
            for path in sorted(docs.glob(f"{entry}.md")):
                name = path.relative_to(docs).with_suffix("").as_posix()
                if name not in {page.name for page in found}:  # a pattern may match pages that were found before
                    found.append(Page(name, caption[1] if caption is not None else "", _shown(path)))
    return found


def names(page: Page) -> Iterator[tuple[str, object, list[str]]]:
    """Yield the public names that a page describes, in its order, each with its described members."""
    for kind, argument, body in _FENCE.findall(page.text):
        if kind == "areas":
            yield from _of_areas(argument)
        elif kind == "eval-rst":
            for directive, target, options in _DIRECTIVE.findall(body):
                yield from _described(directive, target, options)


def short(docs: Path = DOCS) -> str:
    """Return `llms.txt`: a line for each page and each public name."""
    every = pages(docs)
    parts = [
        "# aioami\n",
        f"> {_sentence(aioami.__doc__ or '')} Version {aioami.__version__}, for Python 3.10 and later.\n",
        "Everything in one file: [llms-full.txt](llms-full.txt).\n",
        "`aioami.core` gathers these names from the catalogue: "
        + ", ".join(f"`{name}`" for name in aioami.core.__all__)
        + ".\n",
    ]
    caption = ""
    for page in every:
        if page.caption != caption:
            caption = page.caption
            parts.append(f"\n## {caption}\n")
        parts.append(f"- [{page.title}]({page.source})" + (f": {page.summary}" if page.summary else ""))
    parts.append("\n## Commands\n")
    parts += [f"- `aioami {name}`: {told}" for name, told in commands()]
    for page in every:
        described = list(names(page))
        if described:
            parts.append(f"\n## Names: {page.title} ([page]({page.source}))\n")
            parts += [f"- `{name}`: {_sentence(_told(name, thing))}" for name, thing, _ in described]
    return "\n".join(parts) + "\n"


def full(docs: Path = DOCS) -> str:
    """Return `llms-full.txt`: every page, with the docstrings of the names that it describes."""

    def described(fence: re.Match[str]) -> str:
        page = Page("", "", fence[0])
        return "\n".join(_contract(name, thing, members) for name, thing, members in names(page))

    texts = [_FENCE.sub(described, page.text).strip() for page in pages(docs)]
    return "\n\n---\n\n".join([f"# aioami {aioami.__version__}\n\n{aioami.__doc__}".strip(), *texts]) + "\n"


def commands() -> list[tuple[str, str]]:
    """Return the commands of `aioami`, each with its summary."""
    from aioami.cli.app import app

    found = []
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        found.append((name, _sentence(command.help or command.callback.__doc__ or "")))
    return sorted(found)


def write(folder: Path, docs: Path = DOCS) -> None:
    """Write both files into a folder."""
    (folder / "llms.txt").write_text(short(docs), encoding="utf-8")
    (folder / "llms-full.txt").write_text(full(docs), encoding="utf-8")


def _shown(path: Path) -> str:
    """Return a page as it is rendered, with the pages that it includes."""
    text = rendered(path.read_text())
    return _INCLUDE.sub(lambda include: _shown(path.parent / include[1]), text)


def _of_areas(package_name: str) -> Iterator[tuple[str, object, list[str]]]:
    package = importlib.import_module(f"aioami.{package_name}")
    for area in package.AREAS:
        module = importlib.import_module(f"{package.__name__}.{area}")
        for name in module.__all__:
            thing = getattr(module, name)
            if isinstance(thing, type):
                yield f"{package.__name__}.{name}", thing, []


def _described(directive: str, target: str, options: str) -> Iterator[tuple[str, object, list[str]]]:
    members = re.search(r":members:[ ]*(.*)", options)
    chosen = [each.strip() for each in members[1].split(",") if each.strip()] if members is not None else []
    if directive == "module":
        module = importlib.import_module(target)
        yield target, module, []
        for name in chosen or module.__all__:
            yield f"{target}.{name}", getattr(module, name), []
        return
    thing = _named(target)
    if members is not None and not chosen:
        chosen = [name for name, each in vars(thing).items() if not name.startswith("_") and _docstring(each)]
    yield target, thing, chosen


def _named(path: str) -> Any:
    """Return the object with a dotted path."""
    parts = path.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            thing = getattr(thing, part)
        return thing
    raise ModuleNotFoundError(path)


def _contract(name: str, thing: object, members: list[str]) -> str:
    """Return the signature of a name, its docstring and its fields, and the same for its members."""
    lines = [f"### `{name}{_signature(thing)}`\n", _told(name, thing)]
    told = _fields(thing)
    if told:
        lines.append(f"\nFields: {', '.join(told)}.")
    for member in members:
        each = inspect.getattr_static(thing, member)
        call = _signature(each.__func__ if isinstance(each, (classmethod, staticmethod)) else each)
        lines.append(f"\n#### `{name.rpartition('.')[2]}.{member}{call}`\n\n{_docstring(each)}")
    return "\n".join(lines).rstrip() + "\n"


def _fields(thing: object) -> list[str]:
    """Return the typed attributes of an event or a reply, also the inherited ones."""
    if not isinstance(thing, type):
        return []
    found: dict[str, str] = {}
    for base in reversed(thing.__mro__):
        for attribute, field in vars(base).items():
            if isinstance(field, Field) and not field.is_flat:
                found[attribute] = f"`{attribute}` ({type(field).__name__})"
            elif isinstance(field, (Nested, Numbered)):
                found[attribute] = f"`{attribute}.*` ({field.view.__name__})"
    return list(found.values())


class _AsWritten:
    """An annotation that is shown as in the source."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _signature(thing: object) -> str:
    if not callable(thing) or (isinstance(thing, type) and issubclass(thing, BaseException)):
        return ""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    parameters = [each.replace(annotation=_as_written(each.annotation)) for each in signature.parameters.values()]
    return str(signature.replace(parameters=parameters, return_annotation=_as_written(signature.return_annotation)))


def _as_written(annotation: object) -> object:
    return _AsWritten(annotation) if isinstance(annotation, str) else annotation


def _docstring(thing: object) -> str:
    return inspect.getdoc(thing) or ""


def _told(name: str, thing: object) -> str:
    """Return a name's docstring, or the text below its assignment in a module, or else its value."""
    # For Python 3.10 an alias such as `Callable[...]` is a type.
    written = isinstance(thing, (type, property, ModuleType)) and not isinstance(thing, GenericAlias)
    if written or (inspect.isroutine(thing) and _docstring(thing)):
        return _docstring(thing)
    module, _, attribute = name.rpartition(".")
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    for assignment, text in itertools.pairwise(tree.body):
        targets = [assignment.target] if isinstance(assignment, ast.AnnAssign) else getattr(assignment, "targets", [])
        named = any(isinstance(target, ast.Name) and target.id == attribute for target in targets)
        if named and isinstance(text, ast.Expr):
            return inspect.cleandoc(str(ast.literal_eval(text.value)))
    return f"Is {thing!r}."


def _paragraph(text: str) -> str:
    return " ".join(text.split())


def _sentence(text: str) -> str:
    """Return the first sentence, without links."""
    first = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", _paragraph(text.strip().partition("\n\n")[0]))
    return re.split(r"(?<=[.!?:]) (?=[A-Z`])", first)[0].rstrip(":")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
