"""Adapters plug in: a package adds a kind by an entry point, and everything that reads `kind` knows it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.adapters import registry
from pilotage.adapters.registry import Adapter
from pilotage.config.loading import json_schema, load
from pilotage.config.stored import UnreadableSection, read_section
from pilotage.config.yaml_reader import ConfigError
from pilotage.engine.execution.description import describe
from pilotage.engine.execution.targets import open_target
from pilotage.model.capabilities import Port
from tests.packages import on_path, write_package
from tests.typed import typed
from tests.unit.config.test_config import GOOD

SOURCE = '''
from typing import Literal
from pilotage.adapters.registry import Adapter
from pilotage.config.kinds import MetricsSection, RouterSection
from pilotage.model.capabilities import MetricsCapabilities, RouterCapabilities

class Edge(RouterSection):
    """A router of tenths."""
    kind: Literal["edge"]
    site: str

class Counts(MetricsSection):
    """Counts of its own."""
    kind: Literal["counts"]

class Opened:
    def __init__(self, section, context):
        self.section, self.context = section, context

TENTHS = RouterCapabilities(grain=100, sticky=False, own_requests=False)
ROUTER = Adapter(section=Edge, capabilities=TENTHS, open=Opened)
METRICS = Adapter(section=Counts, capabilities=MetricsCapabilities(), open=Opened)
'''
ENTRIES = {"pilotage.router": "edge = edge_package:ROUTER\nenvoy = edge_package:ROUTER\nbroken = gone:X",
           "pilotage.metrics": "counts = edge_package:METRICS"}  # fmt: skip
EDGE = GOOD.replace(
    'router: {kind: envoy, listen: "127.0.0.1:28080", sticky: {cookie: session}}',
    "router: {kind: edge, site: berlin}\n    metrics: {kind: counts}",
)


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[None]:
    with on_path(write_package(tmp_path / "site", "edge-package", SOURCE, ENTRIES)):
        yield


def written(folder: Path, text: str) -> Path:
    (folder / "pilotage.yaml").write_text(text)
    return folder / "pilotage.yaml"


@pytest.mark.parametrize(("port", "kind"), [(port, kind) for port, kinds in registry.TABLE.items() for kind in kinds])
def test_every_line_of_the_table_leads_to_an_adapter_of_that_kind(port: Port, kind: str) -> None:
    adapter = registry.get(port, kind)
    assert isinstance(adapter, Adapter)
    assert kind in str(adapter.section.model_fields["kind"].annotation)
    assert (adapter.section.__doc__ or "").strip()


@pytest.mark.usefixtures("installed")
def test_a_package_adds_a_kind_that_files_schema_and_rollouts_know(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, EDGE))
    section = loaded.configuration.environments["production"]
    target = open_target(tmp_path, describe(section, tmp_path), "shop", "production", 1)
    assert (target.router.section.site, target.router.context.peers.health_path) == ("berlin", "/healthz")  # type: ignore[attr-defined]
    assert (target.can.router.grain, target.can.router.sticky) == (100, False)
    routers = json.loads(json_schema())["$defs"]["EnvironmentSection"]["properties"]["router"]["anyOf"][0]["oneOf"]
    kinds = [one["properties"]["kind"]["const"] for one in routers]
    assert kinds == [*registry.TABLE[Port.ROUTER], "edge"]


@pytest.mark.usefixtures("installed")
def test_adapters_lists_every_kind_with_its_package_and_what_it_can_do() -> None:
    listed = json.loads(typed("adapters", "--json").stdout)["adapters"]
    (edge,) = [one for one in listed if one["kind"] == "edge"]
    assert (edge["port"], edge["package"], edge["summary"]) == ("router", "edge-package", "A router of tenths.")
    assert edge["capabilities"]["weight_granularity_percent"] == 10
    assert edge["capabilities"]["sticky"] is False
    assert {one["port"] for one in listed} == set(Port)
    assert [one["capabilities"] for one in listed if one["kind"] == "broken"] == [None], "listed, though unusable"
    assert "weights in steps of 10%, header routes, mirror, maintenance page" in " ".join(
        typed("adapters").stdout.split()
    )


@pytest.mark.usefixtures("installed")
def test_no_package_replaces_a_kind_of_ours() -> None:
    assert registry.get(Port.ROUTER, "envoy").section.__module__ == "pilotage.adapters.routers.envoy_adapter"


WRONG: dict[str, tuple[str, str, str]] = {
    "unknown kind": (
        EDGE.replace("edge", "egde"),
        "16:20",
        f"router.kind: 'egde' is not one of {', '.join(registry.TABLE[Port.ROUTER])}, broken, edge; did you mean edge?",
    ),
    "broken package": (
        EDGE.replace("edge", "broken"),
        "16:20",
        "router.kind: 'broken' is installed, but importing it failed; run `pilotage adapters` for the reason",
    ),
    "unknown key of that kind": (
        EDGE.replace("site", "sight"),
        "16:26",
        "router.sight: is not a known setting; did you mean site?",
    ),
    "router and routers": (
        EDGE.replace("    metrics: {kind: counts}", "    routers: {inner: {kind: edge, site: x}}"),
        "17:5",
        "routers: name either router or routers",
    ),
    "one of several": (
        EDGE.replace("router: {kind: edge, site: berlin}", "routers: {inner: {kind: egde}}"),
        "16:29",
        "routers.inner.kind: 'egde' is not one of",
    ),
    "own requests": (
        EDGE + "    synthetic: {path: /, requests_per_second: 1}\n",
        "20:5",
        "synthetic: a router of kind edge cannot tell synthetic requests from user requests",
    ),
    "routes": (
        EDGE + "    routes: [{path: /api}]\n",
        "20:5",
        "routes: metrics of kind counts do not count by route",
    ),
    "errors": (
        EDGE + "    errors: [5xx, 404]\n",
        "20:5",
        "errors: metrics of kind counts count only 5xx as failed",
    ),
    "no router": (
        EDGE.replace("    router: {kind: edge, site: berlin}\n", ""),
        "10:3",
        "router: is missing",
    ),
    "counts of another router": (
        EDGE.replace("    metrics: {kind: counts}\n", ""),
        "16:5",
        "router: envoy reads the counters of a router of kind envoy",
    ),
}
"""What is wrong: the file, and the place and the words of its error, below environments.production."""


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("wrong", "place", "said"), WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_with_an_added_kind_is_said_with_its_line(
    tmp_path: Path, wrong: str, place: str, said: str
) -> None:
    with pytest.raises(ConfigError) as error:
        load(written(tmp_path, wrong))
    assert f"pilotage.yaml:{place}: environments.production.{said}" in str(error.value)


def test_a_rollout_whose_adapter_was_uninstalled_says_which_package_is_missing(tmp_path: Path) -> None:
    with on_path(write_package(tmp_path / "site", "edge-package", SOURCE, ENTRIES)):
        section = load(written(tmp_path, EDGE)).configuration.environments["production"]
        kept = describe(section, tmp_path).environment
    with pytest.raises(UnreadableSection, match=r"router\.kind 'edge' is not installed here; there are envoy"):
        read_section(kept)


def test_reading_a_file_of_our_own_kinds_looks_for_no_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry points are read from every installed package: 20 ms that no command should pay."""
    registry.forget_added()
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: pytest.fail("looked for packages"))
    load(written(tmp_path, GOOD))


