from __future__ import annotations

import re
import sys

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

import aioami

project = "aioami"
author = "aioami contributors"
project_copyright = "2026, aioami contributors"
version = release = aioami.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build", "reference/peers-table.md"]  # the table is included in a page

# Every reference must lead somewhere, but for those to the standard library, whose index cannot be had offline.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", rf"({'|'.join(map(re.escape, sorted(sys.stdlib_module_names)))})(\..*)?"),
    ("py:.*", r"(typing_extensions|prometheus_client|opentelemetry)\..*"),
    ("py:class", r"aioami\..*\.(_[A-Z]|\w*T|\w+T_co)"),  # type variables
    ("py:class", r".*\[.*"),  # a type that the parser took apart
    ("py:class", r"Named|Answer|Channel|Handset|aioami\.testing\.actions\.base\.Session"),  # inside aioami.testing
]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

# Single backquotes in docstrings are code, as in these pages.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_use_ivar = True
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"aioami {release}"
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


class CoreTable(SphinxDirective):
    """A row for each action of `aioami.core`, made from the classes themselves."""

    def run(self) -> list[nodes.Node]:
        rows = ["| class | action on the wire | needs one of the rights | until Asterisk |", "|---|---|---|---|"]
        for name in aioami.core.__all__:
            action = getattr(aioami.core, name)
            if isinstance(action, type) and issubclass(action, aioami.Action):
                until = {None: "", 1: "1.6"}.get(action.until, str(action.until))
                rights = ", ".join(action.privilege) or "none"
                rows.append(f"| `{name}` | `{action.wire_name}` | {rights} | {until} |")
        return self.parse_text_to_nodes("\n".join(rows))


def setup(app: Sphinx) -> None:
    app.add_directive("core-table", CoreTable)
    app.connect("missing-reference", by_its_name)
