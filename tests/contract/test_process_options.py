"""What Procfile and systemd users expect of processes (R28): user, limits, stop signal, logs, and a version made ready
before anything starts."""

from __future__ import annotations

import json
import os
import platform
import shutil
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import psutil
import pytest

from pilotage.adapters import marks
from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets.executable import why_not_executable
from pilotage.adapters.fleets.process import ProcessFleet
from pilotage.adapters.fleets.process_adapter import ADAPTER, ProcessFleetSection
from pilotage.adapters.log_sizes import limit_logs
from pilotage.model.observation import CheckStatus, Health, Preparation
from pilotage.testing.contracts.fleet import healthy, wait

pytestmark = pytest.mark.real

SERVER = """
import http.server, json, os, pathlib, resource, signal, sys
port = int(sys.argv[1])
def stop(number, _):
    pathlib.Path("stopped-by").write_text(signal.Signals(number).name)
    os._exit(0)
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, stop)
facts = {
    "uid": os.getuid(), "files": resource.getrlimit(resource.RLIMIT_NOFILE), "user": os.environ.get("USER"),
    "core": resource.getrlimit(resource.RLIMIT_CORE), "groups": os.getgroups(), "token": os.environ.get("TOKEN"),
}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(facts).encode())
        print("served " + "x" * 200 + " " + str(facts["token"]), flush=True)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def _section(**more: object) -> ProcessFleetSection:
    command = [sys.executable, "-c", SERVER, "{port}", "{version}"]
    written = {"kind": "process", "command": command, "health_check_path": "/", "stop_timeout": 2, **more}
    return ProcessFleetSection.model_validate(written)


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / ".pilotage" / "run" / "shop-production"
        self.opened: list[ProcessFleet] = []

    def fleet(self, section: ProcessFleetSection) -> ProcessFleet:
        context = Context(
            directory=self.state / "fleet", fence=Fence(self.state / "fence.json", 1), service="shop",
            environment="production", folder=self.folder,
        )  # fmt: skip
        self.opened.append(cast(ProcessFleet, ADAPTER.open(section, context)))
        return self.opened[-1]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    yield found
    for fleet in found.opened:
        fleet.stop()


def _facts(fleet: ProcessFleet, version: str = "1.0") -> dict[str, object]:
    from pilotage.adapters.http import get_status

    (one,) = wait(fleet, healthy(version, 1))
    found: dict[str, object] = json.loads(get_status(f"http://127.0.0.1:{one.port}/", timeout=5)[1])
    return found


def test_limits_hold_from_the_first_instruction_and_the_mark_stays(place: Place) -> None:
    fleet = place.fleet(_section(limits={"open_files": 256, "core": 0}))
    fleet.ensure("1.0", 1)
    found = _facts(fleet)
    assert (found["files"], found["core"]) == ([256, 256], [0, 0])
    (one,) = fleet.instances()
    assert [process.pid for process in marks.left_in(place.state / "fleet")] == [one.pid]
    (record,) = (place.state / "fleet").glob("*.json")
    record.unlink()  # a crash that loses the record finds the process by its mark
    assert [i.id for i in place.fleet(_section()).instances()] == [one.id]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_instances_run_as_the_user_with_its_groups_and_variables(place: Place, tmp_path: Path) -> None:
    section = _section(user="nobody", cwd="")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != folder.parent and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    fleet = place.fleet(section)
    assert ADAPTER.lacks is not None
    assert ADAPTER.lacks(section, tmp_path, "1.0") == ""
    fleet.ensure("1.0", 1)
    found = _facts(fleet)
    assert (found["uid"], found["user"]) == (65534, "nobody")
    assert 0 not in cast(list[int], found["groups"])


def test_an_instance_is_stopped_by_its_own_signal_also_by_who_does_not_know_the_configuration(place: Place) -> None:
    fleet = place.fleet(_section(stop_signal="INT"))
    fleet.ensure("1.0", 1)
    wait(fleet, healthy("1.0", 1))
    other = place.fleet(_section())
    other.ensure("1.0", 0)
    wait(other, lambda found: not found or found[0].health is not Health.HEALTHY)
    until = time.monotonic() + 5
    while not (place.folder / "stopped-by").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    assert (place.folder / "stopped-by").read_text() == "SIGINT"


def test_logs_are_where_they_should_be_and_rotate_by_size_and_count(place: Place) -> None:
    """No value of an env file is in what Pilotage shows of them."""
    (place.folder / "prod.env").write_text("TOKEN=hunter22hunter\n")
    fleet = place.fleet(_section(log={"folder": "logs", "max_size": "4KiB", "keep": 2}, env_file="prod.env"))
    fleet.ensure("1.0", 1)
    assert _facts(fleet)["token"] == "hunter22hunter"
    logs = place.folder / "logs" / "shop-production"
    for round_ in range(4):
        until = time.monotonic() + 10
        while (logs / "1.0-1.log").stat().st_size <= 4096:
            _facts(fleet)
            assert time.monotonic() < until, round_
        limit_logs(place.folder / ".pilotage")
    assert sorted(path.name for path in logs.iterdir()) == ["1.0-1.log", "1.0-1.log.1", "1.0-1.log.2"]
    _facts(fleet)
    (last,) = fleet.log_tail("1.0-1", 1)
    assert last.startswith("served")
    assert "hunter22hunter" not in last


PREPARE = "import pathlib, sys; pathlib.Path('releases', sys.argv[1]).mkdir(parents=True, exist_ok=True); print('made')"


def test_a_version_is_made_ready_by_its_commands_and_may_be_once_more(place: Place) -> None:
    section = _section(prepare=[[sys.executable, "-c", PREPARE, "{version}"]], cwd="releases/{version}")
    assert ADAPTER.can(section).prepares
    assert ADAPTER.lacks is not None
    assert ADAPTER.lacks(section, place.folder, "1.0") == ""
    assert ADAPTER.prepared is not None
    again = ADAPTER.lacks(ADAPTER.prepared(section), place.folder, "1.0")
    assert "releases/1.0 does not exist" in again
    assert _prepared(place.fleet(section)).status is CheckStatus.PASSED
    made = place.folder / "releases" / "1.0"
    assert made.is_dir()
    assert _prepared(place.fleet(section)).status is CheckStatus.PASSED
    (log,) = (place.state / "fleet" / "prepared").glob("*.result.log")
    assert log.read_text() == "made\n", "the next controller finds it done"
    made.rmdir()
    assert _prepared(place.fleet(section)).status is CheckStatus.PASSED
    assert made.is_dir(), "what is gone is made again"


def _prepared(fleet: ProcessFleet) -> Preparation:
    until = time.monotonic() + 20
    while True:
        fleet.prepare("1.0")
        found = fleet.prepared("1.0")
        assert found is not None
        if found.status is not CheckStatus.RUNNING:
            return found
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_command_that_fails_or_hangs_says_what_it_wrote_and_is_repeated(place: Place) -> None:
    (place.folder / "prod.env").write_text("TOKEN=hunter22hunter\n")
    fails = "import os; print('first'); print('no database', os.environ['TOKEN']); raise SystemExit(3)"
    section = _section(prepare=[[sys.executable, "-c", fails]], env_file="prod.env", limits={"open_files": 256})
    for _ in range(2):
        found = _prepared(place.fleet(section))
        assert found.status is CheckStatus.FAILED
        assert "exited with 3: first / no database (secret)" in found.detail
    hangs = "import time; print('waiting', flush=True); time.sleep(600)"
    found = _prepared(place.fleet(_section(prepare=[[sys.executable, "-c", hangs]], prepare_timeout=0.5)))
    assert "timed out after 0.5 s; its output: waiting" in found.detail
    assert [p for p in psutil.process_iter(["cmdline"]) if hangs in (p.info.get("cmdline") or ())] == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"user": "no-such-user"}, "there is no user 'no-such-user' on this machine: create the user"),
        ({"env_file": "missing.env"}, "missing.env cannot be read: No such file or directory: create it"),
        ({"min_free_disk": "100TB"}, "100 TB are needed (fleet.min_free_disk)"),
        ({"prepare": [["no-such-tool"]]}, "no-such-tool is not on PATH: install it, or correct fleet.prepare"),
    ],
)
def test_what_must_fail_is_refused_before_anything_starts(tmp_path: Path, more: dict[str, object], said: str) -> None:
    assert ADAPTER.lacks is not None
    assert said in ADAPTER.lacks(_section(**more), tmp_path, "1.0")


def test_who_is_not_root_cannot_start_programs_as_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert ADAPTER.lacks is not None
    said = ADAPTER.lacks(_section(user="nobody"), tmp_path, "1.0")
    assert said.startswith("only root can start programs as nobody, and Pilotage runs as user 12345: remove fleet.user")


def _elf(machine: int, loader: bytes = b"") -> bytes:
    """A 64-bit header with one program header that names the loader."""
    header = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    )
    return header + struct.pack("<IIQQQQQQ", 3 if loader else 1, 4, 120, 0, 0, len(loader) + 1, 0, 1) + loader + b"\0"


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64"), reason="headers of other machines are not made here"
)
def test_a_program_for_another_machine_or_c_library_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "app"
    here, other = (62, 183) if platform.machine() == "x86_64" else (183, 62)
    for content, said in (
        (_elf(other), "is built for "),
        (_elf(here, b"/lib/ld-nowhere.so.1"), "needs /lib/ld-nowhere.so.1, which does not exist"),
        (b"", "is empty"),
        (b"hello\n", "is no program for this machine"),
        (_elf(here)[:18], "is a truncated ELF file"),
        (_elf(here), ""),
    ):
        file.write_bytes(content)
        found = why_not_executable(file)
        assert found.startswith(said), content
        assert bool(found) == bool(said)
    assert why_not_executable(Path(str(shutil.which("env")))) == ""
