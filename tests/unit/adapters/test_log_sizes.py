"""No log grows without bound, whoever holds it open (house rule: what lasts fills no disk)."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pilotage.adapters import log_sizes
from pilotage.adapters.files import open_log
from pilotage.adapters.log_sizes import limit_logs
from pilotage.app import worker

SPEAKS = "import itertools\nfor n in itertools.count(): print(f'{n:09}', flush=True)"
LARGEST = 64 << 10


def test_a_process_that_never_stops_speaking_fills_no_disk_and_is_not_disturbed(tmp_path: Path) -> None:
    """It has its log open as its output. Of its lines the newest are there, whole and in their order."""
    path = tmp_path / "run" / "shop-production" / "fleet" / "logs" / "1.0-1.log"
    before = path.with_name("1.0-1.log.1")
    with open_log(path) as log:
        process = subprocess.Popen([sys.executable, "-c", SPEAKS], stdout=log)
    try:
        for _ in range(3):
            until = time.monotonic() + 30
            while path.stat().st_size <= LARGEST:
                assert time.monotonic() < until
                time.sleep(0.01)
            limit_logs(tmp_path, LARGEST)
            assert before.stat().st_size <= 2 * LARGEST
            assert before.stat().st_mode & 0o777 == 0o600
    finally:
        process.kill()
        process.wait()
    for file in (before, path):
        lines = [line for line in file.read_bytes().split(b"\n")[1:-1] if line]
        numbers = [int(line) for line in lines]  # a hole of zero bytes would be no number
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else file == path


def test_logs_of_worker_instances_and_router_are_limited_and_no_other_file(tmp_path: Path) -> None:
    """Envoy's log of failures is the judge's, which reads it by position."""
    place = tmp_path / "run" / "shop-production"
    limited = [tmp_path / "worker.log", place / "fleet/logs/1.0-1.log", place / "router/envoy.log"]
    others = [place / "router/failures.log", place / "journal.jsonl"]
    for path in (*limited, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x" * 100)
    (place / "fleet/logs/link.log").symlink_to(others[0])
    limit_logs(tmp_path, 99)
    assert [path.stat().st_size for path in limited] == [0, 0, 0]
    assert [path.with_name(f"{path.name}.1").stat().st_size for path in limited] == [99, 99, 99]
    assert [path.stat().st_size for path in others] == [100, 100]
    limit_logs(tmp_path, 99)
    assert [path.with_name(f"{path.name}.1").stat().st_size for path in limited] == [99, 99, 99], "kept while it is not"


def test_a_full_disk_gets_the_room_although_no_copy_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    (tmp_path / "worker.log").write_text("x" * 100)
    monkeypatch.setattr(log_sizes, "created", full)
    limit_logs(tmp_path, 99)
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("worker.log", 0)]


def test_the_worker_minds_the_size_of_logs(tmp_path: Path) -> None:
    assert "logs" in {job.name for job in worker.jobs(tmp_path)}
