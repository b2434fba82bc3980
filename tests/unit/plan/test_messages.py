"""Who is told what, and when (R22)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pilotage.model.schedule import Message
from tests.plans import planned as plan

H = 3600


def message(identity: str, **changes: Any) -> Message:
    return next(m for m in plan(**changes).communication if m.id == identity)


@pytest.mark.parametrize(
    ("requirement", "stakeholder", "identity", "audience", "lead"),
    [
        ("R22", "customer-facing", "release_announcement", "customers", "7 working days before full exposure"),
        ("R22", "customer-facing", "documentation_updates", "customers", "7 working days before full exposure"),
        ("R22", "customer-facing", "webinar_scheduling", "customers", "7 working days before full exposure"),
        ("R22", "customer-facing", "support_team_briefing", "support", "7 working days before full exposure"),
        ("R22", "customer-facing", "status_page_start", "customers", "at the start of the rollout"),
        ("R22", "customer-facing", "status_page_done", "customers", "at full exposure"),
        ("C19", "customer-facing", "social_media", "customers", "at full exposure"),
        ("C19", "customer-facing", "in_app_notification", "customers", "at full exposure"),
        ("C19", "customer-facing", "customer_success_outreach", "key accounts", "at full exposure"),
        ("C19", "customer-facing", "release_notes_publication", "customers", "at full exposure"),
        ("C19", "customer-facing", "release_notes_amended", "customers", "1 working day after full exposure"),
        ("R22", "customer-facing", "success_metrics", "customers", "1 working day after full exposure"),
        ("R22", "customer-facing", "customer_feedback", "customers", "1 working day after full exposure"),
        ("R22", "customer-facing", "follow_up_webinar", "customers", "1 working day after full exposure"),
        ("R22", "enterprise", "executive_briefing", "executives", "48 hours before the start of the rollout"),
        ("R22", "enterprise", "executive_confirmation", "executives", "24 hours after full exposure"),
        ("R22", "enterprise", "it_leadership_briefing", "IT leadership", "5 working days before full exposure"),
        ("R22", "enterprise", "it_leadership_report", "IT leadership", "1 working day after full exposure"),
        ("R22", "enterprise", "end_user_guides", "end users", "3 working days before full exposure"),
        ("R22", "enterprise", "end_user_feedback", "end users", "3 working days after full exposure"),
        ("C20", "enterprise", "compliance_impact", "compliance", "10 working days before full exposure"),
        ("C20", "enterprise", "compliance_report", "compliance", "1 working day after full exposure"),
        ("C9", "internal-only", "internal_notice", "internal teams", "3 working days before full exposure"),
        ("C9", "internal-only", "internal_start", "internal teams", "at the start of the rollout"),
        ("C9", "internal-only", "internal_done", "internal teams", "1 working day after full exposure"),
        ("C9", "multi-tenant", "tenant_wave_notice", "tenants", "7 working days before full exposure"),
        ("C9", "multi-tenant", "tenant_wave_start", "tenants of the wave", "at the start of the rollout"),
        ("C9", "multi-tenant", "tenant_wave_done", "tenants of the wave", "at full exposure"),
        ("R21", "internal-only", "rollback_notice", "everyone informed of the release", "at a rollback"),
    ],
)
def test_r22_messages(requirement: str, stakeholder: str, identity: str, audience: str, lead: str) -> None:
    found = message(identity, stakeholder_complexity=stakeholder)
    assert (found.audience, str(found.lead)) == (audience, lead)
    assert requirement in found.source
    assert found.draft
    assert found.owner
    assert found.channel
    assert found.due is None


@pytest.mark.parametrize(
    ("stakeholder", "count"),
    [("internal-only", 4), ("customer-facing", 15), ("enterprise", 9), ("multi-tenant", 4)],
)
def test_r22_that_is_all_of_them(stakeholder: str, count: int) -> None:
    assert len(plan(stakeholder_complexity=stakeholder).communication) == count


def test_r22_the_executive_summary_has_impact_and_downtime() -> None:
    usual = message("executive_briefing", stakeholder_complexity="enterprise").draft
    assert "Business impact: Medium" in usual
    none = message("executive_briefing", stakeholder_complexity="enterprise", risk_tolerance="zero-downtime").draft
    assert "Downtime: None" in none
    closed = message("executive_briefing", stakeholder_complexity="enterprise", deployment_strategy="big-bang").draft
    assert "Downtime: up to 2h" in closed


def test_r22_days_are_working_days_never_later_than_due_and_hours_are_instants() -> None:
    made = plan(stakeholder_complexity=["customer-facing", "enterprise"], release_date=date(2027, 3, 17))
    assert made.release_date == date(2027, 3, 17)
    due = {m.id: m.due for m in made.communication}
    assert due["release_announcement"] == date(2027, 3, 8)
    assert due["compliance_impact"] == date(2027, 3, 3)
    assert due["end_user_guides"] == date(2027, 3, 12)
    assert due["success_metrics"] == date(2027, 3, 18)
    at = {m.id: m.due_at for m in made.communication}
    begins, exposed = made.on_call[0].begins, made.on_call[-1].begins
    assert at["executive_briefing"] is not None
    assert (begins - at["executive_briefing"]).total_seconds() == 48 * H
    assert at["executive_confirmation"] is not None
    assert (at["executive_confirmation"] - exposed).total_seconds() == 24 * H
    assert at["release_announcement"] is None


@pytest.mark.parametrize(
    ("identity", "stakeholder", "rule", "lead"),
    [
        ("compliance_impact", "enterprise", "notified at the decision", "at the decision to release"),
        ("it_leadership_briefing", "enterprise", "notified at the decision", "at the decision to release"),
        ("end_user_guides", "enterprise", "notified right after", "at full exposure"),
        ("release_announcement", "customer-facing", "notified at the start", "at the start of the rollout"),
        ("support_team_briefing", "customer-facing", "notified at the decision", "at the decision to release"),
        ("tenant_wave_notice", "multi-tenant", "notified at the decision", "at the decision to release"),
        ("internal_notice", "internal-only", "notified at the decision", "at the decision to release"),
    ],
)
def test_c11_a_hotfix_catches_up_by_audience(identity: str, stakeholder: str, rule: str, lead: str) -> None:
    found = message(identity, stakeholder_complexity=stakeholder, release_type="hotfix", deployment_strategy="rolling")
    assert found.catch_up is not None
    assert (found.catch_up.rule, str(found.lead)) == (rule, lead)
    assert "is recorded" in found.catch_up.waiver
    assert "C11" in found.source


def test_c11_a_lead_that_has_passed_is_replaced_and_one_that_has_not_is_kept() -> None:
    phases = ["planning_phase", "development_phase", "testing_phase", "deployment_preparation"]
    made = plan(
        stakeholder_complexity="enterprise", release_date=date(2027, 3, 17), today=date(2027, 3, 12), done=phases
    )
    found = {m.id: m for m in made.communication}
    assert found["compliance_impact"].catch_up is not None
    assert found["compliance_impact"].catch_up.missed_due == date(2027, 3, 3)
    assert found["compliance_impact"].due == date(2027, 3, 12)
    assert found["end_user_guides"].catch_up is None
    assert found["end_user_guides"].due == date(2027, 3, 12)
