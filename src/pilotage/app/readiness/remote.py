"""What is known next to files: runbooks by git, reviews by git and its host, alert rules by the server that has
them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from pilotage.adapters.evidence import ProjectFiles
from pilotage.adapters.git import Git
from pilotage.app.plan import scrapes_pilotage
from pilotage.app.readiness.files import few
from pilotage.config.loading import Loaded
from pilotage.config.readiness import EvidenceSection, ReadinessSection, ReviewsSection
from pilotage.engine.records.store import Store
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.readiness import BadEvidence, Document, Evidence
from pilotage.model.schedule import Requirement
from pilotage.plan.monitoring import needs_page, rule_name
from pilotage.readiness import reviews
from pilotage.readiness.evidence import text_of


@dataclass(frozen=True)
class CheckContext:
    """What is looked at. now: Unix seconds."""

    loaded: Loaded
    plan: Plan
    store: Store
    section: ReadinessSection
    folder: ProjectFiles
    now: float

    def aged(self, max_age: float) -> CheckContext:
        return replace(self, folder=replace(self.folder, max_age=max_age))

    @property
    def rehearsal(self) -> str:
        """Where releases are rehearsed: staging, or the environment itself where none is named."""
        return self.section.staging or self.plan.environment

    @property
    def rehearsed_elsewhere(self) -> bool:
        """Whether there is a place to rehearse in that is not the one whose gates these are."""
        return self.rehearsal != self.plan.environment


RUNBOOK_AGE = 180 * 86400.0
"""Seconds for which a runbook stays current: it ages with the service, not with each build as reports do."""

_LINK = re.compile(r"\]\(\s*<?([^)>\s]+)")


def _runbooks(case: CheckContext, _item: Requirement, given: EvidenceSection) -> Evidence:
    """They exist, say something, lead somewhere, and were looked at by someone of late (by git where there is one)."""
    documents, broken, old = list[Document](), list[str](), list[str]()
    every, longest = replace(case.folder, max_age=float("inf"), since=0.0), given.max_age or RUNBOOK_AGE
    for path in [found for given_path in given.runbooks for found in case.folder.listed(given_path)]:
        content, document = every.read(path)
        text = text_of(content, path)
        documents.append(document)
        broken += [f"{path} → {link}" for link in _LINK.findall(text) if not _leads(case.folder, path, link)]
        if case.now - document.modified > longest:
            old.append(path)
    if broken:
        return Evidence("runbooks", False, f"broken links: {few(broken)}", tuple(documents))
    if old:
        limit = format_duration(int(longest))
        return Evidence("runbooks", False, f"not updated for {limit}: {few(old)}", tuple(documents))
    return Evidence("runbooks", True, f"{len(documents)} up to date, all links work", tuple(documents))


def _leads(folder: ProjectFiles, path: str, link: str) -> bool:
    """For links inside the project; the network is not used."""
    if re.match(r"[a-z][a-z0-9+.-]*:|#|/", link):
        return True
    parent = path.rpartition("/")[0]
    return folder.exists(f"{parent}/{unquote(link.partition('#')[0])}" if parent else unquote(link.partition("#")[0]))


def _reviews(case: CheckContext, _item: Requirement, given: EvidenceSection) -> Evidence:
    from pilotage.app.repository import git_of

    asked = given.reviews
    assert asked is not None
    git = git_of(case.loaded)
    first = asked.since or _served(case, git)
    commits = git.commits(first, git.tag_of(case.plan.version) or "HEAD")
    if not commits:
        return Evidence("reviews", True, f"no commits since {first}")
    left = reviews.unreviewed(commits)
    if left and asked.code_host:
        left = reviews.unreviewed(commits, _approvals(asked, [one.commit.id for one in left]))
    if left:
        shown = [f"{one.commit.id[:10]} {one.commit.subject[:50]!r} {one.why}" for one in left]
        return Evidence("reviews", False, f"{len(left)} of {len(commits)} commits since {first}: {few(shown)}")
    return Evidence("reviews", True, f"all {len(commits)} commits since {first} were reviewed by another person")


def _approvals(asked: ReviewsSection, commits: list[str]) -> Mapping[str, tuple[str, ...]]:
    from pilotage.adapters.reviews import CodeHost
    from pilotage.adapters.secrets import resolve

    token = resolve(asked.token).reveal() if asked.token else ""
    return CodeHost(asked.code_host or "", asked.repository or "", asked.url, token).approvals(commits)


def _served(case: CheckContext, git: Git) -> str:
    """The commit of the version in service."""
    serving = case.store.serving(case.plan.service, case.plan.environment)
    if not serving:
        raise BadEvidence(f"no version serves {case.plan.environment} yet: set reviews: {{since: COMMIT}}")
    if (name := git.tag_of(serving[0])) is None:
        raise BadEvidence(f"git has no tag {serving[0]} or v{serving[0]}: set reviews: {{since: COMMIT}}")
    return name


def _rules(case: CheckContext, _item: Requirement, given: EvidenceSection) -> Evidence:
    """The plan's alerts are loaded, for this service there, and evaluated without an error."""
    from pilotage.adapters.prometheus_rules import loaded_alerts

    base = (given.alert_rules or "").rstrip("/")
    mine = loaded_alerts(base, {"service": case.plan.service, "environment": case.plan.environment})
    page = scrapes_pilotage(case.loaded, case.plan.environment)
    wanted = [rule_name(alert) for alert in case.plan.alerts if page or not needs_page(alert)]
    if gone := [name for name in wanted if name not in mine]:
        cure = "write them with `pilotage plan VERSION --format rules`"
        raise BadEvidence(f"{base} has not loaded {few(gone)} for {case.plan.service}: {cure}")
    if ill := [name for name in wanted if mine[name] != "ok"]:
        raise BadEvidence(f"{base} cannot evaluate {few(ill)}")
    return Evidence("alert_rules", True, f"{base} evaluates all {len(wanted)} alerts of this plan")


BY_ASKING: Mapping[str, Callable[[CheckContext, Requirement, EvidenceSection], Evidence]] = {
    "runbooks": _runbooks, "reviews": _reviews, "alert_rules": _rules,
}  # fmt: skip
"""By the key under `readiness.evidence`."""
