"""Section of a stage of `way:` about signed statements on how its artifacts were built."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from pilotage.config.fields import Section
from pilotage.config.launching import FilePath
from pilotage.model.way import Provenance


def _inside(pattern: str) -> str:
    if "://" not in pattern and (pattern.startswith("/") or ".." in pattern.split("/") or "\0" in pattern):
        raise ValueError(f"{pattern!r} leads out of the checkout: name files inside it, such as dist/*")
    return pattern


Pattern = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_inside)]
"""Of files in a checkout."""


class ProvenanceSection(Section):
    """Signed statements that must be there for every artifact: SLSA provenance in a DSSE envelope, or a bundle of
    cosign. A stage without them, or with one that does not verify, fails."""

    files: Annotated[list[Pattern], Field(min_length=1)] = Field(
        description="Globs of the statements in the checkout, such as dist/*.intoto.jsonl, or one https address; "
        "{version} and {commit} are filled in."
    )
    key: FilePath | None = Field(
        None, description="Public key of the signer in PEM, ECDSA P-256 or Ed25519, from this file's folder."
    )
    identity: str | None = Field(
        None, min_length=1, description="Of keyless signatures: the name in the certificate, such as "
        "https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main.",
    )  # fmt: skip
    issuer: str | None = Field(
        None, pattern=r"^https://\S+$",
        description="Of keyless signatures: who vouched for it, such as https://token.actions.githubusercontent.com.",
    )  # fmt: skip
    trusted_root: FilePath | None = Field(
        None,
        description="File of a Sigstore trusted root, from this file's folder. Default: that of Sigstore's public "
        "instance, as the package sigstore brings it.",
    )
    builder: str | None = Field(
        None, min_length=1, description="Id of the builder that every statement must name. Required for provenance; "
        "without it, signatures of the artifacts themselves are enough.",
    )  # fmt: skip
    source: str | None = Field(
        None, min_length=1, description="Address of the repository that provenance must name, such as "
        "git+https://github.com/acme/shop. Its commit is always compared.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_kind(self) -> ProvenanceSection:
        keyless = [self.identity, self.issuer]
        if (self.key is not None) == any(one is not None for one in (*keyless, self.trusted_root)):
            raise ValueError("name either key, or identity and issuer")
        if self.key is None and None in keyless:
            raise ValueError("keyless signatures need identity and issuer")
        if self.source is not None and self.builder is None:
            raise ValueError("source: only provenance names a repository, so add builder")
        addresses = [one for one in self.files if "://" in one]
        if addresses and (len(self.files) > 1 or not addresses[0].startswith("https://")):
            raise ValueError("files: name globs, or one https address")
        return self

    def as_data(self) -> Provenance:
        return Provenance(
            files=tuple(self.files), key=self.key or "", identity=self.identity or "", issuer=self.issuer or "",
            trusted_root=self.trusted_root or "", builder=self.builder or "", source=self.source or "",
        )  # fmt: skip
