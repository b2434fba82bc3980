"""What containers are configured with, and what is read of them, without a runtime (R27)."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from pilotage.adapters.hosts.cgroups import Usage, _files, _usage
from pilotage.adapters.hosts.container_owner import Owner, scope_of
from pilotage.adapters.hosts.images import Pins, repository_of
from pilotage.config.containers import ContainerSection

IMAGE = {"image": "shop:{version}"}
PORT = {**IMAGE, "container_port": 8080}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (IMAGE, "name the port on which the program in the container listens"),
        ({"image": "shop:1.0", "container_port": 80}, r"image: add \{version\}"),
        ({"image": "--privileged {version}", "container_port": 80}, "is not an image|not an image"),
        ({**PORT, "arguments": ["--name", "mine"]}, "--name is set by Pilotage"),
        ({**PORT, "arguments": ["--label=a=b"]}, "--label is set by Pilotage"),
        ({**PORT, "volumes": ["-v:/data"]}, "is not a volume such as"),
        ({**PORT, "network": "--privileged"}, "is not a network such as"),
        ({**PORT, "user": "-u"}, "is not a user such as"),
        ({**PORT, "limits": {"memory": "1GiB"}}, "memory beside limits"),
        ({**IMAGE, "env": {"PORT": "{port}"}, "publish_address": "10.0.0.5"}, "needs container_port"),
        ({**PORT, "publish_address": "here"}, "is not an IP address"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_with_words(written: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ContainerSection.model_validate(written)


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("shop", "shop"), ("shop:1.0", "shop"), ("registry:5000/shop", "registry:5000/shop"),
        ("registry:5000/team/shop:1.0", "registry:5000/team/shop"), ("shop@sha256:00", "shop"),
        ("registry:5000/shop:1.0@sha256:00", "registry:5000/shop"),
    ],
)  # fmt: skip
def test_the_repository_of_a_reference(reference: str, repository: str) -> None:
    assert repository_of(reference) == repository


def test_usage_is_read_under_both_versions_of_control_groups() -> None:
    """Version 1 is what the contract tests see where they run; these are the files of a kernel with version 2."""
    assert _files(["0::/system.slice/docker-1f.scope"]) == (
        "/sys/fs/cgroup/system.slice/docker-1f.scope/memory.stat",
        "/sys/fs/cgroup/system.slice/docker-1f.scope/cpu.stat",
    )
    told = ["anon 4096", "file 8192", "file_mapped 1024", "usage_usec 1500000", "user_usec 1000000"]
    assert _usage(told) == Usage(memory=5120, cpu=1.5)
    assert _files(["5:cpu,cpuacct:/a", "4:memory:/a", "0::/"]) == (
        "/sys/fs/cgroup/cpuacct/a/cpuacct.usage", "/sys/fs/cgroup/memory/a/memory.stat",
    )  # fmt: skip
    assert _usage(["total_rss 4096", "total_mapped_file 4096", "2500000000"]) == Usage(memory=8192, cpu=2.5)
    assert _usage([]) == Usage()


def test_the_first_digest_of_a_version_stays_until_its_reference_is_another(tmp_path: Path) -> None:
    pins = Pins(tmp_path / "images.json")
    assert pins.keep("1.0", "shop:1.0", "shop@sha256:a") == "shop@sha256:a"
    assert pins.keep("1.0", "shop:1.0", "shop@sha256:b") == "shop@sha256:a"
    assert Pins(tmp_path / "images.json").of("1.0", "shop:1.0") == "shop@sha256:a"
    assert pins.of("1.0", "elsewhere/shop:1.0") == ""
    (tmp_path / "images.json").write_text("[1")
    assert pins.of("1.0", "shop:1.0") == ""


def test_names_of_containers_are_those_of_one_owner(tmp_path: Path) -> None:
    live, trial = (Owner(service="s", environment="e", scope=scope_of(tmp_path / name)) for name in ("live", "trial"))
    assert live.called("1.0-1") == live.called("1.0-1") != trial.called("1.0-1")
    assert Owner(service="s", environment="e").called("1.0-1") == "s_e-1.0-1"
    assert live.mark != trial.mark
