"""The commands that make a version ready to start, such as an installation or a migration. They run detached, as the
checks of a step do: they outlive the controller, and the next one finds their result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.checks import StepChecks
from pilotage.adapters.environment import Environment
from pilotage.adapters.fence import Fence
from pilotage.adapters.launch import Launch
from pilotage.adapters.stages.built import Built
from pilotage.model.json import JsonObject
from pilotage.model.observation import CheckResult, CheckStatus, Preparation

_SHOWN = 8
"""Lines of a failed command's output that people see."""


@dataclass(frozen=True, kw_only=True)
class Preparing:
    """commands: argument lists; `{version}` is filled in · timeout: seconds for each · cwd: where they run · in_place:
    whether what a version needs is there, as far as its files tell · built: what `{artifact}` means."""

    commands: Sequence[Sequence[str]]
    timeout: float
    cwd: Path
    in_place: Callable[[str], bool]
    built: Built | None = None


class Preparations:
    """Of one fleet. directory: of the fleet."""

    def __init__(
        self, directory: Path, fence: Fence, preparing: Preparing, environment: Environment, launch: Launch
    ) -> None:  # fmt: skip
        self._directory, self._fence, self._preparing = directory / "prepared", fence, preparing
        self._environment, self._launch = environment, launch
        self._attempts: dict[str, int] = {}

    def begin(self, version: str) -> None:
        """What another controller began or finished is taken over; what failed or is gone is done again. Raises
        AdapterError, Fenced."""
        name, checks = self._checks(version)
        if version not in self._attempts:
            last = max(self._results(checks, name), key=lambda one: one.attempt, default=None)
            again = last is None or last.status is CheckStatus.FAILED
            lost = last is not None and last.status is CheckStatus.PASSED and not self._preparing.in_place(version)
            self._attempts[version] = (last.attempt if last else 0) + (1 if again or lost else 0)
        built = self._preparing.built
        texts = (*(part for one in self._preparing.commands for part in one), *self._environment.given.values())
        places = built.among(texts, version) if built is not None else {}
        checks.ensure(name, self._attempts[version], {"version": version, **places})

    def state(self, version: str) -> Preparation | None:
        """None if this controller did not begin or find it."""
        if version not in self._attempts:
            return None
        name, checks = self._checks(version)
        for one in self._results(checks, name):
            if one.attempt == self._attempts[version]:
                return Preparation(status=one.status, detail=one.detail)
        return Preparation(status=CheckStatus.RUNNING, detail="about to begin")

    @staticmethod
    def _results(checks: StepChecks, name: str) -> list[CheckResult]:
        return [one for one in checks.results() if one.name == name]

    def _checks(self, version: str) -> tuple[str, StepChecks]:
        """They have a name of their own for each version, and another one where the commands have changed."""
        wanted = [self._check(command) for command in self._preparing.commands]
        digest = hashlib.sha256(json.dumps([version, wanted]).encode()).hexdigest()[:16]
        return digest, StepChecks(self._directory, self._fence, {digest: wanted}, self._preparing.cwd)

    def _check(self, command: Sequence[str]) -> JsonObject:
        return {
            "command": self._launch.command(command),
            "program": command[0],
            "timeout": self._preparing.timeout,
            "env": {**self._launch.environment(), **self._environment.given},
            "pass_env": list(self._environment.passed),
            "env_files": [str(file.absolute()) for file in self._environment.files],
            "lines": _SHOWN,
        }
