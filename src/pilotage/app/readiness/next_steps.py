"""What to do about an item that is not ready: a command that works in the current state, or the setting to write.

It never names a command that would be refused: a deployment that the same gate blocks, a drill without a version to
return to, a sign-off of a role that nobody has or of a missing artifact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pilotage.app.permissions import People
from pilotage.app.readiness import alert_delivery, database
from pilotage.app.readiness.remote import CheckContext
from pilotage.model.schedule import Requirement, hyphened
from pilotage.readiness.gates import BY_EVIDENCE, BY_OTHER_THAN_THE_ASKER, BY_OURSELVES, BY_STATES, by_word


def next_step(case: CheckContext, item: Requirement) -> str:
    """For an item of the plan; evaluated for every item, in any state."""
    if item.id in BY_OURSELVES:
        return _OURS[item.id](case)
    if item.id in BY_EVIDENCE:
        return _evidence(case, item)
    if item.id in BY_STATES:
        return f"pilotage announce list {case.plan.version} -e {case.plan.environment}, then approve and send each"
    return _sign_off(case, item)


def _evidence(case: CheckContext, item: Requirement) -> str:
    given = case.section.evidence.get(item.id)
    if item.id == database.ITEM and database.makes_backups(case):
        return f"pilotage backup make -e {case.plan.environment}"
    if item.id == alert_delivery.ITEM and "alert_test" in alert_delivery.checks(case):
        return f"pilotage alerts test -e {case.plan.environment}"
    if given is None:
        return f"add under readiness.evidence: {item.id}: {{{_HOW[item.id]}}}"
    again = f"pilotage ready {case.plan.version} -e {case.plan.environment}"
    if given.reviews is not None:
        return f"have the commits reviewed, then {again}"
    if given.alert_rules is not None:
        return f"load the rules that pilotage plan {case.plan.version} --format rules writes, then {again}"
    if given.runbooks:
        return f"update and commit the runbooks, then {again}"
    if given.findings:
        accept = f"readiness.evidence.{item.id}.accepted_findings"
        return f"fix what it finds, or list that under {accept}; regenerate the report, then {again}"
    return f"regenerate the report, then {again}"


def _sign_off(case: CheckContext, item: Requirement) -> str:
    command = f"pilotage sign-off {hyphened(item.owner)} {case.plan.version} -e {case.plan.environment}"
    owed = [one for one in case.plan.readiness if one.owner == item.owner and one.blocking and by_word(one.id)]
    if len(owed) > 1:
        command = f"{command} --item {item.id}"
    if item.id == "migration_plan" and item.id not in case.section.evidence:
        command = f"add under readiness.evidence: {item.id}: {{document: docs/migration.md}}, then {command}"
    if before := _BEFORE.get(item.id):
        command = f"{before.format(where=f'{case.plan.version} -e {case.plan.environment}')}, then {command}"
    artifact, people = case.section.artifact, People.of(case.loaded)
    if artifact and not case.folder.exists(artifact):
        return f"build {artifact}, then {command}"
    if people.by_name and not people.holders(item.owner):
        return f"assign the role in pilotage.yaml: people: {{NAME: {{roles: [{item.owner}]}}}}, then {command}"
    if item.id in BY_OTHER_THAN_THE_ASKER:
        return f"{command} (by someone who does not ask for the release)"
    return command


_BEFORE: Mapping[str, str] = {
    "communication_plan": "approve, edit or skip each of pilotage announce list {where}",
    "release_notes": "read pilotage announce show release_notes_publication {where}",
}


def _parity(case: CheckContext) -> str:
    if case.section.staging is None:
        return "add to pilotage.yaml: readiness: {staging: ENVIRONMENT}"
    return "align the two environments, or allow the difference: readiness: {allowed_differences: [SETTING]}"


def _deployment(case: CheckContext) -> str:
    if case.rehearsed_elsewhere:
        return _deploy(case, case.plan.version)
    return _waive(case, "deployment_automation")


def _monitoring(case: CheckContext) -> str:
    if case.store.serving(case.plan.service, case.rehearsal):
        again = f"pilotage ready {case.plan.version} -e {case.plan.environment}"
        signals = "add what has no reading to analysis.signals, or why there is none to readiness.not_measured"
        return f"send requests to {case.rehearsal}; {signals}; then {again}"
    if case.rehearsed_elsewhere:
        return _deploy(case, case.plan.version)
    return _waive(case, "monitoring_instrumentation")


def _rollback(case: CheckContext) -> str:
    """The drill deploys a version that does not serve there yet, and goes back to the one that does."""
    if not case.rehearsed_elsewhere:
        return _waive(case, "rollback_mechanism")
    place, version = case.rehearsal, case.plan.version
    serving = case.store.serving(case.plan.service, place)
    before = next(iter(case.store.serving(case.plan.service, case.plan.environment)), "VERSION")
    if not serving:
        return f"{_deploy(case, before)}, then pilotage drill rollback {version} -e {place}"
    other = before if serving[0] == version else version
    return f"pilotage drill rollback {other if other != serving[0] else 'VERSION'} -e {place}"


def _deploy(case: CheckContext, version: str) -> str:
    """To the staging environment; its own gates come first, if it has any."""
    command = f"pilotage deploy {version} -e {case.rehearsal}"
    if case.rehearsal in case.section.environments:
        return f"pilotage ready {version} -e {case.rehearsal}, then {command}"
    return command


def _window(case: CheckContext) -> str:
    """A window first, then the notices of it."""
    if not case.loaded.configuration.calendar.windows:
        return "add to pilotage.yaml: calendar: {windows: […]}"
    return f"approve and send each notice of pilotage announce list {case.plan.version} -e {case.plan.environment}"


def _waive(case: CheckContext, item: str) -> str:
    """For what only a deployment to this environment could show, and its gate is shut."""
    staging = "add to pilotage.yaml: readiness: {staging: ENVIRONMENT}"
    if item in case.section.waivers.never:
        return staging
    command = f"pilotage waive {item} {case.plan.version} -e {case.plan.environment} --role release-manager"
    return f"{staging}, or {command} --reason … --until 1d"


_OURS: Mapping[str, Callable[[CheckContext], str]] = {
    "environment_parity": _parity,
    "deployment_automation": _deployment,
    "monitoring_instrumentation": _monitoring,
    "rollback_mechanism": _rollback,
    "maintenance_window_scheduled": _window,
    "flag_registered": lambda _: "add flag.owner and flag.expires to pilotage.yaml, and turn the flag off",
}
_HOW: Mapping[str, str] = {
    "unit_test_coverage": "coverage: coverage.xml",
    "integration_test_coverage": "coverage: integration.xml",
    "code_review_completion": "reviews: {}",
    "static_analysis_passing": "findings: [lint.sarif]",
    "security_scan_passing": "findings: [pip-audit.json]",
    "performance_benchmarks": "benchmarks: new.json, baseline: old.json",
    "backup_procedures": "restore: restore.json",
    "runbook_documentation": "runbooks: [docs/runbooks]",
    "alerting_configuration": 'alert_rules: "http://prometheus:9090"',
}
