"""Containers of one host, with podman for real: what a runner promises, images by digest from a registry, and faults
(R27)."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import urllib3

from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.hosts.container_owner import Owner
from pilotage.adapters.hosts.container_runtime import NoRuntime
from pilotage.adapters.hosts.containers import ContainerRunner
from pilotage.adapters.hosts.host import Done, Host, Unreachable
from pilotage.adapters.hosts.images import NoImage, Pins
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.hosts.runner import Enterable, Found, Wanted
from pilotage.adapters.ports import AdapterError, Fenced, NeverStarts
from pilotage.adapters.stages.artifacts import ArtifactStore
from pilotage.adapters.stages.built import Built
from pilotage.config.containers import ContainerSection
from pilotage.model.way import Artifact
from pilotage.testing.harness import wait_until
from tests.containers import LIMITS, Podman, a_podman, a_registry
from tests.host_fleets import hosts_in
from tests.programs import needs
from tests.ssh import Sshds

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("podman")]

Make = Callable[..., ContainerRunner]
KINDS = ("1.0", "stubborn", "chatty", "broken", "greedy")


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    with a_podman() as podman:
        podman.build(*(f"localhost/shop:{kind}" for kind in KINDS))
        yield podman


@pytest.fixture(scope="module")
def registry(podman: Podman) -> Iterator[str]:
    with a_registry(podman.folder) as address:
        podman.trust(address)
        yield address


@pytest.fixture
def fence(tmp_path: Path) -> Fence:
    return Fence(tmp_path / "fence.json", 1)


@pytest.fixture
def make(podman: Podman, tmp_path: Path, fence: Fence) -> Iterator[Make]:
    """`make()` is another controller's view of the same host. host: reached in another way · pins: another memory."""

    def runner(
        host: Host | None = None, pins: str = "images.json", built: Built | None = None, **settings: object
    ) -> ContainerRunner:
        given = {
            "image": "localhost/shop:{version}", "runtime": "podman", "runtime_args": podman.args, "limits": LIMITS,
            "env": {"PORT": "{port}", "VERSION": "{version}"}, **settings,
        }  # fmt: skip
        return ContainerRunner(
            host or LocalHost(tmp_path / "pilotage"),
            ContainerSection.model_validate(given),
            owner=Owner(service="shop", environment="test"),
            folder=tmp_path,
            pins=Pins(tmp_path / pins),
            stop_timeout=0.5,
            built=built,
        )

    yield runner
    end(runner(), fence)


def end(runner: ContainerRunner, fence: Fence) -> None:
    def stopped() -> bool:
        for one in (left := runner.found()):
            runner.stop(one.name, fence)
        return not left

    wait_until(stopped, 20)


def wanted(version: str = "1.0", number: int = 1) -> Wanted:
    return Wanted(name=f"{version}-{number}", version=version, number=number, port=free_port())


def started(runner: ContainerRunner, fence: Fence, version: str = "1.0") -> Wanted:
    """An instance that answers."""
    runner.start(one := wanted(version), fence)
    wait_until(lambda: answers(one), what=f"{runner.found()}")
    return one


def answers(one: Wanted, path: str = "/") -> str:
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{one.port}{path}", retries=False, timeout=2).data.decode()
    except urllib3.exceptions.HTTPError:
        return ""


def ended(runner: ContainerRunner) -> Found:
    wait_until(lambda: [one.running for one in runner.found()] == [False])
    return runner.found()[0]


# ── running ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_start_that_is_repeated_starts_nothing_twice_and_another_controller_finds_it(
    make: Make, podman: Podman, fence: Fence
) -> None:
    one = started(make(), fence)
    make().start(one, fence)
    (found,) = make().found()
    assert (found.name, found.version, found.number, found.port, found.running) == ("1.0-1", "1.0", 1, one.port, True)
    assert podman.names() == ["shop_test-1.0-1"]
    assert found.memory is not None
    assert 10_000 < found.memory < 1 << 26
    assert found.cpu is not None
    assert found.age < 60


