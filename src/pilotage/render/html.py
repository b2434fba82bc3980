"""Pages as single HTML files: they load nothing and run no script, and suit phones, print and dark mode."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pilotage.model.live import SeenVerdict
from pilotage.model.plan import Plan
from pilotage.model.text import clean
from pilotage.render.charts import gantt, staircase
from pilotage.render.sections import headline, sections, summary

_CODE = re.compile(r"`([^`<>]+)`")
_DAY = re.compile(r"(\w{3} )?\d{4}-\d\d-\d\d( \d\d:\d\d)?")


def to_html(plan: Plan) -> str:
    """The whole plan. All of its text is escaped."""
    charts = {"timeline": Markup(gantt(plan)), "steps": Markup(staircase(plan))}
    return page(
        "plan.html.j2",
        plan=plan,
        title=headline(plan),
        summary=summary(plan),
        sections=sections(plan),
        charts=charts,
    )


def rollout_to_html(
    title: str,
    plan: Plan,
    sentences: Sequence[str],
    verdicts: Sequence[SeenVerdict],
    events: Sequence[Sequence[str]],
) -> str:
    """Why a rollout is where it is: the sentences, each verdict with its picture, and all that happened.

    verdicts: as the last look recorded them · events: time, type and sentence of each.
    """
    from pilotage.render.judge_chart import verdicts_chart

    tolerated = plan.number("analysis.max_ratio")
    chart = Markup(verdicts_chart(verdicts, tolerated, "Analysis results"))
    narrow = Markup(verdicts_chart(verdicts, tolerated, "Analysis results", narrow=True))
    return page("rollout.html.j2", title=title, plan=plan, sentences=sentences, verdicts=verdicts, events=events,
                 chart=chart, narrow=narrow)  # fmt: skip


def page(name: str, **facts: object) -> str:
    """A page from one of the shipped templates, which extend `page.html.j2`. Its policy lets it load and run
    nothing."""
    # Markup is escaped text by text; what steers a terminal or turns the reading direction is taken from the whole.
    return clean(_environment().get_template(name).render(**facts))


@cache
def _environment() -> Environment:
    """Kept, because reading a template takes longer than filling it in."""
    made = Environment(
        loader=PackageLoader("pilotage.render", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters["dates"] = _dates
    return made


def _dates(text: str) -> Markup:
    """The text, escaped. Its dates do not break across lines, and text between backticks is code."""
    dated = _DAY.sub(lambda day: f'<span class="day">{day[0]}</span>', str(escape(text)))
    return Markup(_CODE.sub(r"<code>\1</code>", dated))
