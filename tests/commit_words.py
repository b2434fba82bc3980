"""GitHub and GitLab as far as a release asks them about a commit, on a real socket.

Paths, parameters, statuses and limits are those of docs.github.com/rest (checks/runs, commits/statuses,
branches/branches, repos/rules, using-the-rest-api/rate-limits) and docs.gitlab.com/api (pipelines, jobs). A request
with anything else is answered with 400.
"""

from __future__ import annotations

import re
from typing import Any

from tests.rest_server import Answered, Asked, RestServer

TOKEN = "ghp_" + "t" * 36
COMMIT = "6cf671f47f3752f97b9f5bff511e37b938fe10d2"
_GITHUB = re.compile(
    r"/repos/acme/shop/(commits/(?P<sha>[0-9a-f]{40})/(?P<what>check-runs|status)|rules/branches/main|branches/main)"
)
_PARAMETERS = {
    "check-runs": {"check_name", "status", "filter", "per_page", "page", "app_id"},
    "status": {"per_page", "page"},
    None: {"per_page", "page"},
}  # fmt: skip
_STATUSES = {"queued", "in_progress", "completed", "waiting", "requested", "pending"}
_CONCLUSIONS = {
    None, "success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required", "stale",
    "startup_failure",
}  # fmt: skip


class GitHub(RestServer):
    """pushed: commits that it knows · runs, contexts: of `COMMIT` · rules, protected: checks that main requires ·
    moved: where it says that the repository is now."""

    def __init__(self) -> None:
        super().__init__()
        self.pushed = {COMMIT}
        self.runs: list[dict[str, Any]] = []
        self.contexts: list[dict[str, Any]] = []
        self.rules: list[str] = []
        self.protected: list[str] = []
        self.moved = ""

    def run(
        self, name: str, conclusion: str | None = "success", *, status: str = "completed", app: str = "github-actions",
        suite: int = 1,
    ) -> None:  # fmt: skip
        assert status in _STATUSES
        assert conclusion in _CONCLUSIONS
        number = len(self.runs) + 1
        self.runs.append(
            {"id": number, "name": name, "status": status, "conclusion": conclusion if status == "completed" else None,
             "app": {"slug": app}, "check_suite": {"id": suite},
             "html_url": f"https://github.com/acme/shop/runs/{number}", "output": {"title": "x" * 100}}
        )  # fmt: skip

    def context(self, name: str, state: str) -> None:
        assert state in ("error", "failure", "pending", "success")
        number = len(self.contexts) + 1
        self.contexts.append({"id": number, "context": name, "state": state, "target_url": None})

    def take(self, asked: Asked) -> Answered:
        if self.moved:
            return Answered(status=301, headers={"Location": self.moved})
        found = _GITHUB.fullmatch(asked.path)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answered(status=401, body={"message": "Bad credentials"})
        if not asked.headers.get("user-agent") or asked.headers.get("x-github-api-version") != "2022-11-28":
            return Answered(status=403, body={"message": "Request forbidden by administrative rules"})
        if found is None:
            return Answered(status=404, body={"message": "Not Found"})
        if not set(asked.query) <= _PARAMETERS[found["what"]] or int(asked.query.get("per_page", 30)) > 100:
            return Answered(status=400, body={"message": "no such parameter"})
        if found["sha"] and found["sha"] not in self.pushed:
            return Answered(status=422, body={"message": f"No commit found for SHA: {found['sha']}"})
        return Answered(body=self._body(asked, found["what"]))

    def _body(self, asked: Asked, what: str | None) -> Any:
        if what == "check-runs":
            return {"total_count": len(self.runs), "check_runs": _page(self.runs, asked)}
        if what == "status":
            return {"state": "pending", "total_count": len(self.contexts), "statuses": _page(self.contexts, asked)}
        if "/rules/" in asked.path:
            checks = [{"context": name, "integration_id": 15368} for name in self.rules]
            rule = {"type": "required_status_checks", "parameters": {"required_status_checks": checks}}
            return [{"type": "deletion"}, *([rule] if self.rules else [])]
        required = {"enforcement_level": "everyone", "contexts": self.protected}
        return {"name": "main", "protected": True, "protection": {"enabled": True, "required_status_checks": required}}


class GitLab(RestServer):
    """pipelines: newest last · jobs, bridges: by the id of their pipeline."""

    def __init__(self) -> None:
        super().__init__()
        self.pipelines: list[dict[str, Any]] = []
        self.jobs: dict[int, list[dict[str, Any]]] = {}
        self.bridges: dict[int, list[dict[str, Any]]] = {}

    def pipeline(self, status: str, *, source: str = "push", sha: str = COMMIT) -> int:
        number = len(self.pipelines) + 1
        url = f"https://gitlab.com/acme/shop/-/pipelines/{number}"
        self.pipelines.append({"id": number, "sha": sha, "status": status, "source": source, "web_url": url})
        self.jobs[number], self.bridges[number] = [], []
        return number

    def job(self, pipeline: int, name: str, status: str, *, allow_failure: bool = False, bridge: bool = False) -> None:
        here = (self.bridges if bridge else self.jobs)[pipeline]
        here.append({"id": len(here), "name": name, "status": status, "allow_failure": allow_failure})

    def take(self, asked: Asked) -> Answered:
        if asked.headers.get("private-token") != TOKEN:
            return Answered(status=401, body={"message": "401 Unauthorized"})
        place = "/api/v4/projects/acme/shop/pipelines"
        if asked.path == place:
            assert set(asked.query) <= {"sha", "source", "order_by", "sort", "per_page", "page"}
            found = [one for one in reversed(self.pipelines) if one["sha"] == asked.query["sha"]]
            wanted = asked.query.get("source")
            return Answered(body=_page([one for one in found if wanted in (None, one["source"])], asked))
        listed = re.fullmatch(rf"{place}/(\d+)/(jobs|bridges)", asked.path)
        if listed is None:
            return Answered(status=404, body={"message": "404 Project Not Found"})
        assert set(asked.query) <= {"include_retried", "scope", "per_page", "page"}
        return Answered(body=_page((self.jobs if listed[2] == "jobs" else self.bridges)[int(listed[1])], asked))


def _page(found: list[Any], asked: Asked) -> list[Any]:
    size, page = int(asked.query.get("per_page", 30)), int(asked.query.get("page", 1))
    return found[(page - 1) * size : page * size]
