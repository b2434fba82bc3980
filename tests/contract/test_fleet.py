"""The fleet of local processes: the contract of the port, and what only processes promise."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pilotage.adapters import process_records, processes
from pilotage.adapters.environment import Environment
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import write_json
from pilotage.adapters.fleets.process import ProcessFleet
from pilotage.adapters.fleets.process_adapter import ADAPTER
from pilotage.adapters.free_port import free_port
from pilotage.adapters.ports import AdapterError, Fleet
from pilotage.model.json import JsonObject
from pilotage.model.observation import Health, Instance
from pilotage.testing import FleetUnderTest
from pilotage.testing.contracts.fleet import FleetContract
from tests.children import children

pytestmark = pytest.mark.real

SERVER = """
import http.server, signal, sys
port, version = int(sys.argv[1]), sys.argv[2]
if "stubborn" in version:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404 if "elsewhere" in version else 500 if "sick" in version else 200)
        self.end_headers()
        self.wfile.write(version.encode())
    def log_message(self, *_): pass
if "chatty" in version:
    print("first\\nsecond\\n\\n\\x1b[31mred\\x1b[0m\\x00\\n" + "x" * 1000, flush=True)
if "forking" in version:
    import subprocess
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
if "broken" in version:
    sys.exit("fatal: no price list")
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""

Make = Callable[[int], Fleet]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """`make(token)` is another controller's view of the same fleet."""

    def fleet(token: int = 1) -> Fleet:
        return ProcessFleet(
            tmp_path / "fleet",
            Fence(tmp_path / "fence.json", token),
            command=[sys.executable, "-c", SERVER, "{port}", "{version}"],
            health="/",
            stop_timeout=1.0,
            cwd=tmp_path,
        )

    yield fleet
    fleet(10**6).stop()
    assert children() == []


class TestProcesses(FleetContract):
    """What holds for every fleet; below is what only this one promises."""

    @pytest.fixture
    def run(self, make: Make) -> FleetUnderTest:
        return FleetUnderTest(open=make, can=ADAPTER.capabilities, versions=("1.0", "2.0-rc/1"))


def wait(fleet: Fleet, wanted: Callable[[list[Instance]], bool]) -> list[Instance]:
    until = time.monotonic() + 10
    while True:
        found = list(fleet.instances())
        if wanted(found):
            return found
        assert time.monotonic() < until, found
        time.sleep(0.05)


def healthy(version: str, count: int) -> Callable[[list[Instance]], bool]:
    return lambda found: [i.health for i in found if i.version == version] == [Health.HEALTHY] * count


def test_ensure_starts_what_is_missing_and_nothing_twice(make: Make) -> None:
    fleet = make(1)
    for _ in range(3):
        fleet.ensure("1.0", 2)
    found = wait(fleet, healthy("1.0", 2))
    assert len({i.port for i in found}) == 2
    assert all(i.memory and i.memory > 1_000_000 for i in found)
    assert len(children()) == 2


def test_one_that_died_is_listed_with_its_last_words_until_it_is_replaced(make: Make) -> None:
    fleet = make(1)
    fleet.ensure("broken", 1)
    (dead,) = wait(fleet, lambda found: [i.health for i in found] == [Health.EXITED])
    assert "no price list" in dead.detail
    fleet.ensure("broken", 0)
    assert fleet.instances() == ()


def test_one_that_was_killed_is_replaced(make: Make) -> None:
    fleet = make(1)
    fleet.ensure("1.0", 2)
    wait(fleet, healthy("1.0", 2))
    time.sleep(2)
    victim = children()[0]
    victim.kill()
    victim.wait(5)
    wait(fleet, lambda found: Health.EXITED in [i.health for i in found])

    def replaced(found: list[Instance]) -> bool:
        fleet.ensure("1.0", 2)
        return healthy("1.0", 2)(found)

    wait(fleet, replaced)


def test_one_that_answers_badly_is_unhealthy_not_dead(make: Make) -> None:
    fleet = make(1)
    fleet.ensure("sick", 1)
    (sick,) = wait(fleet, lambda found: [i.health for i in found] == [Health.UNHEALTHY])
    assert "returns 500" in sick.detail


def test_one_that_ignores_the_request_to_end_is_forced_after_the_deadline(make: Make) -> None:
    fleet = make(1)
    fleet.ensure("stubborn", 1)
    wait(fleet, healthy("stubborn", 1))
    began = time.monotonic()

    def gone(found: list[Instance]) -> bool:
        fleet.ensure("stubborn", 0)
        return not found

    wait(fleet, gone)
    assert time.monotonic() - began >= 1.0


