"""Asterisk's configuration files: read, changed as UpdateConfig does, and written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

__all__ = ["Category", "ConfigError", "ConfigFile"]

_HEAD: Final = re.compile(r"\[([^\]]*)\](?:\(([^)]*)\))?")
_COMMENT: Final = re.compile(r"(?<!\\);.*")


class ConfigError(ValueError):
    """The change cannot be made; the text is Asterisk's answer."""


@dataclass
class Category:
    """A category of a file: the lines from one `[name]` to the next.

    Attributes:
        name: its name, which several categories may have.
        lines: names and values, those of its templates first.
        template: true if it is only a template.
        templates: the templates that it was made from.
    """

    name: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    template: bool = False
    templates: list[str] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        """Return the last value of a name."""
        return next((value for key, value in reversed(self.lines) if key == name), default)

    def getall(self, name: str) -> list[str]:
        """Return all values of a name."""
        return [value for key, value in self.lines if key == name]


class ConfigFile:
    """A configuration file.

    Args:
        text: its text.

    Raises:
        ConfigError: a category names a template that does not exist.

    Attributes:
        categories: its categories, in order.
    """

    def __init__(self, text: str = "") -> None:
        self.categories: list[Category] = []
        for line in text.splitlines():
            content = _COMMENT.sub("", line).replace("\\;", ";").strip()
            if head := _HEAD.match(content):
                self._open(
                    head[1],
                    [option.strip() for option in (head[2] or "").split(",") if option.strip()],
                )
            elif content and not content.startswith("#") and self.categories:
                name, _, value = content.partition("=")
                self.categories[-1].lines.append((name.strip(), value.removeprefix(">").strip()))

    def _open(self, name: str, options: list[str]) -> None:
        if "+" in options:
            self.categories.append(self.categories.pop(self.categories.index(self.category(name))))
            return
        templates = [option for option in options if option != "!"]
        lines = [line for template in templates for line in self.category(template).lines]
        self.categories.append(Category(name, lines, "!" in options, templates))

    def copy(self) -> ConfigFile:
        """Return a copy that can be changed."""
        copied = ConfigFile()
        for part in self.categories:
            lines, templates = list(part.lines), list(part.templates)
            copied.categories.append(replace(part, lines=lines, templates=templates))
        return copied

    def category(self, name: str) -> Category:
        """Return the first category of a name.

        Raises:
            ConfigError: there is no such category.
        """
        for category in self.categories:
            if category.name == name:
                return category
        raise ConfigError("Given category does not exist")

    def get(self, category: str, name: str, default: str = "") -> str:
        """Return a value of a category; the default if the category or the name is missing."""
        found = next(
            (part for part in self.categories if part.name == category),
            Category(category),
        )
        return found.get(name, default)

    def change(
        self,
        action: str,
        category: str,
        variable: str,
        value: str,
        match: str,
        line: str,
    ) -> None:
        """Make one change of an UpdateConfig action.

        Args:
            action: the verb, in lower case: `newcat`, `update` ...
            category: the name of the category.
            variable: the name of the variable.
            value: the new value or name.
            match: the old value of the line to change; empty for any.
            line: the number of the line to change, from 0; empty to find it by name.

        Raises:
            ConfigError: the change cannot be made.
        """
        if not category:
            raise ConfigError("Category not specified")
        if action == "newcat":
            if any(part.name == category for part in self.categories):
                raise ConfigError("Create category did not complete successfully")
            self.categories.append(Category(category))
            return
        if action not in (
            "renamecat",
            "delcat",
            "emptycat",
            "update",
            "delete",
            "append",
            "insert",
        ):
            raise ConfigError("Unknown action command")
        needed = variable or (line if action == "delete" else "")
        if action == "renamecat":
            needed = value
        if action not in ("delcat", "emptycat") and not needed:
            raise ConfigError("Problem with category, value, or line (if required)")
        part = self.category(category)
        if action == "renamecat":
            part.name = value
        elif action == "delcat":
            self.categories.remove(part)
        elif action == "emptycat":
            part.lines.clear()
        elif action == "append":
            part.lines.append((variable, value.removeprefix(">")))
        elif action == "insert":
            part.lines.insert(
                int(line) if line.isdecimal() and len(line) < 9 else 0,
                (variable, value.removeprefix(">")),
            )
        else:
            self._edit(part, action, variable, value, match, line)

    def _edit(
        self,
        part: Category,
        action: str,
        variable: str,
        value: str,
        match: str,
        line: str,
    ) -> None:
        for number, (name, old) in enumerate(part.lines):
            by_name = not line and name == variable and match in ("", old)
            if by_name or (line.isdecimal() and number == int(line)):
                if action == "delete":
                    del part.lines[number]
                else:
                    part.lines[number] = (name, value.removeprefix(">"))
                return
        raise ConfigError("Update did not complete successfully")
