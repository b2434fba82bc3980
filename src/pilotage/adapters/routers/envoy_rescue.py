"""Leads every user of an Envoy of ours to one version, with the router's own files alone.

For when nothing else can be read or written: no store, no plan, no configuration, perhaps no room on the disk. What
the files say of routes, cookies and headers stays; only where they lead changes. Nothing is started or stopped.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pilotage.adapters.envoy_admin import ROUTE_CONFIG, admin_url, cluster_of, stratum_of, version_of
from pilotage.adapters.files import read_leniently, write_over
from pilotage.adapters.http import get_json
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.envoy_resources import (
    Settings,
    cluster,
    endpoints_file,
    endpoints_of,
    socket_of,
    watched_by,
)
from pilotage.adapters.routers.envoy_routes import routes_of, split_of
from pilotage.model.traffic import WHOLE, Split, artifact_of

_CLUSTERS_DEADLINE, _ROUTES_DEADLINE = 3.0, 3.0
_UNSEEN = 0.5
"""Seconds that an Envoy gets to take up clusters when nobody can ask it whether it has."""


def split_there(directory: Path) -> Split | None:
    """The split that the files in `directory` ask for, or else the one that Envoy says it makes; None when neither can
    be read."""
    config = _routes(directory)
    with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
        return split_of(config) if config else None
    return None


def addresses_there(directory: Path, version: str) -> tuple[tuple[str, int], ...]:
    """Where the router's files say that instances of `version` are."""
    written = _written(directory / "xds" / f"{endpoints_file(version)}.json")
    found: list[tuple[str, int]] = []
    with contextlib.suppress(LookupError, TypeError, ValueError):
        for locality in written[0]["endpoints"]:
            found += [socket_of(endpoint["endpoint"]["address"]) for endpoint in locality["lb_endpoints"]]
    return tuple(found)


def lead_all(directory: Path, version: str, instances: Iterable[tuple[str, int]]) -> bool:
    """Write the files so that every request goes to `version`: sticky users, testers and mirrors too. Returns whether
    Envoy itself says that it is so; False when it does not answer. Raises AdapterError when it cannot be written."""
    files = directory / "xds"
    routes = _leading(_routes(directory), version)
    needed = set(_clusters_in(routes))
    _put(files / f"{endpoints_file(version)}.json", endpoints_of(version, instances))
    clusters = _with_clusters(files, version, needed)
    _put(files / "cds.json", clusters)
    names = {found["name"] for found in clusters}
    if _until(lambda: names <= _active_clusters(directory), _CLUSTERS_DEADLINE) is None:
        time.sleep(_UNSEEN)
    _put(files / "rds.json", [routes])
    return bool(_until(lambda: _shown(directory) == Split(((version, WHOLE),)), _ROUTES_DEADLINE))


# ── routes ─────────────────────────────────────────────────────────────────────────────────────────────────


def _routes(directory: Path) -> dict[str, Any] | None:
    written = _written(directory / "xds" / "rds.json")
    if written and isinstance(written[0], dict) and written[0].get("virtual_hosts"):
        return dict(written[0])
    with contextlib.suppress(AdapterError, LookupError, TypeError, AttributeError):
        return _route_config(directory)
    return None


def _leading(config: dict[str, Any] | None, version: str) -> dict[str, Any]:
    """The routes of `config`, all to `version`. Those of testers go: without one the rest takes them. Where nothing is
    there to go by, or the service is closed, plain routes take its place."""
    with contextlib.suppress(LookupError, TypeError, AttributeError, ValueError):
        made = copy.deepcopy(config or {})
        (host,) = made["virtual_hosts"]
        kept = [route for route in host["routes"] if _leads(route, version)]
        if any("headers" not in route["match"] for route in kept):
            host["routes"] = kept
            return made
    return routes_of(Settings(("", 0)), Split(((version, WHOLE),)), "")


