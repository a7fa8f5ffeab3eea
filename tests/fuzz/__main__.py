"""Runs the fuzzer, in several processes. `--help` names the options."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha1
from pathlib import Path

from .seeds import seeds
from .targets import TARGETS

COMMAND = "python -m tests.fuzz"
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build/fuzz"
LENGTHS = {"answers": 256, "framer": 192, "message": 384, "session": 768}  # bytes of the longest input


def main() -> int:
    """0 if nothing was found, else 1."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Look for bytes that the library reads wrongly.")
    parser.add_argument("--inputs", type=int, default=100_000, help="inputs in all (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time (default: %(default)s)")
    parser.add_argument("--seconds", type=int, help="stop after so long, even with fewer inputs")
    parser.add_argument("--seed", type=int, default=1, help="of the chance (default: %(default)s)")
    parser.add_argument("--target", choices=TARGETS, action="append", help="this one only; may be repeated")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="one input, as it was found, to the target")
    options = parser.parse_args()
    targets = options.target or list(TARGETS)
    if options.replay is not None:
        for target in targets:
            TARGETS[target](options.replay.read_bytes())
        return 0

    began = time.monotonic()
    share = max(1, options.inputs // (len(targets) * options.jobs))
    seconds = max(1, options.seconds // len(targets)) if options.seconds else 0
    with ThreadPoolExecutor(options.jobs) as pool:
        results = [
            pool.submit(fuzz, target, job, share, seconds, options.seed)
            for target in targets
            for job in range(options.jobs)
        ]
    inputs = sum(done for done, _ in (result.result() for result in results))
    findings = sum(found for _, found in (result.result() for result in results))
    spent = time.monotonic() - began
    print(f"{inputs} inputs in {spent:.0f} s, {inputs / spent:.0f} a second: {findings} findings")
    return 1 if findings else 0


def fuzz(target: str, job: int, inputs: int, seconds: int, seed: int) -> tuple[int, bool]:
    """One process: how many inputs it tried, and whether it ended with a finding."""
    corpus = FOLDER / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    for stream in seeds(target):
        (corpus / sha1(stream).hexdigest()).write_bytes(stream)
    log = FOLDER / f"{target}-{job}.log"
    command = [
        *(sys.executable, "-m", "tests.fuzz.worker", target, str(corpus)),
        *(f"-runs={inputs}", f"-max_total_time={seconds}", f"-seed={seed + job}", f"-max_len={LENGTHS[target]}"),
        *("-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1", f"-artifact_prefix={FOLDER}/{target}-"),
    ]
    began = time.monotonic()
    with log.open("w") as file:
        code = subprocess.run(command, cwd=ROOT, stdout=file, stderr=file, check=False).returncode
    told = log.read_text(errors="replace")
    done = max(map(int, re.findall(r"(?:^#|stat::number_of_executed_units: )(\d+)", told, re.MULTILINE)), default=0)
    print(f"{target}, job {job}: {done} inputs in {time.monotonic() - began:.0f} s", flush=True)
    if code:
        found = re.findall(r"Test unit written to (\S+)", told)
        print(told[-3000:], f"{COMMAND} --target {target} --replay {found[-1] if found else log}", sep="\n", flush=True)
    return done, code != 0


if __name__ == "__main__":
    sys.exit(main())
