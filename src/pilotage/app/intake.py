"""What `serve-intake` answers: forms for users and for the team, and signed reports of programs.

It is a process of its own, because anyone on the internet may send it anything: the worker, which moves users between
versions, opens no port to them. What it keeps of a sender is a hash that nobody can trace back after the day.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pilotage.adapters.intake_server import Answered, Asked, BadForm, Flood, form_of, serve
from pilotage.app.intake_links import FEEDBACK, HARM, TEAM
from pilotage.app.intake_words import ALREADY, NOT_FOUND, THANKS, TOO_MANY
from pilotage.app.project import Project
from pilotage.config.fields import host_and_port
from pilotage.config.intake import IntakeSection
from pilotage.engine.records import reports
from pilotage.model.errors import Invalid
from pilotage.model.report import BEST, LONGEST, Report, ReportKind
from pilotage.model.text import line, plain
from pilotage.render.intake import QUESTIONS, Form, feedback_page, harm_page, note_page, start_page, team_page

if TYPE_CHECKING:
    from http.server import ThreadingHTTPServer

_DIGITS = re.compile(r"\d(?:[ ()/.-]?\d){8,}")
"""What may be the number of a phone or a card."""
_GONE = "(removed)"
_LONGEST_REQUEST = 100


class NoIntake(Invalid):
    """`pilotage.yaml` has no `intake`."""


def intake_of(project: Project) -> IntakeSection:
    """Raises NoIntake."""
    section = project.whole.configuration.intake
    if section is None:
        example = "intake: {url: https://feedback.example.org, environment: production}"
        raise NoIntake(f"{project.config} has no intake: add one, such as `{example}`")
    return section


@contextmanager
def intake_server(project: Project, place: tuple[str, int] | None = None) -> Iterator[ThreadingHTTPServer]:
    """place: instead of `intake.listen`. Raises NoIntake, AdapterError for a secret that cannot be read, OSError."""
    from pilotage.app.helpdesk import PATH

    section = intake_of(project)
    with serve(place or host_and_port(section.listen), door(project), section.address_header, PATH) as server:
        yield server


def door(project: Project) -> Callable[[Asked], Answered]:
    """What answers forms, signed reports and messages of a help desk. Raises NoIntake, AdapterError."""
    from pilotage.app.helpdesk import PATH, HelpDesk
    from pilotage.app.signed_reports import SignedReports

    section = intake_of(project)
    intake = Intake(project, section)
    signed = SignedReports(project, section)
    desk = HelpDesk(project, section)

    def answer(asked: Asked) -> Answered:
        match asked.path.rstrip("/"):
            case "/reports":
                return signed.answer(asked)
            case _ if asked.path == PATH:
                return desk.answer(asked)
        return intake.answer(asked)

    return answer


def impersonal(text: str) -> str:
    """The text without what looks like a mail address, or like the number of a phone or a card."""
    words = (_GONE if "@" in word.strip("@") else word for word in re.split(r"(\s)", text))
    return _DIGITS.sub(_GONE, "".join(words))


def versions_of(project: Project, service: str, environment: str) -> tuple[str, ...]:
    """The versions that users of an environment may have: of its newest rollout, and what serves."""
    newest = project.store.newest(service, environment)
    rolling = (newest.version, newest.old) if newest else ()
    found = (*rolling, *project.store.serving(service, environment)[:5])
    return tuple(dict.fromkeys(version for version in found if version))


class Intake:
    """The forms."""

    def __init__(self, project: Project, section: IntakeSection) -> None:
        self._project, self._section = project, section
        self._services = tuple(project.names.environments)
        self._flood = Flood(section.per_address, section.per_hour)
        self._product = section.title or (self._services[0] if len(self._services) == 1 else "our service")
        self._forms = {HARM: (harm_page, self._harm), FEEDBACK: (feedback_page, self._feedback)}

    def answer(self, asked: Asked) -> Answered:
        first, _, rest = asked.path.strip("/").partition("/")
        match first, rest:
            case "", "":
                return self._start(asked)
            case "thanks", "":
                return Answered(status=200, content=note_page(*THANKS))
            case name, "" if name in self._forms:
                return self._form(name, asked)
            case name, token if name == TEAM and token:
                return self._team(token, asked)
            case _:
                return Answered(status=404, content=note_page(*NOT_FOUND))

    # ── what is shown ──────────────────────────────────────────────────────────────────────────────────────

    def _start(self, asked: Asked) -> Answered:
        about = {name: asked.query[name] for name in ("service", "version") if name in asked.query}
        query = f"?{urlencode(about)}" if about else ""
        links = (
            (f"{HARM}{query}", "Report a problem", "Something does not work, or not as before."),
            (f"{FEEDBACK}{query}", "Give feedback", "Rate what you use, and tell us what to change."),
        )
        return Answered(status=200, content=start_page(self._product, links))

    def _form(self, name: str, asked: Asked) -> Answered:
        show, keep = self._forms[name]
        try:
            given = form_of(asked.body) if asked.method == "POST" else {}
        except BadForm:
            return Answered(status=400, content=note_page(*NOT_FOUND))
        service, version = self._about({**given, **asked.query})
        chooses = len(self._services) > 1 and not asked.query.get("service")
        form = Form(product=self._product, version=version, given=given, services=self._services if chooses else ())
        if asked.method != "POST":
            return Answered(status=200, content=show(form))
        if not service:
            return Answered(status=422, content=show(replace(form, problem="Choose a service.")))
        if problem := keep(given, service, version, asked):
            status = 429 if problem == TOO_MANY else 422
            return Answered(status=status, content=show(replace(form, problem=problem)))
        return _thanked(asked)

    def _about(self, given: Mapping[str, str]) -> tuple[str, str]:
        """Service and version that a link or a form names; empty where it names none that there is."""
        named = given.get("service", "") if len(self._services) > 1 else self._services[0]
        service = named if named in self._services else ""
        version = given.get("version", "")
        if service and version and version in versions_of(self._project, service, self._section.environment):
            return service, version
        return service, ""

    # ── what is kept ───────────────────────────────────────────────────────────────────────────────────────

    def _harm(self, given: Mapping[str, str], service: str, version: str, asked: Asked) -> str:
        """Keep a report; returns why it was not kept."""
        text = impersonal(plain(given.get("text", ""), LONGEST).strip())
        if not text:
            return "Tell us what does not work."
        report = self._report(ReportKind.HARM, service, version)
        request = line(given.get("request", ""), _LONGEST_REQUEST)
        return self._keep(replace(report, text=text, request=request), given, asked)

    def _feedback(self, given: Mapping[str, str], service: str, version: str, asked: Asked) -> str:
        rating = _mark(given.get("rating", ""))
        if not rating:
            return "Choose a rating."
        text = impersonal(plain(given.get("text", ""), LONGEST).strip())
        report = self._report(ReportKind.FEEDBACK, service, version)
        return self._keep(replace(report, text=text, rating=rating), given, asked)

    def _report(self, kind: ReportKind, service: str, version: str) -> Report:
        now = self._project.clock.now()
        return Report(service=service, environment=self._section.environment, version=version, kind=kind, at=now)

    def _keep(self, report: Report, given: Mapping[str, str], asked: Asked) -> str:
        if given.get("website"):
            return ""  # a program that fills in every field; it need not know
        engine = self._project.store.engine
        sender = reports.hashed(reports.salt_of(engine, report.at), asked.address)
        if not self._flood.admits(sender, report.at):
            return TOO_MANY
        once = f"{report.kind}/{report.service}/{report.environment}/{report.version}/{sender}"
        if reports.add(engine, replace(report, sender=sender), once) is None:
            return ALREADY
        if report.kind is ReportKind.HARM:
            from pilotage.app.harm import tell_operators

            tell_operators(self._project, report)
        return ""

    def _team(self, token: str, asked: Asked) -> Answered:
        engine, now = self._project.store.engine, self._project.clock.now()
        if not reports.is_invited(engine, token):
            return Answered(status=404, content=note_page(*NOT_FOUND))
        form = Form(product=self._product)
        if asked.method != "POST":
            return Answered(status=200, content=team_page(form))
        try:
            given = form_of(asked.body)
        except BadForm:
            return Answered(status=400, content=note_page(*NOT_FOUND))
        answers = {name: _mark(given.get(name, "")) for name in QUESTIONS}
        if not all(answers.values()):
            refused = replace(form, given=given, problem="Answer each of the three questions.")
            return Answered(status=422, content=team_page(refused))
        text = impersonal(plain(given.get("text", ""), LONGEST).strip())
        reports.answer_invitation(engine, token, answers, text, now)
        return _thanked(asked)


def _thanked(asked: Asked) -> Answered:
    """To the page of thanks: relative, because a proxy may serve the forms below a path of its own."""
    return Answered(status=303, location="../" * (asked.path.count("/") - 1) + "thanks")


def _mark(text: str) -> int:
    """1 to `BEST`; 0 for anything else."""
    return int(text) if text in {str(mark) for mark in range(1, BEST + 1)} else 0
