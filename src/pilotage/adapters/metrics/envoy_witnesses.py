"""Counters of Envoy that tell whether somebody set the others back while it ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pilotage.adapters.metrics.samples import Sample
from pilotage.adapters.ports import AdapterError

_ASKED_BETWEEN = 3
"""Questions to Envoy between two readings of its counters, the second one among them: it counts those, too."""
_SET_BACK = (
    "Envoy's counters were set back while it ran (/reset_counters at its admin interface): what versions did meanwhile "
    "cannot be known"
)


def witnesses_of(samples: Iterable[Sample]) -> dict[str, int]:
    """Counters that distinguish a reset from other reasons for which counters fall: those of requests to Envoy's admin
    interface, which Pilotage itself raises, and of created clusters."""
    found = {}
    for name, labels, value in samples:
        if name == "envoy_cluster_manager_cluster_added":
            found["added"] = int(value)
        if name == "envoy_http_downstream_rq_total" and labels.get("envoy_http_conn_manager_prefix") == "admin":
            found["asked"] = int(value)
    return found


def refuse_set_back(was: Mapping[str, int] | None, now: Mapping[str, int], *, fell: bool) -> None:
    """Raise AdapterError if counters fell although Envoy is the same process: a reset would hide failures. fell:
    whether the requests of any cluster are fewer than before."""
    if not was:
        return  # The cursor of an earlier Pilotage.
    if "asked" in was and now.get("asked", 0) < was["asked"] + _ASKED_BETWEEN:
        raise AdapterError(_SET_BACK)
    # A cluster that was taken away and made again counts from zero; then one was added.
    if fell and now.get("added", 0) <= was.get("added", 0):
        raise AdapterError(_SET_BACK)