class CutOff(LocalHost):
    """A host whose connection is lost while the runtime creates the container."""

    def run(self, command: Sequence[str], **rest: Any) -> Done:
        if "run" not in command:
            return super().run(command, **rest)
        create = ["create" if part == "run" else part for part in command if part != "--detach"]
        super().run(create, **rest)
        raise Unreachable("connection lost")


def test_a_start_that_was_cut_off_is_carried_through_by_who_repeats_it(
    make: Make, podman: Podman, fence: Fence, tmp_path: Path
) -> None:
    with pytest.raises(Unreachable):
        make(host=CutOff(tmp_path)).start(one := wanted(), fence)
    (found,) = make().found()
    assert (found.running, found.stopping) == (False, True)  # no crash of the version
    make().start(one, fence)
    wait_until(lambda: answers(one) == "1.0")
    assert podman.names() == ["shop_test-1.0-1"]


def test_a_start_that_nobody_repeats_is_cleaned_away(make: Make, fence: Fence, tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        make(host=CutOff(tmp_path)).start(wanted(), fence)
    make().stop("1.0-1", fence)
    assert make().found() == ()


def test_a_foreign_container_of_the_same_name_is_never_touched(make: Make, podman: Podman, fence: Fence) -> None:
    podman("create", "--name", "shop_test-1.0-1", "localhost/shop:1.0")
    try:
        with pytest.raises(AdapterError, match=r"shop_test-1\.0-1 exists that Pilotage did not start: rename it"):
            make().start(wanted(), fence)
        make().stop("1.0-1", fence)
        assert make().found() == ()
        assert podman.names() == ["shop_test-1.0-1"]
    finally:
        podman("rm", "--force", "shop_test-1.0-1")


def test_a_published_port_leads_to_the_port_of_the_container(make: Make, fence: Fence) -> None:
    runner = make(container_port=8080, env={"VERSION": "{version}"})
    assert answers(started(runner, fence)) == "1.0"


def test_one_that_exits_at_once_says_how_and_its_last_lines(make: Make, fence: Fence) -> None:
    make().start(wanted("broken"), fence)
    assert ended(make()).detail == "exited with status 3; end of its log: fatal: no price list"


def test_limits_that_the_machine_does_not_allow_say_which_setting_to_change(make: Make, fence: Fence) -> None:
    """The runtimes ask for as many as the machine may have, unless told otherwise."""
    with pytest.raises(AdapterError, match=r"rlimit.*set the container's `limits`, such as {open_files: 1024"):
        make(limits={"open_files": 2**30}).start(wanted("1.0"), fence)


def test_one_that_used_more_than_its_memory_says_so(make: Make, fence: Fence) -> None:
    make(memory="16MiB").start(wanted("greedy"), fence)
    assert "memory limit of 16 MiB" in ended(make()).detail


def test_one_that_was_killed_from_outside_says_so(make: Make, podman: Podman, fence: Fence) -> None:
    started(make(), fence)
    podman("kill", "shop_test-1.0-1")
    assert ended(make()).detail == "ended by SIGKILL"


def test_one_that_ignores_its_signal_is_killed_after_the_stop_timeout_also_by_another_controller(
    make: Make, fence: Fence
) -> None:
    one = started(make(), fence, "stubborn")
    make().stop(one.name, fence)
    (found,) = make().found()
    assert (found.running, found.stopping) == (True, True)
    assert answers(one)

    def stopped() -> bool:
        make().stop(one.name, fence)
        return make().found() == ()

    wait_until(stopped)


def test_a_log_has_the_last_lines_of_both_outputs_in_their_order(make: Make, fence: Fence) -> None:
    one = started(make(), fence, "chatty")
    assert make().log(one.name, 2) == ("", "\x1b[31mred\x1b[0m")
    assert make().log(one.name, 10)[:2] == ("first", "second")
    assert make().log("1.0-9", 10) == ()


def test_a_program_that_the_image_does_not_have_is_not_tried_again(make: Make, podman: Podman, fence: Fence) -> None:
    with pytest.raises(NeverStarts, match="no such file or directory"):
        make(arguments=["--entrypoint", "/nope"]).start(wanted(), fence)
    assert podman.names() == []


def test_of_two_controllers_the_one_without_the_lease_changes_nothing(make: Make, fence: Fence, tmp_path: Path) -> None:
    one = started(make(), fence)
    Fence(fence.file, 2).check()
    with pytest.raises(Fenced):
        make().stop(one.name, fence)
    with pytest.raises(Fenced):
        make().start(wanted(number=2), fence)
    assert answers(one)
    end(make(), Fence(fence.file, 3))
    fence.file.unlink()
    for copy in tmp_path.glob("fence*"):
        copy.unlink()


# ── what it sees ───────────────────────────────────────────────────────────────────────────────────────────


def test_no_secret_is_in_an_argument_list_or_in_a_file_or_in_what_is_told(
    make: Make, podman: Podman, fence: Fence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "s3cr3t one\ns3cr3t two")
    monkeypatch.setenv("SHOP_WORD", "s3cr3t three")
    (tmp_path / "shop.env").write_text("# of the shop\nPORT=1\nexport REGION=eu = west \n\n")
    seen: list[list[str]] = []

    class Watched(LocalHost):
        def run(self, command: Sequence[str], **rest: Any) -> Done:
            seen.append(list(command))
            return super().run(command, **rest)

    env = {
        "PORT": "{port}", "VERSION": "{version}", "KEY": "secret://env/SHOP_KEY", "SAY": "secret://env/SHOP_WORD",
    }  # fmt: skip
    runner = make(host=Watched(tmp_path), env=env, env_file="shop.env")
    one = started(runner, fence)
    assert answers(one, "/env") == "s3cr3t one\ns3cr3t two"
    assert "s3cr3t" not in json.dumps(seen)
    assert runner.log(one.name, 5) == ("cannot open db://shop:(secret)@h",)
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"s3cr3t" in p.read_bytes()]
    (shown,) = json.loads(podman("inspect", "shop_test-1.0-1"))
    assert "REGION=eu = west" in shown["Config"]["Env"]
    assert "s3cr3t" not in json.dumps(shown["Config"]["CreateCommand"])


