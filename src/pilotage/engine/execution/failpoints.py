"""Points in a look at which a test kills the controller, as a power failure would.

`PILOTAGE_FAILPOINT=name:n` kills this process with SIGKILL when `name` is reached for the n-th time. Otherwise a
failpoint is one comparison.
"""

from __future__ import annotations

import os
import signal

_NAME, _, _COUNT = os.environ.get("PILOTAGE_FAILPOINT", "").partition(":")
_left = int(_COUNT or 1)


def arm(name: str, count: int) -> None:
    """For a process that was forked after this module had been read."""
    global _NAME, _left
    _NAME, _left = name, count


def reach(name: str) -> None:
    """Continue, or die here."""
    global _left
    if name != _NAME:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
