"""The repository of a project, as the part of it that is the service's: its paths, and the tags of its versions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.model.errors import Forbidden, Invalid
from pilotage.model.path_pattern import WHOLE_REPOSITORY, PathPatterns, Scope

if TYPE_CHECKING:
    from pilotage.app.project import Project
    from pilotage.config.loading import Loaded


class NotInHistory(Invalid):
    """The repository does not have these commits or versions, or there is no repository."""


@contextmanager
def asked_of_git() -> Iterator[None]:
    """What git cannot answer about commits that somebody named is that person's mistake. Raises NotInHistory."""
    try:
        yield
    except AdapterError as error:
        raise NotInHistory(str(error)) from None


def refuse_other_parts(project: Project) -> None:
    """Raises Forbidden where somebody sees only some services, and chooses paths or tags that may be of others."""
    from pilotage.app.roles import Eyes

    if project.identity is None:
        return
    if not Eyes(identity=project.identity, custom=project.store.persons.custom_roles()).sees(""):
        raise Forbidden("other paths and tags than the service's own are for who may read every service")


def scope_of(loaded: Loaded) -> Scope:
    """The part that ships with a service: its own paths, and what it is built from. Without paths it is all."""
    one = loaded.configuration
    ships = (*one.paths, *one.built_from) if one.paths else ()
    return Scope(paths=PathPatterns(patterns=ships), tag_prefix=one.tag_prefix or "")


def scope_here(project: Project) -> Scope:
    """Of the service that is meant; all of the repository without a configuration, and for several services together.
    Raises ConfigError, Unclear."""
    if not project.config.exists() or (project.service is None and project.names.several):
        return WHOLE_REPOSITORY
    return scope_of(project.loaded)


def git_of(loaded: Loaded) -> Git:
    return Git(loaded.folder, scope_of(loaded))


def git_anyway(project: Project, service: str) -> Git:
    """For what must be told of a rollout: a configuration that cannot be read hides no change. One that names no part
    of the repository is not loaded, because that takes longer than all the rest."""
    from pilotage.config.yaml_reader import ConfigError

    try:
        written = project.config.read_bytes()
        if not any(word in written for word in (b"paths", b"tag_prefix")):
            return Git(project.folder)
        whole = project.whole
        return git_of(whole.of(service) if service in whole.configuration.services else whole)
    except (OSError, ConfigError):
        return Git(project.folder)


def git_here(project: Project) -> Git:
    """Raises ConfigError, Unclear."""
    return Git(project.folder, scope_here(project))
