"""Says why an environment has no rollout in this store."""

from __future__ import annotations

from pathlib import Path

from pilotage.engine.placement import location


def why_nothing(directory: Path, service: str, environment: str) -> str:
    if location.router_runs(directory, service, environment):
        knows = f"this store has no deployment to {environment}, but a router of it runs here"
        ways = "Set PILOTAGE_DATABASE to its store. `pilotage abort --offline` returns traffic without a store"
        return f"{knows}. {ways}"
    return f"no deployment to {environment} yet: run `pilotage deploy VERSION`"
