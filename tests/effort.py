"""How many examples Hypothesis tries: a gate's worth, or with `PILOTAGE_EXAMPLES=5` five times as many."""

from __future__ import annotations

import os

_TIMES = int(os.environ.get("PILOTAGE_EXAMPLES", "1"))


def examples(count: int) -> int:
    """`count`, times what the environment asks for."""
    return count * _TIMES
