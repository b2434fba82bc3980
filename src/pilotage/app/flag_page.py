"""Flags of all environments, and one with who has it now, as its provider says."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.app.flags import StaleFlag, read, stale
from pilotage.app.grid import Sees
from pilotage.app.project import Project
from pilotage.model.errors import Invalid, PilotageError
from pilotage.model.flag import FlagPurpose, Ramp
from pilotage.model.record import RolloutSummary


@dataclass(frozen=True, kw_only=True)
class FlagLine:
    """kind: of the provider · expires: a day, empty without one · expired: that day is over · moving: the rollout under
    way that ramps it."""

    service: str
    environment: str
    key: str
    kind: str
    purpose: FlagPurpose
    owner: str
    expires: str
    expired: bool
    moving: RolloutSummary | None = None


@dataclass(frozen=True, kw_only=True)
class FlagView:
    """ramp: who has it now, None where the provider did not say · trouble: why not · stale: flags of the environment
    that should be gone."""

    line: FlagLine
    ramp: Ramp | None
    trouble: str
    stale: tuple[StaleFlag, ...]


def flag_lines(project: Project, sees: Sees) -> tuple[FlagLine, ...]:
    """Configured flags that the reader sees. No provider is asked. Raises ConfigError."""
    moving = {(one.service, one.environment): one for one in project.store.active()}
    today = project.today.isoformat()
    found = []
    for service, names in project.names.environments.items():
        loaded = project.whole.of(service) if project.names.several else project.whole
        for environment in names:
            section = loaded.configuration.environments[environment].flag
            if section is None or not sees(service, environment):
                continue
            expires = str(section.expires or "")
            found.append(
                FlagLine(
                    service=service, environment=environment, key=section.key, kind=section.kind,
                    purpose=section.purpose, owner=section.owner, expires=expires,
                    expired=bool(expires) and expires < today, moving=moving.get((service, environment)),
                )
            )  # fmt: skip
    return tuple(found)


def flag_view(project: Project, service: str, environment: str) -> FlagView | None:
    """None where no flag is configured. project: of the service."""
    lines = flag_lines(project, lambda of, where: (of, where) == (service, environment))
    if not lines:
        return None
    ramp, trouble = None, ""
    try:
        _, ramp = read(project, environment)
    except PilotageError as error:
        trouble = str(error)
    try:
        late = stale(project, environment)
    except Invalid:
        late = ()
    return FlagView(line=lines[0], ramp=ramp, trouble=trouble, stale=late)
