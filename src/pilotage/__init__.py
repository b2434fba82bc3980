"""Pilotage: plan a release, roll it out gradually, undo it by itself when it hurts users.

The library's public surface is `Answers`, `Plan` and `make_plan`; everything is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pilotage.model.acceptance import Acceptance
    from pilotage.model.answers import Answers
    from pilotage.model.calendar import Calendar, Freeze, Window
    from pilotage.model.plan import Plan
    from pilotage.plan.making import Service, Traffic, make_plan

__all__ = ["Acceptance", "Answers", "Calendar", "Freeze", "Plan", "Service", "Traffic", "Window", "make_plan"]
__version__ = "0.1.0"

_HOME = {
    "Answers": "pilotage.model.answers",
    "Plan": "pilotage.model.plan",
    "Acceptance": "pilotage.model.acceptance",
    "Calendar": "pilotage.model.calendar",
    "Freeze": "pilotage.model.calendar",
    "Window": "pilotage.model.calendar",
    "Service": "pilotage.plan.making",
    "Traffic": "pilotage.plan.making",
    "make_plan": "pilotage.plan.making",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'pilotage' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
