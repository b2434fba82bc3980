"""`python -m tests.fuzz`: see `--help`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tests.fuzz.corpus import samples
from tests.fuzz.readers import READERS
from tests.fuzz.run import Run


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py fuzz", description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="reader", help=f"some of {', '.join(READERS)}; default: all")
    parser.add_argument("--minutes", type=float, default=1.0, help="0: every sample as it is, and nothing else")
    parser.add_argument("--corpus", type=Path, action="append", default=[], help="a folder of files or repositories")
    parser.add_argument("--faults", type=Path, help="where to put samples that show a fault")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given = parser.parse_args()
    if unknown := [name for name in given.readers if name not in READERS]:
        parser.error(f"no reader {unknown[0]!r}; known are {', '.join(READERS)}")
    os.nice(5)
    chosen = {name: READERS[name] for name in given.readers or READERS}
    found = {name: (reader, samples(reader, given.corpus)) for name, reader in chosen.items()}
    run = Run(given.faults, lambda line: print(line, flush=True))
    run.tell(f"seed {given.seed}; samples: {', '.join(f'{name} {len(known)}' for name, (_, known) in found.items())}")
    for reader, known in found.values():
        run.as_they_are(reader, known)
    run.tell(f"as they are: {run.summary()}")
    run.for_a_while(found, 60 * given.minutes, given.seed)
    run.tell(run.summary())
    return 1 if run.found else 0


if __name__ == "__main__":
    sys.exit(main())
