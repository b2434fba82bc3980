"""What reports of other tools are held against: a check answers with a Proof, or raises why it cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pilotage.adapters.evidence import ProjectFiles
from pilotage.config.readiness import EvidenceSection
from pilotage.model.answers import RiskTolerance
from pilotage.model.quantity import format_duration
from pilotage.model.readiness import BadEvidence, Document, Evidence
from pilotage.model.schedule import Requirement
from pilotage.model.wording import counted
from pilotage.plan.readiness import coverage as least_coverage
from pilotage.readiness import backups, benchmarks, coverage
from pilotage.readiness.audits import findings
from pilotage.readiness.findings.issue import Issue, Passed
from pilotage.readiness.outcome import Results
from pilotage.readiness.results import results
from pilotage.readiness.timings import timings

_SHOWN = 3


@dataclass(frozen=True)
class Reports:
    """Where the files are, and how careful the release is."""

    folder: ProjectFiles
    tolerance: RiskTolerance


def _coverage(given: Reports, item: Requirement, wanted: EvidenceSection) -> Evidence:
    content, document = given.folder.read(wanted.coverage or "")
    hit, lines = coverage.covered(content, document.path)
    least = _least(given, item, wanted)
    share = 100 * hit / lines
    words = f"{share:.1f} % of {lines} lines covered ({document.path})"
    # Compared exactly: 79.96 % is shown as 80.0 %, and is not 80 %.
    ready = hit * 100 >= least * lines
    return Evidence("coverage", ready, words if ready else f"{words}; at least {least:g} % required", (document,))


def _least(given: Reports, item: Requirement, wanted: EvidenceSection) -> float:
    if wanted.min_coverage is not None:
        return wanted.min_coverage
    try:
        return least_coverage(item.id, given.tolerance)
    except KeyError:
        raise BadEvidence(f"{item.id} has no default threshold: set at_least") from None


def _tests(given: Reports, _item: Requirement, wanted: EvidenceSection) -> Evidence:
    documents, found = list[Document](), list[Results]()
    for path in wanted.tests:
        content, document = given.folder.read(path)
        found.append(results(content, path))
        documents.append(document)
    passed = sum(one.passed for one in found)
    failed = [name for one in found for name in one.failed]
    wrong = [f"{len(failed)} of {passed + len(failed)} tests failed: {few(failed)}"] if failed else []
    wrong += [doubt for one in found for doubt in one.doubts]
    if wrong:
        return Evidence("tests", False, few(wrong), tuple(documents))
    return Evidence("tests", True, _passed(passed, found), tuple(documents))


def _passed(passed: int, found: Sequence[Results]) -> str:
    flaky = [name for one in found for name in one.flaky]
    told = [f"{counted(passed, 'test')} passed"]
    if flaky:
        told.append(f"{len(flaky)} of them flaky ({few(flaky)})")
    if skipped := sum(one.skipped for one in found):
        told.append(f"{skipped} were skipped")
    if more := sum(one.more for one in found):
        told.append(f"{more} more are counted without a test case")
    return ", ".join(told)


def _findings(given: Reports, _item: Requirement, wanted: EvidenceSection) -> Evidence:
    issues, passed, documents = list[Issue](), Counter[Passed](), list[Document]()
    for path in wanted.findings:
        content, document = given.folder.read(path)
        found = findings(content, path)
        issues += found.issues
        passed.update(found.passed)
        documents.append(document)
    decisions = [(issue, _decision(issue, wanted)) for issue in issues]
    open_ = [issue for issue, decided in decisions if not decided]
    words = f"no findings in {', '.join(wanted.findings)}"
    if open_:
        words = f"{counted(len(open_), 'finding')}: {few([_shown(issue) for issue in open_])}"
    if decided := sorted({name for _, name in decisions if name}):
        words += f"; accepted: {', '.join(f'{name} ({wanted.accepted_findings[name]})' for name in decided)}"
    if passed:
        words += f"; ignored: {', '.join(f'{passed[why]} {why}' for why in Passed if passed[why])}"
    return Evidence("findings", not open_, words, tuple(documents), open=len(open_))


def _decision(issue: Issue, wanted: EvidenceSection) -> str:
    """The name of the finding under `accepted_findings`, by id or alias; empty if it is not accepted."""
    return next((name for name in wanted.accepted_findings if issue.is_called(name)), "")


def _shown(issue: Issue) -> str:
    return f"{issue.id} {issue.sentence}".strip()[:120] + (f" ({issue.place})" if issue.place else "")


def _benchmarks(given: Reports, _item: Requirement, wanted: EvidenceSection) -> Evidence:
    content, document = given.folder.read(wanted.benchmarks or "")
    new = timings(content, document.path)
    # What served before was measured when it was released: its age says nothing.
    baseline = replace(given.folder, max_age=float("inf"), since=0.0)
    before, old = baseline.read(wanted.baseline or "")
    name, documents = document.path, (document, old)
    if new.faults:
        return Evidence("benchmarks", False, f"{name}: {few(list(new.faults))}", documents)
    found = benchmarks.compare(new.runs, timings(before, old.path).runs, wanted.max_slowdown, name)
    if found.gone:
        words = f"{few(list(found.gone))} missing from {name}, present in the baseline"
        return Evidence("benchmarks", False, words, documents)
    if found.slower:
        shown = [
            f"{s.name} takes {s.factor:.2f}× as long" + (f" (p = {s.chance:.1g})" if s.chance is not None else "")
            for s in found.slower
        ]
        return Evidence("benchmarks", False, f"{few(shown)}; at most {wanted.max_slowdown:g}× allowed", documents)
    many = "s, all" if found.compared > 1 else ","
    words = f"{found.compared} benchmark{many} within {wanted.max_slowdown:g}× of {old.path}"
    if found.bare:
        words += f" ({found.bare} from a single number, so chance is not ruled out)"
    return Evidence("benchmarks", True, words, documents)


def _restore(given: Reports, _item: Requirement, wanted: EvidenceSection) -> Evidence:
    # A backup is restored on its own schedule, independent of commits.
    content, document = replace(given.folder, since=0.0).read(wanted.restore or "")
    found = backups.restore(content, document.path)
    age = given.folder.now - found.restored_at.timestamp()
    if age < -60:
        raise BadEvidence(f"{document.path}: restored_at is in the future")
    taken = format_duration(round(max(0.0, age)))
    words = f"a backup was restored and verified {taken} ago, in {format_duration(round(found.seconds))}"
    ready = age <= given.folder.max_age
    return Evidence("restore", ready, words if ready else f"{words}: too long ago", (document,))


DOCUMENT_AGE = 180 * 86400.0
"""Seconds for which a document stays current where nothing else is said."""


def _document(given: Reports, _item: Requirement, wanted: EvidenceSection) -> Evidence:
    """People read and sign it: another content voids their signature. It may be older than the commit."""
    folder = replace(given.folder, max_age=wanted.max_age or DOCUMENT_AGE, since=0.0)
    _content, document = folder.read(wanted.document or "")
    words = f"{document.path}, {document.sha256[:12]}"
    return Evidence("document", True, words, (document,), digest=document.sha256)


def few(words: list[str]) -> str:
    """The first of them, and how many more there are."""
    return ", ".join(words[:_SHOWN]) + (f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else "")


BY_REPORT: Mapping[str, Callable[[Reports, Requirement, EvidenceSection], Evidence]] = {
    "coverage": _coverage, "tests": _tests, "findings": _findings, "benchmarks": _benchmarks, "restore": _restore,
    "document": _document,
}  # fmt: skip
"""By the key under `readiness.evidence`: checks that a file alone decides, here and on any other machine."""
