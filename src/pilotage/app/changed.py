"""Which services of the configuration a range of commits touches."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.adapters.git import Git
from pilotage.adapters.git_paths import changed_paths
from pilotage.adapters.ports import AdapterError
from pilotage.app.project import Project
from pilotage.model.errors import Invalid
from pilotage.model.path_pattern import PathPatterns
from pilotage.report.touched import Owned, touched
from pilotage.report.touched import Range as Range
from pilotage.report.touched import Reason as Reason
from pilotage.report.touched import Touched as Touched


class NoSuchRange(Invalid):
    """The repository does not have these commits, or it is no repository."""


def changed(project: Project, range_: str) -> Range:
    """range_: `A..B`, the commits after A up to B along their first parents, or `A...B`, what B changed since it left
    A. Either end is HEAD where it is left out. Raises NoSuchRange, ConfigError."""
    one = project.whole.configuration
    services = {name: _owned(section.paths, section.built_from) for name, section in one.services.items()}
    alone = {} if services else {one.service: _owned(one.paths, one.built_from)}
    first, dots, last = range_.partition("..")
    if not dots:
        raise NoSuchRange(f"{range_!r} is not a range: name it as v1.2.0..HEAD, or main...HEAD for a branch")
    try:
        git = Git(project.folder)
        ends = (git.commit(first or "HEAD"), git.commit(last.removeprefix(".") or "HEAD"))
        paths = changed_paths(git, *ends, since_parting=last.startswith("."))
    except AdapterError as error:
        raise NoSuchRange(str(error)) from None
    return touched(paths, services or alone, _patterns(one.ignored_paths), alone=bool(alone))


def _owned(paths: Sequence[str], built_from: Sequence[str]) -> Owned:
    return Owned(paths=_patterns(paths), built_from=_patterns(built_from))


def _patterns(patterns: Sequence[str]) -> PathPatterns:
    return PathPatterns(patterns=tuple(patterns))
