"""From proofs and signatures to gates: nothing passes by default, waivers end, and nobody approves for themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pilotage.adapters.proc import Running
from pilotage.app.readiness.running import differences
from pilotage.model.answers import Answers
from pilotage.model.commit import ReviewedCommit
from pilotage.model.readiness import Evidence, Gate, GateStatus, Signature, SignatureKind
from pilotage.plan.making import make_plan
from pilotage.plan.readiness import every_item
from pilotage.readiness import parity, reviews
from pilotage.readiness.gates import BY_EVIDENCE, BY_OURSELVES, ReleaseContext, gate

PLAN = make_plan(Answers("minor", "canary", "small", "weekly", "low", ["customer-facing", "enterprise"]), version="2.0")
ITEMS = {item.id: item for item in PLAN.readiness}
NOW = 1_800_000_000.0
WHERE = ReleaseContext("plan", "artifact", NOW, frozenset({"ada"}), small=False)
BAD, GOOD = Evidence("coverage", False, "79 % of 100 lines run"), Evidence("coverage", True, "91 % of 100 lines run")


def signed(item: str, **changed: object) -> Signature:
    whole = Signature(SignatureKind.SIGN_OFF, item, "QA lead", "bob", "fine", NOW - 60, None, "plan", "artifact")
    return replace(whole, **changed)  # type: ignore[arg-type]


def waiver(item: str, **changed: object) -> Signature:
    return signed(item, **{"kind": SignatureKind.WAIVER, "until": NOW + 60, "role": "release manager", **changed})


def judged(item: str, proofs: tuple[Evidence, ...] = (), *signatures: Signature, where: ReleaseContext = WHERE) -> Gate:
    return gate(ITEMS[item], proofs, signatures, "the next command", where)


@pytest.mark.parametrize("item", sorted(ITEMS))
def test_r7_no_item_passes_by_default(item: str) -> None:
    found = judged(item)
    assert found.standing is GateStatus.NOT_READY
    assert found.reason
    assert found.next == "the next command"


def test_every_item_has_somebody_who_decides_it() -> None:
    """A machine's evidence, Pilotage itself, or a person's signature; no item has two."""
    assert not BY_EVIDENCE & BY_OURSELVES
    assert every_item() >= BY_EVIDENCE | BY_OURSELVES


def test_one_bad_proof_is_enough_and_all_reasons_are_told() -> None:
    other = Evidence("tests", False, "1 of 3 tests failed: a")
    assert judged("unit_test_coverage", (GOOD,)).standing is GateStatus.READY
    assert judged("unit_test_coverage", (GOOD, BAD)).standing is GateStatus.NOT_READY
    assert judged("unit_test_coverage", (BAD, other)).reason == f"{BAD.sentence}; {other.sentence}"


def test_r6_a_person_signs_for_this_plan_and_this_artifact() -> None:
    assert judged("qa_validation", (), signed("qa_validation")).standing is GateStatus.READY
    for changed, words in (
        ({"plan": "another plan"}, "bob signed off plan another plan; the plan has changed to plan since"),
        ({"artifact": "0" * 64}, "bob signed off artifact 000000000000; this is artifact artifact"),
    ):
        found = judged("qa_validation", (), signed("qa_validation", **changed))
        assert (found.standing, found.reason) == (GateStatus.NOT_READY, words)


def test_a_signature_cannot_replace_a_machines_evidence() -> None:
    assert judged("unit_test_coverage", (BAD,), signed("unit_test_coverage")).standing is GateStatus.NOT_READY
    assert judged("unit_test_coverage", (), signed("unit_test_coverage")).standing is GateStatus.NOT_READY


def test_a_waiver_ends_and_stays_visible() -> None:
    found = judged("unit_test_coverage", (BAD,), waiver("unit_test_coverage", comment="legacy"))
    assert found.standing is GateStatus.WAIVED
    assert "waived by bob (release manager) until" in found.reason
    assert "legacy; without it: 79 % of 100 lines run" in found.reason
    assert judged("unit_test_coverage", (GOOD,), waiver("unit_test_coverage")).standing is GateStatus.READY
    ended = waiver("unit_test_coverage", until=NOW)
    assert judged("unit_test_coverage", (BAD,), ended).standing is GateStatus.NOT_READY


def test_whoever_asks_for_the_release_neither_approves_nor_waives_the_approval() -> None:
    if "production_approval" not in ITEMS:
        pytest.skip("this plan has no such item")
    own = signed("production_approval", by="ada")
    assert "cannot also approve it" in judged("production_approval", (), own).reason
    assert judged("production_approval", (), own, signed("production_approval")).standing is GateStatus.READY
    assert judged("production_approval", (), own, where=replace(WHERE, small=True)).standing is GateStatus.READY
    assert judged("production_approval", (), waiver("production_approval", by="ada")).standing is GateStatus.NOT_READY
    assert judged("production_approval", (), waiver("production_approval")).standing is GateStatus.WAIVED


# ── reviews ────────────────────────────────────────────────────────────────────────────────────────────────


def commit(identity: str, message: str, *parents: str, author: str = "ada@x") -> ReviewedCommit:
    return ReviewedCommit(identity, parents, author, message)


@pytest.mark.parametrize(
    ("message", "reviewed"),
    [
        ("fix: a\n\nReviewed-by: Bob <BOB@x>", True),
        ("fix: a\n\nAcked-by: Bob <bob@x>\nSigned-off-by: Ada <ada@x>", True),
        ("fix: a\n\nReviewed-by: Ada <ada@x>", False),
        ("fix: a\n\nSigned-off-by: Bob <bob@x>", False),
        ("fix: a\n\nIt says Reviewed-by: Bob <bob@x> in the middle", False),
        ("fix: a (#12)", False),
    ],
)
def test_trailers_of_somebody_else_are_a_review(message: str, reviewed: bool) -> None:
    assert (not reviews.unreviewed([commit("a", message)])) is reviewed


def test_a_merged_request_is_reviewed_by_whoever_merged_it() -> None:
    history = [
        commit("m", "Merge pull request #3 from x/y", "base", "b", author="bob@x"),
        commit("b", "two", "a"),
        commit("a", "one", "base"),
        commit("base", "pushed straight to main", author="ada@x"),
    ]
    (left,) = reviews.unreviewed(history)
    assert left.commit.id == "base"
    own = [commit("m", "Merge pull request #3 from x/y", "base", "a"), commit("a", "one", "base")]
    assert [one.why for one in reviews.unreviewed(own)] == ["was reviewed only by ada@x, its author"]


def test_a_squashed_request_is_reviewed_when_its_host_says_so() -> None:
    squashed = commit("a", "feat: x (#12)")
    (left,) = reviews.unreviewed([squashed])
    assert left.why == "is the squashed request 12, whose reviews only the code host knows"
    assert reviews.unreviewed([squashed], {"a": ("bob (approved)",)}) == ()


# ── parity ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_environments_are_compared_setting_by_setting() -> None:
    staging = {"fleet": {"count": 2, "health_check_path": "/h"}, "router": {"listen": "a:1", "sticky": None}}
    production = {
        "fleet": {"count": 8, "health_check_path": "/h"},
        "router": {"listen": "b:1", "sticky": {"cookie": "s"}},
    }
    assert parity.differences(staging, production, ()) == (
        ("fleet.count", 2, 8), ("router.sticky", None, {"cookie": "s"})
    )  # fmt: skip
    assert parity.differences(staging, production, ("fleet.count", "router")) == ()


def test_r5_what_runs_is_compared_and_packages_where_one_version_runs_in_both() -> None:
    ours = Running(
        program=("python3", "a" * 64), libraries={"libssl": "b" * 64, "libz": "c" * 64},
        packages={"requests": "2.0", "rich": "13.0"}, variables=frozenset({"MODE", "PORT", "PILOTAGE_PROCESS"}),
    )  # fmt: skip
    theirs = replace(
        ours, program=("python3", "d" * 64), libraries={"libssl": "e" * 64},
        packages={"requests": "2.1", "rich": "13.0"}, variables=frozenset({"MODE", "DEBUG"}),
    )  # fmt: skip
    found = dict(differences(ours, theirs, "staging", "production", packages=True))
    assert found == {
        "program": "is python3 (aaaaaaaaaaaa) in staging, python3 (dddddddddddd) in production",
        "libraries.libssl": "is bbbbbbbbbbbb in staging, eeeeeeeeeeee in production",
        "packages.requests": "is 2.0 in staging, 2.1 in production",
        "variables.DEBUG": "is set in production only",
    }
    other = dict(differences(ours, theirs, "staging", "production", packages=False))
    assert found.keys() - other.keys() == {"packages.requests"}
    assert not dict(differences(ours, ours, "staging", "production", packages=True))
    assert parity.allowed("packages.requests", ["packages"])
    assert not parity.allowed("packages.requests", ["packages.rich"])
