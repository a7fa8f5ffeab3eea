"""`aioami doctor`: checks of everything between a program and a server's events.

`examination` runs the checks. Each of them uses three parts:

* `probe` does the I/O,
* `inference` draws conclusions,
* `texts` puts them into words, as `findings`.
"""

from __future__ import annotations

from .examination import examine
from .findings import Finding, Level

__all__ = ["Finding", "Level", "examine"]
