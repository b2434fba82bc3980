"""What reports of other tools are held against: a check answers with a Proof, or raises why it cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pilotage.adapters.evidence import Folder
from pilotage.config.readiness import EvidenceSection
from pilotage.model.answers import RiskTolerance
from pilotage.model.quantity import format_duration
from pilotage.model.readiness import BadEvidence, Document, Proof
from pilotage.model.schedule import Requirement
from pilotage.plan.readiness import coverage
from pilotage.readiness import audits, backups, benchmarks, results
from pilotage.readiness.coverage import covered

_SHOWN = 3


@dataclass(frozen=True)
class Reports:
    """Where they lie, and how careful the release is."""

    folder: Folder
    tolerance: RiskTolerance


def _coverage(given: Reports, item: Requirement, wanted: EvidenceSection) -> Proof:
    text, document = given.folder.read(wanted.coverage or "")
    hit, lines = covered(text, document.path)
    least = _least(given, item, wanted)
    share = 100 * hit / lines
    words = f"{share:.1f} % of {lines} lines run ({document.path})"
    # Compared exactly: 79.96 % is shown as 80.0 %, and is not 80 %.
    ready = hit * 100 >= least * lines
    return Proof("coverage", ready, words if ready else f"{words}, and {least:g} % are wanted", (document,))


def _least(given: Reports, item: Requirement, wanted: EvidenceSection) -> float:
    if wanted.at_least is not None:
        return wanted.at_least
    try:
        return coverage(item.id, given.tolerance)
    except KeyError:
        raise BadEvidence(f"{item.id} has no least coverage of its own: say at_least") from None


def _tests(given: Reports, _item: Requirement, wanted: EvidenceSection) -> Proof:
    passed, skipped, failed, documents = 0, 0, list[str](), list[Document]()
    for path in wanted.tests:
        text, document = given.folder.read(path)
        found = results.results(text, path)
        passed, skipped = passed + found.passed, skipped + found.skipped
        failed += found.failed
        documents.append(document)
    words = f"{passed} tests passed" + (f", {skipped} were skipped" if skipped else "")
    if failed:
        words = f"{len(failed)} of {passed + len(failed)} tests failed: {few(failed)}"
    return Proof("tests", not failed, words, tuple(documents))


def _findings(given: Reports, _item: Requirement, wanted: EvidenceSection) -> Proof:
    found, documents = list[audits.Issue](), list[Document]()
    for path in wanted.findings:
        text, document = given.folder.read(path)
        found += audits.issues(text, path)
        documents.append(document)
    open_ = [issue for issue in found if issue.id not in wanted.accept]
    decided = sorted({issue.id for issue in found if issue.id in wanted.accept})
    words = f"no finding in {', '.join(wanted.findings)}"
    if open_:
        named = few([f"{i.id} {i.sentence}".strip()[:120] + (f" ({i.place})" if i.place else "") for i in open_])
        words = f"{len(open_)} finding{'s' * (len(open_) > 1)}: {named}"
    if decided:
        words += f"; decided about: {', '.join(f'{name} ({wanted.accept[name]})' for name in decided)}"
    return Proof("findings", not open_, words, tuple(documents))


def _benchmarks(given: Reports, _item: Requirement, wanted: EvidenceSection) -> Proof:
    text, document = given.folder.read(wanted.benchmarks or "")
    # What served before was measured when it was released: its age says nothing.
    baseline = replace(given.folder, max_age=float("inf"), since=0.0)
    before, old = baseline.read(wanted.baseline or "")
    name, documents = document.path, (document, old)
    found = benchmarks.compare(benchmarks.read(text, name), benchmarks.read(before, old.path), wanted.slower, name)
    if found.gone:
        words = f"{few(list(found.gone))} of the baseline {'is' if len(found.gone) == 1 else 'are'} not in {name}"
        return Proof("benchmarks", False, words, documents)
    if found.slower:
        shown = [
            f"{s.name} takes {s.factor:.2f} times as long" + (f" (p = {s.chance:.1g})" if s.chance is not None else "")
            for s in found.slower
        ]
        return Proof("benchmarks", False, f"{few(shown)}; {wanted.slower:g} times are tolerated", documents)
    words = f"{found.compared} benchmarks, none more than {wanted.slower:g} times as slow as in {old.path}"
    if found.bare:
        words += f" ({found.bare} by one number each, chance not ruled out)"
    return Proof("benchmarks", True, words, documents)


def _restore(given: Reports, _item: Requirement, wanted: EvidenceSection) -> Proof:
    # A backup is restored on its own schedule, whatever was committed since.
    text, document = replace(given.folder, since=0.0).read(wanted.restore or "")
    found = backups.restore(text, document.path)
    age = given.folder.now - found.restored_at.timestamp()
    if age < -60:
        raise BadEvidence(f"{document.path}: restored_at lies in the future")
    taken = format_duration(round(max(0.0, age)))
    words = f"a backup was restored {taken} ago within {format_duration(round(found.seconds))}, and verified"
    ready = age <= given.folder.max_age
    return Proof("restore", ready, words if ready else f"{words}: that is too long ago", (document,))


def few(words: list[str]) -> str:
    """The first of them, and how many more there are."""
    return ", ".join(words[:_SHOWN]) + (f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else "")


BY_REPORT: Mapping[str, Callable[[Reports, Requirement, EvidenceSection], Proof]] = {
    "coverage": _coverage, "tests": _tests, "findings": _findings, "benchmarks": _benchmarks, "restore": _restore,
}  # fmt: skip
"""By the key under `readiness.evidence`: what a file alone decides, here and on any other machine."""
