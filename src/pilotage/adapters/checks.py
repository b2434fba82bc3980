"""The configured checks of a rollout's steps: commands and HTTP requests, each attempt a detached process."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pilotage.adapters import process_records, processes
from pilotage.adapters.check_runner import GIVEN
from pilotage.adapters.environment import Environment, inherited
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import read_json, set_aside, write_json
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.built import Built
from pilotage.model.json import JsonObject, WrongJson, each, entries, number_at, text_at, truth_at, whole_at
from pilotage.model.observation import CheckResult, CheckStatus

_RECORD, _RESULT = ".process.json", ".result.json"
_NEEDS: process_records.Needs = {"name": str, "attempt": int}
_SOURCES = str(Path(__file__).parents[2])


class StepChecks:
    """The Checks port. directory: of this rollout alone · configured: per step its checks, as plain JSON · built: what
    `{artifact}` and `{artifacts}` mean for a version; None where they mean nothing."""

    def __init__(
        self,
        directory: Path,
        fence: Fence,
        configured: Mapping[str, Sequence[JsonObject]],
        cwd: Path,
        built: Built | None = None,
    ) -> None:
        self._built = built
        self._directory, self._fence, self._cwd = directory, fence, cwd
        self._configured = {name: list(checks) for name, checks in configured.items() if checks}

    def names(self) -> frozenset[str]:
        return frozenset(self._configured)

    def ensure(self, name: str, attempt: int, facts: Mapping[str, str]) -> None:
        self._fence.check()
        place = self._directory / f"{name}.{attempt}"
        result, record = place.with_name(place.name + _RESULT), place.with_name(place.name + _RECORD)
        if result.exists() or process_records.find(record, _NEEDS) is not None:
            return
        specification = place.with_name(place.name + ".asked.json")
        checks, given = self._with_environments(name)
        try:
            facts = {**facts, **self._artifacts(name, facts)}
        except AdapterError as error:
            checks = [{"unreadable": str(error)}]
        write_json(specification, {"checks": checks, "facts": dict(facts), "cwd": str(self._cwd)})
        command = [sys.executable, "-m", "pilotage.adapters.check_runner", str(specification), str(result)]
        log = place.with_name(place.name + ".runner.log")
        environment = {**inherited(), "PYTHONPATH": _SOURCES, **given}
        processes.start(record, command, {"name": name, "attempt": attempt}, log, environment=environment)

    def _artifacts(self, name: str, facts: Mapping[str, str]) -> dict[str, str]:
        """Files of the new version, for checks whose commands name them. Raises AdapterError."""
        commands = (check.get("command") for check in self._configured[name])
        texts = [str(part) for command in commands if isinstance(command, list | tuple) for part in command]
        return self._built.among(texts, facts["version"]) if self._built is not None and "version" in facts else {}

    def _with_environments(self, name: str) -> tuple[list[JsonObject], dict[str, str]]:
        """A step's checks, and what the runner must have in its environment for them. One whose secret cannot be had
        fails, and says why."""
        checks: list[JsonObject] = []
        given: dict[str, str] = {}
        for number, check in enumerate(self._configured[name]):
            wanted = _environment_of(check)
            try:
                given[f"{GIVEN}{number}"] = json.dumps(wanted.named())
                checks.append(check)
            except AdapterError as error:
                checks.append({"unreadable": str(error)})
        return checks, given

    def results(self) -> tuple[CheckResult, ...]:
        """By record or by answer: either may be lost."""
        begun: dict[tuple[str, int], process_records.Record | None] = {}
        for path in sorted(self._directory.glob(f"*{_RECORD}")):
            if (record := process_records.load(path, _NEEDS)) is not None:
                begun[text_at(record.facts, "name"), whole_at(record.facts, "attempt")] = record
        for path in sorted(self._directory.glob(f"*{_RESULT}")):
            name, _, attempt = path.name.removesuffix(_RESULT).rpartition(".")
            if attempt.isascii() and attempt.isdigit():
                begun.setdefault((name, int(attempt)), None)
        return tuple(self._result(name, attempt, record) for (name, attempt), record in begun.items())

    def _result(self, name: str, attempt: int, record: process_records.Record | None) -> CheckResult:
        # Look first whether it is running: it may write its answer and exit between the two reads.
        living = record is not None and record.process() is not None
        answer = self._answer(self._directory / f"{name}.{attempt}{_RESULT}")
        if answer is not None:
            passed, detail, seconds = answer
            status = CheckStatus.PASSED if passed else CheckStatus.FAILED
            return CheckResult(name, attempt, status, f"{detail} ({seconds:.1f} s)".strip())
        if living:
            return CheckResult(name, attempt, CheckStatus.RUNNING)
        gone = "the check was killed or the machine stopped; run it again with `pilotage retry`"
        return CheckResult(name, attempt, CheckStatus.FAILED, gone)

    @staticmethod
    def _answer(path: Path) -> tuple[bool, str, float] | None:
        found = read_json(path)
        if found is None:
            return None
        try:
            passed, detail, seconds = truth_at(found, "passed"), text_at(found, "detail"), number_at(found, "seconds")
        except WrongJson:
            set_aside(path, "not the result of a check")
            return None
        return passed, detail, seconds

    def stop_all_but(self, name: str, attempt: int) -> None:
        process_records.adopt(self._directory, _NEEDS)
        for path in sorted(self._directory.glob(f"*{_RECORD}")):
            record = process_records.load(path, _NEEDS)
            if record is None or record.process() is None or path.name == f"{name}.{attempt}{_RECORD}":
                continue
            processes.end_tree(record)


def _environment_of(check: JsonObject) -> Environment:
    """What a check's command gets of the environment."""
    given = entries(text_at, check, "env") if "env" in check else {}
    passed = each(text_at, check, "pass_env") if "pass_env" in check else ()
    files = each(text_at, check, "env_files") if "env_files" in check else ()
    return Environment(given=given, passed=passed, files=tuple(map(Path, files)))
