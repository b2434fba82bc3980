"""After a rollback: whether the risk model would learn from it, with figures, as a message (R17, R21).

Reading a repository's whole past takes minutes, so a process of its own does it, at low priority. Nothing is trained by
itself: a model that changes on its own would change plans that people have signed.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from pilotage.adapters import marks
from pilotage.adapters.environment import inherited
from pilotage.app.project import Project
from pilotage.app.snapshot import channels_of
from pilotage.engine.records import outbox
from pilotage.model.json import JsonObject, number_at, object_at, truth_at, whole_at
from pilotage.model.message import Message, Severity
from pilotage.model.quantity import format_share
from pilotage.model.record import Rollout
from pilotage.model.risk import Horizon

_LONGEST = 600.0
_YOUNG = 3600.0
"""Seconds after its end in which a rollback is looked at: a worker that starts again does not read the past again."""
_SOURCES = str(Path(__file__).parents[2])
MARK_FOLDER = "risk-offer"
"""In the state's folder: what the process is marked with, so that `down` finds it. Nothing is written there."""


def offer(project: Project, rollout: Rollout) -> threading.Thread | None:
    """Begin to find out; the message follows. None where there is nothing to find out."""
    now = project.clock.now()
    if now - (rollout.finished_at or 0) > _YOUNG or not (project.folder / ".git").exists():
        return None
    from pilotage.app.risk_training import undone_of

    undone = undone_of(project)
    thread = threading.Thread(target=lambda: _tell(project, rollout, undone), daemon=True, name="risk-refit")
    thread.start()
    return thread


def _tell(project: Project, rollout: Rollout, undone: Sequence[tuple[str, str]]) -> None:
    found = _figures(project.folder, undone, {marks.MARK: marks.mark_of(project.directory / MARK_FOLDER / rollout.id)})
    if found is None or not truth_at(found, "better"):
        return
    key = f"risk-refit/{rollout.id}"
    text = (
        f"Of the newest {whole_at(found, 'changes')} changes of this repository, {_percent(found, 'found')} needed a "
        f"repair {Horizon.DAYS_30.words}. The risk model as shipped foretold {_percent(found, 'usual')}; with its "
        f"level kept up it would have foretold {_percent(found, 'own')}. `pilotage risk train` takes that over."
    )
    message = Message(
        key, key, "risk-refit-offered", Severity.INFO,
        f"{rollout.service}: after the rollback of {rollout.version}, `pilotage risk train` would do better", text,
        project.clock.now(), rollout.service, rollout.environment, rollout.version,
    )  # fmt: skip
    outbox.post_once(project.store.engine, message, channels_of(project.loaded), project.clock.now())


def _percent(figures: JsonObject, name: str) -> str:
    return format_share(round(number_at(figures, name), 3))


def _figures(folder: Path, undone: Sequence[tuple[str, str]], mark: Mapping[str, str]) -> JsonObject | None:
    """None where the repository says too little, or takes too long. mark: variables of the process."""
    command = [sys.executable, "-m", "pilotage.app.risk_offer", str(folder), json.dumps(list(undone))]
    environment = {**inherited(), **mark, "PYTHONPATH": _SOURCES}
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LONGEST, env=environment, check=False)
        return object_at(json.loads(done.stdout)) if done.returncode == 0 and done.stdout.strip() else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def main(folder: str, undone: str) -> None:
    """Print the figures; nothing where there is too little history."""
    from pilotage.adapters.ports import AdapterError
    from pilotage.app.risk_training import learn
    from pilotage.risk.recalibration import TooLittleHistory

    with contextlib.suppress(OSError):
        os.nice(10)
    try:
        found = learn(Path(folder), "HEAD", [(before, version) for before, version in json.loads(undone)])
    except (AdapterError, TooLittleHistory):
        return
    check = next((one for one in found.checks if one.horizon is Horizon.DAYS_30), None)
    if check is not None:
        figures = {"found": check.own.found, "own": check.own.foretold, "usual": check.shipped.foretold}
        print(json.dumps({"changes": check.own.changes, "better": check.better, **figures}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
