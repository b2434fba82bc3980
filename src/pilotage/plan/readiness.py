"""The readiness list (R5, R6): who owes which evidence by when. Every item is a task of a phase or stage (C21)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

from pilotage.model.answers import (
    Answers,
    DeploymentStrategy,
    ReleaseFrequency,
    ReleaseType,
    RiskTolerance,
    Stakeholder,
    TeamSize,
)
from pilotage.model.impact import Impact
from pilotage.model.schedule import Requirement, Role
from pilotage.plan.activities import DEVELOPMENT, EXECUTION, PLANNING, PREPARATION, TESTING
from pilotage.plan.approval import needs_approval

_COVERAGE = {
    "unit_test_coverage": {RiskTolerance.ZERO_DOWNTIME: 95, RiskTolerance.LOW: 90},
    "integration_test_coverage": {RiskTolerance.ZERO_DOWNTIME: 90, RiskTolerance.LOW: 85},
}
_USUAL_COVERAGE = {"unit_test_coverage": 80, "integration_test_coverage": 75}


@dataclass(frozen=True)
class Item:
    """A requirement before it has a day. `phase` is the scheduled phase, `stage` the stage of a pipeline."""

    id: str
    group: str
    title: str
    owner: Role
    evidence: str
    wants: str
    phase: str
    stage: str
    source: str
    note: str = ""


def coverage(item: str, tolerance: RiskTolerance) -> int:
    """Least coverage in percent (R5)."""
    return _COVERAGE[item].get(tolerance, _USUAL_COVERAGE[item])


def items_of(answers: Answers, takes_service_down: bool, impact: Impact) -> tuple[Item, ...]:
    """Every item these answers demand, in the order of the requirement."""
    return (
        *_technical(answers.risk_tolerance),
        *_INFRASTRUCTURE,
        *_OPERATIONAL,
        *(_MIGRATION if impact is Impact.HIGH else ()),
        _window(takes_service_down, answers.risk_tolerance),
        *_approval(answers),
        *_internal(answers.team_size is TeamSize.SMALL),
        *(item for stakeholder in answers.stakeholders for item in _EXTRA.get(stakeholder, ())),
        *(_FLAG if _has_flag(answers) else ()),
        *(_HOTFIX if answers.release_type is ReleaseType.HOTFIX else ()),
    )


def every_item() -> frozenset[str]:
    """Ids of the items of any answers."""
    several = (
        *_technical(RiskTolerance.MEDIUM),
        *_INFRASTRUCTURE,
        *_OPERATIONAL,
        *_internal(False),
        *_FLAG,
        *_HOTFIX,
        *_MIGRATION,
    )
    theirs = (item for items in _EXTRA.values() for item in items)
    return frozenset(
        (*(item.id for item in (*several, *theirs)), "maintenance_window_scheduled", "production_approval")
    )


def _has_flag(answers: Answers) -> bool:
    return (
        answers.release_type is ReleaseType.FEATURE_FLAG
        or answers.deployment_strategy is DeploymentStrategy.FEATURE_TOGGLE
    )


def placed(items: tuple[Item, ...], answers: Answers, present: tuple[str, ...]) -> Mapping[str, tuple[Item, ...]]:
    """Items by the phase or stage of the plan in which they are due."""
    continuous = answers.release_frequency is ReleaseFrequency.CONTINUOUS
    found: dict[str, list[Item]] = {}
    for item in items:
        place = item.stage if continuous else _nearest(item.phase, present)
        found.setdefault(place, []).append(item)
    order = _STAGES if continuous else present
    return {place: tuple(found[place]) for place in order if place in found}


_STAGES = ("commit", "build", "deploy_staging", "automated_testing")
_ORDER = (PLANNING, DEVELOPMENT, TESTING, PREPARATION, EXECUTION)


def _nearest(phase: str, present: tuple[str, ...]) -> str:
    """The phase itself, or the last one before it that this release has (C21)."""
    for candidate in reversed(_ORDER[: _ORDER.index(phase) + 1]):
        if candidate in present:
            return candidate
    return present[0]


NEVER_EXEMPT = frozenset(("production_approval", "emergency_change_record"))
"""Items that the answers themselves demand: `readiness.not_for_us` cannot take them out."""


TESTING_ITEMS = frozenset((
    "unit_test_coverage", "integration_test_coverage", "code_review_completion", "static_analysis_passing",
    "security_scan_passing", "performance_benchmarks",
))  # fmt: skip
"""What comprehensive testing is."""


def left_out(not_for_us: Mapping[str, str], impact: Impact) -> Mapping[str, str]:
    """Items that this release need not have. A release of high impact is tested comprehensively (R4)."""
    if impact is not Impact.HIGH:
        return not_for_us
    return {item: reason for item, reason in not_for_us.items() if item not in TESTING_ITEMS}


def requirements_of(
    by_place: Mapping[str, tuple[Item, ...]], due: Mapping[str, date], not_for_us: Mapping[str, str]
) -> tuple[Requirement, ...]:
    """The list, each item due on the last day of its place; without a date when that place has none. not_for_us: items
    that the team does not have, with the reason; they stay in the list and block nothing."""
    return tuple(
        Requirement(
            item.id, item.group, item.title, item.owner, item.evidence, item.wants, item.id not in not_for_us, place,
            due.get(place), item.source, f"not for us: {not_for_us[item.id]}" if item.id in not_for_us else item.note,
        )
        for place, items in by_place.items()
        for item in items
    )  # fmt: skip


@cache
def _technical(tolerance: RiskTolerance) -> tuple[Item, ...]:
    unit, integration = (coverage(kind, tolerance) for kind in _USUAL_COVERAGE)
    qa, dev, stage = Role.QA_LEAD, Role.ENGINEERING_LEAD, "automated_testing"
    return (
        Item("unit_test_coverage", "code quality", "Unit test coverage", dev, "coverage report of the released commit",
            f"≥ {unit} %", TESTING, stage, "R5"),
        Item("integration_test_coverage", "code quality", "Integration test coverage", qa,
            "coverage report of the released commit", f"≥ {integration} %", TESTING, stage, "R5"),
        Item("code_review_completion", "code quality", "Every commit reviewed", dev,
            "reviews of the commits since the last release", "100 %, reviewer ≠ author", DEVELOPMENT, "commit", "R5"),
        Item("static_analysis_passing", "code quality", "Static analysis", dev, "report of the released commit",
            "no finding", DEVELOPMENT, "commit", "R5"),
        Item("security_scan_passing", "code quality", "Security scan", Role.SECURITY_ENGINEER,
            "report of the released artifact", "no finding without a decision", TESTING, "commit", "R5"),
        Item("performance_benchmarks", "code quality", "Performance benchmarks", qa,
            "benchmark against the version in production", "within thresholds", TESTING, stage, "R5"),
    )  # fmt: skip


_OPS = Role.DEVOPS_ENGINEER
_STAGED = "deploy_staging"
_INFRASTRUCTURE = (
    Item("environment_parity", "infrastructure", "Staging matches production", _OPS,
        "comparison of both configurations and of what runs", "production-like staging", TESTING, _STAGED, "R5"),
    Item("deployment_automation", "infrastructure", "Deployment is automated", _OPS,
        "a deployment of this plan to staging", "fully automated", PREPARATION, _STAGED, "R5"),
    Item("monitoring_instrumentation", "infrastructure", "Monitoring covers the new version", _OPS,
        "a reading of each health metric, or why it has none", "comprehensive", PREPARATION, _STAGED, "R5"),
    Item("alerting_configuration", "infrastructure", "Alerts are validated", _OPS, "a delivered test alert",
        "validated", PREPARATION, _STAGED, "R5"),
    Item("backup_procedures", "infrastructure", "Backups are tested and restorable", _OPS,
        "a verified restore with its duration", "tested and verified", PREPARATION, _STAGED, "R5"),
    Item("rollback_mechanism", "infrastructure", "Rollback is automated and tested", _OPS,
        "a rollback in staging with its duration", "automated and tested", PREPARATION, _STAGED, "R5"),
)  # fmt: skip

_SUPPORT = Role.SUPPORT_LEAD
_TESTED = "automated_testing"
_OPERATIONAL = (
    Item("runbook_documentation", "operations", "Runbooks are current", _OPS,
        "runbooks whose links work, each changed within 180 days",
        "current and comprehensive", PREPARATION, _TESTED, "R5"),
    Item("support_team_training", "operations", "Support is trained", _SUPPORT,
        "sign-off; if configured, a list of trained people with dates",
        "completed", PREPARATION, _TESTED, "R5"),
    Item("incident_response_plan", "operations", "The incident plan is up to date", _OPS,
        "sign-off; if configured, the plan and the people on call", "updated", PREPARATION, _TESTED, "R5"),
    Item("communication_plan", "operations", "The communication plan is approved", Role.PRODUCT_OWNER,
        "each announcement approved, edited or skipped, then a sign-off",
        "approved by stakeholders", PREPARATION, _TESTED, "R5"),
)  # fmt: skip


_MIGRATION = (
    Item("migration_plan", "operations", "Users can migrate", Role.ENGINEERING_LEAD,
        "the document that readiness.evidence names, and a sign-off of it", "written", DEVELOPMENT, "build", "R4"),
)  # fmt: skip


@cache
def _window(needed: bool, tolerance: RiskTolerance) -> Item:
    wants = "scheduled and communicated" if needed else "none required"
    evidence = "the window, and its delivered notice" if needed else "the strategy needs no downtime"
    note = ""
    if needed and tolerance is RiskTolerance.ZERO_DOWNTIME:
        note = "zero-downtime allows no window: see the conflicts"
    return Item(
        "maintenance_window_scheduled", "operations", "Maintenance window", Role.RELEASE_MANAGER, evidence, wants,
        PREPARATION, _TESTED, "R5, C16", note,
    )  # fmt: skip


def _approval(answers: Answers) -> Iterator[Item]:
    if because := needs_approval(answers):
        yield Item(
            "production_approval", "sign-off", "Approval to go to production", Role.RELEASE_MANAGER,
            "approval bound to this plan's hash", "obtained, approver ≠ author", PREPARATION, _TESTED, "R10, C17",
            f"because of {', '.join(because)}",
        )  # fmt: skip


@cache
def _internal(small: bool) -> tuple[Item, ...]:
    note = (
        "one person can hold several roles; if they approve their own release, a review becomes a follow-up"
        if small
        else ""
    )
    of_plan = "sign-off bound to this plan's hash"
    return tuple(
        Item(name, "sign-off", title, owner, of_plan, wants, phase, _TESTED, "R6", note)
        for name, title, owner, wants, phase in (
            ("product_owner_approval", "Product owner", Role.PRODUCT_OWNER, "obtained", PREPARATION),
            ("engineering_signoff", "Engineering", Role.ENGINEERING_LEAD, "completed", PREPARATION),
            ("qa_validation", "QA", Role.QA_LEAD, "passed", TESTING),
            ("devops_approval", "DevOps", Role.DEVOPS_ENGINEER, "confirmed", PREPARATION),
            ("support_team_readiness", "Support", Role.SUPPORT_LEAD, "verified", PREPARATION),
        )
    )


_COMMS, _COMPLIANCE, _BUSINESS = Role.COMMUNICATIONS, Role.COMPLIANCE_OFFICER, Role.BUSINESS_STAKEHOLDER
_EXTRA: Mapping[Stakeholder, tuple[Item, ...]] = {
    Stakeholder.CUSTOMER_FACING: (
        Item("release_notes", "customers", "Release notes are drafted and reviewed", Role.PRODUCT_MANAGER,
            "sign-off bound to the draft's digest",
            "reviewed; published when everyone has the release", PREPARATION, _TESTED, "R6, C19"),
        Item("feature_announcements", "customers", "Announcements are scheduled", _COMMS,
            "each announcement of features is scheduled, sent or skipped",
            "scheduled", PREPARATION, _TESTED, "R6"),
        Item("support_documentation", "customers", "Support documentation is up to date", _SUPPORT,
            "sign-off; if configured, changed pages",
            "updated", PREPARATION, _TESTED, "R6"),
        Item("training_materials", "customers", "Training material is available", _SUPPORT,
            "sign-off; if configured, a page that names the version",
            "available", PREPARATION, _TESTED, "R6"),
    ),
    Stakeholder.ENTERPRISE: (
        Item("compliance_impact_assessment", "enterprise", "Compliance impact is assessed", _COMPLIANCE,
            "sign-off; if configured, the assessment's digest", "completed", DEVELOPMENT, "build", "R6, C20"),
        Item("compliance_validation", "enterprise", "Compliance is validated", _COMPLIANCE,
            "sign-off bound to the artifact's digest, if one is named; a new build voids it", "completed",
            PREPARATION, _TESTED, "R6, C20"),
        Item("security_assessment", "enterprise", "Security is assessed", Role.SECURITY_ENGINEER,
            "sign-off bound to the artifact's digest, if one is named", "approved", TESTING, _TESTED, "R6"),
        Item("change_management_approval", "enterprise", "The change is approved", Role.CHANGE_MANAGER,
            "sign-off; if configured, the state of the ticket",
            "obtained", PREPARATION, _TESTED, "R6"),
        Item("business_stakeholder_signoff", "enterprise", "Business signs off", _BUSINESS,
            "sign-off bound to this plan's hash", "documented", PREPARATION, _TESTED, "R6"),
    ),
    Stakeholder.MULTI_TENANT: (
        Item("tenant_waves", "tenants", "Tenant waves are agreed", Role.CUSTOMER_SUCCESS,
            "the environment's waves, their wishes and notices; without waves, sign-off",
            "agreed", PREPARATION, _TESTED, "R6, C9"),
        Item("tenant_notices", "tenants", "Tenant notices are sent", Role.CUSTOMER_SUCCESS,
            "the delivered notice of the waves", "sent", PREPARATION, _TESTED, "R6, C9"),
    ),
}  # fmt: skip

_FLAG = (
    Item("flag_registered", "flag", "The flag has an owner, a kill switch and a removal date", Role.PRODUCT_OWNER,
        "the flag's record", "registered, off", PREPARATION, _STAGED, "R16"),
)  # fmt: skip
_HOTFIX = (
    Item("emergency_change_record", "sign-off", "The emergency is recorded", Role.ENGINEERING_LEAD,
        "sign-off with what is broken, for whom, since when; its review within 48 hours is a follow-up",
        "recorded", PLANNING, "commit",
        "R4, C18"),
)  # fmt: skip
