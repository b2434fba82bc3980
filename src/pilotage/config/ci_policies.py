"""`server.ci` of `pilotage.yaml`: CI jobs that sign in with the id-token of their CI, without a secret."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from pilotage.config.fields import BaseUrl, Section
from pilotage.model.access import Grant

_LOCAL = ("127.0.0.1", "::1", "localhost")


def _safe(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOCAL:
        raise ValueError("an issuer is asked for its keys by https, or on this machine")
    return url


def _grant(text: str) -> str:
    read = Grant.read(text)
    if not read.role or read.role == "admin":
        raise ValueError("a CI job gets a role such as deployer@shop/production, and never admin")
    return text


def _pattern(text: str) -> str:
    if "*" in text[:-1] or text == "*":
        raise ValueError("a * may only stand at the end, after something, such as refs/tags/v*")
    return text


IssuerUrl = Annotated[BaseUrl, AfterValidator(_safe)]
GrantText = Annotated[str, Field(max_length=300), AfterValidator(_grant)]
ClaimPattern = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_pattern)]
_OWNERS = ("repository", "repository_id", "project_path", "project_id", "sub")


class CiPolicySection(Section):
    """CI jobs that may sign in, which service account they are then, and what they may."""

    account: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")] = Field(
        description="Name of the service account that the jobs act as."
    )
    issuer: IssuerUrl = Field(
        description="Who signs the id-tokens: https://token.actions.githubusercontent.com, https://gitlab.com, or the "
        "address of your own GitLab or other CI."
    )
    audience: str = Field(
        min_length=1, max_length=300, description="For whom the id-token must be made; the address of this server."
    )
    claims: dict[Annotated[str, Field(min_length=1, max_length=100)], ClaimPattern | list[ClaimPattern]] = Field(
        min_length=1, max_length=20,
        description="What the id-token must say, such as repository, ref, environment and workflow. A * at the end "
        "stands for anything; of a list one must fit.",
    )  # fmt: skip
    grants: list[GrantText] = Field(
        min_length=1, max_length=20, description="What the jobs may, such as deployer@shop/production."
    )

    @model_validator(mode="after")
    def _owned(self) -> CiPolicySection:
        if not any(name in self.claims for name in _OWNERS):
            raise ValueError(
                f"claims: name the repository by one of {', '.join(_OWNERS)}; others at {self.issuer} get tokens, too"
            )
        return self
