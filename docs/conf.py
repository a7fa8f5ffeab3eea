from __future__ import annotations

import re
import sys

import aioami

project = "aioami"
author = "aioami contributors"
project_copyright = "2026, aioami contributors"
version = release = aioami.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]

# Every reference must lead somewhere, but for those to the standard library, whose index cannot be had offline.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", rf"({'|'.join(map(re.escape, sorted(sys.stdlib_module_names)))})(\..*)?"),
    ("py:.*", r"typing_extensions\..*"),
    ("py:class", r"aioami\..*\.(_[A-Z]|\w+T|\w+T_co)"),  # type variables
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
