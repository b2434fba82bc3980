"""Releases of containers behind a real Envoy: images from a real registry, by digest, under load (R27)."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import urllib3

from pilotage.demo.traffic import Answer, Traffic
from pilotage.model.rollout import Status
from tests.containers import LIMITS, Podman, a_podman, a_registry
from tests.programs import needs

from .conftest import Make, Shop, users

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("podman")]


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    with a_podman() as podman:
        yield podman


@pytest.fixture(scope="module")
def registry(podman: Podman) -> Iterator[str]:
    with a_registry(podman.folder) as address:
        podman.trust(address)
        yield address


def configure(shop: Shop, podman: Podman, image: str, **settings: object) -> None:
    fleet = {
        "kind": "container", "image": f"{image}:{{version}}", "runtime": "podman", "runtime_args": podman.args,
        "limits": LIMITS, "count": 2, "stop_timeout": "3s", **settings,
    }  # fmt: skip
    shop.configure(fleet=fleet)


def push(podman: Podman, name: str, *, says: str, file: Path | None = None) -> None:
    podman.build(name, says=says, file=file)
    podman("push", "--quiet", name)
    podman("rmi", "--force", name)


def images_of(podman: Podman) -> set[str]:
    shown = json.loads(podman("inspect", *podman.names()))
    return {one["Config"]["Labels"]["says"] for one in shown}


def lost(answers: Sequence[Answer], new: str = "") -> list[Answer]:
    return [one for one in answers if one.failed and one.version != new]


def test_r27_a_canary_of_containers_goes_forward_and_another_back_to_the_digest_it_came_from(
    shop: Make, podman: Podman, registry: str
) -> None:
    it, image = shop(), f"{registry}/shop"
    configure(it, podman, image, env={"PORT": "{port}", "VERSION": "{version}"})
    for version in ("1.0", "2.0", "3.0-flaky"):
        push(podman, f"{image}:{version}", says=version)
    it.run("deploy", "9.9", expect=3)  # which the registry does not have
    it.run("deploy", "1.0")
    with users(it, 60) as traffic:
        it.run("deploy", "2.0", "--detach")
        for _ in range(3):  # who follows finds the containers by their labels
            time.sleep(1)
            it.kill_worker()
        it.wait_end()
        assert it.latest().state.status is Status.COMPLETED
        assert images_of(podman) == {"2.0"}
        assert "2.0 serves" in it.run("status")
        push(podman, f"{image}:2.0", says="moved")  # what the tag says now is nobody's release
        it.run("deploy", "3.0-flaky", expect=4)
        assert it.latest().state.status is Status.ROLLED_BACK
        podman("kill", podman.names()[0])  # and what is started anew is what was released
        it.wait(lambda _: len(podman("ps", "--quiet").split()) == 2)
        assert images_of(podman) == {"2.0"}
    assert lost(traffic.answers(), "3.0-flaky")[10:] == []  # the killed one may have held a few
    assert f"ready: {image}@sha256:" in it.run("events")


HTTPBIN = "github.com/mccutchen/go-httpbin/v2/cmd/go-httpbin"
"""A web application that nobody here wrote."""


@pytest.mark.long
def test_r27_two_published_versions_of_a_web_application_go_forward_and_back_under_load(
    shop: Make, podman: Podman, registry: str, tmp_path: Path
) -> None:
    it, image = shop(rollback_triggers__memory_factor=5.0), f"{registry}/httpbin"
    configure(it, podman, image, env={"PORT": "{port}"}, health_check_path="/status/200")
    for version in ("2.15.0", "2.18.0"):
        go = {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(tmp_path / version), "GOFLAGS": "-modcacherw"}
        subprocess.run([needs("go"), "install", f"{HTTPBIN}@v{version}"], check=True, env=go)
        push(podman, f"{image}:{version}", says=version, file=tmp_path / version / "go-httpbin")
    it.run("deploy", "2.15.0")
    with Traffic(f"{it.url}/anything", 40, users=200, seed=1, threads=8) as traffic:
        it.run("deploy", "2.18.0")
        assert images_of(podman) == {"2.18.0"}
        assert it.latest().state.status is Status.COMPLETED
        it.run("rollback")
        assert images_of(podman) == {"2.15.0"}
    assert urllib3.request("GET", f"{it.url}/get?a=b").json()["args"] == {"a": ["b"]}
    assert {answer.status for answer in traffic.answers()} == {200}
    it.check_history(it.latest())
