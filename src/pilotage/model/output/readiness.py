"""What `ready` and `audit verify` print with `--json`."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class FileOutput(Part, frozen=True, kw_only=True):
    """A file that evidence was read from."""

    path: str
    sha256: str
    size_bytes: int
    modified_at: str


class EvidenceOutput(Part, frozen=True, kw_only=True):
    """What one check of a gate saw."""

    kind: str
    ready: bool
    sentence: str
    files: tuple[FileOutput, ...]


class GateOutput(Part, frozen=True, kw_only=True):
    """One item of the plan's readiness list."""

    item: str
    title: str
    owner: str
    requirement: str
    status: str
    """`ready`, `not-ready`, `waived` or `not-required`."""
    evidence: tuple[EvidenceOutput, ...]
    reason: str
    """Why it is not ready or not required, or who waived it and until when."""
    next_step: str
    """A command that gets it ready."""


class SignatureOutput(Part, frozen=True, kw_only=True):
    """A sign-off or a waiver."""

    kind: str
    """`sign-off` or `waiver`."""
    item: str
    role: str
    actor: str
    reason: str
    signed_at: str
    expires_at: str | None
    """Of a waiver."""
    plan_hash: str
    artifact: str
    """SHA-256 of the artifact; empty if none is named."""


class ReadinessOutput(Output, frozen=True, kw_only=True):
    """`ready`."""

    ready: bool
    service: str
    environment: str
    version: str
    plan_hash: str
    artifact: str
    requested_by: tuple[str, ...]
    """Every name of the person who asked."""
    checked_at: str
    gates: tuple[GateOutput, ...]
    signatures: tuple[SignatureOutput, ...]


class AuditOutput(Output, frozen=True, kw_only=True):
    """`audit verify`."""

    intact: bool
    faults: tuple[str, ...]
    """What was changed; each in a sentence."""
    ready: bool | None = None
    sha256: str = ""
    files: int = 0
    reports_reread: int = 0
    """Reports that were read again, with the same result."""
    claims: int = 0
    """Gates that rest on a person's statement."""
    key_id: str | None = None
    key_known: bool = False
