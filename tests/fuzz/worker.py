"""One fuzzing process, which knows by coverage what is new: `python -m tests.fuzz.worker TARGET`, then libFuzzer's options."""

from __future__ import annotations

import logging
import random
import sys

import atheris

with atheris.instrument_imports(include=["aioami"]):
    from aioami.wire import framing

from .seeds import lines_of_servers
from .targets import TARGETS

framing._SMALL = 64  # bytes: short inputs go the way of long messages, too
LINES = lines_of_servers()


def mutated(data: bytes, limit: int, seed: int) -> bytes:
    """The input with some bytes changed, or some lines."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        changed: bytes = atheris.Mutate(data, limit)
        return changed
    lines = data.split(b"\n")
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(lines))
        match chance.randrange(5):
            case 0 | 1:
                lines.insert(place, chance.choice(LINES))
            case 2:
                lines.insert(place, chance.choice(lines))
            case 3 if len(lines) > 1:
                del lines[place]
            case _:
                line = lines[place]
                lines[place] = line[:-1] if line.endswith(b"\r") else line + b"\r"
    return b"\n".join(lines)[:limit]


logging.disable(logging.CRITICAL)
target = TARGETS[sys.argv.pop(1)]
atheris.Setup(sys.argv, target, custom_mutator=mutated)
atheris.Fuzz()
