"""What a bundle proves to a reader who has nothing else (R5, R6).

Whatever a file alone decides is decided again from that file. Everything else (sign-offs, reviews, findings in
Pilotage's own store) is a statement of the bundle's author, and rests on the signature.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pilotage.adapters.bundle import Unpacked, unpack
from pilotage.adapters.evidence import ProjectFiles
from pilotage.app.readiness.assessment import is_small, safely
from pilotage.app.readiness.bundle import EVIDENCE, FOLDER, PLAN, READINESS, documents_of
from pilotage.app.readiness.documents import BEHIND_WORDS
from pilotage.app.readiness.files import BY_REPORT, Reports
from pilotage.app.readiness.first_release import EXEMPTIBLE
from pilotage.app.readiness.remote import BY_ASKING
from pilotage.config.readiness import EvidenceSection
from pilotage.model.json import Json, number_at, object_at, read_as, truth_at
from pilotage.model.plan import Plan
from pilotage.model.plan_formats import read_document
from pilotage.model.readiness import BadBundle, BadEvidence, Evidence, Gate, GateStatus, Readiness
from pilotage.model.renamed import KEYS, renamed
from pilotage.readiness.gates import BESIDE_PLAN, BY_EVIDENCE, ReleaseContext, gate

_YEAR_10000 = 253402300800.0
_CLAIMS = (GateStatus.READY, GateStatus.NOT_REQUIRED)


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What a bundle says, and what does not follow from what is in it. sha256: of the archive · files: of evidence ·
    remade: proofs that were made again from the files · claimed: gates that count and that no file decides · key: id
    of the key that signed it, empty for none · known: that key is one of those the reader trusts."""

    readiness: Readiness
    sha256: str
    files: int
    remade: int
    claimed: int
    key: str
    known: bool
    faults: tuple[str, ...]


def verify(path: Path, artifact: Path | None = None, *, keys: Iterable[str] = (), strict: bool = False) -> Audit:
    """Check a bundle by itself: digests, the plan's hash, each report read again, each gate decided again.

    keys: ids of the public keys that the reader trusts · strict: another signature, or none, is a fault.
    Raises BadBundle for what is no bundle, and ChangedBundle for one that was changed.
    """
    with tempfile.TemporaryDirectory(prefix="pilotage-audit-") as place:
        entries, root = Path(place, "entries"), Path(place, "root").resolve()
        entries.mkdir()
        root.mkdir()
        contents = unpack(path, entries)
        try:
            return _audit(path, contents, root, artifact, frozenset(keys), strict)
        except (BadBundle, BadEvidence):
            raise
        except Exception as error:
            # A file from anywhere reaches parsers, calendars and paths; what one of them cannot take is the file's.
            raise BadBundle(f"{path}: not written by Pilotage: {type(error).__name__}") from None


