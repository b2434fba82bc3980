"""Figures of the past as dashboards and Prometheus write them (R9)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pilotage.judge.figures import BadFigures, looks_of, samples_of
from pilotage.model.quantity import parse_share
from tests.typed import typed


def answered(*series: tuple[str, str, list[float]], start: float = 1_700_000_000, step: float = 15.0) -> str:
    result = [
        {
            "metric": {"role": role, "count": count, "pod": f"pod-{number}"},
            "values": [[start + step * at, str(value)] for at, value in enumerate(values)],
        }
        for number, (role, count, values) in enumerate(series)
    ]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def all_series(values: list[float]) -> str:
    """An answer where every series has these values."""
    return answered(*((role, count, values) for role in ("canary", "stable") for count in ("bad", "total")))


def growing(by: float) -> list[float]:
    return [by * at for at in range(12)]


def test_series_of_one_role_are_added_up() -> None:
    """grafana/grafana#82410, #9840: a series for each pod; the last one alone was read."""
    one = [("stable", "bad", growing(0)), ("stable", "total", growing(100)), ("canary", "total", growing(20))]
    looks = looks_of(answered(*one, ("canary", "bad", growing(2)), ("canary", "bad", growing(3))), cumulative=False)
    assert {look.canary_bad for look in looks} == {5}
    pods = [*one, ("canary", "bad", growing(0)), ("canary", "total", growing(10))]
    assert {look.canary_total for look in looks_of(answered(*pods), cumulative=False)} == {30}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (json.dumps({"status": "error", "errorType": "timeout", "error": "query timed out"}), "error: query timed out"),
        (
            all_series([0.5] * 12),
            "these are rates: query the counters, without rate()",
        ),
        (
            all_series([5.0, 3.0, 6.0, 2.0, 7.0, 3.0, 5.0, 4.0, 6.0, 3.0]),
            "these are rates: query the counters, without rate()",
        ),
        ("time;canary_bad;canary_total;stable_bad\n", "stable_total is missing; needs time, canary_bad, canary_total"),
        ("Date,canary,stable\n", "found date, canary, stable"),
        ("time,canary_bad,canary_total,stable_bad,stable_total\n1,2,x,0,0\n", "canary_total is 'x', not a number"),
    ],
    ids=[
        "an answer that is an error", "spinnaker/spinnaker.github.io#1292: rates that stand still", "rates that move",
        "a column that is missing", "another name of the time", "no number",
    ],
)  # fmt: skip
def test_what_cannot_be_judged_says_why(text: str, words: str) -> None:
    with pytest.raises(BadFigures) as error:
        looks_of(text, cumulative=False)
    assert words in str(error.value)


def test_series_without_a_common_time_say_so() -> None:
    """grafana/grafana#5734, #14270."""
    early = json.loads(answered(("canary", "bad", growing(1)), ("canary", "total", growing(20))))
    late = json.loads(answered(("stable", "bad", growing(1)), ("stable", "total", growing(9)), start=1_700_000_007))
    early["data"]["result"] += late["data"]["result"]
    with pytest.raises(BadFigures, match="no time is in all four series"):
        looks_of(json.dumps(early), cumulative=False)


@pytest.mark.parametrize(
    "text",
    [
        "time,canary_bad,canary_total,stable_bad,stable_total\n1700000000,1,20,1,380\n1700000015,1,20,1,380\n",
        "time,canary_bad,canary_total,stable_bad,stable_total\n1700000000000,1,20,1,380\n1700000015000,1,20,1,380\n",
        '"Time", "canary_bad", "canary_total", "stable_bad", "stable_total"\n1700000000, 1, 20, 1, 380\n'
        "1700000015, 1, 20, 1, 380\n",
        "Time;Canary_Bad;Canary_Total;Stable_Bad;Stable_Total\n1700000000;1;20;1;380\n1700000015;1;20;1;380\n",
        "time\tcanary_bad\tcanary_total\tstable_bad\tstable_total\n1700000000\t1\t20\t1\t380\n1700000015\t1\t20\t1\t380\n",
        "time,canary_bad,canary_total,stable_bad,stable_total\n2023-11-14T22:13:20Z,1,20,1,380\n"
        "2023-11-14 22:13:35,1,20,1,380\n",
        "time,canary_bad,canary_total,stable_bad,stable_total\n1700000000000000,1,20,1,380\n1700000015000000,1,20,1,380\n",
        "time,canary_bad,canary_total,stable_bad,stable_total\n1700000000000000000,1,20,1,380\n"
        "1700000015000000000,1,20,1,380\n",
        "sep=;\ntime;canary_bad;canary_total;stable_bad;stable_total\n1700000000;1;20;1;380\n1700000015;1;20;1;380\n",
        "# of shop\n# today\ntime,canary_bad,canary_total,stable_bad,stable_total\n1700000000,1,20,1,380\n"
        "1700000015,1,20,1,380\n",
    ],
    ids=[
        "seconds",
        "milliseconds",
        "spaces and a capital",
        "semicolons",
        "tabs",
        "ISO 8601",
        "microseconds",
        "nanoseconds",
        "Excel's line for the separator",
        "comments",
    ],
)
def test_one_table_in_every_form_has_one_meaning(text: str) -> None:
    """grafana/grafana#5734, #82410: milliseconds passed as seconds, and one capital letter refused the file."""
    first, second = looks_of(text, cumulative=False)
    assert (second.at - first.at, first.canary_total, second.stable_total) == (15.0, 20, 380)


def test_samples_of_a_gauge_are_read_alike() -> None:
    (sample,) = samples_of("Time; canary; stable\n1700000000000; 1.5; 2\n")
    assert (sample.at, sample.canary, sample.stable) == (1_700_000_000.0, 1.5, 2.0)


@pytest.mark.parametrize(("text", "share"), [("0.05", 0.05), (".5", 0.5), ("5%", 0.05), ("1.0", 1), ("0", 0)])
def test_a_share_is_taken_as_its_refusal_recommends_it(text: str, share: float) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize("text", ["5", "1.5", "0.05.1", "-0.1", "½", "0,05", "1e-2", ""])
def test_what_may_be_per_cent_or_a_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a share|is not between"):
        parse_share(text)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": "success", "data": {"resultType": "vector", "result": []}}, "is a vector: ask /api/v1/query_range"),
        ({"status": "success"}, "not a response of Prometheus to a range query: result is missing"),
        (
            {"data": {"result": [{"metric": {"role": "v2", "count": "errors"}, "values": [[1, "1"]]}]}},
            "it has v2_errors",
        ),
        ({"data": {"result": [{"metric": {}, "histograms": []}]}}, "of a native histogram, ask for histogram_count()"),
    ],
    ids=["an instant query", "another answer", "other labels", "a native histogram"],
)
def test_figures_of_another_form_say_what_they_are(answer: object, words: str) -> None:
    """No name of an exception, and what was found beside what is wanted."""
    with pytest.raises(BadFigures) as error:
        looks_of(json.dumps(answer), cumulative=False)
    assert words in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_figures_that_only_grow_are_asked_about_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    rows = [f"{15 * n},{n},{20 * n},{n},{380 * n}" for n in range(1, 40)]
    text = "\n".join(["time,canary_bad,canary_total,stable_bad,stable_total", *rows])
    (tmp_path / "past.csv").write_bytes(text.encode(encoding))
    assert "if they are counters, add --cumulative" in typed("judge", "--replay", "past.csv", cwd=tmp_path).stderr
    assert "--cumulative" not in typed("judge", "--replay", "past.csv", "--cumulative", cwd=tmp_path).stderr
