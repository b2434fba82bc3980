"""Counts of versions from the counters that a Prometheus scrapes.

Prometheus' `increase` extrapolates to the ends of its window: it gives fractions of requests, and counts the same ones
in two windows. So the raw counters are asked for, and the cursor holds their values. Series of one target are summed by
Prometheus: they start again together. A counter that fell has started again and counts from zero, and so does one that
was not there; the first reading looks an hour back, so that a target that is missing just then is known. What counts
is what was scraped: figures are as old as the last scrape.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from pilotage.adapters.http import get_json
from pilotage.adapters.metrics.prometheus_presets import Series
from pilotage.adapters.metrics.totals import Totals, added, as_json, saved
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.strata import Failing, Strata
from pilotage.model.json import Json, JsonObject, entries, find, list_at, number_at, object_at, text_at
from pilotage.model.observation import InstanceCounts, Observation, Reading

_WITHIN = 2.5
_MOST_SERIES = 20_000
_BACK, _FORGOTTEN = "1h", 3600.0
"""How far back the first reading looks for counters, and after how many seconds one that is gone is forgotten."""
_OLD = 60.0
"""Seconds after which the newest sample is the reading's time: then the source tells nothing of now."""
_CURRENT = 600.0
_NO_LOG = "no log of failed requests: Prometheus has counters only"
_BREAK = "\n"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Where and what to ask. base: such as http://127.0.0.1:9090 · labels: that every series must have."""

    base: str
    series: Series
    labels: Mapping[str, str] = field(default_factory=dict)

    def selector(self, versions: Sequence[str], names: Iterable[str]) -> str:
        """The series of these versions."""
        patterns = "|".join(self.series.names.pattern(version) for version in versions)
        matchers = [f"__name__=~{_quoted('|'.join(names))}", f"{self.series.version}=~{_quoted(patterns)}"]
        matchers += [f"{label}={_quoted(value)}" for label, value in self.labels.items()]
        return "{" + ",".join(matchers) + "}"

    @property
    def names(self) -> list[str]:
        durations = self.series.durations
        return [self.series.requests, *([f"{durations}_bucket"] if durations else [])]

    def vector(self, query: str) -> list[tuple[Mapping[str, str], float, float]]:
        """Labels, time and value of each series of the answer. Raises AdapterError."""
        answer = get_json(f"{self.base.rstrip('/')}/api/v1/query?{urlencode({'query': query})}", _WITHIN)
        try:
            if text_at(answer, "status") != "success":
                raise AdapterError(f"{self.base} rejected the query: {find(answer, 'error')}")
            if warned := find(answer, "warnings"):
                raise AdapterError(f"{self.base} answered with a part of its series: {str(warned)[:200]}")
            found = list_at(answer, "data", "result")
            if len(found) > _MOST_SERIES:
                raise AdapterError(
                    f"{self.base} has {len(found)} series for this service; narrow them with metrics.labels"
                )
            return [_sample(one) for one in found]
        except ValueError as error:
            raise AdapterError(f"{self.base} did not return a vector: {error}") from None


