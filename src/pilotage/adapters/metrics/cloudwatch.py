"""Counts of versions as a load balancer of AWS publishes them to CloudWatch: sums over whole minutes, some time later.

A reading counts minutes that are over and complete. Figures that AWS adds to a minute later are counted by the next
reading: the cursor holds what the latest minutes had. Requests that reached no target, such as those that no healthy
target was there for, are no version's, so AWS does not count them here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pilotage.adapters.aws import Aws
from pilotage.adapters.metrics.totals import UNBOUNDED, Totals, added, as_json, saved
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.alb_groups import Groups
from pilotage.adapters.routers.alb_identity import identity_of
from pilotage.adapters.routers.alb_record import Remembered, remembered
from pilotage.model.json import Json, JsonObject, entries, find, list_at, number_at, text_at, whole_at
from pilotage.model.observation import Observation, Reading

BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10")
"""Seconds. How many requests were at most as slow is a statistic that CloudWatch works out."""
_COUNTS = (
    ("requests", "RequestCount", "Sum"),
    ("5xx", "HTTPCode_Target_5XX_Count", "Sum"),
    ("refused", "HTTPCode_Target_4XX_Count", "Sum"),
    ("unreached", "TargetConnectionErrorCount", "Sum"),
    ("timed", "TargetResponseTime", "SampleCount"),
)
_REVISED = 5
"""Periods for which AWS may still add to a figure."""
_MOST_QUERIES = 500
_MOST_PAGES = 50
_LARGEST = 1e15
_NO_LOG = "no log of failed requests: CloudWatch has counters only"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the figures of one router's groups are."""

    aws: Aws
    balancer: str
    groups: Groups

    @staticmethod
    def of(told: Remembered) -> Source:
        """Raises AdapterError for one that counts no requests."""
        if told.settings.network:
            raise AdapterError("a Network Load Balancer counts no requests: use another source, such as prometheus")
        aws, where = Aws(told.settings.access), told.settings.listener_arn
        identity = identity_of(told.service, told.environment, told.settings.where)
        groups = Groups(aws=aws, identity=identity, given=told.settings.groups, model="", check=lambda: None)
        return Source(aws=aws, balancer="/".join(where.split("/")[1:4]), groups=groups)

    def versions(self) -> dict[str, str]:
        """The version of each target group that there is now. Raises AdapterError."""
        return {group.arn: group.version for group in self.groups.every() if group.version}


