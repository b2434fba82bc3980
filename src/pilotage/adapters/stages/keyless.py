"""Checks keyless signatures: certificates of Fulcio and entries of Rekor, with the package `sigstore`, offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.extras import installing
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.envelopes import Envelope, FileSignature
from pilotage.adapters.stages.provenance import Unproven
from pilotage.model.text import line

if TYPE_CHECKING:
    from sigstore.models import Bundle
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity


class KeylessVerifier:
    """identity: the name in the certificate · issuer: who vouched for it · root: file of the trusted root; None for the
    one of Sigstore's public instance that the package brings. Raises AdapterError where the package is not there."""

    def __init__(self, identity: str, issuer: str, root: Path | None) -> None:
        try:
            from sigstore.errors import Error
            from sigstore.models import TrustedRoot
            from sigstore.verify import Verifier
            from sigstore.verify.policy import Identity
        except ImportError:
            raise AdapterError(f"keyless signatures need `{installing('sigstore')}`, or name a key") from None
        self._policy: Identity = Identity(identity=identity, issuer=issuer)
        try:
            self._verifier: Verifier = (
                Verifier(trusted_root=TrustedRoot.from_file(str(root))) if root else Verifier.production(offline=True)
            )
        except (OSError, ValueError, Error) as error:
            raise AdapterError(
                f"{root or 'the trusted root of Sigstore'} cannot be used: {line(str(error), 200)}"
            ) from None

    def envelope(self, found: Envelope) -> None:
        bundle = _bundle(found.bundle)
        try:
            kind, payload = self._verifier.verify_dsse(bundle, self._policy)
        except Exception as error:  # whatever a library stumbles over in a bundle of others, it proves nothing
            raise Unproven(line(str(error), 300)) from None
        if (kind, payload) != (found.payload_type, found.payload):
            raise Unproven("what is signed is not what it shows")

    def file(self, found: FileSignature, digest: str, content: Path | None) -> None:  # noqa: ARG002
        from sigstore.hashes import Hashed
        from sigstore_models.common.v1 import HashAlgorithm

        bundle = _bundle(found.bundle)
        hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(digest))
        try:
            self._verifier.verify_artifact(hashed, bundle, self._policy)
        except Exception as error:  # as above
            raise Unproven(line(str(error), 300)) from None


def _bundle(text: str) -> Bundle:
    from sigstore.models import Bundle

    if not text:
        raise Unproven("a keyless signature needs a Sigstore bundle, such as `cosign --bundle` writes")
    try:
        return Bundle.from_json(text)
    except Exception as error:  # as above
        raise Unproven(f"it is no Sigstore bundle: {line(str(error), 200)}") from None
