"""Known vulnerabilities of packages: pip-audit, npm audit (version 6, which pnpm writes too, and 7 on), OSV-Scanner."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilotage.model.json import object_at
from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import shaped
from pilotage.readiness.findings.issue import Issue, Passed


class _Vulnerability(msgspec.Struct, frozen=True):
    id: str
    fix_versions: tuple[str, ...] | None = None
    aliases: tuple[str, ...] | None = None


class _Package(msgspec.Struct, frozen=True):
    name: str
    version: str | None = None
    vulns: tuple[_Vulnerability, ...] | None = None
    skip_reason: str | None = None


class _PipAudit(msgspec.Struct, frozen=True):
    dependencies: tuple[_Package, ...]


def pip_audit(read: object, name: str) -> Iterator[Issue | Passed]:
    """Raises BadEvidence if there is no package at all, or a package without a result."""
    found = shaped(read, _PipAudit, name)
    if not found.dependencies:
        raise BadEvidence(f"{name}: pip-audit checked no packages")
    for number, package in enumerate(found.dependencies):
        if package.skip_reason is not None:
            words = f"{package.name} was not checked: {package.skip_reason}"
            yield Issue(id="skipped", sentence=words, place=package.name)
        elif package.vulns is None or package.version is None:
            words = f"{package.name} has neither version and vulns nor skip_reason"
            raise BadEvidence(f"{name} is incomplete: {words} - at `$.dependencies[{number}]`")
        for known in package.vulns or ():
            fixed = f", fixed in {', '.join(known.fix_versions)}" if known.fix_versions else ""
            yield Issue(
                id=known.id, sentence=f"{package.name} {package.version} has {known.id}{fixed}", place=package.name,
                package=package.name, version=package.version or "", aliases=known.aliases or (),
            )  # fmt: skip


class _Found(msgspec.Struct, frozen=True):
    version: str = ""


class _Advisory(msgspec.Struct, frozen=True):
    id: int | str
    module_name: str
    title: str
    severity: str
    findings: tuple[_Found, ...] | None = None
    github_advisory_id: str | None = None
    cves: tuple[str, ...] | None = None
    vulnerable_versions: str | None = None


class _Via(msgspec.Struct, frozen=True):
    title: str
    severity: str
    source: int | str | None = None
    url: str | None = None
    range: str | None = None


class _Vulnerable(msgspec.Struct, frozen=True):
    via: tuple[_Via | str, ...]
    range: str | None = None


class _Metadata(msgspec.Struct, frozen=True):
    vulnerabilities: dict[str, int] | None = None


class _Npm(msgspec.Struct, frozen=True):
    metadata: _Metadata
    advisories: dict[str, _Advisory] | None = None
    vulnerabilities: dict[str, _Vulnerable] | None = None


def npm_audit(read: object, name: str) -> Iterator[Issue | Passed]:
    """Raises BadEvidence for an audit that did not end, and for totals that its list does not bear out."""
    if "metadata" not in object_at(read):
        raise BadEvidence(f"{name}: the npm audit report has no totals, so the run failed")
    found = shaped(read, _Npm, name)
    issues = [*_version_6(found), *_version_7(found)]
    totals = found.metadata.vulnerabilities or {}
    said = max(totals.get("total", 0), sum(count for key, count in totals.items() if key != "total"))
    listed = len(found.vulnerabilities or {}) if found.advisories is None else len(issues)
    if (said and not issues) or (found.advisories is None and said > listed):
        raise BadEvidence(f"{name}: npm audit counts {said} vulnerabilities and lists {listed}; it is incomplete")
    if found.vulnerabilities and not issues:
        raise BadEvidence(f"{name}: npm audit lists {len(found.vulnerabilities)} packages and no advisory")
    yield from issues


def _version_6(read: _Npm) -> Iterator[Issue]:
    for known in (read.advisories or {}).values():
        called = known.github_advisory_id or str(known.id)
        for found in known.findings or (_Found(),):
            yield Issue(
                id=called, sentence=f"{known.module_name}: {known.title}", place=known.module_name,
                severity=known.severity, package=known.module_name, version=found.version,
                range="" if found.version else known.vulnerable_versions or "",
                aliases=(str(known.id), *(known.cves or ())),
            )  # fmt: skip


def _version_7(read: _Npm) -> Iterator[Issue]:
    for package, known in (read.vulnerabilities or {}).items():
        for via in known.via:
            if isinstance(via, str):
                continue  # another package of the list has the advisory
            source = str(via.source) if via.source is not None else ""
            span = via.range or known.range or ""
            yield Issue(
                id=(via.url or "").rpartition("/")[2] or source or "no-id", sentence=f"{package} {span}: {via.title}",
                place=package, severity=via.severity, package=package, range=span, aliases=(source,) if source else (),
            )  # fmt: skip


class _OsvPackage(msgspec.Struct, frozen=True):
    name: str
    version: str = ""


class _OsvVulnerability(msgspec.Struct, frozen=True):
    id: str
    summary: str | None = None
    aliases: tuple[str, ...] | None = None


class _OsvGroup(msgspec.Struct, frozen=True):
    ids: tuple[str, ...] | None = None
    aliases: tuple[str, ...] | None = None


class _OsvEntry(msgspec.Struct, frozen=True):
    package: _OsvPackage
    vulnerabilities: tuple[_OsvVulnerability, ...] | None = None
    groups: tuple[_OsvGroup, ...] | None = None
    license_violations: tuple[str, ...] | None = None


class _OsvResult(msgspec.Struct, frozen=True):
    packages: tuple[_OsvEntry, ...] | None = None


class _Osv(msgspec.Struct, frozen=True):
    results: tuple[_OsvResult, ...] | None = None


def osv_scanner(read: object, name: str) -> Iterator[Issue | Passed]:
    for result in shaped(read, _Osv, name).results or ():
        for entry in result.packages or ():
            yield from _osv_entry(entry)


def _osv_entry(entry: _OsvEntry) -> Iterator[Issue]:
    called = f"{entry.package.name} {entry.package.version}".strip()
    for known in entry.vulnerabilities or ():
        same = {name for group in entry.groups or () if known.id in (group.ids or ())
                for name in (*(group.ids or ()), *(group.aliases or ()))}  # fmt: skip
        yield Issue(
            id=known.id, sentence=f"{called} has {known.id}: {known.summary or ''}", place=entry.package.name,
            package=entry.package.name, version=entry.package.version,
            aliases=tuple(sorted({*same, *(known.aliases or ())} - {known.id})),
        )  # fmt: skip
    for licence in entry.license_violations or ():
        yield Issue(id=f"license-{licence}", sentence=f"{called} has the licence {licence}", place=entry.package.name)
