"""R33: a run stage and an await stage pass only with proven provenance of what was built."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.artifacts import ArtifactStore
from pilotage.adapters.stages.ports import RunStatus, WordStatus, open_awaited
from pilotage.model.way import Artifact, Provenance, RunStage
from tests.contract.test_stages import Yard, _here, commit, shell
from tests.rest_server import Answered, Asked, RestServer, serving
from tests.unit.adapters.test_provenance import BUILDER, COMMIT, CURVE, SOURCE, envelope, statement

pytestmark = pytest.mark.real


def write_key(folder: Path) -> None:
    pem = CURVE.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    (folder / "builder.pem").write_bytes(pem)


def built_from(commit_: str, digest: str) -> str:
    said = statement(digest)
    said["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"] = commit_
    return json.dumps(envelope(said))


@pytest.mark.parametrize("about", ["these bytes", "other bytes"])
def test_a_run_stage_with_provenance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, about: str) -> None:
    yard = Yard(tmp_path)
    write_key(yard.project)
    content = b"the shop"
    signed = content if about == "these bytes" else b"another shop"
    statement_ = built_from(yard.commit, hashlib.sha256(signed).hexdigest())
    (tmp_path / "statement").write_text(statement_)
    wanted = Provenance(files=("*.intoto.jsonl",), key="builder.pem", builder=BUILDER, source=SOURCE)
    script = f"printf 'the shop' > shop; cp {tmp_path}/statement shop-$PILOTAGE_VERSION.intoto.jsonl"
    stage = RunStage(name="build", commands=(shell(script),), artifacts=("shop",), provenance=wanted)
    result = _here(yard, stage, monkeypatch)
    if about == "these bytes":
        assert result.status is RunStatus.PASSED
        assert f"shop: built by {BUILDER} from {yard.commit[:12]}" in [one.sentence for one in result.evidence]
        return
    assert result.status is RunStatus.FAILED
    assert "the provenance of shop is not proven: no statement is about its digest" in result.detail
    assert result.artifacts == ()
    # A key that the commit brings along counts for nothing: the project's own does.
    again = replace(stage, name="again", provenance=replace(wanted, key="README"))
    assert "README is not a public key" in _here(yard, again, monkeypatch).detail
    commit(yard.project, {"unused": "x"})


class Ci(RestServer):
    """state: what it says of the commit · statements: what it has to download."""

    state: Any = "passed"
    statements: Any = None

    def take(self, asked: Asked) -> Answered:
        if asked.path == f"/builds/{COMMIT}":
            return Answered(body={"state": self.state})
        return Answered(body=self.statements) if self.statements is not None else Answered(status=404)


def test_an_await_stage_with_provenance(tmp_path: Path) -> None:
    write_key(tmp_path)
    digest, size = ArtifactStore(tmp_path / ".pilotage" / "artifacts").blobs.add(io.BytesIO(b"the shop"))
    artifacts = [Artifact(name="dist/shop", digest=digest, size=size)]
    with serving(Ci()) as ci:
        assert isinstance(ci, Ci)
        wanted = Provenance(files=(f"{ci.url}/{{version}}.jsonl",), key="builder.pem", builder=BUILDER, source=SOURCE)
        section = {"kind": "http", "url": f"{ci.url}/builds/{{commit}}", "path": "$.state", "passes": ["passed"]}
        awaited = open_awaited(section, provenance=wanted, folder=tmp_path)
        with pytest.raises(AdapterError, match="answered 404"):  # not there yet: unknown, and never passed
            awaited.ask(COMMIT, "1.4.0", artifacts)
        ci.statements = json.loads(built_from(COMMIT, digest))
        word = awaited.ask(COMMIT, "1.4.0", artifacts)
        assert word.status is WordStatus.PASSED
        assert word.evidence[-1].kind == "provenance"
        assert ci.asked[-1].path == "/1.4.0.jsonl"
        ci.statements = json.loads(built_from("d" * 40, digest))
        word = awaited.ask(COMMIT, "1.4.0", artifacts)
        assert word.status is WordStatus.FAILED
        assert "was built from dddddddddddd" in word.detail
        assert awaited.ask(COMMIT, "1.4.0", []).detail == "there is no artifact whose provenance could be proven"
        ci.state = "running"
        assert awaited.ask(COMMIT, "1.4.0", artifacts).status is WordStatus.PENDING
