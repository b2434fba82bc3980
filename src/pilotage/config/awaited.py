"""Sections of `way:` about the word of other systems: check runs of GitHub, pipelines of GitLab, and any JSON."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from pilotage.config.fields import Duration, HeaderName, SecretRef, Section, Url
from pilotage.model.address import is_loopback
from pilotage.model.json_path import BadPath, JsonPath


def _path(text: str) -> str:
    try:
        JsonPath(text)
    except BadPath as error:
        raise ValueError(str(error)) from None
    return text


def _safe(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("use https: what it answers decides about the release, and it may get a token")
    return address


_SafeUrl = Annotated[Url, AfterValidator(_safe)]
_Name = Annotated[str, Field(min_length=1, max_length=300)]
_JsonPath = Annotated[str, AfterValidator(_path)]
_Value = str | int | float | bool


class GitHubWordSection(Section):
    """Check runs and commit statuses of the released commit at GitHub."""

    kind: Literal["github"]
    repository: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$", description="Its owner and name."
    )
    checks: list[_Name] = Field(
        default_factory=list,
        description="Names of the check runs and statuses that must succeed. Default: all that the commit has, at "
        "least one.",
    )
    required_of: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None,
        description="Branch, such as main: the checks that GitHub requires for it must succeed, too. Needs a token "
        "that may read the repository.",
    )
    app: str | None = Field(
        None, pattern=r"^[a-z0-9][a-z0-9-]{0,99}$",
        description="Slug of the app whose check runs count, such as github-actions. Without it, anybody who may write "
        "checks can answer for a name.",
    )  # fmt: skip
    neutral: bool = Field(True, description="Whether the conclusion neutral passes, as it does for a branch rule.")
    skipped: bool = Field(False, description="Whether the conclusion skipped passes: a skipped check tested nothing.")
    token: SecretRef | None = Field(None, description="Reference to a token that may read checks and statuses.")
    url: _SafeUrl | None = Field(None, description="API of a GitHub Enterprise server. Default: api.github.com.")


class GitLabWordSection(Section):
    """The latest pipeline of the released commit at GitLab."""

    kind: Literal["gitlab"]
    project: str = Field(
        pattern=r"^[^\s/?#]+(/[^\s/?#]+)+$|^\d+$", description="Its path, such as group/shop, or its id."
    )
    jobs: list[_Name] = Field(
        default_factory=list, description="Names of the jobs that must succeed. Default: the pipeline as a whole."
    )
    source: str | None = Field(
        None, pattern=r"^[a-z_]{1,60}$",
        description="Only pipelines with this source count, such as push. Default: any source."
    )  # fmt: skip
    token: SecretRef | None = Field(None, description="Reference to a token with the scope read_api.")
    url: _SafeUrl | None = Field(None, description="Address of a server of your own. Default: https://gitlab.com.")


class HttpWordSection(Section):
    """Any system that says in JSON how a commit or a version is."""

    kind: Literal["http"]
    url: _SafeUrl = Field(description="Address to ask with GET. Fills in {commit} and {version}.")
    path: _JsonPath = Field(description="Where the answer is in the JSON, such as $.result.state.")
    passes: list[_Value] = Field(min_length=1, description="Values that pass; every value found must be one of them.")
    fails: list[_Value] = Field(default_factory=list, description="Values that fail. Any other one means: not yet.")
    absent: Literal["pending", "failed"] = Field("pending", description="What 404 and a missing value mean.")
    shows: _JsonPath | None = Field(None, description="Where a sentence for people is in the JSON.")
    headers: dict[HeaderName, SecretRef] = Field(
        default_factory=dict, description="References to secret headers, such as Authorization."
    )
    timeout: Duration = Field(10, gt=0, le=60, description="Time limit of one request.")

    @model_validator(mode="after")
    def _apart(self) -> HttpWordSection:
        if both := [value for value in self.passes if value in self.fails]:
            raise ValueError(f"{both[0]!r} is in passes and in fails")
        if "{commit}" not in self.url and "{version}" not in self.url:
            raise ValueError("url: add {commit} or {version}, so that the answer is about this release")
        return self


WordSection = Annotated[GitHubWordSection | GitLabWordSection | HttpWordSection, Field(discriminator="kind")]