@pytest.mark.usefixtures("installed")
def test_a_plan_that_the_router_cannot_do_is_refused_when_it_is_made(tmp_path: Path) -> None:
    written(tmp_path, EDGE)
    said = typed("plan", "2.0", cwd=tmp_path)
    assert said.returncode == 2
    assert "weight-5%: router edge sets weights in steps of 10%" in said.stderr
    written(tmp_path, EDGE.replace("canary.phase_duration: 30m", "canary.weights: [10%, 100%]"))
    assert typed("plan", "2.0", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("raise SystemExit('needs a license')", "SystemExit('needs a license')"),
        ("raise OSError('no driver')", "OSError('no driver')"),
        ("ADAPTER = len", "is not a pilotage Adapter"),
        ("ADAPTER = Adapter(section=None, capabilities=None, open=None)", "has no AdapterSection as its section"),
        ("ADAPTER = Adapter(section=AdapterSection, capabilities=None, open=len)", "has no RouterCapabilities"),
        (
            "ADAPTER = Adapter(section=AdapterSection, capabilities=RouterCapabilities(), open=None)",
            "no function `open`",
        ),
    ],
)
def test_an_adapter_of_others_that_is_broken_is_listed_as_such_and_breaks_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: str, said: str
) -> None:
    imports = (
        "from pilotage.adapters.registry import Adapter\nfrom pilotage.config.kinds import AdapterSection\n"
        "from pilotage.model.capabilities import RouterCapabilities\n"
    )
    (tmp_path / "worn.py").write_text(imports + module)
    (tmp_path / "worn-1.dist-info").mkdir()
    (tmp_path / "worn-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: worn\nVersion: 1\n")
    (tmp_path / "worn-1.dist-info" / "entry_points.txt").write_text("[pilotage.router]\nworn = worn:ADAPTER\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "worn", raising=False)
    registry.forget_added()
    try:
        assert re.search(r"worn +worn +import failed", typed("adapters").stdout)
        assert said in caplog.text
    finally:
        registry.forget_added()
