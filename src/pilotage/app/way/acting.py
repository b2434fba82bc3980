"""What a way's decision asks for, done: runs, rollouts, and the way back. Each may be asked for again and again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.ports import Runs, open_artifacts
from pilotage.app.auditing import by_worker
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest, RollbackRequest
from pilotage.app.way.observing import ARTIFACTS, Memory
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.records.ways import StoredWay
from pilotage.model.errors import Conflict, NotReady, PilotageError, Unavailable
from pilotage.model.events import PromotedFrom
from pilotage.model.rollout import CommandKind, Status
from pilotage.model.timestamp import timestamp
from pilotage.model.way import EnvironmentStage
from pilotage.way.seen import EnsureRun, Refused, StartRollout, StopRun, Undo, WayAction

_log = logging.getLogger(__name__)
_TRY_EVERY = 5.0
"""Seconds between two tries of a rollout that was refused."""

_MAY_PASS = (Conflict, NotReady, Unavailable, AdapterError, OSError)
"""Refusals that may hold no more later: another rollout is under way, a gate is shut, something does not answer."""


@dataclass(frozen=True, kw_only=True)
class Hands:
    """Acts for one way."""

    project: Project
    stored: StoredWay
    runs: Runs
    memory: Memory

    def act(self, action: WayAction) -> None:
        """Errors are kept for the next look, which decides what follows from them."""
        reach("way-act")
        try:
            with by_worker():
                self._carry_out(action)
        except (AdapterError, OSError) as error:
            _log.warning("%s: %s", self.stored.way.id, error)
        reach("way-acted")

    def _carry_out(self, action: WayAction) -> None:
        match action:
            case EnsureRun():
                self._ensure(action)
            case StopRun():
                self.runs.stop(action.stage, action.attempt)
            case StartRollout():
                self._start(action)
            case Undo():
                self._undo(action)

    def _ensure(self, action: EnsureRun) -> None:
        stage = self.stored.way.stage(action.stage)
        tests = getattr(stage, "tests", "")
        facts = {"url": address_of(self.project, tests)} if tests else {}
        self.runs.ensure(action.stage, action.attempt, facts, self.stored.state.artifacts)

    def _start(self, action: StartRollout) -> None:
        """Deploy the version. That it rolls out, or serves already, is no error."""
        from pilotage.app.deploy import deploy
        from pilotage.app.known_risk import planned
        from pilotage.app.plan import PlanRequest

        way, name = self.stored.way, action.environment
        if name in self.memory.refused and not self.memory.may_ask(f"start {name}", _TRY_EVERY):
            return
        self.memory.may_ask(f"start {name}", _TRY_EVERY)
        if why := self._bind():
            self.memory.refused[name] = Refused(sentence=why, for_good=True)
            return
        try:
            plan = planned(self.project, name, PlanRequest(way.version, today=self.project.today))
            request = DeployRequest(plan=plan, approved=action.approved, promoted=self._promoted(name))
            deploy(self.project, way.author, request)
            self.memory.refused.pop(name, None)
        except _MAY_PASS as error:
            self.memory.refused[name] = Refused(sentence=str(error))
        except PilotageError as error:
            self.memory.refused[name] = Refused(sentence=str(error), for_good=True)

    def _bind(self) -> str:
        """Record what the version is made of, for fleets to start; returns why that cannot be."""
        way, built = self.stored.way, self.stored.state.artifacts
        try:
            if built:
                folder = self.project.directory / ARTIFACTS
                open_artifacts(folder).release(way.service, way.version, way.commit, built)
        except AdapterError as error:
            return str(error)
        return ""

    def _promoted(self, environment: str) -> PromotedFrom | None:
        """Where the version has proven itself on this way: the environment that it reached last."""
        found = None
        for stage, at in zip(self.stored.way.stages, self.stored.state.stages, strict=True):
            if not isinstance(stage, EnvironmentStage):
                continue
            if environment in stage.environments:
                break
            for name, rollout in at.rollouts.items() if at.status.good else ():
                own = self.project.store.look_up(rollout)
                completed = timestamp(own.finished_at) if own.finished_at else ""
                found = PromotedFrom(version=own.version, source=name, rollout=rollout, completed=completed)
        return found

    def _undo(self, action: Undo) -> None:
        """Roll back what is under way, or return to the version before."""
        store, name = self.project.store, action.environment
        own = store.look_up(action.rollout)
        why = f"the way of {self.stored.way.version}: {self.stored.state.reason}"
        if not own.status.final:
            undoing = (CommandKind.ABORT, CommandKind.ROLLBACK)
            if own.status is not Status.ROLLING_BACK and not any(c.kind in undoing for c in store.pending(own.id)):
                store.command(own.id, CommandKind.ABORT, self.stored.way.author, why)
            return
        if own.old is None:
            self.memory.refused[name] = Refused(sentence="nothing served before, so it stays", for_good=True)
        elif self.memory.may_ask(f"undo {name}", _TRY_EVERY):
            self._go_back(name, own.old, why)

    def _go_back(self, name: str, to: str, why: str) -> None:
        from pilotage.app.rollback import go_back
        from pilotage.engine.rescue.returning import NoWayBack

        try:
            go_back(self.project, self.stored.way.author, RollbackRequest(environment=name, to=to, reason=why))
            self.memory.refused.pop(name, None)
        except NoWayBack as error:
            self.memory.refused[name] = Refused(sentence=str(error), for_good=True)
        except (PilotageError, OSError) as error:
            self.memory.refused[name] = Refused(sentence=str(error))


def address_of(project: Project, environment: str) -> str:
    """Where the users of an environment reach the service: its first router that listens; empty where none says so."""
    section = project.loaded.configuration.environments.get(environment)
    for router in section.every_router.values() if section is not None else ():
        listen = getattr(router, "listen", None)
        if isinstance(listen, str):
            scheme = "https" if getattr(router, "tls", None) is not None else "http"
            return f"{scheme}://{listen}"
    return ""


def folder_of(directory: Path, way: str) -> Path:
    """Where the runs of a way are. directory: the state's."""
    return directory / "ways" / way
