"""Sends all users of the embedded Envoy to one version, using only the router's own files.

For when nothing else can be read or written: no store, no plan, no configuration, perhaps no disk space. Routes,
cookies and headers in the files stay; only their destination changes. Nothing is started or stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from pilotage.adapters.alone import alone_in
from pilotage.adapters.envoy_admin import cluster_of, stratum_of, version_of
from pilotage.adapters.http import json_of
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.envoy_cohort import outside
from pilotage.adapters.routers.envoy_place import BOOTSTRAP, EnvoyPlace
from pilotage.adapters.routers.envoy_read_back import clusters_in, config_in, split_of
from pilotage.adapters.routers.envoy_resources import (
    Settings,
    cluster,
    endpoints_file,
    endpoints_of,
    socket_of,
    watched_by,
)
from pilotage.adapters.routers.envoy_routes import routes_of
from pilotage.model.json import Json, JsonList, JsonObject, each, list_at, object_at, optional, text_at
from pilotage.model.traffic import WHOLE, Split, artifact_of

_CLUSTERS_DEADLINE, _ROUTES_DEADLINE = 3.0, 3.0
_PROTOCOL = "typed_extension_protocol_options"
_UNSEEN = 0.5
"""Seconds that Envoy gets to load clusters if it cannot be asked whether it has."""


def split_there(place: EnvoyPlace) -> Split | None:
    """The split in the files of `place`, or otherwise the one that Envoy reports; None if neither can be read."""
    config = _routes(place)
    with contextlib.suppress(ValueError):
        return split_of(config) if config else None
    return None


def addresses_there(place: EnvoyPlace, version: str) -> tuple[tuple[str, int], ...]:
    """Where the router's files say that instances of `version` are."""
    written = _written(place, endpoints_file(version))
    found: list[tuple[str, int]] = []
    with contextlib.suppress(ValueError):
        for locality in list_at(written, 0, "endpoints"):
            found += [socket_of(object_at(one, "endpoint", "address")) for one in list_at(locality, "lb_endpoints")]
    return tuple(found)


def lead_all(place: EnvoyPlace, version: str, instances: Iterable[tuple[str, int]]) -> bool:
    """Write the files so that every request goes to `version`: sticky users, testers and mirrors too. Returns whether
    Envoy itself says that it is so; False when it does not answer. Raises AdapterError when it cannot be written."""
    routes = _leading(_routes(place), version)
    needed = set(_clusters_in(routes))
    _put(place, endpoints_file(version), endpoints_of(version, instances))
    clusters = _with_clusters(place, version, needed)
    _put(place, "cds", clusters)
    names = {text_at(found, "name") for found in clusters}
    if _until(lambda: names <= _active_clusters(place), _CLUSTERS_DEADLINE) is None:
        time.sleep(_UNSEEN)
    # A worker either writes its outdated goal before this, or finds the note.
    with alone_in(place.lock):
        _put(place, "rds", [routes])
    return bool(_until(lambda: _shown(place) == Split(((version, WHOLE),)), _ROUTES_DEADLINE))


# ── routes ─────────────────────────────────────────────────────────────────────────────────────────────────


def _routes(place: EnvoyPlace) -> JsonObject | None:
    written = _written(place, "rds")
    if written and isinstance(written[0], Mapping) and written[0].get("virtual_hosts"):
        return written[0]
    with contextlib.suppress(AdapterError, ValueError):
        return _route_config(place)
    return None


def _leading(config: JsonObject | None, version: str) -> JsonObject:
    """The routes of `config`, all to `version`. Those of testers go: without one the rest takes them. Where nothing is
    there to go by, or the service is closed, plain routes take its place. A cohort goes."""
    with contextlib.suppress(ValueError):
        (host,) = each(object_at, config, "virtual_hosts")
        led = [_led(route, version) for route in outside(host)]
        kept = [route for route in led if route is not None]
        if config and any("headers" not in object_at(route, "match") for route in kept):
            plain = {name: value for name, value in host.items() if name != "matcher"}
            return {**config, "virtual_hosts": [{**plain, "routes": kept}]}
    return routes_of(Settings(("", 0)), Split(((version, WHOLE),)), "")


