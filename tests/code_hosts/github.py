"""A stand-in of GitHub's REST API: comments, check runs and deployments of one repository.

Every body and query is checked against GitHub's own OpenAPI description (`github_api.json` says where it is from), and
against the limits that its prose names. A wrong one gets 422, as there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import jsonschema

from tests.rest_server import Answered, Asked, RestServer

API = json.loads((Path(__file__).parent / "github_api.json").read_text())
REPOSITORY, TOKEN, READ_ONLY = "acme/shop", "ghs_thetokenofajob", "ghs_thetokenofafork"
HEAD = "3f2a91c4d5e6f708192a3b4c5d6e7f8091a2b3c4"
_LIMITED = {"body": 65_536, "description": 140}
"""Characters: of a comment (the error of GitHub names them), of a deployment's description (documented)."""


class GitHub(RestServer):
    """One repository. account: that of the token; None for the token of a workflow, which is an app's."""

    def __init__(self, account: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.account = account
        self.comments: list[dict[str, Any]] = []
        self.checks: dict[int, dict[str, Any]] = {}
        self.deployments: list[dict[str, Any]] = []
        self.statuses: dict[int, list[dict[str, Any]]] = {}
        self._lost: list[Callable[[Asked], bool]] = []

    def lose_next(self, fits: Callable[[Asked], bool]) -> None:
        """Carry the next request that fits out, and answer it with 502."""
        self._lost.append(fits)

    def take(self, asked: Asked) -> Answered:
        answer = self._answered(asked)
        lost = next((fits for fits in self._lost if fits(asked)), None)
        if lost is None:
            return answer
        self._lost.remove(lost)
        return Answered(status=502, body={"message": "Server Error"})

    def _answered(self, asked: Asked) -> Answered:
        if not asked.headers.get("user-agent"):
            return Answered(status=403, body={"message": "Request forbidden by administrative rules."})
        token = asked.headers.get("authorization", "")
        if token not in (f"Bearer {TOKEN}", f"Bearer {READ_ONLY}"):
            return Answered(status=401, body={"message": "Bad credentials"})
        if asked.method != "GET" and READ_ONLY in token:
            return Answered(status=403, body={"message": "Resource not accessible by integration"})
        if asked.path == "/user":
            if self.account is None:
                return Answered(status=403, body={"message": "Resource not accessible by integration"})
            return Answered(body=self.account)
        path = asked.path.removeprefix(f"/repos/{REPOSITORY}")
        if problem := _wrong(asked, path):
            return Answered(status=422, body={"message": "Validation Failed", "errors": [problem]})
        for pattern, take in self._routes.items():
            if found := re.fullmatch(pattern, f"{asked.method} {path}"):
                return take(self, asked, *map(int, found.groups()))
        return Answered(status=404, body={"message": "Not Found"})

    def _list_comments(self, asked: Asked, request: int) -> Answered:
        return _page(asked, [one for one in self.comments if one["request"] == request])

    def write_comment(self, request: int, body: str, user: dict[str, Any]) -> dict[str, Any]:
        number = 100 + len(self.comments)
        url = f"https://github.com/{REPOSITORY}/pull/{request}#issuecomment-{number}"
        self.comments.append({"id": number, "request": request, "body": body, "user": user, "html_url": url})
        return self.comments[-1]

    def _add_comment(self, asked: Asked, request: int) -> Answered:
        user = self.account or {"id": 41898282, "login": "github-actions[bot]", "type": "Bot"}
        return Answered(status=201, body=self.write_comment(request, asked.json["body"], user))

    def _change_comment(self, asked: Asked, number: int) -> Answered:
        (comment,) = [one for one in self.comments if one["id"] == number]
        comment["body"] = asked.json["body"]
        return Answered(body=comment)

    def _add_check(self, asked: Asked) -> Answered:
        number = 1 + len(self.checks)
        url = f"https://github.com/{REPOSITORY}/runs/{number}"
        self.checks[number] = {"id": number, "html_url": url, "annotations": [], "output": {}}
        return Answered(status=201, body=self._checked(number, asked.json))

    def _change_check(self, asked: Asked, number: int) -> Answered:
        return Answered(body=self._checked(number, asked.json))

    def _checked(self, number: int, body: dict[str, Any]) -> dict[str, Any]:
        check = self.checks[number]
        check["annotations"] += body["output"].get("annotations", [])
        output = {**body["output"], "annotations_count": len(check["annotations"])}
        check.update({**body, "output": output})
        return check

    def _get_check(self, _asked: Asked, number: int) -> Answered:
        return Answered(body=self.checks[number])

    def _list_deployments(self, asked: Asked) -> Answered:
        wanted = {name: value for name, value in asked.query.items() if name in ("sha", "environment", "task")}
        return _page(asked, [one for one in self.deployments if wanted.items() <= one.items()][::-1])

    def _add_deployment(self, asked: Asked) -> Answered:
        number = 1 + len(self.deployments)
        url = f"https://api.github.com/repos/{REPOSITORY}/deployments/{number}"
        self.deployments.append({**asked.json, "id": number, "sha": asked.json["ref"], "url": url})
        self.statuses[number] = []
        return Answered(status=201, body=self.deployments[-1])

    def _list_statuses(self, asked: Asked, number: int) -> Answered:
        return _page(asked, self.statuses[number][::-1])

    def _add_status(self, asked: Asked, number: int) -> Answered:
        self.statuses[number].append({"environment_url": "", "log_url": "", **asked.json})
        return Answered(status=201, body=self.statuses[number][-1])

    _routes: ClassVar[dict[str, Callable[..., Answered]]] = {
        r"GET /issues/(\d+)/comments": _list_comments,
        r"POST /issues/(\d+)/comments": _add_comment,
        r"PATCH /issues/comments/(\d+)": _change_comment,
        r"POST /check-runs": _add_check,
        r"GET /check-runs/(\d+)": _get_check,
        r"PATCH /check-runs/(\d+)": _change_check,
        r"GET /deployments": _list_deployments,
        r"POST /deployments": _add_deployment,
        r"GET /deployments/(\d+)/statuses": _list_statuses,
        r"POST /deployments/(\d+)/statuses": _add_status,
    }


def _page(asked: Asked, every: list[dict[str, Any]]) -> Answered:
    size, number = int(asked.query.get("per_page", 30)), int(asked.query.get("page", 1))
    return Answered(body=every[(number - 1) * size : number * size])


def _wrong(asked: Asked, path: str) -> str:
    """What the API's description does not allow; empty for a good request."""
    if asked.method == "GET":
        known = next((names for form, names in API["queries"].items() if _fits(form, asked.method, path)), None)
        surplus = set(asked.query) - set(known if known is not None else asked.query)
        return f"unknown parameters {surplus}" if surplus else ""
    schema = next((one for form, one in API["bodies"].items() if _fits(form, asked.method, path)), None)
    if schema is None:
        return "no such operation"
    error = jsonschema.Draft202012Validator(schema).evolve(format_checker=None).iter_errors(asked.json)
    if found := next(error, None):
        return str(found.message)[:500]
    unknown = set(asked.json) - set(schema["properties"])
    long = [name for name, most in _LIMITED.items() if len(str(asked.json.get(name, ""))) > most]
    return f"unknown {unknown}" if unknown else f"too long: {long}" if long else ""


def _fits(form: str, method: str, path: str) -> bool:
    verb, _, pattern = form.partition(" ")
    pattern = re.sub(r"\{\w+\}", "[^/]+", pattern.replace("/repos/{owner}/{repo}", ""))
    return verb == method and re.fullmatch(pattern, path) is not None