def _audit(
    path: Path, contents: Unpacked, root: Path, artifact: Path | None, trusted: frozenset[str], strict: bool
) -> Audit:
    plan, found, given = _read(path, contents)
    _check_values(path, found, given)
    _lay_out(root, contents, found)
    remade = _remade(root, plan, found, given)
    key = contents.signed.key if contents.signed else ""
    faults = [
        *(_signer(key, trusted) if strict else ()),
        *_identity(plan, found),
        *_files(contents, found),
        *_unfounded(found, given),
        *_spared(plan, found),
        *(fault for fault in remade if fault),
        *_decisions(plan, found),
        *_artifact(found, artifact),
    ]
    claimed = sum(one.standing in _CLAIMS and not _has_report(one) for one in found.gates)
    return Audit(
        readiness=found, sha256=contents.sha256, files=len(documents_of(found)), remade=len(remade), claimed=claimed,
        key=key, known=key in trusted, faults=tuple(faults),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Given:
    """The checks that `evidence.json` describes. since: Unix seconds · max_age: seconds · items: sections by item."""

    since: float
    max_age: float
    items: Mapping[str, EvidenceSection]


def _read(path: Path, contents: Unpacked) -> tuple[Plan, Readiness, _Given]:
    try:
        told: Json = json.loads(contents.read(READINESS))
        said, _ = truth_at(told, "ready"), number_at(told, "schema")
        found = read_as(Readiness, told)
        plan = read_document(contents.read(PLAN).decode())
        evidence: Json = json.loads(contents.read(EVIDENCE))
        items = {
            name: EvidenceSection.model_validate_json(json.dumps(renamed(one, _EVIDENCE)[0]))
            for name, one in object_at(evidence, "items").items()
        }
        given = _Given(
            since=float(number_at(evidence, "since")), max_age=float(number_at(evidence, "max_age")), items=items
        )
    except BadBundle:
        raise
    except KeyError as error:
        raise BadBundle(f"{path}: has no {error.args[0]}") from None
    except RecursionError:
        raise BadBundle(f"{path}: nested too deeply") from None
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise BadBundle(f"{path}: not written by Pilotage: {error}") from None
    if said is not found.ready:
        raise BadBundle(f"{path}: says ready: {said}, and its gates say otherwise")
    return plan, found, given


def _check_values(path: Path, found: Readiness, given: _Given) -> None:
    """Raises BadBundle for impossible times and invalid paths."""
    documents = documents_of(found)
    times = [found.at, given.since, *(document.modified for document in documents)]
    times += [time for one in found.signatures for time in (one.at, one.until or 0.0)]
    ages = [given.max_age, *(one.max_age for one in given.items.values() if one.max_age)]
    if not all(0 <= number < _YEAR_10000 for number in (*times, *ages)):
        raise BadBundle(f"{path}: contains a time outside the years 1970 to 9999")
    for document in documents:
        if "\0" in document.path or not document.path.isprintable():
            raise BadBundle(f"{path}: {document.path!r} is not a path")


def _signer(key: str, trusted: frozenset[str]) -> Iterator[str]:
    if key not in trusted:
        yield f"it is signed with the key {key}, not with the given key" if key else "it has no signature"


def _identity(plan: Plan, found: Readiness) -> Iterator[str]:
    if plan.hash != found.plan:
        yield f"the plan's hash is {plan.hash[:12]}, and the check was of {found.plan[:12]}"
    said, is_ = (found.service, found.environment, found.version), (plan.service, plan.environment, plan.version)
    if said != is_:
        yield f"the plan is that of {' '.join(is_)}, not of {' '.join(said)}"
    if [item.id for item in plan.readiness] != [g.item for g in found.gates if not g.item.startswith(BESIDE_PLAN)]:
        yield "the gates differ from the plan's readiness list"


def _files(contents: Unpacked, found: Readiness) -> Iterator[str]:
    for document in documents_of(found):
        digest = contents.digests.get(FOLDER + document.path)
        if digest is None:
            yield f"{document.path} is not in the bundle"
        elif digest != document.sha256:
            yield f"{document.path} differs from the file that was checked"


_EVIDENCE = "readiness.evidence.*"


_NAMES = KEYS[_EVIDENCE]
"""Bundles of earlier versions call some kinds of evidence otherwise."""


_BEHIND_WORDS = frozenset(("document", *BEHIND_WORDS))
"""Evidence of items that people sign."""


def _unfounded(found: Readiness, given: _Given) -> Iterator[str]:
    """Gates that count by evidence, without that evidence."""
    for one in found.gates:
        if one.standing is not GateStatus.READY:
            continue
        wanted = given.items.get(one.item)
        if one.item not in BY_EVIDENCE and wanted is None:
            continue
        if wanted is None:
            yield f"{one.item}: marked ready, but evidence.json names no evidence for it"
            continue
        named = {kind for kind in wanted.model_fields_set if getattr(wanted, kind)}
        proven = {_NAMES.get(proof.kind, proof.kind) for proof in one.proofs}
        asked = BY_REPORT.keys() | BY_ASKING.keys() if one.item in BY_EVIDENCE else _BEHIND_WORDS
        missing = sorted((named & asked) - proven)
        if missing:
            yield f"{one.item}: evidence.json names {', '.join(missing)}, but there is no proof of that kind"
        for proof in one.proofs:
            if one.item in BY_EVIDENCE and _NAMES.get(proof.kind, proof.kind) not in named:
                yield f"{one.item}: has a proof of kind {proof.kind}, which evidence.json does not name"
            elif proof.kind in BY_REPORT and not proof.documents:
                yield f"{one.item}: relies on {proof.kind}, but no document shows it"


def _spared(plan: Plan, found: Readiness) -> Iterator[str]:
    """Gates that count as not required, of items that neither the plan leaves out nor a first deployment can lack."""
    left_out = {item.id for item in plan.readiness if not item.blocking}
    for one in found.gates:
        if one.standing is GateStatus.NOT_REQUIRED and one.item not in left_out | EXEMPTIBLE:
            yield f"{one.item}: marked as not required, but every release needs it"


def _has_report(one: Gate) -> bool:
    return any(proof.kind in BY_REPORT and proof.documents for proof in one.proofs)


def _remade(root: Path, plan: Plan, found: Readiness, given: _Given) -> list[str]:
    """For each proof that a file alone decides: what is wrong with it, or nothing."""
    requirements = {item.id: item for item in plan.readiness}
    results = []
    for one in found.gates:
        wanted = given.items.get(one.item)
        if wanted is None or one.item not in requirements:
            continue
        folder = ProjectFiles(root, wanted.max_age or given.max_age, found.at, given.since)
        reports = Reports(folder, plan.answers.risk_tolerance)
        for proof in one.proofs:
            if (check := BY_REPORT.get(proof.kind)) is None or not proof.documents:
                continue
            again = safely(proof.kind, partial(check, reports, requirements[one.item], wanted))
            same = (again.ready, _figures(again.sentence)) == (proof.ready, _figures(proof.sentence))
            results.append("" if same else f"{one.item}: its file says {again.sentence!r}, not {proof.sentence!r}")
    return results


def _lay_out(root: Path, contents: Unpacked, found: Readiness) -> None:
    """The evidence in the places that it had in the project, as old as it was there."""
    for document in documents_of(found):
        place = (root / document.path).resolve()
        content = contents.files.get(FOLDER + document.path)
        if content is None or not place.is_relative_to(root):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(content, place)
        os.utime(place, (document.modified, document.modified))


def _decisions(plan: Plan, found: Readiness) -> Iterator[str]:
    """Each gate decided again, from its proofs and the signatures."""
    where = ReleaseContext(found.plan, found.artifact, found.at, frozenset(found.asker), is_small(plan))
    requirements = {item.id: item for item in plan.readiness}
    for one in found.gates:
        if (item := requirements.get(one.item)) is None:
            continue
        again = gate(item, _seen(one), found.signatures, one.next, where)
        if (again.standing, _figures(again.reason)) != (one.standing, _figures(one.reason)):
            yield f"{one.item}: the evidence makes it {again.standing}, but the bundle says {one.standing}"


def _figures(sentence: str) -> list[str]:
    """The numbers in a sentence. Its words may be those of another version of Pilotage."""
    return sorted(re.findall(r"\d+(?:\.\d+)?", sentence))


def _seen(one: Gate) -> tuple[Evidence, ...]:
    return tuple(proof for proof in one.proofs if proof.kind != "sign-off")


def _artifact(found: Readiness, artifact: Path | None) -> Iterator[str]:
    if artifact is None:
        return
    digest = ProjectFiles(artifact.resolve().parent, float("inf"), 0.0).digest(artifact.name).sha256
    if digest != found.artifact:
        yield f"{artifact} has the digest {digest[:12]}, and the check was of {found.artifact[:12] or 'no artifact'}"
