"""Asks GitHub or GitLab for the next open milestone of a project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from pilotage.adapters.http import get_status
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.reviews import GITHUB, GITLAB
from pilotage.model.json import Json, WrongJson, find, list_at, text_at

_WAITS = 10.0
"""Seconds for an answer."""


@dataclass(frozen=True, kw_only=True)
class Milestone:
    """day: it is due, None where it says none · summary: the first line of its description."""

    title: str
    day: date | None
    summary: str


def next_milestone(kind: str, project: str, url: str | None, token: str) -> Milestone | None:
    """The open one that is due first; else the first of those without a day. Raises AdapterError."""
    github = kind == "github"
    base = (url or (GITHUB if github else GITLAB)).rstrip("/")
    if github:
        address = f"{base}/repos/{quote(project)}/milestones?state=open&per_page=100"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
    else:
        address = f"{base}/api/v4/projects/{quote(project, safe='')}/milestones?state=active&per_page=100"
        headers = {"PRIVATE-TOKEN": token} if token else {}
    status, body = get_status(address, timeout=_WAITS, headers={"Accept": "application/json", **headers})
    if status != 200:
        raise AdapterError(f"{address} returned {status}")
    try:
        found: Json = json.loads(body)
        every = [_milestone(one, "due_on" if github else "due_date") for one in list_at(found)]
    except (ValueError, RecursionError, WrongJson) as error:
        raise AdapterError(f"{address} did not return milestones: {error}") from None
    return min(every, key=lambda one: one.day or date.max, default=None)


def _milestone(one: Json, due: str) -> Milestone:
    """Raises WrongJson, ValueError."""
    when, said = find(one, due), find(one, "description")
    lines = said.strip().splitlines() if isinstance(said, str) else []
    return Milestone(
        title=text_at(one, "title"),
        day=date.fromisoformat(when[:10]) if isinstance(when, str) else None,
        summary=lines[0][:300] if lines else "",
    )
