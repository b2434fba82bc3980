"""The nginx example of the guide, run as it stands there: only places and ports are others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from pilotage.adapters.context import Context, Peers
from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.metrics.nginx_adapter import ADAPTER as METRICS
from pilotage.adapters.routers.nginx_adapter import ADAPTER
from pilotage.adapters.routers.nginx_conf import _log_format
from pilotage.config.loading import load
from pilotage.model.traffic import split_between
from pilotage.testing import RouterUnderTest, Version

from ..nginx import Nginx
from ..typed import typed

pytestmark = pytest.mark.real
ANSWERS = {
    "release_type": "minor", "deployment_strategy": "canary", "team_size": "small", "release_frequency": "weekly",
    "risk_tolerance": "low", "stakeholder_complexity": ["customer-facing"],
}  # fmt: skip
PAGE = (Path(__file__).parents[2] / "docs/guides/load-balancers.md").read_text().partition("\n## nginx\n")[2]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)\n *```", PAGE, re.DOTALL)


def test_the_examples_are_valid(tmp_path: Path) -> None:
    for example in blocks("yaml"):
        missing = '    fleet: {kind: process, command: ["releases/{version}/shop", "{port}"]}\n'
        fleet = "" if "fleet:" in example else missing
        (tmp_path / "pilotage.yaml").write_text(f"service: shop\nanswers: {json.dumps(ANSWERS)}\n{example}\n{fleet}")
        load(tmp_path / "pilotage.yaml")


def test_the_log_format_is_the_one_that_the_router_writes() -> None:
    parts = re.findall(r"'([^']*)'", blocks("nginx")[-1])
    assert f"'{''.join(parts)}'" in _log_format("shop")


def test_doctor_does_not_ask_for_a_free_port_where_nginx_listens(tmp_path: Path) -> None:
    """Users come to an nginx that listens already; a free port would be the fault."""
    nginx = Nginx(tmp_path / "nginx", lua=False)
    try:
        router = {
            "kind": "nginx", "file": str(nginx.owned / "shop.conf"), "control": f"127.0.0.1:{free_port()}",
            "url": f"http://127.0.0.1:{nginx.neighbour}", "test": nginx.test, "reload": nginx.reload,
        }  # fmt: skip
        place = nginx.owned / "shop.location"
        conf = f"server {{ listen 127.0.0.1:{free_port()}; location / {{ include {place}*; }} }}"
        (nginx.others / "shop.conf").write_text(conf)
        environment = {"fleet": {"kind": "process", "command": ["sh", "{version}", "{port}"]}, "router": router,
                       "metrics": {"kind": "nginx", "log": str(nginx.conf)}}  # fmt: skip
        whole = {"service": "shop", "answers": ANSWERS, "environments": {"production": environment}}
        (tmp_path / "pilotage.yaml").write_text(json.dumps(whole))
        said = typed("doctor", cwd=tmp_path).stdout
    finally:
        nginx.kill()
    assert "FAIL" not in said
    assert "PASS  nginx: its configuration is valid and includes" in said
    assert "is free" not in said


def test_the_example_splits_traffic_behind_a_server_of_the_users_own(tmp_path: Path) -> None:
    nginx, port = Nginx(tmp_path / "nginx", lua=True), free_port()
    places = {
        "/etc/nginx/pilotage": str(nginx.owned), "/var/log/nginx": str(tmp_path), "443 ssl": f"127.0.0.1:{port}",
        "127.0.0.1:9101": f"127.0.0.1:{free_port()}",
    }  # fmt: skip

    def here(text: str) -> str:
        for place, ours in places.items():
            text = text.replace(place, ours)
        return text

    section = yaml.safe_load(here(blocks("yaml")[0]))["environments"]["production"]
    include, server, _ = map(here, blocks("nginx"))
    assert include.strip() in nginx.conf.read_text()
    (nginx.others / "shop.conf").write_text(server)
    router = ADAPTER.section.model_validate(section["router"] | {"test": nginx.test, "reload": nginx.reload})
    context = Context(
        directory=tmp_path / "router", fence=Fence(tmp_path / "fence.json", 1), service="shop",
        environment="production", folder=tmp_path, peers=Peers(router=tmp_path / "router"),
    )  # fmt: skip
    routed = RouterUnderTest(
        lambda _: ADAPTER.open(router, context), ADAPTER.can(router), url=f"http://127.0.0.1:{port}"
    )
    versions = {name: Version(name) for name in ("1.0", "2.0")}
    try:
        nginx.reload_by_somebody()
        routed.take(split_between("2.0", 500, "1.0"), {name: [one.address] for name, one in versions.items()})
        metrics = METRICS.open(METRICS.section.model_validate(section["metrics"]), context)
        cursor = metrics.observe(("1.0", "2.0"), None).cursor
        assert {routed.ask(user=f"u{n}") for n in range(20)} == {"1.0", "2.0"}
        assert metrics.observe(("1.0", "2.0"), cursor).of("2.0").requests > 0
    finally:
        nginx.kill()
        for version in versions.values():
            version.end()
