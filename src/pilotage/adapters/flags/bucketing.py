"""Which algorithm an evaluator divides users by. flagd and its providers have three, which give the same share to
different users; where two of them evaluate one flag, users change sides between requests.

| name | hash of the user | bucket | found in |
|---|---|---|---|
| float | murmur3 of the text | a percentage in floating point | flagd before 0.15 |
| integer | murmur3 of the text | `hash * sum of weights >> 32` | flagd from 0.15 |
| cbor | murmur3 of the text in CBOR | the same | `openfeature-flagd-core` from 2.0 |

Nothing tells which one an evaluator has, so Pilotage writes a second flag beside its own. Each algorithm puts its fixed
text into another bucket: whoever evaluates it answers with the name of its own.
"""

from __future__ import annotations

from functools import cache

from pilotage.model.json import JsonObject

KEY = "pilotage-bucketing"
"""As `pilotage.openfeature.BUCKETING`, which services load without the rest."""
_TEXT = "bucketing-7"
_NAMES = ("cbor", "integer", "float")

PROBE: JsonObject = {
    "state": "ENABLED",
    "variants": {name: name for name in (*_NAMES, "unknown")},
    "defaultVariant": "unknown",
    "targeting": {"fractional": [_TEXT, *([name, 1] for name in _NAMES)]},
}
"""Its definition."""


@cache
def own() -> str:
    """The algorithm by which Pilotage evaluates: `flag serve`, and each look at a flag in a file."""
    from openfeature.contrib.tools.flagd.core import FlagdCore
    from openfeature.evaluation_context import EvaluationContext

    core = FlagdCore()
    # The evaluator changes what it is given.
    core.set_flags({"flags": {KEY: {**PROBE}}})
    return core.resolve_string_value(KEY, "unknown", EvaluationContext(KEY)).value
