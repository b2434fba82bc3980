"""An environment's configuration as a rollout keeps it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters import registry
from pilotage.config.environment import EnvironmentSection
from pilotage.engine.execution.targets import kept_capabilities
from pilotage.engine.placement.location import folder_of_router, place_of, router_folders
from pilotage.model.capabilities import (
    Port,
)
from pilotage.model.json import Json, JsonObject, object_at
from pilotage.model.snapshot import Snapshot

if TYPE_CHECKING:
    pass

LARGEST_FILE = 1 << 20
"""Bytes: a larger file of the project is not kept with a rollout."""


def describe(section: EnvironmentSection, cwd: Path) -> Snapshot:
    """An environment's configuration, to be kept with a rollout, with the text of the files that it names."""
    routes = tuple(route.path for route in section.routes)
    files: dict[str, str] = {}
    for name in files_of(section):
        with suppress(OSError, ValueError):
            text = (cwd / name).read_bytes()[: LARGEST_FILE + 1].decode()
            files |= {name: text} if len(text) <= LARGEST_FILE else {}
    kept = _without_empty(section.model_dump(mode="json"))
    if section.flag is not None and section.flag.kind == "flagd":
        kept["flag"] = {name: value for name, value in object_at(kept, "flag").items() if name != "kind"}
    return Snapshot(environment=kept, cwd=str(cwd), routes=routes, files=files)


def files_of(section: EnvironmentSection) -> tuple[str, ...]:
    """Files of the project that the way back of this environment needs."""
    parts = [(Port.FLEET, section.fleet), *((Port.ROUTER, one) for one in section.every_router.values())]
    found = ((registry.of(port, one).files, one) for port, one in parts)
    return tuple(dict.fromkeys(name for files, one in found if files for name in files(one)))


def _without_empty(section: JsonObject) -> dict[str, Json]:
    """The section without default values. A worker of an older version refuses unknown keys, so this lets it execute a
    rollout that uses nothing newer. Rules stay complete: the older worker reads all of their keys."""
    kept: dict[str, Json] = {}
    for name, value in section.items():
        if isinstance(value, dict) and name == "analysis":
            value = {key: part for key, part in value.items() if part is not None}
        elif isinstance(value, dict) and name != "overrides":
            value = _without_empty(value)
        if isinstance(value, list):
            value = [_without_empty(item) if isinstance(item, dict) else item for item in value]
        if value is not None and value != [] and value != {}:
            kept[name] = value
    return kept


def with_learned_routes(snapshot: Snapshot, directory: Path, service: str, environment: str) -> Snapshot:
    """The snapshot with the routes that users take, where none are configured. They stay so for the rollout."""
    from pilotage.adapters.route_sample import largest_routes, sampled_paths

    if snapshot.routes or not kept_capabilities(snapshot).metrics.routes:
        return snapshot
    place = place_of(directory, service, environment)
    folder = next((path for path in router_folders(place) if path.exists()), place / folder_of_router(""))
    learned = largest_routes(sampled_paths(folder))
    section = {**snapshot.environment, "routes": [{"path": path} for path in learned]}
    return replace(snapshot, environment=section, routes=tuple(learned))
