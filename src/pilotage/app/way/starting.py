"""Starting the way of a version: its commit is found, its stages are fixed, and the worker takes it along."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from pilotage.adapters.git import Git, repository_around
from pilotage.adapters.ports import AdapterError
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.app.repository import git_here
from pilotage.app.setbacks import refuse_unaccepted
from pilotage.app.snapshot import channels_of
from pilotage.app.way.making import make_way, roles_of
from pilotage.engine.records import ways
from pilotage.engine.records.home import here
from pilotage.engine.records.ways import StoredWay
from pilotage.model.errors import Invalid, NotReady
from pilotage.model.schedule import hyphened
from pilotage.model.version import check_version
from pilotage.model.way import EnvironmentStage, Way
from pilotage.way.machine import begin


class NoCommit(Invalid):
    """The commit of a version is unknown, or is not what is in the folder."""


class NobodyApproves(NotReady):
    """A stage needs approvals that nobody may give."""


@dataclass(frozen=True, kw_only=True)
class StartWay:
    """commit: a revision of git; empty for the version's tag · replace: end a way that is under way."""

    version: str
    commit: str = ""
    replace: bool = False


def start_way(project: Project, actor: str, request: StartWay) -> StoredWay:
    """Raises Forbidden, NoWay, NoCommit, NobodyApproves, RecordsNotAccepted after a restore, and StoreConflict while
    another way is under way."""
    check_version(request.version)
    project.require(actor, Permission.DEPLOY)
    for environment in _environments(project):
        refuse_unaccepted(project, project.service_name, environment)
    author = project.people.identify(actor).name
    bare = Way(
        id=f"{project.service_name}-way-{uuid.uuid4().hex[:8]}", service=project.service_name,
        version=request.version, commit="", author=author, stages=(),
    )  # fmt: skip
    way = _at_commit(project, make_way(project.loaded, bare), request)
    _somebody_approves(project, way)
    state, first = begin(way)
    now = project.clock.now()
    return ways.create(
        project.store, way, state, first, channels_of(project.loaded), here(project.directory), now,
        replaces=request.replace,
    )  # fmt: skip


def _environments(project: Project) -> tuple[str, ...]:
    """Where the way of the service leads. Raises ConfigError."""
    section = project.loaded.configuration.way
    return tuple(name for stage in section.stages for name in stage.places) if section else ()


def _at_commit(project: Project, way: Way, request: StartWay) -> Way:
    """The way with its commit. Stages that only roll out need none. Raises NoCommit."""
    from dataclasses import replace

    needed = not all(isinstance(stage, EnvironmentStage) for stage in way.stages)
    try:
        git = git_here(project) if repository_around(project.folder) else None
        commit = _commit(git, request, needed=needed) if git else ""
        if not commit:
            if needed or request.commit:
                raise NoCommit(f"{project.folder} is in no git repository, so {way.version} has no commit to build")
            return way
        assert git is not None
        return replace(way, commit=commit, tree=git.run("rev-parse", f"{commit}^{{tree}}").strip())
    except AdapterError as error:
        raise NoCommit(str(error)) from None


def _commit(git: Git, request: StartWay, *, needed: bool) -> str:
    """Raises NoCommit, AdapterError."""
    if request.commit:
        commit = git.commit(request.commit)
        changed = git.run("status", "--porcelain", "--untracked-files=no").splitlines()
        if changed and commit == git.commit("HEAD"):
            raise NoCommit(
                f"{changed[0][3:]} has changes that are in no commit: commit them, or name another commit than HEAD"
            )
        return commit
    tag = git.tag_of(request.version)
    if tag is None and needed:
        names = f"{request.version} or v{request.version}" if not git.scope.tag_prefix else git.tag_for(request.version)
        raise NoCommit(f"git has no tag {names}: tag the commit, or name it with --commit")
    return git.commit(tag) if tag is not None else ""


def _somebody_approves(project: Project, way: Way) -> None:
    """Raises NobodyApproves for a stage that would wait for ever."""
    people = project.people
    for name, count, roles in roles_of(way) if people.by_name else ():
        wanted = {hyphened(role) for role in roles}
        able = [
            person for person, (held, _) in people.by_name.items()
            if person != way.author and (not wanted or wanted & {hyphened(role) for role in held})
        ]  # fmt: skip
        if len(able) < count:
            who = f"{count} people other than {way.author}" if count > 1 else f"a person other than {way.author}"
            role = f" with the role {' or '.join(roles)}" if roles else ""
            raise NobodyApproves(
                f"{name} must be approved by {who}{role}, and {people.where} has {len(able) or 'none'}: add them, or "
                f"change approval of the stage"
            )
