"""Counted rules exactly as Argo Rollouts counts them, and the judge on figures of the past."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from pilotage.cli.main import cli
from pilotage.judge.counts import CountJudge
from pilotage.judge.figures import looks_of
from pilotage.judge.health import health_score
from pilotage.judge.replay import Look, NothingToReplay, from_counters, replay
from pilotage.judge.rules import Phase, Rule, Tally, assess, measure, verdict, worst
from pilotage.judge.templates import BadAnalysisTemplate, rules_of
from pilotage.model.condition import BadCondition, Condition
from pilotage.model.observation import Verdict, VerdictKind
from pilotage.render.judge_chart import ratio_chart
from pilotage.render.scale import ratio_scale


def phases(rule: Rule, *results: float | None) -> list[Phase]:
    tally, found = Tally(), []
    for result in results:
        tally = measure(rule, tally, None if result is None else (result,))
        found.append(assess(rule, tally))
    return found


ABOVE = Condition("result[0] >= 0.95")
R, S, F, N, E = Phase.RUNNING, Phase.SUCCESSFUL, Phase.FAILED, Phase.INCONCLUSIVE, Phase.ERROR


@pytest.mark.parametrize(
    ("rule", "results", "expected"),
    [
        (Rule("success only", ABOVE, count=2), [1, 1], [R, S]),
        (Rule("a limit of 0 tolerates none", ABOVE, count=3), [0], [F]),
        (Rule("a limit of 1 tolerates one", ABOVE, count=4, failure_limit=1), [0, 1, 0], [R, R, F]),
        (Rule("failures are for ever", ABOVE, count=9, failure_limit=2), [0, 1, 1, 0, 1, 0], [R, R, R, R, R, F]),
        (Rule("-1 switches it off", ABOVE, count=3, failure_limit=-1), [0, 0, 0], [R, R, S]),
        (Rule("failure only", failure=Condition("result > 5"), count=2), [1, 1], [R, S]),
        (
            Rule("both, neither true", ABOVE, Condition("result < 0.5"), count=3, inconclusive_limit=1),
            [0.7, 0.7], [R, N],
        ),
        (Rule("both true: failure wins", Condition("result > 1"), Condition("result > 2"), count=2), [3], [F]),
        (Rule("none", count=1), [0], [S]),
        (Rule("four errors in a row are tolerated", ABOVE, count=1), [None] * 5, [R, R, R, R, E]),
        (Rule("an answer resets them", ABOVE, count=9), [None] * 4 + [1] + [None] * 4, [R] * 9),
        (Rule("errors do not count", ABOVE, count=2), [None, 1, None, 1], [R, R, R, S]),
        (Rule("enough in a row is early", ABOVE, count=9, consecutive_success_limit=2), [1, 1], [R, S]),
        (
            Rule("both limits, neither hit", ABOVE, count=3, failure_limit=1, consecutive_success_limit=3),
            [1, 0, 1], [R, R, N],
        ),
        (
            Rule("only the success limit", ABOVE, count=3, failure_limit=-1, consecutive_success_limit=3),
            [1, 0, 1], [R, R, F],
        ),
        (Rule("no count and no interval is one", ABOVE), [1], [S]),
        (Rule("no count runs for ever", ABOVE, interval=60.0), [1, 1, 1], [R, R, R]),
        (
            Rule("error over failed", ABOVE, count=9, failure_limit=0, consecutive_error_limit=0),
            [0, None], [F, E],
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Rule) else None,
)  # fmt: skip
def test_limits_are_counted_as_argo_rollouts_counts_them(
    rule: Rule, results: list[float | None], expected: list[Phase]
) -> None:
    assert phases(rule, *results) == expected


def test_a_run_is_as_bad_as_its_worst_metric() -> None:
    order = [Phase.SUCCESSFUL, Phase.RUNNING, Phase.PENDING, Phase.INCONCLUSIVE, Phase.ERROR, Phase.FAILED]
    for index, phase in enumerate(order):
        assert worst(order[: index + 1]) is phase
    assert worst([]) is Phase.SUCCESSFUL


def test_the_verdict_says_the_counts() -> None:
    rule = Rule("success rate", ABOVE, count=5, failure_limit=2)
    tally = measure(rule, measure(rule, Tally(), (0.5,)), None, "connection refused")
    said = verdict(rule, tally)
    assert said.kind is VerdictKind.INCONCLUSIVE
    assert "1 failed of 2 allowed" in said.sentence
    assert "1 errors in a row of 4; last 0.5; connection refused" in said.sentence


@pytest.mark.parametrize(
    ("text", "result", "holds"),
    [
        ("result >= 0.95", (0.95,), True),
        ("result[0] >= 0.95 && result[0] < 2", (3.0,), False),
        ("result[1] > 1 || result[0] == 0", (0.0, 0.5), True),
        ("default(result, 0) < 1", (math.nan,), True),
        ("result[0] != -1e3", (5.0,), True),
    ],
)
def test_conditions(text: str, result: tuple[float, ...], holds: bool) -> None:
    assert Condition(text).holds(result) == holds


@pytest.mark.parametrize("text", ["", "result", "result > x", "__import__('os')", "result >= 1 and 2"])
def test_no_language_is_evaluated(text: str) -> None:
    with pytest.raises(BadCondition):
        Condition(text)


def test_a_value_that_is_not_there_is_an_error_not_a_failure() -> None:
    with pytest.raises(LookupError):
        Condition("result[3] > 1").holds((1.0,))
    assert phases(Rule("x", Condition("result[3] > 1"), count=1), 1.0) == [R]


TEMPLATE = """\
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: success-rate}
spec:
  args:
    - {name: service-name}
    - {name: threshold, value: "0.95"}
  dryRun: [{metricName: memory.*}]
  metrics:
    - name: success-rate
      interval: 5m
      successCondition: result[0] >= {{args.threshold}}
      failureLimit: 3
      count: 10
      provider:
        prometheus: {address: "http://prometheus:9090", query: "rate(errors{service='{{args.service-name}}'}[5m])"}
    - name: memory-use
      failureCondition: result > 2e9
      consecutiveErrorLimit: 2
      provider: {prometheus: {query: "memory"}}
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_an_analysis_template_is_carried_over(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("kind: Service\n---\n" + TEMPLATE)
    said = run("analysis", "import", str(tmp_path / "t.yaml"), "--arg", "service-name=shop")
    assert said.exit_code == 0, said.output
    assert "success-rate/success-rate: success when result[0] >= 0.95; measured 10 times every 5m" in said.stdout
    assert "tolerates 3 failures, 0 inconclusive, 4 errors in a row" in said.stdout
    assert "memory-use: failure when result > 2e9; measured once" in said.stdout
    assert said.stdout.rstrip().endswith("2 errors in a row; dry run")
    told = run("analysis", "import", str(tmp_path / "t.yaml"), "--arg", "service-name=shop", "--json")
    (first, _) = json.loads(told.stdout)["templates"]["success-rate"]
    assert first["query"] == "rate(errors{service='shop'}[5m])"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("prometheus: {query", "datadog: {query", "(memory-use): its provider is datadog, and only prometheus"),
        ("result > 2e9", "result.size > 1", "(memory-use): 'result.size > 1', column 7: '.' is not expected here"),
        ("count: 10", "count: many", "(success-rate): count is 'many', not a whole number"),
        ("interval: 5m", "interval: '{{args.pause}}'", "(success-rate): the argument pause has no value: give it with"),
        ('query: "memory"', "query: a, headers: [{key: a, value: b}]", "(memory-use): provider.prometheus.headers is"),
    ],
)
def test_what_cannot_be_imported_is_named_and_the_rest_is_imported(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    (tmp_path / "t.yaml").write_text(TEMPLATE.replace(old, new))
    said = run("analysis", "import", str(tmp_path / "t.yaml"), "--arg", "service-name=shop")
    assert said.exit_code == 0
    assert f"not imported: success-rate: spec.metrics[{0 if 'success-rate)' in words else 1}] " in said.stderr
    assert words in " ".join(said.stderr.split())
    assert said.stdout.count("success-rate/") == (2 if "headers" in words else 1)


def test_where_no_rule_can_be_imported_that_is_an_error(tmp_path: Path) -> None:
    """akuity/kargo, argoproj/argo-rollouts (their examples of a job and of Datadog)."""
    (tmp_path / "t.yaml").write_text(TEMPLATE.replace("prometheus:", "job:"))
    said = run("analysis", "import", str(tmp_path / "t.yaml"))
    assert said.exit_code == 2
    assert "no rule can be imported. success-rate: spec.metrics[0] (success-rate): its provider is job" in " ".join(
        said.output.split()
    )
    (tmp_path / "t.yaml").write_text(TEMPLATE.replace("kind: AnalysisTemplate", "kind: Rollout"))
    said = run("analysis", "import", str(tmp_path / "t.yaml"))
    assert said.exit_code == 2
    assert "no AnalysisTemplate or ClusterAnalysisTemplate in it" in " ".join(said.output.split())


def test_arguments_fill_conditions_counts_and_intervals(tmp_path: Path) -> None:
    text = TEMPLATE.replace("interval: 5m", "interval: '{{args.pause}}'").replace(
        "count: 10", "count: '{{args.times}}'"
    )
    (tmp_path / "t.yaml").write_text(text)
    given = ("--arg", "service-name=shop", "--arg", "pause=2m", "--arg", "times=7", "--arg", "threshold=0.9")
    said = run("analysis", "import", str(tmp_path / "t.yaml"), *given, "--json")
    (first, _) = json.loads(said.stdout)["templates"]["success-rate"]
    assert (first["interval_seconds"], first["count"], first["success_condition"]) == (120.0, 7, "result[0] >= 0.9")
    assert run("analysis", "import", str(tmp_path / "t.yaml"), "--arg", "pause").exit_code == 2


def test_rules_of_several_templates_keep_apart_in_the_section(tmp_path: Path) -> None:
    one = TEMPLATE.replace("{{args.service-name}}", "a")
    (tmp_path / "t.yaml").write_text(
        one + "---\n" + one.replace("metadata: {name: success-rate}", "metadata: {name: b}")
    )
    said = run("analysis", "import", str(tmp_path / "t.yaml"), "--prometheus", "http://127.0.0.1:9090")
    names = [rule["name"] for rule in yaml.safe_load(said.stdout)["analysis"]["rules"]]
    assert names == ["success-rate-success-rate", "success-rate-memory-use", "b-success-rate", "b-memory-use"]


def test_a_template_of_another_kind_or_without_metrics_is_refused() -> None:
    with pytest.raises(BadAnalysisTemplate, match="kind is None"):
        rules_of({})
    with pytest.raises(BadAnalysisTemplate, match="nothing to import"):
        rules_of({"kind": "AnalysisTemplate", "spec": {}})


# ── replay ─────────────────────────────────────────────────────────────────────────────────────────────────────


def looks(harm_from: int, length: int = 300) -> list[Look]:
    return [Look(float(t), 2 if t >= harm_from else 0, 25, t % 2, 475) for t in range(length)]


def test_replay_says_when_and_whom_it_would_have_spared() -> None:
    done = replay(looks(100), CountJudge())
    assert done.decided is not None
    after = done.decided.at - 100
    assert 0 <= after < 15
    assert done.decided.hurt == 2 * (after + 1)
    assert done.spared == 400 - done.decided.hurt
    assert done.sentence.startswith(
        f"harm after {done.decided.at:.0f} s, {done.decided.hurt} users affected until then"
    )


def test_late_and_duplicated_looks_change_nothing_and_are_told() -> None:
    given = looks(100)
    muddled = replay([*given[150:], *given[:150], *given[40:60]], CountJudge())
    assert muddled.decided == replay(given, CountJudge()).decided
    assert muddled.notes == (
        "some rows were out of order: sorted by time", "20 rows had the time of another row: ignored",
    )  # fmt: skip


def test_counters_that_begin_anew_are_not_negative() -> None:
    samples = [(0.0, 5, 100, 1, 1000), (1.0, 6, 150, 1, 1500), (2.0, 1, 30, 2, 2000)]
    assert list(from_counters(samples)) == [Look(1.0, 1, 50, 0, 500), Look(2.0, 1, 30, 1, 500)]


def test_counters_that_come_late_or_twice_are_no_new_beginning() -> None:
    samples = [(0.0, 5, 100, 1, 1000), (2.0, 7, 200, 1, 2000), (1.0, 6, 150, 1, 1500), (1.0, 6, 150, 1, 1500)]
    assert list(from_counters(samples)) == [Look(1.0, 1, 50, 0, 500), Look(2.0, 1, 50, 0, 500)]


HEAD = "time,canary_bad,canary_total,stable_bad,stable_total\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the columns time, canary_bad, canary_total, stable_bad, stable_total are missing"),
        ("time,canary_bad,canary_total,stable_bad\n", "line 1: the column stable_total is missing"),
        (f"{HEAD}0,1,10,1,10\n1,a,10,1,10\n", "line 3: canary_bad is 'a', not a number"),
        (f"{HEAD}0,nan,10,1,10\n", "line 2: canary_bad is 'nan', not a finite number"),
        (f"{HEAD}0,1,1e400,1,10\n", "line 2: canary_total is '1e400', not a finite number"),
        (f"{HEAD}yesterday,1,10,1,10\n", "line 2: time is 'yesterday', not a number"),
        (f"{HEAD}0,1,10,1\n", "line 2: stable_total is empty"),
        (f"{HEAD}0,-1,10,1,10\n", "line 2: canary_bad is -1, but a count must be a whole number of at least 0"),
        (f"{HEAD}0,1.5,10,1,10\n", "line 2: canary_bad is 1.5, but a count must be a whole number of at least 0"),
        (f"{HEAD}0,1,10,11,10\n", "line 2: stable_bad is 11, more than the 10 of stable_total"),
        ('{"data": []}', "not a response of Prometheus to a range query"),
        ('{"status": "error"}', "not a response of Prometheus to a range query"),
        (
            '{"data": {"result": [{"metric": {}, "values": [[0, "x"]]}]}}',
            "not a response of Prometheus to a range query",
        ),
        ('{"data": {"result": []}}', "no series with the labels of canary_bad"),
        (HEAD, "no row has requests to the canary"),
    ],
)
def test_figures_that_are_none_are_refused_with_line_and_column(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "past.csv").write_text(text)
    said = run("judge", "--replay", str(tmp_path / "past.csv"))
    assert (said.exit_code, words in said.output) == (2, True), said.output


