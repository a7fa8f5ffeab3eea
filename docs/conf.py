from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import aioami
from aioami.actions.base import action_class
from aioami.events.base import event_class
from aioami.fields import Field, Nested, Numbered
from aioami.responses import ListReply, Response

sys.path.insert(0, str(Path(__file__).parents[1]))
from tools import llms

logger = logging.getLogger(__name__)
FACTS = json.loads((Path(__file__).parents[1] / "tests/data/catalogue.json").read_text())

project = "aioami"
author = "aioami contributors"
project_copyright = "2026, aioami contributors"
version = release = aioami.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build", "reference/peers-table.md", "explanation/benchmark/*.md"]  # tables that pages include

# Every reference must lead somewhere, but for those to the standard library, whose index cannot be had offline.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", rf"({'|'.join(map(re.escape, sorted(sys.stdlib_module_names)))})(\..*)?"),
    ("py:.*", r"(typing_extensions|prometheus_client|opentelemetry|pandas|polars)\..*"),
    ("py:class", r"aioami\..*\.(_[A-Z]|\w*T|\w+T_co)"),  # type variables
    ("py:class", r".*\[.*"),  # a type that the parser took apart
    # Inside aioami.testing.
    ("py:class", r"Named|Answer|Channel|Parts"),
    ("py:class", r"aioami\.testing\.(actions|driver|exchange|expectations|message)\..*"),
    ("py:class", r"(aioami\._client\.like\.)?AskingView"),  # a View with `ask`, which `Manager.view` tells of
    ("py:class", r"OnError|PartName"),  # a few words each, which the signatures' pages list
]
suppress_warnings = ["ref.python"]  # `Recording` is a recording of a call, and one of a link

myst_heading_anchors = 3

# Single backquotes in docstrings are code, as in these pages.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_use_ivar = True
python_use_unqualified_type_names = True

html_theme = "furo"
html_favicon = "../examples/dashboard/static/favicon.svg"
pygments_dark_style = "monokai"  # that of the theme underlines modules, like links
html_title = f"aioami {release}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def by_its_name(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element) -> nodes.Element | None:
    """Find what is documented under its public name, where a signature names it by the module that defines it."""
    name = node.get("reftarget", "").rpartition(".")[2]
    python = env.get_domain("py")
    found = min((known for known in python.objects if known.rpartition(".")[2] == name), key=len, default=None)
    if node.get("refdomain") != "py" or found is None:
        return None
    return python.resolve_xref(env, node["refdoc"], app.builder, "obj", found, node, content)


def _until(versions: list[str]) -> str:
    return "" if versions[-1] == "master" else versions[-1]


def _answer(action: type[aioami.Action[Any]]) -> str:
    """What comes back, in a word."""
    if issubclass(action.response_type, ListReply) and action.items:
        return "list of " + ", ".join(f"`{item.__name__}`" for item in action.items)
    if action.response_type is Response:
        return "lines of text" if action.bare_reply else ""
    return f"`{action.response_type.__name__}`"


class CoreTable(SphinxDirective):
    """The names of `aioami.core`, each with the area that it comes from."""

    def run(self) -> list[nodes.Node]:
        areas: dict[str, list[str]] = {}
        for name in aioami.core.__all__:
            action = getattr(aioami.core, name)
            if isinstance(action, type) and issubclass(action, aioami.Action):
                areas.setdefault(action.__module__.rpartition(".")[2], []).append(f"`{name}`")
        rows = ["| area | classes |", "|---|---|"]
        rows += [f"| `{area}` | {', '.join(names)} |" for area, names in sorted(areas.items())]
        return self.parse_text_to_nodes("\n".join(rows))


class ActionTable(SphinxDirective):
    """A row for each action of every version of Asterisk, made from the facts that the tests hold the classes against."""

    def run(self) -> list[nodes.Node]:
        rows = ["| action | area | since | until | needs one of the rights | only reads | answer |", "|---" * 7 + "|"]
        for name, facts in sorted(FACTS["actions"].items(), key=lambda item: item[0].lower()):
            action = action_class(name)
            area = action.__module__.rpartition(".")[2]
            since, rights = ", ".join(facts["since"]), ", ".join(facts["privileges"]) or "none"
            reads = "yes" if action.reads_only else ""
            rows.append(
                f"| `{name}` | {area} | {since} | {_until(facts['versions'])} | {rights} | {reads} | {_answer(action)} |"
            )
        return self.parse_text_to_nodes("\n".join(rows))


class EventTable(SphinxDirective):
    """A row for each event of every version of Asterisk, made from the same facts."""

    def run(self) -> list[nodes.Node]:
        rows = ["| event | area | since | until | sent to readers of |", "|---|---|---|---|---|"]
        for name, facts in sorted(FACTS["events"].items(), key=lambda item: item[0].lower()):
            area = event_class(name).__module__.rpartition(".")[2]
            since = ", ".join(facts["since"])
            rows.append(
                f"| `{name}` | {area} | {since} | {_until(facts['versions'])} | {', '.join(facts['classes'])} |"
            )
        return self.parse_text_to_nodes("\n".join(rows))


# What each class of an action declares about itself, and what is told in the table.
HIDDEN = (
    "bare_reply, completion, conclusion, conclusion_of_response, empty_list_messages, fenced, "
    "holds_session, items, items_unseparated, list_optional, list_unmarked, may_change, outcome_events, outcome_limit, "
    "privilege, read_classes, reads_only, reply_count, response_type, until, wire_name"
)


class Areas(SphinxDirective):
    """A section for each area of the catalogue: `actions`, `events` or `responses`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        package = getattr(aioami, self.arguments[0], None) or __import__("aioami.responses").responses
        sections = []
        for area in package.AREAS:
            sections.append(
                f"## {area}\n\n```{{eval-rst}}\n.. automodule:: {package.__name__}.{area}\n   :members:\n   :exclude-members: {HIDDEN}\n```\n"
            )
        return self.parse_text_to_nodes("\n".join(sections), allow_section_headings=True)


def tell_fields(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Add to a class what its declaration says: the fields of an event or a reply, the rights of an action."""
    if what != "class" or not isinstance(thing, type):
        return
    if issubclass(thing, aioami.Action) and thing.wire_name:
        rights = ", ".join(thing.privilege) or "none"
        lines += [
            "",
            f"Rights: {rights}."
            + (" Only reads." if thing.reads_only else "")
            + (f" Answer: {_answer(thing).replace('`', '``')}." if _answer(thing) else ""),
        ]
    if issubclass(thing, aioami.Event) and thing.read_classes:
        lines += ["", f"Read classes: {', '.join(thing.read_classes)}."]
    told = []
    for attribute, field in vars(thing).items():
        if isinstance(field, Field) and not field.is_flat:
            told.append(f"``{attribute}`` ({f'{field.header} too' if field.is_alias else type(field).__name__})")
        elif isinstance(field, (Nested, Numbered)):
            told.append(f"``{attribute}.*`` ({field.view.__name__})")
    if told:
        lines += ["", f"Fields: {', '.join(told)}."]


def keep_backslashes(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Double the backquotes around code with a backslash, which would be lost otherwise."""
    lines[:] = [re.sub(r"(?<!`)`([^`]*\\[^`]*)`(?!`)", r"``\1``", line) for line in lines]


def refuse_quotes(app: Sphinx, doctree: nodes.document) -> None:
    """Warn about code in a docstring that is shown as text."""
    for quote in doctree.findall(nodes.block_quote):
        logger.warning("the paragraph before code must end with `::`", location=quote)


def show_directives(app: Sphinx, docname: str, source: list[str]) -> None:
    """Take directives out of the HTML comments that hide them from readers on GitHub."""
    source[0] = llms.rendered(source[0])


def tell_machines(app: Sphinx, error: Exception | None) -> None:
    """Add `llms.txt` and `llms-full.txt`, the same for readers that are programs."""
    if error is None and app.builder.name == "html":
        llms.write(Path(app.outdir), Path(app.srcdir))


def setup(app: Sphinx) -> None:
    app.add_directive("core-table", CoreTable)
    app.add_directive("action-table", ActionTable)
    app.add_directive("event-table", EventTable)
    app.add_directive("areas", Areas)
    app.connect("missing-reference", by_its_name)
    app.connect("autodoc-process-docstring", tell_fields)
    app.connect("autodoc-process-docstring", keep_backslashes)
    app.connect("doctree-read", refuse_quotes)
    app.connect("source-read", show_directives)
    app.connect("build-finished", tell_machines)
