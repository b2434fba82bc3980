"""The embedded router: an Envoy that reads its routes, clusters and endpoints from files replaced by rename.

Order of writing: endpoints, then clusters, then (once Envoy has the clusters) the routes; what is no longer
routed to leaves in the other direction. So no route ever names a cluster that Envoy does not have.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pilotage.adapters import processes
from pilotage.adapters.envoy_admin import ROUTE_CONFIG, admin_address, cluster_of, envoy_program, version_of
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import read_json, write_at_once, write_json
from pilotage.adapters.free_port import free_port
from pilotage.adapters.http import get_json
from pilotage.adapters.ports import AdapterError, Backends
from pilotage.adapters.routers.envoy_resources import (
    Resources,
    Settings,
    cluster_names,
    endpoints_file,
    endpoints_of,
    no_routes,
    socket_of,
    split_of,
)
from pilotage.model.traffic import Split

_START_DEADLINE = 10.0
_TAKE_UP_DEADLINE = 5.0


class EnvoyRouter:
    """The Router port over Envoy. directory: where its files and its process's record are."""

    def __init__(self, directory: Path, fence: Fence, settings: Settings, *, stop_deadline: float = 5.0) -> None:
        self._directory, self._fence, self._stop_deadline = directory.resolve(), fence, stop_deadline
        self._files = self._directory / "xds"
        self._resources = Resources(self._files, settings)
        self._has_clusters: processes.Record | None = None

    # ── the port ───────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, split: Split, backends: Backends) -> None:
        self._fence.check()
        wanted = [] if split.closed else [version for version, _ in split.weights]
        wanted += [route.version for route in split.header_routes] + ([split.mirror.version] if split.mirror else [])
        missing = [version for version in wanted if not backends.get(version)]
        if missing:
            raise AdapterError(f"no instance of {missing[0]} to send requests to")
        for version, addresses in backends.items():
            if addresses or not (self._files / f"{endpoints_file(version)}.json").exists():
                self._write(endpoints_file(version), endpoints_of(version, addresses))
        routed_before = {name for name in map(version_of, self._routed_clusters()) if name}
        # A version keeps its cluster as long as it has instances: requests in flight end there.
        kept = {*wanted, *backends}
        changed = self._write("cds", [self._resources.cluster(version) for version in sorted(kept | routed_before)])
        running = self._ensure_running()
        # Only what this router has itself seen taken up by this Envoy need not be waited for.
        if changed or running != self._has_clusters:
            self._wait_for_clusters(kept | routed_before)
            self._has_clusters = running
        self._write("rds", [self._resources.routes(split)])
        if routed_before - kept:
            self._wait_for_split(split)
            self._write("cds", [self._resources.cluster(version) for version in sorted(kept)])
            self._has_clusters = None

    def read(self) -> Split | None:
        if not (self._files / "rds.json").exists():
            return None
        dump = get_json(f"http://{admin_address(self._directory)}/config_dump?resource=dynamic_route_configs")
        try:
            configs = [entry["route_config"] for entry in dump.get("configs", [])]
            return next((split_of(config) for config in configs if config["name"] == ROUTE_CONFIG), None)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise AdapterError(f"Envoy shows a route that Pilotage did not write: {error}") from error

    def endpoints(self) -> dict[str, frozenset[tuple[str, int]]] | None:
        if not (self._files / "rds.json").exists():
            return None
        answer = get_json(f"http://{admin_address(self._directory)}/clusters?format=json")
        try:
            found = {
                version: frozenset(socket_of(host["address"]) for host in cluster.get("host_statuses", []))
                for cluster in answer["cluster_statuses"]
                if (version := version_of(cluster["name"]))
            }
        except (KeyError, TypeError) as error:
            raise AdapterError(f"Envoy shows endpoints that cannot be read: {error}") from error
        return found

    def stop(self) -> None:
        self._fence.check()
        record = processes.load(self._record)
        while record is not None:
            record = processes.stop(record, self._stop_deadline) and processes.load(self._record)
            time.sleep(0.02)
        for file in (*self._files.glob("*.json"), self._directory / "admin"):
            file.unlink(missing_ok=True)

    # ── the process ────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _record(self) -> Path:
        return self._directory / "envoy.json"

    def _ensure_running(self) -> processes.Record:
        """Adopt the Envoy of before, or start one; it then has taken up the files."""
        record = processes.load(self._record)
        if record is not None and record.process() is not None:
            return record
        if not (self._files / "rds.json").exists():
            self._write("rds", [no_routes()])
        admin = free_port()
        (self._directory / "admin").write_text(f"127.0.0.1:{admin}\n")
        write_json(self._directory / "bootstrap.json", self._resources.bootstrap(admin, f"users-{uuid.uuid4().hex}"))
        command = [
            envoy_program(), "-c", str(self._directory / "bootstrap.json"), "--disable-hot-restart",
            "--concurrency", "2", "--log-level", "warning",
        ]  # fmt: skip
        log = self._directory / "envoy.log"
        record = processes.start(self._record, command, {}, log)
        deadline = time.monotonic() + _START_DEADLINE
        while time.monotonic() < deadline:
            if record.process() is None:
                raise AdapterError(f"Envoy ended at once; {log} ends: {processes.last_lines(log)}")
            try:
                if get_json(f"http://127.0.0.1:{admin}/server_info", timeout=0.5)["state"] == "LIVE":
                    return record
            except AdapterError:
                pass
            time.sleep(0.02)
        raise AdapterError(f"Envoy is not ready after {_START_DEADLINE:g} s; see {log}")

    def _wait_for_clusters(self, versions: Iterable[str]) -> None:
        wanted = {cluster_of(version) for version in versions}

        def there() -> bool:
            url = f"http://{admin_address(self._directory)}/config_dump?resource=dynamic_active_clusters"
            dump = get_json(url)
            return wanted <= {entry["cluster"]["name"] for entry in dump.get("configs", [])}

        _wait(there, "Envoy has not taken up the clusters")

    def _wait_for_split(self, split: Split) -> None:
        _wait(lambda: self.read() == split, "Envoy has not taken up the routes")

    def _routed_clusters(self) -> set[str]:
        rds = self._written("rds")
        return set(cluster_names(rds)) if rds else set()

    # ── the files ──────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, name: str, resources: list[dict[str, Any]]) -> bool:
        """Replace a discovery file, unless it says the same already; returns whether it was replaced."""
        version = hashlib.sha256(json.dumps(resources, sort_keys=True).encode()).hexdigest()[:16]
        if (self._written(name) or {}).get("version_info") == version:
            return False
        content = {"version_info": version, "resources": resources}
        write_at_once(self._files / f"{name}.json", json.dumps(content, indent=1, sort_keys=True).encode())
        return True

    def _written(self, name: str) -> dict[str, Any] | None:
        """What a discovery file says; None when there is none, or a crash of the machine has torn it."""
        try:
            found: dict[str, Any] | None = read_json(self._files / f"{name}.json")
            return found
        except ValueError:
            return None


def _wait(there: Any, complaint: str) -> None:
    deadline = time.monotonic() + _TAKE_UP_DEADLINE
    while not there():
        if time.monotonic() > deadline:
            raise AdapterError(f"{complaint} after {_TAKE_UP_DEADLINE:g} s")
        time.sleep(0.005)
