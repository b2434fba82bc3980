"""Facts of a briefing: what a release delivers, what lowers its risk, its artifact, and where help is.

Each fact is one that is known: a deliverable is a change in git, a mitigation is a gate that is ready, with its
evidence. What nobody has shown is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pilotage.adapters.git import Git
from pilotage.adapters.openapi import documents_of
from pilotage.adapters.ports import AdapterError
from pilotage.config.loading import Loaded
from pilotage.engine.records.store import Store
from pilotage.model.events import parse
from pilotage.model.events.course import ReadinessChecked
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.readiness import BadEvidence, Gate, GateStatus
from pilotage.report.commit_words import Kind
from pilotage.report.commits import Change
from pilotage.report.openapi import changes_between_documents

Lines = list[tuple[str, list[str]]]
"""Titles, each with its lines."""

_MOST = 8
"""Lines of a deliverable: a briefing is read in a minute."""

_API = (":(glob)**/openapi*", ":(glob)**/api/**", ":(glob)**/*.proto", ":(glob)**/*.graphql", ":(glob)**/webhooks/**")
"""Paths by which others integrate."""

_API_SCOPES = ("api", "integration", "integrations", "webhook", "webhooks", "sdk", "client", "graphql", "grpc", "rest")

_SECURITY_SCOPES = ("security", "compliance", "privacy", "audit", "gdpr")

BRIEFINGS = frozenset(
    {"executive_briefing", "it_leadership_briefing", "it_leadership_report", "compliance_impact", "compliance_report"}
)
"""Announcements that say what lowers the risk. To know it, gates are checked anew, which takes a while."""

_MITIGATIONS: Mapping[str, tuple[str, ...]] = {
    "Tests completed": ("unit_test_coverage", "integration_test_coverage", "performance_benchmarks"),
    "Security checked": ("security_scan_passing",),
    "Rollback tried out": ("rollback_mechanism",),
    "Support team trained": ("support_team_training",),
    "Monitoring in place": ("monitoring_instrumentation", "alerting_configuration"),
}


def deliverables(changes: Sequence[Change], api: Sequence[str], integrating: frozenset[str]) -> Lines:
    """What users, security, operations and integrators get, by kind of change, its words and its paths.

    api: sentences about the API · integrating: commits that touch what others integrate with.
    """
    found: dict[str, list[str]] = {
        "Features": [], "Security and compliance": [], "Performance and scalability": [],
        "Integration and API": list(api),
    }  # fmt: skip
    for change in changes:
        if title := _title(change, integrating):
            found[title].append(change.summary.replace("`", ""))
    return [(title, list(dict.fromkeys(lines))[:_MOST]) for title, lines in found.items() if lines]


def _title(change: Change, integrating: frozenset[str]) -> str:
    if change.kind is Kind.SECURITY or change.scope.lower() in _SECURITY_SCOPES:
        return "Security and compliance"
    if change.kind not in (Kind.FEATURE, Kind.IMPROVEMENT, Kind.DEPRECATION, Kind.REMOVAL):
        return ""
    if change.scope.lower() in _API_SCOPES or integrating.intersection((change.id, *change.covers)):
        return "Integration and API"
    if change.aspect in ("Performance", "Scalability"):
        return "Performance and scalability"
    return "Features" if change.kind is Kind.FEATURE else ""


def touching_the_api(git: Git, first: str, last: str) -> frozenset[str]:
    """Commits between two names that touch what others integrate with. Raises AdapterError."""
    return git.touching([f"{git.commit(first)}..{git.commit(last)}"], _API)


def api_sentences(git: Git, loaded: Loaded, first: str, last: str) -> list[str]:
    """What breaks in the OpenAPI documents between two names, with the cure; that nothing does, where there are any."""
    section = loaded.configuration.notes
    sentences, compared = [], []
    try:
        for document in documents_of(git, git.commit(first), git.commit(last), section.openapi if section else ()):
            if document.unreadable or document.old is None:
                continue
            compared.append(document.path)
            sentences += [
                _sentence(one.sentence, one.cure) for one in changes_between_documents(document.old, document.new)
            ]
    except AdapterError:
        return []
    return sentences or [f"{path}: no change that breaks its callers" for path in compared]


def _sentence(what: str, cure: str) -> str:
    return f"{what}; {cure}" if cure else what


def mitigations(loaded: Loaded, store: Store, plan: Plan) -> list[tuple[str, str]]:
    """What lowers the risk, each with its evidence: only what every gate of it has shown."""
    if loaded.configuration.readiness is None:
        return []
    from pilotage.app.readiness.assessment import gates_of  # which itself asks how announcements are

    wanted = frozenset(item for items in _MITIGATIONS.values() for item in items)
    gates = {gate.item: gate for gate in gates_of(loaded, store, plan, wanted)}
    return [(title, shown) for title, items in _MITIGATIONS.items() if (shown := _shown(gates, items))]


def _shown(gates: Mapping[str, Gate], items: Sequence[str]) -> str:
    asked = [gates[item] for item in items if item in gates and gates[item].standing is not GateStatus.NOT_REQUIRED]
    if not asked or any(gate.standing is not GateStatus.READY for gate in asked):
        return ""
    return "; ".join(proof.sentence for gate in asked for proof in gate.proofs if proof.ready)


def success_of(plan: Plan) -> list[str]:
    """What the rollout must show before more users get it, in words with numbers."""
    found = {setting.path: setting.value for setting in plan.settings}
    errors, slow = found.get("success_criteria.error_rate"), found.get("success_criteria.response_time_p95")
    said = [f"errors below {errors:g} %"] if isinstance(errors, int | float) else []
    return said + ([f"95 % of answers within {format_duration(slow)}"] if isinstance(slow, int | float) else [])


def artifact_of(loaded: Loaded, store: Store, rollout: str) -> str:
    """SHA-256 of what was released, as checked before that rollout; otherwise of the artifact as it is now. Empty
    where neither is known."""
    if checked := next(_checked(store, rollout), ""):
        return checked
    from pilotage.app.readiness.assessment import artifact_digest

    try:
        return artifact_digest(loaded)
    except BadEvidence:
        return ""


def _checked(store: Store, rollout: str) -> Iterator[str]:
    for event in store.events(rollout) if rollout else ():
        what = parse(event.type, event.data)
        if isinstance(what, ReadinessChecked) and what.artifact:
            yield what.artifact


def support_of(loaded: Loaded) -> list[tuple[str, str]]:
    """Where readers get help: label and address, as `notes.support` says."""
    section = loaded.configuration.notes
    if section is None:
        return []
    found = section.support
    labelled = (
        ("Documentation", found.documentation), ("Training", found.training), ("Support", found.portal),
        ("Contact", found.contact),
    )  # fmt: skip
    return [(label, where) for label, where in labelled if where]
