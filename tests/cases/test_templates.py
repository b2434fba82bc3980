"""AnalysisTemplates of Argo Rollouts that users bring, imported with the command (R13). The id names their file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.typed import typed

QUERY = 'sum(rate(requests{service="{{args.service-name}}",code!~"5.*"}[5m]))'


def template(*metrics: dict[str, Any], name: str = "success-rate") -> str:
    return json.dumps({"kind": "AnalysisTemplate", "metadata": {"name": name}, "spec": {"metrics": list(metrics)}})


def metric(provider: str = "prometheus", **fields: Any) -> dict[str, Any]:
    return {"name": "success-rate", "provider": {provider: {"query": QUERY}}, **fields}


def imported(folder: Path, *documents: str, values: tuple[str, ...] = ("service-name=shop",)) -> tuple[int, str, str]:
    """Status, standard output and standard error of `pilotage analysis import`, with each value as `--arg`."""
    (folder / "t.yaml").write_text("\n---\n".join(documents))
    said = typed("analysis", "import", "t.yaml", *(part for value in values for part in ("--arg", value)), cwd=folder)
    return said.returncode, said.stdout, " ".join(said.stderr.split())


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param({"successCondition": "len(result) == 0 || result[0] >= 0.99"},
                     id="wiggitywhitney/argo-rollouts-istio-prometheus, argoproj/argo-rollouts#1466"),
        pytest.param({"successCondition": "result[0] >= 0.90 || len(result) == 0"}, id="App Mesh: no data comes last"),
        pytest.param({"successCondition": "len(result) == 0 || isNaN(result[0]) || result[0] >= 0.99",
                      "failureCondition": "len(result) > 0 && !isNaN(result[0]) && result[0] < 0.95"},
                     id="three parts"),
        pytest.param({"successCondition": "default(result, 0) <= {{args.limit}}"}, id="Datadog: an argument in it"),
    ],
)  # fmt: skip
def test_argo_s_conditions_are_imported_as_they_are_written(tmp_path: Path, conditions: dict[str, str]) -> None:
    status, out, _ = imported(tmp_path, template(metric(**conditions)), values=("service-name=shop", "limit=0.05"))
    assert status == 0
    for text in conditions.values():
        assert text.replace("{{args.limit}}", "0.05") in out


def test_argo_s_arguments_without_a_value_are_all_named_at_once(tmp_path: Path) -> None:
    """One run more gives them all, whether they stand in a condition, a count, an interval or the query."""
    asked = metric(successCondition="result[0] < {{args.limit}}", count="{{args.count}}", interval="{{args.interval}}")
    status, _, err = imported(tmp_path, template(asked), values=())
    assert status == 2
    assert "the arguments limit, count, interval, service-name have no value: give them with --arg limit=VALUE" in err
    given = ("service-name=shop", "limit=0.05", "count=3", "interval=30s")
    assert "result[0] < 0.05; measured 3 times every 30s" in imported(tmp_path, template(asked), values=given)[1]
    assert (
        "count is 'many', not a whole number" in imported(tmp_path, template(asked), values=(*given, "count=many"))[2]
    )


@pytest.mark.parametrize(
    "provider",
    [
        pytest.param("web", id="infracloudio/ArgoRollouts-ABTesting-WeatherExample"),
        pytest.param("job", id="argoproj/argo-rollouts: examples/analysis-templates.yaml"),
        pytest.param("kayenta", id="difranca/kayenta-rollout"),
        pytest.param("datadog", id="akuity/kargo"),
        "newRelic", "cloudWatch", "graphite", "influxdb", "skywalking", "plugin",
    ],
)  # fmt: skip
def test_argo_s_other_providers_are_listed_and_the_rest_is_imported(tmp_path: Path, provider: str) -> None:
    """argoproj/argo-rollouts#4479: a template has several metrics."""
    other, rule = metric(provider, name="other"), metric(successCondition="result[0] > 0.9")
    status, out, err = imported(tmp_path, template(rule, other))
    assert (status, "success-rate/success-rate: " in out) == (0, True)
    assert f"not imported: success-rate: spec.metrics[1] (other): its provider is {provider}" in err
    status, out, err = imported(tmp_path, template(rule), template(other, name="second"))
    assert (status, "not imported: second: spec.metrics[0] (other)" in err) == (0, True)
    status, _, err = imported(tmp_path, template(other))
    assert (status, f"its provider is {provider}, and only prometheus can be imported" in err) == (2, True)


def test_argo_s_rules_of_one_name_get_the_template_s_in_front(tmp_path: Path) -> None:
    rule = metric(successCondition="result[0] > 0.9")
    (tmp_path / "t.yaml").write_text(f"{template(rule, name='a')}\n---\n{template(rule, name='b')}")
    given = ("--arg", "service-name=shop", "--prometheus", "http://127.0.0.1:9090")
    said = typed("analysis", "import", "t.yaml", *given, cwd=tmp_path)
    assert [line.split()[-1] for line in said.stdout.splitlines() if "- name:" in line] == [
        "a-success-rate",
        "b-success-rate",
    ]


def test_argo_s_rules_in_a_list_of_kubectl_are_imported(tmp_path: Path) -> None:
    """`kubectl get analysistemplates -o yaml` writes one List."""
    items = [json.loads(template(metric(successCondition="result[0] > 0.9"), name=name)) for name in "ab"]
    status, out, _ = imported(tmp_path, json.dumps({"kind": "List", "items": items}))
    assert (status, "a/success-rate" in out, "b/success-rate" in out) == (0, True, True)


def test_argo_s_templates_in_templates_and_arguments_that_nothing_takes_are_named(tmp_path: Path) -> None:
    """What Argo would run as well, and a slip of the pen, must not be dropped in silence."""
    made = json.loads(template(metric(successCondition="result[0] > 0.9")))
    made["spec"]["templates"] = [{"templateName": "latency"}]
    status, _, err = imported(
        tmp_path, json.dumps(made), values=("service-name=shop", "servicename=shop", "provider=x")
    )
    assert status == 0
    assert "--arg provider: no template has an argument provider" in err
    assert "not imported: success-rate: spec.templates names latency: import that, too" in err
    assert "--arg servicename: no template has an argument servicename" in err
    made["spec"]["metrics"] = []
    assert "spec.metrics is empty; spec.templates names latency" in imported(tmp_path, json.dumps(made))[2]


def test_argo_s_words_for_what_never_fails_are_plain(tmp_path: Path) -> None:
    rule = metric(successCondition="result[0] > 0.9 // a comment", failureLimit=-1)
    _, out, _ = imported(tmp_path, template({**rule, "name": "{{args.service-name}}-rate"}, metric()))
    assert "success-rate/shop-rate: " in out
    assert "tolerates any number of failures" in out
    assert "always a success, since it has no condition" in out
