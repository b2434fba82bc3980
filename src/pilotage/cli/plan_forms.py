"""The forms of a plan: a file for each reader, each renderer imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pilotage.app.plan import FormatContext
    from pilotage.model.plan import Plan


def _rules(plan: Plan, context: FormatContext) -> str:
    from pilotage.render.rules import to_rules

    return to_rules(plan, page=context.page)


def _routes(plan: Plan, context: FormatContext) -> str:
    from pilotage.render.routes import to_routes

    return to_routes(plan, context.notify)


def _grafana(plan: Plan, context: FormatContext) -> str:
    from pilotage.render.dashboard import to_dashboard

    return to_dashboard(plan, page=context.page)


def _ics(plan: Plan, context: FormatContext) -> bytes:
    from pilotage.render.ics import to_ics

    # When the file was made: nothing is decided by it.
    return to_ics(plan, datetime.now(UTC), context.organizer, context.guests, context.train(plan))


def _html(plan: Plan, _context: FormatContext) -> str:
    from pilotage.render.html import to_html

    return to_html(plan)


def _markdown(plan: Plan, _context: FormatContext) -> str:
    from pilotage.render.markdown import to_markdown

    return to_markdown(plan)


def _gantt(plan: Plan, _context: FormatContext) -> str:
    from pilotage.render.charts import gantt, picture

    return picture(gantt(plan))


def _staircase(plan: Plan, _context: FormatContext) -> str:
    from pilotage.render.charts import picture, staircase

    return picture(staircase(plan))


FORMATS: dict[str, Callable[[Plan, FormatContext], str | bytes]] = {
    "json": lambda plan, _: plan.to_json() + "\n",
    "markdown": _markdown,
    "html": _html,
    "ics": _ics,
    "gantt": _gantt,
    "staircase": _staircase,
    "rules": _rules,
    "alertmanager": _routes,
    "grafana": _grafana,
}
