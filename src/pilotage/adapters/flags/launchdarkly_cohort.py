"""Evaluates a flag of LaunchDarkly as the services' SDKs do: by the vendor's own SDK where it is installed
(`pilotage[launchdarkly]`), else by their published bucketing.

The configuration is the one that the API returned, in the format in which SDKs get it. Prerequisites are left out: they
decide who else does not have the feature.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.flags.launchdarkly_config import FlagState
from pilotage.model.json import Json, JsonObject, find, list_at, object_at, whole_at

if TYPE_CHECKING:
    from ldclient import LDClient

_SCALE = float(0xFFFFFFFFFFFFFFF)
"""Of the first 15 hexadecimal digits of the hash."""


def members(state: FlagState, users: Iterable[str]) -> set[str]:
    """Those of these users, of whom nothing but the key is known, who have the feature."""
    return _by_sdk(state, users) if has_sdk() else by_bucket(state, users)


@cache
def has_sdk() -> bool:
    return find_spec("ldclient") is not None


def by_bucket(state: FlagState, users: Iterable[str]) -> set[str]:
    """By the default rule alone (https://launchdarkly.com/docs/sdk/concepts/flag-evaluation-rules)."""
    if not state.is_on:
        return set()
    rollout = find(state.config, "fallthrough", "rollout")
    if not isinstance(rollout, Mapping):
        return set(users) if find(state.config, "fallthrough", "variation") == state.on else set()
    steps = [(whole_at(one, "variation"), whole_at(one, "weight") / 100_000) for one in list_at(rollout, "variations")]
    return {user for user in users if _variation(steps, bucket(state.terms.key, state.salt, user)) == state.on}


def bucket(key: str, salt: str, user: str) -> float:
    """Between 0 and 1."""
    digest = hashlib.sha1(f"{key}.{salt}.{user}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:15], 16) / _SCALE


def _variation(steps: list[tuple[int, float]], place: float) -> int:
    reached = 0.0
    for variation, weight in steps:
        reached += weight
        if place < reached:
            return variation
    return steps[-1][0]


def sdk_flag(state: FlagState) -> JsonObject:
    """The flag as SDKs get it, under its key."""
    config = state.config
    return {
        "key": state.terms.key,
        "version": state.version,
        "on": state.is_on,
        "salt": state.salt,
        "variations": list(state.values),
        "offVariation": state.off,
        "fallthrough": object_at(config, "fallthrough"),
        "targets": config.get("targets") or [],
        "contextTargets": config.get("contextTargets") or [],
        "rules": [_sdk_rule(rule) for rule in state.rules() if not rule.get("disabled")],
        "prerequisites": [],
    }


def _sdk_rule(rule: JsonObject) -> dict[str, Json]:
    names = ("variation", "rollout", "clauses")
    return {"id": rule.get("_id"), **{name: rule[name] for name in names if rule.get(name) is not None}}


def _by_sdk(state: FlagState, users: Iterable[str]) -> set[str]:
    from ldclient import Context

    with client(state) as sdk:
        kind = state.terms.context_kind
        return {
            user
            for user in users
            if sdk.variation(state.terms.key, Context.create(user, kind), state.terms.off) == state.terms.on
        }


@contextmanager
def client(state: FlagState) -> Iterator[LDClient]:
    """The vendor's SDK, with this flag and without a network."""
    from ldclient import Config, LDClient
    from ldclient.integrations import Files

    logging.getLogger("ldclient").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="pilotage-") as folder:
        file = Path(folder) / "flags.json"
        file.write_text(json.dumps({"flags": {state.terms.key: sdk_flag(state)}}), encoding="utf-8")
        source = Files.new_data_source(paths=[str(file)])
        sdk = LDClient(Config("offline", update_processor_class=source, send_events=False), start_wait=5)
        try:
            yield sdk
        finally:
            sdk.close()  # type: ignore[no-untyped-call]
