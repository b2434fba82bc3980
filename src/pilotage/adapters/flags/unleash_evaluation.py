"""What services answer: the same strategies, evaluated for a fixed cohort by the engine of Unleash's own SDKs.

It must be what Unleash's published bucketing gives the share to, user by user. A comparison of counts would refuse the
few keys whose hash is far from their share, and would not notice other users.

The engine comes with the extra `unleash`. Without it, what Unleash reports is believed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec

from pilotage.adapters.flags.murmur3 import murmur3
from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import Ramp
from pilotage.model.json import Json, JsonObject, find
from pilotage.model.traffic import percent

_COHORT = [f"user-{n}" for n in range(500)]
_IN_CONTEXT = ("userId", "sessionId")


def installed() -> bool:
    """Whether the engine is."""
    return find_spec("yggdrasil_engine") is not None


def confirm(key: str, strategies: Sequence[Json], ramp: Ramp, stickiness: str) -> None:
    """Raise AdapterError unless these strategies reach exactly those of the cohort whom the ramp's share reaches."""
    from yggdrasil_engine.engine import UnleashEngine

    engine = UnleashEngine()
    # Unleash keeps disabled ones from services: the engine does not know that they are.
    served = [one for one in strategies if find(one, "disabled") is not True]
    flag: JsonObject = {"name": key, "type": "release", "enabled": True, "strategies": served}
    engine.take_state(json.dumps({"version": 2, "features": [flag]}))
    on = {user for user in _COHORT if engine.check_enabled(key, _context(stickiness, user)).is_enabled}
    right = {user for user in _COHORT if _bucket(key, user) <= percent(ramp.share)}
    if on != right:
        raise AdapterError(
            f"the flag {key} is on for {len(on)} of {len(_COHORT)} users, not for the {len(right)} whom "
            f"{percent(ramp.share):g} % reaches: {len(on ^ right)} get another answer"
        )


def _bucket(key: str, user: str) -> int:
    """From 1 to 100, where the key is the groupId (https://docs.getunleash.io/concepts/stickiness)."""
    return murmur3(f"{key}:{user}".encode()) % 100 + 1


def _context(stickiness: str, value: str) -> dict[str, object]:
    field = "userId" if stickiness == "default" else stickiness
    return {field: value} if field in _IN_CONTEXT else {"properties": {field: value}}
