"""Messages to each audience (R22): drafts with their leads, and what replaces a missed one (C11).

Announcements are due when everyone has the release (C19). Days are working days, never later than the lead; hours are
zoned instants counted from the rollout's own times (C14).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pilotage.model.answers import Answers, DeploymentStrategy, ReleaseType, RiskTolerance, Stakeholder
from pilotage.model.calendar import Calendar, later
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.schedule import After, CatchUp, Lead, Message, Role

START, EXPOSED, DECISION = "the start of the rollout", "full exposure", "the decision to release"
_ROLLBACK = "a rollback"


def _days(amount: int) -> Lead:
    return Lead(EXPOSED, amount, "working days")


def _hours(amount: int, anchor: str = EXPOSED) -> Lead:
    return Lead(anchor, amount, "hours")


_NOW, _START = _hours(0), _hours(0, START)
_WEEK = 5
"""Working days."""


@dataclass(frozen=True)
class _Draft:
    id: str
    audience: str
    title: str
    channel: str
    owner: Role
    lead: Lead
    text: str
    source: str = "R22"


_SUCCESS = Role.CUSTOMER_SUCCESS
_CALENDAR: Mapping[Stakeholder, tuple[_Draft, ...]] = {
    Stakeholder.INTERNAL_ONLY: (
        _Draft("internal_notice", "internal teams", "Notice of the release", "chat", Role.RELEASE_MANAGER, _days(-3),
            "{release} is planned for {day}: {scope}. Strategy: {strategy}. {way_back}",
            "R22, C9"),
        _Draft("internal_start", "internal teams", "The rollout starts", "chat", Role.RELEASE_MANAGER, _START,
            "{release} is rolling out now. Follow it with `pilotage watch`.", "R22, C9"),
        _Draft("internal_done", "internal teams", "The release is complete", "chat", Role.RELEASE_MANAGER, _days(1),
            "{release} has reached all users, with its outcome and what was measured.", "R22, C9"),
    ),
    Stakeholder.CUSTOMER_FACING: (
        _Draft("release_announcement", "customers", "Release Announcement", "e-mail", Role.COMMUNICATIONS, _days(-7),
            "{service} {version} is coming on {day}, with what is new and what to do before."),
        _Draft("documentation_updates", "customers", "Documentation Updates", "documentation", Role.PRODUCT_MANAGER,
            _days(-7), "The page of {service} {version}, which is coming on {day}: what is new, and what changes in "
            "the API."),
        _Draft("webinar_scheduling", "customers", "Webinar Scheduling", "webinar", Role.PRODUCT_MANAGER, _days(-7),
            "Invitation to a webinar: what is new in {service} {version}."),
        _Draft("support_team_briefing", "support", "Support Team Training", "meeting", Role.SUPPORT_LEAD, _days(-7),
            "What changes in {service} {version} on {day}, and the questions to expect."),
        _Draft("status_page_start", "customers", "Status Page Updates: in progress", "status page",
            Role.DEVOPS_ENGINEER, _START, "We are releasing {service} {version}. {downtime}"),
        _Draft("status_page_done", "customers", "Status Page Updates: completed", "status page", Role.DEVOPS_ENGINEER,
            _NOW, "{service} {version} is available to all users."),
        _Draft("social_media", "customers", "Social Media Updates", "social media", Role.COMMUNICATIONS, _NOW,
            "{service} {version} is here, with one highlight.", "R22, C19"),
        _Draft("in_app_notification", "customers", "In-App Notifications", "in-app", Role.PRODUCT_MANAGER, _NOW,
            "New in {version}: up to three highlights.", "R22, C19"),
        _Draft("customer_success_outreach", "key accounts", "Customer Success Outreach", "personal message", _SUCCESS,
            _NOW, "{service} {version} is released, with what is new.", "R22, C19"),
        _Draft("release_notes_publication", "customers", "Release Notes Publication", "documentation",
            Role.PRODUCT_MANAGER, _NOW,
            "Release notes of {service} {version}, made of the changes.", "R22, C19"),
        _Draft("release_notes_amended", "customers", "Release Notes, updated", "documentation", Role.PRODUCT_MANAGER,
            _days(1), "Release notes of {service} {version}, with how the release went.", "R22, C19"),
        _Draft("success_metrics", "customers", "Success Metrics Sharing", "e-mail", Role.PRODUCT_MANAGER, _days(1),
            "What {service} {version} changed: what was measured, with the number of requests."),
        _Draft("customer_feedback", "customers", "Customer Feedback Collection", "survey", _SUCCESS, _days(1),
            "How do you like {service} {version}? With the address of the form."),
        _Draft("follow_up_webinar", "customers", "Follow-up Webinars", "webinar", Role.PRODUCT_MANAGER, _days(1),
            "Invitation to a webinar: working with {service} {version}."),
    ),
    Stakeholder.ENTERPRISE: (
        _Draft("compliance_impact", "compliance", "Compliance impact assessment", "document", Role.COMPLIANCE_OFFICER,
            _days(-2 * _WEEK),
            "What {service} {version} changes for regulation and security. Validation follows test sign-off.",
            "R22, C20"),
        _Draft("it_leadership_briefing", "IT leadership", "Technical briefing and architecture review", "document",
            Role.ENGINEERING_LEAD, _days(-_WEEK),
            "{release} on {day}: strategy {strategy}, what it delivers, and what lowers the risk. {way_back}"),
        _Draft("end_user_guides", "end users", "User guides and training materials", "e-mail", Role.PRODUCT_MANAGER,
            _days(-3), "{service} {version} arrives on {day}: what changes in your work, and where to find guides "
            "and help."),
        _Draft("executive_briefing", "executives", "Executive briefing", "document", Role.PRODUCT_OWNER,
            _hours(-48, START),
            "Release: {type} {version}. Date: {day}. Business impact: {impact}. Downtime: {downtime_short}. Risk: "
            "{if_harmful}"),
        _Draft("executive_confirmation", "executives", "Success confirmation", "e-mail", Role.PRODUCT_OWNER, _hours(24),
            "{service} {version}: how the release went, and what was measured."),
        _Draft("it_leadership_report", "IT leadership", "Technical validation and performance report", "document",
            Role.ENGINEERING_LEAD, _days(1),
            "{service} {version}: how the release went, and its metrics{compared}."),
        _Draft("end_user_feedback", "end users", "User feedback and additional training", "survey",
            Role.PRODUCT_MANAGER, _days(3), "How is {service} {version} working for you? With the address of the "
            "form."),
        _Draft("compliance_report", "compliance", "Compliance validation report", "document", Role.COMPLIANCE_OFFICER,
            _days(1), "{service} {version}: its artifact, who signed what, and with what evidence.",
            "R22, C20"),
    ),
    Stakeholder.MULTI_TENANT: (
        _Draft("tenant_wave_notice", "tenants", "Notice of your wave", "e-mail", _SUCCESS, _days(-7),
            "{service} {version} reaches {in_waves}.", "R22, C9"),
        _Draft("tenant_wave_start", "tenants of the wave", "Your wave starts", "e-mail", _SUCCESS, _START,
            "{service} {version} is rolling out to you now. {downtime}", "R22, C9"),
        _Draft("tenant_wave_done", "tenants of the wave", "Your wave is complete", "e-mail", _SUCCESS, _NOW,
            "You now use {service} {version}, with what is new.", "R22, C9"),
    ),
}  # fmt: skip

OF_EVERY_WAVE = ("tenant_wave_start", "tenant_wave_done")
"""What each wave of a plan with waves tells by itself; nothing where a first deployment reaches all tenants at once."""

_OPERATIONS = (
    _Draft("rollback_notice", "everyone informed of the release", "The release was rolled back",
        "every channel used before", Role.RELEASE_MANAGER, Lead(_ROLLBACK, 0, "hours"),
        "{service} {version} was rolled back, and why. The previous version serves all users.", "R21"),
)  # fmt: skip


@dataclass(frozen=True)
class Times:
    """When things happen, as far as known. `decided` is the day on which the plan is made."""

    release: date | None
    begins: datetime | None
    exposed: datetime | None
    decided: date | None


def messages_of(
    answers: Answers, words: Mapping[str, str], calendar: Calendar, times: Times, *, first: bool = False
) -> tuple[Message, ...]:
    """Every message of these stakeholders, in order of their due times; two stakeholders' duties add up. first: of a
    first deployment, which has no waves and cannot be rolled back."""
    drafts = [draft for stakeholder in answers.stakeholders for draft in _CALENDAR[stakeholder]]
    drafts = [draft for draft in drafts if not (first and draft.id in OF_EVERY_WAVE)]
    operations = () if first else _OPERATIONS
    longest = 3 if answers.release_type is ReleaseType.HOTFIX else None
    found = [_message(draft, words, calendar, times, longest) for draft in (*drafts, *operations)]
    return tuple(sorted(found, key=_order))


def _order(message: Message) -> tuple[bool, date, int, bool]:
    """By day where there is one, else by lead; what only a rollback brings comes last."""
    lead = message.lead
    hours = lead.amount * (24 if lead.unit == "working days" else 1)
    return lead.anchor == _ROLLBACK, message.due or date.min, hours, lead.anchor != START


def _message(draft: _Draft, words: Mapping[str, str], calendar: Calendar, times: Times, longest: int | None) -> Message:
    catch_up = _catch_up(draft, _day(draft.lead, calendar, times), times, longest)
    lead = _CATCH_UP[catch_up.rule] if catch_up else draft.lead
    return Message(
        draft.id, draft.audience, draft.title, draft.channel, draft.owner, lead,
        _day(lead, calendar, times), _instant(lead, times), draft.text.format_map(words),
        f"{draft.source}, C11" if catch_up else draft.source, catch_up, _after(lead),
    )  # fmt: skip


def _after(lead: Lead) -> After:
    """What is due once a moment has come does not go out before it, whatever its date says."""
    if lead.amount < 0:
        return After.NOTHING
    return {START: After.START, EXPOSED: After.COMPLETED, _ROLLBACK: After.ROLLED_BACK}.get(lead.anchor, After.NOTHING)


_CATCH_UP = {
    "notified at the decision": Lead(DECISION, 0, "hours"),
    "notified at the start": _START,
    "notified right after": _NOW,
}
_RULE_OF = {
    "compliance": "notified at the decision",
    "IT leadership": "notified at the decision",
    "support": "notified at the decision",
    "internal teams": "notified at the decision",
    "tenants": "notified at the decision",
    "executives": "notified at the start",
    "customers": "notified at the start",
    "end users": "notified right after",
}
"""Which rule replaces a lead that has passed, by audience (C11): those who must act first are notified first."""


def _catch_up(draft: _Draft, day: date | None, times: Times, longest: int | None) -> CatchUp | None:
    """The rule that takes the place of a lead which has passed, or which no release of this type can keep."""
    if draft.lead.amount >= 0:
        return None
    days = draft.lead.amount / (-24 if draft.lead.unit == "hours" else -1)
    passed = day is not None and times.decided is not None and day < times.decided
    hopeless = longest is not None and days >= longest and times.decided is None
    if not passed and not hopeless:
        return None
    rule = _RULE_OF[draft.audience]
    why = f"ended on {day}, before the decision" if passed else f"is longer than the {longest} days of a hotfix"
    waiver = (
        f"{draft.audience}: the lead time of {draft.lead} {why}. They are {rule} instead, and the missed lead time is "
        "recorded"
    )
    return CatchUp(rule, draft.lead, day, waiver)


def _instant(lead: Lead, times: Times) -> datetime | None:
    anchor = {START: times.begins, EXPOSED: times.exposed}.get(lead.anchor)
    return later(anchor, lead.amount * 3600) if anchor and lead.unit == "hours" else None


def _day(lead: Lead, calendar: Calendar, times: Times) -> date | None:
    if lead.anchor == DECISION:
        return times.decided
    if lead.unit == "hours":
        instant = _instant(lead, times)
        return instant.date() if instant else None
    if times.release is None:
        return None
    if lead.amount < 0:
        return calendar.working_day_before(times.release, -lead.amount)
    return calendar.working_day_after(times.release, lead.amount)


def words_for(plan: Plan) -> dict[str, str]:
    """The same of a plan that is made."""
    window = next((s.value for s in plan.settings if s.path == "big_bang.maintenance_window"), 0)
    undo = format_duration(plan.rollback.timeout)
    shown = format_duration(float(window)) if isinstance(window, int | float) else ""
    return words_of(plan.answers, plan.service, plan.version, plan.release_date, undo, shown, first=plan.first)


def words_of(
    answers: Answers, service: str, version: str, release: date | None, undo: str, window: str, *, first: bool = False
) -> dict[str, str]:
    """What a draft may say of the plan. Nothing measured: that is left open until it is (C10)."""
    down = answers.deployment_strategy is DeploymentStrategy.BIG_BANG and not first
    none = "None" if answers.risk_tolerance is RiskTolerance.ZERO_DOWNTIME and not down else "none expected"
    day = f"{release:%A, %d %B %Y}" if release else "[date]"
    return {
        "release": f"{service} {version} ({answers.release_type})",
        "service": service,
        "version": version,
        "type": answers.release_type,
        "day": day,
        "scope": _SCOPE[answers.release_type],
        "impact": _IMPACT[answers.release_type],
        "strategy": "all users at once" if first else answers.deployment_strategy,
        "in_waves": f"all tenants on {day}" if first else f"you in your wave, from {day} on",
        "first": "yes" if first else "",
        "undo": undo,
        "way_back": _NO_EARLIER if first else f"A rollback takes at most {undo}.",
        "compared": "" if first else " against the previous version",
        "if_harmful": _NO_EARLIER if first else f"if the release exceeds a limit, it rolls back within {undo}.",
        "downtime": f"The service is closed for up to {window}." if down else "No interruption is expected.",
        "downtime_short": f"up to {window}" if down else none,
    }


_NO_EARLIER = "This is the first deployment: there is no earlier version to roll back to."

_SCOPE = {
    ReleaseType.MAJOR: "major features, with breaking changes",
    ReleaseType.MINOR: "new features",
    ReleaseType.PATCH: "fixes",
    ReleaseType.HOTFIX: "a critical fix",
    ReleaseType.FEATURE_FLAG: "a feature behind a flag",
}
_IMPACT = {
    ReleaseType.MAJOR: "High",
    ReleaseType.MINOR: "Medium",
    ReleaseType.PATCH: "Low",
    ReleaseType.HOTFIX: "High",
    ReleaseType.FEATURE_FLAG: "Low",
}
