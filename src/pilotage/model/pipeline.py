"""The job of a pipeline that a command runs in: what it is about, and where its code host is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class PipelineHost(StrEnum):
    """Code hosts whose pipelines Pilotage knows."""

    GITHUB = "github"
    GITLAB = "gitlab"

    @property
    def token_variable(self) -> str:
        """The environment variable with the token."""
        return f"{self.value.upper()}_TOKEN"


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """repository: owner/name, or GitLab's project path · url: of the API at GitHub, of the server at GitLab · commit:
    the full id of what the job is about: of a pull request its own last commit, not the merge · request: the number of
    the pull or merge request, None outside one · base: the commit or branch that it is to be merged into, empty outside
    one · fork: whether the request comes from another repository · run: what tells this run of the job from any other ·
    run_url: where people see it, empty if unknown."""

    host: PipelineHost
    repository: str
    url: str
    commit: str
    request: int | None = None
    base: str = ""
    fork: bool = False
    run: str = ""
    run_url: str = ""

    @property
    def version(self) -> str:
        """The name of a version that is this commit."""
        return self.commit[:12]


def pipeline_host(variables: Mapping[str, str]) -> PipelineHost | None:
    """Whose job a process runs in, by its environment variables; None if it runs in none."""
    if variables.get("GITHUB_ACTIONS") == "true":
        return PipelineHost.GITHUB
    return PipelineHost.GITLAB if variables.get("GITLAB_CI") == "true" else None
