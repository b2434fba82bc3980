"""Whether a release may begin: one gate an item of the plan's readiness list, with what was seen (R5–R7)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.errors import Invalid
from pilotage.model.text import plain

LONGEST = 2_000
"""Characters of a check's result."""


class GateStatus(StrEnum):
    READY = "ready"
    NOT_READY = "not ready"
    WAIVED = "waived"
    NOT_REQUIRED = "not required"


class SignatureKind(StrEnum):
    SIGN_OFF = "sign-off"
    WAIVER = "waiver"


@dataclass(frozen=True)
class Signature:
    """A person's statement. plan: hash of the plan it was given for · artifact: SHA-256 of the artifact, empty if none
    is named · at, until: Unix seconds; a waiver ends, a sign-off does not · subject: digest of what was signed beside
    the plan, such as the draft of the notes; empty for nothing."""

    kind: SignatureKind
    item: str
    role: str
    by: str
    comment: str
    at: float
    until: float | None
    plan: str
    artifact: str
    subject: str = ""


@dataclass(frozen=True)
class Document:
    """A file that evidence was read from. path: inside the project · modified: Unix seconds."""

    path: str
    sha256: str
    size: int
    modified: float


@dataclass(frozen=True)
class Evidence:
    """The result of one check. kind: such as coverage, a key of `readiness.evidence`, or what Pilotage checked itself ·
    required: False if this release cannot have what the item requires; the sentence says why · open: findings that
    nobody accepted, where they are counted · digest: SHA-256 of what a person signs with the item, such as a document;
    empty for evidence that nobody signs."""

    kind: str
    ready: bool
    sentence: str
    documents: tuple[Document, ...] = ()
    required: bool = True
    open: int | None = None
    digest: str = ""

    def __post_init__(self) -> None:
        # Names of tests, findings and branches come from reports that anyone may have written.
        object.__setattr__(self, "sentence", plain(self.sentence, LONGEST))


@dataclass(frozen=True)
class Gate:
    """One item. reason: why it is not ready or not required, or who waived it and until when · next: a command that
    gets it ready."""

    item: str
    title: str
    owner: str
    wants: str
    standing: GateStatus
    proofs: tuple[Evidence, ...]
    reason: str
    next: str


@dataclass(frozen=True)
class Readiness:
    """All gates of one release. plan: the hash of its plan · asker: every name of the person who asked · at: Unix
    seconds."""

    service: str
    environment: str
    version: str
    plan: str
    artifact: str
    asker: tuple[str, ...]
    at: float
    gates: tuple[Gate, ...]
    signatures: tuple[Signature, ...] = ()

    @property
    def missing(self) -> tuple[Gate, ...]:
        return tuple(gate for gate in self.gates if gate.standing is GateStatus.NOT_READY)

    @property
    def waived(self) -> tuple[Gate, ...]:
        return tuple(gate for gate in self.gates if gate.standing is GateStatus.WAIVED)

    @property
    def not_required(self) -> tuple[Gate, ...]:
        return tuple(gate for gate in self.gates if gate.standing is GateStatus.NOT_REQUIRED)

    @property
    def ready(self) -> bool:
        return not self.missing


class UnknownItem(Invalid):
    """`readiness` names an item or an environment that does not exist."""


class BadBundle(Invalid):
    """The file is not a bundle of evidence, or it is damaged."""


class ChangedBundle(BadBundle):
    """A file, gate or signature in the bundle does not match the rest."""

    exit_status = 1


class BadEvidence(Invalid):
    """A report cannot be read. The message says what is wrong, in a few lines: much of it can be the
    report's own words. The gate fails."""

    def __init__(self, what: str = "", *, where: str = "", cure: str = "") -> None:
        super().__init__(what if len(what) <= _LONGEST else f"{what[:_LONGEST]}…", where=where, cure=cure)


_LONGEST = 600
"""Characters of a sentence about a report."""