def test_settings_reach_the_runtime(make: Make, podman: Podman, fence: Fence, tmp_path: Path) -> None:
    runner = make(
        user="1000:1000", memory="64 MiB", cpus=0.5, read_only=True, stop_signal="INT",
        volumes=[f"{tmp_path}:/data:ro"], arguments=["--cap-drop", "all"],
    )  # fmt: skip
    started(runner, fence)
    (shown,) = json.loads(podman("inspect", "shop_test-1.0-1"))
    limits, config = shown["HostConfig"], shown["Config"]
    assert (config["User"], limits["Memory"], limits["NanoCpus"]) == ("1000:1000", 64 << 20, 500_000_000)
    assert (limits["ReadonlyRootfs"], config["StopSignal"], limits["CapAdd"]) == (True, 2, [])
    assert [mount["Destination"] for mount in shown["Mounts"]] == ["/data"]
    assert limits["LogConfig"]["Size"] == "16MB"
    assert not shown["EffectiveCaps"]


# ── images ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def image(podman: Podman, registry: str) -> Iterator[str]:
    """An image of which only the registry has anything; the name without its tag."""
    name = f"{registry}/shop{os.urandom(4).hex()}"
    push(podman, name, "1.0", says=name)
    yield name
    forget(podman, name)


def push(podman: Podman, name: str, tag: str, *, says: str = "", arch: str = "") -> None:
    podman.build(f"{name}:{tag}", says=says, arch=arch)
    podman("push", "--quiet", f"{name}:{tag}")
    forget(podman, name)


def forget(podman: Podman, name: str) -> None:
    rows = podman("images", "--all", "--no-trunc", "--format", "{{.ID}} {{.Repository}}").splitlines()
    for identity in {row.split()[0] for row in rows if row.endswith(f" {name}")}:
        podman("rmi", "--force", identity)


def digest(registry_image: str, tag: str) -> str:
    registry, _, name = registry_image.partition("/")
    kinds = "application/vnd.oci.image.manifest.v1+json"
    answer = urllib3.request("HEAD", f"http://{registry}/v2/{name}/manifests/{tag}", headers={"Accept": kinds})
    return f"{registry_image}@{answer.headers['docker-content-digest']}"


