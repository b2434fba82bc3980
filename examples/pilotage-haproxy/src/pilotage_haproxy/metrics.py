"""The Metrics port over HAProxy's own counters: requests, and those that were answered with 5xx."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from pilotage.ports import AdapterError, JsonObject, Observation, Reading, read_as
from pilotage_haproxy.admin import Admin

_CLASSES = ("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other")


class HAProxyMetrics:
    """directory: the router's.

    HAProxy counts by slot. Between two readings a slot stands for one version, so the cursor keeps counters by slot,
    and a version that comes to a slot of another one starts where that one ended.
    """

    def __init__(self, directory: Path) -> None:
        self._admin, self._versions = Admin(directory.resolve() / "admin.sock"), directory.resolve() / "versions.map"

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        started, counts = self._admin.pid(), self._counts()
        slots = {unquote(name): slot for slot, name in self._admin.map(self._versions).items()}
        restarted = cursor is not None and cursor["started"] != started
        before = {} if restarted else counts if cursor is None else read_as(dict[str, list[int]], cursor, "counts")
        note = "HAProxy restarted: counting from its start" if restarted else ""
        observations = tuple(_since(version, slots.get(version, ""), before, counts) for version in versions)
        return Reading(observations, {"started": started, "counts": counts}, time.time(), note)

    def _counts(self) -> dict[str, list[int]]:
        """Requests and failed ones, by slot, since HAProxy's start."""
        rows = csv.DictReader(self._admin.statistics().removeprefix("# ").splitlines())
        try:
            found = {row["pxname"]: row for row in rows if row["svname"] == "BACKEND"}
            return {
                slot: [sum(int(row[name] or 0) for name in _CLASSES), int(row["hrsp_5xx"] or 0)]
                for slot, row in found.items()
            }
        except (KeyError, TypeError, ValueError) as error:
            raise AdapterError(f"HAProxy shows statistics that cannot read it: {error!r}") from None


def _since(version: str, slot: str, before: Mapping[str, list[int]], now: Mapping[str, list[int]]) -> Observation:
    (requests, errors), (had, failed) = (counts.get(slot, [0, 0]) for counts in (now, before))
    if requests < had or errors < failed:
        raise AdapterError("HAProxy's counters were set back while it ran, so nobody knows what versions did meanwhile")
    return Observation(version, requests - had, errors - failed)
