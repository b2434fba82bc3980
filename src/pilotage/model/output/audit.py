"""What `audit log` and `audit verify` print with `--json`, and the API answers."""

from __future__ import annotations

from pilotage.model.json import JsonObject
from pilotage.model.output.base import Output, Part


class AuditRowOutput(Part, frozen=True, kw_only=True):
    """One change, or one that was refused."""

    number: int
    at: str
    actor: str
    kind: str
    """`person`, `token` or `machine`."""
    proof: str
    """How the actor proved who they are."""
    address: str
    action: str
    object: str
    service: str
    environment: str
    before: JsonObject | None
    """By table, what of its rows changed."""
    after: JsonObject | None
    reason: str
    outcome: str
    """`done`, `allowed`, `refused` or `failed`."""
    previous: str
    hash: str


class AuditLogOutput(Output, frozen=True, kw_only=True):
    """Rows of the audit log, newest first."""

    rows: tuple[AuditRowOutput, ...]
    next: int | None = None
    """Ask for rows below this number to go on; null at the end."""


class AuditCheckOutput(Output, frozen=True, kw_only=True):
    """Whether the audit log is what was written."""

    intact: bool
    rows: int
    faults: tuple[str, ...]
    unsure: tuple[str, ...]
    """What could not be checked."""
    signed: int
    """Signed heads whose signature holds."""


class AuditHeadOutput(Output, frozen=True, kw_only=True):
    """The signed head of the audit log, to keep outside."""

    line: str