def test_a_spreadsheets_mark_is_no_column_and_what_is_not_computed_is_no_reading(tmp_path: Path) -> None:
    (tmp_path / "marked.csv").write_bytes(b"\xef\xbb\xbf" + HEAD.encode() + b"0,1,10,1,10\n")
    assert run("judge", "--replay", str(tmp_path / "marked.csv")).exit_code == 0
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in run("judge", "--replay", str(tmp_path / "bytes.csv")).output
    second = {"bad": "NaN", "total": "5"}
    result = [
        {"metric": {"role": role, "count": count}, "values": [[0, "0"], [1, second[count]], [2, "9"]]}
        for role in ("canary", "stable")
        for count in second
    ]
    assert looks_of(json.dumps({"data": {"result": result}}), cumulative=False) == [Look(2.0, 9, 9, 9, 9)]


def test_nothing_to_replay_is_an_error() -> None:
    with pytest.raises(NothingToReplay):
        replay([Look(0.0, 0, 0, 1, 10)], CountJudge())


def test_the_picture_has_the_margin_the_band_and_the_decision() -> None:
    chart = ET.fromstring(ratio_chart(replay(looks(100), CountJudge()), "shop"))
    text = " ".join(chart.itertext())
    assert "tolerated: 1.25×" in text
    assert "harm after" in text
    (band,) = [item for item in chart.iter() if item.tag.endswith("polygon")]
    points = [tuple(map(float, pair.split(","))) for pair in band.get("points", "").split()]
    half = len(points) // 2
    assert all(low[1] >= high[1] for low, high in zip(points[:half], reversed(points[half:]), strict=True))


