"""Pilotage: plan a release, roll it out gradually, and roll it back automatically when it hurts users.

The library's public surface is what `__all__` names, with `pilotage.ports` and `pilotage.testing` for adapters.
Everything is imported on first use; every other module is private and may change in any version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pilotage.model.acceptance import Acceptance
    from pilotage.model.answers import Answers
    from pilotage.model.calendar import Calendar, Freeze, Window
    from pilotage.model.errors import PilotageError
    from pilotage.model.plan import Plan
    from pilotage.plan.dates import PlanRefused
    from pilotage.plan.difference import difference
    from pilotage.plan.frame import Service
    from pilotage.plan.making import make_plan
    from pilotage.plan.numbers import BadOverride, Override
    from pilotage.plan.ramp import Traffic
    from pilotage.plan.reasons import why

    __version__: str

_HOME = {
    "Acceptance": "pilotage.model.acceptance",
    "Answers": "pilotage.model.answers",
    "BadOverride": "pilotage.plan.numbers",
    "Calendar": "pilotage.model.calendar",
    "Freeze": "pilotage.model.calendar",
    "Override": "pilotage.plan.numbers",
    "PilotageError": "pilotage.model.errors",
    "Plan": "pilotage.model.plan",
    "PlanRefused": "pilotage.plan.dates",
    "Service": "pilotage.plan.frame",
    "Traffic": "pilotage.plan.ramp",
    "Window": "pilotage.model.calendar",
    "difference": "pilotage.plan.difference",
    "make_plan": "pilotage.plan.making",
    "why": "pilotage.plan.reasons",
}

__all__ = [
    "Acceptance", "Answers", "BadOverride", "Calendar", "Freeze", "Override", "PilotageError", "Plan", "PlanRefused",
    "Service", "Traffic", "Window", "difference", "make_plan", "why",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("pilotage")
    if name not in _HOME:
        raise AttributeError(f"module 'pilotage' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
