"""Only where a notebook can run: `make notebooks` brings what these tests need, and `make test` does without."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("nbclient") and find_spec("pandas") and find_spec("polars") else ["test_*.py"]
