"""The Queries port before Datadog and New Relic (R13, R20, R32): stand-ins that check requests as the vendors do.

Datadog's own client builds the same request and parses each answer strictly, which keeps the stand-in honest; New
Relic's is held by the schema of its API.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ForbiddenException
from datadog_api_client.v1.api.metrics_api import MetricsApi

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.queries import asking, datadog_adapter, http_adapter, newrelic_adapter
from pilotage.adapters.queries.asking import Throttled
from pilotage.adapters.registry import AnyAdapter
from pilotage.testing import QueriesUnderTest
from pilotage.testing.contracts.queries import QueriesContract

from .. import datadog, newrelic
from ..datadog import Datadog
from ..newrelic import NerdGraph
from ..receivers import listening
from ..stats import Stats

GOOD = "avg:shop.apdex{version:new}"
BOTH = "avg:shop.apdex{*} by {version}"
NRQL = "SELECT average(duration) FROM Transaction"

Opens = Callable[..., Any]


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    for name, value in (
        ("DD_API", datadog.API_KEY), ("DD_APP", datadog.APPLICATION_KEY), ("DD_NARROW", datadog.NARROW_KEY),
        ("NR_KEY", newrelic.KEY), ("STATS", f"Bearer {Stats.TOKEN}"), ("NR_BAD", "NRAK-wrong-key-of-somebody"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    fence = Fence(tmp_path / "fence.json", 1)
    return Context(directory=tmp_path, fence=fence, service="shop", environment="production", folder=tmp_path)


def opens(adapter: AnyAdapter, context: Context, **given: Any) -> Any:
    return adapter.open(adapter.section.model_validate(given), context)


def findings(adapter: AnyAdapter, context: Context, **given: Any) -> list[tuple[str, str]]:
    assert adapter.examine is not None
    return [(one.result, one.sentence) for one in adapter.examine(adapter.section.model_validate(given), context)]


class TestDatadog(QueriesContract):
    @pytest.fixture
    def vendor(self) -> Iterator[Datadog]:
        api = Datadog()
        api.figures = {GOOD: [0.97], BOTH: [0.97, 0.99], "avg:shop.old{*}": [0.97]}
        api.age = {"avg:shop.old{*}": 600}
        with listening(api):
            yield api

    @pytest.fixture
    def given(self, vendor: Datadog) -> dict[str, Any]:
        keys = {"api_key": "secret://env/DD_API", "application_key": "secret://env/DD_APP"}
        return {"kind": "datadog", "url": vendor.url, "site": "datadoghq.eu", **keys}

    @pytest.fixture
    def asked(self, vendor: Datadog, given: dict[str, Any], context: Context) -> QueriesUnderTest:
        def silence() -> None:
            vendor.refuse = 500

        return QueriesUnderTest(
            open=lambda: opens(datadog_adapter.ADAPTER, context, **given), one=GOOD, several=BOTH,
            nothing="avg:shop.unknown{*}", refused="avg:shop.apdex{", old="avg:shop.old{*}",
            secret=datadog.APPLICATION_KEY, silence=silence,
        )  # fmt: skip

    def test_datadogs_own_client_asks_the_same_and_reads_every_answer(
        self, vendor: Datadog, asked: QueriesUnderTest
    ) -> None:
        settings = Configuration(host=vendor.url)  # type: ignore[no-untyped-call]
        settings.api_key = {"apiKeyAuth": datadog.API_KEY, "appKeyAuth": datadog.APPLICATION_KEY}
        settings.check_return_type = True
        now = int(time.time())
        with ApiClient(settings) as client:
            metrics = MetricsApi(client)  # type: ignore[no-untyped-call]
            for query in (asked.one, asked.several, asked.nothing):
                read = metrics.query_metrics(now - 1200, now, query)
                assert read.status == "ok"
                assert not read._unparsed, "its client knows every field of the answer"
                asked.open().query(query)
                theirs, ours = vendor.got[-2:]
                assert ours["query"] == theirs["query"]
                assert set(ours) == set(theirs)
                assert int(ours["to"]) - int(ours["from"]) == 1200
            settings.api_key["appKeyAuth"] = datadog.NARROW_KEY
            with pytest.raises(ForbiddenException):
                metrics.query_metrics(now - 1200, now, GOOD)

    def test_a_point_that_is_still_being_filled_does_not_count(self, asked: QueriesUnderTest) -> None:
        """The stand-in's last point is a hundredth of the figure."""
        assert asked.open().query(GOOD) == (0.97,)

    def test_a_throttled_source_is_not_asked_before_its_time(self, vendor: Datadog, asked: QueriesUnderTest) -> None:
        vendor.throttled = 1
        queries = asked.open()
        with pytest.raises(Throttled, match=r"in [67] s"):
            queries.query(GOOD)
        with pytest.raises(Throttled):
            queries.query(GOOD)
        assert vendor.got == [], "the second query was not sent"

    def test_after_the_last_request_of_a_period_the_next_one_waits(
        self, vendor: Datadog, asked: QueriesUnderTest
    ) -> None:
        vendor.last_of_period = True
        queries = asked.open()
        assert queries.query(GOOD) == (0.97,)
        with pytest.raises(Throttled):
            queries.query(GOOD)

    def test_a_key_without_its_scope_is_named(self, given: dict[str, Any], context: Context) -> None:
        assert findings(datadog_adapter.ADAPTER, context, **given)[0][0] == "PASS"
        (result, said), *_ = findings(
            datadog_adapter.ADAPTER, context, **{**given, "application_key": "secret://env/DD_NARROW"}
        )
        assert result == "FAIL"
        assert "timeseries_query" in said
        assert datadog.NARROW_KEY not in said
        (result, said), *_ = findings(datadog_adapter.ADAPTER, context, **{**given, "api_key": "secret://env/NR_BAD"})
        assert result == "FAIL"

    def test_no_answer_takes_longer_than_the_deadline(
        self, vendor: Datadog, asked: QueriesUnderTest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(asking, "DEADLINE", 0.3)
        vendor.hangs = True
        with pytest.raises(AdapterError, match="no complete response within"):
            asked.open().query(GOOD)


class TestNewRelic(QueriesContract):
    @pytest.fixture
    def vendor(self) -> Iterator[NerdGraph]:
        api, now = NerdGraph(), int(time.time())
        facets = [{"facet": "new", "average.duration": 0.97}, {"facet": "1.5", "average.duration": 0.99}]
        series = [
            {"beginTimeSeconds": now - 120 + n * 60, "endTimeSeconds": now - 60 + n * 60, "count": count}
            for n, count in enumerate((7, 9, 1))
        ]
        api.results = {
            NRQL: [{"average.duration": 0.97}], f"{NRQL} FACET appVersion": facets,
            "SELECT count(*) FROM Old": [{"count": 5}], "SELECT count(*) FROM Log TIMESERIES": series,
            "SELECT percentile(duration, 95) FROM Log": [{"percentile.duration": {"95": 0.25}}],
            "SELECT count(*), max(x) FROM Log": [{"count": 5, "max.x": 7}],
            "SELECT count(*) FROM Log FACET status": [
                {"facet": "200", "status": 200, "count": 40}, {"facet": ["503", "a"], "status": 503, "count": 2},
            ],
        }  # fmt: skip
        api.ended = {"SELECT count(*) FROM Old": 4000}
        with listening(api):
            yield api

    @pytest.fixture
    def given(self, vendor: NerdGraph) -> dict[str, Any]:
        url = f"{vendor.url}/graphql"
        return {"kind": "newrelic", "url": url, "api_key": "secret://env/NR_KEY", "account": newrelic.ACCOUNT}

    @pytest.fixture
    def asked(self, vendor: NerdGraph, given: dict[str, Any], context: Context) -> QueriesUnderTest:
        def silence() -> None:
            vendor.refuse = 502

        return QueriesUnderTest(
            open=lambda: opens(newrelic_adapter.ADAPTER, context, **given), one=NRQL,
            several=f"{NRQL} FACET appVersion", nothing="SELECT average(x) FROM Nothing", refused="SELEKT 1",
            old="SELECT count(*) FROM Old", secret=newrelic.KEY, silence=silence,
        )  # fmt: skip

    def test_of_a_time_series_the_last_complete_bucket_counts(self, asked: QueriesUnderTest) -> None:
        assert asked.open().query("SELECT count(*) FROM Log TIMESERIES") == (9.0,)
        assert asked.open().query("SELECT percentile(duration, 95) FROM Log") == (0.25,)

    def test_what_rows_are_grouped_by_is_no_figure(self, asked: QueriesUnderTest) -> None:
        assert asked.open().query("SELECT count(*) FROM Log FACET status") == (40.0, 2.0)

    def test_two_numbers_in_a_row_are_an_error_because_nobody_said_which(self, asked: QueriesUnderTest) -> None:
        with pytest.raises(AdapterError, match="2 numbers"):
            asked.open().query("SELECT count(*), max(x) FROM Log")

    def test_an_account_that_the_key_cannot_read_is_named(
        self, vendor: NerdGraph, given: dict[str, Any], context: Context
    ) -> None:
        assert findings(newrelic_adapter.ADAPTER, context, **given) == [
            ("PASS", "New Relic answers for the account Shop")
        ]
        (result, said), *_ = findings(newrelic_adapter.ADAPTER, context, **{**given, "account": 12})
        assert (result, "Access denied" in said) == ("FAIL", True)
        (result, said), *_ = findings(newrelic_adapter.ADAPTER, context, **{**given, "api_key": "secret://env/NR_BAD"})
        assert (result, "access to this account" in said, "wrong-key" in said) == ("FAIL", True, False)
        vendor.throttled = 1
        with pytest.raises(Throttled, match=r"in [89] s"):
            opens(newrelic_adapter.ADAPTER, context, **given).query(NRQL)


class TestJsonOverHttp(QueriesContract):
    @pytest.fixture
    def stats(self) -> Iterator[Stats]:
        api = Stats()
        with listening(api):
            yield api

    @pytest.fixture
    def given(self, stats: Stats) -> dict[str, Any]:
        headers = {"Authorization": "secret://env/STATS"}
        return {"kind": "http", "url": f"{stats.url}/api", "headers": headers, "time": "$.updated_at"}

    @pytest.fixture
    def asked(self, stats: Stats, given: dict[str, Any], context: Context) -> QueriesUnderTest:
        def silence() -> None:
            stats.refuse = 500

        return QueriesUnderTest(
            open=lambda: opens(http_adapter.ADAPTER, context, **given), one="/stats?version=new $.versions[0].rate",
            several="/stats $.versions[*].rate", nothing="/stats $.versions[7].rate", refused="/unknown $.x",
            old="/old $.versions[0].rate", secret=Stats.TOKEN, silence=silence,
        )  # fmt: skip

    def test_a_post_has_its_body(self, stats: Stats, asked: QueriesUnderTest) -> None:
        assert asked.open().query('POST /search $.hits.total.value {"size": 0, "q": "version:new"}') == (12.0,)
        assert stats.got[-1] == {"size": 0, "q": "version:new"}

    @pytest.mark.parametrize(
        ("query", "why"),
        [
            ("/stats", "is not a path and where the number is"),
            ("/stats $.versions[*", "is not a path such as"),
            ("/stats $.versions", "not a number"),
            ("/stats $.flag", "not a number"),
            ('/stats $.x {"a": 1}', "only a POST has a body"),
            ("stats $.x", "is not a path and where"),
            ("/deep $.x", "did not return JSON"),
            ("/text $.x", "did not return JSON"),
            ("/big $.x", "returned more than"),
        ],
    )
    def test_whatever_else_comes_is_an_error(self, asked: QueriesUnderTest, query: str, why: str) -> None:
        with pytest.raises(AdapterError, match=why):
            asked.open().query(query)

    def test_doctor_says_whether_its_headers_are_right(self, given: dict[str, Any], context: Context) -> None:
        assert findings(http_adapter.ADAPTER, context, **given)[0][0] == "PASS"
        (result, said), *_ = findings(
            http_adapter.ADAPTER, context, **{**given, "headers": {"Authorization": "secret://env/NR_BAD"}}
        )
        assert (result, "correct its headers" in said) == ("FAIL", True)
