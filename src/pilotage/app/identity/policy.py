"""What `server` of pilotage.yaml says about signing in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pilotage.app.project import Project

if TYPE_CHECKING:
    from pilotage.config.server import SignIn


@dataclass(frozen=True, kw_only=True)
class Provider:
    """name: in addresses · title: on buttons."""

    name: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Policy:
    """emergency_only: whether only emergency accounts sign in by password · unread: because nobody knows what the
    configuration says · url: how browsers reach the server, empty
    where nobody said · providers: that people sign in with."""

    emergency_only: bool = False
    unread: bool = False
    url: str = ""
    providers: tuple[Provider, ...] = ()


def policy_of(project: Project) -> Policy:
    """While the configuration cannot be read, that of the last one that could; without one, only emergency accounts
    sign in by password."""
    from pilotage.config.yaml_reader import ConfigError

    try:
        whole = project.whole
    except ConfigError:
        from pilotage.app.standing import standing

        if (last := standing(project.directory)) is None:
            return Policy(emergency_only=True, unread=True)
        whole = last
    section = whole.configuration.server
    listed = tuple(Provider(name=one.name, title=title_of(one)) for one in section.sign_in)
    return Policy(emergency_only=section.passwords == "emergency", url=section.url or "", providers=listed)


def title_of(section: SignIn) -> str:
    """The words on the button."""
    return section.title or (urlsplit(section.issuer).netloc if section.kind == "oidc" else section.name)
