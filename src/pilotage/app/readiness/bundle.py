"""The evidence of a release as one archive (R5, R6); `audit` says what a reader can check of it offline."""

from __future__ import annotations

import json
from pathlib import Path

from pilotage.adapters.bundle import pack
from pilotage.adapters.evidence import ProjectFiles
from pilotage.adapters.keys import Signer
from pilotage.app.readiness.assessment import committed, section_of
from pilotage.config.loading import Loaded
from pilotage.model.plan import Plan
from pilotage.model.readiness import BadEvidence, Document, Readiness
from pilotage.render.readiness import to_dict

PLAN, READINESS, EVIDENCE, FOLDER = "plan.json", "readiness.json", "evidence.json", "evidence/"


def bundle(loaded: Loaded, plan: Plan, found: Readiness, path: Path, signer: Signer | None = None) -> str:
    """Write everything that `found` rests on into one archive; returns its SHA-256. Raises BadEvidence, BadBundle."""
    section, root = section_of(loaded), loaded.folder
    folder = ProjectFiles(root, float("inf"), found.at)
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
    for document in documents_of(found):
        content = folder.content(document.path)
        if folder.digest(document.path).sha256 != document.sha256:
            raise BadEvidence(f"{document.path} changed during the check: run the command again")
        contents[FOLDER + document.path] = content
    return pack(path, contents, signer)


def documents_of(found: Readiness) -> tuple[Document, ...]:
    every = (document for gate in found.gates for proof in gate.proofs for document in proof.documents)
    return tuple({document.path: document for document in every}.values())


def _json(data: object) -> bytes:
    return json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True).encode()
