"""The plan of another revision of `pilotage.yaml`, such as that of the branch into which a request is to be merged.

Only `pilotage.yaml` is read as it was there. Files that it names, such as calendars and rules, are those of the work
tree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pilotage.adapters.git import Git, repository_around
from pilotage.adapters.ports import AdapterError
from pilotage.app.plan import PlanRequest, compare, plan_for
from pilotage.app.project import Project, Unclear
from pilotage.config.loading import Loaded, load_content
from pilotage.config.yaml_reader import ConfigError
from pilotage.model.errors import PilotageError
from pilotage.model.plan import Plan
from pilotage.model.plan_change import PlanChange


@dataclass(frozen=True, kw_only=True)
class Difference:
    """base: how the revision is called · changes: from its plan to that of the work tree; None if it has no plan · why:
    it has none."""

    base: str
    changes: tuple[PlanChange, ...] | None
    why: str = ""


def difference_to(project: Project, revision: str, wish: PlanRequest, made: Plan) -> Difference:
    """What changes from the plan of a revision to `made`. Both have the risk of `made`, which is one of commits and not
    of the configuration; and both replace a version, or neither does."""
    shown = revision[:12] if len(revision) == 40 else revision
    if not revision:
        return Difference(base="", changes=None, why="no base is known; name one with --base REVISION")
    try:
        before = _loaded_at(project, revision)
        if made.environment not in before.configuration.environments:
            return Difference(base=shown, changes=None, why=f"{shown} has no environment {made.environment}")
        same = replace(wish, risk=made.risk, risk_unknown=made.risk_unknown, first=made.first)
        return Difference(base=shown, changes=compare(plan_for(before, made.environment, same), made))
    except ConfigError as error:
        first = str(error).splitlines()[0]
        return Difference(base=shown, changes=None, why=f"pilotage.yaml at {shown} is not valid: {first}")
    except PilotageError as error:
        return Difference(base=shown, changes=None, why=str(error))


def _loaded_at(project: Project, revision: str) -> Loaded:
    """The configuration of the service at a revision. Raises ConfigError, AdapterError, Unclear."""
    git = repository_around(project.folder)
    if git is None:
        raise AdapterError(f"{project.folder.name} is not in a git repository")
    commit = _commit(git, revision)
    path = f"{git.run('rev-parse', '--show-prefix').strip()}{project.config.name}"
    try:
        content = git.run("show", f"{commit}:{path}")
    except AdapterError:
        raise AdapterError(f"{revision[:12]} has no {path}") from None
    whole = load_content(content.encode(), project.config)
    if not whole.configuration.services:
        return whole
    name = project.loaded.service
    if name not in whole.configuration.services:
        raise Unclear(f"{revision[:12]} has no service {name}")
    return whole.of(name)


def _commit(git: Git, revision: str) -> str:
    """Raises AdapterError."""
    try:
        return git.commit(revision)
    except AdapterError as error:
        deeper = "; fetch it, for example with `fetch-depth: 0` of actions/checkout" if git.boundary() else ""
        raise AdapterError(f"{error}{deeper}") from None
