"""`events --verify`: whether the records of an environment are what they were, and exactly what is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from pilotage.app.project import Project
from pilotage.cli.exit import UNVERIFIABLE


def verify(project: Project, service: str, environment: str, keys: Sequence[Path], anchors: Sequence[Path]) -> int:
    """Say on standard error what was found. Returns the exit status: 0 whole, 1 changed, 10 cannot be verified."""
    from pilotage.app.verification import verify_place

    found = verify_place(project, service, environment, keys, anchors)
    for mark, sentences in (("✗", found.changed), ("?", found.unsure), ("·", found.notes)):
        for sentence in sentences:
            click.echo(f"{mark} {sentence}", err=True)
    verdict = "changed" if found.changed else "not verified as a whole" if found.unsure else "whole"
    counts = f"{found.rollouts} rollouts, {found.events} events, {found.signed} signed heads"
    click.echo(f"{service} in {environment}: {verdict} ({counts})", err=True)
    return 1 if found.changed else UNVERIFIABLE if found.unsure else 0