def test_a_version_keeps_its_digest_when_its_tag_moves(make: Make, podman: Podman, fence: Fence, image: str) -> None:
    runner = make(image=image + ":{version}")
    first = digest(image, "1.0")
    assert runner.lacks("1.0") == ""
    runner.prepare("1.0", fence)
    assert runner.image_of("1.0") == first
    push(podman, image, "1.0", says="moved")
    assert digest(image, "1.0") != first
    runner.prepare("1.0", fence)  # the image is gone from this host: the same one is pulled again
    started(make(image=image + ":{version}"), fence)
    (shown,) = json.loads(podman("inspect", "shop_test-1.0-1"))
    assert shown["Config"]["Labels"]["pilotage.image"] == first
    assert shown["Config"]["Labels"]["says"] == image


@pytest.mark.parametrize("kind", ["in a registry", "on this machine"])
def test_the_image_that_a_way_built_is_started_and_no_other(
    make: Make, podman: Podman, fence: Fence, image: str, tmp_path: Path, kind: str
) -> None:
    """R33: `{artifact}` is the image by its digest, wherever its tag has gone before the rollout began."""
    name, _, number = digest(image, "1.0").partition("@sha256:")
    wanted = f"{name}@sha256:{number}"
    push(podman, image, "1.0", says="moved")
    if kind == "on this machine":
        podman.build(f"{image}:kept", says=image)
        number = podman("image", "inspect", "--format", "{{.Id}}", f"{image}:kept")
        name = wanted = f"sha256:{number}"
    store = tmp_path / "artifacts"
    ArtifactStore(store).release("shop", "1.0", "c" * 40, [Artifact(name=name, digest=number, image=True)])
    runner = make(image="{artifact}", built=Built(store, "shop"))
    assert runner.lacks("1.0") == ""
    runner.prepare("1.0", fence)
    assert runner.image_of("1.0") == wanted
    started(runner, fence)
    (shown,) = json.loads(podman("inspect", "shop_test-1.0-1"))
    assert shown["Config"]["Labels"]["says"] == image
    with pytest.raises(NoImage, match=r"no way has built 2\.0"):
        runner.prepare("2.0", fence)


def test_another_host_gets_the_digest_of_the_first(make: Make, podman: Podman, fence: Fence, image: str) -> None:
    first = digest(image, "1.0")
    make(image=image + ":{version}").prepare("1.0", fence)
    push(podman, image, "1.0", says="moved")
    with a_podman() as other:
        other.trust(image.partition("/")[0])
        there = make(image=image + ":{version}", runtime_args=other.args)
        there.prepare("1.0", fence)
        assert there.image_of("1.0") == first
        assert first in json.loads(other("image", "inspect", first))[0]["RepoDigests"]


def test_an_image_for_several_processors_is_one_digest_for_hosts_of_each(
    make: Make, podman: Podman, fence: Fence, image: str
) -> None:
    for arch in ("amd64", "arm64"):
        push(podman, image, arch, says=arch, arch=arch)
    podman("manifest", "create", f"{image}:2.0")
    for arch in ("amd64", "arm64"):
        podman("manifest", "add", f"{image}:2.0", f"docker://{image}:{arch}")
    podman("manifest", "push", f"{image}:2.0", f"docker://{image}:2.0")
    podman("manifest", "rm", f"{image}:2.0")
    runner = make(image=image + ":{version}")
    pinned = runner.prepare("2.0", fence)
    shown = json.loads(podman("manifest", "inspect", pinned))
    assert {one["platform"]["architecture"] for one in shown["manifests"]} == {"amd64", "arm64"}
    started(runner, fence, "2.0")
    end(runner, fence)


def test_a_lost_record_of_digests_is_made_anew_from_what_runs(make: Make, fence: Fence, image: str) -> None:
    runner = make(image=image + ":{version}")
    runner.prepare("1.0", fence)
    started(runner, fence)
    other = make(image=image + ":{version}", pins="lost.json")
    assert other.image_of("1.0") == ""
    other.found()
    assert other.image_of("1.0") == runner.image_of("1.0") != ""
    end(runner, fence)


