"""What is measured in the process of a client: CPU time of all its threads, the clock, and memory."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any


def memory() -> int:
    """Bytes that the process has in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Meter:
    """From one moment to another."""

    def __init__(self) -> None:
        self.memory = memory()
        self.wall = time.perf_counter()
        self.cpu = time.process_time()

    def stop(self, count: int, **more: Any) -> dict[str, Any]:
        """What it took, for `count` events, actions or items."""
        cpu, wall = time.process_time() - self.cpu, time.perf_counter() - self.wall
        grown = max(memory(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024) - self.memory
        return {"count": count, "cpu": cpu, "wall": wall, "grown": grown, **more}


def percentiles(times: list[float]) -> dict[str, float]:
    """The median and the 99th percentile."""
    times = sorted(times)
    return {"p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100]}
