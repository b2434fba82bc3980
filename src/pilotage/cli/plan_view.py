"""A plan for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.traffic import WHOLE
from pilotage.plan.values import show_value


def plan_view(plan: Plan) -> RenderableType:
    """Steps, rollback, and every number with its source."""
    watched = sum(step.duration for step in plan.steps)
    head = Text.assemble(
        (f"{plan.service} {plan.version}", "bold"), f" → {plan.environment}   ",
        f"{plan.answers.deployment_strategy}, risk tolerance {plan.answers.risk_tolerance}, ",
        f"at least {format_duration(watched)}   ", (f"plan {plan.hash[:12]}", "dim"),
    )  # fmt: skip
    undo = Text("\nUndone by itself on\n", "bold")
    for trigger in plan.rollback.triggers:
        undo.append(f"  • {trigger}\n", "default")
    undo.append(
        f"within {format_duration(plan.rollback.deadline)}: {', then '.join(plan.rollback.moves)}\n",
        "default",
    )
    notes = [Text(note, "yellow") for note in plan.notes]
    return Group(head, *notes, _steps(plan), undo, _numbers(plan))


def _steps(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, justify in (
        ("#", "right"),
        ("step", "left"),
        ("new version gets", "right"),
        ("instances", "right"),
    ):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    table.add_column("at the latest after", justify="right")
    for number, step in enumerate(plan.steps, 1):
        table.add_row(
            str(number), step.title, format_share(step.weight / WHOLE), f"{step.instances} of {plan.instances}",
            format_duration(step.deadline),
        )  # fmt: skip
    return table


def _numbers(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("number", "value", "from"):
        table.add_column(title, overflow="fold")
    for setting in plan.settings:
        table.add_row(setting.path, show_value(setting.unit, setting.value), setting.source)
    return table