def test_an_image_that_was_removed_under_us_is_pulled_again(
    make: Make, podman: Podman, fence: Fence, image: str
) -> None:
    runner = make(image=image + ":{version}")
    runner.prepare("1.0", fence)
    forget(podman, image)
    one = wanted()

    def runs() -> bool:
        try:
            runner.start(one, fence)
        except AdapterError:
            return False
        return bool(answers(one))

    wait_until(runs)
    end(runner, fence)


def test_a_registry_that_wants_a_login_is_told_and_gets_that_of_a_file(
    make: Make, podman: Podman, docker: list[str], fence: Fence, tmp_path: Path
) -> None:
    login = base64.b64encode(b"ann:pass").decode()
    with a_registry(tmp_path, login=True) as address:
        podman.trust(address)
        file, name = tmp_path / "config.json", f"{address}/shop"
        file.write_text(json.dumps({"auths": {address: {"auth": login}}}))
        podman.build(f"{name}:1.0", says="private")
        podman("push", "--quiet", "--authfile", str(file), f"{name}:1.0")
        for settings in ({}, {"runtime": "docker", "runtime_args": docker[:2]}):
            forget(podman, name)
            named = {"image": name + ":{version}", **settings}
            with pytest.raises(NoImage, match=f"the registry refuses .*login {address}"):
                make(**named).prepare("1.0", fence)
            runner = make(**named, registry_auth=str(file), pins=f"{len(settings)}.json")
            assert runner.lacks("1.0") == ""
            assert runner.prepare("1.0", fence).startswith(f"{name}@sha256:")
        forget(podman, name)


def test_what_is_wrong_with_an_image_is_said_before_anything_starts(
    make: Make, podman: Podman, fence: Fence, image: str
) -> None:
    named = make(image=image + ":{version}")
    assert "the registry has no" in named.lacks("9.9")
    with pytest.raises(NoImage, match="the registry has no"):
        named.prepare("9.9", fence)
    with pytest.raises(NeverStarts, match="the registry has no"):
        named.start(wanted("9.9"), fence)
    by_digest = make(image=image + "@sha256:{version}")
    assert "the registry has no" in by_digest.lacks("0" * 64)
    down = make(image=f"127.0.0.1:{free_port()}/shop:{{version}}")
    assert "connection refused" in down.lacks("1.0")
    assert "build or load it" in make(image="localhost/none:{version}", pull="never").lacks("1.0")
    assert "is not the name of an image" in make().lacks("2.0/rc")
    assert "NOBODY_SET_THIS holds nothing" in make(env={"PORT": "{port}", "A": "secret://env/NOBODY_SET_THIS"}).lacks(
        "1.0"
    )
    assert "none.env cannot be read" in make(env_file="none.env").lacks("1.0")
    push(podman, image, "arm", arch="arm64")
    with pytest.raises(NoImage, match=r"is built for arm64, and the host is \w+: build it for"):
        named.prepare("arm", fence)


