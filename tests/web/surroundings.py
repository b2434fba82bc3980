"""What surrounds the releases of the invented world: meetings, messages, people, tokens, and what is signed off."""

from __future__ import annotations

from pilotage.app.identity import devices, links, tokens
from pilotage.app.project import Project
from pilotage.engine.records import meetings, outbox, reports
from pilotage.engine.records.roles import CustomRole, Roles
from pilotage.engine.records.signatures import sign
from pilotage.model.access import Grant, HolderKind
from pilotage.model.meeting import Guest, Meeting, MeetingKind
from pilotage.model.message import Message, Severity
from pilotage.model.readiness import Signature, SignatureKind
from pilotage.model.report import Report, ReportKind

_DAY = 86400.0
_SLACK = {"kind": "slack", "name": "releases", "webhook_url": "https://hooks.example.org/releases"}
_MAIL = {"kind": "slack", "name": "support", "webhook_url": "https://hooks.example.org/support"}


def surround(project: Project) -> tuple[str, str]:
    """The secret of an invitation, and the code that a command line shows."""
    _meet(project)
    _write(project)
    _sign(project)
    return _people(project)


def _meet(project: Project) -> None:
    now = project.clock.now()
    for number, (kind, title) in enumerate(
        (
            (MeetingKind.RETROSPECTIVE, "Retrospective of payments 5.2.2"),
            (MeetingKind.BRIEFING, "Briefing of support: payments 5.3.0"),
        )
    ):
        begins = now + (number + 2) * _DAY
        guests = (Guest(name="ada", email="ada@example.org"), Guest(name="bob", email="bob@example.org"))
        meeting = Meeting(
            uid=f"{kind.value}@example.org", kind=kind, service="payments", environment="production", version="5.3.0",
            title=title, text="", begins=begins, planned=begins, minutes=45, location="Room 4.12", organizer="",
            guests=guests,
        )  # fmt: skip
        meetings.keep(project.store.engine, meeting, [], "ada", now)


def _write(project: Project) -> None:
    """Messages that arrived, that wait, and that were given up."""
    engine, now = project.store.engine, project.clock.now()
    for number, title in enumerate(("payments 5.2.2 released", "search 8.1.0: all traffic returned to 8.0.4")):
        message = Message(
            key=f"said-{number}", thread=f"said-{number}", type="completed", severity=Severity.INFO, title=title,
            text=title, at=now, service="payments", environment="production", version="5.2.2",
        )  # fmt: skip
        outbox.post_to_once(engine, message, [_SLACK, _MAIL], now)
    first = outbox.claim(engine, "releases", "pictures", now)
    assert first is not None
    outbox.delivered(engine, first, {"ts": "1"}, now)
    refused = outbox.claim(engine, "support", "pictures", now)
    assert refused is not None
    outbox.failed(engine, refused, "HTTP 404: no_service", now, permanent=True, retry_after=None)


def _sign(project: Project) -> None:
    now = project.clock.now()
    for item, role, by, comment in (
        ("test_report", "QA lead", "bob", "41 of 41 pass on staging"),
        ("security_review", "security engineer", "eve", "no new findings"),
    ):
        signature = Signature(SignatureKind.SIGN_OFF, item, role, by, comment, now - _DAY / 3, None, "plan", "")
        sign(project.store.engine, "payments", "production", "5.3.0", signature)
    reports.add(
        project.store.engine,
        Report(
            service="payments", environment="production", version="5.2.2", text="Faster than before", at=now - _DAY,
            kind=ReportKind.FEEDBACK, rating=5,
        ),
    )  # fmt: skip


def _people(project: Project) -> tuple[str, str]:
    store, now = project.store, project.clock.now()
    store.persons.grant(
        HolderKind.GROUP, "payments-team", Grant(role="deployer", service="payments", environment="*"), "root", now
    )
    Roles(store.engine).save_custom(
        CustomRole(name="on-call", permissions=("read", "roll back", "return traffic to stable"), by="root", at=now)
    )
    for name, expires in (("laptop", now + 40 * _DAY), ("old script", now - _DAY)):
        tokens.issue(store, "root", name, [Grant(role="viewer")], "root", expires)
    invitation = links.Invitation(name="cleo", grants=(Grant(role="viewer"),), email="cleo@example.org")
    return links.invite(project, invitation), devices.ask(store, "laptop of root").code
