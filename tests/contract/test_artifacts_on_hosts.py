"""How a version comes to hosts (R27): fetched once, verified, sent once to each host, unpacked beside, kept for the way
back; and what can be known to fail is said before anything starts."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pilotage.adapters.environment import Environment
from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts import archives, artifacts
from pilotage.adapters.hosts.artifacts import Artifacts
from pilotage.adapters.hosts.hosted_program import HostedProgram
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.hosts.releases import Releases
from pilotage.adapters.hosts.remote_processes import RemoteProcesses
from pilotage.adapters.hosts.runner import Wanted
from pilotage.adapters.ports import AdapterError, NeverStarts
from pilotage.model.observation import CheckStatus
from pilotage.testing import wait_until
from tests.host_fleets import build, marked, opened, section_for
from tests.ssh import Sshds, sshd

__all__ = ["sshd"]

pytestmark = pytest.mark.real


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LocalHost]:
    yield LocalHost(tmp_path / "host")
    for pid in marked(tmp_path / "host"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)


def runner_on(
    host: LocalHost, place: Path, *, keep: int = 5, prepare: tuple[tuple[str, ...], ...] = (), **more: object
) -> RemoteProcesses:
    given: dict[str, object] = {"source": "dist/shop-{version}.tar.gz", "strip": 1, **more}
    files = Artifacts(place / "artifacts", place, **given)  # type: ignore[arg-type]
    program = HostedProgram(command=("sleep", "600"), environment=Environment(given={"WHERE": "{version}"}))
    releases = Releases(host, program, files, prepare, keep=keep)
    return RemoteProcesses(host, program, service="shop", environment="production", releases=releases)


def fence(place: Path) -> Fence:
    return Fence(place / "fence.json", 1)


def base(host: LocalHost) -> Path:
    return Path(host.folder) / "shop_production"


def releases(host: LocalHost) -> list[str]:
    return sorted(path.name for path in (base(host) / "releases").iterdir())


def test_the_releases_for_the_way_back_stay_and_those_that_run_whatever_their_age(
    host: LocalHost, tmp_path: Path
) -> None:
    for number in range(1, 6):
        build(tmp_path, f"{number}.0")
    runner = runner_on(host, tmp_path, keep=2)
    for number in range(1, 6):
        runner.prepare(f"{number}.0", fence(tmp_path))
        if number == 1:
            runner.start(Wanted(name="1.0-1", version="1.0", number=1, port=1), fence(tmp_path))
        # So that their order by age does not depend on the grain of the file system.
        os.utime(base(host) / "releases" / f"{number}.0" / ".pilotage-digest", (number, number))
    assert releases(host) == ["1.0", "4.0", "5.0"]
    assert not list((base(host) / "artifacts").iterdir())


def test_current_leads_to_the_release_that_was_started_last(host: LocalHost, tmp_path: Path) -> None:
    runner = runner_on(host, tmp_path)
    for number in (1, 2):
        build(tmp_path, f"{number}.0")
        runner.prepare(f"{number}.0", fence(tmp_path))
        runner.start(Wanted(name=f"{number}.0-{number}", version=f"{number}.0", number=number, port=1), fence(tmp_path))
        assert (base(host) / "current").readlink() == Path(f"releases/{number}.0")


def test_another_build_of_a_version_takes_its_place_only_where_no_instance_of_it_is(
    host: LocalHost, tmp_path: Path
) -> None:
    build(tmp_path, "1.0")
    first = runner_on(host, tmp_path).prepare("1.0", fence(tmp_path))
    build(tmp_path, "1.0").write_bytes(_plain(b"second"))
    second = runner_on(host, tmp_path, strip=0)
    assert second.prepare("1.0", fence(tmp_path)) != first
    second.start(Wanted(name="1.0-1", version="1.0", number=1, port=1), fence(tmp_path))
    build(tmp_path, "1.0").write_bytes(_plain(b"third"))
    with pytest.raises(NeverStarts, match="holds another artifact"):
        runner_on(host, tmp_path, strip=0).prepare("1.0", fence(tmp_path))


def _plain(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("app")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def test_what_must_run_before_runs_once_in_the_release_and_its_failure_is_told(host: LocalHost, tmp_path: Path) -> None:
    build(tmp_path, "1.0")
    count = ("sh", "-c", "echo $WHERE >>../../runs; test -e server.py")
    for _ in range(2):
        runner_on(host, tmp_path, prepare=(count,)).prepare("1.0", fence(tmp_path))
    assert (base(host) / "runs").read_text() == "1.0\n"
    with pytest.raises(NeverStarts, match=r"sh exited with 3: no database"):
        runner_on(host, tmp_path, prepare=(("sh", "-c", "echo no database; exit 3"),)).prepare("1.0", fence(tmp_path))


def test_r27_what_a_failed_preparation_said_shows_no_secret(
    host: LocalHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R27: a migration that fails often prints how it connected."""
    monkeypatch.setenv("DB_PASSWORD", "hunter2-hunter2")
    program = HostedProgram(
        command=("sleep", "600"), environment=Environment(given={"PASSWORD": "secret://env/DB_PASSWORD"})
    )
    told = Releases(host, program, None, (("sh", "-c", "echo cannot log in with $PASSWORD; exit 1"),))
    with pytest.raises(NeverStarts, match="sh exited with 1: cannot log in with") as failed:
        told.bring(str(base(host)), "1.0", fence(tmp_path))
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize(
    "links",
    [
        {"a/b/c/out": "../../..", ".pilotage-version": "a/b/c/out/../../secret"},
        {".pilotage-version": "a/b/c/out/../../secret", "a/b/c/out": "../../.."},
    ],
)
def test_r27_links_through_links_lead_out_of_no_archive(tmp_path: Path, links: dict[str, str]) -> None:
    """R27: by its words each of them stays in the archive; together they name any file of the host."""
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, target in links.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    with pytest.raises(archives.BadArchive, match="leads out of it"):
        archives.repack(tmp_path / "a.tar", tmp_path / "out", name="a.tar")


