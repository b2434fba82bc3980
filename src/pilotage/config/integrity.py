"""`signing` and `audit` of `pilotage.yaml`: the key that signs records, and where signed heads go."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pilotage.config.channels import SecretRef
from pilotage.config.fields import Section, Url


class SigningSection(Section):
    """The key that signs heads of event chains and bundles of evidence."""

    key: SecretRef | Annotated[str, Field(pattern=r"^[^\s:]+$")] = Field(
        description="Ed25519 private key (PEM): a path, secret://env/NAME or secret://file/PATH."
    )


class FileAnchor(Section):
    """A file that gets each signed head. Put it where the owner of the store cannot change it."""

    kind: Literal["file"]
    path: Annotated[str, Field(min_length=1)] = Field(description="File to append to, one JSON object per line.")


class WebhookAnchor(Section):
    """A webhook that gets each signed head, signed according to Standard Webhooks 1.0."""

    kind: Literal["webhook"]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] = Field(
        "anchor", description="Name in `pilotage notify`."
    )
    url: Url = Field(description="Address of the receiver.")
    secret: SecretRef = Field(description="Reference to the secret that the receiver shares: whsec_… in base64.")
    allow_private_network: bool = Field(False, description="Allow an address in a private network or on this machine.")


class GitNoteAnchor(Section):
    """A git note at the checked-out commit, under refs/notes/pilotage in the project's repository."""

    kind: Literal["git-note"]
    remote: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")] | None = Field(
        None, description="Remote to push the notes to, such as origin."
    )


Anchor = Annotated[FileAnchor | WebhookAnchor | GitNoteAnchor, Field(discriminator="kind")]


class AuditSection(Section):
    """Where signed heads go, so that a changed or restored store is detected."""

    anchors: list[Anchor] = Field(default_factory=list, description="Places outside the store for signed heads.")
