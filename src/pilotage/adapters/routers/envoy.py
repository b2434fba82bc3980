"""The embedded router: an Envoy that reads its routes, clusters and endpoints from files replaced by rename.

Order of writing: endpoints, then clusters, then (once Envoy has the clusters) the routes; what is no longer
routed to leaves in the other direction. So no route ever names a cluster that Envoy does not have. Each version
has a cluster for each stratum of its traffic; a switch of all of them is one file of routes.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from pilotage.adapters.envoy_admin import SALT, cluster_of, stratum_of, version_of
from pilotage.adapters.fence import Fence
from pilotage.adapters.http import json_of
from pilotage.adapters.own_requests import secret_of, synthetic_token
from pilotage.adapters.ports import AdapterError, Backends
from pilotage.adapters.routers.change import begun
from pilotage.adapters.routers.envoy_listener import listener_named, listener_of, listens_alone
from pilotage.adapters.routers.envoy_logs import Logs
from pilotage.adapters.routers.envoy_place import BOOTSTRAP, EnvoyPlace
from pilotage.adapters.routers.envoy_process import EnvoyProcess
from pilotage.adapters.routers.envoy_read_back import cluster_names, clusters_in, config_in, seen_in, split_of
from pilotage.adapters.routers.envoy_resources import (
    Settings,
    cluster,
    endpoints_file,
    endpoints_of,
    socket_of,
    watched_by,
)
from pilotage.adapters.routers.envoy_routes import no_routes, routes_of
from pilotage.adapters.routers.envoy_stats import stats_listener
from pilotage.adapters.routers.envoy_tls import Certificates, redirect_listener
from pilotage.adapters.strata import SYNTHETIC, TESTERS
from pilotage.model.address import show_host
from pilotage.model.json import Json, JsonObject, find, list_at, object_at, optional, text_at
from pilotage.model.traffic import Split

_TAKE_UP_DEADLINE = 5.0
_ROUTES = "/config_dump?resource=dynamic_route_configs"


class EnvoyRouter:
    """The Router port over Envoy. directory: its own on this machine · place: where Envoy runs, by default there."""

    def __init__(
        self,
        directory: Path,
        fence: Fence,
        settings: Settings,
        *,
        place: EnvoyPlace | None = None,
        stop_timeout: float = 5.0,
    ) -> None:
        self._directory, self._fence = directory.resolve(), fence
        self._envoy = place or EnvoyProcess(self._directory, stop_timeout)
        self._settings = settings
        self._has_clusters: Hashable | None = None
        self._has_listener: Hashable | None = None
        self._certificates = Certificates(self._envoy, settings.tls) if settings.tls else None
        self._logs = Logs(self._directory)
        self._has_logs = self._is_first_start = False
        self._seen: tuple[tuple[str, ...], Split] | None = None

    # ── the port ───────────────────────────────────────────────────────────────────────────────────────────

    def url(self) -> str:
        if self._settings.url:
            return self._settings.url
        host, port = self._settings.listen
        return f"http{'s' if self._settings.tls else ''}://{show_host(self._envoy.reached(host))}:{port}"

    def apply(self, split: Split, backends: Backends) -> None:
        self._fence.check()
        change = begun(self._envoy.lock, self._fence)
        wanted = [] if split.closed else [version for version, _ in split.weights]
        wanted += [route.version for route in split.header_routes] + ([split.mirror.version] if split.mirror else [])
        missing = [version for version in wanted if not backends.get(version)]
        if missing:
            raise AdapterError(f"no instance of {missing[0]} to send requests to")
        self._envoy.begin()
        if self._certificates:
            self._certificates.refresh()
        for version, addresses in backends.items():
            if addresses or not self._envoy.has([_file(endpoints_file(version))]):
                self._write(endpoints_file(version), endpoints_of(version, addresses))
        routed_before = self._routed_clusters()
        # A version keeps its clusters as long as it has instances: requests in flight end there.
        kept = self._clusters_of(split, {*wanted, *backends})
        changed = self._write_clusters(kept | routed_before)
        running = self._ensure_running()
        token = synthetic_token(self._directory) if self._settings.synthetic else ""
        routes = [routes_of(self._settings, split, token)]
        # What Envoy routes to already, or this router has itself seen taken up by it, need not be waited for: users are
        # taken back by files alone, also from an Envoy whose admin interface is silent.
        new = set(cluster_names({"resources": routes})) - routed_before
        if new and (changed or running != self._has_clusters):
            self._wait_for_clusters(kept | routed_before)
            self._has_clusters = running
        with change.alone(split):
            self._write("rds", routes)
        if routed_before - kept:
            self._wait_for_split(split)
            self._write_clusters(kept)
            self._has_clusters = None
        if self._has_logs:
            self._logs.rotate()

    def read(self) -> Split | None:
        if not self._was_told():
            return None
        try:
            # A cohort may be megabytes: it is read once, and then as soon as Envoy has loaded anything else.
            if self._seen and seen_in(self._ask(f"{_ROUTES}&mask=version_info,last_updated")) == self._seen[0]:
                return self._seen[1]
            dump = self._ask(_ROUTES)
            config = config_in(dump)
            split = None if config is None else split_of(config)
            self._seen = (seen_in(dump), split) if split and split.cohort else None
        except ValueError as error:
            raise AdapterError(f"Envoy has a route that Pilotage did not write: {error}") from error
        return split

    def endpoints(self) -> dict[str, frozenset[tuple[str, int]]] | None:
        if not self._was_told():
            return None
        answer = self._ask("/clusters?format=json")
        try:
            found: dict[str, frozenset[tuple[str, int]]] = {}
            for shown in list_at(answer, "cluster_statuses"):
                if version := version_of(text_at(shown, "name")):
                    hosts = optional(list_at, shown, "host_statuses") or ()
                    sent = frozenset(socket_of(object_at(host, "address")) for host in hosts)
                    found[version] = found.get(version, frozenset()) | sent
        except ValueError as error:
            raise AdapterError(f"Envoy returned unreadable endpoints: {error}") from error
        return found

    def stop(self) -> None:
        self._fence.check()
        self._envoy.stop()
        self._logs.remove()

    # ── the process ────────────────────────────────────────────────────────────────────────────────────────

    def _was_told(self) -> bool:
        """Whether there is anything to read. While the first Envoy of an environment starts, there is nothing yet,
        which is not an error."""
        if self._is_first_start:
            return False
        return self._envoy.was_told()

    def _ask(self, path: str) -> Json:
        """What Envoy's admin interface answers. Raises AdapterError."""
        return json_of(self._envoy.get(path), "Envoy")

    def _ensure_running(self) -> Hashable:
        """Adopt the running Envoy, or start one; it has then loaded the files."""
        record = self._envoy.running()
        if record is not None:
            if record != self._has_listener:
                self._write_listener()
                self._has_listener = record
            return record
        return self._started()

    def _started(self) -> Hashable:
        """A new Envoy that has loaded the files. Raises AdapterError."""
        tls = self._settings.tls
        for at in (self._settings.listen, *([tls.redirect] if tls and tls.redirect else [])):
            self._envoy.refuse_taken(at)
        self._is_first_start = not self._was_told()
        try:
            if not self._envoy.has([_file("rds")]):
                self._write("rds", [no_routes()])
            self._envoy.prepare()
            self._write_listener()
            if self._envoy.keeps_logs:
                self._logs.make()
            return self._envoy.start()
        finally:
            self._is_first_start = False

    def _write_listener(self) -> None:
        """Say what the listener is, to an Envoy that can take it up; one that an earlier Pilotage started cannot."""
        started_with = self._envoy.started_with()
        name = listener_named(started_with)
        self._has_logs = name is not None and self._envoy.keeps_logs
        if name is None:
            return
        if self._has_logs:
            self._directory.chmod(0o700)
            secret_of(self._directory, SALT)
        alone, stats, tls = listens_alone(started_with), self._settings.stats, self._settings.tls
        redirect = [redirect_listener(tls.redirect, self._settings.listen[1], name)] if tls and tls.redirect else []
        watched, logs = watched_by(started_with), self._envoy.keeps_logs
        listeners = [listener_of(watched, self._settings, name, alone=alone, logs=logs)]
        self._write("lds", [*listeners, *redirect, *([stats_listener(stats, name)] if stats else [])])

    def _wait_for_clusters(self, wanted: set[str]) -> None:
        def there() -> bool:
            return wanted <= clusters_in(self._ask("/config_dump?resource=dynamic_active_clusters"))

        _wait(there, "Envoy has not loaded the clusters")

    def _wait_for_split(self, split: Split) -> None:
        _wait(lambda: self.read() == split, "Envoy has not loaded the routes")

    def _routed_clusters(self) -> set[str]:
        rds = self._written("rds")
        return set(cluster_names(rds)) if rds else set()

    def _clusters_of(self, split: Split, versions: set[str]) -> set[str]:
        """The clusters that `versions` need, and those that they still have of other strata."""
        strata = ["", *(route.stratum for route in self._settings.strata.routes)]
        if self._settings.synthetic:
            strata.append(SYNTHETIC)
        needed = {cluster_of(version, stratum) for version in versions for stratum in strata}
        needed |= {cluster_of(route.version, TESTERS) for route in split.header_routes}
        for found in optional(list_at, self._written("cds"), "resources") or ():
            name = find(found, "name")
            needed |= {name} if isinstance(name, str) and version_of(name) in versions else set()
        return needed

    def _write_clusters(self, names: set[str]) -> bool:
        http2 = self._settings.http2
        parts = [(str(version_of(name)), stratum_of(name)) for name in sorted(names)]
        watched = watched_by(self._envoy.read(BOOTSTRAP))
        return self._write("cds", [cluster(watched, *part, http2=http2) for part in parts])

    # ── the files ──────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, name: str, resources: Sequence[JsonObject]) -> bool:
        """Replace a discovery file, unless it says the same already; returns whether it was replaced."""
        version = hashlib.sha256(json.dumps(resources, sort_keys=True).encode()).hexdigest()[:16]
        content = {"version_info": version, "resources": [*resources]}
        if self._written(name) == content:
            return False
        self._envoy.write(_file(name), json.dumps(content, indent=1, sort_keys=True).encode())
        return True

    def _written(self, name: str) -> JsonObject | None:
        """The content of a discovery file; None if there is none, or if a crash of the machine damaged it."""
        return self._envoy.read(_file(name))


def _file(name: str) -> str:
    """Of a kind of resources, in Envoy's folder."""
    return f"xds/{name}.json"


def _wait(there: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + _TAKE_UP_DEADLINE
    while not there():
        if time.monotonic() > deadline:
            raise AdapterError(f"{complaint} after {_TAKE_UP_DEADLINE:g} s")
        time.sleep(0.005)
