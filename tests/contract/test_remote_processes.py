"""The runner `process` (R27): what only it promises, with sh and real processes; the fleet's contract is elsewhere."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pilotage.adapters.environment import Environment
from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts import on_host
from pilotage.adapters.hosts.hosted_program import HostedProgram, lines_of
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.hosts.remote_processes import RemoteProcesses
from pilotage.adapters.hosts.runner import Found, Wanted
from pilotage.adapters.ports import NeverStarts
from pilotage.testing import wait_until
from tests.host_fleets import marked
from tests.programs import needs

pytestmark = pytest.mark.real

Make = Callable[..., RemoteProcesses]
ONE = Wanted(name="1.0-1", version="1.0", number=1, port=20001)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Make]:
    def make(*command: str, **more: object) -> RemoteProcesses:
        program = HostedProgram(command=command, **{"stop_timeout": 0.5, **more})  # type: ignore[arg-type]
        return RemoteProcesses(LocalHost(tmp_path / "host"), program, service="shop", environment="production")

    yield make
    for pid in marked(tmp_path / "host"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)


def started(runner: RemoteProcesses, place: Path, wanted: Wanted = ONE) -> psutil.Process:
    runner.start(wanted, fence(place))
    runner.start(wanted, fence(place))
    found = set[int]()
    for one in marked(place / "host"):
        with contextlib.suppress(ProcessLookupError):  # it helped to start the other one
            found.add(os.getsid(one))
    (pid,) = found
    return psutil.Process(pid)


def fence(place: Path) -> Fence:
    return Fence(place / "fence.json", 1)


def log_of(place: Path) -> str:
    return (place / "host" / "shop_production" / "logs" / "1.0-1.log").read_text()


def gone(runner: RemoteProcesses, place: Path) -> None:
    def ended() -> bool:
        runner.stop("1.0-1", fence(place))
        return runner.found() == ()

    wait_until(ended, 20.0)


def test_a_program_sees_what_is_named_and_a_secret_is_nowhere_else(
    runner: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "hunter2 'of' \"sh\" $(x)\nand more")
    monkeypatch.setenv("HANDED_ON", "yes")
    monkeypatch.setenv("UNNAMED", "no")
    environment = Environment(
        given={"KEY": "secret://env/SHOP_KEY", "port": "{port}", "ZONE": "{zone}"}, passed=["HANDED_ON"]
    )
    process = started(
        runner("sleep", "600", "{version}", environment=environment, facts={"zone": "eu"}), tmp_path
    )  # fmt: skip
    wait_until(lambda: process.name() == "sleep")
    seen = process.environ()
    assert (seen["KEY"], seen["port"], seen["ZONE"], seen["HANDED_ON"]) == (
        os.environ["SHOP_KEY"],
        "20001",
        "eu",
        "yes",
    )
    assert "UNNAMED" not in seen
    assert not [name for name in seen if name.startswith("launcher")]
    for file in (tmp_path / "host").rglob("*"):
        assert not file.is_file() or b"hunter2" not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def test_user_and_limits_are_those_of_the_configuration(runner: Make, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("another user needs root")
    limits = {"open_files": 321, "core": 0}
    process = started(runner("sleep", "600", user="daemon", limits=limits, cwd="/"), tmp_path)
    wait_until(lambda: process.name() == "sleep")
    assert process.username() == "daemon"
    rows = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
    limited = {row[:24].strip(): row[25:].split()[:2] for row in rows}
    assert (limited["Max open files"], limited["Max core file size"]) == (["321", "321"], ["0", "0"])
    gone(runner("sleep", "600"), tmp_path)


def test_a_child_in_a_session_of_its_own_ends_with_its_instance_by_the_configured_signal(
    runner: Make, tmp_path: Path
) -> None:
    program = "import subprocess, time; subprocess.Popen(['sleep', '600'], start_new_session=True); time.sleep(600)"
    it = runner(sys.executable, "-S", "-c", program, stop_signal="INT")
    it.start(ONE, fence(tmp_path))
    wait_until(lambda: len(marked(tmp_path / "host")) == 2)
    gone(it, tmp_path)
    assert marked(tmp_path / "host") == []
    assert "KeyboardInterrupt" in log_of(tmp_path)


def test_one_that_ignores_the_signal_is_killed_after_the_deadline_and_not_before(runner: Make, tmp_path: Path) -> None:
    it = runner("sh", "-c", "trap '' TERM; while :; do sleep 0.05; done", stop_timeout=0.4)
    started(it, tmp_path)
    it.stop("1.0-1", fence(tmp_path))
    (found,) = it.found()
    assert (found.running, found.stopping) == (True, True)
    gone(it, tmp_path)
    assert marked(tmp_path / "host") == []


def test_a_log_that_has_grown_is_copied_and_emptied(runner: Make, tmp_path: Path) -> None:
    it = runner("sh", "-c", "head -c 17000000 /dev/zero | tr '\\0' x; sleep 600")
    it.start(ONE, fence(tmp_path))
    log = tmp_path / "host" / "shop_production" / "logs" / "1.0-1.log"
    wait_until(lambda: log.stat().st_size == 17_000_000)
    it.found()
    assert (log.stat().st_size, log.with_name("1.0-1.log.1").stat().st_size) == (0, 17_000_000)


def test_how_it_ended_is_told_and_a_second_start_does_not_bring_it_back(runner: Make, tmp_path: Path) -> None:
    it = runner("sh", "-c", "echo begins; echo no price list; exit 3")
    it.start(ONE, fence(tmp_path))
    found: list[Found] = []

    def ended() -> bool:
        found[:] = it.found()
        return bool(found) and not found[0].running

    wait_until(ended)
    assert found[0].detail == "end of its log: begins / no price list"
    it.start(ONE, fence(tmp_path))
    assert [one.running for one in it.found()] == [False]
    assert it.log("1.0-1", 1) == ("no price list",)


@pytest.mark.parametrize(
    ("command", "settings", "said"),
    [
        (("./none", "x"), {}, "./none does not exist there"),
        (("no-such-program",), {}, "is not on PATH there"),
        (("./plain",), {}, "is not executable there; run `chmod +x ./plain`"),
        (("./script",), {}, "needs /opt/no/python, which does not exist there"),
        (("./of-env",), {}, "needs no-such-python, which does not exist there"),
        (("./folder",), {}, "is a folder, not a program"),
        (("sleep",), {"cwd": "releases/{version}"}, "the folder releases/1.0 does not exist there"),
        (("sleep",), {"user": "nobody-here"}, "there is no user 'nobody-here' there"),
        (("python3", "app-{version}.py"), {}, "app-1.0.py does not exist there"),
        (("sleep", "1"), {}, ""),
    ],
)
def test_what_cannot_start_is_told_before_with_what_to_do(
    runner: Make, tmp_path: Path, command: tuple[str, ...], settings: dict[str, object], said: str
) -> None:
    place = tmp_path / "host" / "shop_production"
    (place / "folder").mkdir(parents=True)
    for name, content in (
        ("plain", ""),
        ("script", "#!/opt/no/python -x\n"),
        ("of-env", "#!/usr/bin/env no-such-python\n"),
    ):
        (place / name).write_text(content)
        (place / name).chmod(0o600 if name == "plain" else 0o700)
    found = runner(*command, **settings).lacks("1.0")
    assert said in found
    assert bool(said) == bool(found)
    assert sorted(path.name for path in place.iterdir()) == ["folder", "of-env", "plain", "script"]


@pytest.mark.parametrize("command", [("/no/such/program",), ("no-such-program",), ("/tmp",)])
def test_a_program_that_does_not_exist_is_not_tried_for_minutes(
    runner: Make, tmp_path: Path, command: tuple[str, ...]
) -> None:
    with pytest.raises(NeverStarts, match=f"cannot start '{command[0]}'"):
        runner(*command).start(ONE, fence(tmp_path))
    assert runner("true").found() == ()


def test_a_process_of_another_service_is_left_alone(runner: Make, tmp_path: Path) -> None:
    """Even if its number was written into one of our records."""
    it = runner("sleep", "600")
    started(it, tmp_path)
    record = tmp_path / "host" / "shop_production" / "instances" / "1.0-1"
    fields = record.read_text().split()
    own = psutil.Process()
    record.write_text(" ".join([*fields[:3], str(own.pid), *fields[4:]]))
    gone(it, tmp_path)
    assert own.is_running()
    assert marked(tmp_path / "host") == []


@pytest.mark.parametrize("shell", [("bash", "--posix"), ("busybox", "sh"), ("dash",)], ids=lambda shell: shell[0])
def test_the_script_of_hosts_runs_in_every_usual_shell(runner: Make, tmp_path: Path, shell: tuple[str, ...]) -> None:
    """What is `sh` there starts, lists and stops an instance."""
    script, base = str(Path(on_host.__file__).with_suffix(".sh")), str(tmp_path / "host" / "shop_production")

    def said(verb: str, *arguments: str, given: bytes = b"") -> list[str]:
        command = [needs(shell[0]), *shell[1:], script, verb, base, *arguments]
        done = subprocess.run(command, input=given, capture_output=True, check=True)
        return done.stdout.decode().splitlines()

    program = HostedProgram(command=("sleep", "600"), environment=Environment(given={"A": "it's"}))
    assert said("start", "1.0-1", "MS4w", "20001", "1", "", given=lines_of(program)) == ["pilotage 1", "started"]
    assert said("list", "ALL")[1].split()[:6] == ["1.0-1", "MS4w", "20001", "1", "1", "0"]
    gone(runner("true"), tmp_path)
    assert said("list", "STEADY") == ["pilotage 1"]