def test_the_command_replays_a_csv_and_draws(tmp_path: Path) -> None:
    rows = "".join(f"{k.at},{k.canary_bad},{k.canary_total},{k.stable_bad},{k.stable_total}\n" for k in looks(100))
    header = "time,canary_bad,canary_total,stable_bad,stable_total\n"
    (tmp_path / "past.csv").write_text(header + rows)
    said = run("judge", "--replay", str(tmp_path / "past.csv"), "--chart", str(tmp_path / "p.svg"))
    assert said.exit_code == 4
    assert said.stdout.startswith("harm after 1")
    ET.parse(tmp_path / "p.svg")
    (tmp_path / "good.csv").write_text(header + "0,0,25,1,475\n1,0,25,0,475\n")
    good = run("judge", "--replay", str(tmp_path / "good.csv"), "--json")
    assert good.exit_code == 0
    assert json.loads(good.stdout)["verdict"] is None


@pytest.mark.parametrize(
    ("ratio", "interval", "drawn"),
    [
        (None, None, ""),
        (1.25, (0.0, math.inf), "━━━━━━━━━━━━━●━━━━━━━━━━━━━━━"),
        (None, (2.0, 8.0), "·············│━━━━━··········"),
        (1e9, (16.0, math.inf), "·············│······━━━━━━━━●"),
    ],
)
def test_the_scale_of_a_ratio(ratio: float | None, interval: tuple[float, float] | None, drawn: str) -> None:
    assert ratio_scale(ratio, interval, 1.25) == drawn


