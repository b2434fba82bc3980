"""What several tests of controllers that are killed begin with."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from .harness import controller


@pytest.fixture
def controllers(tmp_path: Path) -> Iterator[Callable[[], int]]:
    """Starts a controller; ends them all."""
    running: list[int] = []

    def start() -> int:
        running.append(controller(tmp_path, frozenset(), None))
        return running[-1]

    yield start
    for pid in running:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
