"""What GitLab says of a commit: its latest pipeline, and jobs of it by name.

What counts: docs.gitlab.com/api/pipelines, api/jobs and ci/jobs/job_control. A pipeline whose failed jobs are all
allowed to fail has succeeded, and so passes as a whole. A job that the configuration names must succeed itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.reviews import GITLAB
from pilotage.adapters.stages.asking import System
from pilotage.adapters.stages.ports import Word, WordStatus
from pilotage.config.awaited import GitLabWordSection
from pilotage.model.json import JsonObject, WrongJson, find, list_at, object_at, optional, text_at, whole_at
from pilotage.model.way import Artifact, Evidence

_PAGE, _MOST_PAGES = 100, 50
_FINAL = {"success": WordStatus.PASSED, "failed": WordStatus.FAILED, "canceled": WordStatus.FAILED}
_COPIES = re.compile(r"(?: \d+/\d+|: \[.*\])", re.DOTALL)
"""What GitLab puts behind the name of each job of `parallel` and `parallel: matrix`."""


class GitLabWord:
    """The Awaited port."""

    def __init__(self, section: GitLabWordSection, system: System) -> None:
        self._section, self._system = section, system
        base = (section.url or GITLAB).rstrip("/")
        self._place = f"{base}/api/v4/projects/{quote(section.project, safe='')}"

    def ask(self, commit: str, version: str, artifacts: Sequence[Artifact] = ()) -> Word:  # noqa: ARG002
        try:
            return self._word(commit)
        except WrongJson as error:
            raise AdapterError(f"{self._place} did not answer as GitLab does: {error}") from None

    def _word(self, commit: str) -> Word:
        only = {"source": self._section.source} if self._section.source else {}
        query = urlencode({"sha": commit, **only, "order_by": "id", "sort": "desc", "per_page": "20"})
        found = [object_at(one) for one in list_at(self._system.ask(f"{self._place}/pipelines?{query}"))]
        pipelines = [one for one in found if text_at(one, "sha") == commit]
        if not pipelines:
            return Word(status=WordStatus.PENDING, detail=f"{commit[:12]} has no pipeline: push it")
        latest = max(pipelines, key=lambda one: whole_at(one, "id"))
        return self._of_jobs(latest) if self._section.jobs else _of_pipeline(latest)

    def _of_jobs(self, pipeline: JsonObject) -> Word:
        number = whole_at(pipeline, "id")
        over = text_at(pipeline, "status") in (*_FINAL, "skipped")
        jobs = self._all(f"{self._place}/pipelines/{number}/jobs?include_retried=false")
        if any(not _named(jobs, name) for name in self._section.jobs):
            jobs += self._all(f"{self._place}/pipelines/{number}/bridges?include_retried=false")
        waits: list[str] = []
        failed: list[str] = []
        evidence: list[Evidence] = []
        for name in self._section.jobs:
            mine = _named(jobs, name)
            if not mine:
                (failed if over else waits).append(f"pipeline {number} has no job {name}")
            for job in mine:
                status, why = _of_job(job, over=over)
                if status is not WordStatus.PASSED:
                    (failed if status is WordStatus.FAILED else waits).append(why)
                if url := optional(text_at, job, "web_url"):
                    evidence.append(Evidence(kind="check", where=url, sentence=f"{text_at(job, 'name')}: {status}"))
        if failed:
            return Word(status=WordStatus.FAILED, detail=", ".join(failed[:3]), evidence=tuple(evidence))
        if waits:
            return Word(status=WordStatus.PENDING, detail=", ".join(waits[:3]), evidence=tuple(evidence))
        passed = f"{', '.join(self._section.jobs[:3])} of pipeline {number} succeeded"
        return Word(status=WordStatus.PASSED, detail=passed, evidence=tuple(evidence))

    def _all(self, url: str) -> list[JsonObject]:
        found: list[JsonObject] = []
        for page in range(1, _MOST_PAGES + 1):
            here = list_at(self._system.ask(f"{url}&per_page={_PAGE}&page={page}"))
            found += map(object_at, here)
            if len(here) < _PAGE:
                return found
        raise AdapterError(f"{url} has more than {_MOST_PAGES} pages")


def _of_pipeline(pipeline: JsonObject) -> Word:
    number, status = whole_at(pipeline, "id"), text_at(pipeline, "status")
    url = optional(text_at, pipeline, "web_url") or ""
    evidence = (Evidence(kind="check", where=url, sentence=f"pipeline {number}: {status}"),) if url else ()
    if status in _FINAL:
        words = {"success": "succeeded", "failed": "failed", "canceled": "was canceled"}[status]
        return Word(status=_FINAL[status], detail=f"pipeline {number} {words}", evidence=evidence)
    if status == "skipped":
        return Word(status=WordStatus.FAILED, detail=f"pipeline {number} was skipped: nothing ran", evidence=evidence)
    why = "waits for a manual job" if status == "manual" else f"is {status.replace('_', ' ')}"
    return Word(status=WordStatus.PENDING, detail=f"pipeline {number} {why}", evidence=evidence)


def _of_job(job: JsonObject, *, over: bool) -> tuple[WordStatus, str]:
    name, status = text_at(job, "name"), text_at(job, "status")
    if status in _FINAL:
        allowed = ", which the pipeline allows" if find(job, "allow_failure") is True else ""
        return _FINAL[status], f"{name} {'was canceled' if status == 'canceled' else 'failed'}{allowed}"
    if status == "manual":
        return WordStatus.PENDING, f"{name} waits for somebody to start it"
    if status == "skipped" and over:
        return WordStatus.FAILED, f"{name} was skipped"
    return WordStatus.PENDING, f"{name} is {status.replace('_', ' ')}"


def _named(jobs: Sequence[JsonObject], name: str) -> list[JsonObject]:
    """The jobs of this name; several where it runs in parallel."""
    return [job for job in jobs if _is_called(text_at(job, "name"), name)]


def _is_called(called: str, name: str) -> bool:
    return called == name or (called.startswith(name) and _COPIES.fullmatch(called[len(name) :]) is not None)
