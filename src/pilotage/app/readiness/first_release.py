"""What the first release of a service cannot have: nothing was released before it, so nothing can be compared with it.

Without these exemptions a first deployment waits for itself: the gate needs a deployment, and each deployment the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pilotage.app.readiness.remote import CheckContext
from pilotage.model.readiness import BadEvidence, Evidence
from pilotage.model.rollout import Status
from pilotage.model.schedule import Requirement
from pilotage.readiness.timings import timings


def is_first(case: CheckContext) -> bool:
    """Whether the environment never had a version, and has none now."""
    return not _versions(case, case.plan.environment)


def exemption(case: CheckContext, item: Requirement) -> Evidence | None:
    """Why a first release does not need this item; None for every other release and item."""
    reason = _EXEMPT.get(item.id)
    if reason is None or not is_first(case):
        return None
    if not (words := reason(case)):
        return None
    sentence = f"first deployment to {case.plan.environment}: {words}"
    return Evidence("first release", True, sentence, required=False)


def _versions(case: CheckContext, environment: str) -> frozenset[str]:
    """Every version that was deployed there, or serves now."""
    known = case.store.history(case.plan.service, environment, limit=200)
    done = {rollout.version for rollout in known if rollout.status is Status.COMPLETED}
    return frozenset((*done, *case.store.serving(case.plan.service, environment)))


def _deployment(case: CheckContext) -> str:
    return "" if case.rehearsed_elsewhere else "no deployment can come before it"


def _monitoring(case: CheckContext) -> str:
    return "" if case.rehearsed_elsewhere else "nothing sends metrics yet"


def _rollback(case: CheckContext) -> str:
    """A drill needs a version to go back to, in the place of the drill."""
    others = _versions(case, case.rehearsal) - {case.plan.version}
    return "" if others else "there is no version to go back to"


def _reviews(case: CheckContext) -> str:
    evidence = case.section.evidence.get("code_review_completion")
    named = evidence is not None and evidence.reviews is not None and evidence.reviews.since
    return "" if named else "no version in production to count commits from; reviews: {since: TAG} names another start"


def _benchmarks(case: CheckContext) -> str:
    """Of a report that is there, the runs must not have failed all the same."""
    evidence = case.section.evidence.get("performance_benchmarks")
    if evidence is None or not evidence.benchmarks:
        return "no version to compare with"
    if case.folder.exists(evidence.baseline or ""):
        return ""
    try:
        content, document = case.folder.read(evidence.benchmarks)
        found = timings(content, document.path)
    except BadEvidence:
        return ""  # the check itself says what is wrong with it
    return "" if found.faults else f"no version to compare {len(found.runs)} benchmarks with"


_EXEMPT: Mapping[str, Callable[[CheckContext], str]] = {
    "deployment_automation": _deployment, "monitoring_instrumentation": _monitoring, "rollback_mechanism": _rollback,
    "code_review_completion": _reviews, "performance_benchmarks": _benchmarks,
}  # fmt: skip

EXEMPTIBLE = frozenset(_EXEMPT)
"""Items that a first deployment can do without."""