def test_a_host_without_a_runtime_says_so(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as without:
        without.setenv("PATH", "/nowhere")
        assert "podman is not installed: install it, or set fleet.runtime" in make().lacks("1.0")
        assert "neither podman nor docker is installed" in make(runtime=None).lacks("1.0")
        with pytest.raises(NoRuntime):
            make().found()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_too_small_for_the_image_is_told_and_nothing_starts(
    make: Make, fence: Fence, image: str
) -> None:
    with a_podman() as small:
        small.trust(image.partition("/")[0])
        with a_disk(small.folder / "root", "600k"):
            runner = make(image=image + ":{version}", runtime_args=small.args)
            with pytest.raises(NoImage, match="the disk is too small for"):
                runner.prepare("1.0", fence)
            assert runner.image_of("1.0") == ""


@contextlib.contextmanager
def a_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


# ── docker ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def docker(podman: Podman) -> Iterator[list[str]]:
    """The options of docker's own command line that lead it to podman's engine, which speaks docker's protocol."""
    needs("docker")
    socket = podman.folder / "docker.sock"
    service = subprocess.Popen(["podman", *podman.args, "system", "service", "--time", "0", f"unix://{socket}"])
    try:
        wait_until(socket.exists)
        yield ["--host", f"unix://{socket}", "--config", str(podman.folder)]
    finally:
        service.kill()
        service.wait()
        socket.unlink()


def test_docker_starts_finds_and_stops_by_digest_as_podman_does(
    make: Make, podman: Podman, docker: list[str], fence: Fence, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "s3cr3t one\ns3cr3t two")
    env = {"PORT": "{port}", "VERSION": "{version}", "KEY": "secret://env/SHOP_KEY"}
    runner = make(runtime="docker", runtime_args=docker, image=image + ":{version}", env=env, memory="64MiB")
    assert runner.lacks("1.0") == ""
    assert runner.prepare("1.0", fence) == digest(image, "1.0")
    with pytest.raises(NoImage, match="the registry has no"):
        runner.prepare("9.9", fence)
    one = started(runner, fence)
    runner.start(one, fence)
    assert answers(one, "/env") == "s3cr3t one\ns3cr3t two"
    (found,) = runner.found()
    assert (found.name, found.running, found.memory is not None, found.cpu is not None) == ("1.0-1", True, True, True)
    runner.stop(one.name, fence)
    wait_until(lambda: not runner.found()[0].running)
    assert runner.found()[0].stopping
    end(runner, fence)
    assert podman.names() == []


def test_docker_tells_how_one_ended_and_what_it_said(make: Make, docker: list[str], fence: Fence) -> None:
    runner = make(runtime="docker", runtime_args=docker)
    runner.start(wanted("broken"), fence)
    assert ended(runner).detail == "exited with status 3; end of its log: fatal: no price list"
    assert runner.log("broken-1", 5) == ("fatal: no price list",)


def test_a_daemon_that_is_gone_says_so(make: Make, tmp_path: Path) -> None:
    runner = make(runtime="docker", runtime_args=["--host", f"unix://{tmp_path}/none.sock"])
    assert "docker does not answer, start its service" in runner.lacks("1.0")
    with pytest.raises(NoRuntime, match="docker does not answer"):
        runner.found()


# ── over SSH ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshds]:
    with hosts_in(tmp_path / "ssh") as hosts:
        yield hosts


def test_on_another_host_it_is_the_same_and_a_cut_connection_changes_nothing(
    make: Make, podman: Podman, fence: Fence, sshd: Sshds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "s3cr3t one\ns3cr3t two")
    monkeypatch.setenv("SHOP_WORD", "s3cr3t three")
    there = sshd.start("web1")
    env = {"VERSION": "{version}", "KEY": "secret://env/SHOP_KEY", "SAY": "secret://env/SHOP_WORD"}
    runner = make(host=there.host(), container_port=8080, env=env)
    assert runner.lacks("1.0") == ""
    runner.prepare("1.0", fence)
    one = started(runner, fence)
    there.cut()
    (found,) = runner.found()
    assert (found.name, found.running, found.memory is not None) == ("1.0-1", True, True)
    assert answers(one, "/env") == "s3cr3t one\ns3cr3t two"
    assert runner.log("1.0-1", 3) == ("cannot open db://shop:(secret)@h",)
    there.stop()
    with pytest.raises(Unreachable):
        runner.found()
    assert answers(one) == "1.0"
    there.start()
    end(runner, fence)
    assert podman.names() == []


def test_a_command_runs_inside_of_the_container(make: Make, fence: Fence, tmp_path: Path) -> None:
    """There the port is taken and there is no shell; outside, neither holds."""
    runner = make()
    one = started(runner, fence)
    assert isinstance(runner, Enterable)
    host = LocalHost(tmp_path)
    taken = host.run([*runner.inside(one.name), "/server"])
    assert (taken.status, b"bind: Address" in taken.err) == (1, True)
    assert host.run([*runner.inside(one.name), "/bin/sh", "-c", "true"]).status in (126, 127)
