"""Vulnerabilities next to an inventory of components: OWASP dependency-check, and CycloneDX with its VEX."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from pilotage.model.json import find, object_at
from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import shaped
from pilotage.readiness.findings.issue import Issue, Passed


class _Struct(msgspec.Struct, frozen=True, rename="camel"):
    pass


class _Vulnerability(_Struct, frozen=True):
    name: str
    severity: str | None = None


class _Package(_Struct, frozen=True):
    id: str


class _Dependency(_Struct, frozen=True):
    file_name: str
    vulnerabilities: tuple[_Vulnerability, ...] | None = None
    suppressed_vulnerabilities: tuple[object, ...] | None = None
    packages: tuple[_Package, ...] | None = None


class _ScanInfo(_Struct, frozen=True):
    analysis_exceptions: tuple[object, ...] | None = None


class _DependencyCheck(_Struct, frozen=True):
    dependencies: tuple[_Dependency, ...]
    scan_info: _ScanInfo | None = None


def dependency_check(read: object, name: str) -> Iterator[Issue | Passed]:
    """Raises BadEvidence for a scan that checked no dependencies."""
    found = shaped(read, _DependencyCheck, name)
    if not found.dependencies:
        raise BadEvidence(f"{name}: dependency-check checked no dependencies")
    for failure in (found.scan_info.analysis_exceptions if found.scan_info else None) or ():
        yield Issue(id="analysis-exception", sentence=f"dependency-check failed: {str(failure)[:200]}")
    for one in found.dependencies:
        package, version = _of_purl(one.packages[0].id) if one.packages else ("", "")
        for known in one.vulnerabilities or ():
            yield Issue(
                id=known.name, sentence=f"{one.file_name} has {known.name}", place=one.file_name,
                severity=known.severity or "", package=package, version=version,
            )  # fmt: skip
        yield from (Passed.SUPPRESSED for _ in one.suppressed_vulnerabilities or ())


def _of_purl(purl: str) -> tuple[str, str]:
    """Name and version of a package URL such as pkg:maven/org.x/y@1.2?type=jar."""
    from urllib.parse import unquote

    bare = purl.partition("?")[0].partition("#")[0].removeprefix("pkg:").partition("/")[2]
    path, _, version = bare.rpartition("@") if "@" in bare else (bare, "", "")
    kind = purl.removeprefix("pkg:").partition("/")[0]
    return unquote(path.replace("/", ":" if kind == "maven" else "/")), unquote(version)


class _Rating(_Struct, frozen=True):
    severity: str | None = None


class _Analysis(_Struct, frozen=True):
    state: (
        Literal["resolved", "resolved_with_pedigree", "exploitable", "in_triage", "false_positive", "not_affected"]
        | None
    ) = None


class _Affected(_Struct, frozen=True):
    ref: str


class _Reference(_Struct, frozen=True):
    id: str | None = None


class _Entry(_Struct, frozen=True):
    id: str | None = None
    bom_ref: str | None = msgspec.field(name="bom-ref", default=None)
    analysis: _Analysis | None = None
    ratings: tuple[_Rating, ...] | None = None
    affects: tuple[_Affected, ...] | None = None
    references: tuple[_Reference, ...] | None = None
    description: str | None = None
    rejected: str | None = None


class _Component(_Struct, frozen=True):
    name: str
    version: str | None = None
    bom_ref: str | None = msgspec.field(name="bom-ref", default=None)
    purl: str | None = None
    components: tuple[_Component, ...] | None = None


class _Bom(_Struct, frozen=True):
    vulnerabilities: tuple[_Entry, ...]
    components: tuple[_Component, ...] | None = None


_DECIDED = frozenset({"resolved", "resolved_with_pedigree", "false_positive", "not_affected"})


def cyclonedx(read: object, name: str) -> Iterator[Issue | Passed]:
    """Raises BadEvidence for an inventory alone: nobody looked for vulnerabilities in it."""
    if (form := find(read, "bomFormat")) != "CycloneDX":
        raise BadEvidence(f"{name}: bomFormat is {str(form)[:40]!r}, not CycloneDX")
    if "vulnerabilities" not in object_at(read):
        raise BadEvidence(f"{name} is a bill of materials without `vulnerabilities`: use the report of a scan")
    found = shaped(read, _Bom, name)
    components = dict(_components(found))
    for entry in found.vulnerabilities:
        if entry.rejected or (entry.analysis and entry.analysis.state in _DECIDED):
            yield Passed.NOT_AFFECTED
            continue
        yield from _entry(entry, components)


def _components(bom: _Bom) -> Iterator[tuple[str, tuple[str, str]]]:
    left = list(bom.components or ())
    while left:
        one = left.pop()
        left += one.components or ()
        package = _of_purl(one.purl) if one.purl else (one.name, one.version or "")
        yield from ((ref, package) for ref in (one.bom_ref, one.purl) if ref)


def _entry(entry: _Entry, components: Mapping[str, tuple[str, str]]) -> Iterator[Issue]:
    called = entry.id or entry.bom_ref or "no-id"
    severity = next((rating.severity for rating in entry.ratings or () if rating.severity), "")
    aliases = tuple(one.id for one in entry.references or () if one.id)
    for one in entry.affects or (_Affected(""),):
        package, version = components.get(one.ref) or (_of_purl(one.ref) if one.ref.startswith("pkg:") else ("", ""))
        words = f"{package} {version}".strip() or " ".join((entry.description or "").split())[:100]
        yield Issue(
            id=called, sentence=words, place=one.ref, severity=severity, package=package, version=version,
            aliases=aliases,
        )  # fmt: skip
