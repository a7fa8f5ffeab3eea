"""Packages that load their modules, the areas, when one of their names is first used.

So `import aioami` is quick, though the catalogue is large. Type checkers see plain imports.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ._near import nearest

__all__ = ["gather"]


def gather(
    package: str,
    areas: tuple[str, ...],
    own: tuple[str, ...],
    *,
    meant: Callable[[str], str] | None = None,
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a package with the public names of its areas.

    Args:
        package: the package's name.
        areas: the names of its modules.
        own: the package's own public names.
        meant: takes a name that does not exist, and returns the names that are probably meant;
            empty if it knows none.
    """
    module = sys.modules[package]

    def load() -> None:
        names = list(own)
        for area in areas:
            part = import_module(f"{package}.{area}")
            vars(module).update({name: getattr(part, name) for name in part.__all__})
            names += part.__all__
        module.__all__ = sorted(names)  # type: ignore[attr-defined]

    def __getattr__(name: str) -> Any:
        if name in areas:
            return import_module(f"{package}.{name}")
        if name == "__all__" or not (name.startswith("__") or "__all__" in vars(module)):
            load()
            if name in vars(module):
                return vars(module)[name]
        # The sentence already suggests a name. With `name`, Python adds no suggestion of its own.
        raise AttributeError(_absent(name), name=name)

    def _absent(name: str) -> str:
        sentence = f"module {package!r} has no attribute {name!r}"
        if name.startswith("_"):
            return sentence
        known = (meant(name) if meant is not None else "") or nearest(name, vars(module)["__all__"])
        return f"{sentence}; is {known} meant?" if known else sentence

    def __dir__() -> list[str]:
        __getattr__("__all__")
        return sorted({*vars(module), *areas})

    return __getattr__, __dir__
