"""Evaluates a flag of Split as the services' SDKs do: by the vendor's own SDK in its localhost mode where it is
installed (`pilotage[split]`), else by their published bucketing.

The Admin API does not show the seed. With an SDK key it is read from where the SDKs read it; without one, a fixed seed
shows whether the sizes and their order are right.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pilotage.adapters.flags.murmur3 import murmur3
from pilotage.adapters.flags.split_config import FlagState
from pilotage.model.json import Json, JsonObject, each, list_at, object_at, optional

ANY_SEED = 1
_DATA = {
    "string": "stringMatcherData",
    "strings": "whitelistMatcherData",
}
_NAMES = {
    "IN_LIST_STRING": "WHITELIST",
    "STARTS_WITH_STRING": "STARTS_WITH",
    "ENDS_WITH_STRING": "ENDS_WITH",
}
"""What SDKs call a matcher, where it has another name in the API."""


def members(state: FlagState, users: Iterable[str], seed: int) -> set[str]:
    """Those of these users, of whom nothing but the key is known, who have the feature."""
    return _by_sdk(state, users, seed) if has_sdk() else by_bucket(state, users, seed)


@cache
def has_sdk() -> bool:
    return find_spec("splitio") is not None


def by_bucket(state: FlagState, users: Iterable[str], seed: int) -> set[str]:
    """By the default rule alone."""
    if state.killed:
        return set()
    reached, ends = 0, list[tuple[int, str]]()
    for name, size in state.default:
        reached += size
        ends.append((reached, name))
    return {user for user in users if _treatment(ends, bucket(user, seed)) == state.terms.on}


def bucket(user: str, seed: int) -> int:
    """From 1 to 100."""
    return murmur3(user.encode(), seed) % 100 + 1


def _treatment(ends: list[tuple[int, str]], place: int) -> str:
    return next((name for end, name in ends if place <= end), "control")


# ── the vendor's own ───────────────────────────────────────────────────────────────────────────────────────


def sdk_flag(state: FlagState, seed: int) -> JsonObject:
    """The flag as SDKs get it. Segments are left out: who is in them is not known here."""
    conditions: list[Json] = [_condition(rule, "WHITELIST") for rule in _whitelists(state)]
    conditions += [_condition(rule, "ROLLOUT") for rule in state.rules if not _names_segment(rule)]
    everyone: JsonObject = {
        "buckets": state.whole["defaultRule"],
        "condition": {"combiner": "AND", "matchers": [{"type": "ALL_KEYS"}]},
    }
    conditions.append(_condition(everyone, "ROLLOUT"))
    return {
        "name": state.terms.key, "trafficTypeName": "user", "trafficAllocation": 100, "trafficAllocationSeed": seed,
        "seed": seed, "status": "ACTIVE", "killed": state.killed, "defaultTreatment": state.terms.off,
        "changeNumber": 1, "algo": 2, "configurations": {}, "sets": [], "conditions": conditions,
    }  # fmt: skip


def _whitelists(state: FlagState) -> list[JsonObject]:
    named = each(object_at, state.whole, "treatments")
    return [
        {
            "buckets": [{"treatment": one.get("name"), "size": 100}],
            "condition": {"combiner": "AND", "matchers": [{"type": "IN_LIST_STRING", "strings": one["keys"]}]},
        }
        for one in named
        if optional(list_at, one, "keys")
    ]


def _names_segment(rule: JsonObject) -> bool:
    kinds = [one.get("type") for one in each(object_at, rule, "condition", "matchers")]
    return any(kind in ("IN_SEGMENT", "IN_SPLIT", "IN_LARGE_SEGMENT", "IN_RULE_BASED_SEGMENT") for kind in kinds)


def _condition(rule: JsonObject, kind: str) -> JsonObject:
    return {
        "conditionType": kind,
        "label": "default rule",
        "partitions": rule["buckets"],
        "matcherGroup": {
            "combiner": "AND",
            "matchers": [_matcher(one) for one in each(object_at, rule, "condition", "matchers")],
        },
    }


def _matcher(one: JsonObject) -> JsonObject:
    kind = str(one.get("type"))
    data: dict[str, Json] = dict.fromkeys(_DATA.values())
    for name, place in _DATA.items():
        if (value := one.get(name)) is not None:
            data[place] = {"whitelist": value} if name == "strings" else value
    return {
        "keySelector": {"trafficType": "user", "attribute": one.get("attribute")},
        "matcherType": _NAMES.get(kind, kind),
        "negate": bool(one.get("negate")),
        **data,
    }


def _by_sdk(state: FlagState, users: Iterable[str], seed: int) -> set[str]:
    from splitio import get_factory

    logging.getLogger("splitio").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="pilotage-") as folder:
        file = Path(folder) / "flags.json"
        file.write_text(json.dumps(document([sdk_flag(state, seed)])), encoding="utf-8")
        factory = get_factory("localhost", config={"splitFile": str(file), "impressionsMode": "NONE"})
        try:
            factory.block_until_ready(5)
            client = factory.client()
            return {user for user in users if client.get_treatment(user, state.terms.key) == state.terms.on}
        finally:
            factory.destroy()


def document(flags: list[JsonObject]) -> JsonObject:
    """What the localhost mode of SDKs reads."""
    return {"ff": {"d": list(flags), "s": -1, "t": 1}, "rbs": {"d": [], "s": -1, "t": 1}}
