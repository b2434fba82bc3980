"""What proves how an artifact was built (R33): real signatures, published examples, and what proves nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pydantic import ValidationError

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.envelopes import Envelope, signed_in
from pilotage.adapters.stages.provenance import Unproven, proven
from pilotage.adapters.stages.signatures import KeyVerifier
from pilotage.config.provenance import ProvenanceSection
from pilotage.model.way import Artifact, Evidence, Provenance

PUBLISHED = Path(__file__).parents[2] / "cases" / "data" / "sigstore"
COMMIT, BUILDER, SOURCE = "c" * 40, "https://builder.example.org/v1", "git+https://git.example.org/acme/shop"
WANTED = Provenance(files=("*.json",), key="key.pem", builder=BUILDER, source=SOURCE)
CURVE, EDWARDS = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def sign(key: Private, message: bytes) -> bytes:
    return (
        key.sign(message)
        if isinstance(key, ed25519.Ed25519PrivateKey)
        else key.sign(message, ec.ECDSA(hashes.SHA256()))
    )


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def statement(digest: str, **more: Any) -> dict[str, Any]:
    """SLSA v1, as slsa.dev/spec/v1.0/provenance shows it."""
    dependency = {"uri": f"{SOURCE}@refs/heads/main", "digest": {"gitCommit": COMMIT}}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "other", "digest": {"sha256": "0" * 64}}, {"name": "shop", "digest": {"sha256": digest}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {"buildType": "https://example.org/build", "resolvedDependencies": [dependency]},
            "runDetails": {"builder": {"id": BUILDER}},
        },
        **more,
    }


def envelope(payload: object, key: Private = CURVE, kind: str = "application/vnd.in-toto+json") -> dict[str, Any]:
    body = json.dumps(payload).encode()
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(body), body)
    return {"payload": b64(body), "payloadType": kind, "signatures": [{"keyid": "", "sig": b64(sign(key, signed))}]}


@dataclass
class Bench:
    place: Path
    content: bytes = b"the shop"
    documents: list[Any] = field(default_factory=list)

    @property
    def artifact(self) -> Artifact:
        return Artifact(name="dist/shop", digest=hashlib.sha256(self.content).hexdigest(), size=len(self.content))

    def proof(self, wanted: Provenance = WANTED, *documents: Any, key: Private = CURVE) -> list[Evidence]:
        pem = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )  # fmt: skip
        (self.place / "key.pem").write_bytes(pem)
        (self.place / "shop").write_bytes(self.content)
        text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in documents)
        (self.place / "s.json").write_text(text)
        about = [(self.artifact, self.place / "shop")]
        return proven(wanted, [("s.json", self.place / "s.json")], about, COMMIT, self.place)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("key", [CURVE, EDWARDS])
def test_signed_slsa_provenance_of_the_commit_proves_the_artifact(bench: Bench, key: Private) -> None:
    said = statement(bench.artifact.digest)
    found = bench.proof(WANTED, envelope(said, key), key=key)
    assert [(one.kind, one.where, one.digest) for one in found] == [("provenance", "s.json", bench.artifact.digest)]
    assert found[0].sentence == f"dist/shop: built by {BUILDER} from {COMMIT[:12]}"
    # One of several lines, and in a bundle.
    other = envelope(statement("1" * 64), key)
    bundle = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope(said, key)}
    assert bench.proof(WANTED, other, bundle, key=key)


def test_provenance_v02_names_builder_and_materials(bench: Bench) -> None:
    predicate = {
        "builder": {"id": BUILDER},
        "materials": [{"uri": f"{SOURCE}@refs/tags/v1", "digest": {"sha1": COMMIT}}],
    }
    said = statement(bench.artifact.digest, predicateType="https://slsa.dev/provenance/v0.2", predicate=predicate)
    assert bench.proof(WANTED, envelope({**said, "_type": "https://in-toto.io/Statement/v0.1"}))


def _with(path: list[Any], value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


_DEPENDENCY = ["predicate", "buildDefinition", "resolvedDependencies", 0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_with(["subject", 1, "digest", "sha256"], "1" * 64), "no statement is about its digest"),
        (_with(["subject", 1, "digest"], {"sha512": "1" * 128}), "no statement is about its digest"),
        (_with(["predicate", "runDetails", "builder", "id"], f"{BUILDER}/x"), "names the builder"),
        (_with([*_DEPENDENCY, "digest", "gitCommit"], "d" * 40), "was built from dddddddddddd instead of cccccccccccc"),
        (_with([*_DEPENDENCY, "digest"], {}), "was built from no commit"),
        (_with([*_DEPENDENCY, "uri"], "git+https://evil.example.org/shop"), r"was built from git\+https://evil"),
        (_with(["predicateType"], "https://spdx.dev/Document"), "is no SLSA provenance"),
        (_with(["_type"], "https://example.org/Other"), "is no in-toto statement"),
        (_with(["predicate"], None), "is no in-toto statement"),
        (_with(["subject"], None), "is no in-toto statement"),
    ],
)  # fmt: skip
def test_a_statement_that_says_something_else_proves_nothing(
    bench: Bench, change: Callable[[dict[str, Any]], None], why: str
) -> None:
    said = statement(bench.artifact.digest)
    change(said)
    with pytest.raises(Unproven, match=why):
        bench.proof(WANTED, envelope(said))


def test_what_is_not_signed_by_the_key_proves_nothing(bench: Bench) -> None:
    said = statement(bench.artifact.digest)
    good = envelope(said)
    stranger = envelope(said, ec.generate_private_key(ec.SECP256R1()))
    forged = {**good, "payload": b64(json.dumps({**said, "extra": 1}).encode())}
    for document in (
        stranger, forged, {**good, "signatures": []}, {**good, "payloadType": "application/vnd.in-toto+json "},
        {**good, "signatures": [{"sig": b64(b"x" * 64)}]},
    ):  # fmt: skip
        with pytest.raises(Unproven, match=r"no signature by key\.pem"):
            bench.proof(WANTED, document)
    with pytest.raises(Unproven, match="has the payload"):
        bench.proof(WANTED, envelope(said, kind="text/plain"))
    # A second one that does not verify spoils the first.
    with pytest.raises(Unproven, match="no signature"):
        bench.proof(WANTED, good, stranger)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"payload": "x"}', "{}", "[" * 100_000, '{"a": 1}\n{"b"'])
def test_what_is_no_statement_proves_nothing(bench: Bench, text: str) -> None:
    with pytest.raises(Unproven):
        bench.proof(WANTED, text)


@pytest.mark.parametrize("key", [CURVE, EDWARDS])
def test_the_signature_of_a_file_proves_it_where_no_builder_is_required(bench: Bench, key: Private) -> None:
    signature = b64(sign(key, bench.content))
    digest = {"algorithm": "SHA2_256", "digest": b64(bytes.fromhex(bench.artifact.digest))}
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "x"}},
        "messageSignature": {"messageDigest": digest, "signature": signature},
    }
    wanted = replace(WANTED, builder="", source="")
    for document in (bundle, {"base64Signature": signature, "cert": "", "rekorBundle": None}):
        assert [one.kind for one in bench.proof(wanted, document, key=key)] == ["signature"]
        with pytest.raises(Unproven, match="no statement is about"):
            bench.proof(WANTED, document, key=key)
    bench.content = b"another shop"
    with pytest.raises(Unproven, match="the signature of another file"):
        bench.proof(wanted, bundle, key=key)
    with pytest.raises(Unproven, match=r"no signature by key\.pem"):
        bench.proof(wanted, {"base64Signature": signature}, key=key)


def test_a_signature_made_by_openssl_is_understood(bench: Bench) -> None:
    pem = CURVE.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    (bench.place / "private.pem").write_bytes(pem)
    (bench.place / "shop").write_bytes(bench.content)
    command = ["openssl", "dgst", "-sha256", "-sign", "private.pem", "shop"]
    signature = subprocess.run(command, cwd=bench.place, check=True, capture_output=True).stdout
    assert bench.proof(replace(WANTED, builder="", source=""), {"base64Signature": b64(signature)})


def test_other_keys_and_no_artifacts_are_refused(bench: Bench, tmp_path: Path) -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(AdapterError, match="not a key of ECDSA P-256 or Ed25519"):
        bench.proof(WANTED, envelope(statement("0" * 64)), key=weak)  # type: ignore[arg-type]
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(AdapterError, match="is not a public key in PEM"):
        KeyVerifier(tmp_path / "key.pem")
    with pytest.raises(AdapterError, match="cannot be read"):
        KeyVerifier(tmp_path / "none.pem")
    with pytest.raises(Unproven, match="there is no artifact"):
        proven(WANTED, [], [], COMMIT, tmp_path)


# ── published examples ─────────────────────────────────────────────────────────────────────────────────────

# github.com/secure-systems-lab/dsse, testvectors/vectors.json: key A, which is the first of RFC 8032, section 7.1.
_KEY_A = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
_STATEMENT = "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ=="
_SIGNED = "2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA=="
_URL_SAFE = "P-_KHICeR7tI6S_YyejJTRtrXhcQyQ2LYPaL8h90KjC9qN8HU_svOQ6TuDOT1HIrsGW886DbWNWcCmX5twLrAw=="
_UMLAUT = "xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbbjPsu0tAw=="
_EMPTY = "gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/jHfkkDqsj7CDbDg=="


@pytest.mark.parametrize(
    ("payload", "kind", "signature", "good"),
    [
        (_STATEMENT, "application/vnd.in-toto+json", _SIGNED, True),
        ("-_-_Pj8=", "application/vnd.in-toto+json", _URL_SAFE, True),
        (_STATEMENT, "application/vnd.exämple+json", _UMLAUT, True),
        ("", "application/vnd.in-toto+json", _EMPTY, True),
        (_STATEMENT, "application/vnd.example.other+json", _SIGNED, False),
    ],
)  # fmt: skip
def test_the_vectors_of_dsse(tmp_path: Path, payload: str, kind: str, signature: str, good: bool) -> None:
    public = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(_KEY_A))
    key = tmp_path / "a.pem"
    key.write_bytes(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )  # fmt: skip
    found = signed_in({"payload": payload, "payloadType": kind, "signatures": [{"sig": signature, "keyid": "A"}]})
    assert isinstance(found, Envelope)
    if good:
        KeyVerifier(key).envelope(found)
        return
    with pytest.raises(Unproven):
        KeyVerifier(key).envelope(found)


def _published() -> Artifact:
    content = (PUBLISHED / "a.txt").read_bytes()
    return Artifact(name="a.txt", digest=hashlib.sha256(content).hexdigest(), size=len(content))


def test_a_published_bundle_with_a_key() -> None:
    wanted = Provenance(files=("*",), key="managed-key.pub")
    said = [("b", PUBLISHED / "managed-key.sigstore.json")]
    assert proven(wanted, said, [(_published(), None)], COMMIT, PUBLISHED)[0].kind == "signature"
    other = replace(_published(), digest="1" * 64)
    with pytest.raises(Unproven, match="another file"):
        proven(wanted, said, [(other, None)], COMMIT, PUBLISHED)


IDENTITY = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/"
    "extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
KEYLESS = Provenance(
    files=("*",), identity=IDENTITY, issuer="https://token.actions.githubusercontent.com",
    builder="https://github.com/loosebazooka/aa-test/.github/workflows/provenance.yaml@refs/heads/main",
    source="git+https://github.com/loosebazooka/aa-test",
)  # fmt: skip
BUILT = "ebff8dfbd609b7b22237c7719ce07f2dc7934f5f"


def test_published_keyless_provenance_is_verified_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificate, transparency log, time, identity, issuer, subject, builder, repository and commit."""
    pytest.importorskip("sigstore")
    monkeypatch.setenv("HOME", str(tmp_path))
    said = [("b", PUBLISHED / "slsa-v1-keyless.sigstore.json")]

    def proof(wanted: Provenance, artifact: Artifact, commit: str) -> list[Evidence]:
        return proven(wanted, said, [(artifact, None)], commit, PUBLISHED)

    assert proof(KEYLESS, _published(), BUILT)[0].sentence.startswith("a.txt: built by https://github.com/loosebazooka")
    for wrong in (replace(KEYLESS, identity=f"{IDENTITY}x"), replace(KEYLESS, issuer="https://accounts.google.com")):
        with pytest.raises(Unproven, match="b: "):
            proof(wrong, _published(), BUILT)
    with pytest.raises(Unproven, match="instead of cccccccccccc"):
        proof(KEYLESS, _published(), COMMIT)
    with pytest.raises(Unproven, match="no statement is about its digest"):
        proof(KEYLESS, replace(_published(), digest="1" * 64), BUILT)
    bundle = json.loads(said[0][1].read_text())
    bundle["dsseEnvelope"]["payload"] = b64(json.dumps(statement(_published().digest)).encode())
    said[0] = ("b", tmp_path / "forged")
    said[0][1].write_text(json.dumps(bundle))
    with pytest.raises(Unproven, match="b: "):
        proof(KEYLESS, _published(), BUILT)


def test_keyless_signatures_say_which_package_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sigstore.errors", None)
    with pytest.raises(AdapterError, match=r"pip install .*\[sigstore\]'"):
        proven(KEYLESS, [], [(_published(), None)], BUILT, PUBLISHED)


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({"files": ["a"]}, "name either key, or identity and issuer"),
        ({"files": ["a"], "key": "k", "identity": "i", "issuer": "https://i"}, "name either key"),
        ({"files": ["a"], "identity": "i"}, "need identity and issuer"),
        ({"files": ["a"], "key": "k", "source": "s"}, "add builder"),
        ({"files": ["https://a", "b"], "key": "k"}, "or one https address"),
        ({"files": ["http://a"], "key": "k"}, "or one https address"),
        ({"files": [], "key": "k"}, "at least 1 item"),
        ({"files": ["../a"], "key": "k"}, "leads out of the checkout"),
    ],
)  # fmt: skip
def test_a_section_that_cannot_be_right_is_refused(section: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        ProvenanceSection.model_validate(section)
