"""Doors for people and programs without an account: Slack's buttons, forms of users, the public status page.

Each is open where the configuration has it, and proves its sender in its own way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pilotage.adapters.intake_server import MOST, Answered
from pilotage.adapters.intake_server import Asked as PublicRequest
from pilotage.adapters.slack_callback import Immediate
from pilotage.app.project import Project
from pilotage.app.publication import noted, publication_of
from pilotage.model.client_address import network_of
from pilotage.model.errors import Invalid, PilotageError

__all__ = ["Closed", "Doors", "PublicAnswer", "PublicRequest", "status_file"]

_FEW = 100
"""Parts of the path of a file."""


class Closed(PilotageError):
    """The configuration does not open this door."""

    exit_status, http_status = 2, 404


@dataclass(frozen=True, kw_only=True)
class PublicAnswer:
    """location: where to go on after a form."""

    status: int
    content: bytes
    media: str
    location: str = ""


class Doors:
    """Of one server. What counts requests lives as long as the configuration stays the same."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._whole: object = None
        self._made = dict[str, Callable[[PublicRequest], PublicAnswer]]()

    def intake(self, project: Project, request: PublicRequest) -> PublicAnswer:
        """Forms of users, and signed reports. Raises Closed, AdapterError."""
        return self._door("intake", project, _intake)(request)

    def slack(self, project: Project, request: PublicRequest) -> PublicAnswer:
        """What people press and type in Slack. Raises Closed."""
        return self._door("slack", project, _slack)(request)

    def _door(
        self, name: str, project: Project, make: Callable[[Project], Callable[[PublicRequest], PublicAnswer]]
    ) -> Callable[[PublicRequest], PublicAnswer]:
        with self._turn:
            if self._whole is not project.whole:
                self._whole, self._made = project.whole, {}
            if name not in self._made:
                self._made[name] = make(project)
            return self._made[name]


def status_file(project: Project, path: str) -> bytes | None:
    """A file of the status page that the worker has written; None for everything else. Raises Closed."""
    try:
        published = publication_of(project.whole)
    except Invalid:  # of a file that somebody is just editing: the worker writes where it was told before
        published = noted(project.directory)
    if published is None:
        raise Closed("no status page is published here")
    folder = Path(published.folder)
    found = folder / (path or "index.html")
    if path.count("/") > _FEW or "\0" in path or not found.resolve().is_relative_to(folder.resolve()):
        return None
    try:
        return found.read_bytes()
    except OSError:
        return None


def _intake(project: Project) -> Callable[[PublicRequest], PublicAnswer]:
    from pilotage.app.intake import door

    if project.whole.configuration.intake is None:
        raise Closed(f"{project.config} has no intake")
    answer = door(project)

    def answered(request: PublicRequest) -> PublicAnswer:
        if len(request.body) > MOST:
            return PublicAnswer(status=413, content=b"too long", media="text/plain")
        asked = replace(request, address=network_of(request.address))
        found: Answered = answer(asked)
        return PublicAnswer(
            status=found.status, content=found.content.encode(), media=found.kind, location=found.location
        )

    return answered


def _slack(project: Project) -> Callable[[PublicRequest], PublicAnswer]:
    from pilotage.app.callbacks import callbacks_of

    taking = callbacks_of(project)
    if taking is None:
        raise Closed(f"{project.config}: no Slack channel has a signing_secret")

    def answered(request: PublicRequest) -> PublicAnswer:
        found = taking.take(request.headers, request.body)
        if isinstance(found, Immediate):
            return PublicAnswer(status=200, content=found.content, media="application/json")
        status, sentence = found
        return PublicAnswer(status=status, content=sentence.encode(), media="text/plain")

    return answered