def _led(route: JsonObject, version: str) -> JsonObject | None:
    """The route as it leads to `version` alone; None where it cannot, or is a tester's to another version."""
    if "route" not in route:
        return None
    action = object_at(route, "route")
    clusters = each(object_at, action, "weighted_clusters", "clusters")
    stratum = stratum_of(text_at(clusters, 0, "name"))
    only = next((found for found in clusters if found.get("name") == cluster_of(version, stratum)), None)
    if only is None:
        if route.get("name") == "testers":
            return None
        only = _renamed(clusters[0], version, stratum)
    weighted = {**object_at(action, "weighted_clusters"), "clusters": [{**only, "weight": WHOLE}]}
    alone = {name: value for name, value in action.items() if name != "request_mirror_policies"}
    return {**route, "route": {**alone, "weighted_clusters": weighted}}


def _renamed(entry: JsonObject, version: str, stratum: str) -> JsonObject:
    """An entry of another version as one of `version`, with its name in the response where versions are named."""
    made: dict[str, Json] = {**entry, "name": cluster_of(version, stratum)}
    if "response_headers_to_add" in entry:
        value = artifact_of(version).replace("%", "%%")
        made["response_headers_to_add"] = [
            {**added, "header": {**object_at(added, "header"), "value": value}}
            for added in each(object_at, entry, "response_headers_to_add")
        ]
    return made


def _clusters_in(config: JsonObject) -> Iterable[str]:
    for host in list_at(config, "virtual_hosts"):
        for route in list_at(host, "routes"):
            yield from (text_at(found, "name") for found in list_at(route, "route", "weighted_clusters", "clusters"))


def _with_clusters(place: EnvoyPlace, version: str, needed: set[str]) -> list[JsonObject]:
    """The clusters that are written, and of `version` those that are missing: as its other ones, or as another
    version's are. None goes: requests in flight end there."""
    found = [one for one in _written(place, "cds") if isinstance(one, Mapping) and version_of(str(one.get("name")))]
    named = {str(one["name"]) for one in found}
    for name in sorted(needed - named):
        found.append(_cluster_like(found, place, version, stratum_of(name)))
    return sorted(found, key=lambda one: str(one["name"]))


def _cluster_like(found: Sequence[JsonObject], place: EnvoyPlace, version: str, stratum: str) -> JsonObject:
    made = cluster(watched_by(place.read(BOOTSTRAP)), version, stratum)
    # Whether instances speak HTTP/2 is not known here: the other versions' do as this one's does.
    like = {name: value for one in found[:1] for name, value in one.items() if name == _PROTOCOL}
    return {**made, **like}


# ── what Envoy says ────────────────────────────────────────────────────────────────────────────────────────


def _route_config(place: EnvoyPlace) -> JsonObject | None:
    return config_in(json_of(place.get("/config_dump?resource=dynamic_route_configs"), "Envoy"))


def _shown(place: EnvoyPlace) -> Split | None:
    config = _route_config(place)
    return split_of(config) if config else None


def _active_clusters(place: EnvoyPlace) -> set[str]:
    return clusters_in(json_of(place.get("/config_dump?resource=dynamic_active_clusters"), "Envoy"))


def _until(there: Callable[[], bool], deadline: float) -> bool | None:
    """Whether it was reached within `deadline` seconds; None if Envoy could not be asked."""
    until = time.monotonic() + deadline
    while time.monotonic() < until:
        try:
            if there():
                return True
        except AdapterError:
            return None
        except ValueError:
            pass
        time.sleep(0.02)
    return False


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────────


def _written(place: EnvoyPlace, name: str) -> JsonList:
    """The resources of a discovery file; none where it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        return optional(list_at, place.read(f"xds/{name}.json"), "resources") or []
    return []


def _put(place: EnvoyPlace, name: str, resources: Sequence[JsonObject]) -> None:
    """Replace a discovery file, in place where there is no room for another one. Raises AdapterError."""
    text = json.dumps(resources, sort_keys=True)
    content = {"version_info": hashlib.sha256(text.encode()).hexdigest()[:16], "resources": resources}
    with contextlib.suppress(OSError, ValueError):
        if place.read(f"xds/{name}.json") == content:
            return
    try:
        place.write(f"xds/{name}.json", json.dumps(content, indent=1, sort_keys=True).encode())
    except OSError as error:
        raise AdapterError(f"xds/{name}.json cannot be written: {error.strerror}") from error