class CloudWatchMetrics:
    """The Metrics port. places: folders of the routers · period: seconds that a figure covers · late: seconds until it
    is complete."""

    def __init__(
        self, places: Iterable[Path], *, late: float, period: int, namespace: str, now: Callable[[], float] = time.time
    ) -> None:
        self._places, self._late, self._period = tuple(places), late, period
        self._namespace, self._now = namespace, now

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        now, period = self._now(), self._period
        over = int((now - self._late) // period * period)
        if cursor is None:
            # The present period has requests from before: the next one is the first that counts whole.
            begins = int(-(-now // period) * period)
            return self._reading(versions, {}, {"from": begins, "until": begins, "groups": {}}, over)
        begins, until = whole_at(cursor, "from"), whole_at(cursor, "until")
        if over <= until:
            return self._reading(versions, {}, cursor, over)
        sources = self._sources()
        groups = {arn: version for source in sources for arn, version in source.versions().items()}
        groups = {**entries(text_at, cursor, "groups"), **groups}
        wanted = [arn for arn, version in groups.items() if version in versions]
        first = max(begins, until - _REVISED * period)
        periods = self._asked(sources, wanted, first, over)
        known = saved(cursor, "periods") if find(cursor, "periods") else {}
        fresh = {arn: added(_more(of, known.get(key)) for key, of in _of(periods, arn)) for arn in wanted}
        kept = {key: of for key, of in periods.items() if _at(key) >= over - _REVISED * period}
        following: dict[str, Json] = {
            "from": begins, "until": over, "groups": {arn: groups[arn] for arn in wanted}, "periods": as_json(kept),
        }  # fmt: skip
        by_version = {
            version: added(fresh[arn] for arn in wanted if groups[arn] == version)
            for version in dict.fromkeys(groups[arn] for arn in wanted)
        }
        waiting = saved(cursor, "waiting") if find(cursor, "waiting") else {}
        counted, rest = _bounded(by_version, waiting)
        if rest:
            following["waiting"] = as_json(rest)
        return self._reading(versions, counted, following, over)

    def _reading(
        self, versions: Sequence[str], counted: Mapping[str, Totals], cursor: JsonObject, over: int
    ) -> Reading:
        observations = []
        for version in versions:
            total = counted.get(version, Totals())
            observations.append(
                Observation(version, total.requests, total.errors, total.durations, refused=total.refused)
            )
        shown = datetime.fromtimestamp(over, UTC)
        age = f"figures up to {shown:%H:%M:%S} UTC, {self._now() - over:.0f} s ago"
        return Reading(tuple(observations), cursor, float(over), f"{age}; {_NO_LOG}")

    def _sources(self) -> list[Source]:
        told = [record for record in map(remembered, self._places) if record is not None]
        if not told:
            raise AdapterError("no router of kind alb has set a split yet, so there are no figures of its versions")
        return [Source.of(record) for record in told]

    def _asked(self, sources: Sequence[Source], arns: Sequence[str], first: int, over: int) -> dict[str, Totals]:
        """What each group counted in each period, by `seconds ARN`. Raises AdapterError."""
        found: dict[str, dict[str, int]] = {}
        for source in sources:
            asked = [(arn, *metric) for arn in arns for metric in _metrics()]
            for start in range(0, len(asked), _MOST_QUERIES):
                for key, name, value in self._answers(source, asked[start : start + _MOST_QUERIES], first, over):
                    there = found.setdefault(key, {})
                    there[name] = there.get(name, 0) + value
        return {key: _total(values) for key, values in found.items()}

    def _answers(
        self, source: Source, asked: Sequence[tuple[str, str, str, str]], first: int, over: int
    ) -> Iterable[tuple[str, str, int]]:
        queries: list[Json] = [
            {
                "Id": f"q{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": self._namespace,
                        "MetricName": metric,
                        "Dimensions": [
                            {"Name": "TargetGroup", "Value": arn.rpartition(":")[2]},
                            {"Name": "LoadBalancer", "Value": source.balancer},
                        ],
                    },
                    "Period": self._period,
                    "Stat": statistic,
                },
            }
            for number, (arn, _name, metric, statistic) in enumerate(asked)
        ]
        arguments: dict[str, Json] = {"MetricDataQueries": queries, "StartTime": first, "EndTime": over}
        for result in results_of(source.aws, arguments):
            arn, name, *_ = asked[int(text_at(result, "Id")[1:])]
            stamps, values = list_at(result, "Timestamps"), list_at(result, "Values")
            for index in range(len(stamps)):
                at, value = number_at(stamps, index), number_at(values, index)
                if not 0 <= value < _LARGEST:
                    raise AdapterError(f"CloudWatch's {name} is {str(value)[:20]}, which is no count")
                if first <= at < over:
                    yield f"{int(at)} {arn}", name, round(value)


def results_of(aws: Aws, arguments: JsonObject) -> Iterable[Json]:
    """Every result of GetMetricData. Raises AdapterError where one is not whole."""
    more: dict[str, Json] = {}
    partial: dict[str, bool] = {}
    for _ in range(_MOST_PAGES):
        answer = aws.call("cloudwatch", "get_metric_data", {**arguments, **more}, look=True)
        for result in list_at(answer, "MetricDataResults"):
            status = find(result, "StatusCode")
            if status in ("InternalError", "Forbidden"):
                raise AdapterError(f"CloudWatch could not answer a query ({status})")
            partial[text_at(result, "Id")] = status == "PartialData"
            yield result
        if not find(answer, "NextToken"):
            break
        more = {"NextToken": text_at(answer, "NextToken")}
    else:
        raise AdapterError(f"CloudWatch's answer does not end after {_MOST_PAGES} pages")
    if any(partial.values()):
        raise AdapterError("CloudWatch returned a part of the figures only")


def _metrics() -> list[tuple[str, str, str]]:
    """Name, metric and statistic of each figure."""
    return [*_COUNTS, *((bound, "TargetResponseTime", f"TC(:{bound})") for bound in BOUNDS)]


def _total(values: Mapping[str, int]) -> Totals:
    """errors: what the target failed at, and what did not reach it."""
    buckets, highest = {}, 0
    for bound in BOUNDS:
        # CloudWatch interpolates, so that a larger bound may have fewer by one.
        highest = max(highest, values.get(bound, 0))
        buckets[bound] = highest
    buckets[UNBOUNDED] = max(highest, values.get("timed", 0))
    errors = values.get("5xx", 0) + values.get("unreached", 0)
    return Totals(requests=values.get("requests", 0), errors=errors, refused=values.get("refused", 0), buckets=buckets)


def _more(now: Totals, before: Totals | None) -> Totals:
    """What was added since it was counted; never less than nothing."""
    if before is None:
        return now
    return Totals(
        requests=max(0, now.requests - before.requests),
        errors=max(0, now.errors - before.errors),
        refused=max(0, now.refused - before.refused),
        buckets={bound: max(0, count - before.buckets.get(bound, 0)) for bound, count in now.buckets.items()},
    )


def _bounded(
    counted: Mapping[str, Totals], waiting: Mapping[str, Totals]
) -> tuple[dict[str, Totals], dict[str, Totals]]:
    """No more errors than requests: the others wait for their requests. Both by version."""
    told, rest = {}, {}
    for version, total in counted.items():
        before = waiting.get(version, Totals())
        errors, refused = total.errors + before.errors, total.refused + before.refused
        errors_now, refused_now = min(errors, total.requests), min(refused, total.requests)
        told[version] = Totals(requests=total.requests, errors=errors_now, refused=refused_now, buckets=total.buckets)
        if errors > errors_now or refused > refused_now:
            rest[version] = Totals(errors=errors - errors_now, refused=refused - refused_now)
    return told, rest


def _of(periods: Mapping[str, Totals], arn: str) -> list[tuple[str, Totals]]:
    return [(key, of) for key, of in periods.items() if key.partition(" ")[2] == arn]


def _at(key: str) -> int:
    return int(key.partition(" ")[0])
