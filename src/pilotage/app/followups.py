"""What retrospectives resolved to do: kept, followed up, finished, exported (R26)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from pilotage.adapters.outgoing import Undelivered, post
from pilotage.adapters.secrets import resolve
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.app.snapshot import channels_of
from pilotage.engine.records import followups
from pilotage.engine.records.followups import actions_of, exported
from pilotage.model.errors import Forbidden
from pilotage.model.followup import FollowUp
from pilotage.model.json import JsonObject, text_at


def to_issue(kind: str, project: str, url: str | None, token: str, action: FollowUp, *, private: bool) -> str:
    """Open an issue at GitHub or GitLab; returns its address. Raises Undelivered."""
    body = f"{action.description}\n\nOwner: {action.owner}\nDue: {action.due}\nDone when: {action.criterion}\n"
    title = action.description.splitlines()[0][:200]
    if kind == "github":
        place = f"{(url or 'https://api.github.com').rstrip('/')}/repos/{quote(project)}/issues"
        content: JsonObject = {"title": title, "body": body, "labels": ["retrospective"]}
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    else:
        place = f"{(url or 'https://gitlab.com').rstrip('/')}/api/v4/projects/{quote(project, safe='')}/issues"
        content = {"title": title, "description": body, "labels": "retrospective", "due_date": action.due}
        headers = {"PRIVATE-TOKEN": token}
    plain = {**headers, "Content-Type": "application/json", "User-Agent": "pilotage"}
    answer = post(place, json.dumps(content).encode(), plain, private=private)
    try:
        return text_at(json.loads(answer.body), "html_url" if kind == "github" else "web_url")
    except ValueError:
        raise Undelivered(f"{kind} did not return an issue") from None


# ── for a project ──────────────────────────────────────────────────────────────────────────────────────────


def actions_here(project: Project, *, open_only: bool) -> tuple[FollowUp, ...]:
    """Of the project's service, in the order in which they are due."""
    return actions_of(project.store.engine, project.loaded.configuration.service, open_only=open_only)


def add_followup(project: Project, actor: str, action: FollowUp) -> int:
    """Keep a new action; its owner is reminded through every channel of the configuration. Returns its number."""
    project.require(actor, Permission.FOLLOW_UP)
    channels = channels_of(project.loaded)
    service, now = project.loaded.configuration.service, project.clock.now()
    return followups.add(project.store.engine, service, action, channels, actor, now)


def finish(project: Project, actor: str, number: int, outcome: str) -> None:
    """An action is done. Raises UnknownAction."""
    project.require(actor, Permission.FOLLOW_UP)
    service, now = project.loaded.configuration.service, project.clock.now()
    followups.done(project.store.engine, service, number, outcome, actor, now)


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """kind: github or gitlab · project: owner/name, or GitLab's path · url: of a host of one's own · private: that host
    may have a private address."""

    kind: str
    project: str
    token: str = field(repr=False)
    url: str | None = None
    private: bool = False


def token_of(project: Project, reference: str) -> str:
    """The token that `secret://env/NAME` or `secret://file/PATH` leads to. Raises AdapterError, and Forbidden on a
    server: whoever names both the secret and the address that it is sent to would learn any secret of the server."""
    if project.identity is not None:
        raise Forbidden(
            "secrets of the server's machine are not sent anywhere for a client: export there, or use --ics"
        )
    return resolve(reference).reveal()


def open_issues(project: Project, tracker: Tracker) -> Iterator[tuple[int, str]]:
    """An issue for each open action that has none yet: its number, and the issue's address. Raises Undelivered."""
    for one in actions_here(project, open_only=True):
        if not one.issue:
            address = to_issue(tracker.kind, tracker.project, tracker.url, tracker.token, one, private=tracker.private)
            exported(project.store.engine, one.id, address)
            yield one.id, address
