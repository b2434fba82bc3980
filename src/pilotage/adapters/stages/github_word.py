"""What GitHub says of a commit: its check runs and its commit statuses.

What counts: docs.github.com/rest/checks/runs, rest/commits/statuses, rest/branches, and "Troubleshooting required
status checks": success, neutral and skipped count as passed there; here skipped does only where configured. Of each
name, the latest run of each check suite and the latest status count, so that a rerun replaces what it repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.reviews import GITHUB
from pilotage.adapters.stages.asking import System
from pilotage.adapters.stages.ports import Word, WordStatus
from pilotage.config.awaited import GitHubWordSection
from pilotage.model.json import Json, JsonObject, WrongJson, find, list_at, object_at, optional, text_at, whole_at
from pilotage.model.way import Artifact, Evidence

_PAGE, _MOST_PAGES = 100, 50
_NOT_PUSHED = (404, 422)
"""404 for a commit or a repository that it does not know, 422 for `No commit found for SHA`."""
_WAITS = ("action_required",)
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class _Said:
    """One check run or status. group: of those that replace each other · number: the higher is the later."""

    name: str
    status: WordStatus
    why: str
    url: str
    group: tuple[str, str, str]
    number: int


class GitHubWord:
    """The Awaited port."""

    def __init__(self, section: GitHubWordSection, system: System) -> None:
        self._section, self._system = section, system
        base = (section.url or GITHUB).rstrip("/")
        self._place = f"{base}/repos/{quote(section.repository)}"

    def ask(self, commit: str, version: str, artifacts: Sequence[Artifact] = ()) -> Word:  # noqa: ARG002
        try:
            return self._word(commit)
        except WrongJson as error:
            raise AdapterError(f"{self._place} did not answer as GitHub does: {error}") from None

    def _word(self, commit: str) -> Word:
        runs = self._listed(f"{self._place}/commits/{commit}/check-runs?filter=latest", "check_runs")
        # A status has no app, so none counts where one is configured; a token need not read them then.
        others = self._section.app is None
        statuses = self._listed(f"{self._place}/commits/{commit}/status", "statuses") if others else None
        if runs is None and statuses is None:
            where = f"{self._section.repository} has no commit {commit[:12]}, or the token may not read it"
            return Word(status=WordStatus.PENDING, detail=f"{where}: push it")
        said = [one for one in map(self._of_run, runs or ()) if one is not None]
        said += map(_of_status, statuses or ())
        return _together(_latest(said), self._wanted())

    def _wanted(self) -> tuple[str, ...]:
        """The names that must be there; empty for all that are."""
        branch = self._section.required_of
        if branch is None:
            return tuple(self._section.checks)
        quoted = quote(branch, safe="")
        found: dict[str, None] = dict.fromkeys(self._section.checks)
        for rule in list_at(self._system.ask(f"{self._place}/rules/branches/{quoted}?per_page={_PAGE}")):
            if find(rule, "type") == "required_status_checks":
                checks = list_at(rule, "parameters", "required_status_checks")
                found |= dict.fromkeys(text_at(check, "context") for check in checks)
        protection = find(self._system.ask(f"{self._place}/branches/{quoted}"), "protection", "required_status_checks")
        if isinstance(protection, dict):
            found |= dict.fromkeys(str(name) for name in list_at(protection, "contexts"))
        if not found:
            raise AdapterError(f"{self._section.repository} requires no checks for {branch}: name them in `checks`")
        return tuple(found)

    def _listed(self, url: str, name: str) -> list[Json] | None:
        """All pages; None for a commit that GitHub does not know."""
        found: list[Json] = []
        for page in range(1, _MOST_PAGES + 1):
            more = f"{'&' if '?' in url else '?'}per_page={_PAGE}&page={page}"
            answer = self._system.ask(f"{url}{more}", absent=_NOT_PUSHED)
            if answer is None:
                return None
            here = list_at(answer, name)
            found += here
            if not here or len(found) >= whole_at(answer, "total_count"):
                return found
        raise AdapterError(f"{url} has more than {_MOST_PAGES} pages")

    def _of_run(self, run: Json) -> _Said | None:
        """None for a run of another app than the configured one."""
        app = optional(text_at, run, "app", "slug") or ""
        if self._section.app is not None and app != self._section.app:
            return None
        name, suite = text_at(run, "name"), find(run, "check_suite", "id")
        status, why = self._of_conclusion(name, object_at(run))
        return _Said(
            name=name, status=status, why=why, url=optional(text_at, run, "html_url") or "",
            group=(name, app, str(suite)), number=whole_at(run, "id"),
        )  # fmt: skip

    def _of_conclusion(self, name: str, run: JsonObject) -> tuple[WordStatus, str]:
        status = text_at(run, "status")
        if status != "completed":
            return WordStatus.PENDING, f"{name} is {status.replace('_', ' ')}"
        conclusion = optional(text_at, run, "conclusion") or "unknown"
        passes = [
            "success",
            *(["neutral"] if self._section.neutral else []),
            *(["skipped"] if self._section.skipped else []),
        ]
        if conclusion in passes:
            return WordStatus.PASSED, ""
        if conclusion in _WAITS:
            return WordStatus.PENDING, f"{name} needs action at GitHub"
        return WordStatus.FAILED, f"{name} ended with {conclusion.replace('_', ' ')}"


def _of_status(status: Json) -> _Said:
    """`error` and `failure` fail; `success` passes."""
    name, state = text_at(status, "context"), text_at(status, "state")
    known = {"success": WordStatus.PASSED, "failure": WordStatus.FAILED, "error": WordStatus.FAILED}
    why = {"failure": f"{name} failed", "error": f"{name} ended with an error"}.get(state, f"{name} is {state}")
    return _Said(
        name=name, status=known.get(state, WordStatus.PENDING), why=why,
        url=optional(text_at, status, "target_url") or "", group=(name, "status", ""), number=whole_at(status, "id"),
    )  # fmt: skip


def _latest(said: Sequence[_Said]) -> list[_Said]:
    found: dict[tuple[str, str, str], _Said] = {}
    for one in said:
        if one.group not in found or one.number > found[one.group].number:
            found[one.group] = one
    return list(found.values())


def _together(said: Sequence[_Said], wanted: Sequence[str]) -> Word:
    """One that failed is enough to fail; all that are wanted must have passed."""
    counted = [one for one in said if not wanted or one.name in wanted]
    evidence = tuple(_evidence(one) for one in counted if one.url)
    if failed := [one.why for one in counted if one.status is WordStatus.FAILED]:
        return Word(status=WordStatus.FAILED, detail=_listing(failed), evidence=evidence)
    missing = [f"{name} has not been reported" for name in wanted if name not in {one.name for one in counted}]
    if open_ := [*(one.why for one in counted if one.status is WordStatus.PENDING), *missing]:
        return Word(status=WordStatus.PENDING, detail=_listing(open_), evidence=evidence)
    if not counted:
        return Word(status=WordStatus.PENDING, detail="the commit has no checks yet")
    return Word(
        status=WordStatus.PASSED,
        detail=f"{len(counted)} checks passed" if len(counted) != 1 else f"{counted[0].name} passed",
        evidence=evidence,
    )


def _evidence(one: _Said) -> Evidence:
    return Evidence(kind="check", where=one.url, sentence=f"{one.name}: {one.status}")


def _listing(sentences: Sequence[str]) -> str:
    more = f" and {len(sentences) - _SHOWN} more" if len(sentences) > _SHOWN else ""
    return f"{', '.join(sentences[:_SHOWN])}{more}"
