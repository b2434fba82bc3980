"""Pages as single HTML files: they load nothing and run no script, and suit phones, print and dark mode."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pilotage.model.plan import Plan
from pilotage.model.quantity import format_share
from pilotage.model.text import clean
from pilotage.model.traffic import WHOLE
from pilotage.model.wording import called
from pilotage.render.charts import HALF, NARROW, gantt, staircase
from pilotage.render.pills import state_pill
from pilotage.render.plan_page import first_screen, section_counts
from pilotage.render.prose import one_way, prose
from pilotage.render.sections import headline, sections
from pilotage.render.stylesheet import style

_STATES = ("status", "state", "verdict")
"""Headers of columns that hold states."""

_DAY = re.compile(r"(\w{3} )?\d{4}-\d\d-\d\d( \d\d:\d\d)?")


def to_html(plan: Plan) -> str:
    """The whole plan: what decides about it first, the rest folded. All of its text is escaped."""
    parts = sections(plan)
    charts = {
        "timeline": Markup(gantt(plan, HALF)), "timeline_narrow": Markup(gantt(plan, NARROW)),
        "steps": Markup(staircase(plan, HALF)), "steps_narrow": Markup(staircase(plan, NARROW)),
    }  # fmt: skip
    return page(
        "plan.html.j2", plan=plan, title=headline(plan), first=first_screen(plan),
        sections=parts, counts=section_counts(parts), charts=charts,
    )  # fmt: skip


def page(name: str, **facts: object) -> str:
    """A page from one of the shipped templates, which extend `page.html.j2`. Its policy lets it load and run
    nothing."""
    # Markup is escaped text by text; what steers a terminal or turns the reading direction is taken from the whole.
    return one_way(clean(_environment().get_template(name).render(**facts)))


@cache
def _environment() -> Environment:
    """Kept, because reading a template takes longer than filling it in."""
    made = Environment(
        loader=PackageLoader("pilotage.render", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters["dates"] = _dates
    made.filters["state"] = state_cell
    made.filters["lines"] = _lines
    made.filters["called"] = called
    made.filters["share"] = lambda per_mille: format_share(per_mille / WHOLE)
    made.filters["cap"] = lambda text: f"{text[:1].upper()}{text[1:]}"
    made.globals["style"] = lambda: Markup(style())
    return made


def state_cell(cell: str, header: str) -> Markup:
    """A cell whose column says that it is a state: a pill."""
    pill = state_pill(cell) if header in _STATES else None
    return Markup('<span class="pill {}">{}</span>').format(*pill) if pill else _dates(cell)


def _lines(sentences: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Sentences as they are; those that begin with a bullet, together as a list without it."""
    for listed, found in groupby(sentences, key=lambda one: one.startswith("• ")):
        if listed:
            yield "list", [one.removeprefix("• ") for one in found]
        else:
            yield from (("sentence", [one]) for one in found)


def _dates(text: str) -> Markup:
    """The text, escaped. Its dates do not break across lines, and text between backticks is code."""
    return Markup(_DAY.sub(lambda day: f'<span class="day">{day[0]}</span>', str(prose(text))))
