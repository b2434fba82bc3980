"""`events --verify`: whether the records of an environment are what they were, and exactly what is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilotage.cli.project import UNVERIFIABLE, Project
from pilotage.model.text import clean

if TYPE_CHECKING:
    from pilotage.engine.custody import Custody
    from pilotage.engine.verification import Verified


def verify_place(project: Project, service: str, environment: str, keys: Sequence[Path], files: Sequence[Path]) -> int:
    """Say on standard error what was found. Returns the exit status: 0 whole, 1 changed, 10 cannot be verified."""
    from pilotage.adapters.keys import key_id, known_keys, read_public
    from pilotage.engine.verification import Place, verify

    given = {key_id(pem): pem for pem in map(read_public, keys)}
    place = Place(
        service=service, environment=environment, directory=project.directory, custody=_custody(project),
        keys=given or known_keys(project.directory), files=files,
    )  # fmt: skip
    try:
        found = verify(project.store.engine, place)
    except Exception as error:
        if type(error).__name__ in ("OperationalError", "StoreTooNew"):
            raise
        # Status 1 means changed, so nothing else may end with it.
        click.echo(f"cannot be verified: {type(error).__name__}: {clean(str(error))}", err=True)
        return UNVERIFIABLE
    return _show(found, f"{service} in {environment}")


def _custody(project: Project) -> Custody:
    """Of the configuration; of the worker's note where nobody can read that."""
    from pilotage.config.yaml_reader import ConfigError
    from pilotage.engine.custody import custody_of, noted

    try:
        return custody_of(project.whole)
    except ConfigError:
        return noted(project.directory)


def _show(found: Verified, where: str) -> int:
    from pilotage.engine.testimony import Grade

    changed, unsure = found.of(Grade.CHANGED), found.of(Grade.UNVERIFIABLE)
    for mark, findings in (("✗", changed), ("?", unsure), ("·", found.of(Grade.NOTE))):
        for finding in findings:
            click.echo(f"{mark} {clean(str(finding))}", err=True)
    verdict = "changed" if changed else "not verified as a whole" if unsure else "whole"
    counts = f"{found.rollouts} rollouts, {found.events} events, {found.signed} signed heads"
    click.echo(f"{where}: {verdict} ({counts})", err=True)
    return 1 if changed else UNVERIFIABLE if unsure else 0
