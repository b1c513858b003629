# The driver: one seed a case, so that a failure is repeated with `--seed N --cases 1`.
from __future__ import annotations

import argparse
import sys
import time
import traceback
from random import Random

from .check import CHECKS

SLOW = 2.0  #: seconds a case of a few kilobytes may take; more is a trap for time


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz the core; exit 1 when something breaks.")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long (30)")
    parser.add_argument("--seed", type=int, default=None, help="the first case's seed; told when a case fails")
    parser.add_argument("--cases", type=int, default=sys.maxsize, help="stop after so many cases")
    options = parser.parse_args()
    seed = time.time_ns() if options.seed is None else options.seed
    print(f"first seed: {seed}")
    end, done = time.monotonic() + options.seconds, 0
    while time.monotonic() < end and done < options.cases:
        for check in CHECKS:
            begun = time.monotonic()
            try:
                check(Random(seed))  # noqa: S311  # chance, not secrets
                took = time.monotonic() - begun
                assert took < SLOW, f"one case took {took:.1f} s"
            except Exception:
                traceback.print_exc()
                print(f"{check.__name__} failed: repeat with `python -m fuzz --seed {seed} --cases 1`", file=sys.stderr)
                return 1
        seed += 1
        done += 1
    print(f"{done} cases of each of {', '.join(check.__name__ for check in CHECKS)}: nothing escaped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
