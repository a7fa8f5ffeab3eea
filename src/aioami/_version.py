"""The version, which is also that of the distribution."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
