"""The pages on which users report a problem, rate a version, and the team answers its survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pilotage.model.report import LONGEST
from pilotage.render.html import page

QUESTIONS: Mapping[str, str] = {
    "team_satisfaction": "How satisfied are you with the way we release?",
    "knowledge_sharing": "How well do we share what we know about our releases?",
    "skill_development": "How much have you learned from recent releases?",
}
"""What the team is asked, by the id of the figure."""

_WORDS = {
    "rating": ("Very poor", "Poor", "Fair", "Good", "Excellent"),
    "team_satisfaction": ("Not at all", "A little", "Partly", "Mostly", "Fully"),
    "knowledge_sharing": ("Very poorly", "Poorly", "Fairly", "Well", "Very well"),
    "skill_development": ("Nothing", "A little", "Some", "Much", "A lot"),
}


@dataclass(frozen=True, kw_only=True)
class Form:
    """What a form shows. It is sent to the address that it came from. services: to choose from, where the link names
    none · given: what was filled in before it was refused · problem: why it was refused."""

    product: str
    version: str = ""
    services: Sequence[str] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def harm_page(form: Form) -> str:
    title = f"Report a problem with {form.product}"
    return _page("intake_harm.html.j2", title, form)


def feedback_page(form: Form) -> str:
    return _page("intake_feedback.html.j2", f"How do you like {form.product}?", form, words=_WORDS["rating"])


def team_page(form: Form) -> str:
    questions = [(name, question, _WORDS[name]) for name, question in QUESTIONS.items()]
    return _page("intake_team.html.j2", f"Working on {form.product}", form, questions=questions)


def start_page(product: str, links: Sequence[tuple[str, str, str]]) -> str:
    """links: address, title and description of each form."""
    return page("intake_start.html.j2", title=f"Tell us about {product}", links=links)


def note_page(title: str, sentences: Sequence[str]) -> str:
    """A page that only says something: thanks, or what is wrong."""
    return page("intake_note.html.j2", title=title, sentences=sentences)


def _page(template: str, title: str, form: Form, **more: object) -> str:
    return page(template, title=title, form=form, longest=LONGEST, **more)