def test_replace_ends_one_instance_and_ensure_starts_a_fresh_one_in_its_place(make: Make) -> None:
    fleet = make(1)
    fleet.ensure("stubborn", 2)
    ill, well = wait(fleet, healthy("stubborn", 2))
    fleet.replace("stubborn", f"{ill.host}:{ill.port}")
    assert {i.id: i.health for i in fleet.instances()}[ill.id] is Health.STOPPING

    def replaced(found: list[Instance]) -> bool:
        if ill.id in [i.id for i in found]:
            # Said again until it is gone, also by the controller's successor.
            make(2).replace("stubborn", f"{ill.host}:{ill.port}")
        make(2).ensure("stubborn", 2)
        return ill.id not in [i.id for i in found] and healthy("stubborn", 2)(found)

    found = wait(make(2), replaced)
    assert well.id in [i.id for i in found]
    assert len(children()) == 2


def test_replace_that_was_cut_off_before_its_signal_is_carried_through(make: Make, tmp_path: Path) -> None:
    fleet = make(1)
    fleet.ensure("1.0", 1)
    (ill,) = wait(fleet, healthy("1.0", 1))
    record = tmp_path / "fleet" / f"{ill.id}.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "stopping_since": time.monotonic()}))

    def gone(found: list[Instance]) -> bool:
        make(2).replace("1.0", f"{ill.host}:{ill.port}")
        return not found

    wait(fleet, gone)
    assert children() == []


def test_the_log_of_an_instance_ends_with_its_last_lines_as_plain_text(make: Make) -> None:
    fleet = make(1)
    fleet.ensure("chatty", 1)
    (talking,) = wait(fleet, healthy("chatty", 1))
    tail = fleet.log_tail(talking.id)
    assert tail == ("second", "red", "x" * 200)
    assert fleet.log_tail(f"{talking.host}:{talking.port}") == tail
    assert fleet.log_tail(talking.id, lines=1) == tail[-1:]


@pytest.mark.parametrize("nobody", ["1.0-7", "127.0.0.1:1", "../fleet/logs/chatty-1", ""])
def test_a_log_that_is_nobodys_has_no_lines(make: Make, nobody: str) -> None:
    fleet = make(1)
    fleet.ensure("chatty", 1)
    wait(fleet, healthy("chatty", 1))
    assert fleet.log_tail(nobody) == ()


def test_another_controller_finds_the_same_instances(make: Make) -> None:
    make(1).ensure("1.0", 2)
    before = wait(make(1), healthy("1.0", 2))
    make(2).ensure("1.0", 2)
    assert [i.id for i in make(2).instances()] == [i.id for i in before]
    assert len(children()) == 2


def test_one_started_just_before_a_crash_is_found_although_it_was_not_recorded(make: Make, tmp_path: Path) -> None:
    fleet = make(1)
    fleet.ensure("1.0", 1)
    wait(fleet, healthy("1.0", 1))
    (record,) = (tmp_path / "fleet").glob("*.json")
    cut_off = {**json.loads(record.read_text()), "pid": None, "start": None}
    record.write_text(json.dumps(cut_off))
    make(2).ensure("1.0", 1)
    wait(make(2), healthy("1.0", 1))
    assert len(children()) == 1


def test_an_intent_whose_start_never_happened_is_forgotten(make: Make, tmp_path: Path) -> None:
    fleet = make(1)
    facts: JsonObject = {"version": "1.0", "port": 1, "number": 1}
    process_records.Record(tmp_path / "fleet" / "1.0-1.json", facts).save()
    fleet.ensure("1.0", 1)
    wait(fleet, healthy("1.0", 1))
    assert len(children()) == 1


def test_somebody_elses_process_with_the_same_number_is_left_alone(make: Make, tmp_path: Path) -> None:
    facts: JsonObject = {"version": "1.0", "port": 1, "number": 1}
    process_records.Record(tmp_path / "fleet" / "1.0-1.json", facts, pid=os.getpid(), created=1.0).save()
    fleet = make(1)
    assert [i.health for i in fleet.instances()] == [Health.EXITED]
    fleet.ensure("1.0", 0)
    assert psutil.pid_exists(os.getpid())
    assert fleet.instances() == ()


def test_the_instances_outlive_the_terminal(make: Make) -> None:
    fleet = make(1)
    fleet.ensure("1.0", 1)
    wait(fleet, healthy("1.0", 1))
    (child,) = children()
    assert os.getsid(child.pid) == child.pid


