"""What `server` of pilotage.yaml says about signing in."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.app.project import Project


@dataclass(frozen=True, kw_only=True)
class Provider:
    """name: in addresses · title: on buttons."""

    name: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Policy:
    """emergency_only: whether only emergency accounts sign in by password · url: how browsers reach the server, empty
    where nobody said · providers: that people sign in with."""

    emergency_only: bool = False
    url: str = ""
    providers: tuple[Provider, ...] = ()


def policy_of(project: Project) -> Policy:
    """If the configuration cannot be read, only emergency accounts sign in by password."""
    from pilotage.config.yaml_reader import ConfigError

    try:
        section = project.whole.configuration.server
    except ConfigError:
        return Policy(emergency_only=True)
    return Policy(emergency_only=section.passwords == "emergency", url=section.url or "")
