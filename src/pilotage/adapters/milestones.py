"""Asks GitHub or GitLab for milestones of a project: the next open one, and whether one is closed."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    base, headers = _place(kind, url, token)
    if github:
        address = f"{base}/repos/{quote(project)}/milestones?state=open&per_page=100"
    else:
        address = f"{base}/api/v4/projects/{quote(project, safe='')}/milestones?state=active&per_page=100"
    found = _asked(address, headers)
    try:
        every = [_milestone(one, "due_on" if github else "due_date") for one in found]
    except (ValueError, WrongJson) as error:
        raise AdapterError(f"{address} did not return milestones: {error}") from None
    return min(every, key=lambda one: one.day or date.max, default=None)


def is_closed(kind: str, project: str, url: str | None, token: str, title: str) -> bool:
    """Whether the milestone of that title is closed. Raises AdapterError, also where there is none."""
    github = kind == "github"
    base, headers = _place(kind, url, token)
    if github:
        address = f"{base}/repos/{quote(project)}/milestones?state=all&direction=desc&per_page=100"
    else:
        address = f"{base}/api/v4/projects/{quote(project, safe='')}/milestones?title={quote(title, safe='')}"
    for one in _asked(address, headers):
        try:
            if text_at(one, "title") == title:
                return text_at(one, "state") == "closed"
        except WrongJson as error:
            raise AdapterError(f"{address} did not return milestones: {error}") from None
    raise AdapterError(f"{project} has no milestone {title!r}")


def _place(kind: str, url: str | None, token: str) -> tuple[str, dict[str, str]]:
    """The address of the host's API, and the header that names who asks."""
    github = kind == "github"
    base = (url or (GITHUB if github else GITLAB)).rstrip("/")
    named = {"Authorization": f"Bearer {token}"} if github else {"PRIVATE-TOKEN": token}
    return base, named if token else {}


def _asked(address: str, headers: Mapping[str, str]) -> list[Json]:
    status, body = get_status(address, timeout=_WAITS, headers={"Accept": "application/json", **headers})
    if status != 200:
        raise AdapterError(f"{address} returned {status}")
    try:
        found: Json = json.loads(body)
        return list(list_at(found))
    except (ValueError, RecursionError, WrongJson) as error:
        raise AdapterError(f"{address} did not return milestones: {error}") from None


def _milestone(one: Json, due: str) -> Milestone:
    """Raises WrongJson, ValueError."""
    when, said = find(one, due), find(one, "description")
    lines = said.strip().splitlines() if isinstance(said, str) else []
    return Milestone(
        title=text_at(one, "title"),
        day=date.fromisoformat(when[:10]) if isinstance(when, str) else None,
        summary=lines[0][:300] if lines else "",
    )
