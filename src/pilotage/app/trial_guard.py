"""Stops what a trial started, if the process that made it is gone: `python -m pilotage.app.trial_guard FOLDER`.

The trial holds the other end of this process's standard input. When it ends, by whatever, the input ends, too. Without
its last word the instance is stopped here. A folder that both left behind, because the machine went down, is cleared by
the next trial.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters import registry
from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import read_json, write_json
from pilotage.adapters.identity import start_ticks
from pilotage.adapters.ports import AdapterError, Fleet
from pilotage.config.kinds import AdapterSection
from pilotage.model.capabilities import Port
from pilotage.model.json import JsonObject, WrongJson, read_as

_DONE = b"done"
_FILE = "trial.json"


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """section: of the fleet · environment: a name that no environment has, so that nothing of the service is taken for
    the trial's · pid, started: of the process that tries."""

    section: JsonObject
    service: str
    environment: str
    folder: str
    pid: int
    started: int | None


@contextlib.contextmanager
def guarded(state: Path, section: AdapterSection, service: str, environment: str, folder: Path) -> Iterator[Fleet]:
    """A fleet in a folder of its own; afterwards nothing of it is left, also if this process is killed. state: the
    folder of Pilotage's state."""
    import os

    clear_left(state)
    place = Path(tempfile.mkdtemp(prefix="trial-", dir=state))
    name = f"{environment}-trial-{secrets.token_hex(3)}"
    mine = os.getpid()
    write_json(
        place / _FILE,
        {
            "section": section.model_dump(mode="json"), "service": service, "environment": name,
            "folder": str(folder.absolute()), "pid": mine, "started": start_ticks(mine),
        },
    )  # fmt: skip
    command = [sys.executable, "-m", "pilotage.app.trial_guard", str(place)]
    environment_of_guard = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    guard = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env=environment_of_guard,
    )  # fmt: skip
    try:
        yield _fleet_of(place, section, service, name, folder)
    finally:
        if _cleared(place):
            with contextlib.suppress(BrokenPipeError):
                guard.communicate(_DONE)


def clear_left(state: Path) -> None:
    """Clear trials whose processes are gone."""
    for place in sorted(state.glob("trial-*")):
        trial = _read(place)
        if trial is None or start_ticks(trial.pid) is None or start_ticks(trial.pid) != trial.started:
            _cleared(place)


def _read(place: Path) -> _Trial | None:
    try:
        return read_as(_Trial, read_json(place / _FILE))
    except WrongJson:
        return None


def _cleared(place: Path) -> bool:
    """Whether nothing of it runs any more; then its folder is gone."""
    trial = _read(place)
    try:
        if trial is not None:
            adapter = registry.get(Port.FLEET, str(trial.section.get("kind")))
            section = registry.leniently(adapter, trial.section)
            _fleet_of(place, section, trial.service, trial.environment, Path(trial.folder)).stop()
    except AdapterError:
        return False
    shutil.rmtree(place, ignore_errors=True)
    return True


def _fleet_of(place: Path, section: AdapterSection, service: str, environment: str, folder: Path) -> Fleet:
    context = Context(
        directory=place / "fleet", fence=Fence(place / "fence.json", 1), service=service, environment=environment,
        folder=folder, aside=True,
    )  # fmt: skip
    fleet: Fleet = registry.of(Port.FLEET, section).open(section, context)
    return fleet


if __name__ == "__main__":
    if sys.stdin.buffer.read() != _DONE:
        _cleared(Path(sys.argv[1]))
