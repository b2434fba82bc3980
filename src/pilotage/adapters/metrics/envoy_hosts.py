"""Requests and errors of each instance, as Envoy counts them by host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pilotage.adapters.envoy_admin import stratum_of, version_of
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.envoy_resources import socket_of
from pilotage.adapters.strata import Strata
from pilotage.model.json import (
    Json,
    JsonList,
    JsonObject,
    each,
    find,
    list_at,
    object_at,
    optional,
    text_at,
    whole_at,
)
from pilotage.model.observation import (
    InstanceCounts,
)

_Hosts = Mapping[str, Mapping[str, Sequence[int]]]
"""By cluster and `host:port`: requests and errors since the router's start."""


def hosts_of(answer: Json) -> _Hosts:
    """What Envoy's page of clusters says of instances. Raises AdapterError."""
    try:
        return {
            name: {
                "{}:{}".format(*socket_of(object_at(host, "address"))): _host_counts(list_at(host, "stats"))
                for host in optional(list_at, cluster, "host_statuses") or ()
            }
            for cluster in list_at(answer, "cluster_statuses")
            if version_of(name := text_at(cluster, "name"))
        }
    except (KeyError, ValueError) as error:
        raise AdapterError(f"Envoy shows instances that cannot be read: {error}") from error


def _host_counts(stats: JsonList) -> tuple[int, int]:
    # Envoy writes 64-bit numbers as texts, and leaves a zero out.
    found = {text_at(stat, "name"): int(optional(text_at, stat, "value") or 0) for stat in stats}
    return found["rq_total"], found["rq_error"]


def saved_hosts(cursor: JsonObject, now: _Hosts) -> _Hosts:
    """The cursor's counts of instances; one of an earlier Pilotage has none, and then nothing happened yet."""
    if "hosts" not in cursor:
        return now if find(cursor, "started") else {}
    return {
        cluster: {host: each(whole_at, counts) for host, counts in object_at(hosts).items()}
        for cluster, hosts in object_at(cursor, "hosts").items()
    }


def hosts_since(version: str, before: _Hosts, now: _Hosts) -> tuple[InstanceCounts, ...]:
    """What each instance of a version did for users."""
    found: dict[str, tuple[int, int]] = {}
    for cluster, hosts in now.items():
        if version_of(cluster) != version or Strata().named(stratum_of(cluster)) is None:
            continue
        for instance, (requests, errors) in hosts.items():
            was = before.get(cluster, {}).get(instance, (0, 0))
            if was[0] > requests:
                was = (0, 0)
            had = found.get(instance, (0, 0))
            found[instance] = (had[0] + requests - was[0], had[1] + max(0, errors - was[1]))
    return tuple(InstanceCounts(instance, *counts) for instance, counts in sorted(found.items()))