def test_r20_health_is_one_number_with_each_metrics_share() -> None:
    good, bad = Verdict("errors", VerdictKind.PASS, ""), Verdict("memory", VerdictKind.FAIL, "")
    doubt = Verdict("slow", VerdictKind.INCONCLUSIVE, "", evidence=math.log(1000) / 2, samples=9)
    unknown = Verdict("latency", VerdictKind.INSUFFICIENT_DATA, "")
    score = health_score([good, bad, doubt, unknown], 0.001)
    assert score.score == pytest.approx(0.5)
    assert dict(score.shares) == pytest.approx({"errors": 1.0, "memory": 0.0, "slow": 0.5, "latency": 0.5})
    assert score.sentence == "health 0.50, lowest memory with 0.00"
    assert health_score([], 0.001).score == 0.5
    assert health_score([good], 0.001).sentence == "health 1.00"


def test_the_command_replays_a_gauge_and_draws_it(tmp_path: Path) -> None:
    rows = [
        f"2026-11-23T10:{n // 60:02}:{n % 60:02},{1 + max(0, n - 300) * 0.01:.3f},{1 + n % 5 / 100}" for n in range(900)
    ]
    (tmp_path / "memory.csv").write_text("time,canary,stable\n" + "\n".join(rows) + "\n")
    said = run("judge", "--gauge", "--replay", str(tmp_path / "memory.csv"), "--chart", str(tmp_path / "p.svg"))
    assert said.exit_code == 4
    assert said.stdout.startswith("harm after ")
    assert "harm after" in " ".join(ET.parse(tmp_path / "p.svg").getroot().itertext())
    early = json.loads(run("judge", "--gauge", "--replay", str(tmp_path / "memory.csv"), "--json").stdout)
    assert 300 < early["detected_after_seconds"] < 600
    (tmp_path / "steady.csv").write_text("time,canary,stable\n" + "".join(f"{n},1,{1 + n % 3}\n" for n in range(300)))
    steady = run("judge", "--gauge", "--replay", str(tmp_path / "steady.csv"))
    assert (steady.exit_code, steady.stdout[:17]) == (0, "no harm in 299 s:")


