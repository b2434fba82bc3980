"""Runs one attempt of a stage: checkout, commands, reports, artifacts, provenance; in a process of its own.

`python -m pilotage.adapters.stages.runner SPECIFICATION STATE`. It outlives the controller that started it. STATE is
written before it starts, when it begins, and once it has ended; so whoever reads it knows how far it came.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from pilotage.adapters.files import read_json, write_over
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.attempt import Asked, Attempt, Outcome
from pilotage.adapters.stages.checkout import remove_tree
from pilotage.adapters.stages.descendants import adopt_orphans, end_descendants
from pilotage.model.json import find, read_as

GIVEN = "PILOTAGE_STAGE_ENVIRONMENT"
"""What the commands get of the environment, as JSON, in the environment of this process and nowhere else: secrets are
among it."""
ROOM = " " * 16384
"""Written with the first state, so that the last one has its place on a disk that is full by then."""


def run(specification: Path, state: Path) -> None:
    with _alone(state):
        if find(read_json(state), "began") is not None:
            return  # another one was quicker
        asked = read_as(Asked, read_json(specification))
        given: dict[str, str] = json.loads(os.environ.pop(GIVEN, "{}"))
        began = time.time()
        _write(state, {"began": began, "room": ROOM})
        adopt_orphans()
        outcome = _outcome(Attempt(asked, given))
        end_descendants()
        if outcome.passed or not asked.keeps:
            remove_tree(Path(asked.work))
        _write(state, {"began": began, "ended": time.time(), **asdict(outcome)})


def _outcome(attempt: Attempt) -> Outcome:
    try:
        return attempt.run()
    except OSError as error:
        return attempt.failed(f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror or error))
    except AdapterError as error:
        return attempt.failed(str(error))
    except Exception as error:  # a fault of Pilotage: the commands have ended, so it is no cut-off
        traceback.print_exc()
        return attempt.failed(f"Pilotage cannot run the stage: {error!r:.300}")


def _write(state: Path, what: dict[str, object]) -> None:
    """A disk that is full stays so for a while: a result is not given up for that."""
    content = json.dumps(what).encode()
    for pause in (0.2, 1.0, 5.0, 30.0, 120.0, 600.0):
        try:
            write_over(state, content)
            return
        except OSError as error:
            print(f"cannot write {state}: {error.strerror}", file=sys.stderr)
            time.sleep(pause)
    raise SystemExit(1)


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Leave where another process runs the same attempt."""
    descriptor = os.open(state.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(0) from None
    try:
        yield
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]))
