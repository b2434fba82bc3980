"""Counts from the embedded Traefik's own page for Prometheus: requests, errors and durations, by instance.

Traefik counts by service and every instance is one. It counts attempts: a request that it tries again at another
instance, because the first refused the connection, counts at both. A service that leaves the configuration is shown
once more and then forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from pilotage.adapters.envoy_admin import stratum_of
from pilotage.adapters.metrics.samples import Sample, samples_of
from pilotage.adapters.metrics.totals import Totals, added, as_json, saved
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.traefik_config import OF, Settings, version_in
from pilotage.adapters.strata import SYNTHETIC, TESTERS, Failing, Strata
from pilotage.model.json import JsonObject, find
from pilotage.model.observation import InstanceCounts, Observation, Reading, RouteCounts

_REQUESTS, _BUCKET = "traefik_service_requests_total", "traefik_service_request_duration_seconds_bucket"
_STARTED = "process_start_time_seconds "
_GRPC = ("grpc", "grpc-web")
_NO_LOG = "no log of failed requests: Traefik keeps none without users' cookies in it"


class TraefikMetrics:
    """The Metrics port over the embedded Traefik. page: its page for Prometheus, again each time."""

    def __init__(self, page: Callable[[], str], strata: Strata | None = None, settings: Settings | None = None) -> None:
        self._page, self._failing = page, (strata or Strata()).failing
        self._prefix = f"{(settings or Settings()).prefix}."

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        page = self._page()
        started = _started(page)
        now = self._totals(samples_of(page))
        restarted = cursor is not None and find(cursor, "started") != started
        before = now if cursor is None else {} if restarted else saved(cursor)
        fresh = {name: total.since(before.get(name)) for name, total in now.items()}
        observations = tuple(_observed(version, fresh) for version in versions)
        notes = (["the router restarted: counting from its start"] if restarted else []) + [_NO_LOG]
        # What Traefik has forgotten counts from zero if it ever comes back.
        following: JsonObject = {"started": started, "totals": as_json(now)}
        return Reading(observations, following, time.time(), "; ".join(notes))

    def _totals(self, samples: Iterable[Sample]) -> dict[str, Totals]:
        """What every instance did since Traefik's start, by its service's name. Raises AdapterError."""
        found: dict[str, list[Sample]] = {}
        for name, labels, value in samples:
            service = labels.get("service", "").partition("@")[0]
            if name in (_REQUESTS, _BUCKET) and service.startswith(self._prefix) and OF in service:
                found.setdefault(service.removeprefix(self._prefix), []).append((name, labels, value))
        try:
            return {service: _total(lines, self._failing) for service, lines in found.items()}
        except (LookupError, ValueError) as error:
            raise AdapterError(f"Traefik returned unreadable metrics: {error!r}") from None


def _total(lines: Iterable[Sample], failing: Failing) -> Totals:
    requests = errors = refused = 0
    buckets: dict[str, int] = {}
    for name, labels, value in lines:
        if name == _BUCKET:
            buckets[labels["le"]] = buckets.get(labels["le"], 0) + int(value)
            continue
        requests += int(value)
        if labels.get("protocol") in _GRPC:
            # Traefik writes the gRPC status there, which it does not know where it comes in trailers.
            continue
        code = int(labels["code"])
        errors += int(value) if failing.has(code, None) else 0
        refused += int(value) if code // 100 == 4 else 0
    return Totals(requests=requests, errors=errors, refused=refused, buckets=buckets)


def _observed(version: str, fresh: Mapping[str, Totals]) -> Observation:
    """What a version did: its users, and Pilotage's own requests; testers are not counted."""
    mine = {name: total for name, total in fresh.items() if version_in(name) == version}
    strata = {name: stratum_of(name.partition(OF)[0]) for name in mine}
    users = {name: total for name, total in mine.items() if strata[name] not in (SYNTHETIC, TESTERS)}
    own = added(total for name, total in mine.items() if strata[name] == SYNTHETIC)
    every = added(users.values())
    instances = tuple(InstanceCounts(name.partition(OF)[2], t.requests, t.errors) for name, t in sorted(users.items()))
    synthetic = (
        RouteCounts(SYNTHETIC, own.requests, own.errors, own.durations) if SYNTHETIC in strata.values() else None
    )
    return Observation(
        version, every.requests, every.errors, every.durations,
        instances=instances, synthetic=synthetic, refused=every.refused,
    )  # fmt: skip


def _started(page: str) -> str:
    """When this Traefik started, as it says itself. Raises AdapterError when something else answers."""
    if "\ntraefik_config_reloads_total " not in page:
        raise AdapterError("what answered is not the page of a Traefik for Prometheus")
    return page.partition(f"\n{_STARTED}")[2].partition("\n")[0]
