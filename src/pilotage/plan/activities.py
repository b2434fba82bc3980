"""Who owns each activity and milestone of a scheduled release (R9), and what shows that it is done.

A gate is an item of the plan's readiness list, or a fact that Pilotage knows by itself. What has no gate in a plan is
done when a person says so, when a file is there, or when the tracker closes a milestone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pilotage.model.activity import Fact
from pilotage.model.schedule import Activity, Role

PLANNING, DEVELOPMENT, TESTING, PREPARATION, EXECUTION = (
    "planning_phase", "development_phase", "testing_phase", "deployment_preparation", "deployment_execution",
)  # fmt: skip

_ENGINEERING, _OPS, _QA = Role.ENGINEERING_LEAD, Role.DEVOPS_ENGINEER, Role.QA_LEAD
_OWNER, _MANAGER, _PRODUCT = Role.PRODUCT_OWNER, Role.RELEASE_MANAGER, Role.PRODUCT_MANAGER
_COMMS, _SECURITY = Role.COMMUNICATIONS, Role.SECURITY_ENGINEER

_UNIT, _INTEGRATION, _REVIEWS = ("unit_test_coverage",), ("integration_test_coverage",), ("code_review_completion",)
_SPEED, _SAFE = ("performance_benchmarks",), ("security_scan_passing", "security_assessment")
_AUTOMATED, _WAY_BACK = ("deployment_automation",), ("rollback_mechanism",)
_WATCHED = ("monitoring_instrumentation", "alerting_configuration")
_COMMUNICATION = ("communication_plan", "feature_announcements")
_APPROVED = ("product_owner_approval", "business_stakeholder_signoff")
_STARTED, _COMPLETED = (Fact.ROLLOUT_STARTED,), (Fact.ROLLOUT_COMPLETED,)

_ACTIVITIES: Mapping[str, tuple[Role, tuple[str, ...]]] = {
    "requirements_finalization": (_OWNER, ()),
    "architecture_review": (_ENGINEERING, ()),
    "risk_assessment": (_MANAGER, (Fact.RISK_ASSESSED,)),
    "resource_allocation": (_MANAGER, ()),
    "stakeholder_alignment": (_OWNER, ()),
    "feature_scoping": (_OWNER, ()),
    "technical_design": (_ENGINEERING, ()),
    "resource_planning": (_MANAGER, ()),
    "timeline_confirmation": (_MANAGER, ()),
    "bug_analysis": (_ENGINEERING, ()),
    "fix_scoping": (_ENGINEERING, ()),
    "flag_design": (_ENGINEERING, ("flag_registered",)),
    "feature_development": (_ENGINEERING, ()),
    "feature_implementation": (_ENGINEERING, ()),
    "bug_fixes": (_ENGINEERING, ()),
    "unit_testing": (_ENGINEERING, _UNIT),
    "code_reviews": (_ENGINEERING, _REVIEWS),
    "integration_testing": (_QA, _INTEGRATION),
    "documentation_updates": (_PRODUCT, ("support_documentation",)),
    "system_testing": (_QA, ("qa_validation",)),
    "user_acceptance_testing": (_OWNER, ()),
    "performance_testing": (_QA, _SPEED),
    "security_testing": (_SECURITY, _SAFE),
    "regression_testing": (_QA, ()),
    "targeted_testing": (_QA, ("qa_validation",)),
    "deployment_script_testing": (_OPS, _AUTOMATED),
    "deployment_validation": (_OPS, _AUTOMATED),
    "rollback_procedure_validation": (_OPS, _WAY_BACK),
    "monitoring_setup": (_OPS, _WATCHED),
    "communication_preparation": (_COMMS, _COMMUNICATION),
    "final_stakeholder_approval": (_OWNER, _APPROVED),
    "stakeholder_approval": (_OWNER, _APPROVED),
    "pre_deployment_checklist": (_MANAGER, _STARTED),
    "production_deployment": (_OPS, _COMPLETED),
    "deployment": (_OPS, _COMPLETED),
    "progressive_exposure": (_OPS, _COMPLETED),
    "post_deployment_validation": (_OPS, _COMPLETED),
    "validation": (_OPS, _COMPLETED),
    "stakeholder_notification": (_COMMS, (Fact.ANNOUNCED,)),
    "communication": (_COMMS, (Fact.ANNOUNCED,)),
    "documentation_finalization": (_PRODUCT, ()),
    "backport": (_ENGINEERING, ()),
    "review_afterwards": (_MANAGER, ()),
}


@dataclass(frozen=True)
class Mark:
    """A milestone before it has a day."""

    id: str
    title: str
    owner: Role
    gates: tuple[str, ...] = ()


GO_NO_GO, FEATURE_FREEZE = "go_no_go_decision", "feature_freeze"

MILESTONES: Mapping[str, tuple[Mark, ...]] = {
    PLANNING: (
        Mark("requirements_finalized", "Requirements finalized", _OWNER),
        Mark("architecture_approved", "Architecture approved", _ENGINEERING),
        Mark("risk_assessment_completed", "Risk assessment completed", _MANAGER, (Fact.RISK_ASSESSED,)),
        Mark(GO_NO_GO, "Go/No-go decision made", _MANAGER),
    ),
    DEVELOPMENT: (
        Mark(FEATURE_FREEZE, "Feature freeze", _MANAGER, (Fact.ITS_DAY,)),
        Mark("code_complete", "Code complete", _ENGINEERING),
        Mark("unit_tests_passing", "Unit tests passing", _ENGINEERING, _UNIT),
        Mark("code_reviews_completed", "Code reviews completed", _ENGINEERING, _REVIEWS),
    ),
    TESTING: (
        Mark("system_testing_complete", "System testing complete", _QA, ("qa_validation",)),
        Mark("uat_sign_off", "UAT sign-off", _OWNER),
        Mark("performance_validation", "Performance validation", _QA, _SPEED),
        Mark("security_clearance", "Security clearance", _SECURITY, _SAFE),
    ),
    PREPARATION: (
        Mark("deployment_scripts_validated", "Deployment scripts validated", _OPS, _AUTOMATED),
        Mark("rollback_procedures_tested", "Rollback procedures tested", _OPS, _WAY_BACK),
        Mark("communication_plan_approved", "Communication plan approved", _OWNER, ("communication_plan",)),
        Mark("final_stakeholder_sign_off", "Final stakeholder sign-off", _OWNER, _APPROVED),
    ),
    EXECUTION: (
        Mark("production_deployment_complete", "Production deployment complete", _OPS, _COMPLETED),
        Mark("health_checks_passing", "Health checks passing", _OPS, _COMPLETED),
        Mark("stakeholders_notified", "Stakeholders notified", _COMMS, (Fact.ANNOUNCED,)),
        Mark("post_deployment_review_scheduled", "Post-deployment review scheduled", _MANAGER, (Fact.REVIEW_INVITED,)),
    ),
}
"""R9; where a type lacks a phase, its milestones come due in the phase before (C21)."""


def activities_of(names: tuple[str, ...], required: Collection[str]) -> tuple[Activity, ...]:
    """The activities of these names, with the gates that this plan has. required: its readiness items."""
    return tuple(Activity(name, _ACTIVITIES[name][0], gates_of(_ACTIVITIES[name][1], required)) for name in names)


def gates_of(gates: tuple[str, ...], required: Collection[str]) -> tuple[str, ...]:
    """Those that a plan with these readiness items has."""
    return tuple(str(gate) for gate in gates if isinstance(gate, Fact) or gate in required)


def marks_of(phase: str, present: list[str]) -> tuple[Mark, ...]:
    """A phase's own milestones, and those of the missing phases that would have followed it."""
    order = list(MILESTONES)
    marks = list(MILESTONES[phase])
    for follower in order[order.index(phase) + 1 :]:
        if follower in present:
            break
        marks += MILESTONES[follower]
    return tuple(marks)


def every_activity() -> frozenset[str]:
    """Ids of the activities and milestones of any answers."""
    return frozenset((*_ACTIVITIES, *(mark.id for marks in MILESTONES.values() for mark in marks)))