def test_a_command_that_cannot_be_started_says_so(tmp_path: Path) -> None:
    fence = Fence(tmp_path / "fence.json", 1)
    place = tmp_path / "fleet"
    fleet = ProcessFleet(place, fence, command=["/no/such/program"], health="/", stop_timeout=1, cwd=tmp_path)
    with pytest.raises(AdapterError, match="cannot start '/no/such/program'"):
        fleet.ensure("1.0", 1)
    assert not list(place.glob("*.json"))


def _until(holds: Callable[[], object]) -> None:
    """Wait for it, so long that only a fault makes it fail."""
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


def test_a_port_that_another_program_took_meanwhile_is_no_crash_of_the_version(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A good release was rolled back because a neighbour had begun to listen on the port just chosen for it."""
    fleet = make(1)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as neighbour:
        ports = iter([neighbour.getsockname()[1]])
        monkeypatch.setattr(
            "pilotage.adapters.fleets.process.free_port", lambda taken: next(ports, None) or free_port(taken)
        )
        until = time.monotonic() + 20
        while True:
            fleet.ensure("1.0", 1)
            found = fleet.instances()
            assert Health.EXITED not in {i.health for i in found}
            if [i.health for i in found] == [Health.HEALTHY]:
                break
            assert time.monotonic() < until, found
            time.sleep(0.1)
        assert found[0].port != neighbour.getsockname()[1]


# ── what is lost, and clocks ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "broken", [None, b"", b'{"facts": {', b"[]", b'{"facts": {"version": "1.0"}, "pid": 1}', b"\xff"]
)
def test_a_lost_or_broken_record_is_made_anew_from_its_process(
    make: Make, tmp_path: Path, broken: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody starts a second instance for one that runs, and what happened is said in the log."""
    fleet = make(1)
    fleet.ensure("1.0", 2)
    before = wait(fleet, healthy("1.0", 2))
    record = tmp_path / "fleet" / "1.0-1.json"
    if broken is None:
        record.unlink()
    else:
        record.write_bytes(broken)
    for controller in (fleet, make(2)):
        controller.ensure("1.0", 2)
        assert [i.id for i in controller.instances()] == [i.id for i in before]
    assert len(children()) == 2
    assert "1.0-1.json was lost" in caplog.text
    assert broken is None or (tmp_path / "fleet" / "1.0-1.json.unreadable").read_bytes() == broken


def test_when_all_records_are_deleted_nothing_is_started_twice_and_stop_ends_all(make: Make, tmp_path: Path) -> None:
    fleet = make(1)
    fleet.ensure("1.0", 2)
    before = wait(fleet, healthy("1.0", 2))
    shutil.rmtree(tmp_path / "fleet")
    make(2).ensure("1.0", 2)
    assert [(i.id, i.port) for i in make(2).instances()] == [(i.id, i.port) for i in before]
    assert len(children()) == 2
    shutil.rmtree(tmp_path / "fleet")
    make(2).stop()
    assert children() == []


@pytest.mark.parametrize("room", [0, 1])
def test_on_a_full_disk_nothing_is_started_twice_and_what_was_started_ends(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """The record of a start is written in two steps, and the disk has room for none, or for the first. The instance
    carries all that it says; there is room again only at the end."""
    left = [room]

    def full(path: Path, value: object) -> None:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        write_json(path, value)

    monkeypatch.setattr(process_records, "write_json", full)
    fleet = make(1)
    for _ in range(3):
        fleet.ensure("stubborn", 2)
    there = wait(fleet, healthy("stubborn", 2))
    assert len(children()) == 2
    monkeypatch.setattr(process_records, "_unwritten", {})  # another controller, which finds them by their marks
    fleet = make(1)
    assert [i.id for i in fleet.instances()] == [i.id for i in there]

    def gone(found: list[Instance]) -> bool:
        fleet.ensure("stubborn", 1)
        return len(found) == 1

    wait(fleet, gone)
    monkeypatch.setattr(process_records, "write_json", write_json)
    assert healthy("stubborn", 1)(list(fleet.instances()))
    assert len(list((tmp_path / "fleet").glob("*.json"))) == 1


def test_a_child_in_a_session_of_its_own_ends_with_its_instance(make: Make) -> None:
    fleet = make(1)
    fleet.ensure("forking", 1)
    wait(fleet, healthy("forking", 1))
    assert len(_marked("forking-1.json")) == 2

    def gone(found: list[Instance]) -> bool:
        fleet.ensure("forking", 0)
        return not found

    wait(fleet, gone)
    assert _marked("forking-1.json") == []


CONTROLLER = """
import sys
from pathlib import Path
from pilotage.adapters.environment import Environment
from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets.process import ProcessFleet
place = Path(sys.argv[1])
fleet = ProcessFleet(place / "fleet", Fence(place / "fence.json", 1), command=["false"], health="/", stop_timeout=1.0,
                     cwd=place)
fleet.ensure("1.0", 1)
print(*(f"{i.id} {i.health}" for i in fleet.instances()))
"""


@pytest.mark.parametrize("step", [1, -3600])
def test_a_clock_that_was_put_right_changes_nothing_that_runs(make: Make, tmp_path: Path, step: int) -> None:
    """The kernel shows a step of the wall clock as another time of boot, by which psutil dates every process."""
    fleet = make(1)
    fleet.ensure("1.0", 1)
    wait(fleet, healthy("1.0", 1))
    rows = Path("/proc/stat").read_text().splitlines(keepends=True)
    moved = tmp_path / "stat"
    moved.write_text("".join(f"btime {int(r.split()[1]) + step}\n" if r.startswith("btime") else r for r in rows))
    there = ["unshare", "-Urm", "sh", "-c", f'mount --bind {moved} /proc/stat && exec "$@"', "-"]
    command = [*there, sys.executable, "-c", CONTROLLER, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": _SOURCES})
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
    assert done.stdout == "1.0-1 healthy\n", done.stderr


def test_a_record_of_an_earlier_pilotage_is_known_by_its_mark(make: Make, tmp_path: Path) -> None:
    """It has the start by the wall clock, which was put right meanwhile."""
    fleet = make(1)
    fleet.ensure("1.0", 1)
    (there,) = wait(fleet, healthy("1.0", 1))
    record = tmp_path / "fleet" / "1.0-1.json"
    data = json.loads(record.read_text())
    started = psutil.Process(data["pid"]).create_time() + 3600
    old = {"facts": data["facts"], "pid": data["pid"], "started": started, "stopping_since": None}
    record.write_text(json.dumps(old))
    make(2).ensure("1.0", 1)
    assert [i.id for i in make(2).instances()] == [there.id]
    assert len(children()) == 1


# ── what an instance is given ──────────────────────────────────────────────────────────────────────────────


def test_an_instance_sees_what_the_configuration_names_and_no_secret_of_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a secret resolves to reaches the program, and no file of ours."""
    given = {
        "PILOTAGE_DATABASE": "postgresql://u:hush@h/d",
        "SLACK_TOKEN": "xoxb",
        "REGION": "eu",
        "SHOP_KEY": "s3cr3t",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    environment = Environment(given={"KEY": "secret://env/SHOP_KEY", "MODE": "live"}, passed=["REGION", "ABSENT"])
    program = "import json, os; json.dump(dict(os.environ), open('seen', 'w'))"
    fence = Fence(tmp_path / "fence.json", 1)
    command = [sys.executable, "-c", program, "{version}", "{port}"]
    fleet = ProcessFleet(
        tmp_path / "fleet", fence, command=command, health="/", stop_timeout=1, cwd=tmp_path, environment=environment
    )
    fleet.ensure("1.0", 1)
    wait(fleet, lambda found: [i.health for i in found] == [Health.EXITED])
    seen = json.loads((tmp_path / "seen").read_text())
    assert {"KEY": "s3cr3t", "MODE": "live", "REGION": "eu", "PATH": os.environ["PATH"]}.items() <= seen.items()
    assert not {"PILOTAGE_DATABASE", "SLACK_TOKEN", "SHOP_KEY", "ABSENT"} & seen.keys()
    (tmp_path / "seen").unlink()
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"s3cr3t" in p.read_bytes()]


def test_a_secret_that_an_instance_prints_is_in_nothing_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "s3cr3t")
    environment = Environment(given={"KEY": "secret://env/SHOP_KEY"})
    fence = Fence(tmp_path / "fence.json", 1)
    command = ["sh", "-c", "echo cannot open db://shop:$KEY@h; exit 1", "{version}", "{port}"]
    fleet = ProcessFleet(
        tmp_path / "fleet", fence, command=command, health="/", stop_timeout=1, cwd=tmp_path, environment=environment
    )
    fleet.ensure("1.0", 1)
    wait(fleet, lambda found: [i.health for i in found] == [Health.EXITED])
    (gone,) = fleet.instances()
    assert gone.detail == "end of its log: cannot open db://shop:(secret)@h"
    assert fleet.log_tail(gone.id) == ("cannot open db://shop:(secret)@h",)


def test_a_secret_that_cannot_be_had_starts_nothing_and_is_named(tmp_path: Path) -> None:
    environment = Environment(given={"KEY": "secret://env/NOBODY_SET_THIS"})
    fence = Fence(tmp_path / "fence.json", 1)
    fleet = ProcessFleet(
        tmp_path / "fleet", fence, command=["true"], health="/", stop_timeout=1, cwd=tmp_path, environment=environment
    )
    with pytest.raises(AdapterError, match="NOBODY_SET_THIS holds nothing"):
        fleet.ensure("1.0", 1)
    assert fleet.instances() == ()


def test_placeholders_are_filled_in_once(tmp_path: Path) -> None:
    """A version called `{port}` is a version, not a port."""
    fence = Fence(tmp_path / "fence.json", 1)
    program = "import sys; print('got', sys.argv[1:])"
    command = [sys.executable, "-c", program, "{version}", "{port}", "{other}"]
    fleet = ProcessFleet(tmp_path / "fleet", fence, command=command, health="/", stop_timeout=1, cwd=tmp_path)
    fleet.ensure("{port}", 1)
    (dead,) = wait(fleet, lambda found: [i.health for i in found] == [Health.EXITED])
    assert fleet.log_tail(dead.id) == (f"got ['{{port}}', '{dead.port}', '{{other}}']",)


def test_a_port_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of a fleet's instances listens yet when the ports of the next ones are chosen."""
    given = [free_port() for _ in range(3)]
    drawn = iter([given[0], given[2], given[1] - 1, given[1] - 2, given[1] - 3])
    monkeypatch.setattr("random.randrange", lambda *_: next(drawn))
    assert free_port({given[1] - 1}) not in {*given, given[1] - 1}


_SOURCES = str(Path(processes.__file__).parents[2])


def _marked(name: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mark = process.environ().get("PILOTAGE_PROCESS", "")
            if mark.endswith(name) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def test_a_health_path_that_does_not_exist_is_told_as_what_no_waiting_changes(make: Make) -> None:
    fleet = make(1)
    fleet.ensure("elsewhere", 1)
    _until(lambda: any(i.refuses for i in fleet.instances()))
    (found,) = fleet.instances()
    assert (found.health, found.detail.partition(".")[0]) == (Health.UNHEALTHY, "/ returns 404")


def test_an_error_of_the_server_may_pass(make: Make) -> None:
    fleet = make(1)
    fleet.ensure("sick", 1)
    _until(lambda: any("returns 500" in i.detail for i in fleet.instances()))
    time.sleep(1.0)
    assert [i.refuses for i in fleet.instances()] == [False]


def test_each_instance_finds_its_folder_and_its_port_in_its_environment(tmp_path: Path) -> None:
    (tmp_path / "releases" / "1.0").mkdir(parents=True)
    fleet = ProcessFleet(
        tmp_path / "fleet", Fence(tmp_path / "fence.json", 1), stop_timeout=1.0, cwd=tmp_path, health="/",
        command=["sh", "-c", "echo $PORT $PWD; sleep 60"], home="releases/{version}",
        environment=Environment(given={"PORT": "{port}"}),
    )  # fmt: skip
    fleet.ensure("1.0", 1)
    try:
        _until(lambda: fleet.log_tail("1.0-1"))
        (found,) = fleet.instances()
        assert fleet.log_tail("1.0-1") == (f"{found.port} {tmp_path / 'releases' / '1.0'}",)
    finally:
        fleet.stop()


def test_a_program_that_went_away_is_an_instance_that_exited_and_not_a_try_every_two_seconds(tmp_path: Path) -> None:
    fleet = ProcessFleet(
        tmp_path / "fleet", Fence(tmp_path / "fence.json", 1), stop_timeout=1.0, cwd=tmp_path, health="/",
        command=["./{version}", "{port}"],
    )  # fmt: skip
    with pytest.raises(AdapterError, match="No such file"):
        fleet.ensure("1.0", 1)
    (found,) = fleet.instances()
    assert (found.health, found.detail) == (Health.EXITED, "cannot start './1.0': No such file or directory")
    fleet.ensure("1.0", 0)
    assert fleet.instances() == ()


def test_an_instance_that_ignores_its_port_is_told_with_the_one_it_uses(tmp_path: Path) -> None:
    used = free_port()
    fleet = ProcessFleet(
        tmp_path / "fleet", Fence(tmp_path / "fence.json", 1), stop_timeout=1.0, cwd=tmp_path, health="/",
        command=[sys.executable, "-c", SERVER, str(used), "{version}", "{port}"],
    )  # fmt: skip
    fleet.ensure("1.0", 1)
    try:
        wait(fleet, lambda found: any(f"it listens on {used} instead" in i.detail for i in found))
    finally:
        fleet.stop()
