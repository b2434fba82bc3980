"""Fills the parameters of a route's path, for tests of all routes. A parameter that is not here fails the matrix test:
say what it stands for, and to which place it belongs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pilotage import Service
from pilotage.engine.records import kept_plans
from pilotage.web.openapi import parameters_of
from tests.plans import a_plan
from tests.web.site import Served


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A place that requests are about. service, environment: as its permissions name it."""

    service: str
    environment: str


OWN = Spot(service="shop", environment="production")
OTHER_ENVIRONMENT = Spot(service="shop", environment="staging")
OTHER_SERVICE = Spot(service="search", environment="production")


def kept(server: Served, spot: Spot) -> str:
    """Hash of a plan that the store has."""
    plan = a_plan(service=Service(name=spot.service, environment=spot.environment))
    kept_plans.keep(server.store.engine, plan)
    return plan.hash


Values = Mapping[Spot, str]

PLACED: Mapping[str, Callable[[Served, Spot], str]] = {
    "service": lambda _, spot: spot.service,
    "environment": lambda _, spot: spot.environment,
    "rollout": lambda server, spot: server.rollout(spot.service, spot.environment).id,
    "plan": lambda server, spot: kept(server, spot),
    "other": lambda server, spot: kept(server, spot),
}
"""Parameters that say which place a request is about, with a value for each spot."""

FREE: Mapping[str, str] = {
    "token": "none", "account": "deploy-bot", "role": "team-lead", "person": "somebody",
    "secret": "unknown", "version": "2.4.0", "way": "none", "hook": "ci", "rest": "", "file": "index.html",
    "item": "internal_notice", "invitation": "none", "number": "1", "provider": "none",
    "group": "none", "backup": "none", "wave": "early", "tenant": "acme",
}  # fmt: skip
"""Parameters that say nothing about the place, each with any value that their route takes."""


class Filling:
    """Paths for each spot, with things that exist."""

    def __init__(self, server: Served) -> None:
        self._server = server
        self._made: dict[tuple[str, Spot], str] = {}

    def path(self, template: str, spot: Spot) -> str:
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: self._value(found[1], spot), template)

    def place(self, template: str, spot: Spot) -> tuple[str, str]:
        """Service and environment that the permission has to be held for; empty where the path names none."""
        names = parameters_of(template)
        placed = [name for name in names if name in PLACED]
        if not placed:
            return "", ""
        if placed == ["service"]:
            return spot.service, ""
        return spot.service, spot.environment

    def _value(self, name: str, spot: Spot) -> str:
        if name in FREE:
            return FREE[name]
        assert name in PLACED, f"tests/web/filling.py does not know what {{{name}}} of a path stands for"
        if (name, spot) not in self._made:
            self._made[name, spot] = PLACED[name](self._server, spot)
        return self._made[name, spot]
