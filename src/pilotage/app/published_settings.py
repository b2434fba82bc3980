"""Leaves the configuration in the state folder, for what the worker does beside rollouts.

Rollouts know all they need: a file that someone is just editing must stop neither them nor who commands them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilotage.app import standing
from pilotage.app.publication import LeadsOutside, note, publication_of
from pilotage.config.yaml_reader import ConfigError
from pilotage.engine.integrity import custody

if TYPE_CHECKING:
    from pilotage.app.project import Project


def publish(project: Project) -> None:
    """Where the file cannot be read, the worker keeps what it has, and a warning says so."""
    directory = project.directory
    try:
        custody.note(directory, custody.custody_of(project.whole))
        note(directory, publication_of(project.whole))
        standing.note(directory, project.whole)
    except (ConfigError, LeadsOutside) as error:
        project.warn(f"the worker keeps the configuration that it has: {error}")
