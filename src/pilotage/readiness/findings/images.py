"""What scanners of images and folders find: Trivy and Grype."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilotage.model.json import find
from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import shaped
from pilotage.readiness.findings.issue import Issue, Passed


class _Struct(msgspec.Struct, frozen=True, rename="pascal"):
    pass


class _Vulnerability(_Struct, frozen=True):
    vulnerability_id: str = msgspec.field(name="VulnerabilityID")
    pkg_name: str
    installed_version: str = ""
    fixed_version: str | None = None
    severity: str = "UNKNOWN"
    title: str | None = None
    vendor_ids: tuple[str, ...] | None = msgspec.field(name="VendorIDs", default=None)


class _Cause(_Struct, frozen=True):
    start_line: int | None = None


class _Misconfiguration(_Struct, frozen=True):
    id: str = msgspec.field(name="ID")
    status: str = "FAIL"
    title: str | None = None
    message: str | None = None
    severity: str = "UNKNOWN"
    avd_id: str | None = msgspec.field(name="AVDID", default=None)
    cause_metadata: _Cause | None = None


class _Secret(_Struct, frozen=True):
    rule_id: str = msgspec.field(name="RuleID")
    title: str | None = None
    severity: str = "UNKNOWN"
    start_line: int | None = None


class _Licence(_Struct, frozen=True):
    name: str
    severity: str = "UNKNOWN"
    pkg_name: str | None = None
    file_path: str | None = None


class _Target(_Struct, frozen=True):
    target: str
    vulnerabilities: tuple[_Vulnerability, ...] | None = None
    misconfigurations: tuple[_Misconfiguration, ...] | None = None
    secrets: tuple[_Secret, ...] | None = None
    licenses: tuple[_Licence, ...] | None = None
    experimental_modified_findings: tuple[object, ...] | None = None


class _Trivy(_Struct, frozen=True):
    results: tuple[_Target, ...] | None = None


def trivy(read: object, name: str) -> Iterator[Issue | Passed]:
    """Raises BadEvidence for a scan that found nothing to look at: its results name each target, clean ones too."""
    found = shaped(read, _Trivy, name)
    if not found.results:
        raise BadEvidence(f"{name}: Trivy found nothing to scan in {str(find(read, 'ArtifactName'))[:100]!r}")
    for target in found.results:
        yield from _trivy_target(target)


def _trivy_target(target: _Target) -> Iterator[Issue | Passed]:
    for one in target.vulnerabilities or ():
        fixed = f", fixed in {one.fixed_version}" if one.fixed_version else ""
        called = f"{one.pkg_name} {one.installed_version}".strip()
        yield Issue(
            id=one.vulnerability_id, sentence=f"{called}: {one.title or one.vulnerability_id}{fixed}",
            place=target.target, severity=one.severity, package=one.pkg_name, version=one.installed_version,
            aliases=one.vendor_ids or (),
        )  # fmt: skip
    for flaw in target.misconfigurations or ():
        if flaw.status == "FAIL":
            line = (
                f":{flaw.cause_metadata.start_line}" if flaw.cause_metadata and flaw.cause_metadata.start_line else ""
            )
            yield Issue(
                id=flaw.id, sentence=flaw.message or flaw.title or "", place=f"{target.target}{line}",
                severity=flaw.severity, aliases=(flaw.avd_id,) if flaw.avd_id else (),
            )  # fmt: skip
        else:
            yield Passed.SUPPRESSED if flaw.status == "EXCEPTION" else Passed.NOTE
    for secret in target.secrets or ():
        line = f":{secret.start_line}" if secret.start_line else ""
        yield Issue(
            id=secret.rule_id, sentence=secret.title or "a secret", place=f"{target.target}{line}",
            severity=secret.severity,
        )  # fmt: skip
    for licence in target.licenses or ():
        if licence.severity in ("LOW", "MEDIUM"):  # every licence is listed; those are permissive and reciprocal
            yield Passed.PERMISSIVE
        else:
            place = licence.pkg_name or licence.file_path or target.target
            yield Issue(id=licence.name, sentence=f"a licence of {place}", place=place, severity=licence.severity)
    yield from (Passed.SUPPRESSED for _ in target.experimental_modified_findings or ())


class _Fix(msgspec.Struct, frozen=True):
    versions: tuple[str, ...] | None = None


class _Known(msgspec.Struct, frozen=True):
    id: str
    severity: str | None = None
    fix: _Fix | None = None


class _Related(msgspec.Struct, frozen=True):
    id: str


class _Artifact(msgspec.Struct, frozen=True):
    name: str
    version: str = ""


class _Match(msgspec.Struct, frozen=True, rename="camel"):
    vulnerability: _Known
    artifact: _Artifact
    related_vulnerabilities: tuple[_Related, ...] | None = None


class _Grype(msgspec.Struct, frozen=True, rename="camel"):
    matches: tuple[_Match, ...]
    ignored_matches: tuple[object, ...] | None = None


def grype(read: object, name: str) -> Iterator[Issue | Passed]:
    found = shaped(read, _Grype, name)
    for match in found.matches:
        known, artifact = match.vulnerability, match.artifact
        repaired = known.fix.versions if known.fix else None
        fixed = f", fixed in {', '.join(repaired)}" if repaired else ""
        yield Issue(
            id=known.id, sentence=f"{artifact.name} {artifact.version} has {known.id}{fixed}", place=artifact.name,
            severity=known.severity or "", package=artifact.name, version=artifact.version,
            aliases=tuple(related.id for related in match.related_vulnerabilities or ()),
        )  # fmt: skip
    yield from (Passed.SUPPRESSED for _ in found.ignored_matches or ())
