"""A hotfix, prepared: a branch from the version that serves, changes that may be to blame, and its plan."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app.incidents import UNDONE
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project, Unclear
from pilotage.app.repository import git_here
from pilotage.app.waves import with_waves
from pilotage.model.plan import Plan

_MOST = 50
"""Changes that are listed."""


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A change that the failed version brought. revert: the command that takes it back on the trunk."""

    commit: str
    subject: str
    revert: str


@dataclass(frozen=True, kw_only=True)
class Hotfix:
    """serving: the version that users have · tag: its tag · new_tag: of the hotfix · branch: from there · failed: the
    version that was rolled back last, empty if none was · suspects: what it brought, newest first · plan: of the
    hotfix."""

    serving: str
    tag: str
    version: str
    new_tag: str
    branch: str
    made: bool
    failed: str
    suspects: tuple[Suspect, ...]
    plan: Plan


def prepare(project: Project, environment: str | None, version: str | None, *, create: bool) -> Hotfix:
    """Prepare a hotfix of what serves. version: its own; the next after the one that serves where left out. Raises
    Unclear, AdapterError."""
    name, service = project.environment(environment), project.loaded.configuration.service
    serving = next(iter(project.store.serving(service, name)), None)
    if serving is None:
        raise Unclear(f"nothing serves in {name} yet, so there is nothing to fix")
    git = git_here(project)
    tag = git.tag_of(serving)
    if tag is None:
        named = git.tag_for(serving)
        names = named if named != serving else f"{serving} or v{serving}"
        raise Unclear(f"git has no tag of {serving}, which serves in {name}: tag its commit, as {names}")
    wanted = version or following(serving)
    branch = f"hotfix/{git.tag_for(wanted)}"
    # First what may refuse the version, so that no branch is left behind.
    wish = PlanRequest(wanted, changes={"release_type": "hotfix"})
    plan = plan_for(project.loaded, name, with_waves(project, name, wish))
    if create:
        _make(git, branch, tag)
    failed = _failed(project, service, name)
    return Hotfix(
        serving=serving, tag=tag, version=wanted, new_tag=git.tag_for(wanted), branch=branch, made=create,
        failed=failed, suspects=_suspects(git, tag, failed), plan=plan,
    )  # fmt: skip


def following(version: str) -> str:
    """The version after it: its last number plus one. Raises Unclear where it does not end in a number."""
    before = version.rstrip("0123456789")
    if before == version:
        raise Unclear(f"{version} does not end in a number: name the hotfix's version")
    return f"{before}{int(version[len(before) :]) + 1}"


def _make(git: Git, branch: str, tag: str) -> None:
    """The branch alone: files of the working folder stay as they are. Raises Unclear, AdapterError."""
    there = git.run("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}").strip()
    if not there:
        git.run("branch", "--no-track", branch, git.commit(tag))
    elif there != git.commit(tag):
        raise Unclear(f"the branch {branch} exists and has commits already: continue on it, or name another version")


def _failed(project: Project, service: str, environment: str) -> str:
    known = project.store.history(service, environment, limit=200)
    return next((one.version for one in known if one.status in UNDONE), "")


def _suspects(git: Git, tag: str, failed: str) -> tuple[Suspect, ...]:
    """What the failed version has and the serving one has not; nothing where git does not know it."""
    try:
        last = git.tag_of(failed)
        if not last:
            return ()
        text = git.run(
            "log", f"--max-count={_MOST}", "--first-parent", "--format=%h%x00%P%x00%s", f"{tag}..{last}", "--",
            *git.scope.paths.pathspecs,
        )  # fmt: skip
    except AdapterError:
        return ()
    found = []
    for line in text.splitlines():
        commit, parents, subject = line.split("\0", 2)
        merge = "-m 1 " if " " in parents else ""
        found.append(Suspect(commit=commit, subject=subject, revert=f"git revert {merge}{commit}"))
    return tuple(found)
