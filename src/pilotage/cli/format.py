"""Records as lines for people."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pilotage.model.record import Recorded


def sentences(recorded: Sequence[Recorded]) -> list[str]:
    """Events as lines for people: `14:03:07  step-started  25% of requests …`."""
    return [f"{time.strftime('%H:%M:%S', time.localtime(e.at))}  {e.type:<19} {e.sentence}" for e in recorded]
