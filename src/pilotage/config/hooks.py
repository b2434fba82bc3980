"""`server.hooks` of `pilotage.yaml`: systems that tell the server of a new version."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pilotage.config.fields import BaseUrl, HeaderName, SecretRef, Section
from pilotage.model.json_path import BadPath, JsonPath


def _path(text: str) -> str:
    try:
        JsonPath(text)
    except BadPath as error:
        raise ValueError(str(error)) from None
    return text


_JsonPath = Annotated[str, AfterValidator(_path)]


HookName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class HookSection(Section):
    """A message that starts a release: who sends it, how it is proven, and what in it is the version."""

    kind: Literal["github", "gitlab", "signed", "token"] = Field(
        description="How a message is proven: by GitHub's signature, by GitLab's token, by Standard Webhooks, or by a "
        "secret in a header, as registries send it."
    )
    secret: SecretRef = Field(description="Reference to the secret that the sender has too.")
    header: HeaderName | None = Field(
        None, description="With `kind: token`: the header with the secret. Default: Authorization, as `Bearer SECRET`."
    )
    service: str | None = Field(None, description="Service to release, if there are several.")
    environment: str | None = Field(
        None, description="Environment to deploy to. Without one, the version's way starts."
    )
    event: str | None = Field(
        None, max_length=100, description="Only messages of this event count, such as release. GitHub and GitLab only."
    )
    when: dict[_JsonPath, str | int | bool] = Field(
        default_factory=dict, max_length=10,
        description="What a message must say to count, by path in its JSON, such as `$.action: published`.",
    )  # fmt: skip
    version: _JsonPath = Field("$.version", description="Path in the message's JSON to the version.")
    answer: SecretRef | None = Field(
        None, description="With `event: deployment` of GitHub: reference to a token that may write deployment "
        "statuses. The deployment then shows how its rollout goes.",
    )  # fmt: skip
    api: BaseUrl | None = Field(None, description="API of a GitHub Enterprise server. Default: api.github.com.")
    strip: str = Field("", max_length=50, description="Prefix that is no part of the version, such as v.")

    @model_validator(mode="after")
    def _fits(self) -> HookSection:
        if self.header and self.kind != "token":
            raise ValueError("header: only kind token has one")
        if self.event and self.kind not in ("github", "gitlab"):
            raise ValueError(f"event: messages of kind {self.kind} name none; use when")
        if self.answer and (self.kind, self.event) != ("github", "deployment"):
            raise ValueError("answer: only deployments of GitHub hear of their rollouts; write event: deployment")
        return self
