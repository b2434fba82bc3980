"""Files of ours: whole or not there, this user's alone, and never written through a link that somebody laid."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.adapters import files, marks
from pilotage.engine.integrity.custody import Custody, noted
from pilotage.engine.placement.location import place_of, router_runs


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_what_we_keep_is_this_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    place = tmp_path / "run" / "shop" / "fleet"
    files.write_json(place / "record.json", {})
    files.write_at_once(place / "xds.json", b"{}")
    files.open_log(place / "logs" / "a.log").close()
    for path in (tmp_path / "run").rglob("*"):
        assert mode(path) == (0o700 if path.is_dir() else 0o600)
    assert mode(tmp_path / "run") == 0o700


def test_what_others_shall_read_follows_the_umask_or_the_file_before(umask: int, tmp_path: Path) -> None:
    report = tmp_path / "out" / "report.md"
    files.write_durably(report, b"1", shared=True)
    assert mode(report) == 0o666 & ~umask
    report.chmod(0o640)
    files.write_durably(report, b"2", shared=True)
    assert mode(report) == 0o640


@pytest.mark.parametrize("shared", [True, False])
def test_a_link_is_replaced_and_never_written_through(tmp_path: Path, shared: bool) -> None:
    """A link in a folder that others may write to leads to a file of the victim's."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    link = tmp_path / "page.html"
    link.symlink_to(victim)
    (tmp_path / f".page.html.{os.getpid()}").symlink_to(victim)
    files.write_durably(link, b"page", shared=shared)
    assert victim.read_text() == "mine"
    assert not link.is_symlink()
    assert link.read_bytes() == b"page"
    (tmp_path / "log").symlink_to(victim)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        files.open_log(tmp_path / "log")


def test_a_device_is_written_to_and_not_replaced() -> None:
    files.write_durably(Path("/dev/null"), b"x", shared=True)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": 1'])
def test_what_is_no_json_is_none_and_kept_for_study(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)
    assert files.read_json(path) is None
    assert not path.exists()
    assert (tmp_path / "record.json.unreadable").read_bytes() == content
    assert "cannot read" in caplog.text
    assert files.read_json(path) is None


def test_a_write_that_fails_leaves_nothing_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_json(tmp_path / "a.json", 1)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_json(tmp_path / "a.json", 2)
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert files.read_json(tmp_path / "a.json") == 1


@pytest.mark.parametrize(
    "content", [b"", b'{"pid"', b"[]", b'{"facts": {}, "pid": "x"}', b'{"facts": {}, "pid": null}']
)
def test_who_only_looks_at_a_record_writes_nothing(tmp_path: Path, content: bytes) -> None:
    """A broken record is set aside by whoever manages the process; `status` finds the process by its mark."""
    router = place_of(tmp_path, "web", "production") / "router"
    record = router / "envoy.json"
    router.mkdir(parents=True)
    process = subprocess.Popen(["sleep", "60"], env={marks.MARK: str(record)}, start_new_session=True)
    try:
        record.write_bytes(content)
        (tmp_path / "audit.json").write_bytes(content)
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        until = time.monotonic() + 20
        while not router_runs(tmp_path, "web", "production"):  # the kernel may not show its environment yet
            assert time.monotonic() < until
            time.sleep(0.02)
        assert noted(tmp_path) == Custody()
        process.kill()
        process.wait()
        assert not router_runs(tmp_path, "web", "production")
        assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    finally:
        process.kill()
