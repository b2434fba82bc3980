"""The process in which a supervisor runs the worker of a folder: `python -m pilotage.app.worker_process DIRECTORY`."""

from __future__ import annotations

import gc
import sys
from pathlib import Path


def main(directory: Path) -> int:
    """Load the worker, and run it until SIGTERM. Returns its exit status."""
    # What modules hold stays for good. Garbage collection would visit it again and again: a quarter of the processor
    # time of a start, and a worker that starts sooner takes over sooner.
    gc.disable()
    from pilotage.app.worker import run

    gc.freeze()
    gc.enable()
    return run(directory)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
