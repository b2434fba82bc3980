"""`signing` and `audit` of `pilotage.yaml`: the key that signs records, and where signed heads go."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pilotage.config.channels import SecretRef
from pilotage.config.fields import Section, Url


class SigningSection(Section):
    """The key that signs heads of event chains, and bundles."""

    key: SecretRef | Annotated[str, Field(pattern=r"^[^\s:]+$")] = Field(
        description="An Ed25519 private key (PEM): a path, or secret://env/NAME or secret://file/PATH."
    )


class FileAnchor(Section):
    """A file to which each signed head is appended, best on a disk that the store's owner cannot change."""

    kind: Literal["file"]
    path: Annotated[str, Field(min_length=1)] = Field(description="One JSON object a line is appended to it.")


class WebhookAnchor(Section):
    """A receiver that gets each signed head, signed as Standard Webhooks 1.0 says."""

    kind: Literal["webhook"]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] = Field(
        "anchor", description="What `pilotage notify` calls it."
    )
    url: Url
    secret: SecretRef = Field(description="whsec_… in base64; the receiver has the same.")
    private: bool = Field(False, description="May be an address of a private network or of this machine.")


class GitNoteAnchor(Section):
    """A git note at the released commit, under refs/notes/pilotage of the project's repository."""

    kind: Literal["git-note"]
    remote: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")] | None = Field(
        None, description="Push the notes there, such as origin."
    )


Anchor = Annotated[FileAnchor | WebhookAnchor | GitNoteAnchor, Field(discriminator="kind")]


class AuditSection(Section):
    """Where signed heads go at each end of a rollout, so that a store that was changed or set back shows."""

    anchors: list[Anchor] = Field(default_factory=list, description="Places outside the store.")
