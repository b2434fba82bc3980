"""A plan as one HTML file: nothing loaded from elsewhere, no script, fit for a phone, for print, for the dark."""

from __future__ import annotations

import re
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from pilotage.model.plan import Plan
from pilotage.render.charts import gantt, staircase
from pilotage.render.sections import headline, sections, summary

_DAY = re.compile(r"(\w{3} )?\d{4}-\d\d-\d\d( \d\d:\d\d)?")


def to_html(plan: Plan) -> str:
    """The whole plan; every text of it is escaped, the charts are ours."""
    source = files("pilotage.render").joinpath("plan.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["dates"] = _dates
    charts = {"timeline": Markup(gantt(plan)), "steps": Markup(staircase(plan))}
    return environment.from_string(source).render(
        plan=plan, title=headline(plan), summary=summary(plan), sections=sections(plan), charts=charts
    )


def _dates(text: str) -> Markup:
    """The text, escaped; its days do not break over lines."""
    return Markup(_DAY.sub(lambda day: f'<span class="day">{day[0]}</span>', str(escape(text))))
