"""A stand-in of GitLab's REST API: notes of merge requests of one project, by its documented parameters."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema

from tests.rest_server import Answered, Asked, RestServer

API = json.loads((Path(__file__).parent / "gitlab_api.json").read_text())
PROJECT, TOKEN = "acme/shop", "glpat-thetokenofaproject"
HEAD = "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d00112233"


class GitLab(RestServer):
    """One project, and the account of its access token."""

    def __init__(self) -> None:
        super().__init__()
        self.account = {"id": 7, "username": "project_5_bot"}
        self.notes: list[dict[str, Any]] = []

    def take(self, asked: Asked) -> Answered:
        if asked.headers.get("private-token") != TOKEN:
            return Answered(status=401, body={"message": "401 Unauthorized"})
        if asked.path == "/api/v4/user":
            return Answered(body=self.account)
        found = re.fullmatch(r"/api/v4/projects/acme/shop/merge_requests/(\d+)/notes(?:/(\d+))?", asked.path)
        if found is None:
            return Answered(status=404, body={"message": "404 Not Found"})
        request, note = int(found[1]), found[2]
        form = "/projects/{id}/merge_requests/{iid}/notes" + "/{note_id}" * bool(note)
        if asked.method == "GET":
            assert set(asked.query) <= set(API["queries"][f"GET {form}"]), asked.query
            return self._listed(asked, request)
        jsonschema.validate(asked.json, API["bodies"][f"{asked.method} {form}"])
        if note:
            (known,) = [one for one in self.notes if one["id"] == int(note)]
            known["body"] = asked.json["body"]
            return Answered(body=known)
        made = {"id": 300 + len(self.notes), "noteable_iid": request, "author": self.account, "system": False}
        self.notes.append({**made, "body": asked.json["body"]})
        return Answered(status=201, body=self.notes[-1])

    def _listed(self, asked: Asked, request: int) -> Answered:
        mine = [one for one in self.notes if one["noteable_iid"] == request]
        size, number = int(asked.query.get("per_page", 20)), int(asked.query.get("page", 1))
        ordered = mine if asked.query.get("sort") == "asc" else mine[::-1]
        return Answered(body=ordered[(number - 1) * size : number * size])
