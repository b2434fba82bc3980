"""A plan as Markdown: for a pull request, a ticket, or a page of a wiki."""

from __future__ import annotations

from pilotage.model.plan import Plan, Step
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.traffic import WHOLE
from pilotage.plan.values import show_value


def to_markdown(plan: Plan) -> str:
    """The whole plan: answers, steps with their blast radius, rollback, every number with its source."""
    watched = sum(step.duration for step in plan.steps)
    lines = [
        f"# {plan.service} {plan.version} → {plan.environment}",
        "",
        f"Plan `{plan.hash[:12]}`. Takes at least {format_duration(watched)}"
        + (f"; release date {plan.release_date}." if plan.release_date else "."),
        "",
        *(f"> {note}" for note in plan.notes),
        "## Answers",
        "",
        "| question | answer |",
        "|---|---|",
        *(f"| {name} | {answer} |" for name, answer in _answers(plan)),
        "",
        "## Steps",
        "",
        "| # | step | requests to the new version | its instances | watches | at the latest after | undone by |",
        "|---|---|---|---|---|---|---|",
        *(_step(plan, number, step) for number, step in enumerate(plan.steps, 1)),
        "",
        "## Rollback",
        "",
        f"Done within {format_duration(plan.rollback.deadline)}, or a person is called.",
        "",
        *(f"{number}. {move}" for number, move in enumerate(plan.rollback.moves, 1)),
        "",
        "It starts by itself on:",
        "",
        *(f"- {trigger}" for trigger in plan.rollback.triggers),
        "",
        "## Numbers",
        "",
        "| number | value | from | why |",
        "|---|---|---|---|",
        *(
            f"| `{s.path}` | {show_value(s.unit, s.value)} | {_cell(s.source)} | {_cell(s.why)} |"
            for s in plan.settings
        ),
        "",
    ]
    return "\n".join(lines)


def _answers(plan: Plan) -> list[tuple[str, str]]:
    answers = plan.answers
    return [
        ("release type", answers.release_type),
        ("deployment strategy", answers.deployment_strategy),
        ("team size", answers.team_size),
        ("release frequency", answers.release_frequency),
        ("risk tolerance", answers.risk_tolerance),
        ("stakeholders", ", ".join(answers.stakeholders)),
    ]


def _step(plan: Plan, number: int, step: Step) -> str:
    cells = (
        str(number),
        _cell(step.title),
        format_share(step.weight / WHOLE),
        f"{step.instances} of {plan.instances}",
        format_duration(step.duration) if step.duration else "–",
        format_duration(step.deadline),
        _cell(step.undo),
    )
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
