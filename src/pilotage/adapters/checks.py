"""The configured checks of a rollout's steps: commands and HTTP requests, each attempt a detached process."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pilotage.adapters import processes
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import read_json, write_json
from pilotage.model.observation import CheckResult, CheckStatus


class StepChecks:
    """The Checks port. directory: of this rollout alone · configured: per step its checks, as plain JSON."""

    def __init__(
        self, directory: Path, fence: Fence, configured: Mapping[str, Sequence[Mapping[str, Any]]], cwd: Path
    ) -> None:
        self._directory, self._fence, self._cwd = directory, fence, cwd
        self._configured = {name: [dict(check) for check in checks] for name, checks in configured.items() if checks}

    def names(self) -> frozenset[str]:
        return frozenset(self._configured)

    def ensure(self, name: str, attempt: int, facts: Mapping[str, str]) -> None:
        self._fence.check()
        place = self._directory / f"{name}.{attempt}"
        result, record = place.with_name(place.name + ".result.json"), place.with_name(place.name + ".process.json")
        if result.exists() or processes.load(record) is not None:
            return
        specification = place.with_name(place.name + ".asked.json")
        write_json(specification, {"checks": self._configured[name], "facts": dict(facts), "cwd": str(self._cwd)})
        command = [sys.executable, "-m", "pilotage.adapters.check_runner", str(specification), str(result)]
        log = place.with_name(place.name + ".runner.log")
        processes.start(record, command, {"name": name, "attempt": attempt}, log)

    def results(self) -> tuple[CheckResult, ...]:
        found = []
        for path in sorted(self._directory.glob("*.process.json")):
            record = processes.load(path)
            if record is not None:
                found.append(self._result(record))
        return tuple(found)

    def _result(self, record: processes.Record) -> CheckResult:
        name, attempt = record.facts["name"], int(record.facts["attempt"])
        # Whether it lives is asked first: it may write its answer and end between the two questions.
        living = record.process() is not None
        answer = read_json(self._directory / f"{name}.{attempt}.result.json")
        if answer is not None:
            status = CheckStatus.PASSED if answer["passed"] else CheckStatus.FAILED
            return CheckResult(name, attempt, status, f"{answer['detail']} ({answer['seconds']:.1f} s)".strip())
        if living:
            return CheckResult(name, attempt, CheckStatus.RUNNING)
        gone = "it ended without an answer: it was killed, or the machine went down; `pilotage retry` runs it again"
        return CheckResult(name, attempt, CheckStatus.FAILED, gone)

    def stop_all_but(self, name: str, attempt: int) -> None:
        for path in sorted(self._directory.glob("*.process.json")):
            record = processes.load(path)
            if record is None or record.process() is None or path.name == f"{name}.{attempt}.process.json":
                continue
            processes.end_tree(record)
