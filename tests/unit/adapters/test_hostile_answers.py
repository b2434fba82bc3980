"""What other systems answer is foreign: hostile numbers, times and credentials end in one sentence (R13, R20, R31)."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from pilotage.adapters import aws
from pilotage.adapters.caches.redis_cache import RedisCache
from pilotage.adapters.http import exchange
from pilotage.adapters.metrics import cloudwatch
from pilotage.adapters.outgoing import post
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.queries.asking import Asking, Stale, Throttle, check_age
from pilotage.adapters.queries.datadog import DatadogQueries
from pilotage.adapters.queries.newrelic import NewRelicQueries
from pilotage.adapters.routers.alb_groups import Groups
from pilotage.adapters.routers.alb_listener import Listener
from pilotage.adapters.secrets import resolve
from pilotage.engine.execution.queries import _settle
from pilotage.model.json import Json

HUGE = int("9" * 400)
TOKEN = "Bearer hush-\n-hush"


class Saying(Asking):
    """A system that answers this."""

    said: str

    def json(self, *_: Any, **__: Any) -> Json:
        found: Json = json.loads(self.said)
        return found


def saying(content: object) -> Asking:
    made = Saying(name="it", secrets=resolve, throttle=Throttle("it"))
    object.__setattr__(made, "said", json.dumps(content))
    return made


def datadog(point: list[object]) -> tuple[float, ...]:
    answer = {"status": "ok", "series": [{"interval": 10, "pointlist": [point]}]}
    return DatadogQueries(saying(answer), "http://d", max_age=300, delay=0).query("q")


def newrelic(results: list[object], metadata: object) -> tuple[float, ...]:
    found = {"results": results, "metadata": metadata}
    answer = {"data": {"actor": {"account": {"nrql": found}}}}
    return NewRelicQueries(saying(answer), "http://n", 1, max_age=300).query("q")


@pytest.mark.parametrize("value", [HUGE, "0.5", True, [1]])
def test_r13_a_figure_that_is_no_number_of_ours_is_refused_in_one_sentence(value: object) -> None:
    at = (time.time() - 60) * 1000
    with pytest.raises(AdapterError):
        datadog([at, value])
    window = {"timeWindow": {"end": at}}
    if value is HUGE:
        with pytest.raises(AdapterError):
            newrelic([{"average": value}], window)
        with pytest.raises(AdapterError):
            datadog([HUGE, 1.0])


@pytest.mark.parametrize("metadata", [None, {}, {"timeWindow": {"end": "soon"}}, {"timeWindow": {"end": HUGE}},
                                      {"timeWindow": {"end": float("nan")}}])  # fmt: skip
def test_r13_a_figure_of_unknown_age_is_not_a_fresh_one(metadata: object) -> None:
    with pytest.raises(AdapterError):
        newrelic([{"average": 0.5}], metadata)


@pytest.mark.parametrize("at", [float("nan"), float("inf"), 10_000.0])
def test_r13_a_figure_from_the_future_says_nothing_about_now(at: float) -> None:
    with pytest.raises(Stale):
        check_age("it", at, 300, 1000.0)
    check_age("it", 1005.0, 300, 1000.0)  # clocks differ by seconds


def test_r31_a_token_that_is_no_header_is_not_shown_in_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AdapterError) as caught:
        exchange("GET", "http://127.0.0.1:9/", 2, {"Authorization": TOKEN})
    shown = "".join(traceback.format_exception(caught.value))
    assert "hush" not in shown
    assert "Authorization" in shown
    with pytest.raises(AdapterError) as caught:
        post("http://127.0.0.1:9/", b"", {"Authorization": TOKEN}, private=True)
    assert "hush" not in str(caught.value)
    # As a Secret of Kubernetes often ends.
    monkeypatch.setenv("TOKEN", "hush-hush\n")
    assert resolve("secret://env/TOKEN").reveal() == "hush-hush"


class Pages:
    """CloudWatch, whose answers are these; the last one for ever."""

    def __init__(self, *answers: Mapping[str, Any]) -> None:
        self.answers, self.calls = list(answers), 0

    def call(self, *_: Any, **__: Any) -> Mapping[str, Any]:
        self.calls += 1
        assert self.calls < 5000, "asked for ever"
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_r20_pages_that_never_end_and_figures_that_stay_partial_are_no_figures() -> None:
    endless = Pages({"MetricDataResults": [], "NextToken": "again"})
    with pytest.raises(AdapterError, match="does not end"):
        list(cloudwatch.results_of(endless, {}))  # type: ignore[arg-type]
    partial = {"Id": "q0", "StatusCode": "PartialData", "Timestamps": [0], "Values": [1.0]}
    with pytest.raises(AdapterError, match="part of"):
        list(cloudwatch.results_of(Pages({"MetricDataResults": [partial]}), {}))  # type: ignore[arg-type]
    whole = {**partial, "StatusCode": "Complete"}
    pages = Pages({"MetricDataResults": [partial], "NextToken": "2"}, {"MetricDataResults": [whole]})
    assert len(list(cloudwatch.results_of(pages, {}))) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "InvalidSignatureException"])
def test_r31_what_aws_repeats_of_a_signed_request_is_not_shown(code: str) -> None:
    said = (
        "The request signature we calculated does not match the signature you provided. The Canonical String for this "
        "request should have been 'POST\n/\n\nhost:x\nx-amz-security-token:FwoGZXIvYXdzEHUSH\n'"
    )
    refused = aws._refused({"Error": {"Code": code, "Message": said}}, "elbv2", "DescribeRules")
    assert "HUSH" not in str(refused)
    assert "does not match" in str(refused)


@pytest.mark.parametrize("info", [{"maxmemory": "lots"}, {"evicted_keys": float("inf")}, ["no", "dictionary"], None])
def test_r12_a_cache_whose_figures_cannot_be_read_is_unknown_in_one_sentence(info: object) -> None:
    cache = RedisCache("redis://user:hush-hush@127.0.0.1:9/0", 1)

    class Client:
        def info(self, _: str) -> object:
            return info

    cache._client = Client()  # type: ignore[assignment]
    with pytest.raises(AdapterError, match="cannot be read") as caught:
        cache.counters()
    assert "hush" not in str(caught.value)


def test_r13_what_one_source_fails_at_is_not_the_trouble_of_the_others() -> None:
    """An adapter's own fault is told as the trouble of its query."""

    class Failing:
        def result(self) -> float:
            raise OverflowError("too large")

    told: list[tuple[object, str]] = []
    _settle(Failing(), lambda found, trouble: told.append((found, trouble)))  # type: ignore[arg-type]
    assert told == [(None, "the query failed: OverflowError: too large")]


