"""The first use of a class by msgspec, in several threads at once: it crashed the process."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, threading
sys.setswitchinterval(1e-6)
from pilotage.model.live import LiveView, read_live
together = threading.Barrier(8)
def read():
    together.wait()
    read_live({"health": 0.5})
threads = [threading.Thread(target=read) for _ in range(8)]
[one.start() for one in threads]
[one.join() for one in threads]
"""


def test_eight_threads_read_the_first_look_of_a_process_at_once() -> None:
    ended = [subprocess.run([sys.executable, "-c", PROGRAM], check=False).returncode for _ in range(12)]
    assert ended == [0] * 12