def test_the_command_replays_a_prometheus_range(tmp_path: Path) -> None:
    counters = {"canary_bad": 2, "canary_total": 25, "stable_bad": 0, "stable_total": 475}
    result = [
        {
            "metric": {"role": name.split("_")[0], "count": name.split("_")[1]},
            "values": [[t, str(pace * t)] for t in range(60)],
        }
        for name, pace in counters.items()
    ]
    (tmp_path / "range.json").write_text(json.dumps({"status": "success", "data": {"result": result}}))
    said = run("judge", "--replay", str(tmp_path / "range.json"), "--json")
    assert json.loads(said.stdout)["verdict"] == "fail"


def test_imported_rules_are_a_section_that_the_configuration_takes(tmp_path: Path) -> None:
    from pilotage.config.analysis import AnalysisSection

    template = {
        "kind": "AnalysisTemplate",
        "metadata": {"name": "rate"},
        "spec": {
            "metrics": [
                {
                    "name": "success-rate",
                    "interval": "1m",
                    "count": 5,
                    "failureLimit": 2,
                    "successCondition": "result[0] >= 0.95",
                    "provider": {"prometheus": {"query": "up"}},
                }
            ]
        },
    }
    (tmp_path / "template.yaml").write_text(yaml.safe_dump(template))
    said = CliRunner().invoke(
        cli, ["analysis", "import", str(tmp_path / "template.yaml"), "--prometheus", "http://127.0.0.1:9090"]
    )
    section = AnalysisSection.model_validate(yaml.safe_load(said.stdout)["analysis"])
    (rule,) = section.rules
    assert (rule.name, rule.count, rule.failure_limit, rule.interval) == ("success-rate", 5, 2, 60)
    assert "the query of success-rate names no version: add {version}" in said.stderr


def test_a_wrong_condition_in_the_configuration_is_named() -> None:
    from pydantic import ValidationError

    from pilotage.config.analysis import RuleSection

    with pytest.raises(ValidationError, match="is not expected here"):
        RuleSection.model_validate({"name": "a", "query": "up", "success_condition": "__import__(1)"})
