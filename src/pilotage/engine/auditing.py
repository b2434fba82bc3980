"""The evidence of a release as one archive, and what anybody can check of it without asking anybody (R5, R6)."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pilotage.adapters.bundle import BadBundle, pack, unpack
from pilotage.adapters.evidence import Folder
from pilotage.config.loading import Loaded
from pilotage.config.readiness import EvidenceSection
from pilotage.engine.gates import committed, is_small, safely, section_of
from pilotage.engine.reports import BY_REPORT, Reports
from pilotage.model.plan import Plan
from pilotage.model.readiness import Document, Gate, Readiness
from pilotage.readiness.evidence import BadEvidence
from pilotage.readiness.gates import ACTION, Circumstances, gate
from pilotage.render.readiness import to_dict

PLAN, READINESS, EVIDENCE, FOLDER = "plan.json", "readiness.json", "evidence.json", "evidence/"


def bundle(loaded: Loaded, plan: Plan, found: Readiness, path: Path) -> str:
    """Write everything that `found` rests on into one archive; returns its SHA-256. Raises BadEvidence."""
    section, root = section_of(loaded), loaded.path.resolve().parent
    folder = Folder(root, float("inf"), found.at)
    contents = {
        PLAN: plan.to_json().encode(),
        READINESS: _json(to_dict(found)),
        EVIDENCE: _json(
            {
                "since": committed(root),
                "max_age": section.max_age,
                "items": {name: one.model_dump(mode="json") for name, one in section.evidence.items()},
            }
        ),
    }
    for document in _documents(found):
        content = folder.content(document.path)
        if folder.digest(document.path).sha256 != document.sha256:
            raise BadEvidence(f"{document.path} was changed while it was looked at: ask again")
        contents[FOLDER + document.path] = content
    return pack(path, contents)


def _documents(found: Readiness) -> tuple[Document, ...]:
    every = (document for gate in found.gates for proof in gate.proofs for document in proof.documents)
    return tuple({document.path: document for document in every}.values())


def _json(data: object) -> bytes:
    return json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True).encode()


@dataclass(frozen=True)
class Audit:
    """What a bundle says, and what does not follow from what is in it. sha256: of the archive · files: of evidence ·
    remade: proofs that were made again from the files."""

    readiness: Readiness
    sha256: str
    files: int
    remade: int
    faults: tuple[str, ...]


def verify(path: Path, artifact: Path | None = None) -> Audit:
    """Check a bundle by itself: digests, the plan's hash, each report read again, each gate decided again.

    Raises BadBundle for an archive that was cut, changed, or is none."""
    contents, digest = unpack(path)
    plan, found, given = _read(path, contents)
    remade = _remade(contents, plan, found, given)
    faults = [
        *_identity(plan, found),
        *_files(contents, found),
        *(fault for fault in remade if fault),
        *_decisions(plan, found),
        *_artifact(found, artifact),
    ]
    return Audit(found, digest, len(_documents(found)), len(remade), tuple(faults))


def _read(path: Path, contents: Mapping[str, bytes]) -> tuple[Plan, Readiness, dict[str, Any]]:
    try:
        told = json.loads(contents[READINESS])
        said = told.pop("ready")
        told.pop("schema")
        found = msgspec.convert(told, Readiness)
        plan = Plan.from_json(contents[PLAN].decode())
        given = json.loads(contents[EVIDENCE])
        items = {name: EvidenceSection.model_validate_json(json.dumps(one)) for name, one in given["items"].items()}
        given = {"since": float(given["since"]), "max_age": float(given["max_age"]), "items": items}
    except KeyError as error:
        raise BadBundle(f"{path} holds no {error.args[0]}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise BadBundle(f"{path} is not what Pilotage writes: {error}") from None
    if said is not found.ready:
        raise BadBundle(f"{path} says ready: {said}, and its gates say otherwise")
    return plan, found, given


def _identity(plan: Plan, found: Readiness) -> Iterator[str]:
    if plan.hash != found.plan:
        yield f"the plan's hash is {plan.hash[:12]}, and {found.plan[:12]} was looked at"
    said, is_ = (found.service, found.environment, found.version), (plan.service, plan.environment, plan.version)
    if said != is_:
        yield f"the plan is that of {' '.join(is_)}, not of {' '.join(said)}"
    if [item.id for item in plan.readiness] != [g.item for g in found.gates if not g.item.startswith(ACTION)]:
        yield "the gates are not the plan's readiness list"


def _files(contents: Mapping[str, bytes], found: Readiness) -> Iterator[str]:
    from hashlib import sha256

    for document in _documents(found):
        content = contents.get(FOLDER + document.path)
        if content is None:
            yield f"{document.path} is not in the bundle"
        elif sha256(content).hexdigest() != document.sha256:
            yield f"{document.path} is not the file that was looked at"


def _remade(contents: Mapping[str, bytes], plan: Plan, found: Readiness, given: Mapping[str, Any]) -> list[str]:
    """For each proof that a file alone decides: what is wrong with it, or nothing."""
    requirements = {item.id: item for item in plan.readiness}
    with tempfile.TemporaryDirectory() as place:
        root = Path(place).resolve()
        _lay_out(root, contents, found)
        results = []
        for one in found.gates:
            wanted = given["items"].get(one.item)
            if wanted is None or one.item not in requirements:
                continue
            folder = Folder(root, wanted.max_age or given["max_age"], found.at, given["since"])
            reports = Reports(folder, plan.answers.risk_tolerance)
            for proof in one.proofs:
                if (check := BY_REPORT.get(proof.kind)) is None or not proof.documents:
                    continue
                again = safely(proof.kind, lambda c=check, i=one.item, w=wanted, r=reports: c(r, requirements[i], w))  # type: ignore[misc]
                same = (again.ready, again.sentence) == (proof.ready, proof.sentence)
                results.append("" if same else f"{one.item}: its file says {again.sentence!r}, not {proof.sentence!r}")
        return results


def _lay_out(root: Path, contents: Mapping[str, bytes], found: Readiness) -> None:
    for document in _documents(found):
        place = (root / document.path).resolve()
        content = contents.get(FOLDER + document.path)
        if content is None or not place.is_relative_to(root):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        os.utime(place, (document.modified, document.modified))


def _decisions(plan: Plan, found: Readiness) -> Iterator[str]:
    """Each gate again, from its proofs and what people signed."""
    where = Circumstances(found.plan, found.artifact, found.at, frozenset(found.asker), is_small(plan))
    requirements = {item.id: item for item in plan.readiness}
    for one in found.gates:
        if (item := requirements.get(one.item)) is None:
            continue
        again = gate(item, _seen(one), found.signatures, one.next, where)
        if (again.standing, again.reason) != (one.standing, one.reason):
            yield f"{one.item}: from what is here it is {again.standing}, and the bundle says {one.standing}"


def _seen(one: Gate) -> tuple[Any, ...]:
    return tuple(proof for proof in one.proofs if proof.kind != "sign-off")


def _artifact(found: Readiness, artifact: Path | None) -> Iterator[str]:
    if artifact is None:
        return
    digest = Folder(artifact.resolve().parent, float("inf"), 0.0).digest(artifact.name).sha256
    if digest != found.artifact:
        yield f"{artifact} has the digest {digest[:12]}, and {found.artifact[:12] or 'none'} was looked at"
