"""Reads the pipeline's job from the environment variables that GitHub Actions and GitLab CI set, and writes where they
say: the job summary and the outputs of a step."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pilotage.adapters.code_host import CodeRepository
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.reviews import GITHUB, GITLAB
from pilotage.model.json import Json, find
from pilotage.model.pipeline import Pipeline, PipelineHost, pipeline_host
from pilotage.model.text import clean, line

_MOST_EVENT = 2**22
"""Bytes of an event; GitHub's have at most 25 MB, those of a pull request some 30 kB."""
_MOST_SUMMARY = 2**20
"""Bytes of a step's summary (docs.github.com, workflow commands)."""


def pipeline_here(variables: Mapping[str, str] = os.environ) -> Pipeline:
    """The job that this process runs in. Raises AdapterError outside a pipeline, or in one that says too little."""
    match pipeline_host(variables):
        case PipelineHost.GITHUB:
            return _of_github(variables)
        case PipelineHost.GITLAB:
            return _of_gitlab(variables)
    raise AdapterError("this is no job of GitHub Actions or GitLab CI: neither GITHUB_ACTIONS nor GITLAB_CI is true")


def repository_of(pipeline: Pipeline, variables: Mapping[str, str] = os.environ) -> CodeRepository:
    """The repository, with the token of the job. Raises AdapterError."""
    token = variables.get(pipeline.host.token_variable, "")
    return CodeRepository(
        kind=pipeline.host.value, repository=pipeline.repository, url=pipeline.url, token=token.strip()
    )


def _of_github(variables: Mapping[str, str]) -> Pipeline:
    event = _event(variables.get("GITHUB_EVENT_PATH", ""))
    request = find(event, "pull_request")
    number, head, base = find(request, "number"), find(request, "head", "sha"), find(request, "base", "sha")
    ours, theirs = find(request, "base", "repo", "full_name"), find(request, "head", "repo", "full_name")
    repository, run = _needed(variables, "GITHUB_REPOSITORY"), variables.get("GITHUB_RUN_ID", "")
    server = variables.get("GITHUB_SERVER_URL", "https://github.com")
    return Pipeline(
        host=PipelineHost.GITHUB,
        repository=repository,
        url=variables.get("GITHUB_API_URL") or GITHUB,
        commit=head if isinstance(head, str) else _needed(variables, "GITHUB_SHA"),
        request=number if isinstance(number, int) else None,
        base=base if isinstance(base, str) else "",
        # A fork that was deleted has no repository any more.
        fork=isinstance(request, Mapping) and theirs != ours,
        run=f"{run}-{variables.get('GITHUB_RUN_ATTEMPT', '1')}" if run else "",
        run_url=f"{server}/{repository}/actions/runs/{run}" if run else "",
    )


def _of_gitlab(variables: Mapping[str, str]) -> Pipeline:
    number = variables.get("CI_MERGE_REQUEST_IID", "")
    project = _needed(variables, "CI_PROJECT_PATH")
    return Pipeline(
        host=PipelineHost.GITLAB,
        repository=variables.get("CI_MERGE_REQUEST_PROJECT_PATH") or project,
        url=variables.get("CI_SERVER_URL") or GITLAB,
        # In a pipeline of merged results CI_COMMIT_SHA is the merge.
        commit=variables.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or _needed(variables, "CI_COMMIT_SHA"),
        request=int(number) if number.isascii() and number.isdigit() else None,
        base=variables.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", ""),
        fork=variables.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", project)
        != variables.get("CI_MERGE_REQUEST_PROJECT_PATH", project),
        run=variables.get("CI_JOB_ID", ""),
        run_url=variables.get("CI_JOB_URL", ""),
    )


def _needed(variables: Mapping[str, str], name: str) -> str:
    """Raises AdapterError if it is not set."""
    if found := variables.get(name):
        return found
    raise AdapterError(f"the environment variable {name} is not set: run this in a job of the pipeline")


def _event(path: str) -> Json:
    """The event that started the workflow; None if there is none to read. Raises AdapterError."""
    if not path or not Path(path).is_file():
        return None
    try:
        with Path(path).open("rb") as file:
            found: Json = json.loads(file.read(_MOST_EVENT))
    except (OSError, ValueError, RecursionError) as error:
        raise AdapterError(f"GITHUB_EVENT_PATH: {path} cannot be read as JSON: {type(error).__name__}") from None
    return found


# ── what the runner reads afterwards ───────────────────────────────────────────────────────────────────────


def add_to_summary(text: str, variables: Mapping[str, str] = os.environ) -> bool:
    """Append Markdown to the job summary; False if the runner has none. Raises AdapterError."""
    path = variables.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        return False
    kept = clean(text).rstrip().encode()[: _MOST_SUMMARY // 2].decode(errors="ignore")
    _append("GITHUB_STEP_SUMMARY", path, f"{kept}\n\n")
    return True


def set_outputs(values: Mapping[str, str], variables: Mapping[str, str] = os.environ) -> None:
    """Set outputs of the step, where the runner reads any. Each value becomes one line. Raises AdapterError."""
    if path := variables.get("GITHUB_OUTPUT", ""):
        _append("GITHUB_OUTPUT", path, "".join(f"{name}={line(value, 500)}\n" for name, value in values.items()))


def _append(variable: str, path: str, text: str) -> None:
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise AdapterError(f"{variable}: {path} cannot be written: {error.strerror}") from None
