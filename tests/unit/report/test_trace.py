"""R33: a trace says of the bytes in each environment what the records prove, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pilotage.model.way import Artifact, Evidence
from pilotage.render.document import to_markdown
from pilotage.report.trace import Proof, Trace, TracedRollout, TracedStage, TracedWay, proof_of, trace_document

BUILT, OTHER = "a" * 64, "b" * 64
WAY = TracedWay(
    id="w1", commit="0123456789abcdef", author="ada", status="completed", begun=1795687200.0, reason="",
    stages=(
        TracedStage(
            name="test", status="passed", began=1795687200.0, took=62.0, detail="212 tests, 0 failed",
            evidence=(Evidence(kind="report", where="junit.xml", sentence="212 tests", digest=OTHER),),
        ),
        TracedStage(
            name="production", status="passed", began=None, took=None, detail="", approved=("grace", "linus")
        ),
    ),
    artifacts=(Artifact(name="dist/shop", digest=BUILT, size=7_340_032),),
)  # fmt: skip
STAGING = TracedRollout(
    id="r1", environment="staging", status="completed", begun=1795687320.0, took=31.0, actor="ada", source="",
    digests=(BUILT,), requests=None, reached_percent=100, reason="",
)  # fmt: skip
PRODUCTION = replace(STAGING, id="r2", environment="production", source="staging", requests=12_480)
TRACE = Trace(service="shop", version="2.0", ways=(WAY,), rollouts=(STAGING, PRODUCTION), serving=("production",))


@pytest.mark.parametrize(
    ("trace", "proof", "sentence"),
    [
        (TRACE, Proof.PROVEN, "Staging and production had the artifact that the way built once, by digest"),
        (replace(TRACE, rollouts=()), Proof.UNPROVEN, "No environment has had this version"),
        (replace(TRACE, ways=()), Proof.UNPROVEN, "No way built an artifact of this version"),
        (
            replace(TRACE, rollouts=(STAGING, replace(PRODUCTION, digests=()))),
            *(Proof.UNPROVEN, "The rollout to production (r2) names no digest"),
        ),
        (
            replace(TRACE, rollouts=(STAGING, replace(PRODUCTION, digests=(OTHER,)))),
            *(Proof.BROKEN, "production (r2) had other bytes than the way built"),
        ),
        (
            replace(TRACE, changed=("dist/shop",)),
            Proof.BROKEN,
            "The stored bytes of dist/shop are gone or have changed",
        ),
        (
            replace(TRACE, ways=(replace(WAY, intact=False),), rollouts=(replace(PRODUCTION, intact=False),)),
            *(Proof.BROKEN, "The events of w1 and r2 were changed after they were written: nothing is proven"),
        ),
    ],
)
def test_r33_only_what_names_a_digest_is_proven(trace: Trace, proof: Proof, sentence: str) -> None:
    found, said = proof_of(trace)
    assert found is proof
    assert said.startswith(sentence)


def test_r33_the_document_tells_the_whole_story() -> None:
    text = to_markdown(trace_document(TRACE))
    for part in (
        "# Trace of shop 2.0", "Serves production", "commit 0123456789ab, started by ada at 2026-11-26 10:00",
        "212 tests, 0 failed",
        "approved by grace, linus", f"sha256:{BUILT}", "7.34 MB", "ada, from staging", "12,480", "junit.xml",
    ):  # fmt: skip
        assert part in text, text
