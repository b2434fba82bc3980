"""A process is the same one whatever the wall clock says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pilotage.adapters import identity

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
TOLD = """
import sys, psutil
from pilotage.adapters import identity
pid = int(sys.argv[1])
print(identity.start_ticks(pid), psutil.Process(pid).create_time())
"""


@pytest.mark.parametrize("step", [3600, -3600])
def test_a_step_of_the_wall_clock_moves_no_start(step: int, tmp_path: Path) -> None:
    """A record of a process fits it after the clock was put right. The kernel shows the step as another `btime`."""
    told = [sys.executable, "-c", TOLD, str(os.getpid())]
    before = subprocess.run(told, capture_output=True, text=True, check=True).stdout.split()
    moved = tmp_path / "stat"
    rows = Path("/proc/stat").read_text().splitlines(keepends=True)
    shown = [f"btime {int(row.split()[1]) + step}\n" if row.startswith("btime") else row for row in rows]
    moved.write_text("".join(shown))
    mounted = f'mount --bind {moved} /proc/stat && exec "$@"'
    after = subprocess.run(["unshare", "-Urm", "sh", "-c", mounted, "-", *told], capture_output=True, text=True)
    if after.returncode:
        pytest.skip(f"no mount namespace here: {after.stderr.strip()}")
    ticks, created = after.stdout.split()
    assert float(created) - float(before[1]) == pytest.approx(step, abs=1.5)
    assert ticks == before[0] == str(identity.start_ticks(os.getpid()))


def test_two_processes_in_turn_are_told_apart() -> None:
    """The start tells a process from another that gets the same id later; a dead one has none."""
    with subprocess.Popen(SLEEPER) as process:
        started = identity.start_ticks(process.pid)
        assert started is not None
        assert started > (identity.start_ticks(os.getpid()) or 0)
        process.kill()
    assert identity.start_ticks(process.pid) is None


def test_boot_and_namespace_are_the_same_for_a_child() -> None:
    """What a worker writes of itself is recognised by the next one on this machine."""
    program = "from pilotage.adapters.identity import boot_id, pid_namespace; print(boot_id(), pid_namespace())"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert said == [word for word in (identity.boot_id(), identity.pid_namespace()) if word]
    assert identity.boot_id()
