"""Several sources of queries in one environment (R13, R32): each rule and signal names which one answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from pilotage.config.analysis import AnalysisSection
from pilotage.config.fields import Misplaced
from pilotage.config.stored import read_analysis
from pilotage.model.query import Query, UnfitVersion, check_names

DATADOG = {"kind": "datadog", "api_key": "secret://env/A", "application_key": "secret://env/B"}
SOURCES = {"stats": {"kind": "http", "url": "https://stats.example.org"}, "datadog": DATADOG}
CONVERSION = {"query": "/r?v={version} $.r", "source": "stats"}


def analysis(**given: Any) -> AnalysisSection:
    return AnalysisSection.model_validate(given)


def test_r13_a_rule_and_a_signal_name_their_source() -> None:
    read = analysis(
        prometheus="http://127.0.0.1:9090", sources=SOURCES,
        signals={"business_conversion_rate": CONVERSION, "user_satisfaction": 'avg(x{v="{version}"})'},
        rules=[{"name": "queue", "query": "max:q{*}", "source": "datadog", "interval": "30s"}],
    )  # fmt: skip
    assert read.queried == {
        "business_conversion_rate": Query(text="/r?v={version} $.r", source="stats"),
        "user_satisfaction": Query(text='avg(x{v="{version}"})'),
    }
    assert {name: one.kind for name, one in read.every_source.items()} == {
        "": "prometheus", "stats": "http", "datadog": "datadog",
    }  # fmt: skip
    kept = read_analysis({"analysis": read.model_dump(mode="json")})
    assert kept == read, "a rollout keeps it whole"


def test_an_earlier_file_means_what_it_meant() -> None:
    read = analysis(prometheus="http://127.0.0.1:9090", rules=[{"name": "a", "query": "up"}])
    assert (read.rules[0].source, list(read.every_source), read.signals_every) == (None, [""], 15)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"rules": [{"name": "a", "query": "q", "source": "graphite"}]}, "no source is called 'graphite'"),
        ({"signals": {"user_satisfaction": {**CONVERSION, "source": "x"}}}, "no source is called 'x'"),
        ({"rules": [{"name": "a", "query": "q"}]}, "or a source for every rule and signal"),
        ({"rules": [{"name": "a", "query": "q", "source": "datadog", "interval": "2s"}]}, "every 10s at most"),
    ],
)
def test_what_cannot_be_asked_is_refused_when_the_file_is_read(given: dict[str, Any], why: str) -> None:
    with pytest.raises((ValidationError, Misplaced), match=re.escape(why)):
        analysis(sources=SOURCES, **given)


def test_signals_are_read_as_often_as_their_sources_allow() -> None:
    with pytest.raises((ValidationError, Misplaced), match="10s at most"):
        analysis(queries=DATADOG, interval="5s", signals={"user_session_health": "avg:x{version:{version}}"})
    assert analysis(queries=DATADOG, signals={"user_session_health": "avg:x{version:{version}}"}).signals_every == 15


@pytest.mark.parametrize("name", ["2.4.0' OR '1'='1", 'x"}', "a\\b", "1,env:prod", "1; DELETE", "`id`"])
def test_a_name_that_ends_its_string_is_put_into_no_query(name: str) -> None:
    with pytest.raises(UnfitVersion):
        check_names({"version": name})


def test_names_that_versions_usually_have_are_fine() -> None:
    check_names({"version": "2.4.0-rc.1+build/7@sha256:ab", "stable_version": "release 5"})


def test_every_example_of_the_guide_is_valid() -> None:
    page = (Path(__file__).parents[3] / "docs/guides/signals.md").read_text()
    read = [yaml.safe_load(one) for one in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    sections = [one.get("analysis") or one["environments"]["production"]["analysis"] for one in read]
    kinds = {source.kind for one in sections for source in AnalysisSection.model_validate(one).every_source.values()}
    assert kinds == {"datadog", "newrelic", "sql", "http"}
