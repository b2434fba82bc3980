"""Questions to what was read back. What is not known is answered with what is safe."""

from __future__ import annotations

from pilotage.model.observation import Health
from pilotage.model.rollout import Seen


def healthy(seen: Seen, version: str | None) -> int:
    return sum(i.version == version and i.health is Health.HEALTHY for i in seen.instances or ())


def present(seen: Seen, version: str) -> bool:
    """Whether any instance of the version may still run; True when that is not known."""
    if seen.instances is None:
        return True
    return any(i.version == version and i.health is not Health.EXITED for i in seen.instances)


def reachable(seen: Seen, version: str) -> bool:
    """Whether a request may still reach the version; True when that is not known."""
    return seen.split is None or seen.split.reaches(version)
