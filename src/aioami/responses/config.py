"""Replies about configuration files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from json import loads
from typing import Any, Final

from ..fields import Text
from .base import Response

__all__ = ["Category", "GetConfigJSONReply", "GetConfigReply", "ListCategoriesReply"]

_NUMBERED: Final = re.compile(
    r"(category|line|istemplate|templates)-(\d{1,18})(?:-(\d{1,18}))?$", re.IGNORECASE
)


@dataclass
class Category:
    """One `[category]` of a configuration file.

    Attributes:
        name: the category's name. Several categories may have the same name.
        lines: its variables as names and values, in order, including repeated ones.
        is_template: true if it is a template, `[name](!)`.
        templates: the names of its templates.
    """

    name: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    is_template: bool = False
    templates: list[str] = field(default_factory=list)


class GetConfigReply(Response):
    """The content of a configuration file."""

    def get_lines(self) -> Iterator[str]:
        """Every line of the file as `name=value`, in order."""
        lines = []
        for name, value in self.headers:
            match = _NUMBERED.match(name)
            if match is not None and match[1].lower() == "line":
                lines.append((int(match[2]), int(match[3] or 0), value))
        return (value for _, _, value in sorted(lines, key=lambda line: line[:2]))

    @property
    def categories(self) -> list[Category]:
        """The file's categories in order, including those with the same name."""
        found: dict[int, Category] = {}
        for name, value in self.headers:
            match = _NUMBERED.match(name)
            if match is None:
                continue
            kind, category = match[1].lower(), found.setdefault(int(match[2]), Category(""))
            if kind == "category":
                category.name = value
            elif kind == "istemplate":
                category.is_template = value == "1"
            elif kind == "templates":
                category.templates = [template.strip() for template in value.strip('"').split(",")]
            else:
                variable, _, text = value.partition("=")
                category.lines.append((variable, text))
        return [category for _, category in sorted(found.items())]


class GetConfigJSONReply(Response):
    """The content of a configuration file, as JSON."""

    json = Text("JSON")
    """The JSON as Asterisk writes it, with control characters and invalid UTF-8 unescaped."""

    @property
    def categories(self) -> dict[str, dict[str, Any]] | None:
        """The variables of each category by name; `None` if the server's text is no JSON. Of
        repeated variables only the last one is here.
        """
        try:
            found = loads(self.json or "", strict=False)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


class ListCategoriesReply(Response):
    """The names of a configuration file's categories."""

    @property
    def data(self) -> list[str]:
        """The names, in order."""
        return [value for name, value in self.headers if name.lower().startswith("category-")]