def test_r28_rules_and_groups_of_aws_whose_pages_never_end_are_a_refusal() -> None:
    endless: Any = Pages({"Rules": [], "TargetGroups": [], "NextMarker": "again"})
    identity: Any = None
    groups = Groups(aws=endless, identity=identity, given=(), model="", check=lambda: None)
    with pytest.raises(AdapterError, match="does not end"):
        groups._described()
    settings: Any = SimpleNamespace(listener_arn="arn")
    listener = Listener(aws=endless, settings=settings, groups=groups, check=lambda: None)
    with pytest.raises(AdapterError, match="does not end"):
        listener._rules(look=False)
    assert endless.calls < 200


@pytest.mark.parametrize("value", [-5.0, float("nan"), float("inf"), HUGE])
def test_r20_a_count_below_nothing_or_without_end_is_no_count(value: float) -> None:
    result = {"Id": "q0", "StatusCode": "Complete", "Timestamps": [60], "Values": [value]}
    source: Any = SimpleNamespace(aws=Pages({"MetricDataResults": [result]}), balancer="app/x/1")
    metrics = cloudwatch.CloudWatchMetrics((), late=60, period=60, namespace="Own")
    with pytest.raises(AdapterError, match="no count"):
        list(metrics._answers(source, [("arn", "requests", "RequestCount", "Sum")], 0, 120))
