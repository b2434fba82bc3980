"""Two requests that change the same thing: the second one begins when the first one has ended, and sees what it did.

Without that, both could see the same state, find their `If-Match` fulfilled, and one would undo what the other did.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from pilotage.web.preconditions import require_unchanged
from pilotage.web.route import Asked, Turn


@contextlib.contextmanager
def in_turn(asked: Asked) -> Iterator[None]:
    """What the request does comes within it. Raises ChangedMeanwhile, NotFound, NoTurn."""
    if not _waits(asked):
        require_unchanged(asked)
        yield
        return
    with asked.site.store.turns.taken(_changed_thing(asked)):
        require_unchanged(asked)
        yield


def _waits(asked: Asked) -> bool:
    route = asked.route
    if not route.changes or not route.about or route.turn is Turn.OWN:
        return False
    return route.turn is Turn.ALWAYS or "if-match" in asked.request.headers


def _changed_thing(asked: Asked) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: asked.params[found[1]], asked.route.about)
