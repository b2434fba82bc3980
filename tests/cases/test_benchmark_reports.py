"""Reports of benchmarks that users bring, and what each is worth (R5). The id names the public report of the fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .evidence import DATA, proof, written

BENCHMARKS = DATA / "benchmarks"


def said(root: Path, new: str = "new", old: str = "old") -> tuple[bool, str]:
    found = proof(root, "benchmarks", benchmarks=new, baseline=old)
    return found.ready, found.sentence


def both(folder: Path, new: Any, old: Any) -> Path:
    written(folder, json.dumps(new), "new")
    return written(folder, json.dumps(old), "old")


@pytest.mark.parametrize(
    ("new", "old", "words"),
    [
        pytest.param("k6-export-failed.json", "k6-export-old.json",
                     "k6: 100 % of the requests failed (http_req_failed)",
                     id="wso2/financial-services-accelerator#995, every request failed"),
        pytest.param("k6-summary-threshold.json", "k6-summary-old.json",
                     "k6: http_req_duration misses its threshold p(95)<100",
                     id="wso2/financial-services-accelerator#995, a threshold was crossed"),
        pytest.param("hyperfine-new.json", "hyperfine-old.json",
                     "Name both alike, such as with hyperfine --command-name", id="a version in the command"),
    ],
)  # fmt: skip
def test_a_field_that_decides_is_read(new: str, old: str, words: str) -> None:
    ready, sentence = said(BENCHMARKS, new, old)
    assert not ready
    assert words in sentence


def k6(**metrics: Any) -> Any:
    return {"metrics": {"http_req_duration": {"values": {"med": 1.0}}, **metrics}}


def hyperfine(**result: Any) -> Any:
    return {"results": [{"command": "app", "times": [1.0], **result}]}


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (k6(http_req_failed={"values": {"rate": 0.02}}), "2 % of the requests failed"),
        (k6(checks={"values": {"rate": 0.5, "passes": 1, "fails": 1}}), "50 % of the checks failed"),
        (k6(checks={"value": 0.5}), "50 % of the checks failed"),
        (k6(iterations={"thresholds": {"count>100": True}}), "iterations misses its threshold count>100"),
        (k6(iterations={"values": {}, "thresholds": {"count>100": {"ok": False}}}), "threshold count>100"),
        (k6(iterations={"values": {}, "thresholds": {"count>100": {}}}), "threshold count>100"),
        (k6(**{"http_req_failed{name:login}": {"values": {"rate": 1}}}), "100 % of the requests failed"),
        (k6(http_req_failed={"values": {}}), "http_req_failed has neither rate nor value"),
        (k6(http_req_failed={"values": {"rate": "NaN"}}), "http_req_failed is 'nan'"),
        (k6(http_reqs={"values": {"count": 0}}), "no request was sent"),
        ({**k6(), "root_group": {"checks": [{"name": "ok", "passes": 1, "fails": 3}]}}, "3 of 4 checks failed"),
        (
            {**k6(), "root_group": {"groups": {"a": {"checks": {"ok": {"passes": 0, "fails": 1}}}}}},
            "1 of 1 checks failed",
        ),
        (k6(http_req_duration={"values": {"med": 0}}), "took no time, so nothing was measured"),
        (hyperfine(times=[0.0, 0.0]), "app took no time, so nothing was measured"),
        (hyperfine(exit_codes=[1]), "1 of 1 runs of 'app' failed, with status 1"),
        (hyperfine(times=[1.0, 1.0], exit_codes=[0, None]), "1 of 2 runs of 'app' failed, with a signal"),
    ],
)
def test_a_field_that_decides_is_read_in_every_form(tmp_path: Path, new: Any, words: str) -> None:
    ready, sentence = said(both(tmp_path, new, k6() if "metrics" in new else hyperfine()))
    assert not ready
    assert words in sentence.lower() if words.islower() else words in sentence


@pytest.mark.parametrize(
    "new",
    [
        k6(http_req_failed={"values": {"rate": 0.01}}),
        k6(http_req_failed={"values": {"rate": 0.2}, "thresholds": {"rate<0.3": {"ok": True}}}),
        k6(http_req_failed={"value": 0.2, "thresholds": {"rate<0.3": False}}),
        k6(checks={"values": {"rate": 1}}, vus={"values": {"value": 3}}),
        k6(checks={"values": {"rate": 0, "passes": 0, "fails": 0}}),
    ],
)
def test_k6_decides_about_failures_itself_where_it_has_a_threshold(tmp_path: Path, new: Any) -> None:
    """`--summary-export` says false of a threshold that was kept (grafana/k6#1498)."""
    assert said(both(tmp_path, new, k6()))[0]


def test_a_benchmark_has_the_name_that_it_was_given(tmp_path: Path) -> None:
    new, old = (hyperfine(command=f"app-{version}", command_name="app", exit_codes=[0]) for version in "12")
    assert said(both(tmp_path, new, old))[0]


@pytest.mark.parametrize(
    ("new", "looks"),
    [
        (
            {"context": {"num_cpus": 4}, "benchmarks": [{"name": "a", "real_time": 1}]},
            "looks like Google Benchmark JSON",
        ),
        ([{"benchmark": "a", "primaryMetric": {"score": 1}}], "looks like JMH JSON"),
        ({"version": "2.1.0", "runs": []}, "looks like SARIF"),
        ({"results": []}, "looks like an empty list of results, which names no tool"),
        ({"a": True}, "has an unknown format"),
    ],
)
def test_a_report_taken_for_another_one_says_what_it_looks_like(tmp_path: Path, new: Any, looks: str) -> None:
    ready, sentence = said(both(tmp_path, new, hyperfine()))
    assert not ready
    assert f"new {looks}; supported: pytest-benchmark JSON, hyperfine JSON, k6's summary" in sentence
