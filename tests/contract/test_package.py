"""The package of a release is the one of its start, and signed by the key that the project names (R14)."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pilotage.adapters.package import PackageTask, perform
from pilotage.adapters.ports import AdapterError

from ..programs import needs

CONTENT = b"the release" * 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.tar").write_bytes(CONTENT)
    return tmp_path


def task(folder: Path, **more: str) -> PackageTask:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return PackageTask(**{"root": str(folder), "artifact": "app.tar", "sha256": digest, **more})


def test_the_same_file_passes_and_a_changed_one_does_not(folder: Path) -> None:
    assert "no signature is required" in perform(task(folder))
    (folder / "app.tar").write_bytes(CONTENT[:-1])
    with pytest.raises(AdapterError, match="has changed since"):
        perform(task(folder))
    (folder / "app.tar").unlink()
    with pytest.raises(AdapterError, match="cannot be read"):
        perform(task(folder))


def test_an_ed25519_signature_is_checked(folder: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "key.pem").write_bytes(pem)
    with pytest.raises(AdapterError, match="has no signature"):
        perform(task(folder, public_key="key.pem"))
    (folder / "app.tar.sig").write_bytes(base64.b64encode(key.sign(CONTENT)))
    assert "valid signature" in perform(task(folder, public_key="key.pem"))
    (folder / "app.tar.sig").write_bytes(Ed25519PrivateKey.generate().sign(CONTENT))
    with pytest.raises(AdapterError, match="is not valid"):
        perform(task(folder, public_key="key.pem"))


@pytest.mark.parametrize("legacy", [[], ["-l"]])
def test_a_signature_that_minisign_made_is_checked_with_its_comment(folder: Path, legacy: list[str]) -> None:
    program = needs("minisign")

    def minisign(*arguments: str) -> None:
        subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)

    minisign("-G", "-W", "-p", "mini.pub", "-s", "mini.key")
    minisign("-S", *legacy, "-s", "mini.key", "-m", "app.tar", "-t", "release 2.4.0")
    assert "valid signature" in perform(task(folder, public_key="mini.pub"))
    signed = folder / "app.tar.minisig"
    signed.write_text(signed.read_text().replace("release 2.4.0", "release 2.5.0"))
    with pytest.raises(AdapterError, match="the comment on"):
        perform(task(folder, public_key="mini.pub"))


@pytest.mark.parametrize("text", [b"", b"\xff", b"untrusted comment: x\nAAAA", b"-----BEGIN PUBLIC KEY-----\nx\n"])
def test_what_is_no_key_is_named_so(folder: Path, text: bytes) -> None:
    (folder / "key").write_bytes(text)
    (folder / "app.tar.sig").write_bytes(b"x")
    with pytest.raises(AdapterError, match="is no signature that key can check"):
        perform(task(folder, public_key="key"))
