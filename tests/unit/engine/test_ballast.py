"""On a full disk the room that was laid by lets users be taken back. The disk is a small one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pilotage.engine.rescue import ballast

FULL = """
import errno, os, sys
from pathlib import Path
from pilotage.adapters.files import write_at_once
from pilotage.adapters.hosts.local import LocalHost
from pilotage.engine.rescue import ballast
from pilotage.engine.execution.acting import Acting
from pilotage.engine.execution.crew import Crew
from pilotage.engine.execution.targets import Target
from pilotage.model.rollout import Observed
from pilotage.model.action import Apply
from pilotage.model.traffic import Split

place = Path(sys.argv[1])
WRITES = {"own": write_at_once, "host": lambda path, content: LocalHost(place).write(str(path), content)}

class Router:
    def apply(self, split, backends):
        WRITES[sys.argv[2]](place / "rds.json", b"x" * 20_000)

def filled():
    with open(place / "filler", "ab", buffering=0) as filler:
        try:
            while filler.write(b"x" * 4096): pass
        except OSError as error:
            assert error.errno == errno.ENOSPC

acting = Acting("rollout", place, Crew())
target = Target(Router(), None, None)
seen = Observed(None, ())
def refused():
    acting.act(target, (Apply(Split((("old", 1000),))),), seen, lambda *_: {}, (), back=True)
    return acting.refused
ballast.lay(place)
filled()
try:
    write_at_once(place / "other", b"x" * 20_000)
    sys.exit("the disk is not full")
except OSError:
    pass
assert refused() == [], acting.refused
assert (place / "rds.json").stat().st_size == 20_000
assert not (place / "ballast").exists()
filled()
os.truncate(place / "filler", os.stat(place / "filler").st_size - 40960)
ballast.lay(place)
assert not (place / "ballast").exists(), "half of it is of no use, and the room is wanted"
print("held")
"""


@pytest.mark.parametrize("whose", ["own", "host"])
def test_a_full_disk_has_room_for_the_way_back(tmp_path: Path, whose: str) -> None:
    """The files of Pilotage's own router, and those that it has in the folder of somebody else's."""
    shell = f'mount -t tmpfs -o size=400k none {tmp_path} && exec "$@"'
    command = ["unshare", "-Urm", "sh", "-c", shell, "-", sys.executable, "-c", FULL, str(tmp_path), whose]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
    assert done.stdout == "held\n", done.stderr


def test_it_is_laid_once_for_this_user_alone_and_only_beside_a_target(tmp_path: Path) -> None:
    ballast.lay(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    ballast.lay(tmp_path)
    os.truncate(tmp_path / "ballast", 10)
    ballast.lay(tmp_path)
    laid = (tmp_path / "ballast").stat()
    assert (laid.st_size, laid.st_mode & 0o777) == (128 << 10, 0o600)
    assert laid.st_blocks * 512 >= laid.st_size, "a hole holds no room"
    ballast.lay(tmp_path)
    assert (tmp_path / "ballast").stat().st_mtime_ns == laid.st_mtime_ns
    assert (ballast.throw(tmp_path), ballast.throw(tmp_path)) == (True, False)
