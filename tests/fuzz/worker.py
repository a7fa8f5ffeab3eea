"""One fuzzing process, which knows by coverage what is new: `python -m tests.fuzz.worker TARGET`, then libFuzzer's options."""

from __future__ import annotations

import logging
import random
import sys

import atheris

from .seeds import lines_of_servers
from .targets import TARGETS

# The library, and what looks into it, once more, with instruments; it does not know of the first.
LIBRARIES = [sys.modules["aioami.wire.framing"]]
for name in list(sys.modules):
    if name.partition(".")[0] == "aioami" or name == TARGETS["message"].__module__:
        del sys.modules[name]
with atheris.instrument_imports(include=["aioami"]):
    from .targets import PATHS
LIBRARIES.append(sys.modules["aioami.wire.framing"])

for framing in LIBRARIES:
    framing._SMALL = 64  # type: ignore[attr-defined]  # bytes: short inputs go the way of long messages, too
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
target = sys.argv.pop(1)
check, path = TARGETS[target], PATHS[target]


def one_input(data: bytes) -> None:
    path(data)
    if target != "session":  # whose path is the whole check
        check(data)


atheris.Setup(sys.argv, one_input, custom_mutator=mutated)
atheris.Fuzz()
