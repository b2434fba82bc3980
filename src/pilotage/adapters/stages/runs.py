"""The Runs port: each attempt of a run stage is a detached process of `stages.runner`.

Of an attempt `STAGE.N` there are, in the folder of the way: its state (`result.json`), what it was asked
(`asked.json`), the record of its process, its log, what it reported (`results`), and, while it runs or if it failed,
its checkout (`work`). The state is written first: an attempt with a specification and no state was lost, and is never
started again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import psutil

from pilotage.adapters import process_records, processes
from pilotage.adapters.environment import Environment, inherited, secret_names
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import private_folder, read_json, write_json
from pilotage.adapters.marks import marked_as
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.attempt import Asked
from pilotage.adapters.stages.checkout import remove_tree
from pilotage.adapters.stages.ports import RunStatus, StageResult
from pilotage.adapters.stages.runner import GIVEN, ROOM
from pilotage.model.json import Json, WrongJson, number_at, optional, read_as, text_at, truth_at
from pilotage.model.way import Artifact, Evidence, RunStage, Way

_STATE, _ASKED, _RECORD, _LOG, _WORK, _RESULTS = (
    ".result.json", ".asked.json", ".process.json", ".log", ".work", ".results",
)  # fmt: skip
_NEEDS: process_records.Needs = {"stage": str, "attempt": int}
_SOURCES = str(Path(__file__).parents[3])
_GOES = 5.0
"""Seconds that killed processes may take to be gone."""


class StageRuns:
    """way: its stages, commit and version · the rest as of `ports.open_runs`."""

    def __init__(
        self, way: Way, *, directory: Path, repository: Path, artifacts: Path, fence: Fence, keep: int
    ) -> None:
        self._way, self._directory, self._fence, self._keep = way, directory, fence, keep
        self._repository, self._artifacts = repository.absolute(), artifacts.absolute()

    def ensure(self, stage: str, attempt: int, facts: Mapping[str, str], artifacts: Sequence[Artifact] = ()) -> None:
        self._fence.check()
        wanted = self._way.stage(stage)
        if not isinstance(wanted, RunStage):
            raise AdapterError(f"the stage {stage} runs no commands")
        try:
            with self._alone():
                if self._was_begun(stage, attempt):
                    return
                self._cleared(stage, attempt)
                self._start(wanted, attempt, facts, artifacts)
        except OSError as error:
            raise AdapterError(f"the stage {stage} cannot be started: {error.strerror}") from error

    def _was_begun(self, stage: str, attempt: int) -> bool:
        state = read_json(self._place(stage, attempt, _STATE))
        if state is None and self._place(stage, attempt, _ASKED).exists():
            return True
        if isinstance(state, Mapping) and "began" in state:
            return True
        record = self._place(stage, attempt, _RECORD)
        return (state is not None or record.exists()) and process_records.find(record, _NEEDS) is not None

    def _start(self, stage: RunStage, attempt: int, facts: Mapping[str, str], artifacts: Sequence[Artifact]) -> None:
        name = stage.name
        state, specification = self._place(name, attempt, _STATE), self._place(name, attempt, _ASKED)
        wanted = Environment(given=stage.env, passed=stage.pass_env)
        hidden = secret_names(stage.env)
        unreadable, given = "", dict[str, str]()
        try:
            given = wanted.named()
        except AdapterError as error:
            unreadable = str(error)
        asked = Asked(
            stage=name, attempt=attempt, version=self._way.version, commit=self._way.commit,
            repository=str(self._repository), work=str(self._place(name, attempt, _WORK).absolute()),
            results=str(self._place(name, attempt, _RESULTS).absolute()),
            log=str(self._place(name, attempt, _LOG).absolute()), store=str(self._artifacts),
            commands=stage.commands, timeout=stage.timeout, facts=facts, given=tuple(artifacts),
            artifacts=stage.artifacts, images=stage.images, reports=stage.reports, provenance=stage.provenance,
            secret=tuple(sorted(hidden)),
            fills=tuple(sorted(stage.env.keys() - hidden)), unreadable=unreadable, keeps=self._keep > 0,
        )  # fmt: skip
        write_json(state, {"asked": time.time(), "room": ROOM})
        write_json(specification, asdict(asked))
        command = [sys.executable, "-m", "pilotage.adapters.stages.runner", str(specification), str(state)]
        environment = {**inherited(), "PYTHONPATH": _SOURCES, GIVEN: json.dumps(given)}
        log = self._place(name, attempt, ".runner.log")
        record = self._place(name, attempt, _RECORD)
        processes.start(record, command, {"stage": name, "attempt": attempt}, log, environment=environment)

    def results(self) -> tuple[StageResult, ...]:
        found = (self._result(stage, attempt) for stage, attempt in self._attempts())
        return tuple(one for one in found if one is not None)

    def _attempts(self) -> list[tuple[str, int]]:
        names = {
            path.name.removesuffix(suffix)
            for suffix in (_STATE, _ASKED, _RECORD)
            for path in self._directory.glob(f"*{suffix}")
        }
        parts = (name.rpartition(".") for name in names)
        return sorted((stage, int(number)) for stage, _, number in parts if number.isascii() and number.isdigit())

    def _result(self, stage: str, attempt: int) -> StageResult | None:
        state = read_json(self._place(stage, attempt, _STATE))
        if (ended := _ended(stage, attempt, state)) is not None:
            return ended
        record = self._place(stage, attempt, _RECORD)
        living = process_records.runs(record)
        # Once more: it may have written its result and exited between the two looks.
        state = read_json(self._place(stage, attempt, _STATE))
        if (ended := _ended(stage, attempt, state)) is not None:
            return ended
        began = _time(state, "began")
        if living:
            return StageResult(stage=stage, attempt=attempt, status=RunStatus.RUNNING, began=began)
        if state is not None and not began:
            loaded = process_records.load(record, _NEEDS)
            starting = loaded is not None and (loaded.is_starting or loaded.process() is not None)
            starting = starting or (loaded is None and record.exists())
            return StageResult(stage=stage, attempt=attempt, status=RunStatus.RUNNING) if starting else None
        why = "it was killed, or the machine stopped: nobody knows how far it came"
        left = not (isinstance(state, Mapping) and "stopped" in state)
        return StageResult(stage=stage, attempt=attempt, status=RunStatus.CUT_OFF, detail=why, began=began, left=left)

    def stop(self, stage: str, attempt: int) -> None:
        self._fence.check()
        with self._alone():
            state = read_json(self._place(stage, attempt, _STATE))
            begun = isinstance(state, Mapping) and "began" in state
            known = state is not None or self._place(stage, attempt, _ASKED).exists()
            if not begun and known:  # so that nobody starts it any more
                self._say(stage, attempt, {"began": time.time(), "room": ROOM})
            self._end(stage, attempt)
            remove_tree(self._place(stage, attempt, _WORK))
            state = read_json(self._place(stage, attempt, _STATE))  # it may have ended by itself
            if known and _ended(stage, attempt, state) is None:
                began = _time(state, "began") or time.time()
                self._say(stage, attempt, {"began": began, "stopped": time.time(), "room": ROOM})

    def _say(self, stage: str, attempt: int, state: Json) -> None:
        with contextlib.suppress(OSError):
            write_json(self._place(stage, attempt, _STATE), state)

    def _end(self, stage: str, attempt: int) -> None:
        """Kill the runner first, which would start more; then all that carries its mark."""
        place = self._place(stage, attempt, _RECORD)
        if (record := process_records.load(place, _NEEDS)) is not None:
            processes.end_tree(record)
        until = time.monotonic() + _GOES
        while (left := marked_as(place)) and time.monotonic() < until:
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=0.5)

    def _cleared(self, stage: str, attempt: int) -> None:
        """End what earlier attempts left running, and remove all checkouts but those of the last that failed."""
        kept = self._keep
        for name, number in sorted(self._attempts(), key=lambda one: -one[1]):
            work = self._place(name, number, _WORK)
            ended = _ended(name, number, read_json(self._place(name, number, _STATE)))
            if name == stage and number < attempt and ended is None:
                self._end(name, number)
                remove_tree(work)
            elif ended is not None and work.exists():
                kept -= 1
                if kept < 0:
                    remove_tree(work)

    def _place(self, stage: str, attempt: int, suffix: str) -> Path:
        return self._directory / f"{stage}.{attempt}{suffix}"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Of two controllers, one at a time starts and stops."""
        private_folder(self._directory)
        descriptor = os.open(self._directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _ended(stage: str, attempt: int, state: Json) -> StageResult | None:
    """What the state of an attempt that has ended says; None for any other."""
    if not isinstance(state, Mapping) or "passed" not in state:
        return None
    try:
        return StageResult(
            stage=stage, attempt=attempt,
            status=RunStatus.PASSED if truth_at(state, "passed") else RunStatus.FAILED,
            detail=text_at(state, "detail"), artifacts=read_as(tuple[Artifact, ...], state, "artifacts"),
            evidence=read_as(tuple[Evidence, ...], state, "evidence"), began=_time(state, "began"),
            ended=_time(state, "ended"),
        )  # fmt: skip
    except WrongJson:
        return None


def _time(state: Json, name: str) -> float:
    try:
        return optional(number_at, state, name) or 0.0
    except WrongJson:
        return 0.0
