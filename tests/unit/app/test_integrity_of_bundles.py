"""A bundle's carrier may do anything to it: what was changed, forged or malformed is found and said without a crash."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilotage.adapters.bundle import MANIFEST, pack, unpack
from pilotage.adapters.keys import KeyUnusable, known_keys, rotate, signer_of
from pilotage.cli.main import cli
from pilotage.model.readiness import BadBundle
from pilotage.readiness.gates import by_proof

PROJECT = """
service: shop
answers: {release_type: minor, deployment_strategy: canary, team_size: small, release_frequency: weekly,
  risk_tolerance: low, stakeholders: [internal-only]}
readiness: {evidence: {unit_test_coverage: {tests: [junit.xml]}}}
environments:
  production:
    fleet: {kind: process, command: ["serve", "{version}", "{port}"]}
    router: {kind: envoy, listen: "127.0.0.1:18080"}
"""
JUNIT = (
    "<testsuite tests='3'><testcase name='a'><failure/></testcase><testcase name='b'/><testcase name='c'/></testsuite>"
)


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["-c", str(folder / "pilotage.yaml"), *arguments])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a signed bundle of a release that is not ready: 1 of 3 tests failed."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "pilotage.yaml").write_text(PROJECT)
    (folder / "junit.xml").write_text(JUNIT)
    made = run(folder, "ready", "2.0", "--bundle", str(folder / "honest.zip"))
    assert made.exit_code == 3, made.output
    return folder


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}


def forge(project: Path, change: Callable[[Any, Any], None]) -> Path:
    """Rewrite the bundle as its carrier can: any content, and a new list."""
    kept = contents(project / "honest.zip")
    found, given = json.loads(kept["readiness.json"]), json.loads(kept["evidence.json"])
    change(found, given)
    kept["readiness.json"], kept["evidence.json"] = json.dumps(found).encode(), json.dumps(given).encode()
    pack(project / "forged.zip", kept)
    return project / "forged.zip"


def everything_is_fine(found: Any, given: Any) -> None:
    """Other proofs, sign-offs by ada, no item under evidence: `22 of 22`."""
    given["items"] = {}
    for one in found["gates"]:
        one |= {"standing": "ready", "reason": "", "next": ""}
        if by_proof(one["item"]):
            one["proofs"] = [{"kind": "coverage", "ready": True, "sentence": "99 %", "documents": []}]
            continue
        signed = {
            "kind": "sign-off",
            "item": one["item"],
            "role": one["owner"],
            "by": "ada",
            "comment": "",
            "until": None,
        }
        found["signatures"].append({**signed, "at": found["at"], "plan": found["plan"], "artifact": found["artifact"]})
        one["proofs"] = [{"kind": "sign-off", "ready": True, "sentence": f"ada ({one['owner']})", "documents": []}]
    found["ready"] = True


def test_an_honest_bundle_is_signed_and_says_not_ready(project: Path) -> None:
    said = run(project, "audit", "verify", str(project / "honest.zip"))
    assert said.exit_code == 3, said.output
    assert "signed with the known key" in said.output


def test_bytes_behind_the_end_of_a_bundle_are_found(project: Path, tmp_path: Path) -> None:
    """Readers of archives do not look there, and the digest of the file would be another one."""
    longer = tmp_path / "longer.zip"
    longer.write_bytes((project / "honest.zip").read_bytes() + b"x")
    said = run(project, "audit", "verify", str(longer))
    assert (said.exit_code, "extra bytes after its end" in said.output) == (1, True)


def test_a_bundle_that_was_forged_as_a_whole_is_found(project: Path) -> None:
    """A gate that counts by evidence must have that evidence; whoever names the key finds any forgery."""
    said = run(project, "audit", "verify", str(forge(project, everything_is_fine)))
    assert said.exit_code == 1, said.output
    assert "unit_test_coverage: marked ready, but evidence.json names no evidence for it" in said.output
    assert "unsigned: says only that files agree with their list" in said.output
    (public,) = (project / ".pilotage/keys/public").glob("*.pem")
    said = run(project, "audit", "verify", str(forge(project, lambda *_: None)), "--key", str(public))
    assert said.exit_code == 1
    assert "it has no signature" in said.output


def test_a_bundle_of_before_is_unsigned_and_never_passes(project: Path) -> None:
    def only_people(found: Any, given: Any) -> None:
        everything_is_fine(found, given)
        given["items"] = {one["item"]: {"reviews": {}} for one in found["gates"]}
        for one in found["gates"]:
            for proof in one["proofs"]:
                proof["kind"] = "reviews" if proof["kind"] == "coverage" else proof["kind"]

    said = run(project, "audit", "verify", str(forge(project, only_people)), "--json")
    told = json.loads(said.output)
    assert (said.exit_code, told["key_id"], told["key_known"]) == (10, None, False), said.output
    assert told["claims"] > 0


def nothing_is_required(found: Any, _given: Any) -> None:
    for one in found["gates"]:
        proof = {"kind": "first release", "ready": True, "sentence": "a first one", "documents": [], "required": False}
        one |= {"standing": "not required", "reason": "a first one", "next": "", "proofs": [proof]}
    found["ready"] = True


def test_a_bundle_that_calls_items_not_required_without_a_ground_is_found(project: Path) -> None:
    """A first deployment can do without five items; the plan names what does not apply to the team."""
    said = run(project, "audit", "verify", str(forge(project, nothing_is_required)))
    assert said.exit_code == 1, said.output
    assert "qa_validation: marked as not required, but every release needs it" in said.output
    assert "rollback_mechanism" not in said.output


def test_a_bundle_signed_with_another_key_is_not_taken_for_ours(project: Path, tmp_path: Path) -> None:
    kept = contents(project / "honest.zip")
    pack(project / "other.zip", kept, signer_of(tmp_path / "elsewhere"))
    said = run(project, "audit", "verify", str(project / "other.zip"))
    assert "which is unknown here" in said.output
    (public,) = (project / ".pilotage/keys/public").glob("*.pem")
    assert run(project, "audit", "verify", str(project / "other.zip"), "--key", str(public)).exit_code == 1
    theirs = next((tmp_path / "elsewhere/keys/public").glob("*.pem"))
    assert run(project, "audit", "verify", str(project / "other.zip"), "--key", str(theirs)).exit_code == 3


def test_a_signed_list_that_was_changed_is_found(project: Path) -> None:
    kept = contents(project / "honest.zip")
    with zipfile.ZipFile(project / "honest.zip") as archive:
        manifest = json.loads(archive.read(MANIFEST))
    kept["readiness.json"] = kept["readiness.json"].replace(b"1 of 3", b"0 of 3")
    pack(project / "new.zip", kept)
    with zipfile.ZipFile(project / "new.zip") as archive:
        new = json.loads(archive.read(MANIFEST))["sha256"]
    with zipfile.ZipFile(project / "forged.zip", "w") as archive:
        archive.writestr(MANIFEST, json.dumps({**manifest, "sha256": new}))
        for name, content in kept.items():
            archive.writestr(name, content)
    said = run(project, "audit", "verify", str(project / "forged.zip"))
    assert said.exit_code == 1
    assert "was changed after it was signed" in said.output


MALFORMED: dict[str, dict[str, Any]] = {
    "200,000 brackets": {"readiness.json": b"[" * 200_000},
    "a deep plan": {"plan.json": b'{"a":' * 100_000 + b"1" + b"}" * 100_000},
    "a deep evidence": {"evidence.json": b"[" * 200_000},
    "nothing": {"readiness.json": b""},
    "a number": {"evidence.json": b"7"},
    "another shape": {"evidence.json": b'{"since": 1, "max_age": 2, "items": []}'},
    "endless digits": {"evidence.json": b'{"since": ' + b"9" * 5000 + b', "max_age": 2, "items": {}}'},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_bundle_is_one_sentence_and_exit_status_2(project: Path, name: str) -> None:
    pack(project / "bad.zip", {**contents(project / "honest.zip"), **MALFORMED[name]})
    said = run(project, "audit", "verify", str(project / "bad.zip"))
    assert said.exit_code == 2, said.output
    assert "bad.zip" in said.output
    assert "internal" not in said.output


@pytest.mark.parametrize("value", [1e308, -1.0, 1e20])
@pytest.mark.parametrize("place", ["at", "modified", "since", "until"])
def test_times_that_no_calendar_has_are_refused(project: Path, place: str, value: float) -> None:
    def change(found: Any, given: Any) -> None:
        signed = {"kind": "waiver", "item": "qa_validation", "role": "QA lead", "by": "ada", "comment": "", "at": 1.0}
        found["signatures"].append({**signed, "until": 1.0, "plan": "", "artifact": ""})
        holder = {"at": found, "since": given, "until": found["signatures"][-1], "modified": document_of(found)}[place]
        holder[place] = value

    said = run(project, "audit", "verify", str(forge(project, change)))
    assert (said.exit_code, "years 1970 to 9999" in said.output) == (2, True), said.output


@pytest.mark.parametrize("path", ["junit\0.xml", "junit\ud800.xml", "j" * 5000])
def test_paths_that_are_none_are_refused(project: Path, path: str) -> None:
    def change(found: Any, _given: Any) -> None:
        document_of(found)["path"] = path

    said = run(project, "audit", "verify", str(forge(project, change)))
    assert said.exit_code in (1, 2), said.output
    assert "internal" not in said.output
    assert not isinstance(said.exception, UnicodeError)


def document_of(found: Any) -> Any:
    return next(proof["documents"][0] for one in found["gates"] for proof in one["proofs"] if proof["documents"])


def test_no_entry_unpacks_to_more_than_64_mb_and_none_is_held_in_memory(tmp_path: Path) -> None:
    """What is refused is refused by its size in the directory: nothing of it is unpacked."""
    with zipfile.ZipFile(tmp_path / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("evidence/zeros", bytes(65 * 2**20))
    (tmp_path / "into").mkdir()
    with pytest.raises(BadBundle, match="unpacks to more than 67108864 bytes"):
        unpack(tmp_path / "big.zip", tmp_path / "into")
    assert list((tmp_path / "into").iterdir()) == []


def test_bytes_that_are_no_archive_are_a_sentence(tmp_path: Path, project: Path) -> None:
    honest = (project / "honest.zip").read_bytes()
    for n, content in enumerate((b"", b"PK", honest[:-30], honest[:200] + b"\xff" * 40 + honest[240:])):
        (tmp_path / "cut.zip").write_bytes(content)
        said = run(project, "audit", "verify", str(tmp_path / "cut.zip"))
        assert said.exit_code == 2, (n, said.output)


# ── the key ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_key_is_made_once_for_its_owner_alone_and_earlier_ones_are_kept(tmp_path: Path) -> None:
    first = signer_of(tmp_path)
    path = tmp_path / "keys/signing.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert signer_of(tmp_path).id == first.id
    second = rotate(tmp_path)
    assert {*known_keys(tmp_path)} == {first.id, second.id} != {first.id}
    assert [p.name for p in path.parent.iterdir() if p.is_file()] == ["signing.pem"]


def test_a_key_that_is_gone_or_open_to_others_is_reported_and_not_replaced(tmp_path: Path) -> None:
    signer_of(tmp_path)
    path = tmp_path / "keys/signing.pem"
    path.chmod(0o644)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        signer_of(tmp_path)
    path.unlink()
    with pytest.raises(KeyUnusable, match="is gone"):
        signer_of(tmp_path)


def test_a_key_outside_signs_and_a_broken_one_stops_no_bundle(tmp_path: Path) -> None:
    outside, project = signer_of(tmp_path / "safe"), tmp_path
    (project / "junit.xml").write_text(JUNIT)
    (project / "pilotage.yaml").write_text(PROJECT + "signing: {key: safe/keys/signing.pem}\n")
    said = run(project, "ready", "2.0", "--bundle", str(project / "b.zip"))
    assert f"signed with the key {outside.id}" in said.output
    assert run(project, "key").output.startswith(outside.public)
    (tmp_path / "safe/keys/signing.pem").write_text("nonsense")
    said = run(project, "ready", "2.0", "--bundle", str(project / "b.zip"))
    assert "not signed: " in said.output
    assert (project / "b.zip").exists()
