"""Counts and answers of CloudWatch: the contract of the ports, and what only they promise (R20, R28)."""

from __future__ import annotations

import collections
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pilotage.adapters.aws import Access, NotAllowed, Throttled
from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.metrics.cloudwatch import CloudWatchMetrics
from pilotage.adapters.metrics.cloudwatch_adapter import METRICS, QUERIES
from pilotage.adapters.metrics.cloudwatch_queries import CloudWatchQueries
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.alb_record import remembered
from pilotage.model.traffic import split_between
from pilotage.testing import CountsUnderTest, Version
from pilotage.testing.contracts.metrics import MetricsContract

from ..alb import REGION, Cloud
from ..alb_traffic import Counts, tell
from .aws import AlbUnderTest

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("aws")]
BOTH = ("2.0", "1.0")
MINUTE, LATE = 60, 60.0


class Minutes:
    """A source whose time passes as the test says."""

    def __init__(self, routed: AlbUnderTest) -> None:
        self.routed, self.at = routed, float(int(time.time()) // MINUTE * MINUTE + 30)
        self.client = routed.cloud.client("cloudwatch")
        groups = routed.balancer.elbv2.describe_target_groups()["TargetGroups"]
        tags = routed.balancer.elbv2.describe_tags(ResourceArns=[one["TargetGroupArn"] for one in groups])
        self.groups = {
            {tag["Key"]: tag["Value"] for tag in one["Tags"]}.get("pilotage:version", ""): one["ResourceArn"]
            for one in tags["TagDescriptions"]
        }

    def now(self) -> float:
        return self.at

    def open(self) -> CloudWatchMetrics:
        return CloudWatchMetrics(
            [self.routed.directory], late=LATE, period=MINUTE, namespace="AWS/ApplicationELB", now=self.now
        )

    def publish(self, version: str, minute: float, counts: Counts) -> None:
        tell(self.client, self.routed.balancer.arn, self.groups[version], minute, counts)

    def next_minute(self) -> float:
        """Its beginning."""
        self.at = (self.at // MINUTE + 1) * MINUTE
        return self.at

    def complete(self) -> None:
        """Until figures of the present minute are there."""
        self.at += MINUTE + LATE + 1

    def happen(self, version: str, well: int, failed: int) -> None:
        minute = self.next_minute()
        statuses = collections.Counter({"2XX": well, "5XX": failed})
        self.publish(version, minute, Counts(well + failed, statuses, times=[0.02] * (well + failed)))
        self.complete()

    def silence(self) -> None:
        self.next_minute()
        self.complete()
        self.routed.cloud.down = True


@pytest.fixture
def minutes(
    tmp_path: Path,
    cloud: Cloud,
    versions: Callable[[str], Version],
) -> Iterator[Minutes]:
    """A half-and-half split behind a load balancer, and its figures."""
    routed = AlbUnderTest(tmp_path, cloud)
    routed.take(split_between("2.0", 500, "1.0"), {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]})
    yield Minutes(routed)
    routed.balancer.end()


class TestCloudWatch(MetricsContract):
    """What holds for every source; below is what only this one promises."""

    @pytest.fixture
    def counts(self, minutes: Minutes) -> CountsUnderTest:
        return CountsUnderTest(
            open=minutes.open, happen=minutes.happen, can=METRICS.capabilities, silence=minutes.silence,
            now=minutes.now,
        )  # fmt: skip


def test_only_minutes_that_are_over_and_complete_count_and_the_reading_says_how_old_it_is(minutes: Minutes) -> None:
    metrics = minutes.open()
    cursor = metrics.observe(BOTH, None).cursor
    begun = minutes.at
    minutes.publish("1.0", begun // MINUTE * MINUTE, Counts(7))  # of a minute that had begun: some came before
    minute = minutes.next_minute()
    minutes.publish("1.0", minute, Counts(10, collections.Counter({"2XX": 10})))
    minutes.at = minute + MINUTE + LATE - 1
    reading = metrics.observe(BOTH, cursor)
    assert reading.of("1.0").requests == 0
    minutes.at = minute + MINUTE + LATE + 3
    reading = metrics.observe(BOTH, json.loads(json.dumps(reading.cursor)))
    assert reading.of("1.0").requests == 10
    assert reading.at == minute + MINUTE
    assert f"{datetime.fromtimestamp(minute + MINUTE, UTC):%H:%M:%S} UTC, 63 s ago" in reading.note


def test_figures_that_come_late_are_counted_once_by_a_later_reading(minutes: Minutes) -> None:
    metrics = minutes.open()
    cursor = metrics.observe(BOTH, None).cursor
    minute = minutes.next_minute()
    minutes.publish("2.0", minute, Counts(10, collections.Counter({"2XX": 8, "5XX": 2}), times=[0.02] * 10))
    minutes.complete()
    reading = metrics.observe(BOTH, cursor)
    assert (reading.of("2.0").requests, reading.of("2.0").errors) == (10, 2)
    minutes.publish("2.0", minute, Counts(5, collections.Counter({"5XX": 5}), times=[0.3] * 5))
    minutes.complete()
    reading = metrics.observe(BOTH, json.loads(json.dumps(reading.cursor)))
    assert (reading.of("2.0").requests, reading.of("2.0").errors) == (5, 5)
    assert reading.of("2.0").durations.above(0.25) == 5
    minutes.complete()
    assert metrics.observe(BOTH, reading.cursor).of("2.0").requests == 0


def test_latencies_are_in_buckets_and_connections_that_failed_count_as_errors(minutes: Minutes) -> None:
    metrics = minutes.open()
    cursor = metrics.observe(BOTH, None).cursor
    times = [0.004, 0.02, 0.02, 0.2, 3.0, 12.0]
    minutes.publish("2.0", minutes.next_minute(), Counts(6, collections.Counter({"2XX": 5, "4XX": 1}), 2, times))
    minutes.complete()
    found = metrics.observe(BOTH, cursor).of("2.0")
    assert (found.requests, found.errors, found.refused, found.durations.total) == (6, 2, 1, 6)
    assert (found.durations.above(0.1), found.durations.above(2.5), found.durations.above(10.0)) == (3, 2, 1)


def test_there_are_never_more_errors_than_requests_the_others_wait(minutes: Minutes) -> None:
    metrics = minutes.open()
    cursor = metrics.observe(BOTH, None).cursor
    minutes.publish("2.0", minutes.next_minute(), Counts(2, collections.Counter({"5XX": 2}), refused=3))
    minutes.complete()
    first = metrics.observe(BOTH, cursor)
    minutes.happen("2.0", 10, 0)
    second = metrics.observe(BOTH, json.loads(json.dumps(first.cursor)))
    assert [(one.of("2.0").requests, one.of("2.0").errors) for one in (first, second)] == [(2, 2), (10, 3)]


def test_a_look_without_a_new_minute_asks_nothing(minutes: Minutes) -> None:
    """Each figure costs money."""
    metrics = minutes.open()
    cursor = metrics.observe(BOTH, None).cursor
    minutes.happen("1.0", 3, 0)
    reading = metrics.observe(BOTH, cursor)
    minutes.routed.cloud.calls.clear()
    again = metrics.observe(BOTH, reading.cursor)
    assert minutes.routed.cloud.calls == []
    assert (again.cursor, again.at, again.of("1.0").requests) == (reading.cursor, reading.at, 0)


def test_a_missing_permission_is_named_and_throttling_is_no_zero(minutes: Minutes) -> None:
    metrics = minutes.open()
    cursor = metrics.observe(BOTH, None).cursor
    minutes.happen("1.0", 3, 0)
    minutes.routed.cloud.deny.add("GetMetricData")
    with pytest.raises(NotAllowed, match=r"may not call cloudwatch:GetMetricData; allow it"):
        metrics.observe(BOTH, cursor)
    minutes.routed.cloud.deny.clear()
    minutes.routed.cloud.throttle["GetMetricData"] = 1
    with pytest.raises(Throttled):
        metrics.observe(BOTH, cursor)


def test_before_the_first_split_and_behind_a_network_load_balancer_there_are_no_figures(
    tmp_path: Path, minutes: Minutes
) -> None:
    cursor = minutes.open().observe(BOTH, None).cursor
    minutes.happen("1.0", 3, 0)
    empty = CloudWatchMetrics([tmp_path / "none"], late=LATE, period=MINUTE, namespace="x", now=minutes.now)
    with pytest.raises(AdapterError, match="no router of kind alb has set a split yet"):
        empty.observe(BOTH, cursor)
    path = minutes.routed.directory / "alb.json"
    path.write_text(path.read_text().replace(":listener/app/", ":listener/net/"))
    with pytest.raises(AdapterError, match="Network Load Balancer counts no requests"):
        minutes.open().observe(BOTH, cursor)


def test_doctor_says_how_many_requests_there_were(minutes: Minutes) -> None:
    assert METRICS.examine
    section = METRICS.section.model_validate({"kind": "cloudwatch"})
    now = time.time() // MINUTE * MINUTE - 180
    minutes.publish("1.0", now, Counts(12, collections.Counter({"2XX": 12})))
    (finding,) = METRICS.examine(section, minutes.routed.context())
    assert finding.result == "PASS"
    assert finding.sentence.startswith("12 requests in ten minutes; figures up to ")
    minutes.routed.cloud.deny.add("GetMetricData")
    (finding,) = METRICS.examine(section, minutes.routed.context())
    assert finding.result == "FAIL"
    assert remembered(minutes.routed.directory)


# ── questions ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def queries(cloud: Cloud, tmp_path: Path) -> CloudWatchQueries:
    client, now = cloud.client("cloudwatch"), datetime.fromtimestamp(time.time() - 30, UTC)
    data = [{"MetricName": "Apdex", "Value": 0.95, "Timestamp": now}]
    client.put_metric_data(Namespace="shop", MetricData=data)
    section = QUERIES.section.model_validate({"kind": "cloudwatch", "region": REGION})
    fence = Fence(tmp_path / "fence.json", 1)
    context = Context(directory=tmp_path, fence=fence, service="shop", environment="production", folder=tmp_path)
    opened = QUERIES.open(section, context)
    assert isinstance(opened, CloudWatchQueries)
    return opened


def test_a_query_gives_the_newest_value_of_each_series(queries: CloudWatchQueries) -> None:
    assert queries.query('SELECT AVG(Apdex) FROM "shop"') == (0.95,)
    later = CloudWatchQueries(Access(region=REGION), period=60, window=300.0, now=lambda: time.time() + 3600)
    assert later.query('SELECT AVG(Apdex) FROM "shop"') == ()


def test_a_source_that_refuses_or_is_away_is_an_error_not_an_answer(cloud: Cloud, queries: CloudWatchQueries) -> None:
    cloud.deny.add("GetMetricData")
    with pytest.raises(NotAllowed, match="GetMetricData"):
        queries.query('SELECT AVG(Apdex) FROM "shop"')
    cloud.down = True
    with pytest.raises(AdapterError, match="AWS failed at GetMetricData"):
        queries.query('SELECT AVG(Apdex) FROM "shop"')
