"""Flags of a real unleash-server, as tests of them begin: opened as a controller, edited as a person, evaluated as a
service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from yggdrasil_engine.engine import UnleashEngine

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.flags.unleash import UnleashFlags
from pilotage.adapters.flags.unleash_adapter import UnleashSection
from pilotage.adapters.secrets import Secret
from tests.unleash import ADMIN, Unleash, at


def section_of(url: str, flag: str, **settings: Any) -> UnleashSection:
    given = {"kind": "unleash", "key": flag, "url": url, "environment": "production", "token": "secret://env/UNLEASH"}
    return UnleashSection.model_validate({**given, **settings})


def context_at(place: Path, token: int = 1, secret: str = ADMIN, service: str = "shop") -> Context:
    return Context(
        directory=place, fence=Fence(place / "fence.json", token), service=service, environment="production",
        folder=place, secrets=lambda _: Secret(secret),
    )  # fmt: skip


def opened(
    server: Unleash, flag: str, place: Path, *, secret: str = ADMIN, url: str = "", **settings: Any
) -> UnleashFlags:
    """A new controller's view. secret: the API token · url: of a proxy · settings: of the section."""
    return UnleashFlags(section_of(url or server.url, flag, **settings), context_at(place, secret=secret))


def evaluator(server: Unleash) -> UnleashEngine:
    """What the SDK of a service holds now."""
    engine = UnleashEngine()
    engine.take_state(json.dumps(server.definitions()))
    return engine


def strategies(server: Unleash, flag: str, environment: str = "production") -> list[dict[str, Any]]:
    found: Any = server.ask("GET", at(flag, environment))
    return list(found["strategies"])


def edit(server: Unleash, flag: str, token: str = ADMIN) -> None:
    """Somebody sets our first strategy to 77 % in the browser, which keeps its title."""
    one = strategies(server, flag)[0]
    sent = {key: one[key] for key in ("name", "title", "constraints")}
    sent["parameters"] = {**one["parameters"], "rollout": "77"}
    server.ask("PUT", f"{at(flag)}/strategies/{one['id']}", sent, token)
