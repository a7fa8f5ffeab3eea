"""Reading and writing Asterisk's configuration files.

Recent versions refuse files outside their folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..responses.base import Response
from ..responses.config import GetConfigJSONReply, GetConfigReply, ListCategoriesReply
from .base import KnownAction, ResponseT_co
from .parameters import HeaderValue, checked, header, text, true_false, yes_no

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = ["CreateConfig", "GetConfig", "GetConfigJSON", "ListCategories", "UpdateConfig"]

_CHANGES = ("NewCat", "RenameCat", "DelCat", "EmptyCat", "Update", "Delete", "Append", "Insert")


class CreateConfig(KnownAction[Response]):
    """Create an empty configuration file. One that exists is an error.

    Args:
        filename: with its extension.
    """

    privilege = ("config",)

    filename: str | bytes = header("Filename")


class _ReadConfig(KnownAction[ResponseT_co], abstract=True):
    """An action that reads a configuration file."""

    privilege = ("system", "config")
    reads_only = True

    filename: str | bytes = header("Filename")
    _: KW_ONLY
    category: str | bytes | None = header("Category", default=None)
    filter: str | bytes | None = header("Filter", default=None)


class GetConfig(_ReadConfig[GetConfigReply]):
    """Read a configuration file: its lines by `get_lines()`, its structure by `categories`.

    Args:
        filename: with its extension.
        category: only this category.
        filter: which categories, as `name_regex=value_regex` pairs.
    """


class GetConfigJSON(_ReadConfig[GetConfigJSONReply]):
    """Read a configuration file; the reply's `categories` are dictionaries. For variables that are
    repeated in a category, and for comments, use `GetConfig`.

    Args:
        filename: with its extension.
        category: only this category.
        filter: which categories, as `name_regex=value_regex` pairs.
    """


class ListCategories(KnownAction[ListCategoriesReply]):
    """Read the names of a configuration file's categories, which are the reply's `data`.

    Args:
        filename: with its extension.
        match: a regular expression for the names; Asterisk does not document it.
    """

    privilege = ("config",)
    reads_only = True

    filename: str | bytes = header("Filename")
    _: KW_ONLY
    match: str | bytes | None = header("Match", default=None)


class UpdateConfig(KnownAction[Response]):
    """Change a configuration file.

    Args:
        src_filename: the file to read.
        dst_filename: the file to write; often the same.
        changes: each a sequence of five: the operation, the category, the variable, the value, and
            a text that the variable's present value must have. The last three may be `None`. The
            operation is `NewCat`, `RenameCat` (the value is the new name), `DelCat`, `EmptyCat`,
            `Update`, `Delete`, `Append`, or `Insert`. A sixth item is the line's number for
            `Insert` and `Delete`, a seventh the `Options` (such as `allowdups` or `template`). A
            value that begins with `>` makes an object (`name => value`).
        reload: `True` reloads everything; a text reloads the module of that name.
        preserve_effective_context: `True` keeps inheritance as the file is written; from Asterisk
            16.

    Raises:
        ValueError: no such change; or more changes than fit into the 128 lines of one action.
    """

    privilege = ("config",)
    holds_session = True  # if something is reloaded

    def __init__(
        self,
        src_filename: str | bytes,
        dst_filename: str | bytes,
        changes: Iterable[Sequence[str | bytes | int | None]],
        reload: bool | str = True,
        *,
        preserve_effective_context: bool | None = None,
    ) -> None:
        headers: list[tuple[str, HeaderValue]] = [
            ("SrcFilename", text("src_filename", src_filename)),
            ("DstFilename", text("dst_filename", dst_filename)),
        ]
        if isinstance(reload, str) or true_false("reload", reload) == "true":
            headers.append(("Reload", "true" if reload is True else reload))
        if isinstance(changes, str) or not isinstance(changes, Iterable):
            raise TypeError(
                f"changes: expected a sequence of changes, not {type(changes).__name__}"
            )
        if preserve_effective_context is not None:
            context = yes_no("preserve_effective_context", preserve_effective_context)
            headers.append(("PreserveEffectiveContext", context))
        names = ("Action", "Cat", "Var", "Value", "Match", "Line", "Options")
        for number, change in enumerate(changes):
            if (
                isinstance(change, str)
                or not 2 <= len(change) <= len(names)
                or not isinstance(change[0], str)
            ):
                raise ValueError(
                    f"changes: number {number} is no sequence of what, category, variable, "
                    "value, match"
                )
            checked(f"changes: number {number}", change[0], _CHANGES)
            headers += [
                (f"{name}-{number:06}", value) for name, value in zip(names, change, strict=False)
            ]
        self._declare(headers)
