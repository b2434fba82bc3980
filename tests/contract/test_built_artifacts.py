"""R33: what a way built once is what every environment starts, by digest, and nothing else."""

from __future__ import annotations

import hashlib
import io
import resource
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.checks import StepChecks
from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets.process_adapter import ADAPTER, ProcessFleetSection
from pilotage.adapters.fleets.ssh_adapter import ADAPTER as SSH
from pilotage.adapters.hosts.artifacts import Artifacts
from pilotage.adapters.hosts.container_runtime import ContainerRuntime
from pilotage.adapters.hosts.images import Images, NoImage, Pins
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.ports import AdapterError, Fleet, NeverStarts
from pilotage.adapters.stages.artifacts import ArtifactStore
from pilotage.adapters.stages.built import Built
from pilotage.adapters.stages.ports import Needed
from pilotage.config.containers import ContainerSection
from pilotage.model.observation import CheckStatus, Health
from pilotage.model.way import Artifact

pytestmark = pytest.mark.real

SERVER = b"""
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"VERSION")
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Project:
    def __init__(self, place: Path) -> None:
        self.place = place
        self.store = ArtifactStore(place / ".pilotage" / "artifacts")

    def build(self, version: str, content: bytes | None = None, name: str = "dist/shop.py") -> Artifact:
        content = content or SERVER.replace(b"VERSION", version.encode())
        digest, size = self.store.blobs.add(io.BytesIO(content))
        artifact = Artifact(name=name, digest=digest, size=size)
        self.store.release("shop", version, "c" * 40, [artifact])
        return artifact

    def context(self, environment: str = "test", **more: Any) -> Context:
        place = self.place / ".pilotage" / "run" / f"shop-{environment}"
        return Context(
            directory=place / "fleet", fence=Fence(place / "fence.json", 1), service="shop", environment=environment,
            folder=self.place, **more,
        )  # fmt: skip

    def fleet(self, **more: Any) -> Fleet:
        return ADAPTER.open(SECTION, self.context(**more))

    def built(self, **expected: tuple[str, ...]) -> Built:
        return Built(self.place / ".pilotage" / "artifacts", "shop", expected)


SECTION = ProcessFleetSection.model_validate(
    {
        "kind": "process",
        "command": [sys.executable, "{artifact}", "{port}"],
        "health_check_path": "/",
        "stop_timeout": 1,
    }
)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    for folder in (tmp_path / ".pilotage" / "run").glob("*"):
        made.fleet(environment=folder.name.removeprefix("shop-")).stop()


def needed(*versions: str, digests: tuple[str, ...] = ()) -> Needed:
    return Needed(versions={"shop": frozenset(versions)}, digests=frozenset(digests))


def until_healthy(fleet: Fleet, version: str) -> None:
    while not any(one.version == version and one.health is Health.HEALTHY for one in fleet.instances()):
        time.sleep(0.02)


def test_two_environments_start_the_same_bytes(project: Project) -> None:
    built = project.build("1.0")
    for environment in ("staging", "production"):
        fleet = project.fleet(environment=environment, digests={"1.0": (built.digest,)})
        fleet.ensure("1.0", 1)
        until_healthy(fleet, "1.0")
    started = list((project.place / ".pilotage" / "artifacts" / "releases").rglob("shop.py"))
    assert [hashlib.sha256(one.read_bytes()).hexdigest() for one in started] == [built.digest]
    # What was started is made of nothing else any more.
    with pytest.raises(AdapterError, match=r"1\.0 was started before from dist/shop\.py .*another version"):
        project.build("1.0", b"rebuilt")
    project.build("1.0", SERVER.replace(b"VERSION", b"1.0"))  # the same bytes


def test_a_fleet_refuses_other_bytes_than_those_of_its_rollout(project: Project) -> None:
    built = project.build("1.0")
    fleet = project.fleet(digests={"1.0": ("0" * 64,)})
    with pytest.raises(NeverStarts, match=r"1\.0 has the digest .* and the rollout was created for 000000000000"):
        fleet.ensure("1.0", 1)
    assert [(one.version, one.health) for one in fleet.instances()] == [("1.0", Health.EXITED)]
    blob = project.store.blobs.path(built.digest)
    blob.chmod(0o644)
    blob.write_bytes(b"import os")
    with pytest.raises(NeverStarts, match=r"the artifact dist/shop\.py is damaged"):
        project.fleet().ensure("1.0", 1)
    with pytest.raises(NeverStarts, match=r"no way has built 2\.0"):
        project.fleet().ensure("2.0", 1)


def test_what_is_missing_is_said_before_a_rollout_starts(project: Project) -> None:
    assert "no way has built 1.0" in ADAPTER.lacking(SECTION, project.context(), "1.0")
    project.build("1.0")
    assert ADAPTER.lacking(SECTION, project.context(), "1.0") == ""


def test_checks_get_the_artifact_of_the_new_version(project: Project) -> None:
    project.build("1.0", b"hello")
    check = {"command": ["grep", "-q", "hello", "{artifact}"]}

    def outcome(version: str, attempt: int) -> tuple[CheckStatus, str]:
        fence = Fence(project.place / "checks.json", 1)
        checks = StepChecks(project.place / "checks", fence, {"smoke": [check]}, project.place, project.built())
        checks.ensure("smoke", attempt, {"version": version})
        while any(one.status is CheckStatus.RUNNING for one in checks.results()):
            time.sleep(0.02)
        found = next(one for one in checks.results() if one.attempt == attempt)
        return found.status, found.detail

    assert outcome("1.0", 1)[0] is CheckStatus.PASSED
    status, why = outcome("2.0", 2)
    assert status is CheckStatus.FAILED
    assert "no way has built 2.0" in why


def test_several_files_have_a_folder_and_no_single_path(project: Project) -> None:
    first, second = project.build("1.0"), Artifact(name="dist/other", digest="", size=0)
    digest, size = project.store.blobs.add(io.BytesIO(b"other"), runs=True)
    second = Artifact(name="dist/other", digest=digest, size=size)
    project.store.release("shop", "1.0", "c" * 40, [first, second])
    places = project.built().places("1.0")
    assert "artifact" not in places
    assert sorted(one.name for one in (Path(places["artifacts"]) / "dist").iterdir()) == ["other", "shop.py"]
    assert (Path(places["artifacts"]) / "dist" / "other").stat().st_mode & 0o111
    with pytest.raises(NeverStarts, match="is made of 2 files"):
        project.built().file("1.0")


def test_hosts_get_the_file_that_the_way_built(project: Project) -> None:
    built = project.build("1.0")
    sent = Artifacts(project.place / "sent", project.place, source="{artifact}", built=project.built())
    assert sent.lacks("1.0") == ""
    assert sent.of("1.0").digest == built.digest
    assert "no way has built 2.0" in sent.lacks("2.0")
    other = Artifacts(
        project.place / "b", project.place, source="{artifact}", built=project.built(**{"1.0": ("0" * 64,)})
    )
    with pytest.raises(NeverStarts, match="the rollout was created for"):
        other.of("1.0")


def test_containers_start_the_image_that_the_way_built(project: Project) -> None:
    section = ContainerSection.model_validate({"image": "{artifact}", "container_port": 80})
    images = Images(
        ContainerRuntime(LocalHost(project.place)), section, Pins(project.place / "pins.json"), project.built()
    )
    with pytest.raises(NoImage, match=r"no way has built 1\.0"):
        images.reference("1.0")
    digest = "a" * 64
    for name, expected in (
        ("r.io:5000/shop:1.0", f"r.io:5000/shop@sha256:{digest}"),
        (f"sha256:{digest}", f"sha256:{digest}"),
    ):
        version = f"1.{len(name)}"
        project.store.release("shop", version, "c" * 40, [Artifact(name=name, digest=digest, image=True)])
        assert images.reference(version) == expected


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({"kind": "ssh", "hosts": {"a": {}}, "command": ["{artifact}", "{port}"]}, "is on this machine"),
        (
            {"kind": "ssh", "hosts": {"a": {}}, "command": ["x", "{port}"], "artifact": {"source": "a/{artifact}"}},
            "stands alone",
        ),
        ({"kind": "process", "command": ["{artifact}", "{port}"], "user": "nobody"}, "only the user of Pilotage"),
        ({"kind": "process", "command": ["shop", "{port}"]}, r"add \{version\}"),
    ],
)  # fmt: skip
def test_a_placeholder_that_cannot_be_filled_in_is_refused(section: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        (ADAPTER if section["kind"] == "process" else SSH).section.model_validate(section)


# ── the store ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_not_needed_goes_and_what_is_needed_stays(project: Project) -> None:
    old, new = project.build("1.0", b"one"), project.build("2.0", b"two")
    lone, _ = project.store.blobs.add(io.BytesIO(b"of a stage that failed"))
    assert project.store.prune(needed("2.0"), 0.0) == ()
    waiting, size = project.store.blobs.add(io.BytesIO(b"of a way that waits for somebody"))
    assert set(project.store.old(needed("2.0"), time.time() + 60)) == {old.digest, lone, waiting}
    gone = project.store.prune(needed("2.0", digests=(waiting,)), time.time() + 60)
    assert project.store.blobs.path(waiting).stat().st_size == size
    assert sorted(gone) == sorted((old.digest, lone))
    assert project.store.of("shop", "1.0") == ()
    assert project.built().places("2.0")["artifact"]
    assert project.store.blobs.path(new.digest).exists()


def test_files_of_two_versions_and_services_are_kept_once(project: Project) -> None:
    one, two = project.build("1.0", b"same"), project.build("2.0", b"same")
    assert one == two
    assert project.store.prune(needed("1.0"), time.time() + 60) == ()
    assert project.built().places("1.0")


def test_a_damaged_copy_is_replaced_by_a_good_one_and_writers_do_not_collide(project: Project) -> None:
    built = project.build("1.0", b"good")
    blob = project.store.blobs.path(built.digest)
    blob.chmod(0o644)
    blob.write_bytes(b"bad!")
    threads = [threading.Thread(target=project.build, args=("1.0", b"good")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert project.store.blobs.verified(built.digest, "x").read_bytes() == b"good"
    assert list((project.place / ".pilotage" / "artifacts" / "sha256").glob(".incoming*")) == []


class _Zeros(io.RawIOBase):
    """A gigabyte that exists nowhere."""

    left = 1 << 30

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        taken = min(size, self.left) if size >= 0 else self.left
        self.left -= taken
        return bytes(taken)


@pytest.mark.long
def test_a_gigabyte_is_never_in_memory(project: Project) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    digest, size = project.store.blobs.add(_Zeros())  # type: ignore[arg-type]
    project.store.blobs.verified(digest, "big")
    assert size == 1 << 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.parametrize("name", ["../x", "/etc/x", "", "a/../../x", "."])
def test_a_name_that_leads_elsewhere_is_refused(project: Project, name: str) -> None:
    project.build("1.0", b"x", name)
    with pytest.raises(NeverStarts, match="is no name of a file"):
        project.built().places("1.0")


def test_versions_with_any_name_have_records_of_their_own(project: Project) -> None:
    for version in ("..", "a/b", "a%2Fb", "ä", ".json"):
        project.build(version, version.encode())
    for version in ("..", "a/b", "a%2Fb", "ä", ".json"):
        assert Path(project.built().places(version)["artifact"]).read_bytes() == version.encode()
    inside = (project.place / ".pilotage" / "artifacts" / "releases" / "shop").rglob("*")
    assert all(one.resolve().is_relative_to(project.place) for one in inside)
