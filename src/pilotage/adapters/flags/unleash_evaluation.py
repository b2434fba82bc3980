"""What services answer: the same strategies, evaluated for a fixed cohort by the engine of Unleash's own SDKs.

The engine comes with `pip install 'pilotage[unleash]'`. Without it, what Unleash reports is believed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec

from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import Ramp
from pilotage.model.json import Json, JsonObject, find
from pilotage.model.traffic import WHOLE

_COHORT = 500
_IN_CONTEXT = ("userId", "sessionId")


def installed() -> bool:
    """Whether the engine is."""
    return find_spec("yggdrasil_engine") is not None


def confirm(key: str, strategies: Sequence[Json], ramp: Ramp, stickiness: str) -> None:
    """Raise AdapterError if these strategies reach another share of the cohort than the ramp says: the difference is
    more than four standard deviations."""
    from yggdrasil_engine.engine import UnleashEngine

    engine = UnleashEngine()
    # Unleash keeps disabled ones from services: the engine does not know that they are.
    served = [one for one in strategies if find(one, "disabled") is not True]
    flag: JsonObject = {"name": key, "type": "release", "enabled": True, "strategies": served}
    engine.take_state(json.dumps({"version": 2, "features": [flag]}))
    on = sum(engine.check_enabled(key, _context(stickiness, f"user-{n}")).is_enabled for n in range(_COHORT))
    share = ramp.share / WHOLE
    if abs(on - _COHORT * share) > 4 * (_COHORT * share * (1 - share)) ** 0.5:
        raise AdapterError(f"the flag {key} is on for {on} of {_COHORT} users, not for {100 * share:g} %")


def _context(stickiness: str, value: str) -> dict[str, object]:
    field = "userId" if stickiness == "default" else stickiness
    return {field: value} if field in _IN_CONTEXT else {"properties": {field: value}}
