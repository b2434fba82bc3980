"""`init` reads compose files, Dockerfiles and the configuration of load balancers, and what it writes can be loaded
(R28)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.adapters.fleets.container_adapter import ContainerFleetSection
from pilotage.adapters.routers.haproxy_adapter import HAProxyRouterSection
from pilotage.app.proposals.balancers import ADMIN_SOCKET, balancers
from pilotage.app.proposals.images import Image, propose_image, with_version
from pilotage.config.loading import load
from tests.typed import typed

COMPOSE = """\
x-common: &common
  restart: always
services:
  db: {image: "postgres:16"}
  web:
    <<: *common
    image: ghcr.io/acme/shop:1.4
    ports: ["127.0.0.1:80:8000"]
"""
HAPROXY = """\
global
    stats socket /run/haproxy/custom.sock mode 660 level admin expose-fd listeners
frontend web
    bind *:8443 ssl crt /etc/ssl/shop.pem
"""


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"compose.yaml": COMPOSE}, Image(image="ghcr.io/acme/shop:{version}", port=8000, source="compose.yaml")),
        (
            {"docker-compose.yml": "services: {app: {build: .}, cache: {image: redis}}", "Dockerfile": "EXPOSE 3000\n"},
            Image(image="shop:{version}", port=3000, source="docker-compose.yml"),
        ),
        ({"Dockerfile": "FROM scratch\n"}, Image(image="shop:{version}", port=None, source="Dockerfile")),
        ({"compose.yaml": "services: {db: {image: mariadb}}"}, None),
        ({"compose.yaml": "services: [1, {2: 3}]"}, None),
        ({"compose.yaml": "{[}"}, None),
        ({"compose.yaml": "a: &a [x]\n" + "\n".join(f"b{n}: [*a, *a]" for n in range(40))}, None),
        ({"compose.yaml": "[" * 50_000}, None),
        ({}, None),
    ],
)
def test_the_image_of_a_service_is_read_from_the_files_that_name_it(
    tmp_path: Path, files: dict[str, str], found: Image | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert propose_image(tmp_path, "shop") == found


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("shop", "shop:{version}"),
        ("localhost:5000/acme/shop:1.0", "localhost:5000/acme/shop:{version}"),
        ("shop@sha256:00", "shop:{version}"),
        ("shop:v{version}", "shop:v{version}"),
    ],
)
def test_a_version_takes_the_place_of_the_tag(image: str, found: str) -> None:
    assert with_version(image) == found


def test_a_load_balancer_is_found_in_the_usual_places_with_its_socket(tmp_path: Path) -> None:
    root = tmp_path / "machine"
    (root / "etc" / "haproxy").mkdir(parents=True)
    (root / "etc" / "haproxy" / "haproxy.cfg").write_text(HAPROXY)
    (tmp_path / "nginx").mkdir()
    (tmp_path / "nginx" / "nginx.conf").write_text("http {}\n")
    proxy, nginx = balancers(tmp_path, "shop", root)
    assert (proxy.kind, proxy.source, nginx.kind) == ("haproxy", "/etc/haproxy/haproxy.cfg", "nginx")
    assert any("/run/haproxy/custom.sock" in line for line in proxy.section)
    assert any("http://127.0.0.1:8443" in line for line in proxy.section)
    (root / "etc" / "haproxy" / "haproxy.cfg").write_bytes(b"\xff\x00 stats socket \n" * 1000)
    assert any(ADMIN_SOCKET in line for line in balancers(tmp_path, "shop", root)[0].section)


@pytest.mark.parametrize("router", ["embedded", "haproxy", "nginx"])
@pytest.mark.parametrize("image", [None, "auto", "registry.example.org/shop:{version}"])
def test_what_init_writes_for_each_place_and_router_can_be_loaded(
    tmp_path: Path, router: str, image: str | None
) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "haproxy.cfg").write_text(HAPROXY)
    options = ["--image", image] if image else ["--command", "serve {port} {version}"]
    made = typed("init", "--service", "shop", "--router", router, *options, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    section = load(tmp_path / "pilotage.yaml").configuration.environments["production"]
    assert isinstance(section.fleet, ContainerFleetSection) == bool(image)
    if isinstance(section.fleet, ContainerFleetSection):
        assert section.fleet.container_port == 8000
    if isinstance(section.router, HAProxyRouterSection):
        assert section.router.address == "/run/haproxy/custom.sock"
    assert section.router is not None
    assert router in ("embedded", section.router.kind)


def test_what_was_found_and_not_chosen_is_said(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "haproxy.cfg").write_text(HAPROXY)
    said = typed("init", "--command", "serve {port} {version}", cwd=tmp_path).stderr
    assert "found compose.yaml: --image auto runs containers of ghcr.io/acme/shop:{version}" in said
    assert "found haproxy.cfg: --router haproxy releases behind it" in said
    wrong = typed("init", "--force", "--image", "auto", cwd=tmp_path / ".pilotage")
    assert wrong.returncode == 2
