"""The dashboard of an environment (R20): each of its queries has data in a real Prometheus over a real Envoy, it is
valid by Grafana's own types, and nobody's edit in Grafana is overwritten."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from pilotage.adapters import registry
from pilotage.adapters.envoy_admin import CLUSTER, cluster_of
from pilotage.adapters.free_port import free_port
from pilotage.adapters.metrics_page import MetricsServer
from pilotage.app import dashboards
from pilotage.app.project import Project
from pilotage.cli.main import cli
from pilotage.model.capabilities import Port
from pilotage.model.traffic import Split
from pilotage.render.exposition import CONTENT_TYPE
from pilotage.render.grafana import WORD, Drawing, Limit, NoGrafanaSdk, to_grafana
from pilotage.render.metrics_page import metrics_page

from .. import grafana
from ..grafana import Grafana
from ..monitors import Monitors, monitors, wait_for
from ..receivers import listening
from .conftest import EnvoyUnderTest, Version
from .test_alerts_fire import shown

PILOTAGE = """
service: shop
answers: {release_type: minor, deployment_strategy: canary, team_size: medium, release_frequency: weekly,
          risk_tolerance: medium, stakeholder_complexity: [customer-facing]}
notify: [{kind: grafana, url: "%s", token: secret://env/GRAFANA, allow_private_network: true}]
environments:
  production:
    fleet: {kind: process, command: ["./{version}/shop", "{port}"]}
    router: {kind: envoy, listen: "127.0.0.1:1", stats: "127.0.0.1:2"}
    monitoring: {metrics: "127.0.0.1:3"}
    analysis:
      prometheus: http://127.0.0.1:4
      rules:
        - {name: ready, query: 'sum(pilotage_ready_instances{version="{version}"})'}
"""


@pytest.fixture
def api() -> Iterator[Grafana]:
    found = Grafana()
    with listening(found):
        yield found


@pytest.fixture
def project(tmp_path: Path, api: Grafana, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("GRAFANA", grafana.TOKEN)
    (tmp_path / "pilotage.yaml").write_text(PILOTAGE % api.url)
    return Project(tmp_path / "pilotage.yaml")


@pytest.fixture
def drawn(project: Project) -> Any:
    return dashboards.dashboard_of(project, "production")


def test_r20_the_dashboard_is_valid_by_grafanas_own_types(drawn: Any) -> None:
    """What its types read and write again is the same: no field is unknown, none has another type."""
    read = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(drawn)))
    assert read == drawn


def test_panels_are_within_the_grid_and_lie_over_no_other(drawn: Any) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in drawn["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + 8)}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in drawn["panels"]}) == len(drawn["panels"])
    assert [panel["title"] for panel in drawn["panels"]] == [
        "Traffic", "Requests a second", "Error rate", "Response time", "ready", "Instances",
        "Health of the new version",
    ]  # fmt: skip


def test_limits_are_the_plans_and_releases_are_those_that_pilotage_marks(drawn: Any) -> None:
    errors = drawn["panels"][2]["fieldConfig"]["defaults"]
    assert errors["thresholds"]["steps"][-1] == {"color": "red", "value": 0.05}
    assert errors["custom"]["thresholdsStyle"] == {"mode": "line"}
    releases = drawn["annotations"]["list"][0]
    assert releases["target"]["tags"] == ["pilotage", "service:shop", "environment:production"]
    assert [one["name"] for one in drawn["templating"]["list"]] == ["source", "version", "release"]


@pytest.mark.real
@pytest.mark.timeout(180)
def test_r20_every_query_has_data_in_a_real_prometheus(
    routed: EnvoyUnderTest, versions: Callable[[str], Version], drawn: Any, tmp_path: Path
) -> None:
    stats, page_port = free_port(), free_port()
    routed.configured(stats=("127.0.0.1", stats))
    backends = {name: [versions(name).address] for name in ("1.0.0", "2.0.4")}
    routed.take(Split((("1.0.0", 500), ("2.0.4", 500))), backends)
    with monitors(tmp_path / "monitors") as watched:
        watched.scrape(f"127.0.0.1:{stats}", path="/stats/prometheus")
        watched.scrape(f"127.0.0.1:{page_port}")
        page = MetricsServer(("127.0.0.1", page_port), CONTENT_TYPE, lambda: metrics_page([shown("2.0.4", ready=1)]))
        asked = {query for panel in drawn["panels"] for query in queries_of(panel)}
        try:
            wait_for(lambda: not unanswered(watched, routed, asked), lambda: str(unanswered(watched, routed, asked)))
            for query in queries_over("traefik"):
                watched.answers(filled(query))  # Prometheus refuses what it cannot parse
            assert versions_of(watched, drawn) >= {cluster_of("1.0.0"), cluster_of("2.0.4")}
        finally:
            page.stop()


def queries_over(kind: str) -> list[str]:
    """Every query of a dashboard over another source of counts."""
    adapter = registry.get(Port.METRICS, kind)
    assert adapter.alert_series is not None
    limit = Limit(value=0.05, words="")
    drawing = Drawing(
        service="shop", environment="production", series=adapter.alert_series(WORD), errors=limit, latency=1.5,
        queries={},
    )  # fmt: skip
    panels: Any = to_grafana(drawing)["panels"]
    return [query for panel in panels for query in queries_of(panel)]


def queries_of(panel: Any) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


def unanswered(watched: Monitors, routed: EnvoyUnderTest, asked: set[str]) -> set[str]:
    """Those without data, as Grafana asks: with its variables filled in."""
    for number in range(40):
        routed.ask(user=f"u{number}")
    return {query for query in asked if not watched.answers(filled(query))}


def filled(query: str) -> str:
    version = cluster_of("2.0.4").removeprefix(CLUSTER)
    whole = query.replace("$__rate_interval", "5s").replace("${version}", version).replace("${release}", "2.0.4")
    return whole.replace('service="shop",environment="production"', 'service="shop"')


def versions_of(watched: Monitors, drawn: Any) -> set[str]:
    """What the variable of versions offers, by Prometheus's own API, through the variable's expression."""
    from urllib.parse import quote

    from pilotage.adapters.http import get_json

    variable = drawn["templating"]["list"][1]
    matched = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
    assert matched
    found: Any = get_json(f"{watched.prometheus}/api/v1/label/{matched[2]}/values?match[]={quote(matched[1])}")
    pattern = re.compile(variable["regex"].strip("/"))
    assert all(pattern.match(one) for one in found["data"])
    return set(found["data"])


def test_push_saves_updates_and_never_overwrites_what_somebody_changed(
    api: Grafana, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)

    def pushed(*more: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["dashboard", "grafana", "--push", *more])
        return done.exit_code, done.output

    status, said = pushed("--folder", "Releases")
    (uid,) = api.dashboards
    assert (status, f"{api.url}/d/{uid}" in said, api.folders) == (0, True, {"f0": "Releases"})
    assert pushed()[0] == 0
    assert (api.dashboards[uid]["dashboard"]["version"], api.dashboards[uid]["folderUid"]) == (2, "f0")
    api.dashboards[uid]["dashboard"]["panels"][0]["title"] = "Mine"
    api.edited(uid)
    status, said = pushed()
    assert (status != 0, "was changed in Grafana" in said, "--overwrite" in said) == (True, True, True)
    assert api.dashboards[uid]["dashboard"]["panels"][0]["title"] == "Mine"
    assert pushed("--overwrite")[0] == 0
    assert api.dashboards[uid]["dashboard"]["panels"][0]["title"] == "Traffic"


def test_an_edit_between_two_calls_is_found_by_the_version(
    api: Grafana, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pilotage.adapters.grafana_dashboards import Edited

    dashboards.push(project, "production", "", overwrite=False)
    (uid,) = api.dashboards
    saved = api._saved

    def meanwhile(content: dict[str, Any]) -> Any:
        api.edited(uid)
        return saved(content)

    monkeypatch.setattr(api, "_saved", meanwhile)
    with pytest.raises(Edited):
        dashboards.push(project, "production", "", overwrite=False)


def test_a_token_without_scopes_and_a_missing_package_are_named(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRAFANA", grafana.VIEWER)
    done = CliRunner().invoke(cli, ["dashboard", "grafana", "--push"])
    assert "dashboards:read" in done.output
    assert grafana.VIEWER not in done.output
    monkeypatch.setitem(sys.modules, "grafana_foundation_sdk.cog.encoder", None)
    with pytest.raises(NoGrafanaSdk) as caught:
        dashboards.dashboard_of(project, "production")
    assert "[grafana]" in str(caught.value)


def test_the_file_is_what_can_be_imported(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    assert CliRunner().invoke(cli, ["dashboard", "grafana", "--out", "d.json"]).exit_code == 0
    assert json.loads((project.folder / "d.json").read_text())["title"] == "Pilotage: shop in production"