class PrometheusCounts:
    """The Metrics port over a Prometheus."""

    def __init__(self, asked: Asked, strata: Strata | None = None) -> None:
        self._asked, self._failing = asked, (strata or Strata()).failing

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        selector = self._asked.selector(versions, self._asked.names)
        now = self._totals(selector if cursor is not None else f"last_over_time({selector}[{_BACK}])")
        known, seen = ({}, {}) if cursor is None else (saved(cursor), entries(number_at, cursor, "seen"))
        newest = max((at for _, _, at in self._asked.vector(f"max(timestamp({selector}))")), default=None)
        asked_at = time.time()
        if not now and any(asked_at - at < _CURRENT and self._is_of(versions, group) for group, at in seen.items()):
            raise AdapterError(
                f"{self._asked.base} has no current series of {' and '.join(versions)}: see whether its target is up"
            )
        before = now if cursor is None else known
        fresh = {group: total.since(before.get(group)) for group, total in now.items()}
        again = sum(group in before and total.requests < before[group].requests for group, total in now.items())
        kept = {group: at for group, at in seen.items() if asked_at - at < _FORGOTTEN} | dict.fromkeys(now, asked_at)
        following: JsonObject = {
            "totals": as_json({**{g: t for g, t in known.items() if g in kept}, **now}),
            "seen": kept,
        }
        observations = tuple(self._observed(version, fresh) for version in versions)
        at = newest if newest is not None and asked_at - newest > _OLD else asked_at
        restarted = f"{again} of the counters restarted: counting from zero" if again else ""
        return Reading(observations, following, at, "; ".join(filter(None, (restarted, _NO_LOG))))

    def _is_of(self, versions: Sequence[str], group: str) -> bool:
        return any(self._asked.series.names.told(version, group.split(_BREAK)[2]) is not None for version in versions)

    def _totals(self, expression: str) -> dict[str, Totals]:
        """What each target counted of each version, by both. Raises AdapterError."""
        series = self._asked.series
        apart = [label for label in ("job", "instance", series.version, series.instance, *series.apart) if label]
        by = ", ".join(dict.fromkeys(("__name__", "le", series.status, *apart)))
        groups: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for labels, _, value in self._asked.vector(f"sum by ({by}) ({expression})"):
            group = _BREAK.join(labels.get(label, "").replace(_BREAK, " ") for label in dict.fromkeys(apart))
            groups.setdefault(group, []).append((labels, value))
        return {group: self._total(lines) for group, lines in groups.items()}

    def _total(self, lines: Iterable[tuple[Mapping[str, str], float]]) -> Totals:
        series, requests, errors, refused = self._asked.series, 0, 0, 0
        buckets: dict[str, int] = {}
        for labels, value in lines:
            if not math.isfinite(value):
                continue
            if labels.get("__name__") != series.requests:
                bound = _bound(labels.get("le", ""), series.unit)
                buckets[bound] = buckets.get(bound, 0) + round(value)
                continue
            status = labels.get(series.status, "")
            if status == "total":  # A sum of the others.
                continue
            requests += round(value)
            errors += round(value) if _failed(status, self._failing) else 0
            refused += round(value) if status[:1] == "4" else 0
        return Totals(requests=requests, errors=errors, refused=refused, buckets=buckets)

    def _observed(self, version: str, fresh: Mapping[str, Totals]) -> Observation:
        """What a version did, and each of its instances where the series name them."""
        series = self._asked.series
        mine: list[Totals] = []
        instances: dict[str, list[Totals]] = {}
        for group, total in fresh.items():
            _job, target, name, *more = group.split(_BREAK)
            if (address := series.names.told(version, name)) is None:
                continue
            mine.append(total)
            if series.instance:
                address = target if series.instance == "instance" else more[0]
            if address:
                instances.setdefault(address, []).append(total)
        every = added(mine)
        apart = [(address, added(parts)) for address, parts in sorted(instances.items())]
        return Observation(
            version, every.requests, every.errors, every.durations,
            instances=tuple(InstanceCounts(address, t.requests, t.errors) for address, t in apart),
            refused=every.refused,
        )  # fmt: skip


def _sample(one: Json) -> tuple[Mapping[str, str], float, float]:
    labels = {name: str(value) for name, value in object_at(one, "metric").items()}
    return labels, number_at(one, "value", 0), float(text_at(one, "value", 1))


def _failed(status: str, failing: Failing) -> bool:
    """Whether a status such as 503, 5xx or 5 counts as failed; of a class only as a whole."""
    if status.isascii() and status.isdigit() and len(status) == 3:
        return failing.has(int(status), None)
    return status[:1].isdigit() and int(status[0]) in failing.classes


def _bound(le: str, unit: float) -> str:
    return le if le == "+Inf" else repr(float(le) / unit)


def _quoted(text: str) -> str:
    """A string of PromQL, which are those of Go."""
    return json.dumps(text, ensure_ascii=False)