@pytest.mark.parametrize("version", ["../../../evil/shop/1.0", "..", "a/../../b", "/etc/shadow", "./x"])
@pytest.mark.parametrize("source", ["https://example.org/shop/{version}/app.tgz", "dist/{version}/app.tgz"])
def test_r27_no_version_leads_to_the_files_of_others(tmp_path: Path, source: str, version: str) -> None:
    """R27: its digest would come from there, too."""
    files = Artifacts(tmp_path / "kept", tmp_path, source=source, checksums=source.replace("app.tgz", "SHA256SUMS"))
    assert "leads out of the place of artifacts" in files.lacks(version)
    with pytest.raises(NeverStarts, match="leads out of the place of artifacts"):
        files.of(version)


def test_r27_a_damaged_archive_is_said_whatever_its_bytes(tmp_path: Path) -> None:
    """R27: names in no alphabet, data of another method and offsets outside of the file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("é" * 30, "r" * 50, zipfile.ZIP_DEFLATED)
        archive.writestr("app", "r" * 5000, zipfile.ZIP_BZIP2)
    whole, random = file.getvalue(), Random(19)
    said = set()
    for _ in range(300):
        bad = bytearray(whole)
        for _ in range(random.randint(1, 4)):
            bad[random.randrange(len(bad))] = random.choice((0, 195, 255))
        (tmp_path / "a.zip").write_bytes(bad)
        with contextlib.suppress(archives.BadArchive):
            archives.repack(tmp_path / "a.zip", tmp_path / "out", name="a.zip")
            said.add("whole")
    assert said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"source": "dist/none-{version}.tar.gz"}, "dist/none-1.0.tar.gz does not exist: build 1.0"),
        ({"digests": {"1.0": "0" * 64}}, "has another digest than fleet.artifact.sha256: if it was built anew"),
        ({"digests": {"0.9": "0" * 64}}, "has no digest of 1.0"),
        ({"checksums": "dist/NONE"}, "dist/NONE cannot be read"),
        ({"source": "http://127.0.0.1:1/{version}", "digests": {"1.0": "0" * 64}}, "does not respond"),
    ],
)
def test_an_artifact_that_cannot_be_had_is_refused_before_the_rollout(
    host: LocalHost, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    build(tmp_path, "1.0")
    assert said in runner_on(host, tmp_path, **settings).lacks("1.0")
    assert runner_on(host, tmp_path).lacks("1.0") == ""


class _Server:
    """Serves one file, and cuts the connection in the middle of the first answer."""

    def __init__(self, content: bytes) -> None:
        server = self
        self.asked: list[str | None] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(200)
                self.end_headers()

            def do_GET(self) -> None:
                if self.path == "/moved":
                    self.send_response(302)
                    self.send_header("Location", "/app")
                    self.end_headers()
                    return
                wanted = self.headers.get("Range")
                server.asked.append(wanted)
                begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Length", str(len(content) - begin))
                self.end_headers()
                self.wfile.write(content[begin : len(content) // 2 if len(server.asked) == 1 else None])

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{path}"


@pytest.fixture
def serving() -> Iterator[Callable[[bytes], _Server]]:
    made: list[_Server] = []

    def serve(content: bytes) -> _Server:
        made.append(_Server(content))
        return made[-1]

    yield serve
    for one in made:
        one.server.shutdown()
        one.server.server_close()


def test_a_download_that_was_cut_off_is_continued_and_verified(
    serving: Callable[[bytes], _Server], tmp_path: Path
) -> None:
    content = os.urandom(400_000)
    server = serving(content)
    digest = hashlib.sha256(content).hexdigest()
    moved = Artifacts(tmp_path / "a", tmp_path, source=server.url("moved"), digests={"1.0": digest})
    with pytest.raises(AdapterError, match="cut off"):
        moved.of("1.0")
    assert moved.of("1.0").digest == digest
    assert server.asked == [None, "bytes=200000-"]
    wrong = Artifacts(tmp_path / "b", tmp_path, source=server.url("app"), digests={"1.0": "0" * 64})
    with pytest.raises(NeverStarts, match=r"instead of 000000000000.* correct fleet.artifact.sha256"):
        wrong.of("1.0")
    assert not list((tmp_path / "b").glob("*"))


def test_a_digest_is_found_in_a_file_of_many_and_a_short_file_is_one_too_large(
    serving: Callable[[bytes], _Server], tmp_path: Path
) -> None:
    build(tmp_path, "1.0")
    digest = hashlib.sha256((tmp_path / "dist" / "shop-1.0.tar.gz").read_bytes()).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  other.tar.gz\n{digest} *shop-1.0.tar.gz\n")
    given = {"source": "dist/shop-{version}.tar.gz", "checksums": "SHA256SUMS", "strip": 1}
    assert Artifacts(tmp_path / "a", tmp_path, **given).of("1.0").digest == digest  # type: ignore[arg-type]
    server = serving(bytes(300_000))
    server.asked.append("another")
    large = Artifacts(tmp_path / "b", tmp_path, source=server.url("app"), digests={"1.0": "0" * 64}, most=100_000)
    with pytest.raises(AdapterError, match="larger than"):
        large.of("1.0")
    assert not list((tmp_path / "b").glob("*"))


def test_a_connection_cut_in_the_middle_of_an_upload_is_made_good(
    sshd: Sshds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = [sshd.start() for _ in range(2)]
    (tmp_path / "dist").mkdir()
    content = os.urandom(24 << 20)
    (tmp_path / "dist" / "app-1.0").write_bytes(content)
    made: list[Path] = []

    def repack(source: Path, target: Path, **options: Any) -> None:
        made.append(source)
        archives.repack(source, target, **options)

    monkeypatch.setattr(artifacts, "repack", repack)
    fleet = opened(section_for(sshd, artifact={"source": "dist/app-{version}"}), tmp_path)
    uploads = hosts[1].folder / "shop_production" / "artifacts"
    fleet.prepare("1.0")
    wait_until(lambda: uploads.exists() and any(uploads.iterdir()), 30.0)
    hosts[1].cut()

    def ready() -> bool:
        fleet.prepare("1.0")
        found = fleet.prepared("1.0")
        assert found is not None
        assert found.status is not CheckStatus.FAILED
        return found.status is CheckStatus.PASSED

    wait_until(ready, 40.0)
    for host in hosts:
        assert (host.folder / "shop_production" / "releases" / "1.0" / "app-1.0").read_bytes() == content
        assert not list((host.folder / "shop_production" / "artifacts").glob("*.tar.gz"))
    assert len(made) == 1