def _leads(route: dict[str, Any], version: str) -> bool:
    """Make the route lead to `version` alone; False where it cannot, or is a tester's to another version."""
    if "route" not in route:
        return False
    weighted = route["route"]["weighted_clusters"]
    first: dict[str, Any] = weighted["clusters"][0]
    stratum = stratum_of(first["name"])
    only: dict[str, Any] | None = next(
        (found for found in weighted["clusters"] if found["name"] == cluster_of(version, stratum)), None
    )
    if only is None:
        if route.get("name") == "testers":
            return False
        only = _renamed(first, version, stratum)
    weighted["clusters"] = [{**only, "weight": WHOLE}]
    route["route"].pop("request_mirror_policies", None)
    return True


def _renamed(entry: dict[str, Any], version: str, stratum: str) -> dict[str, Any]:
    """An entry of another version as one of `version`, with its name in the response where versions are named."""
    made = {**copy.deepcopy(entry), "name": cluster_of(version, stratum)}
    for added in made.get("response_headers_to_add", []):
        added["header"]["value"] = artifact_of(version).replace("%", "%%")
    return made


def _clusters_in(config: dict[str, Any]) -> Iterable[str]:
    for host in config["virtual_hosts"]:
        for route in host["routes"]:
            yield from (found["name"] for found in route["route"]["weighted_clusters"]["clusters"])


def _with_clusters(files: Path, version: str, needed: set[str]) -> list[dict[str, Any]]:
    """The clusters that are written, and of `version` those that are missing: as its other ones, or as another
    version's are. None goes: requests in flight end there."""
    found = [one for one in _written(files / "cds.json") if isinstance(one, dict) and version_of(str(one.get("name")))]
    named = {one["name"] for one in found}
    for name in sorted(needed - named):
        found.append(_cluster_like(found, files, version, stratum_of(name)))
    return sorted(found, key=lambda one: str(one["name"]))


def _cluster_like(found: list[dict[str, Any]], files: Path, version: str, stratum: str) -> dict[str, Any]:
    made = cluster(watched_by(read_leniently(files.parent / "bootstrap.json")), version, stratum)
    # Whether instances speak HTTP/2 is not known here: the other versions' do as this one's does.
    for other in found[:1]:
        if "typed_extension_protocol_options" in other:
            made["typed_extension_protocol_options"] = copy.deepcopy(other["typed_extension_protocol_options"])
    return made


# ── what Envoy says ────────────────────────────────────────────────────────────────────────────────────────


def _route_config(directory: Path) -> dict[str, Any] | None:
    dump = get_json(f"{admin_url(directory)}/config_dump?resource=dynamic_route_configs")
    configs = [entry["route_config"] for entry in dump.get("configs", [])]
    return next((config for config in configs if config["name"] == ROUTE_CONFIG), None)


def _shown(directory: Path) -> Split | None:
    config = _route_config(directory)
    return split_of(config) if config else None


def _active_clusters(directory: Path) -> set[str]:
    dump = get_json(f"{admin_url(directory)}/config_dump?resource=dynamic_active_clusters")
    return {entry["cluster"]["name"] for entry in dump.get("configs", [])}


def _until(there: Callable[[], bool], deadline: float) -> bool | None:
    """Whether it came to be so in `deadline` seconds; None where Envoy could not be asked."""
    until = time.monotonic() + deadline
    while time.monotonic() < until:
        try:
            if there():
                return True
        except AdapterError:
            return None
        except (LookupError, TypeError, ValueError, AttributeError):
            pass
        time.sleep(0.02)
    return False


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────────


def _written(path: Path) -> list[Any]:
    """The resources of a discovery file; none where it cannot be read."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
        return list(json.loads(path.read_bytes())["resources"])
    return []


def _put(path: Path, resources: list[dict[str, Any]]) -> None:
    """Replace a discovery file, in place where there is no room for another one. Raises AdapterError."""
    text = json.dumps(resources, sort_keys=True)
    content = {"version_info": hashlib.sha256(text.encode()).hexdigest()[:16], "resources": resources}
    data = json.dumps(content, indent=1, sort_keys=True).encode()
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            return
    try:
        write_over(path, data)
    except OSError as error:
        raise AdapterError(f"{path} cannot be written: {error.strerror}") from error
